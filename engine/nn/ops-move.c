/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-move.c: operators that copy boxes of elements: transpose, concat, split, slice, pad, expand,
 * tile.
 *
 * All are strided copies between logical axes, so any layout can be read and any written.
 */
#include "engine/base/alloc.h"
#include "engine/nn/bytes.h"
#include "engine/nn/op-util.h"

#include <string.h>

/* Any layouts; keeping one is best. */
static gint64
cost_copy (const SagNode *node, SagLayout in, SagLayout out)
{
  return in == out ? 0 : sag_value_count (sag_node_output (node, 0)) / 2;
}

/* ---- Transpose -------------------------------------------------------------------------- */

static gboolean
get_permutation (const SagNode *node, int *order, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  gboolean seen[SAG_MAX_RANK] = { FALSE };
  int n;
  const gint64 *perm = sag_node_get_ints (node, "perm", &n);

  if (perm != NULL && n != x->shape.rank)
    return sag_node_invalid (node, error, "perm has another number of axes than its input");
  for (int i = 0; i < x->shape.rank; i++)
    {
      order[i] = perm != NULL ? sag_axis (perm[i], x->shape.rank) : x->shape.rank - 1 - i;
      if (order[i] < 0 || seen[order[i]])
        return sag_node_invalid (node, error, "perm is not a permutation");
      seen[order[i]] = TRUE;
    }
  return TRUE;
}

static gboolean
infer_transpose (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  SagShape shape;
  int order[SAG_MAX_RANK];

  if (!sag_node_arity (node, 1, error) || !get_permutation (node, order, error))
    return FALSE;
  shape.rank = x->shape.rank;
  for (int i = 0; i < shape.rank; i++)
    shape.dim[i] = x->shape.dim[order[i]];
  return sag_node_give (node, 0, x->dtype, &shape, error);
}

/* Do the elements already lie as the output wants them? */
static gboolean
transposes_nothing (const SagNode *node, SagLayout in, SagLayout out)
{
  const SagShape *a = &sag_node_input (node, 0)->shape, *b = &sag_node_output (node, 0)->shape;
  gint64 from[SAG_MAX_RANK], to[SAG_MAX_RANK];
  int order[SAG_MAX_RANK];

  if (!get_permutation (node, order, NULL))
    return FALSE;
  sag_layout_strides (a, in, from);
  sag_layout_strides (b, out, to);
  for (int i = 0; i < b->rank; i++)
    if (b->dim[i] != 1 && to[i] != from[order[i]])
      return FALSE;
  return TRUE;
}

static gint64
cost_transpose (const SagNode *node, SagLayout in, SagLayout out)
{
  return transposes_nothing (node, in, out) ? 0 : 2 * sag_value_count (sag_node_output (node, 0));
}

static gboolean
prepare_transpose (SagNode *node, SagPrecision precision, GError **error)
{
  node->view = transposes_nothing (node, sag_node_input (node, 0)->layout,
                                   sag_node_output (node, 0)->layout);
  return TRUE;
}

static void
run_transpose (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0);
  SagValue *y = sag_node_output (step->node, 0);
  gint64 own[SAG_MAX_RANK], from[SAG_MAX_RANK], to[SAG_MAX_RANK];
  int order[SAG_MAX_RANK];

  get_permutation (step->node, order, NULL);
  sag_value_strides (x, own);
  sag_value_strides (y, to);
  for (int i = 0; i < y->shape.rank; i++)
    from[i] = own[order[i]];
  sag_copy_box (y->shape.rank, y->shape.dim, sag_dtype_size (y->dtype), y->data, to, x->data, from);
}

/* ---- Concat ----------------------------------------------------------------------------- */

static gboolean
infer_concat (SagNode *node, GError **error)
{
  SagShape shape;
  int axis;

  if (!sag_node_arity (node, (int) MAX (node->inputs->len, 1), error))
    return FALSE;
  shape = sag_node_input (node, 0)->shape;
  axis = sag_axis (sag_node_get_int (node, "axis", G_MAXINT64), shape.rank);
  if (axis < 0)
    return sag_node_invalid (node, error, "axis is missing or outside of its inputs");
  for (guint i = 1; i < node->inputs->len; i++)
    {
      const SagValue *x = sag_node_input (node, (int) i);
      gboolean fits = x->shape.rank == shape.rank && x->dtype == sag_node_input (node, 0)->dtype;

      for (int k = 0; fits && k < shape.rank; k++)
        fits = k == axis || x->shape.dim[k] == shape.dim[k];
      if (!fits || shape.dim[axis] > SAG_MAX_ELEMENTS)
        return sag_node_invalid (node, error,
                                 "its inputs differ in more than the length of axis %d", axis);
      shape.dim[axis] += x->shape.dim[axis];
    }
  return sag_node_give (node, 0, sag_node_input (node, 0)->dtype, &shape, error);
}

