/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-linear-attention.c: attention without a softmax over tokens, phi (q) (phi (k)^T v) / (phi (q) sum phi (k) + eps),
 * as one node. (Katharopoulos, Vyas, Pappas and Fleuret, "Transformers are RNNs", 2020, eq. 6; phi is elu + 1, ReLU, exp
 * or nothing.) Exporters write it as some fifteen nodes, most of which only turn, cut out or scale what the products
 * read: here tokens are read where they lie, phi is applied to some at a time, and what comes out lies as the next
 * product reads it.
 *
 * phi (k)^T v and sum phi (k) are made of pieces of CHUNK tokens or more, added in order: the same bits for any team.
 */
#include "engine/base/alloc.h"
#include "engine/base/parallel.h"
#include "engine/nn/op-util.h"
#include "engine/nn/ops-pointwise.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/pass-see.h"
#include "engine/nn/passes.h"
#include "engine/nn/product.h"

#include <string.h>

enum
{
  CHUNK = 512, /* tokens of a piece, at least */
  CHUNKS = 64, /* pieces, at most */
  TILE = 128,  /* tokens in a thread's hands */
  MOST = 256,  /* features of a head */
};

/* One of q, k, v: where the elements of a batch, a token and a feature are. */
typedef struct
{
  SagSeen seen;
  int     tokens, features; /* its axes; the others are batches */
} Side;

typedef struct
{
  SagBinary op;
  float     number;
  gboolean  there;
} Scale;

typedef struct
{
  gint64   batches, m, n, e, d; /* queries, tokens, features of q and k, and of v */
  Side     q, k, v;
  Scale    product, sum;  /* of phi (k)^T v, and of sum phi (k) */
  gboolean normalised;
  float    epsilon;
  gint64   out_batch[SAG_MAX_RANK], out_token, out_feature; /* strides of the output */
  int      rank;          /* of the product, batches first */
  gint64   axes[SAG_MAX_RANK]; /* batches */
  gint64   chunk, chunks; /* tokens of a piece; pieces */
  gsize    state, packed, tile; /* floats of a chunk's sums, of packed sums, of a thread */
} Attention;

/* --- run --------------------------------------------------------------------------------- */

typedef struct
{
  const SagStep   *step;
  const Attention *self;
  float           *sums, *packed, *tiles; /* of every chunk; of every batch, then sum phi (k); of every thread */
  gint64           per_batch;             /* tiles of queries */
} Job;

/* Where a batch begins. */
static const float *
find (const Attention *self, const Side *side, const float *data, gint64 batch)
{
  data += side->seen.offset;
  for (int a = self->rank - 3; a >= 0; a--)
    {
      data += batch % self->axes[a] * side->seen.stride[a];
      batch /= self->axes[a];
    }
  return data;
}

/* phi of m tokens from `first` on, [m][e]. */
static void
load (const Side *side, const float *data, gint64 first, gint64 m, gint64 e, float *to)
{
  const SagKernels *k = sag_kernels_get ();
  gint64 token = side->seen.stride[side->tokens], feature = side->seen.stride[side->features];

  data += first * token;
  if (feature == 1)
    for (gint64 i = 0; i < m; i++)
      memcpy (to + i * e, data + i * token, (gsize) e * sizeof (float));
  else if (token == 1)
    k->transpose_f32 ((gsize) e, (gsize) m, data, feature, to, e);
  else
    for (gint64 i = 0; i < m; i++)
      for (gint64 j = 0; j < e; j++)
        to[i * e + j] = data[i * token + j * feature];
  sag_fused_apply (&side->seen.map, (gsize) (m * e), to);
  if (side->seen.shift != 0)
    k->unary[SAG_UNARY_AFFINE]((gsize) (m * e), to, to, 1, side->seen.shift);
}

/* A piece of phi (k)^T v, [e][d], and of sum phi (k), [e]. Items go by tokens first: a thread finds in its cache those
 * that it made in the step before. */
