// SPDX-License-Identifier: Apache-2.0
//
// dcmtk-suv.cpp: the factor from stored activity to standardized uptake value by body weight.
//
// The fields are those of PS3.3 C.8.9.1 and C.8.9.2; the way through them is that of the
// vendor-neutral pseudo-code of RSNA's QIBA FDG-PET profile.
#include "app/dicom/dcmtk-shim.h"

using namespace sag;

namespace
{

const double seconds_a_day = 86400;

/* Seconds since a fixed midnight of a date YYYYMMDD and a time; NaN without either. */
double
moment (const OFString &date, const OFString &time)
{
  int year, month, day;
  GDate *days;
  double at;

  if (date.length () < 8 || sscanf (date.c_str (), "%4d%2d%2d", &year, &month, &day) != 3
      || !g_date_valid_dmy ((GDateDay) day, (GDateMonth) month, (GDateYear) year))
    return NAN;
  days = g_date_new_dmy ((GDateDay) day, (GDateMonth) month, (GDateYear) year);
  at = g_date_get_julian (days) * seconds_a_day + seconds (time, 0);
  g_date_free (days);
  return at;
}

double
moment (const Reader &item, const DcmTagKey &date_tag, const DcmTagKey &time_tag)
{
  OFString date, time;

  return item.raw (date_tag, date) && item.raw (time_tag, time) ? moment (date, time) : NAN;
}

/* When the activity of this image holds good, if it was corrected to the start of the scan: the
 * series' time, unless that was written anew after the scan; then reckoned back from the frame. */
double
scan_start (const Reader &item, double half_life)
{
  double series = moment (item, DCM_SeriesDate, DCM_SeriesTime);
  double acquired = moment (item, DCM_AcquisitionDate, DCM_AcquisitionTime);
  double reference, duration;

  if (series <= acquired)
    return series;
  if (!item.number (DCM_FrameReferenceTime, &reference)
      || !item.number (DCM_ActualFrameDuration, &duration) || !(duration > 0))
    return NAN;
  /* The frame reference time is that of the mean activity within the frame. */
  double decay = std::log (2.0) / half_life, length = duration / 1000;
  double mean = std::log (decay * length / -std::expm1 (-decay * length)) / decay;
  return acquired - (reference / 1000 - mean);
}

double
injection (const Reader &drug, double start)
{
  OFString text;
  double at;

  if (drug.raw (DCM_RadiopharmaceuticalStartDateTime, text) && text.length () >= 14)
    return moment (text, text.substr (8));
  if (!drug.raw (DCM_RadiopharmaceuticalStartTime, text))
    return NAN;
  /* A time of day alone: that of the scan's day, or of the day before. */
  at = std::floor (start / seconds_a_day) * seconds_a_day + seconds (text, 0);
  return at > start ? at - seconds_a_day : at;
}

/* A number of the maker's own, whatever VR it came with. */
bool
private_number (const Reader &item, const DcmTagKey &tag, double *value)
{
  DcmElement *element = NULL;
  Uint8 *bytes = NULL;

  if (item.number (tag, value))
    return true;
  if (item.get ()->findAndGetElement (tag, element).bad () || element->getLength () < 1 || element->getLength () > 256
      || element->getUint8Array (bytes).bad () || bytes == NULL)
    return false;
  *value = g_ascii_strtod (std::string ((const char *) bytes, element->getLength ()).c_str (), NULL);
  return std::isfinite (*value);
}

/* Philips: counts to SUV, or to Bq/ml; as the PET profile of QIBA reads them (Vendor-neutral pseudo-code for SUV). */
bool
read_philips (const Reader &item, double *to_suv, double *to_bq)
{
  OFString creator;

  *to_suv = *to_bq = 0;
  return item.raw (DcmTagKey (0x7053, 0x0010), creator) && creator.compare (0, 25, "Philips PET Private Group") == 0
         && ((private_number (item, DcmTagKey (0x7053, 0x1000), to_suv) && *to_suv > 0)
             || (private_number (item, DcmTagKey (0x7053, 0x1009), to_bq) && *to_bq > 0));
}

/* What a real world value of an enhanced image is of its modality value, and in which unit (PS3.3 C.7.6.16.2.11); FALSE
 * unless the two go through zero together. */
bool
read_real_world (const Reader &item, OFString &unit, double *factor)
{
  DcmItem *shared = item.sequence (DCM_SharedFunctionalGroupsSequence);
  DcmItem *map = shared != NULL ? Reader (shared).sequence (DCM_RealWorldValueMappingSequence) : NULL;
  DcmItem *units = map != NULL ? Reader (map).sequence (DCM_MeasurementUnitsCodeSequence) : NULL;
  DcmItem *rescale = shared != NULL ? Reader (shared).sequence (DCM_PixelValueTransformationSequence) : NULL;
  double slope, intercept, own_slope = 1, own_intercept = 0;

  if (units == NULL || !Reader (units).raw (DCM_CodeValue, unit)
      || !Reader (map).number (DCM_RealWorldValueSlope, &slope) || !(slope > 0)
      || !Reader (map).number (DCM_RealWorldValueIntercept, &intercept))
    return false;
  if (rescale != NULL)
    {
      Reader (rescale).number (DCM_RescaleSlope, &own_slope);
      Reader (rescale).number (DCM_RescaleIntercept, &own_intercept);
    }
  *factor = slope / own_slope;
  return intercept == 0 && own_intercept == 0 && *factor > 0;
}

/* Seconds from a fixed midnight, of a date and time in one. */
double
moment (const Reader &item, const DcmTagKey &tag)
{
  OFString text;

  return item.raw (tag, text) && text.length () >= 14 ? moment (text, text.substr (8)) : NAN;
}

} // namespace

