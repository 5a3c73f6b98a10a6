/* SPDX-License-Identifier: Apache-2.0
 *
 * volume.h: voxels, and where they lie in the patient.
 *
 * A slice, once ready, never changes: any thread may read it without a lock. Slices become ready
 * in any order while the series is read.
 */
#pragma once

#include "engine/base/alloc.h"
#include "engine/image/geometry.h"

typedef enum
{
  SAG_VOXEL_U8,
  SAG_VOXEL_I16,
  SAG_VOXEL_U16,
  SAG_VOXEL_F32,
  SAG_VOXEL_RGB8, /* three bytes a voxel; shown as it is, never measured */
} SagVoxelType;

/* Bytes of one voxel. */
int            sag_voxel_type_get_bytes   (SagVoxelType   type);

/* DICOM window (PS3.3 C.11.2.1.2), in the volume's unit. */
typedef struct
{
  double center;
  double width; /* >= 1 for integers, > 0 else */
} SagWindowLevel;

/* How values within a window become grey (PS3.3 C.11.2.1.3, C.11.2.1.1). */
typedef enum
{
  SAG_VOI_LINEAR,
  SAG_VOI_LINEAR_EXACT,
  SAG_VOI_SIGMOID,
  SAG_VOI_TABLE, /* by levels, spread evenly from one end of the window to the other */
} SagVoiFunction;

typedef struct _SagVolume SagVolume;

/* A volume over `block`, which holds size[0] * size[1] * size[2] voxels, i fastest, and of which
 * a reference is taken. value = stored * slope + intercept, in `unit` ("HU", "SUVbw", "" if none).
 * No slice is ready yet. INVALID if the grid is not sound or the block too small. */
SagVolume     *sag_volume_new             (const SagGrid *grid,
                                           SagVoxelType   type,
                                           SagBlock      *block,
                                           double         slope,
                                           double         intercept,
                                           const char    *unit,
                                           GError       **error);

/* The same with a new block of its own, zeroed. MEMORY if there is none. */
SagVolume     *sag_volume_new_alloc       (const SagGrid *grid,
                                           SagVoxelType   type,
                                           double         slope,
                                           double         intercept,
                                           const char    *unit,
                                           GError       **error);
SagVolume     *sag_volume_ref             (SagVolume     *self);
void           sag_volume_unref           (SagVolume     *self);

const SagGrid *sag_volume_get_grid        (const SagVolume *self);
SagVoxelType   sag_volume_get_voxel_type  (const SagVolume *self);
double         sag_volume_get_slope       (const SagVolume *self);
double         sag_volume_get_intercept   (const SagVolume *self);
const char    *sag_volume_get_unit        (const SagVolume *self);
SagBlock      *sag_volume_get_block       (const SagVolume *self); /* borrowed */

/* The modality (0008,0060) and frame of reference UID (0020,0052), "" when unknown. Set once,
 * before the volume is shared. */
void           sag_volume_set_origin_tags (SagVolume       *self,
                                           const char      *modality,
                                           const char      *frame_of_reference);
const char    *sag_volume_get_modality    (const SagVolume *self);
const char    *sag_volume_get_frame_of_reference (const SagVolume *self);

/* TRUE unless the source does not say how large a pixel is: then the grid's spacing stands for pixels,
 * and nothing measured on it is in millimetres. Set once, before the volume is shared. */
void           sag_volume_set_has_spacing (SagVolume       *self,
                                           gboolean         has_spacing);
gboolean       sag_volume_get_has_spacing (const SagVolume *self);

/* Where alone the grid's spacing holds: boxes of whole voxels (i0, j0, i1, j1: half open) in every slice, at most
 * SAG_SCALED_BOXES; none of them (unless set) means everywhere. Of an ultrasound's screen only the tissue is to scale
 * (PS3.3 C.8.5.5). Set once, before the volume is shared. */
#define SAG_SCALED_BOXES 8
void           sag_volume_set_scaled_boxes (SagVolume      *self,
                                           const int      (*boxes)[4],
                                           int              n);
const int    (*sag_volume_get_scaled_boxes (const SagVolume *self,
                                           int             *n))[4]; /* borrowed */

/* TRUE if one of them holds all of `points` (n of them, LPS, mm), or there are none: what lies between the points has a
 * length in millimetres then. */
gboolean       sag_volume_is_to_scale     (const SagVolume *self,
                                           const double   (*points)[3],
                                           int              n);

/* TRUE unless the slices are no row of places in the patient: images without a position, or one place again and again
 * (a cine). Set once, before the volume is shared. */
void           sag_volume_set_has_depth   (SagVolume       *self,
                                           gboolean         has_depth);
gboolean       sag_volume_get_has_depth   (const SagVolume *self);

/* TRUE if a voxel is a piece of the patient with a size; FALSE of a projection (one slice, no frame of reference),
 * where slices are no depth, and where the size of a pixel is not known: no millilitres are told of those. */
gboolean       sag_volume_is_spatial      (const SagVolume *self);

/* How the file wants its windows shown; LINEAR unless set. `levels` (n of them, 0 .. 255; at least 2,
 * copied) are a TABLE's, NULL else. Set once, before the volume is shared. */
void           sag_volume_set_voi         (SagVolume       *self,
                                           SagVoiFunction   function,
                                           const guint8    *levels,
                                           int              n);
SagVoiFunction sag_volume_get_voi         (const SagVolume *self,
                                           const guint8   **levels, /* borrowed; may be NULL */
                                           int             *n);

/* Start of slice k: size[0] * size[1] voxels, i fastest. Writing is for the one who reads the
 * series, before the slice is ready. */
gpointer       sag_volume_get_slice       (const SagVolume *self,
                                           int              k);

/* Publishes slices k0 .. k1 - 1 (release); sag_volume_is_ready() acquires. [any thread] */
void           sag_volume_mark_ready      (SagVolume       *self,
                                           int              k0,
                                           int              k1);
gboolean       sag_volume_is_ready        (const SagVolume *self,
                                           int              k);
int            sag_volume_get_n_ready     (const SagVolume *self);

/* The value in the volume's unit at a voxel; the red channel's stored value for RGB8. No range
 * check. */
double         sag_volume_get_value       (const SagVolume *self,
                                           int              i,
                                           int              j,
                                           int              k);

/* Slice k (must be ready) as values in the volume's unit: size[0] * size[1] floats, each stored *
 * slope + intercept in double, rounded once to float. RGB8: luma 0.299 R + 0.587 G + 0.114 B. */
void           sag_volume_get_values      (const SagVolume *self,
                                           int              k,
                                           float           *values);

/* A window that shows the ready slices well when the file names none: 1st to 99th percentile of a
 * subsample. */
void           sag_volume_guess_window    (const SagVolume *self,
                                           SagWindowLevel  *window);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagVolume, sag_volume_unref)
