/* SPDX-License-Identifier: Apache-2.0
 *
 * onnx.h: ONNX files (opset 7 and newer) to graphs.
 *
 * Format: onnx.proto of the ONNX project. Weights stay in the mapped file where their alignment
 * allows. Nothing in the file is trusted: lengths, nesting, counts and names are limited.
 */
#pragma once

#include "engine/nn/graph.h"
#include "engine/nn/onnx-wire.h"

/* The model in `file`, which the graph keeps alive. `path` is for messages and names the folder
 * below which external data may lie. Open dimensions are taken from `bindings`, then from equal
 * dimension names, then 1 for the first axis. INVALID, UNSUPPORTED, MEMORY or IO. */
SagGraph  *sag_onnx_read        (GBytes            *file,
                                 const char        *path,
                                 const SagBinding  *bindings,
                                 int                n_bindings,
                                 GError           **error);

/* A TensorProto; F16, BF16 and F64 become F32 if `widen`, 4-bit types one byte an element always.
 * `folder` NULL refuses external data; `files` (GBytes) takes what must stay mapped. `name` (may be
 * NULL) is set to its name, to be freed. */
SagTensor *sag_onnx_read_tensor (SagWire            message,
                                 const char        *folder,
                                 GPtrArray         *files,
                                 gboolean           widen,
                                 char             **name,
                                 GError           **error);

/* ONNX TensorProto.DataType to ours. FALSE for strings, complex and 8-bit floats. */
gboolean   sag_onnx_dtype       (gint64             code,
                                 SagDType          *dtype);
