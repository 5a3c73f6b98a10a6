/* SPDX-License-Identifier: Apache-2.0
 *
 * jpeg2000.c: code streams through OpenJPEG.
 */
#include "app/dicom/jpeg2000.h"

#include "app/dicom/instance.h"
#include "engine/base/parallel.h"

#include <glib/gi18n-lib.h>
#include <openjpeg.h>
#include <string.h>

typedef struct
{
  const guint8 *data;
  gsize         size;
  gsize         at;
} Source;

static OPJ_SIZE_T
source_read (void *buffer, OPJ_SIZE_T n, void *user_data)
{
  Source *source = user_data;
  gsize left = source->size - source->at;

  if (left == 0)
    return (OPJ_SIZE_T) -1;
  n = MIN (n, left);
  memcpy (buffer, source->data + source->at, n);
  source->at += n;
  return n;
}

static OPJ_OFF_T
source_skip (OPJ_OFF_T n, void *user_data)
{
  Source *source = user_data;

  if (n < 0)
    return -1;
  source->at = MIN (source->size, source->at + (gsize) n);
  return n;
}

static OPJ_BOOL
source_seek (OPJ_OFF_T to, void *user_data)
{
  Source *source = user_data;

  if (to < 0 || (gsize) to > source->size)
    return OPJ_FALSE;
  source->at = (gsize) to;
  return OPJ_TRUE;
}

static void
log_message (const char *message, void *user_data)
{
  g_log ("dicom", G_LOG_LEVEL_DEBUG, "%s", message);
}

static gboolean
fail (GError **error, const char *what)
{
  g_set_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID, _ ("the JPEG 2000 image %s"), what);
  return FALSE;
}

/* Sizes of the stream against those of the header, before any memory is taken for pixels. */
static gboolean
check_image (const opj_image_t *image, int columns, int rows, int samples, GError **error)
{
  if (image->x1 < image->x0 || image->y1 < image->y0 || image->x1 - image->x0 != (guint32) columns
      || image->y1 - image->y0 != (guint32) rows || (int) image->numcomps < samples)
    {
      g_set_error (
          error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID,
          _ ("the JPEG 2000 image is %u x %u with %u components where the header says %d x %d with %d"),
          image->x1 - image->x0, image->y1 - image->y0, image->numcomps, columns, rows, samples);
      return FALSE;
    }
  for (int c = 0; c < samples; c++)
    if (image->comps[c].dx != 1 || image->comps[c].dy != 1 || image->comps[c].prec > 31
        || image->comps[c].prec < 1)
      return fail (
          error, _ ("has subsampled components, or more than 31 bits a sample; this is not supported"));
  return TRUE;
}

static gboolean
decode (opj_codec_t *codec, opj_stream_t *stream, opj_image_t **image, int columns, int rows,
        int samples, gint32 *values, gboolean *is_signed, int *precision, GError **error)
{
  opj_dparameters_t parameters;

  opj_set_default_decoder_parameters (&parameters);
  opj_set_warning_handler (codec, log_message, NULL);
  opj_set_error_handler (codec, log_message, NULL);
  if (!opj_setup_decoder (codec, &parameters))
    return fail (error, _ ("cannot be decoded"));
  /* One image alone has all cores: within sag_parallel_for() the team is this thread. */
  if (sag_parallel_get_size () > 1)
    opj_codec_set_threads (codec, sag_parallel_get_size ());
  /* A stream without its end marker still shows what it has. */
  opj_decoder_set_strict_mode (codec, OPJ_FALSE);
  if (!opj_read_header (stream, codec, image))
    return fail (error, _ ("is damaged"));
  if (!check_image (*image, columns, rows, samples, error))
    return FALSE;
  if (!opj_decode (codec, stream, *image))
    return fail (error, _ ("is damaged or cut short"));
  for (int c = 0; c < samples; c++)
    {
      const opj_image_comp_t *component = &(*image)->comps[c];
      gsize n = (gsize) columns * rows;

      if (component->data == NULL || component->w != (guint32) columns
          || component->h != (guint32) rows)
        return fail (error, _ ("is damaged"));
      for (gsize i = 0; i < n; i++)
        values[i * samples + c] = component->data[i];
    }
  *is_signed = (*image)->comps[0].sgnd != 0;
  *precision = (int) (*image)->comps[0].prec;
  return TRUE;
}

gboolean
sag_jpeg2000_decode (GBytes *bytes, int columns, int rows, int samples, gint32 *values,
                     gboolean *is_signed, int *precision, GError **error)
{
  static const guint8 jp2_box[] = { 0, 0, 0, 12, 'j', 'P', ' ', ' ' };
  Source source = { 0 };
  opj_codec_t *codec;
  opj_stream_t *stream;
  opj_image_t *image = NULL;
  gboolean ok;

  source.data = g_bytes_get_data (bytes, &source.size);
  if (source.size < 12)
    return fail (error, _ ("is empty"));
  codec = opj_create_decompress (
      memcmp (source.data, jp2_box, sizeof jp2_box) == 0 ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K);
  stream = opj_stream_create (MIN (source.size, OPJ_J2K_STREAM_CHUNK_SIZE), OPJ_TRUE);
  opj_stream_set_user_data (stream, &source, NULL);
  opj_stream_set_user_data_length (stream, source.size);
  opj_stream_set_read_function (stream, source_read);
  opj_stream_set_skip_function (stream, source_skip);
  opj_stream_set_seek_function (stream, source_seek);
  ok = decode (codec, stream, &image, columns, rows, samples, values, is_signed, precision, error);
  opj_image_destroy (image);
  opj_stream_destroy (stream);
  opj_destroy_codec (codec);
  return ok;
}
