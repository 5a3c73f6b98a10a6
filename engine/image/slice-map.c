/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-map.c: the pixels of a picture in the voxels of a grid.
 */
#include "engine/image/slice-map.h"

#include <math.h>
#include <string.h>

enum { MOST_DEPTHS = 4096 };

/* The box of `width` voxels around p. */
static SagSliceSpan
make_span (double p, double width, int size)
{
  double lower = CLAMP (p - width / 2, -0.5, size - 0.5),
         upper = CLAMP (p + width / 2, -0.5, size - 0.5);
  SagSliceSpan span;

  span.first = MIN ((int) floor (lower + 0.5), size - 1);
  span.last = CLAMP ((int) ceil (upper - 0.5), span.first, size - 1);
  span.head = (float) (span.first + 0.5 - lower);
  span.tail = (float) (upper - (span.last - 0.5));
  if (span.first == span.last)
    span.head = span.tail = 1;
  span.scale = span.first == span.last
                   ? 1
                   : 1 / (span.head + span.tail + (float) (span.last - span.first - 1));
  return span;
}

static gboolean
span_ready (const SagSliceMap *self, const SagSliceSpan *k)
{
  for (int slice = k->first; slice <= k->last && self->ready != NULL; slice++)
    if (!self->ready[slice])
      return FALSE;
  return TRUE;
}

static gboolean
slices_ready (const SagSliceMap *self, const SagPoint *k)
{
  return self->ready == NULL
         || ((k->fraction == 1 || self->ready[k->index])
             && (k->fraction == 0 || self->ready[k->index + 1]));
}

/* The one axis along which `step` moves by more than a thousandth of a voxel over the picture; -1
 * if not one. */
static int
find_axis (const double step[3], int pixels)
{
  int found = -1;

  for (int a = 0; a < 3; a++)
    if (fabs (step[a]) * pixels > 1e-3)
      {
        if (found >= 0)
          return -1;
        found = a;
      }
  return found;
}

static void
map_init_columns (SagSliceMap *self)
{
  int a = self->axis[0];

  self->columns = g_new (SagPoint, self->width);
  self->shown = g_new0 (float, self->pitch);
  if (fabs (self->right[a]) > 1 + 1e-6)
    self->spans = g_new (SagSliceSpan, self->width);
  for (int x = 0; x < self->width; x++)
    {
      double p = self->origin[a] + x * self->right[a];
      SagPoint *point = &self->columns[x];

      *point = sag_point_split (p, self->grid.size[a]);
      if (self->spans != NULL)
        self->spans[x] = make_span (p, fabs (self->right[a]), self->grid.size[a]);
      self->shown[x] = point->inside
                       && (a != 2 || (self->spans != NULL ? span_ready (self, &self->spans[x])
                                                          : slices_ready (self, point)));
    }
}

static void
map_init_depths (SagSliceMap *self, double slab_mm)
{
  double per_mm = self->orthogonal ? fabs (self->normal[self->axis[2]])
                                   : MAX (fabs (self->normal[0]),
                                          MAX (fabs (self->normal[1]), fabs (self->normal[2])));
  double n = floor (slab_mm * per_mm + 0.5);

  self->n_depths = (int) CLAMP (n, 1, MOST_DEPTHS);
  if (self->orthogonal)
    {
      self->depth_step = 1;
      self->first_depth = self->origin[self->axis[2]];
      /* Whole slices, so that nothing is blurred on the way. */
      if (self->n_depths > 1)
        self->first_depth = floor (self->first_depth - (self->n_depths - 1) / 2.0 + 0.5 + 1e-4);
    }
  else
    {
      self->depth_step = 1 / per_mm;
      self->first_depth = -(self->n_depths - 1) / 2.0 * self->depth_step;
    }
}

