/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes-simd.c: what is done to activations in bytes beside products: depthwise convolution, pooling,
 * interpolation.
 */
#include "engine/kernels/int-end-simd.h"
#include "engine/kernels/texts.h"

enum
{
  PIXELS = LANES == 16 ? 4 : 1, /* that share a load of the weights */
  MAX_QUADS = 8,                /* fours of taps */
  BLOCK = 4 * LANES,            /* channels */
};

/* What belongs to a block of channels, in the order of sag_woven (). */
typedef struct
{
  size_t  n;
  SagS8x4 w[MAX_QUADS][4];
  SagVecI start[4], scale[4], shift[4];
} Columns;

static void
columns_fill (Columns *columns, const SagDepthwiseU8Job *job, size_t c)
{
  size_t n = columns->n;

  for (size_t t = 0; t < job->taps; t += 4)
    {
      SagVecU8 row[4] = { 0 };
      SagVecI w[4];

      for (size_t i = 0; i < 4 && t + i < job->taps; i++)
        row[i] = sag_load_u8 ((const uint8_t *) job->w + (t + i) * job->c + c, n);
      sag_woven (row[0], row[1], row[2], row[3], w);
      for (int v = 0; v < 4; v++)
        columns->w[t / 4][v] = sag_s8x4 (w[v]);
    }
  sag_ordered (job->init + c, n, columns->start);
  sag_ordered (job->end.scale + c, n, columns->scale);
  sag_ordered (job->end.shift + c, n, columns->shift);
}

/* The sums of a pixel become bytes or floats. */
SAG_INLINE void
columns_end (const Columns *columns, const SagIntEnd *end, const Ends *plain, ptrdiff_t at, const SagVecI sum[4])
{
  SagVecI residual[4] = { sag_splat_i (0), sag_splat_i (0), sag_splat_i (0), sag_splat_i (0) }, out[4];
  SagVecU8 none = { 0 };

  if (plain != NULL)
    {
      SAG_UNROLL for (int v = 0; v < 4; v++)
        out[v] = ended_byte_with (plain, ended_with (plain, 0, sag_to_float (sum[v]),
                                                     sag_from_bits (columns->scale[v]),
                                                     sag_from_bits (columns->shift[v]), NULL));
      sag_store_u8 ((uint8_t *) end->out + at, sag_unwoven (out), columns->n);
      return;
    }
  if (end->residual != NULL)
    sag_woven (sag_load_u8 (end->residual + at, columns->n), none, none, none, residual);
  SAG_UNROLL for (int v = 0; v < 4; v++)
    {
      SagVec x = ended (end, sag_to_float (sum[v]), sag_from_bits (columns->scale[v]),
                        sag_from_bits (columns->shift[v]), residual[v]);

      out[v] = end->kind == SAG_END_F32 ? sag_bits (x) : ended_byte (end, x);
    }
  if (end->kind == SAG_END_F32)
    {
      SagVecI own[4];
      float all[BLOCK];

      /* The order of sag_ordered () put back. */
      for (int v = 0; v < 4; v++)
        own[v] = out[v];
      for (size_t v = 0; v < 4; v++)
        for (size_t l = 0; l < LANES / 4; l++)
          memcpy (all + 16 * l + 4 * v, (const char *) &own[v] + 16 * l, 16);
      memcpy ((float *) end->out + at, all, columns->n * sizeof *all);
    }
  else
    sag_store_u8 ((uint8_t *) end->out + at, sag_unwoven (out), columns->n);
}

/* np pixels from row i on; whole promises that the columns are; `plain` NULL: an end of any kind. */
SAG_INLINE void
depthwise_pixels (int np, int whole, const Columns *columns, const SagIntEnd *end, const Ends *plain,
                  const SagDepthwiseU8Job *job, size_t i, size_t c)
{
  size_t n = whole ? BLOCK : columns->n;
  SagVecI sum[PIXELS][4];

  SAG_UNROLL for (int p = 0; p < np; p++)
    SAG_UNROLL for (int v = 0; v < 4; v++)
      sum[p][v] = columns->start[v];
  for (size_t t = 0; t < job->taps; t += 4)
    {
      const uint8_t *const *rows = job->rows + t * job->ld_rows + i;
      size_t ld = job->ld_rows, left = job->taps - t;

      SAG_UNROLL for (int p = 0; p < np; p++)
        {
          SagVecU8 none = { 0 };
          SagVecI x[4];

          sag_woven (sag_load_u8 (rows[p] + c, n), left > 1 ? sag_load_u8 (rows[ld + p] + c, n) : none,
                     left > 2 ? sag_load_u8 (rows[2 * ld + p] + c, n) : none,
                     left > 3 ? sag_load_u8 (rows[3 * ld + p] + c, n) : none, x);
          SAG_UNROLL for (int v = 0; v < 4; v++)
            sum[p][v] = sag_dot4 (sum[p][v], sag_u8x4 (x[v]), columns->w[t / 4][v]);
        }
    }
  SAG_UNROLL for (int p = 0; p < np; p++)
    columns_end (columns, end, plain, (ptrdiff_t) (i + p) * end->ld, sum[p]);
}

