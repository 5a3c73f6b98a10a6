/* SPDX-License-Identifier: Apache-2.0
 *
 * prepare.c: the network's view of the volume, a slab at a time.
 */
#include "engine/segment/prepare.h"

#include "engine/base/parallel.h"
#include "engine/image/resample.h"

#include <math.h>

#define SLICES_AT_ONCE 8 /* between two questions whether to go on */

struct _SagPrepare
{
  SagVolume       *volume;
  const SagRecipe *recipe;
  const SagFrame  *frame;
  const SagScale  *scale; /* NULL: each slice its own */
  SagResampler    *resampler; /* NULL: the sweep is the input itself */
  SagLedger       *ledger;
  gsize            bytes;

  gsize            n;        /* voxels a slice */
  int              capacity;
  float           *slices;   /* [capacity][n] */
  int             *slot_of;  /* [sweep k] or -1 */
  int             *k_of;     /* [slot] or -1 */
  guint           *used;     /* [slot]: time of the last use */
  guint            time;
  float           *outside;  /* [sweep k]: what padding is after scaling */
  guint32         *bins;     /* [thread], only if slices have their own scale */
};

gsize
sag_prepare_get_bytes (const SagRecipe *recipe, const SagFrame *frame, int capacity, int n_threads)
{
  gsize n = (gsize) frame->sweep.size[0] * (gsize) frame->sweep.size[1];
  gsize bytes = n * sizeof (float) * (gsize) capacity
                + (gsize) frame->sweep.size[2] * (sizeof (int) + sizeof (float))
                + (gsize) capacity * (sizeof (int) + sizeof (guint));

  if (recipe->per_slice)
    bytes += (gsize) n_threads * SAG_STATS_BINS * sizeof (guint32);
  return bytes;
}

SagPrepare *
sag_prepare_new (SagVolume *volume, const SagRecipe *recipe, const SagFrame *frame,
                 const SagScale *scale, int capacity, SagLedger *ledger, GError **error)
{
  SagPrepare *self;
  gsize n = (gsize) frame->sweep.size[0] * (gsize) frame->sweep.size[1];
  float *slices = sag_alloc_try (n * sizeof (float) * (gsize) capacity,
                                 "the slab of the volume that the network looks at", error);

  if (slices == NULL)
    return NULL;
  self = g_new0 (SagPrepare, 1);
  *self = (SagPrepare) { volume, recipe, frame, scale };
  if (!sag_grid_equal (&frame->input, &frame->sweep))
    self->resampler = sag_resampler_new (&frame->input, &frame->sweep);
  self->n = n;
  self->capacity = capacity;
  self->slices = slices;
  self->slot_of = g_new (int, frame->sweep.size[2]);
  self->outside = g_new0 (float, frame->sweep.size[2]);
  self->k_of = g_new (int, capacity);
  self->used = g_new0 (guint, capacity);
  for (int k = 0; k < frame->sweep.size[2]; k++)
    self->slot_of[k] = -1;
  for (int s = 0; s < capacity; s++)
    self->k_of[s] = -1;
  if (scale == NULL)
    self->bins = g_new (guint32, (gsize) sag_parallel_get_size () * SAG_STATS_BINS);
  self->ledger = ledger;
  self->bytes = sag_prepare_get_bytes (recipe, frame, capacity, sag_parallel_get_size ());
  sag_ledger_add (ledger, self->bytes);
  return self;
}

void
sag_prepare_free (SagPrepare *self)
{
  if (self == NULL)
    return;
  sag_ledger_remove (self->ledger, self->bytes);
  g_clear_pointer (&self->resampler, sag_resampler_free);
  sag_free (self->slices);
  g_free (self->slot_of);
  g_free (self->outside);
  g_free (self->k_of);
  g_free (self->used);
  g_free (self->bins);
  g_free (self);
}

/* --- the slab ---------------------------------------------------------------------------- */

/* The slot that was not used for longest; never one of the slab being made, whose slots carry the
 * present time. */
static int
take_slot (SagPrepare *self, int k)
{
  int oldest = 0;

  for (int s = 0; s < self->capacity; s++)
    {
      if (self->k_of[s] < 0)
        {
          oldest = s;
          break;
        }
      if (self->used[s] < self->used[oldest])
        oldest = s;
    }
  if (self->k_of[oldest] >= 0)
    self->slot_of[self->k_of[oldest]] = -1;
  self->k_of[oldest] = k;
  self->slot_of[k] = oldest;
  self->used[oldest] = self->time;
  return oldest;
}

typedef struct
{
  SagPrepare *self;
  int         k[SLICES_AT_ONCE];
} Batch;

/* Item (slice of the batch, row). */
static void
make_row (gsize item, int thread, gpointer data)
{
  Batch *batch = data;
  SagPrepare *self = batch->self;
  const int *size = self->frame->sweep.size;
  int k = batch->k[item / (gsize) size[1]], j = (int) (item % (gsize) size[1]);
  float *row = self->slices + (gsize) self->slot_of[k] * self->n + (gsize) j * (gsize) size[0];

  sag_resampler_volume_row (self->resampler, self->volume, j, k, NAN, row);
  if (self->scale != NULL)
    sag_scale_apply (self->scale, row, (gsize) size[0]);
}

/* A slice that need not be resampled. */
static void
copy_slice (gsize item, int thread, gpointer data)
{
  Batch *batch = data;
  SagPrepare *self = batch->self;
  float *slice = self->slices + (gsize) self->slot_of[batch->k[item]] * self->n;

  sag_volume_get_values (self->volume, batch->k[item], slice);
  if (self->scale != NULL)
    sag_scale_apply (self->scale, slice, self->n);
}

