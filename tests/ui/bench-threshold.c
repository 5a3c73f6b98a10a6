/* SPDX-License-Identifier: Apache-2.0
 *
 * bench-threshold.c: milliseconds from a step of the confidence slider until the contour on screen has moved, in a
 * window of 1440 x 900 over 512 x 512 x 500 voxels.
 *
 *   sh xvfb.sh bench-threshold */
#include "engine/base/parallel.h"
#include "tests/ui/fake.h"
#include "ui/slice-layout.h"

#include <stdlib.h>
#include <time.h>

#define N 512
#define SLICES 500
#define STEPS 100

static SagVolume *
make_volume (void)
{
  SagVolume *volume;
  SagGrid grid;

  sag_grid_init (&grid, (const int[]) { N, N, SLICES }, (const double[]) { 0.7, 0.7, 0.7 });
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, 1, -1024, "HU", NULL);
  sag_volume_set_origin_tags (volume, "CT", "1.2.3");
  for (int k = 0; k < SLICES; k++)
    {
      gint16 *voxels = sag_volume_get_slice (volume, k);

      for (int v = 0; v < N * N; v++)
        voxels[v] = (gint16) ((v * 7 + k * 13) % 1600 + 200);
    }
  sag_volume_mark_ready (volume, 0, SLICES);
  return volume;
}

/* Two balls whose confidence falls from the middle outward: the contour moves with every step. */
static SagSegmentation *
make_segmentation (const SagGrid *grid)
{
  static const SagLabel labels[] = { { .value = 1, .name = "A", .rgb = { 230, 159, 0 } },
                                     { .value = 2, .name = "B", .rgb = { 86, 180, 233 } } };
  g_autoptr (SagLabelmap) map = sag_labelmap_new (grid, NULL, labels, 2, NULL);
  g_autoptr (SagBlock) block = sag_block_new (sag_grid_get_n_voxels (grid), "the confidence", NULL);
  guint8 *out = sag_labelmap_get_voxels (map), *sure = sag_block_get_data (block);
  SagSegmentation *segmentation;

  for (int k = 0; k < SLICES; k++)
    for (int j = 0; j < N; j++)
      for (int i = 0; i < N; i++, out++, sure++)
        {
          int x = i < N / 2 ? i - 140 : i - 372;
          int d = x * x + (j - 256) * (j - 256) + (k - 250) * (k - 250) / 4;

          *out = d > 110 * 110 ? 0 : i < N / 2 ? 1 : 2;
          *sure = (guint8) (255 - MIN (d / 48, 254));
        }
  segmentation = sag_segmentation_new (&map, 1, block, NULL, NULL);
  sag_segmentation_mark_ready (segmentation, 0, SLICES);
  return segmentation;
}

static double
get_cpu_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static void
drawn (GdkFrameClock *clock,
       int           *frames)
{
  (*frames)++;
}

static int
compare (gconstpointer a,
         gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static void
slide (SagSliceLayout *layout,
       const char     *mode)
{
  SagWorkspace *workspace = sag_slice_layout_get_workspace (layout);
  GdkFrameClock *clock = gtk_widget_get_frame_clock (GTK_WIDGET (layout));
  double ms[STEPS], sum = 0, cpu = get_cpu_ms ();
  int frames = 0, late = 0;
  gulong id;

  g_object_set (layout, "mode", mode, NULL);
  fake_settle ();
  id = g_signal_connect (clock, "after-paint", G_CALLBACK (drawn), &frames);
  for (int s = 0; s < STEPS; s++)
    {
      int seen = frames;
      gint64 from = g_get_monotonic_time ();

      sag_workspace_set_confidence_threshold (workspace, (s + 1.0) / STEPS);
      while (frames == seen)
        g_main_context_iteration (NULL, TRUE);
      ms[s] = (g_get_monotonic_time () - from) / 1000.0;
      sum += ms[s];
      late += ms[s] > 50;
    }
  cpu = get_cpu_ms () - cpu;
  g_signal_handler_disconnect (clock, id);
  qsort (ms, STEPS, sizeof *ms, compare);
  g_print ("%-7s cpu %.2f ms  mean %.2f ms  median %.2f  95 %% %.2f  most %.2f  over 50 ms: %d of %d\n",
           mode, cpu / STEPS, sum / STEPS, ms[STEPS / 2], ms[STEPS * 95 / 100], ms[STEPS - 1], late,
           STEPS);
}

static void
add_tests (void)
{
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (SagVolume) volume = make_volume ();
  g_autoptr (SagSegmentation) segmentation = make_segmentation (sag_volume_get_grid (volume));
  SagSliceLayout *layout;
  GtkWindow *window;

  sag_parallel_own (SAG_TEAM_RENDER, 0);
  sag_workspace_set_volume (workspace, volume);
  sag_workspace_set_segmentation (workspace, segmentation);
  layout = SAG_SLICE_LAYOUT (sag_slice_layout_new (workspace));
  window = fake_show (GTK_WIDGET (layout), 1440, 900);
  slide (layout, "single");
  slide (layout, "mpr");
  sag_workspace_set_overlay (workspace, sag_workspace_get_overlay (workspace) | SAG_OVERLAY_CONFIDENCE);
  slide (layout, "mpr");
  gtk_window_destroy (window);
}

int
main (int    argc,
      char **argv)
{
  return fake_main_without_jobs (1, argv, add_tests);
}
