/* SPDX-License-Identifier: Apache-2.0
 *
 * brush-tool.h: changing labels with the left button: brush, eraser, threshold paint, fill, grow. With Control
 * the brush erases. */
#pragma once

#include "ui/slice-view.h"

/* The view owns it. */
void sag_brush_tool_attach   (SagSliceView        *view);

/* The brush's circle around the pointer, while one is in hand. */
void sag_brush_tool_snapshot (const SagSliceScene *scene,
                              GtkWidget           *widget,
                              GtkSnapshot         *snapshot);
