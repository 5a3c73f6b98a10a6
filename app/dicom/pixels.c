/* SPDX-License-Identifier: Apache-2.0
 *
 * pixels.c: frames of one file, decoded.
 */
#include "app/dicom/pixels.h"

#include "app/dicom/dcmtk.h"
#include "app/dicom/guard.h"
#include "app/dicom/jpeg2000.h"
#include "app/dicom/jpegls.h"
#include "app/dicom/lut.h"
#include "app/dicom/palette.h"
#include "app/dicom/syntax.h"
#include "engine/base/error.h"

#include <glib/gi18n-lib.h>
#include <string.h>
#include <zlib.h>

/* What a decoder gives, before bits, colour and sign are put in order. */
typedef struct
{
  int      bytes;     /* of a sample: 1, 2, 4, 8 */
  gboolean is_exact;  /* int32: sign extended, no unused bits to mask */
  gboolean is_whole;  /* all bits of a sample belong to its value */
  gboolean planar;
  char     color_model[17];
} Raw;

struct _SagPixels
{
  const SagDicomInstance *instance;
  SagDcmFile             *file;
  SagSample               sample;
  SagCodec                codec;
  gboolean                is_subsampled; /* a colour for every two pixels; what codecs give is not */
  SagPalette             *palette;
  SagLut                 *lut; /* NULL: slope and intercept */
  guint8                 *raw; /* one frame as decoded; kept from frame to frame */
  gsize                   raw_size;
};

gsize
sag_sample_get_bytes (SagSample sample)
{
  static const guint8 bytes[] = { 1, 1, 2, 2, 4, 4, 4, 8, 1, 3 };

  return bytes[sample];
}

static gboolean
is_color (const SagDicomInstance *instance)
{
  return instance->samples_per_pixel == 3
         || strcmp (instance->photometric_interpretation, "PALETTE COLOR") == 0;
}

static gboolean
is_rle (const SagDicomInstance *instance)
{
  return strcmp (instance->transfer_syntax_uid, SAG_UID_RLE) == 0;
}

/* Samples that do not begin where a sample of ours does: 12 bits allocated, in old files; 2, 4, 24. */
static gboolean
is_packed (const SagDicomInstance *instance)
{
  int bits = instance->bits_allocated;

  return bits > 1 && bits < 32 && bits != 8 && bits != 16;
}

static gboolean
is_subsampled (const SagDicomInstance *in)
{
  return g_str_has_suffix (in->photometric_interpretation, "_422");
}

static gboolean
fail (const SagDicomInstance *instance, SagDicomError code, GError **error, const char *format, ...)
{
  g_autofree char *name = g_path_get_basename (instance->path);
  g_autofree char *shown = sag_escape_name (name, -1);
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, SAG_DICOM_ERROR, code, "'%s' %s", shown, what);
  return FALSE;
}

/* No codec makes more of a byte than this; a header that asks for more is hostile. */
#define MAX_EXPANSION 4096
#define FREE_BYTES (64 << 20)

