/* SPDX-License-Identifier: Apache-2.0
 *
 * job.c: the life of a job, whoever carries it out.
 */
#include "app/work/job.h"

#include "app/work/runner.h"

#include <glib/gi18n-lib.h>
#include <string.h>

G_DEFINE_QUARK (sag-job-error-quark, sag_job_error)

G_DEFINE_ENUM_TYPE (SagJobState, sag_job_state,
                    G_DEFINE_ENUM_VALUE (SAG_JOB_STATE_NEW, "new"),
                    G_DEFINE_ENUM_VALUE (SAG_JOB_STATE_WAITING, "waiting"),
                    G_DEFINE_ENUM_VALUE (SAG_JOB_STATE_RUNNING, "running"),
                    G_DEFINE_ENUM_VALUE (SAG_JOB_STATE_DONE, "done"),
                    G_DEFINE_ENUM_VALUE (SAG_JOB_STATE_FAILED, "failed"),
                    G_DEFINE_ENUM_VALUE (SAG_JOB_STATE_CANCELLED, "cancelled"))

struct _SagJob
{
  GObject       parent_instance;

  SagJobKind    kind;
  GVariant     *request;
  GUnixFDList  *fds;
  char         *title;

  /* Of the starting thread. */
  SagJobState   state;
  double        fraction;
  char         *message;
  GError       *error;
  GTask        *task;
  GMainContext *context;
  GCancellable *cancellable; /* ours; the caller's is passed on to it */
  GCancellable *callers;
  gulong        callers_handler;

  /* What was reported and not yet told. */
  GMutex        lock;
  double        reported_fraction;
  char         *reported_message;
  gboolean      report_pending;
};

G_DEFINE_FINAL_TYPE (SagJob, sag_job, G_TYPE_OBJECT)

enum { PROP_0, PROP_STATE, PROP_FRACTION, PROP_MESSAGE, PROP_TITLE, N_PROPS };

static GParamSpec *properties[N_PROPS];
static guint partial_signal;

static const SagJobRunner *runner;
static gpointer runner_data;

static const struct
{
  const char *name;
  SagJobLane  lane;
  const char *title, *titled; /* without and with the name of what it is done to */
} kinds[SAG_N_JOB_KINDS] = {
  [SAG_JOB_INDEX] = { "index", SAG_JOB_LANE_IO, N_ ("Opening"), N_ ("Opening %s") },
  [SAG_JOB_THUMBNAIL] = { "thumbnail", SAG_JOB_LANE_IO, N_ ("Making a thumbnail"),
                          N_ ("Making a thumbnail of %s") },
  [SAG_JOB_READ] = { "read", SAG_JOB_LANE_IO, N_ ("Reading"), N_ ("Reading %s") },
  [SAG_JOB_TAGS] = { "tags", SAG_JOB_LANE_IO, N_ ("Reading the tags"), N_ ("Reading the tags of %s") },
  [SAG_JOB_READ_SEGMENTATION] = { "read-segmentation", SAG_JOB_LANE_IO,
                                  N_ ("Reading the segmentation"), N_ ("Reading the segmentation %s") },
  [SAG_JOB_EXPORT] = { "export", SAG_JOB_LANE_IO, N_ ("Exporting"), N_ ("Exporting %s") },
  [SAG_JOB_DEIDENTIFY] = { "deidentify", SAG_JOB_LANE_IO, N_ ("De-identifying"),
                           N_ ("De-identifying %s") },
  [SAG_JOB_KEEP] = { "keep", SAG_JOB_LANE_IO, N_ ("Keeping"), N_ ("Keeping %s") },
  [SAG_JOB_RECALL] = { "recall", SAG_JOB_LANE_IO, N_ ("Looking up"), N_ ("Looking up %s") },
  [SAG_JOB_MODELS] = { "models", SAG_JOB_LANE_COMPUTE, N_ ("Looking for models"),
                       N_ ("Looking for models in %s") },
  [SAG_JOB_ESTIMATE] = { "estimate", SAG_JOB_LANE_COMPUTE, N_ ("Estimating a run"),
                         N_ ("Estimating a run of %s") },
  [SAG_JOB_SEGMENT] = { "segment", SAG_JOB_LANE_COMPUTE, N_ ("Segmenting"), N_ ("Segmenting with %s") },
  [SAG_JOB_COMPARE] = { "compare", SAG_JOB_LANE_COMPUTE, N_ ("Comparing"), N_ ("Comparing %s") },
  [SAG_JOB_EDIT] = { "edit", SAG_JOB_LANE_COMPUTE, N_ ("Correcting the label"), N_ ("Correcting %s") },
  [SAG_JOB_PARTS] = { "parts", SAG_JOB_LANE_COMPUTE, N_ ("Looking for uncertain parts"),
                      N_ ("Looking for uncertain parts of %s") },
};

