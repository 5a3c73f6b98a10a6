/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-scene.h: the volume and labels that test-slice and test-overlay look at, and an independent
 * sampler.
 */
#pragma once

#include "engine/image/slice.h"

#include <math.h>
#include <string.h>

static inline guint32
scene_random (guint32 *seed)
{
  *seed = *seed * 1664525 + 1013904223;
  return *seed >> 8;
}

/* 24 x 20 x 12 voxels of 1.5 x 1 x 3 mm, tipped in the patient; random values, all ready. */
static inline SagVolume *
scene_volume (SagVoxelType type, gboolean tipped)
{
  SagGrid grid;
  SagVolume *volume;
  guint32 seed = 7;

  sag_grid_init (&grid, (const int[]){ 24, 20, 12 }, (const double[]){ 1.5, 1, 3 });
  memcpy (grid.origin, (const double[]){ -20, 5, 100 }, sizeof grid.origin);
  if (tipped)
    {
      double c = cos (0.2), s = sin (0.2);

      memcpy (grid.direction, (const double[]){ c, 0, s, 0, 1, 0, -s, 0, c },
              sizeof grid.direction);
    }
  volume = sag_volume_new_alloc (&grid, type, type == SAG_VOXEL_RGB8 ? 1 : 2,
                                 type == SAG_VOXEL_RGB8 ? 0 : -300, "HU", NULL);
  for (int k = 0; k < 12; k++)
    {
      gpointer slice = sag_volume_get_slice (volume, k);

      for (int n = 0; n < 24 * 20 * (type == SAG_VOXEL_RGB8 ? 3 : 1); n++)
        switch (type)
          {
          case SAG_VOXEL_U8:
          case SAG_VOXEL_RGB8:
            ((guint8 *) slice)[n] = (guint8) scene_random (&seed);
            break;
          case SAG_VOXEL_I16:
            ((gint16 *) slice)[n] = (gint16) (scene_random (&seed) % 1000) - 500;
            break;
          case SAG_VOXEL_U16:
            ((guint16 *) slice)[n] = (guint16) (scene_random (&seed) % 60000);
            break;
          case SAG_VOXEL_F32:
            ((float *) slice)[n] = (float) (scene_random (&seed) % 100000) / 100;
            break;
          }
    }
  sag_volume_mark_ready (volume, 0, 12);
  return volume;
}

/* The value at a position in doubles, one voxel at a time; NaN outside. `channel` is of RGB. */
static inline double
scene_sample (SagVolume *volume, const double lps[3], int channel)
{
  const SagGrid *grid = sag_volume_get_grid (volume);
  gboolean colour = sag_volume_get_voxel_type (volume) == SAG_VOXEL_RGB8;
  double ijk[3], sum = 0;
  int base[3];

  sag_grid_to_ijk (grid, lps, ijk);
  for (int a = 0; a < 3; a++)
    {
      if (ijk[a] < -0.5 || ijk[a] >= grid->size[a] - 0.5)
        return NAN;
      ijk[a] = CLAMP (ijk[a], 0, grid->size[a] - 1);
      base[a] = (int) floor (ijk[a]);
    }
  for (int corner = 0; corner < 8; corner++)
    {
      int at[3];
      double weight = 1;

      for (int a = 0; a < 3; a++)
        {
          int upper = corner >> a & 1;

          at[a] = MIN (base[a] + upper, grid->size[a] - 1);
          weight *= upper ? ijk[a] - base[a] : 1 - (ijk[a] - base[a]);
        }
      if (weight == 0)
        continue;
      if (colour)
        sum += weight
               * ((const guint8 *) sag_volume_get_slice (
                   volume, at[2]))[3 * (at[1] * grid->size[0] + at[0]) + channel];
      else
        sum += weight * sag_volume_get_value (volume, at[0], at[1], at[2]);
    }
  return sum;
}

/* PS3.3 C.11.2.1.2.1, output 0 .. 255, before rounding. */
static inline double
scene_window (double x, double c, double w)
{
  if (x <= c - 0.5 - (w - 1) / 2)
    return 0;
  if (x > c - 0.5 + (w - 1) / 2)
    return 255;
  return ((x - (c - 0.5)) / (w - 1) + 0.5) * 255;
}
