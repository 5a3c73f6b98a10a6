/* SPDX-License-Identifier: Apache-2.0
 *
 * conv-rows.c: convolutions a line at a time, or a few of a depthwise layer: of row-interleaved images, and
 * depthwise ones of bytes with channels last.
 */
#include "engine/base/parallel.h"
#include "engine/nn/conv-run.h"
#include "engine/nn/op-util.h"

#include <math.h>

enum
{
  PHASE_X = 256,     /* pixels of the line that phases along x are woven from */
  SQUARE_LINES = 16, /* of a call */
};

/* One panel of rows_panel() below, on bytes. */
static void
rows_panel_int8 (const SagConvJob *job, int p, gint64 image, gint64 qz, gint64 qy, gint64 panel, gint64 q0,
                 gint64 n, float *out, gint64 ld)
{
  const SagConv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  const SagConvPhase *phase = &g->phases[p];
  gint64 first = panel * c->width, quads = (c->kin + 3) / 4, pitch = 4 * g->in[2];
  const guint8 *rows[SAG_CONV_TAPS];
  ptrdiff_t dx[SAG_CONV_TAPS];
  SagConvRowU8Job row;

  for (int t = 0; t < phase->n_taps; t++)
    {
      const gint32 *offset = phase->offset + 3 * t;
      gint64 z = qz * g->in_step[0] + offset[0], y = qy * g->in_step[1] + offset[1];
      gboolean inside = z >= 0 && z < g->in[0] && y >= 0 && y < g->in[1];

      rows[t] = inside ? job->bytes + ((image * g->in[0] + z) * g->in[1] + y) * quads * pitch : NULL;
      dx[t] = offset[2] + q0 * g->in_step[2];
    }
  row = (SagConvRowU8Job){
    .taps = (gsize) phase->n_taps, .quads = (gsize) quads, .rows = rows, .dx = dx,
    .width = (gsize) g->in[2], .pitch = pitch, .stride = (gsize) g->in_step[2], .pad = job->pad,
    .w = (const gint8 *) job->weights + c->weights[p] + panel * sag_conv_steps (c, p) * 4 * c->width,
    .n = (gsize) MIN (c->width, c->nout - first), .nw = (gsize) c->width,
    .init = job->starts + p * c->n_panels * c->width + first, .x0 = 0, .nx = (gsize) n,
    .end = sag_conv_end (job, first, out, 4 * (out - job->out), c->bytes_out ? 4 * ld : ld) };
  job->k->conv_row_u8.fn (&row);
}

/* rows_panel() below of a depthwise layer, and of `lines` lines of a phase that follow each other. */
static void
depthwise_rows (const SagConvJob *job, int p, gint64 image, gint64 qz, gint64 qy, gint64 lines, gint64 panel, gint64 q0,
                gint64 n, float *out, gint64 ld)
{
  const SagConv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  const SagConvPhase *phase = &g->phases[p];
  gint64 first = panel * c->width, start = image * c->in_stride[0] + first * c->in_stride[3] - job->in_shift;
  const float *rows[SAG_DEPTHWISE_LINES * SAG_DEPTHWISE_TAPS];
  ptrdiff_t dx[SAG_DEPTHWISE_TAPS];
  SagDepthwiseRowF32Job row = {
    .lines = (gsize) lines, .rows = rows, .dx = dx, .width = (gsize) g->in[2], .pitch = c->in_stride[3],
    .stride = (gsize) g->in_step[2], .w = job->weights + c->weights[p] + panel * phase->n_taps * c->width,
    .n = (gsize) MIN (c->width, c->nout - first), .nw = (gsize) c->width, .init = job->packed + c->bias + first,
    .out = out, .ld_out = ld, .ld_line = c->out_stride[2], .nx = (gsize) n, .lo = -INFINITY, .hi = INFINITY,
  };

  for (int t0 = 0; t0 == 0 || t0 < phase->n_taps; t0 += SAG_DEPTHWISE_TAPS)
    {
      int taps = MIN (SAG_DEPTHWISE_TAPS, phase->n_taps - t0);

      for (int i = 0; i < lines * taps; i++)
        {
          const gint32 *offset = phase->offset + 3 * (t0 + i % taps);
          gint64 z = qz * g->in_step[0] + offset[0], y = (qy + i / taps) * g->in_step[1] + offset[1];
          gboolean inside = z >= 0 && z < g->in[0] && y >= 0 && y < g->in[1];

          rows[i] = inside ? job->in + (start + z * c->in_stride[1] + sag_conv_line_at (job, y)) : NULL;
          dx[i % taps] = offset[2] + q0 * g->in_step[2];
        }
      row.taps = (gsize) taps;
      if (t0 + taps == phase->n_taps && job->residual == NULL)
        {
          row.lo = c->lo;
          row.hi = c->hi;
        }
      job->k->depthwise_row_f32 (&row);
      row.w += taps * c->width;
      row.init = NULL;
    }
}

