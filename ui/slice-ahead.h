/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-ahead.h: the slices that scrolling will show next, made in a thread. */
#pragma once

#include "ui/slice-pixels.h"

#define SAG_SLICE_AHEAD 2

typedef struct
{
  struct _SagSliceErrand *errands[SAG_SLICE_AHEAD]; /* NULL: none */
} SagSliceAhead;

/* Asks for these pictures, nearest first, and for no others any more. [main thread, as all here] */
void            sag_slice_ahead_ask  (SagSliceAhead         *self,
                                      const SagSliceSources *sources,
                                      const SagSliceSpec    *specs,
                                      int                    n,
                                      int                    width,
                                      int                    height);
/* The picture if it was asked for; where it is under way, waits if `patient`. NULL if not; else the caller's. */
SagSlicePixels *sag_slice_ahead_take (SagSliceAhead         *self,
                                      const SagSliceSpec    *spec,
                                      int                    width,
                                      int                    height,
                                      gboolean               patient);
/* What they are made from is another now. */
void            sag_slice_ahead_drop (SagSliceAhead         *self);
