/* SPDX-License-Identifier: Apache-2.0
 *
 * seg-info.c: `sagitta-cli seg-info`: what a segmentation holds and where it came from.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/files/open.h"

#include <math.h>

typedef struct
{
  SagSegmentation *segmentation;
  SagSegInfo      *info; /* NULL for NIfTI */
} Input;

static void
add_code (JsonBuilder *b, const char *name, const SagCode *code)
{
  json_builder_set_member_name (b, name);
  json_builder_begin_object (b);
  sag_json_string (b, "value", code->value);
  sag_json_string (b, "scheme", code->scheme);
  sag_json_string (b, "meaning", code->meaning);
  json_builder_end_object (b);
}

static void
add_label (JsonBuilder *b, const SagLabel *label, const SagLabelStats *stats, int layer, gboolean has_place)
{
  g_autofree char *colour
      = g_strdup_printf ("#%02x%02x%02x", label->rgb[0], label->rgb[1], label->rgb[2]);

  json_builder_begin_object (b);
  sag_json_int (b, "value", sag_label_get_number (label));
  sag_json_string (b, "name", label->name);
  sag_json_int (b, "layer", layer);
  sag_json_int (b, "voxels", (gint64) stats->n_voxels);
  sag_json_double (b, "ml", has_place ? stats->ml : NAN);
  if (stats->n_voxels > 0) /* without a place: on the grid that "spacing" and "origin_lps" tell, not in the patient */
    sag_json_doubles (b, has_place ? "centroid_lps" : "centroid_grid", stats->centroid, 3);
  sag_json_string (b, "colour", colour);
  add_code (b, "category", &label->category);
  add_code (b, "type", &label->type);
  add_code (b, "modifier", &label->modifier);
  json_builder_end_object (b);
}

static void
add_provenance (JsonBuilder *b, const SagProvenance *p)
{
  json_builder_set_member_name (b, "provenance");
  json_builder_begin_object (b);
  sag_json_string (b, "model_id", p->model_id);
  sag_json_string (b, "model_name", p->model_name);
  sag_json_string (b, "model_version", p->model_version);
  sag_json_string (b, "weights_sha256", p->weights_sha256);
  sag_json_string (b, "precision", p->precision);
  sag_json_string (b, "calibration", p->calibration);
  sag_json_string (b, "cpu", p->cpu);
  sag_json_string (b, "program", p->program);
  sag_json_string (b, "time", p->time);
  sag_json_string (b, "algorithm", p->algorithm);
  sag_json_string (b, "threshold", p->threshold);
  sag_json_string (b, "creator", p->creator);
  sag_json_string (b, "contributing_equipment", p->equipment);
  sag_json_string (b, "description", p->description);
  sag_json_string (b, "source_series", p->source);
  json_builder_end_object (b);
}

static void
print_json (const Input *input)
{
  JsonBuilder *b = json_builder_new ();
  const SagGrid *grid = sag_segmentation_get_grid (input->segmentation);
  gboolean has_place = sag_segmentation_get_has_place (input->segmentation);
  const SagSegInfo *info = input->info;

  json_builder_begin_object (b);
  if (info != NULL)
    {
      sag_json_string (b, "segmentation_type", info->segmentation_type);
      sag_json_string (b, "series_description", info->series_description);
      sag_json_string (b, "content_label", info->content_label);
      sag_json_string (b, "content_description", info->content_description);
      sag_json_string (b, "manufacturer", info->manufacturer);
      sag_json_string (b, "creator", info->creator);
      sag_json_string (b, "algorithm_type", info->algorithm_type);
      sag_json_string (b, "algorithm_name", info->algorithm_name);
      sag_json_string (b, "frame_of_reference", info->frame_of_reference_uid);
      sag_json_string (b, "referenced_series", info->referenced_series_uid);
      sag_json_int (b, "frames", info->n_frames);
    }
  json_builder_set_member_name (b, "size");
  json_builder_begin_array (b);
  for (int a = 0; a < 3; a++)
    json_builder_add_int_value (b, grid->size[a]);
  json_builder_end_array (b);
  sag_json_boolean (b, "has_place", has_place);
  sag_json_doubles (b, "spacing", grid->spacing, 3);
  sag_json_doubles (b, "origin_lps", grid->origin, 3);
  sag_json_doubles (b, "direction", grid->direction, 9);
  add_provenance (b, sag_segmentation_get_provenance (input->segmentation));
  json_builder_set_member_name (b, "labels");
  json_builder_begin_array (b);
  for (int layer = 0; layer < sag_segmentation_get_n_layers (input->segmentation); layer++)
    {
      SagLabelmap *map = sag_segmentation_get_layer (input->segmentation, layer);
      g_autofree SagLabelStats *stats = g_new (SagLabelStats, 256);
      const SagLabel *labels;
      int n;

      sag_labelmap_measure (map, stats);
      labels = sag_labelmap_get_labels (map, &n);
      for (int i = 0; i < n; i++)
        add_label (b, &labels[i], &stats[labels[i].value], layer, has_place);
    }
  json_builder_end_array (b);
  json_builder_end_object (b);
  sag_cli_print_json (b);
}

