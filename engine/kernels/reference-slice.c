/* SPDX-License-Identifier: Apache-2.0
 *
 * reference-slice.c: the definition of the picture kernels.
 */
#include "engine/kernels/reference-slice.h"

#include <string.h>

static float
fold_value (SagFold fold, float acc, float v)
{
  switch (fold)
    {
    case SAG_FOLD_STORE:
      return v;
    case SAG_FOLD_ADD:
      return acc + v;
    case SAG_FOLD_MAX:
      return v > acc ? v : acc;
    case SAG_FOLD_MIN:
      return v < acc ? v : acc;
    }
  return v;
}

static float
lerp (float a, float b, float f)
{
  return a + f * (b - a);
}

static float
load (const SagSampleGrid *grid, SagSampleType type, ptrdiff_t element)
{
  switch (type)
    {
    case SAG_SAMPLE_U8:
      return ((const uint8_t *) grid->voxels)[element];
    case SAG_SAMPLE_I16:
      return ((const int16_t *) grid->voxels)[element];
    case SAG_SAMPLE_U16:
      return ((const uint16_t *) grid->voxels)[element];
    case SAG_SAMPLE_F32:
      return ((const float *) grid->voxels)[element];
    }
  return 0;
}

static int
is_inside (const SagSampleGrid *grid, const float p[3])
{
  for (int a = 0; a < 3; a++)
    if (!(p[a] >= -0.5f && p[a] < (float) grid->size[a] - 0.5f))
      return 0;
  return 1;
}

void
sag_ref_slice_trilinear (const SagSampleGrid *grid, SagSampleType type, const SagSampleLine *line,
                         size_t n, SagFold fold, float *out, float *count)
{
  SagFold count_fold = fold == SAG_FOLD_STORE ? SAG_FOLD_STORE : SAG_FOLD_ADD;

  for (size_t x = 0; x < n; x++)
    {
      float p[3], f[3], row[2][2];
      int i[3], ok;
      ptrdiff_t first = 0, next[3];

      for (int a = 0; a < 3; a++)
        p[a] = line->start[a] + (float) x * line->step[a];
      ok = is_inside (grid, p);
      for (int a = 0; a < 3 && ok; a++)
        {
          float last = (float) (grid->size[a] - 1);
          int most = grid->size[a] > 1 ? grid->size[a] - 2 : 0;
          float q = p[a] < last ? p[a] : last;

          q = q > 0 ? q : 0;
          i[a] = (int) q < most ? (int) q : most;
          f[a] = q - (float) i[a];
          next[a] = grid->size[a] > 1 ? grid->stride[a] : 0;
          first += i[a] * grid->stride[a];
        }
      if (ok && grid->ready != NULL)
        ok = grid->ready[i[2]] && (f[2] == 0 || grid->ready[i[2] + 1]);
      if (!ok)
        {
          if (fold == SAG_FOLD_STORE)
            out[x] = count[x] = 0;
          continue;
        }
      for (int k = 0; k < 2; k++)
        for (int j = 0; j < 2; j++)
          {
            ptrdiff_t at = first + j * next[1] + k * next[2];

            row[k][j] = lerp (load (grid, type, at), load (grid, type, at + next[0]), f[0]);
          }
      out[x] = fold_value (
          fold, out[x],
          lerp (lerp (row[0][0], row[0][1], f[1]), lerp (row[1][0], row[1][1], f[1]), f[2]));
      count[x] = fold_value (count_fold, count[x], 1);
    }
}

void
sag_ref_slice_nearest (const SagSampleGrid *grid, const SagSampleLine *line, size_t n,
                       int32_t *inside, int32_t *k)
{
  for (size_t x = 0; x < n; x++)
    {
      float p[3];
      int i[3];

      for (int a = 0; a < 3; a++)
        p[a] = line->start[a] + (float) x * line->step[a];
      inside[x] = -1;
      k[x] = 0;
      if (!is_inside (grid, p))
        continue;
      for (int a = 0; a < 3; a++)
        {
          i[a] = (int) (p[a] + 0.5f);
          i[a] = i[a] < grid->size[a] - 1 ? i[a] : grid->size[a] - 1;
        }
      k[x] = i[2];
      inside[x] = (int32_t) (i[0] * grid->stride[0] + i[1] * grid->stride[1]);
    }
}

void
sag_ref_slice_lerp (size_t n, const float *a, const float *b, float f, SagFold fold, float *out)
{
  for (size_t x = 0; x < n; x++)
    out[x] = fold_value (fold, out[x], lerp (a[x], b[x], f));
}

void
sag_ref_slice_grey (size_t n, const float *values, const float *count, float centre, float scale,
                    const uint32_t *table, uint8_t *rgba)
{
  for (size_t x = 0; x < n; x++)
    {
      float y = (values[x] - centre) * scale + 128;
      uint32_t g, pixel;

      y = y > 0 ? y : 0;
      y = y < 255 ? y : 255;
      g = (uint32_t) y;
      pixel = (table != NULL ? table[g] : g * 0x010101u) | 0xff000000u;
      if (!(count[x] > 0))
        pixel = 0xff000000u;
      memcpy (rgba + 4 * x, &pixel, 4);
    }
}

void
sag_ref_slice_confident (size_t n, const uint8_t *labels, const uint8_t *confidence, uint8_t least,
                         uint8_t *out)
{
  for (size_t x = 0; x < n; x++)
    out[x] = confidence[x] >= least ? labels[x] : 0;
}

void
sag_ref_slice_edge (size_t n, const uint8_t *const rows[5], uint8_t *edge)
{
  for (size_t x = 0; x < n; x++)
    {
      uint8_t c = rows[2][x];
      int differs = 0;

      for (int dy = -2; dy <= 2 && c != 0; dy++)
        for (int dx = -2; dx <= 2; dx++)
          if (dx * dx + dy * dy <= 4)
            differs |= rows[2 + dy][(ptrdiff_t) x + dx] != c;
      edge[x] = differs ? c : 0;
    }
}

void
sag_ref_slice_fill (SagSliceKernels *slice)
{
  *slice = (SagSliceKernels){
    sag_ref_slice_trilinear, sag_ref_slice_nearest, sag_ref_slice_lerp,
    sag_ref_slice_grey,      sag_ref_slice_confident, sag_ref_slice_edge,
  };
}
