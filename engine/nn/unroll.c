/* SPDX-License-Identifier: Apache-2.0
 *
 * unroll.c: a Loop whose trips differ in more than numbers, written out trip by trip.
 *
 * Where a state grows or is resized, or the trip's number (or a counter) decides a shape, or only the condition says how
 * often, one body can't be compiled for all trips. Then a trip's nodes are put in front of the Loop,
 * which goes on from their states: folding computes counters and conditions before it comes to the Loop
 * again. When no trip is left, the states are the Loop's outputs, and what each trip gave is joined.
 */
#include "engine/nn/build.h"
#include "engine/nn/op-util.h"
#include "engine/nn/pass-match.h"

#include <string.h>

/* Nodes of a graph that grows so. */
#define MAX_NODES (1 << 16)
#define MAX_TRIPS ((gint64) 1 << 20)
#define FEW_TRIPS 64 /* of a loop that is written out because a state may change its size */

/* What a Loop that is written out carries from trip to trip, in its node's state. */
typedef struct
{
  gint64      trip;
  GPtrArray  *given;     /* GPtrArray of SagValue *, one a stacked output */
  GHashTable *constants; /* of the body -> of the graph */
} Unrolled;

static void
unrolled_free (gpointer data)
{
  Unrolled *self = data;

  g_ptr_array_unref (self->given);
  g_hash_table_unref (self->constants);
  g_free (self);
}

static gint64
wanted_trips (const SagNode *loop)
{
  const SagValue *trips = sag_node_input (loop, 0);

  if (trips == NULL)
    return G_MAXINT64;
  return trips->constant != NULL && sag_value_count (trips) == 1 ? sag_tensor_get_int (trips->constant, 0)
                                                                  : -1;
}

static gboolean
grows (const SagGraph *body, int state)
{
  const SagNode *concat = ((const SagValue *) body->outputs->pdata[1 + state])->producer;

  for (int i = 0; sag_match_is (concat, "Concat") && i < (int) concat->inputs->len; i++)
    if (sag_node_input (concat, i) == body->inputs->pdata[2 + state])
      return TRUE;
  return FALSE;
}

/* Operators that make another size of what they read, most of the time. */
static gboolean
is_sizing (const SagNode *node)
{
  static const char *const names[] = { "Resize", "Upsample", "MaxPool", "AveragePool", "LpPool", "Pad",
                                       "ConvTranspose", "DepthToSpace", "SpaceToDepth" };
  int n = 0;
  const gint64 *strides = sag_match_is (node, "Conv") ? sag_node_get_ints (node, "strides", &n) : NULL;

  for (int i = 0; i < n; i++)
    if (strides[i] != 1)
      return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (sag_match_is (node, names[i]))
      return TRUE;
  return FALSE;
}

/* Whether a state may have another size after a trip: it goes through one of those. */
static gboolean
resizes (const SagGraph *body, int n_state)
{
  for (guint i = 0; i < body->values->len; i++)
    ((SagValue *) body->values->pdata[i])->index = 0;
  for (int i = 0; i < n_state; i++)
    ((SagValue *) body->inputs->pdata[2 + i])->index = 1;
  for (guint i = 0; i < body->nodes->len; i++)
    {
      const SagNode *node = body->nodes->pdata[i];
      int way = 0;

      for (int j = 0; j < (int) node->inputs->len; j++)
        if (sag_node_input (node, j) != NULL)
          way = MAX (way, sag_node_input (node, j)->index);
      if (way == 1 && is_sizing (node))
        way = 2;
      for (int j = 0; j < (int) node->outputs->len; j++)
        if (sag_node_output (node, j) != NULL)
          sag_node_output (node, j)->index = way;
    }
  for (int i = 0; i < n_state; i++)
    if (((const SagValue *) body->outputs->pdata[1 + i])->index == 2)
      return TRUE;
  return FALSE;
}

