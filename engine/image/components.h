/* SPDX-License-Identifier: Apache-2.0
 *
 * components.h: connected parts of a labelmap, and tidying by them.
 */
#pragma once

#include "engine/image/labelmap.h"

/* Numbers the 26-connected parts of the voxels equal to `value` (any non-zero voxel if `value` is
 * 0) of a size[0] * size[1] * size[2] byte volume: `parts` (may be NULL) gets 0 or 1 .. n in the
 * order in which the parts are met (i fastest); `sizes` (may be NULL) is a GArray of guint64 that
 * gets n voxel counts. Returns n, or -1 with MEMORY. [compute thread] */
int      sag_components_find         (const guint8 *voxels,
                                      const int     size[3],
                                      guint8        value,
                                      gint32       *parts,
                                      GArray       *sizes,
                                      GError      **error);

/* Clears every voxel of `value` outside its largest 26-connected part (the first met of equals).
 * Returns how many voxels were cleared, or -1 with MEMORY. [compute thread] */
gint64   sag_components_keep_largest (guint8       *voxels,
                                      const int     size[3],
                                      guint8        value,
                                      GError      **error);

/* Gives `value` to every background (0) voxel that cannot reach the volume's border through
 * 6-connected voxels other than `value`. Other labels are never overwritten. Returns how many
 * voxels were filled, or -1 with MEMORY. [compute thread] */
gint64   sag_components_fill_holes   (guint8       *voxels,
                                      const int     size[3],
                                      guint8        value,
                                      GError      **error);
