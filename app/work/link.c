/* SPDX-License-Identifier: Apache-2.0
 *
 * link.c: the runner that has jobs done by child processes.
 *
 * A lane is idle (no child, or one that waits) or busy (`job` is set). A cancelled job stays the lane's
 * until the child has answered or the grace timer has had it killed.
 */
#include "app/work/link.h"

#include "app/work/message.h"
#include "app/work/runner.h"

#include <glib/gi18n-lib.h>
#include <glib-unix.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_SOCKET 3
#define MESSAGES_A_TURN 64 /* read before the main loop may draw again */
#define REAP_MS 10
#define REAP_DEAD_MS 250 /* it closed its socket: the memory is given back before that */
#define LEAVE_MS 500
#define MAX_NAMED 256 /* paths of one job that are told one by one; of more, their folders */

typedef struct
{
  SagLink   *link;
  SagJobLane lane;
  GQueue     queue;  /* of SagJob: waiting */
  SagJob    *job;    /* what the child is doing; NULL: nothing */
  guint32    serial; /* of that job */
  gboolean   begun;  /* the child has said so */
  gboolean   used;   /* it had a job before */
  GHashTable *readable; /* paths that jobs have named: what a child is told it may touch */
  GHashTable *writable;
  GHashTable *avoided;  /* foreign code that ended two children in a row while it was opened */
  char      *suspect;   /* that ended the last child that opened it; NULL: none */
  char      *opening;   /* foreign code that the child is opening; NULL: none */
  GPid       pid;    /* 0: no child */
  int        socket; /* -1: none */
  GSource   *source;
  GSource   *grace;
} Lane;

struct _SagLink
{
  char        **argv;
  int           n_threads;
  guint         grace_ms;
  guint64       address_space_bytes[SAG_N_JOB_LANES];
  GMainContext *context;
  guint32       last_serial;
  Lane          lanes[SAG_N_JOB_LANES];
};

static const char *const lane_names[] = { "io", "compute" };

static void next_job (Lane *lane);

