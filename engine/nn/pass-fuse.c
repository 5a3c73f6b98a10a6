/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-fuse.c: operators into their neighbours: batch norm, bias, padding, residual and activation
 * into what computes their input. (Patterns that stand for one operator: pass-pattern.c.)
 *
 * A node that takes over writes the value of the last node it replaces; the rest is dropped by
 * sag_graph_clean() because nobody reads it any more.
 */
#include "engine/nn/op-util.h"
#include "engine/nn/ops-pointwise.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/passes.h"

#include <math.h>
#include <string.h>

static gboolean
is_conv (const SagNode *node)
{
  return sag_match_is (node, "Conv") || sag_match_is (node, "ConvTranspose");
}

/* ---- y = a * conv (x) + b, a and b by output channel ------------------------------------ */

/* Multiplies the weights of output channel c by a[c]; bias becomes bias * a + b. */
static gboolean
scale_conv (SagGraph *graph, SagNode *conv, const float *a, const float *b, gint64 channels,
            GError **error)
{
  SagValue *w = sag_node_input (conv, 1), *bias = sag_node_input (conv, 2);
  gboolean transposed = sag_match_is (conv, "ConvTranspose");
  gint64 group = MAX (1, sag_node_get_int (conv, "group", 1));
  gint64 n = sag_value_count (w), first = w->shape.dim[0], second = w->shape.dim[1];
  gint64 each = sag_shape_product (&w->shape, 2, w->shape.rank);
  g_autoptr (SagTensor) weights = sag_tensor_new (SAG_DTYPE_F32, &w->shape, error);
  g_autoptr (SagTensor) shifts =
      weights != NULL ? sag_tensor_new (SAG_DTYPE_F32, &(SagShape){ 1, { channels } }, error)
                      : NULL;

  if (shifts == NULL)
    return FALSE;
  for (gint64 i = 0; i < n; i++)
    {
      gint64 row = i / each / second, column = i / each % second;
      gint64 c = transposed ? row / MAX (1, first / group) * second + column : row;

      ((float *) weights->owned)[i] = ((const float *) w->constant->data)[i] * a[c];
    }
  for (gint64 c = 0; c < channels; c++)
    ((float *) shifts->owned)[c] =
        (bias != NULL ? ((const float *) bias->constant->data)[c] * a[c] : 0) + b[c];
  while (conv->inputs->len < 3)
    g_ptr_array_add (conv->inputs, NULL);
  conv->inputs->pdata[1] = sag_graph_add_constant (graph, w->name, g_steal_pointer (&weights));
  sag_node_input (conv, 1)->stored_bits = w->stored_bits; /* columns have scales of their own anyway */
  conv->inputs->pdata[2] = sag_graph_add_constant (graph, bias != NULL ? bias->name : w->name,
                                                   g_steal_pointer (&shifts));
  return TRUE;
}

/* TRUE if the node's weights and bias are constants and nothing follows it yet. */
static gboolean
can_scale (const SagNode *node)
{
  const SagValue *w = sag_node_input (node, 1), *bias = sag_node_input (node, 2);

  return is_conv (node) && w != NULL && w->constant != NULL
         && (bias == NULL || bias->constant != NULL)
         && node->fused.activation == SAG_ACTIVATION_NONE && !node->fused.residual;
}

static gboolean
fuse_batch_norm (SagGraph *graph, SagNode *norm, GError **error)
{
  SagValue *x = sag_node_input (norm, 0);
  SagNode *conv = x->producer;
  gint64 channels = x->shape.rank > 1 ? x->shape.dim[1] : 0;
  const float *p[4];
  float epsilon = sag_node_get_float (norm, "epsilon", 1e-5f);
  g_autofree float *a = NULL, *b = NULL;

  if (conv == NULL || !sag_match_single (x) || !can_scale (conv)
      || sag_node_get_int (norm, "training_mode", 0) != 0)
    return TRUE;
  for (int i = 0; i < 4; i++)
    {
      const SagValue *value = sag_node_input (norm, i + 1);

      if (value->constant == NULL || sag_value_count (value) != channels)
        return TRUE;
      p[i] = value->constant->data;
    }
  a = g_new (float, channels);
  b = g_new (float, channels);
  for (gint64 c = 0; c < channels; c++)
    {
      a[c] = p[0][c] / sqrtf (p[3][c] + epsilon);
      b[c] = p[1][c] - p[2][c] * a[c];
    }
  if (!scale_conv (graph, conv, a, b, channels, error))
    return FALSE;
  sag_node_set_output (conv, 0, sag_node_output (norm, 0));
  return TRUE;
}

