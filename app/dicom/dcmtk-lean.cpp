// SPDX-License-Identifier: Apache-2.0
//
// dcmtk-lean.cpp: a header without what nobody asks it for.
//
// The toolkit makes an object of every element and asks its dictionary for each; half of a scanner's
// header is private. What is read of a header is picked from the file's bytes first, and only that is
// parsed.
#include "app/dicom/dcmtk-shim.h"

#include "dcmtk/dcmdata/dcistrmb.h"

extern "C" {
#include "app/dicom/elements.h"
}

namespace
{

/* References, requests, signatures: sequences that say nothing of the picture and its place. Of what is private
 * only b-values are read. */
bool
is_unread (const SagElement *element)
{
  static const guint32 sequences[] = { 0x00081032, 0x00081084, 0x00081110, 0x00081111, 0x00081140,
                                       0x00082112, 0x00321064, 0x00400260, 0x00400275, 0x04000561 };

  static const guint32 b_values[] = { 0x00190010, 0x0019100c, 0x00430010, 0x00431039, 0x20010010, 0x20011003 };

  for (guint32 tag : b_values)
    if (tag == element->tag)
      return false;
  if ((element->tag >> 16) % 2 == 1)
    return true;
  for (guint32 tag : sequences)
    if (tag == element->tag)
      return true;
  return false;
}

/* The toolkit reads a VR it does not know with a length of four bytes, and takes memory for whatever that
 * says where the bytes come from memory: such a header is left to be read from its file. */
bool
is_ordinary (const SagElement *element)
{
  static const char vrs[] = "AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM "
                            "UC UI UL UN UR US UT UV";
  const char *found = strstr (vrs, element->vr);

  return strlen (element->vr) == 2 && found != NULL && (found - vrs) % 3 == 0;
}

/* The same of all that lies within: a length that lies in an item is believed just as much. */
bool
is_ordinary_within (const SagElements *parent, const SagElement *element)
{
  SagElements items, item;
  SagElement inner;
  SagElementsState state;

  if (strcmp (element->vr, "SQ") != 0)
    return strcmp (element->vr, "UN") != 0 || element->length != SAG_UNDEFINED_LENGTH;
  sag_elements_get_items (parent, element, &items);
  while ((state = sag_elements_next_item (&items, &item)) == SAG_ELEMENTS_MORE)
    {
      while ((state = sag_elements_next (&item, &inner)) == SAG_ELEMENTS_MORE)
        if (!is_ordinary (&inner) || !is_ordinary_within (&item, &inner))
          return false;
      if (state != SAG_ELEMENTS_END)
        return false;
    }
  return state == SAG_ELEMENTS_END;
}

} // namespace

gboolean
sag::load_lean (DcmFileFormat &format, const guint8 *bytes, gsize n, gboolean *has_more)
{
  g_autoptr (GByteArray) picked = g_byte_array_sized_new (8192);
  SagElementsFile file;
  SagElementsState state = SAG_ELEMENTS_END;
  SagElement element;
  guint32 last = 0;
  gboolean good = sag_elements_open (bytes, n, &file);

  /* Whatever is out of the ordinary is the toolkit's own affair. */
  good = good && file.inflated == NULL && file.meta.at < file.meta.end && file.transfer_syntax[0] != '\0';
  for (SagElements meta = file.meta; good && meta.at < meta.end;)
    good = sag_elements_next (&meta, &element) == SAG_ELEMENTS_MORE && is_ordinary (&element);
  if (good)
    {
      g_byte_array_append (picked, bytes, (guint) (file.data.at - bytes));
      *has_more = FALSE;
      while (file.data.end - file.data.at >= 4)
        {
          const guint8 *p = file.data.at;

          /* At the pixels the toolkit would have stopped, too; they need not be whole. */
          if (file.data.is_big ? p[0] == 0x7f && p[1] == 0xe0 && p[2] == 0 && p[3] == 0x10
                               : p[0] == 0xe0 && p[1] == 0x7f && p[2] == 0x10 && p[3] == 0)
            {
              *has_more = file.data.end - p >= 8;
              break;
            }
          state = sag_elements_next (&file.data, &element);
          if (state != SAG_ELEMENTS_MORE || element.tag <= last || !is_ordinary (&element))
            break;
          last = element.tag;
          if (is_unread (&element))
            continue;
          if (!is_ordinary_within (&file.data, &element))
            break;
          g_byte_array_append (picked, element.start, (guint) element.size);
        }
      good = *has_more && picked->len < 1u << 20;
    }
  sag_elements_close (&file);
  if (!good)
    return FALSE;

  DcmInputBufferStream stream;
  stream.setBuffer (picked->data, picked->len);
  stream.setEos ();
  format.transferInit ();
  OFCondition condition = format.read (stream, EXS_Unknown, EGL_noChange, max_read_length);
  format.transferEnd ();
  if (condition.good ())
    return TRUE;
  format.clear ();
  return FALSE;
}
