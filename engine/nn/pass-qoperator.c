/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-qoperator.c: files whose operators work on quantised values themselves (QLinearConv and its like, the
 * "QOperator" format) written out as DequantizeLinear, the float operator, QuantizeLinear: pass-quant.c
 * makes quanta of them, and the float operator runs on bytes.
 *
 * Sources: ONNX QLinearConv, QLinearMatMul; com.microsoft QLinearAdd, QLinearMul, QLinearSigmoid,
 * QLinearLeakyRelu, QLinearAveragePool, QLinearGlobalAveragePool, QLinearReduceMean, QLinearSoftmax,
 * QLinearConcat, QLinearWhere, QGemm, and QLinearConv with channels last.
 */
#include "engine/nn/pass-match.h"
#include "engine/nn/passes.h"

#include <string.h>

/* Inputs are (x, scale, zero) times `n`, then scale and zero of the output. */
static const struct
{
  const char *name, *domain, *plain;
  int         n;
} forms[] = {
  { "QLinearConv", "", "Conv", 2 },
  { "QLinearMatMul", "", "MatMul", 2 },
  { "QLinearConv", "com.microsoft", "Conv", 2 },
  { "QLinearAdd", "com.microsoft", "Add", 2 },
  { "QLinearMul", "com.microsoft", "Mul", 2 },
  { "QLinearSigmoid", "com.microsoft", "Sigmoid", 1 },
  { "QLinearLeakyRelu", "com.microsoft", "LeakyRelu", 1 },
  { "QLinearAveragePool", "com.microsoft", "AveragePool", 1 },
  { "QLinearGlobalAveragePool", "com.microsoft", "GlobalAveragePool", 1 },
  { "QLinearReduceMean", "com.microsoft", "ReduceMean", 1 },
  { "QLinearSoftmax", "com.microsoft", "Softmax", 1 },
};

typedef struct
{
  SagGraph *graph;
  int       at; /* where the next node goes */
} Place;

static SagValue *
add_linear (Place *place, const char *op, SagValue *x, SagValue *scale, SagValue *zero, int axis,
            SagValue *result)
{
  SagNode *node = sag_graph_add_node (place->graph, sag_op_find ("", op), x->name, place->at++);

  node->opset = 13;
  g_ptr_array_add (node->inputs, x);
  g_ptr_array_add (node->inputs, scale);
  g_ptr_array_add (node->inputs, zero);
  sag_node_set_int (node, "axis", axis);
  if (result == NULL)
    result = sag_graph_add_value (place->graph, x->name);
  sag_node_set_output (node, 0, result);
  return result;
}

static SagValue *
add_dequantize (Place *place, const SagNode *node, int first, int axis)
{
  return add_linear (place, "DequantizeLinear", sag_node_input (node, first),
                     sag_node_input (node, first + 1), sag_node_input (node, first + 2), axis, NULL);
}

/* An int32 bias is of the scale of its sums: NULL if that is not known now. */
static SagValue *
add_bias (SagGraph *graph, const SagValue *bias, const SagValue *sx, const SagValue *sw)
{
  gint64 n, n_scales;
  SagTensor *tensor;

  if (bias->constant == NULL || bias->dtype != SAG_DTYPE_I32 || sx->constant == NULL
      || sw->constant == NULL || sx->dtype != SAG_DTYPE_F32 || sw->dtype != SAG_DTYPE_F32)
    return NULL;
  n = sag_shape_count (&bias->constant->shape);
  n_scales = sag_shape_count (&sw->constant->shape);
  if ((n_scales != 1 && n_scales != n) || sag_shape_count (&sx->constant->shape) != 1)
    return NULL;
  tensor = sag_tensor_new (SAG_DTYPE_F32, &bias->constant->shape, NULL);
  for (gint64 i = 0; tensor != NULL && i < n; i++)
    ((float *) tensor->owned)[i] =
        (float) ((double) ((const gint32 *) bias->constant->data)[i]
                 * (double) *(const float *) sx->constant->data
                 * (double) ((const float *) sw->constant->data)[n_scales == 1 ? 0 : i]);
  return tensor != NULL ? sag_graph_add_constant (graph, bias->name, tensor) : NULL;
}

/* `node` becomes `plain` with these inputs; its output is quantised behind it. */
static void
become (Place *place, SagNode *node, const SagOp *plain, GPtrArray *inputs, SagValue *scale, SagValue *zero)
{
  SagValue *y = sag_node_output (node, 0), *real = sag_graph_add_value (place->graph, y->name);

  node->op = plain;
  node->opset = (int) CLAMP (sag_node_get_int (node, "opset", 13), 1, 13); /* QLinearSoftmax says whose it is */
  g_ptr_array_set_size (node->inputs, 0);
  g_ptr_array_extend (node->inputs, inputs, NULL, NULL);
  sag_node_set_output (node, 0, real);
  place->at++; /* behind the node */
  add_linear (place, "QuantizeLinear", real, scale, zero, 1, y);
}

static SagValue *
after (const SagNode *node, int i)
{
  return i < (int) node->inputs->len ? sag_node_input (node, i) : NULL;
}

