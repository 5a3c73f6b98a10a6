/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-sources.h: what the picture of a slice is made from, held: a workspace lives on the main
 * thread, pictures are made on any.
 */
#pragma once

#include "engine/image/slice.h"

typedef struct
{
  SagVolume       *volume; /* NULL: black */
  SagSegmentation *segmentation, *preview, *reference; /* each may be NULL */
  SagVolume       *fused; /* laid over in colour; NULL if none */
  SagSliceSpec     fused_spec; /* its window; the plane is the picture's */
  const guint8    *fused_colours; /* 256 RGB triplets, borrowed */
  double           fused_opacity; /* 0..1 */
} SagSliceSources;

/* Takes references, so that both have their own. */
void sag_slice_sources_copy   (const SagSliceSources *self,
                               SagSliceSources       *copy);
void sag_slice_sources_clear  (SagSliceSources       *self);

/* Pixels of `spec` (width * height * 4 bytes RGBA): volume, over it the segmentation where ready,
 * the preview elsewhere, over these what is fused. [render thread] */
void sag_slice_sources_render (const SagSliceSources *self,
                               const SagSliceSpec    *spec,
                               int                    width,
                               int                    height,
                               guint8                *rgba);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SagSliceSources, sag_slice_sources_clear)
