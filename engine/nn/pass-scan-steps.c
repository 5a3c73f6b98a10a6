/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-scan-steps.c: the selective scan written step by step, as one node again: by a Loop that
 * stacks its outputs, or unrolled, with operands of Add and Mul in either order:
 *
 *     a = Exp (Mul (dt, A)), b = Mul of dt, u and B in any order, both [K, L, C, N] or [K, C, L, N]
 *     for t = 0 ... L - 1, from h = 0:
 *       h = Add (Mul (a[t], h), b[t])
 *       y[t] = MatMul (h, c[t])  or  ReduceSum (Mul (h, c[t]), last axis)
 *
 * where x[t] is Gather or a Slice of one along time. Whatever differs stays as it is.
 */
#include "engine/nn/op-util.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/passes.h"

#include <string.h>

typedef struct
{
  SagGraph *graph;
  SagNode  *loop; /* NULL: unrolled */
  SagGraph *body;
  gint64    k, l, c, n;
  int       time;         /* the axis of a and b that is time: 1 or 2 */
  SagValue *a, *b, *w;    /* [K, L, C, N], [K, L, C, N], [K, L, N] or with time later */
  int       w_time;       /* the axis of w that is time */
} Steps;

static gboolean
is_fused_matmul (const SagNode *node)
{
  return node != NULL && strcmp (node->op->name, "FusedMatMul") == 0
         && sag_node_get_int (node, "transA", 0) == 0 && sag_node_get_int (node, "transB", 0) != 0
         && sag_node_get_float (node, "alpha", 1) == 1
         && node->fused.activation == SAG_ACTIVATION_NONE && !node->fused.residual;
}

/* Behind Slices that cut nothing off, and the same elements seen in another shape. */
static SagValue *
behind (SagValue *value, gboolean shapes)
{
  for (int i = 0; i < 8; i++)
    {
      SagNode *node = value->producer;
      SagValue *x = node != NULL ? sag_node_input (node, 0) : NULL;
      const SagValue *step;

      if (shapes
          && (sag_match_is (node, "Unsqueeze") || sag_match_is (node, "Squeeze")
              || sag_match_is (node, "Reshape")))
        value = x;
      else if (sag_match_is (node, "Slice") && sag_shape_equal (&x->shape, &value->shape))
        {
          step = sag_node_input (node, 4);
          if (step != NULL && (step->constant == NULL || sag_tensor_get_int (step->constant, 0) < 0))
            return value;
          value = x;
        }
      else
        return value;
    }
  return value;
}

/* The value outside of the loop that its body reads as `inner`. */
static SagValue *
outside (const Steps *self, SagValue *inner)
{
  guint first;

  if (self->loop == NULL)
    return inner;
  first = self->loop->inputs->len - (guint) self->loop->n_captures;
  for (guint i = 0; i < self->body->captures->len; i++)
    if (self->body->captures->pdata[i] == inner)
      return sag_node_input (self->loop, (int) (first + i));
  return NULL;
}

/* If `value` is slice t of something along an axis: that, as it is outside of the loop. */
static SagValue *
slice_of (const Steps *self, SagValue *value, gint64 t, int *axis)
{
  SagNode *node = behind (value, FALSE)->producer;
  SagValue *whole, *index;

  if (sag_match_is (node, "Squeeze") || sag_match_is (node, "Reshape"))
    {
      const SagValue *start;
      SagNode *slice = sag_match_made (sag_node_input (node, 0), "Slice");
      gint64 from;

      if (slice == NULL || self->loop != NULL || slice->inputs->len < 4)
        return NULL;
      whole = sag_node_input (slice, 0);
      start = sag_node_input (slice, 1);
      index = sag_node_input (slice, 3);
      if (start->constant == NULL || index->constant == NULL || sag_value_count (start) != 1
          || sag_value_count (index) != 1)
        return NULL;
      *axis = sag_axis (sag_tensor_get_int (index->constant, 0), whole->shape.rank);
      from = sag_tensor_get_int (start->constant, 0);
      if (*axis < 0 || whole->shape.dim[*axis] != self->l
          || sag_node_input (node, 0)->shape.dim[*axis] != 1
          || (from != t && from != t - self->l))
        return NULL;
    }
  else if (sag_match_is (node, "Gather"))
    {
      whole = sag_node_input (node, 0);
      index = sag_node_input (node, 1);
      *axis = sag_axis (sag_node_get_int (node, "axis", 0), whole->shape.rank);
      if (*axis < 0 || whole->shape.dim[*axis] != self->l || index->shape.rank != 0)
        return NULL;
      if (self->loop != NULL)
        {
          if (index != self->body->inputs->pdata[0])
            return NULL;
        }
      else if (index->constant == NULL
               || (sag_tensor_get_int (index->constant, 0) != t
                   && sag_tensor_get_int (index->constant, 0) != t - self->l))
        return NULL;
    }
  else
    return NULL;
  if (whole->dtype != SAG_DTYPE_F32)
    return NULL;
  whole = outside (self, whole);
  return whole != NULL ? behind (whole, FALSE) : NULL;
}

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

