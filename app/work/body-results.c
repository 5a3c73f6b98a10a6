/* SPDX-License-Identifier: Apache-2.0
 *
 * body-results.c: jobs that read and write results.
 */
#include "app/dicom/deidentify.h"
#include "app/dicom/seg.h"
#include "app/dicom/tags.h"
#include "app/files/nifti.h"
#include "app/files/notes.h"
#include "app/files/open.h"
#include "app/files/png.h"
#include "app/files/stl.h"
#include "app/files/unzip.h"
#include "app/state/wire.h"
#include "app/work/body-private.h"
#include "app/work/report.h"
#include "app/work/statistics.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

static void
add_tag (int depth, const char *tag, const char *vr, const char *name, const char *value, gpointer data)
{
  g_variant_builder_add (data, "(ussss)", (guint32) depth, tag, vr, name, value);
}

GVariant *
sag_body_tags (SagBodyRun *run, GError **error)
{
  g_autofree char *path = sag_body_get_path (run, error);
  GVariantBuilder tags;
  GVariantDict dict;

  if (path == NULL)
    return NULL;
  g_variant_builder_init (&tags, G_VARIANT_TYPE ("a(ussss)"));
  if (!sag_dicom_list_tags (path, add_tag, &tags, error))
    {
      g_variant_builder_clear (&tags);
      return NULL;
    }
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, "tags", g_variant_builder_end (&tags));
  return g_variant_dict_end (&dict);
}

/* Positions in two frames of reference (PS3.3 C.7.4.1) have nothing to do with each other: labels of
 * one over images of the other would look right and be wrong. NIfTI names none. */
static SagSegmentation *
read_segmentation (SagBodyRun *run, const char *path, GError **error)
{
  g_autoptr (SagSegmentation) segmentation = NULL;
  g_autoptr (SagSegInfo) info = NULL;
  const char *frame = "";

  if (sag_nifti_is_file (path) || sag_unzip_is_zip (path) || g_file_test (path, G_FILE_TEST_IS_DIR))
    return sag_open_segmentation (path, NULL, error);
  segmentation = sag_seg_read (path, &info, error);
  if (segmentation == NULL)
    return NULL;
  g_variant_lookup (run->request, "frame-of-reference", "&s", &frame);
  if (frame[0] == '\0' || info->frame_of_reference_uid[0] == '\0'
      || strcmp (info->frame_of_reference_uid, frame) == 0)
    return g_steal_pointer (&segmentation);
  g_set_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID,
               _ ("This segmentation lies in another frame of reference than the open images; it is not "
               "shown over them. Open the images it was made from"));
  return NULL;
}

/* A file of whole numbers may be images: labels of these images have their voxels, and are few. */
static gboolean
are_labels (SagBodyRun *run, SagSegmentation *segmentation, SagVolume *volume, GError **error)
{
  gboolean doubtful = FALSE;
  int n_labels = 0;

  g_variant_lookup (run->request, "doubtful", "b", &doubtful);
  if (!doubtful)
    return TRUE;
  for (int n = 0; n < sag_segmentation_get_n_layers (segmentation); n++)
    {
      int n_more;

      sag_labelmap_get_labels (sag_segmentation_get_layer (segmentation, n), &n_more);
      n_labels += n_more;
    }
  if (volume != NULL && n_labels <= 64
      && sag_body_is_part_of (sag_segmentation_get_grid (segmentation), sag_volume_get_grid (volume)))
    return TRUE;
  g_set_error (error, SAG_JOB_ERROR, SAG_JOB_ERROR_FAILED, _ ("The file does not hold labels of the open images"));
  return FALSE;
}

GVariant *
sag_body_read_segmentation (SagBodyRun *run, GError **error)
{
  g_autofree char *path = sag_body_get_path (run, error);
  g_autoptr (SagSegmentation) segmentation = NULL;
  g_autoptr (GVariant) described = NULL;
  g_autoptr (SagVolume) volume = NULL;
  const char *role = "segmentation";
  GVariantDict dict;

  if (path == NULL)
    return NULL;
  g_variant_lookup (run->request, "role", "&s", &role);
  if (strcmp (role, "segmentation") != 0 && strcmp (role, "reference") != 0)
    return sag_body_lacks ("role", error);
  segmentation = read_segmentation (run, path, error);
  described = g_variant_lookup_value (run->request, "volume", G_VARIANT_TYPE_VARDICT);
  volume = described != NULL ? sag_volume_from_variant (described, run->fds, NULL) : NULL;
  if (segmentation != NULL && !are_labels (run, segmentation, volume, error))
    return NULL;
  /* A SEG holds only frames with something in them; over its images it is as large as they are, so that
   * it can be compared and corrected. */
  if (segmentation != NULL && volume != NULL
      && !sag_grid_equal (sag_segmentation_get_grid (segmentation), sag_volume_get_grid (volume))
      && (!sag_segmentation_get_has_place (segmentation)
          || sag_body_is_part_of (sag_segmentation_get_grid (segmentation), sag_volume_get_grid (volume))))
    {
      SagSegmentation *placed = sag_seg_regrid (segmentation, sag_volume_get_grid (volume), error);

      sag_segmentation_unref (segmentation);
      segmentation = placed;
    }
  if (segmentation == NULL || !sag_body_tell_segmentation (run, role, segmentation, error))
    return NULL;
  sag_body_tell_labels (run, role, segmentation);
  if (volume != NULL)
    sag_body_tell_values (run, role, segmentation, volume);
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "seconds", "d", sag_body_get_seconds (run));
  return g_variant_dict_end (&dict);
}

