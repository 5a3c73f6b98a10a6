/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-scan-near.c: what Mamba's blocks do just before a selective scan becomes the scan's own: B and C, which are cut
 * out of the rows of one product, are read where they lie, and steps, softplus of a product and a bias, are made a few at
 * a time. The same numbers; volumes less through memory.
 */
#include "engine/nn/op-util.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/passes.h"

#include <string.h>

enum { IN_DT = 1, IN_B, IN_C, IN_BIAS = 6 }; /* of SelectiveScan */

/* Input `i`, if it is a stretch of each row of another value, becomes that; the attribute says where in it. */
static gboolean
read_in_place (SagNode *scan, int i, const char *attribute)
{
  const SagValue *part = sag_node_input (scan, i);
  SagValue *whole;
  gint64 start[SAG_MAX_RANK], step[SAG_MAX_RANK];

  if (sag_node_attribute (scan, attribute) != NULL || part == NULL || part->producer == NULL
      || !sag_match_is (part->producer, "Slice") || !sag_slice_box (part->producer, start, step, NULL))
    return FALSE;
  whole = sag_node_input (part->producer, 0);
  if (whole->shape.rank != 3 || part->shape.rank != 3 || whole->dtype != SAG_DTYPE_F32 || whole->constant != NULL)
    return FALSE;
  for (int a = 0; a < 3; a++)
    if (step[a] != 1 || (a < 2 && part->shape.dim[a] != whole->shape.dim[a]))
      return FALSE;
  scan->inputs->pdata[i] = whole;
  sag_node_set_int (scan, attribute, start[2]);
  return TRUE;
}

/* [C], or the same for each sequence, as the scan reads it. */
static gboolean
is_bias (const SagValue *value, const SagShape *steps)
{
  const SagShape *shape = &value->shape;
  int rank = shape->rank;

  return value->constant != NULL && value->dtype == SAG_DTYPE_F32 && (rank == 1 || rank == 3)
         && shape->dim[rank - 1] == steps->dim[2]
         && (rank == 1 || (shape->dim[1] == 1 && (shape->dim[0] == 1 || shape->dim[0] == steps->dim[0])));
}

static gboolean
make_steps (SagNode *scan)
{
  const SagValue *steps = sag_node_input (scan, IN_DT);
  const SagNode *add = steps != NULL ? steps->producer : NULL;

  if (add == NULL || steps->n_readers != 1 || strcmp (add->op->name, "Add") != 0 || *add->op->domain != '\0'
      || add->fused.activation != SAG_ACTIVATION_SOFTPLUS || add->fused.residual || sag_node_input (scan, IN_BIAS) != NULL)
    return FALSE;
  for (int i = 0; i < 2; i++)
    {
      SagValue *x = sag_node_input (add, i), *bias = sag_node_input (add, 1 - i);

      if (x->constant != NULL || !sag_shape_equal (&x->shape, &steps->shape) || !is_bias (bias, &steps->shape))
        continue;
      scan->inputs->pdata[IN_DT] = x;
      while (scan->inputs->len <= IN_BIAS)
        g_ptr_array_add (scan->inputs, NULL);
      scan->inputs->pdata[IN_BIAS] = bias;
      return TRUE;
    }
  return FALSE;
}

gboolean
sag_pass_scan_near (SagGraph *graph, GError **error)
{
  gboolean changed = FALSE;

  for (guint i = 0; i < graph->nodes->len; i++)
    {
      SagNode *node = graph->nodes->pdata[i];

      if (strcmp (node->op->name, "SelectiveScan") != 0)
        continue;
      changed |= read_in_place (node, IN_B, "b_first");
      changed |= read_in_place (node, IN_C, "c_first");
      changed |= make_steps (node);
    }
  return !changed || sag_graph_clean (graph, error);
}
