// SPDX-License-Identifier: Apache-2.0
//
// dcmtk-read.cpp: the header of a file, up to its pixels.
#include "app/dicom/dcmtk-shim.h"

#include "dcmtk/dcmdata/dcistrmf.h"

using namespace sag;

namespace
{

gboolean
normalize (double *v)
{
  double length = std::sqrt (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);

  if (!(length > 0.5 && length < 2))
    return FALSE;
  for (int i = 0; i < 3; i++)
    v[i] /= length;
  return TRUE;
}

void
read_spacing (const Reader &item, const DcmTagKey &tag, SagSpacingSource source,
              SagDicomFrame *frame)
{
  double v[2];

  if (frame->pixel_spacing_source == SAG_SPACING_UNKNOWN && item.numbers (tag, v, 2) && v[0] > 1e-6
      && v[1] > 1e-6 && v[0] < 1e6 && v[1] < 1e6)
    {
      memcpy (frame->pixel_spacing, v, sizeof v);
      frame->pixel_spacing_source = source;
    }
}

void
read_thickness (const Reader &item, SagDicomFrame *frame)
{
  double v;

  if (item.number (DCM_SliceThickness, &v) && v > 0)
    frame->slice_thickness = v;
  if (item.number (DCM_SpacingBetweenSlices, &v))
    frame->spacing_between_slices = std::fabs (v);
}

void
read_rescale (const Reader &item, SagDicomInstance *self, SagDicomFrame *frame)
{
  item.number (DCM_RescaleSlope, &frame->rescale_slope);
  item.number (DCM_RescaleIntercept, &frame->rescale_intercept);
  item.code (DCM_RescaleType, self->rescale_type, sizeof self->rescale_type);
  if (frame->rescale_slope == 0)
    frame->rescale_slope = 1;
}

void
read_windows (const Reader &item, SagDicomInstance *self)
{
  OFString explanations;

  if (self->n_windows > 0)
    return;
  item.raw (DCM_WindowCenterWidthExplanation, explanations);
  g_auto (GStrv) names = g_strsplit (explanations.c_str (), "\\", SAG_MAX_WINDOWS + 1);
  guint n_names = g_strv_length (names);
  for (int i = 0; i < SAG_MAX_WINDOWS; i++)
    {
      SagWindowLevel window;

      if (!item.number (DCM_WindowCenter, &window.center, i)
          || !item.number (DCM_WindowWidth, &window.width, i) || !(window.width > 0)
          || window.width > 1e9 || std::fabs (window.center) > 1e9)
        break;
      self->windows[i] = window;
      g_autofree char *valid = g_utf8_make_valid (i < (int) n_names ? names[i] : "", -1);
      sag_dicom_text_set (&self->window_explanations[i], g_strstrip (valid));
      self->n_windows = i + 1;
    }
  item.code (DCM_VOILUTFunction, self->voi_lut_function, sizeof self->voi_lut_function);
}

/* A projection with both spacings (PS3.3 10.7.1.1, 10.7.1.3): where they are equal nobody corrected the
 * one in the patient, it is the detector's; where they differ, or the kind of calibration is named, it
 * was corrected. */
void
settle_projection (const Reader &item, SagDicomFrame *frame)
{
  OFString kind;
  double v[2];

  if (frame->pixel_spacing_source != SAG_SPACING_PIXEL)
    return;
  if (item.raw (DCM_PixelSpacingCalibrationType, kind) && !kind.empty ())
    frame->pixel_spacing_source = SAG_SPACING_CALIBRATED;
  else if (item.number (DCM_ImagerPixelSpacing, &v[0], 0)
           && item.number (DCM_ImagerPixelSpacing, &v[1], 1) && v[0] > 0 && v[1] > 0)
    frame->pixel_spacing_source = std::fabs (v[0] - frame->pixel_spacing[0]) <= 1e-4 * v[0]
                                          && std::fabs (v[1] - frame->pixel_spacing[1]) <= 1e-4 * v[1]
                                      ? SAG_SPACING_IMAGER
                                      : SAG_SPACING_CALIBRATED;
}

/* A VOI LUT, where there is no window, is one: from its first entry to its last (sag_volume_set_voi()). */
void
read_voi_table (const Reader &item, SagDicomInstance *self)
{
  DcmItem *lut = self->n_windows == 0 ? item.sequence (DCM_VOILUTSequence) : NULL;
  double n, first;
  char *explanation = NULL;

  if (lut == NULL || !Reader (lut).number (DCM_LUTDescriptor, &n, 0)
      || !Reader (lut).number (DCM_LUTDescriptor, &first, 1))
    return;
  n = n == 0 ? 65536 : n;
  /* First values below 0 of an unsigned descriptor. */
  if (first > 32767 && (self->pixel_representation == 1 || self->frames[0].rescale_intercept < 0))
    first -= 65536;
  self->windows[0] = { first + n / 2, n };
  self->n_windows = 1;
  Reader (lut).text (DCM_LUTExplanation, &explanation);
  sag_dicom_text_set (&self->window_explanations[0],
                      explanation != NULL && *explanation != '\0' ? explanation : "VOI LUT");
  g_clear_pointer (&explanation, g_ref_string_release);
  g_strlcpy (self->voi_lut_function, "TABLE", sizeof self->voi_lut_function);
}

/* Where scanners said the b-value before the standard had a place for it (their conformance statements). Without
 * an explicit VR the toolkit may know the element as bytes only. */
void
read_private_b_value (const Reader &item, SagDicomFrame *frame)
{
  static const struct
  {
    Uint16      group, element;
    const char *creator;
  } places[] = { { 0x0019, 0x100c, "SIEMENS MR HEADER" },
                 { 0x0043, 0x1039, "GEMS_PARM_01" },
                 { 0x2001, 0x1003, "Philips Imaging DD 001" } };

  for (const auto &place : places)
    {
      OFString creator;
      DcmElement *element = NULL;
      DcmTagKey tag (place.group, place.element);
      double b;

      if (!item.raw (DcmTagKey (place.group, 0x0010), creator) || creator.compare (0, strlen (place.creator), place.creator) != 0
          || item.get ()->findAndGetElement (tag, element).bad () || element->getLength () < 1
          || element->getLength () > 256)
        continue;
      Uint8 *bytes = NULL;
      if (element->getUint8Array (bytes).good () && bytes != NULL)
        {
          float single;

          if (place.group == 0x2001 && element->getLength () == sizeof single)
            {
              memcpy (&single, bytes, sizeof single);
              b = single;
            }
          else
            b = g_ascii_strtod (std::string ((const char *) bytes, element->getLength ()).c_str (), NULL);
        }
      else if (!item.number (tag, &b))
        continue;
      if (place.group == 0x0043)
        b = std::fmod (b, 1e9); /* some add 1000000000 to it */
      if (std::isfinite (b) && b >= 0 && b < 1e6)
        frame->diffusion_b_value = b;
    }
}

/* What a classic header, or a functional group's enclosing data set, says of every frame. */
void
read_frame_defaults (const Reader &item, SagDicomInstance *self, SagDicomFrame *frame)
{
  OFString time;
  double v;

  read_position (item, frame);
  read_orientation (item, frame);
  read_detector (item, frame);
  read_spacing (item, DCM_PixelSpacing, SAG_SPACING_PIXEL, frame);
  read_spacing (item, DCM_ImagerPixelSpacing, SAG_SPACING_IMAGER, frame);
  read_spacing (item, DCM_NominalScannedPixelSpacing, SAG_SPACING_SCANNED, frame);
  settle_projection (item, frame);
  read_regions (item, self, frame);
  read_thickness (item, frame);
  read_rescale (item, self, frame);
  item.number (DCM_EchoTime, &frame->echo_time);
  item.number (DCM_TriggerTime, &frame->trigger_time);
  if (!item.number (DCM_DiffusionBValue, &frame->diffusion_b_value))
    read_private_b_value (item, frame);
  item.numbers (DCM_DiffusionGradientOrientation, frame->diffusion_direction, 3);
  item.number (DCM_NominalPercentageOfCardiacPhase, &frame->cardiac_phase);
  if (item.number (DCM_TemporalPositionIdentifier, &v)
      || item.number (DCM_TemporalPositionIndex, &v))
    frame->temporal_position = v;
  item.number (DCM_AcquisitionNumber, &frame->acquisition_number);
  if (item.raw (DCM_AcquisitionTime, time) || item.raw (DCM_ContentTime, time))
    frame->acquisition_time = seconds (time, 0);

  const char *types = self->image_type;
  for (int i = 0; i < 2 && types != NULL; i++)
    types = strchr (types, '\\') != NULL ? strchr (types, '\\') + 1 : NULL;
  g_strlcpy (frame->image_type, types != NULL ? types : "", sizeof frame->image_type);
}

/* An ultrasound volume lies in a frame of reference of its own (PS3.3 C.8.24.2): how its planes follow one another is
 * known, how they lie in the patient is not. */
void
read_volume_normal (const Reader &item, double normal[3])
{
  double o[6];

  if (!item.numbers (DCM_ImageOrientationVolume, o, 6) || !normalize (o) || !normalize (o + 3))
    return;
  normal[0] = o[1] * o[5] - o[2] * o[4];
  normal[1] = o[2] * o[3] - o[0] * o[5];
  normal[2] = o[0] * o[4] - o[1] * o[3];
}

void
read_depth (const Reader &item, const double normal[3], SagDicomFrame *frame)
{
  double p[3];

  if (item.numbers (DCM_ImagePositionVolume, p, 3))
    frame->depth = p[0] * normal[0] + p[1] * normal[1] + p[2] * normal[2];
}

/* The side of an enhanced image's frames (PS3.3 C.7.6.16.2.8); both, where they differ. */
void
read_side (const Reader &item, SagDicomInstance *self)
{
  g_autofree char *side = g_strdup (self->laterality);

  item.text (DCM_FrameLaterality, &self->laterality);
  if (side[0] != '\0' && strcmp (side, self->laterality) != 0)
    sag_dicom_text_set (&self->laterality, "B");
}

/* `normal`: of an ultrasound volume's planes; said once for all frames, or by each. */
void
read_groups (const Reader &item, SagDicomInstance *self, SagDicomFrame *frame, double normal[3])
{
  OFString time;
  double v;

  if (DcmItem *g = item.sequence (DCM_PixelMeasuresSequence))
    {
      frame->pixel_spacing_source = SAG_SPACING_UNKNOWN;
      read_spacing (Reader (g), DCM_PixelSpacing, SAG_SPACING_PIXEL, frame);
      read_thickness (Reader (g), frame);
    }
  if (DcmItem *g = item.sequence (DCM_FramePixelDataPropertiesSequence))
    read_spacing (Reader (g), DCM_ImagerPixelSpacing, SAG_SPACING_IMAGER, frame);
  if (DcmItem *g = item.sequence (DCM_PlanePositionSequence))
    read_position (Reader (g), frame);
  if (DcmItem *g = item.sequence (DCM_PlaneOrientationSequence))
    read_orientation (Reader (g), frame);
  if (DcmItem *g = item.sequence (DCM_PlaneOrientationVolumeSequence))
    read_volume_normal (Reader (g), normal);
  if (DcmItem *g = item.sequence (DCM_PlanePositionVolumeSequence))
    read_depth (Reader (g), normal, frame);
  if (DcmItem *g = item.sequence (DCM_FrameAnatomySequence))
    read_side (Reader (g), self);
  if (DcmItem *g = item.sequence (DCM_PixelValueTransformationSequence))
    read_rescale (Reader (g), self, frame);
  if (DcmItem *g = item.sequence (DCM_FrameVOILUTSequence))
    read_windows (Reader (g), self);
  if (DcmItem *g = item.sequence (DCM_MREchoSequence))
    Reader (g).number (DCM_EffectiveEchoTime, &frame->echo_time);
  if (DcmItem *g = item.sequence (DCM_MRDiffusionSequence))
    {
      Reader (g).number (DCM_DiffusionBValue, &frame->diffusion_b_value);
      if (DcmItem *d = Reader (g).sequence (DCM_DiffusionGradientDirectionSequence))
        Reader (d).numbers (DCM_DiffusionGradientOrientation, frame->diffusion_direction, 3);
    }
  if (DcmItem *g = item.sequence (DCM_CardiacSynchronizationSequence))
    {
      Reader (g).number (DCM_NominalCardiacTriggerDelayTime, &frame->trigger_time);
      Reader (g).number (DCM_NominalPercentageOfCardiacPhase, &frame->cardiac_phase);
    }
  if (DcmItem *g = item.sequence (DCM_SegmentIdentificationSequence))
    frame->segment_number = Reader (g).integer (DCM_ReferencedSegmentNumber);
  if (DcmItem *g = item.sequence (DCM_FrameContentSequence))
    {
      Reader r (g);

      r.code (DCM_StackID, frame->stack_id, sizeof frame->stack_id);
      frame->in_stack_position = r.integer (DCM_InStackPositionNumber);
      if (r.number (DCM_TemporalPositionIndex, &v))
        frame->temporal_position = v;
      r.number (DCM_FrameAcquisitionNumber, &frame->acquisition_number);
      if (r.raw (DCM_FrameAcquisitionDateTime, time))
        frame->acquisition_time = seconds (time, 8);
    }
  static const DcmTagKey types[] = { DCM_MRImageFrameTypeSequence, DCM_CTImageFrameTypeSequence,
                                     DCM_PETFrameTypeSequence, DCM_XRay3DFrameTypeSequence };
  for (const DcmTagKey &tag : types)
    if (DcmItem *g = item.sequence (tag))
      {
        OFString type, component;
        size_t cut;

        /* Values 3 and on: 1 and 2 say original and primary. */
        if (Reader (g).raw (DCM_FrameType, type) && (cut = type.find ('\\')) != OFString_npos
            && (cut = type.find ('\\', cut + 1)) != OFString_npos)
          g_strlcpy (frame->image_type, type.c_str () + cut + 1, sizeof frame->image_type);
        /* Magnitude, phase, real and imaginary part are images of their own. */
        if (Reader (g).raw (DCM_ComplexImageComponent, component) && !component.empty ())
          g_strlcpy (frame->image_type, (component + "\\" + frame->image_type).c_str (), sizeof frame->image_type);
      }
}

void
read_frames (DcmItem *dataset, SagDicomInstance *self)
{
  Reader item (dataset);
  DcmSequenceOfItems *per_frame = NULL;

  double normal[3] = { 0, 0, 1 };

  read_frame_defaults (item, self, &self->frames[0]);
  if (sag_dicom_instance_is_mosaic (self))
    self->frames[0].has_position = self->frames[0].has_orientation = FALSE;
  if (DcmItem *shared = item.sequence (DCM_SharedFunctionalGroupsSequence))
    read_groups (Reader (shared), self, &self->frames[0], normal);
  if (dataset->findAndGetSequence (DCM_PerFrameFunctionalGroupsSequence, per_frame).good ()
      && per_frame != NULL && per_frame->card () > 0)
    {
      int n = (int) MIN (per_frame->card (), (unsigned long) max_frames);

      /* Frames nobody describes have no place; those described but not counted do not exist. */
      n = MIN (n, self->number_of_frames);
      self->number_of_frames = n;
      set_frames (self, n);
      DcmObject *object = NULL;
      for (int i = 0; i < n && (object = per_frame->nextInContainer (object)) != NULL; i++)
        read_groups (Reader (static_cast<DcmItem *> (object)), self, &self->frames[i], normal);
    }
  else
    place_frames (dataset, self);
}

void
read_texts (const Reader &item, SagDicomInstance *self)
{
  static const struct
  {
    DcmTagKey tag;
    gsize     offset;
  } texts[] = {
#define TEXT(tag, field) { tag, G_STRUCT_OFFSET (SagDicomInstance, field) }
    TEXT (DCM_PatientName, patient_name),
    TEXT (DCM_PatientID, patient_id),
    TEXT (DCM_PatientBirthDate, patient_birth_date),
    TEXT (DCM_PatientSex, patient_sex),
    TEXT (DCM_PatientAge, patient_age),
    TEXT (DCM_StudyID, study_id),
    TEXT (DCM_StudyDate, study_date),
    TEXT (DCM_StudyTime, study_time),
    TEXT (DCM_StudyDescription, study_description),
    TEXT (DCM_AccessionNumber, accession_number),
    TEXT (DCM_ReferringPhysicianName, referring_physician_name),
    TEXT (DCM_SeriesDescription, series_description),
    TEXT (DCM_SeriesDate, series_date),
    TEXT (DCM_SeriesTime, series_time),
    TEXT (DCM_BodyPartExamined, body_part_examined),
    TEXT (DCM_ProtocolName, protocol_name),
    TEXT (DCM_Laterality, laterality),
    TEXT (DCM_ImageLaterality, laterality), /* says more, where there is one */
    TEXT (DCM_ViewPosition, view_position),
    TEXT (DCM_Manufacturer, manufacturer),
    TEXT (DCM_ManufacturerModelName, manufacturer_model_name),
    TEXT (DCM_InstitutionName, institution_name),
    TEXT (DCM_ImageType, image_type),
    TEXT (DCM_PhotometricInterpretation, photometric_interpretation),
    TEXT (DCM_PositionReferenceIndicator, position_reference_indicator),
    TEXT (DCM_PatientOrientation, patient_orientation),
#undef TEXT
  };

  double ratio;

  for (const auto &t : texts)
    item.text (t.tag, (char **) ((char *) self + t.offset));
  item.code (DCM_SOPClassUID, self->sop_class_uid, sizeof (SagUid));
  item.code (DCM_SOPInstanceUID, self->sop_instance_uid, sizeof (SagUid));
  item.code (DCM_StudyInstanceUID, self->study_instance_uid, sizeof (SagUid));
  item.code (DCM_SeriesInstanceUID, self->series_instance_uid, sizeof (SagUid));
  item.code (DCM_FrameOfReferenceUID, self->frame_of_reference_uid, sizeof (SagUid));
  if (DcmItem *view = self->view_position[0] == '\0' ? item.sequence (DCM_ViewCodeSequence) : NULL)
    Reader (view).text (DCM_CodeMeaning, &self->view_position);
  if (DcmItem *series = item.sequence (DCM_ReferencedSeriesSequence))
    Reader (series).code (DCM_SeriesInstanceUID, self->referenced_series_uid, sizeof (SagUid));
  if (strcmp (self->sop_class_uid, SAG_UID_RT_STRUCTURE_SET) == 0)
    read_rt_references (item, self);
  item.code (DCM_Modality, self->modality, sizeof self->modality);
  item.code (DCM_PatientPosition, self->patient_position, sizeof self->patient_position);
  item.code (DCM_MRAcquisitionType, self->mr_acquisition_type, sizeof self->mr_acquisition_type);
  item.code (DCM_Units, self->units, sizeof self->units);
  if (item.number (DCM_DoseGridScaling, &self->dose_scaling))
    item.code (DCM_DoseUnits, self->units, sizeof self->units);
  if (!(self->dose_scaling > 0))
    self->dose_scaling = 0;
  item.code (DCM_LossyImageCompression, self->lossy_image_compression,
             sizeof self->lossy_image_compression);
  for (int i = 0; item.number (DCM_LossyImageCompressionRatio, &ratio, i); i++)
    self->lossy_image_compression_ratio = MAX (self->lossy_image_compression_ratio, ratio);
}

void
read_pixel_description (const Reader &item, SagDicomInstance *self)
{
  self->series_number = item.integer (DCM_SeriesNumber);
  self->instance_number = item.integer (DCM_InstanceNumber);
  self->rows = item.integer (DCM_Rows);
  self->columns = item.integer (DCM_Columns);
  self->samples_per_pixel = item.integer (DCM_SamplesPerPixel, 1);
  self->number_of_frames = MAX (1, item.integer (DCM_NumberOfFrames, 1));
  self->bits_allocated = item.integer (DCM_BitsAllocated);
  self->bits_stored = item.integer (DCM_BitsStored, self->bits_allocated);
  self->high_bit = item.integer (DCM_HighBit, self->bits_stored - 1);
  self->pixel_representation = item.integer (DCM_PixelRepresentation);
  self->planar_configuration = item.integer (DCM_PlanarConfiguration);
  if (DcmItem *lut = item.sequence (DCM_ModalityLUTSequence))
    {
      double entries;

      /* Some write the sequence and leave it empty. */
      self->has_modality_lut = Reader (lut).number (DCM_LUTDescriptor, &entries, 2)
                               && self->samples_per_pixel == 1;
      if (self->has_modality_lut)
        Reader (lut).code (DCM_ModalityLUTType, self->rescale_type, sizeof self->rescale_type);
    }
  double padding;
  self->has_pixel_padding = item.number (DCM_PixelPaddingValue, &padding)
                            && std::fabs (padding) < 2e9;
  self->pixel_padding_value = self->has_pixel_padding ? (int) padding : 0;
}

/* Where a data element's header of at least 8 bytes is left unread, the parser stopped at the
 * pixels. */
const gint64 pixel_header = 8;

} // namespace

