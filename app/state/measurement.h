/* SPDX-License-Identifier: Apache-2.0
 *
 * measurement.h: one thing measured on an image: where, and how much.
 *
 * Points are mm, LPS, in the image's frame of reference; the plane it was drawn on is kept, so that a
 * figure on an oblique plane means the same ever after. Where an image has no known spacing a
 * "millimetre" is a pixel: `calibrated` is FALSE, and lengths and areas are given in pixels.
 */
#pragma once

#include "engine/image/roi.h"

#include <gio/gio.h>

typedef enum
{
  SAG_MEASURE_LENGTH,        /* 2 points */
  SAG_MEASURE_ANGLE,         /* 3: the middle one is the vertex */
  SAG_MEASURE_COBB,          /* 4: two lines */
  SAG_MEASURE_BIDIRECTIONAL, /* 4: the ends of the long axis, of the short axis */
  SAG_MEASURE_ELLIPSE,       /* 2: opposite corners of the box around it */
  SAG_MEASURE_RECTANGLE,     /* 2: opposite corners */
  SAG_MEASURE_FREEHAND,      /* 3 and more: a closed polygon */
  SAG_N_MEASURES
} SagMeasureKind;

/* What is found; NaN where it does not apply. */
typedef struct
{
  double      length, width; /* mm or px; width is the short axis */
  double      angle;         /* degrees, 0..180; Cobb 0..90 */
  double      area;          /* mm2 or px2 */
  SagRoiStats values;        /* of voxels inside; n is 0 but for the three figures */
} SagMeasured;

#define SAG_TYPE_MEASUREMENT (sag_measurement_get_type ())
G_DECLARE_FINAL_TYPE (SagMeasurement, sag_measurement, SAG, MEASUREMENT, GObject)

/* Properties with notify: "name" (string, read-write; "" until a person gives one), "text" (string: what
 * was found, in words). */

/* A measurement without points on the plane of `right` and `down`. */
SagMeasurement *sag_measurement_new         (SagMeasureKind       kind,
                                             const double         right[3],
                                             const double         down[3]);
SagMeasurement *sag_measurement_copy        (SagMeasurement      *self);

SagMeasureKind  sag_measurement_get_kind    (SagMeasurement      *self);
const char     *sag_measurement_get_uid     (SagMeasurement      *self); /* for ever its own: a DICOM UID */
const char     *sag_measurement_get_name    (SagMeasurement      *self);
void            sag_measurement_set_name    (SagMeasurement      *self,
                                             const char          *name);
void            sag_measurement_get_plane   (SagMeasurement      *self,
                                             double               right[3],
                                             double               down[3]);

/* The points so far; borrowed until they change. */
const double  (*sag_measurement_get_points  (SagMeasurement      *self,
                                             int                 *n_points))[3];
void            sag_measurement_add_point   (SagMeasurement      *self,
                                             const double         lps[3]);
void            sag_measurement_set_point   (SagMeasurement      *self,
                                             int                  index,
                                             const double         lps[3]);
void            sag_measurement_move        (SagMeasurement      *self,
                                             const double         by[3]);
/* How many points the kind wants; of freehand as many as there are, at least 3. */
int             sag_measurement_get_n_wanted (SagMeasurement     *self);
gboolean        sag_measurement_is_complete (SagMeasurement      *self);

/* Whether it lies in the slice through `centre` with unit vectors `right` and `down`, within `reach` mm:
 * where it is drawn. */
gboolean        sag_measurement_lies_in     (SagMeasurement      *self,
                                             const double         centre[3],
                                             const double         right[3],
                                             const double         down[3],
                                             double               reach);

/* Measures it on `volume` (may be NULL: no values), and notes the outcome and its text. */
void            sag_measurement_measure     (SagMeasurement      *self,
                                             SagVolume           *volume,
                                             gboolean             calibrated);
const SagMeasured *sag_measurement_get_measured (SagMeasurement  *self);
const char     *sag_measurement_get_unit    (SagMeasurement      *self); /* of the values: "HU" … */
gboolean        sag_measurement_is_calibrated (SagMeasurement    *self);
const char     *sag_measurement_get_text    (SagMeasurement      *self);
/* The values inside a figure, as measured last; new GArray of double, empty for what is no figure. */
GArray         *sag_measurement_collect     (SagMeasurement      *self,
                                             SagVolume           *volume);

/* "length" …; static. And back: -1 if there is no such kind. */
const char     *sag_measure_kind_get_name   (SagMeasureKind       kind);
int             sag_measure_kind_from_name  (const char          *name);
/* "Length", for people; static. */
const char     *sag_measure_kind_get_title  (SagMeasureKind       kind);

/* As a{sv}: kind s, uid s, name s, right (ddd), down (ddd), points a(ddd); and back, NULL with
 * G_IO_ERROR_INVALID_DATA if it makes no sense. Floating. */
GVariant       *sag_measurement_to_variant  (SagMeasurement      *self);
SagMeasurement *sag_measurement_from_variant (GVariant           *description,
                                             GError             **error);

/* A table of measurements, one a row: name, kind, length, width, angle, area, voxels, mean, sd, min, max,
 * units, points. RFC 4180. New string. */
char           *sag_measurements_to_csv     (GListModel          *measurements);
