/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-quant.c: files that say of each value how it is quantised (QuantizeLinear and DequantizeLinear
 * around float operators, "QDQ"): the pairs become the quanta of the values they stand on, as if they came
 * from a file of static ranges, and the float operators between them run on bytes.
 *
 * A pair also cuts what lies outside of its range, and exporters leave out a Relu that does no more than
 * that: where a value comes from a sum of products a Clip takes the pair's place, and is fused later. Only
 * where another sum reads the value, and its range does not begin at 0, it is left out, for it would keep
 * the two sums from being one. A pair whose result the network gives stays as it is.
 */
#include "engine/nn/bytes.h"
#include "engine/nn/op-util.h"
#include "engine/nn/ops-pointwise.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/passes.h"

#include <math.h>
#include <string.h>

/* One number for all, of a byte: its quantum, with the zero point as that of uint8_t. */
static gboolean
get_quantum (const SagNode *node, SagDType dtype, SagQuantum *quantum)
{
  const SagValue *scale = sag_node_input (node, 1), *zero = sag_node_input (node, 2);

  if ((dtype != SAG_DTYPE_U8 && dtype != SAG_DTYPE_I8) || scale == NULL || scale->constant == NULL
      || scale->dtype != SAG_DTYPE_F32 || sag_value_count (scale) != 1
      || (zero != NULL && (zero->constant == NULL || sag_value_count (zero) != 1)))
    return FALSE;
  quantum->scale = *(const float *) scale->constant->data;
  quantum->zero = zero != NULL ? (gint32) sag_tensor_get_int (zero->constant, 0) : 0;
  if (dtype == SAG_DTYPE_I8)
    quantum->zero += 128;
  return quantum->scale > 0 && isfinite (quantum->scale) && quantum->zero >= 0 && quantum->zero <= 255;
}

static SagValue *
add_number (SagGraph *graph, const char *name, float number)
{
  SagTensor *tensor = sag_tensor_new (SAG_DTYPE_F32, &(SagShape){ 0 }, NULL);
  SagValue *value;

  *(float *) tensor->owned = number;
  value = sag_graph_add_constant (graph, name, tensor);
  return value;
}

/* Sums of products, whose exporter may have let the pair do a Relu's work. */
static gboolean
is_sum (const SagNode *node)
{
  static const char *const names[] = { "Conv", "ConvTranspose", "MatMul", "Gemm", "Add",
                                       "BatchNormalization", "Relu", "Clip" };

  for (guint i = 0; node != NULL && i < G_N_ELEMENTS (names); i++)
    if (sag_match_is (node, names[i]))
      return TRUE;
  return FALSE;
}

/* `x` cut to the range of the quantum: a Clip of it, which a Relu or Clip that only made x becomes part
 * of. */
static SagValue *
cut (SagGraph *graph, SagValue *x, const SagQuantum *quantum)
{
  float least = (float) -quantum->zero * quantum->scale;
  float most = (float) (255 - quantum->zero) * quantum->scale;
  SagNode *maker = x->producer, *clip;
  SagValue *from = x, *result;
  SagFused known;
  int at = 0;

  if (sag_match_single (x) && sag_node_activation (maker, &known)
      && (known.activation == SAG_ACTIVATION_RELU || known.activation == SAG_ACTIVATION_CLIP))
    {
      from = sag_node_input (maker, 0);
      least = MAX (least, known.activation == SAG_ACTIVATION_RELU ? 0 : known.alpha);
      if (known.activation == SAG_ACTIVATION_CLIP)
        most = MIN (most, known.beta);
    }
  while (graph->nodes->pdata[at] != maker)
    at++;
  clip = sag_graph_add_node (graph, sag_op_find ("", "Clip"), x->name, at + 1);
  clip->opset = 13;
  g_ptr_array_add (clip->inputs, from);
  g_ptr_array_add (clip->inputs, add_number (graph, x->name, least));
  g_ptr_array_add (clip->inputs, add_number (graph, x->name, most));
  result = sag_graph_add_value (graph, x->name);
  result->dtype = SAG_DTYPE_F32;
  result->shape = x->shape;
  sag_node_set_output (clip, 0, result);
  return result;
}

/* Whether there are weights to run on bytes: other files keep their pairs as they are. */
static gboolean
has_stored_weights (const SagGraph *graph)
{
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      const SagNode *node = graph->nodes->pdata[i];
      const SagValue *w = sag_node_input (node, 1);

      if ((node->op->flags & SAG_OP_WEIGHTED) && w != NULL && w->constant != NULL && w->stored_bits > 0)
        return TRUE;
    }
  return FALSE;
}

/* index: 1 of quantised values that an Add reads, 2 of values that the network gives. */
static void
mark_uses (SagGraph *graph)
{
  for (guint i = 0; i < graph->values->len; i++)
    ((SagValue *) graph->values->pdata[i])->index = 0;
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      const SagNode *node = graph->nodes->pdata[i];

      for (int j = 0; sag_match_is (node, "Add") && j < 2; j++)
        {
          const SagNode *maker = sag_node_input (node, j) != NULL ? sag_node_input (node, j)->producer : NULL;

          if (sag_match_is (maker, "DequantizeLinear") && sag_node_input (maker, 0) != NULL)
            sag_node_input (maker, 0)->index = 1;
        }
    }
  for (guint i = 0; i < graph->outputs->len; i++)
    ((SagValue *) graph->outputs->pdata[i])->index = 2;
}

gboolean
sag_pass_quant (SagGraph *graph, GError **error)
{
  g_autoptr (GHashTable) done = NULL;

  if (!has_stored_weights (graph))
    return TRUE;
  mark_uses (graph);
  done = g_hash_table_new (NULL, NULL); /* Quantize node -> value that stands for it */
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      SagNode *node = graph->nodes->pdata[i], *quantize;
      SagValue *q, *x, *result;
      SagQuantum of_node, of_quantize;

      if (!sag_match_is (node, "DequantizeLinear"))
        continue;
      q = sag_node_input (node, 0);
      quantize = q->producer;
      if (quantize == NULL || !sag_match_is (quantize, "QuantizeLinear")
          || !get_quantum (node, q->dtype, &of_node) || !get_quantum (quantize, q->dtype, &of_quantize)
          || of_node.scale != of_quantize.scale || of_node.zero != of_quantize.zero
          || sag_node_output (node, 0)->index == 2)
        continue;
      x = sag_node_input (quantize, 0);
      result = g_hash_table_lookup (done, quantize);
      if (result == NULL)
        {
          guint n = graph->nodes->len;

          if (x->constant != NULL)
            continue;
          result = is_sum (x->producer) && (of_node.zero == 0 || q->index == 0) ? cut (graph, x, &of_node) : x;
          if (result->quantum.scale > 0
              && (result->quantum.scale != of_node.scale || result->quantum.zero != of_node.zero))
            continue;
          result->quantum = of_node;
          result->least = (float) -of_node.zero * of_node.scale;
          result->most = (float) (255 - of_node.zero) * of_node.scale;
          g_hash_table_insert (done, quantize, result);
          i += graph->nodes->len - n;
        }
      sag_graph_replace (graph, sag_node_output (node, 0), result);
    }
  return sag_graph_clean (graph, error);
}
