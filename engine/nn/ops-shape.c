/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-shape.c: operators that move no data: another shape over the same elements, or the shape
 * itself.
 */
#include "engine/nn/op-util.h"

#include <string.h>

/* Views of channels-last values exist where batch and channels stay what they are. */
static gint64
cost_view (const SagNode *node, SagLayout in, SagLayout out)
{
  const SagShape *a = &sag_node_input (node, 0)->shape, *b = &sag_node_output (node, 0)->shape;

  if (in != out || in == SAG_LAYOUT_ROWS)
    return SAG_COST_NEVER;
  if (in == SAG_LAYOUT_PLAIN)
    return 0;
  return a->rank >= 3 && b->rank >= 3 && a->dim[0] == b->dim[0] && a->dim[1] == b->dim[1]
             ? 0
             : SAG_COST_NEVER;
}

static gboolean
give_view (SagNode *node, const SagShape *shape, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);

  if (sag_shape_count (shape) != sag_value_count (x))
    {
      g_autofree char *from = sag_shape_to_string (&x->shape);
      g_autofree char *to = sag_shape_to_string (shape);

      return sag_node_invalid (node, error, "%s cannot become %s", from, to);
    }
  return sag_node_give (node, 0, x->dtype, shape, error);
}

static gboolean
infer_reshape (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  g_autofree gint64 *wanted = NULL;
  SagShape shape = { 0 };
  gboolean keep_zero = sag_node_get_int (node, "allowzero", 0) != 0;
  gint64 known = 1, count;
  int n, open = -1;

  if (!sag_node_arity (node, 2, error) || !sag_node_const_ints (node, 1, &wanted, &n, error))
    return FALSE;
  if (n > SAG_MAX_RANK)
    return sag_node_invalid (node, error, "more than %d dimensions", SAG_MAX_RANK);
  shape.rank = n;
  for (int i = 0; i < n; i++)
    {
      shape.dim[i] = wanted[i];
      if (wanted[i] == 0 && !keep_zero)
        {
          if (i >= x->shape.rank)
            return sag_node_invalid (node, error,
                                     "its target copies a dimension that is not there");
          shape.dim[i] = x->shape.dim[i];
        }
      else if (wanted[i] == -1 && open < 0)
        {
          open = i;
          shape.dim[i] = 1;
        }
    }
  known = sag_shape_count (&shape);
  count = sag_value_count (x);
  if (known < 0)
    return sag_node_invalid (node, error, "its target is negative or too large");
  if (open >= 0)
    shape.dim[open] = known > 0 ? count / known : 0;
  return give_view (node, &shape, error);
}

static gboolean
infer_flatten (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  SagShape shape = { .rank = 2 };
  gint64 axis = sag_node_get_int (node, "axis", 1);

  if (!sag_node_arity (node, 1, error))
    return FALSE;
  if (axis < 0)
    axis += x->shape.rank;
  if (axis < 0 || axis > x->shape.rank)
    return sag_node_invalid (node, error, "axis is outside of the input");
  shape.dim[0] = sag_shape_product (&x->shape, 0, (int) axis);
  shape.dim[1] = sag_shape_product (&x->shape, (int) axis, x->shape.rank);
  return give_view (node, &shape, error);
}

/* `axes` is an attribute before operator set 13 and an input from then on. Sets *n to -1 if absent.
 */
static gboolean
get_axes (const SagNode *node, gint64 **axes, int *n, GError **error)
{
  const gint64 *attribute = sag_node_get_ints (node, "axes", n);

  *axes = NULL;
  if (attribute != NULL)
    *axes = g_memdup2 (attribute, sizeof *attribute * *n);
  else if (sag_node_input (node, 1) != NULL)
    return sag_node_const_ints (node, 1, axes, n, error);
  else
    *n = -1;
  return TRUE;
}

static gboolean
infer_squeeze (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  g_autofree gint64 *axes = NULL;
  gboolean drop[SAG_MAX_RANK] = { FALSE };
  SagShape shape = { 0 };
  int n;

  if (!sag_node_arity (node, 1, error) || !get_axes (node, &axes, &n, error))
    return FALSE;
  for (int i = 0; i < x->shape.rank && n < 0; i++)
    drop[i] = x->shape.dim[i] == 1;
  for (int i = 0; i < n; i++)
    {
      int axis = sag_axis (axes[i], x->shape.rank);

      if (axis < 0 || x->shape.dim[axis] != 1)
        return sag_node_invalid (node, error, "axis %" G_GINT64_FORMAT " is not of size 1",
                                 axes[i]);
      drop[axis] = TRUE;
    }
  for (int i = 0; i < x->shape.rank; i++)
    if (!drop[i])
      shape.dim[shape.rank++] = x->shape.dim[i];
  return give_view (node, &shape, error);
}

