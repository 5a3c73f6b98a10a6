/* SPDX-License-Identifier: Apache-2.0
 *
 * edit.c: changing labels by hand.
 */
#include "engine/image/edit.h"

#include "engine/base/error.h"
#include "engine/image/components.h"

#include <math.h>
#include <string.h>

static void
set_voxel (guint8 *labels, gsize at, guint8 value, GArray *changes)
{
  SagChange change = { at, labels[at], value };

  if (labels[at] == value)
    return;
  labels[at] = value;
  g_array_append_val (changes, change);
}

static gsize
get_index (const SagGrid *grid, int i, int j, int k)
{
  return ((gsize) k * (gsize) grid->size[1] + (gsize) j) * (gsize) grid->size[0] + (gsize) i;
}

static gsize
get_index_of (const SagGrid *grid, const int ijk[3])
{
  return get_index (grid, ijk[0], ijk[1], ijk[2]);
}

static gboolean
is_between (SagVolume *volume, const int ijk[3], double low, double high)
{
  double value = sag_volume_get_value (volume, ijk[0], ijk[1], ijk[2]);

  return value >= low && value <= high;
}

void
sag_edit_paint (guint8 *labels, const SagGrid *grid, const double centre[3], int axis,
                double radius_mm, guint8 value, SagVolume *volume, double low, double high,
                GArray *changes)
{
  int x = axis == 0 ? 1 : 0, y = axis == 2 ? 1 : 2;
  int ijk[3], from[3], to[3];
  double at[3];

  sag_grid_to_ijk (grid, centre, at);
  ijk[axis] = (int) floor (at[axis] + 0.5);
  if (ijk[axis] < 0 || ijk[axis] >= grid->size[axis])
    return;
  for (int n = 0; n < 2; n++)
    {
      int a = n == 0 ? x : y;

      from[a] = MAX ((int) ceil (at[a] - radius_mm / grid->spacing[a]), 0);
      to[a] = MIN ((int) floor (at[a] + radius_mm / grid->spacing[a]), grid->size[a] - 1);
    }
  /* The smallest brush is one voxel. */
  if (radius_mm < MIN (grid->spacing[x], grid->spacing[y]) / 2)
    for (int n = 0; n < 2; n++)
      {
        int a = n == 0 ? x : y;

        from[a] = to[a] = (int) floor (at[a] + 0.5);
        if (from[a] < 0 || from[a] >= grid->size[a])
          return;
        radius_mm = MAX (radius_mm, grid->spacing[a]);
      }
  for (ijk[y] = from[y]; ijk[y] <= to[y]; ijk[y]++)
    for (ijk[x] = from[x]; ijk[x] <= to[x]; ijk[x]++)
      {
        double dx = (ijk[x] - at[x]) * grid->spacing[x], dy = (ijk[y] - at[y]) * grid->spacing[y];

        if (dx * dx + dy * dy <= radius_mm * radius_mm
            && (volume == NULL || is_between (volume, ijk, low, high)))
          set_voxel (labels, get_index_of (grid, ijk), value, changes);
      }
}

/* Undoes what a call has changed so far. */
static void
take_back (guint8 *labels, GArray *changes, guint first)
{
  for (guint n = changes->len; n-- > first;)
    {
      const SagChange *change = &g_array_index (changes, SagChange, n);

      labels[change->at] = change->was;
    }
  g_array_set_size (changes, first);
}

typedef struct
{
  int ijk[3];
} Place;

gboolean
sag_edit_fill (guint8 *labels, const SagGrid *grid, const int seed[3], int axis, guint8 value,
               GArray *changes)
{
  g_autoptr (GArray) open = g_array_new (FALSE, FALSE, sizeof (Place));
  guint8 old = labels[get_index_of (grid, seed)];
  guint first = changes->len;
  Place place;

  if (old == value)
    return TRUE;
  memcpy (place.ijk, seed, sizeof place.ijk);
  set_voxel (labels, get_index_of (grid, seed), value, changes);
  g_array_append_val (open, place);
  while (open->len > 0)
    {
      place = g_array_index (open, Place, open->len - 1);
      g_array_set_size (open, open->len - 1);
      for (int way = 0; way < 6; way++)
        {
          Place next = place;
          int a = way / 2;

          if (a == axis)
            continue;
          next.ijk[a] += way % 2 == 0 ? 1 : -1;
          if (next.ijk[a] < 0 || next.ijk[a] >= grid->size[a])
            {
              take_back (labels, changes, first);
              return FALSE;
            }
          if (labels[get_index_of (grid, next.ijk)] != old)
            continue;
          set_voxel (labels, get_index_of (grid, next.ijk), value, changes);
          g_array_append_val (open, next);
        }
    }
  return TRUE;
}

