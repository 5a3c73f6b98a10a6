/* SPDX-License-Identifier: Apache-2.0
 *
 * alloc.h: large memory. Small allocations go through GLib, which aborts; these report.
 */
#pragma once

#include <glib.h>

#define SAG_ALIGN 64 /* bytes: a cache line, and the widest vector */

/* Lets freed pieces of up to 32 MiB stay with the process, and trims the heap once more than 64 MiB lie free at its end: a window draws the same large
 * pictures again and again, and pages fresh from the kernel are a third of a frame. [any thread, before others] */
void      sag_alloc_keep_pages (void);

/* `bytes` of zeroed memory aligned to SAG_ALIGN, or NULL with SAG_ENGINE_ERROR_MEMORY naming
 * `what` ("the volume") and the size. Zero bytes give a valid pointer. Free with sag_free().
 * [any thread] */
gpointer  sag_alloc_try      (gsize       bytes,
                              const char *what,
                              GError    **error);
void      sag_free           (gpointer    memory);

/* A block of memory that another process may map too: backed by a memfd. Reference counted.
 * Whoever writes it says elsewhere (SagVolume, SagSegmentation) which parts are ready. */
typedef struct _SagBlock SagBlock;

/* A zeroed block of `bytes` (>= 1). NULL with SAG_ENGINE_ERROR_MEMORY naming `what`. */
SagBlock *sag_block_new      (gsize       bytes,
                              const char *what,
                              GError    **error);

/* Maps a block that came from another owner. Takes ownership of `fd` also on failure. Fails with
 * SAG_ENGINE_ERROR_INVALID if the file is shorter than `bytes`. */
SagBlock *sag_block_new_for_fd (int       fd,
                              gsize       bytes,
                              GError    **error);
SagBlock *sag_block_ref      (SagBlock   *self);
void      sag_block_unref    (SagBlock   *self);

/* Page-aligned start, length in bytes, and the memfd (borrowed). [any thread] */
gpointer  sag_block_get_data (SagBlock   *self);
gsize     sag_block_get_size (SagBlock   *self);
int       sag_block_get_fd   (SagBlock   *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagBlock, sag_block_unref)
