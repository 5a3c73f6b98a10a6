/* SPDX-License-Identifier: Apache-2.0
 *
 * synthetic.h: small CT series, segmentations and temporary folders for tests.
 */
#pragma once

#include "app/dicom/dcmtk.h"
#include "app/dicom/index.h"
#include "engine/image/segmentation.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static inline char *
test_folder (void)
{
  char *folder = g_dir_make_tmp ("sagitta-test-XXXXXX", NULL);

  g_assert_nonnull (folder);
  return folder;
}

/* Removes a folder of files and folders; never follows links. */
static inline void
test_remove (const char *path)
{
  if (g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
    {
      GDir *dir = g_dir_open (path, 0, NULL);
      const char *name;

      while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
        {
          g_autofree char *child = g_build_filename (path, name, NULL);

          test_remove (child);
        }
      g_clear_pointer (&dir, g_dir_close);
    }
  g_remove (path);
}

/* A grid turned about z by a little, so that nothing is right by symmetry. */
static inline void
test_grid (SagGrid *grid)
{
  const int size[3] = { 37, 29, 11 }; /* columns no multiple of 8 */
  const double spacing[3] = { 0.8, 0.7, 2.5 };
  const double direction[9] = { 0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1 };

  sag_grid_init (grid, size, spacing);
  grid->origin[0] = -12.5;
  grid->origin[1] = 31.25;
  grid->origin[2] = -100;
  memcpy (grid->direction, direction, sizeof direction);
}

static inline int
test_value (int i, int j, int k)
{
  return i * 31 + j * 17 + k * 101 - 1000;
}

static inline SagVolume *
test_volume_of (const SagGrid *grid)
{
  SagVolume *volume = sag_volume_new_alloc (grid, SAG_VOXEL_I16, 1, 0, "HU", NULL);

  g_assert_nonnull (volume);
  for (int k = 0; k < grid->size[2]; k++)
    {
      gint16 *slice = sag_volume_get_slice (volume, k);

      for (int j = 0; j < grid->size[1]; j++)
        for (int i = 0; i < grid->size[0]; i++)
          *slice++ = (gint16) test_value (i, j, k);
    }
  sag_volume_mark_ready (volume, 0, grid->size[2]);
  return volume;
}

static inline gboolean
test_try_series (const char *folder, const SagVolume *volume, const char *seed, GError **error)
{
  const SagDicomCtDescription description = {
    .seed = seed,
    .date = "20240229",
    .patient_name = "Test^Phantom",
    .patient_id = "T1",
    .patient_sex = "O",
    .patient_birth_date = "19700101",
    .study_description = "Test study",
    .series_description = "Test série",
    .series_number = 3,
    .body_part_examined = "CHEST",
    .convolution_kernel = "STANDARD",
    .manufacturer = "Sagitta",
    .model_name = "Phantom",
    .kvp = 120,
    .exposure_mas = 100,
    .windows = { { 40, 400 }, { -600, 1500 } },
    .window_explanations = { "SOFT TISSUE", "LUNG" },
    .n_windows = 2,
  };

  return sag_dicom_write_ct_series (folder, volume, &description, error);
}

static inline void
test_write_series (const char *folder, const SagGrid *grid, const char *seed)
{
  g_autoptr (SagVolume) volume = test_volume_of (grid);
  GError *error = NULL;
  gboolean ok = test_try_series (folder, volume, seed, &error);

  g_assert_no_error (error);
  g_assert_true (ok);
}

/* Three labels: two touching boxes and a single voxel; `overlap` puts a fourth over the first in a
 * layer of its own. */
static inline SagSegmentation *
test_segmentation (const SagGrid *grid, gboolean overlap, gboolean with_confidence)
{
  const SagLabel labels[] = {
    { 1, 0, "Right lung", { "123037004", "SCT", "Anatomical Structure" }, { "39607008", "SCT", "Lung" },
      { "24028007", "SCT", "Right" }, { 86, 180, 233 } },
    { 2, 0, "Left lung", { "123037004", "SCT", "Anatomical Structure" }, { "39607008", "SCT", "Lung" },
      { "7771000", "SCT", "Left" }, { 230, 159, 0 } },
    { 3, 0, "Nodule", { "49755003", "SCT", "Morphologically Abnormal Structure" },
      { "27925004", "SCT", "Nodule" }, { "", "", "" }, { 0, 158, 115 } },
  };
  const SagLabel over = { 4, 0, "Over", { "", "", "" }, { "", "", "" }, { "", "", "" }, { 1, 2, 3 } };
  SagLabelmap *layers[2] = { sag_labelmap_new (grid, NULL, labels, 3, NULL),
                             sag_labelmap_new (grid, NULL, &over, 1, NULL) };
  g_autoptr (SagProvenance) provenance = sag_provenance_new ();
  g_autoptr (SagBlock) confidence = NULL;
  guint8 *a = sag_labelmap_get_voxels (layers[0]), *b = sag_labelmap_get_voxels (layers[1]);
  SagSegmentation *segmentation;

  for (int k = 0; k < grid->size[2]; k++)
    for (int j = 0; j < grid->size[1]; j++)
      for (int i = 0; i < grid->size[0]; i++, a++, b++)
        {
          if (k >= 2 && k < 7 && j > 3 && j < 20 && i > 2 && i < 12)
            *a = 1;
          if (k >= 4 && k < 9 && k != 6 && j > 5 && j < 15 && i >= 12 && i < 30)
            *a = 2; /* a slice without frame in the middle */
          if (k == 9 && j == 27 && i == 36)
            *a = 3;
          if (k >= 3 && k < 5 && j > 10 && j < 25 && i > 5 && i < 20)
            *b = 4;
        }
  sag_provenance_set (&provenance->model_id, "org.sagitta.test");
  sag_provenance_set (&provenance->model_name, "Test model");
  sag_provenance_set (&provenance->model_version, "1.2.3");
  sag_provenance_set (&provenance->weights_sha256,
                      "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
  sag_provenance_set (&provenance->precision, "int8");
  sag_provenance_set (&provenance->calibration, "temperature 1.31");
  sag_provenance_set (&provenance->cpu, "avx2");
  sag_provenance_set (&provenance->program, "Sagitta 0.1.0");
  sag_provenance_set (&provenance->time, "2024-02-29T12:00:00+01:00");
  if (with_confidence)
    {
      guint8 *bytes;

      confidence = sag_block_new (sag_grid_get_n_voxels (grid), "the confidence", NULL);
      bytes = sag_block_get_data (confidence);
      for (gsize i = 0; i < sag_block_get_size (confidence); i++)
        bytes[i] = (guint8) (128 + i % 128);
    }
  segmentation = sag_segmentation_new (layers, overlap ? 2 : 1, confidence, provenance, NULL);
  g_assert_nonnull (segmentation);
  sag_segmentation_mark_ready (segmentation, 0, grid->size[2]);
  sag_labelmap_unref (layers[0]);
  sag_labelmap_unref (layers[1]);
  return segmentation;
}

/* From here on files may not grow beyond `bytes`, as on a full disk; 0 lifts the limit. */
static inline void
test_limit_files (gsize bytes)
{
  struct rlimit limit;

  signal (SIGXFSZ, SIG_IGN);
  getrlimit (RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes > 0 ? bytes : limit.rlim_max;
  setrlimit (RLIMIT_FSIZE, &limit);
}

/* Runs a program; TRUE if it exits 0. `output` gets stdout and stderr. */
static inline gboolean
test_run (char **output, const char *const *argv)
{
  g_autofree char *out = NULL, *err = NULL;
  int status = 0;
  gboolean ok = g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
                              &err, &status, NULL);

  if (output != NULL)
    *output = g_strconcat (out != NULL ? out : "", err != NULL ? err : "", NULL);
  return ok && g_spawn_check_wait_status (status, NULL);
}

/* dciodvfy on one file: its text must not say Error. Skips nothing: without the program the test of
 * the IOD is not made, and says so. */
static inline void
test_validate (const char *path)
{
  const char *const argv[] = { "dciodvfy", path, NULL };
  g_autofree char *program = g_find_program_in_path ("dciodvfy");
  g_autofree char *output = NULL;

  if (program == NULL)
    {
      g_test_message ("dciodvfy is not installed: conformance was not checked");
      return;
    }
  test_run (&output, argv);
  if (strstr (output, "Error") != NULL)
    g_error ("dciodvfy on %s says:\n%s", path, output);
}
