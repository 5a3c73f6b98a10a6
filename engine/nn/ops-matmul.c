/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-matmul.c: matrix products: MatMul, Gemm.
 *
 * c[i][j] = sum over p of a[i][p] * b[p][j]. The rows of a are read where they lie; b is packed
 * into panels, once at load if it is constant, in scratch at each run if not. An item of parallel
 * work is a block of rows times some panels: bias, residual and activation follow while it is in
 * the cache.
 */
#include "engine/base/alloc.h"
#include "engine/base/parallel.h"
#include "engine/nn/int8.h"
#include "engine/nn/build.h"
#include "engine/nn/op-util.h"

#include <math.h>
#include <string.h>

enum
{
  ROWS = 64,
  FEW_ROWS = 96, /* are one block: each thread reads its own part of the weights once */
  PANELS = 4,
  MAX_MR = 32,
};

/* The product as numbers; from the node, at infer and at every run. */
typedef struct
{
  gint64   m, n, k;
  int      batch_rank;
  gint64   batch[SAG_MAX_RANK];
  gint64   a_step[SAG_MAX_RANK], b_step[SAG_MAX_RANK]; /* matrices, not elements */
  gint64   batches, b_batches;
  gboolean a_flipped, b_flipped; /* stored transposed */
  float    alpha, beta;
  gboolean a_vector, b_vector; /* rank 1: the output lacks that axis */
} Product;

static gboolean
is_gemm (const SagNode *node)
{
  return strcmp (node->op->name, "Gemm") == 0;
}

static gboolean
read_product (const SagNode *node, Product *p, SagShape *result, GError **error)
{
  SagShape a = sag_node_input (node, 0)->shape, b = sag_node_input (node, 1)->shape,
           a_batch = { 0 }, b_batch = { 0 };
  SagShape batch;

  *p = (Product){ .alpha = sag_node_get_float (node, "alpha", 1),
                  .beta = sag_node_get_float (node, "beta", 1) };
  p->a_flipped = sag_node_get_int (node, "transA", 0) != 0;
  p->b_flipped = sag_node_get_int (node, "transB", 0) != 0;
  if (sag_node_get_int (node, "transBatchA", 0) != 0 || sag_node_get_int (node, "transBatchB", 0) != 0)
    return sag_node_unsupported (node, error, "its batches are transposed");
  if (a.rank == 0 || b.rank == 0 || (is_gemm (node) && (a.rank != 2 || b.rank != 2)))
    return sag_node_invalid (node, error, "its inputs are not matrices");
  if (a.rank == 1)
    {
      p->a_vector = TRUE;
      a = (SagShape) { 2, { 1, a.dim[0] } };
    }
  if (b.rank == 1)
    {
      p->b_vector = TRUE;
      b = (SagShape) { 2, { b.dim[0], 1 } };
    }
  p->m = a.dim[a.rank - (p->a_flipped ? 1 : 2)];
  p->k = a.dim[a.rank - (p->a_flipped ? 2 : 1)];
  p->n = b.dim[b.rank - (p->b_flipped ? 2 : 1)];
  a_batch.rank = a.rank - 2;
  b_batch.rank = b.rank - 2;
  memcpy (a_batch.dim, a.dim, sizeof a_batch.dim);
  memcpy (b_batch.dim, b.dim, sizeof b_batch.dim);
  if (b.dim[b.rank - (p->b_flipped ? 1 : 2)] != p->k
      || !sag_shape_broadcast (&a_batch, &b_batch, &batch))
    {
      g_autofree char *x = sag_shape_to_string (&a), *y = sag_shape_to_string (&b);

      return sag_node_invalid (node, error, "%s and %s cannot be multiplied", x, y);
    }
  if (p->a_flipped && sag_shape_count (&a_batch) != 1)
    return sag_node_unsupported (node, error, "a transposed first input must be one matrix");
  p->batches = sag_shape_count (&batch);
  p->b_batches = sag_shape_count (&b_batch);
  if (p->b_batches == 1 && !p->a_flipped) /* one b for all: the batch is more rows */
    {
      p->m *= p->batches;
      p->batches = 1;
    }
  else
    {
      p->batch_rank = batch.rank;
      memcpy (p->batch, batch.dim, sizeof p->batch);
      sag_shape_strides_in (&a_batch, &batch, p->a_step);
      sag_shape_strides_in (&b_batch, &batch, p->b_step);
    }
  if (result != NULL)
    {
      *result = batch;
      if (!p->a_vector)
        result->dim[result->rank++] = a.dim[a.rank - (p->a_flipped ? 1 : 2)];
      if (!p->b_vector)
        result->dim[result->rank++] = p->n;
    }
  return TRUE;
}

