/* SPDX-License-Identifier: Apache-2.0
 *
 * precision-table.c: what each precision took, and how near to FP32 it came. */
#include "ui/precision-table.h"

#include <glib/gi18n-lib.h>
#include <math.h>

struct _SagPrecisionTable
{
  GtkWidget     parent_instance;

  SagSegmenter *segmenter;
  SagWorkspace *workspace;
  GtkWidget    *grid;
};

G_DEFINE_FINAL_TYPE (SagPrecisionTable, sag_precision_table, GTK_TYPE_WIDGET)

static void
add_cell (SagPrecisionTable *self,
          int                column,
          int                row,
          const char        *text,
          gboolean           shown)
{
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_xalign (GTK_LABEL (label), column == 0 ? 0 : 1);
  gtk_widget_set_hexpand (label, column > 0);
  gtk_widget_add_css_class (label, "numeric");
  if (row == 0 || g_str_equal (text, "–"))
    gtk_widget_add_css_class (label, "dim-label");
  if (shown)
    gtk_widget_add_css_class (label, "shown");
  gtk_grid_attach (GTK_GRID (self->grid), label, column, row, 1, 1);
}

static char *
format_bytes (guint64 bytes)
{
  double mb = (double) bytes * 1e-6;

  return bytes == 0    ? g_strdup ("–")
         : mb < 0.9995 ? g_strdup_printf ("%.0f kB", mb * 1e3)
         : mb < 9.95   ? g_strdup_printf ("%.1f MB", mb)
         : mb < 999.5  ? g_strdup_printf ("%.0f MB", mb)
                       : g_strdup_printf ("%.1f GB", mb * 1e-3);
}

static char *
format_dice (SagResult *result)
{
  double dice = sag_result_get_dice (result);

  if (sag_result_get_precision (result) == SAG_PRECISION_F32)
    return g_strdup ("ref.");
  /* 1.0000 only if it is. */
  return isnan (dice) ? g_strdup ("–") : g_strdup_printf ("%.4f", floor (dice * 1e4) / 1e4);
}

static SagResult *
find (SagPrecisionTable *self,
      SagModel          *model,
      SagPrecision       precision)
{
  GListModel *results = sag_workspace_get_results (self->workspace);

  for (guint i = 0; i < g_list_model_get_n_items (results); i++)
    {
      g_autoptr (SagResult) result = g_list_model_get_item (results, i);

      if (sag_result_get_precision (result) == (int) precision && sag_result_is_complete (result)
          && g_str_equal (sag_result_get_model_id (result), sag_model_get_id (model)))
        return result; /* the list keeps it */
    }
  return NULL;
}

static void
show (SagPrecisionTable *self)
{
  static const char *const heads[] = { "", N_ ("Time"), N_ ("Memory"), N_ ("Weights"), "Dice" };
  SagModel *model = sag_segmenter_get_model (self->segmenter);
  GtkWidget *child;
  int row = 0;

  while ((child = gtk_widget_get_first_child (self->grid)) != NULL)
    gtk_grid_remove (GTK_GRID (self->grid), child);
  for (int p = 0; model != NULL && p < SAG_N_PRECISIONS; p++)
    row += find (self, model, p) != NULL;
  gtk_widget_set_visible (GTK_WIDGET (self), row > 0);
  if (row == 0)
    return;
  for (int column = 0; column < 5; column++)
    add_cell (self, column, 0, column > 0 ? _ (heads[column]) : "", FALSE);
  row = 1;
  for (int p = 0; p < SAG_N_PRECISIONS; p++)
    {
      SagResult *result = find (self, model, p);
      g_autofree char *name = g_ascii_strup (sag_precision_get_name (p), -1);
      g_autofree char *time = NULL, *memory = NULL, *weights = NULL, *dice = NULL;
      gboolean shown = result != NULL && result == sag_workspace_get_result (self->workspace);

      if (!sag_model_has_precision (model, p))
        continue;
      if (result != NULL)
        {
          time = g_strdup_printf (sag_result_get_seconds (result) < 9.95 ? "%.2f s" : "%.0f s",
                                  sag_result_get_seconds (result));
          memory = format_bytes (sag_result_get_bytes (result));
          weights = format_bytes (sag_result_get_model_bytes (result));
          dice = format_dice (result);
        }
      add_cell (self, 0, row, name, shown);
      add_cell (self, 1, row, time != NULL ? time : "–", shown);
      add_cell (self, 2, row, memory != NULL ? memory : "–", shown);
      add_cell (self, 3, row, weights != NULL ? weights : "–", shown);
      add_cell (self, 4, row, dice != NULL ? dice : "–", shown);
      row++;
    }
}

static void
results_changed (GListModel        *results,
                 guint              position,
                 guint              removed,
                 guint              added,
                 SagPrecisionTable *self)
{
  for (guint i = position; i < position + added; i++)
    {
      g_autoptr (SagResult) result = g_list_model_get_item (results, i);

      g_signal_connect_object (result, "notify", G_CALLBACK (show), self, G_CONNECT_SWAPPED);
    }
  show (self);
}

static void
sag_precision_table_dispose (GObject *object)
{
  SagPrecisionTable *self = SAG_PRECISION_TABLE (object);

  g_clear_pointer (&self->grid, gtk_widget_unparent);
  g_clear_object (&self->segmenter);
  g_clear_object (&self->workspace);
  G_OBJECT_CLASS (sag_precision_table_parent_class)->dispose (object);
}

static void
sag_precision_table_class_init (SagPrecisionTableClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = sag_precision_table_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_css_name (GTK_WIDGET_CLASS (klass), "precisiontable");
}

static void
sag_precision_table_init (SagPrecisionTable *self)
{
  self->grid = gtk_grid_new ();
  gtk_grid_set_column_spacing (GTK_GRID (self->grid), 8);
  gtk_grid_set_row_spacing (GTK_GRID (self->grid), 2);
  gtk_widget_set_parent (self->grid, GTK_WIDGET (self));
  gtk_widget_set_tooltip_text (
      GTK_WIDGET (self), _ ("Measured here: time, most memory at once, the network's weights, and "
                            "mean Dice against FP32. P switches."));
}

GtkWidget *
sag_precision_table_new (SagSegmenter *segmenter,
                         SagWorkspace *workspace)
{
  SagPrecisionTable *self = g_object_new (SAG_TYPE_PRECISION_TABLE, NULL);

  self->segmenter = g_object_ref (segmenter);
  self->workspace = g_object_ref (workspace);
  g_signal_connect_object (segmenter, "notify::model", G_CALLBACK (show), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (workspace, "notify::result", G_CALLBACK (show), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (sag_workspace_get_results (workspace), "items-changed",
                           G_CALLBACK (results_changed), self, 0);
  show (self);
  return GTK_WIDGET (self);
}
