/* SPDX-License-Identifier: Apache-2.0
 *
 * simd.h: the vector alphabet.
 *
 * A *-simd.c file is one text, compiled once per instruction set by meson.build with SAG_ISA (the
 * suffix of its functions: SAG_FN (gemm) is sag_gemm_avx2), and this header gives it the words:
 *
 *   SagVec, SagVecI          LANES floats, LANES int32_t; + - * / & | ^ << >> and the comparisons
 *                            (-1 where true, as SagVecI) work on them as on scalars
 *   sag_fma (a, b, c)        a * b + c rounded once: the only place where anything is fused
 *   sag_load_n, sag_store_n  the first n lanes, 0 <= n <= LANES; nothing beyond them is touched
 *
 * Every word has the same bits on every instruction set (a NaN's payload and sign excepted).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SAG_PASTE_(a, b) a##_##b
#define SAG_PASTE(a, b) SAG_PASTE_ (a, b)
#define SAG_FN(name) SAG_PASTE (sag_##name, SAG_ISA)

#define SAG_INLINE static inline __attribute__ ((always_inline, unused))

/* Unrolls the loop that follows, so that an array of vectors indexed by it stays in registers. */
#if defined(__clang__)
#define SAG_UNROLL _Pragma ("clang loop unroll(full)")
#else
#define SAG_UNROLL _Pragma ("GCC unroll 32")
#endif

#if defined(__AVX512F__)

#include <immintrin.h>
#define LANES 16
typedef __m512 SagVec;

#elif defined(__AVX2__)

#include <immintrin.h>
#define LANES 8
typedef __m256 SagVec;

#elif defined(__aarch64__)

#include <arm_neon.h>
#define LANES 4
typedef float32x4_t SagVec;

#else
#error "simd.h: no vector instructions; the C reference serves here"
#endif

typedef int32_t SagVecI __attribute__ ((vector_size (4 * LANES)));
typedef uint32_t SagVecU __attribute__ ((vector_size (4 * LANES)));