static gboolean
infer_product (SagNode *node, GError **error)
{
  const SagValue *bias;
  SagShape shape;
  Product p;

  if (!sag_node_arity (node, 2, error) || !sag_node_want_float (node, 0, error)
      || !sag_node_want_float (node, 1, error) || !read_product (node, &p, &shape, error))
    return FALSE;
  bias = node->inputs->len > (node->fused.residual ? 3u : 2u) ? sag_node_input (node, 2) : NULL;
  if (bias != NULL)
    {
      SagShape wide = shape;

      if (bias->dtype != SAG_DTYPE_F32 || !sag_shape_broadcast (&bias->shape, &shape, &wide)
          || !sag_shape_equal (&wide, &shape))
        return sag_node_invalid (node, error, "its third input does not fit the product");
    }
  return sag_node_give (node, 0, SAG_DTYPE_F32, &shape, error);
}

/* The panel width that wastes the fewest columns; the wide one if equal. */
static const SagGemmF32 *
choose_gemm (gint64 n)
{
  const SagKernels *kernels = sag_kernels_get ();
  const SagGemmF32 *wide = &kernels->gemm_f32[SAG_GEMM_WIDE],
                   *narrow = &kernels->gemm_f32[SAG_GEMM_NARROW];
  gint64 by_wide = (n + wide->nr - 1) / wide->nr * wide->nr;
  gint64 by_narrow = (n + narrow->nr - 1) / narrow->nr * narrow->nr;

  return by_narrow * 5 < by_wide * 4 ? narrow : wide;
}

/* A bias by column, one for all rows, can start the sums. */
static gboolean
bias_starts (const SagNode *node, const Product *p)
{
  const SagValue *bias = sag_node_input (node, 2);

  return bias != NULL && !(node->fused.residual && node->inputs->len == 3) && bias->constant != NULL
         && p->alpha == 1 && p->beta == 1 && sag_value_count (bias) == p->n && bias->shape.rank > 0
         && bias->shape.dim[bias->shape.rank - 1] == p->n;
}

/* Where what belongs to a product on bytes lies: packed, then in scratch. In bytes. */
typedef struct
{
  gsize nr, columns, groups, panel, half;     /* columns a panel; filled up; groups of 32; bytes, and at INT4 packed */
  gsize scales, sums, bias, shares, weights, packed; /* of every column, filled up to whole panels */
  gsize starts, factors, partials, unpacked, scratch;   /* scratch begins with the rows of a as bytes */
} Int8Place;

enum { MOST_PRODUCTS = 32000 };

static gsize
put (gsize *total, gsize bytes)
{
  gsize at = *total;

  *total += (bytes + SAG_ALIGN - 1) & ~(gsize) (SAG_ALIGN - 1);
  return at;
}

/* Sizes were checked: tensors have at most SAG_MAX_ELEMENTS. */
static Int8Place
place_int8 (const SagNode *node, const Product *p)
{
  gboolean int4 = node->precision == SAG_PRECISION_INT4;
  gsize nr = sag_kernels_get ()->gemm_u8.nr;
  gsize columns = ((gsize) p->n + nr - 1) / nr * nr, steps = (gsize) (p->k + 3) / 4;
  Int8Place at = { .nr = nr, .columns = columns, .groups = (steps + 7) / 8 };

  at.panel = steps * 4 * nr;
  at.half = (steps + 1) / 2 * 4 * nr;
  at.scales = put (&at.packed, columns * sizeof (float));
  at.sums = put (&at.packed, columns * sizeof (gint32));
  at.bias = put (&at.packed, columns * sizeof (float));
  at.shares = put (&at.packed, int4 ? at.groups * columns * sizeof (gint16) : 0);
  at.weights = put (&at.packed, columns / nr * (int4 ? at.half : at.panel));
  put (&at.scratch, (gsize) (p->m * p->k));
  at.starts = put (&at.scratch, columns * sizeof (gint32));
  at.factors = put (&at.scratch, columns * sizeof (float));
  at.partials = put (&at.scratch, (gsize) sag_int8_partials (p->m * p->k) * sizeof (float));
  at.unpacked = put (&at.scratch, int4 ? columns / nr * at.panel : 0);
  return at;
}

