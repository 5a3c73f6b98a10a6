/* SPDX-License-Identifier: Apache-2.0
 *
 * test-body.c: every kind of job on a small series, on threads and in a worker process.
 *
 *     test-body inline|link WORKER
 */
#include "app/dicom/dcmtk.h"
#include "app/files/nifti-header.h"
#include "app/state/model.h"
#include "app/work/body.h"
#include "app/work/link.h"
#include "tests/app/job-runs.h"
#include "tests/app/named-together.h"
#include "tests/data.h"
#include "tests/tree.h"

#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <string.h>

#define SIZE 48
#define SLICES 12

/* What all tests share: a folder with a CT series of a bone ball in soft tissue, and that series. */
static char *folder;
static char *results;
static SagCatalogue *catalogue;
static SagSeries *series;
static SagLink *link_in_use; /* NULL: threads */

static char *
result_path (const char *name)
{
  return g_build_filename (results, name, NULL);
}

static double
distance_to_ball (int i, int j, int k)
{
  double x = i - 20, y = j - 24, z = (k - 6) * 2.5;

  return sqrt (x * x + y * y + z * z);
}

static void
write_series (void)
{
  const int size[3] = { SIZE, SIZE, SLICES };
  const double spacing[3] = { 1, 1, 2.5 };
  const SagDicomCtDescription description = {
    .seed = "test-body", .date = "20260302", .patient_name = "Ball^Bone", .patient_id = "7",
    .study_description = "Test", .series_description = "Ball", .series_number = 3,
    .windows = { { 300, 1500 } }, .window_explanations = { "BONE" }, .n_windows = 1,
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (SagVolume) volume = NULL;
  SagGrid grid;

  sag_grid_init (&grid, size, spacing);
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, 1, -1024, "HU", &error);
  g_assert_no_error (error);
  for (int k = 0; k < SLICES; k++)
    for (int p = 0; p < SIZE * SIZE; p++)
      {
        double d = distance_to_ball (p % SIZE, p / SIZE, k);

        ((gint16 *) sag_volume_get_slice (volume, k))[p]
            = (gint16) (1024 + (d < 8 ? 900 : d < 18 ? 40 : -1000));
      }
  sag_volume_mark_ready (volume, 0, SLICES);
  g_assert_true (sag_dicom_write_ct_series (folder, volume, &description, &error));
  g_assert_no_error (error);
}

static SagWorkspace *
open_series (void)
{
  SagWorkspace *workspace = sag_workspace_new ();
  const double focus[3] = { 0, 0, 25 };
  g_autoptr (JobRun) run = NULL;

  sag_workspace_set_series (workspace, series);
  run = job_run (sag_job_new_read (series, focus), workspace);
  g_assert_no_error (run->error);
  g_assert_no_error (run->refused);
  return workspace;
}

static SagWorkspace *
segment_series (void)
{
  SagWorkspace *workspace = open_series ();
  g_autoptr (GError) error = NULL;
  g_autoptr (JobRun) run = NULL;
  double bytes;

  run = job_run (sag_job_new_segment ("org.sagitta.threshold", SAG_PRECISION_F32,
                                      sag_workspace_get_volume (workspace), NULL, &error),
                 workspace);
  g_assert_no_error (run->error);
  g_assert_no_error (run->refused);
  g_assert_true (g_variant_lookup (run->result, "seconds", "d", &bytes));
  return workspace;
}

static void
test_index (void)
{
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (catalogue)), ==, 1);
  g_assert_nonnull (series);
  g_assert_cmpstr (sag_series_get_title (series), ==, "Ball");
  g_assert_cmpstr (sag_series_get_modality (series), ==, "CT");
  g_assert_cmpuint (sag_series_get_n_images (series), ==, SLICES);
  g_assert_cmpint (sag_series_get_size (series)[0], ==, SIZE);
  g_assert_cmpfloat_with_epsilon (sag_series_get_spacing (series)[2], 2.5, 1e-6);
  g_assert_cmpint (g_strv_length ((char **) sag_series_get_paths (series)), ==, SLICES);
  g_assert_cmpstr (sag_study_get_patient_name (sag_series_get_study (series)), ==, "Ball, Bone");
}

