/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-scan.c: the selective scan as exporters write it back into one node.
 *
 * As an ONNX Scan over time, with the operands of Add and Mul in either order:
 *
 *     du = Mul (dt, u)
 *     Scan over axis 1 of dt, du, B, C from state 0:
 *       h' = Add (Mul (Exp (Mul (Unsqueeze (dt), A)), h), Mul (Unsqueeze (du), Unsqueeze (B)))
 *       y  = Squeeze (MatMul (h', Unsqueeze (C)))  or  ReduceSum (Mul (h', Unsqueeze (C)), last axis)
 *     y + Mul (u, D), where there is such a term
 *
 * Or as a prefix scan by doubling (Hillis and Steele, 1986) on [K, L, C, N]:
 *
 *     a = Exp (Mul (Unsqueeze (dt), A)), b = Mul (Unsqueeze (du), Unsqueeze (B))
 *     for s = 1, 2, 4 ... < L, both from the a and b before, along axis 1:
 *       b = Concat (b[:s], a[s:] b[:-s] + b[s:]), a = Concat (a[:s], a[s:] a[:-s])
 *     y = Squeeze (MatMul (b, Unsqueeze (C)))
 *
 * Whatever differs, even if it could be shown to mean the same, stays as it is.
 */
#include "engine/nn/op-util.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/passes.h"

typedef struct
{
  SagNode  *scan; /* the doubling has neither Scan nor body */
  SagGraph *body;
  gint64    k, l, c, n;
} Scan;

static gboolean
is_shaped (const SagValue *value, gint64 d0, gint64 d1, gint64 d2)
{
  return value != NULL && value->dtype == SAG_DTYPE_F32 && value->shape.rank == 3
         && value->shape.dim[0] == d0 && value->shape.dim[1] == d1 && value->shape.dim[2] == d2;
}

/* A value of this shape that is one of [d0, the dimension that is not 1] seen anew: that one. */
static SagValue *
widened_from (const SagValue *value, gint64 d0, gint64 d1, gint64 d2)
{
  SagNode *maker;
  SagValue *x;

  if (!is_shaped (value, d0, d1, d2))
    return NULL;
  maker = sag_match_made (value, "Unsqueeze");
  if (maker == NULL)
    maker = sag_match_made (value, "Reshape");
  x = maker != NULL ? sag_node_input (maker, 0) : NULL;
  return x != NULL && x->shape.rank == 2 && x->shape.dim[0] == d0 && x->shape.dim[1] == d1 * d2
           ? x
           : NULL;
}

/* The outer value whose slices the body sees as `inner`. */
static SagValue *
scanned (const Scan *self, const SagValue *inner)
{
  for (guint i = 1; inner != NULL && i < self->body->inputs->len; i++)
    if (self->body->inputs->pdata[i] == inner)
      return sag_node_input (self->scan, (int) i);
  return NULL;
}

/* The outer value that the body reads as `inner`, if it has the shape of A. */
static SagValue *
captured_a (const Scan *self, const SagValue *inner)
{
  guint first = self->scan->inputs->len - (guint) self->scan->n_captures;

  if (!is_shaped (inner, self->k, self->c, self->n) && !is_shaped (inner, 1, self->c, self->n))
    return NULL;
  for (guint i = 0; i < self->body->captures->len; i++)
    if (self->body->captures->pdata[i] == inner)
      return sag_node_input (self->scan, (int) (first + i));
  return NULL;
}

/* One state, 0 at first and not asked for at the end; one output; time is axis 1 and runs forward. */
static gboolean
is_plain_scan (Scan *self)
{
  static const char *const axes[] = { "scan_input_axes", "scan_output_axes" };
  static const char *const directions[] = { "scan_input_directions", "scan_output_directions" };
  SagNode *scan = self->scan;
  const SagAttribute *body = sag_node_attribute (scan, "body");
  guint n_inputs = scan->inputs->len - (guint) scan->n_captures;
  const SagValue *start = sag_node_input (scan, 0), *end = sag_node_output (scan, 0);
  const SagValue *y = sag_node_output (scan, 1);

  if (body == NULL || body->kind != SAG_ATTRIBUTE_GRAPH || n_inputs < 2 || y == NULL
      || sag_node_get_int (scan, "num_scan_inputs", 0) != (gint64) n_inputs - 1
      || (end != NULL && end->n_readers > 0))
    return FALSE;
  self->body = body->graph;
  if (self->body->inputs->len != n_inputs || self->body->outputs->len != 2
      || start->constant == NULL || start->dtype != SAG_DTYPE_F32 || start->shape.rank != 3
      || y->shape.rank != 3)
    return FALSE;
  self->k = start->shape.dim[0];
  self->c = start->shape.dim[1];
  self->n = start->shape.dim[2];
  self->l = y->shape.dim[1];
  for (gint64 i = 0; i < sag_value_count (start); i++)
    if (((const float *) start->constant->data)[i] != 0)
      return FALSE;
  for (int i = 0; i < 2; i++)
    {
      int n_axes, n_directions, want = i == 0 ? (int) n_inputs - 1 : 1;
      const gint64 *axis = sag_node_get_ints (scan, axes[i], &n_axes);
      const gint64 *direction = sag_node_get_ints (scan, directions[i], &n_directions);

      if (axis == NULL || n_axes != want)
        return FALSE;
      for (int j = 0; j < n_axes; j++)
        if (sag_axis (axis[j], 3) != 1)
          return FALSE;
      for (int j = 0; direction != NULL && j < n_directions; j++)
        if (direction[j] != 0)
          return FALSE;
    }
  return is_shaped (y, self->k, self->l, self->c);
}

