/* SPDX-License-Identifier: Apache-2.0
 *
 * test-save.c: what is written is whole or not there: killed at any moment, on a full disk, in a folder
 * that may not be written. One writer after the other.
 */
#include "app/dicom/deidentify.h"
#include "app/dicom/seg.h"
#include "app/dicom/sr.h"
#include "app/files/nifti.h"
#include "app/files/notes.h"
#include "app/files/npy.h"
#include "app/files/open.h"
#include "app/files/png.h"
#include "app/files/save.h"
#include "app/files/stl.h"
#include "app/state/measurements.h"
#include "app/work/report.h"
#include "app/work/statistics.h"
#include "engine/base/parallel.h"
#include "tests/app/synthetic.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define KILLS 100

typedef struct
{
  char            *folder;
  SagGrid          grid;
  SagIndex        *index;
  const SagStack  *stack;
  SagVolume       *volume;
  SagSegmentation *segmentation;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  GError *error = NULL;
  g_autofree char *series = NULL;

  f->folder = test_folder ();
  test_grid (&f->grid);
  series = g_build_filename (f->folder, "ct", NULL);
  test_write_series (series, &f->grid, "test-save");
  f->index = sag_index_folder (series, NULL, &error);
  g_assert_no_error (error);
  f->stack = sag_open_choose (f->index, NULL, NULL, &error);
  g_assert_no_error (error);
  f->volume = test_volume_of (&f->grid);
  f->segmentation = test_segmentation (&f->grid, FALSE, TRUE);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  sag_segmentation_unref (f->segmentation);
  sag_volume_unref (f->volume);
  sag_index_unref (f->index);
  test_remove (f->folder);
  g_free (f->folder);
}

/* --- the writers ------------------------------------------------------------------------------ */

static gboolean
write_binary (Fixture *f, const char *path, GError **error)
{
  return sag_seg_write (path, f->segmentation, f->stack, NULL, error);
}

static gboolean
write_fractional (Fixture *f, const char *path, GError **error)
{
  const SagSegOptions options = { .type = SAG_SEG_FRACTIONAL };

  return sag_seg_write (path, f->segmentation, f->stack, &options, error);
}

static gboolean
read_seg (Fixture *f, const char *path, GError **error)
{
  g_autoptr (SagSegmentation) seg = sag_seg_read (path, NULL, error);

  return seg != NULL;
}

static gboolean
write_nifti (Fixture *f, const char *path, GError **error)
{
  return sag_nifti_write (path, f->volume, NULL, error);
}

static gboolean
read_nifti (Fixture *f, const char *path, GError **error)
{
  g_autoptr (SagVolume) volume = sag_nifti_read (path, NULL, error);

  return volume != NULL;
}

static gboolean
write_labels (Fixture *f, const char *path, GError **error)
{
  return sag_nifti_write_segmentation (path, f->segmentation, TRUE, error);
}

static gboolean
read_labels (Fixture *f, const char *path, GError **error)
{
  g_autoptr (SagSegmentation) seg = sag_nifti_read_segmentation (path, error);

  return seg != NULL;
}

static gboolean
write_png (Fixture *f, const char *path, GError **error)
{
  g_autofree guint8 *pixels = g_malloc (256 * 256 * 3);

  for (int i = 0; i < 256 * 256 * 3; i++)
    pixels[i] = (guint8) ((guint) i * (guint) i >> 5);
  return sag_png_write (path, pixels, 256, 256, 3, error);
}

static gboolean
read_png (Fixture *f, const char *path, GError **error)
{
  g_autoptr (SagVolume) volume = sag_png_read (path, error);

  return volume != NULL;
}

static gboolean
write_sr (Fixture *f, const char *path, GError **error)
{
  return sag_sr_write (path, NULL, 0, f->stack, &f->grid, error);
}

static gboolean
read_dicom (Fixture *f, const char *path, GError **error)
{
  g_autoptr (SagDicomInstance) instance = sag_dicom_read_header (path, error);

  return instance != NULL;
}

