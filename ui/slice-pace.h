/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-pace.h: how often a picture that grows is drawn anew, so that drawing leaves the cores to
 * the run that makes it grow. */
#pragma once

#include <glib.h>

typedef struct
{
  gint64 drawn_us; /* when it was drawn last */
  gint64 cost_us;  /* and how long that took */
  guint  timer;    /* 0: nothing waits */
  guint  lines;    /* the same of lines that moved */
  guint  rest;     /* the same of the finer picture of what does not move any more */
} SagSlicePace;

/* What a drawing cost that began at `begun_us` (monotonic). */
void     sag_slice_pace_drew  (SagSlicePace *self,
                               gint64        begun_us);
/* TRUE if it may be drawn anew now; else `later` is called once when it may, as a source. */
gboolean sag_slice_pace_ask   (SagSlicePace *self,
                               GSourceFunc   later,
                               gpointer      data);
/* The same of lines over a picture that stays: thirty times a second. In a view beside the one that is scrolled
 * they would make cairo draw all that lies between the two, in every frame. */
gboolean sag_slice_pace_ask_lines (SagSlicePace *self,
                                   GSourceFunc   later,
                                   gpointer      data);
/* Something moved: `refine` is called once when nothing has for a tenth of a second. */
void     sag_slice_pace_rest  (SagSlicePace *self,
                               GSourceFunc   refine,
                               gpointer      data);
/* Nothing waits any more. */
void     sag_slice_pace_clear (SagSlicePace *self);
