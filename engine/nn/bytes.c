/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes.c: what operators do to values that lie in memory as bytes.
 */
#include "engine/nn/bytes.h"

#include "engine/base/alloc.h"
#include "engine/nn/op-util.h"
#include "engine/nn/window.h"

#include <string.h>

enum { MAX_TAPS = 64, LINE = 1024, PART = 4096 };

gsize
sag_value_moves (const SagValue *value, SagShape *shape, gint64 *strides)
{
  *shape = value->shape;
  if (sag_value_in_bytes (value))
    shape->dim[1] /= 4;
  sag_layout_strides (shape, value->layout, strides);
  return sag_value_in_bytes (value) ? 4 : sag_dtype_size (value->dtype);
}

guint
sag_bytes_same (const SagNode *node)
{
  const SagValue *y = sag_node_output (node, 0);

  return y != NULL && y->shape.rank >= 4 ? SAG_BYTES_SAME : 0;
}

/* --- largest of a window ----------------------------------------------------------------- */

/* A word is the unit along x: `inner` bytes that lie together, `lines` of them for each z and y (ROWS:
 * 4 bytes and C / 4 lines; LAST: C bytes, one line). */
typedef struct
{
  SagWindow     window;
  const guint8 *x;
  guint8       *y;
  gint64        inner, lines;
} Pool;

/* Taps of axis `a` at output `o` that lie inside: positions at, at + dilation …; their number. */
static int
taps_at (const SagWindow *w, int a, gint64 o, gint64 *first)
{
  gint64 at = o * w->stride[a] - w->before[a];
  int n = 0;

  for (gint64 t = 0; t < w->kernel[a]; t++, at += w->dilation[a])
    if (at >= 0 && at < w->in[a])
      if (n++ == 0)
        *first = at;
  return n;
}

/* Item: an output line of one z, y. */
static void
pool_lines (gint64 item, gint64 to, int thread, gpointer data)
{
  const Pool *pool = data;
  const SagWindow *w = &pool->window;
  const SagBytes *bytes = &sag_kernels_get ()->bytes;
  gboolean pairs = pool->inner == 4 && w->kernel[2] == 2 && w->stride[2] == 2
                   && w->dilation[2] == 1 && w->before[2] == 0 && w->in[2] >= 2 * w->out[2];

  for (; item < to; item++)
    {
      gint64 line = item % pool->lines, rest = item / pool->lines, y = rest % w->out[1];
      gint64 z = rest / w->out[1] % w->out[0], image = rest / w->out[1] / w->out[0];
      gint64 z0 = 0, y0 = 0, width = w->in[2] * pool->inner;
      int nz = taps_at (w, 0, z, &z0), ny = taps_at (w, 1, y, &y0), n = 0;
      guint8 *out = pool->y + item * w->out[2] * pool->inner;
      const guint8 *rows[MAX_TAPS], *taps[MAX_TAPS];

      for (int i = 0; i < nz; i++)
        for (int j = 0; j < ny; j++)
          rows[n++] = pool->x
                      + (((image * w->in[0] + z0 + i * w->dilation[0]) * w->in[1] + y0
                          + j * w->dilation[1]) * pool->lines + line) * width;
      if (n == 0)
        {
          memset (out, 0, (gsize) (w->out[2] * pool->inner));
          continue;
        }
      for (gint64 at = 0; pairs && at < w->out[2]; at += LINE)
        {
          guint8 both[8 * LINE];
          gsize m = (gsize) MIN (LINE, w->out[2] - at);

          bytes->max_of_rows ((gsize) n, 8 * m, rows, both);
          bytes->max_pairs_x4 (m, both, out + 4 * at);
          for (int t = 0; t < n; t++)
            rows[t] += 8 * LINE;
        }
      for (gint64 x = 0; !pairs && x < w->out[2]; x++, out += pool->inner)
        {
          gint64 x0 = 0;
          int nx = taps_at (w, 2, x, &x0), m = 0;

          for (int t = 0; t < n; t++)
            for (int k = 0; k < nx; k++)
              taps[m++] = rows[t] + (x0 + k * w->dilation[2]) * pool->inner;
          if (m > 0)
            bytes->max_of_rows ((gsize) m, (gsize) pool->inner, taps, out);
          else
            memset (out, 0, (gsize) pool->inner);
        }
    }
}

