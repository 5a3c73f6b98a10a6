/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.c: how alike two segmentations are, and how honest a confidence is.
 *
 * Surface distances come from an exact Euclidean distance transform of each surface, within the box
 * of both: one pass an axis, the lower envelope of parabolas along each line (Felzenszwalb and
 * Huttenlocher, Theory of Computing 8, 2012). No surface voxel lies outside the box, so nothing is
 * lost by it.
 */
#include "engine/image/metrics.h"

#include "engine/base/alloc.h"
#include "engine/base/parallel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A label within the box of both. */
typedef struct _Field
{
  const guint8 *voxels;
  const int    *size; /* of the volume */
  guint8        value;
  int           box[6];
  int           n[3];       /* of the box */
  double        spacing[3];
  float        *squares;    /* [n2][n1][n0] mm^2 to the nearest surface voxel */
  int           axis;       /* of the pass */
  gboolean    (*is_seed) (const struct _Field *self, int i, int j, int k);
} Field;

static gboolean
has_label (const Field *self, int i, int j, int k)
{
  return i >= 0 && j >= 0 && k >= 0 && i < self->size[0] && j < self->size[1] && k < self->size[2]
         && self->voxels[(gsize) i
                         + (gsize) self->size[0] * ((gsize) j + (gsize) self->size[1] * (gsize) k)]
                == self->value;
}

/* (i, j, k) counts from the box's corner. */
static gboolean
is_surface (const Field *self, int i, int j, int k)
{
  i += self->box[0];
  j += self->box[1];
  k += self->box[2];
  return has_label (self, i, j, k)
         && !(has_label (self, i - 1, j, k) && has_label (self, i + 1, j, k)
              && has_label (self, i, j - 1, k) && has_label (self, i, j + 1, k)
              && (self->size[2] == 1
                  || (has_label (self, i, j, k - 1) && has_label (self, i, j, k + 1))));
}

/* Another label lies beside (i, j, k), counted from the box's corner. */
static gboolean
is_boundary (const Field *self, int i, int j, int k)
{
  int at[3] = { i + self->box[0], j + self->box[1], k + self->box[2] };
  gsize stride[3] = { 1, (gsize) self->size[0], (gsize) self->size[0] * (gsize) self->size[1] };
  const guint8 *here = self->voxels + (gsize) at[0] + stride[1] * (gsize) at[1]
                       + stride[2] * (gsize) at[2];

  for (int axis = 0; axis < 3; axis++)
    if ((at[axis] > 0 && *(here - stride[axis]) != *here)
        || (at[axis] + 1 < self->size[axis] && *(here + stride[axis]) != *here))
      return TRUE;
  return FALSE;
}

static void
seed_slice (gsize item, int thread, gpointer data)
{
  Field *self = data;
  float *out = self->squares + item * (gsize) self->n[0] * (gsize) self->n[1];

  for (int j = 0; j < self->n[1]; j++)
    for (int i = 0; i < self->n[0]; i++)
      *out++ = self->is_seed (self, i, j, (int) item) ? 0 : INFINITY;
}

/* One line of n values a distance `step` apart becomes the lower envelope of its parabolas. */
static void
envelope (const double *f, int n, double step, int *vertex, double *from, double *out)
{
  int last = -1;

  for (int q = 0; q < n; q++)
    {
      double x = q * step, start = -INFINITY;

      if (isinf (f[q]))
        continue;
      while (last >= 0)
        {
          double v = vertex[last] * step;

          start = (f[q] + x * x - f[vertex[last]] - v * v) / (2 * (x - v));
          if (start > from[last])
            break;
          last--;
        }
      last++;
      vertex[last] = q;
      from[last] = last > 0 ? start : -INFINITY;
    }
  for (int q = 0, m = 0; q < n; q++)
    {
      if (last < 0)
        {
          out[q] = INFINITY;
          continue;
        }
      while (m < last && from[m + 1] < q * step)
        m++;
      out[q] = (q - vertex[m]) * step * ((q - vertex[m]) * step) + f[vertex[m]];
    }
}

/* Every line along the axis of the pass within one plane. */
static void
transform_plane (gsize item, int thread, gpointer data)
{
  Field *self = data;
  int axis = self->axis, n = self->n[axis];
  gsize stride[3] = { 1, (gsize) self->n[0], (gsize) self->n[0] * (gsize) self->n[1] };
  int plane_axis = axis == 2 ? 1 : 2, line_axis = 3 - axis - plane_axis;
  g_autofree double *f = g_new (double, 3 * n);
  g_autofree int *vertex = g_new (int, n);

  for (int line = 0; line < self->n[line_axis]; line++)
    {
      float *first = self->squares + item * stride[plane_axis] + (gsize) line * stride[line_axis];

      for (int q = 0; q < n; q++)
        f[q] = first[(gsize) q * stride[axis]];
      envelope (f, n, self->spacing[axis], vertex, f + n, f + 2 * n);
      for (int q = 0; q < n; q++)
        first[(gsize) q * stride[axis]] = (float) f[2 * n + q];
    }
}

