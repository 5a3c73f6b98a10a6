/* SPDX-License-Identifier: Apache-2.0
 *
 * onnx-write.h: ONNX messages as bytes (protobuf "Encoding"; field numbers of onnx.proto).
 */
#pragma once

#include "engine/nn/tensor.h"

/* TensorProto.DataType. */
enum
{
  SAG_ONNX_FLOAT = 1,
  SAG_ONNX_INT8 = 3,
  SAG_ONNX_INT64 = 7,
  SAG_ONNX_INT4 = 22
};

/* A TensorProto with its elements as raw data. FLOAT, INT8, INT64, or INT4 (a byte an element in
 * `tensor`, two to a byte in the file, the first in the low half). */
GBytes *sag_onnx_write_tensor (const char *name, gint64 type, const SagTensor *tensor);

/* An AttributeProto: one INT if n < 0, else INTS. */
GBytes *sag_onnx_write_attribute (const char *name, const gint64 *values, int n);
