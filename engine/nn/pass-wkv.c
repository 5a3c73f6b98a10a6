/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-wkv.c: the WKV of RWKV-4 as exporters write it, step by step, into one node (ops-wkv.c):
 *
 *     p = Max (pp, u + k)    e1 = Exp (pp - p)        e2 = Exp (u + k - p)
 *     y = (e1 aa + e2 v) / (e1 bb + e2)
 *     q = Max (pp + w, k)    f1 = Exp (pp + w - q)    f2 = Exp (k - q)
 *     aa' = f1 aa + f2 v     bb' = f1 bb + f2         pp' = q
 *
 * or without a running maximum, p = q = 0, where e1 = 1 and f1 = e^w; y may be times a gate of the step, or its
 * sigmoid; in a Loop, in a Scan, or unrolled with a Concat of all y; operands of sums, products and Max in either
 * order. What differs stays as it is.
 */
#include "engine/nn/build.h"
#include "engine/nn/op-util.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/pass-scan.h"

#include <math.h>
#include <string.h>

enum { AA, BB, PP, N_STATES };

/* What one step reads. */
typedef struct
{
  SagValue *state[N_STATES], *k, *v, *u;
  int       n_states; /* without PP where no maximum runs along */
} Step;

typedef struct
{
  SagGraph *graph;
  SagNode  *node; /* the Loop, Scan or Concat */
  SagGraph *body; /* NULL: unrolled */
  gint64    l;
  SagBuild  build;
} Wkv;

/* All of a value whose slices along an axis the steps read. */
typedef struct
{
  SagValue *whole;
  int       axis;
} Sequence;

/* What y is times, in each step: nothing, a value or its sigmoid. */
typedef struct
{
  SagValue *value;
  gboolean  sigmoid;
} Gate;

/* ---- one step --------------------------------------------------------------------------- */

/* exp (x - minus): x. */
static SagValue *
exponent (const SagValue *e, SagValue **minus)
{
  const SagNode *exp = sag_match_made (e, "Exp");
  const SagNode *sub = exp != NULL ? sag_match_made (sag_node_input (exp, 0), "Sub") : NULL;

  if (sub == NULL)
    return NULL;
  *minus = sag_node_input (sub, 1);
  return sag_node_input (sub, 0);
}

/* One value, or constants that hold the same: exporters write those anew wherever they are read. */
static gboolean
is_same (const SagValue *a, const SagValue *b)
{
  return a == b
         || (a->constant != NULL && b->constant != NULL && a->dtype == b->dtype && sag_shape_equal (&a->shape, &b->shape)
             && memcmp (a->constant->data, b->constant->data,
                        (gsize) sag_value_count (a) * sag_dtype_size (a->dtype)) == 0);
}

static gboolean
is_greater_of (const SagValue *value, const SagValue *a, const SagValue *b)
{
  const SagNode *max = sag_match_made (value, "Max");

  for (int i = 0; max != NULL && max->inputs->len == 2 && i < 2; i++)
    if (is_same (sag_node_input (max, i), a) && is_same (sag_node_input (max, 1 - i), b))
      return TRUE;
  return FALSE;
}

/* value = e1 a + e2 x: a and x. */
static gboolean
split_sum (const SagValue *value, const SagValue *e1, const SagValue *e2, SagValue **a, SagValue **x)
{
  const SagNode *sum = sag_match_made (value, "Add");

  for (int i = 0; sum != NULL && i < 2; i++)
    {
      const SagNode *first = sag_match_made (sag_node_input (sum, i), "Mul");
      const SagNode *second = sag_match_made (sag_node_input (sum, 1 - i), "Mul");

      *a = first != NULL ? sag_match_other (first, e1) : NULL;
      *x = second != NULL ? sag_match_other (second, e2) : NULL;
      if (*a != NULL && *x != NULL)
        return TRUE;
    }
  return FALSE;
}

/* value = e1 b + e2: e2; e1 and b are the factors in either order. */
static SagValue *
split_count (const SagValue *value, int way, int turned, SagValue **e1, SagValue **b)
{
  const SagNode *sum = sag_match_made (value, "Add"), *product;

  if (sum == NULL)
    return NULL;
  product = sag_match_made (sag_node_input (sum, way), "Mul");
  if (product == NULL)
    return NULL;
  *e1 = sag_node_input (product, turned);
  *b = sag_node_input (product, 1 - turned);
  return sag_node_input (sum, 1 - way);
}

