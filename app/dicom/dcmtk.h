/* SPDX-License-Identifier: Apache-2.0
 *
 * dcmtk.h: the C face of the toolkit that parses, decodes and writes DICOM.
 *
 * No name of the toolkit passes this header and no C++ exception either. Its own messages are
 * shown, in log domain "dicom", with SAG_DEBUG=dicom only. Every function may be called from
 * several threads at once, each on its own objects.
 */
#pragma once

#include "app/dicom/stack.h"
#include "engine/image/segmentation.h"

G_BEGIN_DECLS

/* Parses `path` up to its pixel data. NOT_DICOM after a few bytes for other files; INVALID names
 * what is wrong. Never allocates more than a small multiple of the file's size. */
SagDicomInstance *sag_dicom_read_header  (const char              *path,
                                          GError                 **error);

/* The files that the DICOMDIR `path` names, as far as they exist in its folder, in its order, each
 * added to `paths` (of char *, owned by it); `n_absent` counts the others. A file ID that leads out
 * of the folder is absent. An empty directory names none: TRUE. */
gboolean          sag_dicom_read_directory (const char            *path,
                                          GPtrArray               *paths,
                                          int                     *n_absent,
                                          GError                 **error);

/* A whole file, values left on disk until asked for; used by one thread at a time. */
typedef struct _SagDcmFile SagDcmFile;

SagDcmFile       *sag_dcm_file_open      (const char              *path,
                                          GError                 **error);
void              sag_dcm_file_close     (SagDcmFile              *self);

/* The compressed `stream` of frame `frame`, of `sample_bytes` a sample, through the toolkit (RLE, JPEG, JPEG-LS) into
 * `buffer` of `n_bytes`, in this machine's byte order; `color_model` becomes the photometric interpretation
 * after decoding. */
gboolean          sag_dcm_file_decode    (SagDcmFile              *self,
                                          int                      frame,
                                          GBytes                  *stream,
                                          int                      sample_bytes,
                                          gpointer                 buffer,
                                          gsize                    n_bytes,
                                          char                     color_model[17],
                                          GError                 **error);

/* Bytes `offset` to `offset + n_bytes` of native pixel data (Pixel Data, Float or Double Float
 * Pixel Data, whichever there is), in this machine's byte order; `n_bytes` and `offset` even. */
gboolean          sag_dcm_file_get_native (SagDcmFile             *self,
                                          gsize                    offset,
                                          gpointer                 buffer,
                                          gsize                    n_bytes,
                                          GError                 **error);

/* How many bytes of native pixel data there are; 0 if none. */
gsize             sag_dcm_file_get_native_length (SagDcmFile      *self);

/* The compressed bytes of one frame of `n_frames`, fragments joined. Frames are found by one
 * fragment each, by the extended or basic offset table where it is right, by `starts` (the first
 * bytes of a code stream, `n_starts` of them), or as equal shares (PS3.5 A.4). */
GBytes           *sag_dcm_file_get_fragments (SagDcmFile          *self,
                                          int                      frame,
                                          int                      n_frames,
                                          const guint8            *starts,
                                          gsize                    n_starts,
                                          GError                 **error);

/* FALSE if the pixels lie in one piece, as they do uncompressed. */
gboolean          sag_dcm_file_has_fragments (SagDcmFile          *self);

/* TRUE if the data set has that element. */
gboolean          sag_dcm_file_has       (SagDcmFile              *self,
                                          guint16                  group,
                                          guint16                  element);

/* The 16-bit words of one element of the data set (a palette, its descriptor), signed ones as their bits, or NULL.
 * Caller frees. */
guint16          *sag_dcm_file_get_words (SagDcmFile              *self,
                                          guint16                  group,
                                          guint16                  element,
                                          gsize                   *n_words);

/* The same of the first item of a sequence. */
guint16          *sag_dcm_file_get_item_words (SagDcmFile         *self,
                                          guint16                  sequence_group,
                                          guint16                  sequence_element,
                                          guint16                  group,
                                          guint16                  element,
                                          gsize                   *n_words);

#define SAG_MAX_OVERLAYS 16

/* Overlay plane `n` (group 6000 + 2 n) of a file. */
typedef struct
{
  char    name[65]; /* label or description; "" if neither */
  int     rows, columns;
  int     row, column;  /* of its first pixel in the image, from 0; may be outside */
  int     n_frames, first_frame;
  int     bit;          /* where it lies in the pixels, if `bits` is NULL */
  guint8 *bits;         /* lowest bit first, frame after frame; caller frees */
  gsize   n_bytes;
} SagDicomOverlay;

/* FALSE if there is none. */
gboolean          sag_dcm_file_get_overlay (SagDcmFile           *self,
                                          int                      n,
                                          SagDicomOverlay         *overlay);

/* Where a frame lies in the plane that frames are tiles of (PS3.3 C.7.6.17.3), from 0. */
typedef struct
{
  int column, row, plane;
  int segment_number; /* 0: not said */
} SagDicomTile;

/* One segment of a SEG as its header describes it. */
typedef struct
{
  int      number;             /* Segment Number (0062,0004): what frames refer to */
  SagLabel label;              /* name, codes, colour; its value is 0 */
  gboolean has_colour;
  char     algorithm_type[17]; /* "AUTOMATIC" … */
  char     algorithm_name[65];
} SagDicomSegment;

