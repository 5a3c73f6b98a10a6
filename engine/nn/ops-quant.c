/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-quant.c: operators between floats and small integers, and products of small integers, as
 * files write them out.
 *
 * Rounding is to nearest, halves to even; results saturate.
 */
#include "engine/nn/build.h"
#include "engine/nn/bytes.h"
#include "engine/nn/op-util.h"
#include "engine/nn/window.h"

#include <math.h>
#include <string.h>

/* ---- QuantizeLinear, DequantizeLinear --------------------------------------------------- */

/* Where element i finds its scale: one for all, one along an axis, or one a block of an axis. */
typedef struct
{
  gint64 inner, n, block, blocks; /* behind the axis; along it; elements a block; blocks along it */
  gint64 scales;
} Grid;

static gboolean
get_grid (const SagNode *node, Grid *grid, GError **error)
{
  const SagShape *x = &sag_node_input (node, 0)->shape, *s = &sag_node_input (node, 1)->shape;
  int axis = sag_axis (sag_node_get_int (node, "axis", 1), x->rank);
  gint64 block = sag_node_get_int (node, "block_size", 0);

  *grid = (Grid) { 1, 1, 1, 1, sag_shape_count (s) };
  if (grid->scales == 1)
    return TRUE;
  if (axis < 0 || block < 0)
    return sag_node_invalid (node, error, "axis is outside of its input");
  grid->inner = sag_shape_product (x, axis + 1, x->rank);
  grid->n = x->dim[axis];
  grid->block = MAX (1, block);
  grid->blocks = (grid->n + grid->block - 1) / grid->block;
  if (block > 0 ? s->rank != x->rank
                      || grid->scales != sag_shape_product (x, 0, axis) * grid->blocks * grid->inner
                : grid->scales != grid->n)
    return sag_node_invalid (node, error, "its scales do not fit its input");
  if (block == 0)
    grid->block = 0;
  return TRUE;
}

static gint64
scale_index (const Grid *grid, gint64 i)
{
  if (grid->scales == 1)
    return 0;
  if (grid->block == 0)
    return i / grid->inner % grid->n;
  return (i / grid->inner / grid->n * grid->blocks + i / grid->inner % grid->n / grid->block)
             * grid->inner
         + i % grid->inner;
}

static gboolean
check_zero (const SagNode *node, GError **error)
{
  const SagValue *scale = sag_node_input (node, 1), *zero = sag_node_input (node, 2);

  if (scale->dtype != SAG_DTYPE_F32
      || (zero != NULL && sag_value_count (zero) != sag_value_count (scale)))
    return sag_node_unsupported (node, error,
                                 "scale and zero point must be floats and integers of one shape");
  return TRUE;
}

static gboolean
infer_quantize (SagNode *node, GError **error)
{
  const SagValue *zero = sag_node_input (node, 2);
  SagDType dtype = SAG_DTYPE_U8;
  Grid grid;

  if (!sag_node_arity (node, 2, error) || !sag_node_want_float (node, 0, error)
      || !check_zero (node, error) || !get_grid (node, &grid, error))
    return FALSE;
  if (zero != NULL)
    dtype = zero->dtype;
  else
    switch (sag_node_get_int (node, "output_dtype", 2))
      {
      case 2:
        break;
      case 3:
        dtype = SAG_DTYPE_I8;
        break;
      case 4:
        dtype = SAG_DTYPE_U16;
        break;
      case 5:
        dtype = SAG_DTYPE_I16;
        break;
      default:
        return sag_node_unsupported (node, error, "its output type is not supported");
      }
  if (!(dtype == SAG_DTYPE_U8 || dtype == SAG_DTYPE_I8 || dtype == SAG_DTYPE_U16
        || dtype == SAG_DTYPE_I16 || dtype == SAG_DTYPE_I32))
    return sag_node_invalid (node, error, "its zero point is of a wrong type");
  return sag_node_give (node, 0, dtype, &sag_node_input (node, 0)->shape, error);
}

