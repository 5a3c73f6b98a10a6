/* SPDX-License-Identifier: Apache-2.0
 *
 * resize-run.c: Resize at run time: an axis after the other through memory, or, of floats along two axes, a line
 * of the slower one at a time.
 */
#include "engine/base/parallel.h"
#include "engine/nn/band.h"
#include "engine/nn/bytes.h"
#include "engine/nn/op-util.h"
#include "engine/nn/resize.h"

#include <string.h>

/* ---- passes ----------------------------------------------------------------------------- */

typedef struct
{
  const SagResizeAxis    *axis;
  gint64         inner;
  gsize          size;
  const char    *x;
  char          *y;
  const SagStep *step;
  double         part; /* of the step, before this pass */
} Pass;

/* Item: one output position of the axis in one outer line, or, with inner 1, a whole line. */
static void
pass_rows (gint64 item, gint64 to, int thread, gpointer data)
{
  const Pass *pass = data;
  const SagResizeAxis *axis = pass->axis;
  gint64 bytes = pass->inner * (gint64) pass->size;

  if (!sag_step_go_on (pass->step, thread, pass->part))
    return;
  for (; item < to; item++)
    {
      gint64 outer = item / axis->n_out, i = item % axis->n_out;
      const char *x = pass->x + outer * axis->n_in * bytes;
      char *y = pass->y + item * bytes;
      const gint32 *source = axis->source + i * axis->taps;

      if (axis->weight == NULL)
        memcpy (y, x + source[0] * bytes, (gsize) bytes);
      else
        {
          const float *w = axis->weight + i * axis->taps;
          const float *rows[SAG_RESIZE_ROWS];

          memset (y, 0, axis->taps > SAG_RESIZE_ROWS ? (gsize) bytes : 0);
          for (int t = 0; t < axis->taps && axis->taps > SAG_RESIZE_ROWS; t++)
            for (gint64 k = 0; k < pass->inner; k++)
              ((float *) y)[k] += w[t] * ((const float *) (x + source[t] * bytes))[k];
          for (int t = 0; t < axis->taps && axis->taps <= SAG_RESIZE_ROWS; t++)
            rows[t] = (const float *) (x + source[t] * bytes);
          if (axis->taps <= SAG_RESIZE_ROWS)
            sag_kernels_get ()->reduce.mix_rows ((gsize) axis->taps, (gsize) pass->inner, rows, w, (float *) y);
        }
    }
}

void
sag_pick_words (gint64 n_out, const gint32 *source, gint64 n_in, const float *x, float *y)
{
  gboolean twice = n_out == 2 * n_in;

  for (gint64 i = 0; twice && i < n_out; i++)
    twice = source[i] == i / 2;
  if (twice)
    sag_kernels_get ()->interleave_f32 ((gsize) n_in, x, x, y);
  for (gint64 i = 0; !twice && i < n_out; i++)
    memcpy (y + i, x + source[i], sizeof *y);
}

static void
pass_lines (gint64 line, gint64 to, int thread, gpointer data)
{
  const Pass *pass = data;
  const SagResizeAxis *axis = pass->axis;

  if (!sag_step_go_on (pass->step, thread, pass->part))
    return;
  for (; line < to; line++)
    {
      const char *x = pass->x + line * axis->n_in * (gint64) pass->size;
      char *y = pass->y + line * axis->n_out * (gint64) pass->size;

      if (axis->weight == NULL && pass->size == sizeof (float))
        {
          sag_pick_words (axis->n_out, axis->source, axis->n_in, (const float *) x, (float *) y);
          continue;
        }
      for (gint64 i = 0; i < axis->n_out; i++)
        {
          const gint32 *source = axis->source + i * axis->taps;
          float sum;

          if (axis->weight == NULL)
            {
              memcpy (y + i * (gint64) pass->size, x + source[0] * (gint64) pass->size, pass->size);
              continue;
            }
          sum = axis->weight[i * axis->taps] * ((const float *) x)[source[0]];
          for (int t = 1; t < axis->taps; t++)
            sum += axis->weight[i * axis->taps + t] * ((const float *) x)[source[t]];
          ((float *) y)[i] = sum;
        }
    }
}

/* --- two axes at once ---------------------------------------------------------------------- */

static void
position (const SagResizeAxis *axis, gint64 i, const float *x, float *y)
{
  const gint32 *source = axis->source + i * axis->taps;
  const float *w = axis->weight + i * axis->taps;

  y[i] = w[0] * x[source[0]];
  for (int t = 1; t < axis->taps; t++)
    y[i] += w[t] * x[source[t]];
}

