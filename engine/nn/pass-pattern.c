/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-pattern.c: what exporters write as several nodes, back into one: GELU, SiLU, hard swish,
 * layer norm, group norm.
 */
#include "engine/nn/op-util.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/passes.h"

#include <math.h>
#include <string.h>

gboolean
sag_match_is (const SagNode *node, const char *name)
{
  return node != NULL && *node->op->name == *name && strcmp (node->op->name, name) == 0 && *node->op->domain == '\0'
         && node->fused.activation == SAG_ACTIVATION_NONE && !node->fused.residual;
}

gboolean
sag_match_single (const SagValue *value)
{
  return value->n_readers == 1 && value->reader != NULL;
}

SagNode *
sag_match_next (const SagValue *value, const char *name)
{
  return value != NULL && sag_match_single (value) && sag_match_is (value->reader, name)
             ? value->reader
             : NULL;
}

SagNode *
sag_match_made (const SagValue *value, const char *name)
{
  return value != NULL && sag_match_is (value->producer, name) ? value->producer : NULL;
}

SagValue *
sag_match_other (const SagNode *node, const SagValue *value)
{
  if (sag_node_input (node, 0) == value)
    return sag_node_input (node, 1);
  return sag_node_input (node, 1) == value ? sag_node_input (node, 0) : NULL;
}

gboolean
sag_match_scalar (const SagValue *value, float *number)
{
  if (value == NULL || value->constant == NULL || value->dtype != SAG_DTYPE_F32
      || sag_value_count (value) != 1)
    return FALSE;
  *number = *(const float *) value->constant->data;
  return TRUE;
}

gboolean
sag_match_number (const SagValue *value, double want)
{
  float number;

  return sag_match_scalar (value, &number) && fabs (number - want) <= 1e-4 * fabs (want);
}

/* The number added or multiplied to the other input of a two-input node; NULL value if none. */
static SagValue *
with_number (const SagNode *node, double want)
{
  for (int i = 0; node != NULL && i < 2; i++)
    if (sag_match_number (sag_node_input (node, i), want))
      return sag_node_input (node, 1 - i);
  return NULL;
}

/* `last`'s output is now made by one node of `op` from x. */
static SagNode *
stand_in (SagGraph *graph, const char *domain, const char *op, SagValue *x, SagNode *last)
{
  SagNode *node = sag_graph_add_node (graph, sag_op_find (domain, op), last->name, -1);

  g_ptr_array_add (node->inputs, x);
  sag_node_set_output (node, 0, sag_node_output (last, 0));
  return node;
}

/* ---- activations ------------------------------------------------------------------------ */

/* x * (1 + erf (x / sqrt 2)) / 2, the factors in any order. */
static void
match_gelu (SagGraph *graph, SagNode *erf)
{
  SagValue *inner = sag_node_input (erf, 0), *x;
  SagNode *scaled = inner->producer, *add, *mul, *last;
  SagValue *other;

  if (scaled == NULL)
    return;
  if (sag_match_is (scaled, "Div") && sag_match_number (sag_node_input (scaled, 1), 1.41421356))
    x = sag_node_input (scaled, 0);
  else if (sag_match_is (scaled, "Mul"))
    x = with_number (scaled, 0.70710678);
  else
    return;
  add = sag_match_next (sag_node_output (erf, 0), "Add");
  if (x == NULL || with_number (add, 1) == NULL)
    return;
  mul = sag_match_next (sag_node_output (add, 0), "Mul");
  if (mul == NULL)
    return;
  other = sag_match_other (mul, sag_node_output (add, 0));
  if (sag_match_number (other, 0.5)) /* (1 + erf) * 0.5 * x */
    {
      last = sag_match_next (sag_node_output (mul, 0), "Mul");
      if (last == NULL || sag_match_other (last, sag_node_output (mul, 0)) != x)
        return;
    }
  else if (other == x) /* x * (1 + erf) * 0.5 */
    {
      last = sag_match_next (sag_node_output (mul, 0), "Mul");
      if (with_number (last, 0.5) == NULL)
        return;
    }
  else if (sag_match_made (other, "Mul") != NULL
           && with_number (other->producer, 0.5) == x) /* (0.5 x) * (1 + erf) */
    last = mul;
  else
    return;
  stand_in (graph, "", "Gelu", x, last);
}

