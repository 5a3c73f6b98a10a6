/* SPDX-License-Identifier: Apache-2.0
 *
 * finish.c: from patches of logits to labels and confidence on the target grid, slab by slab.
 */
#include "engine/segment/finish.h"

#include "engine/base/parallel.h"
#include "engine/kernels/kernels.h"

#include <string.h>

#define ROWS_AT_ONCE 8 /* target rows an item: enough work to be worth handing out */

/* Logits of one slice of the sweep, wherever they lie; strides in floats. */
typedef struct
{
  const float *at; /* channel 0, voxel (0, 0) */
  gssize       channel, j, i;
} View;

struct _SagFinish
{
  const SagRecipe  *recipe;
  const SagFrame   *frame;
  const SagWindows *windows;
  SagTarget         target;
  float             sharpness; /* 1 / temperature */
  int               channels;
  guint8            value_of[256]; /* [channel] */

  SagSlabs          slabs;
  float           **slots;     /* [slot] -> [channel][j][i] */
  int               n_slots;   /* 0: direct */
  gsize             n_slice;   /* floats of one slice, all channels */
  const float      *direct;    /* the network's output, if it is read where it lies */
  gboolean          identity;  /* rows need no interpolation along sweep axis 0 */

  float            *scratch;   /* a part for each thread */
  gsize             n_scratch; /* floats of a part */
  SagLedger        *ledger;
  gsize             bytes;
};

static gboolean
is_direct (const SagRecipe *recipe, const SagWindows *windows)
{
  return windows[0].n == 1 && windows[1].n == 1 && windows[2].n == 1
         && recipe->output != SAG_NET_ARGMAX;
}

static gsize
slice_floats (const SagFrame *frame, int channels)
{
  return (gsize) frame->sweep.size[0] * (gsize) frame->sweep.size[1] * (gsize) channels;
}

/* Two rows of the sweep, logits and probabilities of one target row, its best logits, its labels
 * and confidence. */
static gsize
scratch_floats (const SagFrame *frame, int channels, const SagTarget *target)
{
  gsize n = (gsize) target->size[0];

  return 2 * (gsize) frame->sweep.size[0] + 2 * n * (gsize) channels + n + 2 * ((n + 3) / 4);
}

gsize
sag_finish_get_bytes (const SagRecipe *recipe, const SagFrame *frame, const SagWindows *windows,
                      const int *rows, int n_rows, int channels, const SagTarget *target,
                      int n_threads)
{
  gsize slots = is_direct (recipe, windows)
                  ? 0
                  : (gsize) sag_slabs_count (&windows[2], rows, n_rows, target->taps[2],
                                             target->size[2]);

  return (slots * slice_floats (frame, channels)
          + (gsize) n_threads * scratch_floats (frame, channels, target)) * sizeof (float)
         + (gsize) (windows[2].size * 4 + target->size[2]) * sizeof (int);
}

SagFinish *
sag_finish_new (const SagRecipe *recipe, SagPrecision precision, const SagFrame *frame,
                const SagWindows *windows, const int *rows, int n_rows, int channels,
                const SagTarget *target, SagLedger *ledger, GError **error)
{
  SagFinish *self = g_new0 (SagFinish, 1);
  gsize n_threads = (gsize) sag_parallel_get_size ();
  int first = recipe->output == SAG_NET_SIGMOID
                  || (recipe->output == SAG_NET_PROBABILITIES && channels == 1)
                ? 0 : 1;

  *self = (SagFinish) { recipe, frame, windows, *target };
  self->sharpness = 1 / recipe->temperature[precision];
  self->channels = channels;
  for (int i = 0; i < recipe->n_labels && first + i < 256; i++)
    self->value_of[first + i] = recipe->labels[i].value;
  self->identity = target->size[0] == frame->sweep.size[0];
  for (int t = 0; self->identity && t < target->size[0]; t++)
    self->identity = target->taps[0][t].i0 == t && target->taps[0][t].w == 0;
  sag_slabs_init (&self->slabs, &windows[2], rows, n_rows, target->taps[2], target->size[2]);
  self->n_slice = slice_floats (frame, channels);
  self->n_scratch = scratch_floats (frame, channels, target);
  self->ledger = ledger;
  self->bytes = sag_finish_get_bytes (recipe, frame, windows, rows, n_rows, channels, target,
                                      (int) n_threads);
  sag_ledger_add (ledger, self->bytes);

  self->scratch = sag_alloc_try (self->n_scratch * sizeof (float) * n_threads,
                                 "rows of logits", error);
  if (self->scratch == NULL)
    {
      sag_finish_free (self);
      return NULL;
    }
  if (!is_direct (recipe, windows))
    self->n_slots = sag_slabs_count (&windows[2], rows, n_rows, target->taps[2], target->size[2]);
  self->slots = g_new0 (float *, self->n_slots + 1);
  for (int s = 0; s < self->n_slots; s++)
    {
      self->slots[s] = sag_alloc_try (self->n_slice * sizeof (float), "a slice of logits", error);
      if (self->slots[s] == NULL)
        {
          sag_finish_free (self);
          return NULL;
        }
    }
  return self;
}