gboolean
sag_pixels_get_sample (const SagDicomInstance *instance, SagSample *sample, GError **error)
{
  const SagSyntax *syntax = sag_syntax_find (instance->transfer_syntax_uid);
  int bits = instance->bits_allocated;
  guint64 n_frame;
  g_autofree char *uid = sag_escape_name (instance->transfer_syntax_uid, -1);

  if (syntax == NULL || syntax->codec == SAG_CODEC_NONE)
    return fail (instance, SAG_DICOM_ERROR_UNSUPPORTED, error,
                 _ ("has its pixels in transfer syntax %s (%s), which is not supported; convert it to "
                 "JPEG 2000, JPEG-LS or uncompressed"), uid,
                 syntax != NULL ? syntax->name : _ ("unknown"));
  if (!instance->has_pixel_data)
    return fail (instance, SAG_DICOM_ERROR_INVALID, error, _ ("has no pixel data"));
  if (instance->samples_per_pixel == 4)
    return fail (instance, SAG_DICOM_ERROR_UNSUPPORTED, error, _ ("is in the colours of %s, which are not supported"),
                 strcmp (instance->photometric_interpretation, "CMYK") == 0 ? "CMYK" : "ARGB");
  if (instance->rows < 1 || instance->columns < 1 || instance->rows > 65535
      || instance->columns > 65535
      || (instance->samples_per_pixel != 1 && instance->samples_per_pixel != 3))
    return fail (instance, SAG_DICOM_ERROR_INVALID, error,
                 _ ("says its image is %d x %d pixels of %d samples; that cannot be"), instance->columns,
                 instance->rows, instance->samples_per_pixel);
  if ((bits != 1 && bits != 8 && bits != 16 && bits != 32 && bits != 64
       && !(is_packed (instance) && syntax->codec == SAG_CODEC_NATIVE && !is_color (instance)))
      || instance->bits_stored < 1 || instance->bits_stored > bits || instance->high_bit < 0
      || instance->high_bit >= bits || instance->high_bit + 1 < instance->bits_stored)
    return fail (instance, SAG_DICOM_ERROR_UNSUPPORTED, error,
                 _ ("stores %d of %d bits with high bit %d, which is not supported"),
                 instance->bits_stored, bits, instance->high_bit);
  n_frame = (guint64) instance->rows * instance->columns * instance->samples_per_pixel;
  n_frame = bits % 8 != 0 ? n_frame * bits / 8 : n_frame * (bits / 8);
  if ((syntax->codec == SAG_CODEC_NATIVE || syntax->codec == SAG_CODEC_ENCAPSULATED)
      && !g_str_has_suffix (syntax->uid, ".1.99"))
    {
      /* Subsampled colour takes two thirds. */
      if (n_frame * instance->number_of_frames / 3 * 2 > (guint64) instance->file_size)
        return fail (instance, SAG_DICOM_ERROR_INVALID, error,
                     _ ("has fewer pixels than its header announces: it is truncated or damaged"));
    }
  else if (n_frame > FREE_BYTES && n_frame / MAX_EXPANSION > (guint64) instance->file_size)
    return fail (instance, SAG_DICOM_ERROR_INVALID, error,
                 "announces an image of %d x %d pixels, far more than its %" G_GINT64_FORMAT
                 " bytes can hold", instance->columns, instance->rows, instance->file_size);

  if (instance->samples_per_pixel == 3 && strcmp (instance->photometric_interpretation, "HSV") == 0)
    return fail (instance, SAG_DICOM_ERROR_UNSUPPORTED, error, _ ("is in the colours of %s, which are not supported"),
                 "HSV");
  if (is_color (instance))
    {
      if (bits != 8 && bits != 16 && !(bits == 32 && instance->samples_per_pixel == 3))
        return fail (instance, SAG_DICOM_ERROR_UNSUPPORTED, error,
                     _ ("is in colour of %d bits, which is not supported"), bits);
      *sample = SAG_SAMPLE_RGB8;
    }
  else if (bits == 1)
    *sample = SAG_SAMPLE_BIT;
  else if (bits <= 8)
    *sample = instance->pixel_representation == 1 ? SAG_SAMPLE_I8 : SAG_SAMPLE_U8;
  else if (bits <= 16)
    *sample = instance->pixel_representation == 1 ? SAG_SAMPLE_I16 : SAG_SAMPLE_U16;
  else if (bits == 64)
    *sample = SAG_SAMPLE_F64;
  else
    *sample = instance->pixel_representation == 1 ? SAG_SAMPLE_I32 : SAG_SAMPLE_U32;
  return TRUE;
}