static gboolean
write_stl (Fixture *f, const char *path, GError **error)
{
  SagLabelmap *map = sag_segmentation_get_layer (f->segmentation, 0);
  int n;
  g_autoptr (SagSurface) surface = sag_surface_new (map, sag_labelmap_get_labels (map, &n)[0].value, 0, NULL, error);

  return surface != NULL && sag_stl_write (path, surface, "label", error);
}

/* A header of 84 bytes, and fifty for each triangle it counts. */
static gboolean
read_stl (Fixture *f, const char *path, GError **error)
{
  g_autofree guint8 *bytes = NULL;
  guint32 n_triangles;
  gsize n;

  if (!g_file_get_contents (path, (char **) &bytes, &n, error))
    return FALSE;
  if (n < 84)
    return FALSE;
  memcpy (&n_triangles, bytes + 80, sizeof n_triangles);
  return n_triangles > 0 && n == 84 + 50 * (gsize) n_triangles;
}

static gboolean
write_npy (Fixture *f, const char *path, GError **error)
{
  const SagShape shape = { 2, { 30, 40 } };
  g_autoptr (SagTensor) tensor = sag_tensor_new (SAG_DTYPE_F32, &shape, error);

  return tensor != NULL && sag_npy_write (path, tensor, error);
}

static gboolean
read_npy (Fixture *f, const char *path, GError **error)
{
  g_autoptr (SagTensor) tensor = sag_npy_read (path, error);

  return tensor != NULL && sag_shape_count (&tensor->shape) == 30 * 40;
}

static gboolean
write_statistics (Fixture *f, const char *path, GError **error)
{
  return sag_statistics_write_csv (path, f->segmentation, f->volume, error);
}

static gboolean
write_table (Fixture *f, const char *path, GError **error)
{
  g_autoptr (SagMeasurements) items = sag_measurements_new ();

  return sag_report_write_csv (path, sag_measurements_get_items (items), error);
}

/* Lines, the last one ended. */
static gboolean
read_table (Fixture *f, const char *path, GError **error)
{
  g_autofree char *text = NULL;

  return g_file_get_contents (path, &text, NULL, error) && g_str_has_suffix (text, "\r\n");
}

static const struct
{
  const char *name; /* and of the file it writes */
  gboolean (*write) (Fixture *f, const char *path, GError **error);
  gboolean (*read) (Fixture *f, const char *path, GError **error);
} writers[] = {
  { "binary.dcm", write_binary, read_seg },       { "fractional.dcm", write_fractional, read_seg },
  { "volume.nii", write_nifti, read_nifti },      { "volume.nii.gz", write_nifti, read_nifti },
  { "labels.nii.gz", write_labels, read_labels }, { "picture.png", write_png, read_png },
  { "report.dcm", write_sr, read_dicom },         { "surface.stl", write_stl, read_stl },
  { "array.npy", write_npy, read_npy },           { "statistics.csv", write_statistics, read_table },
  { "measurements.csv", write_table, read_table },
};

static char *
content_of (const char *path, gsize *n)
{
  char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, n, NULL));
  return text;
}

/* How many names a folder holds. */
static int
count_names (const char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  int n = 0;

  g_assert_nonnull (dir);
  while (g_dir_read_name (dir) != NULL)
    n++;
  g_dir_close (dir);
  return n;
}

/* Good files of all writers in a new folder. */
static char *
write_all (Fixture *f)
{
  char *out = g_build_filename (f->folder, "out", NULL);
  GError *error = NULL;

  g_mkdir (out, 0755);
  for (gsize i = 0; i < G_N_ELEMENTS (writers); i++)
    {
      g_autofree char *path = g_build_filename (out, writers[i].name, NULL);

      g_assert_true (writers[i].write (f, path, &error) || error != NULL);
      g_assert_no_error (error);
    }
  g_assert_cmpint (count_names (out), ==, G_N_ELEMENTS (writers));
  return out;
}

/* --- killed ----------------------------------------------------------------------------------- */

typedef void (*Deed) (Fixture *f, const char *path, gsize which);

