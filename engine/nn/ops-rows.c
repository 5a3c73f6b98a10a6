/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-rows.c: operators over whole rows: layer norm and its kin, softmax, Lp norm, LRN.
 */
#include "engine/nn/build.h"
#include "engine/nn/op-util.h"

#include <math.h>
#include <string.h>

/* ---- layer norm ------------------------------------------------------------------------- */

typedef struct
{
  gboolean rms, skip; /* no mean; x + skip (+ bias) first */
  int      axis;
} LayerForm;

static LayerForm
layer_form (const SagNode *node)
{
  LayerForm form = { 0 };
  int rank = sag_node_input (node, 0)->shape.rank;

  form.rms =
      strstr (node->op->name, "RMS") != NULL || strstr (node->op->name, "Simplified") != NULL;
  form.skip = g_str_has_prefix (node->op->name, "Skip");
  form.axis = sag_axis (sag_node_get_int (node, "axis", -1), rank);
  return form;
}

static gboolean
infer_layer_norm (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  LayerForm form;
  SagShape small;
  gint64 n;
  int scale;

  if (!sag_node_arity (node, 2, error) || !sag_node_want_float (node, 0, error))
    return FALSE;
  form = layer_form (node);
  if (form.axis < 0)
    return sag_node_invalid (node, error, "axis is outside of its input");
  n = sag_shape_product (&x->shape, form.axis, x->shape.rank);
  scale = form.skip ? 2 : 1;
  for (int i = scale; i < scale + 2; i++)
    if (sag_node_input (node, i) != NULL && sag_value_count (sag_node_input (node, i)) != n)
      return sag_node_unsupported (node, error,
                                   "scale and bias must hold %" G_GINT64_FORMAT " numbers", n);
  if (form.skip
      && (!sag_shape_equal (&sag_node_input (node, 1)->shape, &x->shape)
          || sag_node_input (node, 2) == NULL
          || (sag_node_input (node, 4) != NULL && sag_value_count (sag_node_input (node, 4)) != n)))
    return sag_node_unsupported (node, error, "its skip input must be of its input's shape");
  for (int i = 1; i < (int) node->inputs->len; i++)
    if (!sag_node_want_float (node, i, error))
      return FALSE;
  small = x->shape;
  for (int i = form.axis; i < small.rank; i++)
    small.dim[i] = 1;
  return sag_infer_same (node, error) && sag_node_give (node, 1, SAG_DTYPE_F32, &small, error)
         && sag_node_give (node, 2, SAG_DTYPE_F32, &small, error)
         && (!form.skip || sag_node_give (node, 3, SAG_DTYPE_F32, &x->shape, error));
}

typedef struct
{
  gint64       n;
  LayerForm    form;
  const float *x, *skip, *bias, *scale, *shift;
  float       *y, *sum, *mean, *rstd;
  float        epsilon;
} LayerRun;

static void
run_layers (gint64 row, gint64 to, int thread, gpointer data)
{
  const LayerRun *run = data;
  const SagKernels *kernels = sag_kernels_get ();
  gint64 n = run->n;
  gboolean scaled = run->scale != NULL && run->shift == NULL;

  for (gint64 at = row; at < to && run->form.skip; at++)
    {
      const float *x = run->x + at * n, *skip = run->skip + at * n;
      float *y = run->y + at * n;

      for (gint64 i = 0; i < n; i++)
        y[i] = x[i] + skip[i] + (run->bias != NULL ? run->bias[i] : 0);
      if (run->sum != NULL)
        memcpy (run->sum + at * n, y, sizeof *y * n);
    }
  if (!scaled && run->mean == NULL && run->rstd == NULL)
    {
      kernels->reduce.layer_norm ((size_t) (to - row), (size_t) n, (run->form.skip ? run->y : run->x) + row * n,
                                  run->epsilon, run->form.rms, run->scale, run->shift, run->y + row * n);
      return;
    }
  for (; row < to; row++)
    {
      const float *x = (run->form.skip ? run->y : run->x) + row * n;
      float *y = run->y + row * n, mean = 0, rstd;

      if (!run->form.rms)
        mean = kernels->reduce.sum ((size_t) n, x) / (float) n;
      rstd =
          1 / sqrtf (kernels->reduce.sum_squares ((size_t) n, x, mean) / (float) n + run->epsilon);
      if (!scaled)
        kernels->reduce.layer_norm (1, (size_t) n, x, run->epsilon, run->form.rms, run->scale, run->shift, y);
      else
        for (gint64 i = 0; i < n; i++)
          y[i] = (x[i] - mean) * rstd * run->scale[i];
      if (run->mean != NULL)
        run->mean[row] = mean;
      if (run->rstd != NULL)
        run->rstd[row] = rstd;
    }
}

