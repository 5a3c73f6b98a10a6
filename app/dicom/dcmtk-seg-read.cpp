// SPDX-License-Identifier: Apache-2.0
//
// dcmtk-seg-read.cpp: what a segmentation object says of its segments and its making.
#include "app/dicom/dcmtk-shim.h"

extern "C" {
#include "engine/image/review.h"
}

using namespace sag;

namespace
{

const int max_segments = 65535;

void
read_code (const Reader &item, const DcmTagKey &tag, SagCode *code)
{
  DcmItem *found = item.sequence (tag);

  if (found == NULL)
    return;
  Reader r (found);
  r.code (DCM_CodeValue, code->value, sizeof code->value);
  r.code (DCM_CodingSchemeDesignator, code->scheme, sizeof code->scheme);
  r.code (DCM_CodeMeaning, code->meaning, sizeof code->meaning);
}

/* PS3.3 C.10.7.1.1: L*a*b* (D50) scaled to 16 bits -> sRGB. */
void
lab_to_rgb (const double lab[3], guint8 rgb[3])
{
  double l = lab[0] * 100 / 65535, a = lab[1] * 255 / 65535 - 128, b = lab[2] * 255 / 65535 - 128;
  double fy = (l + 16) / 116, f[3] = { fy + a / 500, fy, fy - b / 200 };
  const double white[3] = { 0.96422, 1, 0.82521 };
  /* XYZ (D50) to linear sRGB, Bradford-adapted. */
  const double m[3][3] = { { 3.1338561, -1.6168667, -0.4906146 },
                           { -0.9787684, 1.9161415, 0.0334540 },
                           { 0.0719453, -0.2289914, 1.4052427 } };
  double xyz[3];

  for (int i = 0; i < 3; i++)
    xyz[i] = white[i] * (f[i] > 6.0 / 29 ? f[i] * f[i] * f[i] : (f[i] - 16.0 / 116) * 108 / 841);
  for (int i = 0; i < 3; i++)
    {
      double v = m[i][0] * xyz[0] + m[i][1] * xyz[1] + m[i][2] * xyz[2];

      v = v <= 0.0031308 ? 12.92 * v : 1.055 * std::pow (v, 1 / 2.4) - 0.055;
      rgb[i] = (guint8) std::lround (CLAMP (v, 0, 1) * 255);
    }
}

void
read_segment (DcmItem *item, const char *charset, SagDicomSegment *segment)
{
  Reader r (item, charset);
  DcmItem *type = r.sequence (DCM_SegmentedPropertyTypeCodeSequence);
  char *name = NULL;
  double lab[3];

  segment->number = r.integer (DCM_SegmentNumber);
  r.text (DCM_SegmentLabel, &name);
  g_strlcpy (segment->label.name, name != NULL ? name : "", sizeof segment->label.name);
  cut_utf8 (segment->label.name);
  g_clear_pointer (&name, g_ref_string_release);
  read_code (r, DCM_SegmentedPropertyCategoryCodeSequence, &segment->label.category);
  read_code (r, DCM_SegmentedPropertyTypeCodeSequence, &segment->label.type);
  if (type != NULL)
    read_code (Reader (type), DCM_SegmentedPropertyTypeModifierCodeSequence,
               &segment->label.modifier);
  r.code (DCM_SegmentAlgorithmType, segment->algorithm_type, sizeof segment->algorithm_type);
  r.code (DCM_SegmentAlgorithmName, segment->algorithm_name, sizeof segment->algorithm_name);
  segment->has_colour = r.numbers (DCM_RecommendedDisplayCIELabValue, lab, 3);
  if (segment->has_colour)
    lab_to_rgb (lab, segment->label.rgb);
}

/* "key=value; key=value" as we write it into Algorithm Parameters. */
void
read_parameters (const char *text, SagDicomSegHeader *header)
{
  SagProvenance *p = header->provenance;
  g_auto (GStrv) parts = g_strsplit (text, ";", -1);
  SagReview *review = sag_provenance_get_review (p);

  for (char **part = parts; *part != NULL; part++)
    {
      char *value = strchr (g_strstrip (*part), '=');

      if (value == NULL)
        continue;
      *value++ = '\0';
      if (strcmp (*part, "model") == 0)
        sag_provenance_set (&p->model_id, value);
      else if (strcmp (*part, "weights-sha256") == 0)
        sag_provenance_set (&p->weights_sha256, value);
      else if (strcmp (*part, "precision") == 0)
        sag_provenance_set (&p->precision, value);
      else if (strcmp (*part, "calibration") == 0)
        sag_provenance_set (&p->calibration, value);
      else if (strcmp (*part, "cpu") == 0)
        sag_provenance_set (&p->cpu, value);
      else if (strcmp (*part, "program") == 0)
        sag_provenance_set (&p->program, value);
      else if (strcmp (*part, "time") == 0)
        sag_provenance_set (&p->time, value);
      else if (strcmp (*part, "edited-by") == 0)
        sag_provenance_set (&review->editor, value);
      else if (strcmp (*part, "edited") == 0)
        sag_provenance_set (&review->edit_time, value);
      else if (strcmp (*part, "edited-from") == 0)
        sag_provenance_set (&review->edit_from, value);
      else if (strcmp (*part, "review") == 0)
        sag_provenance_set (&review->verdict, value);
      else if (strcmp (*part, "reviewed-by") == 0)
        sag_provenance_set (&review->reviewer, value);
      else if (strcmp (*part, "reviewed") == 0)
        sag_provenance_set (&review->time, value);
      else if (strcmp (*part, "threshold") == 0)
        sag_provenance_set (&p->threshold, value);
      else if (strcmp (*part, "fractional") == 0)
        header->is_label_confidence = strcmp (value, SAG_FRACTIONAL_OF_LABEL) == 0;
    }
}

void
set_from (const Reader &item, const DcmTagKey &tag, char **field)
{
  char *value = NULL;

  item.text (tag, &value);
  if (value != NULL && *value != '\0')
    sag_provenance_set (field, value);
  g_clear_pointer (&value, g_ref_string_release);
}

/* Contributing Equipment (0018,A001): purpose, maker, model and version of each, one a line. */
std::string
read_equipment (const Reader &item)
{
  std::string all;

  for (long i = 0; i < 16; i++)
    {
      DcmItem *found = item.sequence (DCM_ContributingEquipmentSequence, i);
      SagCode purpose = { { 0 } };
      std::string one;

      if (found == NULL)
        break;
      Reader r (found);
      read_code (r, DCM_PurposeOfReferenceCodeSequence, &purpose);
      one = purpose.meaning;
      for (const DcmTagKey &tag : { DCM_Manufacturer, DCM_ManufacturerModelName,
                                    DCM_SoftwareVersions, DCM_ContributionDescription })
        {
          char *value = NULL;

          r.text (tag, &value);
          if (value != NULL && *value != '\0')
            one += (one.empty () ? "" : tag == DCM_Manufacturer ? ": " : " ") + std::string (value);
          g_clear_pointer (&value, g_ref_string_release);
        }
      if (!one.empty ())
        all += (all.empty () ? "" : "\n") + one;
    }
  return all;
}

void
read_provenance (const Reader &item, const Reader &segment, SagDicomSegHeader *header)
{
  SagProvenance *p = header->provenance;
  SagCode family = { { 0 } };
  char *maker = NULL, *model = NULL, *version = NULL, *parameters = NULL;

  set_from (segment, DCM_SegmentAlgorithmName, &p->model_name);
  if (DcmItem *algorithm = segment.sequence (DCM_SegmentationAlgorithmIdentificationSequence))
    {
      Reader r (algorithm);

      set_from (r, DCM_AlgorithmName, &p->model_name);
      set_from (r, DCM_AlgorithmVersion, &p->model_version);
      read_code (r, DCM_AlgorithmFamilyCodeSequence, &family);
      r.text (DCM_AlgorithmParameters, &parameters);
    }
  item.text (DCM_Manufacturer, &maker);
  item.text (DCM_ManufacturerModelName, &model);
  item.text (DCM_SoftwareVersions, &version);
  g_autofree char *program = g_strjoin (" ", maker != NULL ? maker : "", model != NULL ? model : "",
                                        version != NULL ? version : "", NULL);
  sag_provenance_set (&p->program, g_strstrip (program));
  g_autofree char *time = item.iso_time (DCM_ContentDate, DCM_ContentTime);
  if (*time != '\0')
    sag_provenance_set (&p->time, time);
  if (parameters != NULL)
    read_parameters (parameters, header);
  g_autofree char *algorithm
      = g_strjoin (family.meaning[0] != '\0' ? ", " : "", header->segments[0].algorithm_type,
                   family.meaning, NULL);
  sag_provenance_set (&p->algorithm, algorithm);
  sag_provenance_set (&p->creator, header->content_creator_name);
  sag_provenance_set (&p->description, header->content_description);
  sag_provenance_set (&p->source, header->referenced_series_uid);
  sag_provenance_set (&p->equipment, read_equipment (item).c_str ());
  g_clear_pointer (&maker, g_ref_string_release);
  g_clear_pointer (&model, g_ref_string_release);
  g_clear_pointer (&version, g_ref_string_release);
  g_clear_pointer (&parameters, g_ref_string_release);
}

/* Tiles of a slide: each says where it lies, or they follow each other, plane by plane, segment by segment
 * (TILED_FULL). */
void
read_tiles (const Reader &item, SagDicomSegHeader *self)
{
  const SagDicomInstance *in = self->instance;
  int columns = item.integer (DCM_TotalPixelMatrixColumns), rows = item.integer (DCM_TotalPixelMatrixRows);
  gboolean has_segments = strcmp (self->segmentation_type, "LABELMAP") != 0;
  int n = in->number_of_frames, n_segments = has_segments ? self->n_segments : 1;
  char type[20] = "";

  if (columns <= 0 || rows <= 0 || in->columns <= 0 || in->rows <= 0)
    return;
  item.code (DCM_DimensionOrganizationType, type, sizeof type);
  int across = (columns - 1) / in->columns + 1, down = (rows - 1) / in->rows + 1;
  gint64 a_plane = (gint64) across * down;
  gboolean is_full = strcmp (type, "TILED_FULL") == 0 || item.sequence (DCM_PerFrameFunctionalGroupsSequence) == NULL;

  if (is_full && (n % (a_plane * n_segments) != 0 || n == 0))
    return;
  self->n_planes = is_full ? (int) (n / (a_plane * n_segments)) : 1;
  self->total_columns = columns;
  self->total_rows = rows;
  self->tiles = g_new0 (SagDicomTile, n);
  for (int f = 0; f < n; f++)
    {
      SagDicomTile *tile = &self->tiles[f];
      int at = (int) (f % a_plane);

      if (is_full)
        {
          tile->column = at % across * in->columns;
          tile->row = at / across * in->rows;
          tile->plane = (int) (f / a_plane % self->n_planes);
          if (has_segments)
            tile->segment_number = self->segments[f / (a_plane * self->n_planes)].number;
          continue;
        }
      DcmItem *group = item.sequence (DCM_PerFrameFunctionalGroupsSequence, f), *place = NULL;
      if (group != NULL)
        place = Reader (group).sequence (DCM_PlanePositionSlideSequence);
      if (place != NULL)
        {
          tile->column = Reader (place).integer (DCM_ColumnPositionInTotalImagePixelMatrix, 1) - 1;
          tile->row = Reader (place).integer (DCM_RowPositionInTotalImagePixelMatrix, 1) - 1;
        }
      tile->segment_number = sag_dicom_instance_get_frame (in, f)->segment_number;
      if (place == NULL || tile->column < 0 || tile->row < 0)
        {
          g_clear_pointer (&self->tiles, g_free);
          return;
        }
    }
}

} // namespace

