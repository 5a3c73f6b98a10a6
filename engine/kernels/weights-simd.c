/* SPDX-License-Identifier: Apache-2.0
 *
 * weights-simd.c: weights made ready: Winograd's numbers, four bits and back.
 */
#include "engine/kernels/simd.h"
#include "engine/kernels/texts.h"

/* --- Winograd ------------------------------------------------------------------------------ */

enum { HALF = LANES / 2 };

typedef double SagVecD __attribute__ ((vector_size (8 * HALF)));
typedef float  SagVecF __attribute__ ((vector_size (4 * HALF)));

SAG_INLINE SagVecD
load_wide (const float *p, size_t n)
{
  SagVecF v = { 0 };

  memcpy (&v, p, n * sizeof *p);
  return __builtin_convertvector (v, SagVecD);
}

/* As in reference-winograd.c. */
SAG_INLINE void
kernel_points (const SagVecD g[3], SagVecD u[6])
{
  const double a = 0.70710678118654752440, b = 1.41421356237309504880;

  u[0] = g[0];
  u[1] = -(g[0] + g[1] * a + g[2] * 0.5) * (1 / 1.5);
  u[2] = -(g[0] - g[1] * a + g[2] * 0.5) * (1 / 1.5);
  u[3] = (g[0] + g[1] * b + g[2] * 2) * (1.0 / 6);
  u[4] = (g[0] - g[1] * b + g[2] * 2) * (1.0 / 6);
  u[5] = g[2];
}

SAG_INLINE void
winograd_block (size_t n, const float *g, ptrdiff_t ld, float *u, ptrdiff_t ld_u)
{
  SagVecD lines[6][3];

  SAG_UNROLL for (int x = 0; x < 3; x++)
    {
      SagVecD column[3] = { load_wide (g + x * ld, n), load_wide (g + (3 + x) * ld, n), load_wide (g + (6 + x) * ld, n) };
      SagVecD v[6];

      kernel_points (column, v);
      SAG_UNROLL for (int y = 0; y < 6; y++)
        lines[y][x] = v[y];
    }
  SAG_UNROLL for (int y = 0; y < 6; y++)
    {
      SagVecD v[6];

      kernel_points (lines[y], v);
      SAG_UNROLL for (int x = 0; x < 6; x++)
        {
          SagVecF one = __builtin_convertvector (v[x], SagVecF);

          memcpy (u + (6 * y + x) * ld_u, &one, n * sizeof *u);
        }
    }
}

static void
winograd (size_t n, const float *g, ptrdiff_t ld, float *u, ptrdiff_t ld_u)
{
  size_t j = 0;

  for (; j + HALF <= n; j += HALF)
    winograd_block (HALF, g + j, ld, u + j, ld_u);
  if (j < n)
    winograd_block (n - j, g + j, ld, u + j, ld_u);
}

/* --- four bits ----------------------------------------------------------------------------- */

static void
fit_s4 (size_t n, const float *w, const float *scale, float *error)
{
  SagVec magic = sag_splat (12582912.0f), least = sag_splat (-8.0f), most = sag_splat (7.0f);

  for (int i = 0; i < SAG_FIT_SCALES; i += LANES)
    {
      SagVec s = sag_load (scale + i), inverse = sag_splat (1.0f) / s, sum = sag_splat (0.0f);

      for (size_t k = 0; k < n; k++)
        {
          SagVec v = sag_splat (w[k]), q = sag_clamp ((v * inverse + magic) - magic, least, most);
          SagVec off = sag_fma (-q, s, v);

          sum = sag_fma (off, off, sum);
        }
      sag_store (error + i, sum);
    }
}

typedef uint16_t SagVecH __attribute__ ((vector_size (4 * LANES)));
typedef int16_t  SagHalfH __attribute__ ((vector_size (2 * LANES)));

/* Bytes 0 and 2, or 1 and 3, of the four of each column lie in halves of a word: halves times factor, plus start,
 * have the weight in their upper byte. */
SAG_INLINE SagVecU
unpack_step (SagVecU both, int shift, SagVecH factor, SagVecH start)
{
  SagVecU low = 0x000f000f - (SagVecU){ 0 }, byte = 0x00ff00ff - (SagVecU){ 0 };
  SagVecH even = (SagVecH) (both >> shift & low), odd = (SagVecH) (both >> (shift + 8) & low);

  even = even * factor + start;
  odd = odd * factor + start;
  return ((SagVecU) even >> 8 & byte) | ((SagVecU) odd & ~byte);
}

/* n columns of a group of `steps` steps. */
SAG_INLINE void
unpack_columns (size_t n, size_t steps, size_t nr, const uint8_t *q, const int16_t *factor, int8_t *w)
{
  SagHalfH narrow = { 0 };
  SagVecU wide;
  SagVecH f, start;

  memcpy (&narrow, factor, n * sizeof *factor);
  wide = (SagVecU) __builtin_convertvector (narrow, SagVecI) & 0xffff;
  f = (SagVecH) (wide | wide << 16);
  start = 128 - f * 8;
  for (size_t step = 0; step < steps; step += 2, q += 4 * nr, w += 8 * nr)
    {
      SagVecU both = { 0 }, one;

      memcpy (&both, q, 4 * n);
      one = unpack_step (both, 0, f, start);
      memcpy (w, &one, 4 * n);
      if (step + 1 == steps)
        break;
      one = unpack_step (both, 4, f, start);
      memcpy (w + 4 * nr, &one, 4 * n);
    }
}

static void
unpack_s4 (size_t steps, size_t nr, const uint8_t *q, const int16_t *factor, int8_t *w)
{
  for (; steps > 0; factor += nr, q += 16 * nr, w += 32 * nr)
    {
      size_t some = steps < 8 ? steps : 8, j = 0;

      for (; j + LANES <= nr; j += LANES)
        unpack_columns (LANES, some, nr, q + 4 * j, factor + j, w + 4 * j);
      if (j < nr)
        unpack_columns (nr - j, some, nr, q + 4 * j, factor + j, w + 4 * j);
      steps -= some;
    }
}

void
SAG_FN (weights_fill) (SagKernels *k)
{
  k->weights = (SagWeights){ winograd, fit_s4, unpack_s4 };
}
