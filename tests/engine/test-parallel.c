/* SPDX-License-Identifier: Apache-2.0
 *
 * test-parallel.c: every item once, by a thread of the team, whether the team is held or not.
 */
#include "engine/base/parallel.h"

#define MOST 1000

typedef struct
{
  int size;
  int seen[MOST];   /* atomic: how often each item was done */
  int threads[8];   /* atomic: items of each thread */
  int inner;        /* atomic: items of the work that items handed out */
  gboolean nested;
} Count;

static void
count_inner (gsize item, int thread, gpointer data)
{
  Count *count = data;

  g_assert_cmpint (thread, ==, 0);
  g_atomic_int_inc (&count->inner);
}

static void
count_item (gsize item, int thread, gpointer data)
{
  Count *count = data;

  g_assert_cmpint (thread, >=, 0);
  g_assert_cmpint (thread, <, count->size);
  g_atomic_int_inc (&count->seen[item]);
  g_atomic_int_inc (&count->threads[thread]);
  if (!count->nested)
    return;
  g_assert_cmpint (sag_parallel_get_size (), ==, 1);
  sag_parallel_for (3, count_inner, count);
}

static void
check (int n, int size, gboolean nested)
{
  Count count = { .size = size, .nested = nested };
  int total = 0;

  g_assert_cmpint (sag_parallel_get_size (), ==, size);
  sag_parallel_for ((gsize) n, count_item, &count);
  for (int i = 0; i < n; i++)
    g_assert_cmpint (count.seen[i], ==, 1);
  for (int t = 0; t < size; t++)
    total += count.threads[t];
  g_assert_cmpint (total, ==, n);
  g_assert_cmpint (count.inner, ==, nested ? 3 * n : 0);
}

static void
check_all (gpointer data)
{
  const int n[] = { 0, 1, 2, 3, 7, 64, MOST };
  int size = GPOINTER_TO_INT (data);

  for (gsize i = 0; i < G_N_ELEMENTS (n); i++)
    {
      check (n[i], size, FALSE);
      if (n[i] != 1)
        check (n[i], size, TRUE);
    }
}

/* Held twice is held once. */
static void
hold_again (gpointer data)
{
  sag_parallel_hold (check_all, data);
  check_all (data);
}

static void
test_items (void)
{
  for (int size = 1; size <= 5; size += 2)
    {
      sag_parallel_own (SAG_TEAM_COMPUTE, size);
      check_all (GINT_TO_POINTER (size));
      sag_parallel_hold (check_all, GINT_TO_POINTER (size));
      sag_parallel_hold (hold_again, GINT_TO_POINTER (size));
      check_all (GINT_TO_POINTER (size));
    }
  sag_parallel_own (SAG_TEAM_NONE, 0);
}

static void
add_to (gsize item, int thread, gpointer data)
{
  ((gsize *) data)[item] += item;
}

/* Small pieces one after the other, with pauses in which threads fall asleep: each sees what the one
 * before wrote. */
static void
many_rounds (gpointer data)
{
  gsize *sums = data;

  for (int round = 0; round < 20000; round++)
    {
      sag_parallel_for (1 + (gsize) round % 16, add_to, sums);
      if (round % 2000 == 0)
        g_usleep (2000);
    }
}

static void
test_rounds (void)
{
  gsize sums[16] = { 0 };

  sag_parallel_own (SAG_TEAM_COMPUTE, 3);
  sag_parallel_hold (many_rounds, sums);
  sag_parallel_own (SAG_TEAM_NONE, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (sums); i++)
    g_assert_cmpuint (sums[i], ==, i * (20000 / 16) * (16 - i));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/parallel/items", test_items);
  g_test_add_func ("/parallel/rounds", test_rounds);
  return g_test_run ();
}
