/* SPDX-License-Identifier: Apache-2.0
 *
 * conv.c: row-interleaved, depthwise and Winograd's convolution.
 */
#include "tests/kernels/check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_TAPS = 27, MAX_ROWS = MAX_TAPS * 64 };

static const float *rows[MAX_ROWS];
static ptrdiff_t    dx[MAX_TAPS];

/* Three lines of kx taps each; the middle line may be in the padding. `most` channels at most of a panel. */
static void
conv_one (Check *check, size_t width, size_t kx, size_t dilation, size_t stride, size_t most, size_t k,
          bool evil, bool go_on)
{
  CheckFill fill = evil ? CHECK_EVIL : CHECK_PLAIN;
  size_t panels = 1 + check_random (check, 3) / 2 * (1 + check_random (check, 2));
  size_t n = most * panels - (panels > 1 ? check_random (check, (unsigned) most) : 0);
  size_t taps = 3 * kx, nw = most + (panels > 1 ? 0 : check_random (check, 2)), pad = dilation * (kx - 1) / 2;
  size_t panel = taps * k * nw;
  size_t out_width = (width + 2 * pad - dilation * (kx - 1) - 1) / stride + 1;
  size_t x0 = check_random (check, 2) ? check_random (check, (unsigned) out_width) : 0;
  size_t pitch = width, ld_out = out_width + 2, n_out = (n - 1) * ld_out + out_width;
  float *in = check_floats (check, 3 * k * pitch, fill);
  float *src = check_floats (check, panels * panel, fill);
  float *w = check_bytes (check, panels * panel * sizeof *w, 64);
  float *init = check_floats (check, n, CHECK_PLAIN);
  float *got = check_floats (check, n_out, CHECK_PLAIN), *want = check_copy (check, got, n_out);
  bool missing = check_random (check, 3) == 0;
  SagConvRowF32Job job = {
    .taps = taps, .k = k, .rows = rows, .dx = dx, .width = width, .pitch = (ptrdiff_t) pitch,
    .stride = stride, .w = w, .n = n, .nw = nw, .ld_w = (ptrdiff_t) panel, .init = go_on ? NULL : init, .out = got,
    .ld_out = (ptrdiff_t) ld_out, .x0 = x0, .nx = out_width - x0,
    .lo = go_on ? -INFINITY : 0.0f, .hi = go_on ? INFINITY : 6.0f,
  };

  sag_pack_f32 (nw, taps, k, panels * nw, src, (ptrdiff_t) (k * nw * panels), (ptrdiff_t) (nw * panels), 1, w);
  for (size_t t = 0; t < taps; t++)
    {
      rows[t] = missing && t / kx == 1 ? NULL : in + t / kx * k * pitch;
      dx[t] = (ptrdiff_t) (t % kx * dilation) - (ptrdiff_t) pad;
    }
  CHECK_GUARDED (check, "conv_row_f32")
    check->k->conv_row_f32.fn (&job);
  job.out = want;
  check->ref->conv_row_f32.fn (&job);
  check_same (check, got, want, n_out,
              "conv_row_f32 width %zu kx %zu dilation %zu stride %zu n %zu k %zu x0 %zu%s%s%s",
              width, kx, dilation, stride, n, k, x0, evil ? " evil" : "", go_on ? " going on" : "",
              missing ? " with a line in the padding" : "");
  check_release_all (check);
}

/* Lines of an image, each seen through `high` lines of kx taps in one or two planes; a line may be in the
 * padding. */
