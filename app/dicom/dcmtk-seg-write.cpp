// SPDX-License-Identifier: Apache-2.0
//
// dcmtk-seg-write.cpp: segmentations as objects.
#include "app/dicom/dcmtk-item.h"

extern "C" {
#include "engine/image/review.h"
}

using namespace sag;

namespace
{

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
  const SagReview *r = sag_provenance_peek_review (p);
  const struct
  {
    const char *key, *value;
  } fields[] = { { "model", p->model_id },           { "weights-sha256", p->weights_sha256 },
                 { "precision", p->precision },      { "calibration", p->calibration },
                 { "cpu", p->cpu },                  { "program", p->program },
                 { "time", p->time },
                 { "edited-by", r->editor },         { "edited", r->edit_time },
                 { "edited-from", r->edit_from },    { "review", r->verdict },
                 { "reviewed-by", r->reviewer },     { "reviewed", r->time } };
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
  if (spec.is_fractional)
    text += (text.empty () ? "" : "; ") + std::string ("fractional=" SAG_FRACTIONAL_OF_LABEL);
  return text;
}

void
put_source (Item &item, const SagDicomInstance *in, bool has_place)
{
  put_study (item, in);
  if (in->frame_of_reference_uid[0] != '\0')
    item.put (DCM_FrameOfReferenceUID, in->frame_of_reference_uid)
        .put (DCM_PositionReferenceIndicator, line (in->position_reference_indicator, 64));
  if (!has_place && in->patient_orientation != NULL)
    item.put (DCM_PatientOrientation, in->patient_orientation);
  if (*in->body_part_examined != '\0')
    item.put (DCM_BodyPartExamined, line (in->body_part_examined, 16));
}

void
put_segment (Item &dataset, const SagDicomSegSpec &spec, int index)
{
  const SagLabel *label = &spec.labels[index];
  const SagProvenance *p = spec.provenance;
  /* Labels that came without a word of how they were made claim nothing. */
  bool known = *p->model_name != '\0' || *p->model_id != '\0';
  std::string algorithm = line (or_else (p->model_name, known ? "Sagitta" : "unknown").c_str (), 64);
  std::string parameters = parameters_of (spec);
  Item item = dataset.add (DCM_SegmentSequence);
  Uint16 lab[3];
  SagCode tissue = { "85756007", "SCT", "Tissue" };
  const SagCode *category = label->category.value[0] != '\0' ? &label->category : &tissue;
  const SagCode *type = label->type.value[0] != '\0' ? &label->type : &tissue;

  item.put_us (DCM_SegmentNumber, index + 1)
      .put (DCM_SegmentLabel, line (or_else (label->name, "Segment").c_str (), 64))
      .put (DCM_SegmentAlgorithmType, !known || sag_provenance_peek_review (p)->editor[0] != '\0' ? "SEMIAUTOMATIC" : "AUTOMATIC")
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

  if (!known && parameters.empty ())
    return;
  Item identification = item.add (DCM_SegmentationAlgorithmIdentificationSequence);
  identification
      .add_code (DCM_AlgorithmFamilyCodeSequence, "123110", "DCM", "Artificial Intelligence")
      .put (DCM_AlgorithmName, algorithm)
      .put (DCM_AlgorithmVersion, line (or_else (p->model_version, "unknown").c_str (), 64))
      .put (DCM_AlgorithmSource, line (or_else (p->model_id, "Sagitta").c_str (), 64));
  if (!parameters.empty ())
    identification.put (DCM_AlgorithmParameters, parameters);
}

/* Pixel Spacing is one in the patient: a detector's is not told as such (PS3.3 10.7.1.3). */
void
put_flat_groups (Item &dataset, const SagDicomSegSpec &spec)
{
  const SagStackSlice &slice = spec.source->slices[0];
  SagSpacingSource source
      = sag_dicom_instance_get_frame (slice.instance, slice.frame)->pixel_spacing_source;
  const double spacing[2] = { spec.grid->spacing[1], spec.grid->spacing[0] };
  Item shared = dataset.add (DCM_SharedFunctionalGroupsSequence);

  if (source == SAG_SPACING_PIXEL || source == SAG_SPACING_CALIBRATED || source == SAG_SPACING_REGION)
    shared.add (DCM_PixelMeasuresSequence).put_numbers (DCM_PixelSpacing, spacing, 2);
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
  if (spec.has_place)
    item.add (DCM_PlanePositionSequence).put_numbers (DCM_ImagePositionPatient, position, 3);
  else
    {
      content.put (DCM_StackID, "1");
      Item::check (content.get ()->putAndInsertUint32 (DCM_InStackPositionNumber, index[1]));
    }
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
  if (!spec.has_place)
    source.put (DCM_SpatialLocationsPreserved, "YES");
  source.add_code (DCM_PurposeOfReferenceCodeSequence, "121322", "DCM",
                   "Source image for image processing operation");
}

void
put_dimensions (Item &dataset, const std::string &organization, bool has_place)
{
  struct Dimension
  {
    DcmTagKey   pointer, group;
    const char *label;
  };
  const Dimension position
      = has_place ? Dimension { DCM_ImagePositionPatient, DCM_PlanePositionSequence, "Position" }
                  : Dimension { DCM_InStackPositionNumber, DCM_FrameContentSequence, "Image" };
  const Dimension dimensions[]
      = { { DCM_ReferencedSegmentNumber, DCM_SegmentIdentificationSequence, "Segment" }, position };

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

/* Who answers for the content: who edited it, else who reviewed it. */
std::string
make_person (const SagProvenance *p)
{
  const SagReview *r = sag_provenance_peek_review (p);
  std::string name = line (r->editor[0] != '\0' ? r->editor : r->reviewer, 64);

  for (char &c : name) /* PS3.5 6.2: PN has its own separators */
    c = c == '^' || c == '=' ? ' ' : c;
  return name;
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
      .put (DCM_ContentCreatorName, make_person (spec.provenance))
      .put (DCM_ImageComments, research_use);
  put_source (item, in, spec.has_place);
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
      put_dimensions (item, make_uid (spec->seed, "dimensions"), spec->has_place);
      if (spec->has_place)
        put_shared_groups (item, spec->grid);
      else
        put_flat_groups (item, *spec);
      for (int i = 0; i < spec->n_frames; i++)
        put_frame (item, *spec, spec->frames[i]);
      put_references (item, spec->source);
      put_contribution (item, *spec, moment);
      return save (format, path, spec->shown_path, error);
    }
  WRITE_CATCH (path, FALSE)
}
} // extern "C"
