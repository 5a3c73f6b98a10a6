// SPDX-License-Identifier: Apache-2.0
//
// dcmtk-directory.cpp: the files a DICOMDIR names (PS3.3 F.3, PS3.10 8).
#include "app/dicom/dcmtk-shim.h"

#include <map>
#include <set>
#include <string>

using namespace sag;

namespace
{

const unsigned long max_records = 1 << 20;
const unsigned long max_components = 64; /* the standard has 8 */

/* Names of a folder as a directory may have them: in small letters, without the version number and the empty
 * extension that ISO 9660 adds ("IM0001.;1"). */
std::string
plain (const std::string &name)
{
  std::string out = name;
  size_t version = out.rfind (';');

  if (version != std::string::npos && version > 0
      && out.find_first_not_of ("0123456789", version + 1) == std::string::npos)
    out.erase (version);
  if (out.size () > 1 && out.back () == '.')
    out.pop_back ();
  for (char &c : out)
    c = g_ascii_tolower (c);
  return out;
}

/* Plain names and the real ones, of each folder that was looked into. */
typedef std::map<std::string, std::map<std::string, std::string> > Folders;

/* The real path of `part` in `path`, or "". */
std::string
find_part (Folders &folders, const std::string &path, const std::string &part)
{
  std::string exact = path + "/" + part;

  if (g_file_test (exact.c_str (), G_FILE_TEST_EXISTS))
    return exact;
  if (folders.find (path) == folders.end ())
    {
      std::map<std::string, std::string> &names = folders[path];
      GDir *dir = g_dir_open (path.c_str (), 0, NULL);
      const char *name;

      while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
        names.emplace (plain (name), name);
      g_clear_pointer (&dir, g_dir_close);
    }
  auto found = folders[path].find (plain (part));
  return found != folders[path].end () ? path + "/" + found->second : "";
}

/* The path of a file ID below `folder`, as its name is there (media show their names in small letters, or as ISO 9660
 * has them); NULL if it is not, or the ID leads out of the folder. Some write the whole ID as one path, from a root or
 * a drive: it is taken from the folder. */
char *
find_file (Folders &folders, const char *folder, DcmElement *id)
{
  std::string path = folder;
  unsigned long n = id->getVM ();

  if (n == 0 || n > max_components)
    return NULL;
  for (unsigned long i = 0; i < n; i++)
    {
      OFString value;

      if (id->getOFString (value, i).bad ())
        return NULL;
      g_auto (GStrv) parts = g_strsplit (value.c_str (), "/", -1);
      for (char **part = parts; *part != NULL; part++)
        {
          if (**part == '\0' || strcmp (*part, ".") == 0 || (i == 0 && part == parts && g_str_has_suffix (*part, ":")))
            continue;
          if (strcmp (*part, "..") == 0)
            return NULL;
          path = find_part (folders, path, *part);
          if (path.empty ())
            return NULL;
        }
    }
  return g_file_test (path.c_str (), G_FILE_TEST_IS_REGULAR) ? g_strdup (path.c_str ()) : NULL;
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
      Folders folders;
      std::set<std::string> seen;
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
          char *found = find_file (folders, folder, id);
          if (found == NULL)
            ++*n_absent;
          else if (seen.insert (found).second)
            g_ptr_array_add (paths, found);
          else
            g_free (found); /* named by several records */
        }
      return TRUE;
    }
  SHIM_CATCH (path, FALSE)
}
} // extern "C"
