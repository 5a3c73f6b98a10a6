/* SPDX-License-Identifier: Apache-2.0
 *
 * elements.c: the data elements of a file as they lie in it.
 */
#include "app/dicom/elements.h"

#include "app/dicom/guard.h"
#include "app/dicom/syntax.h"
#include "app/dicom/tags.h"

#include <string.h>
#include <zlib.h>

#define MAX_INFLATED ((gsize) 512 << 20)
#define ITEM_END 0xfffee00du
#define SEQUENCE_END 0xfffee0ddu

static guint16
get16 (const SagElements *self, const guint8 *p)
{
  return (guint16) (self->is_big ? p[0] << 8 | p[1] : p[0] | p[1] << 8);
}

static guint32
get32 (const SagElements *self, const guint8 *p)
{
  guint32 a = get16 (self, p), b = get16 (self, p + 2);

  return self->is_big ? a << 16 | b : b << 16 | a;
}

static guint32
get_tag (const SagElements *self, const guint8 *p)
{
  return (guint32) get16 (self, p) << 16 | get16 (self, p + 2);
}

static gboolean
has_long_length (const char *vr)
{
  static const char longs[][3]
      = { "OB", "OW", "OF", "OD", "OL", "OV", "SQ", "UC", "UR", "UT", "UN", "SV", "UV" };

  for (gsize i = 0; i < G_N_ELEMENTS (longs); i++)
    if (memcmp (vr, longs[i], 2) == 0)
      return TRUE;
  return FALSE;
}

/* The header of an element; `value` and `length` are set, `n` is not. */
static gboolean
read_header (const SagElements *self, SagElement *element)
{
  const guint8 *p = self->at;
  gsize left = (gsize) (self->end - p);

  if (left < 8)
    return FALSE;
  memset (element, 0, sizeof *element);
  element->start = p;
  element->tag = get_tag (self, p);
  if (self->is_implicit || element->tag >> 16 == 0xfffe)
    {
      sag_dicom_get_vr (element->tag, element->vr);
      element->length = get32 (self, p + 4);
      element->value = p + 8;
      return TRUE;
    }
  if (!g_ascii_isupper (p[4]) || !g_ascii_isupper (p[5]))
    return FALSE;
  memcpy (element->vr, p + 4, 2);
  element->is_un = memcmp (element->vr, "UN", 2) == 0;
  if (!has_long_length (element->vr))
    {
      element->length = get16 (self, p + 6);
      element->value = p + 8;
      return TRUE;
    }
  if (left < 12)
    return FALSE;
  element->length = get32 (self, p + 8);
  element->value = p + 12;
  return TRUE;
}

/* Where content of undefined length ends: items up to a delimiter, or elements up to one. NULL if
 * it never does. */
static const guint8 *skip_items (SagElements self);

static const guint8 *
skip_elements (SagElements self)
{
  SagElement element;

  while (read_header (&self, &element) && element.tag != ITEM_END)
    if (sag_elements_next (&self, &element) != SAG_ELEMENTS_MORE)
      return NULL;
  return (gsize) (self.end - self.at) >= 8 && get_tag (&self, self.at) == ITEM_END ? self.at : NULL;
}

static const guint8 *
skip_items (SagElements self)
{
  while ((gsize) (self.end - self.at) >= 8 && get_tag (&self, self.at) == SAG_TAG_ITEM)
    {
      SagElements item;

      if (sag_elements_next_item (&self, &item) != SAG_ELEMENTS_MORE)
        return NULL;
    }
  return (gsize) (self.end - self.at) >= 8 && get_tag (&self, self.at) == SEQUENCE_END ? self.at
                                                                                        : NULL;
}

/* An element of unknown kind and undefined length is a sequence in implicit form (PS3.5 6.2.2). */
void
sag_elements_get_items (const SagElements *self, const SagElement *sequence, SagElements *items)
{
  *items = *self;
  items->at = sequence->value;
  items->end = sequence->value + sequence->n;
  items->depth = self->depth + 1;
  if (sequence->is_un)
    {
      items->is_implicit = TRUE;
      items->is_big = FALSE;
    }
}

SagElementsState
sag_elements_next (SagElements *self, SagElement *element)
{
  gsize left;

  if (self->at >= self->end)
    return SAG_ELEMENTS_END;
  if (self->depth > SAG_GUARD_DEPTH || !read_header (self, element)
      || element->tag >> 16 == 0xfffe)
    return SAG_ELEMENTS_BROKEN;
  left = (gsize) (self->end - element->value);
  if (element->length == SAG_UNDEFINED_LENGTH)
    {
      SagElements items;
      const guint8 *end;

      element->n = left;
      sag_elements_get_items (self, element, &items);
      end = skip_items (items);
      if (end == NULL)
        return SAG_ELEMENTS_BROKEN;
      element->n = (gsize) (end - element->value);
      self->at = end + 8;
      if (self->is_implicit && strcmp (element->vr, "UN") == 0)
        memcpy (element->vr, "SQ", 3);
    }
  else
    {
      if (element->length > left)
        return SAG_ELEMENTS_BROKEN;
      element->n = element->length;
      self->at = element->value + element->n;
    }
  element->size = (gsize) (self->at - element->start);
  return SAG_ELEMENTS_MORE;
}