static const void *
data_or_null (const SagValue *value)
{
  return value != NULL ? value->data : NULL;
}

static void
run_layer_norm (const SagStep *step)
{
  const SagNode *node = step->node;
  const SagValue *x = sag_node_input (node, 0);
  LayerRun run = { .form = layer_form (node), .x = x->data, .y = sag_step_out (step, 0) };
  int scale = run.form.skip ? 2 : 1;

  run.n = sag_shape_product (&x->shape, run.form.axis, x->shape.rank);
  run.skip = run.form.skip ? data_or_null (sag_node_input (node, 1)) : NULL;
  run.scale = data_or_null (sag_node_input (node, scale));
  run.shift =
      run.form.rms && run.form.skip ? NULL : data_or_null (sag_node_input (node, scale + 1));
  run.bias = run.form.skip ? data_or_null (sag_node_input (node, run.form.rms ? 3 : 4)) : NULL;
  run.mean = (float *) data_or_null (sag_node_output (node, 1));
  run.rstd = (float *) data_or_null (sag_node_output (node, 2));
  run.sum = (float *) data_or_null (sag_node_output (node, 3));
  run.epsilon = sag_node_get_float (node, "epsilon", run.form.skip ? 1e-12f : 1e-5f);
  if (run.n > 0)
    sag_range_run (sag_value_count (x) / run.n, MAX (1, SAG_GRAIN / 2 / run.n), run_layers, &run);
}

/* ---- softmax ---------------------------------------------------------------------------- */

typedef struct
{
  gint64 outer, n, inner; /* n elements to sum, `inner` apart */
} Lines;

/* Before set 13 everything from the axis on is one row; after it the axis alone is. */
static Lines
softmax_lines (const SagNode *node, const SagValue *x)
{
  gboolean old = node->opset < 13;
  int rank = x->shape.rank, axis = sag_axis (sag_node_get_int (node, "axis", old ? 1 : -1), rank);
  Lines lines = { 1, 1, 1 };

  if (axis < 0) /* old: axis == rank is allowed */
    axis = old ? rank : 0;
  lines.outer = sag_shape_product (&x->shape, 0, axis);
  lines.n = old ? sag_shape_product (&x->shape, axis, rank) : rank == 0 ? 1 : x->shape.dim[axis];
  lines.inner = old || rank == 0 ? 1 : sag_shape_product (&x->shape, axis + 1, rank);
  if (x->layout == SAG_LAYOUT_LAST)
    lines = (Lines){ x->shape.dim[0] * sag_shape_product (&x->shape, 2, rank), x->shape.dim[1], 1 };
  else if (x->layout == SAG_LAYOUT_ROWS)
    lines = (Lines) { x->shape.dim[0] * sag_shape_product (&x->shape, 2, rank - 1), x->shape.dim[1],
                      x->shape.dim[rank - 1] };
  return lines;
}

static gboolean
infer_softmax (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  gboolean old = node->opset < 13;
  gint64 axis = sag_node_get_int (node, "axis", old ? 1 : -1);

  if (!sag_node_arity (node, 1, error) || !sag_node_want_float (node, 0, error))
    return FALSE;
  if (sag_axis (axis, x->shape.rank) < 0 && !(old && axis == x->shape.rank) && x->shape.rank > 0)
    return sag_node_invalid (node, error, "axis is outside of its input");
  return sag_infer_same (node, error);
}

