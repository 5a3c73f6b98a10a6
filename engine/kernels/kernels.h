/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels.h: the table of kernels, arithmetic on flat arrays.
 *
 * reference.c is the definition of every entry; the others equal it bit for bit (a NaN's payload
 * and sign excepted), so no result depends on the processor. Rules for all entries:
 *
 *  - sizes may be 0 unless an entry says otherwise; nothing outside the stated arrays is read or
 *    written, not even a byte of padding;
 *  - floats need natural alignment only; packed weights are 64-byte aligned;
 *  - an output may be the very same array as an input where the entry says "in place", and may
 *    not overlap one otherwise;
 *  - max (a, b) means a > b ? a : b, min (a, b) means a < b ? a : b, clamp (v) means
 *    max (lo, min (hi, v)): with lo = -INFINITY and hi = INFINITY it changes nothing;
 *  - a kernel never fails, allocates or locks; [any thread].
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/kernels/slice.h"

/* --- matrix products and convolutions ---------------------------------------------------- */

enum
{
  SAG_GEMM_WIDE,   /* more columns, fewer rows */
  SAG_GEMM_NARROW, /* half the columns, for layers of few output channels */
  SAG_N_GEMM
};

/* Where column j of a row of nr bfloat16 weights lies: of wide panels column j and column j + nr / 2 share a word, so
 * that one load widens to two vectors. */
static inline size_t
sag_bf16_place (int geometry, size_t nr, size_t j)
{
  return geometry != SAG_GEMM_WIDE ? j : j < nr / 2 ? 2 * j : 2 * (j - nr / 2) + 1;
}

/* Indirect matrix product: convolution of channels-last images, and plain matrices (taps = 1).
 *
 *     c[i][j] = clamp (start + sum over t, then p, of rows[t][i][p] * w[t][p][j])
 *
 * for i < m, j < n, one fused multiply-add a product, in that order. `start` is init[j], or c[i][j]
 * itself where init is NULL: a sum cut into pieces of t or p goes on as if it had not been cut. */
typedef struct
{
  size_t              m, n;    /* rows and columns stored; 1 <= m <= mr, 1 <= n <= nr */
  size_t              taps, k; /* taps, and floats a row */
  const float *const *rows;    /* [taps][mr] -> k floats; entries m .. mr - 1 are readable too */
  const float        *w;       /* [taps][k][nr], sag_pack_f32 () */
  const float        *init;    /* [nr], or NULL to go on from c */
  float              *c;       /* [m][ldc] */
  ptrdiff_t           ldc;     /* floats */
  float               lo, hi;
} SagGemmF32Job;

/* The pointer, and the shape it forces on packing. */
typedef struct
{
  void   (*fn) (const SagGemmF32Job *job);
  unsigned mr, nr;
} SagGemmF32;

/* The same product with weights stored as bfloat16 and widened exactly: w is [taps][k][nr] of
 * uint16_t, sag_pack_bf16 (), where column j of a row is at sag_bf16_place (). Shapes and order as above. */
typedef struct
{
  size_t              m, n, taps, k;
  const float *const *rows;
  const uint16_t     *w;
  const float        *init;
  float              *c;
  ptrdiff_t           ldc;
  float               lo, hi;
} SagGemmBf16Job;

typedef struct
{
  void   (*fn) (const SagGemmBf16Job *job);
  unsigned mr, nr;
} SagGemmBf16;

/* Convolution of row-interleaved images ([z][y][c][x]: a line of x for each channel), for layers of
 * few channels: vectors lie along x and several output channels stay in registers.
 *
 *     out[j][x] = clamp (start + sum over t, then p, of in (t, p, stride * x + dx[t]) * w[t][p][j])
 *
 * for j < n, x0 <= x < x0 + nx, one fused multiply-add a product, in that order: the same bits as
 * the matrix product above. in (t, p, u) is rows[t][p * pitch + u] for 0 <= u < width and 0 beside
 * it; a tap whose rows[t] is NULL (its line lies in the padding) is left out. */
