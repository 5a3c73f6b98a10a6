/* SPDX-License-Identifier: Apache-2.0
 *
 * catalogue-view.h: the studies that are open, and their series.
 *
 * Activating a row activates "win.open-series" with the series' key; the row of the workspace's
 * series is selected. */
#pragma once

#include "app/state/workspace.h"

#include <gtk/gtk.h>

#define SAG_TYPE_CATALOGUE_VIEW (sag_catalogue_view_get_type ())
G_DECLARE_FINAL_TYPE (SagCatalogueView, sag_catalogue_view, SAG, CATALOGUE_VIEW, GtkWidget)

GtkWidget *sag_catalogue_view_new (SagCatalogue *catalogue,
                                   SagWorkspace *workspace);
