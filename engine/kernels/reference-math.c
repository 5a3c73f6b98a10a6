/* SPDX-License-Identifier: Apache-2.0
 *
 * reference-math.c: elementary functions and the pointwise kernels, defined.
 *
 * No function of libm stands here but fmaf, sqrtf, floorf, ceilf and rintf, which IEEE 754 defines
 * to the last bit. Whole numbers are taken from the bits of a sum (SAG_MAGIC), so that NaN and
 * infinity need no cast that C leaves undefined.
 */
#include "engine/kernels/reference.h"

#include "engine/kernels/math-constants.h"

#include <math.h>
#include <string.h>

static inline uint32_t
bits_of (float x)
{
  uint32_t u;

  memcpy (&u, &x, sizeof u);
  return u;
}

static inline float
float_of (uint32_t u)
{
  float x;

  memcpy (&x, &u, sizeof x);
  return x;
}

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

/* 2^n for -126 <= n <= 127; any other n gives some value, without a trap */
static inline float
power_of_two (int32_t n)
{
  return float_of ((uint32_t) (n + 127) << 23);
}

/* c[0] + c[1] x + …, by Horner */
static inline float
polynomial (const float *c, int n, float x)
{
  float y = c[n - 1];

  for (int i = n - 2; i >= 0; i--)
    y = fmaf (y, x, c[i]);
  return y;
}

#define POLYNOMIAL(c, x) polynomial ((c), sizeof (c) / sizeof (c)[0], (x))

/* x = n ln 2 + r, |r| <= ln 2 / 2; returns (exp (r) - 1 - r) / r^2 */
static inline float
exp_parts (float x, int32_t *n, float *r)
{
  static const float c[] = SAG_EXP_C;
  float t = fmaf (x, SAG_LOG2E, SAG_MAGIC);
  float whole = t - SAG_MAGIC;

  *n = (int32_t) (bits_of (t) - SAG_MAGIC_BITS);
  *r = fmaf (whole, -SAG_LN2_LO, fmaf (whole, -SAG_LN2_HI, x));
  return POLYNOMIAL (c, *r);
}

float
sag_ref_exp (float x)
{
  int32_t n;
  float r, q;

  q = exp_parts (max2 (SAG_EXP_LO, min2 (SAG_EXP_HI, x)), &n, &r);
  /* 2^n in two factors: it may itself be too large or too small for a float. */
  return fmaf (fmaf (q, r, 1.0f), r, 1.0f) * power_of_two (n >> 1) * power_of_two (n - (n >> 1));
}

/* exp (x) - 1 for x <= 0 */
static float
expm1_negative (float x)
{
  int32_t n;
  float r, q, scale;

  q = exp_parts (max2 (SAG_EXPM1_LO, min2 (0.0f, x)), &n, &r);
  scale = power_of_two (n);
  return fmaf (scale, fmaf (q * r, r, r), scale - 1.0f);
}

/* log (x) for normal x > 0 */
static float
log_normal (float x, float shift)
{
  static const float c[] = SAG_LOG_C;
  uint32_t u = bits_of (x);
  int32_t e = (int32_t) (u - SAG_SQRT_HALF_BITS) >> 23;
  float f = float_of (u - ((uint32_t) e << 23)) - 1.0f;
  float n = (float) e + shift;
  float s = f * f;
  float y = fmaf (POLYNOMIAL (c, f) * f, s, -0.5f * s);

  return fmaf (n, SAG_LN2_HI, f + fmaf (n, SAG_LN2_LO, y));
}

static float
log1 (float x)
{
  int small = x < 0x1p-126f;
  float y = log_normal (small ? x * 0x1p23f : x, small ? -23.0f : 0.0f);

  y = x == 0.0f ? -INFINITY : y;
  y = x == INFINITY ? INFINITY : y;
  return x >= 0.0f ? y : NAN;
}

static float
softplus (float x)
{
  float u = sag_ref_exp (-fabsf (x));
  float s = 1.0f + u;

  /* The second term is what the rounding of 1 + u lost. */
  return max2 (0.0f, x) + (log_normal (s, 0.0f) + (u - (s - 1.0f)) / s);
}

