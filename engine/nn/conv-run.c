/* SPDX-License-Identifier: Apache-2.0
 *
 * conv-run.c: convolutions of channels-last images, a block of pixels at a time, and what starts a run of any form.
 */
#include "engine/base/parallel.h"
#include "engine/nn/band.h"
#include "engine/nn/conv-run.h"
#include "engine/nn/op-util.h"

#include <math.h>
#include <string.h>

enum
{
  BLOCKS = 8,       /* blocks of pixels that share each panel of weights */
  MAX_MR = 32,      /* rows of a block, whatever the CPU */
  ITEM_WORK = 1 << 18, /* multiply-adds worth a task of their own */
};

/* Where the weights are that the form's kernel reads. */
static void
find_weights (SagConvJob *job)
{
  if (sag_conv_in_halves (job->conv))
    job->weights16 = (const guint16 *) (job->packed + job->conv->head);
  else
    job->weights = job->packed + job->conv->head;
}

void
sag_conv_finish (const SagConvJob *job, gint64 at, gint64 n)
{
  const SagConv *c = job->conv;
  float *y = job->out + (at - job->out_shift);

  if (c->bytes_out) /* done where they were made */
    return;
  if (job->residual == NULL)
    {
      if (c->lo == -INFINITY && c->hi == INFINITY)
        sag_fused_apply (&c->fused, (gsize) n, y);
      return;
    }
  job->k->add_clamp ((gsize) n, y, job->residual + at, y, c->lo, c->hi);
  if (c->lo == -INFINITY && c->hi == INFINITY)
    sag_fused_apply (&c->fused, (gsize) n, y);
}

SagIntEnd
sag_conv_end (const SagConvJob *job, gint64 first, void *out, gint64 at, gint64 ld)
{
  const SagConv *c = job->conv;
  gboolean clamp = job->residual == NULL || c->bytes_out;
  SagIntEnd end = { .kind = SAG_END_F32, .scale = job->factors + first,
                    .shift = job->packed + c->bias + first, .slope = 1, .lo = clamp ? c->lo : -INFINITY,
                    .hi = clamp ? c->hi : INFINITY, .out = out, .ld = ld };

  if (!c->bytes_out)
    return end;
  end.kind = SAG_END_U8;
  end.slope = c->slope;
  end.step = 1 / c->out_quantum.scale;
  end.zero = c->out_quantum.zero;
  if (job->residual != NULL)
    {
      end.residual = (const guint8 *) job->residual + at;
      end.residual_scale = c->residual_quantum.scale;
      end.residual_zero = c->residual_quantum.zero;
    }
  return end;
}

/* --- channels last ----------------------------------------------------------------------- */

/* Pixels of one phase that follow each other in its grid, in blocks of mr; as the pieces of lines they are. */
typedef struct
{
  gint64 at[3]; /* input z, y, x of the first under offset 0 */
  gint64 pixel; /* its element, channel 0 */
  int    first, n;
} Piece;

typedef struct
{
  int   n, mr;
  Piece pieces[BLOCKS * MAX_MR];
  int   piece_of[BLOCKS]; /* of a block's first pixel */
} Chunk;

static void
chunk_fill (Chunk *chunk, const SagConvJob *job, const SagConvPhase *phase, gint64 image,
            gint64 qz, gint64 qy, gint64 qx, int n)
{
  const SagConv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  int block = 0, pieces = 0;

  chunk->n = n;
  for (int i = 0; i < n; pieces++)
    {
      Piece *piece = &chunk->pieces[pieces];

      *piece = (Piece){ .at = { qz * g->in_step[0], qy * g->in_step[1], qx * g->in_step[2] }, .first = i,
                        .n = (int) MIN (phase->count[2] - qx, n - i) };
      piece->pixel = image * c->in_stride[0] + piece->at[0] * c->in_stride[1]
                     + piece->at[1] * c->in_stride[2] + piece->at[2] * g->cin - job->in_shift;
      for (i += piece->n; block * chunk->mr < i; block++)
        chunk->piece_of[block] = pieces;
      qx = 0;
      if (++qy == phase->count[1])
        {
          qy = 0;
          qz++;
        }
    }
}

