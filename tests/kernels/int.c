/* SPDX-License-Identifier: Apache-2.0
 *
 * int.c: eight-bit products and conversions.
 */
#include "tests/kernels/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS = 64 * 32 };

static const uint8_t *rows[MAX_ROWS];
static ptrdiff_t      dx[64];

/* Bytes over the whole range; `extreme`: mostly the ends of it, where sums are largest. */
static uint8_t *
bytes (Check *check, size_t n, bool extreme)
{
  uint8_t *x = check_bytes (check, n, 1);

  for (size_t i = 0; i < n; i++)
    x[i] = extreme && check_random (check, 4) ? (check_random (check, 2) ? 255 : 128)
                                              : (uint8_t) check_random (check, 256);
  return x;
}

static int32_t *
sums (Check *check, size_t n)
{
  int32_t *x = check_bytes (check, n * sizeof *x, sizeof *x);

  for (size_t i = 0; i < n; i++)
    x[i] = (int32_t) check_random (check, 20001) - 10000;
  return x;
}

/* `n_out` outputs; half of the time with all that can follow a sum. */
static SagIntEnd
make_end (Check *check, SagEnd kind, size_t n, ptrdiff_t ld, size_t n_out)
{
  unsigned more = check_random (check, 3); /* a residual, and with 2 all that there is */
  float *scale = check_floats (check, n, CHECK_PLAIN), *shift = check_floats (check, n, CHECK_PLAIN);
  SagIntEnd end = { .kind = kind, .scale = scale, .shift = shift, .ld = ld, .lo = -100.0f, .hi = 1e4f,
                    .slope = more > 1 ? 0.01f : 1.0f };

  for (size_t i = 0; i < n; i++)
    scale[i] = fabsf (scale[i]) * 1e-3f + 1e-4f;
  if (kind != SAG_END_U8)
    return end;
  end.step = 3.7f;
  end.zero = 31;
  if (more > 1)
    shift[n - 1] = check_random (check, 2) ? NAN : INFINITY;
  if (more > 0)
    {
      end.residual = bytes (check, n_out, false);
      end.residual_scale = 0.05f;
      end.residual_zero = 90;
    }
  return end;
}

/* How rows lie: backwards and apart; as the pixels of a line see them, `run` taps beside each other; and so,
 * but one row is elsewhere. */
typedef enum
{
  APART,
  BESIDE,
  BROKEN,
} Rows;

static void
gemm_one (Check *check, size_t m, size_t n, size_t taps, size_t k, SagEnd kind, bool go_on, bool extreme,
          Rows lie, size_t run)
{
  size_t mr = check->k->gemm_u8.mr, nr = check->k->gemm_u8.nr;
  ptrdiff_t ld = (ptrdiff_t) n + 3;
  size_t n_out = (m - 1) * (size_t) ld + n;
  uint8_t *a = bytes (check, taps * m * k, extreme), *src = bytes (check, taps * k * n, extreme);
  uint8_t *line = bytes (check, taps / run * (m + run - 1) * k, extreme);
  int8_t *w = check_bytes (check, sag_pack_s8_size (nr, taps, k, n), 64);
  int32_t *init = sums (check, nr), *got = sums (check, n_out);
  int32_t *want = check_bytes (check, n_out * 4, 4);
  float *got_out = check_floats (check, n_out, CHECK_PLAIN);
  float *want_out = check_copy (check, got_out, n_out);
  SagGemmU8Job job = {
    m, n, taps, k, rows, w, go_on ? NULL : init, got, ld, make_end (check, kind, nr, ld, n_out), run
  };

  memcpy (want, got, n_out * 4);
  sag_pack_s8 (nr, taps, k, n, (const int8_t *) src, (ptrdiff_t) (k * n), (ptrdiff_t) n, 1, w);
  for (size_t t = 0; t < taps; t++)
    for (size_t i = 0; i < mr; i++)
      rows[t * mr + i] = lie == APART ? a + (t * m + (i < m ? m - 1 - i : 0)) * k
                                      : line + (t / run * (m + run - 1) + (i < m ? i : m - 1) + t % run) * k;
  if (lie == BROKEN)
    rows[check_random (check, (unsigned) taps) * mr + check_random (check, (unsigned) m)] = a;
  job.end.out = got_out;
  CHECK_GUARDED (check, "gemm_u8")
    check->k->gemm_u8.fn (&job);
  job.acc = want;
  job.end.out = want_out;
  sag_ref_gemm_u8 ((unsigned) mr, (unsigned) nr, &job);
  check_same_bytes (check, got, want, n_out * 4, "gemm_u8 sums m %zu n %zu taps %zu k %zu", m, n,
                    taps, k);
  check_same_bytes (check, got_out, want_out, n_out * 4,
                    "gemm_u8 end %d m %zu n %zu taps %zu k %zu rows %d run %zu", kind, m, n, taps, k, lie, run);
  check_release_all (check);
}

