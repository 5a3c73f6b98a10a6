/* SPDX-License-Identifier: Apache-2.0
 *
 * test-pictures.c: PNG files, and the commands render and compare on small NIfTI files.
 */
#include "app/files/nifti.h"
#include "app/files/png.h"
#include "engine/base/error.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <png.h>
#include <string.h>

static char *program, *folder;

/* The pixels of a PNG as RGBA, by libpng. */
static guint8 *
read_png (const char *path, int *width, int *height)
{
  png_image image = { .version = PNG_IMAGE_VERSION };
  guint8 *pixels;

  g_assert_true (png_image_begin_read_from_file (&image, path));
  image.format = PNG_FORMAT_RGBA;
  pixels = g_malloc (PNG_IMAGE_SIZE (image));
  g_assert_true (png_image_finish_read (&image, NULL, pixels, 0, NULL));
  *width = (int) image.width;
  *height = (int) image.height;
  return pixels;
}

static char *
path_of (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static void
test_png (void)
{
  g_autofree char *path = path_of ("a.png"), *nowhere = path_of ("none/a.png");
  g_autoptr (GError) error = NULL;
  guint8 pixels[4 * 7 * 5];

  for (gsize n = 0; n < sizeof pixels; n++)
    pixels[n] = (guint8) (n * 11);
  for (int channels = 3; channels <= 4; channels++)
    {
      int width, height;
      g_autofree guint8 *back = NULL;

      g_assert_true (sag_png_write (path, pixels, 7, 5, channels, &error));
      g_assert_no_error (error);
      back = read_png (path, &width, &height);
      g_assert_cmpint (width, ==, 7);
      g_assert_cmpint (height, ==, 5);
      for (int n = 0; n < 35; n++)
        {
          g_assert_cmpmem (back + 4 * n, 3, pixels + channels * n, 3);
          g_assert_cmpint (back[4 * n + 3], ==, channels == 4 ? pixels[4 * n + 3] : 255);
        }
    }
  g_assert_false (sag_png_write (nowhere, pixels, 7, 5, 4, &error));
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO);
}

/* --- the commands ------------------------------------------------------------------------ */

/* Runs sagitta-cli in the test's folder; `arguments` is split at spaces. Returns the exit status.
 */
static int
run (const char *arguments, char **out, char **err)
{
  g_auto (GStrv) words = g_strsplit (arguments, " ", -1);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) argv = NULL;
  g_autoptr (GError) error = NULL;
  int status;

  g_strv_builder_add (builder, program);
  g_strv_builder_addv (builder, (const char **) words);
  argv = g_strv_builder_end (builder);
  g_spawn_sync (folder, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, out, err, &status, &error);
  g_assert_no_error (error);
  g_assert_true (WIFEXITED (status));
  return WEXITSTATUS (status);
}

static void
make_grid (SagGrid *grid)
{
  sag_grid_init (grid, (const int[]){ 40, 30, 20 }, (const double[]){ 1, 1, 2 });
  memcpy (grid->origin, (const double[]){ -20, -15, 50 }, sizeof grid->origin);
}

/* A volume whose value is 10 i + k, and labels: 1 in i < 10 (shifted by `shift`), 2 in one voxel.
 */
static void
write_volume (const char *name)
{
  g_autofree char *path = path_of (name);
  g_autoptr (GError) error = NULL;
  g_autoptr (SagVolume) volume = NULL;
  SagGrid grid;

  make_grid (&grid);
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, 1, 0, "", NULL);
  for (int k = 0; k < 20; k++)
    for (int n = 0; n < 40 * 30; n++)
      ((gint16 *) sag_volume_get_slice (volume, k))[n] = (gint16) (10 * (n % 40) + k);
  sag_volume_mark_ready (volume, 0, 20);
  sag_nifti_write (path, volume, NULL, &error);
  g_assert_no_error (error);
}

