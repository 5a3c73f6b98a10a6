/* SPDX-License-Identifier: Apache-2.0
 *
 * onnx-wire.h: bounds-checked reading of protobuf messages in memory.
 *
 * Format: protobuf "Encoding" (wire types 0 varint, 1 fixed 64, 2 length-delimited, 5 fixed 32).
 * Nothing is copied: bytes point into the message.
 */
#pragma once

#include <glib.h>

/* What is left of a message. */
typedef struct
{
  const guint8 *at, *end;
} SagWire;

typedef struct
{
  guint32 number;
  guint   type;  /* 0, 1, 2, 5 */
  guint64 value; /* types 0, 1, 5 */
  SagWire bytes; /* type 2 */
} SagWireField;

/* The next field of the message. FALSE at the end, and with INVALID set if it is damaged. */
gboolean sag_wire_next   (SagWire *self, SagWireField *field, GError **error);

/* The next varint inside a packed field. FALSE at the end or if damaged. */
gboolean sag_wire_varint (SagWire *self, guint64 *value);

/* Bytes as a terminated string (cut at an embedded zero). Caller frees. */
char    *sag_wire_string (const SagWire *bytes);

static inline gsize
sag_wire_length (const SagWire *bytes)
{
  return (gsize) (bytes->end - bytes->at);
}
