/* SPDX-License-Identifier: Apache-2.0
 *
 * int-amx.c: the matrix product on bytes in tiles (Intel AMX): 16 pixels by 16 columns, 64 products
 * each, at once.
 *
 * Weights lie as for the other kernels: four products of a column beside each other is what a tile wants.
 * Pixels are loaded where they lie if they are as far apart as each other; else they are copied, a step ahead
 * of their use. Instruction set: Intel Architecture Instruction Set Extensions, chapter "Intel AMX".
 */
#include "engine/kernels/int-end-simd.h"
#include "engine/kernels/texts.h"

enum
{
  SIDE = 16,               /* rows of a tile, and its columns of 32 bits */
  LINE = 64,               /* bytes of a row of a tile */
  MR = 2 * SIDE, NR = 2 * SIDE,
  MOST_RUN = 512,          /* bytes of taps that are seen as one */
};

/* Tiles: 0 … 3 sums, 4 and 5 pixels and weights of a whole step, 6 and 7 those of a shorter one. */
typedef struct
{
  uint8_t  palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t  rows[16];
} Shape;

/* Quads of a shorter step that the thread's tiles are shaped for; 0: they are not in use. */
static _Thread_local unsigned shaped;

static void
shape (unsigned quads)
{
  Shape s = { .palette = 1 };

  if (shaped == quads)
    return;
  for (int i = 0; i < 8; i++)
    {
      s.rows[i] = SIDE;
      s.row_bytes[i] = LINE;
    }
  s.row_bytes[6] = (uint16_t) (4 * quads);
  s.rows[7] = (uint8_t) quads;
  __asm__ volatile ("ldtilecfg %0" : : "m" (s));
  shaped = quads;
}

static void
gemm_u8_done (void)
{
  if (shaped != 0)
    _tile_release ();
  shaped = 0;
}

/* What the compiler is not told of tiles: they read and write memory. */
#define FENCE() __asm__ volatile ("" : : : "memory")

/* How a job's products are cut: `run` taps at a time, which may lie in one piece, in steps of 64 bytes and a
 * shorter one of `rest` quads. */
typedef struct
{
  const SagGemmU8Job *job;
  size_t              run, bytes, steps, n_steps; /* bytes and steps of a run; steps of all */
  unsigned            rest;
} Cut;

/* The pixels of the two tiles at one step. */
typedef struct
{
  const uint8_t *at[2];
  ptrdiff_t      apart[2];
} Pixels;

/* The step to come: its run's taps and the bytes of them that are done; how the pixels of that run lie. */
typedef struct
{
  const uint8_t *const *rows;
  size_t                from;
  int                   regular[2], odd;
  uint8_t              *buffer; /* [2][2][SIDE * LINE] */
} Cursor;

/* Whether `run` taps of the 16 pixels lie in one piece, each as far from the one before. */
SAG_INLINE int
is_regular (const uint8_t *const *rows, size_t run, size_t k)
{
  __m512i apart = _mm512_set1_epi64 (rows[1] - rows[0]);
  const uint8_t *first = rows[0];
  __mmask8 other = 0;

  for (size_t t = 0; t < run; t++, rows += MR, first += k)
    {
      __m512i low = _mm512_sub_epi64 (_mm512_loadu_si512 (rows + 1), _mm512_loadu_si512 (rows));
      __m512i high = _mm512_sub_epi64 (_mm512_loadu_si512 (rows + 8), _mm512_loadu_si512 (rows + 7));

      other |= _mm512_cmpneq_epi64_mask (low, apart) | _mm512_cmpneq_epi64_mask (high, apart);
      other |= rows[0] != first;
    }
  return other == 0;
}

/* Bytes from `from` on of a run of taps, of 16 pixels, beside each other; zeroes behind them. */
SAG_INLINE void
collect (const Cut *cut, const uint8_t *const *rows, size_t from, uint8_t *to)
{
  size_t k = cut->job->k, end = cut->bytes - from < LINE ? cut->bytes : from + LINE;
  size_t off = cut->run == 1 ? from : from % k;

  rows += cut->run == 1 ? 0 : from / k * MR;
  for (size_t at = from; at < end; rows += MR, off = 0)
    {
      size_t n = k - off < end - at ? k - off : end - at;
      __mmask64 mask = n == LINE ? ~(__mmask64) 0 : ((__mmask64) 1 << n) - 1;
      uint8_t *p = to + (at - from);

      if (at == from) /* whole lines, so that what follows needs no clearing */
        for (int i = 0; i < SIDE; i++)
          _mm512_storeu_si512 (p + i * LINE, _mm512_maskz_loadu_epi8 (mask, rows[i] + off));
      else
        for (int i = 0; i < SIDE; i++)
          _mm512_mask_storeu_epi8 (p + i * LINE, mask, _mm512_maskz_loadu_epi8 (mask, rows[i] + off));
      at += n;
    }
}