static gboolean
infer_dequantize (SagNode *node, GError **error)
{
  const SagValue *zero = sag_node_input (node, 2);
  Grid grid;

  if (!sag_node_arity (node, 2, error) || !check_zero (node, error)
      || !get_grid (node, &grid, error))
    return FALSE;
  if (sag_node_input (node, 0)->dtype == SAG_DTYPE_F32
      || (zero != NULL && zero->dtype != sag_node_input (node, 0)->dtype))
    return sag_node_invalid (node, error, "its input or zero point is of a wrong type");
  return sag_node_give (node, 0, SAG_DTYPE_F32, &sag_node_input (node, 0)->shape, error);
}

static void
type_range (SagDType dtype, double *lo, double *hi)
{
  switch (dtype)
    {
    case SAG_DTYPE_I8:
      *lo = G_MININT8;
      *hi = G_MAXINT8;
      break;
    case SAG_DTYPE_U16:
      *lo = 0;
      *hi = G_MAXUINT16;
      break;
    case SAG_DTYPE_I16:
      *lo = G_MININT16;
      *hi = G_MAXINT16;
      break;
    case SAG_DTYPE_I32:
      *lo = G_MININT32;
      *hi = G_MAXINT32;
      break;
    default:
      *lo = 0;
      *hi = G_MAXUINT8;
      break;
    }
}

static void
store (void *to, SagDType dtype, gint64 i, double value)
{
  double lo, hi;

  type_range (dtype, &lo, &hi);
  value = isnan (value) ? 0 : value < lo ? lo : value > hi ? hi : value;
  switch (dtype)
    {
    case SAG_DTYPE_I8:
      ((gint8 *) to)[i] = (gint8) value;
      break;
    case SAG_DTYPE_U16:
      ((guint16 *) to)[i] = (guint16) value;
      break;
    case SAG_DTYPE_I16:
      ((gint16 *) to)[i] = (gint16) value;
      break;
    case SAG_DTYPE_I32:
      ((gint32 *) to)[i] = (gint32) value;
      break;
    default:
      ((guint8 *) to)[i] = (guint8) value;
      break;
    }
}

static SagTensor
view (const SagValue *value)
{
  return (SagTensor) { value->dtype, value->shape, value->data, NULL };
}

typedef struct
{
  Grid         grid;
  SagTensor    x, zero;
  const float *scale;
  gboolean     has_zero;
  SagDType     to;
  void        *y;
} LinearRun;

/* Where the elements end that share the scale of element i: all, or those behind the axis. */
static gint64
piece_end (const LinearRun *run, gint64 i, gint64 to)
{
  if (run->grid.scales == 1)
    return to;
  return run->grid.block > 0 ? i + 1 : MIN (to, (i / run->grid.inner + 1) * run->grid.inner);
}

static void
quantize_piece (gint64 from, gint64 to, int thread, gpointer data)
{
  const SagQuantize *quantize = &sag_kernels_get ()->quantize;
  const LinearRun *run = data;
  gint64 end;

  for (gint64 i = from; i < to; i = end)
    {
      gint64 s = scale_index (&run->grid, i), zero = run->has_zero ? sag_tensor_get_int (&run->zero, s) : 0;
      const float *x = run->x.data;
      guint8 *bytes = run->y;

      end = piece_end (run, i, to);
      if (run->to == SAG_DTYPE_U8)
        quantize->to_u8 ((gsize) (end - i), x + i, run->scale[s], (gint32) zero, bytes + i);
      else if (run->to == SAG_DTYPE_I8)
        {
          quantize->to_u8 ((gsize) (end - i), x + i, run->scale[s], (gint32) zero + 128, bytes + i);
          for (gint64 k = i; k < end; k++)
            bytes[k] ^= 128;
        }
      else
        for (gint64 k = i; k < end; k++)
          store (run->y, run->to, k, rint ((double) (x[k] / run->scale[s])) + (double) zero);
    }
}

