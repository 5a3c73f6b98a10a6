/* SPDX-License-Identifier: Apache-2.0
 *
 * slabs.h: which slices of logits must be kept, and for how long.
 *
 * Bookkeeping only, no memory: a slot is the number of a slice buffer. A dry run over the same rows
 * tells how many there must be. A row of patches fills slots of its own; where another row has been
 * there before, the two are added and one slot falls free; where all rows have been, the slice is
 * complete, and goes when the last target slice that interpolates it is done.
 */
#pragma once

#include "engine/segment/frame.h"
#include "engine/segment/windows.h"

typedef struct
{
  const SagWindows *along;
  const SagTap     *taps;     /* [target slice] -> slices of the sweep */
  int               n_targets;

  int              *slot;     /* [slice]: sum of the rows so far, or -1 */
  int              *row_slot; /* [slice]: of the row being run, or -1 */
  int              *rows_left; /* [slice] */
  int              *users;    /* [slice]: target slices not done */
  gboolean         *done;     /* [target slice] */
  GArray           *free;     /* of int */
  int               n_slots;  /* ever taken at once */
} SagSlabs;

/* `rows` are those that will be run, in order; borrowed, like the rest. */
void     sag_slabs_init       (SagSlabs         *self,
                               const SagWindows *along,
                               const int        *rows,
                               int               n_rows,
                               const SagTap     *taps,
                               int               n_targets);
void     sag_slabs_clear      (SagSlabs         *self);

/* Takes slots for the slices of `row`; gives the slices, half open. */
void     sag_slabs_begin_row  (SagSlabs         *self,
                               int               row,
                               int              *k0,
                               int              *k1);

/* The row's sums are in its slots: `add` (NULL: dry) adds slot `from` to slot `to` where there
 * was one before. */
void     sag_slabs_end_row    (SagSlabs         *self,
                               int               row,
                               void            (*add) (int to, int from, gpointer data),
                               gpointer          data);

/* The next target slices that can be made now, half open; FALSE if there are none at present. */
gboolean sag_slabs_next       (SagSlabs         *self,
                               int              *t0,
                               int              *t1);

/* They have been made. */
void     sag_slabs_finish     (SagSlabs         *self,
                               int               t0,
                               int               t1);

/* How many slots a whole run takes at most. */
int      sag_slabs_count      (const SagWindows *along,
                               const int        *rows,
                               int               n_rows,
                               const SagTap     *taps,
                               int               n_targets);
