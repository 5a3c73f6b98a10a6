/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom-kinds.h: the sample studies beside the CT thorax, as files.
 */
#pragma once

#include <glib.h>

/* Of phantoms that never took place. */
#define SAG_PHANTOM_DATE "20260101"

/* The radiograph: FOLDER/dx/dx-0001.dcm and the fields of its lungs, FOLDER/truth/dx-0001.png (255 within). Whole or not
 * there. */
gboolean sag_phantom_write_dx   (const char *folder,
                                 guint64     seed,
                                 GError    **error);

/* The MR head: FOLDER/t1 (1 mm), FOLDER/t2 and FOLDER/flair (36 slices of 5 mm), one study and frame of reference, and its
 * truth over T1, FOLDER/truth/truth.dcm; or, as NIfTI, t1.nii.gz and so on. `small` halves the resolution. Whole or not
 * there. */
gboolean sag_phantom_write_head (const char *folder,
                                 guint64     seed,
                                 gboolean    small,
                                 gboolean    nifti,
                                 GError    **error);
