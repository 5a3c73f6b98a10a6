/* SPDX-License-Identifier: Apache-2.0
 *
 * square-simd.c: depthwise convolution of lines of bytes, channels last, by 3 x 3 taps. A column of lines is woven once
 * for the three outputs, in two lines, that see it. Where a pixel is less than half of a vector, a vector holds
 * several, which lie beside each other.
 */
#include "engine/kernels/int-end-simd.h"
#include "engine/kernels/texts.h"

enum { BLOCK = 4 * LANES, SIDE = 3 };

typedef SagSquareU8Job Job;

/* What a block of channels brings to each of its vectors, in the order of sag_woven (). */
typedef struct
{
  size_t        n, pixels; /* bytes of a vector, and pixels in it */
  SagS8x4       w[2][SIDE][4]; /* of two lines, by columns */
  SagVecI       start[4];
  SagVec        scale[4], shift[4];
  Tight         tight;
  int           is_tight;
} Block;

/* Four lines of the input from the block's channel on; those in the padding do not move. */
typedef struct
{
  const uint8_t *at[4];
  size_t         step[4];
} Lines;

static void
block_fill (Block *block, const Job *job, size_t c)
{
  size_t n = job->c - c < BLOCK ? job->c - c : BLOCK, pixels = job->stride == 1 ? BLOCK / n : 1;
  SagIntEnd end = job->end;
  SagVecU8 w[SIDE][SIDE], none = { 0 };
  SagVecI lanes[2][4];
  uint32_t words[3][BLOCK];

  block->n = n * pixels;
  block->pixels = pixels;
  for (size_t t = 0; t < SIDE * SIDE; t++)
    {
      uint8_t some[BLOCK];

      for (size_t p = 0; p < pixels; p++)
        memcpy (some + p * n, job->w + t * job->c + c, n);
      w[t / SIDE][t % SIDE] = sag_load_u8 (some, block->n);
    }
  for (int u = 0; u < SIDE; u++)
    {
      sag_woven (w[0][u], w[1][u], w[2][u], none, lanes[0]);
      sag_woven (none, w[0][u], w[1][u], w[2][u], lanes[1]);
      for (int v = 0; v < 4; v++)
        {
          block->w[0][u][v] = sag_s8x4 (lanes[0][v]);
          block->w[1][u][v] = sag_s8x4 (lanes[1][v]);
        }
    }
  for (size_t p = 0; p < pixels; p++)
    {
      memcpy (words[0] + p * n, job->init + c, 4 * n);
      memcpy (words[1] + p * n, end.scale + c, 4 * n);
      memcpy (words[2] + p * n, end.shift + c, 4 * n);
    }
  sag_ordered (words[0], block->n, block->start);
  sag_ordered (words[1], block->n, lanes[0]);
  sag_ordered (words[2], block->n, lanes[1]);
  for (int v = 0; v < 4; v++)
    {
      block->scale[v] = sag_from_bits (lanes[0][v]);
      block->shift[v] = sag_from_bits (lanes[1][v]);
    }
  end.scale += c;
  end.shift += c;
  block->is_tight = tight_end (&end, n, &block->tight);
}

/* A vector of a line whose pixels are not all inside. */
static __attribute__ ((noinline)) SagVecU8
edge (const Block *block, const Job *job, const uint8_t *at, size_t step, ptrdiff_t u)
{
  uint8_t bytes[BLOCK];
  size_t n = block->n / block->pixels;

  memset (bytes, job->pad, sizeof bytes);
  for (size_t p = 0; p < block->pixels; p++, u++)
    if (u >= 0 && u < (ptrdiff_t) job->width)
      memcpy (bytes + p * n, at + u * (ptrdiff_t) step, n);
  return sag_load_u8 (bytes, BLOCK);
}

SAG_INLINE void
column (int rows, int whole, const Block *block, const Job *job, const Lines *lines, ptrdiff_t u, SagU8x4 out[4])
{
  SagVecU8 v[4] = { { 0 }, { 0 }, { 0 }, { 0 } };
  SagVecI woven[4];

  if (u >= 0 && u + (ptrdiff_t) block->pixels <= (ptrdiff_t) job->width)
    SAG_UNROLL for (int r = 0; r < rows; r++)
      v[r] = sag_load_u8 (lines->at[r] + u * (ptrdiff_t) lines->step[r], whole ? BLOCK : block->n);
  else
    SAG_UNROLL for (int r = 0; r < rows; r++)
      v[r] = edge (block, job, lines->at[r], lines->step[r], u);
  sag_woven (v[0], v[1], v[2], v[3], woven);
  SAG_UNROLL for (int i = 0; i < 4; i++)
    out[i] = sag_u8x4 (woven[i]);
}

