/* SPDX-License-Identifier: Apache-2.0
 *
 * seg-regrid.c: segmentations laid on another grid.
 */
#include "app/dicom/seg.h"

#include "app/dicom/dcmtk.h"
#include "engine/base/alloc.h"
#include "engine/image/resample.h"

#include <glib/gi18n-lib.h>
#include <string.h>

/* Confidence on another grid: certain where the old one does not reach. */
static SagBlock *
regrid_confidence (SagSegmentation *segmentation, const SagGrid *grid, GError **error)
{
  SagBlock *old = sag_segmentation_get_confidence (segmentation);
  gsize n_old = sag_grid_get_n_voxels (sag_segmentation_get_grid (segmentation));
  g_autoptr (SagResampler) resampler = NULL;
  SagBlock *block = sag_block_new (sag_grid_get_n_voxels (grid), "the confidence", error);
  guint8 *doubt = sag_alloc_try (n_old, "the confidence", block != NULL ? error : NULL);
  guint8 *out;

  if (block == NULL || doubt == NULL)
    {
      g_clear_pointer (&block, sag_block_unref);
      sag_free (doubt);
      return NULL;
    }
  /* Resampling puts 0 outside: so it is the doubt that is brought over. */
  for (gsize i = 0; i < n_old; i++)
    doubt[i] = 255 - ((const guint8 *) sag_block_get_data (old))[i];
  resampler = sag_resampler_new (sag_segmentation_get_grid (segmentation), grid);
  out = sag_block_get_data (block);
  for (int k = 0; k < grid->size[2]; k++)
    for (int j = 0; j < grid->size[1]; j++, out += grid->size[0])
      {
        sag_resampler_label_row (resampler, doubt, j, k, out);
        for (int i = 0; i < grid->size[0]; i++)
          out[i] = 255 - out[i];
      }
  sag_free (doubt);
  return block;
}

/* The same bytes under another grid: column for column, row for row, slice for slice. */
static SagBlock *
lay_block (const guint8 *bytes, const SagGrid *from, const SagGrid *grid, int fill, GError **error)
{
  gsize n = (gsize) sag_grid_get_n_voxels (from), all = (gsize) sag_grid_get_n_voxels (grid);
  SagBlock *laid = sag_block_new (all, "the segmentation", error);
  guint8 *out;

  if (laid == NULL)
    return NULL;
  out = sag_block_get_data (laid);
  memcpy (out, bytes, n);
  memset (out + n, fill, all - n);
  return laid;
}

static SagLabelmap *
lay_map (SagLabelmap *map, const SagGrid *grid, GError **error)
{
  g_autoptr (SagBlock) laid = NULL;
  int n, box[6];
  const SagLabel *labels = sag_labelmap_get_labels (map, &n);

  sag_labelmap_get_box (map, box);
  if (sag_labelmap_get_voxels (map) == NULL)
    return sag_labelmap_new_boxed (grid, box, sag_labelmap_get_block (map), sag_labelmap_get_offset (map), labels, n,
                                   error);
  laid = lay_block (sag_labelmap_get_voxels (map), sag_labelmap_get_grid (map), grid, 0, error);
  return laid != NULL ? sag_labelmap_new (grid, laid, labels, n, error) : NULL;
}

/* Labels that know no place lie on the pixels of the images they were made from. */
static SagSegmentation *
lay_flat (SagSegmentation *segmentation, const SagGrid *grid, GError **error)
{
  const SagGrid *from = sag_segmentation_get_grid (segmentation);
  g_autoptr (GPtrArray) maps = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_labelmap_unref);
  g_autoptr (SagBlock) confidence = NULL;

  if (from->size[0] != grid->size[0] || from->size[1] != grid->size[1] || from->size[2] > grid->size[2])
    {
      g_set_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID,
                   _ ("The segmentation says no place in the patient, and its %d x %d x %d pixels are not those of "
                   "the images (%d x %d x %d); open the images it was made from"),
                   from->size[0], from->size[1], from->size[2], grid->size[0], grid->size[1], grid->size[2]);
      return NULL;
    }
  for (int layer = 0; layer < sag_segmentation_get_n_layers (segmentation); layer++)
    {
      SagLabelmap *laid = lay_map (sag_segmentation_get_layer (segmentation, layer), grid, error);

      if (laid == NULL)
        return NULL;
      g_ptr_array_add (maps, laid);
    }
  if (sag_segmentation_get_confidence (segmentation) != NULL
      && (confidence = lay_block (sag_block_get_data (sag_segmentation_get_confidence (segmentation)), from, grid,
                                  255, error)) == NULL)
    return NULL;
  return sag_segmentation_new ((SagLabelmap *const *) maps->pdata, (int) maps->len, confidence,
                               sag_segmentation_get_provenance (segmentation), error);
}

SagSegmentation *
sag_seg_regrid (SagSegmentation *segmentation, const SagGrid *grid, GError **error)
{
  g_autoptr (GPtrArray) maps = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_labelmap_unref);
  g_autoptr (SagBlock) confidence = NULL;
  SagSegmentation *result;

  if (!sag_segmentation_get_has_place (segmentation))
    {
      result = lay_flat (segmentation, grid, error);
      if (result != NULL)
        sag_segmentation_mark_ready (result, 0, grid->size[2]);
      return result;
    }
  for (int layer = 0; layer < sag_segmentation_get_n_layers (segmentation); layer++)
    {
      SagLabelmap *map =
          sag_labelmap_resample (sag_segmentation_get_layer (segmentation, layer), grid, error);

      if (map == NULL)
        return NULL;
      g_ptr_array_add (maps, map);
    }
  if (!sag_labelmap_pack ((SagLabelmap **) maps->pdata, (int) maps->len, error))
    return NULL;
  if (sag_segmentation_get_confidence (segmentation) != NULL
      && (confidence = regrid_confidence (segmentation, grid, error)) == NULL)
    return NULL;
  result = sag_segmentation_new ((SagLabelmap *const *) maps->pdata, (int) maps->len, confidence,
                                 sag_segmentation_get_provenance (segmentation), error);
  if (result != NULL)
    sag_segmentation_mark_ready (result, 0, grid->size[2]);
  return result;
}