void
sag_finish_free (SagFinish *self)
{
  if (self == NULL)
    return;
  sag_ledger_remove (self->ledger, self->bytes);
  for (int s = 0; self->slots != NULL && s < self->n_slots; s++)
    sag_free (self->slots[s]);
  g_free (self->slots);
  sag_free (self->scratch);
  sag_slabs_clear (&self->slabs);
  g_free (self);
}

/* --- adding up --------------------------------------------------------------------------- */

/* Strides of the network's output by sweep axis, and the offset of sweep voxel `start` in it. */
static gssize
output_strides (const SagFrame *frame, gssize stride[3])
{
  gssize net[3] = { 1, frame->patch[0], (gssize) frame->patch[0] * frame->patch[1] }, offset = 0;

  for (int m = 0; m < 3; m++)
    {
      stride[frame->net[m]] = frame->flip[m] ? -net[m] : net[m];
      if (frame->flip[m])
        offset += net[m] * (frame->patch[m] - 1);
    }
  return offset;
}

void
sag_finish_begin_row (SagFinish *self, int row)
{
  int k0, k1;

  sag_slabs_begin_row (&self->slabs, row, &k0, &k1);
  for (int k = k0; self->n_slots > 0 && k < k1; k++)
    memset (self->slots[self->slabs.row_slot[k]], 0, self->n_slice * sizeof (float));
}

typedef struct
{
  SagFinish       *self;
  const int       *window;
  const SagLogits *logits;
  gssize           stride[3];
  gssize           offset;
  int              from[3], to[3]; /* sweep voxels of the patch inside the volume */
  int              start[3];
} Adding;

static float
read_number (const void *data, SagDType dtype, gssize i)
{
  switch (dtype)
    {
    case SAG_DTYPE_F32: return ((const float *) data)[i];
    case SAG_DTYPE_I64: return (float) ((const gint64 *) data)[i];
    case SAG_DTYPE_I32: return (float) ((const gint32 *) data)[i];
    case SAG_DTYPE_I16: return ((const gint16 *) data)[i];
    case SAG_DTYPE_U16: return ((const guint16 *) data)[i];
    case SAG_DTYPE_I8: return ((const gint8 *) data)[i];
    default: return ((const guint8 *) data)[i];
    }
}

/* Item (channel, slice) of the patch. */
static void
add_slice (gsize item, int thread, gpointer data)
{
  const Adding *adding = data;
  SagFinish *self = adding->self;
  const SagFrame *frame = self->frame;
  const int *size = frame->sweep.size;
  const int *from = adding->from, *to = adding->to, *start = adding->start;
  int n_k = to[2] - from[2], c = (int) (item / (gsize) n_k);
  int k = from[2] + (int) (item % (gsize) n_k);
  gsize patch_voxels = (gsize) frame->patch[0] * (gsize) frame->patch[1] * (gsize) frame->patch[2];
  gssize is = adding->stride[0];
  const float *w[3];
  float *sums = self->slots[self->slabs.row_slot[k]]
                + (gsize) c * (gsize) size[0] * (gsize) size[1];

  for (int a = 0; a < 3; a++)
    w[a] = self->windows[a].weights + (gsize) adding->window[a] * (gsize) self->windows[a].patch;
  for (int j = from[1]; j < to[1]; j++)
    {
      float *row = sums + (gsize) j * (gsize) size[0];
      float w_row = w[2][k - start[2]] * w[1][j - start[1]];
      gssize at = adding->offset + (k - start[2]) * adding->stride[2]
                  + (j - start[1]) * adding->stride[1] + (from[0] - start[0]) * is;

      if (self->recipe->output == SAG_NET_ARGMAX)
        for (int i = from[0]; i < to[0]; i++, at += is)
          {
            if (read_number (adding->logits->data, adding->logits->dtype, at) == (float) c)
              row[i] += w_row * w[0][i - start[0]];
          }
      else
        {
          const float *logits = adding->logits->data;

          logits += (gsize) c * patch_voxels;
          logits += at;

          for (int i = from[0]; i < to[0]; i++, logits += is)
            row[i] += w_row * w[0][i - start[0]] * *logits;
        }
    }
}

