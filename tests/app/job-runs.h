/* SPDX-License-Identifier: Apache-2.0
 *
 * job-runs.h: run a job to its end in a test, and keep what it told.
 */
#pragma once

#include "app/state/workspace.h"
#include "app/work/job.h"

typedef struct
{
  SagJob       *job;
  GVariant     *result;   /* or */
  GError       *error;
  GString      *partials; /* names, in order, with a blank after each */
  SagWorkspace *workspace; /* gets every partial; may be NULL */
  GError       *refused;  /* what the workspace said to a partial it did not take */
  gboolean      over;
} JobRun;

/* Starts `job` (taken). */
static inline void
job_run_partial (SagJob *job, const char *name, GVariant *body, GUnixFDList *fds, gpointer data)
{
  JobRun *self = data;

  g_string_append_printf (self->partials, "%s ", name);
  if (self->workspace != NULL && self->refused == NULL)
    sag_workspace_receive (self->workspace, name, body, fds, &self->refused);
}

static inline void
job_run_over (GObject *source, GAsyncResult *result, gpointer data)
{
  JobRun *self = data;

  self->result = sag_job_finish (SAG_JOB (source), result, &self->error);
  self->over = TRUE;
}

static inline JobRun *
job_run_start (SagJob *job, SagWorkspace *workspace, GCancellable *cancellable)
{
  JobRun *self = g_new0 (JobRun, 1);

  self->job = job;
  self->partials = g_string_new (NULL);
  self->workspace = workspace;
  g_signal_connect (job, "partial", G_CALLBACK (job_run_partial), self);
  sag_job_start_async (job, cancellable, job_run_over, self);
  return self;
}

/* Turns the main loop until it is over. */
static inline JobRun *
job_run_wait (JobRun *self)
{
  while (!self->over)
    g_main_context_iteration (NULL, TRUE);
  return self;
}

/* Turns it until a partial of that name came, or it is over. */
static inline void
job_run_wait_partial (JobRun *self, const char *name)
{
  while (!self->over && strstr (self->partials->str, name) == NULL)
    g_main_context_iteration (NULL, TRUE);
}

static inline JobRun *
job_run (SagJob *job, SagWorkspace *workspace)
{
  return job_run_wait (job_run_start (job, workspace, NULL));
}

static inline void
job_run_free (JobRun *self)
{
  g_signal_handlers_disconnect_by_data (self->job, self);
  g_clear_object (&self->job);
  g_clear_pointer (&self->result, g_variant_unref);
  g_clear_error (&self->error);
  g_clear_error (&self->refused);
  g_string_free (self->partials, TRUE);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (JobRun, job_run_free)