/* (aa + e v) / (bb + e), e = Exp (u + k). */
static gboolean
match_plain (const SagValue *a, const SagValue *b, int swapped, Step *step)
{
  const SagNode *top = sag_match_made (a, "Add"), *bottom = sag_match_made (b, "Add");

  for (int way = 0; bottom != NULL && top != NULL && way < 4; way++)
    {
      const SagValue *e = sag_node_input (bottom, way & 1);
      const SagNode *exp = sag_match_made (e, "Exp"), *product = sag_match_made (sag_node_input (top, way >> 1), "Mul");
      const SagNode *sum = exp != NULL ? sag_match_made (sag_node_input (exp, 0), "Add") : NULL;

      step->v = sum != NULL && product != NULL ? sag_match_other (product, e) : NULL;
      if (step->v == NULL)
        continue;
      step->state[BB] = sag_node_input (bottom, 1 - (way & 1));
      step->state[AA] = sag_node_input (top, 1 - (way >> 1));
      step->u = sag_node_input (sum, swapped);
      step->k = sag_node_input (sum, 1 - swapped);
      step->n_states = PP;
      return TRUE;
    }
  return FALSE;
}

/* The quotient of a and b. `swapped`: which operand of u + k is k. */
static gboolean
match_quotient (const SagValue *a, const SagValue *b, int swapped, Step *step)
{
  const SagNode *sum;
  SagValue *e1, *p = NULL, *minus = NULL, *own;

  for (int way = 0; way < 4; way++)
    {
      SagValue *e2 = split_count (b, way & 1, way >> 1, &e1, &step->state[BB]);

      own = e2 != NULL ? exponent (e2, &p) : NULL;
      step->state[PP] = own != NULL ? exponent (e1, &minus) : NULL;
      if (step->state[PP] == NULL || minus != p || !is_greater_of (p, step->state[PP], own)
          || !split_sum (a, e1, e2, &step->state[AA], &step->v))
        continue;
      sum = sag_match_made (own, "Add");
      if (sum == NULL)
        return FALSE;
      step->u = sag_node_input (sum, swapped);
      step->k = sag_node_input (sum, 1 - swapped);
      step->n_states = N_STATES;
      return TRUE;
    }
  return match_plain (a, b, swapped, step);
}

/* y = a / b, gate (a / b) or (gate a) / b. */
static gboolean
match_output (const SagValue *y, int swapped, Step *step, Gate *gate)
{
  const SagNode *outer = sag_match_made (y, "Mul"), *quotient = sag_match_made (y, "Div"), *inner, *sigmoid;
  gboolean found = quotient != NULL
                   && match_quotient (sag_node_input (quotient, 0), sag_node_input (quotient, 1), swapped, step);

  *gate = (Gate){ NULL, FALSE };
  inner = quotient != NULL && !found ? sag_match_made (sag_node_input (quotient, 0), "Mul") : NULL;
  for (int i = 0; !found && i < 2; i++)
    {
      const SagNode *product = outer != NULL ? outer : inner;
      const SagNode *ratio = outer != NULL ? sag_match_made (sag_node_input (outer, i), "Div") : quotient;

      if (product == NULL || ratio == NULL)
        continue;
      found = match_quotient (outer != NULL ? sag_node_input (ratio, 0) : sag_node_input (inner, i), sag_node_input (ratio, 1),
                              swapped, step);
      gate->value = sag_node_input (product, 1 - i);
    }
  sigmoid = found && gate->value != NULL ? sag_match_made (gate->value, "Sigmoid") : NULL;
  gate->sigmoid = sigmoid != NULL;
  if (sigmoid != NULL)
    gate->value = sag_node_input (sigmoid, 0);
  return found;
}

static gboolean
is_all (const SagValue *value, float least, float most)
{
  if (value == NULL || value->constant == NULL || value->dtype != SAG_DTYPE_F32)
    return FALSE;
  for (gint64 i = 0; i < sag_value_count (value); i++)
    if (!(((const float *) value->constant->data)[i] >= least && ((const float *) value->constant->data)[i] <= most))
      return FALSE;
  return TRUE;
}

/* From nothing: no sums yet, and no weight that could be the greater one. */
static gboolean
is_start (SagValue *const *state, int n)
{
  return is_all (state[AA], 0, 0) && is_all (state[BB], 0, 0) && (n == PP || is_all (state[PP], -INFINITY, -1e30f));
}

