// SPDX-License-Identifier: Apache-2.0
//
// dcmtk-places.cpp: where frames lie whose places are not said frame by frame: nuclear medicine, dose grids.
#include "app/dicom/dcmtk-shim.h"

using namespace sag;

namespace
{

/* What counts the frames of a nuclear medicine image (PS3.3 C.8.4.8): one number a frame, or nothing. */
class Vector
{
public:
  Vector (const Reader &item, const DcmTagKey &tag, int n)
  {
    double v;

    for (int i = 0; i < n && item.number (tag, &v, (unsigned long) i) && v >= 0 && v < 1e6; i++)
      {
        values_.push_back ((int) v);
        differ_ |= values_.back () != values_.front ();
      }
    if ((int) values_.size () != n || item.number (tag, &v, (unsigned long) n))
      values_.clear ();
  }

  bool is_there () const { return !values_.empty (); }
  bool differs () const { return differ_ && is_there (); }
  int at (int i) const { return values_[(size_t) i]; }

private:
  std::vector<int> values_;
  bool differ_ = false;
};

void
get_normal (const SagDicomFrame *frame, double normal[3])
{
  const double *o = frame->image_orientation_patient;

  normal[0] = o[1] * o[5] - o[2] * o[4];
  normal[1] = o[2] * o[3] - o[0] * o[5];
  normal[2] = o[0] * o[4] - o[1] * o[3];
}

/* Puts a frame `along` mm behind where its place says; one without a place gets a depth. */
void
move (SagDicomFrame *frame, double along)
{
  double normal[3];

  if (!frame->has_position || !frame->has_orientation)
    {
      frame->depth = along;
      return;
    }
  get_normal (frame, normal);
  for (int a = 0; a < 3; a++)
    frame->image_position_patient[a] += along * normal[a];
}

void
add_view (SagDicomFrame *frame, const char *what, const Vector &vector, int i)
{
  gsize n = strlen (frame->view);

  if (vector.differs ())
    g_snprintf (frame->view + n, sizeof frame->view - n, "%s%s %d", n > 0 ? ", " : "", what, vector.at (i));
}

/* Where detector `number` (from 1) says that it sees; no place, if it does not. */
void
read_place (const Reader &item, int number, SagDicomFrame *frame)
{
  DcmItem *detector = item.sequence (DCM_DetectorInformationSequence, number - 1);

  frame->has_position = frame->has_orientation = FALSE;
  if (detector == NULL)
    return;
  read_position (Reader (detector), frame);
  read_orientation (Reader (detector), frame);
}

/* A reconstruction's place is said once, of its first slice, and the others lie behind it, or before it where their
 * spacing is negative (PS3.3 C.8.4.15). What was seen by another detector or of another energy is another image. */
bool
read_nuclear (const Reader &item, SagDicomInstance *self)
{
  int n = self->number_of_frames;
  Vector slice (item, DCM_SliceVector, n), window (item, DCM_EnergyWindowVector, n);
  Vector detector (item, DCM_DetectorVector, n), beat (item, DCM_RRIntervalVector, n);
  Vector slot (item, DCM_TimeSlotVector, n);
  double step;

  if (!slice.is_there () && !window.differs () && !detector.differs ())
    return false;
  if (!item.number (DCM_SpacingBetweenSlices, &step) || !(std::fabs (step) > 1e-3 && std::fabs (step) < 1e4))
    step = self->frames[0].slice_thickness;
  set_frames (self, n);
  for (int i = 0; i < n; i++)
    {
      SagDicomFrame *frame = &self->frames[i];

      add_view (frame, "energy window", window, i);
      add_view (frame, "detector", detector, i);
      if (detector.differs ())
        read_place (item, detector.at (i), frame);
      if (!slice.is_there () || !(std::fabs (step) > 1e-3))
        continue;
      move (frame, (slice.at (i) - 1) * step);
      if (slot.differs ())
        frame->temporal_position = slot.at (i);
      if (beat.differs ())
        frame->acquisition_number = beat.at (i);
    }
  return true;
}

} // namespace

