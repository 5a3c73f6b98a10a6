/* SPDX-License-Identifier: Apache-2.0
 *
 * segmentation.h: a result: labels, confidence, and where they came from.
 *
 * Slices become ready as the run goes outward from the cursor; once ready they never change.
 */
#pragma once

#include "engine/base/dtype.h"
#include "engine/image/labelmap.h"

/* Where a result came from; every string owned, never NULL ("" if unknown). */
typedef struct
{
  char *model_id;       /* "org.sagitta.lungs-ct" */
  char *model_name;
  char *model_version;
  char *weights_sha256; /* hex, of the model file */
  char *precision;      /* "fp32" … */
  char *calibration;    /* "temperature 1.31" or "none" */
  char *cpu;            /* kernel level: "avx512" … */
  char *program;        /* "Sagitta 0.1.0" */
  char *time;           /* ISO 8601, local time with offset */
  char *algorithm;      /* how it was made: "AUTOMATIC", "MANUAL" …, and the family of the algorithm */
  char *threshold;      /* confidence below which voxels were left out, "0.5" */
  char *creator;        /* the person or program that signs for the content, as the file says */
  char *description;    /* of the content, as the file says */
  char *source;         /* UID of the series it was made of */
  char *equipment;      /* what else contributed to it, one line each */
} SagProvenance;

SagProvenance   *sag_provenance_new             (void);
SagProvenance   *sag_provenance_copy            (const SagProvenance *self);
void             sag_provenance_free            (SagProvenance       *self);

/* Replaces one string: sag_provenance_set (&p->precision, "int8"). */
void             sag_provenance_set             (char               **field,
                                                 const char          *value);

typedef struct _SagSegmentation SagSegmentation;

/* Layers of one grid (ours have one; a foreign SEG with overlaps has several), of which references
 * are taken. `confidence` (may be NULL): one byte a voxel, 255 = certain, the probability of the
 * label shown there, background included. `provenance` is copied. No slice is ready yet. */
SagSegmentation *sag_segmentation_new           (SagLabelmap *const  *layers,
                                                 int                  n_layers,
                                                 SagBlock            *confidence,
                                                 const SagProvenance *provenance,
                                                 GError             **error);
SagSegmentation *sag_segmentation_ref           (SagSegmentation     *self);
void             sag_segmentation_unref         (SagSegmentation     *self);

const SagGrid   *sag_segmentation_get_grid      (const SagSegmentation *self);
int              sag_segmentation_get_n_layers  (const SagSegmentation *self);
SagLabelmap     *sag_segmentation_get_layer     (const SagSegmentation *self, /* borrowed */
                                                 int                    layer);
SagBlock *sag_segmentation_get_confidence (const SagSegmentation *self); /* borrowed or NULL */
const SagProvenance *sag_segmentation_get_provenance (const SagSegmentation *self);

/* TRUE where there are more labels than a byte can tell apart, so that layers use the same values for different labels:
 * then a label is known by its layer and value, or by its number. */
gboolean         sag_segmentation_is_wide       (const SagSegmentation *self);

/* The first label of that number, borrowed, and which layer it is in (`layer` may be NULL); NULL if there is none. */
const SagLabel  *sag_segmentation_find_label    (const SagSegmentation *self,
                                                 int                    number,
                                                 int                   *layer);

/* Where a label has voxels. */
typedef struct
{
  SagLabelmap    *map; /* borrowed, as is the label */
  const SagLabel *label;
  int             box[6]; /* as in SagLabelStats */
} SagLabelPlace;

/* The labels that have voxels, SagLabelPlace by number; borrowed from `self`. [compute thread] */
GHashTable      *sag_segmentation_find_places   (const SagSegmentation *self);

/* FALSE where the file says no place in the patient (of a radiograph, a secondary capture): the grid then
 * counts columns, rows and slices of the images it was made from, and its millimetres mean nothing. TRUE at
 * first. Set it before the segmentation is shared between threads. */
void             sag_segmentation_set_has_place (SagSegmentation       *self,
                                                 gboolean               has_place);
gboolean         sag_segmentation_get_has_place (const SagSegmentation *self);

/* As for volumes. */
void             sag_segmentation_mark_ready    (SagSegmentation       *self,
                                                 int                    k0,
                                                 int                    k1);
gboolean         sag_segmentation_is_ready      (const SagSegmentation *self,
                                                 int                    k);
int              sag_segmentation_get_n_ready   (const SagSegmentation *self);

/* Mean confidence (0..1) over the labelled voxels of slice k, of `value` only if it is not 0; NaN
 * where there are none or no confidence is known. */
double           sag_segmentation_get_slice_confidence (const SagSegmentation *self,
                                                 int                    k,
                                                 guint8                 value);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagProvenance, sag_provenance_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagSegmentation, sag_segmentation_unref)
