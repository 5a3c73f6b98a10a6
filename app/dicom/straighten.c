/* SPDX-License-Identifier: Apache-2.0
 *
 * straighten.c: tilted or unevenly spaced slices onto an upright, even grid.
 */
#include "app/dicom/straighten.h"

#include "engine/base/error.h"
#include "engine/base/parallel.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILL 4 /* times the slices that were there */

/* Where a slice's first pixel lies: pixels along rows and columns of the new grid, mm along its
 * normal. */
typedef struct
{
  double x, y, z;
  int    k; /* in the old grid */
} Place;

typedef struct
{
  const SagVolume *from;
  SagVolume       *to;
  const Place     *places; /* by z */
  int              n;
  double           lowest; /* value */
} Work;

gboolean
sag_straighten_mends (const SagFinding *finding)
{
  return finding->kind == SAG_FINDING_TILT || finding->kind == SAG_FINDING_UNEVEN;
}

gboolean
sag_straighten_is_needed (const SagStack *stack)
{
  for (guint i = 0; i < stack->findings->len; i++)
    if (sag_straighten_mends (g_ptr_array_index (stack->findings, i)))
      return TRUE;
  return FALSE;
}

static int
compare_double (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

/* The median distance of neighbours; a gap's counts as those of the slices it left out. */
static double
median_step (const Place *places, int n)
{
  g_autofree double *steps = g_new (double, n - 1);

  for (int i = 0; i + 1 < n; i++)
    steps[i] = (places[i + 1].z - places[i].z) / MAX (1, places[i + 1].k - places[i].k);
  qsort (steps, n - 1, sizeof *steps, compare_double);
  return steps[(n - 1) / 2];
}

/* The value of slice `place` under pixel (x, y) of the new grid; FALSE beside it. */
static gboolean
sample (const SagVolume *volume, const Place *place, double x, double y, double *value)
{
  const int *size = sag_volume_get_grid (volume)->size;
  double u = x - place->x, v = y - place->y;
  int i = (int) floor (u), j = (int) floor (v);

  if (u < -1e-6 || v < -1e-6 || u > size[0] - 1 + 1e-6 || v > size[1] - 1 + 1e-6)
    return FALSE;
  i = CLAMP (i, 0, MAX (0, size[0] - 2));
  j = CLAMP (j, 0, MAX (0, size[1] - 2));
  u = CLAMP (u - i, 0, 1);
  v = CLAMP (v - j, 0, 1);
  int i1 = MIN (i + 1, size[0] - 1), j1 = MIN (j + 1, size[1] - 1);
  *value = (1 - v) * ((1 - u) * sag_volume_get_value (volume, i, j, place->k)
                      + u * sag_volume_get_value (volume, i1, j, place->k))
           + v * ((1 - u) * sag_volume_get_value (volume, i, j1, place->k)
                  + u * sag_volume_get_value (volume, i1, j1, place->k));
  return TRUE;
}

static void
store (SagVolume *volume, gpointer slice, gsize at, double value)
{
  double stored = (value - sag_volume_get_intercept (volume)) / sag_volume_get_slope (volume);

  switch (sag_volume_get_voxel_type (volume))
    {
    case SAG_VOXEL_U8:
      ((guint8 *) slice)[at] = (guint8) CLAMP (floor (stored + 0.5), 0, 255);
      break;
    case SAG_VOXEL_I16:
      ((gint16 *) slice)[at] = (gint16) CLAMP (floor (stored + 0.5), G_MININT16, G_MAXINT16);
      break;
    case SAG_VOXEL_U16:
      ((guint16 *) slice)[at] = (guint16) CLAMP (floor (stored + 0.5), 0, G_MAXUINT16);
      break;
    default:
      ((float *) slice)[at] = (float) stored;
      break;
    }
}

static void
make_slice (gsize item, int thread, gpointer data)
{
  const Work *work = data;
  const SagGrid *grid = sag_volume_get_grid (work->to);
  double z = work->places[0].z + (double) item * grid->spacing[2];
  gpointer slice = sag_volume_get_slice (work->to, (int) item);
  int s = 0;
  double part;

  while (s + 2 < work->n && work->places[s + 1].z <= z + 1e-6)
    s++;
  part = CLAMP ((z - work->places[s].z) / (work->places[s + 1].z - work->places[s].z), 0, 1);
  part = part < 1e-6 ? 0 : part > 1 - 1e-6 ? 1 : part;
  for (int j = 0; j < grid->size[1]; j++)
    for (int i = 0; i < grid->size[0]; i++)
      {
        double before = 0, after = 0, value = work->lowest;
        gboolean found;

        if (part == 0 || part == 1)
          {
            found = sample (work->from, &work->places[s + (part == 1)], i, j, &before);
            after = before;
          }
        else
          found = work->places[s + 1].k == work->places[s].k + 1
                  && sample (work->from, &work->places[s], i, j, &before)
                  && sample (work->from, &work->places[s + 1], i, j, &after);
        if (found)
          value = before + part * (after - before);
        store (work->to, slice, (gsize) j * grid->size[0] + i, value);
      }
  sag_volume_mark_ready (work->to, (int) item, (int) item + 1);
}

static double
find_lowest (const SagVolume *volume)
{
  const SagGrid *grid = sag_volume_get_grid (volume);
  gsize n = (gsize) grid->size[0] * grid->size[1];
  g_autofree float *values = g_new (float, n);
  double lowest = G_MAXDOUBLE;

  for (int k = 0; k < grid->size[2]; k++)
    {
      sag_volume_get_values (volume, k, values);
      for (gsize i = 0; i < n; i++)
        if (values[i] < lowest)
          lowest = values[i];
    }
  return lowest == G_MAXDOUBLE ? 0 : lowest;
}

/* Places of all slices on a grid that is turned as the stack's and holds them all. */
static Place *
place_slices (const SagStack *stack, SagGrid *grid)
{
  const SagGrid *old = &stack->grid;
  const double *origin = sag_dicom_instance_get_frame (stack->slices[0].instance,
                                                       stack->slices[0].frame)
                             ->image_position_patient;
  Place *places = g_new (Place, stack->n_slices);
  double low[2] = { 0, 0 }, high[2] = { 0, 0 }, z;
  int size[3];

  for (int s = 0; s < stack->n_slices; s++)
    {
      const SagStackSlice *slice = &stack->slices[s];
      const double *p = sag_dicom_instance_get_frame (slice->instance, slice->frame)
                            ->image_position_patient;
      double along[3] = { 0, 0, 0 };

      for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++)
          along[a] += (p[b] - origin[b]) * old->direction[3 * b + a];
      places[s] = (Place){ along[0] / old->spacing[0], along[1] / old->spacing[1], along[2],
                           slice->k };
      low[0] = MIN (low[0], places[s].x);
      low[1] = MIN (low[1], places[s].y);
      high[0] = MAX (high[0], places[s].x);
      high[1] = MAX (high[1], places[s].y);
    }
  *grid = *old;
  z = places[stack->n_slices - 1].z - places[0].z;
  grid->spacing[2] = median_step (places, stack->n_slices);
  /* Whole pixels, so that the first slice's rows stay as they are. */
  for (int a = 0; a < 2; a++)
    {
      low[a] = floor (low[a] + 1e-3);
      size[a] = (int) MIN (old->size[a] + ceil (high[a] - 1e-3) - low[a], 65535);
    }
  size[2] = (int) MIN (floor (z / grid->spacing[2] + 1e-3) + 1, (double) MAX_FILL * old->size[2]);
  for (int a = 0; a < 3; a++)
    {
      grid->size[a] = size[a];
      grid->origin[a] = origin[a] + low[0] * old->spacing[0] * old->direction[3 * a]
                        + low[1] * old->spacing[1] * old->direction[3 * a + 1];
    }
  for (int s = 0; s < stack->n_slices; s++)
    {
      places[s].x -= low[0];
      places[s].y -= low[1];
    }
  return places;
}

