/* SPDX-License-Identifier: Apache-2.0
 *
 * database.c: an SQLite file of the user's.
 */
#include "app/files/database.h"

#include "engine/base/error.h"

#include <glib/gi18n-lib.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 5000
#define BUSY_STEP_MS 20

G_DEFINE_QUARK (sag-database-error-quark, sag_database_error)

struct _SagDatabase
{
  sqlite3    *db;
  char       *path;
  GHashTable *statements; /* SQL text to sqlite3_stmt */
};

struct _SagRows
{
  SagDatabase  *database;
  sqlite3_stmt *statement;
};

static gboolean
fail (SagDatabase *self, int code, GError **error)
{
  g_autofree char *shown = sag_escape_name (self->path, -1);
  gboolean damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;

  if (damaged)
    g_set_error (error, SAG_DATABASE_ERROR, SAG_DATABASE_ERROR_DAMAGED, _ ("'%s' is damaged: %s"), shown,
                 sqlite3_errstr (code));
  else
    g_set_error (error, SAG_DATABASE_ERROR, SAG_DATABASE_ERROR_FAILED, _ ("'%s' could not be used: %s"),
                 shown,
                 code == SQLITE_BUSY ? _ ("another program has kept it busy for too long")
                                     : sqlite3_errmsg (self->db));
  return FALSE;
}

static gboolean
execute (SagDatabase *self, const char *sql, GError **error)
{
  int code = sqlite3_exec (self->db, sql, NULL, NULL, NULL);

  return code == SQLITE_OK || fail (self, code & 0xff, error);
}

void
sag_database_close (SagDatabase *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->statements);
  sqlite3_close (self->db);
  g_free (self->path);
  g_free (self);
}

static void
finalize_statement (gpointer statement)
{
  sqlite3_finalize (statement);
}

/* Opened, and found sound. */
static SagDatabase *
open_once (const char *path, GError **error)
{
  /* For the user alone; the files beside it get the same mode. */
  int fd = g_open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  g_autoptr (SagDatabase) self = g_new0 (SagDatabase, 1);
  g_autoptr (SagRows) rows = NULL;
  int code;

  self->path = g_strdup (path);
  self->statements = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, finalize_statement);
  if (fd >= 0)
    close (fd);
  code = sqlite3_open_v2 (path, &self->db,
                          SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, NULL);
  if (code != SQLITE_OK)
    return fail (self, code & 0xff, error), NULL;
  sqlite3_busy_timeout (self->db, BUSY_MS);
  sqlite3_extended_result_codes (self->db, 0);
  sqlite3_db_config (self->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config (self->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  /* The change to a write-ahead log does not wait for others by itself. */
  for (int waited = 0;; waited += BUSY_STEP_MS)
    {
      code = sqlite3_exec (self->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL) & 0xff;
      if (code != SQLITE_BUSY || waited >= BUSY_MS)
        break;
      g_usleep (BUSY_STEP_MS * 1000);
    }
  if (code != SQLITE_OK)
    return fail (self, code, error), NULL;
  /* NORMAL: a power cut may lose the last transactions, never the file. */
  if (!execute (self, "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
                      "PRAGMA cell_size_check = ON;", error))
    return NULL;
  rows = sag_database_query (self, error, "PRAGMA quick_check(1)", "");
  if (rows == NULL || !sag_rows_next (rows, error))
    return NULL;
  if (strcmp (sag_rows_get_text (rows, 0), "ok") != 0)
    return fail (self, SQLITE_CORRUPT, error), NULL;
  g_clear_pointer (&rows, sag_rows_free);
  return g_steal_pointer (&self);
}

/* The file and what belongs to it, out of the way. */
static void
set_aside (const char *path, SagDatabaseKind kind)
{
  static const char *const endings[] = { "", "-wal", "-shm" };

  for (gsize i = 0; i < G_N_ELEMENTS (endings); i++)
    {
      g_autofree char *from = g_strconcat (path, endings[i], NULL);
      g_autofree char *to = g_strconcat (path, ".damaged", endings[i], NULL);

      if (kind == SAG_DATABASE_CACHE)
        g_unlink (from);
      else
        g_rename (from, to);
    }
}

/* Makes the tables of an empty file, whoever comes first. */
static gboolean
make_tables (SagDatabase *self, const char *schema, int version, GError **error)
{
  if (sag_database_get_version (self) != 0)
    return TRUE;
  if (!sag_database_begin (self, error))
    return FALSE;
  if (sag_database_get_version (self) == 0
      && (!execute (self, schema, error) || !sag_database_set_version (self, version, error)))
    {
      sag_database_rollback (self);
      return FALSE;
    }
  return sag_database_commit (self, error);
}

SagDatabase *
sag_database_open (const char *path, const char *schema, int version, SagDatabaseKind kind,
                   GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autoptr (SagDatabase) self = NULL;

  g_return_val_if_fail (version > 0, NULL);

  if (g_mkdir_with_parents (folder, 0700) != 0)
    {
      g_set_error (error, SAG_DATABASE_ERROR, SAG_DATABASE_ERROR_FAILED,
                   _ ("'%s' could not be made: %s"), folder, g_strerror (errno));
      return NULL;
    }
  for (int attempt = 0; attempt < 2; attempt++)
    {
      g_autoptr (GError) failure = NULL;
      int found;

      self = open_once (path, &failure);
      if (self != NULL && make_tables (self, schema, version, &failure))
        {
          found = sag_database_get_version (self);
          if (found == version || (kind == SAG_DATABASE_PRECIOUS && found < version))
            return g_steal_pointer (&self);
          if (kind == SAG_DATABASE_PRECIOUS)
            {
              g_set_error (error, SAG_DATABASE_ERROR, SAG_DATABASE_ERROR_NEWER,
                           _ ("'%s' was written by a later version of Sagitta; use that version"), path);
              return NULL;
            }
        }
      else if (!g_error_matches (failure, SAG_DATABASE_ERROR, SAG_DATABASE_ERROR_DAMAGED)
               || attempt == 1)
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return NULL;
        }
      g_clear_pointer (&self, sag_database_close);
      set_aside (path, kind);
    }
  g_set_error (error, SAG_DATABASE_ERROR, SAG_DATABASE_ERROR_FAILED, _ ("'%s' could not be made anew"),
               path);
  return NULL;
}