/* The rows of `n` pixels of a line, `apart` bytes from each other; those from `low` to `high` are inside. */
static void
line_rows (const void **rows, int n, const char *first, gint64 apart, int low, int high, const void *zeros)
{
  for (int i = 0; i < low; i++)
    rows[i] = zeros;
  for (int i = low; i < high; i++)
    rows[i] = first + i * apart;
  for (int i = high; i < n; i++)
    rows[i] = zeros;
}

/* How many of `n` numbers first, first + step … are below `end`. */
static int
count_below (gint64 first, gint64 step, int n, gint64 end)
{
  return first + (n - 1) * step < end ? n : first >= end ? 0 : (int) ((end - first + step - 1) / step);
}

/* Rows of taps t0 .. t0 + taps - 1 for block b: rows[t * ld + i], spare ones repeat the last. */
static void
chunk_rows (const Chunk *chunk, const SagConvJob *job, const SagConvPhase *phase, int b, int t0, int taps,
            gint64 channel, const void **rows, int ld)
{
  const SagConv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  gboolean int8 = sag_conv_on_bytes (c);
  const char *in = int8 ? (const char *) job->bytes : (const char *) job->in;
  const void *zeros = int8 ? (const void *) job->pads : job->packed + c->zeros;
  gint64 size = int8 ? 1 : sizeof (float), step = g->in_step[2];
  int first = b * chunk->mr, end = MIN (first + chunk->mr, chunk->n);

  for (int i = first; i < end;)
    {
      const Piece *piece = &chunk->pieces[chunk->piece_of[b]];
      int n;

      while (i >= piece->first + piece->n)
        piece++;
      n = MIN (piece->first + piece->n, end) - i;
      for (int t = 0; t < taps; t++)
        {
          const gint32 *offset = phase->offset + 3 * (t0 + t);
          guint64 z = (guint64) (piece->at[0] + offset[0]), y = (guint64) (piece->at[1] + offset[1]);
          gint64 before = (i - piece->first) * step, x = piece->at[2] + before + offset[2];
          gboolean inside = z < (guint64) g->in[0] && y < (guint64) g->in[1];
          gint64 at = piece->pixel + channel + offset[0] * c->in_stride[1] + offset[1] * c->in_stride[2]
                      + (before + offset[2]) * g->cin;

          line_rows (rows + t * ld + (i - first), n, in + at * size, step * g->cin * size,
                     inside ? count_below (x, step, n, 0) : n, inside ? count_below (x, step, n, g->in[2]) : n, zeros);
        }
      i += n;
    }
  for (int t = 0; t < taps; t++)
    for (int i = end - first; i < chunk->mr; i++)
      rows[t * ld + i] = rows[t * ld + end - first - 1];
}

/* How many taps from the first on lie beside each other. */
static gsize
taps_beside (const SagConvPhase *phase)
{
  int n = 1;

  for (const gint32 *o = phase->offset; n < phase->n_taps && o[3] == o[0] && o[4] == o[1] && o[5] == o[2] + 1; o += 3)
    n++;
  return (gsize) n;
}

