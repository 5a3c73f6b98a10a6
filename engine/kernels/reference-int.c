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
ended (const SagIntEnd *end, size_t j, float sum, const uint8_t *residual)
{
  float v = fmaf (sum, end->scale[j], end->shift[j]);

  if (residual != NULL)
    v += (float) (*residual - end->residual_zero) * end->residual_scale;
  v = v < 0 ? v * end->slope : v;
  return max2 (end->lo, min2 (end->hi, v));
}

static inline uint8_t
ended_byte (const SagIntEnd *end, float v)
{
  float least = 0.0f - (float) end->zero;

  v = rintf (v * end->step);
  v = v > least ? v : v == v ? least : 0.0f;
  return (uint8_t) ((int32_t) min2 (255.0f - (float) end->zero, v) + end->zero);
}

/* What becomes of a sum; `at` in elements of the output. */
static inline void
end_with (const SagIntEnd *end, ptrdiff_t at, size_t j, float sum)
{
  const uint8_t *residual =
      end->kind == SAG_END_U8 && end->residual != NULL ? end->residual + at : NULL;
  float v = ended (end, j, sum, residual);

  if (end->kind == SAG_END_F32)
    ((float *) end->out)[at] = v;
  else
    ((uint8_t *) end->out)[at] = ended_byte (end, v);
}

void
sag_ref_gemm_u8 (unsigned mr, unsigned nr, const SagGemmU8Job *job)
{
  size_t quads = (job->k + 3) / 4;

  for (size_t i = 0; i < job->m; i++)
    for (size_t j = 0; j < job->n; j++)
      {
        ptrdiff_t at = (ptrdiff_t) i * job->end.ld + (ptrdiff_t) j;
        ptrdiff_t in_acc = (ptrdiff_t) i * job->ld_acc + (ptrdiff_t) j; /* where there is one */
        int32_t sum = job->init != NULL ? job->init[j] : job->acc[in_acc];

        for (size_t t = 0; t < job->taps; t++)
          for (size_t p = 0; p < job->k; p++)
            sum += job->rows[t * mr + i][p] * job->w[((t * quads + p / 4) * nr + j) * 4 + p % 4];
        if (job->end.kind == SAG_END_SUM)
          job->acc[in_acc] = sum;
        else
          end_with (&job->end, at, j, (float) sum);
      }
}

/* Byte q of channels 4 quad … of tap t, seen from output x. */
static inline int32_t
row_byte (const SagConvRowU8Job *job, size_t t, size_t quad, size_t q, size_t x)
{
  ptrdiff_t u = (ptrdiff_t) (x * job->stride) + job->dx[t];

  return job->rows[t] != NULL && u >= 0 && u < (ptrdiff_t) job->width
             ? job->rows[t][(ptrdiff_t) quad * job->pitch + 4 * u + (ptrdiff_t) q]
             : job->pad;
}

/* Where the output of column j at x lies, in elements. */
static inline ptrdiff_t
row_at (const SagIntEnd *end, size_t j, size_t x)
{
  return end->kind == SAG_END_F32 ? (ptrdiff_t) j * end->ld + (ptrdiff_t) x
                                  : (ptrdiff_t) (j / 4) * end->ld + (ptrdiff_t) (4 * x + j % 4);
}

/* Bytes of the columns that fill up the last four. */
static inline void
row_fill (const SagConvRowU8Job *job, size_t x)
{
  for (size_t j = job->n; job->end.kind == SAG_END_U8 && j % 4 != 0; j++)
    ((uint8_t *) job->end.out)[row_at (&job->end, j, x)] = 0;
}