typedef struct
{
  size_t              taps, k;  /* taps, and input channels */
  const float *const *rows;     /* [taps] -> channel 0, x = 0 of the tap's line, or NULL */
  const ptrdiff_t    *dx;       /* [taps] */
  size_t              width;    /* input x, >= 1 */
  ptrdiff_t           pitch;    /* floats from an input channel to the next */
  size_t              stride;   /* >= 1 along x; 1 and 2 are fast */
  const float        *w;        /* panels of [taps][k][nw], sag_pack_f32 () with nr = nw */
  size_t              n, nw;    /* output channels, and those of a panel; 1 <= min (n, nw) <= nr */
  ptrdiff_t           ld_w;     /* floats from a panel to the next; any if n <= nw */
  const float        *init;     /* [n], or NULL to go on from out */
  float              *out;      /* x = 0 of output channel 0 */
  ptrdiff_t           ld_out;   /* floats from an output channel to the next */
  size_t              x0, nx;
  float               lo, hi;
} SagConvRowF32Job;

typedef struct
{
  void   (*fn) (const SagConvRowF32Job *job);
  unsigned nr; /* most output channels of a panel */
  unsigned nx; /* x of one register block: cut lines at multiples of it */
} SagConvRowF32;

/* Depthwise convolution of row-interleaved images, a few lines at once:
 *
 *     out[l][j][x] = clamp (start + sum over t of in (l, t, j, stride * x + dx[t]) * w[t][j])
 *
 * with in (l, t, j, u) = rows[l * taps + t][j * pitch + u] for 0 <= u < width and 0 beside it; a tap whose row
 * is NULL is left out. Fast where three taps lie beside each other three times a plane, and the lines share the
 * rows between them as those of an image do. */
enum
{
  SAG_DEPTHWISE_LINES = 4,
  SAG_DEPTHWISE_TAPS = 32,
};

typedef struct
{
  size_t              lines;    /* of the output, at most SAG_DEPTHWISE_LINES */
  size_t              taps;     /* at most SAG_DEPTHWISE_TAPS */
  const float *const *rows;     /* [lines][taps] -> channel 0, x = 0 of an input line, or NULL */
  const ptrdiff_t    *dx;       /* [taps] */
  size_t              width;    /* input x, >= 1 */
  ptrdiff_t           pitch;    /* floats from an input channel to the next */
  size_t              stride;   /* >= 1 along x; 1 and 2 are fast */
  const float        *w;        /* [taps][nw] */
  size_t              n, nw;    /* channels */
  const float        *init;     /* [n], or NULL to go on from out */
  float              *out;      /* x = 0 of channel 0 of the first line */
  ptrdiff_t           ld_out, ld_line; /* floats from a channel to the next, from a line to the next */
  size_t              nx;
  float               lo, hi;
} SagDepthwiseRowF32Job;

/* Eight-bit products: activations are uint8_t, their zero point anywhere; weights int8_t. Sums are exact
 * in int32_t as long as they fit (taps * k below 65 000 always does), so their order is free. A zero
 * point z costs nothing here: the caller takes z times the sum of a column's weights off its start.
 *
 * What follows a sum s of column j:
 *
 *     v = fma (s, scale[j], shift[j]) + (r - zero of r) * scale of r
 *     v = clamp (v < 0 ? v * slope : v)
 *
 * r is the byte of `residual` at the output's place; without one (always with SAG_END_F32) nothing is
 * added. */
typedef enum
{
  SAG_END_SUM, /* acc: s as it is, to go on from */
  SAG_END_U8,  /* out: uint8_t, max (0, min (255, rint (v * step) + zero)); NaN gives zero */
  SAG_END_F32, /* out: float, v */
} SagEnd;

typedef struct
{
  SagEnd         kind;
  const float   *scale, *shift; /* one a column; of SAG_END_SUM: unused */
  float          slope;         /* 1 changes nothing */
  float          lo, hi;
  float          step;          /* SAG_END_U8 from here on: 1 / scale of the output */
  int32_t        zero;
  const uint8_t *residual;      /* laid out as `out`; NULL: none */
  float          residual_scale;
  int32_t        residual_zero;
  void          *out;
  ptrdiff_t      ld;    /* elements between rows (matrix) or channels (lines) */
} SagIntEnd;

