/* SPDX-License-Identifier: Apache-2.0
 *
 * unzip.c: the members of a ZIP file as files.
 */
#include "app/files/unzip.h"

#include "app/files/leftovers.h"
#include "engine/base/error.h"

#include <glib/gi18n-lib.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zip.h>

#define MAX_MEMBERS 500000
#define MAX_BYTES ((guint64) 256 << 30)
#define MODEST_BYTES ((guint64) 1 << 30) /* up to here any ratio is let through */
#define MAX_RATIO 200
#define SPARE_BYTES ((guint64) 64 << 20)
#define MAX_NAME 80
#define MAX_END (22 + 65535) /* of a table of contents with the longest comment */
#define PREFIX "sagitta-zip-"

static int keeper; /* the program that this one works for; 0: itself */

struct _SagUnzip
{
  char    *path; /* the ZIP file */
  char    *folder;
  gboolean is_left;
};

/* Where the record that ends a ZIP file is (APPNOTE.TXT, 4.3.16), whose 22 bytes go to `end`; -1 if there is none. */
static goffset
find_end (FILE *file, guint8 end[22])
{
  g_autofree guint8 *tail = g_malloc (MAX_END);
  goffset start;
  gsize n;

  if (fseeko (file, -MAX_END, SEEK_END) != 0)
    rewind (file);
  start = ftello (file);
  n = fread (tail, 1, MAX_END, file);
  for (gsize at = n; at-- > 0;)
    if (n - at >= 22 && memcmp (tail + at, "PK\5\6", 4) == 0)
      {
        memcpy (end, tail + at, 22);
        return start + (goffset) at;
      }
  return -1;
}

static guint32
get_u32 (const guint8 *bytes)
{
  guint32 value;

  memcpy (&value, bytes, sizeof value);
  return GUINT32_FROM_LE (value);
}

/* A program that unpacks itself has its ZIP file behind it. Most count places from their own start; this is where
 * the ZIP file begins in those that do not. */
static goffset
find_start (const char *path)
{
  FILE *file = g_fopen (path, "re");
  guint8 end[22];
  goffset at = file != NULL ? find_end (file, end) : -1;
  goffset table = at >= 0 ? (goffset) get_u32 (end + 16) : 0;
  goffset start = at >= 0 ? at - (goffset) get_u32 (end + 12) - table : 0;
  char first[4] = "";

  /* In ZIP64 there is more between the table of contents and its end. */
  if (start > 0 && fseeko (file, table, SEEK_SET) == 0 && fread (first, 1, 4, file) == 4
      && memcmp (first, "PK\1\2", 4) == 0)
    start = 0;
  if (file != NULL)
    fclose (file);
  return MAX (start, 0);
}

static gboolean
ends_as_zip (const char *path, FILE *file)
{
  g_autofree char *lower = g_ascii_strdown (path, -1);
  guint8 end[22];

  return (g_str_has_suffix (lower, ".zip") || g_str_has_suffix (lower, ".exe")) && find_end (file, end) >= 0;
}

gboolean
sag_unzip_is_zip (const char *path)
{
  char start[4] = "";
  struct stat info;
  FILE *file;
  gboolean is;

  if (stat (path, &info) != 0 || !S_ISREG (info.st_mode) || (file = g_fopen (path, "re")) == NULL)
    return FALSE;
  is = fread (start, 1, 4, file) == 4
       && (memcmp (start, "PK\3\4", 4) == 0 || memcmp (start, "PK\5\6", 4) == 0 || ends_as_zip (path, file));
  fclose (file);
  return is;
}

