/* SPDX-License-Identifier: Apache-2.0
 *
 * reduce.c: sums, extremes, pooling, softmax; transposes.
 */
#include "tests/kernels/check.h"

#include <stdio.h>

static void
line_one (Check *check, size_t n, CheckFill fill)
{
  const SagReduce *k = &check->k->reduce, *r = &check->ref->reduce;
  float *x = check_floats (check, n, fill), *y = check_floats (check, n, fill);
  float got[5] = { 0 }, want[5];

  CHECK_GUARDED (check, "reduce of a line")
    {
      got[0] = k->sum (n, x);
      got[1] = k->sum_squares (n, x, 0.3f);
      got[2] = k->max (n, x);
      got[3] = k->min (n, x);
      got[4] = k->dot (n, x, y);
    }
  want[0] = r->sum (n, x);
  want[1] = r->sum_squares (n, x, 0.3f);
  want[2] = r->max (n, x);
  want[3] = r->min (n, x);
  want[4] = r->dot (n, x, y);
  check_same (check, got, want, 5, "sum, sum_squares, max, min, dot of %zu", n);
  check_release_all (check);
}

static void
rows_one (Check *check, size_t n, size_t c, CheckFill fill)
{
  const SagReduce *k = &check->k->reduce, *r = &check->ref->reduce;
  size_t ld = c + 2;
  float *x = check_floats (check, (n - 1) * ld + c, fill), *shift = check_floats (check, c, fill);
  float *got = check_floats (check, c, CHECK_PLAIN), *want = check_copy (check, got, c);
  float *weight = check_floats (check, n, CHECK_PLAIN);
  const float *rows[64];

  for (size_t i = 0; i < n; i++)
    rows[i] = x + (n - 1 - i) * ld;
  CHECK_GUARDED (check, "add_rows")
    k->add_rows (n, c, x, (ptrdiff_t) ld, got);
  r->add_rows (n, c, x, (ptrdiff_t) ld, want);
  check_same (check, got, want, c, "add_rows n %zu c %zu", n, c);
  CHECK_GUARDED (check, "add_rows_squares")
    k->add_rows_squares (n, c, x, (ptrdiff_t) ld, shift, got);
  r->add_rows_squares (n, c, x, (ptrdiff_t) ld, shift, want);
  check_same (check, got, want, c, "add_rows_squares n %zu c %zu", n, c);
  CHECK_GUARDED (check, "max_of_rows")
    k->max_of_rows (n, c, rows, got);
  r->max_of_rows (n, c, rows, want);
  check_same (check, got, want, c, "max_of_rows n %zu c %zu", n, c);
  CHECK_GUARDED (check, "sum_of_rows")
    k->sum_of_rows (n, c, rows, 0.125f, got);
  r->sum_of_rows (n, c, rows, 0.125f, want);
  check_same (check, got, want, c, "sum_of_rows n %zu c %zu", n, c);
  CHECK_GUARDED (check, "mix_rows")
    k->mix_rows (n, c, rows, weight, got);
  r->mix_rows (n, c, rows, weight, want);
  check_same (check, got, want, c, "mix_rows n %zu c %zu", n, c);
  check_release_all (check);
}

static void
pairs_one (Check *check, size_t n, CheckFill fill)
{
  const SagReduce *k = &check->k->reduce, *r = &check->ref->reduce;
  float *x = check_floats (check, 2 * n, fill);
  float *got = check_floats (check, n, CHECK_PLAIN), *want = check_copy (check, got, n);

  CHECK_GUARDED (check, "max_pairs")
    k->max_pairs (n, x, got);
  r->max_pairs (n, x, want);
  check_same (check, got, want, n, "max_pairs %zu", n);
  CHECK_GUARDED (check, "sum_pairs")
    k->sum_pairs (n, x, 0.5f, got);
  r->sum_pairs (n, x, 0.5f, want);
  check_same (check, got, want, n, "sum_pairs %zu", n);
  check_release_all (check);
}

static void
softmax_one (Check *check, size_t n, size_t c, CheckFill fill)
{
  const SagReduce *k = &check->k->reduce, *r = &check->ref->reduce;
  size_t ld = n + 1, size = (c - 1) * ld + n;
  float *x = check_floats (check, size, fill);
  float *got = check_floats (check, size, CHECK_PLAIN), *want = check_copy (check, got, size);

  CHECK_GUARDED (check, "softmax_planes")
    k->softmax_planes (c, n, x, (ptrdiff_t) ld, got, (ptrdiff_t) ld);
  r->softmax_planes (c, n, x, (ptrdiff_t) ld, want, (ptrdiff_t) ld);
  check_same (check, got, want, size, "softmax_planes c %zu n %zu", c, n);
  CHECK_GUARDED (check, "softmax_planes")
    k->softmax_planes (c, n, x, (ptrdiff_t) ld, x, (ptrdiff_t) ld);
  for (size_t p = 0; p < c; p++)
    check_same (check, x + p * ld, want + p * ld, n, "softmax_planes in place c %zu n %zu", c, n);
  check_release_all (check);
}