static gint64
cost_softmax (const SagNode *node, SagLayout in, SagLayout out)
{
  const SagShape *shape = &sag_node_input (node, 0)->shape;

  if (in != out)
    return SAG_COST_NEVER;
  if (in == SAG_LAYOUT_PLAIN)
    return 0;
  return node->opset >= 13 && sag_axis (sag_node_get_int (node, "axis", -1), shape->rank) == 1
             ? 0
             : SAG_COST_NEVER;
}

typedef struct
{
  Lines        lines;
  const float *x;
  float       *y;
  gint64       block, blocks; /* of the inner axis */
  char         kind;          /* 'S', 'L', 'H' */
} SoftmaxRun;

static void
soft_rows (gint64 row, gint64 to, int thread, gpointer data)
{
  const SoftmaxRun *run = data;
  const SagKernels *kernels = sag_kernels_get ();

  kernels->reduce.softmax ((size_t) (to - row), (size_t) run->lines.n, run->x + row * run->lines.n,
                           run->y + row * run->lines.n);
}

static void
soft_planes (gint64 item, gint64 to, int thread, gpointer data)
{
  const SoftmaxRun *run = data;
  const Lines *lines = &run->lines;

  for (; item < to; item++)
    {
      gint64 start = item % run->blocks * run->block,
             at = item / run->blocks * lines->n * lines->inner + start;

      sag_kernels_get ()->reduce.softmax_planes (
          (size_t) lines->n, (size_t) MIN (run->block, lines->inner - start), run->x + at,
          lines->inner, run->y + at, lines->inner);
    }
}

enum { AT_ONCE = 256 };

/* Hardmax, one line at a time. */
static void
hard_lines (gint64 item, gint64 to, int thread, gpointer data)
{
  const SoftmaxRun *run = data;
  gint64 inner = run->lines.inner;

  for (; item < to; item++)
    {
      const float *x = run->x + item / inner * run->lines.n * inner + item % inner;
      float *y = run->y + (x - run->x), max = -INFINITY;
      gint64 best = 0;

      for (gint64 i = 0; i < run->lines.n; i++)
        if (x[i * inner] > max)
          {
            max = x[i * inner];
            best = i;
          }
      for (gint64 i = 0; i < run->lines.n; i++)
        y[i * inner] = (float) (i == best);
    }
}

/* LogSoftmax of lines that lie in one piece. */
static void
log_rows (gint64 item, gint64 to, int thread, gpointer data)
{
  const SoftmaxRun *run = data;
  const SagKernels *kernels = sag_kernels_get ();
  gint64 n = run->lines.n;
  float part[AT_ONCE];

  for (; item < to; item++)
    {
      const float *x = run->x + item * n;
      float *y = run->y + item * n, max = -INFINITY, sum = 0, log_sum;

      for (gint64 i = 0; i < n; i++)
        max = x[i] > max ? x[i] : max;
      for (gint64 from = 0; from < n; from += AT_ONCE)
        {
          gint64 some = MIN (AT_ONCE, n - from);

          for (gint64 i = 0; i < some; i++)
            part[i] = x[from + i] - max;
          kernels->unary[SAG_UNARY_EXP]((size_t) some, part, part, 0, 0);
          for (gint64 i = 0; i < some; i++)
            sum += part[i];
        }
      kernels->unary[SAG_UNARY_LOG](1, &sum, &log_sum, 0, 0);
      for (gint64 i = 0; i < n; i++)
        y[i] = x[i] - max - log_sum;
    }
}

