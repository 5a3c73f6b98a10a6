/* SPDX-License-Identifier: Apache-2.0
 *
 * resample.c: the values of one grid at the voxels of another, row by row.
 */
#include "engine/image/resample.h"

#include "engine/base/parallel.h"
#include "engine/image/point.h"

#include <string.h>

#define COARSER 2 /* steps above which linear interpolation would pass voxels over */

/* What one voxel of `to` takes of an axis of `from`: `n` voxels from `first` on. */
typedef struct
{
  int    first, n;
  float *weights; /* [n], sum 1 */
} Span;

struct _SagResampler
{
  SagGrid   from, to;
  double    origin[3];  /* index in `from` of voxel (0, 0, 0) of `to` */
  double    step[3][3]; /* and how it moves with each axis of `to` */
  gboolean  parallel;   /* axes run along axes: positions come from tables */
  int       axis[3];    /* of `from`, along each axis of `to` */
  SagPoint *points[3];  /* [to.size[a]] */
  Span     *spans[3];   /* [to.size[a]]; NULL if no axis of `to` is that much coarser */
  float    *weights[3]; /* of all spans of an axis */
};

/* A voxel of `to`: along i, j, k of `from`. */
typedef struct
{
  SagPoint along[3];
} Place;

static gboolean
find_axes (SagResampler *self)
{
  int used = 0;

  for (int a = 0; a < 3; a++)
    {
      self->axis[a] = -1;
      for (int f = 0; f < 3; f++)
        if (fabs (self->step[a][f]) * self->to.size[a] > 1e-3)
          {
            if (self->axis[a] >= 0)
              return FALSE;
            self->axis[a] = f;
          }
      if (self->axis[a] < 0 || (used & 1 << self->axis[a]) != 0)
        return FALSE;
      used |= 1 << self->axis[a];
    }
  return TRUE;
}

/* Along axis a of `to`: a triangle as wide as the step, but two voxels at least, which is linear
 * interpolation: nothing jumps as steps become longer, and no voxel is passed over. What lies beyond
 * the ends counts nothing. */
static void
make_spans (SagResampler *self, int a)
{
  int size = self->from.size[self->axis[a]], count = self->to.size[a], most;
  double half = MAX (fabs (self->step[a][self->axis[a]]) / 2, 1);

  most = (int) MIN (2 * ceil (half) + 1, size);
  self->spans[a] = g_new (Span, count);
  self->weights[a] = g_new (float, (gsize) count * (gsize) most);
  for (int n = 0; n < count; n++)
    {
      Span *span = &self->spans[a][n];
      const SagPoint *point = &self->points[a][n];
      double p = point->index + (double) point->fraction, sum = 0;
      int last = (int) MIN (ceil (p + half) - 1, size - 1);

      span->first = (int) MAX (floor (p - half) + 1, 0);
      span->n = last - span->first + 1;
      span->weights = self->weights[a] + (gsize) n * (gsize) most;
      for (int q = 0; q < span->n; q++)
        sum += 1 - fabs (span->first + q - p) / half;
      for (int q = 0; q < span->n; q++)
        span->weights[q] = (float) ((1 - fabs (span->first + q - p) / half) / sum);
    }
}

SagResampler *
sag_resampler_new (const SagGrid *from, const SagGrid *to)
{
  SagResampler *self = g_new0 (SagResampler, 1);
  double ijk[3] = { 0, 0, 0 }, lps[3];
  gboolean coarser = FALSE;

  self->from = *from;
  self->to = *to;
  sag_grid_to_lps (to, ijk, lps);
  sag_grid_to_ijk (from, lps, self->origin);
  for (int a = 0; a < 3; a++)
    {
      double there[3] = { 0, 0, 0 };

      there[a] = 1;
      sag_grid_to_lps (to, there, lps);
      sag_grid_to_ijk (from, lps, there);
      for (int f = 0; f < 3; f++)
        self->step[a][f] = there[f] - self->origin[f];
    }
  self->parallel = find_axes (self);
  for (int a = 0; a < 3 && self->parallel; a++)
    {
      int f = self->axis[a];

      self->points[a] = g_new (SagPoint, to->size[a]);
      for (int n = 0; n < to->size[a]; n++)
        self->points[a][n] =
            sag_point_split (self->origin[f] + n * self->step[a][f], from->size[f]);
      coarser |= fabs (self->step[a][f]) > COARSER;
    }
  for (int a = 0; a < 3 && coarser; a++)
    make_spans (self, a);
  return self;
}