double
sag::read_suv_factor (DcmItem *dataset, int *lack)
{
  Reader item (dataset);
  OFString modality, units, type, corrected, decay_correction, decayed, attenuated;
  double weight, dose, half_life, to_suv, to_bq = 1;

  *lack = SAG_SUV_LACKS_NOTHING;
  if (!item.raw (DCM_Modality, modality) || modality != "PT")
    return 0;
  item.raw (DCM_Units, units);
  item.raw (DCM_SUVType, type);
  if (units == "GML" && (type.empty () || type == "BW"))
    return 1;
  if (units == "GML" || units == "CM2ML")
    return 0; /* another SUV, which stays what it is */
  if (units == "CNTS" && read_philips (item, &to_suv, &to_bq) && to_suv > 0)
    return to_suv;
  if (units.empty () && read_real_world (item, type, &to_bq))
    {
      if (type == "{SUVbw}g/ml" || type == "g/ml{SUVbw}")
        return to_bq;
      if (type == "Bq/ml")
        units = "BQML";
      if (item.raw (DCM_DecayCorrected, decayed) && item.raw (DCM_AttenuationCorrected, attenuated) && decayed == "YES"
          && attenuated == "YES")
        {
          corrected = "DECY\\ATTN";
          decay_correction = "START";
        }
    }
  *lack = SAG_SUV_LACKS_UNITS;
  if (units != "BQML" && !(units == "CNTS" && to_bq > 0))
    return 0;
  *lack = SAG_SUV_LACKS_CORRECTIONS;
  item.raw (DCM_CorrectedImage, corrected);
  item.raw (DCM_DecayCorrection, decay_correction);
  if (corrected.find ("DECY") == OFString_npos || corrected.find ("ATTN") == OFString_npos
      || (decay_correction != "START" && decay_correction != "ADMIN"))
    return 0;
  *lack = SAG_SUV_LACKS_WEIGHT;
  if (!item.number (DCM_PatientWeight, &weight) || !(weight > 0))
    return 0;
  *lack = SAG_SUV_LACKS_DOSE;
  DcmItem *drugs = item.sequence (DCM_RadiopharmaceuticalInformationSequence);
  Reader drug (drugs != NULL ? drugs : dataset);
  /* A dose below 0.1 MBq was written in another unit. */
  if (drugs == NULL || !drug.number (DCM_RadionuclideTotalDose, &dose) || !(dose >= 1e5))
    return 0;
  if (decay_correction == "START")
    {
      *lack = SAG_SUV_LACKS_TIMES;
      if (!drug.number (DCM_RadionuclideHalfLife, &half_life) || !(half_life > 0))
        return 0;
      double start = moment (item, DCM_DecayCorrectionDateTime); /* of an enhanced image; says it outright */
      if (!std::isfinite (start))
        start = scan_start (item, half_life);
      double elapsed = start - injection (drug, start);

      /* More than ten half-lives are dates that do not belong together. */
      if (!(elapsed >= 0 && elapsed <= 10 * half_life))
        return 0;
      dose *= std::exp2 (-elapsed / half_life);
    }
  *lack = SAG_SUV_LACKS_NOTHING;
  return to_bq * weight * 1000 / dose;
}
