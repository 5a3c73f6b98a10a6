/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-reduce.c: sums, means, extremes over axes; where the extreme is; running sums.
 *
 * The input may lie in any layout: kept and reduced axes are walked by their strides.
 */
#include "engine/nn/op-util.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 256, ROW = 8192 };

typedef enum
{
  RED_SUM,
  RED_MEAN,
  RED_MAX,
  RED_MIN,
  RED_PROD,
  RED_L1,
  RED_L2,
  RED_LOG_SUM,
  RED_LOG_SUM_EXP,
  RED_SUM_SQUARE,
} Kind;

static const struct
{
  const char *name;
  Kind        kind;
} kinds[] = {
  { "ReduceSum", RED_SUM },
  { "ReduceMean", RED_MEAN },
  { "ReduceMax", RED_MAX },
  { "ReduceMin", RED_MIN },
  { "ReduceProd", RED_PROD },
  { "ReduceL1", RED_L1 },
  { "ReduceL2", RED_L2 },
  { "ReduceLogSum", RED_LOG_SUM },
  { "ReduceLogSumExp", RED_LOG_SUM_EXP },
  { "ReduceSumSquare", RED_SUM_SQUARE },
};

static Kind
kind_of (const SagNode *node)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (strcmp (kinds[i].name, node->op->name) == 0)
      return kinds[i].kind;
  g_assert_not_reached ();
}

/* Which axes go. An attribute or, from set 13 or 18 on, input 1. */
static gboolean
reduced_axes (const SagNode *node, gboolean *gone, GError **error)
{
  int rank = sag_node_input (node, 0)->shape.rank, n;
  const gint64 *axes = sag_node_get_ints (node, "axes", &n);
  g_autofree gint64 *input = NULL;

  if (axes == NULL)
    {
      if (!sag_node_const_ints (node, 1, &input, &n, error))
        return FALSE;
      axes = input;
    }
  for (int i = 0; i < SAG_MAX_RANK; i++)
    gone[i] = n == 0 && sag_node_get_int (node, "noop_with_empty_axes", 0) == 0;
  for (int i = 0; i < n; i++)
    {
      int axis = sag_axis (axes[i], rank);

      if (axis < 0)
        return sag_node_invalid (node, error, "axis %" G_GINT64_FORMAT " is outside of its input",
                                 axes[i]);
      gone[axis] = TRUE;
    }
  return TRUE;
}

static SagShape
reduced_shape (const SagShape *x, const gboolean *gone, gboolean keep)
{
  SagShape shape = { 0 };

  for (int i = 0; i < x->rank; i++)
    if (keep || !gone[i])
      shape.dim[shape.rank++] = gone[i] ? 1 : x->dim[i];
  return shape;
}

static gboolean
infer_reduce (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  gboolean gone[SAG_MAX_RANK];
  Kind kind = kind_of (node);
  SagShape shape;

  if (!sag_node_arity (node, 1, error) || !reduced_axes (node, gone, error))
    return FALSE;
  if ((kind > RED_PROD && kind != RED_L1 && kind != RED_SUM_SQUARE)
      && !sag_node_want_float (node, 0, error))
    return FALSE;
  shape = reduced_shape (&x->shape, gone, sag_node_get_int (node, "keepdims", 1) != 0);
  return sag_node_give (node, 0, x->dtype, &shape, error);
}

static gint64
cost_reduce (const SagNode *node, SagLayout in, SagLayout out)
{
  return out == SAG_LAYOUT_PLAIN ? 0 : SAG_COST_NEVER;
}

/* Kept axes in the output's order, reduced ones merged as far as they lie end to end. */
typedef struct
{
  const SagStep  *step;
  const SagValue *x;
  SagValue       *y;
  Kind            kind;
  int             n_kept, n_gone;
  gint64          kept[SAG_MAX_RANK], kept_stride[SAG_MAX_RANK];
  gint64          gone[SAG_MAX_RANK], gone_stride[SAG_MAX_RANK];
  gint64          rows; /* product of all reduced axes but the last */
  gint64          count;
  gint64          width, blocks; /* of outputs handled at once along the last kept axis */
  gboolean        last_index;    /* ArgMax */
} Reduction;

