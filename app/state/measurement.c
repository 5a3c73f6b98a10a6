/* SPDX-License-Identifier: Apache-2.0
 *
 * measurement.c: one thing measured on an image.
 */
#include "app/state/measurement.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#define MAX_POINTS 100000

struct _SagMeasurement
{
  GObject        parent_instance;

  SagMeasureKind kind;
  char          *uid;
  char          *name;
  double         right[3], down[3];
  GArray        *points; /* of double[3] */
  gboolean       calibrated;
  SagMeasured    measured;
  char          *unit;
  char          *text;
};

G_DEFINE_FINAL_TYPE (SagMeasurement, sag_measurement, G_TYPE_OBJECT)

enum
{
  PROP_0,
  PROP_NAME,
  PROP_TEXT,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static const struct
{
  const char *name, *title;
  int         n_points;
} kinds[SAG_N_MEASURES] = {
  [SAG_MEASURE_LENGTH] = { "length", N_ ("Length"), 2 },
  [SAG_MEASURE_ANGLE] = { "angle", N_ ("Angle"), 3 },
  [SAG_MEASURE_COBB] = { "cobb", N_ ("Cobb angle"), 4 },
  [SAG_MEASURE_BIDIRECTIONAL] = { "bidirectional", N_ ("Two axes"), 4 },
  [SAG_MEASURE_ELLIPSE] = { "ellipse", N_ ("Ellipse"), 2 },
  [SAG_MEASURE_RECTANGLE] = { "rectangle", N_ ("Rectangle"), 2 },
  [SAG_MEASURE_FREEHAND] = { "freehand", N_ ("Freehand"), 3 },
};

/* ---- GObject */

static void
sag_measurement_finalize (GObject *object)
{
  SagMeasurement *self = SAG_MEASUREMENT (object);

  g_free (self->uid);
  g_free (self->name);
  g_free (self->unit);
  g_free (self->text);
  g_array_unref (self->points);
  G_OBJECT_CLASS (sag_measurement_parent_class)->finalize (object);
}

static void
sag_measurement_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  SagMeasurement *self = SAG_MEASUREMENT (object);

