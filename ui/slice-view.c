/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-view.c: one plane through the open volume, on screen.
 *
 * The slice is rendered here, at one texel a device pixel, and kept until what it was made from
 * changes; text and lines are drawn over it anew each time. */
#include "ui/slice-view.h"

#include "ui/slice-compare.h"
#include "ui/slice-cross.h"
#include "ui/slice-marks.h"
#include "ui/slice-lens.h"
#include "ui/slice-pace.h"
#include "ui/slice-picture.h"
#include "ui/slice-text.h"
#include "ui/spoken.h"

#include <math.h>
#include <string.h>

struct _SagSliceView
{
  GtkWidget     parent_instance;

  SagWorkspace *workspace;
  SagView       plane;
  SagSliceFrame frame;
  SagSliceHome  home;
  gboolean      neurological;
  gboolean      nameless;
  gboolean      magnifier;
  gboolean      annotations;
  gboolean      crosshair;
  double        text_scale;
  SagSliceView *reference; /* whose plane is drawn as a line; weak, or NULL */
  gboolean      probing;
  double        probe[2]; /* widget coordinates */

  SagSlicePicture picture;
  SagSlicePace  pace;
  gboolean      final;    /* no draft: it goes to a file */
  int           shown;    /* the slice drawn last, or -1 */
  char         *told;     /* description given to assistive technology */
};

