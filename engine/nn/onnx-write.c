/* SPDX-License-Identifier: Apache-2.0
 *
 * onnx-write.c: ONNX messages as bytes, and models in the operator set that a change needs.
 */
#include "engine/nn/onnx-write.h"

#include "engine/base/error.h"
#include "engine/nn/onnx-model.h"

#include <string.h>

/* --- protobuf ------------------------------------------------------------------------------ */

static void
put_varint (GByteArray *out, guint64 value)
{
  guint8 bytes[10];
  guint  n = 0;

  do
    {
      bytes[n] = (guint8) ((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
      value >>= 7;
      n++;
    }
  while (value > 0);
  g_byte_array_append (out, bytes, n);
}

static void
put_int (GByteArray *out, guint number, gint64 value)
{
  put_varint (out, (guint64) number << 3);
  put_varint (out, (guint64) value);
}

static void
put_bytes (GByteArray *out, guint number, gconstpointer data, gsize size)
{
  put_varint (out, (guint64) number << 3 | 2);
  put_varint (out, size);
  g_byte_array_append (out, data, (guint) size);
}

static void
put_string (GByteArray *out, guint number, const char *text)
{
  put_bytes (out, number, text, strlen (text));
}

static void
put_message (GByteArray *out, guint number, GBytes *message)
{
  gsize         size;
  gconstpointer data = g_bytes_get_data (message, &size);

  put_bytes (out, number, data, size);
}

static void
put_fields (GByteArray *out, const GPtrArray *fields)
{
  for (guint n = 0; n < fields->len; n++)
    {
      gsize         size;
      gconstpointer data = g_bytes_get_data (fields->pdata[n], &size);

      g_byte_array_append (out, data, (guint) size);
    }
}

/* --- messages ------------------------------------------------------------------------------ */

GBytes *
sag_onnx_write_tensor (const char *name, gint64 type, const SagTensor *tensor)
{
  GByteArray *out = g_byte_array_new ();
  gsize       n = (gsize) sag_shape_count (&tensor->shape);

  for (int a = 0; a < tensor->shape.rank; a++)
    put_int (out, 1, tensor->shape.dim[a]);
  put_int (out, 2, type);
  put_string (out, 8, name);
  if (type == SAG_ONNX_INT4)
    {
      g_autofree guint8 *packed = g_new0 (guint8, (n + 1) / 2);
      const gint8       *values = tensor->data;

      for (gsize i = 0; i < n; i++)
        packed[i / 2] |= (guint8) ((values[i] & 15) << (i % 2 * 4));
      put_bytes (out, 9, packed, (n + 1) / 2);
    }
  else
    put_bytes (out, 9, tensor->data,
               n
                   * (type == SAG_ONNX_FLOAT  ? 4
                      : type == SAG_ONNX_INT8 ? 1
                                              : 8));
  return g_byte_array_free_to_bytes (out);
}

GBytes *
sag_onnx_write_attribute (const char *name, const gint64 *values, int n)
{
  GByteArray *out = g_byte_array_new ();

  put_string (out, 1, name);
  if (n < 0)
    put_int (out, 3, *values);
  for (int i = 0; i < n; i++)
    put_int (out, 8, values[i]);
  put_int (out, 20, n < 0 ? 2 : 7); /* AttributeType INT, INTS */
  return g_byte_array_free_to_bytes (out);
}

static void
put_node (GByteArray *out, const SagOnnxNode *node)
{
  g_autoptr (GByteArray) message = g_byte_array_new ();

  for (guint i = 0; i < node->inputs->len; i++)
    put_string (message, 1, node->inputs->pdata[i]);
  for (guint i = 0; i < node->outputs->len; i++)
    put_string (message, 2, node->outputs->pdata[i]);
  put_string (message, 3, node->name);
  put_string (message, 4, node->op);
  for (guint i = 0; i < node->attributes->len; i++)
    put_message (message, 5, node->attributes->pdata[i]);
  if (*node->domain != '\0')
    put_string (message, 7, node->domain);
  put_bytes (out, 1, message->data, message->len);
}

GBytes *
sag_onnx_model_write (const SagOnnxModel *self)
{
  GByteArray *out = g_byte_array_new ();
  g_autoptr (GByteArray) graph = g_byte_array_new ();

  for (guint n = 0; n < self->nodes->len; n++)
    put_node (graph, self->nodes->pdata[n]);
  for (guint n = 0; n < self->weights->len; n++)
    {
      const SagOnnxWeight *weight = self->weights->pdata[n];
      g_autoptr (GBytes) message =
          weight->raw != NULL ? g_bytes_ref (weight->raw)
                              : sag_onnx_write_tensor (weight->name, weight->type, weight->tensor);

      put_message (graph, 5, message);
    }
  put_fields (graph, self->graph_fields);
  put_fields (out, self->before);
  put_bytes (out, 7, graph->data, graph->len);
  put_fields (out, self->after);
  return g_byte_array_free_to_bytes (out);
}

/* --- the operator set ---------------------------------------------------------------------- */

/* An OperatorSetIdProto of another domain than ONNX's own. */
static gboolean
is_foreign (SagWire opset)
{
  SagWireField field;

  while (sag_wire_next (&opset, &field, NULL))
    if (field.number == 1 && field.type == 2 && sag_wire_length (&field.bytes) > 0)
      return TRUE;
  return FALSE;
}

/* The model's field `number` becomes `value`; operator sets of other domains stay. */
static void
replace_field (SagOnnxModel *self, guint number, GByteArray *value)
{
  GPtrArray *places[] = { self->before, self->after };

  for (int p = 0; p < 2; p++)
    for (guint n = places[p]->len; n-- > 0;)
      {
        gsize         size;
        const guint8 *data = g_bytes_get_data (places[p]->pdata[n], &size);
        SagWire       wire = { data, data + size };
        SagWireField  field;

        if (sag_wire_next (&wire, &field, NULL) && field.number == number
            && !(field.type == 2 && is_foreign (field.bytes)))
          g_ptr_array_remove_index (places[p], n);
      }
  g_ptr_array_insert (self->before, number == 1 ? 0 : -1, g_bytes_new (value->data, value->len));
}

/* ReduceMean and its like took their axes as an attribute before 18. */
static void
move_axes (SagOnnxModel *self, SagOnnxNode *node)
{
  g_autofree char   *name = g_strconcat (node->outputs->pdata[0], ".axes", NULL);
  SagShape           shape = { .rank = 1 };
  int                n;
  g_autofree gint64 *axes = sag_onnx_node_get_ints (node, "axes", &n);
  SagTensor         *tensor;

  if (axes == NULL)
    return;
  shape.dim[0] = n;
  tensor = sag_tensor_new (SAG_DTYPE_I64, &shape, NULL);
  if (tensor == NULL)
    return;
  memcpy (tensor->owned, axes, sizeof *axes * (gsize) n);
  sag_onnx_model_add (self, name, SAG_ONNX_INT64, tensor);
  sag_onnx_node_set_input (node, 1, name);
  sag_onnx_node_remove_attribute (node, "axes");
}

gboolean
sag_onnx_model_raise_opset (SagOnnxModel *self, int opset, GError **error)
{
  g_autoptr (GByteArray) field = g_byte_array_new (), version = g_byte_array_new ();

  if (self->opset >= opset)
    return TRUE;
  if (self->opset < 13)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                   "The model uses ONNX operator set %d; export it with 13 or newer to store "
                   "quantised weights",
                   self->opset);
      return FALSE;
    }
  for (guint n = 0; n < self->nodes->len; n++)
    {
      SagOnnxNode *node = self->nodes->pdata[n];

      if (*node->domain != '\0')
        continue;
      if (self->opset < 18 && g_str_has_prefix (node->op, "Reduce")
          && strcmp (node->op, "ReduceSum") != 0)
        move_axes (self, node);
      else if (self->opset < 18 && strcmp (node->op, "Split") == 0 && node->inputs->len < 2)
        sag_onnx_node_set_int (node, "num_outputs", node->outputs->len);
      else if (self->opset < 20 && strcmp (node->op, "GridSample") == 0)
        {
          g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                       "Node '%s' (GridSample) has another form in operator set %d; export the "
                       "model with 20 or newer",
                       node->name, opset);
          return FALSE;
        }
    }
  put_int (version, 2, opset);
  put_bytes (field, 8, version->data, version->len);
  replace_field (self, 8, field);
  g_byte_array_set_size (field, 0);
  put_int (field, 1, 10); /* the IR version of operator set 21 */
  replace_field (self, 1, field);
  self->opset = opset;
  return TRUE;
}