static void
dequantize_piece (gint64 from, gint64 to, int thread, gpointer data)
{
  const LinearRun *run = data;
  gint64 end;

  for (gint64 i = from; i < to; i = end)
    {
      gint64 s = scale_index (&run->grid, i);
      gint64 zero = run->has_zero ? sag_tensor_get_int (&run->zero, s) : 0;
      float scale = run->scale[s], *y = run->y;

      end = piece_end (run, i, to);
      if (run->x.dtype == SAG_DTYPE_U8)
        sag_kernels_get ()->quantize.from_u8 ((gsize) (end - i), (const guint8 *) run->x.data + i, scale, (gint32) zero, y + i);
      else if (run->x.dtype == SAG_DTYPE_I8 && zero == (gint8) zero)
        for (; i < end; i++)
          y[i] = (float) (((const gint8 *) run->x.data)[i] - (int) zero) * scale;
      else
        for (; i < end; i++)
          y[i] = (float) (sag_tensor_get_int (&run->x, i) - zero) * scale;
    }
}

static void
run_linear (const SagStep *step)
{
  const SagNode *node = step->node;
  const SagValue *zero = sag_node_input (node, 2);
  SagValue *y = sag_node_output (node, 0);
  LinearRun run = { .x = view (sag_node_input (node, 0)),
                    .scale = sag_node_input (node, 1)->data,
                    .to = y->dtype,
                    .y = y->data };

  get_grid (node, &run.grid, NULL);
  run.has_zero = zero != NULL;
  if (zero != NULL)
    run.zero = view (zero);
  sag_range_run (sag_value_count (y), SAG_GRAIN,
                 y->dtype == SAG_DTYPE_F32 ? dequantize_piece : quantize_piece, &run);
}

/* ---- DynamicQuantizeLinear -------------------------------------------------------------- */

static gboolean
infer_dynamic (SagNode *node, GError **error)
{
  return sag_node_arity (node, 1, error) && sag_node_want_float (node, 0, error)
         && sag_node_give (node, 0, SAG_DTYPE_U8, &sag_node_input (node, 0)->shape, error)
         && sag_node_give (node, 1, SAG_DTYPE_F32, &(SagShape) { 0 }, error)
         && sag_node_give (node, 2, SAG_DTYPE_U8, &(SagShape) { 0 }, error);
}

static void
run_dynamic (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0);
  const SagReduce *reduce = &sag_kernels_get ()->reduce;
  const float *from = x->data;
  guint8 *to = sag_step_out (step, 0);
  gint64 n = sag_value_count (x);
  float lo = MIN (0, reduce->min ((size_t) n, from)), hi = MAX (0, reduce->max ((size_t) n, from));
  float scale = (hi - lo) / 255;
  double zero = !(scale > 0) ? 0 : rint (CLAMP ((double) (0 - lo / scale), 0, 255));

  if (scale > 0)
    sag_kernels_get ()->quantize.to_u8 ((gsize) n, from, scale, (gint32) zero, to);
  else
    memset (to, 0, (gsize) n);
  if (sag_node_output (step->node, 1) != NULL)
    *(float *) sag_step_out (step, 1) = scale;
  if (sag_node_output (step->node, 2) != NULL)
    *(guint8 *) sag_step_out (step, 2) = (guint8) zero;
}

/* ---- products of integers --------------------------------------------------------------- */

/* The inputs of MatMulInteger / ConvInteger (a, b, a0, b0), or of QLinear* (a, sa, a0, b, sb, b0,
 * sy, y0). */
typedef struct
{
  const SagValue *a, *b, *a_zero, *b_zero, *a_scale, *b_scale, *y_scale, *y_zero, *bias;
} Operands;

static gboolean
is_qlinear (const SagNode *node)
{
  return g_str_has_prefix (node->op->name, "QLinear");
}

static Operands
get_operands (const SagNode *node)
{
  if (is_qlinear (node))
    return (
        Operands){ sag_node_input (node, 0), sag_node_input (node, 3), sag_node_input (node, 2),
                   sag_node_input (node, 5), sag_node_input (node, 1), sag_node_input (node, 4),
                   sag_node_input (node, 6), sag_node_input (node, 7), sag_node_input (node, 8) };
  return (Operands) { .a = sag_node_input (node, 0), .b = sag_node_input (node, 1),
                      .a_zero = sag_node_input (node, 2), .b_zero = sag_node_input (node, 3) };
}

static gboolean
is_byte (const SagValue *value)
{
  return value->dtype == SAG_DTYPE_U8 || value->dtype == SAG_DTYPE_I8;
}

