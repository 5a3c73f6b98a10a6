/* SPDX-License-Identifier: Apache-2.0
 *
 * picture.c: words and legends over a rendered slice.
 */
#include "app/cli/picture.h"

#include <math.h>
#include <pango/pangocairo.h>
#include <string.h>

/* A cairo pixel is a native-endian word ARGB, ours are bytes R, G, B, A; alpha is always 255. */
static void
swap_channels (const SagPicture *self)
{
  gsize n = (gsize) self->width * (gsize) self->height;

  for (gsize p = 0; p < n; p++)
    {
      guint8 *pixel = self->rgba + 4 * p;
      guint8 red = pixel[0];

      pixel[0] = pixel[2];
      pixel[2] = red;
    }
}

/* Light text with a dark rim, so that it reads on bone as on air. */
static void
draw_text (cairo_t *cr, const char *markup, double size, double x, double y, double align_x,
           double align_y)
{
  PangoLayout *layout = pango_cairo_create_layout (cr);
  PangoFontDescription *font = pango_font_description_from_string ("Cantarell, DejaVu Sans, Sans");
  PangoAttrList *attributes = pango_attr_list_new ();
  int width, height;

  pango_font_description_set_absolute_size (font, size * PANGO_SCALE);
  pango_layout_set_font_description (layout, font);
  pango_attr_list_insert (attributes, pango_attr_font_features_new ("tnum=1"));
  pango_layout_set_attributes (layout, attributes);
  pango_layout_set_markup (layout, markup, -1);
  pango_layout_set_alignment (layout, align_x > 0.9 ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT);
  pango_layout_get_pixel_size (layout, &width, &height);
  cairo_move_to (cr, floor (x - align_x * width), floor (y - align_y * height));
  cairo_save (cr);
  pango_cairo_layout_path (cr, layout);
  cairo_set_source_rgba (cr, 0, 0, 0, 0.85);
  cairo_set_line_width (cr, MAX (2, size / 7));
  cairo_set_line_join (cr, CAIRO_LINE_JOIN_ROUND);
  cairo_stroke (cr);
  cairo_restore (cr);
  cairo_move_to (cr, floor (x - align_x * width), floor (y - align_y * height));
  cairo_set_source_rgb (cr, 0.9, 0.9, 0.9);
  pango_cairo_show_layout (cr, layout);
  pango_attr_list_unref (attributes);
  pango_font_description_free (font);
  g_object_unref (layout);
}

static void
draw_letters (const SagPicture *self, cairo_t *cr, double size, double margin)
{
  const double middle_x = self->width / 2.0, middle_y = self->height / 2.0;
  double left[3], up[3];
  char letters[4][4];

  for (int p = 0; p < 3; p++)
    {
      left[p] = -self->plane->right[p];
      up[p] = -self->plane->down[p];
    }
  sag_direction_get_letters (left, letters[0]);
  sag_direction_get_letters (self->plane->right, letters[1]);
  sag_direction_get_letters (up, letters[2]);
  sag_direction_get_letters (self->plane->down, letters[3]);
  draw_text (cr, letters[0], 1.3 * size, margin, middle_y, 0, 0.5);
  draw_text (cr, letters[1], 1.3 * size, self->width - margin, middle_y, 1, 0.5);
  draw_text (cr, letters[2], 1.3 * size, middle_x, margin, 0.5, 0);
  draw_text (cr, letters[3], 1.3 * size, middle_x, self->height - margin - 1.6 * size, 0.5, 1);
}