/* Depthwise on bytes: all pixels at once, as the weights are made ready anew at each call. */
static void
chunk_depthwise (const Chunk *chunk, const SagConvJob *job, int p, gint64 at, gint64 ldc)
{
  const SagConv *c = job->conv;
  const SagConvPhase *phase = &c->geometry.phases[p];
  const void *rows[SAG_CONV_TAPS * BLOCKS * MAX_MR];
  void *out = c->bytes_out ? (void *) ((guint8 *) job->out + (at - job->out_shift))
                           : (void *) (job->out + (at - job->out_shift));

  for (int b = 0; b * chunk->mr < chunk->n; b++)
    chunk_rows (chunk, job, phase, b, 0, phase->n_taps, 0, rows + b * chunk->mr, BLOCKS * MAX_MR);
  job->k->bytes.depthwise (&(SagDepthwiseU8Job){
      .m = (gsize) chunk->n, .c = (gsize) c->nout, .taps = (gsize) phase->n_taps,
      .rows = (const guint8 *const *) rows, .ld_rows = BLOCKS * MAX_MR,
      .w = (const gint8 *) job->weights + c->weights[p], .init = job->starts + p * c->nout,
      .end = sag_conv_end (job, 0, out, at, ldc) });
}

/* The channels of panels from `first` to `last` of a chunk's pixels; pixel i goes to element at + i * ldc of
 * the output. */
static void
chunk_run (const Chunk *chunk, const SagConvJob *job, int p, gint64 at, gint64 ldc, gint64 first, gint64 last)
{
  const SagConv *c = job->conv;
  const SagConvPhase *phase = &c->geometry.phases[p];
  int n_blocks = (chunk->n + chunk->mr - 1) / chunk->mr;
  const void *rows[BLOCKS][SAG_CONV_TAPS * MAX_MR];
  gsize beside = taps_beside (phase);

  if (sag_conv_on_bytes (c) && c->form == SAG_CONV_LAST_DEPTHWISE)
    {
      chunk_depthwise (chunk, job, p, at, ldc);
      return;
    }
  for (gint64 group = 0; group < c->groups; group++)
    for (int t0 = 0; t0 == 0 || t0 < phase->n_taps; t0 += SAG_CONV_TAPS)
      {
        int taps = MIN (SAG_CONV_TAPS, phase->n_taps - t0);
        gboolean clamp = t0 + taps == phase->n_taps && job->residual == NULL;
        float lo = clamp ? c->lo : -INFINITY, hi = clamp ? c->hi : INFINITY;

        for (int b = 0; b < n_blocks; b++)
          chunk_rows (chunk, job, phase, b, t0, taps, group * c->kin, rows[b], chunk->mr);
        for (gint64 panel = first; panel < last; panel++)
          {
            gint64 column = group * c->nout + panel * c->width;
            gint64 block = (group * c->n_panels + panel) * phase->n_taps + t0;
            gsize w = c->weights[p] + (gsize) (block * c->kin * c->width);
            const float *init = job->packed + c->bias + (group * c->n_panels + panel) * c->width;

            for (int b = 0; b < n_blocks; b++)
              {
                gsize m = (gsize) MIN (chunk->n - b * chunk->mr, chunk->mr);
                gsize n = (gsize) MIN (c->width, c->nout - panel * c->width);
                gint64 to_at = at + b * chunk->mr * ldc + column;
                float *to = job->out + (to_at - job->out_shift);

                if (sag_conv_on_bytes (c))
                  job->k->gemm_u8.fn (&(SagGemmU8Job){
                    .m = m, .n = n, .taps = (gsize) taps, .k = (gsize) c->kin,
                    .rows = (const guint8 *const *) rows[b], .run = beside,
                    .w = (const gint8 *) job->weights + c->weights[p] + panel * sag_conv_steps (c, p) * 4 * c->width,
                    .init = job->starts + (p * c->n_panels + panel) * c->width,
                    .end = sag_conv_end (job, panel * c->width,
                                   c->bytes_out ? (void *) ((guint8 *) job->out + (to_at - job->out_shift)) : (void *) to,
                                   to_at, ldc) });
                else if (c->form == SAG_CONV_LAST_DEPTHWISE)
                  job->k->depthwise_f32 (&(SagDepthwiseF32Job){
                    .m = m, .c = n, .taps = (gsize) taps, .rows = (const float *const *) rows[b],
                    .ld_rows = (gsize) chunk->mr, .w = job->weights + w, .init = t0 == 0 ? init : NULL, .out = to,
                    .ld_out = ldc, .lo = lo, .hi = hi });
                else if (job->weights == NULL)
                  job->k->gemm_bf16[c->gemm].fn (&(SagGemmBf16Job){
                    .m = m, .n = n, .taps = (gsize) taps, .k = (gsize) c->kin, .rows = (const float *const *) rows[b],
                    .w = job->weights16 + w, .init = t0 == 0 ? init : NULL, .c = to, .ldc = ldc,
                    .lo = lo, .hi = hi });
                else
                  job->k->gemm_f32[c->gemm].fn (&(SagGemmF32Job){
                    .m = m, .n = n, .taps = (gsize) taps, .k = (gsize) c->kin, .rows = (const float *const *) rows[b],
                    .w = job->weights + w, .init = t0 == 0 ? init : NULL, .c = to, .ldc = ldc,
                    .lo = lo, .hi = hi });
              }
          }
      }
}