typedef struct
{
  SagDicomInstance *instance;  /* geometry and segment number per frame are there */
  char              segmentation_type[17];
  char              fractional_type[17];
  int               maximum_fractional_value;
  char             *content_label;
  char             *content_description;
  char             *content_creator_name;
  SagUid            referenced_series_uid;
  SagDicomSegment  *segments;
  int               n_segments;
  SagDicomTile     *tiles;      /* of each frame; NULL where frames are no tiles */
  int               total_columns, total_rows, n_planes; /* of what the tiles make */
  SagProvenance    *provenance; /* as far as the file tells */
  gboolean          is_label_confidence; /* FRACTIONAL of ours: a voxel belongs where it is not 0 */
} SagDicomSegHeader;

/* A closed contour: points of three coordinates, mm LPS. */
typedef struct
{
  int     roi; /* index into the rois */
  int     n_points;
  double *points;
} SagDicomContour;

/* An RT Structure Set. */
typedef struct
{
  SagDicomInstance *instance;
  char             *label;   /* Structure Set Label */
  char             *time;    /* Structure Set Date and Time, ISO 8601 as far as they are said; "" if not */
  char             *creator; /* Operators' Name, else the interpreter of the first ROI that names one; "" */
  SagDicomSegment  *rois;  /* number, name, colour, how it was made */
  int               n_rois;
  SagDicomContour  *contours;
  int               n_contours;
} SagDicomContours;

/* INVALID for a structure set without structures. */
SagDicomContours *sag_dicom_read_contours (const char              *path,
                                          GError                 **error);
void              sag_dicom_contours_free (SagDicomContours        *self);

/* Algorithm parameter "fractional" of what we write: the value is the confidence of the label that is
 * shown, which may well be below one half where there are several. */
#define SAG_FRACTIONAL_OF_LABEL "confidence of the label shown"

/* The header of a DICOM SEG. INVALID or UNSUPPORTED if it is something else. */
SagDicomSegHeader *sag_dicom_read_seg_header (const char         *path,
                                          GError                 **error);
void              sag_dicom_seg_header_free (SagDicomSegHeader   *self);

/* A UID that is the same for the same text: "2.25." and 128 bits of its SHA-256 (PS3.5 B.2), or a
 * new random one when `seed` is NULL. */
void              sag_dicom_make_uid     (const char              *seed,
                                          SagUid                   uid);

/* What a series written by us says beside voxels and geometry; NULL fields become "". */
typedef struct
{
  const char *seed; /* UIDs derive from it, dates and times are taken from `date`, so the
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
  const char *modality;           /* "MR", "DX"; NULL: "CT" */
  double      repetition_ms;      /* MR; so are the next ones */
  double      echo_ms;
  double      inversion_ms;       /* 0: none */
  SagWindowLevel windows[SAG_MAX_WINDOWS];
  const char *window_explanations[SAG_MAX_WINDOWS];
  int         n_windows;
} SagDicomCtDescription;

/* Writes `volume` (I16 or U16 voxels, orthogonal grid; all slices ready) as one file per slice, CT, MR or Digital X-Ray Image
 * Storage - For Presentation (PS3.3 A.3, A.4, A.26), "ct-0001.dcm" on, into `folder` (made if absent), explicit little
 * endian; values (HU, if CT) are stored with slope 1 and the volume's intercept. Slice k is instance k + 1. A radiograph has
 * one slice, and says its pixel spacing at the detector. Each file is written beside, fsynced and renamed. [any thread] */
gboolean          sag_dicom_write_ct_series (const char                  *folder,
                                          const SagVolume                *volume,
                                          const SagDicomCtDescription    *description,
                                          GError                        **error);

/* A segmentation ready to be written: frames chosen, pixels packed. */
typedef struct
{
  int segment; /* index into the labels */
  int k;       /* slice of the grid */
} SagDicomSegFrame;

typedef struct
{
  const char             *shown_path;  /* as the user knows it, for messages */
  const SagStack         *source;      /* patient, study, frame of reference, references */
  const SagGrid          *grid;
  gboolean                is_fractional;
  const SagLabel         *labels;      /* segment number is the index + 1 */
  int                     n_labels;
  const SagDicomSegFrame *frames;
  int                     n_frames;    /* >= 1 */
  const guint8 *pixels; /* bits, least significant first, or bytes; aligned, of even length */
  gsize                   n_bytes;
  gboolean                has_place;   /* of the source: position and frame of reference */
  const SagProvenance    *provenance;
  double                  threshold;   /* 0: none */
  const char             *series_description;
  const char             *content_label;
  int                     series_number;
  const char             *seed;        /* as in SagDicomCtDescription */
  const char             *date;
} SagDicomSegSpec;

/* Writes the object to `path` as it stands: not beside, not read back (sag_seg_write() does). */
gboolean          sag_dicom_write_seg    (const char              *path,
                                          const SagDicomSegSpec   *spec,
                                          GError                 **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagDcmFile, sag_dcm_file_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagDicomContours, sag_dicom_contours_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagDicomSegHeader, sag_dicom_seg_header_free)

G_END_DECLS
