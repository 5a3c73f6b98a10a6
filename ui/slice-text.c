/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-text.c: what is written over a slice. */
#include "ui/slice-text.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#define MARGIN 8
#define STRIP 3         /* width of the bar of slices at the right edge */

static const GdkRGBA ink = { 0.86, 0.87, 0.88, 1 };
static const GdkRGBA bright = { 1, 1, 1, 1 };
static const GdkRGBA outline = { 0, 0, 0, 0.85 };
static const GdkRGBA accent = { 0.34, 0.71, 0.91, 1 };

/* Where a text hangs: 0 left or top, 0.5 centre, 1 right or bottom. */
typedef struct
{
  const SagSliceScene *scene;
  GtkWidget           *widget;
  GtkSnapshot         *snapshot;
  int                  right; /* margin at the right edge: the strip has its place */
} Pen;

static PangoLayout *
make_layout (const Pen  *pen,
             const char *text,
             double      size,
             gboolean    bold)
{
  PangoLayout *layout = gtk_widget_create_pango_layout (pen->widget, text);
  g_autoptr (PangoAttrList) attributes = pango_attr_list_new ();

  pango_attr_list_insert (attributes, pango_attr_font_features_new ("tnum=1"));
  if (size != 1)
    pango_attr_list_insert (attributes, pango_attr_scale_new (size));
  if (bold)
    pango_attr_list_insert (attributes, pango_attr_weight_new (PANGO_WEIGHT_BOLD));
  pango_layout_set_attributes (layout, attributes);
  return layout;
}

static void
append_outlined (GtkSnapshot   *snapshot,
                 PangoLayout   *layout,
                 double         x,
                 double         y,
                 const GdkRGBA *colour)
{
  /* The four corners do for eight neighbours: text is most of what a frame costs. */
  for (int dy = -1; dy <= 1; dy += 2)
    for (int dx = -1; dx <= 1; dx += 2)
        {
          gtk_snapshot_save (snapshot);
          gtk_snapshot_translate (snapshot, &GRAPHENE_POINT_INIT (x + dx, y + dy));
          gtk_snapshot_append_layout (snapshot, layout, &outline);
          gtk_snapshot_restore (snapshot);
        }
  gtk_snapshot_save (snapshot);
  gtk_snapshot_translate (snapshot, &GRAPHENE_POINT_INIT (x, y));
  gtk_snapshot_append_layout (snapshot, layout, colour);
  gtk_snapshot_restore (snapshot);
}

/* A length of the patient, a fifth to a third of the width: in points, 0 if there is none to draw. */
static double
get_scale (const SagSliceScene *scene,
           double              *length_mm)
{
  static const double lengths_mm[] = { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000 };
  double mm_per_point = scene->spec.plane.mm_per_pixel * scene->scale;

  *length_mm = 0;
  if (sag_slice_corners_get_detail (scene) < SAG_DETAIL_SLICE)
    return 0;
  for (guint i = 0; i < G_N_ELEMENTS (lengths_mm); i++)
    if (lengths_mm[i] / mm_per_point <= scene->width * 0.24)
      *length_mm = lengths_mm[i];
  return round (*length_mm / mm_per_point);
}

/* A block of lines in a corner. Two corners share a width; each may have a bit less than half, or what the scale between
 * them leaves. What is too long at the bottom goes on in another line: it says what lengths mean. */
