/* SPDX-License-Identifier: Apache-2.0
 *
 * test-access.c: with large letters, on a small screen, in high contrast: nothing is cut, everything can be reached.
 *
 * Run again with GDK_SCALE=2 and with ADW_DEBUG_HIGH_CONTRAST=1 (libadwaita's own switch): tests/ui/meson.build. */
#include "tests/ui/fake.h"
#include "ui/slice-view.h"
#include "ui/window.h"

#include <stdlib.h>

#define WIDTH 1024
#define HEIGHT 700

typedef struct
{
  GSettings *settings;
  SagWindow *window;
  GtkCssProvider *css[2];
} Fixture;

/* As the application would have it: it is not here. */
static GtkCssProvider *
add_style (const char *name)
{
  g_autofree char *path = g_strconcat ("/org/sagitta/Sagitta/", name, NULL);
  GtkCssProvider *css = gtk_css_provider_new ();

  gtk_css_provider_load_from_resource (css, path);
  gtk_style_context_add_provider_for_display (gdk_display_get_default (), GTK_STYLE_PROVIDER (css),
                                              GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
  return css;
}

static void
set_up (Fixture       *f,
        gconstpointer  data)
{
  const char *const paths[] = { "/fake/chest", NULL };

  f->css[0] = add_style ("style.css");
  f->css[1] = adw_style_manager_get_high_contrast (adw_style_manager_get_default ())
                  ? add_style ("style-hc.css")
                  : NULL;
  g_object_set (gtk_settings_get_default (), "gtk-xft-dpi", 96 * 1024 * GPOINTER_TO_INT (data) / 100, NULL);
  f->settings = fake_settings ();
  f->window = sag_window_new (NULL, f->settings);
  gtk_window_set_default_size (GTK_WINDOW (f->window), WIDTH, HEIGHT);
  gtk_window_present (GTK_WINDOW (f->window));
  sag_window_open (f->window, paths, NULL);
  fake_wait_int (sag_window_get_opener (f->window), "state", SAG_OPENER_READY);
  fake_settle ();
}

static void
tear_down (Fixture       *f,
           gconstpointer  data)
{
  fake_close (f->window);
  g_clear_object (&f->settings);
  for (int n = 0; n < 2; n++)
    if (f->css[n] != NULL)
      gtk_style_context_remove_provider_for_display (gdk_display_get_default (),
                                                     GTK_STYLE_PROVIDER (f->css[n]));
  g_clear_object (&f->css[0]);
  g_clear_object (&f->css[1]);
  g_object_set (gtk_settings_get_default (), "gtk-xft-dpi", 96 * 1024, NULL);
}

static gboolean
scrolls (GtkWidget *widget)
{
  return gtk_widget_get_ancestor (widget, GTK_TYPE_SCROLLED_WINDOW) != NULL;
}

/* What a person would call cut: a word of a button that ends in dots, a control beyond the window's edge. */
static void
check (GtkWidget *widget,
       GtkWidget *window,
       GString   *cut)
{
  graphene_rect_t at;

  if (!gtk_widget_get_mapped (widget))
    return;
  if (GTK_IS_LABEL (widget) && gtk_widget_get_ancestor (widget, GTK_TYPE_BUTTON) != NULL
      && pango_layout_is_ellipsized (gtk_label_get_layout (GTK_LABEL (widget))))
    g_string_append_printf (cut, "\n\"%s\" is shortened", gtk_label_get_text (GTK_LABEL (widget)));
  if (gtk_widget_get_focusable (widget) && !scrolls (widget)
      && gtk_widget_compute_bounds (widget, window, &at)
      && (at.origin.x < 0 || at.origin.y < 0
          || at.origin.x + at.size.width > (float) gtk_widget_get_width (window)
          || at.origin.y + at.size.height > (float) gtk_widget_get_height (window)))
    g_string_append_printf (cut, "\n%s (%s) lies at %.0f, %.0f, %.0f x %.0f",
                            G_OBJECT_TYPE_NAME (widget), gtk_widget_get_name (widget),
                            (double) at.origin.x, (double) at.origin.y, (double) at.size.width,
                            (double) at.size.height);
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    check (child, window, cut);
}

static void
test_fits (Fixture       *f,
           gconstpointer  data)
{
  g_autoptr (GString) cut = g_string_new (NULL);
  GtkWidget *window = GTK_WIDGET (f->window);

  g_assert_cmpfloat (pango_cairo_context_get_resolution (gtk_widget_get_pango_context (window)), ==,
                     96.0 * GPOINTER_TO_INT (data) / 100);
  g_assert_cmpint (gtk_widget_get_width (window), <=, WIDTH);
  g_assert_cmpint (gtk_widget_get_height (window), <=, HEIGHT);
  check (window, window, cut);
  g_assert_cmpstr (cut->str, ==, "");
}

/* One texel a device pixel, whatever a point is. */
static void
test_scale (Fixture       *f,
            gconstpointer  data)
{
  GtkWidget *view = fake_find (GTK_WIDGET (f->window), SAG_TYPE_SLICE_VIEW);
  int scale = gtk_widget_get_scale_factor (view), width, height;
  g_autofree guint8 *pixels
      = sag_slice_view_dup_pixels (SAG_SLICE_VIEW (view), TRUE, &width, &height);
  const char *wanted = g_getenv ("GDK_SCALE");

  g_assert_cmpint (scale, ==, wanted != NULL ? atoi (wanted) : 1);
  g_assert_nonnull (pixels);
  g_assert_cmpint (width, ==, scale * gtk_widget_get_width (view));
  g_assert_cmpint (height, ==, scale * gtk_widget_get_height (view));
}

static void
add_tests (void)
{
  g_test_add ("/access/fits/100", Fixture, GINT_TO_POINTER (100), set_up, test_fits, tear_down);
  g_test_add ("/access/fits/150", Fixture, GINT_TO_POINTER (150), set_up, test_fits, tear_down);
  g_test_add ("/access/fits/200", Fixture, GINT_TO_POINTER (200), set_up, test_fits, tear_down);
  g_test_add ("/access/scale", Fixture, GINT_TO_POINTER (100), set_up, test_scale, tear_down);
}

int
main (int    argc,
      char **argv)
{
  return fake_main (argc, argv, add_tests);
}
