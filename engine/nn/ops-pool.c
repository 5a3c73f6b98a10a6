/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-pool.c: pooling: largest, mean or p-norm under a window, or of a whole channel.
 */
#include "engine/nn/bytes.h"
#include "engine/nn/op-util.h"
#include "engine/nn/window.h"

#include <math.h>
#include <string.h>

enum { MAX_TAPS = 256, LINE = 1024 };

typedef enum
{
  POOL_MAX,
  POOL_MEAN,
  POOL_LP,
} Kind;

static Kind
kind_of (const SagNode *node)
{
  return strstr (node->op->name, "Max") != NULL  ? POOL_MAX
         : strstr (node->op->name, "Lp") != NULL ? POOL_LP
                                                 : POOL_MEAN;
}

static gboolean
get_window (const SagNode *node, SagWindow *window, GError **error)
{
  const SagShape *shape = &sag_node_input (node, 0)->shape;

  if (g_str_has_prefix (node->op->name, "Global"))
    return sag_window_read (node, shape->dim + 2, window, error);
  return sag_window_read (node, NULL, window, error);
}

static gboolean
infer_pool (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  SagWindow window;
  SagShape shape;

  if (!sag_node_arity (node, 1, error))
    return FALSE;
  if (x->dtype != SAG_DTYPE_F32
      && !(kind_of (node) == POOL_MAX && (x->dtype == SAG_DTYPE_U8 || x->dtype == SAG_DTYPE_I8)))
    return sag_node_want_float (node, 0, error);
  if (!get_window (node, &window, error))
    return FALSE;
  shape = sag_window_output (node, &window, x->shape.dim[1]);
  return sag_node_give (node, 0, x->dtype, &shape, error)
         && sag_node_give (node, 1, SAG_DTYPE_I64, &shape, error);
}

static gint64
cost_pool (const SagNode *node, SagLayout in, SagLayout out)
{
  const SagValue *x = sag_node_input (node, 0);

  if (in != out
      || (in != SAG_LAYOUT_PLAIN
          && (sag_node_output (node, 1) != NULL || x->dtype != SAG_DTYPE_F32
              || kind_of (node) == POOL_LP)))
    return SAG_COST_NEVER;
  return in == SAG_LAYOUT_LAST ? 0 : sag_value_count (x) / 8;
}

/* Windows of the size of the input over an output of the same size are work that counts. */
static gboolean
prepare_pool (SagNode *node, SagPrecision precision, GError **error)
{
  double work = (double) sag_value_count (sag_node_output (node, 0));
  SagWindow window;

  if (!get_window (node, &window, error))
    return FALSE;
  for (int a = 0; a < 3; a++)
    work *= (double) MIN (window.kernel[a], window.in[a]);
  node->macs = work < 1e18 ? (gint64) work : (gint64) 1e18;
  return TRUE;
}

typedef struct
{
  const SagStep  *step;
  const SagValue *x;
  SagValue       *y;
  gint64         *indices;
  SagWindow       window;
  Kind            kind;
  gboolean        count_pads, column_major;
  float           p;
  gint64          xs[5], ys[5]; /* strides of n, c, z, y, x */
} PoolRun;

/* The part of the window at output `o` that lies inside the input: taps [*from, *to). */
static void
taps_inside (const SagWindow *window, int a, gint64 o, gint64 *start, gint64 *from, gint64 *to)
{
  gint64 d = window->dilation[a], at = o * window->stride[a] - window->before[a];

  *start = at;
  *from = at < 0 ? (-at + d - 1) / d : 0;
  *to = at >= window->in[a] ? 0 : MIN (window->kernel[a], (window->in[a] - at + d - 1) / d);
  *from = MIN (*from, *to);
}

/* Elements of the window at `o` with padding counted, as the mean's divisor wants it. */
static gint64
taps_padded (const SagWindow *window, int a, gint64 o)
{
  gint64 d = window->dilation[a], at = o * window->stride[a];
  gint64 room = window->in[a] + window->before[a] + window->after[a] - at;

  return MIN (window->kernel[a], (room + d - 1) / d);
}

static float
divisor (const PoolRun *run, const gint64 *o, gint64 inside)
{
  gint64 n = 1;

  if (!run->count_pads)
    return (float) inside;
  for (int a = 0; a < 3; a++)
    n *= taps_padded (&run->window, a, o[a]);
  return (float) n;
}

