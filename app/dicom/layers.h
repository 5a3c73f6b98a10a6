/* SPDX-License-Identifier: Apache-2.0
 *
 * layers.h: labels that may lie over each other, in as few bytes as hold them.
 *
 * Labels that do not touch share the first layer, which is as large as the grid: forty organs take one byte a
 * voxel, not forty. What lies over others goes to further layers, and those keep a box of voxels only.
 */
#pragma once

#include "engine/image/labelmap.h"

typedef struct _SagLayers SagLayers;

SagLayers   *sag_layers_new   (const SagGrid *grid);
void         sag_layers_free  (SagLayers     *self);

/* How many there are. */
int          sag_layers_get_n (const SagLayers *self);

/* The voxels of the first layer, all of the grid's; it is made if there is none yet. NULL: MEMORY. */
guint8      *sag_layers_get_first (SagLayers  *self,
                                   GError    **error);

/* Places the slices `ks` (n of them, in rising order) of one label, whose `masks` hold a byte a pixel, slice after
 * slice, 0 where it is not, in a layer where no voxel is taken. Its index, or -1 with MEMORY. [compute thread] */
int          sag_layers_place (SagLayers     *self,
                               guint8         value,
                               const int     *ks,
                               int            n,
                               const guint8  *masks,
                               GError       **error);

/* The layer as a labelmap, with these labels; NULL with the errors of sag_labelmap_new(). */
SagLabelmap *sag_layers_make_map (SagLayers      *self,
                                  int             layer,
                                  const SagLabel *labels,
                                  int             n_labels,
                                  GError        **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagLayers, sag_layers_free)
