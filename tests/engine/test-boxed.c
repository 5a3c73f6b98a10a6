/* SPDX-License-Identifier: Apache-2.0
 *
 * test-boxed.c: labels that keep a box of voxels only are the same labels as those that keep all.
 */
#include "engine/image/parts.h"
#include "engine/image/resample.h"
#include "engine/image/surface.h"
#include "tests/engine/slice-scene.h"

#include <math.h>

enum { NX = 23, NY = 19, NZ = 11, N = NX * NY * NZ, SIDE = 150 };

static const SagLabel labels[] = { { .value = 3, .name = "three", .rgb = { 10, 220, 30 } },
                                   { .value = 8, .name = "eight", .rgb = { 200, 40, 250 } } };
static const int box[6] = { 5, 4, 2, 17, 13, 9 };

static void
init_grid (SagGrid *grid)
{
  sag_grid_init (grid, (const int[]){ NX, NY, NZ }, (const double[]){ 1.5, 2, 2.5 });
  memcpy (grid->origin, (const double[]){ -7, 3, 40 }, sizeof grid->origin);
}

/* Labels in the box, which is all of it, and the same in the middle of a block. */
static void
make_twins (SagLabelmap **whole, SagLabelmap **boxed)
{
  g_autoptr (SagBlock) block = sag_block_new (100 + 12 * 9 * 7, "test", NULL);
  guint8 *voxels, *kept = (guint8 *) sag_block_get_data (block) + 64;
  SagGrid grid;

  init_grid (&grid);
  *whole = sag_labelmap_new (&grid, NULL, labels, 2, NULL);
  voxels = sag_labelmap_get_voxels (*whole);
  memset (sag_block_get_data (block), 8, sag_block_get_size (block)); /* around it: nobody's */
  for (int k = box[2]; k < box[5]; k++)
    for (int j = box[1]; j < box[4]; j++)
      for (int i = box[0]; i < box[3]; i++)
        {
          guint8 value = (i + j + k) % 5 == 0 ? 0 : (i - 11) * (j - 8) > 0 ? 3 : 8;

          voxels[i + NX * (j + NY * k)] = value;
          *kept++ = value;
        }
  *boxed = sag_labelmap_new_boxed (&grid, box, block, 64, labels, 2, NULL);
  g_assert_nonnull (*boxed);
  g_assert_null (sag_labelmap_get_voxels (*boxed));
}

static void
assert_same (const SagLabelmap *whole, const SagLabelmap *boxed)
{
  const int *size = sag_labelmap_get_grid (whole)->size;
  gsize n = (gsize) size[0] * (gsize) size[1];
  const guint8 *voxels = sag_labelmap_get_voxels (whole);
  g_autofree guint8 *room = g_malloc (n);
  guint8 row[3];

  for (int k = 0; k < size[2]; k++)
    {
      const guint8 *slice = sag_labelmap_get_slice (boxed, k, room);

      for (gsize p = 0; p < n; p++)
        {
          int i = (int) p % size[0], j = (int) p / size[0];

          g_assert_cmpint (voxels[n * (gsize) k + p], ==, slice != NULL ? slice[p] : 0);
          g_assert_cmpint (voxels[n * (gsize) k + p], ==, sag_labelmap_get_value (boxed, i, j, k));
          if (i + 3 > size[0])
            continue;
          sag_labelmap_copy_row (boxed, i, i + 3, j, k, row);
          g_assert_cmpmem (row, 3, voxels + n * (gsize) k + p, 3);
        }
    }
}

static void
test_voxels (void)
{
  g_autoptr (SagLabelmap) whole = NULL;
  g_autoptr (SagLabelmap) boxed = NULL;
  g_autoptr (SagLabelmap) filled = NULL;
  g_autofree SagLabelStats *a = g_new0 (SagLabelStats, 256);
  g_autofree SagLabelStats *b = g_new0 (SagLabelStats, 256);

  make_twins (&whole, &boxed);
  assert_same (whole, boxed);
  filled = sag_labelmap_to_whole (boxed, NULL);
  g_assert_cmpmem (sag_labelmap_get_voxels (filled), N, sag_labelmap_get_voxels (whole), N);
  sag_labelmap_measure (whole, a);
  sag_labelmap_measure (boxed, b);
  g_assert_cmpmem (a, 256 * sizeof *a, b, 256 * sizeof *b);
}

