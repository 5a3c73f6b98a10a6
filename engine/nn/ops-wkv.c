/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-wkv.c: the WKV of RWKV-4 (Peng et al., "RWKV: Reinventing RNNs for the Transformer Era", 2023, eq. 16 and
 * appendix D, the form that keeps the greatest exponent apart), domain "sagitta", version 1:
 *
 *     y[t] = (sum over i < t of exp ((t - 1 - i) w + k[i]) v[i]  +  exp (u + k[t]) v[t])
 *          / (the same with 1 for v)
 *
 *   inputs   k [L, C], v [L, C], w [C] (added to an exponent each step), u [C]
 *   output   y [L, C]
 *
 * All are float. pass-wkv.c makes this node of what exporters write.
 */
#include "engine/base/parallel.h"
#include "engine/nn/op-util.h"

#include <math.h>

enum
{
  IN_K,
  IN_V,
  IN_W,
  IN_U,
};

enum
{
  BLOCK = 64,  /* channels a task */
  CHUNK = 256, /* steps between two looks at the clock */
};

static gboolean
infer_wkv (SagNode *node, GError **error)
{
  const SagShape *k, *w;

  if (!sag_node_arity (node, 4, error))
    return FALSE;
  for (int i = 0; i < 4; i++)
    if (!sag_node_want_float (node, i, error))
      return FALSE;
  k = &sag_node_input (node, IN_K)->shape;
  w = &sag_node_input (node, IN_W)->shape;
  if (k->rank != 2 || !sag_shape_equal (k, &sag_node_input (node, IN_V)->shape) || w->rank != 1
      || w->dim[0] != k->dim[1] || !sag_shape_equal (w, &sag_node_input (node, IN_U)->shape))
    return sag_node_invalid (node, error, "k and v must be [L, C], w and u [C]");
  return sag_infer_same (node, error);
}

static gboolean
prepare_wkv (SagNode *node, SagPrecision precision, GError **error)
{
  /* four exponents, and what is done with them */
  node->macs = MIN (sag_value_count (sag_node_output (node, 0)), (gint64) 1 << 50) * 40;
  node->kernel = "scan";
  return TRUE;
}

typedef struct
{
  float aa[BLOCK], bb[BLOCK], pp[BLOCK]; /* sums, and the exponent they are relative to */
} Sums;

/* e1 = exp (p - max (p, x)), e2 = exp (x - max (p, x)); p becomes the greater one. */
static inline void
weigh (gint64 n, float *p, const float *x, float *e1, float *e2)
{
  const SagKernels *kernels = sag_kernels_get ();

  for (gint64 i = 0; i < n; i++)
    {
      float most = p[i] > x[i] ? p[i] : x[i];

      e1[i] = p[i] - most;
      e2[i] = x[i] - most;
      p[i] = most;
    }
  kernels->unary[SAG_UNARY_EXP] ((size_t) n, e1, e1, 0, 0);
  kernels->unary[SAG_UNARY_EXP] ((size_t) n, e2, e2, 0, 0);
}

static void
step_wkv (gint64 n, const float *k, const float *v, const float *w, const float *u, Sums *sums, float *y)
{
  float e1[BLOCK], e2[BLOCK], p[BLOCK], x[BLOCK];

  for (gint64 i = 0; i < n; i++)
    {
      p[i] = sums->pp[i];
      x[i] = u[i] + k[i];
    }
  weigh (n, p, x, e1, e2);
  for (gint64 i = 0; i < n; i++)
    {
      y[i] = (e1[i] * sums->aa[i] + e2[i] * v[i]) / (e1[i] * sums->bb[i] + e2[i]);
      sums->pp[i] += w[i];
    }
  weigh (n, sums->pp, k, e1, e2);
  for (gint64 i = 0; i < n; i++)
    {
      sums->aa[i] = e1[i] * sums->aa[i] + e2[i] * v[i];
      sums->bb[i] = e1[i] * sums->bb[i] + e2[i];
    }
}

static void
run_wkv_task (gsize item, int thread, gpointer data)
{
  const SagStep *step = data;
  const SagShape *shape = &sag_node_input (step->node, IN_K)->shape;
  gint64 l = shape->dim[0], c = shape->dim[1], from = (gint64) item * BLOCK, n = MIN (BLOCK, c - from);
  const float *k = (const float *) sag_step_in (step, IN_K) + from;
  const float *v = (const float *) sag_step_in (step, IN_V) + from;
  const float *w = (const float *) sag_step_in (step, IN_W) + from;
  const float *u = (const float *) sag_step_in (step, IN_U) + from;
  float *y = (float *) sag_step_out (step, 0) + from;
  Sums sums;

  for (gint64 i = 0; i < BLOCK; i++)
    {
      sums.aa[i] = sums.bb[i] = 0;
      sums.pp[i] = -1e38f;
    }
  for (gint64 t = 0; t < l; t++)
    {
      if (t % CHUNK == 0 && !sag_step_go_on (step, thread, (double) (from * l) / (double) (c * l)))
        return;
      step_wkv (n, k + t * c, v + t * c, w, u, &sums, y + t * c);
    }
}

static void
run_wkv (const SagStep *step)
{
  gint64 c = sag_node_input (step->node, IN_K)->shape.dim[1];

  sag_parallel_for ((gsize) ((c + BLOCK - 1) / BLOCK), run_wkv_task, (gpointer) step);
}

const SagOp sag_ops_wkv[] = {
  { "Wkv", "sagitta", infer_wkv, NULL, prepare_wkv, NULL, run_wkv },
  { NULL },
};