SagPixels *
sag_pixels_open (const SagDicomInstance *instance, GError **error)
{
  g_autoptr (SagPixels) self = g_new0 (SagPixels, 1);

  if (!sag_pixels_get_sample (instance, &self->sample, error))
    return NULL;
  self->instance = instance;
  self->codec = sag_syntax_find (instance->transfer_syntax_uid)->codec;
  self->file = sag_dcm_file_open (instance->path, error);
  if (self->file == NULL)
    return NULL;
  /* Some say a compressed transfer syntax of uncompressed pixels, some put these in fragments. */
  if (self->codec != SAG_CODEC_NATIVE && !sag_dcm_file_has_fragments (self->file))
    self->codec = SAG_CODEC_NATIVE;
  else if (self->codec == SAG_CODEC_NATIVE && sag_dcm_file_has_fragments (self->file))
    self->codec = SAG_CODEC_ENCAPSULATED;
  /* 32 bits are floats where the pixels lie in Float Pixel Data. */
  if (instance->bits_allocated == 32 && !is_color (instance)
      && sag_dcm_file_has (self->file, 0x7fe0, 0x0008))
    self->sample = SAG_SAMPLE_F32;
  if (self->sample == SAG_SAMPLE_F64 && !sag_dcm_file_has (self->file, 0x7fe0, 0x0009))
    {
      fail (instance, SAG_DICOM_ERROR_UNSUPPORTED, error, _ ("stores %d of %d bits with high bit %d, which is not supported"),
            instance->bits_stored, instance->bits_allocated, instance->high_bit);
      return NULL;
    }
  /* Some say that their colour is subsampled, and store all of it. */
  self->is_subsampled = instance->samples_per_pixel == 3 && is_subsampled (instance)
                        && !(self->codec == SAG_CODEC_NATIVE
                             && sag_dcm_file_get_native_length (self->file)
                                    >= (gsize) instance->rows * instance->columns * 3
                                           * (instance->bits_allocated / 8) * instance->number_of_frames);
  if (self->sample == SAG_SAMPLE_RGB8 && instance->samples_per_pixel == 1)
    {
      self->palette = sag_palette_read (self->file, instance->pixel_representation == 1, error);
      if (self->palette == NULL)
        {
          g_prefix_error (error, "'%s': ", instance->path);
          return NULL;
        }
    }
  if (instance->has_modality_lut && self->sample <= SAG_SAMPLE_I32)
    {
      self->lut = sag_lut_read (self->file, instance->pixel_representation == 1, error);
      if (self->lut == NULL)
        {
          g_prefix_error (error, "'%s': ", instance->path);
          return NULL;
        }
    }
  return g_steal_pointer (&self);
}

double
sag_pixels_get_value (const SagPixels *self, const SagDicomFrame *frame, double stored)
{
  return self->lut != NULL ? sag_lut_get (self->lut, stored)
                           : stored * frame->rescale_slope + frame->rescale_intercept;
}

void
sag_pixels_close (SagPixels *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->file, sag_dcm_file_close);
  g_clear_pointer (&self->palette, sag_palette_free);
  g_clear_pointer (&self->lut, sag_lut_free);
  sag_free (self->raw);
  g_free (self);
}

SagSample
sag_pixels_sample (const SagPixels *self)
{
  return self->sample;
}

static gboolean
reserve (SagPixels *self, gsize bytes, GError **error)
{
  if (self->raw_size >= bytes)
    return TRUE;
  sag_free (self->raw);
  self->raw_size = 0;
  self->raw = sag_alloc_try (bytes, "one image", error);
  if (self->raw != NULL)
    self->raw_size = bytes;
  return self->raw != NULL;
}

/* One frame of bits, which follow each other without padding from frame to frame (PS3.5 8.1.1). */
static gboolean
decode_bits (SagPixels *self, int frame, guint8 *out, GError **error)
{
  const SagDicomInstance *in = self->instance;
  gsize n = (gsize) in->rows * in->columns;
  gsize first_bit = n * frame;
  gsize start = first_bit / 16 * 2;
  gsize end = (first_bit + n + 15) / 16 * 2;

  if (!reserve (self, end - start, error)
      || !sag_dcm_file_get_native (self->file, start, self->raw, end - start, error))
    return FALSE;
  memset (out, 0, n);
  for (gsize i = 0; i < n; i++)
    {
      gsize bit = first_bit - start * 8 + i;

      if (bit % 8 == 0 && self->raw[bit / 8] == 0)
        i += 7; /* most of a mask is empty */
      else
        out[i] = self->raw[bit / 8] >> (bit % 8) & 1;
    }
  return TRUE;
}