static void
draw_corner (const Pen *pen,
             char      *words, /* taken */
             double     xalign,
             double     yalign)
{
  g_autofree char *text = words;
  g_autoptr (PangoLayout) layout = NULL;
  int width, height, room;
  double x, y, length_mm;

  if (text[0] == '\0')
    return;
  layout = make_layout (pen, text, pen->scene->text_scale, FALSE);
  room = pen->scene->width / 2 - (xalign > 0.5 ? pen->right : MARGIN) - 10;
  if (yalign > 0.5)
    room -= (int) get_scale (pen->scene, &length_mm) / 2;
  pango_layout_set_alignment (layout, xalign > 0.5 ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT);
  pango_layout_get_pixel_size (layout, &width, &height);
  if (width > room)
    {
      if (yalign > 0.5)
        pango_layout_set_wrap (layout, PANGO_WRAP_WORD_CHAR);
      else
        pango_layout_set_ellipsize (layout, PANGO_ELLIPSIZE_END);
      width = MAX (room, 1);
      pango_layout_set_width (layout, width * PANGO_SCALE);
      pango_layout_get_pixel_size (layout, NULL, &height);
    }
  else if (xalign > 0.5)
    {
      pango_layout_set_width (layout, width * PANGO_SCALE);
    }
  x = xalign > 0.5 ? pen->scene->width - pen->right - width : MARGIN;
  y = yalign > 0.5 ? pen->scene->height - MARGIN - height : MARGIN;
  append_outlined (pen->snapshot, layout, x, y, &ink);
}

static void
fill (GtkSnapshot   *snapshot,
      const GdkRGBA *colour,
      double         x,
      double         y,
      double         width,
      double         height)
{
  gtk_snapshot_append_color (snapshot, colour, &GRAPHENE_RECT_INIT (x, y, width, height));
}

/* Under what must be read where an image or a line may be. */
static const GdkRGBA shade = { 0, 0, 0, 0.6 };

/* The letter of an edge. The side of the body is what must never be misread: it stands on a plate,
 * as the lead marker of a radiograph. */
static void
draw_letter (const Pen    *pen,
             const double  direction[3],
             double        left, /* the part of the view that the letter is of */
             double        width_of_part,
             double        xalign,
             double        yalign)
{
  const GdkRGBA plate = { 0.86, 0.87, 0.88, 0.92 }, black = { 0, 0, 0, 1 };
  g_autoptr (PangoLayout) layout = NULL;
  char letters[4];
  gboolean side;
  int width, height, right;
  double x, y;

  if (!sag_slice_corners_get_letters (pen->scene, direction, letters))
    return;
  side = letters[0] == 'L' || letters[0] == 'R';
  layout = make_layout (pen, letters, pen->scene->text_scale * (side ? 1.2 : 1.15), side);
  pango_layout_get_pixel_size (layout, &width, &height);
  right = left + width_of_part < pen->scene->width ? MARGIN : pen->right;
  x = round (left + MARGIN + xalign * (width_of_part - MARGIN - right - width));
  y = round (MARGIN + yalign * (pen->scene->height - 2 * MARGIN - height));
  if (!side)
    {
      /* A line of the crosshair often runs through it. */
      fill (pen->snapshot, &shade, x - 3, y, width + 6, height);
      append_outlined (pen->snapshot, layout, x, y, &ink);
      return;
    }
  x += xalign < 0.5 ? 3 : xalign > 0.5 ? -3 : 0;
  fill (pen->snapshot, &outline, x - 5, y - 1, width + 10, height + 2);
  fill (pen->snapshot, &plate, x - 4, y, width + 8, height);
  gtk_snapshot_save (pen->snapshot);
  gtk_snapshot_translate (pen->snapshot, &GRAPHENE_POINT_INIT (x, y));
  gtk_snapshot_append_layout (pen->snapshot, layout, &black);
  gtk_snapshot_restore (pen->snapshot);
}

static void
draw_letters (const Pen *pen)
{
  const SagPlane *plane = &pen->scene->spec.plane;
  int parts = pen->scene->spec.compare == SAG_COMPARE_SIDE ? 2 : 1;
  double width = (double) pen->scene->width / parts, left[3], up[3];

  for (int c = 0; c < 3; c++)
    {
      left[c] = -plane->right[c];
      up[c] = -plane->down[c];
    }
  for (int p = 0; p < parts; p++)
    {
      draw_letter (pen, left, p * width, width, 0, 0.5);
      draw_letter (pen, plane->right, p * width, width, 1, 0.5);
      draw_letter (pen, up, p * width, width, 0.5, 0);
      draw_letter (pen, plane->down, p * width, width, 0.5, 1);
    }
}

