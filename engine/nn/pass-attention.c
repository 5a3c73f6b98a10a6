/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-attention.c: softmax (q k scale + bias) v, which exporters write as four or five nodes, as one that makes a
 * few rows at a time: the scores never lie in memory as a whole. ("FlashAttention", Dao, Fu, Ermon, Rudra and Re,
 * 2022, is the idea; rows are whole here, so the arithmetic is that of the nodes and so are the bits.)
 */
#include "engine/base/alloc.h"
#include "engine/base/parallel.h"
#include "engine/nn/op-util.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/passes.h"
#include "engine/nn/product.h"

#include <string.h>

enum
{
  TILE = 1 << 15, /* scores of a tile */
  MOST_ROWS = 96, /* of a tile */
};

typedef struct
{
  gint64      batches, m, k, n, d; /* q [m][k], k [k][n], v [n][d] of each */
  gint64      bias_step[SAG_MAX_RANK]; /* elements of the bias between batches along each axis of them */
  gint64      bias_row, bias_column;   /* between rows and columns: 0 where it repeats */
  SagBinary   scale_op;
  float       scale;
  gboolean    scaled;
  gint64      rows;     /* of a tile */
  gsize       keys, values; /* floats of a packed matrix */
} Attention;

/* --- run --------------------------------------------------------------------------------- */

typedef struct
{
  const SagStep   *step;
  const Attention *self;
  const float     *q, *bias;
  float           *keys, *values, *tiles, *out;
  gint64           per_batch; /* tiles */
} Job;

static void
pack_item (gsize item, int thread, gpointer data)
{
  const Job *job = data;
  const Attention *self = job->self;
  gint64 batch = (gint64) item / 2;
  const float *keys = sag_step_in (job->step, 1), *values = sag_step_in (job->step, 2);

  if (item % 2 == 0)
    sag_pack_f32 (sag_product_kernel (self->n)->nr, 1, (gsize) self->k, (gsize) self->n, keys + batch * self->k * self->n,
                  0, self->n, 1, job->keys + batch * (gint64) self->keys);
  else
    sag_pack_f32 (sag_product_kernel (self->d)->nr, 1, (gsize) self->n, (gsize) self->d, values + batch * self->n * self->d,
                  0, self->d, 1, job->values + batch * (gint64) self->values);
}

static void
add_bias (const Job *job, gint64 batch, gint64 row, gint64 m, float *scores)
{
  const Attention *self = job->self;
  const SagShape *shape = &sag_node_output (job->step->node, 0)->shape;
  const float *bias = job->bias;

  for (int a = shape->rank - 3; a >= 0; a--)
    {
      bias += batch % shape->dim[a] * self->bias_step[a];
      batch /= shape->dim[a];
    }
  for (gint64 i = 0; i < m; i++, scores += self->n)
    sag_kernels_get ()->binary[SAG_BINARY_ADD]((gsize) self->n, scores, 1, bias + (row + i) * self->bias_row,
                                               (gsize) self->bias_column, scores);
}

static void
tile_item (gsize item, int thread, gpointer data)
{
  const Job *job = data;
  const Attention *self = job->self;
  const SagKernels *kernels = sag_kernels_get ();
  gint64 batch = (gint64) item / job->per_batch, row = (gint64) item % job->per_batch * self->rows;
  gint64 m = MIN (self->rows, self->m - row), at = batch * self->m + row;
  float *scores = job->tiles + thread * self->rows * self->n;

  if (!sag_step_go_on (job->step, thread, (double) item / (double) (job->per_batch * self->batches)))
    return;
  sag_product (m, self->k, self->n, job->q + at * self->k, self->k, job->keys + batch * (gint64) self->keys, FALSE,
               scores, self->n);
  if (self->scaled)
    kernels->binary[self->scale_op]((gsize) (m * self->n), scores, 1, &self->scale, 0, scores);
  if (job->bias != NULL)
    add_bias (job, batch, row, m, scores);
  kernels->reduce.softmax ((gsize) m, (gsize) self->n, scores, scores);
  sag_product (m, self->n, self->d, scores, self->n, job->values + batch * (gint64) self->values, FALSE,
               job->out + at * self->d, self->d);
}

