/* SPDX-License-Identifier: Apache-2.0
 *
 * segment.c: from a volume in the patient to labels and confidence in the patient.
 *   recipe + file + grid -> frame (frame.c) -> network (network.c)
 *   volume -> scale (stats.c) -> slab (prepare.c) -> patches (windows.c) -> logits (network)
 *          -> slices of sums (slabs.c) -> labels, confidence on the input grid (finish.c)
 *          -> tidied (clean.c)
 *
 * pass.c is the loop over patches; here is what happens around it.
 */
#include "engine/segment/segment.h"

#include "engine/base/error.h"
#include "engine/base/parallel.h"
#include "engine/kernels/kernels.h"
#include "engine/segment/clean.h"
#include "engine/segment/pass.h"

#include <glib/gi18n-lib.h>
#include <string.h>

struct _SagSegment
{
  SagRecipe     *recipe;
  char          *path, *ranges;
  SagPrecision   precision;
  gboolean       peeked;
  SagNetworkPeek peek;
  SagNetwork    *network; /* of the last grid */
  SagLanes      *lanes;   /* with it as the first, of the last run */
};

/* Everything about one run that is known before it starts. */
typedef struct
{
  SagPass         full, preview;
  gboolean        has_preview;
  int             n_lanes;
  SagSegmentNeeds needs;
} Plan;

SagSegment *
sag_segment_new (const SagRecipe *recipe, const char *model_path, SagPrecision precision,
                 GError **error)
{
  SagSegment *self;

  if (!sag_recipe_validate (recipe, error))
    return NULL;
  self = g_new0 (SagSegment, 1);
  self->recipe = sag_recipe_copy (recipe);
  self->path = g_strdup (model_path);
  self->precision = precision;
  return self;
}

void
sag_segment_free (SagSegment *self)
{
  if (self == NULL)
    return;
  sag_lanes_free (self->lanes);
  sag_network_free (self->network);
  sag_network_peek_clear (&self->peek);
  sag_recipe_free (self->recipe);
  g_free (self->path);
  g_free (self->ranges);
  g_free (self);
}

void
sag_segment_set_ranges (SagSegment *self, const char *path)
{
  g_free (self->ranges);
  self->ranges = g_strdup (path);
}

const SagRecipe *
sag_segment_get_recipe (const SagSegment *self)
{
  return self->recipe;
}

SagSession *
sag_segment_get_session (const SagSegment *self)
{
  return self->network != NULL ? self->network->session : NULL;
}

/* --- before the run ---------------------------------------------------------------------- */

/* What a network is opened from. */
typedef struct
{
  const SagSegment *segment;
  const SagFrame   *frame;
  gsize             max_bytes;
} Source;

static SagNetwork *
open_one (gpointer data, GError **error)
{
  const Source *source = data;
  const SagSegment *self = source->segment;

  return sag_network_new (self->path, self->ranges, &self->peek, self->recipe, source->frame,
                          self->precision, source->max_bytes, error);
}

/* One more for a lane: the file may have become another since. */
static SagNetwork *
open_again (gpointer data, GError **error)
{
  const Source *source = data;
  SagNetwork *network = open_one (data, error);

  if (network == NULL || strcmp (network->sha256, source->segment->network->sha256) == 0)
    return network;
  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
               "The model '%s' was changed while it was being opened; try again", source->segment->path);
  sag_network_free (network);
  return NULL;
}

/* The frame on `grid`, and the network for its patch: the one there is, if it has that size. */
static gboolean
open_network (SagSegment *self, const SagGrid *grid, gsize max_bytes, SagFrame *frame,
              GError **error)
{
  Source source = { self, frame, max_bytes };

  if (!self->peeked && !sag_network_peek (self->path, &self->peek, error))
    return FALSE;
  self->peeked = TRUE;
  if (!sag_frame_init (frame, self->recipe, grid, self->peek.patch, self->peek.slicewise, error))
    return FALSE;
  if (self->network != NULL
      && memcmp (self->network->patch, frame->patch, sizeof frame->patch) == 0)
    return TRUE;
  g_clear_pointer (&self->lanes, sag_lanes_free);
  g_clear_pointer (&self->network, sag_network_free);
  self->network = open_one (&source, error);
  return self->network != NULL;
}

