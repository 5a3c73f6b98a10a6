/* SPDX-License-Identifier: Apache-2.0
 *
 * layers.h: labels that may lie over each other, in as few bytes as hold them.
 *
 * Labels that do not touch share the first layer: forty organs take one byte a voxel, not forty. What lies over others
 * goes to further layers, and so do labels whose value is taken (there are more than a byte can tell apart). Each keeps
 * the box that its labels need, in the end the first one too; until then that is laid out over the grid, of whose memory
 * only the pages count that something is written to.
 */
#pragma once

#include "engine/image/labelmap.h"

typedef struct _SagLayers SagLayers;

SagLayers   *sag_layers_new   (const SagGrid *grid);
void         sag_layers_free  (SagLayers     *self);

/* How many there are. */
int          sag_layers_get_n (const SagLayers *self);

/* The voxels of layer `layer`, all of the grid's; it is made if there are so many. NULL: MEMORY. Who writes to them says
 * where: sag_layers_widen(). */
guint8      *sag_layers_get_whole (SagLayers  *self,
                                   int         layer,
                                   GError    **error);

/* Voxels of `box` (i0, j0, k0, i1, j1, k1: half open) of such a layer have labels. */
void         sag_layers_widen (SagLayers  *self,
                               int         layer,
                               const int   box[6]);

/* Places the slices `ks` (n of them, in rising order) of one label, whose `masks` hold a byte a pixel, slice after
 * slice, 0 where it is not, in a layer where no voxel is taken and no other label has its value. Once for each label; a
 * label that is nowhere (n is 0) gets a layer too. Its index, or -1 with MEMORY. [compute thread] */
int          sag_layers_place (SagLayers     *self,
                               guint8         value,
                               const int     *ks,
                               int            n,
                               const guint8  *masks,
                               GError       **error);

/* The layer as a labelmap, with these labels; NULL with the errors of sag_labelmap_new(). Once, when all is placed. */
SagLabelmap *sag_layers_make_map (SagLayers      *self,
                                  int             layer,
                                  const SagLabel *labels,
                                  int             n_labels,
                                  GError        **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagLayers, sag_layers_free)
