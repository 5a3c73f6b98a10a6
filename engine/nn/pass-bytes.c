/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-bytes.c: which values lie in memory as bytes, so that layers on bytes hand bytes to each other.
 *
 * A value can if its static range is known, its maker writes bytes and all of its readers read them.
 * What moves data or takes the largest wants bytes on both sides and one quantum for all its values: their
 * ranges are joined. Taking one value away may take others; what remains is the greatest set.
 *
 * Where the file itself says that a value is bytes (QDQ) and only some of its readers take them, or its maker
 * gives floats to what moves data, it is there twice: a node between the two, taken out again if that was of no
 * use.
 *
 * A large volume between convolutions whose range is found at run time lies as bytes too, with a quantum for each
 * plane: a whole one's would be known only when all of it had been floats.
 */
#include "engine/nn/bytes.h"
#include "engine/nn/op-util.h"
#include "engine/nn/passes.h"

static gboolean
is_candidate (const SagValue *value)
{
  return value->dtype == SAG_DTYPE_F32 && value->constant == NULL && value->producer != NULL
         && value->quantum.scale > 0 && value->shape.rank >= 4 && value->shape.dim[1] % 4 == 0
         && value->shape.dim[0] > 0
         && (value->layout == SAG_LAYOUT_ROWS || value->layout == SAG_LAYOUT_LAST);
}

static gboolean
drop (SagValue *value)
{
  gboolean was = value != NULL && value->index != 0;

  if (was)
    value->index = 0;
  return was;
}

/* Takes away what `node` cannot do. TRUE if that was something. */
static gboolean
restrict_to (const SagNode *node)
{
  guint can = node->op->bytes != NULL ? node->op->bytes (node) : 0;
  SagValue *y = sag_node_output (node, 0);
  gboolean changed = FALSE, whole = y != NULL && y->index != 0;
  int last = (int) node->inputs->len - 1;

  for (guint j = 1; j < node->outputs->len; j++)
    changed |= drop (sag_node_output (node, (int) j));
  if (can & SAG_BYTES_SAME)
    {
      for (int i = 0; i <= last; i++)
        whole = whole && (sag_node_input (node, i) == NULL || sag_node_input (node, i)->index != 0
                          || sag_node_input (node, i)->constant != NULL);
      for (int i = 0; !whole && i <= last; i++)
        changed |= drop (sag_node_input (node, i));
      return (!whole && drop (y)) || changed;
    }
  if (can & SAG_BYTES_BOTH)
    {
      SagValue *x = sag_node_input (node, 0);

      if (!whole || x->index == 0)
        changed |= drop (x) | drop (y);
      for (int i = 1; i <= last; i++)
        changed |= drop (sag_node_input (node, i));
      return changed;
    }
  for (int i = 0; i <= last; i++)
    {
      SagValue *x = sag_node_input (node, i);

      if (node->fused.residual && i == last)
        {
          /* the sum is made where the bytes of the result are */
          if (!(can & SAG_BYTES_OUT) || !whole || (x != NULL && x->index == 0))
            changed |= drop (x) | drop (y);
        }
      else if (i > 0 || !(can & SAG_BYTES_IN))
        changed |= drop (x);
    }
  if (!(can & SAG_BYTES_OUT))
    changed |= drop (y);
  return changed;
}

/* Joins the ranges of values that must share a quantum. TRUE if one grew. */
static gboolean
join (const SagNode *node)
{
  float least = 0, most = 0;
  SagQuantum quantum;
  gboolean changed = FALSE;
  int n = (int) node->inputs->len;

  if (node->op->bytes == NULL || !(node->op->bytes (node) & SAG_BYTES_SAME)
      || sag_node_output (node, 0)->index == 0)
    return FALSE;
  for (int i = 0; i <= n; i++)
    {
      const SagValue *value = i < n ? sag_node_input (node, i) : sag_node_output (node, 0);

      if (value == NULL || value->index == 0)
        continue;
      least = MIN (least, (float) -value->quantum.zero * value->quantum.scale);
      most = MAX (most, (float) (255 - value->quantum.zero) * value->quantum.scale);
    }
  quantum = sag_int8_quantum (least, most);
  for (int i = 0; i <= n; i++)
    {
      SagValue *value = i < n ? sag_node_input (node, i) : sag_node_output (node, 0);

      if (value == NULL || value->index == 0)
        continue;
      if (quantum.scale > value->quantum.scale * 1.0001f || quantum.zero != value->quantum.zero)
        {
          changed = TRUE;
          value->quantum = quantum;
        }
    }
  return changed;
}