static int
block_rows (const SagConvJob *job)
{
  if (job->conv->form == SAG_CONV_LAST && sag_conv_on_bytes (job->conv))
    return (int) job->k->gemm_u8.mr;
  return job->conv->form == SAG_CONV_LAST ? (int) job->k->gemm_f32[job->conv->gemm].mr : 12;
}

/* After the last product of an item. */
static void
item_done (const SagConvJob *job)
{
  if (job->k->gemm_u8.done != NULL && sag_conv_on_bytes (job->conv))
    job->k->gemm_u8.done ();
}

/* Pixels from .. to - 1 of an image, the channels of panels first .. last - 1. */
static void
last_pixels (const SagConvJob *job, gint64 image, gint64 from, gint64 to, gint64 first, gint64 last)
{
  const SagConv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  gint64 column = first * c->width, end = MIN (last * c->width, c->nout);
  Chunk chunk = { .mr = block_rows (job) };

  for (gint64 i = from; i < to; i += chunk.n)
    {
      gint64 at = image * c->out_stride[0] + i * g->cout;

      chunk_fill (&chunk, job, g->phases, image, i / (g->out[1] * g->out[2]), i / g->out[2] % g->out[1],
                  i % g->out[2], (int) MIN (BLOCKS * chunk.mr, to - i));
      if (c->turned)
        {
          float pixels[BLOCKS * MAX_MR * SAG_CONV_TURNED_N];
          SagConvJob here = *job;

          here.out = pixels;
          chunk_run (&chunk, &here, 0, 0, g->cout, first, last);
          sag_conv_finish (&here, 0, chunk.n * g->cout);
          job->k->transpose_f32 ((gsize) chunk.n, (gsize) g->cout, pixels, g->cout,
                                 job->out + (image * c->out_stride[0] + i), c->out_stride[3]);
          continue;
        }
      chunk_run (&chunk, job, 0, at, g->cout, first, last);
      if (job->parts <= 1)
        sag_conv_finish (job, at, chunk.n * g->cout);
      else
        for (int j = 0; j < chunk.n; j++)
          sag_conv_finish (job, at + j * g->cout + column, end - column);
    }
}

/* Convolution: all pixels of an image are one stretch. */
static void
last_item (gsize item, int thread, gpointer data)
{
  const SagConvJob *job = data;
  const SagConv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  gint64 n = g->out[0] * g->out[1] * g->out[2], per_image = job->n_items / job->parts / g->batch;
  gint64 part = (gint64) item / (per_image * g->batch), piece = (gint64) item % (per_image * g->batch);
  gint64 image = piece / per_image, from = piece % per_image * job->per_item;
  gint64 first = part * job->per_part;

  if (!sag_step_go_on (job->step, thread, (double) item / (double) job->n_items))
    return;
  last_pixels (job, image, from, MIN (from + job->per_item, n), first,
               MIN (first + job->per_part, c->n_panels));
  item_done (job);
}

