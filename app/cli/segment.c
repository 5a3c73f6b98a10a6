/* SPDX-License-Identifier: Apache-2.0
 *
 * segment.c: `sagitta-cli segment`: a volume in, labels and confidence out.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/cli/plugins.h"
#include "app/files/nifti.h"
#include "app/files/open.h"

#include <math.h>
#include <string.h>

typedef struct
{
  char    *model, *series, *precision, *output, *confidence, *max_memory;
  int      threads;
  gboolean json;
} Options;

/* What is told at the end. */
typedef struct
{
  SagSegmentNeeds  needs;
  SagSegmentReport run;
  double           read_ms, write_ms, total_ms;
  gboolean         is_spatial;
  char           **warnings;
} Report;

/* Sums over the voxels of each label. */
typedef struct
{
  guint64 voxels[256];
  guint64 confidence[256];
} Tally;

static void
options_clear (Options *options)
{
  g_free (options->model);
  g_free (options->series);
  g_free (options->precision);
  g_free (options->max_memory);
  g_free (options->output);
  g_free (options->confidence);
}

static double
since (gint64 start)
{
  return (double) (g_get_monotonic_time () - start) / 1000;
}

static gboolean
is_dicom_name (const char *path)
{
  return g_str_has_suffix (path, ".dcm");
}

/* The result could be written to `path`, as far as can be known before there is one. */
static gboolean
check_output (const char *path, gboolean has_source, const char *input, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);

  if (!is_dicom_name (path) && !sag_nifti_is_name (path))
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                 "'%s' must end in .dcm, .nii or .nii.gz", path);
  else if (!g_file_test (folder, G_FILE_TEST_IS_DIR))
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "There is no folder '%s' to write to",
                 folder);
  else if (is_dicom_name (path) && !has_source)
    g_set_error (
        error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
        "'%s' is not DICOM, so there is no patient and no images a DICOM segmentation could refer "
        "to; write .nii.gz instead of '%s'",
        input, path);
  else
    return TRUE;
  return FALSE;
}

static gboolean
write_output (const char *path, gboolean is_confidence, SagSegmentation *result,
              const SagOpenInfo *info, GError **error)
{
  const SagSegOptions fractional = { .type = SAG_SEG_FRACTIONAL };

  if (is_dicom_name (path))
    return sag_seg_write (path, result, info->stack, is_confidence ? &fractional : NULL, error);
  return is_confidence ? sag_nifti_write_confidence (path, result, info->says_place, error)
                       : sag_nifti_write_segmentation (path, result, info->says_place, error);
}

/* --- telling ----------------------------------------------------------------------------- */

static void
tally (SagSegmentation *result, Tally *sums)
{
  SagLabelmap *labelmap = sag_segmentation_get_layer (result, 0);
  const guint8 *labels = sag_labelmap_get_voxels (labelmap);
  const guint8 *confidence = sag_block_get_data (sag_segmentation_get_confidence (result));
  gsize n = sag_grid_get_n_voxels (sag_labelmap_get_grid (labelmap));

  memset (sums, 0, sizeof *sums);
  for (gsize i = 0; i < n; i++)
    {
      sums->voxels[labels[i]]++;
      sums->confidence[labels[i]] += confidence[i];
    }
}

/* Mean confidence of label `value`, of all labels if it is 0; NaN if there is none. */
static double
mean_confidence (const Tally *sums, int value)
{
  guint64 voxels = 0, confidence = 0;

  for (int v = 1; v < 256; v++)
    if (value == 0 || v == value)
      {
        voxels += sums->voxels[v];
        confidence += sums->confidence[v];
      }
  return voxels > 0 ? (double) confidence / 255 / (double) voxels : NAN;
}

