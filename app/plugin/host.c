/* SPDX-License-Identifier: Apache-2.0
 *
 * host.c: finds the models, describes them, and runs them.
 */
#include "app/plugin/host.h"

#include "app/plugin/code.h"
#include "app/plugin/keyfile.h"
#include "app/plugin/load.h"
#include "app/state/wire.h"
#include "engine/base/error.h"

#include <glib/gi18n-lib.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LOADED 3 /* models kept ready to run; the one not used for longest goes */

/* A model at a precision, ready to run. */
typedef struct
{
  const SagPluginEntry *entry;
  SagPrecision          precision;
  SagSegment           *segment; /* or */
  SagCodeModel         *code;
} Loaded;

struct _SagPluginHost
{
  GPtrArray  *entries; /* of SagPluginEntry */
  GPtrArray  *loaded;  /* of Loaded; last used last */
  GHashTable *seen;    /* real paths of the files scanned */
};

static void
loaded_free (gpointer data)
{
  Loaded *loaded = data;

  sag_segment_free (loaded->segment);
  sag_code_model_free (loaded->code);
  g_free (loaded);
}

/* --- finding ----------------------------------------------------------------------------- */

/* The plugins of the build folder the running program lies in, or NULL: it is at app/cli, ui or
 * tests/app there, and an installed program has no build.ninja above it. */
static char *
get_build_folder (void)
{
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = program != NULL ? g_path_get_dirname (program) : NULL;

  for (int up = 0; folder != NULL && up < 3; up++)
    {
      g_autofree char *mark = g_build_filename (folder, "build.ninja", NULL);
      char *parent;

      if (g_file_test (mark, G_FILE_TEST_EXISTS))
        return g_build_filename (folder, "plugins", NULL);
      parent = g_path_get_dirname (folder);
      g_free (folder);
      folder = parent;
    }
  return NULL;
}

char **
sag_plugin_host_get_default_folders (void)
{
  GPtrArray *folders = g_ptr_array_new ();
  const char *path = g_getenv ("SAG_PLUGIN_PATH");
  g_auto (GStrv) named = g_strsplit (path != NULL ? path : "", ":", -1);
  char *candidates[] = {
    g_build_filename (g_get_user_data_dir (), "sagitta", "plugins", NULL),
    g_strdup (SAG_PLUGIN_DIR),
    get_build_folder (),
  };

  for (int i = 0; named[i] != NULL; i++)
    if (named[i][0] != '\0' && g_file_test (named[i], G_FILE_TEST_IS_DIR))
      g_ptr_array_add (folders, g_strdup (named[i]));
  for (gsize i = 0; i < G_N_ELEMENTS (candidates); i++)
    if (candidates[i] != NULL && g_file_test (candidates[i], G_FILE_TEST_IS_DIR))
      g_ptr_array_add (folders, candidates[i]);
    else
      g_free (candidates[i]);
  g_ptr_array_add (folders, NULL);
  return (char **) g_ptr_array_free (folders, FALSE);
}

