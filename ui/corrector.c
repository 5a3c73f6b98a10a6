/* SPDX-License-Identifier: Apache-2.0
 *
 * corrector.c: what is done to, and asked of, whole labels. */
#include "ui/corrector.h"

#include "app/state/wire.h"

#include <glib/gi18n-lib.h>

#define SHOW_AFTER_MS 500 /* what is over sooner is not worth a bar that comes and goes */

struct _SagCorrector
{
  GObject       parent_instance;

  SagWorkspace *workspace;
  SagJob       *job;      /* running, or NULL */
  guint         waiting;  /* source that shows it, or 0 */
  SagBlock     *changes;  /* of the edit under way; NULL until they come */
  gsize         n_changes;
  int           step;     /* to make when the parts are known */
  GVariant     *parts;    /* a(itd(ddd)) of the segmentation shown, or NULL */
  int           rank;     /* of the part shown, from 1; 0: none yet */
};

enum
{
  JOB,
  FAILED,
  SAID,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (SagCorrector, sag_corrector, G_TYPE_OBJECT)

static gboolean
show_job (gpointer data)
{
  SagCorrector *self = data;

  self->waiting = 0;
  g_signal_emit (self, signals[JOB], 0, self->job);
  return G_SOURCE_REMOVE;
}

static void
start (SagCorrector        *self,
       SagJob              *job, /* taken */
       GAsyncReadyCallback  callback)
{
  self->job = job;
  self->waiting = g_timeout_add (SHOW_AFTER_MS, show_job, self);
  sag_job_start_async (job, NULL, callback, g_object_ref (self));
}

/* TRUE if `source` is the job that counts; it is over. */
static gboolean
end (SagCorrector *self,
     GObject      *source)
{
  if (SAG_JOB (source) != self->job)
    return FALSE;
  g_signal_handlers_disconnect_by_data (source, self);
  g_clear_handle_id (&self->waiting, g_source_remove);
  g_clear_object (&self->job);
  return TRUE;
}

static void
fail (SagCorrector *self,
      const GError *error)
{
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_signal_emit (self, signals[FAILED], 0, error->message);
}

/* ---- changing */

static void
edit_partial (SagJob       *job,
              const char   *name,
              GVariant     *body,
              GUnixFDList  *fds,
              SagCorrector *self)
{
  guint64 n;
  int handle;

  if (job != self->job || !g_str_equal (name, "changes") || !g_variant_lookup (body, "n", "t", &n)
      || !g_variant_lookup (body, "changes", "h", &handle) || n > G_MAXSIZE / sizeof (SagChange))
    return;
  g_clear_pointer (&self->changes, sag_block_unref);
  self->changes = sag_wire_map (fds, handle, (gsize) n * sizeof (SagChange), NULL);
  self->n_changes = self->changes != NULL ? (gsize) n : 0;
}

static void
edit_done (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  g_autoptr (SagCorrector) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) done = sag_job_finish (SAG_JOB (source), result, &error);
  SagEditing *editing = sag_workspace_get_editing (self->workspace);
  guint64 n = 0;

  if (!end (self, source))
    return;
  if (done != NULL && g_variant_lookup (done, "n", "t", &n) && n == self->n_changes)
    sag_editing_commit (editing, self->changes != NULL ? sag_block_get_data (self->changes) : NULL,
                        self->n_changes);
  else
    sag_editing_release (editing);
  if (done != NULL && n == 0)
    g_signal_emit (self, signals[SAID], 0, _ ("Nothing of the label had to change."));
  if (done == NULL)
    fail (self, error);
  g_clear_pointer (&self->changes, sag_block_unref);
  self->n_changes = 0;
}

void
sag_corrector_apply (SagCorrector *self,
                     const char   *operation)
{
  SagEditing *editing = sag_workspace_get_editing (self->workspace);
  g_autoptr (GError) error = NULL;
  SagSegmentation *segmentation;
  SagJob *job = NULL;
  guint8 label;
  int layer;

  if (sag_editing_reserve (editing, &segmentation, &layer, &label, &error))
    {
      sag_corrector_cancel (self); /* looking for parts */
      job = sag_job_new_edit (segmentation, layer, label, operation, &error);
      if (job == NULL)
        sag_editing_release (editing);
    }
  if (job == NULL)
    {
      g_signal_emit (self, signals[SAID], 0, error->message);
      return;
    }
  g_signal_connect (job, "partial", G_CALLBACK (edit_partial), self);
  start (self, job, edit_done);
}

/* ---- the parts */