/* 1, 2 or 5 times a power of ten, about a sixth of the picture. */
static void
draw_scale (const SagPicture *self, cairo_t *cr, double size, double margin)
{
  double room = self->width * self->plane->mm_per_pixel / 6,
         decade = pow (10, floor (log10 (room)));
  double mm = room >= 5 * decade ? 5 * decade : room >= 2 * decade ? 2 * decade : decade;
  double pixels = mm / self->plane->mm_per_pixel;
  double x = self->width - margin, y = self->height - margin - 3.5 * size;
  g_autofree char *text =
      mm >= 10 ? g_strdup_printf ("%g cm", mm / 10) : g_strdup_printf ("%g mm", mm);

  for (int pass = 0; pass < 2; pass++)
    {
      cairo_set_source_rgb (cr, pass * 0.9, pass * 0.9, pass * 0.9);
      cairo_set_line_width (cr, pass == 0 ? 4 : 2);
      cairo_move_to (cr, x - pixels, y - size / 3);
      cairo_line_to (cr, x - pixels, y);
      cairo_line_to (cr, x, y);
      cairo_line_to (cr, x, y - size / 3);
      cairo_stroke (cr);
    }
  draw_text (cr, text, size, x, y - size / 2, 1, 1);
}

static void
draw_ramp (const SagPicture *self, cairo_t *cr, double size, double margin)
{
  /* Between the letter at the edge's middle and the corner's text. */
  double height = self->height * 0.28, width = size, x = margin, y = self->height * 0.56;

  for (int row = 0; row < (int) height; row++)
    {
      guint8 rgb[3];

      sag_confidence_colour ((float) (1 - row / (height - 1)), rgb);
      cairo_set_source_rgb (cr, rgb[0] / 255.0, rgb[1] / 255.0, rgb[2] / 255.0);
      cairo_rectangle (cr, x, y + row, width, 1);
      cairo_fill (cr);
    }
  cairo_set_source_rgb (cr, 0.9, 0.9, 0.9);
  cairo_set_line_width (cr, 1);
  cairo_rectangle (cr, x - 0.5, y - 0.5, width + 1, height + 1);
  cairo_stroke (cr);
  if (self->threshold > 0)
    {
      cairo_set_line_width (cr, 2);
      cairo_move_to (cr, x - size / 3, y + (1 - self->threshold) * height);
      cairo_line_to (cr, x + width + size / 3, y + (1 - self->threshold) * height);
      cairo_stroke (cr);
    }
  draw_text (cr, "1.0", size, x + 1.5 * width, y, 0, 0.5);
  draw_text (cr, "0.5", size, x + 1.5 * width, y + height / 2, 0, 0.5);
  draw_text (cr, "0.0", size, x + 1.5 * width, y + height, 0, 0.5);
  draw_text (cr, "Confidence", size, x, y - size, 0, 1);
}

void
sag_picture_annotate (const SagPicture *self)
{
  cairo_surface_t *surface;
  cairo_t *cr;
  double size = CLAMP (self->height / 55.0, 11, 40), margin = size * 0.7;

  swap_channels (self);
  surface = cairo_image_surface_create_for_data (self->rgba, CAIRO_FORMAT_RGB24, self->width,
                                                 self->height, 4 * self->width);
  cr = cairo_create (surface);
  for (int corner = 0; corner < 4; corner++)
    if (self->corners[corner] != NULL)
      draw_text (cr, self->corners[corner], size, (corner & 1) != 0 ? self->width - margin : margin,
                 corner >= 2 ? self->height - margin : margin, corner & 1, corner >= 2);
  if (self->has_place)
    draw_letters (self, cr, size, margin);
  if (self->has_scale)
    draw_scale (self, cr, size, margin);
  if (self->confidence_ramp)
    draw_ramp (self, cr, size, margin);
  if (self->notice != NULL)
    draw_text (cr, self->notice, size, self->width / 2.0, self->height - margin, 0.5, 1);
  cairo_destroy (cr);
  cairo_surface_finish (surface);
  cairo_surface_destroy (surface);
  swap_channels (self);
  for (gsize p = 0; p < (gsize) self->width * (gsize) self->height; p++)
    self->rgba[4 * p + 3] = 255;
}

char *
sag_picture_legend (const guint8 rgb[3], const char *text)
{
  g_autofree char *escaped = g_markup_escape_text (text, -1);

  return g_strdup_printf ("<span foreground=\"#%02x%02x%02x\">\u25a0</span> %s", rgb[0], rgb[1],
                          rgb[2], escaped);
}
