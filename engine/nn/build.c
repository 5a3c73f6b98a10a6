/* SPDX-License-Identifier: Apache-2.0
 *
 * build.c: a node written out as simpler ones.
 */
#include "engine/nn/build.h"

#include <stdarg.h>
#include <string.h>

static SagValue *
build (SagBuild *self, const char *domain, const char *op, int n, va_list inputs)
{
  SagNode *from = self->node, *node;
  SagValue *y = sag_graph_add_value (from->graph, from->name);

  node = sag_graph_add_node (from->graph, sag_op_find (domain, op), from->name, self->at++);
  for (int i = 0; i < n; i++)
    g_ptr_array_add (node->inputs, va_arg (inputs, SagValue *));
  sag_node_set_output (node, 0, y);
  return y;
}

SagValue *
sag_build (SagBuild *self, const char *op, int n, ...)
{
  SagValue *y;
  va_list inputs;

  va_start (inputs, n);
  y = build (self, "", op, n, inputs);
  va_end (inputs);
  return y;
}

SagValue *
sag_build_in (SagBuild *self, const char *domain, const char *op, int n, ...)
{
  SagValue *y;
  va_list inputs;

  va_start (inputs, n);
  y = build (self, domain, op, n, inputs);
  va_end (inputs);
  return y;
}

static SagValue *
constant (SagBuild *self, SagTensor *tensor)
{
  return sag_graph_add_constant (self->node->graph, self->node->name, tensor);
}

SagValue *
sag_build_ints (SagBuild *self, int n, const gint64 *values)
{
  SagTensor *tensor = sag_tensor_new (SAG_DTYPE_I64, &(SagShape) { 1, { n } }, NULL);

  memcpy (tensor->owned, values, sizeof *values * (gsize) n);
  return constant (self, tensor);
}

float *
sag_build_floats (SagBuild *self, const SagShape *shape, SagValue **value)
{
  SagTensor *tensor = sag_tensor_new (SAG_DTYPE_F32, shape, NULL);

  if (tensor == NULL)
    return NULL;
  *value = constant (self, tensor);
  return tensor->owned;
}

SagValue *
sag_build_number (SagBuild *self, float number)
{
  SagValue *value;

  *sag_build_floats (self, &(SagShape) { 0 }, &value) = number;
  return value;
}

SagValue *
sag_build_transpose (SagBuild *self, SagValue *x, int n, const gint64 *perm)
{
  SagValue *y;
  gboolean same = TRUE;

  for (int i = 0; i < n; i++)
    same = same && perm[i] == i;
  if (same)
    return x;
  y = sag_build (self, "Transpose", 1, x);
  sag_node_set_ints (y->producer, "perm", perm, n);
  return y;
}

SagValue *
sag_build_reshape (SagBuild *self, SagValue *x, int n, const gint64 *shape)
{
  SagValue *y = sag_build (self, "Reshape", 2, x, sag_build_ints (self, n, shape));

  sag_node_set_int (y->producer, "allowzero", 1);
  return y;
}

SagValue *
sag_build_slice (SagBuild *self, SagValue *x, int axis, gint64 from, gint64 to)
{
  gint64 where = axis;

  return sag_build (self, "Slice", 4, x, sag_build_ints (self, 1, &from),
                    sag_build_ints (self, 1, &to), sag_build_ints (self, 1, &where));
}

SagValue *
sag_build_activation (SagBuild *self, const char *name, float alpha, float beta, SagValue *x)
{
  static const char *const known[] = { "Relu",    "Tanh",        "Sigmoid", "LeakyRelu", "Elu",
                                       "Softplus", "HardSigmoid", "Softsign", "HardSwish" };

  if (strcmp (name, "Clip") == 0)
    return sag_build (self, "Clip", 3, x, sag_build_number (self, alpha),
                      sag_build_number (self, beta));
  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (strcmp (name, known[i]) == 0)
      {
        SagValue *y = sag_build (self, name, 1, x);

        if (strcmp (name, "LeakyRelu") == 0 || strcmp (name, "Elu") == 0
            || strcmp (name, "HardSigmoid") == 0)
          sag_node_set_float (y->producer, "alpha", alpha);
        if (strcmp (name, "HardSigmoid") == 0)
          sag_node_set_float (y->producer, "beta", beta);
        return y;
      }
  return NULL;
}

void
sag_build_move_attributes (SagBuild *self, SagNode *to)
{
  GPtrArray *own = to->attributes;

  to->attributes = self->node->attributes;
  self->node->attributes = own;
}

void
sag_build_end (SagBuild *self, int i, SagValue *value)
{
  SagValue *from = sag_node_output (self->node, i);

  if (from != NULL)
    sag_graph_replace (self->node->graph, from, value);
}
