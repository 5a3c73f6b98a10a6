/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-layout.h: the views of a window: one; three planes at right angles; two or four series.
 *
 * There is one view for each plane of the window's volume, and each keeps its zoom while another is
 * shown. Companions show other series: each has a workspace of its own, empty at first. The
 * selected view is what commands act on; with one view on screen it is that one. A series key
 * dropped on a view selects it and activates "win.open-series".
 *
 * Properties: "workspace" (construct only), "mode" (string: "single", "mpr", "pair", "grid"), "full"
 * (boolean: the selected view alone), "selected" (SagSliceView, read-only, notifies), and of the
 * views "annotations", "text-scale", "neurological", "nameless", "magnifier". */
#pragma once

#include "ui/slice-view.h"

enum
{
  SAG_N_COMPANIONS = 3,
  SAG_N_CELLS = 4, /* at most, in any mode */
};

#define SAG_TYPE_SLICE_LAYOUT (sag_slice_layout_get_type ())
G_DECLARE_FINAL_TYPE (SagSliceLayout, sag_slice_layout, SAG, SLICE_LAYOUT, GtkWidget)

GtkWidget    *sag_slice_layout_new           (SagWorkspace   *workspace);

SagWorkspace *sag_slice_layout_get_workspace (SagSliceLayout *self); /* borrowed */
SagSliceView *sag_slice_layout_get_view      (SagSliceLayout *self,
                                              SagView         plane);
SagSliceView *sag_slice_layout_get_selected  (SagSliceLayout *self);
/* Companion n of SAG_N_COMPANIONS, shown or not. */
SagSliceView *sag_slice_layout_get_companion (SagSliceLayout *self,
                                              int             n);
/* The views of the mode, in reading order (also while one is alone); how many. */
int           sag_slice_layout_get_cells     (SagSliceLayout *self,
                                              SagSliceView   *cells[SAG_N_CELLS]);

/* Selects the view of `plane`: shows it, alone if one is shown, largest else; keys go to it. The
 * workspace's "view" follows. While a companion is selected, it shows that plane instead. */
void          sag_slice_layout_select        (SagSliceLayout *self,
                                              SagView         plane);
/* Selects a cell. */
void          sag_slice_layout_select_view   (SagSliceLayout *self,
                                              SagSliceView   *view);
/* The next view (or the one before, step -1) without moving any. */
void          sag_slice_layout_step          (SagSliceLayout *self,
                                              int             step);
/* Whether a companion shows the series. */
gboolean      sag_slice_layout_has_companion (SagSliceLayout *self,
                                              SagSeries      *series);
/* Whether the next one would be the first again (or, of step -1, the last). */
gboolean      sag_slice_layout_is_at_end     (SagSliceLayout *self,
                                              int             step);
void          sag_slice_layout_reset         (SagSliceLayout *self);
