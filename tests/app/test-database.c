/* SPDX-License-Identifier: Apache-2.0
 *
 * test-database.c: a database that is killed, shared, damaged and full.
 */
#include "app/files/database.h"
#include "tests/app/synthetic.h"

#include <sys/wait.h>

#define SCHEMA "CREATE TABLE pairs (n INTEGER PRIMARY KEY, a TEXT NOT NULL, b TEXT NOT NULL);"

static SagDatabase *
open_pairs (const char *path, SagDatabaseKind kind)
{
  GError *error = NULL;
  SagDatabase *db = sag_database_open (path, SCHEMA, 1, kind, &error);

  g_assert_no_error (error);
  g_assert_nonnull (db);
  return db;
}

static void
add_pair (SagDatabase *db, gint64 n, const char *a, const char *b)
{
  GError *error = NULL;
  gboolean ok = sag_database_run (db, &error, "INSERT OR REPLACE INTO pairs VALUES (?, ?, ?)", "iss", n,
                                  a, b);

  g_assert_no_error (error);
  g_assert_true (ok);
}

/* Rows of a transaction come in twos: an odd number would be half of one. */
static gint64
count (SagDatabase *db)
{
  GError *error = NULL;
  g_autoptr (SagRows) rows = sag_database_query (db, &error, "SELECT count(*) FROM pairs", "");

  g_assert_no_error (error);
  g_assert_true (sag_rows_next (rows, &error));
  return sag_rows_get_int (rows, 0);
}

static void
test_values (void)
{
  g_autofree char *folder = test_folder ();
  g_autofree char *path = g_build_filename (folder, "new", "a.db", NULL);
  g_autoptr (SagDatabase) db = open_pairs (path, SAG_DATABASE_PRECIOUS);
  GStatBuf info;

  add_pair (db, 1, "Grüße", "'; DROP TABLE pairs; --");
  {
    g_autoptr (SagRows) rows
        = sag_database_query (db, NULL, "SELECT a, b, NULL FROM pairs WHERE n = ?", "i", (gint64) 1);

    g_assert_true (sag_rows_next (rows, NULL));
    g_assert_cmpstr (sag_rows_get_text (rows, 0), ==, "Grüße");
    g_assert_cmpstr (sag_rows_get_text (rows, 1), ==, "'; DROP TABLE pairs; --");
    g_assert_cmpstr (sag_rows_get_text (rows, 2), ==, "");
    g_assert_false (sag_rows_next (rows, NULL));
  }
  /* For the user alone. */
  g_assert_cmpint (g_stat (path, &info), ==, 0);
  g_assert_cmpint (info.st_mode & 0777, ==, 0600);
  g_assert_true (sag_database_begin (db, NULL));
  add_pair (db, 2, "x", "y");
  sag_database_rollback (db);
  g_assert_cmpint (count (db), ==, 1);
  g_clear_pointer (&db, sag_database_close);
  test_remove (folder);
}

/* Writes twos until it is killed. */
static void
write_for_ever (const char *path, int seed)
{
  g_autoptr (SagDatabase) db = open_pairs (path, SAG_DATABASE_PRECIOUS);

  for (gint64 n = seed * 1000000;; n += 2)
    {
      if (!sag_database_begin (db, NULL))
        continue;
      add_pair (db, n, "left", "left");
      add_pair (db, n + 1, "right", "right");
      sag_database_commit (db, NULL);
    }
}

static void
test_killed (void)
{
  g_autofree char *folder = test_folder ();
  g_autofree char *path = g_build_filename (folder, "a.db", NULL);
  gint64 before = 0, n = 0;

  for (int k = 0; k < 25; k++)
    {
      pid_t child = fork ();

      if (child == 0)
        {
          write_for_ever (path, k + 1);
          _exit (0);
        }
      g_usleep (5000 + g_test_rand_int_range (0, 60000));
      kill (child, SIGKILL);
      waitpid (child, NULL, 0);
      g_autoptr (SagDatabase) db = open_pairs (path, SAG_DATABASE_PRECIOUS);
      n = count (db);
      g_assert_cmpint (n % 2, ==, 0);
      g_assert_cmpint (n, >=, before);
      before = n;
    }
  g_assert_cmpint (n, >, 0);
  test_remove (folder);
}

