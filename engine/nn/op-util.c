/* SPDX-License-Identifier: Apache-2.0
 *
 * op-util.c: what the operator families share.
 */
#include "engine/nn/op-util.h"

#include "engine/base/parallel.h"

#include <math.h>
#include <string.h>

gsize
sag_dtype_size (SagDType dtype)
{
  gsize bytes = 0;

  sag_dtype_get_bytes (dtype, 1, &bytes);
  return bytes;
}

void
sag_layout_strides (const SagShape *shape, SagLayout layout, gint64 *strides)
{
  gint64 stride = 1;
  int last = shape->rank - 1;

  if (layout == SAG_LAYOUT_PLAIN || shape->rank < 3)
    {
      for (int i = last; i >= 0; i--)
        {
          strides[i] = stride;
          stride *= shape->dim[i];
        }
      return;
    }
  if (layout == SAG_LAYOUT_ROWS)
    {
      strides[last] = 1;
      strides[1] = shape->dim[last];
      stride = shape->dim[last--] * shape->dim[1];
    }
  else
    {
      strides[1] = 1;
      stride = shape->dim[1];
    }
  for (int i = last; i >= 2; i--)
    {
      strides[i] = stride;
      stride *= shape->dim[i];
    }
  strides[0] = stride;
}

void
sag_value_strides (const SagValue *value, gint64 *strides)
{
  sag_layout_strides (&value->shape, value->layout, strides);
}

void
sag_value_strides_in (const SagValue *value, const SagShape *result, gint64 *strides)
{
  gint64 own[SAG_MAX_RANK];
  int shift = result->rank - value->shape.rank;

  sag_value_strides (value, own);
  for (int i = 0; i < result->rank; i++)
    strides[i] = i < shift || value->shape.dim[i - shift] == 1 ? 0 : own[i - shift];
}

/* ---- loops ------------------------------------------------------------------------------ */

void
sag_loop_init (SagLoop *self, int n_operands)
{
  memset (self, 0, sizeof *self);
  self->n_operands = n_operands;
}

void
sag_loop_add_axis (SagLoop *self, gint64 n, const gint64 *strides)
{
  g_assert (self->rank < SAG_LOOP_MAX_RANK);
  self->n[self->rank] = n;
  for (int o = 0; o < self->n_operands; o++)
    self->stride[o][self->rank] = strides[o];
  self->rank++;
}

static void
swap_axes (SagLoop *self, int a, int b)
{
  gint64 n = self->n[a];

  self->n[a] = self->n[b];
  self->n[b] = n;
  for (int o = 0; o < self->n_operands; o++)
    {
      gint64 stride = self->stride[o][a];

      self->stride[o][a] = self->stride[o][b];
      self->stride[o][b] = stride;
    }
}

static gboolean
mergeable (const SagLoop *self, int outer, int inner)
{
  for (int o = 0; o < self->n_operands; o++)
    if (self->stride[o][outer] != self->stride[o][inner] * self->n[inner])
      return FALSE;
  return TRUE;
}

void
sag_loop_simplify (SagLoop *self)
{
  int kept = 0;

  for (int i = 0; i < self->rank; i++)
    if (self->n[i] != 1)
      {
        if (kept != i)
          swap_axes (self, kept, i);
        kept++;
      }
  self->rank = kept;
  for (int i = 1; i < self->rank; i++)
    for (int j = i; j > 0 && ABS (self->stride[0][j - 1]) < ABS (self->stride[0][j]); j--)
      swap_axes (self, j - 1, j);
  for (int i = self->rank - 1; i > 0; i--)
    if (mergeable (self, i - 1, i))
      {
        self->n[i - 1] *= self->n[i];
        for (int o = 0; o < self->n_operands; o++)
          self->stride[o][i - 1] = self->stride[o][i];
        for (int k = i; k + 1 < self->rank; k++)
          swap_axes (self, k, k + 1);
        self->rank--;
      }
  if (self->rank == 0)
    {
      self->n[0] = 1;
      for (int o = 0; o < self->n_operands; o++)
        self->stride[o][0] = 1;
      self->rank = 1;
    }
}

typedef struct
{
  const SagLoop *loop;
  char          *base[SAG_LOOP_MAX_OPERANDS];
  gint64         size[SAG_LOOP_MAX_OPERANDS];
  SagLoopFunc    func;
  gpointer       data;
  gint64         lines, pieces, piece; /* each line is cut into pieces of `piece` */
} LoopRun;