void
sag_resampler_free (SagResampler *self)
{
  for (int a = 0; a < 3; a++)
    {
      g_free (self->points[a]);
      g_free (self->spans[a]);
      g_free (self->weights[a]);
    }
  g_free (self);
}

static inline Place
find_place (const SagResampler *self, int i, int j, int k)
{
  Place place;

  if (self->parallel)
    {
      place.along[self->axis[0]] = self->points[0][i];
      place.along[self->axis[1]] = self->points[1][j];
      place.along[self->axis[2]] = self->points[2][k];
    }
  else
    for (int f = 0; f < 3; f++)
      place.along[f] = sag_point_split (self->origin[f] + i * self->step[0][f]
                                            + j * self->step[1][f] + k * self->step[2][f],
                                        self->from.size[f]);
  return place;
}

static inline gboolean
is_inside (const Place *place)
{
  return place->along[0].inside && place->along[1].inside && place->along[2].inside;
}

static inline float
lerp (float a, float b, float f)
{
  return a + f * (b - a);
}

/* The eight voxels around a place, as offsets. */
typedef struct
{
  gsize at, right, down, deep;
} Corners;

static inline Corners
find_corners (const SagResampler *self, const Place *place)
{
  const int *size = self->from.size;
  gsize columns = (gsize) size[0], slice = columns * (gsize) size[1];

  return (Corners){ .at = (gsize) place->along[0].index + (gsize) place->along[1].index * columns
                          + (gsize) place->along[2].index * slice,
                    .right = size[0] > 1 ? 1 : 0,
                    .down = size[1] > 1 ? columns : 0,
                    .deep = size[2] > 1 ? slice : 0 };
}

static inline float
fetch (gconstpointer voxels, SagVoxelType type, gsize at)
{
  const guint8 *rgb;

  switch (type)
    {
    case SAG_VOXEL_U8:
      return ((const guint8 *) voxels)[at];
    case SAG_VOXEL_I16:
      return ((const gint16 *) voxels)[at];
    case SAG_VOXEL_U16:
      return ((const guint16 *) voxels)[at];
    case SAG_VOXEL_F32:
      return ((const float *) voxels)[at];
    case SAG_VOXEL_RGB8:
      rgb = (const guint8 *) voxels + 3 * at;
      return (float) (0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]);
    }
  return 0;
}

/* line[n] += weight * the n-th voxel from `at` on, `stride` apart. */
#define ADD(type)                                                                                 \
  for (int n = 0; n < count; n++)                                                                 \
    line[n] += weight * (float) ((const type *) voxels)[at + (gsize) n * stride]

static void
add_line (gconstpointer voxels, SagVoxelType type, gsize at, gsize stride, int count, float weight,
          float *line)
{
  switch (type)
    {
    case SAG_VOXEL_U8:
      ADD (guint8);
      break;
    case SAG_VOXEL_I16:
      ADD (gint16);
      break;
    case SAG_VOXEL_U16:
      ADD (guint16);
      break;
    case SAG_VOXEL_F32:
      ADD (float);
      break;
    case SAG_VOXEL_RGB8:
      for (int n = 0; n < count; n++)
        line[n] += weight * fetch (voxels, type, at + (gsize) n * stride);
      break;
    }
}

/* Row (j, k) of averages: lines of `from` along the row's axis are added up first, and then what
 * each voxel takes of their sum. */
static void
average_row (const SagResampler *self, gconstpointer voxels, SagVoxelType type, int j, int k,
             float *row)
{
  const int *size = self->from.size, *axis = self->axis;
  gsize stride[3] = { 1, (gsize) size[0], (gsize) size[0] * (gsize) size[1] };
  const Span *across = &self->spans[1][j], *deep = &self->spans[2][k], *ends = self->spans[0];
  int last = self->to.size[0] - 1;
  int first = MIN (ends[0].first, ends[last].first);
  int count = MAX (ends[0].first + ends[0].n, ends[last].first + ends[last].n) - first;
  g_autofree float *line = g_new0 (float, count);

  for (int z = 0; z < deep->n; z++)
    for (int y = 0; y < across->n; y++)
      add_line (voxels, type,
                (gsize) first * stride[axis[0]] + (gsize) (across->first + y) * stride[axis[1]]
                    + (gsize) (deep->first + z) * stride[axis[2]],
                stride[axis[0]], count, deep->weights[z] * across->weights[y], line);
  for (int i = 0; i <= last; i++)
    {
      const Span *span = &self->spans[0][i];
      const float *from = line + (span->first - first);
      float sum = 0;

      for (int n = 0; n < span->n; n++)
        sum += span->weights[n] * from[n];
      row[i] = sum;
    }
}

