/* SPDX-License-Identifier: Apache-2.0
 *
 * open.c: a volume or a segmentation from whatever a path holds.
 */
#include "app/files/open.h"

#include "app/files/nifti.h"
#include "app/files/png.h"
#include "app/files/unzip.h"
#include "engine/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void
sag_open_info_free (SagOpenInfo *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->index, sag_index_unref);
  g_free (self->name);
  for (int i = 0; i < SAG_MAX_WINDOWS; i++)
    g_free (self->window_explanations[i]);
  g_strfreev (self->findings);
  g_free (self);
}

/* Every series to choose from, one a line of the message. */
static void
list_choices (const SagIndex *index, GError **error)
{
  GString *text = g_string_new (NULL);
  int n = 0;

  for (guint i = 0; i < index->studies->len; i++)
    {
      const SagIndexStudy *study = g_ptr_array_index (index->studies, i);

      for (guint j = 0; j < study->series->len; j++)
        {
          const SagIndexSeries *series = g_ptr_array_index (study->series, j);
          g_autofree char *description = sag_index_series_describe (series);

          if (series->kind == SAG_SERIES_IMAGE && n++ < 40)
            g_string_append_printf (text, "\n  %s  %s", series->first->series_instance_uid,
                                    description);
        }
    }
  if (n > 40)
    g_string_append_printf (text, "\n  and %d more", n - 40);
  g_set_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_AMBIGUOUS,
               "There are %d image series to choose from; name one by its UID:%s", n, text->str);
  g_string_free (text, TRUE);
}

static gboolean
not_found (GError **error, const char *format, const char *what)
{
  g_autofree char *shown = sag_escape_name (what, -1);
  g_autofree char *text = NULL;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  text = g_strdup_printf (format, shown);
#pragma GCC diagnostic pop
  g_set_error_literal (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_NOT_FOUND, text);
  return FALSE;
}

const SagStack *
sag_open_choose (const SagIndex *index, const char *series_uid, const SagIndexSeries **chosen,
                 GError **error)
{
  const SagIndexSeries *found = NULL;
  int number = 1, n = 0;

  if (series_uid != NULL)
    {
      const char *hash = strchr (series_uid, '#');
      g_autofree char *uid = hash != NULL ? g_strndup (series_uid, hash - series_uid)
                                          : g_strdup (series_uid);

      if (hash != NULL)
        number = atoi (hash + 1);
      found = sag_index_find_series (index, uid);
      if (found == NULL)
        {
          not_found (error, "There is no series '%s' here", uid);
          return NULL;
        }
      if (found->kind != SAG_SERIES_IMAGE)
        {
          not_found (error, "The series '%s' holds no images", uid);
          return NULL;
        }
    }
  for (guint i = 0; i < index->studies->len && series_uid == NULL; i++)
    {
      const SagIndexStudy *study = g_ptr_array_index (index->studies, i);

      for (guint j = 0; j < study->series->len; j++)
        {
          const SagIndexSeries *series = g_ptr_array_index (study->series, j);

          if (series->kind == SAG_SERIES_IMAGE)
            {
              found = series;
              n++;
            }
        }
    }
  if (n > 1)
    {
      list_choices (index, error);
      return NULL;
    }
  if (found == NULL)
    {
      g_set_error_literal (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_NOT_FOUND,
                           "There is no image series here, only other DICOM objects");
      return NULL;
    }
  if (number < 1 || number > (int) found->stacks->len)
    {
      g_set_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_NOT_FOUND,
                   "The series has stacks 1 to %u, not %d", found->stacks->len, number);
      return NULL;
    }
  if (chosen != NULL)
    *chosen = found;
  return g_ptr_array_index (found->stacks, number - 1);
}

/* Files of the folder that nobody could read: a slice may be missing for it. */
static void
add_problems (GStrvBuilder *findings, const SagIndex *index)
{
  guint n = index->problems->len, shown = MIN (n, 5);

  for (guint i = 0; i < shown; i++)
    {
      g_autofree char *text = sag_escape_name (g_ptr_array_index (index->problems, i), -1);

      g_strv_builder_add (findings, text);
    }
  if (n > shown)
    {
      g_autofree char *text = g_strdup_printf ("%u more files were left out", n - shown);

      g_strv_builder_add (findings, text);
    }
}

