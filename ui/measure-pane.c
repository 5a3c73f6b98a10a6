/* SPDX-License-Identifier: Apache-2.0
 *
 * measure-pane.c: the tools of measuring, what was measured, and a histogram of the selected figure. */
#include "ui/measure-pane.h"

#include "ui/format.h"
#include "ui/left-tool.h"
#include "ui/spoken.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#define BINS 48

struct _SagMeasurePane
{
  GtkWidget        parent_instance;

  SagWorkspace    *workspace;
  SagMeasurements *all;
  GtkWidget       *box;
  GtkWidget       *list;
  GtkWidget       *save;
  GtkWidget       *histogram; /* all of its parts */
  GtkWidget       *bars;
  GtkWidget       *low, *high;
  guint            bins[BINS];
};

G_DEFINE_FINAL_TYPE (SagMeasurePane, sag_measure_pane, GTK_TYPE_WIDGET)

/* ---- rows */

static void
name_changed (GtkEditable    *entry,
              SagMeasurePane *self)
{
  SagMeasurement *item = g_object_get_data (G_OBJECT (entry), "measurement");

  sag_measurements_begin (self->all);
  sag_measurement_set_name (item, gtk_editable_get_text (entry));
  sag_measurements_end (self->all);
}

static void
remove_clicked (GtkWidget      *button,
                SagMeasurePane *self)
{
  g_autoptr (SagMeasurement) item =
      g_object_ref (g_object_get_data (G_OBJECT (button), "measurement"));

  sag_measurements_remove (self->all, item);
}

static gboolean
print_minus (GBinding     *binding,
             const GValue *from,
             GValue       *to,
             gpointer      data)
{
  g_value_take_string (to, sag_format_minus (g_value_get_string (from)));
  return TRUE;
}

static GtkWidget *
make_row (gpointer item,
          gpointer data)
{
  SagMeasurePane *self = data;
  SagMeasureKind kind = sag_measurement_get_kind (item);
  GtkWidget *row = gtk_list_box_row_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *name = gtk_entry_new ();
  GtkWidget *text = gtk_label_new (NULL);
  GtkWidget *remove = gtk_button_new_from_icon_name ("user-trash-symbolic");

  gtk_editable_set_text (GTK_EDITABLE (name), sag_measurement_get_name (item));
  gtk_entry_set_placeholder_text (GTK_ENTRY (name), _ (sag_measure_kind_get_title (kind)));
  gtk_entry_set_has_frame (GTK_ENTRY (name), FALSE);
  gtk_editable_set_width_chars (GTK_EDITABLE (name), 9);
  gtk_widget_set_valign (name, GTK_ALIGN_START);
  gtk_widget_set_tooltip_text (name, _ ("Name"));
  sag_spoken_name (name, _ ("Name"));
  gtk_widget_set_hexpand (name, TRUE);
  gtk_label_set_xalign (GTK_LABEL (text), 1);
  gtk_label_set_justify (GTK_LABEL (text), GTK_JUSTIFY_RIGHT);
  gtk_widget_add_css_class (text, "numeric");
  g_object_bind_property_full (item, "text", text, "label", G_BINDING_SYNC_CREATE, print_minus, NULL, NULL,
                               NULL);
  gtk_widget_set_tooltip_text (remove, _ ("Delete (Del)"));
  sag_spoken_name (remove, _ ("Delete"));
  gtk_widget_set_valign (remove, GTK_ALIGN_START);
  gtk_widget_add_css_class (remove, "flat");
  gtk_widget_add_css_class (remove, "small");
  g_object_set_data_full (G_OBJECT (name), "measurement", g_object_ref (item), g_object_unref);
  g_object_set_data_full (G_OBJECT (remove), "measurement", g_object_ref (item), g_object_unref);
  g_signal_connect_object (name, "changed", G_CALLBACK (name_changed), self, 0);
  g_signal_connect_object (remove, "clicked", G_CALLBACK (remove_clicked), self, 0);
  gtk_box_append (GTK_BOX (box), name);
  gtk_box_append (GTK_BOX (box), text);
  gtk_box_append (GTK_BOX (box), remove);
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), box);
  sag_spoken_name (row, _ (sag_measure_kind_get_title (kind)));
  g_object_set_data (G_OBJECT (row), "measurement", item);
  return row;
}

/* A click leads to where it was measured. */
static void
row_activated (GtkListBox     *list,
               GtkListBoxRow  *row,
               SagMeasurePane *self)
{
  SagMeasurement *item = g_object_get_data (G_OBJECT (row), "measurement");
  double middle[3] = { 0, 0, 0 };
  int n;
  const double (*points)[3] = sag_measurement_get_points (item, &n);

  for (int p = 0; p < n; p++)
    for (int c = 0; c < 3; c++)
      middle[c] += points[p][c] / n;
  sag_measurements_select (self->all, item);
  sag_workspace_set_cursor (self->workspace, middle);
}