static const char *
find_name (SagCorrector *self,
           int           number)
{
  GListModel *labels = sag_workspace_get_labels (self->workspace);

  for (guint i = 0; i < g_list_model_get_n_items (labels); i++)
    {
      g_autoptr (SagLabelItem) item = g_list_model_get_item (labels, i);

      if (sag_label_get_number (sag_label_item_get_label (item)) == number)
        return sag_label_item_get_name (item); /* the list keeps it */
    }
  return "";
}

static void
go (SagCorrector *self,
    int           step)
{
  int n = (int) g_variant_n_children (self->parts);
  g_autofree char *text = NULL, *count = NULL;
  double at[3], confidence;
  guint64 voxels;
  int number;

  if (n == 0)
    {
      g_signal_emit (self, signals[SAID], 0, _ ("The labels have no voxel; there is no part to go to."));
      return;
    }
  self->rank = CLAMP (self->rank + step, 1, n);
  g_variant_get_child (self->parts, (gsize) self->rank - 1, "(itd(ddd))", &number, &voxels, &confidence,
                       &at[0], &at[1], &at[2]);
  sag_workspace_set_cursor (self->workspace, at);
  count = g_strdup_printf ("%" G_GUINT64_FORMAT, voxels);
  text = g_strdup_printf (_ ("Least certain parts: %d of %d, %s, %s voxels, mean confidence %.1f %%"),
                          self->rank, n, find_name (self, number), count, 100 * confidence);
  g_signal_emit (self, signals[SAID], 0, text);
}

static void
parts_done (GObject      *source,
            GAsyncResult *result,
            gpointer      data)
{
  g_autoptr (SagCorrector) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) done = sag_job_finish (SAG_JOB (source), result, &error);

  if (!end (self, source))
    return;
  if (done != NULL)
    self->parts = g_variant_lookup_value (done, "parts", G_VARIANT_TYPE ("a(itd(ddd))"));
  if (self->parts != NULL)
    go (self, self->step);
  else if (error != NULL)
    fail (self, error);
}

void
sag_corrector_step_part (SagCorrector *self,
                         int           step)
{
  SagSegmentation *segmentation = sag_workspace_get_segmentation (self->workspace);
  g_autoptr (GError) error = NULL;
  SagJob *job;

  if (segmentation == NULL || self->job != NULL)
    return;
  if (self->parts != NULL)
    {
      go (self, step);
      return;
    }
  if (sag_segmentation_get_confidence (segmentation) == NULL)
    {
      g_signal_emit (self, signals[SAID], 0,
                     _ ("Nobody said how sure these labels are: there is no confidence to go by."));
      return;
    }
  job = sag_job_new_parts (segmentation, &error);
  if (job == NULL)
    {
      fail (self, error);
      return;
    }
  self->step = step;
  start (self, job, parts_done);
}

/* Other labels, or not quite the same any more. */
static void
forget_parts (SagCorrector *self)
{
  g_clear_pointer (&self->parts, g_variant_unref);
  self->rank = 0;
}

static void
slices_ready (SagCorrector *self,
              int           layer)
{
  if (layer == SAG_LAYER_SEGMENTATION)
    forget_parts (self);
}

static void
segmentation_changed (SagCorrector *self)
{
  forget_parts (self);
  if (self->job != NULL && sag_job_get_kind (self->job) == SAG_JOB_PARTS)
    sag_corrector_cancel (self);
}

gboolean
sag_corrector_cancel (SagCorrector *self)
{
  if (self->job == NULL)
    return FALSE;
  sag_job_cancel (self->job);
  return TRUE;
}

/* ---- GObject */

static void
sag_corrector_finalize (GObject *object)
{
  SagCorrector *self = SAG_CORRECTOR (object);

  g_clear_handle_id (&self->waiting, g_source_remove);
  forget_parts (self);
  g_clear_pointer (&self->changes, sag_block_unref);
  g_clear_object (&self->workspace);
  G_OBJECT_CLASS (sag_corrector_parent_class)->finalize (object);
}

static void
sag_corrector_class_init (SagCorrectorClass *klass)
{
  GType type = G_TYPE_FROM_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = sag_corrector_finalize;
  signals[JOB] = g_signal_new ("job", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                               SAG_TYPE_JOB);
  signals[FAILED] = g_signal_new ("failed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, G_TYPE_STRING);
  signals[SAID] = g_signal_new ("said", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                G_TYPE_STRING);
}

static void
sag_corrector_init (SagCorrector *self)
{
}

SagCorrector *
sag_corrector_new (SagWorkspace *workspace)
{
  SagCorrector *self = g_object_new (SAG_TYPE_CORRECTOR, NULL);

  self->workspace = g_object_ref (workspace);
  g_signal_connect_object (workspace, "notify::segmentation", G_CALLBACK (segmentation_changed), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (workspace, "slices-ready", G_CALLBACK (slices_ready), self,
                           G_CONNECT_SWAPPED);
  return self;
}
