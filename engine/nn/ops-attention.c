/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-attention.c: attention as one operator, written out as products and a softmax: Attention and
 * RotaryEmbedding (ONNX set 23), Attention and MultiHeadAttention (com.microsoft).
 */
#include "engine/nn/build.h"
#include "engine/nn/op-util.h"

#include <math.h>
#include <string.h>

/* [B, S, heads D] as [B, heads, S, D]. */
static SagValue *
split_heads (SagBuild *b, SagValue *x, gint64 batch, gint64 length, gint64 heads, gint64 depth)
{
  static const gint64 turn[] = { 0, 2, 1, 3 };

  x = sag_build_reshape (b, x, 4, (gint64[]){ batch, length, heads, depth });
  return sag_build_transpose (b, x, 4, turn);
}

/* and back. */
static SagValue *
join_heads (SagBuild *b, SagValue *x, gint64 batch, gint64 length, gint64 width)
{
  static const gint64 turn[] = { 0, 2, 1, 3 };

  x = sag_build_transpose (b, x, 4, turn);
  return sag_build_reshape (b, x, 3, (gint64[]){ batch, length, width });
}

/* Every head `times` times in a row: grouped queries. */
static SagValue *
repeat_heads (SagBuild *b, SagValue *x, gint64 batch, gint64 heads, gint64 times, gint64 length,
              gint64 depth)
{
  if (times == 1)
    return x;
  x = sag_build_reshape (b, x, 5, (gint64[]){ batch, heads, 1, length, depth });
  x = sag_build (b, "Expand", 2, x,
                 sag_build_ints (b, 5, (gint64[]){ batch, heads, times, length, depth }));
  return sag_build_reshape (b, x, 4, (gint64[]){ batch, heads * times, length, depth });
}

/* [rows, columns]: 0 where key j may be seen by query i (j <= i + past), -infinity elsewhere. */
static SagValue *
causal_mask (SagBuild *b, gint64 rows, gint64 columns, gint64 past)
{
  SagValue *mask;
  float *to = sag_build_floats (b, &(SagShape){ 2, { rows, columns } }, &mask);

  for (gint64 i = 0; to != NULL && i < rows; i++)
    for (gint64 j = 0; j < columns; j++)
      *to++ = j <= i + past ? 0 : -INFINITY;
  return to != NULL ? mask : NULL;
}

/* softmax (scale q kᵀ + mask) v, all [B, heads, length, depth]. */
static SagValue *
attend (SagBuild *b, SagValue *q, SagValue *k, SagValue *v, float scale, SagValue *mask,
        SagValue *causal, float softcap)
{
  static const gint64 turn[] = { 0, 1, 3, 2 };
  SagValue *scores = sag_build (b, "MatMul", 2, q, sag_build_transpose (b, k, 4, turn));

  scores = sag_build (b, "Mul", 2, scores, sag_build_number (b, scale));
  if (softcap > 0)
    {
      scores = sag_build (b, "Mul", 2, scores, sag_build_number (b, 1 / softcap));
      scores = sag_build (b, "Mul", 2, sag_build (b, "Tanh", 1, scores),
                          sag_build_number (b, softcap));
    }
  if (mask != NULL && mask->dtype == SAG_DTYPE_BOOL)
    mask = sag_build (b, "Where", 3, mask, sag_build_number (b, 0),
                      sag_build_number (b, -INFINITY));
  if (mask != NULL)
    scores = sag_build (b, "Add", 2, scores, mask);
  if (causal != NULL)
    scores = sag_build (b, "Add", 2, scores, causal);
  return sag_build (b, "MatMul", 2, sag_build (b, "Softmax", 1, scores), v);
}