/* 0, 1, 2 … LANES - 1 */
SAG_INLINE SagVecI
sag_iota (void)
{
#if LANES == 16
  return (SagVecI){ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
#elif LANES == 8
  return (SagVecI){ 0, 1, 2, 3, 4, 5, 6, 7 };
#else
  return (SagVecI){ 0, 1, 2, 3 };
#endif
}

SAG_INLINE SagVec
sag_splat (float x)
{
#if LANES == 16
  return _mm512_set1_ps (x);
#elif LANES == 8
  return _mm256_set1_ps (x);
#else
  return vdupq_n_f32 (x);
#endif
}

SAG_INLINE SagVecI
sag_splat_i (int32_t x)
{
  return x - (SagVecI){ 0 };
}

SAG_INLINE SagVec
sag_load (const float *p)
{
  SagVec v;

  memcpy (&v, p, sizeof v);
  return v;
}

SAG_INLINE SagVecI
sag_load_i (const int32_t *p)
{
  SagVecI v;

  memcpy (&v, p, sizeof v);
  return v;
}

SAG_INLINE void
sag_store (float *p, SagVec v)
{
  memcpy (p, &v, sizeof v);
}

SAG_INLINE void
sag_store_i (int32_t *p, SagVecI v)
{
  memcpy (p, &v, sizeof v);
}

/* LANES bfloat16 values, widened. */
SAG_INLINE SagVec
sag_load_bf16 (const uint16_t *p)
{
#if LANES == 16
  __m512i v = _mm512_cvtepu16_epi32 (_mm256_loadu_si256 ((const __m256i *) p));

  return _mm512_castsi512_ps (_mm512_slli_epi32 (v, 16));
#elif LANES == 8
  __m256i v = _mm256_cvtepu16_epi32 (_mm_loadu_si128 ((const __m128i *) p));

  return _mm256_castsi256_ps (_mm256_slli_epi32 (v, 16));
#else
  return vreinterpretq_f32_u32 (vshll_n_u16 (vld1_u16 (p), 16));
#endif
}

/* Lanes [first, last) of p; zero in the others, whose memory is not touched. */
SAG_INLINE SagVec
sag_load_part (const float *p, ptrdiff_t first, ptrdiff_t last)
{
  first = first < 0 ? 0 : first > LANES ? LANES : first;
  last = last < first ? first : last > LANES ? LANES : last;
#if LANES == 16
  return _mm512_maskz_loadu_ps ((__mmask16) ((1u << last) - (1u << first)), p);
#elif LANES == 8
  SagVecI i = sag_iota ();

  return _mm256_maskload_ps (p, (__m256i) ((i >= sag_splat_i ((int) first))
                                           & (i < sag_splat_i ((int) last))));
#else
  SagVec v = { 0 };

  memcpy ((char *) &v + 4 * first, p + first, 4 * (size_t) (last - first));
  return v;
#endif
}

/* The same where many loads share first and last. */
#if LANES == 16
typedef __mmask16 SagMask;
#elif LANES == 8
typedef __m256i SagMask;
#else
typedef struct
{
  ptrdiff_t first, last;
} SagMask;
#endif

SAG_INLINE SagMask
sag_mask (ptrdiff_t first, ptrdiff_t last)
{
  first = first < 0 ? 0 : first > LANES ? LANES : first;
  last = last < first ? first : last > LANES ? LANES : last;
#if LANES == 16
  return (__mmask16) ((1u << last) - (1u << first));
#elif LANES == 8
  SagVecI i = sag_iota ();

  return (__m256i) ((i >= sag_splat_i ((int) first)) & (i < sag_splat_i ((int) last)));
#else
  return (SagMask){ first, last };
#endif
}

SAG_INLINE SagVec
sag_load_mask (const float *p, SagMask mask)
{
#if LANES == 16
  return _mm512_maskz_loadu_ps (mask, p);
#elif LANES == 8
  return _mm256_maskload_ps (p, mask);
#else
  return mask.first == 0 && mask.last == LANES ? vld1q_f32 (p) : sag_load_part (p, mask.first, mask.last);
#endif
}

SAG_INLINE SagVec
sag_load_n (const float *p, size_t n)
{
  return sag_load_part (p, 0, (ptrdiff_t) n);
}

SAG_INLINE void
sag_store_n (float *p, SagVec v, size_t n)
{
#if LANES == 16
  _mm512_mask_storeu_ps (p, (__mmask16) ((1u << n) - 1), v);
#elif LANES == 8
  _mm256_maskstore_ps (p, (__m256i) (sag_iota () < sag_splat_i ((int) n)), v);
#else
  memcpy (p, &v, 4 * n);
#endif
}

SAG_INLINE SagVecI
sag_bits (SagVec v)
{
  return (SagVecI) v;
}

SAG_INLINE SagVec
sag_from_bits (SagVecI v)
{
  return (SagVec) v;
}

SAG_INLINE SagVec
sag_fma (SagVec a, SagVec b, SagVec c)
{
#if LANES == 16
  return _mm512_fmadd_ps (a, b, c);
#elif LANES == 8
  return _mm256_fmadd_ps (a, b, c);
#else
  return vfmaq_f32 (c, a, b);
#endif
}

/* mask ? a : b; every lane of mask is 0 or -1 */
SAG_INLINE SagVec
sag_select (SagVecI mask, SagVec a, SagVec b)
{
#if LANES == 16
  return _mm512_mask_blend_ps (_mm512_movepi32_mask ((__m512i) mask), b, a);
#elif LANES == 8
  return _mm256_blendv_ps (b, a, (__m256) mask);
#else
  return vbslq_f32 ((uint32x4_t) mask, a, b);
#endif
}

SAG_INLINE SagVecI
sag_select_i (SagVecI mask, SagVecI a, SagVecI b)
{
  return (a & mask) | (b & ~mask);
}

/* a > b ? a : b */
SAG_INLINE SagVec
sag_max (SagVec a, SagVec b)
{
#if LANES == 16
  return _mm512_max_ps (a, b);
#elif LANES == 8
  return _mm256_max_ps (a, b);
#else
  return vbslq_f32 (vcgtq_f32 (a, b), a, b);
#endif
}

/* a < b ? a : b */
SAG_INLINE SagVec
sag_min (SagVec a, SagVec b)
{
#if LANES == 16
  return _mm512_min_ps (a, b);
#elif LANES == 8
  return _mm256_min_ps (a, b);
#else
  return vbslq_f32 (vcltq_f32 (a, b), a, b);
#endif
}

SAG_INLINE SagVec
sag_clamp (SagVec v, SagVec lo, SagVec hi)
{
  return sag_max (lo, sag_min (hi, v));
}

SAG_INLINE SagVec
sag_abs (SagVec v)
{
  return sag_from_bits (sag_bits (v) & sag_splat_i (0x7fffffff));
}

SAG_INLINE SagVec
sag_sqrt (SagVec v)
{
#if LANES == 16
  return _mm512_sqrt_ps (v);
#elif LANES == 8
  return _mm256_sqrt_ps (v);
#else
  return vsqrtq_f32 (v);
#endif
}

SAG_INLINE SagVec
sag_floor (SagVec v)
{
#if LANES == 16
  return _mm512_roundscale_ps (v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
#elif LANES == 8
  return _mm256_floor_ps (v);
#else
  return vrndmq_f32 (v);
#endif
}

SAG_INLINE SagVec
sag_ceil (SagVec v)
{
#if LANES == 16
  return _mm512_roundscale_ps (v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
#elif LANES == 8
  return _mm256_ceil_ps (v);
#else
  return vrndpq_f32 (v);
#endif
}

/* To the nearest whole number, halves to even. */
SAG_INLINE SagVec
sag_round (SagVec v)
{
#if LANES == 16
  return _mm512_roundscale_ps (v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#elif LANES == 8
  return _mm256_round_ps (v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
  return vrndnq_f32 (v);
#endif
}

/* v, loaded once and kept: without it GCC repeats a load in each instruction that could fold it. */
SAG_INLINE SagVec
sag_keep (SagVec v)
{
#if LANES == 16
  __asm__ ("" : "+v"(v));
#elif LANES == 8
  __asm__ ("" : "+x"(v));
#else
  __asm__ ("" : "+w"(v));
#endif
  return v;
}

/* Towards zero; |v| < 2^31, else undefined. */
SAG_INLINE SagVecI
sag_to_int (SagVec v)
{
  return __builtin_convertvector (v, SagVecI);
}

/* To the nearest whole number, halves to even; |v| < 2^31, else undefined. */
SAG_INLINE SagVecI
sag_nearest (SagVec v)
{
#if LANES == 16
  return (SagVecI) _mm512_cvtps_epi32 (v);
#elif LANES == 8
  return (SagVecI) _mm256_cvtps_epi32 (v);
#else
  return (SagVecI) vcvtnq_s32_f32 (v);
#endif
}

/* v; 0 where it is NaN */
SAG_INLINE SagVec
sag_number (SagVec v)
{
#if LANES == 16
  return _mm512_maskz_mov_ps (_mm512_cmp_ps_mask (v, v, _CMP_ORD_Q), v);
#elif LANES == 8
  return _mm256_and_ps (v, _mm256_cmp_ps (v, v, _CMP_ORD_Q));
#else
  return vreinterpretq_f32_u32 (vandq_u32 (vreinterpretq_u32_f32 (v), vceqq_f32 (v, v)));
#endif
}

SAG_INLINE SagVec
sag_to_float (SagVecI v)
{
#if LANES == 16
  return _mm512_cvtepi32_ps ((__m512i) v);
#elif LANES == 8
  return _mm256_cvtepi32_ps ((__m256i) v);
#else
  return vcvtq_f32_s32 ((int32x4_t) v);
#endif
}

/* p[index[lane]]; every index must be readable */
SAG_INLINE SagVec
sag_gather (const float *p, SagVecI index)
{
#if LANES == 16
  return _mm512_i32gather_ps ((__m512i) index, p, 4);
#elif LANES == 8
  return _mm256_i32gather_ps (p, (__m256i) index, 4);
#else
  return (SagVec){ p[index[0]], p[index[1]], p[index[2]], p[index[3]] };
#endif
}

/* Elements 0, 2, 4 … of the 2 * LANES that lie in a, then b; and 1, 3, 5 … */
SAG_INLINE SagVec
sag_even (SagVec a, SagVec b)
{
#if LANES == 16
  return __builtin_shufflevector (a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
#elif LANES == 8
  return __builtin_shufflevector (a, b, 0, 2, 4, 6, 8, 10, 12, 14);
#else
  return __builtin_shufflevector (a, b, 0, 2, 4, 6);
#endif
}

SAG_INLINE SagVec
sag_odd (SagVec a, SagVec b)
{
#if LANES == 16
  return __builtin_shufflevector (a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif LANES == 8
  return __builtin_shufflevector (a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#else
  return __builtin_shufflevector (a, b, 1, 3, 5, 7);
#endif
}

/* a0 b0 a1 b1 …: the first LANES of the 2 * LANES, and the rest */
SAG_INLINE SagVec
sag_zip_lo (SagVec a, SagVec b)
{
#if LANES == 16
  return __builtin_shufflevector (a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#elif LANES == 8
  return __builtin_shufflevector (a, b, 0, 8, 1, 9, 2, 10, 3, 11);
#else
  return __builtin_shufflevector (a, b, 0, 4, 1, 5);
#endif
}

SAG_INLINE SagVec
sag_zip_hi (SagVec a, SagVec b)
{
#if LANES == 16
  return __builtin_shufflevector (a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif LANES == 8
  return __builtin_shufflevector (a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
  return __builtin_shufflevector (a, b, 2, 6, 3, 7);
#endif
}

/* A square of LANES x LANES in registers: perfect shuffles of the first half of the rows with the
 * second; after log2 (LANES) of them rows are columns. */
SAG_INLINE void
sag_transpose_square (SagVec v[LANES])
{
  SAG_UNROLL for (int s = 1; s < LANES; s *= 2)
    {
      SagVec u[LANES];

      SAG_UNROLL for (int i = 0; i < LANES / 2; i++)
        {
          u[2 * i] = sag_zip_lo (v[i], v[i + LANES / 2]);
          u[2 * i + 1] = sag_zip_hi (v[i], v[i + LANES / 2]);
        }
      SAG_UNROLL for (int i = 0; i < LANES; i++)
        v[i] = u[i];
    }
}

/* --- bytes by fours ---------------------------------------------------------------------- */

/* LANES times four bytes, in the form that sag_dot4 () takes. Without dot-product instructions: the
 * even bytes and the odd ones, widened to 16 bits. */
#if defined(__AVX512VNNI__)
typedef struct
{
  SagVecI all;
} SagU8x4, SagS8x4;
#else
typedef struct
{
  SagVecI even, odd;
} SagU8x4, SagS8x4;
#endif

typedef int16_t SagVecS __attribute__ ((vector_size (4 * LANES)));
typedef uint16_t SagVecUS __attribute__ ((vector_size (4 * LANES)));
typedef uint8_t SagVecB __attribute__ ((vector_size (LANES)));

SAG_INLINE SagU8x4
sag_u8x4 (SagVecI v)
{
#if defined(__AVX512VNNI__)
  return (SagU8x4){ v };
#else
  return (SagU8x4){ v & sag_splat_i (0x00ff00ff), (SagVecI) ((SagVecUS) v >> 8) };
#endif
}

SAG_INLINE SagS8x4
sag_s8x4 (SagVecI v)
{
#if defined(__AVX512VNNI__)
  return (SagS8x4){ v };
#else
  return (SagS8x4){ (SagVecI) ((SagVecS) ((SagVecUS) v << 8) >> 8), (SagVecI) ((SagVecS) v >> 8) };
#endif
}

/* acc + the four products of each lane, exactly: a product fits 16 bits (255 * 128 < 2^15). */
SAG_INLINE SagVecI
sag_dot4 (SagVecI acc, SagU8x4 u, SagS8x4 s)
{
#if defined(__AVX512VNNI__)
  return (SagVecI) _mm512_dpbusd_epi32 ((__m512i) acc, (__m512i) u.all, (__m512i) s.all);
#elif LANES == 16
  return acc + (SagVecI) _mm512_madd_epi16 ((__m512i) u.even, (__m512i) s.even)
         + (SagVecI) _mm512_madd_epi16 ((__m512i) u.odd, (__m512i) s.odd);
#elif LANES == 8
  return acc + (SagVecI) _mm256_madd_epi16 ((__m256i) u.even, (__m256i) s.even)
         + (SagVecI) _mm256_madd_epi16 ((__m256i) u.odd, (__m256i) s.odd);
#else
  acc = (SagVecI) vpadalq_s16 ((int32x4_t) acc, vmulq_s16 ((int16x8_t) u.even, (int16x8_t) s.even));
  return (SagVecI) vpadalq_s16 ((int32x4_t) acc, vmulq_s16 ((int16x8_t) u.odd, (int16x8_t) s.odd));
#endif
}

/* The low byte of each of the first n lanes. */
SAG_INLINE void
sag_store_bytes (uint8_t *p, SagVecI v, size_t n)
{
#if LANES == 16
  if (n == LANES)
    _mm_storeu_si128 ((__m128i *) (void *) p, _mm512_cvtepi32_epi8 ((__m512i) v));
  else
    _mm512_mask_cvtepi32_storeu_epi8 (p, (__mmask16) ((1u << n) - 1), (__m512i) v);
#elif LANES == 8
  __m256i low = _mm256_shuffle_epi8 ((__m256i) v, _mm256_set1_epi32 (0x0c080400));
  __m128i b = _mm_unpacklo_epi32 (_mm256_castsi256_si128 (low), _mm256_extracti128_si256 (low, 1));

  memcpy (p, &b, n);
#else
  SagVecB b = __builtin_convertvector (v, SagVecB);

  memcpy (p, &b, n);
#endif
}

/* LANES bytes, widened. GCC 12 would widen a vector one element at a time. */
SAG_INLINE SagVecI
sag_load_bytes (const uint8_t *p)
{
#if LANES == 16
  return (SagVecI) _mm512_cvtepu8_epi32 (_mm_loadu_si128 ((const __m128i *) (const void *) p));
#elif LANES == 8
  return (SagVecI) _mm256_cvtepu8_epi32 (_mm_loadl_epi64 ((const __m128i *) (const void *) p));
#else
  SagVecB b;

  memcpy (&b, p, LANES);
  return __builtin_convertvector (b, SagVecI);
#endif
}

/* The first n of LANES bytes, widened; 0 behind them. */
SAG_INLINE SagVecI
sag_load_bytes_n (const uint8_t *p, size_t n)
{
#if LANES == 16
  return (SagVecI) _mm512_cvtepu8_epi32 (_mm_maskz_loadu_epi8 ((__mmask16) ((1u << n) - 1), p));
#else
  uint8_t some[LANES] = { 0 };

  if (n == LANES)
    return sag_load_bytes (p);
  memcpy (some, p, n);
  return sag_load_bytes (some);
#endif
}

/* --- 4 * LANES bytes at once ------------------------------------------------------------- */

typedef uint8_t SagVecU8 __attribute__ ((vector_size (4 * LANES)));

/* The first n of them; 0 behind. */
SAG_INLINE SagVecU8
sag_load_u8 (const uint8_t *p, size_t n)
{
  SagVecU8 v = { 0 };

#if LANES == 16
  if (n < 4 * LANES)
    return (SagVecU8) _mm512_maskz_loadu_epi8 (((__mmask64) 1 << n) - 1, p);
#else
  if (n < 4 * LANES)
    {
      memcpy (&v, p, n);
      return v;
    }
#endif
  memcpy (&v, p, sizeof v);
  return v;
}

SAG_INLINE void
sag_store_u8 (uint8_t *p, SagVecU8 v, size_t n)
{
#if LANES == 16
  if (n < 4 * LANES)
    {
      _mm512_mask_storeu_epi8 (p, ((__mmask64) 1 << n) - 1, (__m512i) v);
      return;
    }
#else
  if (n < 4 * LANES)
    {
      memcpy (p, &v, n);
      return;
    }
#endif
  memcpy (p, &v, sizeof v);
}

/* Rows of bytes woven for sag_dot4 (): a lane of the output holds a byte of each row. Lanes come in the
 * processor's order, which sag_ordered () has too and sag_unwoven () undoes. */
SAG_INLINE void
sag_woven (SagVecU8 a, SagVecU8 b, SagVecU8 c, SagVecU8 d, SagVecI out[4])
{
#if LANES == 16
  __m512i ab = _mm512_unpacklo_epi8 ((__m512i) a, (__m512i) b);
  __m512i cd = _mm512_unpacklo_epi8 ((__m512i) c, (__m512i) d);
  __m512i ab2 = _mm512_unpackhi_epi8 ((__m512i) a, (__m512i) b);
  __m512i cd2 = _mm512_unpackhi_epi8 ((__m512i) c, (__m512i) d);

  out[0] = (SagVecI) _mm512_unpacklo_epi16 (ab, cd);
  out[1] = (SagVecI) _mm512_unpackhi_epi16 (ab, cd);
  out[2] = (SagVecI) _mm512_unpacklo_epi16 (ab2, cd2);
  out[3] = (SagVecI) _mm512_unpackhi_epi16 (ab2, cd2);
#elif LANES == 8
  __m256i ab = _mm256_unpacklo_epi8 ((__m256i) a, (__m256i) b);
  __m256i cd = _mm256_unpacklo_epi8 ((__m256i) c, (__m256i) d);
  __m256i ab2 = _mm256_unpackhi_epi8 ((__m256i) a, (__m256i) b);
  __m256i cd2 = _mm256_unpackhi_epi8 ((__m256i) c, (__m256i) d);

  out[0] = (SagVecI) _mm256_unpacklo_epi16 (ab, cd);
  out[1] = (SagVecI) _mm256_unpackhi_epi16 (ab, cd);
  out[2] = (SagVecI) _mm256_unpacklo_epi16 (ab2, cd2);
  out[3] = (SagVecI) _mm256_unpackhi_epi16 (ab2, cd2);
#else
  uint16x8_t ab = vreinterpretq_u16_u8 (vzip1q_u8 ((uint8x16_t) a, (uint8x16_t) b));
  uint16x8_t cd = vreinterpretq_u16_u8 (vzip1q_u8 ((uint8x16_t) c, (uint8x16_t) d));
  uint16x8_t ab2 = vreinterpretq_u16_u8 (vzip2q_u8 ((uint8x16_t) a, (uint8x16_t) b));
  uint16x8_t cd2 = vreinterpretq_u16_u8 (vzip2q_u8 ((uint8x16_t) c, (uint8x16_t) d));

  out[0] = (SagVecI) vzip1q_u16 (ab, cd);
  out[1] = (SagVecI) vzip2q_u16 (ab, cd);
  out[2] = (SagVecI) vzip1q_u16 (ab2, cd2);
  out[3] = (SagVecI) vzip2q_u16 (ab2, cd2);
#endif
}

/* The first n of 4 * LANES words of 32 bits, in the order of sag_woven (); 0 behind. */
SAG_INLINE void
sag_ordered (const void *p, size_t n, SagVecI out[4])
{
  int32_t all[4 * LANES] = { 0 };

  memcpy (all, p, n * sizeof *all);
  for (size_t v = 0; v < 4; v++)
    for (size_t l = 0; l < LANES / 4; l++)
      memcpy ((char *) &out[v] + 16 * l, all + 16 * l + 4 * v, 16);
}

/* Lanes of 0 … 255, in the order of sag_woven (), as bytes in their own. */
SAG_INLINE SagVecU8
sag_unwoven (const SagVecI v[4])
{
#if LANES == 16
  return (SagVecU8) _mm512_packus_epi16 (_mm512_packs_epi32 ((__m512i) v[0], (__m512i) v[1]),
                                         _mm512_packs_epi32 ((__m512i) v[2], (__m512i) v[3]));
#elif LANES == 8
  return (SagVecU8) _mm256_packus_epi16 (_mm256_packs_epi32 ((__m256i) v[0], (__m256i) v[1]),
                                         _mm256_packs_epi32 ((__m256i) v[2], (__m256i) v[3]));
#else
  int16x8_t a = vcombine_s16 (vmovn_s32 ((int32x4_t) v[0]), vmovn_s32 ((int32x4_t) v[1]));
  int16x8_t b = vcombine_s16 (vmovn_s32 ((int32x4_t) v[2]), vmovn_s32 ((int32x4_t) v[3]));

  return (SagVecU8) vcombine_s8 (vmovn_s16 (a), vmovn_s16 (b));
#endif
}