SAG_INLINE Pixels
next_pixels (const Cut *cut, Cursor *c, int tiles)
{
  Pixels p = { { NULL, NULL }, { LINE, LINE } };

  SAG_UNROLL for (int i = 0; i < tiles; i++)
    {
      const uint8_t *const *rows = c->rows + i * SIDE;

      if (c->from == 0)
        c->regular[i] = cut->job->k % 4 == 0 && is_regular (rows, cut->run, cut->job->k);
      if (c->regular[i])
        {
          p.at[i] = rows[0] + c->from;
          p.apart[i] = rows[1] - rows[0];
        }
      else
        {
          uint8_t *to = c->buffer + (c->odd * 2 + i) * SIDE * LINE;

          collect (cut, rows, c->from, to);
          p.at[i] = to;
        }
    }
  c->odd ^= 1;
  c->from += LINE;
  if (c->from >= cut->bytes)
    {
      c->from = 0;
      c->rows += cut->run * MR;
    }
  return p;
}

/* Two tiles of pixels by two of columns: sums 0 1 / 2 3. Fewer of either leave tiles free: the sums of
 * even and odd steps are then kept apart, as one has to wait for the one before. */
#define STEP_2X2(a, b, p, w)                            \
  do                                                    \
    {                                                   \
      _tile_loadd (a, (p).at[0], (p).apart[0]);         \
      _tile_loadd (b, w, 4 * NR);                       \
      _tile_dpbusd (0, a, b);                           \
      _tile_loadd (b, (w) + LINE, 4 * NR);              \
      _tile_dpbusd (1, a, b);                           \
      _tile_loadd (a, (p).at[1], (p).apart[1]);         \
      _tile_dpbusd (3, a, b);                           \
      _tile_loadd (b, w, 4 * NR);                       \
      _tile_dpbusd (2, a, b);                           \
    }                                                   \
  while (0)

#define STEP_2X1(a, b, p, w, c0, c2)                    \
  do                                                    \
    {                                                   \
      _tile_loadd (b, w, 4 * NR);                       \
      _tile_loadd (a, (p).at[0], (p).apart[0]);         \
      _tile_dpbusd (c0, a, b);                          \
      _tile_loadd (a, (p).at[1], (p).apart[1]);         \
      _tile_dpbusd (c2, a, b);                          \
    }                                                   \
  while (0)

#define STEP_1X2(a, b, p, w, c0, c1)                    \
  do                                                    \
    {                                                   \
      _tile_loadd (a, (p).at[0], (p).apart[0]);         \
      _tile_loadd (b, w, 4 * NR);                       \
      _tile_dpbusd (c0, a, b);                          \
      _tile_loadd (b, (w) + LINE, 4 * NR);              \
      _tile_dpbusd (c1, a, b);                          \
    }                                                   \
  while (0)

#define STEP_1X1(a, b, p, w, c0)                        \
  do                                                    \
    {                                                   \
      _tile_loadd (a, (p).at[0], (p).apart[0]);         \
      _tile_loadd (b, w, 4 * NR);                       \
      _tile_dpbusd (c0, a, b);                          \
    }                                                   \
  while (0)

#define EITHER(kind, ...)           \
  do                                \
    {                               \
      if (whole)                    \
        kind (4, 5, __VA_ARGS__);   \
      else                          \
        kind (6, 7, __VA_ARGS__);   \
    }                               \
  while (0)

