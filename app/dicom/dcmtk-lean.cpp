// SPDX-License-Identifier: Apache-2.0
//
// dcmtk-lean.cpp: a header without what nobody asks it for.
//
// The toolkit makes an object of every element and asks its dictionary for each; most of a scanner's
// header is private or of no use here. What is read of a header is picked from the file's bytes first, and only that is
// parsed.
#include "app/dicom/dcmtk-shim.h"

#include "dcmtk/dcmdata/dcistrmb.h"

#include <algorithm>

extern "C" {
#include "app/dicom/elements.h"
}

namespace
{

/* What read_instance() asks for, in order of tag. Whoever has it read more adds it here: a test compares both ways of
 * reading a header (tests/app/test-lean.c). */
const guint32 asked[] = {
  0x00080005, 0x00080008, 0x00080016, 0x00080018, 0x00080020, 0x00080021, 0x00080022, 0x00080030, 0x00080031, 0x00080032,
  0x00080033, 0x00080050, 0x00080060, 0x00080070, 0x00080080, 0x00080090, 0x00081030, 0x0008103e, 0x00081090, 0x00081115,
  0x00100010, 0x00100020, 0x00100030, 0x00100040, 0x00101010, 0x00101030, 0x00180015, 0x00180023, 0x00180050, 0x00180081,
  0x00180088, 0x00181030, 0x00181060, 0x00181164, 0x00181242, 0x00182010, 0x00185100, 0x00185101, 0x00186011, 0x00189087,
  0x00189089, 0x00189701, 0x00189758, 0x00189759, 0x00190010, 0x0019100c, 0x0020000d, 0x0020000e, 0x00200010, 0x00200011,
  0x00200012, 0x00200013, 0x00200020, 0x00200032, 0x00200037, 0x00200052, 0x00200060, 0x00200062, 0x00200100, 0x00201040,
  0x00209128, 0x00209241, 0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010, 0x00280011, 0x00280030, 0x00280051,
  0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x00280120, 0x00280a02, 0x00281050, 0x00281051, 0x00281052, 0x00281053,
  0x00281054, 0x00281055, 0x00281056, 0x00282110, 0x00282112, 0x00283000, 0x00283010, 0x00430010, 0x00431039, 0x00540010,
  0x00540016, 0x00540020, 0x00540022, 0x00540060, 0x00540070, 0x00540080, 0x00540220, 0x00541001, 0x00541006, 0x00541102,
  0x00541300, 0x20010010, 0x20011003, 0x20500020, 0x30040002, 0x3004000c, 0x3004000e, 0x30060010, 0x30060020, 0x52009229, 0x52009230, 0x70530010,
  0x70531000, 0x70531009, 0x7fe00008, 0x7fe00009,
};

bool
is_asked (guint32 tag)
{
  return std::binary_search (asked, asked + G_N_ELEMENTS (asked), tag) || (tag >> 16 & 0xffe1) == 0x6000;
}

/* The toolkit reads a VR it does not know with a length of four bytes, and takes memory for whatever that
 * says where the bytes come from memory: such a header is left to be read from its file. */
bool
is_ordinary (const SagElement *element)
{
  return sag_guard_is_vr ((const guint8 *) element->vr);
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
          if (!is_asked (element.tag))
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
