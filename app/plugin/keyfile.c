/* SPDX-License-Identifier: Apache-2.0
 *
 * keyfile.c: models without a line of C.
 */
#include "app/plugin/keyfile.h"

#include "app/plugin/host.h"
#include "engine/base/error.h"

#include <string.h>

#define MAX_FILE (1024 * 1024)

/* How a key's text becomes a field of the recipe. */
typedef enum
{
  TEXT,    /* char * */
  REAL,    /* float */
  REALS,   /* float [n] */
  DOUBLES, /* double [n] */
  INT,     /* int */
  INTS,    /* int [n] */
  FLAG,    /* gboolean */
  CHOICE,  /* enum: position in `words` */
  SET,     /* bits: positions in `words` */
  LETTERS, /* char [4] */
} Kind;

typedef struct
{
  const char *group, *key;
  Kind        kind;
  gsize       offset; /* in SagRecipe */
  int         n;      /* of lists */
  const char *words;  /* of choices, separated by spaces */
} Key;

#define FIELD(name) G_STRUCT_OFFSET (SagRecipe, name)

static const Key keys[] = {
  { "model", "id", TEXT, FIELD (id) },
  { "model", "name", TEXT, FIELD (name) },
  { "model", "version", TEXT, FIELD (version) },
  { "model", "modality", TEXT, FIELD (modality) },

  { "input", "spacing", DOUBLES, FIELD (spacing), 3 },
  { "input", "orientation", LETTERS, FIELD (orientation) },
  { "input", "patch", INTS, FIELD (patch), 3 },
  { "input", "overlap", REAL, FIELD (overlap) },
  { "input", "neighbours", INT, FIELD (neighbours) },
  { "input", "fit", CHOICE, FIELD (fit), 0, "spacing stretch inside" },
  { "input", "padding", CHOICE, FIELD (padding), 0, "lowest zero edge" },
  { "input", "normalise", CHOICE, FIELD (normalise), 0,
    "fixed zscore zscore-nonzero minmax percentile" },
  { "input", "per-slice", FLAG, FIELD (per_slice) },
  { "input", "clip", REALS, FIELD (clip), 2 },
  { "input", "mean", REAL, FIELD (mean) },
  { "input", "std", REAL, FIELD (std) },
  { "input", "percentile", REALS, FIELD (percentile), 2 },

  { "output", "name", TEXT, FIELD (output_name) },
  { "output", "kind", CHOICE, FIELD (output), 0, "softmax sigmoid probabilities argmax" },
  { "output", "temperature", REALS, FIELD (temperature), SAG_N_PRECISIONS },
  { "output", "finish", SET, FIELD (clean), 0, "keep-largest fill-holes" },

  { "trained-on", "spacing-min", DOUBLES, FIELD (spacing_min), 3 },
  { "trained-on", "spacing-max", DOUBLES, FIELD (spacing_max), 3 },
  { "trained-on", "intensity", REALS, FIELD (intensity), 2 },
  { "trained-on", "planes", TEXT, FIELD (planes) },
};

/* Keys that are not fields of the recipe. */
static const char *const other_keys[][2] = {
  { "model", "description" },
  { "model", "card" },
  { "model", "precisions" },
  { "model", "licence" },
  { "model", "accuracy" },
  { "trained-on", "data" },
  { "model", "ranges" },
};

static const char *const label_keys[] = { "name", "type", "category", "modifier", "colour" };

static gboolean
invalid (GError **error, const char *group, const char *key, const char *text, const char *expected)
{
  g_autofree char *shown = sag_escape_name (text, -1);

  g_set_error (error, SAG_PLUGIN_ERROR, SAG_PLUGIN_ERROR_INVALID,
               "[%s] %s: '%s' is not %s", group, key, shown, expected);
  return FALSE;
}

/* Position of `word` among `words`, or -1. */
static int
find_word (const char *words, const char *word)
{
  g_auto (GStrv) list = g_strsplit (words, " ", -1);

  for (int i = 0; list[i] != NULL; i++)
    if (strcmp (list[i], word) == 0)
      return i;
  return -1;
}

