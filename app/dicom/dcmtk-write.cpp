// SPDX-License-Identifier: Apache-2.0
//
// dcmtk-write.cpp: CT series and segmentations as files.
#include "app/dicom/dcmtk-shim.h"

extern "C" {
#include "app/files/save.h"
#include "engine/base/parallel.h"
}

#include <ctime>

using namespace sag;

namespace
{

/* "Research use" travels with everything we write. */
const char *const research_use = "Research use, not a medical device";

/* A number as a decimal string: the most digits that fit 16 characters. */
std::string
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
std::string
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

std::string
make_uid (const char *seed, const char *what)
{
  SagUid uid;

  sag_dicom_make_uid (seed != NULL ? (std::string (seed) + "/" + what).c_str () : NULL, uid);
  return uid;
}

gboolean
save (DcmFileFormat &format, const char *path, GError **error)
{
  OFCondition condition =
      format.saveFile (OFFilename (path), EXS_LittleEndianExplicit, EET_ExplicitLength,
                       EGL_recalcGL, EPD_noChange, 0, 0, EWM_fileformat);

  if (condition.good ())
    return TRUE;
  std::string what =
      std::string ("could not be written: ") + condition.text () + "; is the disk full?";
  set_error (error, SAG_DICOM_ERROR_IO, path, what.c_str ());
  return FALSE;
}

#define WRITE_CATCH(path, result)                                                                  \
  catch (const std::string &text)                                                                  \
  {                                                                                                \
    set_error (error, SAG_DICOM_ERROR_INVALID, path, ("could not be made: " + text).c_str ());     \
    return result;                                                                                 \
  }                                                                                                \
  SHIM_CATCH (path, result)

void
put_equipment (Item &item, const char *maker, const char *model)
{
  item.put (DCM_Manufacturer, line (maker, 64))
      .put (DCM_ManufacturerModelName, line (model, 64))
      .put (DCM_DeviceSerialNumber, "0")
      .put (DCM_SoftwareVersions, SAG_VERSION);
}

/* --- CT --- */

struct CtSeries
{
  const char                  *folder;
  const SagVolume             *volume;
  const SagDicomCtDescription *description;
  std::string                  study, series, frame_of_reference;
  Moment                       moment;
  GMutex                       lock;
  GError                      *error;

