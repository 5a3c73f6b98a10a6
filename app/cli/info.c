/* SPDX-License-Identifier: Apache-2.0
 *
 * info.c: `sagitta-cli info`: one volume, read whole, and what is known of it.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/files/open.h"

#include <math.h>
#include <string.h>

/* Smallest, largest and mean value over the volume, of those that are numbers; NaN where there is none. */
static void
measure (const SagVolume *volume, double *low, double *high, double *mean)
{
  const SagGrid *grid = sag_volume_get_grid (volume);
  gsize n = (gsize) grid->size[0] * grid->size[1];
  g_autofree float *values = g_new (float, n);
  double sum = 0;
  gsize known = 0;

  *low = *high = NAN;
  for (int k = 0; k < grid->size[2]; k++)
    {
      double slice = 0;

      sag_volume_get_values (volume, k, values);
      for (gsize i = 0; i < n; i++)
        {
          if (!isfinite (values[i]))
            continue;
          *low = known == 0 ? values[i] : MIN (*low, values[i]);
          *high = known == 0 ? values[i] : MAX (*high, values[i]);
          slice += values[i];
          known++;
        }
      sum += slice;
    }
  *mean = known > 0 ? sum / (double) known : NAN;
}

static const char *
type_name (SagVoxelType type)
{
  static const char *const names[] = { "u8", "i16", "u16", "f32", "rgb8" };

  return names[type];
}

static void
add_values (JsonBuilder *b, const SagVolume *volume)
{
  double low, high, mean;

  measure (volume, &low, &high, &mean);
  sag_json_string (b, "voxel_type", type_name (sag_volume_get_voxel_type (volume)));
  sag_json_double (b, "slope", sag_volume_get_slope (volume));
  sag_json_double (b, "intercept", sag_volume_get_intercept (volume));
  sag_json_string (b, "unit", sag_volume_get_unit (volume));
  sag_json_double (b, "min", low);
  sag_json_double (b, "max", high);
  sag_json_double (b, "mean", mean);
}

/* The boxes of pixels in which the spacing holds, where it does not hold everywhere. */
static void
add_scaled (JsonBuilder *b, const SagVolume *volume)
{
  int n = 0;
  const int (*boxes)[4] = volume != NULL ? sag_volume_get_scaled_boxes (volume, &n) : NULL;

  if (n == 0)
    return;
  json_builder_set_member_name (b, "spacing_boxes");
  json_builder_begin_array (b);
  for (int i = 0; i < n; i++)
    {
      json_builder_begin_array (b);
      for (int e = 0; e < 4; e++)
        json_builder_add_int_value (b, boxes[i][e]);
      json_builder_end_array (b);
    }
  json_builder_end_array (b);
}

/* `volume` is NULL where the pixels cannot be decoded: the header is told all the same. */
static gboolean
has_spacing (const SagVolume *volume, const SagOpenInfo *info)
{
  return volume != NULL ? sag_volume_get_has_spacing (volume)
                        : !sag_stack_has_finding (info->stack, SAG_FINDING_NO_SPACING);
}

static void
print_json (const SagVolume *volume, const SagOpenInfo *info)
{
  JsonBuilder *b = json_builder_new ();
  const SagGrid *grid = volume != NULL ? sag_volume_get_grid (volume) : &info->stack->grid;
  char orientation[4];

  sag_grid_get_orientation (grid, orientation);
  json_builder_begin_object (b);
  sag_json_string (b, "name", info->name);
  sag_json_string (b, "series",
                   info->series != NULL ? info->series->first->series_instance_uid : "");
  sag_json_string (b, "stack", info->stack != NULL ? info->stack->name : "");
  sag_json_string (b, "modality", volume != NULL ? sag_volume_get_modality (volume)
                                                 : info->series->first->modality);
  sag_json_boolean (b, "readable", volume != NULL);
  if (info->stack != NULL)
    {
      const SagDicomInstance *first = info->stack->slices[0].instance;

      sag_json_string (b, "sop_class", first->sop_class_uid);
      sag_json_string (b, "transfer_syntax", first->transfer_syntax_uid);
      sag_json_string (b, "photometric_interpretation", first->photometric_interpretation);
    }
  json_builder_set_member_name (b, "size");
  json_builder_begin_array (b);
  for (int a = 0; a < 3; a++)
    json_builder_add_int_value (b, grid->size[a]);
  json_builder_end_array (b);
  sag_json_doubles (b, "spacing", grid->spacing, 3);
  sag_json_boolean (b, "spacing_known", has_spacing (volume, info));
  add_scaled (b, volume);
  sag_json_boolean (b, "place_known", info->has_place);
  sag_json_doubles (b, "origin_lps", grid->origin, 3);
  sag_json_doubles (b, "direction", grid->direction, 9);
  sag_json_string (b, "orientation", orientation);
  if (volume != NULL)
    add_values (b, volume);
  sag_json_string (b, "frame_of_reference",
                   volume != NULL ? sag_volume_get_frame_of_reference (volume)
                                  : info->series->first->frame_of_reference_uid);
  sag_json_boolean (b, "monochrome1", info->monochrome1);
  if (info->stack != NULL)
    sag_json_string (b, "voi_lut_function",
                     info->stack->slices[info->stack->n_slices / 2].instance->voi_lut_function);
  json_builder_set_member_name (b, "windows");
  json_builder_begin_array (b);
  for (int i = 0; i < info->n_windows; i++)
    {
      json_builder_begin_object (b);
      sag_json_double (b, "center", info->windows[i].center);
      sag_json_double (b, "width", info->windows[i].width);
      sag_json_string (b, "name", info->window_explanations[i]);
      json_builder_end_object (b);
    }
  json_builder_end_array (b);
  sag_json_strings (b, "findings", (const char *const *) info->findings);
  json_builder_end_object (b);
  sag_cli_print_json (b);
}

