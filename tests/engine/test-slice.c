/* SPDX-License-Identifier: Apache-2.0
 *
 * test-slice.c: grey values of pictures: window, interpolation, slabs, readiness, and the same
 * bytes on every processor level and number of threads.
 */
#include "tests/engine/slice-scene.h"

#include "engine/base/parallel.h"

#include <stdlib.h>

enum { WIDTH = 83, HEIGHT = 71 };

static guint8 *
render (SagVolume *volume, const SagSliceSpec *spec)
{
  guint8 *rgba = g_malloc (4 * WIDTH * HEIGHT);

  memset (rgba, 0x55, 4 * WIDTH * HEIGHT);
  sag_slice_render (volume, NULL, NULL, spec, WIDTH, HEIGHT, rgba);
  return rgba;
}

static void
centre_of (SagVolume *volume, double lps[3])
{
  const SagGrid *grid = sag_volume_get_grid (volume);

  sag_grid_to_lps (
      grid, (const double[]){ grid->size[0] / 2, grid->size[1] / 2, grid->size[2] / 2 }, lps);
}

/* One row of every value from -3 to 1021 against the formula of the standard. */
static void
test_window (void)
{
  static const double windows[][2] = { { 500, 1000 }, { 500, 2 },     { 40, 1 },
                                       { 40.5, 1 },   { 127.5, 256 }, { 128, 256 },
                                       { 300, 401 },  { 0, 3 },       { 1e5, 10 } };
  SagGrid grid;
  g_autoptr (SagVolume) volume = NULL;
  SagSliceSpec spec;

  sag_grid_init (&grid, (const int[]){ 1024, 1, 1 }, (const double[]){ 1, 1, 1 });
  for (int turn = 0; turn < 2; turn++)
    {
      double slope = turn ? -1 : 1;

      g_clear_pointer (&volume, sag_volume_unref);
      volume = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, slope, -3 * slope, "", NULL);
      for (int n = 0; n < 1024; n++)
        ((gint16 *) sag_volume_get_slice (volume, 0))[n] = (gint16) n;
      sag_volume_mark_ready (volume, 0, 1);
      sag_slice_spec_init (&spec);
      spec.plane.centre[0] = 511.5;
      for (gsize w = 0; w < G_N_ELEMENTS (windows); w++)
        for (int invert = 0; invert < 2; invert++)
          {
            guint8 rgba[4 * 1024];

            spec.window = (SagWindowLevel){ windows[w][0] * slope, windows[w][1] };
            spec.invert = invert;
            sag_slice_render (volume, NULL, NULL, &spec, 1024, 1, rgba);
            for (int n = 0; n < 1024; n++)
              {
                double y = scene_window (slope * (n - 3), windows[w][0] * slope, windows[w][1]);

                g_assert_cmpfloat (fabs (rgba[4 * n] - (invert ? 255 - y : y)), <=, 0.5 + 1e-3);
                g_assert_cmpint (rgba[4 * n + 1], ==, rgba[4 * n]);
                g_assert_cmpint (rgba[4 * n + 2], ==, rgba[4 * n]);
                g_assert_cmpint (rgba[4 * n + 3], ==, 255);
              }
          }
    }
}

/* Floats use LINEAR_EXACT: 0 .. 5 shows 0 as black and 5 as white. */
static void
test_window_exact (void)
{
  SagGrid grid;
  g_autoptr (SagVolume) volume = NULL;
  SagSliceSpec spec;
  guint8 rgba[4 * 11];

  sag_grid_init (&grid, (const int[]){ 11, 1, 1 }, (const double[]){ 1, 1, 1 });
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_F32, 1, 0, "SUVbw", NULL);
  for (int n = 0; n < 11; n++)
    ((float *) sag_volume_get_slice (volume, 0))[n] = (float) n / 2;
  sag_volume_mark_ready (volume, 0, 1);
  sag_slice_spec_init (&spec);
  spec.plane.centre[0] = 5;
  spec.window = (SagWindowLevel){ 2.5, 5 };
  sag_slice_render (volume, NULL, NULL, &spec, 11, 1, rgba);
  for (int n = 0; n < 11; n++)
    g_assert_cmpfloat (fabs (rgba[4 * n] - 25.5 * n), <=, 0.5 + 1e-3);
}

