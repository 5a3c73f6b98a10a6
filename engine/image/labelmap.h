/* SPDX-License-Identifier: Apache-2.0
 *
 * labelmap.h: one label a voxel, and what the labels mean.
 */
#pragma once

#include "engine/image/volume.h"

/* A label's number is below this; so is a Segment Number, which is a US (PS3.3 C.8.20.2). */
#define SAG_LABEL_NUMBERS 65536

/* A coded concept (PS3.3 8.8): value, scheme, meaning; "" when unknown. */
typedef struct
{
  char value[17];
  char scheme[17];
  char meaning[65];
} SagCode;

typedef struct
{
  guint8  value;     /* 1..255, what its voxels hold; 0 is background and has no label */
  int     number;    /* what people and files call it: Segment Number, the value in a NIfTI file; 0: its value */
  char    name[65];  /* UTF-8, as shown; SegmentLabel (0062,0005) */
  SagCode category;  /* SegmentedPropertyCategoryCode: "85756007" SCT "Tissue" … */
  SagCode type;      /* SegmentedPropertyTypeCode: "39607008" SCT "Lung" … */
  SagCode modifier;  /* laterality: "7771000" SCT "Left" …; empty if none */
  guint8  rgb[3];    /* as shown, sRGB */
} SagLabel;

/* What is true of one label in a finished labelmap. */
typedef struct
{
  gsize  n_voxels;
  double ml;
  int    box[6];      /* i0, j0, k0, i1, j1, k1: half open; all 0 if empty */
  double centroid[3]; /* mm, LPS; meaningless if empty */
} SagLabelStats;

/* 1 .. SAG_LABEL_NUMBERS - 1. */
static inline int
sag_label_get_number (const SagLabel *label)
{
  return label->number > 0 ? label->number : label->value;
}

typedef struct _SagLabelmap SagLabelmap;

/* A labelmap over `block` (one byte a voxel, i fastest; a reference is taken; NULL makes a zeroed
 * one). Labels are copied. INVALID if a label value is 0 or occurs twice, or a number is no number. */
SagLabelmap    *sag_labelmap_new         (const SagGrid     *grid,
                                          SagBlock          *block,
                                          const SagLabel    *labels,
                                          int                n_labels,
                                          GError           **error);

/* The same over a part of the grid: `block` holds, from byte `offset` on, the voxels of `box` (i0, j0, k0, i1, j1,
 * k1: half open, in the grid) alone, and every other voxel is background. Labels that lie over others take the
 * bytes of their box so, not of the grid. `block` is never NULL; a reference to it is kept. INVALID, too, if the box
 * leaves the grid or the block ends before it. */
SagLabelmap    *sag_labelmap_new_boxed   (const SagGrid     *grid,
                                          const int          box[6],
                                          SagBlock          *block,
                                          gsize              offset,
                                          const SagLabel    *labels,
                                          int                n_labels,
                                          GError           **error);
SagLabelmap    *sag_labelmap_ref         (SagLabelmap       *self);
void            sag_labelmap_unref       (SagLabelmap       *self);

const SagGrid  *sag_labelmap_get_grid    (const SagLabelmap *self);
SagBlock       *sag_labelmap_get_block   (const SagLabelmap *self); /* borrowed */
gsize           sag_labelmap_get_offset  (const SagLabelmap *self); /* of the voxels in the block */

/* The voxels of the whole grid; NULL where only a box of them is kept: ask whether that can be. */
guint8         *sag_labelmap_get_voxels  (const SagLabelmap *self);

/* Of the box that is kept (the grid, if all are): where it lies, and its voxels, i fastest. */
void            sag_labelmap_get_box     (const SagLabelmap *self,
                                          int                box[6]);
const guint8   *sag_labelmap_get_box_voxels (const SagLabelmap *self);

/* Whatever is kept: voxel (i, j, k); voxels i0 .. i1 - 1 of row j of slice k; and slice k, size[0] * size[1]
 * voxels, laid out in `room` where they do not lie so already; NULL if none of them has a label.
 * All within the grid. */
guint8          sag_labelmap_get_value   (const SagLabelmap *self,
                                          int                i,
                                          int                j,
                                          int                k);
void            sag_labelmap_copy_row    (const SagLabelmap *self,
                                          int                i0,
                                          int                i1,
                                          int                j,
                                          int                k,
                                          guint8            *row);
const guint8   *sag_labelmap_get_slice   (const SagLabelmap *self,
                                          int                k,
                                          guint8            *room);

/* A block of its own with the voxels of the whole grid; NULL with MEMORY, naming `what`. */
SagBlock       *sag_labelmap_copy_voxels (const SagLabelmap *self,
                                          const char        *what,
                                          GError           **error);
/* Itself (a reference) if it keeps the whole grid, or a copy that does. */
SagLabelmap    *sag_labelmap_to_whole    (SagLabelmap       *self,
                                          GError           **error);

/* The same labels over the box that they need, in memory of their own; itself (a reference) if that is not smaller by a
 * fourth at least. NULL with MEMORY. [compute thread] */
SagLabelmap    *sag_labelmap_crop        (SagLabelmap       *self,
                                          GError           **error);

/* Moves the voxels of those of `maps` (owned by the array) that keep a box to one block, so that a segmentation
 * of many layers is one piece of shared memory, not hundreds. FALSE with MEMORY; `maps` are good in any case.
 * [compute thread] */
gboolean        sag_labelmap_pack        (SagLabelmap      **maps,
                                          int                n,
                                          GError           **error);
const SagLabel *sag_labelmap_get_labels  (const SagLabelmap *self,
                                          int               *n_labels);
/* NULL if no label has that value. */
const SagLabel *sag_labelmap_find_label  (const SagLabelmap *self,
                                          guint8             value);
/* NULL if no label has that number (sag_label_get_number()). */
const SagLabel *sag_labelmap_find_number (const SagLabelmap *self,
                                          int                number);

/* One pass over the voxels: `stats` has 256 entries, by value; entry 0 counts the background and
 * has no box. [compute thread] */
void            sag_labelmap_measure     (const SagLabelmap *self,
                                          SagLabelStats     *stats);

/* Default colours by order of label: Okabe-Ito, then a generated set of equal lightness. */
void            sag_label_default_colour (int                index,
                                          guint8             rgb[3]);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagLabelmap, sag_labelmap_unref)
