/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.h: how alike two segmentations are, and how honest a confidence is.
 */
#pragma once

#include "engine/image/segmentation.h"

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
 * with one of its six neighbours outside it (four in a volume of one slice; the volume's border counts
 * as outside). Distances run
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

/* The same of one label of two segmentations on one grid, whatever its value in each, taking the memory of its box
 * only. A label that is nowhere is NULL; one of the two is not. Without `surface` the distances are NaN. */
gboolean sag_metrics_compare_places (const SagLabelPlace *a,
                              const SagLabelPlace *b,
                              gboolean       surface,
                              SagAgreement  *result,
                              GError       **error);

/* Marks (1, else 0) the voxels whose centre lies within `within` mm of the centre of a voxel that has
 * another label, background included, beside it. None where there is but one label. FALSE with
 * MEMORY. [compute thread] */
gboolean sag_metrics_mark_boundary (const guint8  *labels,
                              const SagGrid *grid,
                              double         within,
                              guint8        *mask,
                              GError       **error);

typedef struct
{
  gsize  n;
  double confidence; /* mean, 0..1 */
  double accuracy;   /* share of voxels whose label equals the truth */
} SagCalibrationBin;

/* Voxels counted by confidence byte, and by whether the label shown is the true one: all that
 * calibration is about. Starts zeroed. */
typedef struct
{
  guint64 n[256][2];
} SagReliability;

/* Counts the voxels where `mask` (may be NULL) is not 0. */
void     sag_reliability_add      (SagReliability       *self,
                                   const guint8         *labels,
                                   const guint8         *truth,
                                   const guint8         *confidence,
                                   const guint8         *mask,
                                   gsize                 n);

/* The expected calibration error in `n_bins` equal bins over 0..1: the mean over voxels of
 * |accuracy - confidence| of their bin (Guo et al. 2017). `bins` (may be NULL) gets n_bins entries.
 * NaN if nothing is counted. */
double   sag_reliability_get_bins (const SagReliability *self,
                                   int                   n_bins,
                                   SagCalibrationBin    *bins);

/* Brier score of "the label shown is the true one": the mean of (1 - confidence)^2 where it is and of
 * confidence^2 where it is not. NaN if nothing is counted. */
double   sag_reliability_get_brier (const SagReliability *self);

/* sag_reliability_get_bins() of one image. [any thread] */
double   sag_metrics_calibration (const guint8      *labels,
                                  const guint8      *truth,
                                  const guint8      *confidence,
                                  const guint8      *mask,
                                  gsize              n,
                                  int                n_bins,
                                  SagCalibrationBin *bins);
