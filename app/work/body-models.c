/* SPDX-License-Identifier: Apache-2.0
 *
 * body-models.c: jobs about models: list, estimate, segment.
 */
#include "app/state/wire.h"
#include "app/work/body-private.h"
#include "engine/base/error.h"
#include "engine/base/parallel.h"
#include "engine/kernels/kernels.h"

#include <math.h>
#include <string.h>

/* Multiply-adds a second and thread, until a run of this worker has shown better: what kernels reach on small layers. */
static double
assume_macs_per_second (void)
{
  static const struct
  {
    const char *kernels;
    double      macs;
  } levels[] = { { "amx", 16e9 }, { "avx512", 16e9 }, { "avx2", 8e9 }, { "neon", 6e9 } };
  const char *name = sag_kernels_get ()->name;

  for (guint i = 0; i < G_N_ELEMENTS (levels); i++)
    if (g_str_has_prefix (name, levels[i].kernels))
      return levels[i].macs;
  return 5e8;
}

static SagPluginHost *
get_host (SagBody *self)
{
  if (self->host == NULL)
    self->host = sag_plugin_host_new (NULL);
  return self->host;
}

GVariant *
sag_body_models (SagBodyRun *run, GError **error)
{
  GVariantDict dict;

  /* Anew each time: that is what one presses "refresh" for. */
  g_clear_pointer (&run->self->host, sag_plugin_host_free);
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, "models", sag_plugin_host_describe (get_host (run->self)));
  return g_variant_dict_end (&dict);
}

/* The model, precision and volume of the request. */
static gboolean
get_task (SagBodyRun *run, const SagPluginEntry **entry, SagPrecision *precision, SagVolume **volume,
          GError **error)
{
  g_autoptr (GVariant) described
      = g_variant_lookup_value (run->request, "volume", G_VARIANT_TYPE_VARDICT);
  const char *model, *name;

  if (described == NULL)
    return sag_body_lacks ("volume", error) != NULL;
  if (!g_variant_lookup (run->request, "model", "&s", &model))
    return sag_body_lacks ("model", error) != NULL;
  if (!g_variant_lookup (run->request, "precision", "&s", &name))
    return sag_body_lacks ("precision", error) != NULL;
  if (!sag_precision_from_name (name, precision, error))
    return FALSE;
  *entry = sag_plugin_host_find (get_host (run->self), model, error);
  if (*entry == NULL)
    return FALSE;
  *volume = sag_volume_from_variant (described, run->fds, error);
  return *volume != NULL;
}

GVariant *
sag_body_estimate (SagBodyRun *run, GError **error)
{
  g_autoptr (SagVolume) volume = NULL;
  g_auto (GStrv) warnings = NULL;
  const SagPluginEntry *entry;
  SagSegmentNeeds needs;
  SagPrecision precision;
  GVariantDict dict;
  double speed;

  if (!get_task (run, &entry, &precision, &volume, error)
      || !sag_plugin_host_bytes (run->self->host, entry, precision, sag_volume_get_grid (volume),
                                 &needs, error))
    return NULL;
  warnings = sag_recipe_check (entry->recipe, volume);
  speed = run->self->macs_per_second > 0 ? run->self->macs_per_second
                                         : assume_macs_per_second () * sag_parallel_get_size ();
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "fits", "b", warnings[0] == NULL);
  g_variant_dict_insert (&dict, "warnings", "^as", warnings);
  g_variant_dict_insert (&dict, "bytes", "t", (guint64) needs.total_bytes);
  g_variant_dict_insert (&dict, "seconds", "d", (double) needs.macs / speed);
  return g_variant_dict_end (&dict);
}

typedef struct
{
  SagBodyRun      *run;
  SagSegmentation *shown; /* the one announced; a reference */
  GError          *error; /* of telling, which cannot stop a callback */
} Showing;

static void
preview_ready (SagSegmentation *preview, gpointer data)
{
  Showing *showing = data;

  if (showing->error == NULL)
    sag_body_tell_segmentation (showing->run, "preview", preview, &showing->error);
  sag_body_ready_begin (showing->run, "preview", sag_segmentation_get_grid (preview)->size[2]);
}

static void
preview_slab_ready (SagSegmentation *preview, int k0, int k1, gpointer data)
{
  Showing *showing = data;

  sag_body_ready_add (showing->run, k0, k1);
}