static void
print_json (const SagPluginEntry *entry, const Options *options, SagSegmentation *result,
            const Tally *sums, const Report *report)
{
  JsonBuilder *b = json_builder_new ();
  const SagProvenance *provenance = sag_segmentation_get_provenance (result);
  double voxel_ml
      = report->is_spatial ? sag_grid_get_voxel_ml (sag_segmentation_get_grid (result)) : NAN;

  json_builder_begin_object (b);
  sag_json_string (b, "model", entry->recipe->id);
  sag_json_string (b, "version", entry->recipe->version);
  sag_json_string (b, "precision", provenance->precision);
  sag_json_string (b, "cpu", provenance->cpu);
  sag_json_string (b, "output", options->output);
  json_builder_set_member_name (b, "ms");
  json_builder_begin_object (b);
  sag_json_rounded (b, "read", report->read_ms);
  sag_json_rounded (b, "load", report->run.load_ms);
  sag_json_rounded (b, "prepare", report->run.prepare_ms);
  sag_json_rounded (b, "net", report->run.net_ms);
  sag_json_rounded (b, "finish", report->run.finish_ms);
  sag_json_rounded (b, "clean", report->run.clean_ms);
  sag_json_rounded (b, "write", report->write_ms);
  sag_json_rounded (b, "total", report->total_ms);
  json_builder_end_object (b);
  json_builder_set_member_name (b, "labels");
  json_builder_begin_array (b);
  for (int l = 0; l < entry->recipe->n_labels; l++)
    {
      const SagLabel *label = &entry->recipe->labels[l];

      json_builder_begin_object (b);
      sag_json_int (b, "value", label->value);
      sag_json_string (b, "name", label->name);
      sag_json_int (b, "voxels", (gint64) sums->voxels[label->value]);
      sag_json_double (b, "ml", (double) sums->voxels[label->value] * voxel_ml);
      sag_json_double (b, "mean_confidence", mean_confidence (sums, label->value));
      json_builder_end_object (b);
    }
  json_builder_end_array (b);
  sag_json_double (b, "mean_confidence", mean_confidence (sums, 0));
  sag_json_doubles (b, "spacing_seen", report->needs.spacing, 3);
  sag_json_int (b, "windows", report->needs.n_windows);
  sag_json_int (b, "promised_bytes", (gint64) report->needs.total_bytes);
  sag_json_int (b, "peak_bytes", (gint64) report->run.peak_bytes);
  sag_json_strings (b, "warnings", (const char *const *) report->warnings);
  json_builder_end_object (b);
  sag_cli_print_json (b);
}

static void
print_text (const SagPluginEntry *entry, SagSegmentation *result, const Tally *sums,
            const Report *report)
{
  const SagSegmentReport *run = &report->run;
  double size = report->is_spatial ? sag_grid_get_voxel_ml (sag_segmentation_get_grid (result)) : 1;

  g_print ("%-28s %10s %12s\n", "label", report->is_spatial ? "ml" : "pixels", "confidence");
  for (int l = 0; l < entry->recipe->n_labels; l++)
    {
      const SagLabel *label = &entry->recipe->labels[l];

      if (sums->voxels[label->value] == 0)
        g_print ("%-28s %10s %12s\n", label->name, "none", "");
      else
        g_print ("%-28s %10.*f %12.3f\n", label->name, report->is_spatial,
                 (double) sums->voxels[label->value] * size,
                 mean_confidence (sums, label->value));
    }
  g_print (
      "\nread %.0f ms, load %.0f, prepare %.0f, network %.0f, finish %.0f, clean %.0f, write %.0f; "
      "%.0f in all; memory %.0f MB\n",
      report->read_ms, run->load_ms, run->prepare_ms, run->net_ms, run->finish_ms, run->clean_ms,
      report->write_ms, report->total_ms, (double) run->peak_bytes / 1e6);
}

/* --- doing ------------------------------------------------------------------------------- */

/* What only the run could tell. */
static void
add_doubt (Report *report)
{
  g_autofree char *doubt = sag_segment_doubt (&report->run);
  guint n = g_strv_length (report->warnings);

  if (doubt == NULL)
    return;
  g_printerr ("! %s\n", doubt);
  report->warnings = g_renew (char *, report->warnings, n + 2);
  report->warnings[n] = g_steal_pointer (&doubt);
  report->warnings[n + 1] = NULL;
}