static void
row_one (Check *check, size_t width, size_t kx, size_t dilation, size_t stride, size_t n,
         size_t quads, SagEnd kind, bool go_on, bool extreme)
{
  size_t taps = 3 * kx, nw = n + check_random (check, 2), pad = dilation * (kx - 1) / 2;
  size_t nx = (width + 2 * pad - dilation * (kx - 1) - 1) / stride + 1;
  size_t x0 = check_random (check, 2) ? check_random (check, (unsigned) nx) : 0;
  size_t ld = nx + 2, n_out = (n + 3) / 4 * 4 * ld;
  uint8_t *in = bytes (check, 3 * quads * 4 * width, extreme);
  uint8_t *src = bytes (check, taps * quads * 4 * nw, extreme);
  int8_t *w = check_bytes (check, sag_pack_s8_size (nw, taps, 4 * quads, nw), 64);
  int32_t *init = sums (check, n), *got = sums (check, (n - 1) * ld + nx);
  int32_t *want = check_bytes (check, ((n - 1) * ld + nx) * 4, 4);
  float *got_out = check_floats (check, n_out, CHECK_PLAIN);
  float *want_out = check_copy (check, got_out, n_out);
  bool missing = check_random (check, 3) == 0;
  SagConvRowU8Job job = {
    .taps = taps, .quads = quads, .rows = rows, .dx = dx, .width = width,
    .pitch = (ptrdiff_t) (4 * width), .stride = stride, .pad = 7, .w = w, .n = n, .nw = nw,
    .init = go_on ? NULL : init, .acc = got, .ld_acc = (ptrdiff_t) ld, .x0 = x0, .nx = nx - x0,
    .end = make_end (check, kind, n, (ptrdiff_t) (kind == SAG_END_U8 ? 4 * ld : ld), n_out),
  };

  memcpy (want, got, ((n - 1) * ld + nx) * 4);
  sag_pack_s8 (nw, taps, 4 * quads, nw, (const int8_t *) src, (ptrdiff_t) (4 * quads * nw),
               (ptrdiff_t) nw, 1, w);
  for (size_t t = 0; t < taps; t++)
    {
      rows[t] = missing && t / kx == 1 ? NULL : in + t / kx * quads * 4 * width;
      dx[t] = (ptrdiff_t) (t % kx * dilation) - (ptrdiff_t) pad;
    }
  job.end.out = got_out;
  CHECK_GUARDED (check, "conv_row_u8")
    check->k->conv_row_u8.fn (&job);
  job.acc = want;
  job.end.out = want_out;
  sag_ref_conv_row_u8 (&job);
  check_same_bytes (check, got, want, ((n - 1) * ld + nx) * 4,
                    "conv_row_u8 sums width %zu stride %zu n %zu", width, stride, n);
  check_same_bytes (check, got_out, want_out, n_out * 4,
                    "conv_row_u8 end %d width %zu kx %zu dilation %zu stride %zu n %zu quads %zu",
                    kind, width, kx, dilation, stride, n, quads);
  check_release_all (check);
}

