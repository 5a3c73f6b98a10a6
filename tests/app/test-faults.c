/* SPDX-License-Identifier: Apache-2.0
 *
 * test-faults.c: plugins that do what no plugin may, in the worker that the window uses.
 *
 *     test-faults WORKER FIXTURES
 */
#include "app/state/model.h"
#include "app/work/link.h"
#include "engine/base/sanitized.h"
#include "tests/app/job-runs.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *worker, *fixtures;

/* A folder with the one bundle, which is all that will be found. */
static char *
make_bundle (const char *fault)
{
  char *top = g_dir_make_tmp ("sagitta-faults-XXXXXX", NULL);
  g_autofree char *bundle = g_build_filename (top, fault, NULL);
  g_autofree char *name = g_strconcat (fault, ".so", NULL);
  g_autofree char *from = g_build_filename (fixtures, name, NULL);
  g_autofree char *to = g_build_filename (bundle, name, NULL);
  g_autofree char *bytes = NULL;
  gsize length;

  g_assert_cmpint (g_mkdir (bundle, 0700), ==, 0);
  g_assert_true (g_file_get_contents (from, &bytes, &length, NULL));
  g_assert_true (g_file_set_contents (to, bytes, (gssize) length, NULL));
  g_setenv ("SAG_PLUGIN_PATH", top, TRUE);
  return top;
}

static void
remove_bundle (char *top, const char *fault)
{
  g_autofree char *bundle = g_build_filename (top, fault, NULL);
  g_autofree char *name = g_strconcat (fault, ".so", NULL);
  g_autofree char *file = g_build_filename (bundle, name, NULL);

  g_unlink (file);
  g_rmdir (bundle);
  g_rmdir (top);
  g_free (top);
}

static SagLink *
install (void)
{
  const char *const argv[] = { worker, "worker", NULL };
  const SagLinkOptions options = { .argv = argv, .n_threads = 1,
                                   .address_space_bytes = { 0, 0 } };

  return sag_link_install (&options);
}

static SagVolume *
make_volume (void)
{
  const int size[3] = { 32, 32, 16 };
  const double spacing[3] = { 1, 1, 1 };
  g_autoptr (GError) error = NULL;
  SagVolume *volume;
  SagGrid grid;

  sag_grid_init (&grid, size, spacing);
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, 1, 0, "HU", &error);
  g_assert_no_error (error);
  sag_volume_set_origin_tags (volume, "CT", "1.2.3");
  sag_volume_mark_ready (volume, 0, 16);
  return volume;
}

static JobRun *
segment (SagVolume *volume)
{
  return job_run_start (sag_job_new_segment ("org.example.fixture", SAG_PRECISION_F32, volume, NULL, NULL), NULL,
                        NULL);
}

/* The sentence names the model, and the list can still be had. */
static void
test_in_a_run (gconstpointer data)
{
  const char *const *row = data; /* fault, what the sentence says */
  char *top = make_bundle (row[0]);
  SagLink *link = install ();
  g_autoptr (SagVolume) volume = make_volume ();
  g_autoptr (JobRun) run = segment (volume), after = NULL;

  job_run_wait (run);
  g_assert_nonnull (run->error);
  if (strstr (run->error->message, row[1]) == NULL || strstr (run->error->message, "org.example.fixture") == NULL)
    g_error ("\"%s\" does not name the model and say \"%s\"", run->error->message, row[1]);
  g_assert_null (strchr (run->error->message, '\n'));
  after = job_run (sag_job_new_models (), NULL);
  g_assert_no_error (after->error);
  sag_link_remove (link);
  remove_bundle (top, row[0]);
}

static gboolean
cancel_it (gpointer job)
{
  sag_job_cancel (job);
  return G_SOURCE_REMOVE;
}

