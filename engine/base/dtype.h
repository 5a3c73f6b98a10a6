/* SPDX-License-Identifier: Apache-2.0
 *
 * dtype.h: element types of tensors, and the precisions a network can run at.
 */
#pragma once

#include <glib.h>

typedef enum
{
  SAG_DTYPE_F32,
  SAG_DTYPE_F16,  /* accepted in files; widened to F32 at load */
  SAG_DTYPE_BF16, /* storage only */
  SAG_DTYPE_F64,  /* accepted in files; narrowed to F32 at load where it is data */
  SAG_DTYPE_I64,
  SAG_DTYPE_I32,
  SAG_DTYPE_I16,
  SAG_DTYPE_I8,
  SAG_DTYPE_I4, /* two to a byte, low nibble first (ONNX INT4) */
  SAG_DTYPE_U64,
  SAG_DTYPE_U32,
  SAG_DTYPE_U16,
  SAG_DTYPE_U8,
  SAG_DTYPE_U4,
  SAG_DTYPE_BOOL, /* one byte, 0 or 1 */
  SAG_N_DTYPES
} SagDType;

/* What the user chooses: how weights are stored and, for INT8/INT4, how activations are too. */
typedef enum
{
  SAG_PRECISION_F32,
  SAG_PRECISION_BF16,
  SAG_PRECISION_INT8,
  SAG_PRECISION_INT4,
  SAG_N_PRECISIONS
} SagPrecision;

/* "f32", "i64"…; static. [any thread] */
const char *sag_dtype_get_name       (SagDType      type);

/* Bytes of `n` elements, rounded up to whole bytes. FALSE if that overflows gsize. [any thread] */
gboolean    sag_dtype_get_bytes      (SagDType      type,
                                      gsize         n,
                                      gsize        *bytes);

/* "fp32", "bf16", "int8", "int4": as typed on the command line and stored in provenance; static.
 * [any thread] */
const char *sag_precision_get_name   (SagPrecision  precision);

/* The reverse, ignoring case; accepts "f32" too. FALSE with an error that lists the choices.
 * [any thread] */
gboolean    sag_precision_from_name  (const char   *name,
                                      SagPrecision *precision,
                                      GError      **error);

/* IEEE 754 binary16 -> binary32, exact. */
float       sag_f16_to_f32           (guint16       half);

/* Truncated-exponent bfloat16 -> binary32, exact. */
float       sag_bf16_to_f32          (guint16       bf16);

/* binary32 -> bfloat16, round to nearest even; NaN stays NaN. */
guint16     sag_f32_to_bf16          (float         value);
