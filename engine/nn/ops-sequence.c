/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-sequence.c: lists of tensors, which exporters write around loops and splits.
 *
 * No list exists when a network runs: whoever reads one is written out over its elements when the
 * graph is folded, and a Loop that appends to a list gives a stacked output instead.
 */
#include "engine/nn/build.h"
#include "engine/nn/op-util.h"

#include <string.h>

enum { MAX_ELEMENTS = 1 << 16 };

static gboolean
is_op (const SagNode *node, const char *name)
{
  return node != NULL && strcmp (node->op->name, name) == 0;
}

static gboolean
collect_split (SagBuild *b, const SagNode *split, GPtrArray *list, GError **error)
{
  SagValue *x = sag_node_input (split, 0);
  const SagValue *sizes = sag_node_input (split, 1);
  int rank = x->shape.rank, axis = sag_axis (sag_node_get_int (split, "axis", 0), rank);
  gboolean drop = sizes == NULL && sag_node_get_int (split, "keepdims", 1) == 0;
  gint64 at = 0, where = axis;

  if (axis < 0 || (sizes != NULL && sizes->constant == NULL))
    return sag_node_unsupported (split, error, "its axis or sizes are not known");
  for (gint64 i = 0; at < x->shape.dim[axis]; i++)
    {
      gint64 n = 1;
      SagValue *part;

      if (sizes != NULL && sizes->shape.rank == 0)
        n = sag_tensor_get_int (sizes->constant, 0);
      else if (sizes != NULL)
        n = i < sag_value_count (sizes) ? sag_tensor_get_int (sizes->constant, i) : 0;
      n = MIN (n, x->shape.dim[axis] - at);
      if (n < 1 || list->len >= MAX_ELEMENTS)
        return sag_node_invalid (split, error, "its sizes do not fit its input");
      part = sag_build_slice (b, x, axis, at, at + n);
      if (drop)
        part = sag_build (b, "Squeeze", 2, part, sag_build_ints (b, 1, &where));
      g_ptr_array_add (list, part);
      at += n;
    }
  return TRUE;
}

/* The elements of a list; those of a split are new nodes. */
static gboolean
collect (SagBuild *b, const SagValue *list, int depth, GPtrArray *elements, GError **error)
{
  const SagNode *maker = list != NULL ? list->producer : NULL;

  if (is_op (maker, "SplitToSequence"))
    return collect_split (b, maker, elements, error);
  if (is_op (maker, "SequenceEmpty"))
    return TRUE;
  if (is_op (maker, "SequenceConstruct"))
    {
      for (guint i = 0; i < maker->inputs->len; i++)
        g_ptr_array_add (elements, sag_node_input (maker, (int) i));
      return TRUE;
    }
  if (is_op (maker, "SequenceInsert") && depth < MAX_ELEMENTS)
    {
      g_autoptr (GPtrArray) inserted = g_ptr_array_new ();
      const SagValue *position;

      /* A chain of appends is walked without recursion. */
      while (is_op (maker, "SequenceInsert") && sag_node_input (maker, 2) == NULL
             && inserted->len < MAX_ELEMENTS)
        {
          g_ptr_array_add (inserted, sag_node_input (maker, 1));
          list = sag_node_input (maker, 0);
          maker = list != NULL ? list->producer : NULL;
        }
      if (inserted->len > 0)
        {
          if (depth > 16 || !collect (b, list, depth + 1, elements, error))
            return depth <= 16 ? FALSE
                               : sag_node_unsupported (b->node, error, "its list is too deep");
          while (inserted->len > 0)
            g_ptr_array_add (elements, g_ptr_array_steal_index (inserted, inserted->len - 1));
          return TRUE;
        }
      position = sag_node_input (maker, 2);
      if (depth <= 16 && position->constant != NULL
          && collect (b, sag_node_input (maker, 0), depth + 1, elements, error))
        {
          gint64 n = (gint64) elements->len, i = sag_tensor_get_int (position->constant, 0);

          i = i < 0 ? i + n : i;
          if (i < 0 || i > n)
            return sag_node_invalid (maker, error, "its position is outside of its list");
          g_ptr_array_insert (elements, (int) i, sag_node_input (maker, 1));
          return TRUE;
        }
    }
  if (error != NULL && *error != NULL)
    return FALSE;
  return sag_node_unsupported (b->node, error,
                               "its list is not known when the model loads; export it without lists");
}

