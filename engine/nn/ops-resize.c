/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-resize.c: Resize and Upsample: nearest, linear, cubic, with or without antialiasing.
 *
 * Interpolation is separable: one axis after the other, each with a table of sources and weights
 * for every output position. In memory an axis is [outer][n][inner]; vectors run along inner.
 * Coordinates follow the ONNX operator's reference.
 */
#include "engine/base/alloc.h"
#include "engine/base/error.h"
#include "engine/base/parallel.h"
#include "engine/nn/op-util.h"
#include "engine/nn/resize.h"

#include <math.h>
#include <string.h>

#define MAX_TABLE ((gint64) 1 << 24) /* entries of an axis' table: seconds to make, and more than any image has */

typedef struct
{
  SagShape out;
  double   scale[SAG_MAX_RANK];
  double   roi_start[SAG_MAX_RANK], roi_end[SAG_MAX_RANK];
} Target;

static void
resize_free (gpointer data)
{
  SagResize *self = data;

  for (int i = 0; i < self->n; i++)
    {
      g_free (self->axis[i].source);
      g_free (self->axis[i].weight);
      g_free (self->axis[i].outside);
    }
  g_free (self);
}

/* ---- what is asked for ------------------------------------------------------------------ */

static const SagTensor *
constant_input (const SagNode *node, int i)
{
  const SagValue *value = sag_node_input (node, i);

  return value != NULL && value->constant != NULL && sag_shape_count (&value->constant->shape) > 0
             ? value->constant
             : NULL;
}

static gboolean
read_sizes (const SagNode *node, const SagTensor *sizes, const int *axes, int n, Target *target,
            GError **error)
{
  const SagShape *in = &sag_node_input (node, 0)->shape;
  const char *policy = sag_node_get_string (node, "keep_aspect_ratio_policy", "stretch");
  double common = strcmp (policy, "not_larger") == 0 ? INFINITY : 0;

  if (sag_shape_count (&sizes->shape) != n)
    return sag_node_invalid (node, error, "it has another number of sizes than of axes");
  for (int i = 0; i < n; i++)
    {
      double scale = (double) sag_tensor_get_int (sizes, i) / (double) MAX (1, in->dim[axes[i]]);

      target->out.dim[axes[i]] = sag_tensor_get_int (sizes, i);
      target->scale[axes[i]] = scale;
      common = strcmp (policy, "not_larger") == 0 ? MIN (common, scale) : MAX (common, scale);
    }
  for (int i = 0; i < n && strcmp (policy, "stretch") != 0; i++)
    {
      target->scale[axes[i]] = common;
      target->out.dim[axes[i]] = (gint64) floor (common * (double) in->dim[axes[i]] + 0.5);
    }
  return TRUE;
}

static gboolean
read_scales (const SagNode *node, const SagTensor *scales, const float *floats, int n_floats,
             const int *axes, int n, Target *target, GError **error)
{
  const SagShape *in = &sag_node_input (node, 0)->shape;

  if ((scales != NULL ? sag_shape_count (&scales->shape) : n_floats) != n)
    return sag_node_invalid (node, error, "it has another number of scales than of axes");
  for (int i = 0; i < n; i++)
    {
      double scale = scales != NULL ? sag_tensor_get_real (scales, i) : floats[i];

      if (!(scale > 0) || !(scale * (double) in->dim[axes[i]] < (double) SAG_MAX_ELEMENTS))
        return sag_node_invalid (node, error, "a scale is not positive or too large");
      target->scale[axes[i]] = scale;
      /* In floats, as exporters and ONNX Runtime have it: (17.f / 9) * 9 is 17 there. */
      target->out.dim[axes[i]] = (gint64) floorf ((float) scale * (float) in->dim[axes[i]]);
    }
  return TRUE;
}

