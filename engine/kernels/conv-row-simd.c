/* SPDX-License-Identifier: Apache-2.0
 *
 * conv-row-simd.c: convolution along x for row-interleaved images. A block of `n` output channels
 * by `nv` vectors of x stays in registers; a load of x serves n multiply-adds, a weight nv.
 */
#include "engine/kernels/simd.h"
#include "engine/kernels/texts.h"

#if LANES == 16
enum { MAX_N = 8, MAX_NV = 3 };
#elif LANES == 8
enum { MAX_N = 4, MAX_NV = 3 };
#else
enum { MAX_N = 8, MAX_NV = 3 };
#endif

/* LANES values of in (t, p, u), u = first, first + stride …; `line` is in (t, p, 0) and all of
 * them lie in the line if `whole`. */
SAG_INLINE SagVec
load_x (const float *line, ptrdiff_t first, ptrdiff_t width, int stride, int whole)
{
  if (whole)
    return stride == 1 ? sag_load (line + first)
                       : sag_even (sag_load (line + first), sag_load (line + first + LANES));
  else
    {
      SagVec a = sag_load_part (line + first, -first, width - first);

      if (stride == 1)
        return a;
      return sag_even (a, sag_load_part (line + first + LANES, -first - LANES,
                                         width - first - LANES));
    }
}

/* One tap, all of k. */
SAG_INLINE const float *
conv_tap (SagVec acc[MAX_N][MAX_NV], int n, int nv, int stride, int whole, const float *line,
          ptrdiff_t first, const SagConvRowF32Job *job, const float *w)
{
  ptrdiff_t pitch = job->pitch, width = (ptrdiff_t) job->width;
  size_t nw = job->nw;

  for (size_t p = job->k; p > 0; p--, line += pitch, w += nw)
    {
      SagVec v[MAX_NV];

      SAG_UNROLL for (int i = 0; i < nv; i++)
        v[i] = load_x (line, first + i * LANES * stride, width, stride, whole);
      SAG_UNROLL for (int j = 0; j < n; j++)
        {
          SagVec s = sag_splat (w[j]);

          SAG_UNROLL for (int i = 0; i < nv; i++)
            acc[j][i] = sag_fma (v[i], s, acc[j][i]);
        }
    }
  return w;
}

/* Outputs x .. x + nx - 1, nx <= nv * LANES, of n channels. */
SAG_INLINE void
conv_block (int n, int nv, int stride, const SagConvRowF32Job *job, size_t x, size_t nx)
{
  SagVec acc[MAX_N][MAX_NV];
  SagVec lo = sag_splat (job->lo), hi = sag_splat (job->hi);
  const float *w = job->w;
  float *out = job->out + x;

  SAG_UNROLL for (int j = 0; j < n; j++)
    SAG_UNROLL for (int i = 0; i < nv; i++)
      acc[j][i] = job->init != NULL
                      ? sag_splat (job->init[j])
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

#define BLOCK(n, nv)                                                                 \
  static void                                                                        \
  block_##n##_##nv (const SagConvRowF32Job *job, size_t x, size_t nx)                \
  {                                                                                  \
    conv_block (n, nv, 1, job, x, nx);                                               \
  }                                                                                  \
  static void                                                                        \
  block2_##n##_##nv (const SagConvRowF32Job *job, size_t x, size_t nx)               \
  {                                                                                  \
    conv_block (n, nv, 2, job, x, nx);                                               \
  }

#define BLOCKS(n) BLOCK (n, 1) BLOCK (n, 2) BLOCK (n, 3)
#define ROW(n, s) { block##s##_##n##_1, block##s##_##n##_2, block##s##_##n##_3 }

typedef void (*BlockFn) (const SagConvRowF32Job *job, size_t x, size_t nx);

BLOCKS (1)
BLOCKS (2)
BLOCKS (3)
BLOCKS (4)
#if LANES != 8
BLOCKS (5)
BLOCKS (6)
BLOCKS (7)
BLOCKS (8)
#endif

static const BlockFn blocks[2][MAX_N][MAX_NV] = {
  { ROW (1, ), ROW (2, ), ROW (3, ), ROW (4, ),
#if LANES != 8
    ROW (5, ), ROW (6, ), ROW (7, ), ROW (8, ),
#endif
  },
  { ROW (1, 2), ROW (2, 2), ROW (3, 2), ROW (4, 2),
#if LANES != 8
    ROW (5, 2), ROW (6, 2), ROW (7, 2), ROW (8, 2),
#endif
  },
};

/* Strides above two: one gathered vector at a time. */
static void
conv_strided (const SagConvRowF32Job *job, size_t x, size_t nx)
{
  SagVec acc[MAX_N];
  float *out = job->out + x;
  const float *w = job->w;

  for (size_t j = 0; j < job->n; j++)
    acc[j] = job->init != NULL ? sag_splat (job->init[j])
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
        w = job->w + (t * job->k + p) * job->nw;
        for (size_t j = 0; j < job->n; j++)
          acc[j] = sag_fma (sag_load (v), sag_splat (w[j]), acc[j]);
      }
  for (size_t j = 0; j < job->n; j++)
    sag_store_n (out + (ptrdiff_t) j * job->ld_out,
                 sag_clamp (acc[j], sag_splat (job->lo), sag_splat (job->hi)), nx);
}

static void
conv_row_f32 (const SagConvRowF32Job *job)
{
  size_t x = job->x0, end = job->x0 + job->nx;

  if (job->stride > 2)
    {
      for (; x < end; x += LANES)
        conv_strided (job, x, end - x < LANES ? end - x : LANES);
      return;
    }
  while (x < end)
    {
      size_t left = end - x, vectors = (left + LANES - 1) / LANES, nv = MAX_NV;

      /* Four left are better cut 2 + 2 than 3 + 1. */
      if (vectors < MAX_NV)
        nv = vectors;
      else if (vectors == MAX_NV + 1)
        nv = 2;
      if (left > nv * LANES)
        left = nv * LANES;
      blocks[job->stride - 1][job->n - 1][nv - 1] (job, x, left);
      x += left;
    }
}

void
SAG_FN (conv_row_fill) (SagKernels *k)
{
  k->conv_row_f32 = (SagConvRowF32){ conv_row_f32, MAX_N, MAX_NV * LANES };
}