int
sag_database_get_version (SagDatabase *self)
{
  g_autoptr (SagRows) rows = sag_database_query (self, NULL, "PRAGMA user_version", "");

  return rows != NULL && sag_rows_next (rows, NULL) ? (int) sag_rows_get_int (rows, 0) : 0;
}

gboolean
sag_database_set_version (SagDatabase *self, int version, GError **error)
{
  g_autofree char *sql = g_strdup_printf ("PRAGMA user_version = %d", version);

  return execute (self, sql, error);
}

gboolean
sag_database_begin (SagDatabase *self, GError **error)
{
  return execute (self, "BEGIN IMMEDIATE", error);
}

gboolean
sag_database_commit (SagDatabase *self, GError **error)
{
  if (execute (self, "COMMIT", error))
    return TRUE;
  sag_database_rollback (self);
  return FALSE;
}

void
sag_database_rollback (SagDatabase *self)
{
  if (!sqlite3_get_autocommit (self->db))
    sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
}

static sqlite3_stmt *
prepare (SagDatabase *self, const char *sql, GError **error)
{
  sqlite3_stmt *statement = g_hash_table_lookup (self->statements, sql);
  int code;

  if (statement != NULL)
    {
      sqlite3_reset (statement);
      sqlite3_clear_bindings (statement);
      return statement;
    }
  code = sqlite3_prepare_v3 (self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
  if (code != SQLITE_OK)
    return fail (self, code & 0xff, error), NULL;
  g_hash_table_insert (self->statements, g_strdup (sql), statement);
  return statement;
}

static void
bind (sqlite3_stmt *statement, const char *types, va_list args)
{
  for (int i = 1; *types != '\0'; types++, i++)
    switch (*types)
      {
      case 's':
        sqlite3_bind_text (statement, i, va_arg (args, const char *), -1, SQLITE_TRANSIENT);
        break;
      case 'i':
        sqlite3_bind_int64 (statement, i, va_arg (args, gint64));
        break;
      case 'd':
        sqlite3_bind_double (statement, i, va_arg (args, double));
        break;
      case 'b':
        {
          const void *data = va_arg (args, const void *);
          gsize n = va_arg (args, gsize);

          sqlite3_bind_blob64 (statement, i, data, n, SQLITE_TRANSIENT);
          break;
        }
      default:
        g_assert_not_reached ();
      }
}

gboolean
sag_database_run (SagDatabase *self, GError **error, const char *sql, const char *types, ...)
{
  sqlite3_stmt *statement = prepare (self, sql, error);
  va_list args;
  int code;

  if (statement == NULL)
    return FALSE;
  va_start (args, types);
  bind (statement, types, args);
  va_end (args);
  do
    code = sqlite3_step (statement);
  while (code == SQLITE_ROW);
  sqlite3_reset (statement);
  return code == SQLITE_DONE || fail (self, code & 0xff, error);
}

SagRows *
sag_database_query (SagDatabase *self, GError **error, const char *sql, const char *types, ...)
{
  sqlite3_stmt *statement = prepare (self, sql, error);
  SagRows *rows;
  va_list args;

  if (statement == NULL)
    return NULL;
  va_start (args, types);
  bind (statement, types, args);
  va_end (args);
  rows = g_new (SagRows, 1);
  *rows = (SagRows) { self, statement };
  return rows;
}

gboolean
sag_rows_next (SagRows *self, GError **error)
{
  int code = sqlite3_step (self->statement);

  if (code == SQLITE_ROW)
    return TRUE;
  if (code != SQLITE_DONE)
    fail (self->database, code & 0xff, error);
  return FALSE;
}

gint64
sag_rows_get_int (SagRows *self, int column)
{
  return sqlite3_column_int64 (self->statement, column);
}

double
sag_rows_get_double (SagRows *self, int column)
{
  return sqlite3_column_double (self->statement, column);
}

const char *
sag_rows_get_text (SagRows *self, int column)
{
  const char *text = (const char *) sqlite3_column_text (self->statement, column);

  return text != NULL ? text : "";
}

const void *
sag_rows_get_blob (SagRows *self, int column, gsize *n)
{
  const void *blob = sqlite3_column_blob (self->statement, column);

  *n = (gsize) sqlite3_column_bytes (self->statement, column);
  return blob;
}

void
sag_rows_free (SagRows *self)
{
  if (self == NULL)
    return;
  sqlite3_reset (self->statement);
  g_free (self);
}
