/* SPDX-License-Identifier: Apache-2.0
 *
 * reduce-simd.c: sums and extremes over 16 virtual lanes, whatever the vectors are; softmax.
 */
#include "engine/kernels/math-simd.h"
#include "engine/kernels/texts.h"

enum { PARTS = 16 / LANES }; /* vectors that make the 16 lanes */

SAG_INLINE SagVec
combine_add (SagVec acc, SagVec v, SagVec aux)
{
  return acc + v;
}

SAG_INLINE SagVec
combine_squares (SagVec acc, SagVec v, SagVec shift)
{
  SagVec d = v - shift;

  return sag_fma (d, d, acc);
}

SAG_INLINE SagVec
combine_max (SagVec acc, SagVec v, SagVec aux)
{
  return sag_max (acc, v);
}

SAG_INLINE SagVec
combine_min (SagVec acc, SagVec v, SagVec aux)
{
  return sag_min (acc, v);
}

SAG_INLINE float
tree_add (float lane[16])
{
  for (int half = 8; half > 0; half /= 2)
    for (int l = 0; l < half; l++)
      lane[l] = lane[l] + lane[l + half];
  return lane[0];
}

SAG_INLINE float
tree_max (float lane[16])
{
  for (int half = 8; half > 0; half /= 2)
    for (int l = 0; l < half; l++)
      lane[l] = lane[l] > lane[l + half] ? lane[l] : lane[l + half];
  return lane[0];
}

SAG_INLINE float
tree_min (float lane[16])
{
  for (int half = 8; half > 0; half /= 2)
    for (int l = 0; l < half; l++)
      lane[l] = lane[l] < lane[l + half] ? lane[l] : lane[l + half];
  return lane[0];
}

/* Lanes beyond the end keep their value. */
#define REDUCE(name, combine, tree, start)                                                   \
  SAG_INLINE void                                                                            \
  name##_parts (size_t n, const float *x, SagVec aux, SagVec acc[PARTS])                     \
  {                                                                                          \
    size_t i = 0;                                                                            \
                                                                                             \
    SAG_UNROLL for (int p = 0; p < PARTS; p++)                                               \
      acc[p] = sag_splat (start);                                                            \
    for (; i + 16 <= n; i += 16)                                                             \
      SAG_UNROLL for (int p = 0; p < PARTS; p++)                                             \
        acc[p] = combine (acc[p], sag_load (x + i + p * LANES), aux);                        \
    if (i == n)                                                                              \
      return;                                                                                \
    SAG_UNROLL for (int p = 0; p < PARTS; p++)                                               \
      {                                                                                      \
        size_t first = i + (size_t) p * LANES;                                               \
        size_t left = first >= n ? 0 : n - first < LANES ? n - first : LANES;                \
        SagVec v = combine (acc[p], sag_load_n (x + first, left), aux);                      \
                                                                                             \
        acc[p] = sag_select (sag_iota () < sag_splat_i ((int32_t) left), v, acc[p]);         \
      }                                                                                      \
  }                                                                                          \
  SAG_INLINE float                                                                           \
  name##_lanes (size_t n, const float *x, SagVec aux)                                        \
  {                                                                                          \
    SagVec acc[PARTS];                                                                       \
    float lane[16];                                                                          \
                                                                                             \
    name##_parts (n, x, aux, acc);                                                           \
    SAG_UNROLL for (int p = 0; p < PARTS; p++)                                               \
      sag_store (lane + p * LANES, acc[p]);                                                  \
    return tree (lane);                                                                      \
  }

REDUCE (sum, combine_add, tree_add, 0.0f)
REDUCE (squares, combine_squares, tree_add, 0.0f)
REDUCE (max, combine_max, tree_max, -INFINITY)
REDUCE (min, combine_min, tree_min, INFINITY)

static float
reduce_sum (size_t n, const float *x)
{
  return sum_lanes (n, x, sag_splat (0.0f));
}