static gboolean
parse_choices (const Key *key, const char *text, gpointer field, GError **error)
{
  g_auto (GStrv) list = g_strsplit (text, ";", -1);
  g_autofree char *expected = g_strdelimit (g_strdup (key->words), " ", '/');
  guint set = 0;

  if (key->kind == CHOICE && g_strv_length (list) != 1)
    return invalid (error, key->group, key->key, text, expected);
  for (int i = 0; list[i] != NULL; i++)
    {
      int at = find_word (key->words, g_strstrip (list[i]));

      if (list[i][0] == '\0' && key->kind == SET)
        continue;
      if (at < 0)
        return invalid (error, key->group, key->key, list[i], expected);
      set |= 1u << at;
      if (key->kind == CHOICE)
        *(guint *) field = (guint) at;
    }
  if (key->kind == SET)
    *(guint *) field = set;
  return TRUE;
}

/* `text` as numbers separated by ';': exactly n, or one for all of them if `spread`. */
static gboolean
parse_numbers (const Key *key, const char *text, int n, gboolean spread, double *numbers,
               GError **error)
{
  g_autofree char *expected =
      g_strdup_printf (n == 1 ? "a number" : "%d numbers separated by ';'", n);
  g_autofree char *trimmed = g_strstrip (g_strdup (text));
  g_auto (GStrv) list = NULL;
  int count;

  if (g_str_has_suffix (trimmed, ";"))
    trimmed[strlen (trimmed) - 1] = '\0';
  list = g_strsplit (trimmed, ";", -1);
  count = (int) g_strv_length (list);
  if (count != n && !(spread && count == 1))
    return invalid (error, key->group, key->key, text, expected);
  for (int i = 0; i < n; i++)
    {
      char *part = g_strstrip (list[count == 1 ? 0 : i]), *end;

      numbers[i] = g_ascii_strtod (part, &end);
      if (end == part || *end != '\0')
        return invalid (error, key->group, key->key, text, expected);
    }
  return TRUE;
}

static gboolean
parse_key (const Key *key, const char *text, SagRecipe *recipe, GError **error)
{
  gpointer field = G_STRUCT_MEMBER_P (recipe, key->offset);
  int n = MAX (key->n, 1);
  double numbers[4];

  switch (key->kind)
    {
    case TEXT:
      g_free (*(char **) field);
      *(char **) field = g_strdup (text);
      return TRUE;
    case CHOICE:
    case SET:
      return parse_choices (key, text, field, error);
    case FLAG:
      *(gboolean *) field = strcmp (text, "true") == 0;
      return *(gboolean *) field || strcmp (text, "false") == 0
             || invalid (error, key->group, key->key, text, "true or false");
    case LETTERS:
      if (strlen (text) != 3)
        return invalid (error, key->group, key->key, text, "three letters such as LPS");
      memcpy (field, text, 4);
      return TRUE;
    default:
      break;
    }
  /* One temperature serves every precision. */
  if (!parse_numbers (key, text, n, strcmp (key->key, "temperature") == 0, numbers, error))
    return FALSE;
  for (int i = 0; i < n; i++)
    if (key->kind == DOUBLES)
      ((double *) field)[i] = numbers[i];
    else if (key->kind == REAL || key->kind == REALS)
      ((float *) field)[i] = (float) numbers[i];
    else if (!(numbers[i] >= G_MININT && numbers[i] <= G_MAXINT) || numbers[i] != (int) numbers[i])
      return invalid (error, key->group, key->key, text, "made of whole numbers");
    else
      ((int *) field)[i] = (int) numbers[i];
  return TRUE;
}

/* --- labels ------------------------------------------------------------------------------ */

static gboolean
parse_colour (const char *group, const char *text, guint8 rgb[3], GError **error)
{
  guint64 value;

  if (strlen (text) != 7 || text[0] != '#'
      || !g_ascii_string_to_unsigned (text + 1, 16, 0, 0xffffff, &value, NULL))
    return invalid (error, group, "colour", text, "a colour such as #dd8265");
  for (int i = 0; i < 3; i++)
    rgb[i] = (guint8) (value >> (16 - 8 * i));
  return TRUE;
}

static char *
get_text (GKeyFile *file, const char *group, const char *key)
{
  char *text = g_key_file_get_string (file, group, key, NULL);

  return text != NULL ? g_strchomp (text) : NULL;
}