/* Sums of products on floats, of outputs `first` .. first + m - 1 of a group: whole panels but for the last. */
static void
rows_sums (const SagConvJob *job, int p, gint64 image, gint64 qz, gint64 qy, gint64 group, gint64 first, gint64 m,
           gint64 q0, gint64 n, float *out, gint64 ld)
{
  const SagConv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  const SagConvPhase *phase = &g->phases[p];
  gint64 start = image * c->in_stride[0] + group * c->kin * c->in_stride[3] - job->in_shift;
  const float *rows[SAG_CONV_TAPS];
  ptrdiff_t dx[SAG_CONV_TAPS];
  SagConvRowF32Job row = {
    .k = (gsize) c->kin, .rows = rows, .dx = dx, .width = (gsize) g->in[2],
    .pitch = c->in_stride[3], .stride = (gsize) g->in_step[2],
    .w = job->weights + c->weights[p] + (group * c->n_panels * c->width + first) * phase->n_taps * c->kin,
    .n = (gsize) m, .nw = (gsize) c->width, .ld_w = phase->n_taps * c->kin * c->width,
    .init = job->packed + c->bias + group * c->n_panels * c->width + first,
    .out = out, .ld_out = ld, .x0 = 0, .nx = (gsize) n, .lo = -INFINITY, .hi = INFINITY,
  };

  for (int t0 = 0; t0 == 0 || t0 < phase->n_taps; t0 += SAG_CONV_TAPS)
    {
      int taps = MIN (SAG_CONV_TAPS, phase->n_taps - t0);

      for (int t = 0; t < taps; t++)
        {
          const gint32 *offset = phase->offset + 3 * (t0 + t);
          gint64 z = qz * g->in_step[0] + offset[0], y = qy * g->in_step[1] + offset[1];
          gboolean inside = z >= 0 && z < g->in[0] && y >= 0 && y < g->in[1];

          rows[t] = inside ? job->in + (start + z * c->in_stride[1] + sag_conv_line_at (job, y)) : NULL;
          dx[t] = offset[2] + q0 * g->in_step[2];
        }
      row.taps = (gsize) taps;
      if (t0 + taps == phase->n_taps && job->residual == NULL)
        {
          row.lo = c->lo;
          row.hi = c->hi;
        }
      job->k->conv_row_f32.fn (&row);
      row.w += (gint64) taps * c->kin * c->width;
      row.init = NULL;
    }
}

/* One panel of one phase, pixels q0 .. q0 + n - 1 of the phase's line (qz, qy), to out[j * ld + i]. */
static void
rows_panel (const SagConvJob *job, int p, gint64 image, gint64 qz, gint64 qy, gint64 group, gint64 panel, gint64 q0,
            gint64 n, float *out, gint64 ld)
{
  const SagConv *c = job->conv;
  gint64 first = panel * c->width;

  if (c->planes_in)
    sag_conv_planes_panel (job, image, qz, qy, panel, q0, n, out, ld);
  else if (sag_conv_on_bytes (c))
    rows_panel_int8 (job, p, image, qz, qy, panel, q0, n, out, ld);
  else if (c->form == SAG_CONV_ROWS_DEPTHWISE)
    depthwise_rows (job, p, image, qz, qy, 1, panel, q0, n, out, ld);
  else
    rows_sums (job, p, image, qz, qy, group, first, MIN (c->width, c->nout - first), q0, n, out, ld);
}

/* rows_panel() on floats, its output in bytes. */
static void
rows_to_bytes (const SagConvJob *job, int p, gint64 image, gint64 qz, gint64 qy, gint64 panel, float *out,
               gint64 ld)
{
  const SagConv *c = job->conv;
  gint64 n = MIN (c->width, c->nout - panel * c->width), width = c->geometry.out[2];
  float lines[SAG_CONV_PHASE_N][PHASE_X];

  for (gint64 q = 0; q < width; q += PHASE_X)
    {
      gint64 n0 = MIN (PHASE_X, width - q);

      rows_panel (job, p, image, qz, qy, 0, panel, q, n0, lines[0], PHASE_X);
      for (gint64 j = 0; j < n; j += 4)
        {
          const float *four[4] = { lines[j], lines[j + 1], lines[j + 2], lines[j + 3] };

          for (int i = 0; i < 4 && c->lo == -INFINITY && c->hi == INFINITY; i++)
            sag_fused_apply (&c->fused, (gsize) n0, lines[j + i]);
          job->k->quantize.to_u8x4 ((gsize) n0, four, c->out_quantum.scale, c->out_quantum.zero,
                                    (guint8 *) (out + j / 4 * ld + q));
        }
    }
}