static void
run_lines (gint64 from, gint64 to, int thread, gpointer data)
{
  const LoopRun *run = data;
  const SagLoop *loop = run->loop;
  int last = loop->rank - 1;
  gint64 step[SAG_LOOP_MAX_OPERANDS];

  for (int o = 0; o < loop->n_operands; o++)
    step[o] = loop->stride[o][last];
  for (gint64 item = from; item < to; item++)
    {
      gint64 line = item / run->pieces, start = item % run->pieces * run->piece;
      char *p[SAG_LOOP_MAX_OPERANDS];

      for (int o = 0; o < loop->n_operands; o++)
        p[o] = run->base[o] + start * step[o] * run->size[o];
      for (int i = last - 1; i >= 0; i--)
        {
          gint64 at = line % loop->n[i];

          line /= loop->n[i];
          for (int o = 0; o < loop->n_operands; o++)
            p[o] += at * loop->stride[o][i] * run->size[o];
        }
      run->func (MIN (run->piece, loop->n[last] - start), p, step, run->data);
    }
}

void
sag_loop_run (const SagLoop *self, void *const *base, const gsize *size, SagLoopFunc func,
              gpointer data)
{
  LoopRun run = { .loop = self, .func = func, .data = data, .lines = 1 };
  gint64 width = self->n[self->rank - 1];

  for (int i = 0; i < self->rank - 1; i++)
    run.lines *= self->n[i];
  if (run.lines == 0 || width == 0)
    return;
  for (int o = 0; o < self->n_operands; o++)
    {
      run.base[o] = base[o];
      run.size[o] = (gint64) size[o];
    }
  run.piece = MIN (width, SAG_GRAIN);
  run.pieces = (width + run.piece - 1) / run.piece;
  sag_range_run (run.lines * run.pieces, MAX (1, SAG_GRAIN / run.piece), run_lines, &run);
}

typedef struct
{
  gint64       n, grain;
  SagRangeFunc func;
  gpointer     data;
} RangeRun;

static void
run_range (gsize item, int thread, gpointer data)
{
  const RangeRun *run = data;
  gint64 from = (gint64) item * run->grain;

  run->func (from, MIN (from + run->grain, run->n), thread, run->data);
}

void
sag_range_run (gint64 n, gint64 grain, SagRangeFunc func, gpointer data)
{
  RangeRun run = { n, grain, func, data };

  if (n <= 0)
    return;
  if (n <= grain)
    func (0, n, 0, data);
  else
    sag_parallel_for ((gsize) ((n + grain - 1) / grain), run_range, &run);
}

/* ---- copies ----------------------------------------------------------------------------- */

#define COPY_CASE(type)                                                                        \
  {                                                                                            \
    type *d = (type *) p[0];                                                                   \
    const type *s = (const type *) p[1];                                                       \
    gint64 a = step[0], b = step[1];                                                           \
                                                                                               \
    for (gint64 i = 0; i < n; i++)                                                             \
      d[i * a] = s[i * b];                                                                     \
    break;                                                                                     \
  }

static void
copy_line (gint64 n, char *const *p, const gint64 *step, gpointer data)
{
  gsize size = *(const gsize *) data;

  if (step[0] == 1 && step[1] == 1)
    {
      memcpy (p[0], p[1], n * size);
      return;
    }
  switch (size)
    {
    case 1:
      COPY_CASE (guint8)
    case 2:
      COPY_CASE (guint16)
    case 4:
      COPY_CASE (guint32)
    default:
      COPY_CASE (guint64)
    }
}

/* A loop whose two last axes are a transposition of 4-byte elements: the source is dense along
 * `dense`, the destination along the last axis. */
typedef struct
{
  const SagLoop *loop;
  int            dense;
  float         *dst;
  const float   *src;
  gint64         blocks, block; /* of the dense axis */
} TransposeRun;

static void
run_transposes (gint64 from, gint64 to, int thread, gpointer data)
{
  const TransposeRun *run = data;
  const SagLoop *loop = run->loop;
  int last = loop->rank - 1;
  const SagKernels *kernels = sag_kernels_get ();

  for (gint64 item = from; item < to; item++)
    {
      gint64 rest = item / run->blocks, start = item % run->blocks * run->block;
      gint64 columns = MIN (run->block, loop->n[run->dense] - start);
      float *dst = run->dst + start * loop->stride[0][run->dense];
      const float *src = run->src + start;

      for (int i = last - 1; i >= 0; i--)
        if (i != run->dense)
          {
            dst += rest % loop->n[i] * loop->stride[0][i];
            src += rest % loop->n[i] * loop->stride[1][i];
            rest /= loop->n[i];
          }
      kernels->transpose_f32 ((size_t) loop->n[last], (size_t) columns, src, loop->stride[1][last],
                              dst, loop->stride[0][run->dense]);
    }
}