/* "[label 3]" */
static gboolean
parse_label (GKeyFile *file, const char *group, int index, SagLabel *label, GError **error)
{
  g_autofree char *name = get_text (file, group, "name");
  g_autofree char *type = get_text (file, group, "type");
  g_autofree char *category = get_text (file, group, "category");
  g_autofree char *modifier = get_text (file, group, "modifier");
  g_autofree char *colour = get_text (file, group, "colour");
  guint64 value;

  memset (label, 0, sizeof *label);
  if (!g_ascii_string_to_unsigned (group + strlen ("label "), 10, 1, 255, &value, NULL))
    return invalid (error, group, "value", group + strlen ("label "), "1 to 255");
  label->value = (guint8) value;
  if (name == NULL || name[0] == '\0' || strlen (name) >= sizeof label->name)
    return invalid (error, group, "name", name != NULL ? name : "", "a name of 1 to 64 bytes");
  strcpy (label->name, name);
  sag_label_default_colour (index, label->rgb);
  return (colour == NULL || parse_colour (group, colour, label->rgb, error))
         && sag_plugin_parse_code (type, name, "type", &label->type, error)
         && sag_plugin_parse_code (category != NULL ? category
                                                    : "SCT:123037004:Anatomical Structure",
                                   name, "category", &label->category, error)
         && sag_plugin_parse_code (modifier, name, "modifier", &label->modifier, error);
}

/* --- the file ---------------------------------------------------------------------------- */

static gboolean
is_known (const char *group, const char *key)
{
  if (g_str_has_prefix (group, "label "))
    {
      for (gsize i = 0; i < G_N_ELEMENTS (label_keys); i++)
        if (strcmp (key, label_keys[i]) == 0)
          return TRUE;
      return FALSE;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    if (strcmp (group, keys[i].group) == 0 && strcmp (key, keys[i].key) == 0)
      return TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS (other_keys); i++)
    if (strcmp (group, other_keys[i][0]) == 0 && strcmp (key, other_keys[i][1]) == 0)
      return TRUE;
  return FALSE;
}

/* Every key is known, and none occurs in a group of another name. */
static gboolean
check_keys (GKeyFile *file, GError **error)
{
  g_auto (GStrv) groups = g_key_file_get_groups (file, NULL);

  for (int g = 0; groups[g] != NULL; g++)
    {
      g_auto (GStrv) names = g_key_file_get_keys (file, groups[g], NULL, NULL);

      for (int k = 0; names != NULL && names[k] != NULL; k++)
        if (!is_known (groups[g], names[k]))
          {
            g_autofree char *group = sag_escape_name (groups[g], -1);
            g_autofree char *name = sag_escape_name (names[k], -1);

            g_set_error (error, SAG_PLUGIN_ERROR, SAG_PLUGIN_ERROR_INVALID,
                         "[%s] %s: there is no such key; see plugins/README.md", group, name);
            return FALSE;
          }
    }
  return TRUE;
}

static gboolean
parse_recipe (GKeyFile *file, SagRecipe *recipe, GError **error)
{
  g_auto (GStrv) groups = g_key_file_get_groups (file, NULL);
  g_autoptr (GArray) labels = g_array_new (FALSE, FALSE, sizeof (SagLabel));

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autofree char *text = get_text (file, keys[i].group, keys[i].key);

      if (text != NULL && !parse_key (&keys[i], text, recipe, error))
        return FALSE;
    }
  recipe->has_clip = g_key_file_has_key (file, "input", "clip", NULL);
  for (int i = 0; i < SAG_N_PRECISIONS; i++)
    recipe->calibrated[i] = g_key_file_has_key (file, "output", "temperature", NULL);
  for (int g = 0; groups[g] != NULL; g++)
    if (g_str_has_prefix (groups[g], "label "))
      {
        SagLabel label;

        if (!parse_label (file, groups[g], (int) labels->len, &label, error))
          return FALSE;
        g_array_append_val (labels, label);
      }
  recipe->n_labels = (int) labels->len;
  recipe->labels = (SagLabel *) (gpointer) g_array_free (g_steal_pointer (&labels), FALSE);
  return sag_recipe_validate (recipe, error);
}

static void
read_line (GKeyFile *file, const char *group, const char *key, char **line)
{
  char *text = get_text (file, group, key);

  if (text == NULL)
    return;
  g_free (*line);
  *line = text;
}

