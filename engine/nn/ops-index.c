/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-index.c: operators that go by index: the Gather and Scatter families, OneHot, TopK, NonZero.
 *
 * An index out of range is an error where it is constant; where it is computed it is clamped,
 * because a run cannot fail.
 */
#include "engine/nn/op-util.h"

#include <string.h>

static gint64
index_at (const SagValue *value, gint64 i, gint64 size)
{
  gint64 at = value->dtype == SAG_DTYPE_I32 ? ((const gint32 *) value->data)[i]
                                            : ((const gint64 *) value->data)[i];

  if (at < 0)
    at += size;
  return CLAMP (at, 0, size - 1);
}

/* Constant indices lie in -size..size-1. */
static gboolean
check_indices (const SagNode *node, int input, gint64 size, GError **error)
{
  const SagValue *value = sag_node_input (node, input);

  if (value->dtype != SAG_DTYPE_I64 && value->dtype != SAG_DTYPE_I32)
    return sag_node_invalid (node, error, "its indices are not whole numbers");
  if (size == 0 && sag_value_count (value) > 0)
    return sag_node_invalid (node, error, "it indexes an empty axis");
  for (gint64 i = 0; value->constant != NULL && i < sag_value_count (value); i++)
    {
      gint64 at = sag_tensor_get_int (value->constant, i);

      if (at < -size || at >= size)
        return sag_node_invalid (node, error,
                                 "index %" G_GINT64_FORMAT " is outside of 0..%" G_GINT64_FORMAT,
                                 at, size - 1);
    }
  return TRUE;
}

static gboolean
get_axis (const SagNode *node, int *axis, gint64 otherwise, GError **error)
{
  *axis =
      sag_axis (sag_node_get_int (node, "axis", otherwise), sag_node_input (node, 0)->shape.rank);
  return *axis >= 0 || sag_node_invalid (node, error, "axis is outside of its input");
}

/* ---- Gather ----------------------------------------------------------------------------- */

static gboolean
infer_gather (SagNode *node, GError **error)
{
  const SagValue *x, *indices;
  SagShape shape = { 0 };
  int axis;

  if (!sag_node_arity (node, 2, error) || !get_axis (node, &axis, 0, error))
    return FALSE;
  x = sag_node_input (node, 0);
  indices = sag_node_input (node, 1);
  if (!check_indices (node, 1, x->shape.dim[axis], error))
    return FALSE;
  if (x->shape.rank - 1 + indices->shape.rank > SAG_MAX_RANK)
    return sag_node_invalid (node, error, "its result has more than %d dimensions", SAG_MAX_RANK);
  for (int i = 0; i < axis; i++)
    shape.dim[shape.rank++] = x->shape.dim[i];
  for (int i = 0; i < indices->shape.rank; i++)
    shape.dim[shape.rank++] = indices->shape.dim[i];
  for (int i = axis + 1; i < x->shape.rank; i++)
    shape.dim[shape.rank++] = x->shape.dim[i];
  return sag_node_give (node, 0, x->dtype, &shape, error);
}

typedef struct
{
  const SagValue *x, *indices;
  SagValue       *y;
  gint64          n, size, inner; /* indices; length of the axis; bytes behind it */
} GatherRun;

static void
gather_items (gint64 item, gint64 to, int thread, gpointer data)
{
  const GatherRun *run = data;

  for (; item < to; item++)
    {
      gint64 at = item / run->n * run->size + index_at (run->indices, item % run->n, run->size);

      memcpy ((char *) run->y->data + item * run->inner,
              (const char *) run->x->data + at * run->inner, (gsize) run->inner);
    }
}

static void
run_gather (const SagStep *step)
{
  GatherRun run = { sag_node_input (step->node, 0), sag_node_input (step->node, 1),
                    sag_node_output (step->node, 0) };
  int axis;

  get_axis (step->node, &axis, 0, NULL);
  run.n = sag_value_count (run.indices);
  run.size = run.x->shape.dim[axis];
  run.inner = sag_shape_product (&run.x->shape, axis + 1, run.x->shape.rank)
              * (gint64) sag_dtype_size (run.x->dtype);
  sag_range_run (sag_shape_product (&run.x->shape, 0, axis) * run.n,
                 MAX (1, 65536 / MAX (1, run.inner)), gather_items, &run);
}