static void
clear_source (GSource **source)
{
  if (*source != NULL)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static GSource *
add_source (Lane *lane, GSource *source, GSourceFunc func)
{
  g_source_set_callback (source, func, lane, NULL);
  g_source_attach (source, lane->link->context);
  return source;
}

static void
reaped_late (GPid pid, gint status, gpointer data)
{
}

/* What ended the child, in words. It is dead or as good as dead, but one with gigabytes to give back
 * takes its time, and the window must not wait for that: then it is reaped when it is done. */
static char *
reap (Lane *lane, int wait_ms)
{
  int status = 0;
  pid_t got = 0;

  for (int n = 0; got == 0 && n < wait_ms; n++)
    {
      if (n > 0)
        g_usleep (1000);
      do
        got = waitpid (lane->pid, &status, WNOHANG);
      while (got < 0 && errno == EINTR);
    }
  if (got == 0)
    {
      GSource *source = g_child_watch_source_new (lane->pid);

      g_source_unref (add_source (lane, source, G_SOURCE_FUNC (reaped_late)));
    }
  lane->pid = 0;
  if (got > 0 && WIFSIGNALED (status))
    return g_strdup_printf (_ ("it was ended by \"%s\""), strsignal (WTERMSIG (status)));
  if (got > 0 && WIFEXITED (status))
    return g_strdup_printf (_ ("it left with status %d"), WEXITSTATUS (status));
  return g_strdup (_ ("it is gone"));
}

/* Ends the child whatever it does. Answers how it ended, as far as that is known in time, or NULL if there
 * was none. */
static char *
end_child_within (Lane *lane, int wait_ms)
{
  clear_source (&lane->source);
  clear_source (&lane->grace);
  /* Once can be chance: a cancel, or a signal from outside, while a sound file was opened. Twice in a row is
   * the file, whether it crashes or never comes back: it is not opened again. */
  if (lane->opening != NULL && g_strcmp0 (lane->opening, lane->suspect) == 0)
    {
      g_autofree char *name = g_filename_display_basename (lane->opening);

      g_message ("The plugin %s did not survive being opened and is left alone from now on", name);
      g_hash_table_add (lane->avoided, g_steal_pointer (&lane->opening));
    }
  else if (lane->opening != NULL)
    {
      g_free (lane->suspect);
      lane->suspect = g_steal_pointer (&lane->opening);
    }
  if (lane->socket >= 0)
    close (lane->socket);
  lane->socket = -1;
  if (lane->pid == 0)
    return NULL;
  /* A child that crashed is dead already and keeps its own signal as the reason. */
  kill (lane->pid, SIGKILL);
  return reap (lane, wait_ms);
}

static char *
end_child (Lane *lane)
{
  return end_child_within (lane, REAP_MS);
}

/* The lane has a job; it takes the result or the error. */
static void
end_job (Lane *lane, GVariant *result, GError *error)
{
  sag_job_end (lane->job, result, error);
  clear_source (&lane->grace);
  g_clear_object (&lane->job);
}

static void
child_failed (Lane *lane, SagJobError code, const char *why)
{
  gboolean opening = lane->opening != NULL;
  gboolean dead = code == SAG_JOB_ERROR_CRASHED;
  g_autofree char *how = end_child_within (lane, dead ? REAP_DEAD_MS : REAP_MS);

  g_debug ("link: %s worker: %s, %s", lane_names[lane->lane], why, how != NULL ? how : "no child");
  /* A child that had died idle was given a job before that was noticed: not that job's fault. Nor is a
   * plugin that is in the list of what can be run. */
  if (lane->job != NULL && ((lane->used && !lane->begun) || opening)
      && !g_cancellable_is_cancelled (sag_job_get_cancellable (lane->job)))
    g_queue_push_head (&lane->queue, g_steal_pointer (&lane->job)); /* it was first */
  else if (lane->job != NULL)
    end_job (lane, NULL,
             g_error_new (SAG_JOB_ERROR, code,
                          _ ("%s failed: the program that does this work %s (%s); nothing else is lost, "
                             "try again"),
                          sag_job_get_title (lane->job), why, how != NULL ? how : _ ("it is gone")));
  next_job (lane);
}

static gboolean
grace_over (gpointer data)
{
  Lane *lane = data;
  g_autofree char *how = NULL;

  clear_source (&lane->grace);
  how = end_child (lane);
  g_debug ("link: %s worker did not stop when asked: %s", lane_names[lane->lane], how);
  end_job (lane, NULL, g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("Cancelled")));
  next_job (lane);
  return G_SOURCE_REMOVE;
}

/* FALSE if the message makes no sense. */
static gboolean
take_message (Lane *lane, SagMessage *message)
{
  if (lane->job == NULL || message->serial != lane->serial)
    return FALSE;
  if (strcmp (message->name, "begin") == 0)
    {
      lane->begun = TRUE;
      sag_job_begin (lane->job);
    }
  else if (strcmp (message->name, "report") == 0)
    {
      double fraction = -1;
      const char *text = NULL;

      g_variant_lookup (message->body, "fraction", "d", &fraction);
      g_variant_lookup (message->body, "message", "&s", &text);
      sag_job_report (lane->job, fraction, text);
    }
  else if (strcmp (message->name, "opening") == 0)
    {
      const char *file;

      if (!g_variant_lookup (message->body, "file", "^&ay", &file))
        return FALSE;
      if (g_strcmp0 (lane->opening, lane->suspect) == 0) /* this time it came back */
        g_clear_pointer (&lane->suspect, g_free);
      g_free (lane->opening);
      lane->opening = *file != '\0' ? g_strdup (file) : NULL;
    }
  else if (strcmp (message->name, "partial") == 0)
    {
      g_autoptr (GVariant) body
          = g_variant_lookup_value (message->body, "body", G_VARIANT_TYPE_VARDICT);
      const char *name;

      if (body == NULL || !g_variant_lookup (message->body, "name", "&s", &name))
        return FALSE;
      sag_job_partial (lane->job, name, g_steal_pointer (&body), message->fds);
    }
  else if (strcmp (message->name, "done") == 0)
    {
      GVariant *result = g_variant_lookup_value (message->body, "result", G_VARIANT_TYPE_VARDICT);

      if (result == NULL)
        return FALSE;
      end_job (lane, result, NULL);
    }
  else if (strcmp (message->name, "failed") == 0)
    {
      gboolean cancelled = FALSE;
      const char *text;

      if (!g_variant_lookup (message->body, "message", "&s", &text))
        return FALSE;
      g_variant_lookup (message->body, "cancelled", "b", &cancelled);
      end_job (lane, NULL,
               cancelled ? g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, text)
                         : g_error_new_literal (SAG_JOB_ERROR, SAG_JOB_ERROR_FAILED, text));
    }
  else
    return FALSE;
  return TRUE;
}