void
sag_slice_map_init (SagSliceMap *self, const SagGrid *grid, int channels,
                    gboolean (*is_ready) (gconstpointer, int), gconstpointer object,
                    const SagPlane *plane, double slab_mm, int width, int height)
{
  double lps[3], normal[3], ijk[4][3];
  double *steps[] = { self->right, self->down, self->normal };
  gboolean all = TRUE, finite = plane->mm_per_pixel > 0;

  memset (self, 0, sizeof *self);
  self->width = width;
  self->height = height;
  self->pitch = (width + SAG_SLICE_PAD - 1) / SAG_SLICE_PAD * SAG_SLICE_PAD;
  memcpy (self->grid.size, grid->size, sizeof grid->size);
  self->grid.stride[0] = channels;
  self->grid.stride[1] = (ptrdiff_t) channels * grid->size[0];
  self->grid.stride[2] = self->grid.stride[1] * grid->size[1];

  self->ready = g_new (guint8, grid->size[2]);
  for (int k = 0; k < grid->size[2]; k++)
    all &= self->ready[k] = is_ready (object, k) ? 1 : 0;
  if (all)
    g_clear_pointer (&self->ready, g_free);
  self->grid.ready = self->ready;

  sag_plane_to_lps (plane, width, height, 0, 0, lps);
  sag_grid_to_ijk (grid, lps, ijk[0]);
  sag_plane_get_normal (plane, normal);
  for (int a = 0; a < 3; a++)
    {
      const double *direction[] = { plane->right, plane->down, normal };
      double mm = a < 2 ? plane->mm_per_pixel : 1, there[3];

      for (int p = 0; p < 3; p++)
        there[p] = lps[p] + direction[a][p] * mm;
      sag_grid_to_ijk (grid, there, ijk[a + 1]);
    }
  for (int p = 0; p < 3; p++)
    {
      self->origin[p] = ijk[0][p];
      for (int a = 0; a < 3; a++)
        {
          steps[a][p] = ijk[a + 1][p] - ijk[0][p];
          finite = finite && isfinite (steps[a][p]) && fabs (steps[a][p]) < 1e9;
        }
      finite = finite && fabs (ijk[0][p]) < 1e9;
    }
  self->valid = finite && self->grid.stride[2] <= G_MAXINT32;
  if (!self->valid)
    return;

  self->axis[0] = find_axis (self->right, width);
  self->axis[1] = find_axis (self->down, height);
  self->orthogonal = self->axis[0] >= 0 && self->axis[1] >= 0 && self->axis[0] != self->axis[1];
  if (self->orthogonal)
    {
      self->axis[2] = 3 - self->axis[0] - self->axis[1];
      map_init_columns (self);
    }
  map_init_depths (self, slab_mm);
}

void
sag_slice_map_clear (SagSliceMap *self)
{
  g_clear_pointer (&self->ready, g_free);
  g_clear_pointer (&self->columns, g_free);
  g_clear_pointer (&self->spans, g_free);
  g_clear_pointer (&self->shown, g_free);
}

gsize
sag_slice_map_get_scratch (const SagSliceMap *self)
{
  return 8 * sizeof (float) * (gsize) self->pitch;
}

/* A line of the picture's width from one line of voxels, interpolated along it. */
#define COLUMNS(type)                                                           \
  G_STMT_START                                                                  \
  {                                                                             \
    const type *row = (const type *) voxels + start;                            \
    for (int x = 0; x < self->width; x++)                                       \
      {                                                                         \
        const type *p = row + points[x].index * stride;                         \
        float here = p[0], there = p[next];                                     \
        line[x] = here + points[x].fraction * (there - here);                   \
      }                                                                         \
  }                                                                             \
  G_STMT_END

#define MEAN_COLUMNS(type)                                                      \
  G_STMT_START                                                                  \
  {                                                                             \
    const type *row = (const type *) voxels + start;                            \
    for (int x = 0; x < self->width; x++)                                       \
      {                                                                         \
        const SagSliceSpan *span = &self->spans[x];                             \
        float sum = span->head * row[span->first * stride];                     \
        for (int i = span->first + 1; i < span->last; i++)                      \
          sum += row[i * stride];                                               \
        if (span->last > span->first)                                           \
          sum += span->tail * row[span->last * stride];                         \
        line[x] = sum * span->scale;                                            \
      }                                                                         \
  }                                                                             \
  G_STMT_END