/* The same where neighbours belong to other lines: some lines side by side. */
static void
log_planes (gint64 item, gint64 to, int thread, gpointer data)
{
  const SoftmaxRun *run = data;
  const SagKernels *kernels = sag_kernels_get ();
  const Lines *lines = &run->lines;
  float max[AT_ONCE], sum[AT_ONCE], part[AT_ONCE];

  for (; item < to; item++)
    {
      gint64 start = item % run->blocks * AT_ONCE, some = MIN (AT_ONCE, lines->inner - start);
      gint64 at = item / run->blocks * lines->n * lines->inner + start;

      for (gint64 k = 0; k < some; k++)
        {
          max[k] = -INFINITY;
          sum[k] = 0;
        }
      for (gint64 i = 0; i < lines->n; i++)
        for (gint64 k = 0; k < some; k++)
          {
            float v = run->x[at + i * lines->inner + k];

            max[k] = v > max[k] ? v : max[k];
          }
      for (gint64 i = 0; i < lines->n; i++)
        {
          for (gint64 k = 0; k < some; k++)
            part[k] = run->x[at + i * lines->inner + k] - max[k];
          kernels->unary[SAG_UNARY_EXP]((size_t) some, part, part, 0, 0);
          for (gint64 k = 0; k < some; k++)
            sum[k] += part[k];
        }
      kernels->unary[SAG_UNARY_LOG]((size_t) some, sum, sum, 0, 0);
      for (gint64 i = 0; i < lines->n; i++)
        for (gint64 k = 0; k < some; k++)
          run->y[at + i * lines->inner + k] = run->x[at + i * lines->inner + k] - max[k] - sum[k];
    }
}

static void
run_softmax (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0);
  SoftmaxRun run = { softmax_lines (step->node, x), x->data, sag_step_out (step, 0) };

  run.kind = *step->node->op->name;
  if (sag_value_count (x) == 0)
    return;
  if (run.kind == 'H' || (run.kind == 'L' && run.lines.inner == 1))
    {
      sag_range_run (run.lines.outer * run.lines.inner, MAX (1, SAG_GRAIN / 8 / run.lines.n),
                     run.kind == 'H' ? hard_lines : log_rows, &run);
      return;
    }
  if (run.kind == 'L')
    {
      run.blocks = (run.lines.inner + AT_ONCE - 1) / AT_ONCE;
      sag_range_run (run.lines.outer * run.blocks, MAX (1, SAG_GRAIN / AT_ONCE / run.lines.n), log_planes, &run);
      return;
    }
  if (run.lines.inner == 1)
    {
      sag_range_run (run.lines.outer, MAX (1, SAG_GRAIN / 4 / run.lines.n), soft_rows, &run);
      return;
    }
  run.block = MIN (run.lines.inner, MAX (64, SAG_GRAIN / 4 / run.lines.n / 64 * 64));
  run.blocks = (run.lines.inner + run.block - 1) / run.block;
  sag_range_run (run.lines.outer * run.blocks, 1, soft_planes, &run);
}

/* ---- LpNormalization, LRN --------------------------------------------------------------- */

static gboolean
infer_float_same (SagNode *node, GError **error)
{
  return sag_node_arity (node, 1, error) && sag_node_want_float (node, 0, error)
         && sag_infer_same (node, error);
}

static gboolean
infer_lp (SagNode *node, GError **error)
{
  gint64 p = sag_node_get_int (node, "p", 2);

  if (!infer_float_same (node, error))
    return FALSE;
  if ((p != 1 && p != 2)
      || sag_axis (sag_node_get_int (node, "axis", -1), sag_node_input (node, 0)->shape.rank) < 0)
    return sag_node_invalid (node, error, "p or axis is out of range");
  return TRUE;
}

static void
run_lp (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0);
  int axis = sag_axis (sag_node_get_int (step->node, "axis", -1), x->shape.rank);
  gint64 n = x->shape.dim[axis], inner = sag_shape_product (&x->shape, axis + 1, x->shape.rank);
  gint64 lines = n > 0 ? sag_value_count (x) / n : 0;
  gboolean one = sag_node_get_int (step->node, "p", 2) == 1;

  for (gint64 line = 0; line < lines; line++)
    {
      gint64 at = line / inner * n * inner + line % inner;
      const float *from = (const float *) x->data + at;
      float *to = (float *) sag_step_out (step, 0) + at, sum = 0;

      for (gint64 i = 0; i < n; i++)
        sum += one ? fabsf (from[i * inner]) : from[i * inner] * from[i * inner];
      sum = one ? sum : sqrtf (sum);
      for (gint64 i = 0; i < n; i++)
        to[i * inner] = sum == 0 ? 0 : from[i * inner] / sum;
    }
}

