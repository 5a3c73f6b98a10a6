// SPDX-License-Identifier: Apache-2.0
//
// dcmtk-ct.cpp: volumes as series of CT, MR and DX images.
#include "app/dicom/dcmtk-item.h"

extern "C" {
#include "app/files/save.h"
#include "engine/base/parallel.h"
}

#include <unistd.h>
#include <vector>

using namespace sag;

namespace
{

struct CtSeries
{
  const char                  *folder;
  const SagVolume             *volume;
  const SagDicomCtDescription *description;
  std::string                  study, kind, series, frame_of_reference;
  Moment                       moment;
  GMutex                       lock; /* guards what follows */
  std::vector<bool>            written;
  GError                      *error;

  CtSeries (const char *f, const SagVolume *v, const SagDicomCtDescription *d)
      : folder (f), volume (v), description (d), study (make_uid (d->seed, "study")),
        /* Series of other kinds share a study, and so a seed. */
        kind (d->modality != NULL ? std::string (" ") + std::to_string (d->series_number) : ""),
        series (make_uid (d->seed, ("series" + kind).c_str ())), frame_of_reference (make_uid (d->seed, "frame")),
        moment (d->seed, d->date), error (NULL)
  {
    g_mutex_init (&lock);
  }
  ~CtSeries () { g_mutex_clear (&lock); }
};

bool
is_modality (const CtSeries &s, const char *modality)
{
  return g_strcmp0 (s.description->modality != NULL ? s.description->modality : "CT", modality) == 0;
}

/* What only a CT says (PS3.3 C.8.2.1). */
void
put_ct (Item &item, const CtSeries &s)
{
  const SagDicomCtDescription *d = s.description;

  item.put (DCM_ImageType, "ORIGINAL\\PRIMARY\\AXIAL")
      .put (DCM_SOPClassUID, UID_CTImageStorage)
      .put (DCM_AcquisitionNumber, "1")
      .put (DCM_ConvolutionKernel, line (d->convolution_kernel, 16))
      .put (DCM_Exposure, std::to_string ((int) std::lround (d->exposure_mas)))
      .put_number (DCM_KVP, d->kvp)
      .put_number (DCM_GantryDetectorTilt, 0)
      .put (DCM_PatientPosition, "HFS");
}

/* An MR (C.8.3.1). */
void
put_mr (Item &item, const CtSeries &s)
{
  const SagDicomCtDescription *d = s.description;

  item.put (DCM_ImageType, "ORIGINAL\\PRIMARY\\M\\ND")
      .put (DCM_SOPClassUID, UID_MRImageStorage)
      .put (DCM_AcquisitionNumber, "1")
      .put (DCM_ScanningSequence, d->inversion_ms > 0 ? "IR" : "SE")
      .put (DCM_SequenceVariant, "NONE")
      .put (DCM_ScanOptions, "")
      .put (DCM_MRAcquisitionType, "3D")
      .put_number (DCM_RepetitionTime, d->repetition_ms)
      .put_number (DCM_EchoTime, d->echo_ms)
      .put (DCM_EchoTrainLength, "1")
      .put (DCM_MagneticFieldStrength, "3")
      .put (DCM_PatientPosition, "HFS");
  if (d->inversion_ms > 0)
    item.put_number (DCM_InversionTime, d->inversion_ms);
}

/* A radiograph from back to front (C.8.11.1 to C.8.11.5). */
void
put_dx (Item &item, const CtSeries &s)
{
  const SagDicomCtDescription *d = s.description;

  item.put (DCM_ImageType, "ORIGINAL\\PRIMARY\\")
      .put (DCM_SOPClassUID, UID_DigitalXRayImageStorageForPresentation)
      .put (DCM_PresentationIntentType, "FOR PRESENTATION")
      .put (DCM_PatientOrientation, "L\\F")
      .put (DCM_ImageLaterality, "U")
      .put (DCM_ViewPosition, "PA")
      .put (DCM_PositionerType, "NONE")
      .put (DCM_DetectorType, "DIRECT")
      .put (DCM_PixelIntensityRelationship, "LOG")
      .put (DCM_PresentationLUTShape, "IDENTITY")
      .put (DCM_BurnedInAnnotation, "NO")
      .put_number (DCM_KVP, d->kvp)
      .add_code (DCM_AnatomicRegionSequence, "51185008", "SCT", "Chest")
      .add_code (DCM_ViewCodeSequence, "399348003", "SCT", "postero-anterior");
  Item::check (item.get ()->putAndInsertSint16 (DCM_PixelIntensityRelationshipSign, -1));
  Item::check (item.get ()->insertEmptyElement (DCM_AcquisitionContextSequence));
}

void
put_headers (Item &item, const CtSeries &s, int k)
{
  const SagDicomCtDescription *d = s.description;

  is_modality (s, "CT") ? put_ct (item, s) : is_modality (s, "MR") ? put_mr (item, s) : put_dx (item, s);
  item.put (DCM_SpecificCharacterSet, "ISO_IR 192")
      .put (DCM_SOPInstanceUID, make_uid (d->seed, ("image" + s.kind + " " + std::to_string (k + 1)).c_str ()))
      .put (DCM_StudyDate, s.moment.date)
      .put (DCM_StudyTime, s.moment.time)
      .put (DCM_SeriesDate, s.moment.date)
      .put (DCM_SeriesTime, s.moment.time)
      .put (DCM_AcquisitionDate, s.moment.date)
      .put (DCM_AcquisitionTime, s.moment.time)
      .put (DCM_ContentDate, s.moment.date)
      .put (DCM_ContentTime, s.moment.time)
      .put (DCM_AccessionNumber, "")
      .put (DCM_Modality, d->modality != NULL ? d->modality : "CT")
      .put (DCM_ReferringPhysicianName, "")
      .put (DCM_StudyDescription, line (d->study_description, 64))
      .put (DCM_SeriesDescription, line (d->series_description, 64))
      .put (DCM_PatientName, line (d->patient_name, 64))
      .put (DCM_PatientID, line (d->patient_id, 64))
      .put (DCM_PatientBirthDate, d->patient_birth_date)
      .put (DCM_PatientSex, d->patient_sex)
      .put (DCM_BodyPartExamined, d->body_part_examined)
      .put (DCM_StudyInstanceUID, s.study)
      .put (DCM_SeriesInstanceUID, s.series)
      .put (DCM_StudyID, "1")
      .put (DCM_SeriesNumber, std::to_string (MAX (1, d->series_number)))
      .put (DCM_InstanceNumber, std::to_string (k + 1))
      .put (DCM_LossyImageCompression, "00")
      .put (DCM_ImageComments, research_use);
  if (!is_modality (s, "DX"))
    item.put (DCM_FrameOfReferenceUID, s.frame_of_reference).put (DCM_PositionReferenceIndicator, "");
  put_equipment (item, d->manufacturer, d->model_name);
}

void
put_geometry (Item &item, const CtSeries &s, int k)
{
  const SagGrid *grid = sag_volume_get_grid (s.volume);
  double position[3], ijk[3] = { 0, 0, (double) k };
  const double *dir = grid->direction;
  const double orientation[6] = { dir[0], dir[3], dir[6], dir[1], dir[4], dir[7] };
  const double spacing[2] = { grid->spacing[1], grid->spacing[0] };

  if (is_modality (s, "DX"))
    {
      item.put_numbers (DCM_ImagerPixelSpacing, spacing, 2);
      return;
    }
  sag_grid_to_lps (grid, ijk, position);
  item.put_numbers (DCM_ImagePositionPatient, position, 3)
      .put_numbers (DCM_ImageOrientationPatient, orientation, 6)
      .put_numbers (DCM_PixelSpacing, spacing, 2)
      .put_number (DCM_SliceThickness, grid->spacing[2])
      .put_number (DCM_SpacingBetweenSlices, grid->spacing[2])
      .put_number (DCM_SliceLocation,
                   position[0] * dir[2] + position[1] * dir[5] + position[2] * dir[8]);
  if (is_modality (s, "CT"))
    item.put_number (DCM_ReconstructionDiameter, grid->spacing[0] * grid->size[0])
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
put_pixels (Item &item, const CtSeries &s, int k)
{
  const SagVolume *volume = s.volume;
  const SagGrid *grid = sag_volume_get_grid (volume);
  gboolean is_signed = sag_volume_get_voxel_type (volume) == SAG_VOXEL_I16;

  item.put_us (DCM_SamplesPerPixel, 1)
      .put (DCM_PhotometricInterpretation, "MONOCHROME2")
      .put_us (DCM_Rows, grid->size[1])
      .put_us (DCM_Columns, grid->size[0])
      .put_us (DCM_BitsAllocated, 16)
      .put_us (DCM_BitsStored, 16)
      .put_us (DCM_HighBit, 15)
      .put_us (DCM_PixelRepresentation, is_signed ? 1 : 0);
  /* An MR has no modality LUT (A.4.3). */
  if (!is_modality (s, "MR"))
    item.put_number (DCM_RescaleIntercept, sag_volume_get_intercept (volume))
        .put_number (DCM_RescaleSlope, 1)
        .put (DCM_RescaleType, is_modality (s, "CT") ? "HU" : "US");
  Item::check (item.get ()->putAndInsertUint16Array (
      DCM_PixelData, (const Uint16 *) sag_volume_get_slice (volume, k),
      (unsigned long) grid->size[0] * grid->size[1]));
}

char *
slice_path (const CtSeries &s, int k)
{
  g_autofree char *modality = g_ascii_strdown (s.description->modality != NULL ? s.description->modality : "CT", -1);
  g_autofree char *name = g_strdup_printf ("%s-%04d.dcm", modality, k + 1);

  return g_build_filename (s.folder, name, NULL);
}

gboolean
write_ct_slice (const CtSeries &s, int k, GError **error)
{
  g_autofree char *path = slice_path (s, k);
  SagSave *file = sag_save_begin (path, error);

  if (file == NULL)
    return FALSE;
  try
    {
      DcmFileFormat format;
      Item item (format.getDataset ());

      put_headers (item, s, k);
      put_geometry (item, s, k);
      put_windows (item, s.description);
      put_pixels (item, s, k);
      if (save (format, sag_save_get_name (file), path, error))
        return sag_save_finish (file, error);
    }
  catch (...)
    {
      set_error (error, SAG_DICOM_ERROR_INVALID, path, "could not be made");
    }
  sag_save_abort (file);
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
  if (failed)
    return;
  gboolean ok = write_ct_slice (*s, (int) k, &error);
  g_mutex_lock (&s->lock);
  s->written[k] = ok;
  if (!ok && s->error == NULL)
    s->error = (GError *) g_steal_pointer (&error);
  g_mutex_unlock (&s->lock);
  g_clear_error (&error);
}

} // namespace

extern "C" {

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

      series.written.resize (grid->size[2]);
      sag_parallel_for ((gsize) grid->size[2], write_ct_item, &series);
      if (series.error == NULL)
        return TRUE;
      for (int k = 0; k < grid->size[2]; k++)
        if (series.written[k])
          {
            g_autofree char *path = slice_path (series, k);

            unlink (path);
          }
      rmdir (folder); /* if nothing else is in it */
      g_propagate_error (error, series.error);
      return FALSE;
    }
  WRITE_CATCH (folder, FALSE)
}
} // extern "C"
