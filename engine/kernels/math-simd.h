/* SPDX-License-Identifier: Apache-2.0
 *
 * math-simd.h: elementary functions on vectors; each repeats reference-math.c step by step.
 */
#pragma once

#include "engine/kernels/math-constants.h"
#include "engine/kernels/simd.h"

#include <math.h>

/* 2^n; n outside -126 … 127 gives some value */
SAG_INLINE SagVec
sag_power_of_two (SagVecI n)
{
  return sag_from_bits ((SagVecI) ((SagVecU) (n + sag_splat_i (127)) << 23));
}

/* c[0] + c[1] x + …, by Horner; n is a constant */
SAG_INLINE SagVec
sag_polynomial (const float *c, int n, SagVec x)
{
  SagVec y = sag_splat (c[n - 1]);

  SAG_UNROLL for (int i = n - 2; i >= 0; i--)
    y = sag_fma (y, x, sag_splat (c[i]));
  return y;
}

#define SAG_POLYNOMIAL(c, x) sag_polynomial ((c), sizeof (c) / sizeof (c)[0], (x))

SAG_INLINE SagVec
sag_copysign (SagVec magnitude, SagVec sign)
{
  SagVecI mask = sag_splat_i (INT32_MIN);

  return sag_from_bits ((sag_bits (magnitude) & ~mask) | (sag_bits (sign) & mask));
}

SAG_INLINE SagVec
sag_neg (SagVec x)
{
  return sag_from_bits (sag_bits (x) ^ sag_splat_i (INT32_MIN));
}

/* A function is one long chain, each link four cycles behind the last, and a processor looks only some forty
 * instructions ahead: so the costly ones take several vectors at a time, step by step. */
#if LANES == 8
enum { SAG_SIDE = 2 }; /* 16 registers */
#else
enum { SAG_SIDE = 4 };
#endif

/* y = c[0] + c[1] x + …, by Horner, of m vectors */
SAG_INLINE void
sag_polynomials (const float *c, int n, int m, const SagVec *x, SagVec *y)
{
  SAG_UNROLL for (int j = 0; j < m; j++)
    y[j] = sag_splat (c[n - 1]);
  SAG_UNROLL for (int i = n - 2; i >= 0; i--)
    SAG_UNROLL for (int j = 0; j < m; j++)
      y[j] = sag_fma (y[j], x[j], sag_splat (c[i]));
}

#define SAG_POLYNOMIALS(c, m, x, y) sag_polynomials ((c), sizeof (c) / sizeof (c)[0], (m), (x), (y))

/* exp (x) = (1 + r + q r^2) 2^n */
SAG_INLINE void
sag_exps_parts (int m, const SagVec *x, SagVecI *n, SagVec *r, SagVec *q)
{
  static const float c[] = SAG_EXP_C;
  SagVec t[SAG_SIDE];

  SAG_UNROLL for (int j = 0; j < m; j++)
    t[j] = sag_fma (x[j], sag_splat (SAG_LOG2E), sag_splat (SAG_MAGIC));
  SAG_UNROLL for (int j = 0; j < m; j++)
    n[j] = sag_bits (t[j]) - sag_splat_i (SAG_MAGIC_BITS);
  SAG_UNROLL for (int j = 0; j < m; j++)
    t[j] = t[j] - sag_splat (SAG_MAGIC);
  SAG_UNROLL for (int j = 0; j < m; j++)
    r[j] = sag_fma (t[j], sag_splat (-SAG_LN2_HI), x[j]);
  SAG_UNROLL for (int j = 0; j < m; j++)
    r[j] = sag_fma (t[j], sag_splat (-SAG_LN2_LO), r[j]);
  SAG_POLYNOMIALS (c, m, r, q);
}

