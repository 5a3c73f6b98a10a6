/* SPDX-License-Identifier: Apache-2.0
 *
 * guard.c: a look at a file's structure.
 *
 * A walk over data elements (PS3.5 7) with a stack of its own. Where the structure breaks off, what
 * follows may be read in more ways than one; then the number of items left bounds the depth any
 * reader can reach.
 */
#include "app/dicom/guard.h"

#include "app/dicom/syntax.h"

#include <string.h>
#include <zlib.h>

#define UNDEFINED 0xffffffffu
#define TAG(group, element) ((guint32) (group) << 16 | (element))
#define ITEM TAG (0xfffe, 0xe000)
#define ITEM_END TAG (0xfffe, 0xe00d)
#define SEQUENCE_END TAG (0xfffe, 0xe0dd)
#define PIXEL_DATA TAG (0x7fe0, 0x0010)
#define MAX_LOOSE_ITEMS 1000            /* a few kilobytes of call stack each */
#define MAX_INFLATED ((gsize) 512 << 20)
#define META_MAX 65536                  /* of the file's own group, that syntaxes are looked for in */

typedef enum
{
  LEVEL_DATA,      /* elements follow each other */
  LEVEL_SEQUENCE,  /* items do */
  LEVEL_FRAGMENTS, /* items of bytes do */
} LevelKind;

typedef struct
{
  LevelKind kind;
  gboolean  is_implicit;
  gsize     end; /* G_MAXSIZE: a delimiter ends it */
} Level;

typedef struct
{
  const guint8 *data;
  gsize         n;
  gsize         at;
  gboolean      big;
  Level         levels[2 * SAG_GUARD_DEPTH + 2]; /* a sequence and its item are two */
  int           depth;
} Walk;

typedef enum
{
  WALK_ON,
  WALK_DONE,   /* pixel data or the end */
  WALK_BROKEN, /* no structure here */
  WALK_DEEP,
} Step;

static guint32
get16 (const Walk *w, gsize at)
{
  return w->big ? (guint32) w->data[at] << 8 | w->data[at + 1]
                : w->data[at] | (guint32) w->data[at + 1] << 8;
}

static guint32
get32 (const Walk *w, gsize at)
{
  return w->big ? get16 (w, at) << 16 | get16 (w, at + 2) : get16 (w, at) | get16 (w, at + 2) << 16;
}

static Step
push (Walk *w, LevelKind kind, gboolean is_implicit, guint32 length)
{
  Level *level;

  if (w->depth + 1 == G_N_ELEMENTS (w->levels))
    return WALK_DEEP;
  level = &w->levels[++w->depth];
  level->kind = kind;
  level->is_implicit = is_implicit;
  level->end = length == UNDEFINED ? G_MAXSIZE : w->at + length;
  return WALK_ON;
}

/* One item, or the end, of a sequence or of fragments. */
static Step
step_items (Walk *w, const Level *level)
{
  guint32 tag = TAG (get16 (w, w->at), get16 (w, w->at + 2));
  guint32 length = get32 (w, w->at + 4);

  if (tag == SEQUENCE_END)
    {
      w->at += 8;
      w->depth--;
      return WALK_ON;
    }
  if (tag != ITEM)
    return WALK_BROKEN;
  w->at += 8;
  if (level->kind == LEVEL_SEQUENCE)
    return push (w, LEVEL_DATA, level->is_implicit, length);
  if (length == UNDEFINED)
    return WALK_BROKEN;
  w->at += length;
  return WALK_ON;
}

static gboolean
is_long_vr (const guint8 *vr)
{
  static const char longs[][3]
      = { "OB", "OW", "OF", "OD", "OL", "OV", "SQ", "UC", "UR", "UT", "UN", "SV", "UV" };

  for (gsize i = 0; i < G_N_ELEMENTS (longs); i++)
    if (memcmp (vr, longs[i], 2) == 0)
      return TRUE;
  return FALSE;
}

