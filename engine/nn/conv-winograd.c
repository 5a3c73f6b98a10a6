/* SPDX-License-Identifier: Apache-2.0
 *
 * conv-winograd.c: convolutions with kernels of 3 x 3 along y and x, dilated or not, by Winograd's F(4 x 4, 3 x 3): some
 * tiles at a time through 36 matrix products, so that all of it stays in the second cache. Taps along z
 * are further terms of the same products; what a tile of the input becomes serves all the planes that see it.
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
  PLANES = 4,                /* of the output, of an item */
  MAX_MR = 16,               /* rows of a block, whatever the CPU */
  MAX_NR = 64,               /* columns of a panel */
  TILE_BYTES = 768 << 10,    /* of what the tiles of an item become */
  WEIGHT_BYTES = 10 << 20,   /* four times the weights: beyond this they are read too often, */
  FEW_TILES = 48,            /* and for so few of them half of it is not worth its memory */
  POOL_CHANNELS = 256,       /* of a tile on the stack */
  VOLUME_BYTES = 64 << 20,   /* beyond this a volume lies over its input (SagNode.trails) */
};

static gint64
depth_of (const SagConvGeometry *g)
{
  return g->phases[0].n_taps / 9;
}

/* From a tap to the next along an axis. */
static gint64
apart (const SagConvGeometry *g, int axis)
{
  const gint32 *offset = g->phases[0].offset;

  if (axis == 0)
    return depth_of (g) > 1 ? offset[27] - offset[0] : 1;
  return axis == 1 ? offset[10] - offset[1] : offset[5] - offset[2];
}

/* Tiles beside each other along an axis: each has four of the pixels that lie as far apart as the taps. */
static gint64
tiles_along (const SagConvGeometry *g, int axis)
{
  gint64 step = apart (g, axis);

  return step * (((g->out[axis] + step - 1) / step + 3) / 4);
}

/* Of a plane. */
static gint64
tiles_of (const SagConvGeometry *g)
{
  return tiles_along (g, 1) * tiles_along (g, 2);
}

/* Whether the taps are whole squares of 3 x 3, evenly spaced. */
static gboolean
is_square (const SagConvGeometry *g)
{
  const SagConvPhase *phase = g->phases;

  if (g->transposed || g->groups != 1 || g->n_phases != 1 || phase->n_taps % 9 != 0 || phase->n_taps == 0
      || phase->n_taps / 9 > MAX_DEPTH || g->in_step[1] != 1 || g->in_step[2] != 1)
    return FALSE;
  for (int a = 1; a < 3; a++)
    if (apart (g, a) < 1 || apart (g, a) > MAX (1, g->out[a])) /* most tiles would be beside the image */
      return FALSE;
  for (int t = 0; t < phase->n_taps; t++)
    {
      const gint32 *offset = phase->offset + 3 * t, *first = phase->offset + t / 9 * 27;

      if (offset[0] != first[0] || offset[1] != first[1] + t / 3 % 3 * apart (g, 1)
          || offset[2] != first[2] + t % 3 * apart (g, 2))
        return FALSE;
    }
  return TRUE;
}

/* Whether planes of the output see planes of the input in common that lie as far apart as the taps. */
static gboolean
planes_share (const SagConvGeometry *g)
{
  const gint32 *offset = g->phases[0].offset;
  gint64 depth = depth_of (g), step = apart (g, 0);

  if (depth == 1 || g->in_step[0] != 1 || step < 1 || g->out[0] <= step)
    return FALSE;
  for (gint64 t = 1; t < depth; t++)
    if (offset[27 * t] != offset[27 * (t - 1)] + step)
      return FALSE;
  return TRUE;
}

static gboolean
is_large (const SagConvGeometry *g)
{
  return g->out[0] > 1 && (double) (g->out[0] * g->out[1] * g->out[2]) * (double) (g->cout * 4) > VOLUME_BYTES;
}