static float
tanh1 (float x)
{
  static const float c[] = SAG_TANH_C;
  float a = fabsf (x), s = x * x;
  float small = fmaf (POLYNOMIAL (c, s) * s, x, x);
  float large = copysignf (1.0f - 2.0f / (sag_ref_exp (a + a) + 1.0f), x);

  return a < SAG_TANH_SMALL ? small : large;
}

static float
erf1 (float x)
{
  static const float c[] = SAG_ERF_C, d[] = SAG_ERFC_C;
  float a = fabsf (x);
  float small = fmaf (POLYNOMIAL (c, x * x), x, x);
  float large = copysignf (1.0f - sag_ref_exp (-POLYNOMIAL (d, min2 (4.0f, a))), x);

  return a < 1.0f ? small : large;
}

/* 1 + erf is erfc (|x| / sqrt 2) where x is negative, and 2 less that where it is not. */
static float
gelu1 (float x)
{
  static const float c[] = SAG_GELU_C;
  float a = fabsf (x), r, q, e;
  int32_t n;

  q = exp_parts (max2 (SAG_EXPM1_LO, POLYNOMIAL (c, a) * a), &n, &r);
  e = fmaf (fmaf (q, r, 1.0f), r, 1.0f) * power_of_two (n);
  return 0.5f * x * (x < 0.0f ? e : 2.0f - e);
}

/* In double. */
static float
sine (float x, int quarter)
{
  double t = (double) x * 0.63661977236758134 + 6755399441055744.0;
  double n = t - 6755399441055744.0;
  double r = (double) x - n * 1.5707963267341256 - n * 6.0771005065061922e-11;
  double s = r * r, y;
  uint64_t u;

  memcpy (&u, &t, sizeof u);
  u += (uint64_t) quarter;
  if (u & 1)
    y = 1 + s * (-1.0 / 2 + s * (1.0 / 24 + s * (-1.0 / 720 + s * (1.0 / 40320
        + s * (-1.0 / 3628800 + s * (1.0 / 479001600))))));
  else
    y = r + r * s * (-1.0 / 6 + s * (1.0 / 120 + s * (-1.0 / 5040 + s * (1.0 / 362880
        + s * (-1.0 / 39916800 + s * (1.0 / 6227020800.0))))));
  return (float) (u & 2 ? -y : y);
}

/* a^b for finite a > 0 and finite b, in double: log by the series of atanh, exp by Taylor */
static float
power_positive (float a, float b)
{
  double x = a, s, z, y, n, r, e = 1;
  uint64_t u, exponent;
  int64_t k;

  memcpy (&u, &x, sizeof u); /* a denormal float is a normal double */
  k = (int64_t) (u - 0x3fe6a09e667f3bcd) >> 52;
  u -= (uint64_t) k << 52;
  memcpy (&x, &u, sizeof x);
  s = (x - 1) / (x + 1);
  z = s * s;
  y = 0;
  for (int i = 17; i >= 1; i -= 2)
    y = y * z + 2.0 / i;
  y = (double) b * (y * s * 1.4426950408889634 + (double) k); /* log2 of the result */
  y = y < -1000 ? -1000 : y > 1000 ? 1000 : y;

  n = (y + 6755399441055744.0) - 6755399441055744.0;
  r = (y - n) * 0.69314718055994531;
  for (int i = 12; i >= 1; i--)
    e = 1 + e * r / i;
  exponent = (uint64_t) ((int64_t) n + 1023) << 52;
  memcpy (&x, &exponent, sizeof x);
  return (float) (e * x);
}

static float
power (float a, float b)
{
  float magnitude = fabsf (a), y;
  int whole = fabsf (b) >= 0x1p24f || floorf (b) == b;
  int odd = fabsf (b) < 0x1p24f && whole && floorf (b * 0.5f) != b * 0.5f;

  if (b == 0.0f || a == 1.0f)
    return 1.0f;
  if (a != a || b != b)
    return NAN;
  if (b == 2.0f)
    return a * a;
  if (fabsf (b) == INFINITY)
    y = magnitude == 1.0f ? 1.0f : (magnitude > 1.0f) == (b > 0.0f) ? INFINITY : 0.0f;
  else if (magnitude == 0.0f || magnitude == INFINITY)
    y = (magnitude == 0.0f) == (b < 0.0f) ? INFINITY : 0.0f;
  else if (a < 0.0f && !whole)
    return NAN;
  else
    y = power_positive (magnitude, b);
  return odd && signbit (a) ? -y : y;
}