/* The lanes of the plan, with the network as the first. */
static gboolean
open_lanes (SagSegment *self, const Plan *plan, gsize max_bytes, GError **error)
{
  Source source = { self, &plan->full.frame, max_bytes };

  if (self->lanes != NULL && sag_lanes_get_n (self->lanes) == plan->n_lanes)
    return TRUE;
  g_clear_pointer (&self->lanes, sag_lanes_free);
  self->lanes = sag_lanes_new (self->network, plan->n_lanes, open_again, &source, error);
  return self->lanes != NULL;
}

static void
plan_clear (Plan *plan)
{
  sag_pass_clear (&plan->full);
  if (plan->has_preview)
    sag_pass_clear (&plan->preview);
}

static void
plan_init (Plan *plan, const SagSegment *self, const SagFrame *frame, const double *focus,
           gboolean preview, gboolean lanes)
{
  const SagNetwork *network = self->network;
  int n_threads = sag_parallel_get_size ();
  gsize n = sag_grid_get_n_voxels (&frame->input), work, coarse = 0, clean = 0;
  SagSegmentNeeds *needs = &plan->needs;

  memset (plan, 0, sizeof *plan);
  sag_pass_init_full (&plan->full, self->recipe, frame, focus);
  plan->has_preview = preview && sag_pass_init_preview (&plan->preview, self->recipe, frame, focus);
  work = sag_pass_get_bytes (&plan->full, self->recipe, network->out_channels, n_threads);
  needs->result_bytes = 2 * n;
  if (plan->has_preview)
    {
      coarse = sag_pass_get_bytes (&plan->preview, self->recipe, network->out_channels, n_threads);
      needs->result_bytes += 2 * sag_grid_get_n_voxels (&plan->preview.grid);
    }
  if (self->recipe->clean != 0)
    clean = sag_clean_get_bytes (frame->input.size);
  plan->n_lanes = lanes ? sag_lanes_choose (network, sag_pass_get_n_windows (&plan->full), n_threads) : 1;
  needs->network_bytes = network->session_bytes * (gsize) plan->n_lanes;
  needs->weight_bytes = network->weight_bytes;
  needs->work_bytes = sag_lanes_get_bytes (network, plan->n_lanes) - needs->network_bytes
                      + MAX (MAX (work, coarse), clean);
  needs->total_bytes = needs->network_bytes + needs->work_bytes + needs->result_bytes;
  needs->n_windows = sag_pass_get_n_windows (&plan->full);
  needs->macs = network->macs * needs->n_windows;
  for (int a = 0; a < 3; a++)
    needs->spacing[frame->axis[a]] = frame->sweep.spacing[a];
}

gboolean
sag_segment_bytes (SagSegment *self, const SagGrid *grid, SagSegmentNeeds *needs, GError **error)
{
  SagFrame frame;
  Plan plan;

  if (!open_network (self, grid, 0, &frame, error))
    return FALSE;
  plan_init (&plan, self, &frame, NULL, TRUE, TRUE);
  *needs = plan.needs;
  plan_clear (&plan);
  return TRUE;
}

/* --- a result ---------------------------------------------------------------------------- */

