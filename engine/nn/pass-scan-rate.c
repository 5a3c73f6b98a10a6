/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-scan-rate.c: sums of steps times rates that do not change with time, S[t] A with S = CumSum (dt), as the sums of
 * dt A that they are: then exp (S A) is a product of decays, which pass-scan-trace.c follows. Where that finds no
 * recurrence, the file's smaller sums come back.
 */
#include "engine/nn/build.h"
#include "engine/nn/op-util.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/pass-scan.h"

#include <string.h>

typedef struct
{
  SagValue *x, *rate, *sum; /* sum is CumSum (x rate) */
  gint64    axis;
  SagShape  shape; /* of x as it is multiplied */
} Rate;

/* A value with one axis of 1 more at its end, or the same one. */
static SagValue *
without_last (SagValue *value)
{
  const SagNode *node = value->producer;
  SagValue *x;

  if (!sag_match_is (node, "Unsqueeze") && !sag_match_is (node, "Reshape"))
    return value;
  x = sag_node_input (node, 0);
  return value->shape.rank == x->shape.rank + 1 && value->shape.dim[x->shape.rank] == 1
                 && memcmp (value->shape.dim, x->shape.dim, sizeof x->shape.dim[0] * (gsize) x->shape.rank) == 0
             ? x
             : value;
}

static gboolean
find (const SagNode *mul, Rate *found)
{
  const SagValue *y = sag_node_output (mul, 0);

  for (int i = 0; i < 2; i++)
    {
      SagValue *s = sag_node_input (mul, i), *rate = sag_node_input (mul, 1 - i);
      const SagNode *sum = without_last (s)->producer;
      int axis, at;

      if (!sag_match_is (sum, "CumSum") || rate->constant == NULL || y->dtype != SAG_DTYPE_F32
          || sag_node_input (sum, 1) == NULL || sag_node_input (sum, 1)->constant == NULL
          || sag_value_count (sag_node_input (sum, 1)) != 1 || sag_node_get_int (sum, "reverse", 0) != 0
          || sag_node_get_int (sum, "exclusive", 0) != 0 || s->shape.rank != y->shape.rank)
        continue;
      axis = sag_axis (sag_tensor_get_int (sag_node_input (sum, 1)->constant, 0),
                       sag_node_input (sum, 0)->shape.rank);
      at = axis < 0 ? -1 : rate->shape.rank - (y->shape.rank - axis);
      if (axis < 0 || (at >= 0 && rate->shape.dim[at] != 1))
        continue;
      *found = (Rate){ sag_node_input (sum, 0), rate, NULL, axis, s->shape };
      return TRUE;
    }
  return FALSE;
}

static SagValue *
infer (SagValue *value)
{
  return value->producer->op->infer (value->producer, NULL) ? value : NULL;
}

/* CumSum (x rate), or CumSum (x) rate. */
static SagValue *
make (SagNode *at, int position, const Rate *rate, gboolean inside)
{
  SagBuild build = { at, position };
  SagValue *y = rate->x;

  for (int step = 0; step < 2 && y != NULL; step++)
    if ((step == 0) != inside)
      y = infer (sag_build (&build, "CumSum", 2, y, sag_build_ints (&build, 1, &rate->axis)));
    else
      {
        if (!sag_shape_equal (&y->shape, &rate->shape))
          y = infer (sag_build_reshape (&build, y, rate->shape.rank, rate->shape.dim));
        if (y != NULL)
          y = infer (sag_build (&build, "Mul", 2, y, rate->rate));
      }
  return y;
}

GArray *
sag_scan_rates_in (SagGraph *graph)
{
  GArray *rates = g_array_new (FALSE, FALSE, sizeof (Rate));
  g_autoptr (GHashTable) exponents = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < graph->nodes->len; i++)
    if (sag_match_is (graph->nodes->pdata[i], "Exp"))
      g_hash_table_add (exponents, sag_node_input (graph->nodes->pdata[i], 0));
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      SagNode *node = graph->nodes->pdata[i];
      guint before = graph->nodes->len;
      Rate rate;

      if (!sag_match_is (node, "Mul") || !g_hash_table_contains (exponents, sag_node_output (node, 0))
          || !find (node, &rate))
        continue;
      rate.sum = make (node, (int) i, &rate, TRUE);
      i += graph->nodes->len - before;
      if (rate.sum == NULL)
        continue;
      sag_graph_replace (graph, sag_node_output (node, 0), rate.sum);
      g_array_append_val (rates, rate);
    }
  return rates;
}

void
sag_scan_rates_out (SagGraph *graph, GArray *rates)
{
  for (guint i = 0; i < rates->len; i++)
    {
      const Rate *rate = &g_array_index (rates, Rate, i);
      SagValue *y;
      guint at;

      if (!g_ptr_array_find (graph->nodes, rate->sum->producer, &at))
        continue;
      y = make (rate->sum->producer, (int) at, rate, FALSE);
      if (y != NULL)
        sag_graph_replace (graph, rate->sum, y);
    }
  g_array_unref (rates);
}
