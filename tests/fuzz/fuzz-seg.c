/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-seg.c: any bytes as a segmentation or a structure set: its labels say what they hold, on its grid and on another.
 */
#include "app/dicom/seg.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory-file.h"

/* Larger than that only wastes time here; the limits of the reader have tests of their own. */
#define MANY_VOXELS (1 << 22)

static void
check (SagSegmentation *segmentation)
{
  const SagGrid *grid = sag_segmentation_get_grid (segmentation);
  gsize n = sag_grid_get_n_voxels (grid);
  g_autofree SagLabelStats *stats = g_new (SagLabelStats, 256);

  for (int layer = 0; layer < sag_segmentation_get_n_layers (segmentation); layer++)
    {
      SagLabelmap *map = sag_segmentation_get_layer (segmentation, layer);
      gsize sum = 0;

      sag_labelmap_measure (map, stats);
      for (int value = 0; value < 256; value++)
        {
          sum += stats[value].n_voxels;
          g_assert_true (value == 0 || stats[value].n_voxels == 0
                         || sag_labelmap_find_label (map, (guint8) value) != NULL);
        }
      g_assert_cmpuint (sum, ==, n);
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  char path[64];
  int fd = memory_file (data, size, path);
  g_autoptr (GError) error = NULL;
  g_autoptr (SagSegInfo) info = NULL;
  g_autoptr (SagSegmentation) segmentation = sag_seg_read (path, &info, &error);

  g_assert_true ((segmentation == NULL) == (error != NULL));
  g_assert_true ((segmentation == NULL) == (info == NULL));
  if (segmentation != NULL
      && sag_grid_get_n_voxels (sag_segmentation_get_grid (segmentation)) < MANY_VOXELS)
    {
      const int sides[3] = { 9, 7, 5 };
      const double spacing[3] = { 1, 1, 2 };
      g_autoptr (SagSegmentation) placed = NULL;
      SagGrid grid;

      check (segmentation);
      sag_grid_init (&grid, sides, spacing);
      placed = sag_seg_regrid (segmentation, &grid, NULL);
      if (placed != NULL)
        check (placed);
    }
  close (fd);
  return 0;
}
