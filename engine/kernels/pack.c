/* SPDX-License-Identifier: Apache-2.0
 *
 * pack.c: weights in the order in which a kernel reads them.
 */
#include "engine/kernels/kernels.h"

#include <string.h>

size_t
sag_pack_size (size_t nr, size_t taps, size_t k, size_t n)
{
  size_t size = (n + nr - 1) / nr;

  if (n > SIZE_MAX - nr || __builtin_mul_overflow (size, nr, &size)
      || __builtin_mul_overflow (size, taps, &size) || __builtin_mul_overflow (size, k, &size))
    return 0;
  return size;
}

void
sag_pack_f32 (size_t nr, size_t taps, size_t k, size_t n,
              const float *src, ptrdiff_t st, ptrdiff_t sp, ptrdiff_t sj, float *packed)
{
  for (size_t j0 = 0; j0 < n; j0 += nr)
    for (size_t t = 0; t < taps; t++)
      for (size_t p = 0; p < k; p++, packed += nr)
        {
          const float *row = src + (ptrdiff_t) t * st + (ptrdiff_t) p * sp + (ptrdiff_t) j0 * sj;
          size_t some = n - j0 < nr ? n - j0 : nr;

          if (sj == 1)
            memcpy (packed, row, some * sizeof *row);
          else
            for (size_t j = 0; j < some; j++)
              packed[j] = row[(ptrdiff_t) j * sj];
          memset (packed + some, 0, (nr - some) * sizeof *packed);
        }
}

static uint16_t
narrow_bf16 (float x)
{
  uint32_t u;

  memcpy (&u, &x, sizeof u);
  if ((u & 0x7fffffff) > 0x7f800000)
    return (uint16_t) (u >> 16 | 0x40); /* stays NaN */
  return (uint16_t) ((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

void
sag_pack_bf16 (int geometry, size_t nr, size_t taps, size_t k, size_t n,
               const float *src, ptrdiff_t st, ptrdiff_t sp, ptrdiff_t sj, uint16_t *packed)
{
  for (size_t j0 = 0; j0 < n; j0 += nr)
    for (size_t t = 0; t < taps; t++)
      for (size_t p = 0; p < k; p++, packed += nr)
        {
          const float *row = src + (ptrdiff_t) t * st + (ptrdiff_t) p * sp + (ptrdiff_t) j0 * sj;

          for (size_t j = 0; j < nr; j++)
            packed[sag_bf16_place (geometry, nr, j)] = j0 + j < n ? narrow_bf16 (row[(ptrdiff_t) j * sj]) : 0;
        }
}

size_t
sag_pack_s8_size (size_t nr, size_t taps, size_t k, size_t n)
{
  return k > SIZE_MAX - 3 ? 0 : sag_pack_size (nr, taps, (k + 3) / 4 * 4, n);
}

void
sag_pack_s8 (size_t nr, size_t taps, size_t k, size_t n,
             const int8_t *src, ptrdiff_t st, ptrdiff_t sp, ptrdiff_t sj, int8_t *packed)
{
  for (size_t j0 = 0; j0 < n; j0 += nr)
    for (size_t t = 0; t < taps; t++)
      for (size_t p = 0; p < k; p += 4, packed += 4 * nr)
        for (size_t j = 0; j < nr; j++)
          for (size_t q = 0; q < 4; q++)
            packed[4 * j + q] = p + q < k && j0 + j < n
                                    ? src[(ptrdiff_t) t * st + (ptrdiff_t) (p + q) * sp
                                          + (ptrdiff_t) (j0 + j) * sj]
                                    : 0;
}

size_t
sag_pack_s4_size (size_t nr, size_t taps, size_t k, size_t n)
{
  size_t quads = k / 4 + (k % 4 > 0), steps;

  if (__builtin_mul_overflow (taps, quads, &steps))
    return 0;
  return sag_pack_size (nr, 1, (steps / 2 + steps % 2) * 4, n);
}
