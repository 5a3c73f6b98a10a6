/* SPDX-License-Identifier: Apache-2.0
 *
 * cpu.c: CPU levels.
 */
#include "engine/kernels/cpu.h"

#include <stddef.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <unistd.h>

/* asm/unistd_64.h; asm/prctl.h of kernels since 5.16: older ones do not know the request and refuse it. */
enum { ARCH_PRCTL = 158, REQUEST_COMPONENT = 0x1023, TILE_DATA = 18 };

/* Tiles are 8 KB of registers that a process has to ask for (Documentation/arch/x86/xstate.rst). */
static int
has_tiles (void)
{
  unsigned a, b, c, d = 0;

  return __get_cpuid_count (7, 0, &a, &b, &c, &d) && (d >> 24 & 3) == 3 /* AMX-TILE, AMX-INT8 */
         && syscall (ARCH_PRCTL, REQUEST_COMPONENT, TILE_DATA) == 0;
}
#endif

unsigned
sag_cpu_detect (void)
{
  unsigned flags = 0;

#if defined(__x86_64__)
  /* The builtin also asks the operating system (xgetbv) whether it saves the registers. */
  __builtin_cpu_init ();
  if (__builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma"))
    flags |= SAG_CPU_AVX2;
  if (flags && __builtin_cpu_supports ("avx512f") && __builtin_cpu_supports ("avx512bw")
      && __builtin_cpu_supports ("avx512dq") && __builtin_cpu_supports ("avx512vl"))
    flags |= SAG_CPU_AVX512;
  if ((flags & SAG_CPU_AVX512) && __builtin_cpu_supports ("avx512vnni"))
    flags |= SAG_CPU_AVX512_VNNI;
  if ((flags & SAG_CPU_AVX512_VNNI) && has_tiles ())
    flags |= SAG_CPU_AMX;
#elif defined(__aarch64__)
  flags |= SAG_CPU_NEON; /* part of the base architecture */
#endif
  return flags;
}

unsigned
sag_cpu_limit (unsigned detected, const char *name)
{
  static const struct
  {
    const char *name;
    unsigned    keep;
  } levels[] = {
    { "c", 0 },
    { "avx2", SAG_CPU_AVX2 },
    { "avx512", SAG_CPU_AVX2 | SAG_CPU_AVX512 },
    { "avx512vnni", SAG_CPU_AVX2 | SAG_CPU_AVX512 | SAG_CPU_AVX512_VNNI },
    { "amx", SAG_CPU_AVX2 | SAG_CPU_AVX512 | SAG_CPU_AVX512_VNNI | SAG_CPU_AMX },
    { "neon", SAG_CPU_NEON },
  };

  for (size_t i = 0; name != NULL && i < sizeof levels / sizeof levels[0]; i++)
    if (strcmp (name, levels[i].name) == 0)
      return detected & levels[i].keep;
  return detected;
}
