// SPDX-License-Identifier: Apache-2.0
//
// dcmtk-pixels.cpp: a file's pixels, and what all of the shim stands on.
#include "app/dicom/dcmtk-shim.h"

#include "dcmtk/dcmdata/dccodec.h"
#include "dcmtk/dcmdata/dcistrmf.h"
#include "dcmtk/dcmdata/dcpixel.h"
#include "dcmtk/dcmdata/dcpixseq.h"
#include "dcmtk/dcmdata/dcpxitem.h"
#include "dcmtk/dcmdata/dcrledrg.h"
#include "dcmtk/dcmdata/dcfcache.h"
#include "dcmtk/dcmjpeg/djdecode.h"
#include "dcmtk/dcmjpls/djdecode.h"
#include "dcmtk/oflog/oflog.h"
#include "dcmtk/oflog/spi/logevent.h"

#include <algorithm>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using namespace sag;

namespace
{

class GlibAppender : public dcmtk::log4cplus::Appender
{
public:
  ~GlibAppender () override { destructorImpl (); }
  void close () override {}

protected:
  void
  append (const dcmtk::log4cplus::spi::InternalLoggingEvent &event) override
  {
    g_log ("dicom", G_LOG_LEVEL_MESSAGE, "%s", event.getMessage ().c_str ());
  }
};

} // namespace

/* Codecs are registered once and for the life of the process: taking them away again would race with
 * threads that decode. */
void
sag::initialize ()
{
  static gsize done = 0;

  if (!g_once_init_enter (&done))
    return;
  const char *debug = g_getenv ("SAG_DEBUG");
  gboolean is_shown = debug != NULL && strstr (debug, "dicom") != NULL;
  OFLog::configure (is_shown ? OFLogger::DEBUG_LOG_LEVEL : OFLogger::OFF_LOG_LEVEL);
  dcmtk::log4cplus::Logger root = dcmtk::log4cplus::Logger::getRoot ();
  root.removeAllAppenders ();
  root.addAppender (dcmtk::log4cplus::SharedAppenderPtr (new GlibAppender));
  /* Pixels of a stated length are uncompressed, whatever the transfer syntax says. */
  dcmUseExplLengthPixDataForEncTS.set (OFTrue);
  /* What a file says of its own encoding is wrong often enough: how its first elements look outweighs it, and an element
   * of unknown VR that the dictionary knows is of that VR. */
  dcmAutoDetectDatasetXfer.set (OFTrue);
  dcmIgnoreFileMetaInformationGroupLength.set (OFTrue);
  dcmEnableUnknownVRConversion.set (OFTrue);
  dcmReplaceWrongDelimitationItem.set (OFTrue);
  DcmRLEDecoderRegistration::registerCodecs ();
  DJDecoderRegistration::registerCodecs (EDC_photometricInterpretation, EUC_default,
                                         EPC_colorByPixel);
  DJLSDecoderRegistration::registerCodecs (EJLSUC_default, EJLSPC_colorByPixel);
  g_once_init_leave (&done, 1);
}

void
sag::set_error (GError **error, SagDicomError code, const char *path, const char *what)
{
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *shown = sag_escape_name (name, -1);

  g_set_error (error, SAG_DICOM_ERROR, code, "'%s' %s", shown, what);
}

void
sag::set_condition (GError **error, const char *path, const char *what, const OFCondition &condition)
{
  std::string text = std::string (what) + " (" + condition.text () + ")";

  set_error (error, SAG_DICOM_ERROR_INVALID, path, text.c_str ());
}

namespace
{

/* TRUE after at most 256 bytes of a file that is, or might well be, DICOM: a preamble, or a data
 * set that starts with a low group as files without meta header do. */
gboolean
looks_like_dicom (const guint8 *b, gsize n)
{
  if (n >= 132 && memcmp (b + 128, "DICM", 4) == 0)
    return TRUE;
  if (n < 16)
    return FALSE;

  guint16 little = b[0] | b[1] << 8, big = b[0] << 8 | b[1];
  guint16 group = little == 0x0002 || little == 0x0008 ? little : big;
  gboolean swapped = group != little;
  guint16 element = swapped ? b[2] << 8 | b[3] : b[2] | b[3] << 8;

  if ((group != 0x0002 && group != 0x0008) || element > 0x0100)
    return FALSE;
  if (g_ascii_isupper (b[4]) && g_ascii_isupper (b[5]))
    return TRUE;
  guint32 length = b[4] | b[5] << 8 | b[6] << 16 | (guint32) b[7] << 24;
  return !swapped && length <= 128;
}

} // namespace

