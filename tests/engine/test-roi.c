/* SPDX-License-Identifier: Apache-2.0
 *
 * test-roi.c: voxels inside figures, against plain loops over every voxel. */
#include "engine/image/roi.h"

#include <math.h>

#define NX 20
#define NY 16
#define NZ 6

static double
value_of (int i, int j, int k)
{
  return 3 * i - 2 * j + 7 * k + (i * j) % 5;
}

/* Rows and columns at an angle in the patient, unequal spacing. */
static SagVolume *
make_volume (SagGrid *grid)
{
  const int size[3] = { NX, NY, NZ };
  const double spacing[3] = { 0.8, 1.1, 2.5 };
  const double c = cos (0.3), s = sin (0.3);
  const double direction[9] = { c, -s, 0, s, c, 0, 0, 0, 1 };
  g_autoptr (GError) error = NULL;
  SagVolume *volume;

  sag_grid_init (grid, size, spacing);
  for (int n = 0; n < 9; n++)
    grid->direction[n] = direction[n];
  grid->origin[0] = 12;
  grid->origin[1] = -40;
  grid->origin[2] = 5;
  volume = sag_volume_new_alloc (grid, SAG_VOXEL_I16, 1, 0, "HU", &error);
  g_assert_no_error (error);
  for (int k = 0; k < NZ; k++)
    {
      gint16 *slice = sag_volume_get_slice (volume, k);

      for (int j = 0; j < NY; j++)
        for (int i = 0; i < NX; i++)
          slice[j * NX + i] = (gint16) value_of (i, j, k);
    }
  sag_volume_mark_ready (volume, 0, NZ);
  return volume;
}

static void
init_roi (SagRoi *roi, SagRoiShape shape, const double (*points)[3], int n, const SagGrid *grid)
{
  roi->shape = shape;
  roi->points = points;
  roi->n_points = n;
  for (int c = 0; c < 3; c++)
    {
      roi->right[c] = grid->direction[3 * c];
      roi->down[c] = grid->direction[3 * c + 1];
    }
}

/* Compares with sums over all voxels of slice k of which `inside` says they are. */
static void
check (SagVolume *volume, const SagRoi *roi, int k, gboolean (*inside) (int i, int j))
{
  g_autoptr (GArray) values = sag_roi_collect (volume, roi);
  double sum = 0, squares = 0, low = INFINITY, high = -INFINITY;
  SagRoiStats stats;
  gsize n = 0;

  for (int j = 0; j < NY; j++)
    for (int i = 0; i < NX; i++)
      if (inside (i, j))
        {
          double v = value_of (i, j, k);

          n++;
          sum += v;
          squares += v * v;
          low = MIN (low, v);
          high = MAX (high, v);
        }
  sag_roi_get_stats (values, &stats);
  g_assert_cmpuint (stats.n, ==, n);
  g_assert_cmpfloat_with_epsilon (stats.mean, sum / (double) n, 1e-9);
  g_assert_cmpfloat_with_epsilon (stats.sd,
                                  sqrt (squares / (double) n - (sum / (double) n) * (sum / (double) n)),
                                  1e-6);
  g_assert_cmpfloat (stats.min, ==, low);
  g_assert_cmpfloat (stats.max, ==, high);
}

static gboolean
in_rectangle (int i, int j)
{
  return i >= 3 && i <= 11 && j >= 2 && j <= 9; /* corners on voxel centres count */
}

static gboolean
in_ellipse (int i, int j)
{
  double x = (i - 7.0) * 0.8 / (4.0 * 0.8), y = (j - 5.5) * 1.1 / (3.5 * 1.1);

  return x * x + y * y <= 1 + 1e-9;
}

/* The triangle (2.5, 1.5) (14.3, 1.5) (2.5, 13.3) in voxels: i + j < 15.8 from its corner on. */
static gboolean
in_triangle (int i, int j)
{
  return i >= 3 && j >= 2 && i + j < 16;
}

