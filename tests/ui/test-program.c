/* SPDX-License-Identifier: Apache-2.0
 *
 * test-program.c: nothing faked: a window, the worker process, a small phantom and the lungs model.
 *
 * $SAGITTA_CLI is the worker; it also makes the phantom. */
#include "app/work/link.h"
#include "engine/image/review.h"
#include "tests/ui/fake.h"
#include "ui/sample.h"
#include "ui/window.h"

#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder; /* of this test, removed at its end */

static void
run_program (const char *const *argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL,
                &status, &error);
  g_assert_no_error (error);
  g_spawn_check_wait_status (status, &error);
  g_assert_no_error (error);
}

static void
wait_state (gpointer object,
            int      state,
            int      seconds)
{
  gint64 end = g_get_monotonic_time () + seconds * (gint64) G_USEC_PER_SEC;
  int now;

  do
    {
      fake_settle ();
      g_object_get (object, "state", &now, NULL);
    }
  while (now != state && g_get_monotonic_time () < end);
  g_assert_cmpint (now, ==, state);
}

static SagLabelItem *
find_label (SagWorkspace *workspace,
            const char   *name)
{
  GListModel *labels = sag_workspace_get_labels (workspace);

  for (guint i = 0; i < g_list_model_get_n_items (labels); i++)
    {
      g_autoptr (SagLabelItem) item = g_list_model_get_item (labels, i);

      if (strcmp (sag_label_item_get_name (item), name) == 0)
        return item; /* the list keeps it */
    }
  g_assert_not_reached ();
}

static void
note_saved (const char **saved,
            const char  *path)
{
  *saved = g_intern_string (path);
}

/* The exporter's next word, and that it is this file's name. */
static void
wait_saved (const char **saved,
            const char  *path)
{
  fake_wait (*saved != NULL);
  g_assert_cmpstr (*saved, ==, path);
  *saved = NULL;
}

/* From here on `saved` is what `exporter` says, good or bad. */
static void
listen (SagExporter *exporter,
        const char **saved)
{
  g_signal_connect_swapped (exporter, "saved", G_CALLBACK (note_saved), saved);
  g_signal_connect_swapped (exporter, "failed", G_CALLBACK (note_saved), saved);
}

static void
wait_results (SagWorkspace *workspace,
              guint         n)
{
  GListModel *results = sag_workspace_get_results (workspace);

  fake_wait (g_list_model_get_n_items (results) == n);
}

/* Surface and table as other programs read them, by the worker that may write nowhere else. */
static void
check_exports (SagWindow *window)
{
  SagExporter *exporter = sag_window_get_exporter (window);
  SagWorkspace *workspace = sag_window_get_workspace (window);
  g_autofree char *stl = g_build_filename (folder, "lung.stl", NULL);
  g_autofree char *csv = g_build_filename (folder, "labels.csv", NULL);
  g_autofree char *anon = g_build_filename (folder, "anon", NULL);
  const char *saved = NULL;
  g_autofree char *text = NULL, *bytes = NULL;
  guint32 n_triangles;
  gsize n;

  listen (exporter, &saved);
  sag_exporter_save_surface (exporter, workspace,
                             sag_label_item_get_label (find_label (workspace, "Left lung"))->value, TRUE,
                             stl);
  wait_saved (&saved, stl);
  g_assert_true (g_file_get_contents (stl, &bytes, &n, NULL));
  memcpy (&n_triangles, bytes + 80, 4);
  g_assert_cmpuint (n, ==, 84 + 50 * (gsize) GUINT32_FROM_LE (n_triangles));
  g_assert_cmpuint (GUINT32_FROM_LE (n_triangles), >, 1000);
  sag_exporter_save_statistics (exporter, workspace, csv);
  wait_saved (&saved, csv);
  g_assert_true (g_file_get_contents (csv, &text, NULL, NULL));
  g_assert_nonnull (strstr (text, "\"Left lung\""));
  g_assert_nonnull (strstr (text, "\"HU\""));

  sag_exporter_deidentify (exporter, sag_series_get_paths (sag_workspace_get_series (workspace)), anon,
                           "shift");
  wait_saved (&saved, anon);
  g_assert_true (g_file_test (anon, G_FILE_TEST_IS_DIR));
  g_signal_handlers_disconnect_by_data (exporter, &saved);
}

static const SagReview *
get_review (SagWorkspace *workspace)
{
  return sag_provenance_peek_review (sag_segmentation_get_provenance (sag_workspace_get_segmentation (workspace)));
}

