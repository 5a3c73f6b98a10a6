/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-commute.c: linear layers past each other. A convolution of one pixel mixes channels and Resize mixes pixels,
 * so their order is free: where it is less work, channels are mixed before there are more pixels. Over a Concat such
 * a convolution is the sum of those of its parts, and two that follow each other are one. (The head of SegFormer, Xie,
 * Wang, Yu, Anandkumar, Alvarez and Luo, 2021: linear, Resize, Concat, linear.)
 *
 * The sums are other ones, equal but for rounding; which are taken is decided by shapes alone.
 */
#include "engine/nn/build.h"
#include "engine/nn/op-util.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/passes.h"

#include <string.h>

enum
{
  MOST = 8,    /* parts of a Concat */
  RESIZE = 40, /* multiply-adds that take as long as making an element of a Resize's output */
  ADD = 24,    /* or as adding two in memory */
  JOIN = 1 << 26, /* multiply-adds, at load, of the weights of two convolutions */
};

/* What a convolution reads, or one input of the Concat that it reads. */
typedef struct
{
  SagValue *x;      /* that is mixed: the input of `resize`, or of `inner` */
  SagNode  *resize; /* NULL: none */
  SagNode  *inner;  /* convolution before it that is joined with this one; NULL: none */
  gint64    from, channels; /* of the weights */
} Part;

/* The file does not say how it is stored. */
static gboolean
is_free (const SagValue *value)
{
  return value->dtype == SAG_DTYPE_F32 && value->quantum.scale == 0 && value->least >= value->most;
}

/* And nobody else reads it. */
static gboolean
is_passing (const SagValue *value)
{
  return sag_match_single (value) && is_free (value);
}

static gboolean
is_constant (const SagValue *value)
{
  return value != NULL && value->constant != NULL && value->dtype == SAG_DTYPE_F32
         && (value->stored_bits == 0 || value->stored_bits == 8);
}

static gboolean
is_ones (const SagNode *node, const char *name)
{
  int n;
  const gint64 *ints = sag_node_get_ints (node, name, &n);

  for (int i = 0; ints != NULL && i < n; i++)
    if (ints[i] != 1)
      return FALSE;
  return TRUE;
}

/* A convolution of one pixel. */
static gboolean
is_mixer (const SagNode *node)
{
  const SagValue *w = node != NULL ? sag_node_input (node, 1) : NULL;
  int n;
  const gint64 *pads;

  if (node == NULL || !sag_match_is (node, "Conv") || !is_constant (w) || w->shape.rank < 3
      || (sag_node_input (node, 2) != NULL && !is_constant (sag_node_input (node, 2)))
      || sag_node_get_int (node, "group", 1) != 1 || !is_ones (node, "strides")
      || sag_shape_product (&w->shape, 2, w->shape.rank) != 1 || w->shape.dim[1] != sag_node_input (node, 0)->shape.dim[1])
    return FALSE;
  pads = sag_node_get_ints (node, "pads", &n);
  for (int i = 0; pads != NULL && i < n; i++)
    if (pads[i] != 0)
      return FALSE;
  return TRUE;
}

/* Whether images and channels keep their numbers by name, not by rounding. */
static gboolean
keeps_channels (const SagNode *node)
{
  gboolean old = sag_match_is (node, "Upsample") || node->opset < 11;
  const SagValue *scales = sag_node_input (node, old ? 1 : 2);
  const SagAttribute *given = sag_node_attribute (node, "scales");
  int n;
  const gint64 *axes = sag_node_get_ints (node, "axes", &n);

  for (int i = 0; axes != NULL && i < n; i++)
    if (sag_axis (axes[i], sag_node_input (node, 0)->shape.rank) < 2)
      return FALSE;
  for (int i = 0; i < 2 && axes == NULL; i++)
    if ((scales != NULL && scales->constant != NULL && sag_value_count (scales) > 1
         && sag_tensor_get_real (scales->constant, i) != 1)
        || (given != NULL && given->kind == SAG_ATTRIBUTE_FLOATS && given->n > 1 && given->floats[i] != 1))
      return FALSE;
  return TRUE;
}

