/* SPDX-License-Identifier: Apache-2.0
 *
 * resize.h: a prepared Resize, between ops-resize.c, which makes it, and resize-run.c, which runs it.
 */
#pragma once

#include "engine/nn/op.h"

enum { SAG_RESIZE_ROWS = 8 }; /* taps of one axis that are added in one call */

/* How one axis of the output is made of the input's. */
typedef struct
{
  int     axis;
  gint64  n_in, n_out;
  int     taps;
  gint32 *source;  /* [n_out][taps] */
  float  *weight;  /* [n_out][taps]; NULL: nearest */
  gboolean doubles; /* but for its ends, odd and even positions have the same two weights everywhere */
  guint8 *outside; /* [n_out]: takes extrapolation_value; NULL: none */
} SagResizeAxis;

typedef struct
{
  int    n; /* axes that change, in the order they are done */
  SagResizeAxis axis[SAG_MAX_RANK];
  gsize  half; /* bytes of one of the two intermediate areas */

  /* Two axes of floats are done together, a line of the slower one at a time; inner is 0 where not. */
  gint64 inner, line_in, line_out; /* of the faster axis; floats of a line, before it and after */
  gsize  each; /* bytes of scratch of a thread */
} SagResize;

guint sag_resize_bytes (const SagNode *node); /* SagOp.bytes */
void  sag_resize_run   (const SagStep *step);
