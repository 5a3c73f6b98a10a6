/* SPDX-License-Identifier: Apache-2.0
 *
 * measure-pane.h: the tools of measuring, what was measured, and a histogram of the selected figure. */
#pragma once

#include "app/state/workspace.h"

#include <gtk/gtk.h>

#define SAG_TYPE_MEASURE_PANE (sag_measure_pane_get_type ())
G_DECLARE_FINAL_TYPE (SagMeasurePane, sag_measure_pane, SAG, MEASURE_PANE, GtkWidget)

/* Its buttons activate "view.tool", "view.delete" and "win.export-measurements-…". */
GtkWidget *sag_measure_pane_new (SagWorkspace *workspace);
