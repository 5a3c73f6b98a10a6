/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-layout.h: the views of a window: one, or three planes at right angles.
 *
 * There is one view for each plane and each keeps its zoom while another is shown. The selected
 * one is what commands act on; with one view on screen it is that one.
 *
 * Properties: "workspace" (construct only), "mode" (string, "single" or "mpr"), "full" (boolean: the
 * selected view alone), "annotations", "text-scale" (of the views). */
#pragma once

#include "ui/slice-view.h"

#define SAG_TYPE_SLICE_LAYOUT (sag_slice_layout_get_type ())
G_DECLARE_FINAL_TYPE (SagSliceLayout, sag_slice_layout, SAG, SLICE_LAYOUT, GtkWidget)

GtkWidget    *sag_slice_layout_new           (SagWorkspace   *workspace);

SagWorkspace *sag_slice_layout_get_workspace (SagSliceLayout *self); /* borrowed */
SagSliceView *sag_slice_layout_get_view      (SagSliceLayout *self,
                                              SagView         plane);
SagSliceView *sag_slice_layout_get_selected  (SagSliceLayout *self);

/* Selects the view of `plane`: shows it, alone if one is shown, largest else; keys go to it. The
 * workspace's "view" follows. */
void          sag_slice_layout_select        (SagSliceLayout *self,
                                              SagView         plane);
/* The next view (or the one before, step -1) without moving any. */
void          sag_slice_layout_step          (SagSliceLayout *self,
                                              int             step);
void          sag_slice_layout_reset         (SagSliceLayout *self);
