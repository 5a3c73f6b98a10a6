/* SPDX-License-Identifier: Apache-2.0
 *
 * entry.c: one model as listed.
 */
#include "app/plugin/entry.h"

#include "app/plugin/host.h"
#include "engine/base/error.h"
#include "engine/nn/onnx-model.h"

#include <string.h>

G_DEFINE_QUARK (sag-plugin-error-quark, sag_plugin_error)

SagPluginEntry *
sag_plugin_entry_new (const char *file)
{
  SagPluginEntry *self = g_new0 (SagPluginEntry, 1);

  self->file = g_strdup (file);
  self->folder = g_path_get_dirname (file);
  self->description = g_strdup ("");
  self->licence = g_strdup ("");
  self->data = g_strdup ("");
  self->accuracy = g_strdup ("");
  self->recipe = sag_recipe_new ();
  return self;
}

SagPluginEntry *
sag_plugin_entry_new_failed (const char *file, const char *id, GError *error)
{
  SagPluginEntry *self = sag_plugin_entry_new (file);

  g_free (self->recipe->id);
  self->recipe->id = sag_escape_name (id, -1);
  g_free (self->recipe->name);
  self->recipe->name = g_strdup (self->recipe->id);
  self->failure = g_strdup (error->message);
  g_error_free (error);
  return self;
}

void
sag_plugin_entry_free (SagPluginEntry *self)
{
  if (self == NULL)
    return;
  g_free (self->file);
  g_free (self->folder);
  g_free (self->failure);
  g_free (self->description);
  g_free (self->licence);
  g_free (self->data);
  g_free (self->accuracy);
  g_free (self->card);
  g_free (self->onnx);
  g_free (self->ranges);
  sag_recipe_free (self->recipe);
  g_free (self);
}

gboolean
sag_plugin_entry_measure (const SagPluginEntry *self, gint64 *parameters, char sha256[65])
{
  g_autoptr (GMappedFile) file =
      self->onnx != NULL ? g_mapped_file_new (self->onnx, FALSE, NULL) : NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autofree char *sum = NULL;

  if (file == NULL || g_mapped_file_get_length (file) > 256u << 20)
    return FALSE;
  bytes = g_mapped_file_get_bytes (file);
  sum = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes);
  g_strlcpy (sha256, sum, 65);
  *parameters = sag_onnx_count_parameters (bytes);
  return TRUE;
}

/* A code's part into a field of DICOM's length. FALSE if it is empty or too long. */
static gboolean
copy_part (const char *part, gsize length, char *field, gsize size)
{
  if (length == 0 || length >= size)
    return FALSE;
  memcpy (field, part, length);
  field[length] = '\0';
  return TRUE;
}

gboolean
sag_plugin_parse_code (const char *text, const char *name, const char *what, SagCode *code,
                       GError **error)
{
  const char *value, *meaning;
  gsize length;
  gboolean good;

  memset (code, 0, sizeof *code);
  if (text == NULL)
    return TRUE;
  value = strchr (text, ':');
  good =
      value != NULL && copy_part (text, (gsize) (value - text), code->scheme, sizeof code->scheme);
  if (good)
    {
      value++;
      meaning = strchr (value, ':');
      length = meaning != NULL ? (gsize) (meaning - value) : strlen (value);
      meaning = meaning != NULL ? meaning + 1 : name;
      good = copy_part (value, length, code->value, sizeof code->value)
             && copy_part (meaning, strlen (meaning), code->meaning, sizeof code->meaning);
    }
  if (!good)
    {
      g_autofree char *shown = sag_escape_name (text, -1);

      g_set_error (error, SAG_PLUGIN_ERROR, SAG_PLUGIN_ERROR_INVALID,
                   "%s: '%s' is not a code SCHEME:VALUE:MEANING (at most 16, 16 and 64 bytes)",
                   what, shown);
    }
  return good;
}

gboolean
sag_plugin_check_id (const char *id, GError **error)
{
  gsize length = strlen (id);

  if (length >= 3 && length <= 64
      && strspn (id, "abcdefghijklmnopqrstuvwxyz0123456789.-") == length)
    return TRUE;
  g_autofree char *shown = sag_escape_name (id, -1);
  g_set_error (error, SAG_PLUGIN_ERROR, SAG_PLUGIN_ERROR_INVALID,
               "id: '%s' is not 3 to 64 of a-z, 0-9, '.' and '-'", shown);
  return FALSE;
}
