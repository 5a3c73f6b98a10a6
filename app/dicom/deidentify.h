/* SPDX-License-Identifier: Apache-2.0
 *
 * deidentify.h: copies of DICOM objects that no longer say whose they are.
 *
 * The Basic Application Level Confidentiality Profile of PS3.15 E.2, with or without the options for
 * dates (E.3.6); confidentiality.h has what becomes of which attribute. Pixel data and the transfer
 * syntax stay as they are, byte for byte; text in the pixels is warned of, not found.
 */
#pragma once

#include "app/dicom/index.h"

typedef enum
{
  SAG_DATES_REMOVE,
  SAG_DATES_SHIFT, /* by whole days, the same for all objects of a patient */
  SAG_DATES_KEEP,
} SagDates;

typedef struct
{
  int        n_files;
  GPtrArray *folders;  /* of char *: one a series, as written */
  GPtrArray *uids;     /* of char *: its new Series Instance UID */
  GPtrArray *warnings; /* of char *: what a person should look at before giving the copies away */
  GPtrArray *skipped;  /* of char *: "PATH …": objects left out, and why */
} SagDeidentified;

void             sag_deidentified_free (SagDeidentified   *self);

/* Adds to `texts` (a set of char *) what names the patient, staff, place or request in an object of
 * `n` bytes, and its dates unless they stay. FALSE if it cannot be read to its end. */
gboolean         sag_deidentify_collect (const guint8     *bytes,
                                        gsize              n,
                                        SagDates           dates,
                                        GHashTable        *texts);

/* One object in memory, `n` bytes as in a file, for which the same `key` gives the same UIDs and
 * pseudonyms. A text that stays by the profile goes if one of `texts` is in it. Returns its head, to
 * be followed by *pixels (may be empty; points into `bytes`) and *tail. INVALID if a byte of it is
 * not understood. */
GByteArray      *sag_deidentify_bytes  (const guint8      *bytes,
                                        gsize              n,
                                        const char        *key,
                                        SagDates           dates,
                                        GHashTable        *texts,
                                        const guint8     **pixels,
                                        gsize             *n_pixels,
                                        GByteArray       **tail,
                                        GError           **error);

/* Copies every image and segmentation of `index` (of the series `series_uid` alone, if not NULL) to
 * `folder`, made if absent: a folder a series, both named anew. A folder of a series is whole or not
 * there. The key is the user's own, made once and kept in the user's configuration folder: the same object
 * gets the same UIDs in every export. A series that is there already is an error, as is nothing to
 * write. [any thread] */
SagDeidentified *sag_deidentify        (const SagIndex    *index,
                                        const char        *series_uid,
                                        const char        *folder,
                                        SagDates           dates,
                                        const SagTick     *tick,
                                        GError           **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagDeidentified, sag_deidentified_free)
