/* SPDX-License-Identifier: Apache-2.0
 *
 * label-item.h: one row of the label list: colour, visibility, millilitres, mean confidence.
 */
#pragma once

#include "engine/image/labelmap.h"

#include <gio/gio.h>

#define SAG_TYPE_LABEL_ITEM (sag_label_item_get_type ())
G_DECLARE_FINAL_TYPE (SagLabelItem, sag_label_item, SAG, LABEL_ITEM, GObject)

/* Properties: "number" (int), "name", "ml" (double, NaN until measured), "confidence" (double
 * 0..1, NaN until measured), "values-text" and "ml-text" ("2310 ml", "" until measured), readable, the last
 * three with notify; "visible" (boolean, read-write): the workspace that made the item listens
 * to it, and hides or shows the label. */
SagLabelItem   *sag_label_item_new            (const SagLabel *label);

const SagLabel *sag_label_item_get_label      (SagLabelItem   *self);
const char     *sag_label_item_get_name       (SagLabelItem   *self);
gboolean        sag_label_item_get_visible    (SagLabelItem   *self);
void            sag_label_item_set_visible    (SagLabelItem   *self,
                                               gboolean        visible);
double          sag_label_item_get_ml         (SagLabelItem   *self);
double          sag_label_item_get_confidence (SagLabelItem   *self);
void            sag_label_item_set_measured   (SagLabelItem   *self,
                                               double          ml,
                                               double          confidence,
                                               const double    centroid[3]);
/* What the image says inside it: "-812 HU" as "values-text", the deviation with it as
 * sag_label_item_get_values(). */
void            sag_label_item_set_values     (SagLabelItem   *self,
                                               double          mean,
                                               double          sd,
                                               const char     *unit);
/* NaN until known. */
double          sag_label_item_get_mean       (SagLabelItem   *self);
double          sag_label_item_get_sd         (SagLabelItem   *self);
/* Where the label is, mm LPS; FALSE until measured, or if it is empty: nowhere to jump to. */
gboolean        sag_label_item_get_centroid   (SagLabelItem   *self,
                                               double          centroid[3]);
