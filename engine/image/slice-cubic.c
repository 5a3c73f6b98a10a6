/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-cubic.c: rows of values by cubic convolution.
 *
 * Keys' kernel with a = -1/2 (Catmull-Rom; IEEE Trans. ASSP 29, 1981): it goes through the voxels and
 * keeps straight edges straight; beyond the border the last voxel repeats. Plain C, rounded product by
 * product: the same bits everywhere.
 */
#include "engine/image/slice-map.h"

#include <string.h>

static void
make_weights (float f, float w[4])
{
  w[0] = ((-0.5f * f + 1) * f - 0.5f) * f;
  w[1] = (1.5f * f - 2.5f) * f * f + 1;
  w[2] = ((-1.5f * f + 2) * f + 0.5f) * f;
  w[3] = (0.5f * f - 0.5f) * f * f;
}

static inline int
keep_inside (int index, int size)
{
  return index < 0 ? 0 : index < size ? index : size - 1;
}

/* ---- pictures along the grid's axes */

/* Where the four voxels of each column are, and their weights. */
typedef struct
{
  gint32 at[4];
  float  weight[4];
} Column;

typedef struct
{
  const SagSliceMap *map;
  SagSampleType      type;
  gconstpointer      voxels;
  Column            *columns;
  ptrdiff_t          start[4]; /* of the line in slot n; -1: none */
  float             *line[4];
} Lines;

#define MAKE_LINE(type)                                                         \
  G_STMT_START                                                                  \
  {                                                                             \
    const type *row = (const type *) self->voxels + start;                      \
    for (int x = 0; x < self->map->width; x++)                                  \
      {                                                                         \
        const Column *c = &self->columns[x];                                    \
        line[x] = c->weight[0] * row[c->at[0]] + c->weight[1] * row[c->at[1]]   \
                  + c->weight[2] * row[c->at[2]] + c->weight[3] * row[c->at[3]]; \
      }                                                                         \
  }                                                                             \
  G_STMT_END

/* Four neighbouring lines are in four slots while rows go by. */
static const float *
get_line (Lines *self, int j, ptrdiff_t start)
{
  float *line = self->line[j & 3];

  if (self->start[j & 3] != start)
    SAG_SLICE_FOR_TYPE (self->type, MAKE_LINE);
  self->start[j & 3] = start;
  return line;
}

static void
make_row (Lines *self, const SagPoint *row, ptrdiff_t plane, float *out)
{
  int axis = self->map->axis[1], size = self->map->grid.size[axis];
  const float *line[4];
  float w[4];

  make_weights (row->fraction, w);
  for (int m = 0; m < 4; m++)
    {
      int j = keep_inside (row->index + m - 1, size);

      line[m] = get_line (self, j, plane + j * self->map->grid.stride[axis]);
    }
  for (int x = 0; x < self->map->pitch; x++)
    out[x] = w[0] * line[0][x] + w[1] * line[1][x] + w[2] * line[2][x] + w[3] * line[3][x];
}

static Column *
make_columns (const SagSliceMap *self)
{
  Column *columns = g_new (Column, self->width);
  int a = self->axis[0];

  for (int x = 0; x < self->width; x++)
    {
      make_weights (self->columns[x].fraction, columns[x].weight);
      for (int m = 0; m < 4; m++)
        columns[x].at[m]
            = (gint32) (keep_inside (self->columns[x].index + m - 1, self->grid.size[a])
                        * self->grid.stride[a]);
    }
  return columns;
}