static void
chunk_item (gsize item, int thread, gpointer data)
{
  const Job *job = data;
  const Attention *self = job->self;
  const SagKernels *kernels = sag_kernels_get ();
  gint64 batch = (gint64) item % self->batches, chunk = (gint64) item / self->batches, first = chunk * self->chunk;
  gint64 end = MIN (first + self->chunk, self->n), e = self->e, d = self->d;
  const float *k = find (self, &self->k, sag_step_in (job->step, 1), batch);
  const float *v = find (self, &self->v, sag_step_in (job->step, 2), batch);
  gint64 token = self->v.seen.stride[self->v.tokens], feature = self->v.seen.stride[self->v.features];
  float *sums = job->sums + (batch * self->chunks + chunk) * (gint64) self->state, *sum = sums + e * d;
  float *rows = job->tiles + thread * (gint64) self->tile, *turned = rows + TILE * e, *values = turned + TILE * e;

  if (!sag_step_go_on (job->step, thread, 0.5 * (double) item / (double) (self->batches * self->chunks)))
    return;
  memset (sum, 0, (gsize) e * sizeof (float));
  for (gint64 at = first; at < end; at += TILE)
    {
      gint64 m = MIN (TILE, end - at);

      load (&self->k, k, at, m, e, rows);
      kernels->reduce.add_rows ((gsize) m, (gsize) e, rows, e, sum);
      kernels->transpose_f32 ((gsize) m, (gsize) e, rows, e, turned, m);
      sag_pack_f32 (sag_product_kernel (d)->nr, 1, (gsize) m, (gsize) d, v + at * token, 0, token, feature, values);
      sag_product (e, m, d, turned, m, values, at > first, sums, d);
    }
}

static void
apply_scale (const Scale *scale, gint64 n, float *x)
{
  if (scale->there)
    sag_kernels_get ()->binary[scale->op]((gsize) n, x, 1, &scale->number, 0, x);
}

/* The pieces of a batch together, as the queries' products read them. */
static void
batch_item (gsize item, int thread, gpointer data)
{
  const Job *job = data;
  const Attention *self = job->self;
  gint64 e = self->e, d = self->d;
  float *sums = job->sums + (gint64) item * self->chunks * (gint64) self->state;
  float *packed = job->packed + (gint64) item * (gint64) self->packed;

  for (gint64 i = 1; i < self->chunks; i++)
    sag_kernels_get ()->binary[SAG_BINARY_ADD]((gsize) (e * (d + 1)), sums, 1, sums + i * (gint64) self->state, 1, sums);
  apply_scale (&self->product, e * d, sums);
  apply_scale (&self->sum, e, sums + e * d);
  memcpy (packed, sums + e * d, (gsize) e * sizeof (float));
  sag_pack_f32 (sag_product_kernel (d)->nr, 1, (gsize) e, (gsize) d, sums, 0, d, 1, packed + (e + 15) / 16 * 16);
}

static void
query_item (gsize item, int thread, gpointer data)
{
  const Job *job = data;
  const Attention *self = job->self;
  const SagKernels *kernels = sag_kernels_get ();
  gint64 batch = (gint64) item % self->batches, rest = batch, first = (gint64) item / self->batches * TILE;
  gint64 m = MIN (TILE, self->m - first), e = self->e, d = self->d;
  const float *q = find (self, &self->q, sag_step_in (job->step, 0), batch);
  const float *packed = job->packed + batch * (gint64) self->packed;
  float *rows = job->tiles + thread * (gint64) self->tile, *made = rows + TILE * e;
  float *out = (float *) sag_step_out (job->step, 0) + first * self->out_token, over[TILE];
  gint64 ld = self->out_feature == 1 ? self->out_token : d;

  if (!sag_step_go_on (job->step, thread, 0.5 + 0.5 * (double) item / (double) (self->batches * job->per_batch)))
    return;
  for (int a = self->rank - 3; a >= 0; a--)
    {
      out += rest % self->axes[a] * self->out_batch[a];
      rest /= self->axes[a];
    }
  made = self->out_feature == 1 ? out : made;
  load (&self->q, q, first, m, e, rows);
  sag_product (m, e, d, rows, e, packed + (e + 15) / 16 * 16, FALSE, made, ld);
  if (self->normalised)
    {
      kernels->reduce.dots ((gsize) m, (gsize) e, rows, packed, over);
      kernels->unary[SAG_UNARY_AFFINE]((gsize) m, over, over, 1, self->epsilon);
      kernels->unary[SAG_UNARY_RECIPROCAL]((gsize) m, over, over, 0, 0);
      for (gint64 i = 0; i < m; i++)
        kernels->binary[SAG_BINARY_MUL]((gsize) d, made + i * ld, 1, over + i, 0, made + i * ld);
    }
  if (self->out_feature != 1)
    for (gint64 j = 0; j < d; j++)
      for (gint64 i = 0; i < m; i++)
        out[i * self->out_token + j * self->out_feature] = made[i * ld + j];
}