static int
compare_names (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* Names in a folder in alphabetical order, so that lists do not depend on the disk. */
static char **
list_folder (const char *folder)
{
  GPtrArray *names = g_ptr_array_new ();
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (name[0] != '.')
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (names, FALSE);
}

/* The usable entry with that id, or NULL. */
static const SagPluginEntry *
find_usable (const SagPluginHost *self, const char *id)
{
  for (guint i = 0; i < self->entries->len; i++)
    {
      const SagPluginEntry *entry = self->entries->pdata[i];

      if (entry->failure == NULL && strcmp (entry->recipe->id, id) == 0)
        return entry;
    }
  return NULL;
}

/* The only usable model whose id ends in '.' and `name`; NULL if there is none, or more than one. */
static const SagPluginEntry *
find_by_last_part (const SagPluginHost *self, const char *name)
{
  const SagPluginEntry *found = NULL;

  for (guint i = 0; i < self->entries->len; i++)
    {
      const SagPluginEntry *entry = self->entries->pdata[i];
      const char *dot = entry->failure == NULL ? strrchr (entry->recipe->id, '.') : NULL;

      if (dot == NULL || strcmp (dot + 1, name) != 0)
        continue;
      if (found != NULL)
        return NULL;
      found = entry;
    }
  return found;
}

/* Takes the entry; a second model of the same id is listed as a failure. */
static const SagPluginEntry *
add_entry (SagPluginHost *self, SagPluginEntry *entry)
{
  const SagPluginEntry *other = find_usable (self, entry->recipe->id);

  if (entry->failure == NULL && other != NULL)
    entry->failure = g_strdup_printf ("Another model has the same id: '%s' was found first",
                                      other->file);
  g_ptr_array_add (self->entries, entry);
  return entry;
}

static void
scan_key_file (SagPluginHost *self, const char *path)
{
  g_autofree char *stem = g_strndup (path, strlen (path) - strlen (".model"));
  g_autofree char *onnx = g_strconcat (stem, ".onnx", NULL);
  g_autofree char *id = g_path_get_basename (stem);
  GError *error = NULL;
  SagPluginEntry *entry = sag_keyfile_read (onnx, &error);

  if (entry == NULL)
    entry = sag_plugin_entry_new_failed (path, id, error);
  add_entry (self, entry);
}

/* FALSE for a file that was scanned before, by whatever way its folder was named. The file's own name
 * counts, not what it links to: weights stand beside the name. */
static gboolean
is_new (SagPluginHost *self, const char *folder, const char *name)
{
  char *real = realpath (folder, NULL);
  char *path = g_build_filename (real != NULL ? real : folder, name, NULL);

  free (real);
  return g_hash_table_add (self->seen, path);
}

/* One bundle: <name>/<name>.so, and key files. */
static void
scan_bundle (SagPluginHost *self, const char *folder, char **names)
{
  g_autofree char *canonical = g_canonicalize_filename (folder, NULL);
  g_autofree char *base = g_path_get_basename (canonical);
  g_autofree char *object = g_strconcat (base, ".so", NULL);

  for (int i = 0; names[i] != NULL; i++)
    {
      g_autofree char *path = g_build_filename (canonical, names[i], NULL);

      if (g_str_has_suffix (names[i], ".model"))
        {
          if (is_new (self, canonical, names[i]))
            scan_key_file (self, path);
        }
      else if (strcmp (names[i], object) == 0 && is_new (self, canonical, names[i]))
        {
          g_autoptr (GPtrArray) entries = g_ptr_array_new ();

          sag_plugin_load (path, entries);
          for (guint e = 0; e < entries->len; e++)
            add_entry (self, entries->pdata[e]);
        }
    }
}

static void
scan_folder (SagPluginHost *self, const char *folder)
{
  g_auto (GStrv) names = list_folder (folder);

  scan_bundle (self, folder, names);
  for (int i = 0; names[i] != NULL; i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);

      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        {
          g_auto (GStrv) inside = list_folder (path);

          scan_bundle (self, path, inside);
        }
    }
}

SagPluginHost *
sag_plugin_host_new (const char *const *folders)
{
  SagPluginHost *self = g_new0 (SagPluginHost, 1);
  g_auto (GStrv) defaults = NULL;

  self->entries = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_plugin_entry_free);
  self->loaded = g_ptr_array_new_with_free_func (loaded_free);
  self->seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (folders == NULL)
    {
      defaults = sag_plugin_host_get_default_folders ();
      folders = (const char *const *) defaults;
    }
  for (int i = 0; folders[i] != NULL; i++)
    scan_folder (self, folders[i]);
  return self;
}

void
sag_plugin_host_free (SagPluginHost *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->loaded);
  g_ptr_array_unref (self->entries);
  g_hash_table_unref (self->seen);
  g_free (self);
}

int
sag_plugin_host_get_n_entries (const SagPluginHost *self)
{
  return (int) self->entries->len;
}

const SagPluginEntry *
sag_plugin_host_get_entry (const SagPluginHost *self, int index)
{
  return self->entries->pdata[index];
}

