/* SPDX-License-Identifier: Apache-2.0
 *
 * test-hostile.c: damaged and crafted DICOM files: no crash, no hang, bounded memory, one sentence
 * each.
 */
#include "app/dicom/guard.h"
#include "app/files/open.h"
#include "engine/base/parallel.h"
#include "tests/app/synthetic.h"
#include "tests/data.h"

#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>

#define SECONDS_A_FILE                                                                             \
  20 /* far more than any needs, also under a sanitizer; then SIGALRM ends the test */
#define MEGABYTES_A_FILE 768  /* by which the process may grow over all of them */

static void
check_error (GError *error, const char *path)
{
  if (error == NULL)
    return;
  if (strchr (error->message, '\n') != NULL && error->code != SAG_DICOM_ERROR_AMBIGUOUS)
    g_error ("%s: more than one sentence: %s", path, error->message);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  g_clear_error (&error);
}

/* Everything the program would do with the file. */
static void
try_file (const char *path)
{
  SagIndex *index;
  GError *error = NULL;

  alarm (SECONDS_A_FILE);
  index = sag_index_folder (path, NULL, &error);
  g_assert_true ((index == NULL) == (error != NULL));
  check_error (g_steal_pointer (&error), path);
  g_clear_pointer (&index, sag_index_unref);
  {
    g_autoptr (SagOpenInfo) info = NULL;
    g_autoptr (SagVolume) volume = sag_open_volume (path, NULL, NULL, &info, &error);

    g_assert_true ((volume == NULL) == (error != NULL));
    check_error (g_steal_pointer (&error), path);
  }
  {
    g_autoptr (SagSegInfo) info = NULL;
    g_autoptr (SagSegmentation) seg = sag_seg_read (path, &info, &error);

    g_assert_true ((seg == NULL) == (error != NULL));
    check_error (g_steal_pointer (&error), path);
  }
  alarm (0);
}

static int
try_folder (const char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;
  int n = 0;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        n += try_folder (path);
      else
        {
          try_file (path);
          n++;
        }
    }
  g_dir_close (dir);
  return n;
}

