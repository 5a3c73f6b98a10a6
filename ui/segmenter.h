/* SPDX-License-Identifier: Apache-2.0
 *
 * segmenter.h: from a model and a precision to a segmentation in the workspace: what a window does
 * with MODELS, ESTIMATE and SEGMENT jobs. No widget.
 *
 * Properties: "models" (GListModel of SagModel, read-only), "model" (SagModel or NULL), "precision"
 * (int, SagPrecision), "state" (int, SagSegmenterState, read-only), "problem" (string, read-only:
 * why it failed), "seconds" (double, read-only: how long the last run took).
 *
 * Signals: "job" (SagSegmenter *, SagJob *, gpointer) when one begins that a person waits for;
 * "failed" (SagSegmenter *, const char *message, gpointer) when a model asked for is not there. */
#pragma once

#include "app/state/model.h"
#include "app/state/workspace.h"
#include "app/work/job.h"

typedef enum
{
  SAG_SEGMENTER_NO_IMAGE,  /* no volume, or not all of it yet */
  SAG_SEGMENTER_NO_MODEL,  /* no model is installed, or none fits; "problem" says why */
  SAG_SEGMENTER_UNFIT,     /* the chosen one cannot be run here; its reason says why */
  SAG_SEGMENTER_READY,
  SAG_SEGMENTER_RUNNING,
  SAG_SEGMENTER_DONE,
  SAG_SEGMENTER_CANCELLED,
  SAG_SEGMENTER_FAILED,
} SagSegmenterState;

#define SAG_TYPE_SEGMENTER (sag_segmenter_get_type ())
G_DECLARE_FINAL_TYPE (SagSegmenter, sag_segmenter, SAG, SEGMENTER, GObject)

SagSegmenter      *sag_segmenter_new           (SagWorkspace *workspace);

/* Asks which models there are. */
void               sag_segmenter_load          (SagSegmenter *self);

GListModel        *sag_segmenter_get_models    (SagSegmenter *self); /* borrowed */
SagModel          *sag_segmenter_get_model     (SagSegmenter *self); /* borrowed or NULL */
SagPrecision       sag_segmenter_get_precision (SagSegmenter *self);
SagSegmenterState  sag_segmenter_get_state     (SagSegmenter *self);
const char        *sag_segmenter_get_problem   (SagSegmenter *self);
double             sag_segmenter_get_seconds   (SagSegmenter *self);
/* How long the present run has taken; 0 if there is none. */
double             sag_segmenter_get_elapsed   (SagSegmenter *self);

/* Chooses a model by identifier, now or as soon as it is known. */
void               sag_segmenter_choose        (SagSegmenter *self,
                                                const char   *model_id);
/* Chooses a precision and shows what the model found at it: at once if it has run, else by a run, if
 * the model has run at all. Setting the property only chooses. */
void               sag_segmenter_switch_precision (SagSegmenter *self,
                                                SagPrecision  precision);
/* Switches to the next precision the model has. */
void               sag_segmenter_next_precision (SagSegmenter *self);

/* Runs the chosen model if the state allows it. */
void               sag_segmenter_run           (SagSegmenter *self);
/* Chooses, and runs it once image and model are there. */
void               sag_segmenter_run_when_ready (SagSegmenter *self,
                                                const char   *model_id);
/* TRUE if something was running. */
gboolean           sag_segmenter_cancel        (SagSegmenter *self);

/* The window closes: stops all. */
void               sag_segmenter_close         (SagSegmenter *self);
