/* SPDX-License-Identifier: Apache-2.0
 *
 * deidentify-object.c: one object without what says whose it is.
 *
 * Bytes in, bytes out: what is not known to be harmless is not copied, and pixels are not touched.
 */
#include "app/dicom/confidentiality.h"
#include "app/dicom/dcmtk.h"
#include "app/dicom/deidentify.h"
#include "app/dicom/elements.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#define PET "1.2.840.10008.5.1.4.1.1.128"
#define THERAPY "1.2.840.10008.5.1.4.1.1.481."
#define MIN_TEXT 3 /* shorter ones are in every word */
#define MAX_TEXT 64

typedef struct
{
  const char  *key;
  SagDates     dates;
  int          days;      /* by which dates move */
  gboolean     is_pet;
  gboolean     is_therapy;
  GHashTable  *texts;
  char        *pseudonym;
} Rules;

static gboolean
is_vr (const char *vr, const char *list)
{
  for (const char *p = list; *p != '\0'; p += 2)
    if (vr[0] == p[0] && vr[1] == p[1])
      return TRUE;
  return FALSE;
}

/* Writing */

static void
put16 (GByteArray *out, const SagElements *as, guint16 value)
{
  const guint8 low = (guint8) value, high = (guint8) (value >> 8);
  const guint8 bytes[2] = { as->is_big ? high : low, as->is_big ? low : high };

  g_byte_array_append (out, bytes, 2);
}

static void
put32 (GByteArray *out, const SagElements *as, guint32 value)
{
  put16 (out, as, (guint16) (as->is_big ? value >> 16 : value));
  put16 (out, as, (guint16) (as->is_big ? value : value >> 16));
}

static void
put_tag (GByteArray *out, const SagElements *as, guint32 tag)
{
  put16 (out, as, (guint16) (tag >> 16));
  put16 (out, as, (guint16) tag);
}

/* One element, its value padded to even length, in the form of `as`. */
static void
put (GByteArray *out, const SagElements *as, guint32 tag, const char *vr, gconstpointer value, gsize n)
{
  const guint8 pad = is_vr (vr, "UIOBUN") ? '\0' : ' ';
  gboolean is_long = is_vr (vr, "OBOWOFODOLOVSQUCURUTUNSVUV");

  if (!is_long && !as->is_implicit && n > 65534) /* thousands of UIDs, made longer (PS3.5 6.2.2) */
    {
      vr = "UN";
      is_long = TRUE;
    }
  put_tag (out, as, tag);
  if (as->is_implicit)
    put32 (out, as, (guint32) (n + n % 2));
  else
    {
      g_byte_array_append (out, (const guint8 *) vr, 2);
      put16 (out, as, is_long ? 0 : (guint16) (n + n % 2));
      if (is_long)
        put32 (out, as, (guint32) (n + n % 2));
    }
  g_byte_array_append (out, value, (guint) n);
  if (n % 2 == 1)
    g_byte_array_append (out, &pad, 1);
}

static void
put_text (GByteArray *out, const SagElements *as, guint32 tag, const char *vr, const char *text)
{
  put (out, as, tag, vr, text, strlen (text));
}

/* What names somebody */

static gboolean
is_word_end (char c)
{
  return !g_ascii_isalnum (c) && (guchar) c < 0x80;
}

/* TRUE if `word` stands in `text` (lower case) as a word of its own. */
static gboolean
has_word (const char *text, const char *word)
{
  gsize n = strlen (word);

  for (const char *p = strstr (text, word); p != NULL; p = strstr (p + 1, word))
    if ((p == text || is_word_end (p[-1])) && is_word_end (p[n]))
      return TRUE;
  return FALSE;
}

/* TRUE if there is something like a UID in it: six numbers with dots between them. */
static gboolean
has_uid (const char *text)
{
  int dots = 0;

  for (const char *p = text; *p != '\0'; p++)
    if (*p == '.' && p > text && g_ascii_isdigit (p[-1]) && g_ascii_isdigit (p[1]))
      {
        if (++dots == 5)
          return TRUE;
      }
    else if (!g_ascii_isdigit (*p))
      dots = 0;
  return FALSE;
}