/* One output of one channel, plain loops. */
static void
pool_one (const PoolRun *run, const gint64 *o, const float *x, gint64 plane, float *y,
          gint64 *index)
{
  const SagWindow *w = &run->window;
  gint64 start[3], from[3], to[3], inside, best_at = 0;
  float best = -INFINITY, sum = 0;
  const SagKernels *kernels = sag_kernels_get ();

  for (int a = 0; a < 3; a++)
    taps_inside (w, a, o[a], &start[a], &from[a], &to[a]);
  inside = (to[0] - from[0]) * (to[1] - from[1]) * (to[2] - from[2]);
  for (gint64 i = from[0]; i < to[0]; i++)
    for (gint64 j = from[1]; j < to[1]; j++)
      for (gint64 k = from[2]; k < to[2]; k++)
        {
          gint64 at[3] = { start[0] + i * w->dilation[0], start[1] + j * w->dilation[1],
                           start[2] + k * w->dilation[2] };
          float v = x[at[0] * run->xs[2] + at[1] * run->xs[3] + at[2] * run->xs[4]], power;

          if (run->kind == POOL_MAX && v > best)
            {
              best = v;
              best_at = run->column_major ? at[0] + w->in[0] * (at[1] + w->in[1] * at[2])
                                          : (at[0] * w->in[1] + at[1]) * w->in[2] + at[2];
              if (run->column_major && w->n_axes == 2)
                best_at = at[1] + w->in[1] * at[2];
            }
          else if (run->kind == POOL_MEAN)
            sum += v;
          else if (run->kind == POOL_LP)
            {
              v = fabsf (v);
              kernels->binary[SAG_BINARY_POW](1, &v, 1, &run->p, 1, &power);
              sum += run->p == 2 ? v * v : run->p == 1 ? v : power;
            }
        }
  if (run->kind == POOL_MAX)
    *y = best;
  else if (run->kind == POOL_MEAN)
    *y = sum * (1 / divisor (run, o, inside));
  else
    {
      float inverse = 1 / run->p;

      kernels->binary[SAG_BINARY_POW](1, &sum, 1, &inverse, 1, y);
      if (run->p == 2)
        *y = sqrtf (sum);
    }
  if (index != NULL)
    *index = plane + best_at;
}

/* Windows as wide as that, of which a line has fewer, are summed by rows. */
enum { WIDE = 16 };

/* The same of a wide window whose rows lie in one piece. */
static void
pool_wide (const PoolRun *run, const gint64 *o, const float *x, float *y)
{
  const SagReduce *reduce = &sag_kernels_get ()->reduce;
  const SagWindow *w = &run->window;
  gint64 start[3], from[3], to[3];
  float best = -INFINITY;
  double sum = 0;

  for (int a = 0; a < 3; a++)
    taps_inside (w, a, o[a], &start[a], &from[a], &to[a]);
  for (gint64 i = from[0]; i < to[0]; i++)
    for (gint64 j = from[1]; j < to[1]; j++)
      {
        const float *row = x + (start[0] + i * w->dilation[0]) * run->xs[2]
                           + (start[1] + j * w->dilation[1]) * run->xs[3] + start[2] + from[2];
        gsize n = (gsize) (to[2] - from[2]);
        float most = run->kind == POOL_MAX ? reduce->max (n, row) : 0;

        if (run->kind == POOL_MEAN)
          sum += reduce->sum (n, row);
        best = most > best ? most : best;
      }
  *y = run->kind == POOL_MAX
         ? best
         : (float) sum * (1 / divisor (run, o, (to[0] - from[0]) * (to[1] - from[1]) * (to[2] - from[2])));
}

/* Sums of a line to means; windows that lie inside along x have one divisor. `rows` of each lie inside. */
static void
scale_line (const PoolRun *run, gint64 *o, gint64 rows, float *y)
{
  const SagWindow *w = &run->window;
  gint64 start, from, to;
  float scale = 0;
  gboolean known = FALSE;

  for (o[2] = 0; o[2] < w->out[2]; o[2]++)
    {
      gint64 at = o[2] * w->stride[2] - w->before[2];
      gboolean inside = at >= 0 && at + (w->kernel[2] - 1) * w->dilation[2] < w->in[2];

      if (!inside || !known)
        {
          taps_inside (w, 2, o[2], &start, &from, &to);
          scale = 1 / divisor (run, o, rows * (to - from));
        }
      known = inside;
      y[o[2]] *= scale;
    }
}

