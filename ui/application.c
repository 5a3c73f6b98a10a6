/* SPDX-License-Identifier: Apache-2.0
 *
 * application.c: the program.
 *
 *   sagitta [--run MODEL] [FILE or FOLDER …] */
#include "ui/application.h"

#include "ui/preferences.h"
#include "ui/settings.h"
#include "ui/window.h"

#include <glib-unix.h>
#include <glib/gi18n-lib.h>
#include <signal.h>

struct _SagApplication
{
  AdwApplication parent_instance;

  GSettings     *settings;
};

G_DEFINE_FINAL_TYPE (SagApplication, sag_application, ADW_TYPE_APPLICATION)

static SagWindow *
add_window (SagApplication *self)
{
  return sag_window_new (GTK_APPLICATION (self), self->settings);
}

/* The window to open things in: the active one if nothing is open in it, else a new one. */
static SagWindow *
find_window (SagApplication *self)
{
  GtkWindow *active = gtk_application_get_active_window (GTK_APPLICATION (self));

  if (active != NULL && SAG_IS_WINDOW (active) && sag_window_is_empty (SAG_WINDOW (active)))
    return SAG_WINDOW (active);
  return add_window (self);
}

static void
sag_application_activate (GApplication *application)
{
  gtk_window_present (GTK_WINDOW (find_window (SAG_APPLICATION (application))));
}

static int
sag_application_command_line (GApplication            *application,
                              GApplicationCommandLine *line)
{
  SagApplication *self = SAG_APPLICATION (application);
  GVariantDict *options = g_application_command_line_get_options_dict (line);
  g_autofree const char **names = NULL;
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  const char *model = NULL;
  SagWindow *window;

  g_variant_dict_lookup (options, "run", "&s", &model);
  g_variant_dict_lookup (options, G_OPTION_REMAINING, "^a&ay", &names);
  for (int i = 0; names != NULL && names[i] != NULL; i++)
    {
      g_autoptr (GFile) file = g_application_command_line_create_file_for_arg (line, names[i]);
      char *path = g_file_get_path (file);

      if (path == NULL)
        {
          g_application_command_line_printerr (
              line, "sagitta: %s is not on this computer; copy it here first\n", names[i]);
          return 1;
        }
      g_ptr_array_add (paths, path);
    }
  if (model != NULL && paths->len == 0)
    {
      g_application_command_line_printerr (line, "sagitta: --run needs a folder to open\n");
      return 2;
    }

  window = find_window (self);
  gtk_window_present (GTK_WINDOW (window));
  if (g_variant_dict_contains (options, "confidence"))
    {
      SagWorkspace *workspace = sag_window_get_workspace (window);

      sag_workspace_set_overlay (workspace, sag_workspace_get_overlay (workspace)
                                                | SAG_OVERLAY_CONFIDENCE);
    }
  if (paths->len > 0)
    {
      g_ptr_array_add (paths, NULL);
      sag_window_open (window, (const char *const *) paths->pdata, model);
    }
  return 0;
}

static int
sag_application_handle_local_options (GApplication *application,
                                      GVariantDict *options)
{
  if (g_variant_dict_contains (options, "version"))
    {
      g_print ("Sagitta %s\n", SAG_VERSION);
      return 0;
    }
  return -1;
}

static void
new_window (GSimpleAction *action,
            GVariant      *parameter,
            gpointer       data)
{
  gtk_window_present (GTK_WINDOW (add_window (data)));
}

static void
preferences (GSimpleAction *action,
             GVariant      *parameter,
             gpointer       data)
{
  SagApplication *self = data;
  GtkWindow *window = sag_preferences_new (self->settings);

  gtk_window_set_transient_for (window, gtk_application_get_active_window (GTK_APPLICATION (self)));
  gtk_window_present (window);
}

static void
about (GSimpleAction *action,
       GVariant      *parameter,
       gpointer       data)
{
  adw_show_about_window (gtk_application_get_active_window (data), "application-name", "Sagitta",
                         "application-icon", "org.sagitta.Sagitta", "version", SAG_VERSION,
                         "developer-name", _ ("The Sagitta developers"), "license-type",
                         GTK_LICENSE_APACHE_2_0, "comments",
                         _ ("Reads medical images and segments them on this computer.\n"
                            "For research; not a medical device."),
                         NULL);
}

