/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-precision.c: which node runs at which precision; and every node prepared.
 *
 * Less than F32 is for convolutions and matrix products whose weights are constant, the first and
 * the last of them excepted: those meet the image and make the labels, and cost little. All else is F32.
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
finish_outputs (SagGraph *graph, GError **error)
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
      if (!prepare (node, SAG_PRECISION_F32, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
is_weighted (const SagNode *node)
{
  const SagValue *w = sag_node_input (node, 1);

  return (node->op->flags & SAG_OP_WEIGHTED) != 0 && w != NULL && w->constant != NULL;
}

/* Sets value->index of every value behind a weighted node. */
static void
mark_behind (SagGraph *graph)
{
  for (guint i = 0; i < graph->values->len; i++)
    ((SagValue *) graph->values->pdata[i])->index = 0;
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      SagNode *node = graph->nodes->pdata[i];
      int behind = is_weighted (node);

      for (guint j = 0; j < node->inputs->len; j++)
        if (sag_node_input (node, (int) j) != NULL)
          behind |= sag_node_input (node, (int) j)->index;
      for (guint j = 0; j < node->outputs->len; j++)
        if (sag_node_output (node, (int) j) != NULL)
          sag_node_output (node, (int) j)->index = behind;
    }
}

/* What each node is asked for: `precision` if it has weights and is neither among the first nor
 * among the last that have. [n nodes], caller frees. */
static SagPrecision *
choose (SagGraph *graph, SagPrecision precision)
{
  SagPrecision *chosen = g_new (SagPrecision, MAX (graph->nodes->len, 1));

  mark_behind (graph);
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      const SagNode *node = graph->nodes->pdata[i];

      chosen[i] = SAG_PRECISION_F32;
      for (guint j = 0; is_weighted (node) && j < node->inputs->len; j++)
        if (sag_node_input (node, (int) j) != NULL && sag_node_input (node, (int) j)->index)
          chosen[i] = precision;
    }
  for (guint i = 0; i < graph->values->len; i++)
    ((SagValue *) graph->values->pdata[i])->index = 0;
  for (guint i = graph->nodes->len; i-- > 0;)
    {
      const SagNode *node = graph->nodes->pdata[i];
      int before = 0;

      for (guint j = 0; j < node->outputs->len; j++)
        if (sag_node_output (node, (int) j) != NULL)
          before |= sag_node_output (node, (int) j)->index;
      if (!before)
        chosen[i] = SAG_PRECISION_F32;
      before |= is_weighted (node);
      for (guint j = 0; j < node->inputs->len; j++)
        if (sag_node_input (node, (int) j) != NULL)
          sag_node_input (node, (int) j)->index |= before;
    }
  return chosen;
}

gboolean
sag_pass_prepare (SagGraph *graph, SagPrecision precision, GError **error)
{
  g_autofree SagPrecision *chosen = NULL;
  gboolean had = precision == SAG_PRECISION_F32;

  if (precision == SAG_PRECISION_INT4)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                   "Precision %s is not available yet; choose fp32, bf16 or int8",
                   sag_precision_get_name (precision));
      return FALSE;
    }
  chosen = choose (graph, precision);
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      SagNode *node = graph->nodes->pdata[i];

      if (!prepare (node, chosen[i], error))
        return FALSE;
      had |= node->precision == precision;
    }
  if (!had && graph->nodes->len > 0)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                   "No layer of this network can run at %s (the first and the last stay fp32); "
                   "choose fp32",
                   sag_precision_get_name (precision));
      return FALSE;
    }
  if (!finish_outputs (graph, error))
    return FALSE;
  sag_graph_count_readers (graph);
  return TRUE;
}

gboolean
sag_pass_body (SagGraph *body, SagPrecision precision, GError **error)
{
  return sag_pass_fuse (body, error) && sag_pass_prepare (body, precision, error);
}
