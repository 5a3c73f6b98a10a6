/* SPDX-License-Identifier: Apache-2.0
 *
 * convert-labels.h: labels to what is no image: the half of `convert` for .stl and .csv.
 */
#pragma once

#include <gio/gio.h>

/* TRUE if the output's name asks for that. */
gboolean sag_convert_is_labels (const char *output);

/* Writes the surface of label `label` (0: the only one there is) smoothed by `smooth` steps, or one row a label
 * with the values of `images` (a series; may be NULL) inside it. */
gboolean sag_convert_labels    (const char *input,
                                const char *output,
                                int         label,
                                int         smooth,
                                const char *images,
                                const char *series,
                                GError    **error);
