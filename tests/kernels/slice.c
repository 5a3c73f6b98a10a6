/* SPDX-License-Identifier: Apache-2.0
 *
 * slice.c: rows of pictures: samples, window, edges. Padded rows are compared up to their length.
 */
#include "tests/kernels/check.h"

#include <math.h>
#include <string.h>

static const size_t lengths[] = { 1, 3, 15, 16, 17, 63, 64, 65, 200 };

enum { N_LENGTHS = sizeof lengths / sizeof lengths[0] };

static size_t
padded (size_t n)
{
  return (n + SAG_SLICE_PAD - 1) / SAG_SLICE_PAD * SAG_SLICE_PAD;
}

static const size_t type_bytes[] = { 1, 2, 2, 4 };

/* A volume of random voxels whose last byte is the last one that may be read. */
static SagSampleGrid
make_grid (Check *check, SagSampleType type, const int size[3], int channels)
{
  size_t n = (size_t) size[0] * size[1] * size[2] * channels;
  uint8_t *voxels = check_bytes (check, n * type_bytes[type], type_bytes[type]);
  SagSampleGrid grid = { .voxels = voxels,
                         .stride = { channels, channels * size[0], channels * size[0] * size[1] } };

  memcpy (grid.size, size, sizeof grid.size);
  for (size_t i = 0; i < n; i++)
    if (type == SAG_SAMPLE_F32)
      ((float *) voxels)[i] = (float) check_random (check, 20000) / 7 - 1000;
    else
      for (size_t b = 0; b < type_bytes[type]; b++)
        voxels[i * type_bytes[type] + b] = (uint8_t) check_random (check, 256);
  return grid;
}

static float
random_float (Check *check, float below)
{
  return (float) check_random (check, 1 << 20) / (1 << 20) * below;
}

/* From somewhere near the volume in some direction; or along a row, exactly. */
static SagSampleLine
make_line (Check *check, const SagSampleGrid *grid, bool exact)
{
  SagSampleLine line = { .step = { 0.5f, 0, 0 } };

  for (int a = 0; a < 3; a++)
    {
      line.start[a] = exact ? (float) check_random (check, (unsigned) grid->size[a])
                            : random_float (check, (float) grid->size[a] + 4) - 2;
      if (!exact)
        line.step[a] = random_float (check, 0.4f) - 0.2f;
    }
  return line;
}

/* A case is a function of its own: what stands around a guarded call must not live in the loops. */
static void
check_sample (Check *check, SagSampleType type, const int size[3], SagFold fold, size_t n,
              int variant)
{
  static const char *const names[] = { "trilinear u8", "trilinear i16", "trilinear u16",
                                       "trilinear f32" };
  size_t pad = padded (n);
  SagSampleGrid grid = make_grid (check, type, size, variant == 3 ? 3 : 1);
  SagSampleLine line = make_line (check, &grid, variant == 1);
  uint8_t *ready = check_bytes (check, (size_t) grid.size[2], 1);
  float *want = check_floats (check, pad, CHECK_PLAIN), *got = check_copy (check, want, pad);
  float *want_count = check_floats (check, pad, CHECK_PLAIN),
        *got_count = check_copy (check, want_count, pad);

  for (int k = 0; k < grid.size[2]; k++)
    ready[k] = check_random (check, 2) != 0;
  grid.ready = variant >= 2 ? ready : NULL;
  check->ref->slice.trilinear (&grid, type, &line, n, fold, want, want_count);
  CHECK_GUARDED (check, names[type])
    check->k->slice.trilinear (&grid, type, &line, n, fold, got, got_count);
  check_same (check, got, want, n, "%s, %d voxels wide, fold %d, n %zu, variant %d", names[type],
              size[0], fold, n, variant);
  check_same (check, got_count, want_count, n,
              "%s count, %d voxels wide, fold %d, n %zu, variant %d", names[type], size[0], fold,
              n, variant);
  check_release_all (check);
}