/* Whether a shape depends on the trip's number or on a state that counts. */
static gboolean
counts_shapes (const SagNode *loop, const SagGraph *body, int n_state)
{
  for (guint i = 0; i < body->values->len; i++)
    ((SagValue *) body->values->pdata[i])->index = 0;
  ((SagValue *) body->inputs->pdata[0])->index = 1;
  for (int i = 0; i < n_state; i++)
    {
      const SagValue *start = sag_node_input (loop, 2 + i);

      if (start != NULL && (start->dtype == SAG_DTYPE_I64 || start->dtype == SAG_DTYPE_I32))
        ((SagValue *) body->inputs->pdata[2 + i])->index = 1;
    }
  for (guint i = 0; i < body->nodes->len; i++)
    {
      const SagNode *node = body->nodes->pdata[i];
      gboolean counts = FALSE;

      for (int j = 0; j < (int) node->inputs->len; j++)
        if (sag_node_input (node, j) != NULL && sag_node_input (node, j)->index != 0)
          {
            if (j < 32 && (node->op->needs >> j & 1))
              return TRUE;
            counts = !(node->op->flags & SAG_OP_SHAPE_ONLY);
          }
      for (int j = 0; counts && j < (int) node->outputs->len; j++)
        if (sag_node_output (node, j) != NULL)
          sag_node_output (node, j)->index = 1;
    }
  return FALSE;
}

gboolean
sag_loop_decides (const SagGraph *body)
{
  const SagNode *node = ((const SagValue *) body->outputs->pdata[0])->producer;

  while (node != NULL && (sag_match_is (node, "Identity") || sag_match_is (node, "Cast")))
    node = sag_node_input (node, 0) != NULL ? sag_node_input (node, 0)->producer : NULL;
  return node != NULL;
}

/* Whether the data have a say in it, not only counters and constants: no number of trips is known then. */
static gboolean
data_decide (const SagNode *loop, const SagGraph *body, int n_state)
{
  gboolean changed = TRUE;

  for (guint i = 0; i < body->values->len; i++)
    ((SagValue *) body->values->pdata[i])->index = 0;
  for (guint i = 0; i < body->captures->len; i++)
    {
      const SagValue *outer = sag_node_input (loop, n_state + 2 + (int) i);

      ((SagValue *) body->captures->pdata[i])->index = outer != NULL && outer->constant == NULL;
    }
  for (int i = 0; i < n_state; i++)
    {
      const SagValue *start = sag_node_input (loop, 2 + i);

      ((SagValue *) body->inputs->pdata[2 + i])->index = start != NULL && start->constant == NULL;
    }
  while (changed)
    {
      changed = FALSE;
      for (guint i = 0; i < body->nodes->len; i++)
        {
          const SagNode *node = body->nodes->pdata[i];
          int data = 0;

          for (int j = 0; j < (int) node->inputs->len && !(node->op->flags & SAG_OP_SHAPE_ONLY); j++)
            data |= sag_node_input (node, j) != NULL && sag_node_input (node, j)->index != 0;
          for (int j = 0; j < (int) node->outputs->len; j++)
            if (sag_node_output (node, j) != NULL)
              sag_node_output (node, j)->index = data;
        }
      for (int i = 0; i < n_state; i++)
        if (((const SagValue *) body->outputs->pdata[1 + i])->index != 0
            && ((const SagValue *) body->inputs->pdata[2 + i])->index == 0)
          {
            ((SagValue *) body->inputs->pdata[2 + i])->index = 1;
            changed = TRUE;
          }
    }
  return ((const SagValue *) body->outputs->pdata[0])->index != 0;
}

/* Bodies within the body stay a Loop's. */
static gboolean
can_copy (const SagGraph *body)
{
  for (guint i = 0; i < body->nodes->len; i++)
    {
      const SagNode *node = body->nodes->pdata[i];

      for (guint j = 0; j < node->attributes->len; j++)
        if (((const SagAttribute *) node->attributes->pdata[j])->kind == SAG_ATTRIBUTE_GRAPH)
          return FALSE;
    }
  return TRUE;
}

static gboolean
should_unroll (const SagNode *loop, const SagGraph *body, int n_state)
{
  gint64 trips = wanted_trips (loop);
  gboolean stacks = (int) body->outputs->len > n_state + 1;
  gboolean any = (trips > MAX_TRIPS || stacks) && sag_loop_decides (body) && !data_decide (loop, body, n_state);

  if (body->compiled || trips < 0 || (trips > MAX_TRIPS && !any) || !can_copy (body))
    return FALSE;
  for (int i = 0; !any && i < n_state; i++)
    any = grows (body, i);
  any = any || (trips <= FEW_TRIPS && resizes (body, n_state));
  return any || counts_shapes (loop, body, n_state);
}