static gboolean
is_telling (const Rules *rules, const char *text)
{
  g_autofree char *lower = g_ascii_strdown (text, -1);
  GHashTableIter iter;
  gpointer word;

  if (has_uid (text))
    return TRUE;
  g_hash_table_iter_init (&iter, rules->texts);
  while (g_hash_table_iter_next (&iter, &word, NULL))
    if (has_word (lower, word))
      return TRUE;
  return FALSE;
}

static void
add_text (GHashTable *texts, const char *text, gsize n)
{
  const char *end;

  /* Texts are looked for as far as a NUL: what a damaged file has behind one is a text of its own. */
  for (; n > 0 && (end = memchr (text, '\0', n)) != NULL; n -= (gsize) (end + 1 - text), text = end + 1)
    add_text (texts, text, (gsize) (end - text));
  while (n > 0 && text[n - 1] == ' ')
    n--;
  for (; n > 0 && *text == ' '; n--)
    text++;
  if (n < MIN_TEXT || n > MAX_TEXT)
    return;
  g_hash_table_add (texts, g_ascii_strdown (text, (gssize) n));
}

/* Descriptions go, but their words ("Chest") name nobody; codes, names and places do. */
static gboolean
is_naming (const SagElement *element)
{
  static const guint32 names[]
      = { 0x00080080, 0x00080081, 0x00081040, 0x00100020, 0x00101000, 0x00101040, 0x00181000,
          0x00080050, 0x00081010, 0x00102154, 0x00321033, 0x00380010, 0x00380060, 0x00401001,
          0x00402016, 0x00402017 };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i] == element->tag)
      return TRUE;
  return is_vr (element->vr, "PNAE");
}

static gboolean
collect (SagElements elements, SagDates dates, GHashTable *texts)
{
  SagElement element;
  SagElementsState state;

  while ((state = sag_elements_next (&elements, &element)) == SAG_ELEMENTS_MORE)
    {
      const char *value = (const char *) element.value;
      gboolean is_date;

      sag_element_look_up (&element);
      is_date = dates == SAG_DATES_REMOVE && is_vr (element.vr, "DADT") && element.n >= 8;
      if (is_vr (element.vr, "SQ") || (element.length == SAG_UNDEFINED_LENGTH && element.is_un))
        {
          SagElements items, item;

          sag_elements_get_items (&elements, &element, &items);
          while (sag_elements_next_item (&items, &item) == SAG_ELEMENTS_MORE)
            collect (item, dates, texts);
        }
      else if (is_date)
        add_text (texts, value, 8);
      else if (is_naming (&element))
        {
          const char *separators = is_vr (element.vr, "PN") ? "\\^=" : "\\";
          gsize from = 0;

          add_text (texts, value, element.n);
          for (gsize i = 0; i <= element.n; i++)
            if (i == element.n || strchr (separators, value[i]) != NULL)
              {
                add_text (texts, value + from, i - from);
                from = i + 1;
              }
        }
    }
  return state == SAG_ELEMENTS_END;
}

gboolean
sag_deidentify_collect (const guint8 *bytes, gsize n, SagDates dates, GHashTable *texts)
{
  SagElementsFile file;
  gboolean good = sag_elements_open (bytes, n, &file) && collect (file.data, dates, texts);

  sag_elements_close (&file);
  return good;
}

/* Values */

/* Takes dates as programs write them into texts (ISO 8601: 2026-11-29, and a time behind it) out of `text`. FALSE if there
 * was none. */
static gboolean
cut_dates (char *text)
{
  static const char form[] = "dddd-dd-dd";
  gboolean found = FALSE;

  for (char *p = text; *p != '\0'; p++)
    {
      gsize n = 0;

      while (form[n] != '\0' && (form[n] == 'd' ? g_ascii_isdigit (p[n]) : p[n] == form[n]))
        n++;
      if (form[n] != '\0' || (p > text && g_ascii_isdigit (p[-1])) || g_ascii_isdigit (p[n]))
        continue;
      n += strcspn (p + n, " ;,\\");
      memmove (p, p + n, strlen (p + n) + 1);
      found = TRUE;
      if (*p == '\0')
        break;
    }
  return found;
}

static char *
hash (const char *key, const char *what, const char *text)
{
  g_autofree char *all = g_strdup_printf ("%s/%s/%s", key, what, text);

  return g_compute_checksum_for_string (G_CHECKSUM_SHA256, all, -1);
}

