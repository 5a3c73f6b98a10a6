/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-picture.h: a slice as a view draws it, kept until what it was made from changes. */
#pragma once

#include "ui/slice-ahead.h"

#include <gtk/gtk.h>

typedef struct
{
  SagSlicePixels *pixels;  /* NULL when stale */
  SagSliceSpec    drawn;   /* what they were drawn from */
  GskRenderNode  *node;    /* of them, or NULL */
  SagSliceAhead   ahead;
  gint64          cost_us; /* of the last one that one thread made; 0: none yet */
} SagSlicePicture;

/* The slice at width x height device pixels, made anew only if something changed. */
void    sag_slice_picture_update   (SagSlicePicture       *self,
                                    const SagSliceSources *sources,
                                    const SagSliceSpec    *spec,
                                    int                    width,
                                    int                    height);
/* Has the pictures of these specs made ahead, nearest first, as far as each is another than the one before: at the end
 * of a stack the last would come again. */
void    sag_slice_picture_look_ahead (SagSlicePicture       *self,
                                      const SagSliceSources *sources,
                                      const SagSliceSpec    *specs,
                                      int                    n,
                                      int                    width,
                                      int                    height);
/* Draws what was made last at (0, 0), with `scale` device pixels a point, as `renderer` likes it
 * best; black margins are not drawn. */
void    sag_slice_picture_snapshot (SagSlicePicture       *self,
                                    GskRenderer           *renderer,
                                    int                    scale,
                                    GtkSnapshot           *snapshot);
/* The same, opaque; the caller's. */
guint8 *sag_slice_picture_dup_rgba (SagSlicePicture       *self);
/* The pixels of any opaque texture, so. */
guint8 *sag_slice_picture_dup_texture (GdkTexture         *texture);
/* What it was made from is another now, or nobody looks any more. */
void    sag_slice_picture_stale    (SagSlicePicture       *self);
