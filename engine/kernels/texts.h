/* SPDX-License-Identifier: Apache-2.0
 *
 * texts.h: what each *-simd.c text offers per instruction set: it overwrites its entries of a table.
 */
#pragma once

#include "engine/kernels/kernels.h"

#define SAG_TEXTS(isa)                           \
  void sag_gemm_fill_##isa (SagKernels *k);      \
  void sag_conv_row_fill_##isa (SagKernels *k);  \
  void sag_depthwise_fill_##isa (SagKernels *k); \
  void sag_winograd_fill_##isa (SagKernels *k);  \
  void sag_int_fill_##isa (SagKernels *k);       \
  void sag_weights_fill_##isa (SagKernels *k);   \
  void sag_bytes_fill_##isa (SagKernels *k);     \
  void sag_square_fill_##isa (SagKernels *k);    \
  void sag_pointwise_fill_##isa (SagKernels *k); \
  void sag_reduce_fill_##isa (SagKernels *k);    \
  void sag_move_fill_##isa (SagKernels *k);      \
  void sag_resample_fill_##isa (SagKernels *k);  \
  void sag_scan_fill_##isa (SagKernels *k);      \
  void sag_slice_fill_##isa (SagKernels *k);

SAG_TEXTS (avx2)
SAG_TEXTS (avx512)
SAG_TEXTS (neon)

/* VNNI has a better form of these only. */
void sag_bytes_fill_avx512vnni (SagKernels *k);
void sag_square_fill_avx512vnni (SagKernels *k);
void sag_int_fill_avx512vnni (SagKernels *k);

/* Tiles: the matrix product on bytes only. */
void sag_int_fill_amx (SagKernels *k);