/* Weights of four bits as bytes. */
static void
unpack_one (Check *check, size_t steps, size_t nr, bool extreme)
{
  size_t groups = (steps + 7) / 8, size = sag_pack_s4_size (nr, 1, 4 * steps, nr);
  uint8_t *q = check_bytes (check, size, 64);
  int16_t *factor = check_bytes (check, groups * nr * sizeof *factor, 2);
  int8_t *got = check_bytes (check, 4 * steps * nr, 64), *want = check_bytes (check, 4 * steps * nr, 64);
  bool same = true;

  for (size_t i = 0; i < size; i++)
    q[i] = extreme ? 0 : (uint8_t) check_random (check, 256);
  for (size_t i = 0; i < groups * nr; i++)
    factor[i] = (int16_t) (extreme ? (i % 2 ? -4064 : 4064) : (int) check_random (check, 8129) - 4064);
  CHECK_GUARDED (check, "unpack_s4")
    check->k->weights.unpack_s4 (steps, nr, q, factor, got);
  check->ref->weights.unpack_s4 (steps, nr, q, factor, want);
  check_same_bytes (check, got, want, 4 * steps * nr, "unpack_s4 steps %zu nr %zu", steps, nr);
  for (size_t i = 0; i < 4 * steps * nr; i++)
    same = same && abs (want[i]) <= 127;
  check_true (check, same, "unpack_s4 of %zu steps has a weight of -128", steps);
  check_release_all (check);
}

static void
fit_one (Check *check, size_t n)
{
  float *w = check_floats (check, n, CHECK_PLAIN), *scale = check_floats (check, SAG_FIT_SCALES, CHECK_PLAIN);
  float *got = check_floats (check, SAG_FIT_SCALES, CHECK_PLAIN), *want = check_copy (check, got, SAG_FIT_SCALES);

  for (int i = 0; i < SAG_FIT_SCALES; i++)
    scale[i] = (i & 1 ? -0.001f : 0.03f) * (float) (i + 1);
  CHECK_GUARDED (check, "fit_s4")
    check->k->weights.fit_s4 (n, w, scale, got);
  check->ref->weights.fit_s4 (n, w, scale, want);
  check_same (check, got, want, SAG_FIT_SCALES, "fit_s4 n %zu", n);
  check_release_all (check);
}

static void
bytes_one (Check *check, size_t n, size_t taps)
{
  const SagBytes *k = &check->k->bytes, *r = &check->ref->bytes;
  float *weight = check_floats (check, taps, CHECK_PLAIN), *part = check_floats (check, n, CHECK_PLAIN);
  int32_t *first = check_bytes (check, n * 4, 4), *second = check_bytes (check, n * 4, 4);
  uint8_t *got = check_bytes (check, 4 * n, 1), *want = check_bytes (check, 4 * n, 1);

  for (size_t t = 0; t < taps; t++)
    rows[t] = bytes (check, 8 * n, false);
  for (size_t i = 0; i < n; i++)
    {
      first[i] = (int32_t) check_random (check, (unsigned) (2 * n));
      second[i] = (int32_t) check_random (check, (unsigned) (2 * n));
      part[i] = fabsf (part[i]) / 2;
    }
  CHECK_GUARDED (check, "max_of_rows")
    k->max_of_rows (taps, n, rows, got);
  r->max_of_rows (taps, n, rows, want);
  check_same_bytes (check, got, want, n, "max_of_rows %zu of %zu", taps, n);
  CHECK_GUARDED (check, "mix_rows")
    k->mix_rows (taps, n, rows, weight, got);
  r->mix_rows (taps, n, rows, weight, want);
  check_same_bytes (check, got, want, n, "mix_rows %zu of %zu", taps, n);
  CHECK_GUARDED (check, "max_pairs_x4")
    k->max_pairs_x4 (n, rows[0], got);
  r->max_pairs_x4 (n, rows[0], want);
  check_same_bytes (check, got, want, 4 * n, "max_pairs_x4 %zu", n);
  CHECK_GUARDED (check, "mix_lines_x4")
    k->mix_lines_x4 (taps, n, rows, weight, first, second, part, got);
  r->mix_lines_x4 (taps, n, rows, weight, first, second, part, want);
  check_same_bytes (check, got, want, 4 * n, "mix_lines_x4 %zu of %zu", taps, n);
  {
    const uint8_t *table = bytes (check, 256, false);

    CHECK_GUARDED (check, "look_up")
      k->look_up (n, rows[0], table, got);
    r->look_up (n, rows[0], table, want);
    check_same_bytes (check, got, want, n, "look_up %zu", n);
  }
  check_release_all (check);
}