static gboolean
socket_readable (gint fd, GIOCondition condition, gpointer data)
{
  Lane *lane = data;

  for (int n = 0; n < MESSAGES_A_TURN; n++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (SagMessage) message = sag_message_receive (fd, FALSE, &error);

      if (message != NULL && take_message (lane, message))
        {
          if (lane->job == NULL)
            {
              next_job (lane);
              return G_SOURCE_CONTINUE;
            }
          continue;
        }
      if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        break;
      if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
        child_failed (lane, SAG_JOB_ERROR_CRASHED, _ ("stopped"));
      else
        child_failed (lane, SAG_JOB_ERROR_PROTOCOL, _ ("sent something that makes no sense"));
      return G_SOURCE_REMOVE;
    }
  return G_SOURCE_CONTINUE;
}

/* Whether a path or a folder above it is among `paths`. */
static gboolean
is_covered (GHashTable *paths, const char *path)
{
  g_autofree char *above = g_strdup (path);

  while (!g_hash_table_contains (paths, above))
    {
      char *folder = g_path_get_dirname (above);

      if (strcmp (folder, above) == 0)
        {
          g_free (folder);
          return FALSE;
        }
      g_free (above);
      above = folder;
    }
  return TRUE;
}

static gboolean
add_named (GHashTable *known, GPtrArray *paths)
{
  gboolean more = FALSE;

  for (guint n = 0; n < paths->len; n++)
    {
      const char *path = paths->pdata[n];

      if (is_covered (known, path))
        continue;
      more = TRUE;
      g_hash_table_add (known, paths->len > MAX_NAMED ? g_path_get_dirname (path) : g_strdup (path));
    }
  return more;
}

/* What a child may touch cannot grow: one that was told less than this job names has to go. */
static void
widen (Lane *lane, SagJob *job)
{
  g_autoptr (GPtrArray) readable = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) writable = g_ptr_array_new_with_free_func (g_free);
  gboolean more;

  sag_job_get_named_paths (job, readable, writable);
  more = add_named (lane->readable, readable);
  more = add_named (lane->writable, writable) || more;
  if (more)
    g_free (end_child (lane));
}

static void
insert_paths (GVariantDict *dict, const char *key, GHashTable *paths)
{
  GVariantBuilder builder;
  GHashTableIter iter;
  gpointer path;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_BYTESTRING_ARRAY);
  g_hash_table_iter_init (&iter, paths);
  while (g_hash_table_iter_next (&iter, &path, NULL))
    g_variant_builder_add (&builder, "^ay", path);
  g_variant_dict_insert_value (dict, key, g_variant_builder_end (&builder));
}

static gboolean
tell_paths (Lane *lane, GError **error)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  insert_paths (&dict, "readable", lane->readable);
  insert_paths (&dict, "writable", lane->writable);
  insert_paths (&dict, "avoided", lane->avoided);
  return sag_message_send (lane->socket, 0, "contain", g_variant_dict_end (&dict), NULL, FALSE, error);
}

