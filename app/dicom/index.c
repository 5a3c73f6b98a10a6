/* SPDX-License-Identifier: Apache-2.0
 *
 * index.c: a folder as studies, series and stacks.
 */
#include "app/dicom/index.h"

#include "app/dicom/dcmtk.h"
#include "app/dicom/index-cache.h"
#include "app/dicom/split.h"
#include "app/files/save.h"
#include "app/files/unzip.h"
#include "engine/base/error.h"
#include "engine/base/parallel.h"

#include <glib/gi18n-lib.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_DEPTH 64
#define CHUNK 256 /* headers between two ticks */
#define UID_MEDIA_DIRECTORY "1.2.840.10008.1.3.10"

/* Files below a folder, in order of name, each folder once. */
typedef struct
{
  GPtrArray  *paths;   /* of char * */
  GHashTable *visited; /* "device:inode" of folders */
} Walk;

static int
compare_path (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static void
walk_folder (Walk *walk, const char *folder, int depth)
{
  struct stat info;
  struct dirent *entry;
  DIR *dir;
  char *key;

  if (depth > MAX_DEPTH || stat (folder, &info) != 0)
    return;
  key = g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, (guint64) info.st_dev,
                         (guint64) info.st_ino);
  if (!g_hash_table_add (walk->visited, key) || (dir = opendir (folder)) == NULL)
    return;
  while ((entry = readdir (dir)) != NULL)
    {
      g_autofree char *path = NULL;
      gboolean is_folder = entry->d_type == DT_DIR, is_file = entry->d_type == DT_REG;

      if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0
          || g_str_has_prefix (entry->d_name, SAG_SAVE_PARTIAL)) /* an export that goes on */
        continue;
      path = g_build_filename (folder, entry->d_name, NULL);
      if (!is_folder && !is_file && stat (path, &info) == 0)
        {
          is_folder = S_ISDIR (info.st_mode);
          is_file = S_ISREG (info.st_mode);
        }
      if (is_folder)
        walk_folder (walk, path, depth + 1);
      else if (is_file)
        g_ptr_array_add (walk->paths, g_steal_pointer (&path));
    }
  closedir (dir);
}

typedef struct
{
  char             **paths;
  struct stat       *infos;
  SagDicomInstance **instances; /* one a path */
  GError           **errors;
  gsize             *unknown;   /* indices of those to read */
  gsize              n_unknown;
  gsize              start;     /* in `unknown` */
} Headers;

static void
read_one (gsize item, int thread, gpointer data)
{
  Headers *headers = data;
  gsize i = headers->unknown[headers->start + item];

  headers->instances[i] = sag_dicom_read_header (headers->paths[i], &headers->errors[i]);
}

static void
study_free (gpointer data)
{
  SagIndexStudy *study = data;

  g_ptr_array_unref (study->series);
  g_free (study);
}

static void
series_free (gpointer data)
{
  SagIndexSeries *series = data;

  g_ptr_array_unref (series->instances);
  g_ptr_array_unref (series->stacks);
  g_free (series);
}

static int
compare_instances (gconstpointer a, gconstpointer b)
{
  const SagDicomInstance *x = *(SagDicomInstance *const *) a;
  const SagDicomInstance *y = *(SagDicomInstance *const *) b;

  if (x->instance_number != y->instance_number)
    return x->instance_number < y->instance_number ? -1 : 1;
  return strcmp (x->path, y->path);
}

static int
compare_series (gconstpointer a, gconstpointer b)
{
  const SagDicomInstance *x = (*(SagIndexSeries *const *) a)->first;
  const SagDicomInstance *y = (*(SagIndexSeries *const *) b)->first;
  int order;

  if (x->series_number != y->series_number)
    return x->series_number < y->series_number ? -1 : 1;
  order = strcmp (x->series_date, y->series_date);
  if (order == 0)
    order = strcmp (x->series_time, y->series_time);
  return order != 0 ? order : strcmp (x->series_instance_uid, y->series_instance_uid);
}

static int
compare_studies (gconstpointer a, gconstpointer b)
{
  const SagDicomInstance *x = (*(SagIndexStudy *const *) a)->first;
  const SagDicomInstance *y = (*(SagIndexStudy *const *) b)->first;
  int order = strcmp (y->study_date, x->study_date);

  if (order == 0)
    order = strcmp (y->study_time, x->study_time);
  return order != 0 ? order : strcmp (x->study_instance_uid, y->study_instance_uid);
}

