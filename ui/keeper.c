/* SPDX-License-Identifier: Apache-2.0
 *
 * keeper.c: keeps what is measured with its series, and brings it back. */
#include "ui/keeper.h"

#include "app/work/job.h"
#include "engine/image/review.h"

#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>

#define KIND "measurements"
#define EDITS_DELAY_S 3 /* a row of strokes is written once */

struct _SagKeeper
{
  GObject       parent_instance;

  SagWorkspace *workspace;
  char         *key;     /* of the series open; NULL if nothing can be kept */
  gboolean      twice;   /* another one keeps it: the series is open in two places */
  SagJob       *recall;  /* running, or NULL: until it ends nothing is written */
  guint         edits;   /* source: corrections are to be written; or 0 */
  SagSegmentation *corrected; /* those: the workspace may show something else by then */
  SagSeries    *series;  /* that they lie on */
};

enum
{
  FAILED,
  FOUND,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (SagKeeper, sag_keeper, G_TYPE_OBJECT)

/* Series that are being kept, by key: one keeper each, or they would write over each other. */
static GHashTable *taken;

static void
leave (SagKeeper *self)
{
  if (self->key != NULL)
    g_hash_table_remove (taken, self->key);
  g_clear_pointer (&self->key, g_free);
  self->twice = FALSE;
}

static void
take (SagKeeper  *self,
      const char *key)
{
  if (taken == NULL)
    taken = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->twice = g_hash_table_contains (taken, key);
  if (self->twice)
    return;
  g_hash_table_add (taken, g_strdup (key));
  self->key = g_strdup (key);
}

/* A folder of its own: the worker may write in it, and must not where models are looked for. */
static char *
make_path (const char *name)
{
  g_autofree char *folder = g_build_filename (g_get_user_data_dir (), "sagitta", "notes", NULL);

  g_mkdir_with_parents (folder, 0700);
  return g_build_filename (folder, name, NULL);
}

/* As what corrections are kept: NIfTI, or SEG where labels overlap, which NIfTI cannot hold. */
static const struct
{
  const char *format, *end;
} forms[] = { { "nifti", ".nii.gz" }, { "seg", ".dcm" } };

/* Where corrections of the open series are kept. */
static char *
make_edits_path (SagKeeper  *self,
                 const char *end)
{
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, self->key, -1);
  g_autofree char *name = g_strconcat ("edits-", sum, end, NULL);

  return make_path (name);
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
  g_autofree char *path = make_path ("notes.sqlite");
  g_autoptr (SagJob) job = sag_job_new_keep (path, self->key, KIND, text);

  if (application != NULL)
    g_application_hold (application);
  sag_job_start_async (job, NULL, kept, g_object_ref (self));
}

static void
edited (SagKeeper *self)
{
  if (self->twice)
    g_signal_emit (self, signals[FAILED], 0,
                   _ ("This series is open in two places; what is drawn or corrected here is not kept. "
                      "Draw in the other view, or close it."));
  if (self->key == NULL || self->recall != NULL)
    return; /* what comes back is joined with this, and written then */
  write_now (self);
}

/* ---- corrections */

static gboolean
write_edits (gpointer data)
{
  SagKeeper *self = data;
  g_autoptr (SagSegmentation) segmentation = g_steal_pointer (&self->corrected);
  g_autoptr (SagSeries) series = g_steal_pointer (&self->series);
  GApplication *application = g_application_get_default ();
  g_autofree char *path = NULL;
  g_autoptr (SagJob) job = NULL;
  int form;

  self->edits = 0;
  if (self->key == NULL || segmentation == NULL
      || sag_provenance_peek_review (sag_segmentation_get_provenance (segmentation))->editor[0] == '\0')
    return G_SOURCE_REMOVE;
  form = sag_segmentation_get_n_layers (segmentation) > 1;
  path = make_edits_path (self, forms[form].end);
  job = sag_job_new_export (forms[form].format, path, segmentation, series, NULL);
  if (job == NULL)
    return G_SOURCE_REMOVE;
  if (application != NULL)
    g_application_hold (application);
  sag_job_start_async (job, NULL, kept, g_object_ref (self));
  return G_SOURCE_REMOVE;
}

