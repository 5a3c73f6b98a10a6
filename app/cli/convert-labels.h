/* SPDX-License-Identifier: Apache-2.0
 *
 * convert-labels.h: labels to what is no image: the half of `convert` for .stl and .csv, and for labels as NIfTI.
 */
#pragma once

#include <gio/gio.h>

/* TRUE if the output's name asks for that, or the input is a DICOM SEG or RTSTRUCT. */
gboolean sag_convert_is_labels (const char *input,
                                const char *output);

/* Writes the surface of label `label` (0: the only one there is) smoothed by `smooth` steps; or one row a label
 * with the values of `images` (a series; may be NULL) inside it; or the labels (0: all) voxel by voxel, on the
 * grid of `images` if they are given. */
gboolean sag_convert_labels    (const char *input,
                                const char *output,
                                int         label,
                                int         smooth,
                                const char *images,
                                const char *series,
                                GError    **error);
