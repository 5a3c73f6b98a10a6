/* SPDX-License-Identifier: Apache-2.0
 *
 * contain.h: what a process that does foreign work gives up, for good.
 *
 * Files and models come from elsewhere, and so may their faults. A process that has called these can
 * still compute, read what was named and answer over the descriptors it has; it cannot reach a network,
 * start a program, look into other processes, or touch other files. What this kernel does not know
 * is said once in the log, in words, and done without.
 *
 * Call them on the main thread before there is another: threads inherit what their creator gave up. */
#pragma once

#include <glib.h>

/* No core files (patients' data stay out of them), no new privileges by starting other programs
 * (prctl(2), PR_SET_NO_NEW_PRIVS), and at most `address_space_bytes` of address space (setrlimit(2),
 * RLIMIT_AS; 0: as before). */
void     sag_contain_process (guint64            address_space_bytes);

/* Ends with `parent`, at once if it has ended already. */
void     sag_contain_to_parent (int              parent);

/* System calls that make a network connection, a process or another's memory reachable answer EPERM from now on
 * (seccomp(2)). Needs sag_contain_process() first. FALSE, having said so in the log, if the kernel has no
 * filters. */
gboolean sag_contain_calls   (void);

/* Only files at or below `readable` can be read, and only below `writable` made, changed and removed too, besides
 * what any program needs to run: system folders, and those of /dev, /proc/self that hold no data
 * (Landlock, landlock(7)). Paths that do not exist are left out. NULL-terminated, or NULL for none.
 * Descriptors that are open stay so. Needs sag_contain_process() first. FALSE, having said so in the
 * log, if the kernel has no Landlock. */
gboolean sag_contain_files   (const char *const *readable,
                              const char *const *writable);

/* From now on at most `bytes` more than now, and what a team of `n_threads` and small things take on top; 0: as
 * much as sag_contain_process() left. May be called again and again. */
void     sag_contain_memory  (guint64            bytes,
                              int                n_threads);
