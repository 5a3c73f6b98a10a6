/* SPDX-License-Identifier: Apache-2.0
 *
 * bench-scroll.c: milliseconds a frame of the main loop, from the frame clock's first signal to its
 * last, while 2 000 slices of 512 x 512 scroll by in the program's window of 1440 x 900, three times over: on the
 * clock; on it without the time that the thread was ready to run and another program was run; of the processor, its
 * own; on the clock, the least of the three times a slice was shown; and as the machine's share in this, a loop of as much arithmetic after each frame.
 *
 *   sh xvfb.sh bench-scroll [SLICES [SHOWN]]      2000 400 */
#include "engine/base/alloc.h"
#include "engine/base/parallel.h"
#include "tests/ui/fake.h"
#include "ui/window.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef struct
{
  GArray *frames[3]; /* of double, ms: on the clock, without waiting for a processor, of the processor */
  gint64  begun;
  double  cpu_begun, queued_begun;
} Probe;

static double
get_cpu_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/* How long this thread was ready to run and did not: the second number of its schedstat; 0 if the kernel does not say. */
static double
get_queued_ms (void)
{
  static int file = -1;
  char text[64] = "";
  double ran = 0, queued = 0;

  if (file < 0)
    file = open ("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  if (file < 0 || pread (file, text, sizeof text - 1, 0) <= 0 || sscanf (text, "%lf %lf", &ran, &queued) != 2)
    return 0;
  return queued / 1e6;
}

static void
begin_frame (GdkFrameClock *clock,
             Probe         *probe)
{
  probe->cpu_begun = get_cpu_ms ();
  probe->queued_begun = get_queued_ms ();
  probe->begun = g_get_monotonic_time ();
}

static void
end_frame (GdkFrameClock *clock,
           Probe         *probe)
{
  double ms = (g_get_monotonic_time () - probe->begun) / 1000.0;
  double own_ms = ms - (get_queued_ms () - probe->queued_begun);
  double cpu_ms = get_cpu_ms () - probe->cpu_begun;

  if (probe->begun == 0)
    return;
  g_array_append_val (probe->frames[0], ms);
  g_array_append_val (probe->frames[1], own_ms);
  g_array_append_val (probe->frames[2], cpu_ms);
}

enum { PASSES = 3 };

static int n_slices = 2000, most = 400;

static int
compare (gconstpointer a,
         gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static SagVolume *
make_volume (int n)
{
  SagVolume *volume;
  SagGrid grid;

  sag_grid_init (&grid, (const int[]){ 512, 512, n }, (const double[]){ 0.7, 0.7, 0.5 });
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, 1, -1024, "HU", NULL);
  sag_volume_set_origin_tags (volume, "CT", "1.2.3");
  for (int k = 0; k < n; k++)
    {
      gint16 *voxels = sag_volume_get_slice (volume, k);

      for (int v = 0; v < 512 * 512; v++)
        voxels[v] = (gint16) ((v * 7 + k * 13) % 1600 + 200);
    }
  sag_volume_mark_ready (volume, 0, n);
  return volume;
}

static void
report (const char *mode,
        const char *what,
        GArray     *frames)
{
  int late = 0;
  double sum = 0;

  g_array_sort (frames, compare);
  for (guint f = 0; f < frames->len; f++)
    {
      double ms = g_array_index (frames, double, f);

      sum += ms;
      late += ms > 16;
    }
  g_print ("%-7s %-10s %u frames  mean %.2f ms  median %.2f  95 %% %.2f  99 %% %.2f  most %.2f  over 16 ms: %d\n",
           mode, what, frames->len, sum / frames->len, g_array_index (frames, double, frames->len / 2),
           g_array_index (frames, double, frames->len * 95 / 100),
           g_array_index (frames, double, frames->len * 99 / 100),
           g_array_index (frames, double, frames->len - 1), late);
  g_array_unref (frames);
}

/* Some 3 ms. */
static void
work (void)
{
  volatile double x = 1;

  for (int i = 0; i < 900000; i++)
    x = x * 1.0000001 + 1e-9;
}

static void
show (SagWorkspace *workspace,
      int           slice,
      Probe        *probe)
{
  guint seen = probe->frames[0]->len;

  sag_workspace_set_slice (workspace, SAG_VIEW_AXIAL, slice);
  while (probe->frames[0]->len == seen)
    g_main_context_iteration (NULL, TRUE);
}

static GArray *
doubles_new (void)
{
  return g_array_new (FALSE, FALSE, sizeof (double));
}

static void
scroll (SagWindow  *window,
        const char *mode,
        int         n)
{
  SagWorkspace *workspace = sag_window_get_workspace (window);
  GdkFrameClock *clock = gtk_widget_get_frame_clock (GTK_WIDGET (window));
  Probe probe = { .frames = { doubles_new (), doubles_new (), doubles_new () } };
  GArray *least = doubles_new (), *machine = doubles_new ();

  g_object_set (sag_window_get_layout (window), "mode", mode, NULL);
  for (int pass = 0; pass < PASSES; pass++)
    {
      sag_workspace_set_slice (workspace, SAG_VIEW_AXIAL, 0);
      fake_settle ();
      g_signal_connect (clock, "before-paint", G_CALLBACK (begin_frame), &probe);
      g_signal_connect (clock, "after-paint", G_CALLBACK (end_frame), &probe);
      for (int k = 0; k < MIN (n, most); k++)
        {
          gint64 begun;
          double ms;

          show (workspace, n - 1 - k, &probe);
          begun = g_get_monotonic_time ();
          ms = g_array_index (probe.frames[0], double, probe.frames[0]->len - 1);
          if (pass == 0)
            g_array_append_val (least, ms);
          else
            g_array_index (least, double, k) = MIN (g_array_index (least, double, k), ms);
          work ();
          ms = (g_get_monotonic_time () - begun) / 1000.0;
          g_array_append_val (machine, ms);
        }
      g_signal_handlers_disconnect_by_data (clock, &probe);
    }
  report (mode, "clock", probe.frames[0]);
  report (mode, "unhindered", probe.frames[1]);
  report (mode, "processor", probe.frames[2]);
  report (mode, "least", least);
  report (mode, "machine", machine);
}

static void
add_tests (void)
{
  g_autoptr (SagVolume) volume = make_volume (n_slices);
  g_autoptr (GSettings) settings = fake_settings ();
  SagWindow *window = sag_window_new (NULL, settings);

  sag_parallel_own (SAG_TEAM_RENDER, 0);
  gtk_window_set_default_size (GTK_WINDOW (window), 1440, 900);
  gtk_window_present (GTK_WINDOW (window));
  sag_workspace_set_volume (sag_window_get_workspace (window), volume);
  fake_settle ();
  scroll (window, "single", n_slices);
  scroll (window, "mpr", n_slices);
  gtk_window_destroy (GTK_WINDOW (window));
}

int
main (int    argc,
      char **argv)
{
  sag_alloc_keep_pages ();
  if (argc > 1)
    n_slices = atoi (argv[1]);
  if (argc > 2)
    most = atoi (argv[2]);
  return fake_main (1, argv, add_tests);
}
