/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels.c: the table, filled with C and overwritten upwards.
 */
#include "engine/kernels/kernels.h"

#include "engine/kernels/cpu.h"
#include "engine/kernels/reference-slice.h"
#include "engine/kernels/reference.h"
#include "engine/kernels/texts.h"

#include <pthread.h>
#include <stdlib.h>

#define FILL(k, isa, n)             \
  do                                \
    {                               \
      (k)->name = #isa;             \
      (k)->lanes = (n);             \
      sag_gemm_fill_##isa (k);      \
      sag_conv_row_fill_##isa (k);  \
      sag_depthwise_fill_##isa (k); \
      sag_winograd_fill_##isa (k);  \
      sag_int_fill_##isa (k);       \
      sag_weights_fill_##isa (k);   \
      sag_bytes_fill_##isa (k);     \
      sag_square_fill_##isa (k);    \
      sag_pointwise_fill_##isa (k); \
      sag_reduce_fill_##isa (k);    \
      sag_move_fill_##isa (k);      \
      sag_resample_fill_##isa (k);  \
      sag_scan_fill_##isa (k);      \
      sag_slice_fill_##isa (k);     \
    }                               \
  while (0)

void
sag_kernels_for (unsigned flags, SagKernels *kernels)
{
  sag_ref_fill (kernels);
  sag_ref_slice_fill (&kernels->slice);
#if defined(__x86_64__)
  if (flags & SAG_CPU_AVX2)
    FILL (kernels, avx2, 8);
  if (flags & SAG_CPU_AVX512)
    FILL (kernels, avx512, 16);
  if (flags & SAG_CPU_AVX512_VNNI)
    {
      kernels->name = "avx512vnni";
      sag_int_fill_avx512vnni (kernels);
      sag_bytes_fill_avx512vnni (kernels);
      sag_square_fill_avx512vnni (kernels);
    }
  if (flags & SAG_CPU_AMX)
    {
      kernels->name = "amx";
      sag_int_fill_amx (kernels);
    }
#elif defined(__aarch64__)
  if (flags & SAG_CPU_NEON)
    FILL (kernels, neon, 4);
#endif
}

static SagKernels     chosen;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
choose (void)
{
  sag_kernels_for (sag_cpu_limit (sag_cpu_detect (), getenv ("SAG_CPU")), &chosen);
}

const SagKernels *
sag_kernels_get (void)
{
  pthread_once (&once, choose);
  return &chosen;
}