/* `columns`: how many zero points or scales b may have. */
static gboolean
check_operands (const SagNode *node, const Operands *o, gint64 columns, GError **error)
{
  const SagValue *of_b[] = { o->b_zero, o->b_scale };

  if (!is_byte (o->a) || !is_byte (o->b))
    return sag_node_invalid (node, error, "its inputs are not 8-bit integers");
  if ((o->a_zero != NULL && (sag_value_count (o->a_zero) != 1 || o->a_zero->dtype != o->a->dtype))
      || (o->b_zero != NULL && o->b_zero->dtype != o->b->dtype))
    return sag_node_unsupported (node, error,
                                 "a zero point is not of its input's type, or not one number");
  for (guint i = 0; i < G_N_ELEMENTS (of_b); i++)
    if (of_b[i] != NULL && sag_value_count (of_b[i]) != 1 && sag_value_count (of_b[i]) != columns)
      return sag_node_unsupported (node, error,
                                   "its second input has another number of scales or zero points");
  if (is_qlinear (node)
      && (o->a_scale->dtype != SAG_DTYPE_F32 || o->b_scale->dtype != SAG_DTYPE_F32
          || o->y_scale->dtype != SAG_DTYPE_F32 || sag_value_count (o->a_scale) != 1
          || sag_value_count (o->y_scale) != 1 || sag_value_count (o->y_zero) != 1
          || !is_byte (o->y_zero)))
    return sag_node_unsupported (node, error, "its scales are not single floats");
  if (o->bias != NULL && (o->bias->dtype != SAG_DTYPE_I32 || sag_value_count (o->bias) != columns))
    return sag_node_invalid (node, error, "its bias does not fit");
  return TRUE;
}

static gint32
byte_at (const SagValue *value, gint64 i)
{
  return value->dtype == SAG_DTYPE_I8 ? ((const gint8 *) value->data)[i]
                                      : ((const guint8 *) value->data)[i];
}

static gint32
zero_at (const SagValue *zero, gint64 column)
{
  return zero == NULL ? 0 : byte_at (zero, sag_value_count (zero) == 1 ? 0 : column);
}

/* A sum becomes an output: as it is, or brought to the output's scale. */
static void
put_sum (const Operands *o, SagValue *y, gint64 i, gint64 column, gint32 sum)
{
  float scale;

  if (o->y_scale == NULL)
    {
      ((gint32 *) y->data)[i] = sum;
      return;
    }
  if (o->bias != NULL)
    sum = (gint32) ((guint32) sum + (guint32) ((const gint32 *) o->bias->data)[column]);
  scale = *(const float *) o->a_scale->data
          * ((const float *) o->b_scale->data)[sag_value_count (o->b_scale) == 1 ? 0 : column]
          / *(const float *) o->y_scale->data;
  store (y->data, y->dtype, i, rint ((double) ((float) sum * scale)) + byte_at (o->y_zero, 0));
}

static gboolean
infer_int_product (SagNode *node, GError **error)
{
  Operands o;
  SagShape a, b, y;
  gint64 k, n;

  if (!sag_node_arity (node, is_qlinear (node) ? 8 : 2, error))
    return FALSE;
  o = get_operands (node);
  a = o.a->shape;
  b = o.b->shape;
  if (a.rank < 2 || b.rank < 2)
    return sag_node_unsupported (node, error, "its inputs are not matrices");
  k = b.dim[b.rank - 2];
  n = b.dim[b.rank - 1];
  a.rank -= 2;
  b.rank -= 2;
  if (o.a->shape.dim[a.rank + 1] != k || !sag_shape_broadcast (&a, &b, &y))
    return sag_node_invalid (node, error, "its shapes cannot be multiplied");
  if (!check_operands (node, &o, n, error))
    return FALSE;
  y.dim[y.rank++] = o.a->shape.dim[a.rank];
  y.dim[y.rank++] = n;
  return sag_node_give (node, 0, is_qlinear (node) ? o.y_zero->dtype : SAG_DTYPE_I32, &y, error);
}

typedef struct
{
  Operands  o;
  SagValue *y;
  SagWindow window;
  gint64    group;
  gint64    a_step[SAG_MAX_RANK], b_step[SAG_MAX_RANK]; /* of a product's axes */
} ByteRun;