extern "C" {

SagDicomSegHeader *
sag_dicom_read_seg_header (const char *path, GError **error)
{
  try
    {
      DcmFileFormat format;
      gint64 size;
      gboolean has_more;
      DcmDataset *dataset = format.getDataset ();
      OFString charset;
      DcmSequenceOfItems *segments = NULL;

      if (!load_header (format, path, &size, &has_more, error))
        return NULL;
      g_autoptr (SagDicomInstance) instance = read_instance (format, path, size, has_more, error);
      if (instance == NULL)
        return NULL;
      if (!sag_dicom_instance_is_seg (instance)
          || strcmp (instance->sop_class_uid, SAG_UID_RT_STRUCTURE_SET) == 0)
        {
          set_error (error, SAG_DICOM_ERROR_INVALID, path, _ ("is DICOM, but not a segmentation"));
          return NULL;
        }
      if (dataset->findAndGetSequence (DCM_SegmentSequence, segments).bad () || segments == NULL
          || segments->card () == 0 || segments->card () > max_segments)
        {
          set_error (error, SAG_DICOM_ERROR_INVALID, path,
                     _ ("is a segmentation that describes no segments"));
          return NULL;
        }
      g_autoptr (SagDicomSegHeader) self = g_new0 (SagDicomSegHeader, 1);
      Reader (dataset).raw (DCM_SpecificCharacterSet, charset);
      Reader item (dataset, charset.c_str ());

      item.code (DCM_SegmentationType, self->segmentation_type, sizeof self->segmentation_type);
      item.code (DCM_SegmentationFractionalType, self->fractional_type,
                 sizeof self->fractional_type);
      self->maximum_fractional_value = item.integer (DCM_MaximumFractionalValue, 255);
      sag_dicom_text_set (&self->content_label, "");
      sag_dicom_text_set (&self->content_description, "");
      sag_dicom_text_set (&self->content_creator_name, "");
      item.text (DCM_ContentLabel, &self->content_label);
      item.text (DCM_ContentDescription, &self->content_description);
      item.text (DCM_ContentCreatorName, &self->content_creator_name);
      if (DcmItem *series = item.sequence (DCM_ReferencedSeriesSequence))
        Reader (series).code (DCM_SeriesInstanceUID, self->referenced_series_uid, sizeof (SagUid));
      self->n_segments = (int) segments->card ();
      self->segments = g_new0 (SagDicomSegment, self->n_segments);
      DcmObject *object = NULL;
      for (int i = 0; i < self->n_segments && (object = segments->nextInContainer (object)) != NULL;
           i++)
        read_segment (static_cast<DcmItem *> (object), charset.c_str (), &self->segments[i]);
      self->provenance = sag_provenance_new ();
      read_provenance (item, Reader (segments->getItem (0), charset.c_str ()), self);
      self->instance = (SagDicomInstance *) g_steal_pointer (&instance);
      read_tiles (item, self);
      return (SagDicomSegHeader *) g_steal_pointer (&self);
    }
  SHIM_CATCH (path, NULL)
}

void
sag_dicom_seg_header_free (SagDicomSegHeader *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->instance, sag_dicom_instance_free);
  g_clear_pointer (&self->content_label, g_ref_string_release);
  g_clear_pointer (&self->content_description, g_ref_string_release);
  g_clear_pointer (&self->content_creator_name, g_ref_string_release);
  g_clear_pointer (&self->provenance, sag_provenance_free);
  g_free (self->segments);
  g_free (self->tiles);
  g_free (self);
}
} // extern "C"