/* The first bytes of a frame's code stream, where it has any of its own. */
static gsize
get_start (const SagPixels *self, const guint8 **start)
{
  static const guint8 jpeg[] = { 0xff, 0xd8, 0xff };

  *start = self->codec == SAG_CODEC_JPEG2000 ? (const guint8 *) SAG_JPEG2000_START : jpeg;
  if (self->codec == SAG_CODEC_JPEG2000)
    return 4;
  return self->codec == SAG_CODEC_DCMTK && !is_rle (self->instance) ? sizeof jpeg : 0;
}

/* The bytes of a frame as they lie in their fragments. */
static GBytes *
get_stream (const SagPixels *self, int frame, GError **error)
{
  const guint8 *start;
  gsize n_start = get_start (self, &start);

  return sag_dcm_file_get_fragments (self->file, frame, self->instance->number_of_frames, start,
                                     n_start, error);
}

static gboolean
decode_jpeg2000 (SagPixels *self, int frame, Raw *raw, GError **error)
{
  const SagDicomInstance *in = self->instance;
  gsize n = (gsize) in->rows * in->columns * in->samples_per_pixel;
  g_autoptr (GBytes) stream = get_stream (self, frame, error);
  gboolean is_signed;
  int precision;

  if (stream == NULL || !reserve (self, n * sizeof (gint32), error))
    return FALSE;
  gint32 *values = (gint32 *) self->raw;
  if (!sag_jpeg2000_decode (stream, in->columns, in->rows, in->samples_per_pixel, values,
                            &is_signed, &precision, error))
    {
      g_prefix_error (error, _ ("'%s', frame %d: "), in->path, frame + 1);
      return FALSE;
    }
  /* Where stream and header disagree about the sign, the header's bits are what was meant: the
   * values are the same modulo 2^precision, and the sign is taken anew from the precision's top
   * bit. */
  if (in->pixel_representation == 1 && !is_signed)
    for (gsize i = 0; i < n; i++)
      values[i] = (gint32) ((guint32) values[i] << (32 - precision)) >> (32 - precision);
  else if (in->pixel_representation == 0 && is_signed)
    for (gsize i = 0; i < n; i++)
      values[i] &= precision < 31 ? (1 << precision) - 1 : G_MAXINT32;
  raw->bytes = 4;
  raw->is_exact = TRUE;
  raw->planar = FALSE;
  /* The stream has undone its own colour transform. */
  g_strlcpy (raw->color_model,
             in->samples_per_pixel == 1
                     || strstr (in->photometric_interpretation, "YBR_FULL") != NULL
                 ? in->photometric_interpretation
                 : "RGB",
             sizeof raw->color_model);
  return TRUE;
}

/* A frame that lies uncompressed in its fragments: `n_bytes` into the raw buffer. */
static gboolean
copy_frame (SagPixels *self, int frame, gsize n_bytes, GError **error)
{
  g_autoptr (GBytes) bytes = get_stream (self, frame, error);

  if (bytes == NULL || !reserve (self, n_bytes, error))
    return FALSE;
  if (g_bytes_get_size (bytes) < n_bytes)
    return fail (self->instance, SAG_DICOM_ERROR_INVALID, error, _ ("frame %d is cut short"), frame + 1);
  memcpy (self->raw, g_bytes_get_data (bytes, NULL), n_bytes);
  return TRUE;
}

