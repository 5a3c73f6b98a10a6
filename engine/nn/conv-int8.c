/* SPDX-License-Identifier: Apache-2.0
 *
 * conv-int8.c: convolutions on bytes: the input quantised whole, weights of eight bits or four, sums in
 * 32 bits, floats again where they are stored.
 */
#include "engine/base/alloc.h"
#include "engine/base/parallel.h"
#include "engine/nn/conv.h"
#include "engine/nn/op-util.h"

#include <math.h>
#include <string.h>

enum { MOST_PRODUCTS = 32000, LINES = 8 };

static gint64
quads_of (const SagConv *c)
{
  return (c->kin + 3) / 4;
}

/* Input channels of a pixel. */
static gint64
channels_of (const SagConv *c)
{
  return c->form == SAG_CONV_LAST_DEPTHWISE ? c->nout : c->kin;
}

/* Output channels filled up to whole panels. */
static gint64
columns_of (const SagConv *c)
{
  return c->n_panels * c->width;
}

static gboolean
is_depthwise (const SagConv *c)
{
  return c->form == SAG_CONV_LAST_DEPTHWISE;
}

gboolean
sag_conv_int8_fits (const SagConv *self)
{
  /* Depthwise layers are moves rather than sums: worth it only from bytes to bytes. */
  gboolean whole = self->groups == 1
                   && (self->form == SAG_CONV_ROWS || self->form == SAG_CONV_LAST
                       || (is_depthwise (self) && self->quantum.scale > 0))
                   && !self->dynamic && self->geometry.in[2] <= G_MAXINT32 / 4;

  for (int p = 0; whole && p < self->geometry.n_phases; p++)
    {
      int taps = self->geometry.phases[p].n_taps;

      whole = taps <= SAG_CONV_TAPS && MAX (taps, 1) * self->kin <= MOST_PRODUCTS;
    }
  return whole;
}

gboolean
sag_conv_is_square (const SagConv *self, gboolean residual)
{
  const SagConvGeometry *g = &self->geometry;
  const SagConvPhase *phase = g->phases;

  return is_depthwise (self) && sag_conv_on_bytes (self) && self->bytes_out && !residual && !g->transposed
         && g->in[0] == 1 && g->out[0] == 1 && phase->n_taps == 9 && g->kernel_size == 9
         && phase->most[1] - phase->least[1] == 2 && phase->most[2] - phase->least[2] == 2
         && g->in_step[1] == g->in_step[2] && g->in_step[2] <= 2;
}

/* The row of sums that tap `t` of phase `p` adds to. */
static gint32 *
sums_of (const SagConv *self, void *packed, int p, int t)
{
  int row = p;

  for (int d = 1; d < self->n_depths && t >= self->depths[d]; d++)
    row = d;
  return (gint32 *) packed + self->sums + row * columns_of (self);
}

static gsize
put (gsize *total, gsize bytes)
{
  gsize at = *total;

  *total += (bytes + SAG_ALIGN - 1) & ~(gsize) (SAG_ALIGN - 1);
  return at;
}

/* Nothing here can pass G_MAXSIZE: tensors have at most SAG_MAX_ELEMENTS, columns were checked. */
gsize
sag_conv_int8_plan (SagConv *self)
{
  const SagConvGeometry *g = &self->geometry;
  gsize pixels = (gsize) (g->batch * g->in[0] * g->in[1] * g->in[2]), total = 0;
  gsize columns = (gsize) columns_of (self);

  if (!self->bytes_in)
    put (&total, pixels * (gsize) (self->form == SAG_CONV_ROWS ? 4 * quads_of (self) : channels_of (self)));
  if (self->precision == SAG_PRECISION_INT4)
    self->unpacked = put (&total, 2 * self->n_weights);
  self->starts = put (&total, (gsize) sag_conv_n_sums (self) * columns * sizeof (gint32));
  self->factors = put (&total, (gsize) MAX (self->n_depths, 1) * columns * sizeof (float));
  self->pads = put (&total, (gsize) channels_of (self));
  self->partials = total;
  if (self->quantum.scale == 0 && !self->planes_in)
    put (&total, (gsize) sag_int8_partials ((gint64) pixels * self->kin) * sizeof (float));
  return total;
}

/* Columns of one scale each: `sj` apart, and in each kin rows `sp` apart of taps that follow each
 * other. */
static void
find_scales (const SagConv *self, const float *w, ptrdiff_t sp, ptrdiff_t sj, float *scales, gint64 from, gint64 to)
{
  for (gint64 j = from; j < to; j++)
    {
      scales[j] = 0;
      for (gint64 p = 0; p < self->kin && j < self->nout; p++)
        {
          float scale = sag_int8_scale (self->geometry.kernel_size, w + p * sp + j * sj);

          scales[j] = scale > scales[j] ? scale : scales[j];
        }
      if (scales[j] == 0)
        scales[j] = 1;
    }
}

