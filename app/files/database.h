/* SPDX-License-Identifier: Apache-2.0
 *
 * database.h: an SQLite file of the user's, safe against sudden ends and against two programs.
 *
 * Write-ahead log; a transaction is there whole or not at all, whatever kills the program. Who finds
 * it busy waits for five seconds. A database belongs to one thread at a time; several may open the
 * same file.
 *
 *     SagDatabase *db = sag_database_open (path, schema, 1, SAG_DATABASE_PRECIOUS, &error);
 *     sag_database_run (db, &error, "INSERT INTO lines VALUES (?, ?)", "sd", uid, mm);
 *     SagRows *rows = sag_database_query (db, &error, "SELECT mm FROM lines WHERE uid = ?", "s", uid);
 *     while (sag_rows_next (rows, &error))
 *       use (sag_rows_get_double (rows, 0));
 */
#pragma once

#include <glib.h>

#define SAG_DATABASE_ERROR (sag_database_error_quark ())

typedef enum
{
  SAG_DATABASE_ERROR_FAILED,  /* no access, disk full, busy for too long: the message tells */
  SAG_DATABASE_ERROR_DAMAGED, /* what is in the file is no database any more */
  SAG_DATABASE_ERROR_NEWER,   /* written by a later version of the program */
} SagDatabaseError;

GQuark       sag_database_error_quark (void);

typedef enum
{
  SAG_DATABASE_CACHE,    /* can be made again: a damaged file, or one of another version, goes */
  SAG_DATABASE_PRECIOUS, /* the user's: such a file is set aside as NAME.damaged, never removed */
} SagDatabaseKind;

typedef struct _SagDatabase SagDatabase;
typedef struct _SagRows SagRows;

/* Opens `path` (made with its folder if absent, for the user alone) and checks it. `schema` holds the
 * statements that make the tables of a new file; `version` counts its changes. A PRECIOUS file of a
 * later version is an error, NEWER; of an earlier one it is opened, and who opens it brings it up to
 * date (sag_database_get_version(), sag_database_set_version()). */
SagDatabase *sag_database_open        (const char       *path,
                                       const char       *schema,
                                       int               version,
                                       SagDatabaseKind   kind,
                                       GError          **error);
void         sag_database_close       (SagDatabase      *self);
int          sag_database_get_version (SagDatabase      *self);
gboolean     sag_database_set_version (SagDatabase      *self,
                                       int               version,
                                       GError          **error);

/* All that is run between begin and commit is there afterwards, or nothing of it. */
gboolean     sag_database_begin       (SagDatabase      *self,
                                       GError          **error);
gboolean     sag_database_commit      (SagDatabase      *self,
                                       GError          **error);
void         sag_database_rollback    (SagDatabase      *self);

/* One statement, its '?' filled by `types`, a letter each: s const char * (NULL: NULL), i gint64,
 * d double, b const void * and gsize. Statements stay compiled. */
gboolean     sag_database_run         (SagDatabase      *self,
                                       GError          **error,
                                       const char       *sql,
                                       const char       *types,
                                       ...);
/* The rows of a query; NULL on error. One query of the same text at a time. */
SagRows     *sag_database_query       (SagDatabase      *self,
                                       GError          **error,
                                       const char       *sql,
                                       const char       *types,
                                       ...);
/* FALSE after the last row, or with an error set. */
gboolean     sag_rows_next            (SagRows          *self,
                                       GError          **error);
gint64       sag_rows_get_int         (SagRows          *self,
                                       int               column);
double       sag_rows_get_double      (SagRows          *self,
                                       int               column);
/* Valid until the next call of sag_rows_next(); "" for NULL. */
const char  *sag_rows_get_text        (SagRows          *self,
                                       int               column);
const void  *sag_rows_get_blob        (SagRows          *self,
                                       int               column,
                                       gsize            *n);
void         sag_rows_free            (SagRows          *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagDatabase, sag_database_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagRows, sag_rows_free)