/* Who accepted the result, and when, is in the SEG, and is there again when it is read. */
static void
check_review (SagWindow        *window,
              const char       *seg,
              const SagReview  *given)
{
  SagWorkspace *workspace = sag_window_get_workspace (window);
  guint n = g_list_model_get_n_items (sag_workspace_get_results (workspace));

  sag_opener_open_dropped (sag_window_get_opener (window), (const char *const[]) { seg, NULL });
  wait_results (workspace, n + 1);
  fake_wait (sag_result_is_complete (sag_workspace_get_result (workspace)));
  g_assert_cmpstr (get_review (workspace)->verdict, ==, "accepted");
  g_assert_cmpstr (get_review (workspace)->reviewer, ==, given->reviewer);
  g_assert_cmpstr (get_review (workspace)->time, ==, given->time);
  sag_workspace_remove_result (workspace, sag_workspace_get_result (workspace));
}

/* A SEG and a NIfTI file of labels become results over the images, a NIfTI file of images images. */
static void
check_labels (SagWindow  *window,
              const char *study)
{
  SagWorkspace *workspace = sag_window_get_workspace (window);
  SagOpener *opener = sag_window_get_opener (window);
  g_autofree char *truth = g_build_filename (study, "truth", "truth.dcm", NULL);
  g_autofree char *ct = g_build_filename (study, "ct", NULL);
  g_autofree char *labels = g_build_filename (folder, "labels.nii.gz", NULL);
  g_autofree char *image = g_build_filename (folder, "image.nii.gz", NULL);
  const char *saved = NULL;
  const char *const convert[] = { g_getenv ("SAGITTA_CLI"), "convert", ct, image, NULL };

  gtk_widget_activate_action (GTK_WIDGET (window), "win.uncertain-part", "i", 1);
  listen (sag_window_get_exporter (window), &saved);
  sag_exporter_save_labels (sag_window_get_exporter (window), workspace, "nifti", labels);
  wait_saved (&saved, labels);
  g_signal_handlers_disconnect_by_data (sag_window_get_exporter (window), &saved);
  run_program (convert);
  sag_opener_open_dropped (opener, (const char *const[]) { truth, NULL });
  wait_results (workspace, 2);
  sag_opener_open_dropped (opener, (const char *const[]) { labels, NULL });
  wait_results (workspace, 3);
  fake_wait (sag_result_is_complete (sag_workspace_get_result (workspace)));
  gtk_widget_activate_action (GTK_WIDGET (window), "win.correct", "s", "smooth");
  wait_results (workspace, 4);
  fake_wait (sag_editing_undo (sag_workspace_get_editing (workspace)));
  gtk_widget_activate_action (GTK_WIDGET (window), "view.compare", NULL);
  fake_wait (!isnan (sag_workspace_get_agreement (workspace)));
  g_assert_cmpfloat (sag_workspace_get_agreement (workspace), >, 0.9);
  sag_opener_open_dropped (opener, (const char *const[]) { image, NULL });
  wait_results (workspace, 0);
  wait_state (opener, SAG_OPENER_READY, 30);
  g_assert_cmpstr (sag_series_get_title (sag_workspace_get_series (workspace)), ==, "image.nii.gz");
}

static void
test_whole_way (void)
{
  g_autofree char *study = g_build_filename (folder, "study", NULL);
  g_autofree char *ct = g_build_filename (study, "ct", NULL);
  g_autofree char *seg = g_build_filename (folder, "lungs.dcm", NULL);
  const char *const make[] = { g_getenv ("SAGITTA_CLI"), "phantom", "--size=small", study, NULL };
  const char *const paths[] = { ct, NULL };
  g_autoptr (GSettings) settings = fake_settings ();
  SagWindow *window = sag_window_new (NULL, settings);
  SagWorkspace *workspace = sag_window_get_workspace (window);
  SagSegmenter *segmenter = sag_window_get_segmenter (window);
  double left[3], right[3];
  const char *saved = NULL;
  SagProbe probe;

  run_program (make);
  gtk_window_present (GTK_WINDOW (window));
  sag_window_open (window, paths, "org.sagitta.lungs-ct");
  wait_state (sag_window_get_opener (window), SAG_OPENER_READY, 60);
  g_assert_cmpint (sag_volume_get_grid (sag_workspace_get_volume (workspace))->size[2], ==, 42);
  g_assert_cmpstr (sag_volume_get_modality (sag_workspace_get_volume (workspace)), ==, "CT");
  wait_state (segmenter, SAG_SEGMENTER_DONE, 100);

  /* The patient's left lung lies at his left, and a lung is litres, not drops. */
  g_assert_true (sag_label_item_get_centroid (find_label (workspace, "Left lung"), left));
  g_assert_true (sag_label_item_get_centroid (find_label (workspace, "Right lung"), right));
  g_assert_cmpfloat (left[0], >, right[0] + 50);
  g_assert_cmpfloat (sag_label_item_get_ml (find_label (workspace, "Left lung")), >, 500);
  g_assert_true (sag_workspace_probe (workspace, left, &probe));
  g_assert_nonnull (probe.label);
  g_assert_cmpstr (probe.label->name, ==, "Left lung");
  g_assert_cmpfloat (probe.value, <, -500);
  g_assert_cmpfloat (probe.confidence, >, 0.5);

  gtk_widget_activate_action (GTK_WIDGET (window), "view.review", "s", "accepted");
  g_assert_cmpstr (get_review (workspace)->verdict, ==, "accepted");
  listen (sag_window_get_exporter (window), &saved);
  sag_exporter_save_labels (sag_window_get_exporter (window), workspace, "seg", seg);
  wait_saved (&saved, seg);
  g_assert_true (g_file_test (seg, G_FILE_TEST_IS_REGULAR));
  g_signal_handlers_disconnect_by_data (sag_window_get_exporter (window), &saved);
  check_review (window, seg, get_review (workspace));

  check_exports (window);
  check_labels (window, study);
  gtk_window_close (GTK_WINDOW (window));
  fake_settle ();
}

