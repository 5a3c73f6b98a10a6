/* SPDX-License-Identifier: Apache-2.0
 *
 * test-components.c: connected parts against a flood fill.
 */
#include "engine/image/components.h"

#include <string.h>

enum { NX = 23, NY = 17, NZ = 12, N = NX * NY * NZ };

static const int size[3] = { NX, NY, NZ };

static void
scatter (guint8 *voxels, guint32 seed, guint32 density)
{
  for (int n = 0; n < N; n++)
    {
      seed = seed * 1664525 + 1013904223;
      voxels[n] = (seed >> 8) % 100 < density ? 1 + (seed >> 28) % 2 : 0;
    }
}

/* Floods from `start` through voxels for which open[n] is set; returns how many. */
static int
flood (const guint8 *open, gint32 *marks, int start, gint32 mark, gboolean corners)
{
  static int stack[N];
  int n_stack = 0, count = 0;

  stack[n_stack++] = start;
  marks[start] = mark;
  while (n_stack > 0)
    {
      int at = stack[--n_stack];

      count++;
      for (int dk = -1; dk <= 1; dk++)
        for (int dj = -1; dj <= 1; dj++)
          for (int di = -1; di <= 1; di++)
            {
              int i = at % NX + di, j = at / NX % NY + dj, k = at / NX / NY + dk,
                  next = i + NX * (j + NY * k);

              if ((!corners && ABS (di) + ABS (dj) + ABS (dk) != 1) || i < 0 || j < 0 || k < 0
                  || i >= NX || j >= NY || k >= NZ || !open[next] || marks[next] != 0)
                continue;
              marks[next] = mark;
              stack[n_stack++] = next;
            }
    }
  return count;
}

static void
test_find (void)
{
  for (guint32 trial = 0; trial < 40; trial++)
    {
      guint8 voxels[N], open[N], value = (guint8) (trial % 3);
      gint32 parts[N], expected[N] = { 0 };
      g_autoptr (GArray) sizes = g_array_new (FALSE, FALSE, sizeof (guint64));
      int n_parts, n = 0;

      scatter (voxels, trial, 2 + trial);
      n_parts = sag_components_find (voxels, size, value, parts, sizes, NULL);
      for (int p = 0; p < N; p++)
        open[p] = value == 0 ? voxels[p] != 0 : voxels[p] == value;
      for (int p = 0; p < N; p++)
        if (open[p] && expected[p] == 0)
          {
            int count = flood (open, expected, p, ++n, TRUE);

            g_assert_cmpint (n, <=, n_parts);
            g_assert_cmpuint (g_array_index (sizes, guint64, n - 1), ==, count);
          }
      g_assert_cmpint (n, ==, n_parts);
      g_assert_cmpuint (sizes->len, ==, n);
      g_assert_cmpmem (parts, sizeof parts, expected, sizeof expected);
      g_assert_cmpint (sag_components_find (voxels, size, value, NULL, NULL, NULL), ==, n);
    }
}

static void
test_keep_largest (void)
{
  for (guint32 trial = 0; trial < 20; trial++)
    {
      guint8 voxels[N], before[N], open[N];
      gint32 marks[N] = { 0 };
      int best = 0, best_mark = 0, n = 0, total = 0;
      gint64 cleared;

      scatter (voxels, 100 + trial, 5 + trial * 2);
      memcpy (before, voxels, N);
      cleared = sag_components_keep_largest (voxels, size, 2, NULL);
      for (int p = 0; p < N; p++)
        open[p] = before[p] == 2;
      for (int p = 0; p < N; p++)
        if (open[p] && marks[p] == 0)
          {
            int count = flood (open, marks, p, ++n, TRUE);

            total += count;
            if (count > best)
              {
                best = count;
                best_mark = n;
              }
          }
      g_assert_cmpint (cleared, ==, total - best);
      for (int p = 0; p < N; p++)
        g_assert_cmpint (voxels[p], ==, before[p] == 2 && marks[p] != best_mark ? 0 : before[p]);
    }
  {
    guint8 none[N] = { 0 };

    g_assert_cmpint (sag_components_keep_largest (none, size, 1, NULL), ==, 0);
    g_assert_cmpint (sag_components_fill_holes (none, size, 1, NULL), ==, 0);
    g_assert_cmpint (sag_components_find (none, size, 0, NULL, NULL, NULL), ==, 0);
  }
}

static void
test_fill_holes (void)
{
  gint64 any = 0;

  for (guint32 trial = 0; trial < 20; trial++)
    {
      guint8 voxels[N], before[N], open[N];
      gint32 marks[N] = { 0 };
      gint64 filled, expected = 0;

      scatter (voxels, 200 + trial, 75 + trial);
      for (int p = 0; p < N; p++)
        if (voxels[p] == 2 && p % 3 != 0)
          voxels[p] = 1;
      memcpy (before, voxels, N);
      filled = sag_components_fill_holes (voxels, size, 1, NULL);
      for (int p = 0; p < N; p++)
        open[p] = before[p] != 1;
      for (int p = 0; p < N; p++)
        {
          int i = p % NX, j = p / NX % NY, k = p / NX / NY;
          gboolean border = i == 0 || j == 0 || k == 0 || i == NX - 1 || j == NY - 1 || k == NZ - 1;

          if (border && open[p] && marks[p] == 0)
            flood (open, marks, p, 1, FALSE);
        }
      for (int p = 0; p < N; p++)
        {
          gboolean hole = open[p] && marks[p] == 0 && before[p] == 0;

          g_assert_cmpint (voxels[p], ==, hole ? 1 : before[p]);
          expected += hole;
        }
      g_assert_cmpint (filled, ==, expected);
      any += expected;
    }
  g_assert_cmpint (any, >, 20);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/components/find", test_find);
  g_test_add_func ("/components/keep-largest", test_keep_largest);
  g_test_add_func ("/components/fill-holes", test_fill_holes);
  return g_test_run ();
}