/* How many of them an item takes: of a large volume not so many that lying over its input saves little. */
static gint64
planes_of (const SagConvGeometry *g)
{
  gint64 step = apart (g, 0), most = PLANES;

  if (!planes_share (g))
    return 1;
  while (most > 1 && ((most - 1) * step >= g->out[0] || (is_large (g) && (most + 1) * step > g->out[0] / 10)))
    most--;
  return most;
}

/* Planes of the output between its start and that of the input, if it is to lie over the input: what the items of a
 * stretch write, none of them and of those to come sees any more. 0: not worth it. */
gint64
sag_conv_winograd_trail (const SagConvGeometry *g)
{
  gint64 planes = planes_of (g), stretch = planes > 1 ? planes * apart (g, 0) : 1;
  gint64 reach = MAX (-g->phases[0].least[0], g->phases[0].most[0]);

  return is_large (g) && g->in[0] == g->out[0] && g->in_step[0] == 1 && reach < g->out[0] / 2 ? stretch + reach : 0;
}

/* What making the numbers of one kernel of nine costs at a run (BF16), in moves of an element. */
#define BF16_MOVES 7.0

double
sag_conv_winograd_moves (const SagConvGeometry *g, SagPrecision precision)
{
  double tiles, products;
  gint64 planes;

  if (!is_square (g) || g->cin < 12 || g->cout < 12)
    return INFINITY;
  tiles = (double) (g->batch * g->out[0] * tiles_of (g));
  if ((double) (g->cin * g->cout * depth_of (g)) * NUMBERS * sizeof (float) > (tiles < FEW_TILES ? WEIGHT_BYTES / 2 : WEIGHT_BYTES))
    return INFINITY;
  planes = planes_of (g);
  tiles = ceil (tiles / 12) * 12;
  products = tiles * NUMBERS * (double) (g->cin * depth_of (g) * ((g->cout + 15) / 16 * 16));
  return products / 40 / 0.85
         + (precision == SAG_PRECISION_BF16 ? BF16_MOVES * (double) (g->cin * g->cout * depth_of (g)) : 0)
         + 0.25 * NUMBERS * tiles * (double) (g->cin * (planes + depth_of (g) - 1) / planes + g->cout);
}

static gsize
numbers_of (const SagConv *self)
{
  return NUMBERS * (gsize) (self->n_panels * depth_of (&self->geometry) * self->kin * self->width);
}

gsize
sag_conv_winograd_weights (const SagConv *self)
{
  return numbers_of (self) / (self->precision == SAG_PRECISION_BF16 ? NUMBERS / 9 : 1);
}

/* An item: the same tiles of some planes of the output. */
typedef struct
{
  gint64 planes, tiles;  /* of each */
  gint64 seen;           /* planes of the input, transformed */
  gint64 step;           /* from a plane of an item to the next */
  gint64 stretches;      /* of planes * step planes each, of an image; 0: everything is one stretch, tiles counted
                          * over all planes and images */
  gint64 all, per_plane; /* tiles of a plane, or of everything; items that share them */
} Share;

/* What the tiles become should fit the second cache, and the threads share them. */
static Share
share_of (const SagConv *self)
{
  const SagConvGeometry *g = &self->geometry;
  gint64 mr = sag_kernels_get ()->gemm_f32[self->gemm].mr, depth = depth_of (g), teams = sag_parallel_get_size ();
  gint64 weights = (gint64) (numbers_of (self) * sizeof (float)); /* read once an item */
  gint64 planes = planes_of (g);
  gboolean apiece = planes > 1 || is_large (g); /* stretches in order */
  Share share = { .planes = planes, .step = planes > 1 ? apart (g, 0) : 1, .seen = planes + depth - 1 };
  gint64 one, most, whole = mr;

  share.stretches = apiece ? (g->out[0] + planes * share.step - 1) / (planes * share.step) : 0;
  share.all = apiece ? tiles_of (g) : g->batch * g->out[0] * tiles_of (g);
  while (whole % 2 == 0 && whole * planes > mr)
    whole /= 2;
  one = NUMBERS * (gint64) sizeof (float) * (self->kin * share.seen + self->nout * planes);
  most = MAX (MAX (TILE_BYTES, weights / 2) / one / whole, 1) * whole;
  share.tiles = planes > 1 ? share.all : (share.all + teams - 1) / teams;
  share.tiles = MIN (most, (share.tiles + whole - 1) / whole * whole);
  share.per_plane = (share.all + share.tiles - 1) / share.tiles;
  return share;
}

