/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-ahead.h: the slices that scrolling will show next, and the finer picture of this one, made in a thread. */
#pragma once

#include "ui/slice-pixels.h"

#define SAG_SLICE_AHEAD 2

typedef struct
{
  struct _SagSliceErrand *errands[SAG_SLICE_AHEAD]; /* NULL: none */
  struct _SagSliceErrand *finer; /* of the slice that is shown, as it shall be when nothing moves; NULL: none */
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
/* Asks for a picture that takes its time. When it can be taken, `made` is called, unless it was dropped. */
void            sag_slice_ahead_ask_finer (SagSliceAhead         *self,
                                           const SagSliceSources *sources,
                                           const SagSliceSpec    *spec,
                                           int                    width,
                                           int                    height,
                                           void                 (*made) (gpointer data),
                                           gpointer               data);
/* That picture, the caller's, or NULL: not made yet. If it is of another spec, it is dropped. */
SagSlicePixels *sag_slice_ahead_take_finer (SagSliceAhead      *self,
                                            const SagSliceSpec *spec,
                                            int                 width,
                                            int                 height);
/* What they are made from is another now. */
void            sag_slice_ahead_drop (SagSliceAhead         *self);
