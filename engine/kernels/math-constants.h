/* SPDX-License-Identifier: Apache-2.0
 *
 * math-constants.h: the numbers of the elementary functions, shared by the scalar definition
 * (reference-math.c) and its vector twin (math-simd.h).
 *
 * Polynomials are minimax fits in the weight named, made by iteratively reweighted least squares.
 * Coefficients run from the constant term up.
 */
#pragma once

#define SAG_EXP_LO -104.0f /* exp is 0 here */
#define SAG_EXP_HI 89.0f   /* and inf here */
#define SAG_EXPM1_LO -87.0f /* exp (x) - 1 is -1 here, and 2^n still normal */
#define SAG_LOG2E 1.44269504f
/* ln 2 in two parts: the first has 15 trailing zero bits, so that n * hi is exact */
#define SAG_LN2_HI 0.693359375f
#define SAG_LN2_LO -2.12194440e-4f
/* adding it leaves a whole number in the low bits of the sum */
#define SAG_MAGIC 12582912.0f
#define SAG_MAGIC_BITS 0x4b400000

/* (exp (r) - 1 - r) / r^2 on |r| <= ln 2 / 2; relative in exp: 3.1e-9 */
#define SAG_EXP_C { 0x1.fffffcp-2f, 0x1.55549p-3f, 0x1.5558f8p-5f, 0x1.123b02p-7f, 0x1.6a2256p-10f }

/* (log (1 + f) - f + f^2 / 2) / f^3 on sqrt (1/2) - 1 <= f <= sqrt (2) - 1; relative in log: 5.9e-9 */
#define SAG_LOG_C                                                                              \
  {                                                                                            \
    0x1.555554p-2f, -0x1.000228p-2f, 0x1.99a012p-3f, -0x1.5471f6p-3f, 0x1.22d90ap-3f,          \
        -0x1.0d875ap-3f, 0x1.056498p-3f, -0x1.38c1a6p-4f                                       \
  }
#define SAG_SQRT_HALF_BITS 0x3f3504f3

/* (tanh (x) - x) / x^3 in x^2 on x <= 0.625; relative in tanh: 4.4e-9 */
#define SAG_TANH_SMALL 0.625f
#define SAG_TANH_C { -0x1.555532p-2f, 0x1.110726p-3f, -0x1.b83c5ap-5f, 0x1.52269cp-6f, -0x1.75e1cep-8f }

/* erf (x) / x - 1 in x^2 on x <= 1; relative in erf: 1.2e-9 */
#define SAG_ERF_C                                                                              \
  {                                                                                            \
    0.128379167f, -0x1.81273ep-2f, 0x1.ce2cf8p-4f, -0x1.b7f90ep-6f, 0x1.5405b8p-8f,          \
        -0x1.a3f722p-11f, 0x1.496a84p-14f                                                      \
  }
/* -log (1 - erf (x)) on 1 <= x <= 4; absolute in erf: 2.1e-11 */
#define SAG_ERFC_C                                                                             \
  {                                                                                            \
    -0x1.8a577cp-13f, 0x1.212c0cp+0f, 0x1.443566p-1f, 0x1.bc1516p-4f, -0x1.9d0306p-6f,         \
        0x1.138cbep-8f, -0x1.cec606p-12f, 0x1.6bd7eap-16f                                      \
  }

/* log (1 - erf (x / sqrt (2))) / x on 0 <= x <= 6, falling beyond; absolute in GELU (x): 1.0e-8 */
#define SAG_GELU_C                                                                             \
  {                                                                                            \
    -0x1.9884f4p-1f, -0x1.45e7c6p-2f, -0x1.2ad558p-5f, 0x1.4921ap-8f, -0x1.8b808cp-13f,        \
        -0x1.7e39c4p-14f, 0x1.464642p-16f, -0x1.61e7ecp-20f                                    \
  }

#define SAG_SQRT_HALF 0.707106781f
#define SAG_SQRT_TWO 1.41421356f
/* 2 sqrt (2 / pi), and that times 0.044715 */
#define SAG_GELU_A 1.59576912f
#define SAG_GELU_B 0.0713548163f