/* Our folders are flat. */
static void
remove_folder (const char *path)
{
  DIR *dir = opendir (path);
  struct dirent *entry;

  while (dir != NULL && (entry = readdir (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, entry->d_name, NULL);

      if (entry->d_name[0] != '.')
        g_unlink (child);
    }
  if (dir != NULL)
    closedir (dir);
  g_rmdir (path);
}

static gboolean
is_alive (int pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", pid);
  g_autofree char *stat = NULL;
  const char *state;

  if (kill (pid, 0) != 0)
    return errno != ESRCH;
  /* One that nobody has waited for is dead all the same: "pid (name) Z ..." (proc(5)). */
  return !g_file_get_contents (path, &stat, NULL, NULL) || (state = strrchr (stat, ')')) == NULL || state[1] == '\0'
         || state[2] != 'Z';
}

char *
sag_unzip_get_root (void)
{
  g_autofree char *cache = g_build_filename (g_get_user_cache_dir (), "sagitta", NULL);

  return g_mkdir_with_parents (cache, 0700) == 0 && access (cache, W_OK | X_OK) == 0
             ? g_steal_pointer (&cache) : g_strdup (g_get_tmp_dir ());
}

void
sag_unzip_work_for (int pid)
{
  keeper = pid;
}

/* A folder's name tells who made it, and for whom: those that were made for `owner`, or, if that is 0, those of programs
 * that are no more. */
static void
remove_folders (int owner)
{
  g_autofree char *where = sag_unzip_get_root ();
  DIR *dir = opendir (where);
  struct dirent *entry;

  while (dir != NULL && (entry = readdir (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (where, entry->d_name, NULL);
      struct stat info;
      int maker, parent;

      if (sscanf (entry->d_name, PREFIX "%d-%d-", &maker, &parent) == 2 && maker > 0 && parent > 1
          && (owner != 0 ? parent == owner : !is_alive (maker) && !is_alive (parent)) && lstat (path, &info) == 0
          && S_ISDIR (info.st_mode) && info.st_uid == getuid ())
        remove_folder (path);
    }
  if (dir != NULL)
    closedir (dir);
}

void
sag_unzip_remove_orphans (void)
{
  remove_folders (0);
}

void
sag_unzip_remove_kept (void)
{
  if (keeper != 0)
    remove_folders (keeper);
}

G_GNUC_PRINTF (4, 5)
static gboolean
fail (GError **error, int code, const char *path, const char *format, ...)
{
  g_autofree char *shown = sag_escape_name (path, -1);
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, SAG_ENGINE_ERROR, code, "'%s' %s", shown, what);
  return FALSE;
}

/* Folders, and what Macs add to every file. */
static gboolean
is_member (const zip_stat_t *stat)
{
  gsize n = strlen (stat->name);

  return n > 0 && stat->name[n - 1] != '/' && stat->size > 0
         && strstr (stat->name, "__MACOSX/") == NULL && !g_str_has_prefix (stat->name, "._");
}

static gboolean
is_zip_name (const char *name)
{
  gsize n = strlen (name);

  return n >= 4 && g_ascii_strcasecmp (name + n - 4, ".zip") == 0;
}

/* What is in it, before anything is written. */
static gboolean
check (zip_t *zip, const char *path, const char *folder, GError **error)
{
  zip_int64_t n = zip_get_num_entries (zip, 0);
  guint64 total = 0, packed = 0;
  struct statvfs room;
  struct stat file;
  int n_members = 0, n_zips = 0;

  if (n > MAX_MEMBERS)
    return fail (error, SAG_ENGINE_ERROR_MEMORY, path, "holds %" G_GINT64_FORMAT
                 " files, more than any study does", (gint64) n);
  for (zip_int64_t i = 0; i < n; i++)
    {
      const zip_uint64_t needed
          = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_ENCRYPTION_METHOD | ZIP_STAT_COMP_METHOD;
      zip_stat_t stat;

      if (zip_stat_index (zip, (zip_uint64_t) i, ZIP_FL_ENC_RAW, &stat) != 0
          || (stat.valid & needed) != needed)
        return fail (error, SAG_ENGINE_ERROR_INVALID, path,
                     _ ("is a damaged ZIP file: its table of contents cannot be read"));
      if (!is_member (&stat))
        continue;
      if (stat.encryption_method != ZIP_EM_NONE)
        return fail (error, SAG_ENGINE_ERROR_UNSUPPORTED, path,
                     _ ("is encrypted; unpack it with its password, then open the folder"));
      if (!zip_compression_method_supported (stat.comp_method, 0))
        return fail (error, SAG_ENGINE_ERROR_UNSUPPORTED, path,
                     _ ("is packed in a way that is not read here (method %d); unpack it with another program, then open "
                        "the folder"), stat.comp_method);
      if (stat.size > MAX_BYTES || total + stat.size > MAX_BYTES)
        return fail (error, SAG_ENGINE_ERROR_MEMORY, path,
                     _ ("would unpack to more than any study needs and was not opened"));
      total += stat.size;
      packed += MIN (stat.comp_size, MAX_BYTES);
      n_members++;
      n_zips += is_zip_name (stat.name);
    }
  /* Members that share bytes, or bytes that say ever the same. */
  if (g_stat (path, &file) == 0 && packed > (guint64) file.st_size)
    return fail (error, SAG_ENGINE_ERROR_INVALID, path,
                 _ ("is a damaged ZIP file: it claims to hold more than its own size"));
  if (total > MODEST_BYTES && total / MAX_RATIO > packed)
    return fail (error, SAG_ENGINE_ERROR_MEMORY, path,
                 "would unpack to %" G_GUINT64_FORMAT " times its size and was not opened",
                 total / MAX (packed, 1));
  if (statvfs (folder, &room) == 0
      && total + SPARE_BYTES > (guint64) room.f_bavail * room.f_frsize)
    return fail (error, SAG_ENGINE_ERROR_MEMORY, path,
                 "needs %" G_GUINT64_FORMAT " MB to unpack, more than there is in %s",
                 total >> 20, folder);
  if (n_members > 0 && n_zips == n_members)
    return fail (error, SAG_ENGINE_ERROR_UNSUPPORTED, path,
                 _ ("holds only other ZIP files; unpack it, then open those"));
  return n_members > 0
         || fail (error, SAG_ENGINE_ERROR_INVALID, path, _ ("is a ZIP file without files in it"));
}

/* The files of a pair (NAME.hdr, NAME.img) take the number of the first, so that they stay one. */
static guint64
number_of (GHashTable *pairs, guint64 i, const char *name)
{
  static const char *const endings[] = { ".hdr", ".img", ".hdr.gz", ".img.gz" };
  g_autofree char *lower = g_ascii_strdown (name, -1);

  for (gsize e = 0; e < G_N_ELEMENTS (endings); e++)
    if (g_str_has_suffix (lower, endings[e]))
      {
        g_autofree char *stem = g_strndup (name, strlen (name) - strlen (endings[e]));
        guint64 *first = g_hash_table_lookup (pairs, stem);

        if (first != NULL)
          return *first;
        g_hash_table_insert (pairs, g_steal_pointer (&stem), g_memdup2 (&i, sizeof i));
      }
  return i;
}

/* "000017-brain.nii.gz": the number keeps names apart, and of the rest only what is harmless stays. */
static char *
make_name (guint64 i, const char *name)
{
  const char *slash = strrchr (name, '/');
  const char *base = slash != NULL ? slash + 1 : name;
  gsize n = strlen (base);
  char *made = g_strdup_printf ("%06" G_GUINT64_FORMAT "-%s", i + 1,
                                n > MAX_NAME ? base + n - MAX_NAME : base);

  return g_strcanon (made, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", '_');
}

static gboolean
write_member (zip_t *zip, zip_uint64_t i, const zip_stat_t *stat, const char *path, const char *to,
              GError **error)
{
  g_autofree char *buffer = g_malloc (1 << 16);
  zip_file_t *member = zip_fopen_index (zip, i, 0);
  guint64 left = stat->size;
  zip_int64_t got = 0;
  FILE *file;
  gboolean good = TRUE;

  if (member == NULL)
    return fail (error, SAG_ENGINE_ERROR_INVALID, path, _ ("cannot be unpacked: %s"), zip_strerror (zip));
  file = g_fopen (to, "wxe");
  if (file == NULL)
    {
      zip_fclose (member);
      return fail (error, SAG_ENGINE_ERROR_IO, path, _ ("could not be unpacked to %s: %s"), to,
                   g_strerror (errno));
    }
  while (good && left > 0 && (got = zip_fread (member, buffer, MIN (left, 1 << 16))) > 0)
    {
      good = fwrite (buffer, 1, (gsize) got, file) == (gsize) got;
      left -= (guint64) got;
    }
  /* One more read makes the checksum be looked at. */
  if (good && left == 0)
    got = zip_fread (member, buffer, 1);
  good = fclose (file) == 0 && good;
  if (!good)
    fail (error, SAG_ENGINE_ERROR_IO, path, _ ("could not be unpacked to %s: %s"), to,
          g_strerror (errno));
  else if (left > 0 || got != 0)
    good = fail (error, SAG_ENGINE_ERROR_INVALID, path,
                 "is a damaged ZIP file: member %" G_GUINT64_FORMAT " cannot be unpacked",
                 (guint64) i + 1);
  zip_fclose (member);
  return good;
}

static gboolean
write_all (zip_t *zip, const char *path, const char *folder, const SagTick *tick, GError **error)
{
  g_autoptr (GHashTable) pairs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  zip_int64_t n = zip_get_num_entries (zip, 0);

  for (zip_int64_t i = 0; i < n; i++)
    {
      g_autofree char *name = NULL, *to = NULL;
      zip_stat_t stat;

      if (!sag_tick (tick, (double) i / (double) n))
        return sag_engine_error_cancelled (error);
      if (zip_stat_index (zip, (zip_uint64_t) i, ZIP_FL_ENC_RAW, &stat) != 0)
        return fail (error, SAG_ENGINE_ERROR_INVALID, path, _ ("is a damaged ZIP file"));
      if (!is_member (&stat))
        continue;
      name = make_name (number_of (pairs, (guint64) i, stat.name), stat.name);
      to = g_build_filename (folder, name, NULL);
      if (g_file_test (to, G_FILE_TEST_EXISTS)) /* the same name twice */
        {
          g_free (name);
          g_free (to);
          name = make_name ((guint64) i, stat.name);
          to = g_build_filename (folder, name, NULL);
        }
      if (!write_member (zip, (zip_uint64_t) i, &stat, path, to, error))
        return FALSE;
    }
  return TRUE;
}

SagUnzip *
sag_unzip_open (const char *path, const SagTick *tick, GError **error)
{
  g_autoptr (SagUnzip) self = NULL;
  g_autofree char *name
      = g_strdup_printf (PREFIX "%d-%d-XXXXXX", (int) getpid (), keeper != 0 ? keeper : (int) getpid ());
  g_autofree char *root = sag_unzip_get_root ();
  zip_error_t reason;
  zip_source_t *source;
  zip_t *zip;
  gboolean good;

  sag_unzip_remove_orphans ();
  zip_error_init (&reason);
  source = zip_source_file_create (path, (zip_uint64_t) find_start (path), -1, &reason);
  zip = source != NULL ? zip_open_from_source (source, ZIP_RDONLY, &reason) : NULL;
  if (zip == NULL)
    {
      if (source != NULL)
        zip_source_free (source);
      if (zip_error_code_zip (&reason) == ZIP_ER_NOZIP) /* though it begins like one */
        fail (error, SAG_ENGINE_ERROR_INVALID, path,
              _ ("is a ZIP file without its end: it was cut short, or is one of several parts"));
      else
        fail (error, SAG_ENGINE_ERROR_INVALID, path, _ ("is a damaged ZIP file: %s"), zip_error_strerror (&reason));
      zip_error_fini (&reason);
      return NULL;
    }
  self = g_atomic_rc_box_new0 (SagUnzip);
  self->path = g_strdup (path);
  self->folder = g_build_filename (root, name, NULL);
  if (sag_leftovers_make_folder (self->folder, 0700) == NULL)
    {
      fail (error, SAG_ENGINE_ERROR_IO, path, _ ("could not be unpacked to %s: %s"), root,
            g_strerror (errno));
      g_clear_pointer (&self->folder, g_free);
      zip_discard (zip);
      return NULL;
    }
  good = check (zip, path, self->folder, error) && write_all (zip, path, self->folder, tick, error);
  zip_discard (zip);
  return good ? g_steal_pointer (&self) : NULL;
}

SagUnzip *
sag_unzip_ref (SagUnzip *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
sag_unzip_leave (SagUnzip *self)
{
  self->is_left = TRUE;
  sag_unzip_unref (self);
}

static void
clear (gpointer data)
{
  SagUnzip *self = data;

  if (self->folder != NULL && !self->is_left)
    remove_folder (self->folder);
  if (self->folder != NULL)
    sag_leftovers_forget (self->folder);
  g_free (self->folder);
  g_free (self->path);
}

void
sag_unzip_unref (SagUnzip *self)
{
  g_atomic_rc_box_release_full (self, clear);
}

char *
sag_unzip_explain (const SagUnzip *self, const char *text)
{
  g_autofree char *shown = sag_escape_name (self->path, -1);
  g_autoptr (GString) explained = g_string_new (text);

  g_string_replace (explained, self->folder, shown, 0);
  return g_string_free (g_steal_pointer (&explained), FALSE);
}

void
sag_unzip_explain_error (const SagUnzip *self, GError **error)
{
  if (self != NULL && error != NULL && *error != NULL)
    {
      char *text = sag_unzip_explain (self, (*error)->message);

      g_free ((*error)->message);
      (*error)->message = text;
    }
}

const char *
sag_unzip_get_folder (SagUnzip *self)
{
  return self->folder;
}