  CtSeries (const char *f, const SagVolume *v, const SagDicomCtDescription *d)
      : folder (f), volume (v), description (d), study (make_uid (d->seed, "study")),
        series (make_uid (d->seed, "series")), frame_of_reference (make_uid (d->seed, "frame")),
        moment (d->seed, d->date), error (NULL)
  {
    g_mutex_init (&lock);
  }
  ~CtSeries () { g_mutex_clear (&lock); }
};

void
put_ct_headers (Item &item, const CtSeries &s, int k)
{
  const SagDicomCtDescription *d = s.description;

  item.put (DCM_SpecificCharacterSet, "ISO_IR 192")
      .put (DCM_ImageType, "ORIGINAL\\PRIMARY\\AXIAL")
      .put (DCM_SOPClassUID, UID_CTImageStorage)
      .put (DCM_SOPInstanceUID, make_uid (d->seed, ("image " + std::to_string (k + 1)).c_str ()))
      .put (DCM_StudyDate, s.moment.date)
      .put (DCM_StudyTime, s.moment.time)
      .put (DCM_SeriesDate, s.moment.date)
      .put (DCM_SeriesTime, s.moment.time)
      .put (DCM_AcquisitionDate, s.moment.date)
      .put (DCM_AcquisitionTime, s.moment.time)
      .put (DCM_ContentDate, s.moment.date)
      .put (DCM_ContentTime, s.moment.time)
      .put (DCM_AccessionNumber, "")
      .put (DCM_Modality, "CT")
      .put (DCM_ReferringPhysicianName, "")
      .put (DCM_StudyDescription, line (d->study_description, 64))
      .put (DCM_SeriesDescription, line (d->series_description, 64))
      .put (DCM_PatientName, line (d->patient_name, 64))
      .put (DCM_PatientID, line (d->patient_id, 64))
      .put (DCM_PatientBirthDate, d->patient_birth_date)
      .put (DCM_PatientSex, d->patient_sex)
      .put (DCM_BodyPartExamined, d->body_part_examined)
      .put (DCM_PatientPosition, "HFS")
      .put (DCM_StudyInstanceUID, s.study)
      .put (DCM_SeriesInstanceUID, s.series)
      .put (DCM_StudyID, "1")
      .put (DCM_SeriesNumber, std::to_string (MAX (1, d->series_number)))
      .put (DCM_AcquisitionNumber, "1")
      .put (DCM_InstanceNumber, std::to_string (k + 1))
      .put (DCM_FrameOfReferenceUID, s.frame_of_reference)
      .put (DCM_PositionReferenceIndicator, "")
      .put (DCM_LossyImageCompression, "00")
      .put (DCM_ImageComments, research_use)
      .put (DCM_ConvolutionKernel, line (d->convolution_kernel, 16))
      .put (DCM_Exposure, std::to_string ((int) std::lround (d->exposure_mas)))
      .put_number (DCM_KVP, d->kvp)
      .put_number (DCM_GantryDetectorTilt, 0);
  put_equipment (item, d->manufacturer, d->model_name);
}

void
put_ct_geometry (Item &item, const SagGrid *grid, int k)
{
  double position[3], ijk[3] = { 0, 0, (double) k };
  const double *dir = grid->direction;
  const double orientation[6] = { dir[0], dir[3], dir[6], dir[1], dir[4], dir[7] };
  const double spacing[2] = { grid->spacing[1], grid->spacing[0] };

  sag_grid_to_lps (grid, ijk, position);
  item.put_numbers (DCM_ImagePositionPatient, position, 3)
      .put_numbers (DCM_ImageOrientationPatient, orientation, 6)
      .put_numbers (DCM_PixelSpacing, spacing, 2)
      .put_number (DCM_SliceThickness, grid->spacing[2])
      .put_number (DCM_SpacingBetweenSlices, grid->spacing[2])
      .put_number (DCM_SliceLocation,
                   position[0] * dir[2] + position[1] * dir[5] + position[2] * dir[8])
      .put_number (DCM_ReconstructionDiameter, grid->spacing[0] * grid->size[0])
      .put_number (DCM_DataCollectionDiameter, grid->spacing[0] * grid->size[0]);
}

void
put_windows (Item &item, const SagDicomCtDescription *d)
{
  std::string centers, widths, names;

  for (int i = 0; i < d->n_windows; i++)
    {
      const char *between = i > 0 ? "\\" : "";

      centers += between + decimal (d->windows[i].center);
      widths += between + decimal (d->windows[i].width);
      names += between + line (d->window_explanations[i], 64);
    }
  if (d->n_windows > 0)
    item.put (DCM_WindowCenter, centers)
        .put (DCM_WindowWidth, widths)
        .put (DCM_WindowCenterWidthExplanation, names);
}

void
put_ct_pixels (Item &item, const SagVolume *volume, int k)
{
  const SagGrid *grid = sag_volume_get_grid (volume);
  gboolean is_signed = sag_volume_get_voxel_type (volume) == SAG_VOXEL_I16;

  item.put_us (DCM_SamplesPerPixel, 1)
      .put (DCM_PhotometricInterpretation, "MONOCHROME2")
      .put_us (DCM_Rows, grid->size[1])
      .put_us (DCM_Columns, grid->size[0])
      .put_us (DCM_BitsAllocated, 16)
      .put_us (DCM_BitsStored, 16)
      .put_us (DCM_HighBit, 15)
      .put_us (DCM_PixelRepresentation, is_signed ? 1 : 0)
      .put_number (DCM_RescaleIntercept, sag_volume_get_intercept (volume))
      .put_number (DCM_RescaleSlope, 1)
      .put (DCM_RescaleType, "HU");
  Item::check (item.get ()->putAndInsertUint16Array (
      DCM_PixelData, (const Uint16 *) sag_volume_get_slice (volume, k),
      (unsigned long) grid->size[0] * grid->size[1]));
}

gboolean
write_ct_slice (const CtSeries &s, int k, GError **error)
{
  g_autofree char *name = g_strdup_printf ("ct-%04d.dcm", k + 1);
  g_autofree char *path = g_build_filename (s.folder, name, NULL);
  g_autofree char *temporary = sag_save_begin (path, error);

  if (temporary == NULL)
    return FALSE;
  try
    {
      DcmFileFormat format;
      Item item (format.getDataset ());

      put_ct_headers (item, s, k);
      put_ct_geometry (item, sag_volume_get_grid (s.volume), k);
      put_windows (item, s.description);
      put_ct_pixels (item, s.volume, k);
      if (save (format, temporary, error))
        return sag_save_finish (temporary, path, error);
    }
  catch (...)
    {
      set_error (error, SAG_DICOM_ERROR_INVALID, path, "could not be made");
    }
  sag_save_abort (temporary);
  return FALSE;
}

void
write_ct_item (gsize k, int thread, gpointer data)
{
  CtSeries *s = (CtSeries *) data;
  GError *error = NULL;

  g_mutex_lock (&s->lock);
  gboolean failed = s->error != NULL;
  g_mutex_unlock (&s->lock);
  if (failed || write_ct_slice (*s, (int) k, &error))
    return;
  g_mutex_lock (&s->lock);
  if (s->error == NULL)
    s->error = (GError *) g_steal_pointer (&error);
  g_mutex_unlock (&s->lock);
  g_clear_error (&error);
}

/* --- SEG --- */

/* sRGB -> L*a*b* (D50) scaled to 16 bits, PS3.3 C.10.7.1.1. */
void
rgb_to_lab (const guint8 rgb[3], Uint16 lab[3])
{
  const double m[3][3] = { { 0.4360747, 0.3850649, 0.1430804 },
                           { 0.2225045, 0.7168786, 0.0606169 },
                           { 0.0139322, 0.0971045, 0.7141733 } };
  const double white[3] = { 0.96422, 1, 0.82521 };
  double linear[3], f[3];

  for (int i = 0; i < 3; i++)
    {
      double v = rgb[i] / 255.0;

      linear[i] = v <= 0.04045 ? v / 12.92 : std::pow ((v + 0.055) / 1.055, 2.4);
    }
  for (int i = 0; i < 3; i++)
    {
      double t = (m[i][0] * linear[0] + m[i][1] * linear[1] + m[i][2] * linear[2]) / white[i];

      f[i] = t > 216.0 / 24389 ? std::cbrt (t) : (841.0 / 108) * t + 4.0 / 29;
    }
  double l = 116 * f[1] - 16, a = 500 * (f[0] - f[1]), b = 200 * (f[1] - f[2]);
  lab[0] = (Uint16) std::lround (CLAMP (l / 100 * 65535, 0, 65535));
  lab[1] = (Uint16) std::lround (CLAMP ((a + 128) / 255 * 65535, 0, 65535));
  lab[2] = (Uint16) std::lround (CLAMP ((b + 128) / 255 * 65535, 0, 65535));
}

std::string
or_else (const char *text, const char *fallback)
{
  return text != NULL && *text != '\0' ? text : fallback;
}

/* What produced the result, in the form that sag_dicom_read_seg_header() takes apart again. */
std::string
parameters_of (const SagDicomSegSpec &spec)
{
  const SagProvenance *p = spec.provenance;
  const struct
  {
    const char *key, *value;
  } fields[] = { { "model", p->model_id },           { "weights-sha256", p->weights_sha256 },
                 { "precision", p->precision },      { "calibration", p->calibration },
                 { "cpu", p->cpu },                  { "program", p->program },
                 { "time", p->time } };
  std::string text;

  for (const auto &field : fields)
    if (*field.value != '\0')
      {
        std::string value = line (field.value, 512);

        for (char &c : value)
          c = c == ';' ? ',' : c;
        text += (text.empty () ? "" : "; ") + std::string (field.key) + "=" + value;
      }
  if (spec.threshold > 0)
    text += (text.empty () ? "" : "; ") + ("threshold=" + decimal (spec.threshold));
  return text;
}

void
put_source (Item &item, const SagDicomInstance *in)
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
      .put (DCM_ReferringPhysicianName, line (in->referring_physician_name, 64 * 3))
      .put (DCM_FrameOfReferenceUID, in->frame_of_reference_uid)
      .put (DCM_PositionReferenceIndicator, line (in->position_reference_indicator, 64));
  if (*in->study_description != '\0')
    item.put (DCM_StudyDescription, line (in->study_description, 64));
  if (*in->body_part_examined != '\0')
    item.put (DCM_BodyPartExamined, line (in->body_part_examined, 16));
}