/* --- values that are there twice -------------------------------------------------------------------- */

enum
{
  READ_AS_FLOATS = 1 << 1, /* of SagValue.index, beside candidates' 1 */
  READ_AS_BYTES = 1 << 2,
  MOVED_AS_BYTES = 1 << 3,
};

static guint
how_read (const SagNode *node, int input)
{
  guint can = node->op->bytes != NULL ? node->op->bytes (node) : 0;

  if (can & SAG_BYTES_SAME)
    return MOVED_AS_BYTES | READ_AS_BYTES;
  if (node->fused.residual && input == (int) node->inputs->len - 1)
    return can & SAG_BYTES_OUT ? READ_AS_BYTES : READ_AS_FLOATS;
  return input == 0 && can & (SAG_BYTES_IN | SAG_BYTES_BOTH) ? READ_AS_BYTES : READ_AS_FLOATS;
}

/* A value beside `value`, made from it at `position`: for its readers of bytes, or for those of floats. */
static SagValue *
double_value (SagGraph *graph, SagValue *value, gboolean bytes, int position)
{
  SagNode *node = sag_graph_add_node (graph, sag_op_find ("sagitta", "Bytes"), value->name, position);
  SagValue *other = sag_graph_add_value (graph, value->name);

  other->dtype = value->dtype;
  other->shape = value->shape;
  other->layout = value->layout;
  other->quantum = value->quantum;
  other->index = bytes;
  g_ptr_array_add (node->inputs, value);
  sag_node_set_output (node, 0, other);
  return other;
}

/* Whether the node can write bytes; what does so only from bytes, if it is given any. */
static gboolean
makes_bytes (const SagNode *node)
{
  while (node != NULL)
    {
      guint can = node->op->bytes != NULL ? node->op->bytes (node) : 0;
      const SagValue *x = sag_node_input (node, 0);

      if (!(can & SAG_BYTES_BOTH))
        return (can & (SAG_BYTES_OUT | SAG_BYTES_SAME)) != 0;
      node = x != NULL && x->index != 0 ? x->producer : NULL;
    }
  return FALSE;
}

/* The nodes that were put in, or NULL. */
static GPtrArray *
double_values (SagGraph *graph)
{
  g_autoptr (GHashTable) others = g_hash_table_new (NULL, NULL); /* SagValue * -> the one beside it */
  GPtrArray *added = NULL;

  for (guint i = 0; i < graph->nodes->len; i++)
    {
      const SagNode *node = graph->nodes->pdata[i];

      for (int j = 0; j < (int) node->inputs->len; j++)
        if (sag_node_input (node, j) != NULL && sag_node_input (node, j)->index != 0)
          sag_node_input (node, j)->index |= how_read (node, j);
    }
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      SagNode *node = graph->nodes->pdata[i];
      SagValue *y = sag_node_output (node, 0);
      gboolean makes = makes_bytes (node);

      for (int j = 0; j < (int) node->inputs->len; j++)
        {
          SagValue *x = sag_node_input (node, j);
          SagValue *other = x != NULL ? g_hash_table_lookup (others, x) : NULL;

          if (other != NULL && (other->index != 0) == ((how_read (node, j) & READ_AS_BYTES) != 0))
            node->inputs->pdata[j] = other;
        }
      if (y == NULL || y->index == 0 || y->least >= y->most || !(y->index & READ_AS_BYTES)
          || (makes ? !(y->index & READ_AS_FLOATS) : !(y->index & MOVED_AS_BYTES)))
        continue;
      if (added == NULL)
        added = g_ptr_array_new ();
      g_hash_table_insert (others, y, double_value (graph, y, !makes, (int) ++i));
      g_ptr_array_add (added, graph->nodes->pdata[i]);
    }
  for (guint i = 0; i < graph->values->len; i++)
    ((SagValue *) graph->values->pdata[i])->index &= 1;
  return added;
}

