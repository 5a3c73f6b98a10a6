/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-scan-lift.c: a recurrence written step by step, in a Loop or unrolled, as operators on tensors
 * of all steps.
 *
 * What happens in a step is lifted: a value of shape [s] that differs from step to step becomes one of
 * [L, s], a slice number t of something becomes all of it, and h[t] = a[t] h[t - 1] + b[t] becomes a
 * LinearScan. If everything that reads it then turns out to be a selective scan's output matrix
 * (pass-scan-build.c), the tensors of all steps are never made, and the steps go; otherwise they stay.
 *
 * A column is the values that have one place in the steps: L of them where they are unrolled, one in
 * the body of a Loop; L - 1 of what only makes states before a step, for the last of those it is not there.
 */
#include "engine/nn/build.h"
#include "engine/nn/op-util.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/pass-scan.h"

#include <string.h>

enum { MAX_DEPTH = 48, MIN_STEPS = 2 };

typedef struct
{
  SagGraph      *graph;
  SagNode       *loop; /* NULL: unrolled */
  SagGraph      *body;
  gint64         l;
  guint          n; /* of a column */
  SagBuild       build;
  GPtrArray     *lifted; /* Lifted * */
  SagRecurrence  found;  /* h NULL: not yet */
  SagValue      *state;  /* the first of h's column */
} Lift;

/* What a column became. */
typedef struct
{
  SagValue *value;
  gboolean  varies;
  guint     n;
  SagValue *column[];
} Lifted;

static SagValue *lift (Lift *self, SagValue *const *column, int depth, gboolean *varies);

static SagValue *
settle (SagValue *made)
{
  return made->producer->op->infer (made->producer, NULL) ? made : NULL;
}

/* The value outside of the loop that its body reads as `inner`. */
static SagValue *
outside (const Lift *self, SagValue *inner)
{
  guint first = self->loop->inputs->len - (guint) self->loop->n_captures;

  for (guint i = 0; i < self->body->captures->len; i++)
    if (self->body->captures->pdata[i] == inner)
      return sag_node_input (self->loop, (int) (first + i));
  return NULL;
}

static gboolean
same_constants (const SagValue *a, const SagValue *b)
{
  return a->constant != NULL && b->constant != NULL && a->dtype == b->dtype
         && sag_shape_equal (&a->shape, &b->shape)
         && memcmp (a->constant->data, b->constant->data,
                    (gsize) sag_value_count (a) * sag_dtype_size (a->dtype)) == 0;
}

/* What is the same in every step, or NULL. */
static SagValue *
constant_column (Lift *self, SagValue *const *column)
{
  if (self->loop != NULL)
    {
      SagTensor *copy;

      if (column[0]->constant == NULL)
        return outside (self, column[0]);
      copy = sag_tensor_copy (column[0]->constant, NULL);
      return copy != NULL ? sag_graph_add_constant (self->graph, column[0]->name, copy) : NULL;
    }
  for (guint t = 1; t < self->n; t++)
    if (column[t] != column[0] && !same_constants (column[0], column[t]))
      return NULL;
  return column[0];
}

/* One operator with the same attributes and, where it reads whole numbers, the same of them. */
static gboolean
same_operator (const SagNode *a, const SagNode *b)
{
  if (a == b)
    return TRUE;
  if (a->op != b->op || a->opset != b->opset || a->inputs->len != b->inputs->len
      || a->attributes->len != b->attributes->len || a->fused.activation != b->fused.activation
      || a->fused.alpha != b->fused.alpha || a->fused.beta != b->fused.beta || a->fused.residual != b->fused.residual)
    return FALSE;
  for (guint i = 0; i < a->attributes->len; i++)
    {
      const SagAttribute *p = a->attributes->pdata[i], *q = b->attributes->pdata[i];

      if (strcmp (p->name, q->name) != 0 || p->kind != q->kind || p->kind >= SAG_ATTRIBUTE_STRINGS || p->f != q->f
          || p->i != q->i || p->n != q->n || g_strcmp0 (p->s, q->s) != 0
          || (p->kind == SAG_ATTRIBUTE_FLOATS && p->n > 0
              && memcmp (p->floats, q->floats, sizeof *p->floats * (gsize) p->n) != 0)
          || (p->kind == SAG_ATTRIBUTE_INTS && p->n > 0
              && memcmp (p->ints, q->ints, sizeof *p->ints * (gsize) p->n) != 0))
        return FALSE;
    }
  for (guint i = 0; i < a->inputs->len; i++)
    {
      const SagValue *p = a->inputs->pdata[i], *q = b->inputs->pdata[i];

      if (p != q && p != NULL && p->dtype == SAG_DTYPE_I64 && (q == NULL || !same_constants (p, q)))
        return FALSE;
    }
  return TRUE;
}

