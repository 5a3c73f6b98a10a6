/* SPDX-License-Identifier: Apache-2.0
 *
 * windows.h: where patches lie along one axis, how they blend, and in which order they are run.
 *
 * Steps are half a patch or more, and the axis is padded to whole steps on both sides alike, so at
 * most two patches meet in a voxel. Each brings its sum; two terms commute, so the order in which
 * patches are run changes no bit. Gaussian weights (sigma an eighth of the patch) are divided by
 * their sum beforehand: what meets in a voxel adds up to 1.
 */
#pragma once

#include <glib.h>

/* Along one axis, in voxels of the sweep. */
typedef struct
{
  int    size, patch;
  int    n;       /* windows */
  int    step;    /* >= patch / 2 */
  int    start;   /* of the first; <= 0 */
  float *weights; /* [n][patch], 0 outside the axis */
} SagWindows;

/* `reversed`: lay them out from the other end, so that an odd voxel of padding falls on the same
 * side of the network's axis. [any thread] */
void sag_windows_init   (SagWindows *self,
                         int         size,
                         int         patch,
                         float       overlap,
                         gboolean    reversed);
void sag_windows_clear  (SagWindows *self);

static inline int
sag_windows_get_start (const SagWindows *self, int window)
{
  return self->start + window * self->step;
}

/* The windows that cover voxel x: first, and how many (1 or 2). */
int  sag_windows_find   (const SagWindows *self,
                         int               x,
                         int              *first);

/* Every window once, the one whose centre is nearest to `focus` (voxels) first, then outward,
 * the two sides in turn. `order` has n entries. */
void sag_windows_order  (const SagWindows *self,
                         double            focus,
                         int              *order);
