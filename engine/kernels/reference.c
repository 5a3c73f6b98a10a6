/* SPDX-License-Identifier: Apache-2.0
 *
 * reference.c: matrix products, convolutions, reductions and moves, defined.
 */
#include "engine/kernels/reference.h"

#include <math.h>
#include <string.h>

enum { VIRTUAL_LANES = 16 };

static inline float
max2 (float a, float b)
{
  return a > b ? a : b;
}

static inline float
min2 (float a, float b)
{
  return a < b ? a : b;
}

static inline float
clamp (float v, float lo, float hi)
{
  return max2 (lo, min2 (hi, v));
}

static inline float
widen_bf16 (uint16_t v)
{
  uint32_t u = (uint32_t) v << 16;
  float f;

  memcpy (&f, &u, sizeof f);
  return f;
}

/* --- matrix products and convolutions ---------------------------------------------------- */

void
sag_ref_gemm_f32 (unsigned mr, unsigned nr, const SagGemmF32Job *job)
{
  for (size_t i = 0; i < job->m; i++)
    for (size_t j = 0; j < job->n; j++)
      {
        float *c = job->c + (ptrdiff_t) i * job->ldc + j;
        float sum = job->init != NULL ? job->init[j] : *c;

        for (size_t t = 0; t < job->taps; t++)
          for (size_t p = 0; p < job->k; p++)
            sum = fmaf (job->rows[t * mr + i][p], job->w[(t * job->k + p) * nr + j], sum);
        *c = clamp (sum, job->lo, job->hi);
      }
}

void
sag_ref_gemm_bf16 (int geometry, unsigned mr, unsigned nr, const SagGemmBf16Job *job)
{
  for (size_t i = 0; i < job->m; i++)
    for (size_t j = 0; j < job->n; j++)
      {
        float *c = job->c + (ptrdiff_t) i * job->ldc + j;
        float sum = job->init != NULL ? job->init[j] : *c;

        for (size_t t = 0; t < job->taps; t++)
          for (size_t p = 0; p < job->k; p++)
            sum = fmaf (job->rows[t * mr + i][p],
                        widen_bf16 (job->w[(t * job->k + p) * nr + sag_bf16_place (geometry, nr, j)]), sum);
        *c = clamp (sum, job->lo, job->hi);
      }
}

void
sag_ref_conv_row_f32 (const SagConvRowF32Job *job)
{
  for (size_t j = 0; j < job->n; j++)
    for (size_t x = job->x0; x < job->x0 + job->nx; x++)
      {
        const float *w = job->w + (ptrdiff_t) (j / job->nw) * job->ld_w + j % job->nw;
        float *out = job->out + (ptrdiff_t) j * job->ld_out + x;
        float sum = job->init != NULL ? job->init[j] : *out;

        for (size_t t = 0; t < job->taps; t++)
          {
            ptrdiff_t u = (ptrdiff_t) (x * job->stride) + job->dx[t];
            int inside = u >= 0 && u < (ptrdiff_t) job->width;

            if (job->rows[t] == NULL)
              continue;
            for (size_t p = 0; p < job->k; p++)
              sum = fmaf (inside ? job->rows[t][(ptrdiff_t) p * job->pitch + u] : 0.0f,
                          w[(t * job->k + p) * job->nw], sum);
          }
        *out = clamp (sum, job->lo, job->hi);
      }
}

void
sag_ref_depthwise_row_f32 (const SagDepthwiseRowF32Job *job)
{
  for (size_t l = 0; l < job->lines; l++)
    for (size_t j = 0; j < job->n; j++)
      for (size_t x = 0; x < job->nx; x++)
        {
          float *out = job->out + (ptrdiff_t) l * job->ld_line + (ptrdiff_t) j * job->ld_out + x;
          float sum = job->init != NULL ? job->init[j] : *out;

          for (size_t t = 0; t < job->taps; t++)
            {
              const float *row = job->rows[l * job->taps + t];
              ptrdiff_t u = (ptrdiff_t) (x * job->stride) + job->dx[t];
              int inside = u >= 0 && u < (ptrdiff_t) job->width;

              if (row != NULL)
                sum = fmaf (inside ? row[(ptrdiff_t) j * job->pitch + u] : 0.0f, job->w[t * job->nw + j], sum);
            }
          *out = clamp (sum, job->lo, job->hi);
        }
}

void
sag_ref_depthwise_f32 (const SagDepthwiseF32Job *job)
{
  for (size_t i = 0; i < job->m; i++)
    for (size_t c = 0; c < job->c; c++)
      {
        float *out = job->out + (ptrdiff_t) i * job->ld_out + c;
        float sum = job->init != NULL ? job->init[c] : *out;

        for (size_t t = 0; t < job->taps; t++)
          sum = fmaf (job->rows[t * job->ld_rows + i][c], job->w[t * job->c + c], sum);
        *out = clamp (sum, job->lo, job->hi);
      }
}

/* --- reductions -------------------------------------------------------------------------- */