static guint
can_concat_bytes (const SagNode *node)
{
  for (guint i = 0; i < node->inputs->len; i++)
    if (sag_node_input (node, (int) i)->constant != NULL)
      return 0;
  return sag_bytes_same (node);
}

static void
run_concat (const SagStep *step)
{
  SagValue *y = sag_node_output (step->node, 0);
  int axis = sag_axis (sag_node_get_int (step->node, "axis", 0), y->shape.rank);
  gint64 to[SAG_MAX_RANK], from[SAG_MAX_RANK], at = 0;
  SagShape shape;
  gsize size = sag_value_moves (y, &shape, to);

  for (guint i = 0; i < step->node->inputs->len; i++)
    {
      const SagValue *x = sag_node_input (step->node, (int) i);

      sag_value_moves (x, &shape, from);
      sag_copy_box (shape.rank, shape.dim, size, (char *) y->data + at * to[axis] * (gint64) size, to,
                    x->data, from);
      at += shape.dim[axis];
    }
}

/* ---- Split ------------------------------------------------------------------------------ */

/* Lengths of the pieces along the axis: an attribute before set 13, an input after. */
static gboolean
split_sizes (const SagNode *node, int axis, gint64 *sizes, GError **error)
{
  gint64 length = sag_node_input (node, 0)->shape.dim[axis], sum = 0;
  int pieces = (int) node->outputs->len, n;
  const gint64 *attribute = sag_node_get_ints (node, "split", &n);
  g_autofree gint64 *input = NULL;

  if (attribute == NULL && sag_node_input (node, 1) != NULL)
    {
      if (!sag_node_const_ints (node, 1, &input, &n, error))
        return FALSE;
      attribute = input;
    }
  if (attribute != NULL && n != pieces)
    return sag_node_invalid (node, error, "it has %d outputs but %d lengths", pieces, n);
  for (int i = 0; i < pieces; i++)
    {
      gint64 each = (length + pieces - 1) / pieces;

      sizes[i] = attribute != NULL ? attribute[i] : MIN (each, MAX (0, length - sum));
      if (sizes[i] < 0 || sizes[i] > length - sum)
        return sag_node_invalid (node, error, "its lengths do not add up to %" G_GINT64_FORMAT,
                                 length);
      sum += sizes[i];
    }
  if (sum != length)
    return sag_node_invalid (node, error, "its lengths do not add up to %" G_GINT64_FORMAT, length);
  return TRUE;
}

static gboolean
infer_split (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  g_autofree gint64 *sizes = g_new0 (gint64, node->outputs->len + 1);
  int axis;

  if (x == NULL || node->outputs->len == 0)
    return sag_node_invalid (node, error, "it has no input or no output");
  axis = sag_axis (sag_node_get_int (node, "axis", 0), x->shape.rank);
  if (axis < 0)
    return sag_node_invalid (node, error, "axis is outside of its input");
  if (!split_sizes (node, axis, sizes, error))
    return FALSE;
  for (guint i = 0; i < node->outputs->len; i++)
    {
      SagShape shape = x->shape;

      shape.dim[axis] = sizes[i];
      if (!sag_node_give (node, (int) i, x->dtype, &shape, error))
        return FALSE;
    }
  return TRUE;
}

static gint64
cost_split (const SagNode *node, SagLayout in, SagLayout out)
{
  return in == out ? 0 : sag_value_count (sag_node_input (node, 0)) / 2;
}

