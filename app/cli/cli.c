/* SPDX-License-Identifier: Apache-2.0
 *
 * cli.c: what the commands of sagitta-cli share.
 */
#include "app/cli/cli.h"

#include "engine/base/parallel.h"

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
