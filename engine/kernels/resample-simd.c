/* SPDX-License-Identifier: Apache-2.0
 *
 * resample-simd.c: samples of a volume along a line.
 *
 * Positions and weights are vectors; voxels are fetched lane by lane, two neighbours along i with
 * one load, which is as quick as a gather instruction where there is one.
 */
#include "engine/kernels/reference-slice.h"
#include "engine/kernels/simd.h"
#include "engine/kernels/texts.h"

/* Index and fraction of positions along one axis; clears lanes of `ok` that are outside. */
SAG_INLINE void
split (SagVec p, int size, SagVecI *index, SagVec *fraction, SagVecI *ok)
{
  SagVec q = sag_max (sag_min (p, sag_splat ((float) (size - 1))), sag_splat (0));
  SagVecI most = sag_splat_i (size > 1 ? size - 2 : 0);
  SagVecI i = sag_to_int (q);

  *ok &= (SagVecI) (p >= sag_splat (-0.5f)) & (SagVecI) (p < sag_splat ((float) size - 0.5f));
  *index = sag_select_i (i < most, i, most);
  *fraction = q - sag_to_float (*index);
}

SAG_INLINE SagVec
position (const SagSampleLine *line, int a, SagVec x)
{
  return sag_splat (line->start[a]) + x * sag_splat (line->step[a]);
}

SAG_INLINE SagVec
lerp (SagVec a, SagVec b, SagVec f)
{
  return a + f * (b - a);
}

SAG_INLINE SagVec
fold_value (SagFold fold, SagVec acc, SagVec v)
{
  if (fold == SAG_FOLD_ADD)
    return acc + v;
  if (fold == SAG_FOLD_MAX)
    return sag_max (v, acc);
  if (fold == SAG_FOLD_MIN)
    return sag_min (v, acc);
  return v;
}

/* Two neighbours along i from each of LANES places. */
SAG_INLINE void
fetch_pair (const SagSampleGrid *grid, SagSampleType type, const ptrdiff_t *at, ptrdiff_t more,
            SagVec *a, SagVec *b)
{
  if (type == SAG_SAMPLE_F32)
    {
      float lo[LANES], hi[LANES];

      SAG_UNROLL for (int l = 0; l < LANES; l++)
        {
          const float *p = (const float *) grid->voxels + at[l] + more;

          lo[l] = p[0];
          hi[l] = p[1];
        }
      *a = sag_load (lo);
      *b = sag_load (hi);
    }
  else if (type == SAG_SAMPLE_U8)
    {
      int32_t pair[LANES];
      SagVecI v;

      SAG_UNROLL for (int l = 0; l < LANES; l++)
        {
          uint16_t two;

          memcpy (&two, (const uint8_t *) grid->voxels + at[l] + more, 2);
          pair[l] = two;
        }
      v = sag_load_i (pair);
      *a = sag_to_float (v & 0xff);
      *b = sag_to_float (v >> 8);
    }
  else
    {
      int32_t pair[LANES];
      SagVecI v;

      SAG_UNROLL for (int l = 0; l < LANES; l++)
        memcpy (&pair[l], (const uint16_t *) grid->voxels + at[l] + more, 4);
      v = sag_load_i (pair);
      if (type == SAG_SAMPLE_I16)
        {
          *a = sag_to_float (v << 16 >> 16);
          *b = sag_to_float (v >> 16);
        }
      else
        {
          *a = sag_to_float (v & 0xffff);
          *b = sag_to_float ((SagVecI) ((SagVecU) v >> 16));
        }
    }
}

