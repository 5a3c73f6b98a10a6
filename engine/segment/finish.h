/* SPDX-License-Identifier: Apache-2.0
 *
 * finish.h: from patches of logits to labels and confidence on the target grid, slab by slab.
 *
 * Weighted logits add up in slices of the sweep ([channel][j][i]). When no later patch touches a
 * slice, its logits are interpolated row by row to the target, divided by the temperature,
 * softmaxed and reduced to a label and the probability of that label in a byte. Logits of the
 * target exist for one row at a time.
 */
#pragma once

#include "engine/base/tick.h"
#include "engine/segment/frame.h"
#include "engine/segment/ledger.h"
#include "engine/segment/slabs.h"

/* Where the labels go: a grid whose axes are the sweep's, in memory in whatever order. */
typedef struct
{
  int     size[3];    /* voxels by sweep axis */
  gsize   stride[3];  /* bytes from voxel to voxel, by sweep axis */
  SagTap *taps[3];    /* [size[a]] -> voxels of the sweep */
  guint8 *labels;
  guint8 *confidence;
} SagTarget;

/* What comes out of the network for one patch. */
typedef struct
{
  const void *data;     /* [channels][k][j][i] by network axes; one channel of numbers if ARGMAX */
  SagDType    dtype;    /* F32; others for ARGMAX */
  int         channels; /* of the sums: for ARGMAX one more than there are labels */
} SagLogits;

typedef struct _SagFinish SagFinish;

/* `windows` by sweep axis; `rows` of windows[2] that will be run, in order. If there is one
 * window in all, nothing is added up, and the network's output is read where it lies. NULL with
 * MEMORY. */
SagFinish *sag_finish_new       (const SagRecipe  *recipe,
                                 SagPrecision      precision,
                                 const SagFrame   *frame,
                                 const SagWindows *windows,
                                 const int        *rows,
                                 int               n_rows,
                                 int               channels,
                                 const SagTarget  *target,
                                 SagLedger        *ledger,
                                 GError          **error);
void       sag_finish_free      (SagFinish        *self);

/* Bytes that it takes, for a team of `n_threads`. */
gsize      sag_finish_get_bytes (const SagRecipe  *recipe,
                                 const SagFrame   *frame,
                                 const SagWindows *windows,
                                 const int        *rows,
                                 int               n_rows,
                                 int               channels,
                                 const SagTarget  *target,
                                 int               n_threads);

/* A row of patches: begin, add its windows in a fixed order, end. `window` holds the numbers of the
 * window along each sweep axis. */
void       sag_finish_begin_row (SagFinish        *self,
                                 int               row);
void       sag_finish_add       (SagFinish        *self,
                                 const int         window[3],
                                 const SagLogits  *logits);
void       sag_finish_end_row   (SagFinish        *self,
                                 int               row);

/* Makes the target slices that are complete and tells them, half open, along sweep axis 2. FALSE if
 * `tick` said stop. */
gboolean   sag_finish_flush     (SagFinish        *self,
                                 void            (*made) (int t0, int t1, gpointer data),
                                 gpointer          data,
                                 const SagTick    *tick,
                                 double            fraction);
