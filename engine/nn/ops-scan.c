/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-scan.c: recurrences along a sequence.
 *
 * SelectiveScan (domain "sagitta", version 1), the recurrence of Mamba, for K sequences of L steps of
 * C channels with N states each, from state 0:
 *
 *     h[k][c][n] = exp (dt[k][t][c] A[k][c][n]) h[k][c][n] + dt[k][t][c] u[k][t][c] B[k][t][n]
 *     y[k][t][c] = sum over n of h[k][c][n] C[k][t][n]  +  D[k][c] u[k][t][c]
 *
 *   inputs   u   [K, L, C]
 *            dt  [K, L, C]   the step, after softplus
 *            B   [K, L, N]
 *            C   [K, L, N]
 *            A   [K, C, N]   or [K, 1, C, N]; with 1 for K, or [C, N]: the same for every sequence
 *            D   [K, C]      or [K, 1, C], or [1, C], [1, 1, C], [C]; may be left out: no such term
 *            bias, as D      may be left out; else the step is softplus (dt + bias)
 *   output   y   [K, L, C]
 *
 * All are float. With the attributes b_first and c_first the rows of B and C may be longer than N: theirs are the N
 * numbers from there on. pass-scan.c makes this node of what exporters write, pass-scan-near.c gives it what is made
 * for it alone.
 */
#include "engine/base/parallel.h"
#include "engine/nn/op-util.h"

#include <string.h>

enum
{
  IN_U,
  IN_DT,
  IN_B,
  IN_C,
  IN_A,
  IN_D,
  IN_BIAS,
};

enum
{
  BLOCK = 16, /* channels a task */
  CHUNK = 256, /* steps between two looks at the clock */
};

typedef struct
{
  const SagStep *step;
  gint64         k, l, c, n, blocks;
  gboolean       a_each, d_each, bias_each; /* one for each sequence */
} ScanRun;

/* Whether it is of C channels, for all sequences or each of K. */
static gboolean
is_by_channel (const SagShape *shape, gint64 k, gint64 c)
{
  return shape->rank >= 1 && shape->rank <= 3 && shape->dim[shape->rank - 1] == c
         && (shape->rank < 3 || shape->dim[1] == 1) && (shape->rank < 2 || shape->dim[0] == k || shape->dim[0] == 1);
}

static gboolean
is_each (const SagValue *value)
{
  return value != NULL && value->shape.rank > 1 && value->shape.dim[0] > 1;
}

/* Whether it is [K, L, N], or wider from the attribute's place on. */
static gboolean
are_rows (const SagNode *node, const SagShape *shape, const SagShape *u, gint64 n, const char *attribute)
{
  gint64 first = sag_node_get_int (node, attribute, 0);

  if (shape->rank != 3 || shape->dim[0] != u->dim[0] || shape->dim[1] != u->dim[1])
    return FALSE;
  if (sag_node_attribute (node, attribute) == NULL)
    return shape->dim[2] == n;
  return first >= 0 && n <= shape->dim[2] && first <= shape->dim[2] - n;
}

static gboolean
infer_selective_scan (SagNode *node, GError **error)
{
  const SagValue *v[IN_BIAS + 1];
  const SagShape *u, *a;
  gint64 k, c, n;

  if (!sag_node_arity (node, IN_D, error))
    return FALSE;
  for (int i = 0; i <= IN_BIAS; i++)
    {
      v[i] = sag_node_input (node, i);
      if (v[i] != NULL && !sag_node_want_float (node, i, error))
        return FALSE;
    }
  u = &v[IN_U]->shape;
  a = &v[IN_A]->shape;
  if (u->rank != 3 || !sag_shape_equal (u, &v[IN_DT]->shape))
    return sag_node_invalid (node, error, "u and dt must both be [K, L, C]");
  k = u->dim[0];
  c = u->dim[2];
  n = a->rank > 0 ? a->dim[a->rank - 1] : 0;
  if (!are_rows (node, &v[IN_B]->shape, u, n, "b_first") || !are_rows (node, &v[IN_C]->shape, u, n, "c_first"))
    return sag_node_invalid (node, error, "B and C must both be [K, L, N], as long as A's last axis");
  if (a->rank < 2 || a->rank > 4 || a->dim[a->rank - 2] != c
      || (a->rank == 4 && a->dim[1] != 1)
      || (a->rank > 2 && a->dim[0] != k && a->dim[0] != 1))
    return sag_node_invalid (node, error, "A must be [K, C, N] or [C, N]");
  if (v[IN_D] != NULL && !is_by_channel (&v[IN_D]->shape, k, c))
    return sag_node_invalid (node, error, "D must be [K, C] or [C]");
  if (v[IN_BIAS] != NULL && !is_by_channel (&v[IN_BIAS]->shape, k, c))
    return sag_node_invalid (node, error, "bias must be [K, C] or [C]");
  return sag_infer_same (node, error);
}