static void
fill_outlined (GtkSnapshot   *snapshot,
               const GdkRGBA *colour,
               double         x,
               double         y,
               double         width,
               double         height)
{
  fill (snapshot, &outline, x - 1, y - 1, width + 2, height + 2);
  fill (snapshot, colour, x, y, width, height);
}

static void
draw_scale (const Pen *pen)
{
  const SagSliceScene *scene = pen->scene;
  double length_mm, points = get_scale (scene, &length_mm), x, y;
  g_autofree char *text = NULL;
  g_autoptr (PangoLayout) layout = NULL;
  int width, height;

  if (points <= 0)
    return;
  /* Without millimetres in the file a length is so many of its pixels. */
  if (g_str_equal (sag_slice_corners_get_unit (scene->workspace), "px"))
    text = g_strdup_printf ("%g px", length_mm);
  else
    text = length_mm >= 10 ? g_strdup_printf ("%g cm", length_mm / 10)
                           : g_strdup_printf ("%g mm", length_mm);
  layout = make_layout (pen, text, scene->text_scale * 0.9, FALSE);
  pango_layout_get_pixel_size (layout, &width, &height);

  /* Above the letter of the lower edge. */
  x = round (scene->width / 2.0 - points / 2);
  y = scene->height - MARGIN - round (height * 1.4) - 6;
  fill_outlined (pen->snapshot, &ink, x, y, points, 2);
  fill_outlined (pen->snapshot, &ink, x, y - 4, 2, 6);
  fill_outlined (pen->snapshot, &ink, x + points - 2, y - 4, 2, 6);
  fill (pen->snapshot, &ink, x, y, points, 2);
  /* On a plate: the lines of other planes often cross here. */
  x = round (x + points / 2 - width / 2.0);
  fill (pen->snapshot, &shade, x - 3, y - height - 3, width + 6, height);
  append_outlined (pen->snapshot, layout, x, y - height - 3, &ink);
}

/* +1 if slices of `view` are counted along the grid axis that scrolls it, -1 if against. */
static int
get_axis (const SagGrid *grid,
          SagView        view,
          int           *axis)
{
  static const double counted[SAG_N_VIEWS][3] = { { 0, 0, 1 }, { 0, 1, 0 }, { 1, 0, 0 } };
  const double origin[3] = { 0, 0, 0 };
  SagPlane plane;
  double along = 0;

  sag_plane_init_grid_view (&plane, grid, view, origin, 1, axis);
  for (int c = 0; c < 3; c++)
    along += grid->direction[3 * c + *axis] * counted[view][c];
  return along < 0 ? -1 : 1;
}

