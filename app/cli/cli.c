/* SPDX-License-Identifier: Apache-2.0
 *
 * cli.c: what the commands of sagitta-cli share.
 */
#include "app/cli/cli.h"

#include "engine/base/parallel.h"

#include <math.h>

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
  return TRUE;
}

int
sag_cli_fail (const char *command, GError *error)
{
  g_printerr ("sagitta-cli %s: %s\n", command, error != NULL ? error->message : "failed");
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

void
sag_json_string (JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
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

void
sag_cli_print_json (JsonBuilder *builder)
{
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autofree char *text = json_to_string (root, FALSE);

  g_print ("%s\n", text);
  g_object_unref (builder);
}

void
sag_cli_set_threads (int n_threads)
{
  if (n_threads > 0)
    sag_parallel_own (SAG_TEAM_COMPUTE, n_threads);
}
