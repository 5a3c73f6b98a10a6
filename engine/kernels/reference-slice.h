/* SPDX-License-Identifier: Apache-2.0
 *
 * reference-slice.h: the definition of the picture kernels (slice.h).
 */
#pragma once

#include "engine/kernels/slice.h"

void sag_ref_slice_trilinear (const SagSampleGrid *grid, SagSampleType type,
                              const SagSampleLine *line, size_t n, SagFold fold, float *out,
                              float *count);
void sag_ref_slice_nearest   (const SagSampleGrid *grid, const SagSampleLine *line, size_t n,
                              int32_t *inside, int32_t *k);
void sag_ref_slice_lerp (size_t n, const float *a, const float *b, float f, SagFold fold,
                         float *out);
void sag_ref_slice_grey (size_t n, const float *values, const float *count, float centre,
                         float scale, const uint32_t *table, uint8_t *rgba);
void sag_ref_slice_confident (size_t n, const uint8_t *labels, const uint8_t *confidence,
                              uint8_t least, uint8_t *out);
void sag_ref_slice_edge      (size_t n, const uint8_t *const rows[5], uint8_t *edge);

/* All of them. */
void sag_ref_slice_fill      (SagSliceKernels *slice);
