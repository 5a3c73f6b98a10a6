/* SPDX-License-Identifier: Apache-2.0
 *
 * conv-geometry.h: which input pixels an output pixel of a convolution sees.
 *
 * Convolution and transposed convolution are one thing here. Outputs fall into phases: those of
 * phase r are r + q * out_step, and tap t of the phase sees input q * in_step + offset[t]. A
 * convolution has one phase (out_step 1, in_step = stride) with all taps; a transposed one has a
 * phase for each residue of the stride (out_step = stride, in_step 1) with the taps that fall on it.
 * Axes are z, y, x; those a 1-D or 2-D image lacks have one pixel.
 */
#pragma once

#include "engine/nn/op.h"

typedef struct
{
  int     n_taps;
  gint32 *taps;   /* [n_taps] index into the kernel's z * y * x elements, ascending */
  gint32 *offset; /* [n_taps][3] */
  gint64  least[3], most[3]; /* of offset over the taps; 0 if there is none */
  gint64  count[3]; /* q = 0 .. count - 1 */
} SagConvPhase;

typedef struct
{
  gboolean      transposed;
  gint64        batch, groups;
  gint64        cin, cout; /* of all groups */
  gint64        in[3], out[3];
  gint64        kernel_size; /* taps of the whole kernel */
  gint64        in_step[3], out_step[3];
  int           n_phases;
  SagConvPhase *phases; /* [z residue][y residue][x residue] */
} SagConvGeometry;

/* Shape of the output of Conv or ConvTranspose `node`, from its inputs' shapes and attributes.
 * INVALID or UNSUPPORTED. */
gboolean sag_conv_infer          (const SagNode *node, SagShape *shape, GError **error);

/* The rest, once the output's shape is known; sag_conv_geometry_clear() releases the phases. */
gboolean sag_conv_geometry_init  (SagConvGeometry *self, const SagNode *node, GError **error);
void     sag_conv_geometry_clear (SagConvGeometry *self);
