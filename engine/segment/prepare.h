/* SPDX-License-Identifier: Apache-2.0
 *
 * prepare.h: the network's view of the volume, a slab at a time.
 *
 * Slices of the sweep are resampled and scaled when a patch first needs them and kept
 * until others need the room: the volume as floats never exists as a whole unless it is small.
 */
#pragma once

#include "engine/base/tick.h"
#include "engine/image/volume.h"
#include "engine/segment/frame.h"
#include "engine/segment/ledger.h"
#include "engine/segment/stats.h"

typedef struct _SagPrepare SagPrepare;

/* `capacity` slices of the sweep at most; `scale` is NULL if every slice has its own. Everything is
 * borrowed and must outlive it. NULL with MEMORY. */
SagPrepare  *sag_prepare_new       (SagVolume       *volume,
                                    const SagRecipe *recipe,
                                    const SagFrame  *frame,
                                    const SagScale  *scale,
                                    int              capacity,
                                    SagLedger       *ledger,
                                    GError         **error);
void         sag_prepare_free      (SagPrepare      *self);

/* Bytes that sag_prepare_new() takes for `n_threads`. */
gsize        sag_prepare_get_bytes (const SagRecipe *recipe,
                                    const SagFrame  *frame,
                                    int              capacity,
                                    int              n_threads);

/* Makes slices k0 .. k1 - 1 (cut to the sweep; at most `capacity` of them). FALSE if `tick` said
 * stop. [compute thread] */
gboolean     sag_prepare_slab      (SagPrepare      *self,
                                    int              k0,
                                    int              k1,
                                    const SagTick   *tick,
                                    double           fraction);

/* Cuts the patch that begins at sweep voxel `start` (may reach outside) and turns it to the
 * network's axes: `input` is [channels][k][j][i] of the network. Where `channels` is 2 *
 * neighbours + 1 of the recipe they are neighbouring slices, else copies. The slab must be
 * there. [compute thread] */
void         sag_prepare_cut       (SagPrepare      *self,
                                    const int        start[3],
                                    int              channels,
                                    float           *input);
