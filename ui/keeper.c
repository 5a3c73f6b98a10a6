/* SPDX-License-Identifier: Apache-2.0
 *
 * keeper.c: keeps what is measured with its series, and brings it back. */
#include "ui/keeper.h"

#include "app/work/job.h"

#define KIND "measurements"

struct _SagKeeper
{
  GObject       parent_instance;

  SagWorkspace *workspace;
  char         *key;     /* of the series open; NULL if nothing can be kept */
  SagJob       *recall;  /* running, or NULL: until it ends nothing is written */
};

enum
{
  FAILED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (SagKeeper, sag_keeper, G_TYPE_OBJECT)

static char *
make_path (void)
{
  g_autofree char *folder = g_build_filename (g_get_user_data_dir (), "sagitta", NULL);

  g_mkdir_with_parents (folder, 0700);
  return g_build_filename (folder, "notes.sqlite", NULL);
}

static void
kept (GObject      *source,
      GAsyncResult *result,
      gpointer      data)
{
  g_autoptr (SagKeeper) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) done = sag_job_finish (SAG_JOB (source), result, &error);
  GApplication *application = g_application_get_default ();

  if (application != NULL)
    g_application_release (application);
  if (done == NULL && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_signal_emit (self, signals[FAILED], 0, error->message);
}

static void
write_now (SagKeeper *self)
{
  GApplication *application = g_application_get_default ();
  g_autoptr (GVariant) state = g_variant_ref_sink (
      sag_measurements_to_variant (sag_workspace_get_measurements (self->workspace)));
  g_autofree char *text =
      g_variant_n_children (state) > 0 ? g_variant_print (state, FALSE) : g_strdup ("");
  g_autofree char *path = make_path ();
  g_autoptr (SagJob) job = sag_job_new_keep (path, self->key, KIND, text);

  if (application != NULL)
    g_application_hold (application);
  sag_job_start_async (job, NULL, kept, g_object_ref (self));
}

static void
edited (SagKeeper *self)
{
  if (self->key == NULL || self->recall != NULL)
    return; /* what comes back is joined with this, and written then */
  write_now (self);
}

/* What was kept, and after it what was drawn since. */
static void
join (SagKeeper  *self,
      const char *text)
{
  SagMeasurements *all = sag_workspace_get_measurements (self->workspace);
  g_autoptr (GVariant) drawn = g_variant_ref_sink (sag_measurements_to_variant (all));
  g_autoptr (GVariant) found = NULL;
  g_autoptr (GVariant) both = NULL;
  g_autoptr (GError) error = NULL;
  GVariantBuilder builder;

  if (text[0] == '\0')
    {
      if (g_variant_n_children (drawn) > 0)
        edited (self);
      return;
    }
  found = g_variant_parse (G_VARIANT_TYPE ("aa{sv}"), text, NULL, NULL, &error);
  if (found == NULL)
    {
      g_signal_emit (self, signals[FAILED], 0,
                     "The measurements kept with this series cannot be read; they are left as they are.");
      g_clear_pointer (&self->key, g_free);
      return;
    }
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (gsize n = 0; n < g_variant_n_children (found); n++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (found, n);

      g_variant_builder_add_value (&builder, child);
    }
  for (gsize n = 0; n < g_variant_n_children (drawn); n++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (drawn, n);

      g_variant_builder_add_value (&builder, child);
    }
  both = g_variant_ref_sink (g_variant_builder_end (&builder));
  if (!sag_measurements_load (all, both, &error))
    {
      g_signal_emit (self, signals[FAILED], 0, error->message);
      g_clear_pointer (&self->key, g_free); /* never over what could not be read */
    }
  else if (g_variant_n_children (drawn) > 0)
    edited (self);
}

static void
recalled (GObject      *source,
          GAsyncResult *result,
          gpointer      data)
{
  g_autoptr (SagKeeper) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) done = sag_job_finish (SAG_JOB (source), result, &error);
  const char *text = "";

  if (SAG_JOB (source) != self->recall)
    return;
  g_clear_object (&self->recall);
  if (done == NULL)
    {
      g_clear_pointer (&self->key, g_free);
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        g_signal_emit (self, signals[FAILED], 0, error->message);
      return;
    }
  g_variant_lookup (done, "text", "&s", &text);
  join (self, text);
}

static void
volume_changed (SagKeeper *self)
{
  SagSeries *series = sag_workspace_get_series (self->workspace);
  SagVolume *volume = sag_workspace_get_volume (self->workspace);
  g_autofree char *path = NULL;

  if (self->recall != NULL)
    sag_job_cancel (self->recall);
  g_clear_object (&self->recall);
  g_clear_pointer (&self->key, g_free);
  if (series == NULL || volume == NULL || sag_series_get_key (series)[0] == '\0')
    return;
  self->key = g_strdup (sag_series_get_key (series));
  path = make_path ();
  self->recall = sag_job_new_recall (path, self->key, KIND);
  sag_job_start_async (self->recall, NULL, recalled, g_object_ref (self));
}

static void
sag_keeper_dispose (GObject *object)
{
  SagKeeper *self = SAG_KEEPER (object);

  g_clear_object (&self->recall);
  g_clear_object (&self->workspace);
  g_clear_pointer (&self->key, g_free);
  G_OBJECT_CLASS (sag_keeper_parent_class)->dispose (object);
}

static void
sag_keeper_class_init (SagKeeperClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = sag_keeper_dispose;
  signals[FAILED] = g_signal_new ("failed", SAG_TYPE_KEEPER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
sag_keeper_init (SagKeeper *self)
{
}

SagKeeper *
sag_keeper_new (SagWorkspace *workspace)
{
  SagKeeper *self = g_object_new (SAG_TYPE_KEEPER, NULL);

  self->workspace = g_object_ref (workspace);
  g_signal_connect_object (sag_workspace_get_measurements (workspace), "edited", G_CALLBACK (edited),
                           self, G_CONNECT_SWAPPED);
  g_signal_connect_object (workspace, "notify::volume", G_CALLBACK (volume_changed), self,
                           G_CONNECT_SWAPPED);
  return self;
}