gboolean
sag_edit_grow (guint8 *labels, SagVolume *volume, const int seed[3], double low, double high,
               guint8 value, gsize most, GArray *changes)
{
  const SagGrid *grid = sag_volume_get_grid (volume);
  g_autoptr (GArray) open = g_array_new (FALSE, FALSE, sizeof (Place));
  guint first = changes->len;
  Place place;

  if (value == 0 || labels[get_index_of (grid, seed)] != 0 || !is_between (volume, seed, low, high))
    return TRUE;
  memcpy (place.ijk, seed, sizeof place.ijk);
  set_voxel (labels, get_index_of (grid, seed), value, changes);
  g_array_append_val (open, place);
  while (open->len > 0)
    {
      place = g_array_index (open, Place, open->len - 1);
      g_array_set_size (open, open->len - 1);
      for (int way = 0; way < 6; way++)
        {
          Place next = place;
          int a = way / 2;

          next.ijk[a] += way % 2 == 0 ? 1 : -1;
          if (next.ijk[a] < 0 || next.ijk[a] >= grid->size[a]
              || labels[get_index_of (grid, next.ijk)] != 0
              || !is_between (volume, next.ijk, low, high))
            continue;
          if (changes->len - first >= most)
            {
              take_back (labels, changes, first);
              return FALSE;
            }
          set_voxel (labels, get_index_of (grid, next.ijk), value, changes);
          g_array_append_val (open, next);
        }
    }
  return TRUE;
}

/* Squared distances of a row to the nearest of its parabolas (Felzenszwalb and Huttenlocher 2012), in place;
 * `step` mm between entries. */
static void
transform_row (float *row, int n, int stride, double step, int *hull, double *reach, float *copy)
{
  int last = -1;

  for (int q = 0; q < n; q++)
    copy[q] = row[(gsize) q * (gsize) stride];
  for (int q = 0; q < n; q++)
    {
      double cut = -INFINITY;

      if (!isfinite (copy[q]))
        continue;
      while (last >= 0)
        {
          int p = hull[last];

          cut = ((copy[q] / (step * step) + (double) q * q) - (copy[p] / (step * step) + (double) p * p))
                / (2.0 * (q - p));
          if (cut > reach[last])
            break;
          last--;
          cut = -INFINITY;
        }
      hull[++last] = q;
      reach[last] = cut;
    }
  for (int q = 0, h = 0; q < n && last >= 0; q++)
    {
      while (h < last && reach[h + 1] < q)
        h++;
      row[(gsize) q * (gsize) stride]
          = (float) (copy[hull[h]] + (q - hull[h]) * (double) (q - hull[h]) * step * step);
    }
}

/* Signed distance to the border of `value` in slice k, mm: negative inside. */
static void
get_distances (const guint8 *slice, const SagGrid *grid, guint8 value, float *out)
{
  int nx = grid->size[0], ny = grid->size[1], most = MAX (nx, ny);
  gsize n = (gsize) nx * (gsize) ny;
  g_autofree float *inside = g_new (float, n);
  g_autofree float *copy = g_new (float, most);
  g_autofree int *hull = g_new (int, most);
  g_autofree double *reach = g_new (double, most + 1);

  for (gsize p = 0; p < n; p++)
    {
      out[p] = slice[p] == value ? 0 : INFINITY;
      inside[p] = slice[p] == value ? INFINITY : 0;
    }
  for (int side = 0; side < 2; side++)
    {
      float *plane = side == 0 ? out : inside;

      for (int j = 0; j < ny; j++)
        transform_row (plane + (gsize) j * (gsize) nx, nx, 1, grid->spacing[0], hull, reach, copy);
      for (int i = 0; i < nx; i++)
        transform_row (plane + i, ny, nx, grid->spacing[1], hull, reach, copy);
    }
  for (gsize p = 0; p < n; p++)
    out[p] = sqrtf (out[p]) - (isfinite (inside[p]) ? sqrtf (inside[p]) : 1e6f);
}

gboolean
sag_edit_interpolate (guint8 *labels, const SagGrid *grid, guint8 value, const SagTick *tick,
                      GArray *changes, GError **error)
{
  gsize n = (gsize) grid->size[0] * (gsize) grid->size[1];
  g_autofree float *below = g_new (float, n);
  g_autofree float *above = g_new (float, n);
  int last = -1;

  for (int k = 0; k < grid->size[2]; k++)
    {
      if (!sag_tick (tick, (double) k / grid->size[2]))
        return sag_engine_error_cancelled (error);
      if (memchr (labels + n * (gsize) k, value, n) == NULL)
        continue;
      if (last >= 0 && k - last > 1)
        {
          get_distances (labels + n * (gsize) last, grid, value, below);
          get_distances (labels + n * (gsize) k, grid, value, above);
          for (int between = last + 1; between < k; between++)
            {
              float t = (float) (between - last) / (float) (k - last);

              for (gsize p = 0; p < n; p++)
                if (below[p] * (1 - t) + above[p] * t < 0 && labels[n * (gsize) between + p] == 0)
                  set_voxel (labels, n * (gsize) between + p, value, changes);
            }
        }
      last = k;
    }
  return TRUE;
}

