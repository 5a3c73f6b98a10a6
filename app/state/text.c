/* SPDX-License-Identifier: Apache-2.0
 *
 * text.c: texts out of messages.
 */
#include "app/state/text.h"

#include <string.h>

char *
sag_text_dup (GVariant *dict, const char *key)
{
  char *text = NULL;

  return g_variant_lookup (dict, key, "s", &text) ? text : g_strdup ("");
}

void
sag_text_copy (char *to, const char *text, gsize size)
{
  gsize n = g_strlcpy (to, text, size);
  const char *end;

  if (n >= size && !g_utf8_validate (to, -1, &end))
    to[end - to] = '\0';
}

char *
sag_text_format_date (const char *date)
{
  /* 19940130, or 1994.01.30 as ACR-NEMA had it (PS3.5 6.2, DA). */
  int gap = strlen (date) == 10 && date[4] == '.' && date[7] == '.';

  if (strlen (date) != 8u + 2u * gap || strspn (date, gap ? "0123456789." : "0123456789") != strlen (date))
    return g_strdup (date);
  return g_strdup_printf ("%.4s-%.2s-%.2s", date, date + 4 + gap, date + 6 + 2 * gap);
}
