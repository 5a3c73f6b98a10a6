/* SPDX-License-Identifier: Apache-2.0
 *
 * reference-int.c: eight-bit products and conversions, defined.
 */
#include "engine/kernels/reference.h"

#include <math.h>

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
ended (const SagIntEnd *end, size_t j, int32_t sum)
{
  float v = end->kind == SAG_END_U8 ? rintf ((float) sum * end->scale[j])
                                    : fmaf ((float) sum, end->scale[j], end->shift[j]);

  return max2 (end->lo, min2 (end->hi, v));
}

void
sag_ref_gemm_u8 (unsigned mr, unsigned nr, const SagGemmU8Job *job)
{
  size_t quads = (job->k + 3) / 4;

  for (size_t i = 0; i < job->m; i++)
    for (size_t j = 0; j < job->n; j++)
      {
        ptrdiff_t at = (ptrdiff_t) i * job->end.ld + (ptrdiff_t) j;
        int32_t *acc = job->acc + (ptrdiff_t) i * job->ld_acc + (ptrdiff_t) j;
        int32_t sum = job->init != NULL ? job->init[j] : *acc;

        for (size_t t = 0; t < job->taps; t++)
          for (size_t p = 0; p < job->k; p++)
            sum += job->rows[t * mr + i][p] * job->w[((t * quads + p / 4) * nr + j) * 4 + p % 4];
        if (job->end.kind == SAG_END_SUM)
          *acc = sum;
        else if (job->end.kind == SAG_END_F32)
          ((float *) job->end.out)[at] = ended (&job->end, j, sum);
        else
          ((uint8_t *) job->end.out)[at] =
              (uint8_t) ((int32_t) ended (&job->end, j, sum) + job->end.zero);
      }
}

void
sag_ref_conv_row_u8 (const SagConvRowU8Job *job)
{
  const SagIntEnd *end = &job->end;

  for (size_t x = job->x0; x < job->x0 + job->nx; x++)
    for (size_t j = 0; j < (end->kind == SAG_END_U8 ? (job->n + 3) / 4 * 4 : job->n); j++)
      {
        uint8_t *byte = (uint8_t *) end->out + (ptrdiff_t) (j / 4) * end->ld + 4 * x + j % 4;
        int32_t *acc = job->acc + (ptrdiff_t) j * job->ld_acc + x;
        int32_t sum;

        if (j >= job->n)
          {
            *byte = 0;
            continue;
          }
        sum = job->init != NULL ? job->init[j] : *acc;
        for (size_t t = 0; t < job->taps; t++)
          {
            ptrdiff_t u = (ptrdiff_t) (x * job->stride) + job->dx[t];
            int inside = job->rows[t] != NULL && u >= 0 && u < (ptrdiff_t) job->width;

            for (size_t p = 0; p < 4 * job->quads; p++)
              sum += (inside ? job->rows[t][(ptrdiff_t) (p / 4) * job->pitch + 4 * u + p % 4] : job->pad)
                     * job->w[((t * job->quads + p / 4) * job->nw + j) * 4 + p % 4];
          }
        if (end->kind == SAG_END_SUM)
          *acc = sum;
        else if (end->kind == SAG_END_F32)
          ((float *) end->out)[(ptrdiff_t) j * end->ld + x] = ended (end, j, sum);
        else
          *byte = (uint8_t) ((int32_t) ended (end, j, sum) + end->zero);
      }
}

static inline int32_t
quantized (float x, float scale, int32_t zero, float least, float most)
{
  float v = rintf (x / scale);

  /* Bounds first, while it is a float: they are whole, and NaN falls to zero. */
  v = v > least - (float) zero ? v : v == v ? least - (float) zero : 0.0f;
  return (int32_t) min2 (most - (float) zero, v) + zero;
}

static void
to_u8 (size_t n, const float *x, float scale, int32_t zero, uint8_t *q)
{
  for (size_t i = 0; i < n; i++)
    q[i] = (uint8_t) quantized (x[i], scale, zero, 0.0f, 255.0f);
}

static void
to_u8x4 (size_t n, const float *const *x, float scale, int32_t zero, uint8_t *q)
{
  for (size_t i = 0; i < n; i++)
    for (int c = 0; c < 4; c++)
      q[4 * i + c] =
          x[c] != NULL ? (uint8_t) quantized (x[c][i], scale, zero, 0.0f, 255.0f) : 0;
}

static void
to_s8 (size_t n, const float *x, float scale, int8_t *q)
{
  for (size_t i = 0; i < n; i++)
    q[i] = (int8_t) quantized (x[i], scale, 0, -127.0f, 127.0f);
}

static void
from_u8 (size_t n, const uint8_t *q, float scale, int32_t zero, float *x)
{
  for (size_t i = 0; i < n; i++)
    x[i] = (float) (q[i] - zero) * scale;
}

static void
gemm_u8 (const SagGemmU8Job *job)
{
  sag_ref_gemm_u8 (4, 16, job);
}

void
sag_ref_int_fill (SagKernels *k)
{
  k->gemm_u8 = (SagGemmU8){ gemm_u8, 4, 16 };
  k->conv_row_u8 = (SagConvRowU8){ sag_ref_conv_row_u8, 8, 48 };
  k->quantize = (SagQuantize){ to_u8, to_u8x4, to_s8, from_u8 };
}