/* The matrix product above on bytes:
 *
 *     s = start + sum over t, p of rows[t][i][p] * w[t][p][j]
 *
 * start is init[j], or acc[i][j] where init is NULL. w is packed by sag_pack_s8 (). */
typedef struct
{
  size_t                m, n, taps, k;
  const uint8_t *const *rows; /* [taps][mr] -> k bytes */
  const int8_t         *w;    /* [taps][(k + 3) / 4][nr][4] */
  const int32_t        *init; /* [nr] or NULL */
  int32_t              *acc;  /* [m][ld_acc]; unused if init is given and end is not SUM */
  ptrdiff_t             ld_acc;
  SagIntEnd             end;  /* scale and shift are [nr] */
  size_t                run;  /* a hint: of most rows, so many taps lie beside each other; 0: not known */
} SagGemmU8Job;

typedef struct
{
  void   (*fn) (const SagGemmU8Job *job);
  unsigned mr, nr;
  void   (*done) (void); /* NULL, or to be called by a thread after its last product: what it holds of
                          * the processor for the next one is given back */
} SagGemmU8;

/* The row-interleaved convolution on bytes. Channels go by fours: [z][y][c / 4][x][4], the last four
 * filled up with anything (their weights are zero). With b (t, p, u) the byte of channel p,
 *
 *     s = start + sum over t, p of b (t, p, stride * x + dx[t]) * w[t][p][j]
 *
 * where b is `pad` beside the line, and everywhere in a tap whose rows[t] is NULL. SAG_END_U8 writes
 * [n / 4][x][4], n rounded up and filled with 0, SAG_END_F32 [n][x]; acc is [n][x]. */
typedef struct
{
  size_t                taps, quads; /* quads: (k + 3) / 4 */
  const uint8_t *const *rows;
  const ptrdiff_t      *dx;
  size_t                width;
  ptrdiff_t             pitch;  /* bytes from four channels to the next four */
  size_t                stride; /* 1 and 2 are fast */
  uint8_t               pad;
  const int8_t         *w;      /* [taps][quads][nw][4], sag_pack_s8 () with nr = nw */
  size_t                n, nw;  /* 1 <= n <= min (nr, nw) */
  const int32_t        *init;   /* [n] or NULL */
  int32_t              *acc;
  ptrdiff_t             ld_acc; /* from an output channel to the next */
  size_t                x0, nx;
  SagIntEnd end; /* ld: from an output channel (F32) or four of them (U8, bytes) to the next */
} SagConvRowU8Job;

typedef struct
{
  void   (*fn) (const SagConvRowU8Job *job);
  unsigned nr, nx;
} SagConvRowU8;

/* Depthwise convolution of channels-last images.
 *
 *     out[i][c] = clamp (start[c] + sum over t of rows[t][i][c] * w[t][c])
 *
 * one fused multiply-add a product; start is init, or out itself where init is NULL. */
typedef struct
{
  size_t              m, c;   /* pixels and channels */
  size_t              taps;
  const float *const *rows;   /* [taps][ld_rows] -> c floats */
  size_t              ld_rows; /* >= m */
  const float        *w;      /* [taps][c] */
  const float        *init;   /* [c] or NULL */
  float              *out;    /* [m][ld_out] */
  ptrdiff_t           ld_out;
  float               lo, hi;
} SagDepthwiseF32Job;

/* Depthwise convolution of channels-last bytes: s = init[c] + sum over t of rows[t][i][c] * w[t][c], exact,
 * then the end, whose scale and shift are [c]; not SAG_END_SUM. The residual is not written to. */
typedef struct
{
  size_t                m, c;    /* pixels and channels */
  size_t                taps;    /* at most 32 */
  const uint8_t *const *rows;    /* [taps][ld_rows] -> c bytes */
  size_t                ld_rows; /* >= m */
  const int8_t         *w;       /* [taps][c] */
  const int32_t        *init;    /* [c] */
  SagIntEnd             end;
} SagDepthwiseU8Job;

