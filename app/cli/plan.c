/* SPDX-License-Identifier: Apache-2.0
 *
 * plan.c: `sagitta-cli plan`: what a network will do, step by step, and what it will cost.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/cli/network.h"

static void
print_json (const SagSession *session, const SagSessionInfo *info)
{
  JsonBuilder *b = json_builder_new ();

  json_builder_begin_object (b);
  json_builder_set_member_name (b, "steps");
  json_builder_begin_array (b);
  for (int i = 0; i < info->n_steps; i++)
    {
      SagSessionStep step;

      sag_session_get_step (session, i, &step);
      json_builder_begin_object (b);
      sag_json_string (b, "node", step.name);
      sag_json_string (b, "op", step.op);
      sag_json_string (b, "kernel", step.kernel);
      sag_json_string (b, "precision", sag_precision_get_name (step.precision));
      sag_json_string (b, "input", step.in);
      sag_json_string (b, "input_layout", step.in_layout);
      sag_json_string (b, "input_type", step.in_stored);
      sag_json_string (b, "output", step.out);
      sag_json_string (b, "layout", step.out_layout);
      sag_json_string (b, "output_type", step.out_stored);
      sag_json_int (b, "bytes", (gint64) step.out_bytes);
      sag_json_int (b, "weight_bytes", (gint64) step.weight_bytes);
      sag_json_int (b, "scratch_bytes", (gint64) step.scratch_bytes);
      sag_json_int (b, "macs", step.macs);
      sag_json_boolean (b, "fused", step.fused);
      json_builder_end_object (b);
    }
  json_builder_end_array (b);
  sag_json_int (b, "macs", info->macs);
  sag_json_int (b, "parameters", info->parameters);
  sag_json_int (b, "arena_bytes", (gint64) info->arena_bytes);
  sag_json_int (b, "weight_bytes", (gint64) info->weight_bytes);
  sag_json_string (b, "sha256", info->sha256);
  json_builder_end_object (b);
  sag_cli_print_json (b);
}

int
sag_command_plan (int argc, char **argv)
{
  SagNetwork network = { .planned = TRUE };
  g_autofree char *steps = NULL;
  GError *error = NULL;
  SagSessionInfo info;
  gboolean json = FALSE;
  const GOptionEntry entries[] = { { "input", 'i', 0, G_OPTION_ARG_FILENAME_ARRAY, &network.inputs,
                                     "An input, for its shape", "NAME=FILE.npy" },
                                   { "precision", 'p', 0, G_OPTION_ARG_STRING, &network.precision,
                                     "fp32 (default), bf16, int8 or int4", "P" },
                                   { "ranges", 0, 0, G_OPTION_ARG_FILENAME, &network.ranges,
                                     "Static ranges for int8 and int4 (NAME.ranges beside the model; '': none)", "FILE" },
                                   { "max-memory", 0, 0, G_OPTION_ARG_STRING, &network.max_memory,
                                     "Refuse to plan for more than this", "SIZE" },
                                   { "json", 0, 0, G_OPTION_ARG_NONE, &json,
                                     "One JSON object on one line", NULL },
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
  sag_session_get_info (network.session, &info);
  if (json)
    {
      print_json (network.session, &info);
      sag_network_clear (&network);
      return 0;
    }
  steps = sag_session_describe (network.session);
  g_print ("%s%d steps, %" G_GINT64_FORMAT " multiply-adds, %" G_GINT64_FORMAT
           " parameters, arena %" G_GSIZE_FORMAT " bytes, weights %" G_GSIZE_FORMAT
           " bytes, sha256 %s\n",
           steps, info.n_steps, info.macs, info.parameters, info.arena_bytes, info.weight_bytes,
           info.sha256);
  sag_network_clear (&network);
  return 0;
}