/* ---- GatherElements, ScatterElements ---------------------------------------------------- */

static gboolean
infer_gather_elements (SagNode *node, GError **error)
{
  const SagValue *x, *indices;
  int axis;

  if (!sag_node_arity (node, 2, error) || !get_axis (node, &axis, 0, error))
    return FALSE;
  x = sag_node_input (node, 0);
  indices = sag_node_input (node, 1);
  if (!check_indices (node, 1, x->shape.dim[axis], error))
    return FALSE;
  if (indices->shape.rank != x->shape.rank)
    return sag_node_invalid (node, error, "its indices have another number of dimensions");
  for (int i = 0; i < x->shape.rank; i++)
    if (i != axis && indices->shape.dim[i] > x->shape.dim[i])
      return sag_node_invalid (node, error, "its indices are larger than its input");
  return sag_node_give (node, 0, x->dtype, &indices->shape, error);
}

/* Element of `x` that position `i` of the indices means. */
static gint64
element_place (const SagValue *x, const SagValue *indices, int axis, gint64 i)
{
  gint64 strides[SAG_MAX_RANK], at = 0, rest = i;

  sag_value_strides (x, strides);
  for (int a = x->shape.rank - 1; a >= 0; a--)
    {
      gint64 k = rest % indices->shape.dim[a];

      rest /= indices->shape.dim[a];
      at += (a == axis ? index_at (indices, i, x->shape.dim[a]) : k) * strides[a];
    }
  return at;
}

static void
run_gather_elements (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0), *indices = sag_node_input (step->node, 1);
  gint64 size = (gint64) sag_dtype_size (x->dtype), n = sag_value_count (indices);
  char *y = sag_step_out (step, 0);
  int axis;

  get_axis (step->node, &axis, 0, NULL);
  for (gint64 i = 0; i < n; i++)
    memcpy (y + i * size, (const char *) x->data + element_place (x, indices, axis, i) * size,
            (gsize) size);
}

typedef enum
{
  SCATTER_SET,
  SCATTER_ADD,
  SCATTER_MUL,
  SCATTER_MAX,
  SCATTER_MIN,
} Reduction;

static gboolean
get_reduction (const SagNode *node, Reduction *reduction, GError **error)
{
  static const char *const names[] = { "none", "add", "mul", "max", "min" };
  const char *name = sag_node_get_string (node, "reduction", "none");
  SagDType dtype = sag_node_input (node, 0)->dtype;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (name, names[i]) == 0)
      {
        *reduction = (Reduction) i;
        if (i > 0 && dtype != SAG_DTYPE_F32 && dtype != SAG_DTYPE_I64 && dtype != SAG_DTYPE_I32)
          return sag_node_unsupported (node, error,
                                       "its reduction goes with f32, i32 and i64 only");
        return TRUE;
      }
  return sag_node_invalid (node, error, "its reduction is unknown");
}

#define MERGE(type)                                                                            \
  {                                                                                            \
    type *a = to;                                                                              \
    const type *b = from;                                                                      \
                                                                                               \
    for (gint64 i = 0; i < n; i++)                                                             \
      a[i] = reduction == SCATTER_ADD   ? a[i] + b[i]                                          \
             : reduction == SCATTER_MUL ? a[i] * b[i]                                          \
             : reduction == SCATTER_MAX ? MAX (a[i], b[i])                                     \
                                        : MIN (a[i], b[i]);                                    \
    break;                                                                                     \
  }

/* n neighbouring elements. */
static void
merge (SagDType dtype, Reduction reduction, void *to, const void *from, gint64 n)
{
  if (reduction == SCATTER_SET)
    {
      memcpy (to, from, n * sag_dtype_size (dtype));
      return;
    }
  switch (dtype)
    {
    case SAG_DTYPE_F32:
      MERGE (float)
    case SAG_DTYPE_I64:
      MERGE (gint64)
    default:
      MERGE (gint32)
    }
}

