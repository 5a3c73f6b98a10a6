/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-compound.c: operators that are written out as simpler ones when the graph is folded; those of
 * com.microsoft are what ONNX Runtime's own optimizer leaves in a file (its ContribOperators.md).
 */
#include "engine/nn/build.h"
#include "engine/nn/op-util.h"

#include <string.h>

/* (x - mean) / (deviation + 1e-9) */
static gboolean
expand_mean_variance (SagNode *node, int at, GError **error)
{
  static const gint64 usual[] = { 0, 2, 3 };
  SagBuild b = { node, at };
  SagValue *x = sag_node_input (node, 0), *centred, *y;
  int n;
  const gint64 *axes = sag_node_get_ints (node, "axes", &n);

  if (!sag_node_arity (node, 1, error) || !sag_node_want_float (node, 0, error))
    return FALSE;
  SagValue *over = axes != NULL ? sag_build_ints (&b, n, axes) : sag_build_ints (&b, 3, usual);
  centred = sag_build (&b, "Sub", 2, x, sag_build (&b, "ReduceMean", 2, x, over));
  y = sag_build (&b, "Mul", 2, centred, centred);
  y = sag_build (&b, "Sqrt", 1, sag_build (&b, "ReduceMean", 2, y, over));
  y = sag_build (&b, "Add", 2, y, sag_build_number (&b, 1e-9f));
  sag_build_end (&b, 0, sag_build (&b, "Div", 2, centred, y));
  return TRUE;
}

gboolean
sag_expand_bias_gelu (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  gboolean fast = *node->op->name == 'F';
  SagValue *x = sag_node_input (node, 0), *bias = sag_node_input (node, 1);

  if (fast && bias == NULL)
    return TRUE;
  if (!sag_node_arity (node, 2, error))
    return FALSE;
  x = sag_build (&b, "Add", 2, x, bias);
  x = fast ? sag_build_in (&b, "com.microsoft", "FastGelu", 1, x) : sag_build (&b, "Gelu", 1, x);
  sag_build_end (&b, 0, x);
  return TRUE;
}

/* Conv (x, w, b) + z, then an activation. */
static gboolean
expand_fused_conv (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  SagValue *z = sag_node_input (node, 3), *y;
  const SagAttribute *params = sag_node_attribute (node, "activation_params");
  g_autofree char *name = g_strdup (sag_node_get_string (node, "activation", ""));
  float alpha, beta;

  if (!sag_node_arity (node, 2, error))
    return FALSE;
  alpha = params != NULL && params->n > 0 && params->floats != NULL ? params->floats[0] : 0;
  beta = params != NULL && params->n > 1 && params->floats != NULL ? params->floats[1] : 0;
  y = sag_build (&b, "Conv", 3, sag_node_input (node, 0), sag_node_input (node, 1),
                 sag_node_input (node, 2));
  sag_build_move_attributes (&b, y->producer);
  if (z != NULL)
    y = sag_build (&b, "Add", 2, y, z);
  if (*name != '\0')
    y = sag_build_activation (&b, name, alpha, beta, y);
  if (y == NULL)
    return sag_node_unsupported (node, error, "its activation is unknown");
  sag_build_end (&b, 0, y);
  return TRUE;
}

static gboolean
expand_fused_gemm (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  g_autofree char *name = g_strdup (sag_node_get_string (node, "activation", ""));
  float alpha = sag_node_get_float (node, "activation_alpha", 0),
        beta = sag_node_get_float (node, "activation_beta", 0);
  SagValue *y;

  if (!sag_node_arity (node, 2, error))
    return FALSE;
  y = sag_build (&b, "Gemm", 3, sag_node_input (node, 0), sag_node_input (node, 1),
                 sag_node_input (node, 2));
  sag_build_move_attributes (&b, y->producer);
  if (*name != '\0')
    y = sag_build_activation (&b, name, alpha, beta, y);
  if (y == NULL)
    return sag_node_unsupported (node, error, "its activation is unknown");
  sag_build_end (&b, 0, y);
  return TRUE;
}

