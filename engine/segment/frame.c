/* SPDX-License-Identifier: Apache-2.0
 *
 * frame.c: three sets of axes, and how they lie on each other.
 */
#include "engine/segment/frame.h"

#include "engine/base/error.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#define MAX_AXIS 32768 /* voxels along an axis that the network is asked to see */

/* Half of the spacing step that is taken for rounding in a header. */
#define SAME_SPACING 1e-3

/* `grid` with new spacings and sizes, its box's centre where it was. */
static void
respace (SagGrid *grid, const double spacing[3], const int size[3])
{
  double ijk[3];
  SagGrid result = *grid;

  for (int a = 0; a < 3; a++)
    {
      ijk[a] = (grid->size[a] - 1) / 2.0 - (size[a] - 1) / 2.0 * spacing[a] / grid->spacing[a];
      result.spacing[a] = spacing[a];
      result.size[a] = size[a];
    }
  sag_grid_to_lps (grid, ijk, result.origin);
  *grid = result;
}

/* `grid` with its axes in another order. */
static SagGrid
permute (const SagGrid *grid, const int axis[3])
{
  SagGrid result = *grid;

  for (int a = 0; a < 3; a++)
    {
      result.size[a] = grid->size[axis[a]];
      result.spacing[a] = grid->spacing[axis[a]];
      for (int row = 0; row < 3; row++)
        result.direction[3 * row + a] = grid->direction[3 * row + axis[a]];
    }
  return result;
}

/* The spacing and size the network sees along each of its axes, for an input of `n` voxels of
 * `mm`. */
static gboolean
choose_resolution (const SagRecipe *recipe, const SagFrame *frame, const int n[3],
                   const double mm[3], double spacing[3], int size[3], GError **error)
{
  int fitted = frame->slicewise ? 2 : 3;
  double factor = 0;

  for (int m = 0; m < 3; m++)
    {
      double wanted = recipe->spacing[m];

      if (wanted <= 0 || fabs (wanted - mm[m]) <= SAME_SPACING * mm[m])
        wanted = mm[m];
      spacing[m] = wanted;
      if (recipe->fit != SAG_FIT_TO_SPACING && m < fitted)
        {
          if (frame->patch[m] < 1)
            {
              g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                           _ ("fit: to fit the field of view the patch must be known; set it"));
              return FALSE;
            }
          spacing[m] = n[m] * mm[m] / frame->patch[m];
          factor = MAX (factor, spacing[m]);
        }
    }
  for (int m = 0; m < 3; m++)
    {
      double voxels;

      if (recipe->fit == SAG_FIT_TO_INSIDE && m < fitted)
        spacing[m] = factor;
      voxels = ceil (n[m] * mm[m] / spacing[m] - 1e-6);
      if (recipe->fit != SAG_FIT_TO_SPACING && m < fitted)
        voxels = MIN (voxels, frame->patch[m]);
      if (!(voxels <= MAX_AXIS))
        {
          g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                       _ ("At the %g mm the model works at, the volume would have %.0f voxels along "
                       "an axis; that is more than %d"), spacing[m], voxels, MAX_AXIS);
          return FALSE;
        }
      size[m] = (int) MAX (voxels, 1);
    }
  return TRUE;
}

/* Sweep along the input's k, so that its slices become ready one after the other; but along the
 * network's k if it is slice-wise, or if one patch spans the whole of the input's k and several
 * span the network's (the accumulators would hold the whole volume). */
static int
choose_sweep (const SagFrame *frame, const SagTurn *turn, const int size[3])
{
  int m2 = 0;

  if (frame->slicewise || turn->perm[2] == 2)
    return turn->perm[2];
  for (int m = 0; m < 3; m++)
    if (turn->perm[m] == 2)
      m2 = m;
  return frame->patch[m2] >= size[m2] && frame->patch[2] < size[2] ? turn->perm[2] : 2;
}