void
sag_conv_int8_pack (const SagConv *self, const float *w, ptrdiff_t sp, ptrdiff_t sj, float *packed)
{
  const SagConvGeometry *g = &self->geometry;
  gsize n = (gsize) (self->kin * self->nout * g->kernel_size);
  g_autofree gint8 *bytes = g_malloc (MAX (n, 1));
  float *scales = packed + self->scales;

  find_scales (self, w, sp, sj, scales, 0, columns_of (self));
  for (gint64 j = 0; j < self->nout; j++)
    for (gint64 p = 0; p < self->kin; p++)
      sag_kernels_get ()->quantize.to_s8 ((gsize) g->kernel_size, w + p * sp + j * sj, scales[j],
                                          bytes + p * sp + j * sj);
  memset (packed + self->sums, 0, sizeof (gint32) * (gsize) (sag_conv_n_sums (self) * columns_of (self)));
  for (int p = 0; p < g->n_phases; p++)
    {
      const SagConvPhase *phase = &g->phases[p];
      gint8 *to = (gint8 *) (packed + self->head) + self->weights[p];

      for (int t = 0; t < phase->n_taps; t++)
        {
          gint32 *sums = sums_of (self, packed, p, t);

          for (gint64 j = 0; j < self->nout; j++)
            for (gint64 k = 0; k < self->kin; k++)
              sums[j] += bytes[j * sj + k * sp + phase->taps[t]];
        }
      if (is_depthwise (self)) /* [taps][channels] */
        {
          for (int t = 0; t < phase->n_taps; t++)
            for (gint64 j = 0; j < self->nout; j++)
              *to++ = bytes[j * sj + phase->taps[t]];
          continue;
        }
      for (gint64 j = 0; j < self->nout; j += self->width)
        for (int t = 0; t < phase->n_taps; t++, to += 4 * quads_of (self) * self->width)
          sag_pack_s8 ((gsize) self->width, 1, (gsize) self->kin,
                       (gsize) MIN (self->width, self->nout - j), bytes + j * sj + phase->taps[t], 0,
                       sp, sj, to);
    }
}

/* The same in groups of 32: eight steps of four channels, from tap to tap. */
typedef struct
{
  const SagConv *conv;
  const float   *w;
  ptrdiff_t      sp, sj;
  void          *packed, *scratch;
  int            phase;
} Packing;

static gint16 *
factors_of (const Packing *packing, gint64 panel)
{
  const SagConv *c = packing->conv;

  return (gint16 *) ((float *) packing->packed + c->group_factors[packing->phase])
         + panel * sag_conv_groups (c, packing->phase) * c->width;
}

static guint8 *
halves_of (const Packing *packing, gint64 panel)
{
  const SagConv *c = packing->conv;

  return (guint8 *) ((float *) packing->packed + c->head) + c->halves[packing->phase]
         + panel * ((sag_conv_steps (c, packing->phase) + 1) / 2 * 4 * c->width);
}

static void
scale_panel (gsize item, int thread, gpointer data)
{
  const Packing *packing = data;
  const SagConv *c = packing->conv;
  gint64 from = (gint64) item * c->width;

  find_scales (c, packing->w, packing->sp, packing->sj, (float *) packing->packed + c->scales, from, from + c->width);
}

static void
pack_panel (gsize item, int thread, gpointer data)
{
  const Packing *packing = data;
  const SagConv *self = packing->conv;
  const SagConvPhase *phase = &self->geometry.phases[packing->phase];
  gint64 quads = quads_of (self), width = self->width, panel = (gint64) item;
  gint64 steps = sag_conv_steps (self, packing->phase), groups = sag_conv_groups (self, packing->phase);
  float *scales = (float *) packing->packed + self->scales;
  gint16 *factors = factors_of (packing, panel);
  g_autofree gint8 *q = g_malloc0 (MAX ((gsize) (4 * steps), 1));
  g_autofree gint16 *shares = g_new0 (gint16, MAX (groups, 1));
  g_autofree float *column = g_new0 (float, MAX (4 * steps, 1));

  for (gint64 j = 0; j < width; j++)
    {
      gint64 at = panel * width + j;
      const float *w = packing->w + at * packing->sj;

      for (int t = 0; t < MAX (phase->n_taps, 1); t++)
        sums_of (self, packing->packed, packing->phase, t)[at] = 0;
      if (at >= self->nout)
        memset (q, 0, (gsize) (4 * steps));
      for (int t = 0; t < phase->n_taps && at < self->nout; t++)
        for (gint64 k = 0; k < self->kin; k++)
          column[4 * t * quads + k] = w[k * packing->sp + phase->taps[t]];
      if (at < self->nout)
        {
          sag_int4_column ((gsize) (4 * steps), column, scales[at], q, shares);
          for (gint64 group = 0; group < groups; group++)
            factors[group * width + j] = shares[group];
          for (int t = 0; t < phase->n_taps; t++)
            {
              gint32 *sum = sums_of (self, packing->packed, packing->phase, t) + at;

              for (gint64 i = 4 * t * quads; i < 4 * (t + 1) * quads; i++)
                *sum += sag_int4_weight (q[i], shares[i / 32]);
            }
        }
      sag_int4_pack ((gsize) (4 * steps), q, (gsize) width, halves_of (packing, panel) + 4 * j);
    }
}
void
sag_conv_int4_pack (const SagConv *self, const float *w, ptrdiff_t sp, ptrdiff_t sj, float *packed)
{
  Packing packing = { self, w, sp, sj, packed, NULL, 0 };

  sag_parallel_for ((gsize) self->n_panels, scale_panel, &packing);
  for (; packing.phase < self->geometry.n_phases; packing.phase++)
    sag_parallel_for ((gsize) self->n_panels, pack_panel, &packing);
}