static void
depthwise_row_one (Check *check, size_t width, size_t kx, size_t dilation, size_t stride, size_t n, size_t lines,
                   bool evil, bool go_on)
{
  CheckFill fill = evil ? CHECK_EVIL : CHECK_PLAIN;
  size_t high = 3, planes = 1 + check_random (check, 2), taps = planes * high * kx, nw = n + check_random (check, 2);
  size_t pad = dilation * (kx - 1) / 2, step = check_random (check, 4) == 0 ? 3 - stride % 2 : stride;
  size_t out_width = (width + 2 * pad - dilation * (kx - 1) - 1) / stride + 1;
  size_t ld_out = out_width + 2, ld_line = n * ld_out, n_out = (lines - 1) * ld_line + (n - 1) * ld_out + out_width;
  size_t n_rows = (lines - 1) * step + high, missing = check_random (check, 3) == 0 ? check_random (check, (unsigned) n_rows) : n_rows;
  float *in = check_floats (check, planes * n_rows * n * width, fill), *w = check_floats (check, taps * nw, fill);
  float *init = check_floats (check, n, CHECK_PLAIN);
  float *got = check_floats (check, n_out, CHECK_PLAIN), *want = check_copy (check, got, n_out);
  SagDepthwiseRowF32Job job = {
    .lines = lines, .taps = taps, .rows = rows, .dx = dx, .width = width, .pitch = (ptrdiff_t) width,
    .stride = stride, .w = w, .n = n, .nw = nw, .init = go_on ? NULL : init, .out = got,
    .ld_out = (ptrdiff_t) ld_out, .ld_line = (ptrdiff_t) ld_line, .nx = out_width,
    .lo = go_on ? -INFINITY : 0.0f, .hi = go_on ? INFINITY : 6.0f,
  };

  for (size_t i = 0; i < lines * taps; i++)
    {
      size_t t = i % taps, plane = t / (high * kx), row = i / taps * step + t / kx % high;

      rows[i] = row == missing ? NULL : in + (plane * n_rows + row) * n * width;
      dx[t] = (ptrdiff_t) (t % kx * dilation) - (ptrdiff_t) pad;
    }
  CHECK_GUARDED (check, "depthwise_row_f32")
    check->k->depthwise_row_f32 (&job);
  job.out = want;
  check->ref->depthwise_row_f32 (&job);
  check_same (check, got, want, n_out,
              "depthwise_row_f32 width %zu kx %zu dilation %zu stride %zu step %zu n %zu planes %zu lines %zu", width, kx,
              dilation, stride, step, n, planes, lines);
  check_release_all (check);
}

static void
run_depthwise_row (const SagKernels *k, void *data)
{
  SagDepthwiseRowF32Job job = *(SagDepthwiseRowF32Job *) data;

  k->depthwise_row_f32 (&job);
}

static void
bench_depthwise_row (Check *check, size_t n, size_t width, size_t stride, size_t lines)
{
  size_t taps = 9, out_width = width / stride, line = n * width;
  float *in = check_floats (check, ((lines - 1) * stride + 3) * line, CHECK_PLAIN);
  float *w = check_floats (check, taps * n, CHECK_PLAIN), *init = check_floats (check, n, CHECK_PLAIN);
  float *out = check_floats (check, lines * n * out_width, CHECK_PLAIN);
  SagDepthwiseRowF32Job job = {
    .lines = lines, .taps = taps, .rows = rows, .dx = dx, .width = width, .pitch = (ptrdiff_t) width,
    .stride = stride, .w = w, .n = n, .nw = n, .init = init, .out = out, .ld_out = (ptrdiff_t) out_width,
    .ld_line = (ptrdiff_t) (n * out_width), .nx = out_width, .lo = 0, .hi = INFINITY,
  };
  char name[64];

  for (size_t i = 0; i < lines * taps; i++)
    {
      rows[i] = in + (i / taps * stride + i % taps / 3) * line;
      dx[i % taps] = (ptrdiff_t) (i % 3) - 1;
    }
  snprintf (name, sizeof name, "depthwise_row_f32 %zu x %zu stride %zu lines %zu", n, width, stride, lines);
  check_bench (check, name, 2.0 * (double) (lines * taps * n * out_width), 0, run_depthwise_row, &job);
  check_release_all (check);
}

static void
run_conv (const SagKernels *k, void *data)
{
  SagConvRowF32Job job = *(SagConvRowF32Job *) data;

  k->conv_row_f32.fn (&job);
}

static void
bench_conv (Check *check, size_t n, size_t stride, size_t dilation)
{
  size_t width = 128, k = 16, taps = 27, out_width = width / stride;
  float *in = check_floats (check, 9 * k * width, CHECK_PLAIN);
  float *w = check_bytes (check, taps * k * n * sizeof *w, 64);
  float *init = check_floats (check, n, CHECK_PLAIN);
  float *out = check_floats (check, n * out_width, CHECK_PLAIN);
  SagConvRowF32Job job = {
    .taps = taps, .k = k, .rows = rows, .dx = dx, .width = width, .pitch = (ptrdiff_t) width,
    .stride = stride, .w = w, .n = n, .nw = n, .init = init, .out = out,
    .ld_out = (ptrdiff_t) out_width, .x0 = 0, .nx = out_width, .lo = 0, .hi = INFINITY,
  };
  char name[64];

  for (size_t t = 0; t < taps; t++)
    {
      rows[t] = in + t / 3 * k * width;
      dx[t] = (ptrdiff_t) (t % 3 * dilation) - (ptrdiff_t) dilation;
    }
  snprintf (name, sizeof name, "conv_row_f32 16->%zu stride %zu dil %zu", n, stride, dilation);
  check_bench (check, name, 2.0 * (double) (taps * k * n * out_width), 0, run_conv, &job);
  check_release_all (check);
}