static void
field_transform (Field *self)
{
  sag_parallel_for ((gsize) self->n[2], seed_slice, self);
  for (self->axis = 0; self->axis < 3; self->axis++)
    sag_parallel_for ((gsize) self->n[self->axis == 2 ? 1 : 2], transform_plane, self);
}

/* Distances of `surface`'s surface voxels in a transformed field. */
static void
collect (const Field *field, const Field *surface, GArray *distances)
{
  const float *square = field->squares;

  for (int k = 0; k < field->n[2]; k++)
    for (int j = 0; j < field->n[1]; j++)
      for (int i = 0; i < field->n[0]; i++, square++)
        if (is_surface (surface, i, j, k))
          {
            float mm = sqrtf (*square);

            g_array_append_val (distances, mm);
          }
}

static int
compare_floats (gconstpointer a, gconstpointer b)
{
  float x = *(const float *) a, y = *(const float *) b;

  return (x > y) - (x < y);
}

static void
summarise (GArray *distances, SagAgreement *result)
{
  double at = 0.95 * (distances->len - 1), sum = 0;
  guint lower = (guint) at, upper = MIN (lower + 1, distances->len - 1);
  double a, b;

  g_array_sort (distances, compare_floats);
  a = g_array_index (distances, float, lower);
  b = g_array_index (distances, float, upper);
  for (guint n = 0; n < distances->len; n++)
    sum += g_array_index (distances, float, n);
  result->hd95_mm = a + (at - lower) * (b - a);
  result->mean_mm = sum / distances->len;
}

/* Counts, and where the label is, into the field's box. */
static void
count_overlap (Field *field, const guint8 *a, const guint8 *b, const SagGrid *grid, SagAgreement *result)
{
  gsize at = 0;

  memset (result, 0, sizeof *result);
  for (int k = 0; k < grid->size[2]; k++)
    for (int j = 0; j < grid->size[1]; j++)
      for (int i = 0; i < grid->size[0]; i++, at++)
        {
          gboolean in_a = a[at] == field->value, in_b = b[at] == field->value;

          if (!in_a && !in_b)
            continue;
          result->n_a += in_a;
          result->n_b += in_b;
          result->n_both += in_a && in_b;
          field->box[0] = MIN (field->box[0], i);
          field->box[1] = MIN (field->box[1], j);
          field->box[2] = MIN (field->box[2], k);
          field->box[3] = MAX (field->box[3], i + 1);
          field->box[4] = MAX (field->box[4], j + 1);
          field->box[5] = MAX (field->box[5], k + 1);
        }
  result->ml_a = (double) result->n_a * sag_grid_get_voxel_ml (grid);
  result->ml_b = (double) result->n_b * sag_grid_get_voxel_ml (grid);
  result->dice = result->n_a + result->n_b > 0
                     ? 2.0 * (double) result->n_both / (double) (result->n_a + result->n_b)
                     : NAN;
  result->hd95_mm = result->mean_mm = NAN;
}

static gboolean
compare (const guint8 *a, const guint8 *b, const SagGrid *grid, guint8 value, gboolean surface, SagAgreement *result,
         GError **error)
{
  Field field = { .size = grid->size,
                  .value = value,
                  .is_seed = is_surface,
                  .box = { G_MAXINT, G_MAXINT, G_MAXINT, 0, 0, 0 } },
        other;
  g_autoptr (GArray) distances = NULL;

  count_overlap (&field, a, b, grid, result);
  if (!surface || result->n_a == 0 || result->n_b == 0)
    return TRUE;

  for (int axis = 0; axis < 3; axis++)
    {
      field.n[axis] = field.box[3 + axis] - field.box[axis];
      field.spacing[axis] = grid->spacing[axis];
    }
  field.squares =
      sag_alloc_try ((gsize) field.n[0] * (gsize) field.n[1] * (gsize) field.n[2] * sizeof (float),
                     "surface distances", error);
  if (field.squares == NULL)
    return FALSE;
  distances = g_array_new (FALSE, FALSE, sizeof (float));
  other = field;
  field.voxels = a;
  other.voxels = b;
  field_transform (&field);
  collect (&field, &other, distances);
  field_transform (&other);
  collect (&other, &field, distances);
  sag_free (field.squares);
  summarise (distances, result);
  return TRUE;
}

gboolean
sag_metrics_compare (const guint8 *a, const guint8 *b, const SagGrid *grid, guint8 value,
                     SagAgreement *result, GError **error)
{
  return compare (a, b, grid, value, TRUE, result, error);
}

