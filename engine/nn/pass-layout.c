/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-layout.c: how the elements of each value lie, and conversions where two stretches meet.
 *
 * One walk from the inputs: each node takes the pair of layouts that costs least, its own price and
 * that of converting its inputs together. A value is converted to a layout at most once. Where branches of a
 * decoder meet, Resize and Concat would keep what they have; there the price of the next layer counts too.
 */
#include "engine/nn/op-util.h"
#include "engine/nn/passes.h"

#include <string.h>

enum { AHEAD = 3 }; /* readers, one after the other */

typedef struct
{
  SagGraph   *graph;
  GHashTable *converted; /* SagValue * -> SagValue *[SAG_N_LAYOUTS] */
} Draft;

/* Whether it will lie in memory as bytes, as far as is known before prepare. */
static gboolean
will_be_bytes (const SagValue *value)
{
  return value != NULL && value->dtype == SAG_DTYPE_F32 && value->quantum.scale > 0 && value->shape.rank >= 4
         && value->shape.dim[1] % 4 == 0;
}

static gint64
convert_cost (const SagValue *value)
{
  gint64 n = sag_value_count (value);

  return (will_be_bytes (value) ? n / 2 : 2 * n) + 1024;
}

static gboolean
is_joint (const SagNode *node)
{
  return strcmp (node->op->name, "Concat") == 0 || strcmp (node->op->name, "Resize") == 0
         || strcmp (node->op->name, "Upsample") == 0;
}

/* [in][out] */
static void
node_costs (const SagNode *node, gint64 costs[SAG_N_LAYOUTS][SAG_N_LAYOUTS])
{
  gboolean quarter = is_joint (node) && will_be_bytes (sag_node_output (node, 0));

  if (node->op->costs != NULL)
    node->op->costs (node, costs);
  for (int in = 0; in < SAG_N_LAYOUTS; in++)
    for (int out = 0; out < SAG_N_LAYOUTS; out++)
      {
        if (node->op->costs == NULL)
          costs[in][out] = node->op->cost != NULL ? node->op->cost (node, in, out)
                           : in == SAG_LAYOUT_PLAIN && out == SAG_LAYOUT_PLAIN ? 0 : SAG_COST_NEVER;
        if (quarter && costs[in][out] != SAG_COST_NEVER)
          costs[in][out] /= 4;
      }
}

static gboolean
rank_allows (const SagShape *shape, SagLayout layout)
{
  return layout == SAG_LAYOUT_PLAIN || shape->rank >= (layout == SAG_LAYOUT_ROWS ? 4 : 3);
}

/* The layout in which the node wants input `i`. */
static SagLayout
wanted (const SagNode *node, int i, SagLayout in, SagLayout out)
{
  const SagValue *value = sag_node_input (node, i), *result = sag_node_output (node, 0);
  SagLayout layout = in;

  if (node->fused.residual && i == (int) node->inputs->len - 1)
    layout = out;
  else if (node->op->follows != 0 && (i >= 32 || !(node->op->follows >> i & 1)))
    return SAG_LAYOUT_PLAIN;
  if ((node->op->flags & SAG_OP_STRIDED)
      && (value->constant != NULL || result == NULL || value->shape.rank != result->shape.rank))
    return SAG_LAYOUT_PLAIN;
  return rank_allows (&value->shape, layout) ? layout : SAG_LAYOUT_PLAIN;
}

/* Of converting the node's inputs; `ahead`, if not NULL, is one that will be in layout `have`, and of the others
 * those count that are made by now. */
static gint64
conversion_cost (Draft *draft, const SagNode *node, SagLayout in, SagLayout out, const SagValue *ahead, SagLayout have)
{
  gint64 cost = 0;

  for (int i = 0; i < (int) node->inputs->len; i++)
    {
      SagValue *value = sag_node_input (node, i);
      SagValue **known;
      SagLayout want;

      if (value == NULL || (ahead != NULL && value != ahead && value->producer != NULL && value->producer->mark == 0))
        continue;
      want = wanted (node, i, in, out);
      known = g_hash_table_lookup (draft->converted, value);
      if (sag_layouts_coincide (&value->shape, value == ahead ? have : value->layout, want)
          || (known != NULL && known[want] != NULL))
        continue;
      cost += convert_cost (value);
    }
  return cost;
}

/* Of what reads `value`, if it were in `layout`, up to the next layer. */
static gint64
cost_ahead (Draft *draft, const SagValue *value, SagLayout layout, int depth)
{
  const SagNode *reader = value->reader;
  gint64 best = SAG_COST_NEVER, costs[SAG_N_LAYOUTS][SAG_N_LAYOUTS];

  if (depth == 0 || value->n_readers != 1 || reader == NULL)
    return 0;
  node_costs (reader, costs);
  for (int out = 0; out < SAG_N_LAYOUTS; out++)
    for (int in = 0; in < SAG_N_LAYOUTS; in++)
      {
        const SagValue *result = sag_node_output (reader, 0);
        gint64 cost;

        if (result == NULL || !rank_allows (&result->shape, out) || (in != out && is_joint (reader)))
          continue;
        cost = costs[in][out];
        if (cost == SAG_COST_NEVER)
          continue;
        cost += conversion_cost (draft, reader, in, out, value, layout);
        if (is_joint (reader))
          cost += cost_ahead (draft, result, out, depth - 1);
        best = MIN (best, cost);
      }
  return best == SAG_COST_NEVER ? 0 : best;
}