/* Every pixel of a picture against the sampler. */
static void
check_picture (SagVolume *volume, const SagSliceSpec *spec)
{
  g_autofree guint8 *rgba = render (volume, spec);
  gboolean colour = sag_volume_get_voxel_type (volume) == SAG_VOXEL_RGB8;
  int shown = 0;

  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++)
      for (int channel = 0; channel < 3; channel++)
        {
          guint8 level = rgba[4 * (y * WIDTH + x) + channel];
          double lps[3], value;

          sag_plane_to_lps (&spec->plane, WIDTH, HEIGHT, x, y, lps);
          value = scene_sample (volume, lps, channel);
          if (isnan (value))
            g_assert_cmpint (level, ==, 0);
          else
            {
              double wanted =
                  colour ? value : scene_window (value, spec->window.center, spec->window.width);

              if (sag_volume_get_voxel_type (volume) == SAG_VOXEL_F32)
                wanted =
                    CLAMP ((value - spec->window.center) / spec->window.width + 0.5, 0, 1) * 255;
              g_assert_cmpfloat (fabs (level - wanted), <=, 0.5 + 0.05);
              shown++;
            }
        }
  g_assert_cmpint (shown, >, 3000);
}

static void
test_pixels (void)
{
  for (int type = SAG_VOXEL_U8; type <= SAG_VOXEL_RGB8; type++)
    for (int tipped = 0; tipped < 2; tipped++)
      for (int view = 0; view < SAG_N_VIEWS; view++)
        for (int oblique = 0; oblique < 2; oblique++)
          {
            g_autoptr (SagVolume) volume = scene_volume (type, tipped);
            SagSliceSpec spec;
            double lps[3];

            sag_slice_spec_init (&spec);
            spec.window = type == SAG_VOXEL_U16 ? (SagWindowLevel){ 60000, 120000 }
                                                : (SagWindowLevel){ 0, 3000 };
            centre_of (volume, lps);
            lps[0] += 0.31;
            lps[1] -= 0.22;
            lps[2] += 0.41;
            /* Along the grid it is the quick way, along the patient the general one where the grid
             * is tipped. */
            if (oblique)
              {
                sag_plane_init_view (&spec.plane, view, lps, 0.437);
                if (!tipped)
                  {
                    memcpy (spec.plane.right, (const double[]){ 0.8, 0.6, 0 }, sizeof lps);
                    memcpy (spec.plane.down, (const double[]){ -0.36, 0.48, 0.8 }, sizeof lps);
                  }
              }
            else
              sag_plane_init_grid_view (&spec.plane, sag_volume_get_grid (volume), view, lps, 0.437,
                                        NULL);
            check_picture (volume, &spec);
          }
}

/* Share of voxel n in a box of `width` voxels around p, cut at the volume's border. */
static double
get_share (int n, double p, double width, int size)
{
  double lower = MAX (p - width / 2, -0.5), upper = MIN (p + width / 2, size - 0.5);

  return MAX (0, MIN (upper, n + 0.5) - MAX (lower, n - 0.5)) / (upper - lower);
}