/* m rows of n */
static void
row_blocks_one (Check *check, size_t m, size_t n, CheckFill fill)
{
  const SagReduce *k = &check->k->reduce, *r = &check->ref->reduce;
  float *x = check_floats (check, m * n, fill), *y = check_floats (check, n, fill);
  float *got = check_floats (check, m * n, CHECK_PLAIN), *want = check_copy (check, got, m * n);
  float *dots = check_floats (check, m, CHECK_PLAIN), *want_dots = check_copy (check, dots, m);

  CHECK_GUARDED (check, "softmax")
    k->softmax (m, n, x, got);
  r->softmax (m, n, x, want);
  check_same (check, got, want, m * n, "softmax m %zu n %zu", m, n);
  CHECK_GUARDED (check, "dots")
    k->dots (m, n, x, y, dots);
  r->dots (m, n, x, y, want_dots);
  check_same (check, dots, want_dots, m, "dots m %zu n %zu", m, n);
  CHECK_GUARDED (check, "softmax")
    k->softmax (m, n, x, x);
  check_same (check, x, want, m * n, "softmax in place m %zu n %zu", m, n);
  check_release_all (check);
}

static void
layer_norm_one (Check *check, size_t m, size_t n, CheckFill fill, int rms)
{
  const SagReduce *k = &check->k->reduce, *r = &check->ref->reduce;
  float *x = check_floats (check, m * n, fill), *scale = check_floats (check, n, fill);
  float *got = check_floats (check, m * n, CHECK_PLAIN), *want = check_copy (check, got, m * n);
  float *shift = check_floats (check, n, fill);

  CHECK_GUARDED (check, "layer_norm")
    k->layer_norm (m, n, x, 1e-5f, rms, scale, shift, got);
  r->layer_norm (m, n, x, 1e-5f, rms, scale, shift, want);
  check_same (check, got, want, m * n, "layer_norm m %zu n %zu rms %d", m, n, rms);
  CHECK_GUARDED (check, "layer_norm")
    k->layer_norm (m, n, x, 1e-5f, rms, NULL, NULL, got);
  r->layer_norm (m, n, x, 1e-5f, rms, NULL, NULL, want);
  check_same (check, got, want, m * n, "layer_norm alone m %zu n %zu rms %d", m, n, rms);
  CHECK_GUARDED (check, "layer_norm")
    k->layer_norm (m, n, x, 1e-5f, rms, NULL, NULL, x);
  check_same (check, x, want, m * n, "layer_norm in place m %zu n %zu rms %d", m, n, rms);
  check_release_all (check);
}

typedef struct
{
  int    what;
  size_t n, c;
  float *x, *y, *z;
  float  result;
} Bench;

static const char *const bench_names[] = { "sum",       "sum_squares",    "max",      "dot",
                                           "softmax",   "softmax_planes", "add_rows", "max_pairs",
                                           "layer_norm", "transpose", "interleave" };

static void
run (const SagKernels *k, void *data)
{
  Bench *b = data;
  ptrdiff_t ld = (ptrdiff_t) (b->n / b->c);

  switch (b->what)
    {
    case 0:
      b->result = k->reduce.sum (b->n, b->x);
      break;
    case 1:
      b->result = k->reduce.sum_squares (b->n, b->x, 0.5f);
      break;
    case 2:
      b->result = k->reduce.max (b->n, b->x);
      break;
    case 3:
      b->result = k->reduce.dot (b->n, b->x, b->z);
      break;
    case 4:
      k->reduce.softmax (b->n / 64, 64, b->x, b->y);
      break;
    case 5:
      k->reduce.softmax_planes (b->c, b->n / b->c, b->x, ld, b->y, ld);
      break;
    case 6:
      k->reduce.add_rows (b->n / b->c, b->c, b->x, (ptrdiff_t) b->c, b->y);
      break;
    case 7:
      k->reduce.max_pairs (b->n / 2, b->x, b->y);
      break;
    case 8:
      k->reduce.layer_norm (b->n / 32, 32, b->x, 1e-5f, 0, b->z, b->z, b->y);
      break;
    case 9:
      k->transpose_f32 (b->c, b->n / b->c, b->x, ld, b->y, (ptrdiff_t) b->c);
      break;
    default:
      k->interleave_f32 (b->n / 2, b->x, b->z, b->y);
      break;
    }
}

