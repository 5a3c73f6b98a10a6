/* SPDX-License-Identifier: Apache-2.0
 *
 * code.c: a plugin's own code, run with flat buffers and checked at the border.
 */
#include "app/plugin/code.h"

#include "app/plugin/host.h"
#include "engine/base/error.h"
#include "engine/base/parallel.h"

#include <fenv.h>
#include <math.h>
#include <string.h>

#define MESSAGE_SIZE 1024

struct _SagCodeModel
{
  const SagPluginEntry *entry;
  SagPrecision          precision;
  sag_model            *model;
};

static const void *
no_extension (const sag_host *host, const char *id)
{
  return NULL;
}

static const sag_host host = {
  sizeof host, SAG_PLUGIN_ABI, "Sagitta", SAG_VERSION, no_extension,
};

static gboolean broken (const SagCodeModel *self, GError **error, const char *format, ...)
  G_GNUC_PRINTF (3, 4);

/* Sets CONTRACT: the plugin, and what it did. */
static gboolean
broken (const SagCodeModel *self, GError **error, const char *format, ...)
{
  va_list arguments;
  g_autofree char *what = NULL;

  va_start (arguments, format);
  what = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, SAG_PLUGIN_ERROR, SAG_PLUGIN_ERROR_CONTRACT,
               "The plugin '%s' broke its contract: %s", self->entry->recipe->id, what);
  return FALSE;
}

SagCodeModel *
sag_code_model_new (const SagPluginEntry *entry, SagPrecision precision, GError **error)
{
  SagCodeModel *self = g_new0 (SagCodeModel, 1);
  sag_model *model;

  self->entry = entry;
  self->precision = precision;
  self->model = model
    = entry->code->create (&host, entry->folder, entry->recipe->id, 1u << precision);
  if (model == NULL)
    g_set_error (error, SAG_PLUGIN_ERROR, SAG_PLUGIN_ERROR_FAILED,
                 "The plugin '%s' could not be started at %s", entry->recipe->id,
                 sag_precision_get_name (precision));
  else if (!SAG_HAS (model, destroy))
    broken (self, error, "its model has size %u, which is too small", model->size);
  else if (model->segment == NULL || model->destroy == NULL)
    {
      broken (self, error, "its model has no segment or destroy");
      if (model->destroy != NULL)
        model->destroy (model);
    }
  else
    return self;
  self->model = NULL;
  sag_code_model_free (self);
  return NULL;
}

void
sag_code_model_free (SagCodeModel *self)
{
  if (self == NULL)
    return;
  if (self->model != NULL)
    self->model->destroy (self->model);
  g_free (self);
}

void
sag_code_model_needs (const SagGrid *grid, SagSegmentNeeds *needs)
{
  gsize n = sag_grid_get_n_voxels (grid);

  memset (needs, 0, sizeof *needs);
  needs->work_bytes = n * sizeof (float);
  needs->result_bytes = 2 * n;
  needs->total_bytes = needs->work_bytes + needs->result_bytes;
  needs->n_windows = 1;
  memcpy (needs->spacing, grid->spacing, sizeof needs->spacing);
}

/* --- one call ---------------------------------------------------------------------------- */

typedef struct
{
  const SagTick *tick;
  SagCodeCall   *call;
  GThread       *thread;
  double         fraction;
} Progress;

static int32_t
on_progress (void *data, double fraction)
{
  Progress *progress = data;
  SagCodeCall *call = progress->call;

  call->n_progress++;
  call->elsewhere = call->elsewhere || g_thread_self () != progress->thread;
  if (!(fraction >= progress->fraction && fraction <= 1))
    call->fell = TRUE;
  else
    progress->fraction = fraction;
  if (!call->elsewhere && !call->asked_to_stop)
    call->asked_to_stop = !sag_tick (progress->tick, progress->fraction);
  return !call->asked_to_stop;
}

