/* SPDX-License-Identifier: Apache-2.0
 *
 * geometry.c: where voxels and planes lie in the patient.
 */
#include "engine/image/geometry.h"

#include "engine/base/error.h"

#include <math.h>
#include <string.h>

/* The six orders of three axes. */
static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                  { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

static double
dot (const double a[3], const double b[3])
{
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void
cross (const double a[3], const double b[3], double out[3])
{
  double c[3] = { a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0] };

  memcpy (out, c, sizeof c);
}

static void
grid_get_axis (const SagGrid *grid, int a, double axis[3])
{
  for (int p = 0; p < 3; p++)
    axis[p] = grid->direction[3 * p + a];
}

void
sag_grid_init (SagGrid *grid, const int size[3], const double spacing[3])
{
  memset (grid, 0, sizeof *grid);
  for (int a = 0; a < 3; a++)
    {
      grid->size[a] = size[a];
      grid->spacing[a] = spacing[a];
      grid->direction[4 * a] = 1;
    }
}

gboolean
sag_grid_check (const SagGrid *grid, GError **error)
{
  gsize n = 1;

  for (int a = 0; a < 3; a++)
    {
      if (grid->size[a] < 1 || !g_size_checked_mul (&n, n, (gsize) grid->size[a])
          || n > G_MAXSSIZE / 8)
        {
          g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                       "The image size %d x %d x %d is not possible", grid->size[0], grid->size[1],
                       grid->size[2]);
          return FALSE;
        }
      if (!isfinite (grid->spacing[a]) || grid->spacing[a] <= 0)
        {
          g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                       "The voxel spacing along axis %c is %g mm; it must be positive", "ijk"[a],
                       grid->spacing[a]);
          return FALSE;
        }
      if (!isfinite (grid->origin[a]))
        {
          g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                       "The image's position in the patient is not a number");
          return FALSE;
        }
    }
  for (int a = 0; a < 3; a++)
    for (int b = a; b < 3; b++)
      {
        double u[3], v[3];

        grid_get_axis (grid, a, u);
        grid_get_axis (grid, b, v);
        if (!(fabs (dot (u, v) - (a == b)) <= 1e-3))
          {
            g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                         "The image's axes %c and %c are not perpendicular unit vectors", "ijk"[a],
                         "ijk"[b]);
            return FALSE;
          }
      }
  return TRUE;
}

gsize
sag_grid_get_n_voxels (const SagGrid *grid)
{
  return (gsize) grid->size[0] * (gsize) grid->size[1] * (gsize) grid->size[2];
}

double
sag_grid_get_voxel_ml (const SagGrid *grid)
{
  return grid->spacing[0] * grid->spacing[1] * grid->spacing[2] / 1000.0;
}

gboolean
sag_grid_equal (const SagGrid *a, const SagGrid *b)
{
  double limit = 1e-3 * MIN (a->spacing[0], MIN (a->spacing[1], a->spacing[2]));

  if (memcmp (a->size, b->size, sizeof a->size) != 0)
    return FALSE;
  /* Outer corners, so that the thickness of a single slice counts too. */
  for (int corner = 0; corner < 8; corner++)
    {
      double ijk[3], p[3], q[3];

      for (int n = 0; n < 3; n++)
        ijk[n] = (corner >> n & 1) ? a->size[n] - 0.5 : -0.5;
      sag_grid_to_lps (a, ijk, p);
      sag_grid_to_lps (b, ijk, q);
      for (int n = 0; n < 3; n++)
        if (!(fabs (p[n] - q[n]) <= limit))
          return FALSE;
    }
  return TRUE;
}

void
sag_grid_to_lps (const SagGrid *grid, const double ijk[3], double lps[3])
{
  const double *d = grid->direction;
  double u = ijk[0] * grid->spacing[0];
  double v = ijk[1] * grid->spacing[1];
  double w = ijk[2] * grid->spacing[2];

  for (int p = 0; p < 3; p++)
    lps[p] = grid->origin[p] + d[3 * p] * u + d[3 * p + 1] * v + d[3 * p + 2] * w;
}

