/* SPDX-License-Identifier: Apache-2.0
 *
 * convert.c: `sagitta-cli convert`: a series or labels to NIfTI; labels to a surface or a table.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/cli/convert-labels.h"
#include "app/dicom/straighten.h"
#include "app/files/nifti.h"
#include "app/files/open.h"

#include <string.h>

/* Converters for research turn volumes acquired in 3-D to the axes of the head; so do we, to be
 * comparable with them voxel by voxel. */
static const char *
orientation_of (const SagOpenInfo *info)
{
  const SagStack *stack = info->stack;

  return stack != NULL && stack->n_slices > 1
                 && strcmp (stack->slices[0].instance->mr_acquisition_type, "3D") == 0
             ? "RAS" : NULL;
}

/* The volume straightened in its place; as it is where there is nothing to straighten. */
static gboolean
replace (SagVolume **volume, const SagOpenInfo *info, char **text, GError **error)
{
  SagVolume *straight;

  if (info->stack == NULL || !sag_straighten_is_needed (info->stack))
    return TRUE;
  straight = sag_straighten (*volume, info->stack, text, error);
  if (straight == NULL)
    return FALSE;
  sag_volume_unref (*volume);
  *volume = straight;
  return TRUE;
}

static int
print_output (const char *path, const char *finding, gboolean json)
{
  const char *const findings[] = { finding, NULL };
  JsonBuilder *b;

  if (!json && finding != NULL)
    g_print ("! %s\n", finding);
  if (!json)
    return 0;
  b = json_builder_new ();
  json_builder_begin_object (b);
  sag_json_string (b, "output", path);
  sag_json_strings (b, "findings", findings);
  json_builder_end_object (b);
  sag_cli_print_json (b);
  return 0;
}

int
sag_command_convert (int argc, char **argv)
{
  gboolean json = FALSE, straighten = FALSE, nifti2 = FALSE, is_labels;
  int threads = 0, label = 0, smooth = 0;
  g_autofree char *series = NULL, *images = NULL;
  const GOptionEntry entries[] = {
    { "series", 0, 0, G_OPTION_ARG_STRING, &series,
      "Which series of a folder (UID, or UID#2 for its second stack), or volume of a NIfTI file (#2)",
      "UID" },
    { "nifti2", 0, 0, G_OPTION_ARG_NONE, &nifti2, "Write NIfTI-2", NULL },
    { "straighten", 0, 0, G_OPTION_ARG_NONE, &straighten,
      "Resample tilted or unevenly spaced slices onto an upright, even grid", NULL },
    { "untilt", 0, 0, G_OPTION_ARG_NONE, &straighten, "The same", NULL },
    { "label", 0, 0, G_OPTION_ARG_INT, &label, "Which label to write: its surface as STL, or its voxels as NIfTI", "N" },
    { "smooth", 0, 0, G_OPTION_ARG_INT, &smooth,
      "Smooth the surface; 20 steps take the stairs of the voxels away (default: 0)", "STEPS" },
    { "images", 0, 0, G_OPTION_ARG_FILENAME, &images,
      "With labels: the series whose values are measured inside them (CSV), or on whose grid they are laid (NIfTI, SEG)",
      "SERIES" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Print one line of JSON", NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT, &threads, "Threads (default: one a core)", "N" },
    { NULL }
  };
  g_autoptr (SagVolume) volume = NULL;
  g_autoptr (SagOpenInfo) info = NULL;
  g_autofree char *straightened = NULL, *finding = NULL;
  GError *error = NULL;

  if (!sag_cli_parse (&argc, &argv, entries, "INPUT OUTPUT.nii.gz | LABELS OUTPUT.nii.gz | LABELS OUTPUT.dcm --images SERIES | LABELS OUTPUT.stl | "
                      "LABELS OUTPUT.csv",
                      "Writes a DICOM series (or a NIfTI file), or the labels of a SEG or RTSTRUCT, as NIfTI; the surface of a label (of a SEG or "
                      "RTSTRUCT,\na NIfTI file or a PNG mask) as binary STL in the patient's coordinates (LPS, "
                      "mm); a table of the\nlabels as CSV: voxels, ml, mean and sd, confidence, centroid; or labels (of a NIfTI "
                      "file, a PNG mask, an RTSTRUCT or\na SEG) as a DICOM SEG of the images that they lie on."))
    return 2;
  if (argc != 3)
    return sag_cli_usage (argv[0]);
  is_labels = sag_convert_is_labels (argv[1], argv[2], label != 0 || images != NULL);
  if (!sag_nifti_is_name (argv[2]) && !is_labels)
    {
      g_printerr ("sagitta-cli convert: the output's name must end in .nii, .nii.gz, .dcm, .stl or .csv\n");
      return 2;
    }
  sag_cli_set_threads (threads);
  if (is_labels)
    return sag_convert_labels (argv[1], argv[2], label, smooth, images, series, &finding, &error)
               ? print_output (argv[2], finding, json) : sag_cli_fail (argv[0], error);
  volume = sag_open_volume (argv[1], series, NULL, &info, &error);
  if (volume == NULL || (straighten && !replace (&volume, info, &straightened, &error))
      || !sag_nifti_write_turned (argv[2], volume, orientation_of (info), info->says_place,
                                  nifti2 ? 2 : 1, NULL, &error))
    return sag_cli_fail (argv[0], error);
  for (char **f = info->findings; *f != NULL && !json; f++)
    g_print ("! %s\n", *f);
  if (straightened != NULL && !json)
    g_print ("%s\n", straightened);
  if (json)
    {
      JsonBuilder *b = json_builder_new ();

      json_builder_begin_object (b);
      sag_json_string (b, "output", argv[2]);
      sag_json_strings (b, "findings", (const char *const *) info->findings);
      sag_json_string (b, "straightened", straightened != NULL ? straightened : "");
      json_builder_end_object (b);
      sag_cli_print_json (b);
    }
  return 0;
}
