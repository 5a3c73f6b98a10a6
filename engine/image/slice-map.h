/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-map.h: the pixels of a picture in the voxels of a grid. Private to slice*.c.
 *
 * Where the picture's rows and columns run along grid axes (the usual case) every position splits
 * into a part that depends on the column, one on the row and one on the depth: the column parts are
 * tables. Otherwise a row of pixels is a line through the grid.
 *
 * Linear interpolation along a picture's axis is the mean over a box one voxel wide. Where pixels
 * are further apart than voxels the box is as wide as a pixel, so that a reduced picture loses
 * nothing between its pixels (orthogonal pictures only).
 */
#pragma once

#include "engine/image/point.h"
#include "engine/image/slice.h"
#include "engine/kernels/kernels.h"

/* The voxels under one pixel of a reduced picture: first to last, all in full but the two ends. */
typedef struct
{
  int   first, last;
  float head, tail; /* share of the ends */
  float scale;      /* 1 / sum of shares */
} SagSliceSpan;

typedef struct
{
  int            width, height;
  int            pitch;           /* width rounded up to SAG_SLICE_PAD */
  SagSampleGrid  grid;            /* voxels are given with each call */
  guint8        *ready;           /* grid.ready, owned; NULL if every slice is */
  double         origin[3];       /* index of pixel (0, 0), middle of the slab */
  double         right[3], down[3]; /* indices a pixel */
  double         normal[3];       /* indices a mm */
  gboolean       valid;           /* FALSE: nothing can be shown */

  gboolean       orthogonal;
  int            axis[3];         /* orthogonal: grid axes along x, y and the normal */
  SagPoint      *columns;         /* orthogonal: [width] */
  SagSliceSpan
      *spans;   /* orthogonal: [width], where columns are further apart than voxels; else NULL */
  float *shown; /* orthogonal: [pitch], 1 where a column is inside and linearly readable */

  int            n_depths;        /* samples through the slab; 1: a plane */
  double         first_depth;     /* orthogonal: index along the normal axis; else mm */
  double         depth_step;      /* likewise */
} SagSliceMap;

/* `is_ready` answers for slice k of `object`. `slab_mm` > 0 makes a slab. */
void sag_slice_map_init   (SagSliceMap      *self,
                           const SagGrid    *grid,
                           int               channels,
                           gboolean        (*is_ready) (gconstpointer object, int k),
                           gconstpointer     object,
                           const SagPlane   *plane,
                           double            slab_mm,
                           int               width,
                           int               height);
void sag_slice_map_clear  (SagSliceMap      *self);

/* Bytes of scratch that sample and labels need. */
gsize sag_slice_map_get_scratch (const SagSliceMap *self);

/* Rows y0 .. y1 - 1 of values, folded through the slab, into [rows][pitch]; count is the number of
 * samples in each. `voxels` is the element of voxel (0, 0, 0). */
void sag_slice_map_sample (const SagSliceMap *self,
                           SagSampleType      type,
                           gconstpointer      voxels,
                           SagInterpolation   interpolation,
                           SagFold            fold,
                           int                y0,
                           int                y1,
                           float             *values,
                           float             *count,
                           gpointer           scratch);

/* The same by cubic convolution, values and counts as they were set up by the fold; only where
 * sag_slice_map_can_cubic() says so: all slices ready, nothing reduced, oblique slabs left out. */
gboolean sag_slice_map_can_cubic (const SagSliceMap *self);
void sag_slice_map_sample_cubic (const SagSliceMap *self,
                           SagSampleType      type,
                           gconstpointer      voxels,
                           SagFold            fold,
                           int                y0,
                           int                y1,
                           float             *values,
                           float             *count,
                           gpointer           scratch);

/* Rows with the same key show the same voxels; -1: no other row does. */
int  sag_slice_map_get_row_key (const SagSliceMap *self,
                           int                y);

/* FALSE if no pixel of rows y0 .. y1 - 1 can show a voxel that `layer` keeps. */
gboolean sag_slice_map_meets (const SagSliceMap *self,
                           const SagLabelmap *layer,
                           int                y0,
                           int                y1);

/* Row y by nearest voxel in the slab's middle: labels of `layer` through `lut`, and confidence where
 * `confidences` is not NULL; 0 outside and where not ready. `missing` (may be NULL) is 1 where a
 * slice is not ready yet. */
void sag_slice_map_labels (const SagSliceMap *self,
                           const SagLabelmap *layer,
                           const guint8      *confidences,
                           const guint8       lut[256],
                           int                y,
                           guint8            *labels,
                           guint8            *confidence,
                           guint8            *missing,
                           gpointer           scratch);

/* DO (a voxel's C type) for a SagSampleType. */
#define SAG_SLICE_FOR_TYPE(type, DO)                                            \
  G_STMT_START                                                                  \
  {                                                                             \
    switch (type)                                                               \
      {                                                                         \
      case SAG_SAMPLE_U8:                                                       \
        DO (guint8);                                                            \
        break;                                                                  \
      case SAG_SAMPLE_I16:                                                      \
        DO (gint16);                                                            \
        break;                                                                  \
      case SAG_SAMPLE_U16:                                                      \
        DO (guint16);                                                           \
        break;                                                                  \
      case SAG_SAMPLE_F32:                                                      \
        DO (float);                                                             \
        break;                                                                  \
      }                                                                         \
  }                                                                             \
  G_STMT_END
