/* SPDX-License-Identifier: Apache-2.0
 *
 * printer.c: a view on paper. */
#include "ui/printer.h"

#include <glib/gi18n-lib.h>

#define CLAIM _ ("Research use, not a medical device")
#define GAP 8.0 /* points between text and picture */

typedef struct
{
  guint8     *rgba;
  int         width, height;
  const char *title;
} Page;

/* Black behind pixels stays black on paper; around them it is white. */
static cairo_surface_t *
make_surface (const Page *page)
{
  cairo_surface_t *surface =
      cairo_image_surface_create (CAIRO_FORMAT_RGB24, page->width, page->height);
  guint8 *to = cairo_image_surface_get_data (surface);
  int stride = cairo_image_surface_get_stride (surface);

  cairo_surface_flush (surface);
  for (int y = 0; y < page->height && to != NULL; y++)
    for (int x = 0; x < page->width; x++)
      {
        const guint8 *p = page->rgba + 4 * ((gsize) y * (gsize) page->width + (gsize) x);

        ((guint32 *) (gpointer) (to + (gsize) y * (gsize) stride))[x] =
            (guint32) p[0] << 16 | (guint32) p[1] << 8 | p[2];
      }
  cairo_surface_mark_dirty (surface);
  return surface;
}

/* One line; its height. */
static double
draw_line (GtkPrintContext *context,
           const char      *text,
           int              points,
           gboolean         bold,
           double           y,
           gboolean         above) /* `y` is where it ends, not where it begins */
{
  cairo_t *cr = gtk_print_context_get_cairo_context (context);
  g_autoptr (PangoLayout) layout = gtk_print_context_create_pango_layout (context);
  PangoFontDescription *description = pango_font_description_from_string ("Sans");
  int height;

  pango_font_description_set_size (description, points * PANGO_SCALE);
  pango_font_description_set_weight (description, bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
  pango_layout_set_font_description (layout, description);
  pango_font_description_free (description);
  pango_layout_set_width (layout, (int) (gtk_print_context_get_width (context) * PANGO_SCALE));
  pango_layout_set_ellipsize (layout, PANGO_ELLIPSIZE_END);
  pango_layout_set_text (layout, text, -1);
  pango_layout_get_size (layout, NULL, &height);
  cairo_set_source_rgb (cr, 0, 0, 0);
  cairo_move_to (cr, 0, above ? y - (double) height / PANGO_SCALE : y);
  pango_cairo_show_layout (cr, layout);
  return (double) height / PANGO_SCALE;
}

static void
draw_page (GtkPrintOperation *operation,
           GtkPrintContext   *context,
           int                number,
           Page              *page)
{
  cairo_t *cr = gtk_print_context_get_cairo_context (context);
  double width = gtk_print_context_get_width (context);
  double height = gtk_print_context_get_height (context);
  cairo_surface_t *picture = make_surface (page);
  double top = 0, bottom = height, scale;

  if (page->title != NULL && page->title[0] != '\0')
    top = draw_line (context, page->title, 12, TRUE, 0, FALSE) + GAP;
  bottom -= draw_line (context, CLAIM, 9, FALSE, height, TRUE) + GAP;
  scale = MIN (width / page->width, (bottom - top) / page->height);
  cairo_save (cr);
  cairo_translate (cr, (width - scale * page->width) / 2, top);
  cairo_scale (cr, scale, scale);
  cairo_set_source_surface (cr, picture, 0, 0);
  cairo_paint (cr);
  cairo_restore (cr);
  cairo_surface_destroy (picture);
}

gboolean
sag_printer_print (SagSliceView *view,
                   GtkWindow    *parent,
                   const char   *title,
                   const char   *pdf,
                   GError      **error)
{
  g_autoptr (GtkPrintOperation) operation = gtk_print_operation_new ();
  g_autoptr (GtkPageSetup) setup = gtk_page_setup_new ();
  Page page = { .title = title };
  GtkPrintOperationResult result;

  page.rgba = sag_slice_view_dup_pixels (view, TRUE, &page.width, &page.height);
  if (page.rgba == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                   _ ("The selected view shows no images; there is nothing to print."));
      return FALSE;
    }
  gtk_page_setup_set_orientation (setup, page.width > page.height ? GTK_PAGE_ORIENTATION_LANDSCAPE
                                                                  : GTK_PAGE_ORIENTATION_PORTRAIT);
  gtk_print_operation_set_default_page_setup (operation, setup);
  gtk_print_operation_set_n_pages (operation, 1);
  gtk_print_operation_set_job_name (operation, "Sagitta"); /* no name of a patient in a queue */
  gtk_print_operation_set_unit (operation, GTK_UNIT_POINTS);
  if (pdf != NULL)
    gtk_print_operation_set_export_filename (operation, pdf);
  g_signal_connect (operation, "draw-page", G_CALLBACK (draw_page), &page);
  result = gtk_print_operation_run (operation, pdf != NULL ? GTK_PRINT_OPERATION_ACTION_EXPORT
                                                           : GTK_PRINT_OPERATION_ACTION_PRINT_DIALOG,
                                    parent, error);
  g_free (page.rgba);
  return result != GTK_PRINT_OPERATION_RESULT_ERROR;
}
