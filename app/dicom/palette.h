/* SPDX-License-Identifier: Apache-2.0
 *
 * palette.h: palette colour (PS3.3 C.7.6.3.1.5, segmented: C.7.9.2).
 */
#pragma once

#include "app/dicom/dcmtk.h"

typedef struct
{
  int     first;     /* the pixel value of entry 0; smaller values take it */
  int     n_entries; /* larger ones take the last */
  guint8 *rgb;       /* [n_entries][3] */
} SagPalette;

/* `is_signed`: the pixels are, and so is the first value mapped. INVALID if the file has none or it is damaged. */
SagPalette *sag_palette_read (SagDcmFile *file,
                              gboolean    is_signed,
                              GError    **error);
void        sag_palette_free (SagPalette *self);
