/* SPDX-License-Identifier: Apache-2.0
 *
 * brush-tool.c: changing labels with the left button. */
#include "ui/brush-tool.h"

#include "ui/left-tool.h"

#include <glib/gi18n-lib.h>
#include <math.h>

typedef struct
{
  SagSliceView *view; /* owns this, through its controllers */
  SagLeftTool   tool; /* of the stroke under way; SAG_LEFT_NONE between strokes */
  gboolean      erase;
  int           axis; /* of the grid, through the slices of the view */
  double        at[3];
} SagBrushTool;

static SagEditing *
get_editing (SagBrushTool *self)
{
  return sag_workspace_get_editing (sag_slice_view_get_workspace (self->view));
}

static void
say (SagBrushTool *self,
     const GError *error)
{
  gtk_widget_activate_action (GTK_WIDGET (self->view), "win.say", "s", error->message);
}

/* The grid axis that the view looks along; -1 on an oblique plane, whose pixels are no voxels. */
static int
find_axis (SagBrushTool *self)
{
  SagVolume *volume = sag_workspace_get_volume (sag_slice_view_get_workspace (self->view));
  const SagGrid *grid = sag_volume_get_grid (volume);
  SagSliceSpec spec;
  double normal[3];

  sag_slice_view_get_spec (self->view, 256, 256, &spec);
  sag_plane_get_normal (&spec.plane, normal);
  for (int axis = 0; axis < 3; axis++)
    {
      double along = 0;

      for (int c = 0; c < 3; c++)
        along += normal[c] * grid->direction[3 * c + axis];
      if (fabs (along) > 1 - 1e-6)
        return axis;
    }
  return -1;
}

/* From where the brush was to where it is, without gaps. */
static void
paint_to (SagBrushTool *self,
          const double  lps[3])
{
  SagEditing *editing = get_editing (self);
  double step = MAX (sag_editing_get_radius (editing) / 2, 0.25), length = 0;
  int n;

  for (int c = 0; c < 3; c++)
    length += (lps[c] - self->at[c]) * (lps[c] - self->at[c]);
  n = CLAMP ((int) ceil (sqrt (length) / step), 1, 2000);
  for (int s = 1; s <= n; s++)
    {
      double at[3];

      for (int c = 0; c < 3; c++)
        at[c] = self->at[c] + (lps[c] - self->at[c]) * s / n;
      sag_editing_paint (editing, at, self->axis, self->erase, self->tool == SAG_LEFT_THRESHOLD);
    }
  for (int c = 0; c < 3; c++)
    self->at[c] = lps[c];
}

static void
touch (SagBrushTool *self,
       SagLeftTool   tool,
       const double  lps[3])
{
  SagEditing *editing = get_editing (self);
  g_autoptr (GError) error = NULL;
  gboolean good;

  if (tool == SAG_LEFT_FILL || tool == SAG_LEFT_GROW)
    {
      good = tool == SAG_LEFT_FILL ? sag_editing_fill (editing, lps, self->axis, &error)
                                   : sag_editing_grow (editing, lps, &error);
      if (!good)
        say (self, error);
      sag_editing_end (editing);
      return;
    }
  self->tool = tool;
  for (int c = 0; c < 3; c++)
    self->at[c] = lps[c];
  paint_to (self, lps);
}

/* The other end of a pen. */
static gboolean
is_rubber (GtkGestureDrag *gesture)
{
  GdkEvent *event = gtk_event_controller_get_current_event (GTK_EVENT_CONTROLLER (gesture));
  GdkDeviceTool *tool = event != NULL ? gdk_event_get_device_tool (event) : NULL;

  return tool != NULL && gdk_device_tool_get_tool_type (tool) == GDK_DEVICE_TOOL_TYPE_ERASER;
}