/* value = decay state + e: e; *decay is NULL where the state is 0, and the product was left out. */
static SagValue *
split_plain (const SagValue *value, const SagValue *state, SagValue **decay, int way)
{
  const SagNode *sum = sag_match_made (value, "Add"), *product;

  if (sum == NULL)
    return NULL;
  product = sag_match_made (sag_node_input (sum, way), "Mul");
  *decay = product != NULL ? sag_match_other (product, state) : NULL;
  return *decay != NULL || (is_all (state, 0, 0) && is_all (sag_node_input (sum, way), 0, 0)) ? sag_node_input (sum, 1 - way)
                                                                                              : NULL;
}

static gboolean
match_plain_update (const Step *step, SagValue *const *after, SagValue **w)
{
  for (int way = 0; way < 4; way++)
    {
      SagValue *other = NULL, *e = split_plain (after[BB], step->state[BB], w, way & 1);
      SagValue *input = split_plain (after[AA], step->state[AA], &other, way >> 1);
      const SagNode *exp = e != NULL ? sag_match_made (e, "Exp") : NULL;
      const SagNode *product = input != NULL ? sag_match_made (input, "Mul") : NULL;

      if (exp != NULL && product != NULL && sag_node_input (exp, 0) == step->k && sag_match_other (product, e) == step->v
          && (*w == other || (*w != NULL && other != NULL && is_same (*w, other))))
        return TRUE;
    }
  return FALSE;
}

/* Whether the states come from this step; *w is what is added to pp, or NULL where that was known when the
 * model was loaded. */
static gboolean
match_update (const Step *step, SagValue *const *after, SagValue **w)
{
  SagValue *f1, *bb, *aa, *v, *q = NULL, *minus = NULL, *decayed;
  const SagNode *sum;

  if (step->n_states == PP)
    return match_plain_update (step, after, w);
  for (int way = 0; way < 4; way++)
    {
      SagValue *f2 = split_count (after[BB], way & 1, way >> 1, &f1, &bb);

      if (f2 == NULL || !is_same (bb, step->state[BB]) || exponent (f2, &q) != step->k || q != after[PP])
        continue;
      decayed = exponent (f1, &minus);
      if (decayed == NULL || minus != q || !is_greater_of (q, decayed, step->k)
          || !split_sum (after[AA], f1, f2, &aa, &v) || !is_same (aa, step->state[AA]) || v != step->v)
        continue;
      sum = sag_match_made (decayed, "Add");
      *w = sum != NULL ? sag_match_other (sum, step->state[PP]) : NULL;
      return *w != NULL || (is_start (step->state, N_STATES) && is_all (decayed, -INFINITY, -1e30f));
    }
  return FALSE;
}

/* ---- what is outside of the steps ------------------------------------------------------- */

static SagValue *
captured (const Wkv *self, const SagValue *inner)
{
  guint first = self->node->inputs->len - (guint) self->node->n_captures;

  for (guint i = 0; i < self->body->captures->len; i++)
    if (self->body->captures->pdata[i] == inner)
      return sag_node_input (self->node, (int) (first + i));
  return NULL;
}

/* What is the same in every step. */
static SagValue *
unchanging (const Wkv *self, SagValue *value)
{
  SagTensor *copy;

  if (self->body == NULL)
    return value;
  if (value->constant == NULL)
    return captured (self, value);
  copy = sag_tensor_copy (value->constant, NULL);
  return copy != NULL ? sag_graph_add_constant (self->graph, value->name, copy) : NULL;
}

static gint64
nth_of (const SagNode *node, const char *name, guint i)
{
  int n;
  const gint64 *list = sag_node_get_ints (node, name, &n);

  return list != NULL && (int) i < n ? list[i] : 0;
}

static gboolean
is_step (const Wkv *self, gint64 at, gint64 t)
{
  return at == t || at == t - self->l;
}

