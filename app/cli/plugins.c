/* SPDX-License-Identifier: Apache-2.0
 *
 * plugins.c: the plugins, opened without trusting them to survive it.
 */
#include "app/cli/plugins.h"

#include "app/cli/trial.h"
#include "app/plugin/load.h"

#define MAX_TRIALS 16 /* a trial ends at the first plugin that does not survive */
#define PATIENCE 10   /* seconds to open one */

static void
say_opening (const char *file, gpointer data)
{
  sag_trial_say (data, file, NULL, NULL);
}

static void
open_all (SagTrial *trial, gpointer data)
{
  GPtrArray *deadly = data;

  sag_plugin_watch_opening (say_opening, trial, (const char *const *) deadly->pdata);
  sag_plugin_host_free (sag_plugin_host_new (NULL));
}

/* The last said is the one being opened. */
static void
hear_opening (const char *const words[3], gpointer data)
{
  GPtrArray *deadly = data;
  char **last = (char **) &deadly->pdata[deadly->len - 2];

  g_free (*last);
  *last = g_strdup (words[0]);
}

void
sag_cli_try_plugins (void)
{
  static gboolean tried;
  g_autoptr (GPtrArray) deadly = g_ptr_array_new_with_free_func (g_free);

  if (tried)
    return;
  tried = TRUE;
  g_ptr_array_add (deadly, NULL);
  for (int n = 0; n < MAX_TRIALS; n++)
    {
      g_autofree char *ended = NULL;

      g_ptr_array_insert (deadly, (int) deadly->len - 1, g_strdup (""));
      ended = sag_trial_run (open_all, hear_opening, deadly, PATIENCE);
      if (ended == NULL || ((char *) deadly->pdata[deadly->len - 2])[0] == '\0')
        {
          g_ptr_array_remove_index (deadly, deadly->len - 2);
          break;
        }
    }
  sag_plugin_watch_opening (NULL, NULL, (const char *const *) deadly->pdata);
}

SagPluginHost *
sag_cli_open_plugins (void)
{
  sag_cli_try_plugins ();
  return sag_plugin_host_new (NULL);
}