static void
drag_begin (GtkGestureDrag *gesture,
            double          x,
            double          y,
            SagBrushTool   *self)
{
  SagLeftTool tool = sag_left_tool_get (GTK_WIDGET (self->view));
  GdkModifierType state =
      gtk_event_controller_get_current_event_state (GTK_EVENT_CONTROLLER (gesture));
  g_autoptr (GError) error = NULL;
  double lps[3];

  if (!sag_left_tool_edits (tool) || !sag_slice_view_to_lps (self->view, x, y, lps))
    {
      gtk_gesture_set_state (GTK_GESTURE (gesture), GTK_EVENT_SEQUENCE_DENIED);
      return;
    }
  gtk_gesture_set_state (GTK_GESTURE (gesture), GTK_EVENT_SEQUENCE_CLAIMED);
  gtk_widget_grab_focus (GTK_WIDGET (self->view));
  self->axis = find_axis (self);
  self->erase = tool == SAG_LEFT_ERASER || (state & GDK_CONTROL_MASK) != 0 || is_rubber (gesture);
  if (self->axis < 0)
    error = g_error_new_literal (
        G_IO_ERROR, G_IO_ERROR_FAILED,
        _ ("Labels are changed on planes of voxels; reset the planes first (Q)."));
  else
    sag_editing_begin (get_editing (self), &error);
  if (error != NULL)
    say (self, error);
  else
    touch (self, tool, lps);
}

static void
drag_update (GtkGestureDrag *gesture,
             double          dx,
             double          dy,
             SagBrushTool   *self)
{
  double x, y, lps[3];

  if (self->tool == SAG_LEFT_NONE || !gtk_gesture_drag_get_start_point (gesture, &x, &y)
      || !sag_slice_view_to_lps (self->view, x + dx, y + dy, lps))
    return;
  sag_slice_view_probe (self->view, x + dx, y + dy); /* the circle follows */
  paint_to (self, lps);
}

static void
drag_end (GtkGestureDrag *gesture,
          double          dx,
          double          dy,
          SagBrushTool   *self)
{
  if (self->tool == SAG_LEFT_NONE)
    return;
  self->tool = SAG_LEFT_NONE;
  sag_editing_end (get_editing (self));
}

void
sag_brush_tool_snapshot (const SagSliceScene *scene,
                         GtkWidget           *widget,
                         GtkSnapshot         *snapshot)
{
  SagLeftTool tool = sag_left_tool_get (widget);
  double radius, x, y;
  int width = scene->spec.compare == SAG_COMPARE_SIDE ? scene->width * scene->scale / 2
                                                      : scene->width * scene->scale;
  cairo_t *cr;

  if (!scene->probing
      || (tool != SAG_LEFT_BRUSH && tool != SAG_LEFT_ERASER && tool != SAG_LEFT_THRESHOLD))
    return;
  radius = sag_editing_get_radius (sag_workspace_get_editing (scene->workspace))
           / (scene->spec.plane.mm_per_pixel * scene->scale);
  sag_plane_to_pixel (&scene->spec.plane, width, scene->height * scene->scale, scene->probe, &x, &y);
  x = (x + 0.5) / scene->scale;
  y = (y + 0.5) / scene->scale;
  cr = gtk_snapshot_append_cairo (snapshot, &GRAPHENE_RECT_INIT (0, 0, scene->width, scene->height));
  for (int pass = 0; pass < 2; pass++)
    {
      cairo_set_source_rgba (cr, pass, pass, pass, 0.9);
      cairo_set_line_width (cr, pass == 0 ? 3 : 1.2);
      if (tool == SAG_LEFT_ERASER && pass == 1)
        cairo_set_dash (cr, (const double[]) { 4, 3 }, 2, 0);
      cairo_arc (cr, x, y, MAX (radius, 1), 0, 2 * G_PI);
      cairo_stroke (cr);
    }
  cairo_destroy (cr);
}

void
sag_brush_tool_attach (SagSliceView *view)
{
  SagBrushTool *self = g_new0 (SagBrushTool, 1);
  GtkGesture *drag = gtk_gesture_drag_new ();

  self->view = view;
  g_object_set_data_full (G_OBJECT (view), "brush-tool", self, g_free);
  gtk_gesture_single_set_button (GTK_GESTURE_SINGLE (drag), GDK_BUTTON_PRIMARY);
  gtk_event_controller_set_propagation_phase (GTK_EVENT_CONTROLLER (drag), GTK_PHASE_CAPTURE);
  g_signal_connect (drag, "drag-begin", G_CALLBACK (drag_begin), self);
  g_signal_connect (drag, "drag-update", G_CALLBACK (drag_update), self);
  g_signal_connect (drag, "drag-end", G_CALLBACK (drag_end), self);
  gtk_widget_add_controller (GTK_WIDGET (view), GTK_EVENT_CONTROLLER (drag));
}