static void
run (const SagStep *step)
{
  const Attention *self = step->node->state;
  const SagValue *bias = sag_node_input (step->node, 3);
  Job job = { .step = step, .self = self, .q = sag_step_in (step, 0), .bias = bias != NULL ? bias->data : NULL,
              .keys = step->scratch, .out = sag_step_out (step, 0) };

  job.values = job.keys + self->batches * (gint64) self->keys;
  job.tiles = job.values + self->batches * (gint64) self->values;
  job.per_batch = (self->m + self->rows - 1) / self->rows;
  sag_parallel_for (2 * (gsize) self->batches, pack_item, &job);
  sag_parallel_for ((gsize) (self->batches * job.per_batch), tile_item, &job);
}

/* --- the operator ------------------------------------------------------------------------ */

static gboolean
infer (SagNode *node, GError **error)
{
  SagShape shape = sag_node_input (node, 0)->shape;

  shape.dim[shape.rank - 1] = sag_node_input (node, 2)->shape.dim[shape.rank - 1];
  return sag_node_give (node, 0, SAG_DTYPE_F32, &shape, error);
}

static gboolean
prepare (SagNode *node, SagPrecision precision, GError **error)
{
  Attention *self = node->state;
  gint64 mr = sag_product_kernel (self->n)->mr;
  gsize floats, tiles;

  self->rows = CLAMP (TILE / self->n, mr, MOST_ROWS) / mr * mr;
  self->keys = sag_pack_size (sag_product_kernel (self->n)->nr, 1, (gsize) self->k, (gsize) self->n);
  self->values = sag_pack_size (sag_product_kernel (self->d)->nr, 1, (gsize) self->n, (gsize) self->d);
  node->kernel = "attention";
  node->macs = (gint64) MIN (1e18, (double) self->batches * (double) self->m * (double) self->n * (double) (self->k + self->d));
  if (self->keys == 0 || self->values == 0
      || !g_size_checked_mul (&floats, self->keys + self->values, (gsize) self->batches)
      || !g_size_checked_mul (&tiles, (gsize) (self->rows * self->n), (gsize) sag_parallel_get_size ())
      || !g_size_checked_add (&floats, floats, tiles) || !g_size_checked_mul (&node->scratch_bytes, floats, sizeof (float)))
    return sag_node_invalid (node, error, "its matrices are too large");
  return TRUE;
}

/* Not in the table: no file can name it. */
static const SagOp attention_op = { "Attention", "sagitta", infer, NULL, prepare, NULL, run };

/* --- which ------------------------------------------------------------------------------- */

/* A value that nobody else reads, and of which the file does not say how it is stored. */
static gboolean
is_passing (const SagValue *value)
{
  return sag_match_single (value) && value->quantum.scale == 0 && value->least >= value->most;
}

/* Axes before the last two are the same. */
static gboolean
same_batches (const SagShape *a, const SagShape *b)
{
  return a->rank == b->rank && a->rank >= 2 && memcmp (a->dim, b->dim, sizeof a->dim[0] * (gsize) (a->rank - 2)) == 0;
}

static gboolean
is_product (const SagNode *node)
{
  return node != NULL && sag_match_is (node, "MatMul") && node->inputs->len == 2
         && same_batches (&sag_node_input (node, 0)->shape, &sag_node_input (node, 1)->shape)
         && sag_node_input (node, 1)->constant == NULL;
}