static gboolean
copy_transposed (const SagLoop *loop, void *dst, const void *src)
{
  TransposeRun run = { .loop = loop, .dense = -1, .dst = dst, .src = src };
  int last = loop->rank - 1;
  gint64 items = 1;

  for (int i = 0; i < last; i++)
    if (loop->stride[1][i] == 1)
      run.dense = i;
  if (run.dense < 0 || loop->stride[0][last] != 1 || loop->stride[1][last] == 1 || loop->n[last] < 2
      || loop->n[run.dense] < 4)
    return FALSE;
  run.block = MIN (loop->n[run.dense], MAX (16, SAG_GRAIN / loop->n[last] / 16 * 16));
  run.blocks = (loop->n[run.dense] + run.block - 1) / run.block;
  for (int i = 0; i < last; i++)
    items *= i == run.dense ? run.blocks : loop->n[i];
  sag_range_run (items, MAX (1, SAG_GRAIN / (run.block * loop->n[last])), run_transposes, &run);
  return TRUE;
}

/* Dense lines too short for a call each: the axis before the last is walked inside. */
typedef struct
{
  const SagLoop *loop;
  char          *dst;
  const char    *src;
  gsize          size;
  gint64         pieces, piece; /* of the axis before the last */
} ShortRun;

static inline void
copy_few (char *dst, const char *src, gsize bytes)
{
  for (; bytes >= 16; bytes -= 16, dst += 16, src += 16)
    memcpy (dst, src, 16);
  for (; bytes >= 4; bytes -= 4, dst += 4, src += 4)
    memcpy (dst, src, 4);
  for (; bytes > 0; bytes--)
    *dst++ = *src++;
}

static void
run_short (gint64 from, gint64 to, int thread, gpointer data)
{
  const ShortRun *run = data;
  const SagLoop *loop = run->loop;
  int axis = loop->rank - 2;
  gint64 size = (gint64) run->size, a = loop->stride[0][axis] * size, b = loop->stride[1][axis] * size;
  gsize bytes = (gsize) (loop->n[axis + 1] * size);

  for (gint64 item = from; item < to; item++)
    {
      gint64 rest = item / run->pieces, start = item % run->pieces * run->piece;
      gint64 n = MIN (run->piece, loop->n[axis] - start);
      char *dst = run->dst + start * a;
      const char *src = run->src + start * b;

      for (int i = axis - 1; i >= 0; i--)
        {
          dst += rest % loop->n[i] * loop->stride[0][i] * size;
          src += rest % loop->n[i] * loop->stride[1][i] * size;
          rest /= loop->n[i];
        }
      for (gint64 i = 0; i < n; i++, dst += a, src += b)
        copy_few (dst, src, bytes);
    }
}

static gboolean
copy_short (const SagLoop *loop, gsize size, void *dst, const void *src)
{
  ShortRun run = { .loop = loop, .dst = dst, .src = src, .size = size };
  int last = loop->rank - 1;
  gint64 items;

  if (last < 1 || loop->stride[0][last] != 1 || loop->stride[1][last] != 1
      || loop->n[last] * (gint64) size > 512)
    return FALSE;
  run.piece = CLAMP (SAG_GRAIN / loop->n[last], 1, loop->n[last - 1]);
  run.pieces = (loop->n[last - 1] + run.piece - 1) / run.piece;
  items = run.pieces;
  for (int i = 0; i < last - 1; i++)
    items *= loop->n[i];
  sag_range_run (items, MAX (1, SAG_GRAIN / (run.piece * loop->n[last])), run_short, &run);
  return TRUE;
}

void
sag_copy_box (int rank, const gint64 *n, gsize size, void *dst, const gint64 *dst_strides,
              const void *src, const gint64 *src_strides)
{
  SagLoop loop;
  void *base[2] = { dst, (void *) src };
  gsize sizes[2] = { size, size };

  sag_loop_init (&loop, 2);
  for (int i = 0; i < rank; i++)
    {
      if (n[i] == 0)
        return;
      sag_loop_add_axis (&loop, n[i], (gint64[2]) { dst_strides[i], src_strides[i] });
    }
  sag_loop_simplify (&loop);
  if (!copy_short (&loop, size, dst, src) && (size != 4 || !copy_transposed (&loop, dst, src)))
    sag_loop_run (&loop, base, sizes, copy_line, &size);
}

