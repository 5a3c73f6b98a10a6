/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-marks.c: measurements as they are drawn over a slice. */
#include "ui/slice-marks.h"

#include "ui/brush-tool.h"
#include "ui/format.h"

#include <math.h>
#include <string.h>

#define REACH 7       /* points from a handle or a line that still are it */
#define HANDLE 3.5    /* half its side */
#define ROUND_STEPS 72

typedef struct
{
  double x, y;
} Point;

/* A measurement as lines on screen: strokes of points, one after the other. */
typedef struct
{
  GArray *points; /* of Point */
  GArray *ends;   /* of guint: where each stroke ends */
  gboolean closed;
} Outline;

static Point
to_screen (const SagSliceScene *scene,
           const double         lps[3])
{
  int width = scene->spec.compare == SAG_COMPARE_SIDE ? MAX (scene->width * scene->scale / 2, 1)
                                                      : scene->width * scene->scale;
  double x, y;

  sag_plane_to_pixel (&scene->spec.plane, width, scene->height * scene->scale, lps, &x, &y);
  return (Point) { (x + 0.5) / scene->scale, (y + 0.5) / scene->scale };
}

static void
add_point (Outline             *outline,
           const SagSliceScene *scene,
           const double         lps[3])
{
  Point point = to_screen (scene, lps);

  g_array_append_val (outline->points, point);
}

static void
end_stroke (Outline *outline)
{
  g_array_append_val (outline->ends, outline->points->len);
}

/* A point of the box between two corners: (u, v) 0..1 along right and down. */
static void
get_box_point (SagMeasurement *item,
               const double  (*corners)[3],
               double          u,
               double          v,
               double          lps[3])
{
  double right[3], down[3], across = 0, along = 0;

  sag_measurement_get_plane (item, right, down);
  for (int c = 0; c < 3; c++)
    {
      across += (corners[1][c] - corners[0][c]) * right[c];
      along += (corners[1][c] - corners[0][c]) * down[c];
    }
  for (int c = 0; c < 3; c++)
    lps[c] = corners[0][c] + u * across * right[c] + v * along * down[c];
}

static void
outline_init (Outline             *self,
              const SagSliceScene *scene,
              SagMeasurement      *item)
{
  SagMeasureKind kind = sag_measurement_get_kind (item);
  int n;
  const double (*points)[3] = sag_measurement_get_points (item, &n);
  double lps[3];

  self->points = g_array_new (FALSE, FALSE, sizeof (Point));
  self->ends = g_array_new (FALSE, FALSE, sizeof (guint));
  self->closed = kind >= SAG_MEASURE_ELLIPSE;
  if (n == 0)
    return;
  if ((kind == SAG_MEASURE_ELLIPSE || kind == SAG_MEASURE_RECTANGLE) && n == 2)
    {
      int steps = kind == SAG_MEASURE_ELLIPSE ? ROUND_STEPS : 4;

      for (int s = 0; s < steps; s++)
        {
          double angle = 2 * G_PI * s / steps;
          double u = kind == SAG_MEASURE_ELLIPSE ? 0.5 + 0.5 * cos (angle) : s == 1 || s == 2;
          double v = kind == SAG_MEASURE_ELLIPSE ? 0.5 + 0.5 * sin (angle) : s >= 2;

          get_box_point (item, points, u, v, lps);
          add_point (self, scene, lps);
        }
      end_stroke (self);
      return;
    }
  for (int p = 0; p < n; p++)
    {
      add_point (self, scene, points[p]);
      /* Cobb and the two axes are two lines each. */
      if ((kind == SAG_MEASURE_COBB || kind == SAG_MEASURE_BIDIRECTIONAL) && p == 1)
        end_stroke (self);
    }
  if (self->ends->len == 0 || self->points->len > g_array_index (self->ends, guint, self->ends->len - 1))
    end_stroke (self);
}

static void
outline_clear (Outline *self)
{
  g_array_unref (self->points);
  g_array_unref (self->ends);
}

static gboolean
is_here (const SagSliceScene *scene,
         SagMeasurement      *item)
{
  const SagPlane *plane = &scene->spec.plane;
  double reach = sag_workspace_get_slice_spacing (scene->workspace, scene->view) / 2 + 1e-3;

  /* A slab shows what lies anywhere in it. */
  if (scene->spec.slab_mode != SAG_SLAB_NONE)
    reach = MAX (reach, scene->spec.slab_mm / 2);
  return sag_measurement_lies_in (item, plane->centre, plane->right, plane->down, reach);
}

/* ---- drawing */