static void
unpack_panel (gsize item, int thread, gpointer data)
{
  const Packing *packing = data;
  const SagConv *c = packing->conv;
  gint64 steps = sag_conv_steps (c, packing->phase), panel = (gint64) item;

  sag_kernels_get ()->weights.unpack_s4 (
      (gsize) steps, (gsize) c->width, halves_of (packing, panel), factors_of (packing, panel),
      (gint8 *) packing->scratch + c->unpacked + c->weights[packing->phase] + panel * steps * 4 * c->width);
}

typedef struct
{
  const SagConv    *conv;
  const float      *in;
  const SagQuantum *quantum;
  guint8           *q;
} Weave;

/* Lines of the input, four channels woven. */
static void
weave_lines (gint64 line, gint64 to, int thread, gpointer data)
{
  const Weave *weave = data;
  const SagConv *c = weave->conv;
  const SagConvGeometry *g = &c->geometry;
  gsize width = (gsize) g->in[2];

  for (; line < to; line++)
    {
      gint64 y = line % g->in[1], z = line / g->in[1] % g->in[0], image = line / (g->in[0] * g->in[1]);
      const float *in = weave->in + image * c->in_stride[0] + z * c->in_stride[1]
                        + y * c->in_stride[2];
      guint8 *q = weave->q + (gsize) (line * quads_of (c)) * 4 * width;

      for (gint64 k = 0; k < c->kin; k += 4, q += 4 * width)
        {
          const float *x[4] = { NULL, NULL, NULL, NULL };

          for (gint64 i = 0; i < MIN (4, c->kin - k); i++)
            x[i] = in + (k + i) * c->in_stride[3];
          sag_kernels_get ()->quantize.to_u8x4 (width, x, weave->quantum->scale,
                                                weave->quantum->zero, q);
        }
    }
}

guint8
sag_conv_int8_fill (const SagConv *self, const float *in, const void *packed, void *scratch)
{
  const SagConvGeometry *g = &self->geometry;
  gint64 lines = g->batch * g->in[0] * g->in[1], columns = columns_of (self);
  const float *scales = (const float *) packed + self->scales;
  const gint32 *sums = (const gint32 *) packed + self->sums;
  Packing packing = { self, NULL, 0, 0, (gpointer) packed, scratch, 0 };
  guint8 *at = scratch;
  float *factors = (void *) (at + self->factors);
  gint32 *starts = (void *) (at + self->starts);
  SagQuantum quantum =
      self->quantum.scale > 0 || self->planes_in
          ? self->quantum
          : sag_int8_find (lines * g->in[2] * self->kin, in, (void *) (at + self->partials));
  Weave weave = { self, in, &quantum, at };

  if (self->bytes_in)
    ;
  else if (self->form == SAG_CONV_ROWS)
    sag_range_run (lines, LINES, weave_lines, &weave);
  else
    sag_int8_quantise (lines * g->in[2] * channels_of (self), in, &quantum, at);
  for (; self->precision == SAG_PRECISION_INT4 && packing.phase < g->n_phases; packing.phase++)
    sag_parallel_for ((gsize) self->n_panels, unpack_panel, &packing);
  if (self->planes_in) /* the rest is of each plane */
    return 0;
  for (gint64 j = 0; j < columns; j++)
    factors[j] = quantum.scale * scales[j];
  for (gint64 i = 0; i < g->n_phases * columns; i++)
    starts[i] = -quantum.zero * sums[i];
  memset (at + self->pads, quantum.zero, (gsize) channels_of (self));
  return (guint8) quantum.zero;
}
