/* SPDX-License-Identifier: Apache-2.0
 *
 * clean.h: tidying a finished segmentation, as the recipe asks.
 */
#pragma once

#include "engine/base/tick.h"
#include "engine/segment/recipe.h"

/* Labels and confidence copied to `to_labels`, `to_confidence` and tidied there: label by label
 * in the recipe's order, largest component, then holes. A voxel that changes its label was
 * thought to be the other one: its confidence becomes what was left, 255 - c. CANCELLED or
 * MEMORY. [compute thread] */
gboolean sag_clean           (const SagRecipe *recipe,
                              const int        size[3],
                              const guint8    *labels,
                              const guint8    *confidence,
                              guint8          *to_labels,
                              guint8          *to_confidence,
                              const SagTick   *tick,
                              GError         **error);

/* Bytes on top of the rough result: the new one, and what finding components takes. */
gsize    sag_clean_get_bytes (const int        size[3]);
