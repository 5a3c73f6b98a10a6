/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-marks.h: measurements as they are drawn over a slice, and found again under the pointer. */
#pragma once

#include "ui/slice-text.h"

void            sag_slice_marks_snapshot (const SagSliceScene *scene,
                                          GtkWidget           *widget,
                                          GtkSnapshot         *snapshot);

/* The measurement at a point of the view, borrowed, and its handle there; -1: the line itself. NULL if
 * there is none. */
SagMeasurement *sag_slice_marks_find     (const SagSliceScene *scene,
                                          double               x,
                                          double               y,
                                          int                 *handle);