static void
run (const SagStep *step)
{
  const Attention *self = step->node->state;
  Job job = { .step = step, .self = self, .sums = step->scratch, .per_batch = (self->m + TILE - 1) / TILE };

  job.packed = job.sums + self->batches * self->chunks * (gint64) self->state;
  job.tiles = job.packed + self->batches * (gint64) self->packed;
  sag_parallel_for ((gsize) (self->batches * self->chunks), chunk_item, &job);
  sag_parallel_for ((gsize) self->batches, batch_item, &job);
  sag_parallel_for ((gsize) (self->batches * job.per_batch), query_item, &job);
}

/* --- the operator ------------------------------------------------------------------------ */

static gboolean
infer (SagNode *node, GError **error)
{
  return sag_node_give (node, 0, SAG_DTYPE_F32, &sag_node_output (node, 0)->shape, error);
}

static gsize
round_up (gsize floats)
{
  return (floats + 15) / 16 * 16;
}

static gboolean
prepare (SagNode *node, SagPrecision precision, GError **error)
{
  Attention *self = node->state;
  gsize values = sag_pack_size (sag_product_kernel (self->d)->nr, 1, TILE, (gsize) self->d), sums, packed, tiles, all;

  self->chunk = MAX (CHUNK, (self->n / CHUNKS + TILE) / TILE * TILE);
  self->chunks = (self->n + self->chunk - 1) / self->chunk;
  self->state = round_up ((gsize) (self->e * (self->d + 1)));
  self->packed = round_up ((gsize) self->e)
                 + round_up (sag_pack_size (sag_product_kernel (self->d)->nr, 1, (gsize) self->e, (gsize) self->d));
  self->tile = round_up (2 * TILE * (gsize) self->e + MAX (values, TILE * (gsize) self->d));
  node->kernel = self->normalised ? "normalised" : "plain";
  node->macs = (gint64) MIN (1e18, (double) self->batches * (double) self->e * (double) self->d
                                       * (double) (self->n + self->m));
  if (!g_size_checked_mul (&sums, (gsize) (self->batches * self->chunks), self->state)
      || !g_size_checked_mul (&packed, (gsize) self->batches, self->packed)
      || !g_size_checked_mul (&tiles, (gsize) sag_parallel_get_size (), self->tile)
      || !g_size_checked_add (&all, sums, packed) || !g_size_checked_add (&all, all, tiles)
      || !g_size_checked_mul (&node->scratch_bytes, all, sizeof (float)))
    return sag_node_invalid (node, error, "its matrices are too large");
  return TRUE;
}

/* Not in the table: no file can name it. */
static const SagOp attention_op = { "LinearAttention", "sagitta", infer, NULL, prepare, NULL, run };

/* --- which ------------------------------------------------------------------------------- */

static gboolean
is_passing (const SagValue *value)
{
  return sag_match_single (value) && sag_see_is_free (value);
}