static float
reduce_sum_squares (size_t n, const float *x, float shift)
{
  return squares_lanes (n, x, sag_splat (shift));
}

static float
reduce_max (size_t n, const float *x)
{
  return max_lanes (n, x, sag_splat (0.0f));
}

static float
reduce_min (size_t n, const float *x)
{
  return min_lanes (n, x, sag_splat (0.0f));
}

SAG_INLINE void
dot_parts (size_t n, const float *x, const float *y, SagVec acc[PARTS])
{
  size_t i = 0;

  SAG_UNROLL for (int p = 0; p < PARTS; p++)
    acc[p] = sag_splat (0.0f);
  for (; i + 16 <= n; i += 16)
    SAG_UNROLL for (int p = 0; p < PARTS; p++)
      acc[p] = sag_fma (sag_load (x + i + p * LANES), sag_load (y + i + p * LANES), acc[p]);
  if (i == n)
    return;
  SAG_UNROLL for (int p = 0; p < PARTS; p++)
    {
      size_t first = i + (size_t) p * LANES;
      size_t left = first >= n ? 0 : n - first < LANES ? n - first : LANES;
      SagVec v = sag_fma (sag_load_n (x + first, left), sag_load_n (y + first, left), acc[p]);

      acc[p] = sag_select (sag_iota () < sag_splat_i ((int32_t) left), v, acc[p]);
    }
}

static float
reduce_dot (size_t n, const float *x, const float *y)
{
  SagVec acc[PARTS];
  float lane[16];

  dot_parts (n, x, y, acc);
  SAG_UNROLL for (int p = 0; p < PARTS; p++)
    sag_store (lane + p * LANES, acc[p]);
  return tree_add (lane);
}

/* --- by columns -------------------------------------------------------------------------- */

static void
add_rows (size_t n, size_t c, const float *x, ptrdiff_t ldx, float *acc)
{
  for (size_t j = 0; j < c; j += LANES)
    {
      size_t left = c - j < LANES ? c - j : LANES;
      const float *p = x + j;
      SagVec v = sag_load_n (acc + j, left);

      if (left == LANES)
        for (size_t i = 0; i < n; i++, p += ldx)
          v = v + sag_load (p);
      else
        for (size_t i = 0; i < n; i++, p += ldx)
          v = v + sag_load_n (p, left);
      sag_store_n (acc + j, v, left);
    }
}

static void
add_rows_squares (size_t n, size_t c, const float *x, ptrdiff_t ldx, const float *shift, float *acc)
{
  for (size_t j = 0; j < c; j += LANES)
    {
      size_t left = c - j < LANES ? c - j : LANES;
      const float *p = x + j;
      SagVec v = sag_load_n (acc + j, left), s = sag_load_n (shift + j, left);

      if (left == LANES)
        for (size_t i = 0; i < n; i++, p += ldx)
          v = combine_squares (v, sag_load (p), s);
      else
        for (size_t i = 0; i < n; i++, p += ldx)
          v = combine_squares (v, sag_load_n (p, left), s);
      sag_store_n (acc + j, v, left);
    }
}

static void
max_of_rows (size_t n, size_t c, const float *const *rows, float *y)
{
  size_t j = 0;

  for (; j + LANES <= c; j += LANES)
    {
      SagVec v = sag_load (rows[0] + j);

      for (size_t t = 1; t < n; t++)
        v = sag_max (v, sag_load (rows[t] + j));
      sag_store (y + j, v);
    }
  if (j < c)
    {
      SagVec v = sag_load_n (rows[0] + j, c - j);

      for (size_t t = 1; t < n; t++)
        v = sag_max (v, sag_load_n (rows[t] + j, c - j));
      sag_store_n (y + j, v, c - j);
    }
}

