/* SPDX-License-Identifier: Apache-2.0
 *
 * test-measurements.c: lengths and angles, a way back, and messages. */
#include "app/state/measurements.h"

#include <math.h>

static const double right[3] = { 1, 0, 0 }, down[3] = { 0, 1, 0 };

static SagMeasurement *
make (SagMeasureKind kind, const double (*points)[3], int n)
{
  SagMeasurement *item = sag_measurement_new (kind, right, down);

  for (int p = 0; p < n; p++)
    sag_measurement_add_point (item, points[p]);
  sag_measurement_measure (item, NULL, TRUE);
  return item;
}

static void
test_values (void)
{
  const double line[2][3] = { { 1, 2, 3 }, { 4, 6, 3 } };
  const double corner[3][3] = { { 10, 0, 0 }, { 0, 0, 0 }, { 0, 5, 0 } };
  const double cobb[4][3] = { { 0, 0, 0 }, { 10, 0, 0 }, { 50, 9, 0 }, { 40, 9 + 10 * tan (G_PI / 9), 0 } };
  const double axes[4][3] = { { 0, 0, 0 }, { 3, 0, 0 }, { 1, -2, 0 }, { 1, 5, 0 } };
  g_autoptr (SagMeasurement) length = make (SAG_MEASURE_LENGTH, line, 2);
  g_autoptr (SagMeasurement) angle = make (SAG_MEASURE_ANGLE, corner, 3);
  g_autoptr (SagMeasurement) lines = make (SAG_MEASURE_COBB, cobb, 4);
  g_autoptr (SagMeasurement) both = make (SAG_MEASURE_BIDIRECTIONAL, axes, 4);

  g_assert_cmpfloat_with_epsilon (sag_measurement_get_measured (length)->length, 5, 1e-12);
  g_assert_cmpstr (sag_measurement_get_text (length), ==, "5.0 mm");
  g_assert_cmpfloat_with_epsilon (sag_measurement_get_measured (angle)->angle, 90, 1e-9);
  /* 160 degrees between arrows are 20 between lines. */
  g_assert_cmpfloat_with_epsilon (sag_measurement_get_measured (lines)->angle, 20, 1e-9);
  g_assert_cmpfloat_with_epsilon (sag_measurement_get_measured (both)->length, 7, 1e-12);
  g_assert_cmpfloat_with_epsilon (sag_measurement_get_measured (both)->width, 3, 1e-12);
  g_assert_true (isnan (sag_measurement_get_measured (length)->area));

  /* Where nobody knows a pixel's size there are no millimetres. */
  sag_measurement_measure (length, NULL, FALSE);
  g_assert_cmpstr (sag_measurement_get_text (length), ==, "5.0 px");
}

static void
test_places (void)
{
  const double line[2][3] = { { 1, 2, 3 }, { 4, 6, 3 } };
  const double at[3] = { 0, 0, 3.4 }, away[3] = { 0, 0, 5 };
  const double up[3] = { 0, 0, 1 };
  g_autoptr (SagMeasurement) length = make (SAG_MEASURE_LENGTH, line, 2);
  g_autoptr (SagMeasurement) box = make (SAG_MEASURE_RECTANGLE, line, 2);

  g_assert_true (sag_measurement_lies_in (length, at, right, down, 0.5));
  g_assert_false (sag_measurement_lies_in (length, away, right, down, 0.5));
  g_assert_true (sag_measurement_lies_in (box, at, right, down, 0.5));
  /* A figure is seen on its own plane only. */
  g_assert_false (sag_measurement_lies_in (box, at, right, up, 100));
}

static guint
n_items (SagMeasurements *all)
{
  return g_list_model_get_n_items (sag_measurements_get_items (all));
}

static void
count (int *n)
{
  (*n)++;
}

