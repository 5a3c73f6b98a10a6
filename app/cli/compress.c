/* SPDX-License-Identifier: Apache-2.0
 *
 * compress.c: `sagitta-cli compress`: a smaller network from a trained one.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/cli/examples.h"
#include "app/files/npy.h"
#include "app/files/save.h"
#include "engine/base/error.h"
#include "engine/nn/shrink.h"

#include <math.h>
#include <string.h>

#define OPEN_SIZE 64 /* of a dimension that the file leaves open */

typedef struct
{
  char    *output, *precision, *calibrate;
  char   **inputs; /* NAME=FILE.npy */
  double   prune, energy;
  int      threads;
  gboolean json;
} Options;

/* What was done, and what of it came. */
typedef struct
{
  int            n_pruned, n_factored, n_stored;
  GPtrArray     *notes;
  SagSessionInfo before, after;
  gsize          bytes_before, bytes_after;
  int            n_ranges; /* static ones, written beside the output */
  guint          n_examples;
  double         difference, square; /* sums over output 0 of every example */
  gint64         same, places;       /* with the same label; 0 places: there are no labels */
} Report;

/* --- the inputs that both are run on ------------------------------------------------------- */

static SagTensor *
read_input (char **inputs, const char *name, GError **error)
{
  for (char **input = inputs; input != NULL && *input != NULL; input++)
    {
      gsize n = strlen (name);

      if (strncmp (*input, name, n) == 0 && (*input)[n] == '=')
        return sag_npy_read (*input + n + 1, error);
    }
  return NULL;
}

/* Smooth noise in [-1, 1), the same each time. */
static SagTensor *
make_input (const SagShape *declared, GError **error)
{
  SagShape   shape = *declared;
  SagTensor *tensor;
  guint32    state = 1;
  float      value = 0;

  for (int a = 0; a < shape.rank; a++)
    if (shape.dim[a] < 0)
      shape.dim[a] = a == 0 ? 1 : OPEN_SIZE;
  tensor = sag_tensor_new (SAG_DTYPE_F32, &shape, error);
  for (gint64 i = 0; tensor != NULL && i < sag_shape_count (&shape); i++)
    {
      state = state * 1664525u + 1013904223u;
      value = 0.5f * value + 0.5f * ((float) (state >> 8) / (float) (1 << 23) - 1);
      ((float *)tensor->owned)[i] = value;
    }
  return tensor;
}

/* A tensor for each input, and the bindings of their shapes. */
static GPtrArray *
get_inputs (const SagOnnxModel *model, char **given, GArray *bindings, GError **error)
{
  g_autoptr (GPtrArray) tensors = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_tensor_free);

  for (guint n = 0; n < model->inputs->len; n++)
    {
      const char *name = model->inputs->pdata[n];
      GError     *local = NULL;
      SagTensor  *tensor = read_input (given, name, &local);
      SagBinding  binding = { .name = name };

      if (tensor == NULL && local == NULL)
        tensor = make_input (&g_array_index (model->shapes, SagShape, n), &local);
      if (tensor == NULL)
        {
          g_propagate_error (error, local);
          return NULL;
        }
      g_ptr_array_add (tensors, tensor);
      binding.rank = tensor->shape.rank;
      memcpy (binding.shape, tensor->shape.dim, sizeof binding.shape);
      g_array_append_val (bindings, binding);
    }
  return g_steal_pointer (&tensors);
}

/* Runs the network at `path`; output 0. With `ranges`, at `precision`. */
static SagTensor *
run (const char      *path,
     SagPrecision     precision,
     const char      *ranges,
     const GArray    *bindings,
     const GPtrArray *inputs,
     SagSessionInfo  *info,
     GError         **error)
{
  SagSessionOptions options = { .precision = ranges != NULL ? precision : SAG_PRECISION_F32,
                                .ranges = ranges,
                                .bindings = (const SagBinding *) (gpointer)bindings->data,
                                .n_bindings = (int) bindings->len };
  g_autoptr (SagSession) session = sag_session_new (path, &options, error);
  g_autoptr (GPtrArray) outputs = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_tensor_free);
  g_autofree const void **in = g_new0 (const void *, inputs->len + 1);
  g_autofree void       **out = NULL;

  if (session == NULL)
    return NULL;
  sag_session_get_info (session, info);
  for (guint n = 0; n < inputs->len; n++)
    {
      const SagTensor *tensor = inputs->pdata[n];
      const SagPort   *port = sag_session_get_input (session, (int) n);

      if (tensor->dtype != port->dtype)
        {
          sag_invalid (error, "Input '%s' wants %s; give it with --input NAME=FILE.npy", port->name,
                       sag_dtype_get_name (port->dtype));
          return NULL;
        }
      in[n] = tensor->data;
    }
  out = g_new0 (void *, sag_session_get_n_outputs (session) + 1);
  for (int n = 0; n < sag_session_get_n_outputs (session); n++)
    {
      const SagPort *port = sag_session_get_output (session, n);
      SagShape       shape = { port->rank, { 0 } };
      SagTensor     *tensor;

      memcpy (shape.dim, port->shape, sizeof shape.dim);
      tensor = sag_tensor_new (port->dtype, &shape, error);
      if (tensor == NULL)
        return NULL;
      g_ptr_array_add (outputs, tensor);
      out[n] = tensor->owned;
    }
  if (!sag_session_run (session, in, out, NULL))
    {
      sag_session_explain (session, error);
      return NULL;
    }
  return g_ptr_array_steal_index (outputs, 0);
}

