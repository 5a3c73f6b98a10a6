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

} // namespace

double
sag::read_suv_factor (DcmItem *dataset)
{
  Reader item (dataset);
  OFString modality, units, type, corrected, decay_correction;
  double weight, dose, half_life;

  if (!item.raw (DCM_Modality, modality) || modality != "PT" || !item.raw (DCM_Units, units))
    return 0;
  item.raw (DCM_SUVType, type);
  if (units == "GML")
    return type.empty () || type == "BW" ? 1 : 0;
  DcmItem *drugs = item.sequence (DCM_RadiopharmaceuticalInformationSequence);
  if (units != "BQML" || drugs == NULL || !item.raw (DCM_CorrectedImage, corrected)
      || corrected.find ("DECY") == OFString_npos || corrected.find ("ATTN") == OFString_npos
      || !item.raw (DCM_DecayCorrection, decay_correction))
    return 0;
  Reader drug (drugs);
  /* A dose below 0.1 MBq was written in another unit. */
  if (!item.number (DCM_PatientWeight, &weight) || !(weight > 0)
      || !drug.number (DCM_RadionuclideTotalDose, &dose) || !(dose >= 1e5)
      || !drug.number (DCM_RadionuclideHalfLife, &half_life) || !(half_life > 0))
    return 0;
  if (decay_correction == "START")
    {
      double start = scan_start (item, half_life);
      double elapsed = start - injection (drug, start);

      /* More than ten half-lives are dates that do not belong together. */
      if (!(elapsed >= 0 && elapsed <= 10 * half_life))
        return 0;
      dose *= std::exp2 (-elapsed / half_life);
    }
  else if (decay_correction != "ADMIN")
    return 0;
  return weight * 1000 / dose;
}