static void
read_sizes (const SagNode *node, ScanRun *run)
{
  const SagShape *u = &sag_node_input (node, IN_U)->shape;
  const SagShape *a = &sag_node_input (node, IN_A)->shape;

  run->k = u->dim[0];
  run->l = u->dim[1];
  run->c = u->dim[2];
  run->n = a->dim[a->rank - 1];
  run->blocks = (run->c + BLOCK - 1) / BLOCK;
  run->a_each = a->rank > 2 && a->dim[0] > 1;
  run->d_each = is_each (sag_node_input (node, IN_D));
  run->bias_each = is_each (sag_node_input (node, IN_BIAS));
}

/* Scratch: for each task its part of A, turned to [N][channels], and its states. */
static gboolean
prepare_selective_scan (SagNode *node, SagPrecision precision, GError **error)
{
  ScanRun run;
  double work;

  read_sizes (node, &run);
  if (!g_size_checked_mul (&node->scratch_bytes, (gsize) run.n, 2 * BLOCK * sizeof (float))
      || !g_size_checked_mul (&node->scratch_bytes, node->scratch_bytes, (gsize) run.k)
      || !g_size_checked_mul (&node->scratch_bytes, node->scratch_bytes, (gsize) run.blocks))
    return sag_node_invalid (node, error, "it is too large");
  work = 3.0 * (double) run.k * (double) run.l * (double) run.c * (double) run.n;
  node->macs = (gint64) MIN (work, 1e18);
  node->kernel = "scan";
  node->inplace = 1 << IN_U | 1 << IN_DT;
  return TRUE;
}

/* The steps of a block of channels from what they are made of. */
static void
make_steps (const SagScanF32Job *job, const float *bias, float *steps)
{
  static const SagFused softplus = { .activation = SAG_ACTIVATION_SOFTPLUS };
  const SagKernels *k = sag_kernels_get ();

  for (gsize t = 0; t < job->l; t++)
    k->binary[SAG_BINARY_ADD](job->c, job->dt + (gint64) t * job->ld_dt, 1, bias, 1, steps + t * job->c);
  sag_fused_apply (&softplus, job->l * job->c, steps);
}