/* The compressed bytes of a frame, inflated to exactly `n_bytes` of the raw buffer. */
static gboolean
inflate_frame (SagPixels *self, int frame, gsize n_bytes, GError **error)
{
  g_autoptr (GBytes) bytes = get_stream (self, frame, error);
  z_stream z = { 0 };
  gsize size;
  gconstpointer data;
  int status;

  if (bytes == NULL || !reserve (self, n_bytes, error))
    return FALSE;
  data = g_bytes_get_data (bytes, &size);
  if (inflateInit2 (&z, -MAX_WBITS) != Z_OK)
    return fail (self->instance, SAG_DICOM_ERROR_MEMORY, error, _ ("needs more memory than there is"));
  z.next_in = (guint8 *) data;
  z.avail_in = (uInt) size;
  z.next_out = self->raw;
  z.avail_out = (uInt) MIN (n_bytes, G_MAXUINT32);
  status = inflate (&z, Z_FINISH);
  inflateEnd (&z);
  if ((status != Z_STREAM_END && status != Z_BUF_ERROR) || z.avail_out != 0)
    return fail (self->instance, SAG_DICOM_ERROR_INVALID, error,
                 _ ("frame %d is damaged or cut short"), frame + 1);
  return TRUE;
}

/* One segment of PackBits (PS3.5 G) to exactly `n_bytes` of the raw buffer; the toolkit refuses
 * 1-bit images. */
static gboolean
unpack_frame (SagPixels *self, int frame, gsize n_bytes, GError **error)
{
  g_autoptr (GBytes) bytes = get_stream (self, frame, error);
  gsize size, in = 64, out = 0; /* after the header of segment offsets */
  const guint8 *data;

  if (bytes == NULL || !reserve (self, n_bytes, error))
    return FALSE;
  data = g_bytes_get_data (bytes, &size);
  while (out < n_bytes && in < size)
    {
      int code = (gint8) data[in++];
      gsize n = code >= 0 ? (gsize) code + 1 : (gsize) 1 - code;

      if (code == -128)
        continue;
      n = MIN (n, n_bytes - out);
      if (code >= 0 ? in + n > size : in >= size)
        break;
      if (code >= 0)
        memcpy (self->raw + out, data + in, n);
      else
        memset (self->raw + out, data[in], n);
      in += code >= 0 ? n : 1;
      out += n;
    }
  if (out < n_bytes)
    return fail (self->instance, SAG_DICOM_ERROR_INVALID, error,
                 _ ("frame %d is damaged or cut short"), frame + 1);
  return TRUE;
}

/* Bits in fragments: each frame starts at a byte of its own. */
static gboolean
decode_packed_bits (SagPixels *self, int frame, guint8 *out, GError **error)
{
  gsize n = (gsize) self->instance->rows * self->instance->columns;

  if (self->codec == SAG_CODEC_DEFLATED_FRAME ? !inflate_frame (self, frame, (n + 7) / 8, error)
      : self->codec == SAG_CODEC_ENCAPSULATED ? !copy_frame (self, frame, (n + 7) / 8, error)
                                              : !unpack_frame (self, frame, (n + 7) / 8, error))
    return FALSE;
  for (gsize i = 0; i < n; i++)
    out[i] = self->raw[i / 8] >> (i % 8) & 1;
  return TRUE;
}

/* Native samples of other than whole bytes follow each other without padding, lowest bits first
 * (PS3.5 8.1.1): spread to `bytes` each. */
static gboolean
decode_packed (SagPixels *self, int frame, gsize n, int bytes, GError **error)
{
  int bits = self->instance->bits_allocated;
  guint64 first = (guint64) n * bits * frame, last = first + (guint64) n * bits;
  gsize start = first / 16 * 2, size = (last + 15) / 16 * 2 - start;
  g_autofree guint8 *packed = g_try_malloc0 (size + 8);

  if (packed == NULL)
    return fail (self->instance, SAG_DICOM_ERROR_MEMORY, error, _ ("needs more memory than there is"));
  if (!reserve (self, n * bytes, error)
      || !sag_dcm_file_get_native (self->file, start, packed, size, error))
    return FALSE;
  for (gsize i = 0; i < n; i++)
    {
      gsize at = first - start * 8 + i * bits;
      guint32 word = packed[at / 8] | packed[at / 8 + 1] << 8 | packed[at / 8 + 2] << 16
                     | (guint32) packed[at / 8 + 3] << 24;

      word = (guint32) ((word | (guint64) packed[at / 8 + 4] << 32) >> at % 8) & ((1u << bits) - 1);
      if (bytes == 2)
        ((guint16 *) self->raw)[i] = (guint16) word;
      else
        ((guint32 *) self->raw)[i] = word;
    }
  return TRUE;
}

