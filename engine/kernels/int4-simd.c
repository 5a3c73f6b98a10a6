/* SPDX-License-Identifier: Apache-2.0
 *
 * int4-simd.c: products of bytes with weights of four bits, which are unpacked in registers.
 */
#include "engine/kernels/int-end-simd.h"
#include "engine/kernels/texts.h"

/* Blocks hold a sum of integers and one of floats for every output. */
#if LANES == 16
enum { GEMM_MR = 6, GEMM_NV = 2, ROW_N = 4, ROW_NV = 3 };
#elif LANES == 8
enum { GEMM_MR = 2, GEMM_NV = 2, ROW_N = 4, ROW_NV = 1 };
#else
enum { GEMM_MR = 4, GEMM_NV = 2, ROW_N = 4, ROW_NV = 2 };
#endif

enum { STEPS = 8 }; /* of a group */

typedef int8_t SagVecS8 __attribute__ ((vector_size (4 * LANES)));

/* Nibbles as signed bytes: the low ones of every byte, or, with shift 4, the high ones. */
SAG_INLINE SagVecI
unpacked (SagVecI both, int32_t shift)
{
  SagVecI v = (SagVecI) ((SagVecU) both >> (SagVecU) sag_splat_i (shift)) & sag_splat_i (0x0f0f0f0f);

  return (SagVecI) ((SagVecS8) v - (SagVecS8) sag_splat_i (0x08080808));
}

/* --- matrix product ---------------------------------------------------------------------- */

/* A step of k, `left` of its four bytes. */
SAG_INLINE void
gemm_step (SagVecI acc[GEMM_MR][GEMM_NV], const uint8_t *const *a, size_t p, size_t left,
           const int8_t *w, int32_t shift)
{
  SagS8x4 b[GEMM_NV];

  SAG_UNROLL for (int j = 0; j < GEMM_NV; j++)
    b[j] = sag_s8x4 (
        unpacked (sag_load_i ((const int32_t *) (const void *) (w + 4 * j * LANES)), shift));
  SAG_UNROLL for (int i = 0; i < GEMM_MR; i++)
    {
      SagU8x4 v = sag_u8x4 (sag_splat_i (left >= 4 ? four_bytes (a[i] + p)
                                                   : some_bytes (a[i] + p, left)));

      SAG_UNROLL for (int j = 0; j < GEMM_NV; j++)
        acc[i][j] = sag_dot4 (acc[i][j], v, b[j]);
    }
}

/* The sums of a group into the totals, and to 0. */
SAG_INLINE void
gemm_group (SagVec total[GEMM_MR][GEMM_NV], SagVecI acc[GEMM_MR][GEMM_NV], const float *group_scale)
{
  SAG_UNROLL for (int j = 0; j < GEMM_NV; j++)
    {
      SagVec scale = sag_load (group_scale + j * LANES);

      SAG_UNROLL for (int i = 0; i < GEMM_MR; i++)
        {
          total[i][j] = sag_fma (sag_to_float (acc[i][j]), scale, total[i][j]);
          acc[i][j] = sag_splat_i (0);
        }
    }
}

static void
gemm_u8s4 (const SagGemmU8Job *job, const float *group_scale)
{
  SagVec total[GEMM_MR][GEMM_NV];
  SagVecI acc[GEMM_MR][GEMM_NV];
  const int8_t *w = job->w;
  const uint8_t *const *rows = job->rows;
  size_t step = 0;

  SAG_UNROLL for (int i = 0; i < GEMM_MR; i++)
    SAG_UNROLL for (int j = 0; j < GEMM_NV; j++)
      {
        total[i][j] = sag_splat (0.0f);
        acc[i][j] = sag_splat_i (0);
      }
  for (size_t t = 0; t < job->taps; t++, rows += GEMM_MR)
    {
      const uint8_t *a[GEMM_MR];

      SAG_UNROLL for (int i = 0; i < GEMM_MR; i++)
        a[i] = rows[i];
      for (size_t p = 0; p < job->k; p += 4)
        {
          int32_t shift = step & 1 ? 4 : 0;

          if (p + 4 <= job->k)
            gemm_step (acc, a, p, 4, w, shift);
          else
            gemm_step (acc, a, p, job->k - p, w, shift);
          w += step & 1 ? 4 * GEMM_NV * LANES : 0;
          if (++step % STEPS == 0)
            {
              gemm_group (total, acc, group_scale);
              group_scale += GEMM_NV * LANES;
            }
        }
    }
  if (step % STEPS != 0)
    gemm_group (total, acc, group_scale);

  SAG_UNROLL for (int j = 0; j < GEMM_NV; j++)
    {
      size_t at = (size_t) j * LANES, n = job->n;
      size_t left = n <= at ? 0 : n - at < LANES ? n - at : LANES;
      SagVec scale = sag_load (job->end.scale + at), shift = sag_load (job->end.shift + at);
      SagIntEnd end = job->end;

      if (left == 0)
        break;
      SAG_UNROLL for (int i = 0; i < GEMM_MR; i++)
        if ((size_t) i < job->m)
          end_columns (&end, i, at, left, scale, shift, total[i][j]);
    }
}