static void
depthwise_one (Check *check, size_t m, size_t c, size_t taps, SagEnd kind)
{
  ptrdiff_t ld = (ptrdiff_t) c + 3;
  size_t n_out = (m - 1) * (size_t) ld + c, ld_rows = m + 1;
  uint8_t *in = bytes (check, taps * m * c, false);
  int8_t *w = check_bytes (check, taps * c, 1);
  int32_t *init = check_bytes (check, c * sizeof *init, 4);
  float *got = check_floats (check, n_out, CHECK_PLAIN), *want = check_copy (check, got, n_out);
  SagDepthwiseU8Job job = { .m = m, .c = c, .taps = taps, .rows = rows, .ld_rows = ld_rows, .w = w,
                            .init = init, .end = make_end (check, kind, c, ld, n_out) };

  for (size_t i = 0; i < taps * c; i++)
    w[i] = (int8_t) ((int) check_random (check, 255) - 127);
  for (size_t i = 0; i < c; i++)
    init[i] = (int32_t) check_random (check, 60000) - 30000;
  for (size_t t = 0; t < taps; t++)
    for (size_t i = 0; i < m; i++)
      rows[t * ld_rows + i] = in + (t * m + i) * c;
  job.end.out = got;
  CHECK_GUARDED (check, "depthwise_u8")
    check->k->bytes.depthwise (&job);
  job.end.out = want;
  check->ref->bytes.depthwise (&job);
  check_same_bytes (check, got, want, n_out * 4, "depthwise_u8 end %d m %zu c %zu taps %zu", kind, m, c,
                    taps);
  check_release_all (check);
}

static void
run_square (const SagKernels *k, void *data)
{
  k->bytes.depthwise_square (data);
}

static void
square_one (Check *check, size_t c, size_t width, size_t stride, size_t lines, ptrdiff_t first, bool tight)
{
  size_t n_rows = (lines - 1) * stride + 3, nx = (width + stride - 1) / stride;
  ptrdiff_t ld = (ptrdiff_t) (nx * c) + 5;
  size_t n_out = (lines - 1) * (size_t) ld + nx * c;
  int8_t *w = check_bytes (check, 9 * c, 1);
  int32_t *init = check_bytes (check, c * sizeof *init, 4);
  uint8_t *got = bytes (check, n_out, false), *want = check_bytes (check, n_out, 1);
  float *scale = check_floats (check, c, CHECK_PLAIN);
  SagSquareU8Job job = { .lines = lines, .nx = nx, .c = c, .stride = stride, .width = width, .first = first,
                         .rows = rows, .pad = (uint8_t) check_random (check, 256), .w = w, .init = init,
                         .end = make_end (check, SAG_END_U8, c, ld, n_out) };

  job.end.residual = NULL;
  if (tight) /* as far as bounds go: else some sums may be too large for what is quick */
    {
      for (size_t i = 0; i < c; i++)
        scale[i] /= 1000;
      job.end.scale = scale;
      job.end.slope = 1;
    }
  for (size_t i = 0; i < 9 * c; i++)
    w[i] = (int8_t) ((int) check_random (check, 255) - 127);
  for (size_t i = 0; i < c; i++)
    init[i] = (int32_t) check_random (check, 60000) - 30000;
  for (size_t r = 0; r < n_rows; r++)
    rows[r] = check_random (check, 4) > 0 || check->bench ? bytes (check, width * c, false) : NULL;
  memcpy (want, got, n_out);
  job.end.out = got;
  CHECK_GUARDED (check, "depthwise_square")
    check->k->bytes.depthwise_square (&job);
  job.end.out = want;
  check->ref->bytes.depthwise_square (&job);
  check_same_bytes (check, got, want, n_out, "depthwise_square c %zu width %zu stride %zu lines %zu first %td tight %d",
                    c, width, stride, lines, first, tight);
  if (check->bench)
    {
      char name[64];

      snprintf (name, sizeof name, "depthwise_square %zu x %zu stride %zu", width, c, stride);
      check_bench (check, name, 18.0 * (double) (lines * nx * c), 0, run_square, &job);
    }
  check_release_all (check);
}

