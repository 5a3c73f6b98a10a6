/* SPDX-License-Identifier: Apache-2.0
 *
 * op.c: the registry of operators, and the pulse of a long step.
 */
#include "engine/nn/op.h"

#include <string.h>

static const SagOp *const families[] = {
  sag_ops_conv,   sag_ops_matmul, sag_ops_norm,    sag_ops_rows,   sag_ops_pointwise,
  sag_ops_binary, sag_ops_pool,   sag_ops_resize,  sag_ops_reduce, sag_ops_shape,
  sag_ops_move,   sag_ops_index,  sag_ops_control, sag_ops_quant,  sag_ops_einsum,
  sag_ops_grid,   sag_ops_random, sag_ops_region,  sag_ops_scan,   sag_ops_constant,
  sag_ops_compound, sag_ops_nhwc, sag_ops_attention, sag_ops_recurrent, sag_ops_sequence,
  sag_ops_wkv,    sag_ops_select, sag_ops_signal,
};

static guint
key_hash (gconstpointer key)
{
  const SagOp *op = key;

  return g_str_hash (op->name) * 31 + g_str_hash (op->domain);
}

static gboolean
key_equal (gconstpointer a, gconstpointer b)
{
  const SagOp *x = a, *y = b;

  return strcmp (x->name, y->name) == 0 && strcmp (x->domain, y->domain) == 0;
}

static gpointer
make_table (gpointer data)
{
  GHashTable *table = g_hash_table_new (key_hash, key_equal);

  for (guint i = 0; i < G_N_ELEMENTS (families); i++)
    for (const SagOp *op = families[i]; op->name != NULL; op++)
      g_hash_table_add (table, (gpointer) op);
  return table;
}

const SagOp *
sag_op_find (const char *domain, const char *name)
{
  static GOnce once = G_ONCE_INIT;
  SagOp key = { .name = name, .domain = strcmp (domain, "ai.onnx") == 0 ? "" : domain };

  return g_hash_table_lookup (g_once (&once, make_table, NULL), &key);
}

gboolean
sag_step_go_on (const SagStep *step, int thread, double part)
{
  SagRun *run = step->run;

  if (run == NULL)
    return TRUE;
  if (g_atomic_int_get (&run->stopped))
    return FALSE;
  if (thread == 0 && run->tick != NULL
      && !sag_tick (run->tick, MIN (1.0, (run->done + part * step->cost) / run->total)))
    {
      g_atomic_int_set (&run->stopped, 1);
      return FALSE;
    }
  return TRUE;
}