/* Pixels larger than voxels show the mean of what lies under them. */
static void
test_reduced (void)
{
  static const double zooms[] = { 1.2, 2.6, 4.9 };
  g_autoptr (SagVolume) volume = scene_volume (SAG_VOXEL_I16, FALSE);
  const SagGrid *grid = sag_volume_get_grid (volume);

  for (int view = 0; view < SAG_N_VIEWS; view++)
    for (gsize zoom = 0; zoom < G_N_ELEMENTS (zooms); zoom++)
      {
        static const int axes[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 2, 0 } };
        const int *axis = axes[view];
        double lps[3], width[2];
        SagSliceSpec spec;
        guint8 rgba[4 * 9 * 8];

        sag_slice_spec_init (&spec);
        spec.window = (SagWindowLevel){ 0, 3000 };
        sag_grid_to_lps (grid, (const double[]){ 11.3, 9.13, 5.2 }, lps);
        sag_plane_init_view (&spec.plane, view, lps, zooms[zoom]);
        sag_slice_render (volume, NULL, NULL, &spec, 9, 8, rgba);
        for (int a = 0; a < 2; a++)
          width[a] = MAX (1, zooms[zoom] / grid->spacing[axis[a]]);
        for (int y = 0; y < 8; y++)
          for (int x = 0; x < 9; x++)
            {
              double ijk[3], sum = 0;
              gboolean inside = TRUE;

              sag_plane_to_lps (&spec.plane, 9, 8, x, y, lps);
              sag_grid_to_ijk (grid, lps, ijk);
              for (int a = 0; a < 3; a++)
                inside = inside && ijk[a] >= -0.5 && ijk[a] < grid->size[a] - 0.5;
              for (int v = 0; v < grid->size[axis[1]] && inside; v++)
                for (int u = 0; u < grid->size[axis[0]]; u++)
                  {
                    int lower = (int) floor (ijk[axis[2]]), at[3];
                    double f = ijk[axis[2]] - lower;

                    for (int upper = 0; upper < 2; upper++)
                      {
                        at[axis[0]] = u;
                        at[axis[1]] = v;
                        at[axis[2]] = lower + upper;
                        sum += get_share (u, ijk[axis[0]], width[0], grid->size[axis[0]])
                               * get_share (v, ijk[axis[1]], width[1], grid->size[axis[1]])
                               * (upper ? f : 1 - f)
                               * sag_volume_get_value (volume, at[0], at[1], at[2]);
                      }
                  }
              g_assert_cmpfloat (
                  fabs (rgba[4 * (9 * y + x)] - (inside ? scene_window (sum, 0, 3000) : 0)), <=,
                  0.55);
            }
      }
}

/* Whole slices folded voxel by voxel. */
static void
test_slab (void)
{
  static const SagSlabMode modes[] = { SAG_SLAB_MIP, SAG_SLAB_MINIP, SAG_SLAB_MEAN };
  g_autoptr (SagVolume) volume = scene_volume (SAG_VOXEL_I16, TRUE);
  const SagGrid *grid = sag_volume_get_grid (volume);

  for (gsize m = 0; m < G_N_ELEMENTS (modes); m++)
    for (int nearest = 0; nearest < 2; nearest++)
      {
        SagSliceSpec spec;
        guint8 rgba[4 * 24 * 20];

        sag_slice_spec_init (&spec);
        spec.window = (SagWindowLevel){ 0, 3000 };
        spec.interpolation = nearest ? SAG_INTERPOLATION_NEAREST : SAG_INTERPOLATION_LINEAR;
        spec.slab_mode = modes[m];
        spec.slab_mm = 15;
        sag_grid_to_lps (grid, (const double[]){ 11.5, 9.5, 6 }, spec.plane.centre);
        sag_plane_init_grid_view (&spec.plane, grid, SAG_VIEW_AXIAL, spec.plane.centre, 1, NULL);
        spec.plane.mm_per_pixel = 1.5;
        sag_slice_render (volume, NULL, NULL, &spec, 24, 20, rgba);
        for (int x = 0; x < 24; x++)
          {
            /* Row 10 of the picture is 0.75 mm below the middle, at 10.25 of voxels, and 1.5 of
             * them high. */
            double fold = modes[m] == SAG_SLAB_MIP     ? -1e9
                          : modes[m] == SAG_SLAB_MINIP ? 1e9
                                                       : 0,
                   level;

            for (int k = 4; k <= 8; k++)
              {
                double a = sag_volume_get_value (volume, x, 10, k),
                       b = sag_volume_get_value (volume, x, 11, k);
                double v = nearest ? a : (a + 0.5 * b) / 1.5;

                fold = modes[m] == SAG_SLAB_MIP     ? MAX (fold, v)
                       : modes[m] == SAG_SLAB_MINIP ? MIN (fold, v)
                                                    : fold + v / 5;
              }
            level = scene_window (fold, 0, 3000);
            g_assert_cmpfloat (fabs (rgba[4 * (10 * 24 + x)] - level), <=, 0.55);
          }
      }
}

