/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-pointwise.h: what the passes ask of pointwise operators.
 */
#pragma once

#include "engine/nn/op.h"

/* TRUE if `node` is an activation that other operators can take over (fused->residual is unset). */
gboolean sag_node_activation (const SagNode *node, SagFused *fused);

void     sag_unary_run       (const SagStep *step);
