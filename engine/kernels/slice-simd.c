/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-simd.c: rows of values and labels into rows of pixels.
 */
#include "engine/kernels/simd.h"
#include "engine/kernels/texts.h"

typedef uint8_t Bytes __attribute__ ((vector_size (4 * LANES)));

SAG_INLINE Bytes
load_bytes (const uint8_t *p)
{
  Bytes v;

  memcpy (&v, p, sizeof v);
  return v;
}

SAG_INLINE void
lerp_rows (size_t n, const float *a, const float *b, float f, SagFold fold, float *out)
{
  SagVec fs = sag_splat (f);

  for (size_t x = 0; x < n; x += LANES)
    {
      SagVec u = sag_load (a + x), v = u + fs * (sag_load (b + x) - u);

      if (fold == SAG_FOLD_ADD)
        v = sag_load (out + x) + v;
      else if (fold == SAG_FOLD_MAX)
        v = sag_max (v, sag_load (out + x));
      else if (fold == SAG_FOLD_MIN)
        v = sag_min (v, sag_load (out + x));
      sag_store (out + x, v);
    }
}

static void
slice_lerp (size_t n, const float *a, const float *b, float f, SagFold fold, float *out)
{
  switch (fold)
    {
    case SAG_FOLD_STORE:
      lerp_rows (n, a, b, f, SAG_FOLD_STORE, out);
      break;
    case SAG_FOLD_ADD:
      lerp_rows (n, a, b, f, SAG_FOLD_ADD, out);
      break;
    case SAG_FOLD_MAX:
      lerp_rows (n, a, b, f, SAG_FOLD_MAX, out);
      break;
    case SAG_FOLD_MIN:
      lerp_rows (n, a, b, f, SAG_FOLD_MIN, out);
      break;
    }
}

static void
slice_grey (size_t n, const float *values, const float *count, float centre, float scale,
            const uint32_t *table, uint8_t *rgba)
{
  for (size_t x = 0; x < n; x += LANES)
    {
      SagVec y = (sag_load (values + x) - sag_splat (centre)) * sag_splat (scale) + sag_splat (128);
      SagVecI counts = (SagVecI) (sag_load (count + x) > sag_splat (0));
      SagVecI g = sag_to_int (sag_min (sag_max (y, sag_splat (0)), sag_splat (255)));
      int32_t pixels[LANES];

      if (table != NULL)
        {
          sag_store_i (pixels, g);
          for (int l = 0; l < LANES; l++)
            pixels[l] = (int32_t) table[pixels[l]];
          g = sag_load_i (pixels);
        }
      else
        g = g * 0x010101;
      g = (g & counts) | (int32_t) 0xff000000;
      if (n - x >= LANES)
        memcpy (rgba + 4 * x, &g, sizeof g);
      else
        memcpy (rgba + 4 * x, &g, 4 * (n - x));
    }
}

static void
slice_confident (size_t n, const uint8_t *labels, const uint8_t *confidence, uint8_t least,
                 uint8_t *out)
{
  Bytes limit = least - (Bytes){ 0 };

  for (size_t x = 0; x < n; x += sizeof (Bytes))
    {
      Bytes v = load_bytes (labels + x) & (Bytes) (load_bytes (confidence + x) >= limit);

      memcpy (out + x, &v, sizeof v);
    }
}

static void
slice_edge (size_t n, const uint8_t *const rows[5], uint8_t *edge)
{
  for (size_t x = 0; x < n; x += sizeof (Bytes))
    {
      Bytes c = load_bytes (rows[2] + x);
      Bytes differs = load_bytes (rows[0] + x) ^ c;

      differs |= load_bytes (rows[4] + x) ^ c;
      for (int dx = -1; dx <= 1; dx++)
        {
          differs |= load_bytes (rows[1] + x + dx) ^ c;
          differs |= load_bytes (rows[3] + x + dx) ^ c;
        }
      for (int dx = -2; dx <= 2; dx++)
        differs |= load_bytes (rows[2] + x + dx) ^ c;
      c &= (Bytes) (differs != 0);
      memcpy (edge + x, &c, sizeof c);
    }
}

void
SAG_FN (slice_fill) (SagKernels *k)
{
  k->slice.lerp = slice_lerp;
  k->slice.grey = slice_grey;
  k->slice.confident = slice_confident;
  k->slice.edge = slice_edge;
}
