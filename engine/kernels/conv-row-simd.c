/* SPDX-License-Identifier: Apache-2.0
 *
 * conv-row-simd.c: convolution along x for row-interleaved images. A block of `n` output channels
 * by `nv` vectors of x stays in registers; a load of x serves n multiply-adds, a weight nv.
 */
#include "engine/kernels/line-simd.h"
#include "engine/kernels/texts.h"

/* Blocks of up to NARROW_N channels take up to LONG_NV vectors, to have enough sums in flight. */
#if LANES == 8
enum { MAX_N = 4, MAX_NV = 3, NARROW_N = 2, LONG_NV = 6 };
#else
enum { MAX_N = 8, MAX_NV = 3, NARROW_N = 4, LONG_NV = 6 };
#endif

/* One tap, all of k. */
SAG_INLINE const float *
conv_tap (SagVec acc[MAX_N][LONG_NV], int n, int nv, int stride, int whole, const float *line,
          ptrdiff_t first, const SagConvRowF32Job *job, const float *w)
{
  ptrdiff_t pitch = job->pitch, width = (ptrdiff_t) job->width;
  size_t nw = job->nw;

  for (size_t p = job->k; p > 0; p--, line += pitch, w += nw)
    {
      SagVec v[LONG_NV];

      SAG_UNROLL for (int i = 0; i < nv; i++)
        v[i] = sag_keep (sag_load_line (line, first + i * LANES * stride, width, stride, whole));
      SAG_UNROLL for (int j = 0; j < n; j++)
        {
          SagVec s = sag_splat (w[j]);

          SAG_UNROLL for (int i = 0; i < nv; i++)
            acc[j][i] = sag_fma (v[i], s, acc[j][i]);
        }
    }
  return w;
}

/* Outputs x .. x + nx - 1, nx <= nv * LANES, of n channels: a panel from channel j0 on. */
SAG_INLINE void
conv_block (int n, int nv, int stride, const SagConvRowF32Job *job, size_t j0, const float *w, size_t x, size_t nx)
{
  SagVec acc[MAX_N][LONG_NV];
  SagVec lo = sag_splat (job->lo), hi = sag_splat (job->hi);
  float *out = job->out + (ptrdiff_t) j0 * job->ld_out + x;

  SAG_UNROLL for (int j = 0; j < n; j++)
    SAG_UNROLL for (int i = 0; i < nv; i++)
      acc[j][i] = job->init != NULL
                      ? sag_splat (job->init[j0 + (size_t) j])
                      : sag_load_part (out + j * job->ld_out + i * LANES, 0,
                                       (ptrdiff_t) nx - i * LANES);

  for (size_t t = 0; t < job->taps; t++)
    {
      ptrdiff_t first = (ptrdiff_t) x * stride + job->dx[t];
      const float *line = job->rows[t];

      if (line == NULL)
        w += job->k * job->nw;
      else if (first >= 0 && first + nv * LANES * stride <= (ptrdiff_t) job->width)
        w = conv_tap (acc, n, nv, stride, 1, line, first, job, w);
      else
        w = conv_tap (acc, n, nv, stride, 0, line, first, job, w);
    }

  SAG_UNROLL for (int j = 0; j < n; j++)
    SAG_UNROLL for (int i = 0; i < nv; i++)
      {
        SagVec v = sag_clamp (acc[j][i], lo, hi);
        float *p = out + j * job->ld_out + i * LANES;

        if (nx >= (size_t) (i + 1) * LANES)
          sag_store (p, v);
        else if (nx > (size_t) i * LANES)
          sag_store_n (p, v, nx - (size_t) i * LANES);
      }
}

#define BLOCK(n, nv)                                                                                           \
  static void                                                                                                  \
  block_##n##_##nv (const SagConvRowF32Job *job, size_t j0, const float *w, size_t x, size_t nx)               \
  {                                                                                                            \
    conv_block (n, nv, 1, job, j0, w, x, nx);                                                                  \
  }                                                                                                            \
  static void                                                                                                  \
  block2_##n##_##nv (const SagConvRowF32Job *job, size_t j0, const float *w, size_t x, size_t nx)              \
  {                                                                                                            \
    conv_block (n, nv, 2, job, j0, w, x, nx);                                                                  \
  }

