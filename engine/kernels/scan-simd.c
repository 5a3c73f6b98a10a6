/* SPDX-License-Identifier: Apache-2.0
 *
 * scan-simd.c: the selective scan, channels along the vector.
 *
 * The states of one vector of channels stay in the first-level cache while time runs: n vectors,
 * read and written once a step, which costs less than the exponential between.
 */
#include "engine/kernels/math-simd.h"
#include "engine/kernels/texts.h"

#define LOAD(p) (full ? sag_load (p) : sag_load_n (p, rest))

/* A step of states n .. n + m - 1; y goes on. */
SAG_INLINE void
states (int m, int full, const SagScanF32Job *job, size_t c, size_t rest, size_t n, SagVec dt, SagVec du,
        const float *b, const float *w, SagVec *y)
{
  SagVec state[SAG_SIDE];

  SAG_UNROLL for (int j = 0; j < m; j++)
    state[j] = dt * LOAD (job->a + (n + j) * job->c + c);
  sag_exps (m, state);
  SAG_UNROLL for (int j = 0; j < m; j++)
    {
      float *h = job->h + (n + j) * job->c + c;

      state[j] = sag_fma (state[j], LOAD (h), du * sag_splat (b[n + j]));
      if (full)
        sag_store (h, state[j]);
      else
        sag_store_n (h, state[j], rest);
      *y = sag_fma (state[j], sag_splat (w[n + j]), *y);
    }
}

/* All of time for lanes [c, c + LANES), or for the last `rest` channels where not `full`. */
SAG_INLINE void
scan_vector (int full, const SagScanF32Job *job, size_t c, size_t rest)
{
  SagVec skip = job->d != NULL ? LOAD (job->d + c) : sag_splat (0.0f);

  for (size_t t = 0; t < job->l; t++)
    {
      const float *b = job->b_rows + (ptrdiff_t) t * job->ld_b;
      const float *w = job->c_rows + (ptrdiff_t) t * job->ld_c;
      SagVec u = LOAD (job->u + (ptrdiff_t) t * job->ld_u + c);
      SagVec dt = LOAD (job->dt + (ptrdiff_t) t * job->ld_dt + c);
      SagVec du = dt * u, y = sag_splat (0.0f);
      float *out = job->y + (ptrdiff_t) t * job->ld_y + c;
      size_t n = 0;

      for (; n + SAG_SIDE <= job->n; n += SAG_SIDE)
        states (SAG_SIDE, full, job, c, rest, n, dt, du, b, w, &y);
      for (; n < job->n; n++)
        states (1, full, job, c, rest, n, dt, du, b, w, &y);
      if (job->d != NULL)
        y = sag_fma (skip, u, y);
      if (full)
        sag_store (out, y);
      else
        sag_store_n (out, y, rest);
    }
}

static void
scan_f32 (const SagScanF32Job *job)
{
  size_t c = 0;

  for (; c + LANES <= job->c; c += LANES)
    scan_vector (1, job, c, 0);
  if (c < job->c)
    scan_vector (0, job, c, job->c - c);
}

void
SAG_FN (scan_fill) (SagKernels *k)
{
  k->scan_f32 = scan_f32;
}
