/* SPDX-License-Identifier: Apache-2.0
 *
 * int8.h: activations as bytes, with a scale found at run time.
 */
#pragma once

#include <glib.h>

/* x is about (q - zero) * scale; 0 is exact. */
typedef struct
{
  float  scale;
  gint32 zero; /* 0 .. 255 */
} SagQuantum;

/* Floats that sag_int8_find() works in. */
gint64     sag_int8_partials (gint64 n);

/* The quantum of n floats, from the least and the greatest of them and 0. In parallel. */
SagQuantum sag_int8_find     (gint64       n,
                              const float *x,
                              float       *partials);

/* In parallel. */
void       sag_int8_quantise (gint64            n,
                              const float      *x,
                              const SagQuantum *quantum,
                              guint8           *q);

/* The scale of n weights: the greatest is 127. 1 if all are 0. */
float      sag_int8_scale    (gint64       n,
                              const float *w);
