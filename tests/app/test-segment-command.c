/* SPDX-License-Identifier: Apache-2.0
 *
 * test-segment-command.c: sagitta-cli segment, models and check-plugin, as a person at a shell
 * meets them: what they write, what they say, and what they leave behind when they fail.
 */
#include "app/files/nifti.h"
#include "app/files/open.h"
#include "tests/app/synthetic.h"

#include <json-glib/json-glib.h>

static const char *program;
static char       *folder, *series, *onnx;

static char *
path_of (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static gboolean
exists (const char *name)
{
  g_autofree char *path = path_of (name);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

/* Runs a command; NULL-terminated arguments. Returns its exit status; `output` gets stdout,
 * `errors` stderr. */
static int
command (char **output, char **errors, ...)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  va_list arguments;
  int status = 0;
  const char *argument;

  g_ptr_array_add (argv, (gpointer) program);
  va_start (arguments, errors);
  while ((argument = va_arg (arguments, const char *)) != NULL)
    g_ptr_array_add (argv, (gpointer) argument);
  va_end (arguments);
  g_ptr_array_add (argv, NULL);
  g_assert_true (g_spawn_sync (NULL, (char **) argv->pdata, NULL, 0, NULL, NULL, output, errors,
                               &status, NULL));
  g_assert_true (WIFEXITED (status));
  return WEXITSTATUS (status);
}

/* Fails with one sentence that says `text`, and status 1. */
static void
assert_fails (const char *text, const char *input, const char *model, const char *output)
{
  g_autofree char *out = NULL, *errors = NULL;
  int status = command (&out, &errors, "segment", input, "--model", model, "-o", output, NULL);

  g_assert_cmpint (status, ==, 1);
  g_assert_cmpstr (out, ==, "");
  if (strstr (errors, text) == NULL || strchr (errors, '\n') != errors + strlen (errors) - 1)
    g_error ("'%s' is not one sentence that says '%s'", errors, text);
  g_assert_false (g_file_test (output, G_FILE_TEST_EXISTS));
}

static JsonObject *
parse (const char *text, JsonParser **parser)
{
  *parser = json_parser_new ();
  g_assert_true (json_parser_load_from_data (*parser, text, -1, NULL));
  return json_node_get_object (json_parser_get_root (*parser));
}

/* Labels where the synthetic volume is above 0, written as DICOM SEG and as NIfTI, and the
 * numbers told. */
static void
test_outputs (void)
{
  g_autofree char *dcm = path_of ("out.dcm"), *nii = path_of ("out.nii.gz"),
                  *conf = path_of ("conf.nii");
  g_autofree char *json = NULL, *errors = NULL, *text = NULL;
  g_autoptr (JsonParser) parser = NULL;
  g_autoptr (SagSegmentation) a = NULL, b = NULL;
  g_autoptr (GError) error = NULL;
  char digits[G_ASCII_DTOSTR_BUF_SIZE];
  JsonObject *root, *label, *ms;
  const guint8 *seg, *nifti;
  gsize n_voxels = 0, v = 0;
  SagGrid grid;

  test_grid (&grid);
  g_assert_cmpint (command (&json, &errors, "segment", series, "--model", onnx, "-o", dcm,
                            "--confidence", conf, "--json", NULL),
                   ==, 0);
  g_assert_cmpstr (errors, ==, "! The series is CT, the model was trained on MR.\n");
  g_assert_cmpint (
      command (&text, NULL, "segment", series, "--model", onnx, "-o", nii, "--threads", "1", NULL),
      ==, 0);
  g_assert_nonnull (strstr (text, "Above zero"));
  a = sag_open_segmentation (dcm, &grid, &error);
  g_assert_no_error (error);
  b = sag_open_segmentation (nii, &grid, &error);
  g_assert_no_error (error);
  g_autoptr (SagLabelmap) whole = sag_labelmap_to_whole (sag_segmentation_get_layer (a, 0), NULL);

  seg = sag_labelmap_get_voxels (whole);
  nifti = sag_labelmap_get_voxels (sag_segmentation_get_layer (b, 0));
  for (int k = 0; k < grid.size[2]; k++)
    for (int j = 0; j < grid.size[1]; j++)
      for (int i = 0; i < grid.size[0]; i++, v++)
        {
          gboolean above = test_value (i, j, k) > 0;

          n_voxels += above;
          g_assert_cmpint (seg[v], ==, above);
          g_assert_cmpint (nifti[v], ==, above ? 5 : 0);
        }
  root = parse (json, &parser);
  g_assert_cmpstr (json_object_get_string_member (root, "model"), ==, "org.example.sign");
  g_assert_cmpstr (json_object_get_string_member (root, "precision"), ==, "fp32");
  label = json_array_get_object_element (json_object_get_array_member (root, "labels"), 0);
  g_assert_cmpint (json_object_get_int_member (label, "voxels"), ==, n_voxels);
  g_assert_cmpfloat (ABS (json_object_get_double_member (label, "ml")
                          - (double) n_voxels * sag_grid_get_voxel_ml (&grid)), <, 1e-6);
  g_assert_cmpfloat (json_object_get_double_member (label, "mean_confidence"), >, 0.5);
  g_assert_cmpint (json_object_get_int_member (root, "peak_bytes"), <=,
                   json_object_get_int_member (root, "promised_bytes"));
  ms = json_object_get_object_member (root, "ms");
  g_assert_cmpfloat (json_object_get_double_member (ms, "total"), >=,
                     json_object_get_double_member (ms, "net"));
  g_ascii_formatd (digits, sizeof digits, "%.12g", json_object_get_double_member (ms, "total"));
  g_assert_nonnull (strstr (json, digits)); /* not seventeen of them */
  g_assert_true (exists ("conf.nii"));
}

/* The confidence as FRACTIONAL SEG: the bytes of the NIfTI map wherever a label is, in an object that
 * keeps to the standard. */
static void
test_confidence (void)
{
  g_autofree char *labels = path_of ("labels.dcm"), *seg = path_of ("fractional.dcm"),
                  *nifti = path_of ("fractional.nii");
  g_autofree char *json = NULL;
  g_autoptr (SagSegmentation) binary = NULL, fractional = NULL;
  g_autoptr (SagBlock) map = NULL;
  g_autoptr (GError) error = NULL;
  const guint8 *want, *got, *label;
  gsize n_labelled = 0;
  gboolean differs = FALSE;
  SagGrid grid;

  test_grid (&grid);
  for (int i = 0; i < 2; i++)
    g_assert_cmpint (command (NULL, NULL, "segment", series, "--model", onnx, "-o", labels,
                              "--confidence", i == 0 ? seg : nifti, NULL), ==, 0);
  test_validate (seg);
  g_assert_cmpint (command (&json, NULL, "seg-info", seg, "--json", NULL), ==, 0);
  g_assert_nonnull (strstr (json, "\"FRACTIONAL/PROBABILITY\""));
  binary = sag_open_segmentation (labels, &grid, &error);
  g_assert_no_error (error);
  fractional = sag_open_segmentation (seg, &grid, &error);
  g_assert_no_error (error);
  map = sag_open_confidence (nifti, &grid, &error);
  g_assert_no_error (error);
  want = sag_block_get_data (map);
  got = sag_block_get_data (sag_segmentation_get_confidence (fractional));
  g_autoptr (SagLabelmap) all = sag_labelmap_to_whole (sag_segmentation_get_layer (binary, 0), NULL);
  g_autoptr (SagLabelmap) other = sag_labelmap_to_whole (sag_segmentation_get_layer (fractional, 0), NULL);

  label = sag_labelmap_get_voxels (all);
  g_assert_cmpmem (sag_labelmap_get_voxels (other),
                   sag_grid_get_n_voxels (&grid), label, sag_grid_get_n_voxels (&grid));
  for (gsize i = 0; i < sag_grid_get_n_voxels (&grid); i++)
    if (label[i] != 0)
      {
        g_assert_cmpint (got[i], ==, want[i]);
        differs |= want[i] != 255;
        n_labelled++;
      }
  g_assert_cmpuint (n_labelled, >, 100);
  g_assert_true (differs);
}

/* The model was trained on MR: it runs, and says so. */
static void
test_warnings (void)
{
  g_autofree char *output = path_of ("warned.nii"), *json = NULL;
  g_autoptr (JsonParser) parser = NULL;
  JsonArray *warnings;

  g_assert_cmpint (
      command (&json, NULL, "segment", series, "--model", onnx, "-o", output, "--json", NULL), ==,
      0);
  warnings = json_object_get_array_member (parse (json, &parser), "warnings");
  g_assert_cmpint (json_array_get_length (warnings), ==, 1);
  g_assert_nonnull (strstr (json_array_get_string_element (warnings, 0), "trained on MR"));
}

static void
test_failures (void)
{
  g_autofree char *dcm = path_of ("bad.dcm"), *nii = path_of ("bad.nii.gz"),
                  *png = path_of ("bad.png");
  g_autofree char *nowhere = path_of ("none/bad.nii"), *volume = path_of ("volume.nii.gz");
  g_autofree char *empty = path_of ("empty"), *text = path_of ("text.dcm");
  g_autoptr (SagVolume) made = NULL;
  g_autoptr (GError) error = NULL;
  SagGrid grid;

  test_grid (&grid);
  made = test_volume_of (&grid);
  g_assert_true (sag_nifti_write (volume, made, NULL, &error));
  g_mkdir (empty, 0700);
  g_file_set_contents (text, "this is no image", -1, NULL);
  assert_fails ("is not DICOM", volume, onnx, dcm);
  assert_fails ("must end in", series, onnx, png);
  assert_fails ("no folder", series, onnx, nowhere);
  assert_fails ("There is no model 'org.example.other'", series, "org.example.other", nii);
  assert_fails ("There is no file", series, "nowhere.onnx", nii);
  assert_fails ("does not exist", "/nowhere", onnx, nii);
  assert_fails ("", empty, onnx, nii);
  assert_fails ("", text, onnx, nii);
}

static void
test_usage (void)
{
  g_autofree char *output = NULL, *errors = NULL;

  g_assert_cmpint (command (NULL, NULL, "segment", series, NULL), ==, 2);
  g_assert_cmpint (command (NULL, NULL, "segment", "--nonsense", NULL), ==, 2);
  g_assert_cmpint (command (&output, &errors, "check-plugin", folder, NULL), ==, 0);
  g_assert_nonnull (strstr (output, "8 of 8 rules hold"));
  g_clear_pointer (&output, g_free);
  g_assert_cmpint (command (&output, NULL, "check-plugin", series, "--json", NULL), ==, 1);
  g_assert_nonnull (strstr (output, "\"failures\":1"));
}

static void
test_models (void)
{
  g_autofree char *json = NULL;
  g_autoptr (JsonParser) parser = NULL;
  /* A folder named twice, in two ways, is one folder. */
  g_autofree char *path = g_strconcat (folder, ":", folder, "/.", NULL);
  JsonArray *models;
  int found = 0;

  g_setenv ("SAG_PLUGIN_PATH", path, TRUE);
  g_assert_cmpint (command (&json, NULL, "models", "--json", NULL), ==, 0);
  g_unsetenv ("SAG_PLUGIN_PATH");
  models = json_object_get_array_member (parse (json, &parser), "models");
  for (guint i = 0; i < json_array_get_length (models); i++)
    {
      JsonObject *model = json_array_get_object_element (models, i);

      if (strcmp (json_object_get_string_member (model, "id"), "org.example.sign") != 0)
        continue;
      found++;
      g_assert_true (json_object_get_boolean_member (model, "usable"));
      g_assert_cmpstr (json_object_get_string_member (model, "kind"), ==, "key file");
    }
  g_assert_cmpint (found, ==, 1);
}

/* A phantom whose truth cannot be written, because a folder stands in its place, leaves no images. */
static void
test_phantom (void)
{
  static const char *const ways[][3] = {
    { "dicom", "truth/truth.dcm", "ct" },
    { "nifti", "nodules.nii.gz", "ct.nii.gz" },
  };

  for (gsize w = 0; w < G_N_ELEMENTS (ways); w++)
    {
      g_autofree char *to = path_of (ways[w][0]), *errors = NULL;
      g_autofree char *blocked = g_build_filename (to, ways[w][1], NULL);
      g_autofree char *images = g_build_filename (to, ways[w][2], NULL);

      g_assert_cmpint (g_mkdir_with_parents (blocked, 0700), ==, 0);
      g_assert_cmpint (command (NULL, &errors, "phantom", to, "--size", "32x32x12", "--format",
                                ways[w][0], NULL),
                       ==, 1);
      g_assert_nonnull (strstr (errors, "could not be written"));
      g_assert_true (g_file_test (blocked, G_FILE_TEST_IS_DIR));
      g_assert_false (g_file_test (images, G_FILE_TEST_EXISTS));
    }
}

static void
copy_net (void)
{
  g_autofree char *net = g_test_build_filename (G_TEST_DIST, "engine", "nets", "sign3d.onnx", NULL);
  g_autofree char *model = path_of ("sign3d.model"), *data = NULL;
  gsize length;

  onnx = path_of ("sign3d.onnx");
  g_assert_true (g_file_get_contents (net, &data, &length, NULL));
  g_assert_true (g_file_set_contents (onnx, data, (gssize) length, NULL));
  g_assert_true (g_file_set_contents (model,
                                      "[model]\nid = org.example.sign\nmodality = MR\n"
                                      "[input]\npatch = 16; 16; 8\nstd = 100\n"
                                      "[label 5]\nname = Above zero\ntype = SCT:85756007:Tissue\n",
                                      -1, NULL));
}

int
main (int argc, char **argv)
{
  SagGrid grid;
  int status;

  program = argv[1];
  argv[1] = argv[0];
  argv++;
  argc--;
  g_test_init (&argc, &argv, NULL);
  folder = test_folder ();
  series = path_of ("series");
  g_mkdir (series, 0700);
  test_grid (&grid);
  test_write_series (series, &grid, "segment-command");
  copy_net ();
  g_test_add_func ("/segment-command/outputs", test_outputs);
  g_test_add_func ("/segment-command/confidence", test_confidence);
  g_test_add_func ("/segment-command/warnings", test_warnings);
  g_test_add_func ("/segment-command/failures", test_failures);
  g_test_add_func ("/segment-command/usage", test_usage);
  g_test_add_func ("/segment-command/models", test_models);
  g_test_add_func ("/segment-command/phantom", test_phantom);
  status = g_test_run ();
  test_remove (folder);
  g_free (folder);
  g_free (series);
  g_free (onnx);
  return status;
}
