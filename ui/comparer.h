/* SPDX-License-Identifier: Apache-2.0
 *
 * comparer.h: how alike the results are: what a window does with COMPARE jobs. No widget.
 *
 * Measures by itself, whenever no run is under way: the two that are compared, with distances, and
 * every run against the same model's at FP32, overlap only, for the table of precisions.
 *
 * Signal "changed" (SagComparer *, gpointer) when sag_comparer_get_outcome() has another answer. */
#pragma once

#include "app/state/workspace.h"

#define SAG_TYPE_COMPARER (sag_comparer_get_type ())
G_DECLARE_FINAL_TYPE (SagComparer, sag_comparer, SAG, COMPARER, GObject)

SagComparer *sag_comparer_new         (SagWorkspace *workspace);

/* The result a{sv} of the COMPARE job (app/work/job.h) about what is shown and what it is compared with;
 * NULL while that is not known. Slices are those of the first named; borrowed. */
GVariant    *sag_comparer_get_outcome (SagComparer  *self);
/* Why there is none: "" if it is being measured, or nothing is compared. */
const char  *sag_comparer_get_problem (SagComparer  *self);
gboolean     sag_comparer_is_busy     (SagComparer  *self);

/* The window closes. */
void         sag_comparer_close       (SagComparer  *self);