/* The same of lines, by 3 x 3 taps beside each other, to bytes without a residual:
 *
 *     s = init[c] + sum over r, u < 3 of b (l * stride + r, x * stride + first + u, c) * w[3 r + u][c]
 *
 * for l < lines, x < nx, where b (i, u, c) is the byte of channel c of pixel u of rows[i], and `pad` beside the line
 * and everywhere in one that is NULL. Of the output, pixels follow each other, and lines are end.ld apart. */
typedef struct
{
  size_t                lines, nx, c;
  size_t                stride; /* 1 or 2, along both */
  size_t                width;  /* pixels of an input line */
  ptrdiff_t             first;
  const uint8_t *const *rows;   /* [(lines - 1) * stride + 3] */
  uint8_t               pad;
  const int8_t         *w;      /* [9][c] */
  const int32_t        *init;   /* [c] */
  SagIntEnd             end;
} SagSquareU8Job;

/* Between lines and between pixels of them, channels last: with
 *     v (u) = sum over t, in order, by fma from 0, of weight[t] * rows[t][u * c + j]
 * y[i * ld + j] = rint (fma (part[i], v (second[i]) - v (first[i]), v (first[i]))), cut to 0 … 255, for i < n,
 * j < c. */
typedef struct
{
  size_t                lines, n, c; /* lines that are mixed, pixels made, channels */
  const uint8_t *const *rows;
  const float          *weight;
  const int32_t        *first, *second;
  const float          *part;        /* finite, as weights are */
  uint8_t              *y;
  ptrdiff_t             ld;
} SagMixPixelsJob;

/* Winograd's convolution F(4 x 4, 3 x 3) of channels-last images (Lavin and Gray, "Fast algorithms for
 * convolutional neural networks", 2015): a tile of 6 x 6 input pixels and a kernel of 3 x 3 become 36
 * numbers each, which are multiplied one by one and summed over channels by the matrix product above (one
 * product for each of the 36); a tile of 4 x 4 outputs comes out of the sums: 36 multiplications for
 * 144. The points are 0, a, -a, b, -b (a = sqrt (1 / 2), b = sqrt (2)) and infinity, which keep the error
 * near twice that of the sum of products itself. Another order of arithmetic than the kernels above, and so
 * other bits: where it is used is decided by shapes, never by the machine.
 *
 * In, first over the lines of the tile and then over its columns:
 *     v0 = fma (-2.5, d2, d0 + d4)      v5 = fma (-2.5, d3, d1 + d5)
 *     v1, v2 = fma (+-a, fma (-2, d1, d3), fma (-2, d2, d4))
 *     v3, v4 = fma (+-b, fma (-0.5, d1, d3), fma (-0.5, d2, d4)) */
typedef struct
{
  size_t              c;
  const float *const *rows; /* [6 * 6] pixels, line by line -> c floats */
  float              *v;    /* number i of channel p goes to v[i * ld + p] */
  ptrdiff_t           ld;
} SagWinogradInJob;

/* Out, first over lines and then over columns, with s = m1 + m2, d = m1 - m2, t = m3 + m4, e = m3 - m4:
 *     y0 = (m0 + s) + t                 y1 = fma (b, e, a * d)
 *     y2 = fma (2, t, 0.5 * s)          y3 = fma (2 * b, e, fma (a / 2, d, m5))
 * then out = clamp (y + init[j]). */
typedef struct
{
  size_t        c;
  const float  *m;    /* number i of channel j at m[i * ld + j] */
  ptrdiff_t     ld;
  const float  *init; /* [c] */
  float *const *rows; /* [4 * 4] pixels -> c floats; NULL: not wanted */
  float         lo, hi;
} SagWinogradOutJob;

/* The 36 numbers of a kernel g[3][3], each rounded once. */
void sag_winograd_weights (const float *g, float *u);

enum { SAG_FIT_SCALES = 32 };