static gboolean
infer_unsqueeze (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  g_autofree gint64 *axes = NULL;
  gboolean fresh[SAG_MAX_RANK] = { FALSE };
  SagShape shape = { 0 };
  int n, from = 0;

  if (!sag_node_arity (node, 1, error) || !get_axes (node, &axes, &n, error))
    return FALSE;
  shape.rank = x->shape.rank + MAX (n, 0);
  if (n < 0 || shape.rank > SAG_MAX_RANK)
    return sag_node_invalid (node, error, "it has no axes, or the result more than %d dimensions",
                             SAG_MAX_RANK);
  for (int i = 0; i < n; i++)
    {
      int axis = sag_axis (axes[i], shape.rank);

      if (axis < 0 || fresh[axis])
        return sag_node_invalid (node, error, "its axes are outside of the result or repeat");
      fresh[axis] = TRUE;
    }
  for (int i = 0; i < shape.rank; i++)
    shape.dim[i] = fresh[i] ? 1 : x->shape.dim[from++];
  return give_view (node, &shape, error);
}

/* Elements stay; only a fold or a copied output calls it. */
static void
run_copy (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0);

  memcpy (sag_step_out (step, 0), x->data, sag_value_count (x) * sag_dtype_size (x->dtype));
}

/* ---- Identity, Dropout ------------------------------------------------------------------ */

static gboolean
infer_dropout (SagNode *node, GError **error)
{
  const SagValue *ratio = sag_node_input (node, 1), *training = sag_node_input (node, 2);

  if (!sag_node_arity (node, 1, error))
    return FALSE;
  if (ratio != NULL && ratio->constant != NULL && sag_value_count (ratio) == 1
      && sag_tensor_get_real (ratio->constant, 0) == 0)
    training = NULL; /* torchvision's Swin leaves it in training, and drops nothing */
  if (training != NULL
      && (training->constant == NULL || sag_value_count (training) != 1
          || sag_tensor_get_int (training->constant, 0) != 0))
    return sag_node_unsupported (node, error,
                                 "it is in training mode; export the model for inference");
  return sag_infer_same (node, error)
         && sag_node_give (node, 1, SAG_DTYPE_BOOL, &sag_node_input (node, 0)->shape, error);
}

static void
run_dropout (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0);
  SagValue *y = sag_node_output (step->node, 0), *mask = sag_node_output (step->node, 1);

  if (y->data != NULL)
    memcpy (y->data, x->data, sag_value_count (x) * sag_dtype_size (x->dtype));
  if (mask != NULL)
    memset (mask->data, 1, sag_value_count (mask));
}

/* ---- Shape, Size ------------------------------------------------------------------------ */

static void
shape_range (const SagNode *node, int *from, int *to)
{
  int rank = sag_node_input (node, 0)->shape.rank;
  gint64 start = sag_node_get_int (node, "start", 0), end = sag_node_get_int (node, "end", rank);

  start = CLAMP (start < 0 ? start + rank : start, 0, rank);
  end = CLAMP (end < 0 ? end + rank : end, 0, rank);
  *from = (int) start;
  *to = (int) MAX (end, start);
}

static gboolean
infer_shape (SagNode *node, GError **error)
{
  int from, to;

  if (!sag_node_arity (node, 1, error))
    return FALSE;
  shape_range (node, &from, &to);
  return sag_node_give (node, 0, SAG_DTYPE_I64, &(SagShape) { 1, { to - from } }, error);
}

static void
run_shape (const SagStep *step)
{
  int from, to;

  shape_range (step->node, &from, &to);
  for (int i = from; i < to; i++)
    ((gint64 *) sag_step_out (step, 0))[i - from] = sag_node_input (step->node, 0)->shape.dim[i];
}

static gboolean
infer_size (SagNode *node, GError **error)
{
  return sag_node_arity (node, 1, error)
         && sag_node_give (node, 0, SAG_DTYPE_I64, &(SagShape) { 0 }, error);
}

static void
run_size (const SagStep *step)
{
  *(gint64 *) sag_step_out (step, 0) = sag_value_count (sag_node_input (step->node, 0));
}

#define VIEW(name, infer, needed)                                                              \
  { name, "", infer, cost_view, sag_prepare_view, NULL, run_copy, .follows = 1, .needs = needed }

const SagOp sag_ops_shape[] = {
  VIEW ("Reshape", infer_reshape, 2),
  VIEW ("Flatten", infer_flatten, 0),
  VIEW ("Squeeze", infer_squeeze, 2),
  VIEW ("Unsqueeze", infer_unsqueeze, 2),
  { "Identity", "", sag_infer_same, cost_view, sag_prepare_view, NULL, run_copy,
    .flags = SAG_OP_IDENTITY },
  { "Dropout", "", infer_dropout, NULL, sag_prepare_nothing, NULL, run_dropout,
    .flags = SAG_OP_IDENTITY },
  { "Shape", "", infer_shape, NULL, sag_prepare_nothing, NULL, run_shape,
    .flags = SAG_OP_SHAPE_ONLY },
  { "Size", "", infer_size, NULL, sag_prepare_nothing, NULL, run_size, .flags = SAG_OP_SHAPE_ONLY },
  { NULL },
};
