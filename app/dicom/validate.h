/* SPDX-License-Identifier: Apache-2.0
 *
 * validate.h: what is wrong with files and series, in words.
 *
 * Files: structure (PS3.5 7, PS3.10 7), values by their VR (PS3.5 6.2), attributes that the usual
 * image objects must have (PS3.3 A), pixel data as long as the header says. Series: identity, geometry,
 * what segmentations refer to. An error is what the standard forbids and readers stumble over; a
 * warning what a person should know.
 */
#pragma once

#include "app/dicom/elements.h"
#include "app/dicom/index.h"

typedef struct
{
  gboolean is_error;
  char    *path;    /* the first file it was found in */
  int      n_files; /* in how many files of the series */
  guint32  tag;     /* group << 16 | element; 0: none */
  char    *text;    /* one sentence */
} SagFault;

void           sag_fault_free      (SagFault       *self);

typedef struct
{
  GPtrArray *faults;  /* of SagFault, errors first */
  int        n_errors;
  int        n_warnings;
  int        n_files; /* DICOM objects looked at */
} SagValidation;

void           sag_validation_free (SagValidation  *self);

/* Everything below the folder, or in the file, DICOMDIR or ZIP file `path`. Damaged files are faults;
 * IO or NOT_DICOM only where there is nothing to look at. [any thread] */
SagValidation *sag_validate        (const char     *path,
                                    const SagTick  *tick,
                                    GError        **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagValidation, sag_validation_free)

/* For the files of this layer: how faults are told. */
typedef struct
{
  GHashTable *known;  /* of SagFault by series and text */
  const char *series; /* whose files are looked at */
  const char *path;
  int         n;      /* told of this file */
} SagFaults;

void           sag_faults_add      (SagFaults      *self,
                                    gboolean        is_error,
                                    guint32         tag,
                                    const char     *format,
                                    ...) G_GNUC_PRINTF (4, 5);

/* One object in memory. */
void           sag_validate_object (const guint8   *bytes,
                                    gsize           n,
                                    SagFaults      *faults);

/* What the object's kind must say: `find` tells how long an attribute of the data set is, -1 if it is
 * absent. Some of it depends on Pixel Presentation (0008,9205) and Dimension Organization Type (0020,9311). */
void           sag_validate_modules (const char    *class_uid,
                                    const char     *presentation,
                                    const char     *dimensions,
                                    int           (*find) (guint32 tag, gpointer data),
                                    gpointer        data,
                                    SagFaults      *faults);

/* One item of a sequence, wherever that stands. */
void           sag_validate_item   (guint32            sequence,
                                    const SagElements *item,
                                    SagFaults         *faults);

/* The functional groups of an enhanced CT or MR: those that an image of that kind, and an original one, must have. */
void           sag_validate_groups (const char        *class_uid,
                                    gboolean           is_original,
                                    const SagElements *top,
                                    SagFaults         *faults);