static void
byte_product_rows (gint64 row, gint64 to, int thread, gpointer data)
{
  const ByteRun *run = data;
  const Operands *o = &run->o;
  const SagShape *shape = &run->y->shape;
  gint64 k = o->a->shape.dim[o->a->shape.rank - 1], n = shape->dim[shape->rank - 1];
  gint32 a_zero = zero_at (o->a_zero, 0);

  for (; row < to; row++)
    {
      gint64 rest = row, a = 0, b = 0;

      for (int i = shape->rank - 1; i-- > 0; rest /= shape->dim[i])
        {
          a += rest % shape->dim[i] * run->a_step[i];
          b += rest % shape->dim[i] * run->b_step[i];
        }
      for (gint64 j = 0; j < n; j++)
        {
          guint32 sum = 0;
          gint32 b_zero = zero_at (o->b_zero, j);

          for (gint64 p = 0; p < k; p++)
            sum += (guint32) ((byte_at (o->a, a + p) - a_zero) * (byte_at (o->b, b + p * n + j) - b_zero));
          put_sum (o, run->y, row * n + j, j, (gint32) sum);
        }
    }
}

/* Elements from one place of `y` to the next along each axis but the last two, which `last` gives. */
static void
product_steps (const SagShape *shape, const SagShape *y, gint64 last, gint64 *step)
{
  SagShape batch = *shape, of_y = *y;

  batch.rank -= 2;
  of_y.rank -= 2;
  sag_shape_strides_in (&batch, &of_y, step);
  for (int i = 0; i < of_y.rank; i++)
    step[i] *= shape->dim[batch.rank] * shape->dim[batch.rank + 1];
  step[of_y.rank] = last;
}

static void
run_int_product (const SagStep *step)
{
  ByteRun run = { get_operands (step->node), sag_node_output (step->node, 0) };
  const SagShape *a = &run.o.a->shape, *b = &run.o.b->shape;
  gint64 n = b->dim[b->rank - 1], each = MAX (1, n * b->dim[b->rank - 2]);

  product_steps (a, &run.y->shape, a->dim[a->rank - 1], run.a_step);
  product_steps (b, &run.y->shape, 0, run.b_step);
  if (sag_value_count (run.y) > 0)
    sag_range_run (sag_value_count (run.y) / n, MAX (1, SAG_GRAIN / each), byte_product_rows, &run);
}

static gboolean
infer_int_conv (SagNode *node, GError **error)
{
  Operands o;
  SagWindow window;
  SagShape shape;
  gint64 group = sag_node_get_int (node, "group", 1);

  if (!sag_node_arity (node, is_qlinear (node) ? 8 : 2, error))
    return FALSE;
  o = get_operands (node);
  if (o.b->shape.rank != o.a->shape.rank || o.a->shape.rank < 3 || group < 1
      || o.b->shape.dim[1] * group != o.a->shape.dim[1] || o.b->shape.dim[0] % group != 0)
    return sag_node_invalid (node, error, "its weights do not fit its input");
  if (!check_operands (node, &o, o.b->shape.dim[0], error)
      || !sag_window_read (node, o.b->shape.dim + 2, &window, error))
    return FALSE;
  shape = sag_window_output (node, &window, o.b->shape.dim[0]);
  return sag_node_give (node, 0, is_qlinear (node) ? o.y_zero->dtype : SAG_DTYPE_I32, &shape,
                        error);
}