/* The channel of the greatest logit, or the sign of the only one. */
static int
get_label (const SagTensor *logits, gint64 place, gint64 places)
{
  gint64 channels = logits->shape.dim[1];
  int    best = 0;

  if (channels == 1)
    return sag_tensor_get_real (logits, place) > 0;
  for (int c = 1; c < channels; c++)
    if (sag_tensor_get_real (logits, c * places + place)
        > sag_tensor_get_real (logits, best * places + place))
      best = c;
  return best;
}

static void
compare (const SagTensor *a, const SagTensor *b, Report *report)
{
  gint64 n = sag_shape_count (&a->shape), places;

  if (!sag_shape_equal (&a->shape, &b->shape))
    {
      report->square = NAN;
      return;
    }
  for (gint64 i = 0; i < n; i++)
    {
      double x = sag_tensor_get_real (a, i), y = sag_tensor_get_real (b, i);

      report->difference += (x - y) * (x - y);
      report->square += x * x;
    }
  if (a->shape.rank < 3 || a->shape.dim[0] != 1)
    return;
  places = sag_shape_product (&a->shape, 2, a->shape.rank);
  report->places += places;
  for (gint64 p = 0; p < places; p++)
    report->same += get_label (a, p, places) == get_label (b, p, places);
}

/* RMS of the difference over RMS; NaN if the outputs cannot be compared. */
static double
get_error (const Report *report)
{
  return report->square == 0 ? 0 : sqrt (report->difference / report->square);
}

static double
get_agreement (const Report *report)
{
  return report->places == 0 || isnan (report->square) ? NAN
                                                       : (double) report->same / (double) report->places;
}

/* Both networks on every example; the smaller one with its `ranges` if there are some. */
static gboolean
measure (const SagOnnxModel *model,
         const Options      *options,
         const char         *original,
         const char         *smaller,
         const char         *ranges,
         const GPtrArray    *examples,
         Report             *report,
         GError            **error)
{
  SagPrecision precision = SAG_PRECISION_F32;

  if (options->precision != NULL && !sag_precision_from_name (options->precision, &precision, error))
    return FALSE;
  for (guint n = 0; n < examples->len; n++)
    {
      g_autoptr (GArray) bindings = g_array_new (FALSE, FALSE, sizeof (SagBinding));
      g_autoptr (GPtrArray) inputs = get_inputs (model, examples->pdata[n], bindings, error);
      g_autoptr (SagTensor) before = NULL, after = NULL;

      if (inputs != NULL)
        before = run (original, precision, NULL, bindings, inputs, &report->before, error);
      if (before != NULL)
        after = run (smaller, precision, ranges, bindings, inputs, &report->after, error);
      if (after == NULL)
        return FALSE;
      compare (before, after, report);
      report->n_examples++;
    }
  return TRUE;
}

/* --- doing --------------------------------------------------------------------------------- */

static gboolean
has_stored_weights (const SagOnnxModel *model)
{
  for (guint n = 0; n < model->weights->len; n++)
    {
      gint64 type = ((const SagOnnxWeight *) model->weights->pdata[n])->type;

      if (type == 3 || type == 22) /* INT8, INT4 */
        return TRUE;
    }
  return FALSE;
}

static gboolean
shrink (SagOnnxModel  *model,
        const Options *options,
        const GArray  *bindings,
        Report        *report,
        GError       **error)
{
  SagPrecision precision = SAG_PRECISION_INT8;

  if (options->prune > 0)
    {
      g_autoptr (GHashTable) shapes = sag_onnx_model_infer (
          model, (const SagBinding *) (gpointer)bindings->data, (int) bindings->len, error);

      if (shapes == NULL)
        return FALSE;
      report->n_pruned = sag_shrink_prune (model, shapes, options->prune, report->notes, error);
    }
  if (report->n_pruned >= 0 && options->energy > 0)
    report->n_factored = sag_shrink_low_rank (model, options->energy, report->notes, error);
  if (report->n_pruned < 0 || report->n_factored < 0)
    return FALSE;
  if (report->n_pruned + report->n_factored == 0 && options->prune + options->energy > 0 && has_stored_weights (model))
    g_ptr_array_add (report->notes, g_strdup ("Its weights are stored in fewer bits already: prune and factor the "
                                              "network of floats, then store it"));
  if (options->precision == NULL)
    return TRUE;
  if (!sag_precision_from_name (options->precision, &precision, error))
    return FALSE;
  if (precision != SAG_PRECISION_INT8 && precision != SAG_PRECISION_INT4)
    return sag_invalid (error, "Weights are stored at int8 or int4, not %s", options->precision);
  report->n_stored = sag_shrink_store (model, precision, report->notes, error);
  return report->n_stored >= 0;
}

