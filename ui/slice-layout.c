/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-layout.c: the views of a window. */
#include "ui/slice-layout.h"

#include "ui/slice-tools.h"

#include <string.h>

#define GAP 2 /* points between views */

typedef enum
{
  MODE_SINGLE,
  MODE_MPR,
  MODE_PAIR,
  MODE_GRID,
} Mode;

static const char *const mode_names[] = { "single", "mpr", "pair", "grid", NULL };

struct _SagSliceLayout
{
  GtkWidget     parent_instance;

  SagWorkspace *workspace;
  SagSliceView *views[SAG_N_VIEWS]; /* planes of the window's volume */
  SagSliceView *companions[SAG_N_COMPANIONS]; /* other series, each with a workspace of its own */
  SagSliceView *selected;
  SagView       main;  /* the plane of the window's volume where only one is shown */
  SagView       large; /* the plane with most room among three */
  Mode          mode;
  gboolean      full;
  gboolean      below; /* of three planes, the small ones stand below */
};

enum
{
  PROP_WORKSPACE = 1,
  PROP_MODE,
  PROP_FULL,
  PROP_ANNOTATIONS,
  PROP_TEXT_SCALE,
  PROP_NEUROLOGICAL,
  PROP_NAMELESS,
  PROP_MAGNIFIER,
  PROP_SELECTED,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (SagSliceLayout, sag_slice_layout, GTK_TYPE_WIDGET)

/* All views there are, shown or not. */
#define N_ALL (SAG_N_VIEWS + SAG_N_COMPANIONS)

static SagSliceView *
get_any (SagSliceLayout *self,
         int             n)
{
  return n < SAG_N_VIEWS ? self->views[n] : self->companions[n - SAG_N_VIEWS];
}

int
sag_slice_layout_get_cells (SagSliceLayout *self,
                            SagSliceView   *cells[SAG_N_CELLS])
{
  static const int n_companions[] = { 0, 0, 1, 3 };
  int n = 0;

  if (self->mode == MODE_MPR)
    {
      for (int v = 0; v < SAG_N_VIEWS; v++)
        cells[n++] = self->views[v];
      return n;
    }
  cells[n++] = self->views[self->main];
  for (int c = 0; c < n_companions[self->mode]; c++)
    cells[n++] = self->companions[c];
  return n;
}

static gboolean
is_cell (SagSliceLayout *self,
         SagSliceView   *view)
{
  SagSliceView *cells[SAG_N_CELLS];
  int n = sag_slice_layout_get_cells (self, cells);

  while (n > 0)
    if (cells[--n] == view)
      return TRUE;
  return FALSE;
}

static gboolean
shows_one (SagSliceLayout *self)
{
  return self->mode == MODE_SINGLE || self->full;
}

static gboolean
is_same_place (SagSliceView *a,
               SagSliceView *b)
{
  SagVolume *x = sag_workspace_get_volume (sag_slice_view_get_workspace (a));
  SagVolume *y = sag_workspace_get_volume (sag_slice_view_get_workspace (b));

  return x != NULL && y != NULL && sag_volume_get_frame_of_reference (x)[0] != '\0'
         && g_str_equal (sag_volume_get_frame_of_reference (x),
                         sag_volume_get_frame_of_reference (y));
}

static void
sag_slice_layout_update (SagSliceLayout *self)
{
  gboolean one = shows_one (self);

  if (!is_cell (self, self->selected))
    self->selected = self->views[self->main];
  for (int n = 0; n < N_ALL; n++)
    {
      SagSliceView *view = get_any (self, n);
      GtkWidget *widget = GTK_WIDGET (view);
      gboolean selected = view == self->selected;

      gtk_widget_set_child_visible (widget, one ? selected : is_cell (self, view));
      g_object_set (view, "crosshair", !one && self->mode == MODE_MPR, NULL);
      sag_slice_view_set_reference (view, !one && self->mode != MODE_MPR && !selected
                                                  && is_same_place (view, self->selected)
                                              ? self->selected
                                              : NULL);
      if (!one && selected)
        gtk_widget_add_css_class (widget, "selected");
      else
        gtk_widget_remove_css_class (widget, "selected");
    }
  gtk_widget_queue_allocate (GTK_WIDGET (self));
}

static void
sag_slice_layout_measure (GtkWidget      *widget,
                          GtkOrientation  orientation,
                          int             for_size,
                          int            *minimum,
                          int            *natural,
                          int            *minimum_baseline,
                          int            *natural_baseline)
{
  *minimum = 160;
  *natural = 480;
}

static void
allocate (SagSliceView       *view,
          const GdkRectangle *at)
{
  gtk_widget_size_allocate (
      GTK_WIDGET (view),
      &(GtkAllocation) { at->x, at->y, MAX (at->width, 1), MAX (at->height, 1) }, -1);
}

typedef struct
{
  GdkRectangle large, small[2];
} Arrangement;

/* The small ones stand one above the other at the right, or side by side below. */
static void
arrange (int          width,
         int          height,
         gboolean     below,
         Arrangement *to)
{
  int along = below ? width : height;
  int half = (along - GAP) / 2;
  int side = below ? CLAMP (half, height / 4, height * 2 / 5)
                   : CLAMP (half * 5 / 4, width / 4, width * 2 / 5);

  if (below)
    {
      to->large = (GdkRectangle) { 0, 0, width, height - side - GAP };
      to->small[0] = (GdkRectangle) { 0, height - side, half, side };
      to->small[1] = (GdkRectangle) { half + GAP, height - side, width - half - GAP, side };
    }
  else
    {
      to->large = (GdkRectangle) { 0, 0, width - side - GAP, height };
      to->small[0] = (GdkRectangle) { width - side, 0, side, half };
      to->small[1] = (GdkRectangle) { width - side, half + GAP, side, height - half - GAP };
    }
}

static double
get_scale (SagSliceLayout     *self,
           SagView             plane,
           const GdkRectangle *at)
{
  return 1
         / sag_workspace_get_fit (self->workspace, plane, MAX (at->width, 1), MAX (at->height, 1));
}

/* How large the images come out; the large one counts as much as the two others. */
static double
judge (SagSliceLayout    *self,
       const SagView      small[2],
       const Arrangement *at)
{
  return 2 * get_scale (self, self->large, &at->large) + get_scale (self, small[0], &at->small[0]) +
         get_scale (self, small[1], &at->small[1]);
}

/* Cells of one size, in rows of two. */
static void
allocate_table (SagSliceLayout *self,
                int             width,
                int             height)
{
  SagSliceView *cells[SAG_N_CELLS];
  int n = sag_slice_layout_get_cells (self, cells);
  int column = (width - GAP) / 2, row = n > 2 ? (height - GAP) / 2 : height;

  for (int i = 0; i < n; i++)
    {
      int x = i % 2 * (column + GAP), y = i / 2 * (row + GAP);

      allocate (cells[i], &(GdkRectangle) { x, y, i % 2 == 0 ? column : width - x,
                                            i / 2 == 0 ? row : height - y });
    }
}

static void
sag_slice_layout_size_allocate (GtkWidget *widget,
                                int        width,
                                int        height,
                                int        baseline)
{
  SagSliceLayout *self = SAG_SLICE_LAYOUT (widget);
  SagView small[2] = { 0, 0 };
  Arrangement right, below;
  const Arrangement *best;
  int n = 0;

  for (int v = 0; v < N_ALL; v++)
    {
      int least;

      /* GTK wants every child measured before it is allocated. */
      gtk_widget_measure (GTK_WIDGET (get_any (self, v)), GTK_ORIENTATION_HORIZONTAL, -1, &least,
                          NULL, NULL, NULL);
      if (v < SAG_N_VIEWS && v != (int) self->large && n < 2)
        small[n++] = v;
    }
  if (shows_one (self))
    {
      allocate (self->selected, &(GdkRectangle) { 0, 0, width, height });
      return;
    }
  if (self->mode != MODE_MPR)
    {
      allocate_table (self, width, height);
      return;
    }
  arrange (width, height, FALSE, &right);
  arrange (width, height, TRUE, &below);
  /* Where both are about as good, views stay where they are. */
  self->below = judge (self, small, &below) > judge (self, small, &right) * (self->below ? 0.9 : 1.1);
  best = self->below ? &below : &right;
  allocate (self->views[self->large], &best->large);
  allocate (self->views[small[0]], &best->small[0]);
  allocate (self->views[small[1]], &best->small[1]);
}

static int
find_plane (SagSliceLayout *self,
            SagSliceView   *view)
{
  for (int v = 0; v < SAG_N_VIEWS; v++)
    if (self->views[v] == view)
      return v;
  return -1;
}

static void
select_view (SagSliceLayout *self,
             SagSliceView   *view)
{
  int plane = find_plane (self, view);
  gboolean changed = self->selected != view;

  self->selected = view;
  if (plane >= 0)
    {
      self->main = plane;
      sag_workspace_set_view (self->workspace, plane);
    }
  sag_slice_layout_update (self);
  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_SELECTED]);
}