/* A constant with one number a channel, seen from an [N, C, ...] value; or one for all. */
static gboolean
by_channel (const SagValue *value, const SagShape *shape, float *out)
{
  gint64 n = value->constant != NULL && value->dtype == SAG_DTYPE_F32 ? sag_value_count (value) : 0;
  gint64 channels = shape->rank >= 2 ? shape->dim[1] : 0;
  int axis = value->shape.rank - (shape->rank - 1);

  if (n == 0 || value->shape.rank > shape->rank || shape->rank < 3
      || (n != 1 && (n != channels || axis < 0 || value->shape.dim[axis] != channels)))
    return FALSE;
  for (gint64 c = 0; c < channels; c++)
    out[c] = ((const float *) value->constant->data)[n == 1 ? 0 : c];
  return TRUE;
}

/* Mul or Add of a constant by channel after a convolution: what is left of a folded batch norm. */
static gboolean
fuse_affine (SagGraph *graph, SagNode *node, GError **error)
{
  gboolean mul = sag_match_is (node, "Mul");

  for (int i = 0; i < 2; i++)
    {
      SagValue *x = sag_node_input (node, i), *k = sag_node_input (node, 1 - i);
      gint64 channels = x->shape.rank >= 3 ? x->shape.dim[1] : 0;
      g_autofree float *a = NULL, *b = NULL;

      if (x->producer == NULL || !sag_match_single (x) || !can_scale (x->producer) || channels == 0
          || !sag_shape_equal (&x->shape, &sag_node_output (node, 0)->shape))
        continue;
      a = g_new (float, channels);
      b = g_new (float, channels);
      if (!by_channel (k, &x->shape, mul ? a : b))
        continue;
      for (gint64 c = 0; c < channels; c++)
        (mul ? b : a)[c] = mul ? 0 : 1;
      if (!scale_conv (graph, x->producer, a, b, channels, error))
        return FALSE;
      sag_node_set_output (x->producer, 0, sag_node_output (node, 0));
      return TRUE;
    }
  return TRUE;
}

/* ---- MatMul + bias ---------------------------------------------------------------------- */

static void
fuse_bias (SagNode *add)
{
  for (int i = 0; i < 2; i++)
    {
      SagValue *x = sag_node_input (add, i), *bias = sag_node_input (add, 1 - i);
      SagNode *product = x->producer;
      gint64 n = x->shape.rank > 0 ? x->shape.dim[x->shape.rank - 1] : 0;

      if (product == NULL || !sag_match_is (product, "MatMul") || product->inputs->len != 2
          || !sag_match_single (x) || product->fused.activation != SAG_ACTIVATION_NONE
          || sag_node_input (product, 1)->constant == NULL || bias->constant == NULL
          || sag_value_count (bias) != n || n == 1 || bias->shape.rank == 0
          || bias->shape.dim[bias->shape.rank - 1] != n || bias->shape.rank > x->shape.rank)
        continue;
      g_ptr_array_add (product->inputs, bias);
      sag_node_set_output (product, 0, sag_node_output (add, 0));
      return;
    }
}

/* ---- padding ---------------------------------------------------------------------------- */

static void
fuse_pad (SagNode *conv)
{
  SagValue *x = sag_node_input (conv, 0), *fill;
  SagNode *pad = x->producer;
  const gint64 *old;
  gint64 pads[2 * SAG_MAX_RANK] = { 0 };
  int n = x->shape.rank - 2, n_old;
  const char *auto_pad = sag_node_get_string (conv, "auto_pad", "NOTSET");

  if (pad == NULL || !sag_match_is (pad, "Pad") || !sag_match_single (x)
      || strcmp (sag_node_get_string (pad, "mode", "constant"), "constant") != 0
      || sag_node_get_float (pad, "value", 0) != 0 || sag_node_input (pad, 3) != NULL
      || (strcmp (auto_pad, "NOTSET") != 0 && strcmp (auto_pad, "VALID") != 0))
    return;
  fill = sag_node_input (pad, 2);
  if (fill != NULL
      && (fill->constant == NULL || sag_value_count (fill) != 1
          || sag_tensor_get_real (fill->constant, 0) != 0))
    return;
  /* the operator's own reading of its pads, whatever the set: sizes tell them apart */
  old = sag_node_get_ints (pad, "pads", &n_old);
  for (int i = 0; i < 2 * (n + 2); i++)
    {
      const SagTensor *given = old == NULL ? sag_node_input (pad, 1)->constant : NULL;
      gint64 amount = old != NULL ? old[i] : sag_tensor_get_int (given, i);
      int axis = i % (n + 2) - 2;

      if (amount < 0 || (axis < 0 && amount != 0))
        return;
      if (axis >= 0)
        pads[i / (n + 2) * n + axis] = amount;
    }
  old = sag_node_get_ints (conv, "pads", &n_old);
  for (int i = 0; i < 2 * n && old != NULL && n_old == 2 * n; i++)
    pads[i] += old[i];
  if (*auto_pad == 'V')
    for (guint i = 0; i < conv->attributes->len; i++)
      if (strcmp (((SagAttribute *) conv->attributes->pdata[i])->name, "auto_pad") == 0)
        g_ptr_array_remove_index (conv->attributes, i--);
  sag_node_set_ints (conv, "pads", pads, 2 * n);
  conv->inputs->pdata[0] = sag_node_input (pad, 0);
  conv->graph->edited = TRUE;
}