SagElementsState
sag_elements_next_item (SagElements *items, SagElements *item)
{
  gsize left = (gsize) (items->end - items->at);
  guint32 length;

  if (left == 0)
    return SAG_ELEMENTS_END;
  if (left < 8 || get_tag (items, items->at) != SAG_TAG_ITEM || items->depth > SAG_GUARD_DEPTH)
    return SAG_ELEMENTS_BROKEN;
  length = get32 (items, items->at + 4);
  *item = *items;
  item->at += 8;
  if (length == SAG_UNDEFINED_LENGTH)
    {
      const guint8 *end = skip_elements (*item);

      if (end == NULL)
        return SAG_ELEMENTS_BROKEN;
      item->end = end;
      items->at = end + 8;
      return SAG_ELEMENTS_MORE;
    }
  if (length > left - 8)
    return SAG_ELEMENTS_BROKEN;
  item->end = item->at + length;
  items->at = item->end;
  return SAG_ELEMENTS_MORE;
}

void
sag_element_look_up (SagElement *element)
{
  if (element->is_un)
    sag_dicom_get_vr (element->tag, element->vr);
}

char *
sag_element_get_text (const SagElement *element)
{
  gsize n = element->n;
  const char *text = (const char *) element->value;

  while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\0'))
    n--;
  return g_strndup (text, n);
}

/* Bytes in raw deflate form (PS3.5 A.5) as a GBytes; NULL if they are too many or damaged. */
static GBytes *
inflate_bytes (const guint8 *data, gsize n)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  z_stream z = { 0 };
  int status = Z_OK;

  if (n > G_MAXUINT32 || inflateInit2 (&z, -MAX_WBITS) != Z_OK)
    return NULL;
  z.next_in = (guint8 *) data;
  z.avail_in = (uInt) n;
  while (status == Z_OK && out->len < MAX_INFLATED)
    {
      guint old = out->len;

      g_byte_array_set_size (out, old + (1 << 20));
      z.next_out = out->data + old;
      z.avail_out = 1 << 20;
      status = inflate (&z, Z_NO_FLUSH);
      g_byte_array_set_size (out, old + (1 << 20) - z.avail_out);
    }
  inflateEnd (&z);
  return status == Z_STREAM_END ? g_byte_array_free_to_bytes (g_steal_pointer (&out)) : NULL;
}

gboolean
sag_elements_open (const guint8 *bytes, gsize n, SagElementsFile *file)
{
  const guint8 *p = bytes, *end = bytes + n;
  SagElement element;

  memset (file, 0, sizeof *file);
  if (n >= 132 && memcmp (bytes + 128, "DICM", 4) == 0)
    p += 132;
  file->meta = (SagElements) { .at = p, .end = end };
  while (end - p >= 8 && p[0] == 2 && p[1] == 0)
    {
      SagElements one = { .at = p, .end = end };

      if (sag_elements_next (&one, &element) != SAG_ELEMENTS_MORE)
        return FALSE;
      if (element.tag == 0x00020010 && element.n < sizeof file->transfer_syntax)
        {
          g_autofree char *text = sag_element_get_text (&element);

          g_strlcpy (file->transfer_syntax, text, sizeof file->transfer_syntax);
        }
      p = one.at;
    }
  file->meta.end = p;
  file->data = (SagElements) { .at = p, .end = end };
  if (end - p < 8)
    return FALSE;
  if (strcmp (file->transfer_syntax, SAG_UID_DEFLATED) == 0)
    {
      gsize size;

      file->inflated = inflate_bytes (p, (gsize) (end - p));
      if (file->inflated == NULL)
        return FALSE;
      file->data.at = g_bytes_get_data (file->inflated, &size);
      file->data.end = file->data.at + size;
      return size >= 8;
    }
  /* What the first element looks like outweighs what the file says: some say it wrong. */
  file->data.is_implicit = !g_ascii_isupper (p[4]) || !g_ascii_isupper (p[5]);
  file->data.is_big = p[0] == 0 || p[1] == 0 ? p[0] == 0 && p[1] != 0
                                             : strcmp (file->transfer_syntax, "1.2.840.10008.1.2.2") == 0;
  return TRUE;
}

void
sag_elements_close (SagElementsFile *file)
{
  g_clear_pointer (&file->inflated, g_bytes_unref);
}