static gboolean
fits_int8 (const SagNode *node, const Product *p)
{
  return sag_node_input (node, 1)->constant != NULL && p->batches == 1 && p->b_batches == 1
         && !p->a_flipped && p->n > 1 && p->k <= MOST_PRODUCTS;
}

/* Bytes of a packed weight. */
static gsize
weight_size (const SagNode *node)
{
  return node->precision == SAG_PRECISION_BF16 ? sizeof (guint16) : sizeof (float);
}

static gboolean
prepare_product (SagNode *node, SagPrecision precision, GError **error)
{
  const SagGemmF32 *gemm;
  gsize panels, bytes;
  Product p;

  if (!read_product (node, &p, NULL, error))
    return FALSE;
  if (precision >= SAG_PRECISION_INT8 && fits_int8 (node, &p))
    {
      node->precision = precision;
      node->kernel = "gemm";
      node->macs = (gint64) MIN (1e18, (double) p.m * (double) p.n * (double) p.k);
      node->packed_bytes = place_int8 (node, &p).packed;
      node->scratch_bytes = place_int8 (node, &p).scratch;
      node->packed_inputs = bias_starts (node, &p) ? 6 : 2;
      return TRUE;
    }
  gemm = choose_gemm (p.n);
  node->kernel = p.n == 1 ? "dot" : "gemm";
  node->macs = (gint64) MIN (1e18, (double) p.batches * (double) p.m * (double) p.n * (double) p.k);
  if (p.n == 1 && !p.a_flipped)
    return TRUE;
  panels = sag_pack_size (gemm->nr, 1, (size_t) p.k, (size_t) p.n);
  if ((panels == 0 && p.k > 0 && p.n > 0)
      || !g_size_checked_mul (&bytes, panels, (gsize) p.b_batches)
      || !g_size_checked_add (&panels, bytes, (gsize) (p.n + gemm->nr)) || panels > G_MAXSIZE / 8)
    return sag_node_invalid (node, error, "its weights are too large");
  if (precision == SAG_PRECISION_BF16 && sag_node_input (node, 1)->constant != NULL)
    node->precision = SAG_PRECISION_BF16;
  bytes = bytes * weight_size (node) + (gsize) (p.n + gemm->nr) * sizeof (float);
  if (sag_node_input (node, 1)->constant != NULL)
    {
      node->packed_bytes = bytes;
      node->packed_inputs = bias_starts (node, &p) ? 6 : 2;
    }
  else
    node->scratch_bytes = bytes;
  if (p.a_flipped
      && !g_size_checked_add (&node->scratch_bytes, node->scratch_bytes,
                              (gsize) sag_value_count (sag_node_input (node, 0)) * sizeof (float)
                                  + 64))
    return sag_node_invalid (node, error, "its input is too large");
  return TRUE;
}

/* Panels of a matrix of b; after those of all, the bias filled up to whole panels. */
static void
pack_matrix (const Product *p, const SagNode *node, unsigned nr, const float *b, void *packed)
{
  ptrdiff_t row = p->b_flipped ? 1 : p->n, column = p->b_flipped ? p->k : 1;

  if (node->precision == SAG_PRECISION_BF16)
    sag_pack_bf16 ((int) (choose_gemm (p->n) - sag_kernels_get ()->gemm_f32), nr, 1, (size_t) p->k, (size_t) p->n, b, 0,
                   row, column, packed);
  else
    sag_pack_f32 (nr, 1, (size_t) p->k, (size_t) p->n, b, 0, row, column, packed);
}

