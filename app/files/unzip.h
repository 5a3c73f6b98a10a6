/* SPDX-License-Identifier: Apache-2.0
 *
 * unzip.h: the members of a ZIP file as files, for as long as somebody needs them.
 *
 * They are written to a private folder (mode 0700) in the user's cache, or where there is none in the
 * system's folder for temporary files, under names of ours: no name in a ZIP file chooses where
 * anything is written. The folder goes with the last reference; what a killed program left goes when
 * the next one starts to work with files.
 */
#pragma once

#include "engine/base/tick.h"

typedef struct _SagUnzip SagUnzip;

/* TRUE if `path` is a file that begins like a ZIP file, or is called .zip or .exe and ends like one (a program that
 * unpacks itself). */
gboolean    sag_unzip_is_zip     (const char    *path);

/* Everything in it, and errors of SAG_ENGINE_ERROR: INVALID if it is damaged, MEMORY if it would
 * need more room than there is or than any study does (a bomb), UNSUPPORTED if it is encrypted, or packed by a method
 * that libzip does not know (Deflate64, LZMA), or holds only ZIP files, which are not opened. ZIP64 is read.
 * [any thread] */
SagUnzip   *sag_unzip_open       (const char    *path,
                                  const SagTick *tick,
                                  GError       **error);
SagUnzip   *sag_unzip_ref        (SagUnzip      *self);
void        sag_unzip_unref      (SagUnzip      *self);

/* Where the members are, all in one folder: "000017-brain.nii.gz" is the 17th; the files of a pair,
 * NAME.hdr and NAME.img, bear one number. */
const char *sag_unzip_get_folder (SagUnzip      *self);

/* What is said of a member names the ZIP file, not the folder that is gone when it is read; caller frees. `self` and
 * `error` may be NULL, and *error too. */
char       *sag_unzip_explain    (const SagUnzip *self,
                                  const char    *text);
void        sag_unzip_explain_error (const SagUnzip *self,
                                  GError       **error);

/* Drops a reference without removing anything: a worker's files are its window's, which may start
 * another worker for them. */
void        sag_unzip_leave      (SagUnzip      *self);

/* The folder in which such folders are made, which is made; caller frees. */
char       *sag_unzip_get_root   (void);

/* What is unpacked from now on is for the program `pid`, and kept as long as that lives: a worker's window. Without, it
 * is this program's own. */
void        sag_unzip_work_for   (int            pid);

/* Removes what was unpacked for the program of sag_unzip_work_for(), by whichever of its workers. Does nothing without.
 * [any thread] */
void        sag_unzip_remove_kept (void);

/* Removes folders whose maker is no more, and neither is the program that it worked for. */
void        sag_unzip_remove_orphans (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagUnzip, sag_unzip_unref)