/* A line along the faster axis. */
static void
fast_line (const SagResize *self, const float *x, float *y)
{
  const SagResizeAxis *axis = &self->axis[0];
  const SagKernels *kernels = sag_kernels_get ();
  const float *end = x + self->line_in, *rows[SAG_RESIZE_ROWS];
  gint64 n = axis->n_in - 1, step = self->inner;

  if (step > 1)
    {
      for (; x < end; x += axis->n_in * step)
        for (gint64 i = 0; i < axis->n_out; i++, y += step)
          {
            for (int t = 0; t < axis->taps; t++)
              rows[t] = x + axis->source[i * axis->taps + t] * step;
            kernels->reduce.mix_rows ((gsize) axis->taps, (gsize) step, rows, axis->weight + i * axis->taps, y);
          }
      return;
    }
  for (; x < end; x += axis->n_in, y += axis->n_out)
    {
      for (gint64 i = 0; i < axis->n_out && !axis->doubles; i++)
        position (axis, i, x, y);
      if (!axis->doubles)
        continue;
      kernels->between_f32 ((gsize) n, x, axis->weight + 2, y + 1);
      position (axis, 0, x, y);
      position (axis, axis->n_out - 1, x, y);
    }
}

/* Scratch of a thread: which lines along the faster axis are held, and they. */
typedef struct
{
  gint64 held[SAG_RESIZE_ROWS];
  float  lines[];
} Lines;

/* Axes of a value in bytes, with those that stay as they are. */
static void
byte_axes (const SagNode *node, SagBytesAxis axes[3])
{
  const SagShape *shape = &sag_node_input (node, 0)->shape;
  const SagResize *self = node->state;
  int missing = 5 - shape->rank;

  for (int a = 0; a < 3; a++)
    {
      axes[a] = (SagBytesAxis){ 1, 1 };
      if (a >= missing)
        axes[a].n_in = axes[a].n_out = shape->dim[a + 2 - missing];
    }
  for (int i = 0; i < self->n; i++)
    {
      const SagResizeAxis *axis = &self->axis[i];

      axes[axis->axis - 2 + missing] =
          (SagBytesAxis){ axis->n_in, axis->n_out, axis->taps, axis->source, axis->weight };
    }
}

gsize
sag_resize_band_bytes (const SagNode *node)
{
  if (sag_value_in_bytes (sag_node_input (node, 0)))
    return sag_bytes_places_size ();
  return ((const SagResize *) node->state)->each;
}

void
sag_resize_begin (const SagNode *node, void *scratch)
{
  Lines *lines = scratch;

  if (sag_value_in_bytes (sag_node_input (node, 0)))
    {
      sag_bytes_places_begin (scratch);
      return;
    }
  for (int t = 0; t < SAG_RESIZE_ROWS; t++)
    lines->held[t] = -1;
}

static void
run_band_bytes (const SagNode *node, const SagBand *band, gint64 pitch, void *scratch)
{
  SagBytesAxis axes[3];

  byte_axes (node, axes);
  for (gint64 i = band->from; i < band->to; i++)
    sag_bytes_resize_line (sag_node_input (node, 0), axes, band->image, i,
                           (guint8 *) (band->out + (i - band->out_first) * axes[2].n_out * pitch), 4 * pitch, scratch);
}

/* Each line of the slower axis lies between some of the faster one, of which the last few are kept. */
static void
run_band_floats (const SagNode *node, const SagBand *band, gint64 pitch, void *scratch)
{
  const SagResize *self = node->state;
  const SagResizeAxis *axis = &self->axis[1];
  const SagKernels *kernels = sag_kernels_get ();
  const float *x = (const float *) sag_node_input (node, 0)->data + band->image * axis->n_in * self->line_in;
  gboolean last = sag_node_output (node, 0)->layout == SAG_LAYOUT_LAST;
  gint64 line = self->line_out, block = last && pitch != self->inner ? self->inner : line;
  gint64 blocks = line / block, step = last ? axis[-1].n_out * pitch : pitch; /* from line to line */
  Lines *lines = scratch;

  for (gint64 i = band->from; i < band->to; i++)
    {
      float *y = band->out + (i - band->out_first) * step;
      const float *rows[SAG_RESIZE_ROWS], *w = axis->weight + i * axis->taps;

      for (int t = 0; t < axis->taps; t++)
        {
          gint64 source = axis->source[i * axis->taps + t], slot = source % axis->taps;
          float *held = lines->lines + slot * line;

          if (lines->held[slot] != source)
            fast_line (self, x + source * self->line_in, held);
          lines->held[slot] = source;
          rows[t] = held;
        }
      for (gint64 k = 0; k < blocks; k++, y += pitch)
        {
          kernels->reduce.mix_rows ((gsize) axis->taps, (gsize) block, rows, w, y);
          for (int t = 0; t < axis->taps; t++)
            rows[t] += block;
        }
    }
}

void
sag_resize_run_band (const SagNode *node, const SagBand *band, gint64 pitch, void *scratch)
{
  if (sag_value_in_bytes (sag_node_input (node, 0)))
    run_band_bytes (node, band, pitch, scratch);
  else
    run_band_floats (node, band, pitch, scratch);
}

gboolean
sag_resize_has_bands (const SagNode *node)
{
  const SagValue *x = sag_node_input (node, 0);
  const SagResize *self = node->op->run == sag_resize_run ? node->state : NULL;

  if (self != NULL && sag_value_in_bytes (x))
    return x->shape.rank == 4 && x->layout == SAG_LAYOUT_LAST && x->shape.dim[1] > 4;
  return self != NULL && self->inner > 0 && x->constant == NULL && x->shape.rank == 4 && x->layout != SAG_LAYOUT_PLAIN
         && self->axis[0].axis == 3 && self->axis[1].axis == 2
         && self->axis[0].outside == NULL && self->axis[1].outside == NULL;
}