static void
pack_bias (const SagNode *node, const Product *p, unsigned nr, float *init)
{
  gint64 padded = (p->n + nr - 1) / nr * nr;

  memset (init, 0, sizeof *init * padded);
  if (bias_starts (node, p))
    memcpy (init, sag_node_input (node, 2)->data, sizeof *init * p->n);
}

static void
pack_int8 (SagNode *node, const Product *p)
{
  Int8Place at = place_int8 (node, p);
  const SagKernels *kernels = sag_kernels_get ();
  const float *b = sag_node_input (node, 1)->data;
  ptrdiff_t row = p->b_flipped ? 1 : p->n, column = p->b_flipped ? p->k : 1;
  g_autofree gint8 *bytes = g_malloc (MAX ((gsize) (p->k * p->n), 1)); /* [n][k] */
  g_autofree float *one = g_new (float, MAX (p->k, 1));
  float *scales = (void *) ((char *) node->packed + at.scales);
  gint32 *sums = (void *) ((char *) node->packed + at.sums);
  float given = sag_node_get_float (node, "weight_scale", 0); /* the file's own (pass-quant.c) */

  for (gint64 j = 0; j < p->n; j++)
    {
      for (gint64 k = 0; k < p->k; k++)
        one[k] = b[j * column + k * row];
      scales[j] = given > 0 ? given : sag_int8_scale (p->k, one);
      if (scales[j] == 0)
        scales[j] = 1;
      kernels->quantize.to_s8 ((gsize) p->k, one, scales[j], bytes + j * p->k);
      for (gint64 k = 0; k < p->k; k++)
        sums[j] += bytes[j * p->k + k];
    }
  sag_pack_s8 (kernels->gemm_u8.nr, 1, (gsize) p->k, (gsize) p->n, bytes, 0, 1, p->k,
               (gint8 *) node->packed + at.weights);
  pack_bias (node, p, kernels->gemm_u8.nr, (void *) ((char *) node->packed + at.bias));
}

/* The columns of some panels, groups of 32 rows, four bits a weight. */
typedef struct
{
  const SagNode *node;
  const Product *p;
} Int4Packing;

static void
pack_int4_panels (gint64 panel, gint64 last, int thread, gpointer data)
{
  const Int4Packing *packing = data;
  const Product *p = packing->p;
  Int8Place at = place_int8 (packing->node, p);
  char *packed = packing->node->packed;
  const float *b = sag_node_input (packing->node, 1)->data;
  ptrdiff_t row = p->b_flipped ? 1 : p->n, column = p->b_flipped ? p->k : 1;
  gint64 nr = (gint64) at.nr;
  g_autofree gint8 *q = g_malloc0 (MAX ((gsize) p->k, 1));
  g_autofree gint16 *shares = g_new (gint16, MAX (at.groups, 1));
  g_autofree float *one = g_new (float, MAX (p->k, 1));
  float *scales = (void *) (packed + at.scales);
  gint32 *sums = (void *) (packed + at.sums);

  for (; panel < last; panel++)
    {
      gint64 from = panel * nr, n = MIN (nr, p->n - from);
      gint16 *to = (gint16 *) (void *) (packed + at.shares) + panel * (gint64) at.groups * nr;
      guint8 *halves = (guint8 *) packed + at.weights + (gsize) panel * at.half;

      for (gint64 j = 0; j < n; j++)
        {
          for (gint64 k = 0; k < p->k; k++)
            one[k] = b[(from + j) * column + k * row];
          scales[from + j] = sag_int8_scale (p->k, one);
          if (scales[from + j] == 0)
            scales[from + j] = 1;
          sag_int4_column ((gsize) p->k, one, scales[from + j], q, shares);
          for (gint64 group = 0; group < (gint64) at.groups; group++)
            to[group * nr + j] = shares[group];
          for (gint64 k = 0; k < p->k; k++)
            sums[from + j] += sag_int4_weight (q[k], shares[k / 32]);
          sag_int4_pack ((gsize) p->k, q, at.nr, halves + 4 * j);
        }
      memset (q, 0, (gsize) p->k);
      for (gint64 j = n; j < nr; j++)
        sag_int4_pack ((gsize) p->k, q, at.nr, halves + 4 * j);
    }
}