void
put_segment (Item &dataset, const SagDicomSegSpec &spec, int index)
{
  const SagLabel *label = &spec.labels[index];
  const SagProvenance *p = spec.provenance;
  std::string algorithm = line (or_else (p->model_name, "Sagitta").c_str (), 64);
  Item item = dataset.add (DCM_SegmentSequence);
  Uint16 lab[3];
  SagCode tissue = { "85756007", "SCT", "Tissue" };
  const SagCode *category = label->category.value[0] != '\0' ? &label->category : &tissue;
  const SagCode *type = label->type.value[0] != '\0' ? &label->type : &tissue;

  item.put_us (DCM_SegmentNumber, index + 1)
      .put (DCM_SegmentLabel, line (or_else (label->name, "Segment").c_str (), 64))
      .put (DCM_SegmentAlgorithmType, "AUTOMATIC")
      .put (DCM_SegmentAlgorithmName, algorithm)
      .add_code (DCM_SegmentedPropertyCategoryCodeSequence, category->value, category->scheme,
                 category->meaning);
  Item typed = item.add (DCM_SegmentedPropertyTypeCodeSequence);
  typed.put (DCM_CodeValue, type->value)
      .put (DCM_CodingSchemeDesignator, type->scheme)
      .put (DCM_CodeMeaning, line (type->meaning, 64));
  if (label->modifier.value[0] != '\0')
    typed.add_code (DCM_SegmentedPropertyTypeModifierCodeSequence, label->modifier.value,
                    label->modifier.scheme, label->modifier.meaning);
  rgb_to_lab (label->rgb, lab);
  Item::check (item.get ()->putAndInsertUint16Array (DCM_RecommendedDisplayCIELabValue, lab, 3));

  Item identification = item.add (DCM_SegmentationAlgorithmIdentificationSequence);
  identification
      .add_code (DCM_AlgorithmFamilyCodeSequence, "123110", "DCM", "Artificial Intelligence")
      .put (DCM_AlgorithmName, algorithm)
      .put (DCM_AlgorithmVersion, line (or_else (p->model_version, "unknown").c_str (), 64))
      .put (DCM_AlgorithmSource, line (or_else (p->model_id, "Sagitta").c_str (), 64));
  std::string parameters = parameters_of (spec);
  if (!parameters.empty ())
    identification.put (DCM_AlgorithmParameters, parameters);
}

