/* SPDX-License-Identifier: Apache-2.0
 *
 * op-util.h: what the operator families share: loops over strided arrays, copies between layouts,
 * fused ends.
 */
#pragma once

#include "engine/kernels/kernels.h"
#include "engine/nn/op.h"

enum
{
  SAG_LOOP_MAX_RANK = 2 * SAG_MAX_RANK, /* Tile of all axes: each has its repeats and its elements */
  SAG_LOOP_MAX_OPERANDS = 4,
  SAG_GRAIN = 16384, /* elements of cheap work worth a task of their own */
};

/* Elements of input and output `i` of the step's node. */
static inline const void *
sag_step_in (const SagStep *step, int i)
{
  return sag_node_input (step->node, i)->data;
}

static inline void *
sag_step_out (const SagStep *step, int i)
{
  return sag_node_output (step->node, i)->data;
}

static inline gint64
sag_value_count (const SagValue *value)
{
  return sag_shape_count (&value->shape);
}

/* Bytes of one element; 4-bit types never occur inside. */
gsize    sag_dtype_size       (SagDType dtype);

/* Element strides of each logical axis in the value's layout. */
void     sag_value_strides    (const SagValue *value, gint64 *strides);
void     sag_layout_strides   (const SagShape *shape, SagLayout layout, gint64 *strides);

/* The same for the axes of `result`, a broadcast of the value: 0 where it repeats. */
void     sag_value_strides_in (const SagValue *value, const SagShape *result, gint64 *strides);

/* A loop over up to four strided arrays; operand 0 is the output. */
typedef struct
{
  int    rank, n_operands;
  gint64 n[SAG_LOOP_MAX_RANK];
  gint64 stride[SAG_LOOP_MAX_OPERANDS][SAG_LOOP_MAX_RANK]; /* elements */
} SagLoop;

void     sag_loop_init        (SagLoop *self, int n_operands);
void     sag_loop_add_axis    (SagLoop *self, gint64 n, const gint64 *strides);

/* Orders axes by the output's stride, largest first, and merges those that lie end to end. At least
 * one axis remains. */
void     sag_loop_simplify    (SagLoop *self);

/* One run along the last axis: `n` elements from p[o], step[o] elements apart. */
typedef void (*SagLoopFunc) (gint64 n, char *const *p, const gint64 *step, gpointer data);

/* Calls `func` for every line, in parallel; `size[o]` is the bytes of an element of operand o. */
void     sag_loop_run         (const SagLoop *self, void *const *base, const gsize *size,
                               SagLoopFunc func, gpointer data);

/* Copies an N-dimensional box: dst and src strides in elements for each of `rank` axes. Transposes
 * in blocks; in parallel. */
void sag_copy_box (int rank, const gint64 *n, gsize size, void *dst, const gint64 *dst_strides,
                   const void *src, const gint64 *src_strides);

/* Sets every element of a box to the one at `value`. */
void     sag_fill_box         (int rank, const gint64 *n, gsize size, void *dst,
                               const gint64 *dst_strides, const void *value);

/* Calls func for [0, n) cut in pieces of about `grain`, in parallel. */
typedef void (*SagRangeFunc) (gint64 from, gint64 to, int thread, gpointer data);
void     sag_range_run        (gint64 n, gint64 grain, SagRangeFunc func, gpointer data);

/* How an activation is computed by the kernels table. */
void     sag_fused_unary      (const SagFused *fused, SagUnary *kind, float *a, float *b);

/* y = activation (y) over n floats, on the calling thread; nothing if there is none. */
void     sag_fused_apply      (const SagFused *fused, gsize n, float *y);

/* cost(): any layout, as long as it stays the same. */
gint64   sag_cost_same        (const SagNode *node, SagLayout in, SagLayout out);

/* prepare(): nothing to choose; output 0 may overwrite input 0. */
gboolean sag_prepare_nothing  (SagNode *node, SagPrecision precision, GError **error);
gboolean sag_prepare_inplace  (SagNode *node, SagPrecision precision, GError **error);
gboolean sag_prepare_view     (SagNode *node, SagPrecision precision, GError **error);

/* infer(): output 0 is like input 0. */
gboolean sag_infer_same       (SagNode *node, GError **error);

/* FALSE with INVALID unless inputs 0..n-1 are there (n < 0: at least one) and output 0 is. */
gboolean sag_node_arity       (const SagNode *node, int n, GError **error);
gboolean sag_node_want_float  (const SagNode *node, int i, GError **error);

/* Where a Slice begins along each axis of its input, and its steps; how much a Pad adds before and
 * after. FALSE if that is not known before the run. Arrays of SAG_MAX_RANK. */
gboolean sag_slice_box        (const SagNode *node, gint64 *start, gint64 *step, GError **error);
gboolean sag_pad_amounts      (const SagNode *node, gint64 *before, gint64 *after, GError **error);
