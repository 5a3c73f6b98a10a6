/* SPDX-License-Identifier: Apache-2.0
 *
 * body-files.c: jobs that read images.
 */
#include "app/dicom/dcmtk.h"
#include "app/dicom/overlays.h"
#include "app/dicom/pixels.h"
#include "app/dicom/read.h"
#include "app/dicom/straighten.h"
#include "app/files/png.h"
#include "app/files/nifti.h"
#include "app/files/open.h"
#include "app/files/unzip.h"
#include "app/state/wire.h"
#include "app/work/body-private.h"
#include "engine/base/error.h"
#include "engine/image/slice.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#define MAX_INDEXES 8
#define MAX_VOLUMES 4096 /* of one file that are listed */
#define MAX_THUMBNAIL 1024

/* What reading has found out, or done, beyond the stack's findings; NULL where nothing. */
typedef struct
{
  char *lost;         /* slices that could not be read */
  char *straightened; /* how the slices were resampled */
} Notes;

static void
notes_clear (Notes *notes)
{
  g_free (notes->lost);
  g_free (notes->straightened);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Notes, notes_clear)

/* The frames of one file have their order from it: that they have no place is nothing to warn of. */
static gboolean
goes_without_saying (const SagStack *stack, const SagFinding *finding)
{
  return finding->kind == SAG_FINDING_NO_POSITION
         && stack->slices[0].instance == stack->slices[stack->n_slices - 1].instance;
}

/* `notes` may be NULL. */
static void
add_findings (GVariantDict *dict, const SagStack *stack, const Notes *notes)
{
  g_autoptr (GPtrArray) texts = g_ptr_array_new ();

  for (guint n = 0; stack->findings != NULL && n < stack->findings->len; n++)
    {
      const SagFinding *finding = g_ptr_array_index (stack->findings, n);

      if ((notes == NULL || notes->straightened == NULL || !sag_straighten_mends (finding))
          && !goes_without_saying (stack, finding))
        g_ptr_array_add (texts, finding->text);
    }
  if (notes != NULL && notes->straightened != NULL)
    g_ptr_array_add (texts, notes->straightened);
  if (notes != NULL && notes->lost != NULL)
    g_ptr_array_add (texts, notes->lost);
  sag_body_add_texts (dict, "warnings", texts);
}

/* What all items of a series say. */
static void
begin_item (GVariantDict *dict, const SagDicomInstance *first, int stack, const char *name)
{
  const char *description
      = *first->series_description != '\0' ? first->series_description : first->protocol_name;
  g_autofree char *numbered = g_strdup_printf (_ ("Series %d"), first->series_number);
  g_autofree char *named
      = *name != '\0' ? g_strdup_printf ("%s, %s", *description != '\0' ? description : numbered, name)
                      : g_strdup (description);

  g_variant_dict_init (dict, NULL);
  sag_body_add_text (dict, "uid", first->series_instance_uid);
  sag_body_add_text (dict, "description", named);
  sag_body_add_text (dict, "modality", first->modality);
  sag_body_add_text (dict, "date",
                     *first->series_date != '\0' ? first->series_date : first->study_date);
  sag_body_add_text (dict, "frame-of-reference", first->frame_of_reference_uid);
  sag_body_add_text (dict, "references", first->referenced_series_uid);
  g_variant_dict_insert (dict, "number", "i", first->series_number);
  g_variant_dict_insert (dict, "stack", "i", stack);
}

/* Files of a stack in slice order, NULL-terminated, borrowed. Frames of one file follow each other. */
static GPtrArray *
list_files (const SagStack *stack)
{
  GPtrArray *paths = g_ptr_array_new ();

  for (int k = 0; k < stack->n_slices; k++)
    {
      char *path = stack->slices[k].instance->path;

      if (paths->len == 0 || strcmp (g_ptr_array_index (paths, paths->len - 1), path) != 0)
        g_ptr_array_add (paths, path);
    }
  g_ptr_array_add (paths, NULL);
  return paths;
}

