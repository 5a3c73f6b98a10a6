/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-tools.c: gestures on a slice, turned into changes of the workspace or of the view. */
#include "ui/slice-tools.h"

#include "ui/brush-tool.h"
#include "ui/measure-tool.h"
#include "ui/settings.h"
#include "ui/slice-compare.h"

#include <math.h>
#include <string.h>

#define CLICK_POINTS 4         /* a drag shorter than this is a click */
#define FAST_US 60000          /* wheel clicks closer than this count double and more */
#define SCROLL_POINTS 6.0      /* a drag of so many points is a slice */
#define WINDOW_POINTS 260.0    /* a drag of so many points changes the width by a factor of e */

typedef enum
{
  TOOL_NONE,
  TOOL_WINDOW,
  TOOL_PAN,
  TOOL_ZOOM,
  TOOL_SCROLL,
  TOOL_TURN, /* a handle of the crosshair, whatever the button does */
  TOOL_SWIPE, /* the line between two results */
  N_TOOLS
} Tool;

/* As in settings. */
static const char *const tool_names[] = { "none", "window", "pan", "zoom", "scroll" };
static const char *const button_keys[] = { NULL, "mouse-left", "mouse-middle", "mouse-right" };

typedef struct
{
  SagSliceView  *view; /* owns this, through its controllers */
  GSettings     *settings;
  Tool           tool;
  gboolean       moved;
  guint          button;
  double         at[2];  /* the offset dealt with so far */
  SagWindowLevel start;
  SagView        turned; /* the plane of the handle that is held */
  gboolean       space, space_used;
  double         scrolled; /* smooth scrolling not yet a slice */
  gint64         scroll_time;
  int            speed;
  double         scale; /* of a pinch so far */
  double         pinched[2]; /* where it was last */
  double         pointer[2];
} SagSliceTools;

/* ---- wheel */

static void
scroll_slices (SagSliceTools *self,
               double         dy,
               gboolean       fast)
{
  SagWorkspace *workspace = sag_slice_view_get_workspace (self->view);
  gint64 now = g_get_monotonic_time ();
  int steps;

  self->scrolled += dy;
  steps = (int) self->scrolled;
  if (steps == 0)
    return;
  self->scrolled -= steps;
  self->speed = now - self->scroll_time < FAST_US ? MIN (self->speed + 1, 24) : 0;
  self->scroll_time = now;
  /* Down is towards the feet, the front, the right: the order of a stack of films. */
  sag_workspace_step_slice (workspace, sag_slice_view_get_plane (self->view),
                            -steps * (fast ? 10 : 1 + self->speed / 6));
}

static gboolean
scroll (GtkEventControllerScroll *controller,
        double                    dx,
        double                    dy,
        SagSliceTools            *self)
{
  GdkModifierType state =
      gtk_event_controller_get_current_event_state (GTK_EVENT_CONTROLLER (controller));

  if (sag_slice_view_get_workspace (self->view) == NULL)
    return FALSE;
  if (state & GDK_CONTROL_MASK)
    sag_slice_view_zoom_at (self->view, exp (-dy * 0.15), self->pointer[0], self->pointer[1]);
  else /* GTK turns Shift and a wheel into sideways scrolling. */
    scroll_slices (self,
                   dy != 0                    ? dy
                   : (state & GDK_SHIFT_MASK) ? dx
                                              : 0,
                   (state & GDK_SHIFT_MASK) != 0);
  return TRUE;
}

/* ---- drags */

static void
set_cursor_name (SagSliceTools *self)
{
  static const char *const names[N_TOOLS] = { "crosshair", "ns-resize", "grabbing",
                                              "ns-resize", "row-resize", "grabbing", "ew-resize" };

  gtk_widget_set_cursor_from_name (GTK_WIDGET (self->view), names[self->tool]);
}

