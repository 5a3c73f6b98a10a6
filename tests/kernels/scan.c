/* SPDX-License-Identifier: Apache-2.0
 *
 * scan.c: the selective scan: outputs and the states that remain.
 */
#include "tests/kernels/check.h"

typedef struct
{
  SagScanF32Job job;
  size_t        n_y, n_h;
} Case;

static Case
make_case (Check *check, size_t l, size_t c, size_t n, CheckFill fill, size_t gap)
{
  Case made = { .job = { .l = l, .c = c, .n = n } };
  SagScanF32Job *job = &made.job;
  size_t wide = c + gap, rows = n + gap;

  job->ld_u = job->ld_dt = job->ld_y = (ptrdiff_t) wide;
  job->ld_b = job->ld_c = (ptrdiff_t) rows;
  job->u = check_floats (check, (l - 1) * wide + c, fill);
  job->dt = check_floats (check, (l - 1) * wide + c, CHECK_PLAIN);
  job->b_rows = check_floats (check, (l - 1) * rows + n, fill);
  job->c_rows = check_floats (check, (l - 1) * rows + n, CHECK_PLAIN);
  job->a = check_floats (check, n * c, fill);
  job->d = check_floats (check, c, CHECK_PLAIN);
  made.n_y = (l - 1) * wide + c;
  made.n_h = n * c;
  job->y = check_floats (check, made.n_y, CHECK_PLAIN);
  job->h = check_floats (check, made.n_h, fill);
  return made;
}

/* Apart, because what stands around a guarded call must not live in a loop. */
static void
check_one (Check *check, size_t l, size_t c, size_t n, CheckFill fill, size_t gap, bool skip)
{
  Case got = make_case (check, l, c, n, fill, gap), want = got;

  if (!skip)
    got.job.d = want.job.d = NULL;
  want.job.y = check_copy (check, got.job.y, got.n_y);
  want.job.h = check_copy (check, got.job.h, got.n_h);
  CHECK_GUARDED (check, "scan_f32")
    check->k->scan_f32 (&got.job);
  check->ref->scan_f32 (&want.job);
  check_same (check, got.job.y, want.job.y, got.n_y, "scan_f32 y %zu x %zu x %zu fill %d", l, c, n,
              (int) fill);
  check_same (check, got.job.h, want.job.h, got.n_h, "scan_f32 h %zu x %zu x %zu fill %d", l, c, n,
              (int) fill);
  check_release_all (check);
}

static void
run (const SagKernels *k, void *data)
{
  const Case *one = data;

  k->scan_f32 (&one->job);
}

void
check_scan (Check *check)
{
  size_t lanes = check->k->lanes;
  size_t channels[] = { 1, 3, lanes - 1, lanes, lanes + 1, 2 * lanes, 37 };
  static const size_t lengths[] = { 1, 2, 19 }, states[] = { 1, 3, 16 };

  if (check->bench)
    {
      Case one = make_case (check, 1024, 16, 16, CHECK_PLAIN, 48);

      check_bench (check, "scan 1024 x 16 x 16", 6.0 * 1024 * 16 * 16, 0, run, &one);
      check_release_all (check);
      return;
    }
  for (size_t i = 0; i < sizeof channels / sizeof channels[0]; i++)
    for (size_t j = 0; j < 9 && channels[i] > 0; j++)
      for (int fill = CHECK_PLAIN; fill <= CHECK_RANGE; fill++)
        check_one (check, lengths[j / 3], channels[i], states[j % 3], (CheckFill) fill, i % 2 * 5,
                   j % 2 == 0);
}
