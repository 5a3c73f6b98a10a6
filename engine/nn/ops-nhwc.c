/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-nhwc.c: operators whose values lie channels last, [N, spatial..., C], as ONNX Runtime's layout optimizer
 * leaves them (com.microsoft: NhwcConv, NhwcFusedConv, NhwcMaxPool; its ContribOperators.md), written out as the
 * usual ones between two Transposes, which pass-layout then has for nothing. The same of the domain `sagitta` stand
 * for QLinear operators with channels_last (pass-qoperator.c).
 */
#include "engine/nn/build.h"
#include "engine/nn/op-util.h"

#include <string.h>

/* Axis 1 becomes the last (`away`), or the last axis becomes axis 1. */
static SagValue *
turn (SagBuild *b, SagValue *x, int rank, gboolean away)
{
  gint64 perm[SAG_MAX_RANK];

  for (int i = 0; i < rank; i++)
    perm[i] = i == 0 ? 0 : away ? (i == rank - 1 ? 1 : i + 1) : (i == 1 ? rank - 1 : i - 1);
  return sag_build_transpose (b, x, rank, perm);
}

/* Weights are [M, C, kernel...] in the text, and [M, kernel..., C] in what its tools write. */
static gboolean
weights_turned (const SagNode *node, gint64 channels)
{
  const SagShape *w = &sag_node_input (node, 1)->shape;

  return *node->op->domain == 'c' && w->dim[w->rank - 1] * sag_node_get_int (node, "group", 1) == channels;
}

static gboolean
expand (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  const char *plain = node->op->name + strlen ("Nhwc");
  gboolean conv = g_str_has_suffix (plain, "Conv");
  SagValue *x = sag_node_input (node, 0), *w = NULL, *z = NULL, *y;
  int rank = x != NULL ? x->shape.rank : 0;

  if (!sag_node_arity (node, conv ? 2 : 1, error))
    return FALSE;
  if (rank < 3 || (conv && sag_node_input (node, 1)->shape.rank != rank))
    return sag_node_invalid (node, error, "its input has no channels, or its weights do not fit it");
  if (conv)
    w = sag_node_input (node, 1);
  if (conv && weights_turned (node, x->shape.dim[rank - 1]))
    w = turn (&b, w, rank, FALSE);
  if (conv && node->inputs->len > 3 && sag_node_input (node, 3) != NULL)
    {
      z = sag_node_input (node, 3);
      if (z->shape.rank != rank)
        return sag_node_invalid (node, error, "what it adds is of another rank");
      z = turn (&b, z, rank, FALSE);
    }
  x = turn (&b, x, rank, FALSE);
  if (strcmp (plain, "FusedConv") == 0)
    y = sag_build_in (&b, "com.microsoft", plain, 4, x, w, sag_node_input (node, 2), z);
  else if (conv)
    y = sag_build (&b, plain, 3, x, w, sag_node_input (node, 2));
  else
    y = sag_build (&b, plain, 1, x);
  sag_build_move_attributes (&b, y->producer);
  sag_build_end (&b, 0, turn (&b, y, rank, TRUE));
  return TRUE;
}

#define LAST(name, domain) { name, domain, .expand = expand }

const SagOp sag_ops_nhwc[] = {
  LAST ("NhwcConv", "com.microsoft"),
  LAST ("NhwcFusedConv", "com.microsoft"),
  LAST ("NhwcMaxPool", "com.microsoft"),
  LAST ("NhwcConv", "sagitta"),
  LAST ("NhwcAveragePool", "sagitta"),
  LAST ("NhwcGlobalAveragePool", "sagitta"),
  { NULL },
};