/* `last` (may be NULL) is told as the last finding. */
static SagOpenInfo *
describe (SagIndex *index, const SagIndexSeries *series, const SagStack *stack, const char *last)
{
  SagOpenInfo *info = g_new0 (SagOpenInfo, 1);
  const SagDicomInstance *first = stack->slices[0].instance;
  /* Windows differ from slice to slice in MR, and the outermost ones hold little but air. */
  const SagDicomInstance *middle = stack->slices[stack->n_slices / 2].instance;
  g_autoptr (GStrvBuilder) findings = g_strv_builder_new ();

  info->index = sag_index_ref (index);
  info->series = series;
  info->stack = stack;
  info->name = g_strdup (*first->series_description != '\0' ? first->series_description
                                                             : first->modality);
  info->n_windows = middle->n_windows;
  for (int i = 0; i < middle->n_windows; i++)
    {
      info->windows[i] = sag_read_get_window (stack, middle, i);
      info->window_explanations[i] = g_strdup (middle->window_explanations[i]);
    }
  info->monochrome1 = sag_dicom_instance_is_inverted (first);
  /* A radiograph says nothing of where it lies in the patient. */
  info->says_place = TRUE;
  info->has_place = first->frames[0].has_orientation
                    && !sag_stack_has_finding (stack, SAG_FINDING_NO_POSITION);
  for (guint i = 0; i < stack->findings->len; i++)
    g_strv_builder_add (findings,
                        ((SagFinding *) g_ptr_array_index (stack->findings, i))->text);
  if (series->stacks->len > 1)
    {
      GString *names = g_string_new (NULL);

      for (guint i = 0; i < series->stacks->len; i++)
        {
          const SagStack *other = g_ptr_array_index (series->stacks, i);

          if (other == stack)
            continue;
          g_string_append_printf (names, "%s#%u %s(%d images)", names->len > 0 ? ", " : "", i + 1,
                                  other->is_localizer ? "localizer " : "", other->n_slices);
          if (*other->name != '\0')
            g_string_append_printf (names, " %s", other->name);
          if (i == 20)
            {
              g_string_append (names, ", …");
              break;
            }
        }
      g_autofree char *text = g_strdup_printf ("The series holds other stacks: %s", names->str);
      g_strv_builder_add (findings, text);
      g_string_free (names, TRUE);
    }
  if (strcmp (first->lossy_image_compression, "01") == 0)
    g_strv_builder_add (findings, "The images have been compressed with loss");
  add_problems (findings, index);
  if (last != NULL)
    g_strv_builder_add (findings, last);
  info->findings = g_strv_builder_end (findings);
  return info;
}

gboolean
sag_open_is_file (const char *path)
{
  return (sag_nifti_is_file (path) || sag_png_is_name (path))
         && !g_file_test (path, G_FILE_TEST_IS_DIR);
}

int
sag_open_count (const char *path, gboolean *is_placed)
{
  gboolean is_png = sag_png_is_name (path), says = FALSE;
  int n = is_png ? 1 : MAX (1, sag_nifti_count (path, &says, NULL));

  if (is_placed != NULL)
    *is_placed = !is_png && says;
  return n;
}

SagVolume *
sag_open_file (const char *path, int which, const SagTick *tick, GError **error)
{
  return sag_png_is_name (path) ? sag_png_read (path, error)
                                : sag_nifti_read_volume (path, which, tick, error);
}

/* In mm; less is what floats have rounded. */
#define MAX_DISAGREEMENT 0.05

char **
sag_open_list_warnings (const char *path)
{
  g_autoptr (GStrvBuilder) warnings = g_strv_builder_new ();
  gboolean is_placed = TRUE, sform_holds = TRUE;
  double apart;

  if (!sag_png_is_name (path))
    sag_open_count (path, &is_placed);
  if (!is_placed)
    g_strv_builder_add (warnings, SAG_OPEN_UNPLACED);
  apart = sag_nifti_get_disagreement (path, &sform_holds);
  if (apart > MAX_DISAGREEMENT)
    {
      g_autofree char *text = g_strdup_printf (
          "The file says twice where it lies (qform and sform), up to %.2f mm apart: the %s holds", apart,
          sform_holds ? "sform" : "qform");

      g_strv_builder_add (warnings, text);
    }
  return g_strv_builder_end (warnings);
}

