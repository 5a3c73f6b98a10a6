/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-precision.c: which node runs at which precision; and every node prepared.
 */
#include "engine/base/error.h"
#include "engine/nn/op-util.h"
#include "engine/nn/passes.h"

static gboolean
prepare (SagNode *node, SagPrecision precision, GError **error)
{
  node->kernel = "plain";
  node->precision = SAG_PRECISION_F32;
  node->packed_bytes = node->scratch_bytes = 0;
  node->macs = 0;
  node->packed_inputs = node->inplace = 0;
  node->view = FALSE;
  return node->op->prepare (node, precision, error);
}

/* An output must be memory of its own: the caller's. One that is an input, a constant, a view, or
 * given twice, is copied. */
static gboolean
finish_outputs (SagGraph *graph, SagPrecision precision, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < graph->outputs->len; i++)
    {
      SagValue *value = graph->outputs->pdata[i], *copy;
      SagNode *node;

      if (g_hash_table_add (seen, value) && value->producer != NULL && !value->producer->view)
        continue;
      copy = sag_graph_add_value (graph, value->name);
      copy->dtype = value->dtype;
      copy->shape = value->shape;
      copy->layout = value->layout;
      node = sag_graph_add_node (graph, sag_op_find ("sagitta", "Layout"), value->name, -1);
      g_ptr_array_add (node->inputs, value);
      sag_node_set_output (node, 0, copy);
      graph->outputs->pdata[i] = copy;
      if (!prepare (node, precision, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
sag_pass_prepare (SagGraph *graph, SagPrecision precision, GError **error)
{
  if (precision != SAG_PRECISION_F32)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                   "Precision %s is not available yet; choose fp32",
                   sag_precision_get_name (precision));
      return FALSE;
    }
  for (guint i = 0; i < graph->nodes->len; i++)
    if (!prepare (graph->nodes->pdata[i], precision, error))
      return FALSE;
  if (!finish_outputs (graph, precision, error))
    return FALSE;
  sag_graph_count_readers (graph);
  return TRUE;
}

gboolean
sag_pass_body (SagGraph *body, SagPrecision precision, GError **error)
{
  return sag_pass_fuse (body, error) && sag_pass_prepare (body, precision, error);
}
