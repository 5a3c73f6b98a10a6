/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-pixels.h: a slice in the words the screen wants. */
#pragma once

#include "app/state/slice-sources.h"

#include <cairo.h>

typedef struct
{
  gatomicrefcount refs;
  int             width, height;
  int             x, y, columns, rows; /* what lies outside is black; 0 columns: all is */
  gsize           size;                /* of the block, in bytes */
  cairo_surface_t *surface;            /* over the words, or NULL */
  gint64          cost_us;             /* of a processor, that they took; -1: not known, several made them */
  guint32         words[];             /* native words of XRGB */
} SagSlicePixels;

/* Of `spec`, at width x height device pixels. [render thread] */
SagSlicePixels *sag_slice_pixels_new   (const SagSliceSources *sources,
                                        const SagSliceSpec    *spec,
                                        int                    width,
                                        int                    height);
/* As an image of cairo's; the pixels' own. [main thread] */
cairo_surface_t *sag_slice_pixels_get_surface (SagSlicePixels *self);
SagSlicePixels *sag_slice_pixels_ref   (SagSlicePixels        *self);
void            sag_slice_pixels_unref (SagSlicePixels        *self);