  switch (id)
    {
    case PROP_NAME: g_value_set_string (value, self->name); break;
    case PROP_TEXT: g_value_set_string (value, self->text); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_measurement_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  if (id == PROP_NAME)
    sag_measurement_set_name (SAG_MEASUREMENT (object), g_value_get_string (value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
sag_measurement_class_init (SagMeasurementClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags r = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->finalize = sag_measurement_finalize;
  object_class->get_property = sag_measurement_get_property;
  object_class->set_property = sag_measurement_set_property;
  properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, "", r | G_PARAM_WRITABLE);
  properties[PROP_TEXT] = g_param_spec_string ("text", NULL, NULL, "", r);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
sag_measurement_init (SagMeasurement *self)
{
  self->name = g_strdup ("");
  self->unit = g_strdup ("");
  self->text = g_strdup ("");
  self->points = g_array_new (FALSE, FALSE, 3 * sizeof (double));
  self->calibrated = TRUE;
  self->measured = (SagMeasured){ NAN, NAN, NAN, NAN, { 0, NAN, NAN, NAN, NAN } };
}

/* PS3.5 B.2: 2.25. and the decimal value of a UUID. */
static char *
make_uid (void)
{
  g_autofree char *uuid = g_uuid_string_random ();
  guint8 digits[40] = { 0 };
  int n = 0;
  GString *text = g_string_new ("2.25.");

  /* 128 bits from hexadecimal to decimal, digit by digit. */
  for (const char *c = uuid; *c != '\0'; c++)
    {
      int carry = *c == '-' ? -1 : g_ascii_xdigit_value (*c);

      if (carry < 0)
        continue;
      for (int d = 0; d < n; d++)
        {
          int value = digits[d] * 16 + carry;

          digits[d] = (guint8) (value % 10);
          carry = value / 10;
        }
      for (; carry > 0; carry /= 10)
        digits[n++] = (guint8) (carry % 10);
    }
  while (n > 0)
    g_string_append_c (text, (char) ('0' + digits[--n]));
  return g_string_free (text, FALSE);
}

SagMeasurement *
sag_measurement_new (SagMeasureKind kind, const double right[3], const double down[3])
{
  SagMeasurement *self = g_object_new (SAG_TYPE_MEASUREMENT, NULL);

  self->kind = kind;
  self->uid = make_uid ();
  memcpy (self->right, right, sizeof self->right);
  memcpy (self->down, down, sizeof self->down);
  return self;
}

SagMeasurement *
sag_measurement_copy (SagMeasurement *self)
{
  g_autoptr (GVariant) description = g_variant_ref_sink (sag_measurement_to_variant (self));

  return sag_measurement_from_variant (description, NULL);
}

SagMeasureKind
sag_measurement_get_kind (SagMeasurement *self)
{
  return self->kind;
}

const char *
sag_measurement_get_uid (SagMeasurement *self)
{
  return self->uid;
}

const char *
sag_measurement_get_name (SagMeasurement *self)
{
  return self->name;
}

void
sag_measurement_set_name (SagMeasurement *self, const char *name)
{
  if (strcmp (self->name, name) == 0)
    return;
  g_free (self->name);
  self->name = g_utf8_make_valid (name, -1);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NAME]);
}

void
sag_measurement_get_plane (SagMeasurement *self, double right[3], double down[3])
{
  memcpy (right, self->right, sizeof self->right);
  memcpy (down, self->down, sizeof self->down);
}

const double (*
sag_measurement_get_points (SagMeasurement *self, int *n_points))[3]
{
  *n_points = (int) self->points->len;
  return (const double (*)[3]) self->points->data;
}

void
sag_measurement_add_point (SagMeasurement *self, const double lps[3])
{
  g_array_append_vals (self->points, lps, 1);
}

void
sag_measurement_set_point (SagMeasurement *self, int index, const double lps[3])
{
  g_return_if_fail (index >= 0 && index < (int) self->points->len);
  memcpy (self->points->data + (gsize) index * 3 * sizeof (double), lps, 3 * sizeof (double));
}

void
sag_measurement_move (SagMeasurement *self, const double by[3])
{
  double *p = (double *) self->points->data;

  for (guint n = 0; n < 3 * self->points->len; n++)
    p[n] += by[n % 3];
}

int
sag_measurement_get_n_wanted (SagMeasurement *self)
{
  return self->kind == SAG_MEASURE_FREEHAND ? MAX (3, (int) self->points->len)
                                            : kinds[self->kind].n_points;
}

gboolean
sag_measurement_is_complete (SagMeasurement *self)
{
  return (int) self->points->len >= sag_measurement_get_n_wanted (self);
}

/* ---- geometry */

static double
dot (const double a[3], const double b[3])
{
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void
get_point (SagMeasurement *self, int index, double out[3])
{
  memcpy (out, self->points->data + (gsize) index * 3 * sizeof (double), 3 * sizeof (double));
}

static void
get_line (SagMeasurement *self, int from, int to, double out[3])
{
  double a[3], b[3];

  get_point (self, from, a);
  get_point (self, to, b);
  for (int c = 0; c < 3; c++)
    out[c] = b[c] - a[c];
}

static double
get_length (SagMeasurement *self, int from, int to)
{
  double line[3];

  get_line (self, from, to, line);
  return sqrt (dot (line, line));
}

/* Pixels for millimetres, where those do not hold: of a screen whose pixels are no squares as many as the line crosses. */
static double
get_pixels (SagMeasurement *self, SagVolume *volume, int from, int to)
{
  const SagGrid *grid = sag_volume_get_grid (volume);
  double a[3], b[3], p[3], q[3];

  get_point (self, from, a);
  get_point (self, to, b);
  sag_grid_to_ijk (grid, a, p);
  sag_grid_to_ijk (grid, b, q);
  for (int c = 0; c < 3; c++)
    p[c] -= q[c];
  return sqrt (dot (p, p));
}

/* Between two directions; NaN if one is none. */
static double
get_angle (const double a[3], const double b[3])
{
  double lengths = sqrt (dot (a, a)) * sqrt (dot (b, b));

  return lengths > 0 ? acos (CLAMP (dot (a, b) / lengths, -1, 1)) * 180 / G_PI : NAN;
}

gboolean
sag_measurement_lies_in (SagMeasurement *self, const double centre[3], const double right[3],
                         const double down[3], double reach)
{
  const double normal[3] = { right[1] * down[2] - right[2] * down[1],
                             right[2] * down[0] - right[0] * down[2],
                             right[0] * down[1] - right[1] * down[0] };

  for (guint n = 0; n < self->points->len; n++)
    {
      double p[3];

      get_point (self, (int) n, p);
      for (int c = 0; c < 3; c++)
        p[c] -= centre[c];
      if (fabs (dot (p, normal)) > reach)
        return FALSE;
    }
  /* A figure belongs to its plane; a line with both ends in another one is in that, too. */
  return self->points->len > 0
         && (self->kind < SAG_MEASURE_ELLIPSE
             || (fabs (dot (self->right, normal)) < 1e-3 && fabs (dot (self->down, normal)) < 1e-3));
}

static gboolean
get_roi (SagMeasurement *self, SagRoi *roi)
{
  static const SagRoiShape shapes[] = {
    [SAG_MEASURE_ELLIPSE] = SAG_ROI_ELLIPSE,
    [SAG_MEASURE_RECTANGLE] = SAG_ROI_RECTANGLE,
    [SAG_MEASURE_FREEHAND] = SAG_ROI_POLYGON,
  };

  if (self->kind < SAG_MEASURE_ELLIPSE || !sag_measurement_is_complete (self))
    return FALSE;
  roi->shape = shapes[self->kind];
  roi->points = (const double (*)[3]) self->points->data;
  roi->n_points = (int) self->points->len;
  memcpy (roi->right, self->right, sizeof roi->right);
  memcpy (roi->down, self->down, sizeof roi->down);
  return TRUE;
}

GArray *
sag_measurement_collect (SagMeasurement *self, SagVolume *volume)
{
  SagRoi roi;

  return volume != NULL && get_roi (self, &roi) ? sag_roi_collect (volume, &roi)
                                                : g_array_new (FALSE, FALSE, sizeof (double));
}

/* ---- words */

static void
append_length (GString *text, double length, gboolean calibrated)
{
  g_string_append_printf (text, calibrated ? "%.1f mm" : "%.1f px", length);
}

/* Digits as the values have them: whole HU, small SUV. */
static void
append_values (GString *text, const SagRoiStats *s, const char *unit)
{
  double largest = MAX (fabs (s->min), fabs (s->max));
  int digits = largest >= 100 ? 0 : largest >= 10 ? 1 : 2;

  g_string_append_printf (text, _ ("\nmean %.*f sd %.*f%s%s\nmin %.*f max %.*f · %zu px"),
                          MAX (digits, 1), s->mean, MAX (digits, 1), s->sd, unit[0] != '\0' ? " " : "",
                          unit, digits, s->min, digits, s->max, s->n);
}

static char *
make_text (SagMeasurement *self)
{
  const SagMeasured *m = &self->measured;
  GString *text = g_string_new (NULL);

  if (!isnan (m->angle))
    g_string_append_printf (text, "%.1f°", m->angle);
  else if (!isnan (m->area))
    {
      /* cm2 from 10 cm2 on: 1234 mm2 is hard to read. */
      if (!self->calibrated)
        g_string_append_printf (text, "%.0f px²", m->area);
      else if (m->area >= 1000)
        g_string_append_printf (text, "%.2f cm²", m->area * 1e-2);
      else
        g_string_append_printf (text, "%.1f mm²", m->area);
      if (m->values.n > 0)
        append_values (text, &m->values, self->unit);
    }
  else if (!isnan (m->length))
    {
      append_length (text, m->length, self->calibrated);
      if (!isnan (m->width))
        {
          g_string_append (text, " × ");
          append_length (text, m->width, self->calibrated);
        }
    }
  return g_string_free (text, FALSE);
}

void
sag_measurement_measure (SagMeasurement *self, SagVolume *volume, gboolean calibrated)
{
  SagMeasured m = { NAN, NAN, NAN, NAN, { 0, NAN, NAN, NAN, NAN } };
  double a[3], b[3];
  SagRoi roi;
  char *text;

  g_return_if_fail (SAG_IS_MEASUREMENT (self));

  gboolean off_scale
      = volume != NULL
        && !sag_volume_is_to_scale (volume, (const double (*)[3]) self->points->data, (int) self->points->len);

  self->calibrated = calibrated && !off_scale;
  if (sag_measurement_is_complete (self))
    switch (self->kind)
      {
      case SAG_MEASURE_LENGTH:
        m.length = off_scale ? get_pixels (self, volume, 0, 1) : get_length (self, 0, 1);
        break;
      case SAG_MEASURE_BIDIRECTIONAL:
        m.length = off_scale ? get_pixels (self, volume, 0, 1) : get_length (self, 0, 1);
        m.width = off_scale ? get_pixels (self, volume, 2, 3) : get_length (self, 2, 3);
        if (m.width > m.length)
          {
            double longer = m.width;

            m.width = m.length;
            m.length = longer;
          }
        break;
      case SAG_MEASURE_ANGLE:
        get_line (self, 1, 0, a);
        get_line (self, 1, 2, b);
        m.angle = get_angle (a, b);
        break;
      case SAG_MEASURE_COBB:
        get_line (self, 0, 1, a);
        get_line (self, 2, 3, b);
        m.angle = get_angle (a, b);
        if (m.angle > 90) /* lines, not arrows */
          m.angle = 180 - m.angle;
        break;
      default:
        if (get_roi (self, &roi))
          {
            g_autoptr (GArray) values = sag_measurement_collect (self, volume);

            m.area = sag_roi_area (&roi);
            if (off_scale)
              m.area /= sag_volume_get_grid (volume)->spacing[0] * sag_volume_get_grid (volume)->spacing[1];
            sag_roi_get_stats (values, &m.values);
          }
      }
  self->measured = m;
  g_free (self->unit);
  self->unit = g_strdup (volume != NULL ? sag_volume_get_unit (volume) : "");
  text = make_text (self);
  if (strcmp (text, self->text) == 0)
    {
      g_free (text);
      return;
    }
  g_free (self->text);
  self->text = text;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_TEXT]);
}

const SagMeasured *
sag_measurement_get_measured (SagMeasurement *self)
{
  return &self->measured;
}

const char *
sag_measurement_get_unit (SagMeasurement *self)
{
  return self->unit;
}

gboolean
sag_measurement_is_calibrated (SagMeasurement *self)
{
  return self->calibrated;
}

const char *
sag_measurement_get_text (SagMeasurement *self)
{
  return self->text;
}

const char *
sag_measure_kind_get_name (SagMeasureKind kind)
{
  return kinds[kind].name;
}

const char *
sag_measure_kind_get_title (SagMeasureKind kind)
{
  return kinds[kind].title;
}

int
sag_measure_kind_from_name (const char *name)
{
  for (int kind = 0; kind < SAG_N_MEASURES; kind++)
    if (strcmp (kinds[kind].name, name) == 0)
      return kind;
  return -1;
}

/* ---- as messages, and on disk */

GVariant *
sag_measurement_to_variant (SagMeasurement *self)
{
  GVariantBuilder points;
  GVariantDict dict;

  g_variant_builder_init (&points, G_VARIANT_TYPE ("a(ddd)"));
  for (guint n = 0; n < self->points->len; n++)
    {
      double p[3];

      get_point (self, (int) n, p);
      g_variant_builder_add (&points, "(ddd)", p[0], p[1], p[2]);
    }
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "kind", "s", kinds[self->kind].name);
  g_variant_dict_insert (&dict, "uid", "s", self->uid);
  g_variant_dict_insert (&dict, "name", "s", self->name);
  g_variant_dict_insert (&dict, "right", "(ddd)", self->right[0], self->right[1], self->right[2]);
  g_variant_dict_insert (&dict, "down", "(ddd)", self->down[0], self->down[1], self->down[2]);
  g_variant_dict_insert_value (&dict, "points", g_variant_builder_end (&points));
  return g_variant_dict_end (&dict);
}