static void
run_task (gsize item, int thread, gpointer data)
{
  const ScanRun *run = data;
  const SagNode *node = run->step->node;
  gint64 k = (gint64) item / run->blocks, from = (gint64) item % run->blocks * BLOCK;
  gint64 width = MIN (BLOCK, run->c - from), rows = k * run->l;
  float *a = (float *) run->step->scratch + (gint64) item * 2 * BLOCK * run->n;
  const float *a_in = sag_step_in (run->step, IN_A), *bias = NULL;
  const float *b = sag_step_in (run->step, IN_B), *c_in = sag_step_in (run->step, IN_C);
  float steps[CHUNK * BLOCK];
  SagScanF32Job job = { .c = (size_t) width, .n = (size_t) run->n, .a = a, .h = a + BLOCK * run->n };

  job.ld_u = job.ld_y = run->c;
  job.ld_b = sag_node_input (node, IN_B)->shape.dim[2];
  job.ld_c = sag_node_input (node, IN_C)->shape.dim[2];
  b += sag_node_get_int (node, "b_first", 0);
  c_in += sag_node_get_int (node, "c_first", 0);
  if (sag_node_input (node, IN_BIAS) != NULL)
    bias = (const float *) sag_step_in (run->step, IN_BIAS) + (run->bias_each ? k * run->c : 0) + from;
  if (sag_node_input (node, IN_D) != NULL)
    job.d = (const float *) sag_step_in (run->step, IN_D) + (run->d_each ? k * run->c : 0) + from;
  a_in += ((run->a_each ? k * run->c : 0) + from) * run->n;
  for (gint64 n = 0; n < run->n; n++)
    for (gint64 c = 0; c < width; c++)
      {
        a[n * width + c] = a_in[c * run->n + n];
        job.h[n * width + c] = 0;
      }
  for (gint64 t = 0; t < run->l; t += CHUNK)
    {
      gint64 row = rows + t;

      job.l = (size_t) MIN (CHUNK, run->l - t);
      job.u = (const float *) sag_step_in (run->step, IN_U) + row * run->c + from;
      job.dt = (const float *) sag_step_in (run->step, IN_DT) + row * run->c + from;
      job.ld_dt = run->c;
      if (bias != NULL)
        {
          make_steps (&job, bias, steps);
          job.dt = steps;
          job.ld_dt = width;
        }
      job.b_rows = b + row * job.ld_b;
      job.c_rows = c_in + row * job.ld_c;
      job.y = (float *) sag_step_out (run->step, 0) + row * run->c + from;
      if (!sag_step_go_on (run->step, thread, (double) item / (double) (run->k * run->blocks)))
        return;
      sag_kernels_get ()->scan_f32 (&job);
    }
}

static void
run_selective_scan (const SagStep *step)
{
  ScanRun run = { .step = step };

  read_sizes (step->node, &run);
  sag_parallel_for ((gsize) (run.k * run.blocks), run_task, &run);
}

/* ---- LinearScan -------------------------------------------------------------------------
 *
 * y[t] = a[t] y[t - 1] + b[t] from y[-1] = 0 along `axis` of a and b, which have one shape (domain
 * "sagitta", version 1); with `previous` not 0, each y[t] stands one later, after a 0. */

typedef struct
{
  const SagStep *step;
  gint64         l, inner, blocks;
  gboolean       previous;
} LinearRun;

enum { LINE = 1024 }; /* elements of a step that a task takes */

static gboolean
infer_linear_scan (SagNode *node, GError **error)
{
  if (!sag_node_arity (node, 2, error) || !sag_node_want_float (node, 0, error)
      || !sag_node_want_float (node, 1, error))
    return FALSE;
  if (!sag_shape_equal (&sag_node_input (node, 0)->shape, &sag_node_input (node, 1)->shape)
      || sag_axis (sag_node_get_int (node, "axis", 0), sag_node_input (node, 0)->shape.rank) < 0)
    return sag_node_invalid (node, error, "a and b must have one shape, and the axis");
  return sag_infer_same (node, error);
}

static void
run_linear_task (gsize item, int thread, gpointer data)
{
  const LinearRun *run = data;
  gint64 outer = (gint64) item / run->blocks, from = (gint64) item % run->blocks * LINE;
  gint64 n = MIN (LINE, run->inner - from), at = outer * run->l * run->inner + from;
  const float *a = (const float *) sag_step_in (run->step, 0) + at;
  const float *b = (const float *) sag_step_in (run->step, 1) + at;
  float *y = (float *) sag_step_out (run->step, 0) + at;

  if (run->l == 0)
    return;
  for (gint64 i = 0; i < n; i++)
    y[i] = run->previous ? 0 : b[i];
  for (gint64 t = 1; t < run->l; t++)
    {
      const float *before = y;

      if (t % CHUNK == 0 && !sag_step_go_on (run->step, thread, 0))
        return;
      a += run->previous && t == 1 ? 0 : run->inner;
      b += run->previous && t == 1 ? 0 : run->inner;
      y += run->inner;
      for (gint64 i = 0; i < n; i++)
        y[i] = a[i] * before[i] + b[i];
    }
}

