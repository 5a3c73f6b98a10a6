/* SPDX-License-Identifier: Apache-2.0
 *
 * test-ranges.c: static ranges: the side file, calibration, values that stay bytes between layers, and
 * files that bring their own quanta (QDQ). Near FP32, and the same bits for any team and instruction set.
 *
 * Run with --digest MODEL PRECISION RANGES, it prints a checksum of the model's output instead.
 */
#include "engine/base/error.h"
#include "engine/base/parallel.h"
#include "engine/nn/calibrate.h"
#include "engine/nn/session.h"
#include "tests/tree.h"

#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIXELS = 24 * 44, COUNT_OUT = 3 * PIXELS };

static char *folder; /* of what the tests write */

static char *
find_net (const char *name)
{
  return g_strdup_printf ("%s/engine/nets/%s.onnx", g_getenv ("G_TEST_SRCDIR"), name);
}

static void
fill (float *image, guint32 seed)
{
  for (int i = 0; i < PIXELS; i++)
    {
      seed = seed * 1664525u + 1013904223u;
      image[i] = (float) (seed >> 8) / (float) (1 << 23) - 1;
    }
}

static SagSession *
load (const char *path, SagPrecision precision, const char *ranges)
{
  SagSessionOptions options = { .precision = precision, .ranges = ranges,
                                .watched = precision == SAG_PRECISION_F32 };
  g_autoptr (GError) error = NULL;
  SagSession *session = sag_session_new (path, &options, &error);

  g_assert_no_error (error);
  return session;
}

static float *
run_net (const char *path, SagPrecision precision, const char *ranges)
{
  g_autoptr (SagSession) session = load (path, precision, ranges);
  float image[PIXELS], *out = g_new (float, COUNT_OUT);
  const void *inputs[] = { image };
  void *outputs[] = { out };

  fill (image, 1);
  g_assert_true (sag_session_run (session, inputs, outputs, NULL));
  return out;
}

static double
relative_rms (const float *x, const float *want)
{
  double d = 0, all = 0;

  for (int i = 0; i < COUNT_OUT; i++)
    {
      d += ((double) x[i] - (double) want[i]) * ((double) x[i] - (double) want[i]);
      all += (double) want[i] * (double) want[i];
    }
  return sqrt (d / all);
}

/* Ranges of bytes2d from other noise than that of the runs. */
static char *
make_ranges (const char *path, SagCalibrateMethod method)
{
  static const char *const names[] = { "mse", "percentile", "minmax" };
  char *side = g_strdup_printf ("%s/%s.ranges", folder, names[method]);
  g_autoptr (SagCalibration) calibration = sag_calibration_new ();
  g_autoptr (SagSession) session = load (path, SAG_PRECISION_F32, NULL);
  g_autoptr (SagRanges) ranges = NULL;
  g_autofree char *text = NULL;
  g_autofree float *out = g_new (float, COUNT_OUT);
  float image[PIXELS];
  const void *inputs[] = { image };
  void *outputs[] = { out };

  for (guint32 seed = 2; seed < 6; seed++)
    {
      fill (image, seed);
      g_assert_true (sag_calibration_run (calibration, session, inputs, outputs, NULL));
    }
  ranges = sag_calibration_finish (calibration, method, 99.9);
  g_assert_cmpint (sag_ranges_get_n (ranges), >=, 12);
  text = sag_ranges_to_text (ranges);
  g_assert_true (g_file_set_contents (side, text, -1, NULL));
  return side;
}

