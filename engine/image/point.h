/* SPDX-License-Identifier: Apache-2.0
 *
 * point.h: one coordinate of a position among voxels. Private to slice*.c and resample.c.
 */
#pragma once

#include <glib.h>
#include <math.h>

/* The lower neighbour (the upper one is index + 1 unless the axis has one voxel), how far towards
 * the upper one, and the nearest voxel; clamped to the grid where it is not `inside`, half a voxel
 * around the centres. */
typedef struct
{
  int      index;
  float    fraction;
  int      nearest;
  gboolean inside;
} SagPoint;

static inline SagPoint
sag_point_split (double p, int size)
{
  double whole = floor (p + 0.5);
  SagPoint point;

  /* A plane laid through voxel centres shows them, whatever the last bits of its position. */
  if (fabs (p - whole) < 1e-4)
    p = whole;
  point.inside = p >= -0.5 && p < size - 0.5;
  p = CLAMP (p, 0, size - 1);
  point.nearest = (int) floor (p + 0.5);
  point.index = MIN ((int) p, MAX (size - 2, 0));
  point.fraction = (float) (p - point.index);
  return point;
}
