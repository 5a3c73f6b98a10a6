/* SPDX-License-Identifier: Apache-2.0
 *
 * requests.c: the requests of job.h's table, filled.
 */
#include "app/state/wire.h"
#include "app/work/job.h"

#include <string.h>

static void
add_path (GPtrArray *paths, const char *path, gboolean its_folder)
{
  char *absolute = g_canonicalize_filename (path, NULL);

  if (its_folder)
    {
      char *folder = g_path_get_dirname (absolute);

      g_free (absolute);
      absolute = folder;
    }
  g_ptr_array_add (paths, absolute);
}

/* NAME.hdr and NAME.img are one NIfTI image. */
static void
add_pair (GPtrArray *paths, const char *path)
{
  static const char *const endings[][2] = { { ".hdr", ".img" }, { ".hdr.gz", ".img.gz" } };
  gsize n = strlen (path);

  for (gsize i = 0; i < 2 * G_N_ELEMENTS (endings); i++)
    {
      const char *own = endings[i / 2][i % 2], *other = endings[i / 2][1 - i % 2];
      gsize stem = n - MIN (n, strlen (own));

      if (g_ascii_strcasecmp (path + stem, own) == 0)
        {
          g_autofree char *ending = g_ascii_isupper (path[stem + 1]) ? g_ascii_strup (other, -1) : g_strdup (other);
          g_autofree char *pair = g_strdup_printf ("%.*s%s", (int) stem, path, ending);

          if (g_file_test (pair, G_FILE_TEST_EXISTS))
            add_path (paths, pair, FALSE);
        }
    }
}

void
sag_job_get_named_paths (SagJob *self, GPtrArray *readable, GPtrArray *writable)
{
  GVariant *request = sag_job_get_request (self);
  g_auto (GStrv) paths = NULL;
  const char *path;

  if (g_variant_lookup (request, "paths", "^aay", &paths))
    for (int n = 0; paths[n] != NULL; n++)
      {
        g_autofree char *name = g_path_get_basename (paths[n]);

        add_path (readable, paths[n], g_ascii_strcasecmp (name, "DICOMDIR") == 0);
        add_pair (readable, paths[n]);
      }
  if (g_variant_lookup (request, "path", "^&ay", &path))
    {
      SagJobKind kind = sag_job_get_kind (self);

      if (kind == SAG_JOB_EXPORT || kind == SAG_JOB_DEIDENTIFY || kind == SAG_JOB_KEEP || kind == SAG_JOB_RECALL)
        add_path (writable, path, TRUE);
      else
        {
          add_path (readable, path, FALSE);
          add_pair (readable, path);
        }
    }
}

static SagJob *
job_new (SagJobKind kind, GVariantDict *dict, GUnixFDList *fds)
{
  return sag_job_new (kind, g_variant_dict_end (dict), fds);
}

static void
add_title (GVariantDict *dict, const char *path)
{
  g_autofree char *name = g_filename_display_basename (path);

  g_variant_dict_insert (dict, "title", "s", name);
}

static void
add_stack (GVariantDict *dict, SagSeries *series)
{
  g_variant_dict_insert (dict, "paths", "^aay", sag_series_get_paths (series));
  g_variant_dict_insert (dict, "uid", "s", sag_series_get_uid (series));
  g_variant_dict_insert (dict, "first-frame", "i", sag_series_get_first_frame (series));
}

static void
add_focus (GVariantDict *dict, const double *focus)
{
  if (focus != NULL)
    g_variant_dict_insert (dict, "focus", "(ddd)", focus[0], focus[1], focus[2]);
}

/* Puts a volume or segmentation under `key`; takes the floating description, NULL if that failed. */
static gboolean
add_described (GVariantDict *dict, const char *key, GVariant *description)
{
  if (description == NULL)
    g_variant_dict_clear (dict);
  else
    g_variant_dict_insert_value (dict, key, description);
  return description != NULL;
}

SagJob *
sag_job_new_index (const char *const *paths)
{
  GVariantDict dict;

  g_return_val_if_fail (paths != NULL && paths[0] != NULL, NULL);

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "paths", "^aay", paths);
  add_title (&dict, paths[0]);
  return job_new (SAG_JOB_INDEX, &dict, NULL);
}

SagJob *
sag_job_new_thumbnail (SagSeries *series, int size)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  add_stack (&dict, series);
  g_variant_dict_insert (&dict, "title", "s", sag_series_get_title (series));
  g_variant_dict_insert (&dict, "size", "u", (guint32) MAX (size, 1));
  return job_new (SAG_JOB_THUMBNAIL, &dict, NULL);
}

