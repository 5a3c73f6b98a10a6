/* SPDX-License-Identifier: Apache-2.0
 *
 * test-scan.c: the selective scan against its definition in double precision, as one node and as
 * exporters write it; and nets that only look like it, which must stay as they are. The nets are
 * made by nets/make_scans.py.
 */
#include "engine/base/parallel.h"
#include "engine/nn/session.h"

#include <math.h>
#include <string.h>

enum
{
  K = 2,
  L = 300,
  C = 19,
  N = 5
};

enum
{
  IN_U,
  IN_DT,
  IN_B,
  IN_C,
  IN_A,
  IN_D,
  N_IN
};

static const char *const names[N_IN] = { "u", "dt", "B", "C", "A", "D" };

static float u[K][L][C], dt[K][L][C], b[K][L][N], c[K][L][N], a[K][C][N], d[K][C];
static float *const inputs[N_IN] = { u[0][0], dt[0][0], b[0][0], c[0][0], a[0][0], d[0] };
static const gsize  sizes[N_IN] = { K * L * C, K * L * C, K * L * N, K * L * N, K * C * N, K * C };

static void
fill (void)
{
  guint32 seed = 1;

  for (int i = 0; i < N_IN; i++)
    for (gsize j = 0; j < sizes[i]; j++)
      {
        seed = seed * 1664525u + 1013904223u;
        inputs[i][j] = (float) (seed >> 8) / (1 << 23) - 1;
        if (i == IN_DT)
          inputs[i][j] = 0.25f + 0.2f * inputs[i][j];
        else if (i == IN_A) /* as in the net that has it as a constant */
          inputs[i][j] = -1.0f - (float) (j % N);
      }
}

/* The definition; without the term in D if not `skip`. */
static void
define (gboolean skip, double start, double *y)
{
  for (int k = 0; k < K; k++)
    for (int j = 0; j < C; j++)
      {
        double h[N];

        for (int n = 0; n < N; n++)
          h[n] = start;
        for (int t = 0; t < L; t++)
          {
            double sum = skip ? (double) d[k][j] * u[k][t][j] : 0;

            for (int n = 0; n < N; n++)
              {
                h[n] = exp ((double) dt[k][t][j] * a[k][j][n]) * h[n]
                       + (double) dt[k][t][j] * u[k][t][j] * b[k][t][n];
                sum += h[n] * c[k][t][n];
              }
            y[(k * L + t) * C + j] = sum;
          }
      }
}

static SagSession *
load (const char *name)
{
  g_autofree char *path =
      g_strdup_printf ("%s/engine/nets/%s.onnx", g_getenv ("G_TEST_SRCDIR"), name);
  g_autoptr (GError) error = NULL;
  SagSession *session = sag_session_new (path, NULL, &error);

  g_assert_no_error (error);
  return session;
}

static void
run (SagSession *session, float *y)
{
  static float end[K * C * N];
  const void *in[N_IN];

  for (int i = 0; i < sag_session_get_n_inputs (session); i++)
    for (int j = 0; j < N_IN; j++)
      if (strcmp (sag_session_get_input (session, i)->name, names[j]) == 0)
        in[i] = inputs[j];
  g_assert_cmpstr (sag_session_get_output (session, 0)->name, ==, "y");
  g_assert_true (sag_session_run (session, in, (void *[]){ y, end }, NULL));
}

static void
check (const float *y, gboolean skip, double start)
{
  static double want[K * L * C];
  double worst = 0;

  define (skip, start, want);
  for (int i = 0; i < K * L * C; i++)
    worst = fmax (worst, fabs (y[i] - want[i]));
  g_test_message ("largest difference %g", worst);
  g_assert_cmpfloat (worst, <, 4e-6);
}

/* Every net that is one node runs as one node, right, and with the same bits whatever the team. */
static void
test_fused (gconstpointer data)
{
  static float y[K * L * C], again[K * L * C];
  const char *name = data;
  g_autoptr (SagSession) session = load (name);
  g_autofree char *plan = sag_session_describe (session);
  SagSessionInfo info;

  fill ();
  sag_session_get_info (session, &info);
  g_assert_cmpint (info.n_steps, ==, 1);
  g_assert_nonnull (strstr (plan, "SelectiveScan"));
  sag_parallel_own (SAG_TEAM_COMPUTE, 1);
  run (session, y);
  check (y, strcmp (name, "scan-swapped") != 0, 0);
  for (int threads = 2; threads <= 4; threads += 2)
    {
      sag_parallel_own (SAG_TEAM_COMPUTE, threads);
      memset (again, 0xff, sizeof again);
      run (session, again);
      g_assert_cmpmem (again, sizeof again, y, sizeof y);
    }
}

/* B and C are read where they were cut from (twice the minus changes nothing), and steps are made by the scan. */
static void
test_near (void)
{
  static float y[K * L * C], again[K * L * C];
  g_autoptr (SagSession) session = load ("scan-near");
  g_autofree char *plan = sag_session_describe (session);

  g_assert_null (strstr (plan, "Slice"));
  g_assert_null (strstr (plan, "Add"));
  fill ();
  sag_parallel_own (SAG_TEAM_COMPUTE, 1);
  run (session, y);
  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
  run (session, again);
  g_assert_cmpmem (again, sizeof again, y, sizeof y);
  for (int k = 0; k < K; k++)
    for (int t = 0; t < L; t++)
      for (int j = 0; j < C; j++)
        dt[k][t][j] = (float) log1p (exp ((double) dt[k][t][j] - 1.25 - 0.01 * j - 0.1 * k));
  check (y, TRUE, 0);
}

static void
test_left (gconstpointer data)
{
  g_autoptr (SagSession) session = load (data);
  g_autofree char *plan = sag_session_describe (session);

  g_assert_null (strstr (plan, "SelectiveScan"));
  g_assert_nonnull (strstr (plan, strcmp (data, "scan-gap") == 0 ? " Concat " : " Scan "));
}

/* The final state is asked for, or the first is not 0: not fused, and yet the same recurrence. */
static void
test_interpreted (gconstpointer data)
{
  static float y[K * L * C];
  g_autoptr (SagSession) session = load (data);

  test_left (data);
  fill ();
  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
  run (session, y);
  check (y, TRUE, strcmp (data, "scan-start") == 0 ? 0.5 : 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/scan/fused/op", "scan-op", test_fused);
  g_test_add_data_func ("/scan/fused/form", "scan-form", test_fused);
  g_test_add_data_func ("/scan/fused/swapped", "scan-swapped", test_fused);
  g_test_add_data_func ("/scan/fused/doubling", "scan-doubling", test_fused);
  g_test_add_func ("/scan/near", test_near);
  g_test_add_data_func ("/scan/left/gap", "scan-gap", test_left);
  g_test_add_data_func ("/scan/left/late", "scan-late", test_left);
  g_test_add_data_func ("/scan/left/minus", "scan-minus", test_left);
  g_test_add_data_func ("/scan/left/back", "scan-back", test_left);
  g_test_add_data_func ("/scan/interpreted/end", "scan-end", test_interpreted);
  g_test_add_data_func ("/scan/interpreted/start", "scan-start", test_interpreted);
  return g_test_run ();
}
