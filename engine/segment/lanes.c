/* SPDX-License-Identifier: Apache-2.0
 *
 * lanes.c: the same network several times side by side, a thread each.
 */
#include "engine/segment/lanes.h"

#include "engine/base/parallel.h"

#include <string.h>

#define LANE_BYTES ((gsize) 256 << 20) /* that all lanes may take: a large network fills its threads by itself */
#define TURNS 2                        /* windows a lane and batch: one that is held up leaves some to the others */

struct _SagLanes
{
  SagNetwork **networks; /* the first is borrowed */
  SagPatch    *patches;
  int          n, batch;
};

int
sag_lanes_choose (const SagNetwork *network, int n_windows, int n_threads)
{
  return n_windows >= TURNS * n_threads && sag_lanes_get_bytes (network, n_threads) <= LANE_BYTES
           ? n_threads
           : 1;
}

int
sag_lanes_get_batch (int n_lanes)
{
  return n_lanes == 1 ? 1 : TURNS * n_lanes;
}

gsize
sag_lanes_get_bytes (const SagNetwork *network, int n_lanes)
{
  return network->session_bytes * (gsize) n_lanes
         + network->buffer_bytes * (gsize) sag_lanes_get_batch (n_lanes);
}

/* --- opening ----------------------------------------------------------------------------- */

typedef struct
{
  SagLanes   *lanes;
  SagLaneOpen open;
  gpointer    data;
  GError    **errors;
} Opening;

static void
open_lane (gsize item, int thread, gpointer data)
{
  const Opening *opening = data;

  opening->lanes->networks[item + 1] = opening->open (opening->data, &opening->errors[item]);
}

SagLanes *
sag_lanes_new (SagNetwork *first, int n_lanes, SagLaneOpen open, gpointer data, GError **error)
{
  SagLanes *self = g_new0 (SagLanes, 1);
  g_autofree GError **errors = g_new0 (GError *, n_lanes);
  Opening opening = { self, open, data, errors };
  GError *wrong = NULL;

  self->networks = g_new0 (SagNetwork *, n_lanes);
  self->networks[0] = first;
  self->n = n_lanes;
  self->batch = sag_lanes_get_batch (n_lanes);
  sag_parallel_for ((gsize) n_lanes - 1, open_lane, &opening);
  for (int i = 0; i < n_lanes - 1; i++)
    if (wrong == NULL)
      wrong = errors[i];
    else
      g_clear_error (&errors[i]);
  if (wrong == NULL)
    return self;
  g_propagate_error (error, wrong);
  sag_lanes_free (self);
  return NULL;
}

void
sag_lanes_free (SagLanes *self)
{
  if (self == NULL)
    return;
  for (int i = 1; i < self->n; i++)
    sag_network_free (self->networks[i]);
  g_free (self->networks);
  g_free (self);
}

int
sag_lanes_get_n (const SagLanes *self)
{
  return self->n;
}

double
sag_lanes_take_saturated (SagLanes *self)
{
  guint64 seen = 0, cut = 0;

  for (int i = 0; i < self->n; i++)
    sag_session_take_saturation (self->networks[i]->session, &seen, &cut);
  return seen > 0 ? (double) cut / (double) seen : 0;
}

SagNetwork *
sag_lanes_get_network (const SagLanes *self)
{
  return self->networks[0];
}

/* --- a batch ------------------------------------------------------------------------------ */

gboolean
sag_lanes_open (SagLanes *self, SagLedger *ledger, GError **error)
{
  const SagNetwork *network = self->networks[0];
  int n_outputs = sag_session_get_n_outputs (network->session);

  sag_ledger_add (ledger, sag_lanes_get_bytes (network, self->n));
  self->patches = g_new0 (SagPatch, self->batch);
  for (int i = 0; i < self->batch; i++)
    {
      SagPatch *patch = &self->patches[i];

      patch->outputs = g_new0 (void *, n_outputs);
      patch->input = sag_alloc_try (network->input_bytes, "a patch", error);
      if (patch->input == NULL)
        return FALSE;
      for (int o = 0; o < n_outputs; o++)
        {
          patch->outputs[o] = sag_alloc_try (network->output_bytes[o], "the logits of a patch", error);
          if (patch->outputs[o] == NULL)
            return FALSE;
        }
    }
  return TRUE;
}

void
sag_lanes_close (SagLanes *self, SagLedger *ledger)
{
  const SagNetwork *network = self->networks[0];

  for (int i = 0; i < self->batch; i++)
    {
      for (int o = 0; self->patches[i].outputs != NULL && o < sag_session_get_n_outputs (network->session); o++)
        sag_free (self->patches[i].outputs[o]);
      g_free (self->patches[i].outputs);
      sag_free (self->patches[i].input);
    }
  g_clear_pointer (&self->patches, g_free);
  sag_ledger_remove (ledger, sag_lanes_get_bytes (network, self->n));
}

const SagPatch *
sag_lanes_get_patch (const SagLanes *self, int index)
{
  return &self->patches[index];
}

typedef struct
{
  SagLanes      *lanes;
  const SagTick *tick;
  double         from, part; /* of progress; a window's */
  int            done;       /* atomic: windows */
  int            stopped;    /* atomic */
} Batch;

/* The thread that called asks; the others hear of its answer. */
static gboolean
ask (double fraction, gpointer data)
{
  Batch *batch = data;

  if (!sag_tick (batch->tick,
                 batch->from + batch->part * (g_atomic_int_get (&batch->done) + fraction)))
    g_atomic_int_set (&batch->stopped, TRUE);
  return !g_atomic_int_get (&batch->stopped);
}

static gboolean
hear (double fraction, gpointer data)
{
  Batch *batch = data;

  return !g_atomic_int_get (&batch->stopped);
}

static void
run_window (gsize item, int thread, gpointer data)
{
  Batch *batch = data;
  const SagPatch *patch = &batch->lanes->patches[item];
  const void *inputs[1] = { patch->input };
  const SagTick tick = { thread == 0 ? ask : hear, batch };

  if (g_atomic_int_get (&batch->stopped))
    return;
  if (!sag_session_run (batch->lanes->networks[thread]->session, inputs, patch->outputs, &tick))
    g_atomic_int_set (&batch->stopped, TRUE);
  g_atomic_int_inc (&batch->done);
}

gboolean
sag_lanes_run (SagLanes *self, int n, const SagTick *tick, double from, double to)
{
  Batch batch = { self, tick, from, (to - from) / n, 0, FALSE };

  if (self->n > 1)
    sag_parallel_for ((gsize) n, run_window, &batch);
  else
    for (int i = 0; i < n; i++)
      run_window ((gsize) i, 0, &batch);
  return !batch.stopped;
}

gboolean
sag_lanes_explain (const SagLanes *self, GError **error)
{
  for (int i = 0; i < self->n; i++)
    if (!sag_session_explain (self->networks[i]->session, error))
      return FALSE;
  return TRUE;
}