static glong
peak_megabytes (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

static void
test_corpus (void)
{
  g_autofree char *folder = sag_test_data ("dicom-matrix/fuzz");
  glong before = peak_megabytes ();

  if (folder == NULL)
    return;
  g_assert_cmpint (try_folder (folder), ==, 177);
  g_test_message ("grown by %ld MB", peak_megabytes () - before);
  g_assert_cmpint (peak_megabytes () - before, <, MEGABYTES_A_FILE);
}

/* Our own file, cut at every length and with bytes turned over: found wrong, or read. */
static void
test_mutations (void)
{
  g_autofree char *folder = test_folder ();
  g_autofree char *path = g_build_filename (folder, "ct-0001.dcm", NULL);
  g_autofree char *content = NULL;
  g_autoptr (GRand) random = g_rand_new_with_seed (4711);
  SagGrid grid;
  gsize n;

  test_grid (&grid);
  grid.size[2] = 1;
  test_write_series (folder, &grid, "hostile");
  g_file_get_contents (path, &content, &n, NULL);
  for (gsize cut = 0; cut < n; cut += cut < 1500 ? 37 : 211)
    {
      g_autoptr (SagVolume) volume = NULL;
      g_autoptr (GError) error = NULL;

      g_file_set_contents (path, content, cut, NULL);
      volume = sag_open_volume (path, NULL, NULL, NULL, &error);
      g_assert_null (volume);
      g_assert_nonnull (error);
    }
  for (int round = 0; round < 300; round++)
    {
      g_autofree char *copy = g_memdup2 (content, n);

      for (int i = 0; i < 4; i++)
        copy[g_rand_int_range (random, 0, MIN (n, 1600))] = (char) g_rand_int (random);
      g_file_set_contents (path, copy, n, NULL);
      try_file (path);
    }
  test_remove (folder);
}

/* A file of `depth` sequences within each other; each opened by `element`, which ends in an item's
 * start. */
static GBytes *
nested (const char   *syntax,
        const guint8 *before,
        gsize         n_before,
        const guint8 *element,
        gsize         n,
        int           depth)
{
  GByteArray *bytes = g_byte_array_new ();
  guint8 meta[8] = { 2, 0, 0x10, 0, 'U', 'I', 0, 0 };

  g_byte_array_set_size (bytes, 128);
  memset (bytes->data, 0, 128);
  g_byte_array_append (bytes, (const guint8 *) "DICM", 4);
  meta[6] = (guint8) strlen (syntax);
  g_byte_array_append (bytes, meta, sizeof meta);
  g_byte_array_append (bytes, (const guint8 *) syntax, strlen (syntax));
  g_byte_array_append (bytes, before, n_before);
  for (int i = 0; i < depth; i++)
    g_byte_array_append (bytes, element, n);
  return g_byte_array_free_to_bytes (bytes);
}

/* Sequences within sequences, deeper than any stack of calls. */
static void
test_nesting (void)
{
#define OPEN 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff
  static const guint8 explicit_sq[] = { 0x40, 0x00, 0x30, 0xa7, 'S', 'Q', 0, 0, OPEN };
  static const guint8 unknown[] = { 0x41, 0x00, 0x30, 0xa7, 'U', 'N', 0, 0, OPEN };
  static const guint8 implicit_sq[] = { 0x40, 0x00, 0x30, 0xa7, OPEN };
  static const guint8 sized[] = { 0x40, 0x00, 0x30, 0xa7, 'S', 'Q', 0, 0, 0xf0, 0xff, 0xff, 0x7f,
                                  0xfe, 0xff, 0x00, 0xe0, 0xe8, 0xff, 0xff, 0x7f };
  static const guint8 broken[] = { 0x08, 0x00, 0x05, 0x00, '?', '?', 0, 0 };
  static const struct
  {
    const char   *syntax;
    const guint8 *element;
    gsize         n;
    const guint8 *before;
    gsize         n_before;
    int           depth;
    gboolean      passes;
  } cases[] = {
    { "1.2.840.10008.1.2.1\0", explicit_sq, sizeof explicit_sq, NULL, 0, 20, TRUE },
    { "1.2.840.10008.1.2.1\0", explicit_sq, sizeof explicit_sq, NULL, 0, 200000, FALSE },
    { "1.2.840.10008.1.2.1\0", implicit_sq, sizeof implicit_sq, unknown, sizeof unknown, 200000,
      FALSE },
    { "1.2.840.10008.1.2\0", implicit_sq, sizeof implicit_sq, NULL, 0, 200000, FALSE },
    { "1.2.840.10008.1.2.1\0", sized, sizeof sized, NULL, 0, 200000, FALSE },
    { "1.2.840.10008.1.2.1\0", explicit_sq, sizeof explicit_sq, broken, sizeof broken, 200000,
      FALSE },
    { "1.2.840.10008.1.2.1\0", explicit_sq, sizeof explicit_sq, broken, sizeof broken, 900, TRUE },
  };
  g_autofree char *folder = test_folder ();
  g_autofree char *path = g_build_filename (folder, "deep.dcm", NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GBytes) bytes = nested (cases[i].syntax, cases[i].before, cases[i].n_before,
                                         cases[i].element, cases[i].n, cases[i].depth);
      gsize n;
      const char *data = g_bytes_get_data (bytes, &n);

      g_assert_cmpint (sag_guard_check ((const guint8 *) data, n), ==, cases[i].passes);
      g_file_set_contents (path, data, n, NULL);
      try_file (path);
    }
  test_remove (folder);
#undef OPEN
}

/* In a deflated data set nothing but the look ahead knows how much there is: a length that lies is found before
 * memory is taken for it. */