const char *
sag_job_kind_get_name (SagJobKind kind)
{
  g_return_val_if_fail (kind < SAG_N_JOB_KINDS, NULL);
  return kinds[kind].name;
}

SagJobLane
sag_job_kind_get_lane (SagJobKind kind)
{
  g_return_val_if_fail (kind < SAG_N_JOB_KINDS, SAG_JOB_LANE_IO);
  return kinds[kind].lane;
}

gboolean
sag_job_kind_from_name (const char *name, SagJobKind *kind)
{
  for (int n = 0; n < SAG_N_JOB_KINDS; n++)
    if (strcmp (kinds[n].name, name) == 0)
      {
        *kind = (SagJobKind) n;
        return TRUE;
      }
  return FALSE;
}

void
sag_job_set_runner (const SagJobRunner *new_runner, gpointer data)
{
  runner = new_runner;
  runner_data = data;
}

static void
sag_job_finalize (GObject *object)
{
  SagJob *self = SAG_JOB (object);

  g_clear_pointer (&self->request, g_variant_unref);
  g_clear_object (&self->fds);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->callers);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_clear_error (&self->error);
  g_free (self->title);
  g_free (self->message);
  g_free (self->reported_message);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (sag_job_parent_class)->finalize (object);
}

static void
sag_job_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  SagJob *self = SAG_JOB (object);

  switch (id)
    {
    case PROP_STATE: g_value_set_enum (value, self->state); break;
    case PROP_FRACTION: g_value_set_double (value, self->fraction); break;
    case PROP_MESSAGE: g_value_set_string (value, self->message); break;
    case PROP_TITLE: g_value_set_string (value, self->title); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_job_class_init (SagJobClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->finalize = sag_job_finalize;
  object_class->get_property = sag_job_get_property;
  properties[PROP_STATE]
      = g_param_spec_enum ("state", NULL, NULL, SAG_TYPE_JOB_STATE, SAG_JOB_STATE_NEW, flags);
  properties[PROP_FRACTION] = g_param_spec_double ("fraction", NULL, NULL, 0, 1, 0, flags);
  properties[PROP_MESSAGE] = g_param_spec_string ("message", NULL, NULL, "", flags);
  properties[PROP_TITLE] = g_param_spec_string ("title", NULL, NULL, "", flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  partial_signal = g_signal_new ("partial", SAG_TYPE_JOB, G_SIGNAL_RUN_LAST | G_SIGNAL_DETAILED, 0,
                                 NULL, NULL, NULL, G_TYPE_NONE, 3, G_TYPE_STRING, G_TYPE_VARIANT,
                                 G_TYPE_UNIX_FD_LIST);
}

static void
sag_job_init (SagJob *self)
{
  g_mutex_init (&self->lock);
  self->message = g_strdup ("");
  self->cancellable = g_cancellable_new ();
}

SagJob *
sag_job_new (SagJobKind kind, GVariant *request, GUnixFDList *fds)
{
  SagJob *self;
  const char *title;

  g_return_val_if_fail (kind < SAG_N_JOB_KINDS, NULL);
  g_return_val_if_fail (g_variant_is_of_type (request, G_VARIANT_TYPE_VARDICT), NULL);

  self = g_object_new (SAG_TYPE_JOB, NULL);
  self->kind = kind;
  self->request = g_variant_ref_sink (request);
  self->fds = fds != NULL ? g_object_ref (fds) : NULL;
  self->title = g_variant_lookup (request, "title", "&s", &title)
                    ? g_strdup_printf (_ (kinds[kind].titled), title)
                    : g_strdup (_ (kinds[kind].title));
  return self;
}

void
sag_job_set_subject (SagJob *self, const char *name)
{
  g_return_if_fail (SAG_IS_JOB (self));

  g_free (self->title);
  self->title = g_strdup_printf (_ (kinds[self->kind].titled), name);
}

int
sag_job_compare (gconstpointer a, gconstpointer b, gpointer unused)
{
  const SagJob *first = a, *second = b;

  return (first->kind == SAG_JOB_THUMBNAIL) - (second->kind == SAG_JOB_THUMBNAIL);
}

#define JOB_GETTER(Type, field, name, none) \
  Type sag_job_##name (SagJob *self) \
  { \
    g_return_val_if_fail (SAG_IS_JOB (self), none); \
    return self->field; \
  }

JOB_GETTER (SagJobKind, kind, get_kind, SAG_N_JOB_KINDS)
JOB_GETTER (GVariant *, request, get_request, NULL)
JOB_GETTER (GUnixFDList *, fds, get_fds, NULL)
JOB_GETTER (SagJobState, state, get_state, SAG_JOB_STATE_NEW)
JOB_GETTER (const GError *, error, get_error, NULL)
JOB_GETTER (double, fraction, get_fraction, 0)
JOB_GETTER (const char *, message, get_message, NULL)
JOB_GETTER (const char *, title, get_title, NULL)
JOB_GETTER (GCancellable *, cancellable, get_cancellable, NULL)

SagJobLane
sag_job_get_lane (SagJob *self)
{
  g_return_val_if_fail (SAG_IS_JOB (self), SAG_JOB_LANE_IO);
  return kinds[self->kind].lane;
}

gboolean
sag_job_is_active (SagJob *self)
{
  g_return_val_if_fail (SAG_IS_JOB (self), FALSE);
  return self->state == SAG_JOB_STATE_WAITING || self->state == SAG_JOB_STATE_RUNNING;
}

static void
set_state (SagJob *self, SagJobState state)
{
  if (self->state == state)
    return;
  self->state = state;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATE]);
}