static void
test_read (void)
{
  g_autoptr (SagWorkspace) workspace = open_series ();
  SagVolume *volume = sag_workspace_get_volume (workspace);
  int n;

  g_assert_cmpint (sag_volume_get_n_ready (volume), ==, SLICES);
  g_assert_cmpstr (sag_volume_get_unit (volume), ==, "HU");
  g_assert_cmpstr (sag_volume_get_modality (volume), ==, "CT");
  g_assert_cmpfloat (sag_volume_get_value (volume, 20, 24, 6), ==, 900);
  g_assert_cmpfloat (sag_volume_get_value (volume, 0, 0, 0), ==, -1000);
  g_assert_cmpfloat (sag_workspace_get_window_level (workspace).width, ==, 1500);
  g_assert_cmpstr (sag_workspace_get_presets (workspace, &n)[0].id, ==, "file-1");
}

/* The lane knows the series from a later INDEX of one of its files, or, in a fresh process, not at
 * all. */
static void
test_read_again (void)
{
  const char *const one[] = { sag_series_get_paths (series)[0], NULL };
  g_autoptr (JobRun) indexed = job_run (sag_job_new_index (one), NULL);
  g_autoptr (SagWorkspace) workspace = open_series ();
  g_autoptr (SagWorkspace) again = NULL;

  g_assert_no_error (indexed->error);
  g_assert_cmpint (sag_volume_get_grid (sag_workspace_get_volume (workspace))->size[2], ==, SLICES);
  if (link_in_use == NULL)
    return;
  g_assert_cmpint (kill (sag_link_get_pid (link_in_use, SAG_JOB_LANE_IO), SIGKILL), ==, 0);
  again = open_series ();
  g_assert_true (sag_grid_equal (sag_volume_get_grid (sag_workspace_get_volume (workspace)),
                                 sag_volume_get_grid (sag_workspace_get_volume (again))));
  g_assert_cmpint (sag_volume_get_n_ready (sag_workspace_get_volume (again)), ==, SLICES);
}

static void
test_read_lost (void)
{
  g_autofree char *lost = g_build_filename (folder, "lost.dcm", NULL);
  const char *paths[] = { lost, NULL };
  g_autoptr (JobRun) run = NULL;
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "paths", "^aay", paths);
  g_variant_dict_insert (&dict, "uid", "s", sag_series_get_uid (series));
  run = job_run (sag_job_new (SAG_JOB_READ, g_variant_dict_end (&dict), NULL), NULL);
  g_assert_error (run->error, SAG_JOB_ERROR, SAG_JOB_ERROR_FAILED);
  g_assert_nonnull (strstr (run->error->message, "lost.dcm"));
}

static void
test_thumbnail (void)
{
  g_autoptr (JobRun) run = job_run (sag_job_new_thumbnail (series, 64), NULL);
  GBytes *pixels;
  const guint8 *rgba;
  int width, height;

  g_assert_no_error (run->error);
  sag_series_set_thumbnail (series, run->result);
  pixels = sag_series_get_thumbnail (series, &width, &height);
  g_assert_cmpint (width, ==, 64);
  g_assert_cmpint (height, ==, 64);
  rgba = g_bytes_get_data (pixels, NULL);
  g_assert_cmpint (rgba[0], ==, 0);                                /* air */
  g_assert_cmpint (rgba[4 * (64 * 32 + 27)], >, 200);              /* bone */
  g_assert_cmpint (rgba[4 * (64 * 32 + 27) + 3], ==, 255);
}

static void
test_tags (void)
{
  g_autoptr (JobRun) run = job_run (sag_job_new_tags (sag_series_get_paths (series)[0]), NULL);
  g_autoptr (GVariantIter) iter = NULL;
  const char *tag, *vr, *name, *value;
  gboolean found = FALSE;
  guint32 depth;

  g_assert_no_error (run->error);
  g_assert_true (g_variant_lookup (run->result, "tags", "a(ussss)", &iter));
  while (g_variant_iter_next (iter, "(u&s&s&s&s)", &depth, &tag, &vr, &name, &value))
    if (strcmp (tag, "(0010,0010)") == 0)
      {
        found = TRUE;
        g_assert_cmpuint (depth, ==, 0);
        g_assert_cmpstr (vr, ==, "PN");
        g_assert_cmpstr (name, ==, "PatientName");
        g_assert_cmpstr (value, ==, "Ball^Bone");
      }
  g_assert_true (found);
}

