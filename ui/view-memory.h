/* SPDX-License-Identifier: Apache-2.0
 *
 * view-memory.h: how each series was looked at, for when it comes back: zoom, position and turns of the
 * views, window, slice. Kept while the window is open. No widget of its own. */
#pragma once

#include "ui/slice-view.h"

typedef struct _SagViewMemory SagViewMemory;

SagViewMemory *sag_view_memory_new   (void);
void           sag_view_memory_free  (SagViewMemory       *self);

/* The views (n at most SAG_N_VIEWS, borrowed; all of one workspace) are saved when the volume goes and
 * brought back when the series comes again; a series in the frame of reference of the one before it opens
 * at the same place of the patient. Connect what resets views to "notify::volume" before. */
void           sag_view_memory_watch (SagViewMemory       *self,
                                      SagSliceView *const *views,
                                      int                  n);
