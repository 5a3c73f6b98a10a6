/* SPDX-License-Identifier: Apache-2.0
 *
 * dtype.c: element types and precisions.
 */
#include "engine/base/dtype.h"

#include "engine/base/error.h"

#include <string.h>

static const struct
{
  const char *name;
  int         bits;
} types[SAG_N_DTYPES] = {
  [SAG_DTYPE_F32] = { "f32", 32 }, [SAG_DTYPE_F16] = { "f16", 16 },
  [SAG_DTYPE_BF16] = { "bf16", 16 }, [SAG_DTYPE_F64] = { "f64", 64 },
  [SAG_DTYPE_I64] = { "i64", 64 }, [SAG_DTYPE_I32] = { "i32", 32 },
  [SAG_DTYPE_I16] = { "i16", 16 }, [SAG_DTYPE_I8] = { "i8", 8 },
  [SAG_DTYPE_I4] = { "i4", 4 },    [SAG_DTYPE_U64] = { "u64", 64 },
  [SAG_DTYPE_U32] = { "u32", 32 }, [SAG_DTYPE_U16] = { "u16", 16 },
  [SAG_DTYPE_U8] = { "u8", 8 },    [SAG_DTYPE_U4] = { "u4", 4 },
  [SAG_DTYPE_BOOL] = { "bool", 8 },
};

static const char *const precisions[SAG_N_PRECISIONS] = { "fp32", "bf16", "int8", "int4" };

const char *
sag_dtype_get_name (SagDType type)
{
  return (unsigned) type < SAG_N_DTYPES ? types[type].name : "?";
}

gboolean
sag_dtype_get_bytes (SagDType type, gsize n, gsize *bytes)
{
  g_return_val_if_fail ((unsigned) type < SAG_N_DTYPES, FALSE);

  if (types[type].bits == 4)
    {
      *bytes = n / 2 + n % 2;
      return TRUE;
    }
  return g_size_checked_mul (bytes, n, types[type].bits / 8);
}

const char *
sag_precision_get_name (SagPrecision precision)
{
  return (unsigned) precision < SAG_N_PRECISIONS ? precisions[precision] : "?";
}

gboolean
sag_precision_from_name (const char *name, SagPrecision *precision, GError **error)
{
  for (int i = 0; i < SAG_N_PRECISIONS; i++)
    if (g_ascii_strcasecmp (name, precisions[i]) == 0)
      {
        *precision = i;
        return TRUE;
      }
  if (g_ascii_strcasecmp (name, "f32") == 0)
    {
      *precision = SAG_PRECISION_F32;
      return TRUE;
    }

  g_autofree char *shown = sag_escape_name (name, -1);
  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
               "Unknown precision '%s'; choose fp32, bf16, int8 or int4", shown);
  return FALSE;
}

static inline float
from_bits (guint32 bits)
{
  float value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

float
sag_f16_to_f32 (guint16 half)
{
  guint32 sign = (guint32) (half & 0x8000) << 16;
  guint32 exponent = half >> 10 & 0x1f;
  guint32 mantissa = half & 0x3ff;

  if (exponent == 0x1f)
    return from_bits (sign | 0x7f800000 | mantissa << 13);
  if (exponent == 0)
    {
      float magnitude = (float) mantissa * 0x1p-24f;
      return sign ? -magnitude : magnitude;
    }
  return from_bits (sign | (exponent + 112) << 23 | mantissa << 13);
}

float
sag_bf16_to_f32 (guint16 bf16)
{
  return from_bits ((guint32) bf16 << 16);
}

guint16
sag_f32_to_bf16 (float value)
{
  guint32 bits;

  memcpy (&bits, &value, sizeof bits);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return (guint16) (bits >> 16 | 0x40);
  return (guint16) ((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
