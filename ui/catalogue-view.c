/* SPDX-License-Identifier: Apache-2.0
 *
 * catalogue-view.c: the studies that are open, and their series. */
#include "ui/catalogue-view.h"

#include "ui/series-row.h"

struct _SagCatalogueView
{
  GtkWidget           parent_instance;

  SagWorkspace       *workspace;
  GtkStack           *stack;
  GtkListView        *list;
  GtkSingleSelection *selection;
};

G_DEFINE_FINAL_TYPE (SagCatalogueView, sag_catalogue_view, GTK_TYPE_WIDGET)

static void
select_open (SagCatalogueView *self)
{
  SagSeries *open = sag_workspace_get_series (self->workspace);
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->selection));
  guint selected = GTK_INVALID_LIST_POSITION;

  for (guint i = 0; i < n && selected == GTK_INVALID_LIST_POSITION; i++)
    {
      g_autoptr (SagSeries) series = g_list_model_get_item (G_LIST_MODEL (self->selection), i);

      if (series == open)
        selected = i;
    }
  gtk_single_selection_set_selected (self->selection, selected);
}

static void
activate (SagCatalogueView *self,
          guint             position)
{
  g_autoptr (SagSeries) series = g_list_model_get_item (G_LIST_MODEL (self->selection), position);

  gtk_widget_activate_action (GTK_WIDGET (self), "win.open-series", "s",
                              sag_series_get_key (series));
  select_open (self); /* what is selected is what is shown, not what was clicked */
}

static void
items_changed (SagCatalogueView *self)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->selection));

  gtk_stack_set_visible_child_name (self->stack, n > 0 ? "list" : "empty");
  select_open (self);
}

static void
sag_catalogue_view_dispose (GObject *object)
{
  SagCatalogueView *self = SAG_CATALOGUE_VIEW (object);
  GtkWidget *child = gtk_widget_get_first_child (GTK_WIDGET (self));

  if (child != NULL)
    gtk_widget_unparent (child);
  if (self->selection != NULL)
    g_signal_handlers_disconnect_by_data (self->selection, self);
  g_clear_object (&self->selection);
  g_clear_object (&self->workspace);
  G_OBJECT_CLASS (sag_catalogue_view_parent_class)->dispose (object);
}

static void
sag_catalogue_view_class_init (SagCatalogueViewClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = sag_catalogue_view_dispose;
  g_type_ensure (SAG_TYPE_SERIES_ROW);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/sagitta/Sagitta/ui/catalogue-view.ui");
  gtk_widget_class_bind_template_child (widget_class, SagCatalogueView, stack);
  gtk_widget_class_bind_template_child (widget_class, SagCatalogueView, list);
}

static void
sag_catalogue_view_init (SagCatalogueView *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  g_signal_connect_swapped (self->list, "activate", G_CALLBACK (activate), self);
}

GtkWidget *
sag_catalogue_view_new (SagCatalogue *catalogue,
                        SagWorkspace *workspace)
{
  SagCatalogueView *self = g_object_new (SAG_TYPE_CATALOGUE_VIEW, NULL);
  GtkFlattenListModel *flat;

  self->workspace = g_object_ref (workspace);
  flat = gtk_flatten_list_model_new (g_object_ref (G_LIST_MODEL (catalogue)));
  self->selection = gtk_single_selection_new (G_LIST_MODEL (flat));
  gtk_single_selection_set_autoselect (self->selection, FALSE);
  gtk_single_selection_set_can_unselect (self->selection, TRUE);
  gtk_list_view_set_model (self->list, GTK_SELECTION_MODEL (self->selection));
  g_signal_connect_swapped (self->selection, "items-changed", G_CALLBACK (items_changed), self);
  g_signal_connect_object (workspace, "notify::series", G_CALLBACK (select_open), self,
                           G_CONNECT_SWAPPED);
  items_changed (self);
  return GTK_WIDGET (self);
}