static void
run_mix (const SagKernels *k, void *data)
{
  k->bytes.mix_pixels (data);
}

static void
mix_one (Check *check, size_t lines, size_t n, size_t c, size_t ld)
{
  size_t width = n / 2 + 1, n_out = (n - 1) * ld + c;
  float *weight = check_floats (check, lines, CHECK_PLAIN), *part = check_floats (check, n, CHECK_PLAIN);
  int32_t *first = check_bytes (check, n * 4, 4), *second = check_bytes (check, n * 4, 4);
  uint8_t *got = bytes (check, n_out, false), *want = check_bytes (check, n_out, 1);
  SagMixPixelsJob job = { .lines = lines, .n = n, .c = c, .rows = rows, .weight = weight, .first = first,
                          .second = second, .part = part, .ld = (ptrdiff_t) ld };

  for (size_t t = 0; t < lines; t++)
    rows[t] = bytes (check, width * c, false);
  for (size_t i = 0; i < n; i++)
    {
      first[i] = (int32_t) (check->bench ? i / 2 : check_random (check, (unsigned) width));
      second[i] = (int32_t) (check->bench ? i / 2 + (i / 2 + 1 < width) : check_random (check, (unsigned) width));
    }
  memcpy (want, got, n_out);
  job.y = got;
  CHECK_GUARDED (check, "mix_pixels")
    check->k->bytes.mix_pixels (&job);
  job.y = want;
  check->ref->bytes.mix_pixels (&job);
  check_same_bytes (check, got, want, n_out, "mix_pixels %zu of %zu x %zu", lines, n, c);
  if (check->bench)
    check_bench (check, "mix_pixels (ratio of bytes)", 0, (double) (n * c), run_mix, &job);
  check_release_all (check);
}

