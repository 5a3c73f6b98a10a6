/* SPDX-License-Identifier: Apache-2.0
 *
 * depthwise-simd.c: depthwise convolution. Channels last, vectors lie along the channels and a block
 * of pixels shares each load of the weights. Of lines of x, a few lines share each load of the input.
 */
#include "engine/kernels/line-simd.h"
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

/* --- lines of x -------------------------------------------------------------------------- */

/* A block is one stretch of x, all channels. The lines' sums fill half of the registers. */
#if LANES == 8
enum { LONG_NV = 2, SHORT_NV = 1 };
#else
enum { LONG_NV = 4, SHORT_NV = 2 };
#endif

enum { TAPS = SAG_DEPTHWISE_TAPS, LINES = SAG_DEPTHWISE_LINES, VECTORS = 2 * LONG_NV };

typedef SagDepthwiseRowF32Job Job;

SAG_INLINE void
line_start (int nv, const Job *job, size_t j, const float *out, size_t nx, SagVec acc[LONG_NV])
{
  SAG_UNROLL for (int i = 0; i < nv; i++)
    acc[i] = job->init != NULL ? sag_splat (job->init[j])
                               : sag_load_part (out + i * LANES, 0, (ptrdiff_t) nx - i * LANES);
}

SAG_INLINE void
line_end (int nv, int whole, SagVec lo, SagVec hi, float *out, size_t nx, const SagVec acc[LONG_NV])
{
  SAG_UNROLL for (int i = 0; i < nv; i++)
    {
      SagVec v = sag_clamp (acc[i], lo, hi);

      if (whole || nx >= (size_t) (i + 1) * LANES)
        sag_store (out + i * LANES, v);
      else if (nx > (size_t) i * LANES)
        sag_store_n (out + i * LANES, v, nx - (size_t) i * LANES);
    }
}

/* The lanes of b a place on, the last of a before them; the lanes of a a place back, the first of b behind them. */
SAG_INLINE SagVec
sag_behind (SagVec a, SagVec b)
{
#if LANES == 16
  return (SagVec) _mm512_alignr_epi32 ((__m512i) b, (__m512i) a, 15);
#else
  return a + b; /* unused */
#endif
}

SAG_INLINE SagVec
sag_ahead (SagVec a, SagVec b)
{
#if LANES == 16
  return (SagVec) _mm512_alignr_epi32 ((__m512i) b, (__m512i) a, 1);
#else
  return a + b; /* unused */
#endif
}

/* Vector i of what a tap sees. Of the vectors that it reads, those from `from` to `to` - 1 are whole. */
SAG_INLINE SagVec
line_load (int stride, int from, int to, const float *p, int i, const SagMask *mask)
{
  int k = i * stride;
  SagVec a = k >= from && k < to ? sag_load (p + k * LANES) : sag_load_mask (p + k * LANES, mask[k]), b;

  if (stride == 1)
    return sag_keep (a);
  k++;
  b = k >= from && k < to ? sag_load (p + k * LANES) : sag_load_mask (p + k * LANES, mask[k]);
  return sag_keep (sag_even (a, b));
}

/* What the three columns of taps see of a row: vectors of its even and odd places, or of all, and what lies before the
 * first and behind the last. Where vectors are as long as a line of the cache, those a place aside are made of these. */
typedef struct
{
  SagVec v[LONG_NV], odd[LONG_NV];
  SagVec before, behind;
} Row;

SAG_INLINE Row
row_load (int nv, int stride, const float *row, const SagMask (*mask)[VECTORS])
{
  Row r;

  r.before = r.behind = sag_load_mask (row, mask[0][0]);
  SAG_UNROLL for (int i = 0; i < nv; i++)
    {
      SagVec a = sag_keep (sag_load (row + 1 + i * stride * LANES)), b;

      r.v[i] = a;
      if (stride == 1)
        continue;
      b = sag_load (row + 1 + (2 * i + 1) * LANES);
      r.v[i] = sag_even (a, b);
      r.odd[i] = sag_odd (a, b);
    }
  if (stride == 1)
    r.behind = sag_load_mask (row + 2 + (nv - 1) * LANES, mask[2][nv - 1]);
  else
    r.before = sag_splat (r.before[0]);
  return r;
}

