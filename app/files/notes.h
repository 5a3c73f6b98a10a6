/* SPDX-License-Identifier: Apache-2.0
 *
 * notes.h: what a person adds to series, kept in one SQLite file: measurements, reviews. A note is a text of
 * a kind on a series. Every call opens and closes the file; it is durable when the call returns.
 */
#pragma once

#include <glib.h>

/* Keeps `text` in the database `path` in place of what was kept for `series` and `kind`; "" forgets it. The
 * file is made if need be, readable by its owner only. SAG_ENGINE_ERROR_IO names the file. [any thread] */
gboolean sag_notes_put (const char *path,
                        const char *series,
                        const char *kind,
                        const char *text,
                        GError    **error);

/* What is kept, new string: "" if nothing, or if there is no file yet. NULL with SAG_ENGINE_ERROR_IO. */
char    *sag_notes_get (const char *path,
                        const char *series,
                        const char *kind,
                        GError    **error);
