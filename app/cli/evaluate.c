/* SPDX-License-Identifier: Apache-2.0
 *
 * evaluate.c: `sagitta-cli evaluate`: how good a model is, and how honest its confidence, on cases
 * with truth.
 */
#include "app/cli/evaluate.h"

#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/cli/pairs.h"
#include "app/cli/plugins.h"
#include "app/files/png.h"
#include "engine/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_BINS 15 /* of confidence: Guo et al. 2017 */
#define N_DRAWN 3 /* best and worst */

typedef struct
{
  char    *model, *network, *images, *masks, *precision, *cases, *draw, *map;
  int      threads, limit;
  gboolean fit, json;
} Options;

/* What is kept of a case. */
typedef struct
{
  char    *name;
  gboolean is_merged, in_mm;
  double   mean_dice, ms;
  double  *dice, *iou, *hd95; /* by label */
  guint8  *picture;           /* while it is among the best or worst; else NULL */
  int      width, height;
} Row;

typedef struct
{
  GPtrArray     *rows;
  SagReliability all, near;
  gsize          peak_bytes;
} Results;

static void
row_free (gpointer data)
{
  Row *self = data;

  g_free (self->name);
  g_free (self->dice);
  g_free (self->iou);
  g_free (self->hd95);
  g_free (self->picture);
  g_free (self);
}

/* "3=1,42=1": values of the masks, and of the model. */
static gboolean
parse_map (SagEvaluation *evaluation, const char *text, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text != NULL ? text : "", ",", -1);

  evaluation->has_map = text != NULL;
  for (int value = 0; value < 256; value++)
    evaluation->map[value] = -1;
  for (int n = 0; parts[n] != NULL; n++)
    {
      char *end, *second;
      long  from = strtol (parts[n], &end, 10),
           to = *end == '=' ? strtol (end + 1, &second, 10) : -1;

      if (end == parts[n] || *end != '=' || second == end + 1 || *second != '\0' || from < 1
          || from > 255 || to < 0 || to > 255)
        return sag_invalid (error,
                            "'%s' is not a pair of label values; use --map MASK=MODEL, as in "
                            "--map 3=1,42=1",
                            parts[n]);
      evaluation->map[from] = (gint16) to;
    }
  return TRUE;
}

/* --- the pictures -------------------------------------------------------------------------- */

static int
compare_dice (gconstpointer a, gconstpointer b)
{
  double x = (*(Row *const *)a)->mean_dice, y = (*(Row *const *)b)->mean_dice;

  return (x > y) - (x < y);
}

/* Rows that have a Dice, worst first. Free with g_ptr_array_unref(). */
static GPtrArray *
rank (const GPtrArray *rows)
{
  GPtrArray *ranked = g_ptr_array_new ();

  for (guint n = 0; n < rows->len; n++)
    if (!isnan (((Row *)rows->pdata[n])->mean_dice))
      g_ptr_array_add (ranked, rows->pdata[n]);
  g_ptr_array_sort (ranked, compare_dice);
  return ranked;
}

/* Draws the newest case if it belongs to the best or worst so far, and forgets the picture that
 * falls out of them. */
static gboolean
keep_picture (const GPtrArray *rows, const SagEvaluated *evaluated, GError **error)
{
  g_autoptr (GPtrArray) ranked = rank (rows);
  Row *newest = rows->pdata[rows->len - 1];

  for (guint n = 0; n < ranked->len; n++)
    {
      Row *row = ranked->pdata[n];

      if (n >= N_DRAWN && n + N_DRAWN < ranked->len)
        g_clear_pointer (&row->picture, g_free);
      else if (row == newest)
        {
          row->picture = sag_evaluated_draw (evaluated, &row->width, &row->height, error);
          if (row->picture == NULL)
            return FALSE;
        }
    }
  return TRUE;
}

