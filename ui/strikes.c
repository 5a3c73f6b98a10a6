/* SPDX-License-Identifier: Apache-2.0
 *
 * strikes.c: models that bring down their worker are switched off after the third time.
 */
#include "ui/strikes.h"

#define KEY "crashed-models"

static guint
get_count (GSettings  *settings,
           const char *id)
{
  g_autoptr (GVariant) all = g_settings_get_value (settings, KEY);
  guint n = 0;

  g_variant_lookup (all, id, "u", &n);
  return n;
}

static void
set_count (GSettings  *settings,
           const char *id,
           guint       n)
{
  g_autoptr (GVariant) all = g_settings_get_value (settings, KEY);
  GVariantBuilder builder;
  GVariantIter iter;
  const char *other;
  guint count;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{su}"));
  g_variant_iter_init (&iter, all);
  while (g_variant_iter_next (&iter, "{&su}", &other, &count))
    if (!g_str_equal (other, id))
      g_variant_builder_add (&builder, "{su}", other, count);
  if (n > 0)
    g_variant_builder_add (&builder, "{su}", id, n);
  g_settings_set_value (settings, KEY, g_variant_builder_end (&builder));
}

static void
count (SagModel  *model,
       GSettings *settings,
       guint      n)
{
  if (n == get_count (settings, sag_model_get_id (model)))
    return;
  set_count (settings, sag_model_get_id (model), n);
  sag_model_set_crashes (model, n);
}

typedef struct
{
  GSettings *settings;
  SagModel  *model;
} Watched;

static void
watched_free (gpointer  data,
              GClosure *closure)
{
  Watched *self = data;

  g_object_unref (self->settings);
  g_object_unref (self->model);
  g_free (self);
}

static void
run_changed (SagJob     *job,
             GParamSpec *pspec,
             gpointer    data)
{
  Watched *self = data;

  if (sag_job_get_state (job) == SAG_JOB_STATE_DONE)
    count (self->model, self->settings, 0);
  else if (g_error_matches (sag_job_get_error (job), SAG_JOB_ERROR, SAG_JOB_ERROR_CRASHED))
    count (self->model, self->settings, sag_model_get_crashes (self->model) + 1);
}

static void
job_begun (SagSegmenter *segmenter,
           SagJob       *job,
           GSettings    *settings)
{
  SagModel *model = sag_segmenter_get_model (segmenter);
  Watched *watched;

  if (sag_job_get_kind (job) != SAG_JOB_SEGMENT || model == NULL)
    return;
  watched = g_new (Watched, 1);
  watched->settings = g_object_ref (settings);
  watched->model = g_object_ref (model);
  g_signal_connect_data (job, "notify::state", G_CALLBACK (run_changed), watched, watched_free, 0);
}

static void
models_changed (GListModel *models,
                guint       position,
                guint       removed,
                guint       added,
                GSettings  *settings)
{
  for (guint n = position; n < position + added; n++)
    {
      g_autoptr (SagModel) model = g_list_model_get_item (models, n);

      sag_model_set_crashes (model, get_count (settings, sag_model_get_id (model)));
    }
}

void
sag_strikes_watch (SagSegmenter *segmenter,
                   GSettings    *settings)
{
  GListModel *models = sag_segmenter_get_models (segmenter);

  g_signal_connect_object (segmenter, "job", G_CALLBACK (job_begun), settings, 0);
  g_signal_connect_object (models, "items-changed", G_CALLBACK (models_changed), settings, 0);
  models_changed (models, 0, 0, g_list_model_get_n_items (models), settings);
}

gboolean
sag_strikes_forgive (SagSegmenter *segmenter,
                     GSettings    *settings)
{
  SagModel *model = sag_segmenter_get_model (segmenter);

  if (model == NULL || !sag_model_is_switched_off (model))
    return FALSE;
  count (model, settings, 0);
  sag_segmenter_choose (segmenter, sag_model_get_id (model));
  return TRUE;
}