gboolean
sag::open_check (const char *path, gint64 *size, GMappedFile **contents, GError **error)
{
  guint8 head[256];
  struct stat info;
  int file = open (path, O_RDONLY | O_CLOEXEC);

  if (file < 0 || fstat (file, &info) != 0)
    {
      std::string what = std::string (_ ("could not be opened: ")) + g_strerror (errno);
      set_error (error, SAG_DICOM_ERROR_IO, path, what.c_str ());
      if (file >= 0)
        close (file);
      return FALSE;
    }
  ssize_t n = S_ISREG (info.st_mode) ? pread (file, head, sizeof head, 0) : 0;
  gboolean looks = n > 0 && looks_like_dicom (head, (gsize) n);
  g_autoptr (GMappedFile) mapped = looks ? g_mapped_file_new_from_fd (file, FALSE, NULL) : NULL;

  close (file);
  *size = info.st_size;
  if (!looks)
    {
      set_error (error, SAG_DICOM_ERROR_NOT_DICOM, path, _ ("is not a DICOM file"));
      return FALSE;
    }
  if (mapped == NULL
      || !sag_guard_check ((const guint8 *) g_mapped_file_get_contents (mapped),
                           g_mapped_file_get_length (mapped)))
    {
      set_error (error, SAG_DICOM_ERROR_INVALID, path,
                 _ ("is damaged or crafted: its elements reach past its end, or its sequences lie too deep within each other"));
      return FALSE;
    }
  if (contents != NULL)
    *contents = (GMappedFile *) g_steal_pointer (&mapped);
  return TRUE;
}

struct _SagDcmFile
{
  DcmFileFormat format;
  DcmFileCache  cache;
  std::string   path;
  std::unique_ptr<DcmItem> description; /* of one frame */
};

DcmDataset *
sag::sag_dcm_file_get_dataset (SagDcmFile *self)
{
  return self->format.getDataset ();
}

static bool
has_whole_pixels (SagDcmFile *self)
{
  DcmElement *pixels = NULL;

  return self->format.getDataset ()->findAndGetElement (DCM_PixelData, pixels).good () && pixels != NULL
         && pixels->transferState () == ERW_ready;
}

