/* SPDX-License-Identifier: Apache-2.0
 *
 * npy.c: arrays in NumPy's .npy files.
 */
#include "app/files/npy.h"

#include "app/files/save.h"
#include "engine/base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_HEADER = 65536 };

static const struct
{
  const char *code;
  SagDType    dtype;
} types[] = {
  { "<f4", SAG_DTYPE_F32 },  { "<f2", SAG_DTYPE_F16 }, { "<f8", SAG_DTYPE_F64 },
  { "|b1", SAG_DTYPE_BOOL }, { "|i1", SAG_DTYPE_I8 },  { "<i2", SAG_DTYPE_I16 },
  { "<i4", SAG_DTYPE_I32 },  { "<i8", SAG_DTYPE_I64 }, { "|u1", SAG_DTYPE_U8 },
  { "<u2", SAG_DTYPE_U16 },  { "<u4", SAG_DTYPE_U32 }, { "<u8", SAG_DTYPE_U64 },
};

static gboolean
fail (GError **error, SagEngineError code, const char *path, const char *what)
{
  g_autofree char *name = sag_escape_name (path, -1);

  g_set_error (error, SAG_ENGINE_ERROR, code, "The array file '%s' %s", name, what);
  return FALSE;
}

/* Where the value of `key` begins in the header's dictionary. */
static const char *
find_key (const char *header, const char *key)
{
  g_autofree char *quoted = g_strdup_printf ("'%s'", key);
  const char *at = strstr (header, quoted);

  if (at == NULL)
    return NULL;
  at += strlen (quoted);
  at += strspn (at, " ");
  return *at == ':' ? at + 1 + strspn (at + 1, " ") : NULL;
}

static gboolean
parse_shape (const char *at, SagShape *shape)
{
  *shape = (SagShape) { 0 };
  if (at == NULL || *at++ != '(')
    return FALSE;
  for (;;)
    {
      gint64 size;
      char *end;

      at += strspn (at, " ,");
      if (*at == ')')
        return sag_shape_count (shape) >= 0;
      if (!g_ascii_isdigit (*at) || shape->rank == SAG_MAX_RANK)
        return FALSE;
      errno = 0;
      size = g_ascii_strtoll (at, &end, 10);
      if (errno != 0)
        return FALSE;
      shape->dim[shape->rank++] = size;
      at = end + (*end == 'L');
    }
}

static gboolean
parse_header (const char *header, SagDType *dtype, SagShape *shape, gboolean *fortran)
{
  const char *type = find_key (header, "descr"), *order = find_key (header, "fortran_order");

  if (type == NULL || *type != '\'' || order == NULL
      || !parse_shape (find_key (header, "shape"), shape))
    return FALSE;
  *fortran = g_str_has_prefix (order, "True");
  *dtype = SAG_N_DTYPES;
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (strncmp (type + 2, types[i].code + 1, 2) == 0 && type[4] == '\''
        && strchr ("<|=", type[1]) != NULL && type[1] != '\0')
      *dtype = types[i].dtype;
  return TRUE;
}

/* Element (i0, i1...) of the file lies first axis fastest. */
static SagTensor *
from_fortran (const SagTensor *file, GError **error)
{
  SagTensor *tensor = sag_tensor_new (file->dtype, &file->shape, error);
  gint64 n = sag_shape_count (&file->shape);
  gsize size;

  if (tensor == NULL)
    return NULL;
  sag_dtype_get_bytes (file->dtype, 1, &size);
  for (gint64 i = 0; i < n; i++)
    {
      gint64 rest = i, from = 0;

      for (int a = file->shape.rank - 1; a >= 0; a--)
        {
          from += rest % file->shape.dim[a] * sag_shape_product (&file->shape, 0, a);
          rest /= file->shape.dim[a];
        }
      memcpy ((char *) tensor->owned + i * (gint64) size,
              (const char *) file->data + from * (gint64) size, size);
    }
  return tensor;
}

