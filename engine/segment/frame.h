/* SPDX-License-Identifier: Apache-2.0
 *
 * frame.h: three sets of axes, and how they lie on each other.
 *   input    the volume as it was acquired
 *   sweep    the input's axes in another order, none reversed, at the network's spacing; slabs are
 *            finished along the last of them, which is the input's k wherever that is possible
 *   network  i, j, k of the recipe: axes of the sweep, some reversed
 *
 * Volumes are resampled from input to sweep and never turned as a whole: patches are turned when
 * they are cut out, and logits when they are added up.
 */
#pragma once

#include "engine/segment/recipe.h"

typedef struct
{
  SagGrid  input;
  SagGrid  sweep;
  int      axis[3]; /* sweep axis a is input axis axis[a] */
  int      net[3];  /* network axis m is sweep axis net[m] … */
  gboolean flip[3]; /* … reversed */
  int      patch[3]; /* voxels, by network axis */
  gboolean slicewise;
} SagFrame;

/* `fixed` is what the file says of the patch, 0 where it is open; `slicewise` that it has no k.
 * INVALID if recipe and file contradict each other or the network would see an absurd number of
 * voxels. */
gboolean sag_frame_init       (SagFrame        *frame,
                               const SagRecipe *recipe,
                               const SagGrid   *input,
                               const int        fixed[3],
                               gboolean         slicewise,
                               GError         **error);

/* The same frame at `factor` times the spacing along every axis (the coarse pass); patches keep
 * their voxels. */
void     sag_frame_coarsen    (const SagFrame  *frame,
                               double           factor,
                               SagFrame        *coarse);

/* Linear interpolation along one axis: x[i0] + w * (x[i1] - x[i0]). */
typedef struct
{
  int   i0, i1;
  float w;
} SagTap;

/* Taps for `n_to` voxels of spacing `to` over `n_from` voxels of spacing `from`, centres of both
 * at the same place, ends repeated. */
void     sag_taps_init        (SagTap          *taps,
                               int              n_to,
                               double           to,
                               int              n_from,
                               double           from);
