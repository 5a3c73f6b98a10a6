/* SPDX-License-Identifier: Apache-2.0
 *
 * parallel.c: work split over outputs, on the calling thread's OpenMP team.
 */
#include "engine/base/parallel.h"

#include <omp.h>

enum { MAX_TEAM = 256 };

static _Thread_local int team_size = 1;

void
sag_parallel_own (SagTeam team, int n_threads)
{
  if (team == SAG_TEAM_NONE)
    n_threads = 1;
  else if (n_threads <= 0)
    n_threads = (int) g_get_num_processors ();
  team_size = CLAMP (n_threads, 1, MAX_TEAM);
}

int
sag_parallel_get_size (void)
{
  return omp_in_parallel () ? 1 : team_size;
}

/* The items a thread takes first, a cache line apart. */
typedef struct
{
  _Alignas (64) gsize next; /* atomic */
  gsize end;
} Range;

/* Each thread has a stretch of its own, so that it finds what it wrote in the step before in its own cache,
 * and helps the others when it is through. */
static void
take_items (Range *ranges, int n_ranges, int thread, SagParallelFunc func, gpointer data)
{
  for (int i = 0; i < n_ranges; i++)
    {
      Range *range = &ranges[(thread + i) % n_ranges];
      gsize item;

      while ((item = __atomic_fetch_add (&range->next, 1, __ATOMIC_RELAXED)) < range->end)
        func (item, thread, data);
    }
}

void
sag_parallel_for (gsize n, SagParallelFunc func, gpointer data)
{
  int size = sag_parallel_get_size ();
  Range ranges[MAX_TEAM];

  if (size == 1 || n <= 1)
    {
      for (gsize i = 0; i < n; i++)
        func (i, 0, data);
      return;
    }
  for (int i = 0; i < size; i++)
    {
      ranges[i].next = n / (gsize) size * (gsize) i + MIN ((gsize) i, n % (gsize) size);
      ranges[i].end = n / (gsize) size * (gsize) (i + 1) + MIN ((gsize) i + 1, n % (gsize) size);
    }
#pragma omp parallel num_threads(size)
  take_items (ranges, size, omp_get_thread_num (), func, data);
}