/* Of m vectors, in place. */
SAG_INLINE void
sag_exps (int m, SagVec *x)
{
  SagVec one = sag_splat (1.0f), r[SAG_SIDE], q[SAG_SIDE];
  SagVecI n[SAG_SIDE], half[SAG_SIDE];

  SAG_UNROLL for (int j = 0; j < m; j++)
    x[j] = sag_clamp (x[j], sag_splat (SAG_EXP_LO), sag_splat (SAG_EXP_HI));
  sag_exps_parts (m, x, n, r, q);
  SAG_UNROLL for (int j = 0; j < m; j++)
    q[j] = sag_fma (q[j], r[j], one);
  SAG_UNROLL for (int j = 0; j < m; j++)
    half[j] = n[j] >> 1;
  SAG_UNROLL for (int j = 0; j < m; j++)
    q[j] = sag_fma (q[j], r[j], one);
  SAG_UNROLL for (int j = 0; j < m; j++)
    q[j] = q[j] * sag_power_of_two (half[j]);
  SAG_UNROLL for (int j = 0; j < m; j++)
    x[j] = q[j] * sag_power_of_two (n[j] - half[j]);
}

SAG_INLINE SagVec
sag_exp (SagVec x)
{
  sag_exps (1, &x);
  return x;
}

/* exp (x) - 1 of m vectors, in place; x above 0 is 0 */
SAG_INLINE void
sag_expm1s_negative (int m, SagVec *x)
{
  SagVec r[SAG_SIDE], q[SAG_SIDE];
  SagVecI n[SAG_SIDE];

  SAG_UNROLL for (int j = 0; j < m; j++)
    x[j] = sag_clamp (x[j], sag_splat (SAG_EXPM1_LO), sag_splat (0.0f));
  sag_exps_parts (m, x, n, r, q);
  SAG_UNROLL for (int j = 0; j < m; j++)
    x[j] = sag_power_of_two (n[j]);
  SAG_UNROLL for (int j = 0; j < m; j++)
    x[j] = sag_fma (x[j], sag_fma (q[j] * r[j], r[j], r[j]), x[j] - sag_splat (1.0f));
}

SAG_INLINE SagVec
sag_log_normal (SagVec x, SagVec shift)
{
  static const float c[] = SAG_LOG_C;
  SagVecI u = sag_bits (x);
  SagVecI e = (SagVecI) ((SagVecU) u - (SagVecU) sag_splat_i (SAG_SQRT_HALF_BITS)) >> 23;
  SagVec f = sag_from_bits ((SagVecI) ((SagVecU) u - ((SagVecU) e << 23))) - sag_splat (1.0f);
  SagVec n = sag_to_float (e) + shift;
  SagVec s = f * f;
  SagVec y = sag_fma (SAG_POLYNOMIAL (c, f) * f, s, sag_splat (-0.5f) * s);

  return sag_fma (n, sag_splat (SAG_LN2_HI), f + sag_fma (n, sag_splat (SAG_LN2_LO), y));
}

SAG_INLINE SagVec
sag_log (SagVec x)
{
  SagVec zero = sag_splat (0.0f), inf = sag_splat (INFINITY);
  SagVecI small = x < sag_splat (0x1p-126f);
  SagVec y = sag_log_normal (sag_select (small, x * sag_splat (0x1p23f), x),
                             sag_select (small, sag_splat (-23.0f), zero));

  y = sag_select (x == zero, sag_splat (-INFINITY), y);
  y = sag_select (x == inf, inf, y);
  return sag_select (x >= zero, y, sag_splat (NAN));
}

/* log (1 + u) and what rounding 1 + u lost; of m vectors, in place */
SAG_INLINE void
sag_softpluses (int m, SagVec *x)
{
  static const float c[] = SAG_LOG_C;
  SagVec one = sag_splat (1.0f), zero = sag_splat (0.0f), u[SAG_SIDE], s[SAG_SIDE], f[SAG_SIDE], y[SAG_SIDE], n[SAG_SIDE];

  SAG_UNROLL for (int j = 0; j < m; j++)
    u[j] = sag_neg (sag_abs (x[j]));
  sag_exps (m, u);
  SAG_UNROLL for (int j = 0; j < m; j++)
    s[j] = one + u[j];
  SAG_UNROLL for (int j = 0; j < m; j++)
    {
      SagVecI e = (SagVecI) ((SagVecU) sag_bits (s[j]) - (SagVecU) sag_splat_i (SAG_SQRT_HALF_BITS)) >> 23;

      f[j] = sag_from_bits ((SagVecI) ((SagVecU) sag_bits (s[j]) - ((SagVecU) e << 23))) - one;
      n[j] = sag_to_float (e) + zero;
    }
  SAG_POLYNOMIALS (c, m, f, y);
  SAG_UNROLL for (int j = 0; j < m; j++)
    y[j] = sag_fma (y[j] * f[j], f[j] * f[j], sag_splat (-0.5f) * (f[j] * f[j]));
  SAG_UNROLL for (int j = 0; j < m; j++)
    y[j] = sag_fma (n[j], sag_splat (SAG_LN2_HI), f[j] + sag_fma (n[j], sag_splat (SAG_LN2_LO), y[j]));
  SAG_UNROLL for (int j = 0; j < m; j++)
    x[j] = sag_max (zero, x[j]) + (y[j] + (u[j] - (s[j] - one)) / s[j]);
}

