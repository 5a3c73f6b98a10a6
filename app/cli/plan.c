/* SPDX-License-Identifier: Apache-2.0
 *
 * plan.c: `sagitta-cli plan`: what a network will do, step by step, and what it will cost.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/cli/network.h"

int
sag_command_plan (int argc, char **argv)
{
  SagNetwork network = { 0 };
  g_autofree char *steps = NULL;
  GError *error = NULL;
  SagSessionInfo info;
  const GOptionEntry entries[] = { { "input", 'i', 0, G_OPTION_ARG_FILENAME_ARRAY, &network.inputs,
                                     "An input, for its shape", "NAME=FILE.npy" },
                                   { "precision", 'p', 0, G_OPTION_ARG_STRING, &network.precision,
                                     "fp32 (default), bf16, int8 or int4", "P" },
                                   { "max-memory", 0, 0, G_OPTION_ARG_STRING, &network.max_memory,
                                     "Refuse to plan for more than this", "SIZE" },
                                   { NULL } };

  if (!sag_cli_parse (
          &argc, &argv, entries, "MODEL.onnx",
          "Prints node, operator, kernel, precision, shapes and layouts, bytes and multiply-adds."))
    return 2;
  if (argc != 2)
    {
      sag_network_clear (&network);
      return sag_cli_usage ("plan");
    }
  if (!sag_network_load (&network, argv[1], FALSE, &error))
    {
      sag_network_clear (&network);
      return sag_cli_fail ("plan", error);
    }
  steps = sag_session_describe (network.session);
  sag_session_get_info (network.session, &info);
  g_print ("%s%d steps, %" G_GINT64_FORMAT " multiply-adds, %" G_GINT64_FORMAT
           " parameters, arena %" G_GSIZE_FORMAT " bytes, weights %" G_GSIZE_FORMAT
           " bytes, sha256 %s\n",
           steps, info.n_steps, info.macs, info.parameters, info.arena_bytes, info.weight_bytes,
           info.sha256);
  sag_network_clear (&network);
  return 0;
}