static void
write_labels (const char *name, int shift, double origin)
{
  static const SagLabel labels[] = { { .value = 1, .name = "One", .rgb = { 255, 0, 0 } },
                                     { .value = 2, .name = "Two" } };
  g_autofree char *path = path_of (name);
  g_autoptr (GError) error = NULL;
  g_autoptr (SagLabelmap) map = NULL;
  g_autoptr (SagSegmentation) segmentation = NULL;
  SagGrid grid;

  make_grid (&grid);
  grid.origin[2] += origin;
  map = sag_labelmap_new (&grid, NULL, labels, 2, NULL);
  for (int n = 0; n < 40 * 30 * 20; n++)
    sag_labelmap_get_voxels (map)[n] = n % 40 >= shift && n % 40 < 10 + shift;
  sag_labelmap_get_voxels (map)[40 * 30 * 7 + 20] = shift == 0 ? 2 : 0;
  segmentation = sag_segmentation_new (&map, 1, NULL, NULL, NULL);
  sag_segmentation_mark_ready (segmentation, 0, 20);
  sag_nifti_write_segmentation (path, segmentation, TRUE, &error);
  g_assert_no_error (error);
}

static void
test_render (void)
{
  g_autofree char *path = path_of ("out.png");
  int width, height;

  write_volume ("volume.nii.gz");
  write_labels ("labels.nii.gz", 0, 0);
  g_assert_cmpint (
      run ("render volume.nii.gz --slice 5 --window 200,256 --size 40x30 --no-text -o out.png",
           NULL, NULL),
      ==, 0);
  {
    g_autofree guint8 *rgba = read_png (path, &width, &height);

    g_assert_cmpint (width, ==, 40);
    g_assert_cmpint (height, ==, 30);
    /* Width 256: one value a level, from 200 - 128. */
    for (int x = 0; x < 40; x++)
      g_assert_cmpint (rgba[4 * (15 * 40 + x)], ==, CLAMP (10 * x + 5 - 72, 0, 255));
  }
  g_assert_cmpint (
      run ("render volume.nii.gz --overlay labels.nii.gz --outline --slice 5 --size 40x30 --no-text"
           " --window 5000,10 -o out.png",
           NULL, NULL),
      ==, 0);
  {
    g_autofree guint8 *rgba = read_png (path, &width, &height);

    /* Label 1 ends at voxel 9; its outline is voxels 8 and 9, and nothing at the picture's edge. */
    for (int x = 0; x < 40; x++)
      g_assert_cmpint (
          rgba[4 * (15 * 40 + x)] + rgba[4 * (15 * 40 + x) + 1] + rgba[4 * (15 * 40 + x) + 2] > 0,
          ==, x == 8 || x == 9);
  }
  /* With words: light pixels where there were none. */
  g_assert_cmpint (
      run ("render volume.nii.gz --plane coronal --window 5000,10 --size 400x300 -o out.png", NULL,
           NULL),
      ==, 0);
  {
    g_autofree guint8 *rgba = read_png (path, &width, &height);
    int light = 0;

    for (int n = 0; n < 400 * 300; n++)
      {
        light += rgba[4 * n] > 150;
        g_assert_cmpint (rgba[4 * n + 3], ==, 255);
      }
    g_assert_cmpint (light, >, 300);
  }
}

static void
test_render_refuses (void)
{
  static const struct
  {
    const char *arguments, *says;
    int         status;
  } cases[] = {
    { "render volume.nii.gz", "--help", 2 },
    { "render volume.nii.gz --plane oblique -o bad.png", "axial, coronal or sagittal", 1 },
    { "render volume.nii.gz --slice 20 -o bad.png", "0 to 19", 1 },
    { "render volume.nii.gz --window 40 -o bad.png", "CENTER,WIDTH", 1 },
    { "render volume.nii.gz --window 40,0 -o bad.png", "CENTER,WIDTH", 1 },
    { "render volume.nii.gz --size 9x9 -o bad.png", "--size", 1 },
    { "render volume.nii.gz --size 999999x10 -o bad.png", "--size", 1 },
    { "render none.nii.gz -o bad.png", "none.nii.gz", 1 },
    { "render volume.nii.gz --overlay none.nii.gz -o bad.png", "none.nii.gz", 1 },
    { "render volume.nii.gz --reference labels.nii.gz -o bad.png", "--overlay", 1 },
    { "render volume.nii.gz -o none/bad.png", "none/bad.png", 1 },
  };
  g_autofree char *bad = path_of ("bad.png");

  for (gsize n = 0; n < G_N_ELEMENTS (cases); n++)
    {
      g_autofree char *err = NULL;

      g_assert_cmpint (run (cases[n].arguments, NULL, &err), ==, cases[n].status);
      g_assert_nonnull (strstr (err, cases[n].says));
      g_assert_cmpint (strlen (err), <, 400);
      g_assert_false (g_file_test (bad, G_FILE_TEST_EXISTS));
    }
}

