/* SPDX-License-Identifier: Apache-2.0
 *
 * png.h: pictures as PNG files.
 */
#pragma once

#include "engine/image/segmentation.h"

/* TRUE for names ending in .png, in any case. */
gboolean   sag_png_is_name (const char *path);

/* Reads a picture as a volume of one slice: grey of up to 8 bits as U8, of 16 bits as U16, colour as
 * RGB8 (as U8 if it is grey all over); a palette is looked up, transparency is ignored. A picture
 * knows neither millimetres nor the patient: sag_volume_get_has_spacing() is FALSE, one pixel
 * stands for 1, rows run down. IO or INVALID naming the file. */
SagVolume *sag_png_read    (const char *path,
                            GError    **error);

/* The name of label 1 where 255 stood: of a mask that says only where something is. */
#define SAG_PNG_MASK "mask"

/* Reads a mask: one label a pixel. Grey values 0..255, or entries of a palette, are label values;
 * where 255 (65535) is the only one besides 0, it is label 1, named SAG_PNG_MASK. `grid` (may be NULL) is the picture's
 * that the mask belongs to, of one slice; INVALID if the sizes differ. */
SagSegmentation *sag_png_read_segmentation (const char    *path,
                                            const SagGrid *grid,
                                            GError       **error);

/* Writes width x height pixels of 3 (RGB) or 4 (RGBA) bytes, rows top to bottom, 8 bits a channel,
 * sRGB. The file appears whole or not at all. IO or MEMORY. [any thread] */
gboolean sag_png_write (const char   *path,
                        const guint8 *pixels,
                        int           width,
                        int           height,
                        int           channels,
                        GError      **error);
