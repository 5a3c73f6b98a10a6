/* SPDX-License-Identifier: Apache-2.0
 *
 * window.c: the sliding window of pooling and convolution.
 */
#include "engine/nn/window.h"

#include <string.h>

/* `n` values of an attribute into the last axes of `axes`; FALSE if another number or too large. */
static gboolean
read_axes (const SagNode *node, const char *name, int n, gint64 *axes, gint64 least, GError **error)
{
  int have;
  const gint64 *values = sag_node_get_ints (node, name, &have);

  if (values == NULL)
    return TRUE;
  if (have != n)
    return sag_node_invalid (node, error, "%s has %d numbers, not %d", name, have, n);
  for (int i = 0; i < n; i++)
    {
      if (values[i] < least || values[i] > G_MAXINT32)
        return sag_node_invalid (node, error, "%s is out of range", name);
      axes[3 - n + i] = values[i];
    }
  return TRUE;
}

static gboolean
read_pads (const SagNode *node, int n, SagWindow *window, GError **error)
{
  int have;
  const gint64 *pads = sag_node_get_ints (node, "pads", &have);

  if (pads == NULL)
    return TRUE;
  if (have != 2 * n)
    return sag_node_invalid (node, error, "pads has %d numbers, not %d", have, 2 * n);
  for (int i = 0; i < n; i++)
    {
      if (pads[i] < 0 || pads[i] > G_MAXINT32 || pads[n + i] < 0 || pads[n + i] > G_MAXINT32)
        return sag_node_unsupported (node, error, "pads are negative or too large");
      window->before[3 - n + i] = pads[i];
      window->after[3 - n + i] = pads[n + i];
    }
  return TRUE;
}

static void
size_axis (SagWindow *window, int a, const char *auto_pad, gboolean ceil_mode)
{
  gint64 extent = (window->kernel[a] - 1) * window->dilation[a] + 1, stride = window->stride[a],
         room;

  if (strncmp (auto_pad, "SAME", 4) == 0)
    {
      gint64 pad;

      window->out[a] = (window->in[a] + stride - 1) / stride;
      pad = MAX (0, (window->out[a] - 1) * stride + extent - window->in[a]);
      window->before[a] = strcmp (auto_pad, "SAME_LOWER") == 0 ? (pad + 1) / 2 : pad / 2;
      window->after[a] = pad - window->before[a];
      return;
    }
  if (strcmp (auto_pad, "VALID") == 0)
    window->before[a] = window->after[a] = 0;
  room = window->in[a] + window->before[a] + window->after[a] - extent;
  window->out[a] = room < 0 ? 0 : room / stride + 1;
  /* A window that the rounding adds must start inside the input or the padding before it. */
  if (ceil_mode && room >= 0 && room % stride != 0
      && window->out[a] * stride < window->in[a] + window->before[a])
    window->out[a]++;
}

gboolean
sag_window_read (const SagNode *node, const gint64 *kernel, SagWindow *window, GError **error)
{
  const SagShape *shape = &sag_node_input (node, 0)->shape;
  const char *auto_pad = sag_node_get_string (node, "auto_pad", "NOTSET");
  gboolean ceil_mode = sag_node_get_int (node, "ceil_mode", 0) != 0;
  int n = shape->rank - 2;

  *window = (SagWindow) {
    n, { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 },
  };
  if (n < 1 || n > 3)
    return sag_node_unsupported (node, error, "its input has %d dimensions; 3 to 5 are supported",
                                 shape->rank);
  for (int i = 0; i < n; i++)
    {
      window->in[3 - n + i] = shape->dim[2 + i];
      if (kernel != NULL && (kernel[i] < 1 || kernel[i] > G_MAXINT32))
        return sag_node_invalid (node, error, "its kernel is empty or too large");
      if (kernel != NULL)
        window->kernel[3 - n + i] = kernel[i];
    }
  if (kernel == NULL && sag_node_attribute (node, "kernel_shape") == NULL)
    return sag_node_invalid (node, error, "kernel_shape is missing");
  if ((kernel == NULL && !read_axes (node, "kernel_shape", n, window->kernel, 1, error))
      || !read_axes (node, "strides", n, window->stride, 1, error)
      || !read_axes (node, "dilations", n, window->dilation, 1, error)
      || !read_pads (node, n, window, error))
    return FALSE;
  for (int a = 0; a < 3; a++)
    size_axis (window, a, auto_pad, ceil_mode);
  return TRUE;
}

SagShape
sag_window_output (const SagNode *node, const SagWindow *window, gint64 channels)
{
  SagShape shape = sag_node_input (node, 0)->shape;

  shape.dim[1] = channels;
  for (int i = 0; i < window->n_axes; i++)
    shape.dim[2 + i] = window->out[3 - window->n_axes + i];
  return shape;
}
