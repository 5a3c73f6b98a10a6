/* SPDX-License-Identifier: Apache-2.0
 *
 * gemm.c: indirect matrix products, float32 and bfloat16 weights.
 */
#include "tests/kernels/check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_MR = 64, MAX_TAPS = 32 };

typedef struct
{
  int           geometry;
  size_t        m, n, taps, k;
  bool          bf16, go_on, evil;
  const float  *rows[MAX_TAPS * MAX_MR];
} Shape;

static void
check_one (Check *check, Shape *s)
{
  const SagGemmF32 *gemm = &check->k->gemm_f32[s->geometry];
  const SagGemmBf16 *half = &check->k->gemm_bf16[s->geometry];
  unsigned mr = s->bf16 ? half->mr : gemm->mr, nr = s->bf16 ? half->nr : gemm->nr;
  CheckFill fill = s->evil ? CHECK_EVIL : CHECK_PLAIN;
  ptrdiff_t ldc = (ptrdiff_t) s->n + 3;
  size_t n_c = (s->m - 1) * (size_t) ldc + s->n, n_a = s->taps * s->m * s->k;
  float *a = check_floats (check, n_a, fill);
  float *src = check_floats (check, s->taps * s->k * s->n, fill);
  float *init = check_floats (check, nr, CHECK_PLAIN);
  float *got = check_floats (check, n_c, CHECK_PLAIN), *want = check_copy (check, got, n_c);
  size_t size = sag_pack_size (nr, s->taps, s->k, s->n);
  float lo = s->go_on ? -INFINITY : -0.5f, hi = s->go_on ? INFINITY : 6.0f;
  ptrdiff_t st = (ptrdiff_t) (s->k * s->n), sp = (ptrdiff_t) s->n;

  /* Rows in reverse, so that the last entry is not the last in memory; spare entries repeat. */
  for (size_t t = 0; t < s->taps; t++)
    for (size_t i = 0; i < mr; i++)
      s->rows[t * mr + i] = a + (t * s->m + (i < s->m ? s->m - 1 - i : 0)) * s->k;

  if (s->bf16)
    {
      uint16_t *w = check_bytes (check, size * sizeof *w, 64);
      SagGemmBf16Job job = { s->m, s->n, s->taps, s->k, s->rows, w, s->go_on ? NULL : init,
                             got, ldc, lo, hi };

      sag_pack_bf16 (s->geometry, nr, s->taps, s->k, s->n, src, st, sp, 1, w);
      CHECK_GUARDED (check, "gemm_bf16")
        half->fn (&job);
      job.c = want;
      sag_ref_gemm_bf16 (s->geometry, mr, nr, &job);
    }
  else
    {
      float *w = check_bytes (check, size * sizeof *w, 64);
      SagGemmF32Job job = { s->m, s->n, s->taps, s->k, s->rows, w, s->go_on ? NULL : init,
                            got, ldc, lo, hi };

      sag_pack_f32 (nr, s->taps, s->k, s->n, src, st, sp, 1, w);
      CHECK_GUARDED (check, "gemm_f32")
        gemm->fn (&job);
      job.c = want;
      sag_ref_gemm_f32 (mr, nr, &job);
    }
  check_same (check, got, want, n_c, "gemm_%s geometry %d m %zu n %zu taps %zu k %zu%s%s",
              s->bf16 ? "bf16" : "f32", s->geometry, s->m, s->n, s->taps, s->k,
              s->go_on ? " going on" : "", s->evil ? " evil" : "");
  check_release_all (check);
}

typedef struct
{
  Shape        *shape;
  SagGemmF32Job job[2];  /* reference, then kernel */
  SagGemmBf16Job half[2];
} Bench;

static void
run_bench (const SagKernels *k, void *data)
{
  Bench *bench = data;
  int i = k->lanes > 1;

  if (bench->shape->bf16)
    k->gemm_bf16[bench->shape->geometry].fn (&bench->half[i]);
  else
    k->gemm_f32[bench->shape->geometry].fn (&bench->job[i]);
}