gboolean
sag_guard_is_vr (const guint8 vr[2])
{
  static const char known[][3] = { "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT",
                                   "OB", "OD", "OF", "OL", "OV", "OW", "PN", "SH", "SL", "SQ", "SS", "ST",
                                   "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV" };

  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    if (memcmp (vr, known[i], 2) == 0)
      return TRUE;
  return FALSE;
}

static Step
step_element (Walk *w, const Level *level)
{
  guint32 tag = TAG (get16 (w, w->at), get16 (w, w->at + 2));
  gboolean is_implicit = level->is_implicit, is_sequence = FALSE;
  const guint8 *vr = w->data + w->at + 4;
  guint32 length;

  if (tag == ITEM_END || tag == SEQUENCE_END)
    {
      w->at += 8;
      w->depth -= tag == ITEM_END ? 1 : 2;
      return w->depth < 0 ? WALK_BROKEN : WALK_ON;
    }
  if (tag == PIXEL_DATA && w->depth == 0)
    return WALK_DONE;
  if (is_implicit)
    {
      length = get32 (w, w->at + 4);
      w->at += 8;
    }
  else if (is_long_vr (vr))
    {
      if (w->n - w->at < 12)
        return WALK_BROKEN;
      length = get32 (w, w->at + 8);
      w->at += 12;
      is_sequence = memcmp (vr, "SQ", 2) == 0;
      /* An unknown element of undefined length is a sequence in implicit form. */
      is_implicit = memcmp (vr, "UN", 2) == 0;
    }
  else if (g_ascii_isupper (vr[0]) && g_ascii_isupper (vr[1]))
    {
      length = get16 (w, w->at + 6);
      w->at += 8;
    }
  else
    return WALK_BROKEN;

  if (length == UNDEFINED && !is_implicit && !is_sequence)
    return push (w, LEVEL_FRAGMENTS, FALSE, length);
  /* In implicit form only the content tells a sequence. */
  if (is_implicit && length != UNDEFINED && length >= 8 && w->n - w->at >= 8)
    is_sequence = TAG (get16 (w, w->at), get16 (w, w->at + 2)) == ITEM;
  if (is_sequence || length == UNDEFINED)
    return push (w, LEVEL_SEQUENCE, is_implicit, length);
  w->at += length;
  return WALK_ON;
}

static Step
step (Walk *w)
{
  const Level *level = &w->levels[w->depth];

  if (w->at >= w->n)
    return WALK_DONE;
  if (w->at >= level->end)
    {
      w->depth--;
      return w->depth < 0 ? WALK_BROKEN : WALK_ON;
    }
  if (w->n - w->at < 8)
    return WALK_DONE;
  return level->kind == LEVEL_DATA ? step_element (w, level) : step_items (w, level);
}

/* TRUE if so few items follow that no reader can go too deep. */
static gboolean
few_items_left (const guint8 *data, gsize n)
{
  static const guint8 little[] = { 0xfe, 0xff, 0x00, 0xe0 }, big[] = { 0xff, 0xfe, 0xe0, 0x00 };
  int found = 0;

  for (gsize i = 0; i + 4 <= n && found <= MAX_LOOSE_ITEMS; i++)
    if ((data[i] == 0xfe && memcmp (data + i, little, 4) == 0)
        || (data[i] == 0xff && memcmp (data + i, big, 4) == 0))
      found++;
  return found <= MAX_LOOSE_ITEMS;
}

/* A data set alone, read one way; `start` gets where its structure broke off, `end` where its last element ends. */
static Step
walk (const guint8 *data, gsize n, gboolean is_implicit, gboolean big, gsize *start, gsize *end)
{
  Walk w = { .data = data, .n = n, .big = big };
  Step result = WALK_ON;

  w.levels[0].is_implicit = is_implicit;
  w.levels[0].end = G_MAXSIZE;
  while (result == WALK_ON)
    {
      *start = w.at;
      result = step (&w);
    }
  *end = w.at;
  return result;
}

