/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-lens.h: a magnifier over a slice. */
#pragma once

#include "ui/slice-corners.h"

#include <gtk/gtk.h>

/* What lies at the probe of the scene, 2.5 times larger, in a circle around (x, y). */
void sag_slice_lens_snapshot (const SagSliceScene *scene,
                              double               x,
                              double               y,
                              GtkSnapshot         *snapshot);