void
sag_fill_box (int rank, const gint64 *n, gsize size, void *dst, const gint64 *dst_strides,
              const void *value)
{
  gint64 none[SAG_LOOP_MAX_RANK] = { 0 };

  sag_copy_box (rank, n, size, dst, dst_strides, value, none);
}

/* ---- fused ends ------------------------------------------------------------------------- */

void
sag_fused_unary (const SagFused *fused, SagUnary *kind, float *a, float *b)
{
  static const SagUnary kinds[SAG_N_ACTIVATIONS] = {
    [SAG_ACTIVATION_NONE] = SAG_UNARY_CLIP,
    [SAG_ACTIVATION_RELU] = SAG_UNARY_CLIP,
    [SAG_ACTIVATION_LEAKY] = SAG_UNARY_LEAKY,
    [SAG_ACTIVATION_CLIP] = SAG_UNARY_CLIP,
    [SAG_ACTIVATION_ELU] = SAG_UNARY_ELU,
    [SAG_ACTIVATION_SIGMOID] = SAG_UNARY_SIGMOID,
    [SAG_ACTIVATION_TANH] = SAG_UNARY_TANH,
    [SAG_ACTIVATION_SILU] = SAG_UNARY_SILU,
    [SAG_ACTIVATION_GELU] = SAG_UNARY_GELU_ERF,
    [SAG_ACTIVATION_GELU_TANH] = SAG_UNARY_GELU_TANH,
    [SAG_ACTIVATION_HSIGMOID] = SAG_UNARY_HARD_SIGMOID,
    [SAG_ACTIVATION_HSWISH] = SAG_UNARY_HARD_SWISH,
    [SAG_ACTIVATION_SOFTPLUS] = SAG_UNARY_SOFTPLUS,
  };

  *kind = kinds[fused->activation];
  *a = fused->alpha;
  *b = fused->beta;
  switch (fused->activation)
    {
    case SAG_ACTIVATION_NONE:
      *a = -INFINITY;
      *b = INFINITY;
      break;
    case SAG_ACTIVATION_RELU:
      *a = 0;
      *b = INFINITY;
      break;
    case SAG_ACTIVATION_ELU:
    case SAG_ACTIVATION_SILU:
      *b = 1;
      if (fused->activation == SAG_ACTIVATION_SILU)
        *a = 1;
      break;
    case SAG_ACTIVATION_HSWISH:
      *a = 1.0f / 6;
      *b = 0.5f;
      break;
    default:
      break;
    }
}

void
sag_fused_apply (const SagFused *fused, gsize n, float *y)
{
  SagUnary kind;
  float a, b;

  if (fused->activation == SAG_ACTIVATION_NONE)
    return;
  sag_fused_unary (fused, &kind, &a, &b);
  sag_kernels_get ()->unary[kind] (n, y, y, a, b);
}

gint64
sag_cost_same (const SagNode *node, SagLayout in, SagLayout out)
{
  return in == out ? 0 : SAG_COST_NEVER;
}

gboolean
sag_prepare_nothing (SagNode *node, SagPrecision precision, GError **error)
{
  return TRUE;
}

gboolean
sag_prepare_inplace (SagNode *node, SagPrecision precision, GError **error)
{
  node->inplace = 1;
  return TRUE;
}

gboolean
sag_prepare_view (SagNode *node, SagPrecision precision, GError **error)
{
  node->view = TRUE;
  return TRUE;
}

gboolean
sag_infer_same (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);

  return sag_node_arity (node, 1, error) && sag_node_give (node, 0, x->dtype, &x->shape, error);
}

gboolean
sag_node_arity (const SagNode *node, int n, GError **error)
{
  for (int i = 0; i < ABS (n); i++)
    if (sag_node_input (node, i) == NULL)
      return sag_node_invalid (node, error, "input %d is missing", i);
  if (sag_node_output (node, 0) == NULL)
    return sag_node_invalid (node, error, "it has no output");
  return TRUE;
}

gboolean
sag_node_want_float (const SagNode *node, int i, GError **error)
{
  const SagValue *value = sag_node_input (node, i);

  if (value != NULL && value->dtype != SAG_DTYPE_F32)
    return sag_node_unsupported (node, error, "input %d is %s; only floating point is supported", i,
                                 sag_dtype_get_name (value->dtype));
  return TRUE;
}
