/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-see.h: a value as elements of another one: what only turns, cuts out or reshapes needs no memory of its own
 * if its reader follows strides.
 */
#pragma once

#include "engine/nn/op.h"

/* Element [i0, i1, ...] of the value is map (base[offset + i0 * stride[0] + i1 * stride[1] + ...]) + shift, with base
 * in PLAIN layout. */
typedef struct
{
  SagValue *base;
  SagShape  shape;  /* the value's */
  gint64    offset, stride[SAG_MAX_RANK];
  SagFused  map;    /* an activation, or none */
  float     shift;
} SagSeen;

/* Through Transpose, Reshape, Squeeze, Unsqueeze, Gather of one place, Slice, Split, an activation and an addition of a
 * number, as far as strides can follow. */
void     sag_see         (SagValue *value, SagSeen *seen);

/* A float of which the file does not say how it is stored. */
gboolean sag_see_is_free (const SagValue *value);
