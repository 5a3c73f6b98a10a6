/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-fold.c: shapes of everything, and constants computed.
 *
 * One walk in the order of the nodes: infer, then run what has only constant inputs. So the shape
 * arithmetic that exporters write (Shape, Gather, Concat, Range...) is known by the time a Reshape
 * asks for it.
 */
#include "engine/base/alloc.h"
#include "engine/base/error.h"
#include "engine/nn/op-util.h"
#include "engine/nn/passes.h"

#include <string.h>

#define MAX_FOLDED ((gint64) 1 << 24) /* elements of one result */
#define MAX_BUDGET ((gint64) 1 << 25) /* of all results of a graph */
#define MAX_MACS ((gint64) 1 << 30) /* spent on folding a graph */
#define MAX_KNOWN_MACS ((gint64) 1 << 33) /* the same where a shape depends on an input's elements, which are given */
#define MAX_MADE ((double) (1 << 29)) /* bytes, and */
#define MAX_MADE_MACS 4e9 /* work, of what no input reaches and was too much to fold */

static gboolean
check_needs (const SagNode *node, GError **error)
{
  for (guint i = 0; i < node->inputs->len && i < 32; i++)
    {
      const SagValue *value = sag_node_input (node, (int) i);

      if ((node->op->needs >> i & 1) && value != NULL && value->constant == NULL)
        {
          g_autofree char *name = sag_escape_name (value->name, -1);

          return sag_node_unsupported (node, error,
                                       "input %u ('%s') depends on the data; it must be known "
                                       "when the model loads: export it with fixed shapes",
                                       i, name);
        }
    }
  return TRUE;
}

static gboolean
can_fold (const SagNode *node, gint64 budget)
{
  gint64 size = 0;

  if (node->op->run == NULL || node->fused.activation != SAG_ACTIVATION_NONE)
    return FALSE;
  for (guint i = 0; i < node->inputs->len && !(node->op->flags & SAG_OP_SHAPE_ONLY); i++)
    {
      const SagValue *value = sag_node_input (node, (int) i);

      if (value != NULL && value->constant == NULL)
        return FALSE;
    }
  for (guint i = 0; i < node->outputs->len; i++)
    if (node->outputs->pdata[i] != NULL)
      size += sag_value_count (node->outputs->pdata[i]);
  return size <= MIN (budget, MAX_FOLDED);
}

/* Runs the node now. *done is FALSE if it is better left for the run. */
static gboolean
evaluate (SagNode *node, gint64 *work, gboolean *done, GError **error)
{
  SagStep step = { .node = node };
  gpointer packed, scratch;
  gboolean good = TRUE;

  *done = FALSE;
  if (node->op->cost != NULL
      && node->op->cost (node, SAG_LAYOUT_PLAIN, SAG_LAYOUT_PLAIN) == SAG_COST_NEVER)
    return TRUE;
  if (!node->op->prepare (node, SAG_PRECISION_F32, error))
    return FALSE;
  if (node->macs > *work || node->scratch_bytes > MAX_BUDGET * 4
      || node->packed_bytes > MAX_BUDGET * 4)
    return TRUE;
  *work -= node->macs;
  packed = sag_alloc_try (node->packed_bytes, "constants", error);
  scratch = packed != NULL ? sag_alloc_try (node->scratch_bytes, "constants", error) : NULL;
  good = scratch != NULL;
  for (guint i = 0; good && i < node->outputs->len; i++)
    {
      SagValue *value = node->outputs->pdata[i];

      if (value == NULL)
        continue;
      value->constant = sag_tensor_new (value->dtype, &value->shape, error);
      good = value->constant != NULL;
      if (good)
        value->data = value->constant->owned;
    }
  if (good)
    {
      node->packed = packed;
      step.scratch = scratch;
      if (node->op->pack != NULL)
        node->op->pack (node);
      if (node->view)
        memcpy (sag_node_output (node, 0)->data, sag_node_input (node, 0)->data,
                sag_value_count (sag_node_output (node, 0))
                    * sag_dtype_size (sag_node_output (node, 0)->dtype));
      else
        node->op->run (&step);
      node->packed = NULL;
      *done = TRUE;
    }
  sag_free (packed);
  sag_free (scratch);
  return good;
}

