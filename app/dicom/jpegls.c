/* SPDX-License-Identifier: Apache-2.0
 *
 * jpegls.c: what the toolkit's JPEG-LS decoder needs to be told.
 */
#include "app/dicom/jpegls.h"

enum
{
  FRAME = 0xf7,      /* SOF55: precision in its first byte */
  PARAMETERS = 0xf8, /* LSE */
  SCAN = 0xda,       /* SOS */
};

GBytes *
sag_jpegls_complete (GBytes *stream)
{
  gsize size, at = 2;
  const guint8 *data = g_bytes_get_data (stream, &size);
  int precision = 0;

  while (at + 5 <= size && data[at] == 0xff && data[at + 1] != PARAMETERS)
    {
      if (data[at + 1] == FRAME)
        precision = data[at + 4];
      if (data[at + 1] == SCAN)
        break;
      at += 2 + ((gsize) data[at + 2] << 8 | data[at + 3]);
    }
  if (at + 5 > size || data[at] != 0xff || data[at + 1] != SCAN || precision < 2 || precision > 7)
    return stream;

  int largest = (1 << precision) - 1, factor = 256 / (largest + 1);
  /* Lossless: thresholds 3, 7 and 21 of 8 bits, scaled; contexts halve at 64. */
  const guint8 parameters[] = { 0xff, PARAMETERS, 0, 13, 1, 0, (guint8) largest,
                                0, (guint8) MAX (2, 3 / factor), 0, (guint8) MAX (3, 7 / factor),
                                0, (guint8) MAX (4, 21 / factor), 0, 64 };
  GByteArray *whole = g_byte_array_sized_new ((guint) (size + sizeof parameters));

  g_byte_array_append (whole, data, (guint) at);
  g_byte_array_append (whole, parameters, sizeof parameters);
  g_byte_array_append (whole, data + at, (guint) (size - at));
  g_bytes_unref (stream);
  return g_byte_array_free_to_bytes (whole);
}
