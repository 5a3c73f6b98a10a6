/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-jump.c: a small entry over a view that takes the number of a slice. */
#include "ui/slice-jump.h"

#include "ui/spoken.h"

#include <glib/gi18n-lib.h>
#include <stdlib.h>

static void
go (GtkPopover *popover,
    GtkEntry   *entry)
{
  SagSliceView *view = SAG_SLICE_VIEW (gtk_widget_get_parent (GTK_WIDGET (popover)));
  const char *text = gtk_editable_get_text (GTK_EDITABLE (entry));
  char *end;
  long number = strtol (text, &end, 10);

  if (end == text || *end != '\0')
    {
      gtk_widget_error_bell (GTK_WIDGET (view));
      return;
    }
  sag_workspace_set_slice (sag_slice_view_get_workspace (view), sag_slice_view_get_plane (view),
                           (int) CLAMP (number, 1, 1000000) - 1);
  gtk_popover_popdown (popover);
}

/* In an idle moment: its children are still closing. */
static gboolean
unparent (gpointer data)
{
  if (gtk_widget_get_parent (data) != NULL)
    gtk_widget_unparent (data);
  return G_SOURCE_REMOVE;
}

static void
closed (GtkWidget *popover)
{
  g_idle_add_full (G_PRIORITY_DEFAULT_IDLE, unparent, g_object_ref (popover), g_object_unref);
}

void
sag_slice_jump_ask (SagSliceView *view)
{
  GtkWidget *popover = gtk_popover_new (), *entry = gtk_entry_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 8);
  int n, slice = sag_workspace_get_slice (sag_slice_view_get_workspace (view),
                                          sag_slice_view_get_plane (view), &n);
  g_autofree char *now = g_strdup_printf ("%d", slice + 1);
  g_autofree char *hint = g_strdup_printf (_ ("Slice 1 to %d"), n);

  gtk_editable_set_text (GTK_EDITABLE (entry), now);
  gtk_editable_set_width_chars (GTK_EDITABLE (entry), 6);
  sag_spoken_name (entry, hint);
  gtk_entry_set_input_purpose (GTK_ENTRY (entry), GTK_INPUT_PURPOSE_DIGITS);
  g_signal_connect_swapped (entry, "activate", G_CALLBACK (go), popover);
  g_signal_connect (popover, "closed", G_CALLBACK (closed), NULL);
  gtk_box_append (GTK_BOX (box), gtk_label_new (hint));
  gtk_box_append (GTK_BOX (box), entry);
  gtk_popover_set_child (GTK_POPOVER (popover), box);
  gtk_popover_set_has_arrow (GTK_POPOVER (popover), FALSE);
  gtk_widget_set_parent (popover, GTK_WIDGET (view));
  gtk_popover_set_pointing_to (GTK_POPOVER (popover),
                               &(GdkRectangle) { gtk_widget_get_width (GTK_WIDGET (view)) / 2,
                                                 gtk_widget_get_height (GTK_WIDGET (view)) / 2, 1,
                                                 1 });
  gtk_popover_popup (GTK_POPOVER (popover));
  gtk_widget_grab_focus (entry);
}