static void
pack_int4 (SagNode *node, const Product *p)
{
  Int8Place at = place_int8 (node, p);
  Int4Packing packing = { node, p };

  sag_range_run ((gint64) (at.columns / at.nr), 1, pack_int4_panels, &packing);
  pack_bias (node, p, (unsigned) at.nr, (void *) ((char *) node->packed + at.bias));
}

static void
pack_product (SagNode *node)
{
  Product p;
  const SagGemmF32 *gemm;
  gsize panels;

  if (node->packed_bytes == 0 || !read_product (node, &p, NULL, NULL))
    return;
  if (node->precision == SAG_PRECISION_INT8)
    {
      pack_int8 (node, &p);
      return;
    }
  if (node->precision == SAG_PRECISION_INT4)
    {
      pack_int4 (node, &p);
      return;
    }
  gemm = choose_gemm (p.n);
  panels = sag_pack_size (gemm->nr, 1, (size_t) p.k, (size_t) p.n);
  panels *= weight_size (node);
  for (gint64 i = 0; i < p.b_batches; i++)
    pack_matrix (&p, node, gemm->nr, (const float *) sag_node_input (node, 1)->data + i * p.k * p.n,
                 (char *) node->packed + (gsize) i * panels);
  pack_bias (node, &p, gemm->nr, (void *) ((char *) node->packed + panels * (gsize) p.b_batches));
}

typedef struct
{
  const SagStep    *step;
  Product           p;
  const SagGemmF32 *gemm;
  const float      *a, *init;
  void             *packed;
  float            *c;
  gsize             panels;     /* weights of a packed matrix */
  gint64            row_blocks, column_blocks, rows, columns; /* rows and columns of a block */
  gint64            n_items;    /* blocks */
  gboolean          clamp;      /* the activation is a clamp: the kernel does it */
  gboolean          started;    /* the bias is in init */
  const float      *b;          /* to pack, or for dot */
} ProductRun;

static void
pack_items (gint64 item, gint64 to, int thread, gpointer data)
{
  const ProductRun *run = data;

  for (; item < to; item++)
    pack_matrix (&run->p, run->step->node, run->gemm->nr, run->b + item * run->p.k * run->p.n,
                 (float *) run->packed + item * (gint64) run->panels);
}

static void
find_matrices (const Product *p, gint64 batch, gint64 *a, gint64 *b)
{
  *a = *b = 0;
  for (int i = p->batch_rank - 1; i >= 0; i--)
    {
      *a += batch % p->batch[i] * p->a_step[i];
      *b += batch % p->batch[i] * p->b_step[i];
      batch /= p->batch[i];
    }
}

/* What follows the sums, for n elements from (row, column) on. */
static void
finish_row (const ProductRun *run, gint64 row, gint64 column, gint64 n)
{
  const SagNode *node = run->step->node;
  const SagKernels *kernels = sag_kernels_get ();
  gint64 at = row * run->p.n + column;
  float *c = run->c + at;
  const SagValue *bias =
      node->inputs->len > (node->fused.residual ? 3u : 2u) ? sag_node_input (node, 2) : NULL;

  if (run->p.alpha != 1)
    kernels->unary[SAG_UNARY_AFFINE]((size_t) n, c, c, run->p.alpha, 0);
  if (bias != NULL && !run->started)
    {
      gint64 strides[SAG_MAX_RANK], offset = 0, rest = at, step;
      const SagShape *shape = &sag_node_output (node, 0)->shape;

      sag_value_strides_in (bias, shape, strides);
      step = run->p.b_vector ? 0 : strides[shape->rank - 1];
      for (int i = shape->rank - 1; i >= 0; i--)
        {
          offset += rest % shape->dim[i] * strides[i];
          rest /= shape->dim[i];
        }
      for (gint64 i = 0; i < n; i++)
        c[i] += run->p.beta * ((const float *) bias->data)[offset + i * step];
    }
  if (node->fused.residual)
    {
      const SagValue *residual = sag_node_input (node, (int) node->inputs->len - 1);

      kernels->binary[SAG_BINARY_ADD]((size_t) n, c, 1, (const float *) residual->data + at, 1, c);
    }
  if (!run->clamp)
    sag_fused_apply (&node->fused, (gsize) n, c);
}

