/* SPDX-License-Identifier: Apache-2.0
 *
 * contain.c: what a process that does foreign work gives up, for good.
 */
#include "app/work/contain.h"

#include "engine/base/sanitized.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a thread may take of the address space beside its data: its stack, and an arena of the C library's
 * allocator, which is twice its 64 MB while it is being aligned. */
#define THREAD_BYTES ((8 + 128) * G_GUINT64_CONSTANT (1048576))
#define SMALL_THINGS_BYTES (256 * G_GUINT64_CONSTANT (1048576))

static void
limit (int resource, guint64 value)
{
  struct rlimit limits;

  if (getrlimit (resource, &limits) != 0)
    return;
  limits.rlim_cur = limits.rlim_max == RLIM_INFINITY ? value : MIN (value, limits.rlim_max);
  limits.rlim_max = limits.rlim_cur;
  setrlimit (resource, &limits);
}

void
sag_contain_process (guint64 address_space_bytes)
{
  prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  /* A limit of 1 byte also stops handlers that are piped to, which a limit of 0 does not (core(5)). */
  limit (RLIMIT_CORE, 1);
  if (address_space_bytes > 0 && !SAG_SANITIZED)
    limit (RLIMIT_AS, address_space_bytes);
}

void
sag_contain_to_parent (int parent)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  if (getppid () != parent) /* it died before we asked */
    _exit (1);
}

void
sag_contain_memory (guint64 bytes, int n_threads)
{
  struct rlimit limits;
  unsigned long pages = 0;
  FILE *file;

  if (getrlimit (RLIMIT_AS, &limits) != 0)
    return;
  limits.rlim_cur = limits.rlim_max;
  file = bytes > 0 ? fopen ("/proc/self/statm", "re") : NULL;
  if (file != NULL && fscanf (file, "%lu", &pages) == 1)
    {
      guint64 now = (guint64) pages * (guint64) sysconf (_SC_PAGESIZE);
      guint64 more = (guint64) MAX (n_threads, 1) * THREAD_BYTES + SMALL_THINGS_BYTES;

      if (bytes < G_MAXUINT64 - now - more
          && (limits.rlim_max == RLIM_INFINITY || now + bytes + more < limits.rlim_max))
        limits.rlim_cur = now + bytes + more;
    }
  if (file != NULL)
    fclose (file);
  setrlimit (RLIMIT_AS, &limits);
}

/* --- system calls --------------------------------------------------------------------------- */

static const int refused[] = {
  /* a network */
  SCMP_SYS (socket), SCMP_SYS (connect), SCMP_SYS (bind), SCMP_SYS (listen), SCMP_SYS (accept),
  SCMP_SYS (accept4),
  /* a process, or another one's memory and files */
  SCMP_SYS (execve), SCMP_SYS (execveat), SCMP_SYS (fork), SCMP_SYS (vfork), SCMP_SYS (ptrace),
  SCMP_SYS (process_vm_readv), SCMP_SYS (process_vm_writev), SCMP_SYS (pidfd_open),
  SCMP_SYS (pidfd_getfd), SCMP_SYS (pidfd_send_signal), SCMP_SYS (kcmp),
  /* parts of the kernel that no reader and no network needs, and faults of which have been ways out */
  SCMP_SYS (io_uring_setup), SCMP_SYS (io_uring_enter), SCMP_SYS (io_uring_register), SCMP_SYS (bpf),
  SCMP_SYS (perf_event_open), SCMP_SYS (userfaultfd), SCMP_SYS (keyctl), SCMP_SYS (add_key),
  SCMP_SYS (request_key), SCMP_SYS (unshare), SCMP_SYS (setns), SCMP_SYS (mount), SCMP_SYS (umount2),
  SCMP_SYS (pivot_root), SCMP_SYS (chroot), SCMP_SYS (open_by_handle_at), SCMP_SYS (init_module),
  SCMP_SYS (finit_module), SCMP_SYS (delete_module), SCMP_SYS (kexec_load), SCMP_SYS (reboot),
  SCMP_SYS (swapon), SCMP_SYS (swapoff), SCMP_SYS (acct), SCMP_SYS (quotactl), SCMP_SYS (settimeofday),
  SCMP_SYS (clock_settime), SCMP_SYS (sethostname), SCMP_SYS (setdomainname),
};

#if SAG_SANITIZED
/* LeakSanitizer searches at the end from a process of its own, and fails where there can be none: it asks this
 * first (lsan_interface.h). */
static int contained;

__attribute__ ((visibility ("default"))) int __lsan_is_turned_off (void);

int
__lsan_is_turned_off (void)
{
  return contained;
}
#endif

