/* SPDX-License-Identifier: Apache-2.0
 *
 * window.h: one window: a workspace, its views and panes, and the wires between them. */
#pragma once

#include "ui/corrector.h"
#include "ui/exporter.h"
#include "ui/fusion.h"
#include "ui/opener.h"
#include "ui/segmenter.h"
#include "ui/slice-layout.h"

#include <adwaita.h>

#define SAG_TYPE_WINDOW (sag_window_get_type ())
G_DECLARE_FINAL_TYPE (SagWindow, sag_window, SAG, WINDOW, AdwApplicationWindow)

SagWindow      *sag_window_new           (GtkApplication      *application, /* may be NULL */
                                          GSettings           *settings);

/* Opens files and folders; with `model_id` (may be NULL) that model runs when they are there. */
void            sag_window_open          (SagWindow           *self,
                                          const char *const   *paths,
                                          const char          *model_id);
/* TRUE while nothing was opened in it. */
gboolean        sag_window_is_empty      (SagWindow           *self);

SagWorkspace   *sag_window_get_workspace (SagWindow           *self); /* all borrowed */
SagSegmenter   *sag_window_get_segmenter (SagWindow           *self);
SagExporter    *sag_window_get_exporter  (SagWindow           *self);
SagOpener      *sag_window_get_opener    (SagWindow           *self);
/* The one that opens series in the selected view: the window's, or a companion's. */
SagOpener      *sag_window_get_cell_opener (SagWindow         *self);
/* What the selected view shows, and what segments it. */
SagWorkspace   *sag_window_get_cell_workspace (SagWindow      *self);
SagSegmenter   *sag_window_get_cell_segmenter (SagWindow      *self);
SagCorrector   *sag_window_get_cell_corrector (SagWindow      *self);
/* That segmenter, unless it rests and another runs. */
SagSegmenter   *sag_window_get_busy_segmenter (SagWindow      *self);
SagFusion      *sag_window_get_fusion    (SagWindow           *self);
SagSliceLayout *sag_window_get_layout    (SagWindow           *self);
SagCatalogue   *sag_window_get_catalogue (SagWindow           *self);
GSettings      *sag_window_get_settings  (SagWindow           *self);