/* --- along x ----------------------------------------------------------------------------- */

/* Weights of the steps of a group, as bytes: [steps][n][4]. */
SAG_INLINE void
unpack_group (const int8_t *w, size_t nw, int n, size_t steps, int32_t out[STEPS][ROW_N])
{
  for (size_t step = 0; step < steps; step += 2, w += 4 * nw)
    SAG_UNROLL for (int j = 0; j < n; j++)
      {
        uint32_t both = (uint32_t) four_bytes ((const uint8_t *) w + 4 * j);
        uint32_t low = both & 0x0f0f0f0fu, high = both >> 4 & 0x0f0f0f0fu;

        /* less 8 in each byte: the top bits are set apart so that nothing is borrowed */
        out[step][j] = (int32_t) (((low | 0x80808080u) - 0x08080808u) ^ 0x80808080u);
        out[step + 1][j] = (int32_t) (((high | 0x80808080u) - 0x08080808u) ^ 0x80808080u);
      }
}

/* Where a block stands in its weights. */
typedef struct
{
  const int8_t *w;
  const float  *scale;
  size_t        step, steps;
  int32_t       weights[STEPS][ROW_N];
} Place;

SAG_INLINE void
row_group (SagVec total[ROW_N][ROW_NV], SagVecI acc[ROW_N][ROW_NV], int n, int nv, Place *place, size_t nw)
{
  SAG_UNROLL for (int j = 0; j < n; j++)
    SAG_UNROLL for (int i = 0; i < nv; i++)
      {
        total[j][i] =
            sag_fma (sag_to_float (acc[j][i]), sag_splat (place->scale[j]), total[j][i]);
        acc[j][i] = sag_splat_i (0);
      }
  place->scale += nw;
}

/* All channels of a tap; strides above two go through a line of their own. */
SAG_INLINE void
row_tap (SagVec total[ROW_N][ROW_NV], SagVecI acc[ROW_N][ROW_NV], int n, int nv, int stride, int whole,
         const uint8_t *line, ptrdiff_t first, const SagConvRowU8Job *job, SagVecI pad, Place *place)
{
  ptrdiff_t width = (ptrdiff_t) job->width;

  for (size_t q = job->quads; q > 0; q--)
    {
      SagU8x4 v[ROW_NV];
      const int32_t *weights = place->weights[place->step % STEPS];

      if (place->step % STEPS == 0)
        {
          size_t left = place->steps - place->step;

          unpack_group (place->w, job->nw, n, left < STEPS ? left : STEPS, place->weights);
          place->w += STEPS / 2 * 4 * job->nw;
        }
      SAG_UNROLL for (int i = 0; i < nv; i++)
        if (line == NULL)
          v[i] = sag_u8x4 (pad);
        else if (stride <= 2)
          v[i] = load_quads (line, first + i * LANES * stride, width, stride, whole, pad);
        else
          {
            int32_t four[LANES];

            for (int x = 0; x < LANES; x++)
              {
                ptrdiff_t u = first + (i * LANES + x) * (ptrdiff_t) job->stride;

                four[x] = u >= 0 && u < width ? four_bytes (line + 4 * u) : pad[0];
              }
            v[i] = sag_u8x4 (sag_load_i (four));
          }
      SAG_UNROLL for (int j = 0; j < n; j++)
        {
          SagS8x4 s = sag_s8x4 (sag_splat_i (weights[j]));

          SAG_UNROLL for (int i = 0; i < nv; i++)
            acc[j][i] = sag_dot4 (acc[j][i], v[i], s);
        }
      if (line != NULL)
        line += job->pitch;
      if (++place->step % STEPS == 0)
        row_group (total, acc, n, nv, place, job->nw);
    }
}

/* n output channels by nv vectors from x on; nx of them are wanted. A stride of 3 stands for all above
 * two. */
