/* SPDX-License-Identifier: Apache-2.0
 *
 * pass.h: once over the volume with the network: which patches, onto which grid, at what cost.
 */
#pragma once

#include "engine/segment/finish.h"
#include "engine/segment/lanes.h"
#include "engine/segment/prepare.h"
#include "engine/segment/segment.h"

typedef struct
{
  SagFrame   frame;
  SagWindows windows[3]; /* by sweep axis */
  int       *rows;       /* of windows[2], in the order they are run */
  int        n_rows;
  int        capacity;   /* slices of the sweep that are kept */
  SagGrid    grid;       /* where the labels go */
  SagTarget  target;     /* `labels` and `confidence` to be set before the run */
} SagPass;

/* The whole volume onto its own grid, beginning near `focus` (mm LPS; NULL: the middle). */
void     sag_pass_init_full    (SagPass         *self,
                                const SagRecipe *recipe,
                                const SagFrame  *frame,
                                const double    *focus);

/* A coarse look onto a grid of its own: a slice-wise network sees every n-th slice, others
 * 1.6 times or twice the spacing, beginning near `focus`. FALSE, and nothing to clear, if that
 * would not be much quicker than the whole. */
gboolean sag_pass_init_preview (SagPass         *self,
                                const SagRecipe *recipe,
                                const SagFrame  *frame,
                                const double    *focus);
void     sag_pass_clear        (SagPass         *self);

int      sag_pass_get_n_windows (const SagPass   *self);

/* Bytes sag_pass_run() takes. */
gsize    sag_pass_get_bytes    (const SagPass   *self,
                                const SagRecipe *recipe,
                                int              channels,
                                int              n_threads);

typedef struct
{
  const SagRecipe *recipe;
  SagPrecision     precision;
  SagVolume       *volume;
  const SagScale  *scale;   /* NULL: slice by slice */
  SagLanes        *lanes;   /* opened */
  SagLedger       *ledger;
  const SagTick   *tick;
  double           from, to; /* fractions at the beginning and the end */
  SagSegmentReport *report; /* prepare_ms, net_ms and finish_ms are added to */
} SagPassRun;

/* Calls `made` for target slices (along sweep axis 2, half open) as they are done. CANCELLED or
 * MEMORY. [compute thread] */
gboolean sag_pass_run          (SagPass          *self,
                                const SagPassRun *run,
                                void            (*made) (int t0, int t1, gpointer data),
                                gpointer          data,
                                GError          **error);