/* An oblique slab against samples taken one by one. */
static void
test_slab_oblique (void)
{
  g_autoptr (SagVolume) volume = scene_volume (SAG_VOXEL_U16, FALSE);

  for (int mode = SAG_SLAB_MIP; mode <= SAG_SLAB_MEAN; mode++)
    {
      SagSliceSpec spec;
      g_autofree guint8 *rgba = NULL;
      double normal[3], steepest = 0, step;
      int n;

      sag_slice_spec_init (&spec);
      spec.window = (SagWindowLevel){ 60000, 120000 };
      centre_of (volume, spec.plane.centre);
      memcpy (spec.plane.right, (const double[]){ 0.8, 0.6, 0 }, sizeof normal);
      memcpy (spec.plane.down, (const double[]){ -0.36, 0.48, 0.8 }, sizeof normal);
      spec.plane.mm_per_pixel = 0.5;
      spec.slab_mode = mode;
      spec.slab_mm = 7;
      rgba = render (volume, &spec);
      sag_plane_get_normal (&spec.plane, normal);
      for (int a = 0; a < 3; a++)
        steepest = MAX (steepest, fabs (normal[a]) / sag_volume_get_grid (volume)->spacing[a]);
      step = 1 / steepest;
      n = (int) floor (7 * steepest + 0.5);
      g_assert_cmpint (n, >, 2);
      for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
          {
            double fold = mode == SAG_SLAB_MIP ? -1e9 : mode == SAG_SLAB_MINIP ? 1e9 : 0;
            int count = 0;

            for (int m = 0; m < n; m++)
              {
                double lps[3], v;

                sag_plane_to_lps (&spec.plane, WIDTH, HEIGHT, x, y, lps);
                for (int a = 0; a < 3; a++)
                  lps[a] += (m - (n - 1) / 2.0) * step * normal[a];
                v = scene_sample (volume, lps, 0);
                if (isnan (v))
                  continue;
                count++;
                fold = mode == SAG_SLAB_MIP     ? MAX (fold, v)
                       : mode == SAG_SLAB_MINIP ? MIN (fold, v)
                                                : fold + v;
              }
            if (mode == SAG_SLAB_MEAN && count > 0)
              fold /= count;
            g_assert_cmpfloat (fabs (rgba[4 * (y * WIDTH + x)]
                                     - (count > 0 ? scene_window (fold, 60000, 120000) : 0)),
                               <=, 0.55);
          }
    }
}

/* Only ready slices are shown, whichever way the picture cuts them. */
static void
test_ready (void)
{
  g_autoptr (SagVolume) whole = scene_volume (SAG_VOXEL_I16, FALSE);
  const SagGrid *grid = sag_volume_get_grid (whole);
  g_autoptr (SagVolume) part
      = sag_volume_new (grid, SAG_VOXEL_I16, sag_volume_get_block (whole), 2, -300, "HU", NULL);

  sag_volume_mark_ready (part, 3, 7);
  for (int view = 0; view < SAG_N_VIEWS + 1; view++)
    for (int k = 2; k < 8; k++)
      {
        SagSliceSpec spec;
        g_autofree guint8 *all = NULL, *some = NULL;
        double lps[3];
        int differ = 0;

        sag_slice_spec_init (&spec);
        spec.window = (SagWindowLevel){ -300, 3000 };
        sag_grid_to_lps (grid, (const double[]){ 12, 10, k }, lps);
        sag_plane_init_view (&spec.plane, MIN (view, SAG_N_VIEWS - 1), lps, 0.5);
        if (view == SAG_N_VIEWS)
          memcpy (spec.plane.right, (const double[]){ 0.6, 0.8, 0 }, sizeof lps);
        all = render (whole, &spec);
        some = render (part, &spec);
        for (int y = 0; y < HEIGHT; y++)
          for (int x = 0; x < WIDTH; x++)
            {
              const guint8 *a = all + 4 * (y * WIDTH + x), *b = some + 4 * (y * WIDTH + x);
              double at[3];
              gboolean shown;

              sag_plane_to_lps (&spec.plane, WIDTH, HEIGHT, x, y, at);
              sag_grid_to_ijk (grid, at, at);
              if (fabs (at[2] - 3) < 1e-3 || fabs (at[2] - 6) < 1e-3)
                at[2] = floor (at[2] + 0.5);
              shown = at[2] >= 3 && at[2] <= 6;
              g_assert_cmpint (b[0], ==, shown ? a[0] : 0);
              differ += a[0] != b[0];
            }
        g_assert_cmpint (view != SAG_VIEW_AXIAL || k == 2 || k == 7, ==, differ > 0);
      }
}