/* Weights made ready. */
typedef struct
{
  /* sag_winograd_weights () of n kernels: number y of kernel j is at g[y * ld + j], and goes to u[y * ld_u + j]. */
  void (*winograd) (size_t n, const float *g, ptrdiff_t ld, float *u, ptrdiff_t ld_u);

  /* What weights lose in four bits, for each of SAG_FIT_SCALES scales:
   *     error[i] = sum over k, in order, by fma from 0, of fma (-q, scale[i], w[k])^2
   * with q = clamp (rint (w[k] * (1 / scale[i])), -8, 7), |w[k] / scale[i]| < 2^21. */
  void (*fit_s4)   (size_t n, const float *w, const float *scale, float *error);

  /* Weights of four bits, of the layout of sag_pack_s4_size (), as bytes, as sag_pack_s8 () leaves them: groups of eight steps
   * have a factor for each column, [groups][nr], -4064 … 4064, and weight v becomes (v * factor + 128) >> 8. */
  void (*unpack_s4) (size_t steps, size_t nr, const uint8_t *q, const int16_t *factor, int8_t *w);
} SagWeights;

/* What else is done to activations in bytes. */
typedef struct
{
  void (*depthwise) (const SagDepthwiseU8Job *job);
  void (*depthwise_square) (const SagSquareU8Job *job);
  void (*mix_pixels) (const SagMixPixelsJob *job);

  /* y[i] = max over t of rows[t][i]; rows >= 1. */
  void (*max_of_rows) (size_t rows, size_t n, const uint8_t *const *row, uint8_t *y);

  /* By fours: y[4 i + c] = max (x[8 i + c], x[8 i + 4 + c]) for i < n. */
  void (*max_pairs_x4) (size_t n, const uint8_t *x, uint8_t *y);

  /* y[i] = rint (sum over t, in order, by fma from 0, of weight[t] * rows[t][i]), 0 … 255. */
  void (*mix_rows) (size_t rows, size_t n, const uint8_t *const *row, const float *weight, uint8_t *y);

  /* Lines by fours, between places too: y[4 i + c] = rint (sum over t, in order, by fma from 0, of weight[t] *
   * fma (part[i], b - a, a)), 0 … 255, where a = row[t][4 * first[i] + c], b the same at second[i]. */
  void (*mix_lines_x4) (size_t rows, size_t n, const uint8_t *const *row, const float *weight,
                        const int32_t *first, const int32_t *second, const float *part, uint8_t *y);

  /* y[i] = table[x[i]]; in place. */
  void (*look_up) (size_t n, const uint8_t *x, const uint8_t table[256], uint8_t *y);
} SagBytes;

/* Bytes and layout of packed weights: panels of nr columns, each [taps][k][nr], the last one filled
 * up with zeroes; panel q starts q * taps * k * nr elements in. The element of tap t, row p and
 * column j is src[t * st + p * sp + j * sj]. Part of the engine, not of a CPU level. */
size_t sag_pack_size (size_t nr, size_t taps, size_t k, size_t n); /* elements; 0 if over SIZE_MAX */
void   sag_pack_f32  (size_t nr, size_t taps, size_t k, size_t n,
                      const float *src, ptrdiff_t st, ptrdiff_t sp, ptrdiff_t sj,
                      float *packed);
void   sag_pack_bf16 (int geometry, size_t nr, size_t taps, size_t k, size_t n,
                      const float *src, ptrdiff_t st, ptrdiff_t sp, ptrdiff_t sj,
                      uint16_t *packed); /* round to nearest even; for gemm_bf16[geometry] */

/* The same for bytes, rows by fours: panels are [taps][(k + 3) / 4][nr][4]. */
size_t sag_pack_s8_size (size_t nr, size_t taps, size_t k, size_t n); /* bytes; 0 if over SIZE_MAX */
void   sag_pack_s8      (size_t nr, size_t taps, size_t k, size_t n,
                         const int8_t *src, ptrdiff_t st, ptrdiff_t sp, ptrdiff_t sj,
                         int8_t *packed);

