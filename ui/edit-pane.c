/* SPDX-License-Identifier: Apache-2.0
 *
 * edit-pane.c: correcting labels. */
#include "ui/edit-pane.h"

#include "engine/image/review.h"
#include "ui/left-tool.h"
#include "ui/spoken.h"

#include <glib/gi18n-lib.h>
#include <math.h>

struct _SagEditPane
{
  GtkWidget     parent_instance;

  SagWorkspace *workspace;
  SagEditing   *editing;
  GtkWidget    *box;
  GtkDropDown  *label;
  GtkWidget    *tolerance;
  SagVolume    *measured; /* what the tolerance was chosen for */
  GtkWidget    *review;
  gboolean      showing; /* the label is being set from the state */
};

G_DEFINE_FINAL_TYPE (SagEditPane, sag_edit_pane, GTK_TYPE_WIDGET)

static void
label_picked (SagEditPane *self)
{
  SagLabelItem *item = gtk_drop_down_get_selected_item (self->label);

  if (!self->showing && item != NULL)
    sag_editing_set_value (self->editing, sag_label_get_number (sag_label_item_get_label (item)));
}

/* The label painted, in the list of those there are. */
static void
show_label (SagEditPane *self)
{
  GListModel *labels = sag_workspace_get_labels (self->workspace);

  self->showing = TRUE;
  for (guint i = 0; i < g_list_model_get_n_items (labels); i++)
    {
      g_autoptr (SagLabelItem) item = g_list_model_get_item (labels, i);

      if (sag_label_get_number (sag_label_item_get_label (item)) == sag_editing_get_value (self->editing))
        gtk_drop_down_set_selected (self->label, i);
    }
  self->showing = FALSE;
}

/* A list that is filled anew makes a drop-down choose its first item: nobody did. */
static void
labels_change (SagEditPane *self)
{
  self->showing = TRUE;
}

/* A hundred makes sense of CT and none of SUV: a quarter of the window, steps and range after it. */
static void
choose_tolerance (SagEditPane *self)
{
  SagVolume *volume = sag_workspace_get_volume (self->workspace);
  double width = sag_workspace_get_window_level (self->workspace).width;
  double step = pow (10, floor (log10 (MAX (width, 1e-3) / 20)));

  if (volume == NULL || volume == self->measured)
    return;
  g_clear_pointer (&self->measured, sag_volume_unref);
  self->measured = sag_volume_ref (volume);
  gtk_spin_button_set_digits (GTK_SPIN_BUTTON (self->tolerance),
                              step < 1 ? (guint) (0.5 - log10 (step)) : 0);
  gtk_spin_button_set_increments (GTK_SPIN_BUTTON (self->tolerance), step, 5 * step);
  gtk_spin_button_set_range (GTK_SPIN_BUTTON (self->tolerance), 0, 100 * step);
  sag_editing_set_tolerance (self->editing, round (width / 4 / step) * step);
}

static void
show (SagEditPane *self)
{
  SagSegmentation *segmentation = sag_workspace_get_segmentation (self->workspace);
  const SagReview *review =
      segmentation != NULL
          ? sag_provenance_peek_review (sag_segmentation_get_provenance (segmentation))
          : NULL;
  g_autofree char *text = NULL;

  gtk_widget_set_visible (GTK_WIDGET (self), segmentation != NULL);
  if (review != NULL && review->verdict[0] != '\0')
    text =
        g_strdup_printf (g_str_equal (review->verdict, "accepted")   ? _ ("Accepted by %s, %.16s")
                         : g_str_equal (review->verdict, "rejected") ? _ ("Rejected by %s, %.16s")
                                                                     : _ ("Edited by %s, %.16s"),
                         review->reviewer, review->time);
  gtk_label_set_text (GTK_LABEL (self->review), text != NULL ? text : _ ("Not reviewed"));
  show_label (self);
  if (segmentation != NULL)
    choose_tolerance (self);
}

static GtkWidget *
make_button (GtkWidget  *button, /* new */
             const char *action,
             const char *target,
             const char *tooltip)
{
  gtk_actionable_set_action_name (GTK_ACTIONABLE (button), action);
  gtk_actionable_set_action_target (GTK_ACTIONABLE (button), "s", target);
  gtk_widget_set_tooltip_text (button, tooltip);
  gtk_widget_add_css_class (button, "small");
  gtk_widget_set_hexpand (button, TRUE);
  gtk_widget_set_focus_on_click (button, FALSE);
  return button;
}