/* Sets *to once, and then wants the same. */
static gboolean
agree (SagValue **to, SagValue *value)
{
  if (*to == NULL)
    *to = value;
  return value != NULL && *to == value;
}

/* h = a[t] before + b[t]; the first step may leave out what is zero. */
static gboolean
match_state (Steps *self, const SagValue *h, const SagValue *before, gint64 t)
{
  SagNode *sum = sag_match_made (h, "Add");

  for (int i = 0; sum != NULL && i < 2; i++)
    {
      SagNode *decay = sag_match_made (sag_node_input (sum, i), "Mul");
      SagValue *gate = decay != NULL ? sag_match_other (decay, before) : NULL, *a, *b;
      int a_axis, b_axis;

      if (gate == NULL)
        continue;
      a = slice_of (self, gate, t, &a_axis);
      b = slice_of (self, sag_node_input (sum, 1 - i), t, &b_axis);
      if (a == NULL || b == NULL || a_axis != b_axis || a->shape.rank != 4
          || !sag_shape_equal (&a->shape, &b->shape) || a_axis < 1 || a_axis > 2
          || (self->time != 0 && self->time != a_axis))
        continue;
      self->time = a_axis;
      return agree (&self->a, a) && agree (&self->b, b);
    }
  return FALSE;
}

/* y is the sum over the states of h w[t], in any shape. */
static gboolean
match_readout (Steps *self, SagValue *y, SagValue *h, gint64 t)
{
  SagNode *last = behind (y, TRUE)->producer, *product;
  SagValue *w = NULL;
  int axis;

  if ((sag_match_is (last, "MatMul") && last->inputs->len == 2) || is_fused_matmul (last))
    {
      gboolean turned = is_fused_matmul (last);
      const SagShape *shape = &sag_node_input (last, 1)->shape;

      if (behind (sag_node_input (last, 0), FALSE) != h || shape->rank != 3
          || shape->dim[turned ? 1 : 2] != 1)
        return FALSE;
      w = sag_node_input (last, 1);
    }
  else if (sag_match_is (last, "ReduceSum"))
    {
      int n;
      const gint64 *list = sag_node_get_ints (last, "axes", &n);
      const SagValue *axes = sag_node_input (last, 1);
      gint64 over = list != NULL && n == 1 ? list[0]
                    : axes != NULL && axes->constant != NULL && sag_value_count (axes) == 1
                        ? sag_tensor_get_int (axes->constant, 0) : 0;

      product = sag_match_made (sag_node_input (last, 0), "Mul");
      if (product == NULL || sag_axis (over, 3) != 2)
        return FALSE;
      w = sag_match_other (product, h);
      if (w != NULL && (w->shape.rank != 3 || w->shape.dim[1] != 1))
        return FALSE;
    }
  if (w == NULL)
    return FALSE;
  /* [K, N] widened by one axis */
  w = sag_match_is (w->producer, "Unsqueeze") || sag_match_is (w->producer, "Reshape")
        ? sag_node_input (w->producer, 0) : NULL;
  if (w == NULL || w->shape.rank != 2)
    return FALSE;
  w = slice_of (self, w, t, &axis);
  if (w == NULL || w->shape.rank != 3 || axis < 1 || (self->w_time != 0 && self->w_time != axis))
    return FALSE;
  self->w_time = axis;
  return agree (&self->w, w);
}