static void
put_uids (GByteArray *out, const SagElements *as, const SagElement *element, const Rules *rules)
{
  g_autofree char *text = sag_element_get_text (element);
  g_auto (GStrv) old = g_strsplit (text, "\\", -1);
  g_autoptr (GString) all = g_string_new (NULL);

  for (char **p = old; *p != NULL; p++)
    {
      SagUid uid = "";

      g_strstrip (*p);
      if (**p != '\0' && !g_str_has_prefix (*p, "1.2.840.10008."))
        {
          g_autofree char *seed = g_strdup_printf ("%s/uid/%s", rules->key, *p);

          sag_dicom_make_uid (seed, uid);
        }
      g_string_append_printf (all, "%s%s", p == old ? "" : "\\", uid[0] != '\0' ? uid : *p);
    }
  put_text (out, as, element->tag, element->vr, all->str);
}

/* A date, or the date that a date-time begins with, moved; "" if it is none. */
static char *
shift (const char *text, int days)
{
  int year = 0, month = 0, day = 0, n = 0;
  GDate date;

  if (sscanf (text, "%4d%2d%2d%n", &year, &month, &day, &n) != 3 || n != 8
      || year < 1 || !g_date_valid_dmy ((GDateDay) day, month, (GDateYear) year))
    return g_strdup ("");
  g_date_set_dmy (&date, (GDateDay) day, month, (GDateYear) year);
  if (!g_date_valid (&date) || g_date_get_julian (&date) <= (guint32) days)
    return g_strdup ("");
  g_date_subtract_days (&date, (guint) days);
  return g_strdup_printf ("%04d%02d%02d%s", g_date_get_year (&date), g_date_get_month (&date),
                          g_date_get_day (&date), text + n);
}

static void
put_date (GByteArray *out, const SagElements *as, const SagElement *element, const Rules *rules)
{
  g_autofree char *text = sag_element_get_text (element);
  g_auto (GStrv) values = g_strsplit (text, "\\", -1);

  for (char **p = values; *p != NULL; p++)
    {
      char *moved = shift (g_strstrip (*p), rules->days);

      g_free (*p);
      *p = moved;
    }
  g_autofree char *all = g_strjoinv ("\\", values);
  put_text (out, as, element->tag, element->vr, all);
}

static void
put_dummy (GByteArray *out, const SagElements *as, const SagElement *element)
{
  static const guint8 zeros[8];
  const char *vr = element->vr;

  if (is_vr (vr, "DA"))
    put_text (out, as, element->tag, vr, "19000101");
  else if (is_vr (vr, "TM"))
    put_text (out, as, element->tag, vr, "000000");
  else if (is_vr (vr, "DT"))
    put_text (out, as, element->tag, vr, "19000101000000");
  else if (is_vr (vr, "AS"))
    put_text (out, as, element->tag, vr, "000Y");
  else if (is_vr (vr, "DSIS"))
    put_text (out, as, element->tag, vr, "0");
  else if (is_vr (vr, "PNLOSHSTLTUTUCAECSUR"))
    put_text (out, as, element->tag, vr, "ANONYMIZED");
  else if (is_vr (vr, "USSSOBOWUN"))
    put (out, as, element->tag, vr, zeros, 2);
  else if (is_vr (vr, "ULSLFLATOFOL"))
    put (out, as, element->tag, vr, zeros, 4);
  else if (is_vr (vr, "FDSVUVODOV"))
    put (out, as, element->tag, vr, zeros, 8);
  else
    put (out, as, element->tag, vr, zeros, 0);
}

static gboolean copy (SagElements elements, gboolean is_top, const Rules *rules, GByteArray **outs,
                      SagElement *pixels);

static gboolean
put_sequence (GByteArray *out, const SagElements *as, const SagElement *element, const Rules *rules)
{
  g_autoptr (GByteArray) all = g_byte_array_new ();
  SagElements items, item;
  SagElementsState state;

  sag_elements_get_items (as, element, &items);
  while ((state = sag_elements_next_item (&items, &item)) == SAG_ELEMENTS_MORE)
    {
      g_autoptr (GByteArray) one = g_byte_array_new ();
      GByteArray *outs[2] = { one, NULL };

      if (!copy (item, FALSE, rules, outs, NULL))
        return FALSE;
      put_tag (all, &items, SAG_TAG_ITEM);
      put32 (all, &items, one->len);
      g_byte_array_append (all, one->data, one->len);
    }
  /* Whose items are in implicit form stays a UN, which says so (PS3.5 6.2.2). */
  put (out, as, element->tag, element->is_un ? "UN" : "SQ", all->data, all->len);
  return state == SAG_ELEMENTS_END;
}

