/* SPDX-License-Identifier: Apache-2.0
 *
 * deidentify.c: copies of series and segmentations that no longer say whose they are.
 */
#include "app/dicom/deidentify.h"

#include "app/dicom/dcmtk.h"
#include "app/files/leftovers.h"
#include "app/files/save.h"
#include "engine/base/error.h"

#include <glib/gi18n-lib.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RTSTRUCT "1.2.840.10008.5.1.4.1.1.481.3"
#define KEY_LENGTH 64

void
sag_deidentified_free (SagDeidentified *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->folders);
  g_ptr_array_unref (self->uids);
  g_ptr_array_unref (self->warnings);
  g_ptr_array_unref (self->skipped);
  g_free (self);
}

static gboolean
fail (GError **error, const char *what, const char *path)
{
  const int code = errno;
  g_autofree char *shown = sag_escape_name (path, -1);

  g_set_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_IO, _ ("'%s' could not be %s: %s%s"), shown, what,
               g_strerror (code),
               code == ENOSPC || code == EDQUOT ? _ ("; make room, or choose another folder") : "");
  return FALSE;
}

/* The key: 256 random bits in hexadecimal, made once a user. Who has it can tell which original a
 * copy is of, if he has the original; nobody else can. */
static char *
get_key (GError **error)
{
  g_autofree char *folder = g_build_filename (g_get_user_config_dir (), "sagitta", NULL);
  g_autofree char *path = g_build_filename (folder, "deidentify.key", NULL);
  g_autofree char *beside = NULL;
  g_autoptr (GString) made = g_string_new (NULL);
  char *key = NULL;
  int fd;

  if (g_file_get_contents (path, &key, NULL, NULL) && strlen (key) == KEY_LENGTH)
    return key;
  g_free (key);
  while (made->len < KEY_LENGTH)
    {
      guint8 bytes[KEY_LENGTH / 2];

      if (getentropy (bytes, sizeof bytes) != 0)
        return fail (error, _ ("made"), path), NULL;
      for (gsize i = 0; i < sizeof bytes; i++)
        g_string_append_printf (made, "%02x", bytes[i]);
    }
  beside = g_strconcat (path, ".XXXXXX", NULL);
  if (g_mkdir_with_parents (folder, 0700) != 0 || (fd = g_mkstemp_full (beside, O_RDWR, 0600)) < 0)
    return fail (error, _ ("written (it holds the key by which copies get their UIDs)"), path), NULL;
  if (write (fd, made->str, made->len) != (gssize) made->len || fsync (fd) != 0)
    {
      fail (error, _ ("written"), path);
      close (fd);
      g_unlink (beside);
      return NULL;
    }
  close (fd);
  /* Of two programs that make one at once, the first wins. */
  if (link (beside, path) != 0 && errno != EEXIST)
    {
      fail (error, _ ("written"), path);
      g_unlink (beside);
      return NULL;
    }
  g_unlink (beside);
  if (!g_file_get_contents (path, &key, NULL, error))
    return NULL;
  if (strlen (key) == KEY_LENGTH)
    return key;
  g_free (key);
  g_set_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID,
               _ ("'%s' is damaged; copies made with another key have other UIDs: remove it if that may be"),
               path);
  return NULL;
}

static gboolean
write_all (int fd, const guint8 *bytes, gsize n)
{
  while (n > 0)
    {
      gssize done = write (fd, bytes, n);

      if (done < 0 && errno == EINTR)
        continue;
      if (done <= 0)
        return FALSE;
      bytes += done;
      n -= (gsize) done;
    }
  return TRUE;
}

typedef struct
{
  const char      *folder; /* as the user named it */
  const char      *key;
  SagDates         dates;
  GHashTable      *texts;
  SagDeidentified *report;
} Export;

static void
add_note (GPtrArray *notes, const SagDicomInstance *instance, const char *what)
{
  g_ptr_array_add (notes, g_strdup_printf ("%s %s", instance->path, what));
}

/* The CS value of a tag that an instance does not carry: read where it lies. */
static gboolean
says (GMappedFile *file, const guint8 tag[4], const char *value)
{
  const guint8 *bytes = (const guint8 *) g_mapped_file_get_contents (file);
  gsize n = MIN (g_mapped_file_get_length (file), 65536);
  const guint8 *p = memmem (bytes, n, tag, 4);

  return p != NULL && memmem (p, MIN (16, (gsize) (bytes + n - p)), value, strlen (value)) != NULL;
}

