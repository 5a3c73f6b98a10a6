/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-layout.c: the views of a window. */
#include "ui/slice-layout.h"

#include "ui/slice-tools.h"

#include <string.h>

#define GAP 2 /* points between views */

struct _SagSliceLayout
{
  GtkWidget     parent_instance;

  SagWorkspace *workspace;
  SagSliceView *views[SAG_N_VIEWS];
  SagView       selected;
  SagView       large; /* the plane with most room among three */
  gboolean      mpr;
  gboolean      full;
};

enum
{
  PROP_WORKSPACE = 1,
  PROP_MODE,
  PROP_FULL,
  PROP_ANNOTATIONS,
  PROP_TEXT_SCALE,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (SagSliceLayout, sag_slice_layout, GTK_TYPE_WIDGET)

static gboolean
shows_one (SagSliceLayout *self)
{
  return !self->mpr || self->full;
}

static void
sag_slice_layout_update (SagSliceLayout *self)
{
  gboolean one = shows_one (self);

  for (int v = 0; v < SAG_N_VIEWS; v++)
    {
      GtkWidget *view = GTK_WIDGET (self->views[v]);

      gtk_widget_set_child_visible (view, !one || v == (int) self->selected);
      g_object_set (view, "crosshair", !one, NULL);
      if (!one && v == (int) self->selected)
        gtk_widget_add_css_class (view, "selected");
      else
        gtk_widget_remove_css_class (view, "selected");
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
allocate (SagSliceLayout     *self,
          SagView             v,
          const GdkRectangle *at)
{
  gtk_widget_size_allocate (
      GTK_WIDGET (self->views[v]),
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

  for (int v = 0; v < SAG_N_VIEWS; v++)
    {
      int least;

      /* GTK wants every child measured before it is allocated. */
      gtk_widget_measure (GTK_WIDGET (self->views[v]), GTK_ORIENTATION_HORIZONTAL, -1, &least, NULL,
                          NULL, NULL);
      if (v != (int) self->large && n < 2)
        small[n++] = v;
    }
  if (shows_one (self))
    {
      allocate (self, self->selected, &(GdkRectangle) { 0, 0, width, height });
      return;
    }
  arrange (width, height, FALSE, &right);
  arrange (width, height, TRUE, &below);
  best = judge (self, small, &below) > judge (self, small, &right) ? &below : &right;
  allocate (self, self->large, &best->large);
  allocate (self, small[0], &best->small[0]);
  allocate (self, small[1], &best->small[1]);
}

static void
select_view (SagSliceLayout *self,
             SagView         plane)
{
  if (self->selected != plane)
    {
      self->selected = plane;
      sag_workspace_set_view (self->workspace, plane);
    }
  sag_slice_layout_update (self);
}

void
sag_slice_layout_select (SagSliceLayout *self,
                         SagView         plane)
{
  self->large = plane;
  select_view (self, plane);
  gtk_widget_grab_focus (GTK_WIDGET (self->views[plane]));
}

void
sag_slice_layout_step (SagSliceLayout *self,
                       int             step)
{
  SagView plane = (self->selected + SAG_N_VIEWS + step) % SAG_N_VIEWS;

  select_view (self, plane);
  gtk_widget_grab_focus (GTK_WIDGET (self->views[plane]));
}

void
sag_slice_layout_reset (SagSliceLayout *self)
{
  for (int v = 0; v < SAG_N_VIEWS; v++)
    sag_slice_view_reset (self->views[v]);
}

static void
workspace_view_changed (SagSliceLayout *self)
{
  SagView plane = sag_workspace_get_view (self->workspace);

  if (plane != self->selected)
    {
      self->large = plane;
      select_view (self, plane);
    }
}

/* A new volume begins with the whole of it in each view. */
static void
workspace_volume_changed (SagSliceLayout *self)
{
  sag_slice_layout_reset (self);
  gtk_widget_queue_allocate (GTK_WIDGET (self)); /* its shape decides how the views stand */
}

static void
view_focused (GtkEventControllerFocus *controller,
              SagSliceLayout          *self)
{
  GtkWidget *view = gtk_event_controller_get_widget (GTK_EVENT_CONTROLLER (controller));

  select_view (self, sag_slice_view_get_plane (SAG_SLICE_VIEW (view)));
}

static void
sag_slice_layout_constructed (GObject *object)
{
  static const SagView order[] = { SAG_VIEW_AXIAL, SAG_VIEW_CORONAL, SAG_VIEW_SAGITTAL };
  SagSliceLayout *self = SAG_SLICE_LAYOUT (object);

  G_OBJECT_CLASS (sag_slice_layout_parent_class)->constructed (object);

  for (guint i = 0; i < G_N_ELEMENTS (order); i++)
    {
      GtkWidget *view = sag_slice_view_new (self->workspace, order[i]);
      GtkEventController *focus = gtk_event_controller_focus_new ();

      self->views[order[i]] = SAG_SLICE_VIEW (view);
      sag_slice_tools_attach (SAG_SLICE_VIEW (view));
      g_signal_connect (focus, "enter", G_CALLBACK (view_focused), self);
      gtk_widget_add_controller (view, focus);
      gtk_widget_set_parent (view, GTK_WIDGET (self));
    }
  self->selected = self->large = sag_workspace_get_view (self->workspace);
  g_signal_connect_object (self->workspace, "notify::view", G_CALLBACK (workspace_view_changed),
                           self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->workspace, "notify::volume", G_CALLBACK (workspace_volume_changed),
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
      self->mpr = g_strcmp0 (g_value_get_string (value), "mpr") == 0;
      self->full = FALSE;
      sag_slice_layout_update (self);
      g_object_notify_by_pspec (object, properties[PROP_FULL]);
      break;
    case PROP_FULL:
      self->full = g_value_get_boolean (value);
      sag_slice_layout_update (self);
      break;
    case PROP_ANNOTATIONS:
    case PROP_TEXT_SCALE:
      for (int v = 0; v < SAG_N_VIEWS; v++)
        g_object_set_property (G_OBJECT (self->views[v]), pspec->name, value);
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
      g_value_set_static_string (value, self->mpr ? "mpr" : "single");
      break;
    case PROP_FULL:
      g_value_set_boolean (value, self->full);
      break;
    case PROP_ANNOTATIONS:
    case PROP_TEXT_SCALE:
      g_object_get_property (G_OBJECT (self->views[0]), pspec->name, value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_slice_layout_dispose (GObject *object)
{
  SagSliceLayout *self = SAG_SLICE_LAYOUT (object);

  for (int v = 0; v < SAG_N_VIEWS; v++)
    if (self->views[v] != NULL)
      {
        gtk_widget_unparent (GTK_WIDGET (self->views[v]));
        self->views[v] = NULL;
      }
  g_clear_object (&self->workspace);
  G_OBJECT_CLASS (sag_slice_layout_parent_class)->dispose (object);
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

  properties[PROP_WORKSPACE] = g_param_spec_object ("workspace", NULL, NULL, SAG_TYPE_WORKSPACE,
                                                    flags | G_PARAM_CONSTRUCT_ONLY);
  properties[PROP_MODE] = g_param_spec_string ("mode", NULL, NULL, "single", flags);
  properties[PROP_FULL] = g_param_spec_boolean ("full", NULL, NULL, FALSE, flags);
  properties[PROP_ANNOTATIONS] = g_param_spec_boolean ("annotations", NULL, NULL, TRUE, flags);
  properties[PROP_TEXT_SCALE] = g_param_spec_double ("text-scale", NULL, NULL, 0.5, 4, 1, flags);
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
  return self->views[self->selected];
}
