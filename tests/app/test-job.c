/* SPDX-License-Identifier: Apache-2.0
 *
 * test-job.c: the life of a job, on threads.
 */
#include "tests/app/fake-body.h"
#include "tests/app/job-runs.h"

static void
test_result (void)
{
  g_autoptr (JobRun) run = job_run_start (fake_job ("echo", FALSE), NULL, NULL);
  const char *text;

  g_assert_cmpint (sag_job_get_state (run->job), ==, SAG_JOB_STATE_WAITING);
  g_assert_true (sag_job_is_active (run->job));
  job_run_wait (run);
  g_assert_no_error (run->error);
  g_assert_true (g_variant_lookup (run->result, "echo", "&s", &text));
  g_assert_cmpstr (text, ==, "echo");
  g_assert_cmpint (sag_job_get_state (run->job), ==, SAG_JOB_STATE_DONE);
  g_assert_cmpfloat (sag_job_get_fraction (run->job), ==, 1.0);
  g_assert_cmpstr (sag_job_get_title (run->job), ==, "Opening echo");
}

static void
count (GObject *object, GParamSpec *pspec, gpointer data)
{
  *(int *) data += 1;
}

static void
test_partials (void)
{
  g_autoptr (JobRun) run = job_run_start (fake_job ("partials", TRUE), NULL, NULL);
  int fractions = 0, messages = 0;

  g_signal_connect (run->job, "notify::fraction", G_CALLBACK (count), &fractions);
  g_signal_connect (run->job, "notify::message", G_CALLBACK (count), &messages);
  job_run_wait (run);
  g_assert_no_error (run->error);
  g_assert_cmpstr (run->partials->str, ==, "step step step step step step step step step step ");
  g_assert_cmpint (fractions, ==, 2); /* 0.5 and 1 */
  g_assert_cmpint (messages, ==, 1);
  g_assert_cmpstr (sag_job_get_message (run->job), ==, "half-way");
}

static void
test_failure (void)
{
  g_autoptr (JobRun) run = job_run (fake_job ("fail", FALSE), NULL);

  g_assert_error (run->error, SAG_JOB_ERROR, SAG_JOB_ERROR_FAILED);
  g_assert_cmpstr (run->error->message, ==, "No such luck");
  g_assert_null (run->result);
  g_assert_cmpint (sag_job_get_state (run->job), ==, SAG_JOB_STATE_FAILED);
}

static void
test_cancel (void)
{
  g_autoptr (JobRun) run = job_run_start (fake_job ("wait", FALSE), NULL, NULL);

  job_run_wait_partial (run, "waiting");
  sag_job_cancel (run->job);
  g_assert_cmpint (sag_job_get_state (run->job), ==, SAG_JOB_STATE_CANCELLED);
  sag_job_cancel (run->job);
  job_run_wait (run);
  g_assert_error (run->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_cancellable (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (JobRun) run = job_run_start (fake_job ("wait", FALSE), NULL, cancellable);
  g_autoptr (JobRun) late = NULL;

  job_run_wait_partial (run, "waiting");
  g_cancellable_cancel (cancellable);
  job_run_wait (run);
  g_assert_error (run->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  late = job_run_wait (job_run_start (fake_job ("wait", FALSE), NULL, cancellable));
  g_assert_error (late->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpstr (late->partials->str, ==, "");
}

/* A cancelled job tells nothing of what was already on its way. */
static void
test_silence (void)
{
  g_autoptr (JobRun) run = job_run_start (fake_job ("partials", FALSE), NULL, NULL);
  g_autoptr (JobRun) next = NULL;

  sag_job_cancel (run->job);
  job_run_wait (run);
  g_assert_error (run->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpstr (run->partials->str, ==, "");
  next = job_run (fake_job ("echo", FALSE), NULL);
  g_assert_no_error (next->error);
}

static void
test_lanes (void)
{
  g_autoptr (JobRun) waiting = job_run_start (fake_job ("wait", TRUE), NULL, NULL);
  g_autoptr (JobRun) behind = job_run_start (fake_job ("echo", TRUE), NULL, NULL);
  g_autoptr (JobRun) beside = job_run (fake_job ("echo", FALSE), NULL);

  g_assert_no_error (beside->error);
  g_assert_false (waiting->over);
  g_assert_false (behind->over);
  g_assert_cmpint (sag_job_get_state (behind->job), ==, SAG_JOB_STATE_WAITING);
  job_run_wait_partial (waiting, "waiting");
  sag_job_cancel (waiting->job);
  job_run_wait (behind);
  g_assert_no_error (behind->error);
  g_assert_true (waiting->over);
}

static void
test_voxels (void)
{
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (JobRun) run = job_run (fake_job ("voxels", FALSE), workspace);
  SagVolume *volume = sag_workspace_get_volume (workspace);

  g_assert_no_error (run->error);
  g_assert_no_error (run->refused);
  g_assert_nonnull (volume);
  g_assert_cmpint (sag_volume_get_n_ready (volume), ==, 6);
  g_assert_cmpfloat (sag_volume_get_value (volume, 3, 2, 5), ==, 500 + 11 - 1024);
  g_assert_cmpstr (sag_volume_get_unit (volume), ==, "HU");
}

static void
test_lie (void)
{
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (JobRun) run = job_run (fake_job ("short", FALSE), workspace);

  g_assert_no_error (run->error);
  g_assert_nonnull (run->refused);
  g_assert_null (sag_workspace_get_volume (workspace));
}

static void
test_no_runner (void)
{
  g_autoptr (JobRun) run = NULL;

  sag_runner_inline_remove ();
  run = job_run (fake_job ("echo", FALSE), NULL);
  g_assert_error (run->error, SAG_JOB_ERROR, SAG_JOB_ERROR_START);
  sag_runner_inline_install (fake_body (), 1);
}

static void
test_kinds (void)
{
  for (int n = 0; n < SAG_N_JOB_KINDS; n++)
    {
      SagJobKind kind = SAG_N_JOB_KINDS;

      g_assert_true (sag_job_kind_from_name (sag_job_kind_get_name ((SagJobKind) n), &kind));
      g_assert_cmpint (kind, ==, n);
    }
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  sag_runner_inline_install (fake_body (), 1);
  g_test_add_func ("/job/result", test_result);
  g_test_add_func ("/job/partials", test_partials);
  g_test_add_func ("/job/failure", test_failure);
  g_test_add_func ("/job/cancel", test_cancel);
  g_test_add_func ("/job/cancellable", test_cancellable);
  g_test_add_func ("/job/silence-after-cancel", test_silence);
  g_test_add_func ("/job/lanes", test_lanes);
  g_test_add_func ("/job/thumbnails-wait", fake_check_order);
  g_test_add_func ("/job/voxels", test_voxels);
  g_test_add_func ("/job/voxels-that-lie", test_lie);
  g_test_add_func ("/job/no-runner", test_no_runner);
  g_test_add_func ("/job/kinds", test_kinds);
  status = g_test_run ();
  sag_runner_inline_remove ();
  return status;
}