static gboolean
start_child (Lane *lane, GError **error)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new_with_free_func (g_free);
  /* The window's threads sleep when they have nothing to do; those of a computation that wait for each other
   * should not (`sagitta-cli` says how long they spin). */
  g_auto (GStrv) environment = g_environ_unsetenv (g_get_environ (), "OMP_WAIT_POLICY");
  SagLink *self = lane->link;
  int sockets[2], target = CHILD_SOCKET;
  gboolean good;

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
    {
      g_set_error (error, SAG_JOB_ERROR, SAG_JOB_ERROR_START,
                   _ ("The program that does this work could not be started: %s"), g_strerror (errno));
      return FALSE;
    }
  for (int n = 0; self->argv[n] != NULL; n++)
    g_ptr_array_add (argv, g_strdup (self->argv[n]));
  g_ptr_array_add (argv, g_strdup_printf ("--lane=%s", lane_names[lane->lane]));
  g_ptr_array_add (argv, g_strdup_printf ("--socket=%d", CHILD_SOCKET));
  g_ptr_array_add (argv, g_strdup_printf ("--parent=%d", (int) getpid ()));
  g_ptr_array_add (argv, g_strdup_printf ("--threads=%d", self->n_threads));
  if (self->address_space_bytes[lane->lane] > 0)
    g_ptr_array_add (argv, g_strdup_printf ("--memory=%" G_GUINT64_FORMAT,
                                            self->address_space_bytes[lane->lane]));
  g_ptr_array_add (argv, NULL);
  good = g_spawn_async_with_pipes_and_fds (
      NULL, (const char *const *) argv->pdata, (const char *const *) environment,
      G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH, NULL, NULL, -1, -1, -1, &sockets[1], &target, 1,
      &lane->pid, NULL, NULL, NULL, error);
  close (sockets[1]);
  if (!good)
    {
      close (sockets[0]);
      lane->pid = 0;
      if (error != NULL && *error != NULL)
        {
          (*error)->domain = SAG_JOB_ERROR;
          (*error)->code = SAG_JOB_ERROR_START;
        }
      g_prefix_error (error, _ ("The program that does this work could not be started: "));
      return FALSE;
    }
  lane->socket = sockets[0];
  lane->source = g_unix_fd_source_new (lane->socket, G_IO_IN | G_IO_HUP | G_IO_ERR);
  add_source (lane, lane->source, G_SOURCE_FUNC (socket_readable));
  if (tell_paths (lane, error))
    return TRUE;
  g_free (end_child (lane));
  return FALSE;
}

/* Hands the job to the child, which is started if there is none. An idle child may have died unnoticed:
 * then once more with a fresh one. */
static gboolean
send_job (Lane *lane, SagJob *job, GError **error)
{
  widen (lane, job);
  for (;;)
    {
      GVariantDict dict;

      g_clear_error (error);
      lane->used = lane->pid != 0;
      lane->begun = FALSE;
      if (!lane->used && !start_child (lane, error))
        return FALSE;
      g_variant_dict_init (&dict, NULL);
      g_variant_dict_insert (&dict, "kind", "s", sag_job_kind_get_name (sag_job_get_kind (job)));
      g_variant_dict_insert_value (&dict, "request", sag_job_get_request (job));
      if (sag_message_send (lane->socket, lane->serial, "job", g_variant_dict_end (&dict),
                            sag_job_get_fds (job), FALSE, error))
        return TRUE;
      g_free (end_child (lane));
      if (!lane->used)
        return FALSE;
    }
}

static void
next_job (Lane *lane)
{
  while (lane->job == NULL && !g_queue_is_empty (&lane->queue))
    {
      g_autoptr (SagJob) job = g_queue_pop_head (&lane->queue);
      GError *error = NULL;

      lane->serial = ++lane->link->last_serial;
      if (!g_cancellable_set_error_if_cancelled (sag_job_get_cancellable (job), &error)
          && send_job (lane, job, &error))
        lane->job = g_steal_pointer (&job);
      else
        sag_job_end (job, NULL, error);
    }
}

static void
link_start (SagJob *job, gpointer data)
{
  SagLink *self = data;
  Lane *lane = &self->lanes[sag_job_get_lane (job)];
  GList *before = lane->queue.head;

  while (before != NULL && sag_job_compare (before->data, job, NULL) <= 0)
    before = before->next;
  g_queue_insert_before (&lane->queue, before, g_object_ref (job));
  next_job (lane);
}

