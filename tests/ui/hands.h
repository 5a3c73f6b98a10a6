/* SPDX-License-Identifier: Apache-2.0
 *
 * hands.h: a mouse and a keyboard that are really pressed: X events through XTest.
 *
 * Points are in coordinates of the widget, whose window must be on screen. Each call waits until the
 * program has answered. */
#pragma once

#include <gtk/gtk.h>

/* FALSE if this screen cannot be touched so (no X, no XTest): skip then. */
gboolean hands_init    (void);

/* Keys go to the widget's window from now on: there is no window manager to see to it. */
void     hands_focus   (GtkWidget *widget);
void     hands_move    (GtkWidget *widget,
                        double     x,
                        double     y);
void     hands_press   (int        button);
void     hands_release (int        button);
void     hands_click   (GtkWidget *widget,
                        double     x,
                        double     y,
                        int        button);
/* Twice, as fast as the screen takes it. */
void     hands_double  (GtkWidget *widget,
                        double     x,
                        double     y);
/* In the middle of a widget, scrolled to if need be: a button, a row. */
void     hands_click_on (GtkWidget *widget);
void     hands_drag    (GtkWidget *widget,
                        double     x0,
                        double     y0,
                        double     x1,
                        double     y1,
                        int        button);
/* Clicks of the wheel, down if positive, with these keys held (GDK_SHIFT_MASK, GDK_CONTROL_MASK). */
void     hands_wheel   (GtkWidget       *widget,
                        int              clicks,
                        GdkModifierType  held);
/* So many clicks at once, down if positive: what counts as fast. */
void     hands_spin    (GtkWidget       *widget,
                        int              clicks);
/* A key that is held while other things are done. */
void     hands_hold    (guint            keyval,
                        gboolean         press);
/* Presses and releases a key, with these held. */
void     hands_key     (guint            keyval,
                        GdkModifierType  held);