typedef struct
{
  const SagStep *step;
  gint64         n, per_item, per_plane; /* lines of a plane, and of an item; items of a plane */
  gint64         pitch;
  gint64         n_items;
} LinesRun;

static void
run_lines (gsize item, int thread, gpointer data)
{
  const LinesRun *run = data;
  const SagResize *self = run->step->node->state;
  gint64 plane = (gint64) item / run->per_plane, from = (gint64) item % run->per_plane * run->per_item;
  void *scratch = (guint8 *) run->step->scratch + (gsize) thread * self->each;

  if (!sag_step_go_on (run->step, thread, (double) item / (double) run->n_items))
    return;
  sag_resize_begin (run->step->node, scratch);
  sag_resize_run_band (run->step->node, &(SagBand){
      .image = plane, .from = from, .to = MIN (from + run->per_item, run->n),
      .out = (float *) sag_step_out (run->step, 0) + plane * run->n * self->line_out }, run->pitch, scratch);
}

static void
resize_lines (const SagStep *step)
{
  const SagResize *self = step->node->state;
  gint64 n = self->axis[1].n_out, planes = sag_value_count (sag_node_output (step->node, 0)) / (n * self->line_out);
  LinesRun run = { .step = step, .n = n, .per_item = CLAMP (2 * SAG_GRAIN / self->line_out, 8, MAX (n, 8)) };

  run.pitch = sag_node_output (step->node, 0)->layout == SAG_LAYOUT_LAST ? self->inner : self->line_out;
  run.per_plane = (n + run.per_item - 1) / run.per_item;
  run.n_items = planes * run.per_plane;
  sag_parallel_for ((gsize) run.n_items, run_lines, &run);
}

static void
extrapolate (const SagNode *node, const SagResize *self, SagValue *y)
{
  float value = sag_node_get_float (node, "extrapolation_value", 0);
  gint64 strides[SAG_MAX_RANK], n[SAG_MAX_RANK];

  sag_value_strides (y, strides);
  for (int a = 0; a < self->n; a++)
    for (gint64 i = 0; self->axis[a].outside != NULL && i < self->axis[a].n_out; i++)
      if (self->axis[a].outside[i] && y->dtype == SAG_DTYPE_F32)
        {
          memcpy (n, y->shape.dim, sizeof n);
          n[self->axis[a].axis] = 1;
          sag_fill_box (y->shape.rank, n, sizeof value,
                        (float *) y->data + i * strides[self->axis[a].axis], strides, &value);
        }
}

/* Bytes: spatial axes, at most two taps each. */
guint
sag_resize_bytes (const SagNode *node)
{
  const SagResize *self = node->state;

  for (int i = 0; i < self->n; i++)
    if (self->axis[i].axis < 2 || self->axis[i].taps > 2 || self->axis[i].outside != NULL)
      return 0;
  return sag_node_input (node, 0)->shape.rank <= 5 ? sag_bytes_same (node) : 0;
}

static void
resize_bytes (const SagNode *node)
{
  SagBytesAxis axes[3];

  byte_axes (node, axes);
  sag_bytes_resize (sag_node_input (node, 0), sag_node_output (node, 0), axes);
}

void
sag_resize_run (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0);
  SagValue *y = sag_node_output (step->node, 0);
  const SagResize *self = step->node->state;
  SagShape shape = x->shape;
  const char *from = x->data;
  gsize size = sag_dtype_size (x->dtype);

  if (sag_value_in_bytes (x))
    {
      resize_bytes (step->node);
      return;
    }
  if (self->n == 0)
    memcpy (y->data, from, sag_value_count (x) * size);
  if (sag_value_count (y) == 0)
    return;
  if (self->inner > 0)
    resize_lines (step);
  for (int i = 0; i < self->n && self->inner == 0 && sag_step_go_on (step, 0, (double) i / self->n); i++)
    {
      const SagResizeAxis *axis = &self->axis[i];
      gint64 strides[SAG_MAX_RANK], count = sag_shape_count (&shape), outer;
      Pass pass = { axis, 1, size, from, NULL, step, (double) i / self->n };

      sag_layout_strides (&shape, y->layout, strides);
      pass.inner = strides[axis->axis];
      pass.y = i + 1 == self->n ? y->data : (char *) step->scratch + (gsize) (i % 2) * self->half;
      outer = count / (axis->n_in * pass.inner);
      if (pass.inner == 1)
        sag_range_run (outer, MAX (1, SAG_GRAIN / 2 / axis->n_out), pass_lines, &pass);
      else
        sag_range_run (outer * axis->n_out, MAX (1, SAG_GRAIN / pass.inner), pass_rows, &pass);
      shape.dim[axis->axis] = axis->n_out;
      from = pass.y;
    }
  extrapolate (step->node, self, y);
}