static __attribute__ ((noinline)) SagVecU8
loose_bytes (const SagIntEnd *end, const Block *block, const SagVecI sum[4])
{
  SagVecI v[4];

  for (int i = 0; i < 4; i++)
    v[i] = ended_byte (end, ended (end, sag_to_float (sum[i]), block->scale[i], block->shift[i], sag_splat_i (0)));
  return sag_unwoven (v);
}

/* n_lines (1 or 2) lines of the output. Of the three columns that a vector sees, the last `fresh` are new. */
SAG_INLINE void
block_lines (int n_lines, int fresh, int whole, const Block *block, const Job *job, const Lines *lines, uint8_t *out)
{
  SagU8x4 x[SIDE][4];
  ptrdiff_t u = job->first, step = (ptrdiff_t) (block->pixels * job->stride);
  SagIntEnd end = job->end; /* a copy that no store of bytes can change */
  int rows = n_lines + 2;

  SAG_UNROLL for (int k = 0; k < SIDE - fresh; k++)
    column (rows, whole, block, job, lines, u + k, x[k]);
  for (size_t i = 0; i < job->nx;)
    SAG_UNROLL for (int turn = 0; turn < SIDE; turn++)
      {
        size_t n = block->n;

        if (i >= job->nx)
          break;
        SAG_UNROLL for (int k = SIDE - fresh; k < SIDE; k++)
          column (rows, whole, block, job, lines, u + k, x[(turn * fresh + k) % SIDE]);
        if (block->pixels > job->nx - i)
          n = block->n / block->pixels * (job->nx - i);
        SAG_UNROLL for (int l = 0; l < n_lines; l++)
          {
            SagVecI sum[4];
            SagVecU8 all;

            SAG_UNROLL for (int v = 0; v < 4; v++)
              sum[v] = block->start[v];
            SAG_UNROLL for (int k = 0; k < SIDE; k++)
              SAG_UNROLL for (int v = 0; v < 4; v++)
                sum[v] = sag_dot4 (sum[v], x[(turn * fresh + k) % SIDE][v], block->w[l][k][v]);
            if (block->is_tight)
              {
                SAG_UNROLL for (int v = 0; v < 4; v++)
                  sum[v] = tight_value (&block->tight, sum[v], block->scale[v], block->shift[v], NULL);
                all = tight_bytes (&block->tight, sum);
              }
            else
              all = loose_bytes (&end, block, sum);
            sag_store_u8 (out + l * job->end.ld + (ptrdiff_t) (i * job->c), all, n);
          }
        i += block->pixels;
        u += step;
      }
}

#define LINES(n, fresh, name, whole)                                                                    \
  static void                                                                                           \
  lines_##n##_##fresh##_##name (const Block *block, const Job *job, const Lines *lines, uint8_t *out)   \
  {                                                                                                     \
    block_lines (n, fresh, whole, block, job, lines, out);                                              \
  }
#define LINES_OF(n) LINES (n, 1, whole, 1) LINES (n, 2, whole, 1) LINES (n, 3, whole, 1) \
  LINES (n, 1, part, 0) LINES (n, 2, part, 0) LINES (n, 3, part, 0)
#define NAMES(n, name) { lines_##n##_1_##name, lines_##n##_2_##name, lines_##n##_3_##name }

LINES_OF (1) LINES_OF (2)

static void (*const all_lines[2][2][SIDE]) (const Block *, const Job *, const Lines *, uint8_t *) = {
  { NAMES (1, part), NAMES (1, whole) },
  { NAMES (2, part), NAMES (2, whole) },
};

/* A last block that is not whole goes back over channels that were done, to the same bytes. */
static void
square_u8 (const SagSquareU8Job *job)
{
  uint8_t padding[BLOCK];

  memset (padding, job->pad, sizeof padding);
  for (size_t at = 0; at < job->c; at += BLOCK)
    {
      size_t c = at + BLOCK > job->c && job->c > BLOCK ? job->c - BLOCK : at, fresh, lines;
      Block block;

      block_fill (&block, job, c);
      fresh = block.pixels * job->stride < SIDE ? block.pixels * job->stride : SIDE;
      for (size_t l = 0; l < job->lines; l += lines)
        {
          Lines in = { { NULL }, { 0 } };

          lines = job->stride == 1 && l + 1 < job->lines ? 2 : 1;
          for (size_t r = 0; r < lines + 2; r++)
            {
              const uint8_t *row = job->rows[l * job->stride + r];

              in.at[r] = row != NULL ? row + c : padding;
              in.step[r] = row != NULL ? job->c : 0;
            }
          all_lines[lines - 1][block.n == BLOCK][fresh - 1] (&block, job, &in,
                                                             (uint8_t *) job->end.out + (ptrdiff_t) l * job->end.ld + c);
        }
    }
}

void
SAG_FN (square_fill) (SagKernels *k)
{
  k->bytes.depthwise_square = square_u8;
}
