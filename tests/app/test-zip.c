/* SPDX-License-Identifier: Apache-2.0
 *
 * test-zip.c: ZIP files of studies and of ill will, and folders known from last time.
 */
#include "app/files/nifti.h"
#include "app/files/open.h"
#include "app/files/unzip.h"
#include "engine/base/error.h"
#include "tests/app/synthetic.h"

#include <sys/wait.h>
#include <utime.h>
#include <zip.h>

static void
zip_folder (const char *path, const char *folder, int method)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;
  zip_t *zip = zip_open (path, ZIP_CREATE | ZIP_TRUNCATE, NULL);

  g_assert_nonnull (zip);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *file = g_build_filename (folder, name, NULL);
      g_autofree char *as = g_strconcat ("DICOM/", name, NULL);
      zip_int64_t i = zip_file_add (zip, as, zip_source_file (zip, file, 0, -1), 0);

      g_assert_cmpint (i, >=, 0);
      zip_set_file_compression (zip, (zip_uint64_t) i, method, 0);
    }
  g_dir_close (dir);
  g_assert_cmpint (zip_close (zip), ==, 0);
}

/* Folders that a ZIP file was unpacked to. */
static int
count_unpacked (void)
{
  g_autofree char *root = sag_unzip_get_root ();
  GDir *dir = g_dir_open (root, 0, NULL);
  g_autofree char *prefix = g_strdup_printf ("sagitta-zip-%d-", (int) getpid ());
  const char *name;
  int n = 0;

  while ((name = g_dir_read_name (dir)) != NULL)
    n += g_str_has_prefix (name, prefix);
  g_dir_close (dir);
  return n;
}

static void
test_series (void)
{
  g_autofree char *folder = test_folder ();
  g_autofree char *inside = g_build_filename (folder, "series", NULL);
  g_autofree char *path = g_build_filename (folder, "study.zip", NULL);
  SagGrid grid;

  test_grid (&grid);
  test_write_series (inside, &grid, "zip");
  for (int method = 0; method < 2; method++)
    {
      GError *error = NULL;
      g_autoptr (SagVolume) plain = sag_open_volume (inside, NULL, NULL, NULL, &error);
      SagOpenInfo *info = NULL;
      g_autoptr (SagVolume) zipped = NULL;

      zip_folder (path, inside, method == 0 ? ZIP_CM_STORE : ZIP_CM_DEFLATE);
      zipped = sag_open_volume (path, NULL, NULL, &info, &error);
      g_assert_no_error (error);
      g_assert_true (sag_grid_equal (sag_volume_get_grid (plain), sag_volume_get_grid (zipped)));
      for (int k = 0; k < grid.size[2]; k++)
        g_assert_cmpmem (sag_volume_get_slice (plain, k), (gsize) grid.size[0] * grid.size[1] * 2,
                         sag_volume_get_slice (zipped, k), (gsize) grid.size[0] * grid.size[1] * 2);
      /* The members are there as long as their index is, and not longer. */
      g_assert_cmpint (count_unpacked (), ==, 1);
      g_assert_true (g_file_test (info->stack->slices[0].instance->path, G_FILE_TEST_EXISTS));
      sag_open_info_free (info);
      g_assert_cmpint (count_unpacked (), ==, 0);
    }
  test_remove (folder);
}