/* What is written is read, names of all kinds among it. */
static void
test_file (void)
{
  static const char *const names[] = { "a", "/encoder/0/Conv_output_0", "x = [1] ", "onnx::Add 7",
                                       "line\nbreak", "\xc3\xa4", "-1 2 numbers" };
  g_autofree char *path = g_build_filename (folder, "names.ranges", NULL), *sha = g_strnfill (64, 'a');
  g_autofree char *text = NULL, *beside = sag_ranges_path_for ("/a/b.onnx");
  g_autoptr (SagRanges) ranges = sag_ranges_new (sha, "minmax", 3), back = NULL;
  g_autoptr (GError) error = NULL;
  float least, most;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    sag_ranges_set (ranges, names[i], -0.1f * (float) i, 1e-7f + (float) i / 3);
  sag_ranges_set (ranges, "above", 2, 3);
  sag_ranges_set (ranges, "infinite", 0, INFINITY);
  text = sag_ranges_to_text (ranges);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  back = sag_ranges_read (path, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (sag_ranges_get_sha256 (back), ==, sha);
  g_assert_cmpint (sag_ranges_get_n (back), ==, G_N_ELEMENTS (names) + 1);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_assert_true (sag_ranges_get (back, names[i], &least, &most));
      g_assert_true (least == -0.1f * (float) i && most == 1e-7f + (float) i / 3);
    }
  g_assert_true (sag_ranges_get (back, "above", &least, &most));
  g_assert_true (least == 0 && most == 3);
  g_assert_false (sag_ranges_get (back, "infinite", &least, &most));
  g_assert_cmpstr (beside, ==, "/a/b.ranges");
}

static void
test_bad_files (void)
{
  static const char *const texts[] = {
    "", "hello\n", "sagitta-ranges 2\n", "sagitta-ranges 1\n0 1 a\n", "sagitta-ranges 1\nmodel 12\n",
    "sagitta-ranges 1\nmodel aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n0 x a\n",
    "sagitta-ranges 1\nmodel aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n2 1 a\n",
    "sagitta-ranges 1\nmodel aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n0 1 \n",
  };
  g_autofree char *path = g_build_filename (folder, "bad.ranges", NULL), *net = find_net ("bytes2d");

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL, again = NULL;
      SagSessionOptions options = { .precision = SAG_PRECISION_INT8, .ranges = path };

      g_assert_true (g_file_set_contents (path, texts[i], -1, NULL));
      g_assert_null (sag_ranges_read (path, &error));
      g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID);
      g_assert_null (sag_session_new (net, &options, &again));
      g_assert_error (again, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID);
    }
}

/* Ranges of one model are refused for another; found beside a model; not read at FP32. */
static void
test_belongs (void)
{
  g_autofree char *net = find_net ("bytes2d"), *other = find_net ("lower3d");
  g_autofree char *side = make_ranges (net, SAG_CALIBRATE_MINMAX), *text = NULL, *data = NULL;
  g_autofree char *copy = g_build_filename (folder, "copy.onnx", NULL);
  g_autofree char *beside = g_build_filename (folder, "copy.ranges", NULL);
  SagSessionOptions options = { .precision = SAG_PRECISION_INT8, .ranges = side };
  g_autoptr (GError) error = NULL;
  g_autoptr (SagSession) found = NULL;
  gsize length;

  g_assert_null (sag_session_new (other, &options, &error));
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "another model"));
  g_assert_true (g_file_get_contents (net, &data, &length, NULL));
  g_assert_true (g_file_set_contents (copy, data, (gssize) length, NULL));
  g_free (g_steal_pointer (&data));
  g_assert_true (g_file_get_contents (side, &data, &length, NULL));
  g_assert_true (g_file_set_contents (beside, data, (gssize) length, NULL));
  found = load (copy, SAG_PRECISION_INT8, NULL);
  text = sag_session_describe (found);
  g_assert_nonnull (strstr (text, ":u8"));
}