/* All slices as a bar: which are there, which are segmented, which one is shown. */
static void
draw_strip (const Pen *pen)
{
  const SagSliceScene *scene = pen->scene;
  SagVolume *volume = sag_workspace_get_volume (scene->workspace);
  SagSegmentation *segmentation = sag_workspace_get_segmentation (scene->workspace);
  const GdkRGBA track = { 1, 1, 1, 0.10 };
  const GdkRGBA there = { 1, 1, 1, 0.30 };
  const GdkRGBA done = { accent.red, accent.green, accent.blue, 0.75 };
  double top = scene->height * 0.2, length = scene->height * 0.6;
  double x = scene->width - STRIP - 3;
  int n, axis, sign, slice = sag_workspace_get_slice (scene->workspace, scene->view, &n);
  gboolean same;

  if (n < 2)
    return;
  fill (pen->snapshot, &track, x, top, STRIP, length);
  sign = get_axis (sag_volume_get_grid (volume), scene->view, &axis);
  if (sag_workspace_get_oblique (scene->workspace))
    axis = -1;
  same = segmentation != NULL && sag_segmentation_get_grid (segmentation)->size[2] == n;
  if (axis == 2)
    {
      const GdkRGBA *run = NULL;
      int begin = 0;

      /* The first slice (feet) is at the bottom. Neighbours of one colour are one rectangle. */
      for (int row = 0; row <= n; row++)
        {
          int k = sign > 0 ? n - 1 - row : row;
          const GdkRGBA *colour = NULL;

          if (row < n && same && sag_segmentation_get_n_ready (segmentation) < n
              && sag_segmentation_is_ready (segmentation, k))
            colour = &done;
          else if (row < n && sag_volume_is_ready (volume, k))
            colour = &there;
          if (colour == run)
            continue;
          if (run != NULL)
            fill (pen->snapshot, run, x, top + length * begin / n, STRIP,
                  length * (row - begin) / n);
          run = colour;
          begin = row;
        }
    }
  else if (sag_volume_get_n_ready (volume) == sag_volume_get_grid (volume)->size[2])
    {
      fill (pen->snapshot, &there, x, top, STRIP, length);
    }
  fill_outlined (pen->snapshot, &bright, x - 2, round (top + length * (n - 0.5 - slice) / n) - 1,
                 STRIP + 4, 2);
}

static gboolean
shows_confidence (const SagSliceScene *scene)
{
  SagSegmentation *segmentation = sag_workspace_get_segmentation (scene->workspace);

  return (scene->spec.overlay & SAG_OVERLAY_CONFIDENCE) != 0 && segmentation != NULL &&
         sag_segmentation_get_confidence (segmentation) != NULL;
}

/* The confidence ramp with its numbers, and where the threshold stands. */
static void
draw_legend (const Pen *pen)
{
  const SagSliceScene *scene = pen->scene;
  double length = MIN (scene->height * 0.4, 180), width = 10;
  double x = MARGIN + 26 * scene->text_scale, top = round ((scene->height - length) / 2);
  double threshold = scene->spec.confidence_threshold;
  g_autofree char *words = NULL; /* the widest */
  g_autoptr (PangoLayout) sure = NULL;
  int text_width, text_height;

  if (!shows_confidence (scene) || scene->height < 240
      || sag_slice_corners_get_detail (scene) < SAG_DETAIL_SERIES)
    return;
  words = g_strdup_printf (_ ("%d %% sure"), 100);
  sure = make_layout (pen, words, scene->text_scale * 0.9, FALSE);
  pango_layout_get_pixel_size (sure, &text_width, &text_height);
  fill (pen->snapshot, &shade, x - 4, top - text_height / 2 - 2, width + text_width + 14, length + text_height + 4);
  fill (pen->snapshot, &outline, x - 1, top - 1, width + 2, length + 2);
  for (int i = 0; i < (int) length; i++)
    {
      guint8 rgb[3];
      GdkRGBA colour = { .alpha = 1 };

      sag_confidence_colour (1 - (i + 0.5f) / (float) length, rgb);
      colour.red = rgb[0] / 255.f;
      colour.green = rgb[1] / 255.f;
      colour.blue = rgb[2] / 255.f;
      fill (pen->snapshot, &colour, x, top + i, width, 1);
    }
  for (int percent = 0; percent <= 100; percent += 50)
    {
      g_autofree char *text =
          g_strdup_printf (percent == 100 ? _ ("%d %% sure") : "%d %%", percent);
      g_autoptr (PangoLayout) layout = make_layout (pen, text, scene->text_scale * 0.9, FALSE);
      int height;

      pango_layout_get_pixel_size (layout, NULL, &height);
      append_outlined (pen->snapshot, layout, x + width + 6,
                       round (top + length * (1 - percent / 100.0) - height / 2.0), &ink);
    }
  if (threshold > 0)
    fill_outlined (pen->snapshot, &bright, x - 3, round (top + length * (1 - threshold)) - 1,
                   width + 6, 2);
}