/* For weights of four bits, -8 … 7: panels are [steps / 2, rounded up][nr][4] of bytes, step 2 i in the
 * low halves and 2 i + 1 in the high ones, each plus 8; steps are [taps][(k + 3) / 4]. */
size_t sag_pack_s4_size (size_t nr, size_t taps, size_t k, size_t n); /* bytes; 0 if over SIZE_MAX */

/* --- pointwise --------------------------------------------------------------------------- */

/* y[i] = f (x[i]) for i < n, in place allowed. a and b are parameters of some f, ignored by others.
 * Errors against the exact function are at most a few units in the last place (reference.c). */
typedef enum
{
  SAG_UNARY_AFFINE,       /* fma (x, a, b) */
  SAG_UNARY_CLIP,         /* max (a, min (b, x)): ReLU is a = 0, b = INFINITY; ReLU6 is 0, 6 */
  SAG_UNARY_LEAKY,        /* x < 0 ? a * x : x */
  SAG_UNARY_ELU,          /* x < 0 ? a * (exp (x) - 1) : x * b (b = 1; SELU: both scaled) */
  SAG_UNARY_HARD_SIGMOID, /* max (0, min (1, fma (x, a, b))) */
  SAG_UNARY_HARD_SWISH,   /* x * max (0, min (1, fma (x, a, b))): ONNX a = 1/6, b = 0.5 */
  SAG_UNARY_SIGMOID,      /* 1 / (1 + exp (-x)) */
  SAG_UNARY_TANH,
  SAG_UNARY_SILU,         /* x * sigmoid (a * x): a = 1, or 1.702 for the quick GELU */
  SAG_UNARY_GELU_ERF,     /* x / 2 * (1 + erf (x / sqrt (2))) */
  SAG_UNARY_GELU_TANH,    /* x / 2 * (1 + tanh (sqrt (2 / pi) * (x + 0.044715 x^3))) */
  SAG_UNARY_SOFTPLUS,     /* log (1 + exp (x)) */
  SAG_UNARY_MISH,         /* x * tanh (softplus (x)) */
  SAG_UNARY_EXP,
  SAG_UNARY_LOG,
  SAG_UNARY_ERF,
  SAG_UNARY_SQRT,
  SAG_UNARY_RECIPROCAL,
  SAG_UNARY_ABS,
  SAG_UNARY_FLOOR,
  SAG_UNARY_CEIL,
  SAG_UNARY_ROUND,        /* to nearest, halves to even */
  SAG_UNARY_SIN,          /* |x| up to 1e4; less exact above */
  SAG_UNARY_COS,
  SAG_N_UNARY
} SagUnary;

typedef void (*SagUnaryFn) (size_t n, const float *x, float *y, float a, float b);

/* y[i] = f (a[i * sa], b[i * sb]) for i < n; sa and sb are 1, or 0 for a scalar. In place allowed
 * on an operand whose step is 1. */
typedef enum
{
  SAG_BINARY_ADD,
  SAG_BINARY_SUB,
  SAG_BINARY_MUL,
  SAG_BINARY_DIV,
  SAG_BINARY_MIN, /* a < b ? a : b */
  SAG_BINARY_MAX, /* a > b ? a : b */
  SAG_BINARY_POW, /* exp2 (b * log2 (a)); a < 0 with whole b too; a few 1e-6 relative */
  SAG_N_BINARY
} SagBinary;

typedef void (*SagBinaryFn) (size_t n, const float *a, size_t sa, const float *b, size_t sb, float *y);

/* y[i] = clamp (a[i] + b[i]): the residual addition with its ReLU. In place on a or b. */
typedef void (*SagAddClampFn) (size_t n, const float *a, const float *b, float *y, float lo, float hi);

/* y[i] = fma (x[i], scale[i], shift[i]) clamped: one voxel's channels. In place. */
typedef void (*SagAffineFn) (size_t n, const float *x, const float *scale, const float *shift, float *y,
                             float lo, float hi);

