/* SPDX-License-Identifier: Apache-2.0
 *
 * slice.h: the kernels of pictures: sampling a row of pixels, window, overlay.
 *
 * reference-slice.c is their definition. Products and sums are rounded one by one here, nothing is
 * fused: these kernels must also be quick on processors without a fused multiply-add. Unlike the
 * rest of the table, row arrays marked "padded" are readable and writable up to a multiple of
 * SAG_SLICE_PAD elements; what the padding holds afterwards is not defined.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SAG_SLICE_PAD 64

typedef enum
{
  SAG_SAMPLE_U8,
  SAG_SAMPLE_I16,
  SAG_SAMPLE_U16,
  SAG_SAMPLE_F32,
} SagSampleType;

/* What happens to a new value v of a pixel whose old one is acc. */
typedef enum
{
  SAG_FOLD_STORE, /* v */
  SAG_FOLD_ADD,   /* acc + v */
  SAG_FOLD_MAX,   /* v > acc ? v : acc */
  SAG_FOLD_MIN,   /* v < acc ? v : acc */
} SagFold;

/* Voxels in memory: voxel (i, j, k) is element i * stride[0] + j * stride[1] + k * stride[2]. A
 * slice k spans fewer than 2^31 elements. */
typedef struct
{
  const void    *voxels;
  int            size[3];
  ptrdiff_t      stride[3];
  const uint8_t *ready; /* [size[2]], 0: slice k must not be read; NULL: all may */
} SagSampleGrid;

/* Index of pixel x along axis a: start[a] + (float) x * step[a]. */
typedef struct
{
  float start[3], step[3];
} SagSampleLine;

typedef struct
{
  /* Trilinear samples along a line. A pixel counts if every index p lies in -0.5 <= p < size - 0.5
   * and the slices k it reads are ready. Then p is clamped to 0 .. size - 1, i = min ((int) p, size
   * - 2) (0 if size is 1) and f = p - i; a + f * (b - a) along i, then j, then k gives v. out and
   * count are padded; where a pixel counts, out = fold (out, v) and count = fold (count, 1) with
   * STORE or ADD; where it does not they stay, or become 0 with STORE. */
  void (*trilinear) (const SagSampleGrid *grid, SagSampleType type, const SagSampleLine *line,
                     size_t n, SagFold fold, float *out, float *count);

  /* Nearest voxels along a line: k[x] and the element within its slice, i * stride[0] + j *
   * stride[1], with i = min ((int) (p + 0.5), size - 1), or inside[x] = -1 where p is outside as
   * above. Readiness is not looked at. Both padded. */
  void (*nearest) (const SagSampleGrid *grid, const SagSampleLine *line, size_t n, int32_t *inside,
                   int32_t *k);

  /* out[x] = fold (out[x], a[x] + f * (b[x] - a[x])). All padded. */
  void (*lerp)      (size_t n, const float *a, const float *b, float f, SagFold fold, float *out);

  /* Value -> pixel: g = (int) min (255, max (0, (v - centre) * scale + 128)), NaN gives 0, 0 where
   * count is not above 0; rgba = table[g] or, if table is NULL, grey; alpha is 255; where nothing
   * counts, black. values and count are padded, rgba is not; pixels are 4 bytes R, G, B, A. */
  void (*grey)      (size_t n, const float *values, const float *count, float centre, float scale,
                     const uint32_t *table, uint8_t *rgba);

  /* out[x] = confidence[x] >= least ? labels[x] : 0. All padded. */
  void (*confident) (size_t n, const uint8_t *labels, const uint8_t *confidence, uint8_t least,
                     uint8_t *out);

  /* edge[x] = c where the label c = rows[2][x] is not 0 and one of the 12 pixels within a distance
   * of 2 differs (rows[0 .. 4] are the picture's rows y - 2 .. y + 2, readable from x = -2, padded
   * plus 2), else 0. Padded. */
  void (*edge)      (size_t n, const uint8_t *const rows[5], uint8_t *edge);
} SagSliceKernels;
