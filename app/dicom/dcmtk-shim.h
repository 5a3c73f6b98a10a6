// SPDX-License-Identifier: Apache-2.0
//
// dcmtk-shim.h: what the C++ files of the shim share; nobody else includes it.
#pragma once

#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dctk.h"

#include <glib.h>
#include <glib/gi18n-lib.h>

extern "C" {
#include "app/dicom/charset.h"
#include "app/dicom/dcmtk.h"
#include "app/dicom/guard.h"
#include "engine/base/error.h"
}

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

namespace sag
{

/* Values above this many bytes stay in the file until asked for. */
const Uint32 max_read_length = 4096;

/* Codecs and logging; cheap after the first call. */
void initialize ();

/* Reads the first bytes, then looks at the structure: NOT_DICOM, IO or INVALID, else TRUE and the file's size; its
 * bytes too unless `contents` is NULL (caller unrefs). */
gboolean open_check (const char *path, gint64 *size, GMappedFile **contents, GError **error);

/* "'name' what" */
void set_error (GError **error, SagDicomError code, const char *path, const char *what);

/* "'name' what (the toolkit's own words)", INVALID. */
void set_condition (GError **error, const char *path, const char *what,
                    const OFCondition &condition);

/* Loads `path` up to its pixels; `has_more` tells whether there is anything behind. */
gboolean load_header (DcmFileFormat &format, const char *path, gint64 *size, gboolean *has_more,
                      GError **error);

/* The same of `bytes`, without private attributes and others that read_instance() does not ask for;
 * FALSE where it takes the toolkit's own reading of a file. Ended by pixel data, always. */
gboolean load_lean (DcmFileFormat &format, const guint8 *bytes, gsize n, gboolean *has_more);

/* The instance of a header loaded so. */
SagDicomInstance *read_instance (DcmFileFormat &format, const char *path, gint64 size,
                                 gboolean has_more, GError **error);

/* DICOM time HHMMSS.FFFFFF (or a date-time ending in it) as seconds; NaN if there is none. */
inline double
seconds (const OFString &text, size_t start)
{
  double hours, minutes, rest;

  if (text.length () < start + 6)
    return NAN;
  for (size_t i = start; i < start + 6; i++)
    if (!g_ascii_isdigit (text[i]))
      return NAN;
  hours = (text[start] - '0') * 10 + text[start + 1] - '0';
  minutes = (text[start + 2] - '0') * 10 + text[start + 3] - '0';
  rest = g_ascii_strtod (text.c_str () + start + 4, NULL);
  return hours * 3600 + minutes * 60 + rest;
}

/* What stored activity of a PET image is multiplied by to be the SUV by body weight in g/ml; 0 where
 * the file does not say all that is needed: `lack` is then what (SagSuvLack), or nothing where it is no PET or another
 * SUV already. */
double read_suv_factor (DcmItem *dataset, int *lack);

/* Ends a text before a character that its cut has split. */
inline void
cut_utf8 (char *text)
{
  const char *end;

  g_utf8_validate (text, -1, &end);
  text[end - text] = '\0';
}

/* Reading values of one item: absent, empty and malformed all read as absent. */
class Reader
{
public:
  /* `charset`: Specific Character Set of the data set the item is in. */
  explicit Reader (DcmItem *item, const char *charset = "") : item_ (item), charset_ (charset) {}

  bool
  raw (const DcmTagKey &tag, OFString &value) const
  {
    DcmElement *element = NULL;

    if (item_->findAndGetElement (tag, element).bad () || element == NULL
        || element->getLength () > 16384)
      return false;
    return element->getOFStringArray (value).good ();
  }

  void
  text (const DcmTagKey &tag, char **field) const
  {
    OFString value;

    if (!raw (tag, value) || value.empty ())
      return;
    g_autofree char *valid = sag_charset_to_utf8 (value.c_str (), charset_);
    g_strdelimit (valid, "\r\n\t\f\x1b", ' ');
    sag_dicom_text_set (field, g_strstrip (valid));
  }

  void
  code (const DcmTagKey &tag, char *field, gsize size) const
  {
    OFString value;

    if (!raw (tag, value))
      return;
    g_autofree char *valid = g_utf8_make_valid (value.c_str (), -1);
    g_strlcpy (field, g_strstrip (valid), size);
    cut_utf8 (field);
  }