static void
run_split (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0);
  int axis = sag_axis (sag_node_get_int (step->node, "axis", 0), x->shape.rank);
  gsize size = sag_dtype_size (x->dtype);
  gint64 from[SAG_MAX_RANK], to[SAG_MAX_RANK], at = 0;

  sag_value_strides (x, from);
  for (guint i = 0; i < step->node->outputs->len; i++)
    {
      SagValue *y = sag_node_output (step->node, (int) i);
      const gint64 *lengths = step->node->state;

      if (y != NULL)
        {
          sag_value_strides (y, to);
          sag_copy_box (y->shape.rank, y->shape.dim, size, y->data, to,
                        (const char *) x->data + at * from[axis] * (gint64) size, from);
        }
      at += lengths[i];
    }
}

static gboolean
prepare_split (SagNode *node, SagPrecision precision, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);

  g_free (node->state);
  node->state = g_new0 (gint64, node->outputs->len);
  node->free_state = g_free;
  return split_sizes (node, sag_axis (sag_node_get_int (node, "axis", 0), x->shape.rank),
                      node->state, error);
}

/* ---- Slice ------------------------------------------------------------------------------ */

typedef struct
{
  gint64 start[SAG_MAX_RANK], step[SAG_MAX_RANK], count[SAG_MAX_RANK];
} Box;

/* starts, ends, axes, steps: attributes before set 10, inputs after. */
static gboolean
slice_list (const SagNode *node, const char *name, int input, gint64 **values, int *n,
            GError **error)
{
  const gint64 *attribute = sag_node_get_ints (node, name, n);

  if (attribute == NULL)
    return sag_node_const_ints (node, input, values, n, error);
  *values = g_memdup2 (attribute, sizeof *attribute * *n);
  return TRUE;
}

static gboolean
slice_box (const SagNode *node, Box *box, GError **error)
{
  const SagShape *shape = &sag_node_input (node, 0)->shape;
  g_autofree gint64 *starts = NULL, *ends = NULL, *axes = NULL, *steps = NULL;
  int n, n_ends, n_axes, n_steps;

  for (int i = 0; i < shape->rank; i++)
    {
      box->start[i] = 0;
      box->step[i] = 1;
      box->count[i] = shape->dim[i];
    }
  if (!slice_list (node, "starts", 1, &starts, &n, error)
      || !slice_list (node, "ends", 2, &ends, &n_ends, error)
      || !slice_list (node, "axes", 3, &axes, &n_axes, error)
      || !slice_list (node, "steps", 4, &steps, &n_steps, error))
    return FALSE;
  if (n != n_ends || (axes != NULL && n_axes != n) || (steps != NULL && n_steps != n))
    return sag_node_invalid (node, error, "starts, ends, axes and steps are of different lengths");
  for (int i = 0; i < n; i++)
    {
      int axis = sag_axis (axes != NULL ? axes[i] : i, shape->rank);
      gint64 step = steps != NULL ? steps[i] : 1, size, start, end;

      if (axis < 0 || step == 0 || step == G_MININT64)
        return sag_node_invalid (node, error, "an axis is outside of its input, or a step is 0");
      size = shape->dim[axis];
      start = starts[i] < 0 ? MAX (starts[i], -size - 1) + size : starts[i];
      end = ends[i] < 0 ? MAX (ends[i], -size - 1) + size : ends[i];
      start = step > 0 ? CLAMP (start, 0, size) : CLAMP (start, 0, size - 1);
      end = step > 0 ? CLAMP (end, 0, size) : CLAMP (end, -1, size - 1);
      box->start[axis] = start;
      box->step[axis] = step;
      if (size == 0 || (step > 0 ? end <= start : end >= start))
        box->count[axis] = 0;
      else
        box->count[axis] = step > 0 ? (end - start - 1) / step + 1 : (end - start + 1) / step + 1;
    }
  return TRUE;
}

gboolean
sag_slice_box (const SagNode *node, gint64 *start, gint64 *step, GError **error)
{
  Box box;

  if (!slice_box (node, &box, error))
    return FALSE;
  memcpy (start, box.start, sizeof box.start);
  memcpy (step, box.step, sizeof box.step);
  return TRUE;
}

static gboolean
infer_slice (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  SagShape shape;
  Box box;

  if (!sag_node_arity (node, 1, error) || !slice_box (node, &box, error))
    return FALSE;
  shape.rank = x->shape.rank;
  memcpy (shape.dim, box.count, sizeof shape.dim);
  return sag_node_give (node, 0, x->dtype, &shape, error);
}

