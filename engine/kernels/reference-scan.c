/* SPDX-License-Identifier: Apache-2.0
 *
 * reference-scan.c: the selective scan, defined.
 */
#include "engine/kernels/reference.h"

#include <math.h>

void
sag_ref_scan_f32 (const SagScanF32Job *job)
{
  for (size_t c = 0; c < job->c; c++)
    for (size_t t = 0; t < job->l; t++)
      {
        const float *b = job->b_rows + (ptrdiff_t) t * job->ld_b;
        const float *w = job->c_rows + (ptrdiff_t) t * job->ld_c;
        float u = job->u[(ptrdiff_t) t * job->ld_u + (ptrdiff_t) c];
        float dt = job->dt[(ptrdiff_t) t * job->ld_dt + (ptrdiff_t) c];
        float du = dt * u, y = 0;

        for (size_t n = 0; n < job->n; n++)
          {
            float *h = job->h + n * job->c + c;

            *h = fmaf (sag_ref_exp (dt * job->a[n * job->c + c]), *h, du * b[n]);
            y = fmaf (*h, w[n], y);
          }
        job->y[(ptrdiff_t) t * job->ld_y + (ptrdiff_t) c] =
            job->d != NULL ? fmaf (job->d[c], u, y) : y;
      }
}