static void
run_linear_scan (const SagStep *step)
{
  const SagShape *shape = &sag_node_input (step->node, 0)->shape;
  int axis = sag_axis (sag_node_get_int (step->node, "axis", 0), shape->rank);
  LinearRun run = { step, shape->dim[axis], sag_shape_product (shape, axis + 1, shape->rank), 0,
                    sag_node_get_int (step->node, "previous", 0) != 0 };

  run.blocks = (run.inner + LINE - 1) / LINE;
  sag_parallel_for ((gsize) (sag_shape_product (shape, 0, axis) * run.blocks), run_linear_task, &run);
}

/* ---- GatedScan --------------------------------------------------------------------------
 *
 * The recurrence of gated linear attention, Mamba-2 and RWKV-5 and -6 (domain "sagitta", version 1),
 * for K sequences of L steps of C channels with N states each, from state 0:
 *
 *     h[k][c][n] = g[k][t][c][n] h[k][c][n] + v[k][t][c] b[k][t][n]
 *     y[k][t][c] = sum over n of q[k][t][n] h[k][c][n]
 *
 * or, with `previous` not 0, of q[k][t][n] (h before the step + w[k][n] b[k][t][n] v[k][t][c]).
 *
 *   inputs   v [K, L, C], b [K, L, N], q [K, L, N]
 *            g [K, L, C, N], any of them 1: the same along it
 *            w [K, N], or [1, N]; may be left out: 0
 *   output   y [K, L, C] */

enum { GATED_V, GATED_B, GATED_Q, GATED_G, GATED_W };

typedef struct
{
  const SagStep *step;
  gint64         k, l, c, n, blocks, stride[4]; /* of g */
  gboolean       previous, w_each;
} GatedRun;

static gboolean
infer_gated_scan (SagNode *node, GError **error)
{
  const SagShape *v, *b, *q, *g, *w;
  gint64 full[4];

  if (!sag_node_arity (node, 4, error))
    return FALSE;
  for (int i = 0; i <= GATED_W; i++)
    if (sag_node_input (node, i) != NULL && !sag_node_want_float (node, i, error))
      return FALSE;
  v = &sag_node_input (node, GATED_V)->shape;
  b = &sag_node_input (node, GATED_B)->shape;
  q = &sag_node_input (node, GATED_Q)->shape;
  g = &sag_node_input (node, GATED_G)->shape;
  w = sag_node_input (node, GATED_W) != NULL ? &sag_node_input (node, GATED_W)->shape : NULL;
  if (v->rank != 3 || b->rank != 3 || !sag_shape_equal (b, q) || b->dim[0] != v->dim[0]
      || b->dim[1] != v->dim[1] || g->rank != 4)
    return sag_node_invalid (node, error, "v must be [K, L, C], b and q [K, L, N], g [K, L, C, N]");
  memcpy (full, (gint64[]){ v->dim[0], v->dim[1], v->dim[2], b->dim[2] }, sizeof full);
  for (int i = 0; i < 4; i++)
    if (g->dim[i] != 1 && g->dim[i] != full[i])
      return sag_node_invalid (node, error, "g must be [K, L, C, N], or 1 for some of them");
  if (w != NULL
      && (w->rank != 2 || (w->dim[0] != 1 && w->dim[0] != full[0]) || w->dim[1] != full[3]))
    return sag_node_invalid (node, error, "w must be [K, N]");
  return sag_infer_same (node, error);
}

static void
read_gated (const SagNode *node, GatedRun *run)
{
  const SagShape *v = &sag_node_input (node, GATED_V)->shape;
  const SagShape *g = &sag_node_input (node, GATED_G)->shape;
  const SagValue *w = sag_node_input (node, GATED_W);
  gint64 stride = 1;

  run->k = v->dim[0];
  run->l = v->dim[1];
  run->c = v->dim[2];
  run->n = sag_node_input (node, GATED_B)->shape.dim[2];
  run->blocks = (run->c + BLOCK - 1) / BLOCK;
  for (int i = 3; i >= 0; i--)
    {
      run->stride[i] = g->dim[i] == 1 ? 0 : stride;
      stride *= g->dim[i];
    }
  run->previous = sag_node_get_int (node, "previous", 0) != 0;
  run->w_each = w != NULL && w->shape.dim[0] > 1;
}