SagVolume *
sag_straighten (SagVolume *volume, const SagStack *stack, char **text, GError **error)
{
  g_autoptr (SagVolume) to = NULL;
  g_autofree Place *places = NULL;
  const guint8 *levels;
  SagVoiFunction voi;
  int n_levels;
  Work work;
  SagGrid grid;

  if (sag_volume_get_voxel_type (volume) == SAG_VOXEL_RGB8 || stack->n_slices < 2
      || !sag_straighten_is_needed (stack))
    {
      g_set_error_literal (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID,
                           _ ("There is nothing to straighten: the slices are neither tilted nor "
                           "unevenly spaced, or they are in colour"));
      return NULL;
    }
  places = place_slices (stack, &grid);
  to = sag_volume_new_alloc (&grid, sag_volume_get_voxel_type (volume),
                             sag_volume_get_slope (volume), sag_volume_get_intercept (volume),
                             sag_volume_get_unit (volume), error);
  if (to == NULL)
    return NULL;
  sag_volume_set_origin_tags (to, sag_volume_get_modality (volume),
                              sag_volume_get_frame_of_reference (volume));
  n_levels = 0;
  voi = sag_volume_get_voi (volume, &levels, &n_levels);
  sag_volume_set_voi (to, voi, levels, n_levels);
  sag_volume_set_has_spacing (to, sag_volume_get_has_spacing (volume));
  work = (Work){ volume, to, places, stack->n_slices, find_lowest (volume) };
  sag_parallel_for (grid.size[2], make_slice, &work);
  if (text != NULL)
    *text = g_strdup_printf ("The slices have been resampled onto an upright grid of %d slices, "
                             "%.3f mm apart: lengths and oblique views are right, values between "
                             "slices are interpolated",
                             grid.size[2], grid.spacing[2]);
  return g_steal_pointer (&to);
}
