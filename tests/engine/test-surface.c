/* SPDX-License-Identifier: Apache-2.0
 *
 * test-surface.c: closed, outward, and as large as the voxels. */
#include "engine/base/error.h"
#include "engine/image/surface.h"

#include <math.h>
#include <string.h>

#define N 24

static SagLabelmap *
make_map (gboolean left_handed, guint8 **voxels)
{
  static const SagLabel label = { .value = 3, .name = "Thing" };
  /* Oblique, uneven, and far from the origin, as real ones are. */
  const double c = 0.8, s = 0.6;
  SagGrid grid = { .size = { N, N, N }, .spacing = { 0.7, 0.9, 2.5 }, .origin = { -214.3, 88.1, 1511.5 },
                   .direction = { c, -s, 0, s, c, 0, 0, 0, left_handed ? -1 : 1 } };
  SagLabelmap *map = sag_labelmap_new (&grid, NULL, &label, 1, NULL);

  *voxels = sag_labelmap_get_voxels (map);
  return map;
}

static void
set (guint8 *voxels, int i, int j, int k)
{
  voxels[(k * N + j) * N + i] = 3;
}

static int
compare_edges (gconstpointer a, gconstpointer b)
{
  guint64 x = *(const guint64 *) a, y = *(const guint64 *) b;

  return x < y ? -1 : x > y;
}

/* Every directed edge once, and its reverse once: closed, no edge of three triangles, all looking out. */
static gsize
check_closed (const SagSurface *surface)
{
  g_autoptr (GArray) edges = g_array_new (FALSE, FALSE, sizeof (guint64));
  gsize n = surface->n_triangles * 3;

  for (gsize t = 0; t < surface->n_triangles; t++)
    for (int v = 0; v < 3; v++)
      {
        guint64 a = surface->triangles[t][v], b = surface->triangles[t][(v + 1) % 3];
        guint64 edge = a << 32 | b;

        g_assert_cmpuint (a, <, surface->n_points);
        g_assert_cmpuint (a, !=, b);
        g_array_append_val (edges, edge);
      }
  g_array_sort (edges, compare_edges);
  for (gsize e = 0; e < n; e++)
    {
      guint64 edge = g_array_index (edges, guint64, e), back = edge << 32 | edge >> 32;

      if (e > 0)
        g_assert_cmpuint (edge, !=, g_array_index (edges, guint64, e - 1));
      g_assert_true (g_array_binary_search (edges, &back, compare_edges, NULL));
    }
  return n / 2;
}

static double
voxels_mm3 (const guint8 *voxels)
{
  int n = 0;

  for (int p = 0; p < N * N * N; p++)
    n += voxels[p] == 3;
  return n * 0.7 * 0.9 * 2.5;
}

static void
check (SagLabelmap *map, const guint8 *voxels, int smooth)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SagSurface) surface = sag_surface_new (map, 3, smooth, NULL, &error);
  double volume = voxels_mm3 (voxels);

  g_assert_no_error (error);
  check_closed (surface);
  g_assert_cmpfloat_with_epsilon (sag_surface_get_volume (surface), volume, 0.02 * volume);
}

static void
paint_ball (guint8 *voxels, double radius_mm)
{
  for (int k = 0; k < N; k++)
    for (int j = 0; j < N; j++)
      for (int i = 0; i < N; i++)
        {
          double x = (i - 11.5) * 0.7, y = (j - 11.5) * 0.9, z = (k - 11.5) * 2.5;

          if (x * x + y * y + z * z <= radius_mm * radius_mm)
            set (voxels, i, j, k);
        }
}

static void
test_ball (void)
{
  for (int left_handed = 0; left_handed < 2; left_handed++)
    for (int smooth = 0; smooth <= 20; smooth += 20)
      {
        guint8 *voxels;
        g_autoptr (SagLabelmap) map = make_map (left_handed, &voxels);
        g_autoptr (SagSurface) surface = NULL;
        gsize n_edges;

        paint_ball (voxels, 7.5);
        check (map, voxels, smooth);
        surface = sag_surface_new (map, 3, smooth, NULL, NULL);
        n_edges = check_closed (surface);
        /* Euler: a sphere. */
        g_assert_cmpint ((gint64) surface->n_points - (gint64) n_edges + (gint64) surface->n_triangles, ==, 2);
      }
}