static gboolean
segment_and_write (const Options *options, const char *input, SagPluginHost *host,
                   const SagPluginEntry *entry, SagPrecision precision, gsize limit, Report *report,
                   GError **error)
{
  const SagSegmentOptions limits = { .max_bytes = limit };
  gint64 start = g_get_monotonic_time (), writing;
  g_autoptr (SagVolume) volume = NULL;
  g_autoptr (SagOpenInfo) info = NULL;
  g_autoptr (SagSegmentation) result = NULL;
  Tally sums;

  volume = sag_open_volume (input, options->series, NULL, &info, error);
  if (volume == NULL
      || !check_output (options->output, info->stack != NULL, input, error)
      || (options->confidence != NULL
          && !check_output (options->confidence, info->stack != NULL, input, error)))
    return FALSE;
  report->read_ms = since (start);
  report->is_spatial = sag_volume_is_spatial (volume);
  report->warnings = sag_recipe_check (entry->recipe, volume);
  for (int w = 0; report->warnings[w] != NULL; w++)
    g_printerr ("! %s\n", report->warnings[w]);
  result =
      sag_plugin_host_segment (host, entry, precision, volume, &limits, NULL, &report->run, error);
  if (result != NULL)
    add_doubt (report);
  if (result == NULL
      || !sag_plugin_host_bytes (host, entry, precision, sag_volume_get_grid (volume),
                                 &report->needs, error))
    return FALSE;
  writing = g_get_monotonic_time ();
  if (!write_output (options->output, FALSE, result, info, error)
      || (options->confidence != NULL
          && !write_output (options->confidence, TRUE, result, info, error)))
    return FALSE;
  report->write_ms = since (writing);
  report->total_ms = since (start);
  tally (result, &sums);
  if (options->json)
    print_json (entry, options, result, &sums, report);
  else
    print_text (entry, result, &sums, report);
  return TRUE;
}

static int
run (const Options *options, const char *input)
{
  g_autoptr (SagPluginHost) host = NULL;
  const SagPluginEntry *entry = NULL;
  SagPrecision precision = SAG_PRECISION_F32;
  gsize limit = 0;
  Report report = { .read_ms = 0 };
  GError *error = NULL;
  gboolean good;

  good = options->precision == NULL
         || sag_precision_from_name (options->precision, &precision, &error);
  good = good && sag_cli_parse_size (options->max_memory, &limit, &error);
  /* What can be refused at once is refused before anything is read. */
  good =
      good && check_output (options->output, TRUE, input, &error)
      && (options->confidence == NULL || check_output (options->confidence, TRUE, input, &error));
  if (good)
    {
      host = sag_cli_open_plugins ();
      entry = sag_plugin_host_find (host, options->model, &error);
    }
  good = entry != NULL
         && segment_and_write (options, input, host, entry, precision, limit, &report, &error);
  g_strfreev (report.warnings);
  return good ? 0 : sag_cli_fail ("segment", error);
}

int
sag_command_segment (int argc, char **argv)
{
  Options options = { NULL };
  const GOptionEntry entries[] = {
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &options.model,
      "Model by id or its last part (see sagitta-cli models), or an .onnx file with a key file beside it",
      "ID" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
      "Labels: DICOM SEG (.dcm) or NIfTI (.nii, .nii.gz)", "FILE" },
    { "confidence", 0, 0, G_OPTION_ARG_FILENAME, &options.confidence,
      "Confidence: NIfTI, or fractional DICOM SEG (.dcm)", "FILE" },
    { "series", 0, 0, G_OPTION_ARG_STRING, &options.series,
      "Which series of a folder (UID, or UID#2 for its second stack), or volume of a NIfTI file (#2)",
      "UID" },
    { "precision", 0, 0, G_OPTION_ARG_STRING, &options.precision, "fp32, bf16, int8 or int4", "P" },
    { "max-memory", 0, 0, G_OPTION_ARG_STRING, &options.max_memory, "Refuse to take more than this",
      "SIZE" },
    { "threads", 0, 0, G_OPTION_ARG_INT, &options.threads, "Threads (default: one a core)", "N" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print one line of JSON", NULL },
    { NULL }
  };
  int status = 2;

  if (sag_cli_parse (
          &argc, &argv, entries, "INPUT",
          "Segments a DICOM series, a NIfTI file or a PNG. Research use, not a medical device."))
    {
      if (argc != 2 || options.model == NULL || options.output == NULL)
        sag_cli_usage (argv[0]);
      else
        {
          sag_cli_set_threads (options.threads);
          status = run (&options, argv[1]);
        }
    }
  options_clear (&options);
  return status;
}