static gboolean
infer_scatter_elements (SagNode *node, GError **error)
{
  Reduction reduction;
  int axis;

  if (!sag_node_arity (node, 3, error) || !get_axis (node, &axis, 0, error)
      || !get_reduction (node, &reduction, error)
      || !check_indices (node, 1, sag_node_input (node, 0)->shape.dim[axis], error))
    return FALSE;
  if (!sag_shape_equal (&sag_node_input (node, 1)->shape, &sag_node_input (node, 2)->shape)
      || sag_node_input (node, 1)->shape.rank != sag_node_input (node, 0)->shape.rank
      || sag_node_input (node, 2)->dtype != sag_node_input (node, 0)->dtype)
    return sag_node_invalid (node, error, "indices and updates do not fit each other");
  for (int i = 0; i < sag_node_input (node, 0)->shape.rank; i++)
    if (i != axis
        && sag_node_input (node, 1)->shape.dim[i] > sag_node_input (node, 0)->shape.dim[i])
      return sag_node_invalid (node, error, "its indices are larger than its input");
  return sag_infer_same (node, error);
}

static void
run_scatter_elements (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0), *indices = sag_node_input (step->node, 1);
  const char *updates = sag_step_in (step, 2);
  char *y = sag_step_out (step, 0);
  gint64 size = (gint64) sag_dtype_size (x->dtype);
  Reduction reduction = SCATTER_SET;
  int axis;

  get_axis (step->node, &axis, 0, NULL);
  get_reduction (step->node, &reduction, NULL);
  if (y != x->data)
    memcpy (y, x->data, sag_value_count (x) * (gsize) size);
  for (gint64 i = 0; i < sag_value_count (indices); i++)
    merge (x->dtype, reduction, y + element_place (x, indices, axis, i) * size, updates + i * size,
           1);
}

/* ---- GatherND, ScatterND ---------------------------------------------------------------- */

/* The block of x that index tuple `t` names, in elements. */
static gint64
tuple_place (const SagValue *x, const SagValue *indices, gint64 t, int depth, int batch_dims)
{
  gint64 at = 0;

  for (int d = 0; d < depth; d++)
    {
      gint64 size = x->shape.dim[batch_dims + d];

      at = at * size + index_at (indices, t * depth + d, size);
    }
  return at * sag_shape_product (&x->shape, batch_dims + depth, x->shape.rank);
}

static gboolean
check_tuples (const SagNode *node, int batch_dims, GError **error)
{
  const SagValue *x = sag_node_input (node, 0), *indices = sag_node_input (node, 1);
  gint64 depth;

  if (indices->shape.rank < 1 || batch_dims < 0
      || batch_dims >= MIN (x->shape.rank, indices->shape.rank) + (x->shape.rank == 0))
    return sag_node_invalid (node, error, "its indices are not tuples");
  depth = indices->shape.dim[indices->shape.rank - 1];
  if (depth < 1 || depth > x->shape.rank - batch_dims
      || (indices->dtype != SAG_DTYPE_I64 && indices->dtype != SAG_DTYPE_I32)
      || sag_value_count (x) == 0)
    return sag_node_invalid (node, error, "its indices do not fit its input");
  for (int i = 0; i < batch_dims; i++)
    if (x->shape.dim[i] != indices->shape.dim[i])
      return sag_node_invalid (node, error, "its batches differ");
  for (gint64 i = 0; indices->constant != NULL && i < sag_value_count (indices); i++)
    {
      gint64 size = x->shape.dim[batch_dims + i % depth],
             at = sag_tensor_get_int (indices->constant, i);

      if (at < -size || at >= size)
        return sag_node_invalid (node, error, "index %" G_GINT64_FORMAT " is out of range", at);
    }
  return TRUE;
}

static gboolean
infer_gather_nd (SagNode *node, GError **error)
{
  const SagValue *x, *indices;
  int batch_dims = (int) sag_node_get_int (node, "batch_dims", 0), depth;
  SagShape shape = { 0 };

  if (!sag_node_arity (node, 2, error) || !check_tuples (node, batch_dims, error))
    return FALSE;
  x = sag_node_input (node, 0);
  indices = sag_node_input (node, 1);
  depth = (int) indices->shape.dim[indices->shape.rank - 1];
  if (indices->shape.rank - 1 + x->shape.rank - batch_dims - depth > SAG_MAX_RANK)
    return sag_node_invalid (node, error, "its result has more than %d dimensions", SAG_MAX_RANK);
  for (int i = 0; i < indices->shape.rank - 1; i++)
    shape.dim[shape.rank++] = indices->shape.dim[i];
  for (int i = batch_dims + depth; i < x->shape.rank; i++)
    shape.dim[shape.rank++] = x->shape.dim[i];
  return sag_node_give (node, 0, x->dtype, &shape, error);
}