/* A line of outputs, tap by tap in the order of pool_one(). */
static void
pool_line (const PoolRun *run, gint64 *o, const float *x, float *y)
{
  const SagWindow *w = &run->window;
  gint64 start[3], from[3], to[3], n = w->out[2], step = w->stride[2], rows;

  for (int a = 0; a < 2; a++)
    taps_inside (w, a, o[a], &start[a], &from[a], &to[a]);
  rows = (to[0] - from[0]) * (to[1] - from[1]);
  for (gint64 k = 0; k < n; k++)
    y[k] = run->kind == POOL_MAX ? -INFINITY : 0;
  for (gint64 i = from[0]; i < to[0]; i++)
    for (gint64 j = from[1]; j < to[1]; j++)
      for (gint64 k = 0; k < w->kernel[2]; k++)
        {
          /* output p reads step p + at, where that is inside */
          gint64 at = k * w->dilation[2] - w->before[2], room = w->in[2] - 1 - at;
          gint64 first = at < 0 ? (-at + step - 1) / step : 0, last = room < 0 ? 0 : MIN (n, room / step + 1);
          const float *row = x + (start[0] + i * w->dilation[0]) * run->xs[2]
                             + (start[1] + j * w->dilation[1]) * run->xs[3] + at;

          if (run->kind == POOL_MAX && step == 1)
            for (gint64 p = first; p < last; p++)
              y[p] = row[p] > y[p] ? row[p] : y[p];
          else if (run->kind == POOL_MAX)
            for (gint64 p = first; p < last; p++)
              y[p] = row[p * step] > y[p] ? row[p * step] : y[p];
          else if (step == 1)
            for (gint64 p = first; p < last; p++)
              y[p] += row[p];
          else
            for (gint64 p = first; p < last; p++)
              y[p] += row[p * step];
        }
  if (run->kind == POOL_MEAN)
    scale_line (run, o, rows, y);
}

/* The largest of a line, and where each lies: one more than a step of outputs moves it by `scale` steps. */
static void
pool_line_where (const PoolRun *run, gint64 *o, const float *x, gint64 plane, float *y, gint64 *index)
{
  const SagWindow *w = &run->window;
  gint64 start[3], from[3], to[3], n = w->out[2], step = w->stride[2];
  gint64 scale = !run->column_major ? 1 : w->n_axes == 2 ? w->in[1] : w->in[0] * w->in[1];

  for (int a = 0; a < 2; a++)
    taps_inside (w, a, o[a], &start[a], &from[a], &to[a]);
  for (gint64 k = 0; k < n; k++)
    {
      y[k] = -INFINITY;
      index[k] = plane;
    }
  for (gint64 i = from[0]; i < to[0]; i++)
    for (gint64 j = from[1]; j < to[1]; j++)
      for (gint64 k = 0; k < w->kernel[2]; k++)
        {
          gint64 z = start[0] + i * w->dilation[0], l = start[1] + j * w->dilation[1];
          gint64 at = k * w->dilation[2] - w->before[2], room = w->in[2] - 1 - at;
          gint64 first = at < 0 ? (-at + step - 1) / step : 0, last = room < 0 ? 0 : MIN (n, room / step + 1);
          gint64 base = plane + (!run->column_major ? (z * w->in[1] + l) * w->in[2] : w->n_axes == 2 ? l : z + w->in[0] * l);
          const float *row = x + z * run->xs[2] + l * run->xs[3] + at;

          for (gint64 p = first; p < last; p++)
            {
              gboolean more = row[p * step] > y[p];

              index[p] = more ? base + (p * step + at) * scale : index[p];
              y[p] = more ? row[p * step] : y[p];
            }
        }
}

/* Means under large windows: first over the rows of the window, then along x. */
static void
pool_line_large (const PoolRun *run, gint64 *o, const float *x, float *y)
{
  const SagWindow *w = &run->window;
  gint64 start[3], from[3], to[3], n = w->out[2], step = w->stride[2];
  float sum[LINE];

  for (int a = 0; a < 2; a++)
    taps_inside (w, a, o[a], &start[a], &from[a], &to[a]);
  for (gint64 k = 0; k < w->in[2]; k++)
    sum[k] = 0;
  for (gint64 i = from[0]; i < to[0]; i++)
    for (gint64 j = from[1]; j < to[1]; j++)
      {
        const float *row = x + (start[0] + i * w->dilation[0]) * run->xs[2] + (start[1] + j * w->dilation[1]) * run->xs[3];

        for (gint64 k = 0; k < w->in[2]; k++)
          sum[k] += row[k];
      }
  for (gint64 k = 0; k < n; k++)
    y[k] = 0;
  for (gint64 k = 0; k < w->kernel[2]; k++)
    {
      gint64 at = k * w->dilation[2] - w->before[2], room = w->in[2] - 1 - at;
      gint64 first = at < 0 ? (-at + step - 1) / step : 0, last = room < 0 ? 0 : MIN (n, room / step + 1);

      for (gint64 p = first; p < last; p++)
        y[p] += sum[p * step + at];
    }
  scale_line (run, o, (to[0] - from[0]) * (to[1] - from[1]), y);
}

