/* SPDX-License-Identifier: Apache-2.0
 *
 * reference-winograd.c: Winograd's convolution, defined.
 */
#include "engine/kernels/math-constants.h"
#include "engine/kernels/reference.h"

#include <math.h>

/* The kernel's polynomial at the points, over what each point's product has in common. */
static void
kernel_points (const double g[3], double u[6])
{
  const double a = 0.70710678118654752440, b = 1.41421356237309504880;

  u[0] = g[0];
  u[1] = -(g[0] + g[1] * a + g[2] * 0.5) * (1 / 1.5);
  u[2] = -(g[0] - g[1] * a + g[2] * 0.5) * (1 / 1.5);
  u[3] = (g[0] + g[1] * b + g[2] * 2) * (1.0 / 6);
  u[4] = (g[0] - g[1] * b + g[2] * 2) * (1.0 / 6);
  u[5] = g[2];
}

void
sag_winograd_weights (const float *g, float *u)
{
  double lines[6][3];

  for (int x = 0; x < 3; x++)
    {
      double column[3] = { g[x], g[3 + x], g[6 + x] }, v[6];

      kernel_points (column, v);
      for (int y = 0; y < 6; y++)
        lines[y][x] = v[y];
    }
  for (int y = 0; y < 6; y++)
    {
      double v[6];

      kernel_points (lines[y], v);
      for (int x = 0; x < 6; x++)
        u[6 * y + x] = (float) v[x];
    }
}

void
sag_ref_winograd_weights (size_t n, const float *g, ptrdiff_t ld, float *u, ptrdiff_t ld_u)
{
  for (size_t j = 0; j < n; j++)
    {
      float kernel[9], numbers[36];

      for (int y = 0; y < 9; y++)
        kernel[y] = g[y * ld + (ptrdiff_t) j];
      sag_winograd_weights (kernel, numbers);
      for (int y = 0; y < 36; y++)
        u[y * ld_u + (ptrdiff_t) j] = numbers[y];
    }
}

static void
points (const float d[6], float v[6])
{
  float e = fmaf (-2.0f, d[2], d[4]), o = fmaf (-2.0f, d[1], d[3]);
  float f = fmaf (-0.5f, d[2], d[4]), p = fmaf (-0.5f, d[1], d[3]);

  v[0] = fmaf (-2.5f, d[2], d[0] + d[4]);
  v[1] = fmaf (SAG_SQRT_HALF, o, e);
  v[2] = fmaf (-SAG_SQRT_HALF, o, e);
  v[3] = fmaf (SAG_SQRT_TWO, p, f);
  v[4] = fmaf (-SAG_SQRT_TWO, p, f);
  v[5] = fmaf (-2.5f, d[3], d[1] + d[5]);
}

void
sag_ref_winograd_in (const SagWinogradInJob *job)
{
  for (size_t c = 0; c < job->c; c++)
    {
      float t[6][6], v[6];

      for (int x = 0; x < 6; x++)
        {
          float d[6];

          for (int y = 0; y < 6; y++)
            d[y] = job->rows[6 * y + x][c];
          points (d, v);
          for (int y = 0; y < 6; y++)
            t[y][x] = v[y];
        }
      for (int y = 0; y < 6; y++)
        {
          points (t[y], v);
          for (int x = 0; x < 6; x++)
            job->v[(6 * y + x) * job->ld + (ptrdiff_t) c] = v[x];
        }
    }
}

static void
sums (const float m[6], float y[4])
{
  float s = m[1] + m[2], d = m[1] - m[2], t = m[3] + m[4], e = m[3] - m[4];

  y[0] = (m[0] + s) + t;
  y[1] = fmaf (SAG_SQRT_TWO, e, SAG_SQRT_HALF * d);
  y[2] = fmaf (2.0f, t, 0.5f * s);
  y[3] = fmaf (2 * SAG_SQRT_TWO, e, fmaf (SAG_SQRT_HALF / 2, d, m[5]));
}

void
sag_ref_winograd_out (const SagWinogradOutJob *job)
{
  for (size_t c = 0; c < job->c; c++)
    {
      float t[4][6], y[4];

      for (int x = 0; x < 6; x++)
        {
          float m[6];

          for (int i = 0; i < 6; i++)
            m[i] = job->m[(6 * i + x) * job->ld + (ptrdiff_t) c];
          sums (m, y);
          for (int i = 0; i < 4; i++)
            t[i][x] = y[i];
        }
      for (int i = 0; i < 4; i++)
        {
          sums (t[i], y);
          for (int x = 0; x < 4; x++)
            if (job->rows[4 * i + x] != NULL)
              {
                float v = y[x] + job->init[c];

                v = job->hi < v ? job->hi : v;
                job->rows[4 * i + x][c] = job->lo > v ? job->lo : v;
              }
        }
    }
}