static float
add_lanes (float lane[VIRTUAL_LANES])
{
  for (int half = VIRTUAL_LANES / 2; half > 0; half /= 2)
    for (int l = 0; l < half; l++)
      lane[l] = lane[l] + lane[l + half];
  return lane[0];
}

float
sag_ref_sum (size_t n, const float *x)
{
  float lane[VIRTUAL_LANES] = { 0 };

  for (size_t i = 0; i < n; i++)
    lane[i % VIRTUAL_LANES] += x[i];
  return add_lanes (lane);
}

float
sag_ref_sum_squares (size_t n, const float *x, float shift)
{
  float lane[VIRTUAL_LANES] = { 0 };

  for (size_t i = 0; i < n; i++)
    {
      float v = x[i] - shift;

      lane[i % VIRTUAL_LANES] = fmaf (v, v, lane[i % VIRTUAL_LANES]);
    }
  return add_lanes (lane);
}

float
sag_ref_dot (size_t n, const float *x, const float *y)
{
  float lane[VIRTUAL_LANES] = { 0 };

  for (size_t i = 0; i < n; i++)
    lane[i % VIRTUAL_LANES] = fmaf (x[i], y[i], lane[i % VIRTUAL_LANES]);
  return add_lanes (lane);
}

float
sag_ref_max (size_t n, const float *x)
{
  float lane[VIRTUAL_LANES];

  for (int l = 0; l < VIRTUAL_LANES; l++)
    lane[l] = -INFINITY;
  for (size_t i = 0; i < n; i++)
    lane[i % VIRTUAL_LANES] = max2 (lane[i % VIRTUAL_LANES], x[i]);
  for (int half = VIRTUAL_LANES / 2; half > 0; half /= 2)
    for (int l = 0; l < half; l++)
      lane[l] = max2 (lane[l], lane[l + half]);
  return lane[0];
}

float
sag_ref_min (size_t n, const float *x)
{
  float lane[VIRTUAL_LANES];

  for (int l = 0; l < VIRTUAL_LANES; l++)
    lane[l] = INFINITY;
  for (size_t i = 0; i < n; i++)
    lane[i % VIRTUAL_LANES] = min2 (lane[i % VIRTUAL_LANES], x[i]);
  for (int half = VIRTUAL_LANES / 2; half > 0; half /= 2)
    for (int l = 0; l < half; l++)
      lane[l] = min2 (lane[l], lane[l + half]);
  return lane[0];
}

void
sag_ref_dots (size_t m, size_t n, const float *x, const float *y, float *out)
{
  for (size_t i = 0; i < m; i++)
    out[i] = sag_ref_dot (n, x + i * n, y);
}

void
sag_ref_add_rows (size_t n, size_t c, const float *x, ptrdiff_t ldx, float *acc)
{
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < c; j++)
      acc[j] = acc[j] + x[(ptrdiff_t) i * ldx + j];
}

void
sag_ref_add_rows_squares (size_t n, size_t c, const float *x, ptrdiff_t ldx,
                          const float *shift, float *acc)
{
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < c; j++)
      {
        float v = x[(ptrdiff_t) i * ldx + j] - shift[j];

        acc[j] = fmaf (v, v, acc[j]);
      }
}

void
sag_ref_max_of_rows (size_t n, size_t c, const float *const *rows, float *y)
{
  for (size_t j = 0; j < c; j++)
    {
      float v = rows[0][j];

      for (size_t t = 1; t < n; t++)
        v = max2 (v, rows[t][j]);
      y[j] = v;
    }
}

void
sag_ref_sum_of_rows (size_t n, size_t c, const float *const *rows, float scale, float *y)
{
  for (size_t j = 0; j < c; j++)
    {
      float v = rows[0][j];

      for (size_t t = 1; t < n; t++)
        v = v + rows[t][j];
      y[j] = v * scale;
    }
}

void
sag_ref_mix_rows (size_t n, size_t c, const float *const *rows, const float *w, float *y)
{
  for (size_t j = 0; j < c; j++)
    {
      float v = rows[0][j] * w[0];

      for (size_t t = 1; t < n; t++)
        v = v + rows[t][j] * w[t];
      y[j] = v;
    }
}

void
sag_ref_max_pairs (size_t n, const float *x, float *y)
{
  for (size_t i = 0; i < n; i++)
    y[i] = max2 (x[2 * i], x[2 * i + 1]);
}

void
sag_ref_sum_pairs (size_t n, const float *x, float scale, float *y)
{
  for (size_t i = 0; i < n; i++)
    y[i] = (x[2 * i] + x[2 * i + 1]) * scale;
}

void
sag_ref_softmax (size_t m, size_t n, const float *x, float *y)
{
  for (; m > 0; m--, x += n, y += n)
    {
      float max = sag_ref_max (n, x), scale;

      for (size_t i = 0; i < n; i++)
        y[i] = sag_ref_exp (x[i] - max);
      scale = 1.0f / sag_ref_sum (n, y);
      for (size_t i = 0; i < n; i++)
        y[i] = y[i] * scale;
    }
}

