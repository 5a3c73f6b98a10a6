/* SPDX-License-Identifier: Apache-2.0
 *
 * test-onnx-node.c: the ONNX project's conformance tests of single operators, where they are.
 *
 * Each folder has model.onnx and test_data_set_0/{input,output}_K.pb (TensorProto). Floats agree
 * within 1e-3 relative + 1e-7, as the project's own runner asks; integers exactly.
 */
#include "engine/base/parallel.h"
#include "engine/nn/onnx.h"
#include "tests/data.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

static char *root; /* where the folders are */

/* The tests are packed; unpacked once a build folder. */
static gboolean
unpack (const char *archive)
{
  g_autofree char *done = NULL;
  g_autoptr (GError) error = NULL;
  int status = 0;

  root = g_build_filename (g_getenv ("G_TEST_BUILDDIR"), "onnx-node", NULL);
  done = g_build_filename (root, "unpacked", NULL);
  if (g_file_test (done, G_FILE_TEST_EXISTS))
    return TRUE;
  g_mkdir_with_parents (root, 0777);
  const char *command[] = { "tar", "-xJf", archive, "-C", root, NULL };
  return g_spawn_sync (NULL, (char **) command, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                       &status, &error)
         && g_spawn_check_wait_status (status, &error) && g_file_set_contents (done, "", 0, &error);
}

static SagTensor *
read_pb (const char *folder, const char *kind, int k)
{
  g_autofree char *name = g_strdup_printf ("%s_%d.pb", kind, k);
  g_autofree char *path = g_build_filename (folder, "test_data_set_0", name, NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  SagTensor *tensor;
  gsize size;

  if (!g_file_get_contents (path, &text, &size, NULL))
    return NULL;
  tensor = sag_onnx_read_tensor ((SagWire){ (guint8 *) text, (guint8 *) text + size }, NULL, NULL,
                                 FALSE, NULL, &error);
  g_assert_no_error (error);
  if (tensor->owned == NULL) /* into the text, which goes */
    {
      SagTensor *copy = sag_tensor_copy (tensor, &error);

      sag_tensor_free (tensor);
      tensor = copy;
    }
  return tensor;
}

static gboolean
same (const SagTensor *got, const SagTensor *want, char **why)
{
  gint64 n = sag_shape_count (&want->shape);
  g_autofree char *a = sag_shape_to_string (&got->shape), *b = sag_shape_to_string (&want->shape);

  if (got->dtype != want->dtype || !sag_shape_equal (&got->shape, &want->shape))
    {
      *why = g_strdup_printf ("is %s %s, not %s %s", sag_dtype_get_name (got->dtype), a,
                              sag_dtype_get_name (want->dtype), b);
      return FALSE;
    }
  for (gint64 i = 0; i < n; i++)
    {
      double x = sag_tensor_get_real (got, i), y = sag_tensor_get_real (want, i);
      gboolean real = want->dtype == SAG_DTYPE_F32 || want->dtype == SAG_DTYPE_F64
                      || want->dtype == SAG_DTYPE_F16;

      if (x == y || (isnan (x) && isnan (y)) || (real && fabs (x - y) <= 1e-7 + 1e-3 * fabs (y)))
        continue;
      *why = g_strdup_printf ("element %" G_GINT64_FORMAT " is %g, not %g", i, x, y);
      return FALSE;
    }
  return TRUE;
}

static void
run_and_compare (SagSession *session, GPtrArray *inputs, const char *folder)
{
  int n_outputs = sag_session_get_n_outputs (session);
  g_autoptr (GPtrArray) outputs = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_tensor_free);
  g_autofree const void **in = g_new0 (const void *, inputs->len + 1);
  g_autofree void **out = g_new0 (void *, n_outputs + 1);

  for (guint i = 0; i < inputs->len; i++)
    in[i] = inputs->pdata[i] != NULL ? ((SagTensor *) inputs->pdata[i])->data : NULL;
  for (int i = 0; i < n_outputs; i++)
    {
      const SagPort *port = sag_session_get_output (session, i);
      SagShape shape = { port->rank, { 0 } };

      memcpy (shape.dim, port->shape, sizeof shape.dim);
      g_ptr_array_add (outputs, sag_tensor_new (port->dtype, &shape, NULL));
      out[i] = ((SagTensor *) outputs->pdata[i])->owned;
    }
  g_assert_true (sag_session_run (session, in, out, NULL));
  for (int i = 0; i < n_outputs; i++)
    {
      g_autoptr (SagTensor) want = read_pb (folder, "output", i);
      g_autofree char *why = NULL;

      if (want != NULL && !same (outputs->pdata[i], want, &why))
        {
          g_test_message ("output %d: %s", i, why);
          g_test_fail ();
        }
    }
}