/* Between floats and bytes: q[i] = max (least, min (most, rint (x[i] / scale) + zero)); NaN gives zero.
 * x[i] = (q[i] - zero) * scale. Signed bytes for weights, unsigned ones for activations. */
typedef struct
{
  void (*to_u8)   (size_t n, const float *x, float scale, int32_t zero, uint8_t *q); /* 0 … 255 */

  /* Four lines woven: q[4 i + c] from x[c][i], 0 where x[c] is NULL. */
  void (*to_u8x4) (size_t n, const float *const *x, float scale, int32_t zero, uint8_t *q);
  void (*to_s8)   (size_t n, const float *x, float scale, int8_t *q); /* zero = 0, -127 … 127 */
  void (*from_u8) (size_t n, const uint8_t *q, float scale, int32_t zero, float *x);

  /* Four lines unwoven: x[c][i] from q[4 i + c]; none where x[c] is NULL. */
  void (*from_u8x4) (size_t n, const uint8_t *q, float scale, int32_t zero, float *const *x);
} SagQuantize;

/* --- reductions -------------------------------------------------------------------------- */

/* 16 virtual lanes: element i belongs to lane i % 16, each lane adds in order, and lane l takes
 * lane l + 8, then l + 4, l + 2, l + 1. For long sums call by rows and add the rows in double. */
typedef struct
{
  float (*sum)         (size_t n, const float *x);              /* 0 if n = 0 */
  float (*sum_squares) (size_t n, const float *x, float shift); /* of x[i] - shift, fma */
  float (*max)         (size_t n, const float *x);              /* max (lane, x); -INFINITY if n = 0 */
  float (*min)         (size_t n, const float *x);              /* INFINITY if n = 0 */
  float (*dot)         (size_t n, const float *x, const float *y); /* fma */

  /* out[i] = dot of y with row i of m rows of n, which follow each other. */
  void  (*dots)        (size_t m, size_t n, const float *x, const float *y, float *out);

  /* By columns, for channels-last arrays: acc[j] = acc[j] + x[i][j] over i in order, j < c. */
  void  (*add_rows)         (size_t n, size_t c, const float *x, ptrdiff_t ldx, float *acc);
  void  (*add_rows_squares) (size_t n, size_t c, const float *x, ptrdiff_t ldx,
                             const float *shift, float *acc); /* fma (x - shift, x - shift, acc) */

  /* Pooling of channels-last pixels: y[j] = max or sum over t, in order, of rows[t][j]; n >= 1;
   * the sum is multiplied by scale. */
  void  (*max_of_rows) (size_t n, size_t c, const float *const *rows, float *y);
  void  (*sum_of_rows) (size_t n, size_t c, const float *const *rows, float scale, float *y);

  /* y[j] = rows[0][j] * w[0], then + rows[t][j] * w[t] in order of t, each product and sum rounded: a place
   * between rows; t < n, j < c, n >= 1. */
  void  (*mix_rows)    (size_t n, size_t c, const float *const *rows, const float *w, float *y);

  /* Pooling along x by two: y[i] = max (x[2i], x[2i + 1]), or their sum times scale, for i < n. */
  void  (*max_pairs)   (size_t n, const float *x, float *y);
  void  (*sum_pairs)   (size_t n, const float *x, float scale, float *y);

  /* y[i] = exp (x[i] - max) * (1 / sum): each of m rows of n, which follow each other; in place; n >= 1. */
  void  (*softmax)     (size_t m, size_t n, const float *x, float *y);

  /* Layer norm (Ba, Kiros and Hinton, "Layer normalization", 2016) of m rows of n, which follow each other:
   * y[i] = fma ((x[i] - mean) * rstd, scale[i], shift[i]) with mean = sum (x) / n (0 if rms, which is RMS norm) and
   * rstd = 1 / sqrt (sum_squares (x, mean) / n + epsilon). scale and shift may be NULL together. In place;
   * n >= 1. */
  void  (*layer_norm)  (size_t m, size_t n, const float *x, float epsilon, int rms,
                        const float *scale, const float *shift, float *y);

  /* Softmax over c planes for each of n positions: plane p starts p * ld in. Sums in order of p.
   * In place; c >= 1. */
  void  (*softmax_planes) (size_t c, size_t n, const float *x, ptrdiff_t ldx, float *y, ptrdiff_t ldy);
} SagReduce;