/* Transposed: lines, and in each the phases along x one after the other. */
static void
last_line_item (gsize item, int thread, gpointer data)
{
  const SagConvJob *job = data;
  const SagConv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  gint64 from = (gint64) item * job->per_item;
  gint64 to = MIN (from + job->per_item, g->batch * g->out[0] * g->out[1]);
  Chunk chunk = { .mr = block_rows (job) };

  if (!sag_step_go_on (job->step, thread, (double) item / (double) job->n_items))
    return;
  for (gint64 i = from; i < to; i++)
    {
      gint64 image = i / (g->out[0] * g->out[1]), z = i / g->out[1] % g->out[0], y = i % g->out[1];
      gint64 at = image * c->out_stride[0] + z * c->out_stride[1] + y * c->out_stride[2];
      int p = (int) (((z % g->out_step[0]) * g->out_step[1] + y % g->out_step[1]) * g->out_step[2]);

      for (gint64 r = 0; r < g->out_step[2]; r++, p++)
        for (gint64 q = 0; q < g->phases[p].count[2]; q += chunk.n)
          {
            chunk_fill (&chunk, job, &g->phases[p], image, z / g->out_step[0], y / g->out_step[1], q,
                        (int) MIN (BLOCKS * chunk.mr, g->phases[p].count[2] - q));
            chunk_run (&chunk, job, p, at + (q * g->out_step[2] + r) * g->cout,
                       g->out_step[2] * g->cout, 0, c->n_panels);
          }
      sag_conv_finish (job, at, g->out[2] * g->cout);
    }
  item_done (job);
}

/* --- both -------------------------------------------------------------------------------- */

gboolean
sag_conv_has_bands (const SagNode *node)
{
  const SagConv *c = node->state;
  const SagConvGeometry *g = &c->geometry;

  if (c->dynamic || g->transposed || g->in[0] != 1 || g->out[0] != 1)
    return FALSE;
  if (c->bytes_in) /* larger kernels of all channels lose more by short bands than bytes cost to move */
    return sag_conv_on_bytes (c) && ((c->form == SAG_CONV_LAST && g->kernel_size == 1) || c->square);
  return c->precision < SAG_PRECISION_INT8 && !c->bytes_out && c->form != SAG_CONV_WINOGRAD;
}

/* What products on bytes read beside them. */
static void
use_constants (SagConvJob *job, const guint8 *constants)
{
  job->starts = (const void *) (constants + job->conv->starts);
  job->factors = (const void *) (constants + job->conv->factors);
  job->pads = constants + job->conv->pads;
  if (job->conv->precision == SAG_PRECISION_INT4)
    job->weights = (const float *) (const void *) (constants + job->conv->unpacked);
}

void
sag_conv_begin (const SagNode *node, void *constants)
{
  sag_conv_int8_fill (node->state, NULL, node->packed, constants);
}

void
sag_conv_run_band (const SagNode *node, const SagBand *band)
{
  const SagConv *c = node->state;
  const SagValue *residual = sag_conv_residual (node);
  SagConvJob job = {
    .conv = c, .k = sag_kernels_get (), .packed = node->packed, .in = band->in, .out = band->out,
    .residual = residual != NULL ? residual->data : NULL,
  };

  find_weights (&job);
  if (band->in == NULL)
    job.in = sag_node_input (node, 0)->data;
  else
    job.in_shift = band->image * c->in_stride[0] + band->in_first * c->in_stride[2];
  job.in_ring = band->in_ring;
  job.in_turn = band->in_ring > 0 ? band->in_first + band->in_ring : G_MAXINT64;
  if (band->out == NULL)
    job.out = sag_node_output (node, 0)->data;
  else
    job.out_shift = band->image * c->out_stride[0] + band->out_first * c->out_stride[2];
  if (c->bytes_in)
    {
      job.bytes = (const guint8 *) job.in;
      job.pad = (guint8) c->quantum.zero;
      use_constants (&job, band->constants);
    }
  if (!c->square && (c->form == SAG_CONV_LAST || c->form == SAG_CONV_LAST_DEPTHWISE))
    last_pixels (&job, band->image, band->from * c->geometry.out[2], band->to * c->geometry.out[2], 0,
                 c->n_panels);
  else
    sag_conv_run_lines (&job, band->image, 0, band->from, band->to);
}