static gboolean
write_pictures (const GPtrArray *rows, const char *folder, GError **error)
{
  g_autoptr (GPtrArray) ranked = rank (rows);
  int n_worst = MIN (N_DRAWN, (int) ranked->len), n_best = MIN (N_DRAWN, (int) ranked->len - n_worst);

  for (int n = 0; n < n_worst + n_best; n++)
    {
      gboolean         worst = n < n_worst;
      int              place = worst ? n : n - n_worst;
      const Row       *row = ranked->pdata[worst ? (guint) place : ranked->len - 1 - (guint) place];
      g_autofree char *name =
          g_strdup_printf ("%s-%d-%s.png", worst ? "worst" : "best", place + 1, row->name);
      g_autofree char *path = g_build_filename (folder, name, NULL);

      if (!sag_png_write (path, row->picture, row->width, row->height, 4, error))
        return FALSE;
    }
  return TRUE;
}

/* --- measuring ----------------------------------------------------------------------------- */

static Row *
make_row (const SagEvaluated *evaluated, int n_labels)
{
  Row *row = g_new0 (Row, 1);
  int  n = evaluated->is_merged ? 1 : n_labels;

  row->name = g_strdup (evaluated->name);
  row->is_merged = evaluated->is_merged;
  row->in_mm = sag_volume_get_has_spacing (evaluated->volume);
  row->mean_dice = evaluated->mean_dice;
  row->ms = evaluated->ms;
  row->dice = g_new (double, n);
  row->iou = g_new (double, n);
  row->hd95 = g_new (double, n);
  for (int l = 0; l < n; l++)
    {
      const SagAgreement *agreement = &evaluated->agreement[l];
      gsize               either = agreement->n_a + agreement->n_b - agreement->n_both;

      row->dice[l] = agreement->dice;
      row->iou[l] = either > 0 ? (double) agreement->n_both / (double) either : NAN;
      row->hd95[l] = agreement->hd95_mm;
    }
  return row;
}

static gboolean
evaluate (const SagEvaluation *evaluation,
          const GPtrArray     *pairs,
          gboolean             measure,
          gboolean             draw,
          Results             *results,
          GError             **error)
{
  for (guint n = 0; n < pairs->len; n++)
    {
      const SagPair *pair = pairs->pdata[n];
      SagEvaluated   evaluated = { NULL };
      gboolean       good =
          sag_evaluated_read (&evaluated, evaluation, pair->name, pair->image, pair->masks, error)
          && sag_evaluated_run (&evaluated, evaluation, &results->all, &results->near, error)
          && (!measure || sag_evaluated_measure (&evaluated, evaluation, error));

      if (good && measure)
        {
          results->peak_bytes = MAX (results->peak_bytes, evaluated.peak_bytes);
          g_ptr_array_add (results->rows,
                           make_row (&evaluated, evaluation->entry->recipe->n_labels));
          good = !draw || keep_picture (results->rows, &evaluated, error);
        }
      sag_evaluated_clear (&evaluated);
      if (!good)
        {
          g_autofree char *shown = sag_escape_name (pair->name, -1);

          g_prefix_error (error, "Case '%s': ", shown);
          return FALSE;
        }
    }
  return TRUE;
}

/* --- telling ------------------------------------------------------------------------------- */

static const char *
label_name (const SagRecipe *recipe, gboolean is_merged, int l)
{
  return is_merged ? "any label" : recipe->labels[l].name;
}

static void
json_by_label (
    JsonBuilder *b, const char *name, const SagRecipe *recipe, const Row *row, const double *values)
{
  json_builder_set_member_name (b, name);
  json_builder_begin_object (b);
  for (int l = 0; l < (row->is_merged ? 1 : recipe->n_labels); l++)
    sag_json_double (b, label_name (recipe, row->is_merged, l), values[l]);
  json_builder_end_object (b);
}

