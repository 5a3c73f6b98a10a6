/* SPDX-License-Identifier: Apache-2.0
 *
 * recent-list.h: the folders opened last, as rows that open them again. */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* Fills `list` anew from the setting "recent-folders", five at most; each row activates "win.open-recent" with its
 * URI. A list of none is hidden. */
void sag_recent_list_fill (GtkListBox *list,
                           GSettings  *settings);

G_END_DECLS