static gboolean
put_kept (GByteArray *out, const SagElements *as, const SagElement *element, const Rules *rules)
{
  if (is_vr (element->vr, "SQ"))
    return put_sequence (out, as, element, rules);
  if (element->length == SAG_UNDEFINED_LENGTH) /* fragments of something that is no picture */
    return TRUE;
  if (element->size % 2 == 1 || element->is_un) /* odd ones are written by some */
    put (out, as, element->tag, element->vr, element->value, element->n);
  else
    g_byte_array_append (out, element->start, (guint) element->size);
  return TRUE;
}

static gboolean
put_element (GByteArray *out, const SagElements *as, const SagElement *element, const Rules *rules)
{
  SagAction action = sag_confidentiality_get_action (element->tag, element->vr);
  g_autofree char *text = NULL;

  if (rules->dates != SAG_DATES_REMOVE
      && sag_confidentiality_is_temporal (element->tag, element->vr)
      && (element->tag >> 16) % 2 == 0)
    {
      if (rules->dates == SAG_DATES_SHIFT && !is_vr (element->vr, "TM"))
        put_date (out, as, element, rules);
      else
        return put_kept (out, as, element, rules);
      return TRUE;
    }
  if (action == SAG_ACTION_SERIES_DATE)
    action = rules->is_pet ? SAG_ACTION_REPLACE : SAG_ACTION_REMOVE;
  if (action == SAG_ACTION_OPERATOR)
    action = rules->is_therapy ? SAG_ACTION_EMPTY : SAG_ACTION_REMOVE;
  if (action == SAG_ACTION_UID && !is_vr (element->vr, "UI"))
    action = SAG_ACTION_REMOVE;
  /* What is empty says nothing, and what must be there stays. */
  if (element->n == 0 && action != SAG_ACTION_REMOVE && action != SAG_ACTION_PSEUDONYM)
    action = SAG_ACTION_KEEP;
  switch (action)
    {
    case SAG_ACTION_KEEP:
      return put_kept (out, as, element, rules);
    case SAG_ACTION_EMPTY:
    case SAG_ACTION_TIME:
      put (out, as, element->tag, element->vr, "", 0);
      return TRUE;
    case SAG_ACTION_REPLACE:
      put_dummy (out, as, element);
      return TRUE;
    case SAG_ACTION_UID:
      put_uids (out, as, element, rules);
      return TRUE;
    case SAG_ACTION_PSEUDONYM:
      put_text (out, as, element->tag, element->vr, rules->pseudonym);
      return TRUE;
    case SAG_ACTION_CLEAN:
      text = sag_element_get_text (element);
      if (memchr (element->value, '\0', element->n > 0 ? element->n - 1 : 0) != NULL
          || is_telling (rules, text))
        put_dummy (out, as, element);
      else if (rules->dates != SAG_DATES_KEEP && cut_dates (text))
        put_text (out, as, element->tag, element->vr, text);
      else
        return put_kept (out, as, element, rules);
      return TRUE;
    case SAG_ACTION_REMOVE:
    case SAG_ACTION_SERIES_DATE:
    case SAG_ACTION_OPERATOR:
    default:
      return TRUE;
    }
}

/* What the copy says of itself (PS3.15 E.1.1, PS3.3 C.12.1), each before the first element behind
 * it. */