/* A stretch of memory stays where it is, unless much more would be kept for it. */
static void
view_slice (SagNode *node, const Box *box)
{
  const SagValue *x = sag_node_input (node, 0), *y = sag_node_output (node, 0);
  gint64 from[SAG_MAX_RANK], to[SAG_MAX_RANK], at = 0;

  if (x->constant != NULL || x->layout != y->layout || sag_value_in_bytes (x) || sag_value_in_bytes (y)
      || sag_value_count (y) == 0 || sag_value_count (y) < sag_value_count (x) / 4)
    return;
  sag_value_strides (x, from);
  sag_value_strides (y, to);
  for (int i = 0; i < x->shape.rank; i++)
    {
      if (box->count[i] > 1 && from[i] * box->step[i] != to[i])
        return;
      at += box->start[i] * from[i];
    }
  at *= (gint64) sag_dtype_size (x->dtype);
  node->view = at % SAG_ALIGN == 0;
  node->view_shift = at;
}

static gboolean
prepare_slice (SagNode *node, SagPrecision precision, GError **error)
{
  g_free (node->state);
  node->state = g_new0 (Box, 1);
  node->free_state = g_free;
  if (!slice_box (node, node->state, error))
    return FALSE;
  view_slice (node, node->state);
  return TRUE;
}

static void
run_slice (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0);
  SagValue *y = sag_node_output (step->node, 0);
  const Box *box = step->node->state;
  gsize size = sag_dtype_size (x->dtype);
  gint64 from[SAG_MAX_RANK], to[SAG_MAX_RANK], at = 0;

  sag_value_strides (x, from);
  sag_value_strides (y, to);
  for (int i = 0; i < x->shape.rank; i++)
    {
      at += box->start[i] * from[i];
      from[i] *= box->step[i];
    }
  if (sag_value_count (y) > 0)
    sag_copy_box (y->shape.rank, y->shape.dim, size, y->data, to,
                  (const char *) x->data + at * (gint64) size, from);
}

/* ---- Pad -------------------------------------------------------------------------------- */

gboolean
sag_pad_amounts (const SagNode *node, gint64 *before, gint64 *after, GError **error)
{
  const SagShape *shape = &sag_node_input (node, 0)->shape;
  g_autofree gint64 *pads = NULL, *axes = NULL;
  int n, n_axes;

  memset (before, 0, sizeof *before * SAG_MAX_RANK);
  memset (after, 0, sizeof *after * SAG_MAX_RANK);
  if (!slice_list (node, "pads", 1, &pads, &n, error)
      || !sag_node_const_ints (node, 3, &axes, &n_axes, error))
    return FALSE;
  if (axes == NULL)
    n_axes = shape->rank;
  if (n != 2 * n_axes)
    return sag_node_invalid (node, error, "it has %d pads for %d axes", n, n_axes);
  for (int i = 0; i < n_axes; i++)
    {
      int axis = sag_axis (axes != NULL ? axes[i] : i, shape->rank);

      if (axis < 0 || MAX (pads[i], pads[i + n_axes]) > SAG_MAX_ELEMENTS
          || MIN (pads[i], pads[i + n_axes]) < -SAG_MAX_ELEMENTS)
        return sag_node_invalid (node, error, "an axis or a pad is out of range");
      before[axis] = pads[i];
      after[axis] = pads[i + n_axes];
    }
  return TRUE;
}

static gboolean
infer_pad (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  const char *mode = sag_node_get_string (node, "mode", "constant");
  gint64 before[SAG_MAX_RANK], after[SAG_MAX_RANK];
  SagShape shape;

  if (!sag_node_arity (node, 1, error) || !sag_pad_amounts (node, before, after, error))
    return FALSE;
  if (strcmp (mode, "constant") != 0 && strcmp (mode, "reflect") != 0 && strcmp (mode, "edge") != 0
      && strcmp (mode, "wrap") != 0)
    return sag_node_unsupported (node, error, "its mode is unknown");
  if (sag_node_input (node, 2) != NULL && sag_node_input (node, 2)->dtype != x->dtype)
    return sag_node_invalid (node, error, "its value is of another type than its input");
  shape.rank = x->shape.rank;
  for (int i = 0; i < shape.rank; i++)
    {
      shape.dim[i] = x->shape.dim[i] + before[i] + after[i];
      if (*mode != 'c' && (before[i] > 0 || after[i] > 0)
          && x->shape.dim[i] + MIN (before[i], 0) + MIN (after[i], 0) <= 0)
        return sag_node_invalid (node, error, "there is nothing to repeat along axis %d", i);
    }
  return sag_node_give (node, 0, x->dtype, &shape, error);
}

