/* SPDX-License-Identifier: Apache-2.0
 *
 * test-labelmap.c: labels, what is measured of them, and segmentations made of them.
 */
#include "engine/base/error.h"
#include "engine/base/parallel.h"
#include "engine/image/segmentation.h"

#include <math.h>
#include <string.h>

static const SagLabel labels[] = { { .value = 3, .name = "Left" },
                                   { .value = 7, .name = "Right" } };

static void
make_grid (SagGrid *grid)
{
  sag_grid_init (grid, (const int[]){ 23, 17, 11 }, (const double[]){ 0.5, 0.7, 3 });
  memcpy (grid->direction, (const double[]){ 0, 1, 0, 0, 0, -1, 1, 0, 0 }, sizeof grid->direction);
  memcpy (grid->origin, (const double[]){ 5, 6, 7 }, sizeof grid->origin);
}

static SagLabelmap *
make_map (guint32 seed)
{
  SagGrid grid;
  SagLabelmap *map;
  guint8 *voxels;

  make_grid (&grid);
  map = sag_labelmap_new (&grid, NULL, labels, 2, NULL);
  voxels = sag_labelmap_get_voxels (map);
  for (gsize n = 0; n < sag_grid_get_n_voxels (&grid); n++)
    {
      seed = seed * 1664525 + 1013904223;
      voxels[n] = (const guint8[]){ 0, 0, 0, 0, 0, 3, 7, 200 }[seed >> 29];
    }
  return map;
}

static void
test_measure (void)
{
  g_autoptr (SagLabelmap) map = make_map (1);
  const SagGrid *grid = sag_labelmap_get_grid (map);
  const guint8 *voxels = sag_labelmap_get_voxels (map);
  SagLabelStats first[256], stats[256];

  sag_labelmap_measure (map, first);
  for (int value = 0; value < 256; value++)
    {
      gsize count = 0;
      double sum[3] = { 0, 0, 0 };
      int box[6] = { 1000, 1000, 1000, 0, 0, 0 };

      for (int k = 0; k < grid->size[2]; k++)
        for (int j = 0; j < grid->size[1]; j++)
          for (int i = 0; i < grid->size[0]; i++)
            if (voxels[i + grid->size[0] * (j + grid->size[1] * k)] == value)
              {
                const int at[3] = { i, j, k };
                double lps[3];

                count++;
                sag_grid_to_lps (grid, (const double[]){ i, j, k }, lps);
                for (int a = 0; a < 3; a++)
                  {
                    sum[a] += lps[a];
                    box[a] = MIN (box[a], at[a]);
                    box[3 + a] = MAX (box[3 + a], at[a] + 1);
                  }
              }
      g_assert_cmpuint (first[value].n_voxels, ==, count);
      g_assert_cmpfloat_with_epsilon (first[value].ml, count * 0.5 * 0.7 * 3 / 1000, 1e-9);
      if (value == 0 || count == 0)
        continue;
      g_assert_cmpmem (first[value].box, sizeof box, box, sizeof box);
      for (int a = 0; a < 3; a++)
        g_assert_cmpfloat_with_epsilon (first[value].centroid[a], sum[a] / count, 1e-9);
    }
  for (int threads = 2; threads <= 4; threads++)
    {
      sag_parallel_own (SAG_TEAM_COMPUTE, threads);
      sag_labelmap_measure (map, stats);
      g_assert_cmpmem (stats, sizeof stats, first, sizeof first);
    }
  sag_parallel_own (SAG_TEAM_NONE, 1);
}