static gboolean
infer_lrn (SagNode *node, GError **error)
{
  if (!infer_float_same (node, error))
    return FALSE;
  if (sag_node_input (node, 0)->shape.rank < 3 || sag_node_get_int (node, "size", 0) < 1)
    return sag_node_invalid (node, error, "it has no channels or no size");
  return TRUE;
}

typedef struct
{
  const float *x;
  float       *y, bias, alpha, beta;
  gint64       size, channels, pixels;
} Lrn;

/* Item: a channel of an image. */
static void
lrn_channels (gint64 item, gint64 last, int thread, gpointer data)
{
  enum { SOME = 512 };
  const SagKernels *kernels = sag_kernels_get ();
  const Lrn *self = data;

  for (; item < last; item++)
    {
      gint64 c = item % self->channels;
      gint64 from = MAX (0, c - (self->size - 1) / 2), to = MIN (self->channels - 1, c + self->size / 2);
      const float *x = self->x + item * self->pixels;
      float *y = self->y + item * self->pixels, sum[SOME];

      for (gint64 i = 0; i < self->pixels; i += SOME)
        {
          gint64 n = MIN (SOME, self->pixels - i);

          for (gint64 p = 0; p < n; p++)
            sum[p] = 0;
          for (gint64 k = from; k <= to; k++)
            {
              const float *other = x + (k - c) * self->pixels + i;

              for (gint64 p = 0; p < n; p++)
                sum[p] += other[p] * other[p];
            }
          for (gint64 p = 0; p < n; p++)
            sum[p] = self->bias + self->alpha * sum[p];
          kernels->binary[SAG_BINARY_POW] ((size_t) n, sum, 1, &self->beta, 0, sum);
          for (gint64 p = 0; p < n; p++)
            y[i + p] = x[i + p] * sum[p];
        }
    }
}

static void
run_lrn (const SagStep *step)
{
  const SagNode *node = step->node;
  const SagShape *shape = &sag_node_input (node, 0)->shape;
  Lrn self = { .x = sag_step_in (step, 0), .y = sag_step_out (step, 0), .size = sag_node_get_int (node, "size", 1),
               .bias = sag_node_get_float (node, "bias", 1), .beta = -sag_node_get_float (node, "beta", 0.75f) };

  self.alpha = sag_node_get_float (node, "alpha", 1e-4f) / (float) self.size;
  self.channels = shape->dim[1];
  self.pixels = sag_shape_product (shape, 2, shape->rank);
  sag_range_run (shape->dim[0] * self.channels, 1, lrn_channels, &self);
}

#define LAYER(name, domain)                                                                    \
  { name, domain, infer_layer_norm, NULL, sag_prepare_nothing, NULL, run_layer_norm }
#define SKIP(name)                                                                             \
  { name, "com.microsoft", infer_layer_norm, NULL, sag_prepare_nothing, NULL, run_layer_norm,  \
    .expand = sag_expand_skip_norm }
#define SOFT(name)                                                                             \
  { name, "", infer_softmax, cost_softmax, sag_prepare_inplace, NULL, run_softmax }

const SagOp sag_ops_rows[] = {
  LAYER ("LayerNormalization", ""),
  LAYER ("RMSNormalization", ""),
  LAYER ("SimplifiedLayerNormalization", ""),
  LAYER ("SimplifiedLayerNormalization", "com.microsoft"),
  SKIP ("SkipLayerNormalization"),
  SKIP ("SkipSimplifiedLayerNormalization"),
  SOFT ("Softmax"),
  SOFT ("LogSoftmax"),
  SOFT ("Hardmax"),
  { "LpNormalization", "", infer_lp, NULL, sag_prepare_nothing, NULL, run_lp },
  { "LRN", "", infer_lrn, NULL, sag_prepare_nothing, NULL, run_lrn },
  { NULL },
};
