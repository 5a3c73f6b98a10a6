/* SPDX-License-Identifier: Apache-2.0
 *
 * nifti-file.h: a NIfTI file as a stream of slices, in and out; for nifti.c and nifti-labels.c
 * only.
 *
 * What NIfTI has no field for (unit, modality, label names and colours, provenance) travels as a
 * key file in a comment extension (code 6); other readers skip it.
 */
#pragma once

#include "app/files/nifti-header.h"
#include "engine/base/tick.h"

#include <zlib.h>

/* A file opened for its voxels. */
typedef struct
{
  gzFile         gz;
  SagNiftiHeader header;
  gboolean       swapped;
  gboolean       flip;
  SagGrid        grid;
  int            bytes; /* of a voxel */
  int            header_bytes; /* 348, or 540 of NIfTI-2 */
  gsize          offset; /* of the first voxel, in the file that holds them */
  guint64        room;   /* bytes that the file may hold at most */
  GKeyFile      *keys;  /* ours, or NULL */
} SagNiftiInput;

/* Opens `path` (either file of a pair), checks its header against the voxels' size, and stands at the first voxel.
 * The message lacks the file's name: sag_nifti_prefix() adds it. */
gboolean sag_nifti_input_open       (SagNiftiInput        *input,
                                     const char           *path,
                                     GError              **error);

/* Volumes that follow each other: times, echoes, directions, components (dim[4] to dim[7]). At least 1. */
int      sag_nifti_input_count      (const SagNiftiInput  *input);

/* Stands at the first voxel of volume `which`, from 0. */
gboolean sag_nifti_input_go_to      (SagNiftiInput        *input,
                                     int                   which,
                                     GError              **error);
void     sag_nifti_input_close      (SagNiftiInput        *input);

/* The next slice, rows in memory order, into `out` (`bytes` a voxel). */
gboolean sag_nifti_input_read_slice (SagNiftiInput        *input,
                                     guint8               *out,
                                     GError              **error);

/* A text of our key file, "" if there is none. Caller frees. */
char    *sag_nifti_get_key          (SagNiftiInput        *input,
                                     const char           *group,
                                     const char           *key);

/* value = stored * slope + intercept; 1 and 0 where the header says nothing usable. */
void     sag_nifti_get_scale        (const SagNiftiHeader *header,
                                     double               *slope,
                                     double               *intercept);

/* Voxel `i` of a slice as read. */
double   sag_nifti_stored_value     (const guint8         *voxels,
                                     int                   datatype,
                                     gsize                 i);

/* "'name' cannot be read: " before the message; returns FALSE. */
gboolean sag_nifti_prefix           (const char           *path,
                                     GError              **error);

/* One row of voxels at (j, k). */
typedef gconstpointer (*SagNiftiRowFunc) (gconstpointer source, int j, int k);

/* FALSE with UNSUPPORTED where an axis is longer than NIfTI-1 can say. */
gboolean sag_nifti_fits             (const SagGrid        *grid,
                                     const char           *path,
                                     GError              **error);

/* Codes 0 in both forms: no place in the patient. */
void     sag_nifti_header_unplace   (SagNiftiHeader       *header);

/* Writes header (`version` 1 or 2), key file and voxels, whole or not at all: rows reversed, but as they are where the
 * header gives no place. */
gboolean sag_nifti_write_file       (const char           *path,
                                     int                   version,
                                     SagNiftiHeader       *header,
                                     GKeyFile             *keys,
                                     SagNiftiRowFunc       row,
                                     gconstpointer         source,
                                     const SagTick        *tick,
                                     GError              **error);