typedef void (*BlockFn) (const SagConvRowF32Job *job, size_t j0, const float *w, size_t x, size_t nx);

#define SHORT(n) BLOCK (n, 1) BLOCK (n, 2) BLOCK (n, 3)
#define LONG(n) SHORT (n) BLOCK (n, 4) BLOCK (n, 5) BLOCK (n, 6)
#define SHORT_ROW(n, s) { block##s##_##n##_1, block##s##_##n##_2, block##s##_##n##_3 }
#define LONG_ROW(n, s)                                             \
  {                                                                \
    block##s##_##n##_1, block##s##_##n##_2, block##s##_##n##_3,    \
        block##s##_##n##_4, block##s##_##n##_5, block##s##_##n##_6 \
  }

#if LANES == 8
LONG (1) LONG (2) SHORT (3) SHORT (4)
#define ROWS(s) LONG_ROW (1, s), LONG_ROW (2, s), SHORT_ROW (3, s), SHORT_ROW (4, s)
#else
LONG (1) LONG (2) LONG (3) LONG (4) SHORT (5) SHORT (6) SHORT (7) SHORT (8)
#define ROWS(s)                                                                 \
  LONG_ROW (1, s), LONG_ROW (2, s), LONG_ROW (3, s), LONG_ROW (4, s),           \
      SHORT_ROW (5, s), SHORT_ROW (6, s), SHORT_ROW (7, s), SHORT_ROW (8, s)
#endif

static const BlockFn blocks[2][MAX_N][LONG_NV] = { { ROWS () }, { ROWS (2) } };

/* Strides above two: one gathered vector at a time. */
static void
conv_strided (size_t n, const SagConvRowF32Job *job, size_t j0, const float *w0, size_t x, size_t nx)
{
  SagVec acc[MAX_N];
  float *out = job->out + (ptrdiff_t) j0 * job->ld_out + x;

  for (size_t j = 0; j < n; j++)
    acc[j] = job->init != NULL ? sag_splat (job->init[j0 + j])
                               : sag_load_n (out + (ptrdiff_t) j * job->ld_out, nx);
  for (size_t t = 0; t < job->taps; t++)
    for (size_t p = 0; p < job->k && job->rows[t] != NULL; p++)
      {
        const float *line = job->rows[t] + (ptrdiff_t) p * job->pitch;
        float v[LANES] = { 0 };

        for (size_t i = 0; i < nx; i++)
          {
            ptrdiff_t u = (ptrdiff_t) ((x + i) * job->stride) + job->dx[t];

            if (u >= 0 && u < (ptrdiff_t) job->width)
              v[i] = line[u];
          }
        for (size_t j = 0; j < n; j++)
          acc[j] = sag_fma (sag_load (v), sag_splat (w0[(t * job->k + p) * job->nw + j]), acc[j]);
      }
  for (size_t j = 0; j < n; j++)
    sag_store_n (out + (ptrdiff_t) j * job->ld_out,
                 sag_clamp (acc[j], sag_splat (job->lo), sag_splat (job->hi)), nx);
}

/* A stretch of x goes through all panels while what they read of the input is in the first cache. */
static void
conv_row_f32 (const SagConvRowF32Job *job)
{
  size_t end = job->x0 + job->nx;
  size_t most = job->stride > 2 ? 1 : job->n <= NARROW_N || job->nw <= NARROW_N ? LONG_NV : MAX_NV, nv, nx;

  for (size_t x = job->x0; x < end; x += nx)
    {
      const float *w = job->w;

      nv = sag_share ((end - x + LANES - 1) / LANES, most);
      nx = end - x < nv * LANES ? end - x : nv * LANES;
      for (size_t j = 0; j < job->n; j += job->nw, w += job->ld_w)
        {
          size_t n = job->n - j < job->nw ? job->n - j : job->nw;

          if (job->stride > 2)
            conv_strided (n, job, j, w, x, nx);
          else
            blocks[job->stride - 1][n - 1][nv - 1] (job, j, w, x, nx);
        }
    }
}

void
SAG_FN (conv_row_fill) (SagKernels *k)
{
  k->conv_row_f32 = (SagConvRowF32){ conv_row_f32, MAX_N, MAX_NV * LANES };
}
