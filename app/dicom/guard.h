/* SPDX-License-Identifier: Apache-2.0
 *
 * guard.h: a look at a file's structure before the toolkit, which recurses, is let near it.
 */
#pragma once

#include <glib.h>

/* The deepest sequences within sequences that are read; structured reports come to about twenty. */
#define SAG_GUARD_DEPTH 64

/* FALSE if the file in `data` (all of it, as on disk) nests sequences deeper than that, or is so
 * malformed that this cannot be told; a deflated one is looked at inflated. Only structure is
 * judged: anything else passes. Reads element headers only, up to the pixel data. [any thread] */
gboolean sag_guard_check (const guint8 *data,
                          gsize         n);

/* FALSE if a JPEG stream has the marker TEM before its frame header: the toolkit waits there for ever. Nothing else
 * of it is judged. [any thread] */
gboolean sag_guard_check_jpeg (const guint8 *data,
                               gsize         n);

/* Bits of a sample as the frame header of a JPEG or JPEG-LS stream says; 0 if none is found. [any thread] */
int      sag_guard_get_jpeg_precision (const guint8 *data,
                                       gsize         n);

/* FALSE if the segments of an RLE frame (PS3.5 G.5) do not follow each other inside its `n` bytes: the toolkit takes
 * their offsets on trust. [any thread] */
gboolean sag_guard_check_rle (const guint8 *data,
                              gsize         n);

/* TRUE if the two bytes are a value representation of PS3.5 6.2. [any thread] */
gboolean sag_guard_is_vr    (const guint8 vr[2]);
