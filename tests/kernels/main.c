/* SPDX-License-Identifier: Apache-2.0
 *
 * check-kernels: every kernel of every CPU level of this machine against its definition.
 *
 *   check-kernels [--cpu c|avx2|avx512|neon] [--bench] [FAMILY...]
 *
 * Prints TAP, one line a family and level. With --bench, times instead.
 */
#include "tests/kernels/check.h"

#include "engine/kernels/cpu.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const struct
{
  const char *name;
  void      (*run) (Check *check);
  bool        vnni; /* differs between AVX-512 with and without VNNI */
} families[] = {
  { "math", check_math },
  { "gemm", check_gemm },
  { "conv-row", check_conv_row },
  { "depthwise", check_depthwise },
  { "int", check_int, true },
  { "pointwise", check_pointwise },
  { "reduce", check_reduce },
  { "move", check_move },
  { "scan", check_scan },
  { "slice", check_slice },
};

static const char *const levels[] = { "c", "avx2", "avx512", "avx512vnni", "amx", "neon" };

/* --- memory that ends at a guard page ---------------------------------------------------- */

enum { MAX_BLOCKS = 128 };

static struct
{
  void  *map;
  size_t size;
} blocks[MAX_BLOCKS];
static int n_blocks;

void *
check_bytes (Check *check, size_t bytes, size_t align)
{
  size_t page = (size_t) sysconf (_SC_PAGESIZE);
  size_t size = (bytes + align - 1) / align * align;
  size_t whole = (size + page - 1) / page * page;
  char *map = mmap (NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (map == MAP_FAILED || n_blocks == MAX_BLOCKS || mprotect (map + whole, page, PROT_NONE) != 0)
    {
      printf ("Bail out! no memory for a check\n");
      exit (1);
    }
  blocks[n_blocks].map = map;
  blocks[n_blocks++].size = whole + page;
  return map + whole - size;
}

void
check_release_all (Check *check)
{
  while (n_blocks > 0)
    {
      n_blocks--;
      munmap (blocks[n_blocks].map, blocks[n_blocks].size);
    }
}

unsigned
check_random (Check *check, unsigned below)
{
  check->seed = check->seed * 6364136223846793005u + 1442695040888963407u;
  return (unsigned) (check->seed >> 33) % below;
}

float *
check_floats (Check *check, size_t n, CheckFill fill)
{
  static const float evil[] = { 0.0f, -0.0f, 1.0f, -1.0f, 1e-45f, -1e-42f, 1.17549421e-38f,
                                1.17549435e-38f, 3.4e38f, -3.4e38f, 1e20f, -1e-20f,
                                __builtin_inff (), -__builtin_inff (), __builtin_nanf (""), 0.5f };
  float *x = check_bytes (check, n * sizeof *x, sizeof *x);

  for (size_t i = 0; i < n; i++)
    {
      float u = (float) check_random (check, 1 << 24) / (float) (1 << 23) - 1.0f;

      x[i] = u * (fill == CHECK_RANGE ? 90.0f : 2.0f);
      if (fill == CHECK_EVIL && check_random (check, 4) == 0)
        x[i] = evil[check_random (check, sizeof evil / sizeof evil[0])];
    }
  return x;
}

float *
check_copy (Check *check, const float *x, size_t n)
{
  float *copy = check_bytes (check, n * sizeof *x, sizeof *x);

  if (n > 0)
    memcpy (copy, x, n * sizeof *x);
  return copy;
}

/* --- verdicts ---------------------------------------------------------------------------- */

static void
complain (Check *check, const char *what, va_list args)
{
  /* The first ones tell the story. */
  if (check->failures++ < 10)
    {
      printf ("# %s: ", check->k->name);
      vprintf (what, args);
      printf ("\n");
    }
}

static void
complain_more (Check *check, size_t i, double got, double want)
{
  if (check->failures <= 10)
    printf ("#   at %zu: %a, not %a\n", i, got, want);
}

void
check_same (Check *check, const float *got, const float *want, size_t n, const char *what, ...)
{
  check->cases++;
  for (size_t i = 0; i < n; i++)
    if (memcmp (&got[i], &want[i], sizeof *got) != 0 && !(got[i] != got[i] && want[i] != want[i]))
      {
        va_list args;

        va_start (args, what);
        complain (check, what, args);
        va_end (args);
        complain_more (check, i, (double) got[i], (double) want[i]);
        return;
      }
}

void
check_same_bytes (Check *check, const void *got, const void *want, size_t bytes, const char *what, ...)
{
  const unsigned char *g = got, *w = want;

  check->cases++;
  for (size_t i = 0; i < bytes; i++)
    if (g[i] != w[i])
      {
        va_list args;

        va_start (args, what);
        complain (check, what, args);
        va_end (args);
        complain_more (check, i, g[i], w[i]);
        return;
      }
}

void
check_true (Check *check, bool ok, const char *what, ...)
{
  check->cases++;
  if (!ok)
    {
      va_list args;

      va_start (args, what);
      complain (check, what, args);
      va_end (args);
    }
}

/* --- crashes ----------------------------------------------------------------------------- */

sigjmp_buf                  check_jump;
static const char *volatile inside;
static Check *volatile      inside_check;

static void
crashed (int number)
{
  if (inside == NULL)
    {
      signal (number, SIG_DFL);
      raise (number);
      return;
    }
  inside_check->failures++;
  inside_check->cases++;
  printf ("# %s: %s: %s\n", inside_check->k->name, inside, strsignal (number));
  inside = NULL;
  siglongjmp (check_jump, 1);
}

bool
check_enter (Check *check, const char *what)
{
  inside_check = check;
  inside = what;
  return true;
}

void
check_leave (Check *check)
{
  inside = NULL;
}

/* --- times ------------------------------------------------------------------------------- */

static double
now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* Seconds of one run: the best of several rounds of a few milliseconds. */
static double
best (const SagKernels *k, void (*run) (const SagKernels *k, void *data), void *data)
{
  double least = 1e9, start = now (), once;
  long n;

  run (k, data);
  once = now () - start;
  n = once > 3e-3 ? 1 : (long) (3e-3 / (once + 1e-9)) + 1;
  for (int round = 0; round < (once > 0.05 ? 2 : 7); round++)
    {
      start = now ();
      for (long i = 0; i < n; i++)
        run (k, data);
      once = (now () - start) / (double) n;
      least = once < least ? once : least;
    }
  return least;
}

void
check_bench (Check *check, const char *name, double flops, double bytes,
             void (*run) (const SagKernels *k, void *data), void *data)
{
  double time = best (check->k, run, data), c = best (check->ref, run, data);

  printf ("%-8s %-34s %12.0f ns %8.1f %s %6.1fx C\n", check->k->name, name, time * 1e9,
          (flops > 0 ? flops : bytes) / time * 1e-9, flops > 0 ? "GFLOP/s" : "GB/s   ", c / time);
  fflush (stdout);
}

/* --- */

static bool
wanted (const char *name, int argc, char **argv)
{
  bool any = false;

  for (int i = 1; i < argc; i++)
    {
      if (strcmp (argv[i], "--cpu") == 0)
        i++;
      else if (argv[i][0] != '-')
        {
          any = true;
          if (strcmp (argv[i], name) == 0)
            return true;
        }
    }
  return !any;
}

int
main (int argc, char **argv)
{
  static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };
  unsigned detected = sag_cpu_detect (), seen[sizeof levels / sizeof levels[0]], n_seen = 0;
  const char *only = NULL;
  bool bench = false;
  int n = 0, failed = 0;
  SagKernels ref;

  for (int i = 1; i < argc; i++)
    {
      if (strcmp (argv[i], "--bench") == 0)
        bench = true;
      else if (strcmp (argv[i], "--cpu") == 0 && i + 1 < argc)
        only = argv[++i];
    }
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
    signal (signals[i], crashed);
  sag_kernels_for (0, &ref);

  for (size_t l = 0; l < sizeof levels / sizeof levels[0]; l++)
    {
      unsigned flags = sag_cpu_limit (detected, levels[l]);
      bool     known = false;
      SagKernels k;

      /* A level this machine lacks limits to one that has been seen. */
      for (unsigned i = 0; i < n_seen; i++)
        known |= seen[i] == flags;
      if (known || (only != NULL && strcmp (only, levels[l]) != 0))
        continue;
      seen[n_seen++] = flags;
      sag_kernels_for (flags, &k);

      for (size_t f = 0; f < sizeof families / sizeof families[0]; f++)
        {
          Check check = { .k = &k, .ref = &ref, .bench = bench, .seed = 1 + f };

          if (!wanted (families[f].name, argc, argv)
              || ((flags & SAG_CPU_AVX512_VNNI) && !families[f].vnni && only == NULL))
            continue;
          families[f].run (&check);
          if (check.cases == 0)
            continue;
          n++;
          failed += check.failures > 0;
          if (!bench)
            printf ("%s %d - %s %s: %u cases\n", check.failures > 0 ? "not ok" : "ok", n,
                    levels[l], families[f].name, check.cases);
          fflush (stdout);
        }
    }
  if (!bench)
    printf ("1..%d\n", n);
  return failed > 0 || (n == 0 && !bench);
}