SAG_INLINE void
all_steps (const Cut *cut, int tiles, int columns)
{
  _Alignas (64) uint8_t buffer[4 * SIDE * LINE];
  const int8_t *w = cut->job->w;
  Cursor cursor = { .rows = cut->job->rows, .buffer = buffer };
  Pixels next = next_pixels (cut, &cursor, tiles);

  for (size_t step = 0, in_run = 0; step < cut->n_steps; step++)
    {
      Pixels p = next;
      int whole = cut->rest == SIDE || ++in_run < cut->steps;

      if (!whole)
        in_run = 0;
      if (step + 1 < cut->n_steps)
        next = next_pixels (cut, &cursor, tiles);
      FENCE ();
      if (tiles == 2 && columns == 2)
        EITHER (STEP_2X2, p, w);
      else if (tiles == 2 && step & 1)
        EITHER (STEP_2X1, p, w, 1, 3);
      else if (tiles == 2)
        EITHER (STEP_2X1, p, w, 0, 2);
      else if (columns == 2 && step & 1)
        EITHER (STEP_1X2, p, w, 2, 3);
      else if (columns == 2)
        EITHER (STEP_1X2, p, w, 0, 1);
      else if (step & 1)
        EITHER (STEP_1X1, p, w, 1);
      else
        EITHER (STEP_1X1, p, w, 0);
      FENCE ();
      w += whole ? SIDE * 4 * NR : cut->rest * 4 * NR;
    }
}

/* --- what follows the sums --------------------------------------------------------------- */

/* Rows of one column of tiles. `sums` has `tiles` of them, their rows SIDE apart; to each row of a tile that of
 * the tile `more` behind it is added, if there is one. Constants: kind, residual, sloped, whole. */
SAG_INLINE void
end_rows (const SagIntEnd *end, size_t m, size_t first, size_t left, const int32_t *sums, size_t more,
          SagEnd kind, int residual, int sloped, int whole)
{
  Ends e = ends_of (end);
  SagVec scale = sag_load (end->scale + first), shift = sag_load (end->shift + first);
  const uint8_t *beside = residual ? end->residual + first : NULL;
  ptrdiff_t ld = end->ld;
  float *floats = (float *) end->out + first;
  uint8_t *bytes = (uint8_t *) end->out + first;
  const int32_t *from = sums;

  for (size_t i = 0; i < m; i++, from += SIDE, floats += ld, bytes += ld)
    {
      SagVecI sum, r = residual ? sag_load_bytes_n (beside + (ptrdiff_t) i * ld, left) : sag_splat_i (0);
      SagVec v;

      if (i == SIDE)
        from += SIDE * SIDE;
      sum = sag_load_i (from);

      if (more > 0)
        sum += sag_load_i (from + more);
      v = ended_with (&e, sloped, sag_to_float (sum), scale, shift, residual ? &r : NULL);
      if (kind == SAG_END_F32)
        {
          if (whole)
            sag_store (floats, v);
          else
            sag_store_n (floats, v, left);
          continue;
        }
      sag_store_bytes (bytes, ended_byte_with (&e, v), whole ? SIDE : left);
    }
}

/* Numbers of four pieces of 16 columns, one behind the other, as bytes. */
SAG_INLINE __m512i
four_pieces (const Tight *e, const SagVecI v[4])
{
  const __m512i order = _mm512_setr_epi32 (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);

  return _mm512_permutexvar_epi32 (order, (__m512i) tight_bytes (e, v));
}

/* All columns, more than 16 of them, of two rows at once. */
SAG_INLINE void
tight_pairs (const SagGemmU8Job *job, const Tight *e, const int32_t *sums, size_t more, int residual, int whole)
{
  const SagIntEnd *end = &job->end;
  SagVec scale[2] = { sag_load (end->scale), sag_load (end->scale + SIDE) };
  SagVec shift[2] = { sag_load (end->shift), sag_load (end->shift + SIDE) };
  __mmask32 mask = job->n == NR ? ~(__mmask32) 0 : ((__mmask32) 1 << job->n) - 1;
  uint8_t *out = end->out;
  ptrdiff_t ld = end->ld;

  for (size_t i = 0; i < job->m; i += 2)
    {
      const int32_t *from = sums + i / SIDE * 2 * SIDE * SIDE + i % SIDE * SIDE;
      uint8_t *to = out + (ptrdiff_t) i * ld;
      int both = i + 1 < job->m;
      SagVecI v[4];
      __m512i all;

      SAG_UNROLL for (int r = 0; r < 2; r++)
        {
          __m256i beside = residual ? _mm256_maskz_loadu_epi8 (mask, end->residual + (ptrdiff_t) (i + (r & both)) * ld)
                                    : _mm256_setzero_si256 ();
          __m128i half[2] = { _mm256_castsi256_si128 (beside), _mm256_extracti128_si256 (beside, 1) };

          SAG_UNROLL for (int c = 0; c < 2; c++)
            {
              const int32_t *at = from + r * SIDE + c * SIDE * SIDE;
              SagVecI sum = sag_load_i (at);
              SagVecI add = (SagVecI) _mm512_cvtepu8_epi32 (half[c]);

              if (more > 0)
                sum += sag_load_i (at + more);
              v[2 * r + c] = tight_value (e, sum, scale[c], shift[c], residual ? &add : NULL);
            }
        }
      all = four_pieces (e, v);
      if (whole)
        _mm256_storeu_si256 ((__m256i *) (void *) to, _mm512_castsi512_si256 (all));
      else
        _mm256_mask_storeu_epi8 (to, mask, _mm512_castsi512_si256 (all));
      if (both && whole)
        _mm256_storeu_si256 ((__m256i *) (void *) (to + ld), _mm512_extracti64x4_epi64 (all, 1));
      else if (both)
        _mm256_mask_storeu_epi8 (to + ld, mask, _mm512_extracti64x4_epi64 (all, 1));
    }
}