void
sag_conv_run (const SagStep *step)
{
  const SagNode *node = step->node;
  const SagConv *c = node->state;
  const SagConvGeometry *g = &c->geometry;
  const SagValue *bias = sag_conv_bias (node), *residual = sag_conv_residual (node);
  gint64 lines = g->batch * g->out[0] * g->out[1], pixels = g->out[0] * g->out[1] * g->out[2];
  SagConvJob job = {
    .step = step, .conv = c, .k = sag_kernels_get (), .in = sag_step_in (step, 0),
    .packed = c->dynamic ? step->scratch : node->packed, .out = sag_step_out (step, 0),
    .residual = residual != NULL ? residual->data : NULL, .in_turn = G_MAXINT64,
  };
  gboolean last = c->form == SAG_CONV_LAST || c->form == SAG_CONV_LAST_DEPTHWISE;
  double work = (double) node->macs / (double) MAX (1, lines * g->out[2]); /* a pixel's */

  if (lines * g->out[2] == 0)
    return;
  if (c->form == SAG_CONV_WINOGRAD)
    {
      sag_conv_winograd_run (step, node, &(SagConvSource){ job.in, g->cin }, 1, NULL);
      return;
    }
  if (c->dynamic)
    sag_conv_pack (c, sag_step_in (step, 1), bias != NULL ? bias->data : NULL, step->scratch);

  find_weights (&job);
  if (sag_conv_on_bytes (c))
    {
      const guint8 *at = step->scratch;

      job.pad = sag_conv_int8_fill (c, job.in, job.packed, step->scratch);
      job.bytes = c->bytes_in ? (const guint8 *) job.in : at;
      use_constants (&job, at);
    }
  g_assert (block_rows (&job) <= MAX_MR);
  if (last && !g->transposed && !c->square)
    {
      gint64 chunk = BLOCKS * block_rows (&job);

      job.per_item = chunk * (gint64) (1 + ITEM_WORK / (work * (double) chunk + 1));
      job.per_item = MIN (job.per_item, (pixels + chunk - 1) / chunk * chunk);
      job.n_items = g->batch * ((pixels + job.per_item - 1) / job.per_item);
      job.parts = 1;
      job.per_part = c->n_panels;
      if (job.n_items < 4 * sag_parallel_get_size () && c->groups == 1 && !c->turned && node->macs > 2 * ITEM_WORK)
        {
          gint64 wanted = MIN (2 * sag_parallel_get_size (), node->macs / ITEM_WORK);

          job.per_part = MAX (1, c->n_panels / wanted);
          job.parts = (c->n_panels + job.per_part - 1) / job.per_part;
          job.n_items *= job.parts;
        }
      sag_parallel_for ((gsize) job.n_items, last_item, &job);
      return;
    }
  job.per_item = MIN (lines, (gint64) (1 + ITEM_WORK / (work * (double) g->out[2] + 1)));
  if (c->square) /* its weights are made ready at each call */
    job.per_item = MAX (job.per_item, MIN (16, lines / (2 * sag_parallel_get_size ())));
  job.n_items = (lines + job.per_item - 1) / job.per_item;
  job.n_lines = lines;
  if (c->planes_in || c->planes_out)
    sag_conv_run_planes (&job);
  else if (last && !c->square)
    sag_parallel_for ((gsize) job.n_items, last_line_item, &job);
  else
    sag_conv_run_rows (&job);
}