/* TRUE if the node was written out. */
static gboolean
lower (SagGraph *graph, int at)
{
  SagNode *node = graph->nodes->pdata[at];
  g_autoptr (GPtrArray) inputs = g_ptr_array_new ();
  Place place = { graph, at };
  SagValue *x = sag_node_input (node, 0);

  if (sag_node_output (node, 0) == NULL || x == NULL)
    return FALSE;
  for (guint f = 0; f < G_N_ELEMENTS (forms); f++)
    {
      int n = forms[f].n;
      gboolean conv = strcmp (forms[f].plain, "Conv") == 0;
      g_autofree char *last = NULL;
      const SagOp *op;
      SagValue *bias = conv ? after (node, 8) : NULL;

      if (strcmp (node->op->name, forms[f].name) != 0 || strcmp (node->op->domain, forms[f].domain) != 0)
        continue;
      /* Standing alone it has a kernel of its own, exact to the file's last bit. */
      if (forms[f].domain[0] == '\0' && x->producer == NULL)
        return FALSE;
      if (sag_node_get_int (node, "channels_last", 0) != 0)
        last = g_strconcat ("Nhwc", forms[f].plain, NULL);
      op = last != NULL ? sag_op_find ("sagitta", last) : sag_op_find ("", forms[f].plain);
      if (after (node, 3 * n) == NULL || op == NULL
          || (bias != NULL
              && (bias = add_bias (graph, bias, sag_node_input (node, 1), sag_node_input (node, 4))) == NULL))
        return FALSE;
      for (int i = 0; i < n; i++)
        g_ptr_array_add (inputs, add_dequantize (&place, node, 3 * i, conv && i == 1 ? 0 : 1));
      if (bias != NULL)
        g_ptr_array_add (inputs, bias);
      become (&place, node, op, inputs, after (node, 3 * n), after (node, 3 * n + 1));
      return TRUE;
    }
  if (strcmp (node->op->name, "QLinearConcat") == 0 && node->inputs->len >= 5
      && node->inputs->len % 3 == 2)
    {
      for (int i = 2; i + 2 < (int) node->inputs->len; i += 3)
        g_ptr_array_add (inputs, add_dequantize (&place, node, i, 1));
      become (&place, node, sag_op_find ("", "Concat"), inputs, sag_node_input (node, 0), sag_node_input (node, 1));
      return TRUE;
    }
  if (strcmp (node->op->name, "QLinearWhere") == 0 && after (node, 8) != NULL)
    {
      g_ptr_array_add (inputs, x);
      g_ptr_array_add (inputs, add_dequantize (&place, node, 1, 1));
      g_ptr_array_add (inputs, add_dequantize (&place, node, 4, 1));
      become (&place, node, sag_op_find ("", "Where"), inputs, after (node, 7), after (node, 8));
      return TRUE;
    }
  if (strcmp (node->op->name, "QGemm") == 0 && after (node, 7) != NULL && after (node, 8) != NULL)
    {
      SagValue *bias = after (node, 6);

      if (bias != NULL
          && (bias = add_bias (graph, bias, sag_node_input (node, 1), sag_node_input (node, 4))) == NULL)
        return FALSE;
      g_ptr_array_add (inputs, add_dequantize (&place, node, 0, 1));
      g_ptr_array_add (inputs, add_dequantize (&place, node, 3,
                                               sag_node_get_int (node, "transB", 0) != 0 ? 0 : 1));
      if (bias != NULL)
        g_ptr_array_add (inputs, bias);
      become (&place, node, sag_op_find ("", "Gemm"), inputs, after (node, 7), after (node, 8));
      return TRUE;
    }
  return FALSE;
}

/* What only moves bytes between such operators, or takes the largest, moves floats as well. */
static gboolean
lift (SagGraph *graph, int at)
{
  static const char *const movers[] = { "MaxPool", "Transpose", "Reshape", "Flatten", "Squeeze",
                                        "Unsqueeze", "Slice", "Identity" };
  SagNode *node = graph->nodes->pdata[at], *quantize;
  SagValue *x = sag_node_input (node, 0);
  g_autoptr (GPtrArray) inputs = NULL;
  Place place = { graph, at };
  gboolean moves = FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (movers); i++)
    moves = moves || sag_match_is (node, movers[i]);
  moves = moves || strcmp (node->op->name, "NhwcMaxPool") == 0;
  quantize = moves && x != NULL ? x->producer : NULL;
  if (quantize == NULL || !sag_match_is (quantize, "QuantizeLinear") || sag_node_input (quantize, 2) == NULL
      || sag_node_output (node, 1) != NULL || sag_node_output (node, 0) == NULL)
    return FALSE;
  inputs = g_ptr_array_copy (node->inputs, NULL, NULL);
  inputs->pdata[0] = add_linear (&place, "DequantizeLinear", x, sag_node_input (quantize, 1),
                                 sag_node_input (quantize, 2), 1, NULL);
  {
    int opset = node->opset;

    become (&place, node, node->op, inputs, sag_node_input (quantize, 1),
            sag_node_input (quantize, 2));
    node->opset = opset;
  }
  return TRUE;
}

gboolean
sag_pass_qoperator (SagGraph *graph, GError **error)
{
  gboolean changed = FALSE;

  for (int i = 0; i < (int) graph->nodes->len; i++)
    {
      guint n = graph->nodes->len;

      changed = lower (graph, i) || changed;
      i += (int) (graph->nodes->len - n);
    }
  for (int i = 0; changed && i < (int) graph->nodes->len; i++)
    {
      guint n = graph->nodes->len;

      lift (graph, i);
      i += (int) (graph->nodes->len - n);
    }
  return TRUE;
}