/* ---- nothing is lost */

static SagWindow *
open_study (GSettings  *settings,
            const char *study)
{
  g_autofree char *ct = g_build_filename (study, "ct", NULL);
  const char *const paths[] = { ct, NULL };
  SagWindow *window = sag_window_new (NULL, settings);

  gtk_window_present (GTK_WINDOW (window));
  sag_window_open (window, paths, NULL);
  wait_state (sag_window_get_opener (window), SAG_OPENER_READY, 60);
  return window;
}

/* Whether corrections are kept, of any series; NULL if not. */
static char *
find_edits (void)
{
  g_autofree char *notes = g_build_filename (g_get_user_data_dir (), "sagitta", "notes", NULL);
  GDir *dir = g_dir_open (notes, 0, NULL);
  const char *name;
  char *path = NULL;

  while (dir != NULL && path == NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_prefix (name, "edits-") && (g_str_has_suffix (name, ".nii.gz") || g_str_has_suffix (name, ".dcm")))
      path = g_build_filename (notes, name, NULL);
  g_clear_pointer (&dir, g_dir_close);
  return path;
}

static gboolean
has_edits (void)
{
  g_autofree char *path = find_edits ();

  return path != NULL;
}

/* In a process of its own, which does not end as programs do. */
static void
draw_and_die (void)
{
  const char *study = g_getenv ("SAG_TEST_STUDY");
  const double right[3] = { 1, 0, 0 }, down[3] = { 0, 1, 0 };
  g_autofree char *truth = g_build_filename (study, "truth", "truth.dcm", NULL);
  g_autoptr (GSettings) settings = fake_settings ();
  SagWindow *window;
  SagWorkspace *workspace;
  g_autoptr (SagMeasurement) line = sag_measurement_new (SAG_MEASURE_LENGTH, right, down);

  g_rmdir (folder);
  window = open_study (settings, study);
  workspace = sag_window_get_workspace (window);
  sag_measurement_add_point (line, (const double[]){ 0, 0, 0 });
  sag_measurement_add_point (line, (const double[]){ 30, 40, 0 });
  sag_measurements_add (sag_workspace_get_measurements (workspace), line);
  sag_opener_open_dropped (sag_window_get_opener (window), (const char *const[]) { truth, NULL });
  wait_results (workspace, 1);
  fake_wait (sag_result_is_complete (sag_workspace_get_result (workspace)));
  gtk_widget_activate_action (GTK_WIDGET (window), "win.correct", "s", "smooth");
  wait_results (workspace, 2);
  fake_wait (has_edits ()); /* the line was written before: one job after another */
  kill (getpid (), SIGKILL);
}