/* Sound when read as declared and when read as its first element looks, and not deep any way: whether a reader goes by
 * the transfer syntax or by the looks is its own affair. */
static gboolean
check_data (const guint8 *data, gsize n, gboolean is_implicit, gboolean big)
{
  gboolean looks_implicit = n >= 6 && !sag_guard_is_vr (data + 4);
  gboolean looks_little = n >= 2 && data[0] == 8 && data[1] == 0, looks_big = n >= 2 && data[0] == 0 && data[1] == 8;

  for (int way = 0; way < 4; way++)
    {
      gboolean implicit_way = way & 1, big_way = way >> 1;
      gboolean is_likely = (implicit_way == is_implicit && big_way == big)
                           || (implicit_way == looks_implicit && !(big_way ? looks_little : looks_big));
      gsize start, end;
      Step result = walk (data, n, implicit_way, big_way, &start, &end);

      if (result == WALK_DEEP
          || (is_likely && result != WALK_DONE && !few_items_left (data + start, n - start)))
        return FALSE;
    }
  return TRUE;
}

/* The toolkit takes memory for whatever length it finds, as it cannot know what is still to be inflated: only what is
 * sound up to the pixels, and pixels of a likely length, will do. */
static gboolean
check_inflated (const guint8 *data, gsize n)
{
  const Walk w = { .data = data, .n = n };
  gsize start, end;

  if (!check_data (data, n, FALSE, FALSE) || walk (data, n, FALSE, FALSE, &start, &end) != WALK_DONE || end > n)
    return FALSE;
  return n - end < 12 || get32 (&w, end + 8) == UNDEFINED || get32 (&w, end + 8) <= MAX_INFLATED;
}

static gboolean
check_deflated (const guint8 *data, gsize n)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  z_stream z = { 0 };
  int status = Z_OK;
  gboolean fits = TRUE;

  if (inflateInit2 (&z, -MAX_WBITS) != Z_OK)
    return FALSE;
  z.next_in = (guint8 *) data;
  z.avail_in = (uInt) MIN (n, G_MAXUINT32);
  while (status == Z_OK && (fits = out->len < MAX_INFLATED))
    {
      guint old = out->len;

      g_byte_array_set_size (out, old + (1 << 20));
      z.next_out = out->data + old;
      z.avail_out = 1 << 20;
      status = inflate (&z, Z_NO_FLUSH);
      g_byte_array_set_size (out, old + (1 << 20) - z.avail_out);
      if (z.avail_in == 0 && z.avail_out != 0)
        break;
    }
  inflateEnd (&z);
  return fits && check_inflated (out->data, out->len);
}

/* Where the file's own group ends by the length that it states (0002,0000), which the toolkit goes by; `at` if it states
 * none or that is beyond the file. */
static gsize
get_stated_end (const guint8 *data, gsize n, gsize at)
{
  static const guint8 length_element[] = { 2, 0, 0, 0, 'U', 'L', 4, 0 };
  const Walk w = { .data = data, .n = n };
  gsize from = at, end;

  if (n - at < 12 || memcmp (data + at, length_element, sizeof length_element) != 0)
    return at;
  from += 12;
  end = from + get32 (&w, at + 8);
  while (from < end && n - from >= 12) /* by whole elements, of whatever group */
    {
      gboolean is_long = is_long_vr (data + from + 4);

      from += is_long ? 12 + (gsize) get32 (&w, from + 8) : 8 + (gsize) get16 (&w, from + 6);
      if (from > n)
        return at;
    }
  return from;
}

