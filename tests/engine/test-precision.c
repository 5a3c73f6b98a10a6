/* SPDX-License-Identifier: Apache-2.0
 *
 * test-precision.c: BF16, INT8 and INT4: the same bits for any team and instruction set, close to F32, first and
 * last layers left alone, memory as promised.
 *
 * Run with --digest MODEL PRECISION, it prints a checksum of the model's output instead: the program
 * starts itself so under every SAG_CPU.
 */
#include "engine/base/error.h"
#include "engine/base/parallel.h"
#include "engine/nn/session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT_OUT = 3 * 12 * 14 * 22 }; /* of lower3d */

static const SagPrecision lower[] = { SAG_PRECISION_BF16, SAG_PRECISION_INT8,
                                      SAG_PRECISION_INT4 };

static char *
find_net (const char *name)
{
  return g_strdup_printf ("%s/engine/nets/%s.onnx", g_getenv ("G_TEST_SRCDIR"), name);
}

static SagSession *
load (const char *path, SagPrecision precision)
{
  SagSessionOptions options = { .precision = precision };
  g_autoptr (GError) error = NULL;
  SagSession *session = sag_session_new (path, &options, &error);

  g_assert_no_error (error);
  return session;
}

/* The output, of three channels, for an input of noise times `size`, of one. Caller frees. */
static float *
run_net (const char *path, SagPrecision precision, float size)
{
  g_autoptr (SagSession) session = load (path, precision);
  const gint64 *shape = sag_session_get_output (session, 0)->shape;
  int n = (int) (shape[2] * shape[3] * shape[4]);
  g_autofree float *in = g_new (float, n);
  float *out = g_new (float, 3 * n);
  const void *inputs[] = { in };
  void *outputs[] = { out };
  guint32 state = 1;

  g_assert_cmpint (shape[1], ==, 3);
  for (int i = 0; i < n; i++)
    {
      state = state * 1664525u + 1013904223u;
      in[i] = ((float) (state >> 8) / (float) (1 << 23) - 1) * size;
    }
  g_assert_true (sag_session_run (session, inputs, outputs, NULL));
  return out;
}

static double
relative_rms (const float *x, const float *want, int n)
{
  double d = 0, all = 0;

  for (int i = 0; i < n; i++)
    {
      d += ((double) x[i] - (double) want[i]) * ((double) x[i] - (double) want[i]);
      all += (double) want[i] * (double) want[i];
    }
  return sqrt (d / all);
}

static void
test_threads (void)
{
  g_autofree char *path = find_net ("lower3d");

  for (guint p = 0; p < G_N_ELEMENTS (lower); p++)
    {
      g_autofree float *one = NULL;

      sag_parallel_own (SAG_TEAM_COMPUTE, 1);
      one = run_net (path, lower[p], 1);
      for (int threads = 2; threads <= 4; threads += 2)
        {
          g_autofree float *more = NULL;

          sag_parallel_own (SAG_TEAM_COMPUTE, threads);
          more = run_net (path, lower[p], 1);
          g_assert_cmpmem (one, COUNT_OUT * sizeof (float), more, COUNT_OUT * sizeof (float));
        }
    }
}

static char *
digest_under (const char *cpu, const char *path, SagPrecision precision)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_auto (GStrv) environment = g_get_environ ();
  const char *command[] = { self, "--digest", path, sag_precision_get_name (precision), NULL };
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
  g_autofree char *path = find_net ("lower3d");

  for (guint p = 0; p < G_N_ELEMENTS (lower); p++)
    {
      g_autofree char *want = digest_under ("c", path, lower[p]);

      for (guint i = 0; i < G_N_ELEMENTS (levels); i++)
        {
          g_autofree char *got = digest_under (levels[i], path, lower[p]);

          g_assert_cmpstr (got, ==, want);
        }
    }
}

/* Noise, and activations so small or so large that a scale could run out of digits. */
static void
test_errors (void)
{
  static const float sizes[] = { 1, 0, 1e-20f, 1e20f };
  g_autofree char *path = find_net ("lower3d");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree float *want = run_net (path, SAG_PRECISION_F32, sizes[i]);
      g_autofree float *bf16 = run_net (path, SAG_PRECISION_BF16, sizes[i]);
      g_autofree float *int8 = run_net (path, SAG_PRECISION_INT8, sizes[i]);

      g_autofree float *int4 = run_net (path, SAG_PRECISION_INT4, sizes[i]);

      g_test_message ("size %g: bf16 %.2g, int8 %.2g, int4 %.2g", (double) sizes[i],
                      relative_rms (bf16, want, COUNT_OUT), relative_rms (int8, want, COUNT_OUT),
                      relative_rms (int4, want, COUNT_OUT));
      g_assert_cmpfloat (relative_rms (bf16, want, COUNT_OUT), <, 0.005);
      g_assert_cmpfloat (relative_rms (bf16, want, COUNT_OUT), >, 0);
      g_assert_cmpfloat (relative_rms (int8, want, COUNT_OUT), <, 0.03);
      g_assert_cmpfloat (relative_rms (int8, want, COUNT_OUT), >, 0);
      g_assert_cmpfloat (relative_rms (int4, want, COUNT_OUT), <, 0.2);
      g_assert_cmpfloat (relative_rms (int4, want, COUNT_OUT), >, relative_rms (int8, want, COUNT_OUT));
    }
}

