/* SPDX-License-Identifier: Apache-2.0
 *
 * label-row.h: one label of a segmentation: colour, name, millilitres, shown or not, alone.
 *
 * Actions it activates: "labels.solo" with the label's number. */
#pragma once

#include "app/state/label-item.h"

#include <gtk/gtk.h>

#define SAG_TYPE_LABEL_ROW (sag_label_row_get_type ())
G_DECLARE_FINAL_TYPE (SagLabelRow, sag_label_row, SAG, LABEL_ROW, GtkWidget)

GtkWidget    *sag_label_row_new      (void);
/* Shows `item`, as it is and as it becomes; NULL: lets go of the last one. */
void          sag_label_row_set_item (SagLabelRow  *self,
                                      SagLabelItem *item);