static gboolean
is_unit (const double v[3])
{
  return fabs (dot (v, v) - 1) < 1e-6; /* FALSE for NaN */
}

static gboolean
is_uid (const char *text)
{
  gsize n = strlen (text);

  return n >= 1 && n <= 64 && strspn (text, "0123456789.") == n;
}

SagMeasurement *
sag_measurement_from_variant (GVariant *description, GError **error)
{
  g_autoptr (SagMeasurement) self = NULL;
  g_autoptr (GVariantIter) iter = NULL;
  double right[3], down[3], p[3];
  const char *kind_name, *text;
  int kind;

  if (!g_variant_is_of_type (description, G_VARIANT_TYPE_VARDICT)
      || !g_variant_lookup (description, "kind", "&s", &kind_name)
      || (kind = sag_measure_kind_from_name (kind_name)) < 0
      || !g_variant_lookup (description, "right", "(ddd)", &right[0], &right[1], &right[2])
      || !g_variant_lookup (description, "down", "(ddd)", &down[0], &down[1], &down[2])
      || !is_unit (right) || !is_unit (down) || !(fabs (dot (right, down)) < 1e-6)
      || !g_variant_lookup (description, "points", "a(ddd)", &iter)
      || g_variant_iter_n_children (iter) > MAX_POINTS)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "A measurement makes no sense");
      return NULL;
    }
  self = sag_measurement_new ((SagMeasureKind) kind, right, down);
  if (g_variant_lookup (description, "uid", "&s", &text) && is_uid (text))
    {
      g_free (self->uid);
      self->uid = g_strdup (text);
    }
  if (g_variant_lookup (description, "name", "&s", &text))
    sag_measurement_set_name (self, text);
  while (g_variant_iter_next (iter, "(ddd)", &p[0], &p[1], &p[2]))
    {
      if (!isfinite (p[0]) || !isfinite (p[1]) || !isfinite (p[2]))
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                       "A measurement has a point that is nowhere");
          return NULL;
        }
      sag_measurement_add_point (self, p);
    }
  if (!sag_measurement_is_complete (self)
      || (kind != SAG_MEASURE_FREEHAND && (int) self->points->len != kinds[kind].n_points))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "A measurement of kind %s has %u points",
                   kind_name, self->points->len);
      return NULL;
    }
  return g_steal_pointer (&self);
}