/* Inputs: q, k, v, mask, past key, past value. Outputs: y, key, value. */
static gboolean
expand_attention (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  SagValue *v[3], *mask = sag_node_input (node, 3), *causal = NULL, *y;
  gint64 heads[3], length[3], depth[3], past = 0, batch;
  gboolean flat;
  float scale;

  if (!sag_node_arity (node, 3, error))
    return FALSE;
  if (sag_node_output (node, 3) != NULL)
    return sag_node_unsupported (node, error, "its scores cannot be given as an output");
  flat = sag_node_input (node, 0)->shape.rank == 3;
  batch = sag_node_input (node, 0)->shape.rank > 0 ? sag_node_input (node, 0)->shape.dim[0] : 0;
  for (int i = 0; i < 3; i++)
    {
      const SagShape *shape = &sag_node_input (node, i)->shape;

      v[i] = sag_node_input (node, i);
      if (!sag_node_want_float (node, i, error))
        return FALSE;
      if (shape->rank != (flat ? 3 : 4) || shape->dim[0] != batch)
        return sag_node_invalid (node, error, "q, k and v do not fit each other");
      heads[i] = flat ? sag_node_get_int (node, i == 0 ? "q_num_heads" : "kv_num_heads", 0)
                      : shape->dim[1];
      if (heads[i] < 1 || shape->dim[2] % (flat ? heads[i] : 1) != 0)
        return sag_node_invalid (node, error, "it has no number of heads that fits");
      length[i] = shape->dim[flat ? 1 : 2];
      depth[i] = flat ? shape->dim[2] / heads[i] : shape->dim[3];
      if (flat)
        v[i] = split_heads (&b, v[i], batch, length[i], heads[i], depth[i]);
    }
  if (heads[1] != heads[2] || heads[0] % heads[1] != 0 || depth[0] != depth[1]
      || length[1] != length[2])
    return sag_node_invalid (node, error, "q, k and v do not fit each other");
  for (int i = 1; i < 3; i++)
    {
      SagValue *before = sag_node_input (node, 3 + i);

      if (before != NULL && before->shape.rank == 4)
        {
          past = before->shape.dim[2];
          v[i] = sag_build (&b, "Concat", 2, before, v[i]);
          sag_node_set_int (v[i]->producer, "axis", 2);
          length[i] += past;
        }
      sag_build_end (&b, i, v[i]);
      v[i] = repeat_heads (&b, v[i], batch, heads[i], heads[0] / heads[i], length[i], depth[i]);
    }
  if (sag_node_get_int (node, "is_causal", 0) != 0)
    {
      causal = causal_mask (&b, length[0], length[1], past);
      if (causal == NULL)
        return sag_node_invalid (node, error, "its mask is too large");
    }
  scale = sag_node_get_float (node, "scale", 0);
  if (scale == 0)
    scale = 1 / sqrtf ((float) MAX (1, depth[0]));
  y = attend (&b, v[0], v[1], v[2], scale, mask, causal, sag_node_get_float (node, "softcap", 0));
  if (flat)
    y = join_heads (&b, y, batch, length[0], heads[0] * depth[2]);
  sag_build_end (&b, 0, y);
  return TRUE;
}

/* com.microsoft. MultiHeadAttention: q, k, v, bias, padding mask, score bias. Attention: x, weights,
 * bias, mask, past, score bias. */
static gboolean
expand_many_heads (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  gboolean own = strcmp (node->op->name, "Attention") == 0; /* brings its projections */
  gint64 heads = sag_node_get_int (node, "num_heads", 0), batch, widths[3];
  SagValue *x = sag_node_input (node, 0), *bias, *v[3], *causal = NULL, *y;
  float scale;

  if (!sag_node_arity (node, own ? 2 : 3, error))
    return FALSE;
  for (int i = own ? 3 : 4; i < (int) node->inputs->len; i++)
    if (sag_node_input (node, i) != NULL && i != 5)
      return sag_node_unsupported (node, error, "masks by length and past keys are not supported");
  bias = sag_node_input (node, own ? 2 : 3);
  if (own)
    {
      SagValue *w = sag_node_input (node, 1);
      int n;
      const gint64 *sizes = sag_node_get_ints (node, "qkv_hidden_sizes", &n);

      if (w->shape.rank != 2)
        return sag_node_invalid (node, error, "its weights are no matrix");
      for (int i = 0; i < 3; i++)
        widths[i] = sizes != NULL && n == 3 ? sizes[i] : w->shape.dim[1] / 3;
      x = sag_build (&b, "MatMul", 2, x, w);
      if (bias != NULL)
        x = sag_build (&b, "Add", 2, x, bias);
    }
  else
    for (int i = 0; i < 3; i++)
      {
        v[i] = sag_node_input (node, i);
        if (v[i]->shape.rank != 3)
          return sag_node_unsupported (node, error, "q, k and v must have three dimensions");
        widths[i] = v[i]->shape.dim[2];
      }
  if (sag_node_input (node, 0)->shape.rank != 3 || heads < 1)
    return sag_node_invalid (node, error, "its input or its number of heads is not right");
  batch = sag_node_input (node, 0)->shape.dim[0];
  for (gint64 i = 0, from = 0; i < 3; from += widths[i++])
    {
      if (widths[i] < 1 || widths[i] % heads != 0)
        return sag_node_invalid (node, error, "its heads do not divide its width");
      if (own)
        v[i] = sag_build_slice (&b, x, 2, from, from + widths[i]);
      else if (bias != NULL)
        v[i] = sag_build (&b, "Add", 2, v[i], sag_build_slice (&b, bias, 0, from, from + widths[i]));
      v[i] = split_heads (&b, v[i], batch, -1, heads, widths[i] / heads);
    }
  if (sag_node_get_int (node, "unidirectional", 0) != 0)
    {
      gint64 n = sag_node_input (node, 0)->shape.dim[1];

      causal = causal_mask (&b, n, own ? n : sag_node_input (node, 1)->shape.dim[1], 0);
      if (causal == NULL)
        return sag_node_invalid (node, error, "its mask is too large");
    }
  scale = sag_node_get_float (node, "scale", 0);
  if (scale == 0)
    scale = 1 / sqrtf ((float) (widths[0] / heads));
  y = attend (&b, v[0], v[1], v[2], scale, sag_node_input (node, 5), causal, 0);
  sag_build_end (&b, 0, join_heads (&b, y, batch, -1, widths[2]));
  return TRUE;
}

