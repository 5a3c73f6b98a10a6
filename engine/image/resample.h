/* SPDX-License-Identifier: Apache-2.0
 *
 * resample.h: the values of one grid at the voxels of another, row by row.
 *
 * A row is (j, k) of the target grid: size[0] voxels. Rows are independent, so the caller splits
 * them over threads as it likes and never needs a second whole volume. Grids may lie in any way to
 * each other; equal positions give equal bits whatever the way the work is split, and on every
 * machine.
 *
 * A target voxel up to half a voxel outside the source takes the border's value; one further out
 * takes `outside`, or the nearest border value too if `outside` is NaN.
 */
#pragma once

#include "engine/image/segmentation.h"

typedef struct _SagResampler SagResampler;

/* From `from` to `to`; both are copied. [any thread] */
SagResampler *sag_resampler_new              (const SagGrid      *from,
                                              const SagGrid      *to);
void          sag_resampler_free             (SagResampler       *self);

/* Row (j, k) of `to` from `volume` (whose grid is `from`; slices needed are ready), in the
 * volume's unit; RGB8 as luma. Trilinear; but if the axes of the grids run along each other and
 * those of `to` have steps of more than two voxels of `from`, the mean over the step, weighed by a
 * triangle as wide (the tent filter of Turkowski, Filters for common resampling tasks, Graphics
 * Gems 1990): a point every 15 pixels of a radiograph would show its noise instead. Oblique grids
 * are sampled by points. `row` has to->size[0] floats. [any thread] */
void          sag_resampler_volume_row       (const SagResampler *self,
                                              const SagVolume    *volume,
                                              int                 j,
                                              int                 k,
                                              float               outside,
                                              float              *row);

/* Row (j, k) of `to` by the nearest voxel of `source`, one byte a voxel over the whole of `from`; 0
 * outside. [any thread] */
void          sag_resampler_label_row        (const SagResampler *self,
                                              const guint8       *source,
                                              int                 j,
                                              int                 k,
                                              guint8             *row);

/* A labelmap's voxels brought to `to` by nearest voxel, labels kept. NULL with MEMORY. [compute
 * thread] */
SagLabelmap  *sag_labelmap_resample          (const SagLabelmap  *self,
                                              const SagGrid      *to,
                                              GError            **error);

/* A volume brought to `to` as F32 in its own unit, by such rows; all slices ready. NULL with
 * MEMORY. [compute thread] */
SagVolume    *sag_volume_resample            (const SagVolume    *self,
                                              const SagGrid      *to,
                                              float               outside,
                                              GError            **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagResampler, sag_resampler_free)