/* Nothing may reach out of the grid or the memory. */
static void
test_refuse (void)
{
  g_autoptr (SagBlock) block = sag_block_new (1000, "test", NULL);
  static const int boxes[][6] = {
    { -1, 0, 0, 5, 5, 5 }, { 0, 0, 0, NX + 1, 5, 5 }, { 3, 0, 0, 2, 5, 5 }, { 0, 0, 0, NX, NY, NZ }, { 0, 0, 0, 10, 10, 10 },
  };
  const gsize offsets[] = { 0, 0, 0, 0, 1 };
  SagGrid grid;

  init_grid (&grid);
  for (gsize n = 0; n < G_N_ELEMENTS (boxes); n++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (sag_labelmap_new_boxed (&grid, boxes[n], block, offsets[n], NULL, 0, &error));
      g_assert_nonnull (error);
    }
}

static void
test_resample (void)
{
  g_autoptr (SagLabelmap) whole = NULL;
  g_autoptr (SagLabelmap) boxed = NULL;

  make_twins (&whole, &boxed);
  for (int turn = 0; turn < 4; turn++)
    {
      g_autoptr (SagLabelmap) a = NULL;
      g_autoptr (SagLabelmap) b = NULL;
      SagGrid to;
      int kept[6];

      sag_grid_init (&to, (const int[]){ 40, 30, 25 }, (const double[]){ 1.1, 1.3, 1.7 });
      memcpy (to.origin, (const double[]){ -9, 1, turn == 3 ? 900 : 37 }, sizeof to.origin);
      if (turn == 1) /* flipped */
        {
          memcpy (to.direction, (const double[]){ -1, 0, 0, 0, -1, 0, 0, 0, 1 }, sizeof to.direction);
          to.origin[0] = 30;
          to.origin[1] = 39;
        }
      if (turn == 2) /* oblique */
        memcpy (to.direction, (const double[]){ 0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1 }, sizeof to.direction);
      a = sag_labelmap_resample (whole, &to, NULL);
      b = sag_labelmap_resample (boxed, &to, NULL);
      assert_same (a, b);
      sag_labelmap_get_box (b, kept);
      g_assert_cmpint (kept[3] - kept[0], <, 40);
    }
}

static void
test_pack (void)
{
  g_autoptr (SagLabelmap) whole = NULL;
  g_autoptr (SagLabelmap) boxed = NULL;
  SagLabelmap *maps[4];

  make_twins (&whole, &boxed);
  maps[0] = sag_labelmap_ref (whole);
  for (int n = 1; n < 4; n++)
    maps[n] = sag_labelmap_ref (boxed);
  g_assert_true (sag_labelmap_pack (maps, 4, NULL));
  g_assert_true (maps[0] == whole);
  g_assert_true (sag_labelmap_get_block (maps[1]) == sag_labelmap_get_block (maps[3]));
  g_assert_cmpuint (sag_block_get_size (sag_labelmap_get_block (maps[1])), ==, 3 * 12 * 9 * 7);
  for (int n = 1; n < 4; n++)
    assert_same (whole, maps[n]);
  for (int n = 0; n < 4; n++)
    sag_labelmap_unref (maps[n]);
}