/* What waits is written at once: the series is left. */
static void
flush_edits (SagKeeper *self)
{
  if (self->edits == 0)
    return;
  g_clear_handle_id (&self->edits, g_source_remove);
  write_edits (self);
}

static void
drop_edits (SagKeeper *self)
{
  g_clear_handle_id (&self->edits, g_source_remove);
  g_clear_pointer (&self->corrected, sag_segmentation_unref);
  g_clear_object (&self->series);
}

static void
labels_edited (SagKeeper *self)
{
  SagSegmentation *segmentation = sag_workspace_get_segmentation (self->workspace);

  if (self->twice)
    {
      edited (self);
      return;
    }
  g_clear_pointer (&self->corrected, sag_segmentation_unref);
  self->corrected = segmentation != NULL ? sag_segmentation_ref (segmentation) : NULL;
  g_set_object (&self->series, sag_workspace_get_series (self->workspace));
  if (self->edits == 0)
    self->edits = g_timeout_add_seconds (EDITS_DELAY_S, write_edits, self);
}

void
sag_keeper_close (SagKeeper *self)
{
  flush_edits (self);
  leave (self);
}

void
sag_keeper_forget_edits (SagKeeper *self)
{
  drop_edits (self);
  for (guint n = 0; n < G_N_ELEMENTS (forms) && self->key != NULL; n++)
    {
      g_autofree char *path = make_edits_path (self, forms[n].end);

      g_unlink (path);
    }
}

/* ---- measurements */

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
      g_signal_emit (
          self, signals[FAILED], 0,
          _ ("The measurements kept with this series cannot be read; they are left as they are."));
      leave (self);
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
      leave (self); /* never over what could not be read */
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
      leave (self);
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        g_signal_emit (self, signals[FAILED], 0, error->message);
      return;
    }
  g_variant_lookup (done, "text", "&s", &text);
  join (self, text);
  for (guint n = 0; n < G_N_ELEMENTS (forms) && self->key != NULL; n++)
    {
      g_autofree char *path = make_edits_path (self, forms[n].end);

      if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
        g_signal_emit (self, signals[FOUND], 0, path);
    }
}

static void
volume_changed (SagKeeper *self)
{
  SagSeries *series = sag_workspace_get_series (self->workspace);
  SagVolume *volume = sag_workspace_get_volume (self->workspace);
  g_autofree char *path = NULL, *key = NULL;

  if (self->recall != NULL)
    sag_job_cancel (self->recall);
  g_clear_object (&self->recall);
  flush_edits (self);
  leave (self);
  if (series == NULL || volume == NULL || sag_series_get_key (series)[0] == '\0')
    return;
  /* Positions in images that were resampled are others. */
  key = g_strconcat (sag_series_get_key (series),
                     sag_workspace_is_straightened (self->workspace) ? "#straightened" : "", NULL);
  take (self, key);
  if (self->key == NULL)
    return;
  path = make_path ("notes.sqlite");
  self->recall = sag_job_new_recall (path, self->key, KIND);
  sag_job_start_async (self->recall, NULL, recalled, g_object_ref (self));
}

static void
sag_keeper_dispose (GObject *object)
{
  SagKeeper *self = SAG_KEEPER (object);

  drop_edits (self);
  g_clear_object (&self->recall);
  g_clear_object (&self->workspace);
  leave (self);
  G_OBJECT_CLASS (sag_keeper_parent_class)->dispose (object);
}

static void
sag_keeper_class_init (SagKeeperClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = sag_keeper_dispose;
  signals[FOUND] = g_signal_new ("found", SAG_TYPE_KEEPER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 1, G_TYPE_STRING);
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
  g_signal_connect_object (sag_workspace_get_editing (workspace), "edited",
                           G_CALLBACK (labels_edited), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (workspace, "notify::volume", G_CALLBACK (volume_changed), self,
                           G_CONNECT_SWAPPED);
  return self;
}