/* What tells how far positions, lengths and pixels are to be trusted. */
static void
add_truths (GVariantDict *dict, const SagStack *stack)
{
  static const char *const sources[] = {
    [SAG_SPACING_UNKNOWN] = "unknown", [SAG_SPACING_PIXEL] = "pixel",
    [SAG_SPACING_IMAGER] = "imager",   [SAG_SPACING_SCANNED] = "scanned",
    [SAG_SPACING_REGION] = "region",   [SAG_SPACING_CALIBRATED] = "calibrated",
  };
  const SagStackSlice *first = &stack->slices[0];
  const SagDicomFrame *frame = sag_dicom_instance_get_frame (first->instance, first->frame);
  gboolean placed = TRUE, lossy = FALSE;
  double ratio = 0;

  for (int n = 0; n < stack->n_slices; n++)
    {
      const SagDicomInstance *instance = stack->slices[n].instance;
      const SagDicomFrame *f = sag_dicom_instance_get_frame (instance, stack->slices[n].frame);

      placed &= f->has_position && f->has_orientation;
      lossy |= strcmp (instance->lossy_image_compression, "01") == 0;
      ratio = MAX (ratio, instance->lossy_image_compression_ratio);
    }
  g_variant_dict_insert (dict, "placed", "b", placed);
  sag_body_add_text (dict, "patient-orientation", first->instance->patient_orientation);
  sag_body_add_text (dict, "view-position", first->instance->view_position);
  sag_body_add_text (dict, "laterality", first->instance->laterality);
  g_variant_dict_insert (dict, "spacing-source", "s", sources[frame->pixel_spacing_source]);
  g_variant_dict_insert (dict, "thickness", "d", frame->slice_thickness);
  g_variant_dict_insert (dict, "lossy", "b", lossy);
  g_variant_dict_insert (dict, "lossy-ratio", "d", ratio);
}

static GVariant *
describe_stack (const SagIndexSeries *series, const SagStack *stack, int n)
{
  const SagGrid *grid = &stack->grid;
  g_autoptr (GPtrArray) paths = list_files (stack);
  g_autoptr (GError) reason = NULL;
  SagSample sample;
  gboolean readable;
  GVariantDict dict;

  begin_item (&dict, series->first, n, stack->name);
  add_findings (&dict, stack, NULL);
  g_variant_dict_insert (&dict, "first-frame", "i", stack->slices[0].frame);
  g_variant_dict_insert (&dict, "n-images", "u", (guint32) stack->n_slices);
  g_variant_dict_insert (&dict, "size", "(iii)", grid->size[0], grid->size[1], grid->size[2]);
  g_variant_dict_insert (&dict, "spacing", "(ddd)", grid->spacing[0], grid->spacing[1],
                         grid->spacing[2]);
  readable = sag_pixels_get_sample (stack->slices[0].instance, &sample, &reason)
             || !g_error_matches (reason, SAG_DICOM_ERROR, SAG_DICOM_ERROR_UNSUPPORTED);
  g_variant_dict_insert (&dict, "readable", "b", readable);
  if (!readable)
    sag_body_add_text (&dict, "reason", reason->message);
  g_variant_dict_insert (&dict, "paths", "^aay", paths->pdata);
  add_truths (&dict, stack);
  return g_variant_dict_end (&dict);
}

static GVariant *
describe_file (const SagDicomInstance *instance, int n, SagSeriesKind kind)
{
  const char *const paths[] = { instance->path, NULL };
  GVariantDict dict;

  begin_item (&dict, instance, n, "");
  g_variant_dict_insert (&dict, "n-images", "u", (guint32) MAX (instance->number_of_frames, 1));
  g_variant_dict_insert (&dict, "segmentation", "b", kind == SAG_SERIES_SEGMENTATION);
  g_variant_dict_insert (&dict, "readable", "b", FALSE);
  g_variant_dict_insert (&dict, "reason", "s",
                         kind == SAG_SERIES_SEGMENTATION
                             ? _ ("A segmentation: it is shown over its images")
                             : _ ("There are no images in it to show"));
  g_variant_dict_insert (&dict, "paths", "^aay", paths);
  return g_variant_dict_end (&dict);
}