/* ---- what a and b are made of ----------------------------------------------------------- */

/* A value of [K, L, C, 1] (or with time later) that is [K, L, C] seen anew: that. With `state`, of
 * [K, L, 1, N] from [K, L, N]. */
static SagValue *
narrowed (const Steps *self, SagValue *value, gboolean state)
{
  gint64 want[4] = { self->k, 0, 0, state ? self->n : 1 };
  SagValue *x;

  want[self->time] = self->l;
  want[3 - self->time] = state ? 1 : self->c;
  value = behind (value, FALSE);
  if (value->shape.rank != 4 || value->dtype != SAG_DTYPE_F32
      || memcmp (value->shape.dim, want, sizeof want) != 0
      || !(sag_match_is (value->producer, "Unsqueeze") || sag_match_is (value->producer, "Reshape")))
    return NULL;
  x = sag_node_input (value->producer, 0);
  if (x->shape.rank != 3 || x->shape.dim[0] != self->k
      || x->shape.dim[1] != (state || self->time == 1 ? self->l : self->c)
      || x->shape.dim[2] != (state ? self->n : self->time == 1 ? self->c : self->l))
    return NULL;
  return behind (x, FALSE);
}

/* [., C, N] over batch: what SelectiveScan takes as A, once the axis of time is gone. */
static gboolean
is_rates (const Steps *self, const SagValue *value)
{
  const SagShape *shape = &value->shape;
  gint64 dim[4] = { 1, 1, 1, 1 };

  if (value->dtype != SAG_DTYPE_F32 || shape->rank > 4 || shape->rank < 2)
    return FALSE;
  memcpy (dim + 4 - shape->rank, shape->dim, sizeof *dim * (gsize) shape->rank);
  return (dim[0] == 1 || dim[0] == self->k) && dim[self->time] == 1
         && dim[3 - self->time] == self->c && dim[3] == self->n;
}

/* The factors of a product of products. */
static void
flatten (SagValue *value, SagValue **factors, int *n)
{
  SagNode *mul = sag_match_made (behind (value, FALSE), "Mul");

  if (mul == NULL || *n > 3)
    {
      if (*n < 5)
        factors[(*n)++] = value;
      return;
    }
  flatten (sag_node_input (mul, 0), factors, n);
  flatten (sag_node_input (mul, 1), factors, n);
}

typedef struct
{
  SagValue *u, *dt, *b, *a;
} Terms;

static gboolean
match_terms (const Steps *self, Terms *terms)
{
  SagNode *exponential = sag_match_made (self->a, "Exp");
  SagNode *product = exponential != NULL ? sag_match_made (sag_node_input (exponential, 0), "Mul")
                                         : NULL;
  SagValue *factors[5], *channels[3];
  int n = 0, n_channels = 0;

  *terms = (Terms){ 0 };
  for (int i = 0; product != NULL && i < 2 && terms->dt == NULL; i++)
    if (is_rates (self, sag_node_input (product, 1 - i)))
      {
        terms->dt = narrowed (self, sag_node_input (product, i), FALSE);
        terms->a = sag_node_input (product, 1 - i);
      }
  if (terms->dt == NULL)
    return FALSE;
  flatten (self->b, factors, &n);
  for (int i = 0; i < n && n <= 3; i++)
    {
      SagValue *state = narrowed (self, factors[i], TRUE);
      SagValue *channel = narrowed (self, factors[i], FALSE);

      /* With one state or one channel both could be meant; that is left alone. */
      if ((state != NULL) == (channel != NULL))
        return FALSE;
      if (state != NULL && terms->b != NULL)
        return FALSE;
      if (state != NULL)
        terms->b = state;
      else
        channels[n_channels++] = channel;
    }
  if (terms->b == NULL || n_channels < 1 || n_channels > 2)
    return FALSE;
  if (n_channels == 1) /* dt u, [K, L, C] */
    {
      SagNode *mul = sag_match_made (channels[0], "Mul");

      if (mul == NULL)
        return FALSE;
      for (int i = 0; i < 2; i++)
        channels[i] = behind (sag_node_input (mul, i), FALSE);
    }
  for (int i = 0; i < 2; i++)
    if (channels[i] == terms->dt)
      terms->u = channels[1 - i];
  return terms->u != NULL && terms->u->shape.rank == 3
         && sag_shape_equal (&terms->u->shape, &terms->dt->shape);
}

