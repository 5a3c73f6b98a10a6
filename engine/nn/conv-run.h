/* SPDX-License-Identifier: Apache-2.0
 *
 * conv-run.h: one run of a convolution, shared by its forms (conv-run.c, conv-rows.c).
 */
#pragma once

#include "engine/nn/conv.h"

typedef struct
{
  const SagStep    *step;
  const SagConv       *conv;
  const SagKernels *k;
  const float      *in, *packed, *residual;
  const float      *weights; /* as floats; NULL if the kernel reads weights16 */
  const guint16    *weights16;
  const guint8     *bytes;   /* on bytes: the input, and what else lies in scratch */
  const gint32     *starts;
  const float      *factors;
  const guint8     *pads;
  guint8            pad;
  float            *out;     /* or words, or bytes: see SagConv.bytes_out */
  gint64            in_shift, out_shift; /* of a band: elements before the first that `in` and `out` hold */
  gint64            in_ring, in_turn;    /* of a band: lines from in_turn on lie in_ring lines before their place */
  gint64            per_item, n_items; /* lines, or blocks of pixels, of an item */
  gint64            parts, per_part;   /* shares of the panels, for images too small to share; panels of each */
  gint64            first, n_lines;    /* of rows_item() */
} SagConvJob;

/* Where line y of the input lies, in elements. */
static inline gint64
sag_conv_line_at (const SagConvJob *job, gint64 y)
{
  return (y >= job->in_turn ? y - job->in_ring : y) * job->conv->in_stride[2];
}

/* What follows the sum, over `n` floats at out[at]. */
void      sag_conv_finish (const SagConvJob *job, gint64 at, gint64 n);

/* What follows the sums of columns from `first` on; `out` lies `at` elements into the output. */
SagIntEnd sag_conv_end    (const SagConvJob *job, gint64 first, void *out, gint64 at, gint64 ld);

/* Of lines of x: lines y .. end - 1 of a plane. */
void      sag_conv_run_lines (const SagConvJob *job, gint64 image, gint64 z, gint64 y, gint64 end);

/* All n_lines lines. */
void      sag_conv_run_rows  (SagConvJob *job);

/* Of volumes in bytes with a quantum for each plane: the sums of a panel (0 <= q0, q0 + n <= pixels of the line), as
 * floats to out[j * ld + i]; and the whole run, where the input, the output or both lie so. */
void      sag_conv_planes_panel (const SagConvJob *job, gint64 image, gint64 qz, gint64 qy, gint64 panel, gint64 q0,
                                 gint64 n, float *out, gint64 ld);
void      sag_conv_run_planes   (SagConvJob *job);
