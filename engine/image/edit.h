/* SPDX-License-Identifier: Apache-2.0
 *
 * edit.h: changing labels by hand: what each tool does to the voxels of a labelmap.
 *
 * Every function writes `value` (0 erases) into voxels of `labels` (one byte a voxel of `grid`) and appends
 * what it changed to `changes` (of SagChange), so that it can be taken back.
 */
#pragma once

#include "engine/base/tick.h"
#include "engine/image/volume.h"

typedef struct
{
  gsize  at; /* voxel */
  guint8 was, is;
} SagChange;

/* A disc of `radius_mm` in the slice of `axis` nearest to `centre` (mm, LPS): voxels whose centre is within
 * it. With `volume` (may be NULL, of the same grid) only those whose value lies in low .. high. */
void sag_edit_paint       (guint8        *labels,
                           const SagGrid *grid,
                           const double   centre[3],
                           int            axis,
                           double         radius_mm,
                           guint8         value,
                           SagVolume     *volume,
                           double         low,
                           double         high,
                           GArray        *changes); /* of SagChange */

/* The 4-connected part of the slice of `axis` around `seed` that has the label found there. FALSE, and
 * nothing changed, if that part reaches the border of the slice: it is not enclosed. */
gboolean sag_edit_fill    (guint8        *labels,
                           const SagGrid *grid,
                           const int      seed[3],
                           int            axis,
                           guint8         value,
                           GArray        *changes);

/* Voxels of background that are 6-connected to `seed` through background whose values lie in low .. high;
 * at most `most`: FALSE, and nothing changed, if there would be more. */
gboolean sag_edit_grow    (guint8        *labels,
                           SagVolume     *volume,
                           const int      seed[3],
                           double         low,
                           double         high,
                           guint8         value,
                           gsize          most,
                           GArray        *changes);

/* The three below take time: `tick` (may be NULL) is told, and stops them: CANCELLED, with `labels` half changed. */

/* Fills the empty slices along k between two that have `value`, shape by shape: where the mean of their
 * signed distances, weighted by nearness, is inside (Raya and Udupa 1990). Background only. */
gboolean sag_edit_interpolate (guint8        *labels,
                           const SagGrid *grid,
                           guint8         value,
                           const SagTick *tick,
                           GArray        *changes,
                           GError       **error);

/* Clears `value` outside its largest 26-connected part; FALSE with MEMORY. */
gboolean sag_edit_keep_largest (guint8        *labels,
                           const SagGrid *grid,
                           guint8         value,
                           GArray        *changes,
                           GError       **error);

/* Majority of the 27 voxels around each: `value` is taken from, or given to background, where more than
 * half say so. FALSE with MEMORY. */
gboolean sag_edit_smooth  (guint8        *labels,
                           const SagGrid *grid,
                           guint8         value,
                           const SagTick *tick,
                           GArray        *changes,
                           GError       **error);

/* One of those three by name: "interpolate", "keep-largest", "smooth"; INVALID for another. [compute thread] */
gboolean sag_edit_apply   (const char    *operation,
                           guint8        *labels,
                           const SagGrid *grid,
                           guint8         value,
                           const SagTick *tick,
                           GArray        *changes,
                           GError       **error);
