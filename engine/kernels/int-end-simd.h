/* SPDX-License-Identifier: Apache-2.0
 *
 * int-end-simd.h: what follows the sums of eight-bit products; shared by those with weights of eight
 * and of four bits.
 */
#pragma once

#include "engine/kernels/line-simd.h"
#include "engine/kernels/kernels.h"

SAG_INLINE int32_t
four_bytes (const uint8_t *p)
{
  int32_t v;

  memcpy (&v, p, 4);
  return v;
}

SAG_INLINE int32_t
some_bytes (const uint8_t *p, size_t n)
{
  uint32_t v = 0;

  for (size_t i = 0; i < n; i++)
    v |= (uint32_t) p[i] << (8 * i);
  return (int32_t) v;
}

/* Lanes beside the line hold `pad` four times. */
SAG_INLINE SagU8x4
load_quads (const uint8_t *line, ptrdiff_t first, ptrdiff_t width, int stride, int whole, SagVecI pad)
{
  SagVecI v =
      sag_bits (sag_load_line ((const float *) (const void *) line, first, width, stride, whole));

  if (!whole)
    {
      SagVecI u = sag_splat_i ((int32_t) first) + sag_iota () * sag_splat_i (stride);

      v = sag_select_i ((u >= sag_splat_i (0)) & (u < sag_splat_i ((int32_t) width)), v, pad);
    }
  return sag_u8x4 (v);
}

/* fma, residual, slope and clamp. `residual` is ignored where the end has none. */
SAG_INLINE SagVec
ended (const SagIntEnd *end, SagVec sum, SagVec scale, SagVec shift, SagVecI residual)
{
  SagVec v = sag_fma (sum, scale, shift);

  if (end->residual != NULL)
    v = v + sag_to_float (residual - sag_splat_i (end->residual_zero))
                * sag_splat (end->residual_scale);
  if (end->slope != 1)
    v = sag_select (v < sag_splat (0.0f), v * sag_splat (end->slope), v);
  return sag_clamp (v, sag_splat (end->lo), sag_splat (end->hi));
}

/* As a byte in each lane. Bounds come first: they are whole, so it is all one. */
SAG_INLINE SagVecI
ended_byte (const SagIntEnd *end, SagVec v)
{
  SagVec least = sag_splat (0.0f - (float) end->zero), most = sag_splat (255.0f - (float) end->zero);

  v = sag_number (v * sag_splat (end->step));
  return sag_nearest (sag_min (most, sag_max (v, least))) + sag_splat_i (end->zero);
}

/* An end with all that is the same for every output in registers: which of its parts there are is then known
 * to the compiler. */
typedef struct
{
  SagVec  lo, hi, slope, step, least, most, residual_scale;
  SagVecI zero, residual_zero;
} Ends;

SAG_INLINE Ends
ends_of (const SagIntEnd *end)
{
  return (Ends){ sag_splat (end->lo), sag_splat (end->hi), sag_splat (end->slope), sag_splat (end->step),
                 sag_splat (0.0f - (float) end->zero), sag_splat (255.0f - (float) end->zero),
                 sag_splat (end->residual_scale), sag_splat_i (end->zero), sag_splat_i (end->residual_zero) };
}

/* ended (); `residual` is NULL where there is none. */
SAG_INLINE SagVec
ended_with (const Ends *e, int sloped, SagVec sum, SagVec scale, SagVec shift, const SagVecI *residual)
{
  SagVec v = sag_fma (sum, scale, shift);

  if (residual != NULL)
    v = v + sag_to_float (*residual - e->residual_zero) * e->residual_scale;
  if (sloped)
    v = sag_select (v < sag_splat (0.0f), v * e->slope, v);
  return sag_clamp (v, e->lo, e->hi);
}

SAG_INLINE SagVecI
ended_byte_with (const Ends *e, SagVec v)
{
  v = sag_number (v * e->step);
  return sag_nearest (sag_min (e->most, sag_max (v, e->least))) + e->zero;
}

/* An end to bytes whose numbers stay within 32 bits whatever the sum is. Bounds may then wait for the bytes, where a
 * vector has four times as many: rounding and cutting keep the order, so it is all one. */
typedef struct
{
  SagVec   step, residual_scale;
  SagVecI  residual_zero;
  SagVecS  zero;
  SagVecU8 least, most;
} Tight;

static inline uint8_t
bound_byte (const SagIntEnd *end, float v)
{
  SagVecI b = ended_byte (end, sag_splat (v));

  return (uint8_t) b[0];
}

/* Whether a lane is not 0. */
SAG_INLINE int
any_lane (SagVecI v)
{
#if LANES == 16
  return _mm512_test_epi32_mask ((__m512i) v, (__m512i) v) != 0;
#else
  int any = 0;

  for (int i = 0; i < LANES; i++)
    any |= v[i];
  return any;
#endif
}