gboolean
sag_guard_check (const guint8 *data, gsize n)
{
  gsize at = n >= 132 && memcmp (data + 128, "DICM", 4) == 0 ? 132 : 0;
  gsize stated = get_stated_end (data, n, at);
  g_autofree char *syntax = NULL;
  Walk w = { .data = data, .n = n };

  /* The file's own group is explicit little endian and holds no sequences. */
  while (n - at >= 12 && data[at] == 2 && data[at + 1] == 0 && g_ascii_isupper (data[at + 4])
         && g_ascii_isupper (data[at + 5]))
    {
      gboolean is_long = is_long_vr (data + at + 4);
      gsize start = at + (is_long ? 12 : 8);
      gsize length = is_long ? get32 (&w, at + 8) : get16 (&w, at + 6);

      if (length > n - start)
        return few_items_left (data + at, n - at);
      if (get16 (&w, at + 2) == 0x0010)
        {
          g_free (syntax);
          syntax = g_strndup ((const char *) data + start, length);
        }
      at = start + length;
    }
  if (syntax != NULL && g_str_has_prefix (syntax, SAG_UID_DEFLATED))
    return check_deflated (data + at, n - at)
           && (stated == at || check_deflated (data + stated, n - stated));
  if (n - at < 8)
    return TRUE;
  /* Where the group goes astray before it names a syntax, the toolkit may still find this one. */
  if (syntax == NULL && ((data[at] == 2 && data[at + 1] == 0) || stated > at)
      && memmem (data + at, MIN (n - at, META_MAX), SAG_UID_DEFLATED, strlen (SAG_UID_DEFLATED)) != NULL)
    return FALSE;
  gboolean is_implicit = syntax != NULL && *syntax != '\0'
                             ? strcmp (syntax, "1.2.840.10008.1.2") == 0
                             : !g_ascii_isupper (data[at + 4]) || !g_ascii_isupper (data[at + 5]);
  gboolean big = syntax != NULL ? strcmp (syntax, "1.2.840.10008.1.2.2") == 0
                                : data[at] == 0 && data[at + 1] != 0;
  return check_data (data + at, n - at, is_implicit, big);
}

/* ITU-T T.81, table B.1: segments have a length, TEM, RES, RST, SOI and EOI stand alone. Where a stream's frame header
 * begins; 0 if there is none, -1 if TEM comes before it. JPEG-LS has one of its own (T.87, C.1). */
static gssize
find_frame_header (const guint8 *data, gsize n)
{
  enum { TEM = 0x01, SOF0 = 0xc0, DHT = 0xc4, JPG = 0xc8, DAC = 0xcc, SOF15 = 0xcf, RST0 = 0xd0, EOI = 0xd9, SOF55 = 0xf7 };

  for (gsize at = 0; at + 4 < n && data[at] == 0xff;)
    {
      guint8 marker = data[at + 1];

      if (marker == TEM)
        return -1;
      if ((marker >= SOF0 && marker <= SOF15 && marker != DHT && marker != JPG && marker != DAC) || marker == SOF55)
        return (gssize) at;
      at += 2;
      if (marker >= SOF0 && (marker < RST0 || marker > EOI))
        at += (gsize) data[at] << 8 | data[at + 1];
    }
  return 0;
}

gboolean
sag_guard_check_jpeg (const guint8 *data, gsize n)
{
  return find_frame_header (data, n) >= 0;
}

int
sag_guard_get_jpeg_precision (const guint8 *data, gsize n)
{
  gssize at = find_frame_header (data, n);

  return at > 0 ? data[at + 4] : 0;
}

gboolean
sag_guard_check_rle (const guint8 *data, gsize n)
{
  enum { HEADER = 64, MAX_SEGMENTS = 15 };
  guint32 number[1 + MAX_SEGMENTS], last = HEADER;

  if (n < HEADER)
    return FALSE;
  memcpy (number, data, HEADER);
  if (GUINT32_FROM_LE (number[0]) > MAX_SEGMENTS)
    return FALSE;
  for (guint32 i = 1; i <= GUINT32_FROM_LE (number[0]); i++)
    {
      guint32 offset = GUINT32_FROM_LE (number[i]);

      if (offset < last || offset > n)
        return FALSE;
      last = offset;
    }
  return TRUE;
}
