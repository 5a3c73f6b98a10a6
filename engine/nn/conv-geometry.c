/* SPDX-License-Identifier: Apache-2.0
 *
 * conv-geometry.c: attributes of convolutions, checked, and their phases.
 */
#include "engine/nn/conv-geometry.h"

#include "engine/nn/bytes.h"

#include <string.h>

enum
{
  MAX_TAPS = 1 << 20,
  MAX_STRIDE = 1 << 20,
  MAX_PHASES = 1 << 12,
  MAX_EXTENT = 1 << 30,
  MAX_PHASE_TAPS = 1 << 24, /* phases times taps */
};

/* What the attributes say, for each spatial axis of the file. */
typedef struct
{
  int    n; /* axes, 1..3 */
  gint64 kernel[3], stride[3], dilation[3];
  gint64 begin[3], end[3]; /* padding; of the output where transposed, and may be negative there */
  gint64 more[3];          /* output_padding */
  gint64 in[3], out[3];
} Window;

static gboolean
is_transposed (const SagNode *node)
{
  return strcmp (node->op->name, "ConvTranspose") == 0;
}

/* `n` values of a list attribute within [least, most]; absent: `otherwise`. */
static gboolean
read_list (const SagNode *node, const char *name, int n, gint64 otherwise, gint64 least, gint64 most,
           gint64 *values, GError **error)
{
  int given;
  const gint64 *list = sag_node_get_ints (node, name, &given);

  for (int i = 0; i < n; i++)
    {
      values[i] = list != NULL && given == n ? list[i] : otherwise;
      if (values[i] < least || values[i] > most)
        return sag_node_invalid (node, error,
                                 "attribute %s is %" G_GINT64_FORMAT ", outside %" G_GINT64_FORMAT
                                 " to %" G_GINT64_FORMAT,
                                 name, values[i], least, most);
    }
  if (list != NULL && given != n)
    return sag_node_invalid (node, error, "attribute %s has %d values for %d axes", name, given, n);
  return TRUE;
}

static gboolean
check_channels (const SagNode *node, gint64 groups, GError **error)
{
  const SagShape *x = &sag_node_input (node, 0)->shape, *w = &sag_node_input (node, 1)->shape;
  int n_inputs = (int) node->inputs->len - (node->fused.residual ? 1 : 0);
  const SagValue *bias = n_inputs > 2 ? sag_node_input (node, 2) : NULL;
  gint64 cout = is_transposed (node) ? w->dim[1] * groups : w->dim[0];

  if (is_transposed (node) ? x->dim[1] != w->dim[0] || x->dim[1] % groups != 0
                           : x->dim[1] != w->dim[1] * groups || w->dim[0] % groups != 0)
    return sag_node_invalid (node, error, "%" G_GINT64_FORMAT " channels, weights for %" G_GINT64_FORMAT
                             " and %" G_GINT64_FORMAT " groups do not fit each other",
                             x->dim[1], is_transposed (node) ? w->dim[0] : w->dim[1] * groups, groups);
  if (cout < 1)
    return sag_node_invalid (node, error, "it has no output channels");
  if (bias != NULL && (bias->dtype != SAG_DTYPE_F32 || sag_shape_count (&bias->shape) != cout))
    return sag_node_invalid (node, error, "the bias does not have one value for each of %"
                             G_GINT64_FORMAT " output channels", cout);
  return TRUE;
}

/* begin + end = total; the odd one at the end for SAME_UPPER. */
static void
split (const char *auto_pad, gint64 total, gint64 *begin, gint64 *end)
{
  gboolean upper = strcmp (auto_pad, "SAME_UPPER") == 0;

  *begin = upper ? total / 2 : total - total / 2;
  *end = total - *begin;
}