/* FALSE: it is none, as far as its first n columns go. */
SAG_INLINE int
tight_end (const SagIntEnd *end, size_t n, Tight *tight)
{
  SagVecI bad = sag_splat_i (0);
  SagVec step = sag_splat (end->step);

  if (end->kind != SAG_END_U8 || end->slope != 1 || end->lo != end->lo || end->hi != end->hi)
    return 0;
  if (end->residual != NULL && !(end->residual_scale * end->step < 1e5f && end->residual_scale * end->step > -1e5f))
    return 0;
  for (size_t i = 0; i < n; i += LANES)
    {
      size_t left = n - i < LANES ? n - i : LANES;
      SagVec scale = sag_abs (sag_load_n (end->scale + i, left)), shift = sag_abs (sag_load_n (end->shift + i, left));

      bad |= ~((scale * step < sag_splat (0.45f)) & (shift * step < sag_splat (1e8f)));
    }
  if (any_lane (bad))
    return 0;
  tight->step = step;
  tight->residual_scale = sag_splat (end->residual_scale);
  tight->residual_zero = sag_splat_i (end->residual_zero);
  tight->zero = (SagVecS) sag_splat_i (end->zero * 0x10001);
  tight->least = (SagVecU8) sag_splat_i (bound_byte (end, end->lo) * 0x01010101);
  tight->most = (SagVecU8) sag_splat_i ((int32_t) (bound_byte (end, end->hi) * 0x01010101u));
  return 1;
}

/* A number that is to be a byte; `residual` NULL: there is none. */
SAG_INLINE SagVecI
tight_value (const Tight *e, SagVecI sum, SagVec scale, SagVec shift, const SagVecI *residual)
{
  SagVec v = sag_fma (sag_to_float (sum), scale, shift);

  if (residual != NULL)
    v = v + sag_to_float (*residual - e->residual_zero) * e->residual_scale;
  return sag_nearest (v * e->step);
}

/* Four vectors of them as bytes, in the order of sag_unwoven (). */
SAG_INLINE SagVecU8
tight_bytes (const Tight *e, const SagVecI v[4])
{
#if LANES == 16
  __m512i low = _mm512_adds_epi16 (_mm512_packs_epi32 ((__m512i) v[0], (__m512i) v[1]), (__m512i) e->zero);
  __m512i high = _mm512_adds_epi16 (_mm512_packs_epi32 ((__m512i) v[2], (__m512i) v[3]), (__m512i) e->zero);
  __m512i all = _mm512_packus_epi16 (low, high);

  return (SagVecU8) _mm512_max_epu8 ((__m512i) e->least, _mm512_min_epu8 ((__m512i) e->most, all));
#elif LANES == 8
  __m256i low = _mm256_adds_epi16 (_mm256_packs_epi32 ((__m256i) v[0], (__m256i) v[1]), (__m256i) e->zero);
  __m256i high = _mm256_adds_epi16 (_mm256_packs_epi32 ((__m256i) v[2], (__m256i) v[3]), (__m256i) e->zero);
  __m256i all = _mm256_packus_epi16 (low, high);

  return (SagVecU8) _mm256_max_epu8 ((__m256i) e->least, _mm256_min_epu8 ((__m256i) e->most, all));
#else
  int16x8_t zero = (int16x8_t) e->zero;
  int16x8_t low = vqaddq_s16 (vcombine_s16 (vqmovn_s32 ((int32x4_t) v[0]), vqmovn_s32 ((int32x4_t) v[1])), zero);
  int16x8_t high = vqaddq_s16 (vcombine_s16 (vqmovn_s32 ((int32x4_t) v[2]), vqmovn_s32 ((int32x4_t) v[3])), zero);
  uint8x16_t all = vcombine_u8 (vqmovun_s16 (low), vqmovun_s16 (high));

  return (SagVecU8) vmaxq_u8 ((uint8x16_t) e->least, vminq_u8 ((uint8x16_t) e->most, all));
#endif
}

/* `left` columns from `first` on of row i of a matrix. */
SAG_INLINE void
end_columns (const SagIntEnd *end, ptrdiff_t i, size_t first, size_t left, SagVec scale, SagVec shift,
             SagVec sum)
{
  ptrdiff_t at = i * end->ld + (ptrdiff_t) first;

  if (end->kind == SAG_END_U8)
    {
      SagVecI residual = end->residual != NULL ? sag_load_bytes_n (end->residual + at, left)
                                               : sag_splat_i (0);

      sag_store_bytes ((uint8_t *) end->out + at,
                       ended_byte (end, ended (end, sum, scale, shift, residual)), left);
    }
  else
    sag_store_n ((float *) end->out + at, ended (end, sum, scale, shift, sag_splat_i (0)), left);
}

/* `left` pixels from x on of n channels of a line; n is a constant. */
SAG_INLINE void
end_line (const SagIntEnd *end, int n, size_t x, size_t left, const SagVec *sum)
{
  if (end->kind == SAG_END_F32)
    SAG_UNROLL for (int j = 0; j < n; j++)
      sag_store_n ((float *) end->out + j * end->ld + (ptrdiff_t) x,
                   ended (end, sum[j], sag_splat (end->scale[j]), sag_splat (end->shift[j]),
                          sag_splat_i (0)), left);
  else
    SAG_UNROLL for (int q = 0; q < (n + 3) / 4; q++)
      {
        ptrdiff_t at = q * end->ld + 4 * (ptrdiff_t) x;
        SagVecI four = sag_splat_i (0), residual = sag_splat_i (0);

        if (end->residual != NULL)
          residual = sag_bits (sag_load_n ((const float *) (const void *) (end->residual + at), left));
        SAG_UNROLL for (int j = 4 * q; j < (n < 4 * q + 4 ? n : 4 * q + 4); j++)
          {
            SagVec v = ended (end, sum[j], sag_splat (end->scale[j]), sag_splat (end->shift[j]),
                              (residual >> (8 * (j % 4))) & sag_splat_i (255));

            four |= ended_byte (end, v) << (8 * (j % 4));
          }
        sag_store_n ((float *) (void *) ((uint8_t *) end->out + at), sag_from_bits (four), left);
      }
}