static gboolean
is_ready_here (const SagSliceScene *scene)
{
  SagVolume *volume = sag_workspace_get_volume (scene->workspace);
  const SagGrid *grid = sag_volume_get_grid (volume);
  double cursor[3], ijk[3];
  int axis;

  get_axis (grid, scene->view, &axis);
  if (axis != 2)
    return sag_volume_get_n_ready (volume) > 0;
  sag_workspace_get_cursor (scene->workspace, cursor);
  sag_grid_to_ijk (grid, cursor, ijk);
  return sag_volume_is_ready (volume, CLAMP ((int) floor (ijk[2] + 0.5), 0, grid->size[2] - 1));
}

void
sag_slice_text_snapshot (const SagSliceScene *scene,
                         GtkWidget           *widget,
                         GtkSnapshot         *snapshot)
{
  Pen pen = { scene, widget, snapshot, MARGIN + STRIP + 5 };

  draw_strip (&pen);
  draw_letters (&pen);
  if (!is_ready_here (scene))
    {
      g_autoptr (PangoLayout) layout = make_layout (&pen, _ ("Reading…"), scene->text_scale, FALSE);
      int width, height;

      pango_layout_get_pixel_size (layout, &width, &height);
      append_outlined (snapshot, layout, round ((scene->width - width) / 2.0),
                       round ((scene->height - height) / 2.0), &ink);
    }
  draw_corner (&pen, sag_slice_corners_dup_top_left (scene), 0, 0);
  draw_corner (&pen, sag_slice_corners_dup_top_right (scene), 1, 0);
  draw_corner (&pen, sag_slice_corners_dup_bottom_left (scene), 0, 1);
  draw_corner (&pen, sag_slice_corners_dup_bottom_right (scene), 1, 1);
  draw_scale (&pen);
  draw_legend (&pen);
}

void
sag_slice_text_snapshot_empty (GtkWidget   *widget,
                               GtkSnapshot *snapshot,
                               double       text_scale)
{
  const GdkRGBA dim = { 0.86, 0.87, 0.88, 0.55 };
  Pen pen = { .widget = widget, .snapshot = snapshot };
  g_autoptr (PangoLayout) layout =
      make_layout (&pen, _ ("Drag a series here, or choose one from the list"), text_scale, FALSE);
  int room = MAX (gtk_widget_get_width (widget) - 4 * MARGIN, 1), height;

  pango_layout_set_width (layout, room * PANGO_SCALE);
  pango_layout_set_alignment (layout, PANGO_ALIGN_CENTER);
  pango_layout_get_pixel_size (layout, NULL, &height);
  append_outlined (snapshot, layout, 2 * MARGIN,
                   round ((gtk_widget_get_height (widget) - height) / 2.0), &dim);
}

void
sag_slice_text_measure (const SagSliceScene *scene,
                        GtkWidget           *widget,
                        const char          *text,
                        graphene_rect_t     *box)
{
  const Pen pen = { .scene = scene, .widget = widget };
  g_autoptr (PangoLayout) layout = make_layout (&pen, text, scene->text_scale, FALSE);
  int width, height;

  pango_layout_get_pixel_size (layout, &width, &height);
  graphene_rect_init (box, 0, 0, (float) width, (float) height);
}

void
sag_slice_text_draw (const SagSliceScene *scene,
                     GtkWidget           *widget,
                     GtkSnapshot         *snapshot,
                     const char          *text,
                     double               x,
                     double               y,
                     double               xalign,
                     double               yalign,
                     const GdkRGBA       *colour)
{
  const Pen pen = { .scene = scene, .widget = widget, .snapshot = snapshot };
  g_autoptr (PangoLayout) layout = make_layout (&pen, text, scene->text_scale, FALSE);
  int width, height;

  pango_layout_get_pixel_size (layout, &width, &height);
  append_outlined (snapshot, layout, round (x - xalign * width), round (y - yalign * height), colour);
}