/* Upsample and set 10: (x, scales). From set 11: (x, roi, scales, sizes). */
static gboolean
read_target (const SagNode *node, Target *target, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  gboolean old = strcmp (node->op->name, "Upsample") == 0 || node->opset < 11;
  const SagTensor *scales = constant_input (node, old ? 1 : 2),
                  *sizes = old ? NULL : constant_input (node, 3);
  const SagTensor *roi = old ? NULL : constant_input (node, 1);
  const SagAttribute *attribute = sag_node_attribute (node, "scales");
  int n, axes[SAG_MAX_RANK];
  const gint64 *given = sag_node_get_ints (node, "axes", &n);

  if (given == NULL)
    n = x->shape.rank;
  if (n > x->shape.rank)
    return sag_node_invalid (node, error, "it has too many axes");
  for (int i = 0; i < n; i++)
    {
      axes[i] = given != NULL ? sag_axis (given[i], x->shape.rank) : i;
      if (axes[i] < 0)
        return sag_node_invalid (node, error, "an axis is outside of its input");
    }
  target->out = x->shape;
  for (int i = 0; i < SAG_MAX_RANK; i++)
    {
      target->scale[i] = 1;
      target->roi_start[i] = 0;
      target->roi_end[i] = 1;
    }
  if (roi != NULL && sag_shape_count (&roi->shape) == 2 * n)
    for (int i = 0; i < n; i++)
      {
        target->roi_start[axes[i]] = sag_tensor_get_real (roi, i);
        target->roi_end[axes[i]] = sag_tensor_get_real (roi, n + i);
      }
  if (sizes != NULL)
    return read_sizes (node, sizes, axes, n, target, error);
  if (scales == NULL && (attribute == NULL || attribute->kind != SAG_ATTRIBUTE_FLOATS))
    return sag_node_invalid (node, error, "it has neither scales nor sizes");
  return read_scales (node, scales, attribute != NULL ? attribute->floats : NULL,
                      attribute != NULL ? attribute->n : 0, axes, n, target, error);
}

static gboolean
infer_resize (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  const char *mode = sag_node_get_string (node, "mode", "nearest");
  Target target;

  if (!sag_node_arity (node, 1, error))
    return FALSE;
  if (strcmp (mode, "nearest") != 0 && strcmp (mode, "linear") != 0 && strcmp (mode, "cubic") != 0
      && strcmp (mode, "bilinear") != 0)
    return sag_node_unsupported (node, error, "its mode is unknown");
  if (*mode != 'n' && !sag_node_want_float (node, 0, error))
    return FALSE;
  if (!read_target (node, &target, error))
    return FALSE;
  for (int i = 0; i < x->shape.rank; i++)
    if (x->shape.dim[i] == 0 || x->shape.dim[i] > G_MAXINT32 || target.out.dim[i] > G_MAXINT32)
      return sag_node_invalid (node, error, "its input is empty or too large");
  return sag_node_give (node, 0, x->dtype, &target.out, error);
}

/* ---- tables ----------------------------------------------------------------------------- */

typedef struct
{
  const SagNode *node;
  const char    *transform, *mode, *nearest;
  double         cubic, scale, roi_start, roi_end, n_in, n_out;
  gboolean       exclude, antialias;
} Form;

/* The ONNX operator's text: "length_resized" is the output's, a whole number; PyTorch and ONNX Runtime
 * read it so. (The standard's own Python multiplies the scale out instead.) */
