/* SPDX-License-Identifier: Apache-2.0
 *
 * layers.c: labels that may lie over each other, in as few labelmaps as hold them.
 */
#include "app/dicom/layers.h"

#include "app/dicom/instance.h"

gboolean
sag_layers_add (GPtrArray *layers, const SagGrid *grid, GError **error)
{
  SagBlock *block;

  if (layers->len == SAG_MAX_LAYERS)
    {
      g_set_error_literal (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_UNSUPPORTED,
                           "The file has more than 32 segments over each other, which is not "
                           "supported");
      return FALSE;
    }
  block = sag_block_new (sag_grid_get_n_voxels (grid), "the segments", error);
  if (block != NULL)
    g_ptr_array_add (layers, block);
  return block != NULL;
}

int
sag_layers_place (GPtrArray *layers, const SagGrid *grid, guint8 value, const int *ks, int n,
                  const guint8 *masks, GError **error)
{
  gsize pixels = (gsize) grid->size[0] * grid->size[1];
  guint layer = 0;

  for (; layer < layers->len; layer++)
    {
      const guint8 *voxels = sag_block_get_data (g_ptr_array_index (layers, layer));
      gboolean taken = FALSE;

      for (int f = 0; f < n && !taken; f++)
        {
          const guint8 *mask = masks + pixels * f, *slice = voxels + pixels * ks[f];

          for (gsize i = 0; i < pixels && !taken; i++)
            taken = mask[i] != 0 && slice[i] != 0 && slice[i] != value;
        }
      if (!taken)
        break;
    }
  if (layer == layers->len && !sag_layers_add (layers, grid, error))
    return -1;
  for (int f = 0; f < n; f++)
    {
      const guint8 *mask = masks + pixels * f;
      guint8 *slice = (guint8 *) sag_block_get_data (g_ptr_array_index (layers, layer))
                      + pixels * ks[f];

      for (gsize i = 0; i < pixels; i++)
        if (mask[i] != 0)
          slice[i] = value;
    }
  return (int) layer;
}
