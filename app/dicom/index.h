/* SPDX-License-Identifier: Apache-2.0
 *
 * index.h: a folder as studies, series and stacks.
 */
#pragma once

#include "app/dicom/stack.h"
#include "engine/base/tick.h"

typedef enum
{
  SAG_SERIES_IMAGE,        /* has stacks to look at */
  SAG_SERIES_SEGMENTATION, /* DICOM SEG */
  SAG_SERIES_OTHER,        /* reports, presentation states, plans… */
} SagSeriesKind;

typedef struct
{
  SagSeriesKind           kind;
  const SagDicomInstance *first;     /* for texts and UIDs; lowest instance number */
  GPtrArray *instances; /* of SagDicomInstance, borrowed, by instance number then path */
  GPtrArray *stacks;    /* of SagStack, largest first, localizers last; empty unless IMAGE */
} SagIndexSeries;

typedef struct
{
  const SagDicomInstance *first;  /* for texts and UIDs */
  GPtrArray              *series; /* of SagIndexSeries, by series number */
} SagIndexStudy;

typedef struct
{
  GPtrArray *studies;   /* of SagIndexStudy, newest first */
  GPtrArray *instances; /* of SagDicomInstance, owned */
  GPtrArray *problems;  /* of char *: "PATH is …": DICOM files left out, and why */
  int        n_files;   /* looked at */
  int        n_skipped; /* of them, not DICOM */
  int        n_known;   /* of them, as they were when last read: not read again */
  GPtrArray *unzipped;  /* of SagUnzip: files of the index are there as long as it is */
} SagIndex;

/* Reads the headers of everything below `path` (a folder, followed into subfolders whatever the
 * files are called, each folder once however it is linked; or one file) and groups them. Files that
 * are not DICOM are skipped after a few bytes. A DICOMDIR named as the file stands for the files it
 * names, as far as they exist; one problem counts the absent. A ZIP file stands for its members. In a folder it adds nothing: whatever
 * it names lies below the folder, and so may more. NOT_FOUND if nothing below is DICOM, IO if `path`
 * cannot be read. Headers are parsed on the caller's team. */
SagIndex       *sag_index_folder      (const char        *path,
                                       const SagTick     *tick,
                                       GError           **error);

/* The same of several folders and files together. */
SagIndex       *sag_index_paths       (const char *const *paths,
                                       const SagTick     *tick,
                                       GError           **error);

/* Grouping alone: `n` instances (each taken; the array is not) to studies, series, stacks. Pure;
 * any field may hold anything. */
SagIndex       *sag_index_group       (SagDicomInstance **instances,
                                       gsize              n);
SagIndex       *sag_index_ref         (SagIndex          *self);
void            sag_index_unref       (SagIndex          *self);

/* NULL if there is none. */
SagIndexSeries *sag_index_find_series (const SagIndex    *self,
                                       const char        *series_instance_uid);

/* One line for a person: modality, description, number of frames. Caller frees. */
char           *sag_index_series_describe (const SagIndexSeries *series);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagIndex, sag_index_unref)
