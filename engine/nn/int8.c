/* SPDX-License-Identifier: Apache-2.0
 *
 * int8.c: activations and weights as bytes.
 *
 * Asymmetric for activations, symmetric for weights: Jacob et al., Quantization and Training of Neural
 * Networks for Efficient Integer-Arithmetic-Only Inference, 2018.
 */
#include "engine/nn/int8.h"

#include "engine/kernels/kernels.h"
#include "engine/nn/op-util.h"

#include <math.h>
#include <string.h>

/* The pieces do not depend on the team, so not even NaN does. PART floats stay in the L1 cache
 * between the least and the greatest. */
enum { PART = 4096 };

/* Below this a scale would lose digits; such activations are as good as 0. */
#define LEAST_RANGE 1e-30f

typedef struct
{
  gint64            n;
  const float      *x;
  float            *partials;
  const SagQuantum *quantum;
  guint8           *q;
} Run;

static void
find_parts (gint64 part, gint64 to, int thread, gpointer data)
{
  const Run *run = data;
  const SagReduce *reduce = &sag_kernels_get ()->reduce;

  for (; part < to; part++)
    {
      gsize n = (gsize) MIN (PART, run->n - part * PART);

      run->partials[2 * part] = reduce->min (n, run->x + part * PART);
      run->partials[2 * part + 1] = reduce->max (n, run->x + part * PART);
    }
}

static void
quantise_parts (gint64 part, gint64 to, int thread, gpointer data)
{
  const Run *run = data;
  gint64 from = part * PART, end = MIN (to * PART, run->n);

  sag_kernels_get ()->quantize.to_u8 ((gsize) (end - from), run->x + from, run->quantum->scale,
                                      run->quantum->zero, run->q + from);
}

gint64
sag_int8_partials (gint64 n)
{
  return 2 * ((n + PART - 1) / PART);
}

SagQuantum
sag_int8_quantum (float least, float most)
{
  SagQuantum quantum = { 1, 0 };

  least = least < 0 ? least : 0;
  most = most > 0 ? most : 0;
  if (most - least > LEAST_RANGE && most - least < INFINITY)
    {
      quantum.scale = (most - least) / 255;
      quantum.zero = (gint32) rintf (-least / quantum.scale);
      quantum.zero = CLAMP (quantum.zero, 0, 255);
    }
  return quantum;
}

SagQuantum
sag_int8_find (gint64 n, const float *x, float *partials)
{
  Run run = { .n = n, .x = x, .partials = partials };
  float least = 0, most = 0;

  sag_range_run ((n + PART - 1) / PART, 16, find_parts, &run);
  for (gint64 i = 0; i < sag_int8_partials (n); i += 2)
    {
      least = partials[i] < least ? partials[i] : least;
      most = partials[i + 1] > most ? partials[i + 1] : most;
    }
  return sag_int8_quantum (least, most);
}

void
sag_int8_quantise (gint64 n, const float *x, const SagQuantum *quantum, guint8 *q)
{
  Run run = { .n = n, .x = x, .quantum = quantum, .q = q };

  sag_range_run ((n + PART - 1) / PART, 16, quantise_parts, &run);
}

float
sag_int8_scale (gint64 n, const float *w)
{
  float most = 0;

  for (gint64 i = 0; i < n; i++)
    most = fabsf (w[i]) > most ? fabsf (w[i]) : most;
  return most > LEAST_RANGE && most < INFINITY ? most / 127 : 0;
}

float
sag_int4_group (guint n, const float *w, gint8 *q)
{
  enum { SCALES = 29 };
  float extreme, least, most, best = INFINITY, chosen = 1, inverse, scale[SAG_FIT_SCALES], error[SAG_FIT_SCALES];

  most = sag_kernels_get ()->reduce.max (n, w);
  least = sag_kernels_get ()->reduce.min (n, w);
  extreme = most > -least ? most : least;
  for (guint i = 0; i < n && most == -least; i++) /* of two, the first */
    if (fabsf (w[i]) == most)
      {
        extreme = w[i];
        break;
      }
  memset (q, 0, n);
  if (!(fabsf (extreme) > LEAST_RANGE && fabsf (extreme) < INFINITY))
    return 1;

  /* With a negative scale the extreme is -8, else 7; less, and it is cut. Then the extreme as any other
   * number: weights that were of four bits already are found again. */
  for (int i = 0; i < SAG_FIT_SCALES; i++)
    scale[i] = i < 16 ? (i & 1 ? extreme / -8 : extreme / 7) * (1 - 0.05f * (float) (i / 2))
                      : extreme / (float) (i < 22 ? i - 15 : 14 - i);
  sag_kernels_get ()->weights.fit_s4 (n, w, scale, error);
  for (int i = 0; i < SCALES && best > 0; i++)
    if (error[i] < best)
      {
        best = error[i];
        chosen = scale[i];
      }
  if (!(best < INFINITY))
    return chosen;
  inverse = 1 / chosen;
  for (guint k = 0; k < n; k++) /* to the nearest, halves to even, without a call */
    {
      float v = (w[k] * inverse + 12582912.0f) - 12582912.0f;

      v = v > -8 ? v : -8;
      q[k] = (gint8) (gint32) (v < 7 ? v : 7);
    }
  return chosen;
}

void
sag_int4_column (gsize n, const float *w, float scale, gint8 *q, gint16 *factors)
{
  for (gsize i = 0; i < n; i += 32)
    {
      float factor = rintf (sag_int4_group ((guint) MIN (32, n - i), w + i, q + i) / scale * 256);

      factors[i / 32] = (gint16) CLAMP (factor, -32767.0f, 32767.0f); /* beyond: of a group of zeroes */
    }
}

void
sag_int4_pack (gsize n, const gint8 *q, gsize nr, guint8 *to)
{
  for (gsize i = 0; i < n; i += 8, to += 4 * nr)
    for (gsize c = 0; c < 4; c++)
      {
        int low = i + c < n ? q[i + c] : 0, high = i + 4 + c < n ? q[i + 4 + c] : 0;

        to[c] = (guint8) ((low + 8) | (high + 8) << 4);
      }
}
