/* SPDX-License-Identifier: Apache-2.0
 *
 * body.c: what each kind of job does: dispatch, and what they share.
 */
#include "app/work/body.h"

#include "app/files/unzip.h"
#include "app/plugin/load.h"
#include "app/state/wire.h"
#include "app/work/body-private.h"
#include "engine/base/error.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <stdlib.h>

#define READY_INTERVAL_US 15000

static const SagBodyFunc funcs[SAG_N_JOB_KINDS] = {
  [SAG_JOB_INDEX] = sag_body_index,
  [SAG_JOB_THUMBNAIL] = sag_body_thumbnail,
  [SAG_JOB_READ] = sag_body_read,
  [SAG_JOB_TAGS] = sag_body_tags,
  [SAG_JOB_READ_SEGMENTATION] = sag_body_read_segmentation,
  [SAG_JOB_EXPORT] = sag_body_export,
  [SAG_JOB_DEIDENTIFY] = sag_body_deidentify,
  [SAG_JOB_KEEP] = sag_body_keep,
  [SAG_JOB_RECALL] = sag_body_recall,
  [SAG_JOB_MODELS] = sag_body_models,
  [SAG_JOB_ESTIMATE] = sag_body_estimate,
  [SAG_JOB_SEGMENT] = sag_body_segment,
  [SAG_JOB_COMPARE] = sag_body_compare,
  [SAG_JOB_EDIT] = sag_body_edit,
  [SAG_JOB_PARTS] = sag_body_parts,
};

gpointer
sag_body_lacks (const char *key, GError **error)
{
  g_set_error (error, SAG_JOB_ERROR, SAG_JOB_ERROR_PROTOCOL, _ ("The request lacks its %s"), key);
  return NULL;
}

char *
sag_body_get_path (SagBodyRun *run, GError **error)
{
  char *path = NULL;

  if (g_variant_lookup (run->request, "path", "^ay", &path) && *path != '\0')
    return path;
  g_free (path);
  return sag_body_lacks ("path", error);
}

char **
sag_body_get_paths (SagBodyRun *run, GError **error)
{
  char **paths = NULL;

  if (g_variant_lookup (run->request, "paths", "^aay", &paths) && paths[0] != NULL)
    return paths;
  g_strfreev (paths);
  return sag_body_lacks ("paths", error);
}

gboolean
sag_body_get_focus (SagBodyRun *run, double focus[3])
{
  return g_variant_lookup (run->request, "focus", "(ddd)", &focus[0], &focus[1], &focus[2])
         && isfinite (focus[0]) && isfinite (focus[1]) && isfinite (focus[2]);
}

SagSegmentation *
sag_body_get_segmentation (SagBodyRun *run, const char *key, GError **error)
{
  g_autoptr (GVariant) described
      = g_variant_lookup_value (run->request, key, G_VARIANT_TYPE_VARDICT);

  if (described == NULL)
    return sag_body_lacks (key, error);
  return sag_segmentation_from_variant (described, run->fds, error);
}

double
sag_body_get_seconds (SagBodyRun *run)
{
  return (double) (g_get_monotonic_time () - run->started) * 1e-6;
}

void
sag_body_add_text (GVariantDict *dict, const char *key, const char *text)
{
  g_variant_dict_insert_value (dict, key,
                               g_variant_new_take_string (g_utf8_make_valid (text, -1)));
}

void
sag_body_add_texts (GVariantDict *dict, const char *key, GPtrArray *texts)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_STRING_ARRAY);
  for (guint n = 0; n < texts->len; n++)
    {
      g_autofree char *valid = g_utf8_make_valid (g_ptr_array_index (texts, n), -1);

      g_variant_builder_add (&builder, "s", valid);
    }
  g_variant_dict_insert_value (dict, key, g_variant_builder_end (&builder));
}

gboolean
sag_body_tell_segmentation (SagBodyRun *run, const char *role, SagSegmentation *segmentation,
                            GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GVariant *described;
  GVariantDict dict;

  described = sag_segmentation_to_variant (segmentation, fds, error);
  if (described == NULL)
    return FALSE;
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, "segmentation", described);
  run->sink->partial (role, g_variant_dict_end (&dict), fds, run->sink->data);
  return TRUE;
}