SAG_INLINE SagVec
row_column (int nv, int stride, const Row *r, int u, int i)
{
  if (u == 1)
    return r->v[i];
  if (stride == 2)
    return u == 2 ? r->odd[i] : sag_behind (i == 0 ? r->before : r->odd[i - 1], r->odd[i]);
  if (u == 0)
    return i == 0 ? r->before : sag_behind (r->v[i - 1], r->v[i]);
  return i == nv - 1 ? r->behind : sag_ahead (r->v[i], r->v[i + 1]);
}

/* Squares of 3 x 3 taps, one a plane: each vector of the input serves all the lines that see it. Rows are
 * [planes][(lines - 1) * stride + 3], at the block's first tap, or NULL. `inner`: but for the first vector of the first
 * column and the last of the last, all is inside. */
SAG_INLINE void
square_block (int lines, int nv, int stride, int inner, const Job *job, const float *const *rows,
              const SagMask (*mask)[VECTORS], size_t x, size_t nx)
{
  enum { SIDE = 3 };
  int n_rows = (lines - 1) * stride + SIDE;
  SagVec lo = sag_splat (job->lo), hi = sag_splat (job->hi);

  for (size_t j = 0; j < job->n; j++)
    {
      SagVec acc[LINES][LONG_NV];
      float *out = job->out + (ptrdiff_t) j * job->ld_out + x;
      const float *w = job->w + j;

      SAG_UNROLL for (int l = 0; l < lines; l++)
        line_start (nv, job, j, out + l * job->ld_line, nx, acc[l]);
      for (size_t t = 0; t < job->taps; t += SIDE * SIDE, rows += n_rows)
        {
          SagVec s[SIDE * SIDE];

          SAG_UNROLL for (int i = 0; i < SIDE * SIDE; i++, w += job->nw)
            s[i] = sag_splat (*w);
          SAG_UNROLL for (int r = 0; r < n_rows; r++)
            {
              const float *row = rows[r];
              Row columns;

              if (row == NULL)
                continue;
              row += (ptrdiff_t) j * job->pitch;
              if (inner && LANES == 16)
                columns = row_load (nv, stride, row, mask);
              SAG_UNROLL for (int u = 0; u < SIDE; u++)
                SAG_UNROLL for (int i = 0; i < nv; i++)
                  {
                    SagVec v = inner && LANES == 16
                                   ? row_column (nv, stride, &columns, u, i)
                                   : line_load (stride, u == 0, !inner ? 0 : u < SIDE - 1 ? VECTORS : nv * stride - 1,
                                                row + u, i, mask[u]);

                    SAG_UNROLL for (int l = 0; l < lines; l++)
                      {
                        int y = r - l * stride;

                        if (y >= 0 && y < SIDE)
                          acc[l][i] = sag_fma (v, s[y * SIDE + u], acc[l][i]);
                      }
                  }
            }
        }
      rows -= job->taps / (SIDE * SIDE) * (size_t) n_rows;
      SAG_UNROLL for (int l = 0; l < lines; l++)
        line_end (nv, inner, lo, hi, out + l * job->ld_line, nx, acc[l]);
    }
}