/* alpha op (a) op (b), where op may turn the last two axes, after transBatch has put axis 0 before the last;
 * a stack of turned a is turned first. */
gboolean
sag_expand_fused_matmul (SagNode *node, int at, GError **error)
{
  static const char *const turns[] = { "transA", "transB" }, *const moves[] = { "transBatchA", "transBatchB" };
  SagBuild b = { node, at };
  SagValue *v[2], *y;
  float alpha = sag_node_get_float (node, "alpha", 1);
  gboolean move[2], turn[2];

  if (!sag_node_arity (node, 2, error))
    return FALSE;
  for (int i = 0; i < 2; i++)
    {
      int rank = sag_node_input (node, i)->shape.rank;

      move[i] = rank > 2 && sag_node_get_int (node, moves[i], 0) != 0;
      turn[i] = rank > 1 && sag_node_get_int (node, turns[i], 0) != 0;
    }
  if (!move[0] && !move[1] && (!turn[0] || sag_node_input (node, 0)->shape.rank < 3))
    return TRUE;
  for (int i = 0; i < 2; i++)
    {
      gint64 perm[SAG_MAX_RANK], last;
      int rank;

      v[i] = sag_node_input (node, i);
      rank = v[i]->shape.rank;
      if (!move[i] && !turn[i])
        continue;
      for (int k = 0; k < rank; k++)
        perm[k] = move[i] && k < rank - 1 ? (k + 1) % (rank - 1) : k;
      if (turn[i])
        {
          last = perm[rank - 1];
          perm[rank - 1] = perm[rank - 2];
          perm[rank - 2] = last;
        }
      v[i] = sag_build_transpose (&b, v[i], rank, perm);
    }
  y = sag_build (&b, "MatMul", 2, v[0], v[1]);
  if (alpha != 1)
    y = sag_build (&b, "Mul", 2, y, sag_build_number (&b, alpha));
  sag_build_end (&b, 0, y);
  return TRUE;
}

/* Layer norm of x + skip + bias, where skip repeats along x. Inputs: x, skip, gamma, beta, bias. */
gboolean
sag_expand_skip_norm (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  gboolean rms = strstr (node->op->name, "Simplified") != NULL;
  SagValue *bias = sag_node_input (node, rms ? 3 : 4), *sum, *y;

  if (!sag_node_arity (node, 3, error))
    return FALSE;
  if (sag_shape_equal (&sag_node_input (node, 0)->shape, &sag_node_input (node, 1)->shape))
    return TRUE;
  sum = sag_build (&b, "Add", 2, sag_node_input (node, 0), sag_node_input (node, 1));
  if (bias != NULL)
    sum = sag_build (&b, "Add", 2, sum, bias);
  y = sag_build (&b, rms ? "RMSNormalization" : "LayerNormalization", 3, sum,
                 sag_node_input (node, 2), rms ? NULL : sag_node_input (node, 3));
  sag_node_set_float (y->producer, "epsilon", sag_node_get_float (node, "epsilon", 1e-12f));
  sag_build_end (&b, 0, y);
  sag_build_end (&b, 3, sum);
  return TRUE;
}

/* Channels last, as com.microsoft has it: x, gamma, beta; activation 1 is SiLU. */
static gboolean
expand_group_norm (SagNode *node, int at, GError **error)
{
  static const gint64 first[] = { 0, 3, 1, 2 }, last[] = { 0, 2, 3, 1 };
  SagBuild b = { node, at };
  gboolean channels_last = sag_node_get_int (node, "channels_last", 1) != 0;
  SagValue *x = sag_node_input (node, 0), *y;

  if (!sag_node_arity (node, 3, error))
    return FALSE;
  if (x->shape.rank != 4)
    return sag_node_unsupported (node, error, "its input must have four dimensions");
  if (channels_last)
    x = sag_build_transpose (&b, x, 4, first);
  y = sag_build (&b, "GroupNormalization", 3, x, sag_node_input (node, 1),
                 sag_node_input (node, 2));
  sag_node_set_int (y->producer, "num_groups", sag_node_get_int (node, "groups", 1));
  sag_node_set_float (y->producer, "epsilon", sag_node_get_float (node, "epsilon", 1e-5f));
  if (sag_node_get_int (node, "activation", 0) == 1)
    y = sag_build_in (&b, "sagitta", "Silu", 1, y);
  if (channels_last)
    y = sag_build_transpose (&b, y, 4, last);
  sag_build_end (&b, 0, y);
  return TRUE;
}

