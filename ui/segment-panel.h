/* SPDX-License-Identifier: Apache-2.0
 *
 * segment-panel.h: the pane at the right: model, precision, run; labels, opacity, confidence;
 * provenance, export.
 *
 * Its buttons activate "win.segment", "win.cancel", "win.export-…" and "view.overlay-…". */
#pragma once

#include "app/state/workspace.h"
#include "ui/segmenter.h"

#include <gtk/gtk.h>

#define SAG_TYPE_SEGMENT_PANEL (sag_segment_panel_get_type ())
G_DECLARE_FINAL_TYPE (SagSegmentPanel, sag_segment_panel, SAG, SEGMENT_PANEL, GtkWidget)

GtkWidget *sag_segment_panel_new (SagSegmenter *segmenter,
                                  SagWorkspace *workspace);
