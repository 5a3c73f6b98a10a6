/* SPDX-License-Identifier: Apache-2.0
 *
 * code.h: a plugin's own code, run with flat buffers and checked at the border.
 */
#pragma once

#include "app/plugin/entry.h"
#include "engine/segment/segment.h"

/* The model of a code entry, made at one precision. */
typedef struct _SagCodeModel SagCodeModel;

/* FAILED if the plugin would not make it, CONTRACT if what it made cannot be used. [compute
 * thread] */
SagCodeModel    *sag_code_model_new     (const SagPluginEntry *entry,
                                         SagPrecision          precision,
                                         GError              **error);
void             sag_code_model_free    (SagCodeModel         *self);

/* Bytes of a run on `grid`, apart from what the plugin takes for itself. */
void             sag_code_model_needs   (const SagGrid        *grid,
                                         SagSegmentNeeds      *needs);

/* What happened in one call, beyond its status. */
typedef struct
{
  sag_status status;
  gboolean   asked_to_stop; /* `progress` answered 0 */
  guint      n_progress;
  gboolean   fell;          /* a fraction was smaller than the one before, or not 0..1 */
  gboolean   elsewhere;     /* progress was called on another thread */
  char       message[256];
} SagCodeCall;

/* One call of `segment`. `labels` and `confidence` have room for every voxel of `image`. TRUE if
 * the status is SAG_OK and nothing is wrong with the answer; else FALSE with FAILED (in the
 * plugin's words), CANCELLED (of the engine) or CONTRACT. */
gboolean         sag_code_model_call    (SagCodeModel         *self,
                                         const sag_image      *image,
                                         guint8               *labels,
                                         guint8               *confidence,
                                         const SagTick        *tick,
                                         SagCodeCall          *call,
                                         GError              **error);

/* The whole: volume to segmentation. [compute thread] */
SagSegmentation *sag_code_model_segment (SagCodeModel         *self,
                                         SagVolume            *volume,
                                         const SagSegmentOptions *options,
                                         const SagTick        *tick,
                                         SagSegmentReport     *report,
                                         GError              **error);
