/* SPDX-License-Identifier: Apache-2.0
 *
 * body-compare.c: how alike two results are.
 */
#include "app/dicom/seg.h"
#include "app/work/body-private.h"
#include "engine/base/error.h"
#include "engine/image/metrics.h"

#include <math.h>
#include <string.h>

/* Slice k as the numbers of the first label over all layers. */
static void
merge_layers (SagSegmentation *segmentation, int k, gsize n, guint8 *room, guint16 *merged)
{
  memset (merged, 0, sizeof *merged * n);
  for (int layer = sag_segmentation_get_n_layers (segmentation) - 1; layer >= 0; layer--)
    {
      SagLabelmap *map = sag_segmentation_get_layer (segmentation, layer);
      const guint8 *voxels = sag_labelmap_get_slice (map, k, room);
      guint16 numbers[256];

      for (int value = 0; value < 256 && voxels != NULL; value++)
        {
          const SagLabel *label = sag_labelmap_find_label (map, (guint8) value);

          numbers[value] = (guint16) (label != NULL ? sag_label_get_number (label) : value);
        }
      for (gsize p = 0; p < n && voxels != NULL; p++)
        merged[p] = voxels[p] != 0 ? numbers[voxels[p]] : merged[p];
    }
}

/* a(iu): slices on which the two are not alike, and by how many voxels. */
static GVariant *
list_slices (SagSegmentation *a, SagSegmentation *b)
{
  const SagGrid *grid = sag_segmentation_get_grid (a);
  gsize n = (gsize) grid->size[0] * (gsize) grid->size[1];
  g_autofree guint8 *room = g_malloc (n);
  g_autofree guint16 *in_a = g_new (guint16, n), *in_b = g_new (guint16, n);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(iu)"));
  for (int k = 0; k < grid->size[2]; k++)
    {
      guint32 unlike = 0;

      merge_layers (a, k, n, room, in_a);
      merge_layers (b, k, n, room, in_b);
      for (gsize p = 0; p < n; p++)
        unlike += in_a[p] != in_b[p];
      if (unlike > 0)
        g_variant_builder_add (&builder, "(iu)", k, unlike);
    }
  return g_variant_builder_end (&builder);
}

GVariant *
sag_body_compare (SagBodyRun *run, GError **error)
{
  g_autoptr (SagSegmentation) a = sag_body_get_segmentation (run, "a", error);
  g_autoptr (SagSegmentation) b = a != NULL ? sag_body_get_segmentation (run, "b", error) : NULL;
  g_autoptr (GHashTable) in_a = NULL, in_b = NULL; /* labels that have voxels */
  const SagGrid *grid;
  GVariantBuilder builder;
  GVariantDict dict;
  gboolean surface = TRUE;
  double sum = 0;
  int n = 0, done = 0;

  if (b == NULL)
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
  in_a = sag_segmentation_find_places (a);
  in_b = sag_segmentation_find_places (b);
  g_variant_lookup (run->request, "surface", "b", &surface);
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(isddddd)"));
  for (int number = 1; number < SAG_LABEL_NUMBERS; number++)
    {
      const SagLabelPlace *place_a = g_hash_table_lookup (in_a, GINT_TO_POINTER (number));
      const SagLabelPlace *place_b = g_hash_table_lookup (in_b, GINT_TO_POINTER (number));
      SagAgreement got;

      if (place_a == NULL && place_b == NULL)
        continue;
      if (!sag_tick (&run->tick, done++ / (double) (g_hash_table_size (in_a) + g_hash_table_size (in_b)))
              ? !sag_engine_error_cancelled (error)
              : !sag_metrics_compare_places (place_a, place_b, surface, &got, error))
        {
          g_variant_builder_clear (&builder);
          return NULL;
        }
      g_variant_builder_add (&builder, "(isddddd)", number, (place_a != NULL ? place_a : place_b)->label->name,
                             got.dice, got.hd95_mm, got.mean_mm, got.ml_a, got.ml_b);
      if (!isnan (got.dice))
        {
          sum += got.dice;
          n++;
        }
    }
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, "slices", list_slices (a, b));
  g_variant_dict_insert (&dict, "mean-dice", "d", n > 0 ? sum / n : NAN);
  g_variant_dict_insert_value (&dict, "labels", g_variant_builder_end (&builder));
  return g_variant_dict_end (&dict);
}