/* The model of an .onnx file named on the command line. */
static const SagPluginEntry *
find_file (SagPluginHost *self, const char *path, GError **error)
{
  g_autofree char *onnx = g_canonicalize_filename (path, NULL);
  SagPluginEntry *entry;

  for (guint i = 0; i < self->entries->len; i++)
    {
      const SagPluginEntry *known = self->entries->pdata[i];

      if (known->failure == NULL && g_strcmp0 (known->onnx, onnx) == 0)
        return known;
    }
  if (!g_file_test (onnx, G_FILE_TEST_IS_REGULAR))
    {
      g_set_error (error, SAG_PLUGIN_ERROR, SAG_PLUGIN_ERROR_NOT_FOUND, _ ("There is no file '%s'"),
                   path);
      return NULL;
    }
  entry = sag_keyfile_read (onnx, error);
  if (entry != NULL)
    g_ptr_array_add (self->entries, entry);
  return entry;
}

const SagPluginEntry *
sag_plugin_host_find (SagPluginHost *self, const char *id, GError **error)
{
  const SagPluginEntry *entry = find_usable (self, id);
  g_autoptr (GString) known = g_string_new (NULL);
  g_autofree char *shown = sag_escape_name (id, -1);

  if (entry != NULL)
    return entry;
  if (g_str_has_suffix (id, ".onnx"))
    return find_file (self, id, error);
  for (guint i = 0; i < self->entries->len; i++)
    {
      entry = self->entries->pdata[i];
      if (entry->failure == NULL)
        g_string_append_printf (known, "%s%s", known->len > 0 ? ", " : "", entry->recipe->id);
      else if (strcmp (entry->recipe->id, id) == 0)
        {
          g_set_error (error, SAG_PLUGIN_ERROR, SAG_PLUGIN_ERROR_INVALID,
                       _ ("The model '%s' cannot be used: %s"), shown, entry->failure);
          return NULL;
        }
    }
  entry = find_by_last_part (self, id);
  if (entry != NULL)
    return entry;
  g_set_error (error, SAG_PLUGIN_ERROR, SAG_PLUGIN_ERROR_NOT_FOUND,
               "There is no model '%s'; there %s %s", shown, known->len > 0 ? "are" : "is",
               known->len > 0 ? known->str : "none at all");
  return NULL;
}

/* --- describing -------------------------------------------------------------------------- */

static GVariant *
describe_entry (const SagPluginEntry *entry)
{
  const SagRecipe *recipe = entry->recipe;
  GVariantDict dict;
  GVariantBuilder precisions;
  gint64 parameters;
  char sha256[65];

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "id", "s", recipe->id);
  g_variant_dict_insert (&dict, "name", "s", recipe->name);
  g_variant_dict_insert (&dict, "version", "s", recipe->version);
  g_variant_dict_insert (&dict, "modality", "s", recipe->modality);
  g_variant_dict_insert (&dict, "description", "s", entry->description);
  g_variant_dict_insert (&dict, "licence", "s", entry->licence);
  g_variant_dict_insert (&dict, "data", "s", entry->data);
  g_variant_dict_insert (&dict, "accuracy", "s", entry->accuracy);
  if (sag_plugin_entry_measure (entry, &parameters, sha256))
    {
      g_variant_dict_insert (&dict, "parameters", "x", parameters);
      g_variant_dict_insert (&dict, "sha256", "s", sha256);
    }
  g_variant_dict_insert (&dict, "folder", "s", entry->folder);
  g_variant_dict_insert (&dict, "failure", "s", entry->failure != NULL ? entry->failure : "");
  g_variant_builder_init (&precisions, G_VARIANT_TYPE ("as"));
  for (int p = 0; p < SAG_N_PRECISIONS; p++)
    if ((entry->precisions & (1u << p)) != 0)
      g_variant_builder_add (&precisions, "s", sag_precision_get_name (p));
  g_variant_dict_insert_value (&dict, "precisions", g_variant_builder_end (&precisions));
  g_variant_dict_insert_value (&dict, "labels",
                               sag_labels_to_variant (recipe->labels, recipe->n_labels));
  return g_variant_dict_end (&dict);
}

