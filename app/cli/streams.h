/* SPDX-License-Identifier: Apache-2.0
 *
 * streams.h: what a command prints arrives as it is, or the command fails.
 */
#pragma once

#include <glib.h>

/* Once, at the start. g_print() and g_printerr() write UTF-8 in every locale (JSON is UTF-8: RFC 8259, section 8.1),
 * without the control characters that a name in a file could send to a terminal. An answer that cannot be written
 * (a full disk, a closed descriptor) is one sentence and exit status 1; a reader that has seen enough (| head) is
 * status 1 without a word. Standard descriptors that the caller closed are taken, so that no file gets their numbers
 * and no answer gets into a file. [main thread, before any other] */
void     sag_streams_open  (void);

/* At the end, which exit() does by itself: `status`; 1, and the sentence, if an answer was lost. [main thread] */
int      sag_streams_close (int      status);

/* No argument, nor what follows a '=' in one, is a pipe or a device: they are neither waited for nor written over.
 * INVALID. [any thread] */
gboolean sag_streams_check (int      argc,
                            char   **argv,
                            GError **error);
