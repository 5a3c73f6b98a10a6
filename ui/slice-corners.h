/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-corners.h: the words in the corners of a view. They give way step by step as the view
 * shrinks: who and when first, the slice's number last. */
#pragma once

#include "app/state/workspace.h"

typedef struct
{
  SagWorkspace *workspace;
  SagView       view;
  SagSliceSpec  spec;          /* as drawn: flips, turns, zoom and position included */
  int           width, height; /* logical pixels */
  int           scale;         /* device pixels in one of them */
  gboolean      probing;
  double        probe[3];      /* mm LPS */
  double        text_scale;    /* 1: the style's */
  gboolean      nameless;      /* the patient is not named on screen */
  gboolean      neurological;  /* the patient's left on the left of the screen */
} SagSliceScene;

/* How much there is room for. */
typedef enum
{
  SAG_DETAIL_LETTERS, /* orientation only */
  SAG_DETAIL_NUMBER,  /* and the slice's number */
  SAG_DETAIL_SLICE,   /* and window, plane, value */
  SAG_DETAIL_SERIES,  /* and series, position, zoom */
  SAG_DETAIL_ALL,     /* and patient and study */
} SagDetail;

SagDetail   sag_slice_corners_get_detail       (const SagSliceScene *scene);

/* New strings, lines separated by '\n'; "" for nothing. */
char       *sag_slice_corners_dup_top_left     (const SagSliceScene *scene);
char       *sag_slice_corners_dup_top_right    (const SagSliceScene *scene);
char       *sag_slice_corners_dup_bottom_left  (const SagSliceScene *scene);
char       *sag_slice_corners_dup_bottom_right (const SagSliceScene *scene);

/* "W 400  L 40"; "F 40.0 mm", the same however the view is turned. New strings. */
char       *sag_slice_corners_dup_window       (const SagSliceScene *scene);
char       *sag_slice_corners_dup_position     (const SagSliceScene *scene);

/* Millimetres where the file has them, else pixels: "mm" or "px"; static. */
const char *sag_slice_corners_get_unit         (SagWorkspace        *workspace);

/* The letters towards which `direction` of the picture points, from the plane or, of an image
 * without a place in the patient, from Patient Orientation (0020,0020); FALSE if nobody said. */
gboolean    sag_slice_corners_get_letters      (const SagSliceScene *scene,
                                                const double         direction[3],
                                                char                 letters[4]);

/* "Axial"; static. */
const char *sag_slice_corners_get_view_name    (SagView              view);
