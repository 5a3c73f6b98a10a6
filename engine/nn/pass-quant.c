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
 *
 * Files quantised "dynamically" (DynamicQuantizeLinear, MatMulInteger or ConvInteger, Cast, Mul by both scales)
 * become the product of floats with integer weights, which itself quantises its input as it runs; where weights
 * have a zero point, one of floats.
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

/* Of a constant of bytes. */
static gint32
byte_at (const SagValue *value, gint64 i)
{
  return value->dtype == SAG_DTYPE_I8 ? ((const gint8 *) value->constant->data)[i]
                                      : ((const guint8 *) value->constant->data)[i];
}

/* (w - zero) * scale as floats, where one number holds for all, or one for each step of the last axis. */
static SagValue *
add_weights (SagGraph *graph, const SagValue *w, const SagValue *zero, const SagValue *scale)
{
  gint64 n = sag_value_count (w), columns = w->shape.rank > 0 ? w->shape.dim[w->shape.rank - 1] : 1;
  gint64 n_zeros = zero != NULL ? sag_value_count (zero) : 1, n_scales = sag_value_count (scale);
  SagTensor *tensor;

  if ((n_zeros != 1 && n_zeros != columns) || (n_scales != 1 && n_scales != columns)
      || (tensor = sag_tensor_new (SAG_DTYPE_F32, &w->shape, NULL)) == NULL)
    return NULL;
  for (gint64 i = 0, column = 0; i < n; i++, column = column + 1 < columns ? column + 1 : 0)
    {
      gint32 offset = zero != NULL ? byte_at (zero, n_zeros == 1 ? 0 : column) : 0;

      ((float *) tensor->owned)[i] = (float) (byte_at (w, i) - offset)
                                     * ((const float *) scale->constant->data)[n_scales == 1 ? 0 : column];
    }
  return sag_graph_add_constant (graph, w->name, tensor);
}

/* `product` of what `quantize` makes, by weights and scales that are known: the same of floats, at `at`. NULL: cannot. */
static SagValue *
lift_product (SagGraph *graph, SagNode *product, const SagNode *quantize, const SagValue *scale, guint at)
{
  gboolean conv = sag_match_is (product, "ConvInteger");
  const SagValue *w = sag_node_input (product, 1), *zero = sag_node_input (product, 3);
  gboolean even = TRUE; /* without a zero point, so that bytes hold them */
  SagValue *weights, *y;
  SagNode *made;

  if (scale == NULL || scale->constant == NULL || scale->dtype != SAG_DTYPE_F32 || w->constant == NULL
      || (zero != NULL && zero->constant == NULL)
      || (conv && (sag_value_count (scale) != 1 || (zero != NULL && sag_value_count (zero) != 1)))
      || (weights = add_weights (graph, w, zero, scale)) == NULL)
    return NULL;
  made = sag_graph_add_node (graph, sag_op_find ("", conv ? "Conv" : "MatMul"), product->name, (int) at);
  made->opset = 13;
  if (conv)
    {
      GPtrArray *own = made->attributes;

      made->attributes = product->attributes;
      product->attributes = own;
    }
  for (gint64 i = 0; zero != NULL && i < sag_value_count (zero); i++)
    even = even && byte_at (zero, i) == 0;
  if (even && w->dtype == SAG_DTYPE_I8)
    {
      weights->stored_bits = 8;
      sag_node_set_int (made, "accuracy_level", 4);
      if (!conv && sag_value_count (scale) == 1)
        sag_node_set_float (made, "weight_scale", *(const float *) scale->constant->data);
    }
  g_ptr_array_add (made->inputs, sag_node_input (quantize, 0));
  g_ptr_array_add (made->inputs, weights);
  y = sag_graph_add_value (graph, product->name);
  y->dtype = SAG_DTYPE_F32;
  y->shape = sag_node_output (product, 0)->shape;
  sag_node_set_output (made, 0, y);
  return y;
}

