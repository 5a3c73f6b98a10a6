/* SPDX-License-Identifier: Apache-2.0
 *
 * label-row.c: one label of a segmentation. */
#include "ui/label-row.h"

#include "ui/spoken.h"

#include <glib/gi18n-lib.h>
#include <math.h>

struct _SagLabelRow
{
  GtkWidget        parent_instance;

  SagLabelItem    *item;    /* NULL between two */
  GBinding        *visible; /* of it to `eye` */
  GtkDrawingArea  *swatch;
  GtkLabel        *name;
  GtkLabel        *ml, *values;
  GtkButton       *solo;
  GtkToggleButton *eye;
};

G_DEFINE_FINAL_TYPE (SagLabelRow, sag_label_row, GTK_TYPE_WIDGET)

static void
draw_swatch (GtkDrawingArea *area,
             cairo_t        *cr,
             int             width,
             int             height,
             gpointer        data)
{
  SagLabelRow *self = data;
  const SagLabel *label = self->item != NULL ? sag_label_item_get_label (self->item) : NULL;
  double red, green, blue;

  if (label == NULL)
    return;
  red = label->rgb[0] / 255.0, green = label->rgb[1] / 255.0, blue = label->rgb[2] / 255.0;
  cairo_rectangle (cr, 1, 1, width - 2, height - 2);
  cairo_set_source_rgba (cr, red, green, blue, sag_label_item_get_visible (self->item) ? 1 : 0);
  cairo_fill_preserve (cr);
  cairo_set_source_rgb (cr, red, green, blue);
  cairo_set_line_width (cr, 2);
  cairo_stroke (cr);
}

static void
sag_label_row_update (SagLabelRow *self)
{
  g_autofree char *text = NULL;
  g_autofree char *values = NULL;
  g_autofree char *tooltip = NULL;
  double confidence;
  gboolean visible;

  if (self->item == NULL)
    return;
  confidence = sag_label_item_get_confidence (self->item);
  visible = sag_label_item_get_visible (self->item);
  g_object_get (self->item, "ml-text", &text, "values-text", &values, NULL);
  gtk_label_set_text (self->values, values);
  gtk_widget_set_visible (GTK_WIDGET (self->values), values[0] != '\0');
  if (values[0] != '\0')
    {
      g_autofree char *mean = g_strdup_printf (_ ("Mean inside the label; standard deviation %.4g"),
                                               sag_label_item_get_sd (self->item));

      gtk_widget_set_tooltip_text (GTK_WIDGET (self->values), mean);
    }
  gtk_label_set_text (self->name, sag_label_item_get_name (self->item));
  gtk_label_set_text (self->ml, text);
  gtk_widget_set_visible (GTK_WIDGET (self->ml), text[0] != '\0'); /* a projection has none */
  tooltip = isfinite (confidence)
                ? g_strdup_printf (_ ("%s: %s, mean confidence %.0f %%"),
                                   sag_label_item_get_name (self->item), text, 100 * confidence)
                : g_strdup (sag_label_item_get_name (self->item));
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->name), tooltip);
  gtk_button_set_icon_name (GTK_BUTTON (self->eye),
                            visible ? "view-reveal-symbolic" : "view-conceal-symbolic");
  if (visible)
    gtk_widget_remove_css_class (GTK_WIDGET (self), "hidden-label");
  else
    gtk_widget_add_css_class (GTK_WIDGET (self), "hidden-label");
  gtk_widget_queue_draw (GTK_WIDGET (self->swatch));
  if (gtk_widget_get_parent (GTK_WIDGET (self)) != NULL)
    sag_spoken_name (gtk_widget_get_parent (GTK_WIDGET (self)), tooltip); /* the list's row */
}

void
sag_label_row_set_item (SagLabelRow  *self,
                        SagLabelItem *item)
{
  if (self->item != NULL)
    {
      g_clear_pointer (&self->visible, g_binding_unbind);
      g_signal_handlers_disconnect_by_func (self->item, sag_label_row_update, self);
    }
  g_set_object (&self->item, item);
  if (item == NULL)
    return;
  gtk_actionable_set_action_target (GTK_ACTIONABLE (self->solo), "i",
                                    sag_label_get_number (sag_label_item_get_label (item)));
  gtk_actionable_set_action_name (GTK_ACTIONABLE (self->solo), "labels.solo"); /* not before it has a target */
  self->visible = g_object_bind_property (item, "visible", self->eye, "active",
                                          G_BINDING_SYNC_CREATE | G_BINDING_BIDIRECTIONAL);
  g_signal_connect_object (item, "notify", G_CALLBACK (sag_label_row_update), self,
                           G_CONNECT_SWAPPED);
  sag_label_row_update (self);
}

static void
sag_label_row_dispose (GObject *object)
{
  SagLabelRow *self = SAG_LABEL_ROW (object);
  GtkWidget *child;

  sag_label_row_set_item (self, NULL);
  if (self->swatch != NULL)
    gtk_drawing_area_set_draw_func (self->swatch, NULL, NULL, NULL);
  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self))) != NULL)
    gtk_widget_unparent (child);
  G_OBJECT_CLASS (sag_label_row_parent_class)->dispose (object);
}

static void
sag_label_row_class_init (SagLabelRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = sag_label_row_dispose;
  gtk_widget_class_set_css_name (widget_class, "labelrow");
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/sagitta/Sagitta/ui/label-row.ui");
  gtk_widget_class_bind_template_child (widget_class, SagLabelRow, swatch);
  gtk_widget_class_bind_template_child (widget_class, SagLabelRow, name);
  gtk_widget_class_bind_template_child (widget_class, SagLabelRow, ml);
  gtk_widget_class_bind_template_child (widget_class, SagLabelRow, values);
  gtk_widget_class_bind_template_child (widget_class, SagLabelRow, solo);
  gtk_widget_class_bind_template_child (widget_class, SagLabelRow, eye);
}

static void
sag_label_row_init (SagLabelRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_drawing_area_set_draw_func (self->swatch, draw_swatch, self, NULL);
  g_signal_connect (self, "notify::parent", G_CALLBACK (sag_label_row_update), NULL); /* it names the list's row */
}

GtkWidget *
sag_label_row_new (void)
{
  return g_object_new (SAG_TYPE_LABEL_ROW, NULL);
}