#define MAX_POINTS ((gint64) 1 << 25) /* of a grid, which is kept: half a gigabyte; 322 x 322 x 322 */

/* The grid of theta (x, y, 1) or theta (x, y, z, 1): theta [N, 2, 3] or [N, 3, 4], size [N, C...]. */
static gboolean
expand_affine_grid (SagNode *node, int at, GError **error)
{
  static const gint64 turn[] = { 0, 2, 1 };
  SagBuild b = { node, at };
  SagValue *theta = sag_node_input (node, 0), *base, *y;
  gboolean corners = sag_node_get_int (node, "align_corners", 0) != 0;
  g_autofree gint64 *size = NULL;
  gint64 shape[SAG_MAX_RANK];
  int n, axes;
  float *to;

  if (!sag_node_arity (node, 2, error) || !sag_node_const_ints (node, 1, &size, &n, error))
    return FALSE;
  axes = n - 2;
  if (axes < 2 || axes > 3 || theta->shape.rank != 3 || theta->shape.dim[1] != axes
      || theta->shape.dim[2] != axes + 1 || size[0] != theta->shape.dim[0])
    return sag_node_invalid (node, error, "theta and size do not fit each other");
  for (int i = 2; i < n; i++)
    if (size[i] < 1 || size[i] > 1 << 16)
      return sag_node_invalid (node, error, "its size is out of range");
  gint64 points = size[2] * size[3] * (axes == 3 ? size[4] : 1);
  to = points <= MAX_POINTS
         ? sag_build_floats (&b, &(SagShape){ 2, { points, axes + 1 } }, &base) : NULL;
  if (to == NULL)
    return sag_node_invalid (node, error, "its grid is too large");
  for (gint64 i = 0; i < points; i++)
    {
      gint64 rest = i;

      for (int k = 0; k < axes; k++) /* x is the last axis */
        {
          gint64 extent = size[n - 1 - k], p = rest % extent;

          rest /= extent;
          *to++ = corners ? extent > 1 ? -1 + 2 * (float) p / (float) (extent - 1) : 0
                          : (float) (2 * p + 1) / (float) extent - 1;
        }
      *to++ = 1;
    }
  y = sag_build (&b, "MatMul", 2, base, sag_build_transpose (&b, theta, 3, turn));
  shape[0] = size[0];
  for (int i = 0; i < axes; i++)
    shape[1 + i] = size[2 + i];
  shape[1 + axes] = axes;
  sag_build_end (&b, 0, sag_build_reshape (&b, y, axes + 2, shape));
  return TRUE;
}

/* Cut or filled with zeros around the middle; the odd one goes behind. */
static gboolean
expand_centre (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  SagValue *x = sag_node_input (node, 0);
  g_autofree gint64 *want = NULL;
  gint64 pads[2 * SAG_MAX_RANK] = { 0 };
  int n, n_axes, rank = x != NULL ? x->shape.rank : 0;
  const gint64 *axes = sag_node_get_ints (node, "axes", &n_axes);

  if (!sag_node_arity (node, 2, error) || !sag_node_const_ints (node, 1, &want, &n, error))
    return FALSE;
  if (n != (axes != NULL ? n_axes : rank))
    return sag_node_invalid (node, error, "its shape and axes do not fit each other");
  for (int i = 0; i < n; i++)
    {
      int axis = axes != NULL ? sag_axis (axes[i], rank) : i;
      gint64 more, half;

      if (axis < 0 || want[i] < 0 || want[i] > SAG_MAX_ELEMENTS)
        return sag_node_invalid (node, error, "an axis is outside of its input");
      more = want[i] - x->shape.dim[axis];
      half = more >= 0 ? more / 2 : -(-more / 2);
      pads[axis] = half;
      pads[rank + axis] = more - half;
    }
  sag_build_end (&b, 0, sag_build (&b, "Pad", 2, x, sag_build_ints (&b, 2 * rank, pads)));
  return TRUE;
}

