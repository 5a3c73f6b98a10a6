/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-compare.h: what is drawn over a slice on which two results are compared: whose colours are
 * whose, where one ends, how alike they are. */
#pragma once

#include "ui/slice-text.h"

void     sag_slice_compare_snapshot  (const SagSliceScene *scene,
                                      GtkWidget           *widget,
                                      GtkSnapshot         *snapshot);

/* Whether a point of a view so wide is on the line that can be dragged. */
gboolean sag_slice_compare_is_handle (SagWorkspace        *workspace,
                                      int                  width,
                                      double               x);
