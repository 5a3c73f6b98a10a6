/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor.h: shapes with checked arithmetic, and elements with an owner.
 */
#pragma once

#include "engine/base/dtype.h"
#include "engine/nn/session.h"

#include <glib.h>

/* No tensor has more elements than this; every product of dimensions is checked against it. */
#define SAG_MAX_ELEMENTS ((gint64) 1 << 40)

typedef struct
{
  int    rank; /* 0 is a scalar: one element */
  gint64 dim[SAG_MAX_RANK];
} SagShape;

/* Elements in row-major order of the file's axes. Either owns its memory or points into something
 * that outlives it (the mapped model file). */
typedef struct
{
  SagDType    dtype;
  SagShape    shape;
  const void *data;
  gpointer    owned; /* NULL, or what sag_free() releases; then data points into it */
} SagTensor;

/* Number of elements, or -1 if a dimension is negative or the product passes SAG_MAX_ELEMENTS. */
gint64    sag_shape_count      (const SagShape *shape);
gboolean  sag_shape_equal      (const SagShape *a, const SagShape *b);

/* Product of dimensions from..to-1; the whole must have been checked. */
gint64    sag_shape_product    (const SagShape *shape, int from, int to);

/* "1x16x64x64", "scalar". Caller frees. */
char     *sag_shape_to_string  (const SagShape *shape);

/* NumPy/ONNX multidirectional broadcasting. FALSE if the shapes do not fit each other. */
gboolean  sag_shape_broadcast  (const SagShape *a, const SagShape *b, SagShape *result);

/* Element strides of `shape` seen as `result` (a broadcast of it): 0 where it repeats. */
void      sag_shape_strides_in (const SagShape *shape, const SagShape *result, gint64 *strides);

/* An axis as ONNX writes it (-rank..rank-1) to 0..rank-1; -1 if outside. */
int       sag_axis             (gint64 axis, int rank);

/* Owned, zeroed elements. INVALID or MEMORY. */
SagTensor *sag_tensor_new      (SagDType        dtype,
                                const SagShape *shape,
                                GError        **error);
SagTensor *sag_tensor_copy     (const SagTensor *self,
                                GError        **error);
void       sag_tensor_free     (SagTensor      *self);

/* Element `i` of an integer or bool tensor as gint64, of any numeric tensor as double. */
gint64     sag_tensor_get_int  (const SagTensor *self, gint64 i);
double     sag_tensor_get_real (const SagTensor *self, gint64 i);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagTensor, sag_tensor_free)