/* ---- residuals and activations ---------------------------------------------------------- */

static void
fuse_residual (SagNode *add)
{
  const SagShape *shape = &sag_node_output (add, 0)->shape;

  /* The later operand first: the earlier one is there when it is computed. */
  for (int i = 1; i >= 0; i--)
    {
      SagValue *x = sag_node_input (add, i), *other = sag_node_input (add, 1 - i);
      SagNode *maker = x->producer;

      if (maker == NULL || !(maker->op->fuses & SAG_FUSE_RESIDUAL) || maker->fused.residual
          || maker->fused.activation != SAG_ACTIVATION_NONE || !sag_match_single (x) || other == x
          || x->dtype != SAG_DTYPE_F32 || other->constant != NULL
          || !sag_shape_equal (&x->shape, shape) || !sag_shape_equal (&other->shape, shape))
        continue;
      g_ptr_array_add (maker->inputs, other);
      maker->fused.residual = TRUE;
      sag_node_set_output (maker, 0, sag_node_output (add, 0));
      maker->fused.activation = add->fused.activation;
      maker->fused.alpha = add->fused.alpha;
      maker->fused.beta = add->fused.beta;
      return;
    }
}

/* Only moves elements, and the file says nothing of how they are stored. */
static gboolean
is_move (const SagNode *node)
{
  const SagValue *x = sag_node_input (node, 0), *y = sag_node_output (node, 0);

  return (sag_match_is (node, "Transpose") || sag_match_is (node, "Reshape") || sag_match_is (node, "Flatten")
          || sag_match_is (node, "Squeeze") || sag_match_is (node, "Unsqueeze"))
         && x->quantum.scale == 0 && y->quantum.scale == 0 && x->least >= x->most && y->least >= y->most;
}

/* Into what computes its input, or what that is a transpose of. */
static void
fuse_activation (SagNode *node)
{
  SagValue *x = sag_node_input (node, 0);
  SagNode *maker = x != NULL ? x->producer : NULL, *move = NULL;
  SagFused fused;

  while (maker != NULL && sag_match_single (x) && is_move (maker))
    {
      move = move == NULL ? maker : move;
      x = sag_node_input (maker, 0);
      maker = x->producer;
    }
  if (maker == NULL || !(maker->op->fuses & SAG_FUSE_ACTIVATION)
      || maker->fused.activation != SAG_ACTIVATION_NONE || !sag_match_single (x)
      || x->dtype != SAG_DTYPE_F32 || !sag_node_activation (node, &fused)
      || sag_node_output (maker, 0) != x)
    return;
  fused.residual = maker->fused.residual;
  maker->fused = fused;
  sag_node_set_output (move != NULL ? move : maker, 0, sag_node_output (node, 0));
}

/* Each walk sees the graph as the one before left it. */
static gboolean
walk (SagGraph *graph, int stage, GError **error)
{
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      SagNode *node = graph->nodes->pdata[i];
      gboolean good = TRUE;

      if (stage == 0 && sag_match_is (node, "Conv"))
        fuse_pad (node);
      else if (stage == 0 && sag_match_is (node, "BatchNormalization"))
        good = fuse_batch_norm (graph, node, error);
      else if (stage == 1 && (sag_match_is (node, "Mul") || sag_match_is (node, "Add")))
        good = fuse_affine (graph, node, error);
      else if (stage == 2 && sag_match_is (node, "Add"))
        fuse_bias (node);
      else if (stage == 3)
        fuse_activation (node);
      else if (stage == 4
               && strcmp (node->op->name, "Add") == 0) /* it may have an activation by now */
        fuse_residual (node);
      if (!good)
        return FALSE;
    }
  return sag_graph_settle (graph, error);
}

gboolean
sag_pass_fuse (SagGraph *graph, GError **error)
{
  if (!sag_pass_scan (graph, error) || !sag_pass_pattern (graph, error))
    return FALSE;
  if (!sag_pass_attention (graph, error) || !sag_pass_linear_attention (graph, error))
    return FALSE;
  for (int stage = 0; stage < 5; stage++)
    if ((stage == 2 && !sag_pass_commute (graph, error)) || !walk (graph, stage, error))
      return FALSE;
  return sag_pass_tokens (graph, error) && sag_pass_pieces (graph, error) && sag_pass_scan_near (graph, error);
}