static gboolean
show (Showing *showing, SagSegmentation *segmentation)
{
  if (showing->shown == segmentation)
    return FALSE;
  g_clear_pointer (&showing->shown, sag_segmentation_unref);
  showing->shown = sag_segmentation_ref (segmentation);
  sag_body_ready_end (showing->run); /* what is left of the preview */
  if (showing->error == NULL)
    sag_body_tell_segmentation (showing->run, "segmentation", segmentation, &showing->error);
  sag_body_ready_begin (showing->run, "segmentation",
                        sag_segmentation_get_grid (segmentation)->size[2]);
  return TRUE;
}

static void
slab_ready (SagSegmentation *segmentation, int k0, int k1, gpointer data)
{
  Showing *showing = data;

  if (!show (showing, segmentation)) /* its first announcement says what is ready */
    sag_body_ready_add (showing->run, k0, k1);
}

static GVariant *
describe_timings (const SagSegmentReport *report)
{
  const struct
  {
    const char *name;
    double      ms;
  } rows[] = {
    { "load", report->load_ms },       { "preview", report->preview_ms },
    { "prepare", report->prepare_ms }, { "network", report->net_ms },
    { "finish", report->finish_ms },   { "clean", report->clean_ms },
    { "total", report->total_ms },
  };
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(sd)"));
  for (gsize n = 0; n < G_N_ELEMENTS (rows); n++)
    g_variant_builder_add (&builder, "(sd)", rows[n].name, rows[n].ms * 1e-3);
  return g_variant_builder_end (&builder);
}

/* What a run may take at most. What a network takes is known; a plugin's own code is told nothing, and may
 * take several times its input. */
static guint64
allowance (const SagPluginEntry *entry, const SagSegmentNeeds *needs)
{
  return entry->onnx != NULL ? (guint64) needs->total_bytes + needs->total_bytes / 4
                             : (guint64) needs->total_bytes + 8 * (guint64) needs->work_bytes;
}

GVariant *
sag_body_segment (SagBodyRun *run, GError **error)
{
  g_autoptr (SagVolume) volume = NULL;
  g_autoptr (SagSegmentation) segmentation = NULL;
  g_autoptr (GError) failure = NULL;
  Showing showing = { .run = run };
  SagSegmentOptions options = { .preview = TRUE, .preview_ready = preview_ready,
                                .preview_slab_ready = preview_slab_ready,
                                .slab_ready = slab_ready, .data = &showing };
  SagSegmentReport report = { 0 };
  SagSegmentNeeds needs;
  g_autofree char *doubt = NULL;
  const SagPluginEntry *entry;
  SagPrecision precision;
  GVariantDict dict;
  double focus[3];
  int threads = 0, usual_threads = sag_parallel_get_size ();

  if (!get_task (run, &entry, &precision, &volume, error))
    return NULL;
  if (sag_body_get_focus (run, focus))
    options.focus = focus;
  g_variant_lookup (run->request, "preview", "b", &options.preview);
  if (g_variant_lookup (run->request, "threads", "i", &threads) && threads > 0)
    sag_parallel_own (SAG_TEAM_COMPUTE, threads);

  if (!sag_plugin_host_bytes (run->self->host, entry, precision, sag_volume_get_grid (volume), &needs, error))
    return NULL;
  run->sink->expect (allowance (entry, &needs), run->sink->data);
  segmentation = sag_plugin_host_segment (run->self->host, entry, precision, volume, &options,
                                          &run->tick, &report, &failure);
  sag_parallel_own (SAG_TEAM_COMPUTE, usual_threads);
  if (segmentation != NULL)
    {
      show (&showing, segmentation);
      sag_body_ready_end (run);
      sag_body_tell_labels (run, "segmentation", segmentation);
      sag_body_tell_values (run, "segmentation", segmentation, volume);
    }
  g_clear_pointer (&showing.shown, sag_segmentation_unref);
  if (failure == NULL)
    failure = g_steal_pointer (&showing.error);
  g_clear_error (&showing.error);
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
  if (report.net_ms > 0)
    run->self->macs_per_second = (double) needs.macs / (report.total_ms * 1e-3);

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "bytes", "t", (guint64) report.peak_bytes);
  g_variant_dict_insert (&dict, "model-bytes", "t", (guint64) needs.weight_bytes);
  g_variant_dict_insert (&dict, "seconds", "d", sag_body_get_seconds (run));
  g_variant_dict_insert_value (&dict, "timings", describe_timings (&report));
  doubt = sag_segment_doubt (&report);
  if (doubt != NULL)
    g_variant_dict_insert (&dict, "doubt", "s", doubt);
  return g_variant_dict_end (&dict);
}
