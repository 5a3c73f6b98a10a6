/* SPDX-License-Identifier: Apache-2.0
 *
 * layers.h: labels that may lie over each other, in as few labelmaps as hold them.
 *
 * Labels that do not touch share a layer, so that forty organs take one byte a voxel, not forty.
 */
#pragma once

#include "engine/image/labelmap.h"

#define SAG_MAX_LAYERS 32

/* Places the slices `ks` (n of them) of one label, whose `masks` hold a byte a pixel, slice after
 * slice, 0 where it is not, into the first of `layers` (of SagBlock, grown as needed) where no voxel is
 * taken. Its index, or -1: UNSUPPORTED beyond SAG_MAX_LAYERS, MEMORY. [compute thread] */
int sag_layers_place (GPtrArray     *layers,
                      const SagGrid *grid,
                      guint8         value,
                      const int     *ks,
                      int            n,
                      const guint8  *masks,
                      GError       **error);

/* Adds an empty layer. */
gboolean sag_layers_add (GPtrArray *layers, const SagGrid *grid, GError **error);
