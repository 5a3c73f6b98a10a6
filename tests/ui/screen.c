/* SPDX-License-Identifier: Apache-2.0
 *
 * screen.c: what ui tests share besides the jobs: waiting, windows, pixels.
 */
#include "tests/ui/fake.h"

#include "ui/settings.h"

#include <locale.h>

#define WAIT_SECONDS 60 /* nothing here takes long; a busy machine may */
#define SETTLE_SECONDS 20

/* ---- waiting */

static gboolean
wake (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

gint64
fake_wait_begin (void)
{
  return g_get_monotonic_time () + WAIT_SECONDS * G_USEC_PER_SEC;
}

gboolean
fake_wait_more (gint64 end)
{
  guint timer = g_timeout_add (20, wake, NULL);

  g_main_context_iteration (NULL, TRUE);
  g_source_remove (timer);
  return g_get_monotonic_time () < end;
}

void
fake_wait_flag (gboolean *flag)
{
  fake_wait (*flag);
}

void
fake_wait_int (gpointer    object,
               const char *property,
               int         value)
{
  gint64 end = fake_wait_begin ();
  int now;

  do
    g_object_get (object, property, &now, NULL);
  while (now != value && fake_wait_more (end));
  g_assert_cmpint (now, ==, value);
}

static gboolean
set_flag (gpointer data)
{
  *(gboolean *) data = TRUE;
  return G_SOURCE_REMOVE;
}

void
fake_settle (void)
{
  /* While something plays on a slow machine the next frame is always due, and nothing of low priority has its turn. */
  gint64 end = g_get_monotonic_time () + SETTLE_SECONDS * G_USEC_PER_SEC;
  gboolean passed = FALSE;
  guint timer;

  /* Two frames at 60 a second, and what they leave to do. */
  timer = g_timeout_add_full (G_PRIORITY_LOW, 60, set_flag, &passed, NULL);
  while (!passed && fake_wait_more (end))
    ;
  if (!passed)
    g_source_remove (timer);
  while (g_get_monotonic_time () < end && g_main_context_iteration (NULL, FALSE))
    ;
}

/* ---- widgets */

GSettings *
fake_settings (void)
{
  GSettings *settings = sag_settings_new ();
  g_autoptr (GSettingsSchema) schema = NULL;
  g_auto (GStrv) keys = NULL;

  g_object_get (settings, "settings-schema", &schema, NULL);
  keys = g_settings_schema_list_keys (schema);
  for (int i = 0; keys[i] != NULL; i++)
    g_settings_reset (settings, keys[i]);
  return settings;
}

GtkWindow *
fake_show (GtkWidget *child,
           int        width,
           int        height)
{
  GtkWindow *window = GTK_WINDOW (gtk_window_new ());

  gtk_window_set_decorated (window, FALSE);
  gtk_window_set_default_size (window, width, height);
  gtk_window_set_child (window, child);
  gtk_window_present (window);
  fake_settle ();
  return window;
}

void
fake_close (gpointer window)
{
  gpointer alive = window;

  g_object_add_weak_pointer (window, &alive);
  gtk_window_close (window);
  fake_wait (alive == NULL);
}

GtkWidget *
fake_find (GtkWidget *widget,
           GType      type)
{
  if (G_TYPE_CHECK_INSTANCE_TYPE (widget, type))
    return widget;
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    {
      GtkWidget *found = fake_find (child, type);

      if (found != NULL)
        return found;
    }
  return NULL;
}

GtkWidget *
fake_find_text (GtkWidget  *widget,
                const char *text)
{
  GtkWidget *found = NULL;

  if (GTK_IS_LABEL (widget) && gtk_widget_get_mapped (widget)
      && g_str_equal (gtk_label_get_text (GTK_LABEL (widget)), text))
    return widget;
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL && found == NULL;
       child = gtk_widget_get_next_sibling (child))
    found = fake_find_text (child, text);
  return found;
}

GtkWidget *
fake_find_window (GType type)
{
  g_autoptr (GList) all = gtk_window_list_toplevels ();

  for (GList *l = all; l != NULL; l = l->next)
    if (G_TYPE_CHECK_INSTANCE_TYPE (l->data, type) && gtk_widget_get_mapped (l->data))
      return l->data;
  return NULL;
}

guint8 *
fake_draw (GtkWidget *widget,
           int       *width,
           int       *height)
{
  g_autoptr (GdkPaintable) paintable = gtk_widget_paintable_new (widget);
  g_autoptr (GtkSnapshot) snapshot = gtk_snapshot_new ();
  g_autoptr (GskRenderNode) node = NULL;
  g_autoptr (GdkTexture) texture = NULL;
  GskRenderer *renderer = gtk_native_get_renderer (gtk_widget_get_native (widget));
  guint8 *pixels;

  *width = gtk_widget_get_width (widget);
  *height = gtk_widget_get_height (widget);
  gdk_paintable_snapshot (paintable, snapshot, *width, *height);
  node = gtk_snapshot_free_to_node (g_steal_pointer (&snapshot));
  g_assert_nonnull (node);
  texture =
      gsk_renderer_render_texture (renderer, node, &GRAPHENE_RECT_INIT (0, 0, *width, *height));
  pixels = g_malloc ((gsize) *width * *height * 4);
  gdk_texture_download (texture, pixels, (gsize) *width * 4);
  for (gsize i = 0; i < (gsize) *width * *height; i++)
    {
      guint8 blue = pixels[4 * i]; /* cairo's BGRA */

      pixels[4 * i] = pixels[4 * i + 2];
      pixels[4 * i + 2] = blue;
    }
  return pixels;
}

int
fake_main_without_jobs (int    argc,
                        char **argv,
                        void (*add_tests) (void))
{
  g_autoptr (GtkCssProvider) style = NULL;

  setlocale (LC_ALL, "C.UTF-8");
  g_test_init (&argc, &argv, NULL);
  gtk_init ();
  adw_init ();
  gtk_icon_theme_add_resource_path (gtk_icon_theme_get_for_display (gdk_display_get_default ()),
                                    "/org/sagitta/Sagitta/icons");
  style = gtk_css_provider_new ();
  gtk_css_provider_load_from_resource (style, "/org/sagitta/Sagitta/style.css");
  gtk_style_context_add_provider_for_display (gdk_display_get_default (),
                                              GTK_STYLE_PROVIDER (style),
                                              GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
  adw_style_manager_set_color_scheme (adw_style_manager_get_default (),
                                      ADW_COLOR_SCHEME_FORCE_DARK);
  add_tests ();
  return g_test_run ();
}

int
fake_main (int    argc,
           char **argv,
           void (*add_tests) (void))
{
  int status;

  fake_install ();
  status = fake_main_without_jobs (argc, argv, add_tests);
  fake_remove ();
  return status;
}