/* A program that was killed offers again what was measured and corrected. */
static void
test_killed (void)
{
  g_autofree char *study = g_build_filename (folder, "study", NULL);
  g_autoptr (GSettings) settings = fake_settings ();
  SagWindow *window;
  SagWorkspace *workspace;
  g_autoptr (SagMeasurement) line = NULL;
  GListModel *lines;
  char *old;

  while ((old = find_edits ()) != NULL) /* of the test before */
    {
      g_assert_cmpint (g_unlink (old), ==, 0);
      g_free (old);
    }
  g_setenv ("SAG_TEST_STUDY", study, TRUE);
  g_test_trap_subprocess ("/program/killed/subprocess/draws", 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_assert_false (g_test_trap_has_passed ());
  g_assert_true (has_edits ());

  window = open_study (settings, study);
  workspace = sag_window_get_workspace (window);
  lines = sag_measurements_get_items (sag_workspace_get_measurements (workspace));
  fake_wait (g_list_model_get_n_items (lines) == 1);
  line = g_list_model_get_item (lines, 0);
  g_assert_cmpfloat (sag_measurement_get_measured (line)->length, ==, 50);
  wait_results (workspace, 1);
  find_label (workspace, "Left lung");
  gtk_window_close (GTK_WINDOW (window));
  fake_settle ();
}

static void
sample_done (GObject      *source,
             GAsyncResult *result,
             gpointer      data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *made = sag_sample_make_finish (result, &error);

  *(char **) data = made != NULL ? g_steal_pointer (&made) : g_strdup (error->message);
}

/* A program that stands in for sagitta-cli: the real one takes seconds. */
static void
write_program (const char *path,
               const char *what)
{
  g_autofree char *text = g_strdup_printf ("#!/bin/sh\n%s\n", what);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  g_assert_cmpint (g_chmod (path, 0700), ==, 0);
}

static double sample_fraction;

static void
sample_moved (double   fraction,
              gpointer data)
{
  g_assert_cmpfloat (fraction, >=, sample_fraction);
  sample_fraction = fraction;
}

static char *
make_sample (GCancellable *cancellable)
{
  char *answer = NULL;

  sample_fraction = 0;
  sag_sample_make_async (cancellable, sample_moved, sample_done, &answer);
  while (answer == NULL)
    g_main_context_iteration (NULL, TRUE);
  return answer;
}

static gboolean
cancel_soon (gpointer data)
{
  g_cancellable_cancel (data);
  return G_SOURCE_REMOVE;
}

static void
test_sample (void)
{
  g_autofree char *cli = g_strdup (g_getenv ("SAGITTA_CLI"));
  g_autofree char *program = g_build_filename (folder, "cli", NULL);
  g_autofree char *cache = g_build_filename (g_get_user_cache_dir (), "sagitta", NULL);
  g_autofree char *part = g_build_filename (cache, "sample-" SAG_VERSION ".part", NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *answer = NULL;

  g_setenv ("SAGITTA_CLI", program, TRUE);
  write_program (program, "echo 'The disk is full.' >&2; mkdir -p \"$2/ct\"; exit 1");
  answer = make_sample (NULL);
  g_assert_nonnull (strstr (answer, "The disk is full."));
  g_assert_false (g_file_test (part, G_FILE_TEST_EXISTS));

  write_program (program, "mkdir -p \"$2/ct\"; exec sleep 60");
  g_timeout_add (100, cancel_soon, cancellable);
  g_free (answer);
  answer = make_sample (cancellable);
  g_assert_false (g_file_test (part, G_FILE_TEST_EXISTS));

  write_program (program, "set -e; [ \"$3\" = --progress ]; echo '7 %'; echo '42 %'; mkdir -p \"$2/ct\"; echo x > \"$2/ct/1.dcm\"");
  g_free (answer);
  answer = make_sample (NULL);
  g_assert_true (g_str_has_suffix (answer, "/ct"));
  g_assert_cmpfloat (sample_fraction, ==, 0.42);
  g_assert_true (g_file_test (answer, G_FILE_TEST_IS_DIR));

  /* Once made, it is not made again. */
  write_program (program, "exit 1");
  g_free (answer);
  answer = make_sample (NULL);
  g_assert_true (g_file_test (answer, G_FILE_TEST_IS_DIR));
  g_setenv ("SAGITTA_CLI", cli, TRUE);
}

static void
add_tests (void)
{
  g_test_add_func ("/program/whole-way", test_whole_way);
  g_test_add_func ("/program/killed", test_killed);
  g_test_add_func ("/program/killed/subprocess/draws", draw_and_die);
  g_test_add_func ("/program/sample", test_sample);
}

int
main (int    argc,
      char **argv)
{
  const char *const command[] = { g_getenv ("SAGITTA_CLI"), "worker", NULL };
  const SagLinkOptions options = { .argv = command };
  g_autofree char *remove = NULL;
  SagLink *link;
  int status;

  folder = g_dir_make_tmp ("sagitta-ui-XXXXXX", NULL);
  link = sag_link_install (&options);
  status = fake_main_without_jobs (argc, argv, add_tests);
  sag_link_remove (link);
  remove = g_strdup_printf ("rm -rf '%s'", folder);
  g_spawn_command_line_sync (remove, NULL, NULL, NULL, NULL);
  g_free (folder);
  return status;
}