/* Item: a line of x of one channel (PLAIN and ROWS). */
static void
run_lines (gint64 item, gint64 to, int thread, gpointer data)
{
  const PoolRun *run = data;
  const SagWindow *w = &run->window;
  gint64 channels = run->y->shape.dim[1], volume = w->in[0] * w->in[1] * w->in[2];
  gboolean simple = run->indices == NULL && (run->kind == POOL_MEAN || run->kind == POOL_MAX) && run->xs[4] == 1;
  gboolean wide = simple && w->kernel[2] >= WIDE && w->dilation[2] == 1 && w->out[2] < WIDE;
  gboolean whole = simple && !wide && run->ys[4] == 1;
  gboolean large = whole && run->kind == POOL_MEAN && w->in[2] <= LINE && w->kernel[2] > 4
                   && w->kernel[0] * w->kernel[1] > 4 && w->kernel[0] * w->kernel[1] * w->kernel[2] > 48;
  gboolean where = run->indices != NULL && run->kind == POOL_MAX && run->xs[4] == 1 && run->ys[4] == 1;

  if (!sag_step_go_on (run->step, thread, 0))
    return;
  for (; item < to; item++)
    {
      gint64 o[3], rest = item, n, c;

      o[1] = rest % w->out[1];
      rest /= w->out[1];
      o[0] = rest % w->out[0];
      rest /= w->out[0];
      c = rest % channels;
      n = rest / channels;
      for (o[2] = 0; o[2] < w->out[2]; o[2]++)
        {
          gint64 at = n * run->ys[0] + c * run->ys[1] + o[0] * run->ys[2] + o[1] * run->ys[3]
                      + o[2] * run->ys[4];
          const float *x = (const float *) run->x->data + n * run->xs[0] + c * run->xs[1];
          float *y = (float *) run->y->data + at;

          if (whole || where)
            {
              if (where)
                pool_line_where (run, o, x, (n * channels + c) * volume, y, run->indices + at);
              else if (large)
                pool_line_large (run, o, x, y);
              else
                pool_line (run, o, x, y);
              break;
            }
          if (wide)
            pool_wide (run, o, x, y);
          else
            pool_one (run, o, x, (n * channels + c) * volume, y, run->indices != NULL ? run->indices + at : NULL);
        }
    }
}

/* The same for a window of two that steps by two along x and has no padding: first over the lines,
 * then over the pairs. */
static void
run_pairs (gint64 item, gint64 to, int thread, gpointer data)
{
  const PoolRun *run = data;
  const SagWindow *w = &run->window;
  const SagReduce *reduce = &sag_kernels_get ()->reduce;
  gint64 channels = run->y->shape.dim[1];
  const float *rows[MAX_TAPS];
  float line[LINE];

  if (!sag_step_go_on (run->step, thread, 0))
    return;
  for (; item < to; item++)
    {
      gint64 rest = item, y, z, c = 0, n;
      const float *x;
      float *out;
      int taps = 0;

      if (run->y->layout == SAG_LAYOUT_ROWS) /* as lines lie in memory, and as the layer before made them */
        {
          c = rest % channels;
          rest /= channels;
        }
      y = rest % w->out[1];
      rest /= w->out[1];
      z = rest % w->out[0];
      rest /= w->out[0];
      if (run->y->layout != SAG_LAYOUT_ROWS)
        {
          c = rest % channels;
          rest /= channels;
        }
      n = rest;
      x = (const float *) run->x->data + n * run->xs[0] + c * run->xs[1];
      out = (float *) run->y->data + n * run->ys[0] + c * run->ys[1] + z * run->ys[2]
            + y * run->ys[3];
      for (gint64 i = 0; i < w->kernel[0]; i++)
        for (gint64 j = 0; j < w->kernel[1]; j++)
          rows[taps++] =
              x + (z * w->stride[0] + i) * run->xs[2] + (y * w->stride[1] + j) * run->xs[3];
      for (gint64 at = 0; at < w->out[2]; at += LINE / 2)
        {
          gsize n_out = (gsize) MIN (LINE / 2, w->out[2] - at);

          if (run->kind == POOL_MAX)
            {
              reduce->max_of_rows ((size_t) taps, 2 * n_out, rows, line);
              reduce->max_pairs (n_out, line, out + at);
            }
          else
            {
              reduce->sum_of_rows ((size_t) taps, 2 * n_out, rows, 1, line);
              reduce->sum_pairs (n_out, line, 1 / (float) (2 * taps), out + at);
            }
          for (int t = 0; t < taps; t++)
            rows[t] += LINE;
        }
    }
}

