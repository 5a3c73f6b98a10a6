/* SPDX-License-Identifier: Apache-2.0
 *
 * ranges.c: the table of static ranges, and its file.
 */
#include "engine/nn/ranges.h"

#include "engine/base/error.h"

#include <math.h>
#include <string.h>

#define MAX_FILE ((gsize) 64 << 20)
#define HEAD "sagitta-ranges 1"

typedef struct
{
  float least, most;
} Range;

struct _SagRanges
{
  char       *sha256, *method;
  int         samples;
  GPtrArray  *names;  /* owned char *, in the order they came */
  GHashTable *table;  /* borrowed name -> owned Range * */
};

SagRanges *
sag_ranges_new (const char *sha256, const char *method, int samples)
{
  SagRanges *self = g_new0 (SagRanges, 1);

  self->sha256 = g_strdup (sha256);
  self->method = g_strdup (method);
  self->samples = samples;
  self->names = g_ptr_array_new_with_free_func (g_free);
  self->table = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  return self;
}

void
sag_ranges_free (SagRanges *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->table);
  g_ptr_array_unref (self->names);
  g_free (self->sha256);
  g_free (self->method);
  g_free (self);
}

const char *
sag_ranges_get_sha256 (const SagRanges *self)
{
  return self->sha256;
}

int
sag_ranges_get_n (const SagRanges *self)
{
  return (int) self->names->len;
}

void
sag_ranges_set (SagRanges *self, const char *name, float least, float most)
{
  Range *range;
  char *key;

  if (!isfinite (least) || !isfinite (most) || least > most)
    return;
  range = g_hash_table_lookup (self->table, name);
  if (range == NULL)
    {
      range = g_new (Range, 1);
      key = g_strdup (name);
      g_ptr_array_add (self->names, key);
      g_hash_table_insert (self->table, key, range);
    }
  *range = (Range){ MIN (least, 0), MAX (most, 0) };
}

gboolean
sag_ranges_get (const SagRanges *self, const char *name, float *least, float *most)
{
  const Range *range = g_hash_table_lookup (self->table, name);

  if (range == NULL)
    return FALSE;
  *least = range->least;
  *most = range->most;
  return TRUE;
}

char *
sag_ranges_path_for (const char *model_path)
{
  gsize length = strlen (model_path);

  if (g_str_has_suffix (model_path, ".onnx"))
    length -= strlen (".onnx");
  return g_strdup_printf ("%.*s.ranges", (int) MIN (length, G_MAXINT), model_path);
}

char *
sag_ranges_to_text (const SagRanges *self)
{
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, HEAD "\nmodel %s\nmethod %s\nsamples %d\n", self->sha256,
                          self->method, self->samples);
  for (guint i = 0; i < self->names->len; i++)
    {
      const Range *range = g_hash_table_lookup (self->table, self->names->pdata[i]);
      g_autofree char *name = g_strescape (self->names->pdata[i], "\"");
      char least[G_ASCII_DTOSTR_BUF_SIZE], most[G_ASCII_DTOSTR_BUF_SIZE];

      /* nine digits read back as the same float */
      g_ascii_formatd (least, sizeof least, "%.9g", (double) range->least);
      g_ascii_formatd (most, sizeof most, "%.9g", (double) range->most);
      g_string_append_printf (text, "%s %s %s\n", least, most, name);
    }
  return g_string_free (text, FALSE);
}

/* --- reading ----------------------------------------------------------------------------- */

static gboolean
read_number (const char **at, float *value)
{
  char *end;
  double number = g_ascii_strtod (*at, &end);

  if (end == *at || *end != ' ' || !isfinite ((float) number))
    return FALSE;
  *at = end + 1;
  *value = (float) number;
  return TRUE;
}

/* A line behind the first. FALSE if it is neither a word of the head nor a range. */
static gboolean
read_line (SagRanges *self, const char *line)
{
  g_autofree char *name = NULL;
  float least, most;

  if (g_str_has_prefix (line, "model "))
    {
      g_free (self->sha256);
      self->sha256 = g_ascii_strdown (line + strlen ("model "), -1);
      return strlen (self->sha256) == 64
             && strspn (self->sha256, "0123456789abcdef") == 64;
    }
  if (g_str_has_prefix (line, "method "))
    {
      g_free (self->method);
      self->method = g_strdup (line + strlen ("method "));
      return TRUE;
    }
  if (g_str_has_prefix (line, "samples "))
    {
      self->samples = (int) CLAMP (g_ascii_strtoll (line + strlen ("samples "), NULL, 10), 0, G_MAXINT);
      return TRUE;
    }
  if (g_ascii_isalpha (line[0]) || line[0] == '\0')
    return TRUE;
  if (!read_number (&line, &least) || !read_number (&line, &most) || least > most || *line == '\0')
    return FALSE;
  name = g_strcompress (line);
  sag_ranges_set (self, name, least, most);
  return TRUE;
}

SagRanges *
sag_ranges_read (const char *path, GError **error)
{
  g_autoptr (SagRanges) self = sag_ranges_new ("", "", 0);
  g_autoptr (GError) local = NULL;
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, &local);
  g_autofree char *shown = sag_escape_name (path, -1), *text = NULL;
  g_auto (GStrv) lines = NULL;
  gsize length;

  if (file == NULL)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO, "The ranges '%s' cannot be read: %s",
                   shown, local->message);
      return NULL;
    }
  length = g_mapped_file_get_length (file);
  text = g_strndup (length > 0 ? g_mapped_file_get_contents (file) : "", MIN (length, MAX_FILE));
  lines = g_strsplit (text, "\n", -1);
  if (length > MAX_FILE || strlen (text) != length || lines[0] == NULL || strcmp (lines[0], HEAD) != 0)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "'%s' is not a file of static ranges: its first line is not '" HEAD "'", shown);
      return NULL;
    }
  for (int i = 1; lines[i] != NULL; i++)
    if (!read_line (self, lines[i]))
      {
        g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                     "Line %d of the ranges '%s' cannot be understood; make them anew with "
                     "'sagitta-cli calibrate'",
                     i + 1, shown);
        return NULL;
      }
  if (self->sha256[0] == '\0')
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "The ranges '%s' do not say to which model they belong; make them anew with "
                   "'sagitta-cli calibrate'", shown);
      return NULL;
    }
  return g_steal_pointer (&self);
}