static void
test_models (void)
{
  g_autoptr (JobRun) run = job_run (sag_job_new_models (), NULL);
  g_autoptr (GListStore) list = sag_model_list_new ();
  g_autoptr (GError) error = NULL;
  SagModel *model;
  int n_labels;

  g_assert_no_error (run->error);
  g_assert_true (sag_model_list_set (list, run->result, &error));
  g_assert_no_error (error);
  model = sag_model_list_find (list, "org.sagitta.threshold");
  g_assert_nonnull (model);
  g_assert_true (sag_model_is_usable (model));
  g_assert_cmpstr (sag_model_get_labels (model, &n_labels)->name, ==, "Bone");
  g_assert_cmpint (n_labels, ==, 1);
}

static void
test_estimate (void)
{
  g_autoptr (SagWorkspace) workspace = open_series ();
  g_autoptr (GError) error = NULL;
  g_autoptr (JobRun) run = NULL;
  guint64 bytes;
  gboolean fits;

  run = job_run (sag_job_new_estimate ("org.sagitta.threshold", SAG_PRECISION_F32,
                                       sag_workspace_get_volume (workspace), &error),
                 NULL);
  g_assert_no_error (run->error);
  g_assert_true (g_variant_lookup (run->result, "bytes", "t", &bytes));
  g_assert_true (g_variant_lookup (run->result, "fits", "b", &fits));
  g_assert_cmpuint (bytes, >=, SIZE * SIZE * SLICES * 2);
  g_assert_true (fits);
}

static void
test_segment (void)
{
  g_autoptr (SagWorkspace) workspace = segment_series ();
  SagSegmentation *segmentation = sag_workspace_get_segmentation (workspace);
  g_autoptr (SagLabelItem) item = NULL;
  double centroid[3], expected[3] = { 20, 24, 6 }, ml = 0;
  SagProbe probe;

  g_assert_nonnull (segmentation);
  g_assert_cmpint (sag_segmentation_get_n_ready (segmentation), ==, SLICES);
  g_assert_cmpstr (sag_segmentation_get_provenance (segmentation)->model_id, ==,
                   "org.sagitta.threshold");
  for (int k = 0; k < SLICES; k++)
    for (int p = 0; p < SIZE * SIZE; p++)
      ml += distance_to_ball (p % SIZE, p / SIZE, k) < 8 ? 2.5e-3 : 0;
  item = g_list_model_get_item (sag_workspace_get_labels (workspace), 0);
  g_assert_cmpfloat_with_epsilon (sag_label_item_get_ml (item), ml, 1e-9);
  g_assert_cmpfloat_with_epsilon (sag_label_item_get_confidence (item), 1, 1e-9);
  g_assert_true (sag_label_item_get_centroid (item, centroid));
  sag_grid_to_lps (sag_segmentation_get_grid (segmentation), expected, expected);
  for (int a = 0; a < 3; a++)
    g_assert_cmpfloat_with_epsilon (centroid[a], expected[a], 0.1);
  g_assert_true (sag_workspace_probe (workspace, expected, &probe));
  g_assert_cmpstr (probe.label->name, ==, "Bone");
}

/* A study in a ZIP file opens like a folder, and its series is read though another lane's process, or a
 * second one of this, may be asked for it. */
static void
test_zip (void)
{
  g_autofree char *path = result_path ("study.zip");
  const char *const inputs[] = { path, NULL };
  const char *const argv[] = { "python3", "-m", "zipfile", "-c", path, folder, NULL };
  g_autoptr (SagCatalogue) found = sag_catalogue_new ();
  g_autoptr (SagStudy) study = NULL;
  g_autoptr (SagSeries) zipped = NULL;
  g_autoptr (JobRun) index = NULL, read = NULL;
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();

  g_assert_true (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                               NULL));
  index = job_run (sag_job_new_index (inputs), NULL);
  g_assert_no_error (index->error);
  g_assert_true (sag_catalogue_set (found, index->result, NULL));
  study = g_list_model_get_item (G_LIST_MODEL (found), 0);
  g_assert_nonnull (study);
  zipped = g_list_model_get_item (G_LIST_MODEL (study), 0);
  g_assert_nonnull (zipped);
  g_assert_cmpuint (sag_series_get_n_images (zipped), ==, SLICES);
  sag_workspace_set_series (workspace, zipped);
  read = job_run (sag_job_new_read (zipped, NULL), workspace);
  g_assert_no_error (read->error);
  g_assert_nonnull (sag_workspace_get_volume (workspace));
}

