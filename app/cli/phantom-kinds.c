/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom-kinds.c: the sample studies beside the CT thorax, as files.
 */
#include "app/cli/phantom-kinds.h"

#include "app/dicom/dcmtk.h"
#include "app/dicom/seg.h"
#include "app/files/nifti.h"
#include "app/files/open.h"
#include "app/files/png.h"
#include "engine/base/error.h"
#include "engine/image/phantom.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

static gboolean
make_folder (const char *path, GError **error)
{
  if (g_mkdir_with_parents (path, 0777) == 0)
    return TRUE;
  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO, "The folder '%s' cannot be made: %s", path,
               g_strerror (errno));
  return FALSE;
}

/* Files of ours in `folder`, and it if nothing else is in it. */
static void
remove_folder (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_prefix (name, "mr-") || g_str_has_prefix (name, "dx-") || g_str_equal (name, "truth.dcm"))
      {
        g_autofree char *path = g_build_filename (folder, name, NULL);

        g_unlink (path);
      }
  g_rmdir (folder);
}

static gboolean
write_fields (const char *folder, SagSegmentation *truth, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "dx-0001.png", NULL);
  SagLabelmap     *fields = sag_segmentation_get_layer (truth, 0);
  const SagGrid   *grid = sag_segmentation_get_grid (truth);
  const guint8    *labels = sag_labelmap_get_voxels (fields);
  gsize            n = (gsize)grid->size[0] * grid->size[1];
  g_autofree guint8 *rgb = g_malloc (3 * n);

  for (gsize p = 0; p < n; p++)
    memset (rgb + 3 * p, labels[p] != 0 ? 255 : 0, 3);
  return make_folder (folder, error) && sag_png_write (path, rgb, grid->size[0], grid->size[1], 3, error);
}

gboolean
sag_phantom_write_dx (const char *folder, guint64 seed, GError **error)
{
  g_autofree char *uid_seed = g_strdup_printf ("sagitta phantom dx-chest %" G_GUINT64_FORMAT, seed);
  g_autofree char *id = g_strdup_printf ("PHANTOM-%" G_GUINT64_FORMAT, seed);
  g_autofree char *images = g_build_filename (folder, "dx", NULL);
  g_autofree char *truth_folder = g_build_filename (folder, "truth", NULL);
  const SagDicomCtDescription description = {
    .seed = uid_seed,
    .date = SAG_PHANTOM_DATE,
    .patient_name = "Phantom^Thorax",
    .patient_id = id,
    .patient_sex = "M",
    .patient_birth_date = "19660101",
    .study_description = "Chest radiograph, procedural phantom",
    .series_description = "Chest PA",
    .series_number = 1,
    .body_part_examined = "CHEST",
    .manufacturer = "Sagitta",
    .model_name = "Phantom",
    .kvp = 120,
    .modality = "DX",
    .windows = { { 1700, 2600 } },
    .window_explanations = { "NORMAL" },
    .n_windows = 1,
  };
  g_autoptr (SagVolume) volume = NULL;
  g_autoptr (SagSegmentation) truth = NULL;

  if (!sag_phantom_chest_dx (seed, NULL, &volume, &truth, error) || !make_folder (folder, error)
      || !sag_dicom_write_ct_series (images, volume, &description, error))
    return FALSE;
  if (write_fields (truth_folder, truth, error))
    return TRUE;
  remove_folder (images);
  remove_folder (truth_folder);
  return FALSE;
}

static const struct
{
  SagPhantomContrast contrast;
  const char        *name, *description;
  int                size[3];
  double             spacing[3];
  double             repetition_ms, echo_ms, inversion_ms;
  SagWindowLevel     window;
} head_series[] = {
  { SAG_PHANTOM_T1, "t1", "T1 MPRAGE", { 192, 232, 192 }, { 1, 1, 1 }, 2300, 3, 900, { 480, 960 } },
  { SAG_PHANTOM_T2, "t2", "T2 TSE", { 256, 308, 36 }, { 0.75, 0.75, 5 }, 5000, 95, 0, { 480, 960 } },
  { SAG_PHANTOM_FLAIR, "flair", "FLAIR", { 256, 308, 36 }, { 0.75, 0.75, 5 }, 9000, 95, 2500, { 320, 640 } },
};

