/* SPDX-License-Identifier: Apache-2.0
 *
 * conv-winograd.c: convolutions with kernels of 3 x 3 along y and x by Winograd's F(4 x 4, 3 x 3): some
 * tiles at a time through 36 matrix products, so that all of it stays in the second cache. Taps along z
 * are further terms of the same products.
 */
#include "engine/base/alloc.h"
#include "engine/base/parallel.h"
#include "engine/nn/conv.h"
#include "engine/nn/op-util.h"

#include <math.h>
#include <string.h>

enum
{
  NUMBERS = 36,
  MAX_DEPTH = 7,             /* taps along z */
  MAX_MR = 16,               /* rows of a block, whatever the CPU */
  MAX_NR = 64,               /* columns of a panel */
  TILE_BYTES = 768 << 10,    /* of what the tiles of an item become */
  WEIGHT_BYTES = 5 << 20,    /* four times the weights: beyond this they are read too often */
  VOLUME_BYTES = 64 << 20,   /* beyond this a volume had better lie over its input (SagNode.trails) */
};

static gint64
depth_of (const SagConvGeometry *g)
{
  return g->phases[0].n_taps / 9;
}

static gint64
across (const SagConvGeometry *g)
{
  return (g->out[2] + 3) / 4;
}

static gint64
tiles_of (const SagConvGeometry *g)
{
  return g->batch * g->out[0] * ((g->out[1] + 3) / 4) * across (g);
}

/* Whether the taps are whole squares of 3 x 3 neighbours. */
static gboolean
is_square (const SagConvGeometry *g)
{
  const SagConvPhase *phase = g->phases;

  if (g->transposed || g->groups != 1 || g->n_phases != 1 || phase->n_taps % 9 != 0 || phase->n_taps == 0
      || phase->n_taps / 9 > MAX_DEPTH || g->in_step[1] != 1 || g->in_step[2] != 1)
    return FALSE;
  for (int t = 0; t < phase->n_taps; t++)
    {
      const gint32 *offset = phase->offset + 3 * t, *first = phase->offset + t / 9 * 27;

      if (offset[0] != first[0] || offset[1] != first[1] + t / 3 % 3 || offset[2] != first[2] + t % 3)
        return FALSE;
    }
  return TRUE;
}

double
sag_conv_winograd_moves (const SagConvGeometry *g)
{
  double tiles, products;

  if (!is_square (g) || g->cin < 12 || g->cout < 12)
    return INFINITY;
  if ((double) (g->cin * g->cout * depth_of (g)) * NUMBERS * sizeof (float) > WEIGHT_BYTES)
    return INFINITY;
  if (g->out[0] > 1 && (double) (g->out[0] * g->out[1] * g->out[2]) * (double) (g->cout * 4) > VOLUME_BYTES)
    return INFINITY;
  tiles = (double) ((tiles_of (g) + 11) / 12 * 12);
  products = tiles * NUMBERS * (double) (g->cin * depth_of (g) * ((g->cout + 15) / 16 * 16));
  return products / 40 / 0.85 + 0.25 * NUMBERS * tiles * (double) (g->cin * depth_of (g) + g->cout);
}

gsize
sag_conv_winograd_weights (const SagConv *self)
{
  return NUMBERS * (gsize) (self->n_panels * depth_of (&self->geometry) * self->kin * self->width);
}

/* Tiles of an item: what they become should fit the second cache, and the threads share them. */
static gint64
tiles_per_item (const SagConv *self, gint64 mr)
{
  const SagConvGeometry *g = &self->geometry;
  gint64 one = NUMBERS * (gint64) sizeof (float) * (self->kin * depth_of (g) + self->nout);
  gint64 weights = (gint64) (sag_conv_winograd_weights (self) * sizeof (float)); /* read once an item */
  gint64 most = MAX (MAX (TILE_BYTES, weights / 2) / one / mr, 1) * mr, teams = sag_parallel_get_size ();
  gint64 share = (tiles_of (g) + teams - 1) / teams;

  return MIN (most, (share + mr - 1) / mr * mr);
}