/* Where position `i` of a padded axis reads. */
static gint64
pad_source (gint64 i, gint64 n, char mode)
{
  gint64 period = 2 * (n - 1);

  if (i >= 0 && i < n)
    return i;
  switch (mode)
    {
    case 'e':
      return i < 0 ? 0 : n - 1;
    case 'w':
      return (i % n + n) % n;
    default:
      if (period == 0)
        return 0;
      i = (i % period + period) % period;
      return i < n ? i : period - i;
    }
}

/* Along one axis after the other: positions beside the middle copy from inside the output. */
static void
pad_by_copies (SagValue *y, const gint64 *strides, const gint64 *before, const gint64 *from_size,
               char mode, gsize size)
{
  for (int axis = 0; axis < y->shape.rank; axis++)
    {
      gint64 n[SAG_MAX_RANK], outer = 0;

      /* Axes before this one are whole already; those after hold only their middle. */
      memcpy (n, y->shape.dim, sizeof n);
      for (int k = axis + 1; k < y->shape.rank; k++)
        {
          n[k] = from_size[k];
          outer += before[k] * strides[k];
        }
      n[axis] = 1;
      for (gint64 i = 0; i < y->shape.dim[axis]; i++)
        {
          gint64 source = pad_source (i - before[axis], from_size[axis], mode) + before[axis];

          if (source != i)
            sag_copy_box (y->shape.rank, n, size,
                          (char *) y->data + (outer + i * strides[axis]) * (gint64) size, strides,
                          (char *) y->data + (outer + source * strides[axis]) * (gint64) size,
                          strides);
        }
    }
}

static gboolean
prepare_pad (SagNode *node, SagPrecision precision, GError **error)
{
  gint64 before[SAG_MAX_RANK], after[SAG_MAX_RANK];

  g_free (node->state);
  node->state = g_new0 (gint64, 2 * SAG_MAX_RANK);
  node->free_state = g_free;
  if (!sag_pad_amounts (node, before, after, error))
    return FALSE;
  memcpy (node->state, before, sizeof before);
  memcpy ((gint64 *) node->state + SAG_MAX_RANK, after, sizeof after);
  return TRUE;
}

static void
run_pad (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0), *fill = sag_node_input (step->node, 2);
  SagValue *y = sag_node_output (step->node, 0);
  char mode = *sag_node_get_string (step->node, "mode", "constant");
  const gint64 *before = step->node->state, *after = before + SAG_MAX_RANK;
  gsize size = sag_dtype_size (x->dtype);
  gint64 from[SAG_MAX_RANK], to[SAG_MAX_RANK], n[SAG_MAX_RANK], x_at = 0, y_at = 0;
  gint64 start[SAG_MAX_RANK]; /* of what is left of the input, if pads are negative, in the output */
  float value = sag_node_get_float (step->node, "value", 0);
  gint64 zero = 0;

  sag_value_strides (x, from);
  sag_value_strides (y, to);
  if (mode == 'c')
    sag_fill_box (y->shape.rank, y->shape.dim, size, y->data, to,
                  fill != NULL && sag_value_count (fill) == 1 ? fill->data
                  : x->dtype == SAG_DTYPE_F32                 ? (void *) &value
                                                              : (void *) &zero);
  for (int i = 0; i < y->shape.rank; i++)
    {
      gint64 skip = MAX (0, -before[i]);

      start[i] = MAX (0, before[i]);
      n[i] = MAX (0, MIN (x->shape.dim[i] - skip, y->shape.dim[i] - start[i] - MAX (0, after[i])));
      x_at += skip * from[i];
      y_at += start[i] * to[i];
    }
  sag_copy_box (y->shape.rank, n, size, (char *) y->data + y_at * (gint64) size, to,
                (const char *) x->data + x_at * (gint64) size, from);
  if (mode != 'c')
    pad_by_copies (y, to, start, n, mode, size);
}

/* ---- Expand, Tile ----------------------------------------------------------------------- */

