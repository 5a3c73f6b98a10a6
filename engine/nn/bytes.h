/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes.h: values that lie in memory as bytes.
 *
 * A float value with a static range may be stored as uint8_t, x = (q - zero) * scale with its quantum
 * (pass-bytes.c decides). Its dtype is then U8, its layout LAST, or ROWS with the channels of each
 * line by fours, [N][D][H][C / 4][W][4]; C is a multiple of four. So in either layout it is an array of
 * words of four channels, laid out like floats of a quarter of the channels, and what only moves data
 * moves words.
 */
#pragma once

#include "engine/nn/op.h"

/* Whether the value is stored so: a U8 of the file has no quantum. A volume whose range is found at run time may be
 * stored the same way with a quantum for each plane, ROWS only; that is for convolutions alone (conv-planes.c). */
static inline gboolean
sag_value_in_bytes (const SagValue *value)
{
  return value->dtype == SAG_DTYPE_U8 && value->quantum.scale > 0;
}

/* Whether it is a volume that may. */
gboolean sag_value_fits_planes (const SagValue *value);

/* Shape and strides as the elements in memory are moved, and their size in bytes: of words for a
 * value in bytes, of its elements for any other. */
gsize    sag_value_moves  (const SagValue *value, SagShape *shape, gint64 *strides);

/* SagOp.bytes of what moves data whole, or takes the largest of it: in and out, with one quantum. */
guint    sag_bytes_same   (const SagNode *node);

/* How one of z, y, x of an output is made: of `taps` (1 or 2) of the input's places, whose weights add up to 1;
 * `source` NULL: the place itself, `weight` NULL: one tap, whole. */
typedef struct
{
  gint64        n_in, n_out;
  int           taps;
  const gint32 *source; /* [n_out][taps] */
  const float  *weight;
} SagBytesAxis;

/* Resize, nearest or linear, of a value in bytes. */
void     sag_bytes_resize (const SagValue *x, SagValue *y, const SagBytesAxis axes[3]);

/* A line of the nearest: y[i] = x[source[i]] for words of four bytes. */
void     sag_pick_words   (gint64 n_out, const gint32 *source, gint64 n_in, const float *x, float *y);

/* A line of it, z = 0, channels last, into `out`: pixels are `ld` bytes apart. `places`, of sag_bytes_places_size() bytes
 * and begun for each thread, keeps from line to line between which pixels they lie. */
gsize    sag_bytes_places_size  (void);
void     sag_bytes_places_begin (void *places);
void     sag_bytes_resize_line  (const SagValue *x, const SagBytesAxis axes[3], gint64 image, gint64 y, guint8 *out,
                                 gint64 ld, void *places);

/* MaxPool of a value in bytes. */
void     sag_bytes_pool   (const SagNode *node);

/* A float value as bytes, or bytes as floats. */
void     sag_bytes_convert (const SagValue *x, SagValue *y);
