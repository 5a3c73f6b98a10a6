/* SPDX-License-Identifier: Apache-2.0
 *
 * test-lanes.c: a network a thread gives what one network gives, stops when it is told to, and takes no
 * more memory than was said.
 */
#include "engine/base/error.h"
#include "engine/base/parallel.h"
#include "engine/segment/lanes.h"
#include "engine/segment/segment.h"

#define SLICES 24
#define TEAM 3

static SagVolume *
make_volume (void)
{
  const int size[3] = { 40, 36, SLICES };
  const double spacing[3] = { 1, 1, 1 };
  g_autoptr (GError) error = NULL;
  SagVolume *volume;
  SagGrid grid;
  gint16 *voxel;

  sag_grid_init (&grid, size, spacing);
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, 1, 0, "HU", &error);
  g_assert_no_error (error);
  for (int k = 0; k < SLICES; k++)
    {
      voxel = sag_volume_get_slice (volume, k);
      for (int v = 0; v < size[0] * size[1]; v++)
        voxel[v] = (gint16) ((v * 37 + k * 101) % 401 - 200);
    }
  sag_volume_mark_ready (volume, 0, SLICES);
  return volume;
}

static SagSegment *
open_net (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "engine", "nets", "sign2d.onnx", NULL);
  g_autoptr (SagRecipe) recipe = sag_recipe_new ();
  g_autoptr (GError) error = NULL;
  SagSegment *segment;

  recipe->n_labels = 1;
  recipe->labels = g_new0 (SagLabel, 1);
  recipe->labels[0].value = 1;
  g_strlcpy (recipe->labels[0].name, "Above", sizeof recipe->labels[0].name);
  recipe->patch[0] = recipe->patch[1] = 16;
  recipe->patch[2] = 1;
  recipe->std = 100;
  segment = sag_segment_new (recipe, path, SAG_PRECISION_F32, &error);
  g_assert_no_error (error);
  return segment;
}

static SagSegmentNeeds
needs_of (SagSegment *segment, SagVolume *volume)
{
  g_autoptr (GError) error = NULL;
  SagSegmentNeeds needs;

  sag_segment_bytes (segment, sag_volume_get_grid (volume), &needs, &error);
  g_assert_no_error (error);
  return needs;
}

static SagSegmentation *
run (SagSegment *segment, SagVolume *volume, gsize max_bytes, const SagTick *tick,
     SagSegmentReport *report, GError **error)
{
  const SagSegmentOptions options = { .max_bytes = max_bytes };

  return sag_segment_run (segment, volume, &options, tick, report, error);
}

static void
assert_same (SagSegmentation *a, SagSegmentation *b)
{
  gsize n = sag_grid_get_n_voxels (sag_segmentation_get_grid (a));

  g_assert_cmpmem (sag_labelmap_get_voxels (sag_segmentation_get_layer (a, 0)), n,
                   sag_labelmap_get_voxels (sag_segmentation_get_layer (b, 0)), n);
  g_assert_cmpmem (sag_block_get_data (sag_segmentation_get_confidence (a)), n,
                   sag_block_get_data (sag_segmentation_get_confidence (b)), n);
}

/* A large network, and few windows, are left to one lane. */
static void
test_choice (void)
{
  SagNetwork small = { .session_bytes = 1 << 20, .buffer_bytes = 1 << 18 };
  SagNetwork large = { .session_bytes = (gsize) 200 << 20, .buffer_bytes = 1 << 20 };

  g_assert_cmpint (sag_lanes_choose (&small, 100, 8), ==, 8);
  g_assert_cmpint (sag_lanes_choose (&small, 3, 8), ==, 1);
  g_assert_cmpint (sag_lanes_choose (&small, 1, 1), ==, 1);
  g_assert_cmpint (sag_lanes_choose (&large, 100, 8), ==, 1);
  g_assert_cmpint (sag_lanes_get_batch (1), ==, 1);
  g_assert_cmpuint (sag_lanes_get_bytes (&small, 1), ==, small.session_bytes + small.buffer_bytes);
}

/* One network, and a network for each of three threads: the same bytes, and the memory that was said. */
static void
test_same (void)
{
  g_autoptr (SagVolume) volume = make_volume ();
  g_autoptr (SagSegment) alone = open_net (), lanes = open_net ();
  g_autoptr (SagSegmentation) a = NULL, b = NULL, c = NULL;
  g_autoptr (GError) error = NULL;
  SagSegmentNeeds one = needs_of (alone, volume), many;
  SagSegmentReport report;

  a = run (alone, volume, 0, NULL, NULL, &error);
  g_assert_no_error (error);
  sag_parallel_own (SAG_TEAM_COMPUTE, TEAM);
  many = needs_of (lanes, volume);
  g_assert_cmpuint (many.network_bytes, >=, TEAM * one.network_bytes);
  b = run (lanes, volume, many.total_bytes, NULL, &report, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (report.peak_bytes, <=, many.total_bytes);
  g_assert_cmpuint (report.peak_bytes, >, many.network_bytes);
  assert_same (a, b);
  /* where there is no memory for all of them, one does it */
  c = run (lanes, volume, many.total_bytes - 1, NULL, &report, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (report.peak_bytes, <, many.total_bytes - one.network_bytes);
  assert_same (a, c);
  sag_parallel_own (SAG_TEAM_COMPUTE, 1);
}

typedef struct
{
  GThread *thread;
  int      asked, stop;
} Watch;

static gboolean
on_tick (double fraction, gpointer data)
{
  Watch *watch = data;

  g_assert_true (g_thread_self () == watch->thread);
  return watch->asked++ != watch->stop;
}

/* Only the thread that called is asked; it stops there and then, and the next run is whole. */
static void
test_cancel (void)
{
  g_autoptr (SagVolume) volume = make_volume ();
  g_autoptr (SagSegment) segment = open_net ();
  g_autoptr (SagSegmentation) before = NULL, after = NULL;
  g_autoptr (GError) error = NULL;
  gboolean through = FALSE;

  sag_parallel_own (SAG_TEAM_COMPUTE, TEAM);
  before = run (segment, volume, 0, NULL, NULL, &error);
  g_assert_no_error (error);
  for (int stop = 0; !through; stop += 5)
    {
      Watch watch = { g_thread_self (), 0, stop };
      const SagTick tick = { on_tick, &watch };
      g_autoptr (GError) told = NULL;
      g_autoptr (SagSegmentation) result = run (segment, volume, 0, &tick, NULL, &told);

      through = result != NULL;
      if (through)
        g_assert_cmpint (watch.asked, <=, stop);
      else
        g_assert_error (told, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_CANCELLED);
      g_assert_cmpint (watch.asked, <=, stop + 1);
    }
  after = run (segment, volume, 0, NULL, NULL, &error);
  g_assert_no_error (error);
  assert_same (before, after);
  sag_parallel_own (SAG_TEAM_COMPUTE, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/lanes/choice", test_choice);
  g_test_add_func ("/lanes/same", test_same);
  g_test_add_func ("/lanes/cancel", test_cancel);
  return g_test_run ();
}