#define NEAREST_COLUMNS(type)                                                   \
  G_STMT_START                                                                  \
  {                                                                             \
    const type *row = (const type *) voxels + start;                            \
    for (int x = 0; x < self->width; x++)                                       \
      line[x] = row[points[x].nearest * stride];                                \
  }                                                                             \
  G_STMT_END

static void
make_line (const SagSliceMap *self, SagSampleType type, gconstpointer voxels, ptrdiff_t start,
           gboolean nearest, float *line)
{
  int a = self->axis[0];
  ptrdiff_t stride = self->grid.stride[a], next = self->grid.size[a] > 1 ? stride : 0;
  const SagPoint *points = self->columns;

  if (nearest)
    SAG_SLICE_FOR_TYPE (type, NEAREST_COLUMNS);
  else if (self->spans != NULL)
    SAG_SLICE_FOR_TYPE (type, MEAN_COLUMNS);
  else
    SAG_SLICE_FOR_TYPE (type, COLUMNS);
}

/* What a band of an orthogonal picture is made with, and the lines already made: neighbouring rows
 * of a magnified picture share theirs. */
typedef struct
{
  const SagSliceMap *map;
  SagSampleType      type;
  gconstpointer      voxels;
  gboolean           nearest;
  ptrdiff_t          start[4]; /* of the line in slot n; -1: none */
  float             *line[4];
  float             *sum, *zero; /* one line each */
} Band;

static const float *
band_get_line (Band *self, int slot, ptrdiff_t start)
{
  if (self->start[slot] != start)
    {
      make_line (self->map, self->type, self->voxels, start, self->nearest, self->line[slot]);
      self->start[slot] = start;
    }
  return self->line[slot];
}

/* One row of pixels from the plane of voxels that starts at `plane`. Parity tells neighbouring
 * lines apart, so both stay in their slots (`slot`, `slot` + 1) while rows go by. */
static void
band_make_row (Band *self, const SagPoint *row, const SagSliceSpan *span, ptrdiff_t plane, int slot,
               SagFold fold, float *out)
{
  const SagSliceKernels *kernels = &sag_kernels_get ()->slice;
  gsize pitch = (gsize) self->map->pitch;
  ptrdiff_t down = self->map->grid.stride[self->map->axis[1]];
  const float *a, *b;

  if (span == NULL)
    {
      a = b = band_get_line (self, slot + (row->index & 1), plane + row->index * down);
      if (row->fraction != 0)
        b = band_get_line (self, slot + ((row->index & 1) ^ 1), plane + (row->index + 1) * down);
      kernels->lerp (pitch, a, b, row->fraction, fold, out);
      return;
    }
  for (int j = span->first; j <= span->last; j++)
    {
      float share = (j == span->first  ? span->head
                     : j == span->last ? span->tail
                                       : 1)
                    * span->scale;

      a = band_get_line (self, slot + (j & 1), plane + j * down);
      kernels->lerp (pitch, self->zero, a, share, j == span->first ? SAG_FOLD_STORE : SAG_FOLD_ADD,
                     self->sum);
    }
  kernels->lerp (pitch, self->sum, self->sum, 0, fold, out);
}