/* ---- the node that stands for it -------------------------------------------------------- */

static SagValue *
add_node (const Steps *self, const char *domain, const char *op, SagValue *x, SagValue *shape,
          const gint64 *perm)
{
  SagNode *node = sag_graph_add_node (self->graph, sag_op_find (domain, op), x->name, -1);
  SagValue *y = sag_graph_add_value (self->graph, x->name);

  g_ptr_array_add (node->inputs, x);
  if (shape != NULL)
    g_ptr_array_add (node->inputs, shape);
  if (perm != NULL)
    sag_node_set_ints (node, "perm", perm, 3);
  sag_node_set_output (node, 0, y);
  node->op->infer (node, NULL);
  return y;
}

/* Axes 1 and 2 change places, or never did. */
static SagValue *
turned (const Steps *self, SagValue *x)
{
  static const gint64 perm[] = { 0, 2, 1 };
  SagNode *node = sag_match_made (x, "Transpose");
  int n;
  const gint64 *before = node != NULL ? sag_node_get_ints (node, "perm", &n) : NULL;

  if (before != NULL && n == 3 && before[0] == 0 && before[1] == 2)
    return sag_node_input (node, 0);
  return add_node (self, "", "Transpose", x, NULL, perm);
}

static SagValue *
build_scan (const Steps *self, const Terms *terms)
{
  SagNode *node;
  SagValue *a = terms->a, *y;
  SagShape shape = { 3, { self->k, self->l, self->c } };

  if (self->time == 2 || a->shape.rank == 4)
    {
      SagTensor *to = sag_tensor_new (SAG_DTYPE_I64, &(SagShape){ 1, { 3 } }, NULL);
      gint64 rates = a->shape.rank == 4 ? a->shape.dim[0] : 1;

      memcpy (to->owned, (gint64[]){ rates, self->c, self->n }, 3 * sizeof (gint64));
      a = add_node (self, "", "Reshape", a, sag_graph_add_constant (self->graph, a->name, to), NULL);
    }
  y = sag_graph_add_value (self->graph, self->a->name);
  node = sag_graph_add_node (self->graph, sag_op_find ("sagitta", "SelectiveScan"), y->name, -1);
  g_ptr_array_add (node->inputs, self->time == 2 ? turned (self, terms->u) : terms->u);
  g_ptr_array_add (node->inputs, self->time == 2 ? turned (self, terms->dt) : terms->dt);
  g_ptr_array_add (node->inputs, terms->b);
  g_ptr_array_add (node->inputs, self->w_time == 2 ? turned (self, self->w) : self->w);
  g_ptr_array_add (node->inputs, a);
  sag_node_set_output (node, 0, y);
  y->dtype = SAG_DTYPE_F32;
  y->shape = shape;
  return y;
}

/* `to`, of shape [L, K, C], [K, L, C] or [K, C, L] (`axis` is time), is made of y [K, L, C]. */
static void
give (const Steps *self, SagValue *y, int axis, SagValue *to)
{
  static const gint64 perms[3][3] = { { 1, 0, 2 }, { 0, 1, 2 }, { 0, 2, 1 } };

  if (axis == 1)
    sag_node_set_output (y->producer, 0, to);
  else
    {
      SagValue *turned_y = add_node (self, "", "Transpose", y, NULL, perms[axis]);

      sag_node_set_output (turned_y->producer, 0, to);
    }
}

static gboolean
has_sizes (Steps *self)
{
  const SagShape *shape = &self->a->shape;

  self->k = shape->dim[0];
  self->c = shape->dim[3 - self->time];
  self->n = shape->dim[3];
  return self->w->shape.dim[0] == self->k && self->w->shape.dim[3 - self->w_time] == self->n
         && shape->dim[self->time] == self->l && self->w->shape.dim[self->w_time] == self->l;
}