/* h' = exp (dt A) h + du B; finds the four outer values. */
static gboolean
match_state (const Scan *self, SagValue **dt, SagValue **du, SagValue **b, SagValue **a)
{
  const SagValue *h = self->body->inputs->pdata[0];
  SagNode *sum = sag_match_made (self->body->outputs->pdata[0], "Add");

  for (int i = 0; i < 2 && sum != NULL; i++)
    {
      SagNode *decay = sag_match_made (sag_node_input (sum, i), "Mul");
      SagNode *input = sag_match_made (sag_node_input (sum, 1 - i), "Mul");
      SagNode *exponential, *product;

      if (decay == NULL || input == NULL)
        continue;
      exponential = sag_match_made (sag_match_other (decay, h), "Exp");
      product =
          exponential != NULL ? sag_match_made (sag_node_input (exponential, 0), "Mul") : NULL;
      for (int j = 0; product != NULL && j < 4; j++)
        {
          int p = j & 1, q = j >> 1;

          *dt = scanned (
              self, widened_from (sag_node_input (product, p), self->k, self->c, 1));
          *a = captured_a (self, sag_node_input (product, 1 - p));
          *du =
              scanned (self, widened_from (sag_node_input (input, q), self->k, self->c, 1));
          *b = scanned (
              self, widened_from (sag_node_input (input, 1 - q), self->k, 1, self->n));
          if (*dt != NULL && *a != NULL && *du != NULL && *b != NULL)
            return TRUE;
        }
    }
  return FALSE;
}

static gboolean
sums_last_axis (const SagNode *reduce)
{
  const SagValue *axes = sag_node_input (reduce, 1);
  int n;
  const gint64 *list = sag_node_get_ints (reduce, "axes", &n);

  if (list != NULL)
    return n == 1 && sag_axis (list[0], 3) == 2;
  return axes != NULL && axes->constant != NULL && sag_value_count (axes) == 1
         && sag_axis (sag_tensor_get_int (axes->constant, 0), 3) == 2;
}

/* The output is the sum over the states of h' C: the outer C, or NULL. */
static SagValue *
match_output (const Scan *self)
{
  const SagValue *h = self->body->outputs->pdata[0], *y = self->body->outputs->pdata[1];
  SagNode *last = y->producer, *product;

  if (y->shape.rank != 2 || y->shape.dim[0] != self->k || y->shape.dim[1] != self->c)
    return NULL;
  if ((sag_match_is (last, "Squeeze") || sag_match_is (last, "Reshape"))
      && is_shaped (sag_node_input (last, 0), self->k, self->c, 1))
    last = sag_node_input (last, 0)->producer;
  if (sag_match_is (last, "MatMul") && last->inputs->len == 2 && sag_node_input (last, 0) == h)
    return scanned (self, widened_from (sag_node_input (last, 1), self->k, self->n, 1));
  if (!sag_match_is (last, "ReduceSum") || !sums_last_axis (last))
    return NULL;
  product = sag_match_made (sag_node_input (last, 0), "Mul");
  return product != NULL
           ? scanned (self, widened_from (sag_match_other (product, h), self->k, 1, self->n))
           : NULL;
}

/* If `y` is only read by y + u D: that Add, and D. */
static SagNode *
match_skip (const Scan *self, SagValue *y, const SagValue *u, SagValue **d)
{
  SagNode *add = sag_match_next (y, "Add");
  SagNode *mul = add != NULL ? sag_match_made (sag_match_other (add, y), "Mul") : NULL;

  *d = mul != NULL ? sag_match_other (mul, u) : NULL;
  return is_shaped (*d, self->k, 1, self->c) || is_shaped (*d, 1, 1, self->c) ? add : NULL;
}

