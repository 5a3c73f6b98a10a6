// SPDX-License-Identifier: Apache-2.0
//
// dcmtk-rt-read.cpp: the contours of an RT Structure Set (PS3.3 A.19, C.8.8.5, C.8.8.6).
#include "app/dicom/dcmtk-shim.h"

using namespace sag;

namespace
{

const int max_rois = 4096;
const gsize max_points = 64 << 20;

/* Names and numbers: Structure Set ROI Sequence. */
void
read_rois (const Reader &item, const char *charset, SagDicomContours *self)
{
  for (int i = 0; i < self->n_rois; i++)
    {
      DcmItem *found = item.sequence (DCM_StructureSetROISequence, i);
      SagDicomSegment *roi = &self->rois[i];
      char *name = NULL;

      if (found == NULL)
        continue;
      Reader r (found, charset);
      roi->number = r.integer (DCM_ROINumber);
      r.text (DCM_ROIName, &name);
      g_strlcpy (roi->label.name, name != NULL ? name : "", sizeof roi->label.name);
      cut_utf8 (roi->label.name);
      g_clear_pointer (&name, g_ref_string_release);
      r.code (DCM_ROIGenerationAlgorithm, roi->algorithm_type, sizeof roi->algorithm_type);
    }
}

/* Who signs for it: the operators of the station, else who drew a structure. */
char *
read_creator (const Reader &item, const char *charset)
{
  char *name = NULL;
  DcmItem *observation;

  item.text (DCM_OperatorsName, &name);
  for (long i = 0;
       (name == NULL || name[0] == '\0')
       && (observation = item.sequence (DCM_RTROIObservationsSequence, i)) != NULL;
       i++)
    {
      g_clear_pointer (&name, g_ref_string_release);
      Reader (observation, charset).text (DCM_ROIInterpreter, &name);
    }
  return name != NULL ? name : g_ref_string_new ("");
}

int
find_roi (const SagDicomContours *self, int number)
{
  for (int i = 0; i < self->n_rois; i++)
    if (self->rois[i].number == number)
      return i;
  return -1;
}

/* FALSE where there are more points than can be. */
bool
read_contour (DcmItem *item, int roi, GArray *contours, gsize *n_points)
{
  Reader r (item);
  SagDicomContour contour = { roi, 0, NULL };
  DcmElement *element = NULL;
  OFVector<Float64> values;
  char type[20] = "";
  DcmDecimalString *text;

  r.code (DCM_ContourGeometricType, type, sizeof type);
  if (!g_str_has_prefix (type, "CLOSED"))
    return true;
  if (item->findAndGetElement (DCM_ContourData, element).bad ()
      || (text = dynamic_cast<DcmDecimalString *> (element)) == NULL
      || text->getFloat64Vector (values).bad () || values.size () < 9)
    return true;
  contour.n_points = (int) MIN (values.size () / 3, (size_t) G_MAXINT / 64);
  *n_points += contour.n_points;
  if (*n_points > max_points)
    return false;
  contour.points = g_new (double, 3 * (gsize) contour.n_points);
  for (int i = 0; i < 3 * contour.n_points; i++)
    contour.points[i] = values[i];
  g_array_append_val (contours, contour);
  return true;
}

bool
read_contours (const Reader &item, SagDicomContours *self, GArray *contours)
{
  gsize n_points = 0;

  for (long i = 0; i < self->n_rois; i++)
    {
      DcmItem *roi = item.sequence (DCM_ROIContourSequence, i);
      DcmSequenceOfItems *list = NULL;
      double rgb[3];

      if (roi == NULL)
        break;
      Reader r (roi);
      int index = find_roi (self, r.integer (DCM_ReferencedROINumber, -1));
      if (index < 0)
        continue;
      if (r.numbers (DCM_ROIDisplayColor, rgb, 3))
        {
          for (int c = 0; c < 3; c++)
            self->rois[index].label.rgb[c] = (guint8) CLAMP (rgb[c], 0, 255);
          self->rois[index].has_colour = TRUE;
        }
      if (roi->findAndGetSequence (DCM_ContourSequence, list).bad () || list == NULL)
        continue;
      DcmObject *object = NULL;
      while ((object = list->nextInContainer (object)) != NULL)
        if (!read_contour (static_cast<DcmItem *> (object), index, contours, &n_points))
          return false;
    }
  return true;
}

} // namespace