void
sag::read_position (const Reader &item, SagDicomFrame *frame)
{
  frame->has_position |= item.numbers (DCM_ImagePositionPatient, frame->image_position_patient, 3);
}

void
sag::read_orientation (const Reader &item, SagDicomFrame *frame)
{
  double v[6];

  if (item.numbers (DCM_ImageOrientationPatient, v, 6) && normalize (v) && normalize (v + 3)
      && std::fabs (v[0] * v[3] + v[1] * v[4] + v[2] * v[5]) < 0.01)
    {
      memcpy (frame->image_orientation_patient, v, sizeof v);
      frame->has_orientation = TRUE;
    }
}

void
sag::set_frames (SagDicomInstance *self, int n)
{
  SagDicomFrame first = self->frames[0];

  self->frames = g_renew (SagDicomFrame, self->frames, n);
  self->n_frames = n;
  for (int i = 0; i < n; i++)
    self->frames[i] = first;
}

gboolean
sag::load_header (
    DcmFileFormat &format, const char *path, gint64 *size, gboolean *has_more, GError **error)
{
  initialize ();
  if (!open_check (path, size, NULL, error))
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
      set_condition (error, path, _ ("is truncated or damaged: its header cannot be read"), condition);
      return FALSE;
    }
  *has_more = stream.tell () + pixel_header <= *size;
  return TRUE;
}