/* rows_panel(), its output with channels last. */
static void
rows_turned (const SagConvJob *job, gint64 image, gint64 qz, gint64 qy, gint64 group, gint64 panel, float *out)
{
  const SagConv *c = job->conv;
  gint64 n = MIN (c->width, c->nout - panel * c->width), width = c->geometry.out[2];
  float lines[SAG_CONV_PHASE_N][PHASE_X];

  for (gint64 q = 0; q < width; q += PHASE_X)
    {
      gint64 n0 = MIN (PHASE_X, width - q);

      rows_panel (job, 0, image, qz, qy, group, panel, q, n0, lines[0], PHASE_X);
      job->k->transpose_f32 ((gsize) n, (gsize) n0, lines[0], PHASE_X, out + q * c->geometry.cout, c->geometry.cout);
    }
}

/* Phases p, p + 1 … along x: a stretch of each into a buffer, then woven together. */
static void
rows_woven (const SagConvJob *job, int p, gint64 image, gint64 qz, gint64 qy, gint64 group, gint64 panel,
            float *out, gint64 ld)
{
  const SagConvGeometry *g = &job->conv->geometry;
  const SagConvPhase *phases = g->phases + p;
  gint64 step = g->out_step[2], n = MIN (job->conv->width, job->conv->nout - panel * job->conv->width);
  float even[SAG_CONV_PHASE_N][PHASE_X], odd[SAG_CONV_PHASE_N][PHASE_X];

  if (job->conv->bytes_out) /* words of four channels are woven like floats of one */
    n /= 4;
  if (step == 2)
    {
      for (gint64 q = 0; q < phases[0].count[2]; q += PHASE_X)
        {
          gint64 n0 = MIN (PHASE_X, phases[0].count[2] - q);
          gint64 n1 = CLAMP (phases[1].count[2] - q, 0, PHASE_X);

          rows_panel (job, p, image, qz, qy, group, panel, q, n0, even[0], PHASE_X);
          if (n1 > 0)
            rows_panel (job, p + 1, image, qz, qy, group, panel, q, n1, odd[0], PHASE_X);
          for (gint64 j = 0; j < n; j++)
            {
              job->k->interleave_f32 ((gsize) n1, even[j], odd[j], out + j * ld + 2 * q);
              if (n0 > n1)
                out[j * ld + 2 * (q + n0 - 1)] = even[j][n0 - 1];
            }
        }
      return;
    }
  for (gint64 r = 0; r < step; r++)
    for (gint64 q = 0; q < phases[r].count[2]; q += PHASE_X)
      {
        gint64 n0 = MIN (PHASE_X, phases[r].count[2] - q);

        rows_panel (job, p + (int) r, image, qz, qy, group, panel, q, n0, even[0], PHASE_X);
        for (gint64 j = 0; j < n; j++)
          for (gint64 i = 0; i < n0; i++)
            out[j * ld + (q + i) * step + r] = even[j][i];
      }
}

/* finish() of the line at out[at], all channels. */
static void
finish_line (const SagConvJob *job, gint64 at)
{
  const SagConvGeometry *g = &job->conv->geometry;
  gint64 ld = job->conv->out_stride[3];

  if (ld == g->out[2] || job->conv->turned)
    sag_conv_finish (job, at, g->cout * g->out[2]);
  else
    for (gint64 j = 0; j < g->cout; j++)
      sag_conv_finish (job, at + j * ld, g->out[2]);
}

/* An output line, all channels. */
static void
rows_line (const SagConvJob *job, gint64 image, gint64 z, gint64 y)
{
  const SagConv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  gint64 qz = z / g->out_step[0], qy = y / g->out_step[1], ld = c->out_stride[3];
  gint64 at = image * c->out_stride[0] + z * c->out_stride[1] + y * c->out_stride[2];
  int p = (int) (((z % g->out_step[0]) * g->out_step[1] + y % g->out_step[1]) * g->out_step[2]);
  gboolean whole = c->form == SAG_CONV_ROWS && !sag_conv_on_bytes (c) && !c->bytes_out && !c->turned && g->out_step[2] == 1;

  for (gint64 group = 0; group < c->groups; group++)
    for (gint64 panel = 0; panel < c->n_panels; panel++)
      {
        gint64 channel = group * c->nout + panel * c->width;
        float *out = job->out + (at - job->out_shift + channel / (c->bytes_out ? 4 : 1) * ld);

        if (whole)
          {
            rows_sums (job, p, image, qz, qy, group, 0, c->nout, 0, g->out[2], out, ld);
            break;
          }
        if (c->turned)
          rows_turned (job, image, qz, qy, group, panel, out);
        else if (c->bytes_out && !sag_conv_on_bytes (c))
          rows_to_bytes (job, p, image, qz, qy, panel, out, ld);
        else if (g->out_step[2] == 1)
          rows_panel (job, p, image, qz, qy, group, panel, 0, g->out[2], out, ld);
        else
          rows_woven (job, p, image, qz, qy, group, panel, out, ld);
      }
  finish_line (job, at);
}