static void
sum_of_rows (size_t n, size_t c, const float *const *rows, float scale, float *y)
{
  SagVec s = sag_splat (scale);
  size_t j = 0;

  for (; j + LANES <= c; j += LANES)
    {
      SagVec v = sag_load (rows[0] + j);

      for (size_t t = 1; t < n; t++)
        v = v + sag_load (rows[t] + j);
      sag_store (y + j, v * s);
    }
  if (j < c)
    {
      SagVec v = sag_load_n (rows[0] + j, c - j);

      for (size_t t = 1; t < n; t++)
        v = v + sag_load_n (rows[t] + j, c - j);
      sag_store_n (y + j, v * s, c - j);
    }
}

SAG_INLINE void
mix_block (size_t n, size_t j, size_t left, const float *const *rows, const float *w, float *y)
{
  SagVec v = sag_load_n (rows[0] + j, left) * sag_splat (w[0]);

  for (size_t t = 1; t < n; t++)
    v = v + sag_load_n (rows[t] + j, left) * sag_splat (w[t]);
  sag_store_n (y + j, v, left);
}

static void
mix_rows (size_t n, size_t c, const float *const *rows, const float *w, float *y)
{
  size_t j = 0;

  if (n == 2)
    {
      const float *a = rows[0], *b = rows[1];
      SagVec wa = sag_splat (w[0]), wb = sag_splat (w[1]);

      for (; j + LANES <= c; j += LANES)
        sag_store (y + j, sag_load (a + j) * wa + sag_load (b + j) * wb);
    }
  for (; j + LANES <= c; j += LANES)
    {
      SagVec v = sag_load (rows[0] + j) * sag_splat (w[0]);

      for (size_t t = 1; t < n; t++)
        v = v + sag_load (rows[t] + j) * sag_splat (w[t]);
      sag_store (y + j, v);
    }
  if (j < c)
    mix_block (n, j, c - j, rows, w, y);
}

/* --- by pairs along x -------------------------------------------------------------------- */

/* The n pairs from x on; n <= LANES. */
SAG_INLINE void
load_pairs (const float *x, size_t n, SagVec *even, SagVec *odd)
{
  SagVec a = sag_load_part (x, 0, (ptrdiff_t) (2 * n));
  SagVec b = sag_load_part (x + LANES, 0, (ptrdiff_t) (2 * n) - LANES);

  *even = sag_even (a, b);
  *odd = sag_odd (a, b);
}

static void
max_pairs (size_t n, const float *x, float *y)
{
  for (size_t i = 0; i < n; i += LANES)
    {
      size_t left = n - i < LANES ? n - i : LANES;
      SagVec even, odd;

      load_pairs (x + 2 * i, left, &even, &odd);
      sag_store_n (y + i, sag_max (even, odd), left);
    }
}

static void
sum_pairs (size_t n, const float *x, float scale, float *y)
{
  for (size_t i = 0; i < n; i += LANES)
    {
      size_t left = n - i < LANES ? n - i : LANES;
      SagVec even, odd;

      load_pairs (x + 2 * i, left, &even, &odd);
      sag_store_n (y + i, (even + odd) * sag_splat (scale), left);
    }
}

/* --- rows: dots, softmax, layer norm ------------------------------------------------------------ */

/* LANES rows at once: t[p][r] is part p of the 16 lanes of row r; the trees of all of them. */
SAG_INLINE void
lanes_of_rows (SagVec t[16])
{
  SAG_UNROLL for (int p = 0; p < PARTS; p++)
    sag_transpose_square (t + p * LANES);
}

SAG_INLINE SagVec
tree_add_rows (SagVec t[16])
{
  lanes_of_rows (t);
  SAG_UNROLL for (int half = 8; half > 0; half /= 2)
    SAG_UNROLL for (int l = 0; l < half; l++)
      t[l] = t[l] + t[l + half];
  return t[0];
}

SAG_INLINE SagVec
tree_max_rows (SagVec t[16])
{
  lanes_of_rows (t);
  SAG_UNROLL for (int half = 8; half > 0; half /= 2)
    SAG_UNROLL for (int l = 0; l < half; l++)
      t[l] = sag_max (t[l], t[l + half]);
  return t[0];
}