static void
add_axis (int *n, gint64 *sizes, gint64 *strides, gint64 size, gint64 stride)
{
  if (size == 1)
    return;
  if (*n > 0 && strides[*n - 1] == stride * size)
    {
      sizes[*n - 1] *= size;
      strides[*n - 1] = stride;
      return;
    }
  sizes[*n] = size;
  strides[(*n)++] = stride;
}

static void
reduction_init (Reduction *self, const SagStep *step, const gboolean *gone)
{
  gint64 strides[SAG_MAX_RANK];

  self->step = step;
  self->x = sag_node_input (step->node, 0);
  self->y = sag_node_output (step->node, 0);
  sag_value_strides (self->x, strides);
  for (int i = 0; i < self->x->shape.rank; i++)
    if (gone[i])
      add_axis (&self->n_gone, self->gone, self->gone_stride, self->x->shape.dim[i], strides[i]);
    else
      add_axis (&self->n_kept, self->kept, self->kept_stride, self->x->shape.dim[i], strides[i]);
  if (self->n_gone == 0)
    {
      self->gone[0] = 1;
      self->gone_stride[0] = 1;
      self->n_gone = 1;
    }
  if (self->n_kept == 0)
    {
      self->kept[0] = 1;
      self->kept_stride[0] = 0;
      self->n_kept = 1;
    }
  self->rows = 1;
  for (int i = 0; i < self->n_gone - 1; i++)
    self->rows *= self->gone[i];
  self->count = self->rows * self->gone[self->n_gone - 1];
  self->width = self->kept_stride[self->n_kept - 1] == 1 && self->gone_stride[self->n_gone - 1] != 1
                  ? MIN (BLOCK, self->kept[self->n_kept - 1])
                  : 1;
  self->blocks =
      self->width == 0 ? 0 : (self->kept[self->n_kept - 1] + self->width - 1) / self->width;
}

/* Start of input and output of item `item`, and how many outputs it has. */
static gint64
locate (const Reduction *self, gint64 item, gint64 *from, gint64 *to)
{
  int last = self->n_kept - 1;
  gint64 start = item % self->blocks * self->width, rest = item / self->blocks;

  *from = start * self->kept_stride[last];
  *to = rest * self->kept[last] + start;
  for (int i = last - 1; i >= 0; i--)
    {
      *from += rest % self->kept[i] * self->kept_stride[i];
      rest /= self->kept[i];
    }
  return MIN (self->width, self->kept[last] - start);
}

static gint64
row_offset (const Reduction *self, gint64 row)
{
  gint64 offset = 0;

  for (int i = self->n_gone - 2; i >= 0; i--)
    {
      offset += row % self->gone[i] * self->gone_stride[i];
      row /= self->gone[i];
    }
  return offset;
}

static float
unary (SagUnary kind, float x)
{
  sag_kernels_get ()->unary[kind](1, &x, &x, 0, 0);
  return x;
}

static double
start_value (Kind kind)
{
  return kind == RED_MAX ? -INFINITY : kind == RED_MIN ? INFINITY : kind == RED_PROD ? 1 : 0;
}

static float
end_value (Kind kind, double sum, gint64 count)
{
  switch (kind)
    {
    case RED_MEAN:
      return (float) (sum / (double) count);
    case RED_L2:
      return (float) sqrt (sum);
    case RED_LOG_SUM:
      return unary (SAG_UNARY_LOG, (float) sum);
    default:
      return (float) sum;
    }
}

/* n elements that lie end to end. */
static void
add_dense (Kind kind, double *sum, const float *x, gint64 n)
{
  const SagReduce *reduce = &sag_kernels_get ()->reduce;

  for (gint64 i = 0; i < n; i += ROW)
    {
      size_t m = (size_t) MIN (ROW, n - i);

      switch (kind)
        {
        case RED_MAX:
          *sum = MAX (*sum, reduce->max (m, x + i));
          break;
        case RED_MIN:
          *sum = MIN (*sum, reduce->min (m, x + i));
          break;
        case RED_L2:
        case RED_SUM_SQUARE:
          *sum += reduce->sum_squares (m, x + i, 0);
          break;
        case RED_PROD:
          for (size_t k = 0; k < m; k++)
            *sum *= x[i + (gint64) k];
          break;
        case RED_L1:
          for (size_t k = 0; k < m; k++)
            *sum += fabsf (x[i + (gint64) k]);
          break;
        default:
          *sum += reduce->sum (m, x + i);
          break;
        }
    }
}