/* Floats of scratch a thread needs. */
static gsize
scratch_of (const SagConv *self, gint64 tiles)
{
  const SagConvGeometry *g = &self->geometry;

  return NUMBERS * (gsize) tiles * (gsize) (self->kin * depth_of (g) + (self->nout + 15) / 16 * 16);
}

gsize
sag_conv_winograd_scratch (const SagConv *self)
{
  gint64 mr = sag_kernels_get ()->gemm_f32[self->gemm].mr;

  return (gsize) sag_parallel_get_size () * scratch_of (self, tiles_per_item (self, mr)) * sizeof (float);
}

typedef struct
{
  const SagConv *conv;
  const float   *w;
  ptrdiff_t      sp, sj;
  float         *to;
} Packing;

/* A row of a panel: 36 numbers for each of its columns. Panels are [36][n_panels][depth][kin][width]. */
static void
pack_row (gsize row, int thread, gpointer data)
{
  const Packing *packing = data;
  const SagConv *c = packing->conv;
  const SagConvGeometry *g = &c->geometry;
  gint64 p = (gint64) row % c->kin, z = (gint64) row / c->kin % depth_of (g);
  gint64 panel = (gint64) row / c->kin / depth_of (g);
  gsize stride = sag_conv_winograd_weights (c) / NUMBERS;

  for (gint64 j = 0; j < c->width; j++)
    {
      gint64 column = panel * c->width + j;
      float u[NUMBERS] = { 0 };

      if (column < c->nout)
        sag_winograd_weights (packing->w + p * packing->sp + column * packing->sj
                                  + g->phases[0].taps[9 * z], u);
      for (gsize i = 0; i < NUMBERS; i++)
        packing->to[i * stride + row * (gsize) c->width + (gsize) j] = u[i];
    }
}

void
sag_conv_winograd_pack (const SagConv *self, const float *w, ptrdiff_t sp, ptrdiff_t sj, float *packed)
{
  Packing packing = { self, w, sp, sj, packed + self->head };

  sag_parallel_for ((gsize) (self->n_panels * depth_of (&self->geometry) * self->kin), pack_row, &packing);
}

typedef struct
{
  const SagStep *step;
  const SagConv *conv;
  const float   *packed, *residual;
  float         *scratch;
  gint64         per_item, n_items;
} Job;

/* Where a tile lies. */
typedef struct
{
  gint64 image, z, y, x;
} Place;

static Place
place_of (const SagConvGeometry *g, gint64 tile)
{
  gint64 down = (g->out[1] + 3) / 4;

  return (Place){ .x = 4 * (tile % across (g)), .y = 4 * (tile / across (g) % down),
                  .z = tile / across (g) / down % g->out[0], .image = tile / across (g) / down / g->out[0] };
}

/* The 36 numbers of a tile's channels, for one tap along z. */
static void
tile_in (const Job *job, const Place *place, int tap, float *v, ptrdiff_t ld)
{
  const SagConv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  const gint32 *offset = g->phases[0].offset + 27 * tap;
  gint64 z = place->z * g->in_step[0] + offset[0], y = place->y + offset[1], x = place->x + offset[2];
  const float *in = (const float *) sag_step_in (job->step, 0) + place->image * c->in_stride[0]
                    + z * c->in_stride[1];
  const float *rows[NUMBERS];

  for (int i = 0; i < NUMBERS; i++)
    {
      gint64 yi = y + i / 6, xi = x + i % 6;
      gboolean inside = z >= 0 && z < g->in[0] && yi >= 0 && yi < g->in[1] && xi >= 0 && xi < g->in[2];

      rows[i] = inside ? in + yi * c->in_stride[2] + xi * g->cin : job->packed + c->zeros;
    }
  sag_kernels_get ()->winograd_in (&(SagWinogradInJob){ (gsize) c->kin, rows, v, ld });
}