extern "C" {

SagDcmFile *
sag_dcm_file_open (const char *path, GError **error)
{
  gint64 size;

  initialize ();
  if (!open_check (path, &size, NULL, error))
    return NULL;
  try
    {
      SagDcmFile *self = new SagDcmFile;

      self->path = path;
      DcmInputFileStream stream ((OFFilename (path)));
      OFCondition condition = stream.status ();

      if (condition.good ())
        {
          self->format.transferInit ();
          condition = self->format.read (stream, EXS_Unknown, EGL_noChange, max_read_length);
          /* Frames that are there are there, even if the end mark behind the last one is not, or garbage is. */
          if (condition == EC_SequDelimitationItemMissing || (condition.bad () && has_whole_pixels (self)))
            condition = EC_Normal;
          self->format.transferEnd ();
        }
      if (condition.bad ())
        {
          set_condition (error, path, _ ("is truncated or damaged: its pixels cannot be read"),
                         condition);
          delete self;
          return NULL;
        }
      return self;
    }
  SHIM_CATCH (path, NULL)
}

void
sag_dcm_file_close (SagDcmFile *self)
{
  try
    {
      delete self;
    }
  catch (...)
    {
    }
}

/* A data set that describes one frame as `self` describes each: what the toolkit's codecs look at. */
static DcmItem *
describe_frame (SagDcmFile *self, int sample_bytes)
{
  static const DcmTagKey copied[] = { DCM_SOPClassUID, DCM_Rows, DCM_Columns, DCM_SamplesPerPixel,
                                      DCM_PhotometricInterpretation, DCM_PlanarConfiguration,
                                      DCM_BitsAllocated, DCM_BitsStored, DCM_HighBit,
                                      DCM_PixelRepresentation };

  if (self->description == NULL)
    {
      self->description.reset (new DcmItem);
      for (const DcmTagKey &tag : copied)
        self->format.getDataset ()->findAndInsertCopyOfElement (tag, self->description.get ());
    }
  Uint16 allocated = 0;
  if (self->description->findAndGetUint16 (DCM_BitsAllocated, allocated).good () && sample_bytes == 1 && allocated == 16)
    {
      self->description->putAndInsertUint16 (DCM_BitsAllocated, 8);
      self->description->putAndInsertUint16 (DCM_BitsStored, 8);
      self->description->putAndInsertUint16 (DCM_HighBit, 7);
    }
  return self->description.get ();
}

gboolean
sag_dcm_file_decode (SagDcmFile *self, int frame, GBytes *stream, int sample_bytes, gpointer buffer,
                     gsize n_bytes, char color_model[17], GError **error)
{
  const char *path = self->path.c_str ();

  try
    {
      DcmXfer syntax (self->format.getDataset ()->getOriginalXfer ());
      DcmPixelSequence sequence (DcmTag (DCM_PixelData, EVR_OB));
      DcmPixelItem *item = new DcmPixelItem (DcmTag (DCM_Item, EVR_OB));
      OFString model;
      Uint32 fragment = 1;
      gsize size;
      const Uint8 *data = (const Uint8 *) g_bytes_get_data (stream, &size);

      sequence.insert (new DcmPixelItem (DcmTag (DCM_Item, EVR_OB)));
      sequence.insert (item);
      OFCondition condition = item->putUint8Array (data, (unsigned long) size);
      if (condition.good ())
        condition = DcmCodecList::decodeFrame (syntax, NULL, &sequence, describe_frame (self, sample_bytes), 0,
                                               fragment, buffer,
                                               (Uint32) MIN (n_bytes, (gsize) 0xfffffffe), model);
      if (condition.bad ())
        {
          std::string what = "frame " + std::to_string (frame + 1) + " cannot be decoded";
          set_condition (error, path, what.c_str (), condition);
          return FALSE;
        }
      g_strlcpy (color_model, model.c_str (), 17);
      return TRUE;
    }
  SHIM_CATCH (path, FALSE)
}

gboolean
sag_dcm_file_get_native (SagDcmFile *self, gsize offset, gpointer buffer, gsize n_bytes,
                         GError **error)
{
  const char *path = self->path.c_str ();

  try
    {
      static const DcmTagKey tags[] = { DCM_PixelData, DCM_FloatPixelData,
                                        DCM_DoubleFloatPixelData };
      DcmDataset *dataset = self->format.getDataset ();

      for (const DcmTagKey &tag : tags)
        {
          DcmElement *element = NULL;

          if (dataset->findAndGetElement (tag, element).bad () || element == NULL)
            continue;
          gsize length = element->getLength ();
          /* Some writers forget to pad to even length. */
          if (length % 2 == 1 && offset + n_bytes == length + 1)
            ((guint8 *) buffer)[--n_bytes] = 0;
          if (offset + n_bytes > length)
            break;
          OFCondition condition = element->getPartialValue (buffer, (Uint32) offset,
                                                            (Uint32) n_bytes, &self->cache);
          if (condition.good ())
            return TRUE;
          set_condition (error, path, _ ("is truncated or damaged"), condition);
          return FALSE;
        }
      set_error (error, SAG_DICOM_ERROR_INVALID, path,
                 _ ("has fewer pixels than its header announces: it is truncated or damaged"));
      return FALSE;
    }
  SHIM_CATCH (path, FALSE)
}

gsize
sag_dcm_file_get_native_length (SagDcmFile *self)
{
  DcmElement *element = NULL;

  return !sag_dcm_file_has_fragments (self)
                 && self->format.getDataset ()->findAndGetElement (DCM_PixelData, element).good () && element != NULL
             ? element->getLength ()
             : 0;
}
} // extern "C"