float
sag_ref_unary (SagUnary op, float x, float a, float b)
{
  switch (op)
    {
    case SAG_UNARY_AFFINE:
      return fmaf (x, a, b);
    case SAG_UNARY_CLIP:
      return max2 (a, min2 (b, x));
    case SAG_UNARY_LEAKY:
      return x < 0.0f ? a * x : x;
    case SAG_UNARY_ELU:
      return x < 0.0f ? a * expm1_negative (x) : x * b;
    case SAG_UNARY_HARD_SIGMOID:
      return max2 (0.0f, min2 (1.0f, fmaf (x, a, b)));
    case SAG_UNARY_HARD_SWISH:
      return x * max2 (0.0f, min2 (1.0f, fmaf (x, a, b)));
    case SAG_UNARY_SIGMOID:
      return 1.0f / (1.0f + sag_ref_exp (-x));
    case SAG_UNARY_TANH:
      return tanh1 (x);
    case SAG_UNARY_SILU:
      return x / (1.0f + sag_ref_exp (-(a * x)));
    case SAG_UNARY_GELU_ERF:
      return gelu1 (x);
    case SAG_UNARY_GELU_TANH: /* (1 + tanh (v)) / 2 = sigmoid (2 v) */
      return x / (1.0f + sag_ref_exp (-(fmaf (x * x, SAG_GELU_B, SAG_GELU_A) * x)));
    case SAG_UNARY_SOFTPLUS:
      return softplus (x);
    case SAG_UNARY_MISH:
      return x * tanh1 (softplus (x));
    case SAG_UNARY_EXP:
      return sag_ref_exp (x);
    case SAG_UNARY_LOG:
      return log1 (x);
    case SAG_UNARY_ERF:
      return erf1 (x);
    case SAG_UNARY_SQRT:
      return sqrtf (x);
    case SAG_UNARY_RECIPROCAL:
      return 1.0f / x;
    case SAG_UNARY_ABS:
      return fabsf (x);
    case SAG_UNARY_FLOOR:
      return floorf (x);
    case SAG_UNARY_CEIL:
      return ceilf (x);
    case SAG_UNARY_ROUND:
      return rintf (x);
    case SAG_UNARY_SIN:
      return sine (x, 0);
    case SAG_UNARY_COS:
      return sine (x, 1);
    default:
      return x;
    }
}

float
sag_ref_binary (SagBinary op, float a, float b)
{
  switch (op)
    {
    case SAG_BINARY_ADD:
      return a + b;
    case SAG_BINARY_SUB:
      return a - b;
    case SAG_BINARY_MUL:
      return a * b;
    case SAG_BINARY_DIV:
      return a / b;
    case SAG_BINARY_MIN:
      return min2 (a, b);
    case SAG_BINARY_MAX:
      return max2 (a, b);
    case SAG_BINARY_POW:
      return power (a, b);
    default:
      return a;
    }
}

/* One array function for each f. */
#define UNARY(op, name)                                                   \
  static void                                                             \
  name (size_t n, const float *x, float *y, float a, float b)             \
  {                                                                       \
    for (size_t i = 0; i < n; i++)                                        \
      y[i] = sag_ref_unary (op, x[i], a, b);                              \
  }

#define BINARY(op, name)                                                                        \
  static void                                                                                   \
  name (size_t n, const float *a, size_t sa, const float *b, size_t sb, float *y)               \
  {                                                                                             \
    for (size_t i = 0; i < n; i++)                                                              \
      y[i] = sag_ref_binary (op, a[i * sa], b[i * sb]);                                         \
  }

