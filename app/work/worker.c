/* SPDX-License-Identifier: Apache-2.0
 *
 * worker.c: the process that does the work.
 *
 * The main thread runs the body, so that it owns the one OpenMP team; a second thread listens, so that
 * a cancel is heard while the body runs and the process ends with the window whatever it is doing.
 */
#include "app/work/worker.h"

#include "app/work/message.h"
#include "engine/base/parallel.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define REPORT_INTERVAL_US 20000

typedef struct
{
  int          socket;
  GAsyncQueue *jobs;      /* of SagMessage */
  gint         cancelled; /* atomic: serial number of the job to stop, as gint */
  guint32      serial;    /* of the running job; main thread */
  gint64       reported;  /* when */
} Worker;

/* Whom to tell is gone: nothing is worth finishing. */
static void
tell (Worker *self, const char *name, GVariant *body, GUnixFDList *fds)
{
  g_autoptr (GError) error = NULL;

  if (!sag_message_send (self->socket, self->serial, name, body, fds, TRUE, &error))
    _exit (1);
}

static gpointer
listen_main (gpointer data)
{
  Worker *self = data;

  for (;;)
    {
      g_autoptr (GError) error = NULL;
      SagMessage *message = sag_message_receive (self->socket, TRUE, &error);

      if (message == NULL)
        _exit (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED) ? 0 : 1);
      if (g_str_equal (message->name, "job"))
        g_async_queue_push (self->jobs, message);
      else
        {
          if (g_str_equal (message->name, "cancel"))
            g_atomic_int_set (&self->cancelled, (gint) message->serial);
          sag_message_free (message);
        }
    }
}

static void
sink_report (double fraction, const char *message, gpointer data)
{
  Worker *self = data;
  gint64 now = g_get_monotonic_time ();
  GVariantDict dict;

  if (now - self->reported < REPORT_INTERVAL_US)
    return;
  self->reported = now;
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "fraction", "d", fraction);
  if (message != NULL)
    g_variant_dict_insert (&dict, "message", "s", message);
  tell (self, "report", g_variant_dict_end (&dict), NULL);
}

static void
sink_partial (const char *name, GVariant *body, GUnixFDList *fds, gpointer data)
{
  g_autoptr (GVariant) owned = g_variant_take_ref (body);
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "name", "s", name);
  g_variant_dict_insert_value (&dict, "body", owned);
  tell (data, "partial", g_variant_dict_end (&dict), fds);
}

static gboolean
sink_is_cancelled (gpointer data)
{
  Worker *self = data;

  return (guint32) g_atomic_int_get (&self->cancelled) == self->serial;
}

static void
run (Worker *self, const SagJobBody *body, gpointer object, SagMessage *message)
{
  const SagJobSink sink = { sink_report, sink_partial, sink_is_cancelled, self };
  g_autoptr (GVariant) request = g_variant_lookup_value (message->body, "request",
                                                         G_VARIANT_TYPE_VARDICT);
  g_autoptr (GError) error = NULL;
  GVariant *result = NULL;
  GVariantDict dict;
  const char *name;
  SagJobKind kind;

  self->serial = message->serial;
  self->reported = 0;
  g_variant_dict_init (&dict, NULL);
  tell (self, "begin", g_variant_dict_end (&dict), NULL);
  if (request == NULL || !g_variant_lookup (message->body, "kind", "&s", &name)
      || !sag_job_kind_from_name (name, &kind))
    g_set_error (&error, SAG_JOB_ERROR, SAG_JOB_ERROR_PROTOCOL, "A job of no known kind was asked for");
  else if (sink_is_cancelled (self))
    g_set_error (&error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "Cancelled");
  else
    result = body->run (object, kind, request, message->fds, &sink, &error);

  g_variant_dict_init (&dict, NULL);
  if (result != NULL)
    {
      g_autoptr (GVariant) owned = g_variant_take_ref (result);

      g_variant_dict_insert_value (&dict, "result", owned);
      tell (self, "done", g_variant_dict_end (&dict), NULL);
    }
  else
    {
      g_autofree char *text = g_utf8_make_valid (error->message, -1);

      g_variant_dict_insert (&dict, "message", "s", text);
      g_variant_dict_insert (&dict, "cancelled", "b",
                             g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
      tell (self, "failed", g_variant_dict_end (&dict), NULL);
    }
}

static void
limit (int resource, guint64 value)
{
  struct rlimit limits;

  if (getrlimit (resource, &limits) != 0)
    return;
  limits.rlim_cur = limits.rlim_max == RLIM_INFINITY ? value : MIN (value, limits.rlim_max);
  limits.rlim_max = limits.rlim_cur;
  setrlimit (resource, &limits);
}

static void
contain (const SagWorkerOptions *options)
{
  if (options->parent > 0)
    {
      prctl (PR_SET_PDEATHSIG, SIGKILL);
      if (getppid () != options->parent) /* it died before we asked */
        _exit (1);
    }
  prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  /* Patients' data stay out of core files: a limit of 1 byte also stops handlers that are piped to, which
   * a limit of 0 does not (core(5), do_coredump). */
  limit (RLIMIT_CORE, 1);
  if (options->address_space_bytes > 0)
    limit (RLIMIT_AS, options->address_space_bytes);
  if (options->nice > 0 && nice (options->nice) == -1)
    g_debug ("the worker keeps its priority");
}

void
sag_worker_run (const SagJobBody *body, const SagWorkerOptions *options)
{
  Worker self = { .socket = options->socket, .jobs = g_async_queue_new () };
  gpointer object;

  contain (options);
  sag_parallel_own (SAG_TEAM_COMPUTE, options->n_threads);
  object = body->create ();
  g_thread_unref (g_thread_new ("listen", listen_main, &self));
  for (;;)
    {
      g_autoptr (SagMessage) message = g_async_queue_pop (self.jobs);

      run (&self, body, object, message);
    }
}
