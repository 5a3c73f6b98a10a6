/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-cross.c: other planes as lines over a slice. */
#include "ui/slice-cross.h"

#include <math.h>

#define GAP 14    /* points left free around the cursor */
#define REACH 10  /* points around a handle that take hold of it */
#define HANDLE 4  /* its half size */

/* The Okabe-Ito yellow, green and sky: told apart by every eye. */
static const GdkRGBA plane_colours[SAG_N_VIEWS] = {
  { 0.94, 0.89, 0.26, 0.75 },
  { 0.00, 0.75, 0.55, 0.85 },
  { 0.34, 0.71, 0.91, 0.80 },
};

static double
dot (const double a[3],
     const double b[3])
{
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* A point of the patient, in points of the view. */
static void
place (const SagSliceScene *scene,
       const double         lps[3],
       double               at[2])
{
  sag_plane_to_pixel (&scene->spec.plane, scene->width * scene->scale,
                      scene->height * scene->scale, lps, &at[0], &at[1]);
  for (int a = 0; a < 2; a++)
    at[a] = (at[a] + 0.5) / scene->scale;
}

/* The direction, on the screen, of the line where a plane with `normal` cuts the picture; FALSE
 * where they are nearly parallel. */
static gboolean
get_direction (const SagSliceScene *scene,
               const double         normal[3],
               double               direction[2])
{
  double across = dot (normal, scene->spec.plane.right), along = dot (normal, scene->spec.plane.down);
  double length = hypot (across, along);

  if (length < 0.1)
    return FALSE;
  direction[0] = -along / length;
  direction[1] = across / length;
  return TRUE;
}

static void
draw_line (GtkSnapshot   *snapshot,
           const GdkRGBA *colour,
           const double   at[2],
           const double   direction[2],
           double         from,
           double         to)
{
  gboolean straight = fabs (direction[0]) < 1e-4 || fabs (direction[1]) < 1e-4;

  gtk_snapshot_save (snapshot);
  /* A line along the pixels lies on them. */
  gtk_snapshot_translate (snapshot, &GRAPHENE_POINT_INIT (straight ? floor (at[0]) + 0.5 : at[0],
                                                          straight ? floor (at[1]) + 0.5 : at[1]));
  gtk_snapshot_rotate (snapshot, atan2 (direction[1], direction[0]) * 180 / G_PI);
  gtk_snapshot_append_color (snapshot, colour, &GRAPHENE_RECT_INIT (from, -0.5, to - from, 1));
  gtk_snapshot_restore (snapshot);
}

static double
get_reach (const SagSliceScene *scene)
{
  return hypot (scene->width, scene->height);
}

/* How far from the cursor the handles of its lines lie. */
static double
get_handle (const SagSliceScene *scene)
{
  return 0.3 * MIN (scene->width, scene->height);
}

static gboolean
has_handles (const SagSliceScene *scene)
{
  return get_handle (scene) > 3 * GAP;
}

/* Where the line of `view` runs in the picture. */
static gboolean
get_line (const SagSliceScene *scene,
          SagView              view,
          double               at[2],
          double               direction[2])
{
  double cursor[3], normal[3];
  SagPlane plane;

  if (view == scene->view)
    return FALSE;
  sag_workspace_get_plane (scene->workspace, view, &plane);
  sag_plane_get_normal (&plane, normal);
  sag_workspace_get_cursor (scene->workspace, cursor);
  place (scene, cursor, at);
  return get_direction (scene, normal, direction);
}

static void
draw_handle (GtkSnapshot   *snapshot,
             const GdkRGBA *colour,
             double         x,
             double         y)
{
  const GdkRGBA dark = { 0, 0, 0, 0.6 };
  GskRoundedRect circle;

  for (int inner = 0; inner < 2; inner++)
    {
      double r = HANDLE + 1 - inner;

      gsk_rounded_rect_init_from_rect (&circle, &GRAPHENE_RECT_INIT (x - r, y - r, 2 * r, 2 * r), r);
      gtk_snapshot_push_rounded_clip (snapshot, &circle);
      gtk_snapshot_append_color (snapshot, inner ? colour : &dark, &circle.bounds);
      gtk_snapshot_pop (snapshot);
    }
}

void
sag_slice_cross_snapshot (const SagSliceScene *scene,
                          GtkSnapshot         *snapshot)
{
  double reach = get_reach (scene), handle = get_handle (scene);
  double slab = scene->spec.slab_mode == SAG_SLAB_NONE ? 0 : scene->spec.slab_mm;
  double half = slab / 2 / (scene->spec.plane.mm_per_pixel * scene->scale);

  for (int v = 0; v < SAG_N_VIEWS; v++)
    {
      double at[2], direction[2];
      GdkRGBA faint = plane_colours[v];

      if (!get_line (scene, v, at, direction))
        continue;
      draw_line (snapshot, &plane_colours[v], at, direction, -reach, -GAP);
      draw_line (snapshot, &plane_colours[v], at, direction, GAP, reach);
      faint.alpha *= 0.5f;
      for (int side = -1; side <= 1 && half >= 2; side += 2)
        {
          double face[2] = { at[0] - side * half * direction[1], at[1] + side * half * direction[0] };

          draw_line (snapshot, &faint, face, direction, -reach, reach);
        }
      for (int side = -1; side <= 1 && has_handles (scene); side += 2)
        draw_handle (snapshot, &plane_colours[v], at[0] + side * handle * direction[0],
                     at[1] + side * handle * direction[1]);
    }
}

void
sag_slice_cross_snapshot_plane (const SagSliceScene *scene,
                                const SagPlane      *plane,
                                GtkSnapshot         *snapshot)
{
  const GdkRGBA colour = { 0.94, 0.89, 0.26, 0.7 };
  double normal[3], direction[2], at[2], lps[3], across, along, away = 0;

  sag_plane_get_normal (plane, normal);
  if (!get_direction (scene, normal, direction))
    return;
  /* From the middle of the picture along its steepest way to the other plane. */
  across = dot (normal, scene->spec.plane.right);
  along = dot (normal, scene->spec.plane.down);
  for (int c = 0; c < 3; c++)
    away += (plane->centre[c] - scene->spec.plane.centre[c]) * normal[c];
  away /= across * across + along * along;
  for (int c = 0; c < 3; c++)
    lps[c] = scene->spec.plane.centre[c]
             + away * (across * scene->spec.plane.right[c] + along * scene->spec.plane.down[c]);
  place (scene, lps, at);
  draw_line (snapshot, &colour, at, direction, -get_reach (scene), get_reach (scene));
}

gboolean
sag_slice_cross_find_handle (const SagSliceScene *scene,
                             double               x,
                             double               y,
                             SagView             *plane)
{
  double handle = get_handle (scene);

  for (int v = 0; v < SAG_N_VIEWS && has_handles (scene); v++)
    {
      double at[2], direction[2];

      if (!get_line (scene, v, at, direction))
        continue;
      for (int side = -1; side <= 1; side += 2)
        if (hypot (at[0] + side * handle * direction[0] - x, at[1] + side * handle * direction[1] - y)
            <= REACH)
          {
            *plane = v;
            return TRUE;
          }
    }
  return FALSE;
}
