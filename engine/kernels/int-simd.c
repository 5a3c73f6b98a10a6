/* SPDX-License-Identifier: Apache-2.0
 *
 * int-simd.c: eight-bit products, four channels at a time, and what turns floats into bytes.
 */
#include "engine/kernels/int-end-simd.h"
#include "engine/kernels/texts.h"

#if LANES == 16
enum { GEMM_MR = 12, GEMM_NV = 2, ROW_N = 8, ROW_NV = 3 };
#elif LANES == 8
enum { GEMM_MR = 4, GEMM_NV = 2, ROW_N = 4, ROW_NV = 2 };
#else
enum { GEMM_MR = 8, GEMM_NV = 2, ROW_N = 8, ROW_NV = 2 };
#endif

/* --- matrix product ---------------------------------------------------------------------- */

/* One step of k; the last of a row may have fewer than four bytes. */
SAG_INLINE const int8_t *
gemm_step (int nv, SagVecI acc[GEMM_MR][GEMM_NV], const uint8_t *const *a, size_t p, size_t left,
           const int8_t *w)
{
  SagS8x4 b[GEMM_NV];

  SAG_UNROLL for (int j = 0; j < nv; j++)
    b[j] = sag_s8x4 (sag_load_i ((const int32_t *) (const void *) (w + 4 * j * LANES)));
  SAG_UNROLL for (int i = 0; i < GEMM_MR; i++)
    {
      SagU8x4 v = sag_u8x4 (sag_splat_i (left >= 4 ? four_bytes (a[i] + p)
                                                   : some_bytes (a[i] + p, left)));

      SAG_UNROLL for (int j = 0; j < nv; j++)
        acc[i][j] = sag_dot4 (acc[i][j], v, b[j]);
    }
  return w + 4 * GEMM_NV * LANES;
}

/* nv vectors of columns, of the panel's GEMM_NV. */
SAG_INLINE void
gemm_block (int nv, const SagGemmU8Job *job)
{
  SagVecI acc[GEMM_MR][GEMM_NV];
  const int8_t *w = job->w;
  const uint8_t *const *rows = job->rows;
  size_t n = job->n;

  SAG_UNROLL for (int i = 0; i < GEMM_MR; i++)
    SAG_UNROLL for (int j = 0; j < nv; j++)
      {
        ptrdiff_t left = (ptrdiff_t) n - j * LANES;

        if (job->init != NULL)
          acc[i][j] = sag_load_i (job->init + j * LANES);
        else if ((size_t) i < job->m)
          acc[i][j] = sag_bits (sag_load_part ((const float *) (const void *)
                                               (job->acc + i * job->ld_acc + j * LANES), 0, left));
        else
          acc[i][j] = sag_splat_i (0);
      }

  for (size_t t = 0; t < job->taps; t++, rows += GEMM_MR)
    {
      const uint8_t *a[GEMM_MR];
      size_t p = 0;

      SAG_UNROLL for (int i = 0; i < GEMM_MR; i++)
        a[i] = rows[i];
      for (; p + 4 <= job->k; p += 4)
        w = gemm_step (nv, acc, a, p, 4, w);
      if (p < job->k)
        w = gemm_step (nv, acc, a, p, job->k - p, w);
    }

  SAG_UNROLL for (int j = 0; j < nv; j++)
    {
      size_t first = (size_t) j * LANES, left = n <= first ? 0 : n - first < LANES ? n - first : LANES;

      if (left == 0)
        break;
      if (job->end.kind == SAG_END_SUM)
        SAG_UNROLL for (int i = 0; i < GEMM_MR; i++)
          {
            if ((size_t) i < job->m)
              sag_store_n ((float *) (void *) (job->acc + i * job->ld_acc + first),
                           sag_from_bits (acc[i][j]), left);
          }
      else
        {
          SagVec scale = sag_load (job->end.scale + first), shift = sag_load (job->end.shift + first);
          SagIntEnd end = job->end; /* a copy that no store of bytes can change */

          SAG_UNROLL for (int i = 0; i < GEMM_MR; i++)
            if ((size_t) i < job->m)
              end_columns (&end, i, first, left, scale, shift, sag_to_float (acc[i][j]));
        }
    }
}

