/* SPDX-License-Identifier: Apache-2.0
 *
 * save.h: a file is written whole or not at all.
 *
 * Write to the name that a SagSave gives, which is no name in the target's folder yet; then
 * sag_save_finish() brings it to the disk and gives it its own, or sag_save_abort() drops it. Whatever
 * happens, the target is either what it was or complete. A program that is killed leaves nothing
 * (open(2): O_TMPFILE) or, where the file system has no files without a name, a file called
 * SAG_SAVE_PARTIAL*, which the next save into that folder removes.
 */
#pragma once

#include <glib.h>

#define SAG_SAVE_PARTIAL ".sagitta-partial-"

typedef struct _SagSave SagSave;

/* An empty file for what shall be `path`, or NULL with SAG_ENGINE_ERROR_IO. */
SagSave    *sag_save_begin    (const char    *path,
                               GError       **error);

/* Where to write: to be opened, never renamed. Borrowed. */
const char *sag_save_get_name (const SagSave *self);

/* The next bytes of it, for who does not open the name. */
gboolean    sag_save_write    (SagSave       *self,
                               gconstpointer  bytes,
                               gsize          n,
                               GError       **error);

/* fsync, the name, fsync of the folder; or nothing is left: IO. Frees `self`. */
gboolean    sag_save_finish   (SagSave       *self,
                               GError       **error);
void        sag_save_abort    (SagSave       *self);

/* All of it for content in memory. */
gboolean    sag_save_bytes    (const char    *path,
                               gconstpointer  bytes,
                               gsize          n,
                               GError       **error);

/* A new, empty folder SAG_SAVE_PARTIAL* in `folder`, after those that killed programs left there are
 * removed. It is ours as long as the descriptor *lock is open, and in leftovers.h until it is forgotten. NULL with
 * errno. */
char       *sag_save_folder   (const char    *folder,
                               int           *lock);

/* Removes a folder of folders of files: what this program made, nothing else. */
void        sag_save_remove   (const char    *folder);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagSave, sag_save_abort)