static void
json_bins (JsonBuilder *b, const SagReliability *counts)
{
  SagCalibrationBin bins[N_BINS];

  sag_reliability_get_bins (counts, N_BINS, bins);
  json_builder_set_member_name (b, "reliability");
  json_builder_begin_array (b);
  for (int n = 0; n < N_BINS; n++)
    {
      json_builder_begin_object (b);
      sag_json_int (b, "voxels", (gint64) bins[n].n);
      sag_json_double (b, "confidence", bins[n].n > 0 ? bins[n].confidence : NAN);
      sag_json_double (b, "accuracy", bins[n].n > 0 ? bins[n].accuracy : NAN);
      json_builder_end_object (b);
    }
  json_builder_end_array (b);
}

/* The mean of every number there is. */
static double
mean_of (const GPtrArray *rows, const SagRecipe *recipe, gsize offset)
{
  double sum = 0;
  int    n = 0;

  for (guint r = 0; r < rows->len; r++)
    {
      const Row    *row = rows->pdata[r];
      const double *values = G_STRUCT_MEMBER (double *, row, offset);

      for (int l = 0; l < (row->is_merged ? 1 : recipe->n_labels); l++)
        if (!isnan (values[l]))
          {
            sum += values[l];
            n++;
          }
    }
  return n > 0 ? sum / n : NAN;
}

static double
mean_ms (const GPtrArray *rows)
{
  double sum = 0;

  for (guint r = 0; r < rows->len; r++)
    sum += ((Row *)rows->pdata[r])->ms;
  return sum / rows->len;
}

static void
print_json (const SagEvaluation *evaluation, const Results *results)
{
  const SagRecipe *recipe = evaluation->entry->recipe;
  JsonBuilder     *b = json_builder_new ();

  json_builder_begin_object (b);
  json_builder_set_member_name (b, "cases");
  json_builder_begin_array (b);
  for (guint n = 0; n < results->rows->len; n++)
    {
      const Row *row = results->rows->pdata[n];

      json_builder_begin_object (b);
      sag_json_string (b, "name", row->name);
      json_by_label (b, "dice", recipe, row, row->dice);
      json_by_label (b, "iou", recipe, row, row->iou);
      json_by_label (b, "hd95_mm", recipe, row, row->hd95);
      sag_json_string (b, "hd95_unit", row->in_mm ? "mm" : "px");
      json_builder_end_object (b);
    }
  json_builder_end_array (b);
  sag_json_double (b, "mean_dice", mean_of (results->rows, recipe, G_STRUCT_OFFSET (Row, dice)));
  sag_json_double (b, "mean_iou", mean_of (results->rows, recipe, G_STRUCT_OFFSET (Row, iou)));
  sag_json_double (b, "mean_hd95", mean_of (results->rows, recipe, G_STRUCT_OFFSET (Row, hd95)));
  sag_json_double (b, "ece", sag_reliability_get_bins (&results->near, N_BINS, NULL));
  sag_json_double (b, "ece_everywhere", sag_reliability_get_bins (&results->all, N_BINS, NULL));
  sag_json_double (b, "brier", sag_reliability_get_brier (&results->near));
  sag_json_double (b, "brier_everywhere", sag_reliability_get_brier (&results->all));
  sag_json_rounded (b, "ms_per_case", mean_ms (results->rows));
  sag_json_int (b, "peak_bytes", (gint64) results->peak_bytes);
  sag_json_string (b, "model", recipe->id);
  sag_json_string (b, "precision", sag_precision_get_name (evaluation->precision));
  sag_json_double (b, "temperature", (double) recipe->temperature[evaluation->precision]);
  json_bins (b, &results->near);
  json_builder_end_object (b);
  sag_cli_print_json (b);
}