#define EACH(statement)                                                                        \
  for (gint64 k = 0; k < n; k++)                                                               \
    {                                                                                          \
      double v = x[k];                                                                         \
      statement;                                                                               \
    }                                                                                          \
  break

/* One row of n neighbours, each into its own sum. */
static void
add_across (Kind kind, double *sums, const float *x, gint64 n)
{
  switch (kind)
    {
    case RED_MAX:
      EACH (sums[k] = v > sums[k] ? v : sums[k]);
    case RED_MIN:
      EACH (sums[k] = v < sums[k] ? v : sums[k]);
    case RED_PROD:
      EACH (sums[k] *= v);
    case RED_L1:
      EACH (sums[k] += v < 0 ? -v : v);
    case RED_L2:
    case RED_SUM_SQUARE:
      EACH (sums[k] += v * v);
    default:
      EACH (sums[k] += v);
    }
}

/* max and then the sum of exp (x - max), of `width` outputs beside each other. */
static void
log_sum_exp (const Reduction *self, const float *x, gint64 width, float *y)
{
  enum { SOME = 1024 };
  const SagKernels *kernels = sag_kernels_get ();
  gint64 n = self->gone[self->n_gone - 1], step = self->gone_stride[self->n_gone - 1];
  gboolean dense = step == 1;
  float max[BLOCK], part[SOME];
  double sum[BLOCK];

  for (gint64 k = 0; k < width; k++)
    {
      max[k] = -INFINITY;
      sum[k] = 0;
    }
  for (gint64 row = 0; row < self->rows; row++)
    for (gint64 i = 0; i < n; i += dense ? n : 1)
      {
        const float *line = x + row_offset (self, row) + i * step;

        if (dense)
          max[0] = MAX (max[0], kernels->reduce.max ((size_t) n, line));
        for (gint64 k = 0; k < width && !dense; k++)
          max[k] = line[k] > max[k] ? line[k] : max[k];
      }
  for (gint64 row = 0; row < self->rows; row++)
    for (gint64 i = 0; i < n; i += dense ? SOME : 1)
      {
        const float *line = x + row_offset (self, row) + i * step;
        gint64 m = dense ? MIN (SOME, n - i) : width;

        for (gint64 k = 0; k < m; k++)
          part[k] = line[k] - max[dense ? 0 : k];
        kernels->unary[SAG_UNARY_EXP] ((size_t) m, part, part, 0, 0);
        if (dense)
          sum[0] += kernels->reduce.sum ((size_t) m, part);
        for (gint64 k = 0; k < m && !dense; k++)
          sum[k] += part[k];
      }
  for (gint64 k = 0; k < width; k++)
    y[k] = max[k] == -INFINITY ? max[k] : max[k] + unary (SAG_UNARY_LOG, (float) sum[k]);
}

static void
reduce_items (gint64 item, gint64 last, int thread, gpointer data)
{
  const Reduction *self = data;
  gint64 n = self->gone[self->n_gone - 1], step = self->gone_stride[self->n_gone - 1];

  if (!sag_step_go_on (self->step, thread, 0))
    return;
  for (; item < last; item++)
    {
      double sums[BLOCK];
      gint64 from, to, width = locate (self, item, &from, &to);
      const float *x = (const float *) self->x->data + from;
      float *y = (float *) self->y->data + to;

      if (self->kind == RED_LOG_SUM_EXP)
        {
          log_sum_exp (self, x, width, y);
          continue;
        }
      for (gint64 k = 0; k < width; k++)
        sums[k] = start_value (self->kind);
      for (gint64 row = 0; row < self->rows; row++)
        {
          const float *line = x + row_offset (self, row);

          if (step == 1)
            add_dense (self->kind, sums, line, n);
          else
            for (gint64 i = 0; i < n; i++)
              add_across (self->kind, sums, line + i * step, width);
        }
      for (gint64 k = 0; k < width; k++)
        y[k] = end_value (self->kind, sums[k], self->count);
    }
}