static GtkWidget *
make_row (gboolean linked)
{
  GtkWidget *row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, linked ? 0 : 4);

  gtk_box_set_homogeneous (GTK_BOX (row), !linked);
  if (linked)
    gtk_widget_add_css_class (row, "linked");
  return row;
}

static GtkWidget *
make_tools (void)
{
  static const struct
  {
    SagLeftTool tool;
    const char *text, *tooltip;
  } tools[] = {
    { SAG_LEFT_BRUSH, N_ ("Brush"), N_ ("Paint the label (B); with Control: erase") },
    { SAG_LEFT_ERASER, N_ ("Erase"), N_ ("Erase labels (Shift+B)") },
    { SAG_LEFT_THRESHOLD, N_ ("Threshold"), N_ ("Paint only values like the one first touched") },
    { SAG_LEFT_FILL, N_ ("Fill"), N_ ("Fill the enclosed place that is clicked") },
    { SAG_LEFT_GROW, N_ ("Grow"),
      N_ ("Everything like the place that is clicked, and connected to it") },
  };
  GtkWidget *row = make_row (TRUE);

  for (guint i = 0; i < G_N_ELEMENTS (tools); i++)
    gtk_box_append (GTK_BOX (row),
                    make_button (gtk_toggle_button_new_with_label (_ (tools[i].text)), "view.tool",
                                 sag_left_tool_get_name (tools[i].tool), _ (tools[i].tooltip)));
  return row;
}

static GtkWidget *
make_scale (SagEditing *editing,
            const char *property,
            const char *text,
            double      low,
            double      high,
            double      step,
            GtkWidget **scale) /* or NULL */
{
  GtkWidget *row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 8);
  GtkWidget *label = gtk_label_new (text);
  GtkAdjustment *adjustment = gtk_adjustment_new (low, low, high, step, 5 * step, 0);
  GtkWidget *spin = gtk_spin_button_new (adjustment, 1, step < 1 ? 1 : 0);

  sag_spoken_name (spin, text);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_widget_set_hexpand (label, TRUE);
  gtk_box_append (GTK_BOX (row), label);
  gtk_box_append (GTK_BOX (row), spin);
  gtk_accessible_update_property (GTK_ACCESSIBLE (spin), GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
  g_object_bind_property (editing, property, adjustment, "value",
                          G_BINDING_SYNC_CREATE | G_BINDING_BIDIRECTIONAL);
  if (scale != NULL)
    *scale = spin;
  return row;
}

static void
sag_edit_pane_dispose (GObject *object)
{
  SagEditPane *self = SAG_EDIT_PANE (object);

  if (self->label != NULL)
    g_signal_handlers_disconnect_by_data (self->label, self);
  self->label = NULL;
  g_clear_pointer (&self->measured, sag_volume_unref);
  g_clear_pointer (&self->box, gtk_widget_unparent);
  g_clear_object (&self->editing);
  g_clear_object (&self->workspace);
  G_OBJECT_CLASS (sag_edit_pane_parent_class)->dispose (object);
}

static void
sag_edit_pane_class_init (SagEditPaneClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = sag_edit_pane_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_css_name (GTK_WIDGET_CLASS (klass), "editpane");
}

static void
sag_edit_pane_init (SagEditPane *self)
{
  self->box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  gtk_widget_set_parent (self->box, GTK_WIDGET (self));
}

/* The names of labels may be long: they must not make the pane wider. */
static void
set_up_name (GtkListItemFactory *factory,
             GtkListItem        *list_item)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_list_item_set_child (list_item, label);
}

static void
bind_name (GtkListItemFactory *factory,
           GtkListItem        *list_item)
{
  gtk_label_set_text (GTK_LABEL (gtk_list_item_get_child (list_item)),
                      sag_label_item_get_name (gtk_list_item_get_item (list_item)));
}