/* ---- histogram */

static void
draw_bars (GtkDrawingArea *area,
           cairo_t        *cr,
           int             width,
           int             height,
           gpointer        data)
{
  SagMeasurePane *self = data;
  guint most = 1;

  for (int b = 0; b < BINS; b++)
    most = MAX (most, self->bins[b]);
  cairo_set_source_rgba (cr, 1, 1, 1, 0.06);
  cairo_rectangle (cr, 0, 0, width, height);
  cairo_fill (cr);
  cairo_set_source_rgb (cr, 0.49, 0.77, 0.93);
  for (int b = 0; b < BINS; b++)
    {
      double tall = (double) self->bins[b] / most * (height - 2);

      cairo_rectangle (cr, (double) b * width / BINS, height - tall, (double) width / BINS - 1, tall);
    }
  cairo_fill (cr);
}

static void
show_histogram (SagMeasurePane *self)
{
  SagMeasurement *item = sag_measurements_get_selected (self->all);
  const SagMeasured *found = item != NULL ? sag_measurement_get_measured (item) : NULL;
  gboolean any = found != NULL && found->values.n > 0;
  g_autoptr (GArray) values = NULL;
  g_autofree char *low = NULL, *high = NULL;
  const char *unit;

  gtk_widget_set_visible (self->histogram, any);
  if (!any)
    return;
  values = sag_measurement_collect (item, sag_workspace_get_volume (self->workspace));
  sag_roi_histogram (values, found->values.min, found->values.max, BINS, self->bins);
  unit = sag_measurement_get_unit (item);
  low = sag_format_value (found->values.min, unit);
  high = sag_format_value (found->values.max, unit);
  gtk_label_set_text (GTK_LABEL (self->low), low);
  gtk_label_set_text (GTK_LABEL (self->high), high);
  gtk_widget_queue_draw (self->bars);
}

static void
changed (SagMeasurePane *self)
{
  SagMeasurement *selected = sag_measurements_get_selected (self->all);

  gtk_widget_set_visible (self->save,
                          g_list_model_get_n_items (sag_measurements_get_items (self->all)) > 0);
  for (GtkWidget *row = gtk_widget_get_first_child (self->list); row != NULL;
       row = gtk_widget_get_next_sibling (row))
    if (selected != NULL && g_object_get_data (G_OBJECT (row), "measurement") == selected)
      gtk_widget_add_css_class (row, "shown");
    else
      gtk_widget_remove_css_class (row, "shown");
  show_histogram (self);
}

/* ---- GObject */

static void
sag_measure_pane_dispose (GObject *object)
{
  SagMeasurePane *self = SAG_MEASURE_PANE (object);

  if (self->bars != NULL)
    gtk_drawing_area_set_draw_func (GTK_DRAWING_AREA (self->bars), NULL, NULL, NULL);
  self->bars = NULL;
  g_clear_pointer (&self->box, gtk_widget_unparent);
  g_clear_object (&self->all);
  g_clear_object (&self->workspace);
  G_OBJECT_CLASS (sag_measure_pane_parent_class)->dispose (object);
}

static void
sag_measure_pane_class_init (SagMeasurePaneClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = sag_measure_pane_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_css_name (GTK_WIDGET_CLASS (klass), "measurepane");
}

static GtkWidget *
make_tools (void)
{
  static const struct
  {
    SagLeftTool tool;
    const char *text, *tooltip;
  } tools[] = {
    { SAG_LEFT_LENGTH, N_ ("Length"), N_ ("Length: drag, or click twice (L)") },
    { SAG_LEFT_ANGLE, N_ ("Angle"), N_ ("Angle: three clicks, the second at the vertex (G)") },
    { SAG_LEFT_COBB, N_ ("Cobb"), N_ ("Cobb angle: two lines (Shift+G)") },
    { SAG_LEFT_BIDIRECTIONAL, N_ ("Two axes"), N_ ("Long and short axis: two lines (Shift+L)") },
    { SAG_LEFT_ELLIPSE, N_ ("Ellipse"), N_ ("Ellipse, with the values inside (E)") },
    { SAG_LEFT_RECTANGLE, N_ ("Rectangle"), N_ ("Rectangle, with the values inside (Shift+E)") },
    { SAG_LEFT_FREEHAND, N_ ("Freehand"), N_ ("Freehand figure, with the values inside (H)") },
  };
  GtkWidget *grid = gtk_grid_new ();

  gtk_grid_set_column_homogeneous (GTK_GRID (grid), TRUE);
  gtk_grid_set_column_spacing (GTK_GRID (grid), 4);
  gtk_grid_set_row_spacing (GTK_GRID (grid), 4);
  for (guint i = 0; i < G_N_ELEMENTS (tools); i++)
    {
      GtkWidget *button = gtk_toggle_button_new_with_label (_ (tools[i].text));

      gtk_actionable_set_action_name (GTK_ACTIONABLE (button), "view.tool");
      gtk_actionable_set_action_target (GTK_ACTIONABLE (button), "s",
                                        sag_left_tool_get_name (tools[i].tool));
      gtk_widget_set_tooltip_text (button, _ (tools[i].tooltip));
      gtk_widget_add_css_class (button, "small");
      gtk_widget_set_focus_on_click (button, FALSE);
      gtk_grid_attach (GTK_GRID (grid), button, i < 4 ? (int) i * 3 : (int) (i - 4) * 4, i < 4 ? 0 : 1,
                       i < 4 ? 3 : 4, 1);
    }
  return grid;
}