/* Every voxel has the value of a label, or 0. */
static gboolean
check_labels (const SagCodeModel *self, const sag_image *image, const guint8 *labels,
              GError **error)
{
  gboolean known[256] = { TRUE };
  gsize row = (gsize) image->dims[0], slice = row * (gsize) image->dims[1];
  gsize n = slice * (gsize) image->dims[2];

  for (int l = 0; l < self->entry->recipe->n_labels; l++)
    known[self->entry->recipe->labels[l].value] = TRUE;
  for (gsize i = 0; i < n; i++)
    if (!known[labels[i]])
      return broken (self, error, "voxel (%d, %d, %d) has value %d, which is no label",
                     (int) (i % row), (int) (i % slice / row), (int) (i / slice), labels[i]);
  return TRUE;
}

static gboolean
check_status (const SagCodeModel *self, const SagCodeCall *call, GError **error)
{
  switch (call->status)
    {
    case SAG_OK:
      if (call->asked_to_stop)
        return sag_engine_error_cancelled (error);
      return call->message[0] == '\0'
             || broken (self, error, "it succeeded, and yet says '%s'", call->message);
    case SAG_CANCELLED:
      return call->asked_to_stop ? sag_engine_error_cancelled (error)
                                 : broken (self, error, "it says cancelled, but nobody asked");
    case SAG_FAILED:
      if (call->message[0] == '\0')
        return broken (self, error, "it failed without a message");
      g_set_error (error, SAG_PLUGIN_ERROR, SAG_PLUGIN_ERROR_FAILED, "The plugin '%s' failed: %s",
                   self->entry->recipe->id, call->message);
      return FALSE;
    default:
      return broken (self, error, "it returned status %d", (int) call->status);
    }
}

gboolean
sag_code_model_call (SagCodeModel *self, const sag_image *image, guint8 *labels, guint8 *confidence,
                     const SagTick *tick, SagCodeCall *call, GError **error)
{
  Progress progress = { tick, call, g_thread_self (), 0 };
  sag_run run = { sizeof run, sag_parallel_get_size (), &progress, on_progress };
  char message[MESSAGE_SIZE + 256] = "";
  sag_result result = { sizeof result, MESSAGE_SIZE, labels, confidence, message };
  g_autofree char *shown = NULL;
  fenv_t rounding;

  memset (call, 0, sizeof *call);
  fegetenv (&rounding);
  call->status = self->model->segment (self->model, image, &result, &run);
  fesetenv (&rounding);
  for (gsize i = MESSAGE_SIZE; i < sizeof message; i++)
    if (message[i] != '\0')
      return broken (self, error, "it wrote past the end of the message");
  message[MESSAGE_SIZE - 1] = '\0';
  if (message[0] != '\0')
    {
      const char *end;

      shown = g_utf8_make_valid (message, -1);
      g_strlcpy (call->message, g_strdelimit (g_strchomp (shown), "\r\n\t", ' '),
                 sizeof call->message);
      /* Not in the middle of a character: the error travels as UTF-8. */
      g_utf8_validate (call->message, -1, &end);
      call->message[end - call->message] = '\0';
    }
  return check_status (self, call, error) && check_labels (self, image, labels, error);
}

/* --- a volume ---------------------------------------------------------------------------- */

typedef struct
{
  SagVolume *volume;
  float     *voxels;
  gsize      n; /* a slice */
} Widening;

static void
widen_slice (gsize k, int thread, gpointer data)
{
  const Widening *widening = data;
  float *values = widening->voxels + k * widening->n;

  sag_volume_get_values (widening->volume, (int) k, values);
  for (gsize i = 0; i < widening->n; i++)
    if (!isfinite (values[i]))
      values[i] = 0;
}

static void
describe_volume (SagVolume *volume, const float *voxels, sag_image *image)
{
  const SagGrid *grid = sag_volume_get_grid (volume);

  *image = (sag_image) { .size = sizeof *image, .voxels = voxels,
                         .modality = sag_volume_get_modality (volume),
                         .unit = sag_volume_get_unit (volume) };
  for (int a = 0; a < 3; a++)
    image->dims[a] = grid->size[a];
  memcpy (image->spacing, grid->spacing, sizeof image->spacing);
  memcpy (image->origin, grid->origin, sizeof image->origin);
  memcpy (image->direction, grid->direction, sizeof image->direction);
}

