/* SPDX-License-Identifier: Apache-2.0
 *
 * convert-labels.c: labels to what is no image.
 */
#include "app/cli/convert-labels.h"

#include "app/dicom/dcmtk.h"
#include "app/files/nifti.h"
#include "app/files/open.h"
#include "app/files/stl.h"
#include "app/work/statistics.h"

#include <string.h>

static gboolean
is_table (const char *path)
{
  gsize n = strlen (path);

  return n > 4 && g_ascii_strcasecmp (path + n - 4, ".csv") == 0;
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
sag_convert_is_labels (const char *input, const char *output)
{
  return sag_stl_is_name (output) || is_table (output) || (sag_nifti_is_name (output) && is_dicom_labels (input));
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

gboolean
sag_convert_labels (const char *input, const char *output, int label, int smooth, const char *images,
                    const char *series, GError **error)
{
  gboolean is_nifti = sag_nifti_is_name (output);
  g_autoptr (SagSegmentation) segmentation = NULL;
  g_autoptr (SagSurface) surface = NULL;
  g_autoptr (SagVolume) volume = NULL;
  const SagLabel *chosen;
  SagLabelmap *layer;

  if (images != NULL && (is_nifti || is_table (output))
      && (volume = sag_open_volume (images, series, NULL, NULL, error)) == NULL)
    return FALSE;
  segmentation = sag_open_segmentation (input, is_nifti && volume != NULL ? sag_volume_get_grid (volume) : NULL, error);
  if (segmentation == NULL)
    return FALSE;
  if (is_nifti)
    {
      g_autoptr (SagSegmentation) picked = pick (segmentation, label, error);

      return picked != NULL && sag_nifti_write_segmentation (output, picked, TRUE, error);
    }
  if (is_table (output))
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