/* Never a crash, whatever comes in. */
static void
test_strange (void)
{
  g_autofree char *path = find_net ("lower3d");
  float *nan = run_net (path, SAG_PRECISION_INT8, NAN);
  float *infinite = run_net (path, SAG_PRECISION_INT8, INFINITY);

  g_free (run_net (path, SAG_PRECISION_INT4, NAN));
  g_free (nan);
  g_free (infinite);
}

static void
test_plan (void)
{
  g_autofree char *path = find_net ("lower3d");

  for (guint p = 0; p < G_N_ELEMENTS (lower); p++)
    {
      g_autoptr (SagSession) session = load (path, lower[p]);
      g_autofree char *text = sag_session_describe (session);
      g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
      int n = 0;

      for (int i = 0; lines[i] != NULL && lines[i][0] != '\0'; i++)
        {
          gboolean low = strstr (lines[i], sag_precision_get_name (lower[p])) != NULL;

          n += low;
          g_assert_false (low && (g_str_has_prefix (lines[i], "first ")
                                  || g_str_has_prefix (lines[i], "out ")));
        }
      g_assert_cmpint (n, ==, 6); /* rows, dilated, down, wide, product, up */
    }
}

/* Smaller weights, and exactly what is promised is enough. */
static void
test_memory (void)
{
  g_autofree char *path = find_net ("lower3d");
  g_autoptr (SagSession) whole = load (path, SAG_PRECISION_F32);
  SagSessionInfo f32, info;

  sag_session_get_info (whole, &f32);
  for (guint p = 0; p < G_N_ELEMENTS (lower); p++)
    {
      g_autoptr (SagSession) session = load (path, lower[p]), tight = NULL, none = NULL;
      SagSessionOptions options = { .precision = lower[p] };
      g_autoptr (GError) error = NULL;

      sag_session_get_info (session, &info);
      g_assert_cmpuint (info.weight_bytes, <,
                        f32.weight_bytes * (p == 0 ? 60 : p == 1 ? 50 : 30) / 100);
      options.max_bytes = info.arena_bytes + info.weight_bytes;
      tight = sag_session_new (path, &options, &error);
      g_assert_no_error (error);
      options.max_bytes--;
      none = sag_session_new (path, &options, &error);
      g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_MEMORY);
    }
}

/* A first and a last layer only: both run so. No layer at all: said, not silently run at fp32. */
static void
test_refused (void)
{
  g_autofree char *few = find_net ("mixed3d");
  g_autofree char *none = g_test_build_filename (G_TEST_DIST, "fuzz", "corpus", "onnx", "resize.onnx", NULL);

  for (int p = SAG_PRECISION_BF16; p < SAG_N_PRECISIONS; p++)
    {
      SagSessionOptions options = { .precision = (SagPrecision) p };
      g_autoptr (SagSession) session = load (few, (SagPrecision) p);
      g_autofree char *plan = sag_session_describe (session);
      g_autoptr (GError) error = NULL;

      g_assert_nonnull (strstr (plan, sag_precision_get_name ((SagPrecision) p)));
      g_assert_null (strstr (plan, " fp32 "));
      g_assert_null (sag_session_new (none, &options, &error));
      g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED);
    }
}

