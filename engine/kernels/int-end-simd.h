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
