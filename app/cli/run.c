/* SPDX-License-Identifier: Apache-2.0
 *
 * run.c: `sagitta-cli run`: a network on arrays in files.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/cli/network.h"
#include "app/files/npy.h"
#include "engine/base/error.h"

#include <errno.h>
#include <string.h>

/* FOLDER/NAME.npy, NAME with what is outside of A-Za-z0-9._- as '_'. */
static char *
output_path (const char *folder, const char *name)
{
  g_autofree char *file = g_strdup_printf ("%s.npy", name);

  for (char *c = file; *c != '\0'; c++)
    if (!g_ascii_isalnum (*c) && strchr ("._-", *c) == NULL)
      *c = '_';
  return g_build_filename (folder, file, NULL);
}

static gboolean
write_outputs (SagNetwork *network, const char *folder, GError **error)
{
  if (g_mkdir_with_parents (folder, 0777) != 0)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO,
                   "The folder '%s' cannot be made: %s", folder, g_strerror (errno));
      return FALSE;
    }
  for (guint i = 0; i < network->out->len; i++)
    {
      g_autofree char *path =
          output_path (folder, sag_session_get_output (network->session, (int) i)->name);

      if (!sag_npy_write (path, network->out->pdata[i], error))
        return FALSE;
    }
  return TRUE;
}

int
sag_command_run (int argc, char **argv)
{
  SagNetwork network = { 0 };
  g_autofree char *folder = NULL;
  GError *error = NULL;
  gboolean good;
  const GOptionEntry entries[] = {
    { "input", 'i', 0, G_OPTION_ARG_FILENAME_ARRAY, &network.inputs, "An input's elements",
      "NAME=FILE.npy" },
    { "output-dir", 'o', 0, G_OPTION_ARG_FILENAME, &folder, "Where OUTPUT.npy files go", "DIR" },
    { "precision", 'p', 0, G_OPTION_ARG_STRING, &network.precision,
      "fp32 (default), bf16, int8 or int4", "P" },
    { "ranges", 0, 0, G_OPTION_ARG_FILENAME, &network.ranges,
      "Static ranges for int8 and int4 (NAME.ranges beside the model; '': none)", "FILE" },
    { "threads", 't', 0, G_OPTION_ARG_INT, &network.threads, "Threads; 0: one a core", "N" },
    { "max-memory", 0, 0, G_OPTION_ARG_STRING, &network.max_memory,
      "Refuse to take more than this", "SIZE" },
    { NULL }
  };

  if (!sag_cli_parse (&argc, &argv, entries, "MODEL.onnx",
                      "Runs a network once and writes one .npy a output."))
    return 2;
  if (argc != 2 || folder == NULL)
    {
      sag_network_clear (&network);
      return sag_cli_usage ("run");
    }
  good = sag_network_load (&network, argv[1], TRUE, &error);
  good = good && sag_network_run (&network, &error) && write_outputs (&network, folder, &error);
  sag_network_clear (&network);
  return good ? 0 : sag_cli_fail ("run", error);
}