static GVariant *
describe_study (const SagIndexStudy *study)
{
  const SagDicomInstance *first = study->first;
  GVariantBuilder items;
  GVariantDict dict;

  g_variant_builder_init (&items, G_VARIANT_TYPE ("aa{sv}"));
  for (guint s = 0; s < study->series->len; s++)
    {
      const SagIndexSeries *series = g_ptr_array_index (study->series, s);

      if (series->kind == SAG_SERIES_IMAGE && series->stacks->len > 0)
        for (guint n = 0; n < series->stacks->len; n++)
          g_variant_builder_add_value (
              &items, describe_stack (series, g_ptr_array_index (series->stacks, n), (int) n));
      else if (series->kind == SAG_SERIES_SEGMENTATION)
        for (guint n = 0; n < series->instances->len; n++)
          g_variant_builder_add_value (&items, describe_file (g_ptr_array_index (series->instances, n),
                                                              (int) n, series->kind));
      else
        g_variant_builder_add_value (&items, describe_file (series->first, 0, series->kind));
    }
  g_variant_dict_init (&dict, NULL);
  sag_body_add_text (&dict, "uid", first->study_instance_uid);
  sag_body_add_text (&dict, "patient-name", first->patient_name);
  sag_body_add_text (&dict, "patient-id", first->patient_id);
  sag_body_add_text (&dict, "patient-sex", first->patient_sex);
  sag_body_add_text (&dict, "patient-age", first->patient_age);
  sag_body_add_text (&dict, "description", first->study_description);
  sag_body_add_text (&dict, "date", first->study_date);
  g_variant_dict_insert_value (&dict, "series", g_variant_builder_end (&items));
  return g_variant_dict_end (&dict);
}

/* The study of one file that says nothing of patients: it is called by its name. */
static GVariant *
describe_named (const char *uid, const char *name, GVariantBuilder *series)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "uid", "s", uid);
  g_variant_dict_insert (&dict, "patient-name", "s", name);
  g_variant_dict_insert_value (&dict, "series", g_variant_builder_end (series));
  return g_variant_dict_end (&dict);
}

/* A NIfTI or PNG file as a study of its own, with a stack for each of its volumes: it says nothing of
 * patients. */
static GVariant *
describe_image (const char *path)
{
  g_autofree char *name = g_filename_display_basename (path);
  g_autofree char *uid = g_filename_display_name (path);
  const char *const paths[] = { path, NULL };
  g_auto (GStrv) warnings = sag_open_list_warnings (path);
  GVariantBuilder items;
  GVariantDict dict;
  gboolean is_placed;
  int n = MIN (sag_open_count (path, &is_placed), MAX_VOLUMES);

  g_variant_builder_init (&items, G_VARIANT_TYPE ("aa{sv}"));
  for (int i = 0; i < n; i++)
    {
      g_autofree char *description
          = n > 1 ? g_strdup_printf ("%s, volume %d of %d", name, i + 1, n) : g_strdup (name);

      g_variant_dict_init (&dict, NULL);
      g_variant_dict_insert (&dict, "uid", "s", uid);
      g_variant_dict_insert (&dict, "description", "s", description);
      g_variant_dict_insert (&dict, "stack", "i", i);
      g_variant_dict_insert (&dict, "first-frame", "i", i);
      g_variant_dict_insert (&dict, "n-images", "u", 1u);
      g_variant_dict_insert (&dict, "readable", "b", TRUE);
      g_variant_dict_insert (&dict, "paths", "^aay", paths);
      if (!is_placed)
        g_variant_dict_insert (&dict, "placed", "b", FALSE);
      /* A picture knows no millimetres either. */
      if (sag_png_is_name (path))
        {
          g_variant_dict_insert (&dict, "size", "(iii)", 0, 0, 1);
          g_variant_dict_insert (&dict, "spacing-source", "s", "unknown");
        }
      else if (warnings[0] != NULL)
        g_variant_dict_insert (&dict, "warnings", "^as", warnings);
      g_variant_builder_add_value (&items, g_variant_dict_end (&dict));
    }
  return describe_named (uid, name, &items);
}

/* A NIfTI file of labels, with the images that they lie on. */
static GVariant *
describe_labels (const char *path, const char *images)
{
  g_autofree char *name = g_filename_display_basename (path);
  g_autofree char *uid = g_filename_display_name (path);
  const char *const paths[] = { path, NULL };
  GVariantBuilder items;
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "uid", "s", uid);
  g_variant_dict_insert (&dict, "description", "s", name);
  g_variant_dict_insert (&dict, "stack", "i", 0);
  g_variant_dict_insert (&dict, "n-images", "u", 1u);
  g_variant_dict_insert (&dict, "segmentation", "b", TRUE);
  g_variant_dict_insert (&dict, "references", "s", images);
  g_variant_dict_insert (&dict, "readable", "b", FALSE);
  g_variant_dict_insert (&dict, "reason", "s", _ ("A segmentation: it is shown over its images"));
  g_variant_dict_insert (&dict, "paths", "^aay", paths);
  g_variant_builder_init (&items, G_VARIANT_TYPE ("aa{sv}"));
  g_variant_builder_add_value (&items, g_variant_dict_end (&dict));
  return describe_named (uid, name, &items);
}