  bool
  number (const DcmTagKey &tag, double *value, unsigned long index = 0) const
  {
    DcmElement *element = NULL;
    OFString string;
    Float64 got;

    if (item_->findAndGetElement (tag, element).bad () || element == NULL
        || element->getLength () > 16384)
      return false;
    if (element->getFloat64 (got, index).bad ())
      {
        char *end;

        if (element->getOFString (string, index).bad () || string.empty ())
          return false;
        got = g_ascii_strtod (string.c_str (), &end);
        if (end == string.c_str ())
          return false;
      }
    if (!std::isfinite (got))
      return false;
    *value = got;
    return true;
  }

  bool
  numbers (const DcmTagKey &tag, double *values, int n) const
  {
    double got[6];

    for (int i = 0; i < n; i++)
      if (!number (tag, &got[i], i))
        return false;
    memcpy (values, got, n * sizeof *values);
    return true;
  }

  int
  integer (const DcmTagKey &tag, int fallback = 0) const
  {
    double value;

    return number (tag, &value) && std::fabs (value) < 2e9 ? (int) value : fallback;
  }

  /* When, as far as two elements say: "2009-03-12", "2009-03-12T14:05:00"; "" if there is no date. Caller frees. */
  char *
  iso_time (const DcmTagKey &date_tag, const DcmTagKey &time_tag) const
  {
    OFString date, time;

    if (!raw (date_tag, date) || date.length () != 8 || !has_digits (date, 8))
      return g_strdup ("");
    const char *d = date.c_str ();
    if (!raw (time_tag, time) || !has_digits (time, 4))
      return g_strdup_printf ("%.4s-%.2s-%.2s", d, d + 4, d + 6);
    const char *t = time.c_str ();
    return g_strdup_printf ("%.4s-%.2s-%.2sT%.2s:%.2s:%.2s", d, d + 4, d + 6, t, t + 2,
                            has_digits (time, 6) ? t + 4 : "00");
  }

  DcmItem *get () const { return item_; }

  /* The first item of a sequence, or NULL. */
  DcmItem *
  sequence (const DcmTagKey &tag, long index = 0) const
  {
    DcmItem *found = NULL;

    return item_->findAndGetSequenceItem (tag, found, index).good () ? found : NULL;
  }

private:
  static bool
  has_digits (const OFString &text, size_t n)
  {
    for (size_t i = 0; i < n; i++)
      if (i >= text.length () || !g_ascii_isdigit (text[i]))
        return false;
    return true;
  }

  DcmItem *item_;
  const char *charset_;
};

/* The data set of an open file. */
DcmDataset *sag_dcm_file_get_dataset (SagDcmFile *self);

/* More frames than this are no image. */
const int max_frames = 1 << 20;

/* Image Position and Image Orientation (Patient), where they are sound. */
void read_position (const Reader &item, SagDicomFrame *frame);
void read_orientation (const Reader &item, SagDicomFrame *frame);

/* The same of nuclear medicine, which says them of its first detector (PS3.3 C.8.4.11). */
void read_detector (const Reader &item, SagDicomFrame *frame);

/* The pixel spacing of an ultrasound's screen, and where it holds. */
void read_regions (const Reader &item, SagDicomInstance *self, SagDicomFrame *frame);

/* `n` frames that are as the first. */
void set_frames (SagDicomInstance *self, int n);

/* The places of frames that no functional group describes. */
void place_frames (DcmItem *dataset, SagDicomInstance *self);

/* Frame of reference and series that a structure set refers to. */
void read_rt_references (const Reader &item, SagDicomInstance *self);

} // namespace sag

/* Closes the body of every function that C calls: no exception passes. */
#define SHIM_CATCH(path, result)                                                                   \
  catch (const std::bad_alloc &)                                                                   \
  {                                                                                                \
    sag::set_error (error, SAG_DICOM_ERROR_MEMORY, path, "needs more memory than there is");       \
    return result;                                                                                 \
  }                                                                                                \
  catch (...)                                                                                      \
  {                                                                                                \
    sag::set_error (error, SAG_DICOM_ERROR_INVALID, path, "is damaged and could not be read");     \
    return result;                                                                                 \
  }