void
sag_grid_to_ijk (const SagGrid *grid, const double lps[3], double ijk[3])
{
  double x[3], axis[3][3], normal[3], out[3];

  for (int p = 0; p < 3; p++)
    {
      x[p] = lps[p] - grid->origin[p];
      grid_get_axis (grid, p, axis[p]);
    }
  /* The true inverse, not the transpose: directions are orthonormal to 1e-3 only. */
  for (int a = 0; a < 3; a++)
    {
      cross (axis[(a + 1) % 3], axis[(a + 2) % 3], normal);
      out[a] = dot (x, normal) / dot (axis[a], normal) / grid->spacing[a];
    }
  memcpy (ijk, out, sizeof out);
}

/* The order of axes that lies nearest to the patient's: nearest[p] is the grid axis along axis p.
 */
static void
grid_find_nearest (const SagGrid *grid, int nearest[3])
{
  double best = -1;

  for (int n = 0; n < 6; n++)
    {
      double sum = 0;

      for (int p = 0; p < 3; p++)
        sum += fabs (grid->direction[3 * p + orders[n][p]]);
      if (sum > best + 1e-9)
        {
          best = sum;
          memcpy (nearest, orders[n], 3 * sizeof nearest[0]);
        }
    }
}

void
sag_grid_get_orientation (const SagGrid *grid, char code[4])
{
  int nearest[3];

  grid_find_nearest (grid, nearest);
  for (int p = 0; p < 3; p++)
    code[nearest[p]] = (grid->direction[3 * p + nearest[p]] >= 0 ? "LPS" : "RAI")[p];
  code[3] = '\0';
}

/* The patient axis of a letter, and whether it points against it; -1 if it is none. */
static int
axis_from_letter (char letter, gboolean *negative)
{
  static const char letters[] = "LPSRAI";
  const char *found = letter != '\0' ? strchr (letters, letter) : NULL;

  if (found == NULL)
    return -1;
  *negative = found - letters >= 3;
  return (int) (found - letters) % 3;
}

gboolean
sag_grid_turn (const SagGrid *grid, const char *code, SagTurn *turn, SagGrid *out, GError **error)
{
  int nearest[3], used = 0;
  SagTurn result;
  SagGrid turned = *grid;
  double ijk[3] = { 0, 0, 0 };

  if (g_strcmp0 (code, SAG_GRID_AS_IT_IS) == 0)
    {
      *turn = (SagTurn) { .perm = { 0, 1, 2 } };
      if (out != NULL)
        *out = turned;
      return TRUE;
    }
  grid_find_nearest (grid, nearest);
  for (int a = 0; a < 3; a++)
    {
      gboolean negative = FALSE;
      int p = code != NULL && strlen (code) == 3 ? axis_from_letter (code[a], &negative) : -1;
      int from;

      if (p < 0 || (used & 1 << p) != 0)
        {
          g_autofree char *name = sag_escape_name (code, -1);

          g_set_error (
              error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
              "'%s' is not an orientation; give one letter of each of L/R, P/A and S/I, as in LPS",
              name);
          return FALSE;
        }
      used |= 1 << p;
      from = nearest[p];
      result.perm[a] = from;
      result.flip[a] = (grid->direction[3 * p + from] < 0) != negative;
      turned.size[a] = grid->size[from];
      turned.spacing[a] = grid->spacing[from];
      for (int row = 0; row < 3; row++)
        turned.direction[3 * row + a] = grid->direction[3 * row + from] * (result.flip[a] ? -1 : 1);
      if (result.flip[a])
        ijk[from] = grid->size[from] - 1;
    }
  sag_grid_to_lps (grid, ijk, turned.origin);
  *turn = result;
  if (out != NULL)
    *out = turned;
  return TRUE;
}

