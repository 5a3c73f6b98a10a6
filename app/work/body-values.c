/* SPDX-License-Identifier: Apache-2.0
 *
 * body-values.c: what the image says inside each label.
 */
#include "app/dicom/seg.h"
#include "app/work/body-private.h"

#include <math.h>

typedef struct
{
  guint64 n;
  double  sum, squares;
} Sums;

/* One slice: no sum of a whole volume loses the small values of the next. */
static void
add_slice (const guint8 *labels, const float *values, gsize n, Sums sums[256])
{
  Sums slice[256] = { 0 };

  for (gsize p = 0; p < n; p++)
    if (labels[p] != 0 && isfinite (values[p]))
      {
        Sums *s = &slice[labels[p]];

        s->n++;
        s->sum += (double) values[p];
        s->squares += (double) values[p] * (double) values[p];
      }
  for (int value = 1; value < 256; value++)
    {
      sums[value].n += slice[value].n;
      sums[value].sum += slice[value].sum;
      sums[value].squares += slice[value].squares;
    }
}

void
sag_body_tell_values (SagBodyRun *run, const char *role, SagSegmentation *segmentation,
                      SagVolume *volume)
{
  const SagGrid *grid = sag_volume_get_grid (volume);
  gsize n = (gsize) grid->size[0] * (gsize) grid->size[1];
  g_autoptr (SagSegmentation) here = NULL;
  g_autofree float *values = NULL;
  g_autofree Sums *sums = NULL;
  GVariantBuilder builder;
  GVariantDict dict;

  if (sag_volume_get_voxel_type (volume) == SAG_VOXEL_RGB8)
    return;
  here = sag_grid_equal (sag_segmentation_get_grid (segmentation), grid)
             ? sag_segmentation_ref (segmentation)
             : sag_seg_regrid (segmentation, grid, NULL);
  if (here == NULL)
    return; /* the labels are what was asked for; this only adds to them */
  values = g_new (float, n);
  sums = g_new0 (Sums, 256);
  for (int k = 0; k < grid->size[2]; k++)
    {
      sag_volume_get_values (volume, k, values);
      for (int layer = 0; layer < sag_segmentation_get_n_layers (here); layer++)
        add_slice (sag_labelmap_get_voxels (sag_segmentation_get_layer (here, layer)) + n * (gsize) k,
                   values, n, sums);
    }
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ydd)"));
  for (int value = 1; value < 256; value++)
    if (sums[value].n > 0)
      {
        double mean = sums[value].sum / (double) sums[value].n;
        double variance = sums[value].squares / (double) sums[value].n - mean * mean;

        g_variant_builder_add (&builder, "(ydd)", value, mean, sqrt (MAX (variance, 0)));
      }
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "of", "s", role);
  g_variant_dict_insert_value (&dict, "values", g_variant_builder_end (&builder));
  run->sink->partial ("values", g_variant_dict_end (&dict), NULL, run->sink->data);
}
