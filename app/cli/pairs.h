/* SPDX-License-Identifier: Apache-2.0
 *
 * pairs.h: images and their masks, found by name, for `sagitta-cli evaluate`.
 */
#pragma once

#include <glib.h>

typedef struct
{
  char      *name;  /* of the image, without its ending */
  char      *image; /* path: a PNG, NIfTI or DICOM file, or a folder of DICOM files */
  GPtrArray *masks; /* paths, one or more: the truth is all of them together */
} SagPair;

/* The cases of two folders in order of name. An image and a mask belong together if their names without
 * endings are the same; else if they are the same without one word such as "_mask", "-seg", "_image" or
 * "_0000" at an end, and only these two are. If both are one folder, what has a word of masks in its name is a
 * mask there, and all else an image. "x_mask_1" beside the mask "x_mask"
 * of a case is more of the same truth, as BUSI (Al-Dhabyani et al. 2020) has a second lesion; without
 * an "x_mask" it may be another reader's, and is not taken. Two paths of which `masks` is a file are one
 * case. Files that are not PNG, NIfTI or DICOM are passed over.
 *
 * `names` (may be NULL) is a file that lists the cases wanted, one a line; `limit` > 0 takes the first
 * so many. INVALID listing the images that have no mask; masks without an image are listed in `*spare`
 * (may be NULL, caller frees; NULL if there are none). Of SagPair; unref when done. */
GPtrArray *sag_pairs_find (const char *images,
                           const char *masks,
                           const char *names,
                           int         limit,
                           char      **spare,
                           GError    **error);