/* Of the regions of an ultrasound's screen (PS3.3 C.8.5.5) those that show tissue in two directions, in centimetres, have
 * a pixel spacing. The largest says which; others count where theirs is the same. */
void
sag::read_regions (const Reader &item, SagDicomInstance *self, SagDicomFrame *frame)
{
  static const DcmTagKey edges[4] = { DCM_RegionLocationMinX0, DCM_RegionLocationMinY0, DCM_RegionLocationMaxX1,
                                      DCM_RegionLocationMaxY1 };
  const int max_regions = 64, centimetres = 3, two_dimensional = 1;
  double best = 0, spacing[2] = { 0, 0 };
  DcmItem *region;

  for (int pass = 0; pass < 2; pass++)
    for (int n = 0; n < max_regions && (region = item.sequence (DCM_SequenceOfUltrasoundRegions, n)) != NULL; n++)
      {
        Reader r (region);
        double dx, dy;
        int box[4];

        for (int e = 0; e < 4; e++)
          {
            box[e] = CLAMP (r.integer (edges[e], e < 2 ? 0 : 65535), 0, 65535);
            box[e] += e >= 2; /* the last pixel is within */
          }
        double area = (double) (box[2] - box[0]) * (box[3] - box[1]);
        if (r.integer (DCM_RegionSpatialFormat, two_dimensional) != two_dimensional
            || r.integer (DCM_PhysicalUnitsXDirection) != centimetres
            || r.integer (DCM_PhysicalUnitsYDirection) != centimetres || !r.number (DCM_PhysicalDeltaX, &dx)
            || !r.number (DCM_PhysicalDeltaY, &dy) || !(box[2] > box[0] && box[3] > box[1]))
          continue;
        dx = std::fabs (dx) * 10;
        dy = std::fabs (dy) * 10;
        if (!(dx > 1e-6 && dy > 1e-6 && dx < 1e6 && dy < 1e6))
          continue;
        if (pass == 0 && area > best)
          {
            best = area;
            spacing[0] = dy;
            spacing[1] = dx;
          }
        else if (pass == 1 && self->n_scaled_boxes < SAG_SCALED_BOXES
                 && std::fabs (dy - spacing[0]) < 1e-3 * spacing[0]
                 && std::fabs (dx - spacing[1]) < 1e-3 * spacing[1])
          memcpy (self->scaled_boxes[self->n_scaled_boxes++], box, sizeof box);
      }
  if (best > 0)
    {
      memcpy (frame->pixel_spacing, spacing, sizeof spacing);
      frame->pixel_spacing_source = SAG_SPACING_REGION;
    }
}

void
sag::read_detector (const Reader &item, SagDicomFrame *frame)
{
  if (!frame->has_position || !frame->has_orientation)
    read_place (item, 1, frame);
}

void
sag::place_frames (DcmItem *dataset, SagDicomInstance *self)
{
  Reader item (dataset);
  DcmElement *element = NULL;
  double offset;

  if (self->number_of_frames < 2 || self->number_of_frames > max_frames
      || (strcmp (self->modality, "NM") == 0 && read_nuclear (item, self)))
    return;
  if (!self->frames[0].has_position || !self->frames[0].has_orientation
      || dataset->findAndGetElement (DCM_GridFrameOffsetVector, element).bad () || element == NULL
      || element->getVM () != (unsigned long) self->number_of_frames)
    return;
  /* Offsets from the first plane, or where that is not 0 but its own z, the z of each (PS3.3 C.8.8.3.2). */
  double first = 0, along = 1, normal[3];
  get_normal (&self->frames[0], normal);
  if (item.number (DCM_GridFrameOffsetVector, &first) && std::fabs (normal[2]) > 0.999
      && std::fabs (first - self->frames[0].image_position_patient[2]) < 0.01)
    along = normal[2] > 0 ? 1 : -1;
  else
    first = 0;
  set_frames (self, self->number_of_frames);
  for (int i = 0; i < self->n_frames; i++)
    if (item.number (DCM_GridFrameOffsetVector, &offset, (unsigned long) i))
      move (&self->frames[i], (offset - first) * along);
}