static void
put_method (GByteArray *out, const SagElements *as, const Rules *rules, guint32 *done, guint32 until)
{
  static const struct
  {
    const char *modified, *code, *meaning;
  } options[] = {
    [SAG_DATES_REMOVE] = { "REMOVED", NULL, NULL },
    [SAG_DATES_SHIFT]
    = { "MODIFIED", "113107", "Retain Longitudinal Temporal Information Modified Dates Option" },
    [SAG_DATES_KEEP]
    = { "UNMODIFIED", "113106", "Retain Longitudinal Temporal Information Full Dates Option" },
  };
  const char *codes[2][2]
      = { { "113100", "Basic Application Confidentiality Profile" },
          { options[rules->dates].code, options[rules->dates].meaning } };
  g_autoptr (GByteArray) items = g_byte_array_new ();

  if (*done < 0x00120062 && until >= 0x00120062)
    {
      put_text (out, as, 0x00120062, "CS", "YES");
      put_text (out, as, 0x00120063, "LO", "PS3.15 Basic Profile by Sagitta " SAG_VERSION);
      for (int i = 0; i < 2 && codes[i][0] != NULL; i++)
        {
          g_autoptr (GByteArray) item = g_byte_array_new ();

          put_text (item, as, 0x00080100, "SH", codes[i][0]);
          put_text (item, as, 0x00080102, "SH", "DCM");
          put_text (item, as, 0x00080104, "LO", codes[i][1]);
          put_tag (items, as, SAG_TAG_ITEM);
          put32 (items, as, item->len);
          g_byte_array_append (items, item->data, item->len);
        }
      put (out, as, 0x00120064, "SQ", items->data, items->len);
    }
  if (*done < 0x00280303 && until >= 0x00280303)
    put_text (out, as, 0x00280303, "CS", options[rules->dates].modified);
  *done = until;
}

static gboolean
is_own (guint32 tag)
{
  return (tag >= 0x00120062 && tag <= 0x00120064) || tag == 0x00280303;
}

/* TRUE if nothing but zeros is left. */
static gboolean
is_padding (const SagElements *elements)
{
  for (const guint8 *p = elements->at; p < elements->end; p++)
    if (*p != 0)
      return FALSE;
  return TRUE;
}

/* Copies elements to outs[0], and once *pixels is found to outs[1]. */
static gboolean
copy (SagElements elements, gboolean is_top, const Rules *rules, GByteArray **outs,
      SagElement *pixels)
{
  GByteArray *out = outs[0];
  SagElementsState state;
  SagElement element;
  guint32 done = 0;

  while ((state = sag_elements_next (&elements, &element)) == SAG_ELEMENTS_MORE)
    {
      sag_element_look_up (&element);
      if (is_top && element.tag > done)
        put_method (out, &elements, rules, &done, element.tag);
      if (element.tag >= 0x7fe00008 && element.tag <= 0x7fe00010)
        {
          /* A picture within a sequence is not what this object is of. */
          if (!is_top)
            continue;
          if (pixels->n > 0)
            return FALSE;
          *pixels = element;
          out = outs[1];
        }
      else if (element.tag >> 16 == 0x7fe0 && is_top && (element.tag & 0xffff) < 4
               && (element.tag & 0xffff) > 0)
        g_byte_array_append (out, element.start, (guint) element.size);
      else if (!is_own (element.tag) && element.tag >> 16 != 0x7fe0
               && !put_element (out, &elements, &element, rules))
        return FALSE;
    }
  if (is_top)
    put_method (out, &elements, rules, &done, G_MAXUINT32);
  return state == SAG_ELEMENTS_END || (is_top && is_padding (&elements));
}

/* The file, around its data set */

static char *
find_text (SagElements elements, guint32 tag)
{
  SagElement element;

  while (sag_elements_next (&elements, &element) == SAG_ELEMENTS_MORE && element.tag <= tag)
    if (element.tag == tag)
      return g_strstrip (sag_element_get_text (&element));
  return g_strdup ("");
}

