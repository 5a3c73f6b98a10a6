/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-tokens.c: a product with constant weights beside a convolution, as the convolution of one pixel that it is.
 * Tokens [N, L, C] are an image whose channels come last: what exporters write between is no more than a view, and the
 * feed-forward block of light transformers (linear, depthwise convolution, GELU, linear: Xie, Wang, Yu, Anandkumar,
 * Alvarez and Luo, "SegFormer", 2021) becomes one chain of convolutions. Each output is the same sum as before.
 */
#include "engine/nn/build.h"
#include "engine/nn/op-util.h"
#include "engine/nn/ops-pointwise.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/passes.h"

#include <string.h>

static gboolean
is_free (const SagValue *value)
{
  return value->quantum.scale == 0 && value->least >= value->most;
}

/* What is moved may be stored as bytes anywhere on its way, but in one way only. */
static gboolean
may_be_one (const SagValue *a, const SagValue *b)
{
  return a->dtype == SAG_DTYPE_F32 && b->dtype == SAG_DTYPE_F32
         && (is_free (a) || is_free (b)
             || (a->quantum.scale == b->quantum.scale && a->quantum.zero == b->quantum.zero && a->least == b->least
                 && a->most == b->most));
}

static void
store (SagValue *value, const SagValue *like)
{
  if (is_free (like))
    return;
  value->quantum = like->quantum;
  value->least = like->least;
  value->most = like->most;
}

/* An image [N, C, ...] with the elements of tokens [N, L, C]. */
static gboolean
is_image_of (const SagShape *image, const SagShape *tokens)
{
  return image->rank >= 4 && tokens->rank == 3 && image->dim[0] == tokens->dim[0] && image->dim[1] == tokens->dim[2]
         && sag_shape_product (image, 2, image->rank) == tokens->dim[1];
}

static gboolean
turns (const SagNode *node, gboolean to_last)
{
  int n;
  const gint64 *perm = sag_match_is (node, "Transpose") ? sag_node_get_ints (node, "perm", &n) : NULL;

  for (int i = 0; perm != NULL && i < n; i++)
    if (perm[i] != (i == 0 ? 0 : to_last ? (i == n - 1 ? 1 : i + 1) : (i == 1 ? n - 1 : i - 1)))
      return FALSE;
  return perm != NULL && n >= 3;
}

/* The two moves from an image to tokens, or back: a turn and a Reshape, in either order. */
static gboolean
is_way (const SagNode *first, const SagNode *second, gboolean to_tokens)
{
  const SagValue *x, *between;

  if (first == NULL || second == NULL)
    return FALSE;
  x = sag_node_input (first, 0);
  between = sag_node_output (first, 0);
  if (!sag_match_single (between) || !may_be_one (x, sag_node_output (second, 0)) || !may_be_one (x, between)
      || !may_be_one (between, sag_node_output (second, 0)))
    return FALSE;
  if (sag_match_is (first, "Reshape"))
    return turns (second, to_tokens) && between->shape.dim[0] == x->shape.dim[0]
           && (to_tokens ? between->shape.rank == 3 && between->shape.dim[1] == x->shape.dim[1]
                         : between->shape.dim[between->shape.rank - 1] == x->shape.dim[x->shape.rank - 1]);
  return turns (first, to_tokens) && sag_match_is (second, "Reshape");
}

/* The image that tokens are read as, by a convolution alone; or NULL. */
static SagValue *
image_behind (const SagValue *tokens)
{
  SagNode *first = sag_match_single (tokens) ? tokens->reader : NULL, *second;
  SagValue *image;

  if (first == NULL || first->outputs->len != 1 || !sag_match_single (sag_node_output (first, 0)))
    return NULL;
  second = sag_node_output (first, 0)->reader;
  if (!is_way (first, second, FALSE))
    return NULL;
  image = sag_node_output (second, 0);
  return is_image_of (&image->shape, &tokens->shape) && sag_match_single (image)
                 && strcmp (image->reader->op->name, "Conv") == 0
             ? image
             : NULL;
}

/* The image that tokens were made of, by a convolution; or NULL. */
static SagValue *
image_before (const SagValue *tokens)
{
  SagNode *second = sag_match_single (tokens) ? tokens->producer : NULL;
  SagValue *between = second != NULL ? sag_node_input (second, 0) : NULL, *image;

  if (between == NULL || !is_way (between->producer, second, TRUE))
    return NULL;
  image = sag_node_input (between->producer, 0);
  return is_image_of (&image->shape, &tokens->shape) && sag_match_single (image) && image->producer != NULL
                 && strcmp (image->producer->op->name, "Conv") == 0
             ? image
             : NULL;
}

/* An image takes over how the tokens that were made of it are stored. */
static void
store_moved (SagValue *image, const SagValue *tokens)
{
  store (image, sag_node_input (tokens->producer, 0));
  store (image, tokens);
}

/* An activation that stayed alone, as before it the file stores bytes; or NULL. */
static SagNode *
activation_before (const SagValue *tokens)
{
  SagNode *node = sag_match_single (tokens) ? tokens->producer : NULL;
  SagFused fused;

  return node != NULL && node->inputs->len == 1 && node->fused.activation == SAG_ACTIVATION_NONE
                 && sag_node_activation (node, &fused)
             ? node
             : NULL;
}

