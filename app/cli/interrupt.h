/* SPDX-License-Identifier: Apache-2.0
 *
 * interrupt.h: a command that is told to end (SIGINT, SIGTERM, SIGHUP) takes what it had begun with it.
 *
 * Nothing half-made is left, and the command dies of the signal, so that a shell sees 128 and its number, and a loop in
 * a script ends too. What the user asked to be ignored (nohup) is.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* From now on. Call before other threads are started, and in a child that goes on working, once it is contained. */
void     sag_interrupt_open      (void);

/* In a child that was just forked: the signals end it at once, as they do any program. */
void     sag_interrupt_close     (void);

/* fork() of a child that does the work, which is told instead of this program; in it the signals are as after
 * sag_interrupt_close(). */
pid_t    sag_interrupt_fork      (void);

/* Such a child died of signal `number`: if it was told to, so does this program. */
void     sag_interrupt_follow    (int number);

/* TRUE while it ends: what fails now is no news. [any thread] */
gboolean sag_interrupt_is_ending (void);

/* Returns unless it ends: an end of one's own, with what was lost to that, does not come first. */
void     sag_interrupt_settle    (void);
