/* SPDX-License-Identifier: Apache-2.0
 *
 * segment-panel.c: model, precision, run; labels, opacity, confidence; provenance, export. */
#include "ui/segment-panel.h"

#include "ui/format.h"
#include "ui/compare-pane.h"
#include "ui/edit-pane.h"
#include "ui/label-row.h"
#include "ui/measure-pane.h"
#include "ui/menus.h"
#include "ui/precision-table.h"
#include "ui/provenance-pane.h"
#include "ui/result-list.h"
#include "ui/spoken.h"

#include <glib/gi18n-lib.h>

#define MANY_LABELS 12 /* from here on a search entry helps */

struct _SagSegmentPanel
{
  GtkWidget           parent_instance;

  SagSegmenter       *segmenter;
  SagWorkspace       *workspace;
  SagComparer        *comparer;
  SagModel           *model; /* the one listened to */
  GtkStringFilter    *filter;
  GSimpleActionGroup *actions;

  GtkWidget          *scroller;
  GtkDropDown        *models;
  GtkWidget          *fit;
  GtkImage           *fit_icon;
  GtkLabel           *fit_text;
  GtkWidget          *precisions[SAG_N_PRECISIONS]; /* the four below, in order */
  GtkWidget          *fp32, *bf16, *int8, *int4;
  GtkLabel           *estimate;
  GtkStack           *run_stack;
  GtkButton          *run;
  GtkLabel           *outcome;
  GtkBox             *table, *comparison, *measuring;
  GtkWidget          *results;
  GtkEditable        *search;
  GtkListView        *labels;
  GtkWidget          *confidence;
  GtkAdjustment      *opacity_adjustment, *threshold_adjustment;
  GtkLabel           *opacity_text, *threshold_text;
  GtkWidget          *threshold;
  GtkMenuButton      *export;
  GtkRevealer        *provenance;
};

G_DEFINE_FINAL_TYPE (SagSegmentPanel, sag_segment_panel, GTK_TYPE_WIDGET)

/* ---- model */

/* Why the shown result of `model` is to be doubted; "" if it is not. */
static const char *
find_doubt (SagSegmentPanel *self,
            SagModel        *model)
{
  SagResult *result = sag_workspace_get_result (self->workspace);

  return result != NULL && g_str_equal (sag_result_get_model_id (result), sag_model_get_id (model))
             ? sag_result_get_doubt (result)
             : "";
}

static void
show_fit (SagSegmentPanel *self)
{
  SagModel *model = sag_segmenter_get_model (self->segmenter);
  SagSegmenterState state = sag_segmenter_get_state (self->segmenter);
  const char *problem = sag_segmenter_get_problem (self->segmenter);
  SagVolume *volume = sag_workspace_get_volume (self->workspace);
  const char *text = "", *icon = NULL;
  g_autofree char *both = NULL;
  const char *doubt = model != NULL ? find_doubt (self, model) : "";
  gboolean warns = FALSE;

  if (state == SAG_SEGMENTER_NO_IMAGE)
    {
      text = sag_workspace_get_volume (self->workspace) != NULL
                 ? _ ("Reading the images…")
                 : _ ("Open a series to segment it.");
    }
  else if (state == SAG_SEGMENTER_NO_MODEL)
    {
      text = problem;
      warns = problem[0] != '\0';
    }
  else if (model != NULL)
    {
      warns = !sag_model_get_fits (model) || sag_model_get_reason (model)[0] != '\0';
      text = warns ? sag_model_get_reason (model) : _ ("Fits these images");
      if (!warns && volume != NULL && sag_volume_get_modality (volume)[0] == '\0')
        {
          warns = TRUE;
          text = _ ("The file does not say what kind of images these are: whether the model fits is yours to judge.");
        }
      if (doubt[0] != '\0')
        {
          text = both = warns ? g_strconcat (text, "\n", doubt, NULL) : g_strdup (doubt);
          warns = TRUE;
        }
    }
  icon = text[0] == '\0' || state == SAG_SEGMENTER_NO_IMAGE ? NULL
         : warns                                            ? "sagitta-warning-symbolic"
                                                            : "sagitta-check-symbolic";
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->models),
                               model != NULL ? sag_model_get_facts (model) : NULL);
  gtk_label_set_text (self->fit_text, text);
  gtk_image_set_from_icon_name (self->fit_icon, icon);
  gtk_widget_set_visible (GTK_WIDGET (self->fit_icon), icon != NULL);
  gtk_widget_set_visible (self->fit, text[0] != '\0');
  gtk_widget_remove_css_class (self->fit, warns ? "success" : "warning");
  gtk_widget_add_css_class (self->fit, warns ? "warning" : "success");
  if (icon == NULL)
    gtk_widget_remove_css_class (self->fit, "success");
}

