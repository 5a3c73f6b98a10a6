/* SPDX-License-Identifier: Apache-2.0
 *
 * index-cache.h: what headers said, kept from one opening of a folder to the next.
 *
 * One SQLite file, "sagitta/index.db" in the user's cache folder, for the user alone: headers hold
 * patient data. A file is known as long as its size, inode and times are the same and the program
 * is; what was not seen for 90 days goes. Without a cache everything works, only later: no function
 * here fails. [one thread at a time; several programs at once]
 */
#pragma once

#include "app/dicom/instance.h"

#include <sys/stat.h>

typedef struct _SagIndexCache SagIndexCache;

typedef enum
{
  SAG_KNOWN_NOT,      /* read it */
  SAG_KNOWN_INSTANCE,
  SAG_KNOWN_FOREIGN,  /* not DICOM */
} SagKnown;

/* NULL if there can be none, or $SAG_NO_CACHE is set. */
SagIndexCache *sag_index_cache_open  (void);
void           sag_index_cache_close (SagIndexCache          *self);

SagKnown       sag_index_cache_get   (SagIndexCache          *self,
                                      const char             *path,
                                      const struct stat      *info,
                                      SagDicomInstance      **instance);

/* Notes what was read, `instance` NULL where it is not DICOM; all between begin and end together, or
 * none of it. */
gboolean       sag_index_cache_begin (SagIndexCache          *self);
void           sag_index_cache_put   (SagIndexCache          *self,
                                      const char             *path,
                                      const struct stat      *info,
                                      const SagDicomInstance *instance);
void           sag_index_cache_end   (SagIndexCache          *self);
