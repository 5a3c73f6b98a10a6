/* SPDX-License-Identifier: Apache-2.0
 *
 * pointwise-simd.c: one value in, one value out.
 */
#include "engine/kernels/math-simd.h"
#include "engine/kernels/texts.h"

/* y = f (x) over n values; `v` is a vector of x, `a` and `b` the parameters. */
#define UNARY(name, expression)                                                    \
  SAG_INLINE SagVec                                                                \
  name##_vec (SagVec v, SagVec a, SagVec b)                                        \
  {                                                                                \
    return (expression);                                                           \
  }                                                                                \
  static void                                                                      \
  name (size_t n, const float *x, float *y, float a, float b)                      \
  {                                                                                \
    SagVec va = sag_splat (a), vb = sag_splat (b);                                 \
    size_t i = 0;                                                                  \
                                                                                   \
    for (; i + LANES <= n; i += LANES)                                             \
      sag_store (y + i, name##_vec (sag_load (x + i), va, vb));                    \
    if (i < n)                                                                     \
      sag_store_n (y + i, name##_vec (sag_load_n (x + i, n - i), va, vb), n - i);  \
  }

#define ZERO sag_splat (0.0f)
#define ONE sag_splat (1.0f)

UNARY (unary_affine, sag_fma (v, a, b))
UNARY (unary_clip, sag_clamp (v, a, b))
UNARY (unary_leaky, sag_select (v < ZERO, a * v, v))
UNARY (unary_hard_sigmoid, sag_clamp (sag_fma (v, a, b), ZERO, ONE))
UNARY (unary_hard_swish, v * sag_clamp (sag_fma (v, a, b), ZERO, ONE))
UNARY (unary_tanh, sag_tanh (v))
UNARY (unary_gelu_tanh,
       v / (ONE + sag_exp (sag_neg (sag_fma (v * v, sag_splat (SAG_GELU_B),
                                             sag_splat (SAG_GELU_A)) * v))))
UNARY (unary_mish, v * sag_tanh (sag_softplus (v)))
UNARY (unary_log, sag_log (v))
UNARY (unary_erf, sag_erf (v))
UNARY (unary_sqrt, sag_sqrt (v))
UNARY (unary_reciprocal, ONE / v)
UNARY (unary_abs, sag_abs (v))
UNARY (unary_floor, sag_floor (v))
UNARY (unary_ceil, sag_ceil (v))
UNARY (unary_round, sag_round (v))
UNARY (unary_sin, sag_sine (v, 0))
UNARY (unary_cos, sag_sine (v, 1))

/* y = f (x) several vectors at a time. */
#define UNARY_MANY(name, function)                                   \
  static void                                                        \
  name (size_t n, const float *x, float *y, float a, float b)        \
  {                                                                  \
    SagVec v[SAG_SIDE], va = sag_splat (a), vb = sag_splat (b);      \
    size_t i = 0;                                                    \
                                                                     \
    for (; i + SAG_SIDE * LANES <= n; i += SAG_SIDE * LANES)         \
      {                                                              \
        SAG_UNROLL for (int j = 0; j < SAG_SIDE; j++)                \
          v[j] = sag_load (x + i + j * LANES);                       \
        function (SAG_SIDE, v, va, vb);                              \
        SAG_UNROLL for (int j = 0; j < SAG_SIDE; j++)                \
          sag_store (y + i + j * LANES, v[j]);                       \
      }                                                              \
    for (; i < n; i += LANES)                                        \
      {                                                              \
        size_t some = n - i < LANES ? n - i : LANES;                 \
                                                                     \
        v[0] = sag_load_n (x + i, some);                             \
        function (1, v, va, vb);                                     \
        sag_store_n (y + i, v[0], some);                             \
      }                                                              \
  }

SAG_INLINE void
gelus (int m, SagVec *x, SagVec a, SagVec b)
{
  sag_gelus (m, x);
}

SAG_INLINE void
exps (int m, SagVec *x, SagVec a, SagVec b)
{
  sag_exps (m, x);
}

SAG_INLINE void
softpluses (int m, SagVec *x, SagVec a, SagVec b)
{
  sag_softpluses (m, x);
}

SAG_INLINE void
elus (int m, SagVec *x, SagVec a, SagVec b)
{
  SagVec e[SAG_SIDE];

  SAG_UNROLL for (int j = 0; j < m; j++)
    e[j] = x[j];
  sag_expm1s_negative (m, e);
  SAG_UNROLL for (int j = 0; j < m; j++)
    x[j] = sag_select (x[j] < ZERO, a * e[j], x[j] * b);
}

SAG_INLINE void
sigmoids (int m, SagVec *x, SagVec a, SagVec b)
{
  SAG_UNROLL for (int j = 0; j < m; j++)
    x[j] = sag_neg (x[j]);
  sag_exps (m, x);
  SAG_UNROLL for (int j = 0; j < m; j++)
    x[j] = ONE / (ONE + x[j]);
}

SAG_INLINE void
silus (int m, SagVec *x, SagVec a, SagVec b)
{
  SagVec e[SAG_SIDE];

  SAG_UNROLL for (int j = 0; j < m; j++)
    e[j] = sag_neg (a * x[j]);
  sag_exps (m, e);
  SAG_UNROLL for (int j = 0; j < m; j++)
    x[j] = x[j] / (ONE + e[j]);
}

UNARY_MANY (unary_gelu_erf, gelus)
UNARY_MANY (unary_exp, exps)
UNARY_MANY (unary_softplus, softpluses)
UNARY_MANY (unary_elu, elus)
UNARY_MANY (unary_sigmoid, sigmoids)
UNARY_MANY (unary_silu, silus)

/* y = f (a, b), either of them a scalar where its step is 0. */
#define BINARY(name, expression)                                                              \
  SAG_INLINE SagVec                                                                           \
  name##_vec (SagVec u, SagVec v)                                                             \
  {                                                                                           \
    return (expression);                                                                      \
  }                                                                                           \
  static void                                                                                 \
  name (size_t n, const float *a, size_t sa, const float *b, size_t sb, float *y)             \
  {                                                                                           \
    SagVec va = n > 0 ? sag_splat (a[0]) : ZERO, vb = n > 0 ? sag_splat (b[0]) : ZERO;        \
    size_t i = 0;                                                                             \
                                                                                              \
    if (sa == 1 && sb == 1)                                                                   \
      for (; i + LANES <= n; i += LANES)                                                      \
        sag_store (y + i, name##_vec (sag_load (a + i), sag_load (b + i)));                   \
    else if (sa == 1)                                                                         \
      for (; i + LANES <= n; i += LANES)                                                      \
        sag_store (y + i, name##_vec (sag_load (a + i), vb));                                 \
    else if (sb == 1)                                                                         \
      for (; i + LANES <= n; i += LANES)                                                      \
        sag_store (y + i, name##_vec (va, sag_load (b + i)));                                 \
    else                                                                                      \
      for (; i + LANES <= n; i += LANES)                                                      \
        sag_store (y + i, name##_vec (va, vb));                                               \
    if (i < n)                                                                                \
      sag_store_n (y + i,                                                                     \
                   name##_vec (sa == 1 ? sag_load_n (a + i, n - i) : va,                      \
                               sb == 1 ? sag_load_n (b + i, n - i) : vb),                     \
                   n - i);                                                                    \
  }

BINARY (binary_add, u + v)
BINARY (binary_sub, u - v)
BINARY (binary_mul, u *v)
BINARY (binary_div, u / v)
BINARY (binary_min, sag_min (u, v))
BINARY (binary_max, sag_max (u, v))
BINARY (binary_pow, sag_power (u, v))

static void
add_clamp (size_t n, const float *a, const float *b, float *y, float lo, float hi)
{
  SagVec vlo = sag_splat (lo), vhi = sag_splat (hi);
  size_t i = 0;

  for (; i + LANES <= n; i += LANES)
    sag_store (y + i, sag_clamp (sag_load (a + i) + sag_load (b + i), vlo, vhi));
  if (i < n)
    sag_store_n (y + i,
                 sag_clamp (sag_load_n (a + i, n - i) + sag_load_n (b + i, n - i), vlo, vhi),
                 n - i);
}

static void
affine (size_t n, const float *x, const float *scale, const float *shift, float *y,
        float lo, float hi)
{
  SagVec vlo = sag_splat (lo), vhi = sag_splat (hi);
  size_t i = 0;

  for (; i + LANES <= n; i += LANES)
    sag_store (y + i, sag_clamp (sag_fma (sag_load (x + i), sag_load (scale + i),
                                          sag_load (shift + i)), vlo, vhi));
  if (i < n)
    {
      SagVec v = sag_fma (sag_load_n (x + i, n - i), sag_load_n (scale + i, n - i),
                          sag_load_n (shift + i, n - i));

      sag_store_n (y + i, sag_clamp (v, vlo, vhi), n - i);
    }
}

void
SAG_FN (pointwise_fill) (SagKernels *k)
{
  k->unary[SAG_UNARY_AFFINE] = unary_affine;
  k->unary[SAG_UNARY_CLIP] = unary_clip;
  k->unary[SAG_UNARY_LEAKY] = unary_leaky;
  k->unary[SAG_UNARY_ELU] = unary_elu;
  k->unary[SAG_UNARY_HARD_SIGMOID] = unary_hard_sigmoid;
  k->unary[SAG_UNARY_HARD_SWISH] = unary_hard_swish;
  k->unary[SAG_UNARY_SIGMOID] = unary_sigmoid;
  k->unary[SAG_UNARY_TANH] = unary_tanh;
  k->unary[SAG_UNARY_SILU] = unary_silu;
  k->unary[SAG_UNARY_GELU_ERF] = unary_gelu_erf;
  k->unary[SAG_UNARY_GELU_TANH] = unary_gelu_tanh;
  k->unary[SAG_UNARY_SOFTPLUS] = unary_softplus;
  k->unary[SAG_UNARY_MISH] = unary_mish;
  k->unary[SAG_UNARY_EXP] = unary_exp;
  k->unary[SAG_UNARY_LOG] = unary_log;
  k->unary[SAG_UNARY_ERF] = unary_erf;
  k->unary[SAG_UNARY_SQRT] = unary_sqrt;
  k->unary[SAG_UNARY_RECIPROCAL] = unary_reciprocal;
  k->unary[SAG_UNARY_ABS] = unary_abs;
  k->unary[SAG_UNARY_FLOOR] = unary_floor;
  k->unary[SAG_UNARY_CEIL] = unary_ceil;
  k->unary[SAG_UNARY_ROUND] = unary_round;
  k->unary[SAG_UNARY_SIN] = unary_sin;
  k->unary[SAG_UNARY_COS] = unary_cos;
  k->binary[SAG_BINARY_ADD] = binary_add;
  k->binary[SAG_BINARY_SUB] = binary_sub;
  k->binary[SAG_BINARY_MUL] = binary_mul;
  k->binary[SAG_BINARY_DIV] = binary_div;
  k->binary[SAG_BINARY_MIN] = binary_min;
  k->binary[SAG_BINARY_MAX] = binary_max;
  k->binary[SAG_BINARY_POW] = binary_pow;
  k->add_clamp = add_clamp;
  k->affine = affine;
}