/* Where voxels touch along an edge or at a corner only, simpler methods make edges of four triangles. */
static void
test_touching (void)
{
  static const int steps[][3] = { { 0, 0, 0 }, { 1, 0, 0 }, { 1, 1, 0 }, { 1, 1, 1 }, { 1, -1, 0 },
                                  { -1, 0, 1 }, { 0, 1, -1 }, { 1, -1, 1 }, { -1, 1, 1 } };

  for (guint s = 0; s < G_N_ELEMENTS (steps); s++)
    {
      guint8 *voxels;
      g_autoptr (SagLabelmap) map = make_map (s % 2, &voxels);

      set (voxels, 10, 10, 10);
      set (voxels, 10 + steps[s][0], 10 + steps[s][1], 10 + steps[s][2]);
      check (map, voxels, 0);
    }
}

static void
test_noise (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  guint8 *voxels;
  g_autoptr (SagLabelmap) map = make_map (FALSE, &voxels);

  for (int p = 0; p < N * N * N; p++)
    voxels[p] = (guint8) (g_rand_int (rand) % 2 * 3);
  check (map, voxels, 0); /* reaches every border, and is closed there */
  check (map, voxels, 5);
}

/* Points lie where the patient has the label: on the faces of the box. */
static void
test_place (void)
{
  guint8 *voxels;
  g_autoptr (SagLabelmap) map = make_map (FALSE, &voxels);
  g_autoptr (SagSurface) surface = NULL;
  double low[3] = { G_MAXDOUBLE, G_MAXDOUBLE, G_MAXDOUBLE }, high[3] = { 0 };

  memset (high, 0, sizeof high);
  for (int a = 0; a < 3; a++)
    high[a] = -G_MAXDOUBLE;
  for (int k = 4; k < 20; k++)
    for (int j = 5; j < 18; j++)
      for (int i = 2; i < 22; i++)
        set (voxels, i, j, k);
  surface = sag_surface_new (map, 3, 0, NULL, NULL);
  for (gsize p = 0; p < surface->n_points; p++)
    {
      double ijk[3];

      sag_grid_to_ijk (sag_labelmap_get_grid (map), surface->points[p], ijk);
      for (int a = 0; a < 3; a++)
        {
          low[a] = MIN (low[a], ijk[a]);
          high[a] = MAX (high[a], ijk[a]);
        }
    }
  g_assert_cmpfloat_with_epsilon (low[0], 1.5, 0.1);
  g_assert_cmpfloat_with_epsilon (high[0], 21.5, 0.1);
  g_assert_cmpfloat_with_epsilon (low[2], 3.5, 0.1);
  g_assert_cmpfloat_with_epsilon (high[2], 19.5, 0.1);
}

static gboolean
stop (double fraction, gpointer data)
{
  return fraction < *(double *) data;
}

static void
test_refusals (void)
{
  guint8 *voxels;
  g_autoptr (SagLabelmap) map = make_map (FALSE, &voxels);
  g_autoptr (GError) error = NULL;

  g_assert_null (sag_surface_new (map, 3, 0, NULL, &error));
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID);
  paint_ball (voxels, 5);
  for (double at = 0; at < 1; at += 0.21)
    {
      const SagTick tick = { stop, &at };

      g_clear_error (&error);
      g_assert_null (sag_surface_new (map, 3, 10, &tick, &error));
      g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_CANCELLED);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/surface/ball", test_ball);
  g_test_add_func ("/surface/touching", test_touching);
  g_test_add_func ("/surface/noise", test_noise);
  g_test_add_func ("/surface/place", test_place);
  g_test_add_func ("/surface/refusals", test_refusals);
  return g_test_run ();
}