static gboolean
find_output (const SagNode *node, Window *w, const char *auto_pad, GError **error)
{
  gboolean same = g_str_has_prefix (auto_pad, "SAME");
  gint64 wanted[3];
  int n_wanted = 0;

  if (is_transposed (node) && sag_node_attribute (node, "output_shape") != NULL)
    {
      /* Some exporters write batch and channels too. */
      const gint64 *list = sag_node_get_ints (node, "output_shape", &n_wanted);

      if (n_wanted != w->n && n_wanted != w->n + 2)
        return sag_node_invalid (node, error, "attribute output_shape has %d values for %d axes",
                                 n_wanted, w->n);
      for (int i = 0; i < w->n; i++)
        {
          wanted[i] = list[n_wanted - w->n + i];
          if (wanted[i] < 1 || wanted[i] > (gint64) MAX_EXTENT * 2)
            return sag_node_invalid (node, error,
                                     "attribute output_shape is %" G_GINT64_FORMAT
                                     ", outside 1 to %" G_GINT64_FORMAT,
                                     wanted[i], (gint64) MAX_EXTENT * 2);
        }
    }
  for (int i = 0; i < w->n; i++)
    {
      gint64 extent = w->dilation[i] * (w->kernel[i] - 1) + 1;

      if (extent > MAX_EXTENT || w->in[i] > MAX_EXTENT)
        return sag_node_unsupported (node, error, "its window or its input is too large");
      if (is_transposed (node))
        {
          gint64 whole = w->stride[i] * (w->in[i] - 1) + w->more[i] + extent;

          if (n_wanted > 0 || same)
            {
              w->out[i] = n_wanted > 0 ? wanted[i] : w->in[i] * w->stride[i];
              split (auto_pad, MAX (0, whole - w->out[i]), &w->begin[i], &w->end[i]);
            }
          else
            w->out[i] = whole - w->begin[i] - w->end[i];
        }
      else
        {
          if (same)
            {
              w->out[i] = (w->in[i] + w->stride[i] - 1) / w->stride[i];
              split (auto_pad, MAX (0, (w->out[i] - 1) * w->stride[i] + extent - w->in[i]),
                     &w->begin[i], &w->end[i]);
            }
          else if (w->in[i] + w->begin[i] + w->end[i] < extent)
            w->out[i] = 0;
          else
            w->out[i] = (w->in[i] + w->begin[i] + w->end[i] - extent) / w->stride[i] + 1;
        }
      if (w->begin[i] > MAX_EXTENT || w->out[i] > (gint64) MAX_EXTENT * 2)
        return sag_node_unsupported (node, error, "its output is too large");
      if (w->out[i] < 1)
        return sag_node_invalid (node, error,
                                 "its window of %" G_GINT64_FORMAT
                                 " does not fit axis %d of %" G_GINT64_FORMAT,
                                 extent, i + 2, w->in[i]);
    }
  return TRUE;
}

static gboolean
read_window (const SagNode *node, Window *window, GError **error)
{
  const SagValue *x, *w;
  const char *auto_pad = sag_node_get_string (node, "auto_pad", "NOTSET");
  gint64 pads[6], groups = sag_node_get_int (node, "group", 1), given[3], taps = 1;
  int n;

  x = sag_node_input (node, 0);
  w = sag_node_input (node, 1);
  if (x == NULL || w == NULL)
    return sag_node_invalid (node, error, "an input is missing");
  n = x->shape.rank - 2;
  if ((x->dtype != SAG_DTYPE_F32 && x->planes == NULL && !sag_value_in_bytes (x)) || w->dtype != SAG_DTYPE_F32)
    return sag_node_unsupported (node, error, "its inputs are %s and %s, not floating point",
                                 sag_dtype_get_name (x->dtype), sag_dtype_get_name (w->dtype));
  if (n < 1 || w->shape.rank != x->shape.rank)
    return sag_node_invalid (node, error, "inputs of rank %d and %d", x->shape.rank, w->shape.rank);
  if (n > 3)
    return sag_node_unsupported (node, error, "it has %d spatial axes; at most 3 are supported", n);
  if (groups < 1 || groups > x->shape.dim[1])
    return sag_node_invalid (node, error, "%" G_GINT64_FORMAT " groups of %" G_GINT64_FORMAT " channels",
                             groups, x->shape.dim[1]);
  if (!check_channels (node, groups, error))
    return FALSE;

  *window = (Window){ .n = n };
  for (int i = 0; i < n; i++)
    {
      window->kernel[i] = w->shape.dim[i + 2];
      window->in[i] = x->shape.dim[i + 2];
      taps = window->kernel[i] < 1 || taps > MAX_TAPS ? MAX_TAPS + 1 : taps * window->kernel[i];
    }
  if (taps > MAX_TAPS || taps < 1)
    return sag_node_unsupported (node, error, "its kernel is empty or has more than %d taps", MAX_TAPS);
  if (!read_list (node, "kernel_shape", n, -1, -1, MAX_TAPS, given, error)
      || !read_list (node, "strides", n, 1, 1, MAX_STRIDE, window->stride, error)
      || !read_list (node, "dilations", n, 1, 1, MAX_STRIDE, window->dilation, error)
      || !read_list (node, "pads", 2 * n, 0, 0, MAX_STRIDE, pads, error)
      || !read_list (node, "output_padding", n, 0, 0, MAX_STRIDE, window->more, error))
    return FALSE;
  for (int i = 0; i < n; i++)
    {
      if (given[i] != -1 && given[i] != window->kernel[i])
        return sag_node_invalid (node, error,
                                 "kernel_shape says %" G_GINT64_FORMAT
                                 " where the weights have %" G_GINT64_FORMAT,
                                 given[i], window->kernel[i]);
      if (strcmp (auto_pad, "NOTSET") == 0)
        {
          window->begin[i] = pads[i];
          window->end[i] = pads[n + i];
        }
    }
  if (strcmp (auto_pad, "NOTSET") != 0 && strcmp (auto_pad, "VALID") != 0
      && strcmp (auto_pad, "SAME_UPPER") != 0 && strcmp (auto_pad, "SAME_LOWER") != 0)
    return sag_node_invalid (node, error,
                             "attribute auto_pad is none of NOTSET, VALID, SAME_UPPER, SAME_LOWER");
  return find_output (node, window, auto_pad, error);
}

