/* SPDX-License-Identifier: Apache-2.0
 *
 * body-compare.c: how alike two results are.
 */
#include "app/dicom/seg.h"
#include "app/work/body-private.h"
#include "engine/base/error.h"
#include "engine/image/metrics.h"

#include <glib/gi18n-lib.h>
#include <math.h>

/* The layer that has label `value`, or NULL. */
static SagLabelmap *
find_layer (SagSegmentation *segmentation, guint8 value, const SagLabel **label)
{
  for (int n = 0; n < sag_segmentation_get_n_layers (segmentation); n++)
    {
      SagLabelmap *layer = sag_segmentation_get_layer (segmentation, n);

      *label = sag_labelmap_find_label (layer, value);
      if (*label != NULL)
        return layer;
    }
  return NULL;
}

/* The first label over all layers, voxel by voxel; what is made for it is left in *made. */
static const guint8 *
merge_layers (SagSegmentation *segmentation, SagBlock **made, GError **error)
{
  gsize n_voxels = sag_grid_get_n_voxels (sag_segmentation_get_grid (segmentation));
  const int *size = sag_segmentation_get_grid (segmentation)->size;
  int n = sag_segmentation_get_n_layers (segmentation);
  guint8 *merged;

  if (n == 1 && sag_labelmap_get_voxels (sag_segmentation_get_layer (segmentation, 0)) != NULL)
    return sag_labelmap_get_voxels (sag_segmentation_get_layer (segmentation, 0));
  *made = sag_block_new (n_voxels, "the comparison", error);
  if (*made == NULL)
    return NULL;
  merged = sag_block_get_data (*made);
  for (int layer = 0; layer < n; layer++)
    {
      SagLabelmap *map = sag_segmentation_get_layer (segmentation, layer);
      const guint8 *voxels = sag_labelmap_get_box_voxels (map);
      int box[6];

      sag_labelmap_get_box (map, box);
      for (int k = box[2]; k < box[5]; k++)
        for (int j = box[1]; j < box[4]; j++, voxels += box[3] - box[0])
          {
            guint8 *row = merged + ((gsize) k * (gsize) size[1] + (gsize) j) * (gsize) size[0] + box[0];

            for (int i = 0; i < box[3] - box[0]; i++)
              row[i] = row[i] != 0 ? row[i] : voxels[i];
          }
    }
  return merged;
}

/* a(iu): slices on which the two are not alike, and by how many voxels. */
static GVariant *
list_slices (SagSegmentation *a, SagSegmentation *b, GError **error)
{
  const SagGrid *grid = sag_segmentation_get_grid (a);
  gsize n = (gsize) grid->size[0] * (gsize) grid->size[1];
  g_autoptr (SagBlock) made_a = NULL;
  g_autoptr (SagBlock) made_b = NULL;
  const guint8 *in_a = merge_layers (a, &made_a, error);
  const guint8 *in_b = in_a != NULL ? merge_layers (b, &made_b, error) : NULL;
  GVariantBuilder builder;

  if (in_b == NULL)
    return NULL;
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(iu)"));
  for (int k = 0; k < grid->size[2]; k++)
    {
      const guint8 *x = in_a + n * (gsize) k, *y = in_b + n * (gsize) k;
      guint32 unlike = 0;

      for (gsize p = 0; p < n; p++)
        unlike += x[p] != y[p];
      if (unlike > 0)
        g_variant_builder_add (&builder, "(iu)", k, unlike);
    }
  return g_variant_builder_end (&builder);
}

/* Overlap only: what sag_metrics_compare() says without its distances. */
static void
count_overlap (const guint8 *a, const guint8 *b, const SagGrid *grid, guint8 value,
               SagAgreement *result)
{
  gsize n = sag_grid_get_n_voxels (grid);
  double voxel_ml = grid->spacing[0] * grid->spacing[1] * grid->spacing[2] * 1e-3;

  *result = (SagAgreement){ .hd95_mm = NAN, .mean_mm = NAN };
  for (gsize p = 0; p < n; p++)
    {
      result->n_a += a[p] == value;
      result->n_b += b[p] == value;
      result->n_both += a[p] == value && b[p] == value;
    }
  result->dice = result->n_a + result->n_b > 0
                     ? 2.0 * (double) result->n_both / (double) (result->n_a + result->n_b)
                     : NAN;
  result->ml_a = (double) result->n_a * voxel_ml;
  result->ml_b = (double) result->n_b * voxel_ml;
}

