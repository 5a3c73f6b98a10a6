/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-pieces.c: a Concat of Slices, Splits and Concats as one node that copies each piece from where it comes from.
 * Exporters write a shift of windows (torch.roll) or of channel groups so, as dozens of nodes ("Swin Transformer", Liu
 * et al., 2021; "UNeXt", Valanarasu and Patel, 2022).
 */
#include "engine/nn/op-util.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/pass-see.h"
#include "engine/nn/passes.h"

#include <string.h>

enum
{
  MOST = 64,    /* pieces */
  DEEPEST = 16, /* nodes that are followed */
  LEAST = 2,    /* Slices and Splits that must be gone for it to be worth while */
};

typedef struct
{
  SagValue *value;
  gint64    from[SAG_MAX_RANK], size[SAG_MAX_RANK], at[SAG_MAX_RANK]; /* in the value; in the output */
} Piece;

typedef struct
{
  int   rank, n, cuts;
  Piece piece[MOST];
} Pieces;

/* --- run --------------------------------------------------------------------------------- */

static gint64
cost (const SagNode *node, SagLayout in, SagLayout out)
{
  return in == out ? 0 : sag_value_count (sag_node_output (node, 0)) / 2;
}

static gboolean
infer (SagNode *node, GError **error)
{
  return sag_node_give (node, 0, SAG_DTYPE_F32, &sag_node_output (node, 0)->shape, error);
}

static void
copy (gint64 item, gint64 to, int thread, gpointer data)
{
  const SagStep *step = data;
  const Pieces *self = step->node->state;
  const SagValue *y = sag_node_output (step->node, 0);
  gint64 own[SAG_MAX_RANK], others[SAG_MAX_RANK];

  sag_value_strides (y, own);
  for (; item < to; item++)
    {
      const Piece *piece = &self->piece[item];
      const SagValue *x = sag_node_input (step->node, (int) item);
      const float *from = x->data;
      float *at = y->data;

      sag_value_strides (x, others);
      for (int a = 0; a < self->rank; a++)
        {
          from += piece->from[a] * others[a];
          at += piece->at[a] * own[a];
        }
      sag_copy_box (self->rank, piece->size, sizeof (float), at, own, from, others);
    }
}

static void
run (const SagStep *step)
{
  const Pieces *self = step->node->state;
  gint64 each = sag_value_count (sag_node_output (step->node, 0)) / self->n;

  if (each < SAG_GRAIN)
    sag_range_run (self->n, MAX (1, SAG_GRAIN / MAX (1, each)), copy, (gpointer) step);
  else
    copy (0, self->n, 0, (gpointer) step); /* each in parallel */
}

/* Not in the table: no file can name it. */
static const SagOp pieces_op = { "Pieces", "sagitta", infer, cost, sag_prepare_nothing, NULL, run };

/* --- which ------------------------------------------------------------------------------- */

/* Where output `value` of a Split begins; FALSE if that is not known. */
static gboolean
find_part (const SagNode *split, const SagValue *value, int axis, gint64 *start)
{
  *start = 0;
  for (guint i = 0; i < split->outputs->len; i++)
    {
      const SagValue *one = sag_node_output (split, (int) i);

      if (one == NULL || one == value)
        return one == value;
      *start += one->shape.dim[axis];
    }
  return FALSE;
}

/* Adds the pieces that a box of `piece->value` is made of. FALSE if there are too many. */
static gboolean
add (Pieces *self, Piece piece, int depth)
{
  const SagNode *node = piece.value->producer;
  int axis = node != NULL ? sag_axis (sag_node_get_int (node, "axis", 0), self->rank) : -1;
  gint64 start[SAG_MAX_RANK] = { 0 }, step[SAG_MAX_RANK], at = 0;
  gboolean whole = TRUE;

  if (node == NULL || depth == DEEPEST || !sag_see_is_free (piece.value))
    node = NULL;
  else if (sag_match_is (node, "Slice"))
    {
      whole = sag_slice_box (node, start, step, NULL);
      for (int a = 0; whole && a < self->rank; a++)
        whole = step[a] == 1;
    }
  else if (sag_match_is (node, "Split"))
    whole = axis >= 0 && find_part (node, piece.value, axis, &start[axis]);
  else if (!sag_match_is (node, "Concat") || axis < 0)
    node = NULL;
  if (node != NULL && !sag_match_is (node, "Concat") && whole && sag_see_is_free (sag_node_input (node, 0)))
    {
      for (int a = 0; a < self->rank; a++)
        piece.from[a] += start[a];
      piece.value = sag_node_input (node, 0);
      self->cuts++;
      return add (self, piece, depth + 1);
    }
  if (node == NULL || !sag_match_is (node, "Concat"))
    {
      if (self->n == MOST)
        return FALSE;
      self->piece[self->n++] = piece;
      return TRUE;
    }
  for (guint i = 0; i < node->inputs->len; i++)
    {
      SagValue *x = sag_node_input (node, (int) i);
      gint64 from = MAX (at, piece.from[axis]), to = MIN (at + x->shape.dim[axis], piece.from[axis] + piece.size[axis]);
      Piece part = piece;

      part.value = x;
      part.from[axis] = from - at;
      part.size[axis] = to - from;
      part.at[axis] += from - piece.from[axis];
      at += x->shape.dim[axis];
      if (from < to && !add (self, part, depth + 1))
        return FALSE;
    }
  return TRUE;
}

static void
match (SagGraph *graph, SagNode *concat)
{
  SagValue *y = sag_node_output (concat, 0);
  Pieces pieces = { .rank = y->shape.rank };
  Piece all = { .value = y };
  SagNode *node;

  memcpy (all.size, y->shape.dim, sizeof all.size);
  if (!sag_see_is_free (y) || sag_value_count (y) == 0 || !add (&pieces, all, 0) || pieces.cuts < LEAST)
    return;
  for (int i = 0; i < pieces.n; i++)
    if (!sag_see_is_free (pieces.piece[i].value) || pieces.piece[i].value->constant != NULL)
      return;
  node = sag_graph_add_node (graph, &pieces_op, concat->name, -1);
  node->opset = concat->opset;
  node->state = g_memdup2 (&pieces, sizeof pieces);
  node->free_state = g_free;
  for (int i = 0; i < pieces.n; i++)
    g_ptr_array_add (node->inputs, pieces.piece[i].value);
  sag_node_set_output (node, 0, y);
}

gboolean
sag_pass_pieces (SagGraph *graph, GError **error)
{
  for (guint i = graph->nodes->len; i-- > 0;)
    if (sag_match_is (graph->nodes->pdata[i], "Concat") && sag_node_output (graph->nodes->pdata[i], 0) != NULL)
      match (graph, graph->nodes->pdata[i]);
  return sag_graph_settle (graph, error);
}