static Tool
find_tool (SagSliceTools *self,
           guint          button)
{
  g_autofree char *name = NULL;

  if (button < 1 || button >= G_N_ELEMENTS (button_keys))
    return TOOL_NONE;
  if (self->space)
    return TOOL_PAN;
  name = g_settings_get_string (self->settings, button_keys[button]);
  for (guint t = 0; t < G_N_ELEMENTS (tool_names); t++)
    if (g_str_equal (tool_names[t], name))
      return t;
  return TOOL_NONE;
}

static void
drag_begin (GtkGestureDrag *gesture,
            double          x,
            double          y,
            SagSliceTools  *self)
{
  guint button = gtk_gesture_single_get_current_button (GTK_GESTURE_SINGLE (gesture));
  SagWorkspace *workspace = sag_slice_view_get_workspace (self->view);

  gtk_widget_grab_focus (GTK_WIDGET (self->view));
  self->moved = FALSE;
  self->at[0] = self->at[1] = 0;
  self->button = button;
  self->tool = find_tool (self, button);
  if (button == GDK_BUTTON_PRIMARY && !self->space
      && sag_slice_view_find_handle (self->view, x, y, &self->turned))
    self->tool = TOOL_TURN;
  else if (button == GDK_BUTTON_PRIMARY && !self->space && workspace != NULL
           && sag_slice_compare_is_handle (workspace, gtk_widget_get_width (GTK_WIDGET (self->view)), x))
    self->tool = TOOL_SWIPE;
  if (workspace == NULL || self->tool == TOOL_NONE)
    {
      gtk_gesture_set_state (GTK_GESTURE (gesture), GTK_EVENT_SEQUENCE_DENIED);
      return;
    }
  self->start = sag_workspace_get_window_level (workspace);
}

static void
drag_window (SagSliceTools *self,
             double         dx,
             double         dy)
{
  SagWorkspace *workspace = sag_slice_view_get_workspace (self->view);
  SagWindowLevel window = self->start;
  double least = fabs (window.width) >= 10 ? 1 : window.width / 1000;

  window.width = MAX (self->start.width * exp (-dx / WINDOW_POINTS), least);
  window.center += dy * self->start.width / (2 * WINDOW_POINTS);
  sag_workspace_set_window_level (workspace, window);
}

/* The angle the pointer went around the cursor turns the other planes about this one's normal, both
 * at right angles still; with Shift only the plane whose handle is held. */
static void
drag_turn (SagSliceTools *self,
           double         x,
           double         y,
           double         new_x,
           double         new_y,
           gboolean       alone)
{
  SagWorkspace *workspace = sag_slice_view_get_workspace (self->view);
  double cursor[3], axis[3], centre[2], angle;
  SagSliceSpec spec;

  sag_workspace_get_cursor (workspace, cursor);
  sag_slice_view_to_point (self->view, cursor, &centre[0], &centre[1]);
  angle = atan2 (new_y - centre[1], new_x - centre[0]) - atan2 (y - centre[1], x - centre[0]);
  sag_slice_view_get_spec (self->view, 256, 256, &spec);
  sag_plane_get_normal (&spec.plane, axis);
  for (int v = 0; v < SAG_N_VIEWS; v++)
    if (v != (int) sag_slice_view_get_plane (self->view) && (!alone || v == (int) self->turned))
      sag_workspace_turn_plane (workspace, v, axis, angle);
}

/* As if turning a wheel: so many slices as points. */
static void
drag_scroll (SagSliceTools *self,
             double         dy)
{
  int steps = (int) (dy / SCROLL_POINTS) - (int) (self->at[1] / SCROLL_POINTS);

  sag_workspace_step_slice (sag_slice_view_get_workspace (self->view),
                            sag_slice_view_get_plane (self->view), -steps);
}