/* The inputs i of the column's producers, one operator all; NULL if they are not. */
static SagValue **
above (const Lift *self, SagValue *const *column, int i)
{
  SagValue **inputs = g_new (SagValue *, self->n);

  for (guint t = 0; t < self->n; t++)
    {
      const SagNode *node = column[t]->producer;

      inputs[t] = node != NULL && same_operator (column[0]->producer, node) ? sag_node_input (node, i) : NULL;
      if (inputs[t] == NULL || column[t] != sag_node_output (node, 0)
          || !sag_shape_equal (&column[t]->shape, &column[0]->shape)
          || inputs[t]->dtype != inputs[0]->dtype
          || !sag_shape_equal (&inputs[t]->shape, &inputs[0]->shape))
        {
          g_free (inputs);
          return NULL;
        }
    }
  return inputs;
}

/* [L, s] from a lifted value, seen with `rank` axes after the first: ones come in front. */
static SagValue *
with_rank (Lift *self, SagValue *x, gboolean varies, int rank)
{
  int have = x->shape.rank - varies;
  gint64 dims[SAG_MAX_RANK];

  if (have == rank || !varies)
    return x;
  if (rank + 1 > SAG_MAX_RANK || have > rank)
    return NULL;
  dims[0] = self->l;
  for (int i = 0; i < rank; i++)
    dims[1 + i] = i < rank - have ? 1 : x->shape.dim[1 + i - (rank - have)];
  return settle (sag_build_reshape (&self->build, x, rank + 1, dims));
}

/* The lifted value under the column's shape. */
static SagValue *
with_shape (Lift *self, SagValue *x, gboolean varies, const SagShape *shape)
{
  gint64 dims[SAG_MAX_RANK + 1];

  if (shape->rank + varies > SAG_MAX_RANK)
    return NULL;
  dims[0] = self->l;
  memcpy (dims + varies, shape->dim, sizeof *dims * (gsize) shape->rank);
  return settle (sag_build_reshape (&self->build, x, shape->rank + varies, dims));
}

static SagValue *
turn (Lift *self, SagValue *x, const gint64 *perm)
{
  SagValue *y = sag_build_transpose (&self->build, x, x->shape.rank, perm);

  return y == x ? x : settle (y);
}

static SagValue *
with_first (Lift *self, SagValue *x, int axis)
{
  gint64 perm[SAG_MAX_RANK];

  perm[0] = axis;
  for (int i = 1; i < x->shape.rank; i++)
    perm[i] = i <= axis ? i - 1 : i;
  return turn (self, x, perm);
}

