/* SPDX-License-Identifier: Apache-2.0
 *
 * shrink-store.c: weights stored in eight or four bits.
 */
#include "engine/nn/shrink.h"

#include "engine/base/error.h"
#include "engine/nn/onnx-write.h"

#include <math.h>
#include <string.h>

enum
{
  BLOCK = 32,        /* weights that share an INT4 scale */
  LEAST_INT4 = 2048, /* a layer of fewer weights is stored at INT8 */
};

static float
round_even (float x)
{
  return nearbyintf (x);
}

/* The scale of `limit` levels with the least squared error among a few below the greatest. */
static float
find_scale (const float *values, gint64 first, gint64 step, int n, int limit)
{
  float  most = 0, best_scale = 0;
  double best = INFINITY;

  for (int c = 0; c < n; c++)
    most = MAX (most, fabsf (values[first + c * step]));
  if (most == 0)
    return 1;
  for (int trial = 0; trial < (limit > 7 ? 1 : 9); trial++)
    {
      float  scale = most * (1 - 0.04f * (float) trial) / (float) limit;
      double error = 0;

      for (int c = 0; c < n; c++)
        {
          float v = values[first + c * step];
          float q = CLAMP (round_even (v / scale), (float) -limit, (float) limit);

          error += ((double) v - (double) q * scale) * ((double) v - (double) q * scale);
        }
      if (error < best)
        {
          best = error;
          best_scale = scale;
        }
    }
  return best_scale;
}

/* One scale for each place along `axis`. */
static void
quantise_channels (const SagTensor *w, int axis, gint8 *out, float *scales)
{
  gint64 inner = sag_shape_product (&w->shape, axis + 1, w->shape.rank), n = w->shape.dim[axis];
  gint64 count = sag_shape_count (&w->shape);
  const float *values = w->data;

  for (gint64 c = 0; c < n; c++)
    scales[c] = 0;
  for (gint64 i = 0; i < count; i++)
    scales[i / inner % n] = MAX (scales[i / inner % n], fabsf (values[i]));
  for (gint64 c = 0; c < n; c++)
    scales[c] = scales[c] > 0 ? scales[c] / 127 : 1;
  for (gint64 i = 0; i < count; i++)
    out[i] = (gint8)CLAMP (round_even (values[i] / scales[i / inner % n]), -127.f, 127.f);
}

/* [rows][n] or, transposed, [n][rows]: one scale for each BLOCK along n. */
static void
quantise_blocks (
    const float *values, int rows, int n, gboolean transposed, gint8 *out, float *scales)
{
  int    blocks = (n + BLOCK - 1) / BLOCK;
  gint64 row_step = transposed ? 1 : n, step = transposed ? rows : 1;

  for (int r = 0; r < rows; r++)
    for (int b = 0; b < blocks; b++)
      {
        int    length = MIN (BLOCK, n - b * BLOCK);
        gint64 first = r * row_step + b * BLOCK * step;
        float  scale = find_scale (values, first, step, length, 7);

        scales[transposed ? (gint64) b * rows + r : (gint64) r * blocks + b] = scale;
        for (int c = 0; c < length; c++)
          out[first + c * step] =
              (gint8)CLAMP (round_even (values[first + c * step] / scale), -7.f, 7.f);
      }
}

static SagTensor *
make (SagDType dtype, int rank, const gint64 *dims, GError **error)
{
  SagShape shape = { .rank = rank };

  memcpy (shape.dim, dims, sizeof *dims * (gsize) rank);
  return sag_tensor_new (dtype, &shape, error);
}

/* DequantizeLinear (and a Reshape, where the stored shape is another) in front of node `at`;
 * returns how many nodes. Takes the tensors. */
static int
insert_dequantise (SagOnnxModel   *model,
                   int             at,
                   gint64          type,
                   SagTensor      *stored,
                   SagTensor      *scales,
                   int             axis,
                   int             block,
                   const SagShape *shape,
                   GError        **error)
{
  SagOnnxNode     *node = model->nodes->pdata[at], *dequantise;
  g_autofree char *weight = g_strdup (sag_onnx_node_input (node, 1));
  g_autofree char *name = g_strconcat (weight, ".stored", NULL);
  g_autofree char *scale = g_strconcat (weight, ".scale", NULL);
  g_autofree char *output = g_strconcat (weight, ".restored", NULL);

  sag_onnx_model_add (model, name, type, stored);
  sag_onnx_model_add (model, scale, SAG_ONNX_FLOAT, scales);
  dequantise = sag_onnx_model_insert (model, at, "DequantizeLinear", output);
  sag_onnx_node_set_input (dequantise, 0, name);
  sag_onnx_node_set_input (dequantise, 1, scale);
  sag_onnx_node_set_int (dequantise, "axis", axis);
  if (block > 0)
    sag_onnx_node_set_int (dequantise, "block_size", block);
  g_ptr_array_add (dequantise->outputs, g_strdup (output));
  sag_onnx_node_set_input (node, 1, output);
  if (shape != NULL)
    {
      SagOnnxNode     *reshape = sag_onnx_model_insert (model, at + 1, "Reshape", "");
      g_autofree char *to = g_strconcat (weight, ".shape", NULL);
      g_autofree char *shaped = g_strconcat (weight, ".shaped", NULL);
      SagTensor       *target = make (SAG_DTYPE_I64, 1, (gint64[]){ shape->rank }, error);

      if (target == NULL)
        return -1;
      memcpy (target->owned, shape->dim, sizeof *shape->dim * (gsize) shape->rank);
      sag_onnx_model_add (model, to, SAG_ONNX_INT64, target);
      sag_onnx_node_set_input (reshape, 0, output);
      sag_onnx_node_set_input (reshape, 1, to);
      g_ptr_array_add (reshape->outputs, g_strdup (shaped));
      sag_onnx_node_set_input (node, 1, shaped);
      return 2;
    }
  return 1;
}