static void
sample_orthogonal (const SagSliceMap *self, SagSampleType type, gconstpointer voxels, SagFold fold,
                   int y0, int y1, float *values, float *count, float *scratch)
{
  const SagSliceKernels *kernels = &sag_kernels_get ()->slice;
  gsize pitch = (gsize) self->pitch;
  int v = self->axis[1], w = self->axis[2];
  g_autofree Column *columns = make_columns (self);
  Lines lines = { self, type, voxels, columns, { -1, -1, -1, -1 },
                  { scratch, scratch + pitch, scratch + 2 * pitch, scratch + 3 * pitch } };
  float *row = scratch + 4 * pitch, *next = scratch + 5 * pitch;

  for (int depth = 0; depth < self->n_depths; depth++)
    {
      SagPoint z =
          sag_point_split (self->first_depth + depth * self->depth_step, self->grid.size[w]);

      for (int y = y0; y < y1; y++)
        {
          SagPoint at = sag_point_split (self->origin[v] + y * self->down[v], self->grid.size[v]);
          float *out = values + (gsize) (y - y0) * pitch,
                *counted = count + (gsize) (y - y0) * pitch;

          if (!z.inside || !at.inside)
            {
              if (fold == SAG_FOLD_STORE)
                {
                  memset (out, 0, pitch * sizeof *out);
                  memset (counted, 0, pitch * sizeof *counted);
                }
              continue;
            }
          /* Across slices, which lie far apart, straight. */
          make_row (&lines, &at, z.index * self->grid.stride[w], row);
          if (z.fraction != 0)
            make_row (&lines, &at, (z.index + 1) * self->grid.stride[w], next);
          kernels->lerp (pitch, row, z.fraction != 0 ? next : row, z.fraction, fold, out);
          kernels->lerp (pitch, self->shown, self->shown, 0,
                         fold == SAG_FOLD_STORE ? fold : SAG_FOLD_ADD, counted);
        }
    }
}

/* ---- any other plane */

#define SUM_VOXELS(type)                                                        \
  G_STMT_START                                                                  \
  {                                                                             \
    const type *source = voxels;                                                \
    for (int c = 0; c < 4; c++)                                                 \
      {                                                                         \
        float plane = 0;                                                        \
        for (int b = 0; b < 4; b++)                                             \
          {                                                                     \
            const type *r = source + at[2][c] + at[1][b];                       \
            plane += w[1][b] * (w[0][0] * r[at[0][0]] + w[0][1] * r[at[0][1]]   \
                                + w[0][2] * r[at[0][2]] + w[0][3] * r[at[0][3]]); \
          }                                                                     \
        sum += w[2][c] * plane;                                                 \
      }                                                                         \
  }                                                                             \
  G_STMT_END

static void
sample_row (const SagSliceMap *self, SagSampleType type, gconstpointer voxels, int y, float *values,
            float *count)
{
  for (int x = 0; x < self->width; x++)
    {
      ptrdiff_t at[3][4];
      float w[3][4], sum = 0;
      gboolean inside = TRUE;

      for (int a = 0; a < 3; a++)
        {
          SagPoint p = sag_point_split (self->origin[a] + y * self->down[a] + x * self->right[a],
                                        self->grid.size[a]);

          inside = inside && p.inside;
          make_weights (p.fraction, w[a]);
          for (int m = 0; m < 4; m++)
            at[a][m]
                = keep_inside (p.index + m - 1, self->grid.size[a]) * self->grid.stride[a];
        }
      if (inside)
        SAG_SLICE_FOR_TYPE (type, SUM_VOXELS);
      values[x] = sum;
      count[x] = inside;
    }
}

gboolean
sag_slice_map_can_cubic (const SagSliceMap *self)
{
  if (!self->valid || self->ready != NULL)
    return FALSE;
  if (self->orthogonal)
    return self->spans == NULL && fabs (self->down[self->axis[1]]) <= 1 + 1e-6;
  return self->n_depths == 1;
}

void
sag_slice_map_sample_cubic (const SagSliceMap *self, SagSampleType type, gconstpointer voxels,
                            SagFold fold, int y0, int y1, float *values, float *count,
                            gpointer scratch)
{
  if (self->orthogonal)
    sample_orthogonal (self, type, voxels, fold, y0, y1, values, count, scratch);
  else
    for (int y = y0; y < y1; y++)
      sample_row (self, type, voxels, y, values + (gsize) (y - y0) * (gsize) self->pitch,
                  count + (gsize) (y - y0) * (gsize) self->pitch);
}
