/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-einsum.c: Einsum, by its definition.
 *
 * Every letter is an axis with a size. Letters of the output are walked outside (in parallel), the
 * others summed inside, in the order of their first appearance.
 */
#include "engine/nn/op-util.h"

#include <string.h>

enum { MAX_OPERANDS = 3, LETTERS = 52 };

typedef struct
{
  int    n_operands, n_kept, n_summed;
  gint64 size[LETTERS];                 /* 0: not used */
  gint64 stride[MAX_OPERANDS]
               [LETTERS]; /* elements; a letter twice in an operand walks the diagonal */
  int    kept[LETTERS], summed[LETTERS];
} Einsum;

static int
letter (char c)
{
  return g_ascii_isupper (c) ? c - 'A' + 26 : g_ascii_islower (c) ? c - 'a' : -1;
}

/* One operand's letters; *at moves behind them. */
static gboolean
read_operand (const SagNode *node, int i, const char **at, Einsum *e, int *count, GError **error)
{
  const SagValue *x = sag_node_input (node, i);
  gint64 strides[SAG_MAX_RANK];
  int axis = 0;

  sag_value_strides (x, strides);
  for (; **at != '\0' && **at != ',' && **at != '-'; ++*at)
    {
      int l = letter (**at);

      if (**at == ' ')
        continue;
      if (l < 0)
        return sag_node_unsupported (node, error, "its equation has something other than letters");
      if (axis == x->shape.rank || (e->size[l] > 0 && e->size[l] != x->shape.dim[axis])
          || x->shape.dim[axis] == 0)
        return sag_node_invalid (node, error, "its equation does not fit its inputs");
      e->size[l] = x->shape.dim[axis];
      e->stride[i][l] += strides[axis++];
      count[l]++;
    }
  return axis == x->shape.rank
         || sag_node_invalid (node, error, "its equation does not fit its inputs");
}

static gboolean
read_equation (const SagNode *node, Einsum *e, GError **error)
{
  const char *at = sag_node_get_string (node, "equation", "");
  gboolean is_kept[LETTERS] = { FALSE };
  int count[LETTERS] = { 0 };

  *e = (Einsum) { .n_operands = (int) node->inputs->len };
  if (e->n_operands < 1 || e->n_operands > MAX_OPERANDS)
    return sag_node_unsupported (node, error, "it has %d inputs; 1 to 3 are supported",
                                 e->n_operands);
  for (int i = 0; i < e->n_operands; i++)
    {
      if (!sag_node_want_float (node, i, error) || !read_operand (node, i, &at, e, count, error))
        return FALSE;
      if (i + 1 < e->n_operands && *at++ != ',')
        return sag_node_invalid (node, error, "its equation has too few terms");
    }
  if (at[0] == '-' && at[1] == '>')
    {
      for (at += 2; *at != '\0'; at++)
        if (*at != ' ')
          {
            int l = letter (*at);

            if (l < 0 || e->size[l] == 0 || is_kept[l])
              return sag_node_invalid (node, error, "its equation's output is not understood");
            is_kept[l] = TRUE;
            e->kept[e->n_kept++] = l;
          }
    }
  else if (*at != '\0')
    return sag_node_invalid (node, error, "its equation has too many terms");
  else /* letters that occur once, capitals first */
    for (int k = 0; k < LETTERS; k++)
      {
        int l = (k + 26) % LETTERS;

        if (count[l] == 1)
          {
            is_kept[l] = TRUE;
            e->kept[e->n_kept++] = l;
          }
      }
  if (e->n_kept > SAG_MAX_RANK)
    return sag_node_invalid (node, error, "its output has too many dimensions");
  for (int l = 0; l < LETTERS; l++)
    if (e->size[l] > 0 && !is_kept[l])
      e->summed[e->n_summed++] = l;
  return TRUE;
}