/* At most 16 columns: four rows at once. */
SAG_INLINE void
tight_fours (const SagGemmU8Job *job, const Tight *e, const int32_t *sums, size_t more, int residual)
{
  const SagIntEnd *end = &job->end;
  SagVec scale = sag_load (end->scale), shift = sag_load (end->shift);
  __mmask16 mask = (__mmask16) ((1u << job->n) - 1);
  uint8_t *out = end->out;
  ptrdiff_t ld = end->ld;

  for (size_t i = 0; i < job->m; i += 4)
    {
      const int32_t *from = sums + i / SIDE * 2 * SIDE * SIDE + i % SIDE * SIDE;
      uint8_t *to = out + (ptrdiff_t) i * ld;
      size_t left = job->m - i;
      SagVecI v[4];
      __m512i all;

      SAG_UNROLL for (size_t r = 0; r < 4; r++)
        {
          SagVecI sum = sag_load_i (from + r * SIDE), add = sag_splat_i (0);

          if (more > 0)
            sum += sag_load_i (from + r * SIDE + more);
          if (residual && r < left)
            add = (SagVecI) _mm512_cvtepu8_epi32 (
                _mm_maskz_loadu_epi8 (mask, end->residual + (ptrdiff_t) (i + r) * ld));
          v[r] = tight_value (e, sum, scale, shift, residual ? &add : NULL);
        }
      all = four_pieces (e, v);
      _mm_mask_storeu_epi8 (to, mask, _mm512_castsi512_si128 (all));
      if (left > 1)
        _mm_mask_storeu_epi8 (to + ld, mask, _mm512_extracti32x4_epi32 (all, 1));
      if (left > 2)
        _mm_mask_storeu_epi8 (to + 2 * ld, mask, _mm512_extracti32x4_epi32 (all, 2));
      if (left > 3)
        _mm_mask_storeu_epi8 (to + 3 * ld, mask, _mm512_extracti32x4_epi32 (all, 3));
    }
}

static void
tight_all (const SagGemmU8Job *job, const Tight *e, const int32_t *sums, size_t more)
{
  int residual = job->end.residual != NULL;

  if (job->n <= SIDE)
    {
      if (residual)
        tight_fours (job, e, sums, more, 1);
      else
        tight_fours (job, e, sums, more, 0);
    }
  else if (residual)
    tight_pairs (job, e, sums, more, 1, 0);
  else if (job->n < NR)
    tight_pairs (job, e, sums, more, 0, 0);
  else
    tight_pairs (job, e, sums, more, 0, 1);
}

SAG_INLINE void
end_column (const SagGemmU8Job *job, size_t first, const int32_t *sums, size_t more)
{
  const SagIntEnd *end = &job->end;
  size_t left = job->n - first;

  if (left < SIDE)
    {
      if (end->kind == SAG_END_F32)
        end_rows (end, job->m, first, left, sums, more, SAG_END_F32, 0, 1, 0);
      else if (end->residual != NULL)
        end_rows (end, job->m, first, left, sums, more, SAG_END_U8, 1, 1, 0);
      else
        end_rows (end, job->m, first, left, sums, more, SAG_END_U8, 0, 1, 0);
    }
  else if (end->kind == SAG_END_F32)
    end_rows (end, job->m, first, SIDE, sums, more, SAG_END_F32, 0, 1, 1);
  else if (end->residual != NULL)
    end_rows (end, job->m, first, SIDE, sums, more, SAG_END_U8, 1, 1, 1);
  else if (end->slope != 1)
    end_rows (end, job->m, first, SIDE, sums, more, SAG_END_U8, 0, 1, 1);
  else
    end_rows (end, job->m, first, SIDE, sums, more, SAG_END_U8, 0, 0, 1);
}

