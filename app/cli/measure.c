/* SPDX-License-Identifier: Apache-2.0
 *
 * measure.c: `sagitta-cli measure`: lengths, angles and figures on a volume, as the window measures them.
 *
 * The figures come as a JSON array of objects:
 *
 *     { "kind": "length" | "angle" | "cobb" | "bidirectional" | "ellipse" | "rectangle" | "freehand",
 *       "points": [[x, y, z], …],    mm, LPS; or "points_ijk": voxel indices
 *       "name": "…",                 optional
 *       "right": [x, y, z], "down": [x, y, z] }   optional: the plane; the image's rows and columns
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/files/open.h"
#include "app/state/measurements.h"
#include "app/work/report.h"
#include "engine/base/error.h"

#include <math.h>
#include <string.h>

static gboolean
bad (const char *what, guint index, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "Figure %u: %s", index + 1, what);
  return FALSE;
}

/* [x, y, z] of an array node. */
static gboolean
get_vector (JsonNode *node, double out[3])
{
  JsonArray *array
      = node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  if (array == NULL || json_array_get_length (array) != 3)
    return FALSE;
  for (guint c = 0; c < 3; c++)
    {
      JsonNode *value = json_array_get_element (array, c);

      if (!JSON_NODE_HOLDS_VALUE (value))
        return FALSE;
      out[c] = json_node_get_double (value);
      if (!isfinite (out[c]))
        return FALSE;
    }
  return TRUE;
}

/* As sag_measurement_from_variant() wants it; floating. */
static GVariant *
describe (JsonObject *object, const SagGrid *grid, guint index, GError **error)
{
  gboolean in_voxels = json_object_has_member (object, "points_ijk");
  JsonNode *node = json_object_get_member (object, in_voxels ? "points_ijk" : "points");
  JsonArray *points = node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  GVariantBuilder builder;
  GVariantDict dict;
  double right[3], down[3], p[3];

  for (int c = 0; c < 3; c++)
    {
      right[c] = grid->direction[3 * c];
      down[c] = grid->direction[3 * c + 1];
    }
  if ((json_object_has_member (object, "right")
       && !get_vector (json_object_get_member (object, "right"), right))
      || (json_object_has_member (object, "down")
          && !get_vector (json_object_get_member (object, "down"), down)))
    return bad ("its plane is not given by two vectors", index, error), NULL;
  if (points == NULL)
    return bad ("it has no \"points\"", index, error), NULL;
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ddd)"));
  for (guint n = 0; n < json_array_get_length (points); n++)
    {
      if (!get_vector (json_array_get_element (points, n), p))
        {
          g_variant_builder_clear (&builder);
          return bad ("a point is not [x, y, z]", index, error), NULL;
        }
      if (in_voxels)
        {
          double ijk[3] = { p[0], p[1], p[2] };

          sag_grid_to_lps (grid, ijk, p);
        }
      g_variant_builder_add (&builder, "(ddd)", p[0], p[1], p[2]);
    }
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "kind", "s",
                         json_object_get_string_member_with_default (object, "kind", ""));
  g_variant_dict_insert (&dict, "name", "s",
                         json_object_get_string_member_with_default (object, "name", ""));
  g_variant_dict_insert (&dict, "right", "(ddd)", right[0], right[1], right[2]);
  g_variant_dict_insert (&dict, "down", "(ddd)", down[0], down[1], down[2]);
  g_variant_dict_insert_value (&dict, "points", g_variant_builder_end (&builder));
  return g_variant_dict_end (&dict);
}

static gboolean
load (const char *path, SagMeasurements *all, const SagGrid *grid, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonArray *array;

  if (!json_parser_load_from_file (parser, path, error))
    {
      g_autofree char *shown = sag_escape_name (path, -1);

      g_prefix_error (error, "The figures '%s' cannot be read: ", shown);
      return FALSE;
    }
  if (json_parser_get_root (parser) == NULL || !JSON_NODE_HOLDS_ARRAY (json_parser_get_root (parser)))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "'%s' is not a JSON array of figures; see measure --help", path);
      return FALSE;
    }
  array = json_node_get_array (json_parser_get_root (parser));
  for (guint n = 0; n < json_array_get_length (array); n++)
    {
      JsonNode *node = json_array_get_element (array, n);
      g_autoptr (GVariant) description = NULL;
      g_autoptr (SagMeasurement) item = NULL;

      if (!JSON_NODE_HOLDS_OBJECT (node))
        return bad ("it is not an object", n, error);
      description = describe (json_node_get_object (node), grid, n, error);
      if (description == NULL)
        return FALSE;
      g_variant_ref_sink (description);
      item = sag_measurement_from_variant (description, error);
      if (item == NULL)
        {
          g_prefix_error (error, "Figure %u: ", n + 1);
          return FALSE;
        }
      sag_measurements_add (all, item);
    }
  return TRUE;
}

