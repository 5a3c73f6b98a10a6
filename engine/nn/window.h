/* SPDX-License-Identifier: Apache-2.0
 *
 * window.h: the sliding window of pooling and convolution, always seen in three dimensions.
 */
#pragma once

#include "engine/nn/op.h"

/* Axes are z, y, x; what a 1-D or 2-D operator lacks is of size 1. */
typedef struct
{
  int    n_axes;        /* 1..3 as the operator has */
  gint64 in[3], out[3]; /* elements along each axis */
  gint64 kernel[3], stride[3], dilation[3];
  gint64 before[3], after[3]; /* padding */
} SagWindow;

/* Reads kernel_shape (or takes `kernel`, n_axes long, if not NULL), strides, pads, auto_pad,
 * dilations and ceil_mode of `node`, whose input 0 is [N, C, spatial...], and computes out[].
 * INVALID or UNSUPPORTED. */
gboolean sag_window_read (const SagNode *node, const gint64 *kernel, SagWindow *window,
                          GError **error);

/* The output's shape with `channels`, in the input's rank. */
SagShape sag_window_output (const SagNode *node, const SagWindow *window, gint64 channels);