/* Slice number t of one value, as Gather or Slice: all of it, time first. */
static SagValue *
lift_slice (Lift *self, SagValue *const *column)
{
  const SagNode *node = column[0]->producer;
  gboolean gather = sag_match_is (node, "Gather");
  SagValue *x = sag_node_input (node, 0);
  int axis = -1;

  if (!gather && (self->loop != NULL || !sag_match_is (node, "Slice")))
    return NULL;
  for (guint t = 0; t < self->n; t++)
    {
      const SagNode *maker = column[t]->producer;
      gint64 start[SAG_MAX_RANK], step[SAG_MAX_RANK], at = -1;

      if (maker == NULL || maker->op != node->op || sag_node_input (maker, 0) != x)
        return NULL;
      if (gather)
        {
          SagValue *index = sag_node_input (maker, 1);

          int own = sag_axis (sag_node_get_int (maker, "axis", 0), x->shape.rank);

          if (axis >= 0 && axis != own)
            return NULL;
          axis = own;
          if (sag_value_count (index) != 1 || index->shape.rank > 1)
            return NULL;
          if (self->loop != NULL)
            at = index == self->body->inputs->pdata[0] ? (gint64) t : -1;
          else if (index->constant != NULL)
            at = sag_tensor_get_int (index->constant, 0);
        }
      else
        {
          if (!sag_slice_box (maker, start, step, NULL))
            return NULL;
          for (int i = 0; i < x->shape.rank; i++)
            if (column[t]->shape.dim[i] != x->shape.dim[i])
              {
                if (column[t]->shape.dim[i] != 1 || (axis >= 0 && axis != i))
                  return NULL;
                axis = i;
                at = start[i];
              }
            else if (x->shape.dim[i] > 1 && step[i] != 1)
              return NULL; /* turned round */
        }
      if (axis < 0 || x->shape.dim[axis] != self->l || (at != (gint64) t && at != (gint64) t - self->l))
        return NULL;
    }
  if (self->loop != NULL && (x = outside (self, x)) == NULL)
    return NULL;
  x = with_first (self, x, axis);
  return x != NULL ? with_shape (self, x, TRUE, &column[0]->shape) : NULL;
}

/* ---- h ---------------------------------------------------------------------------------- */

static gboolean
is_zero (const SagValue *value)
{
  if (value == NULL || value->constant == NULL || value->dtype != SAG_DTYPE_F32)
    return FALSE;
  for (gint64 i = 0; i < sag_value_count (value); i++)
    if (((const float *) value->constant->data)[i] != 0)
      return FALSE;
  return TRUE;
}

/* If column[t] = gate before + input: the two others. */
static gboolean
split_step (const Lift *self, SagValue *const *column, guint t, SagValue **gate, SagValue **input)
{
  SagNode *sum = sag_match_made (column[t], "Add");

  for (int i = 0; sum != NULL && i < 2; i++)
    {
      SagNode *product = sag_match_made (sag_node_input (sum, i), "Mul");

      for (int j = 0; product != NULL && j < 2; j++)
        {
          SagValue *before = sag_node_input (product, j);

          if (self->loop != NULL ? before == self->body->inputs->pdata[2]
              : t == 0           ? is_zero (before)
                                 : before == column[t - 1])
            {
              *gate = sag_node_input (product, 1 - j);
              *input = sag_node_input (sum, 1 - i);
              return TRUE;
            }
        }
    }
  return FALSE;
}

/* The lifted value in the shape [L, shape], to which it is broadcast. */
static SagValue *
widen (Lift *self, SagValue *x, gboolean varies, const SagShape *shape)
{
  gint64 dims[SAG_MAX_RANK];

  if (x == NULL || shape->rank + 1 > SAG_MAX_RANK)
    return NULL;
  dims[0] = self->l;
  memcpy (dims + 1, shape->dim, sizeof *dims * (gsize) shape->rank);
  x = with_rank (self, x, varies, shape->rank);
  if (x == NULL
      || (varies && memcmp (x->shape.dim, dims, sizeof *dims * (gsize) (shape->rank + 1)) == 0))
    return x;
  return settle (sag_build (&self->build, "Expand", 2, x,
                            sag_build_ints (&self->build, shape->rank + 1, dims)));
}

/* What the first state is but for nothing that is added to it. */
static SagValue *
first_input (SagValue *state)
{
  const SagNode *sum = sag_match_made (state, "Add");

  for (int i = 0; sum != NULL && i < 2; i++)
    if (is_zero (sag_node_input (sum, i)) && sag_shape_equal (&sag_node_input (sum, 1 - i)->shape, &state->shape))
      return sag_node_input (sum, 1 - i);
  return state;
}

/* Nothing and then states of an unrolled recurrence: those before each step. */
static gboolean
is_before (const Lift *self, SagValue *const *column)
{
  SagValue *gate, *input;

  return self->loop == NULL && self->n > 2 && is_zero (column[0]) && split_step (self, column, 2, &gate, &input)
         && sag_shape_equal (&column[0]->shape, &column[1]->shape);
}