/* --- moving ------------------------------------------------------------------------------ */

/* dst[j][i] = src[i][j] for i < rows, j < columns: [C][V] <-> [V][C], and lines of x to and from
 * channels last. */
typedef void (*SagTransposeF32Fn) (size_t rows, size_t columns, const float *src, ptrdiff_t ld_src,
                                   float *dst, ptrdiff_t ld_dst);

/* y[2i] = a[i], y[2i + 1] = b[i] for i < n: the two phases of a stride-2 transposed convolution. */
typedef void (*SagInterleaveF32Fn) (size_t n, const float *a, const float *b, float *y);

/* Between neighbours: y[2i] = x[i] * w[0] + x[i + 1] * w[1], y[2i + 1] = x[i] * w[2] + x[i + 1] * w[3] for i < n, each
 * product and sum rounded. */
typedef void (*SagBetweenF32Fn) (size_t n, const float *x, const float *w, float *y);

/* --- recurrences ------------------------------------------------------------------------- */

/* The selective scan (Gu and Dao, "Mamba", 2023, eq. 2 with the simplified B) of c channels with n
 * states each over l steps, for each channel j:
 *     h[i][j] = fma (exp (dt[t][j] * a[i][j]), h[i][j], (dt[t][j] * u[t][j]) * b[t][i])
 *     y[t][j] = sum over i, in order, of h[i][j] * c[t][i] by fma, from 0; then fma (d[j], u[t][j], .)
 * y may be u or dt, if their ld are the same. */
typedef struct
{
  size_t       l, c, n;
  const float *u, *dt;          /* [l][c] */
  const float *b_rows, *c_rows; /* [l][n] */
  ptrdiff_t    ld_u, ld_dt, ld_b, ld_c;
  const float *a; /* [n][c] */
  const float *d; /* [c], or NULL */
  float       *h; /* [n][c]: the state before the first step, then after the last */
  float       *y; /* [l][c] */
  ptrdiff_t    ld_y;
} SagScanF32Job;

/* --- the table --------------------------------------------------------------------------- */

typedef struct
{
  const char        *name;  /* "c", "avx2", "avx512", "neon" */
  unsigned           lanes; /* floats a vector; 1 for c */
  SagGemmF32         gemm_f32[SAG_N_GEMM];
  SagGemmBf16        gemm_bf16[SAG_N_GEMM];
  SagConvRowF32      conv_row_f32;
  void             (*depthwise_f32) (const SagDepthwiseF32Job *job);
  void             (*depthwise_row_f32) (const SagDepthwiseRowF32Job *job);
  void             (*winograd_in)  (const SagWinogradInJob *job);
  void             (*winograd_out) (const SagWinogradOutJob *job);
  SagGemmU8          gemm_u8;
  SagConvRowU8       conv_row_u8;
  SagWeights         weights;
  SagQuantize        quantize;
  SagBytes           bytes;
  SagUnaryFn         unary[SAG_N_UNARY];
  SagBinaryFn        binary[SAG_N_BINARY];
  SagAddClampFn      add_clamp;
  SagAffineFn        affine;
  SagReduce          reduce;
  SagTransposeF32Fn  transpose_f32;
  SagInterleaveF32Fn interleave_f32;
  SagBetweenF32Fn    between_f32;
  void             (*scan_f32) (const SagScanF32Job *job);
  SagSliceKernels    slice;
} SagKernels;

/* The best table this machine runs, chosen at the first call and the same ever after. The
 * environment variable SAG_CPU = c, avx2, avx512 or neon lowers it. Static. [any thread] */
const SagKernels *sag_kernels_get (void);

/* The table for the CPU levels in `flags` (cpu.h), which must all exist on this machine. */
void              sag_kernels_for (unsigned flags, SagKernels *kernels);
