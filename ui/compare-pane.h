/* SPDX-License-Identifier: Apache-2.0
 *
 * compare-pane.h: two results held against each other: how they are shown, how alike they are, and
 * where they are not. */
#pragma once

#include "ui/comparer.h"

#include <gtk/gtk.h>

#define SAG_TYPE_COMPARE_PANE (sag_compare_pane_get_type ())
G_DECLARE_FINAL_TYPE (SagComparePane, sag_compare_pane, SAG, COMPARE_PANE, GtkWidget)

/* Hidden while there are fewer than two results. Its buttons activate "view.compare-…". */
GtkWidget *sag_compare_pane_new (SagComparer  *comparer,
                                 SagWorkspace *workspace);
