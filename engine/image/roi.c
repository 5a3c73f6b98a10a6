/* SPDX-License-Identifier: Apache-2.0
 *
 * roi.c: the voxels inside a figure drawn on a plane.
 */
#include "engine/image/roi.h"

#include <math.h>

static double
dot (const double a[3], const double b[3])
{
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* A point of the figure's plane in mm along right and down from its first point. */
static void
to_plane (const SagRoi *roi, const double lps[3], double uv[2])
{
  const double from[3] = { lps[0] - roi->points[0][0], lps[1] - roi->points[0][1],
                           lps[2] - roi->points[0][2] };

  uv[0] = dot (from, roi->right);
  uv[1] = dot (from, roi->down);
}

/* The figure in its plane. */
typedef struct
{
  SagRoiShape shape;
  double     *points; /* [n][2] */
  int         n;
  double      low[2], high[2];
} Figure;

static void
figure_init (Figure *self, const SagRoi *roi)
{
  self->shape = roi->shape;
  self->n = roi->n_points;
  self->points = g_new (double, 2 * MAX (self->n, 1));
  for (int a = 0; a < 2; a++)
    {
      self->low[a] = INFINITY;
      self->high[a] = -INFINITY;
    }
  for (int p = 0; p < self->n; p++)
    {
      to_plane (roi, roi->points[p], &self->points[2 * p]);
      for (int a = 0; a < 2; a++)
        {
          self->low[a] = MIN (self->low[a], self->points[2 * p + a]);
          self->high[a] = MAX (self->high[a], self->points[2 * p + a]);
        }
    }
}

/* Borders are decided to a billionth of a millimetre: rounding must not leave out a corner. */
#define TINY 1e-9

static gboolean
figure_contains (const Figure *self, const double uv[2])
{
  double x, y, rx, ry;
  gboolean inside = FALSE;

  if (uv[0] < self->low[0] - TINY || uv[0] > self->high[0] + TINY || uv[1] < self->low[1] - TINY
      || uv[1] > self->high[1] + TINY)
    return FALSE;
  switch (self->shape)
    {
    case SAG_ROI_RECTANGLE:
      return TRUE;
    case SAG_ROI_ELLIPSE:
      rx = (self->high[0] - self->low[0]) / 2;
      ry = (self->high[1] - self->low[1]) / 2;
      if (rx <= 0 || ry <= 0)
        return FALSE;
      x = (uv[0] - (self->low[0] + self->high[0]) / 2) / rx;
      y = (uv[1] - (self->low[1] + self->high[1]) / 2) / ry;
      return x * x + y * y <= 1 + TINY;
    case SAG_ROI_POLYGON:
      for (int p = 0, q = self->n - 1; p < self->n; q = p++)
        {
          const double *a = &self->points[2 * p], *b = &self->points[2 * q];

          if ((a[1] > uv[1]) != (b[1] > uv[1])
              && uv[0] < (b[0] - a[0]) * (uv[1] - a[1]) / (b[1] - a[1]) + a[0])
            inside = !inside;
        }
      return inside;
    }
  return FALSE;
}

double
sag_roi_area (const SagRoi *roi)
{
  Figure figure;
  double width, height, area = 0;

  if (roi->n_points < 2)
    return 0;
  figure_init (&figure, roi);
  width = figure.high[0] - figure.low[0];
  height = figure.high[1] - figure.low[1];
  if (roi->shape == SAG_ROI_RECTANGLE)
    area = width * height;
  else if (roi->shape == SAG_ROI_ELLIPSE)
    area = G_PI * width * height / 4;
  else
    {
      for (int p = 0, q = figure.n - 1; p < figure.n; q = p++)
        area += figure.points[2 * q] * figure.points[2 * p + 1]
                - figure.points[2 * p] * figure.points[2 * q + 1];
      area = fabs (area) / 2;
    }
  g_free (figure.points);
  return area;
}

static void
add_value (GArray *values, double value)
{
  if (isfinite (value))
    g_array_append_val (values, value);
}

/* The grid axis along the figure's normal, or -1 if none is. */
static int
find_axis (const SagGrid *grid, const SagRoi *roi)
{
  for (int axis = 0; axis < 3; axis++)
    {
      const double unit[3] = { grid->direction[axis], grid->direction[3 + axis],
                               grid->direction[6 + axis] };

      if (fabs (dot (unit, roi->right)) < 1e-6 && fabs (dot (unit, roi->down)) < 1e-6)
        return axis;
    }
  return -1;
}

static void
collect_voxels (SagVolume *volume, const SagRoi *roi, const Figure *figure, int axis, GArray *values)
{
  const SagGrid *grid = sag_volume_get_grid (volume);
  int x = axis == 0 ? 1 : 0, y = axis == 2 ? 1 : 2;
  int low[3], high[3];
  double at[3];

  sag_grid_to_ijk (grid, roi->points[0], at);
  low[axis] = high[axis] = (int) floor (at[axis] + 0.5);
  if (!(at[axis] + 0.5 >= 0 && at[axis] + 0.5 < grid->size[axis]))
    return;
  low[x] = low[y] = G_MAXINT;
  high[x] = high[y] = -1;
  /* The box of voxels around the figure's box. */
  for (int corner = 0; corner < 4; corner++)
    {
      double u = corner & 1 ? figure->high[0] : figure->low[0];
      double v = corner & 2 ? figure->high[1] : figure->low[1];
      double lps[3];

      for (int c = 0; c < 3; c++)
        lps[c] = roi->points[0][c] + u * roi->right[c] + v * roi->down[c];
      sag_grid_to_ijk (grid, lps, at);
      for (int n = 0; n < 2; n++)
        {
          int a = n == 0 ? x : y;

          low[a] = MIN (low[a], (int) CLAMP (floor (at[a]) - 1, 0, grid->size[a]));
          high[a] = MAX (high[a], (int) CLAMP (ceil (at[a]) + 1, -1, grid->size[a] - 1));
        }
    }
  for (int n = low[y]; n <= high[y]; n++)
    for (int m = low[x]; m <= high[x]; m++)
      {
        double index[3], lps[3], uv[2];

        index[axis] = low[axis];
        index[x] = m;
        index[y] = n;
        if (!sag_volume_is_ready (volume, (int) index[2]))
          continue;
        sag_grid_to_lps (grid, index, lps);
        to_plane (roi, lps, uv);
        if (figure_contains (figure, uv))
          add_value (values, sag_volume_get_value (volume, (int) index[0], (int) index[1],
                                                   (int) index[2]));
      }
}

/* NaN outside, or where a slice is not ready. */
static double
interpolate (SagVolume *volume, const double lps[3])
{
  const SagGrid *grid = sag_volume_get_grid (volume);
  double at[3], sum = 0;
  int base[3];

  sag_grid_to_ijk (grid, lps, at);
  for (int a = 0; a < 3; a++)
    {
      if (!(at[a] >= 0 && at[a] <= grid->size[a] - 1))
        return NAN;
      base[a] = MIN ((int) at[a], MAX (grid->size[a] - 2, 0));
    }
  for (int corner = 0; corner < 8; corner++)
    {
      double weight = 1;
      int index[3];

      for (int a = 0; a < 3; a++)
        {
          double part = at[a] - base[a];

          index[a] = base[a] + (corner >> a & 1);
          weight *= (corner >> a & 1) != 0 ? part : 1 - part;
        }
      if (weight == 0)
        continue;
      if (!sag_volume_is_ready (volume, index[2]))
        return NAN;
      sum += weight * sag_volume_get_value (volume, index[0], index[1], index[2]);
    }
  return sum;
}

static void
collect_samples (SagVolume *volume, const SagRoi *roi, const Figure *figure, GArray *values)
{
  const SagGrid *grid = sag_volume_get_grid (volume);
  double step = MIN (MIN (grid->spacing[0], grid->spacing[1]), grid->spacing[2]);
  double n_u = ceil ((figure->high[0] - figure->low[0]) / step);
  double n_v = ceil ((figure->high[1] - figure->low[1]) / step);

  if (n_u * n_v > 1e8)
    return; /* no figure on a screen is so large */
  for (int n = 0; n < (int) n_v; n++)
    for (int m = 0; m < (int) n_u; m++)
      {
        const double uv[2] = { figure->low[0] + (m + 0.5) * step, figure->low[1] + (n + 0.5) * step };
        double lps[3];

        if (!figure_contains (figure, uv))
          continue;
        for (int c = 0; c < 3; c++)
          lps[c] = roi->points[0][c] + uv[0] * roi->right[c] + uv[1] * roi->down[c];
        add_value (values, interpolate (volume, lps));
      }
}

GArray *
sag_roi_collect (SagVolume *volume, const SagRoi *roi)
{
  GArray *values = g_array_new (FALSE, FALSE, sizeof (double));
  Figure figure;
  int axis;

  if (roi->n_points < 2 || sag_volume_get_voxel_type (volume) == SAG_VOXEL_RGB8)
    return values;
  figure_init (&figure, roi);
  axis = find_axis (sag_volume_get_grid (volume), roi);
  if (axis >= 0)
    collect_voxels (volume, roi, &figure, axis, values);
  else
    collect_samples (volume, roi, &figure, values);
  g_free (figure.points);
  return values;
}

void
sag_roi_get_stats (const GArray *values, SagRoiStats *stats)
{
  const double *v = (const double *) values->data;
  double sum = 0, squares = 0;

  *stats = (SagRoiStats){ values->len, NAN, NAN, NAN, NAN };
  if (values->len == 0)
    return;
  stats->min = stats->max = v[0];
  for (guint n = 0; n < values->len; n++)
    {
      sum += v[n];
      stats->min = MIN (stats->min, v[n]);
      stats->max = MAX (stats->max, v[n]);
    }
  stats->mean = sum / values->len;
  for (guint n = 0; n < values->len; n++)
    squares += (v[n] - stats->mean) * (v[n] - stats->mean);
  stats->sd = sqrt (squares / values->len);
}

void
sag_roi_histogram (const GArray *values, double min, double max, int n_bins, guint *bins)
{
  const double *v = (const double *) values->data;

  for (int b = 0; b < n_bins; b++)
    bins[b] = 0;
  for (guint n = 0; n < values->len; n++)
    {
      double at = max > min ? (v[n] - min) / (max - min) * n_bins : 0;

      if (at >= 0 && at <= n_bins)
        bins[MIN ((int) at, n_bins - 1)]++;
    }
}