static void
sample_orthogonal (const SagSliceMap *self, SagSampleType type, gconstpointer voxels,
                   gboolean nearest, SagFold fold, int y0, int y1, float *values, float *count,
                   float *scratch)
{
  const SagSliceKernels *kernels = &sag_kernels_get ()->slice;
  gsize pitch = (gsize) self->pitch;
  int v = self->axis[1], w = self->axis[2];
  gboolean reduced = !nearest && fabs (self->down[v]) > 1 + 1e-6;
  ptrdiff_t deep = self->grid.stride[w];
  float *upper = scratch + 4 * pitch, *lower = scratch + 5 * pitch;
  Band band = { self, type, voxels, nearest, { -1, -1, -1, -1 },
                { scratch, scratch + pitch, scratch + 2 * pitch, scratch + 3 * pitch },
                scratch + 6 * pitch, scratch + 7 * pitch };

  memset (band.zero, 0, pitch * sizeof *band.zero);
  for (int depth = 0; depth < self->n_depths; depth++)
    {
      SagPoint z =
          sag_point_split (self->first_depth + depth * self->depth_step, self->grid.size[w]);

      if (nearest)
        z = (SagPoint){ z.nearest, 0, z.nearest, z.inside };
      for (int y = y0; y < y1; y++)
        {
          double p = self->origin[v] + y * self->down[v];
          SagPoint row = sag_point_split (p, self->grid.size[v]);
          SagSliceSpan span = make_span (p, fabs (self->down[v]), self->grid.size[v]),
                       *used = reduced ? &span : NULL;
          float *out = values + (gsize) (y - y0) * pitch,
                *counted = count + (gsize) (y - y0) * pitch;

          if (nearest)
            row = (SagPoint){ row.nearest, 0, row.nearest, row.inside };
          if (!z.inside || !row.inside || (w == 2 && !slices_ready (self, &z))
              || (v == 2 && !(reduced ? span_ready (self, &span) : slices_ready (self, &row))))
            {
              if (fold == SAG_FOLD_STORE)
                {
                  memset (out, 0, pitch * sizeof *out);
                  memset (counted, 0, pitch * sizeof *counted);
                }
              continue;
            }
          if (z.fraction == 0)
            band_make_row (&band, &row, used, z.index * deep, 0, fold, out);
          else
            {
              band_make_row (&band, &row, used, z.index * deep, 0, SAG_FOLD_STORE, upper);
              band_make_row (&band, &row, used, (z.index + 1) * deep, 2, SAG_FOLD_STORE, lower);
              kernels->lerp (pitch, upper, lower, z.fraction, fold, out);
            }
          kernels->lerp (pitch, self->shown, self->shown, 0,
                         fold == SAG_FOLD_STORE ? fold : SAG_FOLD_ADD, counted);
        }
    }
}

static SagSampleLine
make_sample_line (const SagSliceMap *self, int y, double depth)
{
  SagSampleLine line;

  for (int a = 0; a < 3; a++)
    {
      line.start[a] = (float) (self->origin[a] + y * self->down[a] + depth * self->normal[a]);
      line.step[a] = (float) self->right[a];
    }
  return line;
}

#define FOLD_NEAREST(type)                                                      \
  G_STMT_START                                                                  \
  {                                                                             \
    const type *source = voxels;                                                \
    for (int x = 0; x < self->width; x++)                                       \
      if (inside[x] >= 0 && (self->ready == NULL || self->ready[k[x]]))         \
        {                                                                       \
          float v = source[inside[x] + k[x] * self->grid.stride[2]];            \
          values[x] = fold == SAG_FOLD_ADD   ? values[x] + v                    \
                      : fold == SAG_FOLD_MAX ? MAX (values[x], v)               \
                      : fold == SAG_FOLD_MIN ? MIN (values[x], v)               \
                                             : v;                               \
          count[x] = fold == SAG_FOLD_STORE ? 1 : count[x] + 1;                 \
        }                                                                       \
      else if (fold == SAG_FOLD_STORE)                                          \
        values[x] = count[x] = 0;                                               \
  }                                                                             \
  G_STMT_END

static void
fold_nearest (const SagSliceMap *self, SagSampleType type, gconstpointer voxels,
              const SagSampleLine *line, SagFold fold, float *values, float *count, gint32 *scratch)
{
  gint32 *inside = scratch, *k = scratch + self->pitch;

  sag_kernels_get ()->slice.nearest (&self->grid, line, (size_t) self->width, inside, k);
  SAG_SLICE_FOR_TYPE (type, FOLD_NEAREST);
}