/* NIfTI or PNG: what comes with it is its name, and what a picture cannot say. */
static SagOpenInfo *
describe_file (const char *path, int which, const SagVolume *volume)
{
  SagOpenInfo *info = g_new0 (SagOpenInfo, 1);
  g_autoptr (GStrvBuilder) findings = g_strv_builder_new ();
  gboolean is_placed;
  int n = sag_open_count (path, &is_placed);
  g_auto (GStrv) warnings = sag_open_list_warnings (path);

  info->name = g_path_get_basename (path);
  info->has_place = is_placed;
  info->says_place = is_placed || sag_png_is_name (path);
  if (!sag_volume_get_has_spacing (volume))
    g_strv_builder_add (findings, "A picture says nothing of millimetres or of where it lies in "
                                  "the patient: lengths are in pixels");
  else
    g_strv_builder_addv (findings, (const char **) warnings);
  if (n > 1)
    {
      g_autofree char *text
          = g_strdup_printf ("The file holds %d volumes, #1 to #%d: this is #%d", n, n, which + 1);

      g_strv_builder_add (findings, text);
    }
  info->findings = g_strv_builder_end (findings);
  return info;
}

/* What `path` stands for: itself, or the one NIfTI file or picture of a ZIP file, or the folder of its
 * members, which are there as long as *unzip is. */
static char *
enter (const char *path, SagUnzip **unzip, GError **error)
{
  g_autofree char *found = NULL;
  const char *name;
  int n = 0;
  GDir *dir;

  if (!sag_unzip_is_zip (path))
    return g_strdup (path);
  *unzip = sag_unzip_open (path, NULL, error);
  if (*unzip == NULL)
    return NULL;
  dir = g_dir_open (sag_unzip_get_folder (*unzip), 0, error);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *file = g_build_filename (sag_unzip_get_folder (*unzip), name, NULL);

      if (!sag_open_is_file (file) || sag_nifti_is_second (file))
        continue;
      g_free (found);
      found = g_steal_pointer (&file);
      n++;
    }
  g_clear_pointer (&dir, g_dir_close);
  return n == 1 ? g_steal_pointer (&found) : g_strdup (sag_unzip_get_folder (*unzip));
}

static SagVolume *
open_inside (const char *inside, SagUnzip *unzip, const char *series_uid, const SagTick *tick, SagOpenInfo **info,
             GError **error)
{
  g_autoptr (SagIndex) index = NULL;
  g_autoptr (SagVolume) volume = NULL;
  g_autofree char *lost = NULL;
  const SagIndexSeries *series = NULL;
  const SagStack *stack;

  if (sag_open_is_file (inside))
    {
      const char *hash = series_uid != NULL ? strrchr (series_uid, '#') : NULL;
      int which = hash != NULL ? atoi (hash + 1) - 1 : 0;

      volume = sag_open_file (inside, which, tick, error);
      if (volume != NULL && info != NULL)
        *info = describe_file (inside, which, volume);
      return g_steal_pointer (&volume);
    }
  index = sag_index_folder (inside, NULL, error);
  if (index != NULL && unzip != NULL)
    g_ptr_array_add (index->unzipped, sag_unzip_ref (unzip));
  if (index == NULL || (stack = sag_open_choose (index, series_uid, &series, error)) == NULL
      || (volume = sag_read_begin (stack, error)) == NULL
      || !sag_read_fill (volume, stack, -1, NULL, NULL, tick, &lost, error))
    return NULL;
  if (info != NULL)
    *info = describe (index, series, stack, lost);
  return g_steal_pointer (&volume);
}

SagVolume *
sag_open_volume (const char *path, const char *series_uid, const SagTick *tick, SagOpenInfo **info,
                 GError **error)
{
  g_autoptr (SagUnzip) unzip = NULL;
  g_autofree char *inside = enter (path, &unzip, error);
  SagVolume *volume = inside != NULL ? open_inside (inside, unzip, series_uid, tick, info, error) : NULL;

  if (volume == NULL)
    sag_unzip_explain_error (unzip, error);
  return volume;
}

SagOpenInfo *
sag_open_describe (const char *path, const char *series_uid, const GError *reason, GError **error)
{
  g_autoptr (SagUnzip) unzip = NULL;
  g_autofree char *inside = enter (path, &unzip, error);
  g_autoptr (SagIndex) index = inside != NULL ? sag_index_folder (inside, NULL, error) : NULL;
  const SagIndexSeries *series = NULL;
  const SagStack *stack = index != NULL ? sag_open_choose (index, series_uid, &series, error) : NULL;

  return stack != NULL ? describe (index, series, stack, reason != NULL ? reason->message : NULL)
                       : NULL;
}