/* What the toolkit would hang or crash on. */
static gboolean
is_sound (const SagDicomInstance *in, GBytes *stream)
{
  gsize n;
  const guint8 *data = g_bytes_get_data (stream, &n);

  return is_rle (in) ? sag_guard_check_rle (data, n) : sag_guard_check_jpeg (data, n);
}

/* Bytes of a sample as the toolkit decodes it: where 16 bits are allocated, some hold a JPEG of 8, or RLE of one segment
 * for the low bytes alone. */
static int
get_stream_bytes (const SagPixels *self, GBytes *stream)
{
  const SagDicomInstance *in = self->instance;
  gsize n = 0;
  const guint8 *data = stream != NULL ? g_bytes_get_data (stream, &n) : NULL;
  gboolean is_low_only = is_rle (in) && n > 64 && in->samples_per_pixel == 1 && data[0] == 1;
  int precision = is_low_only ? 8 : is_rle (in) ? 0 : sag_guard_get_jpeg_precision (data, n);

  return in->bits_allocated == 16 && precision > 0 && precision <= 8 ? 1 : in->bits_allocated / 8;
}

/* Pixels as bytes in the file's own layout. */
static gboolean
decode_plain (SagPixels *self, int frame, Raw *raw, GError **error)
{
  const SagDicomInstance *in = self->instance;
  gsize n = (gsize) in->rows * in->columns * in->samples_per_pixel;

  raw->bytes = in->bits_allocated / 8;
  raw->is_whole = in->bits_stored == in->bits_allocated;
  raw->planar = in->planar_configuration == 1;
  g_strlcpy (raw->color_model, in->photometric_interpretation, sizeof raw->color_model);
  if (self->codec == SAG_CODEC_DEFLATED_FRAME)
    return inflate_frame (self, frame, n * raw->bytes, error);
  if (self->codec == SAG_CODEC_ENCAPSULATED)
    return copy_frame (self, frame,
                       (self->is_subsampled ? n / 3 * 2 : n) * raw->bytes, error);
  if (self->codec == SAG_CODEC_DCMTK)
    {
      g_autoptr (GBytes) stream = get_stream (self, frame, error);

      if (stream != NULL && strcmp (in->transfer_syntax_uid, SAG_UID_JPEGLS) == 0)
        stream = sag_jpegls_complete (g_steal_pointer (&stream));
      if (stream != NULL && !is_sound (in, stream))
        return fail (in, SAG_DICOM_ERROR_INVALID, error, _ ("frame %d is damaged"), frame + 1);
      /* The toolkit pads a frame to even length. */
      raw->bytes = get_stream_bytes (self, stream);
      gsize size = n * raw->bytes, room = size % 2 == 0 && self->raw_size == size ? size : size + 2;

      if (stream == NULL || !reserve (self, room, error)
          || !sag_dcm_file_decode (self->file, frame, stream, raw->bytes, self->raw, room, raw->color_model, error))
        return FALSE;
      /* A lossy codec may overshoot; masking would turn white to black. */
      raw->is_whole |= sag_syntax_find (in->transfer_syntax_uid)->is_lossy;
      raw->planar = raw->planar && is_rle (in);
      return TRUE;
    }
  if (is_packed (in))
    {
      raw->bytes = in->bits_allocated <= 16 ? 2 : 4;
      raw->is_whole = FALSE;
      return decode_packed (self, frame, n, raw->bytes, error);
    }
  if (self->is_subsampled)
    n = n / 3 * 2;
  gsize start = n * raw->bytes * frame, shift = start % 2;
  gsize bytes = (n * raw->bytes + shift + 1) / 2 * 2;
  if (!reserve (self, bytes, error)
      || !sag_dcm_file_get_native (self->file, start - shift, self->raw, bytes, error))
    return FALSE;
  if (shift != 0)
    memmove (self->raw, self->raw + shift, n * raw->bytes);
  /* Words came in this machine's order; in big endian the high word stood first. */
  if (raw->bytes == 4 && strcmp (in->transfer_syntax_uid, SAG_UID_BIG_ENDIAN) == 0)
    for (gsize i = 0; i < n; i++)
      {
        guint32 *v = (guint32 *) self->raw + i;

        *v = *v << 16 | *v >> 16;
      }
  return TRUE;
}

