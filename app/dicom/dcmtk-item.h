// SPDX-License-Identifier: Apache-2.0
//
// dcmtk-item.h: data sets written by hand; for the C++ files of the shim only.
#pragma once

#include "app/dicom/dcmtk-shim.h"

#include <cerrno>
#include <ctime>

namespace sag
{

/* "Research use" travels with everything we write. */
const char *const research_use = "Research use, not a medical device";

/* A number as a decimal string: the most digits that fit 16 characters. */
inline std::string
decimal (double value)
{
  char text[40];

  for (int digits = 15; digits > 0; digits--)
    {
      g_ascii_formatd (text, sizeof text, ("%." + std::to_string (digits) + "g").c_str (), value);
      if (strlen (text) <= 16)
        break;
    }
  return text;
}

/* At most `n` characters of UTF-8, no backslash, no control character. */
inline std::string
line (const char *text, int n)
{
  g_autofree char *valid = g_utf8_make_valid (text != NULL ? text : "", -1);
  std::string out;

  for (const char *p = valid; *p != '\0' && n > 0; p = g_utf8_next_char (p), n--)
    if (*p == '\\' || (guchar) *p < 0x20)
      out += ' ';
    else
      out.append (p, g_utf8_next_char (p) - p);
  return out;
}

class Item
{
public:
  explicit Item (DcmItem *item) : item_ (item) {}

  /* As it is; NULL becomes empty. */
  Item &
  put (const DcmTagKey &tag, const char *value)
  {
    check (item_->putAndInsertString (tag, value != NULL ? value : ""));
    return *this;
  }

  Item &
  put (const DcmTagKey &tag, const std::string &value)
  {
    return put (tag, value.c_str ());
  }

  Item &
  put_us (const DcmTagKey &tag, int value)
  {
    check (item_->putAndInsertUint16 (tag, (Uint16) value));
    return *this;
  }

  Item &
  put_numbers (const DcmTagKey &tag, const double *values, int n)
  {
    std::string text;

    for (int i = 0; i < n; i++)
      text += (i > 0 ? "\\" : "") + decimal (values[i]);
    return put (tag, text);
  }

  Item &
  put_number (const DcmTagKey &tag, double value)
  {
    return put_numbers (tag, &value, 1);
  }

  /* Appends an item to a sequence. */
  Item
  add (const DcmTagKey &tag)
  {
    DcmItem *item = NULL;

    check (item_->findOrCreateSequenceItem (tag, item, -2));
    return Item (item);
  }

  Item &
  add_code (const DcmTagKey &tag, const char *value, const char *scheme, const char *meaning)
  {
    add (tag)
        .put (DCM_CodeValue, value)
        .put (DCM_CodingSchemeDesignator, scheme)
        .put (DCM_CodeMeaning, line (meaning, 64));
    return *this;
  }

  DcmItem *get () const { return item_; }

  static void
  check (const OFCondition &condition)
  {
    if (condition.bad ())
      throw std::string (condition.text ());
  }

private:
  DcmItem *item_;
};

/* The present, or midday of a given date. */
struct Moment
{
  char date[9];
  char time[7];

  Moment (const char *seed, const char *fixed)
  {
    std::time_t now = std::time (NULL);
    std::tm local;

    localtime_r (&now, &local);
    strftime (date, sizeof date, "%Y%m%d", &local);
    strftime (time, sizeof time, "%H%M%S", &local);
    if (seed != NULL)
      {
        g_strlcpy (date, fixed != NULL && strlen (fixed) == 8 ? fixed : "20000101", sizeof date);
        g_strlcpy (time, "120000", sizeof time);
      }
  }
};

inline std::string
make_uid (const char *seed, const char *what)
{
  SagUid uid;

  sag_dicom_make_uid (seed != NULL ? (std::string (seed) + "/" + what).c_str () : NULL, uid);
  return uid;
}

/* Writes to `path`; a message names the file `shown`, under which it was wanted. */
inline gboolean
save (DcmFileFormat &format, const char *path, const char *shown, GError **error)
{
  errno = 0;
  OFCondition condition =
      format.saveFile (OFFilename (path), EXS_LittleEndianExplicit, EET_ExplicitLength,
                       EGL_recalcGL, EPD_noChange, 0, 0, EWM_fileformat);

  /* The toolkit does not look whether closing the file brought its last bytes to the disk. */
  if (condition.good ())
    {
      DcmFileFormat check;

      condition = check.loadFile (OFFilename (path), EXS_Unknown, EGL_noChange, max_read_length);
    }
  if (condition.good ())
    return TRUE;
  std::string what = std::string ("could not be written: ")
                     + (errno != 0 ? g_strerror (errno) : condition.text ())
                     + "; is the disk full?";
  set_error (error, SAG_DICOM_ERROR_IO, shown, what.c_str ());
  return FALSE;
}

inline void
put_equipment (Item &item, const char *maker, const char *model)
{
  item.put (DCM_Manufacturer, line (maker, 64))
      .put (DCM_ManufacturerModelName, line (model, 64))
      .put (DCM_DeviceSerialNumber, "0")
      .put (DCM_SoftwareVersions, SAG_VERSION);
}

/* Patient and study of the images that something was made from. */
inline void
put_study (Item &item, const SagDicomInstance *in)
{
  item.put (DCM_PatientName, line (in->patient_name, 64 * 3))
      .put (DCM_PatientID, line (in->patient_id, 64))
      .put (DCM_PatientBirthDate, in->patient_birth_date)
      .put (DCM_PatientSex, in->patient_sex)
      .put (DCM_StudyInstanceUID, in->study_instance_uid)
      .put (DCM_StudyDate, in->study_date)
      .put (DCM_StudyTime, in->study_time)
      .put (DCM_StudyID, line (in->study_id, 16))
      .put (DCM_AccessionNumber, line (in->accession_number, 16))
      .put (DCM_ReferringPhysicianName, line (in->referring_physician_name, 64 * 3));
  if (*in->study_description != '\0')
    item.put (DCM_StudyDescription, line (in->study_description, 64));
}

} // namespace sag

/* SHIM_CATCH that also knows the texts thrown by Item::check(). */
#define WRITE_CATCH(path, result)                                                                  \
  catch (const std::string &text)                                                                  \
  {                                                                                                \
    sag::set_error (error, SAG_DICOM_ERROR_INVALID, path,                                          \
                    ("could not be made: " + text).c_str ());                                      \
    return result;                                                                                 \
  }                                                                                                \
  SHIM_CATCH (path, result)