static int
store_int8 (SagOnnxModel *model, int at, const SagTensor *w, int axis, GError **error)
{
  SagTensor *stored = make (SAG_DTYPE_I8, w->shape.rank, w->shape.dim, error);
  SagTensor *scales = make (SAG_DTYPE_F32, 1, &w->shape.dim[axis], error);

  if (stored == NULL || scales == NULL)
    {
      sag_tensor_free (stored);
      sag_tensor_free (scales);
      return -1;
    }
  quantise_channels (w, axis, stored->owned, scales->owned);
  return insert_dequantise (model, at, SAG_ONNX_INT8, stored, scales, axis, 0, NULL, error);
}

/* Rows of outputs [o][n], or columns [n][o] if `transposed` (MatMul). */
static int
store_int4 (SagOnnxModel *model, int at, const SagTensor *w, gboolean transposed, GError **error)
{
  gint64     o = w->shape.dim[transposed ? 1 : 0], n = sag_shape_count (&w->shape) / o;
  gint64     blocks = (n + BLOCK - 1) / BLOCK;
  gint64     dims[2] = { transposed ? n : o, transposed ? o : n };
  gint64     scale_dims[2] = { transposed ? blocks : o, transposed ? o : blocks };
  SagShape   shape = w->shape;
  SagTensor *stored = make (SAG_DTYPE_I8, 2, dims, error);
  SagTensor *scales = make (SAG_DTYPE_F32, 2, scale_dims, error);

  if (stored == NULL || scales == NULL)
    {
      sag_tensor_free (stored);
      sag_tensor_free (scales);
      return -1;
    }
  quantise_blocks (w->data, (int) o, (int) n, transposed, stored->owned, scales->owned);
  return insert_dequantise (model, at, SAG_ONNX_INT4, stored, scales, transposed ? 0 : 1, BLOCK,
                            shape.rank > 2 ? &shape : NULL, error);
}

/* The weight of a layer that is to be stored, or NULL. */
static SagOnnxWeight *
get_weight (const SagOnnxModel *model, const SagOnnxNode *node)
{
  static const char *const ops[] = { "Conv", "ConvTranspose", "Gemm", "MatMul", NULL };
  SagOnnxWeight           *weight;

  if (*node->domain != '\0' || !g_strv_contains (ops, node->op))
    return NULL;
  weight = sag_onnx_model_find (model, sag_onnx_node_input (node, 1));
  return weight != NULL && weight->type == SAG_ONNX_FLOAT
                 && (strstr (node->op, "Conv") != NULL ? weight->tensor->shape.rank > 2
                                                       : weight->tensor->shape.rank == 2)
             ? weight
             : NULL;
}

/* The axis of the weight that counts what comes out. */
static int
get_output_axis (const SagOnnxNode *node)
{
  if (strcmp (node->op, "MatMul") == 0)
    return 1;
  if (strcmp (node->op, "Gemm") == 0)
    return sag_onnx_node_get_int (node, "transB", 0) == 0;
  return strcmp (node->op, "ConvTranspose") == 0 && sag_onnx_node_get_int (node, "group", 1) == 1;
}

int
sag_shrink_store (SagOnnxModel *model, SagPrecision precision, GPtrArray *notes, GError **error)
{
  const SagOnnxNode *first = NULL, *last = NULL;
  int                n_stored = 0;

  if (!sag_onnx_model_raise_opset (model, precision == SAG_PRECISION_INT4 ? 21 : 13, error))
    return -1;
  for (guint n = 0; n < model->nodes->len; n++)
    if (get_weight (model, model->nodes->pdata[n]) != NULL)
      {
        last = model->nodes->pdata[n];
        first = first == NULL ? last : first;
      }
  for (int n = 0; n < (int) model->nodes->len; n++)
    {
      const SagOnnxNode *node = model->nodes->pdata[n];
      SagOnnxWeight     *weight = get_weight (model, node);
      gboolean           narrow = precision == SAG_PRECISION_INT4 && node != first && node != last;
      int                axis = get_output_axis (node), added;

      if (weight == NULL)
        continue;
      if (sag_onnx_model_count_readers (model, weight->name) > 1)
        {
          if (notes != NULL)
            g_ptr_array_add (notes, g_strdup_printf ("The weight of '%s' stays float: others share "
                                                     "it",
                                                     node->name));
          continue;
        }
      /* The engine too leaves more bits to the first and the last layer, and to those that sum over
       * one channel only; small layers are worth few bytes and lose most. */
      if (narrow && strcmp (node->op, "ConvTranspose") != 0
          && weight->tensor->shape.dim[1 - axis] > 1
          && sag_shape_count (&weight->tensor->shape) >= LEAST_INT4)
        added = store_int4 (model, n, weight->tensor, axis == 1, error);
      else
        added = store_int8 (model, n, weight->tensor, axis, error);
      if (added < 0)
        return -1;
      n += added;
      n_stored++;
    }
  sag_onnx_model_clean (model);
  return n_stored;
}