static void
precision_toggled (SagSegmentPanel *self,
                   GtkWidget       *button)
{
  if (!gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (button)))
    return;
  for (int p = 0; p < SAG_N_PRECISIONS; p++)
    if (self->precisions[p] == button)
      sag_segmenter_switch_precision (self->segmenter, p);
}

static void
show_precision (SagSegmentPanel *self)
{
  GtkWidget *button = self->precisions[sag_segmenter_get_precision (self->segmenter)];

  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (button), TRUE);
}

/* Which precisions the model has, and why a button cannot be pressed. */
static void
show_precisions (SagSegmentPanel *self)
{
  static const char *const names[] = { N_ ("32-bit floating point: the reference"),
                                       N_ ("16-bit brain floating point"), N_ ("8-bit integers"),
                                       N_ ("4-bit weights") };
  SagModel *model = sag_segmenter_get_model (self->segmenter);

  for (int p = 0; p < SAG_N_PRECISIONS; p++)
    {
      gboolean offered = model != NULL && sag_model_has_precision (model, p);
      g_autofree char *reason = offered || model == NULL
                                    ? g_strdup (_ (names[p]))
                                    : g_strdup_printf (_ ("%s is not offered at this precision"),
                                                       sag_model_get_name (model));

      gtk_widget_set_sensitive (self->precisions[p], offered);
      gtk_widget_set_tooltip_text (self->precisions[p], reason);
    }
}

static void
show_estimate (SagSegmentPanel *self)
{
  SagModel *model = sag_segmenter_get_model (self->segmenter);
  const char *estimate = model != NULL ? sag_model_get_estimate (model) : "";

  /* A line is kept for it, so that nothing below moves when it comes. */
  gtk_label_set_text (self->estimate, estimate[0] != '\0' ? estimate : " ");
}

static void
model_notify (SagSegmentPanel *self)
{
  show_fit (self);
  show_estimate (self);
}

/* A GtkDropDown without a choice says "(None)", which helps nobody; its page for that has no property. */
static void
say_no_choice (GtkDropDown *models,
               const char  *text)
{
  GtkWidget *stack = gtk_widget_get_first_child (GTK_WIDGET (models));
  GtkWidget *label;

  while (stack != NULL && !GTK_IS_STACK (stack))
    stack = gtk_widget_get_first_child (stack);
  label = stack != NULL ? gtk_stack_get_child_by_name (GTK_STACK (stack), "empty") : NULL;
  if (GTK_IS_LABEL (label))
    gtk_label_set_text (GTK_LABEL (label), text);
}

static void
show_model (SagSegmentPanel *self)
{
  SagModel *model = sag_segmenter_get_model (self->segmenter);
  GListModel *models = sag_segmenter_get_models (self->segmenter);
  gboolean any = g_list_model_get_n_items (models) > 0;

  if (self->model != NULL)
    g_signal_handlers_disconnect_by_data (self->model, self);
  g_set_object (&self->model, model);
  if (model != NULL)
    g_signal_connect_object (model, "notify", G_CALLBACK (model_notify), self, G_CONNECT_SWAPPED);
  for (guint i = 0; i < g_list_model_get_n_items (models); i++)
    {
      g_autoptr (SagModel) item = g_list_model_get_item (models, i);

      if (item == model)
        gtk_drop_down_set_selected (self->models, i);
    }
  if (model == NULL)
    gtk_drop_down_set_selected (self->models, GTK_INVALID_LIST_POSITION);
  gtk_widget_set_sensitive (GTK_WIDGET (self->models), any);
  say_no_choice (self->models, any ? _ ("Choose a model") : _ ("No models"));
  show_precisions (self);
  show_fit (self);
  show_estimate (self);
}

static void
model_picked (SagSegmentPanel *self)
{
  SagModel *model = gtk_drop_down_get_selected_item (self->models);

  if (model != NULL && model != sag_segmenter_get_model (self->segmenter))
    g_object_set (self->segmenter, "model", model, NULL);
}

/* ---- state */

