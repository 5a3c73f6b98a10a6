// SPDX-License-Identifier: Apache-2.0
//
// dcmtk-directory.cpp: the files a DICOMDIR names (PS3.3 F.3, PS3.10 8).
#include "app/dicom/dcmtk-shim.h"

using namespace sag;

namespace
{

const unsigned long max_records = 1 << 20;
const unsigned long max_components = 64; /* the standard has 8 */

/* The path of a file ID below `folder`, in the case that is there; NULL if it is not, or the ID
 * leads out of the folder. */
char *
find_file (const char *folder, DcmElement *id)
{
  g_autofree char *path = g_strdup (folder);
  unsigned long n = id->getVM ();

  if (n == 0 || n > max_components)
    return NULL;
  for (unsigned long i = 0; i < n; i++)
    {
      OFString part;

      if (id->getOFString (part, i).bad () || part.empty () || part == "." || part == ".."
          || part.find ('/') != OFString_npos)
        return NULL;
      g_autofree char *exact = g_build_filename (path, part.c_str (), NULL);
      /* Many systems show a CD's names in small letters. */
      g_autofree char *lower = g_ascii_strdown (part.c_str (), -1);
      g_autofree char *small = g_build_filename (path, lower, NULL);

      if (!g_file_test (exact, G_FILE_TEST_EXISTS) && !g_file_test (small, G_FILE_TEST_EXISTS))
        return NULL;
      g_free (path);
      path = g_strdup (g_file_test (exact, G_FILE_TEST_EXISTS) ? exact : small);
    }
  return g_file_test (path, G_FILE_TEST_IS_REGULAR) ? (char *) g_steal_pointer (&path) : NULL;
}

} // namespace

extern "C" {

gboolean
sag_dicom_read_directory (const char *path, GPtrArray *paths, int *n_absent, GError **error)
{
  try
    {
      DcmFileFormat format;
      DcmSequenceOfItems *records = NULL;
      g_autofree char *folder = g_path_get_dirname (path);
      gint64 size;

      *n_absent = 0;
      initialize ();
      if (!open_check (path, &size, NULL, error))
        return FALSE;
      OFCondition condition
          = format.loadFile (OFFilename (path), EXS_Unknown, EGL_noChange, max_read_length);
      if (condition.bad ())
        {
          set_condition (error, path, _ ("is a damaged directory"), condition);
          return FALSE;
        }
      /* Empty directories have no sequence, or one without records. */
      if (format.getDataset ()->findAndGetSequence (DCM_DirectoryRecordSequence, records).bad ()
          || records == NULL)
        return TRUE;
      DcmObject *record = NULL;
      for (unsigned long i = 0;
           i < max_records && (record = records->nextInContainer (record)) != NULL; i++)
        {
          DcmElement *id = NULL;
          DcmItem *item = static_cast<DcmItem *> (record);

          if (item->findAndGetElement (DCM_ReferencedFileID, id).bad () || id == NULL
              || id->getLength () == 0)
            continue;
          if (char *found = find_file (folder, id))
            g_ptr_array_add (paths, found);
          else
            ++*n_absent;
        }
      return TRUE;
    }
  SHIM_CATCH (path, FALSE)
}
} // extern "C"
