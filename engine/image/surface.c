/* SPDX-License-Identifier: Apache-2.0
 *
 * surface.c: the surface of a label, as triangles.
 */
#include "engine/image/surface.h"

#include "engine/base/alloc.h"
#include "engine/base/error.h"

#include <math.h>
#include <string.h>

#define N_EDGES 7   /* that begin at a voxel: towards +i, +j, +i+j, +k … as bits */
#define LAMBDA 0.5  /* Taubin: a step that smooths, … */
#define MU (-0.53)  /* … and one that swells what it shrank */
#define ENOUGH 2e-3 /* of the volume: here the surface may differ from the voxels */

/* Every label voxel with one voxel of nothing around them. */
typedef struct
{
  const guint8  *voxels;
  const SagGrid *grid;
  guint8         value;
  int            low[3];  /* of the cells: the lower corner of the first */
  int            n[3];    /* cells along each axis */
  gint32        *edges[2]; /* points on the edges that begin in the slices below and above; -1: none */
  SagSurface    *to;      /* arrays NULL: only counts */
} March;

static gboolean
is_inside (const March *m, int i, int j, int k)
{
  const int *size = m->grid->size;

  return i >= 0 && j >= 0 && k >= 0 && i < size[0] && j < size[1] && k < size[2]
         && m->voxels[((gsize) k * (gsize) size[1] + (gsize) j) * (gsize) size[0] + (gsize) i]
                == m->value;
}

/* The point in the middle of the edge between corners `a` and `b` (bits: +i, +j, +k) of a cell. */
static guint32
get_point (March *m, const int cell[3], int a, int b)
{
  int from = a & b, along = a ^ b; /* one contains the other */
  int x = cell[0] - m->low[0] + (from & 1), y = cell[1] - m->low[1] + (from >> 1 & 1);
  gsize at = ((gsize) y * (gsize) (m->n[0] + 1) + (gsize) x) * N_EDGES + (gsize) along - 1;
  gint32 *point = &m->edges[from >> 2][at];

  if (*point < 0)
    {
      if (m->to->points != NULL)
        {
          double ijk[3];

          for (int c = 0; c < 3; c++)
            ijk[c] = cell[c] + (from >> c & 1) + 0.5 * (along >> c & 1);
          sag_grid_to_lps (m->grid, ijk, m->to->points[m->to->n_points]);
        }
      *point = (gint32) m->to->n_points++;
    }
  return (guint32) *point;
}

static void
add_triangle (March *m, guint32 a, guint32 b, guint32 c)
{
  if (m->to->triangles != NULL)
    {
      guint32 *t = m->to->triangles[m->to->n_triangles];

      t[0] = a;
      t[1] = b;
      t[2] = c;
    }
  m->to->n_triangles++;
}

/* One tetrahedron. `c` are corners of the cell; `turned` if their order has a negative volume in LPS. */
static void
march_tetrahedron (March *m, const int cell[3], guint inside, const int corners[4], gboolean turned)
{
  int c[4], n = 0;
  guint32 p[4];

  /* Inner corners first, in an order of positive volume but for what `turned` says. */
  memcpy (c, corners, sizeof c);
  for (int at = 0; at < 4; at++)
    if (inside >> c[at] & 1)
      {
        int corner = c[at];

        if (at != n)
          turned = !turned;
        c[at] = c[n];
        c[n++] = corner;
      }
  if (n == 1)
    for (int i = 0; i < 3; i++)
      p[i] = get_point (m, cell, c[0], c[i + 1]);
  else if (n == 2)
    {
      p[0] = get_point (m, cell, c[0], c[2]);
      p[1] = get_point (m, cell, c[0], c[3]);
      p[2] = get_point (m, cell, c[1], c[3]);
      p[3] = get_point (m, cell, c[1], c[2]);
    }
  else
    for (int i = 0; i < 3; i++)
      p[i] = get_point (m, cell, c[i], c[3]);
  add_triangle (m, p[0], p[turned ? 2 : 1], p[turned ? 1 : 2]);
  if (n == 2)
    add_triangle (m, p[0], p[turned ? 3 : 2], p[turned ? 2 : 3]);
}

