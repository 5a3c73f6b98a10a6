/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-precision.c: which node runs at which precision; and every node prepared.
 *
 * Less than F32 is for convolutions and matrix products whose weights are constant, the first and
 * the last of them excepted: those meet the image and make the labels, and cost little. All else is F32.
 */
#include "engine/base/error.h"
#include "engine/nn/bytes.h"
#include "engine/nn/op-util.h"
#include "engine/nn/passes.h"

#include <string.h>

enum
{
  SHORT = 16,       /* terms of a sum */
  LARGE = 512 << 10, /* floats: of an input and an output that no cache near the processor holds */
};

static gboolean
prepare (SagNode *node, SagPrecision precision, GError **error)
{
  node->kernel = "plain";
  node->precision = SAG_PRECISION_F32;
  node->packed_bytes = node->scratch_bytes = 0;
  node->macs = 0;
  node->packed_inputs = node->inplace = 0;
  node->trails = 0;
  node->view = FALSE;
  node->view_shift = 0;
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

/* What the file itself wants on bytes: integer weights, and an input with a quantum, or one that may be
 * quantised at run time (MatMulNBits with accuracy_level 4). */
static gboolean
is_stored (const SagNode *node)
{
  return is_weighted (node) && sag_node_input (node, 1)->stored_bits > 0 && sag_node_input (node, 0) != NULL
         && (sag_node_input (node, 0)->quantum.scale > 0
             || sag_node_get_int (node, "accuracy_level", 0) == 4);
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

/* Whether the value, which one convolution reads, will be bytes with a quantum for each plane (pass-bytes.c), as far as
 * is known before prepare. */
static gboolean
will_be_planes (const SagValue *x)
{
  return sag_value_fits_planes (x) && x->n_readers == 1 && is_weighted (x->producer)
         && strcmp (x->producer->op->name, "Conv") == 0;
}

/* A last layer stays F32, unless its input will be bytes anyway: then its weights take eight bits. */
static SagPrecision
last_precision (const SagNode *node, SagPrecision chosen)
{
  const SagValue *x = sag_node_input (node, 0);

  return chosen >= SAG_PRECISION_INT8 && x != NULL && (x->quantum.scale > 0 || will_be_planes (x)) ? SAG_PRECISION_INT8
                                                                                                  : SAG_PRECISION_F32;
}

/* Whether bytes cost more than they save: products so short that their inputs cost more than they, and, where ranges
 * are sought at run time, pixels of large images that are only mixed: convolutions in floats make one step that never
 * writes what lies between (pass-chain.c). */
static gboolean
is_cheaper_in_floats (const SagNode *node)
{
  const SagValue *x = sag_node_input (node, 0), *w = sag_node_input (node, 1), *y = sag_node_output (node, 0);

  if (x == NULL || w == NULL || y == NULL || w->stored_bits > 0)
    return FALSE;
  if (strcmp (node->op->name, "MatMul") == 0)
    return w->shape.rank == 2 && w->shape.dim[0] < SHORT;
  if (strcmp (node->op->name, "Conv") != 0 || sag_node_get_int (node, "group", 1) != 1)
    return FALSE;
  for (int i = 2; i < w->shape.rank; i++)
    if (w->shape.dim[i] != 1)
      return FALSE;
  return w->shape.dim[1] < SHORT
         || (x->quantum.scale == 0 && !will_be_planes (x) && x->layout != SAG_LAYOUT_LAST && sag_value_count (x) + sag_value_count (y) > LARGE);
}

/* What each node is asked for: `precision` if it has weights and is neither among the first nor
 * among the last that have; where all are, each that has. [n nodes], caller frees. */
static SagPrecision *
choose (SagGraph *graph, SagPrecision precision)
{
  SagPrecision *chosen = g_new (SagPrecision, MAX (graph->nodes->len, 1));
  gboolean any = FALSE;

  mark_behind (graph);
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      const SagNode *node = graph->nodes->pdata[i];

      chosen[i] = SAG_PRECISION_F32;
      for (guint j = 0; is_weighted (node) && j < node->inputs->len; j++)
        if (sag_node_input (node, (int) j) != NULL && sag_node_input (node, (int) j)->index)
          chosen[i] = precision;
    }
  for (guint i = 0; i < graph->nodes->len; i++)
    if (chosen[i] >= SAG_PRECISION_INT8 && is_cheaper_in_floats (graph->nodes->pdata[i]))
      chosen[i] = SAG_PRECISION_F32;
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
        chosen[i] = last_precision (node, chosen[i]);
      any |= chosen[i] != SAG_PRECISION_F32;
      before |= is_weighted (node);
      for (guint j = 0; j < node->inputs->len; j++)
        if (sag_node_input (node, (int) j) != NULL)
          sag_node_input (node, (int) j)->index |= before;
    }
  for (guint i = 0; !any && i < graph->nodes->len; i++)
    if (is_weighted (graph->nodes->pdata[i]))
      chosen[i] = precision;
  for (guint i = 0; i < graph->nodes->len; i++)
    if (is_stored (graph->nodes->pdata[i]) && chosen[i] < SAG_PRECISION_INT8)
      chosen[i] = sag_node_input (graph->nodes->pdata[i], 1)->stored_bits == 4 ? SAG_PRECISION_INT4
                                                                               : SAG_PRECISION_INT8;
  return chosen;
}

/* Whether a value of the node was made bytes since its first prepare. */
static gboolean
meets_bytes (const SagNode *node)
{
  for (int j = -1; j < (int) node->inputs->len; j++)
    {
      const SagValue *value = j < 0 ? sag_node_output (node, 0) : sag_node_input (node, j);

      if (value != NULL && (value->planes != NULL || sag_value_in_bytes (value)))
        return TRUE;
    }
  return FALSE;
}

gboolean
sag_pass_prepare (SagGraph *graph, SagPrecision precision, GError **error)
{
  g_autofree SagPrecision *chosen = NULL;
  gboolean had = precision == SAG_PRECISION_F32;

  chosen = choose (graph, precision);
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      SagNode *node = graph->nodes->pdata[i];

      if (!prepare (node, chosen[i], error))
        return FALSE;
      had |= node->precision == precision;
    }
  /* none between the first and the last could */
  for (guint i = 0; !had && i < graph->nodes->len; i++)
    if (is_weighted (graph->nodes->pdata[i]) && !prepare (graph->nodes->pdata[i], precision, error))
      return FALSE;
  for (guint i = 0; !had && i < graph->nodes->len; i++)
    had = ((SagNode *) graph->nodes->pdata[i])->precision == precision;
  /* values have quanta at INT8 and INT4, or if the file brings them */
  if (!sag_pass_bytes (graph, error))
    return FALSE;
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      SagNode *node = graph->nodes->pdata[i];

      if (meets_bytes (node) && !prepare (node, node->precision, error))
        return FALSE;
    }
  if (!had && graph->nodes->len > 0)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                   "No layer of this network can run at %s; choose fp32",
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
  body->precision = precision;
  return sag_pass_fuse (body, error) && sag_pass_prepare (body, precision, error);
}