void
sag_bytes_pool (const SagNode *node)
{
  const SagValue *x = sag_node_input (node, 0), *y = sag_node_output (node, 0);
  gboolean rows = y->layout == SAG_LAYOUT_ROWS;
  Pool pool = { .x = x->data, .y = y->data, .inner = rows ? 4 : y->shape.dim[1],
                .lines = rows ? y->shape.dim[1] / 4 : 1 };

  sag_window_read (node, NULL, &pool.window, NULL);
  sag_range_run (y->shape.dim[0] * pool.window.out[0] * pool.window.out[1] * pool.lines,
                 MAX (1, SAG_GRAIN / MAX (1, pool.window.out[2] * pool.inner)), pool_lines, &pool);
}

/* --- between places ---------------------------------------------------------------------- */

typedef struct
{
  const SagBytesAxis *axes;
  const guint8       *x;
  guint8             *y;
  gint64              inner, lines; /* as for pooling */
} Mix;

/* Sources and weights of an axis at output `o`; their number. */
static int
sources (const SagBytesAxis *axis, gint64 o, gint64 *source, float *weight)
{
  int taps = axis->source != NULL ? axis->taps : 1;

  for (int t = 0; t < taps; t++)
    {
      source[t] = axis->source != NULL ? axis->source[o * taps + t] : o;
      weight[t] = axis->weight != NULL ? axis->weight[o * taps + t] : 1;
    }
  return taps;
}

/* Between which places pixels lie along x. */
typedef struct
{
  gint64 at, n; /* pixels from x = at on */
  gint32 first[LINE], second[LINE];
  float  part[LINE];
} Places;

static void
find_places (Places *places, const SagBytesAxis *axis, gint64 at)
{
  places->at = at;
  places->n = MIN (LINE, axis->n_out - at);
  for (gint64 i = 0; i < places->n; i++)
    {
      gint64 source[2] = { 0, 0 };
      float w[2] = { 1, 0 };
      int taps = sources (axis, at + i, source, w);

      places->first[i] = (gint32) source[0];
      places->second[i] = (gint32) source[taps - 1];
      places->part[i] = taps > 1 ? w[1] : 0;
    }
}

/* A line made of mixed ones; pixels `ld` bytes apart. */
static void
mix_line (const Mix *mix, Places *places, int rows, const guint8 *const *row, const float *weight, guint8 *out,
          gint64 ld)
{
  const SagBytesAxis *axis = &mix->axes[2];
  const SagBytes *k = &sag_kernels_get ()->bytes;

  for (gint64 x = 0; x < axis->n_out; x += LINE)
    {
      if (places->at != x)
        find_places (places, axis, x);
      if (mix->inner == 4)
        k->mix_lines_x4 ((gsize) rows, (gsize) places->n, row, weight, places->first, places->second, places->part,
                         out + 4 * x);
      else
        k->mix_pixels (&(SagMixPixelsJob){
            .lines = (gsize) rows, .n = (gsize) places->n, .c = (gsize) mix->inner, .rows = row, .weight = weight,
            .first = places->first, .second = places->second, .part = places->part, .y = out + x * ld, .ld = ld });
    }
}

/* Line `line` of one image, z, y. */
static void
mix_one (const Mix *mix, Places *places, gint64 image, gint64 z, gint64 y, gint64 line, guint8 *out, gint64 ld)
{
  const SagBytesAxis *a = mix->axes;
  gint64 zs[2] = { 0 }, ys[2] = { 0 };
  float zw[2] = { 0 }, yw[2] = { 0 }, weight[4];
  int nz = sources (&a[0], z, zs, zw), ny = sources (&a[1], y, ys, yw), n = 0;
  const guint8 *row[4];

  for (int i = 0; i < nz; i++)
    for (int j = 0; j < ny; j++)
      {
        weight[n] = zw[i] * yw[j];
        row[n++] = mix->x
                   + (((image * a[0].n_in + zs[i]) * a[1].n_in + ys[j]) * mix->lines + line) * a[2].n_in * mix->inner;
      }
  if (mix->inner == 4 && ld == 4 && n == 1 && a[2].weight == NULL && a[2].source != NULL)
    sag_pick_words (a[2].n_out, a[2].source, a[2].n_in, (const float *) (const void *) row[0], (float *) (void *) out);
  else if (mix->inner != 4 && n == 1 && a[2].weight == NULL) /* nearest */
    for (gint64 x = 0; x < a[2].n_out; x++)
      memcpy (out + x * ld, row[0] + (a[2].source != NULL ? a[2].source[x] : x) * mix->inner, (gsize) mix->inner);
  else
    mix_line (mix, places, n, row, weight, out, ld);
}