/* Labels are compared by what their voxels hold. Where numbers above 255 had to be held as others, the same value may
 * stand for two structures. */
static gboolean
check_numbers (SagSegmentation *a, SagSegmentation *b, GError **error)
{
  for (int value = 1; value < 256; value++)
    {
      const SagLabel *in_a = NULL, *in_b = NULL;

      find_layer (a, (guint8) value, &in_a);
      find_layer (b, (guint8) value, &in_b);
      if (in_a == NULL || in_b == NULL || sag_label_get_number (in_a) == sag_label_get_number (in_b))
        continue;
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           _ ("The two results number their labels above 255 and hold different ones, which cannot be "
                              "compared here; sagitta-cli compare can"));
      return FALSE;
    }
  return TRUE;
}

GVariant *
sag_body_compare (SagBodyRun *run, GError **error)
{
  g_autoptr (SagSegmentation) a = sag_body_get_segmentation (run, "a", error);
  g_autoptr (SagSegmentation) b = a != NULL ? sag_body_get_segmentation (run, "b", error) : NULL;
  g_autoptr (SagBlock) empty = NULL; /* for a label that only one has */
  const SagGrid *grid;
  GVariantBuilder builder;
  GVariantDict dict;
  GVariant *slices;
  gboolean surface = TRUE;
  double sum = 0;
  int n = 0;

  if (b == NULL || !check_numbers (a, b, error))
    return NULL;
  if (!sag_segmentation_get_has_place (a) && sag_segmentation_get_has_place (b))
    {
      SagSegmentation *laid = sag_seg_regrid (a, sag_segmentation_get_grid (b), error);

      if (laid == NULL)
        return NULL;
      sag_segmentation_unref (a);
      a = laid;
    }
  grid = sag_segmentation_get_grid (a);
  if (!sag_grid_equal (grid, sag_segmentation_get_grid (b)))
    {
      SagSegmentation *moved = sag_seg_regrid (b, grid, error);

      if (moved == NULL)
        return NULL;
      sag_segmentation_unref (b);
      b = moved;
    }
  empty = sag_block_new (sag_grid_get_n_voxels (grid), "the comparison", error);
  if (empty == NULL)
    return NULL;
  g_variant_lookup (run->request, "surface", "b", &surface);
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ysddddd)"));
  for (int value = 1; value < 256; value++)
    {
      const SagLabel *in_a, *in_b;
      SagLabelmap *layer_a = find_layer (a, (guint8) value, &in_a);
      SagLabelmap *layer_b = find_layer (b, (guint8) value, &in_b);
      g_autoptr (SagLabelmap) whole_a = NULL;
      g_autoptr (SagLabelmap) whole_b = NULL;
      const guint8 *voxels_a = sag_block_get_data (empty), *voxels_b = voxels_a;
      SagAgreement got;

      if (layer_a == NULL && layer_b == NULL)
        continue;
      if ((layer_a != NULL && (whole_a = sag_labelmap_to_whole (layer_a, error)) == NULL)
          || (layer_b != NULL && (whole_b = sag_labelmap_to_whole (layer_b, error)) == NULL))
        {
          g_variant_builder_clear (&builder);
          return NULL;
        }
      if (whole_a != NULL)
        voxels_a = sag_labelmap_get_voxels (whole_a);
      if (whole_b != NULL)
        voxels_b = sag_labelmap_get_voxels (whole_b);
      if (!surface)
        count_overlap (voxels_a, voxels_b, grid, (guint8) value, &got);
      if (!sag_tick (&run->tick, value / 255.0)
              ? !sag_engine_error_cancelled (error)
              : surface && !sag_metrics_compare (voxels_a, voxels_b, grid, (guint8) value, &got, error))
        {
          g_variant_builder_clear (&builder);
          return NULL;
        }
      g_variant_builder_add (&builder, "(ysddddd)", value, in_a != NULL ? in_a->name : in_b->name,
                             got.dice, got.hd95_mm, got.mean_mm, got.ml_a, got.ml_b);
      if (!isnan (got.dice))
        {
          sum += got.dice;
          n++;
        }
    }
  slices = list_slices (a, b, error);
  if (slices == NULL)
    {
      g_variant_builder_clear (&builder);
      return NULL;
    }
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, "slices", slices);
  g_variant_dict_insert (&dict, "mean-dice", "d", n > 0 ? sum / n : NAN);
  g_variant_dict_insert_value (&dict, "labels", g_variant_builder_end (&builder));
  return g_variant_dict_end (&dict);
}