gboolean
sag_frame_init (SagFrame *frame, const SagRecipe *recipe, const SagGrid *input, const int fixed[3],
                gboolean slicewise, GError **error)
{
  SagTurn turn;
  int n[3], size[3], sweep_size[3];
  double mm[3], spacing[3], sweep_spacing[3], windows = 1;

  if (!sag_grid_check (input, error)
      || !sag_grid_turn (input, recipe->orientation, &turn, NULL, error))
    return FALSE;
  *frame = (SagFrame) { .input = *input, .slicewise = slicewise };
  for (int m = 0; m < 3; m++)
    {
      int wanted = slicewise && m == 2 ? 1 : recipe->patch[m];

      if (slicewise && m == 2 && recipe->patch[2] > 1)
        {
          g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                       _ ("patch: the network is slice-wise, %d slices are asked for"),
                       recipe->patch[2]);
          return FALSE;
        }
      if (wanted > 0 && fixed[m] > 0 && wanted != fixed[m])
        {
          g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                       _ ("patch: the file fixes %d voxels along %c, %d are asked for"), fixed[m],
                       "ijk"[m], wanted);
          return FALSE;
        }
      frame->patch[m] = wanted > 0 ? wanted : fixed[m];
      n[m] = input->size[turn.perm[m]];
      mm[m] = input->spacing[turn.perm[m]];
      frame->flip[m] = turn.flip[m];
    }
  if (!choose_resolution (recipe, frame, n, mm, spacing, size, error))
    return FALSE;
  for (int m = 0; m < 3; m++)
    if (frame->patch[m] < 1)
      frame->patch[m] = size[m];
  for (int m = 0; m < 3; m++)
    windows *= ceil (2.0 * size[m] / frame->patch[m]); /* a step is half a patch or more */
  if (windows > G_MAXINT)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   _ ("patch: %d x %d x %d voxels make too many patches of a volume of %d x %d x %d"),
                   frame->patch[0], frame->patch[1], frame->patch[2], size[0], size[1], size[2]);
      return FALSE;
    }

  frame->axis[2] = choose_sweep (frame, &turn, size);
  frame->axis[0] = frame->axis[2] == 0 ? 1 : 0;
  frame->axis[1] = 3 - frame->axis[0] - frame->axis[2];
  for (int m = 0; m < 3; m++)
    for (int a = 0; a < 3; a++)
      if (frame->axis[a] == turn.perm[m])
        {
          frame->net[m] = a;
          sweep_size[a] = size[m];
          sweep_spacing[a] = spacing[m];
        }
  frame->sweep = permute (input, frame->axis);
  respace (&frame->sweep, sweep_spacing, sweep_size);
  return TRUE;
}

void
sag_frame_coarsen (const SagFrame *frame, double factor, SagFrame *coarse)
{
  int size[3];
  double spacing[3];

  *coarse = *frame;
  for (int a = 0; a < 3; a++)
    {
      spacing[a] = frame->sweep.spacing[a] * factor;
      size[a] = (int) MAX (ceil (frame->sweep.size[a] / factor - 1e-6), 1);
    }
  respace (&coarse->sweep, spacing, size);
}

void
sag_taps_init (SagTap *taps, int n_to, double to, int n_from, double from)
{
  gboolean same = n_to == n_from && fabs (to - from) <= 1e-9 * from;

  for (int t = 0; t < n_to; t++)
    {
      double x = same ? t : (t - (n_to - 1) / 2.0) * (to / from) + (n_from - 1) / 2.0;
      double whole = floor (x);
      int i0 = (int) CLAMP (whole, 0, n_from - 1);
      int i1 = (int) CLAMP (whole + 1, 0, n_from - 1);

      taps[t] = (SagTap) { i0, i1, i0 == i1 ? 0 : (float) (x - whole) };
      if (taps[t].w == 0)
        taps[t].i1 = i0;
    }
}