void
sag_finish_add (SagFinish *self, const int window[3], const SagLogits *logits)
{
  Adding adding = { self, window, logits };

  if (self->n_slots == 0)
    {
      self->direct = logits->data;
      return;
    }
  adding.offset = output_strides (self->frame, adding.stride);
  for (int a = 0; a < 3; a++)
    {
      adding.start[a] = sag_windows_get_start (&self->windows[a], window[a]);
      adding.from[a] = MAX (adding.start[a], 0);
      adding.to[a] = MIN (adding.start[a] + self->windows[a].patch, self->windows[a].size);
    }
  sag_parallel_for ((gsize) self->channels * (gsize) (adding.to[2] - adding.from[2]), add_slice,
                    &adding);
}

typedef struct
{
  float       *to;
  const float *from;
  gsize        n; /* floats an item */
} Sum;

static void
sum_part (gsize item, int thread, gpointer data)
{
  const Sum *sum = data;
  float *to = sum->to + item * sum->n;

  sag_kernels_get ()->binary[SAG_BINARY_ADD] (sum->n, to, 1, sum->from + item * sum->n, 1, to);
}

static void
add_slots (int to, int from, gpointer data)
{
  SagFinish *self = data;
  Sum sum = { self->slots[to], self->slots[from], self->n_slice / (gsize) self->channels };

  sag_parallel_for ((gsize) self->channels, sum_part, &sum);
}

void
sag_finish_end_row (SagFinish *self, int row)
{
  sag_slabs_end_row (&self->slabs, row, self->n_slots > 0 ? add_slots : NULL, self);
}

/* --- the target -------------------------------------------------------------------------- */

static View
view_slice (const SagFinish *self, int k)
{
  const int *size = self->frame->sweep.size;
  gssize stride[3], offset;

  if (self->n_slots > 0)
    return (View) { self->slots[self->slabs.slot[k]], (gssize) size[0] * size[1], size[0], 1 };
  offset = output_strides (self->frame, stride);
  for (int a = 0; a < 3; a++)
    offset -= self->windows[a].start * stride[a];
  return (View) { self->direct + offset + k * stride[2],
                  (gssize) self->frame->patch[0] * self->frame->patch[1] * self->frame->patch[2],
                  stride[1], stride[0] };
}

/* Row `y` of channel c in one slice: where it lies, if it can be read there, else made in `row`. */
static const float *
slice_row (const View *view, const SagTap *y, int c, int n, float *row)
{
  const float *a = view->at + c * view->channel + y->i0 * view->j;
  const float *b = view->at + c * view->channel + y->i1 * view->j;
  gssize step = view->i;

  if (y->w == 0 && step == 1)
    return a;
  for (int i = 0; i < n; i++, a += step, b += step)
    row[i] = *a + y->w * (*b - *a);
  return row;
}

/* The rows of two slices around the target row, blended into one row of the sweep. */
static const float *
blend_rows (const View slices[2], float wz, const SagTap *y, int c, int n, float *row, float *spare)
{
  const float *a = slice_row (&slices[0], y, c, n, row), *b;

  if (wz == 0)
    return a;
  b = slice_row (&slices[1], y, c, n, spare);
  for (int i = 0; i < n; i++)
    row[i] = a[i] + wz * (b[i] - a[i]);
  return row;
}

static void
blend_along (const SagTap *taps, int n, const float *row, float *out)
{
  for (int t = 0; t < n; t++)
    {
      float a = row[taps[t].i0];

      out[t] = a + taps[t].w * (row[taps[t].i1] - a);
    }
}

static guint8
to_byte (float p)
{
  return p > 0 ? (guint8) (MIN (p, 1) * 255 + 0.5f) : 0;
}

