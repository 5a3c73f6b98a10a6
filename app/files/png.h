/* SPDX-License-Identifier: Apache-2.0
 *
 * png.h: pictures as PNG files.
 */
#pragma once

#include <glib.h>

/* Writes width x height pixels of 3 (RGB) or 4 (RGBA) bytes, rows top to bottom, 8 bits a channel,
 * sRGB. The file appears whole or not at all. IO or MEMORY. [any thread] */
gboolean sag_png_write (const char   *path,
                        const guint8 *pixels,
                        int           width,
                        int           height,
                        int           channels,
                        GError      **error);