static SagAttribute *
copy_attribute (const SagAttribute *from)
{
  SagAttribute *to = g_memdup2 (from, sizeof *from);

  to->name = g_strdup (from->name);
  to->s = g_strdup (from->s);
  to->floats = from->floats != NULL ? g_memdup2 (from->floats, sizeof (float) * (gsize) from->n) : NULL;
  to->ints = from->ints != NULL ? g_memdup2 (from->ints, sizeof (gint64) * (gsize) from->n) : NULL;
  to->strings = g_strdupv (from->strings);
  to->tensor = from->tensor != NULL ? sag_tensor_copy (from->tensor, NULL) : NULL;
  return to;
}

/* The body's constants become the graph's, once for all trips. */
static void
hoist_constants (SagGraph *graph, SagGraph *body, GHashTable *constants)
{
  for (guint i = 0; i < body->values->len; i++)
    {
      SagValue *value = body->values->pdata[i], *mine;

      if (value->constant == NULL)
        continue;
      mine = sag_graph_add_constant (graph, value->name, g_steal_pointer (&value->constant));
      mine->stored_bits = value->stored_bits;
      g_hash_table_insert (constants, value, mine);
    }
}

/* The value of this trip that stands for one of the body's. */
static SagValue *
map (const Unrolled *self, GHashTable *table, SagValue *value)
{
  SagValue *mine = value != NULL ? g_hash_table_lookup (table, value) : NULL;

  return mine == NULL && value != NULL ? g_hash_table_lookup (self->constants, value) : mine;
}

static SagValue *
add_scalar (SagGraph *graph, const char *name, SagDType dtype, gint64 number)
{
  SagTensor *tensor = sag_tensor_new (dtype, &(SagShape){ 0 }, NULL);

  if (dtype == SAG_DTYPE_BOOL)
    *(guint8 *) tensor->owned = number != 0;
  else
    *(gint64 *) tensor->owned = number;
  return sag_graph_add_constant (graph, name, tensor);
}

static void
copy_trip (SagBuild *b, const Unrolled *self, const SagGraph *body, GHashTable *table)
{
  for (guint i = 0; i < body->nodes->len; i++)
    {
      const SagNode *from = body->nodes->pdata[i];
      SagNode *to = sag_graph_add_node (b->node->graph, from->op, from->name, b->at++);

      to->opset = from->opset;
      for (int j = 0; j < (int) from->inputs->len; j++)
        g_ptr_array_add (to->inputs, map (self, table, sag_node_input (from, j)));
      for (guint j = 0; j < from->attributes->len; j++)
        g_ptr_array_add (to->attributes, copy_attribute (from->attributes->pdata[j]));
      for (int j = 0; j < (int) from->outputs->len; j++)
        {
          SagValue *value = sag_node_output (from, j), *mine;

          if (value == NULL)
            continue;
          mine = sag_graph_add_value (b->node->graph, value->name);
          g_hash_table_insert (table, value, mine);
          sag_node_set_output (to, j, mine);
        }
    }
}

/* No trip is left. */
static gboolean
finish (SagNode *loop, SagBuild *b, const Unrolled *self, int n_state, GError **error)
{
  gint64 first = 0;

  for (int i = 0; i < n_state; i++)
    sag_build_end (b, i, sag_build (b, "Identity", 1, sag_node_input (loop, 2 + i)));
  for (guint k = 0; k < self->given->len; k++)
    {
      const GPtrArray *given = self->given->pdata[k];
      SagValue *y;

      if (sag_node_output (loop, n_state + (int) k) == NULL)
        continue;
      if (given->len == 0)
        return sag_node_unsupported (loop, error, "it makes no trip, so what it stacks has no shape");
      y = sag_build (b, "Concat", 0);
      sag_node_set_int (y->producer, "axis", 0);
      b->at--; /* before it: */
      for (guint i = 0; i < given->len; i++)
        g_ptr_array_add (y->producer->inputs,
                         sag_build (b, "Unsqueeze", 2, given->pdata[i], sag_build_ints (b, 1, &first)));
      b->at++;
      sag_build_end (b, n_state + (int) k, y);
    }
  return TRUE;
}