/* The condition is known: the branch's nodes take the If's place. */
static gboolean
inline_branch (SagGraph *graph, guint at, GError **error)
{
  SagNode *node = graph->nodes->pdata[at];
  gboolean truth = sag_tensor_get_int (sag_node_input (node, 0)->constant, 0) != 0;
  const SagAttribute *then_branch = sag_node_attribute (node, "then_branch");
  const SagAttribute *else_branch = sag_node_attribute (node, "else_branch");
  const SagAttribute *chosen = truth ? then_branch : else_branch;
  guint first = node->inputs->len - (guint) node->n_captures;
  SagGraph *body;

  if (chosen == NULL || chosen->graph == NULL || then_branch == NULL || then_branch->graph == NULL)
    return sag_node_invalid (node, error, "it has no branches");
  body = chosen->graph;
  if (!truth)
    first += then_branch->graph->captures->len;
  if (body->outputs->len != node->outputs->len || body->inputs->len != 0)
    return sag_node_invalid (node, error, "its branch has another number of outputs");

  for (guint i = 0; i < body->captures->len; i++)
    sag_graph_replace (body, body->captures->pdata[i], sag_node_input (node, (int) (first + i)));
  for (guint i = 0; i < node->outputs->len; i++)
    if (node->outputs->pdata[i] != NULL)
      {
        SagValue *from = node->outputs->pdata[i], *to = body->outputs->pdata[i];

        while (to->forward != NULL)
          to = to->forward;
        sag_graph_replace (graph, from, to);
      }
  g_ptr_array_set_free_func (body->nodes, NULL);
  g_ptr_array_set_free_func (body->values, NULL);
  for (guint i = 0; i < body->nodes->len; i++)
    {
      SagNode *moved = body->nodes->pdata[i];

      moved->graph = graph;
      g_ptr_array_insert (graph->nodes, (int) (at + 1 + i), moved);
    }
  g_ptr_array_extend (graph->values, body->values, NULL, NULL);
  g_ptr_array_set_size (body->nodes, 0);
  g_ptr_array_set_size (body->values, 0);
  return TRUE;
}

/* Others give its outputs now. */
static gboolean
was_replaced (const SagNode *node)
{
  for (guint i = 0; i < node->outputs->len; i++)
    if (node->outputs->pdata[i] != NULL && ((const SagValue *) node->outputs->pdata[i])->forward != NULL)
      return TRUE;
  return FALSE;
}

/* Blocks of a multiple of 32 numbers from -8 to 7, without zero points. */
static gboolean
fits_four_bits (const SagNode *node)
{
  const SagValue *x = sag_node_input (node, 0), *zero = sag_node_input (node, 2);
  gint64 block = sag_node_get_int (node, "block_size", 0), n = sag_value_count (x);

  if (block < 32 || block % 32 != 0 || x->dtype != SAG_DTYPE_I8)
    return FALSE;
  for (gint64 i = 0; i < n; i++)
    if (((const gint8 *) x->constant->data)[i] < -8 || ((const gint8 *) x->constant->data)[i] > 7)
      return FALSE;
  for (gint64 i = 0; zero != NULL && i < sag_value_count (zero); i++)
    if (sag_tensor_get_int (zero->constant, i) != 0)
      return FALSE;
  return TRUE;
}

/* Whether a folded constant is still what the file stores as integers, under another shape or order. */
static int
stored_bits (const SagNode *node)
{
  static const char *const moves[] = { "Transpose", "Reshape", "Cast", "Identity", "Unsqueeze", "Squeeze" };
  const SagValue *x = sag_node_input (node, 0);

  if (strcmp (node->op->name, "DequantizeLinear") == 0)
    return fits_four_bits (node) ? 4 : 8;
  for (guint i = 0; i < G_N_ELEMENTS (moves); i++)
    if (strcmp (node->op->name, moves[i]) == 0)
      return x != NULL ? x->stored_bits : 0;
  return 0;
}

gboolean
sag_pass_fold (SagGraph *graph, GError **error)
{
  gint64 budget = MAX_BUDGET, work = MAX_MACS;

  for (guint i = 0; i < graph->inputs->len; i++)
    if (((const SagValue *) graph->inputs->pdata[i])->constant != NULL)
      {
        budget = 4 * MAX_BUDGET;
        work = MAX_KNOWN_MACS;
      }
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      SagNode *node = graph->nodes->pdata[i];
      SagValue *x = sag_node_input (node, 0);
      gboolean done = FALSE;

      if (strcmp (node->op->name, "If") == 0 && x != NULL && x->constant != NULL
          && sag_value_count (x) == 1)
        {
          if (!inline_branch (graph, i, error))
            return FALSE;
          continue;
        }
      if (!check_needs (node, error))
        return FALSE;
      if (node->op->expand != NULL && !node->op->expand (node, (int) i + 1, error))
        return FALSE;
      if (was_replaced (node))
        continue;
      if (node->op->infer == NULL)
        return sag_node_invalid (node, error, "it has nothing to do");
      if (!node->op->infer (node, error))
        return FALSE;
      if ((node->op->flags & SAG_OP_IDENTITY) && x->dtype == sag_node_output (node, 0)->dtype)
        {
          sag_graph_replace (graph, sag_node_output (node, 0), x);
          continue;
        }
      if (can_fold (node, budget) && !evaluate (node, &work, &done, error))
        return FALSE;
      for (guint j = 0; done && j < node->outputs->len; j++)
        if (node->outputs->pdata[j] != NULL)
          {
            SagValue *value = node->outputs->pdata[j];

            value->producer = NULL;
            value->stored_bits = stored_bits (node);
            budget -= sag_value_count (value);
          }
    }
  return sag_graph_clean (graph, error);
}

/* ---- what no input reaches --------------------------------------------------------------- */