/* A slice with a scale of its own. */
static void
scale_slice (gsize item, int thread, gpointer data)
{
  Batch *batch = data;
  SagPrepare *self = batch->self;
  int k = batch->k[item];
  float *slice = self->slices + (gsize) self->slot_of[k] * self->n;
  SagScale scale;

  sag_stats_scale_slice (self->recipe, slice, self->n,
                         self->bins + (gsize) thread * SAG_STATS_BINS, &scale);
  self->outside[k] = scale.outside;
  sag_scale_apply (&scale, slice, self->n);
  sag_scale_apply (&scale, &self->outside[k], 1);
}

gboolean
sag_prepare_slab (SagPrepare *self, int k0, int k1, const SagTick *tick, double fraction)
{
  int rows = self->frame->sweep.size[1], k;
  Batch batch = { self };

  k = k0 = MAX (k0, 0);
  k1 = MIN (k1, self->frame->sweep.size[2]);
  g_assert (k1 - k0 <= self->capacity);
  self->time++;
  for (int q = k0; q < k1; q++)
    if (self->slot_of[q] >= 0)
      self->used[self->slot_of[q]] = self->time;
  while (k < k1)
    {
      int n = 0;

      for (; k < k1 && n < SLICES_AT_ONCE; k++)
        if (self->slot_of[k] < 0)
          {
            take_slot (self, k);
            batch.k[n++] = k;
            if (self->scale != NULL)
              {
                self->outside[k] = self->scale->outside;
                sag_scale_apply (self->scale, &self->outside[k], 1);
              }
          }
      if (self->resampler != NULL)
        sag_parallel_for ((gsize) n * (gsize) rows, make_row, &batch);
      else
        sag_parallel_for ((gsize) n, copy_slice, &batch);
      if (self->scale == NULL)
        sag_parallel_for ((gsize) n, scale_slice, &batch);
      if (!sag_tick (tick, fraction))
        return FALSE;
    }
  return TRUE;
}

/* --- patches ----------------------------------------------------------------------------- */

typedef struct
{
  const SagPrepare *self;
  const int        *start;
  int               channels;
  float            *input;
} Cut;

/* One row of the network's input: channel c, slice z, row y of the patch. */
static void
cut_row (const Cut *cut, int c, int z, int y, float *row)
{
  const SagPrepare *self = cut->self;
  const SagFrame *frame = self->frame;
  const int *size = frame->sweep.size, *patch = frame->patch;
  int at[3], first, step = frame->flip[0] ? -1 : 1, a0 = frame->net[0];
  const gboolean edge = self->recipe->padding == SAG_PADDING_EDGE;
  gsize stride[3] = { 1, (gsize) size[0], self->n };
  const float *slice;
  float outside;

  at[frame->net[1]] = cut->start[frame->net[1]] + (frame->flip[1] ? patch[1] - 1 - y : y);
  at[frame->net[2]] = cut->start[frame->net[2]] + (frame->flip[2] ? patch[2] - 1 - z : z);
  first = cut->start[a0] + (frame->flip[0] ? patch[0] - 1 : 0);
  if (cut->channels > 1 && self->recipe->neighbours > 0)
    {
      int k = at[2] + (frame->flip[2] ? -1 : 1) * (c - self->recipe->neighbours);

      at[2] = CLAMP (k, 0, size[2] - 1);
    }
  for (int a = 0; a < 3; a++)
    if (a != a0 && (at[a] < 0 || at[a] >= size[a]))
      {
        if (!edge)
          {
            int nearest = a0 == 2 ? CLAMP (first, 0, size[2] - 1) : CLAMP (at[2], 0, size[2] - 1);

            outside = self->outside[nearest];
            for (int x = 0; x < patch[0]; x++)
              row[x] = outside;
            return;
          }
        at[a] = CLAMP (at[a], 0, size[a] - 1);
      }

  if (a0 != 2)
    {
      slice = self->slices + (gsize) self->slot_of[at[2]] * self->n
              + (gsize) at[1 - a0] * stride[1 - a0];
      outside = self->outside[at[2]];
      for (int x = 0, p = first; x < patch[0]; x++, p += step)
        if (p >= 0 && p < size[a0])
          row[x] = slice[(gsize) p * stride[a0]];
        else
          row[x] = edge ? slice[(gsize) CLAMP (p, 0, size[a0] - 1) * stride[a0]] : outside;
      return;
    }
  for (int x = 0, p = first; x < patch[0]; x++, p += step)
    {
      int k = CLAMP (p, 0, size[2] - 1);

      if (p == k || edge)
        row[x] = self->slices[(gsize) self->slot_of[k] * self->n + (gsize) at[1] * stride[1]
                              + (gsize) at[0]];
      else
        row[x] = self->outside[k];
    }
}

/* Item (channel, slice z) of the network's input. */
static void
cut_slice (gsize item, int thread, gpointer data)
{
  const Cut *cut = data;
  const int *patch = cut->self->frame->patch;
  int c = (int) (item / (gsize) patch[2]), z = (int) (item % (gsize) patch[2]);
  float *slice = cut->input + item * (gsize) patch[0] * (gsize) patch[1];

  for (int y = 0; y < patch[1]; y++)
    cut_row (cut, c, z, y, slice + (gsize) y * (gsize) patch[0]);
}

void
sag_prepare_cut (SagPrepare *self, const int start[3], int channels, float *input)
{
  Cut cut = { self, start, channels, input };

  sag_parallel_for ((gsize) channels * (gsize) self->frame->patch[2], cut_slice, &cut);
}
