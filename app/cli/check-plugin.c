/* SPDX-License-Identifier: Apache-2.0
 *
 * check-plugin.c: `sagitta-cli check-plugin`: does a plugin keep its contract?
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/cli/trial.h"
#include "app/plugin/check.h"
#include "app/work/contain.h"

#include <string.h>

/* What a rule's outcome is said with. */
#define PATIENCE 30 /* seconds; the contract asks for a sign of life ten times a second */
#define BEGINS "begins"
#define HOLDS "holds"

typedef struct
{
  const char  *folder;
  SagTrial    *trial; /* in the child */
  JsonBuilder *json;  /* NULL: text */
  char        *model, *rule; /* that began and has not ended; or NULL */
  int          n, failures, patience;
} Checking;

/* --- in the child: what is tried ---------------------------------------------------------------- */

static void
say_begins (const char *model, const char *rule, gpointer data)
{
  Checking *checking = data;

  sag_trial_say (checking->trial, BEGINS, model, rule);
}

static void
go_on (gpointer data)
{
  Checking *checking = data;

  sag_trial_go_on (checking->trial);
}

static void
say_outcome (const SagCheck *check, gpointer data)
{
  Checking *checking = data;

  sag_trial_say (checking->trial, check->failure != NULL ? check->failure : HOLDS, check->model, check->rule);
}

static void
try_all (SagTrial *trial, gpointer data)
{
  Checking *checking = data;
  const SagCheckWatch watch = { say_begins, go_on, say_outcome, checking };
  const char *const readable[] = { checking->folder, NULL };

  checking->trial = trial;
  sag_contain_files (readable, NULL);
  sag_contain_calls ();
  sag_plugin_check (checking->folder, &watch);
}

/* --- in the parent: what is told ------------------------------------------------------------------ */

static void
tell (Checking *checking, const char *model, const char *rule, const char *failure)
{
  checking->n++;
  checking->failures += failure != NULL;
  if (checking->json == NULL)
    {
      g_print ("%-4s %s: %s%s%s\n", failure == NULL ? "ok" : "FAIL", model, rule, failure != NULL ? ": " : "",
               failure != NULL ? failure : "");
      return;
    }
  json_builder_begin_object (checking->json);
  sag_json_string (checking->json, "model", model);
  sag_json_string (checking->json, "rule", rule);
  sag_json_boolean (checking->json, "holds", failure == NULL);
  if (failure != NULL)
    sag_json_string (checking->json, "failure", failure);
  json_builder_end_object (checking->json);
}

static void
hear (const char *const words[3], gpointer data)
{
  Checking *checking = data;
  gboolean begins = strcmp (words[0], BEGINS) == 0;

  g_free (checking->model);
  g_free (checking->rule);
  checking->model = begins ? g_strdup (words[1]) : NULL;
  checking->rule = begins ? g_strdup (words[2]) : NULL;
  if (!begins)
    tell (checking, words[1], words[2], strcmp (words[0], HOLDS) == 0 ? NULL : words[0]);
}

/* Whatever the plugin did to the child is a rule broken. */
static void
check (Checking *checking)
{
  g_autofree char *ended = sag_trial_run (try_all, hear, checking, (guint) checking->patience);

  if (ended != NULL)
    {
      g_autofree char *failure = g_strdup_printf ("%s; what follows was not tried", ended);

      tell (checking, checking->model != NULL ? checking->model : checking->folder,
            checking->rule != NULL ? checking->rule : "leaves the program alive", failure);
    }
  g_free (checking->model);
  g_free (checking->rule);
}

int
sag_command_check_plugin (int argc, char **argv)
{
  gboolean json = FALSE;
  Checking checking = { .patience = PATIENCE };
  const GOptionEntry entries[] = {
    { "patience", 0, 0, G_OPTION_ARG_INT, &checking.patience,
      "End a plugin that gives no sign of life for so long (default 30)", "SECONDS" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Print one line of JSON", NULL },
    { NULL }
  };

  if (!sag_cli_parse (&argc, &argv, entries, "FOLDER",
                      "Tries every rule of sagitta-plugin.h on the models of one bundle: sizes, "
                      "strings, tiny and large volumes, cancelling at each step, two runs "
                      "compared, buffers with fences around them. It runs in a contained process, "
                      "which it may crash or hang. Exit status 1 if a rule is broken."))
    return 2;
  if (argc != 2)
    return sag_cli_usage (argv[0]);
  if (checking.patience < 1)
    return sag_cli_misuse (argv[0], "--patience wants a number of seconds from 1");
  if (json)
    {
      checking.json = json_builder_new ();
      json_builder_begin_object (checking.json);
      json_builder_set_member_name (checking.json, "checks");
      json_builder_begin_array (checking.json);
    }
  checking.folder = argv[1];
  check (&checking);
  if (json)
    {
      json_builder_end_array (checking.json);
      sag_json_int (checking.json, "failures", checking.failures);
      json_builder_end_object (checking.json);
      sag_cli_print_json (checking.json);
    }
  else
    g_print ("%d of %d rules hold\n", checking.n - checking.failures, checking.n);
  return checking.failures > 0 ? 1 : 0;
}