static void
convert_one (Check *check, size_t n, CheckFill fill)
{
  const SagQuantize *k = &check->k->quantize, *r = &check->ref->quantize;
  float *x = check_floats (check, n, fill), *back = check_floats (check, n, fill);
  float *want_back = check_copy (check, back, n);
  uint8_t *got = check_bytes (check, n, 1), *want = check_bytes (check, n, 1);
  uint8_t *woven = check_bytes (check, 4 * n, 1), *want_woven = check_bytes (check, 4 * n, 1);
  const float *lines[4] = { back, x, n % 2 ? NULL : back, x };

  CHECK_GUARDED (check, "to_u8")
    k->to_u8 (n, x, 0.013f, 77, got);
  r->to_u8 (n, x, 0.013f, 77, want);
  check_same_bytes (check, got, want, n, "to_u8 %zu", n);
  CHECK_GUARDED (check, "to_u8x4")
    k->to_u8x4 (n, lines, 0.013f, 77, woven);
  r->to_u8x4 (n, lines, 0.013f, 77, want_woven);
  check_same_bytes (check, woven, want_woven, 4 * n, "to_u8x4 %zu", n);
  CHECK_GUARDED (check, "from_u8")
    k->from_u8 (n, want, 0.013f, 77, back);
  r->from_u8 (n, want, 0.013f, 77, want_back);
  check_same (check, back, want_back, n, "from_u8 %zu", n);
  if (n > 0)
    {
      float *lanes[4] = { back, check_floats (check, n, fill), n % 2 ? NULL : x, want_back };
      float *want_lanes[4] = { check_copy (check, back, n), check_floats (check, n, fill),
                               n % 2 ? NULL : check_copy (check, x, n), check_copy (check, want_back, n) };

      CHECK_GUARDED (check, "from_u8x4")
        k->from_u8x4 (n, want_woven, 0.013f, 77, lanes);
      r->from_u8x4 (n, want_woven, 0.013f, 77, want_lanes);
      for (int c = 0; c < 4; c++)
        if (lanes[c] != NULL && lanes[c] != x)
          check_same (check, lanes[c], want_lanes[c], n, "from_u8x4 %zu line %d", n, c);
    }
  CHECK_GUARDED (check, "to_s8")
    k->to_s8 (n, x, 0.02f, (int8_t *) got);
  r->to_s8 (n, x, 0.02f, (int8_t *) want);
  check_same_bytes (check, got, want, n, "to_s8 %zu", n);
  check_release_all (check);
}

static void
run_gemm (const SagKernels *k, void *data)
{
  SagGemmU8Job *jobs = data;

  k->gemm_u8.fn (&jobs[k->lanes > 1]);
}

static void
run_row (const SagKernels *k, void *data)
{
  SagConvRowU8Job job = *(SagConvRowU8Job *) data;

  k->conv_row_u8.fn (&job);
}

static void
bench (Check *check)
{
  size_t taps = 27, k = 16, width = 128, n = check->k->conv_row_u8.nr;
  SagGemmU8Job jobs[2];
  SagConvRowU8Job row;
  uint8_t *in;

  for (int i = 0; i < 2; i++)
    {
      const SagGemmU8 *gemm = i == 0 ? &check->ref->gemm_u8 : &check->k->gemm_u8;
      uint8_t *out = bytes (check, gemm->mr * gemm->nr, false);

      for (size_t t = 0; t < 32; t++)
        rows[t] = bytes (check, 256, false);
      jobs[i] = (SagGemmU8Job){
        .m = gemm->mr, .n = gemm->nr, .taps = 1, .k = 256, .rows = rows,
        .w = check_bytes (check, 256 * gemm->nr, 64), .init = sums (check, gemm->nr),
        .end = make_end (check, SAG_END_U8, gemm->nr, gemm->nr, gemm->mr * gemm->nr),
      };
      jobs[i].end.out = out;
    }
  check_bench (check, "gemm_u8 taps 1 k 256 (ratio by block)",
               2.0 * 256 * (double) (jobs[1].m * jobs[1].n), 0, run_gemm, jobs);

  in = bytes (check, 9 * k * width, false);
  for (size_t t = 0; t < taps; t++)
    {
      rows[t] = in + t / 3 * k * width;
      dx[t] = (ptrdiff_t) (t % 3) - 1;
    }
  row = (SagConvRowU8Job){
    .taps = taps, .quads = k / 4, .rows = rows, .dx = dx, .width = width,
    .pitch = (ptrdiff_t) (4 * width), .stride = 1, .w = check_bytes (check, taps * k * n, 64),
    .n = n, .nw = n, .init = sums (check, n), .nx = width,
    .end = make_end (check, SAG_END_U8, n, (ptrdiff_t) (4 * width), n * width),
  };
  row.end.out = bytes (check, n * width, false);
  check_bench (check, "conv_row_u8 16->nr", 2.0 * (double) (taps * k * n * width), 0, run_row, &row);
  check_release_all (check);
}