void
sag_slice_layout_select (SagSliceLayout *self,
                         SagView         plane)
{
  if (find_plane (self, self->selected) < 0)
    {
      g_object_set (self->selected, "plane", plane, NULL);
      sag_slice_layout_update (self);
      return;
    }
  self->large = plane;
  self->main = plane;
  select_view (self, self->views[plane]);
  gtk_widget_grab_focus (GTK_WIDGET (self->selected));
}

void
sag_slice_layout_select_view (SagSliceLayout *self,
                              SagSliceView   *view)
{
  g_return_if_fail (is_cell (self, view));

  select_view (self, view);
  gtk_widget_grab_focus (GTK_WIDGET (view));
}

gboolean
sag_slice_layout_has_companion (SagSliceLayout *self,
                                SagSeries      *series)
{
  for (int c = 0; c < SAG_N_COMPANIONS; c++)
    if (sag_workspace_get_series (sag_slice_view_get_workspace (self->companions[c])) == series)
      return TRUE;
  return FALSE;
}

/* What Tab goes through, in order. */
static int
list_stops (SagSliceLayout *self, SagSliceView *stops[SAG_N_CELLS])
{
  if (self->mode != MODE_SINGLE)
    return sag_slice_layout_get_cells (self, stops);
  for (int v = 0; v < SAG_N_VIEWS; v++)
    stops[v] = self->views[v];
  return SAG_N_VIEWS;
}