SAG_INLINE SagVec
squares_of_rows (size_t n, const float *x, const float *mean)
{
  SagVec t[16];

  SAG_UNROLL for (int r = 0; r < LANES; r++)
    {
      SagVec acc[PARTS];

      squares_parts (n, x + (size_t) r * n, sag_splat (mean[r]), acc);
      SAG_UNROLL for (int p = 0; p < PARTS; p++)
        t[p * LANES + r] = acc[p];
    }
  return tree_add_rows (t);
}

SAG_INLINE SagVec
sum_of_row_blocks (size_t n, const float *x)
{
  SagVec t[16];

  SAG_UNROLL for (int r = 0; r < LANES; r++)
    {
      SagVec acc[PARTS];

      sum_parts (n, x + (size_t) r * n, sag_splat (0.0f), acc);
      SAG_UNROLL for (int p = 0; p < PARTS; p++)
        t[p * LANES + r] = acc[p];
    }
  return tree_add_rows (t);
}

SAG_INLINE SagVec
max_of_row_blocks (size_t n, const float *x)
{
  SagVec t[16];

  SAG_UNROLL for (int r = 0; r < LANES; r++)
    {
      SagVec acc[PARTS];

      max_parts (n, x + (size_t) r * n, sag_splat (0.0f), acc);
      SAG_UNROLL for (int p = 0; p < PARTS; p++)
        t[p * LANES + r] = acc[p];
    }
  return tree_max_rows (t);
}

static void
reduce_dots (size_t m, size_t n, const float *x, const float *y, float *out)
{
  for (; m >= LANES; m -= LANES, x += LANES * n, out += LANES)
    {
      SagVec t[16];

      SAG_UNROLL for (int r = 0; r < LANES; r++)
        {
          SagVec acc[PARTS];

          dot_parts (n, x + (size_t) r * n, y, acc);
          SAG_UNROLL for (int p = 0; p < PARTS; p++)
            t[p * LANES + r] = acc[p];
        }
      sag_store (out, tree_add_rows (t));
    }
  for (; m > 0; m--, x += n)
    *out++ = reduce_dot (n, x, y);
}

SAG_INLINE void
exp_row (size_t n, const float *x, float max, float *y)
{
  SagVec m = sag_splat (max);
  size_t i = 0;

  for (; i + SAG_SIDE * LANES <= n; i += SAG_SIDE * LANES)
    {
      SagVec v[SAG_SIDE];

      SAG_UNROLL for (int j = 0; j < SAG_SIDE; j++)
        v[j] = sag_load (x + i + j * LANES) - m;
      sag_exps (SAG_SIDE, v);
      SAG_UNROLL for (int j = 0; j < SAG_SIDE; j++)
        sag_store (y + i + j * LANES, v[j]);
    }
  for (; i + LANES <= n; i += LANES)
    sag_store (y + i, sag_exp (sag_load (x + i) - m));
  if (i < n)
    sag_store_n (y + i, sag_exp (sag_load_n (x + i, n - i) - m), n - i);
}

SAG_INLINE void
scale_row (size_t n, float scale, float *y)
{
  SagVec s = sag_splat (scale);
  size_t i = 0;

  for (; i + LANES <= n; i += LANES)
    sag_store (y + i, sag_load (y + i) * s);
  if (i < n)
    sag_store_n (y + i, sag_load_n (y + i, n - i) * s, n - i);
}

static void
softmax (size_t m, size_t n, const float *x, float *y)
{
  float each[LANES];

  for (; m >= LANES && n > 0; m -= LANES, x += LANES * n, y += LANES * n)
    {
      sag_store (each, max_of_row_blocks (n, x));
      for (size_t r = 0; r < LANES; r++)
        exp_row (n, x + r * n, each[r], y + r * n);
      sag_store (each, sag_splat (1.0f) / sum_of_row_blocks (n, y));
      for (size_t r = 0; r < LANES; r++)
        scale_row (n, each[r], y + r * n);
    }
  for (; m > 0; m--, x += n, y += n)
    {
      exp_row (n, x, reduce_max (n, x), y);
      scale_row (n, 1.0f / reduce_sum (n, y), y);
    }
}