static void
warn_of_pixels (Export *export, const SagDicomInstance *instance, GMappedFile *file)
{
  static const guint8 burned_in[4] = { 0x28, 0, 0x01, 0x03 }, features[4] = { 0x28, 0, 0x02, 0x03 };
  static const guint8 overlay[4] = { 0x00, 0x60, 0x00, 0x30 };
  const char *modality = instance->modality;

  if (says (file, burned_in, "YES"))
    add_note (export->report->warnings, instance,
              "says that text is burned into its pixels: look at it before giving the copy away");
  else if (!says (file, burned_in, "NO")
           && (instance->samples_per_pixel > 1 || strcmp (modality, "US") == 0
               || strcmp (modality, "SC") == 0 || strcmp (modality, "OT") == 0
               || strcmp (modality, "XC") == 0 || strcmp (modality, "ES") == 0
               || g_str_has_prefix (instance->sop_class_uid, "1.2.840.10008.5.1.4.1.1.7")))
    add_note (export->report->warnings, instance,
              "is of a kind that often has text burned into its pixels: look at it before giving the "
              "copy away");
  if (says (file, features, "YES"))
    add_note (export->report->warnings, instance, "says that the person can be recognised in it");
  if (memmem (g_mapped_file_get_contents (file), MIN (g_mapped_file_get_length (file), 65536), overlay,
              4)
      != NULL)
    add_note (export->report->warnings, instance, "had overlays, which were removed");
}

static gboolean
write_copy (Export *export, const SagDicomInstance *instance, const char *path, gboolean *written,
            GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autoptr (GMappedFile) file = g_mapped_file_new (instance->path, FALSE, error);
  g_autoptr (GByteArray) head = NULL, tail = NULL;
  const guint8 *pixels = NULL;
  gsize n_pixels = 0;
  int fd;
  gboolean good;

  *written = FALSE;
  if (file == NULL)
    return FALSE;
  head = sag_deidentify_bytes ((const guint8 *) g_mapped_file_get_contents (file),
                               g_mapped_file_get_length (file), export->key, export->dates,
                               export->texts, &pixels, &n_pixels, &tail, &failure);
  if (head == NULL)
    {
      add_note (export->report->skipped, instance, failure->message);
      return TRUE;
    }
  fd = g_open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0)
    return fail (error, _ ("written to"), export->folder);
  good = write_all (fd, head->data, head->len) && (n_pixels == 0 || write_all (fd, pixels, n_pixels))
         && write_all (fd, tail->data, tail->len) && fsync (fd) == 0;
  if (!good)
    fail (error, _ ("written to"), export->folder);
  close (fd);
  if (good)
    warn_of_pixels (export, instance, file);
  *written = good;
  return good;
}

/* What names the patient anywhere in the export is looked for in all of it. */
static void
collect (Export *export, const SagDicomInstance *instance)
{
  g_autoptr (GMappedFile) file = g_mapped_file_new (instance->path, FALSE, NULL);

  if (file != NULL)
    sag_deidentify_collect ((const guint8 *) g_mapped_file_get_contents (file),
                            g_mapped_file_get_length (file), export->dates, export->texts);
}

static gboolean
is_wanted (const SagIndexSeries *series, const char *series_uid)
{
  return series_uid == NULL || strcmp (series->first->series_instance_uid, series_uid) == 0;
}

/* Text, plans, signals: their substance cannot be told from what names the patient. */
static gboolean
is_exported (Export *export, const SagDicomInstance *instance)
{
  if (instance->has_pixel_data || strcmp (instance->sop_class_uid, RTSTRUCT) == 0)
    return TRUE;
  add_note (export->report->skipped, instance,
            "is no image, segmentation or structure set: its text cannot be cleaned");
  return FALSE;
}

/* One series into a folder of `inside`; *name becomes the folder's name, NULL if nothing was left. */
static gboolean
write_series (Export *export, const SagIndexSeries *series, const char *inside, char **name,
              GError **error)
{
  g_autofree char *seed
      = g_strdup_printf ("%s/uid/%s", export->key, series->first->series_instance_uid);
  g_autofree char *modality = g_strdup (series->first->modality);
  g_autofree char *folder = NULL;
  int n = 0;
  SagUid uid;

  sag_dicom_make_uid (seed, uid);
  g_strcanon (modality, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 'x');
  if (*modality == '\0')
    {
      g_free (modality);
      modality = g_strdup ("OT");
    }
  *name = g_strdup_printf ("%s-%s", modality, uid + strlen (uid) - 8);
  folder = g_build_filename (inside, *name, NULL);
  /* The same series in two studies, or eight digits that happen to be the same. */
  for (int k = 2; g_mkdir (folder, 0777) != 0; k++)
    {
      if (errno != EEXIST || k > 1000)
        return fail (error, _ ("written to"), export->folder);
      g_free (*name);
      *name = g_strdup_printf ("%s-%s-%d", modality, uid + strlen (uid) - 8, k);
      g_free (folder);
      folder = g_build_filename (inside, *name, NULL);
    }
  for (guint i = 0; i < series->instances->len; i++)
    {
      const SagDicomInstance *instance = g_ptr_array_index (series->instances, i);
      g_autofree char *file = g_strdup_printf ("%05d.dcm", n + 1);
      g_autofree char *path = g_build_filename (folder, file, NULL);
      gboolean written;

      if (!is_exported (export, instance))
        continue;
      if (!write_copy (export, instance, path, &written, error))
        return FALSE;
      n += written;
    }
  if (n == 0)
    {
      g_rmdir (folder);
      g_clear_pointer (name, g_free);
      return TRUE;
    }
  g_ptr_array_add (export->report->uids, g_strdup (uid));
  export->report->n_files += n;
  return TRUE;
}