static void
gemm_u8 (const SagGemmU8Job *job)
{
  if (job->n > LANES)
    gemm_block (GEMM_NV, job);
  else
    gemm_block (1, job);
}

/* --- along x ----------------------------------------------------------------------------- */

SAG_INLINE const int8_t *
row_tap (SagVecI acc[ROW_N][ROW_NV], int n, int nv, int stride, int whole, const uint8_t *line,
         ptrdiff_t first, const SagConvRowU8Job *job, SagVecI pad, const int8_t *w)
{
  ptrdiff_t width = (ptrdiff_t) job->width;

  for (size_t q = job->quads; q > 0; q--, w += 4 * job->nw)
    {
      SagU8x4 v[ROW_NV];

      SAG_UNROLL for (int i = 0; i < nv; i++)
        v[i] = line != NULL ? load_quads (line, first + i * LANES * stride, width, stride, whole, pad)
                            : sag_u8x4 (pad);
      SAG_UNROLL for (int j = 0; j < n; j++)
        {
          SagS8x4 s = sag_s8x4 (sag_splat_i (four_bytes ((const uint8_t *) w + 4 * j)));

          SAG_UNROLL for (int i = 0; i < nv; i++)
            acc[j][i] = sag_dot4 (acc[j][i], v[i], s);
        }
      if (line != NULL)
        line += job->pitch;
    }
  return w;
}

/* n output channels by nv vectors from x on; nx of them are wanted. */
SAG_INLINE void
row_block (int n, int nv, int stride, const SagConvRowU8Job *job, size_t x, size_t nx)
{
  SagVecI acc[ROW_N][ROW_NV], pad = sag_splat_i ((int32_t) (job->pad * 0x01010101u));
  SagIntEnd end = job->end; /* a copy that no store of bytes can change */
  const int8_t *w = job->w;

  SAG_UNROLL for (int j = 0; j < n; j++)
    SAG_UNROLL for (int i = 0; i < nv; i++)
      {
        const int32_t *from = job->acc + j * job->ld_acc + (ptrdiff_t) x + i * LANES;

        acc[j][i] = job->init != NULL ? sag_splat_i (job->init[j])
                                      : sag_bits (sag_load_part ((const float *) (const void *) from, 0,
                                                                 (ptrdiff_t) nx - i * LANES));
      }
  for (size_t t = 0; t < job->taps; t++)
    {
      ptrdiff_t first = (ptrdiff_t) x * stride + job->dx[t];
      const uint8_t *line = job->rows[t];

      if (line != NULL && first >= 0 && first + nv * LANES * stride <= (ptrdiff_t) job->width)
        w = row_tap (acc, n, nv, stride, 1, line, first, job, pad, w);
      else
        w = row_tap (acc, n, nv, stride, 0, line, first, job, pad, w);
    }

  SAG_UNROLL for (int i = 0; i < nv; i++)
    {
      size_t at = x + (size_t) i * LANES;
      size_t left = nx <= (size_t) i * LANES ? 0 : nx - (size_t) i * LANES;

      left = left < LANES ? left : LANES;
      if (left == 0)
        break;
      if (end.kind == SAG_END_SUM)
        SAG_UNROLL for (int j = 0; j < n; j++)
          sag_store_n ((float *) (void *) (job->acc + j * job->ld_acc + at),
                       sag_from_bits (acc[j][i]), left);
      else
        {
          SagVec sum[ROW_N];

          SAG_UNROLL for (int j = 0; j < n; j++)
            sum[j] = sag_to_float (acc[j][i]);
          end_line (&end, n, at, left, sum);
        }
    }
}

typedef void (*BlockFn) (const SagConvRowU8Job *job, size_t x, size_t nx);

#define BLOCK(n, nv)                                                     \
  static void                                                            \
  block_##n##_##nv (const SagConvRowU8Job *job, size_t x, size_t nx)     \
  {                                                                      \
    row_block (n, nv, 1, job, x, nx);                                    \
  }                                                                      \
  static void                                                            \
  block2_##n##_##nv (const SagConvRowU8Job *job, size_t x, size_t nx)    \
  {                                                                      \
    row_block (n, nv, 2, job, x, nx);                                    \
  }

