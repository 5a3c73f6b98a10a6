/* SPDX-License-Identifier: Apache-2.0
 *
 * test-windows.c: patches along an axis, and which slices of logits live how long.
 */
#include "engine/segment/slabs.h"

#include <math.h>
#include <string.h>

static const int sizes[] = { 1, 2, 7, 16, 17, 31, 64, 100, 161 };
static const int patches[] = { 1, 2, 5, 16, 33, 64 };
static const float overlaps[] = { 0, 0.25f, 0.33f, 0.5f };

typedef void (*Visit) (const SagWindows *windows);

static void
each_layout (Visit visit)
{
  for (gsize s = 0; s < G_N_ELEMENTS (sizes); s++)
    for (gsize p = 0; p < G_N_ELEMENTS (patches); p++)
      for (gsize o = 0; o < G_N_ELEMENTS (overlaps); o++)
        for (int reversed = 0; reversed < 2; reversed++)
          {
            SagWindows windows;

            sag_windows_init (&windows, sizes[s], patches[p], overlaps[o], reversed);
            visit (&windows);
            sag_windows_clear (&windows);
          }
}

/* One or two windows in every voxel, those that find() names, and weights that add up to 1. */
static void
visit_cover (const SagWindows *windows)
{
  g_assert_cmpint (2 * windows->step, >=, windows->patch);
  for (int x = 0; x < windows->size; x++)
    {
      double sum = 0;
      int n = 0, first_seen = -1, first, found;

      for (int w = 0; w < windows->n; w++)
        {
          int at = x - sag_windows_get_start (windows, w);
          float weight;

          if (at < 0 || at >= windows->patch)
            continue;
          weight = windows->weights[w * windows->patch + at];
          g_assert_cmpfloat (weight, >, 0);
          sum += weight;
          first_seen = n++ == 0 ? w : first_seen;
        }
      g_assert_cmpint (n, >=, 1);
      g_assert_cmpint (n, <=, 2);
      g_assert_cmpfloat (fabs (sum - 1), <, 1e-6);
      found = sag_windows_find (windows, x, &first);
      g_assert_cmpint (found, ==, n);
      g_assert_cmpint (first, ==, first_seen);
      if (n == 1)
        g_assert_true (sum == 1);
    }
}

static void
test_cover (void)
{
  each_layout (visit_cover);
}

/* What is laid out from the other end is the mirror image, in bits. */
static void
test_mirror (void)
{
  for (gsize s = 0; s < G_N_ELEMENTS (sizes); s++)
    {
      SagWindows a, b;

      sag_windows_init (&a, sizes[s], 16, 0.33f, FALSE);
      sag_windows_init (&b, sizes[s], 16, 0.33f, TRUE);
      g_assert_cmpint (a.n, ==, b.n);
      for (int w = 0; w < a.n; w++)
        {
          int mirrored = b.n - 1 - w;

          g_assert_cmpint (sag_windows_get_start (&a, w) + 16, ==,
                           sizes[s] - sag_windows_get_start (&b, mirrored));
          for (int p = 0; p < 16; p++)
            g_assert_true (a.weights[w * 16 + p] == b.weights[mirrored * 16 + 15 - p]);
        }
      sag_windows_clear (&a);
      sag_windows_clear (&b);
    }
}

static void
visit_order (const SagWindows *windows)
{
  g_autofree int *order = g_new (int, windows->n);
  g_autofree gboolean *seen = g_new (gboolean, windows->n);
  double centre = windows->start + (windows->patch - 1) / 2.0;

  for (double focus = -10; focus < windows->size + 10; focus += windows->size / 3.0 + 1)
    {
      double best = INFINITY;

      memset (seen, 0, sizeof *seen * (gsize) windows->n);
      sag_windows_order (windows, focus, order);
      for (int n = 0; n < windows->n; n++)
        {
          g_assert_false (seen[order[n]]);
          seen[order[n]] = TRUE;
          best = MIN (best, fabs (centre + order[n] * windows->step - focus));
        }
      g_assert_cmpfloat (fabs (centre + order[0] * windows->step - focus), <=, best + 1e-9);
      /* Those that have been run are always side by side. */
      for (int n = 1, lo = order[0], hi = order[0]; n < windows->n; n++)
        {
          g_assert_true (order[n] == lo - 1 || order[n] == hi + 1);
          lo = MIN (lo, order[n]);
          hi = MAX (hi, order[n]);
        }
    }
}