static void
test_figures (void)
{
  SagGrid grid;
  g_autoptr (SagVolume) volume = make_volume (&grid);
  const double box[2][3] = { { 3, 2, 4 }, { 11, 9, 4 } };
  const double corners[3][3] = { { 2.5, 1.5, 4.2 }, { 14.3, 1.5, 4.2 }, { 2.5, 13.3, 4.2 } };
  double points[3][3];
  SagRoi roi;

  for (int p = 0; p < 2; p++)
    sag_grid_to_lps (&grid, box[p], points[p]);
  init_roi (&roi, SAG_ROI_RECTANGLE, (const double (*)[3]) points, 2, &grid);
  check (volume, &roi, 4, in_rectangle);
  g_assert_cmpfloat_with_epsilon (sag_roi_area (&roi), 8 * 0.8 * 7 * 1.1, 1e-9);
  init_roi (&roi, SAG_ROI_ELLIPSE, (const double (*)[3]) points, 2, &grid);
  check (volume, &roi, 4, in_ellipse);
  g_assert_cmpfloat_with_epsilon (sag_roi_area (&roi), G_PI * 4 * 0.8 * 3.5 * 1.1, 1e-9);

  /* Between two slices the nearest one is meant. */
  for (int p = 0; p < 3; p++)
    sag_grid_to_lps (&grid, corners[p], points[p]);
  init_roi (&roi, SAG_ROI_POLYGON, (const double (*)[3]) points, 3, &grid);
  check (volume, &roi, 4, in_triangle);
  g_assert_cmpfloat_with_epsilon (sag_roi_area (&roi), 11.8 * 0.8 * 11.8 * 1.1 / 2, 1e-9);
}

/* On a tilted plane a linear ramp is met exactly by linear interpolation: the mean over a figure that is
 * symmetric about its middle is the ramp there. */
static void
test_oblique (void)
{
  const int size[3] = { 40, 40, 40 };
  const double spacing[3] = { 1, 1, 1 };
  const double h = sqrt (0.5);
  SagGrid grid;
  SagVolume *volume;
  double points[2][3] = { { 12, 15, 15 }, { 0, 0, 0 } };
  SagRoi roi = { .shape = SAG_ROI_ELLIPSE, .n_points = 2, .right = { 1, 0, 0 }, .down = { 0, h, h } };
  g_autoptr (GArray) values = NULL;
  SagRoiStats stats;

  sag_grid_init (&grid, size, spacing);
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_F32, 1, 0, "", NULL);
  for (int k = 0; k < 40; k++)
    for (int n = 0; n < 1600; n++)
      ((float *) sag_volume_get_slice (volume, k))[n] = (float) (n % 40 + 2 * (n / 40) + 3 * k);
  sag_volume_mark_ready (volume, 0, 40);
  for (int c = 0; c < 3; c++)
    points[1][c] = points[0][c] + 12 * roi.right[c] + 8 * roi.down[c];
  roi.points = (const double (*)[3]) points;
  values = sag_roi_collect (volume, &roi);
  sag_roi_get_stats (values, &stats);
  g_assert_cmpfloat_with_epsilon (stats.mean, 18 + 2 * (15 + 4 * h) + 3 * (15 + 4 * h), 1e-4);
  g_assert_cmpfloat_with_epsilon ((double) stats.n, G_PI * 6 * 4, 6);
  sag_volume_unref (volume);
}

static void
test_edges (void)
{
  SagGrid grid;
  g_autoptr (SagVolume) volume = make_volume (&grid);
  const double ijk[2][3] = { { -50, -50, 2 }, { 500, 500, 2 } };
  const double beside[2][3] = { { 3, 3, 40 }, { 8, 8, 40 } };
  double points[2][3];
  guint bins[4];
  SagRoi roi;
  SagRoiStats stats;

  for (int p = 0; p < 2; p++)
    sag_grid_to_lps (&grid, ijk[p], points[p]);
  init_roi (&roi, SAG_ROI_RECTANGLE, (const double (*)[3]) points, 2, &grid);
  {
    g_autoptr (GArray) all = sag_roi_collect (volume, &roi);
    const double few[] = { 0, 1, 2, 3, 4 };
    g_autoptr (GArray) five = g_array_new (FALSE, FALSE, sizeof (double));

    g_assert_cmpuint (all->len, ==, NX * NY); /* the whole slice and no more */
    g_array_append_vals (five, few, 5);
    sag_roi_histogram (five, 0, 4, 4, bins);
    g_assert_cmpuint (bins[0], ==, 1);
    g_assert_cmpuint (bins[3], ==, 2); /* the last is closed */
  }
  for (int p = 0; p < 2; p++)
    sag_grid_to_lps (&grid, beside[p], points[p]);
  {
    g_autoptr (GArray) none = sag_roi_collect (volume, &roi);

    g_assert_cmpuint (none->len, ==, 0);
    sag_roi_get_stats (none, &stats);
    g_assert_true (isnan (stats.mean));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/roi/figures", test_figures);
  g_test_add_func ("/roi/oblique", test_oblique);
  g_test_add_func ("/roi/edges", test_edges);
  return g_test_run ();
}