static void
stroke (cairo_t       *cr,
        const Outline *outline,
        double         width,
        const GdkRGBA *colour)
{
  guint from = 0;

  gdk_cairo_set_source_rgba (cr, colour);
  cairo_set_line_width (cr, width);
  for (guint s = 0; s < outline->ends->len; s++)
    {
      guint to = g_array_index (outline->ends, guint, s);

      for (guint p = from; p < to; p++)
        {
          const Point *at = &g_array_index (outline->points, Point, p);

          if (p == from)
            cairo_move_to (cr, at->x, at->y);
          else
            cairo_line_to (cr, at->x, at->y);
        }
      if (outline->closed)
        cairo_close_path (cr);
      from = to;
    }
  cairo_stroke (cr);
}

static void
draw_handles (cairo_t             *cr,
              const SagSliceScene *scene,
              SagMeasurement      *item,
              const GdkRGBA       *colour)
{
  const GdkRGBA black = { 0, 0, 0, 0.85 };
  int n;
  const double (*points)[3] = sag_measurement_get_points (item, &n);

  if (sag_measurement_get_kind (item) == SAG_MEASURE_FREEHAND)
    n = 0; /* it is moved as a whole */
  for (int p = 0; p < n; p++)
    {
      Point at = to_screen (scene, points[p]);

      gdk_cairo_set_source_rgba (cr, &black);
      cairo_rectangle (cr, at.x - HANDLE - 1, at.y - HANDLE - 1, 2 * HANDLE + 2, 2 * HANDLE + 2);
      cairo_fill (cr);
      gdk_cairo_set_source_rgba (cr, colour);
      cairo_rectangle (cr, at.x - HANDLE, at.y - HANDLE, 2 * HANDLE, 2 * HANDLE);
      cairo_fill (cr);
    }
}

/* The box of all points, with room for lines and handles. */
static graphene_rect_t
get_bounds (const SagSliceScene *scene,
            const Outline       *outline)
{
  const graphene_rect_t view = GRAPHENE_RECT_INIT (0, 0, scene->width, scene->height);
  graphene_rect_t bounds = GRAPHENE_RECT_INIT (0, 0, 0, 0);

  for (guint p = 0; p < outline->points->len; p++)
    {
      const Point *at = &g_array_index (outline->points, Point, p);
      const graphene_rect_t here = GRAPHENE_RECT_INIT (floor (at->x), floor (at->y), 1, 1);

      if (p == 0)
        bounds = here;
      else
        graphene_rect_union (&bounds, &here, &bounds);
    }
  graphene_rect_inset (&bounds, -HANDLE - 3, -HANDLE - 3);
  if (!graphene_rect_intersection (&bounds, &view, &bounds))
    bounds = GRAPHENE_RECT_INIT (0, 0, 0, 0);
  return bounds;
}

static void
place_text (const SagSliceScene *scene,
            GtkWidget           *widget,
            GtkSnapshot         *snapshot,
            const char          *text,
            double               x,
            double               y,
            double               xalign,
            const GdkRGBA       *colour,
            GArray              *texts)
{
  graphene_rect_t box;

  sag_slice_text_measure (scene, widget, text, &box);
  box.origin.x = (float) (x - xalign * box.size.width);
  box.origin.y = (float) (y - 0.5 * box.size.height);
  /* Each step is below a text; those are not many. */
  for (guint t = 0; t < texts->len; t++)
    {
      const graphene_rect_t *other = &g_array_index (texts, graphene_rect_t, t);

      if (!graphene_rect_intersection (&box, other, NULL))
        continue;
      box.origin.y = other->origin.y + other->size.height + 1;
      t = (guint) -1;
    }
  g_array_append_val (texts, box);
  sag_slice_text_draw (scene, widget, snapshot, text, x, box.origin.y, xalign, 0, colour);
}

/* Beside the rightmost point, or left of the leftmost one where there is no room; below the texts that are
 * there already. */
static void
draw_text (const SagSliceScene *scene,
           GtkWidget           *widget,
           GtkSnapshot         *snapshot,
           SagMeasurement      *item,
           const Outline       *outline,
           const GdkRGBA       *colour,
           GArray              *texts) /* of graphene_rect_t */
{
  const char *name = sag_measurement_get_name (item);
  g_autofree char *said = sag_format_minus (sag_measurement_get_text (item));
  g_autofree char *text = g_strdup_printf ("%s%s%s", name, name[0] != '\0' ? "\n" : "", said);
  Point left = { INFINITY, 0 }, right = { -INFINITY, 0 };
  double room = 130 * scene->text_scale;

  for (guint p = 0; p < outline->points->len; p++)
    {
      const Point *at = &g_array_index (outline->points, Point, p);

      if (at->x > right.x)
        right = *at;
      if (at->x < left.x)
        left = *at;
    }
  if (outline->points->len == 0 || text[0] == '\0')
    return;
  if (right.x + room < scene->width || left.x < room)
    place_text (scene, widget, snapshot, text, right.x + 9, right.y, 0, colour, texts);
  else
    place_text (scene, widget, snapshot, text, left.x - 9, left.y, 1, colour, texts);
}

