/* SPDX-License-Identifier: Apache-2.0
 *
 * saturation.h: whether an input is like the examples that static ranges (ranges.h) were measured on. What lies
 * outside of its range is cut when it is made a byte (Jacob et al. 2018, 3.1); of more than a few numbers in a
 * thousand, the answer may be wrong and sure.
 */
#pragma once

#include "engine/nn/graph.h"

/* Of a sample of each value, equally spaced and the same in every run. */
typedef struct
{
  guint64 seen, cut;
} SagSaturation;

/* Before `node` runs: floats that it will make bytes. */
void sag_saturation_count_read (SagSaturation *self,
                                const SagNode *node);

/* After it ran: bytes that it made of floats or of sums. */
void sag_saturation_count_made (SagSaturation *self,
                                const SagNode *node);