/* Axis 0 of x, of this rank, to place `axis`. */
static SagValue *
move_first (SagBuild *b, SagValue *x, int rank, int axis)
{
  gint64 perm[SAG_MAX_RANK];

  for (int i = 0; i < rank; i++)
    perm[i] = i < axis ? i + 1 : i == axis ? 0 : i;
  return sag_build_transpose (b, x, rank, perm);
}

static gboolean
expand_concat (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  SagValue *list = sag_node_input (node, 0), *y;
  gboolean fresh = sag_node_get_int (node, "new_axis", 0) != 0;
  gint64 axis = sag_node_get_int (node, "axis", 0);
  g_autoptr (GPtrArray) elements = g_ptr_array_new ();

  if (!sag_node_arity (node, 1, error))
    return FALSE;
  if (is_op (list->producer, "SequenceSlices"))
    {
      SagValue *x = sag_node_input (list->producer, 0);
      SagShape shape = x->shape;
      int place = sag_axis (axis, fresh ? shape.rank : shape.rank - 1);

      if (place < 0)
        return sag_node_invalid (node, error, "its axis is outside of its elements");
      y = move_first (&b, x, shape.rank, place);
      if (!fresh)
        {
          gint64 joined[SAG_MAX_RANK];

          for (int i = 1; i < shape.rank; i++)
            joined[i - 1] = shape.dim[i] * (i - 1 == place ? shape.dim[0] : 1);
          y = sag_build_reshape (&b, y, shape.rank - 1, joined);
        }
      sag_build_end (&b, 0, y);
      return TRUE;
    }
  if (!collect (&b, list, 0, elements, error))
    return FALSE;
  if (elements->len == 0)
    return sag_node_invalid (node, error, "its list is empty");
  for (guint i = 0; i < elements->len; i++)
    if (elements->pdata[i] == NULL)
      return sag_node_invalid (node, error, "an element of its list is missing");
    else if (fresh)
      elements->pdata[i] =
          sag_build (&b, "Unsqueeze", 2, elements->pdata[i], sag_build_ints (&b, 1, &axis));
  y = sag_build (&b, "Concat", 0);
  sag_node_set_int (y->producer, "axis", axis);
  g_ptr_array_extend (y->producer->inputs, elements, NULL, NULL);
  sag_build_end (&b, 0, y);
  return TRUE;
}

static gboolean
expand_at (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  SagValue *list = sag_node_input (node, 0), *y;
  g_autoptr (GPtrArray) elements = g_ptr_array_new ();
  gint64 i;

  if (!sag_node_arity (node, 2, error))
    return FALSE;
  i = sag_tensor_get_int (sag_node_input (node, 1)->constant, 0);
  if (is_op (list->producer, "SequenceSlices"))
    {
      y = sag_build (&b, "Gather", 2, sag_node_input (list->producer, 0), sag_node_input (node, 1));
      sag_build_end (&b, 0, y);
      return TRUE;
    }
  if (!collect (&b, list, 0, elements, error))
    return FALSE;
  i = i < 0 ? i + (gint64) elements->len : i;
  if (i < 0 || i >= (gint64) elements->len || elements->pdata[i] == NULL)
    return sag_node_invalid (node, error, "its position is outside of its list");
  sag_build_end (&b, 0, elements->pdata[i]);
  return TRUE;
}

static gboolean
expand_length (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  g_autoptr (GPtrArray) elements = g_ptr_array_new ();
  SagValue *list = sag_node_input (node, 0);
  gint64 n, scalar = 0;

  if (!sag_node_arity (node, 1, error))
    return FALSE;
  if (is_op (list->producer, "SequenceSlices"))
    n = sag_node_input (list->producer, 0)->shape.dim[0];
  else if (collect (&b, list, 0, elements, error))
    n = (gint64) elements->len;
  else
    return FALSE;
  sag_build_end (&b, 0, sag_build_reshape (&b, sag_build_ints (&b, 1, &n), 0, &scalar));
  return TRUE;
}

/* ---- Loop ------------------------------------------------------------------------------- */

/* Whether anything in the body but `insert` reads a list: then it cannot go. */
static gboolean
is_read_besides (const SagGraph *body, const SagValue *list, const SagNode *insert)
{
  for (guint n = 0; n < body->nodes->len; n++)
    {
      const SagNode *node = body->nodes->pdata[n];

      for (guint i = 0; i < node->inputs->len; i++)
        if (node->inputs->pdata[i] == list && (node != insert || i > 0))
          return TRUE;
    }
  for (guint i = 0; i < body->outputs->len; i++)
    if (body->outputs->pdata[i] == list)
      return TRUE;
  return FALSE;
}

