/* SPDX-License-Identifier: Apache-2.0
 *
 * stack.h: frames that lie one behind the other, in order, and what is wrong with their places.
 *
 * Order is the position along the normal (row direction x column direction), never the instance
 * number. Slice k of the grid lies at origin + k * spacing[2] along the normal; where the file set
 * leaves a whole number of slices out, the grid keeps their places empty, so that every slice stays
 * where it was acquired. What cannot be kept so is a finding that names slices and millimetres.
 */
#pragma once

#include "app/dicom/instance.h"

typedef enum
{
  SAG_FINDING_GAP,        /* slices are missing between two positions */
  SAG_FINDING_UNEVEN,     /* spacing varies otherwise */
  SAG_FINDING_TILT,       /* positions leave the normal: gantry tilt */
  SAG_FINDING_DUPLICATE,  /* several frames at one position; the first by instance number is kept */
  SAG_FINDING_MIXED_SIZE, /* the series holds other matrix sizes; they are stacks of their own */
  SAG_FINDING_MIXED_ORIENTATION, /* … or other orientations */
  SAG_FINDING_NO_SPACING, /* pixel or slice spacing is not known: millimetres are not true */
  SAG_FINDING_NO_POSITION, /* frames have no place in the patient: shown in order of number */
  SAG_FINDING_TIME_SERIES, /* frames all lie at one place: shown in order of acquisition */
  SAG_FINDING_NO_SUV,     /* of a PET: its values are no SUV, as the file does not say all that is needed */
  SAG_FINDING_DETECTOR_SPACING, /* only the spacing at the detector is known */
  SAG_FINDING_NO_SIDES,   /* frames lie to each other as is known, but not in the patient */
  SAG_FINDING_TILES,      /* each image is a part of a larger one, or shows several slices side by side */
} SagFindingKind;

typedef struct
{
  SagFindingKind kind;
  int            slice;  /* first slice k of the grid it concerns; -1: the whole stack */
  double         amount; /* mm, degrees or a count, as the text says */
  char          *text;   /* one sentence, UTF-8 */
} SagFinding;

typedef struct
{
  const SagDicomInstance *instance; /* borrowed from the index */
  int                     frame;    /* from 0 */
  int                     k;        /* its slice in the grid */
  double                  position; /* mm along the normal */
} SagStackSlice;

typedef struct
{
  char          *name; /* what tells it from its siblings: "echo 4.6 ms", "b 1000"; "" if alone */
  SagStackSlice *slices;     /* in order of k, one a place */
  int            n_slices;   /* <= grid.size[2] */
  SagGrid        grid;       /* sound in every case; see the findings for what is not known */
  gboolean       is_localizer;
  GPtrArray     *findings;   /* of SagFinding */
} SagStack;

/* Sorts `slices` (n >= 1, same matrix and orientation; taken), finds faults, makes the grid. Pure:
 * no file is read. Never fails. [any thread] */
SagStack  *sag_stack_new          (SagStackSlice  *slices,
                                   int             n);
void       sag_stack_free         (SagStack       *self);

/* The slice at place k of the grid, or NULL where the series left it out. */
const SagStackSlice *sag_stack_find (const SagStack *self,
                                   int             k);

void       sag_stack_add_finding  (SagStack       *self,
                                   SagFindingKind  kind,
                                   int             slice,
                                   double          amount,
                                   const char     *format,
                                   ...) G_GNUC_PRINTF (5, 6);

gboolean   sag_stack_has_finding  (const SagStack *self,
                                   SagFindingKind  kind);

/* "gap", "tilt" …: the finding's name in JSON. */
const char *sag_finding_kind_get_name (SagFindingKind kind);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagStack, sag_stack_free)