static void
store_int (SagValue *y, gint64 at, gint64 value)
{
  switch (sag_dtype_size (y->dtype))
    {
    case 1:
      ((gint8 *) y->data)[at] = (gint8) value;
      break;
    case 2:
      ((gint16 *) y->data)[at] = (gint16) value;
      break;
    case 4:
      ((gint32 *) y->data)[at] = (gint32) value;
      break;
    default:
      ((gint64 *) y->data)[at] = value;
      break;
    }
}

static void
reduce_ints (const Reduction *self)
{
  SagTensor x = { self->x->dtype, self->x->shape, self->x->data, NULL };
  gint64 n = self->gone[self->n_gone - 1], step = self->gone_stride[self->n_gone - 1];

  for (gint64 item = 0; item < sag_value_count (self->y); item++)
    {
      gint64 from, to,
          sum = self->kind == RED_MAX   ? G_MININT64
                : self->kind == RED_MIN ? G_MAXINT64
                                        : self->kind == RED_PROD;
      gint64 width = locate (self, item / self->width, &from, &to);

      from += item % self->width;
      to += item % self->width;
      g_assert (width > 0);
      for (gint64 i = 0; i < self->count; i++)
        {
          gint64 v = sag_tensor_get_int (&x, from + row_offset (self, i / n) + i % n * step);

          switch (self->kind)
            {
            case RED_MAX:
              sum = MAX (sum, v);
              break;
            case RED_MIN:
              sum = MIN (sum, v);
              break;
            case RED_PROD:
              sum = (gint64) ((guint64) sum * (guint64) v);
              break;
            case RED_SUM_SQUARE:
              sum = (gint64) ((guint64) sum + (guint64) v * (guint64) v);
              break;
            case RED_L1:
              sum = (gint64) ((guint64) sum + (v < 0 ? 0 - (guint64) v : (guint64) v));
              break;
            default:
              sum = (gint64) ((guint64) sum + (guint64) v);
              break;
            }
        }
      store_int (self->y, to, self->kind == RED_MEAN && self->count > 0 ? sum / self->count : sum);
    }
}

/* width is rounded so that ints can use the same cut: one output at a time. */
static void
run_reduce (const SagStep *step)
{
  Reduction self = { .kind = kind_of (step->node) };
  gboolean gone[SAG_MAX_RANK];
  gint64 items = 1;

  reduced_axes (step->node, gone, NULL);
  reduction_init (&self, step, gone);
  if (sag_value_count (self.y) == 0)
    return;
  if (self.x->dtype != SAG_DTYPE_F32)
    {
      self.width = 1;
      self.blocks = self.kept[self.n_kept - 1];
      reduce_ints (&self);
      return;
    }
  for (int i = 0; i < self.n_kept - 1; i++)
    items *= self.kept[i];
  sag_range_run (items * self.blocks, MAX (1, SAG_GRAIN / MAX (1, self.count * self.width)),
                 reduce_items, &self);
}

/* The axes are read at load: run must not allocate. */
static gboolean
prepare_reduce (SagNode *node, SagPrecision precision, GError **error)
{
  gboolean gone[SAG_MAX_RANK];
  gint64 axes[SAG_MAX_RANK];
  int n = 0;

  if (sag_node_attribute (node, "axes") != NULL)
    return TRUE;
  if (!reduced_axes (node, gone, error))
    return FALSE;
  for (int i = 0; i < sag_node_input (node, 0)->shape.rank; i++)
    if (gone[i])
      axes[n++] = i;
  sag_node_set_ints (node, "axes", axes, n);
  if (n == 0)
    sag_node_set_int (node, "noop_with_empty_axes", 1);
  return TRUE;
}

/* ---- ArgMax, ArgMin --------------------------------------------------------------------- */

