/* SPDX-License-Identifier: Apache-2.0
 *
 * test-nets.c: MeshNets that others trained, against the outputs stored beside them, where they
 * are.
 */
#include "app/files/npy.h"
#include "engine/base/parallel.h"
#include "tests/data.h"

#include <math.h>
#include <string.h>

/* An array of a .npz, which is a zip file of .npy files. */
static SagTensor *
load (const char *npz, const char *key)
{
  g_autofree char *base = g_path_get_basename (npz);
  g_autofree char *folder = g_build_filename (g_getenv ("G_TEST_BUILDDIR"), "nets", base, NULL);
  g_autofree char *name = g_strdup_printf ("%s.npy", key),
                  *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;
  SagTensor *tensor;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      const char *command[] = { "python3", "-m", "zipfile", "-e", npz, folder, NULL };

      g_spawn_sync (NULL, (char **) command, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                    NULL, &error);
      g_assert_no_error (error);
    }
  tensor = sag_npy_read (path, &error);
  g_assert_no_error (error);
  return tensor;
}

static void
test_net (gconstpointer data)
{
  const char *name = data;
  g_autofree char *onnx_name = g_strdup_printf ("models/meshnet-onnx/%s.onnx", name);
  g_autofree char *npz_name = g_strdup_printf ("models/meshnet-onnx/%s.npz", name);
  g_autofree char *onnx = sag_test_data (onnx_name),
                  *npz = onnx != NULL ? sag_test_data (npz_name) : NULL;
  g_autoptr (SagTensor) in = NULL, want = NULL, index = NULL, labels = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (SagSession) session = NULL;
  g_autofree float *out = NULL;
  const SagPort *port;
  gint64 volume = 1, wrong = 0;
  float worst = 0;

  if (npz == NULL)
    return;
  in = load (npz, "in:input");
  want = load (npz, "out:logits");
  labels = load (npz, "labels:logits");
  if (strcmp (name, "model18cls") == 0) /* a sample of the elements only */
    index = load (npz, "index:logits");
  SagBinding binding = { "input", in->shape.rank };
  SagSessionOptions options = { .bindings = &binding, .n_bindings = 1 };
  memcpy (binding.shape, in->shape.dim, sizeof binding.shape);
  session = sag_session_new (onnx, &options, &error);
  g_assert_no_error (error);
  port = sag_session_get_output (session, 0);
  for (int i = 0; i < port->rank; i++)
    volume *= port->shape[i];
  out = g_new (float, volume);
  g_assert_true (sag_session_run (session, (const void *[]){ in->data }, (void *[]){ out }, NULL));
  for (gint64 i = 0; i < sag_shape_count (&want->shape); i++)
    {
      gint64 at = index != NULL ? sag_tensor_get_int (index, i) : i;

      worst = fmaxf (worst, fabsf (out[at] - ((const float *) want->data)[i]));
    }
  g_test_message ("largest difference %g", worst);
  g_assert_cmpfloat (worst, <, 1e-3);

  /* and the labels that follow, but for ties */
  volume /= port->shape[1];
  for (gint64 i = 0; i < volume; i++)
    {
      int best = 0;

      for (int c = 1; c < port->shape[1]; c++)
        if (out[c * volume + i] > out[best * volume + i])
          best = c;
      wrong += best != ((const guint8 *) labels->data)[i];
    }
  g_assert_cmpint (wrong, <=, volume / 10000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
  g_test_add_data_func ("/nets/model5_gw_ae", "model5_gw_ae", test_net);
  g_test_add_data_func ("/nets/model11_gw_ae", "model11_gw_ae", test_net);
  g_test_add_data_func ("/nets/model18cls", "model18cls", test_net);
  return g_test_run ();
}