static void
test_undo (void)
{
  g_autoptr (SagMeasurements) all = sag_measurements_new ();
  const double line[2][3] = { { 0, 0, 0 }, { 8, 0, 0 } };
  const double further[3] = { 20, 0, 0 };
  int edits = 0;

  g_signal_connect_swapped (all, "edited", G_CALLBACK (count), &edits);
  g_assert_false (sag_measurements_undo (all));
  for (int n = 0; n < 60; n++)
    {
      g_autoptr (SagMeasurement) item = make (SAG_MEASURE_LENGTH, line, 2);

      sag_measurements_add (all, item);
    }
  g_assert_cmpuint (n_items (all), ==, 60);
  g_assert_cmpint (edits, ==, 60);

  /* A drag of many steps is one change. */
  {
    g_autoptr (SagMeasurement) first = g_list_model_get_item (sag_measurements_get_items (all), 0);

    sag_measurements_begin (all);
    for (int n = 0; n < 10; n++)
      {
        sag_measurement_set_point (first, 1, further);
        sag_measurements_touch (all, first);
      }
    sag_measurements_end (all);
    g_assert_cmpfloat (sag_measurement_get_measured (first)->length, ==, 20);
    sag_measurements_begin (all);
    sag_measurements_end (all); /* nothing changed: no step */
  }
  g_assert_cmpint (edits, ==, 61);
  g_assert_true (sag_measurements_undo (all));
  {
    g_autoptr (SagMeasurement) first = g_list_model_get_item (sag_measurements_get_items (all), 0);

    g_assert_cmpfloat (sag_measurement_get_measured (first)->length, ==, 8);
    g_assert_cmpuint (n_items (all), ==, 60);
  }
  for (int n = 60; n > 0; n--)
    {
      g_assert_true (sag_measurements_undo (all));
      g_assert_cmpuint (n_items (all), ==, n - 1);
    }
  g_assert_false (sag_measurements_undo (all));
  for (int n = 0; n < 61; n++)
    g_assert_true (sag_measurements_redo (all));
  g_assert_false (sag_measurements_redo (all));
  g_assert_cmpuint (n_items (all), ==, 60);
}

static void
test_messages (void)
{
  g_autoptr (SagMeasurements) all = sag_measurements_new ();
  g_autoptr (SagMeasurements) back = sag_measurements_new ();
  const double axes[4][3] = { { 0, 0.1, 0 }, { 3, 0, 0 }, { 1, -2, 0 }, { 1, 5, 1e-7 } };
  g_autoptr (SagMeasurement) item = make (SAG_MEASURE_BIDIRECTIONAL, axes, 4);
  g_autoptr (SagMeasurement) read = NULL;
  g_autoptr (GVariant) state = NULL;
  g_autofree char *csv = NULL;
  static const char *const bad[] = {
    "[{'kind': <'length'>}]",
    "[{'kind': <'sphere'>, 'right': <(1.0, 0.0, 0.0)>, 'down': <(0.0, 1.0, 0.0)>, "
    "'points': <[(0.0, 0.0, 0.0), (1.0, 0.0, 0.0)]>}]",
    "[{'kind': <'length'>, 'right': <(1.0, 0.0, 0.0)>, 'down': <(1.0, 0.0, 0.0)>, "
    "'points': <[(0.0, 0.0, 0.0), (1.0, 0.0, 0.0)]>}]",
    "[{'kind': <'length'>, 'right': <(1.0, 0.0, 0.0)>, 'down': <(0.0, 1.0, 0.0)>, "
    "'points': <[(0.0, 0.0, 0.0)]>}]",
    "[{'kind': <'length'>, 'right': <(1.0, 0.0, 0.0)>, 'down': <(0.0, 1.0, 0.0)>, "
    "'points': <[(nan, 0.0, 0.0), (1.0, 0.0, 0.0)]>}]",
  };
  int n;

  sag_measurement_set_name (item, "lesion, \"1\"");
  sag_measurements_add (all, item);
  state = g_variant_ref_sink (sag_measurements_to_variant (all));
  g_assert_true (sag_measurements_load (back, state, NULL));
  read = g_list_model_get_item (sag_measurements_get_items (back), 0);
  g_assert_cmpstr (sag_measurement_get_uid (read), ==, sag_measurement_get_uid (item));
  g_assert_true (g_str_has_prefix (sag_measurement_get_uid (item), "2.25."));
  g_assert_cmpfloat (sag_measurement_get_points (read, &n)[3][2], ==, 1e-7);
  csv = sag_measurements_to_csv (sag_measurements_get_items (back));
  g_assert_nonnull (strstr (csv, "\r\n\"lesion, \"\"1\"\"\",bidirectional,7,3.00"));

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) text = g_variant_parse (G_VARIANT_TYPE ("aa{sv}"), bad[i], NULL, NULL, &error);

      g_assert_no_error (error);
      g_assert_false (sag_measurements_load (back, text, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
      g_assert_cmpuint (n_items (back), ==, 1);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/measurements/values", test_values);
  g_test_add_func ("/measurements/places", test_places);
  g_test_add_func ("/measurements/undo", test_undo);
  g_test_add_func ("/measurements/messages", test_messages);
  return g_test_run ();
}