static void
print_values (const SagVolume *volume)
{
  const char *unit = sag_volume_get_unit (volume);
  double low, high, mean;

  measure (volume, &low, &high, &mean);
  g_print ("voxels       %s, value = stored * %g + %g %s\n",
           type_name (sag_volume_get_voxel_type (volume)), sag_volume_get_slope (volume),
           sag_volume_get_intercept (volume), unit);
  g_print ("values       %g to %g, mean %g %s\n", low, high, mean, unit);
}

static void
print_text (const SagVolume *volume, const SagOpenInfo *info)
{
  const SagGrid *grid = volume != NULL ? sag_volume_get_grid (volume) : &info->stack->grid;
  char orientation[4];

  sag_grid_get_orientation (grid, orientation);
  g_print ("%s  %s\n", volume != NULL ? sag_volume_get_modality (volume)
                                      : info->series->first->modality, info->name);
  g_print ("size         %d x %d x %d (%s)\n", grid->size[0], grid->size[1], grid->size[2],
           info->has_place ? orientation : "sides not known");
  if (has_spacing (volume, info))
    g_print ("spacing      %.4f x %.4f x %.4f mm\n", grid->spacing[0], grid->spacing[1],
             grid->spacing[2]);
  else
    g_print ("spacing      not known\n");
  g_print ("origin       %.3f, %.3f, %.3f mm LPS\n", grid->origin[0], grid->origin[1],
           grid->origin[2]);
  if (volume != NULL)
    print_values (volume);
  for (int i = 0; i < info->n_windows; i++)
    g_print ("window       center %g, width %g  %s\n", info->windows[i].center,
             info->windows[i].width, info->window_explanations[i]);
  for (char **f = info->findings; *f != NULL; f++)
    g_print ("! %s\n", *f);
}

int
sag_command_info (int argc, char **argv)
{
  gboolean json = FALSE;
  int threads = 0;
  g_autofree char *series = NULL;
  const GOptionEntry entries[] = {
    { "series", 0, 0, G_OPTION_ARG_STRING, &series,
      "Which series of a folder (UID, or UID#2 for its second stack), or volume of a NIfTI file (#2)",
      "UID" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Print one line of JSON", NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT, &threads, "Threads (default: one a core)", "N" },
    { NULL }
  };
  g_autoptr (SagVolume) volume = NULL;
  g_autoptr (SagOpenInfo) info = NULL;
  GError *error = NULL;

  if (!sag_cli_parse (
          &argc, &argv, entries, "INPUT",
          "Reads a DICOM series, a NIfTI file or a PNG and tells its geometry, values and faults."))
    return 2;
  if (argc != 2)
    return sag_cli_usage (argv[0]);
  sag_cli_set_threads (threads);
  volume = sag_open_volume (argv[1], series, NULL, &info, &error);
  /* Pixels we cannot decode: what the header says is told, and why there is no more. */
  if (volume == NULL && g_error_matches (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_UNSUPPORTED))
    info = sag_open_describe (argv[1], series, error, NULL);
  if (volume == NULL && info == NULL)
    return sag_cli_fail (argv[0], error);
  g_clear_error (&error);
  if (json)
    print_json (volume, info);
  else
    print_text (volume, info);
  return 0;
}