/* The same of rows .. row_end - 1, at once where they follow each other. */
static void
finish_rows (const ProductRun *run, gint64 row, gint64 row_end, gint64 column, gint64 n)
{
  const SagNode *node = run->step->node;
  gboolean biased = !run->started && node->inputs->len > (node->fused.residual ? 3u : 2u)
                    && sag_node_input (node, 2) != NULL;

  if (run->p.alpha == 1 && !biased && !node->fused.residual
      && (run->clamp || node->fused.activation == SAG_ACTIVATION_NONE))
    return;
  if (!biased && n == run->p.n)
    {
      finish_row (run, row, column, n * (row_end - row));
      return;
    }
  for (; row < row_end; row++)
    finish_row (run, row, column, n);
}

/* `job` but for its weights, which begin with number `at`. */
static void
multiply (const ProductRun *run, gint64 at, SagGemmF32Job *job)
{
  const SagKernels *kernels = sag_kernels_get ();

  if (run->step->node->precision == SAG_PRECISION_BF16)
    {
      kernels->gemm_bf16[run->gemm - kernels->gemm_f32].fn (&(SagGemmBf16Job){
        .m = job->m, .n = job->n, .taps = job->taps, .k = job->k, .rows = job->rows,
        .w = (const guint16 *) run->packed + at, .init = job->init, .c = job->c, .ldc = job->ldc,
        .lo = job->lo, .hi = job->hi });
      return;
    }
  job->w = (const float *) run->packed + at;
  run->gemm->fn (job);
}

static void
product_items (gint64 item, gint64 last, int thread, gpointer data)
{
  const ProductRun *run = data;
  const Product *p = &run->p;
  const SagFused *fused = &run->step->node->fused;
  SagGemmF32Job job = {
    .taps = 1, .k = (size_t) p->k, .ldc = p->n, .lo = -INFINITY, .hi = INFINITY
  };
  const float *rows[MAX_MR];
  unsigned mr = run->gemm->mr, nr = run->gemm->nr;

  job.rows = rows;
  if (run->clamp)
    {
      SagUnary kind;

      sag_fused_unary (fused, &kind, &job.lo, &job.hi);
    }
  for (; item < last; item++)
    {
      gint64 column = item % run->column_blocks * run->columns, rest = item / run->column_blocks;
      gint64 row = rest % run->row_blocks * run->rows, batch = rest / run->row_blocks, ia, ib;
      gint64 row_end = MIN (row + run->rows, p->m), column_end = MIN (column + run->columns, p->n);

      if (!sag_step_go_on (run->step, thread, (double) item / (double) run->n_items))
        return;
      find_matrices (p, batch, &ia, &ib);
      for (gint64 j = column; j < column_end; j += nr)
        for (gint64 i = row; i < row_end; i += mr)
          {
            job.m = (size_t) MIN (mr, row_end - i);
            job.n = (size_t) MIN (nr, column_end - j);
            for (unsigned r = 0; r < mr; r++)
              rows[r] = run->a + (ia * p->m + MIN (i + r, p->m - 1)) * p->k;
            job.init = run->init + j;
            job.c = run->c + (batch * p->m + i) * p->n + j;
            multiply (run, ib * (gint64) run->panels + j * p->k, &job);
          }
      finish_rows (run, batch * p->m + row, batch * p->m + row_end, column, column_end - column);
    }
}