static void
run_gather_nd (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0), *indices = sag_node_input (step->node, 1);
  int batch_dims = (int) sag_node_get_int (step->node, "batch_dims", 0);
  int depth = (int) indices->shape.dim[indices->shape.rank - 1];
  gint64 tuples = sag_value_count (indices) / depth,
         batches = sag_shape_product (&x->shape, 0, batch_dims);
  gint64 block = sag_shape_product (&x->shape, batch_dims + depth, x->shape.rank)
                 * (gint64) sag_dtype_size (x->dtype);
  gint64 whole =
      sag_shape_product (&x->shape, batch_dims, x->shape.rank) * (gint64) sag_dtype_size (x->dtype);
  char *y = sag_step_out (step, 0);

  for (gint64 t = 0; t < tuples; t++)
    memcpy (y + t * block,
            (const char *) x->data + t / MAX (1, tuples / MAX (1, batches)) * whole
              + tuple_place (x, indices, t, depth, batch_dims) * (gint64) sag_dtype_size (x->dtype),
            (gsize) block);
}

static gboolean
infer_scatter_nd (SagNode *node, GError **error)
{
  const SagValue *x, *indices, *updates;
  Reduction reduction;
  gint64 block;
  int depth;

  if (!sag_node_arity (node, 3, error) || !check_tuples (node, 0, error)
      || !get_reduction (node, &reduction, error))
    return FALSE;
  x = sag_node_input (node, 0);
  indices = sag_node_input (node, 1);
  updates = sag_node_input (node, 2);
  depth = (int) indices->shape.dim[indices->shape.rank - 1];
  block = sag_shape_product (&x->shape, depth, x->shape.rank);
  if (updates->dtype != x->dtype
      || sag_value_count (updates) != sag_value_count (indices) / depth * block)
    return sag_node_invalid (node, error, "its updates do not fit its indices");
  return sag_infer_same (node, error);
}

static void
run_scatter_nd (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0), *indices = sag_node_input (step->node, 1);
  const char *updates = sag_step_in (step, 2);
  char *y = sag_step_out (step, 0);
  int depth = (int) indices->shape.dim[indices->shape.rank - 1];
  gint64 size = (gint64) sag_dtype_size (x->dtype),
         block = sag_shape_product (&x->shape, depth, x->shape.rank);
  Reduction reduction = SCATTER_SET;

  get_reduction (step->node, &reduction, NULL);
  if (y != x->data)
    memcpy (y, x->data, sag_value_count (x) * (gsize) size);
  for (gint64 t = 0; t < sag_value_count (indices) / depth; t++)
    merge (x->dtype, reduction, y + tuple_place (x, indices, t, depth, 0) * size,
           updates + t * block * size, block);
}

/* ---- OneHot ----------------------------------------------------------------------------- */

static gboolean
infer_one_hot (SagNode *node, GError **error)
{
  const SagValue *indices;
  g_autofree gint64 *depth = NULL;
  SagShape shape;
  int axis, n;

  if (!sag_node_arity (node, 3, error) || !sag_node_const_ints (node, 1, &depth, &n, error))
    return FALSE;
  indices = sag_node_input (node, 0);
  axis = sag_axis (sag_node_get_int (node, "axis", -1), indices->shape.rank + 1);
  if (n != 1 || depth[0] < 1 || axis < 0 || indices->shape.rank >= SAG_MAX_RANK
      || sag_value_count (sag_node_input (node, 2)) != 2)
    return sag_node_invalid (node, error, "depth, axis or values are out of range");
  shape = indices->shape;
  shape.rank++;
  for (int i = shape.rank - 1; i > axis; i--)
    shape.dim[i] = indices->shape.dim[i - 1];
  shape.dim[axis] = depth[0];
  return sag_node_give (node, 0, sag_node_input (node, 2)->dtype, &shape, error);
}