/* A Resize whose weights sum to one, of pixels only. */
static gboolean
is_blend (const SagNode *node)
{
  const SagShape *x, *y;

  if ((!sag_match_is (node, "Resize") && !sag_match_is (node, "Upsample")) || !keeps_channels (node))
    return FALSE;
  x = &sag_node_input (node, 0)->shape;
  y = &sag_node_output (node, 0)->shape;
  return x->rank >= 3 && x->dim[0] == y->dim[0] && x->dim[1] == y->dim[1] && sag_node_input (node, 0)->constant == NULL
         && strcmp (sag_node_get_string (node, "coordinate_transformation_mode", ""), "tf_crop_and_resize") != 0
         && strcmp (sag_node_get_string (node, "keep_aspect_ratio_policy", "stretch"), "stretch") == 0;
}

static double
pixels (const SagValue *value)
{
  return (double) value->shape.dim[0] * (double) sag_shape_product (&value->shape, 2, value->shape.rank);
}

/* Parts of what `conv` reads; 0 if there is nothing to move. Bytes may be resized, but only alone; they
 * are those of the smaller image then. */
static int
find_parts (const SagNode *conv, Part *parts)
{
  SagValue *x = sag_node_input (conv, 0);
  SagNode *concat = is_passing (x) && sag_match_is (x->producer, "Concat") ? x->producer : NULL;
  int n = concat != NULL ? (int) concat->inputs->len : 1;
  gint64 at = 0;

  if (sag_match_single (x) && x->quantum.scale > 0 && x->producer != NULL && is_blend (x->producer))
    {
      SagValue *before = sag_node_input (x->producer, 0);

      *parts = (Part){ before, x->producer, NULL, 0, x->shape.dim[1] };
      return before->quantum.scale > 0 ? 1 : 0;
    }
  if (!is_passing (x) || n > MOST
      || (concat != NULL && sag_axis (sag_node_get_int (concat, "axis", 0), x->shape.rank) != 1))
    return 0;
  for (int i = 0; i < n; i++)
    {
      SagValue *part = concat != NULL ? sag_node_input (concat, i) : x;

      parts[i] = (Part){ part, NULL, NULL, at, part->shape.dim[1] };
      at += part->shape.dim[1];
      if (part->constant != NULL || !is_free (part))
        return 0;
      if (is_passing (part) && part->producer != NULL && is_blend (part->producer))
        {
          parts[i].resize = part->producer;
          parts[i].x = part = sag_node_input (part->producer, 0);
        }
      if (is_passing (part) && is_mixer (part->producer) && sag_node_input (part->producer, 1)->stored_bits == 0
          && sag_node_input (conv, 1)->stored_bits == 0)
        {
          parts[i].inner = part->producer;
          parts[i].x = sag_node_input (part->producer, 0);
        }
    }
  return n;
}

/* Whether the sum of the parts is less work; forgets inner convolutions that are better left alone. */
static gboolean
is_worth (const SagNode *conv, Part *parts, int n)
{
  double out = (double) sag_node_output (conv, 0)->shape.dim[1], area = pixels (sag_node_output (conv, 0));
  double before = 0, after = (n - 1) * ADD * out * area;

  for (int i = 0; i < n; i++)
    {
      Part *part = &parts[i];
      double channels = (double) part->channels, some = pixels (part->x);

      before += channels * out * area + (part->resize != NULL ? RESIZE * channels * area : 0);
      after += part->resize != NULL ? RESIZE * out * area : 0;
      if (part->inner != NULL)
        {
          double first = (double) part->x->shape.dim[1];

          if (first * out > first * channels + channels * out || first * channels * out > JOIN)
            {
              part->x = sag_node_output (part->inner, 0);
              part->inner = NULL;
            }
          else
            {
              before += first * channels * some;
              after += first * out * some;
              continue;
            }
        }
      after += channels * out * some;
    }
  return after * 1.25 < before;
}