void
sag_slice_map_sample (const SagSliceMap *self, SagSampleType type, gconstpointer voxels,
                      SagInterpolation interpolation, SagFold fold, int y0, int y1, float *values,
                      float *count, gpointer scratch)
{
  gboolean nearest = interpolation == SAG_INTERPOLATION_NEAREST;
  gsize n = (gsize) (y1 - y0) * (gsize) self->pitch;
  SagSampleGrid grid = self->grid;
  gboolean sample_oblique = FALSE;

  if (self->n_depths == 1)
    fold = SAG_FOLD_STORE;
  if (!self->valid || fold != SAG_FOLD_STORE)
    {
      float start = fold == SAG_FOLD_MAX ? -INFINITY : fold == SAG_FOLD_MIN ? INFINITY : 0;

      for (gsize x = 0; x < n; x++)
        values[x] = start;
      memset (count, 0, n * sizeof *count);
      if (!self->valid)
        return;
    }
  if (interpolation == SAG_INTERPOLATION_CUBIC && sag_slice_map_can_cubic (self))
    sag_slice_map_sample_cubic (self, type, voxels, fold, y0, y1, values, count, scratch);
  else if (self->orthogonal)
    sample_orthogonal (self, type, voxels, nearest, fold, y0, y1, values, count, scratch);
  else
    sample_oblique = TRUE;
  grid.voxels = voxels;
  for (int y = y0; y < y1 && sample_oblique; y++)
    for (int depth = 0; depth < self->n_depths; depth++)
      {
        SagSampleLine line =
            make_sample_line (self, y, self->first_depth + depth * self->depth_step);
        gsize row = (gsize) (y - y0) * (gsize) self->pitch;

        if (nearest)
          fold_nearest (self, type, voxels, &line, fold, values + row, count + row, scratch);
        else
          sag_kernels_get ()->slice.trilinear (&grid, type, &line, (size_t) self->width, fold,
                                               values + row, count + row);
      }
  if (fold == SAG_FOLD_ADD)
    for (gsize x = 0; x < n; x++)
      if (count[x] > 0)
        values[x] /= count[x];
}

int
sag_slice_map_get_row_key (const SagSliceMap *self, int y)
{
  SagPoint row;

  if (!self->valid)
    return 0;
  if (!self->orthogonal)
    return -1;
  row = sag_point_split (self->origin[self->axis[1]] + y * self->down[self->axis[1]], self->grid.size[self->axis[1]]);
  return row.inside ? row.nearest : self->grid.size[self->axis[1]];
}

gboolean
sag_slice_map_meets (const SagSliceMap *self, const SagLabelmap *layer, int y0, int y1)
{
  int box[6];

  sag_labelmap_get_box (layer, box);
  for (int a = 0; a < 3 && self->valid; a++)
    {
      double low = G_MAXDOUBLE, high = -G_MAXDOUBLE;

      for (int corner = 0; corner < 4; corner++)
        {
          double at = self->origin[a] + ((corner & 1) != 0 ? self->width - 1 : 0) * self->right[a]
                      + ((corner & 2) != 0 ? y1 - 1 : y0) * self->down[a];

          low = MIN (low, at);
          high = MAX (high, at);
        }
      if (high < box[a] - 1 || low > box[3 + a])
        return FALSE;
    }
  return self->valid;
}

/* Along a row of the picture one axis of the box runs; the other two stand at `r` and `z`. */
static void
boxed_row (const SagSliceMap *self, const SagLabelmap *layer, const guint8 *confidences, const guint8 lut[256], int r,
           int z, guint8 *labels, guint8 *confidence)
{
  int a = self->axis[0], v = self->axis[1], w = self->axis[2], box[6];
  const guint8 *voxels = sag_labelmap_get_box_voxels (layer);
  ptrdiff_t stride[3], fixed = r * self->grid.stride[v] + z * self->grid.stride[w];

  sag_labelmap_get_box (layer, box);
  stride[0] = 1;
  stride[1] = box[3] - box[0];
  stride[2] = stride[1] * (box[4] - box[1]);
  if (r < box[v] || r >= box[3 + v] || z < box[w] || z >= box[3 + w])
    return;
  voxels += (r - box[v]) * stride[v] + (z - box[w]) * stride[w];
  for (int x = 0; x < self->width; x++)
    {
      int at = self->columns[x].nearest, k = a == 2 ? at : v == 2 ? r : z;

      if (!self->columns[x].inside || at < box[a] || at >= box[3 + a] || (self->ready != NULL && !self->ready[k]))
        continue;
      labels[x] = lut[voxels[(at - box[a]) * stride[a]]];
      if (confidences != NULL)
        confidence[x] = confidences[fixed + at * self->grid.stride[a]];
    }
}

