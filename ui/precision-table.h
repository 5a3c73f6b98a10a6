/* SPDX-License-Identifier: Apache-2.0
 *
 * precision-table.h: what each precision of the chosen model took, and how near to FP32 it came. */
#pragma once

#include "ui/segmenter.h"

#include <gtk/gtk.h>

#define SAG_TYPE_PRECISION_TABLE (sag_precision_table_get_type ())
G_DECLARE_FINAL_TYPE (SagPrecisionTable, sag_precision_table, SAG, PRECISION_TABLE, GtkWidget)

/* Hidden until the model has run. */
GtkWidget *sag_precision_table_new (SagSegmenter *segmenter,
                                    SagWorkspace *workspace);
