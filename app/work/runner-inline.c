/* SPDX-License-Identifier: Apache-2.0
 *
 * runner-inline.c: jobs on threads of this process: for tests and the command line.
 */
#include "app/work/runner.h"
#include "engine/base/parallel.h"

typedef struct
{
  GThread     *thread;
  GAsyncQueue *queue; /* of SagJob, or `end_mark` */
  SagJobLane   lane;
} Lane;

static const SagJobBody *job_body;
static int team_size;
static Lane lanes[SAG_N_JOB_LANES];
static char end_mark;

static void
report (double fraction, const char *message, gpointer data)
{
  sag_job_report (data, fraction, message);
}

static void
partial (const char *name, GVariant *body, GUnixFDList *fds, gpointer data)
{
  sag_job_partial (data, name, body, fds);
}

static gboolean
is_cancelled (gpointer data)
{
  return g_cancellable_is_cancelled (sag_job_get_cancellable (data));
}

/* Threads share one address space, which is not this job's to limit. */
static void
expect (guint64 bytes, gpointer data)
{
}

static void
run (SagJob *job, gpointer self)
{
  const SagJobSink sink = { report, partial, is_cancelled, expect, job };
  g_autoptr (GError) error = NULL;
  GVariant *result = NULL;

  sag_job_begin (job);
  if (!g_cancellable_set_error_if_cancelled (sag_job_get_cancellable (job), &error))
    result = job_body->run (self, sag_job_get_kind (job), sag_job_get_request (job),
                            sag_job_get_fds (job), &sink, &error);
  sag_job_end (job, result, g_steal_pointer (&error));
}

static gpointer
lane_main (gpointer data)
{
  Lane *lane = data;
  gpointer self = job_body->create ();
  gpointer item;

  if (lane->lane == SAG_JOB_LANE_COMPUTE)
    sag_parallel_own (SAG_TEAM_COMPUTE, team_size);
  while ((item = g_async_queue_pop (lane->queue)) != &end_mark)
    {
      run (item, self);
      g_object_unref (item);
    }
  job_body->destroy (self);
  return NULL;
}

static void
start (SagJob *job, gpointer data)
{
  Lane *lane = &lanes[sag_job_get_lane (job)];

  if (lane->thread == NULL)
    {
      lane->lane = sag_job_get_lane (job);
      lane->queue = g_async_queue_new ();
      lane->thread = g_thread_new (lane->lane == SAG_JOB_LANE_IO ? "io" : "compute", lane_main, lane);
    }
  g_async_queue_push_sorted (lane->queue, g_object_ref (job), sag_job_compare, NULL);
}

/* Without `cancel`: the body asks its sink, a queued job its cancellable. */
static const SagJobRunner inline_runner = { start, NULL };

void
sag_runner_inline_install (const SagJobBody *body, int n_threads)
{
  job_body = body;
  team_size = n_threads;
  sag_job_set_runner (&inline_runner, NULL);
}

void
sag_runner_inline_remove (void)
{
  sag_job_set_runner (NULL, NULL);
  for (int n = 0; n < SAG_N_JOB_LANES; n++)
    if (lanes[n].thread != NULL)
      {
        g_async_queue_push (lanes[n].queue, &end_mark);
        g_thread_join (lanes[n].thread);
        g_async_queue_unref (lanes[n].queue);
        lanes[n] = (Lane) { 0 };
      }
}
