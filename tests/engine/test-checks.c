/* SPDX-License-Identifier: Apache-2.0
 *
 * test-checks.c: nets that carry their inputs and another engine's answers, and say how far apart we
 * are (nets/make_checks.py): operators as ONNX Runtime computes them, nets as PyTorch does.
 */
#include "engine/base/parallel.h"
#include "engine/nn/session.h"

#include <string.h>

/* What must be in the plan of nets whose names begin so, and what not: a recurrence that has become one node, a Concat
 * that has become a sum, a convolution that comes before its Resize, a product that has become a convolution. */
static const struct
{
  const char *prefix, *want, *never;
} forms[] = {
  { "/scan_", " SelectiveScan ", " Loop " },
  { "/gated_", " GatedScan ", " Loop " },
  { "/linear_", " LinearScan ", " Loop " },
  { "/wkv_loop", " Wkv ", " Loop " },
  { "/wkv_scan", " Wkv ", " Scan " },
  { "/wkv_flat", " Wkv ", " Exp " },
  { "/t_wkv6", " GatedScan ", " ReduceSum " },
  { "/t_wkv4", " Wkv ", " Max " },
  { "/wkvnot", " Scan ", " Wkv " },
  { "/commute_head", " Sum ", " Concat " },
  { "/commute_up", " 1x4x9x7", " 1x40x9x7" },
  { "/tokens", " Conv ", " MatMul " },
  { "/q_tokens", "/last:u8 -> 1x16x5x7/last:u8", " MatMul " },
  { "/x_cumsum_rate", " 2x11x6x1 -> 2x11x6x4", " SelectiveScan " },
  { "/pieces", " Pieces ", " Slice " },
  { "/q_dynamic", " int8 ", "Integer" },
  { "/q_nhwc", " int8 ", " MaxPool            plain          fp32  1x10x9x8" },
  { "/linatt_", " LinearAttention ", " ReduceMean " },
};

static void
test_check (gconstpointer data)
{
  const char *path = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (SagSession) session = sag_session_new (path, NULL, &error);
  float zero = 0, difference[2] = { 1e9f, 1e9f };

  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (forms); i++)
    if (strstr (path, forms[i].prefix) != NULL)
      {
        g_autofree char *plan = sag_session_describe (session);

        g_assert_nonnull (strstr (plan, forms[i].want));
        g_assert_null (strstr (plan, forms[i].never));
      }
  g_assert_cmpint (sag_session_get_n_inputs (session), ==, 1);
  for (int threads = 1; threads <= 2; threads++)
    {
      sag_parallel_own (SAG_TEAM_COMPUTE, threads);
      g_assert_true (sag_session_run (session, (const void *[]){ &zero },
                                      (void *[]){ &difference[threads - 1] }, NULL));
    }
  g_assert_cmpmem (&difference[0], sizeof (float), &difference[1], sizeof (float));
  /* On bytes a rounding the other way is a step of the scale. */
  g_assert_cmpfloat (difference[0], <, strstr (path, "/q_") != NULL ? 0.05f : 2e-4f);
}

int
main (int argc, char **argv)
{
  g_autofree char *folder = NULL;
  g_autoptr (GDir) dir = NULL;
  const char *name;

  g_test_init (&argc, &argv, NULL);
  folder = g_strdup_printf ("%s/engine/nets/checks", g_getenv ("G_TEST_SRCDIR"));
  dir = g_dir_open (folder, 0, NULL);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (name, ".onnx"))
      {
        g_autofree char *title = g_strdup_printf ("/checks/%s", name);

        *strrchr (title, '.') = '\0';
        g_test_add_data_func_full (title, g_build_filename (folder, name, NULL), test_check, g_free);
      }
  return g_test_run ();
}
