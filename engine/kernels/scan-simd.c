/* SPDX-License-Identifier: Apache-2.0
 *
 * scan-simd.c: the selective scan, channels along the vector.
 *
 * The states of one vector of channels stay in the first-level cache while time runs: n vectors,
 * read and written once a step, which costs less than the exponential between.
 */
#include "engine/kernels/math-simd.h"
#include "engine/kernels/texts.h"

/* All of time for lanes [c, c + LANES), or for the last `rest` channels where not `full`. */
SAG_INLINE void
scan_vector (int full, const SagScanF32Job *job, size_t c, size_t rest)
{
#define LOAD(p) (full ? sag_load (p) : sag_load_n (p, rest))
  SagVec skip = job->d != NULL ? LOAD (job->d + c) : sag_splat (0.0f);

  for (size_t t = 0; t < job->l; t++)
    {
      const float *b = job->b_rows + (ptrdiff_t) t * job->ld_b;
      const float *w = job->c_rows + (ptrdiff_t) t * job->ld_c;
      SagVec u = LOAD (job->u + (ptrdiff_t) t * job->ld_u + c);
      SagVec dt = LOAD (job->dt + (ptrdiff_t) t * job->ld_dt + c);
      SagVec du = dt * u, y = sag_splat (0.0f);
      float *out = job->y + (ptrdiff_t) t * job->ld_y + c;

      for (size_t n = 0; n < job->n; n++)
        {
          float *h = job->h + n * job->c + c;
          SagVec decay = sag_exp (dt * LOAD (job->a + n * job->c + c));
          SagVec state = sag_fma (decay, LOAD (h), du * sag_splat (b[n]));

          if (full)
            sag_store (h, state);
          else
            sag_store_n (h, state, rest);
          y = sag_fma (state, sag_splat (w[n]), y);
        }
      if (job->d != NULL)
        y = sag_fma (skip, u, y);
      if (full)
        sag_store (out, y);
      else
        sag_store_n (out, y, rest);
    }
#undef LOAD
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