static gboolean
infer_expand (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  g_autofree gint64 *dims = NULL;
  SagShape shape = { 0 };
  int n;

  if (!sag_node_arity (node, 2, error) || !sag_node_const_ints (node, 1, &dims, &n, error))
    return FALSE;
  if (n > SAG_MAX_RANK)
    return sag_node_invalid (node, error, "more than %d dimensions", SAG_MAX_RANK);
  shape.rank = n;
  for (int i = 0; i < n; i++)
    shape.dim[i] = dims[i];
  if (!sag_shape_broadcast (&x->shape, &shape, &shape))
    return sag_node_invalid (node, error, "its input does not fit the target shape");
  return sag_node_give (node, 0, x->dtype, &shape, error);
}

static void
run_expand (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0);
  SagValue *y = sag_node_output (step->node, 0);
  gint64 from[SAG_MAX_RANK], to[SAG_MAX_RANK];

  sag_value_strides_in (x, &y->shape, from);
  sag_value_strides (y, to);
  sag_copy_box (y->shape.rank, y->shape.dim, sag_dtype_size (y->dtype), y->data, to, x->data, from);
}

static gboolean
infer_tile (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  g_autofree gint64 *repeats = NULL;
  SagShape shape;
  int n;

  if (!sag_node_arity (node, 2, error) || !sag_node_const_ints (node, 1, &repeats, &n, error))
    return FALSE;
  if (n != x->shape.rank)
    return sag_node_invalid (node, error, "it has %d repeats for %d axes", n, x->shape.rank);
  shape = x->shape;
  for (int i = 0; i < n; i++)
    {
      if (repeats[i] < 0 || (repeats[i] > 0 && shape.dim[i] > SAG_MAX_ELEMENTS / repeats[i]))
        return sag_node_invalid (node, error, "its repeats are negative or too large");
      shape.dim[i] *= repeats[i];
    }
  return sag_node_give (node, 0, x->dtype, &shape, error);
}

static void
run_tile (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0);
  SagValue *y = sag_node_output (step->node, 0);
  gint64 own[SAG_MAX_RANK], out[SAG_MAX_RANK], n[2 * SAG_MAX_RANK], from[2 * SAG_MAX_RANK],
      to[2 * SAG_MAX_RANK];
  int rank = 0;

  sag_value_strides (x, own);
  sag_value_strides (y, out);
  for (int i = 0; i < x->shape.rank; i++)
    {
      if (x->shape.dim[i] == 0)
        return;
      if (y->shape.dim[i] != x->shape.dim[i]) /* the repeats */
        {
          n[rank] = y->shape.dim[i] / x->shape.dim[i];
          from[rank] = 0;
          to[rank++] = out[i] * x->shape.dim[i];
        }
      n[rank] = x->shape.dim[i];
      from[rank] = own[i];
      to[rank++] = out[i];
    }
  sag_copy_box (rank, n, sag_dtype_size (y->dtype), y->data, to, x->data, from);
}

/* ---- DepthToSpace, SpaceToDepth --------------------------------------------------------- */

static gboolean
infer_depth_space (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  gint64 block = sag_node_get_int (node, "blocksize", 0);
  gboolean to_space = *node->op->name == 'D';
  SagShape shape;

  if (!sag_node_arity (node, 1, error))
    return FALSE;
  if (x->shape.rank != 4 || block < 1 || block > 1024
      || (to_space ? x->shape.dim[1] % (block * block) != 0
                   : x->shape.dim[2] % block != 0 || x->shape.dim[3] % block != 0))
    return sag_node_invalid (node, error, "its block does not divide its input");
  shape = x->shape;
  shape.dim[1] = to_space ? shape.dim[1] / (block * block) : shape.dim[1] * block * block;
  shape.dim[2] = to_space ? shape.dim[2] * block : shape.dim[2] / block;
  shape.dim[3] = to_space ? shape.dim[3] * block : shape.dim[3] / block;
  return sag_node_give (node, 0, x->dtype, &shape, error);
}

/* The deep side's channel is (by, bx, c), or (c, by, bx) for CRD; the wide side's rows and columns
 * are (y, by) and (x, bx). */