static void
show_outcome (SagSegmentPanel *self)
{
  SagSegmenterState state = sag_segmenter_get_state (self->segmenter);
  g_autofree char *seconds = sag_format_seconds (sag_segmenter_get_seconds (self->segmenter));
  g_autofree char *text = NULL;

  switch (state)
    {
    case SAG_SEGMENTER_DONE:
      text = g_strdup_printf (_ ("Done in %s"), seconds);
      break;
    case SAG_SEGMENTER_CANCELLED:
      text = g_strdup (_ ("Cancelled; nothing was kept"));
      break;
    case SAG_SEGMENTER_FAILED:
      text = g_strdup (sag_segmenter_get_problem (self->segmenter));
      break;
    default:
      text = g_strdup (" "); /* keeps the line: nothing below moves when a run ends */
    }
  gtk_label_set_text (self->outcome, text);
  if (state == SAG_SEGMENTER_FAILED)
    gtk_widget_add_css_class (GTK_WIDGET (self->outcome), "error");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self->outcome), "error");
}

static gboolean
is_switched_off (SagSegmentPanel *self)
{
  SagModel *model = sag_segmenter_get_model (self->segmenter);

  return model != NULL && sag_model_is_switched_off (model);
}

static void
state_changed (SagSegmentPanel *self)
{
  SagSegmenterState state = sag_segmenter_get_state (self->segmenter);

  gtk_stack_set_visible_child_name (self->run_stack,
                                    state == SAG_SEGMENTER_RUNNING ? "cancel" : "run");
  gtk_button_set_label (self->run, is_switched_off (self)         ? _ ("Allow Again…")
                                   : state == SAG_SEGMENTER_UNFIT ? _ ("Run Anyway")
                                   : state >= SAG_SEGMENTER_DONE  ? _ ("Run Again")
                                                                  : _ ("Run"));
  if (state == SAG_SEGMENTER_UNFIT)
    gtk_widget_remove_css_class (GTK_WIDGET (self->run), "suggested-action");
  else
    gtk_widget_add_css_class (GTK_WIDGET (self->run), "suggested-action");
  show_fit (self);
  show_outcome (self);
}

/* ---- results */

static void
show_results (SagSegmentPanel *self)
{
  SagSegmentation *segmentation = sag_workspace_get_segmentation (self->workspace);
  guint n = g_list_model_get_n_items (sag_workspace_get_labels (self->workspace));
  gboolean confident =
      segmentation != NULL && sag_segmentation_get_confidence (segmentation) != NULL;

  gtk_widget_set_visible (self->results, segmentation != NULL);
  gtk_widget_set_visible (GTK_WIDGET (self->search), n >= MANY_LABELS);
  gtk_widget_set_sensitive (self->threshold, confident);
}

static void
show_sliders (SagSegmentPanel *self)
{
  double opacity = sag_workspace_get_opacity (self->workspace);
  double threshold = sag_workspace_get_confidence_threshold (self->workspace);
  g_autofree char *opacity_text = g_strdup_printf ("%.0f %%", 100 * opacity);
  g_autofree char *threshold_text = g_strdup_printf ("%.0f %%", 100 * threshold);

  gtk_label_set_text (self->opacity_text, opacity_text);
  gtk_label_set_text (self->threshold_text, threshold_text);
}

/* There may be hundreds of labels: rows are made for those that are seen, and show others as they are scrolled. */
static void
set_up_label_row (GtkSignalListItemFactory *factory,
                  GtkListItem              *item)
{
  gtk_list_item_set_child (item, sag_label_row_new ());
}

static void
bind_label_row (GtkSignalListItemFactory *factory,
                GtkListItem              *item)
{
  sag_label_row_set_item (SAG_LABEL_ROW (gtk_list_item_get_child (item)), gtk_list_item_get_item (item));
}

static void
unbind_label_row (GtkSignalListItemFactory *factory,
                  GtkListItem              *item)
{
  sag_label_row_set_item (SAG_LABEL_ROW (gtk_list_item_get_child (item)), NULL);
}

/* A click on a label goes where it is. */
static void
label_activated (GtkListView     *list,
                 guint            position,
                 SagSegmentPanel *self)
{
  g_autoptr (SagLabelItem) item = g_list_model_get_item (G_LIST_MODEL (gtk_list_view_get_model (list)), position);
  double centroid[3];

  if (sag_label_item_get_centroid (item, centroid))
    sag_workspace_set_cursor (self->workspace, centroid);
}

static void
search_changed (SagSegmentPanel *self)
{
  gtk_string_filter_set_search (self->filter, gtk_editable_get_text (self->search));
}

