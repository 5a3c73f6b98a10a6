// SPDX-License-Identifier: Apache-2.0
//
// dcmtk-tags.cpp: everything a file says of itself.
#include "app/dicom/dcmtk-shim.h"

#include "dcmtk/dcmdata/dcistrmf.h"

extern "C" {
#include "app/dicom/tags.h"
}

using namespace sag;

namespace
{

const int max_elements = 20000;
const int max_depth = 32;
const glong max_characters = 256;

struct Listing
{
  SagDicomTagFunc func;
  gpointer data;
  const char *charset;
  int n;
};

std::string
describe_value (const Listing &listing, DcmElement *element)
{
  DcmEVR vr = element->getVR ();
  OFString value;

  if (!element->isaString () && vr != EVR_US && vr != EVR_SS && vr != EVR_UL && vr != EVR_SL
      && vr != EVR_FL && vr != EVR_FD && vr != EVR_AT)
    return std::to_string (element->getLength ()) + " bytes";
  if (element->getLength () > max_read_length)
    return std::to_string (element->getLength ()) + " bytes of text";
  if (element->getOFStringArray (value).bad ())
    return "";
  g_autofree char *valid = element->isAffectedBySpecificCharacterSet ()
                               ? sag_charset_to_utf8 (value.c_str (), listing.charset)
                               : g_utf8_make_valid (value.c_str (), -1);
  for (char *c = valid; *c != '\0'; c++)
    if (g_ascii_iscntrl (*c))
      *c = ' ';
  g_strchomp (valid);
  if (g_utf8_strlen (valid, -1) > max_characters)
    {
      g_autofree char *start = g_utf8_substring (valid, 0, max_characters - 1);

      return std::string (start) + "…";
    }
  return valid;
}

void
tell (Listing &listing, int depth, const DcmTag &key, const char *vr, const char *name,
      const char *value)
{
  g_autofree char *tag = g_strdup_printf ("(%04X,%04X)", key.getGTag (), key.getETag ());

  listing.n++;
  listing.func (depth, tag, vr, name, value, listing.data);
}

void
list_item (Listing &listing, DcmItem *item, int depth)
{
  if (depth > max_depth)
    return;
  for (DcmObject *next = item->nextInContainer (NULL); next != NULL && listing.n < max_elements;
       next = item->nextInContainer (next))
    {
      DcmElement *element = static_cast<DcmElement *> (next);
      DcmTag key (element->getTag ());
      DcmVR vr (element->getVR ());

      if (element->ident () != EVR_SQ)
        {
          tell (listing, depth, key, vr.getValidVRName (), key.getTagName (),
                describe_value (listing, element).c_str ());
          continue;
        }
      DcmSequenceOfItems *sequence = static_cast<DcmSequenceOfItems *> (element);
      unsigned long n_items = sequence->card ();
      std::string count = std::to_string (n_items) + (n_items == 1 ? " item" : " items");

      tell (listing, depth, key, "SQ", key.getTagName (), count.c_str ());
      for (unsigned long n = 0; n < n_items && listing.n < max_elements; n++)
        {
          std::string name = "Item " + std::to_string (n + 1);

          tell (listing, depth + 1, DcmTag (DCM_Item), "", name.c_str (), "");
          list_item (listing, sequence->getItem (n), depth + 2);
        }
    }
}

} // namespace

extern "C" gboolean
sag_dicom_list_tags (const char *path, SagDicomTagFunc func, gpointer data, GError **error)
try
  {
    DcmFileFormat format;
    OFString charset;
    Listing listing = { func, data, "", 0 };
    gint64 size;

    initialize ();
    if (!open_check (path, &size, NULL, error))
      return FALSE;
    DcmInputFileStream stream ((OFFilename (path)));
    OFCondition condition = stream.status ();
    if (condition.good ())
      {
        format.transferInit ();
        condition = format.readUntilTag (stream, EXS_Unknown, EGL_noChange, max_read_length,
                                         DCM_PixelData);
        format.transferEnd ();
      }
    if (condition.bad ())
      {
        set_condition (error, path, "is truncated or damaged: its header cannot be read", condition);
        return FALSE;
      }
    Reader (format.getDataset ()).raw (DCM_SpecificCharacterSet, charset);
    listing.charset = charset.c_str ();
    list_item (listing, format.getMetaInfo (), 0);
    list_item (listing, format.getDataset (), 0);
    return TRUE;
  }
SHIM_CATCH (path, FALSE)

extern "C" void
sag_dicom_get_vr (guint32 tag, char vr[3])
{
  sag::initialize ();
  const DcmTag known ((Uint16) (tag >> 16), (Uint16) tag);
  const char *name = DcmVR (known.getEVR ()).getValidVRName ();

  g_strlcpy (vr, (tag >> 16) % 2 == 1 || name == NULL ? "UN" : name, 3);
}

extern "C" char *
sag_dicom_get_keyword (guint32 tag)
{
  sag::initialize ();
  DcmTag known ((Uint16) (tag >> 16), (Uint16) tag);
  const char *name = known.getTagName ();

  if ((tag >> 16) % 2 == 0 && name != NULL && strcmp (name, DcmTag_ERROR_TagName) != 0)
    return g_strdup (name);
  return g_strdup_printf ("(%04x,%04x)", tag >> 16, tag & 0xffff);
}