/* Sums of the confidence over the voxels of each label. */
static void
sum_confidence (SagLabelmap *layer, SagBlock *confidence, guint64 sums[256])
{
  const int *size = sag_labelmap_get_grid (layer)->size;
  const guint8 *labels = sag_labelmap_get_box_voxels (layer);
  const guint8 *values = sag_block_get_data (confidence);
  int box[6];

  sag_labelmap_get_box (layer, box);
  for (int v = 0; v < 256; v++)
    sums[v] = 0;
  for (int k = box[2]; k < box[5]; k++)
    for (int j = box[1]; j < box[4]; j++, labels += box[3] - box[0])
      {
        const guint8 *row = values + ((gsize) k * (gsize) size[1] + (gsize) j) * (gsize) size[0] + box[0];

        for (int i = 0; i < box[3] - box[0]; i++)
          sums[labels[i]] += row[i];
      }
}

void
sag_body_tell_labels (SagBodyRun *run, const char *role, SagSegmentation *segmentation)
{
  SagBlock *confidence = sag_segmentation_get_confidence (segmentation);
  g_autofree SagLabelStats *stats = g_new (SagLabelStats, 256);
  GVariantBuilder builder;
  GVariantDict dict;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(itddddd)"));
  for (int n = 0; n < sag_segmentation_get_n_layers (segmentation); n++)
    {
      SagLabelmap *layer = sag_segmentation_get_layer (segmentation, n);
      guint64 sums[256];
      int n_labels;
      const SagLabel *labels = sag_labelmap_get_labels (layer, &n_labels);

      sag_labelmap_measure (layer, stats);
      if (confidence != NULL)
        sum_confidence (layer, confidence, sums);
      for (int l = 0; l < n_labels; l++)
        {
          const SagLabelStats *s = &stats[labels[l].value];
          double mean = confidence == NULL || s->n_voxels == 0
                            ? NAN
                            : (double) sums[labels[l].value] / (255.0 * (double) s->n_voxels);

          g_variant_builder_add (&builder, "(itddddd)", sag_label_get_number (&labels[l]), (guint64) s->n_voxels, s->ml,
                                 mean, s->centroid[0], s->centroid[1], s->centroid[2]);
        }
    }
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "of", "s", role);
  g_variant_dict_insert_value (&dict, "labels", g_variant_builder_end (&builder));
  run->sink->partial ("labels", g_variant_dict_end (&dict), NULL, run->sink->data);
}

void
sag_body_ready_begin (SagBodyRun *run, const char *of, int n)
{
  g_mutex_lock (&run->lock);
  run->of = of;
  g_array_set_size (run->ready, 0);
  g_array_set_size (run->ready, (guint) n);
  run->n_ready = run->n_told = 0;
  run->told = 0;
  g_mutex_unlock (&run->lock);
}

/* With the lock. */
static void
tell_ready (SagBodyRun *run)
{
  gboolean *ready = (gboolean *) run->ready->data;
  int n = (int) run->ready->len;

  if (run->n_told == run->n_ready)
    return;
  for (int k0 = 0, k1; k0 < n; k0 = k1 + 1)
    {
      GVariantDict dict;

      for (k1 = k0; k1 < n && ready[k1]; k1++)
        ready[k1] = FALSE;
      if (k1 == k0)
        continue;
      g_variant_dict_init (&dict, NULL);
      g_variant_dict_insert (&dict, "of", "s", run->of);
      g_variant_dict_insert (&dict, "k0", "i", k0);
      g_variant_dict_insert (&dict, "k1", "i", k1);
      run->sink->partial ("ready", g_variant_dict_end (&dict), NULL, run->sink->data);
    }
  run->n_told = run->n_ready;
  run->told = g_get_monotonic_time ();
}

void
sag_body_ready_add (SagBodyRun *run, int k0, int k1)
{
  g_mutex_lock (&run->lock);
  for (int k = MAX (k0, 0); k < MIN (k1, (int) run->ready->len); k++)
    {
      g_array_index (run->ready, gboolean, k) = TRUE;
      run->n_ready++;
    }
  if (g_get_monotonic_time () - run->told >= READY_INTERVAL_US)
    tell_ready (run);
  g_mutex_unlock (&run->lock);
}