/* Floats of scratch a thread needs. */
static gsize
scratch_of (const SagConv *self, const Share *share)
{
  return NUMBERS * (gsize) share->tiles
         * (gsize) (self->kin * share->seen + (self->nout + 15) / 16 * 16 * share->planes);
}

gsize
sag_conv_winograd_scratch (const SagConv *self)
{
  Share share = share_of (self);

  return ((gsize) sag_parallel_get_size () * scratch_of (self, &share)
          + (self->precision == SAG_PRECISION_BF16 ? numbers_of (self) : 0)) * sizeof (float);
}

typedef struct
{
  const SagConv *conv;
  const float   *w;
  ptrdiff_t      sp, sj;
  guint16       *halves; /* BF16: kernels of nine, [n_panels][depth][kin][9][width] */
  float         *to;
} Packing;

/* Exact: a bfloat16 is the upper half of a float. */
static void
widen (gint64 n, const guint16 *from, float *to)
{
  for (gint64 i = 0; i < n; i++)
    {
      guint32 bits = (guint32) from[i] << 16;

      memcpy (to + i, &bits, sizeof bits);
    }
}

static gint64
rows_of (const SagConv *self)
{
  return self->n_panels * depth_of (&self->geometry) * self->kin;
}

/* A row of a panel: 36 numbers for each of its columns. Panels are [36][n_panels][depth][kin][width]. */
static void
pack_row (gsize row, int thread, gpointer data)
{
  const Packing *packing = data;
  const SagConv *c = packing->conv;
  gint64 p = (gint64) row % c->kin, z = (gint64) row / c->kin % depth_of (&c->geometry), width = c->width;
  gint64 first = (gint64) row / c->kin / depth_of (&c->geometry) * width, n = MIN (width, c->nout - first);
  guint16 *halves = packing->halves != NULL ? packing->halves + 9 * (gint64) row * width : NULL;
  float g[9][MAX_NR];

  for (gint64 j = 0; j < n && packing->w != NULL; j++)
    for (int i = 0; i < 9; i++)
      g[i][j] = packing->w[p * packing->sp + (first + j) * packing->sj + c->geometry.phases[0].taps[9 * z] + i];
  for (int i = 0; i < 9 && halves != NULL; i++)
    if (packing->w != NULL)
      for (gint64 j = 0; j < n; j++)
        halves[i * width + j] = sag_f32_to_bf16 (g[i][j]);
    else
      widen (n, halves + i * width, g[i]);
  if (packing->to != NULL)
    sag_kernels_get ()->weights.winograd ((gsize) n, g[0], MAX_NR, packing->to + (gint64) row * width, rows_of (c) * width);
}

void
sag_conv_winograd_pack (const SagConv *self, const float *w, ptrdiff_t sp, ptrdiff_t sj, float *packed)
{
  gboolean halves = self->precision == SAG_PRECISION_BF16;
  Packing packing = { self, w, sp, sj, halves ? (guint16 *) (packed + self->head) : NULL, halves ? NULL : packed + self->head };

  sag_parallel_for ((gsize) rows_of (self), pack_row, &packing);
}

typedef struct
{
  const SagStep       *step;
  const SagConv       *conv;
  const SagConvSource *sources;
  int                  n_sources;
  const float         *packed, *weights, *residual;
  float               *out, *scratch;
  const SagValue      *pooled;
  Share                share;
  gint64               first, n_items; /* of this call; of all */
} Job;