/* Item: an output pixel, all its channels (LAST). */
static void
run_pixels (gint64 item, gint64 to, int thread, gpointer data)
{
  const PoolRun *run = data;
  const SagWindow *w = &run->window;
  const SagReduce *reduce = &sag_kernels_get ()->reduce;
  gsize channels = (gsize) run->y->shape.dim[1];
  const float *rows[MAX_TAPS];

  if (!sag_step_go_on (run->step, thread, 0))
    return;
  for (; item < to; item++)
    {
      gint64 o[3], rest = item, start[3], first[3], last[3], n, inside;
      const float *x;
      float *y, scale;
      int taps = 0;

      for (int a = 2; a >= 0; a--)
        {
          o[a] = rest % w->out[a];
          rest /= w->out[a];
          taps_inside (w, a, o[a], &start[a], &first[a], &last[a]);
        }
      n = rest;
      x = (const float *) run->x->data + n * run->xs[0];
      y = (float *) run->y->data + n * run->ys[0] + o[0] * run->ys[2] + o[1] * run->ys[3]
          + o[2] * run->ys[4];
      inside = (last[0] - first[0]) * (last[1] - first[1]) * (last[2] - first[2]);
      scale = run->kind == POOL_MAX ? 1 : 1 / divisor (run, o, inside);
      for (gsize c = 0; c < channels && (inside > MAX_TAPS || inside == 0); c++)
        y[c] = run->kind == POOL_MAX ? -INFINITY : 0;
      for (gint64 i = first[0]; i < last[0]; i++)
        for (gint64 j = first[1]; j < last[1]; j++)
          for (gint64 k = first[2]; k < last[2]; k++)
            {
              const float *row = x + (start[0] + i * w->dilation[0]) * run->xs[2]
                                 + (start[1] + j * w->dilation[1]) * run->xs[3]
                                 + (start[2] + k * w->dilation[2]) * run->xs[4];

              if (inside <= MAX_TAPS)
                rows[taps++] = row;
              else if (run->kind == POOL_MAX)
                for (gsize c = 0; c < channels; c++)
                  y[c] = y[c] > row[c] ? y[c] : row[c];
              else
                for (gsize c = 0; c < channels; c++)
                  y[c] += row[c];
            }
      if (taps > 0 && run->kind == POOL_MAX)
        reduce->max_of_rows ((size_t) taps, channels, rows, y);
      else if (taps > 0)
        reduce->sum_of_rows ((size_t) taps, channels, rows, scale, y);
      else if (run->kind == POOL_MEAN)
        for (gsize c = 0; c < channels; c++)
          y[c] *= scale;
    }
}

/* Whole numbers: largest only, plain layout. */
static void
run_bytes (const PoolRun *run)
{
  const SagWindow *w = &run->window;
  gint64 planes = run->x->shape.dim[0] * run->x->shape.dim[1],
         volume = w->in[0] * w->in[1] * w->in[2];
  gboolean is_signed = run->x->dtype == SAG_DTYPE_I8;
  guint8 *y = run->y->data;
  gint64 *index = run->indices;

  for (gint64 plane = 0; plane < planes; plane++)
    for (gint64 item = 0; item < w->out[0] * w->out[1] * w->out[2]; item++, y++)
      {
        const guint8 *x = (const guint8 *) run->x->data + plane * volume;
        gint64 o[3] = { item / (w->out[1] * w->out[2]), item / w->out[2] % w->out[1],
                        item % w->out[2] };
        gint64 start[3], from[3], to[3], best = G_MININT64, best_at = 0;

        for (int a = 0; a < 3; a++)
          taps_inside (w, a, o[a], &start[a], &from[a], &to[a]);
        for (gint64 i = from[0]; i < to[0]; i++)
          for (gint64 j = from[1]; j < to[1]; j++)
            for (gint64 k = from[2]; k < to[2]; k++)
              {
                gint64 at =
                    ((start[0] + i * w->dilation[0]) * w->in[1] + start[1] + j * w->dilation[1])
                        * w->in[2]
                    + start[2] + k * w->dilation[2];
                gint64 value = is_signed ? (gint8) x[at] : x[at];

                if (value > best)
                  {
                    best = value;
                    best_at = at;
                  }
              }
        *y = (guint8) best;
        if (index != NULL)
          *index++ = plane * volume + best_at;
      }
}