/* h of all steps, if the column is one; *is_state says whether it is. */
static SagValue *
lift_state (Lift *self, SagValue *const *column, int depth, gboolean *is_state)
{
  g_autofree SagValue **gate = NULL, **input = NULL;
  gboolean varies;
  SagValue *a, *b, *h;

  *is_state = self->loop != NULL ? column[0] == self->body->outputs->pdata[1] : FALSE;
  if (self->loop == NULL)
    {
      SagValue *x, *y;

      *is_state = split_step (self, column, 1, &x, &y);
    }
  if (!*is_state || self->found.h != NULL || self->state != NULL)
    return NULL;
  self->state = column[0];
  gate = g_new (SagValue *, self->n);
  input = g_new (SagValue *, self->n);
  for (guint t = self->n; t-- > 0;)
    {
      if (!sag_shape_equal (&column[t]->shape, &column[0]->shape))
        return NULL;
      if (split_step (self, column, t, &gate[t], &input[t]))
        continue;
      if (t > 0 || self->loop != NULL)
        return NULL;
      gate[0] = gate[1]; /* of nothing: exporters leave it out, or it was folded */
      input[0] = first_input (column[0]);
    }
  a = lift (self, gate, depth + 1, &varies);
  a = widen (self, a, varies, &column[0]->shape);
  b = lift (self, input, depth + 1, &varies);
  b = widen (self, b, varies, &column[0]->shape);
  if (a == NULL || b == NULL)
    return NULL;
  h = sag_build_in (&self->build, "sagitta", "LinearScan", 2, a, b);
  sag_node_set_int (h->producer, "axis", 0);
  if (settle (h) == NULL)
    return NULL;
  self->found = (SagRecurrence){ h, a, b, FALSE, 0, FALSE, { 0 } };
  for (int i = 0; i < h->shape.rank; i++)
    self->found.axis[i] = h->shape.dim[i] > 1 ? i : -1;
  return h;
}

/* The states before each step, where they are read other than for the next ones. */
static SagValue *
lift_before (Lift *self, SagValue *const *states, int depth)
{
  gboolean is_state;
  SagValue *h, *before;
  guint n = self->n;

  self->n -= self->loop == NULL;
  h = lift_state (self, states, depth, &is_state);
  self->n = n;
  if (h == NULL)
    return NULL;
  before = sag_build_in (&self->build, "sagitta", "LinearScan", 2, self->found.a, self->found.b);
  sag_node_set_int (before->producer, "axis", 0);
  sag_node_set_int (before->producer, "previous", 1);
  self->found.h = settle (before);
  self->found.previous = TRUE;
  return before;
}

/* ---- operators -------------------------------------------------------------------------- */

static gboolean
is_one_of (const SagNode *node, const char *const *names)
{
  for (; *names != NULL; names++)
    if (sag_match_is (node, *names))
      return TRUE;
  return FALSE;
}

static SagValue *
lift_sum (Lift *self, const SagNode *node, SagValue *x, gboolean varies)
{
  const SagValue *list = sag_node_input (node, 1);
  int rank = x->shape.rank - varies, n = 0;
  const gint64 *axes = sag_node_get_ints (node, "axes", &n);
  gint64 axis;
  SagValue *y;

  if (axes == NULL ? list == NULL || list->constant == NULL || sag_value_count (list) != 1 : n != 1)
    return NULL;
  axis = sag_axis (axes != NULL ? axes[0] : sag_tensor_get_int (list->constant, 0), rank);
  if (axis < 0)
    return NULL;
  axis += varies;
  y = sag_build (&self->build, "ReduceSum", 2, x, sag_build_ints (&self->build, 1, &axis));
  sag_node_set_int (y->producer, "keepdims", sag_node_get_int (node, "keepdims", 1));
  return settle (y);
}

static SagValue *
lift_transpose (Lift *self, const SagNode *node, SagValue *x, gboolean varies)
{
  int rank = x->shape.rank - varies, n;
  const gint64 *perm = sag_node_get_ints (node, "perm", &n);
  gint64 order[SAG_MAX_RANK] = { 0 };

  for (int i = 0; i < rank; i++)
    order[i + varies] = varies + (perm != NULL ? sag_axis (perm[i], rank) : rank - 1 - i);
  return turn (self, x, order);
}