static void
put_meta (GByteArray *out, const SagElementsFile *file, const Rules *rules)
{
  static const guint8 preamble[128], version[2] = { 0, 1 };
  const SagElements as = { 0 };
  g_autofree char *class_uid = find_text (file->data, 0x00080016);
  g_autofree char *instance = find_text (file->data, 0x00080018);
  g_autoptr (GByteArray) group = g_byte_array_new ();
  const char *syntax = file->transfer_syntax[0] != '\0' ? file->transfer_syntax
                       : file->data.is_implicit         ? "1.2.840.10008.1.2"
                       : file->data.is_big              ? "1.2.840.10008.1.2.2"
                                                        : "1.2.840.10008.1.2.1";
  const SagElement old = { .tag = 0x00020003, .vr = "UI", .value = (const guint8 *) instance,
                           .n = strlen (instance) };
  SagUid implementation;
  guint8 length[4];

  sag_dicom_make_uid ("Sagitta implementation class", implementation);
  put (group, &as, 0x00020001, "OB", version, 2);
  put_text (group, &as, 0x00020002, "UI", class_uid);
  put_uids (group, &as, &old, rules);
  put_text (group, &as, 0x00020010, "UI", syntax);
  put_text (group, &as, 0x00020012, "UI", implementation);
  put_text (group, &as, 0x00020013, "SH", "SAGITTA");
  g_byte_array_append (out, preamble, sizeof preamble);
  g_byte_array_append (out, (const guint8 *) "DICM", 4);
  for (int i = 0; i < 4; i++)
    length[i] = (guint8) (group->len >> 8 * i);
  put (out, &as, 0x00020000, "UL", length, 4);
  g_byte_array_append (out, group->data, group->len);
}

/* Raw deflate, padded to even length (PS3.5 A.5). */
static gboolean
deflate_onto (GByteArray *out, const GByteArray *data)
{
  z_stream z = { 0 };
  guint start = out->len;
  gboolean good;

  if (deflateInit2 (&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return FALSE;
  g_byte_array_set_size (out, start + (guint) deflateBound (&z, data->len));
  z.next_in = data->data;
  z.avail_in = data->len;
  z.next_out = out->data + start;
  z.avail_out = out->len - start;
  good = deflate (&z, Z_FINISH) == Z_STREAM_END;
  g_byte_array_set_size (out, out->len - z.avail_out);
  deflateEnd (&z);
  if (out->len % 2 == 1)
    g_byte_array_append (out, (const guint8 *) "", 1);
  return good;
}

static void
init_rules (Rules *rules, const SagElementsFile *file, const char *key, SagDates dates,
            GHashTable *texts)
{
  g_autofree char *id = find_text (file->data, 0x00100020);
  g_autofree char *name = find_text (file->data, 0x00100010);
  g_autofree char *class_uid = find_text (file->data, 0x00080016);
  const char *patient = *id != '\0' ? id : name;
  g_autofree char *digest = hash (key, "patient", patient);
  g_autofree char *moved = hash (key, "days", patient);

  *rules = (Rules) { .key = key, .dates = dates, .texts = texts };
  moved[6] = '\0';
  rules->days = 365 + (int) (g_ascii_strtoull (moved, NULL, 16) % 3650);
  digest[8] = '\0';
  rules->pseudonym = g_strdup_printf ("ANON-%s", digest);
  rules->is_pet = strcmp (class_uid, PET) == 0;
  rules->is_therapy = g_str_has_prefix (class_uid, THERAPY);
}

GByteArray *
sag_deidentify_bytes (const guint8 *bytes, gsize n, const char *key, SagDates dates, GHashTable *texts,
                      const guint8 **pixels, gsize *n_pixels, GByteArray **tail, GError **error)
{
  g_autoptr (GByteArray) head = g_byte_array_new (), data = g_byte_array_new ();
  g_autoptr (GByteArray) rest = g_byte_array_new ();
  GByteArray *outs[2] = { data, rest };
  SagElement picture = { 0 };
  SagElementsFile file;
  Rules rules = { 0 };
  gboolean good = sag_elements_open (bytes, n, &file);

  if (good)
    {
      init_rules (&rules, &file, key, dates, texts);
      put_meta (head, &file, &rules);
      good = copy (file.data, TRUE, &rules, outs, &picture);
    }
  if (good && file.inflated != NULL)
    {
      g_byte_array_append (data, picture.start, (guint) picture.size);
      g_byte_array_append (data, rest->data, rest->len);
      g_byte_array_set_size (rest, 0);
      picture = (SagElement) { 0 };
      good = deflate_onto (head, data);
    }
  else if (good)
    g_byte_array_append (head, data->data, data->len);
  g_free (rules.pseudonym);
  sag_elements_close (&file);
  if (!good)
    {
      g_set_error_literal (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID,
                           "is damaged: not all of it can be read, so that nothing of it is passed on");
      return NULL;
    }
  *pixels = picture.start;
  *n_pixels = picture.size;
  *tail = g_steal_pointer (&rest);
  return g_steal_pointer (&head);
}
