/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-index.c: operators that go by index: the Gather and Scatter families, OneHot, TopK, NonZero.
 *
 * An index out of range is an error where it is constant; where it is computed it is clamped,
 * because a run cannot fail.
 */
#include "engine/base/parallel.h"
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

/* Positions of indices by lines along their last axis: where line `line` lies in `x` without the axis itself, and how
 * far an element of the line, and one of the axis, is from the next. */
typedef struct
{
  const SagValue *x, *indices;
  char           *y; /* of GatherElements */
  int             axis;
  gint64          n, size, along, step; /* of a line; of the axis; strides of the axis and of the line */
} Elements;

static Elements
read_elements (const SagStep *step)
{
  Elements self = { sag_node_input (step->node, 0), sag_node_input (step->node, 1), sag_step_out (step, 0) };
  int last = self.x->shape.rank - 1;

  get_axis (step->node, &self.axis, 0, NULL);
  self.n = self.indices->shape.dim[last];
  self.size = self.x->shape.dim[self.axis];
  self.along = sag_shape_product (&self.x->shape, self.axis + 1, last + 1);
  self.step = self.axis != last;
  return self;
}

static gint64
line_place (const Elements *self, gint64 line)
{
  gint64 at = 0, stride = 1;

  for (int a = self->x->shape.rank - 1; a >= 0; a--)
    {
      if (a < self->x->shape.rank - 1)
        {
          at += a == self->axis ? 0 : line % self->indices->shape.dim[a] * stride;
          line /= self->indices->shape.dim[a];
        }
      stride *= self->x->shape.dim[a];
    }
  return at;
}

static void
gather_lines (gint64 line, gint64 to, int thread, gpointer data)
{
  const Elements *self = data;
  gsize size = sag_dtype_size (self->x->dtype);

  for (; line < to; line++)
    {
      gint64 at = line_place (self, line), first = line * self->n;

      if (size == sizeof (gint32))
        for (gint64 i = 0; i < self->n; i++)
          ((gint32 *) self->y)[first + i] =
              ((const gint32 *) self->x->data)[at + i * self->step + index_at (self->indices, first + i, self->size) * self->along];
      else
        for (gint64 i = 0; i < self->n; i++)
          memcpy (self->y + (first + i) * (gint64) size,
                  (const char *) self->x->data
                      + (at + i * self->step + index_at (self->indices, first + i, self->size) * self->along) * (gint64) size,
                  size);
    }
}