/* A full block of each, so that the ratio is one of arithmetic. */
static void
bench_one (Check *check, int geometry, bool bf16, size_t taps, size_t k)
{
  static Shape shapes[2];
  Bench bench = { .shape = &shapes[0] };
  double flops = 0;
  char name[64];

  for (int i = 0; i < 2; i++)
    {
      const SagKernels *table = i == 0 ? check->ref : check->k;
      unsigned mr = table->gemm_f32[geometry].mr, nr = table->gemm_f32[geometry].nr;
      Shape *s = &shapes[i];
      float *a = check_floats (check, taps * mr * k, CHECK_PLAIN);
      float *w = check_bytes (check, taps * k * nr * sizeof *w, 64);
      uint16_t *half = check_bytes (check, taps * k * nr * sizeof *half, 64);
      float *c = check_floats (check, (size_t) mr * nr, CHECK_PLAIN);
      float *src = check_floats (check, taps * k * nr, CHECK_PLAIN);

      sag_pack_f32 (nr, taps, k, nr, src, (ptrdiff_t) (k * nr), nr, 1, w);
      sag_pack_bf16 (geometry, nr, taps, k, nr, src, (ptrdiff_t) (k * nr), nr, 1, half);
      s->geometry = geometry;
      s->bf16 = bf16;
      for (size_t t = 0; t < taps * mr; t++)
        s->rows[t] = a + t * k;
      bench.job[i] = (SagGemmF32Job){ mr, nr, taps, k, s->rows, w, c, c, nr, -INFINITY, INFINITY };
      bench.half[i] = (SagGemmBf16Job){ mr, nr, taps, k, s->rows, half, c, c, nr,
                                        -INFINITY, INFINITY };
      flops = 2.0 * (double) (taps * k * mr * nr);
    }
  snprintf (name, sizeof name, "gemm_%s %s taps %zu k %zu", bf16 ? "bf16" : "f32",
            geometry == SAG_GEMM_WIDE ? "wide" : "narrow", taps, k);
  check_bench (check, name, flops, 0, run_bench, &bench);
  check_release_all (check);
}

void
check_gemm (Check *check)
{
  static const size_t ks[] = { 0, 1, 7, 16, 33 }, tapses[] = { 1, 3, 27 };
  static Shape s;

  if (check->bench)
    {
      for (int bf16 = 0; bf16 < 2; bf16++)
        for (int g = 0; g < SAG_N_GEMM; g++)
          {
            bench_one (check, g, bf16, 1, 256);
            bench_one (check, g, bf16, 27, 16);
          }
      return;
    }
  for (s.geometry = 0; s.geometry < SAG_N_GEMM; s.geometry++)
    for (int bf16 = 0; bf16 < 2; bf16++)
      for (size_t ti = 0; ti < sizeof tapses / sizeof tapses[0]; ti++)
        for (size_t ki = 0; ki < sizeof ks / sizeof ks[0]; ki++)
          for (int round = 0; round < 4; round++)
            {
              size_t mr = check->k->gemm_f32[s.geometry].mr, nr = check->k->gemm_f32[s.geometry].nr;
              size_t lanes = check->k->lanes;
              size_t ms[] = { 1, mr / 3, mr - 1, mr, mr / 2 + 1 };
              size_t ns[] = { 1, lanes - 1, lanes, lanes + 1, nr - 1, nr };

              s.bf16 = bf16;
              s.taps = tapses[ti];
              s.k = ks[ki];
              s.go_on = round & 1;
              s.evil = round >= 2;
              for (size_t i = 0; i < sizeof ms / sizeof ms[0]; i++)
                for (size_t j = 0; j < sizeof ns / sizeof ns[0]; j++)
                  if (ms[i] > 0 && ns[j] > 0 && ns[j] <= nr)
                    {
                      s.m = ms[i];
                      s.n = ns[j];
                      check_one (check, &s);
                    }
            }
}