/* Sums as they are. */
static void
store_column (const SagGemmU8Job *job, size_t first, const int32_t *sums, size_t more)
{
  size_t left = job->n - first < SIDE ? job->n - first : SIDE;

  for (size_t i = 0; i < job->m; i++)
    {
      const int32_t *from = sums + i / SIDE * 2 * SIDE * SIDE + i % SIDE * SIDE;
      SagVecI sum = sag_load_i (from);

      if (more > 0)
        sum += sag_load_i (from + more);
      sag_store_n ((float *) (void *) (job->acc + (ptrdiff_t) i * job->ld_acc + first), sag_from_bits (sum), left);
    }
}

/* Sums that go on from others. */
static void
add_column (const SagGemmU8Job *job, size_t first, int32_t *sums)
{
  size_t left = job->n - first < SIDE ? job->n - first : SIDE;

  for (size_t i = 0; i < job->m; i++)
    {
      int32_t *to = sums + i / SIDE * 2 * SIDE * SIDE + i % SIDE * SIDE;
      const int32_t *acc = job->acc + (ptrdiff_t) i * job->ld_acc + first;

      sag_store_i (to, sag_load_i (to) + sag_bits (sag_load_n ((const float *) (const void *) acc, left)));
    }
}

static void
gemm_u8 (const SagGemmU8Job *job)
{
  _Alignas (64) int32_t sums[4 * SIDE * SIDE];
  size_t quads = (job->k + 3) / 4, more = 0;
  Cut cut = { .job = job, .run = 1 };
  Tight tight;

  if (job->run > 1 && job->taps % job->run == 0 && job->k % 4 == 0 && quads % SIDE != 0
      && job->run * job->k <= MOST_RUN)
    cut.run = job->run;
  cut.bytes = cut.run * job->k;
  quads *= cut.run;
  cut.steps = (quads + SIDE - 1) / SIDE;
  cut.rest = (unsigned) (quads - (cut.steps - 1) * SIDE);
  cut.n_steps = job->taps / cut.run * cut.steps;
  if (quads == 0)
    cut.n_steps = 0;
  shape (quads == 0 ? SIDE : cut.rest);
  /* A distance of 0 gives every row the starts of the columns; what only odd steps add to starts from 0. */
  _tile_zero (0);
  _tile_zero (1);
  _tile_zero (2);
  _tile_zero (3);
  if (job->init != NULL)
    {
      _tile_loadd (0, job->init, 0);
      if (job->n > SIDE)
        _tile_loadd (1, job->init + SIDE, 0);
      if (job->m > SIDE)
        _tile_loadd (2, job->init, 0);
      if (job->m > SIDE && job->n > SIDE)
        _tile_loadd (3, job->init + SIDE, 0);
    }
  if (cut.n_steps == 0)
    ;
  else if (job->m > SIDE && job->n > SIDE)
    all_steps (&cut, 2, 2);
  else if (job->m > SIDE)
    all_steps (&cut, 2, 1);
  else if (job->n > SIDE)
    all_steps (&cut, 1, 2);
  else
    all_steps (&cut, 1, 1);
  if (cut.n_steps > 1)
    more = job->n <= SIDE ? SIDE * SIDE : job->m <= SIDE ? 2 * SIDE * SIDE : 0;
  _tile_stored (0, sums, LINE);
  if (more > 0 || job->n > SIDE)
    _tile_stored (1, sums + SIDE * SIDE, LINE);
  if (more > 0 || job->m > SIDE)
    _tile_stored (2, sums + 2 * SIDE * SIDE, LINE);
  if (more > 0 || (job->m > SIDE && job->n > SIDE))
    _tile_stored (3, sums + 3 * SIDE * SIDE, LINE);
  FENCE ();
  if (job->init != NULL && tight_end (&job->end, job->n, &tight))
    {
      tight_all (job, &tight, sums, more);
      return;
    }
  for (size_t first = 0; first < job->n; first += SIDE)
    {
      int32_t *column = sums + first * SIDE;

      if (job->init == NULL)
        add_column (job, first, column);
      if (job->end.kind == SAG_END_SUM)
        store_column (job, first, column, more);
      else
        end_column (job, first, column, more);
    }
}

void
sag_int_fill_amx (SagKernels *k)
{
  k->gemm_u8 = (SagGemmU8){ gemm_u8, MR, NR, gemm_u8_done };
}