/* Four taps of 4 * LANES channels are woven, and summed by dot products. A last block that is not whole
 * goes back over channels that were done, to the same bytes. */
static void
depthwise_u8 (const SagDepthwiseU8Job *job)
{
  for (size_t at = 0; at < job->c; at += BLOCK)
    {
      size_t c = at + BLOCK > job->c && job->c > BLOCK ? job->c - BLOCK : at, i = 0;
      Columns columns = { .n = job->c < BLOCK ? job->c : BLOCK };
      SagIntEnd end = job->end; /* a copy that no store of bytes can change */
      Ends plain = ends_of (&end);
      int is_plain = end.kind == SAG_END_U8 && end.residual == NULL && end.slope == 1;

      columns_fill (&columns, job, c);
      end.out = end.kind == SAG_END_F32 ? (void *) ((float *) end.out + c)
                                        : (void *) ((uint8_t *) end.out + c);
      if (end.residual != NULL)
        end.residual += c;
      if (columns.n == BLOCK && is_plain)
        for (; i + PIXELS <= job->m; i += PIXELS)
          depthwise_pixels (PIXELS, 1, &columns, &end, &plain, job, i, c);
      else if (columns.n == BLOCK)
        for (; i + PIXELS <= job->m; i += PIXELS)
          depthwise_pixels (PIXELS, 1, &columns, &end, NULL, job, i, c);
      else if (is_plain)
        for (; i < job->m; i++)
          depthwise_pixels (1, 0, &columns, &end, &plain, job, i, c);
      for (; i < job->m; i++)
        depthwise_pixels (1, 0, &columns, &end, NULL, job, i, c);
    }
}

/* --- pooling ----------------------------------------------------------------------------- */

SAG_INLINE SagVecU8
max_u8 (SagVecU8 a, SagVecU8 b)
{
#if LANES == 16
  return (SagVecU8) _mm512_max_epu8 ((__m512i) a, (__m512i) b);
#elif LANES == 8
  return (SagVecU8) _mm256_max_epu8 ((__m256i) a, (__m256i) b);
#else
  return (SagVecU8) vmaxq_u8 ((uint8x16_t) a, (uint8x16_t) b);
#endif
}

static void
max_of_rows (size_t rows, size_t n, const uint8_t *const *row, uint8_t *y)
{
  for (size_t i = 0; i < n; i += 4 * LANES)
    {
      SagVecU8 v = sag_load_u8 (row[0] + i, n - i);

      for (size_t t = 1; t < rows; t++)
        v = max_u8 (v, sag_load_u8 (row[t] + i, n - i));
      sag_store_u8 (y + i, v, n - i);
    }
}

static void
max_pairs_x4 (size_t n, const uint8_t *x, uint8_t *y)
{
  size_t i = 0;

  for (; i + LANES <= n; i += LANES)
    {
      SagVec a = sag_load ((const float *) (const void *) (x + 8 * i));
      SagVec b = sag_load ((const float *) (const void *) (x + 8 * i + 4 * LANES));
      SagVecU8 v = max_u8 ((SagVecU8) sag_even (a, b), (SagVecU8) sag_odd (a, b));

      memcpy (y + 4 * i, &v, sizeof v);
    }
  for (; i < n; i++)
    for (size_t c = 0; c < 4; c++)
      y[4 * i + c] = x[8 * i + c] > x[8 * i + 4 + c] ? x[8 * i + c] : x[8 * i + 4 + c];
}

/* --- interpolation ----------------------------------------------------------------------- */

SAG_INLINE SagVecI
mixed (SagVec v)
{
  return sag_nearest (sag_clamp (v, sag_splat (0.0f), sag_splat (255.0f)));
}

static void
mix_rows (size_t rows, size_t n, const uint8_t *const *row, const float *weight, uint8_t *y)
{
  for (size_t i = 0; i < n; i += LANES)
    {
      size_t left = n - i < LANES ? n - i : LANES;
      SagVec v = sag_splat (0.0f);

      for (size_t t = 0; t < rows; t++)
        v = sag_fma (sag_splat (weight[t]), sag_to_float (sag_load_bytes_n (row[t] + i, left)), v);
      sag_store_bytes (y + i, mixed (v), left);
    }
}

/* Pixel u of the mixed lines: nv vectors of channels from c on, the last of them of `n`. */
SAG_INLINE void
mix_pixel (int nv, const SagMixPixelsJob *job, ptrdiff_t u, size_t c, size_t n, SagVec v[4])
{
  SAG_UNROLL for (int i = 0; i < nv; i++)
    v[i] = sag_splat (0.0f);
  for (size_t t = 0; t < job->lines; t++)
    {
      const uint8_t *row = job->rows[t] + u * (ptrdiff_t) job->c + c;
      SagVec w = sag_splat (job->weight[t]);

      SAG_UNROLL for (int i = 0; i < nv; i++)
        v[i] = sag_fma (w, sag_to_float (i < nv - 1 || n == LANES ? sag_load_bytes (row + i * LANES)
                                                                  : sag_load_bytes_n (row + i * LANES, n)), v[i]);
    }
}

