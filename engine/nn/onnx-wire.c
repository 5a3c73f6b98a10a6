/* SPDX-License-Identifier: Apache-2.0
 *
 * onnx-wire.c: bounds-checked reading of protobuf messages in memory.
 */
#include "engine/nn/onnx-wire.h"

#include "engine/base/error.h"

#include <string.h>

gboolean
sag_wire_varint (SagWire *self, guint64 *value)
{
  guint64 result = 0;

  for (int shift = 0; shift < 70 && self->at < self->end; shift += 7)
    {
      guint8 byte = *self->at++;

      if (shift < 64)
        result |= (guint64) (byte & 0x7f) << shift;
      if (!(byte & 0x80))
        {
          *value = result;
          return TRUE;
        }
    }
  return FALSE;
}

static gboolean
read_fixed (SagWire *self, gsize n, guint64 *value)
{
  *value = 0;
  if (sag_wire_length (self) < n)
    return FALSE;
  for (gsize i = 0; i < n; i++)
    *value |= (guint64) self->at[i] << (8 * i);
  self->at += n;
  return TRUE;
}

static gboolean
read_bytes (SagWire *self, SagWire *bytes)
{
  guint64 length;

  if (!sag_wire_varint (self, &length) || length > sag_wire_length (self))
    return FALSE;
  bytes->at = self->at;
  bytes->end = self->at += length;
  return TRUE;
}

gboolean
sag_wire_next (SagWire *self, SagWireField *field, GError **error)
{
  guint64 tag;
  gboolean good = FALSE;

  if (self->at == self->end)
    return FALSE;
  memset (field, 0, sizeof *field);
  if (sag_wire_varint (self, &tag) && tag >> 3 != 0 && tag >> 3 < (1u << 29))
    {
      field->number = (guint32) (tag >> 3);
      field->type = tag & 7;
      switch (field->type)
        {
        case 0:
          good = sag_wire_varint (self, &field->value);
          break;
        case 1:
          good = read_fixed (self, 8, &field->value);
          break;
        case 2:
          good = read_bytes (self, &field->bytes);
          break;
        case 5:
          good = read_fixed (self, 4, &field->value);
          break;
        default:
          break;
        }
    }
  if (!good)
    g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                 "The file is damaged or not an ONNX model; export or copy it again");
  return good;
}

char *
sag_wire_string (const SagWire *bytes)
{
  return bytes->at == NULL ? g_strdup ("")
                           : g_strndup ((const char *) bytes->at, sag_wire_length (bytes));
}