static void
set_all_visible (SagSegmentPanel *self,
                 gboolean         visible,
                 int              but) /* the label of this number the other way; 0 for none */
{
  GListModel *labels = sag_workspace_get_labels (self->workspace);

  for (guint i = 0; i < g_list_model_get_n_items (labels); i++)
    {
      g_autoptr (SagLabelItem) item = g_list_model_get_item (labels, i);

      sag_label_item_set_visible (item, sag_label_get_number (sag_label_item_get_label (item)) == but ? !visible
                                                                                                      : visible);
    }
}

static gboolean
is_alone (SagSegmentPanel *self,
          int              number)
{
  GListModel *labels = sag_workspace_get_labels (self->workspace);

  for (guint i = 0; i < g_list_model_get_n_items (labels); i++)
    {
      g_autoptr (SagLabelItem) item = g_list_model_get_item (labels, i);

      if (sag_label_item_get_visible (item) != (sag_label_get_number (sag_label_item_get_label (item)) == number))
        return FALSE;
    }
  return TRUE;
}

static void
solo (GSimpleAction *action,
      GVariant      *parameter,
      gpointer       data)
{
  int number = g_variant_get_int32 (parameter);

  if (is_alone (data, number))
    set_all_visible (data, TRUE, 0);
  else
    set_all_visible (data, FALSE, number);
}

static void
show_all (GSimpleAction *action,
          GVariant      *parameter,
          gpointer       data)
{
  set_all_visible (data, TRUE, 0);
}

static void
hide_all (GSimpleAction *action,
          GVariant      *parameter,
          gpointer       data)
{
  set_all_visible (data, FALSE, 0);
}

/* ---- GObject */

static void
sag_segment_panel_dispose (GObject *object)
{
  SagSegmentPanel *self = SAG_SEGMENT_PANEL (object);
  GtkWidget *child = gtk_widget_get_first_child (GTK_WIDGET (self));

  if (self->models != NULL)
    g_signal_handlers_disconnect_by_data (self->models, self);
  if (self->model != NULL)
    g_signal_handlers_disconnect_by_data (self->model, self);
  gtk_widget_insert_action_group (GTK_WIDGET (self), "labels", NULL);
  if (child != NULL)
    gtk_widget_unparent (child);
  if (self->comparer != NULL)
    sag_comparer_close (self->comparer);
  g_clear_object (&self->comparer);
  g_clear_object (&self->actions);
  g_clear_object (&self->filter);
  g_clear_object (&self->model);
  g_clear_object (&self->segmenter);
  g_clear_object (&self->workspace);
  G_OBJECT_CLASS (sag_segment_panel_parent_class)->dispose (object);
}

static void
sag_segment_panel_class_init (SagSegmentPanelClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = sag_segment_panel_dispose;
  g_type_ensure (SAG_TYPE_MODEL);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/sagitta/Sagitta/ui/segment-panel.ui");
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, scroller);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, models);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, fit);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, fit_icon);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, fit_text);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, fp32);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, bf16);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, int8);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, int4);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, estimate);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, run_stack);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, run);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, outcome);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, table);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, comparison);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, measuring);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, results);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, search);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, labels);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, confidence);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, opacity_adjustment);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, threshold_adjustment);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, opacity_text);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, threshold_text);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, threshold);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, export);
  gtk_widget_class_bind_template_child (widget_class, SagSegmentPanel, provenance);
}

static void
sag_segment_panel_init (SagSegmentPanel *self)
{
  static const GActionEntry entries[] = {
    { "solo", solo, "i" },
    { "show-all", show_all },
    { "hide-all", hide_all },
  };

  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_menu_button_set_menu_model (self->export, sag_menus_get ("export"));
  sag_spoken_name (GTK_WIDGET (self->models), _ ("Model"));
  self->precisions[SAG_PRECISION_F32] = self->fp32;
  self->precisions[SAG_PRECISION_BF16] = self->bf16;
  self->precisions[SAG_PRECISION_INT8] = self->int8;
  self->precisions[SAG_PRECISION_INT4] = self->int4;
  self->actions = g_simple_action_group_new ();
  g_action_map_add_action_entries (G_ACTION_MAP (self->actions), entries, G_N_ELEMENTS (entries),
                                   self);
  gtk_widget_insert_action_group (GTK_WIDGET (self), "labels", G_ACTION_GROUP (self->actions));
  g_signal_connect (self->labels, "activate", G_CALLBACK (label_activated), self);
  g_signal_connect_swapped (self->search, "changed", G_CALLBACK (search_changed), self);
}

