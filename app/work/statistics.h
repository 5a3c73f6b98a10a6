/* SPDX-License-Identifier: Apache-2.0
 *
 * statistics.h: what is true of each label: how large, where, and what the image says inside it.
 */
#pragma once

#include "engine/image/segmentation.h"

/* Of the voxels of one label whose value is a number. */
typedef struct
{
  guint64 n;
  double  mean, sd;
} SagLabelValues;

/* `values` has SAG_LABEL_NUMBERS entries, by number of the label. Labels on another grid than the volume's are laid onto it by nearest
 * voxel. FALSE if the volume has no single value a voxel, or memory ran out. [compute thread] */
gboolean sag_statistics_find_values (SagSegmentation *segmentation,
                                     SagVolume       *volume,
                                     SagLabelValues  *values);

/* One row a label: label, name, voxels, ml, mean, sd, unit, confidence, centroid x, y, z (mm, LPS), category,
 * type. Fields that nobody knows are empty: mean and sd without a `volume` (may be NULL), ml and centroid where
 * it has no spacing, or is a projection. RFC 4180. The file appears whole or not at all. [compute thread] */
gboolean sag_statistics_write_csv   (const char      *path,
                                     SagSegmentation *segmentation,
                                     SagVolume       *volume,
                                     GError         **error);