void
put_shared_groups (Item &dataset, const SagGrid *grid)
{
  const double *d = grid->direction;
  const double orientation[6] = { d[0], d[3], d[6], d[1], d[4], d[7] };
  const double spacing[2] = { grid->spacing[1], grid->spacing[0] };
  Item shared = dataset.add (DCM_SharedFunctionalGroupsSequence);

  shared.add (DCM_PixelMeasuresSequence)
      .put_numbers (DCM_PixelSpacing, spacing, 2)
      .put_number (DCM_SliceThickness, grid->spacing[2])
      .put_number (DCM_SpacingBetweenSlices, grid->spacing[2]);
  shared.add (DCM_PlaneOrientationSequence)
      .put_numbers (DCM_ImageOrientationPatient, orientation, 6);
}

void
put_frame (Item &dataset, const SagDicomSegSpec &spec, const SagDicomSegFrame &frame)
{
  const SagStackSlice *slice = sag_stack_find (spec.source, frame.k);
  double ijk[3] = { 0, 0, (double) frame.k }, position[3];
  Uint32 index[2] = { (Uint32) frame.segment + 1, (Uint32) frame.k + 1 };
  Item item = dataset.add (DCM_PerFrameFunctionalGroupsSequence);

  sag_grid_to_lps (spec.grid, ijk, position);
  Item content = item.add (DCM_FrameContentSequence);
  Item::check (content.get ()->putAndInsertUint32Array (DCM_DimensionIndexValues, index, 2));
  item.add (DCM_PlanePositionSequence).put_numbers (DCM_ImagePositionPatient, position, 3);
  item.add (DCM_SegmentIdentificationSequence)
      .put_us (DCM_ReferencedSegmentNumber, frame.segment + 1);
  if (slice == NULL)
    return;
  Item derivation = item.add (DCM_DerivationImageSequence);
  derivation.add_code (DCM_DerivationCodeSequence, "113076", "DCM", "Segmentation");
  Item source = derivation.add (DCM_SourceImageSequence);
  source.put (DCM_ReferencedSOPClassUID, slice->instance->sop_class_uid)
      .put (DCM_ReferencedSOPInstanceUID, slice->instance->sop_instance_uid);
  if (slice->instance->number_of_frames > 1)
    source.put (DCM_ReferencedFrameNumber, std::to_string (slice->frame + 1));
  source.add_code (DCM_PurposeOfReferenceCodeSequence, "121322", "DCM",
                   "Source image for image processing operation");
}