/* x of x * number or x / number. */
static const SagValue *
without_scale (const SagValue *value, Scale *scale)
{
  const SagNode *node = value->producer;
  gboolean mul = node != NULL && sag_match_is (node, "Mul");

  for (int i = 0; i < 2 && (mul || (node != NULL && sag_match_is (node, "Div"))) && !scale->there; i++)
    {
      const SagValue *x = sag_node_input (node, i);

      if ((i == 1 && !mul) || !sag_match_scalar (sag_node_input (node, 1 - i), &scale->number)
          || !sag_shape_equal (&x->shape, &value->shape) || !sag_see_is_free (x))
        continue;
      scale->op = mul ? SAG_BINARY_MUL : SAG_BINARY_DIV;
      scale->there = TRUE;
      return x;
    }
  return value;
}

static gboolean
is_product (const SagNode *node)
{
  const SagShape *a, *b;

  if (node == NULL || !sag_match_is (node, "MatMul") || node->inputs->len != 2)
    return FALSE;
  a = &sag_node_input (node, 0)->shape;
  b = &sag_node_input (node, 1)->shape;
  return a->rank == b->rank && a->rank >= 2
         && memcmp (a->dim, b->dim, sizeof a->dim[0] * (gsize) (a->rank - 2)) == 0
         && sag_node_input (node, 0)->constant == NULL && sag_node_input (node, 1)->constant == NULL;
}

static Side
see_side (SagValue *value, int tokens, int features)
{
  Side side = { .tokens = tokens, .features = features };

  sag_see (value, &side.seen);
  return side;
}

/* Elements in the order in which they were, but for axes of one. */
static const SagValue *
without_moves (const SagValue *value)
{
  while (value->producer != NULL && sag_see_is_free (value)
         && (sag_match_is (value->producer, "Reshape") || sag_match_is (value->producer, "Squeeze")
             || sag_match_is (value->producer, "Unsqueeze") || sag_match_is (value->producer, "Transpose")))
    {
      const SagNode *node = value->producer;
      const SagShape *from = &sag_node_input (node, 0)->shape;
      int n, last = -1;
      const gint64 *perm = sag_match_is (node, "Transpose") ? sag_node_get_ints (node, "perm", &n) : NULL;

      if (sag_match_is (node, "Transpose") && (perm == NULL || n != from->rank))
        return value;
      for (int i = 0; perm != NULL && i < n; i++)
        if (from->dim[perm[i]] != 1)
          {
            if ((int) perm[i] < last)
              return value;
            last = (int) perm[i];
          }
      value = sag_node_input (node, 0);
    }
  return value;
}

/* Whether `value`, [..., e, 1] or so, is the sum of phi (k) over tokens, scaled. */
static gboolean
is_sum_of_keys (const SagValue *value, Attention *self)
{
  const SagValue *x = without_moves (without_scale (without_moves (value), &self->sum));
  const SagNode *sum = x->producer;
  gboolean mean = sum != NULL && sag_match_is (sum, "ReduceMean");
  gint64 number;
  Side k;

  if (sum == NULL || (!mean && !sag_match_is (sum, "ReduceSum")) || !sag_see_is_free (x))
    return FALSE;
  if (sag_node_input (sum, 1) != NULL)
    {
      if (sag_node_input (sum, 1)->constant == NULL || sag_value_count (sag_node_input (sum, 1)) != 1)
        return FALSE;
      number = sag_tensor_get_int (sag_node_input (sum, 1)->constant, 0);
    }
  else
    {
      int n;
      const gint64 *axes = sag_node_get_ints (sum, "axes", &n);

      if (axes == NULL || n != 1)
        return FALSE;
      number = axes[0];
    }
  if (mean && self->sum.there)
    return FALSE;
  if (mean)
    self->sum = (Scale){ SAG_BINARY_DIV, (float) self->n, TRUE };
  k.tokens = sag_axis (number, sag_node_input (sum, 0)->shape.rank);
  if (sag_node_input (sum, 0)->shape.rank != self->rank || k.tokens < self->rank - 2)
    return FALSE;
  k = see_side (sag_node_input (sum, 0), k.tokens, 2 * self->rank - 3 - k.tokens);
  if (k.seen.base != self->k.seen.base || k.seen.offset != self->k.seen.offset || k.seen.shift != self->k.seen.shift
      || memcmp (&k.seen.map, &self->k.seen.map, sizeof k.seen.map) != 0
      || k.seen.shape.dim[k.tokens] != self->n || k.seen.shape.dim[k.features] != self->e
      || k.seen.stride[k.tokens] != self->k.seen.stride[self->k.tokens]
      || k.seen.stride[k.features] != self->k.seen.stride[self->k.features])
    return FALSE;
  for (int a = 0; a < self->rank - 2; a++)
    if (k.seen.shape.dim[a] != self->axes[a] || k.seen.stride[a] != self->k.seen.stride[a])
      return FALSE;
  return TRUE;
}