static gboolean
prepare_gated_scan (SagNode *node, SagPrecision precision, GError **error)
{
  GatedRun run;
  double work;

  read_gated (node, &run);
  if (!g_size_checked_mul (&node->scratch_bytes, (gsize) run.n, BLOCK * sizeof (float))
      || !g_size_checked_mul (&node->scratch_bytes, node->scratch_bytes, (gsize) run.k)
      || !g_size_checked_mul (&node->scratch_bytes, node->scratch_bytes, (gsize) run.blocks))
    return sag_node_invalid (node, error, "it is too large");
  work = 3.0 * (double) run.k * (double) run.l * (double) run.c * (double) run.n;
  node->macs = (gint64) MIN (work, 1e18);
  node->kernel = "scan";
  return TRUE;
}

/* One step of up to BLOCK channels. */
static void
gated_step (const GatedRun *run, gint64 n_channels, const float *v, const float *b, const float *q,
            const float *g, const float *w, float *h, float *y)
{
  float sum[BLOCK] = { 0 };

  for (gint64 n = 0; n < run->n; n++, h += BLOCK)
    {
      const float *gate = g + n * run->stride[3];
      float own = run->previous && w != NULL ? w[n] * b[n] : 0;

      if (run->previous)
        for (gint64 c = 0; c < n_channels; c++)
          sum[c] += q[n] * (h[c] + own * v[c]);
      if (run->stride[2] == 0)
        for (gint64 c = 0; c < n_channels; c++)
          h[c] = *gate * h[c] + v[c] * b[n];
      else
        for (gint64 c = 0; c < n_channels; c++)
          h[c] = gate[c * run->stride[2]] * h[c] + v[c] * b[n];
      if (!run->previous)
        for (gint64 c = 0; c < n_channels; c++)
          sum[c] += q[n] * h[c];
    }
  memcpy (y, sum, (gsize) n_channels * sizeof *y);
}

static void
run_gated_task (gsize item, int thread, gpointer data)
{
  const GatedRun *run = data;
  gint64 k = (gint64) item / run->blocks, from = (gint64) item % run->blocks * BLOCK;
  gint64 width = MIN (BLOCK, run->c - from);
  float *h = (float *) run->step->scratch + (gint64) item * BLOCK * run->n;
  const float *g = (const float *) sag_step_in (run->step, GATED_G) + k * run->stride[0]
                   + from * run->stride[2];
  const float *w = sag_node_input (run->step->node, GATED_W) == NULL
                     ? NULL
                     : (const float *) sag_step_in (run->step, GATED_W) + (run->w_each ? k * run->n : 0);

  memset (h, 0, (gsize) (BLOCK * run->n) * sizeof *h);
  for (gint64 t = 0; t < run->l; t++)
    {
      gint64 row = k * run->l + t;

      if (t % CHUNK == 0
          && !sag_step_go_on (run->step, thread, (double) item / (double) (run->k * run->blocks)))
        return;
      gated_step (run, width, (const float *) sag_step_in (run->step, GATED_V) + row * run->c + from,
                  (const float *) sag_step_in (run->step, GATED_B) + row * run->n,
                  (const float *) sag_step_in (run->step, GATED_Q) + row * run->n,
                  g + t * run->stride[1], w, h,
                  (float *) sag_step_out (run->step, 0) + row * run->c + from);
    }
}

static void
run_gated_scan (const SagStep *step)
{
  GatedRun run = { .step = step };

  read_gated (step->node, &run);
  sag_parallel_for ((gsize) (run.k * run.blocks), run_gated_task, &run);
}

const SagOp sag_ops_scan[] = {
  { "GatedScan", "sagitta", infer_gated_scan, NULL, prepare_gated_scan, NULL, run_gated_scan },
  { "LinearScan", "sagitta", infer_linear_scan, NULL, sag_prepare_nothing, NULL, run_linear_scan },
  { "SelectiveScan", "sagitta", infer_selective_scan, NULL, prepare_selective_scan, NULL,
    run_selective_scan },
  { NULL },
};