void
put_dimensions (Item &dataset, const std::string &organization)
{
  const struct
  {
    DcmTagKey   pointer, group;
    const char *label;
  } dimensions[] = {
    { DCM_ReferencedSegmentNumber, DCM_SegmentIdentificationSequence, "Segment" },
    { DCM_ImagePositionPatient, DCM_PlanePositionSequence, "Position" },
  };

  dataset.add (DCM_DimensionOrganizationSequence).put (DCM_DimensionOrganizationUID, organization);
  for (const auto &d : dimensions)
    {
      Item item = dataset.add (DCM_DimensionIndexSequence);

      item.put (DCM_DimensionOrganizationUID, organization)
          .put (DCM_DimensionDescriptionLabel, d.label);
      Item::check (item.get ()->putAndInsertTagKey (DCM_DimensionIndexPointer, d.pointer));
      Item::check (item.get ()->putAndInsertTagKey (DCM_FunctionalGroupPointer, d.group));
    }
}

/* Common Instance Reference: every file the segmentation was made from, once. */
void
put_references (Item &dataset, const SagStack *source)
{
  Item series = dataset.add (DCM_ReferencedSeriesSequence);
  const SagDicomInstance *last = NULL;

  series.put (DCM_SeriesInstanceUID, source->slices[0].instance->series_instance_uid);
  for (int i = 0; i < source->n_slices; i++)
    {
      const SagDicomInstance *instance = source->slices[i].instance;

      if (instance != last)
        series.add (DCM_ReferencedInstanceSequence)
            .put (DCM_ReferencedSOPClassUID, instance->sop_class_uid)
            .put (DCM_ReferencedSOPInstanceUID, instance->sop_instance_uid);
      last = instance;
    }
}

void
put_contribution (Item &dataset, const SagDicomSegSpec &spec, const Moment &moment)
{
  Item item = dataset.add (DCM_ContributingEquipmentSequence);
  std::string description = std::string (research_use) + "; " + parameters_of (spec);

  item.add_code (DCM_PurposeOfReferenceCodeSequence, "109102", "DCM", "Processing Equipment")
      .put (DCM_ContributionDateTime, std::string (moment.date) + moment.time)
      .put (DCM_ContributionDescription, description.substr (0, 1000));
  put_equipment (item, "Sagitta", "Sagitta");
}

void
put_seg_headers (Item &item, const SagDicomSegSpec &spec, const Moment &moment)
{
  const SagDicomInstance *in = spec.source->slices[0].instance;

  item.put (DCM_SpecificCharacterSet, "ISO_IR 192")
      .put (DCM_ImageType, "DERIVED\\PRIMARY")
      .put (DCM_SOPClassUID, UID_SegmentationStorage)
      .put (DCM_SOPInstanceUID, make_uid (spec.seed, "segmentation"))
      .put (DCM_SeriesInstanceUID, make_uid (spec.seed, "segmentation series"))
      .put (DCM_Modality, "SEG")
      .put (DCM_SeriesNumber, std::to_string (spec.series_number))
      .put (DCM_SeriesDescription, line (spec.series_description, 64))
      .put (DCM_SeriesDate, moment.date)
      .put (DCM_SeriesTime, moment.time)
      .put (DCM_InstanceNumber, "1")
      .put (DCM_ContentDate, moment.date)
      .put (DCM_ContentTime, moment.time)
      .put (DCM_ContentLabel, line (spec.content_label, 16))
      .put (DCM_ContentDescription, research_use)
      .put (DCM_ContentCreatorName, "")
      .put (DCM_ImageComments, research_use);
  put_source (item, in);
  put_equipment (item, "Sagitta", "Sagitta");
}

