/* SPDX-License-Identifier: Apache-2.0
 *
 * convert-labels.c: labels to what is no image.
 */
#include "app/cli/convert-labels.h"

#include "app/dicom/dcmtk.h"
#include "app/files/nifti.h"
#include "app/files/open.h"
#include "app/files/png.h"
#include "app/files/stl.h"
#include "app/work/statistics.h"
#include "engine/base/error.h"

#include <string.h>

static gboolean
has_ending (const char *path, const char *ending)
{
  gsize n = strlen (path), m = strlen (ending);

  return n > m && g_ascii_strcasecmp (path + n - m, ending) == 0;
}

/* A DICOM segmentation or structure set; a folder is asked for its images. */
static gboolean
is_dicom_labels (const char *path)
{
  g_autoptr (SagDicomInstance) instance
      = g_file_test (path, G_FILE_TEST_IS_REGULAR) ? sag_dicom_read_header (path, NULL) : NULL;

  return instance != NULL
         && (sag_dicom_instance_is_seg (instance)
             || strcmp (instance->sop_class_uid, SAG_UID_RT_STRUCTURE_SET) == 0);
}

gboolean
sag_convert_is_labels (const char *input, const char *output, gboolean asked)
{
  return sag_stl_is_name (output) || has_ending (output, ".csv") || has_ending (output, ".dcm")
         || (sag_nifti_is_name (output) && (asked || is_dicom_labels (input)));
}

/* The label asked for, with its layer; of 0 the only one that there is. */
static const SagLabel *
choose (SagSegmentation *segmentation, int value, SagLabelmap **layer, GError **error)
{
  g_autoptr (GString) all = g_string_new (NULL);
  const SagLabel *found = NULL;
  int n_found = 0;

  for (int l = 0; l < sag_segmentation_get_n_layers (segmentation); l++)
    {
      SagLabelmap *map = sag_segmentation_get_layer (segmentation, l);
      int n;
      const SagLabel *labels = sag_labelmap_get_labels (map, &n);

      for (int i = 0; i < n; i++)
        {
          g_string_append_printf (all, "%s%d %s", all->len > 0 ? ", " : "", sag_label_get_number (&labels[i]),
                                  labels[i].name);
          if (value != 0 && sag_label_get_number (&labels[i]) != value)
            continue;
          found = &labels[i];
          *layer = map;
          n_found++;
        }
    }
  if (n_found == 1)
    return found;
  if (value == 0 && n_found > 1)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 "There are %d labels; choose one with --label: %s", n_found, all->str);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "There is no label %d; there is: %s", value,
                 all->len > 0 ? all->str : "none");
  return NULL;
}

/* `label` alone, or all of them where they lie in one layer; caller unrefs. */
static SagSegmentation *
pick (SagSegmentation *segmentation, int label, GError **error)
{
  const SagLabel *chosen;
  g_autoptr (SagLabelmap) only = NULL;
  g_autoptr (SagBlock) block = NULL;
  SagSegmentation *picked;
  SagLabelmap *layer;
  guint8 *voxels;

  if (label == 0 && (sag_segmentation_get_n_layers (segmentation) == 1 || sag_segmentation_is_wide (segmentation)))
    return sag_segmentation_ref (segmentation);
  if (label == 0)
    {
      g_set_error_literal (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_UNSUPPORTED,
                           "Labels lie over each other, and NIfTI holds one a voxel; write one after the other with "
                           "--label (seg-info lists them)");
      return NULL;
    }
  chosen = choose (segmentation, label, &layer, error);
  block = chosen != NULL ? sag_labelmap_copy_voxels (layer, "the labels", error) : NULL;
  if (block == NULL)
    return NULL;
  voxels = sag_block_get_data (block);
  for (gsize p = 0; p < sag_block_get_size (block); p++)
    voxels[p] = voxels[p] == chosen->value ? chosen->value : 0;
  only = sag_labelmap_new (sag_segmentation_get_grid (segmentation), block, chosen, 1, error);
  picked = only != NULL ? sag_segmentation_new (&only, 1, NULL, sag_segmentation_get_provenance (segmentation), error)
                        : NULL;
  if (picked != NULL)
    sag_segmentation_mark_ready (picked, 0, sag_segmentation_get_grid (picked)->size[2]);
  return picked;
}