SAG_INLINE SagVec
sag_softplus (SagVec x)
{
  sag_softpluses (1, &x);
  return x;
}

SAG_INLINE SagVec
sag_tanh (SagVec x)
{
  static const float c[] = SAG_TANH_C;
  SagVec a = sag_abs (x), s = x * x, one = sag_splat (1.0f);
  SagVec small = sag_fma (SAG_POLYNOMIAL (c, s) * s, x, x);
  SagVec large = sag_copysign (one - sag_splat (2.0f) / (sag_exp (a + a) + one), x);

  return sag_select (a < sag_splat (SAG_TANH_SMALL), small, large);
}

SAG_INLINE SagVec
sag_erf (SagVec x)
{
  static const float c[] = SAG_ERF_C, d[] = SAG_ERFC_C;
  SagVec a = sag_abs (x), one = sag_splat (1.0f);
  SagVec small = sag_fma (SAG_POLYNOMIAL (c, x * x), x, x);
  SagVec t = sag_neg (SAG_POLYNOMIAL (d, sag_min (sag_splat (4.0f), a)));
  SagVec large = sag_copysign (one - sag_exp (t), x);

  return sag_select (a < one, small, large);
}

/* 1 + erf is erfc (|x| / sqrt 2) where x is negative, and 2 less that where it is not; of m vectors, in place */
SAG_INLINE void
sag_gelus (int m, SagVec *x)
{
  static const float c[] = SAG_GELU_C;
  SagVec a[SAG_SIDE], r[SAG_SIDE], q[SAG_SIDE], one = sag_splat (1.0f);
  SagVecI n[SAG_SIDE];

  SAG_UNROLL for (int j = 0; j < m; j++)
    a[j] = sag_abs (x[j]);
  SAG_POLYNOMIALS (c, m, a, q);
  SAG_UNROLL for (int j = 0; j < m; j++)
    a[j] = q[j] * a[j];
  SAG_UNROLL for (int j = 0; j < m; j++)
    a[j] = sag_max (sag_splat (SAG_EXPM1_LO), a[j]);
  sag_exps_parts (m, a, n, r, q);
  SAG_UNROLL for (int j = 0; j < m; j++)
    q[j] = sag_fma (q[j], r[j], one);
  SAG_UNROLL for (int j = 0; j < m; j++)
    q[j] = sag_fma (q[j], r[j], one);
  SAG_UNROLL for (int j = 0; j < m; j++)
    q[j] = q[j] * sag_power_of_two (n[j]);
  SAG_UNROLL for (int j = 0; j < m; j++)
    q[j] = sag_select (x[j] < sag_splat (0.0f), q[j], sag_splat (2.0f) - q[j]);
  SAG_UNROLL for (int j = 0; j < m; j++)
    x[j] = sag_splat (0.5f) * x[j] * q[j];
}

/* --- in double: two halves of a vector --------------------------------------------------------- */

typedef double SagVecD __attribute__ ((vector_size (4 * LANES)));
typedef int64_t SagVecL __attribute__ ((vector_size (4 * LANES)));
typedef uint64_t SagVecUL __attribute__ ((vector_size (4 * LANES)));
typedef float SagHalf __attribute__ ((vector_size (2 * LANES)));

SAG_INLINE SagVecD
sag_select_d (SagVecL mask, SagVecD a, SagVecD b)
{
  return (SagVecD) (((SagVecL) a & mask) | ((SagVecL) b & ~mask));
}

