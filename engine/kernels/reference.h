/* SPDX-License-Identifier: Apache-2.0
 *
 * reference.h: the definition of every kernel, in plain loops.
 *
 * What each function means is in kernels.h. These run wherever nothing better does, and are what
 * the others are compared with.
 */
#pragma once

#include "engine/kernels/kernels.h"

/* All entries of the table. The geometry (mr, nr) is that of no machine in particular. */
void  sag_ref_fill            (SagKernels *k);

/* reference.c. The matrix products take the geometry the weights were packed for. */
void  sag_ref_gemm_f32        (unsigned mr, unsigned nr, const SagGemmF32Job *job);
void  sag_ref_gemm_bf16       (int geometry, unsigned mr, unsigned nr, const SagGemmBf16Job *job);
void  sag_ref_conv_row_f32    (const SagConvRowF32Job *job);
void  sag_ref_depthwise_row_f32 (const SagDepthwiseRowF32Job *job);
void  sag_ref_depthwise_f32   (const SagDepthwiseF32Job *job);

/* reference-winograd.c */
void  sag_ref_winograd_weights (size_t n, const float *g, ptrdiff_t ld, float *u, ptrdiff_t ld_u);
void  sag_ref_winograd_in     (const SagWinogradInJob *job);
void  sag_ref_winograd_out    (const SagWinogradOutJob *job);

/* reference-int.c */
void  sag_ref_gemm_u8         (unsigned mr, unsigned nr, const SagGemmU8Job *job);
void  sag_ref_conv_row_u8     (const SagConvRowU8Job *job);
void  sag_ref_int_fill        (SagKernels *k);

float sag_ref_sum             (size_t n, const float *x);
float sag_ref_sum_squares     (size_t n, const float *x, float shift);
float sag_ref_max             (size_t n, const float *x);
float sag_ref_min             (size_t n, const float *x);
float sag_ref_dot             (size_t n, const float *x, const float *y);
void  sag_ref_dots            (size_t m, size_t n, const float *x, const float *y, float *out);
void  sag_ref_add_rows        (size_t n, size_t c, const float *x, ptrdiff_t ldx, float *acc);
void  sag_ref_add_rows_squares (size_t n, size_t c, const float *x, ptrdiff_t ldx,
                                const float *shift, float *acc);
void  sag_ref_max_of_rows     (size_t n, size_t c, const float *const *rows, float *y);
void  sag_ref_sum_of_rows     (size_t n, size_t c, const float *const *rows, float scale, float *y);
void  sag_ref_mix_rows        (size_t n, size_t c, const float *const *rows, const float *w, float *y);
void  sag_ref_max_pairs       (size_t n, const float *x, float *y);
void  sag_ref_sum_pairs       (size_t n, const float *x, float scale, float *y);
void  sag_ref_softmax         (size_t m, size_t n, const float *x, float *y);
void  sag_ref_layer_norm      (size_t m, size_t n, const float *x, float epsilon, int rms,
                               const float *scale, const float *shift, float *y);
void  sag_ref_softmax_planes  (size_t c, size_t n, const float *x, ptrdiff_t ldx,
                               float *y, ptrdiff_t ldy);

void  sag_ref_transpose_f32   (size_t rows, size_t columns, const float *src, ptrdiff_t ld_src,
                               float *dst, ptrdiff_t ld_dst);
void  sag_ref_between_f32     (size_t n, const float *x, const float *w, float *y);
void  sag_ref_interleave_f32  (size_t n, const float *a, const float *b, float *y);

/* reference-scan.c */
void  sag_ref_scan_f32        (const SagScanF32Job *job);

/* reference-math.c. One value at a time: f (x) of SagUnary and SagBinary. */
float sag_ref_exp             (float x);
float sag_ref_unary           (SagUnary op, float x, float a, float b);
float sag_ref_binary          (SagBinary op, float a, float b);
void  sag_ref_math_fill       (SagKernels *k); /* unary, binary, add_clamp, affine */
