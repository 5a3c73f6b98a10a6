/* SPDX-License-Identifier: Apache-2.0
 *
 * test-edit.c: what each tool does to the voxels, and that it can be taken back. */
#include "engine/image/edit.h"

#include <math.h>
#include <string.h>

#define NX 24
#define NY 20
#define NZ 9
#define N (NX * NY * NZ)

static guint8 labels[N], before[N];
static SagGrid grid;
static GArray *changes;

static gsize
at (int i, int j, int k)
{
  return ((gsize) k * NY + j) * NX + i;
}

static void
begin (void)
{
  const int size[3] = { NX, NY, NZ };
  const double spacing[3] = { 1, 2, 3 };

  sag_grid_init (&grid, size, spacing);
  memset (labels, 0, sizeof labels);
  changes = g_array_new (FALSE, FALSE, sizeof (SagChange));
}

/* Everything the tool changed is in the list, and nothing else was. */
static void
end (void)
{
  guint8 after[N];

  memcpy (after, labels, N);
  for (guint n = changes->len; n-- > 0;)
    {
      const SagChange *change = &g_array_index (changes, SagChange, n);

      g_assert_cmpint (after[change->at], ==, change->is);
      after[change->at] = change->was;
    }
  g_assert_cmpmem (after, N, before, N);
  g_array_unref (changes);
}

static int
count (guint8 value)
{
  int n = 0;

  for (int p = 0; p < N; p++)
    n += labels[p] == value;
  return n;
}

static void
test_paint (void)
{
  const double centre[3] = { 10, 20, 9 }; /* voxel (10, 10, 3) */
  int n = 0;

  begin ();
  labels[at (10, 10, 3)] = 7;
  memcpy (before, labels, N);
  sag_edit_paint (labels, &grid, centre, 2, 4.5, 2, NULL, 0, 0, changes);
  for (int j = 0; j < NY; j++)
    for (int i = 0; i < NX; i++)
      {
        gboolean inside = hypot (i - 10.0, 2 * (j - 10.0)) <= 4.5;

        n += inside;
        g_assert_cmpint (labels[at (i, j, 3)], ==, inside ? 2 : 0);
      }
  g_assert_cmpint (count (2), ==, n); /* in no other slice */
  end ();

  /* Across the other axes, and at the border. */
  begin ();
  memcpy (before, labels, N);
  sag_edit_paint (labels, &grid, (const double[]) { 0, 20, 9 }, 0, 5.5, 3, NULL, 0, 0, changes);
  g_assert_cmpint (labels[at (0, 12, 4)], ==, 3); /* 4 mm, 3 mm */
  g_assert_cmpint (labels[at (1, 10, 3)], ==, 0);
  end ();

  /* The smallest brush is a voxel; outside it is none. */
  begin ();
  memcpy (before, labels, N);
  sag_edit_paint (labels, &grid, centre, 2, 0.1, 1, NULL, 0, 0, changes);
  sag_edit_paint (labels, &grid, (const double[]) { 10, 20, 300 }, 2, 5, 1, NULL, 0, 0, changes);
  g_assert_cmpint (count (1), ==, 1);
  g_assert_cmpint (labels[at (10, 10, 3)], ==, 1);
  end ();
}

static void
test_fill (void)
{
  const int inside[3] = { 10, 10, 4 }, outside[3] = { 1, 1, 4 };

  begin ();
  for (int j = 5; j <= 15; j++)
    for (int i = 5; i <= 15; i++)
      labels[at (i, j, 4)] = i == 5 || i == 15 || j == 5 || j == 15 ? 1 : 0;
  memcpy (before, labels, N);
  g_assert_true (sag_edit_fill (labels, &grid, inside, 2, 1, changes));
  g_assert_cmpint (count (1), ==, 121);
  g_assert_false (sag_edit_fill (labels, &grid, outside, 2, 1, changes));
  g_assert_cmpint (count (1), ==, 121);
  end ();
}