/* Volumes that lie over those they are made from hold what they do when each has its own memory. */
static void
test_trailing (void)
{
  enum { PIXELS = 44 * 40 * 40 };
  g_autofree char *path = find_net ("trail3d"), *apart_path = find_net ("trail3d-apart");
  g_autofree float *in = g_new (float, PIXELS), *out = g_new (float, 3 * PIXELS);
  g_autofree float *want = g_new (float, 3 * PIXELS);
  float *layers[4];
  guint32 state = 1;

  for (int i = 0; i < PIXELS; i++)
    {
      state = state * 1664525u + 1013904223u;
      in[i] = (float) (state >> 8) / (float) (1 << 23) - 1;
    }
  for (int i = 0; i < 4; i++)
    layers[i] = g_new (float, 16 * PIXELS);
  for (int p = 0; p < SAG_N_PRECISIONS; p++)
    {
      g_autoptr (SagSession) session = load (path, (SagPrecision) p);
      g_autoptr (SagSession) apart = load (apart_path, (SagPrecision) p);
      const void *inputs[] = { in };
      void *outputs[] = { out };
      void *all[] = { want, layers[0], layers[1], layers[2], layers[3] };

      /* five volumes, of which two are alive at once, in less than one and a half */
      g_assert_cmpuint (sag_session_get_bytes (session), <, 16 * PIXELS * sizeof (float) * 3 / 2);
      g_assert_true (sag_session_run (session, inputs, outputs, NULL));
      g_assert_true (sag_session_run (apart, inputs, all, NULL));
      g_assert_cmpmem (out, 3 * PIXELS * sizeof (float), want, 3 * PIXELS * sizeof (float));
    }
  for (int i = 0; i < 4; i++)
    g_free (layers[i]);
}

/* Volumes whose range is found at run time lie as bytes between convolutions, each plane with its own range: as near to
 * F32 as lower3d, the same bits for all teams and processors, in less memory than one such volume of floats and the one
 * that an Add reads. */
static void
test_planes (void)
{
  enum { PIXELS = 12 * 180 * 244 };
  g_autofree char *path = find_net ("planes3d");
  g_autofree float *want = run_net (path, SAG_PRECISION_F32, 1);

  for (int p = SAG_PRECISION_INT8; p <= SAG_PRECISION_INT4; p++)
    {
      g_autofree float *got = run_net (path, (SagPrecision) p, 1), *small = run_net (path, (SagPrecision) p, 1e-20f);
      g_autofree char *sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) got,
                                                          3 * PIXELS * sizeof (float));
      g_autoptr (SagSession) session = load (path, (SagPrecision) p);
      g_autofree char *plan = sag_session_describe (session);

      g_assert_nonnull (strstr (plan, "rows:u8"));
      g_test_message ("%s: %.2g", sag_precision_get_name ((SagPrecision) p), relative_rms (got, want, 3 * PIXELS));
      g_assert_cmpfloat (relative_rms (got, want, 3 * PIXELS), <, p == SAG_PRECISION_INT8 ? 0.03 : 0.2);
      g_assert_cmpuint (sag_session_get_bytes (session), <, 2 * 4 * PIXELS * sizeof (float));
      for (int i = 0; i < 3 * PIXELS; i++)
        g_assert_true (isfinite (small[i]));
      for (int threads = 1; threads <= 4; threads += 3)
        {
          g_autofree float *other = NULL;

          sag_parallel_own (SAG_TEAM_COMPUTE, threads);
          other = run_net (path, (SagPrecision) p, 1);
          g_assert_cmpmem (got, 3 * PIXELS * sizeof (float), other, 3 * PIXELS * sizeof (float));
        }
      sag_parallel_own (SAG_TEAM_COMPUTE, 2);
      for (guint i = 0; i < 3; i++)
        {
          g_autofree char *other = digest_under (((const char *[]){ "c", "avx2", "avx512" })[i], path, (SagPrecision) p);

          g_assert_cmpstr (other, ==, sum);
        }
    }
  g_free (run_net (path, SAG_PRECISION_INT8, NAN));
}

static int
print_digest (const char *path, const char *name)
{
  SagPrecision precision = SAG_PRECISION_F32;
  g_autoptr (SagSession) session = NULL;
  g_autofree float *out = NULL;
  g_autofree char *sum = NULL;
  gsize n = sizeof (float);

  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
  if (!sag_precision_from_name (name, &precision, NULL))
    return EXIT_FAILURE;
  session = load (path, precision);
  for (int i = 0; i < 5; i++)
    n *= (gsize) sag_session_get_output (session, 0)->shape[i];
  out = run_net (path, precision, 1);
  sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) out, n);
  fputs (sum, stdout);
  return EXIT_SUCCESS;
}

int
main (int argc, char **argv)
{
  if (argc > 3 && strcmp (argv[1], "--digest") == 0)
    return print_digest (argv[2], argv[3]);
  g_test_init (&argc, &argv, NULL);
  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
  g_test_add_func ("/precision/threads", test_threads);
  g_test_add_func ("/precision/instruction-sets", test_isa);
  g_test_add_func ("/precision/errors", test_errors);
  g_test_add_func ("/precision/strange", test_strange);
  g_test_add_func ("/precision/plan", test_plan);
  g_test_add_func ("/precision/memory", test_memory);
  g_test_add_func ("/precision/refused", test_refused);
  g_test_add_func ("/precision/trailing", test_trailing);
  g_test_add_func ("/precision/planes", test_planes);
  return g_test_run ();
}