#if LANES == 16
#define BLOCKS(n) BLOCK (n, 1) BLOCK (n, 2) BLOCK (n, 3)
#define ROW(n, s) { block##s##_##n##_1, block##s##_##n##_2, block##s##_##n##_3 }
#else
#define BLOCKS(n) BLOCK (n, 1) BLOCK (n, 2)
#define ROW(n, s) { block##s##_##n##_1, block##s##_##n##_2 }
#endif

BLOCKS (1) BLOCKS (2) BLOCKS (3) BLOCKS (4)
#if LANES == 8
#define ROWS(s) ROW (1, s), ROW (2, s), ROW (3, s), ROW (4, s)
#else
BLOCKS (5) BLOCKS (6) BLOCKS (7) BLOCKS (8)
#define ROWS(s) \
  ROW (1, s), ROW (2, s), ROW (3, s), ROW (4, s), ROW (5, s), ROW (6, s), ROW (7, s), ROW (8, s)
#endif

static const BlockFn blocks[2][ROW_N][ROW_NV] = { { ROWS () }, { ROWS (2) } };

/* Strides above two: the bytes of a vector are gathered into a line of their own, a tap at a time. */
static void
row_strided (const SagConvRowU8Job *job, size_t x, size_t nx)
{
  SagVecI acc[ROW_N];
  int32_t sums[ROW_N][LANES];
  SagConvRowU8Job rest = *job;
  const int8_t *w = job->w;

  for (size_t j = 0; j < job->n; j++)
    acc[j] = job->init != NULL
                 ? sag_splat_i (job->init[j])
                 : sag_bits (sag_load_n ((const float *) (const void *)
                                         (job->acc + (ptrdiff_t) j * job->ld_acc + x), nx));
  for (size_t t = 0; t < job->taps; t++)
    for (size_t q = 0; q < job->quads; q++, w += 4 * job->nw)
      {
        uint8_t bytes[4 * LANES];

        memset (bytes, job->pad, sizeof bytes);
        for (size_t i = 0; i < nx && job->rows[t] != NULL; i++)
          {
            ptrdiff_t u = (ptrdiff_t) ((x + i) * job->stride) + job->dx[t];

            if (u >= 0 && u < (ptrdiff_t) job->width)
              memcpy (bytes + 4 * i, job->rows[t] + (ptrdiff_t) q * job->pitch + 4 * u, 4);
          }
        for (size_t j = 0; j < job->n; j++)
          acc[j] = sag_dot4 (acc[j], sag_u8x4 (sag_load_i ((const int32_t *) (const void *) bytes)),
                             sag_s8x4 (sag_splat_i (four_bytes ((const uint8_t *) w + 4 * j))));
      }

  /* The end is that of a block without taps. */
  for (size_t j = 0; j < job->n; j++)
    sag_store_i (sums[j], acc[j]);
  rest.taps = 0;
  rest.init = NULL;
  if (job->end.kind == SAG_END_SUM)
    for (size_t j = 0; j < job->n; j++)
      memcpy (job->acc + (ptrdiff_t) j * job->ld_acc + x, sums[j], nx * sizeof (int32_t));
  else
    {
      rest.acc = sums[0];
      rest.ld_acc = LANES;
      rest.end.out = job->end.kind == SAG_END_F32 ? (void *) ((float *) job->end.out + x)
                                                  : (void *) ((uint8_t *) job->end.out + 4 * x);
      if (job->end.residual != NULL)
        rest.end.residual = job->end.residual + 4 * x;
      blocks[0][job->n - 1][0] (&rest, 0, nx);
    }
}

static void
conv_row_u8 (const SagConvRowU8Job *job)
{
  size_t end = job->x0 + job->nx, nx;

  for (size_t x = job->x0; x < end; x += nx)
    {
      size_t nv = job->stride > 2 ? 1 : sag_share ((end - x + LANES - 1) / LANES, ROW_NV);

      nx = end - x < nv * LANES ? end - x : nv * LANES;
      if (job->stride > 2)
        row_strided (job, x, nx);
      else
        blocks[job->stride - 1][job->n - 1][nv - 1] (job, x, nx);
    }
}

