/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-compare.c: what is drawn over a slice on which two results are compared. */
#include "ui/slice-compare.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#define REACH 8 /* points from the line that still are the line */
#define LEAST_WIDTH 240

static const GdkRGBA ink = { 0.86, 0.87, 0.88, 1 };
static const GdkRGBA only_a = { 0x56 / 255.f, 0xb4 / 255.f, 0xe9 / 255.f, 1 };
static const GdkRGBA only_b = { 0xd5 / 255.f, 0x5e / 255.f, 0x00 / 255.f, 1 };
static const GdkRGBA both = { 0x00 / 255.f, 0x9e / 255.f, 0x73 / 255.f, 1 };

static void
fill (GtkSnapshot   *snapshot,
      const GdkRGBA *colour,
      double         x,
      double         y,
      double         width,
      double         height)
{
  const GdkRGBA black = { 0, 0, 0, 0.85 };

  gtk_snapshot_append_color (snapshot, &black,
                             &GRAPHENE_RECT_INIT (x - 1, y - 1, width + 2, height + 2));
  gtk_snapshot_append_color (snapshot, colour, &GRAPHENE_RECT_INIT (x, y, width, height));
}

/* In a small view they would lie over the image: the panel has them. */
static gboolean
has_room_for_names (const SagSliceScene *scene)
{
  return scene->width >= 480 * scene->text_scale;
}

static void
draw_legend (const SagSliceScene *scene,
             GtkWidget           *widget,
             GtkSnapshot         *snapshot,
             const char          *a,
             const char          *b)
{
  double dice = sag_workspace_get_agreement (scene->workspace);
  gboolean names = has_room_for_names (scene);
  char  *texts[4] = {
    names ? g_strdup_printf (_ ("only A: %s"), a) : g_strdup (_ ("only A")),
    names ? g_strdup_printf (_ ("only B: %s"), b) : g_strdup (_ ("only B")),
    g_strdup (_ ("both")),
    isnan (dice) ? g_strdup ("") : g_strdup_printf ("Dice %.4f", floor (dice * 1e4) / 1e4),
  };
  const GdkRGBA *colours[4] = { &only_a, &only_b, &both, NULL };
  double line = 19 * scene->text_scale, box = 10 * scene->text_scale;
  /* Above the words in the corner, of which there may be four lines. */
  double x = 34 * scene->text_scale;
  double y = round (scene->height - 70 * scene->text_scale - 3.5 * line), width = 0;

  for (int n = 0; n < 4; n++)
    {
      graphene_rect_t at;

      sag_slice_text_measure (scene, widget, texts[n], &at);
      width = MAX (width, at.size.width);
    }
  gtk_snapshot_append_color (snapshot, &(GdkRGBA) { 0, 0, 0, 0.6 },
                             &GRAPHENE_RECT_INIT (x - 4, y - line / 2, box + 7 + width + 8, 4 * line));
  for (int n = 0; n < 4; n++, y += line)
    {
      if (colours[n] != NULL)
        fill (snapshot, colours[n], x, round (y - box / 2), box, box);
      sag_slice_text_draw (scene, widget, snapshot, texts[n], colours[n] != NULL ? x + box + 7 : x, y,
                           0, 0.5, &ink);
    }
  for (int n = 0; n < 4; n++)
    g_free (texts[n]);
}

/* The names at either side of a line. */
static void
draw_sides (const SagSliceScene *scene,
            GtkWidget           *widget,
            GtkSnapshot         *snapshot,
            const char          *a,
            const char          *b,
            double               x)
{
  gboolean names = has_room_for_names (scene);
  g_autofree char *left = names ? g_strdup_printf ("A  %s", a) : g_strdup ("A");
  g_autofree char *right = names ? g_strdup_printf ("B  %s", b) : g_strdup ("B");
  double y = scene->height - 58 * scene->text_scale;

  sag_slice_text_draw (scene, widget, snapshot, left, x - 10, y, 1, 0.5, &only_a);
  sag_slice_text_draw (scene, widget, snapshot, right, x + 10, y, 0, 0.5, &only_b);
}

void
sag_slice_compare_snapshot (const SagSliceScene *scene,
                            GtkWidget           *widget,
                            GtkSnapshot         *snapshot)
{
  SagResult *first = sag_workspace_get_result (scene->workspace);
  SagResult *second = sag_workspace_get_other (scene->workspace);
  double middle;

  if (scene->spec.compare == SAG_COMPARE_OFF || first == NULL || second == NULL)
    return;
  middle = scene->spec.compare == SAG_COMPARE_SIDE ? floor (scene->width / 2.0)
                                                   : round (scene->spec.swipe * scene->width);
  if (scene->spec.compare == SAG_COMPARE_SWIPE || scene->spec.compare == SAG_COMPARE_SIDE)
    {
      fill (snapshot, &ink, middle, 0, 1, scene->height);
      if (scene->spec.compare == SAG_COMPARE_SWIPE)
        fill (snapshot, &ink, middle - 3, scene->height / 2.0 - 18, 7, 36);
    }
  if (scene->width < LEAST_WIDTH)
    return;
  if (scene->spec.compare == SAG_COMPARE_DIFFERENCE)
    draw_legend (scene, widget, snapshot, sag_result_get_name (first),
                 sag_result_get_name (second));
  else if (scene->spec.compare == SAG_COMPARE_CHECKER)
    draw_sides (scene, widget, snapshot, sag_result_get_name (first), sag_result_get_name (second),
                scene->width / 2.0);
  else
    draw_sides (scene, widget, snapshot, sag_result_get_name (first), sag_result_get_name (second),
                middle);
}

gboolean
sag_slice_compare_is_handle (SagWorkspace *workspace,
                             int           width,
                             double        x)
{
  return sag_workspace_get_compare (workspace) == SAG_COMPARE_SWIPE
         && sag_workspace_get_reference (workspace) != NULL
         && sag_workspace_get_segmentation (workspace) != NULL
         && fabs (x - sag_workspace_get_swipe (workspace) * width) <= REACH;
}