static gboolean
write_truth (const char *folder, const char *images, SagSegmentation *truth, const char *seed, GError **error)
{
  const SagSegOptions options = {
    .type = SAG_SEG_BINARY,
    .series_description = "Truth of the phantom",
    .content_label = "TRUTH",
    .series_number = 9002,
    .seed = seed,
    .date = SAG_PHANTOM_DATE,
  };
  g_autofree char *path = g_build_filename (folder, "truth.dcm", NULL);
  g_autoptr (SagIndex) index = NULL;
  const SagStack *stack;

  if (!make_folder (folder, error))
    return FALSE;
  index = sag_index_folder (images, NULL, error);
  stack = index != NULL ? sag_open_choose (index, NULL, NULL, error) : NULL;
  return stack != NULL && sag_seg_write (path, truth, stack, &options, error);
}

/* Series `n`, and the truth over the first. */
static gboolean
write_head_series (const char *folder, guint64 seed, gsize n, gboolean small, gboolean nifti, GError **error)
{
  g_autofree char *uid_seed
      = g_strdup_printf ("sagitta phantom mr-head %" G_GUINT64_FORMAT "%s", seed, small ? " small" : "");
  g_autofree char *id = g_strdup_printf ("PHANTOM-%" G_GUINT64_FORMAT, seed);
  g_autofree char *images = g_build_filename (folder, head_series[n].name, NULL);
  g_autofree char *image = g_strconcat (images, ".nii.gz", NULL);
  g_autofree char *truth_folder = g_build_filename (folder, "truth", NULL);
  g_autofree char *truth_file = g_build_filename (folder, "truth.nii.gz", NULL);
  const SagDicomCtDescription description = {
    .seed = uid_seed,
    .date = SAG_PHANTOM_DATE,
    .patient_name = "Phantom^Head",
    .patient_id = id,
    .patient_sex = "F",
    .patient_birth_date = "19700101",
    .study_description = "MR head, procedural phantom",
    .series_description = head_series[n].description,
    .series_number = (int)n + 2,
    .body_part_examined = "HEAD",
    .manufacturer = "Sagitta",
    .model_name = "Phantom",
    .modality = "MR",
    .repetition_ms = head_series[n].repetition_ms,
    .echo_ms = head_series[n].echo_ms,
    .inversion_ms = head_series[n].inversion_ms,
    .windows = { head_series[n].window },
    .window_explanations = { "NORMAL" },
    .n_windows = 1,
  };
  g_autoptr (SagVolume) volume = NULL;
  g_autoptr (SagSegmentation) truth = NULL;
  double spacing[3];
  int    size[3];

  for (int a = 0; a < 3; a++)
    {
      gboolean halve = small && (a < 2 || n == 0);

      size[a] = head_series[n].size[a] / (halve ? 2 : 1);
      spacing[a] = head_series[n].spacing[a] * (halve ? 2 : 1);
    }
  if (!sag_phantom_head (seed, head_series[n].contrast, size, spacing, NULL, &volume, n == 0 ? &truth : NULL, error))
    return FALSE;
  if (nifti)
    return sag_nifti_write (image, volume, NULL, error)
           && (truth == NULL || sag_nifti_write_segmentation (truth_file, truth, TRUE, error));
  return sag_dicom_write_ct_series (images, volume, &description, error)
         && (truth == NULL || write_truth (truth_folder, images, truth, uid_seed, error));
}

gboolean
sag_phantom_write_head (const char *folder, guint64 seed, gboolean small, gboolean nifti, GError **error)
{
  if (!make_folder (folder, error))
    return FALSE;
  for (gsize n = 0; n < G_N_ELEMENTS (head_series); n++)
    if (!write_head_series (folder, seed, n, small, nifti, error))
      {
        g_autofree char *truth = g_build_filename (folder, "truth", NULL);

        /* A part looks like a whole study. */
        for (gsize done = 0; done <= n; done++)
          {
            g_autofree char *images = g_build_filename (folder, head_series[done].name, NULL);
            g_autofree char *image = g_strconcat (images, ".nii.gz", NULL);

            if (nifti)
              g_unlink (image);
            else
              remove_folder (images);
          }
        if (!nifti)
          remove_folder (truth);
        return FALSE;
      }
  return TRUE;
}
