/* SPDX-License-Identifier: Apache-2.0
 *
 * report.c: what was measured, as a file.
 */
#include "app/work/report.h"

#include "app/dicom/sr.h"
#include "app/files/save.h"

#include <math.h>
#include <string.h>

enum
{
  MOST_VALUES = 8,
};

/* One measurement on its way into a report. */
typedef struct
{
  GArray      *points[2]; /* of double[3] */
  SagSrGraphic graphics[2];
  SagSrValue   values[MOST_VALUES];
  char        *name;
} Group;

static void
group_free (gpointer data)
{
  Group *self = data;

  for (int g = 0; g < 2; g++)
    g_clear_pointer (&self->points[g], g_array_unref);
  g_free (self->name);
  g_free (self);
}

static const SagCode none = { "", "", "" };
static const SagCode mm = { "mm", "UCUM", "millimeter" };
static const SagCode mm2 = { "mm2", "UCUM", "square millimeter" };
static const SagCode pixels = { "{pixels}", "UCUM", "pixels" };
static const SagCode degrees = { "deg", "UCUM", "degree" };

/* What the values of an image are, and in what unit (PS3.16 CID 7180, 7181). */
static void
get_value_codes (SagVolume *volume, SagCode *concept, SagCode *unit)
{
  const char *text = sag_volume_get_unit (volume);

  if (strcmp (text, "HU") == 0)
    {
      *concept = (SagCode){ "112031", "DCM", "Attenuation Coefficient" };
      *unit = (SagCode){ "[hnsf'U]", "UCUM", "Hounsfield unit" };
    }
  else if (g_str_has_prefix (text, "SUV"))
    {
      *concept = (SagCode){ "126401", "DCM", "SUVbw" };
      *unit = (SagCode){ "g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight" };
    }
  else if (strcmp (sag_volume_get_modality (volume), "MR") == 0)
    {
      *concept = (SagCode){ "110852", "DCM", "MR signal intensity" };
      *unit = (SagCode){ "1", "UCUM", "no units" };
    }
  else
    {
      *concept = (SagCode){ "PIXEL_VALUE", "99SAGITTA", "Pixel value" };
      *unit = (SagCode){ "1", "UCUM", "no units" };
    }
}

static void
add_value (SagSrGroup *spec, Group *group, SagCode concept, SagCode derivation, double value,
           SagCode unit, int graphic)
{
  if (isfinite (value))
    group->values[spec->n_values++]
        = (SagSrValue){ concept, derivation, value, unit, graphic };
}

static void
add_points (Group *group, SagSrGroup *spec, const char *type, const double (*points)[3], int n)
{
  GArray *copy = g_array_new (FALSE, FALSE, 3 * sizeof (double));

  g_array_append_vals (copy, points, (guint) n);
  group->points[spec->n_graphics] = copy;
  group->graphics[spec->n_graphics]
      = (SagSrGraphic){ type, (const double (*)[3]) copy->data, n };
  spec->n_graphics++;
}

/* Corners of the box, or ends of the axes of the ellipse in it, the longer first. */
static void
add_box (Group *group, SagSrGroup *spec, SagMeasurement *item, gboolean is_ellipse)
{
  static const double corners[5][2] = { { 0, 0 }, { 1, 0 }, { 1, 1 }, { 0, 1 }, { 0, 0 } };
  static const double wide[4][2] = { { 0, .5 }, { 1, .5 }, { .5, 0 }, { .5, 1 } };
  static const double tall[4][2] = { { .5, 0 }, { .5, 1 }, { 0, .5 }, { 1, .5 } };
  double right[3], down[3], across = 0, along = 0, out[5][3];
  int n, n_out = is_ellipse ? 4 : 5;
  const double (*p)[3] = sag_measurement_get_points (item, &n);
  const double (*at)[2] = corners;

  sag_measurement_get_plane (item, right, down);
  for (int c = 0; c < 3; c++)
    {
      across += (p[1][c] - p[0][c]) * right[c];
      along += (p[1][c] - p[0][c]) * down[c];
    }
  if (is_ellipse)
    at = fabs (across) >= fabs (along) ? wide : tall;
  for (int i = 0; i < n_out; i++)
    for (int c = 0; c < 3; c++)
      out[i][c] = p[0][c] + at[i][0] * across * right[c] + at[i][1] * along * down[c];
  add_points (group, spec, is_ellipse ? "ELLIPSE" : "POLYGON", (const double (*)[3]) out, n_out);
}