/* Item: one output line of one channel. */
static void
byte_conv_lines (gint64 item, gint64 to, int thread, gpointer data)
{
  const ByteRun *run = data;
  const Operands *o = &run->o;
  const SagWindow *w = &run->window;
  gint64 channels = run->y->shape.dim[1], each = o->b->shape.dim[1],
         taps = w->kernel[0] * w->kernel[1] * w->kernel[2];
  gint64 volume = w->in[0] * w->in[1] * w->in[2];
  gint32 a_zero = zero_at (o->a_zero, 0);

  for (; item < to; item++)
    {
      gint64 y = item % w->out[1], z = item / w->out[1] % w->out[0],
             c = item / w->out[1] / w->out[0] % channels;
      gint64 image = item / w->out[1] / w->out[0] / channels,
             first = c / (channels / run->group) * each;
      gint32 b_zero = zero_at (o->b_zero, c);

      for (gint64 x = 0; x < w->out[2]; x++)
        {
          guint32 sum = 0;

          for (gint64 t = 0; t < taps; t++)
            {
              gint64 iz = z * w->stride[0] - w->before[0]
                          + t / w->kernel[2] / w->kernel[1] * w->dilation[0];
              gint64 iy = y * w->stride[1] - w->before[1]
                          + t / w->kernel[2] % w->kernel[1] * w->dilation[1];
              gint64 ix = x * w->stride[2] - w->before[2] + t % w->kernel[2] * w->dilation[2];

              if (iz < 0 || iz >= w->in[0] || iy < 0 || iy >= w->in[1] || ix < 0 || ix >= w->in[2])
                continue;
              for (gint64 i = 0; i < each; i++)
                sum += (guint32) ((byte_at (o->a, (image * o->a->shape.dim[1] + first + i) * volume
                                                    + (iz * w->in[1] + iy) * w->in[2] + ix)
                                   - a_zero)
                                  * (byte_at (o->b, (c * each + i) * taps + t) - b_zero));
            }
          put_sum (o, run->y, item * w->out[2] + x, c, (gint32) sum);
        }
    }
}

static void
run_int_conv (const SagStep *step)
{
  ByteRun run = { get_operands (step->node), sag_node_output (step->node, 0) };

  run.group = sag_node_get_int (step->node, "group", 1);
  sag_window_read (step->node, run.o.b->shape.dim + 2, &run.window, NULL);
  if (sag_value_count (run.y) > 0)
    sag_range_run (sag_value_count (run.y) / run.window.out[2], 1, byte_conv_lines, &run);
}

static gboolean
prepare_ints (SagNode *node, SagPrecision precision, GError **error)
{
  const SagShape *w = &get_operands (node).b->shape;
  gboolean conv = strstr (node->op->name, "Conv") != NULL;
  gint64 each = conv ? sag_shape_product (w, 1, w->rank) : w->dim[w->rank - 2];

  node->kernel = "bytes";
  node->macs =
      (gint64) MIN (1e18, (double) sag_value_count (sag_node_output (node, 0)) * (double) each);
  return TRUE;
}

/* ---- MatMulNBits ------------------------------------------------------------------------ */

/* com.microsoft.MatMulNBits: y = a * w + bias; column n of w is stored as blocks of block_size numbers of
 * two, four or eight bits, the lowest first, each block with a scale, and a zero point, packed likewise or a float
 * (half of the range if there is none). */
typedef struct
{
  gint64           bits, k, n, block, blocks;
  const guint8    *q;
  const SagTensor *scales, *zeros;
} NBits;

static gboolean
get_nbits (const SagNode *node, NBits *b)
{
  const SagValue *q = sag_node_input (node, 1), *scales = sag_node_input (node, 2);
  const SagValue *zeros = sag_node_input (node, 3), *order = sag_node_input (node, 4);

  b->k = sag_node_get_int (node, "K", 0);
  b->n = sag_node_get_int (node, "N", 0);
  b->block = sag_node_get_int (node, "block_size", 0);
  b->bits = sag_node_get_int (node, "bits", 4);
  if ((b->bits != 2 && b->bits != 4 && b->bits != 8) || b->k < 1 || b->n < 1 || b->block < 16
      || b->block > 1024 || b->block % 4 != 0 || b->k > G_MAXINT32 || b->n > G_MAXINT32 || order != NULL
      || q == NULL || q->constant == NULL || q->dtype != SAG_DTYPE_U8 || scales == NULL
      || scales->constant == NULL || scales->dtype != SAG_DTYPE_F32
      || (zeros != NULL && (zeros->constant == NULL || (zeros->dtype != SAG_DTYPE_U8 && zeros->dtype != SAG_DTYPE_F32))))
    return FALSE;
  b->blocks = (b->k + b->block - 1) / b->block;
  b->q = q->constant->data;
  b->scales = scales->constant;
  b->zeros = zeros != NULL ? zeros->constant : NULL;
  return sag_value_count (q) == b->n * b->blocks * b->block * b->bits / 8
         && sag_value_count (scales) == b->n * b->blocks
         && (zeros == NULL
             || sag_value_count (zeros)
                    == b->n * (zeros->dtype == SAG_DTYPE_F32 ? b->blocks : (b->blocks * b->bits + 7) / 8));
}