void
check_int (Check *check)
{
  static const size_t ks[] = { 0, 1, 3, 4, 5, 16, 33, 64, 80, 192 }, dilations[] = { 1, 2, 5 };
  size_t l = check->k->lanes, mr = check->k->gemm_u8.mr, nr = check->k->gemm_u8.nr;
  size_t ms[] = { 1, mr / 2, mr / 2 + 1, mr }, ns[] = { 1, l - 1, l, l + 1, nr - 1, nr };
  size_t widths[] = { 1, 2, l - 1, l, l + 1, 3 * l + 5, 130 }, counts[] = { 0, 1, l - 1, l, l + 1, 4 * l, 5 * l + 3, 300 };

  if (check->bench)
    {
      bench (check);
      square_one (check, 32, 128, 1, 8, -1, true);
      square_one (check, 64, 128, 1, 8, -1, true);
      square_one (check, 96, 128, 1, 8, -1, true);
      square_one (check, 144, 64, 1, 8, -1, true);
      square_one (check, 960, 16, 1, 16, -1, true);
      square_one (check, 96, 256, 2, 4, -1, true);
      mix_one (check, 2, 128, 48, 64);
      return;
    }
  for (int kind = SAG_END_SUM; kind <= SAG_END_F32; kind++)
    {
      for (size_t i = 0; i < sizeof ms / sizeof ms[0]; i++)
        for (size_t j = 0; j < sizeof ns / sizeof ns[0]; j++)
          for (size_t p = 0; p < sizeof ks / sizeof ks[0]; p++)
            for (int round = 0; round < (ks[p] < 64 ? 4 : 2) && ns[j] > 0 && ns[j] <= nr; round++)
              {
                gemm_one (check, ms[i], ns[j], round & 1 ? 1 : 9, ks[p], (SagEnd) kind, round & 1,
                          round & 2, APART, 1);
                if (round == 0 && ks[p] >= 4)
                  gemm_one (check, ms[i], ns[j], 9, ks[p], (SagEnd) kind, check_random (check, 2), false,
                            check_random (check, 2) ? BESIDE : BROKEN, check_random (check, 4) ? 3 : 1);
              }
      for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
        for (size_t n = 1; n <= check->k->conv_row_u8.nr; n++)
          for (size_t stride = 1; stride <= 3; stride++)
            for (int round = 0; round < 4 && widths[i] > 0; round++)
              row_one (check, widths[i], round & 1 ? 3 : 1, dilations[check_random (check, 3)],
                       stride, n, 1 + check_random (check, 5), (SagEnd) kind,
                       check_random (check, 2), round & 2);
    }
  if (check->k->gemm_u8.done != NULL)
    check->k->gemm_u8.done ();
  for (size_t steps = 0; steps < 20; steps++)
    for (size_t columns = 1; columns <= 48; columns += columns < 10 ? 1 : 11)
      for (int round = 0; round < 3; round++)
        unpack_one (check, steps, columns, round == 0);
  for (size_t n = 0; n <= 32; n++)
    fit_one (check, n);
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
    for (size_t taps = 1; taps <= 32 && counts[i] > 0; taps += taps < 9 ? 4 : 23)
      {
        bytes_one (check, counts[i], taps);
        for (size_t m = 1; m < 10; m += 4)
          for (int kind = SAG_END_U8; kind <= SAG_END_F32; kind++)
            depthwise_one (check, m, counts[i], taps, (SagEnd) kind);
      }
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
    for (int round = 0; round < 24 && counts[i] > 0; round++)
      {
        square_one (check, counts[i], 1 + check_random (check, round & 1 ? 40 : 9), 1 + (round >> 1 & 1),
                    1 + check_random (check, 5), (ptrdiff_t) check_random (check, 5) - 3, round & 4);
        mix_one (check, 1 + check_random (check, 4), 1 + check_random (check, 20), counts[i], counts[i] + check_random (check, 3));
      }
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
    for (CheckFill fill = CHECK_PLAIN; fill <= CHECK_RANGE; fill++)
      convert_one (check, counts[i], fill);
}