static void
add_graphics (Group *group, SagSrGroup *spec, SagMeasurement *item)
{
  int n;
  const double (*p)[3] = sag_measurement_get_points (item, &n);

  switch (sag_measurement_get_kind (item))
    {
    case SAG_MEASURE_COBB:
    case SAG_MEASURE_BIDIRECTIONAL:
      add_points (group, spec, "POLYLINE", p, 2);
      add_points (group, spec, "POLYLINE", p + 2, 2);
      break;
    case SAG_MEASURE_ELLIPSE:
    case SAG_MEASURE_RECTANGLE:
      add_box (group, spec, item, sag_measurement_get_kind (item) == SAG_MEASURE_ELLIPSE);
      break;
    case SAG_MEASURE_FREEHAND:
      add_points (group, spec, "POLYGON", p, n);
      g_array_append_vals (group->points[0], p[0], 1);
      group->graphics[0].points = (const double (*)[3]) group->points[0]->data;
      group->graphics[0].n_points++;
      break;
    default:
      add_points (group, spec, "POLYLINE", p, n);
    }
}

static void
add_values (Group *group, SagSrGroup *spec, SagMeasurement *item, SagVolume *volume)
{
  const SagMeasured *m = sag_measurement_get_measured (item);
  gboolean real = sag_measurement_is_calibrated (item);
  SagMeasureKind kind = sag_measurement_get_kind (item);
  SagCode concept, unit;

  if (kind == SAG_MEASURE_BIDIRECTIONAL)
    {
      int n;
      const double (*p)[3] = sag_measurement_get_points (item, &n);
      double first = 0;

      for (int c = 0; c < 3; c++)
        first += (p[1][c] - p[0][c]) * (p[1][c] - p[0][c]);
      /* Which of the two lines is the long one. */
      int longer = fabs (sqrt (first) - m->length) <= fabs (sqrt (first) - m->width) ? 0 : 1;

      add_value (spec, group, (SagCode){ "103339001", "SCT", "Long Axis" }, none, m->length,
                 real ? mm : pixels, longer);
      add_value (spec, group, (SagCode){ "103340004", "SCT", "Short Axis" }, none, m->width,
                 real ? mm : pixels, 1 - longer);
      return;
    }
  add_value (spec, group, (SagCode){ "410668003", "SCT", "Length" }, none, m->length,
             real ? mm : pixels, -1);
  add_value (spec, group, (SagCode){ "1483009", "SCT", "Angle" }, none, m->angle, degrees, -1);
  add_value (spec, group, (SagCode){ "42798000", "SCT", "Area" }, none, m->area,
             real ? mm2 : (SagCode){ "{pixels}", "UCUM", "pixels" }, -1);
  if (m->values.n == 0)
    return;
  get_value_codes (volume, &concept, &unit);
  add_value (spec, group, concept, (SagCode){ "373098007", "SCT", "Mean" }, m->values.mean, unit, -1);
  add_value (spec, group, concept, (SagCode){ "386136009", "SCT", "Standard Deviation" },
             m->values.sd, unit, -1);
  add_value (spec, group, concept, (SagCode){ "255605001", "SCT", "Minimum" }, m->values.min, unit,
             -1);
  add_value (spec, group, concept, (SagCode){ "56851009", "SCT", "Maximum" }, m->values.max, unit,
             -1);
  add_value (spec, group, (SagCode){ "PIXEL_COUNT", "99SAGITTA", "Number of pixels" }, none,
             (double) m->values.n, pixels, -1);
}

gboolean
sag_report_write_sr (const char *path, GListModel *items, SagVolume *volume, const SagStack *source,
                     GError **error)
{
  g_autoptr (GPtrArray) groups = g_ptr_array_new_with_free_func (group_free);
  g_autoptr (GArray) specs = g_array_new (FALSE, TRUE, sizeof (SagSrGroup));

  for (guint i = 0; i < g_list_model_get_n_items (items); i++)
    {
      g_autoptr (SagMeasurement) item = g_list_model_get_item (items, i);
      Group *group = g_new0 (Group, 1);
      SagSrGroup spec = { 0 };
      const char *name = sag_measurement_get_name (item);

      g_ptr_array_add (groups, group);
      group->name = name[0] != '\0'
                        ? g_strdup (name)
                        : g_strdup_printf ("%s %u",
                                           sag_measure_kind_get_title (sag_measurement_get_kind (item)),
                                           i + 1);
      add_graphics (group, &spec, item);
      add_values (group, &spec, item, volume);
      spec.uid = sag_measurement_get_uid (item);
      spec.name = group->name;
      spec.is_region = sag_measurement_get_kind (item) >= SAG_MEASURE_ELLIPSE;
      spec.graphics = group->graphics;
      spec.values = group->values;
      g_array_append_val (specs, spec);
    }
  return sag_sr_write (path, (const SagSrGroup *) specs->data, (int) specs->len, source,
                       sag_volume_get_grid (volume), error);
}

gboolean
sag_report_write_csv (const char *path, GListModel *items, GError **error)
{
  g_autofree char *text = sag_measurements_to_csv (items);

  return sag_save_bytes (path, text, strlen (text), error);
}