static void
test_colour_table (void)
{
  g_autoptr (SagVolume) volume = scene_volume (SAG_VOXEL_I16, FALSE);
  guint8 table[768];
  SagSliceSpec spec;
  g_autofree guint8 *grey = NULL, *coloured = NULL;

  for (int n = 0; n < 256; n++)
    {
      table[3 * n] = (guint8) (n ^ 0x55);
      table[3 * n + 1] = (guint8) (255 - n);
      table[3 * n + 2] = (guint8) (n * 3);
    }
  sag_slice_spec_init (&spec);
  centre_of (volume, spec.plane.centre);
  spec.plane.mm_per_pixel = 0.3;
  grey = render (volume, &spec);
  spec.colour_table = table;
  coloured = render (volume, &spec);
  for (int n = WIDTH * HEIGHT / 2 - 5; n < WIDTH * HEIGHT / 2 + 5; n++)
    g_assert_cmpmem (coloured + 4 * n, 3, table + 3 * grey[4 * n], 3);
}

/* Pictures that cannot be: black, and no more. */
static void
test_impossible (void)
{
  g_autoptr (SagVolume) volume = scene_volume (SAG_VOXEL_I16, FALSE);
  SagSliceSpec good, spec;

  sag_slice_spec_init (&good);
  centre_of (volume, good.plane.centre);
  for (int n = 0; n < 5; n++)
    {
      g_autofree guint8 *rgba = NULL;

      spec = good;
      if (n == 0)
        spec.plane.mm_per_pixel = 0;
      else if (n == 1)
        spec.plane.mm_per_pixel = NAN;
      else if (n == 2)
        spec.plane.centre[1] = 1e300;
      else if (n == 3)
        spec.plane.right[0] = INFINITY;
      else
        spec.plane.centre[2] = -1e6;
      rgba = render (volume, &spec);
      for (int p = 0; p < WIDTH * HEIGHT; p++)
        g_assert_cmpmem (rgba + 4 * p, 4, "\0\0\0\xff", 4);
    }
}

/* Through the voxels, by Keys' weights between them, in the grid's planes and in others. */
static void
test_cubic (void)
{
  static const float line[8] = { 16, 48, 32, 64, 160, 128, 96, 80 };
  g_autoptr (SagVolume) volume = NULL;
  guint8 rgba[4 * 15];
  SagSliceSpec spec;
  SagGrid grid;

  sag_grid_init (&grid, (const int[]){ 8, 8, 8 }, (const double[]){ 1, 1, 1 });
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_F32, 1, 0, "", NULL);
  for (int axis = 0; axis < 2; axis++)
    {
      for (int n = 0; n < 512; n++)
        ((float *) sag_volume_get_slice (volume, 0))[n] = line[axis == 0 ? n % 8 : n / 8 % 8];
      sag_volume_mark_ready (volume, 0, 8);
      sag_slice_spec_init (&spec);
      spec.interpolation = SAG_INTERPOLATION_CUBIC;
      spec.window = (SagWindowLevel){ 127.5, 255 };
      sag_plane_init_view (&spec.plane, SAG_VIEW_AXIAL, (const double[]){ 3.5, 3.5, 3 }, 0.5);
      /* The last is turned a little: no longer along the grid, almost the same places. */
      for (int turned = 0; turned < 2; turned++)
        {
          if (turned)
            {
              spec.plane.right[0] = spec.plane.down[1] = cos (0.01);
              spec.plane.right[1] = sin (0.01);
              spec.plane.down[0] = -sin (0.01);
            }
          sag_slice_render (volume, NULL, NULL, &spec, axis == 0 ? 15 : 1, axis == 0 ? 1 : 15, rgba);
          for (int x = 0; x < 15; x++)
            {
              int i = x / 2, before = MAX (i - 1, 0), after = MIN (i + 2, 7);
              double value = x % 2 == 0 ? line[i]
                                        : (9 * (line[i] + line[i + 1]) - line[before] - line[after]) / 16.0;

              g_assert_cmpfloat (fabs (rgba[4 * x] - value), <=, turned ? 1.5 : 0.5 + 1e-3);
            }
        }
    }
}

/* --- the same bytes everywhere ----------------------------------------------------------- */

