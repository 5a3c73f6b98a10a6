/* SPDX-License-Identifier: Apache-2.0
 *
 * corrector.h: what is done to, and asked of, whole labels: what a window does with EDIT and PARTS jobs. No widget.
 *
 * Signals: "job" (SagCorrector *, SagJob *, gpointer) when one has lasted half a second; "failed" (SagCorrector *,
 * const char *message, gpointer); "said" (SagCorrector *, const char *text, gpointer): which part is shown. */
#pragma once

#include "app/state/workspace.h"
#include "app/work/job.h"

#define SAG_TYPE_CORRECTOR (sag_corrector_get_type ())
G_DECLARE_FINAL_TYPE (SagCorrector, sag_corrector, SAG, CORRECTOR, GObject)

SagCorrector *sag_corrector_new       (SagWorkspace *workspace);

/* One of the operations of sag_edit_apply() on the label that is painted: one step, to be taken back as one. */
void          sag_corrector_apply     (SagCorrector *self,
                                       const char   *operation);
/* Moves the cursor to the next less certain part of the labels shown, or back (-1): found first, if they are not yet. */
void          sag_corrector_step_part (SagCorrector *self,
                                       int           step);
/* TRUE if something was under way. */
gboolean      sag_corrector_cancel    (SagCorrector *self);
