/* SPDX-License-Identifier: Apache-2.0
 *
 * lanes.h: the same network several times side by side, a thread each.
 *
 * Threads that share one run wait for each other after every layer; of a small network on many cores
 * that is most of the time, and a thread that another program holds up holds up all. Where there are
 * windows enough and the network is small, each thread has a network of its own (a lane), and takes
 * the next window when it is through with one. Outputs are kept a batch at a time and added up in
 * the order of the windows: no bit depends on the lanes.
 */
#pragma once

#include "engine/base/tick.h"
#include "engine/segment/ledger.h"
#include "engine/segment/network.h"

/* What one window is computed from and to. */
typedef struct
{
  float *input;
  void **outputs; /* [output of the network] */
} SagPatch;

typedef struct _SagLanes SagLanes;

/* Opens the `i`-th further network, like the first. [any thread] */
typedef SagNetwork *(*SagLaneOpen) (gpointer data, GError **error);

/* How many lanes a run of `n_windows` is worth for a team of `n_threads`: as many, or 1. */
int             sag_lanes_choose    (const SagNetwork *network,
                                     int               n_windows,
                                     int               n_threads);

/* Windows in a batch. */
int             sag_lanes_get_batch (int               n_lanes);

/* Bytes that `n_lanes` take: networks, and inputs and outputs of a batch. */
gsize           sag_lanes_get_bytes (const SagNetwork *network,
                                     int               n_lanes);

/* `first`, borrowed, and n_lanes - 1 more, opened side by side. An error of `open`. [compute thread] */
SagLanes       *sag_lanes_new       (SagNetwork       *first,
                                     int               n_lanes,
                                     SagLaneOpen       open,
                                     gpointer          data,
                                     GError          **error);
void            sag_lanes_free      (SagLanes         *self);

int             sag_lanes_get_n     (const SagLanes   *self);

/* The first: the others are alike. */
SagNetwork     *sag_lanes_get_network (const SagLanes *self);

/* The share of numbers outside of their static ranges (sag_session_take_saturation()), over all lanes, since the
 * last call; 0 where there are none. [compute thread] */
double          sag_lanes_take_saturated (SagLanes    *self);

/* Takes, and gives back, the memory of a batch's inputs and outputs. MEMORY; what was taken is given
 * back by sag_lanes_close() then too. */
gboolean        sag_lanes_open      (SagLanes         *self,
                                     SagLedger        *ledger,
                                     GError          **error);
void            sag_lanes_close     (SagLanes         *self,
                                     SagLedger        *ledger);

/* Window `index` of the batch; between open and close. */
const SagPatch *sag_lanes_get_patch (const SagLanes   *self,
                                     int               index);

/* Outputs of the first `n` windows of the batch from their inputs. Only the calling thread asks `tick`,
 * with fractions from `from` to `to`; FALSE if it said stop, or a network failed (sag_lanes_explain()). [compute
 * thread] */
gboolean        sag_lanes_run       (SagLanes         *self,
                                     int               n,
                                     const SagTick    *tick,
                                     double            from,
                                     double            to);

/* After FALSE: TRUE if that was the tick's word; else the error of the network that failed. */
gboolean        sag_lanes_explain   (const SagLanes   *self,
                                     GError          **error);