static SagProvenance *
make_provenance (const SagSegment *self)
{
  const SagRecipe *recipe = self->recipe;
  SagProvenance *provenance = sag_provenance_new ();
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *time = g_date_time_format (now, "%FT%T%:z");
  g_autofree char *calibration
    = recipe->calibrated[self->precision]
        ? g_strdup_printf ("temperature %.4g", recipe->temperature[self->precision])
        : g_strdup ("none");

  sag_provenance_set (&provenance->model_id, recipe->id);
  sag_provenance_set (&provenance->model_name, recipe->name);
  sag_provenance_set (&provenance->model_version, recipe->version);
  sag_provenance_set (&provenance->weights_sha256, self->network->sha256);
  sag_provenance_set (&provenance->precision, sag_precision_get_name (self->precision));
  sag_provenance_set (&provenance->calibration, calibration);
  sag_provenance_set (&provenance->cpu, sag_kernels_get ()->name);
  sag_provenance_set (&provenance->program, "Sagitta " SAG_VERSION);
  sag_provenance_set (&provenance->time, time);
  return provenance;
}

/* An empty segmentation on `grid`; no slice is ready. */
static SagSegmentation *
make_segmentation (const SagSegment *self, const SagGrid *grid, SagLedger *ledger, GError **error)
{
  gsize n = sag_grid_get_n_voxels (grid);
  g_autoptr (SagProvenance) provenance = make_provenance (self);
  g_autoptr (SagBlock) confidence = sag_block_new (n, "the confidence", error);
  g_autoptr (SagLabelmap) labelmap = NULL;

  if (confidence == NULL)
    return NULL;
  labelmap = sag_labelmap_new (grid, NULL, self->recipe->labels, self->recipe->n_labels, error);
  if (labelmap == NULL)
    return NULL;
  sag_ledger_add (ledger, 2 * n);
  return sag_segmentation_new (&labelmap, 1, confidence, provenance, error);
}

static void
set_target (SagTarget *target, SagSegmentation *segmentation)
{
  target->labels = sag_labelmap_get_voxels (sag_segmentation_get_layer (segmentation, 0));
  target->confidence = sag_block_get_data (sag_segmentation_get_confidence (segmentation));
}

/* --- the run ----------------------------------------------------------------------------- */

typedef struct
{
  SagSegmentation         *segmentation;
  const SagSegmentOptions *options;
  gboolean                 along_k; /* target slices are the input's */
} Publisher;

static void
publish (int k0, int k1, gpointer data)
{
  const Publisher *publisher = data;

  if (!publisher->along_k)
    return;
  sag_segmentation_mark_ready (publisher->segmentation, k0, k1);
  if (publisher->options->slab_ready != NULL)
    publisher->options->slab_ready (publisher->segmentation, k0, k1, publisher->options->data);
}

/* The coarse pass: all at once, or from the focus outward. */
static void
publish_preview (int k0, int k1, gpointer data)
{
  const Publisher *publisher = data;
  gboolean first = sag_segmentation_get_n_ready (publisher->segmentation) == 0;

  if (publisher->options->preview_slab_ready == NULL)
    return;
  sag_segmentation_mark_ready (publisher->segmentation, k0, k1);
  if (first)
    publisher->options->preview_ready (publisher->segmentation, publisher->options->data);
  else
    publisher->options->preview_slab_ready (publisher->segmentation, k0, k1, publisher->options->data);
}

/* The caller's tick, for whom fractions never fall, not even by rounding. */
typedef struct
{
  const SagTick *tick;
  double         last;
} Progress;

static gboolean
on_progress (double fraction, gpointer data)
{
  Progress *progress = data;

  progress->last = CLAMP (fraction, progress->last, 1);
  return sag_tick (progress->tick, progress->last);
}

/* A tick for work before the first fraction. */
static gboolean
still_at_start (double fraction, gpointer data)
{
  return sag_tick (data, 0);
}

static double
since (gint64 start)
{
  return (double) (g_get_monotonic_time () - start) / 1000;
}