/* A second copy of an object (same SOP Instance UID) is left out and named. */
static void
drop_copies (SagIndex *self, SagIndexSeries *series)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < series->instances->len;)
    {
      SagDicomInstance *instance = g_ptr_array_index (series->instances, i);
      SagDicomInstance *other = g_hash_table_lookup (seen, instance->sop_instance_uid);

      if (other == NULL || instance->sop_instance_uid[0] == '\0')
        {
          g_hash_table_insert (seen, instance->sop_instance_uid, instance);
          i++;
          continue;
        }
      g_ptr_array_add (self->problems, g_strdup_printf ("%s is a second copy of %s and was left out",
                                                        instance->path, other->path));
      g_ptr_array_remove_index (series->instances, i);
    }
}

static void
finish_series (SagIndex *self, SagIndexSeries *series)
{
  g_ptr_array_sort (series->instances, compare_instances);
  drop_copies (self, series);
  series->first = g_ptr_array_index (series->instances, 0);
  g_ptr_array_unref (series->stacks);
  series->stacks = sag_split_series (series->instances);
  series->kind = series->stacks->len > 0                        ? SAG_SERIES_IMAGE
                 : sag_dicom_instance_is_seg (series->first) ? SAG_SERIES_SEGMENTATION
                                                             : SAG_SERIES_OTHER;
}

SagIndex *
sag_index_group (SagDicomInstance **instances, gsize n)
{
  SagIndex *self = g_atomic_rc_box_new0 (SagIndex);
  g_autoptr (GHashTable) studies = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) all = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  self->studies = g_ptr_array_new_with_free_func (study_free);
  self->instances = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_dicom_instance_free);
  self->problems = g_ptr_array_new_with_free_func (g_free);
  self->unzipped = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_unzip_unref);
  for (gsize i = 0; i < n; i++)
    {
      SagDicomInstance *instance = instances[i];
      SagIndexStudy *study = g_hash_table_lookup (studies, instance->study_instance_uid);
      g_autofree char *key
          = g_strconcat (instance->study_instance_uid, "/", instance->series_instance_uid, NULL);
      SagIndexSeries *series = g_hash_table_lookup (all, key);

      g_ptr_array_add (self->instances, instance);
      if (study == NULL)
        {
          study = g_new0 (SagIndexStudy, 1);
          study->first = instance;
          study->series = g_ptr_array_new_with_free_func (series_free);
          g_ptr_array_add (self->studies, study);
          g_hash_table_insert (studies, instance->study_instance_uid, study);
        }
      if (series == NULL)
        {
          series = g_new0 (SagIndexSeries, 1);
          series->instances = g_ptr_array_new ();
          series->stacks = g_ptr_array_new ();
          g_ptr_array_add (study->series, series);
          g_hash_table_insert (all, g_steal_pointer (&key), series);
        }
      g_ptr_array_add (series->instances, instance);
    }
  for (guint i = 0; i < self->studies->len; i++)
    {
      SagIndexStudy *study = g_ptr_array_index (self->studies, i);

      for (guint j = 0; j < study->series->len; j++)
        finish_series (self, g_ptr_array_index (study->series, j));
      g_ptr_array_sort (study->series, compare_series);
    }
  g_ptr_array_sort (self->studies, compare_studies);
  return self;
}

/* Where `path` is a DICOMDIR, the files it names take its place in `paths`. */
static gboolean
follow_directory (const char *path, GPtrArray *paths, GPtrArray *problems, GError **error)
{
  g_autoptr (SagDicomInstance) instance = sag_dicom_read_header (path, NULL);
  g_autofree char *shown = sag_escape_name (path, -1);
  int n_absent = 0;
  guint n;

  if (instance == NULL || strcmp (instance->sop_class_uid, UID_MEDIA_DIRECTORY) != 0)
    return TRUE;
  g_ptr_array_set_size (paths, 0);
  if (!sag_dicom_read_directory (path, paths, &n_absent, error))
    return FALSE;
  n = paths->len + n_absent;
  if (paths->len == 0)
    {
      if (n_absent > 0)
        g_set_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_NOT_FOUND,
                     _ ("None of the %u files that '%s' names is there; open the folder that holds the "
                     "images instead"), n, shown);
      else
        g_set_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_NOT_FOUND,
                     _ ("'%s' is a directory of a medium, but names no files"), shown);
      return FALSE;
    }
  if (n_absent > 0)
    g_ptr_array_add (problems, g_strdup_printf ("%s names %u files, of which %d are not there", path,
                                                n, n_absent));
  return TRUE;
}