/* 0.5 x (1 + tanh (0.79788 (x + 0.044715 x^3))). */
static void
match_gelu_tanh (SagGraph *graph, SagNode *tanh_node)
{
  SagNode *outer = sag_match_made (sag_node_input (tanh_node, 0), "Mul"), *sum, *add, *mul, *last,
          *cubic, *cube;
  SagValue *inside = with_number (outer, 0.79788456), *x = NULL, *other;

  sum = sag_match_made (inside, "Add");
  add = sag_match_next (sag_node_output (tanh_node, 0), "Add");
  if (sum == NULL || with_number (add, 1) == NULL)
    return;
  for (int i = 0; i < 2 && x == NULL; i++)
    {
      cubic = sag_match_made (sag_node_input (sum, i), "Mul");
      cube = cubic != NULL ? sag_match_made (with_number (cubic, 0.044715), "Pow") : NULL;
      if (cube != NULL && sag_match_number (sag_node_input (cube, 1), 3)
          && sag_node_input (cube, 0) == sag_node_input (sum, 1 - i))
        x = sag_node_input (cube, 0);
    }
  mul = sag_match_next (sag_node_output (add, 0), "Mul");
  if (x == NULL || mul == NULL)
    return;
  other = sag_match_other (mul, sag_node_output (add, 0));
  if (other == x || sag_match_number (other, 0.5))
    {
      last = sag_match_next (sag_node_output (mul, 0), "Mul");
      if (last == NULL
          || (other == x ? with_number (last, 0.5) == NULL
                         : sag_match_other (last, sag_node_output (mul, 0)) != x))
        return;
    }
  else if (sag_match_made (other, "Mul") != NULL && with_number (other->producer, 0.5) == x)
    last = mul;
  else
    return;
  stand_in (graph, "com.microsoft", "FastGelu", x, last);
}

/* x * sigmoid (x), x * hardsigmoid (x), x * tanh (softplus (x)), x * clip (x + 3, 0, 6) / 6. */
static void
match_gated (SagGraph *graph, SagNode *mul)
{
  for (int i = 0; i < 2; i++)
    {
      SagValue *gate = sag_node_input (mul, i), *x = sag_node_input (mul, 1 - i);
      SagNode *maker = gate->producer, *clip, *next;

      if (maker == NULL || !sag_match_single (gate))
        continue;
      if (sag_match_is (maker, "Sigmoid") && sag_node_input (maker, 0) == x)
        {
          stand_in (graph, "sagitta", "Silu", x, mul);
          return;
        }
      if (sag_match_is (maker, "HardSigmoid") && sag_node_input (maker, 0) == x
          && fabsf (sag_node_get_float (maker, "alpha", 0.2f) - 1.0f / 6) < 1e-4f
          && sag_node_get_float (maker, "beta", 0.5f) == 0.5f)
        {
          stand_in (graph, "", "HardSwish", x, mul);
          return;
        }
      if (sag_match_is (maker, "Tanh")
          && sag_match_made (sag_node_input (maker, 0), "Softplus") != NULL
          && sag_node_input (sag_node_input (maker, 0)->producer, 0) == x)
        {
          stand_in (graph, "", "Mish", x, mul);
          return;
        }
      clip = sag_match_is (maker, "Div") && sag_match_number (sag_node_input (maker, 1), 6)
               ? sag_match_made (sag_node_input (maker, 0), "Clip")
               : sag_match_made (gate, "Clip");
      next = clip == maker ? sag_match_next (sag_node_output (mul, 0), "Div") : mul;
      if (clip == NULL || next == NULL
          || (next != mul && !sag_match_number (sag_node_input (next, 1), 6)))
        continue;
      if (sag_match_made (sag_node_input (clip, 0), "Add") != NULL
          && with_number (sag_node_input (clip, 0)->producer, 3) == x
          && (sag_node_input (clip, 1) != NULL
                  ? sag_match_scalar (sag_node_input (clip, 1), &(float){ 0 })
                        && *(const float *) sag_node_input (clip, 1)->constant->data == 0
                  : sag_node_get_float (clip, "min", -1) == 0)
          && (sag_node_input (clip, 2) != NULL ? sag_match_number (sag_node_input (clip, 2), 6)
                                               : sag_node_get_float (clip, "max", -1) == 6))
        {
          stand_in (graph, "", "HardSwish", x, next);
          return;
        }
    }
}