/* phi (q) sum phi (k), as a product with a column, or as products that are summed. */
static gboolean
is_weight (const SagValue *x, const SagValue *q, Attention *self)
{
  const SagNode *node = x->producer;
  const SagValue *y;
  int n;

  if (node == NULL || !is_passing (x))
    return FALSE;
  if (is_product (node))
    return sag_node_input (node, 0) == q && sag_node_input (node, 1)->shape.dim[self->rank - 1] == 1
           && is_sum_of_keys (sag_node_input (node, 1), self);
  if (!sag_match_is (node, "ReduceSum") || sag_node_get_int (node, "keepdims", 1) == 0)
    return FALSE;
  y = sag_node_input (node, 1);
  if (y != NULL ? y->constant == NULL || sag_value_count (y) != 1
                      || sag_axis (sag_tensor_get_int (y->constant, 0), self->rank) != self->rank - 1
                : sag_node_get_ints (node, "axes", &n) == NULL || n != 1
                      || sag_axis (sag_node_get_ints (node, "axes", &n)[0], self->rank) != self->rank - 1)
    return FALSE;
  y = sag_node_input (node, 0);
  if (!is_passing (y) || y->producer == NULL || !sag_match_is (y->producer, "Mul")
      || !sag_shape_equal (&y->shape, &q->shape))
    return FALSE;
  for (int i = 0; i < 2; i++)
    {
      const SagValue *sum = sag_node_input (y->producer, 1 - i);

      if (sag_node_input (y->producer, i) == q && sum->shape.rank == self->rank
          && sum->shape.dim[self->rank - 2] == 1 && is_sum_of_keys (sum, self))
        return TRUE;
    }
  return FALSE;
}

/* The value that is `y` divided by the sum of its weights; NULL if nothing divides it. */
static SagValue *
normalised (const SagValue *y, const SagValue *q, Attention *self)
{
  SagNode *node = is_passing (y) ? y->reader : NULL;
  const SagValue *x = NULL;
  float one;

  if (sag_match_is (node, "Div") && sag_node_input (node, 0) == y)
    x = sag_node_input (node, 1);
  else if (sag_match_is (node, "Mul"))
    {
      x = sag_match_other (node, y);
      if (x == NULL || !is_passing (x) || x->producer == NULL)
        return NULL;
      if (sag_match_is (x->producer, "Reciprocal"))
        x = sag_node_input (x->producer, 0);
      else if (sag_match_is (x->producer, "Div") && sag_match_scalar (sag_node_input (x->producer, 0), &one) && one == 1)
        x = sag_node_input (x->producer, 1);
      else
        return NULL;
    }
  if (x == NULL || !is_passing (x) || x->shape.rank != self->rank || x->shape.dim[self->rank - 1] != 1
      || sag_value_count (x) * self->d != sag_value_count (y))
    return NULL;
  for (int i = 0; i < 2 && x->producer != NULL && sag_match_is (x->producer, "Add"); i++)
    if (sag_match_scalar (sag_node_input (x->producer, i), &self->epsilon))
      {
        x = sag_node_input (x->producer, 1 - i);
        break;
      }
  return is_weight (x, q, self) ? sag_node_output (node, 0) : NULL;
}

