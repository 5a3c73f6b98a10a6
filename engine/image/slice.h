/* SPDX-License-Identifier: Apache-2.0
 *
 * slice.h: a plane through a volume, as pixels.
 *
 * One texel for each device pixel: every interpolation is done here, never by the compositor, and
 * the same spec gives the same bytes on every machine.
 */
#pragma once

#include "engine/image/segmentation.h"

typedef enum
{
  SAG_SLAB_NONE,
  SAG_SLAB_MIP,
  SAG_SLAB_MINIP,
  SAG_SLAB_MEAN,
} SagSlabMode;

typedef enum
{
  SAG_INTERPOLATION_NEAREST,
  SAG_INTERPOLATION_LINEAR, /* in a reduced orthogonal picture the mean of what lies under a pixel
                             */
  SAG_INTERPOLATION_CUBIC, /* Catmull-Rom, of magnified pictures and oblique planes; linear in oblique
                              slabs, in reduced pictures and until every slice is ready */
} SagInterpolation;

typedef enum
{
  SAG_OVERLAY_FILL = 1 << 0,       /* label colours at `opacity` */
  SAG_OVERLAY_OUTLINE = 1 << 1,    /* 2 device pixels, opaque */
  SAG_OVERLAY_CONFIDENCE = 1 << 2, /* the confidence ramp instead of label colours, inside labels */
  SAG_OVERLAY_DIFFERENCE = 1 << 3, /* against `reference`: only here, only there, both */
  SAG_OVERLAY_HATCH = 1 << 4, /* fills are lines, another pattern for each of eight labels in turn */
} SagOverlayFlags;

/* Two results over one image. */
typedef enum
{
  SAG_COMPARE_OFF,
  SAG_COMPARE_DIFFERENCE, /* SAG_OVERLAY_DIFFERENCE, nothing else */
  SAG_COMPARE_SWIPE,      /* `segmentation` left of `swipe`, `reference` right of it */
  SAG_COMPARE_CHECKER,    /* the two in turn, in squares of SAG_CHECKER_PIXELS */
  SAG_COMPARE_SIDE,       /* two pictures: the caller renders one after the other */
} SagCompare;

#define SAG_CHECKER_PIXELS 64

typedef struct
{
  SagPlane         plane;
  SagInterpolation interpolation;
  double           slab_mm; /* 0 or SAG_SLAB_NONE: one plane */
  SagSlabMode      slab_mode;
  SagWindowLevel   window;
  gboolean         invert;  /* MONOCHROME1, or by wish */
  const guint8    *colour_table; /* 256 RGB triplets for values, borrowed; NULL: grey */
  SagOverlayFlags  overlay; /* 0: none */
  float            opacity; /* 0..1, of fills */
  float confidence_threshold; /* 0..1: below it the mask loses its fill, keeps a dotted outline */
  SagCompare       compare;   /* acts where there is a `reference` */
  float            swipe;     /* 0..1 of the width */
  guint32          hidden[SAG_LABEL_NUMBERS / 32]; /* bit n & 31 of word n >> 5: labels of number n are not shown */
} SagSliceSpec;

/* Axial window 400/40, fill and outline at 0.35, threshold 0, nothing hidden. */
void     sag_slice_spec_init   (SagSliceSpec          *spec);

/* The picture of `spec` into `rgba` (width * height * 4 bytes, rows top to bottom, alpha 255; black
 * outside the volume and where slices are not ready). `segmentation` and `reference` may be NULL;
 * they need not share the volume's grid. Splits rows over the calling thread's team. Cannot fail.
 * [render thread] */
void     sag_slice_render      (SagVolume             *volume,
                                SagSegmentation       *segmentation,
                                SagSegmentation       *reference,
                                const SagSliceSpec    *spec,
                                int                    width,
                                int                    height,
                                guint8                *rgba);

/* The same while a run goes on: where `segmentation` (may be NULL) has no slice ready yet, the
 * labels of `preview` (may be NULL) are shown instead. */
void     sag_slice_render_with_preview (SagVolume       *volume,
                                SagSegmentation       *segmentation,
                                SagSegmentation       *preview,
                                SagSegmentation       *reference,
                                const SagSliceSpec    *spec,
                                int                    width,
                                int                    height,
                                guint8                *rgba);

/* Whole-number values are windowed by DICOM's LINEAR (PS3.3 C.11.2.1.2.1), whose half steps are
 * made for them; floats, SUV, windows narrower than 1 and files that say so by LINEAR_EXACT
 * (C.11.2.1.3.2): then TRUE. */
gboolean sag_volume_window_is_exact (const SagVolume      *volume,
                                     const SagWindowLevel *window);

/* The confidence ramp (cividis-like: perceptually even, safe for colour-blind eyes); t in 0..1. */
void     sag_confidence_colour (float                  t,
                                guint8                 rgb[3]);
