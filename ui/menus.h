/* SPDX-License-Identifier: Apache-2.0
 *
 * menus.h: the menus that stand in menus.ui. */
#pragma once

#include <gtk/gtk.h>

/* The menu `id` of menus.ui. Menus never change, so that all windows share one: a GtkPopoverMenu of GTK 4.8 keeps
 * every section it ever showed, and sections of a window's own cost some 18 KB that a closed window never gave back.
 * Borrowed, for the life of the process. [main thread] */
GMenuModel *sag_menus_get (const char *id);