static gboolean
infer_arg (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  gboolean gone[SAG_MAX_RANK] = { FALSE };
  SagShape shape;
  int axis;

  if (!sag_node_arity (node, 1, error))
    return FALSE;
  axis = sag_axis (sag_node_get_int (node, "axis", 0), x->shape.rank);
  if (axis < 0 || x->shape.dim[axis] == 0)
    return sag_node_invalid (node, error, "axis is empty or outside of its input");
  gone[axis] = TRUE;
  shape = reduced_shape (&x->shape, gone, sag_node_get_int (node, "keepdims", 1) != 0);
  return sag_node_give (node, 0, SAG_DTYPE_I64, &shape, error);
}

static void
arg_items (gint64 item, gint64 last, int thread, gpointer data)
{
  const Reduction *self = data;
  gint64 n = self->gone[0], step = self->gone_stride[0];
  SagTensor tensor = { self->x->dtype, self->x->shape, self->x->data, NULL };
  gboolean real = self->x->dtype == SAG_DTYPE_F32;
  float sign = self->kind == RED_MIN ? -1 : 1;

  if (!sag_step_go_on (self->step, thread, 0))
    return;
  for (; item < last; item++)
    {
      gint64 from, to, width = locate (self, item, &from, &to);
      gint64 *y = (gint64 *) self->y->data + to;
      float best[BLOCK];
      gint32 where[BLOCK];

      for (gint64 k = 0; k < width; k++)
        y[k] = 0;
      if (real && !self->last_index && n <= G_MAXINT32)
        {
          const float *x = (const float *) self->x->data + from;

          for (gint64 k = 0; k < width; k++)
            {
              best[k] = sign * x[k];
              where[k] = 0;
            }
          for (gint32 i = 1; i < n; i++)
            for (gint64 k = 0; k < width; k++)
              {
                float v = sign * x[i * step + k];

                where[k] = v > best[k] ? i : where[k];
                best[k] = v > best[k] ? v : best[k];
              }
          for (gint64 k = 0; k < width; k++)
            y[k] = where[k];
          continue;
        }
      for (gint64 i = 0; i < n; i++)
        for (gint64 k = 0; k < width; k++)
          {
            gint64 at = from + k + i * step;
            float v = sign
                      * (real ? ((const float *) self->x->data)[at]
                              : (float) sag_tensor_get_int (&tensor, at));

            if (i == 0 || v > best[k] || (self->last_index && v == best[k]))
              {
                best[k] = v;
                y[k] = i;
              }
          }
    }
}

static void
run_arg (const SagStep *step)
{
  Reduction self = { .kind = strcmp (step->node->op->name, "ArgMin") == 0 ? RED_MIN : RED_MAX };
  gboolean gone[SAG_MAX_RANK] = { FALSE };
  gint64 items = 1;

  gone[sag_axis (sag_node_get_int (step->node, "axis", 0),
                 sag_node_input (step->node, 0)->shape.rank)] = TRUE;
  reduction_init (&self, step, gone);
  self.last_index = sag_node_get_int (step->node, "select_last_index", 0) != 0;
  for (int i = 0; i < self.n_kept - 1; i++)
    items *= self.kept[i];
  sag_range_run (items * self.blocks, MAX (1, SAG_GRAIN / MAX (1, self.count * self.width)),
                 arg_items, &self);
}

/* ---- CumSum ----------------------------------------------------------------------------- */

static gboolean
infer_cumsum (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  g_autofree gint64 *axis = NULL;
  int n;

  if (!sag_node_arity (node, 2, error) || !sag_node_const_ints (node, 1, &axis, &n, error))
    return FALSE;
  if (n != 1 || sag_axis (axis[0], x->shape.rank) < 0)
    return sag_node_invalid (node, error, "axis is outside of its input");
  if (x->dtype != SAG_DTYPE_F32 && x->dtype != SAG_DTYPE_I32 && x->dtype != SAG_DTYPE_I64)
    return sag_node_unsupported (node, error, "its type is not supported");
  sag_node_set_int (node, "axis", sag_axis (axis[0], x->shape.rank));
  return sag_infer_same (node, error);
}

#define RUNNING(type, wide)                                                                    \
  {                                                                                            \
    const type *x = (const type *) self->x->data + at;                                               \
    type *y = (type *) self->y + at;                                                           \
    wide sum = 0;                                                                              \
                                                                                               \
    for (gint64 i = 0; i < n; i++)                                                             \
      {                                                                                        \
        gint64 k = (reverse ? n - 1 - i : i) * inner;                                          \
        wide before = sum;                                                                     \
                                                                                               \
        sum += (wide) x[k];                                                                    \
        y[k] = (type) (exclusive ? before : sum);                                              \
      }                                                                                        \
    break;                                                                                     \
  }