/* `y`, and what may follow it, from one node; nothing if the shapes are not those. */
static void
replace (const Scan *self, SagGraph *graph, const char *name, SagValue *y, SagValue *dt,
         SagValue *du, SagValue *b, SagValue *c, SagValue *a)
{
  SagNode *product = sag_match_made (du, "Mul"), *last, *made;
  SagValue *u = product != NULL ? sag_match_other (product, dt) : NULL, *d;

  if (!is_shaped (u, self->k, self->l, self->c) || !is_shaped (dt, self->k, self->l, self->c)
      || !is_shaped (b, self->k, self->l, self->n) || !is_shaped (c, self->k, self->l, self->n))
    return;
  last = match_skip (self, y, u, &d);
  made = sag_graph_add_node (graph, sag_op_find ("sagitta", "SelectiveScan"), name, -1);
  g_ptr_array_add (made->inputs, u);
  g_ptr_array_add (made->inputs, dt);
  g_ptr_array_add (made->inputs, b);
  g_ptr_array_add (made->inputs, c);
  g_ptr_array_add (made->inputs, a);
  if (last != NULL)
    g_ptr_array_add (made->inputs, d);
  sag_node_set_output (made, 0, last != NULL ? sag_node_output (last, 0) : y);
}

static void
match_scan (SagGraph *graph, SagNode *node)
{
  Scan self = { .scan = node };
  SagValue *dt, *du, *b, *c, *a;

  if (!is_plain_scan (&self) || !match_state (&self, &dt, &du, &b, &a))
    return;
  c = match_output (&self);
  if (c != NULL)
    replace (&self, graph, node->name, sag_node_output (node, 1), dt, du, b, c, a);
}

/* ---- by doubling ------------------------------------------------------------------------ */

static gboolean
is_shaped_4 (const SagValue *value, gint64 d0, gint64 d1, gint64 d2, gint64 d3)
{
  return value != NULL && value->dtype == SAG_DTYPE_F32 && value->shape.rank == 4
         && value->shape.dim[0] == d0 && value->shape.dim[1] == d1 && value->shape.dim[2] == d2
         && value->shape.dim[3] == d3;
}

/* A value of this shape, one of d2 and d3 being 1, that is [d0, d1, the other] seen anew: that. */
static SagValue *
widened_from_4 (const SagValue *value, gint64 d0, gint64 d1, gint64 d2, gint64 d3)
{
  SagNode *maker;

  if (!is_shaped_4 (value, d0, d1, d2, d3))
    return NULL;
  maker = sag_match_made (value, "Unsqueeze");
  if (maker == NULL)
    maker = sag_match_made (value, "Reshape");
  return maker != NULL && is_shaped (sag_node_input (maker, 0), d0, d1, d2 * d3)
           ? sag_node_input (maker, 0)
           : NULL;
}

static gboolean
one_int (const SagValue *value, gint64 *number)
{
  if (value == NULL || value->constant == NULL || sag_value_count (value) != 1)
    return FALSE;
  *number = sag_tensor_get_int (value->constant, 0);
  return TRUE;
}

/* The value of which `value` is [from, to) along axis 1 of `l`, of rank 4; or NULL. */
static SagValue *
sliced_from (const SagValue *value, gint64 from, gint64 to, gint64 l)
{
  SagNode *slice = sag_match_made (value, "Slice");
  gint64 start, end, axis, step = 1;
  SagValue *x;

  if (slice == NULL || slice->inputs->len < 4)
    return NULL;
  x = sag_node_input (slice, 0);
  if (x->shape.rank != 4 || x->shape.dim[1] != l || !one_int (sag_node_input (slice, 1), &start)
      || !one_int (sag_node_input (slice, 2), &end) || !one_int (sag_node_input (slice, 3), &axis)
      || (sag_node_input (slice, 4) != NULL && !one_int (sag_node_input (slice, 4), &step)))
    return NULL;
  return start == from && end > from && MIN (end, l) == to && sag_axis (axis, 4) == 1 && step == 1
           ? x
           : NULL;
}