/* Every element to where MaxPool found it, zeros elsewhere. */
static gboolean
expand_unpool (SagNode *node, int at, GError **error)
{
  static const gint64 flat = -1;
  SagBuild b = { node, at };
  SagValue *x = sag_node_input (node, 0), *indices = sag_node_input (node, 1), *zeros, *y;
  int n, n_pads = 0, n_strides = 0, given;
  const gint64 *kernel = sag_node_get_ints (node, "kernel_shape", &n);
  const gint64 *pads = sag_node_get_ints (node, "pads", &n_pads);
  const gint64 *strides = sag_node_get_ints (node, "strides", &n_strides);
  SagShape shape;
  gint64 total;

  if (!sag_node_arity (node, 2, error) || !sag_node_want_float (node, 0, error))
    return FALSE;
  shape = x->shape;
  if (kernel == NULL || n != shape.rank - 2 || (pads != NULL && n_pads != 2 * n)
      || (strides != NULL && n_strides != n) || !sag_shape_equal (&shape, &indices->shape))
    return sag_node_invalid (node, error, "its kernel does not fit its input");
  for (int i = 0; i < n; i++)
    if (kernel[i] < 1 || kernel[i] > 1 << 16
        || (strides != NULL && (strides[i] < 1 || strides[i] > 1 << 16)))
      return sag_node_invalid (node, error, "its kernel is out of range");
    else
      shape.dim[2 + i] = (shape.dim[2 + i] - 1) * (strides != NULL ? strides[i] : 1) + kernel[i]
                         - (pads != NULL ? pads[i] + pads[n + i] : 0);
  if (sag_node_input (node, 2) != NULL)
    {
      g_autofree gint64 *output = NULL;

      if (!sag_node_const_ints (node, 2, &output, &given, error))
        return FALSE;
      if (given != shape.rank)
        return sag_node_invalid (node, error, "its output shape does not fit its input");
      memcpy (shape.dim, output, sizeof *output * (gsize) given);
    }
  total = sag_shape_count (&shape);
  if (total < 0 || sag_build_floats (&b, &(SagShape){ 1, { total } }, &zeros) == NULL)
    return sag_node_invalid (node, error, "its output is too large");
  y = sag_build (&b, "ScatterElements", 3, zeros, sag_build_reshape (&b, indices, 1, &flat),
                 sag_build_reshape (&b, x, 1, &flat));
  sag_build_end (&b, 0, sag_build_reshape (&b, y, shape.rank, shape.dim));
  return TRUE;
}

/* Compress by a mask that is known is Gather. */
static gboolean
expand_compress (SagNode *node, int at, GError **error)
{
  static const gint64 flat = -1;
  SagBuild b = { node, at };
  SagValue *x = sag_node_input (node, 0), *mask = sag_node_input (node, 1), *y;
  g_autoptr (GArray) kept = g_array_new (FALSE, FALSE, sizeof (gint64));
  const SagAttribute *axis = sag_node_attribute (node, "axis");

  if (!sag_node_arity (node, 2, error))
    return FALSE;
  if (mask->dtype != SAG_DTYPE_BOOL)
    return sag_node_invalid (node, error, "its condition is not of bools");
  for (gint64 i = 0; i < sag_value_count (mask); i++)
    if (sag_tensor_get_int (mask->constant, i) != 0)
      g_array_append_val (kept, i);
  if (axis == NULL)
    x = sag_build_reshape (&b, x, 1, &flat);
  y = sag_build (&b, "Gather", 2, x,
                 sag_build_ints (&b, (int) kept->len, (const gint64 *) kept->data));
  sag_node_set_int (y->producer, "axis", axis != NULL ? axis->i : 0);
  sag_build_end (&b, 0, y);
  return TRUE;
}

