/* SPDX-License-Identifier: Apache-2.0
 *
 * seg.h: DICOM Segmentation objects (PS3.3 A.51, C.8.20), in and out.
 */
#pragma once

#include "app/dicom/stack.h"
#include "engine/base/tick.h"
#include "engine/image/segmentation.h"

typedef enum
{
  SAG_SEG_BINARY,
  SAG_SEG_FRACTIONAL, /* PROBABILITY: the confidence of each label where it is shown */
} SagSegType;

typedef struct
{
  SagSegType  type;
  const char *series_description; /* NULL: the model's name and "research use" */
  const char *content_label;      /* CS, upper case; NULL: "SEGMENTATION" */
  int         series_number;      /* 0: 9000 + the source's */
  double      threshold;          /* confidence below which a voxel is left out of BINARY; 0: none */
  const char *seed;               /* as in SagDicomCtDescription; NULL: random UIDs, the present */
  const char *date;               /* YYYYMMDD with `seed` */
} SagSegOptions;

/* Writes `segmentation` (every slice ready) to `path`. `source` are the images it was made from:
 * patient, study, frame of reference and the references of each frame come from there, and its grid
 * must be the segmentation's. Of images without a position or frame of reference the frames say only which image
 * they lie on, pixel by pixel. Only frames with something in them are written. The file is written
 * beside, fsynced, read back, and kept only if every label's centroid lies within half a voxel of
 * where it was. `options` may be NULL. [compute thread] */
gboolean         sag_seg_write (const char            *path,
                                SagSegmentation       *segmentation,
                                const SagStack        *source,
                                const SagSegOptions   *options,
                                GError               **error);

/* What a SEG says about itself, for display. */
typedef struct
{
  char *content_label;
  char *content_description;
  char *series_description;
  char *manufacturer;
  char *creator;              /* content creator's name */
  char *segmentation_type;    /* "BINARY", "FRACTIONAL/PROBABILITY", "LABELMAP" */
  char *algorithm_type;       /* "AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"; of the first segment */
  char *algorithm_name;
  SagUid frame_of_reference_uid;
  SagUid referenced_series_uid; /* "" if none */
  int   n_segments;
  int   n_frames;
} SagSegInfo;

void             sag_seg_info_free (SagSegInfo        *self);

/* Reads BINARY, FRACTIONAL or LABELMAP of any maker, or an RT Structure Set (rt-read.h), onto the grid its frames span (places without a
 * frame are empty; a label map's background is no label). Layers keep the box of their labels only. Overlapping segments go to further layers. FRACTIONAL: a voxel belongs where at least
 * half of the maximum (one of ours: where it is not 0), and the value becomes the confidence. Tiles of a slide (PS3.3 C.7.6.17.3)
 * come together to one plane. Of more than 255 segments only those count that are in the images; if they are as many, the
 * result is wide (sag_segmentation_is_wide()).
 * Frames without a place in the patient (a radiograph's) count the rows, columns and images they were made from:
 * sag_segmentation_get_has_place() is FALSE, and sag_seg_regrid() lays them on those images.
 * `info` may be NULL; free with sag_seg_info_free(). All slices are ready. [compute thread] */
SagSegmentation *sag_seg_read  (const char            *path,
                                SagSegInfo           **info,
                                GError               **error);

/* The same labels on another grid, by nearest voxel: exact where the lattices coincide. Labels without a place
 * (sag_segmentation_get_has_place()) go pixel by pixel onto a grid of as many columns and rows and no fewer
 * slices; any other is INVALID. */
SagSegmentation *sag_seg_regrid (SagSegmentation      *segmentation,
                                const SagGrid         *grid,
                                GError               **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagSegInfo, sag_seg_info_free)
