/* SPDX-License-Identifier: Apache-2.0
 *
 * load.c: a plugin's shared object, opened and distrusted.
 */
#include "app/plugin/load.h"

#include "app/plugin/host.h"
#include "engine/base/error.h"

#include <dlfcn.h>
#include <fenv.h>
#include <string.h>

#define MAX_STRING 1024
#define MAX_STRUCT 65536 /* no version of a struct will be larger: a size beyond is not a size */
#define MAX_MODELS 64

static gboolean invalid (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
invalid (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  if (error != NULL)
    *error = g_error_new_valist (SAG_PLUGIN_ERROR, SAG_PLUGIN_ERROR_INVALID, format, arguments);
  va_end (arguments);
  return FALSE;
}

/* A string of `least` to `most` bytes without control characters but newline. */
static gboolean
check_string (const char *text, const char *what, gsize least, gsize most, GError **error)
{
  gsize length;

  if (text == NULL)
    return invalid (error, "%s: it is NULL", what);
  length = strnlen (text, MAX_STRING);
  if (length < least || length > most)
    return invalid (error, "%s: it has %s%d bytes, not %d to %d", what,
                    length == MAX_STRING ? "at least " : "", (int) length, (int) least, (int) most);
  if (!g_utf8_validate (text, (gssize) length, NULL))
    return invalid (error, "%s: it is not UTF-8", what);
  for (gsize i = 0; i < length; i++)
    if ((guchar) text[i] < 32 && text[i] != '\n')
      return invalid (error, "%s: it contains a control character", what);
  return TRUE;
}

/* A size tag that reaches to the end of the last field this ABI asks for. */
static gboolean
check_size (guint32 size, gsize least, const char *what, GError **error)
{
  if (size >= least && size <= MAX_STRUCT)
    return TRUE;
  return invalid (error,
                  "%s: its size is %u, but ABI %u needs at least %u; compile it against this "
                  "sagitta-plugin.h",
                  what, size, SAG_PLUGIN_ABI, (guint) least);
}

#define LEAST(type, field) (G_STRUCT_OFFSET (type, field) + sizeof (((type *) NULL)->field))

static void
set_string (char **field, const char *text)
{
  g_free (*field);
  *field = g_strdup (text);
}

/* A file name inside the folder. */
static gboolean
check_file_name (const char *name, const char *what, GError **error)
{
  if (!check_string (name, what, 1, 255, error))
    return FALSE;
  return strchr (name, '/') == NULL || invalid (error, "%s: '%s' leads out of the plugin's folder",
                                                what, name);
}

/* --- labels ------------------------------------------------------------------------------ */

static gboolean
check_code (const char *text, const char *what, GError **error)
{
  return text == NULL || check_string (text, what, 3, 127, error);
}

static gboolean
read_label (const sag_label *from, int index, SagLabel *to, GError **error)
{
  const char *category = "SCT:123037004:Anatomical Structure", *modifier = NULL;

  memset (to, 0, sizeof *to);
  if (!check_size (from->size, LEAST (sag_label, rgba), "label", error))
    return FALSE;
  if (from->value < 1 || from->value > 255)
    return invalid (error, "label: value %u is not 1 to 255", from->value);
  if (!check_string (from->name, "label name", 1, sizeof to->name - 1, error)
      || !check_code (from->type, "label type", error))
    return FALSE;
  if (SAG_HAS (from, category) && from->category != NULL)
    category = from->category;
  if (SAG_HAS (from, modifier))
    modifier = from->modifier;
  if (!check_code (category, "label category", error)
      || !check_code (modifier, "label modifier", error))
    return FALSE;
  to->value = (guint8) from->value;
  strcpy (to->name, from->name);
  if (from->rgba[3] == 0)
    sag_label_default_colour (index, to->rgb);
  else
    memcpy (to->rgb, from->rgba, sizeof to->rgb);
  return sag_plugin_parse_code (from->type, to->name, "label type", &to->type, error)
         && sag_plugin_parse_code (category, to->name, "label category", &to->category, error)
         && sag_plugin_parse_code (modifier, to->name, "label modifier", &to->modifier, error);
}

static gboolean
read_labels (const sag_label *const *labels, SagRecipe *recipe, GError **error)
{
  if (labels == NULL)
    return invalid (error, "labels: it is NULL");
  recipe->labels = g_new0 (SagLabel, 255);
  for (int i = 0; labels[i] != NULL; i++)
    {
      if (i == 255)
        return invalid (error, "labels: there are more than 255");
      if (!read_label (labels[i], i, &recipe->labels[i], error))
        return FALSE;
      recipe->n_labels = i + 1;
    }
  return recipe->n_labels > 0 || invalid (error, "labels: there are none");
}

/* --- the network ------------------------------------------------------------------------- */

/* One of 0 .. n - 1. */
static gboolean
check_choice (guint32 value, guint32 n, const char *what, GError **error)
{
  return value < n || invalid (error, "%s: %u is not known to ABI %u", what, value, SAG_PLUGIN_ABI);
}

/* Fields of `net` that an early compilation may lack. */
static gboolean
read_net_options (const sag_net *net, SagRecipe *recipe, GError **error)
{
  if (SAG_HAS (net, output))
    {
      if (!check_choice (net->output, SAG_N_NET_OUTPUTS, "output", error))
        return FALSE;
      recipe->output = net->output;
    }
  if (SAG_HAS (net, padding))
    {
      if (!check_choice (net->padding, SAG_N_PADDINGS, "padding", error))
        return FALSE;
      recipe->padding = net->padding;
    }
  if (SAG_HAS (net, fit))
    {
      if (!check_choice (net->fit, SAG_N_FITS, "fit", error))
        return FALSE;
      recipe->fit = net->fit;
    }
  if (SAG_HAS (net, finish))
    {
      if (!check_choice (net->finish, (SAG_KEEP_LARGEST | SAG_FILL_HOLES) + 1, "finish", error))
        return FALSE;
      recipe->clean = net->finish;
    }
  if (SAG_HAS (net, clip) && (net->clip[0] != 0 || net->clip[1] != 0))
    {
      recipe->has_clip = TRUE;
      memcpy (recipe->clip, net->clip, sizeof recipe->clip);
    }
  if (SAG_HAS (net, mean))
    recipe->mean = net->mean;
  if (SAG_HAS (net, std) && net->std != 0)
    recipe->std = net->std;
  if (SAG_HAS (net, percentile) && (net->percentile[0] != 0 || net->percentile[1] != 0))
    memcpy (recipe->percentile, net->percentile, sizeof recipe->percentile);
  for (int i = 0; SAG_HAS (net, temperature) && i < SAG_N_PRECISIONS; i++)
    if (net->temperature[i] != 0)
      {
        recipe->temperature[i] = net->temperature[i];
        recipe->calibrated[i] = TRUE;
      }
  return TRUE;
}

static gboolean
read_net (const sag_net *net, SagPluginEntry *entry, GError **error)
{
  SagRecipe *recipe = entry->recipe;

  if (!check_size (net->size, LEAST (sag_net, neighbours), "net", error)
      || !check_file_name (net->onnx, "onnx", error)
      || !check_choice (net->normalise & ~(guint32) SAG_PER_SLICE, SAG_N_NORMALISES, "normalise",
                        error))
    return FALSE;
  if (net->output_name != NULL && !check_string (net->output_name, "output_name", 1, 255, error))
    return FALSE;
  set_string (&recipe->output_name, net->output_name != NULL ? net->output_name : "");
  recipe->normalise = net->normalise & ~(guint32) SAG_PER_SLICE;
  recipe->per_slice = (net->normalise & SAG_PER_SLICE) != 0;
  memcpy (recipe->spacing, net->spacing, sizeof recipe->spacing);
  memcpy (recipe->orientation, net->orientation, sizeof recipe->orientation);
  for (int a = 0; a < 3; a++)
    recipe->patch[a] = net->patch[a];
  recipe->overlap = net->overlap;
  recipe->neighbours = (int) MIN (net->neighbours, G_MAXINT);
  if (!read_net_options (net, recipe, error))
    return FALSE;
  entry->onnx = g_build_filename (entry->folder, net->onnx, NULL);
  if (!g_file_test (entry->onnx, G_FILE_TEST_IS_REGULAR))
    return invalid (error, "onnx: there is no file '%s' in the plugin's folder", net->onnx);
  return TRUE;
}

/* --- models ------------------------------------------------------------------------------ */

/* A line that may be NULL. */
static gboolean
read_line (const char *text, const char *what, char **line, GError **error)
{
  if (text == NULL)
    return TRUE;
  if (!check_string (text, what, 0, 255, error))
    return FALSE;
  set_string (line, text);
  return TRUE;
}

static gboolean
read_model (const sag_plugin_entry *code, const sag_model_info *info, SagPluginEntry *entry,
            GError **error)
{
  SagRecipe *recipe = entry->recipe;
  const guint32 all = SAG_F32 | SAG_BF16 | SAG_INT8 | SAG_INT4;

  if (!check_size (info->size, LEAST (sag_model_info, net), "model", error)
      || !check_string (info->id, "id", 3, 64, error) || !sag_plugin_check_id (info->id, error))
    return FALSE;
  set_string (&recipe->id, info->id);
  set_string (&recipe->name, info->id);
  if (!check_string (info->name, "name", 1, 64, error)
      || !check_string (info->version, "version", 1, 32, error)
      || !check_string (info->modality, "modality", 0, 64, error)
      || (info->description != NULL
          && !check_string (info->description, "description", 0, MAX_STRING - 1, error))
      || (info->card != NULL && !check_file_name (info->card, "card", error)))
    return FALSE;
  set_string (&recipe->name, info->name);
  set_string (&recipe->version, info->version);
  set_string (&recipe->modality, info->modality);
  set_string (&entry->description, info->description != NULL ? info->description : "");
  if (info->card != NULL)
    entry->card = g_build_filename (entry->folder, info->card, NULL);
  if ((info->precisions & all) == 0 || (info->precisions & ~all) != 0)
    return invalid (error, "precisions: 0x%x is not a set of those of ABI %u", info->precisions,
                    SAG_PLUGIN_ABI);
  entry->precisions = info->precisions;
  if (SAG_HAS (info, spacing_max))
    {
      memcpy (recipe->spacing_min, info->spacing_min, sizeof recipe->spacing_min);
      memcpy (recipe->spacing_max, info->spacing_max, sizeof recipe->spacing_max);
    }
  if (SAG_HAS (info, intensity))
    memcpy (recipe->intensity, info->intensity, sizeof recipe->intensity);
  if ((SAG_HAS (info, planes) && !read_line (info->planes, "planes", &recipe->planes, error))
      || (SAG_HAS (info, licence) && !read_line (info->licence, "licence", &entry->licence, error))
      || (SAG_HAS (info, data) && !read_line (info->data, "data", &entry->data, error))
      || (SAG_HAS (info, accuracy) && !read_line (info->accuracy, "accuracy", &entry->accuracy, error)))
    return FALSE;
  if (!read_labels (info->labels, recipe, error))
    return FALSE;
  if (info->net == NULL && code->create == NULL)
    return invalid (error, "net: it is NULL, and the plugin has no code either (create)");
  if (info->net != NULL && !read_net (info->net, entry, error))
    return FALSE;
  return sag_recipe_validate (recipe, error);
}

static gboolean
check_entry (const sag_plugin_entry *code, GError **error)
{
  if (!check_size (code->size, LEAST (sag_plugin_entry, create), "sag_plugin", error))
    return FALSE;
  if (code->abi != SAG_PLUGIN_ABI)
    return invalid (error, "It is written for plugin ABI %u, this program has ABI %u", code->abi,
                    SAG_PLUGIN_ABI);
  if (code->models == NULL || code->models[0] == NULL)
    return invalid (error, "models: there are none");
  return TRUE;
}

/* The file's name without ".so": what a plugin is called that cannot say its id. */
static char *
file_stem (const char *file)
{
  char *stem = g_path_get_basename (file);

  if (g_str_has_suffix (stem, ".so"))
    stem[strlen (stem) - 3] = '\0';
  return stem;
}

void
sag_plugin_load_entry (const char *file, const sag_plugin_entry *code, GPtrArray *entries)
{
  g_autofree char *stem = file_stem (file);
  GError *error = NULL;

  if (!check_entry (code, &error))
    {
      g_ptr_array_add (entries, sag_plugin_entry_new_failed (file, stem, error));
      return;
    }
  for (int m = 0; code->models[m] != NULL && m < MAX_MODELS; m++)
    {
      SagPluginEntry *entry = sag_plugin_entry_new (file);

      entry->code = code;
      if (!read_model (code, code->models[m], entry, &error))
        {
          g_autofree char *id = g_strdup (entry->recipe->id[0] != '\0' ? entry->recipe->id : stem);

          sag_plugin_entry_free (entry);
          entry = sag_plugin_entry_new_failed (file, id, g_steal_pointer (&error));
        }
      g_ptr_array_add (entries, entry);
    }
}

static struct
{
  SagPluginOpening opening;
  gpointer         data;
  char           **avoided;
} watch;

void
sag_plugin_watch_opening (SagPluginOpening opening, gpointer data, const char *const *avoided)
{
  watch.opening = opening;
  watch.data = data;
  g_strfreev (watch.avoided);
  watch.avoided = g_strdupv ((char **) avoided);
}

/* Constructors and destructors of the object run in here; one that gcc links with -ffast-math makes the
 * processor drop small numbers, and every thread begun later would: the engine's bits would change. */
static void *
open_object (const char *file)
{
  void *object;
  fenv_t rounding;

  if (watch.opening != NULL)
    watch.opening (file, watch.data);
  fegetenv (&rounding);
  object = dlopen (file, RTLD_NOW | RTLD_LOCAL);
  fesetenv (&rounding);
  if (watch.opening != NULL)
    watch.opening (NULL, watch.data);
  return object;
}

void
sag_plugin_load (const char *file, GPtrArray *entries)
{
  g_autofree char *stem = file_stem (file);
  const sag_plugin_entry *code = NULL;
  GError *error = NULL;
  void *object = NULL;

  if (watch.avoided != NULL && g_strv_contains ((const char *const *) watch.avoided, file))
    invalid (&error, "It brought down the program that opened it, and is left alone until Sagitta is "
                     "started again");
  else if ((object = open_object (file)) == NULL)
    {
      g_autofree char *reason = g_utf8_make_valid (dlerror (), -1);

      invalid (&error, "It cannot be opened: %s", reason);
    }
  else
    {
      code = dlsym (object, "sag_plugin");
      if (code == NULL)
        invalid (&error, "It is not a Sagitta plugin: it exports no 'sag_plugin'");
    }
  if (error != NULL)
    {
      if (object != NULL)
        dlclose (object);
      g_ptr_array_add (entries, sag_plugin_entry_new_failed (file, stem, error));
      return;
    }
  sag_plugin_load_entry (file, code, entries);
}