static void
test_two (void)
{
  g_autofree char *folder = test_folder ();
  g_autofree char *path = g_build_filename (folder, "a.db", NULL);
  pid_t children[3];
  int status;

  /* All open a file that is not there yet, at once. */
  for (int k = 0; k < 3; k++)
    if ((children[k] = fork ()) == 0)
      {
        g_autoptr (SagDatabase) db = open_pairs (path, SAG_DATABASE_PRECIOUS);

        for (int n = 0; n < 100; n++)
          add_pair (db, k * 100 + n, "a", "b");
        _exit (0);
      }
  for (int k = 0; k < 3; k++)
    {
      waitpid (children[k], &status, 0);
      g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    }
  g_autoptr (SagDatabase) db = open_pairs (path, SAG_DATABASE_PRECIOUS);
  g_assert_cmpint (count (db), ==, 300);
  test_remove (folder);
}

static void
damage (const char *path)
{
  g_autofree char *bytes = NULL;
  gsize n;

  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  for (gsize i = 0; i < n; i++)
    if (i < 64 || i % 3 == 0)
      bytes[i] = (char) g_test_rand_int_range (0, 256);
  g_assert_true (g_file_set_contents (path, bytes, (gssize) n, NULL));
}

static void
test_damaged (void)
{
  g_autofree char *folder = test_folder ();
  g_autofree char *path = g_build_filename (folder, "a.db", NULL);
  g_autofree char *aside = g_strconcat (path, ".damaged", NULL);

  for (int kind = 0; kind < 2; kind++)
    {
      SagDatabase *db = open_pairs (path, (SagDatabaseKind) kind);

      for (int n = 0; n < 500; n++)
        add_pair (db, n, "some text to fill pages with", "and more of it");
      sag_database_close (db);
      damage (path);
      db = open_pairs (path, (SagDatabaseKind) kind);
      g_assert_cmpint (count (db), ==, 0);
      sag_database_close (db);
      g_assert_true (g_file_test (aside, G_FILE_TEST_EXISTS) == (kind == SAG_DATABASE_PRECIOUS));
    }
  test_remove (folder);
}

static void
test_version (void)
{
  g_autofree char *folder = test_folder ();
  g_autofree char *path = g_build_filename (folder, "a.db", NULL);
  GError *error = NULL;
  SagDatabase *db = open_pairs (path, SAG_DATABASE_PRECIOUS);

  add_pair (db, 1, "a", "b");
  sag_database_close (db);
  /* Later program: opened, to be brought up to date. */
  db = sag_database_open (path, SCHEMA, 2, SAG_DATABASE_PRECIOUS, &error);
  g_assert_no_error (error);
  g_assert_cmpint (sag_database_get_version (db), ==, 1);
  g_assert_true (sag_database_set_version (db, 3, NULL));
  sag_database_close (db);
  /* Earlier program: left alone. */
  db = sag_database_open (path, SCHEMA, 2, SAG_DATABASE_PRECIOUS, &error);
  g_assert_null (db);
  g_assert_error (error, SAG_DATABASE_ERROR, SAG_DATABASE_ERROR_NEWER);
  g_clear_error (&error);
  /* A cache begins anew. */
  db = sag_database_open (path, SCHEMA, 2, SAG_DATABASE_CACHE, &error);
  g_assert_no_error (error);
  g_assert_cmpint (count (db), ==, 0);
  sag_database_close (db);
  test_remove (folder);
}

static void
test_full (void)
{
  g_autofree char *folder = test_folder ();
  g_autofree char *path = g_build_filename (folder, "a.db", NULL);
  g_autoptr (SagDatabase) db = open_pairs (path, SAG_DATABASE_PRECIOUS);
  g_autofree char *large = g_strnfill (1 << 20, 'x');
  GError *error = NULL;
  gboolean good = TRUE;

  add_pair (db, 1, "a", "b");
  test_limit_files (1 << 19);
  for (int n = 0; good && n < 4; n++)
    good = sag_database_run (db, &error, "INSERT INTO pairs VALUES (?, ?, ?)", "iss", (gint64) 10 + n,
                             large, large);
  test_limit_files (0);
  g_assert_false (good);
  g_assert_error (error, SAG_DATABASE_ERROR, SAG_DATABASE_ERROR_FAILED);
  g_clear_error (&error);
  g_assert_cmpint (count (db), ==, 1);
  add_pair (db, 2, "c", "d");
  g_clear_pointer (&db, sag_database_close);
  test_remove (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/database/values", test_values);
  g_test_add_func ("/database/killed", test_killed);
  g_test_add_func ("/database/two", test_two);
  g_test_add_func ("/database/damaged", test_damaged);
  g_test_add_func ("/database/version", test_version);
  g_test_add_func ("/database/full", test_full);
  return g_test_run ();
}
