/* SPDX-License-Identifier: Apache-2.0
 *
 * depthwise-simd.c: depthwise convolution, channels last. Vectors lie along the channels; a block
 * of pixels shares each load of the weights.
 */
#include "engine/kernels/simd.h"
#include "engine/kernels/texts.h"

enum { PIXELS = 4, MAX_NV = 2 };

/* `np` pixels from row i on, nv vectors of channels from c on; the last has `n` channels. */
SAG_INLINE void
depthwise_block (int np, int nv, int whole, const SagDepthwiseF32Job *job, size_t i, size_t c,
                 size_t n)
{
  SagVec acc[PIXELS][MAX_NV];
  SagVec lo = sag_splat (job->lo), hi = sag_splat (job->hi);
  const float *const *rows = job->rows + i;
  const float *w = job->w + c;

  SAG_UNROLL for (int p = 0; p < np; p++)
    SAG_UNROLL for (int v = 0; v < nv; v++)
      {
        const float *start = (job->init != NULL
                                  ? job->init
                                  : job->out + (ptrdiff_t) (i + p) * job->ld_out) + c + v * LANES;

        acc[p][v] = whole ? sag_load (start) : sag_load_n (start, n);
      }
  for (size_t t = 0; t < job->taps; t++, rows += job->ld_rows, w += job->c)
    {
      SagVec s[MAX_NV];

      SAG_UNROLL for (int v = 0; v < nv; v++)
        s[v] = whole ? sag_load (w + v * LANES) : sag_load_n (w, n);
      SAG_UNROLL for (int p = 0; p < np; p++)
        {
          const float *x = rows[p] + c;

          SAG_UNROLL for (int v = 0; v < nv; v++)
            acc[p][v] = sag_fma (whole ? sag_load (x + v * LANES) : sag_load_n (x, n), s[v],
                                 acc[p][v]);
        }
    }
  SAG_UNROLL for (int p = 0; p < np; p++)
    SAG_UNROLL for (int v = 0; v < nv; v++)
      {
        float *out = job->out + (ptrdiff_t) (i + p) * job->ld_out + c + v * LANES;

        if (whole)
          sag_store (out, sag_clamp (acc[p][v], lo, hi));
        else
          sag_store_n (out, sag_clamp (acc[p][v], lo, hi), n);
      }
}

SAG_INLINE void
depthwise_pixels (int np, const SagDepthwiseF32Job *job, size_t i)
{
  size_t c = 0;

  for (; c + MAX_NV * LANES <= job->c; c += MAX_NV * LANES)
    depthwise_block (np, MAX_NV, 1, job, i, c, 0);
  for (; c + LANES <= job->c; c += LANES)
    depthwise_block (np, 1, 1, job, i, c, 0);
  if (c < job->c)
    depthwise_block (np, 1, 0, job, i, c, job->c - c);
}

static void
depthwise_f32 (const SagDepthwiseF32Job *job)
{
  size_t i = 0;

  for (; i + PIXELS <= job->m; i += PIXELS)
    depthwise_pixels (PIXELS, job, i);
  for (; i < job->m; i++)
    depthwise_pixels (1, job, i);
}

void
SAG_FN (depthwise_fill) (SagKernels *k)
{
  k->depthwise_f32 = depthwise_f32;
}