/* Columns back into images, each adding where others lie already (PyTorch's fold): a transposed convolution
 * of each channel with a kernel that puts every row of the columns where it belongs. */
static gboolean
expand_col2im (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  SagValue *x = sag_node_input (node, 0), *w, *y;
  g_autofree gint64 *image = NULL, *block = NULL;
  const gint64 *given[3];
  gint64 shape[SAG_MAX_RANK], more[3], pads[6] = { 0 }, steps[3] = { 1, 1, 1 }, wide[3] = { 1, 1, 1 };
  gint64 size = 1, places = 1, channels;
  SagShape of_w = { .dim = { 0, 1 } };
  int n = 0, n_block = 0, n_given[3];
  float *to;

  if (!sag_node_arity (node, 3, error) || !sag_node_want_float (node, 0, error)
      || !sag_node_const_ints (node, 1, &image, &n, error)
      || !sag_node_const_ints (node, 2, &block, &n_block, error))
    return FALSE;
  given[0] = sag_node_get_ints (node, "pads", &n_given[0]);
  given[1] = sag_node_get_ints (node, "strides", &n_given[1]);
  given[2] = sag_node_get_ints (node, "dilations", &n_given[2]);
  if (n < 1 || n > 3 || n_block != n || x->shape.rank != 3 || (given[0] != NULL && n_given[0] != 2 * n)
      || (given[1] != NULL && n_given[1] != n) || (given[2] != NULL && n_given[2] != n))
    return sag_node_invalid (node, error, "its shapes do not fit each other");
  for (int i = 0; i < n; i++)
    {
      gint64 room, last = 1 << 20;

      steps[i] = given[1] != NULL ? given[1][i] : 1;
      wide[i] = given[2] != NULL ? given[2][i] : 1;
      pads[i] = given[0] != NULL ? given[0][i] : 0;
      pads[n + i] = given[0] != NULL ? given[0][n + i] : 0;
      if (block[i] < 1 || block[i] > 4096 || image[i] < 1 || image[i] > last || steps[i] < 1
          || steps[i] > last || wide[i] < 1 || wide[i] > last || pads[i] < 0 || pads[i] > last
          || pads[n + i] < 0 || pads[n + i] > last)
        return sag_node_invalid (node, error, "its sizes are out of range");
      room = image[i] + pads[i] + pads[n + i] - wide[i] * (block[i] - 1) - 1;
      if (room < 0)
        return sag_node_invalid (node, error, "its block is larger than its image");
      shape[2 + i] = room / steps[i] + 1;
      more[i] = room % steps[i];
      size *= block[i];
      places *= shape[2 + i];
      of_w.dim[2 + i] = block[i];
    }
  channels = size > 4096 ? 0 : x->shape.dim[1] / size;
  if (channels < 1 || channels * size != x->shape.dim[1] || places != x->shape.dim[2])
    return sag_node_invalid (node, error, "its columns do not fit its image");
  of_w.rank = 2 + n;
  of_w.dim[0] = x->shape.dim[1];
  to = sag_shape_count (&of_w) >= 0 ? sag_build_floats (&b, &of_w, &w) : NULL;
  if (to == NULL)
    return sag_node_invalid (node, error, "its blocks are too large");
  for (gint64 i = 0; i < x->shape.dim[1]; i++)
    to[i * size + i % size] = 1;
  shape[0] = x->shape.dim[0];
  shape[1] = x->shape.dim[1];
  y = sag_build (&b, "ConvTranspose", 2, sag_build_reshape (&b, x, 2 + n, shape), w);
  sag_node_set_int (y->producer, "group", channels);
  sag_node_set_ints (y->producer, "pads", pads, 2 * n);
  sag_node_set_ints (y->producer, "strides", steps, n);
  sag_node_set_ints (y->producer, "dilations", wide, n);
  sag_node_set_ints (y->producer, "output_padding", more, n);
  sag_build_end (&b, 0, y);
  return TRUE;
}