/* Values between layers are bytes, answers are near, with each method and both precisions. */
static void
test_bytes (void)
{
  g_autofree char *net = find_net ("bytes2d");
  g_autofree float *want = run_net (net, SAG_PRECISION_F32, NULL);
  const double most[2] = { 0.08, 0.3 };

  for (int method = SAG_CALIBRATE_MSE; method <= SAG_CALIBRATE_MINMAX; method++)
    for (int p = 0; p < 2; p++)
      {
        SagPrecision precision = p == 0 ? SAG_PRECISION_INT8 : SAG_PRECISION_INT4;
        g_autofree char *side = make_ranges (net, (SagCalibrateMethod) method);
        g_autoptr (SagSession) session = load (net, precision, side);
        g_autofree char *text = sag_session_describe (session);
        g_autofree float *got = run_net (net, precision, side);
        g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
        int n = 0;

        for (int i = 0; lines[i] != NULL; i++)
          n += strstr (lines[i], ":u8") != NULL;
        g_test_message ("%s, method %d: %.3g, %d steps on bytes", sag_precision_get_name (precision),
                        method, relative_rms (got, want), n);
        g_assert_cmpfloat (relative_rms (got, want), <, most[p]);
        g_assert_cmpint (n, >=, 10);
      }
}

/* A file with its own quanta: on bytes at any precision, first and last layer too, and near the same net
 * in floats. */
static void
test_qdq (void)
{
  g_autofree char *net = find_net ("bytes2d-qdq"), *plain = find_net ("bytes2d"), *text = NULL;
  g_autofree float *want = run_net (plain, SAG_PRECISION_F32, NULL);
  g_autofree float *got = run_net (net, SAG_PRECISION_F32, NULL);
  g_autoptr (SagSession) session = load (net, SAG_PRECISION_F32, NULL);

  text = sag_session_describe (session);
  g_test_message ("%.3g", relative_rms (got, want));
  g_assert_null (strstr (text, "QuantizeLinear"));
  g_assert_null (strstr (text, "DequantizeLinear"));
  g_assert_nonnull (strstr (text, ":u8"));
  g_assert_cmpfloat (relative_rms (got, want), <, 0.04);
}

/* The share of numbers outside of their ranges, for noise of some loudness; -1 if none was looked at. */
static double
saturation_of (const char *path, SagPrecision precision, const char *ranges, float loudness)
{
  g_autoptr (SagSession) session = load (path, precision, ranges);
  g_autofree float *out = g_new (float, COUNT_OUT);
  float image[PIXELS];
  const void *inputs[] = { image };
  void *outputs[] = { out };
  guint64 seen = 0, cut = 0, again = 0;

  fill (image, 1);
  for (int i = 0; i < PIXELS; i++)
    image[i] *= loudness;
  g_assert_true (sag_session_run (session, inputs, outputs, NULL));
  sag_session_take_saturation (session, &seen, &cut);
  g_assert_cmpuint (cut, <=, seen);
  sag_session_take_saturation (session, &again, &again); /* of no run since */
  g_assert_cmpuint (again, ==, 0);
  return seen > 0 ? (double) cut / (double) seen : -1;
}

/* Few numbers of noise like the examples leave their ranges, many of noise eight times as loud; without examples
 * there is nothing to be unlike. */
static void
test_saturation (void)
{
  g_autofree char *path = find_net ("bytes2d"), *side = make_ranges (path, SAG_CALIBRATE_MINMAX);
  g_autofree char *own = find_net ("bytes2d-qdq");

  for (SagPrecision precision = SAG_PRECISION_INT8; precision <= SAG_PRECISION_INT4; precision++)
    {
      double like = saturation_of (path, precision, side, 1), unlike = saturation_of (path, precision, side, 8);

      g_test_message ("%.4f, unlike the examples %.4f", like, unlike);
      g_assert_cmpfloat (like, >=, 0);
      g_assert_cmpfloat (like, <, 0.01);
      g_assert_cmpfloat (unlike, >, 0.05);
      g_assert_cmpfloat (saturation_of (path, precision, "", 8), ==, -1);
    }
  g_assert_cmpfloat (saturation_of (path, SAG_PRECISION_F32, side, 8), ==, -1);
  g_assert_cmpfloat (saturation_of (own, SAG_PRECISION_F32, "", 8), ==, -1);
}

/* --- the same bits ----------------------------------------------------------------------- */

typedef struct
{
  const char  *net;
  SagPrecision precision;
  gboolean     ranges;
} Case;

