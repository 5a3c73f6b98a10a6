/* SPDX-License-Identifier: Apache-2.0
 *
 * index-cache.c: what headers said, kept from one opening of a folder to the next.
 */
#include "app/dicom/index-cache.h"

#include "app/files/database.h"

#include <string.h>

#define VERSION 3
#define KEEP_S (90 * 24 * 3600)

#define SCHEMA                                                                                     \
  "CREATE TABLE files (path BLOB PRIMARY KEY, size INTEGER, inode INTEGER, modified INTEGER, "     \
  "changed INTEGER, program INTEGER, seen INTEGER, header BLOB) WITHOUT ROWID;"                    \
  "CREATE INDEX by_seen ON files (seen);"

struct _SagIndexCache
{
  SagDatabase *db;
  gint64       program; /* headers are kept as this very program has them in memory */
  gint64       now;     /* s */
};

SagIndexCache *
sag_index_cache_open (void)
{
  g_autofree char *path = g_build_filename (g_get_user_cache_dir (), "sagitta", "index.db", NULL);
  g_autoptr (GError) error = NULL;
  SagIndexCache *self;
  SagDatabase *db;
  struct stat info;

  if (g_getenv ("SAG_NO_CACHE") != NULL || stat ("/proc/self/exe", &info) != 0)
    return NULL;
  db = sag_database_open (path, SCHEMA, VERSION, SAG_DATABASE_CACHE, &error);
  if (db == NULL)
    {
      g_debug ("index: no cache: %s", error->message);
      return NULL;
    }
  self = g_new (SagIndexCache, 1);
  self->db = db;
  self->now = g_get_real_time () / G_USEC_PER_SEC;
  self->program = (gint64) info.st_mtim.tv_sec * 1000003 + info.st_mtim.tv_nsec + info.st_size;
  return self;
}

void
sag_index_cache_close (SagIndexCache *self)
{
  if (self == NULL)
    return;
  sag_database_close (self->db);
  g_free (self);
}

static gint64
nanoseconds (const struct timespec *time)
{
  return (gint64) time->tv_sec * 1000000000 + time->tv_nsec;
}

SagKnown
sag_index_cache_get (SagIndexCache *self, const char *path, const struct stat *info,
                     SagDicomInstance **instance)
{
  g_autofree char *key = NULL;
  g_autoptr (SagRows) rows = NULL;
  const guint8 *header;
  gsize n;

  if (self == NULL)
    return SAG_KNOWN_NOT;
  key = g_canonicalize_filename (path, NULL);
  rows = sag_database_query (self->db, NULL,
                             "SELECT header FROM files WHERE path = ? AND size = ? AND inode = ? AND "
                             "modified = ? AND changed = ? AND program = ?",
                             "biiiii", key, strlen (key), (gint64) info->st_size,
                             (gint64) info->st_ino, nanoseconds (&info->st_mtim),
                             nanoseconds (&info->st_ctim), self->program);
  if (rows == NULL || !sag_rows_next (rows, NULL))
    return SAG_KNOWN_NOT;
  header = sag_rows_get_blob (rows, 0, &n);
  if (n == 0)
    return SAG_KNOWN_FOREIGN;
  *instance = sag_dicom_instance_unpack (header, n);
  if (*instance == NULL)
    return SAG_KNOWN_NOT;
  sag_dicom_text_set (&(*instance)->path, path);
  return SAG_KNOWN_INSTANCE;
}

gboolean
sag_index_cache_begin (SagIndexCache *self)
{
  return self != NULL && sag_database_begin (self->db, NULL);
}

void
sag_index_cache_put (SagIndexCache *self, const char *path, const struct stat *info,
                     const SagDicomInstance *instance)
{
  g_autofree char *key = g_canonicalize_filename (path, NULL);
  g_autoptr (GByteArray) header
      = instance != NULL ? sag_dicom_instance_pack (instance) : g_byte_array_new ();

  sag_database_run (self->db, NULL,
                    "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", "biiiiiib", key,
                    strlen (key), (gint64) info->st_size, (gint64) info->st_ino,
                    nanoseconds (&info->st_mtim), nanoseconds (&info->st_ctim), self->program,
                    self->now, (gconstpointer) header->data, (gsize) header->len);
}

void
sag_index_cache_end (SagIndexCache *self)
{
  sag_database_run (self->db, NULL, "DELETE FROM files WHERE seen < ?", "i", self->now - KEEP_S);
  sag_database_commit (self->db, NULL);
}