gboolean
sag_contain_calls (void)
{
  scmp_filter_ctx filter = seccomp_init (SCMP_ACT_ALLOW);
  scmp_datum_t self = (scmp_datum_t) getpid ();
  const guint32 no = SCMP_ACT_ERRNO (EPERM);
  int status = filter == NULL ? -ENOMEM : 0;

  for (gsize n = 0; n < G_N_ELEMENTS (refused) && status == 0; n++)
    status = seccomp_rule_add (filter, no, refused[n], 0);
  /* A thread is a clone that shares; clone3 hides its flags in memory, and the C library does
   * without it if it is told that there is none. */
  if (status == 0)
    status = seccomp_rule_add (filter, no, SCMP_SYS (clone), 1,
                               SCMP_A0 (SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
  if (status == 0)
    status = seccomp_rule_add (filter, SCMP_ACT_ERRNO (ENOSYS), SCMP_SYS (clone3), 0);
  /* Signals to itself only: abort() needs them. */
  if (status == 0)
    status = seccomp_rule_add (filter, no, SCMP_SYS (kill), 1, SCMP_A0 (SCMP_CMP_NE, self));
  if (status == 0)
    status = seccomp_rule_add (filter, no, SCMP_SYS (tgkill), 1, SCMP_A0 (SCMP_CMP_NE, self));
  if (status == 0)
    status = seccomp_rule_add (filter, no, SCMP_SYS (tkill), 0);
  if (status == 0)
    status = seccomp_load (filter);
  seccomp_release (filter);
#if SAG_SANITIZED
  contained = status == 0;
#endif
  if (status != 0)
    g_message ("This system does not filter system calls (%s): foreign files and models are handled "
               "without that protection",
               g_strerror (-status));
  return status == 0;
}

/* --- files ---------------------------------------------------------------------------------- */

/* The header of the oldest system we build on ends before these (landlock(7)). */
#define ACCESS_TRUNCATE (1ull << 14)  /* since version 3 */
#define ACCESS_IOCTL_DEV (1ull << 15) /* since version 5 */
#define NET_BIND_AND_CONNECT 3ull     /* since version 4 */
#define SCOPE_SOCKETS_AND_SIGNALS 3ull /* since version 6 */

typedef struct
{
  guint64 handled_access_fs;
  guint64 handled_access_net;
  guint64 scoped;
} RulesetAttr;

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE                                                                                     \
  (READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR \
   | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REFER    \
   | ACCESS_TRUNCATE)
#define OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE)

/* What a program reads that only runs; no data of a person. */
static const char *const system_paths[] = {
  "/usr", "/lib", "/lib64", "/lib32", "/etc/ld.so.cache", "/etc/localtime", "/etc/passwd",
  "/etc/nsswitch.conf", "/etc/dcmtk", "/sys/devices/system", "/sys/fs/cgroup", "/proc/self", "/proc/cpuinfo",
  "/proc/meminfo", "/proc/stat", "/proc/sys/vm", "/dev/urandom", "/dev/random", "/dev/zero", NULL,
};
static const char *const sinks[] = { "/dev/null", NULL };

static gboolean
allow (int ruleset, const char *const *paths, guint64 access, guint64 handled)
{
  for (; paths != NULL && *paths != NULL; paths++)
    {
      struct landlock_path_beneath_attr rule = { .parent_fd = open (*paths, O_PATH | O_CLOEXEC) };
      struct stat info;
      long status = 0;

      if (rule.parent_fd < 0)
        continue;
      rule.allowed_access = access & handled;
      if (fstat (rule.parent_fd, &info) == 0 && !S_ISDIR (info.st_mode))
        rule.allowed_access &= OF_FILES;
      status = syscall (SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
      close (rule.parent_fd);
      if (status != 0)
        return FALSE;
    }
  return TRUE;
}

gboolean
sag_contain_files (const char *const *readable, const char *const *writable)
{
  long version = syscall (SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  RulesetAttr attr = { .handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1 };
  gsize size = sizeof attr.handled_access_fs;
  gboolean good = FALSE;
  int ruleset = -1;

  if (version >= 2)
    attr.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3)
    attr.handled_access_fs |= ACCESS_TRUNCATE;
  if (version >= 4)
    {
      attr.handled_access_net = NET_BIND_AND_CONNECT;
      size += sizeof attr.handled_access_net;
    }
  if (version >= 5)
    attr.handled_access_fs |= ACCESS_IOCTL_DEV;
  if (version >= 6)
    {
      attr.scoped = SCOPE_SOCKETS_AND_SIGNALS;
      size += sizeof attr.scoped;
    }
  if (version >= 1)
    ruleset = (int) syscall (SYS_landlock_create_ruleset, &attr, size, 0);
  if (ruleset >= 0)
    {
      guint64 all = attr.handled_access_fs;

      good = allow (ruleset, system_paths, READ, all) && allow (ruleset, sinks, OF_FILES, all)
             && allow (ruleset, readable, READ, all) && allow (ruleset, writable, WRITE, all)
             && syscall (SYS_landlock_restrict_self, ruleset, 0) == 0;
    }
  if (!good)
    g_message ("This system does not limit programs to files (Landlock: %s): foreign files and models are "
               "handled without that protection",
               g_strerror (errno));
  if (ruleset >= 0)
    close (ruleset);
  return good;
}