static void
quit (GSimpleAction *action,
      GVariant      *parameter,
      gpointer       data)
{
  GList *windows = g_list_copy (gtk_application_get_windows (data));

  /* Each says good-bye by itself: it stops its work and keeps its size. */
  g_list_foreach (windows, (GFunc) (void *) gtk_window_close, NULL);
  g_list_free (windows);
}

/* Told to end (logging out, Ctrl-C, kill), it does as it would by its menu: workers stop and take with them what they
 * unpacked. */
static gboolean
told_to_end (gpointer self)
{
  g_action_group_activate_action (self, "quit", NULL);
  return G_SOURCE_CONTINUE;
}

/* Images are read in the dark, unless the reader says otherwise. */
static void
appearance_changed (GSettings *settings)
{
  g_autofree char *appearance = g_settings_get_string (settings, "appearance");

  adw_style_manager_set_color_scheme (
      adw_style_manager_get_default (),
      g_str_equal (appearance, "light")    ? ADW_COLOR_SCHEME_FORCE_LIGHT
      : g_str_equal (appearance, "system") ? ADW_COLOR_SCHEME_PREFER_LIGHT
                                           : ADW_COLOR_SCHEME_FORCE_DARK);
}

/* What a file manager hands over by D-Bus (org.freedesktop.Application.Open). */
static void
sag_application_open (GApplication *application, GFile **files, int n_files, const char *hint)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  SagWindow *window = find_window (SAG_APPLICATION (application));

  for (int i = 0; i < n_files; i++)
    if (g_file_peek_path (files[i]) != NULL)
      g_ptr_array_add (paths, g_file_get_path (files[i]));
  g_ptr_array_add (paths, NULL);
  gtk_window_present (GTK_WINDOW (window));
  if (paths->len > 1)
    sag_window_open (window, (const char *const *)paths->pdata, NULL);
}

static void
sag_application_startup (GApplication *application)
{
  static const GActionEntry entries[] = {
    { "new-window", new_window },
    { "preferences", preferences },
    { "about", about },
    { "quit", quit },
  };
  static const int ends[] = { SIGHUP, SIGINT, SIGTERM };
  SagApplication *self = SAG_APPLICATION (application);

  G_APPLICATION_CLASS (sag_application_parent_class)->startup (application);
  for (gsize i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      struct sigaction now;

      if (sigaction (ends[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN) /* nohup */
        g_unix_signal_add (ends[i], told_to_end, self);
    }
  g_action_map_add_action_entries (G_ACTION_MAP (self), entries, G_N_ELEMENTS (entries), self);
  gtk_window_set_default_icon_name ("org.sagitta.Sagitta");
  self->settings = sag_settings_new ();
  g_signal_connect (self->settings, "changed::appearance", G_CALLBACK (appearance_changed), NULL);
  appearance_changed (self->settings);
}

static void
sag_application_finalize (GObject *object)
{
  g_clear_object (&SAG_APPLICATION (object)->settings);
  G_OBJECT_CLASS (sag_application_parent_class)->finalize (object);
}

static void
sag_application_class_init (SagApplicationClass *klass)
{
  GApplicationClass *application_class = G_APPLICATION_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = sag_application_finalize;
  application_class->startup = sag_application_startup;
  application_class->activate = sag_application_activate;
  application_class->open = sag_application_open;
  application_class->command_line = sag_application_command_line;
  application_class->handle_local_options = sag_application_handle_local_options;
}

static void
sag_application_init (SagApplication *self)
{
  static const GOptionEntry options[] = {
    { "run", 0, 0, G_OPTION_ARG_STRING, NULL, N_ ("Run this model when the images are there"),
      "MODEL" },
    { "confidence", 0, 0, G_OPTION_ARG_NONE, NULL, N_ ("Show how sure the model is"), NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, NULL, N_ ("Print the version"), NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, NULL, NULL, "[FILE or FOLDER …]" },
    { NULL },
  };

  g_application_add_main_option_entries (G_APPLICATION (self), options);
}

SagApplication *
sag_application_new (void)
{
  return g_object_new (SAG_TYPE_APPLICATION, "application-id", "org.sagitta.Sagitta", "flags",
                       G_APPLICATION_HANDLES_COMMAND_LINE | G_APPLICATION_HANDLES_OPEN,
                       "resource-base-path", "/org/sagitta/Sagitta", NULL);
}
