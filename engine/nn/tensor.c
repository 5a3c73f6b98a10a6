/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor.c: shapes with checked arithmetic, and elements with an owner.
 */
#include "engine/nn/tensor.h"

#include "engine/base/alloc.h"
#include "engine/base/error.h"

#include <string.h>

gint64
sag_shape_count (const SagShape *shape)
{
  gint64 n = 1;
  gboolean empty = FALSE;

  if (shape->rank < 0 || shape->rank > SAG_MAX_RANK)
    return -1;
  for (int i = 0; i < shape->rank; i++)
    {
      if (shape->dim[i] < 0)
        return -1;
      if (shape->dim[i] == 0)
        empty = TRUE;
      else if (shape->dim[i] > SAG_MAX_ELEMENTS / n)
        return -1;
      else
        n *= shape->dim[i];
    }
  return empty ? 0 : n;
}

gboolean
sag_shape_equal (const SagShape *a, const SagShape *b)
{
  return a->rank == b->rank && memcmp (a->dim, b->dim, sizeof a->dim[0] * a->rank) == 0;
}

gint64
sag_shape_product (const SagShape *shape, int from, int to)
{
  gint64 n = 1;

  for (int i = from; i < to; i++)
    n *= shape->dim[i];
  return n;
}

char *
sag_shape_to_string (const SagShape *shape)
{
  GString *text = g_string_new (NULL);

  for (int i = 0; i < shape->rank; i++)
    g_string_append_printf (text, "%s%" G_GINT64_FORMAT, i > 0 ? "x" : "", shape->dim[i]);
  return g_string_free (shape->rank == 0 ? g_string_append (text, "scalar") : text, FALSE);
}

gboolean
sag_shape_broadcast (const SagShape *a, const SagShape *b, SagShape *result)
{
  SagShape out = { .rank = MAX (a->rank, b->rank) };

  for (int i = 1; i <= out.rank; i++)
    {
      gint64 x = i <= a->rank ? a->dim[a->rank - i] : 1;
      gint64 y = i <= b->rank ? b->dim[b->rank - i] : 1;

      if (x != y && x != 1 && y != 1)
        return FALSE;
      out.dim[out.rank - i] = x == 1 ? y : x;
    }
  *result = out;
  return TRUE;
}

void
sag_shape_strides_in (const SagShape *shape, const SagShape *result, gint64 *strides)
{
  gint64 stride = 1;

  for (int i = 1; i <= result->rank; i++)
    {
      gint64 n = i <= shape->rank ? shape->dim[shape->rank - i] : 1;

      strides[result->rank - i] = n == 1 ? 0 : stride;
      stride *= n;
    }
}

int
sag_axis (gint64 axis, int rank)
{
  if (axis < 0)
    axis += rank;
  return axis < 0 || axis >= rank ? -1 : (int) axis;
}

SagTensor *
sag_tensor_new (SagDType dtype, const SagShape *shape, GError **error)
{
  gint64 n = sag_shape_count (shape);
  gsize bytes;
  gpointer memory;
  SagTensor *self;

  if (n < 0 || !sag_dtype_get_bytes (dtype, n, &bytes))
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "A tensor's dimensions are negative or too large");
      return NULL;
    }
  memory = sag_alloc_try (bytes, "a tensor", error);
  if (memory == NULL)
    return NULL;
  self = g_new0 (SagTensor, 1);
  self->dtype = dtype;
  self->shape = *shape;
  self->data = self->owned = memory;
  return self;
}

SagTensor *
sag_tensor_copy (const SagTensor *self, GError **error)
{
  SagTensor *copy = sag_tensor_new (self->dtype, &self->shape, error);
  gsize bytes;

  if (copy != NULL && sag_dtype_get_bytes (self->dtype, sag_shape_count (&self->shape), &bytes)
      && bytes > 0)
    memcpy (copy->owned, self->data, bytes);
  return copy;
}

void
sag_tensor_free (SagTensor *self)
{
  if (self == NULL)
    return;
  sag_free (self->owned);
  g_free (self);
}

gint64
sag_tensor_get_int (const SagTensor *self, gint64 i)
{
  switch (self->dtype)
    {
    case SAG_DTYPE_I64:
    case SAG_DTYPE_U64:
      return ((const gint64 *) self->data)[i];
    case SAG_DTYPE_I32:
      return ((const gint32 *) self->data)[i];
    case SAG_DTYPE_U32:
      return ((const guint32 *) self->data)[i];
    case SAG_DTYPE_I16:
      return ((const gint16 *) self->data)[i];
    case SAG_DTYPE_U16:
      return ((const guint16 *) self->data)[i];
    case SAG_DTYPE_I8:
      return ((const gint8 *) self->data)[i];
    case SAG_DTYPE_U8:
    case SAG_DTYPE_BOOL:
      return ((const guint8 *) self->data)[i];
    case SAG_DTYPE_F32:
      {
        float value = ((const float *) self->data)[i];

        /* Out of range is undefined in C; a shape made of it is refused later. */
        return value >= -9e18f && value <= 9e18f ? (gint64) value : G_MININT64;
      }
    default:
      return 0;
    }
}

double
sag_tensor_get_real (const SagTensor *self, gint64 i)
{
  switch (self->dtype)
    {
    case SAG_DTYPE_F32:
      return ((const float *) self->data)[i];
    case SAG_DTYPE_F64:
      return ((const double *) self->data)[i];
    case SAG_DTYPE_F16:
      return sag_f16_to_f32 (((const guint16 *) self->data)[i]);
    case SAG_DTYPE_BF16:
      return sag_bf16_to_f32 (((const guint16 *) self->data)[i]);
    case SAG_DTYPE_U64:
      return (double) ((const guint64 *) self->data)[i];
    default:
      return (double) sag_tensor_get_int (self, i);
    }
}