/* A tile's pixels from its sums, and what follows them. */
static void
tile_out (const Job *job, const Place *place, const float *m, ptrdiff_t ld)
{
  const SagConv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  gint64 at = place->image * c->out_stride[0] + place->z * c->out_stride[1] + place->y * c->out_stride[2]
              + place->x * g->cout;
  gint64 n = MIN (4, g->out[2] - place->x) * g->cout;
  float *out = (float *) sag_step_out (job->step, 0) + at, *rows[16];
  gboolean clamped = job->residual == NULL;
  gboolean more = c->lo == -INFINITY && c->hi == INFINITY;

  for (int i = 0; i < 16; i++)
    rows[i] = place->y + i / 4 < g->out[1] && place->x + i % 4 < g->out[2]
                  ? out + i / 4 * c->out_stride[2] + i % 4 * g->cout
                  : NULL;
  sag_kernels_get ()->winograd_out (&(SagWinogradOutJob){
      (gsize) c->nout, m, ld, job->packed + c->bias, rows, clamped ? c->lo : -INFINITY,
      clamped ? c->hi : INFINITY });
  for (gint64 y = 0; y < MIN (4, g->out[1] - place->y); y++, out += c->out_stride[2], at += c->out_stride[2])
    {
      if (!clamped)
        sag_kernels_get ()->add_clamp ((gsize) n, out, job->residual + at, out, c->lo, c->hi);
      if (more)
        sag_fused_apply (&c->fused, (gsize) n, out);
    }
}

static void
item_run (gsize item, int thread, gpointer data)
{
  static const float none[MAX_NR];
  const Job *job = data;
  const SagConv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  const SagGemmF32 *gemm = &sag_kernels_get ()->gemm_f32[c->gemm];
  gint64 from = (gint64) item * job->per_item, n = MIN (job->per_item, tiles_of (g) - from);
  gint64 depth = depth_of (g), mr = gemm->mr, ld_m = (c->nout + 15) / 16 * 16;
  float *v = job->scratch + (gsize) thread * scratch_of (c, job->per_item);
  float *m = v + NUMBERS * job->per_item * depth * c->kin;
  const float *w = job->packed + c->head;

  if (!sag_step_go_on (job->step, thread, (double) item / (double) job->n_items))
    return;
  for (gint64 i = 0; i < n; i++)
    {
      Place place = place_of (g, from + i);

      for (gint64 t = 0; t < depth; t++)
        tile_in (job, &place, (int) t, v + (t * n + i) * c->kin, depth * n * c->kin);
    }
  for (gint64 number = 0; number < NUMBERS; number++)
    for (gint64 panel = 0; panel < c->n_panels; panel++, w += depth * c->kin * c->width)
      for (gint64 i = 0; i < n; i += mr)
        {
          const float *rows[MAX_DEPTH * MAX_MR];

          for (gint64 t = 0; t < depth; t++)
            for (gint64 r = 0; r < mr; r++)
              rows[t * mr + r] = v + ((number * depth + t) * n + MIN (i + r, n - 1)) * c->kin;
          gemm->fn (&(SagGemmF32Job){
              .m = (gsize) MIN (mr, n - i), .n = (gsize) MIN (c->width, c->nout - panel * c->width),
              .taps = (gsize) depth, .k = (gsize) c->kin, .rows = rows, .w = w, .init = none,
              .c = m + (number * n + i) * ld_m + panel * c->width, .ldc = ld_m, .lo = -INFINITY,
              .hi = INFINITY });
        }
  for (gint64 i = 0; i < n; i++)
    {
      Place place = place_of (g, from + i);

      tile_out (job, &place, m + i * ld_m, n * ld_m);
    }
}

void
sag_conv_winograd_run (const SagStep *step)
{
  const SagConv *c = step->node->state;
  const SagValue *residual = sag_conv_residual (step->node);
  gint64 mr = sag_kernels_get ()->gemm_f32[c->gemm].mr;
  Job job = { .step = step, .conv = c, .packed = step->node->packed,
              .residual = residual != NULL ? residual->data : NULL, .scratch = step->scratch,
              .per_item = tiles_per_item (c, mr) };

  g_assert (mr <= MAX_MR && c->width <= MAX_NR);
  job.n_items = (tiles_of (&c->geometry) + job.per_item - 1) / job.per_item;
  sag_parallel_for ((gsize) job.n_items, item_run, &job);
}