/* What differs between `labels` and `made`, taken over into `labels`. */
static void
take_over (guint8 *labels, const guint8 *made, gsize n, GArray *changes)
{
  for (gsize p = 0; p < n; p++)
    if (labels[p] != made[p])
      set_voxel (labels, p, made[p], changes);
}

gboolean
sag_edit_keep_largest (guint8 *labels, const SagGrid *grid, guint8 value, GArray *changes,
                       GError **error)
{
  gsize n = sag_grid_get_n_voxels (grid);
  g_autoptr (SagBlock) made = sag_block_new (n, "the largest part", error);

  if (made == NULL)
    return FALSE;
  memcpy (sag_block_get_data (made), labels, n);
  if (sag_components_keep_largest (sag_block_get_data (made), grid->size, value, error) < 0)
    return FALSE;
  take_over (labels, sag_block_get_data (made), n, changes);
  return TRUE;
}

/* The voxels of `value` and one more on each side: half open. */
static void
find_box (const guint8 *labels, const SagGrid *grid, guint8 value, int low[3], int high[3])
{
  gsize at = 0;

  memcpy (low, grid->size, 3 * sizeof (int));
  memset (high, 0, 3 * sizeof (int));
  for (int k = 0; k < grid->size[2]; k++)
    for (int j = 0; j < grid->size[1]; j++)
      for (int i = 0; i < grid->size[0]; i++, at++)
        if (labels[at] == value)
          {
            const int ijk[3] = { i, j, k };

            for (int a = 0; a < 3; a++)
              {
                low[a] = MIN (low[a], MAX (ijk[a] - 1, 0));
                high[a] = MAX (high[a], MIN (ijk[a] + 2, grid->size[a]));
              }
          }
}

/* What the voxels around say, where `value` may come or go. */
static guint8
vote (const guint8 *labels, const SagGrid *grid, int i, int j, int k, guint8 value)
{
  guint8 was = labels[get_index (grid, i, j, k)];
  int like = 0, all = 0;

  if (was != 0 && was != value)
    return was;
  for (int c = MAX (k - 1, 0); c <= MIN (k + 1, grid->size[2] - 1); c++)
    for (int b = MAX (j - 1, 0); b <= MIN (j + 1, grid->size[1] - 1); b++)
      for (int a = MAX (i - 1, 0); a <= MIN (i + 1, grid->size[0] - 1); a++)
        {
          like += labels[get_index (grid, a, b, c)] == value;
          all++;
        }
  return 2 * like > all ? value : 0;
}

gboolean
sag_edit_smooth (guint8 *labels, const SagGrid *grid, guint8 value, const SagTick *tick, GArray *changes,
                 GError **error)
{
  gsize n = sag_grid_get_n_voxels (grid);
  g_autoptr (SagBlock) made = sag_block_new (n, "smoothing", error);
  int low[3], high[3];
  guint8 *out;

  if (made == NULL)
    return FALSE;
  out = sag_block_get_data (made);
  memcpy (out, labels, n);
  find_box (labels, grid, value, low, high);
  for (int k = low[2]; k < high[2]; k++)
    {
      if (!sag_tick (tick, (double) (k - low[2]) / (high[2] - low[2])))
        return sag_engine_error_cancelled (error);
      for (int j = low[1]; j < high[1]; j++)
        for (int i = low[0]; i < high[0]; i++)
          out[get_index (grid, i, j, k)] = vote (labels, grid, i, j, k, value);
    }
  take_over (labels, out, n, changes);
  return TRUE;
}

gboolean
sag_edit_apply (const char *operation, guint8 *labels, const SagGrid *grid, guint8 value,
                const SagTick *tick, GArray *changes, GError **error)
{
  if (strcmp (operation, "interpolate") == 0)
    return sag_edit_interpolate (labels, grid, value, tick, changes, error);
  if (strcmp (operation, "keep-largest") == 0)
    return sag_edit_keep_largest (labels, grid, value, changes, error);
  if (strcmp (operation, "smooth") == 0)
    return sag_edit_smooth (labels, grid, value, tick, changes, error);
  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID, "There is no operation '%s' on labels",
               operation);
  return FALSE;
}
