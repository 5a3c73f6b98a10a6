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
 * Or with tensors of all steps, as a prefix scan, sums of quotients or step by step: whatever
 * pass-scan-trace.c understands; pass-scan-build.c then makes the node.
 *
 * Whatever differs, even if it could be shown to mean the same, stays as it is.
 */
#include "engine/nn/op-util.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/pass-scan.h"
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

/* ---- of whole tensors ------------------------------------------------------------------- */

static void
want (SagValue *value, GPtrArray *wanted)
{
  if (value != NULL && value->producer != NULL && value->dtype == SAG_DTYPE_F32 && value->index == 0)
    {
      value->index = 1;
      g_ptr_array_add (wanted, value);
    }
}

static int
compare_places (gconstpointer a, gconstpointer b)
{
  const SagValue *x = *(SagValue *const *) a, *y = *(SagValue *const *) b;

  return x->producer->mark - y->producer->mark;
}

/* Recurrences written out with tensors of all steps, last first: what operators of other kinds read,
 * and, where that is none, what it was made of. */
static void
match_traces (SagGraph *graph)
{
  g_autoptr (GPtrArray) wanted = g_ptr_array_new ();
  gint64 budget = 6 * (gint64) graph->nodes->len + 20000;
  SagRecurrence found;

  for (guint i = 0; i < graph->values->len; i++)
    ((SagValue *) graph->values->pdata[i])->index = 0;
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      SagNode *node = graph->nodes->pdata[i];

      node->mark = (int) i;
      for (guint k = 0; k < node->inputs->len && !sag_scan_moves (node); k++)
        want (sag_node_input (node, (int) k), wanted);
    }
  for (guint i = 0; i < graph->outputs->len; i++)
    want (graph->outputs->pdata[i], wanted);
  g_ptr_array_sort (wanted, compare_places);
  while (wanted->len > 0 && budget > 0)
    {
      SagValue *h = g_ptr_array_steal_index (wanted, wanted->len - 1);
      SagNode *maker = h->producer;

      if (maker == NULL || !sag_scan_moves (maker))
        continue;
      if (sag_scan_trace (h, &found, &budget))
        sag_scan_replace (graph, &found);
      else if (!sag_match_is (maker, "Concat"))
        for (guint k = 0; k < MIN (2, maker->inputs->len); k++)
          want (sag_node_input (maker, (int) k), wanted);
    }
}

gboolean
sag_pass_scan (SagGraph *graph, GError **error)
{
  guint n = graph->nodes->len;
  GArray *rates;
  gboolean good;

  sag_graph_count_readers (graph);
  for (guint i = 0; i < n; i++)
    {
      SagNode *node = graph->nodes->pdata[i];

      if (sag_match_is (node, "Scan"))
        {
          if (!sag_wkv_match_body (graph, node))
            match_scan (graph, node);
        }
      else if (sag_match_is (node, "Loop"))
        {
          if (!sag_wkv_match_body (graph, node))
            sag_scan_lift_loop (graph, node);
        }
      else if (sag_match_is (node, "Concat") && !sag_wkv_match_unrolled (graph, node))
        sag_scan_lift_unrolled (graph, node);
    }
  rates = sag_scan_rates_in (graph);
  if (!sag_graph_settle (graph, error))
    {
      g_array_unref (rates);
      return FALSE;
    }
  match_traces (graph);
  good = sag_graph_settle (graph, error);
  sag_scan_rates_out (graph, rates);
  return good && sag_graph_settle (graph, error);
}