static void
march_cell (March *m, const int cell[3], gboolean mirrored)
{
  /* Paths from corner 0 to corner 7, one axis after the other; the odd permutations of axes are turned. */
  static const int paths[6][4] = {
    { 0, 1, 3, 7 }, { 0, 2, 6, 7 }, { 0, 4, 5, 7 }, { 0, 2, 3, 7 }, { 0, 1, 5, 7 }, { 0, 4, 6, 7 },
  };
  guint inside = 0;

  for (int c = 0; c < 8; c++)
    if (is_inside (m, cell[0] + (c & 1), cell[1] + (c >> 1 & 1), cell[2] + (c >> 2)))
      inside |= 1u << c;
  if (inside == 0 || inside == 0xff)
    return;
  for (int t = 0; t < 6; t++)
    {
      guint all = 0;

      for (int c = 0; c < 4; c++)
        all |= 1u << paths[t][c];
      if ((inside & all) != 0 && (inside & all) != all)
        march_tetrahedron (m, cell, inside, paths[t], (t >= 3) != mirrored);
    }
}

/* FALSE if it was cancelled. */
static gboolean
march (March *m, const SagTick *tick, double from, double to)
{
  const double *d = m->grid->direction;
  gsize n = (gsize) (m->n[0] + 1) * (gsize) (m->n[1] + 1) * N_EDGES;
  /* A grid may be left-handed: its own order is then another one in the patient. */
  gboolean mirrored = d[0] * (d[4] * d[8] - d[5] * d[7]) - d[1] * (d[3] * d[8] - d[5] * d[6])
                          + d[2] * (d[3] * d[7] - d[4] * d[6])
                      < 0;

  m->to->n_points = m->to->n_triangles = 0;
  memset (m->edges[1], -1, n * sizeof (gint32));
  for (int k = 0; k < m->n[2]; k++)
    {
      gint32 *below = m->edges[0];

      m->edges[0] = m->edges[1];
      m->edges[1] = below;
      memset (m->edges[1], -1, n * sizeof (gint32));
      for (int j = 0; j < m->n[1]; j++)
        for (int i = 0; i < m->n[0]; i++)
          march_cell (m, (const int[3]) { m->low[0] + i, m->low[1] + j, m->low[2] + k }, mirrored);
      if (!sag_tick (tick, from + (to - from) * (k + 1) / m->n[2]))
        return FALSE;
      if (m->to->n_points > G_MAXINT32 - n)
        return FALSE;
    }
  return TRUE;
}

/* ---- smoothing, and the volume */

static void
get_normal (const SagSurface *self, gsize t, double normal[3]) /* twice its area long */
{
  const double *a = self->points[self->triangles[t][0]];
  const double *b = self->points[self->triangles[t][1]];
  const double *c = self->points[self->triangles[t][2]];

  for (int x = 0; x < 3; x++)
    {
      int y = (x + 1) % 3, z = (x + 2) % 3;

      normal[x] = (b[y] - a[y]) * (c[z] - a[z]) - (b[z] - a[z]) * (c[y] - a[y]);
    }
}

double
sag_surface_get_volume (const SagSurface *self)
{
  const double *o = self->points[0]; /* near by: no digits are lost far from the origin */
  double sum = 0;

  for (gsize t = 0; t < self->n_triangles; t++)
    {
      const double *a = self->points[self->triangles[t][0]];
      double normal[3];

      get_normal (self, t, normal);
      for (int c = 0; c < 3; c++)
        sum += (a[c] - o[c]) * normal[c];
    }
  return sum / 6;
}

/* Each point a part of the way to the middle of its neighbours: of which a closed surface shows each twice. */
static void
relax (SagSurface *self, double (*sums)[3], guint32 *counts, double part)
{
  memset (sums, 0, self->n_points * sizeof *sums);
  memset (counts, 0, self->n_points * sizeof *counts);
  for (gsize t = 0; t < self->n_triangles; t++)
    for (int v = 0; v < 3; v++)
      {
        guint32 at = self->triangles[t][v], next = self->triangles[t][(v + 1) % 3];

        for (int c = 0; c < 3; c++)
          {
            sums[at][c] += self->points[next][c];
            sums[next][c] += self->points[at][c];
          }
        counts[at]++;
        counts[next]++;
      }
  for (gsize p = 0; p < self->n_points; p++)
    for (int c = 0; c < 3; c++)
      self->points[p][c] += part * (sums[p][c] / counts[p] - self->points[p][c]);
}

/* Moves every point outward by as much as the volume lacks over the area. */
static void
fit_volume (SagSurface *self, double (*normals)[3], double volume)
{
  for (int round = 0; round < 6; round++)
    {
      double lacks = volume - sag_surface_get_volume (self), area = 0;

      if (fabs (lacks) <= ENOUGH * volume)
        return;
      memset (normals, 0, self->n_points * sizeof *normals);
      for (gsize t = 0; t < self->n_triangles; t++)
        {
          double normal[3];

          get_normal (self, t, normal);
          area += 0.5 * sqrt (normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]);
          for (int v = 0; v < 3; v++)
            for (int c = 0; c < 3; c++)
              normals[self->triangles[t][v]][c] += normal[c];
        }
      for (gsize p = 0; p < self->n_points && area > 0; p++)
        {
          double *normal = normals[p];
          double length
              = sqrt (normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]);

          for (int c = 0; c < 3 && length > 0; c++)
            self->points[p][c] += lacks / area * normal[c] / length;
        }
    }
}

