/* SPDX-License-Identifier: Apache-2.0
 *
 * segment.h: from a volume in the patient to labels and confidence in the patient.
 *
 * The labels grow outward from a focus, slab by slab, after a coarse preview; neither the focus nor
 * the number of threads changes a bit of the result. Logits of the whole input never exist.
 */
#pragma once

#include "engine/base/tick.h"
#include "engine/image/segmentation.h"
#include "engine/nn/session.h"
#include "engine/segment/recipe.h"

/* A recipe, a model file and a precision; keeps the session between runs, so a second run does not
 * load. One run at a time. */
typedef struct _SagSegment SagSegment;

/* What a run on one grid takes, known before it starts. */
typedef struct
{
  gsize  total_bytes;   /* all of the below: the run allocates no more than this */
  gsize  network_bytes; /* packed weights and arena, of every lane (lanes.h) */
  gsize  weight_bytes;  /* of these, the packed weights: what a precision makes smaller */
  gsize  work_bytes;    /* input slab, patches, slab accumulators, cleaning up */
  gsize  result_bytes;  /* labels and confidence, preview included */
  int    n_windows;     /* runs of the network, without the preview */
  gint64 macs;          /* multiply-adds of all of them */
  double spacing[3];    /* mm along the input's axes at which the network sees it */
} SagSegmentNeeds;

/* Where the time went; milliseconds of wall clock. */
typedef struct
{
  double load_ms;    /* reading and preparing the network; 0 if it was cached */
  double preview_ms; /* all of the coarse pass */
  double prepare_ms; /* statistics, resampling, normalising, cutting patches */
  double net_ms;
  double finish_ms;  /* blending, back to the input grid, softmax, labels */
  double clean_ms;   /* components and holes */
  double total_ms;
  gsize  peak_bytes; /* allocated by the run at once, network included; <= total_bytes */
  double saturated;  /* share of the network's numbers outside of the static ranges; 0 if it has none */
} SagSegmentReport;

/* A sentence, if more than a hundredth of the numbers was saturated: an input unlike the examples that the
 * ranges come from (of the test cases of the models that ship at most two thousandths are). NULL if all is
 * well, else the caller frees. */
char            *sag_segment_doubt (const SagSegmentReport  *report);

/* Callbacks of a run, all on the thread that runs; any may be NULL. */
typedef struct
{
  const double *focus;     /* mm, LPS: where to begin; NULL: the middle */
  gboolean      preview;   /* a coarse pass first, where it is worth it */
  float         temperature; /* instead of the recipe's, for calibrating; 0: the recipe's */
  gsize         max_bytes; /* refuse, before allocating, to need more; 0: no limit */

  /* A coarse segmentation of the whole field of view on a grid of its own; borrowed, take a reference
   * to keep it. All slices are ready, unless there is `preview_slab_ready`: then the first are, and that
   * is called for slices k0 .. k1 - 1 as they follow. */
  void        (*preview_ready) (SagSegmentation *preview,
                                gpointer         data);
  void        (*preview_slab_ready) (SagSegmentation *preview,
                                int              k0,
                                int              k1,
                                gpointer         data);

  /* Input slices k0 .. k1 - 1 of `segmentation` have just been marked ready. Where the recipe
   * cleans up, `segmentation` is not yet the result: that comes when everything is known.
   * Otherwise it is the one sag_segment_run() returns. */
  void        (*slab_ready)    (SagSegmentation *segmentation,
                                int              k0,
                                int              k1,
                                gpointer         data);
  gpointer      data;
} SagSegmentOptions;

/* Copies `recipe`, which must be valid. The file is not opened yet. */
SagSegment      *sag_segment_new   (const SagRecipe         *recipe,
                                    const char              *model_path,
                                    SagPrecision             precision,
                                    GError                 **error);
void             sag_segment_free  (SagSegment              *self);

/* Static ranges for INT8 and INT4, as SagSessionOptions.ranges; copied. Before the first run. */
void             sag_segment_set_ranges  (SagSegment        *self,
                                          const char        *path);

const SagRecipe *sag_segment_get_recipe  (const SagSegment  *self);

/* The session of the last grid; NULL before. Borrowed. */
SagSession      *sag_segment_get_session (const SagSegment  *self);

/* Loads the network for volumes on `grid` (unless it is loaded already) and says what a run needs.
 * INVALID if network and recipe do not fit together, and whatever sag_session_new() says.
 * [compute thread] */
gboolean         sag_segment_bytes (SagSegment              *self,
                                    const SagGrid           *grid,
                                    SagSegmentNeeds         *needs,
                                    GError                 **error);

/* Segments `volume` (every slice ready). `options`, `tick` and `report` may be NULL. CANCELLED if
 * `tick` said stop, MEMORY, or an error of sag_segment_bytes(). Takes one network step or a few
 * milliseconds to stop. [compute thread] */
SagSegmentation *sag_segment_run   (SagSegment              *self,
                                    SagVolume               *volume,
                                    const SagSegmentOptions *options,
                                    const SagTick           *tick,
                                    SagSegmentReport        *report,
                                    GError                 **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagSegment, sag_segment_free)