SagDicomInstance *
sag::read_instance (
    DcmFileFormat &format, const char *path, gint64 size, gboolean has_more, GError **error)
{
  DcmDataset *dataset = format.getDataset ();
  OFString charset;
  g_autoptr (SagDicomInstance) self = sag_dicom_instance_new ();
  Reader (dataset).raw (DCM_SpecificCharacterSet, charset);
  Reader item (dataset, charset.c_str ());
  DcmElement *other = NULL;

  sag_dicom_text_set (&self->path, path);
  self->file_size = size;
  read_texts (item, self);
  Reader (format.getMetaInfo ())
      .code (DCM_TransferSyntaxUID, self->transfer_syntax_uid, sizeof (SagUid));
  /* A DICOMDIR names its class in the file header alone. */
  OFString stored_class;
  if (Reader (format.getMetaInfo ()).raw (DCM_MediaStorageSOPClassUID, stored_class)
      && stored_class == UID_MediaStorageDirectoryStorage)
    g_strlcpy (self->sop_class_uid, stored_class.c_str (), sizeof (SagUid));
  if (self->sop_class_uid[0] == '\0' && self->study_instance_uid[0] == '\0'
      && self->series_instance_uid[0] == '\0' && item.integer (DCM_Rows) == 0)
    {
      set_error (error, SAG_DICOM_ERROR_NOT_DICOM, path,
                 _ ("holds nothing that DICOM objects must say (no class, no study, no image)"));
      return NULL;
    }
  read_pixel_description (item, self);
  read_windows (item, self);
  read_frames (dataset, self);
  read_voi_table (item, self);
  for (DcmObject *o = dataset->nextInContainer (NULL); o != NULL; o = dataset->nextInContainer (o))
    self->has_overlays |= (o->getGTag () & 0xffe1) == 0x6000;
  item.code (DCM_PresentationLUTShape, self->presentation_lut_shape,
             sizeof self->presentation_lut_shape);
  self->suv_factor = read_suv_factor (dataset, &self->suv_lack);
  self->has_pixel_data =
      self->rows > 0 && self->columns > 0 && self->bits_allocated > 0
      && (has_more || g_str_has_suffix (self->transfer_syntax_uid, ".2.1.99")
          || dataset->findAndGetElement (DCM_FloatPixelData, other).good ()
          || dataset->findAndGetElement (DCM_DoubleFloatPixelData, other).good ());
  return (SagDicomInstance *) g_steal_pointer (&self);
}

extern "C" {

SagDicomInstance *
sag_dicom_read_header (const char *path, GError **error)
{
  try
    {
      DcmFileFormat format;
      gint64 size;
      gboolean has_more;

      initialize ();
      g_autoptr (GMappedFile) mapped = NULL;
      if (!open_check (path, &size, &mapped, error))
        return NULL;
      if (load_lean (format, (const guint8 *) g_mapped_file_get_contents (mapped),
                     g_mapped_file_get_length (mapped), &has_more))
        return read_instance (format, path, size, has_more, error);
      if (!load_header (format, path, &size, &has_more, error))
        return NULL;
      return read_instance (format, path, size, has_more, error);
    }
  SHIM_CATCH (path, NULL)
}
} // extern "C"