/* From the input of the softmax upwards: a bias, a scale, the product. NULL if it is something else. */
static SagNode *
find_scores (const SagValue *x, Attention *self, SagValue **bias)
{
  SagNode *node = is_passing (x) ? x->producer : NULL;

  *bias = NULL;
  if (sag_match_is (node, "Add"))
    for (int i = 0; i < 2 && *bias == NULL; i++)
      {
        SagValue *sum = sag_node_input (node, i), *other = sag_node_input (node, 1 - i);
        SagShape whole;

        if (sum->producer == NULL || !is_passing (sum) || !sag_shape_equal (&sum->shape, &x->shape)
            || !sag_shape_broadcast (&other->shape, &sum->shape, &whole) || !sag_shape_equal (&whole, &x->shape)
            || (!is_product (sum->producer) && !sag_match_is (sum->producer, "Mul") && !sag_match_is (sum->producer, "Div")))
          continue;
        *bias = other;
        x = sum;
      }
  node = is_passing (x) ? x->producer : NULL;
  for (int i = 0; i < 2 && (sag_match_is (node, "Mul") || sag_match_is (node, "Div")); i++)
    {
      SagValue *sum = sag_node_input (node, i);

      if ((i == 1 && !sag_match_is (node, "Mul")) || !sag_match_scalar (sag_node_input (node, 1 - i), &self->scale)
          || !is_passing (sum) || !is_product (sum->producer) || !sag_shape_equal (&sum->shape, &x->shape))
        continue;
      self->scale_op = sag_match_is (node, "Mul") ? SAG_BINARY_MUL : SAG_BINARY_DIV;
      self->scaled = TRUE;
      return sum->producer;
    }
  return is_product (node) ? node : NULL;
}

static void
match (SagGraph *graph, SagNode *softmax)
{
  SagValue *x = sag_node_input (softmax, 0), *p = sag_node_output (softmax, 0), *bias, *y;
  SagNode *second = sag_match_next (p, "MatMul"), *first, *node;
  const SagShape *q, *k, *v;
  Attention self = { 0 };

  gint64 axis = sag_node_get_int (softmax, "axis", softmax->opset < 13 ? 1 : -1);

  if (second == NULL || !is_product (second) || sag_node_input (second, 0) != p || !is_passing (p)
      || sag_axis (axis, x->shape.rank) != x->shape.rank - 1)
    return;
  first = find_scores (x, &self, &bias);
  if (first == NULL)
    return;
  q = &sag_node_input (first, 0)->shape;
  k = &sag_node_input (first, 1)->shape;
  v = &sag_node_input (second, 1)->shape;
  self.batches = sag_shape_product (q, 0, q->rank - 2);
  self.m = q->dim[q->rank - 2];
  self.k = q->dim[q->rank - 1];
  self.n = k->dim[k->rank - 1];
  self.d = v->dim[v->rank - 1];
  if (!same_batches (q, v) || self.batches * self.m * self.k * self.n * self.d == 0 || self.d == 1 || self.n == 1)
    return;
  if (bias != NULL)
    {
      gint64 strides[SAG_MAX_RANK];

      sag_value_strides_in (bias, &x->shape, strides);
      memcpy (self.bias_step, strides, sizeof strides[0] * (gsize) (q->rank - 2));
      self.bias_row = strides[q->rank - 2];
      self.bias_column = strides[q->rank - 1];
    }
  y = sag_node_output (second, 0);
  node = sag_graph_add_node (graph, &attention_op, second->name, -1);
  node->opset = softmax->opset;
  node->state = g_memdup2 (&self, sizeof self);
  node->free_state = g_free;
  g_ptr_array_add (node->inputs, sag_node_input (first, 0));
  g_ptr_array_add (node->inputs, sag_node_input (first, 1));
  g_ptr_array_add (node->inputs, sag_node_input (second, 1));
  if (bias != NULL)
    g_ptr_array_add (node->inputs, bias);
  sag_node_set_output (node, 0, y);
}

gboolean
sag_pass_attention (SagGraph *graph, GError **error)
{
  for (guint i = 0; i < graph->nodes->len; i++)
    if (sag_match_is (graph->nodes->pdata[i], "Softmax"))
      match (graph, graph->nodes->pdata[i]);
  return sag_graph_settle (graph, error);
}
