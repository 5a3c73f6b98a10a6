/* SPDX-License-Identifier: Apache-2.0
 *
 * parts.h: the connected parts of a segmentation's labels, and how sure each is.
 */
#pragma once

#include "engine/base/tick.h"
#include "engine/image/segmentation.h"

/* Less is noise of a single voxel's edge, unless there is nothing else. */
#define SAG_PART_LEAST 5 /* voxels */

typedef struct
{
  int     number;     /* of the label */
  guint64 n_voxels;
  double  confidence; /* mean, 0..1 */
  double  at[3];      /* mm, LPS: its least certain voxel, the first met of equals */
} SagPart;

/* The 26-connected parts of every label, least certain first, as a GArray of SagPart: those of SAG_PART_LEAST
 * voxels and more, or all if none is. INVALID without confidence; MEMORY; CANCELLED. [compute thread] */
GArray *sag_parts_find (const SagSegmentation *segmentation,
                        const SagTick         *tick,
                        GError               **error);