static void
run_one_hot (const SagStep *step)
{
  const SagValue *indices = sag_node_input (step->node, 0),
                 *values = sag_node_input (step->node, 2);
  SagValue *y = sag_node_output (step->node, 0);
  SagTensor tensor = { indices->dtype, indices->shape, indices->data, NULL };
  int axis = sag_axis (sag_node_get_int (step->node, "axis", -1), y->shape.rank);
  gint64 depth = y->shape.dim[axis], inner = sag_shape_product (&y->shape, axis + 1, y->shape.rank);
  gsize size = sag_dtype_size (y->dtype);

  for (gint64 i = 0; i < sag_value_count (y); i++)
    {
      gint64 k = i / inner % depth, from = i / inner / depth * inner + i % inner;
      gint64 at = sag_tensor_get_int (&tensor, from);

      if (at < 0)
        at += depth;
      memcpy ((char *) y->data + i * (gint64) size,
              (const char *) values->data + (at == k ? size : 0), size);
    }
}

/* ---- TopK ------------------------------------------------------------------------------- */

static gboolean
infer_top_k (SagNode *node, GError **error)
{
  const SagValue *x;
  g_autofree gint64 *k = NULL;
  SagShape shape;
  int axis, n;

  if (sag_node_input (node, 0) == NULL || !get_axis (node, &axis, -1, error)
      || !sag_node_const_ints (node, 1, &k, &n, error))
    return sag_node_input (node, 0) != NULL ? FALSE
                                            : sag_node_invalid (node, error, "it has no input");
  x = sag_node_input (node, 0);
  shape = x->shape;
  shape.dim[axis] = n == 1 ? k[0] : sag_node_get_int (node, "k", -1);
  if (shape.dim[axis] < 0 || shape.dim[axis] > x->shape.dim[axis])
    return sag_node_invalid (node, error, "k is out of range");
  return sag_node_give (node, 0, x->dtype, &shape, error)
         && sag_node_give (node, 1, SAG_DTYPE_I64, &shape, error);
}

static gboolean
prepare_top_k (SagNode *node, SagPrecision precision, GError **error)
{
  int axis;

  get_axis (node, &axis, -1, NULL);
  node->scratch_bytes = (gsize) sag_node_input (node, 0)->shape.dim[axis] * sizeof (gint64);
  return TRUE;
}

typedef struct
{
  SagTensor tensor;
  gint64    base, inner;
  gboolean  largest;
} Line;

/* Does element a stand before element b in the result? */
static gboolean
before (const Line *line, gint64 a, gint64 b)
{
  gint64 i = line->base + a * line->inner, j = line->base + b * line->inner;

  if (line->tensor.dtype == SAG_DTYPE_F32)
    {
      float x = ((const float *) line->tensor.data)[i], y = ((const float *) line->tensor.data)[j];

      return x != y ? (line->largest ? x > y : x < y) : a < b;
    }
  gint64 x = sag_tensor_get_int (&line->tensor, i), y = sag_tensor_get_int (&line->tensor, j);

  return x != y ? (line->largest ? x > y : x < y) : a < b;
}

/* Sifts down in a heap whose root stands last. */
static void
sift (const Line *line, gint64 *heap, gint64 n, gint64 i)
{
  for (;;)
    {
      gint64 child = 2 * i + 1, swap;

      if (child >= n)
        return;
      if (child + 1 < n && before (line, heap[child], heap[child + 1]))
        child++;
      if (before (line, heap[child], heap[i]))
        return;
      swap = heap[i];
      heap[i] = heap[child];
      heap[child] = swap;
      i = child;
    }
}

