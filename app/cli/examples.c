/* SPDX-License-Identifier: Apache-2.0
 *
 * examples.c: example inputs of a network in a folder, and the static ranges that come of them.
 */
#include "app/cli/examples.h"

#include "app/cli/network.h"
#include "app/files/save.h"
#include "engine/base/error.h"
#include "engine/nn/calibrate.h"
#include "engine/nn/onnx-model.h"

#include <math.h>
#include <string.h>

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
  g_autoptr (SagOnnxModel) file = sag_onnx_model_read (model, error);
  GPtrArray *names;

  if (file == NULL)
    return NULL;
  names = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < file->inputs->len; i++)
    g_ptr_array_add (names, g_strdup (file->inputs->pdata[i]));
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
  if (n == 0)
    return fail (error, "The model has no input that examples could be given to");
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

GPtrArray *
sag_examples_find (const char *folder, const char *model, GError **error)
{
  g_autoptr (GPtrArray) names = read_input_names (model, error);
  g_autoptr (GPtrArray) examples = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
  g_autoptr (GPtrArray) folders = names != NULL ? list (folder, TRUE, error) : NULL;

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

/* --- ranges ------------------------------------------------------------------------------ */

/* What is not a number has no range, nor has anything made from it. */
static gboolean
is_finite (const SagTensor *tensor, const char *example, GError **error)
{
  const float *x = tensor->data;

  for (gint64 i = 0; tensor->dtype == SAG_DTYPE_F32 && i < sag_shape_count (&tensor->shape); i++)
    if (!isfinite (x[i]))
      return fail (error, "Input %s holds numbers that are not finite: leave the example out, or mend it", example);
  return TRUE;
}

static gboolean
look_at (SagCalibration *calibration, const char *model, GStrv example, int threads,
         const char *max_memory, GError **error)
{
  SagNetwork network = { .inputs = g_strdupv (example), .threads = threads, .watched = TRUE,
                         .max_memory = g_strdup (max_memory) };
  gboolean good = sag_network_load (&network, model, TRUE, error);

  if (good)
    {
      g_autofree const void **inputs = g_new0 (const void *, network.in->len + 1);
      g_autofree void **outputs = g_new0 (void *, network.out->len + 1);

      for (guint i = 0; i < network.in->len; i++)
        {
          inputs[i] = ((SagTensor *) network.in->pdata[i])->data;
          good = good && is_finite (network.in->pdata[i], example[i], error);
        }
      for (guint i = 0; i < network.out->len; i++)
        outputs[i] = ((SagTensor *) network.out->pdata[i])->owned;
      good = good && (sag_calibration_run (calibration, network.session, inputs, outputs, NULL)
                      || sag_session_explain (network.session, error));
    }
  sag_network_clear (&network);
  return good;
}

SagRanges *
sag_examples_calibrate (const GPtrArray *examples, const char *model, SagCalibrateMethod method,
                        double percentile, int threads, const char *max_memory, GError **error)
{
  g_autoptr (SagCalibration) calibration = sag_calibration_new ();

  for (guint i = 0; i < examples->len; i++)
    if (!look_at (calibration, model, examples->pdata[i], threads, max_memory, error))
      return NULL;
  return sag_calibration_finish (calibration, method, percentile);
}

gboolean
sag_examples_save (const SagRanges *ranges, const char *path, GError **error)
{
  g_autofree char *text = sag_ranges_to_text (ranges);

  return sag_save_bytes (path, text, strlen (text), error);
}