/* Labels of a layer that keeps a box only; everything else is 0 already. */
static void
boxed_labels (const SagSliceMap *self, const SagLabelmap *layer, const guint8 *confidences,
              const guint8 lut[256], int y, guint8 *labels, guint8 *confidence, gpointer scratch)
{
  gint32 *inside = scratch, *k = inside + self->pitch;
  int v = self->axis[1], w = self->axis[2], at[3];

  if (!sag_slice_map_meets (self, layer, y, y + 1))
    return;
  if (self->orthogonal)
    {
      SagPoint r = sag_point_split (self->origin[v] + y * self->down[v], self->grid.size[v]);
      SagPoint z = sag_point_split (self->origin[w], self->grid.size[w]);

      if (!r.inside || !z.inside)
        return;
      boxed_row (self, layer, confidences, lut, r.nearest, z.nearest, labels, confidence);
      return;
    }
  else
    {
      SagSampleLine line = make_sample_line (self, y, 0);

      sag_kernels_get ()->slice.nearest (&self->grid, &line, (gsize) self->width, inside, k);
    }
  for (int x = 0; x < self->width; x++)
    {
      if (inside[x] < 0)
        continue;
      at[0] = inside[x] % self->grid.size[0];
      at[1] = inside[x] / self->grid.size[0];
      at[2] = k[x];
      if (self->ready != NULL && !self->ready[at[2]])
        continue;
      labels[x] = lut[sag_labelmap_get_value (layer, at[0], at[1], at[2])];
      if (confidences != NULL)
        confidence[x] = confidences[at[0] + at[1] * self->grid.stride[1] + at[2] * self->grid.stride[2]];
    }
}

void
sag_slice_map_labels (const SagSliceMap *self, const SagLabelmap *layer, const guint8 *confidences,
                      const guint8 lut[256], int y, guint8 *labels, guint8 *confidence,
                      guint8 *missing, gpointer scratch)
{
  gint32 *inside = scratch, *k = inside + self->pitch;
  const guint8 *voxels = sag_labelmap_get_voxels (layer);
  ptrdiff_t fixed = 0;
  gsize width = (gsize) self->width;
  int a = self->axis[0], v = self->axis[1], w = self->axis[2];

  memset (labels, 0, width);
  if (confidences != NULL)
    memset (confidence, 0, width);
  if (missing != NULL)
    memset (missing, 0, width);
  if (!self->valid)
    return;
  if (voxels == NULL)
    {
      boxed_labels (self, layer, confidences, lut, y, labels, confidence, scratch);
      return;
    }

  if (self->orthogonal)
    {
      SagPoint r = sag_point_split (self->origin[v] + y * self->down[v], self->grid.size[v]);
      SagPoint z = sag_point_split (self->origin[w], self->grid.size[w]);
      int slice = v == 2 ? r.nearest : z.nearest;

      if (!r.inside || !z.inside)
        return;
      fixed = r.nearest * self->grid.stride[v] + z.nearest * self->grid.stride[w];
      if (a != 2 && self->ready != NULL && !self->ready[slice])
        {
          for (gsize x = 0; missing != NULL && x < width; x++)
            missing[x] = self->columns[x].inside;
          return;
        }
      for (gsize x = 0; x < width; x++)
        {
          const SagPoint *column = &self->columns[x];
          ptrdiff_t at = fixed + column->nearest * self->grid.stride[a];

          if (!column->inside)
            continue;
          if (a == 2 && self->ready != NULL && !self->ready[column->nearest])
            {
              if (missing != NULL)
                missing[x] = 1;
              continue;
            }
          labels[x] = lut[voxels[at]];
          if (confidences != NULL)
            confidence[x] = confidences[at];
        }
      return;
    }

  {
    SagSampleLine line = make_sample_line (self, y, 0);

    sag_kernels_get ()->slice.nearest (&self->grid, &line, width, inside, k);
  }
  for (gsize x = 0; x < width; x++)
    {
      ptrdiff_t at = inside[x] + k[x] * self->grid.stride[2];

      if (inside[x] < 0)
        continue;
      if (self->ready != NULL && !self->ready[k[x]])
        {
          if (missing != NULL)
            missing[x] = 1;
          continue;
        }
      labels[x] = lut[voxels[at]];
      if (confidences != NULL)
        confidence[x] = confidences[at];
    }
}