/* The SequenceInsert by which the body appends to the list that is state `i`, empty at first. */
static SagNode *
appended (const SagNode *loop, const SagGraph *body, int i)
{
  const SagValue *start = sag_node_input (loop, 2 + i);
  const SagValue *out = body->outputs->pdata[1 + i];
  SagNode *insert = out->producer;

  return start != NULL && is_op (start->producer, "SequenceEmpty") && is_op (insert, "SequenceInsert")
                 && sag_node_input (insert, 0) == body->inputs->pdata[2 + i]
                 && sag_node_input (insert, 1) != NULL && sag_node_input (insert, 2) == NULL
                 && !is_read_besides (body, body->inputs->pdata[2 + i], insert)
             ? insert
             : NULL;
}

/* A list that only grows becomes an output that is stacked. */
gboolean
sag_expand_loop (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  const SagAttribute *attribute = sag_node_attribute (node, "body");
  SagGraph *body = attribute != NULL ? attribute->graph : NULL;
  int n_state = (int) node->inputs->len - node->n_captures - 2, kept = 0, lists = 0;
  g_autoptr (GPtrArray) inserts = g_ptr_array_new ();
  SagNode *loop;

  if (body == NULL || n_state < 0 || body->inputs->len != (guint) n_state + 2
      || body->outputs->len < (guint) n_state + 1)
    return TRUE;
  for (int i = 0; i < n_state; i++)
    {
      g_ptr_array_add (inserts, appended (node, body, i));
      lists += inserts->pdata[i] != NULL;
    }
  if (lists == 0)
    return sag_expand_unrolled (node, at, error);
  loop = sag_build (&b, "Loop", 2, sag_node_input (node, 0), sag_node_input (node, 1))->producer;
  g_ptr_array_set_size (loop->outputs, 0);
  loop->opset = node->opset;
  loop->n_captures = node->n_captures;
  for (int i = 0; i < n_state; i++)
    if (inserts->pdata[i] == NULL)
      g_ptr_array_add (loop->inputs, sag_node_input (node, 2 + i));
  for (int i = 0; i < node->n_captures; i++)
    g_ptr_array_add (loop->inputs, sag_node_input (node, 2 + n_state + i));
  for (int i = n_state - 1; i >= 0; i--)
    if (inserts->pdata[i] != NULL)
      {
        g_ptr_array_remove_index (body->inputs, 2 + i);
        g_ptr_array_remove_index (body->outputs, 1 + i);
      }
  for (int i = 0; i < n_state; i++)
    if (inserts->pdata[i] != NULL)
      g_ptr_array_add (body->outputs, sag_node_input (inserts->pdata[i], 1));
  sag_build_move_attributes (&b, loop);
  for (int i = 0; i + 1 < (int) body->outputs->len; i++)
    sag_node_set_output (loop, i, sag_graph_add_value (node->graph, node->name));
  for (int i = 0, list = 0; i < (int) node->outputs->len; i++)
    if (i < n_state && inserts->pdata[i] != NULL)
      {
        int from = (int) body->outputs->len - 1 - lists + list++;

        sag_build_end (&b, i,
                       sag_build_in (&b, "sagitta", "SequenceSlices", 1, sag_node_output (loop, from)));
      }
    else
      sag_build_end (&b, i, sag_node_output (loop, kept++));
  return TRUE;
}

/* ---- lists themselves ------------------------------------------------------------------- */

static gboolean
infer_list (SagNode *node, GError **error)
{
  return sag_node_give (node, 0, SAG_DTYPE_BOOL, &(SagShape){ 1, { 0 } }, error);
}

/* Only a list that somebody still reads gets here. */
static gboolean
prepare_list (SagNode *node, SagPrecision precision, GError **error)
{
  return sag_node_unsupported (node, error,
                               "a list of tensors is not known when the model loads; export the "
                               "model without lists");
}

#define LIST(name, domain) { name, domain, infer_list, NULL, prepare_list, NULL, NULL }

const SagOp sag_ops_sequence[] = {
  LIST ("SequenceEmpty", ""),
  LIST ("SequenceConstruct", ""),
  LIST ("SequenceInsert", ""),
  LIST ("SplitToSequence", ""),
  LIST ("SequenceSlices", "sagitta"),
  { "ConcatFromSequence", "", .expand = expand_concat },
  { "SequenceAt", "", .expand = expand_at, .needs = 1 << 1 },
  { "SequenceLength", "", .expand = expand_length },
  { NULL },
};
