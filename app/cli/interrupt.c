/* SPDX-License-Identifier: Apache-2.0
 *
 * interrupt.c: a command that is told to end takes what it had begun with it.
 *
 * A handler may not walk folders; so the signals are blocked, and a thread waits for them.
 */
#include "app/cli/interrupt.h"

#include "app/files/leftovers.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define PATIENCE 100 /* milliseconds in which a signal that was sent to all of us has been seen */

static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
static GMutex lock;
static pid_t worker;   /* the child that is told instead */
static gint told;      /* the number that was passed on to it */
static gint is_ending;

static void
get_signals (sigset_t *set)
{
  sigemptyset (set);
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      struct sigaction old;

      if (sigaction (numbers[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
        sigaddset (set, numbers[i]);
    }
}

static void
die (int number)
{
  sigset_t set;

  sigemptyset (&set);
  sigaddset (&set, number);
  pthread_sigmask (SIG_UNBLOCK, &set, NULL);
  kill (getpid (), number);
}

static gboolean
pass_on (int number)
{
  gboolean is_passed;

  g_mutex_lock (&lock);
  is_passed = worker > 0;
  if (is_passed)
    {
      g_atomic_int_set (&told, number);
      kill (worker, number);
    }
  g_mutex_unlock (&lock);
  return is_passed;
}

static void *
wait_for_signals (void *data)
{
  sigset_t set;
  int number;

  (void) data;
  get_signals (&set);
  while (sigwait (&set, &number) == 0)
    if (!pass_on (number))
      {
        g_atomic_int_set (&is_ending, TRUE);
        sag_leftovers_remove ();
        die (number);
      }
  return NULL;
}

gboolean
sag_interrupt_is_ending (void)
{
  return g_atomic_int_get (&is_ending);
}

void
sag_interrupt_settle (void)
{
  while (sag_interrupt_is_ending ())
    pause ();
}

void
sag_interrupt_open (void)
{
  sigset_t set;
  pthread_t thread;

  get_signals (&set);
  pthread_sigmask (SIG_BLOCK, &set, NULL);
  if (pthread_create (&thread, NULL, wait_for_signals, NULL) != 0)
    sag_interrupt_close ();
  else
    pthread_detach (thread);
  atexit (sag_interrupt_settle);
}

void
sag_interrupt_close (void)
{
  sigset_t set;

  get_signals (&set);
  pthread_sigmask (SIG_UNBLOCK, &set, NULL);
}

pid_t
sag_interrupt_fork (void)
{
  pid_t child;

  g_mutex_lock (&lock);
  child = fork ();
  worker = MAX (child, 0);
  g_mutex_unlock (&lock);
  if (child == 0)
    sag_interrupt_close ();
  return child;
}

void
sag_interrupt_follow (int number)
{
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    for (int n = 0; numbers[i] == number && n < PATIENCE; n++)
      {
        if (g_atomic_int_get (&told) == number)
          die (number);
        g_usleep (1000);
      }
}