static void
print_if (const char *name, const char *value)
{
  if (value != NULL && *value != '\0')
    g_print ("%-13s %s\n", name, value);
}

static void
print_text (const Input *input)
{
  const SagProvenance *p = sag_segmentation_get_provenance (input->segmentation);
  const SagGrid *grid = sag_segmentation_get_grid (input->segmentation);
  gboolean has_place = sag_segmentation_get_has_place (input->segmentation);

  if (input->info != NULL)
    {
      print_if ("description", input->info->series_description);
      print_if ("type", input->info->segmentation_type);
      print_if ("content", input->info->content_description);
      print_if ("creator", input->info->creator);
      print_if ("algorithm", input->info->algorithm_type);
    }
  print_if ("model", p->model_name);
  print_if ("version", p->model_version);
  print_if ("weights", p->weights_sha256);
  print_if ("precision", p->precision);
  print_if ("calibration", p->calibration);
  print_if ("cpu", p->cpu);
  print_if ("program", p->program);
  print_if ("time", p->time);
  print_if ("made", p->algorithm);
  print_if ("threshold", p->threshold);
  print_if ("contributors", p->equipment);
  if (has_place)
    g_print ("%-13s %d x %d x %d, %.3f x %.3f x %.3f mm\n", "grid", grid->size[0], grid->size[1],
             grid->size[2], grid->spacing[0], grid->spacing[1], grid->spacing[2]);
  else
    g_print ("%-13s %d x %d x %d pixels of its images; no place in the patient\n", "grid", grid->size[0],
             grid->size[1], grid->size[2]);
  for (int layer = 0; layer < sag_segmentation_get_n_layers (input->segmentation); layer++)
    {
      SagLabelmap *map = sag_segmentation_get_layer (input->segmentation, layer);
      g_autofree SagLabelStats *stats = g_new (SagLabelStats, 256);
      const SagLabel *labels;
      int n;

      sag_labelmap_measure (map, stats);
      labels = sag_labelmap_get_labels (map, &n);
      for (int i = 0; i < n; i++)
        if (has_place)
          g_print ("%3d %-40s %10.2f ml\n", sag_label_get_number (&labels[i]), labels[i].name, stats[labels[i].value].ml);
        else
          g_print ("%3d %-40s %10" G_GUINT64_FORMAT " pixels\n", sag_label_get_number (&labels[i]), labels[i].name,
                   (guint64) stats[labels[i].value].n_voxels);
    }
}

int
sag_command_seg_info (int argc, char **argv)
{
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Print one line of JSON", NULL },
    { NULL }
  };
  g_autoptr (SagSegmentation) segmentation = NULL;
  g_autoptr (SagSegInfo) info = NULL;
  GError *error = NULL;

  if (!sag_cli_parse (&argc, &argv, entries, "FILE",
                      "Tells the labels, volumes and origin of a DICOM SEG or of NIfTI labels."))
    return 2;
  if (argc != 2)
    return sag_cli_usage (argv[0]);
  segmentation = sag_open_seg (argv[1], &info, &error);
  if (segmentation == NULL)
    return sag_cli_fail (argv[0], error);
  const Input input = { segmentation, info };
  if (json)
    print_json (&input);
  else
    print_text (&input);
  return 0;
}