static void
append_quoted (GString *csv, const char *text)
{
  g_string_append_c (csv, '"');
  for (const char *c = text; *c != '\0'; c++)
    g_string_append (csv, *c == '"' ? "\"\"" : (const char[]){ *c, '\0' });
  g_string_append_c (csv, '"');
}

static void
append_number (GString *csv, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append_c (csv, ',');
  if (!isnan (value))
    g_string_append (csv, g_ascii_formatd (text, sizeof text, "%.10g", value));
}

char *
sag_measurements_to_csv (GListModel *measurements)
{
  GString *csv = g_string_new ("name,kind,length,width,length_unit,angle_deg,area,area_unit,pixels,mean,"
                               "sd,min,max,value_unit,points_lps_mm\r\n");

  for (guint i = 0; i < g_list_model_get_n_items (measurements); i++)
    {
      g_autoptr (SagMeasurement) self = g_list_model_get_item (measurements, i);
      const SagMeasured *m = &self->measured;

      append_quoted (csv, self->name);
      g_string_append_printf (csv, ",%s", kinds[self->kind].name);
      append_number (csv, m->length);
      append_number (csv, m->width);
      g_string_append (csv, isnan (m->length) ? "," : self->calibrated ? ",mm" : ",px");
      append_number (csv, m->angle);
      append_number (csv, m->area);
      g_string_append (csv, isnan (m->area) ? "," : self->calibrated ? ",mm2" : ",px2");
      if (m->values.n > 0)
        g_string_append_printf (csv, ",%" G_GSIZE_FORMAT, m->values.n);
      else
        g_string_append_c (csv, ',');
      append_number (csv, m->values.mean);
      append_number (csv, m->values.sd);
      append_number (csv, m->values.min);
      append_number (csv, m->values.max);
      g_string_append_c (csv, ',');
      append_quoted (csv, m->values.n > 0 ? self->unit : "");
      g_string_append (csv, ",\"");
      for (guint n = 0; n < self->points->len; n++)
        {
          double p[3];
          char text[3][G_ASCII_DTOSTR_BUF_SIZE];

          get_point (self, (int) n, p);
          for (int c = 0; c < 3; c++)
            g_ascii_formatd (text[c], sizeof text[c], "%.4f", p[c]);
          g_string_append_printf (csv, "%s%s %s %s", n > 0 ? "; " : "", text[0], text[1], text[2]);
        }
      g_string_append (csv, "\"\r\n");
    }
  return g_string_free (csv, FALSE);
}