/* One trip, and the Loop behind it. */
static gboolean
step (SagNode *loop, SagBuild *b, SagGraph *body, int n_state, GError **error)
{
  g_autoptr (GHashTable) table = g_hash_table_new (NULL, NULL);
  Unrolled *self = loop->state;
  SagNode *next;

  if (loop->graph->nodes->len + body->nodes->len > MAX_NODES)
    return sag_node_unsupported (loop, error, "its trips, written out, are too many nodes");
  g_hash_table_insert (table, body->inputs->pdata[0],
                       add_scalar (loop->graph, loop->name, SAG_DTYPE_I64, self->trip));
  g_hash_table_insert (table, body->inputs->pdata[1],
                       add_scalar (loop->graph, loop->name, SAG_DTYPE_BOOL, 1));
  for (int i = 0; i < n_state; i++)
    g_hash_table_insert (table, body->inputs->pdata[2 + i], sag_node_input (loop, 2 + i));
  for (guint i = 0; i < body->captures->len; i++)
    g_hash_table_insert (table, body->captures->pdata[i], sag_node_input (loop, 2 + n_state + (int) i));
  copy_trip (b, self, body, table);
  next = sag_build (b, "Loop", 2, sag_node_input (loop, 0), map (self, table, body->outputs->pdata[0]))->producer;
  next->opset = loop->opset;
  next->n_captures = loop->n_captures;
  for (int i = 0; i < n_state; i++)
    g_ptr_array_add (next->inputs, map (self, table, body->outputs->pdata[1 + i]));
  for (int i = 0; i < loop->n_captures; i++)
    g_ptr_array_add (next->inputs, sag_node_input (loop, 2 + n_state + i));
  for (guint k = 0; k < self->given->len; k++)
    g_ptr_array_add (self->given->pdata[k], map (self, table, body->outputs->pdata[1 + n_state + (int) k]));
  for (guint i = 0; i < next->inputs->len; i++)
    if (i > 0 && next->inputs->pdata[i] == NULL)
      return sag_node_invalid (loop, error, "its body gives nothing for an output");
  self->trip++;
  next->state = g_steal_pointer (&loop->state);
  next->free_state = loop->free_state;
  loop->free_state = NULL;
  sag_build_move_attributes (b, next);
  for (guint i = 0; i < loop->outputs->len; i++)
    {
      sag_node_set_output (next, (int) i, sag_graph_add_value (loop->graph, loop->name));
      sag_build_end (b, (int) i, sag_node_output (next, (int) i));
    }
  return TRUE;
}

gboolean
sag_expand_unrolled (SagNode *loop, int at, GError **error)
{
  SagBuild b = { loop, at };
  const SagAttribute *attribute = sag_node_attribute (loop, "body");
  SagGraph *body = attribute != NULL ? attribute->graph : NULL;
  int n_state = (int) loop->inputs->len - loop->n_captures - 2;
  const SagValue *cond = sag_node_input (loop, 1);
  Unrolled *self = loop->state;

  if (body == NULL || n_state < 0 || body->inputs->len != (guint) n_state + 2
      || body->outputs->len < (guint) n_state + 1 || loop->outputs->len > body->outputs->len - 1
      || (guint) loop->n_captures != body->captures->len)
    return TRUE;
  if (self == NULL)
    {
      if (!should_unroll (loop, body, n_state))
        return TRUE;
      self = g_new0 (Unrolled, 1);
      self->given = g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref);
      for (guint i = (guint) n_state + 1; i < body->outputs->len; i++)
        g_ptr_array_add (self->given, g_ptr_array_new ());
      self->constants = g_hash_table_new (NULL, NULL);
      hoist_constants (loop->graph, body, self->constants);
      loop->state = self;
      loop->free_state = unrolled_free;
    }
  if (cond != NULL && (cond->constant == NULL || sag_value_count (cond) != 1))
    return sag_node_unsupported (loop, error, "whether it makes another trip depends on the data; it must be "
                                              "known when the model loads");
  if (self->trip >= wanted_trips (loop)
      || (cond != NULL && sag_tensor_get_int (cond->constant, 0) == 0))
    return finish (loop, &b, self, n_state, error);
  return step (loop, &b, body, n_state, error);
}