/* Precisions, description and card; and names where the file gives none. */
static gboolean
parse_entry (GKeyFile *file, SagPluginEntry *entry, GError **error)
{
  SagRecipe *recipe = entry->recipe;
  g_auto (GStrv) precisions = g_key_file_get_string_list (file, "model", "precisions", NULL, NULL);
  g_autofree char *base = g_path_get_basename (entry->onnx);
  g_autofree char *card = get_text (file, "model", "card");
  g_autofree char *ranges = get_text (file, "model", "ranges");
  g_autofree char *description = get_text (file, "model", "description");

  *strrchr (base, '.') = '\0';
  if (recipe->id[0] == '\0')
    {
      g_autofree char *down = g_ascii_strdown (base, -1);

      g_free (recipe->id);
      recipe->id = g_strconcat (
          "local.", g_strcanon (down, "abcdefghijklmnopqrstuvwxyz0123456789.-", '-'), NULL);
    }
  if (recipe->name[0] == '\0')
    {
      g_free (recipe->name);
      recipe->name = g_utf8_make_valid (base, -1);
    }
  if (recipe->version[0] == '\0')
    {
      g_free (recipe->version);
      recipe->version = g_strdup ("0");
    }
  if (description != NULL)
    {
      g_free (entry->description);
      entry->description = g_steal_pointer (&description);
    }
  read_line (file, "model", "licence", &entry->licence);
  read_line (file, "model", "accuracy", &entry->accuracy);
  read_line (file, "trained-on", "data", &entry->data);
  if (card != NULL && strchr (card, '/') == NULL)
    entry->card = g_build_filename (entry->folder, card, NULL);
  if (ranges != NULL && (strchr (ranges, '/') != NULL || ranges[0] == '\0'))
    return invalid (error, "model", "ranges", ranges, "the name of a file beside the model");
  if (ranges != NULL)
    entry->ranges = g_build_filename (entry->folder, ranges, NULL);
  for (int i = 0; precisions != NULL && precisions[i] != NULL; i++)
    {
      SagPrecision precision;

      if (!sag_precision_from_name (g_strstrip (precisions[i]), &precision, error))
        return FALSE;
      entry->precisions |= 1u << precision;
    }
  /* Nobody has tried the others on this model. */
  if (entry->precisions == 0)
    entry->precisions = 1u << SAG_PRECISION_F32;
  if (strlen (recipe->name) > 64 || strlen (recipe->version) > 32 || strlen (recipe->modality) > 64)
    return invalid (error, "model", "name", recipe->name,
                    "short enough (64 bytes; version 32, modality 64)");
  return sag_plugin_check_id (recipe->id, error);
}

SagPluginEntry *
sag_keyfile_parse (const char *data, gsize length, const char *onnx, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) local = NULL;
  SagPluginEntry *entry;

  if (length > MAX_FILE || !g_utf8_validate_len (data, length, NULL)
      || !g_key_file_load_from_data (file, data, length, G_KEY_FILE_NONE, &local))
    {
      g_set_error (error, SAG_PLUGIN_ERROR, SAG_PLUGIN_ERROR_INVALID, "It is not a key file: %s",
                   local != NULL ? local->message : "not UTF-8, or too large");
      return NULL;
    }
  entry = sag_plugin_entry_new (onnx);
  entry->onnx = g_strdup (onnx);
  if (check_keys (file, error) && parse_recipe (file, entry->recipe, error)
      && parse_entry (file, entry, error))
    return entry;
  sag_plugin_entry_free (entry);
  return NULL;
}

char *
sag_keyfile_get_path (const char *onnx)
{
  gsize stem = g_str_has_suffix (onnx, ".onnx") ? strlen (onnx) - strlen (".onnx") : strlen (onnx);

  return g_strdup_printf ("%.*s.model", (int) stem, onnx);
}

SagPluginEntry *
sag_keyfile_read (const char *onnx, GError **error)
{
  g_autofree char *path = sag_keyfile_get_path (onnx);
  g_autofree char *data = NULL;
  gsize length;
  SagPluginEntry *entry;

  if (!g_file_test (onnx, G_FILE_TEST_IS_REGULAR))
    {
      g_set_error (error, SAG_PLUGIN_ERROR, SAG_PLUGIN_ERROR_INVALID,
                   "'%s' describes a network, but there is no '%s' beside it", path, onnx);
      return NULL;
    }
  if (!g_file_get_contents (path, &data, &length, NULL))
    {
      g_set_error (error, SAG_PLUGIN_ERROR, SAG_PLUGIN_ERROR_INVALID,
                   "There is no key file '%s' that says what the network wants; plugins/README.md "
                   "tells how to write one", path);
      return NULL;
    }
  entry = sag_keyfile_parse (data, length, onnx, error);
  if (entry == NULL)
    g_prefix_error (error, "%s: ", path);
  return entry;
}
