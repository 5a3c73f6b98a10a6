/* SPDX-License-Identifier: Apache-2.0
 *
 * bench-scroll.c: milliseconds a frame of the main loop, from the frame clock's first signal to its
 * last, while 2 000 slices of 512 x 512 scroll by in a window of 1440 x 900.
 *
 *   sh xvfb.sh bench-scroll [SLICES [SHOWN]] */
#include "engine/base/alloc.h"
#include "engine/base/parallel.h"
#include "tests/ui/fake.h"
#include "ui/slice-layout.h"

#include <stdlib.h>
#include <time.h>

typedef struct
{
  GArray *frames; /* of double, ms */
  gint64  begun;
  double  cpu; /* ms of the main thread, of all frames: what others on the machine do not change */
  double  cpu_begun;
} Probe;

static double
get_cpu_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static void
begin_frame (GdkFrameClock *clock,
             Probe         *probe)
{
  probe->cpu_begun = get_cpu_ms ();
  probe->begun = g_get_monotonic_time ();
}

static void
end_frame (GdkFrameClock *clock,
           Probe         *probe)
{
  double ms = (g_get_monotonic_time () - probe->begun) / 1000.0;

  if (probe->begun == 0)
    return;
  probe->cpu += get_cpu_ms () - probe->cpu_begun;
  g_array_append_val (probe->frames, ms);
}

static int n_slices = 2000, most = G_MAXINT;

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
scroll (SagSliceLayout *layout,
        const char     *mode,
        int             n)
{
  SagWorkspace *workspace = sag_slice_layout_get_workspace (layout);
  GdkFrameClock *clock = gtk_widget_get_frame_clock (GTK_WIDGET (layout));
  Probe probe = { .frames = g_array_new (FALSE, FALSE, sizeof (double)) };
  int late = 0;
  double sum = 0;

  g_object_set (layout, "mode", mode, NULL);
  sag_workspace_set_slice (workspace, SAG_VIEW_AXIAL, 0);
  fake_settle ();
  g_signal_connect (clock, "before-paint", G_CALLBACK (begin_frame), &probe);
  g_signal_connect (clock, "after-paint", G_CALLBACK (end_frame), &probe);
  for (int k = 0; k < MIN (n, most); k++)
    {
      guint seen = probe.frames->len;

      sag_workspace_set_slice (workspace, SAG_VIEW_AXIAL, n - 1 - k);
      while (probe.frames->len == seen)
        g_main_context_iteration (NULL, TRUE);
    }
  g_signal_handlers_disconnect_by_data (clock, &probe);
  g_array_sort (probe.frames, compare);
  for (guint f = 0; f < probe.frames->len; f++)
    {
      double ms = g_array_index (probe.frames, double, f);

      sum += ms;
      late += ms > 16;
    }
  g_print ("%-7s %u frames  cpu %.2f ms  mean %.2f ms  median %.2f  95 %% %.2f  99 %% %.2f  most %.2f  over 16 ms: %d\n",
           mode, probe.frames->len, probe.cpu / probe.frames->len, sum / probe.frames->len,
           g_array_index (probe.frames, double, probe.frames->len / 2),
           g_array_index (probe.frames, double, probe.frames->len * 95 / 100),
           g_array_index (probe.frames, double, probe.frames->len * 99 / 100),
           g_array_index (probe.frames, double, probe.frames->len - 1), late);
  g_array_unref (probe.frames);
}


static void
add_tests (void)
{
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (SagVolume) volume = make_volume (n_slices);
  SagSliceLayout *layout;
  GtkWindow *window;

  sag_parallel_own (SAG_TEAM_RENDER, 0);
  sag_workspace_set_volume (workspace, volume);
  layout = SAG_SLICE_LAYOUT (sag_slice_layout_new (workspace));
  window = fake_show (GTK_WIDGET (layout), 1440, 900);
  scroll (layout, "single", n_slices);
  scroll (layout, "mpr", n_slices);
  gtk_window_destroy (window);
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
  return fake_main_without_jobs (1, argv, add_tests);
}