SagJob *
sag_job_new_read (SagSeries *series, const double *focus)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  add_stack (&dict, series);
  add_focus (&dict, focus);
  g_variant_dict_insert (&dict, "title", "s", sag_series_get_title (series));
  return job_new (SAG_JOB_READ, &dict, NULL);
}

SagJob *
sag_job_new_read_straightened (SagSeries *series, const double *focus)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  add_stack (&dict, series);
  add_focus (&dict, focus);
  g_variant_dict_insert (&dict, "straighten", "b", TRUE);
  g_variant_dict_insert (&dict, "title", "s", sag_series_get_title (series));
  return job_new (SAG_JOB_READ, &dict, NULL);
}

SagJob *
sag_job_new_tags (const char *path)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "path", "^ay", path);
  add_title (&dict, path);
  return job_new (SAG_JOB_TAGS, &dict, NULL);
}

static SagJob *
read_segmentation_job_new (const char *path, gboolean as_reference, SagVolume *over, gboolean doubtful)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "path", "^ay", path);
  add_title (&dict, path);
  g_variant_dict_insert (&dict, "role", "s", as_reference ? "reference" : "segmentation");
  if (over != NULL)
    {
      /* Without descriptors to spare the labels come without the values inside them. */
      GVariant *volume = sag_volume_to_variant (over, fds, NULL);

      g_variant_dict_insert (&dict, "frame-of-reference", "s",
                             sag_volume_get_frame_of_reference (over));
      if (volume != NULL)
        g_variant_dict_insert_value (&dict, "volume", volume);
    }
  if (doubtful)
    g_variant_dict_insert (&dict, "doubtful", "b", TRUE);
  return job_new (SAG_JOB_READ_SEGMENTATION, &dict, over != NULL ? fds : NULL);
}

SagJob *
sag_job_new_read_segmentation (const char *path, gboolean as_reference, SagVolume *over)
{
  return read_segmentation_job_new (path, as_reference, over, FALSE);
}

SagJob *
sag_job_new_read_doubtful (const char *path, SagVolume *over)
{
  return read_segmentation_job_new (path, FALSE, over, TRUE);
}

SagJob *
sag_job_new_models (void)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  return job_new (SAG_JOB_MODELS, &dict, NULL);
}

static SagJob *
model_job_new (SagJobKind kind, const char *model_id, SagPrecision precision, SagVolume *volume,
               const double *focus, GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "model", "s", model_id);
  g_variant_dict_insert (&dict, "title", "s", model_id);
  g_variant_dict_insert (&dict, "precision", "s", sag_precision_get_name (precision));
  add_focus (&dict, focus);
  if (!add_described (&dict, "volume", sag_volume_to_variant (volume, fds, error)))
    return NULL;
  return job_new (kind, &dict, fds);
}

SagJob *
sag_job_new_estimate (const char *model_id, SagPrecision precision, SagVolume *volume, GError **error)
{
  return model_job_new (SAG_JOB_ESTIMATE, model_id, precision, volume, NULL, error);
}

SagJob *
sag_job_new_segment (const char *model_id, SagPrecision precision, SagVolume *volume,
                     const double *focus, GError **error)
{
  return model_job_new (SAG_JOB_SEGMENT, model_id, precision, volume, focus, error);
}

SagJob *
sag_job_new_export (const char *format, const char *path, SagSegmentation *segmentation,
                    SagSeries *series, GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "format", "s", format);
  g_variant_dict_insert (&dict, "path", "^ay", path);
  add_title (&dict, path);
  if (series != NULL)
    add_stack (&dict, series);
  if (!add_described (&dict, "segmentation", sag_segmentation_to_variant (segmentation, fds, error)))
    return NULL;
  return job_new (SAG_JOB_EXPORT, &dict, fds);
}

SagJob *
sag_job_new_export_surface (const char *path, SagSegmentation *segmentation, int label, int smooth,
                            GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "format", "s", "stl");
  g_variant_dict_insert (&dict, "path", "^ay", path);
  g_variant_dict_insert (&dict, "label", "i", label);
  g_variant_dict_insert (&dict, "smooth", "i", smooth);
  add_title (&dict, path);
  if (!add_described (&dict, "segmentation", sag_segmentation_to_variant (segmentation, fds, error)))
    return NULL;
  return job_new (SAG_JOB_EXPORT, &dict, fds);
}

