/* SPDX-License-Identifier: Apache-2.0
 *
 * palette.c: palette colour.
 */
#include "app/dicom/palette.h"

#include <glib/gi18n-lib.h>

/* Discrete, linear and indirect segments (PS3.3 C.7.9.2) to at most `n` entries; FALSE if they do not
 * fill them. `words` are entries of `bits`; an indirect segment's offset counts `unit` bytes. */
static gboolean
expand_segments (const guint16 *words, gsize n_words, int bits, int unit, guint16 *out, int n)
{
  gsize at = 0, resume = 0, left = 0; /* inside an indirect segment: where to go on, segments left */
  int filled = 0;

  for (int steps = 0; filled < n && at + 2 <= n_words && steps < 1 << 17; steps++)
    {
      guint16 code = words[at], length = words[at + 1];

      if (code == 0)
        {
          for (gsize i = 0; i < length && at + 2 + i < n_words && filled < n; i++)
            out[filled++] = words[at + 2 + i];
          at += 2 + (gsize) length;
        }
      else if (code == 1 && at + 2 < n_words && filled > 0)
        {
          int from = out[filled - 1], to = words[at + 2];

          for (int i = 1; i <= length && filled < n; i++)
            out[filled++] = (guint16) ((2 * (gint64) from * length + 2 * (gint64) (to - from) * i
                                        + length) / (2 * length));
          at += 3;
        }
      else if (code == 2 && at + (bits == 8 ? 5 : 3) < n_words && resume == 0)
        {
          gsize low = words[at + 2], high = words[at + 3];

          resume = at + (bits == 8 ? 6 : 4);
          left = (gsize) length + 1;
          at = bits == 8 ? low | high << 8 | (gsize) words[at + 4] << 16 | (gsize) words[at + 5] << 24
                         : (low | high << 16) / unit;
        }
      else
        return FALSE;
      if (resume != 0 && --left == 0)
        {
          at = resume;
          resume = 0;
        }
    }
  return filled == n;
}

static gboolean
read_channel (SagDcmFile *file, SagPalette *self, int channel, gboolean is_signed, GError **error)
{
  gsize n_descriptor = 0, n_words = 0;
  g_autofree guint16 *descriptor
      = sag_dcm_file_get_words (file, 0x0028, 0x1101 + channel, &n_descriptor);
  g_autofree guint16 *words = NULL;
  g_autofree guint16 *entries = NULL;
  int n, bits, depth;

  if (descriptor == NULL || n_descriptor < 3)
    goto absent;
  n = descriptor[0] == 0 ? 65536 : descriptor[0];
  bits = descriptor[2] <= 8 ? 8 : 16;
  depth = CLAMP (descriptor[2], 8, 16);
  if (channel == 0)
    {
      self->first = is_signed ? (gint16) descriptor[1] : descriptor[1];
      self->n_entries = n;
      self->rgb = g_malloc0 ((gsize) n * 3);
    }
  else if (n != self->n_entries)
    goto absent;
  entries = g_new0 (guint16, n);
  words = sag_dcm_file_get_words (file, 0x0028, 0x1201 + channel, &n_words);
  if (words != NULL)
    {
      gboolean packed = bits == 8 && n_words < (gsize) n; /* two entries a word */

      for (gsize i = 0; i < (gsize) n; i++)
        if (packed)
          entries[i] = i / 2 < n_words ? words[i / 2] >> (i % 2 * 8) & 0xff : 0;
        else
          entries[i] = i < n_words ? words[i] : 0;
    }
  else
    {
      words = sag_dcm_file_get_words (file, 0x0028, 0x1221 + channel, &n_words);
      if (words == NULL)
        goto absent;
      if (bits == 8)
        {
          /* Codes, lengths and values of a byte each, two to a word (PS3.3 C.7.9.2). */
          guint16 *bytes = g_new (guint16, 2 * n_words);

          for (gsize i = 0; i < 2 * n_words; i++)
            bytes[i] = words[i / 2] >> (i % 2 * 8) & 0xff;
          g_free (words);
          words = bytes;
          n_words *= 2;
        }
      /* The standard counts bytes; some count words. */
      if (!expand_segments (words, n_words, bits, 2, entries, n)
          && !expand_segments (words, n_words, bits, 1, entries, n))
        goto absent;
    }
  if (bits == 16)
    {
      /* Some writers say 16 bits and fill 8. */
      guint16 top = 0;

      for (int i = 0; i < n; i++)
        top = MAX (top, entries[i]);
      depth = top > 255 ? depth : 8;
    }
  for (int i = 0; i < n; i++)
    self->rgb[i * 3 + channel] = (guint8) (entries[i] >> (depth - 8));
  return TRUE;

absent:
  g_set_error_literal (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID,
                       _ ("the image is in palette colour without a sound palette"));
  return FALSE;
}

SagPalette *
sag_palette_read (SagDcmFile *file, gboolean is_signed, GError **error)
{
  SagPalette *self = g_new0 (SagPalette, 1);

  for (int channel = 0; channel < 3; channel++)
    if (!read_channel (file, self, channel, is_signed, error))
      {
        sag_palette_free (self);
        return NULL;
      }
  return self;
}

void
sag_palette_free (SagPalette *self)
{
  if (self == NULL)
    return;
  g_free (self->rgb);
  g_free (self);
}