static gboolean
is_output (const SagGraph *graph, const SagValue *value)
{
  for (guint i = 0; i < graph->outputs->len; i++)
    if (graph->outputs->pdata[i] == value)
      return TRUE;
  return FALSE;
}

static gboolean
choose (Draft *draft, const SagNode *node, SagLayout *best_in, SagLayout *best_out)
{
  const SagValue *result = sag_node_output (node, 0);
  gint64 best = SAG_COST_NEVER, costs[SAG_N_LAYOUTS][SAG_N_LAYOUTS];

  node_costs (node, costs);
  for (int out = 0; out < SAG_N_LAYOUTS; out++)
    for (int in = 0; in < SAG_N_LAYOUTS; in++)
      {
        gint64 own, cost;

        if (result != NULL && !rank_allows (&result->shape, out))
          continue;
        own = costs[in][out];
        if (own == SAG_COST_NEVER)
          continue;
        cost = own + conversion_cost (draft, node, in, out, NULL, 0);
        if (result != NULL && is_joint (node))
          cost += cost_ahead (draft, result, out, AHEAD);
        if (result != NULL && !sag_layouts_coincide (&result->shape, out, SAG_LAYOUT_PLAIN)
            && is_output (draft->graph, result))
          cost += 2 * sag_value_count (result) + 1024;
        if (cost < best)
          {
            best = cost;
            *best_in = in;
            *best_out = out;
          }
      }
  return best != SAG_COST_NEVER;
}

/* Whether the convolution that makes `value`, which nothing else reads, can write it in `layout` as well. */
static gboolean
can_write (const SagValue *value, SagLayout layout)
{
  const SagNode *maker = value->producer;

  return maker != NULL && value->n_readers == 1 && strcmp (maker->op->name, "Conv") == 0
         && sag_node_output (maker, 0) == value && (value->layout == SAG_LAYOUT_LAST) != (layout == SAG_LAYOUT_LAST)
         && maker->op->cost (maker, value->layout, layout) != SAG_COST_NEVER;
}

/* `value` in `layout`, by a conversion node before the end of the nodes walked so far. */
static SagValue *
convert (Draft *draft, SagValue *value, SagLayout layout)
{
  SagValue **known = g_hash_table_lookup (draft->converted, value);
  SagValue *result;
  SagNode *node;

  if (sag_layouts_coincide (&value->shape, value->layout, layout))
    return value;
  if (known == NULL && can_write (value, layout))
    {
      value->layout = layout;
      return value;
    }
  if (known == NULL)
    {
      known = g_new0 (SagValue *, SAG_N_LAYOUTS);
      g_hash_table_insert (draft->converted, value, known);
    }
  if (known[layout] != NULL)
    return known[layout];
  result = sag_graph_add_value (draft->graph, value->name);
  result->dtype = value->dtype;
  result->shape = value->shape;
  result->quantum = value->quantum;
  result->layout = layout;
  node = sag_graph_add_node (draft->graph, sag_op_find ("sagitta", "Layout"), value->name, -1);
  g_ptr_array_add (node->inputs, value);
  sag_node_set_output (node, 0, result);
  return known[layout] = result;
}

gboolean
sag_pass_layout (SagGraph *graph, GError **error)
{
  Draft draft = { graph, g_hash_table_new_full (NULL, NULL, NULL, g_free) };
  guint n = graph->nodes->len;
  gboolean good = TRUE;

  for (guint i = 0; i < n; i++)
    ((SagNode *) graph->nodes->pdata[i])->mark = 0;
  for (guint i = 0; good && i < n; i++)
    {
      SagNode *node = graph->nodes->pdata[i];
      SagLayout in = SAG_LAYOUT_PLAIN, out = SAG_LAYOUT_PLAIN;

      good = choose (&draft, node, &in, &out)
             || sag_node_unsupported (node, error, "there is no kernel for its shapes");
      for (int j = 0; good && j < (int) node->inputs->len; j++)
        if (sag_node_input (node, j) != NULL)
          node->inputs->pdata[j] =
              convert (&draft, sag_node_input (node, j), wanted (node, j, in, out));
      for (guint j = 0; good && j < node->outputs->len; j++)
        if (node->outputs->pdata[j] != NULL)
          {
            SagValue *value = node->outputs->pdata[j];

            value->layout = rank_allows (&value->shape, out) ? out : SAG_LAYOUT_PLAIN;
          }
      node->mark = 1;
    }
  for (guint i = 0; good && i < graph->outputs->len; i++)
    graph->outputs->pdata[i] = convert (&draft, graph->outputs->pdata[i], SAG_LAYOUT_PLAIN);
  g_hash_table_unref (draft.converted);
  return good && sag_graph_clean (graph, error);
}