void
sag_grid_respace (const SagGrid *grid, const double spacing[3], SagGrid *out)
{
  SagGrid result = *grid;
  double ijk[3];

  for (int a = 0; a < 3; a++)
    {
      /* A box that is a whole number of voxels but for rounding does not get one more. */
      double n = ceil (grid->size[a] * grid->spacing[a] / spacing[a] - 1e-6);

      result.spacing[a] = spacing[a];
      result.size[a] = (int) CLAMP (n, 1, G_MAXINT);
      ijk[a] =
          (grid->size[a] - 1) / 2.0 - (result.size[a] - 1) / 2.0 * spacing[a] / grid->spacing[a];
    }
  sag_grid_to_lps (grid, ijk, result.origin);
  *out = result;
}

/* Patient axes along (right, down) of each view, and the sign of down; right is always positive. */
static const struct
{
  int    right, down;
  double sign;
} views[SAG_N_VIEWS] = {
  [SAG_VIEW_AXIAL] = { 0, 1, 1 },
  [SAG_VIEW_CORONAL] = { 0, 2, -1 },
  [SAG_VIEW_SAGITTAL] = { 1, 2, -1 },
};

void
sag_plane_init_view (SagPlane *plane, SagView view, const double lps[3], double mm_per_pixel)
{
  memset (plane, 0, sizeof *plane);
  memcpy (plane->centre, lps, sizeof plane->centre);
  plane->right[views[view].right] = 1;
  plane->down[views[view].down] = views[view].sign;
  plane->mm_per_pixel = mm_per_pixel;
}

void
sag_plane_init_grid_view (SagPlane *plane, const SagGrid *grid, SagView view, const double lps[3],
                          double mm_per_pixel, int *normal_axis)
{
  int nearest[3];
  int right, down;

  grid_find_nearest (grid, nearest);
  right = nearest[views[view].right];
  down = nearest[views[view].down];

  memcpy (plane->centre, lps, sizeof plane->centre);
  plane->mm_per_pixel = mm_per_pixel;
  grid_get_axis (grid, right, plane->right);
  grid_get_axis (grid, down, plane->down);
  if (plane->right[views[view].right] < 0)
    for (int p = 0; p < 3; p++)
      plane->right[p] = -plane->right[p];
  if (plane->down[views[view].down] * views[view].sign < 0)
    for (int p = 0; p < 3; p++)
      plane->down[p] = -plane->down[p];
  if (normal_axis != NULL)
    *normal_axis = 3 - right - down;
}

void
sag_plane_get_normal (const SagPlane *plane, double normal[3])
{
  cross (plane->right, plane->down, normal);
}

void
sag_plane_to_lps (const SagPlane *plane, int width, int height, double x, double y, double lps[3])
{
  double u = (x - (width - 1) / 2.0) * plane->mm_per_pixel;
  double v = (y - (height - 1) / 2.0) * plane->mm_per_pixel;

  for (int p = 0; p < 3; p++)
    lps[p] = plane->centre[p] + u * plane->right[p] + v * plane->down[p];
}

void
sag_plane_to_pixel (const SagPlane *plane, int width, int height, const double lps[3], double *x,
                    double *y)
{
  double d[3] = { lps[0] - plane->centre[0], lps[1] - plane->centre[1], lps[2] - plane->centre[2] };

  *x = dot (d, plane->right) / plane->mm_per_pixel + (width - 1) / 2.0;
  *y = dot (d, plane->down) / plane->mm_per_pixel + (height - 1) / 2.0;
}

void
sag_direction_get_letters (const double direction[3], char letters[4])
{
  int n = 0;

  /* Three passes, each the largest component not yet named. */
  for (int named = 0; n < 3; n++)
    {
      int best = -1;

      for (int p = 0; p < 3; p++)
        if ((named & 1 << p) == 0 && fabs (direction[p]) >= 0.2
            && (best < 0 || fabs (direction[p]) > fabs (direction[best]) + 1e-9))
          best = p;
      if (best < 0)
        break;
      named |= 1 << best;
      letters[n] = (direction[best] > 0 ? "LPH" : "RAF")[best];
    }
  letters[n] = '\0';
}