static gsize
get_size (const char *path)
{
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, NULL);

  return file != NULL ? g_mapped_file_get_length (file) : 0;
}

/* The file at `temporary`, measured and given its name, its static ranges beside it. */
static gboolean
finish (const SagOnnxModel *model,
        const Options      *options,
        const char         *original,
        const char         *temporary,
        const GPtrArray    *examples,
        Report             *report,
        GError            **error)
{
  g_autofree char *path = sag_ranges_path_for (options->output), *text = NULL;
  g_autoptr (SagSave) unfinished = NULL;
  g_autoptr (SagRanges) ranges = NULL;
  gboolean good = TRUE;

  if (options->calibrate != NULL)
    {
      ranges = sag_examples_calibrate (examples, temporary, SAG_CALIBRATE_MSE, 0, options->threads,
                                       NULL, error);
      unfinished = ranges != NULL ? sag_save_begin (path, error) : NULL;
      text = ranges != NULL ? sag_ranges_to_text (ranges) : NULL;
      good = unfinished != NULL && sag_save_write (unfinished, text, strlen (text), error);
      report->n_ranges = good ? sag_ranges_get_n (ranges) : 0;
    }
  good = good
         && measure (model, options, original, temporary,
                     unfinished != NULL ? sag_save_get_name (unfinished) : NULL, examples, report,
                     error);
  if (good && unfinished != NULL)
    good = sag_save_finish (g_steal_pointer (&unfinished), error);
  return good;
}

/* Writes beside the output, runs what was written against the original, and keeps it if that works.
 */
static gboolean
write_checked (const SagOnnxModel *model,
               const Options      *options,
               const char         *original,
               const GPtrArray    *examples,
               Report             *report,
               GError            **error)
{
  g_autoptr (GBytes) bytes = sag_onnx_model_write (model);
  g_autoptr (SagSave) file = sag_save_begin (options->output, error);

  if (file == NULL
      || !sag_save_write (file, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), error)
      || !finish (model, options, original, sag_save_get_name (file), examples, report, error))
    return FALSE;
  report->bytes_before = get_size (original);
  report->bytes_after = g_bytes_get_size (bytes);
  return sag_save_finish (g_steal_pointer (&file), error);
}

static void
json_side (JsonBuilder *b, const char *name, const SagSessionInfo *info, gsize bytes)
{
  json_builder_set_member_name (b, name);
  json_builder_begin_object (b);
  sag_json_int (b, "macs", info->macs);
  sag_json_int (b, "parameters", info->parameters);
  sag_json_int (b, "bytes", (gint64) bytes);
  sag_json_string (b, "sha256", info->sha256);
  json_builder_end_object (b);
}

static void
print_json (const Report *report)
{
  JsonBuilder *b = json_builder_new ();

  json_builder_begin_object (b);
  json_side (b, "before", &report->before, report->bytes_before);
  json_side (b, "after", &report->after, report->bytes_after);
  sag_json_double (b, "output_error", get_error (report));
  sag_json_double (b, "label_agreement", get_agreement (report));
  sag_json_int (b, "examples", report->n_examples);
  sag_json_int (b, "static_ranges", report->n_ranges);
  sag_json_int (b, "channels_removed", report->n_pruned);
  sag_json_int (b, "layers_factored", report->n_factored);
  sag_json_int (b, "weights_stored", report->n_stored);
  json_builder_set_member_name (b, "left");
  json_builder_begin_array (b);
  for (guint n = 0; n < report->notes->len; n++)
    sag_json_add_string (b, report->notes->pdata[n]);
  json_builder_end_array (b);
  json_builder_end_object (b);
  sag_cli_print_json (b);
}