/* The rows of `conv`'s weights for a part, times those of the convolution before it. */
static gboolean
mix_weights (SagBuild *build, const SagNode *conv, const Part *part, gboolean first, SagValue **weights, SagValue **bias)
{
  const SagValue *w = sag_node_input (conv, 1), *b = sag_node_input (conv, 2);
  const SagValue *inner = part->inner != NULL ? sag_node_input (part->inner, 1) : NULL;
  const SagValue *shift = part->inner != NULL ? sag_node_input (part->inner, 2) : NULL;
  gint64 out = w->shape.dim[0], all = w->shape.dim[1], in = inner != NULL ? inner->shape.dim[1] : part->channels;
  SagShape shape = w->shape;
  float *to, *sums = NULL;
  g_autofree double *row = g_new (double, (gsize) MAX (in, 1));

  shape.dim[1] = in;
  *bias = NULL;
  to = sag_build_floats (build, &shape, weights);
  if (to != NULL)
    (*weights)->stored_bits = w->stored_bits;
  if ((first && b != NULL) || shift != NULL)
    sums = sag_build_floats (build, &(SagShape){ 1, { out } }, bias);
  for (gint64 j = 0; j < out && to != NULL; j++)
    {
      const float *from = (const float *) w->constant->data + j * all + part->from;
      double sum = first && b != NULL ? ((const float *) b->constant->data)[j] : 0;

      for (gint64 i = 0; i < in; i++)
        row[i] = inner == NULL ? from[i] : 0;
      for (gint64 p = 0; p < part->channels && inner != NULL; p++)
        {
          const float *line = (const float *) inner->constant->data + p * in;

          for (gint64 i = 0; i < in; i++)
            row[i] += (double) from[p] * (double) line[i];
        }
      for (gint64 p = 0; p < part->channels && shift != NULL; p++)
        sum += (double) from[p] * (double) ((const float *) shift->constant->data)[p];
      for (gint64 i = 0; i < in; i++)
        to[j * in + i] = (float) row[i];
      if (sums != NULL)
        sums[j] = (float) sum;
    }
  return to != NULL;
}

/* Named after the value that it is a part of: ranges of that one are not its own. */
static gboolean
infer (SagValue *value, const SagNode *conv, int part, GError **error)
{
  g_free (value->name);
  value->name = g_strdup_printf ("%s~%d", sag_node_output (conv, 0)->name, part);
  return value->producer->op->infer (value->producer, error);
}

/* `resize` of y, which has other channels than what it was written for. */
static SagValue *
resize_again (SagBuild *build, SagNode *resize, SagValue *y, int part, GError **error)
{
  const SagNode *conv = build->node;
  SagShape shape = sag_node_output (resize, 0)->shape;
  SagValue *inputs[4], *result;
  int n;

  for (int i = 0; i < 4; i++)
    inputs[i] = sag_node_input (resize, i);
  shape.dim[1] = y->shape.dim[1];
  if (inputs[3] != NULL && sag_node_get_ints (resize, "axes", &n) == NULL)
    inputs[3] = sag_build_ints (build, shape.rank, shape.dim);
  result = sag_build_in (build, "", resize->op->name, 4, y, inputs[1], inputs[2], inputs[3]);
  result->producer->opset = resize->opset;
  build->node = resize;
  sag_build_move_attributes (build, result->producer);
  return infer (result, conv, part, error) ? result : NULL;
}

static gboolean
rewrite (SagNode *conv, int position, const Part *parts, int n, GError **error)
{
  SagBuild build = { conv, position };
  SagValue *sums[MOST] = { NULL }, *all;

  for (int i = 0; i < n; i++)
    {
      SagValue *weights, *bias;

      build.node = conv;
      if (!mix_weights (&build, conv, &parts[i], i == 0, &weights, &bias))
        return sag_node_invalid (conv, error, "its weights are too large");
      sums[i] = sag_build (&build, "Conv", 3, parts[i].x, weights, bias);
      if (!infer (sums[i], conv, 2 * i, error))
        return FALSE;
      if (parts[i].resize != NULL)
        sums[i] = resize_again (&build, parts[i].resize, sums[i], 2 * i + 1, error);
      if (sums[i] == NULL)
        return FALSE;
    }
  build.node = conv;
  all = sums[0];
  if (n > 1)
    {
      all = sag_build (&build, "Sum", 1, sums[0]);
      for (int i = 1; i < n; i++)
        g_ptr_array_add (all->producer->inputs, sums[i]);
      if (!infer (all, conv, 2 * n, error))
        return FALSE;
    }
  sag_node_set_output (all->producer, 0, sag_node_output (conv, 0));
  return TRUE;
}

gboolean
sag_pass_commute (SagGraph *graph, GError **error)
{
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      SagNode *node = graph->nodes->pdata[i];
      Part parts[MOST];
      int n = is_mixer (node) ? find_parts (node, parts) : 0;
      guint before = graph->nodes->len;

      if (n == 0 || !is_worth (node, parts, n))
        continue;
      if (!rewrite (node, (int) i, parts, n, error))
        return FALSE;
      i += graph->nodes->len - before;
    }
  return sag_graph_settle (graph, error);
}