static double
source_coordinate (const Form *f, double x)
{
  if (strcmp (f->transform, "align_corners") == 0)
    return f->n_out == 1 ? 0 : x * (f->n_in - 1) / (f->n_out - 1);
  if (strcmp (f->transform, "asymmetric") == 0)
    return x / f->scale;
  if (strcmp (f->transform, "tf_crop_and_resize") == 0)
    return f->roi_start * (f->n_in - 1)
           + (f->n_out == 1 ? (f->roi_end - f->roi_start) * (f->n_in - 1) / 2
                            : x * (f->roi_end - f->roi_start) * (f->n_in - 1) / (f->n_out - 1));
  if (strcmp (f->transform, "pytorch_half_pixel") == 0 && f->n_out == 1)
    return 0;
  if (strcmp (f->transform, "tf_half_pixel_for_nn") == 0)
    return (x + 0.5) / f->scale;
  if (strcmp (f->transform, "half_pixel_symmetric") == 0)
    return f->n_in / 2 * (1 - f->n_out / (f->scale * f->n_in)) + (x + 0.5) / f->scale - 0.5;
  return (x + 0.5) / f->scale - 0.5;
}

/* In floats, as engines that answer for "nearest" compute it: which of two neighbours is taken
 * depends on it where the scale is no dyadic number. */
static double
nearest_coordinate (const Form *f, double x)
{
  float scale = (float) f->scale, at = (float) x;

  if (strcmp (f->transform, "asymmetric") == 0)
    return at / scale;
  if (strcmp (f->transform, "half_pixel") == 0
      || (strcmp (f->transform, "pytorch_half_pixel") == 0 && f->n_out > 1))
    return (at + 0.5f) / scale - 0.5f;
  return source_coordinate (f, x);
}

static double
nearest_index (const Form *f, double x)
{
  if (strcmp (f->nearest, "floor") == 0)
    return floor (x);
  if (strcmp (f->nearest, "ceil") == 0)
    return ceil (x);
  return strcmp (f->nearest, "round_prefer_ceil") == 0 ? floor (x + 0.5) : ceil (x - 0.5);
}

