/* SPDX-License-Identifier: Apache-2.0
 *
 * parallel.h: work split over outputs.
 *
 * Only outputs are ever split: no result depends on the number of threads. libgomp gives every
 * calling thread a team of its own, so a thread that starts parallel work declares itself first;
 * two teams at once would fight over the cores.
 */
#pragma once

#include <glib.h>

typedef enum
{
  SAG_TEAM_NONE,    /* runs everything on the calling thread */
  SAG_TEAM_RENDER,  /* slices on screen */
  SAG_TEAM_COMPUTE, /* decode and inference */
} SagTeam;

/* One item of work; `thread` is 0 .. team size - 1 and names per-thread scratch. */
typedef void (*SagParallelFunc) (gsize item, int thread, gpointer data);

/* Declares that the calling thread owns `team` of `n_threads` (0: one a core). Until it does,
 * sag_parallel_for() runs serially on it. May be called again to change. */
void sag_parallel_own      (SagTeam         team,
                            int             n_threads);

/* The team size of the calling thread, >= 1: how many scratch areas to prepare. */
int  sag_parallel_get_size (void);

/* Calls `func` for items 0 .. n - 1 in unspecified order and returns when all are done.
 * Not reentrant: from inside `func` it runs serially. */
void sag_parallel_for      (gsize           n,
                            SagParallelFunc func,
                            gpointer        data);

/* Calls `func` on the calling thread, whose team stays awake for the parallel work in it: handing that out
 * then costs less, and waits for no thread that has not begun. For many small pieces one after the
 * other, such as the layers of a network. Within another, or without a team: just calls. */
void sag_parallel_hold     (void          (*func) (gpointer data),
                            gpointer        data);
