/* SPDX-License-Identifier: Apache-2.0
 *
 * convert-labels.h: labels to what is no image: the half of `convert` for .stl, .csv and .dcm, and for labels as NIfTI.
 */
#pragma once

#include <gio/gio.h>

/* TRUE if the output's name asks for that, or an option for labels was given (`asked`), or the input is a DICOM SEG or
 * RTSTRUCT. */
gboolean sag_convert_is_labels (const char *input,
                                const char *output,
                                gboolean    asked);

/* Writes the surface of label `label` (0: the only one there is) smoothed by `smooth` steps; or one row a label
 * with the values of `images` (a series; may be NULL) inside it; or the labels (0: all) voxel by voxel, on the
 * grid of `images` if they are given, as NIfTI or as a DICOM SEG, which needs them. `finding` is what should be known of
 * that, or NULL; caller frees. */
gboolean sag_convert_labels    (const char *input,
                                const char *output,
                                int         label,
                                int         smooth,
                                const char *images,
                                const char *series,
                                char      **finding,
                                GError    **error);