static void
print_digest (int threads)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  SagSliceSpec spec;

  sag_parallel_own (SAG_TEAM_RENDER, threads);
  sag_slice_spec_init (&spec);
  for (int type = SAG_VOXEL_U8; type <= SAG_VOXEL_RGB8; type++)
    for (int mode = SAG_SLAB_NONE; mode <= SAG_SLAB_MEAN; mode++)
      for (int oblique = 0; oblique < 3; oblique++)
        for (int way = 0; way < 3; way++)
          {
            static const SagInterpolation ways[] = { SAG_INTERPOLATION_LINEAR, SAG_INTERPOLATION_NEAREST,
                                                     SAG_INTERPOLATION_CUBIC };
            gboolean nearest = way == 1;
            static const SagLabel label = { .value = 1, .rgb = { 200, 100, 50 } };
            g_autoptr (SagVolume) volume = scene_volume (type, FALSE);
            g_autoptr (SagLabelmap) map =
                sag_labelmap_new (sag_volume_get_grid (volume), NULL, &label, 1, NULL);
            g_autoptr (SagBlock) confidence = sag_block_new (24 * 20 * 12, "a test", NULL);
            g_autoptr (SagSegmentation) segmentation =
                sag_segmentation_new (&map, 1, confidence, NULL, NULL);
            g_autofree guint8 *rgba = g_malloc (4 * 161 * 117);
            guint32 seed = 3;

            for (int n = 0; n < 24 * 20 * 12; n++)
              {
                sag_labelmap_get_voxels (map)[n] = (guint8) (n / 9 % 3 != 0);
                ((guint8 *) sag_block_get_data (confidence))[n] = (guint8) scene_random (&seed);
              }
            sag_segmentation_mark_ready (segmentation, 0, 11);
            spec.window = (SagWindowLevel){ 100, 1777 };
            spec.interpolation = ways[way];
            spec.slab_mode = mode;
            spec.slab_mm = 9.5;
            spec.overlay =
                SAG_OVERLAY_FILL | SAG_OVERLAY_OUTLINE | (nearest ? SAG_OVERLAY_CONFIDENCE : 0);
            spec.confidence_threshold = 0.3f;
            centre_of (volume, spec.plane.centre);
            sag_plane_init_view (&spec.plane, oblique, spec.plane.centre, 0.131);
            if (oblique == 1)
              memcpy (spec.plane.right, (const double[]){ 0.6, 0.8, 0 }, 3 * sizeof (double));
            sag_slice_render (volume, segmentation, NULL, &spec, 161, 117, rgba);
            g_checksum_update (sum, rgba, 4 * 161 * 117);
          }
  g_print ("%s", g_checksum_get_string (sum));
}

static const char *program;

static void
test_same_bytes (void)
{
  static const char *const levels[] = { "c", "avx2", "avx512", "neon" };
  g_autofree char *expected = NULL;

  for (gsize level = 0; level < G_N_ELEMENTS (levels); level++)
    for (int threads = 1; threads <= 4; threads *= 2)
      {
        g_autofree char *argument = g_strdup_printf ("%d", threads), *digest = NULL;
        const char *argv[] = { program, "--digest", argument, NULL };
        g_auto (GStrv) environment =
            g_environ_setenv (g_get_environ (), "SAG_CPU", levels[level], TRUE);
        g_autoptr (GError) error = NULL;
        int status;

        g_spawn_sync (NULL, (char **) argv, environment, G_SPAWN_DEFAULT, NULL, NULL, &digest, NULL,
                      &status, &error);
        g_assert_no_error (error);
        g_assert_true (g_spawn_check_wait_status (status, NULL));
        g_assert_cmpuint (strlen (digest), ==, 64);
        if (expected == NULL)
          expected = g_steal_pointer (&digest);
        else
          g_assert_cmpstr (digest, ==, expected);
      }
}

int
main (int argc, char **argv)
{
  if (argc == 3 && strcmp (argv[1], "--digest") == 0)
    {
      print_digest (atoi (argv[2]));
      return 0;
    }
  program = argv[0];
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/slice/window", test_window);
  g_test_add_func ("/slice/window-exact", test_window_exact);
  g_test_add_func ("/slice/pixels", test_pixels);
  g_test_add_func ("/slice/reduced", test_reduced);
  g_test_add_func ("/slice/slab", test_slab);
  g_test_add_func ("/slice/slab-oblique", test_slab_oblique);
  g_test_add_func ("/slice/ready", test_ready);
  g_test_add_func ("/slice/colour-table", test_colour_table);
  g_test_add_func ("/slice/impossible", test_impossible);
  g_test_add_func ("/slice/cubic", test_cubic);
  g_test_add_func ("/slice/same-bytes", test_same_bytes);
  return g_test_run ();
}
