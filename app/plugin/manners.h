/* SPDX-License-Identifier: Apache-2.0
 *
 * manners.h: what of the process a plugin could change, and should not.
 */
#pragma once

#include <glib.h>

typedef struct
{
  char *folder; /* the working folder */
  char *locale;
  guint mask;   /* of files made */
  int   n_files;
  gsize printed; /* bytes on standard output, where that is a file */
  void *handlers[4];
} SagManners;

/* How the process is now. [one thread at a time: the mask of files can only be read by setting it] */
void     sag_manners_take  (SagManners *self);
void     sag_manners_clear (SagManners *self);
/* What is open now may stay open: a library opens some files once. */
void     sag_manners_forgive_files (SagManners *self);
/* FALSE and a CONTRACT error if the process is otherwise than it was: "it left 3 files open". */
gboolean sag_manners_check (const SagManners *before,
                            GError          **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SagManners, sag_manners_clear)
