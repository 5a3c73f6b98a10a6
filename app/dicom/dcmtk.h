/* SPDX-License-Identifier: Apache-2.0
 *
 * dcmtk.h: the C face of the toolkit that parses, decodes and writes DICOM.
 *
 * No name of the toolkit passes this header and no C++ exception either. Its own messages go to the log
 * domain "dicom" (shown with G_MESSAGES_DEBUG=dicom). Every function may be called from several threads
 * at once, each on its own objects.
 */
#pragma once

#include "app/dicom/instance.h"

G_BEGIN_DECLS

/* Parses `path` up to its pixel data. NOT_DICOM after a few bytes for other files; INVALID names what is
 * wrong. Never allocates more than a small multiple of the file's size. */
SagDicomInstance *sag_dicom_read_header  (const char              *path,
                                          GError                 **error);

/* A file opened for its pixels. */
typedef struct _SagDicomPixels SagDicomPixels;

/* How decoded samples lie in memory. */
typedef enum
{
  SAG_SAMPLE_U8,
  SAG_SAMPLE_I8,
  SAG_SAMPLE_U16,
  SAG_SAMPLE_I16,
  SAG_SAMPLE_U32,
  SAG_SAMPLE_I32,
  SAG_SAMPLE_F32,
  SAG_SAMPLE_F64,
  SAG_SAMPLE_BIT,  /* one bit a pixel, least significant first, frames not padded to bytes */
  SAG_SAMPLE_RGB8, /* three bytes a pixel, whatever the file's colour model */
} SagSample;

/* Opens `path` (whose header is `instance`, borrowed while open) for decoding. UNSUPPORTED names an
 * unknown transfer syntax by its UID. */
SagDicomPixels   *sag_dicom_pixels_open  (const SagDicomInstance  *instance,
                                          GError                 **error);
void              sag_dicom_pixels_close (SagDicomPixels          *self);

/* What frames of this header decode to; INVALID or UNSUPPORTED if they cannot. */
gboolean          sag_dicom_get_sample   (const SagDicomInstance  *instance,
                                          SagSample               *sample,
                                          GError                 **error);
gsize             sag_sample_get_bytes   (SagSample                sample); /* BIT: 1, unpacked */

/* Decodes frame `frame` (from 0) to rows * columns samples in `buffer` of `n_bytes`, rows as displayed
 * from the top; stored values (sign extended, unused bits masked), not rescaled; BIT gives a byte 0 or 1
 * each. */
gboolean          sag_dicom_pixels_decode (SagDicomPixels         *self,
                                          int                      frame,
                                          gpointer                 buffer,
                                          gsize                    n_bytes,
                                          GError                 **error);

/* A UID that is the same for the same text: "2.25." and 128 bits of its SHA-256 (PS3.5 B.2), or a new
 * random one when `seed` is NULL. */
void              sag_dicom_make_uid     (const char              *seed,
                                          SagUid                   uid);

/* What a series written by us says beside voxels and geometry; NULL fields become "". */
typedef struct
{
  const char *seed;               /* UIDs derive from it, dates and times are taken from `date`, so the
                                   * same input gives the same bytes; NULL: random UIDs, the present */
  const char *date;               /* YYYYMMDD */
  const char *patient_name;
  const char *patient_id;
  const char *patient_sex;        /* "M", "F", "O" or "" */
  const char *patient_birth_date; /* YYYYMMDD */
  const char *study_description;
  const char *series_description;
  int         series_number;
  const char *body_part_examined; /* "CHEST" */
  const char *convolution_kernel; /* "STANDARD" */
  const char *manufacturer;       /* "Sagitta" */
  const char *model_name;
  double      kvp;
  double      exposure_mas;
  SagWindowLevel windows[SAG_MAX_WINDOWS];
  const char *window_explanations[SAG_MAX_WINDOWS];
  int         n_windows;
} SagDicomCtDescription;

/* Writes `volume` (I16 or U16 voxels, values in HU, orthogonal grid; all slices ready) as one CT Image
 * Storage file per slice, "ct-0001.dcm" on, into `folder` (made if absent), explicit little endian; HU
 * are stored with slope 1 and the volume's intercept. Slice k is instance k + 1. Each file is written
 * beside, fsynced and renamed. [any thread] */
gboolean          sag_dicom_write_ct_series (const char                  *folder,
                                          const SagVolume                *volume,
                                          const SagDicomCtDescription    *description,
                                          GError                        **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagDicomPixels, sag_dicom_pixels_close)

G_END_DECLS
