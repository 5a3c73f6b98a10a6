/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm-simd.c: indirect matrix products. A block of mr rows by nr columns stays in registers while
 * all taps and all of k pass through it.
 */
#include "engine/kernels/simd.h"
#include "engine/kernels/texts.h"

/* Accumulators fill the registers; the pointers of more than 12 rows would no longer fit theirs. */
#if LANES == 16
enum { WIDE_MR = 12, WIDE_NV = 2, NARROW_MR = 12, NARROW_NV = 1 };
#elif LANES == 8
enum { WIDE_MR = 6, WIDE_NV = 2, NARROW_MR = 12, NARROW_NV = 1 };
#else
enum { WIDE_MR = 6, WIDE_NV = 4, NARROW_MR = 8, NARROW_NV = 2 };
#endif

enum
{
  MAX_MR = 12,
  MAX_NV = 4,
  AHEAD = 1024, /* weights asked for before they are needed: those of small images are read once or twice, from
                 * beyond the level-2 cache, whose own look-ahead ends with each page */
};

/* The block of mr rows, of `ld` pointers a tap, for weights of either kind: exactly one of w32, w16 is set, and w16
 * has two columns a word if `paired`. */
SAG_INLINE void
gemm_block (int mr, int ld, int nv, int paired, size_t m, size_t n, size_t taps, size_t k, const float *const *rows,
            const float *w32, const uint16_t *w16, const float *init, float *c, ptrdiff_t ldc,
            float lo, float hi)
{
  SagVec acc[MAX_MR][MAX_NV];
  SagVec vlo = sag_splat (lo), vhi = sag_splat (hi);

  if (init != NULL)
    {
      SAG_UNROLL for (int j = 0; j < nv; j++)
        {
          SagVec v = sag_load (init + j * LANES);

          SAG_UNROLL for (int i = 0; i < mr; i++)
            acc[i][j] = v;
        }
    }
  else
    {
      SAG_UNROLL for (int i = 0; i < mr; i++)
        SAG_UNROLL for (int j = 0; j < nv; j++)
          {
            ptrdiff_t left = (ptrdiff_t) n - j * LANES;

            acc[i][j] = (size_t) i < m ? sag_load_part (c + i * ldc + j * LANES, 0, left)
                                       : sag_splat (0.0f);
          }
    }

  for (size_t t = 0; t < taps; t++, rows += ld)
    {
      const float *a[MAX_MR];

      SAG_UNROLL for (int i = 0; i < mr; i++)
        a[i] = rows[i];
      for (size_t p = 0; p < k; p++)
        {
          SagVec b[MAX_NV];

          if (w32 == NULL && paired)
            {
              SAG_UNROLL for (int j = 0; j < nv / 2; j++)
                {
                  SagVecI pair = sag_load_i ((const int32_t *) (const void *) (w16 + 2 * j * LANES));

                  b[j] = (SagVec) (pair << 16);
                  b[j + nv / 2] = (SagVec) (pair & sag_splat_i ((int32_t) 0xffff0000));
                }
            }
          else
            {
              SAG_UNROLL for (int j = 0; j < nv; j++)
                b[j] = w32 != NULL ? sag_load (w32 + j * LANES) : sag_load_bf16 (w16 + j * LANES);
            }
          SAG_UNROLL for (int i = 0; i < mr; i++)
            {
              SagVec v = sag_splat (a[i][p]);

              SAG_UNROLL for (int j = 0; j < nv; j++)
                acc[i][j] = sag_fma (v, b[j], acc[i][j]);
            }
          if (w32 != NULL)
            {
              SAG_UNROLL for (int j = 0; j < nv * LANES; j += 16)
                __builtin_prefetch (w32 + AHEAD + j);
              w32 += nv * LANES;
            }
          else
            {
              SAG_UNROLL for (int j = 0; j < nv * LANES; j += 32)
                __builtin_prefetch (w16 + AHEAD + j);
              w16 += nv * LANES;
            }
        }
    }

  SAG_UNROLL for (int i = 0; i < mr; i++)
    {
      if ((size_t) i >= m)
        break;
      SAG_UNROLL for (int j = 0; j < nv; j++)
        {
          SagVec v = sag_clamp (acc[i][j], vlo, vhi);

          if (n >= (size_t) (j + 1) * LANES)
            sag_store (c + i * ldc + j * LANES, v);
          else if (n > (size_t) j * LANES)
            sag_store_n (c + i * ldc + j * LANES, v, n - (size_t) j * LANES);
        }
    }
}

/* A last block of few rows does the work of few: a third or two of mr. */
SAG_INLINE void
gemm_some (int mr, int nv, int paired, size_t m, size_t n, size_t taps, size_t k, const float *const *rows,
           const float *w32, const uint16_t *w16, const float *init, float *c, ptrdiff_t ldc,
           float lo, float hi)
{
  int third = (mr + 2) / 3;

  if (m <= (size_t) third)
    gemm_block (third, mr, nv, paired, m, n, taps, k, rows, w32, w16, init, c, ldc, lo, hi);
  else if (m <= (size_t) (2 * third))
    gemm_block (2 * third, mr, nv, paired, m, n, taps, k, rows, w32, w16, init, c, ldc, lo, hi);
  else
    gemm_block (mr, mr, nv, paired, m, n, taps, k, rows, w32, w16, init, c, ldc, lo, hi);
}

#define GEMM(name, mr, nv, paired)                                                              \
  static void                                                                                   \
  gemm_f32_##name (const SagGemmF32Job *job)                                                    \
  {                                                                                             \
    gemm_some (mr, nv, paired, job->m, job->n, job->taps, job->k, job->rows, job->w, NULL, job->init,  \
                job->c, job->ldc, job->lo, job->hi);                                            \
  }                                                                                             \
  static void                                                                                   \
  gemm_bf16_##name (const SagGemmBf16Job *job)                                                  \
  {                                                                                             \
    gemm_some (mr, nv, paired, job->m, job->n, job->taps, job->k, job->rows, NULL, job->w, job->init,  \
                job->c, job->ldc, job->lo, job->hi);                                            \
  }

GEMM (wide, WIDE_MR, WIDE_NV, 1)
GEMM (narrow, NARROW_MR, NARROW_NV, 0)

void
SAG_FN (gemm_fill) (SagKernels *k)
{
  k->gemm_f32[SAG_GEMM_WIDE] = (SagGemmF32){ gemm_f32_wide, WIDE_MR, WIDE_NV * LANES };
  k->gemm_f32[SAG_GEMM_NARROW] = (SagGemmF32){ gemm_f32_narrow, NARROW_MR, NARROW_NV * LANES };
  k->gemm_bf16[SAG_GEMM_WIDE] = (SagGemmBf16){ gemm_bf16_wide, WIDE_MR, WIDE_NV * LANES };
  k->gemm_bf16[SAG_GEMM_NARROW] = (SagGemmBf16){ gemm_bf16_narrow, NARROW_MR, NARROW_NV * LANES };
}
