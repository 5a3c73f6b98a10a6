/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-match.h: questions that pattern-matching passes ask.
 */
#pragma once

#include "engine/nn/op.h"

/* The node is this standard operator, and nothing is fused into it. */
gboolean  sag_match_is     (const SagNode *node, const char *name);

/* Exactly one node reads the value, and it is no graph output. */
gboolean  sag_match_single (const SagValue *value);

/* The only reader, if it is this operator; or NULL. */
SagNode  *sag_match_next   (const SagValue *value, const char *name);

/* The producer, if it is this operator; or NULL. */
SagNode  *sag_match_made   (const SagValue *value, const char *name);

/* Of a node with two inputs: the one that is not `value`; NULL if neither is. */
SagValue *sag_match_other  (const SagNode *node, const SagValue *value);

/* A float constant of one element that is `want` within 1e-4 relative. */
gboolean  sag_match_number (const SagValue *value, double want);

/* A float constant of one element. */
gboolean  sag_match_scalar (const SagValue *value, float *number);