/* Does it in a child, over and over, and kills it after a random while. */
static void
kill_during (Deed deed, Fixture *f, const char *path, gsize which)
{
  pid_t child = fork ();

  if (child == 0)
    for (;;)
      deed (f, path, which);
  g_assert_cmpint (child, >, 0);
  g_usleep ((gulong) g_test_rand_int_range (500, 25000));
  g_assert_cmpint (kill (child, SIGKILL), ==, 0);
  g_assert_cmpint (waitpid (child, NULL, 0), ==, child);
}

static void
write_again (Fixture *f, const char *path, gsize which)
{
  writers[which].write (f, path, NULL);
}

/* Over a good file: it is good still. */
static void
test_killed (Fixture *f, gconstpointer data)
{
  g_autofree char *out = write_all (f);
  g_autofree char *last = g_build_filename (out, writers[0].name, NULL);
  GError *error = NULL;

  for (int n = 0; n < KILLS; n++)
    {
      gsize which = (gsize) n % G_N_ELEMENTS (writers);
      g_autofree char *path = g_build_filename (out, writers[which].name, NULL);

      kill_during (write_again, f, path, which);
      g_assert_true (writers[which].read (f, path, &error) || error != NULL);
      g_assert_no_error (error);
    }
  /* What was left the next save removes. */
  g_assert_true (writers[0].write (f, last, &error));
  g_assert_cmpint (count_names (out), ==, G_N_ELEMENTS (writers));
  test_remove (out);
}

static void
export_copies (Fixture *f, const char *path, gsize which)
{
  g_autoptr (SagDeidentified) report = sag_deidentify (f->index, NULL, path, SAG_DATES_REMOVE, NULL, NULL);
  g_autofree char *away = g_build_filename (f->folder, "away", NULL);

  /* At one stroke, so that whatever has the name of an export is one. */
  if (report != NULL && rename (g_ptr_array_index (report->folders, 0), away) == 0)
    test_remove (away);
}