/* product_items() on bytes. */
static void
int8_items (gint64 item, gint64 last, int thread, gpointer data)
{
  const ProductRun *run = data;
  const Product *p = &run->p;
  const SagKernels *kernels = sag_kernels_get ();
  Int8Place at = place_int8 (run->step->node, p);
  gint64 mr = kernels->gemm_u8.mr, nr = (gint64) at.nr;
  const char *packed = run->packed, *scratch = run->step->scratch;
  const char *weights = run->step->node->precision == SAG_PRECISION_INT4 ? scratch + at.unpacked : packed + at.weights;
  const guint8 *rows[MAX_MR];
  SagGemmU8Job job = { .taps = 1, .k = (size_t) p->k, .rows = rows,
                       .end = { .kind = SAG_END_F32, .slope = 1, .lo = -INFINITY, .hi = INFINITY, .ld = p->n } };

  if (run->clamp)
    {
      SagUnary kind;

      sag_fused_unary (&run->step->node->fused, &kind, &job.end.lo, &job.end.hi);
    }
  for (; item < last && sag_step_go_on (run->step, thread, (double) item / (double) run->n_items); item++)
    {
      gint64 column = item % run->column_blocks * run->columns;
      gint64 row = item / run->column_blocks * ROWS;
      gint64 row_end = MIN (row + ROWS, p->m), column_end = MIN (column + run->columns, p->n);

      for (gint64 j = column; j < column_end; j += nr)
        for (gint64 i = row; i < row_end; i += mr)
          {
            job.m = (size_t) MIN (mr, row_end - i);
            job.n = (size_t) MIN (nr, column_end - j);
            for (gint64 r = 0; r < mr; r++)
              rows[r] = (const guint8 *) scratch + MIN (i + r, p->m - 1) * p->k;
            job.w = (const gint8 *) weights + j / nr * (gint64) at.panel;
            job.init = (const gint32 *) (const void *) (scratch + at.starts) + j;
            job.end.scale = (const float *) (const void *) (scratch + at.factors) + j;
            job.end.shift = (const float *) (const void *) (packed + at.bias) + j;
            job.end.out = run->c + i * p->n + j;
            kernels->gemm_u8.fn (&job);
          }
      finish_rows (run, row, row_end, column, column_end - column);
    }
  if (kernels->gemm_u8.done != NULL)
    kernels->gemm_u8.done ();
}

/* Weights of four bits as bytes. */
static void
unpack_panels (gint64 panel, gint64 last, int thread, gpointer data)
{
  const ProductRun *run = data;
  Int8Place at = place_int8 (run->step->node, &run->p);
  const char *packed = run->packed;
  char *scratch = run->step->scratch;

  for (; panel < last; panel++)
    sag_kernels_get ()->weights.unpack_s4 (
        (gsize) (run->p.k + 3) / 4, at.nr, (const guint8 *) packed + at.weights + (gsize) panel * at.half,
        (const gint16 *) (const void *) (packed + at.shares) + (gsize) panel * at.groups * at.nr,
        (gint8 *) scratch + at.unpacked + (gsize) panel * at.panel);
}

/* The rows of a as bytes, and what the sums of each column start from and are scaled by. */
static void
fill_int8 (const ProductRun *run)
{
  const Product *p = &run->p;
  Int8Place at = place_int8 (run->step->node, p);
  char *scratch = run->step->scratch;
  const float *scales = (const void *) ((const char *) run->packed + at.scales);
  const gint32 *sums = (const void *) ((const char *) run->packed + at.sums);
  float *factors = (void *) (scratch + at.factors);
  gint32 *starts = (void *) (scratch + at.starts);
  const SagValue *a = sag_node_input (run->step->node, 0);
  SagQuantum quantum = a->quantum.scale > 0
                           ? a->quantum
                           : sag_int8_find (p->m * p->k, run->a, (void *) (scratch + at.partials));

  sag_int8_quantise (p->m * p->k, run->a, &quantum, (guint8 *) scratch);
  for (gsize j = 0; j < at.columns; j++)
    {
      factors[j] = quantum.scale * scales[j];
      starts[j] = -quantum.zero * sums[j];
    }
  if (run->step->node->precision == SAG_PRECISION_INT4)
    sag_range_run ((gint64) (at.columns / at.nr), 1, unpack_panels, (gpointer) run);
}

/* One column: every row is a dot product. */
static void
dot_items (gint64 item, gint64 last, int thread, gpointer data)
{
  const ProductRun *run = data;
  const Product *p = &run->p;

  while (item < last)
    {
      gint64 batch = item / p->m, row = item % p->m, n = MIN (last - item, p->m - row), ia, ib;

      find_matrices (p, batch, &ia, &ib);
      sag_kernels_get ()->reduce.dots ((gsize) n, (gsize) p->k, run->a + (ia * p->m + row) * p->k,
                                       run->b + ib * p->k, run->c + item);
      finish_rows (run, item, item + n, 0, 1);
      item += n;
    }
}