static void
check_samples (Check *check)
{
  static const int sizes[][3] = {
    { 9, 7, 5 }, { 2, 2, 2 }, { 1, 6, 3 }, { 8, 1, 1 }, { 40, 30, 20 }
  };

  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
    for (int type = SAG_SAMPLE_U8; type <= SAG_SAMPLE_F32; type++)
      for (int fold = SAG_FOLD_STORE; fold <= SAG_FOLD_MIN; fold++)
        for (int l = 0; l < N_LENGTHS; l++)
          for (int variant = 0; variant < 4; variant++)
            check_sample (check, type, sizes[s], fold, lengths[l], variant);
}

static void
check_nearest (Check *check, const int size[3], size_t n, bool exact)
{
  SagSampleGrid grid = { .size = { size[0], size[1], size[2] },
                         .stride = { 1, size[0], size[0] * size[1] } };
  SagSampleLine line = make_line (check, &grid, exact);
  int32_t *out[4];

  for (int o = 0; o < 4; o++)
    out[o] = check_bytes (check, 4 * padded (n), 4);
  check->ref->slice.nearest (&grid, &line, n, out[0], out[1]);
  CHECK_GUARDED (check, "nearest")
    check->k->slice.nearest (&grid, &line, n, out[2], out[3]);
  check_same_bytes (check, out[2], out[0], 4 * n, "nearest element, %d voxels wide, n %zu",
                    size[0], n);
  check_same_bytes (check, out[3], out[1], 4 * n, "nearest slice, %d voxels wide, n %zu", size[0],
                    n);
  check_release_all (check);
}

static void
check_lerp (Check *check, size_t n, SagFold fold, CheckFill fill)
{
  size_t pad = padded (n);
  float *a = check_floats (check, pad, fill), *b = check_floats (check, pad, fill);
  float *want = check_floats (check, pad, fill), *got = check_copy (check, want, pad);

  check->ref->slice.lerp (n, a, b, 0.37f, fold, want);
  CHECK_GUARDED (check, "lerp")
    check->k->slice.lerp (n, a, b, 0.37f, fold, got);
  check_same (check, got, want, n, "lerp, n %zu, fold %d, fill %d", n, fold, fill);
  check_release_all (check);
}

static void
check_grey (Check *check, size_t n, const uint32_t *table, CheckFill fill)
{
  size_t pad = padded (n);
  float *values = check_floats (check, pad, fill), *count = check_floats (check, pad, CHECK_PLAIN);
  uint8_t *want = check_bytes (check, 4 * n, 4), *got = check_bytes (check, 4 * n, 4);

  check->ref->slice.grey (n, values, count, 0.25f, 60, table, want);
  CHECK_GUARDED (check, "grey")
    check->k->slice.grey (n, values, count, 0.25f, 60, table, got);
  check_same_bytes (check, got, want, 4 * n, "grey, n %zu, table %d, fill %d", n, table != NULL,
                    fill);
  check_release_all (check);
}

static void
check_edge (Check *check, size_t n, unsigned values)
{
  size_t bytes = 2 + padded (n) + 2;
  const uint8_t *rows[5];
  uint8_t *want = check_bytes (check, padded (n), 1), *got = check_bytes (check, padded (n), 1);

  for (int y = 0; y < 5; y++)
    {
      uint8_t *row = check_bytes (check, bytes, 1);

      /* Mostly one label, so that there are insides too. */
      for (size_t x = 0; x < bytes; x++)
        row[x] = check_random (check, 12) == 0 ? (uint8_t) check_random (check, values) : 200;
      rows[y] = row + 2;
    }
  check->ref->slice.edge (n, rows, want);
  CHECK_GUARDED (check, "edge")
    check->k->slice.edge (n, rows, got);
  check_same_bytes (check, got, want, n, "edge, n %zu, %u values", n, values);
  check_release_all (check);
}