/* The one SEG file a folder holds. */
static char *
find_seg (const char *path, GError **error)
{
  g_autoptr (SagIndex) index = NULL;
  const char *found = NULL;
  int n = 0;

  if (!g_file_test (path, G_FILE_TEST_IS_DIR))
    return g_strdup (path);
  index = sag_index_folder (path, NULL, error);
  if (index == NULL)
    return NULL;
  for (guint i = 0; i < index->instances->len; i++)
    {
      const SagDicomInstance *instance = g_ptr_array_index (index->instances, i);

      if (sag_dicom_instance_is_seg (instance))
        {
          found = instance->path;
          n++;
        }
    }
  if (n == 1)
    return g_strdup (found);
  g_autofree char *shown = sag_escape_name (path, -1);
  g_set_error (error, SAG_DICOM_ERROR,
               n == 0 ? SAG_DICOM_ERROR_NOT_FOUND : SAG_DICOM_ERROR_AMBIGUOUS,
               "'%s' holds %d DICOM segmentations; name one file", shown, n);
  return NULL;
}

SagSegmentation *
sag_open_seg (const char *path, SagSegInfo **info, GError **error)
{
  g_autoptr (SagUnzip) unzip = NULL;
  g_autofree char *inside = enter (path, &unzip, error);
  g_autofree char *file = NULL;
  SagSegmentation *segmentation = NULL;

  if (inside == NULL)
    return NULL;
  if (sag_nifti_is_file (inside))
    segmentation = sag_nifti_read_segmentation (inside, error);
  else if ((file = find_seg (inside, error)) != NULL)
    segmentation = sag_seg_read (file, info, error);
  if (segmentation == NULL)
    sag_unzip_explain_error (unzip, error);
  return segmentation;
}

SagSegmentation *
sag_open_lay (SagSegmentation *own, const char *path, const SagGrid *grid, GError **error)
{
  if (sag_grid_equal (sag_segmentation_get_grid (own), grid))
    return sag_segmentation_ref (own);
  if (sag_nifti_is_file (path) && !sag_nifti_is_placed (path))
    {
      g_autofree char *shown = sag_escape_name (path, -1);

      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "'%s' does not say how its labels lie in the patient (its qform and sform codes are 0), so they "
                   "cannot be laid on images of another grid",
                   shown);
      return NULL;
    }
  return sag_seg_regrid (own, grid, error);
}

SagSegmentation *
sag_open_segmentation (const char *path, const SagGrid *grid, GError **error)
{
  g_autoptr (SagSegmentation) own = NULL;

  if (sag_png_is_name (path))
    return sag_png_read_segmentation (path, grid, error);
  own = sag_open_seg (path, NULL, error);
  return own == NULL || grid == NULL ? g_steal_pointer (&own) : sag_open_lay (own, path, grid, error);
}

SagBlock *
sag_open_confidence (const char *path, const SagGrid *grid, GError **error)
{
  g_autoptr (SagVolume) volume = sag_nifti_read (path, NULL, error);
  g_autoptr (SagBlock) block = NULL;
  g_autofree float *values = NULL;
  const SagGrid *own;
  gsize n;
  guint8 *out;
  float largest = 0;

  if (volume == NULL)
    return NULL;
  own = sag_volume_get_grid (volume);
  if (!sag_grid_equal (own, grid))
    {
      g_autofree char *shown = sag_escape_name (path, -1);

      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "The confidence in '%s' does not lie on the image's voxels", shown);
      return NULL;
    }
  n = (gsize) own->size[0] * own->size[1];
  block = sag_block_new (sag_grid_get_n_voxels (own), "the confidence", error);
  if (block == NULL)
    return NULL;
  values = g_new (float, n);
  for (int k = 0; k < own->size[2]; k++)
    {
      sag_volume_get_values (volume, k, values);
      for (gsize i = 0; i < n; i++)
        largest = MAX (largest, values[i]);
    }
  out = sag_block_get_data (block);
  for (int k = 0; k < own->size[2]; k++)
    {
      sag_volume_get_values (volume, k, values);
      for (gsize i = 0; i < n; i++)
        out[k * n + i]
            = (guint8) CLAMP (values[i] * (largest > 1.5f ? 1 : 255) + 0.5f, 0, 255);
    }
  return g_steal_pointer (&block);
}