static void
run_top_k (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0);
  SagValue *values = sag_node_output (step->node, 0), *indices = sag_node_output (step->node, 1);
  const SagValue *y = values != NULL ? values : indices;
  gint64 *heap = step->scratch, n, k, lines;
  Line line = { .largest = sag_node_get_int (step->node, "largest", 1) != 0 };
  gsize size = sag_dtype_size (x->dtype);
  int axis;

  get_axis (step->node, &axis, -1, NULL);
  line.tensor = (SagTensor) { x->dtype, x->shape, x->data, NULL };
  line.inner = sag_shape_product (&x->shape, axis + 1, x->shape.rank);
  n = x->shape.dim[axis];
  k = y != NULL ? y->shape.dim[axis] : 0;
  lines = n > 0 ? sag_value_count (x) / n : 0;
  for (gint64 l = 0; l < lines && k > 0 && sag_step_go_on (step, 0, (double) l / (double) lines);
       l++)
    {
      gint64 to = l / line.inner * k * line.inner + l % line.inner;

      line.base = l / line.inner * n * line.inner + l % line.inner;
      for (gint64 i = 0; i < k; i++)
        heap[i] = i;
      for (gint64 i = k / 2 - 1; i >= 0; i--)
        sift (&line, heap, k, i);
      for (gint64 i = k; i < n; i++)
        if (before (&line, i, heap[0]))
          {
            heap[0] = i;
            sift (&line, heap, k, 0);
          }
      for (gint64 i = k - 1; i >= 0; i--) /* the root stands last */
        {
          gint64 last = heap[0];

          heap[0] = heap[i];
          sift (&line, heap, i, 0);
          if (values != NULL)
            memcpy ((char *) values->data + (to + i * line.inner) * (gint64) size,
                    (const char *) x->data + (line.base + last * line.inner) * (gint64) size, size);
          if (indices != NULL)
            ((gint64 *) indices->data)[to + i * line.inner] = last;
        }
    }
}

/* ---- NonZero, Compress: their sizes depend on the data, so that must be constant --------- */

static gboolean
is_set (const SagTensor *tensor, gint64 i)
{
  return sag_tensor_get_real (tensor, i) != 0;
}

static gboolean
infer_non_zero (SagNode *node, GError **error)
{
  const SagTensor *x;
  gint64 n = 0;

  if (!sag_node_arity (node, 1, error))
    return FALSE;
  x = sag_node_input (node, 0)->constant;
  for (gint64 i = 0; i < sag_shape_count (&x->shape); i++)
    n += is_set (x, i);
  return sag_node_give (node, 0, SAG_DTYPE_I64, &(SagShape){ 2, { MAX (1, x->shape.rank), n } },
                        error);
}

static void
run_non_zero (const SagStep *step)
{
  const SagTensor *x = sag_node_input (step->node, 0)->constant;
  SagValue *y = sag_node_output (step->node, 0);
  gint64 n = y->shape.dim[1], at = 0;

  for (gint64 i = 0; i < sag_shape_count (&x->shape); i++)
    if (is_set (x, i))
      {
        gint64 rest = i;

        for (int a = (int) y->shape.dim[0] - 1; a >= 0; a--)
          {
            gint64 size = x->shape.rank > 0 ? x->shape.dim[a] : 1;

            ((gint64 *) y->data)[a * n + at] = rest % size;
            rest /= size;
          }
        at++;
      }
}

#define INDEX(name, infer, run, ...)                                                           \
  { name, "", infer, NULL, sag_prepare_nothing, NULL, run, __VA_ARGS__ }

const SagOp sag_ops_index[] = {
  INDEX ("Gather", infer_gather, run_gather, .needs = 0),
  INDEX ("GatherElements", infer_gather_elements, run_gather_elements, .needs = 0),
  INDEX ("GatherND", infer_gather_nd, run_gather_nd, .needs = 0),
  { "ScatterElements", "", infer_scatter_elements, NULL, sag_prepare_inplace, NULL,
    run_scatter_elements },
  { "Scatter", "", infer_scatter_elements, NULL, sag_prepare_inplace, NULL, run_scatter_elements },
  { "ScatterND", "", infer_scatter_nd, NULL, sag_prepare_inplace, NULL, run_scatter_nd },
  INDEX ("OneHot", infer_one_hot, run_one_hot, .needs = 2),
  { "TopK", "", infer_top_k, NULL, prepare_top_k, NULL, run_top_k, .needs = 2 },
  INDEX ("NonZero", infer_non_zero, run_non_zero, .needs = 1),
  { NULL },
};
