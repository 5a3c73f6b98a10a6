/* SPDX-License-Identifier: Apache-2.0
 *
 * calibrate.c: `sagitta-cli calibrate`: static ranges of a network from example inputs, for INT8 and INT4.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/cli/examples.h"

#include <string.h>

typedef struct
{
  char  *folder, *output, *method, *max_memory;
  double percentile;
  int    threads;
} Options;

static gboolean
calibrate (const char *model, const Options *options, SagCalibrateMethod method, GError **error)
{
  g_autoptr (GPtrArray) examples = sag_examples_find (options->folder, model, error);
  g_autoptr (SagRanges) ranges = NULL;

  if (examples != NULL)
    ranges = sag_examples_calibrate (examples, model, method, options->percentile, options->threads,
                                     options->max_memory, error);
  if (ranges == NULL || !sag_examples_save (ranges, options->output, error))
    return FALSE;
  g_print ("%d ranges from %u example%s\n", sag_ranges_get_n (ranges), examples->len, examples->len == 1 ? "" : "s");
  return TRUE;
}

static gboolean
get_method (const Options *options, SagCalibrateMethod *method)
{
  static const char *const words[] = { "mse", "percentile", "minmax" };

  *method = options->percentile > 0 && options->method == NULL ? SAG_CALIBRATE_PERCENTILE
                                                               : SAG_CALIBRATE_MSE;
  for (int i = 0; options->method != NULL && i < (int) G_N_ELEMENTS (words); i++)
    if (strcmp (options->method, words[i]) == 0)
      {
        *method = (SagCalibrateMethod) i;
        return TRUE;
      }
  return options->method == NULL;
}

int
sag_command_calibrate (int argc, char **argv)
{
  Options options = { 0 };
  SagCalibrateMethod method;
  GError *error = NULL;
  int status;
  const GOptionEntry entries[] = {
    { "inputs", 'i', 0, G_OPTION_ARG_FILENAME, &options.folder,
      "Example inputs: .npy files, each an example; for several inputs NAME.npy of each in subfolders", "DIR" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
      "The side file; NAME.ranges beside NAME.onnx is found by itself", "FILE" },
    { "method", 'm', 0, G_OPTION_ARG_STRING, &options.method, "mse (default), percentile or minmax", "M" },
    { "percentile", 0, 0, G_OPTION_ARG_DOUBLE, &options.percentile,
      "How much of the numbers stays on each side (99.99)", "P" },
    { "threads", 't', 0, G_OPTION_ARG_INT, &options.threads, "Threads; 0: one a core", "N" },
    { "max-memory", 0, 0, G_OPTION_ARG_STRING, &options.max_memory, "Refuse to take more than this",
      "SIZE" },
    { NULL }
  };

  if (!sag_cli_parse (&argc, &argv, entries, "MODEL.onnx",
                      "Measures between which numbers a network's values lie, for int8 and int4."))
    return 2;
  if (argc != 2 || options.folder == NULL || options.output == NULL)
    status = sag_cli_usage ("calibrate");
  else if (!get_method (&options, &method))
    status = sag_cli_misuse ("calibrate", "--method is mse, percentile or minmax");
  else if (options.percentile != 0 && !(options.percentile > 50 && options.percentile <= 100))
    status = sag_cli_misuse ("calibrate", "--percentile wants a number above 50, at most 100");
  else
    {
      if (options.percentile == 0)
        options.percentile = 99.99;
      status = calibrate (argv[1], &options, method, &error) ? 0 : sag_cli_fail ("calibrate", error);
    }
  g_free (options.folder);
  g_free (options.output);
  g_free (options.method);
  g_free (options.max_memory);
  return status;
}