static void
run_gather_elements (const SagStep *step)
{
  Elements self = read_elements (step);
  gint64 n = sag_value_count (self.indices);

  if (n > 0)
    sag_range_run (n / self.n, MAX (1, SAG_GRAIN / self.n), gather_lines, &self);
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

typedef struct
{
  Elements    elements;
  const char *updates;
  Reduction   reduction;
} Scatter;

static void
scatter_lines (gint64 line, gint64 to, int thread, gpointer data)
{
  const Scatter *self = data;
  const Elements *e = &self->elements;
  gint64 size = (gint64) sag_dtype_size (e->x->dtype);

  for (; line < to; line++)
    {
      gint64 at = line_place (e, line);

      for (gint64 i = 0; i < e->n; i++)
        {
          gint64 from = line * e->n + i, place = at + i * e->step + index_at (e->indices, from, e->size) * e->along;

          if (self->reduction == SCATTER_SET && size == sizeof (gint32))
            ((gint32 *) e->y)[place] = ((const gint32 *) self->updates)[from];
          else
            merge (e->x->dtype, self->reduction, e->y + place * size, self->updates + from * size, 1);
        }
    }
}

/* Two indices may name one place: lines that meet no other one go in parallel, all others in order. */
static void
run_scatter_elements (const SagStep *step)
{
  Scatter self = { read_elements (step), sag_step_in (step, 2), SCATTER_SET };
  const SagValue *x = self.elements.x;
  gint64 n = sag_value_count (self.elements.indices);

  get_reduction (step->node, &self.reduction, NULL);
  if (self.elements.y != x->data)
    memcpy (self.elements.y, x->data, sag_value_count (x) * sag_dtype_size (x->dtype));
  if (n > 0 && self.elements.step == 0)
    sag_range_run (n / self.elements.n, MAX (1, SAG_GRAIN / self.elements.n), scatter_lines, &self);
  else if (n > 0)
    scatter_lines (0, n / self.elements.n, 0, &self);
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

typedef struct
{
  const SagValue *indices, *values;
  SagValue       *y;
  gint64          depth, inner;
} OneHot;

/* Item: `inner` outputs beside each other, all of one k. */
static void
fill_one_hot (gint64 item, gint64 to, int thread, gpointer data)
{
  const OneHot *self = data;
  SagTensor tensor = { self->indices->dtype, self->indices->shape, self->indices->data, NULL };
  gboolean quick = tensor.dtype == SAG_DTYPE_I64;
  gsize size = sag_dtype_size (self->y->dtype);
  const char *off = self->values->data, *on = off + size;

  for (; item < to; item++)
    {
      gint64 k = item % self->depth, from = item / self->depth * self->inner;
      char *y = (char *) self->y->data + item * self->inner * (gint64) size;

      for (gint64 i = 0; i < self->inner; i++)
        {
          gint64 at = quick ? ((const gint64 *) tensor.data)[from + i] : sag_tensor_get_int (&tensor, from + i);
          gboolean hot = at == k || at == k - self->depth;

          if (size == sizeof (gint32))
            ((gint32 *) y)[i] = *(const gint32 *) (hot ? on : off);
          else if (size == sizeof (gint64))
            ((gint64 *) y)[i] = *(const gint64 *) (hot ? on : off);
          else
            memcpy (y + i * (gint64) size, hot ? on : off, size);
        }
    }
}

static void
run_one_hot (const SagStep *step)
{
  OneHot self = { sag_node_input (step->node, 0), sag_node_input (step->node, 2), sag_node_output (step->node, 0) };
  int axis = sag_axis (sag_node_get_int (step->node, "axis", -1), self.y->shape.rank);

  self.depth = self.y->shape.dim[axis];
  self.inner = sag_shape_product (&self.y->shape, axis + 1, self.y->shape.rank);
  if (sag_value_count (self.y) > 0)
    sag_range_run (sag_value_count (self.y) / self.inner, MAX (1, SAG_GRAIN / self.inner), fill_one_hot, &self);
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

/* Scratch of a thread: the heap, and a line. */
static gboolean
prepare_top_k (SagNode *node, SagPrecision precision, GError **error)
{
  gsize each, n;
  int axis;

  get_axis (node, &axis, -1, NULL);
  n = (gsize) sag_node_input (node, 0)->shape.dim[axis];
  if (!g_size_checked_mul (&each, n, 2 * sizeof (gint64))
      || !g_size_checked_mul (&node->scratch_bytes, each, (gsize) sag_parallel_get_size ()))
    return sag_node_invalid (node, error, "it is too large");
  return TRUE;
}

/* A line in one piece: of floats, else of integers, which are all exact in 64 bits. */
typedef struct
{
  const float  *real;
  const gint64 *whole;
  gboolean      largest;
} Line;

/* Does element a stand before element b in the result? */
static gboolean
before (const Line *line, gint64 a, gint64 b)
{
  if (line->real != NULL)
    {
      float x = line->real[a], y = line->real[b];

      return x != y ? (line->largest ? x > y : x < y) : a < b;
    }
  gint64 x = line->whole[a], y = line->whole[b];

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

/* The k first of n, in order. */
static void
sort_top (const Line *line, gint64 n, gint64 k, gint64 *heap)
{
  for (gint64 i = 0; i < k; i++)
    heap[i] = i;
  for (gint64 i = k / 2 - 1; i >= 0; i--)
    sift (line, heap, k, i);
  for (gint64 i = k; i < n; i++)
    if (before (line, i, heap[0]))
      {
        heap[0] = i;
        sift (line, heap, k, 0);
      }
  for (gint64 i = k - 1; i > 0; i--) /* the root stands last */
    {
      gint64 last = heap[0];

      heap[0] = heap[i];
      heap[i] = last;
      sift (line, heap, i, 0);
    }
}

typedef struct
{
  const SagStep  *step;
  const SagValue *x;
  SagValue       *values, *indices;
  gint64          n, k, inner;
  gboolean        largest;
} TopK;

static void
top_lines (gint64 l, gint64 last, int thread, gpointer data)
{
  const TopK *self = data;
  gint64 *heap = (gint64 *) self->step->scratch + 2 * self->n * thread, inner = self->inner;
  SagTensor tensor = { self->x->dtype, self->x->shape, self->x->data, NULL };
  gboolean real = self->x->dtype == SAG_DTYPE_F32;
  gsize size = sag_dtype_size (self->x->dtype);
  Line line = { real ? (float *) (heap + self->n) : NULL, heap + self->n, self->largest };

  if (!sag_step_go_on (self->step, thread, 0))
    return;
  for (; l < last; l++)
    {
      gint64 base = l / inner * self->n * inner + l % inner, to = l / inner * self->k * inner + l % inner;

      if (real && inner == 1)
        line.real = (const float *) self->x->data + base;
      else if (real)
        for (gint64 i = 0; i < self->n; i++)
          ((float *) (heap + self->n))[i] = ((const float *) self->x->data)[base + i * inner];
      else
        for (gint64 i = 0; i < self->n; i++)
          heap[self->n + i] = sag_tensor_get_int (&tensor, base + i * inner);
      sort_top (&line, self->n, self->k, heap);
      for (gint64 i = 0; i < self->k; i++)
        {
          if (self->values != NULL)
            memcpy ((char *) self->values->data + (to + i * inner) * (gint64) size,
                    (const char *) self->x->data + (base + heap[i] * inner) * (gint64) size, size);
          if (self->indices != NULL)
            ((gint64 *) self->indices->data)[to + i * inner] = heap[i];
        }
    }
}

static void
run_top_k (const SagStep *step)
{
  TopK self = { step, sag_node_input (step->node, 0), sag_node_output (step->node, 0), sag_node_output (step->node, 1) };
  const SagValue *y = self.values != NULL ? self.values : self.indices;
  int axis;

  get_axis (step->node, &axis, -1, NULL);
  self.largest = sag_node_get_int (step->node, "largest", 1) != 0;
  self.inner = sag_shape_product (&self.x->shape, axis + 1, self.x->shape.rank);
  self.n = self.x->shape.dim[axis];
  self.k = y != NULL ? y->shape.dim[axis] : 0;
  if (self.n > 0 && self.k > 0)
    sag_range_run (sag_value_count (self.x) / self.n, MAX (1, SAG_GRAIN / self.n), top_lines, &self);
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
