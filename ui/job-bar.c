/* SPDX-License-Identifier: Apache-2.0
 *
 * job-bar.c: what is running. */
#include "ui/job-bar.h"

#include "ui/format.h"

#include <glib/gi18n-lib.h>

struct _SagJobBar
{
  GtkWidget       parent_instance;

  GtkLabel       *text;
  GtkLabel       *left;
  GtkProgressBar *progress;
  GtkWidget      *cancel;
  GtkWidget      *claim;

  GPtrArray      *jobs;  /* SagJob, running; the last is shown */
  gint64          since_us; /* when that one began to move */
  char           *pulse; /* text of work that is no job, or NULL */
  double          pulse_fraction; /* of that; 0 if it has none */
  char           *said;
  guint           timer; /* of the pulse */
};

G_DEFINE_FINAL_TYPE (SagJobBar, sag_job_bar, GTK_TYPE_WIDGET)

static char *
dup_time_left (SagJobBar *self,
               double     fraction)
{
  double elapsed = (g_get_monotonic_time () - self->since_us) / (double) G_USEC_PER_SEC;
  g_autofree char *time = NULL;

  /* A guess from the first moments would jump about. */
  if (elapsed < 0.5 || fraction < 0.05 || fraction >= 1)
    return g_strdup ("");
  time = sag_format_seconds (elapsed * (1 - fraction) / fraction);
  return g_strdup_printf (_ ("%s left"), time);
}

static gboolean
pulse (gpointer data)
{
  SagJobBar *self = data;

  gtk_progress_bar_pulse (self->progress);
  return G_SOURCE_CONTINUE;
}

static void
set_pulsing (SagJobBar *self,
             gboolean   pulsing)
{
  if (pulsing && self->timer == 0)
    {
      self->timer = g_timeout_add (40, pulse, self);
    }
  else if (!pulsing && self->timer != 0)
    {
      g_source_remove (self->timer);
      self->timer = 0;
    }
}

static void
sag_job_bar_update (SagJobBar *self)
{
  SagJob *job = self->jobs->len > 0 ? g_ptr_array_index (self->jobs, self->jobs->len - 1) : NULL;
  gboolean running = job != NULL || self->pulse != NULL;
  g_autofree char *left = NULL;

  if (job != NULL)
    {
      const char *message = sag_job_get_message (job);
      double fraction = sag_job_get_fraction (job);
      g_autofree char *title = NULL;

      g_object_get (job, "title", &title, NULL);
      gtk_label_set_text (self->text, message != NULL && message[0] != '\0' ? message : title);
      set_pulsing (self, fraction <= 0);
      if (fraction > 0)
        gtk_progress_bar_set_fraction (self->progress, fraction);
      left = dup_time_left (self, fraction);
    }
  else
    {
      gtk_label_set_text (self->text, self->pulse != NULL  ? self->pulse
                                      : self->said != NULL ? self->said
                                                           : "");
      set_pulsing (self, self->pulse != NULL && self->pulse_fraction <= 0);
      if (self->pulse != NULL && self->pulse_fraction > 0)
        gtk_progress_bar_set_fraction (self->progress, self->pulse_fraction);
    }
  gtk_label_set_text (self->left, left != NULL ? left : "");
  /* They keep their place: nothing moves when work starts or ends. */
  gtk_widget_set_opacity (GTK_WIDGET (self->progress), running ? 1 : 0);
  gtk_widget_set_opacity (self->cancel, running ? 1 : 0);
  gtk_widget_set_can_target (self->cancel, running);
  gtk_widget_set_can_focus (self->cancel, running);
}

static void
job_changed (SagJob     *job,
             GParamSpec *pspec,
             SagJobBar  *self)
{
  if (!sag_job_is_active (job) && sag_job_get_state (job) != SAG_JOB_STATE_NEW)
    {
      g_signal_handlers_disconnect_by_data (job, self);
      g_ptr_array_remove (self->jobs, job);
    }
  sag_job_bar_update (self);
}

void
sag_job_bar_track (SagJobBar *self,
                   SagJob    *job)
{
  g_ptr_array_add (self->jobs, g_object_ref (job));
  g_signal_connect_object (job, "notify", G_CALLBACK (job_changed), self, 0);
  self->since_us = g_get_monotonic_time ();
  g_clear_pointer (&self->said, g_free);
  gtk_progress_bar_set_fraction (self->progress, 0);
  sag_job_bar_update (self);
}

void
sag_job_bar_pulse (SagJobBar  *self,
                   const char *text)
{
  sag_job_bar_progress (self, text, 0);
}

void
sag_job_bar_progress (SagJobBar  *self,
                      const char *text,
                      double      fraction)
{
  g_free (self->pulse);
  self->pulse = g_strdup (text);
  self->pulse_fraction = fraction;
  if (text != NULL)
    g_clear_pointer (&self->said, g_free);
  sag_job_bar_update (self);
}

void
sag_job_bar_say (SagJobBar  *self,
                 const char *text)
{
  g_free (self->said);
  self->said = g_strdup (text);
  sag_job_bar_update (self);
}

const char *
sag_job_bar_get_text (SagJobBar *self)
{
  return gtk_label_get_text (self->text);
}

static void
sag_job_bar_dispose (GObject *object)
{
  SagJobBar *self = SAG_JOB_BAR (object);
  GtkWidget *child;

  set_pulsing (self, FALSE);
  for (guint i = 0; self->jobs != NULL && i < self->jobs->len; i++)
    g_signal_handlers_disconnect_by_data (g_ptr_array_index (self->jobs, i), self);
  g_clear_pointer (&self->jobs, g_ptr_array_unref);
  g_clear_pointer (&self->pulse, g_free);
  g_clear_pointer (&self->said, g_free);
  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self))) != NULL)
    gtk_widget_unparent (child);
  G_OBJECT_CLASS (sag_job_bar_parent_class)->dispose (object);
}

static void
sag_job_bar_class_init (SagJobBarClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = sag_job_bar_dispose;
  gtk_widget_class_set_css_name (widget_class, "jobbar");
  gtk_widget_class_set_template_from_resource (widget_class, "/org/sagitta/Sagitta/ui/job-bar.ui");
  gtk_widget_class_bind_template_child (widget_class, SagJobBar, text);
  gtk_widget_class_bind_template_child (widget_class, SagJobBar, left);
  gtk_widget_class_bind_template_child (widget_class, SagJobBar, progress);
  gtk_widget_class_bind_template_child (widget_class, SagJobBar, cancel);
  gtk_widget_class_bind_template_child (widget_class, SagJobBar, claim);
}

static void
sag_job_bar_init (SagJobBar *self)
{
  self->jobs = g_ptr_array_new_with_free_func (g_object_unref);
  gtk_widget_init_template (GTK_WIDGET (self));
  sag_job_bar_update (self);
}