static void
test_node (gconstpointer data)
{
  g_autofree char *folder = g_build_filename (root, data, NULL),
                  *model = g_build_filename (folder, "model.onnx", NULL);
  g_autoptr (GPtrArray) inputs = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_tensor_free);
  g_autoptr (GMappedFile) mapped = g_mapped_file_new (model, FALSE, NULL);
  g_autoptr (GBytes) file = NULL;
  g_autoptr (GArray) bindings = g_array_new (FALSE, TRUE, sizeof (SagBinding));
  g_autoptr (SagGraph) graph = NULL;
  g_autoptr (SagSession) session = NULL;
  g_autoptr (GError) error = NULL;
  SagSessionOptions options = { 0 };

  g_assert_nonnull (mapped);
  file = g_mapped_file_get_bytes (mapped);
  /* Input K of the graph is input_K.pb; names come from the model. */
  for (int k = 0; k < 16; k++)
    g_ptr_array_add (inputs, read_pb (folder, "input", k));
  for (int k = 15; k >= 0 && inputs->pdata[k] == NULL; k--)
    g_ptr_array_set_size (inputs, k);
  graph = sag_onnx_read (file, model, NULL, 0, &error);
  for (guint k = 0; graph != NULL && k < inputs->len && k < graph->inputs->len; k++)
    {
      const SagTensor *tensor = inputs->pdata[k];
      SagBinding binding = { ((SagValue *) graph->inputs->pdata[k])->name };

      if (tensor == NULL)
        continue;
      binding.rank = tensor->shape.rank;
      memcpy (binding.shape, tensor->shape.dim, sizeof binding.shape);
      binding.data = tensor->data;
      g_array_append_val (bindings, binding);
    }
  options.bindings = (const SagBinding *) bindings->data;
  options.n_bindings = (int) bindings->len;
  if (graph != NULL)
    session = sag_session_new (model, &options, &error);
  if (session == NULL)
    {
      g_test_message ("%s", error->message);
      g_test_fail ();
      return;
    }
  run_and_compare (session, inputs, folder);
}

static void
test_absent (void)
{
  g_free (sag_test_data ("onnx-node/onnx-node.tar.xz"));
}

int
main (int argc, char **argv)
{
  g_autofree char *archive = NULL, *list = NULL, *text = NULL;
  g_auto (GStrv) lines = NULL;

  g_test_init (&argc, &argv, NULL);
  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
  archive = sag_test_data ("onnx-node/onnx-node.tar.xz");
  list = sag_test_data ("onnx-node/manifest.tsv");
  if (archive == NULL || list == NULL || !g_file_get_contents (list, &text, NULL, NULL))
    {
      g_test_add_func ("/onnx-node/absent", test_absent);
      return g_test_run ();
    }
  g_assert_true (unpack (archive));
  lines = g_strsplit (text, "\n", -1);
  for (int i = 1; lines[i] != NULL; i++)
    {
      char *tab = strchr (lines[i], '\t');
      g_autofree char *path = NULL;

      if (tab == NULL)
        continue;
      *tab = '\0';
      path = g_strdup_printf ("/onnx-node/%s", lines[i]);
      g_test_add_data_func (path, lines[i], test_node);
    }
  return g_test_run ();
}