static gboolean
run_preview (SagSegment *self, Plan *plan, SagPassRun *run, const SagSegmentOptions *options,
             GError **error)
{
  SagSegmentReport ignored = { 0 };
  SagSegmentReport *report = run->report;
  gint64 start = g_get_monotonic_time ();
  g_autoptr (SagSegmentation) preview
    = make_segmentation (self, &plan->preview.grid, run->ledger, error);
  Publisher publisher = { preview, options, TRUE };
  gboolean done;

  if (preview == NULL)
    return FALSE;
  set_target (&plan->preview.target, preview);
  run->report = &ignored;
  done = sag_pass_run (&plan->preview, run, publish_preview, &publisher, error);
  run->report = report;
  report->preview_ms = since (start);
  if (!done)
    return FALSE;
  if (options->preview_slab_ready == NULL)
    {
      sag_segmentation_mark_ready (preview, 0, plan->preview.grid.size[2]);
      options->preview_ready (preview, options->data);
    }
  return TRUE;
}

/* A new segmentation, tidied, all slices ready. */
static SagSegmentation *
run_clean (SagSegment *self, SagSegmentation *rough, SagPassRun *run, GError **error)
{
  const SagGrid *grid = sag_segmentation_get_grid (rough);
  gint64 start = g_get_monotonic_time ();
  gsize bytes = sag_clean_get_bytes (grid->size);
  SagTarget from = { 0 }, to = { 0 };
  SagSegmentation *result;
  gboolean done;

  sag_ledger_add (run->ledger, bytes - 2 * sag_grid_get_n_voxels (grid));
  result = make_segmentation (self, grid, run->ledger, error);
  if (result != NULL)
    {
      set_target (&from, rough);
      set_target (&to, result);
      done = sag_clean (self->recipe, grid->size, from.labels, from.confidence, to.labels,
                        to.confidence, run->tick, error);
      if (!done)
        g_clear_pointer (&result, sag_segmentation_unref);
      else
        sag_segmentation_mark_ready (result, 0, grid->size[2]);
    }
  sag_ledger_remove (run->ledger, bytes);
  run->report->clean_ms = since (start);
  return result;
}

static SagSegmentation *
run_passes (SagSegment *self, Plan *plan, SagPassRun *run, const SagSegmentOptions *options,
            GError **error)
{
  int n_full = sag_pass_get_n_windows (&plan->full), n_preview = 0;
  const SagFrame *frame = &plan->full.frame;
  Publisher publisher = { .options = options, .along_k = frame->axis[2] == 2 };
  g_autoptr (SagSegmentation) result = NULL;
  const SagTick patience = { still_at_start, (gpointer) run->tick };
  SagScale scale;
  gint64 start = g_get_monotonic_time ();

  if (!self->recipe->per_slice)
    {
      if (!sag_stats_scale_volume (self->recipe, run->volume, &patience, &scale, error))
        return NULL;
      run->scale = &scale;
    }
  run->report->prepare_ms += since (start);
  if (!sag_tick (run->tick, 0))
    {
      sag_engine_error_cancelled (error);
      return NULL;
    }
  if (plan->has_preview)
    {
      n_preview = sag_pass_get_n_windows (&plan->preview);
      run->to = (double) n_preview / (n_full + n_preview);
      if (!run_preview (self, plan, run, options, error))
        return NULL;
    }
  result = make_segmentation (self, &plan->full.grid, run->ledger, error);
  if (result == NULL)
    return NULL;
  set_target (&plan->full.target, result);
  publisher.segmentation = result;
  run->from = (double) n_preview / (n_full + n_preview);
  run->to = 1;
  if (!sag_pass_run (&plan->full, run, publish, &publisher, error))
    return NULL;
  if (!publisher.along_k)
    {
      publisher.along_k = TRUE;
      publish (0, frame->input.size[2], &publisher);
    }
  return self->recipe->clean != 0 ? run_clean (self, result, run, error)
                                  : g_steal_pointer (&result);
}

typedef struct
{
  SagSegment              *segment;
  Plan                    *plan;
  SagPassRun              *run;
  const SagSegmentOptions *options;
  GError                 **error;
  SagSegmentation         *result;
} Whole;