static void
print_text (const SagEvaluation *evaluation, const Results *results)
{
  const SagRecipe *recipe = evaluation->entry->recipe;

  g_print ("%-28s %-24s %8s %8s %12s\n", "case", "label", "Dice", "IoU", "hd95");
  for (guint n = 0; n < results->rows->len; n++)
    {
      const Row *row = results->rows->pdata[n];

      for (int l = 0; l < (row->is_merged ? 1 : recipe->n_labels); l++)
        {
          const char *label = label_name (recipe, row->is_merged, l);

          if (isnan (row->dice[l]))
            g_print ("%-28s %-24s in neither\n", row->name, label);
          else if (isnan (row->hd95[l]))
            g_print ("%-28s %-24s %8.4f %8.4f in one only\n", row->name, label, row->dice[l],
                     row->iou[l]);
          else
            g_print ("%-28s %-24s %8.4f %8.4f %9.2f %s\n", row->name, label, row->dice[l],
                     row->iou[l], row->hd95[l], row->in_mm ? "mm" : "px");
        }
    }
  g_print ("\n%u cases at %s: mean Dice %.4f, mean IoU %.4f\n", results->rows->len,
           sag_precision_get_name (evaluation->precision),
           mean_of (results->rows, recipe, G_STRUCT_OFFSET (Row, dice)),
           mean_of (results->rows, recipe, G_STRUCT_OFFSET (Row, iou)));
  g_print ("calibration error %.4f within 5 mm or pixels of the boundary, %.4f everywhere; Brier "
           "%.4f, %.4f\n",
           sag_reliability_get_bins (&results->near, N_BINS, NULL),
           sag_reliability_get_bins (&results->all, N_BINS, NULL),
           sag_reliability_get_brier (&results->near), sag_reliability_get_brier (&results->all));
  g_print ("%.1f ms a case, memory %.0f MB\n", mean_ms (results->rows),
           (double) results->peak_bytes / 1e6);
}

/* --- the temperature ----------------------------------------------------------------------- */

/* Mean negative log likelihood of the shown label being right or wrong, near the boundary. A byte
 * is the middle of its step. */
static double
get_nll (const SagReliability *counts)
{
  double sum = 0, n = 0;

  for (int c = 0; c < 256; c++)
    {
      double p = CLAMP (c / 255.0, 0.25 / 255, 1 - 0.25 / 255);

      sum -= (double) counts->n[c][1] * log (p) + (double) counts->n[c][0] * log (1 - p);
      n += (double) (counts->n[c][0] + counts->n[c][1]);
    }
  return n > 0 ? sum / n : NAN;
}

static gboolean
measure_temperature (SagEvaluation   *evaluation,
                     const GPtrArray *pairs,
                     double           log_temperature,
                     Results         *results,
                     double          *nll,
                     GError         **error)
{
  memset (&results->near, 0, sizeof results->near);
  memset (&results->all, 0, sizeof results->all);
  evaluation->temperature = (float) exp (log_temperature);
  if (!evaluate (evaluation, pairs, FALSE, FALSE, results, error))
    return FALSE;
  *nll = get_nll (&results->near);
  return TRUE;
}

/* Golden section over log T from 1/4 to 8: the likelihood has one minimum in T. Within 2 %. */
static gboolean
fit_temperature (SagEvaluation   *evaluation,
                 const GPtrArray *pairs,
                 double          *temperature,
                 double           ece[2],
                 GError         **error)
{
  const double        golden = 0.6180339887498949;
  g_autofree Results *results = g_new0 (Results, 1);
  double              lo = log (0.25), hi = log (8), x[2], y[2];

  if (!measure_temperature (evaluation, pairs, 0, results, &y[0], error))
    return FALSE;
  ece[0] = sag_reliability_get_bins (&results->near, N_BINS, NULL);
  if (isnan (y[0]))
    return sag_invalid (error, "No confidence could be measured: the masks have no boundary, or the "
                               "model gives no confidence");
  x[0] = hi - golden * (hi - lo);
  x[1] = lo + golden * (hi - lo);
  for (int n = 0; n < 2; n++)
    if (!measure_temperature (evaluation, pairs, x[n], results, &y[n], error))
      return FALSE;
  while (hi - lo > 0.02)
    {
      int better = y[1] < y[0], worse = !better; /* the worse one becomes a bound */

      if (better == 0)
        hi = x[1];
      else
        lo = x[0];
      x[worse] = x[better];
      y[worse] = y[better];
      x[better] = better == 0 ? hi - golden * (hi - lo) : lo + golden * (hi - lo);
      if (!measure_temperature (evaluation, pairs, x[better], results, &y[better], error))
        return FALSE;
    }
  if (!measure_temperature (evaluation, pairs, (lo + hi) / 2, results, &y[0], error))
    return FALSE;
  ece[1] = sag_reliability_get_bins (&results->near, N_BINS, NULL);
  *temperature = exp ((lo + hi) / 2);
  return TRUE;
}