/* --- volumes whose range is found at run time ------------------------------------------------------- */

enum { LARGE = 2 << 20 }; /* elements; fewer are as well kept as floats */

gboolean
sag_value_fits_planes (const SagValue *value)
{
  return value->dtype == SAG_DTYPE_F32 && value->constant == NULL && value->producer != NULL && value->quantum.scale == 0
         && value->layout == SAG_LAYOUT_ROWS && value->shape.rank == 5 && value->shape.dim[1] % 4 == 0
         && value->shape.dim[2] > 1 && sag_value_count (value) >= LARGE;
}

static void
find_planes (SagGraph *graph)
{
  for (guint i = 0; i < graph->values->len; i++)
    ((SagValue *) graph->values->pdata[i])->index = sag_value_fits_planes (graph->values->pdata[i]);
  for (guint i = 0; i < graph->outputs->len; i++)
    ((SagValue *) graph->outputs->pdata[i])->index = 0;
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      const SagNode *node = graph->nodes->pdata[i];
      guint can = node->op->bytes != NULL ? node->op->bytes (node) : 0;

      for (int j = 0; j < (int) node->inputs->len; j++)
        if (j > 0 || !(can & SAG_PLANES_IN))
          drop (sag_node_input (node, j));
      for (int j = 0; j < (int) node->outputs->len; j++)
        if (j > 0 || !(can & SAG_PLANES_OUT))
          drop (sag_node_output (node, j));
    }
  for (guint i = 0; i < graph->values->len; i++)
    {
      SagValue *value = graph->values->pdata[i];

      if (value->index == 0)
        continue;
      value->dtype = SAG_DTYPE_U8;
      value->planes = g_new0 (SagQuantum, value->shape.dim[0] * value->shape.dim[2]);
    }
}

gboolean
sag_pass_bytes (SagGraph *graph, GError **error)
{
  g_autoptr (GPtrArray) added = NULL;
  gboolean changed = TRUE;

  for (guint i = 0; i < graph->values->len; i++)
    ((SagValue *) graph->values->pdata[i])->index = is_candidate (graph->values->pdata[i]);
  for (guint i = 0; i < graph->outputs->len; i++)
    ((SagValue *) graph->outputs->pdata[i])->index = 0;
  added = double_values (graph);
  while (changed)
    {
      changed = FALSE;
      for (guint i = 0; i < graph->nodes->len; i++)
        changed |= restrict_to (graph->nodes->pdata[i]);
    }
  /* Ranges only grow, and there are no more values than rounds. */
  changed = TRUE;
  for (guint round = 0; changed && round <= graph->values->len; round++)
    {
      changed = FALSE;
      for (guint i = 0; i < graph->nodes->len; i++)
        changed |= join (graph->nodes->pdata[i]);
    }
  for (guint i = 0; i < graph->values->len; i++)
    {
      SagValue *value = graph->values->pdata[i];

      if (value->index != 0)
        value->dtype = SAG_DTYPE_U8;
    }
  find_planes (graph);
  for (guint i = 0; added != NULL && i < added->len; i++)
    {
      SagValue *x = sag_node_input (added->pdata[i], 0), *y = sag_node_output (added->pdata[i], 0);

      if (x->dtype == y->dtype)
        sag_graph_replace (graph, y, x);
    }
  return added == NULL || sag_graph_clean (graph, error);
}