namespace
{

/* Where each fragment's item header lies behind the offset table (PS3.5 A.4), in bytes. */
std::vector<guint64>
fragment_offsets (DcmPixelSequence *sequence)
{
  std::vector<guint64> offsets;
  guint64 position = 0;

  for (unsigned long i = 1; i < sequence->card (); i++)
    {
      DcmPixelItem *item = NULL;

      offsets.push_back (position);
      if (sequence->getItem (item, i).good ())
        position += (guint64) item->getLength () + 8;
    }
  return offsets;
}

/* Frames of a table of offsets as indices of fragments; false if one points elsewhere. */
bool
match_table (const std::vector<guint64> &table, const std::vector<guint64> &offsets,
             std::vector<unsigned long> &found)
{
  found.clear ();
  for (guint64 wanted : table)
    {
      auto at = std::lower_bound (offsets.begin (), offsets.end (), wanted);

      if (at == offsets.end () || *at != wanted
          || (!found.empty () && found.back () >= (unsigned long) (at - offsets.begin ()) + 1))
        return false;
      found.push_back ((unsigned long) (at - offsets.begin ()) + 1);
    }
  return !found.empty () && found[0] == 1;
}

/* The Extended Offset Table (7FE0,0001), or else the basic one; empty if there is none for
 * `n_frames`. */
std::vector<guint64>
read_table (DcmDataset *dataset, DcmPixelSequence *sequence, int n_frames)
{
  std::vector<guint64> table;
  DcmElement *element = NULL;
  DcmPixelItem *item = NULL;
  Uint64 *wide = NULL;
  Uint8 *bytes = NULL;

  if (dataset->findAndGetElement (DCM_ExtendedOffsetTable, element).good () && element != NULL
      && element->getLength () == (Uint32) n_frames * 8 && element->getUint64Array (wide).good ()
      && wide != NULL)
    table.assign (wide, wide + n_frames);
  else if (sequence->getItem (item, 0).good () && item->getLength () == (Uint32) n_frames * 4
           && item->getUint8Array (bytes).good () && bytes != NULL)
    for (int i = 0; i < n_frames; i++, bytes += 4)
      table.push_back (bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (guint64) bytes[3] << 24);
  return table;
}

/* Index of the first fragment of each frame. Item 0 of the sequence is the offset table, which
 * many writers leave empty and some fill wrongly: it is asked only where counting does not tell,
 * and believed only if it points at fragments. Then the code streams' first bytes tell, then an equal
 * share for each frame. */
bool
find_frame_starts (DcmDataset *dataset, DcmPixelSequence *sequence, int n_frames,
                   const guint8 *starts, gsize n_starts, DcmFileCache *cache,
                   std::vector<unsigned long> &found)
{
  unsigned long n_fragments = sequence->card () - 1;
  DcmPixelItem *item = NULL;

  if (n_frames == 1)
    {
      found.push_back (1);
      return true;
    }
  if (n_fragments == (unsigned long) n_frames)
    {
      for (unsigned long i = 1; i <= n_fragments; i++)
        found.push_back (i);
      return true;
    }
  if (match_table (read_table (dataset, sequence, n_frames), fragment_offsets (sequence), found))
    return true;
  found.clear ();
  for (unsigned long i = 1; i <= n_fragments && n_starts > 0; i++)
    {
      guint8 head[8];

      if (sequence->getItem (item, i).good () && item->getLength () >= sizeof head
          && item->getPartialValue (head, 0, sizeof head, cache).good ()
          && memcmp (head, starts, n_starts) == 0)
        found.push_back (i);
    }
  /* A file cut short still has its first frames, where each fragment begins one. */
  if (found.size () == (size_t) n_frames
      || (found.size () == n_fragments && n_fragments < (unsigned long) n_frames))
    return true;
  if (n_fragments % (unsigned long) n_frames != 0)
    return false;
  found.clear ();
  for (int i = 0; i < n_frames; i++)
    found.push_back (1 + i * (n_fragments / n_frames));
  return true;
}

} // namespace