static gboolean
fit (SagEvaluation *evaluation, const GPtrArray *pairs, gboolean all, gboolean json, GError **error)
{
  const SagPluginEntry *entry = evaluation->entry;
  g_autoptr (JsonBuilder) b = json_builder_new ();
  SagPrecision only = evaluation->precision;

  if (entry->onnx == NULL || entry->recipe->output == SAG_NET_PROBABILITIES
      || entry->recipe->output == SAG_NET_ARGMAX)
    return sag_invalid (error, "'%s' gives no logits, so there is no temperature to fit",
                        entry->recipe->id);
  json_builder_begin_object (b);
  for (int p = 0; p < SAG_N_PRECISIONS; p++)
    {
      const char *name = sag_precision_get_name (p);
      double      temperature = 1, ece[2] = { 0, 0 };

      if ((entry->precisions & (1u << p)) == 0 || (!all && p != (int) only))
        continue;
      evaluation->precision = p;
      if (!fit_temperature (evaluation, pairs, &temperature, ece, error))
        return FALSE;
      json_builder_set_member_name (b, name);
      json_builder_begin_object (b);
      sag_json_rounded (b, "temperature", temperature);
      sag_json_double (b, "ece_at_1", ece[0]);
      sag_json_double (b, "ece", ece[1]);
      json_builder_end_object (b);
      if (!json)
        g_print ("%-5s temperature %.3f: calibration error %.4f, at temperature 1 %.4f\n", name,
                 temperature, ece[1], ece[0]);
    }
  json_builder_end_object (b);
  if (json)
    sag_cli_print_json (g_steal_pointer (&b));
  return TRUE;
}

/* The model with another network in place of its own, at any precision. */
static SagPluginEntry *
with_network (const SagPluginEntry *model, const char *network)
{
  SagPluginEntry *entry = sag_plugin_entry_new (network);

  sag_recipe_free (entry->recipe);
  entry->recipe = sag_recipe_copy (model->recipe);
  entry->onnx = g_strdup (network);
  entry->precisions = (1u << SAG_N_PRECISIONS) - 1;
  return entry;
}

/* --- the command --------------------------------------------------------------------------- */

static gboolean
run (const Options *options, SagEvaluation *evaluation, GError **error)
{
  g_autoptr (GPtrArray) pairs = NULL;
  g_autofree Results *results = g_new0 (Results, 1);
  g_autofree char    *spare = NULL;
  gboolean            good;

  if ((options->precision != NULL
       && !sag_precision_from_name (options->precision, &evaluation->precision, error))
      || !parse_map (evaluation, options->map, error))
    return FALSE;
  if (options->draw != NULL && !g_file_test (options->draw, G_FILE_TEST_IS_DIR))
    return sag_invalid (error, "There is no folder '%s' to draw into", options->draw);
  evaluation->entry = sag_plugin_host_find (evaluation->host, options->model, error);
  if (evaluation->entry == NULL)
    return FALSE;
  if (options->network != NULL)
    evaluation->entry = evaluation->replaced = with_network (evaluation->entry, options->network);
  pairs = sag_pairs_find (options->images, options->masks, options->cases, options->limit, &spare,
                          error);
  if (pairs == NULL)
    return FALSE;
  if (spare != NULL)
    g_printerr ("Masks without an image are passed over: %s\n", spare);
  if (options->fit)
    return fit (evaluation, pairs, options->precision == NULL, options->json, error);
  results->rows = g_ptr_array_new_with_free_func (row_free);
  good = evaluate (evaluation, pairs, TRUE, options->draw != NULL, results, error);
  if (good)
    (options->json ? print_json : print_text) (evaluation, results);
  good = good && (options->draw == NULL || write_pictures (results->rows, options->draw, error));
  g_ptr_array_unref (results->rows);
  return good;
}