void
check_conv_row (Check *check)
{
  size_t l = check->k->lanes, nr = check->k->conv_row_f32.nr;
  size_t widths[] = { 1, 2, l - 1, l, l + 1, 2 * l, 3 * l + 5, 4 * l, 5 * l - 1, 130 };

  if (check->bench)
    {
      size_t ns[] = { nr, nr - 1, 5, 3, 2, 1 };

      for (size_t i = 0; i < sizeof ns / sizeof ns[0]; i++)
        if (ns[i] <= nr && (i == 0 || ns[i] != ns[i - 1]))
          bench_conv (check, ns[i], 1, 1);
      bench_conv (check, nr, 1, 16);
      bench_conv (check, nr, 2, 1);
      for (size_t stride = 1; stride <= 2; stride++)
        for (size_t lines = 1; lines <= SAG_DEPTHWISE_LINES; lines *= 2)
          bench_depthwise_row (check, 96, 128, stride, lines);
      return;
    }
  for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
    for (size_t n = 1; n <= nr; n++)
      for (size_t stride = 1; stride <= 3; stride++)
        for (int round = 0; round < 6 && widths[i] > 0; round++)
          {
            static const size_t dilations[] = { 1, 2, 5 }, ks[] = { 1, 3, 16 };

            conv_one (check, widths[i], round & 1 ? 3 : 1, dilations[check_random (check, 3)],
                      stride, n, ks[check_random (check, 3)], round >= 4, check_random (check, 2));
            depthwise_row_one (check, widths[i], round & 1 ? 3 : 1, dilations[check_random (check, 3)],
                               stride, n, 1 + check_random (check, SAG_DEPTHWISE_LINES), round >= 4,
                               check_random (check, 2));
          }
}

/* --- depthwise --------------------------------------------------------------------------- */

static void
run_depthwise (const SagKernels *k, void *data)
{
  SagDepthwiseF32Job job = *(SagDepthwiseF32Job *) data;

  k->depthwise_f32 (&job);
}

static void
depthwise_one (Check *check, size_t m, size_t c, size_t taps, bool evil, bool go_on)
{
  CheckFill fill = evil ? CHECK_EVIL : CHECK_PLAIN;
  size_t ld_rows = m + 1, ld_out = c + 3, n_out = (m - 1) * ld_out + c;
  float *in = check_floats (check, m * taps * c, fill);
  float *w = check_floats (check, taps * c, fill), *init = check_floats (check, c, CHECK_PLAIN);
  float *got = check_floats (check, n_out, CHECK_PLAIN), *want = check_copy (check, got, n_out);
  SagDepthwiseF32Job job = {
    .m = m, .c = c, .taps = taps, .rows = rows, .ld_rows = ld_rows, .w = w,
    .init = go_on ? NULL : init, .out = got, .ld_out = (ptrdiff_t) ld_out,
    .lo = go_on ? -INFINITY : 0.0f, .hi = go_on ? INFINITY : 6.0f,
  };

  for (size_t t = 0; t < taps; t++)
    for (size_t i = 0; i < m; i++)
      rows[t * ld_rows + i] = in + (t * m + m - 1 - i) * c;
  CHECK_GUARDED (check, "depthwise_f32")
    check->k->depthwise_f32 (&job);
  job.out = want;
  check->ref->depthwise_f32 (&job);
  check_same (check, got, want, n_out, "depthwise_f32 m %zu c %zu taps %zu", m, c, taps);

  if (check->bench)
    {
      char name[64];

      snprintf (name, sizeof name, "depthwise_f32 %zu pixels %zu ch %zu taps", m, c, taps);
      check_bench (check, name, 2.0 * (double) (m * c * taps), 0, run_depthwise, &job);
    }
  check_release_all (check);
}

/* --- Winograd ---------------------------------------------------------------------------- */

typedef struct
{
  SagWinogradInJob  in;
  SagWinogradOutJob out;
} Tile;

static void
run_winograd (const SagKernels *k, void *data)
{
  Tile *tile = data;

  k->winograd_in (&tile->in);
  k->winograd_out (&tile->out);
}