/* 1 where the label is, within `box`; nothing if there is none. */
static void
cut_out (const SagLabelPlace *place, const int box[6], guint8 *out)
{
  int width = box[3] - box[0];

  for (int k = box[2]; k < box[5] && place != NULL; k++)
    for (int j = box[1]; j < box[4]; j++, out += width)
      {
        sag_labelmap_copy_row (place->map, box[0], box[3], j, k, out);
        for (int i = 0; i < width; i++)
          out[i] = out[i] == place->label->value;
      }
}

gboolean
sag_metrics_compare_places (const SagLabelPlace *a, const SagLabelPlace *b, gboolean surface, SagAgreement *result,
                            GError **error)
{
  const SagLabelPlace *one = a != NULL ? a : b, *two = b != NULL ? b : a;
  SagGrid grid = *sag_labelmap_get_grid (one->map);
  guint8 *voxels;
  gboolean ok;
  int box[6];
  gsize n;

  for (int axis = 0; axis < 3; axis++)
    {
      box[axis] = MIN (one->box[axis], two->box[axis]);
      box[3 + axis] = MAX (one->box[3 + axis], two->box[3 + axis]);
    }
  /* What is flat in a volume is not a picture of one slice. */
  box[2] = MAX (box[2] - 1, 0);
  box[5] = MIN (box[5] + 1, grid.size[2]);
  for (int axis = 0; axis < 3; axis++)
    grid.size[axis] = box[3 + axis] - box[axis];
  n = sag_grid_get_n_voxels (&grid);
  voxels = sag_alloc_try (2 * n, "the comparison", error);
  if (voxels == NULL)
    return FALSE;
  cut_out (a, box, voxels);
  cut_out (b, box, voxels + n);
  ok = compare (voxels, voxels + n, &grid, 1, surface, result, error);
  sag_free (voxels);
  return ok;
}

gboolean
sag_metrics_mark_boundary (const guint8 *labels, const SagGrid *grid, double within, guint8 *mask,
                           GError **error)
{
  gsize n = sag_grid_get_n_voxels (grid);
  Field field = { .voxels = labels, .size = grid->size, .is_seed = is_boundary };

  for (int axis = 0; axis < 3; axis++)
    {
      field.n[axis] = grid->size[axis];
      field.spacing[axis] = grid->spacing[axis];
    }
  field.squares = sag_alloc_try (n * sizeof (float), "distances from the boundary", error);
  if (field.squares == NULL)
    return FALSE;
  field_transform (&field);
  for (gsize p = 0; p < n; p++)
    mask[p] = field.squares[p] <= (float) (within * within);
  sag_free (field.squares);
  return TRUE;
}

void
sag_reliability_add (SagReliability *self, const guint8 *labels, const guint8 *truth,
                     const guint8 *confidence, const guint8 *mask, gsize n)
{
  for (gsize p = 0; p < n; p++)
    if (mask == NULL || mask[p] != 0)
      self->n[confidence[p]][labels[p] == truth[p]]++;
}

double
sag_reliability_get_bins (const SagReliability *self, int n_bins, SagCalibrationBin *bins)
{
  guint64 total = 0;
  double error = 0;

  for (int b = 0; b < n_bins; b++)
    {
      guint64 n = 0, right = 0, sum = 0;
      double mean, accuracy;

      for (int c = 0; c < 256; c++)
        if (MIN (c * n_bins / 255, n_bins - 1) == b)
          {
            n += self->n[c][0] + self->n[c][1];
            right += self->n[c][1];
            sum += (self->n[c][0] + self->n[c][1]) * (guint64) c;
          }
      mean = n > 0 ? (double) sum / 255 / (double) n : 0;
      accuracy = n > 0 ? (double) right / (double) n : 0;
      if (bins != NULL)
        bins[b] = (SagCalibrationBin){ n, mean, accuracy };
      error += fabs (accuracy - mean) * (double) n;
      total += n;
    }
  return total > 0 ? error / (double) total : NAN;
}

double
sag_reliability_get_brier (const SagReliability *self)
{
  guint64 total = 0;
  double sum = 0;

  for (int c = 0; c < 256; c++)
    {
      double p = c / 255.0;

      sum += (double) self->n[c][0] * p * p + (double) self->n[c][1] * (1 - p) * (1 - p);
      total += self->n[c][0] + self->n[c][1];
    }
  return total > 0 ? sum / (double) total : NAN;
}

double
sag_metrics_calibration (const guint8 *labels, const guint8 *truth, const guint8 *confidence,
                         const guint8 *mask, gsize n, int n_bins, SagCalibrationBin *bins)
{
  g_autofree SagReliability *counts = g_new0 (SagReliability, 1);

  sag_reliability_add (counts, labels, truth, confidence, mask, n);
  return sag_reliability_get_bins (counts, n_bins, bins);
}
