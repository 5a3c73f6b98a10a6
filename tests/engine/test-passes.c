/* SPDX-License-Identifier: Apache-2.0
 *
 * test-passes.c: graphs before and after the passes, as text.
 */
#include "engine/base/parallel.h"
#include "engine/nn/onnx.h"
#include "engine/nn/passes.h"

#include <string.h>

static SagGraph *
load (const char *name)
{
  g_autofree char *path =
      g_strdup_printf ("%s/fuzz/corpus/onnx/%s.onnx", g_getenv ("G_TEST_SRCDIR"), name);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  gsize size = 0;
  SagGraph *graph;

  g_file_get_contents (path, &text, &size, &error);
  g_assert_no_error (error);
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_steal_pointer (&text), size);
  graph = sag_onnx_read (bytes, path, NULL, 0, &error);
  g_assert_no_error (error);
  return graph;
}

/* The operators in order, with what is fused into each. */
static char *
operators (SagGraph *graph)
{
  g_autofree char *text = sag_graph_to_string (graph);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  GString *names = g_string_new (NULL);

  for (int i = 0; lines[i] != NULL && *lines[i] != '\0'; i++)
    {
      *strchr (lines[i], ' ') = '\0';
      g_string_append_printf (names, "%s%s", i > 0 ? " " : "", lines[i]);
    }
  return g_string_free (names, FALSE);
}

static void
check (SagGraph *graph, const char *want)
{
  g_autofree char *got = operators (graph);

  g_assert_cmpstr (got, ==, want);
}

static void
test_fold (void)
{
  g_autoptr (SagGraph) graph = load ("shapes");
  g_autoptr (GError) error = NULL;

  check (graph,
         "Shape Gather Mul Unsqueeze Concat Reshape Transpose MatMul Slice Tile ReduceMean Split");
  g_assert_true (sag_pass_fold (graph, &error));
  g_assert_no_error (error);
  check (graph, "Reshape Transpose MatMul Slice Tile ReduceMean Split");
  g_assert_cmpint (((SagValue *) graph->outputs->pdata[0])->shape.dim[1], ==, 3);
}

static void
test_fuse (void)
{
  g_autoptr (SagGraph) graph = load ("conv");
  g_autoptr (GError) error = NULL;

  check (
      graph,
      "Pad Conv BatchNormalization Relu Conv Add LeakyRelu MaxPool ConvTranspose Concat Softmax");
  g_assert_true (sag_pass_fold (graph, &error) && sag_pass_fuse (graph, &error));
  g_assert_no_error (error);
  check (graph, "Conv+Relu Conv+residual+LeakyRelu MaxPool ConvTranspose Concat Softmax");
}

static void
test_pattern (void)
{
  g_autoptr (SagGraph) graph = load ("transformer");
  g_autoptr (GError) error = NULL;

  check (graph, "LayerNormalization MatMul Add Reshape Transpose Transpose MatMul Softmax MatMul "
                "Transpose Reshape "
                "Div Erf Add Mul Mul Add");
  g_assert_true (sag_pass_fold (graph, &error) && sag_pass_fuse (graph, &error));
  g_assert_no_error (error);
  /* bias into the product, attention from its three nodes, GELU from its five */
  check (graph, "LayerNormalization MatMul Reshape Transpose Transpose Attention Transpose Reshape Gelu Add");
}

/* Conversions only where stretches meet, and none that is done twice. */
static void
test_layout (void)
{
  g_autoptr (SagGraph) graph = load ("conv");
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  int conversions = 0;

  g_assert_true (sag_pass_fold (graph, &error) && sag_pass_fuse (graph, &error)
                 && sag_pass_layout (graph, &error));
  g_assert_no_error (error);
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      SagNode *node = graph->nodes->pdata[i];
      SagValue *x = sag_node_input (node, 0), *y = sag_node_output (node, 0);

      if (strcmp (node->op->name, "Layout") != 0)
        continue;
      conversions++;
      g_assert_cmpint (x->layout, !=, y->layout);
      g_assert_false (sag_layouts_coincide (&x->shape, x->layout, y->layout));
      g_assert_true (
          g_hash_table_add (seen, g_strdup_printf ("%p %d", (void *) x, (int) y->layout)));
    }
  g_assert_cmpint (conversions, <=, 3);
  for (guint i = 0; i < graph->outputs->len; i++)
    g_assert_cmpint (((SagValue *) graph->outputs->pdata[i])->layout, ==, SAG_LAYOUT_PLAIN);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
  g_test_add_func ("/passes/fold", test_fold);
  g_test_add_func ("/passes/fuse", test_fuse);
  g_test_add_func ("/passes/pattern", test_pattern);
  g_test_add_func ("/passes/layout", test_layout);
  return g_test_run ();
}
