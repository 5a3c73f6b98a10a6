/* SPDX-License-Identifier: Apache-2.0
 *
 * test-pixels.c: every frame of every file of the data folder's DICOM matrix has the pixels it had when they were
 * compared with pydicom and GDCM (decode-hashes.tsv); those that neither reads are only kept as they were.
 *
 * With --write, the hashes are made anew on standard output.
 */
#include "app/dicom/dcmtk.h"
#include "app/dicom/pixels.h"
#include "tests/data.h"

#include <string.h>

static void
list_files (const char *folder, GPtrArray *paths)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      if (!g_file_test (path, G_FILE_TEST_IS_DIR))
        g_ptr_array_add (paths, g_steal_pointer (&path));
      else if (strcmp (name, "fuzz") != 0)
        list_files (path, paths);
    }
}

static int
compare_paths (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Path, number of frames, sample type, shape and hash of the stored values of all frames, as far as they decode; NULL
 * where the first does not. */
static char *
describe (const char *root, const char *path)
{
  static const char *const names[] = { "uint8", "int8",    "uint16",  "int16", "uint32",
                                       "int32", "float32", "float64", "uint8", "uint8" };
  g_autoptr (SagDicomInstance) instance = sag_dicom_read_header (path, NULL);
  g_autoptr (SagPixels) pixels = instance != NULL ? sag_pixels_open (instance, NULL) : NULL;
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree guint8 *buffer = NULL;
  SagSample sample;
  gsize bytes;
  int n = 0;

  if (pixels == NULL)
    return NULL;
  sample = sag_pixels_sample (pixels);
  bytes = (gsize) instance->rows * (gsize) instance->columns * sag_sample_get_bytes (sample);
  buffer = g_malloc (bytes);
  for (; n < instance->number_of_frames && sag_pixels_decode (pixels, n, buffer, NULL); n++)
    g_checksum_update (sum, buffer, (gssize) bytes);
  if (n == 0)
    return NULL;
  return g_strdup_printf ("%s\t%d\t%s\t%dx%d%s\t%.24s", path + strlen (root) + 1, n, names[sample], instance->rows,
                          instance->columns, sample == SAG_SAMPLE_RGB8 ? "x3" : "", g_checksum_get_string (sum));
}

static GPtrArray *
describe_all (const char *root)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  GPtrArray *lines = g_ptr_array_new_with_free_func (g_free);

  list_files (root, paths);
  g_ptr_array_sort (paths, compare_paths);
  for (guint i = 0; i < paths->len; i++)
    {
      char *line = describe (root, g_ptr_array_index (paths, i));

      if (line != NULL)
        g_ptr_array_add (lines, line);
    }
  return lines;
}

static void
test_matrix (void)
{
  g_autofree char *root = sag_test_data ("dicom-matrix"), *kept = NULL;
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "app", "decode-hashes.tsv", NULL);
  g_autoptr (GPtrArray) lines = NULL;
  g_autoptr (GHashTable) got = g_hash_table_new (g_str_hash, g_str_equal);
  guint n = 0;

  if (root == NULL)
    return;
  g_assert_true (g_file_get_contents (path, &kept, NULL, NULL));
  lines = describe_all (root);
  for (guint i = 0; i < lines->len; i++)
    g_hash_table_add (got, lines->pdata[i]);
  g_auto (GStrv) wanted = g_strsplit (g_strstrip (kept), "\n", -1);
  for (char **want = wanted; *want != NULL; want++, n++)
    if (!g_hash_table_contains (got, *want))
      {
        g_test_message ("not as it was: %s", *want);
        g_test_fail ();
      }
  g_assert_cmpuint (n, ==, lines->len);
}

int
main (int argc, char **argv)
{
  if (argc == 3 && strcmp (argv[1], "--write") == 0)
    {
      g_autoptr (GPtrArray) lines = describe_all (argv[2]);

      for (guint i = 0; i < lines->len; i++)
        g_print ("%s\n", (char *) lines->pdata[i]);
      return 0;
    }
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pixels/matrix", test_matrix);
  return g_test_run ();
}