static void
test_hangs (void)
{
  char *top = make_bundle ("HANGS");
  SagLink *link = install ();
  g_autoptr (SagVolume) volume = make_volume ();
  g_autoptr (JobRun) run = segment (volume), after = NULL;

  g_timeout_add (300, cancel_it, run->job);
  job_run_wait (run);
  g_assert_error (run->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  after = job_run (sag_job_new_models (), NULL);
  g_assert_no_error (after->error);
  sag_link_remove (link);
  remove_bundle (top, "HANGS");
}

/* Its code runs as soon as it is opened: the list of models comes all the same, and says what is wrong. */
static void
test_crashes_opened (void)
{
  char *top = make_bundle ("CRASHES_OPENED");
  SagLink *link = install ();
  g_autoptr (GListStore) list = sag_model_list_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (JobRun) run = job_run (sag_job_new_models (), NULL);
  gboolean found = FALSE;

  g_assert_no_error (run->error);
  g_assert_true (sag_model_list_set (list, run->result, &error));
  for (guint n = 0; n < g_list_model_get_n_items (G_LIST_MODEL (list)); n++)
    {
      g_autoptr (SagModel) model = g_list_model_get_item (G_LIST_MODEL (list), n);

      if (strstr (sag_model_get_folder (model), "CRASHES_OPENED") == NULL)
        continue;
      found = TRUE;
      g_assert_false (sag_model_is_usable (model));
      g_assert_nonnull (strstr (sag_model_get_reason (model), "brought down"));
    }
  g_assert_true (found);
  sag_link_remove (link);
  remove_bundle (top, "CRASHES_OPENED");
}

/* The same at a shell: one sentence, status 1, nothing written. */
static void
test_at_a_shell (gconstpointer data)
{
  const char *const *row = data; /* fault, --isolate or NULL, what the sentence says */
  char *top = make_bundle (row[0]);
  g_autofree char *input = g_build_filename (top, "in.nii", NULL), *output = g_build_filename (top, "out.nii", NULL);
  const char *argv[] = { worker, "segment", input, "--model", "org.example.fixture", "-o", output, row[1], NULL };
  g_autofree char *errors = NULL;
  guint8 nifti[352 + 16 * 16 * 16 * 2] = { 0 };
  const gint16 dim[] = { 3, 16, 16, 16, 1, 1, 1, 1 }, type = 4, bits = 16;
  const gint32 header_bytes = 348;
  const float pixdim[] = { 1, 1, 1, 1, 0, 0, 0, 0 }, offset = 352;
  int status = 0;

  memcpy (nifti, &header_bytes, 4);
  memcpy (nifti + 40, dim, sizeof dim);
  memcpy (nifti + 70, &type, 2);
  memcpy (nifti + 72, &bits, 2);
  memcpy (nifti + 76, pixdim, sizeof pixdim);
  memcpy (nifti + 108, &offset, 4);
  nifti[254] = 1; /* sform_code; the matrix follows */
  for (int a = 0; a < 3; a++)
    memcpy (nifti + 280 + 20 * a, &pixdim[1], 4);
  memcpy (nifti + 344, "n+1", 4);
  g_assert_true (g_file_set_contents (input, (const char *) nifti, sizeof nifti, NULL));
  g_assert_true (g_spawn_sync (NULL, (char **) argv, NULL, 0, NULL, NULL, NULL, &errors, &status, NULL));
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 1);
  if (strstr (errors, row[2]) == NULL)
    g_error ("\"%s\" does not say \"%s\"", errors, row[2]);
  g_assert_false (g_file_test (output, G_FILE_TEST_EXISTS));
  g_unlink (input);
  remove_bundle (top, row[0]);
}

int
main (int argc, char **argv)
{
  static const char *const options[] = { "ASAN_OPTIONS", "TSAN_OPTIONS" };
  static const char *const crashes[] = { "CRASHES", "Segmentation fault" };
  static const char *const escapes[] = { "ESCAPES", "escaped:" };
  static const char *const eats[] = { "EATS", "memory was refused" };
  static const char *const ends[] = { "ENDS", "it left with status" };
  static const char *const isolated_crashes[] = { "CRASHES", "--isolate", "brought it down (\"Segmentation fault\")" };
  static const char *const isolated_ends[] = { "ENDS", "--isolate", "ended the program" };
  static const char *const shell_ends[] = { "ENDS", NULL, "ended the program" };
  g_autofree char *secret = NULL;
  int fd, status;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 3);
  worker = argv[1];
  fixtures = argv[2];
  fd = g_file_open_tmp ("sagitta-secret-XXXXXX", &secret, NULL);
  g_assert_cmpint (fd, >=, 0);
  close (fd);
  g_setenv ("SAG_FIXTURE_SECRET", secret, TRUE);
  g_setenv ("XDG_DATA_HOME", "/nonexistent", TRUE);
  /* A sanitized worker shall die of the signal, not tell of it and leave. */
  for (gsize i = 0; i < G_N_ELEMENTS (options); i++)
    {
      const char *old = g_getenv (options[i]);
      g_autofree char *own = g_strconcat (old != NULL ? old : "", ":handle_segv=0", NULL);

      g_setenv (options[i], own, TRUE);
    }

  g_test_add_data_func ("/faults/crashes", crashes, test_in_a_run);
  g_test_add_data_func ("/faults/escapes", escapes, test_in_a_run);
  g_test_add_data_func ("/faults/ends", ends, test_in_a_run);
#if !SAG_SANITIZED
  g_test_add_data_func ("/faults/eats", eats, test_in_a_run);
#else
  (void) eats;
#endif
  g_test_add_func ("/faults/hangs", test_hangs);
  g_test_add_func ("/faults/crashes-opened", test_crashes_opened);
  g_test_add_data_func ("/faults/isolated/crashes", isolated_crashes, test_at_a_shell);
  g_test_add_data_func ("/faults/isolated/ends", isolated_ends, test_at_a_shell);
  g_test_add_data_func ("/faults/shell/ends", shell_ends, test_at_a_shell);
  status = g_test_run ();
  g_unlink (secret);
  return status;
}
