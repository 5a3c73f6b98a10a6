/* SPDX-License-Identifier: Apache-2.0
 *
 * bench-read.c: how long a folder takes to be listed, and a series to be seen; dcm2niix beside it.
 *
 *     bench-read [SLICES [SIZE [FILES]]]
 *
 * Makes a CT series of SLICES slices of SIZE x SIZE and a folder of FILES small ones. Figures are of
 * files that are in the page cache.
 */
#include "app/dicom/read.h"
#include "engine/base/parallel.h"
#include "tests/app/synthetic.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

typedef struct
{
  gint64 start;
  gint64 first; /* 0: none yet */
  GMutex lock;
} Watch;

static void
ready (SagVolume *volume, int k0, int k1, gpointer data)
{
  Watch *watch = data;

  g_mutex_lock (&watch->lock);
  if (watch->first == 0)
    watch->first = g_get_monotonic_time ();
  g_mutex_unlock (&watch->lock);
}

static double
ms (gint64 from)
{
  return (double) (g_get_monotonic_time () - from) / 1000;
}

static void
make_series (const char *folder, int size, int n)
{
  const int sizes[3] = { size, size, n };
  const double spacing[3] = { 0.7, 0.7, 1 };
  SagGrid grid;

  sag_grid_init (&grid, sizes, spacing);
  test_write_series (folder, &grid, folder);
}

static double
megabytes (void)
{
  g_autofree char *text = NULL;
  const char *line;

  g_file_get_contents ("/proc/self/status", &text, NULL, NULL);
  line = text != NULL ? strstr (text, "VmHWM:") : NULL;
  return line != NULL ? atof (line + 6) / 1024 : 0;
}

static void
bench_index (const char *folder, const char *what)
{
  gint64 start = g_get_monotonic_time ();
  g_autoptr (SagIndex) index = sag_index_folder (folder, NULL, NULL);
  double time = ms (start);

  g_print ("index, %-24s %6d files %9.1f ms %9.0f files/s\n", what, index->n_files, time,
           index->n_files / time * 1000);
}

static void
bench_read (const char *folder, int n_threads)
{
  gint64 click = g_get_monotonic_time ();
  g_autoptr (SagIndex) index = sag_index_folder (folder, NULL, NULL);
  const SagIndexSeries *series
      = g_ptr_array_index (((SagIndexStudy *) g_ptr_array_index (index->studies, 0))->series, 0);
  const SagStack *stack = g_ptr_array_index (series->stacks, 0);
  double listed = ms (click), before = megabytes (), after;
  Watch watch = { .start = g_get_monotonic_time () };
  g_autoptr (SagVolume) volume = sag_read_begin (stack, NULL);
  const SagGrid *grid = sag_volume_get_grid (volume);
  double size = (double) grid->size[0] * grid->size[1] * grid->size[2] * 2 / (1 << 20);

  if (!sag_read_fill (volume, stack, grid->size[2] / 2, ready, &watch, NULL, NULL, NULL))
    g_error ("the series could not be read");
  after = megabytes ();
  g_print ("read, %d threads: %d slices, headers %.1f ms, first image %.1f ms after the click, all %.1f ms; "
           "%.0f MB decoded, resident %.0f MB more (%.2f x)\n",
           n_threads, grid->size[2], listed, (double) (watch.first - watch.start) / 1000, ms (watch.start),
           size, after - before, (after - before) / size);
}

static void
bench_peer (const char *folder, const char *to)
{
  const char *const argv[] = { "dcm2niix", "-b", "n", "-z", "n", "-o", to, folder, NULL };
  gint64 start = g_get_monotonic_time ();

  if (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL
                    | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL, NULL, NULL, NULL))
    g_print ("dcm2niix, the same series to NIfTI: %.1f ms\n", ms (start));
  else
    g_print ("dcm2niix is not installed\n");
}

int
main (int argc, char **argv)
{
  int n_slices = argc > 1 ? atoi (argv[1]) : 500, size = argc > 2 ? atoi (argv[2]) : 512;
  int n_files = argc > 3 ? atoi (argv[3]) : 5000;
  g_autofree char *folder = test_folder ();
  g_autofree char *series = g_build_filename (folder, "series", NULL);
  g_autofree char *small = g_build_filename (folder, "small", NULL);
  g_autofree char *cache = g_build_filename (folder, "cache", NULL);

  g_setenv ("XDG_CACHE_HOME", cache, TRUE);
  make_series (series, size, n_slices);
  make_series (small, 16, n_files);
  g_setenv ("SAG_NO_CACHE", "1", TRUE);
  for (int threads = 1; threads <= 2; threads++)
    {
      g_autofree char *what = g_strdup_printf ("%d threads", threads);

      sag_parallel_own (SAG_TEAM_COMPUTE, threads);
      bench_index (small, what);
      bench_read (series, threads);
    }
  bench_peer (series, folder);
  g_unsetenv ("SAG_NO_CACHE");
  bench_index (small, "to be known");
  bench_index (small, "known");
  test_remove (folder);
  return 0;
}