static void
remember_index (SagBody *self, SagIndex *index)
{
  if (self->indexes->len == MAX_INDEXES)
    g_ptr_array_remove_index (self->indexes, 0);
  g_ptr_array_add (self->indexes, sag_index_ref (index));
}

static gboolean index_path (SagBodyRun *run, const char *path, GVariantBuilder *studies,
                            GVariantBuilder *skipped, guint32 *n_files, GError **error);

/* The members of a ZIP file: each image that is no DICOM, then the DICOM objects together. They stay
 * unpacked as long as this lane lives: the window knows them by their paths. */
static gboolean
index_zip (SagBodyRun *run, const char *path, GVariantBuilder *studies, GVariantBuilder *skipped,
           guint32 *n_files, GError **error)
{
  SagUnzip *unzip = sag_unzip_open (path, &run->tick, error);
  g_autoptr (GError) failure = NULL;
  const char *folder, *name;
  guint32 n_before = *n_files;
  GDir *dir;

  if (unzip == NULL)
    return FALSE;
  g_ptr_array_add (run->self->unzipped, unzip);
  folder = sag_unzip_get_folder (unzip);
  dir = g_dir_open (folder, 0, NULL);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *file = g_build_filename (folder, name, NULL);

      if (sag_open_is_file (file) && !sag_nifti_is_second (file))
        index_path (run, file, studies, skipped, n_files, NULL);
    }
  g_clear_pointer (&dir, g_dir_close);
  if (index_path (run, folder, studies, skipped, n_files, &failure) || *n_files > n_before)
    return TRUE;
  sag_unzip_explain_error (unzip, &failure);
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/* One folder or file of several. Those that hold nothing are only an error if it is all there is. */
static gboolean
index_path (SagBodyRun *run, const char *path, GVariantBuilder *studies, GVariantBuilder *skipped,
            guint32 *n_files, GError **error)
{
  g_autoptr (SagIndex) index = NULL;

  if (sag_open_is_file (path) && g_file_test (path, G_FILE_TEST_IS_REGULAR))
    {
      g_variant_builder_add_value (studies, describe_image (path));
      *n_files += 1;
      return TRUE;
    }
  if (sag_unzip_is_zip (path))
    return index_zip (run, path, studies, skipped, n_files, error);
  index = sag_index_folder (path, &run->tick, error);
  if (index == NULL)
    return FALSE;
  for (guint n = 0; n < index->studies->len; n++)
    g_variant_builder_add_value (studies, describe_study (g_ptr_array_index (index->studies, n)));
  for (guint n = 0; n < index->problems->len; n++)
    {
      g_autofree char *text = g_utf8_make_valid (g_ptr_array_index (index->problems, n), -1);
      g_autofree char *name = g_filename_display_name (path);

      g_variant_builder_add (skipped, "(ss)", name, text);
    }
  *n_files += (guint32) index->n_files;
  remember_index (run->self, index);
  return TRUE;
}

