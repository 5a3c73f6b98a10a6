/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.h: how alike two segmentations are, and how honest a confidence is.
 */
#pragma once

#include "engine/image/labelmap.h"

/* One label in two labelmaps of one grid. */
typedef struct
{
  gsize  n_a, n_b, n_both; /* voxels */
  double dice;             /* 2 both / (a + b); NaN if both are empty */
  double ml_a, ml_b;
  double hd95_mm;          /* 95th percentile symmetric surface distance; NaN if either is empty */
  double mean_mm;          /* mean symmetric surface distance; NaN if either is empty */
} SagAgreement;

/* Compares the voxels equal to `value` in two byte volumes of `grid`. Surface: a voxel of the label
 * with one of its six neighbours outside it (the volume's border counts as outside). Distances run
 * from the centre of every surface voxel of one to the nearest surface voxel of the other, in mm
 * with the grid's spacing, exact (Felzenszwalb and Huttenlocher 2012), both directions pooled;
 * percentile by linear interpolation between order statistics. FALSE with MEMORY. [compute thread]
 */
gboolean sag_metrics_compare (const guint8  *a,
                              const guint8  *b,
                              const SagGrid *grid,
                              guint8         value,
                              SagAgreement  *result,
                              GError       **error);

/* Reliability of confidences in `n_bins` equal bins over 0..1: the expected calibration error, the
 * mean over voxels of |accuracy - confidence| of their bin (Guo et al. 2017). `mask` (may be NULL)
 * counts voxels where it is not 0. `bins` (may be NULL) gets n_bins entries. NaN if nothing is
 * counted. [any thread] */
typedef struct
{
  gsize  n;
  double confidence; /* mean, 0..1 */
  double accuracy;   /* share of voxels whose label equals the truth */
} SagCalibrationBin;

double   sag_metrics_calibration (const guint8      *labels,
                                  const guint8      *truth,
                                  const guint8      *confidence,
                                  const guint8      *mask,
                                  gsize              n,
                                  int                n_bins,
                                  SagCalibrationBin *bins);