static void
run_depth_space (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0);
  SagValue *y = sag_node_output (step->node, 0);
  gboolean to_space = *step->node->op->name == 'D';
  gboolean crd = strcmp (sag_node_get_string (step->node, "mode", "DCR"), "CRD") == 0;
  const SagValue *deep = to_space ? x : y, *wide = to_space ? y : x;
  gint64 block = sag_node_get_int (step->node, "blocksize", 1), channels = wide->shape.dim[1];
  gint64 d[SAG_MAX_RANK], w[SAG_MAX_RANK];
  gint64 n[6] = { x->shape.dim[0], channels, deep->shape.dim[2], block, deep->shape.dim[3], block };
  gint64 ds[6], ws[6];

  sag_value_strides (deep, d);
  sag_value_strides (wide, w);
  ds[0] = d[0], ws[0] = w[0];
  ds[1] = crd ? d[1] * block * block : d[1], ws[1] = w[1];
  ds[2] = d[2], ws[2] = w[2] * block;
  ds[3] = crd ? d[1] * block : d[1] * block * channels, ws[3] = w[2];
  ds[4] = d[3], ws[4] = w[3] * block;
  ds[5] = crd ? d[1] : d[1] * channels, ws[5] = w[3];
  sag_copy_box (6, n, sag_dtype_size (x->dtype), y->data, to_space ? ws : ds, x->data,
                to_space ? ds : ws);
}

/* ---- Trilu ------------------------------------------------------------------------------ */

static gboolean
infer_trilu (SagNode *node, GError **error)
{
  if (!sag_node_arity (node, 1, error))
    return FALSE;
  if (sag_node_input (node, 0)->shape.rank < 2
      || (sag_node_input (node, 1) != NULL
          && (sag_node_input (node, 1)->dtype != SAG_DTYPE_I64
              || sag_value_count (sag_node_input (node, 1)) != 1)))
    return sag_node_invalid (node, error, "its input is not a matrix");
  return sag_infer_same (node, error);
}

static void
run_trilu (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0), *k = sag_node_input (step->node, 1);
  gint64 diagonal = k != NULL ? *(const gint64 *) k->data : 0;
  gboolean upper = sag_node_get_int (step->node, "upper", 1) != 0;
  gint64 rows = x->shape.dim[x->shape.rank - 2], columns = x->shape.dim[x->shape.rank - 1];
  gint64 lines = columns > 0 ? sag_value_count (x) / columns : 0;
  gsize size = sag_dtype_size (x->dtype);

  diagonal = CLAMP (diagonal, -rows - 1, columns + 1);
  for (gint64 line = 0; line < lines; line++)
    {
      gint64 cut = CLAMP (line % rows + diagonal + (upper ? 0 : 1), 0,
                          columns); /* first of the upper part */
      const char *from = (const char *) x->data + line * columns * (gint64) size;
      char *to = (char *) sag_step_out (step, 0) + line * columns * (gint64) size;

      memset (upper ? to : to + cut * (gint64) size, 0, (upper ? cut : columns - cut) * size);
      memcpy (upper ? to + cut * (gint64) size : to, upper ? from + cut * (gint64) size : from,
              (upper ? columns - cut : cut) * size);
    }
}

#define MOVE(name, infer, prepare, run, needed)                                                \
  { name, "", infer, cost_copy, prepare, NULL, run, .needs = needed, .follows = 1 }

const SagOp sag_ops_move[] = {
  { "Transpose", "", infer_transpose, cost_transpose, prepare_transpose, NULL, run_transpose },
  { "Concat", "", infer_concat, cost_copy, sag_prepare_nothing, NULL, run_concat,
    .bytes = can_concat_bytes, .flags = SAG_OP_STRIDED },
  { "Split", "", infer_split, cost_split, prepare_split, NULL, run_split, .follows = 1,
    .needs = 2 },
  MOVE ("Slice", infer_slice, prepare_slice, run_slice, 30),
  MOVE ("Pad", infer_pad, prepare_pad, run_pad, 10),
  MOVE ("Tile", infer_tile, sag_prepare_nothing, run_tile, 2),
  MOVE ("DepthToSpace", infer_depth_space, sag_prepare_nothing, run_depth_space, 0),
  MOVE ("SpaceToDepth", infer_depth_space, sag_prepare_nothing, run_depth_space, 0),
  { "Expand", "", infer_expand, cost_copy, sag_prepare_nothing, NULL, run_expand, .follows = 1,
    .needs = 2, .flags = SAG_OP_STRIDED },
  { "Trilu", "", infer_trilu, NULL, sag_prepare_nothing, NULL, run_trilu },
  { NULL },
};