GVariant *
sag_body_index (SagBodyRun *run, GError **error)
{
  g_auto (GStrv) paths = sag_body_get_paths (run, error);
  g_autoptr (GPtrArray) files = g_ptr_array_new (), matches = NULL; /* NIfTI among several */
  g_autoptr (GError) first = NULL;
  GVariantBuilder studies, skipped;
  guint32 n_files = 0;
  int n_good = 0;
  GVariantDict dict;

  if (paths == NULL)
    return NULL;
  g_variant_builder_init (&studies, G_VARIANT_TYPE ("aa{sv}"));
  g_variant_builder_init (&skipped, G_VARIANT_TYPE ("a(ss)"));
  for (int n = 0; paths[n] != NULL; n++)
    {
      g_autofree char *header = sag_nifti_sibling (paths[n], "hdr");
      g_autoptr (GError) failure = NULL;

      /* Both files of a pair were named. */
      if (header != NULL && strcmp (header, paths[n]) != 0 && g_strv_contains ((const char *const *) paths, header)
          && sag_nifti_is_file (header))
        continue;
      if (paths[1] != NULL && sag_nifti_is_file (paths[n]) && g_file_test (paths[n], G_FILE_TEST_IS_REGULAR))
        g_ptr_array_add (files, paths[n]);
      else if (index_path (run, paths[n], &studies, &skipped, &n_files, &failure))
        n_good++;
      else
        {
          g_autofree char *name = g_filename_display_name (paths[n]);

          g_variant_builder_add (&skipped, "(ss)", name, failure->message);
          if (first == NULL)
            first = g_steal_pointer (&failure);
        }
    }
  matches = sag_body_match_labels (run, files);
  for (guint n = 0; n < files->len; n++)
    {
      const char *images = matches->pdata[n];

      g_variant_builder_add_value (&studies, images != NULL ? describe_labels (files->pdata[n], images)
                                                            : describe_image (files->pdata[n]));
      n_files++;
      n_good++;
    }
  if (n_good == 0 || run->sink->is_cancelled (run->sink->data))
    {
      g_variant_builder_clear (&studies);
      g_variant_builder_clear (&skipped);
      if (first != NULL)
        g_propagate_error (error, g_steal_pointer (&first));
      else
        sag_engine_error_cancelled (error);
      return NULL;
    }
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, "studies", g_variant_builder_end (&studies));
  g_variant_dict_insert_value (&dict, "skipped", g_variant_builder_end (&skipped));
  g_variant_dict_insert (&dict, "n-files", "u", n_files);
  return g_variant_dict_end (&dict);
}

/* The stack of `index` that is made of those files and begins with that frame. */
static const SagStack *
find_stack (const SagIndex *index, const char *uid, char **paths, int frame)
{
  const SagIndexSeries *series = sag_index_find_series (index, uid);

  for (guint n = 0; series != NULL && n < series->stacks->len; n++)
    {
      const SagStack *stack = g_ptr_array_index (series->stacks, n);
      g_autoptr (GPtrArray) files = list_files (stack);

      if (stack->slices[0].frame == frame
          && g_strv_equal ((const char *const *) files->pdata, (const char *const *) paths))
        return stack;
    }
  return NULL;
}

/* Headers of the files named, each once, grouped. */
static SagIndex *
read_headers (SagBodyRun *run, char **paths, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) instances
      = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_dicom_instance_free);
  SagIndex *index;

  for (int n = 0; paths[n] != NULL; n++)
    {
      SagDicomInstance *instance;

      if (!g_hash_table_add (seen, paths[n]))
        continue;
      instance = sag_dicom_read_header (paths[n], error);
      if (instance == NULL)
        return NULL;
      g_ptr_array_add (instances, instance);
      if (run->sink->is_cancelled (run->sink->data))
        {
          sag_engine_error_cancelled (error);
          return NULL;
        }
    }
  index = sag_index_group ((SagDicomInstance **) instances->pdata, instances->len);
  g_ptr_array_set_free_func (instances, NULL); /* the index has them */
  return index;
}

const SagStack *
sag_body_get_stack (SagBodyRun *run, SagIndex **index, GError **error)
{
  g_auto (GStrv) paths = sag_body_get_paths (run, error);
  const SagStack *stack = NULL;
  const char *uid;
  int frame = 0;

  *index = NULL;
  if (paths == NULL)
    return NULL;
  if (!g_variant_lookup (run->request, "uid", "&s", &uid))
    return sag_body_lacks ("uid", error);
  g_variant_lookup (run->request, "first-frame", "i", &frame);
  for (guint n = run->self->indexes->len; n > 0 && stack == NULL; n--)
    {
      SagIndex *known = g_ptr_array_index (run->self->indexes, n - 1);

      stack = find_stack (known, uid, paths, frame);
      if (stack != NULL)
        *index = sag_index_ref (known);
    }
  if (stack != NULL)
    return stack;
  *index = read_headers (run, paths, error);
  if (*index == NULL)
    return NULL;
  stack = find_stack (*index, uid, paths, frame);
  if (stack == NULL)
    {
      g_autofree char *name = g_filename_display_basename (paths[0]);

      g_clear_pointer (index, sag_index_unref);
      g_set_error (error, SAG_JOB_ERROR, SAG_JOB_ERROR_FAILED,
                   _ ("%s is no longer what it was when the folder was opened; open the folder again"),
                   name);
    }
  return stack;
}

static void
ready (SagVolume *volume, int k0, int k1, gpointer data)
{
  sag_body_ready_add (data, k0, k1);
}

