/* SPDX-License-Identifier: Apache-2.0
 *
 * resample.c: the values of one grid at the voxels of another, row by row.
 */
#include "engine/image/resample.h"

#include "engine/base/parallel.h"
#include "engine/image/point.h"

#include <string.h>

struct _SagResampler
{
  SagGrid   from, to;
  double    origin[3];  /* index in `from` of voxel (0, 0, 0) of `to` */
  double    step[3][3]; /* and how it moves with each axis of `to` */
  gboolean  parallel;   /* axes run along axes: positions come from tables */
  int       axis[3];    /* of `from`, along each axis of `to` */
  SagPoint *points[3];  /* [to.size[a]] */
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

SagResampler *
sag_resampler_new (const SagGrid *from, const SagGrid *to)
{
  SagResampler *self = g_new0 (SagResampler, 1);
  double ijk[3] = { 0, 0, 0 }, lps[3];

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
    }
  return self;
}

void
sag_resampler_free (SagResampler *self)
{
  for (int a = 0; a < 3; a++)
    g_free (self->points[a]);
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

void
sag_resampler_get_source (const SagResampler *self, int k0, int k1, int *from_k0, int *from_k1)
{
  int lower = G_MAXINT, upper = 0;

  for (int corner = 0; corner < 8; corner++)
    {
      Place place = find_place (self, (corner & 1) != 0 ? self->to.size[0] - 1 : 0,
                                (corner & 2) != 0 ? self->to.size[1] - 1 : 0,
                                CLAMP ((corner & 4) != 0 ? k1 - 1 : k0, 0, self->to.size[2] - 1));

      lower = MIN (lower, place.along[2].index);
      upper = MAX (upper, place.along[2].index + 2);
    }
  *from_k0 = lower;
  *from_k1 = MIN (upper, self->from.size[2]);
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

void
sag_resampler_volume_row (const SagResampler *self, const SagVolume *volume, int j, int k,
                          float outside, float *row)
{
  gconstpointer voxels = sag_block_get_data (sag_volume_get_block (volume));
  SagVoxelType type = sag_volume_get_voxel_type (volume);
  double slope = sag_volume_get_slope (volume), intercept = sag_volume_get_intercept (volume);

  if (type == SAG_VOXEL_RGB8)
    {
      slope = 1;
      intercept = 0;
    }
  for (int i = 0; i < self->to.size[0]; i++)
    {
      Place place = find_place (self, i, j, k);
      Corners c = find_corners (self, &place);
      float f = place.along[0].fraction, g = place.along[1].fraction, h = place.along[2].fraction,
            near, far;

      if (!isnan (outside) && !is_inside (&place))
        {
          row[i] = outside;
          continue;
        }
      near = lerp (lerp (fetch (voxels, type, c.at), fetch (voxels, type, c.at + c.right), f),
                   lerp (fetch (voxels, type, c.at + c.down),
                         fetch (voxels, type, c.at + c.down + c.right), f),
                   g);
      c.at += c.deep;
      far = h == 0
                ? near
                : lerp (lerp (fetch (voxels, type, c.at), fetch (voxels, type, c.at + c.right), f),
                        lerp (fetch (voxels, type, c.at + c.down),
                              fetch (voxels, type, c.at + c.down + c.right), f),
                        g);
      row[i] = (float) ((double) lerp (near, far, h) * slope + intercept);
    }
}

void
sag_resampler_float_row (const SagResampler *self, const float *source, int source_k0,
                         int source_k1, int channels, int j, int k, float outside, float *row)
{
  gsize slice = (gsize) self->from.size[0] * (gsize) self->from.size[1];

  for (int i = 0; i < self->to.size[0]; i++, row += channels)
    {
      Place place = find_place (self, i, j, k);
      SagPoint *deep = &place.along[2];
      int upper = CLAMP (deep->index + 1, source_k0, source_k1 - 1);
      Corners c;
      const float *near, *far;
      gsize right, down;

      if (!isnan (outside) && !is_inside (&place))
        {
          for (int n = 0; n < channels; n++)
            row[n] = outside;
          continue;
        }
      deep->index = CLAMP (deep->index, source_k0, source_k1 - 1);
      c = find_corners (self, &place);
      c.at -= (gsize) source_k0 * slice;
      near = source + c.at * (gsize) channels;
      far = near + (gsize) (upper - deep->index) * slice * (gsize) channels;
      right = c.right * (gsize) channels;
      down = c.down * (gsize) channels;
      for (int n = 0; n < channels; n++, near++, far++)
        row[n] = lerp (lerp (lerp (near[0], near[right], place.along[0].fraction),
                             lerp (near[down], near[down + right], place.along[0].fraction),
                             place.along[1].fraction),
                       lerp (lerp (far[0], far[right], place.along[0].fraction),
                             lerp (far[down], far[down + right], place.along[0].fraction),
                             place.along[1].fraction),
                       deep->fraction);
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