/* --- floats and bytes -------------------------------------------------------------------- */

SAG_INLINE SagVecI
quantized (SagVec x, SagVec scale, SagVecI zero, SagVec least, SagVec most)
{
  SagVec v = sag_number (x / scale);

  return sag_nearest (sag_min (most, sag_max (v, least))) + zero;
}

static void
to_u8 (size_t n, const float *x, float scale, int32_t zero, uint8_t *q)
{
  SagVec s = sag_splat (scale), least = sag_splat (0.0f - (float) zero);
  SagVec most = sag_splat (255.0f - (float) zero);
  SagVecI z = sag_splat_i (zero);
  size_t i = 0;

  for (; i + LANES <= n; i += LANES)
    sag_store_bytes (q + i, quantized (sag_load (x + i), s, z, least, most), LANES);
  if (i < n)
    sag_store_bytes (q + i, quantized (sag_load_n (x + i, n - i), s, z, least, most), n - i);
}

static void
to_u8x4 (size_t n, const float *const *x, float scale, int32_t zero, uint8_t *q)
{
  SagVec s = sag_splat (scale), least = sag_splat (0.0f - (float) zero);
  SagVec most = sag_splat (255.0f - (float) zero);
  SagVecI z = sag_splat_i (zero);

  for (size_t i = 0; i < n; i += LANES)
    {
      size_t left = n - i < LANES ? n - i : LANES;
      SagVecI four = sag_splat_i (0);

      SAG_UNROLL for (int c = 0; c < 4; c++)
        if (x[c] != NULL)
          four |= quantized (sag_load_n (x[c] + i, left), s, z, least, most) << (8 * c);
      sag_store_n ((float *) (void *) (q + 4 * i), sag_from_bits (four), left);
    }
}

static void
to_s8 (size_t n, const float *x, float scale, int8_t *q)
{
  SagVec s = sag_splat (scale), least = sag_splat (-127.0f), most = sag_splat (127.0f);
  size_t i = 0;

  for (; i + LANES <= n; i += LANES)
    sag_store_bytes ((uint8_t *) q + i,
                     quantized (sag_load (x + i), s, sag_splat_i (0), least, most), LANES);
  if (i < n)
    sag_store_bytes ((uint8_t *) q + i,
                     quantized (sag_load_n (x + i, n - i), s, sag_splat_i (0), least, most), n - i);
}

static void
from_u8 (size_t n, const uint8_t *q, float scale, int32_t zero, float *x)
{
  SagVec s = sag_splat (scale);
  SagVecI z = sag_splat_i (zero);
  size_t i = 0;

  for (; i + LANES <= n; i += LANES)
    sag_store (x + i, sag_to_float (sag_load_bytes (q + i) - z) * s);
  for (; i < n; i++)
    x[i] = (float) (q[i] - zero) * scale;
}

static void
from_u8x4 (size_t n, const uint8_t *q, float scale, int32_t zero, float *const *x)
{
  SagVec s = sag_splat (scale);
  SagVecI z = sag_splat_i (zero);

  for (size_t i = 0; i < n; i += LANES)
    {
      size_t left = n - i < LANES ? n - i : LANES;
      SagVecI four = sag_bits (sag_load_n ((const float *) (const void *) (q + 4 * i), left));

      SAG_UNROLL for (int c = 0; c < 4; c++)
        if (x[c] != NULL)
          sag_store_n (x[c] + i,
                       sag_to_float (((four >> (8 * c)) & sag_splat_i (255)) - z) * s, left);
    }
}

void
SAG_FN (int_fill) (SagKernels *k)
{
  k->gemm_u8 = (SagGemmU8){ gemm_u8, GEMM_MR, GEMM_NV * LANES, NULL };
  k->conv_row_u8 = (SagConvRowU8){ conv_row_u8, ROW_N, ROW_NV * LANES };
  k->quantize = (SagQuantize){ to_u8, to_u8x4, to_s8, from_u8, from_u8x4 };
}