/* Strides of n, c, z, y, x whatever the rank. */
static void
five_strides (const SagValue *value, gint64 *strides)
{
  gint64 own[SAG_MAX_RANK];
  int n = value->shape.rank - 2;

  sag_value_strides (value, own);
  memset (strides, 0, 5 * sizeof *strides);
  strides[0] = own[0];
  strides[1] = own[1];
  for (int i = 0; i < n; i++)
    strides[5 - n + i] = own[2 + i];
}

static void
run_pool (const SagStep *step)
{
  const SagNode *node = step->node;
  PoolRun run = { .step = step,
                  .x = sag_node_input (node, 0),
                  .y = sag_node_output (node, 0),
                  .kind = kind_of (node) };
  const SagWindow *w = &run.window;
  gint64 lines;

  get_window (node, &run.window, NULL);
  run.indices = sag_node_output (node, 1) != NULL ? sag_node_output (node, 1)->data : NULL;
  run.count_pads = sag_node_get_int (node, "count_include_pad", 0) != 0;
  run.column_major = sag_node_get_int (node, "storage_order", 0) != 0;
  run.p = (float) sag_node_get_int (node, "p", 2);
  five_strides (run.x, run.xs);
  five_strides (run.y, run.ys);
  if (sag_value_in_bytes (run.x))
    {
      sag_bytes_pool (node);
      return;
    }
  if (run.x->dtype != SAG_DTYPE_F32)
    {
      run_bytes (&run);
      return;
    }
  lines = run.y->shape.dim[0] * run.y->shape.dim[1] * w->out[0] * w->out[1];
  if (run.y->layout == SAG_LAYOUT_LAST)
    sag_range_run (run.y->shape.dim[0] * w->out[0] * w->out[1] * w->out[2],
                   MAX (1, 4096 / MAX (1, run.y->shape.dim[1])), run_pixels, &run);
  else if (run.indices == NULL && run.kind != POOL_LP && w->kernel[2] == 2 && w->stride[2] == 2
           && w->dilation[0] * w->dilation[1] * w->dilation[2] == 1
           && w->kernel[0] * w->kernel[1] <= MAX_TAPS && w->in[2] >= 2 * w->out[2]
           && (w->out[1] - 1) * w->stride[1] + w->kernel[1] <= w->in[1]
           && (w->out[0] - 1) * w->stride[0] + w->kernel[0] <= w->in[0]
           && w->before[0] + w->before[1] + w->before[2] == 0)
    sag_range_run (lines, MAX (1, 4096 / MAX (1, w->out[2])), run_pairs, &run);
  else
    {
      double work = (double) MAX (1, w->out[2]); /* of a line */

      for (int a = 0; a < 3; a++)
        work *= (double) MIN (w->kernel[a], w->in[a]);
      sag_range_run (lines, MAX (1, (gint64) (8192 / MAX (1, work))), run_lines, &run);
    }
}

static guint
can_bytes (const SagNode *node)
{
  SagWindow window;

  return get_window (node, &window, NULL) && sag_node_output (node, 1) == NULL
                 && window.kernel[0] * window.kernel[1] * window.kernel[2] <= 64
             ? sag_bytes_same (node)
             : 0;
}

#define POOL(name)                                                                             \
  { name, "", infer_pool, cost_pool, prepare_pool, NULL, run_pool }

const SagOp sag_ops_pool[] = {
  { "MaxPool", "", infer_pool, cost_pool, prepare_pool, NULL, run_pool, .bytes = can_bytes },
  POOL ("AveragePool"), POOL ("LpPool"),
  POOL ("GlobalAveragePool"), POOL ("GlobalMaxPool"), POOL ("GlobalLpPool"),
  { NULL },
};
