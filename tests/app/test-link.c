/* SPDX-License-Identifier: Apache-2.0
 *
 * test-link.c: child processes that behave, and that do not: the next job always works.
 */
#include "app/work/link.h"

#include "app/work/message.h"
#include "engine/base/sanitized.h"
#include "tests/app/fake-body.h"
#include "tests/app/job-runs.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT (SAG_SANITIZED ? 0 : 2ull << 30)

static SagLink *link_in_use;

static void
check_next (void)
{
  g_autoptr (JobRun) run = job_run (fake_job ("echo", FALSE), NULL);

  g_assert_no_error (run->error);
}

/* Reaped, at once or soon. */
static void
check_gone (int pid)
{
  while (kill (pid, 0) == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (errno, ==, ESRCH);
}

static int
count_descriptors (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  int n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
test_result (void)
{
  g_autoptr (JobRun) run = job_run (fake_job ("partials", TRUE), NULL);

  g_assert_no_error (run->error);
  g_assert_cmpstr (run->partials->str, ==, "step step step step step step step step step step ");
  g_assert_cmpint (sag_job_get_state (run->job), ==, SAG_JOB_STATE_DONE);
  g_assert_cmpint (sag_link_get_pid (link_in_use, SAG_JOB_LANE_COMPUTE), >, 0);
}

static void
test_failure (void)
{
  g_autoptr (JobRun) run = job_run (fake_job ("fail", FALSE), NULL);

  g_assert_error (run->error, SAG_JOB_ERROR, SAG_JOB_ERROR_FAILED);
  g_assert_cmpstr (run->error->message, ==, "No such luck");
}

static void
test_bulk (void)
{
  g_autoptr (JobRun) run = job_run (fake_job ("bulk", FALSE), NULL);
  g_autoptr (GVariant) bytes = NULL;

  g_assert_no_error (run->error);
  bytes = g_variant_lookup_value (run->result, "bytes", G_VARIANT_TYPE_BYTESTRING);
  g_assert_nonnull (bytes);
  g_assert_cmpuint (g_variant_get_size (bytes), ==, 1000000);
  g_assert_cmpint (((const char *) g_variant_get_data (bytes))[999999], ==, 'x');
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
}

/* Each way to misbehave, and what the sentence must contain. */
static void
test_fault (gconstpointer data)
{
  static const struct
  {
    const char *name;
    int         code;
    const char *says;
  } faults[] = {
    { "crash", SAG_JOB_ERROR_CRASHED, "Segmentation fault" },
    { "abort", SAG_JOB_ERROR_CRASHED, "Aborted" },
    { "exit", SAG_JOB_ERROR_CRASHED, "status 7" },
    { "eat", SAG_JOB_ERROR_CRASHED, "Aborted" },
    { "close", SAG_JOB_ERROR_CRASHED, "stopped" },
    { "garbage", SAG_JOB_ERROR_PROTOCOL, "makes no sense" },
  };

  if (LIMIT == 0 && strcmp ("eat", data) == 0)
    {
      g_test_skip ("memory is not limited in a sanitized build");
      return;
    }
  for (gsize n = 0; n < G_N_ELEMENTS (faults); n++)
    if (strcmp (faults[n].name, data) == 0)
      {
        g_autoptr (JobRun) run = job_run_start (fake_job (data, FALSE), NULL, NULL);
        g_autoptr (JobRun) behind = job_run_start (fake_job ("echo", FALSE), NULL, NULL);

        job_run_wait (run);
        g_assert_error (run->error, SAG_JOB_ERROR, faults[n].code);
        if (!SAG_SANITIZED)
          g_assert_nonnull (strstr (run->error->message, faults[n].says));
        g_assert_nonnull (strstr (run->error->message, faults[n].name)); /* the job's title */
        g_assert_null (strchr (run->error->message, '\n'));
        job_run_wait (behind);
        g_assert_no_error (behind->error);
        return;
      }
  g_assert_not_reached ();
}

static void
test_hang (void)
{
  g_autoptr (JobRun) run = job_run_start (fake_job ("hang", TRUE), NULL, NULL);
  g_autoptr (JobRun) next = NULL;
  int before;

  job_run_wait_partial (run, "waiting");
  before = sag_link_get_pid (link_in_use, SAG_JOB_LANE_COMPUTE);
  sag_job_cancel (run->job);
  job_run_wait (run);
  g_assert_error (run->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (sag_link_get_pid (link_in_use, SAG_JOB_LANE_COMPUTE), ==, 0);
  check_gone (before);
  next = job_run (fake_job ("echo", TRUE), NULL);
  g_assert_no_error (next->error);
}

/* One that stops when asked keeps its child, and with it the models it has loaded. */
static void
test_polite (void)
{
  g_autoptr (JobRun) run = job_run_start (fake_job ("wait", TRUE), NULL, NULL);
  int before;

  job_run_wait_partial (run, "waiting");
  before = sag_link_get_pid (link_in_use, SAG_JOB_LANE_COMPUTE);
  sag_job_cancel (run->job);
  job_run_wait (run);
  g_assert_error (run->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (sag_link_get_pid (link_in_use, SAG_JOB_LANE_COMPUTE), ==, before);
}

static void
test_queued (void)
{
  g_autoptr (JobRun) run = job_run_start (fake_job ("wait", TRUE), NULL, NULL);
  g_autoptr (JobRun) behind = job_run_start (fake_job ("echo", TRUE), NULL, NULL);

  job_run_wait_partial (run, "waiting");
  sag_job_cancel (behind->job);
  job_run_wait (behind);
  g_assert_error (behind->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (run->over);
  sag_job_cancel (run->job);
  job_run_wait (run);
}

static void
test_killed_while_idle (void)
{
  int before;

  check_next ();
  before = sag_link_get_pid (link_in_use, SAG_JOB_LANE_IO);
  g_assert_cmpint (before, >, 0);
  g_assert_cmpint (kill (before, SIGKILL), ==, 0);
  check_next ();
  g_assert_cmpint (sag_link_get_pid (link_in_use, SAG_JOB_LANE_IO), !=, before);
}

/* A worker killed in the middle by each signal that ends a process. */
static void
test_signals (void)
{
  static const int signals[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,
                                 SIGFPE,  SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM,
                                 SIGTERM, SIGXCPU, SIGSYS };

  for (gsize n = 0; n < G_N_ELEMENTS (signals); n++)
    {
      g_autoptr (JobRun) run = job_run_start (fake_job ("wait", FALSE), NULL, NULL);

      job_run_wait_partial (run, "waiting");
      g_assert_cmpint (kill (sag_link_get_pid (link_in_use, SAG_JOB_LANE_IO), signals[n]), ==, 0);
      job_run_wait (run);
      g_assert_error (run->error, SAG_JOB_ERROR, SAG_JOB_ERROR_CRASHED);
      if (!SAG_SANITIZED)
        g_assert_nonnull (strstr (run->error->message, strsignal (signals[n])));
    }
  check_next ();
}

static void
test_descriptors (void)
{
  int before, after;

  check_next ();
  before = count_descriptors ();
  for (int n = 0; n < 20; n++)
    {
      g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
      g_autoptr (JobRun) run = job_run (fake_job (n % 4 == 0 ? "crash" : "voxels", FALSE), workspace);

      g_assert_true ((run->error != NULL) == (n % 4 == 0));
    }
  check_next ();
  after = count_descriptors ();
  g_assert_cmpint (after, ==, before);
}

static void
test_no_worker (void)
{
  const char *const argv[] = { "/nonexistent/worker", NULL };
  const SagLinkOptions options = { .argv = argv };
  SagLink *broken = sag_link_install (&options);
  g_autoptr (JobRun) run = job_run (fake_job ("echo", FALSE), NULL);

  g_assert_error (run->error, SAG_JOB_ERROR, SAG_JOB_ERROR_START);
  sag_link_remove (broken);
}

/* The link goes while jobs are under way: they end, and nothing is left running. */
static void
test_remove (const SagLinkOptions *options)
{
  SagLink *other = sag_link_install (options);
  g_autoptr (JobRun) run = job_run_start (fake_job ("hang", FALSE), NULL, NULL);
  g_autoptr (JobRun) behind = job_run_start (fake_job ("echo", FALSE), NULL, NULL);
  int pid;

  job_run_wait_partial (run, "waiting");
  pid = sag_link_get_pid (other, SAG_JOB_LANE_IO);
  sag_link_remove (other);
  job_run_wait (run);
  job_run_wait (behind);
  g_assert_error (run->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_error (behind->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  check_gone (pid);
}

/* What a hostile worker could put on the wire. */
static void
test_wire (void)
{
  static const guint8 header[] = { 0x31, 0x47, 0x41, 0x53, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0 };
  guint8 packet[64];
  int sockets[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET, 0, sockets), ==, 0);
  for (int round = 0; round < 2000; round++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (SagMessage) message = NULL;
      gsize length = (gsize) g_test_rand_int_range (1, sizeof packet);

      for (gsize n = 0; n < sizeof packet; n++)
        packet[n] = (guint8) g_test_rand_int_range (0, 256);
      if (round % 4 != 0)
        {
          memcpy (packet, header, sizeof header);
          length = MAX (length, sizeof header);
          packet[8] = (guint8) (length - sizeof header);
          if (round % 4 == 2)
            packet[4] = (guint8) g_test_rand_int_range (0, 3);
        }
      g_assert_cmpint (send (sockets[0], packet, length, 0), ==, (gssize) length);
      message = sag_message_receive (sockets[1], FALSE, &error);
      g_assert_true ((message == NULL) == (error != NULL));
    }
  close (sockets[0]);
  close (sockets[1]);
}

static void
test_message (void)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (SagMessage) message = NULL;
  int sockets[2];
  GVariantDict dict;

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET, 0, sockets), ==, 0);
  g_unix_fd_list_append (fds, sockets[0], &error);
  g_unix_fd_list_append (fds, sockets[1], &error);
  g_assert_no_error (error);
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "a", "s", "b");
  g_assert_true (
      sag_message_send (sockets[0], 42, "name", g_variant_dict_end (&dict), fds, FALSE, &error));
  message = sag_message_receive (sockets[1], FALSE, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (message->serial, ==, 42);
  g_assert_cmpstr (message->name, ==, "name");
  g_assert_cmpint (g_unix_fd_list_get_length (message->fds), ==, 2);
  g_assert_null (sag_message_receive (sockets[1], FALSE, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  close (sockets[0]);
  close (sockets[1]);
}

int
main (int argc, char **argv)
{
  static const char *const faults[] = { "crash", "abort", "exit", "eat", "close", "garbage" };
  const char *worker[] = { NULL, NULL };
  SagLinkOptions options = { .argv = worker, .n_threads = 1, .address_space_bytes = { LIMIT, LIMIT } };
  int status;

  /* A shell that begins the tests in the background ignores some, and who is begun inherits that. */
  for (int number = 1; number < NSIG; number++)
    signal (number, SIG_DFL);
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  worker[0] = argv[1];
  test_remove (&options);
  link_in_use = sag_link_install (&options);
  g_test_add_func ("/link/message", test_message);
  g_test_add_func ("/link/wire", test_wire);
  g_test_add_func ("/link/result", test_result);
  g_test_add_func ("/link/failure", test_failure);
  g_test_add_func ("/link/bulk", test_bulk);
  g_test_add_func ("/link/voxels", test_voxels);
  for (gsize n = 0; n < G_N_ELEMENTS (faults); n++)
    {
      g_autofree char *path = g_strdup_printf ("/link/fault/%s", faults[n]);

      g_test_add_data_func (path, faults[n], test_fault);
    }
  g_test_add_func ("/link/hang", test_hang);
  g_test_add_func ("/link/polite", test_polite);
  g_test_add_func ("/link/queued", test_queued);
  g_test_add_func ("/link/thumbnails-wait", fake_check_order);
  g_test_add_func ("/link/killed-while-idle", test_killed_while_idle);
  g_test_add_func ("/link/signals", test_signals);
  g_test_add_func ("/link/descriptors", test_descriptors);
  status = g_test_run ();
  sag_link_remove (link_in_use);
  test_no_worker ();
  return status;
}