GVariant *
sag_plugin_host_describe (const SagPluginHost *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < self->entries->len; i++)
    g_variant_builder_add_value (&builder, describe_entry (self->entries->pdata[i]));
  return g_variant_builder_end (&builder);
}

/* --- running ----------------------------------------------------------------------------- */

static gboolean
check_precision (const SagPluginEntry *entry, SagPrecision precision, GError **error)
{
  g_autoptr (GString) names = g_string_new (NULL);

  if ((entry->precisions & (1u << precision)) != 0)
    return TRUE;
  for (int p = 0; p < SAG_N_PRECISIONS; p++)
    if ((entry->precisions & (1u << p)) != 0)
      g_string_append_printf (names, "%s%s", names->len > 0 ? ", " : "",
                              sag_precision_get_name (p));
  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
               _ ("The model '%s' does not run at %s; it runs at %s"), entry->recipe->id,
               sag_precision_get_name (precision), names->str);
  return FALSE;
}

/* The model at a precision: the one kept, or a new one. */
static Loaded *
load (SagPluginHost *self, const SagPluginEntry *entry, SagPrecision precision, GError **error)
{
  Loaded *loaded;

  if (!check_precision (entry, precision, error))
    return NULL;
  for (guint i = 0; i < self->loaded->len; i++)
    {
      loaded = self->loaded->pdata[i];
      if (loaded->entry == entry && loaded->precision == precision)
        {
          g_ptr_array_add (self->loaded, g_ptr_array_steal_index (self->loaded, i));
          return loaded;
        }
    }
  loaded = g_new0 (Loaded, 1);
  loaded->entry = entry;
  loaded->precision = precision;
  if (entry->onnx != NULL)
    {
      loaded->segment = sag_segment_new (entry->recipe, entry->onnx, precision, error);
      if (loaded->segment != NULL)
        sag_segment_set_ranges (loaded->segment, entry->ranges);
    }
  else
    loaded->code = sag_code_model_new (entry, precision, error);
  if (loaded->segment == NULL && loaded->code == NULL)
    {
      g_free (loaded);
      return NULL;
    }
  if (self->loaded->len == MAX_LOADED)
    g_ptr_array_remove_index (self->loaded, 0);
  g_ptr_array_add (self->loaded, loaded);
  return loaded;
}

gboolean
sag_plugin_host_bytes (SagPluginHost *self, const SagPluginEntry *entry, SagPrecision precision,
                       const SagGrid *grid, SagSegmentNeeds *needs, GError **error)
{
  Loaded *loaded = load (self, entry, precision, error);

  if (loaded == NULL)
    return FALSE;
  if (loaded->segment != NULL)
    {
      if (sag_segment_bytes (loaded->segment, grid, needs, error))
        return TRUE;
      g_prefix_error (error, _ ("Model '%s': "), entry->recipe->id);
      return FALSE;
    }
  sag_code_model_needs (grid, needs);
  return TRUE;
}

SagSegmentation *
sag_plugin_host_segment (SagPluginHost *self, const SagPluginEntry *entry, SagPrecision precision,
                         SagVolume *volume, const SagSegmentOptions *options, const SagTick *tick,
                         SagSegmentReport *report, GError **error)
{
  SagSegmentReport ignored;
  Loaded *loaded = load (self, entry, precision, error);
  SagSegmentation *result;
  GError *local = NULL;

  if (report == NULL)
    report = &ignored;
  memset (report, 0, sizeof *report);
  if (loaded == NULL)
    return NULL;
  if (loaded->code != NULL)
    return sag_code_model_segment (loaded->code, volume, options, tick, report, error);
  result = sag_segment_run (loaded->segment, volume, options, tick, report, &local);
  if (local != NULL && !g_error_matches (local, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_CANCELLED))
    g_prefix_error (&local, _ ("Model '%s': "), entry->recipe->id);
  if (local != NULL)
    g_propagate_error (error, local);
  return result;
}