gboolean
sag_slice_layout_is_at_end (SagSliceLayout *self, int step)
{
  SagSliceView *stops[SAG_N_CELLS];
  int           n = list_stops (self, stops);

  return self->selected == stops[step > 0 ? n - 1 : 0];
}

void
sag_slice_layout_step (SagSliceLayout *self,
                       int             step)
{
  SagSliceView *stops[SAG_N_CELLS];
  int           n = list_stops (self, stops), at = 0;

  while (at < n - 1 && stops[at] != self->selected)
    at++;
  at = (at + n + step) % n;
  if (self->mode == MODE_SINGLE)
    self->main = at;
  select_view (self, stops[at]);
  gtk_widget_grab_focus (GTK_WIDGET (stops[at]));
}

void
sag_slice_layout_reset (SagSliceLayout *self)
{
  for (int n = 0; n < N_ALL; n++)
    sag_slice_view_reset (get_any (self, n));
}

static void
workspace_view_changed (SagSliceLayout *self)
{
  SagView plane = sag_workspace_get_view (self->workspace);

  if (plane != self->main)
    {
      self->large = plane;
      self->main = plane;
      select_view (self, self->views[plane]);
    }
}

/* A new volume begins with the whole of it in each view. */
static void
workspace_volume_changed (SagSliceLayout *self,
                          GParamSpec     *pspec,
                          SagWorkspace   *workspace)
{
  for (int n = 0; n < N_ALL && sag_workspace_get_volume (workspace) != NULL; n++)
    if (sag_slice_view_get_workspace (get_any (self, n)) == workspace)
      sag_slice_view_reset (get_any (self, n));
  sag_slice_layout_update (self); /* its shape decides how the views stand */
}

/* What is drawn in one view may tell of another's plane. */
static void
workspace_cursor_changed (SagSliceLayout *self)
{
  if (self->mode == MODE_PAIR || self->mode == MODE_GRID)
    for (int n = 0; n < N_ALL; n++)
      gtk_widget_queue_draw (GTK_WIDGET (get_any (self, n)));
}

static void
view_focused (GtkEventControllerFocus *controller,
              SagSliceLayout          *self)
{
  GtkWidget *view = gtk_event_controller_get_widget (GTK_EVENT_CONTROLLER (controller));

  select_view (self, SAG_SLICE_VIEW (view));
}

/* A series from the list: it opens in the view where it was dropped. */
static gboolean
series_dropped (GtkDropTarget  *target,
                const GValue   *value,
                double          x,
                double          y,
                SagSliceLayout *self)
{
  GtkWidget *view = gtk_event_controller_get_widget (GTK_EVENT_CONTROLLER (target));

  sag_slice_layout_select_view (self, SAG_SLICE_VIEW (view));
  return gtk_widget_activate_action (view, "win.open-series", "s", g_value_get_string (value));
}