/* A Gather of the one element along an axis: x[:, 0]. */
static gboolean
takes_only (const SagNode *node)
{
  const SagShape *x = &sag_node_input (node, 0)->shape;
  int axis = sag_match_is (node, "Gather") ? sag_axis (sag_node_get_int (node, "axis", 0), x->rank) : -1;

  return axis >= 0 && x->dim[axis] == 1 && sag_value_count (sag_node_input (node, 1)) == 1;
}

static SagValue *
lift_operator (Lift *self, SagValue *const *column, int depth, gboolean *varies)
{
  static const char *const shapes[] = { "Reshape", "Unsqueeze", "Squeeze", "Identity", NULL };
  static const char *const each[] = { "Exp", "Neg", "Sigmoid", "Softplus", "Tanh", NULL };
  static const char *const pairs[] = { "Add", "Sub", "Mul", "Div", NULL };
  const SagNode *node = column[0]->producer;
  gboolean product = sag_match_is (node, "MatMul") || strcmp (node->op->name, "FusedMatMul") == 0;
  int n = product || is_one_of (node, pairs) ? 2 : 1;
  g_autofree SagValue **first = NULL, **second = NULL;
  SagValue *x[2] = { NULL, NULL }, *y;
  gboolean differs[2] = { FALSE, FALSE }, turned;

  if (node->fused.activation != SAG_ACTIVATION_NONE || node->fused.residual
      || (product && node->inputs->len != 2))
    return NULL;
  for (int i = 0; i < n; i++)
    {
      *(i == 0 ? &first : &second) = above (self, column, i);
      if ((i == 0 ? first : second) == NULL)
        return NULL;
    }
  turned = n == 2 && is_before (self, first); /* what is known of all steps goes before what is known of all but one */
  for (int i = 0; i < n; i++)
    {
      int k = turned ? 1 - i : i;

      x[k] = lift (self, k == 0 ? first : second, depth + 1, &differs[k]);
      if (x[k] == NULL)
        return NULL;
      *varies = *varies || differs[k];
    }
  if (is_one_of (node, shapes) || takes_only (node))
    return with_shape (self, x[0], *varies, &column[0]->shape);
  if (sag_match_is (node, "Expand"))
    return *varies ? widen (self, x[0], TRUE, &column[0]->shape) : NULL;
  if (sag_match_is (node, "Transpose"))
    return lift_transpose (self, node, x[0], *varies);
  if (sag_match_is (node, "ReduceSum"))
    return lift_sum (self, node, x[0], *varies);
  if (is_one_of (node, each))
    return settle (sag_build (&self->build, node->op->name, 1, x[0]));
  if (n != 2)
    return NULL;
  for (int i = 0; i < 2 && *varies; i++)
    {
      int rank = product ? MAX (x[0]->shape.rank - differs[0], x[1]->shape.rank - differs[1])
                         : column[0]->shape.rank;

      if (product && rank < 2)
        return NULL;
      x[i] = with_rank (self, x[i], differs[i], rank);
      if (x[i] == NULL)
        return NULL;
    }
  y = sag_build_in (&self->build, node->op->domain, node->op->name, 2, x[0], x[1]);
  if (product && *node->op->domain != '\0')
    {
      static const char *const flags[] = { "transA", "transB", "transBatchA", "transBatchB" };

      for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
        sag_node_set_int (y->producer, flags[i], sag_node_get_int (node, flags[i], 0));
      sag_node_set_float (y->producer, "alpha", sag_node_get_float (node, "alpha", 1));
    }
  return settle (y);
}

