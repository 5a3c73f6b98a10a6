/* SPDX-License-Identifier: Apache-2.0
 *
 * conv-planes.c: convolutions of volumes that lie as bytes though their range is found at run time: each plane with a
 * quantum of its own, from its own least and greatest. A plane of the output is made in floats, then stored; what the
 * kernel's taps in one plane of the input add up to is exact, and such sums are added as floats, plane by plane.
 */
#include "engine/base/parallel.h"
#include "engine/nn/conv-run.h"
#include "engine/nn/op-util.h"

#include <math.h>

enum { PIECE_X = 256 }; /* pixels of the line that a plane's sums are added from */

void
sag_conv_find_depths (SagConv *self)
{
  const SagConvPhase *phase = self->geometry.phases;

  self->n_depths = 0;
  for (int t = 0; t < phase->n_taps; t++)
    if (t == 0 || phase->offset[3 * t] != phase->offset[3 * (t - 1)])
      self->depths[self->n_depths++] = (guint8) t;
  self->depths[self->n_depths] = (guint8) phase->n_taps;
}

/* The plane of the input that depth `d` of an output in plane z sees, or -1. */
static gint64
plane_seen (const SagConv *c, int d, gint64 z)
{
  const SagConvGeometry *g = &c->geometry;
  gint64 seen = z * g->in_step[0] + g->phases[0].offset[3 * c->depths[d]];

  return seen >= 0 && seen < g->in[0] ? seen : -1;
}

/* Of outputs in plane z: zero points times sums of weights, and scales. */
static void
fill_plane (const SagConvJob *job, gint64 image, gint64 z)
{
  const SagConv *c = job->conv;
  const SagQuantum *planes = sag_node_input (job->step->node, 0)->planes + image * c->geometry.in[0];
  gint64 columns = c->n_panels * c->width;
  const float *scales = job->packed + c->scales;
  const gint32 *sums = (const gint32 *) (gconstpointer) (job->packed + c->sums);
  gint32 *starts = (gint32 *) job->starts;
  float *factors = (float *) job->factors;

  for (int d = 0; d < c->n_depths; d++)
    {
      gint64 seen = plane_seen (c, d, z);

      for (gint64 j = 0; seen >= 0 && j < columns; j++)
        {
          starts[d * columns + j] = -planes[seen].zero * sums[d * columns + j];
          factors[d * columns + j] = planes[seen].scale * scales[j];
        }
    }
}

/* What depth `d` adds. */
static void
depth_sums (const SagConvJob *job, int d, gint64 seen, gint64 image, gint64 qy, gint64 panel, gint64 q0, gint64 n,
            const SagIntEnd *end)
{
  const SagConv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  gint64 quads = (c->kin + 3) / 4, pitch = 4 * g->in[2], columns = c->n_panels * c->width;
  int first = c->depths[d], taps = c->depths[d + 1] - first;
  const guint8 *rows[SAG_CONV_TAPS];
  ptrdiff_t dx[SAG_CONV_TAPS];

  for (int t = 0; t < taps; t++)
    {
      const gint32 *offset = g->phases[0].offset + 3 * (first + t);
      gint64 y = qy * g->in_step[1] + offset[1];

      rows[t] = y >= 0 && y < g->in[1] ? job->bytes + ((image * g->in[0] + seen) * g->in[1] + y) * quads * pitch : NULL;
      dx[t] = offset[2] + q0 * g->in_step[2];
    }
  job->k->conv_row_u8.fn (&(SagConvRowU8Job){
      .taps = (gsize) taps, .quads = (gsize) quads, .rows = rows, .dx = dx, .width = (gsize) g->in[2], .pitch = pitch,
      .stride = (gsize) g->in_step[2],
      .pad = (guint8) sag_node_input (job->step->node, 0)->planes[image * g->in[0] + seen].zero,
      .w = (const gint8 *) job->weights + c->weights[0] + (panel * sag_conv_steps (c, 0) + first * quads) * 4 * c->width,
      .n = (gsize) MIN (c->width, c->nout - panel * c->width), .nw = (gsize) c->width,
      .init = job->starts + d * columns + panel * c->width, .x0 = 0, .nx = (gsize) n, .end = *end });
}

