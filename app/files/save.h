/* SPDX-License-Identifier: Apache-2.0
 *
 * save.h: a file is written whole or not at all.
 *
 * Write to the name that sag_save_begin() gives, beside the target; then sag_save_finish() brings
 * it to the disk and renames it, or sag_save_abort() removes it. Whatever happens, the target is
 * either what it was or complete. For content in memory, g_file_set_contents_full() with CONSISTENT
 * and DURABLE does the same.
 */
#pragma once

#include <glib.h>

/* Makes an empty file beside `path` and returns its name (caller frees after finish or abort), or
 * NULL with SAG_ENGINE_ERROR_IO. */
char    *sag_save_begin  (const char *path,
                          GError    **error);

/* fsync, rename to `path`, fsync of the folder. On failure the temporary file is removed: IO. */
gboolean sag_save_finish (const char *temporary,
                          const char *path,
                          GError    **error);
void     sag_save_abort  (const char *temporary);
