/* SPDX-License-Identifier: Apache-2.0
 *
 * plan.h: the steps of a graph in order, and where everything lies.
 *
 * Values and scratch share one arena: each has an interval of steps in which it lives, and two that
 * live at once never overlap. Placed greedily, largest first. Views share their source; an output
 * is written over an input where the operator allows it and this step is the input's last reader; a
 * convolution of large volumes, over most of its input, some planes ahead of those it still reads.
 * Graph inputs and outputs are the caller's memory, never the arena's.
 */
#pragma once

#include "engine/nn/op.h"
#include "engine/nn/saturation.h"

typedef struct
{
  SagGraph *graph; /* borrowed */
  SagStep  *steps;
  int       n_steps;
  gsize     arena_bytes;
  gsize     packed_bytes;
  gint64    macs;
  double    cost; /* sum of the steps' */
  gboolean  counting;  /* keep `saturation`, which adds up over runs */
  SagSaturation saturation;
} SagPlan;

/* Every node must be prepared. MEMORY if sizes overflow. */
SagPlan *sag_plan_new  (SagGraph *graph, GError **error);
void     sag_plan_free (SagPlan  *self);

/* Points values, scratch and packed weights into `arena` and `packed` (aligned to SAG_ALIGN). */
void     sag_plan_bind (SagPlan  *self, void *arena, void *packed);

/* Packs every node's weights into what was bound, and lets constants go that nothing else reads. */
void     sag_plan_pack (SagPlan  *self);

/* Runs all steps; inputs', captures' and outputs' `data` must have been set. FALSE if `run` was
 * stopped. */
gboolean sag_plan_run  (SagPlan  *self, SagRun *run);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagPlan, sag_plan_free)