/* What is between two pixels is made of them for as long as they are the ones. */
SAG_INLINE void
mix_columns (int nv, const SagMixPixelsJob *job, size_t c, size_t n)
{
  SagVec a[4] = { { 0 } }, b[4] = { { 0 } };
  int32_t first = -1, second = -1;

  for (size_t i = 0; i < job->n; i++)
    {
      uint8_t *y = job->y + (ptrdiff_t) i * job->ld + c;
      SagVec part = sag_splat (job->part[i]);

      if (job->first[i] != first)
        {
          if (job->first[i] == second)
            SAG_UNROLL for (int v = 0; v < nv; v++)
              a[v] = b[v];
          else
            mix_pixel (nv, job, job->first[i], c, n, a);
        }
      if (job->second[i] != second)
        mix_pixel (nv, job, job->second[i], c, n, b);
      first = job->first[i];
      second = job->second[i];
      SAG_UNROLL for (int v = 0; v < nv; v++)
        sag_store_bytes (y + v * LANES, mixed (sag_fma (part, b[v] - a[v], a[v])), v < nv - 1 ? LANES : n);
    }
}

static void
mix_pixels (const SagMixPixelsJob *job)
{
  for (size_t c = 0; c < job->c; c += 4 * LANES)
    {
      size_t left = job->c - c < 4 * LANES ? job->c - c : 4 * LANES, nv = (left + LANES - 1) / LANES;

      left -= (nv - 1) * LANES;
      switch (nv)
        {
        case 1: mix_columns (1, job, c, left); break;
        case 2: mix_columns (2, job, c, left); break;
        case 3: mix_columns (3, job, c, left); break;
        default: mix_columns (4, job, c, left); break;
        }
    }
}

SAG_INLINE SagVec
byte_of (SagVecI four, int c)
{
  return sag_to_float ((four >> (8 * c)) & sag_splat_i (255));
}

static void
mix_lines_x4 (size_t rows, size_t n, const uint8_t *const *row, const float *weight,
              const int32_t *first, const int32_t *second, const float *part, uint8_t *y)
{
  for (size_t i = 0; i < n; i += LANES)
    {
      size_t left = n - i < LANES ? n - i : LANES;
      SagVecI at = sag_bits (sag_load_n ((const float *) (const void *) (first + i), left));
      SagVecI next = sag_bits (sag_load_n ((const float *) (const void *) (second + i), left));
      SagVec f = sag_load_n (part + i, left), v[4];
      SagVecI four = sag_splat_i (0);

      SAG_UNROLL for (int c = 0; c < 4; c++)
        v[c] = sag_splat (0.0f);
      for (size_t t = 0; t < rows; t++)
        {
          SagVecI a = sag_bits (sag_gather ((const float *) (const void *) row[t], at));
          SagVecI b = sag_bits (sag_gather ((const float *) (const void *) row[t], next));

          SAG_UNROLL for (int c = 0; c < 4; c++)
            {
              SagVec x = byte_of (a, c);

              v[c] = sag_fma (sag_splat (weight[t]), sag_fma (f, byte_of (b, c) - x, x), v[c]);
            }
        }
      SAG_UNROLL for (int c = 0; c < 4; c++)
        four |= mixed (v[c]) << (8 * c);
      sag_store_n ((float *) (void *) (y + 4 * i), sag_from_bits (four), left);
    }
}

/* Sixteen tables of sixteen, and the upper bits choose between them. */
static void
look_up (size_t n, const uint8_t *x, const uint8_t table[256], uint8_t *y)
{
#if LANES == 16
  __m512i part[16];

  SAG_UNROLL for (int j = 0; j < 16; j++)
    part[j] = _mm512_broadcast_i32x4 (_mm_loadu_si128 ((const __m128i *) (const void *) (table + 16 * j)));
  for (size_t i = 0; i < n; i += 64)
    {
      size_t some = n - i < 64 ? n - i : 64;
      __m512i v = (__m512i) sag_load_u8 (x + i, some), low = _mm512_and_si512 (v, _mm512_set1_epi8 (15)), r[16];

      SAG_UNROLL for (int j = 0; j < 16; j++)
        r[j] = _mm512_shuffle_epi8 (part[j], low);
      SAG_UNROLL for (int bit = 0; bit < 4; bit++)
        {
          __mmask64 set = _mm512_test_epi8_mask (v, _mm512_set1_epi8 ((char) (16 << bit)));

          SAG_UNROLL for (int j = 0; j < 16 >> bit; j += 2)
            r[j / 2] = _mm512_mask_blend_epi8 (set, r[j], r[j + 1]);
        }
      sag_store_u8 (y + i, (SagVecU8) r[0], some);
    }
#else
  for (size_t i = 0; i < n; i++)
    y[i] = table[x[i]];
#endif
}

void
SAG_FN (bytes_fill) (SagKernels *k)
{
  k->bytes = (SagBytes){ depthwise_u8, NULL, mix_pixels, max_of_rows, max_pairs_x4, mix_rows, mix_lines_x4, look_up };
}