/* A folder of a series is whole or not there. */
static void
test_killed_copies (Fixture *f, gconstpointer data)
{
  g_autofree char *out = g_build_filename (f->folder, "copies", NULL);
  g_autofree char *away = g_build_filename (f->folder, "away", NULL);
  GError *error = NULL;

  g_mkdir (out, 0755);
  for (int n = 0; n < KILLS / 2; n++)
    {
      g_autoptr (SagDeidentified) report = NULL;
      GDir *dir;
      const char *name;

      kill_during (export_copies, f, out, 0);
      test_remove (away);
      dir = g_dir_open (out, 0, NULL);
      while ((name = g_dir_read_name (dir)) != NULL)
        {
          g_autofree char *folder = g_build_filename (out, name, NULL);

          if (g_str_has_prefix (name, SAG_SAVE_PARTIAL))
            continue;
          g_assert_cmpint (count_names (folder), ==, f->grid.size[2]);
          test_remove (folder);
        }
      g_dir_close (dir);
      report = sag_deidentify (f->index, NULL, out, SAG_DATES_REMOVE, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpint (count_names (out), ==, 1); /* what was left is gone */
      test_remove (g_ptr_array_index (report->folders, 0));
    }
}

static void
put_notes (Fixture *f, const char *path, gsize which)
{
  g_autofree char *text = g_strnfill (1 + g_random_int_range (0, 60000), 'x');

  sag_notes_put (path, "1.2.3", "measurements", text, NULL);
  sag_notes_put (path, "1.2.3", "edits", text, NULL);
}

/* What was drawn last may be missing, never all of it. */
static void
test_killed_notes (Fixture *f, gconstpointer data)
{
  g_autofree char *path = g_build_filename (f->folder, "notes.db", NULL);
  GError *error = NULL;

  g_assert_true (sag_notes_put (path, "1.2.3", "measurements", "x", &error));
  for (int n = 0; n < KILLS / 2; n++)
    {
      g_autofree char *text = NULL;

      kill_during (put_notes, f, path, 0);
      text = sag_notes_get (path, "1.2.3", "measurements", &error);
      g_assert_no_error (error);
      g_assert_cmpint (strlen (text), >, 0);
      g_assert_cmpint (strspn (text, "x"), ==, strlen (text));
    }
}

static void
index_again (Fixture *f, const char *path, gsize which)
{
  g_autofree char *database = g_build_filename (g_get_user_cache_dir (), "sagitta", "index.db", NULL);
  g_autoptr (SagIndex) index = NULL;

  g_unlink (database);
  index = sag_index_folder (path, NULL, NULL);
}

/* The list of a folder is what lies there, whatever became of what was noted of it. */
static void
test_killed_index (Fixture *f, gconstpointer data)
{
  g_autofree char *series = g_build_filename (f->folder, "ct", NULL);
  g_autofree char *database = g_build_filename (g_get_user_cache_dir (), "sagitta", "index.db", NULL);
  GError *error = NULL;

  g_unsetenv ("SAG_NO_CACHE");
  for (int n = 0; n < KILLS / 2; n++)
    {
      g_autoptr (SagIndex) index = NULL;

      kill_during (index_again, f, series, 0);
      index = sag_index_folder (series, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpint (index->instances->len, ==, f->grid.size[2]);
      g_assert_cmpint (index->problems->len, ==, 0);
    }
  g_assert_true (g_file_test (database, G_FILE_TEST_EXISTS));
  g_setenv ("SAG_NO_CACHE", "1", TRUE);
}

/* --- no room, no rights ----------------------------------------------------------------------- */

/* A sentence that says what and why. */
static void
check_sentence (const GError *error, const char *name, const char *why)
{
  g_assert_nonnull (error);
  if (strstr (error->message, name) == NULL || strstr (error->message, why) == NULL
      || strchr (error->message, '\n') != NULL)
    g_error ("the message is: %s", error->message);
}

/* Takes all but `left` bytes. */
static void
fill (const char *folder, gsize left)
{
  g_autofree char *path = g_build_filename (folder, "filler", NULL);
  static const char bytes[4096];
  int fd = g_open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  off_t size = 0;

  g_assert_cmpint (fd, >=, 0);
  while (write (fd, bytes, sizeof bytes) == sizeof bytes)
    size += sizeof bytes;
  g_assert_cmpint (ftruncate (fd, size - (off_t) left), ==, 0);
  close (fd);
}

/* In a child with a mount table of its own. */
static void
write_to_full (Fixture *f, const char *folder)
{
  for (gsize left = 0; left <= 6; left++)
    for (gsize i = 0; i < G_N_ELEMENTS (writers); i++)
      {
        g_autofree char *path = g_build_filename (folder, writers[i].name, NULL);
        g_autoptr (GError) error = NULL;
        g_autofree char *text = NULL;
        gsize n;

        g_assert_true (g_file_set_contents (path, "old", 3, NULL));
        fill (folder, left * 4096);
        if (writers[i].write (f, path, &error))
          {
            g_assert_cmpint (left, >, 0);
            g_assert_true (writers[i].read (f, path, NULL));
          }
        else
          {
            check_sentence (error, writers[i].name, "No space left on device");
            text = content_of (path, &n);
            g_assert_cmpmem (text, n, "old", 3);
          }
        g_assert_cmpint (count_names (folder), ==, 2); /* it, and the filler */
        g_unlink (path);
      }
}

static void
export_to_full (Fixture *f, const char *folder)
{
  g_autoptr (SagDeidentified) report = NULL;
  g_autoptr (GError) error = NULL;

  fill (folder, 4096);
  report = sag_deidentify (f->index, NULL, folder, SAG_DATES_REMOVE, NULL, &error);
  g_assert_null (report);
  check_sentence (error, folder, "No space left on device");
  g_assert_cmpint (count_names (folder), ==, 1);
}

static void
note_on_full (Fixture *f, const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "notes.db", NULL), *long_text = g_strnfill (100000, 'y');
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (sag_notes_put (path, "1", "edits", "x", &error));
  fill (folder, 0);
  g_assert_false (sag_notes_put (path, "1", "edits", long_text, &error));
  check_sentence (error, "notes.db", "full");
  text = sag_notes_get (path, "1", "edits", NULL);
  g_assert_cmpstr (text, ==, "x");
}

static void
write_to_read_only (Fixture *f, const char *folder)
{
  for (gsize i = 0; i < G_N_ELEMENTS (writers); i++)
    {
      g_autofree char *path = g_build_filename (folder, writers[i].name, NULL);

      g_assert_true (g_file_set_contents (path, "old", 3, NULL));
    }
  g_assert_cmpint (mount (NULL, folder, NULL, MS_REMOUNT | MS_RDONLY, NULL), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (writers); i++)
    {
      g_autofree char *path = g_build_filename (folder, writers[i].name, NULL);
      g_autoptr (GError) error = NULL;
      g_autofree char *text = NULL;
      gsize n;

      g_assert_false (writers[i].write (f, path, &error));
      check_sentence (error, writers[i].name, "Read-only file system");
      text = content_of (path, &n);
      g_assert_cmpmem (text, n, "old", 3);
    }
  {
    g_autoptr (GError) error = NULL;

    g_assert_null (sag_deidentify (f->index, NULL, folder, SAG_DATES_REMOVE, NULL, &error));
    check_sentence (error, folder, "Read-only file system");
  }
}

/* `data`: what is done on a disk of 64 KiB. */
static void
test_small_disk (Fixture *f, gconstpointer data)
{
  void (*deed) (Fixture *f, const char *folder) = data;
  g_autofree char *folder = g_build_filename (f->folder, "small", NULL);
  pid_t child;
  int status;

  g_mkdir (folder, 0755);
  child = fork ();
  if (child == 0)
    {
      if (unshare (geteuid () == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0
          || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0
          || mount ("small", folder, "tmpfs", 0, "size=64k") != 0)
        _exit (77);
      deed (f, folder);
      _exit (0);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  if (WIFEXITED (status) && WEXITSTATUS (status) == 77)
    g_test_skip ("a file system of its own is not allowed here");
  else
    g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
}

/* Where files cannot be made without a name, what is left of the dead goes and what the living write stays. */
static void
test_leftovers (Fixture *f, gconstpointer data)
{
  g_autofree char *out = g_build_filename (f->folder, "out", NULL);
  g_autofree char *dead = g_build_filename (out, SAG_SAVE_PARTIAL "dead", NULL);
  g_autofree char *inside = g_build_filename (out, SAG_SAVE_PARTIAL "folder", "CT-1", NULL);
  g_autofree char *alive = g_build_filename (out, SAG_SAVE_PARTIAL "alive", NULL);
  g_autofree char *path = g_build_filename (out, "a", NULL);
  g_autoptr (SagIndex) index = NULL;
  int fd;

  g_assert_cmpint (g_mkdir_with_parents (inside, 0755), ==, 0);
  g_assert_true (g_file_set_contents (dead, "x", 1, NULL));
  fd = g_open (alive, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  g_assert_cmpint (flock (fd, LOCK_EX), ==, 0);
  g_assert_true (sag_save_bytes (path, "x", 1, NULL));
  g_assert_false (g_file_test (dead, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (inside, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (alive, G_FILE_TEST_EXISTS));
  g_assert_cmpint (count_names (out), ==, 2);
  close (fd);
  test_remove (out);
}

int
main (int argc, char **argv)
{
  g_autofree char *home = g_dir_make_tmp ("sagitta-home-XXXXXX", NULL);
  int status;

  g_setenv ("XDG_CONFIG_HOME", home, TRUE);
  g_setenv ("XDG_CACHE_HOME", home, TRUE);
  g_test_init (&argc, &argv, NULL);
  sag_parallel_own (SAG_TEAM_NONE, 1); /* children have no threads */
#define ADD(path, data, test) g_test_add (path, Fixture, data, set_up, test, tear_down)
  ADD ("/save/killed", NULL, test_killed);
  ADD ("/save/killed/copies", NULL, test_killed_copies);
  ADD ("/save/killed/notes", NULL, test_killed_notes);
  ADD ("/save/killed/index", NULL, test_killed_index);
  ADD ("/save/leftovers", NULL, test_leftovers);
  ADD ("/save/full", write_to_full, test_small_disk);
  ADD ("/save/full/copies", export_to_full, test_small_disk);
  ADD ("/save/full/notes", note_on_full, test_small_disk);
  ADD ("/save/read-only", write_to_read_only, test_small_disk);
  status = g_test_run ();
  test_remove (home);
  return status;
}
