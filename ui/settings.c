/* SPDX-License-Identifier: Apache-2.0
 *
 * settings.c: finding the schema, and the list of recent folders. */
#include "ui/settings.h"

#define SCHEMA "org.sagitta.Sagitta"
#define N_RECENT 8

char *
sag_settings_dup_folder (void)
{
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);

  return program == NULL ? g_strdup ("") : g_path_get_dirname (program);
}

GSettings *
sag_settings_new (void)
{
  /* A build folder has its own, which fits it better than what is installed; so has a prefix that the
   * system does not search. */
  static const char *const beside[] = { "../resources", "../share/glib-2.0/schemas" };
  GSettingsSchemaSource *installed = g_settings_schema_source_get_default ();
  g_autoptr (GSettingsSchema) schema = NULL;
  g_autofree char *program = sag_settings_dup_folder ();

  for (gsize i = 0; i < G_N_ELEMENTS (beside) && schema == NULL; i++)
    {
      g_autofree char *folder = g_build_filename (program, beside[i], NULL);
      g_autoptr (GSettingsSchemaSource) source
          = g_settings_schema_source_new_from_directory (folder, installed, FALSE, NULL);

      if (source != NULL)
        schema = g_settings_schema_source_lookup (source, SCHEMA, TRUE);
    }
  if (schema == NULL && installed != NULL)
    schema = g_settings_schema_source_lookup (installed, SCHEMA, TRUE);
  if (schema == NULL)
    g_error (
        "The settings schema %s is not installed; run 'meson install', or set GSETTINGS_SCHEMA_DIR",
        SCHEMA);
  return g_settings_new_full (schema, NULL, NULL);
}

void
sag_settings_add_recent (GSettings  *settings,
                         const char *uri)
{
  g_auto (GStrv) old = g_settings_get_strv (settings, "recent-folders");
  g_autoptr (GPtrArray) list = g_ptr_array_new ();

  if (!g_settings_get_boolean (settings, "remember-recent"))
    return;
  g_ptr_array_add (list, (gpointer) uri);
  for (int i = 0; old[i] != NULL && list->len < N_RECENT; i++)
    if (!g_str_equal (old[i], uri))
      g_ptr_array_add (list, old[i]);
  g_ptr_array_add (list, NULL);
  g_settings_set_strv (settings, "recent-folders", (const char *const *) list->pdata);
}
