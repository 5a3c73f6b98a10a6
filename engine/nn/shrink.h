/* SPDX-License-Identifier: Apache-2.0
 *
 * shrink.h: smaller networks from trained ones: fewer channels, factors of lower rank, weights of
 * fewer bits. Offline tools on ONNX models (onnx-model.h): what they write runs anywhere ONNX does.
 *
 * `notes` (GPtrArray of char *, may be NULL) gets one sentence for each layer that was left as it
 * is, and why.
 */
#pragma once

#include "engine/nn/onnx-model.h"

/* Structured channel pruning: of every set of layers whose channels are tied together (residuals,
 * depthwise convolutions, norms), the `fraction` (0..1, exclusive) of channels with the least norm
 * goes, from all of them. Norms are those of the weights that make a channel (Li et al., "Pruning
 * filters for efficient convnets", 2017), each layer's over its mean. What is kept of 16 channels
 * or more is a multiple of 4. `shapes` as from sag_onnx_model_infer(). Returns how many channels
 * went; -1 on error. */
int sag_shrink_prune (
    SagOnnxModel *model, GHashTable *shapes, double fraction, GPtrArray *notes, GError **error);

/* Low-rank factors that keep `energy` (0..1] of the squares of each weight's singular values:
 * MatMul, Gemm and 1 x 1 convolutions in two factors (truncated SVD), wider convolutions in up to
 * three (Tucker-2 by truncated HOSVD: Kim et al., "Compression of deep convolutional neural
 * networks", 2016), where that saves a tenth of the multiply-adds at least. Returns how many layers
 * were factored; -1 on error. */
int sag_shrink_low_rank (SagOnnxModel *model, double energy, GPtrArray *notes, GError **error);

/* Stores the weights of convolutions and matrix products at INT8, one scale an output channel, or
 * at INT4, one scale for each 32 along the input, between DequantizeLinear and their layer
 * (operator sets 13, 21). Returns how many weights; -1 on error. */
int
sag_shrink_store (SagOnnxModel *model, SagPrecision precision, GPtrArray *notes, GError **error);

/* Eigenvectors of the symmetric n x n matrix `a` as rows of `vectors`, greatest eigenvalue first,
 * by Householder's reduction and implicit QL steps (Golub and Van Loan, "Matrix
 * Computations", 8.3): deterministic, and only +, -, *, /, sqrt. */
void sag_eigen_symmetric (const double *a, int n, double *vectors, double *values);
