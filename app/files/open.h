/* SPDX-License-Identifier: Apache-2.0
 *
 * open.h: a volume or a segmentation from whatever a path holds.
 */
#pragma once

#include "app/dicom/index.h"
#include "app/dicom/read.h"
#include "app/dicom/seg.h"

/* What came with a volume. */
typedef struct
{
  SagIndex             *index;  /* NULL for NIfTI and PNG */
  const SagIndexSeries *series; /* borrowed from the index */
  const SagStack       *stack;  /* likewise: the source of a SEG made from this volume */
  char                 *name;   /* for a person: series description or file name */
  SagWindowLevel        windows[SAG_MAX_WINDOWS]; /* of the stack's middle slice; may be none */
  char                 *window_explanations[SAG_MAX_WINDOWS];
  int                   n_windows;
  gboolean              monochrome1; /* low values are shown bright */
  gboolean              has_place;   /* it is known how it lies in the patient */
  gboolean              says_place;  /* FALSE for a NIfTI file alone that does not: what is made of it must not either */
  char                **findings;    /* NULL-terminated sentences: geometry, what was left out */
} SagOpenInfo;

void             sag_open_info_free    (SagOpenInfo    *self);

/* Reads a DICOM folder or file, a NIfTI file (.nii, .nii.gz, .hdr with .img) or a PNG picture, whole. `series_uid` chooses where
 * a folder holds several image series (NULL if not; "UID#2" is the second stack of a series, "#2" the second
 * volume of a NIfTI file):
 * otherwise AMBIGUOUS lists UIDs and descriptions. `info` may be NULL. [compute thread] */
SagVolume       *sag_open_volume       (const char     *path,
                                        const char     *series_uid,
                                        const SagTick  *tick,
                                        SagOpenInfo   **info,
                                        GError        **error);

/* What is said of a NIfTI file that does not tell how it lies in the patient. */
#define SAG_OPEN_UNPLACED                                                                        \
  "The file does not say how it lies in the patient (its qform and sform codes are 0): which side is left is not known"

/* That, or that its two statements of place differ, as sentences; none for a picture. Caller frees. */
char           **sag_open_list_warnings (const char *path);

/* Is it a file that is a volume of its own, NIfTI (either file of a pair) or PNG? How many it holds (1 where that
 * cannot be told yet), whether it says how they lie in the patient, and volume `which` of them, from 0. */
gboolean         sag_open_is_file      (const char     *path);
int              sag_open_count        (const char     *path,
                                        gboolean       *is_placed);
SagVolume       *sag_open_file         (const char     *path,
                                        int             which,
                                        const SagTick  *tick,
                                        GError        **error);

/* What sag_open_volume() tells of a DICOM series, without reading its pixels: for one that cannot be
 * decoded. `reason` (may be NULL, borrowed) is told as the last finding. */
SagOpenInfo     *sag_open_describe     (const char     *path,
                                        const char     *series_uid,
                                        const GError   *reason,
                                        GError        **error);

/* The stack that sag_open_volume() would read: for those who fill the volume themselves
 * (sag_read_begin). */
const SagStack  *sag_open_choose       (const SagIndex *index,
                                        const char     *series_uid,
                                        const SagIndexSeries **series,
                                        GError        **error);

/* A DICOM SEG or NIfTI labels, from a file or from the folder or ZIP file that holds one; `info` (may
 * be NULL) stays NULL of NIfTI. */
SagSegmentation *sag_open_seg          (const char     *path,
                                        SagSegInfo    **info,
                                        GError        **error);

/* Reads a DICOM SEG (file, or folder that holds one), a NIfTI file of whole numbers or a PNG mask,
 * which takes the `grid` of its picture. With `grid`
 * (may be NULL) the labels are brought onto it by nearest voxel, so that two results, or a result
 * and its image, can be laid over each other. [compute thread] */
SagSegmentation *sag_open_segmentation (const char     *path,
                                        const SagGrid  *grid,
                                        GError        **error);

/* Labels that were read from `path`, on `grid` as sag_open_segmentation() brings them there. INVALID if nothing is known
 * of how they lie in the patient and the grid is another. */
SagSegmentation *sag_open_lay          (SagSegmentation *own,
                                        const char      *path,
                                        const SagGrid   *grid,
                                        GError         **error);

/* A confidence map written by `segment --confidence` (NIfTI, 0..255 or 0..1) on `grid`, one byte a
 * voxel. */
SagBlock        *sag_open_confidence   (const char     *path,
                                        const SagGrid  *grid,
                                        GError        **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagOpenInfo, sag_open_info_free)