static void
bench (Check *check, int from, int to)
{
  Bench b = { .n = 6144, .c = 16 };

  b.x = check_floats (check, b.n, CHECK_PLAIN);
  b.y = check_floats (check, b.n, CHECK_PLAIN);
  b.z = check_floats (check, b.n, CHECK_PLAIN);
  for (b.what = from; b.what < to; b.what++)
    check_bench (check, bench_names[b.what], 0, 4.0 * (double) b.n * (b.what < 3 ? 1 : 2), run, &b);
  check_release_all (check);
}

void
check_reduce (Check *check)
{
  size_t l = check->k->lanes;
  size_t ns[] = { 0, 1, l - 1, l, l + 1, 15, 16, 17, 31, 33, 100, 1000 };

  if (check->bench)
    {
      bench (check, 0, 9);
      return;
    }
  for (size_t i = 0; i < sizeof ns / sizeof ns[0]; i++)
    for (CheckFill fill = CHECK_PLAIN; fill <= CHECK_RANGE; fill++)
      {
        line_one (check, ns[i], fill);
        pairs_one (check, ns[i], fill);
        for (size_t j = 1; j < 12 && ns[i] > 0; j += 5)
          {
            rows_one (check, j, ns[i], fill);
            softmax_one (check, ns[i], j, fill);
          }
        for (size_t m = 1; m < 3 * l && ns[i] > 0; m = 2 * m + 1)
          {
            row_blocks_one (check, m, ns[i], fill);
            layer_norm_one (check, m, ns[i], fill, 0);
            layer_norm_one (check, m, ns[i], fill, 1);
          }
      }
}

static void
transpose_one (Check *check, size_t rows, size_t columns)
{
  size_t ld_src = columns + check_random (check, 3), ld_dst = rows + check_random (check, 3);
  size_t n_dst = (columns - 1) * ld_dst + rows;
  float *src = check_floats (check, (rows - 1) * ld_src + columns, CHECK_EVIL);
  float *got = check_floats (check, n_dst, CHECK_PLAIN), *want = check_copy (check, got, n_dst);

  CHECK_GUARDED (check, "transpose_f32")
    check->k->transpose_f32 (rows, columns, src, (ptrdiff_t) ld_src, got, (ptrdiff_t) ld_dst);
  check->ref->transpose_f32 (rows, columns, src, (ptrdiff_t) ld_src, want, (ptrdiff_t) ld_dst);
  check_same_bytes (check, got, want, n_dst * sizeof *got, "transpose_f32 %zu x %zu", rows, columns);
  check_release_all (check);
}

static void
between_one (Check *check, size_t n, CheckFill fill)
{
  const float *x = check_floats (check, n + 1, fill), *w = check_floats (check, 4, CHECK_PLAIN);
  float *got = check_floats (check, 2 * n, CHECK_PLAIN), *want = check_copy (check, got, 2 * n);

  CHECK_GUARDED (check, "between_f32")
    check->k->between_f32 (n, x, w, got);
  check->ref->between_f32 (n, x, w, want);
  check_same (check, got, want, 2 * n, "between_f32 %zu", n);
  check_release_all (check);
}

void
check_move (Check *check)
{
  size_t l = check->k->lanes;
  size_t ns[] = { 1, 3, l - 1, l, l + 1, 2 * l, 37 };

  if (check->bench)
    {
      bench (check, 9, 11);
      return;
    }
  for (size_t i = 0; i < sizeof ns / sizeof ns[0]; i++)
    {
      size_t n = ns[i];
      float *a = check_floats (check, n, CHECK_EVIL), *b = check_floats (check, n, CHECK_EVIL);
      float *got = check_floats (check, 2 * n, CHECK_PLAIN), *want = check_copy (check, got, 2 * n);

      CHECK_GUARDED (check, "interleave_f32")
        check->k->interleave_f32 (n, a, b, got);
      check->ref->interleave_f32 (n, a, b, want);
      check_same_bytes (check, got, want, 2 * n * sizeof *got, "interleave_f32 %zu", n);
      check_release_all (check);

      between_one (check, n, i & 1 ? CHECK_PLAIN : CHECK_EVIL);

      for (size_t j = 0; j < sizeof ns / sizeof ns[0]; j++)
        if (ns[i] > 0 && ns[j] > 0)
          transpose_one (check, ns[i], ns[j]);
    }
}