/* Depthwise on bytes, channels last: `lines` lines of an image. */
static void
square_lines (const SagConvJob *job, gint64 image, gint64 y, gint64 lines)
{
  const SagConv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  gint64 at = image * c->out_stride[0] + y * c->out_stride[2];
  const guint8 *rows[2 * SQUARE_LINES + 1];

  for (gint64 i = 0; i < (lines - 1) * g->in_step[1] + 3; i++)
    {
      gint64 line = y * g->in_step[1] + g->phases[0].least[1] + i;

      rows[i] = line >= 0 && line < g->in[1]
                    ? job->bytes + (image * c->in_stride[0] + sag_conv_line_at (job, line) - job->in_shift)
                    : NULL;
    }
  job->k->bytes.depthwise_square (&(SagSquareU8Job){
      .lines = (gsize) lines, .nx = (gsize) g->out[2], .c = (gsize) c->nout, .stride = (gsize) g->in_step[2],
      .width = (gsize) g->in[2], .first = g->phases[0].least[2], .rows = rows, .pad = job->pad,
      .w = (const gint8 *) job->weights + c->weights[0], .init = job->starts,
      .end = sag_conv_end (job, 0, (guint8 *) job->out + (at - job->out_shift), at, c->out_stride[2]) });
}

/* Lines y .. end - 1 of a plane. */
void
sag_conv_run_lines (const SagConvJob *job, gint64 image, gint64 z, gint64 y, gint64 end)
{
  const SagConv *c = job->conv;
  gint64 n;

  for (; y < end; y += n)
    {
      gint64 at = image * c->out_stride[0] + z * c->out_stride[1] + y * c->out_stride[2];

      n = 1;
      if (c->square)
        {
          n = MIN (SQUARE_LINES, end - y);
          square_lines (job, image, y, n);
          continue;
        }
      if (c->form != SAG_CONV_ROWS_DEPTHWISE || c->geometry.transposed)
        {
          rows_line (job, image, z, y);
          continue;
        }
      n = MIN (SAG_DEPTHWISE_LINES, end - y);
      depthwise_rows (job, 0, image, z, y, n, 0, 0, c->geometry.out[2], job->out + (at - job->out_shift),
                      c->out_stride[3]);
      for (gint64 i = 0; i < n; i++)
        finish_line (job, at + i * c->out_stride[2]);
    }
}

static void
rows_item (gsize item, int thread, gpointer data)
{
  const SagConvJob *job = data;
  const SagConvGeometry *g = &job->conv->geometry;
  gint64 from = job->first + (gint64) item * job->per_item, high = g->out[1];
  gint64 end = MIN (from + job->per_item, job->first + job->n_lines), to;

  if (!sag_step_go_on (job->step, thread,
                       (double) from / (double) (g->batch * g->out[0] * g->out[1])))
    return;
  for (gint64 i = from; i < end; i = to)
    {
      to = MIN (end, (i / high + 1) * high);
      sag_conv_run_lines (job, i / high / g->out[0], i / high % g->out[0], i % high, i % high + to - i);
    }
}

/* Output over input: plane by plane, away from where the output begins (SagNode.trails). */
static void
rows_trailing (SagConvJob *job)
{
  const SagConvGeometry *g = &job->conv->geometry;
  gint64 n = g->batch * g->out[0];
  gboolean back = job->out > job->in;

  job->n_lines = g->out[1];
  for (gint64 plane = 0; plane < n; plane++)
    {
      job->first = (back ? n - 1 - plane : plane) * g->out[1];
      sag_parallel_for ((gsize) ((g->out[1] + job->per_item - 1) / job->per_item), rows_item, job);
    }
}

void
sag_conv_run_rows (SagConvJob *job)
{
  const SagConv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;

  if (job->step->node->trails > 0 && MAX (job->in, job->out) - MIN (job->in, job->out) < g->batch * c->in_stride[0])
    rows_trailing (job);
  else
    sag_parallel_for ((gsize) job->n_items, rows_item, job);
}