/* The voxel at a place, linearly between the eight around it. */
static inline float
interpolate (const SagResampler *self, gconstpointer voxels, SagVoxelType type, const Place *place)
{
  Corners c = find_corners (self, place);
  float f = place->along[0].fraction, g = place->along[1].fraction, h = place->along[2].fraction;
  float near, far;

  near = lerp (lerp (fetch (voxels, type, c.at), fetch (voxels, type, c.at + c.right), f),
               lerp (fetch (voxels, type, c.at + c.down),
                     fetch (voxels, type, c.at + c.down + c.right), f),
               g);
  if (h == 0)
    return near;
  c.at += c.deep;
  far = lerp (lerp (fetch (voxels, type, c.at), fetch (voxels, type, c.at + c.right), f),
              lerp (fetch (voxels, type, c.at + c.down),
                    fetch (voxels, type, c.at + c.down + c.right), f),
              g);
  return lerp (near, far, h);
}

void
sag_resampler_volume_row (const SagResampler *self, const SagVolume *volume, int j, int k,
                          float outside, float *row)
{
  gconstpointer voxels = sag_block_get_data (sag_volume_get_block (volume));
  SagVoxelType type = sag_volume_get_voxel_type (volume);
  double slope = sag_volume_get_slope (volume), intercept = sag_volume_get_intercept (volume);
  gboolean averaged = self->spans[0] != NULL;

  if (type == SAG_VOXEL_RGB8)
    {
      slope = 1;
      intercept = 0;
    }
  if (averaged)
    average_row (self, voxels, type, j, k, row);
  for (int i = 0; i < self->to.size[0]; i++)
    {
      Place place = find_place (self, i, j, k);

      if (!isnan (outside) && !is_inside (&place))
        row[i] = outside;
      else
        row[i] = (float) ((double) (averaged ? row[i] : interpolate (self, voxels, type, &place))
                              * slope
                          + intercept);
    }
}

void
sag_resampler_label_row (const SagResampler *self, const guint8 *source, int j, int k, guint8 *row)
{
  gsize columns = (gsize) self->from.size[0], slice = columns * (gsize) self->from.size[1];

  for (int i = 0; i < self->to.size[0]; i++)
    {
      Place place = find_place (self, i, j, k);

      row[i] =
          is_inside (&place)
              ? source[(gsize) place.along[0].nearest + (gsize) place.along[1].nearest * columns
                       + (gsize) place.along[2].nearest * slice]
              : 0;
    }
}

typedef struct
{
  const SagResampler *resampler;
  const SagVolume    *volume;
  const guint8       *labels;
  float               outside;
  gpointer            out;
} Resample;

static void
resample_slice (gsize item, int thread, gpointer data)
{
  const Resample *self = data;
  const int *size = self->resampler->to.size;
  gsize slice = (gsize) size[0] * (gsize) size[1];

  for (int j = 0; j < size[1]; j++)
    {
      gsize at = item * slice + (gsize) j * (gsize) size[0];

      if (self->labels != NULL)
        sag_resampler_label_row (self->resampler, self->labels, j, (int) item,
                                 (guint8 *) self->out + at);
      else
        sag_resampler_volume_row (self->resampler, self->volume, j, (int) item, self->outside,
                                  (float *) self->out + at);
    }
}

/* Labels of a box. */
typedef struct
{
  const SagResampler *resampler;
  const SagLabelmap  *from;
  int                 box[6]; /* of the target, that holds all they become */
  guint8             *out;    /* [box] */
} Boxed;