static void
draw (const SagSliceScene *scene,
      GtkWidget           *widget,
      GtkSnapshot         *snapshot,
      SagMeasurement      *item,
      gboolean             selected,
      GArray              *texts)
{
  const GdkRGBA black = { 0, 0, 0, 0.75 };
  const GdkRGBA colour =
      selected ? (GdkRGBA) { 1, 1, 1, 1 } : (GdkRGBA) { 0.98f, 0.86f, 0.35f, 1 };
  graphene_rect_t bounds;
  Outline outline;
  cairo_t *cr;

  outline_init (&outline, scene, item);
  bounds = get_bounds (scene, &outline);
  cr = gtk_snapshot_append_cairo (snapshot, &bounds);
  cairo_set_line_join (cr, CAIRO_LINE_JOIN_ROUND);
  cairo_set_line_cap (cr, CAIRO_LINE_CAP_ROUND);
  stroke (cr, &outline, 3.5, &black);
  stroke (cr, &outline, 1.5, &colour);
  if (selected || !sag_measurement_is_complete (item))
    draw_handles (cr, scene, item, &colour);
  cairo_destroy (cr);
  draw_text (scene, widget, snapshot, item, &outline, &colour, texts);
  outline_clear (&outline);
}

void
sag_slice_marks_snapshot (const SagSliceScene *scene,
                          GtkWidget           *widget,
                          GtkSnapshot         *snapshot)
{
  SagMeasurements *all = sag_workspace_get_measurements (scene->workspace);
  GListModel *items = sag_measurements_get_items (all);
  SagMeasurement *draft = sag_measurements_get_draft (all);
  g_autoptr (GArray) texts = g_array_new (FALSE, FALSE, sizeof (graphene_rect_t));

  for (guint i = 0; i < g_list_model_get_n_items (items); i++)
    {
      g_autoptr (SagMeasurement) item = g_list_model_get_item (items, i);

      if (is_here (scene, item))
        draw (scene, widget, snapshot, item, item == sag_measurements_get_selected (all), texts);
    }
  if (draft != NULL && is_here (scene, draft))
    draw (scene, widget, snapshot, draft, TRUE, texts);
  sag_brush_tool_snapshot (scene, widget, snapshot);
}

/* ---- finding */

static double
get_distance (const Point *a,
              const Point *b,
              double       x,
              double       y)
{
  double dx = b->x - a->x, dy = b->y - a->y;
  double length = dx * dx + dy * dy;
  double t = length > 0 ? CLAMP (((x - a->x) * dx + (y - a->y) * dy) / length, 0, 1) : 0;

  return hypot (x - a->x - t * dx, y - a->y - t * dy);
}

static gboolean
is_on_line (const Outline *outline,
            double         x,
            double         y)
{
  guint from = 0;

  for (guint s = 0; s < outline->ends->len; s++)
    {
      guint to = g_array_index (outline->ends, guint, s);

      for (guint p = from; p < to; p++)
        {
          guint next = p + 1 < to ? p + 1 : outline->closed ? from : p;

          if (get_distance (&g_array_index (outline->points, Point, p),
                            &g_array_index (outline->points, Point, next), x, y)
              <= REACH)
            return TRUE;
        }
      from = to;
    }
  return FALSE;
}

SagMeasurement *
sag_slice_marks_find (const SagSliceScene *scene,
                      double               x,
                      double               y,
                      int                 *handle)
{
  GListModel *items =
      sag_measurements_get_items (sag_workspace_get_measurements (scene->workspace));

  *handle = -1;
  for (guint i = g_list_model_get_n_items (items); i-- > 0;) /* the latest is on top */
    {
      g_autoptr (SagMeasurement) item = g_list_model_get_item (items, i);
      Outline outline;
      gboolean found;
      int n;
      const double (*points)[3] = sag_measurement_get_points (item, &n);

      if (!is_here (scene, item))
        continue;
      for (int p = 0; sag_measurement_get_kind (item) != SAG_MEASURE_FREEHAND && p < n; p++)
        {
          Point at = to_screen (scene, points[p]);

          if (fabs (at.x - x) <= REACH && fabs (at.y - y) <= REACH)
            {
              *handle = p;
              return item; /* the list keeps it */
            }
        }
      outline_init (&outline, scene, item);
      found = is_on_line (&outline, x, y);
      outline_clear (&outline);
      if (found)
        return item;
    }
  return NULL;
}
