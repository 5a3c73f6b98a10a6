/* SPDX-License-Identifier: Apache-2.0
 *
 * text.c: texts out of messages.
 */
#include "app/state/text.h"

#include <langinfo.h>
#include <locale.h>
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

static int
read_digits (const char *text, int n)
{
  int value = 0;

  for (int i = 0; i < n; i++)
    value = 10 * value + text[i] - '0';
  return value;
}

/* How the locale writes a date, for g_date_time_format(). */
static char *
get_date_format (void)
{
  const char *name = setlocale (LC_TIME, NULL);
  g_autoptr (GString) format = g_string_new (nl_langinfo (D_FMT));

  if (name == NULL || g_str_equal (name, "C") || g_str_has_prefix (name, "C.") || g_str_equal (name, "POSIX"))
    return g_strdup ("%Y-%m-%d");
  g_string_replace (format, "%D", "%m/%d/%Y", 0);
  g_string_replace (format, "%y", "%Y", 0); /* 02/03/26 could be any of three dates */
  g_string_replace (format, "%E", "%", 0);  /* a calendar of its own would not be the patient's */
  return g_string_free (g_steal_pointer (&format), FALSE);
}

char *
sag_text_format_date (const char *date)
{
  /* 19940130, or 1994.01.30 as ACR-NEMA had it (PS3.5 6.2, DA). */
  g_autofree char *format = NULL;
  g_autoptr (GDateTime) day = NULL;
  int gap = strlen (date) == 10 && date[4] == '.' && date[7] == '.';

  if (strlen (date) != 8u + 2u * gap || strspn (date, gap ? "0123456789." : "0123456789") != strlen (date))
    return g_strdup (date);
  format = get_date_format ();
  day = g_date_time_new_utc (read_digits (date, 4), read_digits (date + 4 + gap, 2),
                             read_digits (date + 6 + 2 * gap, 2), 0, 0, 0);
  return day != NULL ? g_date_time_format (day, format) : g_strdup (date); /* 19940230 is no day */
}