static GtkWidget *
make_save (void)
{
  g_autoptr (GMenu) menu = g_menu_new ();
  GtkWidget *button = gtk_menu_button_new ();

  g_menu_append (menu, "DICOM SR…", "win.export-measurements-sr");
  g_menu_append (menu, "CSV…", "win.export-measurements-csv");
  gtk_menu_button_set_label (GTK_MENU_BUTTON (button), _ ("Save Measurements"));
  gtk_menu_button_set_menu_model (GTK_MENU_BUTTON (button), G_MENU_MODEL (menu));
  return button;
}

static void
make_histogram (SagMeasurePane *self)
{
  GtkWidget *ends = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 0);

  self->histogram = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2);
  self->bars = gtk_drawing_area_new ();
  self->low = gtk_label_new (NULL);
  self->high = gtk_label_new (NULL);
  gtk_drawing_area_set_content_height (GTK_DRAWING_AREA (self->bars), 64);
  gtk_drawing_area_set_draw_func (GTK_DRAWING_AREA (self->bars), draw_bars, self, NULL);
  gtk_widget_set_tooltip_text (self->bars,
                               _ ("How often each value occurs in the selected figure"));
  gtk_widget_set_hexpand (self->low, TRUE);
  gtk_label_set_xalign (GTK_LABEL (self->low), 0);
  gtk_widget_add_css_class (ends, "caption");
  gtk_widget_add_css_class (ends, "dim-label");
  gtk_box_append (GTK_BOX (ends), self->low);
  gtk_box_append (GTK_BOX (ends), self->high);
  gtk_box_append (GTK_BOX (self->histogram), self->bars);
  gtk_box_append (GTK_BOX (self->histogram), ends);
  gtk_widget_set_visible (self->histogram, FALSE);
}

static void
sag_measure_pane_init (SagMeasurePane *self)
{
  GtkWidget *head = gtk_label_new (_ ("Measure"));

  self->box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  self->list = gtk_list_box_new ();
  sag_spoken_name (self->list, _ ("Measurements"));
  self->save = make_save ();
  make_histogram (self);
  gtk_label_set_xalign (GTK_LABEL (head), 0);
  gtk_widget_add_css_class (head, "heading");
  gtk_list_box_set_selection_mode (GTK_LIST_BOX (self->list), GTK_SELECTION_NONE);
  gtk_widget_add_css_class (self->list, "labels");
  g_signal_connect (self->list, "row-activated", G_CALLBACK (row_activated), self);
  gtk_box_append (GTK_BOX (self->box), head);
  gtk_box_append (GTK_BOX (self->box), make_tools ());
  gtk_box_append (GTK_BOX (self->box), self->list);
  gtk_box_append (GTK_BOX (self->box), self->histogram);
  gtk_box_append (GTK_BOX (self->box), self->save);
  gtk_widget_set_parent (self->box, GTK_WIDGET (self));
}

GtkWidget *
sag_measure_pane_new (SagWorkspace *workspace)
{
  SagMeasurePane *self = g_object_new (SAG_TYPE_MEASURE_PANE, NULL);

  self->workspace = g_object_ref (workspace);
  self->all = g_object_ref (sag_workspace_get_measurements (workspace));
  gtk_list_box_bind_model (GTK_LIST_BOX (self->list), sag_measurements_get_items (self->all),
                           make_row, self, NULL);
  g_signal_connect_object (self->all, "changed", G_CALLBACK (changed), self,
                           G_CONNECT_SWAPPED | G_CONNECT_AFTER);
  changed (self);
  return GTK_WIDGET (self);
}