static void
resample_boxed_slice (gsize item, int thread, gpointer data)
{
  const Boxed *self = data;
  const int *box = self->box;
  gsize columns = (gsize) (box[3] - box[0]), rows = (gsize) (box[4] - box[1]);
  guint8 *out = self->out + item * rows * columns;

  for (int j = box[1]; j < box[4]; j++)
    for (int i = box[0]; i < box[3]; i++, out++)
      {
        Place place = find_place (self->resampler, i, j, box[2] + (int) item);
        const SagPoint *p = place.along;

        if (is_inside (&place))
          *out = sag_labelmap_get_value (self->from, p[0].nearest, p[1].nearest, p[2].nearest);
      }
}

/* The voxels of `to` that may be nearest to one of `from`'s box. */
static void
find_box (const SagLabelmap *from, const SagGrid *to, int box[6])
{
  double low[3] = { G_MAXDOUBLE, G_MAXDOUBLE, G_MAXDOUBLE };
  double high[3] = { -G_MAXDOUBLE, -G_MAXDOUBLE, -G_MAXDOUBLE };
  int kept[6];

  sag_labelmap_get_box (from, kept);
  for (int corner = 0; corner < 8; corner++)
    {
      double ijk[3], lps[3];

      for (int a = 0; a < 3; a++)
        ijk[a] = (corner >> a & 1) != 0 ? kept[3 + a] - 0.5 : kept[a] - 0.5;
      sag_grid_to_lps (sag_labelmap_get_grid (from), ijk, lps);
      sag_grid_to_ijk (to, lps, ijk);
      for (int a = 0; a < 3; a++)
        {
          low[a] = MIN (low[a], ijk[a]);
          high[a] = MAX (high[a], ijk[a]);
        }
    }
  for (int a = 0; a < 3; a++)
    {
      box[a] = (int) CLAMP (floor (low[a] - 0.01), 0, to->size[a]);
      box[3 + a] = (int) CLAMP (ceil (high[a] + 0.01) + 1, box[a], to->size[a]);
    }
}

static SagLabelmap *
resample_boxed (const SagLabelmap *self, const SagResampler *resampler, const SagGrid *to, GError **error)
{
  int n_labels;
  const SagLabel *labels = sag_labelmap_get_labels (self, &n_labels);
  g_autoptr (SagBlock) block = NULL;
  Boxed boxed = { .resampler = resampler, .from = self };
  gsize n = 1;

  find_box (self, to, boxed.box);
  for (int a = 0; a < 3; a++)
    n *= (gsize) (boxed.box[3 + a] - boxed.box[a]);
  block = sag_block_new (MAX (n, 1), "the labels", error);
  if (block == NULL)
    return NULL;
  boxed.out = sag_block_get_data (block);
  if (n > 0)
    sag_parallel_for ((gsize) (boxed.box[5] - boxed.box[2]), resample_boxed_slice, &boxed);
  return sag_labelmap_new_boxed (to, boxed.box, block, 0, labels, n_labels, error);
}

SagLabelmap *
sag_labelmap_resample (const SagLabelmap *self, const SagGrid *to, GError **error)
{
  g_autoptr (SagResampler) resampler = sag_resampler_new (sag_labelmap_get_grid (self), to);
  int n_labels;
  const SagLabel *labels = sag_labelmap_get_labels (self, &n_labels);
  Resample resample = { .resampler = resampler, .labels = sag_labelmap_get_voxels (self) };
  SagLabelmap *out;

  if (resample.labels == NULL)
    return resample_boxed (self, resampler, to, error);
  out = sag_labelmap_new (to, NULL, labels, n_labels, error);
  if (out == NULL)
    return NULL;
  resample.out = sag_labelmap_get_voxels (out);
  sag_parallel_for ((gsize) to->size[2], resample_slice, &resample);
  return out;
}

SagVolume *
sag_volume_resample (const SagVolume *self, const SagGrid *to, float outside, GError **error)
{
  g_autoptr (SagResampler) resampler = sag_resampler_new (sag_volume_get_grid (self), to);
  SagVolume *out =
      sag_volume_new_alloc (to, SAG_VOXEL_F32, 1, 0, sag_volume_get_unit (self), error);
  Resample resample = { .resampler = resampler, .volume = self, .outside = outside };

  if (out == NULL)
    return NULL;
  sag_volume_set_origin_tags (out, sag_volume_get_modality (self),
                              sag_volume_get_frame_of_reference (self));
  resample.out = sag_volume_get_slice (out, 0);
  sag_parallel_for ((gsize) to->size[2], resample_slice, &resample);
  sag_volume_mark_ready (out, 0, to->size[2]);
  return out;
}