static void
build (SagEditPane *self)
{
  g_autoptr (GtkListItemFactory) factory = gtk_signal_list_item_factory_new ();
  GtkWidget     *head = gtk_label_new (_ ("Correct"));
  GtkWidget *steps = make_row (FALSE), *verdict = make_row (FALSE);
  GtkExpression *name = gtk_property_expression_new (SAG_TYPE_LABEL_ITEM, NULL, "name");

  gtk_label_set_xalign (GTK_LABEL (head), 0);
  gtk_widget_add_css_class (head, "heading");
  g_signal_connect_object (sag_workspace_get_labels (self->workspace), "items-changed", G_CALLBACK (labels_change), self,
                           G_CONNECT_SWAPPED); /* before the drop-down hears of it */
  self->label = GTK_DROP_DOWN (
      gtk_drop_down_new (g_object_ref (sag_workspace_get_labels (self->workspace)), name));
  g_signal_connect (factory, "setup", G_CALLBACK (set_up_name), NULL);
  g_signal_connect (factory, "bind", G_CALLBACK (bind_name), NULL);
  g_signal_connect_object (sag_workspace_get_labels (self->workspace), "items-changed", G_CALLBACK (show_label), self,
                           G_CONNECT_SWAPPED); /* and after */
  gtk_drop_down_set_factory (self->label, factory);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->label), _ ("The label that is painted"));
  sag_spoken_name (GTK_WIDGET (self->label), _ ("The label that is painted"));
  g_signal_connect_swapped (self->label, "notify::selected-item", G_CALLBACK (label_picked), self);
  gtk_box_append (GTK_BOX (steps),
                  make_button (gtk_button_new_with_label (_ ("Interpolate")), "win.correct",
                               "interpolate",
                               _ ("Fill the slices between those that have the label")));
  gtk_box_append (GTK_BOX (steps),
                  make_button (gtk_button_new_with_label (_ ("Largest")), "win.correct",
                               "keep-largest", _ ("Keep the largest part of the label only")));
  gtk_box_append (GTK_BOX (steps),
                  make_button (gtk_button_new_with_label (_ ("Smooth")), "win.correct", "smooth",
                               _ ("Smooth the label's surface")));
  gtk_box_append (GTK_BOX (verdict),
                  make_button (gtk_button_new_with_label (_ ("Accept")), "view.review", "accepted",
                               _ ("The result is right as it is")));
  gtk_box_append (GTK_BOX (verdict),
                  make_button (gtk_button_new_with_label (_ ("Reject")), "view.review", "rejected",
                               _ ("The result is not to be used")));
  self->review = gtk_label_new (NULL);
  gtk_label_set_xalign (GTK_LABEL (self->review), 0);
  gtk_label_set_wrap (GTK_LABEL (self->review), TRUE);
  gtk_label_set_max_width_chars (GTK_LABEL (self->review), 34);
  gtk_widget_add_css_class (self->review, "caption");
  gtk_widget_add_css_class (self->review, "dim-label");
  gtk_box_append (GTK_BOX (self->box), head);
  gtk_box_append (GTK_BOX (self->box), make_tools ());
  gtk_box_append (GTK_BOX (self->box), GTK_WIDGET (self->label));
  gtk_box_append (GTK_BOX (self->box),
                  make_scale (self->editing, "radius-mm", _ ("Radius, mm"), 0.5, 50, 0.5, NULL));
  gtk_box_append (GTK_BOX (self->box),
                  make_scale (self->editing, "tolerance", _ ("Tolerance of values"), 0, 1000, 10,
                              &self->tolerance));
  gtk_box_append (GTK_BOX (self->box), steps);
  gtk_box_append (GTK_BOX (self->box), verdict);
  gtk_box_append (GTK_BOX (self->box), self->review);
}

GtkWidget *
sag_edit_pane_new (SagWorkspace *workspace)
{
  SagEditPane *self = g_object_new (SAG_TYPE_EDIT_PANE, NULL);

  self->workspace = g_object_ref (workspace);
  self->editing = g_object_ref (sag_workspace_get_editing (workspace));
  build (self);
  g_signal_connect_object (workspace, "notify::segmentation", G_CALLBACK (show), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->editing, "notify::value", G_CALLBACK (show_label), self,
                           G_CONNECT_SWAPPED);
  show (self);
  return GTK_WIDGET (self);
}