enum
{
  PROP_WORKSPACE = 1,
  PROP_PLANE,
  PROP_ZOOM,
  PROP_FLIP_HORIZONTAL,
  PROP_FLIP_VERTICAL,
  PROP_TURNS,
  PROP_NEUROLOGICAL,
  PROP_NAMELESS,
  PROP_MAGNIFIER,
  PROP_ANNOTATIONS,
  PROP_CROSSHAIR,
  PROP_TEXT_SCALE,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (SagSliceView, sag_slice_view, GTK_TYPE_WIDGET)

static void
sag_slice_view_invalidate (SagSliceView *self)
{
  sag_slice_picture_stale (&self->picture);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/* The patient's left on the screen's left, as neurologists have it: only where sides are known. */
static gboolean
shows_mirrored (SagSliceView *self)
{
  SagSeries *series = sag_workspace_get_series (self->workspace);

  return self->neurological && self->plane != SAG_VIEW_SAGITTAL
         && (series == NULL || sag_series_is_placed (series));
}

/* Side by side, two pictures share the width. */
static int
get_picture_width (const SagSliceSpec *spec,
                   int                 width)
{
  return spec->compare == SAG_COMPARE_SIDE ? MAX (width / 2, 1) : width;
}

/* As it will be `n` slices on. */
static void
foresee_spec (SagSliceView *self,
              int           n,
              int           width,
              int           height,
              SagSliceSpec *spec)
{
  double fit, across;

  memset (spec, 0, sizeof *spec);
  sag_workspace_foresee_spec (self->workspace, self->plane, n, spec);
  sag_slice_frame_apply (&self->frame, shows_mirrored (self), &spec->plane);
  width = get_picture_width (spec, width);
  if (self->frame.turns % 2 != 0)
    {
      int swap = width;

      width = height;
      height = swap;
    }
  fit = sag_workspace_get_fit (self->workspace, self->plane, width, height);
  across = width * sag_workspace_get_fit (self->workspace, self->plane, width, G_MAXINT);
  spec->plane.mm_per_pixel =
      sag_slice_home_apply (&self->home, &self->frame, width, height, across, fit, &spec->plane) / self->frame.zoom;
}

void
sag_slice_view_get_spec (SagSliceView *self,
                         int           width,
                         int           height,
                         SagSliceSpec *spec)
{
  foresee_spec (self, 0, width, height, spec);
}

static gboolean
sag_slice_view_has_image (SagSliceView *self)
{
  return self->workspace != NULL && sag_workspace_get_volume (self->workspace) != NULL
         && gtk_widget_get_width (GTK_WIDGET (self)) > 0
         && gtk_widget_get_height (GTK_WIDGET (self)) > 0;
}

/* Width and height in device pixels, and how many make a widget coordinate. */
static int
sag_slice_view_get_pixels (SagSliceView *self,
                           int          *width,
                           int          *height)
{
  int scale = gtk_widget_get_scale_factor (GTK_WIDGET (self));

  *width = gtk_widget_get_width (GTK_WIDGET (self)) * scale;
  *height = gtk_widget_get_height (GTK_WIDGET (self)) * scale;
  return scale;
}

gboolean
sag_slice_view_to_lps (SagSliceView *self,
                       double        x,
                       double        y,
                       double        lps[3])
{
  SagSliceSpec spec;
  int width, height, scale, picture;

  if (!sag_slice_view_has_image (self))
    return FALSE;
  scale = sag_slice_view_get_pixels (self, &width, &height);
  sag_slice_view_get_spec (self, width, height, &spec);
  picture = get_picture_width (&spec, width);
  x *= scale;
  if (picture < width && x >= picture)
    x -= width - picture;
  /* Widget coordinates count from an edge, pixels from a centre. */
  sag_plane_to_lps (&spec.plane, picture, height, x - 0.5, y * scale - 0.5, lps);
  return TRUE;
}

void
sag_slice_view_to_point (SagSliceView *self,
                         const double  lps[3],
                         double       *x,
                         double       *y)
{
  SagSliceSpec spec;
  int width, height, scale;

  *x = *y = 0;
  if (!sag_slice_view_has_image (self))
    return;
  scale = sag_slice_view_get_pixels (self, &width, &height);
  sag_slice_view_get_spec (self, width, height, &spec);
  sag_plane_to_pixel (&spec.plane, get_picture_width (&spec, width), height, lps, x, y);
  *x = (*x + 0.5) / scale;
  *y = (*y + 0.5) / scale;
}

static void
sag_slice_view_make_scene (SagSliceView  *self,
                           int            width,
                           int            height,
                           int            scale,
                           SagSliceScene *scene)
{
  memset (scene, 0, sizeof *scene);
  scene->workspace = self->workspace;
  scene->view = self->plane;
  scene->width = width;
  scene->height = height;
  scene->scale = scale;
  scene->text_scale = self->text_scale;
  scene->nameless = self->nameless;
  scene->neurological = shows_mirrored (self);
  sag_slice_view_get_spec (self, width * scale, height * scale, &scene->spec);
  scene->probing =
      self->probing && sag_slice_view_to_lps (self, self->probe[0], self->probe[1], scene->probe);
}

gboolean
sag_slice_view_get_scene (SagSliceView  *self,
                          SagSliceScene *scene)
{
  int width, height, scale;

  if (!sag_slice_view_has_image (self))
    return FALSE;
  scale = sag_slice_view_get_pixels (self, &width, &height);
  sag_slice_view_make_scene (self, width / scale, height / scale, scale, scene);
  return TRUE;
}

static void
sag_slice_view_tell (SagSliceView        *self,
                     const SagSliceScene *scene)
{
  g_autofree char *description = sag_spoken_dup_slice (scene);

  if (g_strcmp0 (description, self->told) == 0)
    return;
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  sag_slice_corners_get_view_name (self->plane),
                                  GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, description, -1);
  g_free (self->told);
  self->told = g_steal_pointer (&description);
}

static void
draw_refined (gpointer data)
{
  gtk_widget_queue_draw (data);
}

static gboolean
refine (gpointer data)
{
  SagSliceView *self = data;
  SagSliceSources sources;

  self->pace.rest = 0;
  if (!sag_slice_view_has_image (self))
    return G_SOURCE_REMOVE;
  sag_workspace_peek_sources (self->workspace, &sources);
  sag_slice_picture_refine (&self->picture, &sources, draw_refined, self);
  return G_SOURCE_REMOVE;
}

/* Who scrolled by so many slices will do it again: the next ones are made while this one is drawn. */
static void
look_ahead (SagSliceView          *self,
            const SagSliceSources *sources,
            int                    width,
            int                    height)
{
  int slice = sag_workspace_get_slice (self->workspace, self->plane, NULL);
  int step = self->shown < 0 ? 0 : slice - self->shown;
  SagSliceSpec specs[SAG_SLICE_AHEAD];

  self->shown = slice;
  if (step == 0)
    return;
  for (int n = 0; n < SAG_SLICE_AHEAD; n++)
    foresee_spec (self, step * (n + 1), width, height, &specs[n]);
  sag_slice_picture_look_ahead (&self->picture, sources, specs, SAG_SLICE_AHEAD, width, height);
}

static void
sag_slice_view_snapshot (GtkWidget   *widget,
                         GtkSnapshot *snapshot)
{
  SagSliceView *self = SAG_SLICE_VIEW (widget);
  SagSliceSources sources;
  SagSliceScene scene;
  gint64 begun_us = g_get_monotonic_time ();
  int width, height, scale;

  if (!sag_slice_view_has_image (self))
    {
      sag_slice_text_snapshot_empty (widget, snapshot, self->text_scale);
      return;
    }
  scale = sag_slice_view_get_pixels (self, &width, &height);
  sag_slice_view_make_scene (self, width / scale, height / scale, scale, &scene);

  sag_workspace_peek_sources (self->workspace, &sources);
  if (sag_slice_picture_update (&self->picture, &sources, &scene.spec, width, height, self->final))
    sag_slice_pace_rest (&self->pace, refine, self);
  look_ahead (self, &sources, width, height);
  sag_slice_picture_snapshot (&self->picture,
                              gtk_native_get_renderer (gtk_widget_get_native (widget)), scale,
                              snapshot);

  gtk_snapshot_push_clip (snapshot, &GRAPHENE_RECT_INIT (0, 0, scene.width, scene.height));
  if (self->crosshair && scene.spec.compare != SAG_COMPARE_SIDE)
    sag_slice_cross_snapshot (&scene, snapshot);
  if (self->reference != NULL && sag_slice_view_has_image (self->reference))
    {
      SagSliceSpec other;

      sag_slice_view_get_spec (self->reference, 512, 512, &other);
      sag_slice_cross_snapshot_plane (&scene, &other.plane, snapshot);
    }
  sag_slice_compare_snapshot (&scene, widget, snapshot);
  sag_slice_marks_snapshot (&scene, widget, snapshot);
  if (self->annotations)
    sag_slice_text_snapshot (&scene, widget, snapshot);
  if (self->magnifier && scene.probing)
    sag_slice_lens_snapshot (&scene, self->probe[0], self->probe[1], snapshot);
  gtk_snapshot_pop (snapshot);
  sag_slice_view_tell (self, &scene);
  sag_slice_pace_drew (&self->pace, begun_us);
}

guint8 *
sag_slice_view_dup_pixels (SagSliceView *self,
                           gboolean      annotated,
                           int          *width,
                           int          *height)
{
  g_autoptr (GtkSnapshot) snapshot = NULL;
  g_autoptr (GskRenderNode) node = NULL;
  g_autoptr (GdkTexture) texture = NULL;
  SagSliceSources sources;
  SagSliceSpec spec;
  int scale;

  if (!sag_slice_view_has_image (self))
    return NULL;
  scale = sag_slice_view_get_pixels (self, width, height);
  if (!annotated)
    {
      sag_slice_view_get_spec (self, *width, *height, &spec);
      sag_workspace_peek_sources (self->workspace, &sources);
      sag_slice_picture_update (&self->picture, &sources, &spec, *width, *height, TRUE);
      return sag_slice_picture_dup_rgba (&self->picture);
    }
  snapshot = gtk_snapshot_new ();
  gtk_snapshot_scale (snapshot, scale, scale);
  self->final = TRUE;
  sag_slice_view_snapshot (GTK_WIDGET (self), snapshot);
  self->final = FALSE;
  node = gtk_snapshot_to_node (snapshot);
  texture = gsk_renderer_render_texture (
      gtk_native_get_renderer (gtk_widget_get_native (GTK_WIDGET (self))), node,
      &GRAPHENE_RECT_INIT (0, 0, *width, *height));
  return sag_slice_picture_dup_texture (texture);
}

void
sag_slice_view_zoom_at (SagSliceView *self,
                        double        factor,
                        double        x,
                        double        y)
{
  SagSliceSpec spec;
  int width, height, scale;

  if (!sag_slice_view_has_image (self))
    return;
  scale = sag_slice_view_get_pixels (self, &width, &height);
  sag_slice_view_get_spec (self, width, height, &spec);
  if (get_picture_width (&spec, width) < width)
    {
      width = get_picture_width (&spec, width);
      x -= x * scale >= width ? (double) width / scale : 0;
    }
  if (!sag_slice_frame_zoom_at (&self->frame, factor, (x * scale - width / 2.0) * spec.plane.mm_per_pixel,
                                (y * scale - height / 2.0) * spec.plane.mm_per_pixel))
    return;
  gtk_widget_queue_draw (GTK_WIDGET (self));
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ZOOM]);
}