static void
drag_update (GtkGestureDrag *gesture,
             double          dx,
             double          dy,
             SagSliceTools  *self)
{
  double x, y;

  if (!self->moved && hypot (dx, dy) < CLICK_POINTS)
    return;
  if (!self->moved)
    {
      self->moved = TRUE;
      self->space_used = self->space;
      set_cursor_name (self);
      sag_slice_view_end_probe (self->view);
    }
  gtk_gesture_drag_get_start_point (gesture, &x, &y);
  switch (self->tool)
    {
    case TOOL_WINDOW:
      drag_window (self, dx, dy);
      break;
    case TOOL_PAN:
      sag_slice_view_pan_by (self->view, dx - self->at[0], dy - self->at[1]);
      break;
    case TOOL_ZOOM:
      sag_slice_view_zoom_at (self->view, exp (-(dy - self->at[1]) / 150), x, y);
      break;
    case TOOL_SCROLL:
      drag_scroll (self, dy);
      break;
    case TOOL_TURN:
      drag_turn (self, x + self->at[0], y + self->at[1], x + dx, y + dy,
                 (gtk_event_controller_get_current_event_state (GTK_EVENT_CONTROLLER (gesture))
                  & GDK_SHIFT_MASK)
                     != 0);
      break;
    case TOOL_SWIPE:
      sag_workspace_set_swipe (sag_slice_view_get_workspace (self->view),
                               (x + dx) / gtk_widget_get_width (GTK_WIDGET (self->view)));
      break;
    case TOOL_NONE:
    case N_TOOLS:
      break;
    }
  self->at[0] = dx;
  self->at[1] = dy;
}

static void
drag_end (GtkGestureDrag *gesture,
          double          dx,
          double          dy,
          SagSliceTools  *self)
{
  double x, y, lps[3];
  self->tool = TOOL_NONE;
  set_cursor_name (self);
  if (self->moved || !gtk_gesture_drag_get_start_point (gesture, &x, &y))
    return;
  if (self->button == GDK_BUTTON_PRIMARY && sag_slice_view_to_lps (self->view, x, y, lps))
    sag_workspace_set_cursor (sag_slice_view_get_workspace (self->view), lps);
  else if (self->button == GDK_BUTTON_SECONDARY)
    gtk_widget_activate_action (GTK_WIDGET (self->view), "view.menu", "(dd)", x, y);
}

static void
pressed (GtkGestureClick *gesture,
         int              n_press,
         double           x,
         double           y,
         SagSliceTools   *self)
{
  if (n_press == 2)
    gtk_widget_activate_action (GTK_WIDGET (self->view), "view.full", NULL);
}

/* Between two fingers. */
static void
find_pinch (SagSliceTools *self,
            GtkGesture    *gesture,
            double         at[2])
{
  if (gtk_gesture_is_recognized (gesture) && gtk_gesture_get_bounding_box_center (gesture, &at[0], &at[1]))
    return;
  at[0] = gtk_widget_get_width (GTK_WIDGET (self->view)) / 2.0;
  at[1] = gtk_widget_get_height (GTK_WIDGET (self->view)) / 2.0;
}

static void
pinch_begin (GtkGesture       *gesture,
             GdkEventSequence *sequence,
             SagSliceTools    *self)
{
  self->moved = TRUE; /* what the first finger had begun ends here, and was no click */
  gtk_gesture_set_state (gesture, GTK_EVENT_SEQUENCE_CLAIMED);
  self->scale = 1;
  find_pinch (self, gesture, self->pinched);
}

/* Apart and together zooms, together across moves the picture. */
static void
pinch (GtkGestureZoom *gesture,
       double          scale,
       SagSliceTools  *self)
{
  double at[2];

  if (scale <= 0)
    return;
  find_pinch (self, GTK_GESTURE (gesture), at);
  sag_slice_view_pan_by (self->view, at[0] - self->pinched[0], at[1] - self->pinched[1]);
  sag_slice_view_zoom_at (self->view, scale / self->scale, at[0], at[1]);
  self->scale = scale;
  memcpy (self->pinched, at, sizeof at);
}

/* ---- pointer and Space */

static void
motion (GtkEventControllerMotion *controller,
        double                    x,
        double                    y,
        SagSliceTools            *self)
{
  self->pointer[0] = x;
  self->pointer[1] = y;
  if (self->tool == TOOL_NONE)
    {
      SagView plane;

      sag_slice_view_probe (self->view, x, y);
      gtk_widget_set_cursor_from_name (GTK_WIDGET (self->view),
                                       sag_slice_view_find_handle (self->view, x, y, &plane)
                                           ? "grab"
                                           : "crosshair");
    }
}