static gboolean
tell_volume (SagBodyRun *run, SagVolume *volume, const SagStack *stack, const Notes *notes,
             GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GVariant *described = sag_volume_to_variant (volume, fds, error);
  GVariantBuilder windows;
  GVariantDict dict;

  if (described == NULL)
    return FALSE;
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, "volume", described);
  g_variant_builder_init (&windows, G_VARIANT_TYPE ("a(sdd)"));
  if (stack != NULL)
    {
      const SagDicomInstance *middle = stack->slices[stack->n_slices / 2].instance;

      for (int n = 0; n < middle->n_windows; n++)
        {
          g_autofree char *name = g_utf8_make_valid (
              middle->window_explanations[n] != NULL ? middle->window_explanations[n] : "", -1);

          SagWindowLevel window = sag_read_get_window (stack, middle, n);

          g_variant_builder_add (&windows, "(sdd)", name, window.center, window.width);
        }
      g_variant_dict_insert (&dict, "invert", "b",
                             sag_dicom_instance_is_inverted (middle));
      add_findings (&dict, stack, notes);
      g_variant_dict_insert (&dict, "straightens", "b",
                             (notes == NULL || notes->straightened == NULL)
                                 && sag_straighten_is_needed (stack));
      g_variant_dict_insert (&dict, "straightened", "b",
                             notes != NULL && notes->straightened != NULL);
    }
  g_variant_dict_insert_value (&dict, "windows", g_variant_builder_end (&windows));
  run->sink->partial ("volume", g_variant_dict_end (&dict), fds, run->sink->data);
  return TRUE;
}

static int
find_focus (SagBodyRun *run, const SagGrid *grid)
{
  double at[3];

  if (!sag_body_get_focus (run, at))
    return -1;
  sag_grid_to_ijk (grid, at, at);
  return CLAMP ((int) floor (CLAMP (at[2], -1.0, 1e6) + 0.5), 0, grid->size[2] - 1);
}

static GVariant *
end_read (SagBodyRun *run, const SagStack *stack, const Notes *notes)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  if (stack != NULL)
    add_findings (&dict, stack, notes);
  g_variant_dict_insert (&dict, "seconds", "d", sag_body_get_seconds (run));
  return g_variant_dict_end (&dict);
}

/* The NIfTI or PNG file of the request, if it is one; else NULL without an error. */
static SagVolume *
read_file (SagBodyRun *run, gboolean *is_file, GError **error)
{
  g_auto (GStrv) paths = sag_body_get_paths (run, NULL);
  int which = 0;

  *is_file = paths != NULL && sag_open_is_file (paths[0]);
  g_variant_lookup (run->request, "first-frame", "i", &which);
  return *is_file ? sag_open_file (paths[0], which, &run->tick, error) : NULL;
}

/* Overlay planes of the images, where they have any, are a result like another: labels to switch. */
static gboolean
tell_overlays (SagBodyRun *run, const SagStack *stack, GError **error)
{
  g_autoptr (SagSegmentation) overlays = NULL;

  for (int s = 0; s < stack->n_slices; s++)
    if (stack->slices[s].instance->has_overlays)
      {
        overlays = sag_overlays_read (stack, NULL);
        break;
      }
  return overlays == NULL || sag_body_tell_segmentation (run, "segmentation", overlays, error);
}

/* The whole stack, resampled onto an upright, even grid before anything of it is shown. */
static GVariant *
read_straightened (SagBodyRun *run, const SagStack *stack, GError **error)
{
  g_autoptr (SagVolume) tilted = sag_read_begin (stack, error);
  g_autoptr (SagVolume) volume = NULL;
  g_auto (Notes) notes = { NULL, NULL };
  int n;

  if (tilted == NULL
      || !sag_read_fill (tilted, stack, -1, NULL, NULL, &run->tick, &notes.lost, error)
      || (volume = sag_straighten (tilted, stack, &notes.straightened, error)) == NULL
      || !tell_volume (run, volume, stack, &notes, error))
    return NULL;
  n = sag_volume_get_grid (volume)->size[2];
  sag_body_ready_begin (run, "volume", n);
  sag_body_ready_add (run, 0, n);
  sag_body_ready_end (run);
  return end_read (run, stack, &notes);
}