/* Whether nothing stands between the sums and a clamp. */
static gboolean
clamps (const SagNode *node, const Product *p, gboolean started)
{
  const SagFused *fused = &node->fused;

  return !fused->residual && p->alpha == 1 && (started || node->inputs->len == 2)
         && (fused->activation == SAG_ACTIVATION_RELU || fused->activation == SAG_ACTIVATION_CLIP);
}

static void
run_product (const SagStep *step)
{
  SagNode *node = step->node;
  ProductRun run = { .step = step,
                     .a = sag_step_in (step, 0),
                     .b = sag_step_in (step, 1),
                     .c = sag_step_out (step, 0) };
  Product *p = &run.p;
  float *scratch = step->scratch;

  read_product (node, p, NULL, NULL);
  if (p->batches * p->m * p->n == 0)
    return;
  if (p->n == 1 && !p->a_flipped)
    {
      sag_range_run (p->batches * p->m, MAX (1, SAG_GRAIN / MAX (1, p->k)), dot_items, &run);
      return;
    }
  if (node->precision >= SAG_PRECISION_INT8)
    {
      run.row_blocks = (p->m + ROWS - 1) / ROWS;
      run.packed = node->packed;
      run.started = bias_starts (node, p);
      run.clamp = clamps (node, p, run.started);
      run.columns = (gint64) (PANELS * place_int8 (node, p).nr);
      run.column_blocks = (p->n + run.columns - 1) / run.columns;
      fill_int8 (&run);
      run.n_items = run.row_blocks * run.column_blocks;
      sag_range_run (run.n_items, 1, int8_items, &run);
      return;
    }
  run.gemm = choose_gemm (p->n);
  run.rows = p->m <= FEW_ROWS ? MAX (p->m, 1) : ROWS / run.gemm->mr * run.gemm->mr; /* whole blocks of the kernel */
  run.row_blocks = (p->m + run.rows - 1) / run.rows;
  run.panels = sag_pack_size (run.gemm->nr, 1, (size_t) p->k, (size_t) p->n);
  run.started = bias_starts (node, p);
  run.clamp = clamps (node, p, run.started);
  if (p->a_flipped)
    {
      gint64 n[2] = { p->m, p->k }, to[2] = { p->k, 1 }, from[2] = { 1, p->m };

      sag_copy_box (2, n, sizeof (float), scratch, to, run.a, from);
      run.a = scratch;
      scratch += (p->m * p->k + 15) / 16 * 16;
    }
  run.packed = node->packed_bytes > 0 ? node->packed : scratch;
  if (node->packed_bytes == 0)
    {
      sag_range_run (p->b_batches, 1, pack_items, &run);
      pack_bias (node, p, run.gemm->nr, (float *) run.packed + run.panels * (gsize) p->b_batches);
    }
  run.init = (void *) ((char *) run.packed
                       + run.panels * (gsize) p->b_batches * weight_size (node));
  run.columns = (p->n + run.gemm->nr - 1) / run.gemm->nr / (2 * sag_parallel_get_size ());
  run.columns = CLAMP (run.columns, 1, PANELS) * run.gemm->nr;
  run.column_blocks = (p->n + run.columns - 1) / run.columns;
  run.n_items = p->batches * run.row_blocks * run.column_blocks;
  sag_range_run (run.n_items, 1, product_items, &run);
}

#define PRODUCT(name, domain)                                                                  \
  { name, domain, infer_product, NULL, prepare_product, pack_product, run_product,             \
    .fuses = SAG_FUSE_ACTIVATION | SAG_FUSE_RESIDUAL, .flags = SAG_OP_WEIGHTED }

const SagOp sag_ops_matmul[] = {
  PRODUCT ("MatMul", ""),
  PRODUCT ("Gemm", ""),
  { "FusedMatMul", "com.microsoft", infer_product, NULL, prepare_product, pack_product, run_product,
    .fuses = SAG_FUSE_ACTIVATION | SAG_FUSE_RESIDUAL, .flags = SAG_OP_WEIGHTED,
    .expand = sag_expand_fused_matmul },
  { NULL },
};