/* Item: an output line of one z, y. */
static void
mix_lines (gint64 item, gint64 to, int thread, gpointer data)
{
  const Mix *mix = data;
  const SagBytesAxis *a = mix->axes;
  Places places = { .at = -1 };

  for (; item < to; item++)
    {
      gint64 rest = item / mix->lines, y = rest % a[1].n_out, z = rest / a[1].n_out % a[0].n_out;

      mix_one (mix, &places, rest / a[1].n_out / a[0].n_out, z, y, item % mix->lines,
               mix->y + item * a[2].n_out * mix->inner, mix->inner);
    }
}

gsize
sag_bytes_places_size (void)
{
  return (sizeof (Places) + SAG_ALIGN - 1) & ~(gsize) (SAG_ALIGN - 1);
}

void
sag_bytes_places_begin (void *places)
{
  ((Places *) places)->at = -1;
}

void
sag_bytes_resize_line (const SagValue *x, const SagBytesAxis axes[3], gint64 image, gint64 y, guint8 *out, gint64 ld,
                       void *places)
{
  Mix mix = { .axes = axes, .x = x->data, .inner = x->shape.dim[1], .lines = 1 };

  mix_one (&mix, places, image, 0, y, 0, out, ld);
}

void
sag_bytes_resize (const SagValue *x, SagValue *y, const SagBytesAxis axes[3])
{
  gboolean rows = y->layout == SAG_LAYOUT_ROWS;
  Mix mix = { .axes = axes, .x = x->data, .y = y->data, .inner = rows ? 4 : y->shape.dim[1],
              .lines = rows ? y->shape.dim[1] / 4 : 1 };

  sag_range_run (y->shape.dim[0] * axes[0].n_out * axes[1].n_out * mix.lines,
                 MAX (1, SAG_GRAIN / MAX (1, axes[2].n_out * mix.inner)), mix_lines, &mix);
}

/* --- floats and bytes -------------------------------------------------------------------- */

typedef struct
{
  const SagValue *x, *y;
  gboolean        to_bytes;
  SagQuantum      quantum;
  gint64          n, width; /* elements; ROWS: of a line */
} Convert;

/* Item: PART elements. */
static void
convert_parts (gint64 part, gint64 to, int thread, gpointer data)
{
  const Convert *c = data;
  const SagQuantize *k = &sag_kernels_get ()->quantize;
  gint64 from = part * PART;
  gsize n = (gsize) (MIN (to * PART, c->n) - from);

  if (c->to_bytes)
    k->to_u8 (n, (const float *) c->x->data + from, c->quantum.scale, c->quantum.zero, (guint8 *) c->y->data + from);
  else
    k->from_u8 (n, (const guint8 *) c->x->data + from, c->quantum.scale, c->quantum.zero, (float *) c->y->data + from);
}

/* Item: four channels of a line. */
static void
convert_lines (gint64 item, gint64 to, int thread, gpointer data)
{
  const Convert *c = data;
  const SagQuantize *k = &sag_kernels_get ()->quantize;

  for (; item < to; item++)
    {
      gint64 at = item * 4 * c->width;
      float *f = (float *) (c->to_bytes ? c->x->data : c->y->data) + at;
      guint8 *q = (guint8 *) (c->to_bytes ? c->y->data : c->x->data) + at;
      float *four[4] = { f, f + c->width, f + 2 * c->width, f + 3 * c->width };

      if (c->to_bytes)
        k->to_u8x4 ((gsize) c->width, (const float *const *) four, c->quantum.scale, c->quantum.zero, q);
      else
        k->from_u8x4 ((gsize) c->width, q, c->quantum.scale, c->quantum.zero, four);
    }
}

void
sag_bytes_convert (const SagValue *x, SagValue *y)
{
  Convert c = { .x = x, .y = y, .to_bytes = sag_value_in_bytes (y), .n = sag_value_count (x),
                .width = x->shape.dim[x->shape.rank - 1] };

  c.quantum = c.to_bytes ? y->quantum : x->quantum;
  if (x->layout == SAG_LAYOUT_ROWS)
    sag_range_run (c.width > 0 ? c.n / (4 * c.width) : 0, MAX (1, SAG_GRAIN / MAX (1, 4 * c.width)), convert_lines, &c);
  else
    sag_range_run ((c.n + PART - 1) / PART, 16, convert_parts, &c);
}