/* What the column became, [L, s] if it *varies and [s] if not; NULL if that is not known. */
static SagValue *
lift (Lift *self, SagValue *const *column, int depth, gboolean *varies)
{
  gsize bytes = self->n * sizeof *column;
  SagValue *x;
  gboolean is_state;
  Lifted *lifted;

  *varies = FALSE;
  if (depth > MAX_DEPTH)
    return NULL;
  for (guint i = 0; i < self->lifted->len; i++)
    {
      lifted = self->lifted->pdata[i];
      if (lifted->n >= self->n && memcmp (lifted->column, column, bytes) == 0)
        {
          *varies = lifted->varies;
          return lifted->value;
        }
    }
  x = constant_column (self, column);
  if (self->loop != NULL && column[0] == self->body->inputs->pdata[2])
    {
      x = lift_before (self, (SagValue *const *) &self->body->outputs->pdata[1], depth);
      *varies = TRUE;
    }
  else if (x == NULL && is_before (self, column))
    {
      x = lift_before (self, column + 1, depth);
      *varies = TRUE;
    }
  else if (x == NULL && column[0]->producer != NULL)
    {
      x = lift_state (self, column, depth, &is_state);
      if (x == NULL && is_state)
        return NULL;
      if (x == NULL)
        x = lift_slice (self, column);
      *varies = x != NULL;
      if (x == NULL)
        x = lift_operator (self, column, depth, varies);
    }
  if (x == NULL)
    return NULL;
  lifted = g_malloc (sizeof *lifted + bytes);
  lifted->value = x;
  lifted->varies = *varies;
  lifted->n = self->n;
  memcpy (lifted->column, column, bytes);
  g_ptr_array_add (self->lifted, lifted);
  return x;
}

/* ---- the whole -------------------------------------------------------------------------- */

/* `to` is the column's values one after the other along `axis`, or stacked along a new first one
 * (axis -1). Everything stays as it was if that does not become a selective scan. */
static void
stand_in (Lift *self, SagValue *const *column, SagValue *to, int axis)
{
  SagNode *before = to->producer;
  gboolean varies = FALSE;
  SagValue *y = lift (self, column, 0, &varies);
  gint64 perm[SAG_MAX_RANK], dims[SAG_MAX_RANK];
  int output = 0;

  if (y == NULL || !varies || self->found.h == NULL)
    return;
  for (guint i = 0; i < before->outputs->len; i++)
    if (before->outputs->pdata[i] == to)
      output = (int) i;
  if (axis > 0)
    {
      for (int i = 0; i < y->shape.rank; i++)
        perm[i] = i < axis ? i + 1 : i == axis ? 0 : i;
      y = turn (self, y, perm);
    }
  memcpy (dims, to->shape.dim, sizeof dims);
  y = settle (sag_build_reshape (&self->build, y, to->shape.rank, dims));
  sag_node_set_output (y->producer, 0, to);
  sag_graph_count_readers (self->graph);
  if (!sag_scan_replace_readers (self->graph, &self->found))
    {
      sag_node_set_output (before, output, to);
      sag_graph_count_readers (self->graph);
    }
}

void
sag_scan_lift_loop (SagGraph *graph, SagNode *node)
{
  g_autoptr (GPtrArray) lifted = g_ptr_array_new_with_free_func (g_free);
  const SagAttribute *body = sag_node_attribute (node, "body");
  const SagValue *end = sag_node_output (node, 0);
  SagValue *y = sag_node_output (node, 1);
  Lift self = { graph, node, NULL, sag_node_get_int (node, "sagitta_trips", 0), 1,
                { node, (int) graph->nodes->len }, lifted };

  if (body == NULL || body->graph == NULL || node->outputs->len != 2 || y == NULL
      || (int) node->inputs->len - node->n_captures != 3 || (end != NULL && end->n_readers > 0)
      || !is_zero (sag_node_input (node, 2)) || self.l < MIN_STEPS)
    return;
  self.body = body->graph;
  if (self.body->inputs->len == 3 && self.body->outputs->len == 3)
    stand_in (&self, (SagValue *const *) &self.body->outputs->pdata[2], y, -1);
}

void
sag_scan_lift_unrolled (SagGraph *graph, SagNode *concat)
{
  g_autoptr (GPtrArray) lifted = g_ptr_array_new_with_free_func (g_free);
  SagValue *y = sag_node_output (concat, 0);
  int axis = sag_axis (sag_node_get_int (concat, "axis", 0), y->shape.rank);
  Lift self = { graph, NULL, NULL, (gint64) concat->inputs->len, concat->inputs->len,
                { concat, (int) graph->nodes->len }, lifted };

  if (self.l < MIN_STEPS || axis < 0 || y->dtype != SAG_DTYPE_F32 || y->shape.dim[axis] != self.l)
    return;
  for (guint t = 0; t < self.n; t++)
    if (sag_node_input (concat, (int) t)->producer == NULL)
      return;
  stand_in (&self, (SagValue *const *) concat->inputs->pdata, y, axis);
}
