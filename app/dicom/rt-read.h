/* SPDX-License-Identifier: Apache-2.0
 *
 * rt-read.h: the contours of an RT Structure Set (PS3.3 C.8.8.6) as masks.
 */
#pragma once

#include "app/dicom/seg.h"

/* One label a structure, on the voxels of the images it was drawn on where they lie in the file's
 * folder, else on a grid of its own (1 mm, planes where the contours are). A voxel belongs where its
 * centre lies in an odd number of closed contours of its plane: contours within contours are holes.
 * Points and open contours enclose nothing. UNSUPPORTED for contours across the slices. More than 255
 * structures make a wide segmentation (sag_segmentation_is_wide()). `info` may be NULL. [compute thread] */
SagSegmentation *sag_rt_read (const char  *path,
                              SagSegInfo **info,
                              GError     **error);