SAG_INLINE SagHalf
sag_sine_half (SagHalf v, int quarter)
{
  SagVecD x = __builtin_convertvector (v, SagVecD);
  SagVecD t = x * 0.63661977236758134 + 6755399441055744.0;
  SagVecD n = t - 6755399441055744.0;
  SagVecD r = x - n * 1.5707963267341256 - n * 6.0771005065061922e-11;
  SagVecD s = r * r, y;
  SagVecL u = (SagVecL) t + (int64_t) quarter;

  y = 1.0 + s * (-1.0 / 2 + s * (1.0 / 24 + s * (-1.0 / 720 + s * (1.0 / 40320
      + s * (-1.0 / 3628800 + s * (1.0 / 479001600))))));
  y = sag_select_d (-(u & (int64_t) 1), y, r + r * s * (-1.0 / 6 + s * (1.0 / 120 + s * (-1.0 / 5040 + s * (1.0 / 362880
      + s * (-1.0 / 39916800 + s * (1.0 / 6227020800.0)))))));
  y = (SagVecD) ((SagVecL) y ^ (u & (int64_t) 2) << 62);
  return __builtin_convertvector (y, SagHalf);
}

SAG_INLINE SagVec
sag_sine (SagVec x, int quarter)
{
  SagHalf half[2];

  memcpy (half, &x, sizeof x);
  SAG_UNROLL for (int i = 0; i < 2; i++)
    half[i] = sag_sine_half (half[i], quarter);
  memcpy (&x, half, sizeof x);
  return x;
}

/* Exponents become doubles, and back, as the last bits of a large one. */
SAG_INLINE SagHalf
sag_power_half (SagHalf a, SagHalf b)
{
  const int64_t magic = 0x4338000000000000; /* the bits of 1.5 * 2^52 */
  SagVecD x = __builtin_convertvector (a, SagVecD), s, z, y = { 0 }, n, r, e, most = y + 1000.0;
  SagVecL u = (SagVecL) x, k = (u - 0x3fe6a09e667f3bcd) >> 52;

  x = (SagVecD) (u - (SagVecL) ((SagVecUL) k << 52));
  s = (x - 1.0) / (x + 1.0);
  z = s * s;
  SAG_UNROLL for (int i = 17; i >= 1; i -= 2)
    y = y * z + 2.0 / i;
  y = __builtin_convertvector (b, SagVecD)
      * (y * s * 1.4426950408889634 + ((SagVecD) (k + magic) - 6755399441055744.0));
  y = sag_select_d (y < -most, -most, sag_select_d (y > most, most, y));
  n = (y + 6755399441055744.0) - 6755399441055744.0;
  r = (y - n) * 0.69314718055994531;
  e = (SagVecD){ 0 } + 1.0;
  SAG_UNROLL for (int i = 12; i >= 1; i--)
    e = 1.0 + e * r / (double) i;
  u = ((SagVecL) (n + 6755399441055744.0) - magic + 1023) << 52;
  return __builtin_convertvector (e * (SagVecD) u, SagHalf);
}

SAG_INLINE SagVec
sag_power (SagVec a, SagVec b)
{
  SagVec one = sag_splat (1.0f), zero = sag_splat (0.0f), inf = sag_splat (INFINITY), m = sag_abs (a), y;
  SagVecI large = sag_abs (b) >= sag_splat (0x1p24f), whole = large | (sag_floor (b) == b);
  SagVec half = b * sag_splat (0.5f);
  SagVecI odd = ~large & whole & (sag_floor (half) != half), end = (m == zero) | (m == inf);
  SagHalf x[2], p[2];

  memcpy (x, &m, sizeof m);
  memcpy (p, &b, sizeof b);
  SAG_UNROLL for (int i = 0; i < 2; i++)
    x[i] = sag_power_half (x[i], p[i]);
  memcpy (&y, x, sizeof y);
  y = sag_select ((a < zero) & ~whole, sag_splat (NAN), y);
  y = sag_select (end, sag_select ((m == zero) == (b < zero), inf, zero), y);
  y = sag_select (sag_abs (b) == inf,
                  sag_select (m == one, one, sag_select ((m > one) == (b > zero), inf, zero)), y);
  y = sag_from_bits (sag_bits (y) ^ (odd & sag_bits (a) & sag_splat_i (INT32_MIN)));
  y = sag_select (b == sag_splat (2.0f), a * a, y);
  y = sag_select ((a != a) | (b != b), sag_splat (NAN), y);
  return sag_select ((b == zero) | (a == one), one, y);
}
