/* SPDX-License-Identifier: Apache-2.0
 *
 * bench-slice.c: milliseconds a picture, as the views draw them.
 *
 * SAG_CPU and --threads choose what is measured.
 */
#include "engine/base/parallel.h"
#include "engine/image/slice.h"
#include "engine/kernels/kernels.h"

#include <math.h>
#include <stdlib.h>

static SagVolume *
make_volume (void)
{
  SagGrid grid;
  SagVolume *volume;
  guint32 seed = 1;

  sag_grid_init (&grid, (const int[]){ 512, 512, 160 }, (const double[]){ 0.7, 0.7, 2.0 });
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, 1, 0, "HU", NULL);
  for (int k = 0; k < 160; k++)
    {
      gint16 *voxels = sag_volume_get_slice (volume, k);

      for (int n = 0; n < 512 * 512; n++)
        {
          seed = seed * 1664525 + 1013904223;
          voxels[n] = (gint16) ((n % 512 + n / 512 + k * 4) % 1400 - 1000 + (int) (seed >> 27));
        }
    }
  sag_volume_mark_ready (volume, 0, 160);
  return volume;
}

/* Two balls a slice, and a confidence that falls towards their borders. */
static SagSegmentation *
make_segmentation (const SagGrid *grid)
{
  static const SagLabel labels[] = { { .value = 1, .rgb = { 230, 159, 0 } },
                                     { .value = 2, .rgb = { 86, 180, 233 } } };
  g_autoptr (SagLabelmap) map = sag_labelmap_new (grid, NULL, labels, 2, NULL);
  g_autoptr (SagBlock) confidence =
      sag_block_new (sag_grid_get_n_voxels (grid), "the confidence", NULL);
  guint8 *out = sag_labelmap_get_voxels (map), *sure = sag_block_get_data (confidence);
  SagSegmentation *segmentation;

  for (int k = 0; k < grid->size[2]; k++)
    for (int j = 0; j < grid->size[1]; j++)
      for (int i = 0; i < grid->size[0]; i++, out++, sure++)
        {
          int left = (i - 160) * (i - 160) + (j - 256) * (j - 256) / 2;
          int right = (i - 352) * (i - 352) + (j - 256) * (j - 256) / 2;

          *out = left < 14400 ? 1 : right < 14400 ? 2 : 0;
          *sure = (guint8) (255 - MIN (left, right) % 200);
        }
  segmentation = sag_segmentation_new (&map, 1, confidence, NULL, NULL);
  sag_segmentation_mark_ready (segmentation, 0, grid->size[2]);
  return segmentation;
}

static void
measure (const char *name, SagVolume *volume, SagSegmentation *segmentation,
         const SagSliceSpec *spec, int width, int height)
{
  g_autofree guint8 *rgba = g_malloc (4 * (gsize) width * (gsize) height);
  gint64 best = G_MAXINT64, sum = 0;
  int runs = 20;

  for (int run = -2; run < runs; run++)
    {
      gint64 start = g_get_monotonic_time (), spent;

      sag_slice_render (volume, segmentation, NULL, spec, width, height, rgba);
      spent = g_get_monotonic_time () - start;
      best = run >= 0 ? MIN (best, spent) : best;
      sum += run >= 0 ? spent : 0;
    }
  g_print ("%-34s %4d x %-4d  min %7.2f ms  mean %7.2f ms  %6.0f frames/s\n", name, width, height,
           best / 1000.0, sum / 1000.0 / runs, 1e6 * runs / sum);
}

int
main (int argc, char **argv)
{
  int threads = argc > 1 ? atoi (argv[1]) : 1;
  g_autoptr (SagVolume) volume = make_volume ();
  g_autoptr (SagSegmentation) segmentation = make_segmentation (sag_volume_get_grid (volume));
  const double middle[3] = { 180, 180, 160 };
  SagSliceSpec spec;

  sag_parallel_own (SAG_TEAM_RENDER, threads);
  g_print ("kernels %s, %d threads\n", sag_kernels_get ()->name, sag_parallel_get_size ());
  sag_slice_spec_init (&spec);

  sag_plane_init_view (&spec.plane, SAG_VIEW_AXIAL, middle, 0.35);
  measure ("axial", volume, NULL, &spec, 1024, 1024);
  measure ("axial, fill and outline", volume, segmentation, &spec, 1024, 1024);
  spec.confidence_threshold = 0.5f;
  spec.overlay |= SAG_OVERLAY_CONFIDENCE;
  measure ("axial, confidence and threshold", volume, segmentation, &spec, 1024, 1024);
  spec.confidence_threshold = 0;
  spec.overlay = SAG_OVERLAY_FILL | SAG_OVERLAY_OUTLINE;
  sag_plane_init_view (&spec.plane, SAG_VIEW_CORONAL, middle, 0.35);
  measure ("coronal, fill and outline", volume, segmentation, &spec, 1024, 1024);
  sag_plane_init_view (&spec.plane, SAG_VIEW_SAGITTAL, middle, 0.35);
  measure ("sagittal, fill and outline", volume, segmentation, &spec, 1024, 1024);
  sag_plane_init_view (&spec.plane, SAG_VIEW_AXIAL, middle, 0.1);
  measure ("axial", volume, NULL, &spec, 3840, 2160);
  spec.interpolation = SAG_INTERPOLATION_CUBIC;
  measure ("axial, cubic", volume, NULL, &spec, 3840, 2160);
  spec.interpolation = SAG_INTERPOLATION_LINEAR;

  sag_plane_init_view (&spec.plane, SAG_VIEW_AXIAL, middle, 0.7);
  spec.slab_mm = 20;
  spec.slab_mode = SAG_SLAB_MIP;
  measure ("axial, 20 mm MIP", volume, NULL, &spec, 512, 512);
  spec.plane.right[0] = cos (0.3);
  spec.plane.right[2] = sin (0.3);
  measure ("oblique, 20 mm MIP", volume, NULL, &spec, 512, 512);
  spec.slab_mode = SAG_SLAB_MEAN;
  measure ("oblique, 20 mm mean", volume, NULL, &spec, 512, 512);
  spec.slab_mm = 0;
  spec.plane.mm_per_pixel = 0.35;
  measure ("oblique", volume, NULL, &spec, 1024, 1024);
  spec.interpolation = SAG_INTERPOLATION_CUBIC;
  measure ("oblique, cubic", volume, NULL, &spec, 1024, 1024);
  spec.interpolation = SAG_INTERPOLATION_LINEAR;
  measure ("oblique, fill and outline", volume, segmentation, &spec, 1024, 1024);
  return 0;
}