static char *
hash_file (const char *path)
{
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, NULL);

  if (file == NULL)
    return g_strdup ("");
  return g_compute_checksum_for_data (G_CHECKSUM_SHA256,
                                      (const guchar *) g_mapped_file_get_contents (file),
                                      g_mapped_file_get_length (file));
}

static SagProvenance *
make_provenance (const SagCodeModel *self)
{
  const SagRecipe *recipe = self->entry->recipe;
  SagProvenance *provenance = sag_provenance_new ();
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *time = g_date_time_format (now, "%FT%T%:z");
  g_autofree char *sha256 = hash_file (self->entry->file);

  sag_provenance_set (&provenance->model_id, recipe->id);
  sag_provenance_set (&provenance->model_name, recipe->name);
  sag_provenance_set (&provenance->model_version, recipe->version);
  sag_provenance_set (&provenance->weights_sha256, sha256);
  sag_provenance_set (&provenance->precision, sag_precision_get_name (self->precision));
  sag_provenance_set (&provenance->calibration, "none");
  sag_provenance_set (&provenance->program, "Sagitta " SAG_VERSION);
  sag_provenance_set (&provenance->time, time);
  return provenance;
}

/* A value that no label has, so that a voxel nobody wrote is found out. */
static guint8
unused_value (const SagRecipe *recipe)
{
  gboolean used[256] = { TRUE };
  int value = 255;

  for (int l = 0; l < recipe->n_labels; l++)
    used[recipe->labels[l].value] = TRUE;
  while (value > 0 && used[value])
    value--;
  return (guint8) value;
}

SagSegmentation *
sag_code_model_segment (SagCodeModel *self, SagVolume *volume, const SagSegmentOptions *options,
                        const SagTick *tick, SagSegmentReport *report, GError **error)
{
  const SagGrid *grid = sag_volume_get_grid (volume);
  const SagRecipe *recipe = self->entry->recipe;
  gsize n = sag_grid_get_n_voxels (grid);
  gint64 start = g_get_monotonic_time (), called;
  Widening widening = { volume, NULL, (gsize) grid->size[0] * (gsize) grid->size[1] };
  g_autoptr (SagProvenance) provenance = make_provenance (self);
  g_autoptr (SagBlock) confidence = NULL;
  g_autoptr (SagLabelmap) labelmap = NULL;
  SagSegmentation *result = NULL;
  SagSegmentNeeds needs;
  SagCodeCall call;
  sag_image image;

  sag_code_model_needs (grid, &needs);
  if (options != NULL && options->max_bytes > 0 && needs.total_bytes > options->max_bytes)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_MEMORY,
                   "The run needs %.0f MB, but the limit is %.0f MB",
                   (double) needs.total_bytes / 1e6, (double) options->max_bytes / 1e6);
      return NULL;
    }
  confidence = sag_block_new (n, "the confidence", error);
  if (confidence == NULL)
    return NULL;
  labelmap = sag_labelmap_new (grid, NULL, recipe->labels, recipe->n_labels, error);
  if (labelmap == NULL)
    return NULL;
  widening.voxels = sag_alloc_try (n * sizeof (float), "the volume as numbers", error);
  if (widening.voxels == NULL)
    return NULL;
  sag_parallel_for ((gsize) grid->size[2], widen_slice, &widening);
  describe_volume (volume, widening.voxels, &image);
  memset (sag_labelmap_get_voxels (labelmap), unused_value (recipe), n);
  called = g_get_monotonic_time ();
  if (sag_code_model_call (self, &image, sag_labelmap_get_voxels (labelmap),
                           sag_block_get_data (confidence), tick, &call, error))
    result = sag_segmentation_new (&labelmap, 1, confidence, provenance, error);
  sag_free (widening.voxels);
  report->prepare_ms = (double) (called - start) / 1000;
  report->total_ms = (double) (g_get_monotonic_time () - start) / 1000;
  report->net_ms = report->total_ms - report->prepare_ms;
  report->peak_bytes = needs.total_bytes;
  if (result == NULL)
    return NULL;
  sag_segmentation_mark_ready (result, 0, grid->size[2]);
  if (options != NULL && options->slab_ready != NULL)
    options->slab_ready (result, 0, grid->size[2], options->data);
  return result;
}