void
sag_slice_view_pan_by (SagSliceView *self,
                       double        dx,
                       double        dy)
{
  SagSliceSpec spec;
  int width, height, scale;

  if (!sag_slice_view_has_image (self))
    return;
  scale = sag_slice_view_get_pixels (self, &width, &height);
  sag_slice_view_get_spec (self, width, height, &spec);
  self->frame.pan[0] -= dx * scale * spec.plane.mm_per_pixel;
  self->frame.pan[1] -= dy * scale * spec.plane.mm_per_pixel;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

void
sag_slice_view_reset (SagSliceView *self)
{
  sag_slice_view_set_frame (self, &(SagSliceFrame) { .zoom = 1 });
}

gboolean
sag_slice_view_find_handle (SagSliceView *self,
                            double        x,
                            double        y,
                            SagView      *plane)
{
  SagSliceScene scene;
  int width, height, scale;

  if (!self->crosshair || !sag_slice_view_has_image (self))
    return FALSE;
  scale = sag_slice_view_get_pixels (self, &width, &height);
  sag_slice_view_make_scene (self, width / scale, height / scale, scale, &scene);
  return sag_slice_cross_find_handle (&scene, x, y, plane);
}

void
sag_slice_view_set_reference (SagSliceView *self,
                              SagSliceView *reference)
{
  if (g_set_weak_pointer (&self->reference, reference))
    gtk_widget_queue_draw (GTK_WIDGET (self));
}

void
sag_slice_view_get_frame (SagSliceView  *self,
                          SagSliceFrame *frame)
{
  *frame = self->frame;
}

void
sag_slice_view_set_frame (SagSliceView        *self,
                          const SagSliceFrame *frame)
{
  static const int told[] = { PROP_ZOOM, PROP_FLIP_HORIZONTAL, PROP_FLIP_VERTICAL, PROP_TURNS };

  self->frame = *frame;
  for (guint n = 0; n < G_N_ELEMENTS (told); n++)
    g_object_notify_by_pspec (G_OBJECT (self), properties[told[n]]);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

void
sag_slice_view_set_home (SagSliceView       *self,
                         const SagSliceHome *home)
{
  if (memcmp (&self->home, home, sizeof *home) == 0)
    return;
  self->home = *home;
  sag_slice_view_invalidate (self);
}

void
sag_slice_view_turn (SagSliceView *self,
                     int           quarters)
{
  SagSliceFrame frame = self->frame;

  sag_slice_frame_turn (&frame, quarters);
  sag_slice_view_set_frame (self, &frame);
}

void
sag_slice_view_probe (SagSliceView *self,
                      double        x,
                      double        y)
{
  self->probing = TRUE;
  self->probe[0] = x;
  self->probe[1] = y;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

void
sag_slice_view_end_probe (SagSliceView *self)
{
  self->probing = FALSE;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

static gboolean
draw_lines (gpointer data)
{
  SagSliceView *self = data;

  self->pace.lines = 0;
  gtk_widget_queue_draw (GTK_WIDGET (self));
  return G_SOURCE_REMOVE;
}

/* Whether the slice is the one drawn last: then a cursor that moved has moved lines only. */
static gboolean
is_drawn (SagSliceView *self)
{
  SagSliceSpec spec;
  int width, height;

  if (!sag_slice_view_has_image (self) || self->picture.pixels == NULL)
    return FALSE;
  sag_slice_view_get_pixels (self, &width, &height);
  sag_slice_view_get_spec (self, width, height, &spec);
  return memcmp (&self->picture.wanted, &spec, sizeof spec) == 0;
}

static void
workspace_notify (SagSliceView *self,
                  GParamSpec   *pspec)
{
  static const char *const content[] = { "volume", "segmentation", "preview", "reference", "fusion", NULL };

  if (g_strv_contains (content, pspec->name))
    {
      sag_slice_view_invalidate (self);
    }
  else if (!g_str_equal (pspec->name, "cursor") || !is_drawn (self)
           || sag_slice_pace_ask_lines (&self->pace, draw_lines, self))
    {
      /* The spec tells whether the slice itself is another one. */
      gtk_widget_queue_draw (GTK_WIDGET (self));
    }
}

static gboolean
draw_grown (gpointer data)
{
  SagSliceView *self = data;

  self->pace.timer = 0;
  sag_slice_view_invalidate (self);
  return G_SOURCE_REMOVE;
}

static void
workspace_ready (SagSliceView *self,
                 int           what,
                 int           k0,
                 int           k1)
{
  sag_slice_ahead_drop (&self->picture.ahead);
  if (self->picture.draft)
    sag_slice_pace_rest (&self->pace, refine, self);
  if (what != SAG_LAYER_VOLUME && sag_workspace_is_growing (self->workspace)
      && !sag_slice_pace_ask (&self->pace, draw_grown, self))
    return;
  if (sag_slice_view_has_image (self) && (what != SAG_LAYER_VOLUME || sag_workspace_cuts_slices (self->workspace, self->plane, k0, k1)))
    sag_slice_view_invalidate (self);
  else
    gtk_widget_queue_draw (GTK_WIDGET (self)); /* the bar of slices */
}

static void
sag_slice_view_set_workspace (SagSliceView *self,
                              SagWorkspace *workspace)
{
  if (self->workspace != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->workspace, self);
      g_signal_handlers_disconnect_by_data (sag_workspace_get_measurements (self->workspace), self);
    }
  g_set_object (&self->workspace, workspace);
  if (workspace != NULL)
    {
      g_signal_connect_object (workspace, "notify", G_CALLBACK (workspace_notify), self,
                               G_CONNECT_SWAPPED);
      g_signal_connect_object (workspace, "slices-ready", G_CALLBACK (workspace_ready), self,
                               G_CONNECT_SWAPPED);
      g_signal_connect_object (sag_workspace_get_measurements (workspace), "changed",
                               G_CALLBACK (gtk_widget_queue_draw), self, G_CONNECT_SWAPPED);
    }
  sag_slice_view_invalidate (self);
}

static gboolean
set_flag (SagSliceView *self,
          gboolean     *field,
          const GValue *value)
{
  gboolean flag = g_value_get_boolean (value);

  if (*field == flag)
    return FALSE;
  *field = flag;
  gtk_widget_queue_draw (GTK_WIDGET (self));
  return TRUE;
}

static void
sag_slice_view_set_property (GObject      *object,
                             guint         id,
                             const GValue *value,
                             GParamSpec   *pspec)
{
  SagSliceView *self = SAG_SLICE_VIEW (object);
  gboolean changed = TRUE;

  switch (id)
    {
    case PROP_WORKSPACE:
      sag_slice_view_set_workspace (self, g_value_get_object (value));
      break;
    case PROP_PLANE:
      self->plane = g_value_get_int (value);
      sag_slice_view_invalidate (self);
      break;
    case PROP_ZOOM:
      self->frame.zoom = g_value_get_double (value);
      gtk_widget_queue_draw (GTK_WIDGET (self));
      break;
    case PROP_FLIP_HORIZONTAL:
    case PROP_FLIP_VERTICAL:
      changed = sag_slice_frame_flip (&self->frame, id == PROP_FLIP_VERTICAL, g_value_get_boolean (value));
      gtk_widget_queue_draw (GTK_WIDGET (self));
      break;
    case PROP_TURNS:
      changed = self->frame.turns != g_value_get_int (value);
      self->frame.turns = g_value_get_int (value);
      gtk_widget_queue_draw (GTK_WIDGET (self));
      break;
    case PROP_NEUROLOGICAL:
      changed = set_flag (self, &self->neurological, value);
      break;
    case PROP_NAMELESS:
      changed = set_flag (self, &self->nameless, value);
      break;
    case PROP_MAGNIFIER:
      changed = set_flag (self, &self->magnifier, value);
      break;
    case PROP_ANNOTATIONS:
      changed = set_flag (self, &self->annotations, value);
      break;
    case PROP_CROSSHAIR:
      changed = set_flag (self, &self->crosshair, value);
      break;
    case PROP_TEXT_SCALE:
      self->text_scale = g_value_get_double (value);
      gtk_widget_queue_draw (GTK_WIDGET (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
  if (changed)
    g_object_notify_by_pspec (object, pspec);
}

static void
sag_slice_view_get_property (GObject    *object,
                             guint       id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  SagSliceView *self = SAG_SLICE_VIEW (object);

  switch (id)
    {
    case PROP_WORKSPACE:
      g_value_set_object (value, self->workspace);
      break;
    case PROP_PLANE:
      g_value_set_int (value, self->plane);
      break;
    case PROP_ZOOM:
      g_value_set_double (value, self->frame.zoom);
      break;
    case PROP_FLIP_HORIZONTAL:
      g_value_set_boolean (value, self->frame.flip[0]);
      break;
    case PROP_FLIP_VERTICAL:
      g_value_set_boolean (value, self->frame.flip[1]);
      break;
    case PROP_TURNS:
      g_value_set_int (value, self->frame.turns);
      break;
    case PROP_NEUROLOGICAL:
      g_value_set_boolean (value, self->neurological);
      break;
    case PROP_NAMELESS:
      g_value_set_boolean (value, self->nameless);
      break;
    case PROP_MAGNIFIER:
      g_value_set_boolean (value, self->magnifier);
      break;
    case PROP_ANNOTATIONS:
      g_value_set_boolean (value, self->annotations);
      break;
    case PROP_CROSSHAIR:
      g_value_set_boolean (value, self->crosshair);
      break;
    case PROP_TEXT_SCALE:
      g_value_set_double (value, self->text_scale);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_slice_view_dispose (GObject *object)
{
  SagSliceView *self = SAG_SLICE_VIEW (object);
  GtkWidget *child;

  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self))) != NULL)
    gtk_widget_unparent (child); /* a menu that was open */
  g_clear_weak_pointer (&self->reference);
  g_clear_object (&self->workspace);
  sag_slice_pace_clear (&self->pace);
  sag_slice_picture_stale (&self->picture);
  g_clear_pointer (&self->told, g_free);
  G_OBJECT_CLASS (sag_slice_view_parent_class)->dispose (object);
}

static void
sag_slice_view_class_init (SagSliceViewClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->set_property = sag_slice_view_set_property;
  object_class->get_property = sag_slice_view_get_property;
  object_class->dispose = sag_slice_view_dispose;
  widget_class->snapshot = sag_slice_view_snapshot;

  properties[PROP_WORKSPACE] =
      g_param_spec_object ("workspace", NULL, NULL, SAG_TYPE_WORKSPACE, flags);
  properties[PROP_PLANE] = g_param_spec_int ("plane", NULL, NULL, 0, SAG_N_VIEWS - 1, 0, flags);
  properties[PROP_ZOOM] = g_param_spec_double ("zoom", NULL, NULL, SAG_SLICE_ZOOM_MIN, SAG_SLICE_ZOOM_MAX, 1,
                                                flags);
  properties[PROP_FLIP_HORIZONTAL] =
      g_param_spec_boolean ("flip-horizontal", NULL, NULL, FALSE, flags);
  properties[PROP_FLIP_VERTICAL] = g_param_spec_boolean ("flip-vertical", NULL, NULL, FALSE, flags);
  properties[PROP_TURNS] = g_param_spec_int ("turns", NULL, NULL, 0, 3, 0, flags);
  properties[PROP_NEUROLOGICAL] = g_param_spec_boolean ("neurological", NULL, NULL, FALSE, flags);
  properties[PROP_NAMELESS] = g_param_spec_boolean ("nameless", NULL, NULL, FALSE, flags);
  properties[PROP_MAGNIFIER] = g_param_spec_boolean ("magnifier", NULL, NULL, FALSE, flags);
  properties[PROP_ANNOTATIONS] = g_param_spec_boolean ("annotations", NULL, NULL, TRUE, flags);
  properties[PROP_CROSSHAIR] = g_param_spec_boolean ("crosshair", NULL, NULL, FALSE, flags);
  properties[PROP_TEXT_SCALE] = g_param_spec_double ("text-scale", NULL, NULL, 0.5, 4, 1, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT); /* places menus */
  gtk_widget_class_set_css_name (widget_class, "sliceview");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
sag_slice_view_init (SagSliceView *self)
{
  self->frame.zoom = 1;
  self->shown = -1;
  self->annotations = TRUE;
  self->text_scale = 1;
  gtk_widget_set_focusable (GTK_WIDGET (self), TRUE);
  gtk_widget_set_hexpand (GTK_WIDGET (self), TRUE);
  gtk_widget_set_vexpand (GTK_WIDGET (self), TRUE);
  gtk_widget_set_overflow (GTK_WIDGET (self), GTK_OVERFLOW_HIDDEN);
}

GtkWidget *
sag_slice_view_new (SagWorkspace *workspace,
                    SagView       plane)
{
  return g_object_new (SAG_TYPE_SLICE_VIEW, "workspace", workspace, "plane", plane, NULL);
}

SagWorkspace *
sag_slice_view_get_workspace (SagSliceView *self)
{
  return self->workspace;
}

SagView
sag_slice_view_get_plane (SagSliceView *self)
{
  return self->plane;
}

double
sag_slice_view_get_zoom (SagSliceView *self)
{
  return self->frame.zoom;
}
