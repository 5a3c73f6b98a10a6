/* SPDX-License-Identifier: Apache-2.0
 *
 * check.h: what a family's check has at hand.
 *
 * A family is one function. It walks its kernels and shapes; for each it fills arrays, runs the
 * table under test and the reference on the same input, and compares every byte of the outputs, also
 * those that must not change. Arrays end at a page that nobody may touch. libc only: the program
 * also runs alone under an emulator.
 */
#pragma once

#include "engine/kernels/kernels.h"
#include "engine/kernels/reference.h"

#include <setjmp.h>
#include <stdbool.h>

typedef struct
{
  const SagKernels *k;   /* under test */
  const SagKernels *ref; /* the definition */
  bool              bench;
  unsigned          cases, failures;
  uint64_t          seed;
} Check;

typedef enum
{
  CHECK_PLAIN, /* -2 … 2 */
  CHECK_EVIL,  /* denormals, zeroes of both signs, huge, infinite, NaN among them */
  CHECK_RANGE, /* -90 … 90: where exp bends */
} CheckFill;

/* Families, one file each; the list is in main.c. */
void  check_gemm      (Check *check);
void  check_conv_row  (Check *check);
void  check_depthwise (Check *check);
void  check_int       (Check *check);
void  check_pointwise (Check *check);
void  check_reduce    (Check *check);
void  check_move      (Check *check);
void  check_scan      (Check *check);
void  check_slice     (Check *check);
void  check_math      (Check *check); /* the reference against libm */

/* `bytes` that end at the guard page (rounded up to a multiple of `align` first), valid until
 * check_release_all(), which every case calls at its end. */
void   *check_bytes       (Check *check, size_t bytes, size_t align);
float  *check_floats      (Check *check, size_t n, CheckFill fill);
float  *check_copy        (Check *check, const float *x, size_t n);
void    check_release_all (Check *check);

unsigned check_random     (Check *check, unsigned below);

/* Counts a case: got and want must have the same bits, except that any NaN equals any other.
 * `what` and the numbers after it name the case in messages. */
void    check_same        (Check *check, const float *got, const float *want, size_t n,
                           const char *what, ...) __attribute__ ((format (printf, 5, 6)));
void    check_same_bytes  (Check *check, const void *got, const void *want, size_t bytes,
                           const char *what, ...) __attribute__ ((format (printf, 5, 6)));
void    check_true        (Check *check, bool ok, const char *what, ...)
  __attribute__ ((format (printf, 3, 4)));

/* if (CHECK_GUARDED (check, "gemm_f32 wide")) kernel (...); a crash inside is reported under that
 * name and counted, and the program goes on behind the statement. */
extern sigjmp_buf check_jump;
bool    check_enter       (Check *check, const char *what);
void    check_leave       (Check *check);
#define CHECK_GUARDED(check, what) \
  for (bool once_ = sigsetjmp (check_jump, 1) == 0 && check_enter (check, what); once_; \
       once_ = false, check_leave (check))

/* Prints time, rate (flops > 0: GFLOP/s, else bytes as GB/s) and ratio to the reference. `run` does
 * the work once with the given table. */
void    check_bench       (Check *check, const char *name, double flops, double bytes,
                           void (*run) (const SagKernels *k, void *data), void *data);