static void
test_labels (void)
{
  g_autoptr (SagLabelmap) map = make_map (2);
  SagLabel wrong[2] = { labels[0], labels[1] };
  g_autoptr (GError) error = NULL;
  SagGrid grid;
  int n;

  g_assert_cmpstr (sag_labelmap_find_label (map, 7)->name, ==, "Right");
  g_assert_null (sag_labelmap_find_label (map, 4));
  g_assert_null (sag_labelmap_find_label (map, 0));
  g_assert_cmpstr (sag_labelmap_get_labels (map, &n)[0].name, ==, "Left");
  g_assert_cmpint (n, ==, 2);

  make_grid (&grid);
  wrong[1].value = 3;
  g_assert_null (sag_labelmap_new (&grid, NULL, wrong, 2, &error));
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID);
  g_clear_error (&error);
  wrong[1].value = 0;
  g_assert_null (sag_labelmap_new (&grid, NULL, wrong, 2, &error));
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID);
  g_clear_error (&error);
  {
    g_autoptr (SagBlock) block = sag_block_new (100, "a test", NULL);

    g_assert_null (sag_labelmap_new (&grid, block, labels, 2, &error));
    g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID);
  }
}

static void
test_colours (void)
{
  guint8 rgb[64][3];

  for (int n = 0; n < 64; n++)
    sag_label_default_colour (n, rgb[n]);
  g_assert_cmpmem (rgb[0], 3, ((const guint8[]){ 0xe6, 0x9f, 0x00 }), 3);
  g_assert_cmpmem (rgb[6], 3, ((const guint8[]){ 0xcc, 0x79, 0xa7 }), 3);
  for (int a = 0; a < 64; a++)
    for (int b = 0; b < a; b++)
      g_assert_cmpint (memcmp (rgb[a], rgb[b], 3), !=, 0);
}

static void
test_segmentation (void)
{
  g_autoptr (SagLabelmap) map = make_map (3);
  g_autoptr (SagLabelmap) other = NULL;
  SagLabelmap *layers[2] = { map, NULL };
  g_autoptr (SagBlock) confidence = sag_block_new (23 * 17 * 11, "a test", NULL);
  g_autoptr (SagProvenance) provenance = sag_provenance_new ();
  g_autoptr (SagSegmentation) segmentation = NULL;
  g_autoptr (GError) error = NULL;
  const guint8 *voxels = sag_labelmap_get_voxels (map) + 23 * 17 * 4;
  guint8 *sure = (guint8 *) sag_block_get_data (confidence) + 23 * 17 * 4;
  double sum = 0;
  int count = 0;
  SagGrid grid;

  sag_provenance_set (&provenance->precision, "int8");
  sag_provenance_set (&provenance->model_id, NULL);
  segmentation = sag_segmentation_new (layers, 1, confidence, provenance, &error);
  g_assert_no_error (error);
  sag_provenance_set (&provenance->precision, "fp32");
  g_assert_cmpstr (sag_segmentation_get_provenance (segmentation)->precision, ==, "int8");
  g_assert_cmpstr (sag_segmentation_get_provenance (segmentation)->time, ==, "");

  for (int n = 0; n < 23 * 17; n++)
    {
      sure[n] = (guint8) (n * 7);
      if (voxels[n] == 3)
        {
          sum += sure[n];
          count++;
        }
    }
  g_assert_true (isnan (sag_segmentation_get_slice_confidence (segmentation, 4, 3)));
  sag_segmentation_mark_ready (segmentation, 4, 5);
  g_assert_cmpfloat_with_epsilon (sag_segmentation_get_slice_confidence (segmentation, 4, 3),
                                  sum / 255 / count, 1e-12);
  g_assert_true (isnan (sag_segmentation_get_slice_confidence (segmentation, 4, 99)));
  g_assert_cmpint (sag_segmentation_get_n_ready (segmentation), ==, 1);
  g_assert_true (sag_segmentation_is_ready (segmentation, 4));
  g_assert_false (sag_segmentation_is_ready (segmentation, 5));

  make_grid (&grid);
  grid.origin[0]++;
  other = sag_labelmap_new (&grid, NULL, labels, 2, NULL);
  layers[1] = other;
  g_assert_null (sag_segmentation_new (layers, 2, NULL, NULL, &error));
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/labelmap/measure", test_measure);
  g_test_add_func ("/labelmap/labels", test_labels);
  g_test_add_func ("/labelmap/colours", test_colours);
  g_test_add_func ("/labelmap/segmentation", test_segmentation);
  return g_test_run ();
}