static gboolean
get_note (SagBodyRun *run, const char **series, const char **kind, GError **error)
{
  return (g_variant_lookup (run->request, "series", "&s", series)
          || sag_body_lacks ("series", error) != NULL)
         && (g_variant_lookup (run->request, "kind", "&s", kind)
             || sag_body_lacks ("kind", error) != NULL);
}

GVariant *
sag_body_keep (SagBodyRun *run, GError **error)
{
  g_autofree char *path = sag_body_get_path (run, error);
  const char *series, *kind, *text;
  GVariantDict dict;

  if (path == NULL || !get_note (run, &series, &kind, error))
    return NULL;
  if (!g_variant_lookup (run->request, "text", "&s", &text))
    return sag_body_lacks ("text", error);
  if (!sag_notes_put (path, series, kind, text, error))
    return NULL;
  g_variant_dict_init (&dict, NULL);
  return g_variant_dict_end (&dict);
}

GVariant *
sag_body_recall (SagBodyRun *run, GError **error)
{
  g_autofree char *path = sag_body_get_path (run, error);
  g_autofree char *text = NULL;
  const char *series, *kind;
  GVariantDict dict;

  if (path == NULL || !get_note (run, &series, &kind, error))
    return NULL;
  text = sag_notes_get (path, series, kind, error);
  if (text == NULL)
    return NULL;
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "text", "s", text);
  return g_variant_dict_end (&dict);
}

static gboolean
export_png (SagBodyRun *run, const char *path, GError **error)
{
  g_autoptr (SagBlock) pixels = NULL;
  guint32 width, height;
  int handle;

  if (!g_variant_lookup (run->request, "width", "u", &width)
      || !g_variant_lookup (run->request, "height", "u", &height)
      || !g_variant_lookup (run->request, "pixels", "h", &handle) || width < 1 || height < 1
      || width > 65535 || height > 65535)
    return sag_body_lacks ("pixels", error) != NULL;
  pixels = sag_wire_map (run->fds, handle, (gsize) width * height * 4, error);
  return pixels != NULL
         && sag_png_write (path, sag_block_get_data (pixels), (int) width, (int) height, 4, error);
}

static gboolean
export_measurements (SagBodyRun *run, const char *format, const char *path, GError **error)
{
  g_autoptr (GVariant) described
      = g_variant_lookup_value (run->request, "volume", G_VARIANT_TYPE_VARDICT);
  g_autoptr (GVariant) list
      = g_variant_lookup_value (run->request, "measurements", G_VARIANT_TYPE ("aa{sv}"));
  g_autoptr (SagMeasurements) measurements = sag_measurements_new ();
  g_autoptr (SagVolume) volume = NULL;
  g_autoptr (SagIndex) index = NULL;
  const SagStack *stack;
  gboolean calibrated = TRUE;

  if (described == NULL || list == NULL)
    return sag_body_lacks (list == NULL ? "measurements" : "volume", error) != NULL;
  volume = sag_volume_from_variant (described, run->fds, error);
  if (volume == NULL)
    return FALSE;
  g_variant_lookup (run->request, "calibrated", "b", &calibrated);
  sag_measurements_set_volume (measurements, volume, calibrated);
  if (!sag_measurements_load (measurements, list, error))
    return FALSE;
  if (strcmp (format, "csv") == 0)
    return sag_report_write_csv (path, sag_measurements_get_items (measurements), error);
  stack = sag_body_get_stack (run, &index, error);
  return stack != NULL
         && sag_report_write_sr (path, sag_measurements_get_items (measurements), volume, stack,
                                 error);
}

