/* SPDX-License-Identifier: Apache-2.0
 *
 * pixels.h: frames of one file, decoded: any transfer syntax, any colour model, to a few plain
 * forms.
 */
#pragma once

#include "app/dicom/instance.h"

/* How decoded samples lie in memory. */
typedef enum
{
  SAG_SAMPLE_U8,
  SAG_SAMPLE_I8,
  SAG_SAMPLE_U16,
  SAG_SAMPLE_I16,
  SAG_SAMPLE_U32,
  SAG_SAMPLE_I32,
  SAG_SAMPLE_F32,
  SAG_SAMPLE_F64,
  SAG_SAMPLE_BIT,  /* one bit a pixel in the file; decoded to a byte 0 or 1 */
  SAG_SAMPLE_RGB8, /* three bytes a pixel, whatever the file's colour model */
} SagSample;

/* Bytes of one decoded pixel. */
gsize           sag_sample_get_bytes   (SagSample                sample);

/* What frames of this header decode to. INVALID where the header contradicts itself or asks for
 * more than its file can hold, UNSUPPORTED for what we do not do (an unknown transfer syntax is
 * named by its UID). Nothing is read. [any thread] */
gboolean        sag_pixels_get_sample  (const SagDicomInstance  *instance,
                                        SagSample               *sample,
                                        GError                 **error);

/* A file opened for its frames; used by one thread at a time. */
typedef struct _SagPixels SagPixels;

/* `instance` is the file's header, borrowed while open. */
SagPixels      *sag_pixels_open        (const SagDicomInstance  *instance,
                                        GError                 **error);
void            sag_pixels_close       (SagPixels               *self);
SagSample       sag_pixels_sample      (const SagPixels         *self);

/* Decodes frame `frame` (from 0) to rows * columns pixels in `buffer` (of at least rows * columns *
 * sag_sample_get_bytes()), top row first: stored values, sign extended and unused bits masked, not
 * rescaled. */
gboolean        sag_pixels_decode      (SagPixels               *self,
                                        int                      frame,
                                        gpointer                 buffer,
                                        GError                 **error);

/* What a stored value of `frame` stands for: by the modality LUT where the file has one, else by
 * slope and intercept (PS3.3 C.11.1). */
double          sag_pixels_get_value   (const SagPixels         *self,
                                        const SagDicomFrame     *frame,
                                        double                   stored);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagPixels, sag_pixels_close)
