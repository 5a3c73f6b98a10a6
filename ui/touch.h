/* SPDX-License-Identifier: Apache-2.0
 *
 * touch.h: targets large enough for fingers. */
#pragma once

#include <gtk/gtk.h>

/* Gives the widget the style class "touch" (style.css: no target under 44 px) where its display has a touch
 * screen, or while the setting "large-controls" says so. */
void sag_touch_bind (GtkWidget *widget,
                     GSettings *settings);