GVariant *
sag_body_read (SagBodyRun *run, GError **error)
{
  g_autoptr (SagVolume) volume = NULL;
  g_autoptr (SagIndex) index = NULL;
  g_auto (Notes) notes = { NULL, NULL };
  const SagStack *stack;
  gboolean good, is_file, straighten = FALSE;

  volume = read_file (run, &is_file, error);
  if (is_file)
    return volume != NULL && tell_volume (run, volume, NULL, NULL, error)
               ? end_read (run, NULL, NULL) : NULL;
  stack = sag_body_get_stack (run, &index, error);
  if (stack == NULL)
    return NULL;
  g_variant_lookup (run->request, "straighten", "b", &straighten);
  if (straighten)
    return read_straightened (run, stack, error);
  volume = sag_read_begin (stack, error);
  if (volume == NULL || !tell_volume (run, volume, stack, NULL, error))
    return NULL;
  sag_body_ready_begin (run, "volume", sag_volume_get_grid (volume)->size[2]);
  good = sag_read_fill (volume, stack, find_focus (run, sag_volume_get_grid (volume)), ready, run,
                        &run->tick, &notes.lost, error);
  sag_body_ready_end (run);
  return good && tell_overlays (run, stack, error) ? end_read (run, stack, &notes) : NULL;
}

/* The middle slice of the request's stack alone, as a volume; the file's window, or a guess. */
static SagVolume *
read_middle (SagBodyRun *run, SagWindowLevel *window, gboolean *invert, GError **error)
{
  g_autoptr (SagIndex) index = NULL;
  g_autoptr (SagStack) single = NULL;
  g_autoptr (SagVolume) volume = NULL;
  const SagStack *stack = sag_body_get_stack (run, &index, error);
  const SagDicomInstance *instance;
  SagStackSlice *slice;

  if (stack == NULL)
    return NULL;
  slice = g_memdup2 (&stack->slices[stack->n_slices / 2], sizeof *slice);
  slice->k = 0;
  instance = slice->instance;
  single = sag_stack_new (slice, 1);
  volume = sag_read_begin (single, error);
  if (volume == NULL || !sag_read_fill (volume, single, 0, NULL, NULL, &run->tick, NULL, error))
    return NULL;
  *invert = sag_dicom_instance_is_inverted (instance);
  if (instance->n_windows > 0)
    *window = sag_read_get_window (single, instance, 0);
  else
    sag_volume_guess_window (volume, window);
  return g_steal_pointer (&volume);
}

GVariant *
sag_body_thumbnail (SagBodyRun *run, GError **error)
{
  g_autoptr (SagVolume) volume = NULL;
  g_autofree guint8 *rgba = NULL;
  const SagGrid *grid;
  SagSliceSpec spec;
  GVariantDict dict;
  guint32 size = 96;
  gboolean is_file;
  double middle[3], mm[2];
  int width, height;

  sag_slice_spec_init (&spec);
  volume = read_file (run, &is_file, error);
  if (volume != NULL)
    sag_volume_guess_window (volume, &spec.window);
  else if (!is_file)
    volume = read_middle (run, &spec.window, &spec.invert, error);
  if (volume == NULL)
    return NULL;
  g_variant_lookup (run->request, "size", "u", &size);
  size = CLAMP (size, 1, MAX_THUMBNAIL);

  /* As stored, whatever way it lies in the patient: rows to the right, columns down. */
  grid = sag_volume_get_grid (volume);
  for (int a = 0; a < 3; a++)
    {
      middle[a] = a == 2 ? grid->size[2] / 2 : (grid->size[a] - 1) * 0.5;
      spec.plane.right[a] = grid->direction[3 * a];
      spec.plane.down[a] = grid->direction[3 * a + 1];
    }
  sag_grid_to_lps (grid, middle, spec.plane.centre);
  mm[0] = grid->size[0] * grid->spacing[0];
  mm[1] = grid->size[1] * grid->spacing[1];
  spec.plane.mm_per_pixel = MAX (mm[0], mm[1]) / size;
  width = MAX (1, (int) floor (mm[0] / spec.plane.mm_per_pixel + 0.5));
  height = MAX (1, (int) floor (mm[1] / spec.plane.mm_per_pixel + 0.5));
  rgba = g_malloc ((gsize) width * (gsize) height * 4);
  sag_slice_render (volume, NULL, NULL, &spec, width, height, rgba);

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "width", "u", (guint32) width);
  g_variant_dict_insert (&dict, "height", "u", (guint32) height);
  g_variant_dict_insert_value (&dict, "rgba",
                               g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, rgba,
                                                          (gsize) width * (gsize) height * 4, 1));
  return g_variant_dict_end (&dict);
}
