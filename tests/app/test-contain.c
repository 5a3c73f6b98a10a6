/* SPDX-License-Identifier: Apache-2.0
 *
 * test-contain.c: what a contained process can still do, and what it cannot.
 *
 * Containing is for good, so each test does it in a process of its own.
 */
#include "app/work/contain.h"

#include "engine/base/sanitized.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The library says what it can not do; that is no failure of the test. */
static gboolean
not_fatal (const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
  return FALSE;
}

static gboolean
in_child (void)
{
  if (g_test_subprocess ())
    return TRUE;
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();
  return FALSE;
}

static gpointer
thread_main (gpointer data)
{
  return data;
}

static void
test_process (void)
{
  struct rlimit limits;

  if (!in_child ())
    return;
  sag_contain_process (0);
  g_assert_cmpint (getrlimit (RLIMIT_CORE, &limits), ==, 0);
  g_assert_cmpuint (limits.rlim_max, <=, 1);
  g_assert_cmpint (prctl (PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), ==, 1);
}

static void
test_calls (void)
{
  char *const argv[] = { (char *) "true", NULL };
  pthread_t thread;
  void *got = NULL;
  int mark = 0;
  int sockets[2];

  if (!in_child ())
    return;
  g_test_log_set_fatal_handler (not_fatal, NULL);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET, 0, sockets), ==, 0);
  sag_contain_process (0);
  g_assert_true (sag_contain_calls ());

  g_assert_cmpint (socket (AF_INET, SOCK_STREAM, 0), ==, -1);
  g_assert_cmpint (errno, ==, EPERM);
  g_assert_cmpint (socket (AF_UNIX, SOCK_STREAM, 0), ==, -1);
  g_assert_cmpint (fork (), ==, -1);
  g_assert_cmpint (errno, ==, EPERM);
  g_assert_cmpint (execv ("/bin/true", argv), ==, -1);
  g_assert_cmpint (errno, ==, EPERM);
  g_assert_cmpint (kill (getppid (), 0), ==, -1);
  g_assert_cmpint (errno, ==, EPERM);
  g_assert_cmpint (system ("true"), !=, 0);

  /* What work needs still works: threads, the socket that is there, shared memory, signals to itself. */
  g_assert_cmpint (pthread_create (&thread, NULL, thread_main, &mark), ==, 0);
  g_assert_cmpint (pthread_join (thread, &got), ==, 0);
  g_assert_true (got == &mark);
  g_assert_cmpint (send (sockets[0], "x", 1, 0), ==, 1);
  g_assert_cmpint (memfd_create ("test", MFD_CLOEXEC), >=, 0);
  g_assert_cmpint (kill (getpid (), 0), ==, 0);
}

/* abort() still ends the process by its own signal, so that the reason stays legible. */
static void
test_abort (void)
{
  if (g_test_subprocess ())
    {
      g_test_log_set_fatal_handler (not_fatal, NULL);
      sag_contain_process (0);
      sag_contain_calls ();
      abort ();
    }
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_failed ();
}

static void
check_open (const char *folder, const char *name, int flags, int expected)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  int fd = open (path, flags, 0600);

  if (expected == 0)
    g_assert_cmpint (fd, >=, 0);
  else
    {
      g_assert_cmpint (fd, ==, -1);
      g_assert_cmpint (errno, ==, expected);
    }
  if (fd >= 0)
    close (fd);
}

static void
test_files (void)
{
  g_autofree char *top = g_dir_make_tmp ("sagitta-contain-XXXXXX", NULL);
  g_autofree char *in = g_build_filename (top, "in", NULL), *out = g_build_filename (top, "out", NULL);
  g_autofree char *one = g_build_filename (top, "one.dcm", NULL), *two = g_build_filename (top, "two.dcm", NULL);
  g_autofree char *child = g_build_filename (in, "a.dcm", NULL);
  g_autofree char *from = g_build_filename (out, "new", NULL), *to = g_build_filename (out, "kept", NULL);
  const char *const readable[] = { in, one, "/nonexistent", NULL };
  const char *const writable[] = { out, NULL };

  g_assert_cmpint (g_mkdir (in, 0700), ==, 0);
  g_assert_cmpint (g_mkdir (out, 0700), ==, 0);
  g_assert_true (g_file_set_contents (one, "1", 1, NULL) && g_file_set_contents (two, "2", 1, NULL)
                 && g_file_set_contents (child, "a", 1, NULL));
  if (!g_test_subprocess ())
    {
      /* The child makes folders of its own. */
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
    }
  else
    {
      g_test_log_set_fatal_handler (not_fatal, NULL);
      sag_contain_process (0);
      if (!sag_contain_files (readable, writable))
        {
          g_test_skip ("this kernel has no Landlock");
          return;
        }
      check_open (in, "a.dcm", O_RDONLY, 0);
      check_open (top, "one.dcm", O_RDONLY, 0);
      check_open (top, "two.dcm", O_RDONLY, EACCES);
      check_open (in, "a.dcm", O_WRONLY, EACCES);
      check_open (in, "b.dcm", O_WRONLY | O_CREAT, EACCES);
      check_open (top, "b.dcm", O_WRONLY | O_CREAT, EACCES);
      check_open ("/etc", "shadow", O_RDONLY, EACCES);
      check_open ("/root", ".", O_RDONLY, EACCES);
      check_open ("/usr", "bin", O_RDONLY, 0);
      check_open (out, "new", O_WRONLY | O_CREAT | O_TRUNC, 0);
      g_assert_cmpint (rename (from, to), ==, 0);
      check_open (out, "kept", O_RDONLY, 0);
      g_assert_cmpint (unlink (child), ==, -1);
      g_assert_cmpint (unlink (to), ==, 0);
      return; /* it cannot tidy up */
    }
  g_unlink (child);
  g_unlink (one);
  g_unlink (two);
  g_rmdir (in);
  g_rmdir (out);
  g_rmdir (top);
}

/* A sanitized program has terabytes of address space already. */
#if !SAG_SANITIZED
static gpointer
take (gsize bytes)
{
  gpointer memory = mmap (NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  return memory == MAP_FAILED ? NULL : memory;
}

static void
test_memory (void)
{
  const gsize GB = (gsize) 1 << 30;
  gpointer memory;

  if (!in_child ())
    return;
  sag_contain_process (64 * (guint64) GB);
  sag_contain_memory (GB, 1);
  memory = take (GB); /* what was promised */
  g_assert_nonnull (memory);
  g_assert_null (take (GB));
  sag_contain_memory (0, 1); /* no promise any more */
  g_assert_nonnull (take (4 * GB));
  g_assert_null (take (100 * GB));
  munmap (memory, GB);
}
#endif

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/contain/process", test_process);
  g_test_add_func ("/contain/calls", test_calls);
  g_test_add_func ("/contain/abort", test_abort);
  g_test_add_func ("/contain/files", test_files);
#if !SAG_SANITIZED
  g_test_add_func ("/contain/memory", test_memory);
#endif
  return g_test_run ();
}