static void
leave (SagSliceTools *self)
{
  sag_slice_view_end_probe (self->view);
}

static gboolean
key_pressed (GtkEventControllerKey *controller,
             guint                  key,
             guint                  code,
             GdkModifierType        state,
             SagSliceTools         *self)
{
  if (key != GDK_KEY_space || (state & (GDK_CONTROL_MASK | GDK_ALT_MASK)) != 0)
    return FALSE;
  if (!self->space)
    self->space_used = FALSE;
  self->space = TRUE;
  return TRUE;
}

static void
key_released (GtkEventControllerKey *controller,
              guint                  key,
              guint                  code,
              GdkModifierType        state,
              SagSliceTools         *self)
{
  if (key != GDK_KEY_space || !self->space)
    return;
  self->space = FALSE;
  if (!self->space_used)
    gtk_widget_activate_action (GTK_WIDGET (self->view), "view.cine", NULL);
}

static void
focus_left (SagSliceTools *self)
{
  self->space = FALSE;
}

static void
sag_slice_tools_free (SagSliceTools *self)
{
  g_object_unref (self->settings);
  g_free (self);
}

void
sag_slice_tools_attach (SagSliceView *view)
{
  SagSliceTools *self = g_new0 (SagSliceTools, 1);
  GtkWidget *widget = GTK_WIDGET (view);
  GtkEventController *wheel, *pointer, *keys;
  GtkGesture *drag, *click, *zoom;

  self->view = view;
  self->settings = sag_settings_new ();
  g_object_set_data_full (G_OBJECT (view), "slice-tools", self,
                          (GDestroyNotify) sag_slice_tools_free);

  wheel = gtk_event_controller_scroll_new (GTK_EVENT_CONTROLLER_SCROLL_BOTH_AXES);
  g_signal_connect (wheel, "scroll", G_CALLBACK (scroll), self);
  gtk_widget_add_controller (widget, wheel);

  drag = gtk_gesture_drag_new ();
  gtk_gesture_single_set_button (GTK_GESTURE_SINGLE (drag), 0);
  g_signal_connect (drag, "drag-begin", G_CALLBACK (drag_begin), self);
  g_signal_connect (drag, "drag-update", G_CALLBACK (drag_update), self);
  g_signal_connect (drag, "drag-end", G_CALLBACK (drag_end), self);
  gtk_widget_add_controller (widget, GTK_EVENT_CONTROLLER (drag));

  click = gtk_gesture_click_new ();
  gtk_gesture_single_set_button (GTK_GESTURE_SINGLE (click), GDK_BUTTON_PRIMARY);
  g_signal_connect (click, "pressed", G_CALLBACK (pressed), self);
  gtk_widget_add_controller (widget, GTK_EVENT_CONTROLLER (click));

  zoom = gtk_gesture_zoom_new ();
  g_signal_connect (zoom, "begin", G_CALLBACK (pinch_begin), self);
  g_signal_connect (zoom, "scale-changed", G_CALLBACK (pinch), self);
  gtk_widget_add_controller (widget, GTK_EVENT_CONTROLLER (zoom));

  pointer = gtk_event_controller_motion_new ();
  g_signal_connect (pointer, "motion", G_CALLBACK (motion), self);
  g_signal_connect_swapped (pointer, "leave", G_CALLBACK (leave), self);
  gtk_widget_add_controller (widget, pointer);

  keys = gtk_event_controller_key_new ();
  g_signal_connect (keys, "key-pressed", G_CALLBACK (key_pressed), self);
  g_signal_connect (keys, "key-released", G_CALLBACK (key_released), self);
  gtk_widget_add_controller (widget, keys);
  keys = gtk_event_controller_focus_new ();
  g_signal_connect_swapped (keys, "leave", G_CALLBACK (focus_left), self);
  gtk_widget_add_controller (widget, keys);

  gtk_widget_set_cursor_from_name (widget, "crosshair");
  sag_measure_tool_attach (view);
  sag_brush_tool_attach (view);
}
