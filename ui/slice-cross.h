/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-cross.h: other planes as lines over a slice: the crosshair, whose lines are turned by their
 * handles, and reference lines. */
#pragma once

#include "ui/slice-corners.h"

#include <gtk/gtk.h>

/* The other two planes through the cursor, open around it, a colour each: axial yellow, coronal
 * green, sagittal blue; with a slab its faces too. */
void     sag_slice_cross_snapshot       (const SagSliceScene *scene,
                                         GtkSnapshot         *snapshot);
/* The line where `plane` cuts the picture; nothing if they are nearly parallel. */
void     sag_slice_cross_snapshot_plane (const SagSliceScene *scene,
                                         const SagPlane      *plane,
                                         GtkSnapshot         *snapshot);
/* Whether a handle lies within reach of (x, y), and which plane it turns. */
gboolean sag_slice_cross_find_handle    (const SagSliceScene *scene,
                                         double               x,
                                         double               y,
                                         SagView             *plane);
