/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-overlay.h: labels over the pixels of a picture. Private to slice*.c.
 */
#pragma once

#include "engine/image/slice-map.h"

typedef struct _SagSliceOverlay SagSliceOverlay;

/* What `spec` asks to be drawn; NULL if that is nothing. `preview` and `reference` may be NULL.
 * Everything is borrowed. */
SagSliceOverlay *sag_slice_overlay_new  (SagSegmentation       *segmentation,
                                         SagSegmentation       *preview,
                                         SagSegmentation       *reference,
                                         const SagSliceSpec    *spec,
                                         int                    width,
                                         int                    height);
void             sag_slice_overlay_free (SagSliceOverlay       *self);

/* Draws over rows y0 .. y1 - 1 of the picture `rgba`; at most SAG_SLICE_ROWS rows at a time. */
void             sag_slice_overlay_draw (const SagSliceOverlay *self,
                                         int                    y0,
                                         int                    y1,
                                         guint8                *rgba);

enum { SAG_SLICE_ROWS = 32 };
