/* SPDX-License-Identifier: Apache-2.0
 *
 * test-volume.c: voxels of every type, their values, and which slices are ready.
 */
#include "engine/base/error.h"
#include "engine/image/volume.h"

#include <math.h>
#include <string.h>

static SagVolume *
make_volume (SagVoxelType type, double slope, double intercept)
{
  g_autoptr (GError) error = NULL;
  SagGrid grid;
  SagVolume *volume;

  sag_grid_init (&grid, (const int[]){ 4, 3, 5 }, (const double[]){ 1, 1, 2 });
  volume = sag_volume_new_alloc (&grid, type, slope, intercept, "HU", &error);
  g_assert_no_error (error);
  return volume;
}

static void
test_values (void)
{
  const double stored[] = { 200, -1000, 60000, 0.25, 0 };

  for (int type = SAG_VOXEL_U8; type <= SAG_VOXEL_F32; type++)
    {
      g_autoptr (SagVolume) volume = make_volume (type, 2.5, -100);
      gpointer slice = sag_volume_get_slice (volume, 3);
      float values[12];

      if (type == SAG_VOXEL_U8)
        ((guint8 *) slice)[6] = 200;
      else if (type == SAG_VOXEL_I16)
        ((gint16 *) slice)[6] = -1000;
      else if (type == SAG_VOXEL_U16)
        ((guint16 *) slice)[6] = 60000;
      else
        ((float *) slice)[6] = 0.25f;
      g_assert_cmpfloat (sag_volume_get_value (volume, 2, 1, 3), ==, stored[type] * 2.5 - 100);
      g_assert_cmpfloat (sag_volume_get_value (volume, 2, 1, 2), ==, -100);
      sag_volume_get_values (volume, 3, values);
      g_assert_cmpfloat (values[6], ==, (float) (stored[type] * 2.5 - 100));
      g_assert_cmpfloat (values[5], ==, -100);
      g_assert_cmpint (sag_volume_get_voxel_type (volume), ==, type);
    }
}

static void
test_colour (void)
{
  g_autoptr (SagVolume) volume = make_volume (SAG_VOXEL_RGB8, 1, 0);
  guint8 *slice = sag_volume_get_slice (volume, 0);
  float values[12];

  memcpy (slice + 3, (const guint8[]){ 10, 200, 30 }, 3);
  sag_volume_get_values (volume, 0, values);
  g_assert_cmpfloat (values[1], ==, (float) (0.299 * 10 + 0.587 * 200 + 0.114 * 30));
  g_assert_cmpfloat (sag_volume_get_value (volume, 1, 0, 0), ==, 10);
}

static void
test_ready (void)
{
  g_autoptr (SagVolume) volume = make_volume (SAG_VOXEL_I16, 1, 0);

  g_assert_cmpint (sag_volume_get_n_ready (volume), ==, 0);
  sag_volume_mark_ready (volume, 1, 3);
  sag_volume_mark_ready (volume, 2, 3);
  sag_volume_mark_ready (volume, -5, 0);
  g_assert_cmpint (sag_volume_get_n_ready (volume), ==, 2);
  g_assert_false (sag_volume_is_ready (volume, 0));
  g_assert_true (sag_volume_is_ready (volume, 1));
  g_assert_true (sag_volume_is_ready (volume, 2));
  g_assert_false (sag_volume_is_ready (volume, 3));
  g_assert_false (sag_volume_is_ready (volume, -1));
  g_assert_false (sag_volume_is_ready (volume, 5));
  sag_volume_mark_ready (volume, 0, 100);
  g_assert_cmpint (sag_volume_get_n_ready (volume), ==, 5);
}

/* A writer publishes slices while a reader checks that what is ready is whole. */
static gpointer
publish (gpointer data)
{
  SagVolume *volume = data;

  for (int k = 0; k < 5; k++)
    {
      gint16 *slice = sag_volume_get_slice (volume, k);

      for (int n = 0; n < 12; n++)
        slice[n] = (gint16) (100 + k);
      sag_volume_mark_ready (volume, k, k + 1);
    }
  return NULL;
}

static void
test_published (void)
{
  for (int run = 0; run < 50; run++)
    {
      g_autoptr (SagVolume) volume = make_volume (SAG_VOXEL_I16, 1, 0);
      GThread *thread = g_thread_new ("publish", publish, volume);

      while (sag_volume_get_n_ready (volume) < 5)
        for (int k = 0; k < 5; k++)
          if (sag_volume_is_ready (volume, k))
            for (int n = 0; n < 12; n++)
              g_assert_cmpfloat (sag_volume_get_value (volume, n % 4, n / 4, k), ==, 100 + k);
      g_thread_join (thread);
    }
}

static void
test_refuses (void)
{
  g_autoptr (SagBlock) block = sag_block_new (119, "a test", NULL);
  SagGrid grid;

  sag_grid_init (&grid, (const int[]){ 4, 3, 5 }, (const double[]){ 1, 1, 2 });
  for (int n = 0; n < 4; n++)
    {
      g_autoptr (GError) error = NULL;
      SagVolume *volume;

      grid.spacing[0] = n == 1 ? -1 : 1;
      volume = sag_volume_new (&grid, n == 0 ? SAG_VOXEL_I16 : SAG_VOXEL_U8, block, n == 2 ? 0 : 1,
                               n == 3 ? NAN : 0, "HU", &error);
      g_assert_null (volume);
      g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID);
    }
}

static void
test_tags (void)
{
  g_autoptr (SagVolume) volume = make_volume (SAG_VOXEL_I16, 1, 0);

  g_assert_cmpstr (sag_volume_get_modality (volume), ==, "");
  g_assert_cmpstr (sag_volume_get_unit (volume), ==, "HU");
  sag_volume_set_origin_tags (volume, "CT", "1.2.3");
  g_assert_cmpstr (sag_volume_get_modality (volume), ==, "CT");
  g_assert_cmpstr (sag_volume_get_frame_of_reference (volume), ==, "1.2.3");
}

static void
test_window (void)
{
  SagGrid grid;
  g_autoptr (SagVolume) volume = NULL;
  SagWindowLevel window;

  sag_grid_init (&grid, (const int[]){ 100, 100, 2 }, (const double[]){ 1, 1, 1 });
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, 1, -1000, "HU", NULL);
  for (int n = 0; n < 10000; n++)
    {
      ((gint16 *) sag_volume_get_slice (volume, 0))[n] = (gint16) (n / 10);
      ((gint16 *) sag_volume_get_slice (volume, 1))[n] = 30000;
    }
  /* Only what is ready counts. */
  sag_volume_mark_ready (volume, 0, 1);
  sag_volume_guess_window (volume, &window);
  g_assert_cmpfloat_with_epsilon (window.center, -500, 20);
  g_assert_cmpfloat_with_epsilon (window.width, 980, 30);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/volume/values", test_values);
  g_test_add_func ("/volume/colour", test_colour);
  g_test_add_func ("/volume/ready", test_ready);
  g_test_add_func ("/volume/published", test_published);
  g_test_add_func ("/volume/refuses", test_refuses);
  g_test_add_func ("/volume/tags", test_tags);
  g_test_add_func ("/volume/window", test_window);
  return g_test_run ();
}
