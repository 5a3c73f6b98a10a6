/* SPDX-License-Identifier: Apache-2.0
 *
 * notes.c: what a person adds to series.
 */
#include "app/files/notes.h"

#include "engine/base/error.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#define BUSY_MS 5000 /* another window may be writing */

static void
set_error (GError **error, const char *path, const char *what)
{
  g_autofree char *shown = g_filename_display_name (path);

  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO, "The notes in '%s' cannot be used: %s", shown,
               what);
}

static sqlite3 *
open_notes (const char *path, GError **error)
{
  sqlite3 *db = NULL;
  int fd = open (path, O_CREAT | O_RDWR | O_CLOEXEC, 0600); /* SQLite would ask the umask */

  if (fd >= 0)
    close (fd);
  if (sqlite3_open_v2 (path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) == SQLITE_OK
      && sqlite3_busy_timeout (db, BUSY_MS) == SQLITE_OK
      && sqlite3_exec (db,
                       "CREATE TABLE IF NOT EXISTS notes (series TEXT NOT NULL, kind TEXT NOT NULL, "
                       "time TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (series, kind))",
                       NULL, NULL, NULL)
             == SQLITE_OK)
    return db;
  set_error (error, path, db != NULL ? sqlite3_errmsg (db) : "there is not enough memory");
  sqlite3_close (db);
  return NULL;
}

gboolean
sag_notes_put (const char *path, const char *series, const char *kind, const char *text,
               GError **error)
{
  sqlite3 *db = open_notes (path, error);
  sqlite3_stmt *statement = NULL;
  gboolean good;

  if (db == NULL)
    return FALSE;
  good = sqlite3_prepare_v2 (db,
                             *text != '\0'
                                 ? "INSERT OR REPLACE INTO notes (series, kind, time, text) "
                                   "VALUES (?1, ?2, strftime('%Y-%m-%dT%H:%M:%SZ','now'), ?3)"
                                 : "DELETE FROM notes WHERE series = ?1 AND kind = ?2",
                             -1, &statement, NULL)
             == SQLITE_OK
         && sqlite3_bind_text (statement, 1, series, -1, SQLITE_STATIC) == SQLITE_OK
         && sqlite3_bind_text (statement, 2, kind, -1, SQLITE_STATIC) == SQLITE_OK
         && (*text == '\0'
             || sqlite3_bind_text (statement, 3, text, -1, SQLITE_STATIC) == SQLITE_OK)
         && sqlite3_step (statement) == SQLITE_DONE;
  if (!good)
    set_error (error, path, sqlite3_errmsg (db));
  sqlite3_finalize (statement);
  sqlite3_close (db);
  return good;
}

char *
sag_notes_get (const char *path, const char *series, const char *kind, GError **error)
{
  sqlite3 *db;
  sqlite3_stmt *statement = NULL;
  char *text = NULL;
  int got = SQLITE_ERROR;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return g_strdup ("");
  db = open_notes (path, error);
  if (db == NULL)
    return NULL;
  if (sqlite3_prepare_v2 (db, "SELECT text FROM notes WHERE series = ?1 AND kind = ?2", -1, &statement,
                          NULL)
          == SQLITE_OK
      && sqlite3_bind_text (statement, 1, series, -1, SQLITE_STATIC) == SQLITE_OK
      && sqlite3_bind_text (statement, 2, kind, -1, SQLITE_STATIC) == SQLITE_OK)
    got = sqlite3_step (statement);
  if (got == SQLITE_ROW)
    text = g_strdup ((const char *) sqlite3_column_text (statement, 0));
  else if (got == SQLITE_DONE)
    text = g_strdup ("");
  else
    set_error (error, path, sqlite3_errmsg (db));
  sqlite3_finalize (statement);
  sqlite3_close (db);
  return text;
}
