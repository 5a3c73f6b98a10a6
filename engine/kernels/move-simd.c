/* SPDX-License-Identifier: Apache-2.0
 *
 * move-simd.c: changing the order of values.
 */
#include "engine/kernels/simd.h"
#include "engine/kernels/texts.h"

/* r x c values, r, c <= LANES */
static void
transpose_part (size_t r, size_t c, const float *src, ptrdiff_t ld_src, float *dst, ptrdiff_t ld_dst)
{
  SagVec v[LANES];

  SAG_UNROLL for (int i = 0; i < LANES; i++)
    v[i] = (size_t) i < r ? sag_load_n (src + i * ld_src, c) : sag_splat (0.0f);
  sag_transpose_square (v);
  SAG_UNROLL for (int i = 0; i < LANES; i++)
    if ((size_t) i < c)
      sag_store_n (dst + i * ld_dst, v[i], r);
}

static void
transpose_whole (const float *src, ptrdiff_t ld_src, float *dst, ptrdiff_t ld_dst)
{
  SagVec v[LANES];

  SAG_UNROLL for (int i = 0; i < LANES; i++)
    v[i] = sag_load (src + i * ld_src);
  sag_transpose_square (v);
  SAG_UNROLL for (int i = 0; i < LANES; i++)
    sag_store (dst + i * ld_dst, v[i]);
}

/* Runs along the longer side of dst's lines, so that writes follow each other. */
static void
transpose_f32 (size_t rows, size_t columns, const float *src, ptrdiff_t ld_src,
               float *dst, ptrdiff_t ld_dst)
{
  for (size_t j = 0; j < columns; j += LANES)
    for (size_t i = 0; i < rows; i += LANES)
      {
        size_t r = rows - i < LANES ? rows - i : LANES;
        size_t c = columns - j < LANES ? columns - j : LANES;
        const float *s = src + (ptrdiff_t) i * ld_src + j;
        float *d = dst + (ptrdiff_t) j * ld_dst + i;

        if (r == LANES && c == LANES)
          transpose_whole (s, ld_src, d, ld_dst);
        else
          transpose_part (r, c, s, ld_src, d, ld_dst);
      }
}

static void
interleave_f32 (size_t n, const float *a, const float *b, float *y)
{
  size_t i = 0;

  for (; i + LANES <= n; i += LANES)
    {
      SagVec u = sag_load (a + i), v = sag_load (b + i);

      sag_store (y + 2 * i, sag_zip_lo (u, v));
      sag_store (y + 2 * i + LANES, sag_zip_hi (u, v));
    }
  for (; i < n; i++)
    {
      y[2 * i] = a[i];
      y[2 * i + 1] = b[i];
    }
}

static void
between_f32 (size_t n, const float *x, const float *w, float *y)
{
  SagVec w0 = sag_splat (w[0]), w1 = sag_splat (w[1]), w2 = sag_splat (w[2]), w3 = sag_splat (w[3]);

  for (size_t i = 0; i < n; i += LANES)
    {
      size_t left = n - i < LANES ? n - i : LANES;
      SagVec a = sag_load_n (x + i, left), b = sag_load_n (x + i + 1, left);
      SagVec even = a * w0 + b * w1, odd = a * w2 + b * w3;
      SagVec low = sag_zip_lo (even, odd), high = sag_zip_hi (even, odd);

      if (left == LANES)
        {
          sag_store (y + 2 * i, low);
          sag_store (y + 2 * i + LANES, high);
          continue;
        }
      sag_store_n (y + 2 * i, low, 2 * left < LANES ? 2 * left : LANES);
      if (2 * left > LANES)
        sag_store_n (y + 2 * i + LANES, high, 2 * left - LANES);
    }
}

void
SAG_FN (move_fill) (SagKernels *k)
{
  k->transpose_f32 = transpose_f32;
  k->interleave_f32 = interleave_f32;
  k->between_f32 = between_f32;
}