/* Any taps, one line: what depends on the tap alone is found once for all channels. */
SAG_INLINE void
list_block (int nv, int stride, const Job *job, size_t l, size_t x, size_t nx)
{
  const float *row[TAPS], *weight[TAPS];
  SagMask mask[TAPS][VECTORS];
  size_t taps = 0;

  for (size_t t = 0; t < job->taps; t++)
    {
      ptrdiff_t first = (ptrdiff_t) (x * job->stride) + job->dx[t];

      if (job->rows[l * job->taps + t] == NULL)
        continue;
      row[taps] = job->rows[l * job->taps + t] + first;
      weight[taps] = job->w + t * job->nw;
      SAG_UNROLL for (int i = 0; i < nv * stride; i++)
        mask[taps][i] = sag_mask (-first - i * LANES, (ptrdiff_t) job->width - first - i * LANES);
      taps++;
    }
  for (size_t j = 0; j < job->n; j++)
    {
      float *out = job->out + (ptrdiff_t) l * job->ld_line + (ptrdiff_t) j * job->ld_out + x;
      SagVec acc[LONG_NV];

      line_start (nv, job, j, out, nx, acc);
      for (size_t t = 0; t < taps; t++)
        {
          SagVec s = sag_splat (weight[t][j]);

          SAG_UNROLL for (int i = 0; i < nv; i++)
            acc[i] = sag_fma (line_load (stride, 0, 0, row[t] + (ptrdiff_t) j * job->pitch, i, mask[t]), s, acc[i]);
        }
      line_end (nv, 0, sag_splat (job->lo), sag_splat (job->hi), out, nx, acc);
    }
}

/* Strides above two: gathered, at most LANES at a time. */
static void
gather_block (const Job *job, size_t l, size_t x, size_t nx)
{
  for (size_t j = 0; j < job->n; j++)
    {
      float *out = job->out + (ptrdiff_t) l * job->ld_line + (ptrdiff_t) j * job->ld_out + x;
      SagVec acc[LONG_NV];

      line_start (1, job, j, out, nx, acc);
      for (size_t t = 0; t < job->taps; t++)
        {
          const float *row = job->rows[l * job->taps + t];
          float v[LANES] = { 0 };

          for (size_t i = 0; i < nx && row != NULL; i++)
            {
              ptrdiff_t u = (ptrdiff_t) ((x + i) * job->stride) + job->dx[t];

              if (u >= 0 && u < (ptrdiff_t) job->width)
                v[i] = row[(ptrdiff_t) j * job->pitch + u];
            }
          if (row != NULL)
            acc[0] = sag_fma (sag_load (v), sag_splat (job->w[t * job->nw + j]), acc[0]);
        }
      line_end (1, 0, sag_splat (job->lo), sag_splat (job->hi), out, nx, acc);
    }
}

typedef void (*SquareFn) (const Job *job, const float *const *rows, const SagMask (*mask)[VECTORS], size_t x,
                          size_t nx);

#define SQUARE(lines, name, nv, stride, inner)                                                             \
  static void                                                                                              \
  square_##lines##_##name##_##stride (const Job *job, const float *const *rows,                            \
                                      const SagMask (*mask)[VECTORS], size_t x, size_t nx)                 \
  {                                                                                                        \
    square_block (lines, nv, stride, inner, job, rows, mask, x, nx);                                       \
  }
#define SQUARES(lines, stride)                  \
  SQUARE (lines, inner, LONG_NV, stride, 1)     \
  SQUARE (lines, outer, LONG_NV, stride, 0)     \
  SQUARE (lines, inner_short, SHORT_NV, stride, 1) \
  SQUARE (lines, short, SHORT_NV, stride, 0)