/* Sample `i` of the raw frame as stored: unused bits gone, sign extended. */
static inline gint64
get_sample (const SagPixels *self, const Raw *raw, gsize i)
{
  const SagDicomInstance *in = self->instance;
  guint64 v;
  int shift, width;

  switch (raw->bytes)
    {
    case 1:
      v = self->raw[i];
      break;
    case 2:
      v = ((const guint16 *) self->raw)[i];
      break;
    default:
      v = ((const guint32 *) self->raw)[i];
      if (raw->is_exact)
        return (gint32) v;
      break;
    }
  shift = in->high_bit + 1 - in->bits_stored;
  width = in->bits_stored;
  v = v >> shift & (((guint64) 1 << width) - 1);
  if (in->pixel_representation == 1 && v >> (width - 1) & 1)
    return (gint64) v - ((gint64) 1 << width);
  return (gint64) v;
}

static void
store_gray (const SagPixels *self, const Raw *raw, gpointer out)
{
  gsize n = (gsize) self->instance->rows * self->instance->columns;
  gsize bytes = sag_sample_get_bytes (self->sample);

  if (raw->bytes == (int) bytes && !raw->is_exact && raw->is_whole)
    {
      if (out != self->raw)
        memcpy (out, self->raw, n * bytes);
      return;
    }
  /* From the end: samples may widen where they lie. */
  for (gsize i = n; i-- > 0;)
    {
      gint64 v = get_sample (self, raw, i);

      if (bytes == 1)
        ((guint8 *) out)[i] = (guint8) v;
      else if (bytes == 2)
        ((guint16 *) out)[i] = (guint16) v;
      else
        ((guint32 *) out)[i] = (guint32) v;
    }
}

static guint8
clamp8 (double v)
{
  return (guint8) CLAMP (v + 0.5, 0, 255);
}

/* PS3.3 C.7.6.3.1.2: full range, BT.601. */
static void
ybr_to_rgb (double y, double cb, double cr, guint8 *rgb)
{
  rgb[0] = clamp8 (y + 1.402 * (cr - 128));
  rgb[1] = clamp8 (y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128));
  rgb[2] = clamp8 (y + 1.772 * (cb - 128));
}

static void
store_rgb (const SagPixels *self, const Raw *raw, guint8 *out)
{
  const SagDicomInstance *in = self->instance;
  gsize n = (gsize) in->rows * in->columns;
  gboolean ybr = g_str_has_prefix (raw->color_model, "YBR_FULL");
  gboolean partial = g_str_has_prefix (raw->color_model, "YBR_PARTIAL");
  gboolean subsampled = self->codec != SAG_CODEC_DCMTK && self->codec != SAG_CODEC_JPEG2000
                        && self->is_subsampled;
  int shift = raw->bytes > 1 && in->bits_stored > 8 ? in->bits_stored - 8 : 0;

  for (gsize i = 0; i < n; i++)
    {
      gsize at[3];
      double s[3];

      for (gsize c = 0; c < 3; c++)
        {
          /* Subsampled: Y Y Cb Cr for two pixels. */
          at[c] = subsampled ? i / 2 * 4 + (c == 0 ? i % 2 : c + 1)
                  : raw->planar ? c * n + i : i * 3 + c;
          s[c] = (double) (get_sample (self, raw, at[c]) >> shift);
        }
      if (partial)
        {
          s[0] = (s[0] - 16) * 255 / 219;
          s[1] = 128 + (s[1] - 128) * 255 / 224;
          s[2] = 128 + (s[2] - 128) * 255 / 224;
        }
      if (ybr || partial)
        ybr_to_rgb (s[0], s[1], s[2], out + i * 3);
      else
        for (int c = 0; c < 3; c++)
          out[i * 3 + c] = (guint8) CLAMP (s[c], 0, 255);
    }
}

