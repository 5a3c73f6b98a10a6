/* SPDX-License-Identifier: Apache-2.0
 *
 * series-row.h: one series in the list: thumbnail, description, count; above the first of a study,
 * the study.
 *
 * Property: "series" (SagSeries or NULL). */
#pragma once

#include "app/state/catalogue.h"

#include <gtk/gtk.h>

#define SAG_TYPE_SERIES_ROW (sag_series_row_get_type ())
G_DECLARE_FINAL_TYPE (SagSeriesRow, sag_series_row, SAG, SERIES_ROW, GtkWidget)
