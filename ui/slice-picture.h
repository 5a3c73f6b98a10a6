/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-picture.h: a slice as the screen wants it, kept until what it was made from changes. */
#pragma once

#include "app/state/workspace.h"

#include <gtk/gtk.h>

typedef struct
{
  GBytes      *pixels;  /* native words of XRGB; NULL when stale */
  int          width, height;
  GdkTexture  *texture; /* of them, for renderers that want one; or NULL */
  SagSliceSpec drawn;   /* what they were drawn from */
} SagSlicePicture;

/* The slice at width x height device pixels, made anew only if something changed. */
void    sag_slice_picture_update   (SagSlicePicture    *self,
                                    SagWorkspace       *workspace,
                                    const SagSliceSpec *spec,
                                    int                 width,
                                    int                 height);
/* Draws what was made last at (0, 0), at this size in logical pixels, as `renderer` likes it best. */
void    sag_slice_picture_snapshot (SagSlicePicture    *self,
                                    GskRenderer        *renderer,
                                    float               width,
                                    float               height,
                                    GtkSnapshot        *snapshot);
/* The same, opaque; the caller's. */
guint8 *sag_slice_picture_dup_rgba (SagSlicePicture    *self);
/* What it was made from is another now, or nobody looks any more. */
void    sag_slice_picture_stale    (SagSlicePicture    *self);