/* Real networks leave little of it: weights of half floats or integers that a run widens. */
gboolean
sag_pass_bound (const SagGraph *graph, GError **error)
{
  g_autoptr (GHashTable) reached = g_hash_table_new (NULL, NULL);
  double stored = 0, made = 0, macs = 0;

  for (guint i = 0; i < graph->values->len; i++)
    {
      const SagValue *value = graph->values->pdata[i];

      if (value->constant != NULL)
        stored += (double) sag_value_count (value) * (double) sag_dtype_size (value->dtype);
    }
  for (guint i = 0; i < graph->inputs->len; i++)
    g_hash_table_add (reached, graph->inputs->pdata[i]);
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      const SagNode *node = graph->nodes->pdata[i];
      gboolean open = FALSE;

      for (guint j = 0; j < node->inputs->len && !open; j++)
        open = g_hash_table_contains (reached, sag_node_input (node, (int) j));
      macs += open ? 0 : (double) node->macs;
      made += open ? 0 : (double) node->scratch_bytes;
      for (guint j = 0; j < node->outputs->len; j++)
        {
          SagValue *value = sag_node_output (node, (int) j);

          if (value != NULL && open)
            g_hash_table_add (reached, value);
          else if (value != NULL && !node->view)
            made += (double) sag_value_count (value) * (double) sag_dtype_size (value->dtype);
        }
      if (macs > MAX_MADE_MACS)
        return sag_node_unsupported (node, error, "%.3g multiply-adds hang on no input; export the model with them done", macs);
      if (made > MAX (MAX_MADE, 16 * stored))
        {
          sag_node_unsupported (node, error,
                                "it needs %.3g bytes for what hangs on no input, far more than the weights could; "
                                "export the model with fixed shapes, and constants computed",
                                made);
          if (error != NULL)
            (*error)->code = SAG_ENGINE_ERROR_MEMORY;
          return FALSE;
        }
    }
  return TRUE;
}

/* ---- inputs that are known -------------------------------------------------------------- */

static void
mark (SagValue *value, GHashTable *seen)
{
  SagNode *node = value != NULL ? value->producer : NULL;

  if (value == NULL || !g_hash_table_add (seen, value) || node == NULL
      || (node->op->flags & SAG_OP_SHAPE_ONLY) || g_hash_table_size (seen) > 10000)
    return;
  for (guint i = 0; i < node->inputs->len; i++)
    mark (sag_node_input (node, (int) i), seen);
}

/* What outside of a Loop has a say in a value of its body. */
static void
mark_from_body (const SagNode *loop, const SagGraph *body, SagValue *value, GHashTable *seen)
{
  const SagNode *node = value != NULL ? value->producer : NULL;
  guint first = loop->inputs->len - (guint) loop->n_captures;

  if (value == NULL || g_hash_table_size (seen) > 10000 || !g_hash_table_add (seen, value))
    return;
  for (guint i = 2; i < body->inputs->len && i - 1 < body->outputs->len; i++)
    if (body->inputs->pdata[i] == value)
      {
        mark (sag_node_input (loop, (int) i), seen);
        mark_from_body (loop, body, body->outputs->pdata[i - 1], seen);
      }
  for (guint i = 0; i < body->captures->len; i++)
    if (body->captures->pdata[i] == value)
      mark (sag_node_input (loop, (int) (first + i)), seen);
  for (guint i = 0; node != NULL && !(node->op->flags & SAG_OP_SHAPE_ONLY) && i < node->inputs->len; i++)
    mark_from_body (loop, body, sag_node_input (node, (int) i), seen);
}

/* A Loop that stacks values is as long as its condition says. */
static void
mark_condition (const SagNode *node, GHashTable *seen)
{
  const SagAttribute *body = strcmp (node->op->name, "Loop") == 0 ? sag_node_attribute (node, "body") : NULL;

  if (body != NULL && body->graph != NULL && body->graph->outputs->len + 1 > body->graph->inputs->len
      && body->graph->inputs->len >= 2 && body->graph->outputs->len > 0)
    mark_from_body (node, body->graph, body->graph->outputs->pdata[0], seen);
}

gboolean
sag_pass_bind (SagGraph *graph, const SagBinding *bindings, int n_bindings, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < graph->nodes->len; i++)
    {
      SagNode *node = graph->nodes->pdata[i];

      for (guint j = 0; j < node->inputs->len && j < 32; j++)
        if (node->op->needs >> j & 1)
          mark (sag_node_input (node, (int) j), seen);
      mark_condition (node, seen);
    }
  for (guint i = 0; i < graph->inputs->len; i++)
    {
      SagValue *value = graph->inputs->pdata[i];

      for (int b = 0; b < n_bindings; b++)
        if (bindings[b].data != NULL && strcmp (bindings[b].name, value->name) == 0
            && g_hash_table_contains (seen, value) && sag_value_count (value) <= MAX_FOLDED)
          {
            value->constant = sag_tensor_new (value->dtype, &value->shape, error);
            if (value->constant == NULL)
              return FALSE;
            memcpy (value->constant->owned, bindings[b].data,
                    sag_value_count (value) * sag_dtype_size (value->dtype));
            value->data = value->constant->owned;
          }
    }
  return TRUE;
}
