/* SPDX-License-Identifier: Apache-2.0
 *
 * saturation.c: whether an input is like the examples that static ranges were measured on.
 */
#include "engine/nn/saturation.h"

#include "engine/nn/bytes.h"
#include "engine/nn/op-util.h"

enum { SAMPLE = 1024 }; /* about, of each value */

/* Elements from one to the next of the sample; odd, so that it meets every channel. */
static gint64
stride_of (const SagValue *value)
{
  return MAX (1, sag_value_count (value) / SAMPLE) | 1;
}

/* At an end of the range. Where zero is one, as behind a ReLU, nothing is lost there. */
static void
count_bytes (SagSaturation *self, const SagValue *value)
{
  gint64 n = sag_value_count (value), stride = stride_of (value);
  const guint8 *q = value->data;

  for (gint64 i = 0; i < n; i += stride, self->seen++)
    self->cut += q[i] == 255 || (q[i] == 0 && value->quantum.zero > 0);
}

static void
count_floats (SagSaturation *self, const SagValue *value)
{
  float scale = value->quantum.scale, zero = (float) value->quantum.zero;
  float least = (-zero - 0.5f) * scale, most = (255.5f - zero) * scale;
  gint64 n = sag_value_count (value), stride = stride_of (value);
  const float *x = value->data;

  for (gint64 i = 0; i < n; i += stride, self->seen++)
    self->cut += x[i] < least || x[i] > most;
}

/* Whether it ends where many numbers lie: all of them are at an end of the range, and none is lost. */
static gboolean
is_bounded (SagActivation activation)
{
  return activation == SAG_ACTIVATION_CLIP || activation == SAG_ACTIVATION_SIGMOID
         || activation == SAG_ACTIVATION_TANH || activation == SAG_ACTIVATION_HSIGMOID;
}

void
sag_saturation_count_read (SagSaturation *self, const SagNode *node)
{
  const SagValue *x = node->inputs->len > 0 ? sag_node_input (node, 0) : NULL;

  if (x != NULL && x->constant == NULL && x->data != NULL && x->dtype == SAG_DTYPE_F32 && x->quantum.scale > 0
      && node->precision >= SAG_PRECISION_INT8)
    count_floats (self, x);
}

void
sag_saturation_count_made (SagSaturation *self, const SagNode *node)
{
  const SagValue *x = node->inputs->len > 0 ? sag_node_input (node, 0) : NULL, *y = sag_node_output (node, 0);
  gboolean moved = x != NULL && sag_value_in_bytes (x) && !(node->op->flags & SAG_OP_WEIGHTED);

  if (y != NULL && y->data != NULL && sag_value_in_bytes (y) && !moved && !node->view
      && !is_bounded (node->fused.activation))
    count_bytes (self, y);
}
