/* SPDX-License-Identifier: Apache-2.0
 *
 * clean.c: tidying a finished segmentation, as the recipe asks.
 */
#include "engine/segment/clean.h"

#include "engine/base/error.h"
#include "engine/image/components.h"

#include <string.h>

static gsize
n_voxels (const int size[3])
{
  return (gsize) size[0] * (gsize) size[1] * (gsize) size[2];
}

gsize
sag_clean_get_bytes (const int size[3])
{
  /* Two bytes a voxel of result, and room for a run of twelve bytes in every sixth voxel:
   * components are found from runs, and one every few hundred voxels is usual. */
  return n_voxels (size) * 4;
}

gboolean
sag_clean (const SagRecipe *recipe, const int size[3], const guint8 *labels,
           const guint8 *confidence, guint8 *to_labels, guint8 *to_confidence, const SagTick *tick,
           GError **error)
{
  gsize n = n_voxels (size);

  memcpy (to_labels, labels, n);
  memcpy (to_confidence, confidence, n);
  for (int l = 0; l < recipe->n_labels; l++)
    {
      guint8 value = recipe->labels[l].value;

      if (!sag_tick (tick, 1))
        return sag_engine_error_cancelled (error);
      if ((recipe->clean & SAG_CLEAN_KEEP_LARGEST) != 0
          && sag_components_keep_largest (to_labels, size, value, error) < 0)
        return FALSE;
      if ((recipe->clean & SAG_CLEAN_FILL_HOLES) != 0
          && sag_components_fill_holes (to_labels, size, value, error) < 0)
        return FALSE;
    }
  for (gsize i = 0; i < n; i++)
    if (to_labels[i] != labels[i])
      to_confidence[i] = (guint8) (255 - confidence[i]);
  return TRUE;
}
