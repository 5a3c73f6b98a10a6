/* SPDX-License-Identifier: Apache-2.0
 *
 * stats.h: what the intensities of a volume are, for normalising.
 *
 * Not numbers (NaN, infinite) are left out. Sums are made slice by slice and then in order of
 * slices, so the number of threads changes nothing.
 */
#pragma once

#include "engine/base/tick.h"
#include "engine/segment/recipe.h"

/* x = (clamp (v, lo, hi) - shift) * scale */
typedef struct
{
  float lo, hi;  /* -INFINITY and INFINITY where nothing is clipped */
  float shift;
  float scale;
  float outside; /* the value, in the volume's unit, that lies around the volume */
} SagScale;

/* The scale of `recipe` for a whole volume, every slice of which is ready. Looks at the voxels only
 * if it must. FALSE if `tick` said stop, or without memory. [compute thread] */
gboolean sag_stats_scale_volume (const SagRecipe *recipe,
                                 SagVolume       *volume,
                                 const SagTick   *tick,
                                 SagScale        *scale,
                                 GError         **error);

/* The same for `n` values of one slice; `bins` has SAG_STATS_BINS entries of scratch. */
#define SAG_STATS_BINS 65536
void     sag_stats_scale_slice  (const SagRecipe *recipe,
                                 const float     *values,
                                 gsize            n,
                                 guint32         *bins,
                                 SagScale        *scale);

/* Two percentiles of a subsample of at most 2^17 voxels of the ready slices, without those at the
 * sample's very minimum: what scanners put around a round field of view, and air cut off at the end of
 * the scale. FALSE if no slice is ready. */
gboolean sag_stats_sample       (SagVolume       *volume,
                                 double           low_percent,
                                 double           high_percent,
                                 float           *low,
                                 float           *high);

/* In place. */
void     sag_scale_apply        (const SagScale  *scale,
                                 float           *values,
                                 gsize            n);
