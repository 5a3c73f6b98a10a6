/* SPDX-License-Identifier: Apache-2.0
 *
 * uid.c: unique identifiers (PS3.5 9, B.2).
 */
#include "app/dicom/dcmtk.h"

void
sag_dicom_make_uid (const char *seed, SagUid uid)
{
  guint8 bytes[32];
  gsize n = sizeof bytes;

  if (seed != NULL)
    {
      GChecksum *sum = g_checksum_new (G_CHECKSUM_SHA256);

      g_checksum_update (sum, (const guchar *) seed, -1);
      g_checksum_get_digest (sum, bytes, &n);
      g_checksum_free (sum);
    }
  else
    {
      g_autofree char *random = g_uuid_string_random ();
      guint8 *out = bytes;

      for (const char *p = random; *p != '\0';)
        if (*p == '-')
          p++;
        else
          {
            *out++ = (guint8) (g_ascii_xdigit_value (p[0]) << 4 | g_ascii_xdigit_value (p[1]));
            p += 2;
          }
    }
  /* A 128-bit number in decimal, by long division. */
  char digits[40];
  int n_digits = 0;
  gboolean more = TRUE;
  while (more)
    {
      int rest = 0;

      more = FALSE;
      for (int i = 0; i < 16; i++)
        {
          int v = rest << 8 | bytes[i];

          bytes[i] = (guint8) (v / 10);
          rest = v % 10;
          more |= bytes[i] != 0;
        }
      digits[n_digits++] = (char) ('0' + rest);
    }
  g_strlcpy (uid, "2.25.", sizeof (SagUid));
  for (int i = 0; i < n_digits; i++)
    uid[5 + i] = digits[n_digits - 1 - i];
  uid[5 + n_digits] = '\0';
}