/* Slice t of a value: as Gather, or Split or Slice under the shape of one step. */
static gboolean
sliced (const Wkv *self, SagValue *value, gint64 t, Sequence *sequence)
{
  const SagNode *node = value->producer;
  gint64 start[SAG_MAX_RANK], stride[SAG_MAX_RANK];
  SagValue *index;

  if (self->body != NULL && sag_match_is (self->node, "Scan"))
    {
      guint n_scan = (guint) sag_node_get_int (self->node, "num_scan_inputs", 0), n = self->body->inputs->len;

      for (guint i = n - n_scan; i < n; i++)
        if (self->body->inputs->pdata[i] == value && nth_of (self->node, "scan_input_directions", i - (n - n_scan)) == 0)
          {
            sequence->whole = sag_node_input (self->node, (int) i);
            sequence->axis = sag_axis (nth_of (self->node, "scan_input_axes", i - (n - n_scan)),
                                       sequence->whole->shape.rank);
            return TRUE;
          }
      return FALSE;
    }
  if (sag_match_is (node, "Gather"))
    {
      index = sag_node_input (node, 1);
      sequence->whole = sag_node_input (node, 0);
      sequence->axis = sag_axis (sag_node_get_int (node, "axis", 0), sequence->whole->shape.rank);
      if (self->body != NULL)
        {
          sequence->whole = captured (self, sequence->whole);
          return index == self->body->inputs->pdata[0] && index->shape.rank == 0 && sequence->whole != NULL;
        }
      return index->constant != NULL && sag_value_count (index) == 1 && is_step (self, sag_tensor_get_int (index->constant, 0), t);
    }
  if (self->body != NULL || node == NULL || !(sag_match_is (node, "Squeeze") || sag_match_is (node, "Reshape")))
    return FALSE;
  value = sag_node_input (node, 0);
  node = value->producer;
  if (!sag_match_is (node, "Split") && !sag_match_is (node, "Slice"))
    return FALSE;
  sequence->whole = sag_node_input (node, 0);
  sequence->axis = -1;
  for (int i = 0; i < value->shape.rank; i++)
    if (value->shape.dim[i] != sequence->whole->shape.dim[i])
      {
        if (sequence->axis >= 0 || value->shape.dim[i] != 1)
          return FALSE;
        sequence->axis = i;
      }
  if (sequence->axis < 0)
    return FALSE;
  if (sag_match_is (node, "Slice"))
    {
      if (!sag_slice_box (node, start, stride, NULL))
        return FALSE;
      for (int i = 0; i < value->shape.rank; i++)
        if (i != sequence->axis && value->shape.dim[i] > 1 && stride[i] != 1)
          return FALSE;
      return is_step (self, start[sequence->axis], t);
    }
  return (gint64) node->outputs->len == self->l && sag_node_output (node, (int) t) == value;
}

/* The steps along it, each of the shape of a step. */
static gboolean
fits (const Wkv *self, const Sequence *sequence, const SagShape *shape)
{
  const SagShape *whole = &sequence->whole->shape;

  if (sequence->axis < 0 || sequence->whole->dtype != SAG_DTYPE_F32 || whole->rank != shape->rank + 1
      || whole->dim[sequence->axis] != self->l)
    return FALSE;
  for (int i = 0; i < shape->rank; i++)
    if (whole->dim[i < sequence->axis ? i : i + 1] != shape->dim[i])
      return FALSE;
  return TRUE;
}

/* ---- the node ---------------------------------------------------------------------------- */

static SagValue *
settle (SagValue *made)
{
  return made->producer == NULL || made->producer->op->infer (made->producer, NULL) ? made : NULL;
}

/* [L, all of a step]. */
static SagValue *
time_first (Wkv *self, const Sequence *sequence)
{
  gint64 perm[SAG_MAX_RANK];
  SagValue *x = sequence->whole, *y;

  perm[0] = sequence->axis;
  for (int i = 1; i < x->shape.rank; i++)
    perm[i] = i <= sequence->axis ? i - 1 : i;
  y = sag_build_transpose (&self->build, x, x->shape.rank, perm);
  if (y != x && settle (y) == NULL)
    return NULL;
  return settle (sag_build_reshape (&self->build, y, 2, (gint64[]){ self->l, -1 }));
}

static SagValue *
spread (Wkv *self, SagValue *x, const SagShape *shape)
{
  SagShape both;

  if (x == NULL || x->dtype != SAG_DTYPE_F32 || !sag_shape_broadcast (&x->shape, shape, &both)
      || !sag_shape_equal (&both, shape))
    return NULL;
  x = settle (sag_build (&self->build, "Expand", 2, x, sag_build_ints (&self->build, shape->rank, shape->dim)));
  return x != NULL ? settle (sag_build_reshape (&self->build, x, 1, (gint64[]){ -1 })) : NULL;
}