void
sag_ref_layer_norm (size_t m, size_t n, const float *x, float epsilon, int rms, const float *scale,
                    const float *shift, float *y)
{
  for (; m > 0; m--, x += n, y += n)
    {
      float mean = rms ? 0 : sag_ref_sum (n, x) / (float) n;
      float rstd = 1.0f / sqrtf (sag_ref_sum_squares (n, x, mean) / (float) n + epsilon);

      for (size_t i = 0; i < n; i++)
        {
          float v = (x[i] - mean) * rstd;

          y[i] = scale != NULL ? fmaf (v, scale[i], shift[i]) : v;
        }
    }
}

void
sag_ref_softmax_planes (size_t c, size_t n, const float *x, ptrdiff_t ldx, float *y, ptrdiff_t ldy)
{
  for (size_t i = 0; i < n; i++)
    {
      float max = x[i], sum = 0.0f, scale;

      for (size_t p = 1; p < c; p++)
        max = max2 (max, x[(ptrdiff_t) p * ldx + i]);
      for (size_t p = 0; p < c; p++)
        {
          float e = sag_ref_exp (x[(ptrdiff_t) p * ldx + i] - max);

          y[(ptrdiff_t) p * ldy + i] = e;
          sum = sum + e;
        }
      scale = 1.0f / sum;
      for (size_t p = 0; p < c; p++)
        y[(ptrdiff_t) p * ldy + i] = y[(ptrdiff_t) p * ldy + i] * scale;
    }
}

/* --- moving ------------------------------------------------------------------------------ */

void
sag_ref_transpose_f32 (size_t rows, size_t columns, const float *src, ptrdiff_t ld_src,
                       float *dst, ptrdiff_t ld_dst)
{
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < columns; j++)
      dst[(ptrdiff_t) j * ld_dst + i] = src[(ptrdiff_t) i * ld_src + j];
}

void
sag_ref_between_f32 (size_t n, const float *x, const float *w, float *y)
{
  for (size_t i = 0; i < n; i++)
    {
      float a = x[i] * w[0], b = x[i] * w[2];

      y[2 * i] = a + x[i + 1] * w[1];
      y[2 * i + 1] = b + x[i + 1] * w[3];
    }
}

void
sag_ref_interleave_f32 (size_t n, const float *a, const float *b, float *y)
{
  for (size_t i = 0; i < n; i++)
    {
      y[2 * i] = a[i];
      y[2 * i + 1] = b[i];
    }
}

/* --- the table --------------------------------------------------------------------------- */

#define GEMM(geometry, mr, nr)                              \
  static void                                               \
  gemm_f32_##mr##x##nr (const SagGemmF32Job *job)           \
  {                                                         \
    sag_ref_gemm_f32 (mr, nr, job);                         \
  }                                                         \
  static void                                               \
  gemm_bf16_##mr##x##nr (const SagGemmBf16Job *job)         \
  {                                                         \
    sag_ref_gemm_bf16 (geometry, mr, nr, job);              \
  }

GEMM (SAG_GEMM_WIDE, 4, 16)
GEMM (SAG_GEMM_NARROW, 4, 8)

void
sag_ref_fill (SagKernels *k)
{
  *k = (SagKernels){
    .name = "c",
    .lanes = 1,
    .gemm_f32 = { [SAG_GEMM_WIDE] = { gemm_f32_4x16, 4, 16 },
                  [SAG_GEMM_NARROW] = { gemm_f32_4x8, 4, 8 } },
    .gemm_bf16 = { [SAG_GEMM_WIDE] = { gemm_bf16_4x16, 4, 16 },
                   [SAG_GEMM_NARROW] = { gemm_bf16_4x8, 4, 8 } },
    .conv_row_f32 = { sag_ref_conv_row_f32, 8, 48 },
    .depthwise_f32 = sag_ref_depthwise_f32,
    .depthwise_row_f32 = sag_ref_depthwise_row_f32,
    .weights = { .winograd = sag_ref_winograd_weights },
    .winograd_in = sag_ref_winograd_in,
    .winograd_out = sag_ref_winograd_out,
    .reduce = {
      .sum = sag_ref_sum,
      .sum_squares = sag_ref_sum_squares,
      .max = sag_ref_max,
      .min = sag_ref_min,
      .dot = sag_ref_dot,
      .dots = sag_ref_dots,
      .add_rows = sag_ref_add_rows,
      .add_rows_squares = sag_ref_add_rows_squares,
      .max_of_rows = sag_ref_max_of_rows,
      .sum_of_rows = sag_ref_sum_of_rows,
      .mix_rows = sag_ref_mix_rows,
      .max_pairs = sag_ref_max_pairs,
      .sum_pairs = sag_ref_sum_pairs,
      .softmax = sag_ref_softmax,
      .layer_norm = sag_ref_layer_norm,
      .softmax_planes = sag_ref_softmax_planes,
    },
    .transpose_f32 = sag_ref_transpose_f32,
    .interleave_f32 = sag_ref_interleave_f32,
    .between_f32 = sag_ref_between_f32,
    .scan_f32 = sag_ref_scan_f32,
  };
  sag_ref_math_fill (k);
  sag_ref_int_fill (k);
}
