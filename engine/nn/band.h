/* SPDX-License-Identifier: Apache-2.0
 *
 * band.h: operators on images of one plane that can make some lines of their output by themselves, for
 * pass-chain.c. Nodes are prepared; everything runs on the calling thread.
 */
#pragma once

#include "engine/nn/op.h"

/* Lines from .. to - 1 of an image's output. Input and output may be buffers of some lines. */
typedef struct
{
  gint64       image, from, to;
  const float *in;  /* begins with line in_first of the image; NULL: the input as a whole */
  gint64       in_first;
  gint64       in_ring; /* 0, or lines of that buffer: those that do not fit begin anew at its start */
  float       *out; /* the same of the output */
  gint64       out_first;
  const void  *constants; /* sag_conv_begin()'s */
} SagBand;

/* Conv on floats, or from bytes whose range is known. Buffers of bytes are given as those of words of four channels. */
gboolean sag_conv_has_bands    (const SagNode *node);
void     sag_conv_begin        (const SagNode *node, void *constants); /* of scratch_bytes; once a run, on bytes */
void     sag_conv_run_band     (const SagNode *node, const SagBand *band);

/* Resize of two axes, whose input is whole and whose output lies in `out`: channels last, `pitch` floats from pixel to
 * pixel, or lines of x by channel, `pitch` floats from line to line. Scratch, of one
 * thread, keeps lines from band to band: begin anew with another image. */
gboolean sag_resize_has_bands  (const SagNode *node);
gsize    sag_resize_band_bytes (const SagNode *node); /* of scratch, a multiple of SAG_ALIGN */
void     sag_resize_begin      (const SagNode *node, void *scratch);
void     sag_resize_run_band   (const SagNode *node, const SagBand *band, gint64 pitch, void *scratch);