static void
bind_labels (SagSegmentPanel *self)
{
  GListModel *labels = sag_workspace_get_labels (self->workspace);
  GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();
  GtkFilterListModel *found;
  GtkNoSelection *shown;

  self->filter =
      gtk_string_filter_new (gtk_property_expression_new (SAG_TYPE_LABEL_ITEM, NULL, "name"));
  found =
      gtk_filter_list_model_new (g_object_ref (labels), GTK_FILTER (g_object_ref (self->filter)));
  shown = gtk_no_selection_new (G_LIST_MODEL (found));
  g_signal_connect (factory, "setup", G_CALLBACK (set_up_label_row), NULL);
  g_signal_connect (factory, "bind", G_CALLBACK (bind_label_row), NULL);
  g_signal_connect (factory, "unbind", G_CALLBACK (unbind_label_row), NULL);
  gtk_list_view_set_factory (self->labels, factory);
  gtk_list_view_set_model (self->labels, GTK_SELECTION_MODEL (shown));
  g_object_unref (factory);
  g_object_unref (shown);
  g_signal_connect_object (labels, "items-changed", G_CALLBACK (show_results), self,
                           G_CONNECT_SWAPPED);
}

GtkWidget *
sag_segment_panel_new (SagSegmenter *segmenter,
                       SagWorkspace *workspace)
{
  SagSegmentPanel *self = g_object_new (SAG_TYPE_SEGMENT_PANEL, NULL);

  self->segmenter = g_object_ref (segmenter);
  self->workspace = g_object_ref (workspace);
  self->comparer = sag_comparer_new (workspace);
  gtk_box_append (self->table, sag_precision_table_new (segmenter, workspace));
  gtk_box_append (self->measuring, sag_edit_pane_new (workspace));
  gtk_box_append (self->measuring, sag_measure_pane_new (workspace));
  gtk_revealer_set_child (self->provenance, sag_provenance_pane_new (workspace));
  gtk_box_append (self->comparison, sag_result_list_new (workspace));
  gtk_box_append (self->comparison, sag_compare_pane_new (self->comparer, workspace));

  gtk_drop_down_set_model (self->models, sag_segmenter_get_models (segmenter));
  g_signal_connect_object (sag_segmenter_get_models (segmenter), "items-changed",
                           G_CALLBACK (show_model), self, G_CONNECT_SWAPPED | G_CONNECT_AFTER);
  g_signal_connect_swapped (self->models, "notify::selected-item", G_CALLBACK (model_picked), self);
  g_signal_connect_object (segmenter, "notify::model", G_CALLBACK (show_model), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (segmenter, "notify::state", G_CALLBACK (state_changed), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (segmenter, "notify::problem", G_CALLBACK (state_changed), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (segmenter, "notify::seconds", G_CALLBACK (show_outcome), self,
                           G_CONNECT_SWAPPED);

  show_precision (self);
  for (int p = 0; p < SAG_N_PRECISIONS; p++)
    g_signal_connect_swapped (self->precisions[p], "toggled", G_CALLBACK (precision_toggled), self);
  g_signal_connect_object (segmenter, "notify::precision", G_CALLBACK (show_precision), self,
                           G_CONNECT_SWAPPED);
  bind_labels (self);
  g_object_bind_property (workspace, "opacity", self->opacity_adjustment, "value",
                          G_BINDING_SYNC_CREATE | G_BINDING_BIDIRECTIONAL);
  g_object_bind_property (workspace, "confidence-threshold", self->threshold_adjustment, "value",
                          G_BINDING_SYNC_CREATE | G_BINDING_BIDIRECTIONAL);
  g_signal_connect_object (workspace, "notify::opacity", G_CALLBACK (show_sliders), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (workspace, "notify::confidence-threshold", G_CALLBACK (show_sliders),
                           self, G_CONNECT_SWAPPED);
  g_signal_connect_object (workspace, "notify::segmentation", G_CALLBACK (show_results), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (workspace, "notify::volume", G_CALLBACK (show_fit), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (workspace, "notify::result", G_CALLBACK (show_fit), self,
                           G_CONNECT_SWAPPED);
  show_model (self);
  state_changed (self);
  show_results (self);
  show_sliders (self);
  return GTK_WIDGET (self);
}