/* Number i of a row of packed ones. */
static int
packed_number (const NBits *b, const guint8 *row, gint64 i)
{
  return row[i * b->bits / 8] >> (i * b->bits % 8) & ((1 << b->bits) - 1);
}

static float
zero_of_block (const NBits *b, gint64 n, gint64 block)
{
  if (b->zeros == NULL)
    return (float) (1 << (b->bits - 1));
  if (b->zeros->dtype == SAG_DTYPE_F32)
    return ((const float *) b->zeros->data)[n * b->blocks + block];
  return (float) packed_number (b, (const guint8 *) b->zeros->data + n * ((b->blocks * b->bits + 7) / 8), block);
}

static gboolean
expand_nbits (SagNode *node, int at, GError **error)
{
  SagBuild build = { node, at };
  SagValue *w, *y, *bias = sag_node_input (node, 5);
  gboolean even = TRUE;
  SagShape shape;
  float *to;
  NBits b;

  if (!get_nbits (node, &b))
    return sag_node_unsupported (node, error, "it is not of two, four or eight bits in blocks with constant weights");
  shape = (SagShape){ 2, { b.k, b.n } };
  if (sag_shape_count (&shape) < 0 || sag_shape_count (&shape) > ((gint64) 1 << 31))
    return sag_node_unsupported (node, error, "its weights are too large");
  to = sag_build_floats (&build, &shape, &w);
  for (gint64 n = 0; n < b.n; n++)
    for (gint64 k = 0; k < b.k; k++)
      {
        gint64 block = n * b.blocks + k / b.block;
        gint64 place = block * b.block + k % b.block;
        float zero = zero_of_block (&b, n, k / b.block);

        even = even && zero == 8;
        to[k * b.n + n] = ((float) packed_number (&b, b.q, place) - zero) * ((const float *) b.scales->data)[block];
      }
  w->stored_bits = b.bits == 4 && even && b.block % 32 == 0 ? 4 : 8;
  y = sag_build (&build, "MatMul", 2, sag_node_input (node, 0), w);
  sag_node_set_int (y->producer, "accuracy_level", sag_node_get_int (node, "accuracy_level", 0));
  if (bias != NULL)
    y = sag_build (&build, "Add", 2, y, bias);
  sag_build_end (&build, 0, y);
  return TRUE;
}

/* ---- products that quantise as they go -------------------------------------------------- */

/* com.microsoft.DynamicQuantizeMatMul (a, b, scale, zero, bias), a float;
 * com.microsoft.MatMulIntegerToFloat (a, b, scale of a, scale of b, zero of a, zero of b, bias). */
static gboolean
expand_product (SagNode *node, int at, GError **error)
{
  SagBuild build = { node, at };
  gboolean dynamic = *node->op->name == 'D';
  SagValue *a = sag_node_input (node, 0), *scale, *zero, *bias, *y;

  if (!sag_node_arity (node, dynamic ? 3 : 4, error))
    return FALSE;
  if (dynamic)
    {
      SagNode *quantize;

      a = sag_build (&build, "DynamicQuantizeLinear", 1, a);
      quantize = a->producer;
      scale = sag_graph_add_value (node->graph, node->name);
      zero = sag_graph_add_value (node->graph, node->name);
      sag_node_set_output (quantize, 1, scale);
      sag_node_set_output (quantize, 2, zero);
    }
  else
    {
      scale = sag_node_input (node, 2);
      zero = sag_node_input (node, 4);
      if (scale->constant != NULL) /* of a file with QDQ pairs: again as such */
        {
          SagValue *b = sag_node_input (node, 1);

          a = sag_build (&build, "DequantizeLinear", 3, a, scale, zero);
          b = sag_build (&build, "DequantizeLinear", 3, b, sag_node_input (node, 3), sag_node_input (node, 5));
          sag_node_set_int (b->producer, "axis", -1);
          y = sag_build (&build, "MatMul", 2, a, b);
          bias = sag_node_input (node, 6);
          sag_build_end (&build, 0, bias != NULL ? sag_build (&build, "Add", 2, y, bias) : y);
          return TRUE;
        }
    }
  y = sag_build (&build, "MatMulInteger", 4, a, sag_node_input (node, 1), zero,
                 sag_node_input (node, dynamic ? 3 : 5));
  y = sag_build (&build, "Cast", 1, y);
  sag_node_set_int (y->producer, "to", 1);
  scale = sag_build (&build, "Mul", 2, scale, sag_node_input (node, dynamic ? 2 : 3));
  y = sag_build (&build, "Mul", 2, y, scale);
  bias = sag_node_input (node, dynamic ? 4 : 6);
  sag_build_end (&build, 0, bias != NULL ? sag_build (&build, "Add", 2, y, bias) : y);
  return TRUE;
}