static void
link_cancel (SagJob *job, gpointer data)
{
  SagLink *self = data;
  Lane *lane = &self->lanes[sag_job_get_lane (job)];
  GVariantDict dict;

  if (lane->job != job)
    {
      if (g_queue_remove (&lane->queue, job))
        {
          sag_job_end (job, NULL, g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("Cancelled")));
          g_object_unref (job);
        }
      return;
    }
  g_variant_dict_init (&dict, NULL);
  sag_message_send (lane->socket, lane->serial, "cancel", g_variant_dict_end (&dict), NULL, FALSE,
                    NULL);
  if (lane->grace == NULL)
    lane->grace = add_source (lane, g_timeout_source_new (self->grace_ms), grace_over);
}

static const SagJobRunner link_runner = { link_start, link_cancel };

SagLink *
sag_link_install (const SagLinkOptions *options)
{
  SagLink *self = g_new0 (SagLink, 1);

  self->argv = g_strdupv ((char **) options->argv);
  self->n_threads = options->n_threads;
  self->grace_ms = options->grace_ms > 0 ? options->grace_ms : 80;
  self->context = g_main_context_ref_thread_default ();
  for (int n = 0; n < SAG_N_JOB_LANES; n++)
    {
      self->address_space_bytes[n] = options->address_space_bytes[n];
      self->lanes[n] = (Lane) {
        .link = self,
        .lane = (SagJobLane) n,
        .socket = -1,
        .readable = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
        .writable = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
        .avoided = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
      };
      g_queue_init (&self->lanes[n].queue);
    }
  sag_job_set_runner (&link_runner, self);
  return self;
}

/* Lets the child take with it what it had kept on disk, if it does so at once. */
static void
dismiss (Lane *lane)
{
  siginfo_t info = { 0 };

  if (lane->pid == 0 || lane->socket < 0
      || !sag_message_send (lane->socket, 0, "leave", g_variant_new ("a{sv}", NULL), NULL, FALSE, NULL))
    return;
  for (int n = 0; n < LEAVE_MS && info.si_pid == 0; n++)
    {
      g_usleep (1000);
      if (waitid (P_PID, (id_t) lane->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
        return;
    }
}

void
sag_link_remove (SagLink *self)
{
  sag_job_set_runner (NULL, NULL);
  for (int n = 0; n < SAG_N_JOB_LANES; n++)
    {
      Lane *lane = &self->lanes[n];
      SagJob *job;

      dismiss (lane);
      g_free (end_child (lane));
      if (lane->job != NULL)
        end_job (lane, NULL, g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("Cancelled")));
      while ((job = g_queue_pop_head (&lane->queue)) != NULL)
        {
          sag_job_end (job, NULL, g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("Cancelled")));
          g_object_unref (job);
        }
      g_hash_table_unref (lane->readable);
      g_hash_table_unref (lane->writable);
      g_hash_table_unref (lane->avoided);
      g_free (lane->suspect);
    }
  g_main_context_unref (self->context);
  g_strfreev (self->argv);
  g_free (self);
}

gint
sag_link_get_pid (SagLink *self, SagJobLane lane)
{
  return self->lanes[lane].pid;
}

char *
sag_link_find_worker (GError **error)
{
  const char *set = g_getenv ("SAGITTA_CLI");
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = self != NULL ? g_path_get_dirname (self) : g_strdup (".");
  char *path;

  if (set != NULL && *set != '\0')
    return g_strdup (set);
  path = g_build_filename (folder, "sagitta-cli", NULL);
  if (g_file_test (path, G_FILE_TEST_IS_EXECUTABLE))
    return path;
  g_free (path);
  path = g_build_filename (folder, "..", "app", "cli", "sagitta-cli", NULL);
  if (g_file_test (path, G_FILE_TEST_IS_EXECUTABLE))
    return path;
  g_free (path);
  path = g_find_program_in_path ("sagitta-cli");
  if (path == NULL)
    g_set_error (error, SAG_JOB_ERROR, SAG_JOB_ERROR_START,
                 _ ("sagitta-cli is neither beside the program nor on the path; install Sagitta again"));
  return path;
}