void
sag::read_rt_references (const Reader &item, SagDicomInstance *self)
{
  DcmItem *frame = item.sequence (DCM_ReferencedFrameOfReferenceSequence), *study, *series;

  if (frame == NULL)
    return;
  if (self->frame_of_reference_uid[0] == '\0')
    Reader (frame).code (DCM_FrameOfReferenceUID, self->frame_of_reference_uid, sizeof (SagUid));
  if ((study = Reader (frame).sequence (DCM_RTReferencedStudySequence)) != NULL
      && (series = Reader (study).sequence (DCM_RTReferencedSeriesSequence)) != NULL)
    Reader (series).code (DCM_SeriesInstanceUID, self->referenced_series_uid, sizeof (SagUid));
}

extern "C" {

SagDicomContours *
sag_dicom_read_contours (const char *path, GError **error)
{
  try
    {
      DcmFileFormat format;
      gint64 size;
      gboolean has_more;
      OFString charset;

      if (!load_header (format, path, &size, &has_more, error))
        return NULL;
      g_autoptr (SagDicomInstance) instance = read_instance (format, path, size, has_more, error);
      if (instance == NULL)
        return NULL;
      DcmDataset *dataset = format.getDataset ();
      DcmSequenceOfItems *rois = NULL;
      if (dataset->findAndGetSequence (DCM_StructureSetROISequence, rois).bad () || rois == NULL
          || rois->card () == 0 || rois->card () > (unsigned long) max_rois)
        {
          set_error (error, SAG_DICOM_ERROR_INVALID, path,
                     "is a structure set that describes no structures");
          return NULL;
        }
      g_autoptr (SagDicomContours) self = g_new0 (SagDicomContours, 1);
      g_autoptr (GArray) contours = g_array_new (FALSE, FALSE, sizeof (SagDicomContour));
      Reader (dataset).raw (DCM_SpecificCharacterSet, charset);
      Reader item (dataset, charset.c_str ());

      self->instance = (SagDicomInstance *) g_steal_pointer (&instance);
      self->label = g_ref_string_new ("");
      item.text (DCM_StructureSetLabel, &self->label);
      g_autofree char *time = item.iso_time (DCM_StructureSetDate, DCM_StructureSetTime);
      self->time = g_ref_string_new (time);
      self->creator = read_creator (item, charset.c_str ());
      self->n_rois = (int) rois->card ();
      self->rois = g_new0 (SagDicomSegment, self->n_rois);
      read_rois (item, charset.c_str (), self);
      bool is_sound = read_contours (item, self, contours);
      self->n_contours = (int) contours->len;
      self->contours = (SagDicomContour *) g_array_steal (contours, NULL);
      if (is_sound)
        return (SagDicomContours *) g_steal_pointer (&self);
      set_error (error, SAG_DICOM_ERROR_UNSUPPORTED, path, "has more contour points than can be");
      return NULL;
    }
  SHIM_CATCH (path, NULL)
}

void
sag_dicom_contours_free (SagDicomContours *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->instance, sag_dicom_instance_free);
  g_clear_pointer (&self->label, g_ref_string_release);
  g_clear_pointer (&self->time, g_ref_string_release);
  g_clear_pointer (&self->creator, g_ref_string_release);
  for (int i = 0; i < self->n_contours; i++)
    g_free (self->contours[i].points);
  g_free (self->contours);
  g_free (self->rois);
  g_free (self);
}
} // extern "C"