static const Case cases[] = {
  { "bytes2d", SAG_PRECISION_INT8, TRUE },
  { "bytes2d", SAG_PRECISION_INT4, TRUE },
  { "bytes2d", SAG_PRECISION_INT4, FALSE },
  { "bytes2d-qdq", SAG_PRECISION_F32, FALSE },
};

static void
test_threads (void)
{
  g_autofree char *plain = find_net ("bytes2d"), *side = make_ranges (plain, SAG_CALIBRATE_MSE);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = find_net (cases[i].net);
      g_autofree float *one = NULL;

      sag_parallel_own (SAG_TEAM_COMPUTE, 1);
      one = run_net (path, cases[i].precision, cases[i].ranges ? side : "");
      for (int threads = 2; threads <= 4; threads += 2)
        {
          g_autofree float *more = NULL;

          sag_parallel_own (SAG_TEAM_COMPUTE, threads);
          more = run_net (path, cases[i].precision, cases[i].ranges ? side : "");
          g_assert_cmpmem (one, COUNT_OUT * sizeof (float), more, COUNT_OUT * sizeof (float));
        }
    }
}

static char *
digest_under (const char *cpu, const char *path, SagPrecision precision, const char *ranges)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_auto (GStrv) environment = g_get_environ ();
  const char *command[] = { self, "--digest", path, sag_precision_get_name (precision), ranges, NULL };
  g_autoptr (GError) error = NULL;
  char *text = NULL;
  int status;

  if (cpu != NULL)
    environment = g_environ_setenv (environment, "SAG_CPU", cpu, TRUE);
  g_spawn_sync (NULL, (char **) command, environment, 0, NULL, NULL, &text, NULL, &status, &error);
  g_assert_no_error (error);
  g_spawn_check_wait_status (status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (strlen (text), ==, 64);
  return text;
}

static void
test_isa (void)
{
  static const char *const levels[] = { "avx2", "avx512", NULL };
  g_autofree char *plain = find_net ("bytes2d"), *side = make_ranges (plain, SAG_CALIBRATE_MSE);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = find_net (cases[i].net);
      const char *ranges = cases[i].ranges ? side : "";
      g_autofree char *want = digest_under ("c", path, cases[i].precision, ranges);

      for (guint level = 0; level < G_N_ELEMENTS (levels); level++)
        {
          g_autofree char *got = digest_under (levels[level], path, cases[i].precision, ranges);

          g_assert_cmpstr (got, ==, want);
        }
    }
}

static int
print_digest (const char *path, const char *name, const char *ranges)
{
  SagPrecision precision = SAG_PRECISION_F32;
  g_autofree float *out = NULL;
  g_autofree char *sum = NULL;

  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
  if (!sag_precision_from_name (name, &precision, NULL))
    return EXIT_FAILURE;
  out = run_net (path, precision, ranges);
  sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) out,
                                     COUNT_OUT * sizeof (float));
  fputs (sum, stdout);
  return EXIT_SUCCESS;
}

int
main (int argc, char **argv)
{
  int status;

  if (argc > 4 && strcmp (argv[1], "--digest") == 0)
    return print_digest (argv[2], argv[3], argv[4]);
  g_test_init (&argc, &argv, NULL);
  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
  folder = g_dir_make_tmp ("sagitta-ranges-XXXXXX", NULL);
  g_assert_nonnull (folder);
  g_test_add_func ("/ranges/file", test_file);
  g_test_add_func ("/ranges/bad-files", test_bad_files);
  g_test_add_func ("/ranges/belongs", test_belongs);
  g_test_add_func ("/ranges/bytes", test_bytes);
  g_test_add_func ("/ranges/qdq", test_qdq);
  g_test_add_func ("/ranges/saturation", test_saturation);
  g_test_add_func ("/ranges/threads", test_threads);
  g_test_add_func ("/ranges/instruction-sets", test_isa);
  status = g_test_run ();
  remove_tree (folder);
  g_free (folder);
  return status;
}