typedef struct
{
  const SagValue *x;
  char           *y;
  gint64          n, inner;
  gboolean        reverse, exclusive;
} Running;

static void
sum_lines (gint64 line, gint64 to, int thread, gpointer data)
{
  const Running *self = data;
  gint64 n = self->n, inner = self->inner;
  gboolean reverse = self->reverse, exclusive = self->exclusive;

  for (; line < to; line++)
    {
      gint64 at = line / inner * n * inner + line % inner;

      switch (self->x->dtype)
        {
        case SAG_DTYPE_F32:
          RUNNING (float, float)
        case SAG_DTYPE_I32:
          RUNNING (gint32, guint32)
        default:
          RUNNING (gint64, guint64)
        }
    }
}

/* Blocks of `inner` floats at once, line by line: neighbours along the axis lie apart. */
static void
sum_blocks (gint64 item, gint64 to, int thread, gpointer data)
{
  const Running *self = data;
  gint64 blocks = (self->inner + BLOCK - 1) / BLOCK;

  for (; item < to; item++)
    {
      gint64 first = item % blocks * BLOCK, width = MIN (BLOCK, self->inner - first);
      gint64 at = item / blocks * self->n * self->inner + first;
      float sum[BLOCK] = { 0 };

      for (gint64 i = 0; i < self->n; i++)
        {
          gint64 k = at + (self->reverse ? self->n - 1 - i : i) * self->inner;
          const float *x = (const float *) self->x->data + k;
          float *y = (float *) self->y + k;

          for (gint64 j = 0; j < width && self->exclusive; j++)
            {
              float v = x[j];

              y[j] = sum[j];
              sum[j] += v;
            }
          for (gint64 j = 0; j < width && !self->exclusive; j++)
            y[j] = sum[j] += x[j];
        }
    }
}

static void
run_cumsum (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0);
  int axis = (int) sag_node_get_int (step->node, "axis", 0);
  Running self = { x, sag_step_out (step, 0), x->shape.dim[axis],
                   sag_shape_product (&x->shape, axis + 1, x->shape.rank),
                   sag_node_get_int (step->node, "reverse", 0) != 0, sag_node_get_int (step->node, "exclusive", 0) != 0 };
  gint64 lines = self.n > 0 ? sag_value_count (x) / self.n : 0, blocks = (self.inner + BLOCK - 1) / BLOCK;

  if (lines > 0 && x->dtype == SAG_DTYPE_F32 && self.inner > 4)
    sag_range_run (lines / self.inner * blocks, MAX (1, SAG_GRAIN / (self.n * MIN (BLOCK, self.inner))), sum_blocks, &self);
  else
    sag_range_run (lines, MAX (1, SAG_GRAIN / MAX (1, self.n)), sum_lines, &self);
}

#define REDUCE(name)                                                                               \
  {                                                                                                \
    name, "", infer_reduce, cost_reduce, prepare_reduce, NULL, run_reduce, .follows = 1,           \
                                                                           .needs = 2              \
  }

const SagOp sag_ops_reduce[] = {
  REDUCE ("ReduceSum"), REDUCE ("ReduceMean"), REDUCE ("ReduceMax"), REDUCE ("ReduceMin"),
  REDUCE ("ReduceProd"), REDUCE ("ReduceL1"), REDUCE ("ReduceL2"), REDUCE ("ReduceLogSum"),
  REDUCE ("ReduceLogSumExp"), REDUCE ("ReduceSumSquare"),
  { "ArgMax", "", infer_arg, cost_reduce, sag_prepare_nothing, NULL, run_arg, .follows = 1 },
  { "ArgMin", "", infer_arg, cost_reduce, sag_prepare_nothing, NULL, run_arg, .follows = 1 },
  { "CumSum", "", infer_cumsum, NULL, sag_prepare_nothing, NULL, run_cumsum, .needs = 2 },
  { NULL },
};
