/* SPDX-License-Identifier: Apache-2.0
 *
 * named-together.h: files that are named together: which of them are labels of the others.
 */
#pragma once

#include "app/files/nifti.h"
#include "app/state/catalogue.h"
#include "app/work/job.h"
#include "tests/app/job-runs.h"

/* What `second` refers to, "" for images. */
static void
assert_named_together (const char *first, const char *second, const char *references)
{
  const char *const paths[] = { first, second, NULL };
  g_autoptr (SagCatalogue) found = sag_catalogue_new ();
  g_autoptr (JobRun) run = job_run (sag_job_new_index (paths), NULL);
  g_autofree char *uid = g_filename_display_name (second);
  g_autoptr (GError) error = NULL;
  SagSeries *labels;

  g_assert_no_error (run->error);
  g_assert_true (sag_catalogue_set (found, run->result, &error));
  g_assert_no_error (error);
  labels = sag_catalogue_find_series (found, uid);
  g_assert_nonnull (labels);
  g_assert_cmpint (sag_series_is_segmentation (labels), ==, references[0] != '\0');
  g_assert_cmpstr (sag_series_get_references (labels), ==, references);
}

/* `labels` have the voxels of `volume`, which is `series` in `folder`; other files go to `results`. */
static void
check_named_together (const char *folder, SagSeries *series, const char *results, const char *labels, SagVolume *volume)
{
  g_autofree char *images = g_build_filename (results, "images.nii", NULL),
                  *same = g_build_filename (results, "same.nii", NULL), *other = g_build_filename (results, "other.nii", NULL);
  const int size[3] = { 20, 20, 4 };
  const double spacing[3] = { 3, 3, 3 };
  g_autoptr (SagVolume) elsewhere = NULL;
  g_autoptr (GError) error = NULL;
  SagGrid grid;

  g_assert_true (sag_nifti_write (images, volume, NULL, &error));
  g_assert_true (sag_nifti_write (same, volume, NULL, &error));
  sag_grid_init (&grid, size, spacing);
  elsewhere = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, 1, 0, "", &error);
  g_assert_no_error (error);
  sag_volume_mark_ready (elsewhere, 0, size[2]);
  g_assert_true (sag_nifti_write (other, elsewhere, NULL, &error));
  g_assert_no_error (error);
  assert_named_together (folder, labels, sag_series_get_uid (series));
  assert_named_together (images, labels, images);
  assert_named_together (folder, images, "");
  assert_named_together (folder, other, "");
  assert_named_together (other, images, "");
  assert_named_together (same, images, "");
}
