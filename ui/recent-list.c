/* SPDX-License-Identifier: Apache-2.0
 *
 * recent-list.c: the folders opened last. */
#include "ui/recent-list.h"

#include <adwaita.h>

#define SHOWN 5

void
sag_recent_list_fill (GtkListBox *list,
                      GSettings  *settings)
{
  g_auto (GStrv) uris = g_settings_get_strv (settings, "recent-folders");
  GtkWidget *child;

  while ((child = gtk_widget_get_first_child (GTK_WIDGET (list))) != NULL)
    gtk_list_box_remove (list, child);
  for (int i = 0; uris[i] != NULL && i < SHOWN; i++)
    {
      g_autoptr (GFile) file = g_file_new_for_uri (uris[i]);
      g_autofree char *name = g_file_get_basename (file);
      g_autofree char *place = g_file_get_parse_name (file);
      g_autofree char *escaped_name = g_markup_escape_text (name, -1);
      g_autofree char *escaped_place = g_markup_escape_text (place, -1);
      GtkWidget *row = adw_action_row_new ();

      adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), escaped_name);
      adw_action_row_set_subtitle (ADW_ACTION_ROW (row), escaped_place);
      adw_action_row_set_subtitle_lines (ADW_ACTION_ROW (row), 1);
      gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), TRUE);
      gtk_actionable_set_action_name (GTK_ACTIONABLE (row), "win.open-recent");
      gtk_actionable_set_action_target (GTK_ACTIONABLE (row), "s", uris[i]);
      gtk_list_box_append (list, row);
    }
  gtk_widget_set_visible (GTK_WIDGET (list), uris[0] != NULL);
}
