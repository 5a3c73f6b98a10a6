/* SPDX-License-Identifier: Apache-2.0
 *
 * lut.c: modality values by table.
 */
#include "app/dicom/lut.h"

#include <glib/gi18n-lib.h>

static SagLut *
read_table (SagDcmFile *file, guint16 sequence, gboolean is_signed, GError **error)
{
  gsize n_descriptor = 0, n_words = 0, n;
  g_autofree guint16 *descriptor
      = sag_dcm_file_get_item_words (file, 0x0028, sequence, 0x0028, 0x3002, &n_descriptor);
  g_autofree guint16 *words
      = sag_dcm_file_get_item_words (file, 0x0028, sequence, 0x0028, 0x3006, &n_words);
  gboolean is_packed;
  SagLut *self;

  n = descriptor == NULL || n_descriptor < 3 ? 0 : descriptor[0] == 0 ? 65536 : descriptor[0];
  /* Entries of 8 bits may lie two to a word. */
  is_packed = n > 0 && descriptor[2] <= 8 && n_words < n && n_words == (n + 1) / 2;
  if (n == 0 || words == NULL || (n_words < n && !is_packed))
    {
      g_set_error_literal (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID,
                           _ ("The look-up table is damaged or cut short"));
      return NULL;
    }
  self = g_new0 (SagLut, 1);
  self->first = is_signed ? (gint16) descriptor[1] : descriptor[1];
  self->n_entries = (int) n;
  self->bits = CLAMP (descriptor[2], 1, 16);
  self->values = g_new (guint16, n);
  for (gsize i = 0; i < n; i++)
    self->values[i] = !is_packed ? words[i] : i % 2 == 0 ? words[i / 2] & 255 : words[i / 2] >> 8;
  return self;
}

SagLut *
sag_lut_read (SagDcmFile *file, gboolean is_signed, GError **error)
{
  return read_table (file, 0x3000, is_signed, error);
}

guint8 *
sag_lut_read_voi (SagDcmFile *file, int *n)
{
  SagLut *lut = read_table (file, 0x3010, FALSE, NULL);
  guint8 *levels;
  int white;

  if (lut == NULL || lut->n_entries < 2)
    {
      g_clear_pointer (&lut, sag_lut_free);
      return NULL;
    }
  white = (1 << lut->bits) - 1;
  levels = g_new (guint8, lut->n_entries);
  for (int i = 0; i < lut->n_entries; i++)
    levels[i] = (guint8) ((MIN (lut->values[i], white) * 255 + white / 2) / white);
  *n = lut->n_entries;
  sag_lut_free (lut);
  return levels;
}

void
sag_lut_free (SagLut *self)
{
  g_free (self->values);
  g_free (self);
}

double
sag_lut_get (const SagLut *self, double stored)
{
  return self->values[(int) CLAMP (stored - self->first, 0, self->n_entries - 1)];
}
