/* SPDX-License-Identifier: Apache-2.0
 *
 * product.c: a matrix product on the calling thread.
 */
#include "engine/nn/product.h"

#include <math.h>

enum { MAX_MR = 32, MAX_NR = 64 };

const SagGemmF32 *
sag_product_kernel (gint64 n)
{
  const SagGemmF32 *gemm = sag_kernels_get ()->gemm_f32;
  gint64 wide = gemm[SAG_GEMM_WIDE].nr, narrow = gemm[SAG_GEMM_NARROW].nr;

  return (n + narrow - 1) / narrow * narrow * 5 < (n + wide - 1) / wide * wide * 4 ? &gemm[SAG_GEMM_NARROW]
                                                                                  : &gemm[SAG_GEMM_WIDE];
}

void
sag_product (gint64 m, gint64 k, gint64 n, const float *a, gint64 lda, const float *packed, gboolean go_on, float *c,
             gint64 ldc)
{
  static const float zeros[MAX_NR];
  const SagGemmF32 *gemm = sag_product_kernel (n);
  const float *rows[MAX_MR];
  gint64 mr = gemm->mr, nr = gemm->nr;

  for (gint64 i = 0; i < m; i += mr)
    {
      for (gint64 r = 0; r < mr; r++)
        rows[r] = a + MIN (i + r, m - 1) * lda;
      for (gint64 j = 0; j < n; j += nr)
        gemm->fn (&(SagGemmF32Job){ .m = (gsize) MIN (mr, m - i), .n = (gsize) MIN (nr, n - j), .taps = 1,
                                    .k = (gsize) k, .rows = rows, .w = packed + j * k, .init = go_on ? NULL : zeros,
                                    .c = c + i * ldc + j, .ldc = ldc, .lo = -INFINITY, .hi = INFINITY });
    }
}