/* Concat (x[:s], tail) along axis 1: x; or NULL. */
static SagValue *
joined_from (const SagValue *value, gint64 s, gint64 l, SagValue **tail)
{
  SagNode *concat = sag_match_made (value, "Concat");

  if (concat == NULL || concat->inputs->len != 2 || value->shape.rank != 4
      || sag_axis (sag_node_get_int (concat, "axis", 0), 4) != 1)
    return NULL;
  *tail = sag_node_input (concat, 1);
  return sliced_from (sag_node_input (concat, 0), 0, s, l);
}

/* x[s:] y[:-s]: x; or NULL. */
static SagValue *
product_from (const SagValue *value, const SagValue *y, gint64 s, gint64 l)
{
  SagNode *mul = sag_match_made (value, "Mul");

  for (int i = 0; mul != NULL && i < 2; i++)
    {
      SagValue *x = sliced_from (sag_node_input (mul, i), s, l, l);

      if (x != NULL && sliced_from (sag_node_input (mul, 1 - i), 0, l - s, l) == y)
        return x;
    }
  return NULL;
}

/* From the last b to the first a and b. */
static gboolean
undouble (SagValue *last, gint64 l, SagValue **a, SagValue **b)
{
  gint64 s = 1;
  SagValue *above = NULL, *tail;

  while (2 * s < l)
    s *= 2;
  *a = NULL;
  *b = last;
  for (; s > 0; s /= 2)
    {
      SagValue *before = joined_from (*b, s, l, &tail), *with = NULL;
      SagNode *sum = before != NULL ? sag_match_made (tail, "Add") : NULL;

      for (int i = 0; sum != NULL && with == NULL && i < 2; i++)
        if (sliced_from (sag_node_input (sum, 1 - i), s, l, l) == before)
          with = product_from (sag_node_input (sum, i), before, s, l);
      if (with == NULL)
        return FALSE;
      if (above != NULL
          && (joined_from (above, s, l, &tail) != with || product_from (tail, with, s, l) != with))
        return FALSE;
      above = *a = with;
      *b = before;
    }
  return TRUE;
}

static void
match_doubling (SagGraph *graph, SagNode *matmul)
{
  SagValue *states = sag_node_input (matmul, 0), *a, *b, *c, *dt, *du, *in;
  SagNode *squeeze, *exponential, *product, *input;
  Scan self = { 0 };

  if (matmul->inputs->len != 2 || sag_match_made (states, "Concat") == NULL
      || states->shape.rank != 4)
    return;
  squeeze = sag_match_next (sag_node_output (matmul, 0), "Squeeze");
  self.k = states->shape.dim[0];
  self.l = states->shape.dim[1];
  self.c = states->shape.dim[2];
  self.n = states->shape.dim[3];
  c = widened_from_4 (sag_node_input (matmul, 1), self.k, self.l, self.n, 1);
  if (squeeze == NULL || c == NULL || self.l < 2
      || !is_shaped (sag_node_output (squeeze, 0), self.k, self.l, self.c)
      || !undouble (states, self.l, &a, &b))
    return;
  exponential = sag_match_made (a, "Exp");
  product = exponential != NULL ? sag_match_made (sag_node_input (exponential, 0), "Mul") : NULL;
  input = sag_match_made (b, "Mul");
  for (int i = 0; product != NULL && input != NULL && i < 4; i++)
    {
      int p = i & 1, q = i >> 1;
      SagValue *decay = sag_node_input (product, 1 - p);

      dt = widened_from_4 (sag_node_input (product, p), self.k, self.l, self.c, 1);
      du = widened_from_4 (sag_node_input (input, q), self.k, self.l, self.c, 1);
      in = widened_from_4 (sag_node_input (input, 1 - q), self.k, self.l, 1, self.n);
      if (dt == NULL || du == NULL || in == NULL
          || !(is_shaped_4 (decay, self.k, 1, self.c, self.n)
               || is_shaped_4 (decay, 1, 1, self.c, self.n)))
        continue;
      replace (&self, graph, matmul->name, sag_node_output (squeeze, 0), dt, du, in, c, decay);
      return;
    }
}

gboolean
sag_pass_scan (SagGraph *graph, GError **error)
{
  guint n = graph->nodes->len;

  sag_graph_count_readers (graph);
  for (guint i = 0; i < n; i++)
    {
      SagNode *node = graph->nodes->pdata[i];

      if (sag_match_is (node, "Scan"))
        match_scan (graph, node);
      else if (sag_match_is (node, "MatMul"))
        match_doubling (graph, node);
      else if (sag_match_is (node, "Loop"))
        sag_scan_match_loop (graph, node);
      else if (sag_match_is (node, "Concat"))
        sag_scan_match_unrolled (graph, node);
    }
  return sag_graph_clean (graph, error);
}
