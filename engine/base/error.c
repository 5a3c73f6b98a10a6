/* SPDX-License-Identifier: Apache-2.0
 *
 * error.c: the error domain of the engine.
 */
#include "engine/base/error.h"

#include <string.h>

G_DEFINE_QUARK (sag-engine-error-quark, sag_engine_error)

gboolean
sag_engine_error_cancelled (GError **error)
{
  g_set_error_literal (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_CANCELLED, "Cancelled");
  return FALSE;
}

gboolean
sag_invalid (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  if (error != NULL)
    *error = g_error_new_valist (SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID, format, arguments);
  va_end (arguments);
  return FALSE;
}

char *
sag_escape_name (const char *name, gssize n)
{
  gsize length = name == NULL ? 0 : n < 0 ? strlen (name) : (gsize) n;
  g_autofree char *valid = g_utf8_make_valid (name != NULL ? name : "", MIN (length, 320));
  GString *out = g_string_new (NULL);
  int count = 0;

  for (const char *p = valid; *p != '\0' && count < 80; p = g_utf8_next_char (p), count++)
    {
      gunichar c = g_utf8_get_char (p);

      g_string_append_unichar (out, g_unichar_iscntrl (c) || c == 0xfffd ? '?' : c);
    }
  if (count == 80)
    g_string_append (out, "…");
  return g_string_free (out, FALSE);
}
