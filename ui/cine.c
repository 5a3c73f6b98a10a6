/* SPDX-License-Identifier: Apache-2.0
 *
 * cine.c: slices played on the frame clock; a late frame skips slices, never slows down. */
#include "ui/cine.h"

struct _SagCine
{
  SagSliceLayout *layout; /* weak */
  guint           tick; /* 0 while stopped */
  double          rate; /* slices a second */
  gint64          last_us;
  double          due;  /* slices not yet shown */
};

static gboolean
tick (GtkWidget     *widget,
      GdkFrameClock *clock,
      gpointer       data)
{
  SagCine *self = data;
  SagSliceView *selected = sag_slice_layout_get_selected (self->layout);
  SagWorkspace *workspace = sag_slice_view_get_workspace (selected);
  SagView view = sag_slice_view_get_plane (selected);
  gint64 now_us = gdk_frame_clock_get_frame_time (clock);
  int n, slice = sag_workspace_get_slice (workspace, view, &n);

  if (n < 2)
    {
      self->tick = 0;
      return G_SOURCE_REMOVE;
    }
  if (self->last_us != 0)
    self->due += (now_us - self->last_us) * self->rate / G_USEC_PER_SEC;
  self->last_us = now_us;
  if (self->due >= 1)
    {
      int steps = (int) self->due;

      self->due -= steps;
      sag_workspace_set_slice (workspace, view, (slice + steps) % n);
    }
  return G_SOURCE_CONTINUE;
}

SagCine *
sag_cine_new (SagSliceLayout *layout)
{
  SagCine *self = g_new0 (SagCine, 1);

  g_set_weak_pointer (&self->layout, layout);
  self->rate = 15;
  return self;
}

void
sag_cine_free (SagCine *self)
{
  sag_cine_set_playing (self, FALSE);
  g_clear_weak_pointer (&self->layout);
  g_free (self);
}

void
sag_cine_set_playing (SagCine *self,
                      gboolean playing)
{
  if (self->layout == NULL || playing == (self->tick != 0))
    return;
  if (playing)
    {
      self->last_us = 0;
      self->due = 0;
      self->tick = gtk_widget_add_tick_callback (GTK_WIDGET (self->layout), tick, self, NULL);
    }
  else
    {
      gtk_widget_remove_tick_callback (GTK_WIDGET (self->layout), self->tick);
      self->tick = 0;
    }
}

gboolean
sag_cine_is_playing (SagCine *self)
{
  return self->tick != 0;
}

double
sag_cine_scale_rate (SagCine *self,
                     double   factor)
{
  return self->rate = CLAMP (self->rate * factor, 1, 60);
}