extern "C" {

gboolean
sag_dcm_file_has_fragments (SagDcmFile *self)
{
  DcmElement *element = NULL;
  DcmPixelSequence *sequence = NULL;
  E_TransferSyntax syntax;
  const DcmRepresentationParameter *parameter = NULL;

  if (self->format.getDataset ()->findAndGetElement (DCM_PixelData, element).bad ())
    return FALSE;
  DcmPixelData *pixels = dynamic_cast<DcmPixelData *> (element);
  if (pixels == NULL)
    return FALSE;
  pixels->getOriginalRepresentationKey (syntax, parameter);
  return pixels->getEncapsulatedRepresentation (syntax, parameter, sequence).good ()
         && sequence != NULL;
}

GBytes *
sag_dcm_file_get_fragments (SagDcmFile *self, int frame, int n_frames, const guint8 *starts,
                            gsize n_starts, GError **error)
{
  const char *path = self->path.c_str ();

  try
    {
      DcmDataset *dataset = self->format.getDataset ();
      DcmElement *element = NULL;
      DcmPixelSequence *sequence = NULL;
      E_TransferSyntax syntax;
      const DcmRepresentationParameter *parameter = NULL;

      dataset->findAndGetElement (DCM_PixelData, element);
      DcmPixelData *pixels = dynamic_cast<DcmPixelData *> (element);
      if (pixels != NULL)
        {
          pixels->getOriginalRepresentationKey (syntax, parameter);
          pixels->getEncapsulatedRepresentation (syntax, parameter, sequence);
        }
      std::vector<unsigned long> first;
      if (sequence == NULL || sequence->card () < 2
          || !find_frame_starts (dataset, sequence, n_frames, starts, n_starts, &self->cache, first)
          || frame >= (int) first.size ())
        {
          std::string what = "holds no compressed pixels for frame " + std::to_string (frame + 1);
          set_error (error, SAG_DICOM_ERROR_INVALID, path, what.c_str ());
          return NULL;
        }
      unsigned long end = frame + 1 < (int) first.size () ? first[frame + 1] : sequence->card ();
      g_autoptr (GByteArray) bytes = g_byte_array_new ();
      for (unsigned long i = first[frame]; i < end; i++)
        {
          DcmPixelItem *item = NULL;
          guint old = bytes->len;

          if (sequence->getItem (item, i).bad () || item->getLength () > G_MAXINT32 - old)
            break;
          g_byte_array_set_size (bytes, old + item->getLength ());
          if (item->getLength () > 0
              && item->getPartialValue (bytes->data + old, 0, item->getLength (), &self->cache)
                     .bad ())
            {
              set_error (error, SAG_DICOM_ERROR_INVALID, path, _ ("is truncated within its pixels"));
              return NULL;
            }
        }
      return g_byte_array_free_to_bytes ((GByteArray *) g_steal_pointer (&bytes));
    }
  SHIM_CATCH (path, NULL)
}

gboolean
sag_dcm_file_has (SagDcmFile *self, guint16 group, guint16 element)
{
  return self->format.getDataset ()->tagExists (DcmTagKey (group, element));
}

/* Of either sign; NULL if there are none. */
static guint16 *
get_words (DcmItem *item, const DcmTagKey &key, gsize *n_words)
{
  const Uint16 *data = NULL;
  const Sint16 *signed_data = NULL;
  unsigned long n = 0;

  if (item->findAndGetUint16Array (key, data, &n).bad () || data == NULL)
    {
      if (item->findAndGetSint16Array (key, signed_data, &n).bad () || signed_data == NULL)
        return NULL;
      data = (const Uint16 *) signed_data;
    }
  if (n == 0)
    return NULL;
  guint16 *result = g_new (guint16, n);
  memcpy (result, data, n * sizeof *result);
  *n_words = n;
  return result;
}

guint16 *
sag_dcm_file_get_words (SagDcmFile *self, guint16 group, guint16 element, gsize *n_words)
{
  GError **error = NULL;

  try
    {
      return get_words (self->format.getDataset (), DcmTagKey (group, element), n_words);
    }
  SHIM_CATCH (self->path.c_str (), NULL)
}

guint16 *
sag_dcm_file_get_item_words (SagDcmFile *self, guint16 sequence_group, guint16 sequence_element,
                             guint16 group, guint16 element, gsize *n_words)
{
  GError **error = NULL;

  try
    {
      DcmItem *item = NULL;

      if (self->format.getDataset ()
              ->findAndGetSequenceItem (DcmTagKey (sequence_group, sequence_element), item)
              .bad ()
          || item == NULL)
        return NULL;
      return get_words (item, DcmTagKey (group, element), n_words);
    }
  SHIM_CATCH (self->path.c_str (), NULL)
}
} // extern "C"
