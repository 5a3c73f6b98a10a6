/* SPDX-License-Identifier: Apache-2.0
 *
 * evaluate-draw.c: a case of `sagitta-cli evaluate` as a picture.
 */
#include "app/cli/evaluate.h"
#include "app/cli/picture.h"
#include "engine/base/error.h"
#include "engine/image/slice.h"

#include <math.h>
#include <string.h>

#define PANEL 480 /* pixels a side */

/* The truth with the model's names and colours. */
static SagSegmentation *
make_truth (const SagEvaluated *self, GError **error)
{
  int             n_labels;
  const SagLabel *labels =
      sag_labelmap_get_labels (sag_segmentation_get_layer (self->result, 0), &n_labels);
  g_autoptr (SagLabelmap) map =
      sag_labelmap_new (sag_volume_get_grid (self->volume), self->truth, labels, n_labels, error);
  SagSegmentation *truth = map != NULL ? sag_segmentation_new (&map, 1, NULL, NULL, error) : NULL;

  if (truth != NULL)
    sag_segmentation_mark_ready (truth, 0, sag_volume_get_grid (self->volume)->size[2]);
  return truth;
}

/* The axis of the fewest voxels apart, and the slice along it with most labelled voxels. */
static void
choose_slice (const SagEvaluated *self, int *axis, int *slice)
{
  const SagGrid    *grid = sag_volume_get_grid (self->volume);
  const guint8     *truth = sag_block_get_data (self->truth);
  const guint8     *result = sag_labelmap_get_voxels (sag_segmentation_get_layer (self->result, 0));
  g_autofree gsize *counts = NULL;
  gsize             p = 0, most = 0;

  *axis = 2;
  for (int a = 1; a >= 0; a--)
    if (grid->spacing[a] > grid->spacing[*axis] * 1.01)
      *axis = a;
  *slice = grid->size[*axis] / 2;
  counts = g_new0 (gsize, grid->size[*axis]);
  for (int k = 0; k < grid->size[2]; k++)
    for (int j = 0; j < grid->size[1]; j++)
      for (int i = 0; i < grid->size[0]; i++, p++)
        if (truth[p] != 0 || result[p] != 0)
          counts[*axis == 0 ? i : *axis == 1 ? j : k]++;
  for (int s = 0; s < grid->size[*axis]; s++)
    if (counts[s] > most)
      {
        most = counts[s];
        *slice = s;
      }
}

static void
place (const SagEvaluated *self, SagSliceSpec *spec)
{
  const SagGrid *grid = sag_volume_get_grid (self->volume);
  double         ijk[3], lps[3], across = 0;
  int            axis, slice, normal = -1;

  choose_slice (self, &axis, &slice);
  for (int a = 0; a < 3; a++)
    ijk[a] = a == axis ? slice : (grid->size[a] - 1) / 2.0;
  sag_grid_to_lps (grid, ijk, lps);
  for (int view = 0; view < SAG_N_VIEWS && normal != axis; view++)
    sag_plane_init_grid_view (&spec->plane, grid, view, lps, 1, &normal);
  for (int a = 0; a < 3; a++)
    if (a != axis)
      across = MAX (across, grid->size[a] * grid->spacing[a]);
  spec->plane.mm_per_pixel = across / PANEL;
}

guint8 *
sag_evaluated_draw (const SagEvaluated *self, int *width, int *height, GError **error)
{
  static const char *const titles[3] = { "Image", "Truth", "Result" };
  g_autoptr (SagSegmentation) truth = make_truth (self, error);
  g_autofree guint8 *panel = g_malloc (4 * PANEL * PANEL);
  guint8            *picture;
  SagSliceSpec       spec;

  if (truth == NULL)
    return NULL;
  sag_slice_spec_init (&spec);
  spec.overlay = SAG_OVERLAY_OUTLINE;
  place (self, &spec);
  if (self->info->n_windows > 0)
    spec.window = self->info->windows[0];
  else
    sag_volume_guess_window (self->volume, &spec.window);
  spec.invert = self->info->monochrome1;
  *width = 3 * PANEL;
  *height = PANEL;
  picture = g_malloc (4 * (gsize) *width * (gsize) *height);
  for (int n = 0; n < 3; n++)
    {
      g_autofree char *name = g_markup_escape_text (self->name, -1);
      g_autofree char *dice = isnan (self->mean_dice)
                                  ? g_strdup ("nothing in either")
                                  : g_strdup_printf ("Dice %.4f", self->mean_dice);
      SagPicture       text = { .rgba = panel,
                                .width = PANEL,
                                .height = PANEL,
                                .plane = &spec.plane,
                                .corners = { titles[n], n == 2 ? dice : NULL, n == 0 ? name : NULL },
                                .has_place = n == 0 && self->info->has_place,
                                .notice = n == 1 ? "Research use, not a medical device" : NULL };

      sag_slice_render (self->volume,
                        n == 1   ? truth
                        : n == 2 ? self->result
                                 : NULL,
                        NULL, &spec, PANEL, PANEL, panel);
      sag_picture_annotate (&text);
      for (int y = 0; y < PANEL; y++)
        memcpy (picture + 4 * ((gsize) y * 3 * PANEL + (gsize) n * PANEL), panel + 4 * y * PANEL,
                4 * PANEL);
    }
  return picture;
}
