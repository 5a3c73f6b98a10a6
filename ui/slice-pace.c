/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-pace.c: how often a picture that grows is drawn anew. */
#include "ui/slice-pace.h"

#define LEAST_US 200000 /* five pictures a second show that something comes */
#define LINES_US 33000  /* a reader's eye is on what scrolls */
#define REST_MS 100     /* a hand that drags does not stop so long */
#define SHARE 30        /* three views, and as much again for what GTK does with each: a tenth or two */

void
sag_slice_pace_drew (SagSlicePace *self,
                     gint64        begun_us)
{
  self->drawn_us = g_get_monotonic_time ();
  self->cost_us = self->drawn_us - begun_us;
}

/* TRUE if it is time; else `later` is called when it is. */
static gboolean
is_due (gint64      due_us,
        guint      *timer,
        GSourceFunc later,
        gpointer    data)
{
  gint64 now_us = g_get_monotonic_time ();

  if (*timer != 0)
    return FALSE;
  if (now_us >= due_us)
    return TRUE;
  *timer = g_timeout_add ((guint) ((due_us - now_us) / 1000 + 1), later, data);
  return FALSE;
}

gboolean
sag_slice_pace_ask (SagSlicePace *self,
                    GSourceFunc   later,
                    gpointer      data)
{
  return is_due (self->drawn_us + MAX (LEAST_US, SHARE * self->cost_us), &self->timer, later, data);
}

gboolean
sag_slice_pace_ask_lines (SagSlicePace *self,
                          GSourceFunc   later,
                          gpointer      data)
{
  return is_due (self->drawn_us + LINES_US, &self->lines, later, data);
}

void
sag_slice_pace_rest (SagSlicePace *self,
                     GSourceFunc   refine,
                     gpointer      data)
{
  g_clear_handle_id (&self->rest, g_source_remove);
  self->rest = g_timeout_add (REST_MS, refine, data);
}

void
sag_slice_pace_clear (SagSlicePace *self)
{
  g_clear_handle_id (&self->timer, g_source_remove);
  g_clear_handle_id (&self->lines, g_source_remove);
  g_clear_handle_id (&self->rest, g_source_remove);
}
