/* SPDX-License-Identifier: Apache-2.0
 *
 * cpu.c: CPU levels.
 */
#include "engine/kernels/cpu.h"

#include <stddef.h>
#include <string.h>

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
    { "neon", SAG_CPU_NEON },
  };

  for (size_t i = 0; name != NULL && i < sizeof levels / sizeof levels[0]; i++)
    if (strcmp (name, levels[i].name) == 0)
      return detected & levels[i].keep;
  return detected;
}