/* ---- layer norm ------------------------------------------------------------------------- */

static gboolean
means_last_axes (const SagNode *node, int *axis)
{
  int rank = sag_node_input (node, 0)->shape.rank, n;
  const gint64 *axes = sag_node_get_ints (node, "axes", &n);
  gint64 list[SAG_MAX_RANK];
  guint seen = 0;

  if (axes == NULL && sag_node_input (node, 1) != NULL
      && sag_node_input (node, 1)->constant != NULL)
    {
      n = (int) MIN (SAG_MAX_RANK, sag_value_count (sag_node_input (node, 1)));
      for (int i = 0; i < n; i++)
        list[i] = sag_tensor_get_int (sag_node_input (node, 1)->constant, i);
      axes = list;
    }
  if (axes == NULL || n == 0 || sag_node_get_int (node, "keepdims", 1) == 0)
    return FALSE;
  for (int i = 0; i < n; i++)
    if (sag_axis (axes[i], rank) >= 0)
      seen |= 1u << sag_axis (axes[i], rank);
  *axis = rank - n;
  return seen == (((1u << n) - 1) << (rank - n));
}

/* (x - mean) / sqrt (mean ((x - mean)^2) + eps) * scale + shift. Starts at the first mean. */
static void
match_layer_norm (SagGraph *graph, SagNode *mean)
{
  SagValue *x = sag_node_input (mean, 0), *centred, *scale, *shift;
  SagNode *sub = NULL, *square, *variance, *add, *root, *div, *mul, *last, *norm;
  int axis, again;
  float epsilon;

  if (!means_last_axes (mean, &axis) || !sag_match_single (sag_node_output (mean, 0)))
    return;
  sub = sag_match_next (sag_node_output (mean, 0), "Sub");
  if (sub == NULL || sag_node_input (sub, 0) != x)
    return;
  centred = sag_node_output (sub, 0);
  div = NULL;
  for (guint i = 0; i < graph->nodes->len && div == NULL; i++)
    {
      SagNode *node = graph->nodes->pdata[i];

      if (sag_match_is (node, "Div") && sag_node_input (node, 0) == centred)
        div = node;
    }
  root = div != NULL ? sag_match_made (sag_node_input (div, 1), "Sqrt") : NULL;
  add = root != NULL ? sag_match_made (sag_node_input (root, 0), "Add") : NULL;
  if (add == NULL)
    return;
  variance = NULL;
  for (int i = 0; i < 2; i++)
    if (sag_match_scalar (sag_node_input (add, i), &epsilon))
      variance = sag_match_made (sag_node_input (add, 1 - i), "ReduceMean");
  if (variance == NULL || !means_last_axes (variance, &again) || again != axis)
    return;
  square = sag_node_input (variance, 0)->producer;
  if (square == NULL || sag_node_input (square, 0) != centred
      || !((sag_match_is (square, "Pow") && sag_match_number (sag_node_input (square, 1), 2))
           || (sag_match_is (square, "Mul") && sag_node_input (square, 1) == centred)))
    return;
  mul = sag_match_next (sag_node_output (div, 0), "Mul");
  scale = mul != NULL ? sag_match_other (mul, sag_node_output (div, 0)) : NULL;
  if (scale == NULL || scale->constant == NULL
      || sag_value_count (scale) != sag_shape_product (&x->shape, axis, x->shape.rank))
    return;
  last = sag_match_next (sag_node_output (mul, 0), "Add");
  shift = last != NULL ? sag_match_other (last, sag_node_output (mul, 0)) : NULL;
  if (shift == NULL || shift->constant == NULL
      || sag_value_count (shift) != sag_value_count (scale))
    {
      shift = NULL;
      last = mul;
    }
  norm = stand_in (graph, "", "LayerNormalization", x, last);
  g_ptr_array_add (norm->inputs, scale);
  if (shift != NULL)
    g_ptr_array_add (norm->inputs, shift);
  sag_node_set_int (norm, "axis", axis);
  sag_node_set_float (norm, "epsilon", epsilon);
}

