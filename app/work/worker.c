/* SPDX-License-Identifier: Apache-2.0
 *
 * worker.c: the process that does the work.
 *
 * The main thread runs the body, so that it owns the one OpenMP team; a second thread listens, so that
 * a cancel is heard while the body runs and the process ends with the window whatever it is doing.
 */
#include "app/work/worker.h"

#include "app/work/contain.h"
#include "app/work/message.h"
#include "engine/base/parallel.h"

#include <string.h>
#include <unistd.h>

#define REPORT_INTERVAL_US 20000
#define BACKGROUND_NICE 5 /* of the compute lane: the window draws first */

typedef struct
{
  int          socket;
  const SagJobBody *body;
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
      if (g_str_equal (message->name, "leave"))
        {
          if (self->body->leave != NULL)
            self->body->leave ();
          _exit (0);
        }
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
sink_expect (guint64 bytes, gpointer data)
{
  sag_contain_memory (bytes, sag_parallel_get_size ());
}

static void
run (Worker *self, const SagJobBody *body, gpointer object, SagMessage *message)
{
  const SagJobSink sink = { sink_report, sink_partial, sink_is_cancelled, sink_expect, self };
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
    g_set_error (&error, SAG_JOB_ERROR, SAG_JOB_ERROR_PROTOCOL,
                 "A job of no known kind was asked for");
  else if (sink_is_cancelled (self))
    g_set_error (&error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "Cancelled");
  else
    result = body->run (object, kind, request, message->fds, &sink, &error);
  sink_expect (0, self);

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
tell_opening (const char *file, gpointer data)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "file", "^ay", file != NULL ? file : "");
  tell (data, "opening", g_variant_dict_end (&dict), NULL);
}

static char **
to_paths (GPtrArray *paths)
{
  g_ptr_array_add (paths, NULL);
  return (char **) paths->pdata;
}

/* The first message: what the jobs of this process may touch. */
static gboolean
contain (Worker *self, const SagJobBody *body, SagJobLane lane)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SagMessage) message = sag_message_receive (self->socket, TRUE, &error);
  g_autoptr (GPtrArray) readable = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) writable = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) avoided = g_ptr_array_new_with_free_func (g_free);
  const struct
  {
    const char *key;
    GPtrArray  *paths;
  } rows[] = { { "readable", readable }, { "writable", writable }, { "avoided", avoided } };

  if (message == NULL || strcmp (message->name, "contain") != 0)
    return FALSE;
  for (gsize n = 0; n < G_N_ELEMENTS (rows); n++)
    {
      g_auto (GStrv) named = NULL;

      if (!g_variant_lookup (message->body, rows[n].key, "^aay", &named))
        return FALSE;
      for (int p = 0; named[p] != NULL; p++)
        g_ptr_array_add (rows[n].paths, g_strdup (named[p]));
    }
  if (body->watch != NULL)
    body->watch (tell_opening, self, (const char *const *) to_paths (avoided));
  if (body->add_folders != NULL)
    body->add_folders (lane, readable, writable);
  sag_contain_files ((const char *const *) to_paths (readable),
                     (const char *const *) to_paths (writable));
  sag_contain_calls ();
  return TRUE;
}

int
sag_worker_main (int argc, char **argv, const SagJobBody *body)
{
  g_autofree char *lane = NULL;
  gint64 memory = 0;
  int socket = -1, parent = 0, n_threads = 0;
  const GOptionEntry entries[] = {
    { "lane", 0, 0, G_OPTION_ARG_STRING, &lane, "io or compute", "LANE" },
    { "socket", 0, 0, G_OPTION_ARG_INT, &socket, "descriptor of the window's socket", "N" },
    { "parent", 0, 0, G_OPTION_ARG_INT, &parent, "process to end with", "PID" },
    { "threads", 0, 0, G_OPTION_ARG_INT, &n_threads, "threads of the team", "N" },
    { "memory", 0, 0, G_OPTION_ARG_INT64, &memory, "limit of the address space", "BYTES" },
    G_OPTION_ENTRY_NULL
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  Worker self = { 0 };
  gpointer object;

  g_option_context_set_summary (context, "Does the work of a window; started by it, not by hand.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || lane == NULL || socket < 0
      || parent <= 0 || memory < 0)
    {
      g_printerr ("sagitta-cli worker: %s\n",
                  error != NULL ? error->message : "this command is started by the window");
      return 2;
    }
  sag_contain_process ((guint64) memory);
  sag_contain_to_parent (parent);
  if (strcmp (lane, "compute") == 0 && nice (BACKGROUND_NICE) == -1)
    g_debug ("the worker keeps its priority");
  sag_parallel_own (SAG_TEAM_COMPUTE, n_threads);
  self.socket = socket;
  self.body = body;
  if (!contain (&self, body, strcmp (lane, "io") == 0 ? SAG_JOB_LANE_IO : SAG_JOB_LANE_COMPUTE))
    return 1;
  self.jobs = g_async_queue_new ();
  object = body->create ();
  g_thread_unref (g_thread_new ("listen", listen_main, &self));
  for (;;)
    {
      g_autoptr (SagMessage) message = g_async_queue_pop (self.jobs);

      run (&self, body, object, message);
    }
}