static void
test_grow (void)
{
  const int seed[3] = { 4, 4, 4 };
  g_autoptr (SagVolume) volume = NULL;
  int n = 0;

  begin ();
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, 1, 0, "HU", NULL);
  for (int k = 0; k < NZ; k++)
    for (int p = 0; p < NX * NY; p++)
      {
        int i = p % NX, j = p / NX;
        gboolean ball = abs (i - 5) + abs (j - 5) + abs (k - 4) <= 3;

        /* A second ball is as bright, but apart. */
        ball |= abs (i - 18) + abs (j - 15) + abs (k - 4) <= 2;
        ((gint16 *) sag_volume_get_slice (volume, k))[p] = ball ? 100 : 0;
        n += abs (i - 5) + abs (j - 5) + abs (k - 4) <= 3;
      }
  sag_volume_mark_ready (volume, 0, NZ);
  memcpy (before, labels, N);
  g_assert_false (sag_edit_grow (labels, volume, seed, 50, 150, 1, 10, changes));
  g_assert_cmpint (count (1), ==, 0);
  g_assert_true (sag_edit_grow (labels, volume, seed, 50, 150, 1, N, changes));
  g_assert_cmpint (count (1), ==, n);
  end ();
}

/* Between two discs of unlike size there are discs in between. */
static void
test_interpolate (void)
{
  int last;

  begin ();
  for (int j = 0; j < NY; j++)
    for (int i = 0; i < NX; i++)
      {
        labels[at (i, j, 1)] = hypot (i - 11.0, 2 * (j - 9.0)) <= 4;
        labels[at (i, j, 7)] = hypot (i - 11.0, 2 * (j - 9.0)) <= 10;
      }
  labels[at (11, 9, 4)] = 5; /* another label is left alone */
  memcpy (before, labels, N);
  g_assert_true (sag_edit_interpolate (labels, &grid, 1, NULL, changes, NULL));
  g_assert_cmpint (labels[at (11, 9, 4)], ==, 5);
  last = 0;
  for (int k = 1; k <= 7; k++)
    {
      int wide = 0;

      for (int i = 0; i < NX; i++)
        wide += labels[at (i, 9, k)] == 1;
      wide += k == 4;
      g_assert_cmpint (wide, >=, last);
      last = wide;
    }
  g_assert_cmpint (labels[at (11 + 6, 9, 4)], ==, 1); /* halfway: 7 mm */
  g_assert_cmpint (labels[at (11 + 8, 9, 4)], ==, 0);
  end ();
}

static void
test_tidy (void)
{
  g_autoptr (GError) error = NULL;

  begin ();
  for (int k = 2; k <= 6; k++)
    for (int j = 5; j <= 12; j++)
      for (int i = 5; i <= 12; i++)
        labels[at (i, j, k)] = 1;
  labels[at (8, 8, 4)] = 0;  /* a hole */
  labels[at (20, 15, 4)] = 1; /* a speck */
  labels[at (0, 0, 0)] = 2;
  memcpy (before, labels, N);
  g_assert_true (sag_edit_keep_largest (labels, &grid, 1, changes, &error));
  g_assert_cmpint (labels[at (20, 15, 4)], ==, 0);
  g_assert_true (sag_edit_smooth (labels, &grid, 1, NULL, changes, &error));
  g_assert_no_error (error);
  g_assert_cmpint (labels[at (8, 8, 4)], ==, 1);
  g_assert_cmpint (labels[at (5, 5, 2)], ==, 0); /* a corner */
  g_assert_cmpint (labels[at (0, 0, 0)], ==, 2);
  end ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/edit/paint", test_paint);
  g_test_add_func ("/edit/fill", test_fill);
  g_test_add_func ("/edit/grow", test_grow);
  g_test_add_func ("/edit/interpolate", test_interpolate);
  g_test_add_func ("/edit/tidy", test_tidy);
  return g_test_run ();
}
