/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-view.h: one plane through the open volume, on screen.
 *
 * Properties: "workspace" (SagWorkspace), "plane" (int, SagView), "zoom" (double, 1 = the whole
 * volume fits), "flip-horizontal", "flip-vertical", "turns" (int, quarter turns clockwise), "neurological"
 * (the patient's left on the left), "annotations" (text in the corners), "nameless" (without the
 * patient's name), "magnifier" (a lens at the pointer), "crosshair" (the other planes as lines), "text-scale" (double). Zoom, position and flips are the
 * view's own; everything else it shows is the workspace's.
 *
 * Points are in widget coordinates. */
#pragma once

#include "app/state/workspace.h"
#include "ui/slice-corners.h"
#include "ui/slice-frame.h"

#include <gtk/gtk.h>

#define SAG_TYPE_SLICE_VIEW (sag_slice_view_get_type ())
G_DECLARE_FINAL_TYPE (SagSliceView, sag_slice_view, SAG, SLICE_VIEW, GtkWidget)

GtkWidget    *sag_slice_view_new           (SagWorkspace *workspace,
                                            SagView       plane);

SagWorkspace *sag_slice_view_get_workspace (SagSliceView *self); /* borrowed */
SagView       sag_slice_view_get_plane     (SagSliceView *self);
double        sag_slice_view_get_zoom      (SagSliceView *self);

/* What is drawn, for a picture of width x height pixels. */
void          sag_slice_view_get_spec      (SagSliceView *self,
                                            int           width,
                                            int           height,
                                            SagSliceSpec *spec);

/* The same for what is written and drawn over it; FALSE with no volume. */
gboolean      sag_slice_view_get_scene     (SagSliceView  *self,
                                            SagSliceScene *scene);

/* Where a point of the view is in the patient; FALSE with no volume. */
gboolean      sag_slice_view_to_lps        (SagSliceView *self,
                                            double        x,
                                            double        y,
                                            double        lps[3]);
void          sag_slice_view_to_point      (SagSliceView *self,
                                            const double  lps[3],
                                            double       *x,
                                            double       *y);

/* Zooms by `factor`; what lies at (x, y) stays there. */
void          sag_slice_view_zoom_at       (SagSliceView *self,
                                            double        factor,
                                            double        x,
                                            double        y);
void          sag_slice_view_pan_by        (SagSliceView *self,
                                            double        dx,
                                            double        dy);
/* Turns the picture by quarters clockwise as seen, or back. */
void          sag_slice_view_turn          (SagSliceView *self,
                                            int           quarters);
/* The whole volume, centred and unflipped. */
void          sag_slice_view_reset         (SagSliceView *self);

/* Zoom, position and turns, to come back to. */
void          sag_slice_view_get_frame     (SagSliceView        *self,
                                            SagSliceFrame       *frame);
void          sag_slice_view_set_frame     (SagSliceView        *self,
                                            const SagSliceFrame *frame);

/* Where the image is shown at zoom 1, not moved. */
void          sag_slice_view_set_home      (SagSliceView       *self,
                                            const SagSliceHome *home);

/* Draws the plane of `reference` (borrowed weakly; NULL: none) as a line where it cuts this one. Both
 * must show the same frame of reference. */
void          sag_slice_view_set_reference (SagSliceView *self,
                                            SagSliceView *reference);
/* Whether a handle that turns a line of the crosshair lies at (x, y), and which plane it turns. */
gboolean      sag_slice_view_find_handle   (SagSliceView *self,
                                            double        x,
                                            double        y,
                                            SagView      *plane);

/* The pointer is at (x, y): shows what lies there in a corner. */
void          sag_slice_view_probe         (SagSliceView *self,
                                            double        x,
                                            double        y);
void          sag_slice_view_end_probe     (SagSliceView *self);

/* What the view shows, at device pixels; the caller's. With `annotated` what is written over it
 * too. Sizes are given back; NULL with nothing to show. */
guint8       *sag_slice_view_dup_pixels    (SagSliceView *self,
                                            gboolean      annotated,
                                            int          *width,
                                            int          *height);
