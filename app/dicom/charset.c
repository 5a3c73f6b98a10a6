/* SPDX-License-Identifier: Apache-2.0
 *
 * charset.c: text of any Specific Character Set as UTF-8.
 *
 * With code extensions a byte below 0x80 belongs to the set in G0 and one above to the set in G1;
 * escape sequences put other sets there, and a delimiter puts the first ones back.
 */
#include "app/dicom/charset.h"

#include <string.h>

typedef enum
{
  CODE_ASCII,      /* one byte, G0 */
  CODE_SINGLE,     /* one byte, G1 */
  CODE_DOUBLE,     /* two bytes, G1 */
  CODE_JIS_X_0208, /* two bytes, G0 */
  CODE_JIS_X_0212,
} Code;

typedef struct
{
  const char *term;   /* PS3.3 defined term, after "ISO_IR " or "ISO 2022 IR " */
  const char *escape; /* PS3.3 tables C.12-3 and C.12-4, after ESC */
  Code        code;
  const char *name;   /* for the converter, with G1 bytes */
} Set;

static const Set sets[] = {
  { "6", "(B", CODE_ASCII, "ASCII" },
  { "14", "(J", CODE_ASCII, "ASCII" },
  { "13", ")I", CODE_SINGLE, "SHIFT_JIS" }, /* half-width katakana stand alike there */
  { "100", "-A", CODE_SINGLE, "ISO-8859-1" },
  { "101", "-B", CODE_SINGLE, "ISO-8859-2" },
  { "109", "-C", CODE_SINGLE, "ISO-8859-3" },
  { "110", "-D", CODE_SINGLE, "ISO-8859-4" },
  { "144", "-L", CODE_SINGLE, "ISO-8859-5" },
  { "127", "-G", CODE_SINGLE, "ISO-8859-6" },
  { "126", "-F", CODE_SINGLE, "ISO-8859-7" },
  { "138", "-H", CODE_SINGLE, "ISO-8859-8" },
  { "148", "-M", CODE_SINGLE, "ISO-8859-9" },
  { "203", "-b", CODE_SINGLE, "ISO-8859-15" },
  { "166", "-T", CODE_SINGLE, "TIS-620" },
  { "149", "$)C", CODE_DOUBLE, "EUC-KR" },
  { "58", "$)A", CODE_DOUBLE, "GB2312" },
  { "87", "$B", CODE_JIS_X_0208, "EUC-JP" },
  { "159", "$(D", CODE_JIS_X_0212, "EUC-JP" },
};

static const Set *
find_term (const char *term)
{
  static const char *const prefixes[] = { "ISO_IR ", "ISO 2022 IR ", "ISO-IR ", "ISO IR " };

  for (gsize p = 0; p < G_N_ELEMENTS (prefixes); p++)
    if (g_str_has_prefix (term, prefixes[p]))
      for (gsize i = 0; i < G_N_ELEMENTS (sets); i++)
        if (strcmp (term + strlen (prefixes[p]), sets[i].term) == 0)
          return &sets[i];
  return NULL;
}

static const Set *
find_escape (const char *text, gsize n)
{
  for (gsize i = 0; i < G_N_ELEMENTS (sets); i++)
    if (n >= strlen (sets[i].escape) && strncmp (text, sets[i].escape, strlen (sets[i].escape)) == 0)
      return &sets[i];
  return NULL;
}

/* Appends `n` bytes converted whole; what cannot be becomes U+FFFD. */
static void
append (GString *out, const char *bytes, gsize n, const char *name)
{
  g_autofree char *utf8 = g_convert (bytes, (gssize) n, "UTF-8", name, NULL, NULL, NULL);

  if (utf8 != NULL)
    g_string_append (out, utf8);
  else
    g_string_append (out, "\xef\xbf\xbd");
}

/* One character of two bytes from G0. */
static void
append_jis (GString *out, const char *pair, Code code)
{
  char euc[3] = { (char) 0x8f, (char) (pair[0] | 0x80), (char) (pair[1] | 0x80) };

  append (out, code == CODE_JIS_X_0212 ? euc : euc + 1, code == CODE_JIS_X_0212 ? 3 : 2, "EUC-JP");
}

static char *
extended_to_utf8 (const char *text, const Set *first)
{
  GString *out = g_string_new (NULL);
  gsize n = strlen (text);
  const Set *g0 = &sets[0], *g1 = first;

  for (gsize i = 0; i < n;)
    {
      guchar c = (guchar) text[i];

      if (c == 0x1b)
        {
          const Set *set = find_escape (text + i + 1, n - i - 1);

          if (set != NULL && (set->code == CODE_SINGLE || set->code == CODE_DOUBLE))
            g1 = set;
          else if (set != NULL)
            g0 = set;
          i += 1 + (set != NULL ? strlen (set->escape) : 0);
        }
      else if (c < 0x80 && g0->code != CODE_ASCII && c > 0x20)
        {
          if (i + 1 < n)
            append_jis (out, text + i, g0->code);
          i += 2;
        }
      else if (c < 0x80)
        {
          g_string_append_c (out, (char) c);
          if (strchr ("\\^=\r\n\f\t", c) != NULL)
            {
              g0 = &sets[0];
              g1 = first;
            }
          i++;
        }
      else
        {
          gsize bytes = g1 != NULL && g1->code == CODE_DOUBLE ? 2 : 1;

          if (i + bytes <= n)
            append (out, text + i, bytes, g1 != NULL ? g1->name : "ISO-8859-1");
          i += bytes;
        }
    }
  return g_string_free (out, FALSE);
}

char *
sag_charset_to_utf8 (const char *text, const char *terms)
{
  g_auto (GStrv) values = g_strsplit (terms, "\\", -1);
  g_autofree char *own = values[0] != NULL ? g_strdup (g_strstrip (values[0])) : g_strdup ("");
  const Set *first = find_term (own);
  gboolean is_ascii = TRUE;

  for (const char *p = text; *p != '\0' && is_ascii; p++)
    is_ascii = (guchar) *p < 0x80 && *p != 0x1b;
  if (is_ascii)
    return g_strdup (text);
  if (strcmp (own, "ISO_IR 192") == 0)
    return g_utf8_make_valid (text, -1);
  if (strcmp (own, "GB18030") == 0 || strcmp (own, "GBK") == 0)
    {
      char *utf8 = g_convert (text, -1, "UTF-8", "GB18030", NULL, NULL, NULL);

      return utf8 != NULL ? utf8 : g_utf8_make_valid (text, -1);
    }
  /* Nothing said, or nothing known: many writers mean UTF-8 all the same. */
  if (first == NULL && strchr (text, 0x1b) == NULL && g_utf8_validate (text, -1, NULL))
    return g_strdup (text);
  if (first != NULL && first->code == CODE_ASCII)
    first = NULL;
  /* Bytes above belong to nothing before an escape; writers that leave it out mean the set they name. */
  for (guint i = 1; first == NULL && values[0] != NULL && values[i] != NULL; i++)
    {
      const Set *set = find_term (g_strstrip (values[i]));

      if (set != NULL && (set->code == CODE_SINGLE || set->code == CODE_DOUBLE))
        first = set;
    }
  return extended_to_utf8 (text, first);
}