static void
add_view (SagSliceLayout *self,
          SagSliceView   *view)
{
  GtkEventController *focus = gtk_event_controller_focus_new ();
  GtkDropTarget *drop = gtk_drop_target_new (G_TYPE_STRING, GDK_ACTION_COPY);

  sag_slice_tools_attach (view);
  g_signal_connect (focus, "enter", G_CALLBACK (view_focused), self);
  gtk_widget_add_controller (GTK_WIDGET (view), focus);
  g_signal_connect (drop, "drop", G_CALLBACK (series_dropped), self);
  gtk_widget_add_controller (GTK_WIDGET (view), GTK_EVENT_CONTROLLER (drop));
  gtk_widget_set_parent (GTK_WIDGET (view), GTK_WIDGET (self));
}

static void
watch (SagSliceLayout *self,
       SagWorkspace   *workspace)
{
  g_signal_connect_object (workspace, "notify::volume", G_CALLBACK (workspace_volume_changed),
                           self, G_CONNECT_SWAPPED);
  g_signal_connect_object (workspace, "notify::cursor", G_CALLBACK (workspace_cursor_changed),
                           self, G_CONNECT_SWAPPED);
}

static void
sag_slice_layout_constructed (GObject *object)
{
  static const SagView order[] = { SAG_VIEW_AXIAL, SAG_VIEW_CORONAL, SAG_VIEW_SAGITTAL };
  SagSliceLayout *self = SAG_SLICE_LAYOUT (object);

  G_OBJECT_CLASS (sag_slice_layout_parent_class)->constructed (object);

  for (guint i = 0; i < G_N_ELEMENTS (order); i++)
    {
      self->views[order[i]] = SAG_SLICE_VIEW (sag_slice_view_new (self->workspace, order[i]));
      add_view (self, self->views[order[i]]);
    }
  for (int c = 0; c < SAG_N_COMPANIONS; c++)
    {
      g_autoptr (SagWorkspace) workspace = sag_workspace_new ();

      self->companions[c] = SAG_SLICE_VIEW (sag_slice_view_new (workspace, SAG_VIEW_AXIAL));
      add_view (self, self->companions[c]);
      watch (self, workspace);
    }
  self->main = self->large = sag_workspace_get_view (self->workspace);
  self->selected = self->views[self->main];
  watch (self, self->workspace);
  g_signal_connect_object (self->workspace, "notify::view", G_CALLBACK (workspace_view_changed),
                           self, G_CONNECT_SWAPPED);
  sag_slice_layout_update (self);
}

