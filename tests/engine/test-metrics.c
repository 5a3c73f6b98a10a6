/* SPDX-License-Identifier: Apache-2.0
 *
 * test-metrics.c: Dice and surface distances against brute force, calibration against counts.
 */
#include "engine/base/parallel.h"
#include "engine/image/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NX = 19, NY = 14, NZ = 9, N = NX * NY * NZ };

static guint32
next (guint32 *seed)
{
  *seed = *seed * 1664525 + 1013904223;
  return *seed >> 8;
}

static gboolean
is_label (const guint8 *voxels, int i, int j, int k, guint8 value)
{
  return i >= 0 && j >= 0 && k >= 0 && i < NX && j < NY && k < NZ
         && voxels[i + NX * (j + NY * k)] == value;
}

static gboolean
is_surface (const guint8 *voxels, int n, guint8 value)
{
  int i = n % NX, j = n / NX % NY, k = n / NX / NY;

  return is_label (voxels, i, j, k, value)
         && (!is_label (voxels, i - 1, j, k, value) || !is_label (voxels, i + 1, j, k, value)
             || !is_label (voxels, i, j - 1, k, value) || !is_label (voxels, i, j + 1, k, value)
             || !is_label (voxels, i, j, k - 1, value) || !is_label (voxels, i, j, k + 1, value));
}