static void
check_confident (Check *check, size_t n, uint8_t least)
{
  size_t pad = padded (n);
  uint8_t *labels = check_bytes (check, pad, 1), *confidence = check_bytes (check, pad, 1);
  uint8_t *want = check_bytes (check, pad, 1), *got = check_bytes (check, pad, 1);

  for (size_t x = 0; x < pad; x++)
    {
      labels[x] = (uint8_t) check_random (check, 256);
      confidence[x] = (uint8_t) check_random (check, 256);
    }
  check->ref->slice.confident (n, labels, confidence, least, want);
  CHECK_GUARDED (check, "confident")
    check->k->slice.confident (n, labels, confidence, least, got);
  check_same_bytes (check, got, want, n, "confident, n %zu, least %d", n, least);
  check_release_all (check);
}

static void
check_rows (Check *check, size_t n)
{
  static const int sizes[][3] = { { 9, 7, 5 }, { 1, 1, 1 }, { 500, 3, 200 } };
  static const uint8_t limits[] = { 0, 1, 128, 255 };
  uint32_t table[256];

  for (int g = 0; g < 256; g++)
    table[g] = (uint32_t) (g * 2654435761u) >> 8;
  for (int s = 0; s < 3; s++)
    for (int exact = 0; exact < 2; exact++)
      check_nearest (check, sizes[s], n, exact != 0);
  for (int fill = CHECK_PLAIN; fill <= CHECK_RANGE; fill++)
    {
      for (int fold = SAG_FOLD_STORE; fold <= SAG_FOLD_MIN; fold++)
        check_lerp (check, n, fold, fill);
      check_grey (check, n, NULL, fill);
      check_grey (check, n, table, fill);
    }
  for (unsigned values = 1; values < 5; values++)
    check_edge (check, n, values);
  for (int l = 0; l < 4; l++)
    check_confident (check, n, limits[l]);
}

/* --- bench ------------------------------------------------------------------------------- */

enum { BENCH_N = 1024 };

typedef struct
{
  SagSampleGrid  grid;
  SagSampleLine  line;
  float         *values, *count;
  uint8_t       *rgba;
  const uint8_t *rows[5];
  uint8_t       *edge;
} Bench;

static void
run_trilinear (const SagKernels *k, void *data)
{
  Bench *b = data;

  k->slice.trilinear (&b->grid, SAG_SAMPLE_I16, &b->line, BENCH_N, SAG_FOLD_MAX, b->values,
                      b->count);
}

static void
run_grey (const SagKernels *k, void *data)
{
  Bench *b = data;

  k->slice.grey (BENCH_N, b->values, b->count, 40, 0.6f, NULL, b->rgba);
}

static void
run_edge (const SagKernels *k, void *data)
{
  Bench *b = data;

  k->slice.edge (BENCH_N, b->rows, b->edge);
}

static void
bench_slice (Check *check)
{
  Bench b = { .grid = make_grid (check, SAG_SAMPLE_I16, (const int[]){ 128, 128, 64 }, 1),
              .line = { { 3, 3, 3 }, { 0.1f, 0.09f, 0.05f } } };

  b.values = check_floats (check, BENCH_N, CHECK_PLAIN);
  b.count = check_floats (check, BENCH_N, CHECK_PLAIN);
  b.rgba = check_bytes (check, 4 * BENCH_N, 4);
  b.edge = check_bytes (check, BENCH_N, 1);
  for (int y = 0; y < 5; y++)
    {
      uint8_t *row = check_bytes (check, BENCH_N + 4, 1);

      memset (row, 1, BENCH_N + 4);
      b.rows[y] = row + 2;
    }
  check_bench (check, "slice trilinear i16", 0, 16.0 * BENCH_N, run_trilinear, &b);
  check_bench (check, "slice grey", 0, 12.0 * BENCH_N, run_grey, &b);
  check_bench (check, "slice edge", 0, 6.0 * BENCH_N, run_edge, &b);
  check_release_all (check);
}

void
check_slice (Check *check)
{
  if (check->bench)
    {
      bench_slice (check);
      return;
    }
  check_samples (check);
  for (int l = 0; l < N_LENGTHS; l++)
    check_rows (check, lengths[l]);
}