void
sag_ref_conv_row_u8 (const SagConvRowU8Job *job)
{
  for (size_t x = job->x0; x < job->x0 + job->nx; x++)
    {
      for (size_t j = 0; j < job->n; j++)
        {
          ptrdiff_t at = (ptrdiff_t) j * job->ld_acc + (ptrdiff_t) x; /* in acc, where there is one */
          int32_t sum = job->init != NULL ? job->init[j] : job->acc[at];

          for (size_t t = 0; t < job->taps; t++)
            for (size_t p = 0; p < 4 * job->quads; p++)
              sum += row_byte (job, t, p / 4, p % 4, x)
                     * job->w[((t * job->quads + p / 4) * job->nw + j) * 4 + p % 4];
          if (job->end.kind == SAG_END_SUM)
            job->acc[at] = sum;
          else
            end_with (&job->end, row_at (&job->end, j, x), j, (float) sum);
        }
      row_fill (job, x);
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
from_u8x4 (size_t n, const uint8_t *q, float scale, int32_t zero, float *const *x)
{
  for (size_t i = 0; i < n; i++)
    for (int c = 0; c < 4; c++)
      if (x[c] != NULL)
        x[c][i] = (float) (q[4 * i + c] - zero) * scale;
}

static void
gemm_u8 (const SagGemmU8Job *job)
{
  sag_ref_gemm_u8 (4, 16, job);
}

/* --- activations in bytes ----------------------------------------------------------------- */

static void
depthwise_u8 (const SagDepthwiseU8Job *job)
{
  for (size_t i = 0; i < job->m; i++)
    for (size_t c = 0; c < job->c; c++)
      {
        int32_t sum = job->init[c];

        for (size_t t = 0; t < job->taps; t++)
          sum += job->rows[t * job->ld_rows + i][c] * job->w[t * job->c + c];
        end_with (&job->end, (ptrdiff_t) i * job->end.ld + (ptrdiff_t) c, c, (float) sum);
      }
}

static void
depthwise_square (const SagSquareU8Job *job)
{
  for (size_t l = 0; l < job->lines; l++)
    for (size_t x = 0; x < job->nx; x++)
      for (size_t c = 0; c < job->c; c++)
        {
          int32_t sum = job->init[c];

          for (size_t t = 0; t < 9; t++)
            {
              const uint8_t *row = job->rows[l * job->stride + t / 3];
              ptrdiff_t u = (ptrdiff_t) (x * job->stride + t % 3) + job->first;
              int inside = row != NULL && u >= 0 && u < (ptrdiff_t) job->width;

              sum += (inside ? row[u * (ptrdiff_t) job->c + (ptrdiff_t) c] : job->pad) * job->w[t * job->c + c];
            }
          end_with (&job->end, (ptrdiff_t) l * job->end.ld + (ptrdiff_t) (x * job->c + c), c, (float) sum);
        }
}

static void
max_of_rows (size_t rows, size_t n, const uint8_t *const *row, uint8_t *y)
{
  for (size_t i = 0; i < n; i++)
    {
      uint8_t v = row[0][i];

      for (size_t t = 1; t < rows; t++)
        v = row[t][i] > v ? row[t][i] : v;
      y[i] = v;
    }
}

static void
max_pairs_x4 (size_t n, const uint8_t *x, uint8_t *y)
{
  for (size_t i = 0; i < n; i++)
    for (size_t c = 0; c < 4; c++)
      y[4 * i + c] = x[8 * i + c] > x[8 * i + 4 + c] ? x[8 * i + c] : x[8 * i + 4 + c];
}

static inline uint8_t
mixed (float v)
{
  return (uint8_t) max2 (0.0f, min2 (255.0f, rintf (v)));
}

static void
mix_rows (size_t rows, size_t n, const uint8_t *const *row, const float *weight, uint8_t *y)
{
  for (size_t i = 0; i < n; i++)
    {
      float v = 0;

      for (size_t t = 0; t < rows; t++)
        v = fmaf (weight[t], (float) row[t][i], v);
      y[i] = mixed (v);
    }
}

static void
mix_lines_x4 (size_t rows, size_t n, const uint8_t *const *row, const float *weight,
              const int32_t *first, const int32_t *second, const float *part, uint8_t *y)
{
  for (size_t i = 0; i < n; i++)
    for (size_t c = 0; c < 4; c++)
      {
        float v = 0;

        for (size_t t = 0; t < rows; t++)
          {
            float a = row[t][4 * first[i] + (ptrdiff_t) c], b = row[t][4 * second[i] + (ptrdiff_t) c];

            v = fmaf (weight[t], fmaf (part[i], b - a, a), v);
          }
        y[4 * i + c] = mixed (v);
      }
}

static inline float
mixed_lines (const SagMixPixelsJob *job, ptrdiff_t at)
{
  float v = 0;

  for (size_t t = 0; t < job->lines; t++)
    v = fmaf (job->weight[t], (float) job->rows[t][at], v);
  return v;
}

static void
mix_pixels (const SagMixPixelsJob *job)
{
  for (size_t i = 0; i < job->n; i++)
    for (size_t j = 0; j < job->c; j++)
      {
        float a = mixed_lines (job, job->first[i] * (ptrdiff_t) job->c + (ptrdiff_t) j);
        float b = mixed_lines (job, job->second[i] * (ptrdiff_t) job->c + (ptrdiff_t) j);

        job->y[(ptrdiff_t) i * job->ld + (ptrdiff_t) j] = mixed (fmaf (job->part[i], b - a, a));
      }
}

static void
look_up (size_t n, const uint8_t *x, const uint8_t table[256], uint8_t *y)
{
  for (size_t i = 0; i < n; i++)
    y[i] = table[x[i]];
}

/* --- weights of four bits ------------------------------------------------------------------ */

static void
fit_s4 (size_t n, const float *w, const float *scale, float *error)
{
  for (int i = 0; i < SAG_FIT_SCALES; i++)
    {
      float inverse = 1.0f / scale[i];

      error[i] = 0;
      for (size_t k = 0; k < n; k++)
        {
          float q = max2 (-8.0f, min2 (7.0f, rintf (w[k] * inverse))), off = fmaf (-q, scale[i], w[k]);

          error[i] = fmaf (off, off, error[i]);
        }
    }
}

static void
unpack_s4 (size_t steps, size_t nr, const uint8_t *q, const int16_t *factor, int8_t *w)
{
  for (size_t step = 0; step < steps; step++)
    for (size_t i = 0; i < 4 * nr; i++)
      {
        int v = (q[step / 2 * 4 * nr + i] >> 4 * (step % 2) & 15) - 8;

        w[step * 4 * nr + i] = (int8_t) ((v * factor[step / 8 * nr + i / 4] + 128) >> 8);
      }
}

void
sag_ref_int_fill (SagKernels *k)
{
  k->gemm_u8 = (SagGemmU8){ gemm_u8, 4, 16, NULL };
  k->conv_row_u8 = (SagConvRowU8){ sag_ref_conv_row_u8, 8, 48 };
  k->weights.fit_s4 = fit_s4;
  k->weights.unpack_s4 = unpack_s4;
  k->quantize = (SagQuantize){ to_u8, to_u8x4, to_s8, from_u8, from_u8x4 };
  k->bytes = (SagBytes){ depthwise_u8, depthwise_square, mix_pixels, max_of_rows, max_pairs_x4, mix_rows, mix_lines_x4, look_up };
}
