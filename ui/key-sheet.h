/* SPDX-License-Identifier: Apache-2.0
 *
 * key-sheet.h: all keys, and what the mouse does, on one sheet to look at: the help overlay. Typing searches it,
 * Escape closes it. GtkShortcutsWindow pages instead, does not scroll, and is cut on a low screen. */
#pragma once

#include <gtk/gtk.h>

/* The sheet over `parent` (NULL: none), as large as that needs and has room for, keys and buttons as `settings` have
 * them; not shown yet, owned by itself as any toplevel. */
GtkWindow *sag_key_sheet_new (GtkWindow *parent,
                              GSettings *settings);