/* Runs `func` in the job's context, after what was sent there before. */
static void
post (SagJob *self, GSourceFunc func, gpointer data, GDestroyNotify destroy)
{
  GSource *source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, func, data, destroy);
  g_source_attach (source, self->context);
  g_source_unref (source);
}

static gboolean
cancel_in_context (gpointer data)
{
  sag_job_cancel (data);
  return G_SOURCE_REMOVE;
}

static void
callers_cancelled (GCancellable *cancellable, gpointer data)
{
  SagJob *self = data;

  g_cancellable_cancel (self->cancellable);
  post (self, cancel_in_context, g_object_ref (self), g_object_unref);
}

void
sag_job_start_async (SagJob *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                     gpointer user_data)
{
  g_return_if_fail (SAG_IS_JOB (self));
  g_return_if_fail (self->state == SAG_JOB_STATE_NEW);

  self->context = g_main_context_ref_thread_default ();
  self->task = g_task_new (self, NULL, callback, user_data);
  g_task_set_source_tag (self->task, sag_job_start_async);
  set_state (self, SAG_JOB_STATE_WAITING);
  if (cancellable != NULL)
    {
      self->callers = g_object_ref (cancellable);
      self->callers_handler
          = g_cancellable_connect (cancellable, G_CALLBACK (callers_cancelled), self, NULL);
    }
  if (runner == NULL)
    sag_job_end (self, NULL,
                 g_error_new (SAG_JOB_ERROR, SAG_JOB_ERROR_START,
                              "No runner carries jobs out in this program"));
  else
    runner->start (self, runner_data);
}

GVariant *
sag_job_finish (SagJob *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
sag_job_cancel (SagJob *self)
{
  g_return_if_fail (SAG_IS_JOB (self));

  if (!sag_job_is_active (self))
    return;
  /* The first time only: the state tells listeners at once, the end comes later. */
  set_state (self, SAG_JOB_STATE_CANCELLED);
  g_cancellable_cancel (self->cancellable);
  if (runner != NULL && runner->cancel != NULL)
    runner->cancel (self, runner_data);
}

static gboolean
tell_begin (gpointer data)
{
  SagJob *self = data;

  if (self->state == SAG_JOB_STATE_WAITING)
    set_state (self, SAG_JOB_STATE_RUNNING);
  return G_SOURCE_REMOVE;
}

void
sag_job_begin (SagJob *self)
{
  post (self, tell_begin, g_object_ref (self), g_object_unref);
}

static gboolean
tell_report (gpointer data)
{
  SagJob *self = data;
  g_autofree char *message = NULL;
  double fraction;

  g_mutex_lock (&self->lock);
  fraction = self->reported_fraction;
  message = g_steal_pointer (&self->reported_message);
  self->report_pending = FALSE;
  g_mutex_unlock (&self->lock);

  if (self->state != SAG_JOB_STATE_RUNNING)
    return G_SOURCE_REMOVE;
  if (fraction > self->fraction)
    {
      self->fraction = fraction;
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_FRACTION]);
    }
  if (message != NULL && strcmp (message, self->message) != 0)
    {
      g_free (self->message);
      self->message = g_steal_pointer (&message);
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_MESSAGE]);
    }
  return G_SOURCE_REMOVE;
}

