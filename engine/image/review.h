/* SPDX-License-Identifier: Apache-2.0
 *
 * review.h: what people did to a result, and what they said of it: part of its provenance.
 */
#pragma once

#include "engine/image/segmentation.h"

/* Every string owned, never NULL ("" if nobody did); sag_provenance_set() replaces one. Times are ISO 8601. */
typedef struct
{
  char *editor;    /* who changed labels by hand, … */
  char *edit_time; /* … when, … */
  char *edit_from; /* … and of which result */
  char *verdict;   /* "accepted", "edited" or "rejected", … */
  char *reviewer;  /* … by whom, … */
  char *time;      /* … and when */
} SagReview;

/* Belongs to the provenance, is copied and freed with it. */
SagReview       *sag_provenance_get_review      (SagProvenance       *self);
const SagReview *sag_provenance_peek_review     (const SagProvenance *self);