static void
test_order (void)
{
  each_layout (visit_order);
}

static void
test_taps (void)
{
  SagTap taps[100];

  sag_taps_init (taps, 40, 0.7, 40, 0.7);
  for (int t = 0; t < 40; t++)
    g_assert_true (taps[t].i0 == t && taps[t].w == 0);
  /* Twice as fine: quarters and three quarters, the ends repeated. */
  sag_taps_init (taps, 20, 1, 10, 2);
  for (int t = 0; t < 20; t++)
    {
      double x = CLAMP ((t + 0.5) / 2 - 0.5, 0, 9), got = taps[t].i0 + (double) taps[t].w;

      g_assert_cmpfloat (fabs (x - got), <, 1e-6);
      g_assert_cmpint (taps[t].i1, <=, 9);
    }
  sag_taps_init (taps, 3, 5, 100, 0.1);
  g_assert_cmpint (taps[0].i0, ==, 0);
  g_assert_cmpint (taps[2].i1, ==, 99);
}

/* --- slabs ------------------------------------------------------------------------------- */

typedef struct
{
  int merges; /* slices that were added to another row's */
} Pool;

static void
on_add (int to, int from, gpointer data)
{
  Pool *pool = data;

  g_assert_cmpint (to, !=, from);
  pool->merges++;
}

/* Runs all rows; every target slice is made once, from complete slices, in no more slots than
 * counted. */
static void
play (const SagWindows *windows, int n_targets, double focus)
{
  g_autofree SagTap *taps = g_new (SagTap, n_targets);
  g_autofree int *order = g_new (int, windows->n);
  g_autofree int *made = g_new0 (int, n_targets);
  g_autofree int *rows_at = g_new0 (int, windows->size);
  Pool pool = { 0 };
  int expected = 0, first, most, live = 0;
  SagSlabs slabs;

  sag_taps_init (taps, n_targets, (double) windows->size / n_targets, windows->size, 1);
  sag_windows_order (windows, focus, order);
  most = sag_slabs_count (windows, order, windows->n, taps, n_targets);
  for (int x = 0; x < windows->size; x++)
    expected += sag_windows_find (windows, x, &first) - 1;

  sag_slabs_init (&slabs, windows, order, windows->n, taps, n_targets);
  for (int r = 0; r < windows->n; r++)
    {
      int k0, k1, t0, t1;

      sag_slabs_begin_row (&slabs, order[r], &k0, &k1);
      sag_slabs_end_row (&slabs, order[r], on_add, &pool);
      for (int k = k0; k < k1; k++)
        rows_at[k]++;
      while (sag_slabs_next (&slabs, &t0, &t1))
        {
          for (int t = t0; t < t1; t++)
            {
              made[t]++;
              g_assert_cmpint (rows_at[taps[t].i0], ==,
                               sag_windows_find (windows, taps[t].i0, &first));
              g_assert_cmpint (rows_at[taps[t].i1], ==,
                               sag_windows_find (windows, taps[t].i1, &first));
              g_assert_cmpint (slabs.slot[taps[t].i0], >=, 0);
              g_assert_cmpint (slabs.slot[taps[t].i1], >=, 0);
            }
          sag_slabs_finish (&slabs, t0, t1);
        }
    }
  for (int t = 0; t < n_targets; t++)
    g_assert_cmpint (made[t], ==, 1);
  for (int k = 0; k < windows->size; k++)
    live += slabs.slot[k] >= 0;
  g_assert_cmpint (live, ==, 0);
  g_assert_cmpint (pool.merges, ==, expected);
  g_assert_cmpint (slabs.n_slots, ==, most);
  /* The row being run, what two frontiers keep of their overlaps, and a slice to interpolate from
   * beyond each: not the volume. */
  g_assert_cmpint (most, <=, windows->patch + 2 * (windows->patch - windows->step) + 4);
  sag_slabs_clear (&slabs);
}

static void
visit_slabs (const SagWindows *windows)
{
  play (windows, windows->size, windows->size / 2.0);
  play (windows, 2 * windows->size + 1, 0);
  play (windows, windows->size / 2 + 1, windows->size);
}

static void
test_slabs (void)
{
  each_layout (visit_slabs);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/windows/cover", test_cover);
  g_test_add_func ("/windows/mirror", test_mirror);
  g_test_add_func ("/windows/order", test_order);
  g_test_add_func ("/windows/taps", test_taps);
  g_test_add_func ("/slabs/lives", test_slabs);
  return g_test_run ();
}