/* Where a tile lies, and which it is of its plane. */
typedef struct
{
  gint64 image, z, y, x;
  gint64 down, across;
} Place;

/* The first pixel of the tile that is number `tile` along an axis. */
static gint64
pixel_of (gint64 tile, gint64 step)
{
  return step == 1 ? 4 * tile : tile % step + tile / step * 4 * step;
}

/* Tile `tile`, counted from the first of plane `plane`, counted over all images. */
static Place
place_of (const SagConvGeometry *g, gint64 plane, gint64 tile)
{
  gint64 across = tiles_along (g, 2);
  Place place = { 0 };

  plane += tile / tiles_of (g);
  tile %= tiles_of (g);
  place = (Place){ .image = plane / g->out[0], .z = plane % g->out[0], .down = tile / across, .across = tile % across };
  place.y = pixel_of (place.down, apart (g, 1));
  place.x = pixel_of (place.across, apart (g, 2));
  return place;
}

/* To the tile after it, which may be the first of the next plane. */
static void
place_next (const SagConvGeometry *g, gint64 n_across, gint64 n_down, Place *place)
{
  if (++place->across == n_across)
    {
      place->across = 0;
      if (++place->down == n_down)
        {
          place->down = 0;
          if (++place->z == g->out[0])
            {
              place->z = 0;
              place->image++;
            }
        }
      place->y = pixel_of (place->down, apart (g, 1));
    }
  place->x = pixel_of (place->across, apart (g, 2));
}

/* The 36 numbers of the channels of a tile of the input, for one tap along z of an output at `place`. */
static void
tile_in (const Job *job, const Place *place, gint64 tap, float *v, ptrdiff_t ld)
{
  const SagConv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  const gint32 *offset = g->phases[0].offset + 27 * tap;
  gint64 z = place->z * g->in_step[0] + offset[0], step_y = apart (g, 1), step_x = apart (g, 2);
  gint64 top = place->y + offset[1], left = place->x + offset[2];
  gint64 first = ((place->image * g->in[0] + z) * g->in[1] + top) * g->in[2] + left; /* pixel */
  guint lines = 0, columns = 0; /* bits: those that lie in the image */

  for (int i = 0; i < 6; i++)
    {
      gint64 y = top + i * step_y, x = left + i * step_x;

      lines |= (guint) (z >= 0 && z < g->in[0] && y >= 0 && y < g->in[1]) << i;
      columns |= (guint) (x >= 0 && x < g->in[2]) << i;
    }
  for (const SagConvSource *source = job->sources; source < job->sources + job->n_sources; source++)
    {
      const float *rows[NUMBERS];
      gint64 line = step_y * g->in[2] * source->channels, pixel = step_x * source->channels;

      if (lines == 63 && columns == 63)
        for (int i = 0; i < 6; i++)
          for (int j = 0; j < 6; j++)
            rows[6 * i + j] = source->data + first * source->channels + i * line + j * pixel;
      else
        for (int i = 0; i < 6; i++)
          for (int j = 0; j < 6; j++)
            rows[6 * i + j] = (lines >> i & columns >> j & 1) != 0
                                  ? source->data + first * source->channels + i * line + j * pixel
                                  : job->packed + c->zeros;
      sag_kernels_get ()->winograd_in (&(SagWinogradInJob){ (gsize) source->channels, rows, v, ld });
      v += source->channels;
    }
}

