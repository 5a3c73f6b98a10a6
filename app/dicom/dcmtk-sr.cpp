// SPDX-License-Identifier: Apache-2.0
//
// dcmtk-sr.cpp: measurements as a structured report. The tree is written item by item (PS3.3 C.17.3).
#include "app/dicom/dcmtk-item.h"

extern "C" {
#include "app/dicom/sr.h"
#include "app/files/save.h"
}

#include <vector>

using namespace sag;

namespace
{

SagCode
make_code (const char *value, const char *scheme, const char *meaning)
{
  SagCode code;

  g_strlcpy (code.value, value, sizeof code.value);
  g_strlcpy (code.scheme, scheme, sizeof code.scheme);
  g_strlcpy (code.meaning, meaning, sizeof code.meaning);
  return code;
}

void
put_code (Item &item, const DcmTagKey &tag, const SagCode &code)
{
  item.add_code (tag, code.value, code.scheme, code.meaning);
}

/* A content item below `parent`. */
Item
add (Item &parent, const char *relationship, const char *type, const SagCode *concept_name)
{
  Item item = parent.add (DCM_ContentSequence);

  item.put (DCM_RelationshipType, relationship).put (DCM_ValueType, type);
  if (concept_name != NULL)
    put_code (item, DCM_ConceptNameCodeSequence, *concept_name);
  return item;
}

Item
add (Item &parent, const char *relationship, const char *type, const char *value,
     const char *scheme, const char *meaning)
{
  SagCode code = make_code (value, scheme, meaning);

  return add (parent, relationship, type, &code);
}

void
put_template (Item &item, const char *identifier)
{
  item.put (DCM_ContinuityOfContent, "SEPARATE");
  item.add (DCM_ContentTemplateSequence)
      .put (DCM_MappingResource, "DCMR")
      .put (DCM_TemplateIdentifier, identifier);
}

void
put_image (Item &item, const SagStackSlice *slice)
{
  Item reference = item.add (DCM_ReferencedSOPSequence);

  reference.put (DCM_ReferencedSOPClassUID, slice->instance->sop_class_uid)
      .put (DCM_ReferencedSOPInstanceUID, slice->instance->sop_instance_uid);
  if (slice->instance->number_of_frames > 1)
    reference.put (DCM_ReferencedFrameNumber, std::to_string (slice->frame + 1));
}

struct Report
{
  const SagStack *source;
  const SagGrid  *grid;
  bool            is_flat; /* the images name no frame of reference */
};

/* SCOORD3D; or SCOORD, selected from the image: columns and rows from the corner of the first pixel
 * (PS3.3 C.18.6.1.2), on the image nearest to the first point. */
void
add_graphic (Item &parent, const char *relationship, const SagCode *concept_name,
             const SagSrGraphic &graphic, const Report &report)
{
  Item item = add (parent, relationship, report.is_flat ? "SCOORD" : "SCOORD3D", concept_name);
  std::vector<Float32> data;
  const SagStackSlice *slice = NULL;

  for (int p = 0; p < graphic.n_points; p++)
    {
      double ijk[3];

      sag_grid_to_ijk (report.grid, graphic.points[p], ijk);
      if (p == 0)
        slice = sag_stack_find (report.source, (int) std::floor (ijk[2] + 0.5));
      for (int c = 0; c < (report.is_flat ? 2 : 3); c++)
        data.push_back ((Float32) (report.is_flat ? ijk[c] + 0.5 : graphic.points[p][c]));
    }
  /* In an image a polygon is a closed polyline. */
  item.put (DCM_GraphicType,
            report.is_flat && strcmp (graphic.type, "POLYGON") == 0 ? "POLYLINE" : graphic.type);
  Item::check (item.get ()->putAndInsertFloat32Array (DCM_GraphicData, data.data (),
                                                      (unsigned long) data.size ()));
  if (!report.is_flat)
    item.put (DCM_ReferencedFrameOfReferenceUID,
              report.source->slices[0].instance->frame_of_reference_uid);
  else
    {
      Item image = add (item, "SELECTED FROM", "IMAGE", NULL);

      put_image (image, slice != NULL ? slice : &report.source->slices[0]);
    }
}

void
add_value (Item &group, const SagSrGroup &spec, const SagSrValue &value, const Report &report)
{
  Item item = add (group, "CONTAINS", "NUM", &value.concept);
  Item measured = item.add (DCM_MeasuredValueSequence);

  measured.put (DCM_NumericValue, decimal (value.value));
  put_code (measured, DCM_MeasurementUnitsCodeSequence, value.unit);
  if (value.derivation.value[0] != '\0')
    {
      Item derivation = add (item, "HAS CONCEPT MOD", "CODE", "121401", "DCM", "Derivation");

      put_code (derivation, DCM_ConceptCodeSequence, value.derivation);
    }
  for (int g = 0; !spec.is_region && g < spec.n_graphics; g++)
    if (value.graphic < 0 || value.graphic == g)
      add_graphic (item, "INFERRED FROM", NULL, spec.graphics[g], report);
}

void
add_group (Item &parent, const SagSrGroup &spec, const Report &report)
{
  Item group = add (parent, "CONTAINS", "CONTAINER", "125007", "DCM", "Measurement Group");

  put_template (group, spec.is_region ? "1410" : "1501");
  add (group, "HAS OBS CONTEXT", "TEXT", "112039", "DCM", "Tracking Identifier")
      .put (DCM_TextValue, line (spec.name, 1024));
  add (group, "HAS OBS CONTEXT", "UIDREF", "112040", "DCM", "Tracking Unique Identifier")
      .put (DCM_UID, spec.uid);
  if (spec.is_region)
    {
      SagCode region = make_code ("111030", "DCM", "Image Region");

      add_graphic (group, "CONTAINS", &region, spec.graphics[0], report);
    }
  for (int v = 0; v < spec.n_values; v++)
    add_value (group, spec, spec.values[v], report);
}

/* TID 1500 down to the groups. */
void
put_tree (Item &root, const SagSrGroup *groups, int n_groups, const Report &report)
{
  SagCode title = make_code ("126000", "DCM", "Imaging Measurement Report");
  const SagDicomInstance *last = NULL;

  root.put (DCM_ValueType, "CONTAINER");
  put_code (root, DCM_ConceptNameCodeSequence, title);
  put_template (root, "1500");
  add (root, "HAS CONCEPT MOD", "CODE", "121049", "DCM",
       "Language of Content Item and Descendants")
      .add_code (DCM_ConceptCodeSequence, "en", "RFC5646", "English");
  add (root, "HAS OBS CONTEXT", "CODE", "121005", "DCM", "Observer Type")
      .add_code (DCM_ConceptCodeSequence, "121007", "DCM", "Device");
  add (root, "HAS OBS CONTEXT", "UIDREF", "121012", "DCM", "Device Observer UID")
      .put (DCM_UID, make_uid ("Sagitta", "device"));
  add (root, "HAS OBS CONTEXT", "TEXT", "121013", "DCM", "Device Observer Name")
      .put (DCM_TextValue, std::string ("Sagitta; ") + research_use);
  add (root, "HAS CONCEPT MOD", "CODE", "121058", "DCM", "Procedure reported")
      .add_code (DCM_ConceptCodeSequence, "363679005", "SCT", "Imaging procedure");
  Item library = add (root, "CONTAINS", "CONTAINER", "111028", "DCM", "Image Library");
  put_template (library, "1600");
  Item images = add (library, "CONTAINS", "CONTAINER", "126200", "DCM", "Image Library Group");
  images.put (DCM_ContinuityOfContent, "SEPARATE");
  for (int i = 0; i < report.source->n_slices; i++)
    {
      const SagStackSlice *slice = &report.source->slices[i];

      if (slice->instance != last)
        {
          Item image = add (images, "CONTAINS", "IMAGE", NULL);
          Item reference = image.add (DCM_ReferencedSOPSequence);

          reference.put (DCM_ReferencedSOPClassUID, slice->instance->sop_class_uid)
              .put (DCM_ReferencedSOPInstanceUID, slice->instance->sop_instance_uid);
        }
      last = slice->instance;
    }
  Item measurements
      = add (root, "CONTAINS", "CONTAINER", "126010", "DCM", "Imaging Measurements");
  measurements.put (DCM_ContinuityOfContent, "SEPARATE");
  for (int g = 0; g < n_groups; g++)
    add_group (measurements, groups[g], report);
}

void
put_evidence (Item &dataset, const SagStack *source)
{
  Item study = dataset.add (DCM_CurrentRequestedProcedureEvidenceSequence);
  const SagDicomInstance *last = NULL;

  study.put (DCM_StudyInstanceUID, source->slices[0].instance->study_instance_uid);
  Item series = study.add (DCM_ReferencedSeriesSequence);
  series.put (DCM_SeriesInstanceUID, source->slices[0].instance->series_instance_uid);
  for (int i = 0; i < source->n_slices; i++)
    {
      const SagDicomInstance *instance = source->slices[i].instance;

      if (instance != last)
        series.add (DCM_ReferencedSOPSequence)
            .put (DCM_ReferencedSOPClassUID, instance->sop_class_uid)
            .put (DCM_ReferencedSOPInstanceUID, instance->sop_instance_uid);
      last = instance;
    }
}

void
put_headers (Item &item, const SagDicomInstance *in)
{
  Moment moment (NULL, NULL);

  item.put (DCM_SpecificCharacterSet, "ISO_IR 192")
      .put (DCM_SOPClassUID, UID_Comprehensive3DSRStorage)
      .put (DCM_SOPInstanceUID, make_uid (NULL, ""))
      .put (DCM_Modality, "SR")
      .put (DCM_SeriesInstanceUID, make_uid (NULL, ""))
      .put (DCM_SeriesNumber, std::to_string (9500 + in->series_number % 400))
      .put (DCM_SeriesDescription, "Measurements (research use)")
      .put (DCM_SeriesDate, moment.date)
      .put (DCM_SeriesTime, moment.time)
      .put (DCM_InstanceNumber, "1")
      .put (DCM_ContentDate, moment.date)
      .put (DCM_ContentTime, moment.time)
      .put (DCM_CompletionFlag, "PARTIAL")
      .put (DCM_VerificationFlag, "UNVERIFIED");
  Item::check (item.get ()->insertEmptyElement (DCM_ReferencedPerformedProcedureStepSequence));
  Item::check (item.get ()->insertEmptyElement (DCM_PerformedProcedureCodeSequence));
  put_study (item, in);
  put_equipment (item, "Sagitta", "Sagitta");
}

} // namespace

extern "C" {

gboolean
sag_sr_write (const char *path, const SagSrGroup *groups, int n_groups, const SagStack *source,
              const SagGrid *grid, GError **error)
{
  SagSave *file;
  const SagDicomInstance *in = source->slices[0].instance;
  const Report report = { source, grid, in->frame_of_reference_uid[0] == '\0' };

  initialize ();
  file = sag_save_begin (path, error);
  if (file == NULL)
    return FALSE;
  try
    {
      DcmFileFormat format;
      Item item (format.getDataset ());

      put_headers (item, in);
      put_evidence (item, source);
      put_tree (item, groups, n_groups, report);
      if (save (format, sag_save_get_name (file), path, error))
        return sag_save_finish (file, error);
    }
  catch (const std::string &text)
    {
      set_error (error, SAG_DICOM_ERROR_INVALID, path, ("could not be made: " + text).c_str ());
    }
  catch (const std::bad_alloc &)
    {
      set_error (error, SAG_DICOM_ERROR_INVALID, path, "could not be made: there is not enough memory");
    }
  sag_save_abort (file);
  return FALSE;
}

} // extern "C"
