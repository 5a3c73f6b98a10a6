/* SPDX-License-Identifier: Apache-2.0
 *
 * cpu.h: which vector instructions this machine has.
 */
#pragma once

/* Levels build on each other within one architecture: AVX512 implies AVX2. */
enum
{
  SAG_CPU_AVX2 = 1 << 0,        /* AVX2, FMA */
  SAG_CPU_AVX512 = 1 << 1,      /* F, BW, DQ, VL */
  SAG_CPU_AVX512_VNNI = 1 << 2, /* 8-bit dot products */
  SAG_CPU_NEON = 1 << 3,        /* AArch64 Advanced SIMD */
  SAG_CPU_AMX = 1 << 4,         /* tiles of 8-bit products (amx-tile, amx-int8) */
};

/* What the processor and the operating system offer together; tiles have to be asked for, for the whole
 * process, and are. */
unsigned sag_cpu_detect (void);

/* `detected`, less what `name` excludes: "c", "avx2", "avx512" (without VNNI), "avx512vnni", "amx",
 * "neon".
 * NULL or an unknown name changes nothing. */
unsigned sag_cpu_limit  (unsigned    detected,
                         const char *name);
