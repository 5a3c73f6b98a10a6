/* SPDX-License-Identifier: Apache-2.0
 *
 * ranges.h: static ranges: between which numbers each value of a network lies, measured once on
 * examples, so that INT8 and INT4 need not look at run time.
 *
 * The side file, NAME.ranges beside NAME.onnx, is text, UTF-8, one fact a line:
 *
 *     sagitta-ranges 1
 *     model <sha-256 of the .onnx file, 64 hexadecimal digits>
 *     method mse
 *     samples 12
 *     -1.25 2.5 image
 *     0 6.125 /encoder/0/Relu_output_0
 *
 * After the head each line is a range, least and greatest, and the value's name as in the file, up
 * to the end of the line (backslash, control characters: as in C strings). A range always holds 0. A value
 * without a line is measured at run time. Unknown words of the head are left alone.
 */
#pragma once

#include <glib.h>

typedef struct _SagRanges SagRanges;

/* An empty table for the model file with this SHA-256 (hexadecimal). `method` says how it was made. */
SagRanges  *sag_ranges_new        (const char      *sha256,
                                   const char      *method,
                                   int              samples);
void        sag_ranges_free       (SagRanges       *self);

/* Reads a side file. INVALID with the line, or IO. */
SagRanges  *sag_ranges_read       (const char      *path,
                                   GError         **error);

/* The side file's text; the caller writes it (app/files/save.h) and frees it. */
char       *sag_ranges_to_text    (const SagRanges *self);

/* NAME.ranges for .../NAME.onnx, whether it is there or not. Caller frees. */
char       *sag_ranges_path_for   (const char      *model_path);

const char *sag_ranges_get_sha256 (const SagRanges *self);
int         sag_ranges_get_n      (const SagRanges *self);

/* The range is widened to hold 0; one that is not finite is left out. */
void        sag_ranges_set        (SagRanges       *self,
                                   const char      *name,
                                   float            least,
                                   float            most);

/* FALSE if there is none for that value. */
gboolean    sag_ranges_get        (const SagRanges *self,
                                   const char      *name,
                                   float           *least,
                                   float           *most);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagRanges, sag_ranges_free)