static void
test_nifti (void)
{
  g_autofree char *folder = test_folder ();
  g_autofree char *inside = g_build_filename (folder, "in", NULL);
  g_autofree char *image = g_build_filename (inside, "brain.nii.gz", NULL);
  g_autofree char *path = g_build_filename (folder, "image.zip", NULL);
  g_autoptr (SagVolume) read = NULL;
  GError *error = NULL;
  SagGrid grid;

  test_grid (&grid);
  g_assert_cmpint (g_mkdir (inside, 0700), ==, 0);
  g_autoptr (SagVolume) volume = test_volume_of (&grid);
  g_assert_true (sag_nifti_write (image, volume, NULL, NULL));
  zip_folder (path, inside, ZIP_CM_DEFLATE);
  read = sag_open_volume (path, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (sag_volume_get_grid (read)->size[0], ==, grid.size[0]);
  g_assert_cmpint (count_unpacked (), ==, 0);
  test_remove (folder);
}

/* A pair stays a pair, wherever its files lie in the ZIP file. */
static void
test_pair (void)
{
  g_autofree char *folder = test_folder ();
  g_autofree char *inside = g_build_filename (folder, "in", NULL);
  g_autofree char *image = g_build_filename (folder, "brain.nii", NULL);
  g_autofree char *header = g_build_filename (inside, "brain.hdr", NULL);
  g_autofree char *voxels = g_build_filename (inside, "brain.img", NULL);
  g_autofree char *between = g_build_filename (inside, "brain.htm", NULL);
  g_autofree char *path = g_build_filename (folder, "image.zip", NULL);
  g_autofree char *bytes = NULL;
  g_autoptr (SagVolume) read = NULL;
  GError *error = NULL;
  SagGrid grid;
  gsize n, start;
  float offset;

  test_grid (&grid);
  g_assert_cmpint (g_mkdir (inside, 0700), ==, 0);
  g_autoptr (SagVolume) volume = test_volume_of (&grid);
  g_assert_true (sag_nifti_write (image, volume, NULL, NULL));
  g_assert_true (g_file_get_contents (image, &bytes, &n, NULL));
  memcpy (&offset, bytes + 108, sizeof offset); /* vox_offset */
  start = (gsize) offset;
  g_assert_true (g_file_set_contents (voxels, bytes + start, (gssize) (n - start), NULL));
  offset = 0;
  memcpy (bytes + 108, &offset, sizeof offset);
  memcpy (bytes + 344, "ni1", 4);
  g_assert_true (g_file_set_contents (header, bytes, 348, NULL));
  g_assert_true (g_file_set_contents (between, "seen in a browser", -1, NULL));
  zip_folder (path, inside, ZIP_CM_DEFLATE);
  read = sag_open_volume (path, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  for (int k = 0; k < grid.size[2]; k++)
    g_assert_cmpmem (sag_volume_get_slice (volume, k), (gsize) grid.size[0] * (gsize) grid.size[1] * 2,
                     sag_volume_get_slice (read, k), (gsize) grid.size[0] * (gsize) grid.size[1] * 2);
  test_remove (folder);
}

/* Each file of the corpus gives its members or one sentence. */
static void
test_corpus (void)
{
  static const struct
  {
    const char *name;
    int         n;    /* members; 0: refused */
    const char *says;
  } cases[] = {
    { "stored.zip", 2, NULL },      { "deflated.zip", 2, NULL },
    { "zip64.zip", 1, NULL },       { "bzip2.zip", 1, NULL },
    { "comment.zip", 1, NULL },     { "twice.zip", 2, NULL },
    { "nested.zip", 2, NULL },      { "zeros.zip", 1, NULL },
    { "away.zip", 5, NULL },        { "empty.zip", 0, "without files" },
    { "encrypted.zip", 0, "encrypted" }, { "many.zip", 0, "damaged" },
  };

  for (gsize c = 0; c < G_N_ELEMENTS (cases); c++)
    {
      g_autofree char *path
          = g_test_build_filename (G_TEST_DIST, "fuzz", "corpus", "zip", cases[c].name, NULL);
      g_autoptr (GError) error = NULL;
      g_autoptr (SagUnzip) unzip = sag_unzip_open (path, NULL, &error);
      GDir *dir;
      int n = 0;

      if (cases[c].n == 0)
        {
          g_assert_null (unzip);
          if (strstr (error->message, cases[c].says) == NULL)
            g_error ("%s: %s", cases[c].name, error->message);
          continue;
        }
      if (unzip == NULL)
        g_error ("%s: %s", cases[c].name, error->message);
      dir = g_dir_open (sag_unzip_get_folder (unzip), 0, NULL);
      while (g_dir_read_name (dir) != NULL)
        n++;
      g_dir_close (dir);
      g_assert_cmpint (n, ==, cases[c].n);
    }
  g_assert_false (g_file_test ("/tmp/sagitta-was-here", G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test ("/etc/sagitta-was-here", G_FILE_TEST_EXISTS));
}

static void
test_full (void)
{
  g_autofree char *folder = test_folder ();
  g_autofree char *inside = g_build_filename (folder, "series", NULL);
  g_autofree char *path = g_build_filename (folder, "study.zip", NULL);
  g_autoptr (GError) error = NULL;
  SagUnzip *unzip;
  SagGrid grid;

  test_grid (&grid);
  test_write_series (inside, &grid, "zip");
  zip_folder (path, inside, ZIP_CM_DEFLATE);
  test_limit_files (1000);
  unzip = sag_unzip_open (path, NULL, &error);
  test_limit_files (0);
  g_assert_null (unzip);
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO);
  g_assert_cmpint (count_unpacked (), ==, 0);
  test_remove (folder);
}

/* What a killed program has left goes when the next one unpacks. */
static void
test_orphans (void)
{
  g_autofree char *folder = test_folder ();
  g_autofree char *inside = g_build_filename (folder, "series", NULL);
  g_autofree char *path = g_build_filename (folder, "study.zip", NULL);
  g_autofree char *root = sag_unzip_get_root ();
  g_autofree char *left = g_build_filename (root, "sagitta-zip-4194301-4194302-abcdef", NULL);
  g_autofree char *file = g_build_filename (left, "000001-a.dcm", NULL);
  SagGrid grid;

  test_grid (&grid);
  test_write_series (inside, &grid, "zip");
  zip_folder (path, inside, ZIP_CM_DEFLATE);
  g_mkdir (left, 0700);
  g_assert_true (g_file_set_contents (file, "x", 1, NULL));
  g_autoptr (SagUnzip) unzip = sag_unzip_open (path, NULL, NULL);
  g_assert_nonnull (unzip);
  g_assert_false (g_file_test (left, G_FILE_TEST_EXISTS));
  test_remove (folder);
}

/* The second time nothing is read; what has changed, is. */
static void
test_known (void)
{
  g_autofree char *folder = test_folder ();
  g_autofree char *inside = g_build_filename (folder, "series", NULL);
  g_autofree char *database = g_build_filename (g_get_user_cache_dir (), "sagitta", "index.db", NULL);
  g_autofree char *other = g_build_filename (inside, "notes.txt", NULL);
  g_autofree char *slice = g_build_filename (inside, "ct-0003.dcm", NULL);
  g_autofree char *bytes = NULL;
  gsize n;
  SagGrid grid;

  g_unsetenv ("SAG_NO_CACHE");
  test_grid (&grid);
  test_write_series (inside, &grid, "known");
  g_assert_true (g_file_set_contents (other, "no image", -1, NULL));
  for (int pass = 0; pass < 5; pass++)
    {
      GError *error = NULL;
      g_autoptr (SagIndex) index = NULL;
      const int known[] = { 0, 12, 11, 11, 0 };
      const SagIndexSeries *series;
      const SagStack *stack;

      if (pass == 2) /* one changes: another series description of the same length */
        {
          g_assert_true (g_file_get_contents (slice, &bytes, &n, NULL));
          g_assert_true (g_file_set_contents (slice, bytes, (gssize) n, NULL));
        }
      if (pass == 3) /* one goes */
        g_unlink (slice);
      if (pass == 4) /* the cache is spoilt */
        {
          g_autofree char *noise = g_strnfill (8192, 'x');
          g_autofree char *wal = g_strconcat (database, "-wal", NULL);

          g_unlink (wal);
          g_assert_true (g_file_set_contents (database, noise, 8192, NULL));
        }
      index = sag_index_folder (inside, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpint (index->n_known, ==, known[pass]);
      g_assert_cmpint (index->n_skipped, ==, 1);
      series = g_ptr_array_index (((SagIndexStudy *) g_ptr_array_index (index->studies, 0))->series, 0);
      stack = g_ptr_array_index (series->stacks, 0);
      g_assert_cmpstr (series->first->patient_name, ==, "Test^Phantom");
      g_assert_cmpstr (series->first->series_description, ==, "Test série");
      g_assert_cmpint (series->first->n_windows, ==, 2);
      g_assert_cmpstr (series->first->window_explanations[1], ==, "LUNG");
      g_assert_cmpint (stack->grid.size[2], ==, grid.size[2]);
      g_assert_cmpfloat_with_epsilon (stack->grid.spacing[2], grid.spacing[2], 1e-6);
      g_assert_cmpint (stack->n_slices, ==, pass < 3 ? 11 : 10);
    }
  /* For the user alone: it names patients. */
  GStatBuf info;
  g_assert_cmpint (g_stat (database, &info), ==, 0);
  g_assert_cmpint (info.st_mode & 0777, ==, 0600);
  g_setenv ("SAG_NO_CACHE", "1", TRUE);
  test_remove (folder);
}

/* Programs that open the same folder at once, some of them killed. */
static void
test_known_together (void)
{
  g_autofree char *folder = test_folder ();
  SagGrid grid;
  pid_t children[4];

  test_grid (&grid);
  test_write_series (folder, &grid, "together");
  g_unsetenv ("SAG_NO_CACHE");
  for (int round = 0; round < 4; round++)
    {
      for (int c = 0; c < 4; c++)
        if ((children[c] = fork ()) == 0)
          {
            g_autoptr (SagIndex) index = sag_index_folder (folder, NULL, NULL);

            _exit (index != NULL && index->instances->len == 11 ? 0 : 1);
          }
      g_usleep ((gulong) g_test_rand_int_range (0, 20000));
      kill (children[0], SIGKILL);
      for (int c = 0; c < 4; c++)
        {
          int status;

          waitpid (children[c], &status, 0);
          g_assert_true (c == 0 || (WIFEXITED (status) && WEXITSTATUS (status) == 0));
        }
    }
  g_autoptr (SagIndex) index = sag_index_folder (folder, NULL, NULL);
  g_assert_cmpint (index->n_known, ==, 11);
  g_setenv ("SAG_NO_CACHE", "1", TRUE);
  test_remove (folder);
}

int
main (int argc, char **argv)
{
  g_autofree char *cache = test_folder ();
  int status;

  g_setenv ("XDG_CACHE_HOME", cache, TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/zip/series", test_series);
  g_test_add_func ("/zip/nifti", test_nifti);
  g_test_add_func ("/zip/pair", test_pair);
  g_test_add_func ("/zip/corpus", test_corpus);
  g_test_add_func ("/zip/full", test_full);
  g_test_add_func ("/zip/orphans", test_orphans);
  g_test_add_func ("/zip/known", test_known);
  g_test_add_func ("/zip/known-together", test_known_together);
  status = g_test_run ();
  test_remove (cache);
  return status;
}
