/* SPDX-License-Identifier: Apache-2.0
 *
 * touch.c: whether fingers are at work. (Style sheets of GTK 4.8 have no media queries.) */
#include "ui/touch.h"

static void
show (GtkWidget  *widget,
      const char *key,
      GSettings  *settings)
{
  GdkSeat *seat = gdk_display_get_default_seat (gtk_widget_get_display (widget));

  if (g_settings_get_boolean (settings, "large-controls")
      || (seat != NULL && (gdk_seat_get_capabilities (seat) & GDK_SEAT_CAPABILITY_TOUCH) != 0))
    gtk_widget_add_css_class (widget, "touch");
  else
    gtk_widget_remove_css_class (widget, "touch");
}

void
sag_touch_bind (GtkWidget *widget,
                GSettings *settings)
{
  g_signal_connect_object (settings, "changed::large-controls", G_CALLBACK (show), widget,
                           G_CONNECT_SWAPPED);
  show (widget, NULL, settings);
}