static void
store_palette (const SagPixels *self, const Raw *raw, guint8 *out)
{
  gsize n = (gsize) self->instance->rows * self->instance->columns;
  const SagPalette *palette = self->palette;

  for (gsize i = 0; i < n; i++)
    {
      gint64 entry = get_sample (self, raw, i) - palette->first;

      memcpy (out + i * 3, palette->rgb + CLAMP (entry, 0, palette->n_entries - 1) * 3, 3);
    }
}

/* Samples lie in the file as they do in the caller's buffer, which can be decoded into: a frame less beside the volume
 * for each thread. */
static gboolean
is_alike (const SagPixels *self)
{
  const SagDicomInstance *in = self->instance;
  gsize n = (gsize) in->rows * in->columns * sag_sample_get_bytes (self->sample);

  return (self->codec == SAG_CODEC_DCMTK || self->codec == SAG_CODEC_NATIVE) && in->samples_per_pixel == 1
         && self->palette == NULL && self->sample != SAG_SAMPLE_RGB8 && !is_packed (in)
         && sag_sample_get_bytes (self->sample) == in->bits_allocated / 8 && n % 2 == 0;
}

gboolean
sag_pixels_decode (SagPixels *self, int frame, gpointer buffer, GError **error)
{
  const SagDicomInstance *in = self->instance;
  Raw raw = { 0 };

  if (frame < 0 || frame >= in->number_of_frames)
    return fail (in, SAG_DICOM_ERROR_NOT_FOUND, error, _ ("has frames 1 to %d, not %d"),
                 in->number_of_frames, frame + 1);
  if (self->sample == SAG_SAMPLE_F32 || self->sample == SAG_SAMPLE_F64)
    {
      gsize bytes = (gsize) in->rows * in->columns * sag_sample_get_bytes (self->sample);

      return sag_dcm_file_get_native (self->file, bytes * frame, buffer, bytes, error);
    }
  if (self->sample == SAG_SAMPLE_BIT && self->codec == SAG_CODEC_NATIVE)
    return decode_bits (self, frame, buffer, error);
  if (self->sample == SAG_SAMPLE_BIT
      && (self->codec == SAG_CODEC_DEFLATED_FRAME
          || self->codec == SAG_CODEC_ENCAPSULATED || is_rle (in)))
    return decode_packed_bits (self, frame, buffer, error);
  if (self->sample == SAG_SAMPLE_BIT && self->codec == SAG_CODEC_DCMTK)
    return fail (in, SAG_DICOM_ERROR_UNSUPPORTED, error,
                 _ ("is a 1-bit image in transfer syntax %s, which is not supported"),
                 in->transfer_syntax_uid);
  if (is_alike (self))
    {
      guint8 *own = self->raw;
      gsize own_size = self->raw_size;
      gboolean good;

      self->raw = buffer;
      self->raw_size = (gsize) in->rows * in->columns * sag_sample_get_bytes (self->sample);
      good = decode_plain (self, frame, &raw, error);
      if (good)
        store_gray (self, &raw, buffer);
      self->raw = own;
      self->raw_size = own_size;
      return good;
    }
  if (self->codec == SAG_CODEC_JPEG2000 ? !decode_jpeg2000 (self, frame, &raw, error)
                                        : !decode_plain (self, frame, &raw, error))
    return FALSE;
  if (self->palette != NULL)
    store_palette (self, &raw, buffer);
  else if (self->sample == SAG_SAMPLE_RGB8)
    store_rgb (self, &raw, buffer);
  else
    store_gray (self, &raw, buffer);
  return TRUE;
}