/* x [B, heads, S, D] or [B, S, heads D], cosines and sines [B, S, D/2], or [positions, D/2] and the
 * position of each token. Pairs are halves, or neighbours where `interleaved`. */
static gboolean
expand_rotary (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  SagValue *x = sag_node_input (node, 0), *positions = sag_node_input (node, 3), *part[2], *y, *rest;
  SagValue *table[2];
  gboolean flat, interleaved = sag_node_get_int (node, "interleaved", 0) != 0;
  gint64 batch, heads, length, depth, turned;

  if (!sag_node_arity (node, 3, error) || !sag_node_want_float (node, 0, error))
    return FALSE;
  flat = x->shape.rank == 3;
  if (!flat && x->shape.rank != 4)
    return sag_node_invalid (node, error, "its input must have three or four dimensions");
  batch = x->shape.dim[0];
  heads = flat ? sag_node_get_int (node, "num_heads", 0) : x->shape.dim[1];
  length = x->shape.dim[flat ? 1 : 2];
  if (heads < 1 || (flat && x->shape.dim[2] % heads != 0))
    return sag_node_invalid (node, error, "it has no number of heads that fits");
  depth = flat ? x->shape.dim[2] / heads : x->shape.dim[3];
  turned = sag_node_get_int (node, "rotary_embedding_dim", 0);
  if (turned == 0)
    turned = depth;
  if (turned < 2 || turned > depth || turned % 2 != 0)
    return sag_node_invalid (node, error, "its rotary dimension does not fit");
  if (flat)
    x = split_heads (&b, x, batch, length, heads, depth);
  rest = turned < depth ? sag_build_slice (&b, x, 3, turned, depth) : NULL;
  if (turned < depth)
    x = sag_build_slice (&b, x, 3, 0, turned);
  for (int i = 0; i < 2; i++)
    {
      table[i] = sag_node_input (node, 1 + i);
      if (positions != NULL)
        table[i] = sag_build (&b, "Gather", 2, table[i], positions);
      table[i] = sag_build_reshape (&b, table[i], 4, (gint64[]){ -1, 1, length, turned / 2 });
    }
  if (interleaved)
    {
      x = sag_build_reshape (&b, x, 5, (gint64[]){ batch, heads, length, turned / 2, 2 });
      for (int i = 0; i < 2; i++)
        part[i] = sag_build_reshape (&b, sag_build_slice (&b, x, 4, i, i + 1), 4,
                                     (gint64[]){ batch, heads, length, turned / 2 });
    }
  else
    for (int i = 0; i < 2; i++)
      part[i] = sag_build_slice (&b, x, 3, i * turned / 2, (i + 1) * turned / 2);
  x = sag_build (&b, "Sub", 2, sag_build (&b, "Mul", 2, part[0], table[0]),
                 sag_build (&b, "Mul", 2, part[1], table[1]));
  y = sag_build (&b, "Add", 2, sag_build (&b, "Mul", 2, part[0], table[1]),
                 sag_build (&b, "Mul", 2, part[1], table[0]));
  if (interleaved)
    {
      gint64 pair[5] = { batch, heads, length, turned / 2, 1 };

      x = sag_build_reshape (&b, x, 5, pair);
      y = sag_build_reshape (&b, y, 5, pair);
    }
  x = sag_build (&b, "Concat", 2, x, y);
  sag_node_set_int (x->producer, "axis", -1);
  if (interleaved)
    x = sag_build_reshape (&b, x, 4, (gint64[]){ batch, heads, length, turned });
  if (rest != NULL)
    {
      x = sag_build (&b, "Concat", 2, x, rest);
      sag_node_set_int (x->producer, "axis", -1);
    }
  if (flat)
    x = join_heads (&b, x, batch, length, heads * depth);
  sag_build_end (&b, 0, x);
  return TRUE;
}

const SagOp sag_ops_attention[] = {
  { "Attention", "", .expand = expand_attention },
  { "RotaryEmbedding", "", .expand = expand_rotary },
  { "Attention", "com.microsoft", .expand = expand_many_heads },
  { "MultiHeadAttention", "com.microsoft", .expand = expand_many_heads },
  { NULL },
};
