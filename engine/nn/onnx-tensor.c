/* SPDX-License-Identifier: Apache-2.0
 *
 * onnx-tensor.c: TensorProto to SagTensor, inside the file or beside it.
 */
#include "engine/nn/onnx.h"

#include "engine/base/alloc.h"
#include "engine/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

gboolean
sag_onnx_dtype (gint64 code, SagDType *dtype)
{
  static const struct
  {
    gint64   code;
    SagDType dtype;
  } table[] = {
    { 1, SAG_DTYPE_F32 }, { 2, SAG_DTYPE_U8 },   { 3, SAG_DTYPE_I8 },    { 4, SAG_DTYPE_U16 },
    { 5, SAG_DTYPE_I16 }, { 6, SAG_DTYPE_I32 },  { 7, SAG_DTYPE_I64 },   { 9, SAG_DTYPE_BOOL },
    { 10, SAG_DTYPE_F16 }, { 11, SAG_DTYPE_F64 }, { 12, SAG_DTYPE_U32 }, { 13, SAG_DTYPE_U64 },
    { 16, SAG_DTYPE_BF16 }, { 21, SAG_DTYPE_U4 }, { 22, SAG_DTYPE_I4 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    if (table[i].code == code)
      {
        *dtype = table[i].dtype;
        return TRUE;
      }
  return FALSE;
}

/* The message's fields, before they are understood. */
typedef struct
{
  SagShape shape;
  gint64   type;
  SagWire  raw, name;
  gboolean has_raw, external;
  GArray  *lists; /* SagWireField: float_data, int32_data..., packed or one by one */
  char    *location, *offset, *length;
} Proto;

static void
proto_clear (Proto *proto)
{
  g_clear_pointer (&proto->lists, g_array_unref);
  g_free (proto->location);
  g_free (proto->offset);
  g_free (proto->length);
}

static gboolean
invalid (GError **error, const char *what)
{
  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID, "%s", what);
  return FALSE;
}

static gboolean
read_dims (Proto *proto, const SagWireField *field, GError **error)
{
  SagWire at = field->bytes;
  guint64 value = field->value;

  do
    {
      if (field->type == 2 && at.at == at.end)
        return TRUE;
      if (field->type == 2 && !sag_wire_varint (&at, &value))
        return invalid (error, "A tensor's dimensions are damaged");
      if (proto->shape.rank == SAG_MAX_RANK)
        return invalid (error, "A tensor has more than 8 dimensions");
      proto->shape.dim[proto->shape.rank++] = (gint64) value;
    }
  while (field->type == 2);
  return TRUE;
}

static gboolean
read_entry (Proto *proto, SagWire message, GError **error)
{
  SagWireField field;
  g_autofree char *key = NULL, *value = NULL;
  GError *local = NULL;

  while (sag_wire_next (&message, &field, &local))
    if (field.type == 2 && (field.number == 1 || field.number == 2))
      {
        char **target = field.number == 1 ? &key : &value;

        g_free (*target);
        *target = sag_wire_string (&field.bytes);
      }
  if (local != NULL)
    {
      g_propagate_error (error, local);
      return FALSE;
    }
  for (int i = 0; i < 3 && key != NULL; i++)
    {
      static const char *const keys[] = { "location", "offset", "length" };
      char **targets[] = { &proto->location, &proto->offset, &proto->length };

      if (strcmp (key, keys[i]) == 0)
        {
          g_free (*targets[i]);
          *targets[i] = g_steal_pointer (&value);
        }
    }
  return TRUE;
}

static gboolean
read_proto (SagWire message, Proto *proto, GError **error)
{
  SagWireField field;
  GError *local = NULL;
  gboolean good = TRUE;

  proto->lists = g_array_new (FALSE, FALSE, sizeof (SagWireField));
  while (good && sag_wire_next (&message, &field, &local))
    switch (field.number)
      {
      case 1:
        good = read_dims (proto, &field, error);
        break;
      case 2:
        proto->type = (gint64) field.value;
        break;
      case 4:
      case 5:
      case 7:
      case 10:
      case 11:
        g_array_append_val (proto->lists, field);
        break;
      case 8:
        proto->name = field.bytes;
        break;
      case 9:
        proto->raw = field.bytes;
        proto->has_raw = field.type == 2;
        break;
      case 13:
        good = field.type == 2 && read_entry (proto, field.bytes, error);
        if (field.type != 2)
          good = invalid (error, "A tensor's external data entry is damaged");
        break;
      case 14:
        proto->external = field.value == 1;
        break;
      default:
        break;
      }
  if (local != NULL)
    {
      g_propagate_error (error, local);
      return FALSE;
    }
  return good;
}

/* Opens `location` below `folder` one component at a time, so that neither ".." nor a symbolic link
 * leads out of it. */
static int
open_below (const char *folder, const char *location)
{
  g_auto (GStrv) parts = g_strsplit (location, "/", 32);
  int at = open (folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

  if (g_path_is_absolute (location) || parts[0] == NULL)
    {
      if (at >= 0)
        close (at);
      errno = EPERM;
      return -1;
    }
  for (int i = 0; at >= 0 && parts[i] != NULL; i++)
    {
      gboolean last = parts[i + 1] == NULL;
      int next = -1;

      if (strcmp (parts[i], ".") == 0 && !last)
        continue;
      errno = EPERM;
      if (strcmp (parts[i], "..") != 0 && strcmp (parts[i], ".") != 0 && *parts[i] != '\0')
        next =
            openat (at, parts[i],
                    O_CLOEXEC | O_NOFOLLOW | (last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY));
      close (at);
      at = next;
    }
  return at;
}

static GBytes *
map_below (const char *folder, const char *location, GError **error)
{
  g_autofree char *name = sag_escape_name (location, -1);
  struct stat info;
  int fd = open_below (folder, location);
  GMappedFile *mapped = NULL;

  if (fd >= 0 && fstat (fd, &info) == 0 && S_ISREG (info.st_mode))
    mapped = g_mapped_file_new_from_fd (fd, FALSE, NULL);
  if (fd >= 0)
    close (fd);
  if (mapped == NULL)
    {
      g_set_error (
          error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO,
          "The weights file '%s' cannot be opened; it must be a plain file in or below the "
          "model's folder",
          name);
      return NULL;
    }
  GBytes *bytes = g_mapped_file_get_bytes (mapped);
  g_mapped_file_unref (mapped);
  return bytes;
}

static gboolean
read_external (Proto *proto, const char *folder, GPtrArray *files, gsize bytes, GError **error)
{
  guint64 offset = 0, length = bytes;
  gsize size;
  const guint8 *data;
  GBytes *file;

  if (folder == NULL || proto->location == NULL)
    return invalid (error, "A tensor's external data has no place");
  if ((proto->offset != NULL
       && !g_ascii_string_to_unsigned (proto->offset, 10, 0, G_MAXINT64, &offset, NULL))
      || (proto->length != NULL
          && !g_ascii_string_to_unsigned (proto->length, 10, 0, G_MAXINT64, &length, NULL)))
    return invalid (error, "A tensor's external data has a damaged offset or length");
  file = map_below (folder, proto->location, error);
  if (file == NULL)
    return FALSE;
  g_ptr_array_add (files, file);
  data = g_bytes_get_data (file, &size);
  if (offset > size || length > size - offset)
    return invalid (error, "A tensor's external data lies beyond the end of its file");
  proto->raw.at = data + offset;
  proto->raw.end = proto->raw.at + length;
  proto->has_raw = TRUE;
  return TRUE;
}

/* Element `i` of the typed lists, as it lies in `dtype`'s memory. */
static void
store_number (void *to, SagDType dtype, gint64 i, guint64 bits)
{
  switch (dtype)
    {
    case SAG_DTYPE_F32:
    case SAG_DTYPE_I32:
    case SAG_DTYPE_U32:
      ((guint32 *) to)[i] = (guint32) bits;
      break;
    case SAG_DTYPE_F64:
    case SAG_DTYPE_I64:
    case SAG_DTYPE_U64:
      ((guint64 *) to)[i] = bits;
      break;
    case SAG_DTYPE_F16:
    case SAG_DTYPE_BF16:
    case SAG_DTYPE_I16:
    case SAG_DTYPE_U16:
      ((guint16 *) to)[i] = (guint16) bits;
      break;
    default:
      ((guint8 *) to)[i] = (guint8) bits;
      break;
    }
}

/* Elements of a list: float_data and double_data are fixed, the others varints. */
static gsize
count_numbers (const SagWireField *field)
{
  gsize fixed = field->number == 4 ? 4 : field->number == 10 ? 8 : 0, n = 0;

  if (field->type != 2)
    return 1;
  if (fixed > 0)
    return sag_wire_length (&field->bytes) / fixed;
  for (const guint8 *at = field->bytes.at; at < field->bytes.end; at++)
    n += *at < 0x80; /* the last byte of each */
  return n;
}

/* All lists, one after the other, into memory for `stored` elements. */
static gboolean
store_numbers (const Proto *proto, void *to, SagDType dtype, gint64 stored, GError **error)
{
  gint64 i = 0;

  for (guint k = 0; k < proto->lists->len; k++)
    {
      const SagWireField *field = &g_array_index (proto->lists, SagWireField, k);
      gsize fixed = field->number == 4 ? 4 : field->number == 10 ? 8 : 0;
      SagWire at = field->bytes;

      if (field->type != 2 && i < stored)
        store_number (to, dtype, i++, field->value);
      while (field->type == 2 && at.at < at.end)
        {
          guint64 value = 0;

          if (fixed > 0 && sag_wire_length (&at) >= fixed)
            {
              memcpy (&value, at.at, fixed);
              at.at += fixed;
            }
          else if (fixed > 0 || !sag_wire_varint (&at, &value))
            return invalid (error, "A tensor's data is damaged");
          if (i < stored)
            store_number (to, dtype, i++, value);
        }
    }
  return TRUE;
}

static gboolean
fill (Proto *proto, SagDType dtype, gint64 count, gsize bytes, SagTensor *tensor, GError **error)
{
  gboolean half_bytes = dtype == SAG_DTYPE_I4 || dtype == SAG_DTYPE_U4;
  gint64 stored = half_bytes ? (count + 1) / 2 : count;

  if (proto->has_raw)
    {
      gsize align = count > 0 ? MAX (bytes / (gsize) count, 1) : 1;

      if (sag_wire_length (&proto->raw) != bytes)
        return invalid (error, "A tensor's data and dimensions disagree");
      if (((gsize) proto->raw.at & (MIN (align, 8) - 1)) == 0)
        {
          tensor->data = proto->raw.at;
          return TRUE;
        }
    }
  else
    {
      gsize n = 0;

      for (guint k = 0; k < proto->lists->len; k++)
        n += count_numbers (&g_array_index (proto->lists, SagWireField, k));
      if (n != (gsize) stored)
        return invalid (error, "A tensor's data and dimensions disagree");
    }

  tensor->owned = sag_alloc_try (bytes, "the weights", error);
  if (tensor->owned == NULL)
    return FALSE;
  tensor->data = tensor->owned;
  if (proto->has_raw)
    memcpy (tensor->owned, proto->raw.at, bytes);
  else
    return store_numbers (proto, tensor->owned, dtype, stored, error);
  return TRUE;
}

/* To F32, or one byte for each 4-bit element. */
static gboolean
convert (SagTensor *tensor, SagDType to, gint64 count, GError **error)
{
  gsize bytes;
  gpointer memory;

  sag_dtype_get_bytes (to, count, &bytes);
  memory = sag_alloc_try (bytes, "the weights", error);
  if (memory == NULL)
    return FALSE;
  for (gint64 i = 0; i < count; i++)
    {
      guint8 nibble;

      switch (tensor->dtype)
        {
        case SAG_DTYPE_I4:
        case SAG_DTYPE_U4:
          nibble = ((const guint8 *) tensor->data)[i / 2] >> (i % 2 * 4) & 15;
          ((guint8 *) memory)[i]
              = tensor->dtype == SAG_DTYPE_I4 ? (guint8) ((nibble ^ 8) - 8) : nibble;
          break;
        default:
          ((float *) memory)[i] = (float) sag_tensor_get_real (tensor, i);
          break;
        }
    }
  sag_free (tensor->owned);
  tensor->data = tensor->owned = memory;
  tensor->dtype = to;
  return TRUE;
}

static SagTensor *
build (Proto *proto, const char *folder, GPtrArray *files, gboolean widen, GError **error)
{
  g_autoptr (SagTensor) tensor = g_new0 (SagTensor, 1);
  gint64 count = sag_shape_count (&proto->shape);
  gboolean good;
  gsize bytes;

  if (!sag_onnx_dtype (proto->type, &tensor->dtype))
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                   "A tensor has element type %" G_GINT64_FORMAT ", which is not supported",
                   proto->type);
      return NULL;
    }
  tensor->shape = proto->shape;
  if (count < 0 || !sag_dtype_get_bytes (tensor->dtype, count, &bytes))
    {
      invalid (error, "A tensor's dimensions are negative or too large");
      return NULL;
    }
  if ((proto->external && !read_external (proto, folder, files, bytes, error))
      || !fill (proto, tensor->dtype, count, bytes, tensor, error))
    return NULL;
  switch (tensor->dtype)
    {
    case SAG_DTYPE_F16:
    case SAG_DTYPE_BF16:
    case SAG_DTYPE_F64:
      good = !widen || convert (tensor, SAG_DTYPE_F32, count, error);
      break;
    case SAG_DTYPE_I4:
      good = convert (tensor, SAG_DTYPE_I8, count, error);
      break;
    case SAG_DTYPE_U4:
      good = convert (tensor, SAG_DTYPE_U8, count, error);
      break;
    default:
      good = TRUE;
    }
  return good ? g_steal_pointer (&tensor) : NULL;
}

SagTensor *
sag_onnx_read_tensor (SagWire message, const char *folder, GPtrArray *files, gboolean widen,
                      char **name, GError **error)
{
  Proto proto = { 0 };
  SagTensor *tensor = NULL;
  g_autofree char *own_name = NULL;

  if (read_proto (message, &proto, error))
    {
      own_name = sag_wire_string (&proto.name);
      tensor = build (&proto, folder, files, widen, error);
      if (tensor == NULL)
        {
          g_autofree char *escaped = sag_escape_name (own_name, -1);

          g_prefix_error (error, "Weights '%s': ", escaped);
        }
    }
  proto_clear (&proto);
  if (tensor != NULL && name != NULL)
    *name = g_steal_pointer (&own_name);
  return tensor;
}
