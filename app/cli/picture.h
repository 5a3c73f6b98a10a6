/* SPDX-License-Identifier: Apache-2.0
 *
 * picture.h: words and legends over a rendered slice, for `sagitta-cli render`.
 */
#pragma once

#include "engine/image/slice.h"

typedef struct
{
  guint8         *rgba; /* width * height * 4, drawn over in place */
  int             width, height;
  const SagPlane *plane;
  const char *corners[4]; /* Pango markup: top left, top right, bottom left, bottom right */
  const char     *notice;           /* bottom centre */
  gboolean has_place; /* directions in the patient are known: draw orientation letters */
  gboolean        has_scale;        /* millimetres are true: draw a scale bar */
  gboolean        confidence_ramp;  /* draw the ramp with its numbers */
  double          threshold;        /* marked on the ramp; 0: not */
} SagPicture;

/* Draws orientation letters, a scale bar, corners, notice and ramp. Text is 1/55 of the height, 11
 * to 40 pixels. */
void sag_picture_annotate (const SagPicture *self);

/* What a colour stands for, as a line of markup: a square and an escaped name. Caller frees. */
char *sag_picture_legend  (const guint8      rgb[3],
                           const char       *text);