/* A product of tokens with constant weights, and a bias by column or none. */
static gboolean
is_linear (const SagNode *node)
{
  const SagValue *x = sag_node_input (node, 0), *w = sag_node_input (node, 1);
  guint residual = node->fused.residual ? 1 : 0;

  if (strcmp (node->op->name, "MatMul") != 0 || *node->op->domain != '\0' || x->shape.rank != 3 || w->constant == NULL
      || w->dtype != SAG_DTYPE_F32 || (w->stored_bits != 0 && w->stored_bits != 8) || w->shape.rank != 2 || x->constant != NULL)
    return FALSE;
  return node->inputs->len == 2 + residual
         || (node->inputs->len == 3 + residual && sag_node_input (node, 2)->constant != NULL
             && sag_value_count (sag_node_input (node, 2)) == w->shape.dim[1]);
}

static SagValue *
move (SagValue *y, const SagValue *like, GError **error)
{
  if (!y->producer->op->infer (y->producer, error))
    return NULL;
  store (y, like);
  return y;
}

/* Tokens as the image of a shape, and back. */
static SagValue *
to_image (SagBuild *build, SagValue *tokens, const SagShape *image, GError **error)
{
  SagShape shape = *image;
  SagValue *y = move (sag_build_transpose (build, tokens, 3, (gint64[]){ 0, 2, 1 }), tokens, error);

  shape.dim[1] = tokens->shape.dim[2];
  return y != NULL ? move (sag_build_reshape (build, y, shape.rank, shape.dim), tokens, error) : NULL;
}

static SagValue *
to_tokens (SagBuild *build, SagValue *image, const SagShape *tokens, GError **error)
{
  gint64 shape[3] = { tokens->dim[0], tokens->dim[2], tokens->dim[1] };
  SagValue *y = move (sag_build_reshape (build, image, 3, shape), image, error);

  return y != NULL ? move (sag_build_transpose (build, y, 3, (gint64[]){ 0, 2, 1 }), image, error) : NULL;
}

/* The convolution that does what `product` did: from `in`, or the image of the product's input, to `out`, or a new
 * value. */
static SagValue *
convolve (SagBuild *build, const SagNode *product, SagValue *in, SagValue *out, const SagShape *image, GError **error)
{
  const SagValue *w = sag_node_input (product, 1);
  const SagValue *bias = product->inputs->len > (product->fused.residual ? 3u : 2u) ? sag_node_input (product, 2) : NULL;
  gint64 rows = w->shape.dim[0], columns = w->shape.dim[1];
  SagShape shape = { image->rank, { columns, rows } };
  SagValue *weights, *start = NULL, *residual = NULL, *y;
  float *to;

  for (int a = 2; a < shape.rank; a++)
    shape.dim[a] = 1;
  to = sag_build_floats (build, &shape, &weights);
  weights->stored_bits = w->stored_bits;
  for (gint64 j = 0; j < columns; j++)
    for (gint64 i = 0; i < rows; i++)
      to[j * rows + i] = ((const float *) w->constant->data)[i * columns + j];
  if (bias != NULL)
    memcpy (sag_build_floats (build, &(SagShape){ 1, { columns } }, &start), bias->constant->data,
            (gsize) columns * sizeof (float));
  if (in == NULL)
    in = to_image (build, sag_node_input (product, 0), image, error);
  if (product->fused.residual)
    residual = to_image (build, sag_node_input (product, (int) product->inputs->len - 1), image, error);
  if (in == NULL || (product->fused.residual && residual == NULL))
    return NULL;
  y = sag_build (build, "Conv", 3, in, weights, start);
  if (!move (y, sag_node_output (product, 0), error))
    return NULL;
  y->producer->fused = product->fused;
  if (residual != NULL)
    g_ptr_array_add (y->producer->inputs, residual);
  if (out != NULL)
    sag_node_set_output (y->producer, 0, out);
  return y;
}

static gboolean
rewrite (SagNode *product, int position, GError **error)
{
  SagValue *x = sag_node_input (product, 0), *y = sag_node_output (product, 0), *behind, *before = image_before (x);
  SagNode *activation = before == NULL ? activation_before (x) : NULL;
  SagBuild build = { product, position };

  if (activation != NULL)
    before = image_before (sag_node_input (activation, 0));
  behind = !product->fused.residual || before != NULL ? image_behind (y) : NULL;
  if (before == NULL && behind == NULL)
    return TRUE;
  if (activation != NULL && before != NULL)
    {
      store_moved (before, sag_node_input (activation, 0));
      before = sag_build_in (&build, activation->op->domain, activation->op->name, 1, before);
      before->producer->opset = activation->opset;
      build.node = activation;
      sag_build_move_attributes (&build, before->producer);
      build.node = product;
      if (!move (before, x, error))
        return FALSE;
    }
  else if (before != NULL)
    store_moved (before, x);
  if (behind != NULL)
    {
      store (behind, sag_node_output (y->reader, 0));
      store (behind, y);
      return convolve (&build, product, before, behind, &behind->shape, error) != NULL;
    }
  before = convolve (&build, product, before, NULL, &before->shape, error);
  if (before == NULL || (before = to_tokens (&build, before, &y->shape, error)) == NULL)
    return FALSE;
  sag_node_set_output (before->producer, 0, y);
  return TRUE;
}

gboolean
sag_pass_tokens (SagGraph *graph, GError **error)
{
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      SagNode *node = graph->nodes->pdata[i];
      guint before = graph->nodes->len;

      if (is_linear (node) && !rewrite (node, (int) i, error))
        return FALSE;
      i += graph->nodes->len - before;
    }
  return sag_graph_settle (graph, error);
}
