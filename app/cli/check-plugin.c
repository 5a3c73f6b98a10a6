/* SPDX-License-Identifier: Apache-2.0
 *
 * check-plugin.c: `sagitta-cli check-plugin`: does a plugin keep its contract?
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/plugin/check.h"

typedef struct
{
  JsonBuilder *json; /* NULL: text */
  int          n;
} Teller;

static void
tell (const SagCheck *check, gpointer data)
{
  Teller *teller = data;

  teller->n++;
  if (teller->json == NULL)
    {
      g_print ("%-4s %s: %s%s%s\n", check->failure == NULL ? "ok" : "FAIL", check->model,
               check->rule, check->failure != NULL ? ": " : "",
               check->failure != NULL ? check->failure : "");
      return;
    }
  json_builder_begin_object (teller->json);
  sag_json_string (teller->json, "model", check->model);
  sag_json_string (teller->json, "rule", check->rule);
  sag_json_boolean (teller->json, "holds", check->failure == NULL);
  if (check->failure != NULL)
    sag_json_string (teller->json, "failure", check->failure);
  json_builder_end_object (teller->json);
}

int
sag_command_check_plugin (int argc, char **argv)
{
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Print one line of JSON", NULL },
    { NULL }
  };
  Teller teller = { NULL };
  int failures;

  if (!sag_cli_parse (&argc, &argv, entries, "FOLDER",
                      "Tries every rule of sagitta-plugin.h on the models of one bundle: sizes, "
                      "strings, tiny and large volumes, cancelling at each step, two runs "
                      "compared. Exit status 1 if one is broken."))
    return 2;
  if (argc != 2)
    return sag_cli_usage (argv[0]);
  if (json)
    {
      teller.json = json_builder_new ();
      json_builder_begin_object (teller.json);
      json_builder_set_member_name (teller.json, "checks");
      json_builder_begin_array (teller.json);
    }
  failures = sag_plugin_check (argv[1], tell, &teller);
  if (json)
    {
      json_builder_end_array (teller.json);
      sag_json_int (teller.json, "failures", failures);
      json_builder_end_object (teller.json);
      sag_cli_print_json (teller.json);
    }
  else
    g_print ("%d of %d rules hold\n", teller.n - failures, teller.n);
  return failures > 0 ? 1 : 0;
}