/* What is drawn and said of a segmentation with a box over a whole layer. */
static void
test_segmentation (void)
{
  g_autoptr (SagLabelmap) whole = NULL;
  g_autoptr (SagLabelmap) boxed = NULL;
  g_autoptr (SagLabelmap) below = NULL;
  g_autoptr (SagBlock) confidence = sag_block_new (N, "test", NULL);
  g_autoptr (SagVolume) volume = NULL;
  g_autoptr (GArray) parts_a = NULL;
  g_autoptr (GArray) parts_b = NULL;
  g_autoptr (SagSurface) surface = NULL;
  SagSegmentation *twins[2];
  SagGrid grid;

  init_grid (&grid);
  make_twins (&whole, &boxed);
  below = sag_labelmap_new (&grid, NULL, &(SagLabel){ .value = 1, .name = "one" }, 1, NULL);
  for (gsize p = 0; p < N; p++)
    {
      sag_labelmap_get_voxels (below)[p] = p % 7 < 3;
      ((guint8 *) sag_block_get_data (confidence))[p] = (guint8) (p * 37 % 256);
    }
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_U8, 1, 0, "", NULL);
  memset (sag_volume_get_slice (volume, 0), 90, N);
  sag_volume_mark_ready (volume, 0, NZ);
  for (int n = 0; n < 2; n++)
    {
      SagLabelmap *layers[] = { below, n == 0 ? whole : boxed };

      twins[n] = sag_segmentation_new (layers, 2, confidence, NULL, NULL);
      sag_segmentation_mark_ready (twins[n], 0, NZ - 1);
    }
  for (int k = 0; k < NZ; k++)
    {
      double a = sag_segmentation_get_slice_confidence (twins[0], k, 3),
             b = sag_segmentation_get_slice_confidence (twins[1], k, 3);

      g_assert_true (isnan (a) ? isnan (b) : a == b);
    }
  for (int view = 0; view < 8; view++)
    for (int way = 0; way < 4; way++)
      {
        g_autofree guint8 *a = g_malloc0 (4 * SIDE * SIDE), *b = g_malloc0 (4 * SIDE * SIDE);
        double ijk[3] = { 11, 8, view < 4 ? 5 : 0 }, lps[3];
        SagSliceSpec spec;

        sag_grid_to_lps (&grid, ijk, lps);
        sag_slice_spec_init (&spec);
        sag_plane_init_view (&spec.plane, (SagView) (view % 4 == 3 ? 0 : view % 4), lps, 0.4);
        if (view % 4 == 3)
          {
            memcpy (spec.plane.right, (const double[]){ 0.6, 0.8, 0 }, sizeof spec.plane.right);
            memcpy (spec.plane.down, (const double[]){ 0, 0, -1 }, sizeof spec.plane.down);
          }
        spec.overlay = way == 1   ? SAG_OVERLAY_OUTLINE | SAG_OVERLAY_FILL
                       : way == 2 ? SAG_OVERLAY_CONFIDENCE
                       : way == 3 ? SAG_OVERLAY_DIFFERENCE
                                  : SAG_OVERLAY_FILL;
        spec.opacity = 0.5f;
        spec.confidence_threshold = way == 1 ? 0.4f : 0;
        sag_slice_render (volume, twins[0], twins[way == 3], &spec, SIDE, SIDE, a);
        sag_slice_render (volume, twins[1], twins[0], &spec, SIDE, SIDE, b);
        g_assert_cmpmem (a, 4 * SIDE * SIDE, b, 4 * SIDE * SIDE);
      }
  parts_a = sag_parts_find (twins[0], NULL, NULL);
  parts_b = sag_parts_find (twins[1], NULL, NULL);
  g_assert_cmpmem (parts_a->data, parts_a->len * sizeof (SagPart), parts_b->data, parts_b->len * sizeof (SagPart));
  surface = sag_surface_new (boxed, 3, 0, NULL, NULL);
  g_assert_nonnull (surface);
  for (int n = 0; n < 2; n++)
    sag_segmentation_unref (twins[n]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/boxed/voxels", test_voxels);
  g_test_add_func ("/boxed/refuse", test_refuse);
  g_test_add_func ("/boxed/resample", test_resample);
  g_test_add_func ("/boxed/pack", test_pack);
  g_test_add_func ("/boxed/segmentation", test_segmentation);
  return g_test_run ();
}
