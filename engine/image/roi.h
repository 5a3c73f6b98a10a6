/* SPDX-License-Identifier: Apache-2.0
 *
 * roi.h: the voxels inside a figure drawn on a plane, and what their values are.
 *
 * A figure lies in a plane through its first point, spanned by `right` and `down` (orthogonal unit
 * vectors, LPS). A rectangle and an ellipse are given by two opposite corners of the box around them
 * along those; a polygon by its corners, closed by itself. A voxel is inside if its centre is: on the
 * border counts as inside a rectangle or an ellipse; a polygon's inside is by the even-odd rule.
 *
 * On a plane that a grid axis crosses at a right angle the voxels are those of the slice nearest to the
 * first point, as stored: what counting pixels in that image gives. On any other plane the figure is
 * sampled by linear interpolation at the finest spacing of the grid.
 */
#pragma once

#include "engine/image/volume.h"

typedef enum
{
  SAG_ROI_RECTANGLE,
  SAG_ROI_ELLIPSE,
  SAG_ROI_POLYGON,
} SagRoiShape;

typedef struct
{
  SagRoiShape   shape;
  const double (*points)[3]; /* mm, LPS; borrowed */
  int           n_points;    /* 2 but for polygons */
  double        right[3], down[3];
} SagRoi;

typedef struct
{
  gsize  n;          /* voxels, or samples on an oblique plane; those with no value (NaN) left out */
  double mean, sd;   /* of the whole: divided by n, not n - 1; NaN if n is 0 */
  double min, max;
} SagRoiStats;

/* In mm2, of the figure itself: pi a b for an ellipse, the shoelace formula for a polygon. */
double   sag_roi_area     (const SagRoi      *roi);

/* The values inside, in the volume's unit, in rows of the figure from the top: new GArray of double. RGB
 * volumes and slices that are not ready have none. [any thread] */
GArray  *sag_roi_collect  (SagVolume         *volume,
                           const SagRoi      *roi);

void     sag_roi_get_stats (const GArray     *values,
                           SagRoiStats       *stats);

/* How many values fall in each of `n_bins` equal bins over min .. max, the last closed; all in the
 * first bin where min equals max. */
void     sag_roi_histogram (const GArray     *values,
                           double             min,
                           double             max,
                           int                n_bins,
                           guint             *bins);