/* The object of label n of `compare --json`. */
static JsonObject *
get_label (JsonParser *parser, guint n)
{
  JsonArray *labels =
      json_object_get_array_member (json_node_get_object (json_parser_get_root (parser)), "labels");

  g_assert_cmpuint (json_array_get_length (labels), >, n);
  return json_array_get_object_element (labels, n);
}

static JsonParser *
compare (const char *arguments)
{
  g_autofree char *out = NULL;
  JsonParser *parser = json_parser_new ();
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (run (arguments, &out, NULL), ==, 0);
  json_parser_load_from_data (parser, out, -1, &error);
  g_assert_no_error (error);
  return parser;
}

static void
test_compare (void)
{
  write_labels ("a.nii.gz", 0, 0);
  write_labels ("b.nii.gz", 2, 0);
  {
    g_autoptr (JsonParser) parser = compare ("compare a.nii.gz b.nii.gz --json");
    JsonObject *one = get_label (parser, 0), *two = get_label (parser, 1);

    g_assert_cmpint (json_object_get_int_member (one, "value"), ==, 1);
    g_assert_cmpfloat_with_epsilon (json_object_get_double_member (one, "dice"), 0.8, 1e-12);
    g_assert_cmpfloat_with_epsilon (json_object_get_double_member (one, "hd95_mm"), 2, 1e-6);
    g_assert_cmpfloat_with_epsilon (json_object_get_double_member (one, "ml_a"),
                                    10 * 30 * 20 * 2 / 1000.0, 1e-9);
    g_assert_cmpint (json_object_get_int_member (two, "value"), ==, 2);
    g_assert_cmpfloat (json_object_get_double_member (two, "dice"), ==, 0);
    g_assert_true (json_object_get_null_member (two, "hd95_mm"));
    g_assert_cmpfloat_with_epsilon (
        json_object_get_double_member (json_node_get_object (json_parser_get_root (parser)),
                                       "mean_dice"),
        0.4, 1e-12);
  }
  {
    g_autoptr (JsonParser) parser = compare ("compare a.nii.gz b.nii.gz --json --labels 1,9");

    g_assert_cmpfloat_with_epsilon (
        json_object_get_double_member (json_node_get_object (json_parser_get_root (parser)),
                                       "mean_dice"),
        0.8, 1e-12);
  }
}

static void
test_compare_grids (void)
{
  g_autofree char *err = NULL;

  write_labels ("a.nii.gz", 0, 0);
  /* Whole slices away the voxels coincide: what one does not cover is background. */
  write_labels ("far.nii.gz", 0, 4);
  {
    g_autoptr (JsonParser) parser = compare ("compare a.nii.gz far.nii.gz --json --labels 1");

    g_assert_cmpfloat_with_epsilon (json_object_get_double_member (get_label (parser, 0), "dice"),
                                    0.9, 1e-12);
    g_assert_cmpfloat_with_epsilon (json_object_get_double_member (get_label (parser, 0), "ml_b"),
                                    12, 1e-9);
  }
  write_labels ("off.nii.gz", 0, 0.8);
  g_assert_cmpint (run ("compare a.nii.gz off.nii.gz --json", NULL, &err), ==, 1);
  g_assert_nonnull (strstr (err, "a.nii.gz"));
  g_assert_nonnull (strstr (err, "off.nii.gz"));
  g_assert_nonnull (strstr (err, "--resample"));
  {
    g_autoptr (JsonParser) parser =
        compare ("compare a.nii.gz off.nii.gz --resample --json --labels 1");

    g_assert_cmpfloat_with_epsilon (json_object_get_double_member (get_label (parser, 0), "dice"),
                                    1, 1e-12);
  }
}

int
main (int argc, char **argv)
{
  int result;

  program = g_canonicalize_filename (argv[1], NULL);
  argv[1] = argv[0];
  argv++;
  argc--;
  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("sagitta-pictures-XXXXXX", NULL);
  g_test_add_func ("/pictures/png", test_png);
  g_test_add_func ("/pictures/render", test_render);
  g_test_add_func ("/pictures/render-refuses", test_render_refuses);
  g_test_add_func ("/pictures/compare", test_compare);
  g_test_add_func ("/pictures/compare-grids", test_compare_grids);
  result = g_test_run ();
  {
    g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name (dir)) != NULL)
      {
        g_autofree char *path = path_of (name);

        g_remove (path);
      }
    g_rmdir (folder);
  }
  g_free (folder);
  g_free (program);
  return result;
}