/* `node` at `at`, a Mul, gives a product of what is quantised as it comes: one of floats takes its place. */
static gboolean
lift_dynamic (SagGraph *graph, SagNode *node, guint at)
{
  for (int i = 0; i < 2; i++)
    {
      SagNode *cast = sag_match_made (sag_node_input (node, i), "Cast"),
              *scales = sag_match_made (sag_node_input (node, 1 - i), "Mul"), *product, *quantize;
      SagValue *q, *sums, *y;

      if (cast == NULL || scales == NULL || sag_node_output (cast, 0)->dtype != SAG_DTYPE_F32)
        continue;
      sums = sag_node_input (cast, 0);
      product = sums->producer;
      if ((!sag_match_is (product, "MatMulInteger") && !sag_match_is (product, "ConvInteger"))
          || !sag_match_single (sums) || !sag_shape_equal (&sag_node_output (node, 0)->shape, &sums->shape))
        continue;
      q = sag_node_input (product, 0);
      quantize = sag_match_made (q, "DynamicQuantizeLinear");
      if (quantize == NULL || sag_node_output (quantize, 0) != q || sag_node_input (product, 2) == NULL
          || sag_node_output (quantize, 2) != sag_node_input (product, 2))
        continue;
      y = lift_product (graph, product, quantize,
                        sag_match_other (scales, sag_node_output (quantize, 1)), at);
      if (y != NULL)
        {
          sag_graph_replace (graph, sag_node_output (node, 0), y);
          return TRUE;
        }
    }
  return FALSE;
}

static void
set_quantum (SagValue *value, const SagQuantum *quantum)
{
  value->quantum = *quantum;
  value->least = (float) -quantum->zero * quantum->scale;
  value->most = (float) (255 - quantum->zero) * quantum->scale;
}

/* Cuts `x`, which a pair stands on, where it comes from a sum, before what only turns it: layers with channels last
 * are written so. The value that stands for the pair. */
static SagValue *
cut_turned (SagGraph *graph, SagValue *x, const SagQuantum *quantum)
{
  SagNode *turn = sag_match_single (x) ? sag_match_made (x, "Transpose") : NULL;
  SagValue *from = turn != NULL ? sag_node_input (turn, 0) : NULL;

  if (is_sum (x->producer))
    return cut (graph, x, quantum);
  if (from == NULL || !sag_match_single (from) || !is_sum (from->producer))
    return x;
  turn->inputs->pdata[0] = cut (graph, from, quantum);
  set_quantum (turn->inputs->pdata[0], quantum);
  return x;
}

gboolean
sag_pass_quant (SagGraph *graph, GError **error)
{
  g_autoptr (GHashTable) done = NULL;
  gboolean lifted = FALSE;

  for (guint i = 0; i < graph->nodes->len; i++)
    if (sag_match_is (graph->nodes->pdata[i], "Mul") && lift_dynamic (graph, graph->nodes->pdata[i], i))
      {
        lifted = TRUE;
        i++;
      }
  if (lifted && !sag_graph_clean (graph, error))
    return FALSE;
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
          result = of_node.zero == 0 || q->index == 0 ? cut_turned (graph, x, &of_node) : x;
          if (result->quantum.scale > 0
              && (result->quantum.scale != of_node.scale || result->quantum.zero != of_node.zero))
            continue;
          set_quantum (result, &of_node);
          g_hash_table_insert (done, quantize, result);
          i += graph->nodes->len - n;
        }
      sag_graph_replace (graph, sag_node_output (node, 0), result);
    }
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      const SagNode *node = graph->nodes->pdata[i];
      const SagValue *x = sag_node_input (node, 0);

      if (sag_match_is (node, "Transpose") && x->quantum.scale > 0 && sag_node_output (node, 0)->quantum.scale == 0)
        set_quantum (sag_node_output (node, 0), &x->quantum);
    }
  return sag_graph_clean (graph, error);
}