/* Logits [channel][n] -> labels and confidence; `best`, `probability` are scratch. */
static void
decide (const SagFinish *self, int n, float *logits, float *best, float *probability,
        guint8 *labels, guint8 *confidence)
{
  const SagKernels *kernels = sag_kernels_get ();
  int channels = self->channels;
  gsize all = (gsize) n * (gsize) channels;

  memcpy (best, logits, sizeof *best * (gsize) n);
  memset (labels, 0, (gsize) n);
  for (int c = 1; c < channels; c++)
    {
      const float *plane = logits + (gsize) c * (gsize) n;

      for (int i = 0; i < n; i++)
        {
          gboolean better = plane[i] > best[i];

          best[i] = better ? plane[i] : best[i];
          labels[i] = better ? (guint8) c : labels[i];
        }
    }
  switch (self->recipe->output)
    {
    case SAG_NET_SIGMOID:
      kernels->binary[SAG_BINARY_MUL] ((gsize) n, best, 1, &self->sharpness, 0, probability);
      kernels->unary[SAG_UNARY_SIGMOID] ((gsize) n, probability, probability, 0, 0);
      break;
    case SAG_NET_SOFTMAX:
      kernels->binary[SAG_BINARY_MUL] (all, logits, 1, &self->sharpness, 0, logits);
      kernels->reduce.softmax_planes ((size_t) channels, (size_t) n, logits, n, probability, n);
      for (int i = 0; i < n; i++)
        probability[i] = probability[(gsize) labels[i] * (gsize) n + (gsize) i];
      break;
    default: /* probabilities, whose sum may not be quite 1 after blending */
      for (int i = 0; i < n; i++)
        {
          float sum = channels == 1 ? 1 : 0;

          for (int c = 0; channels > 1 && c < channels; c++)
            sum += logits[(gsize) c * (gsize) n + (gsize) i];
          probability[i] = sum > 0 ? best[i] / sum : 0;
        }
    }

  if (self->recipe->output == SAG_NET_SIGMOID || channels == 1)
    for (int i = 0; i < n; i++)
      {
        gboolean shown = probability[i] >= 0.5f;

        labels[i] = shown ? self->value_of[labels[i]] : 0;
        confidence[i] = to_byte (shown ? probability[i] : 1 - probability[i]);
      }
  else
    for (int i = 0; i < n; i++)
      {
        labels[i] = self->value_of[labels[i]];
        confidence[i] = to_byte (probability[i]);
      }
}

typedef struct
{
  SagFinish *self;
  int        t;
  View       slices[2];
  float      wz;
} Flush;

/* Item: ROWS_AT_ONCE rows of target slice t. */
static void
make_rows (gsize item, int thread, gpointer data)
{
  const Flush *flush = data;
  SagFinish *self = flush->self;
  const SagTarget *target = &self->target;
  int n = target->size[0], n_sweep = self->frame->sweep.size[0], channels = self->channels;
  float *row = self->scratch + (gsize) thread * self->n_scratch;
  float *spare = row + n_sweep, *logits = spare + n_sweep;
  float *probability = logits + (gsize) n * (gsize) channels;
  float *best = probability + (gsize) n * (gsize) channels;
  guint8 *labels = (guint8 *) (best + n), *confidence = labels + ((gsize) n + 3) / 4 * 4;
  int j1 = (int) MIN ((item + 1) * ROWS_AT_ONCE, (gsize) target->size[1]);

  for (int j = (int) item * ROWS_AT_ONCE; j < j1; j++)
    {
      gsize at = (gsize) flush->t * target->stride[2] + (gsize) j * target->stride[1];

      for (int c = 0; c < channels; c++)
        {
          float *out = logits + (gsize) c * (gsize) n;
          const float *blended = blend_rows (flush->slices, flush->wz, &target->taps[1][j], c,
                                             n_sweep, row, spare);

          if (self->identity)
            memcpy (out, blended, sizeof *out * (gsize) n);
          else
            blend_along (target->taps[0], n, blended, out);
        }
      decide (self, n, logits, best, probability, labels, confidence);
      for (int i = 0; i < n; i++)
        {
          target->labels[at + (gsize) i * target->stride[0]] = labels[i];
          target->confidence[at + (gsize) i * target->stride[0]] = confidence[i];
        }
    }
}

gboolean
sag_finish_flush (SagFinish *self, void (*made) (int t0, int t1, gpointer data), gpointer data,
                  const SagTick *tick, double fraction)
{
  gsize items = ((gsize) self->target.size[1] + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE;
  int t0, t1;

  while (sag_slabs_next (&self->slabs, &t0, &t1))
    {
      for (int t = t0; t < t1; t++)
        {
          const SagTap *tap = &self->target.taps[2][t];
          Flush flush = { self, t, { view_slice (self, tap->i0), view_slice (self, tap->i1) },
                          tap->w };

          sag_parallel_for (items, make_rows, &flush);
          if (!sag_tick (tick, fraction))
            return FALSE;
        }
      sag_slabs_finish (&self->slabs, t0, t1);
      made (t0, t1, data);
    }
  return TRUE;
}