static void
test_deflated (void)
{
  static const guint8 sound[] = { 0x08, 0x00, 0x05, 0x00, 'C', 'S', 2, 0, 'A', 'B' };
  static const guint8 lying[] = { 0x08, 0x00, 0x05, 0x00, 'U', 'T', 0, 0, 0xf0, 0xff, 0xff, 0x53, 'A', 'B' };
  static const guint8 cut_pixels[] = { 0xe0, 0x7f, 0x10, 0x00, 'O', 'W', 0, 0, 0x00, 0x00, 0x01, 0x00, 1, 2 };
  static const guint8 lying_pixels[] = { 0xe0, 0x7f, 0x10, 0x00, 'O', 'W', 0, 0, 0x00, 0x00, 0x00, 0xf0, 1, 2 };
  static const struct
  {
    const guint8 *element;
    gsize         n;
    gboolean      passes;
  } cases[] = {
    { sound, sizeof sound, TRUE },
    { lying, sizeof lying, FALSE },
    { cut_pixels, sizeof cut_pixels, TRUE },
    { lying_pixels, sizeof lying_pixels, FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      guint8 packed[256];
      z_stream z = { .next_in = (guint8 *) cases[i].element, .avail_in = (uInt) cases[i].n, .next_out = packed,
                     .avail_out = sizeof packed };
      gsize n;

      g_assert_cmpint (deflateInit2 (&z, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), ==, Z_OK);
      g_assert_cmpint (deflate (&z, Z_FINISH), ==, Z_STREAM_END);
      g_assert_cmpint (deflateEnd (&z), ==, Z_OK);
      g_autoptr (GBytes) bytes = nested ("1.2.840.10008.1.2.1.99", NULL, 0, packed, z.total_out, 1);
      const guint8 *data = g_bytes_get_data (bytes, &n);

      g_assert_cmpint (sag_guard_check (data, n), ==, cases[i].passes);
    }

  /* An element of another group among the file's own: the toolkit goes on to where that one says that it ends. */
  {
    g_autofree char *path = g_test_build_filename (G_TEST_DIST, "fuzz", "corpus", "dicom", "deflated-foreign.dcm", NULL);
    g_autofree char *content = NULL;
    gsize n;

    g_assert_true (g_file_get_contents (path, &content, &n, NULL));
    g_assert_false (sag_guard_check ((const guint8 *) content, n));
  }
}

/* A file of two kilobytes that says it has a million frames costs no more than it could hold. */
static void
test_frames (void)
{
  static const guint8 said[] = { 0x28, 0x00, 0x08, 0x00, 'I', 'S', 2, 0 };
  static const guint8 lie[] = { 0x28, 0x00, 0x08, 0x00, 'I', 'S', 8, 0, '1', '0', '0', '0', '0', '0', '0', ' ' };
  g_autofree char *cine = g_test_build_filename (G_TEST_DIST, "fuzz", "corpus", "dicom", "cine.dcm", NULL);
  g_autofree char *folder = test_folder ();
  g_autofree char *path = g_build_filename (folder, "cine.dcm", NULL);
  g_autofree char *content = NULL;
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (SagIndex) index = NULL;
  g_autoptr (GError) error = NULL;
  const SagIndexStudy *study;
  const SagIndexSeries *series;
  const SagStack *stack;
  const char *at;
  gsize n;

  g_assert_true (g_file_get_contents (cine, &content, &n, NULL));
  at = memmem (content, n, said, sizeof said);
  g_assert_nonnull (at);
  g_byte_array_append (bytes, (const guint8 *) content, (guint) (at - content));
  g_byte_array_append (bytes, lie, sizeof lie);
  at += sizeof said + 2;
  g_byte_array_append (bytes, (const guint8 *) at, (guint) (content + n - at));
  g_assert_true (g_file_set_contents (path, (const char *) bytes->data, bytes->len, NULL));
  index = sag_index_folder (folder, NULL, &error);
  g_assert_no_error (error);
  study = g_ptr_array_index (index->studies, 0);
  series = g_ptr_array_index (study->series, 0);
  stack = g_ptr_array_index (series->stacks, 0);
  g_assert_cmpint (stack->n_slices, >, 1);
  g_assert_cmpint (stack->n_slices, <=, 8 * bytes->len);
  test_remove (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
  g_test_add_func ("/hostile/corpus", test_corpus);
  g_test_add_func ("/hostile/mutations", test_mutations);
  g_test_add_func ("/hostile/nesting", test_nesting);
  g_test_add_func ("/hostile/deflated", test_deflated);
  g_test_add_func ("/hostile/frames", test_frames);
  return g_test_run ();
}