/* The logarithm of what a state is multiplied by in each step, seen from outside; NULL if it may have none. */
static SagValue *
rate_of (Wkv *self, SagValue *decay)
{
  const SagNode *exp = sag_match_made (decay, "Exp");

  if (exp != NULL)
    return unchanging (self, sag_node_input (exp, 0));
  decay = unchanging (self, decay);
  exp = decay != NULL ? sag_match_made (decay, "Exp") : NULL;
  if (exp != NULL)
    return sag_node_input (exp, 0);
  return is_all (decay, 0, INFINITY) ? settle (sag_build (&self->build, "Log", 1, decay)) : NULL;
}

/* `to` holds the steps along an axis; `gates`, if there are such, what they are times. */
static void
put_node (Wkv *self, const SagShape *shape, const Sequence *k, const Sequence *v, SagValue *w, SagValue *u,
          const Sequence *gates, gboolean sigmoid, SagValue *to, int axis)
{
  SagValue *in[4], *y, *gate = NULL;
  gint64 dims[SAG_MAX_RANK], perm[SAG_MAX_RANK];

  if (!fits (self, k, shape) || !fits (self, v, shape) || to->dtype != SAG_DTYPE_F32
      || (gates != NULL && !fits (self, gates, shape)))
    return;
  in[0] = time_first (self, k);
  in[1] = time_first (self, v);
  in[2] = spread (self, w, shape);
  in[3] = spread (self, u, shape);
  for (int i = 0; i < 4; i++)
    if (in[i] == NULL)
      return;
  y = settle (sag_build_in (&self->build, "sagitta", "Wkv", 4, in[0], in[1], in[2], in[3]));
  if (gates != NULL)
    gate = time_first (self, gates);
  if (gate != NULL && sigmoid)
    gate = settle (sag_build (&self->build, "Sigmoid", 1, gate));
  if (gates != NULL)
    y = y != NULL && gate != NULL ? settle (sag_build (&self->build, "Mul", 2, y, gate)) : NULL;
  dims[0] = self->l;
  for (int i = 0; i < shape->rank; i++)
    dims[1 + i] = shape->dim[i];
  y = y != NULL ? settle (sag_build_reshape (&self->build, y, shape->rank + 1, dims)) : NULL;
  for (int i = 0; i <= shape->rank; i++)
    perm[i] = i < axis ? i + 1 : i == axis ? 0 : i;
  y = y != NULL ? settle (sag_build_transpose (&self->build, y, shape->rank + 1, perm)) : NULL;
  y = y != NULL ? settle (sag_build_reshape (&self->build, y, to->shape.rank, to->shape.dim)) : NULL;
  if (y != NULL)
    {
      sag_node_set_output (y->producer, 0, to);
      sag_graph_count_readers (self->graph);
    }
}

/* ---- the three forms --------------------------------------------------------------------- */

/* No trip of the body ends the loop. */
static gboolean
goes_on (const SagGraph *body)
{
  const SagValue *again = body->outputs->pdata[0];

  return again == body->inputs->pdata[1] || (again->constant != NULL && sag_tensor_get_int (again->constant, 0) != 0);
}

gboolean
sag_wkv_match_body (SagGraph *graph, SagNode *node)
{
  gboolean is_loop = sag_match_is (node, "Loop");
  const SagAttribute *attribute = sag_node_attribute (node, "body");
  guint first = is_loop ? 2 : 0, skip = is_loop ? 1 : 0, n_state, n_inputs = node->inputs->len - (guint) node->n_captures;
  const SagValue *cond = is_loop ? sag_node_input (node, 1) : NULL;
  Wkv self = { graph, node, NULL, sag_node_get_int (node, "sagitta_trips", 0), { node, (int) graph->nodes->len } };
  SagValue *y = NULL;
  int place = -1;

  if (attribute == NULL || attribute->graph == NULL || self.l < 2)
    return FALSE;
  self.body = attribute->graph;
  n_state = n_inputs - (is_loop ? 2 : (guint) sag_node_get_int (node, "num_scan_inputs", 0));
  if (n_state < PP || n_state > 16 || self.body->outputs->len < n_state + skip + 1
      || (is_loop && (sag_node_get_int (node, "sagitta_open", 0) || (cond != NULL && !(cond->constant != NULL && sag_tensor_get_int (cond->constant, 0) != 0))
                      || !goes_on (self.body))))
    return FALSE;
  for (guint i = 0; i < node->outputs->len; i++)
    {
      SagValue *out = sag_node_output (node, (int) i);

      if (out == NULL || out->n_readers == 0)
        continue;
      if (i < n_state || y != NULL)
        return FALSE;
      y = out;
      place = (int) i;
    }
  for (int swapped = 0; y != NULL && swapped < 2; swapped++)
    {
      SagValue *inner = self.body->outputs->pdata[skip + (guint) place], *after[N_STATES], *start[N_STATES], *w;
      Sequence k, v, gates;
      Step step;
      Gate gate;
      gboolean good = match_output (inner, swapped, &step, &gate);

      for (int s = 0; good && s < step.n_states; s++)
        {
          guint i = 0;

          while (i < n_state && self.body->inputs->pdata[first + i] != step.state[s])
            i++;
          good = i < n_state;
          if (good)
            {
              after[s] = self.body->outputs->pdata[skip + i];
              start[s] = sag_node_input (node, (int) (first + i));
            }
        }
      if (!good || !is_start (start, step.n_states) || !match_update (&step, after, &w) || w == NULL
          || !sliced (&self, step.k, 0, &k) || !sliced (&self, step.v, 0, &v)
          || (gate.value != NULL && !sliced (&self, gate.value, 0, &gates))
          || (!is_loop && nth_of (node, "scan_output_directions", (guint) place - n_state) != 0))
        continue;
      put_node (&self, &inner->shape, &k, &v, step.n_states == PP ? rate_of (&self, w) : unchanging (&self, w),
                unchanging (&self, step.u), gate.value != NULL ? &gates : NULL, gate.sigmoid, y,
                is_loop ? 0 : sag_axis (nth_of (node, "scan_output_axes", (guint) place - n_state), y->shape.rank));
      return y->producer != node;
    }
  return FALSE;
}

