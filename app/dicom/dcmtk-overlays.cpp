// SPDX-License-Identifier: Apache-2.0
//
// dcmtk-overlays.cpp: overlay planes (PS3.3 C.9.2, groups 6000 to 601E).
#include "app/dicom/dcmtk-shim.h"

using namespace sag;

namespace
{

const gsize max_overlay_bytes = 1 << 28;

/* The bits of group `group`, as far as they are there. */
void
read_bits (DcmDataset *dataset, Uint16 group, SagDicomOverlay *overlay)
{
  DcmElement *element = NULL;
  Uint8 *bytes = NULL;
  Uint16 *words = NULL;

  if (dataset->findAndGetElement (DcmTagKey (group, 0x3000), element).bad () || element == NULL
      || element->getLength () == 0 || element->getLength () > max_overlay_bytes)
    return;
  overlay->n_bytes = element->getLength ();
  if (element->getUint8Array (bytes).good () && bytes != NULL)
    overlay->bits = (guint8 *) g_memdup2 (bytes, overlay->n_bytes);
  else if (element->getUint16Array (words).good () && words != NULL)
    {
      /* Words of this machine; bits are counted from the lowest of each. */
      overlay->n_bytes = overlay->n_bytes / 2 * 2;
      overlay->bits = (guint8 *) g_malloc (overlay->n_bytes);
      for (gsize i = 0; i < overlay->n_bytes; i++)
        overlay->bits[i] = (guint8) (words[i / 2] >> (i % 2 * 8));
    }
}

} // namespace

extern "C" {

gboolean
sag_dcm_file_get_overlay (SagDcmFile *self, int n, SagDicomOverlay *overlay)
{
  GError **error = NULL;

  memset (overlay, 0, sizeof *overlay);
  try
    {
      DcmDataset *dataset = sag_dcm_file_get_dataset (self);
      Uint16 group = (Uint16) (0x6000 + 2 * n);
      OFString charset;
      char *text = NULL;
      double origin[2] = { 1, 1 };

      if (n < 0 || n >= SAG_MAX_OVERLAYS || !dataset->tagExists (DcmTagKey (group, 0x0010)))
        return FALSE;
      Reader (dataset).raw (DCM_SpecificCharacterSet, charset);
      Reader r (dataset, charset.c_str ());
      overlay->rows = r.integer (DcmTagKey (group, 0x0010));
      overlay->columns = r.integer (DcmTagKey (group, 0x0011));
      overlay->n_frames = MAX (1, r.integer (DcmTagKey (group, 0x0015), 1));
      overlay->first_frame = MAX (1, r.integer (DcmTagKey (group, 0x0051), 1)) - 1;
      r.numbers (DcmTagKey (group, 0x0050), origin, 2);
      overlay->row = (int) CLAMP (origin[0], -65536, 65536) - 1;
      overlay->column = (int) CLAMP (origin[1], -65536, 65536) - 1;
      overlay->bit = r.integer (DcmTagKey (group, 0x0102));
      for (Uint16 tag : { 0x1500, 0x0022 })
        if (overlay->name[0] == '\0')
          {
            r.text (DcmTagKey (group, tag), &text);
            g_strlcpy (overlay->name, text != NULL ? text : "", sizeof overlay->name);
            cut_utf8 (overlay->name);
            g_clear_pointer (&text, g_ref_string_release);
          }
      if (overlay->rows < 1 || overlay->columns < 1)
        return FALSE;
      read_bits (dataset, group, overlay);
      return TRUE;
    }
  SHIM_CATCH ("overlay", FALSE)
}
} // extern "C"