static void
test_deidentify (void)
{
  const char *const inputs[] = { folder, NULL };
  g_autofree char *path = result_path ("copies");
  g_autoptr (JobRun) run = job_run (sag_job_new_deidentify (inputs, path, "shift"), NULL);
  g_autoptr (JobRun) again = job_run (sag_job_new_deidentify (inputs, path, "shift"), NULL);
  g_autoptr (JobRun) wrong = job_run (sag_job_new_deidentify (inputs, path, "guess"), NULL);
  g_auto (GStrv) folders = NULL;
  guint32 n_files = 0;

  g_assert_no_error (run->error);
  g_assert_true (g_variant_lookup (run->result, "n-files", "u", &n_files));
  g_assert_cmpuint (n_files, ==, SLICES);
  g_assert_true (g_variant_lookup (run->result, "folders", "^aay", &folders));
  g_assert_cmpuint (g_strv_length (folders), ==, 1);
  g_assert_true (g_file_test (folders[0], G_FILE_TEST_IS_DIR));
  /* What is there is not touched. */
  g_assert_nonnull (again->error);
  g_assert_nonnull (strstr (again->error->message, "already"));
  g_assert_true (g_file_test (folders[0], G_FILE_TEST_IS_DIR));
  g_assert_nonnull (wrong->error);
}

static void
test_export (void)
{
  static const char *const formats[][2]
      = { { "seg", "ball-seg.dcm" }, { "nifti", "ball.nii.gz" }, { "confidence", "sure.nii.gz" } };
  g_autoptr (SagWorkspace) workspace = segment_series ();

  for (int n = 0; n < 3; n++)
    {
      g_autofree char *path = result_path (formats[n][1]);
      g_autoptr (GError) error = NULL;
      g_autoptr (JobRun) run = NULL;
      guint64 bytes;

      run = job_run (sag_job_new_export (formats[n][0], path,
                                         sag_workspace_get_segmentation (workspace), series, &error),
                     NULL);
      g_assert_no_error (run->error);
      g_assert_true (g_variant_lookup (run->result, "bytes", "t", &bytes));
      g_assert_cmpuint (bytes, >, 0);
      if (n < 2)
        {
          /* Back over the same images: the same voxels. */
          g_autoptr (JobRun) back = job_run (sag_job_new_read_segmentation (path, TRUE, NULL), workspace);
          g_autoptr (JobRun) compared = NULL;
          g_autoptr (GVariantIter) iter = NULL;
          double dice, hd95, mean, ml_a, ml_b;
          const char *name;
          int value;

          g_assert_no_error (back->error);
          g_assert_no_error (back->refused);
          g_assert_nonnull (sag_workspace_get_reference (workspace));
          compared = job_run (sag_job_new_compare (sag_workspace_get_segmentation (workspace),
                                                   sag_workspace_get_reference (workspace), TRUE,
                                                   &error),
                              NULL);
          g_assert_no_error (compared->error);
          g_assert_true (g_variant_lookup (compared->result, "mean-dice", "d", &dice));
          g_assert_cmpfloat (dice, ==, 1.0);
          g_assert_true (g_variant_lookup (compared->result, "labels", "a(isddddd)", &iter));
          g_assert_true (g_variant_iter_next (iter, "(i&sddddd)", &value, &name, &dice, &hd95, &mean,
                                              &ml_a, &ml_b));
          g_assert_cmpfloat (hd95, ==, 0.0);
          g_assert_cmpfloat (mean, ==, 0.0);
          g_assert_cmpfloat_with_epsilon (ml_a, ml_b, 1e-9);
        }
    }
}