void
sag_scan_match_loop (SagGraph *graph, SagNode *node)
{
  const SagAttribute *body = sag_node_attribute (node, "body");
  Steps self = { .graph = graph, .loop = node };
  const SagValue *end = sag_node_output (node, 0);
  SagValue *y = sag_node_output (node, 1), *h, *made;
  SagNode *next;
  Terms terms;

  if (body == NULL || body->graph == NULL || node->outputs->len != 2 || y == NULL
      || (int) node->inputs->len - node->n_captures != 3 || (end != NULL && end->n_readers > 0)
      || !is_zero (sag_node_input (node, 2)) || y->shape.rank != 3)
    return;
  self.body = body->graph;
  self.l = sag_node_get_int (node, "sagitta_trips", 0);
  if (self.body->inputs->len != 3 || self.body->outputs->len != 3 || self.l < 2)
    return;
  h = self.body->outputs->pdata[1];
  if (!match_state (&self, h, self.body->inputs->pdata[2], -1)
      || !match_readout (&self, self.body->outputs->pdata[2], h, -1) || !has_sizes (&self)
      || !match_terms (&self, &terms) || y->shape.dim[1] != self.k || y->shape.dim[2] != self.c)
    return;
  made = build_scan (&self, &terms);
  next = sag_match_next (y, "Transpose");
  if (next != NULL)
    {
      int n;
      const gint64 *perm = sag_node_get_ints (next, "perm", &n);

      if (perm != NULL && n == 3 && perm[0] == 1 && perm[1] == 0)
        {
          give (&self, made, 1, sag_node_output (next, 0));
          return;
        }
    }
  give (&self, made, 0, y);
}

/* The states that y[t] reads, if it is such a readout. */
static SagValue *
state_of (SagValue *y)
{
  SagNode *last = behind (y, TRUE)->producer, *product;

  if ((sag_match_is (last, "MatMul") && last->inputs->len == 2) || is_fused_matmul (last))
    return behind (sag_node_input (last, 0), FALSE);
  if (!sag_match_is (last, "ReduceSum"))
    return NULL;
  product = sag_match_made (sag_node_input (last, 0), "Mul");
  for (int i = 0; product != NULL && i < 2; i++)
    if (sag_match_made (sag_node_input (product, i), "Add") != NULL)
      return sag_node_input (product, i);
  return NULL;
}

void
sag_scan_match_unrolled (SagGraph *graph, SagNode *concat)
{
  Steps self = { .graph = graph, .l = (gint64) concat->inputs->len };
  SagValue *y = sag_node_output (concat, 0), *before = NULL;
  int axis = sag_axis (sag_node_get_int (concat, "axis", 0), y->shape.rank);
  Terms terms;

  if (self.l < 2 || y->shape.rank != 3 || axis < 0 || y->shape.dim[axis] != self.l)
    return;
  for (gint64 t = 0; t < self.l; t++)
    {
      SagValue *at = sag_node_input (concat, (int) t), *h;

      h = at->dtype == SAG_DTYPE_F32 ? state_of (at) : NULL;
      if (h == NULL || h->shape.rank != 3)
        return;
      if (t == 0)
        {
          SagNode *sum = sag_match_made (h, "Add");

          for (int i = 0; sum != NULL && before == NULL && i < 2; i++)
            {
              SagNode *decay = sag_match_made (sag_node_input (sum, i), "Mul");

              for (int j = 0; decay != NULL && j < 2; j++)
                if (is_zero (sag_node_input (decay, j)))
                  before = sag_node_input (decay, j);
            }
          if (before == NULL)
            return;
        }
      if (!match_state (&self, h, before, t) || !match_readout (&self, at, h, t))
        return;
      before = h;
    }
  if (!has_sizes (&self) || !match_terms (&self, &terms)
      || sag_value_count (y) != self.k * self.l * self.c
      || y->shape.dim[axis == 0 ? 1 : 0] != self.k)
    return;
  give (&self, build_scan (&self, &terms), axis, y);
}