void
sag_job_report (SagJob *self, double fraction, const char *message)
{
  gboolean pending;

  /* Reports that come faster than they can be told merge. */
  g_mutex_lock (&self->lock);
  if (fraction > self->reported_fraction)
    self->reported_fraction = MIN (fraction, 1.0);
  if (message != NULL)
    {
      g_free (self->reported_message);
      self->reported_message = g_strdup (message);
    }
  pending = self->report_pending;
  self->report_pending = TRUE;
  g_mutex_unlock (&self->lock);
  if (!pending)
    post (self, tell_report, g_object_ref (self), g_object_unref);
}

typedef struct
{
  SagJob      *job;
  char        *name;
  GVariant    *body;
  GUnixFDList *fds;
  GError      *error;
} Told;

static void
told_free (gpointer data)
{
  Told *told = data;

  g_clear_object (&told->fds);
  g_clear_pointer (&told->body, g_variant_unref);
  g_clear_error (&told->error);
  g_free (told->name);
  g_object_unref (told->job);
  g_free (told);
}

static Told *
told_new (SagJob *self, const char *name, GVariant *body, GUnixFDList *fds, GError *error)
{
  Told *told = g_new0 (Told, 1);

  told->job = g_object_ref (self);
  told->name = g_strdup (name);
  told->body = body != NULL ? g_variant_take_ref (body) : NULL;
  told->fds = fds != NULL ? g_object_ref (fds) : NULL;
  told->error = error;
  return told;
}

static gboolean
tell_partial (gpointer data)
{
  Told *told = data;

  if (told->job->state == SAG_JOB_STATE_RUNNING)
    g_signal_emit (told->job, partial_signal, g_quark_from_string (told->name), told->name,
                   told->body, told->fds);
  return G_SOURCE_REMOVE;
}

void
sag_job_partial (SagJob *self, const char *name, GVariant *body, GUnixFDList *fds)
{
  post (self, tell_partial, told_new (self, name, body, fds, NULL), told_free);
}

static gboolean
tell_end (gpointer data)
{
  Told *told = data;
  SagJob *self = told->job;
  g_autoptr (GTask) task = g_steal_pointer (&self->task);

  if (self->callers_handler != 0)
    g_cancellable_disconnect (self->callers, self->callers_handler);
  self->callers_handler = 0;
  if (g_cancellable_is_cancelled (self->cancellable)
      || g_error_matches (told->error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      set_state (self, SAG_JOB_STATE_CANCELLED);
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("%s was cancelled"), self->title);
    }
  else if (told->error != NULL)
    {
      if (told->error->domain == SAG_JOB_ERROR)
        self->error = g_steal_pointer (&told->error);
      else
        self->error = g_error_new_literal (SAG_JOB_ERROR, SAG_JOB_ERROR_FAILED, told->error->message);
      set_state (self, SAG_JOB_STATE_FAILED);
      g_task_return_error (task, g_error_copy (self->error));
    }
  else
    {
      if (self->fraction < 1)
        {
          self->fraction = 1;
          g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_FRACTION]);
        }
      set_state (self, SAG_JOB_STATE_DONE);
      g_task_return_pointer (task, g_steal_pointer (&told->body), (GDestroyNotify) g_variant_unref);
    }
  return G_SOURCE_REMOVE;
}

void
sag_job_end (SagJob *self, GVariant *result, GError *error)
{
  g_return_if_fail ((result == NULL) != (error == NULL));
  post (self, tell_end, told_new (self, "end", result, NULL, error), told_free);
}