/* Operators that pass-qoperator.c writes out; what it cannot is not supported. */
static gboolean
infer_unknown (SagNode *node, GError **error)
{
  return sag_node_unsupported (node, error, "its scales or zero points are not constants of its kind");
}

/* --- between floats and bytes in memory (pass-bytes.c) --------------------------------------- */

static guint
bytes_either (const SagNode *node)
{
  return SAG_BYTES_IN | SAG_BYTES_OUT;
}

static void
run_bytes (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0);
  SagValue *y = sag_node_output (step->node, 0);

  if (x->dtype != y->dtype)
    sag_bytes_convert (x, y);
  else
    memcpy (y->data, x->data, (gsize) sag_value_count (x) * sag_dtype_size (x->dtype));
}

#define PRODUCT(name, infer, run)                                                              \
  { name, "", infer, NULL, prepare_ints, NULL, run }
#define QUANT(name, domain, infer, run)                                                        \
  { name, domain, infer, NULL, sag_prepare_nothing, NULL, run }

const SagOp sag_ops_quant[] = {
  QUANT ("QuantizeLinear", "", infer_quantize, run_linear),
  QUANT ("DequantizeLinear", "", infer_dequantize, run_linear),
  QUANT ("QuantizeLinear", "com.microsoft", infer_quantize, run_linear),
  QUANT ("DequantizeLinear", "com.microsoft", infer_dequantize, run_linear),
  QUANT ("DynamicQuantizeLinear", "", infer_dynamic, run_dynamic),
  PRODUCT ("MatMulInteger", infer_int_product, run_int_product),
  PRODUCT ("QLinearMatMul", infer_int_product, run_int_product),
  PRODUCT ("ConvInteger", infer_int_conv, run_int_conv),
  PRODUCT ("QLinearConv", infer_int_conv, run_int_conv),
  { "MatMulNBits", "com.microsoft", .expand = expand_nbits },
  { "DynamicQuantizeMatMul", "com.microsoft", .expand = expand_product },
  { "MatMulIntegerToFloat", "com.microsoft", .expand = expand_product },
  QUANT ("QLinearConv", "com.microsoft", infer_unknown, NULL),
  QUANT ("QLinearWhere", "com.microsoft", infer_unknown, NULL),
  QUANT ("QLinearReduceMean", "com.microsoft", infer_unknown, NULL),
  QUANT ("QLinearAdd", "com.microsoft", infer_unknown, NULL),
  QUANT ("QLinearMul", "com.microsoft", infer_unknown, NULL),
  QUANT ("QLinearSigmoid", "com.microsoft", infer_unknown, NULL),
  QUANT ("QLinearLeakyRelu", "com.microsoft", infer_unknown, NULL),
  QUANT ("QLinearGlobalAveragePool", "com.microsoft", infer_unknown, NULL),
  QUANT ("QLinearAveragePool", "com.microsoft", infer_unknown, NULL),
  QUANT ("QLinearSoftmax", "com.microsoft", infer_unknown, NULL),
  QUANT ("QLinearConcat", "com.microsoft", infer_unknown, NULL),
  QUANT ("QGemm", "com.microsoft", infer_unknown, NULL),
  { "Bytes", "sagitta", sag_infer_same, NULL, sag_prepare_nothing, NULL, run_bytes, .bytes = bytes_either },
  { NULL },
};
