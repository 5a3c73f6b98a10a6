/* SPDX-License-Identifier: Apache-2.0
 *
 * hands.c: X events through XTest, found at run time: its headers are not needed to build. */
#include "tests/ui/hands.h"

#include "tests/ui/fake.h"

#include <X11/XKBlib.h>
#include <dlfcn.h>
#include <gdk/x11/gdkx.h>

static int (*fake_motion) (Display *, int, int, int, unsigned long);
static int (*fake_button) (Display *, unsigned int, int, unsigned long);
static int (*fake_key) (Display *, unsigned int, int, unsigned long);

static Display *
get_display (void)
{
  G_GNUC_BEGIN_IGNORE_DEPRECATIONS
  return gdk_x11_display_get_xdisplay (gdk_display_get_default ());
  G_GNUC_END_IGNORE_DEPRECATIONS
}

gboolean
hands_init (void)
{
  void *library;

  if (fake_key != NULL)
    return TRUE;
  if (!GDK_IS_X11_DISPLAY (gdk_display_get_default ())
      || (library = dlopen ("libXtst.so.6", RTLD_NOW)) == NULL)
    return FALSE;
  *(void **) &fake_motion = dlsym (library, "XTestFakeMotionEvent");
  *(void **) &fake_button = dlsym (library, "XTestFakeButtonEvent");
  *(void **) &fake_key = dlsym (library, "XTestFakeKeyEvent");
  return fake_motion != NULL && fake_button != NULL && fake_key != NULL;
}

static void
answer (void)
{
  XSync (get_display (), False);
  fake_settle ();
}

void
hands_focus (GtkWidget *widget)
{
  GdkSurface *surface = gtk_native_get_surface (gtk_widget_get_native (widget));

  XSetInputFocus (get_display (), gdk_x11_surface_get_xid (surface), RevertToPointerRoot, CurrentTime);
  answer ();
}

void
hands_move (GtkWidget *widget,
            double     x,
            double     y)
{
  GtkNative *native = gtk_widget_get_native (widget);
  GdkSurface *surface = gtk_native_get_surface (native);
  double at_x, at_y, dx, dy;
  int root_x, root_y;
  Window child;

  gtk_widget_translate_coordinates (widget, GTK_WIDGET (native), x, y, &at_x, &at_y);
  gtk_native_get_surface_transform (native, &dx, &dy);
  XTranslateCoordinates (get_display (), gdk_x11_surface_get_xid (surface),
                         DefaultRootWindow (get_display ()), (int) (at_x + dx), (int) (at_y + dy),
                         &root_x, &root_y, &child);
  fake_motion (get_display (), -1, root_x, root_y, 0);
  answer ();
}

void
hands_press (int button)
{
  fake_button (get_display (), button, True, 0);
  answer ();
}

void
hands_release (int button)
{
  fake_button (get_display (), button, False, 0);
  answer ();
}

void
hands_click (GtkWidget *widget,
             double     x,
             double     y,
             int        button)
{
  hands_move (widget, x, y);
  hands_press (button);
  hands_release (button);
}

void
hands_double (GtkWidget *widget,
              double     x,
              double     y)
{
  hands_move (widget, x, y);
  for (int n = 0; n < 4; n++)
    fake_button (get_display (), 1, n % 2 == 0, 0);
  answer ();
}

/* What has the focus is scrolled to where it is seen; the focus goes back to where it was. */
static void
bring_into_view (GtkWidget *widget)
{
  GtkRoot *root = gtk_widget_get_root (widget);
  GtkWidget *before = gtk_root_get_focus (root);
  GtkSettings *settings = gtk_widget_get_settings (widget);
  gboolean animations;

  if (gtk_widget_get_ancestor (widget, GTK_TYPE_SCROLLED_WINDOW) == NULL)
    return;
  g_object_get (settings, "gtk-enable-animations", &animations, NULL);
  g_object_set (settings, "gtk-enable-animations", FALSE, NULL);
  while (widget != NULL && !gtk_widget_grab_focus (widget))
    widget = gtk_widget_get_parent (widget);
  fake_settle ();
  gtk_root_set_focus (root, before);
  g_object_set (settings, "gtk-enable-animations", animations, NULL);
}

/* Whether a click in its middle is the widget's. */
static gboolean
is_hit (GtkWidget *widget)
{
  GtkWidget *native = GTK_WIDGET (gtk_widget_get_native (widget)), *hit;
  double x, y;

  if (!gtk_widget_translate_coordinates (widget, native, gtk_widget_get_width (widget) / 2.0,
                                         gtk_widget_get_height (widget) / 2.0, &x, &y))
    return FALSE;
  hit = gtk_widget_pick (native, x, y, GTK_PICK_DEFAULT);
  return hit != NULL
         && (hit == widget || hit == gtk_widget_get_parent (widget) || gtk_widget_is_ancestor (hit, widget));
}

void
hands_click_on (GtkWidget *widget)
{
  bring_into_view (widget);
  fake_wait (is_hit (widget));
  hands_click (widget, gtk_widget_get_width (widget) / 2.0, gtk_widget_get_height (widget) / 2.0, 1);
}

void
hands_drag (GtkWidget *widget,
            double     x0,
            double     y0,
            double     x1,
            double     y1,
            int        button)
{
  hands_move (widget, x0, y0);
  hands_press (button);
  for (int step = 1; step <= 4; step++)
    hands_move (widget, x0 + (x1 - x0) * step / 4, y0 + (y1 - y0) * step / 4);
  hands_release (button);
}

static void
touch (guint    keyval,
       gboolean press)
{
  fake_key (get_display (), XKeysymToKeycode (get_display (), keyval), press, 0);
}

static void
hold (GdkModifierType held,
      gboolean        press)
{
  if (held & GDK_SHIFT_MASK)
    touch (GDK_KEY_Shift_L, press);
  if (held & GDK_CONTROL_MASK)
    touch (GDK_KEY_Control_L, press);
  if (held & GDK_ALT_MASK)
    touch (GDK_KEY_Alt_L, press);
}

void
hands_wheel (GtkWidget       *widget,
             int              clicks,
             GdkModifierType  held)
{
  int button = clicks > 0 ? 5 : 4;

  hold (held, TRUE);
  for (int i = 0; i < ABS (clicks); i++)
    {
      /* Slower than what counts as fast. */
      g_usleep (80000);
      hands_press (button);
      hands_release (button);
    }
  hold (held, FALSE);
  answer ();
}

void
hands_spin (GtkWidget *widget,
            int        clicks)
{
  for (int n = 0; n < 2 * ABS (clicks); n++)
    fake_button (get_display (), clicks > 0 ? 5 : 4, n % 2 == 0, 0);
  answer ();
}

void
hands_hold (guint    keyval,
            gboolean press)
{
  touch (keyval, press);
  answer ();
}

void
hands_key (guint           keyval,
           GdkModifierType held)
{
  KeyCode code = XKeysymToKeycode (get_display (), keyval);

  if (XkbKeycodeToKeysym (get_display (), code, 0, 0) != keyval)
    held |= GDK_SHIFT_MASK; /* "greater" stands above another sign */
  hold (held, TRUE);
  touch (keyval, True);
  touch (keyval, False);
  hold (held, FALSE);
  answer ();
}