/* A label lies in the layer that names it. */
static gboolean
export_surface (SagBodyRun *run, SagSegmentation *segmentation, const char *path, GError **error)
{
  g_autoptr (SagSurface) surface = NULL;
  const SagLabel *label;
  gint32 number = 0, smooth = 0;
  int layer;

  if (!g_variant_lookup (run->request, "label", "i", &number)
      || (label = sag_segmentation_find_label (segmentation, number, &layer)) == NULL)
    return sag_body_lacks ("label", error) != NULL;
  if (!sag_segmentation_get_has_place (segmentation))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           _ ("The image says no place in the patient (a radiograph's), so its labels have no "
                           "surface there; save them as SEG or NIfTI"));
      return FALSE;
    }
  g_variant_lookup (run->request, "smooth", "i", &smooth);
  surface = sag_surface_new (sag_segmentation_get_layer (segmentation, layer), label->value, CLAMP (smooth, 0, 200),
                             &run->tick, error);
  return surface != NULL && sag_stl_write (path, surface, label->name, error);
}

static gboolean
export_statistics (SagBodyRun *run, SagSegmentation *segmentation, const char *path, GError **error)
{
  g_autoptr (GVariant) described
      = g_variant_lookup_value (run->request, "volume", G_VARIANT_TYPE_VARDICT);
  g_autoptr (SagVolume) volume
      = described != NULL ? sag_volume_from_variant (described, run->fds, error) : NULL;

  return (described == NULL || volume != NULL)
         && sag_statistics_write_csv (path, segmentation, volume, error);
}

/* Of labels on a NIfTI file that does not say how it lies in the patient, nor can they. */
static gboolean
is_placed (SagBodyRun *run)
{
  g_auto (GStrv) paths = sag_body_get_paths (run, NULL);

  return paths == NULL || sag_nifti_is_placed (paths[0]);
}

static gboolean
export_segmentation (SagBodyRun *run, const char *format, const char *path, GError **error)
{
  g_autoptr (SagSegmentation) segmentation = sag_body_get_segmentation (run, "segmentation", error);
  g_autoptr (SagIndex) index = NULL;
  const SagStack *stack;

  if (segmentation == NULL)
    return FALSE;
  if (strcmp (format, "nifti") == 0)
    return sag_nifti_write_segmentation (path, segmentation, is_placed (run), error);
  if (strcmp (format, "confidence") == 0)
    return sag_nifti_write_confidence (path, segmentation, is_placed (run), error);
  if (strcmp (format, "stl") == 0)
    return export_surface (run, segmentation, path, error);
  if (strcmp (format, "statistics") == 0)
    return export_statistics (run, segmentation, path, error);
  if (strcmp (format, "seg") != 0)
    return sag_body_lacks ("format", error) != NULL;
  stack = sag_body_get_stack (run, &index, error);
  return stack != NULL && sag_seg_write (path, segmentation, stack, NULL, error);
}

GVariant *
sag_body_export (SagBodyRun *run, GError **error)
{
  g_autofree char *path = sag_body_get_path (run, error);
  const char *format;
  struct stat info;
  GVariantDict dict;

  if (path == NULL)
    return NULL;
  if (!g_variant_lookup (run->request, "format", "&s", &format))
    return sag_body_lacks ("format", error);
  if (strcmp (format, "png") == 0
          ? !export_png (run, path, error)
      : strcmp (format, "sr") == 0 || strcmp (format, "csv") == 0
          ? !export_measurements (run, format, path, error)
          : !export_segmentation (run, format, path, error))
    return NULL;
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "path", "^ay", path);
  g_variant_dict_insert (&dict, "bytes", "t", stat (path, &info) == 0 ? (guint64) info.st_size : 0);
  return g_variant_dict_end (&dict);
}

GVariant *
sag_body_deidentify (SagBodyRun *run, GError **error)
{
  static const char *const names[] = { "remove", "shift", "keep", NULL };
  g_auto (GStrv) paths = sag_body_get_paths (run, error);
  g_autofree char *folder = paths != NULL ? sag_body_get_path (run, error) : NULL;
  g_autoptr (SagDeidentified) report = NULL;
  g_autoptr (SagIndex) index = NULL;
  const char *dates = "remove";
  int choice = 0;
  GVariantDict dict;

  if (folder == NULL)
    return NULL;
  g_variant_lookup (run->request, "dates", "&s", &dates);
  while (names[choice] != NULL && strcmp (names[choice], dates) != 0)
    choice++;
  if (names[choice] == NULL)
    return sag_body_lacks ("dates", error);
  index = sag_index_paths ((const char *const *) paths, NULL, error);
  if (index == NULL)
    return NULL;
  report = sag_deidentify (index, NULL, folder, (SagDates) choice, &run->tick, error);
  if (report == NULL)
    return NULL;
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "path", "^ay", folder);
  g_variant_dict_insert (&dict, "n-files", "u", (guint32) report->n_files);
  g_ptr_array_add (report->folders, NULL);
  g_variant_dict_insert (&dict, "folders", "^aay", report->folders->pdata);
  sag_body_add_texts (&dict, "warnings", report->warnings);
  sag_body_add_texts (&dict, "skipped", report->skipped);
  return g_variant_dict_end (&dict);
}