/* Where the output's elements lie; what it is then. */
static SagValue *
place (Attention *self, SagValue *y, int tokens, int features)
{
  gint64 strides[SAG_MAX_RANK], own[SAG_MAX_RANK];
  SagNode *turn = is_passing (y) && sag_match_is (y->reader, "Transpose") ? y->reader : NULL;
  SagValue *out = turn != NULL ? sag_node_output (turn, 0) : y;
  int n;
  const gint64 *perm = turn != NULL ? sag_node_get_ints (turn, "perm", &n) : NULL;

  if (turn != NULL && (perm == NULL || !sag_see_is_free (out)))
    {
      turn = NULL;
      out = y;
    }
  sag_layout_strides (&out->shape, SAG_LAYOUT_PLAIN, strides);
  for (int i = 0; i < self->rank; i++)
    own[turn != NULL ? perm[i] : i] = strides[i];
  memcpy (self->out_batch, own, sizeof own);
  self->out_token = own[tokens];
  self->out_feature = own[features];
  return out;
}

static void
match (SagGraph *graph, SagNode *second)
{
  for (int form = 0; form < 2; form++) /* q (k^T v), or turned: (v^T k) q^T */
    {
      Attention self = { .rank = sag_node_output (second, 0)->shape.rank };
      SagValue *q = sag_node_input (second, form), *sums = sag_node_input (second, 1 - form), *y, *end;
      const SagValue *raw = without_scale (sums, &self.product);
      SagNode *first = raw->producer, *node;
      int before = self.rank - 2 + form, last = self.rank - 1 - form;

      if (!is_product (first) || !is_passing (sums) || !is_passing (raw) || !sag_see_is_free (sag_node_output (second, 0)))
        continue;
      self.q = see_side (q, before, last);
      self.k = see_side (sag_node_input (first, form), last, before);
      self.v = see_side (sag_node_input (first, 1 - form), before, last);
      y = sag_node_output (second, 0);
      memcpy (self.axes, y->shape.dim, sizeof self.axes[0] * (gsize) (self.rank - 2));
      self.batches = sag_shape_product (&y->shape, 0, self.rank - 2);
      self.m = q->shape.dim[before];
      self.e = q->shape.dim[last];
      self.n = self.k.seen.shape.dim[self.k.tokens];
      self.d = self.v.seen.shape.dim[self.v.features];
      if (self.v.seen.map.activation != SAG_ACTIVATION_NONE || self.v.seen.shift != 0 || self.e > MOST || self.d > MOST
          || self.e < 2 || self.d < 2 || self.n < MAX (self.e, self.d) || self.batches * self.m == 0
          || memcmp (self.axes, sag_node_input (first, 0)->shape.dim, sizeof self.axes[0] * (gsize) (self.rank - 2)) != 0)
        continue;
      end = form == 0 ? normalised (y, q, &self) : NULL;
      self.normalised = end != NULL;
      y = place (&self, end != NULL ? end : y, before, last);
      node = sag_graph_add_node (graph, &attention_op, second->name, -1);
      node->opset = second->opset;
      node->state = g_memdup2 (&self, sizeof self);
      node->free_state = g_free;
      g_ptr_array_add (node->inputs, self.q.seen.base);
      g_ptr_array_add (node->inputs, self.k.seen.base);
      g_ptr_array_add (node->inputs, self.v.seen.base);
      sag_node_set_output (node, 0, y);
      return;
    }
}

gboolean
sag_pass_linear_attention (SagGraph *graph, GError **error)
{
  guint n = graph->nodes->len;

  for (guint i = 0; i < n; i++)
    if (is_product (graph->nodes->pdata[i]))
      match (graph, graph->nodes->pdata[i]);
  return sag_graph_settle (graph, error);
}
