/* SPDX-License-Identifier: Apache-2.0
 *
 * spoken.h: what assistive technology says (AT-SPI, through GtkAccessible). */
#pragma once

#include "ui/slice-corners.h"

#include <gtk/gtk.h>

/* The name of a widget that shows no words of its own. */
void  sag_spoken_name      (GtkWidget           *widget,
                            const char          *name);

/* All that matters of a view in one sentence: plane, slice, position, window, patient, series, and what
 * lies under the pointer or, without one, at the crosshair: value, segment, confidence. New string. */
char *sag_spoken_dup_slice (const SagSliceScene *scene);
