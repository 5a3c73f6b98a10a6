/* SPDX-License-Identifier: Apache-2.0
 *
 * cli.c: what the commands of sagitta-cli share.
 */
#include "app/cli/cli.h"

#include "app/dicom/instance.h"
#include "engine/base/error.h"
#include "engine/base/parallel.h"

#include <math.h>
#include <string.h>

gboolean
sag_cli_parse (int *argc, char ***argv, const GOptionEntry *entries, const char *arguments,
               const char *summary)
{
  g_autoptr (GOptionContext) context = g_option_context_new (arguments);
  g_autoptr (GError) error = NULL;
  const char *command = (*argv)[0];
  g_autofree char *program = g_strdup_printf ("sagitta-cli %s", command);

  g_set_prgname (program);
  g_option_context_set_summary (context, summary);
  if (entries != NULL)
    g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, &error))
    {
      g_printerr ("%s: %s; see %s --help\n", program, error->message, program);
      return FALSE;
    }
  /* GOption leaves a "--" in front of a name that begins with a dash. */
  for (int n = 1; n < *argc; n++)
    if (strcmp ((*argv)[n], "--") == 0)
      {
        memmove (&(*argv)[n], &(*argv)[n + 1], (gsize) (*argc - n) * sizeof **argv);
        (*argc)--;
        break;
      }
  return TRUE;
}

int
sag_cli_fail (const char *command, GError *error)
{
  g_autofree char *text = g_utf8_make_valid (error != NULL ? error->message : "failed", -1);

  /* One sentence, whatever is in the name of a file; a list of choices has its lines. */
  if (!g_error_matches (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_AMBIGUOUS))
    g_strdelimit (text, "\n", '?');
  g_printerr ("sagitta-cli %s: %s\n", command, text);
  g_clear_error (&error);
  return 1;
}

int
sag_cli_usage (const char *command)
{
  g_printerr ("sagitta-cli %s: an argument is missing or one too many; see sagitta-cli %s --help\n", command,
              command);
  return 2;
}

int
sag_cli_misuse (const char *command, const char *sentence)
{
  g_printerr ("sagitta-cli %s: %s; see sagitta-cli %s --help\n", command, sentence, command);
  return 2;
}

void
sag_json_string (JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name (builder, name);
  sag_json_add_string (builder, value);
}

void
sag_json_add_string (JsonBuilder *builder, const char *value)
{
  g_autofree char *valid = g_utf8_make_valid (value != NULL ? value : "", -1);

  json_builder_add_string_value (builder, valid);
}

void
sag_json_strings (JsonBuilder *builder, const char *name, const char *const *values)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_array (builder);
  for (; values != NULL && *values != NULL; values++)
    sag_json_add_string (builder, *values);
  json_builder_end_array (builder);
}

void
sag_json_int (JsonBuilder *builder, const char *name, gint64 value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

static void
add_double (JsonBuilder *builder, double value)
{
  if (isfinite (value))
    json_builder_add_double_value (builder, value);
  else
    json_builder_add_null_value (builder);
}

void
sag_json_double (JsonBuilder *builder, const char *name, double value)
{
  json_builder_set_member_name (builder, name);
  add_double (builder, value);
}

void
sag_json_rounded (JsonBuilder *builder, const char *name, double value)
{
  sag_json_double (builder, name, round (value * 1000) / 1000);
}

void
sag_json_boolean (JsonBuilder *builder, const char *name, gboolean value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_boolean_value (builder, value);
}

void
sag_json_doubles (JsonBuilder *builder, const char *name, const double *values, int n)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_array (builder);
  for (int i = 0; i < n; i++)
    add_double (builder, values[i]);
  json_builder_end_array (builder);
}

static void
append_shortest (GString *to, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd (text, sizeof text, "%.15g", value);
  if (g_ascii_strtod (text, NULL) != value)
    g_ascii_formatd (text, sizeof text, "%.16g", value);
  if (g_ascii_strtod (text, NULL) != value)
    g_ascii_dtostr (text, sizeof text, value);
  g_string_append (to, text);
  if (strpbrk (text, ".e") == NULL)
    g_string_append (to, ".0"); /* it stays a double to those who tell them from integers */
}

void
sag_cli_print_json (JsonBuilder *builder)
{
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autofree char *text = json_to_string (root, FALSE);
  g_autoptr (GString) shown = g_string_new (NULL);
  gboolean in_string = FALSE;

  /* JSON-GLib always prints 17 digits: 0.1 would be 0.10000000000000001. */
  for (const char *p = text; *p != '\0';)
    {
      gsize n = in_string || (*p != '-' && !g_ascii_isdigit (*p)) ? 0 : strspn (p, "+-.0123456789eE");

      if (n > 0 && memchr (p, '.', n) != NULL)
        append_shortest (shown, g_ascii_strtod (p, NULL));
      else
        {
          in_string ^= *p == '"';
          n = MAX (n, in_string && *p == '\\' ? 2 : 1);
          g_string_append_len (shown, p, (gssize) n);
        }
      p += n;
    }
  g_print ("%s\n", shown->str);
  g_object_unref (builder);
}

void
sag_cli_set_threads (int n_threads)
{
  if (n_threads > 0)
    sag_parallel_own (SAG_TEAM_COMPUTE, n_threads);
}

gboolean
sag_cli_parse_size (const char *text, gsize *bytes, GError **error)
{
  static const char units[] = "KMGT";
  char *end;
  const char *unit;
  double size;

  *bytes = 0;
  if (text == NULL)
    return TRUE;
  size = g_ascii_strtod (text, &end);
  unit = *end != '\0' ? strchr (units, g_ascii_toupper (*end)) : NULL;
  for (int i = -1; i < (unit != NULL ? (int) (unit - units) : 1); i++)
    size *= 1024;
  if (unit != NULL)
    end++;
  if (end == text || !(*end == '\0' || strcmp (end, "B") == 0 || strcmp (end, "iB") == 0)
      || !(size >= 1 && size < 9e18))
    {
      g_autofree char *escaped = sag_escape_name (text, -1);

      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "'%s' is no size; write 512M or 2G, for example", escaped);
      return FALSE;
    }
  *bytes = (gsize) size;
  return TRUE;
}
