/* SPDX-License-Identifier: Apache-2.0
 *
 * calibrate.c: `sagitta-cli calibrate`: static ranges of a network from example inputs, for INT8 and INT4.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/cli/network.h"
#include "engine/base/error.h"
#include "engine/nn/calibrate.h"
#include "engine/nn/onnx.h"

#include <math.h>
#include <string.h>

typedef struct
{
  char  *folder, *output, *method, *max_memory;
  double percentile;
  int    threads;
} Options;

static gboolean
fail (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
fail (GError **error, const char *format, ...)
{
  va_list arguments;
  g_autofree char *text = NULL;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error_literal (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID, text);
  return FALSE;
}

/* --- what an example is ------------------------------------------------------------------ */

/* Names of the model's inputs. */
static GPtrArray *
read_input_names (const char *model, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GMappedFile) file = g_mapped_file_new (model, FALSE, &local);
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (SagGraph) graph = NULL;
  GPtrArray *names;

  if (file == NULL)
    {
      fail (error, "The model cannot be opened: %s", local->message);
      return NULL;
    }
  bytes = g_mapped_file_get_bytes (file);
  graph = sag_onnx_read (bytes, model, NULL, 0, error);
  if (graph == NULL)
    return NULL;
  names = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < graph->inputs->len; i++)
    g_ptr_array_add (names, g_strdup (((SagValue *) graph->inputs->pdata[i])->name));
  return names;
}

static int
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* Full paths in `folder`, sorted: its .npy files, or its subfolders. */
static GPtrArray *
list (const char *folder, gboolean folders, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GDir) dir = g_dir_open (folder, 0, &local);
  GPtrArray *paths;
  const char *name;

  if (dir == NULL)
    {
      fail (error, "The folder of inputs cannot be read: %s", local->message);
      return NULL;
    }
  paths = g_ptr_array_new_with_free_func (g_free);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      if (name[0] != '.'
          && (folders ? g_file_test (path, G_FILE_TEST_IS_DIR) : g_str_has_suffix (name, ".npy")))
        g_ptr_array_add (paths, g_steal_pointer (&path));
    }
  g_ptr_array_sort (paths, by_name);
  return paths;
}

/* Adds the examples of one folder: NAME.npy for every input, or else files in order, as many at a time
 * as there are inputs. An example is a GStrv of NAME=FILE. */
static gboolean
add_examples (const char *folder, GPtrArray *names, GPtrArray *examples, GError **error)
{
  g_autoptr (GPtrArray) files = list (folder, FALSE, error);
  guint n = names->len, named = 0;

  if (files == NULL)
    return FALSE;
  if (files->len == 0)
    return TRUE;
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *file = g_strdup_printf ("%s.npy", (char *) names->pdata[i]);
      g_autofree char *path = g_build_filename (folder, file, NULL);

      named += g_file_test (path, G_FILE_TEST_EXISTS);
    }
  if (n > 1 && named == n)
    {
      GStrv example = g_new0 (char *, n + 1);

      for (guint i = 0; i < n; i++)
        example[i] = g_strdup_printf ("%s=%s/%s.npy", (char *) names->pdata[i], folder,
                                      (char *) names->pdata[i]);
      g_ptr_array_add (examples, example);
      return TRUE;
    }
  if (files->len % n != 0)
    return fail (error, "'%s' holds %u .npy files, which is no multiple of the model's %u inputs; "
                        "name them after the inputs, a subfolder for each example", folder,
                 files->len, n);
  for (guint i = 0; i < files->len; i += n)
    {
      GStrv example = g_new0 (char *, n + 1);

      for (guint j = 0; j < n; j++)
        example[j] = g_strdup_printf ("%s=%s", (char *) names->pdata[j],
                                      (char *) files->pdata[i + j]);
      g_ptr_array_add (examples, example);
    }
  return TRUE;
}

static GPtrArray *
find_examples (const char *folder, GPtrArray *names, GError **error)
{
  g_autoptr (GPtrArray) examples = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
  g_autoptr (GPtrArray) folders = list (folder, TRUE, error);

  if (folders == NULL || !add_examples (folder, names, examples, error))
    return NULL;
  for (guint i = 0; i < folders->len; i++)
    if (!add_examples (folders->pdata[i], names, examples, error))
      return NULL;
  if (examples->len > 0)
    return g_steal_pointer (&examples);
  fail (error, "'%s' holds no .npy files: put example inputs there", folder);
  return NULL;
}

/* --- the work ---------------------------------------------------------------------------- */

static gboolean
look_at (SagCalibration *calibration, const char *model, const Options *options, GStrv example,
         GError **error)
{
  SagNetwork network = { .inputs = g_strdupv (example), .threads = options->threads,
                         .max_memory = g_strdup (options->max_memory) };
  gboolean good = sag_network_load (&network, model, TRUE, error);

  if (good)
    {
      g_autofree const void **inputs = g_new0 (const void *, network.in->len + 1);
      g_autofree void **outputs = g_new0 (void *, network.out->len + 1);

      for (guint i = 0; i < network.in->len; i++)
        inputs[i] = ((SagTensor *) network.in->pdata[i])->data;
      for (guint i = 0; i < network.out->len; i++)
        outputs[i] = ((SagTensor *) network.out->pdata[i])->owned;
      sag_calibration_run (calibration, network.session, inputs, outputs, NULL);
    }
  sag_network_clear (&network);
  return good;
}

static gboolean
calibrate (const char *model, const Options *options, SagCalibrateMethod method, GError **error)
{
  g_autoptr (SagCalibration) calibration = sag_calibration_new ();
  g_autoptr (GPtrArray) names = read_input_names (model, error), examples = NULL;
  g_autoptr (SagRanges) ranges = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) local = NULL;

  examples = names != NULL ? find_examples (options->folder, names, error) : NULL;
  if (examples == NULL)
    return FALSE;
  for (guint i = 0; i < examples->len; i++)
    if (!look_at (calibration, model, options, examples->pdata[i], error))
      return FALSE;
  ranges = sag_calibration_finish (calibration, method, options->percentile);
  text = sag_ranges_to_text (ranges);
  if (!g_file_set_contents_full (options->output, text, -1,
                                 G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0666, &local))
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO, "The ranges cannot be written: %s",
                   local->message);
      return FALSE;
    }
  g_print ("%d ranges from %u examples\n", sag_ranges_get_n (ranges), examples->len);
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
  if (argc != 2 || options.folder == NULL || options.output == NULL || !get_method (&options, &method)
      || (options.percentile != 0 && !(options.percentile > 50 && options.percentile <= 100)))
    status = sag_cli_usage ("calibrate");
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