static int
compare_doubles (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

/* Every surface voxel against every other. */
static void
brute_force (const guint8 *a, const guint8 *b, const double spacing[3], guint8 value, double *hd95,
             double *mean)
{
  static double distances[2 * N];
  const guint8 *sides[2] = { a, b };
  int n = 0;
  double sum = 0, at;

  for (int side = 0; side < 2; side++)
    for (int p = 0; p < N; p++)
      {
        double best = INFINITY;

        if (!is_surface (sides[side], p, value))
          continue;
        for (int q = 0; q < N; q++)
          if (is_surface (sides[1 - side], q, value))
            {
              double x = (p % NX - q % NX) * spacing[0],
                     y = (p / NX % NY - q / NX % NY) * spacing[1];
              double z = (p / NX / NY - q / NX / NY) * spacing[2];

              best = MIN (best, sqrt (x * x + y * y + z * z));
            }
        distances[n++] = best;
        sum += best;
      }
  qsort (distances, n, sizeof *distances, compare_doubles);
  at = 0.95 * (n - 1);
  *hd95 = distances[(int) at]
          + (at - (int) at) * (distances[MIN ((int) at + 1, n - 1)] - distances[(int) at]);
  *mean = sum / n;
}

static void
test_against_brute_force (void)
{
  static const double spacings[][3] = { { 1, 1, 1 }, { 0.7, 0.9, 5 }, { 3, 0.5, 1.25 } };
  guint32 seed = 5;

  for (int trial = 0; trial < 12; trial++)
    {
      guint8 voxels[2][N];
      const double *spacing = spacings[trial % 3];
      double hd95, mean, threads_hd95 = 0;
      SagGrid grid;
      gsize count[2] = { 0, 0 }, both = 0;

      sag_grid_init (&grid, (const int[]){ NX, NY, NZ }, spacing);
      for (int side = 0; side < 2; side++)
        {
          /* A ball, or scattered voxels. */
          int x = 4 + (int) (next (&seed) % 10), y = 4 + (int) (next (&seed) % 6),
              z = 2 + (int) (next (&seed) % 5);
          int r = 4 + (int) (next (&seed) % 20);

          for (int p = 0; p < N; p++)
            {
              int dx = p % NX - x, dy = p / NX % NY - y, dz = p / NX / NY - z;

              voxels[side][p] = trial % 4 == 3
                                    ? (next (&seed) % 50 == 0 ? 2 : 1)
                                    : (dx * dx + dy * dy + dz * dz < r ? 2 : next (&seed) % 2);
              count[side] += voxels[side][p] == 2;
            }
        }
      for (int p = 0; p < N; p++)
        both += voxels[0][p] == 2 && voxels[1][p] == 2;
      brute_force (voxels[0], voxels[1], spacing, 2, &hd95, &mean);
      for (int threads = 1; threads <= 3; threads++)
        {
          SagAgreement result;

          sag_parallel_own (SAG_TEAM_COMPUTE, threads);
          g_assert_true (sag_metrics_compare (voxels[0], voxels[1], &grid, 2, &result, NULL));
          g_assert_cmpuint (result.n_a, ==, count[0]);
          g_assert_cmpuint (result.n_b, ==, count[1]);
          g_assert_cmpuint (result.n_both, ==, both);
          g_assert_cmpfloat_with_epsilon (result.dice, 2.0 * both / (count[0] + count[1]), 1e-12);
          g_assert_cmpfloat_with_epsilon (
              result.ml_a, count[0] * spacing[0] * spacing[1] * spacing[2] / 1000, 1e-9);
          g_assert_cmpfloat_with_epsilon (result.hd95_mm, hd95, 1e-5);
          g_assert_cmpfloat_with_epsilon (result.mean_mm, mean, 1e-5);
          if (threads > 1)
            g_assert_cmpfloat (result.hd95_mm, ==, threads_hd95);
          threads_hd95 = result.hd95_mm;
        }
      sag_parallel_own (SAG_TEAM_NONE, 1);
    }
}

/* Two cubes of 8, one moved by 3 voxels of 2 mm: known by hand. */
static void
test_moved_cube (void)
{
  guint8 a[N] = { 0 }, b[N] = { 0 };
  SagGrid grid;
  SagAgreement result;

  sag_grid_init (&grid, (const int[]){ NX, NY, NZ }, (const double[]){ 2, 1, 1 });
  for (int k = 1; k < 8; k++)
    for (int j = 1; j < 8; j++)
      for (int i = 1; i < 9; i++)
        {
          a[i + NX * (j + NY * k)] = 1;
          b[i + 3 + NX * (j + NY * k)] = 1;
        }
  g_assert_true (sag_metrics_compare (a, b, &grid, 1, &result, NULL));
  g_assert_cmpfloat_with_epsilon (result.dice, 5.0 / 8, 1e-12);
  g_assert_cmpfloat_with_epsilon (result.hd95_mm, 6, 1e-6);
  g_assert_true (sag_metrics_compare (a, a, &grid, 1, &result, NULL));
  g_assert_cmpfloat (result.dice, ==, 1);
  g_assert_cmpfloat (result.hd95_mm, ==, 0);
}

static void
test_empty (void)
{
  guint8 a[N] = { 0 }, b[N] = { 0 };
  SagGrid grid;
  SagAgreement result;

  sag_grid_init (&grid, (const int[]){ NX, NY, NZ }, (const double[]){ 1, 1, 1 });
  g_assert_true (sag_metrics_compare (a, b, &grid, 1, &result, NULL));
  g_assert_true (isnan (result.dice));
  g_assert_true (isnan (result.hd95_mm));
  b[7] = 1;
  g_assert_true (sag_metrics_compare (a, b, &grid, 1, &result, NULL));
  g_assert_cmpfloat (result.dice, ==, 0);
  g_assert_true (isnan (result.hd95_mm));
  a[N - 1] = 1;
  g_assert_true (sag_metrics_compare (a, b, &grid, 1, &result, NULL));
  g_assert_cmpfloat (result.dice, ==, 0);
  g_assert_cmpfloat_with_epsilon (result.hd95_mm, sqrt (11 * 11 + 13 * 13 + 8 * 8), 1e-5);
}

static void
test_calibration (void)
{
  /* 100 voxels said to be 0.8 sure, 60 right; 50 said to be certain, all right. */
  guint8 labels[150], truth[150], confidence[150], mask[150];
  SagCalibrationBin bins[10];
  double error;

  for (int n = 0; n < 150; n++)
    {
      labels[n] = 1;
      truth[n] = n < 40 ? 2 : 1;
      confidence[n] = n < 100 ? 204 : 255;
      mask[n] = n < 100;
    }
  error = sag_metrics_calibration (labels, truth, confidence, NULL, 150, 10, bins);
  g_assert_cmpfloat_with_epsilon (error, 0.2 * 100 / 150, 1e-12);
  g_assert_cmpuint (bins[8].n, ==, 100);
  g_assert_cmpfloat_with_epsilon (bins[8].confidence, 0.8, 1e-12);
  g_assert_cmpfloat_with_epsilon (bins[8].accuracy, 0.6, 1e-12);
  g_assert_cmpuint (bins[9].n, ==, 50);
  g_assert_cmpfloat_with_epsilon (
      sag_metrics_calibration (labels, truth, confidence, mask, 150, 10, NULL), 0.2, 1e-12);
  g_assert_true (
      isnan (sag_metrics_calibration (labels, truth, confidence, mask + 100, 50, 10, NULL)));
}

/* A label by its place in two segmentations is what it is by its value in two volumes, whatever it is called there. */
static void
test_places (void)
{
  enum { M = 14 };
  SagLabel labels[2] = { { .value = 2, .number = 700, .name = "here" }, { .value = 9, .number = 700, .name = "there" } };
  SagLabelmap *maps[2];
  SagSegmentation *sides[2];
  GHashTable *places[2];
  SagAgreement by_place, by_value, one;
  g_autofree guint8 *voxels = g_malloc0 (2 * M * M * M);
  SagGrid grid;

  sag_grid_init (&grid, (const int[]){ M, M, M }, (const double[]){ 1, 1.5, 2 });
  for (int side = 0; side < 2; side++)
    {
      maps[side] = sag_labelmap_new (&grid, NULL, &labels[side], 1, NULL);
      /* A sheet that is flat along k, which in a volume is all surface, and a block on one side. */
      for (int p = 0; p < M * M * M; p++)
        {
          int i = p % M, j = p / M % M, k = p / (M * M);

          if ((k == 6 + side && i > 3 && j > 3) || (side == 1 && i < 3 && j < 3 && k < 4))
            {
              sag_labelmap_get_voxels (maps[side])[p] = labels[side].value;
              voxels[side * M * M * M + p] = 1;
            }
        }
      sides[side] = sag_segmentation_new (&maps[side], 1, NULL, NULL, NULL);
      places[side] = sag_segmentation_find_places (sides[side]);
    }
  g_assert_true (sag_metrics_compare (voxels, voxels + M * M * M, &grid, 1, &by_value, NULL));
  g_assert_true (sag_metrics_compare_places (g_hash_table_lookup (places[0], GINT_TO_POINTER (700)),
                                             g_hash_table_lookup (places[1], GINT_TO_POINTER (700)), TRUE, &by_place, NULL));
  g_assert_cmpmem (&by_place, sizeof by_place, &by_value, sizeof by_value);
  g_assert_true (sag_metrics_compare_places (NULL, g_hash_table_lookup (places[1], GINT_TO_POINTER (700)), TRUE, &one, NULL));
  g_assert_cmpuint (one.n_a, ==, 0);
  g_assert_cmpuint (one.n_b, ==, by_value.n_b);
  g_assert_cmpfloat (one.dice, ==, 0);
  g_assert_true (isnan (one.hd95_mm));
  for (int side = 0; side < 2; side++)
    {
      g_hash_table_unref (places[side]);
      sag_segmentation_unref (sides[side]);
      sag_labelmap_unref (maps[side]);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/metrics/brute-force", test_against_brute_force);
  g_test_add_func ("/metrics/moved-cube", test_moved_cube);
  g_test_add_func ("/metrics/empty", test_empty);
  g_test_add_func ("/metrics/calibration", test_calibration);
  g_test_add_func ("/metrics/places", test_places);
  return g_test_run ();
}