void
sag_conv_planes_panel (const SagConvJob *job, gint64 image, gint64 qz, gint64 qy, gint64 panel, gint64 q0, gint64 n,
                       float *out, gint64 ld)
{
  static const float none[SAG_CONV_PHASE_N] = { 0 };
  const SagConv *c = job->conv;
  gint64 column = panel * c->width, columns = c->n_panels * c->width, m = MIN (c->width, c->nout - column);
  const float *bias = job->packed + c->bias + column;
  float lo = job->residual == NULL ? c->lo : -INFINITY, hi = job->residual == NULL ? c->hi : INFINITY;
  float piece[SAG_CONV_PHASE_N][PIECE_X];
  int last = -1;
  gboolean begun = FALSE;

  for (int d = 0; d < c->n_depths; d++)
    last = plane_seen (c, d, qz) >= 0 ? d : last;
  for (gint64 j = 0; last < 0 && j < m; j++) /* all is padding */
    for (gint64 i = 0; i < n; i++)
      out[j * ld + i] = bias[j] < lo ? lo : bias[j] > hi ? hi : bias[j];
  for (int d = 0; d <= last; d++)
    {
      gint64 seen = plane_seen (c, d, qz);
      gboolean clamp = d == last;
      SagIntEnd end = { .kind = SAG_END_F32, .scale = job->factors + d * columns + column,
                        .shift = begun ? none : bias, .slope = 1, .lo = clamp && !begun ? lo : -INFINITY,
                        .hi = clamp && !begun ? hi : INFINITY, .out = begun ? piece[0] : out,
                        .ld = begun ? PIECE_X : ld };

      if (seen < 0)
        continue;
      if (!begun)
        depth_sums (job, d, seen, image, qy, panel, q0, n, &end);
      for (gint64 i = 0; begun && i < n; i += PIECE_X)
        {
          gint64 nx = MIN (PIECE_X, n - i);

          depth_sums (job, d, seen, image, qy, panel, q0 + i, nx, &end);
          for (gint64 j = 0; j < m; j++)
            job->k->add_clamp ((gsize) nx, out + j * ld + i, piece[j], out + j * ld + i, clamp ? lo : -INFINITY,
                               clamp ? hi : INFINITY);
        }
      begun = TRUE;
    }
}

/* --- whole runs ---------------------------------------------------------------------------- */

typedef struct
{
  SagConvJob  job;
  gint64      plane; /* of all images */
  float      *made;  /* planes_out: it, and of each line the least and the greatest */
  float      *extremes;
  SagQuantum *quantum;
  guint8     *out;
} Plane;

static void
make_lines (gsize item, int thread, gpointer data)
{
  const Plane *self = data;
  const SagConv *c = self->job.conv;
  const SagConvGeometry *g = &c->geometry;
  const SagReduce *reduce = &self->job.k->reduce;
  gint64 from = (gint64) item * self->job.per_item, to = MIN (from + self->job.per_item, g->out[1]);
  double done = (double) (self->plane * g->out[1] + from) / (double) (g->batch * g->out[0] * g->out[1]);

  if (!sag_step_go_on (self->job.step, thread, done))
    return;
  sag_conv_run_lines (&self->job, self->plane / g->out[0], self->plane % g->out[0], from, to);
  for (gint64 y = from; c->planes_out && y < to; y++)
    {
      const float *line = self->made + y * c->out_stride[2];

      self->extremes[2 * y] = reduce->min ((gsize) c->out_stride[2], line);
      self->extremes[2 * y + 1] = reduce->max ((gsize) c->out_stride[2], line);
    }
}

static void
store_lines (gint64 y, gint64 to, int thread, gpointer data)
{
  const Plane *self = data;
  const SagConv *c = self->job.conv;
  gint64 width = c->geometry.out[2];

  for (; y < to; y++)
    for (gint64 j = 0; j < c->nout; j += 4)
      {
        const float *line = self->made + y * c->out_stride[2] + j * width;
        const float *four[4] = { line, line + width, line + 2 * width, line + 3 * width };

        self->job.k->quantize.to_u8x4 ((gsize) width, four, self->quantum->scale, self->quantum->zero,
                                       self->out + y * c->out_stride[2] + j * width);
      }
}

void
sag_conv_run_planes (SagConvJob *job)
{
  const SagConv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  SagQuantum *planes = sag_node_output (job->step->node, 0)->planes;
  gint64 n = g->batch * g->out[0];
  gboolean back = job->out > job->in; /* if it trails the input, away from where it begins */
  Plane self = { .job = *job };

  if (c->planes_out)
    {
      self.made = (float *) (gpointer) ((guint8 *) job->step->scratch + c->plane);
      self.extremes = (float *) (gpointer) ((guint8 *) job->step->scratch + c->extremes);
      self.job.out = self.made;
    }
  for (gint64 i = 0; i < n; i++)
    {
      float least = 0, most = 0;

      self.plane = back ? n - 1 - i : i;
      if (c->planes_out)
        self.job.out_shift = self.plane / g->out[0] * c->out_stride[0] + self.plane % g->out[0] * c->out_stride[1];
      if (c->planes_in)
        fill_plane (job, self.plane / g->out[0], self.plane % g->out[0]);
      sag_parallel_for ((gsize) ((g->out[1] + job->per_item - 1) / job->per_item), make_lines, &self);
      if (!c->planes_out)
        continue;
      for (gint64 y = 0; y < g->out[1]; y++)
        {
          least = self.extremes[2 * y] < least ? self.extremes[2 * y] : least;
          most = self.extremes[2 * y + 1] > most ? self.extremes[2 * y + 1] : most;
        }
      self.quantum = planes + self.plane;
      *self.quantum = sag_int8_quantum (least, most);
      self.out = (guint8 *) job->out + self.plane * c->out_stride[1];
      sag_range_run (g->out[1], 4, store_lines, &self);
    }
}
