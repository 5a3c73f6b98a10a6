/* SPDX-License-Identifier: Apache-2.0
 *
 * nifti.h: NIfTI-1 and NIfTI-2 files, plain or gzipped (nifti1.h and nifti2.h of the NIfTI Data
 * Format Working Group).
 *
 * NIfTI is RAS: x and y change sign against ours. Written files have the rows reversed (j from
 * posterior to anterior in an axial image), the order researchers know from DICOM converters; the
 * affine says so, and nothing moves in the patient.
 */
#pragma once

#include "engine/base/tick.h"
#include "engine/image/segmentation.h"

/* How many volumes a file of more than three dimensions holds one after the other; 0 with an error if it is none.
 * `is_placed` (may be NULL): whether it says how they lie in the patient; one that does not is read as if its axes
 * ran to the right, to anterior and up, and nobody may call a side of it left. */
int              sag_nifti_count              (const char            *path,
                                               gboolean              *is_placed,
                                               GError               **error);

/* Reads volume `which` (from 0) of a file: whole numbers of 8 to 64 bits, f32,
 * f64 and RGB24;
 * either byte order. The sform is preferred, then the qform; a sheared sform is INVALID. Sizes are
 * checked against the file before memory is taken. `name` may be NULL. All slices are ready. */
SagVolume       *sag_nifti_read_volume        (const char            *path,
                                               int                    which,
                                               const SagTick         *tick,
                                               GError               **error);

/* The first. */
SagVolume       *sag_nifti_read               (const char            *path,
                                               const SagTick         *tick,
                                               GError               **error);

/* Writes the volume; gzipped if `path` ends in ".gz". Written beside, fsynced, renamed. All slices
 * must be ready. */
gboolean         sag_nifti_write              (const char            *path,
                                               const SagVolume       *volume,
                                               const SagTick         *tick,
                                               GError               **error);

/* The grid of the first volume, without its voxels. */
gboolean         sag_nifti_read_grid          (const char            *path,
                                               SagGrid               *grid,
                                               GError               **error);

/* FALSE for a NIfTI file that does not say how its voxels lie in the patient: what is made of it does not say so
 * either. */
gboolean         sag_nifti_is_placed          (const char            *path);

/* How far apart the file's two statements of where it lies are, in mm: sag_nifti_header_get_disagreement(). 0 for a file
 * that cannot be read. */
double           sag_nifti_get_disagreement   (const char            *path,
                                               gboolean              *sform_holds);

/* The same with the file's axes brought nearest to `orientation` ("RAS": i to the right, j to
 * anterior, k to superior; any of the 48), which moves no voxel in the patient. NULL: as
 * sag_nifti_write(). Where `is_placed` is FALSE, as sag_nifti_is_placed(), voxels stay in the order in which they were
 * read, and the codes of both forms are 0. */
gboolean         sag_nifti_write_turned       (const char            *path,
                                               const SagVolume       *volume,
                                               const char            *orientation,
                                               gboolean               is_placed,
                                               int                    version, /* 1 or 2 */
                                               const SagTick         *tick,
                                               GError               **error);

/* Labels by number: u8, or u16 where a number is above 255; of more than 255 labels the result is wide
 * (sag_segmentation_is_wide()). Names, where the file is ours, travel in the description; else "label 3". A file
 * whose voxels are not whole numbers 0..65535 is INVALID; labels that lie over each other are UNSUPPORTED. */
SagSegmentation *sag_nifti_read_segmentation  (const char            *path,
                                               GError               **error);
gboolean         sag_nifti_write_segmentation (const char            *path,
                                               SagSegmentation       *segmentation,
                                               gboolean               is_placed,
                                               GError               **error);

/* The confidence map, u8 0..255 with slope 1/255. INVALID if there is none. */
gboolean         sag_nifti_write_confidence   (const char            *path,
                                               SagSegmentation       *segmentation,
                                               gboolean               is_placed,
                                               GError               **error);

/* TRUE for names ending in .nii or .nii.gz. */
gboolean         sag_nifti_is_name            (const char            *path);

/* TRUE for those, and for a file of a pair: NAME.hdr and NAME.img (or both with .gz after it), of which both are there
 * and the first begins as a NIfTI or ANALYZE 7.5 header does. Either name opens the pair. */
gboolean         sag_nifti_is_file            (const char            *path);

/* TRUE for NAME.img of a pair: who lists files lists the pair once, by its header. */
gboolean         sag_nifti_is_second          (const char            *path);

/* The file of the pair of `path` that ends in `which` ("hdr" or "img"), `path` itself perhaps; NULL if `path` is not
 * named so. Caller frees. */
char            *sag_nifti_sibling            (const char            *path,
                                               const char            *which);
