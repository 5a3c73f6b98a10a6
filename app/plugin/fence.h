/* SPDX-License-Identifier: Apache-2.0
 *
 * fence.h: memory with nothing beside it, so that whoever writes past its end is caught doing it.
 *
 * The bytes end where a page begins that nobody may touch; those of the first page before them are marked,
 * and looked at afterwards. For `sagitta-cli check-plugin`: a page on each side is too dear for a run.
 */
#pragma once

#include <glib.h>

typedef struct _SagFence SagFence;

/* `n` bytes, called `name` ("labels"; static) in messages. NULL and an error if there is no memory. [any] */
SagFence   *sag_fence_new      (const char *name,
                                gsize       n,
                                GError    **error);
/* NULL is nothing. */
void        sag_fence_free     (SagFence   *self);
/* The bytes, aligned as `n` is. */
gpointer    sag_fence_get_data (SagFence   *self);
/* From now on they can only be read. */
void        sag_fence_close    (SagFence   *self);
/* FALSE and a CONTRACT error if the bytes before them were written. */
gboolean    sag_fence_check    (const SagFence *self,
                                GError    **error);
/* What a fault at `address` did to which fence: "it wrote to voxels, which are only lent"; NULL if there is none.
 * `room` takes the text. Safe in a signal handler. */
const char *sag_fence_blame    (const void *address,
                                char       *room,
                                gsize       room_size);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagFence, sag_fence_free)
