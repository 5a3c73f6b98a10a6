/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-scan.h: recurrences that exporters write with tensors of all steps.
 */
#pragma once

#include "engine/nn/op.h"

/* h[t] = a[t] h[t - 1] + b[t] from h[-1] = 0, element by element along one axis. */
typedef struct
{
  SagValue *h, *a, *b; /* a and b have one shape */
  gboolean  is_log;    /* `a` is log a[t] */
  int       time;      /* the axis of a and b that is t */
  gboolean  previous;  /* the value h holds the states before each step instead */
  int       axis[SAG_MAX_RANK]; /* of each axis of h: which of a's and b's it is; -1: none, it is 1 */
} SagRecurrence;

/* Is `h` one, of whatever Slices, Pads, Concats, products and sums it is made? `budget` is how many
 * nodes may still be looked at, in all calls together; node->mark is a node's place in the graph. */
gboolean sag_scan_trace   (SagValue *h, SagRecurrence *found, gint64 *budget);

/* Does the node only move steps, multiply and add them? */
gboolean sag_scan_moves   (const SagNode *node);

/* What reads h through the output matrix of a selective scan is made by one node from now on. FALSE
 * if something else reads h too. Readers have been counted. */
gboolean sag_scan_replace_readers (SagGraph *graph, const SagRecurrence *found);

/* The same; h itself is then made by a LinearScan. */
void     sag_scan_replace (SagGraph *graph, const SagRecurrence *found);

/* Sums of steps times rates become sums of products, in the hope of a recurrence; afterwards, in a clean graph, those of
 * which nothing came become what they were. Takes what the first gave. */
GArray  *sag_scan_rates_in  (SagGraph *graph);
void     sag_scan_rates_out (SagGraph *graph, GArray *rates);

/* The WKV of RWKV-4 in a Loop or Scan, or unrolled with a Concat of all steps, becomes one node: FALSE if it is
 * something else. Readers have been counted. */
gboolean sag_wkv_match_body     (SagGraph *graph, SagNode *node);
gboolean sag_wkv_match_unrolled (SagGraph *graph, SagNode *concat);

/* Steps written one by one: in a Loop; unrolled, with a Concat of all. */
void     sag_scan_lift_loop     (SagGraph *graph, SagNode *loop);
void     sag_scan_lift_unrolled (SagGraph *graph, SagNode *concat);
