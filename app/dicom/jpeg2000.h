/* SPDX-License-Identifier: Apache-2.0
 *
 * jpeg2000.h: JPEG 2000 (ISO 15444-1) and High-Throughput JPEG 2000 (15444-15) code streams.
 */
#pragma once

#include <glib.h>

/* The bytes a code stream begins with: SOC, SIZ. */
#define SAG_JPEG2000_START "\xff\x4f\xff\x51"

/* Decodes one code stream (bare, or in a JP2 box file) of `columns` x `rows` pixels with `samples`
 * (1 or 3) components into `values`, pixel by pixel; colour as the stream's own transform leaves
 * it: RGB. `values` are as the stream's sign and precision say; `is_signed` and `precision` tell. A
 * stream of other size is INVALID (SAG_DICOM_ERROR); one cut short gives what is there. [any
 * thread] */
gboolean sag_jpeg2000_decode (GBytes    *stream,
                              int        columns,
                              int        rows,
                              int        samples,
                              gint32    *values,
                              gboolean  *is_signed,
                              int       *precision,
                              GError   **error);