/* All series into `beside`; their folders' names are added to `names`. */
static gboolean
write_index (Export *export, const SagIndex *index, const char *series_uid, const char *beside,
             GPtrArray *names, const SagTick *tick, GError **error)
{
  for (guint i = 0; i < index->studies->len; i++)
    {
      const SagIndexStudy *study = g_ptr_array_index (index->studies, i);

      for (guint j = 0; j < study->series->len; j++)
        {
          const SagIndexSeries *series = g_ptr_array_index (study->series, j);
          char *name = NULL;

          if (!is_wanted (series, series_uid))
            continue;
          if (!sag_tick (tick, (i + (double) j / study->series->len) / index->studies->len))
            return sag_engine_error_cancelled (error);
          if (!write_series (export, series, beside, &name, error))
            {
              g_free (name);
              return FALSE;
            }
          if (name != NULL)
            g_ptr_array_add (names, name);
        }
    }
  if (names->len > 0)
    return TRUE;
  g_set_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_NOT_FOUND,
               _ ("There is nothing here to export%s%s"),
               export->report->skipped->len > 0 ? _ ("; the first object left out is ") : "",
               export->report->skipped->len > 0
                   ? (char *) g_ptr_array_index (export->report->skipped, 0) : "");
  return FALSE;
}

/* Gives every folder of `beside` its name in `folder`, or none of them. */
static gboolean
publish (const char *folder, const char *beside, GPtrArray *names, SagDeidentified *report,
         GError **error)
{
  int fd = open (beside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd >= 0)
    {
      fsync (fd);
      close (fd);
    }
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *from = g_build_filename (beside, g_ptr_array_index (names, i), NULL);
      g_autofree char *to = g_build_filename (folder, g_ptr_array_index (names, i), NULL);

      if (renameat2 (AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0
          || ((errno == EINVAL || errno == ENOSYS) && !g_file_test (to, G_FILE_TEST_EXISTS)
              && rename (from, to) == 0))
        {
          g_ptr_array_add (report->folders, g_steal_pointer (&to));
          continue;
        }
      if (errno == EEXIST || errno == ENOTEMPTY)
        {
          g_autofree char *shown = sag_escape_name (to, -1);

          g_set_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_IO,
                       _ ("'%s' is there already, from an earlier export; choose another folder"), shown);
        }
      else
        fail (error, _ ("written"), to);
      for (guint k = 0; k < report->folders->len; k++)
        sag_save_remove (g_ptr_array_index (report->folders, k));
      return FALSE;
    }
  fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0)
    {
      fsync (fd);
      close (fd);
    }
  return TRUE;
}

static void
collect_index (Export *export, const SagIndex *index, const char *series_uid)
{
  for (guint i = 0; i < index->studies->len; i++)
    {
      const SagIndexStudy *study = g_ptr_array_index (index->studies, i);

      for (guint j = 0; j < study->series->len; j++)
        {
          const SagIndexSeries *series = g_ptr_array_index (study->series, j);

          for (guint k = 0; is_wanted (series, series_uid) && k < series->instances->len; k++)
            collect (export, g_ptr_array_index (series->instances, k));
        }
    }
}

SagDeidentified *
sag_deidentify (const SagIndex *index, const char *series_uid, const char *folder, SagDates dates,
                const SagTick *tick, GError **error)
{
  g_autoptr (SagDeidentified) report = g_new0 (SagDeidentified, 1);
  g_autoptr (GHashTable) texts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *key = get_key (error);
  g_autofree char *beside = NULL;
  gboolean made = !g_file_test (folder, G_FILE_TEST_EXISTS), good;
  int lock;
  Export export = { folder, key, dates, texts, report };

  report->folders = g_ptr_array_new_with_free_func (g_free);
  report->uids = g_ptr_array_new_with_free_func (g_free);
  report->warnings = g_ptr_array_new_with_free_func (g_free);
  report->skipped = g_ptr_array_new_with_free_func (g_free);
  if (key == NULL)
    return NULL;
  if (series_uid != NULL && sag_index_find_series (index, series_uid) == NULL)
    {
      g_set_error_literal (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_NOT_FOUND,
                           _ ("There is no such series here"));
      return NULL;
    }
  if (made)
    sag_leftovers_add_empty (folder);
  if (g_mkdir_with_parents (folder, 0777) != 0 || (beside = sag_save_folder (folder, &lock)) == NULL)
    {
      fail (error, _ ("written to"), folder);
      sag_leftovers_forget (folder);
      return NULL;
    }
  collect_index (&export, index, series_uid);
  good = write_index (&export, index, series_uid, beside, names, tick, error)
         && publish (folder, beside, names, report, error);
  sag_save_remove (beside);
  sag_leftovers_forget (beside);
  close (lock);
  if (!good && made)
    g_rmdir (folder);
  sag_leftovers_forget (folder);
  return good ? g_steal_pointer (&report) : NULL;
}