static gboolean
finish (SagSurface *self, int smooth, double volume, const SagTick *tick, GError **error)
{
  double (*sums)[3] = sag_alloc_try (self->n_points * sizeof *sums, "the surface", error);
  guint32 *counts = sums != NULL ? sag_alloc_try (self->n_points * sizeof *counts, "the surface", error) : NULL;
  gboolean good = counts != NULL;

  for (int n = 0; n < smooth && good; n++)
    {
      relax (self, sums, counts, LAMBDA);
      relax (self, sums, counts, MU);
      good = sag_tick (tick, 0.6 + 0.4 * (n + 1) / smooth);
      if (!good)
        sag_engine_error_cancelled (error);
    }
  if (good)
    fit_volume (self, sums, volume);
  sag_free (counts);
  sag_free (sums);
  return good;
}

/* ---- */

/* The cells around the voxels of the label; how many there are. */
static gsize
find_cells (March *m)
{
  const int *size = m->grid->size;
  int high[3] = { -1, -1, -1 };
  gsize n = 0, at = 0;

  memcpy (m->low, size, sizeof m->low);
  for (int k = 0; k < size[2]; k++)
    for (int j = 0; j < size[1]; j++)
      for (int i = 0; i < size[0]; i++, at++)
        if (m->voxels[at] == m->value)
          {
            const int ijk[3] = { i, j, k };

            n++;
            for (int a = 0; a < 3; a++)
              {
                m->low[a] = MIN (m->low[a], ijk[a]);
                high[a] = MAX (high[a], ijk[a]);
              }
          }
  for (int a = 0; a < 3; a++)
    {
      m->low[a]--;
      m->n[a] = high[a] - m->low[a] + 1;
    }
  return n;
}

/* Counts, takes that much memory, and does it again. */
static gboolean
build (March *m, const SagTick *tick, GError **error)
{
  SagSurface *self = m->to;
  gsize n = (gsize) (m->n[0] + 1) * (gsize) (m->n[1] + 1) * N_EDGES * sizeof (gint32);

  for (int s = 0; s < 2; s++)
    if ((m->edges[s] = sag_alloc_try (n, "the surface", error)) == NULL)
      return FALSE;
  if (!march (m, tick, 0, 0.3))
    {
      if (self->n_points < G_MAXINT32 / 2)
        sag_engine_error_cancelled (error);
      else
        g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                     "The surface of the label has more than two thousand million points; resample the labels first");
      return FALSE;
    }
  self->points = sag_alloc_try (self->n_points * sizeof *self->points, "the surface", error);
  self->triangles = self->points != NULL
                        ? sag_alloc_try (self->n_triangles * sizeof *self->triangles, "the surface", error)
                        : NULL;
  if (self->triangles == NULL)
    return FALSE;
  if (march (m, tick, 0.3, 0.6))
    return TRUE;
  sag_engine_error_cancelled (error);
  return FALSE;
}

SagSurface *
sag_surface_new (SagLabelmap *labels, guint8 value, int smooth, const SagTick *tick,
                 GError **error)
{
  g_autoptr (SagSurface) self = g_new0 (SagSurface, 1);
  const SagGrid *grid = sag_labelmap_get_grid (labels);
  g_autoptr (SagLabelmap) whole = sag_labelmap_to_whole (labels, error);
  March m = { .grid = grid, .value = value, .to = self };
  gboolean good;
  gsize n;

  if (whole == NULL)
    return NULL;
  m.voxels = sag_labelmap_get_voxels (whole);
  n = find_cells (&m);
  if (n == 0)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "Label %d has no voxel here, so it has no surface", value);
      return NULL;
    }
  good = build (&m, tick, error)
         && finish (self, smooth,
                    (double) n * grid->spacing[0] * grid->spacing[1] * grid->spacing[2], tick, error);
  sag_free (m.edges[0]);
  sag_free (m.edges[1]);
  return good ? g_steal_pointer (&self) : NULL;
}

void
sag_surface_free (SagSurface *self)
{
  sag_free (self->points);
  sag_free (self->triangles);
  g_free (self);
}