/* A tile's pixels from its sums, and what follows them. */
static void
tile_out (const Job *job, const Place *place, const float *m, ptrdiff_t ld)
{
  const SagConv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  gint64 at = place->image * c->out_stride[0] + place->z * c->out_stride[1] + place->y * c->out_stride[2]
              + place->x * g->cout;
  gint64 step_y = apart (g, 1), step_x = apart (g, 2);
  float *rows[16];
  gboolean clamped = job->residual == NULL;
  gboolean more = c->lo == -INFINITY && c->hi == INFINITY;
  int run = step_x == 1 ? 4 : 1; /* pixels that lie beside each other */

  for (int i = 0; i < 16; i++)
    rows[i] = place->y + i / 4 * step_y < g->out[1] && place->x + i % 4 * step_x < g->out[2]
                  ? job->out + at + i / 4 * step_y * c->out_stride[2] + i % 4 * step_x * g->cout
                  : NULL;
  sag_kernels_get ()->winograd_out (&(SagWinogradOutJob){
      (gsize) c->nout, m, ld, job->packed + c->bias, rows, clamped ? c->lo : -INFINITY,
      clamped ? c->hi : INFINITY });
  for (int i = 0; i < 16 && (more || !clamped); i += run)
    {
      gsize n = 0;

      for (int j = 0; j < run && rows[i + j] != NULL; j++)
        n += (gsize) g->cout;
      if (n > 0 && !clamped)
        sag_kernels_get ()->add_clamp (n, rows[i], job->residual + (rows[i] - job->out), rows[i], c->lo, c->hi);
      if (n > 0 && more)
        sag_fused_apply (&c->fused, n, rows[i]);
    }
}

gboolean
sag_conv_winograd_pools (const SagConv *self)
{
  const SagConvGeometry *g = &self->geometry;

  return g->in[0] == 1 && g->out[0] == 1 && apart (g, 1) == 1 && apart (g, 2) == 1 && self->nout <= POOL_CHANNELS;
}