void
put_seg_pixels (Item &item, const SagDicomSegSpec &spec)
{
  int bits = spec.is_fractional ? 8 : 1;

  item.put_us (DCM_SamplesPerPixel, 1)
      .put (DCM_PhotometricInterpretation, "MONOCHROME2")
      .put (DCM_NumberOfFrames, std::to_string (spec.n_frames))
      .put_us (DCM_Rows, spec.grid->size[1])
      .put_us (DCM_Columns, spec.grid->size[0])
      .put_us (DCM_BitsAllocated, bits)
      .put_us (DCM_BitsStored, bits)
      .put_us (DCM_HighBit, bits - 1)
      .put_us (DCM_PixelRepresentation, 0)
      .put (DCM_LossyImageCompression, "00")
      .put (DCM_SegmentationType, spec.is_fractional ? "FRACTIONAL" : "BINARY");
  if (spec.is_fractional)
    item.put (DCM_SegmentationFractionalType, "PROBABILITY")
        .put_us (DCM_MaximumFractionalValue, 255);
  Item::check (item.get ()->putAndInsertUint16Array (DCM_PixelData, (const Uint16 *) spec.pixels,
                                                     (unsigned long) spec.n_bytes / 2));
}

} // namespace

extern "C" {

void
sag_dicom_make_uid (const char *seed, SagUid uid)
{
  guint8 bytes[32];
  gsize n = sizeof bytes;

  if (seed != NULL)
    {
      GChecksum *sum = g_checksum_new (G_CHECKSUM_SHA256);

      g_checksum_update (sum, (const guchar *) seed, -1);
      g_checksum_get_digest (sum, bytes, &n);
      g_checksum_free (sum);
    }
  else
    {
      g_autofree char *random = g_uuid_string_random ();
      guint8 *out = bytes;

      for (const char *p = random; *p != '\0';)
        if (*p == '-')
          p++;
        else
          {
            *out++ = (guint8) (g_ascii_xdigit_value (p[0]) << 4 | g_ascii_xdigit_value (p[1]));
            p += 2;
          }
    }
  /* A 128-bit number in decimal, by long division. */
  char digits[40];
  int n_digits = 0;
  gboolean more = TRUE;
  while (more)
    {
      int rest = 0;

      more = FALSE;
      for (int i = 0; i < 16; i++)
        {
          int v = rest << 8 | bytes[i];

          bytes[i] = (guint8) (v / 10);
          rest = v % 10;
          more |= bytes[i] != 0;
        }
      digits[n_digits++] = (char) ('0' + rest);
    }
  g_strlcpy (uid, "2.25.", sizeof (SagUid));
  for (int i = 0; i < n_digits; i++)
    uid[5 + i] = digits[n_digits - 1 - i];
  uid[5 + n_digits] = '\0';
}

gboolean
sag_dicom_write_ct_series (const char *folder, const SagVolume *volume,
                           const SagDicomCtDescription *description, GError **error)
{
  SagVoxelType type = sag_volume_get_voxel_type (volume);
  const SagGrid *grid = sag_volume_get_grid (volume);

  initialize ();
  if ((type != SAG_VOXEL_I16 && type != SAG_VOXEL_U16) || sag_volume_get_slope (volume) != 1
      || grid->size[0] > 65535 || grid->size[1] > 65535 || grid->size[2] > 9999)
    {
      set_error (error, SAG_DICOM_ERROR_UNSUPPORTED, folder,
                 "could not be written: a CT series is of 16-bit voxels with slope 1 and at most "
                 "9999 slices");
      return FALSE;
    }
  if (g_mkdir_with_parents (folder, 0777) != 0)
    {
      std::string what = std::string ("could not be made: ") + g_strerror (errno);
      set_error (error, SAG_DICOM_ERROR_IO, folder, what.c_str ());
      return FALSE;
    }
  try
    {
      CtSeries series (folder, volume, description);

      sag_parallel_for ((gsize) grid->size[2], write_ct_item, &series);
      if (series.error == NULL)
        return TRUE;
      g_propagate_error (error, series.error);
      return FALSE;
    }
  WRITE_CATCH (folder, FALSE)
}

gboolean
sag_dicom_write_seg (const char *path, const SagDicomSegSpec *spec, GError **error)
{
  initialize ();
  try
    {
      DcmFileFormat format;
      Item item (format.getDataset ());
      Moment moment (spec->seed, spec->date);

      put_seg_headers (item, *spec, moment);
      put_seg_pixels (item, *spec);
      for (int i = 0; i < spec->n_labels; i++)
        put_segment (item, *spec, i);
      put_dimensions (item, make_uid (spec->seed, "dimensions"));
      put_shared_groups (item, spec->grid);
      for (int i = 0; i < spec->n_frames; i++)
        put_frame (item, *spec, spec->frames[i]);
      put_references (item, spec->source);
      put_contribution (item, *spec, moment);
      return save (format, path, error);
    }
  WRITE_CATCH (path, FALSE)
}
} // extern "C"