SAG_INLINE void
normalize_row (size_t n, const float *x, float mean, float rstd, const float *scale, const float *shift,
               float *y)
{
  SagVec m = sag_splat (mean), s = sag_splat (rstd);
  size_t i = 0;

  for (; i + LANES <= n; i += LANES)
    {
      SagVec v = (sag_load (x + i) - m) * s;

      sag_store (y + i, scale != NULL ? sag_fma (v, sag_load (scale + i), sag_load (shift + i)) : v);
    }
  if (i < n)
    {
      SagVec v = (sag_load_n (x + i, n - i) - m) * s;

      if (scale != NULL)
        v = sag_fma (v, sag_load_n (scale + i, n - i), sag_load_n (shift + i, n - i));
      sag_store_n (y + i, v, n - i);
    }
}

static void
layer_norm (size_t m, size_t n, const float *x, float epsilon, int rms, const float *scale,
            const float *shift, float *y)
{
  SagVec one = sag_splat (1.0f), count = sag_splat ((float) n), e = sag_splat (epsilon);
  float mean[LANES] = { 0 }, rstd[LANES];

  for (; m >= LANES && n > 0; m -= LANES, x += LANES * n, y += LANES * n)
    {
      if (!rms)
        sag_store (mean, sum_of_row_blocks (n, x) / count);
      sag_store (rstd, one / sag_sqrt (squares_of_rows (n, x, mean) / count + e));
      for (size_t r = 0; r < LANES; r++)
        normalize_row (n, x + r * n, mean[r], rstd[r], scale, shift, y + r * n);
    }
  for (; m > 0; m--, x += n, y += n)
    {
      float centre = rms ? 0 : reduce_sum (n, x) / (float) n;
      SagVec v = sag_splat (reduce_sum_squares (n, x, centre) / (float) n + epsilon);

      sag_store (rstd, one / sag_sqrt (v));
      normalize_row (n, x, centre, rstd[0], scale, shift, y);
    }
}

static void
softmax_planes (size_t c, size_t n, const float *x, ptrdiff_t ldx, float *y, ptrdiff_t ldy)
{
  for (size_t i = 0; i < n; i += LANES)
    {
      size_t left = n - i < LANES ? n - i : LANES;
      SagVec max = sag_load_n (x + i, left), sum = sag_splat (0.0f), scale;

      for (size_t p = 1; p < c; p++)
        max = sag_max (max, sag_load_n (x + (ptrdiff_t) p * ldx + i, left));
      for (size_t p = 0; p < c; p++)
        {
          SagVec e = sag_exp (sag_load_n (x + (ptrdiff_t) p * ldx + i, left) - max);

          sag_store_n (y + (ptrdiff_t) p * ldy + i, e, left);
          sum = sum + e;
        }
      scale = sag_splat (1.0f) / sum;
      for (size_t p = 0; p < c; p++)
        sag_store_n (y + (ptrdiff_t) p * ldy + i,
                     sag_load_n (y + (ptrdiff_t) p * ldy + i, left) * scale, left);
    }
}

void
SAG_FN (reduce_fill) (SagKernels *k)
{
  k->reduce = (SagReduce){
    .sum = reduce_sum,
    .sum_squares = reduce_sum_squares,
    .max = reduce_max,
    .min = reduce_min,
    .dot = reduce_dot,
    .dots = reduce_dots,
    .add_rows = add_rows,
    .add_rows_squares = add_rows_squares,
    .max_of_rows = max_of_rows,
    .sum_of_rows = sum_of_rows,
    .mix_rows = mix_rows,
    .max_pairs = max_pairs,
    .sum_pairs = sum_pairs,
    .softmax = softmax,
    .layer_norm = layer_norm,
    .softmax_planes = softmax_planes,
  };
}