static void
test_png (void)
{
  static const guint8 rgba[2 * 1 * 4] = { 255, 0, 0, 255, 0, 255, 0, 255 };
  g_autofree char *path = result_path ("picture.png");
  g_autofree char *missing = g_build_filename (results, "no such folder", "picture.png", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (JobRun) run = job_run (sag_job_new_export_png (path, rgba, 2, 1, &error), NULL);
  g_autoptr (JobRun) fails = job_run (sag_job_new_export_png (missing, rgba, 2, 1, &error), NULL);
  g_autofree char *bytes = NULL;
  gsize length;

  g_assert_no_error (run->error);
  g_assert_true (g_file_get_contents (path, &bytes, &length, NULL));
  g_assert_cmpmem (bytes, 8, "\211PNG\r\n\032\n", 8);
  g_assert_error (fails->error, SAG_JOB_ERROR, SAG_JOB_ERROR_FAILED);
  g_assert_false (g_file_test (missing, G_FILE_TEST_EXISTS));
}

/* NIfTI opens like a series. */
static void
test_nifti (void)
{
  g_autofree char *path = result_path ("labels.nii.gz");
  g_autoptr (SagWorkspace) workspace = segment_series ();
  g_autoptr (SagCatalogue) other = sag_catalogue_new ();
  const char *paths[] = { path, NULL };
  const double ball[3] = { 20, 24, 15 }, beside[3] = { 20, 34, 15 };
  g_autoptr (GError) error = NULL;
  g_autoptr (JobRun) written = NULL, listed = NULL, read = NULL;
  SagProbe probe;

  written = job_run (sag_job_new_export ("nifti", path, sag_workspace_get_segmentation (workspace),
                                         NULL, &error),
                     NULL);
  g_assert_no_error (written->error);
  check_named_together (folder, series, results, path, sag_workspace_get_volume (workspace));
  listed = job_run (sag_job_new_index (paths), NULL);
  g_assert_no_error (listed->error);
  g_assert_true (sag_catalogue_set (other, listed->result, &error));
  g_assert_nonnull (sag_catalogue_pick_series (other));
  read = job_run (sag_job_new_read (sag_catalogue_pick_series (other), NULL), workspace);
  g_assert_no_error (read->error);
  g_assert_no_error (read->refused);
  g_assert_cmpint (sag_volume_get_n_ready (sag_workspace_get_volume (workspace)), ==, SLICES);
  g_assert_true (sag_workspace_probe (workspace, ball, &probe));
  g_assert_cmpfloat (probe.value, ==, 1);
  g_assert_true (sag_workspace_probe (workspace, beside, &probe));
  g_assert_cmpfloat (probe.value, ==, 0);
}

/* Every volume of a file of four dimensions is there to choose. */
static void
test_nifti_times (void)
{
  enum { TIMES = 3, VOXELS = 4 * 3 * 2 };
  g_autofree char *path = result_path ("times.nii");
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (SagCatalogue) listing = sag_catalogue_new ();
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (JobRun) listed = NULL;
  const char *paths[] = { path, NULL };
  const int size[3] = { 4, 3, 2 };
  const double spacing[3] = { 1, 1, 2 };
  SagNiftiHeader header;
  SagGrid grid;
  GError *error = NULL;

  sag_grid_init (&grid, size, spacing);
  sag_nifti_header_init (&header, &grid, SAG_NIFTI_I16);
  header.dim[0] = 4;
  header.dim[4] = TIMES;
  header.vox_offset = 352;
  g_byte_array_append (bytes, (const guint8 *) &header, sizeof header);
  g_byte_array_append (bytes, (const guint8 *) "\0\0\0", 4);
  for (gint16 i = 0; i < TIMES * VOXELS; i++)
    {
      gint16 value = (gint16) (100 * (i / VOXELS));

      g_byte_array_append (bytes, (const guint8 *) &value, sizeof value);
    }
  g_assert_true (g_file_set_contents (path, (const char *) bytes->data, bytes->len, &error));
  listed = job_run (sag_job_new_index (paths), NULL);
  g_assert_no_error (listed->error);
  g_assert_true (sag_catalogue_set (listing, listed->result, &error));
  for (int n = 0; n < TIMES; n++)
    {
      g_autofree char *key = g_strdup_printf ("%s/%d", path, n);
      SagSeries *one = sag_catalogue_find_series (listing, key);
      g_autoptr (JobRun) read = NULL;
      g_autofree char *title = g_strdup_printf ("times.nii, volume %d of 3", n + 1);

      g_assert_nonnull (one);
      g_assert_cmpstr (sag_series_get_title (one), ==, title);
      read = job_run (sag_job_new_read (one, NULL), workspace);
      g_assert_no_error (read->error);
      g_assert_cmpint (((gint16 *) sag_volume_get_slice (sag_workspace_get_volume (workspace), 1))[2], ==, 100 * n);
    }
}

/* How far lengths and sides of real images are to be trusted, against what their headers say. */
static void
test_truths (void)
{
  static const struct
  {
    const char *path, *source, *orientation;
    gboolean placed;
    double ratio; /* -1: not lossy */
  } cases[] = {
    { "dicom-matrix/pydicom-data/RG1_J2KI.dcm", "unknown", "L\\F", FALSE, 10 },
    { "dicom-matrix/pydicom/test_files/examples_ybr_color.dcm", "region", "", FALSE, 19 },
    { "dicom-matrix/highdicom/dx_image.dcm", "imager", "L\\F", FALSE, -1 },
    { "dicom-matrix/ohif-rebuilt/dx_DX_0001.dcm", "calibrated", "", FALSE, -1 },
    { "series/brain-flair/MR_0002.dcm", "pixel", NULL, TRUE, -1 },
  };

  for (guint n = 0; n < G_N_ELEMENTS (cases); n++)
    {
      g_autofree char *path = sag_test_data (cases[n].path);
      const char *const paths[] = { path, NULL };
      g_autoptr (SagCatalogue) found = sag_catalogue_new ();
      g_autoptr (JobRun) run = NULL;
      SagSeries *image;

      if (path == NULL)
        return;
      run = job_run (sag_job_new_index (paths), NULL);
      g_assert_no_error (run->error);
      g_assert_true (sag_catalogue_set (found, run->result, NULL));
      g_test_message ("%s", cases[n].path);
      image = sag_catalogue_pick_series (found);
      g_assert_nonnull (image);
      g_assert_cmpstr (sag_series_get_spacing_source (image), ==, cases[n].source);
      g_assert_cmpint (sag_series_is_placed (image), ==, cases[n].placed);
      g_assert_cmpint (sag_series_is_lossy (image), ==, cases[n].ratio >= 0);
      if (cases[n].ratio >= 0)
        g_assert_cmpfloat (sag_series_get_lossy_ratio (image), ==, cases[n].ratio);
      if (cases[n].orientation != NULL && strlen (cases[n].orientation) > 1)
        g_assert_cmpstr (sag_series_get_patient_orientation (image), ==, cases[n].orientation);
    }
}

static void
check_fails (SagJob *job, const char *says)
{
  g_autoptr (JobRun) run = job_run (job, NULL);

  g_assert_nonnull (run->error);
  g_assert_true (run->error->domain == SAG_JOB_ERROR);
  g_assert_cmpint (run->error->code, !=, SAG_JOB_ERROR_CRASHED);
  g_assert_null (strchr (run->error->message, '\n'));
  if (strstr (run->error->message, says) == NULL)
    g_error ("\"%s\" does not say \"%s\"", run->error->message, says);
}

static void
test_errors (void)
{
  g_autoptr (SagWorkspace) workspace = open_series ();
  SagVolume *volume = sag_workspace_get_volume (workspace);
  g_autofree char *empty = result_path ("empty"), *text = result_path ("text.dcm");
  g_autofree char *cut = result_path ("cut.dcm"), *bytes = NULL;
  const char *paths[] = { empty, NULL };
  GVariantDict dict;
  gsize length;

  g_assert_cmpint (g_mkdir (empty, 0700), ==, 0);
  check_fails (sag_job_new_index (paths), "empty");
  paths[0] = "/no/such/folder";
  check_fails (sag_job_new_index (paths), "folder");
  g_assert_true (g_file_set_contents (text, "not DICOM at all", -1, NULL));
  paths[0] = text;
  check_fails (sag_job_new_index (paths), "text.dcm");
  check_fails (sag_job_new_tags (text), "text.dcm");
  check_fails (sag_job_new_read_segmentation (text, FALSE, NULL), "text.dcm");
  g_assert_true (g_file_get_contents (sag_series_get_paths (series)[0], &bytes, &length, NULL));
  g_assert_true (g_file_set_contents (cut, bytes, 700, NULL));
  check_fails (sag_job_new_tags (cut), "cut.dcm");

  check_fails (sag_job_new_segment ("org.example.absent", SAG_PRECISION_F32, volume, NULL, NULL),
               "org.example.absent");
  check_fails (sag_job_new_estimate ("org.sagitta.threshold", SAG_PRECISION_INT4, volume, NULL),
               "int4");
  for (int kind = 0; kind < SAG_N_JOB_KINDS; kind++)
    if (kind != SAG_JOB_MODELS)
      {
        g_variant_dict_init (&dict, NULL);
        check_fails (sag_job_new ((SagJobKind) kind, g_variant_dict_end (&dict), NULL), "lacks");
      }
}

static void
test_cancel (void)
{
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (JobRun) run = job_run_start (sag_job_new_read (series, NULL), workspace, NULL);
  g_autoptr (SagWorkspace) after = NULL;

  sag_job_cancel (run->job);
  job_run_wait (run);
  g_assert_error (run->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_null (sag_workspace_get_volume (workspace));
  after = open_series ();
  g_assert_cmpint (sag_volume_get_n_ready (sag_workspace_get_volume (after)), ==, SLICES);
}

/* A job of each kind, on the open series and its result. */
static SagJob *
job_of_kind (SagJobKind kind, SagWorkspace *workspace, const char *path)
{
  const char *const paths[] = { folder, NULL };
  SagVolume *volume = sag_workspace_get_volume (workspace);
  SagSegmentation *segmentation = sag_workspace_get_segmentation (workspace);
  g_autofree char *notes = g_strconcat (path, "-notes.db", NULL);

  switch (kind)
    {
    case SAG_JOB_INDEX:
      return sag_job_new_index (paths);
    case SAG_JOB_THUMBNAIL:
      return sag_job_new_thumbnail (series, 64);
    case SAG_JOB_READ:
      return sag_job_new_read (series, NULL);
    case SAG_JOB_TAGS:
      return sag_job_new_tags (sag_series_get_paths (series)[0]);
    case SAG_JOB_READ_SEGMENTATION:
      return sag_job_new_read_segmentation (path, TRUE, volume);
    case SAG_JOB_EXPORT:
      return sag_job_new_export ("seg", path, segmentation, series, NULL);
    case SAG_JOB_MODELS:
      return sag_job_new_models ();
    case SAG_JOB_ESTIMATE:
      return sag_job_new_estimate ("org.sagitta.threshold", SAG_PRECISION_F32, volume, NULL);
    case SAG_JOB_SEGMENT:
      return sag_job_new_segment ("org.sagitta.threshold", SAG_PRECISION_F32, volume, NULL, NULL);
    case SAG_JOB_COMPARE:
      return sag_job_new_compare (segmentation, segmentation, TRUE, NULL);
    case SAG_JOB_EDIT:
      return sag_job_new_edit (segmentation, 0, 1, "smooth", NULL);
    case SAG_JOB_DEIDENTIFY:
      {
        /* What is there is not written over, and what a killed one leaves must not stand in the way: a new place
         * for each. */
        static int n;
        g_autofree char *place = g_strdup_printf ("%s-copies-%d", path, n++);

        return sag_job_new_deidentify (paths, place, "shift");
      }
    case SAG_JOB_KEEP:
      return sag_job_new_keep (notes, "1.2.3", "note", "kept");
    case SAG_JOB_RECALL:
      return sag_job_new_recall (notes, "1.2.3", "note");
    case SAG_JOB_PARTS:
      return sag_job_new_parts (segmentation, NULL);
    case SAG_N_JOB_KINDS:
      break;
    }
  g_assert_not_reached ();
}

/* The file, old or new, is whole; identifiers made anew may be some digits shorter. */
static void
check_whole (const char *path, const char *before, gsize length)
{
  g_autofree char *now = NULL;
  gsize n;

  g_assert_true (g_file_get_contents (path, &now, &n, NULL));
  g_assert_cmpmem (now, MIN (n, 132), before, MIN (length, 132));
  g_assert_cmpuint (n + 256, >=, length);
}

static gboolean
kill_it (gpointer data)
{
  int *target = data; /* a lane, a signal, and whether it is still to come */
  int pid = sag_link_get_pid (link_in_use, (SagJobLane) target[0]);

  if (pid > 0)
    kill (pid, target[1]);
  target[2] = FALSE;
  return G_SOURCE_REMOVE;
}

/* The worker ends at some moment of each kind of job: one sentence or a result, and everything that was open
 * is still there and the next job works. Every other one is stopped before it is asked, so that it is killed
 * before the job began: then another does it, or says that it was lost. */
static void
test_killed (void)
{
  static const int signals[] = { SIGSEGV, SIGBUS };
  g_autoptr (SagWorkspace) workspace = segment_series ();
  g_autofree char *path = result_path ("killed.dcm"), *whole = NULL;
  int n_crashed = 0;
  gsize length;

  {
    g_autoptr (JobRun) first = job_run (job_of_kind (SAG_JOB_EXPORT, workspace, path), NULL);

    g_assert_no_error (first->error);
    g_assert_true (g_file_get_contents (path, &whole, &length, NULL));
  }
  for (int kind = 0; kind < SAG_N_JOB_KINDS; kind++)
    for (int round = 0; round < 4; round++)
      {
        SagJob *job = job_of_kind ((SagJobKind) kind, workspace, path);
        int pid = sag_link_get_pid (link_in_use, sag_job_get_lane (job));
        gboolean stopped = round % 2 == 0 && pid > 0 && kill (pid, SIGSTOP) == 0;
        g_autoptr (JobRun) run = NULL, again = NULL;
        int target[3];
        guint timer;

        target[0] = sag_job_get_lane (job);
        target[1] = stopped ? SIGKILL : signals[round / 2];
        run = job_run_start (job, NULL, NULL);
        target[2] = TRUE;
        timer = g_timeout_add (stopped ? 0 : (guint) g_test_rand_int_range (0, 12), kill_it, target);
        job_run_wait (run);
        if (run->error != NULL)
          {
            n_crashed++;
            g_assert_error (run->error, SAG_JOB_ERROR, SAG_JOB_ERROR_CRASHED);
            g_assert_null (strchr (run->error->message, '\n'));
          }
        while (g_main_context_iteration (NULL, FALSE))
          ;
        check_whole (path, whole, length);
        again = job_run (job_of_kind ((SagJobKind) kind, workspace, path), NULL);
        if (target[2])
          g_source_remove (timer);
        if (again->error != NULL && g_error_matches (again->error, SAG_JOB_ERROR, SAG_JOB_ERROR_CRASHED))
          continue; /* the timer came late, and hit this one */
        g_assert_no_error (again->error);
        if (kind == SAG_JOB_RECALL)
          {
            const char *text;

            g_assert_true (g_variant_lookup (again->result, "text", "&s", &text));
            g_assert_cmpstr (text, ==, "kept");
          }
      }
  g_test_message ("%d jobs lost their worker", n_crashed);
  g_assert_cmpint (n_crashed, >, 0);
  g_assert_cmpint (sag_volume_get_n_ready (sag_workspace_get_volume (workspace)), ==, SLICES);
  g_assert_nonnull (sag_workspace_get_segmentation (workspace));
}

static void
open_folder (void)
{
  const char *const paths[] = { folder, NULL };
  g_autoptr (JobRun) run = job_run (sag_job_new_index (paths), NULL);

  g_assert_no_error (run->error);
  catalogue = sag_catalogue_new ();
  g_assert_true (sag_catalogue_set (catalogue, run->result, NULL));
  series = sag_catalogue_pick_series (catalogue);
}

int
main (int argc, char **argv)
{
  const char *worker[] = { NULL, "worker", NULL };
  const SagLinkOptions options = { .argv = worker };
  int status;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 3);
  folder = g_dir_make_tmp ("sagitta-body-XXXXXX", NULL);
  results = g_dir_make_tmp ("sagitta-results-XXXXXX", NULL);
  /* Nothing of the person who runs the tests is read or written. */
  g_setenv ("XDG_CONFIG_HOME", results, TRUE);
  g_setenv ("XDG_CACHE_HOME", results, TRUE);
  worker[0] = argv[2];
  if (strcmp (argv[1], "link") == 0)
    link_in_use = sag_link_install (&options);
  else
    sag_runner_inline_install (sag_job_body (), 0);
  write_series ();
  open_folder ();

  g_test_add_func ("/body/index", test_index);
  g_test_add_func ("/body/truths", test_truths);
  g_test_add_func ("/body/read", test_read);
  g_test_add_func ("/body/read-again", test_read_again);
  g_test_add_func ("/body/read-lost", test_read_lost);
  g_test_add_func ("/body/thumbnail", test_thumbnail);
  g_test_add_func ("/body/tags", test_tags);
  g_test_add_func ("/body/models", test_models);
  g_test_add_func ("/body/estimate", test_estimate);
  g_test_add_func ("/body/segment", test_segment);
  g_test_add_func ("/body/zip", test_zip);
  g_test_add_func ("/body/deidentify", test_deidentify);
  g_test_add_func ("/body/export", test_export);
  g_test_add_func ("/body/png", test_png);
  g_test_add_func ("/body/nifti", test_nifti);
  g_test_add_func ("/body/nifti/times", test_nifti_times);
  g_test_add_func ("/body/errors", test_errors);
  g_test_add_func ("/body/cancel", test_cancel);
  if (link_in_use != NULL) /* threads of this process cannot be killed */
    g_test_add_func ("/body/killed", test_killed);
  status = g_test_run ();

  if (link_in_use != NULL)
    sag_link_remove (link_in_use);
  else
    sag_runner_inline_remove ();
  g_object_unref (catalogue);
  remove_tree (folder);
  remove_tree (results);
  g_free (folder);
  g_free (results);
  return status;
}
