/* SPDX-License-Identifier: Apache-2.0
 *
 * build.h: a node written out as simpler ones, for SagOp.expand.
 */
#pragma once

#include "engine/nn/op.h"

typedef struct
{
  SagNode *node; /* that is written out */
  int      at;   /* where the next new node goes in its graph's nodes */
} SagBuild;

/* A new node of `op`, with n inputs (SagValue *, NULL where omitted): its output 0. Attributes go to
 * ->producer. The operator set is the newest. */
SagValue *sag_build            (SagBuild *self, const char *op, int n, ...);
SagValue *sag_build_in         (SagBuild *self, const char *domain, const char *op, int n, ...);

/* Constants: integers as I64 [n]; floats of a shape, to be filled; one float as a scalar. */
SagValue *sag_build_ints       (SagBuild *self, int n, const gint64 *values);
float    *sag_build_floats     (SagBuild *self, const SagShape *shape, SagValue **value);
SagValue *sag_build_number     (SagBuild *self, float number);

SagValue *sag_build_transpose  (SagBuild *self, SagValue *x, int n, const gint64 *perm);
SagValue *sag_build_reshape    (SagBuild *self, SagValue *x, int n, const gint64 *shape);

/* [from, to) along an axis. */
SagValue *sag_build_slice      (SagBuild *self, SagValue *x, int axis, gint64 from, gint64 to);

/* ONNX activation `name` of x; NULL if it is not known. */
SagValue *sag_build_activation (SagBuild *self, const char *name, float alpha, float beta,
                                SagValue *x);

/* The attributes of the node that is written out become those of `to`. */
void      sag_build_move_attributes (SagBuild *self, SagNode *to);

/* Whoever reads output i of the node reads `value` from now on. Nothing if it is unused. */
void      sag_build_end        (SagBuild *self, int i, SagValue *value);

/* Of operators that can do most by themselves: SagOp.expand for what they cannot. */
gboolean  sag_expand_bias_gelu    (SagNode *node, int at, GError **error);
gboolean  sag_expand_fused_matmul (SagNode *node, int at, GError **error);
gboolean  sag_expand_loop         (SagNode *node, int at, GError **error);

/* Whether a trip of this body of a Loop decides if there is another: it does not where the condition is only handed on. */
gboolean  sag_loop_decides        (const SagGraph *body);
gboolean  sag_expand_skip_norm    (SagNode *node, int at, GError **error);
gboolean  sag_expand_unrolled     (SagNode *node, int at, GError **error);