/* The y of a step, which is put under an axis of 1 to be joined. */
static SagValue *
joined (const SagNode *concat, int t)
{
  SagValue *value = sag_node_input (concat, t);
  const SagNode *node = value != NULL ? value->producer : NULL;

  if (sag_match_is (node, "Unsqueeze") || sag_match_is (node, "Reshape"))
    return sag_node_input (node, 0);
  return value;
}

gboolean
sag_wkv_match_unrolled (SagGraph *graph, SagNode *concat)
{
  SagValue *y = sag_node_output (concat, 0), *first = joined (concat, 0);
  int axis = sag_axis (sag_node_get_int (concat, "axis", 0), y->shape.rank);
  Wkv self = { graph, concat, NULL, (gint64) concat->inputs->len, { concat, (int) graph->nodes->len } };

  if (self.l < 2 || axis < 0 || y->shape.dim[axis] != self.l || first == NULL || first->shape.rank + 1 != y->shape.rank)
    return FALSE;
  for (int swapped = 0; swapped < 2; swapped++)
    {
      SagValue *w = NULL, *u = NULL;
      Sequence k = { 0 }, v = { 0 }, gates = { 0 };
      Step before;
      Gate gate = { NULL };
      gboolean good = TRUE;

      for (gint64 t = 0; good && t < self.l; t++)
        {
          SagValue *inner = joined (concat, (int) t), *own = NULL;
          Sequence k_now, v_now, gates_now = { 0 };
          gboolean sigmoid = gate.sigmoid, gated = gate.value != NULL;
          Step step;

          good = inner != NULL && sag_shape_equal (&inner->shape, &first->shape) && match_output (inner, swapped, &step, &gate)
                 && (t == 0 ? is_start (step.state, step.n_states)
                            : step.n_states == before.n_states && match_update (&before, step.state, &own))
                 && sliced (&self, step.k, t, &k_now) && sliced (&self, step.v, t, &v_now)
                 && (gate.value == NULL || sliced (&self, gate.value, t, &gates_now));
          if (!good)
            break;
          good = t == 0
                 || (k_now.whole == k.whole && k_now.axis == k.axis && v_now.whole == v.whole && v_now.axis == v.axis
                     && is_same (step.u, u) && (own == NULL || w == NULL || is_same (own, w))
                     && gated == (gate.value != NULL) && sigmoid == gate.sigmoid && gates_now.whole == gates.whole
                     && gates_now.axis == gates.axis);
          gates = gates_now;
          k = k_now;
          v = v_now;
          u = step.u;
          w = own != NULL ? own : w;
          before = step;
        }
      if (good && w != NULL)
        {
          put_node (&self, &first->shape, &k, &v, before.n_states == PP ? rate_of (&self, w) : w, u,
                    gate.value != NULL ? &gates : NULL, gate.sigmoid, y, axis);
          return y->producer != concat;
        }
    }
  return FALSE;
}
