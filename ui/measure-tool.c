/* SPDX-License-Identifier: Apache-2.0
 *
 * measure-tool.c: drawing and moving measurements with the left button. */
#include "ui/measure-tool.h"

#include "ui/left-tool.h"
#include "ui/slice-marks.h"

#include <math.h>

#define CLICK_POINTS 4    /* a drag shorter than this is a click */
#define TRACE_POINTS 3    /* points of a freehand figure are so far apart */

typedef struct
{
  SagSliceView   *view; /* owns this, through its controllers */
  SagMeasurement *held; /* being dragged, or NULL */
  int             handle;
  double          at[3];     /* where the hand was last, mm LPS */
  int             fixed;     /* points of the draft that stay; the one after them follows the pointer */
  double          traced[2]; /* the last point of a freehand figure */
} SagMeasureTool;

static SagMeasurements *
get_all (SagMeasureTool *self)
{
  return sag_workspace_get_measurements (sag_slice_view_get_workspace (self->view));
}

static void
finish (SagMeasureTool *self)
{
  SagMeasurements *all = get_all (self);
  g_autoptr (SagMeasurement) draft = g_object_ref (sag_measurements_get_draft (all));
  const SagMeasured *found = sag_measurement_get_measured (draft);

  sag_measurements_set_draft (all, NULL);
  /* Two clicks on one spot are no measurement. */
  if (found->length > 0 || found->area > 0 || isfinite (found->angle))
    sag_measurements_add (all, draft);
}

/* The point that follows the pointer stays; the next one follows, if one is wanted. */
static void
fix_point (SagMeasureTool *self,
           const double    lps[3])
{
  SagMeasurements *all = get_all (self);
  SagMeasurement *draft = sag_measurements_get_draft (all);

  sag_measurement_set_point (draft, self->fixed, lps);
  self->fixed++;
  if (self->fixed < sag_measurement_get_n_wanted (draft))
    sag_measurement_add_point (draft, lps);
  sag_measurements_touch (all, draft);
  if (self->fixed >= sag_measurement_get_n_wanted (draft))
    finish (self);
}

static void
begin_draft (SagMeasureTool *self,
             SagLeftTool     tool,
             const double    lps[3])
{
  SagMeasureKind kind = SAG_MEASURE_LENGTH + (tool - SAG_LEFT_LENGTH);
  g_autoptr (SagMeasurement) draft = NULL;
  SagSliceSpec spec;

  sag_slice_view_get_spec (self->view, 256, 256, &spec);
  draft = sag_measurement_new (kind, spec.plane.right, spec.plane.down);
  sag_measurement_add_point (draft, lps);
  if (kind != SAG_MEASURE_FREEHAND)
    sag_measurement_add_point (draft, lps);
  self->fixed = 1;
  sag_measurements_select (get_all (self), NULL);
  sag_measurements_set_draft (get_all (self), draft);
}

/* A draft left on another slice is given up. */
static void
drop_strayed (SagMeasureTool      *self,
              const SagSliceScene *scene)
{
  SagMeasurement *draft = sag_measurements_get_draft (get_all (self));
  const SagPlane *plane = &scene->spec.plane;

  if (draft != NULL
      && !sag_measurement_lies_in (draft, plane->centre, plane->right, plane->down, 1e-3))
    sag_measurements_set_draft (get_all (self), NULL);
}

static void
drag_begin (GtkGestureDrag *gesture,
            double          x,
            double          y,
            SagMeasureTool *self)
{
  SagLeftTool tool = sag_left_tool_get (GTK_WIDGET (self->view));
  SagMeasurement *draft;
  SagSliceScene scene;
  double lps[3];

  if (!sag_slice_view_get_scene (self->view, &scene)
      || !sag_slice_view_to_lps (self->view, x, y, lps) || sag_left_tool_edits (tool))
    goto deny;
  drop_strayed (self, &scene);
  draft = sag_measurements_get_draft (get_all (self));
  if (draft == NULL)
    {
      SagMeasurement *item = sag_slice_marks_find (&scene, x, y, &self->handle);

      if (item != NULL)
        {
          g_set_object (&self->held, item);
          sag_measurements_select (get_all (self), item);
          sag_measurements_begin (get_all (self));
          for (int c = 0; c < 3; c++)
            self->at[c] = lps[c];
          goto claim;
        }
    }
  if (!sag_left_tool_measures (tool))
    goto deny;
  self->traced[0] = x;
  self->traced[1] = y;
  if (draft == NULL)
    begin_draft (self, tool, lps);
  else
    fix_point (self, lps);

claim:
  gtk_widget_grab_focus (GTK_WIDGET (self->view));
  sag_slice_view_end_probe (self->view);
  gtk_gesture_set_state (GTK_GESTURE (gesture), GTK_EVENT_SEQUENCE_CLAIMED);
  return;

deny:
  gtk_gesture_set_state (GTK_GESTURE (gesture), GTK_EVENT_SEQUENCE_DENIED);
}