/* The first steps of each sequence backwards, where their numbers are known. */
static gboolean
expand_reverse (SagNode *node, int at, GError **error)
{
  static const gint64 swap[] = { 1, 0, 2, 3, 4, 5, 6, 7 };
  SagBuild b = { node, at };
  SagValue *x = sag_node_input (node, 0), *y;
  g_autofree gint64 *lengths = NULL;
  gint64 time = sag_node_get_int (node, "time_axis", 0), steps, batch;
  SagTensor *places;
  gint64 *to;
  int n;

  if (!sag_node_arity (node, 2, error) || !sag_node_const_ints (node, 1, &lengths, &n, error))
    return FALSE;
  if (x->shape.rank < 2 || (time != 0 && time != 1) || sag_node_get_int (node, "batch_axis", 1) != 1 - time
      || n != x->shape.dim[1 - time])
    return sag_node_invalid (node, error, "its axes or lengths do not fit its input");
  steps = x->shape.dim[time];
  batch = x->shape.dim[1 - time];
  places = sag_tensor_new (SAG_DTYPE_I64, &(SagShape){ 3, { steps, batch, 2 } }, error);
  if (places == NULL)
    return FALSE;
  to = places->owned;
  for (gint64 t = 0; t < steps; t++)
    for (gint64 i = 0; i < batch; i++)
      {
        *to++ = t < lengths[i] && lengths[i] <= steps ? lengths[i] - 1 - t : t;
        *to++ = i;
      }
  y = time == 1 ? sag_build_transpose (&b, x, x->shape.rank, swap) : x;
  y = sag_build (&b, "GatherND", 2, y, sag_graph_add_constant (node->graph, node->name, places));
  sag_build_end (&b, 0, time == 1 ? sag_build_transpose (&b, y, x->shape.rank, swap) : y);
  return TRUE;
}

/* The standard operator of that name does the same. */
static gboolean
expand_alias (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  const char *name =
      strcmp (node->op->name, "TransposeMatMul") == 0 ? "FusedMatMul" : node->op->name;
  SagValue *y = *name == 'F' ? sag_build_in (&b, "com.microsoft", name, 0) : sag_build (&b, name, 0);

  for (guint i = 0; i < node->inputs->len; i++)
    g_ptr_array_add (y->producer->inputs, sag_node_input (node, (int) i));
  sag_build_move_attributes (&b, y->producer);
  sag_build_end (&b, 0, y);
  return TRUE;
}

#define COMPOUND(name, domain, function) { name, domain, .expand = function }

const SagOp sag_ops_compound[] = {
  COMPOUND ("MeanVarianceNormalization", "", expand_mean_variance),
  COMPOUND ("AffineGrid", "", expand_affine_grid),
  COMPOUND ("CenterCropPad", "", expand_centre),
  { "MaxUnpool", "", .expand = expand_unpool, .needs = 1 << 2 },
  { "Col2Im", "", .expand = expand_col2im, .needs = 1 << 1 | 1 << 2 },
  { "ReverseSequence", "", .expand = expand_reverse, .needs = 1 << 1 },
  { "Compress", "", .expand = expand_compress, .needs = 1 << 1 },
  COMPOUND ("BiasGelu", "com.microsoft", sag_expand_bias_gelu),
  COMPOUND ("FusedConv", "com.microsoft", expand_fused_conv),
  COMPOUND ("FusedGemm", "com.microsoft", expand_fused_gemm),
  COMPOUND ("GroupNorm", "com.microsoft", expand_group_norm),
  COMPOUND ("TransposeMatMul", "com.microsoft", expand_alias),
  COMPOUND ("GridSample", "com.microsoft", expand_alias),
  COMPOUND ("Pad", "com.microsoft", expand_alias),
  COMPOUND ("Trilu", "com.microsoft", expand_alias),
  { NULL },
};
