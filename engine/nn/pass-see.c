/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-see.c: a value as elements of another one.
 */
#include "engine/nn/pass-see.h"

#include "engine/nn/op-util.h"
#include "engine/nn/ops-pointwise.h"
#include "engine/nn/pass-match.h"

#include <string.h>

enum { DEEPEST = 24 }; /* nodes that are followed */

gboolean
sag_see_is_free (const SagValue *value)
{
  return value->dtype == SAG_DTYPE_F32 && value->quantum.scale == 0 && value->least >= value->most;
}

/* Gives what is seen another shape: each run of axes of the new one must lie in a run of the old that is dense. */
static gboolean
reshape (SagSeen *seen, const SagShape *shape)
{
  gint64 strides[SAG_MAX_RANK] = { 0 };
  const SagShape *old = &seen->shape;
  int i = 0, j = 0;

  while (i < old->rank || j < shape->rank)
    {
      gint64 a = 1, b = 1, step;
      int from = i, to = j;

      do
        if (a <= b && i < old->rank)
          a *= old->dim[i++];
        else if (j < shape->rank)
          b *= shape->dim[j++];
        else
          return FALSE;
      while (a != b);
      while (i < old->rank && old->dim[i] == 1)
        i++;
      while (j < shape->rank && shape->dim[j] == 1)
        j++;
      step = 0;
      for (int k = i - 1, next = -1; k >= from; k--) /* dense but for axes of one? */
        {
          if (old->dim[k] == 1)
            continue;
          if (next >= 0 && seen->stride[k] != seen->stride[next] * old->dim[next])
            return FALSE;
          step = next < 0 ? seen->stride[k] : step;
          next = k;
        }
      for (int k = j - 1; k >= to; k--)
        {
          strides[k] = step;
          step *= shape->dim[k];
        }
    }
  seen->shape = *shape;
  memcpy (seen->stride, strides, sizeof strides);
  return TRUE;
}

static gboolean
turn (SagSeen *seen, const SagNode *node)
{
  SagSeen old = *seen;
  int n;
  const gint64 *perm = sag_node_get_ints (node, "perm", &n);

  if (perm != NULL && n != old.shape.rank)
    return FALSE;
  for (int i = 0; i < old.shape.rank; i++)
    {
      int axis = perm != NULL ? sag_axis (perm[i], old.shape.rank) : old.shape.rank - 1 - i;

      seen->shape.dim[i] = old.shape.dim[axis];
      seen->stride[i] = old.stride[axis];
    }
  return TRUE;
}

/* One place along an axis, which may go. */
static gboolean
pick (SagSeen *seen, const SagNode *node)
{
  const SagValue *index = sag_node_input (node, 1);
  int axis = sag_axis (sag_node_get_int (node, "axis", 0), seen->shape.rank);
  gint64 at;

  if (index->constant == NULL || sag_value_count (index) != 1 || index->shape.rank > 1 || axis < 0)
    return FALSE;
  at = sag_tensor_get_int (index->constant, 0);
  at += at < 0 ? seen->shape.dim[axis] : 0;
  if (at < 0 || at >= seen->shape.dim[axis])
    return FALSE;
  seen->offset += at * seen->stride[axis];
  seen->shape.dim[axis] = 1;
  return index->shape.rank == 1 || reshape (seen, &sag_node_output (node, 0)->shape);
}

static gboolean
cut (SagSeen *seen, const SagNode *node)
{
  gint64 start[SAG_MAX_RANK], step[SAG_MAX_RANK];

  if (!sag_slice_box (node, start, step, NULL))
    return FALSE;
  for (int i = 0; i < seen->shape.rank; i++)
    {
      seen->offset += start[i] * seen->stride[i];
      seen->stride[i] *= step[i];
    }
  seen->shape = sag_node_output (node, 0)->shape;
  return TRUE;
}

static gboolean
part (SagSeen *seen, const SagNode *node, const SagValue *value)
{
  int axis = sag_axis (sag_node_get_int (node, "axis", 0), seen->shape.rank);

  for (guint i = 0; i < node->outputs->len && axis >= 0; i++)
    {
      const SagValue *one = sag_node_output (node, (int) i);

      if (one == NULL) /* its length is not known here */
        return FALSE;
      if (one == value)
        {
          seen->shape = value->shape;
          return TRUE;
        }
      seen->offset += one->shape.dim[axis] * seen->stride[axis];
    }
  return FALSE;
}

/* x + number */
static gboolean
add (SagSeen *seen, const SagNode *node, int x)
{
  float number;

  if (seen->shift != 0 || !sag_match_scalar (sag_node_input (node, 1 - x), &number)
      || !sag_shape_equal (&seen->shape, &sag_node_output (node, 0)->shape))
    return FALSE;
  seen->shift = number;
  return TRUE;
}

static gboolean
activate (SagSeen *seen, const SagNode *node)
{
  SagFused fused;

  if (seen->shift != 0 || seen->map.activation != SAG_ACTIVATION_NONE || !sag_node_activation (node, &fused))
    return FALSE;
  seen->map = fused;
  return TRUE;
}

static gboolean
is_reshape (const SagNode *node)
{
  return sag_match_is (node, "Reshape") || sag_match_is (node, "Squeeze") || sag_match_is (node, "Unsqueeze")
         || sag_match_is (node, "Flatten");
}

static void
look (SagValue *value, SagSeen *seen, int depth)
{
  const SagNode *node = value->producer;
  int x = 0;
  gboolean good = FALSE;

  if (node != NULL && sag_match_is (node, "Add") && sag_node_input (node, 0)->constant != NULL)
    x = 1;
  if (node != NULL && depth < DEEPEST && sag_see_is_free (value) && sag_node_input (node, x) != NULL
      && sag_node_input (node, x)->dtype == SAG_DTYPE_F32 && sag_node_input (node, x)->constant == NULL
      && sag_value_count (value) > 0
      && (is_reshape (node) || sag_match_is (node, "Transpose") || sag_match_is (node, "Gather")
          || sag_match_is (node, "Slice") || sag_match_is (node, "Split") || sag_match_is (node, "Add")
          || (node->outputs->len == 1 && sag_node_activation (node, &(SagFused){ 0 }))))
    {
      look (sag_node_input (node, x), seen, depth + 1);
      good = is_reshape (node)                    ? reshape (seen, &value->shape)
             : sag_match_is (node, "Transpose") ? turn (seen, node)
             : sag_match_is (node, "Gather")    ? pick (seen, node)
             : sag_match_is (node, "Slice")     ? cut (seen, node)
             : sag_match_is (node, "Split")     ? part (seen, node, value)
             : sag_match_is (node, "Add")       ? add (seen, node, x)
                                                : activate (seen, node);
    }
  if (good)
    return;
  *seen = (SagSeen){ .base = value, .shape = value->shape };
  sag_layout_strides (&value->shape, SAG_LAYOUT_PLAIN, seen->stride);
}

void
sag_see (SagValue *value, SagSeen *seen)
{
  look (value, seen, 0);
}