/* tile_out () of which only the largest of each 2 x 2 pixels are kept. */
static void
tile_pool (const Job *job, const Place *place, const float *m, ptrdiff_t ld)
{
  const SagConv *c = job->conv;
  const SagKernels *k = sag_kernels_get ();
  gint64 cout = c->geometry.cout, height = job->pooled->shape.dim[2], width = job->pooled->shape.dim[3];
  float pixels[16 * POOL_CHANNELS], *rows[16];

  for (int i = 0; i < 16; i++)
    rows[i] = place->y / 2 + i / 8 < height && place->x / 2 + i % 4 / 2 < width ? pixels + i * cout : NULL;
  k->winograd_out (&(SagWinogradOutJob){ (gsize) c->nout, m, ld, job->packed + c->bias, rows, c->lo, c->hi });
  for (int i = 0; i < 16; i += 2)
    if (rows[i] != NULL && c->lo == -INFINITY && c->hi == INFINITY)
      sag_fused_apply (&c->fused, (gsize) (2 * cout), rows[i]);
  for (int i = 0; i < 4; i++)
    {
      float **four = rows + i / 2 * 8 + i % 2 * 2;
      gint64 at = (place->image * height + place->y / 2 + i / 2) * width + place->x / 2 + i % 2;

      if (four[0] != NULL)
        k->reduce.max_of_rows (4, (gsize) cout, (const float *[]){ four[0], four[1], four[4], four[5] }, job->out + at * cout);
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
  const Share *share = &job->share;
  gint64 which = job->first + (gint64) item, stretch = which / (share->step * share->per_plane);
  gint64 image = stretch / MAX (1, share->stretches), group = which / share->per_plane % share->step;
  gint64 z = stretch % MAX (1, share->stretches) * share->planes * share->step + group;
  gint64 planes = MIN (share->planes, (g->out[0] - z + share->step - 1) / share->step);
  gint64 from = which % share->per_plane * share->tiles, n = MIN (share->tiles, share->all - from);
  gint64 depth = depth_of (g), seen = planes + depth - 1, mr = gemm->mr, ld_m = (c->nout + 15) / 16 * 16;
  gint64 n_down = tiles_along (g, 1), n_across = tiles_along (g, 2);
  float *v = job->scratch + (gsize) thread * scratch_of (c, share);
  float *m = v + NUMBERS * n * seen * c->kin;
  const float *w = job->weights;

  if (!sag_step_go_on (job->step, thread, (double) which / (double) job->n_items) || planes <= 0)
    return;
  for (gint64 plane = 0; plane < seen; plane++)
    {
      gint64 tap = MAX (0, plane - (planes - 1)); /* the least of those that see it */
      Place place = place_of (g, image * g->out[0] + z + (plane - tap) * share->step, from);

      for (gint64 i = plane * n; i < (plane + 1) * n; i++, place_next (g, n_across, n_down, &place))
        tile_in (job, &place, tap, v + i * c->kin, seen * n * c->kin);
    }
  for (gint64 number = 0; number < NUMBERS; number++, w += c->n_panels * depth * c->kin * c->width)
    for (gint64 i = 0; i < planes * n; i += mr)
      {
        const float *rows[MAX_DEPTH * MAX_MR];
        gint64 left = MIN (mr, planes * n - i);

        for (gint64 t = 0; t < depth; t++)
          for (gint64 r = 0; r < mr; r++)
            rows[t * mr + r] = v + ((number * seen + t) * n + i + MIN (r, left - 1)) * c->kin;
        for (gint64 panel = 0; panel < c->n_panels; panel++)
          gemm->fn (&(SagGemmF32Job){
              .m = (gsize) left, .n = (gsize) MIN (c->width, c->nout - panel * c->width), .taps = (gsize) depth,
              .k = (gsize) c->kin, .rows = rows, .w = w + panel * depth * c->kin * c->width, .init = none,
              .c = m + (number * planes * n + i) * ld_m + panel * c->width, .ldc = ld_m, .lo = -INFINITY,
              .hi = INFINITY });
      }
  for (gint64 plane = 0; plane < planes; plane++)
    {
      Place place = place_of (g, image * g->out[0] + z + plane * share->step, from);

      for (gint64 i = plane * n; i < (plane + 1) * n; i++, place_next (g, n_across, n_down, &place))
        (job->pooled != NULL ? tile_pool : tile_out) (job, &place, m + i * ld_m, planes * n * ld_m);
    }
}

void
sag_conv_winograd_run (const SagStep *step, const SagNode *node, const SagConvSource *sources, int n_sources,
                       const SagValue *pooled)
{
  const SagConv *c = node->state;
  const SagValue *residual = sag_conv_residual (node);
  const SagConvGeometry *g = &c->geometry;
  Job job = { .step = step, .conv = c, .sources = sources, .n_sources = n_sources, .packed = node->packed,
              .residual = residual != NULL ? residual->data : NULL, .out = pooled != NULL ? pooled->data : sag_node_output (node, 0)->data, .pooled = pooled,
              .scratch = step->scratch, .share = share_of (c) };
  gint64 per_stretch = job.share.step * job.share.per_plane;
  const float *in = sources[0].data;
  Packing packing = { .conv = c, .halves = (guint16 *) ((float *) node->packed + c->head), .to = job.scratch };

  g_assert (sag_kernels_get ()->gemm_f32[c->gemm].mr <= MAX_MR && c->width <= MAX_NR);
  job.n_items = MAX (1, g->batch * job.share.stretches) * per_stretch;
  job.weights = job.packed + c->head;
  if (c->precision == SAG_PRECISION_BF16) /* four times as many numbers are kept for the time of a run only */
    {
      sag_parallel_for ((gsize) rows_of (c), pack_row, &packing);
      job.weights = job.scratch;
      job.scratch += numbers_of (c);
    }
  if (step->node->trails == 0 || MAX (in, job.out) - MIN (in, job.out) >= g->batch * c->in_stride[0])
    {
      sag_parallel_for ((gsize) job.n_items, item_run, &job);
      return;
    }
  for (gint64 i = 0; i < job.n_items; i += per_stretch) /* away from where the output begins */
    {
      job.first = job.out > in ? job.n_items - per_stretch - i : i;
      sag_parallel_for ((gsize) per_stretch, item_run, &job);
    }
}
