/* SPDX-License-Identifier: Apache-2.0
 *
 * int8.h: activations as bytes, weights as bytes or half bytes.
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

/* The quantum of numbers from `least` to `most`; both count 0 in. */
SagQuantum sag_int8_quantum  (float        least,
                              float        most);

/* In parallel. */
void       sag_int8_quantise (gint64            n,
                              const float      *x,
                              const SagQuantum *quantum,
                              guint8           *q);

/* A group of at most 32 weights as four bits, -8 … 7, and its scale: of some, the one of least
 * squared error. None of them grows beyond the greatest. */
float      sag_int4_group    (guint        n,
                              const float *w,
                              gint8       *q);

/* n weights in groups of 32, and each group's scale as a share of `scale`, which is sag_int8_scale() of them and of
 * others: they multiply as bytes (SagWeights.unpack_s4 has the equation). */
void       sag_int4_column   (gsize        n,
                              const float *w,
                              float        scale,
                              gint8       *q,
                              gint16      *factors);

/* The same as a column of a panel of nr packed ones, [(n + 7) / 8][nr][4] bytes: the first of two fours in the low
 * halves, the second in the high ones, each plus 8, zeroes behind the last. `to` is the column's first byte. */
void       sag_int4_pack     (gsize        n,
                              const gint8 *q,
                              gsize        nr,
                              guint8      *to);

/* One of them as a byte. */
static inline gint8
sag_int4_weight (gint8 q, gint16 factor)
{
  return (gint8) ((q * factor + 128) >> 8);
}

/* The scale of n weights: the greatest is 127. 0 if all are 0. */
float      sag_int8_scale    (gint64       n,
                              const float *w);