static gboolean
infer_einsum (SagNode *node, GError **error)
{
  SagShape shape = { 0 };
  Einsum e;

  if (!sag_node_arity (node, (int) MAX (1, node->inputs->len), error)
      || !read_equation (node, &e, error))
    return FALSE;
  for (int i = 0; i < e.n_kept; i++)
    shape.dim[shape.rank++] = e.size[e.kept[i]];
  return sag_node_give (node, 0, SAG_DTYPE_F32, &shape, error);
}

static gboolean
prepare_einsum (SagNode *node, SagPrecision precision, GError **error)
{
  double work = (double) sag_value_count (sag_node_output (node, 0));
  Einsum e;

  if (!read_equation (node, &e, error))
    return FALSE;
  for (int i = 0; i < e.n_summed; i++)
    work *= (double) e.size[e.summed[i]];
  node->macs = (gint64) MIN (work, 1e18);
  return TRUE;
}

typedef struct
{
  Einsum       e;
  const float *x[MAX_OPERANDS];
  float       *y;
  gint64       lines; /* product of all summed sizes but the last */
} EinsumRun;

/* The sum over the last summed letter. */
static float
sum_line (const EinsumRun *run, const gint64 *at)
{
  const Einsum *e = &run->e;
  int l = e->n_summed > 0 ? e->summed[e->n_summed - 1] : -1;
  gint64 n = l >= 0 ? e->size[l] : 1, sa = l >= 0 ? e->stride[0][l] : 0;
  gint64 sb = l >= 0 ? e->stride[1][l] : 0, sc = l >= 0 ? e->stride[2][l] : 0;
  const float *a = run->x[0] + at[0], *b = run->x[1], *c = run->x[2];
  float sum = 0;

  if (e->n_operands == 2 && sa == 1 && sb == 1)
    return sag_kernels_get ()->reduce.dot ((size_t) n, a, b + at[1]);
  for (gint64 i = 0; i < n; i++)
    {
      float product = a[i * sa];

      if (e->n_operands > 1)
        product *= b[at[1] + i * sb];
      if (e->n_operands > 2)
        product *= c[at[2] + i * sc];
      sum += product;
    }
  return sum;
}

static void
einsum_items (gint64 item, gint64 to, int thread, gpointer data)
{
  const EinsumRun *run = data;
  const Einsum *e = &run->e;

  for (; item < to; item++)
    {
      gint64 start[MAX_OPERANDS] = { 0 }, rest = item;
      float sum = 0;

      for (int i = e->n_kept - 1; i >= 0; i--)
        {
          int l = e->kept[i];

          for (int o = 0; o < e->n_operands; o++)
            start[o] += rest % e->size[l] * e->stride[o][l];
          rest /= e->size[l];
        }
      for (gint64 line = 0; line < run->lines; line++)
        {
          gint64 at[MAX_OPERANDS];

          memcpy (at, start, sizeof at);
          rest = line;
          for (int i = e->n_summed - 2; i >= 0; i--)
            {
              int l = e->summed[i];

              for (int o = 0; o < e->n_operands; o++)
                at[o] += rest % e->size[l] * e->stride[o][l];
              rest /= e->size[l];
            }
          sum += sum_line (run, at);
        }
      run->y[item] = sum;
    }
}

static void
run_einsum (const SagStep *step)
{
  EinsumRun run = { .y = sag_step_out (step, 0), .lines = 1 };
  gint64 work = 1;

  read_equation (step->node, &run.e, NULL);
  for (int i = 0; i < run.e.n_operands; i++)
    run.x[i] = sag_step_in (step, i);
  for (int i = 0; i + 1 < run.e.n_summed; i++)
    run.lines *= run.e.size[run.e.summed[i]];
  work = run.lines * (run.e.n_summed > 0 ? run.e.size[run.e.summed[run.e.n_summed - 1]] : 1);
  sag_range_run (sag_value_count (sag_node_output (step->node, 0)),
                 MAX (1, SAG_GRAIN / MAX (1, work)), einsum_items, &run);
}

const SagOp sag_ops_einsum[] = {
  { "Einsum", "", infer_einsum, NULL, prepare_einsum, NULL, run_einsum },
  { NULL },
};