static void
winograd_one (Check *check, size_t c, bool evil)
{
  CheckFill fill = evil ? CHECK_EVIL : CHECK_PLAIN;
  size_t ld = c + 3, n_v = 35 * ld + c, n_out = 15 * ld + c;
  float *in = check_floats (check, 36 * c, fill), *m = check_floats (check, n_v, fill);
  float *v = check_floats (check, n_v, CHECK_PLAIN), *want_v = check_copy (check, v, n_v);
  float *init = check_floats (check, c, CHECK_PLAIN);
  float *out = check_floats (check, n_out, CHECK_PLAIN), *want_out = check_copy (check, out, n_out);
  float *outs[16];
  Tile tile = { .in = { .c = c, .rows = rows, .v = v, .ld = (ptrdiff_t) ld },
                .out = { .c = c, .m = m, .ld = (ptrdiff_t) ld, .init = init, .rows = outs, .lo = 0,
                         .hi = evil ? INFINITY : 6 } };

  for (size_t i = 0; i < 36; i++)
    rows[i] = in + (35 - i) * c;
  for (size_t i = 0; i < 16; i++)
    outs[i] = check_random (check, 8) == 0 ? NULL : out + i * ld;
  CHECK_GUARDED (check, "winograd")
    run_winograd (check->k, &tile);
  tile.in.v = want_v;
  for (size_t i = 0; i < 16; i++)
    outs[i] = outs[i] == NULL ? NULL : want_out + i * ld;
  run_winograd (check->ref, &tile);
  check_same (check, v, want_v, n_v, "winograd_in c %zu%s", c, evil ? " evil" : "");
  check_same (check, out, want_out, n_out, "winograd_out c %zu%s", c, evil ? " evil" : "");
  CHECK_GUARDED (check, "winograd weights")
    check->k->weights.winograd (c, m, (ptrdiff_t) ld, v, (ptrdiff_t) ld);
  check->ref->weights.winograd (c, m, (ptrdiff_t) ld, want_v, (ptrdiff_t) ld);
  check_same (check, v, want_v, n_v, "winograd weights c %zu%s", c, evil ? " evil" : "");
  if (check->bench)
    check_bench (check, "winograd_in + out 64 ch", 0, 64 * 88 * 4, run_winograd, &tile);
  check_release_all (check);
}

/* One channel of a tile by the numbers and by its definition. */
static void
winograd_exact (Check *check)
{
  float *d = check_floats (check, 36, CHECK_PLAIN), *g = check_floats (check, 9, CHECK_PLAIN);
  float u[36], v[36], y[16], zero = 0, *outs[16];
  double worst = 0;

  for (size_t i = 0; i < 36; i++)
    rows[i] = d + i;
  for (size_t i = 0; i < 16; i++)
    outs[i] = y + i;
  check->k->winograd_in (&(SagWinogradInJob){ 1, rows, v, 1 });
  sag_winograd_weights (g, u);
  for (size_t i = 0; i < 36; i++)
    v[i] *= u[i];
  check->k->winograd_out (&(SagWinogradOutJob){ 1, v, 1, &zero, outs, -INFINITY, INFINITY });
  for (size_t i = 0; i < 16; i++)
    {
      double sum = 0;

      for (size_t t = 0; t < 9; t++)
        sum += (double) g[t] * (double) d[(i / 4 + t / 3) * 6 + i % 4 + t % 3];
      worst = fmax (worst, fabs (sum - (double) y[i]));
    }
  check_true (check, worst < 2e-5, "winograd is %g off a sum of products below 36", worst);
  check_release_all (check);
}

void
check_depthwise (Check *check)
{
  size_t l = check->k->lanes;
  size_t cs[] = { 1, l - 1, l, l + 1, 2 * l, 2 * l + 3, 40, 144 };

  if (check->bench)
    {
      depthwise_one (check, 32, 32, 9, false, false);
      depthwise_one (check, 32, 144, 9, false, false);
      depthwise_one (check, 32, 64, 27, false, false);
      winograd_one (check, 64, false);
      return;
    }
  for (size_t i = 0; i < sizeof cs / sizeof cs[0]; i++)
    for (size_t m = 1; m < 10; m += m < 5 ? 1 : 4)
      for (size_t taps = 0; taps <= 27; taps = taps == 0 ? 1 : taps == 1 ? 9 : taps * 3)
        for (int round = 0; round < 4 && cs[i] > 0; round++)
          depthwise_one (check, m, cs[i], taps, round & 1, round & 2);
  for (size_t i = 0; i < sizeof cs / sizeof cs[0]; i++)
    for (int round = 0; round < 6 && cs[i] > 0; round++)
      winograd_one (check, cs[i], round & 1);
  for (int round = 0; round < 20; round++)
    winograd_exact (check);
}