static void
sag_slice_layout_set_property (GObject      *object,
                               guint         id,
                               const GValue *value,
                               GParamSpec   *pspec)
{
  SagSliceLayout *self = SAG_SLICE_LAYOUT (object);

  switch (id)
    {
    case PROP_WORKSPACE:
      self->workspace = g_value_dup_object (value);
      break;
    case PROP_MODE:
      for (int m = 0; mode_names[m] != NULL; m++)
        if (g_strcmp0 (g_value_get_string (value), mode_names[m]) == 0)
          self->mode = m;
      self->full = FALSE;
      sag_slice_layout_update (self);
      g_object_notify_by_pspec (object, properties[PROP_SELECTED]);
      g_object_notify_by_pspec (object, properties[PROP_FULL]);
      break;
    case PROP_FULL:
      self->full = g_value_get_boolean (value);
      sag_slice_layout_update (self);
      break;
    case PROP_ANNOTATIONS:
    case PROP_TEXT_SCALE:
    case PROP_NEUROLOGICAL:
    case PROP_NAMELESS:
    case PROP_MAGNIFIER:
      for (int n = 0; n < N_ALL; n++)
        g_object_set_property (G_OBJECT (get_any (self, n)), pspec->name, value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_slice_layout_get_property (GObject    *object,
                               guint       id,
                               GValue     *value,
                               GParamSpec *pspec)
{
  SagSliceLayout *self = SAG_SLICE_LAYOUT (object);

  switch (id)
    {
    case PROP_WORKSPACE:
      g_value_set_object (value, self->workspace);
      break;
    case PROP_MODE:
      g_value_set_static_string (value, mode_names[self->mode]);
      break;
    case PROP_FULL:
      g_value_set_boolean (value, self->full);
      break;
    case PROP_ANNOTATIONS:
    case PROP_TEXT_SCALE:
    case PROP_NEUROLOGICAL:
    case PROP_NAMELESS:
    case PROP_MAGNIFIER:
      g_object_get_property (G_OBJECT (self->views[0]), pspec->name, value);
      break;
    case PROP_SELECTED:
      g_value_set_object (value, self->selected);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_slice_layout_dispose (GObject *object)
{
  SagSliceLayout *self = SAG_SLICE_LAYOUT (object);

  for (int n = 0; n < N_ALL; n++)
    if (get_any (self, n) != NULL)
      gtk_widget_unparent (GTK_WIDGET (get_any (self, n)));
  memset (self->views, 0, sizeof self->views);
  memset (self->companions, 0, sizeof self->companions);
  self->selected = NULL;
  g_clear_object (&self->workspace);
  G_OBJECT_CLASS (sag_slice_layout_parent_class)->dispose (object);
}

/* Tab comes in at the first view, or backwards at the last, wherever they lie; inside it is sag_slice_layout_step(). */
static gboolean
sag_slice_layout_focus (GtkWidget       *widget,
                        GtkDirectionType direction)
{
  SagSliceLayout *self = SAG_SLICE_LAYOUT (widget);
  GtkWidget *focus = gtk_root_get_focus (gtk_widget_get_root (widget));
  SagSliceView *stops[SAG_N_CELLS];
  int n;

  if (direction != GTK_DIR_TAB_FORWARD && direction != GTK_DIR_TAB_BACKWARD)
    return GTK_WIDGET_CLASS (sag_slice_layout_parent_class)->focus (widget, direction);
  if (focus != NULL && gtk_widget_is_ancestor (focus, widget))
    return FALSE;
  n = list_stops (self, stops);
  if (self->mode == MODE_SINGLE)
    return gtk_widget_grab_focus (GTK_WIDGET (self->selected));
  return gtk_widget_grab_focus (GTK_WIDGET (stops[direction == GTK_DIR_TAB_FORWARD ? 0 : n - 1]));
}

static void
sag_slice_layout_class_init (SagSliceLayoutClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->constructed = sag_slice_layout_constructed;
  object_class->set_property = sag_slice_layout_set_property;
  object_class->get_property = sag_slice_layout_get_property;
  object_class->dispose = sag_slice_layout_dispose;
  widget_class->measure = sag_slice_layout_measure;
  widget_class->size_allocate = sag_slice_layout_size_allocate;
  widget_class->focus = sag_slice_layout_focus;

  properties[PROP_WORKSPACE] = g_param_spec_object ("workspace", NULL, NULL, SAG_TYPE_WORKSPACE,
                                                    flags | G_PARAM_CONSTRUCT_ONLY);
  properties[PROP_MODE] = g_param_spec_string ("mode", NULL, NULL, "single", flags);
  properties[PROP_FULL] = g_param_spec_boolean ("full", NULL, NULL, FALSE, flags);
  properties[PROP_ANNOTATIONS] = g_param_spec_boolean ("annotations", NULL, NULL, TRUE, flags);
  properties[PROP_TEXT_SCALE] = g_param_spec_double ("text-scale", NULL, NULL, 0.5, 4, 1, flags);
  properties[PROP_NEUROLOGICAL] = g_param_spec_boolean ("neurological", NULL, NULL, FALSE, flags);
  properties[PROP_NAMELESS] = g_param_spec_boolean ("nameless", NULL, NULL, FALSE, flags);
  properties[PROP_MAGNIFIER] = g_param_spec_boolean ("magnifier", NULL, NULL, FALSE, flags);
  properties[PROP_SELECTED] = g_param_spec_object ("selected", NULL, NULL, SAG_TYPE_SLICE_VIEW,
                                                   G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  gtk_widget_class_set_css_name (widget_class, "slicelayout");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
}

static void
sag_slice_layout_init (SagSliceLayout *self)
{
  gtk_widget_set_hexpand (GTK_WIDGET (self), TRUE);
  gtk_widget_set_vexpand (GTK_WIDGET (self), TRUE);
  gtk_widget_set_overflow (GTK_WIDGET (self), GTK_OVERFLOW_HIDDEN);
}

GtkWidget *
sag_slice_layout_new (SagWorkspace *workspace)
{
  return g_object_new (SAG_TYPE_SLICE_LAYOUT, "workspace", workspace, NULL);
}

SagWorkspace *
sag_slice_layout_get_workspace (SagSliceLayout *self)
{
  return self->workspace;
}

SagSliceView *
sag_slice_layout_get_view (SagSliceLayout *self,
                           SagView         plane)
{
  return self->views[plane];
}

SagSliceView *
sag_slice_layout_get_selected (SagSliceLayout *self)
{
  return self->selected;
}

SagSliceView *
sag_slice_layout_get_companion (SagSliceLayout *self,
                                int             n)
{
  return self->companions[n];
}