UNARY (SAG_UNARY_AFFINE, unary_affine)
UNARY (SAG_UNARY_CLIP, unary_clip)
UNARY (SAG_UNARY_LEAKY, unary_leaky)
UNARY (SAG_UNARY_ELU, unary_elu)
UNARY (SAG_UNARY_HARD_SIGMOID, unary_hard_sigmoid)
UNARY (SAG_UNARY_HARD_SWISH, unary_hard_swish)
UNARY (SAG_UNARY_SIGMOID, unary_sigmoid)
UNARY (SAG_UNARY_TANH, unary_tanh)
UNARY (SAG_UNARY_SILU, unary_silu)
UNARY (SAG_UNARY_GELU_ERF, unary_gelu_erf)
UNARY (SAG_UNARY_GELU_TANH, unary_gelu_tanh)
UNARY (SAG_UNARY_SOFTPLUS, unary_softplus)
UNARY (SAG_UNARY_MISH, unary_mish)
UNARY (SAG_UNARY_EXP, unary_exp)
UNARY (SAG_UNARY_LOG, unary_log)
UNARY (SAG_UNARY_ERF, unary_erf)
UNARY (SAG_UNARY_SQRT, unary_sqrt)
UNARY (SAG_UNARY_RECIPROCAL, unary_reciprocal)
UNARY (SAG_UNARY_ABS, unary_abs)
UNARY (SAG_UNARY_FLOOR, unary_floor)
UNARY (SAG_UNARY_CEIL, unary_ceil)
UNARY (SAG_UNARY_ROUND, unary_round)
UNARY (SAG_UNARY_SIN, unary_sin)
UNARY (SAG_UNARY_COS, unary_cos)
BINARY (SAG_BINARY_ADD, binary_add)
BINARY (SAG_BINARY_SUB, binary_sub)
BINARY (SAG_BINARY_MUL, binary_mul)
BINARY (SAG_BINARY_DIV, binary_div)
BINARY (SAG_BINARY_MIN, binary_min)
BINARY (SAG_BINARY_MAX, binary_max)
BINARY (SAG_BINARY_POW, binary_pow)

static void
add_clamp (size_t n, const float *a, const float *b, float *y, float lo, float hi)
{
  for (size_t i = 0; i < n; i++)
    y[i] = max2 (lo, min2 (hi, a[i] + b[i]));
}

static void
affine (size_t n, const float *x, const float *scale, const float *shift, float *y,
        float lo, float hi)
{
  for (size_t i = 0; i < n; i++)
    y[i] = max2 (lo, min2 (hi, fmaf (x[i], scale[i], shift[i])));
}

void
sag_ref_math_fill (SagKernels *k)
{
  static const SagUnaryFn unary[SAG_N_UNARY] = {
    [SAG_UNARY_AFFINE] = unary_affine,
    [SAG_UNARY_CLIP] = unary_clip,
    [SAG_UNARY_LEAKY] = unary_leaky,
    [SAG_UNARY_ELU] = unary_elu,
    [SAG_UNARY_HARD_SIGMOID] = unary_hard_sigmoid,
    [SAG_UNARY_HARD_SWISH] = unary_hard_swish,
    [SAG_UNARY_SIGMOID] = unary_sigmoid,
    [SAG_UNARY_TANH] = unary_tanh,
    [SAG_UNARY_SILU] = unary_silu,
    [SAG_UNARY_GELU_ERF] = unary_gelu_erf,
    [SAG_UNARY_GELU_TANH] = unary_gelu_tanh,
    [SAG_UNARY_SOFTPLUS] = unary_softplus,
    [SAG_UNARY_MISH] = unary_mish,
    [SAG_UNARY_EXP] = unary_exp,
    [SAG_UNARY_LOG] = unary_log,
    [SAG_UNARY_ERF] = unary_erf,
    [SAG_UNARY_SQRT] = unary_sqrt,
    [SAG_UNARY_RECIPROCAL] = unary_reciprocal,
    [SAG_UNARY_ABS] = unary_abs,
    [SAG_UNARY_FLOOR] = unary_floor,
    [SAG_UNARY_CEIL] = unary_ceil,
    [SAG_UNARY_ROUND] = unary_round,
    [SAG_UNARY_SIN] = unary_sin,
    [SAG_UNARY_COS] = unary_cos,
  };
  static const SagBinaryFn binary[SAG_N_BINARY] = {
    [SAG_BINARY_ADD] = binary_add,
    [SAG_BINARY_SUB] = binary_sub,
    [SAG_BINARY_MUL] = binary_mul,
    [SAG_BINARY_DIV] = binary_div,
    [SAG_BINARY_MIN] = binary_min,
    [SAG_BINARY_MAX] = binary_max,
    [SAG_BINARY_POW] = binary_pow,
  };

  memcpy (k->unary, unary, sizeof unary);
  memcpy (k->binary, binary, sizeof binary);
  k->add_clamp = add_clamp;
  k->affine = affine;
}