static void
print_text (const Report *report)
{
  g_print ("%-8s %16s %12s %12s\n", "", "multiply-adds", "parameters", "bytes");
  g_print ("%-8s %16" G_GINT64_FORMAT " %12" G_GINT64_FORMAT " %12" G_GSIZE_FORMAT "\n", "before",
           report->before.macs, report->before.parameters, report->bytes_before);
  g_print ("%-8s %16" G_GINT64_FORMAT " %12" G_GINT64_FORMAT " %12" G_GSIZE_FORMAT "\n", "after",
           report->after.macs, report->after.parameters, report->bytes_after);
  g_print ("%d channels removed, %d layers factored, %d weights stored in fewer bits\n",
           report->n_pruned, report->n_factored, report->n_stored);
  if (report->n_ranges > 0)
    g_print ("%d static ranges from %u examples, in a file beside it\n", report->n_ranges,
             report->n_examples);
  g_print ("the output differs by %.4f of its size (RMS)", get_error (report));
  if (!isnan (get_agreement (report)))
    g_print ("; %.2f %% of labels are the same", 100 * get_agreement (report));
  g_print ("\n");
  for (guint n = 0; n < report->notes->len; n++)
    g_print ("! %s\n", (char *) report->notes->pdata[n]);
}

/* Those of --calibrate; else one, what --input says of it. */
static GPtrArray *
get_examples (const Options *options, const char *path, GError **error)
{
  GPtrArray *examples;

  if (options->calibrate != NULL)
    return sag_examples_find (options->calibrate, path, error);
  examples = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
  g_ptr_array_add (examples, options->inputs != NULL ? g_strdupv (options->inputs)
                                                     : g_new0 (char *, 1));
  return examples;
}

static gboolean
compress (const Options *options, const char *path, GError **error)
{
  g_autoptr (SagOnnxModel) model = NULL;
  g_autoptr (GArray) bindings = g_array_new (FALSE, FALSE, sizeof (SagBinding));
  g_autoptr (GPtrArray) inputs = NULL, notes = g_ptr_array_new_with_free_func (g_free),
                        examples = NULL;
  Report report = { .notes = notes };

  if (!(options->prune >= 0 && options->prune < 1))
    return sag_invalid (error, "--prune %g is not a fraction from 0 to below 1", options->prune);
  if (!(options->energy >= 0 && options->energy <= 1))
    return sag_invalid (error, "--low-rank %g is not a share from 0 to 1", options->energy);
  if (options->prune == 0 && options->energy == 0 && options->precision == NULL)
    return sag_invalid (error, "There is nothing to do: give --prune, --low-rank or --precision");
  if (options->calibrate != NULL && options->precision == NULL)
    return sag_invalid (error, "--calibrate measures ranges for a precision; give --precision int8 or "
                               "int4 with it");
  examples = get_examples (options, path, error);
  model = examples != NULL ? sag_onnx_model_read (path, error) : NULL;
  if (model == NULL || (inputs = get_inputs (model, examples->pdata[0], bindings, error)) == NULL
      || !shrink (model, options, bindings, &report, error)
      || !write_checked (model, options, path, examples, &report, error))
    return FALSE;
  (options->json ? print_json : print_text) (&report);
  return TRUE;
}

int
sag_command_compress (int argc, char **argv)
{
  Options            options = { NULL };
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output, "The network to write",
      "OUT.onnx" },
    { "prune", 0, 0, G_OPTION_ARG_DOUBLE, &options.prune,
      "Remove this fraction of channels, those of the least norm", "0.3" },
    { "low-rank", 0, 0, G_OPTION_ARG_DOUBLE, &options.energy,
      "Factor weights, keeping this share of their energy, where it saves work", "0.95" },
    { "precision", 0, 0, G_OPTION_ARG_STRING, &options.precision,
      "Store weights at int8 (one scale a channel) or int4 (one scale for 32)", "P" },
    { "calibrate", 0, 0, G_OPTION_ARG_FILENAME, &options.calibrate,
      "Example inputs (.npy, as for calibrate): writes static ranges beside the network, and measures "
      "the output error at that precision on them",
      "DIR" },
    { "input", 'i', 0, G_OPTION_ARG_FILENAME_ARRAY, &options.inputs,
      "What to measure the output error on (default: noise)", "NAME=FILE.npy" },
    { "threads", 0, 0, G_OPTION_ARG_INT, &options.threads, "Threads (default: one a core)", "N" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print one line of JSON", NULL },
    { NULL }
  };
  GError *error = NULL;
  int     status = 2;

  if (sag_cli_parse (&argc, &argv, entries, "MODEL.onnx",
                     "Makes a network smaller: channels pruned, weights factored, stored in fewer "
                     "bits; says what that saves and changes. Layers left as they are are named."))
    {
      if (argc != 2 || options.output == NULL)
        sag_cli_usage (argv[0]);
      else
        {
          sag_cli_set_threads (options.threads);
          status = compress (&options, argv[1], &error) ? 0 : sag_cli_fail ("compress", error);
        }
    }
  g_free (options.output);
  g_free (options.precision);
  g_free (options.calibrate);
  g_strfreev (options.inputs);
  return status;
}