static void
print_json (GListModel *items)
{
  JsonBuilder *b = json_builder_new ();

  json_builder_begin_object (b);
  json_builder_set_member_name (b, "measurements");
  json_builder_begin_array (b);
  for (guint i = 0; i < g_list_model_get_n_items (items); i++)
    {
      g_autoptr (SagMeasurement) item = g_list_model_get_item (items, i);
      const SagMeasured *m = sag_measurement_get_measured (item);
      gboolean real = sag_measurement_is_calibrated (item);

      json_builder_begin_object (b);
      sag_json_string (b, "kind", sag_measure_kind_get_name (sag_measurement_get_kind (item)));
      sag_json_string (b, "name", sag_measurement_get_name (item));
      sag_json_string (b, "uid", sag_measurement_get_uid (item));
      sag_json_double (b, real ? "length_mm" : "length_px", m->length);
      sag_json_double (b, real ? "width_mm" : "width_px", m->width);
      sag_json_double (b, "angle_deg", m->angle);
      sag_json_double (b, real ? "area_mm2" : "area_px2", m->area);
      sag_json_int (b, "pixels", (gint64) m->values.n);
      sag_json_double (b, "mean", m->values.mean);
      sag_json_double (b, "sd", m->values.sd);
      sag_json_double (b, "min", m->values.min);
      sag_json_double (b, "max", m->values.max);
      sag_json_string (b, "unit", sag_measurement_get_unit (item));
      json_builder_end_object (b);
    }
  json_builder_end_array (b);
  json_builder_end_object (b);
  sag_cli_print_json (b);
}

static void
print_text (GListModel *items)
{
  for (guint i = 0; i < g_list_model_get_n_items (items); i++)
    {
      g_autoptr (SagMeasurement) item = g_list_model_get_item (items, i);
      g_autofree char *text = g_strdelimit (g_strdup (sag_measurement_get_text (item)), "\n", ' ');
      const char *name = sag_measurement_get_name (item);

      g_print ("%-14s %s%s%s\n", sag_measure_kind_get_title (sag_measurement_get_kind (item)), text,
               name[0] != '\0' ? "  " : "", name);
    }
}

static gboolean
measure (const char *input, const char *series, const char *figures, const char *csv, const char *sr,
         gboolean json, GError **error)
{
  g_autoptr (SagOpenInfo) info = NULL;
  g_autoptr (SagVolume) volume = sag_open_volume (input, series, NULL, &info, error);
  g_autoptr (SagMeasurements) all = sag_measurements_new ();
  gboolean calibrated;
  GListModel *items;

  if (volume == NULL)
    return FALSE;
  calibrated = info->stack == NULL
               || sag_dicom_instance_get_frame (info->stack->slices[0].instance,
                                                info->stack->slices[0].frame)
                          ->pixel_spacing_source
                      != SAG_SPACING_UNKNOWN;
  sag_measurements_set_volume (all, volume, calibrated);
  if (!load (figures, all, sag_volume_get_grid (volume), error))
    return FALSE;
  items = sag_measurements_get_items (all);
  if (csv != NULL && !sag_report_write_csv (csv, items, error))
    return FALSE;
  if (sr != NULL && info->stack == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "A DICOM SR needs DICOM images to refer to; '%s' is NIfTI. Write --csv", input);
      return FALSE;
    }
  if (sr != NULL && !sag_report_write_sr (sr, items, volume, info->stack, error))
    return FALSE;
  (json ? print_json : print_text) (items);
  return TRUE;
}

int
sag_command_measure (int argc, char **argv)
{
  g_autofree char *series = NULL, *figures = NULL, *csv = NULL, *sr = NULL;
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    { "figures", 'f', 0, G_OPTION_ARG_FILENAME, &figures,
      "What to measure: a JSON array of {kind, points}; kinds: length, angle, cobb, bidirectional, "
      "ellipse, rectangle, freehand",
      "FILE" },
    { "series", 0, 0, G_OPTION_ARG_STRING, &series, "Which series of a folder", "UID" },
    { "csv", 0, 0, G_OPTION_ARG_FILENAME, &csv, "Write a table", "FILE" },
    { "sr", 0, 0, G_OPTION_ARG_FILENAME, &sr, "Write a DICOM structured report (TID 1500)", "FILE" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, "One line of JSON", NULL },
    { NULL }
  };
  GError *error = NULL;

  if (!sag_cli_parse (&argc, &argv, entries, "INPUT",
                      "Measures lengths, angles and figures on a series or NIfTI file."))
    return 2;
  if (argc != 2 || figures == NULL)
    return sag_cli_usage ("measure");
  return measure (argv[1], series, figures, csv, sr, json, &error) ? 0
                                                                   : sag_cli_fail ("measure", error);
}