gboolean
sag_conv_infer (const SagNode *node, SagShape *shape, GError **error)
{
  Window window;
  const SagShape *x, *w;

  if (!read_window (node, &window, error))
    return FALSE;
  x = &sag_node_input (node, 0)->shape;
  w = &sag_node_input (node, 1)->shape;
  *shape = *x;
  shape->dim[1] = is_transposed (node) ? w->dim[1] * sag_node_get_int (node, "group", 1) : w->dim[0];
  for (int i = 0; i < window.n; i++)
    shape->dim[i + 2] = window.out[i];
  return TRUE;
}

/* Fills one phase: residue r of the outputs in each axis. */
static void
fill_phase (SagConvPhase *phase, const Window *w, gboolean transposed, const gint64 *out,
            const gint64 *r)
{
  int n = 0, total = (int) (w->kernel[0] * w->kernel[1] * w->kernel[2]);

  phase->taps = g_new (gint32, total);
  phase->offset = g_new (gint32, 3 * total);
  for (int t = 0; t < total; t++)
    {
      gint64 tap[3] = { t / (w->kernel[1] * w->kernel[2]), t / w->kernel[2] % w->kernel[1],
                        t % w->kernel[2] };
      gint64 offset[3];
      gboolean here = TRUE;

      for (int a = 0; a < 3; a++)
        {
          offset[a] = transposed ? r[a] + w->begin[a] - tap[a] * w->dilation[a]
                                 : tap[a] * w->dilation[a] - w->begin[a];
          if (transposed)
            {
              here = here && offset[a] % w->stride[a] == 0;
              offset[a] /= w->stride[a];
            }
        }
      if (!here)
        continue;
      for (int a = 0; a < 3; a++)
        {
          phase->offset[3 * n + a] = (gint32) offset[a];
          phase->least[a] = n == 0 ? offset[a] : MIN (phase->least[a], offset[a]);
          phase->most[a] = n == 0 ? offset[a] : MAX (phase->most[a], offset[a]);
        }
      phase->taps[n++] = t;
    }
  phase->n_taps = n;
  phase->taps = g_renew (gint32, phase->taps, n);
  phase->offset = g_renew (gint32, phase->offset, 3 * n);
  for (int a = 0; a < 3; a++)
    {
      gint64 step = transposed ? w->stride[a] : 1;

      phase->count[a] = r[a] < out[a] ? (out[a] - r[a] + step - 1) / step : 0;
    }
}

/* The window seen as three axes: those it lacks come first. */
static void
widen (const Window *from, Window *to)
{
  int missing = 3 - from->n;

  *to = *from;
  to->n = 3;
  for (int a = 0; a < 3; a++)
    {
      int i = a - missing;

      to->kernel[a] = i < 0 ? 1 : from->kernel[i];
      to->stride[a] = i < 0 ? 1 : from->stride[i];
      to->dilation[a] = i < 0 ? 1 : from->dilation[i];
      to->begin[a] = i < 0 ? 0 : from->begin[i];
      to->in[a] = i < 0 ? 1 : from->in[i];
      to->out[a] = i < 0 ? 1 : from->out[i];
    }
}

gboolean
sag_conv_geometry_init (SagConvGeometry *self, const SagNode *node, GError **error)
{
  const SagShape *x, *w;
  Window given, window;

  if (!read_window (node, &given, error))
    return FALSE;
  x = &sag_node_input (node, 0)->shape;
  w = &sag_node_input (node, 1)->shape;
  widen (&given, &window);

  *self = (SagConvGeometry){ .transposed = is_transposed (node) };
  self->batch = x->dim[0];
  self->groups = sag_node_get_int (node, "group", 1);
  self->cin = x->dim[1];
  self->cout = self->transposed ? w->dim[1] * self->groups : w->dim[0];
  self->kernel_size = 1;
  self->n_phases = 1;
  for (int a = 0; a < 3; a++)
    {
      self->in[a] = window.in[a];
      self->out[a] = window.out[a];
      self->kernel_size *= window.kernel[a];
      self->in_step[a] = self->transposed ? 1 : window.stride[a];
      self->out_step[a] = self->transposed ? window.stride[a] : 1;
      if (self->out_step[a] > MAX_PHASES / self->n_phases)
        return sag_node_unsupported (node, error, "its strides are too large");
      self->n_phases *= (int) self->out_step[a];
    }
  if (self->kernel_size > MAX_PHASE_TAPS / self->n_phases)
    return sag_node_unsupported (node, error, "its kernel is too large for its strides");
  self->phases = g_new0 (SagConvPhase, self->n_phases);
  for (int p = 0; p < self->n_phases; p++)
    {
      gint64 r[3] = { p / (self->out_step[1] * self->out_step[2]),
                      p / self->out_step[2] % self->out_step[1], p % self->out_step[2] };

      fill_phase (&self->phases[p], &window, self->transposed, self->out, r);
    }
  return TRUE;
}

void
sag_conv_geometry_clear (SagConvGeometry *self)
{
  for (int p = 0; p < self->n_phases; p++)
    {
      g_free (self->phases[p].taps);
      g_free (self->phases[p].offset);
    }
  g_clear_pointer (&self->phases, g_free);
  self->n_phases = 0;
}