static double
kernel_at (const Form *f, double x)
{
  double a = f->cubic;

  x = fabs (x);
  if (*f->mode != 'c')
    return MAX (0, 1 - x);
  if (x <= 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/* A position inside the input; 0 for what is no number. */
static gint32
inside (const Form *f, double at)
{
  return !(at >= 0) ? 0 : at >= f->n_in - 1 ? (gint32) (f->n_in - 1) : (gint32) at;
}

static int
count_taps (const Form *f, int *start)
{
  int reach = *f->mode == 'c' ? 2 : 1;
  double scale = f->antialias ? MIN (f->scale, 1) : 1;

  if (*f->mode == 'n')
    {
      *start = 0;
      return 1;
    }
  *start = (int) floor (-reach / scale) + 1;
  return 2 * reach - 2 * *start - (*f->mode == 'c' ? 2 : 0);
}

static void
fill_weights (const Form *f, SagResizeAxis *axis, gint64 i, double x, int start)
{
  double first = ceil (x) - 1, ratio = x - first, sum = 0,
         scale = f->antialias ? MIN (f->scale, 1) : 1;
  float *weight = axis->weight + i * axis->taps;
  gint32 *source = axis->source + i * axis->taps;

  for (int t = 0; t < axis->taps; t++)
    {
      double at = first + start + t, w = kernel_at (f, (start + t - ratio) * scale);

      if (f->exclude && (at < 0 || at >= f->n_in))
        w = 0;
      weight[t] = (float) w;
      sum += w;
      source[t] = inside (f, at);
    }
  for (int t = 0; t < axis->taps && sum != 0 && (f->exclude || f->antialias); t++)
    weight[t] = (float) (weight[t] / sum);
}

static gboolean
fill_axis (const Form *f, SagResizeAxis *axis, GError **error)
{
  gboolean crop = strcmp (f->transform, "tf_crop_and_resize") == 0;
  int start;

  if (f->antialias && *f->mode != 'n' && f->scale * MAX_TABLE < 1)
    return sag_node_invalid (f->node, error, "its scale is too small");
  axis->taps = count_taps (f, &start);
  if (axis->n_out * (gint64) axis->taps > MAX_TABLE)
    return sag_node_invalid (f->node, error, "its output is too large");
  if (f->node->graph->max_bytes > 0
      && (gsize) axis->n_out * (gsize) axis->taps * (sizeof (gint32) + sizeof (float)) > f->node->graph->max_bytes)
    {
      g_autofree char *limit = g_format_size (f->node->graph->max_bytes);

      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_MEMORY,
                   "The network's Resize to %" G_GINT64_FORMAT " positions needs more than the limit of %s; use smaller "
                   "patches", axis->n_out, limit);
      return FALSE;
    }
  axis->source = g_new0 (gint32, axis->n_out * axis->taps);
  axis->weight = *f->mode != 'n' ? g_new0 (float, axis->n_out * axis->taps) : NULL;
  axis->outside = crop ? g_new0 (guint8, axis->n_out) : NULL;
  for (gint64 i = 0; i < axis->n_out; i++)
    {
      double x = source_coordinate (f, (double) i);

      if (crop && (x < 0 || x > f->n_in - 1))
        axis->outside[i] = 1;
      if (axis->weight != NULL)
        fill_weights (f, axis, i, x, start);
      else
        axis->source[i] = inside (f, nearest_index (f, nearest_coordinate (f, (double) i)));
    }
  return TRUE;
}

static gboolean
is_identity (const SagResizeAxis *axis)
{
  if (axis->n_in != axis->n_out || axis->outside != NULL)
    return FALSE;
  for (gint64 i = 0; i < axis->n_out; i++)
    for (int t = 0; t < axis->taps; t++)
      if (axis->weight == NULL
              ? axis->source[i] != i
              : axis->weight[i * axis->taps + t] != (axis->source[i * axis->taps + t] == i ? 1 : 0)
                    && axis->weight[i * axis->taps + t] != 0)
        return FALSE;
  return TRUE;
}

/* Twice as many, halfway between: the sources of 2 i are i - 1 and i, those of 2 i + 1 are i and i + 1. */
static gboolean
does_double (const SagResizeAxis *axis)
{
  const gint32 *source = axis->source;

  if (axis->weight == NULL || axis->taps != 2 || axis->n_out != 2 * axis->n_in || axis->n_in < 2)
    return FALSE;
  for (gint64 i = 1; i < axis->n_out - 1; i++)
    if (source[2 * i] != (i - 1) / 2 || source[2 * i + 1] != (i + 1) / 2
        || memcmp (axis->weight + 2 * i, axis->weight + 2 * (2 - i % 2), 2 * sizeof (float)) != 0)
      return FALSE;
  return TRUE;
}

/* Whether two axes can be done together, and what that takes. */
static gboolean
plan_lines (SagResize *self, const SagValue *x, const SagValue *y)
{
  gint64 strides[SAG_MAX_RANK];
  const SagResizeAxis *fast = &self->axis[0], *slow = &self->axis[1];

  if (self->n != 2 || x->dtype != SAG_DTYPE_F32 || fast->weight == NULL || slow->weight == NULL
      || fast->taps > SAG_RESIZE_ROWS || slow->taps > SAG_RESIZE_ROWS || sag_value_count (y) == 0)
    return FALSE;
  sag_layout_strides (&x->shape, y->layout, strides); /* a single pixel lies in all layouts at once */
  self->inner = strides[fast->axis];
  self->line_in = strides[slow->axis];
  sag_value_strides (y, strides);
  self->line_out = strides[slow->axis];
  self->each = (SAG_RESIZE_ROWS * sizeof (gint64)
                + (gsize) (slow->taps * self->line_out) * sizeof (float) + SAG_ALIGN - 1)
               & ~(gsize) (SAG_ALIGN - 1);
  return TRUE;
}

static gint64
cost_resize (const SagNode *node, SagLayout in, SagLayout out)
{
  const SagValue *x = sag_node_input (node, 0), *y = sag_node_output (node, 0);
  gint64 n = sag_value_count (y);

  if (in != out)
    return SAG_COST_NEVER;
  if (in == SAG_LAYOUT_PLAIN)
    return n / 2;
  return x->shape.dim[0] == y->shape.dim[0] && x->shape.dim[1] == y->shape.dim[1]
             ? (in == SAG_LAYOUT_LAST ? 0 : n / 2)
             : SAG_COST_NEVER;
}

static gboolean
prepare_resize (SagNode *node, SagPrecision precision, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  SagResize *self = g_new0 (SagResize, 1);
  gint64 strides[SAG_MAX_RANK], most = 0;
  SagShape shape = x->shape;
  gboolean old = strcmp (node->op->name, "Upsample") == 0 || node->opset < 11;
  Form form = {
    .node = node,
    .transform = sag_node_get_string (node, "coordinate_transformation_mode",
                                      old ? "asymmetric" : "half_pixel"),
    .mode = sag_node_get_string (node, "mode", "nearest"),
    .nearest = sag_node_get_string (node, "nearest_mode", old ? "floor" : "round_prefer_floor"),
    .cubic = sag_node_get_float (node, "cubic_coeff_a", -0.75f),
    .exclude = sag_node_get_int (node, "exclude_outside", 0) != 0,
    .antialias = sag_node_get_int (node, "antialias", 0) != 0,
  };
  Target target;

  if (node->free_state != NULL)
    node->free_state (node->state);
  node->state = self;
  node->free_state = resize_free;
  node->kernel = *form.mode == 'n' ? "nearest" : *form.mode == 'c' ? "cubic" : "linear";
  if (!read_target (node, &target, error))
    return FALSE;
  sag_layout_strides (&x->shape, sag_node_output (node, 0)->layout, strides);
  for (int i = 0; i < x->shape.rank; i++)
    {
      SagResizeAxis axis = { i, x->shape.dim[i], target.out.dim[i] };
      int at;

      form.scale = target.scale[i];
      if (old && form.scale < 1) /* sets before 11: the next one when it gets smaller */
        form.nearest = "ceil";
      else if (old)
        form.nearest = "floor";
      form.roi_start = target.roi_start[i];
      form.roi_end = target.roi_end[i];
      form.n_in = (double) axis.n_in;
      form.n_out = (double) axis.n_out;
      if (!fill_axis (&form, &axis, error))
        return FALSE;
      if (is_identity (&axis))
        {
          g_free (axis.source);
          g_free (axis.weight);
          continue;
        }
      /* innermost in memory first: the passes after it work on longer lines; of a single pixel all strides are one,
       * and the last axis is the inner one */
      for (at = self->n; at > 0 && strides[self->axis[at - 1].axis] >= strides[i]; at--)
        self->axis[at] = self->axis[at - 1];
      self->axis[at] = axis;
      self->n++;
    }
  for (int i = 0; i < self->n; i++)
    self->axis[i].doubles = does_double (&self->axis[i]);
  if (plan_lines (self, x, sag_node_output (node, 0)))
    {
      node->scratch_bytes = (gsize) sag_parallel_get_size () * self->each;
      return TRUE;
    }
  for (int i = 0; i + 1 < self->n; i++)
    {
      shape.dim[self->axis[i].axis] = self->axis[i].n_out;
      if (sag_shape_count (&shape) < 0)
        return sag_node_invalid (node, error, "it is too large");
      most = MAX (most, sag_shape_count (&shape));
    }
  self->half = ((gsize) most * sag_dtype_size (x->dtype) + 63) & ~(gsize) 63;
  node->scratch_bytes = self->n > 2 ? 2 * self->half : self->half;
  return TRUE;
}

#define RESIZE(name)                                                                           \
  { name, "", infer_resize, cost_resize, prepare_resize, NULL, sag_resize_run, .bytes = sag_resize_bytes, \
    .follows = 1, .needs = 14 }

const SagOp sag_ops_resize[] = {
  RESIZE ("Resize"),
  RESIZE ("Upsample"),
  { NULL },
};