SagJob *
sag_job_new_export_statistics (const char *path, SagSegmentation *segmentation, SagVolume *volume,
                               GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "format", "s", "statistics");
  g_variant_dict_insert (&dict, "path", "^ay", path);
  add_title (&dict, path);
  if (!add_described (&dict, "segmentation", sag_segmentation_to_variant (segmentation, fds, error))
      || (volume != NULL && !add_described (&dict, "volume", sag_volume_to_variant (volume, fds, error))))
    return NULL;
  return job_new (SAG_JOB_EXPORT, &dict, fds);
}

static SagJob *
note_job_new (SagJobKind kind, const char *path, const char *series, const char *note,
              const char *text)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "path", "^ay", path);
  g_variant_dict_insert (&dict, "series", "s", series);
  g_variant_dict_insert (&dict, "kind", "s", note);
  if (text != NULL)
    g_variant_dict_insert (&dict, "text", "s", text);
  return job_new (kind, &dict, NULL);
}

SagJob *
sag_job_new_keep (const char *path, const char *series, const char *kind, const char *text)
{
  return note_job_new (SAG_JOB_KEEP, path, series, kind, text);
}

SagJob *
sag_job_new_recall (const char *path, const char *series, const char *kind)
{
  return note_job_new (SAG_JOB_RECALL, path, series, kind, NULL);
}

SagJob *
sag_job_new_export_measurements (const char *format, const char *path, SagMeasurements *measurements,
                                 SagVolume *volume, SagSeries *series, GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "format", "s", format);
  g_variant_dict_insert (&dict, "path", "^ay", path);
  add_title (&dict, path);
  g_variant_dict_insert_value (&dict, "measurements", sag_measurements_to_variant (measurements));
  g_variant_dict_insert (&dict, "calibrated", "b",
                         series == NULL
                             || strcmp (sag_series_get_spacing_source (series), "unknown") != 0);
  if (series != NULL)
    add_stack (&dict, series);
  if (!add_described (&dict, "volume", sag_volume_to_variant (volume, fds, error)))
    return NULL;
  return job_new (SAG_JOB_EXPORT, &dict, fds);
}

SagJob *
sag_job_new_export_png (const char *path, const guint8 *rgba, int width, int height, GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GVariantDict dict;
  int handle;

  g_return_val_if_fail (width > 0 && height > 0, NULL);

  handle = sag_wire_append_bytes (fds, rgba, (gsize) width * (gsize) height * 4, error);
  if (handle < 0)
    return NULL;
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "format", "s", "png");
  g_variant_dict_insert (&dict, "path", "^ay", path);
  g_variant_dict_insert (&dict, "width", "u", (guint32) width);
  g_variant_dict_insert (&dict, "height", "u", (guint32) height);
  g_variant_dict_insert (&dict, "pixels", "h", handle);
  add_title (&dict, path);
  return job_new (SAG_JOB_EXPORT, &dict, fds);
}

SagJob *
sag_job_new_deidentify (const char *const *paths, const char *folder, const char *dates)
{
  GVariantDict dict;

  g_return_val_if_fail (paths != NULL && paths[0] != NULL, NULL);

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "paths", "^aay", paths);
  g_variant_dict_insert (&dict, "path", "^ay", folder);
  g_variant_dict_insert (&dict, "dates", "s", dates);
  add_title (&dict, folder);
  return job_new (SAG_JOB_DEIDENTIFY, &dict, NULL);
}

SagJob *
sag_job_new_compare (SagSegmentation *a, SagSegmentation *b, gboolean surface, GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  if (!add_described (&dict, "a", sag_segmentation_to_variant (a, fds, error))
      || !add_described (&dict, "b", sag_segmentation_to_variant (b, fds, error)))
    return NULL;
  g_variant_dict_insert (&dict, "surface", "b", surface);
  return job_new (SAG_JOB_COMPARE, &dict, fds);
}

SagJob *
sag_job_new_edit (SagSegmentation *segmentation, int layer, guint8 label, const char *operation,
                  GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  if (!add_described (&dict, "segmentation", sag_segmentation_to_variant (segmentation, fds, error)))
    return NULL;
  g_variant_dict_insert (&dict, "layer", "i", layer);
  g_variant_dict_insert (&dict, "label", "y", label);
  g_variant_dict_insert (&dict, "operation", "s", operation);
  return job_new (SAG_JOB_EDIT, &dict, fds);
}

SagJob *
sag_job_new_parts (SagSegmentation *segmentation, GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  if (!add_described (&dict, "segmentation", sag_segmentation_to_variant (segmentation, fds, error)))
    return NULL;
  return job_new (SAG_JOB_PARTS, &dict, fds);
}