SAG_INLINE void
row_block (int n, int nv, int stride, const SagConvRowU8Job *job, const float *group_scale, size_t x,
           size_t nx)
{
  SagVec total[ROW_N][ROW_NV];
  SagVecI acc[ROW_N][ROW_NV], pad = sag_splat_i ((int32_t) (job->pad * 0x01010101u));
  Place place = { .w = job->w, .scale = group_scale, .steps = job->taps * job->quads };

  SAG_UNROLL for (int j = 0; j < n; j++)
    SAG_UNROLL for (int i = 0; i < nv; i++)
      {
        total[j][i] = sag_splat (0.0f);
        acc[j][i] = sag_splat_i (0);
      }
  for (size_t t = 0; t < job->taps; t++)
    {
      ptrdiff_t first = (ptrdiff_t) (x * job->stride) + job->dx[t];

      if (stride <= 2 && first >= 0
          && first + nv * LANES * stride <= (ptrdiff_t) job->width)
        row_tap (total, acc, n, nv, stride, 1, job->rows[t], first, job, pad, &place);
      else
        row_tap (total, acc, n, nv, stride, 0, job->rows[t], first, job, pad, &place);
    }
  if (place.step % STEPS != 0)
    row_group (total, acc, n, nv, &place, job->nw);

  SAG_UNROLL for (int i = 0; i < nv; i++)
    {
      size_t at = (size_t) i * LANES, left = nx <= at ? 0 : nx - at;
      SagVec sum[ROW_N];

      if (left == 0)
        break;
      SAG_UNROLL for (int j = 0; j < n; j++)
        sum[j] = total[j][i];
      end_line (&job->end, n, x + at, left < LANES ? left : LANES, sum);
    }
}

typedef void (*BlockFn) (const SagConvRowU8Job *job, const float *scale, size_t x, size_t nx);

#define BLOCK(n, nv)                                                                     \
  static void                                                                            \
  block_##n##_##nv (const SagConvRowU8Job *job, const float *scale, size_t x, size_t nx) \
  {                                                                                      \
    row_block (n, nv, 1, job, scale, x, nx);                                             \
  }                                                                                      \
  static void                                                                            \
  block2_##n##_##nv (const SagConvRowU8Job *job, const float *scale, size_t x, size_t nx) \
  {                                                                                      \
    row_block (n, nv, 2, job, scale, x, nx);                                             \
  }                                                                                      \
  static void                                                                            \
  block3_##n##_##nv (const SagConvRowU8Job *job, const float *scale, size_t x, size_t nx) \
  {                                                                                      \
    row_block (n, nv, 3, job, scale, x, nx);                                             \
  }

#if LANES == 16
#define BLOCKS(n) BLOCK (n, 1) BLOCK (n, 2) BLOCK (n, 3)
#define ROW(n, s) { block##s##_##n##_1, block##s##_##n##_2, block##s##_##n##_3 }
#elif LANES == 8
#define BLOCKS(n) BLOCK (n, 1)
#define ROW(n, s) { block##s##_##n##_1 }
#else
#define BLOCKS(n) BLOCK (n, 1) BLOCK (n, 2)
#define ROW(n, s) { block##s##_##n##_1, block##s##_##n##_2 }
#endif

BLOCKS (1) BLOCKS (2) BLOCKS (3) BLOCKS (4)

#define ROWS(s) { ROW (1, s), ROW (2, s), ROW (3, s), ROW (4, s) }

static const BlockFn blocks[3][ROW_N][ROW_NV] = { ROWS (), ROWS (2), ROWS (3) };

static void
conv_row_u8s4 (const SagConvRowU8Job *job, const float *group_scale)
{
  size_t end = job->x0 + job->nx, nx;

  for (size_t x = job->x0; x < end; x += nx)
    {
      size_t nv = sag_share ((end - x + LANES - 1) / LANES, ROW_NV);

      nx = end - x < nv * LANES ? end - x : nv * LANES;
      blocks[(job->stride < 3 ? job->stride : 3) - 1][job->n - 1][nv - 1] (job, group_scale, x, nx);
    }
}

void
SAG_FN (int4_fill) (SagKernels *k)
{
  k->gemm_u8s4 = (SagGemmU8S4){ gemm_u8s4, GEMM_MR, GEMM_NV * LANES };
  k->conv_row_u8s4 = (SagConvRowU8S4){ conv_row_u8s4, ROW_N, ROW_NV * LANES };
}