static SagTensor *
read_stream (FILE *stream, const char *path, GError **error)
{
  g_autoptr (SagTensor) tensor = NULL;
  g_autofree char *header = NULL;
  guint8 start[12];
  gsize length, bytes = 0, prefix;
  gboolean fortran;
  SagDType dtype;
  SagShape shape;
  struct stat info;

  if (fread (start, 1, 10, stream) != 10 || memcmp (start, "\x93NUMPY", 6) != 0 || start[6] < 1
      || start[6] > 3)
    {
      fail (error, SAG_ENGINE_ERROR_INVALID, path, "is not a .npy file");
      return NULL;
    }
  prefix = start[6] == 1 ? 10 : 12;
  length = start[8] | (gsize) start[9] << 8;
  if (prefix == 12 && fread (start + 10, 1, 2, stream) == 2)
    length |= (gsize) start[10] << 16 | (gsize) start[11] << 24;
  header = length <= MAX_HEADER ? g_malloc0 (length + 1) : NULL;
  if (header == NULL || fread (header, 1, length, stream) != length
      || !parse_header (header, &dtype, &shape, &fortran))
    {
      fail (error, SAG_ENGINE_ERROR_INVALID, path, "has a damaged header");
      return NULL;
    }
  if (dtype == SAG_N_DTYPES)
    {
      fail (error, SAG_ENGINE_ERROR_UNSUPPORTED, path,
            "holds elements of a type that is not supported; save it as little-endian numbers");
      return NULL;
    }
  if (!sag_dtype_get_bytes (dtype, (gsize) sag_shape_count (&shape), &bytes)
      || fstat (fileno (stream), &info) != 0 || !S_ISREG (info.st_mode)
      || (guint64) info.st_size < prefix + length
      || (guint64) info.st_size - prefix - length < bytes)
    {
      fail (error, SAG_ENGINE_ERROR_INVALID, path, "is shorter than its header says");
      return NULL;
    }
  tensor = sag_tensor_new (dtype, &shape, error);
  if (tensor == NULL)
    return NULL;
  if (fread (tensor->owned, 1, bytes, stream) != bytes)
    {
      fail (error, SAG_ENGINE_ERROR_IO, path, "could not be read to its end");
      return NULL;
    }
  return fortran && shape.rank > 1 ? from_fortran (tensor, error) : g_steal_pointer (&tensor);
}

SagTensor *
sag_npy_read (const char *path, GError **error)
{
  FILE *stream = fopen (path, "rbe");
  SagTensor *tensor;

  if (stream == NULL)
    {
      g_autofree char *what = g_strdup_printf ("cannot be opened: %s", g_strerror (errno));

      fail (error, SAG_ENGINE_ERROR_IO, path, what);
      return NULL;
    }
  tensor = read_stream (stream, path, error);
  fclose (stream);
  return tensor;
}

static char *
make_header (const SagTensor *tensor)
{
  GString *text = g_string_new (NULL);
  const char *code = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (types[i].dtype == tensor->dtype)
      code = types[i].code;
  if (code == NULL)
    return g_string_free (text, TRUE);
  g_string_append_printf (text, "{'descr': '%s', 'fortran_order': False, 'shape': (", code);
  for (int i = 0; i < tensor->shape.rank; i++)
    g_string_append_printf (text, "%" G_GINT64_FORMAT "%s", tensor->shape.dim[i],
                            tensor->shape.rank == 1 ? "," : i + 1 < tensor->shape.rank ? ", " : "");
  g_string_append (text, "), }");
  while ((10 + text->len + 1) % 64 != 0)
    g_string_append_c (text, ' ');
  g_string_append_c (text, '\n');
  return g_string_free (text, FALSE);
}

gboolean
sag_npy_write (const char *path, const SagTensor *tensor, GError **error)
{
  g_autofree char *header = make_header (tensor);
  gsize length, bytes;
  guint8 start[10] = { 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0 };
  SagSave *file;
  FILE *stream;
  gboolean good;

  if (header == NULL
      || !sag_dtype_get_bytes (tensor->dtype, (gsize) sag_shape_count (&tensor->shape), &bytes))
    return fail (error, SAG_ENGINE_ERROR_UNSUPPORTED, path, "cannot hold this type of element");
  file = sag_save_begin (path, error);
  if (file == NULL)
    return FALSE;
  length = strlen (header);
  start[8] = (guint8) length;
  start[9] = (guint8) (length >> 8);
  stream = fopen (sag_save_get_name (file), "wbe");
  good = stream != NULL && fwrite (start, 1, sizeof start, stream) == sizeof start
         && fwrite (header, 1, length, stream) == length
         && fwrite (tensor->data, 1, bytes, stream) == bytes;
  if (stream != NULL && fclose (stream) != 0)
    good = FALSE;
  if (!good)
    {
      g_autofree char *what = g_strdup_printf ("cannot be written: %s", g_strerror (errno));

      sag_save_abort (file);
      return fail (error, SAG_ENGINE_ERROR_IO, path, what);
    }
  return sag_save_finish (file, error);
}
