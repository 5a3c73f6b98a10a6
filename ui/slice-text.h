/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-text.h: what is written over a slice: corners, orientation letters, scale, legend.
 *
 * Text has a 1 px dark outline and tabular figures, and gives way step by step in small views. */
#pragma once

#include "ui/slice-corners.h"

#include <gtk/gtk.h>

void  sag_slice_text_snapshot        (const SagSliceScene *scene,
                                      GtkWidget           *widget, /* whose font is used */
                                      GtkSnapshot         *snapshot);

/* A view with nothing in it: what to do about that. */
void  sag_slice_text_snapshot_empty  (GtkWidget           *widget,
                                      GtkSnapshot         *snapshot,
                                      double               text_scale);
