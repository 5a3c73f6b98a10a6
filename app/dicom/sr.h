/* SPDX-License-Identifier: Apache-2.0
 *
 * sr.h: measurements as a DICOM structured report: Comprehensive 3D SR (PS3.3 A.35.13), template TID 1500
 * Measurement Report (PS3.16), one Measurement Group (TID 1501, or TID 1410 where there is a region) for
 * each. Regions are SCOORD3D in the images' frame of reference; images that name none (radiographs) get
 * SCOORD on the image itself.
 */
#pragma once

#include "app/dicom/stack.h"
#include "engine/image/labelmap.h"

typedef struct
{
  const char   *type;      /* "POLYLINE", "POLYGON" (first point repeated last), "ELLIPSE" (ends of the
                            * major, then of the minor axis) */
  const double (*points)[3]; /* mm, LPS */
  int           n_points;
} SagSrGraphic;

typedef struct
{
  SagCode concept;
  SagCode derivation; /* mean, maximum …; value "" for none */
  double  value;
  SagCode unit;       /* UCUM */
  int     graphic;    /* the graphic it is inferred from; -1: all of the group's */
} SagSrValue;

typedef struct
{
  const char         *uid;  /* Tracking Unique Identifier (112040, DCM) */
  const char         *name; /* Tracking Identifier (112039, DCM); never "" */
  gboolean            is_region; /* graphics[0] is the Image Region (111030, DCM) of its values */
  const SagSrGraphic *graphics;
  int                 n_graphics;
  const SagSrValue   *values;
  int                 n_values;
} SagSrGroup;

/* Writes `path` beside, reads it back and keeps it then. `grid` is the volume's that was measured on.
 * [compute thread] */
gboolean sag_sr_write (const char       *path,
                       const SagSrGroup *groups,
                       int               n_groups,
                       const SagStack   *source,
                       const SagGrid    *grid,
                       GError          **error);