void
sag_body_ready_end (SagBodyRun *run)
{
  g_mutex_lock (&run->lock);
  tell_ready (run);
  g_mutex_unlock (&run->lock);
}

static gboolean
tick (double fraction, gpointer data)
{
  SagBodyRun *run = data;

  run->sink->report (fraction, NULL, run->sink->data);
  return !run->sink->is_cancelled (run->sink->data);
}

static gboolean is_contained; /* a child that works for a window, which may outlive it */

static gpointer
create (void)
{
  SagBody *self = g_new0 (SagBody, 1);

  self->indexes = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_index_unref);
  self->unzipped = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_unzip_unref);
  return self;
}

static void
destroy (gpointer data)
{
  SagBody *self = data;

  g_ptr_array_unref (self->indexes);
  if (is_contained)
    g_ptr_array_set_free_func (self->unzipped, (GDestroyNotify) sag_unzip_leave);
  g_ptr_array_unref (self->unzipped);
  g_clear_pointer (&self->host, sag_plugin_host_free);
  g_free (self);
}

static GVariant *
run_job (gpointer self, SagJobKind kind, GVariant *request, GUnixFDList *fds, const SagJobSink *sink,
         GError **error)
{
  SagBodyRun run = { .self = self, .request = request, .fds = fds, .sink = sink,
                     .started = g_get_monotonic_time (), .tick = { tick, &run },
                     .ready = g_array_new (FALSE, TRUE, sizeof (gboolean)) };
  GError *failure = NULL;
  GVariant *result;

  g_return_val_if_fail (kind < SAG_N_JOB_KINDS, NULL);

  g_mutex_init (&run.lock);
  result = funcs[kind] (&run, &failure);
  g_array_unref (run.ready);
  g_mutex_clear (&run.lock);
  if (result == NULL && g_error_matches (failure, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_CANCELLED))
    {
      failure->domain = G_IO_ERROR;
      failure->code = G_IO_ERROR_CANCELLED;
    }
  if (failure != NULL)
    g_propagate_error (error, failure);
  return result;
}

/* A bundle may be a link to where it is being worked on: what links lead to is named too. */
static void
add_links (GPtrArray *readable, const char *folder, int depth)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_SYMLINK))
        {
          char *real = realpath (path, NULL);

          if (real != NULL)
            g_ptr_array_add (readable, g_strdup (real));
          free (real);
        }
      if (depth > 0 && g_file_test (path, G_FILE_TEST_IS_DIR))
        add_links (readable, path, depth - 1);
    }
}

/* A folder of ours, which must be there to be named. */
static void
add_own_folder (GPtrArray *writable, const char *base)
{
  char *folder = g_build_filename (base, "sagitta", NULL);

  g_mkdir_with_parents (folder, 0700);
  g_ptr_array_add (writable, folder);
}

static void
add_folders (SagJobLane lane, GPtrArray *readable, GPtrArray *writable)
{
  g_auto (GStrv) folders = NULL;

  if (lane != SAG_JOB_LANE_COMPUTE)
    {
      /* What is left of programs that are no more. */
      sag_unzip_remove_orphans ();
      add_own_folder (writable, g_get_user_cache_dir ()); /* the index of folders, members of ZIP files */
      add_own_folder (writable, g_get_user_config_dir ()); /* the key of copies without names */
      is_contained = TRUE;
      sag_unzip_work_for ((int) getppid ());
      return;
    }
  folders = sag_plugin_host_get_default_folders ();
  for (int n = 0; folders[n] != NULL; n++)
    {
      g_ptr_array_add (readable, g_strdup (folders[n]));
      add_links (readable, folders[n], 1);
    }
}

const SagJobBody *
sag_job_body (void)
{
  static const SagJobBody body = { create, run_job, destroy, add_folders,
                                   sag_plugin_watch_opening, sag_unzip_remove_kept };

  return &body;
}