/* Sorts what was read into instances, problems and the rest. */
static SagIndex *
gather (Headers *headers, gsize n, GPtrArray *problems, int *n_skipped)
{
  gsize kept = 0;

  for (gsize i = 0; i < n; i++)
    {
      SagDicomInstance *instance = headers->instances[i];

      if (instance != NULL && strcmp (instance->sop_class_uid, UID_MEDIA_DIRECTORY) != 0)
        {
          headers->instances[kept++] = instance;
          continue;
        }
      if (instance != NULL)
        sag_dicom_instance_free (instance);
      else if (headers->errors[i] == NULL)
        continue; /* cancelled before it came to this */
      else if (!g_error_matches (headers->errors[i], SAG_DICOM_ERROR, SAG_DICOM_ERROR_NOT_DICOM))
        {
          /* The message begins with the file's name in quotes; here its whole path stands first. */
          const char *what = strstr (headers->errors[i]->message, "' ");

          g_ptr_array_add (problems, g_strdup_printf ("%s %s", headers->paths[i],
                                                      what != NULL ? what + 2
                                                                   : headers->errors[i]->message));
        }
      else
        (*n_skipped)++;
    }
  return sag_index_group (headers->instances, kept);
}

/* The files that `path` stands for, added to `paths`. */
static gboolean
list_path (const char *path, GPtrArray *paths, GPtrArray *problems, GPtrArray *unzipped,
           GError **error)
{
  g_autoptr (GPtrArray) own = g_ptr_array_new_with_free_func (g_free);
  const char *folder = g_file_test (path, G_FILE_TEST_IS_DIR) ? path : NULL;

  if (folder == NULL && sag_unzip_is_zip (path))
    {
      SagUnzip *unzip = sag_unzip_open (path, NULL, error);

      if (unzip == NULL)
        return FALSE;
      g_ptr_array_add (unzipped, unzip);
      folder = sag_unzip_get_folder (unzip);
    }
  if (folder != NULL)
    {
      Walk walk = { own, g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };

      walk_folder (&walk, folder, 0);
      g_hash_table_unref (walk.visited);
      g_ptr_array_sort (own, compare_path);
    }
  else if (access (path, F_OK) == 0)
    {
      g_ptr_array_add (own, g_strdup (path));
      if (!follow_directory (path, own, problems, error))
        return FALSE;
    }
  else
    {
      int reason = errno;
      g_autofree char *shown = sag_escape_name (path, -1);

      if (reason == ENOENT)
        g_set_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_IO, _ ("'%s' does not exist"), shown);
      else
        g_set_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_IO, _ ("%s could not be opened: %s"), shown,
                     g_strerror (reason));
      return FALSE;
    }
  g_ptr_array_extend_and_steal (paths, g_steal_pointer (&own));
  return TRUE;
}

/* What is known from last time; the rest is listed as unknown. */
static void
look_up (Headers *headers, gsize n, SagIndexCache *cache)
{
  for (gsize i = 0; i < n; i++)
    {
      SagKnown known = SAG_KNOWN_NOT;

      if (stat (headers->paths[i], &headers->infos[i]) == 0)
        known = sag_index_cache_get (cache, headers->paths[i], &headers->infos[i],
                                     &headers->instances[i]);
      if (known == SAG_KNOWN_NOT)
        headers->unknown[headers->n_unknown++] = i;
      else if (known == SAG_KNOWN_FOREIGN)
        g_set_error_literal (&headers->errors[i], SAG_DICOM_ERROR, SAG_DICOM_ERROR_NOT_DICOM,
                             _ ("is not a DICOM file"));
    }
}

/* What was read this time, for the next; not what was damaged. */
static void
note_all (Headers *headers, SagIndexCache *cache)
{
  if (headers->n_unknown == 0 || !sag_index_cache_begin (cache))
    return;
  for (gsize u = 0; u < headers->n_unknown; u++)
    {
      gsize i = headers->unknown[u];

      if (headers->instances[i] != NULL
          || g_error_matches (headers->errors[i], SAG_DICOM_ERROR, SAG_DICOM_ERROR_NOT_DICOM))
        sag_index_cache_put (cache, headers->paths[i], &headers->infos[i], headers->instances[i]);
    }
  sag_index_cache_end (cache);
}

/* Headers of all files not known, on the team. */
static gboolean
read_all (Headers *headers, const SagTick *tick, GError **error)
{
  gsize n = headers->n_unknown;

  for (gsize i = 0; i < n; i += CHUNK)
    {
      headers->start = i;
      sag_parallel_for (MIN (CHUNK, n - i), read_one, headers);
      if (!sag_tick (tick, (double) MIN (i + CHUNK, n) / n))
        return sag_engine_error_cancelled (error);
    }
  return TRUE;
}

