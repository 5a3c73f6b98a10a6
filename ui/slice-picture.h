/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-picture.h: a slice as a view draws it, kept until what it was made from changes. */
#pragma once

#include "ui/slice-ahead.h"

#include <gtk/gtk.h>

typedef struct
{
  SagSlicePixels *pixels;  /* NULL when stale */
  SagSliceSpec    wanted;  /* what they show … */
  gboolean        draft;   /* … between voxels by lines yet, not by cubics */
  GskRenderNode  *node;    /* of them, or NULL */
  SagSliceAhead   ahead;
  gint64          cost_us; /* of the last one that one thread made; 0: none yet */
  gint64          cubic_us; /* the same of cubics … */
  SagPlane        cubic_plane; /* … on this plane or one beside it */
} SagSlicePicture;

/* The slice at width x height device pixels, made anew only if something changed; by a draft if it would keep the
 * main loop waiting, unless `final`. TRUE if a draft was made now: to be refined once nothing moves. */
gboolean sag_slice_picture_update  (SagSlicePicture       *self,
                                    const SagSliceSources *sources,
                                    const SagSliceSpec    *spec,
                                    int                    width,
                                    int                    height,
                                    gboolean               final);
/* Has what the draft stands for made in a thread; calls `made` when an update will show it. */
void    sag_slice_picture_refine   (SagSlicePicture       *self,
                                    const SagSliceSources *sources,
                                    void                 (*made) (gpointer data),
                                    gpointer               data);
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