#define SQUARES_ROW(lines, stride)                                           \
  { square_##lines##_inner_##stride, square_##lines##_outer_##stride,        \
    square_##lines##_inner_short_##stride, square_##lines##_short_##stride }

SQUARES (1, 1) SQUARES (2, 1) SQUARES (4, 1) SQUARES (1, 2) SQUARES (2, 2) SQUARES (4, 2)

static const SquareFn squares[2][3][4] = {
  { SQUARES_ROW (1, 1), SQUARES_ROW (2, 1), SQUARES_ROW (4, 1) },
  { SQUARES_ROW (1, 2), SQUARES_ROW (2, 2), SQUARES_ROW (4, 2) },
};

/* Whether the taps are squares of 3 x 3 and the lines share rows as square_block() has it. */
static int
is_square (const Job *job)
{
  size_t shared = 9 - 3 * job->stride; /* taps of a plane whose rows the next line has too */

  if (job->stride > 2 || job->taps == 0 || job->taps % 9 != 0)
    return 0;
  for (size_t t = 0; t < job->taps; t++)
    if (job->dx[t] != job->dx[0] + (ptrdiff_t) (t % 3))
      return 0;
  for (size_t l = 0; l < job->lines; l++)
    for (size_t t = 0; t < job->taps; t++)
      {
        const float *const *row = job->rows + l * job->taps + t;

        if (row[0] != row[-(ptrdiff_t) (t % 3)]
            || (l + 1 < job->lines && t % 9 < shared && row[job->taps] != row[3 * job->stride]))
          return 0;
      }
  return 1;
}

/* `lines` lines (1, 2 or 4) from line l on. */
static void
square_lines (const Job *job, size_t l, size_t lines)
{
  const float *rows[TAPS / 9 * (2 * LINES + 1)];
  size_t s = job->stride, n_rows = (lines - 1) * s + 3, nx;
  Job part = *job;

  part.out += (ptrdiff_t) l * job->ld_line;
  for (size_t x = 0; x < job->nx; x += nx)
    {
      size_t left = job->nx - x;
      size_t most = (left > SHORT_NV * LANES ? LONG_NV : SHORT_NV) * LANES;
      ptrdiff_t first = (ptrdiff_t) (x * s) + job->dx[0];
      SagMask mask[3][VECTORS];
      int name = left > SHORT_NV * LANES ? 0 : 2;

      nx = left < most ? left : most;
      if (nx < most || first < -1 || first + (ptrdiff_t) (most * s + 1) > (ptrdiff_t) job->width)
        name++;
      for (size_t i = 0; i < 3 * VECTORS; i++)
        {
          ptrdiff_t at = first + (ptrdiff_t) (i / VECTORS + i % VECTORS * LANES);

          mask[i / VECTORS][i % VECTORS] = sag_mask (-at, (ptrdiff_t) job->width - at);
        }
      for (size_t i = 0; i < job->taps / 9 * n_rows; i++)
        {
          size_t r = i % n_rows, line = r / s < lines ? r / s : lines - 1;
          const float *row = job->rows[(l + line) * job->taps + i / n_rows * 9 + 3 * (r - line * s)];

          rows[i] = row != NULL ? row + first : NULL;
        }
      squares[s - 1][lines / 2][name] (&part, rows, mask, x, nx);
    }
}

static void
list_line (const Job *job, size_t l)
{
  size_t most = job->stride > 2 ? LANES : LONG_NV * LANES, nx;

  for (size_t x = 0; x < job->nx; x += nx)
    {
      nx = job->nx - x < most ? job->nx - x : most;
      if (job->stride > 2)
        gather_block (job, l, x, nx);
      else if (nx > SHORT_NV * LANES && job->stride == 1)
        list_block (LONG_NV, 1, job, l, x, nx);
      else if (nx > SHORT_NV * LANES)
        list_block (LONG_NV, 2, job, l, x, nx);
      else if (job->stride == 1)
        list_block (SHORT_NV, 1, job, l, x, nx);
      else
        list_block (SHORT_NV, 2, job, l, x, nx);
    }
}

static void
depthwise_row_f32 (const SagDepthwiseRowF32Job *job)
{
  int    square = is_square (job);
  size_t lines;

  for (size_t l = 0; l < job->lines; l += lines)
    {
      size_t left = job->lines - l;

      lines = !square ? 1 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
      if (square)
        square_lines (job, l, lines);
      else
        list_line (job, l);
    }
}

void
SAG_FN (depthwise_fill) (SagKernels *k)
{
  k->depthwise_f32 = depthwise_f32;
  k->depthwise_row_f32 = depthwise_row_f32;
}