int
sag_command_evaluate (int argc, char **argv)
{
  Options            options = { NULL };
  const GOptionEntry entries[] = {
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &options.model,
      "Model by id or its last part, or an .onnx file with a key file beside it", "ID" },
    { "network", 0, 0, G_OPTION_ARG_FILENAME, &options.network,
      "This .onnx in place of the model's own: what compress or train.py made of it", "FILE" },
    { "images", 0, 0, G_OPTION_ARG_FILENAME, &options.images,
      "Folder of PNG, NIfTI or DICOM files, or of folders of DICOM files; or one image", "DIR" },
    { "masks", 0, 0, G_OPTION_ARG_FILENAME, &options.masks,
      "Folder of masks of the same names (PNG of 0 and 255 or label values, NIfTI labels, DICOM "
      "SEG; x_mask_1 beside x_mask is more of it); or one mask",
      "DIR" },
    { "precision", 0, 0, G_OPTION_ARG_STRING, &options.precision, "fp32, bf16, int8 or int4", "P" },
    { "map", 0, 0, G_OPTION_ARG_STRING, &options.map,
      "Label values of the masks as the model's; those not named are background", "3=1,42=1" },
    { "cases", 0, 0, G_OPTION_ARG_FILENAME, &options.cases,
      "Only the images whose names this file lists, one a line", "FILE" },
    { "limit", 0, 0, G_OPTION_ARG_INT, &options.limit, "Only the first N cases", "N" },
    { "draw", 0, 0, G_OPTION_ARG_FILENAME, &options.draw,
      "Draw the three best and the three worst cases into this folder", "DIR" },
    { "fit-temperature", 0, 0, G_OPTION_ARG_NONE, &options.fit,
      "Find the temperature at which confidence is most likely, for each precision", NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT, &options.threads, "Threads (default: one a core)", "N" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print one line of JSON", NULL },
    { NULL }
  };
  SagEvaluation evaluation = { .precision = SAG_PRECISION_F32 };
  GError       *error = NULL;
  gboolean      good;

  if (!sag_cli_parse (
          &argc, &argv, entries, "",
          "Measures a model on images with masks: Dice, IoU, 95 % surface distance, and "
          "how far confidence is from accuracy (ece: within 5 mm of the boundary; "
          "pixels where the spacing is not known). A label that is in neither mask nor "
          "result counts nowhere (null); in one only, Dice and IoU are 0 and there is "
          "no distance."))
    return 2;
  if (argc != 1 || options.model == NULL || options.images == NULL || options.masks == NULL)
    return sag_cli_usage (argv[0]);
  sag_cli_set_threads (options.threads);
  evaluation.host = sag_cli_open_plugins ();
  good = run (&options, &evaluation, &error);
  sag_plugin_host_free (evaluation.host);
  sag_plugin_entry_free (evaluation.replaced);
  g_free (options.model);
  g_free (options.network);
  g_free (options.images);
  g_free (options.masks);
  g_free (options.precision);
  g_free (options.map);
  g_free (options.cases);
  g_free (options.draw);
  return good ? 0 : sag_cli_fail ("evaluate", error);
}
