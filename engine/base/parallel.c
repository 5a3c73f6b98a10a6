/* SPDX-License-Identifier: Apache-2.0
 *
 * parallel.c: work split over outputs, on the calling thread's OpenMP team.
 *
 * A team that is held (sag_parallel_hold) stays inside one parallel region: its threads watch for work,
 * join what they are in time for, and leave. Whoever handed out the work waits for those who joined,
 * never for one that another program keeps from running, as the barrier of a region of its own would.
 */
#include "engine/base/parallel.h"

#include <omp.h>

enum { MAX_TEAM = 256 };

#define OPEN (1u << 31) /* of Held.joined: work is being handed out */
#define PATIENCE 2000   /* looks before a thread sleeps: some tens of microseconds */

/* The items a thread takes first, a cache line apart. */
typedef struct
{
  _Alignas (64) gsize next; /* atomic */
  gsize end;
} Range;

typedef struct
{
  Range          *ranges;
  int             n_ranges;
  SagParallelFunc func;
  gpointer        data;
} Work;

/* A team that is held. */
typedef struct
{
  int   size;
  Work  work;     /* while OPEN, and until all who joined have left */
  _Alignas (64) guint round;  /* atomic: grows with every piece of work, and at the end */
  gboolean over;              /* set before the last round */
  _Alignas (64) guint joined; /* atomic: OPEN, and how many threads besides the owner are at it */
  _Alignas (64) int sleepers; /* atomic: threads that wait for a round */
  int    waits;               /* atomic: the owner sleeps until all have left */
  GMutex lock;                /* for sleeping only */
  GCond  new_round, all_left;
} Held;

static _Thread_local int team_size = 1;
static _Thread_local Held *held;     /* by this thread */
static _Thread_local gboolean inside; /* an item of held work */

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
  if (inside)
    return 1;
  if (held != NULL)
    return held->size;
  return omp_in_parallel () ? 1 : team_size;
}

/* Each thread has a stretch of its own, so that it finds what it wrote in the step before in its own cache,
 * and helps the others when it is through. */
static void
take_items (const Work *work, int thread)
{
  for (int i = 0; i < work->n_ranges; i++)
    {
      Range *range = &work->ranges[(thread + i) % work->n_ranges];
      gsize item;

      while ((item = __atomic_fetch_add (&range->next, 1, __ATOMIC_RELAXED)) < range->end)
        work->func (item, thread, work->data);
    }
}

static void
pause_a_little (void)
{
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause ();
#elif defined(__aarch64__)
  __asm__ volatile ("yield");
#endif
}

/* --- a team that is held -------------------------------------------------------------------- */

static void
next_round (Held *self)
{
  __atomic_fetch_add (&self->round, 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n (&self->sleepers, __ATOMIC_SEQ_CST) == 0)
    return;
  g_mutex_lock (&self->lock);
  g_cond_broadcast (&self->new_round);
  g_mutex_unlock (&self->lock);
}

/* A round after `seen`. */
static guint
wait_for_round (Held *self, guint seen)
{
  guint round;

  for (int i = 0; i < PATIENCE; i++)
    {
      round = __atomic_load_n (&self->round, __ATOMIC_ACQUIRE);
      if (round != seen)
        return round;
      pause_a_little ();
    }
  g_mutex_lock (&self->lock);
  __atomic_fetch_add (&self->sleepers, 1, __ATOMIC_SEQ_CST);
  while ((round = __atomic_load_n (&self->round, __ATOMIC_SEQ_CST)) == seen)
    g_cond_wait (&self->new_round, &self->lock);
  __atomic_fetch_sub (&self->sleepers, 1, __ATOMIC_SEQ_CST);
  g_mutex_unlock (&self->lock);
  return round;
}

/* FALSE if there is nothing to join any more. */
static gboolean
join (Held *self)
{
  guint joined = __atomic_load_n (&self->joined, __ATOMIC_RELAXED);

  while ((joined & OPEN) != 0)
    if (__atomic_compare_exchange_n (&self->joined, &joined, joined + 1, FALSE, __ATOMIC_SEQ_CST,
                                     __ATOMIC_RELAXED))
      return TRUE;
  return FALSE;
}

static void
leave (Held *self)
{
  __atomic_fetch_sub (&self->joined, 1, __ATOMIC_SEQ_CST);
  if (!__atomic_load_n (&self->waits, __ATOMIC_SEQ_CST))
    return;
  g_mutex_lock (&self->lock);
  g_cond_signal (&self->all_left);
  g_mutex_unlock (&self->lock);
}

/* What a thread of the team does until the team is let go. */
static void
serve (Held *self, int thread)
{
  guint seen = 0;

  for (;;)
    {
      seen = wait_for_round (self, seen);
      if (__atomic_load_n (&self->over, __ATOMIC_ACQUIRE))
        return;
      if (!join (self))
        continue;
      inside = TRUE;
      take_items (&self->work, thread);
      inside = FALSE;
      leave (self);
    }
}

static void
wait_until_left (Held *self)
{
  for (int i = 0; i < PATIENCE; i++)
    {
      if (__atomic_load_n (&self->joined, __ATOMIC_ACQUIRE) == 0)
        return;
      pause_a_little ();
    }
  g_mutex_lock (&self->lock);
  __atomic_store_n (&self->waits, TRUE, __ATOMIC_SEQ_CST);
  while (__atomic_load_n (&self->joined, __ATOMIC_SEQ_CST) != 0)
    g_cond_wait (&self->all_left, &self->lock);
  __atomic_store_n (&self->waits, FALSE, __ATOMIC_SEQ_CST);
  g_mutex_unlock (&self->lock);
}

static void
hand_out (Held *self, const Work *work)
{
  self->work = *work;
  __atomic_store_n (&self->joined, OPEN, __ATOMIC_SEQ_CST);
  next_round (self);
  inside = TRUE;
  take_items (work, 0);
  inside = FALSE;
  __atomic_fetch_and (&self->joined, ~OPEN, __ATOMIC_SEQ_CST);
  wait_until_left (self);
}

void
sag_parallel_hold (void (*func) (gpointer data), gpointer data)
{
  Held self = { .size = sag_parallel_get_size () };

  if (self.size == 1 || held != NULL)
    {
      func (data);
      return;
    }
  g_mutex_init (&self.lock);
  g_cond_init (&self.new_round);
  g_cond_init (&self.all_left);
#pragma omp parallel num_threads(self.size)
  {
    int thread = omp_get_thread_num ();

    if (thread == 0)
      {
        held = &self;
        func (data);
        held = NULL;
        __atomic_store_n (&self.over, TRUE, __ATOMIC_RELEASE);
        next_round (&self);
      }
    else
      serve (&self, thread);
  }
  g_cond_clear (&self.all_left);
  g_cond_clear (&self.new_round);
  g_mutex_clear (&self.lock);
}

/* --- work ------------------------------------------------------------------------------------ */

void
sag_parallel_for (gsize n, SagParallelFunc func, gpointer data)
{
  int size = sag_parallel_get_size ();
  Range ranges[MAX_TEAM];
  const Work work = { ranges, size, func, data };

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
  if (held != NULL)
    {
      hand_out (held, &work);
      return;
    }
#pragma omp parallel num_threads(size)
  take_items (&work, omp_get_thread_num ());
}
