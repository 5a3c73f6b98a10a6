/* SPDX-License-Identifier: Apache-2.0
 *
 * winograd-simd.c: a tile into the numbers that Winograd's convolution multiplies, and back. Vectors lie
 * along the channels.
 */
#include "engine/kernels/math-constants.h"
#include "engine/kernels/simd.h"
#include "engine/kernels/texts.h"

SAG_INLINE void
winograd_points (const SagVec d[6], SagVec v[6])
{
  SagVec half = sag_splat (-0.5f), two = sag_splat (-2.0f), most = sag_splat (-2.5f);
  SagVec a = sag_splat (SAG_SQRT_HALF), b = sag_splat (SAG_SQRT_TWO);
  SagVec e = sag_fma (two, d[2], d[4]), o = sag_fma (two, d[1], d[3]);
  SagVec f = sag_fma (half, d[2], d[4]), p = sag_fma (half, d[1], d[3]);

  v[0] = sag_fma (most, d[2], d[0] + d[4]);
  v[1] = sag_fma (a, o, e);
  v[2] = sag_fma (-a, o, e);
  v[3] = sag_fma (b, p, f);
  v[4] = sag_fma (-b, p, f);
  v[5] = sag_fma (most, d[3], d[1] + d[5]);
}

/* n channels from c on; all of a vector if whole. */
SAG_INLINE void
winograd_in_block (int whole, const SagWinogradInJob *job, size_t c, size_t n)
{
  SagVec t[6][6];

  for (int x = 0; x < 6; x++)
    {
      SagVec d[6], v[6];

      SAG_UNROLL for (int y = 0; y < 6; y++)
        d[y] = whole ? sag_load (job->rows[6 * y + x] + c) : sag_load_n (job->rows[6 * y + x] + c, n);
      winograd_points (d, v);
      SAG_UNROLL for (int y = 0; y < 6; y++)
        t[y][x] = v[y];
    }
  for (int y = 0; y < 6; y++)
    {
      float *to = job->v + 6 * y * job->ld + c;
      SagVec v[6];

      winograd_points (t[y], v);
      SAG_UNROLL for (int x = 0; x < 6; x++)
        if (whole)
          sag_store (to + x * job->ld, v[x]);
        else
          sag_store_n (to + x * job->ld, v[x], n);
    }
}

static void
winograd_in (const SagWinogradInJob *job)
{
  size_t c = 0;

  for (; c + LANES <= job->c; c += LANES)
    winograd_in_block (1, job, c, LANES);
  if (c < job->c)
    winograd_in_block (0, job, c, job->c - c);
}

SAG_INLINE void
winograd_sums (const SagVec m[6], SagVec y[4])
{
  SagVec a = sag_splat (SAG_SQRT_HALF), b = sag_splat (SAG_SQRT_TWO);
  SagVec s = m[1] + m[2], d = m[1] - m[2], t = m[3] + m[4], e = m[3] - m[4];

  y[0] = (m[0] + s) + t;
  y[1] = sag_fma (b, e, a * d);
  y[2] = sag_fma (sag_splat (2.0f), t, sag_splat (0.5f) * s);
  y[3] = sag_fma (sag_splat (2 * SAG_SQRT_TWO), e, sag_fma (sag_splat (SAG_SQRT_HALF / 2), d, m[5]));
}

SAG_INLINE void
winograd_out_block (int whole, const SagWinogradOutJob *job, size_t c, size_t n)
{
  SagVec t[4][6], lo = sag_splat (job->lo), hi = sag_splat (job->hi);
  SagVec init = whole ? sag_load (job->init + c) : sag_load_n (job->init + c, n);

  for (int x = 0; x < 6; x++)
    {
      const float *from = job->m + x * job->ld + c;
      SagVec m[6], v[4];

      SAG_UNROLL for (int y = 0; y < 6; y++)
        m[y] = whole ? sag_load (from + 6 * y * job->ld) : sag_load_n (from + 6 * y * job->ld, n);
      winograd_sums (m, v);
      SAG_UNROLL for (int y = 0; y < 4; y++)
        t[y][x] = v[y];
    }
  for (int y = 0; y < 4; y++)
    {
      SagVec v[4];

      winograd_sums (t[y], v);
      SAG_UNROLL for (int x = 0; x < 4; x++)
        {
          float *to = job->rows[4 * y + x];
          SagVec out = sag_clamp (v[x] + init, lo, hi);

          if (to == NULL)
            continue;
          if (whole)
            sag_store (to + c, out);
          else
            sag_store_n (to + c, out, n);
        }
    }
}

static void
winograd_out (const SagWinogradOutJob *job)
{
  size_t c = 0;

  for (; c + LANES <= job->c; c += LANES)
    winograd_out_block (1, job, c, LANES);
  if (c < job->c)
    winograd_out_block (0, job, c, job->c - c);
}

void
SAG_FN (winograd_fill) (SagKernels *k)
{
  k->winograd_in = winograd_in;
  k->winograd_out = winograd_out;
}
