/* SPDX-License-Identifier: Apache-2.0
 *
 * format.c: quantities as people read them. */
#include "ui/format.h"

#include <math.h>
#include <string.h>

#define MINUS "\xe2\x88\x92"

char *
sag_format_number (double value,
                   int    digits)
{
  double unit = pow (10, -digits);
  gboolean negative = value < 0 && fabs (value) >= unit / 2; /* never "−0.0" */

  return g_strdup_printf ("%s%.*f", negative ? MINUS : "", digits, fabs (value));
}

static int
digits_for (double value)
{
  double size = fabs (value);

  if (size >= 100 || value == floor (value))
    return 0;
  if (size >= 10)
    return 1;
  if (size >= 0.1)
    return 2;
  return 4;
}

char *
sag_format_value (double      value,
                  const char *unit)
{
  /* Hounsfield units are whole numbers to a reader, whatever the rescale made of them. */
  int digits = g_strcmp0 (unit, "HU") == 0 ? 0 : digits_for (value);
  g_autofree char *number = sag_format_number (value, digits);

  if (unit == NULL || unit[0] == '\0')
    return g_steal_pointer (&number);
  return g_strconcat (number, " ", unit, NULL);
}

char *
sag_format_position (double      mm,
                     const char *plus,
                     const char *minus)
{
  return g_strdup_printf ("%s %.1f mm", mm >= 0 ? plus : minus, fabs (mm));
}

char *
sag_format_minus (const char *text)
{
  GString *made = g_string_new (NULL);

  for (const char *c = text; *c != '\0'; c++)
    if (*c == '-' && g_ascii_isdigit (c[1]))
      g_string_append (made, MINUS);
    else
      g_string_append_c (made, *c);
  return g_string_free (made, FALSE);
}

char *
sag_format_ml (double ml)
{
  return g_strdup_printf ("%.*f ml", ml >= 100 ? 0 : ml >= 1 ? 1 : 3, ml);
}

char *
sag_format_seconds (double seconds)
{
  int whole = (int) CLAMP (seconds + 0.5, 0, 1e6);

  if (whole >= 600)
    return g_strdup_printf ("%d min", (whole + 30) / 60);
  if (whole >= 90)
    return g_strdup_printf ("%d min %d s", whole / 60, whole % 60);
  return g_strdup_printf ("%.*f s", seconds >= 10 ? 0 : 1, seconds);
}
