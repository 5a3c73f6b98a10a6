/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-frame.h: how a view looks at its plane: zoom, position, turns and flips. No widget. */
#pragma once

#include "engine/image/slice.h"

typedef struct
{
  double   zoom;    /* 1: the whole volume fits */
  double   pan[2];  /* mm, right and down on screen */
  gboolean flip[2]; /* right for left, top for bottom, after the turns */
  int      turns;   /* quarter turns clockwise */
} SagSliceFrame;

/* Where a view shows its image before it is zoomed or moved. All 0: in the middle, as large as it fits. */
typedef struct
{
  int    side;      /* -1: its left border at the view's left, 1: its right at the view's right, as stored */
  double extent[2]; /* mm across and down that are to have room */
} SagSliceHome;

/* The plane through the middle of the stack as it is seen so; `mirrored`: its right and left change sides first. */
void     sag_slice_frame_apply   (const SagSliceFrame *self,
                                  gboolean             mirrored,
                                  SagPlane            *plane);
/* After sag_slice_frame_apply(), for a view of width x height pixels that an image of `across` mm fits at `fit` mm a
 * pixel: the plane moved home, and mm a pixel at zoom 1. A quarter turn leaves home. */
double   sag_slice_home_apply    (const SagSliceHome  *home,
                                  const SagSliceFrame *frame,
                                  int                  width,
                                  int                  height,
                                  double               across,
                                  double               fit,
                                  SagPlane            *plane);
/* Zooms by `factor`; what lies at (dx, dy), mm from the middle, stays there. FALSE if it cannot be zoomed further. */
gboolean sag_slice_frame_zoom_at (SagSliceFrame       *self,
                                  double               factor,
                                  double               dx,
                                  double               dy);
/* Turns by quarters clockwise as seen, or back. */
void     sag_slice_frame_turn    (SagSliceFrame       *self,
                                  int                  quarters);
/* Sets a flip, 0 right for left, 1 top for bottom, around the middle of the view; FALSE if it was so. */
gboolean sag_slice_frame_flip    (SagSliceFrame       *self,
                                  int                  axis,
                                  gboolean             flip);

#define SAG_SLICE_ZOOM_MIN 0.2
#define SAG_SLICE_ZOOM_MAX 64.0
