/* SPDX-License-Identifier: Apache-2.0
 *
 * save.h: a file that appears whole or not at all.
 *
 * Write beside, fsync, rename: until sag_save_commit() the old file, if any, stays as it is, also when
 * the disk fills up or the process is killed.
 */
#pragma once

#include <glib.h>
#include <stdio.h>

typedef struct _SagSave SagSave;

/* Begins writing `path` (its folder must exist). NULL with a G_FILE_ERROR that names the path and the
 * system's reason. [any thread] */
SagSave    *sag_save_new      (const char *path,
                               GError    **error);

/* The stream to write to, and the temporary file's name for writers that want one (flush or close nothing:
 * commit does); borrowed. */
FILE       *sag_save_get_file (SagSave    *self);
const char *sag_save_get_path (SagSave    *self);

/* Flushes, fsyncs, renames and syncs the folder; frees in any case. FALSE with an error, and nothing left
 * beside, if a write failed at any time (disk full). */
gboolean    sag_save_commit   (SagSave    *self,
                               GError    **error);

/* Gives up: removes the temporary file; frees. NULL is allowed. */
void        sag_save_abort    (SagSave    *self);

/* All of it for bytes in memory. */
gboolean    sag_save_bytes    (const char *path,
                               const void *data,
                               gsize       size,
                               GError    **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagSave, sag_save_abort)