/* Nothing to show is an error: the file's own where there was but one, else the first problem. */
static gboolean
check_found (const SagIndex *self, const char *path, Headers *headers, GError **error)
{
  g_autofree char *shown = sag_escape_name (path, -1);

  if (self->instances->len > 0)
    return TRUE;
  if (self->n_files == 1 && self->unzipped->len == 0 && !g_file_test (path, G_FILE_TEST_IS_DIR)
      && headers->errors[0] != NULL)
    g_propagate_error (error, g_steal_pointer (&headers->errors[0]));
  else if (self->problems->len > 0)
    g_set_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID,
                 _ ("'%s' holds no readable DICOM object; the first problem is %s"), shown,
                 (char *) g_ptr_array_index (self->problems, 0));
  else
    g_set_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_NOT_FOUND,
                 _ ("'%s' holds no DICOM object (%d files looked at); choose the folder of a study"), shown,
                 self->n_files);
  return FALSE;
}

SagIndex *
sag_index_paths (const char *const *inputs, const SagTick *tick, GError **error)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) unzipped = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_unzip_unref);
  g_autoptr (SagIndex) self = NULL;
  SagIndexCache *cache;
  Headers headers = { 0 };
  int n_skipped = 0;
  gboolean good;
  gsize n;

  for (int i = 0; inputs[i] != NULL; i++)
    if (!list_path (inputs[i], paths, problems, unzipped, error))
      return NULL;
  n = paths->len;
  headers.paths = (char **) paths->pdata;
  headers.instances = g_new0 (SagDicomInstance *, n + 1);
  headers.errors = g_new0 (GError *, n + 1);
  headers.infos = g_new0 (struct stat, n + 1);
  headers.unknown = g_new (gsize, n + 1);
  /* One file is read as fast as it is looked up; what was unpacked is there but once. */
  cache = n > 1 && unzipped->len == 0 ? sag_index_cache_open () : NULL;
  look_up (&headers, n, cache);
  good = read_all (&headers, tick, error);
  if (good)
    note_all (&headers, cache);
  sag_index_cache_close (cache);
  self = gather (&headers, n, problems, &n_skipped);
  g_ptr_array_extend_and_steal (self->problems, g_steal_pointer (&problems));
  self->n_files = (int) n;
  self->n_skipped = n_skipped;
  self->n_known = (int) (n - headers.n_unknown);
  g_ptr_array_extend_and_steal (self->unzipped, g_steal_pointer (&unzipped));
  for (guint u = 0; u < self->unzipped->len; u++)
    for (guint i = 0; i < self->problems->len; i++)
      {
        char **problem = (char **) &g_ptr_array_index (self->problems, i);
        char *explained = sag_unzip_explain (g_ptr_array_index (self->unzipped, u), *problem);

        g_free (*problem);
        *problem = explained;
      }
  good = good && check_found (self, inputs[0], &headers, error);
  for (gsize i = 0; i < n; i++)
    g_clear_error (&headers.errors[i]);
  g_free (headers.instances);
  g_free (headers.errors);
  g_free (headers.infos);
  g_free (headers.unknown);
  return good ? g_steal_pointer (&self) : NULL;
}

SagIndex *
sag_index_folder (const char *path, const SagTick *tick, GError **error)
{
  const char *const paths[] = { path, NULL };

  return sag_index_paths (paths, tick, error);
}

SagIndex *
sag_index_ref (SagIndex *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
index_clear (gpointer data)
{
  SagIndex *self = data;

  g_ptr_array_unref (self->studies);
  g_ptr_array_unref (self->instances);
  g_ptr_array_unref (self->problems);
  g_ptr_array_unref (self->unzipped);
}

void
sag_index_unref (SagIndex *self)
{
  g_atomic_rc_box_release_full (self, index_clear);
}

SagIndexSeries *
sag_index_find_series (const SagIndex *self, const char *uid)
{
  for (guint i = 0; i < self->studies->len; i++)
    {
      SagIndexStudy *study = g_ptr_array_index (self->studies, i);

      for (guint j = 0; j < study->series->len; j++)
        {
          SagIndexSeries *series = g_ptr_array_index (study->series, j);

          if (strcmp (series->first->series_instance_uid, uid) == 0)
            return series;
        }
    }
  return NULL;
}

char *
sag_index_series_describe (const SagIndexSeries *series)
{
  const char *name = series->first->series_description;
  int n_frames = 0;

  for (guint i = 0; i < series->instances->len; i++)
    {
      const SagDicomInstance *instance = g_ptr_array_index (series->instances, i);

      n_frames += instance->has_pixel_data ? instance->number_of_frames : 0;
    }
  return g_strdup_printf ("%s %s (%d image%s)", series->first->modality,
                          *name != '\0' ? name : "without description", n_frames,
                          n_frames == 1 ? "" : "s");
}
