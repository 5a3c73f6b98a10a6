/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes-simd.c: what is done to activations in bytes beside products: depthwise convolution, pooling,
 * interpolation.
 */
#include "engine/kernels/int-end-simd.h"
#include "engine/kernels/texts.h"

typedef uint8_t SagVecU8 __attribute__ ((vector_size (4 * LANES)));

enum { PIXELS = 4 };

/* Channels of some pixels. Whole numbers below 2^24: exact as floats. */
static void
depthwise_u8 (const SagDepthwiseU8Job *job)
{
  for (size_t i = 0; i < job->m; i += PIXELS)
    {
      size_t m = job->m - i < PIXELS ? job->m - i : PIXELS;

      for (size_t c = 0; c < job->c; c += LANES)
        {
          size_t n = job->c - c < LANES ? job->c - c : LANES;
          SagVec sum[PIXELS], start = sag_load_n (job->init + c, n);
          SagIntEnd end = job->end;
          float scale[LANES] = { 0 }, shift[LANES] = { 0 };

          SAG_UNROLL for (int p = 0; p < PIXELS; p++)
            sum[p] = start;
          for (size_t t = 0; t < job->taps; t++)
            {
              const uint8_t *const *rows = job->rows + t * job->ld_rows + i;
              SagVec w = sag_load_n (job->w + t * job->c + c, n);

              SAG_UNROLL for (int p = 0; p < PIXELS; p++)
                if ((size_t) p < m)
                  sum[p] = sag_fma (sag_to_float (load_some_bytes (rows[p] + c, n)), w, sum[p]);
            }
          if (n < LANES)
            {
              memcpy (scale, end.scale + c, n * sizeof *scale);
              memcpy (shift, end.shift + c, n * sizeof *shift);
              end.scale = scale;
              end.shift = shift;
            }
          else
            {
              end.scale += c;
              end.shift += c;
            }
          end.out = end.kind == SAG_END_F32 ? (void *) ((float *) end.out + c)
                                            : (void *) ((uint8_t *) end.out + c);
          if (end.residual != NULL)
            end.residual += c;
          SAG_UNROLL for (int p = 0; p < PIXELS; p++)
            if ((size_t) p < m)
              end_columns (&end, (ptrdiff_t) i + p, 0, n, sum[p]);
        }
    }
}

/* --- pooling ----------------------------------------------------------------------------- */

SAG_INLINE SagVecU8
load_u8 (const uint8_t *p)
{
  SagVecU8 v;

  memcpy (&v, p, sizeof v);
  return v;
}

SAG_INLINE SagVecU8
max_u8 (SagVecU8 a, SagVecU8 b)
{
#if LANES == 16
  return (SagVecU8) _mm512_max_epu8 ((__m512i) a, (__m512i) b);
#elif LANES == 8
  return (SagVecU8) _mm256_max_epu8 ((__m256i) a, (__m256i) b);
#else
  return (SagVecU8) vmaxq_u8 ((uint8x16_t) a, (uint8x16_t) b);
#endif
}

static void
max_of_rows (size_t rows, size_t n, const uint8_t *const *row, uint8_t *y)
{
  size_t i = 0;

  for (; i + 4 * LANES <= n; i += 4 * LANES)
    {
      SagVecU8 v = load_u8 (row[0] + i);

      for (size_t t = 1; t < rows; t++)
        v = max_u8 (v, load_u8 (row[t] + i));
      memcpy (y + i, &v, sizeof v);
    }
  for (; i < n; i++)
    {
      uint8_t v = row[0][i];

      for (size_t t = 1; t < rows; t++)
        v = row[t][i] > v ? row[t][i] : v;
      y[i] = v;
    }
}

static void
max_pairs_x4 (size_t n, const uint8_t *x, uint8_t *y)
{
  size_t i = 0;

  for (; i + LANES <= n; i += LANES)
    {
      SagVec a = sag_load ((const float *) (const void *) (x + 8 * i));
      SagVec b = sag_load ((const float *) (const void *) (x + 8 * i + 4 * LANES));
      SagVecU8 v = max_u8 ((SagVecU8) sag_even (a, b), (SagVecU8) sag_odd (a, b));

      memcpy (y + 4 * i, &v, sizeof v);
    }
  for (; i < n; i++)
    for (size_t c = 0; c < 4; c++)
      y[4 * i + c] = x[8 * i + c] > x[8 * i + 4 + c] ? x[8 * i + c] : x[8 * i + 4 + c];
}

/* --- interpolation ----------------------------------------------------------------------- */

SAG_INLINE SagVecI
mixed (SagVec v)
{
  return sag_to_int (sag_clamp (sag_round (v), sag_splat (0.0f), sag_splat (255.0f)));
}

static void
mix_rows (size_t rows, size_t n, const uint8_t *const *row, const float *weight, uint8_t *y)
{
  for (size_t i = 0; i < n; i += LANES)
    {
      size_t left = n - i < LANES ? n - i : LANES;
      SagVec v = sag_splat (0.0f);

      for (size_t t = 0; t < rows; t++)
        v = sag_fma (sag_splat (weight[t]), sag_to_float (load_some_bytes (row[t] + i, left)), v);
      sag_store_bytes (y + i, mixed (v), left);
    }
}

SAG_INLINE SagVec
byte_of (SagVecI four, int c)
{
  return sag_to_float ((four >> (8 * c)) & sag_splat_i (255));
}

static void
mix_lines_x4 (size_t rows, size_t n, const uint8_t *const *row, const float *weight,
              const int32_t *first, const int32_t *second, const float *part, uint8_t *y)
{
  for (size_t i = 0; i < n; i += LANES)
    {
      size_t left = n - i < LANES ? n - i : LANES;
      SagVecI at = sag_bits (sag_load_n ((const float *) (const void *) (first + i), left));
      SagVecI next = sag_bits (sag_load_n ((const float *) (const void *) (second + i), left));
      SagVec f = sag_load_n (part + i, left), v[4];
      SagVecI four = sag_splat_i (0);

      SAG_UNROLL for (int c = 0; c < 4; c++)
        v[c] = sag_splat (0.0f);
      for (size_t t = 0; t < rows; t++)
        {
          SagVecI a = sag_bits (sag_gather ((const float *) (const void *) row[t], at));
          SagVecI b = sag_bits (sag_gather ((const float *) (const void *) row[t], next));

          SAG_UNROLL for (int c = 0; c < 4; c++)
            {
              SagVec x = byte_of (a, c);

              v[c] = sag_fma (sag_splat (weight[t]), sag_fma (f, byte_of (b, c) - x, x), v[c]);
            }
        }
      SAG_UNROLL for (int c = 0; c < 4; c++)
        four |= mixed (v[c]) << (8 * c);
      sag_store_n ((float *) (void *) (y + 4 * i), sag_from_bits (four), left);
    }
}

void
SAG_FN (bytes_fill) (SagKernels *k)
{
  k->bytes = (SagBytes){ depthwise_u8, max_of_rows, max_pairs_x4, mix_rows, mix_lines_x4 };
}