SAG_INLINE void
trilinear (const SagSampleGrid *grid, SagSampleType type, const SagSampleLine *line, size_t n,
           SagFold fold, float *out, float *count)
{
  ptrdiff_t down = grid->size[1] > 1 ? grid->stride[1] : 0;
  ptrdiff_t deep = grid->size[2] > 1 ? grid->stride[2] : 0;

  for (size_t x = 0; x < n; x += LANES)
    {
      SagVec xs = sag_to_float (sag_iota () + (int) x);
      SagVecI ok = sag_splat_i (-1), index[3], element;
      SagVec f[3], a, b, upper, lower, near, far, v;
      int32_t elements[LANES], slices[LANES];
      ptrdiff_t at[LANES];

      for (int axis = 0; axis < 3; axis++)
        split (position (line, axis, xs), grid->size[axis], &index[axis], &f[axis], &ok);
      element = index[0] + index[1] * (int) grid->stride[1];
      sag_store_i (elements, element);
      sag_store_i (slices, index[2]);
      SAG_UNROLL for (int l = 0; l < LANES; l++)
        at[l] = elements[l] + slices[l] * grid->stride[2];

      if (grid->ready != NULL)
        {
          int32_t flags[LANES];
          float depth[LANES];

          sag_store (depth, f[2]);
          for (int l = 0; l < LANES; l++)
            {
              flags[l] =
                  grid->ready[slices[l]] && (depth[l] == 0 || grid->ready[slices[l] + 1]) ? -1 : 0;
              at[l] = flags[l] != 0 ? at[l] : 0;
            }
          ok &= sag_load_i (flags);
        }

      fetch_pair (grid, type, at, 0, &a, &b);
      upper = lerp (a, b, f[0]);
      fetch_pair (grid, type, at, down, &a, &b);
      lower = lerp (a, b, f[0]);
      near = lerp (upper, lower, f[1]);
      fetch_pair (grid, type, at, deep, &a, &b);
      upper = lerp (a, b, f[0]);
      fetch_pair (grid, type, at, deep + down, &a, &b);
      lower = lerp (a, b, f[0]);
      far = lerp (upper, lower, f[1]);
      v = lerp (near, far, f[2]);

      if (fold == SAG_FOLD_STORE)
        {
          sag_store (out + x, sag_select (ok, v, sag_splat (0)));
          sag_store (count + x, sag_select (ok, sag_splat (1), sag_splat (0)));
        }
      else
        {
          SagVec acc = sag_load (out + x), counted = sag_load (count + x);

          sag_store (out + x, sag_select (ok, fold_value (fold, acc, v), acc));
          sag_store (count + x, sag_select (ok, counted + sag_splat (1), counted));
        }
    }
}

/* The compiler writes the loop out for each type and fold. */
#define FOLDS(type)                                                        \
  switch (fold)                                                            \
    {                                                                      \
    case SAG_FOLD_STORE:                                                   \
      trilinear (grid, type, line, n, SAG_FOLD_STORE, out, count);         \
      return;                                                              \
    case SAG_FOLD_ADD:                                                     \
      trilinear (grid, type, line, n, SAG_FOLD_ADD, out, count);           \
      return;                                                              \
    case SAG_FOLD_MAX:                                                     \
      trilinear (grid, type, line, n, SAG_FOLD_MAX, out, count);           \
      return;                                                              \
    case SAG_FOLD_MIN:                                                     \
      trilinear (grid, type, line, n, SAG_FOLD_MIN, out, count);           \
      return;                                                              \
    }

static void
slice_trilinear (const SagSampleGrid *grid, SagSampleType type, const SagSampleLine *line, size_t n,
                 SagFold fold, float *out, float *count)
{
  /* Pairs need two neighbours side by side in memory. */
  if (grid->size[0] < 2 || grid->stride[0] != 1)
    {
      sag_ref_slice_trilinear (grid, type, line, n, fold, out, count);
      return;
    }
  switch (type)
    {
    case SAG_SAMPLE_U8:
      FOLDS (SAG_SAMPLE_U8)
      break;
    case SAG_SAMPLE_I16:
      FOLDS (SAG_SAMPLE_I16)
      break;
    case SAG_SAMPLE_U16:
      FOLDS (SAG_SAMPLE_U16)
      break;
    case SAG_SAMPLE_F32:
      FOLDS (SAG_SAMPLE_F32)
      break;
    }
}

static void
slice_nearest (const SagSampleGrid *grid, const SagSampleLine *line, size_t n, int32_t *inside,
               int32_t *k)
{
  for (size_t x = 0; x < n; x += LANES)
    {
      SagVec xs = sag_to_float (sag_iota () + (int) x);
      SagVecI ok = sag_splat_i (-1), index[3];

      for (int axis = 0; axis < 3; axis++)
        {
          SagVec p = position (line, axis, xs);
          float size = (float) grid->size[axis];

          ok &= (SagVecI) (p >= sag_splat (-0.5f)) & (SagVecI) (p < sag_splat (size - 0.5f));
          p = sag_max (sag_min (p + sag_splat (0.5f), sag_splat (size - 1)), sag_splat (0));
          index[axis] = sag_to_int (p);
        }
      sag_store_i (k + x, index[2] & ok);
      sag_store_i (
          inside + x,
          sag_select_i (ok, index[0] * (int) grid->stride[0] + index[1] * (int) grid->stride[1],
                        sag_splat_i (-1)));
    }
}

void
SAG_FN (resample_fill) (SagKernels *k)
{
  k->slice.trilinear = slice_trilinear;
  k->slice.nearest = slice_nearest;
}