static void
drag_held (SagMeasureTool *self,
           const double    lps[3])
{
  const double by[3] = { lps[0] - self->at[0], lps[1] - self->at[1], lps[2] - self->at[2] };

  if (self->handle >= 0)
    sag_measurement_set_point (self->held, self->handle, lps);
  else
    sag_measurement_move (self->held, by);
  for (int c = 0; c < 3; c++)
    self->at[c] = lps[c];
  sag_measurements_touch (get_all (self), self->held);
}

static void
drag_update (GtkGestureDrag *gesture,
             double          dx,
             double          dy,
             SagMeasureTool *self)
{
  SagMeasurement *draft = sag_measurements_get_draft (get_all (self));
  double x, y, lps[3];

  if (!gtk_gesture_drag_get_start_point (gesture, &x, &y)
      || !sag_slice_view_to_lps (self->view, x + dx, y + dy, lps))
    return;
  x += dx;
  y += dy;
  if (self->held != NULL)
    drag_held (self, lps);
  else if (draft == NULL)
    return;
  else if (sag_measurement_get_kind (draft) != SAG_MEASURE_FREEHAND)
    {
      sag_measurement_set_point (draft, self->fixed, lps);
      sag_measurements_touch (get_all (self), draft);
    }
  else if (hypot (x - self->traced[0], y - self->traced[1]) >= TRACE_POINTS)
    {
      self->traced[0] = x;
      self->traced[1] = y;
      sag_measurement_add_point (draft, lps);
      sag_measurements_touch (get_all (self), draft);
    }
}

static void
drag_end (GtkGestureDrag *gesture,
          double          dx,
          double          dy,
          SagMeasureTool *self)
{
  SagMeasurement *draft = sag_measurements_get_draft (get_all (self));
  double x, y, lps[3];

  if (self->held != NULL)
    {
      sag_measurements_end (get_all (self));
      g_clear_object (&self->held);
      return;
    }
  if (draft == NULL || !gtk_gesture_drag_get_start_point (gesture, &x, &y))
    return;
  if (sag_measurement_get_kind (draft) == SAG_MEASURE_FREEHAND)
    {
      if (sag_measurement_is_complete (draft))
        finish (self);
      else
        sag_measurements_set_draft (get_all (self), NULL);
    }
  else if (hypot (dx, dy) >= CLICK_POINTS
           && sag_slice_view_to_lps (self->view, x + dx, y + dy, lps))
    fix_point (self, lps);
}

/* Between clicks the last point follows the pointer. */
static void
motion (GtkEventControllerMotion *controller,
        double                    x,
        double                    y,
        SagMeasureTool           *self)
{
  SagMeasurement *draft;
  double lps[3];
  int n;

  if (sag_slice_view_get_workspace (self->view) == NULL)
    return;
  draft = sag_measurements_get_draft (get_all (self));
  if (draft == NULL || sag_measurement_get_kind (draft) == SAG_MEASURE_FREEHAND)
    return;
  sag_measurement_get_points (draft, &n);
  if (self->fixed >= n || !sag_slice_view_to_lps (self->view, x, y, lps))
    return;
  sag_measurement_set_point (draft, self->fixed, lps);
  sag_measurements_touch (get_all (self), draft);
}

static void
sag_measure_tool_free (SagMeasureTool *self)
{
  g_clear_object (&self->held);
  g_free (self);
}

void
sag_measure_tool_attach (SagSliceView *view)
{
  SagMeasureTool *self = g_new0 (SagMeasureTool, 1);
  GtkGesture *drag = gtk_gesture_drag_new ();
  GtkEventController *pointer = gtk_event_controller_motion_new ();

  self->view = view;
  g_object_set_data_full (G_OBJECT (view), "measure-tool", self,
                          (GDestroyNotify) sag_measure_tool_free);
  gtk_gesture_single_set_button (GTK_GESTURE_SINGLE (drag), GDK_BUTTON_PRIMARY);
  /* Before what the button does otherwise. */
  gtk_event_controller_set_propagation_phase (GTK_EVENT_CONTROLLER (drag), GTK_PHASE_CAPTURE);
  g_signal_connect (drag, "drag-begin", G_CALLBACK (drag_begin), self);
  g_signal_connect (drag, "drag-update", G_CALLBACK (drag_update), self);
  g_signal_connect (drag, "drag-end", G_CALLBACK (drag_end), self);
  gtk_widget_add_controller (GTK_WIDGET (view), GTK_EVENT_CONTROLLER (drag));
  g_signal_connect (pointer, "motion", G_CALLBACK (motion), self);
  gtk_widget_add_controller (GTK_WIDGET (view), pointer);
}