/* ---- group norm ------------------------------------------------------------------------- */

static gboolean
is_filled (const SagValue *value, float want)
{
  if (value == NULL || value->constant == NULL)
    return FALSE;
  for (gint64 i = 0; i < sag_value_count (value); i++)
    if (((const float *) value->constant->data)[i] != want)
      return FALSE;
  return TRUE;
}

static gboolean
is_by_channel (const SagValue *value, const SagShape *shape)
{
  int axis = value != NULL ? value->shape.rank - (shape->rank - 1) : -1;

  return value != NULL && value->constant != NULL && axis >= 0
         && sag_value_count (value) == shape->dim[1] && value->shape.dim[axis] == shape->dim[1];
}

/* torch: Reshape to [N, G, -1], instance norm without scale, Reshape back, Mul, Add. */
static void
match_group_norm (SagGraph *graph, SagNode *inner)
{
  SagNode *to = sag_match_made (sag_node_input (inner, 0), "Reshape"), *back, *mul, *add, *norm;
  SagValue *x, *scale, *shift;
  const SagShape *groups = &sag_node_input (inner, 0)->shape;

  back = sag_match_next (sag_node_output (inner, 0), "Reshape");
  if (to == NULL || back == NULL || groups->rank != 3 || !is_filled (sag_node_input (inner, 1), 1)
      || !is_filled (sag_node_input (inner, 2), 0))
    return;
  x = sag_node_input (to, 0);
  if (x->shape.rank < 3 || !sag_shape_equal (&x->shape, &sag_node_output (back, 0)->shape)
      || groups->dim[0] != x->shape.dim[0] || x->shape.dim[1] % MAX (1, groups->dim[1]) != 0)
    return;
  mul = sag_match_next (sag_node_output (back, 0), "Mul");
  add = mul != NULL ? sag_match_next (sag_node_output (mul, 0), "Add") : NULL;
  if (add == NULL)
    return;
  scale = sag_match_other (mul, sag_node_output (back, 0));
  shift = sag_match_other (add, sag_node_output (mul, 0));
  if (!is_by_channel (scale, &x->shape) || !is_by_channel (shift, &x->shape))
    return;
  norm = stand_in (graph, "", "GroupNormalization", x, add);
  g_ptr_array_add (norm->inputs, scale);
  g_ptr_array_add (norm->inputs, shift);
  sag_node_set_int (norm, "num_groups", groups->dim[1]);
  sag_node_set_float (norm, "epsilon", sag_node_get_float (inner, "epsilon", 1e-5f));
}

gboolean
sag_pass_pattern (SagGraph *graph, GError **error)
{
  guint n = graph->nodes->len;

  sag_graph_count_readers (graph);
  for (guint i = 0; i < n; i++)
    {
      SagNode *node = graph->nodes->pdata[i];

      if (sag_match_is (node, "Erf"))
        match_gelu (graph, node);
      else if (sag_match_is (node, "Tanh"))
        match_gelu_tanh (graph, node);
      else if (sag_match_is (node, "Mul"))
        match_gated (graph, node);
      else if (sag_match_is (node, "ReduceMean"))
        match_layer_norm (graph, node);
      else if (sag_match_is (node, "InstanceNormalization"))
        match_group_norm (graph, node);
    }
  return sag_graph_settle (graph, error);
}
