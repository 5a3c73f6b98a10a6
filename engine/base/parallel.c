/* SPDX-License-Identifier: Apache-2.0
 *
 * parallel.c: work split over outputs, on the calling thread's OpenMP team.
 */
#include "engine/base/parallel.h"

#include <omp.h>

static _Thread_local int team_size = 1;

void
sag_parallel_own (SagTeam team, int n_threads)
{
  if (team == SAG_TEAM_NONE)
    n_threads = 1;
  else if (n_threads <= 0)
    n_threads = (int) g_get_num_processors ();
  team_size = CLAMP (n_threads, 1, 256);
}

int
sag_parallel_get_size (void)
{
  return omp_in_parallel () ? 1 : team_size;
}

void
sag_parallel_for (gsize n, SagParallelFunc func, gpointer data)
{
  int size = sag_parallel_get_size ();

  if (size == 1 || n <= 1)
    {
      for (gsize i = 0; i < n; i++)
        func (i, 0, data);
      return;
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(size)
  for (gsize i = 0; i < n; i++)
    func (i, omp_get_thread_num (), data);
}