static guint64
count_voxels (SagSegmentation *segmentation)
{
  g_autofree SagLabelStats *stats = g_new (SagLabelStats, 256);
  guint64 n = 0;

  for (int layer = 0; layer < sag_segmentation_get_n_layers (segmentation); layer++)
    {
      sag_labelmap_measure (sag_segmentation_get_layer (segmentation, layer), stats);
      for (int value = 1; value < 256; value++)
        n += stats[value].n_voxels;
    }
  return n;
}

/* `labels` laid on the voxels of `images`, as a DICOM SEG. */
static gboolean
write_seg (const char *output, const char *input, int label, const char *images, const char *series, char **finding,
           GError **error)
{
  g_autoptr (SagOpenInfo) info = NULL;
  g_autoptr (SagVolume) volume = NULL;
  g_autoptr (SagSegmentation) own = NULL, laid = NULL, picked = NULL;
  guint64 n_own, n_laid;

  if (images == NULL)
    return sag_invalid (error, "A DICOM segmentation lies on DICOM images: name their series with --images");
  volume = sag_open_volume (images, series, NULL, &info, error);
  if (volume == NULL)
    return FALSE;
  if (info->stack == NULL)
    return sag_invalid (error, "A DICOM segmentation lies on DICOM images, and those named with --images are not DICOM");
  own = sag_open_segmentation (input, sag_png_is_name (input) ? sag_volume_get_grid (volume) : NULL, error);
  if (own == NULL)
    return FALSE;
  laid = sag_open_lay (own, input, sag_volume_get_grid (volume), error);
  if (laid == NULL)
    return FALSE;
  n_own = count_voxels (own);
  n_laid = count_voxels (laid);
  if (n_own > 0 && n_laid == 0)
    return sag_invalid (error, "The labels do not lie in the images: choose those that they were drawn on");
  if (n_own != n_laid)
    *finding = g_strdup_printf ("The labels do not lie on the voxels of the images, or reach beyond them: of %"
                                G_GUINT64_FORMAT " voxels %" G_GUINT64_FORMAT " were made, by nearest voxel",
                                n_own, n_laid);
  picked = label == 0 ? sag_segmentation_ref (laid) : pick (laid, label, error);
  return picked != NULL && sag_seg_write (output, picked, info->stack, NULL, error);
}

gboolean
sag_convert_labels (const char *input, const char *output, int label, int smooth, const char *images,
                    const char *series, char **finding, GError **error)
{
  gboolean is_nifti = sag_nifti_is_name (output);
  g_autoptr (SagSegmentation) segmentation = NULL;
  g_autoptr (SagSurface) surface = NULL;
  g_autoptr (SagVolume) volume = NULL;
  const SagLabel *chosen;
  SagLabelmap *layer;

  *finding = NULL;
  if (has_ending (output, ".dcm"))
    return write_seg (output, input, label, images, series, finding, error);
  if (images != NULL && (is_nifti || has_ending (output, ".csv"))
      && (volume = sag_open_volume (images, series, NULL, NULL, error)) == NULL)
    return FALSE;
  segmentation = sag_open_segmentation (input, is_nifti && volume != NULL ? sag_volume_get_grid (volume) : NULL, error);
  if (segmentation == NULL)
    return FALSE;
  if (is_nifti)
    {
      g_autoptr (SagSegmentation) picked = pick (segmentation, label, error);

      return picked != NULL
             && sag_nifti_write_segmentation (output, picked, volume != NULL || sag_nifti_is_placed (input), error);
    }
  if (has_ending (output, ".csv"))
    return sag_statistics_write_csv (output, segmentation, volume, error);
  chosen = choose (segmentation, label, &layer, error);
  if (chosen == NULL)
    return FALSE;
  if (!sag_segmentation_get_has_place (segmentation))
    {
      g_set_error_literal (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_UNSUPPORTED,
                           "The segmentation says no place in the patient (a radiograph's), so it has no surface there");
      return FALSE;
    }
  surface = sag_surface_new (layer, chosen->value, CLAMP (smooth, 0, 200), NULL, error);
  return surface != NULL && sag_stl_write (output, surface, chosen->name, error);
}