/* Memory of the network's inputs and outputs, and the passes. */
static void
run_with_buffers (gpointer data)
{
  Whole *whole = data;
  SagLanes *lanes = whole->segment->lanes;

  if (sag_lanes_open (lanes, whole->run->ledger, whole->error))
    whole->result = run_passes (whole->segment, whole->plan, whole->run, whole->options, whole->error);
  sag_lanes_close (lanes, whole->run->ledger);
}

/* With lanes, if there is the memory. */
static void
plan_run (Plan *plan, const SagSegment *self, const SagFrame *frame, const SagSegmentOptions *options)
{
  gboolean preview = options->preview && options->preview_ready != NULL;

  plan_init (plan, self, frame, options->focus, preview, TRUE);
  if (options->max_bytes == 0 || plan->needs.total_bytes <= options->max_bytes || plan->n_lanes == 1)
    return;
  plan_clear (plan);
  plan_init (plan, self, frame, options->focus, preview, FALSE);
}

static gboolean
check_volume (SagVolume *volume, GError **error)
{
  const SagGrid *grid = sag_volume_get_grid (volume);

  if (sag_volume_get_n_ready (volume) == grid->size[2])
    return TRUE;
  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
               _ ("Only %d of %d slices have been read; wait for the series to be complete"),
               sag_volume_get_n_ready (volume), grid->size[2]);
  return FALSE;
}

char *
sag_segment_doubt (const SagSegmentReport *report)
{
  if (report->saturated <= 0.01)
    return NULL;
  return g_strdup_printf (_ ("%.1f %% of the numbers inside the network exceed the ranges it was calibrated for: these "
                             "images are unlike its examples, and the result may be wrong however sure it is. "
                             "Compare it with FP32."), 100 * report->saturated);
}

SagSegmentation *
sag_segment_run (SagSegment *self, SagVolume *volume, const SagSegmentOptions *options,
                 const SagTick *tick, SagSegmentReport *report, GError **error)
{
  const SagSegmentOptions defaults = { 0 };
  SagSegmentReport own;
  Progress progress = { tick, 0 };
  const SagTick rising = { on_progress, &progress };
  SagLedger ledger = { 0 };
  gint64 start = g_get_monotonic_time ();
  const SagNetwork *cached = self->network;
  float *temperature = &self->recipe->temperature[self->precision], usual = *temperature;
  SagSegmentation *result = NULL;
  SagFrame frame;
  Plan plan;

  if (options == NULL)
    options = &defaults;
  if (report == NULL)
    report = &own;
  memset (report, 0, sizeof *report);
  if (!check_volume (volume, error)
      || !open_network (self, sag_volume_get_grid (volume), options->max_bytes, &frame, error))
    return NULL;
  plan_run (&plan, self, &frame, options);
  if (options->max_bytes > 0 && plan.needs.total_bytes > options->max_bytes)
    g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_MEMORY,
                 _ ("The run needs %.0f MB, but the limit is %.0f MB"),
                 (double) plan.needs.total_bytes / 1e6, (double) options->max_bytes / 1e6);
  else if (open_lanes (self, &plan, options->max_bytes, error))
    {
      SagPassRun run = { .recipe = self->recipe, .precision = self->precision, .volume = volume,
                         .lanes = self->lanes, .ledger = &ledger, .tick = &rising, .to = 1,
                         .report = report };
      Whole whole = { self, &plan, &run, options, error, NULL };

      if (options->temperature > 0)
        *temperature = options->temperature;
      if (self->network != cached)
        report->load_ms = since (start);
      sag_lanes_take_saturated (self->lanes); /* of a run that was cancelled */
      sag_parallel_hold (run_with_buffers, &whole);
      report->saturated = sag_lanes_take_saturated (self->lanes);
      result = whole.result;
    }
  *temperature = usual;
  plan_clear (&plan);
  report->total_ms = since (start);
  report->peak_bytes = ledger.peak;
  return result;
}
