/* SPDX-License-Identifier: Apache-2.0
 *
 * edit-pane.h: correcting labels: tools, the label they paint, whole steps, and what a person thinks of the
 * result. */
#pragma once

#include "app/state/workspace.h"

#include <gtk/gtk.h>

#define SAG_TYPE_EDIT_PANE (sag_edit_pane_get_type ())
G_DECLARE_FINAL_TYPE (SagEditPane, sag_edit_pane, SAG, EDIT_PANE, GtkWidget)

/* Hidden while there are no labels. Its buttons activate "view.tool", "win.correct" and "view.review". */
GtkWidget *sag_edit_pane_new (SagWorkspace *workspace);
