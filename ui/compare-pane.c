/* SPDX-License-Identifier: Apache-2.0
 *
 * compare-pane.c: two results held against each other. */
#include "ui/compare-pane.h"

#include "ui/slice-corners.h"
#include "ui/spoken.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#define MOST_SLICES 200 /* those that differ most */

struct _SagComparePane
{
  GtkWidget     parent_instance;

  SagComparer  *comparer;
  SagWorkspace *workspace;
  GtkWidget    *box;
  GtkWidget    *detail; /* what there is to say while two are compared */
  GtkWidget    *pair;
  GtkWidget    *table;
  GtkWidget    *slices_head;
  GtkWidget    *slices;
  GVariant     *listed; /* the outcome shown; borrowed, only compared */
};

G_DEFINE_FINAL_TYPE (SagComparePane, sag_compare_pane, GTK_TYPE_WIDGET)

typedef struct
{
  int     k;
  guint32 unlike;
} Slice;

static int
compare_slices (gconstpointer a,
                gconstpointer b)
{
  const Slice *x = a, *y = b;

  return x->unlike != y->unlike ? (x->unlike < y->unlike ? 1 : -1) : x->k - y->k;
}

static void
slice_activated (GtkListBox     *list,
                 GtkListBoxRow  *row,
                 SagComparePane *self)
{
  sag_workspace_go_to_slice (self->workspace,
                             GPOINTER_TO_INT (g_object_get_data (G_OBJECT (row), "k")));
}

static GtkWidget *
make_label (const char *text,
            double      xalign,
            gboolean    dim)
{
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_xalign (GTK_LABEL (label), xalign);
  gtk_widget_add_css_class (label, "numeric");
  if (dim)
    gtk_widget_add_css_class (label, "dim-label");
  return label;
}

static void
list_slices (SagComparePane *self,
             GVariant       *outcome)
{
  g_autoptr (GArray) slices = g_array_new (FALSE, FALSE, sizeof (Slice));
  g_autoptr (GVariantIter) iter = NULL;
  g_autofree char *head = NULL;
  GtkWidget *child;
  Slice slice;

  while ((child = gtk_widget_get_first_child (self->slices)) != NULL)
    gtk_list_box_remove (GTK_LIST_BOX (self->slices), child);
  if (outcome == NULL || !g_variant_lookup (outcome, "slices", "a(iu)", &iter))
    return;
  while (g_variant_iter_next (iter, "(iu)", &slice.k, &slice.unlike))
    g_array_append_val (slices, slice);
  g_array_sort (slices, compare_slices);
  for (guint i = 0; i < slices->len && i < MOST_SLICES; i++)
    {
      const Slice *s = &g_array_index (slices, Slice, i);
      g_autofree char *name =
          g_strdup_printf (_ ("Slice %d"), sag_workspace_get_slice_number (self->workspace, s->k));
      g_autofree char *amount = g_strdup_printf (
          g_dngettext (GETTEXT_PACKAGE, "%u voxel", "%u voxels", s->unlike), s->unlike);
      GtkWidget *row = gtk_list_box_row_new ();
      GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 8);
      GtkWidget *label = make_label (name, 0, FALSE);

      gtk_widget_set_hexpand (label, TRUE);
      gtk_box_append (GTK_BOX (box), label);
      gtk_box_append (GTK_BOX (box), make_label (amount, 1, TRUE));
      gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), box);
      sag_spoken_name (row, name);
      g_object_set_data (G_OBJECT (row), "k", GINT_TO_POINTER (s->k));
      gtk_list_box_append (GTK_LIST_BOX (self->slices), row);
    }
  head = slices->len == 0 ? g_strdup (_ ("No slice differs"))
                          : g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u slice differs",
                                                          "%u slices differ", slices->len),
                                             slices->len);
  gtk_label_set_text (GTK_LABEL (self->slices_head), head);
}

static char *
format (double      value,
        const char *how)
{
  return isnan (value) ? g_strdup ("–") : g_strdup_printf (how, value);
}

/* In pixels where nobody knows how large they are. */
static char *
format_length (SagComparePane *self,
               double          value,
               const char     *how)
{
  g_autofree char *number = format (value, how);

  return isnan (value) ? g_steal_pointer (&number)
                       : g_strjoin (" ", number, sag_slice_corners_get_unit (self->workspace), NULL);
}

static void
fill_table (SagComparePane *self,
            GVariant       *outcome)
{
  static const char *const heads[] = { "", N_ ("Dice"), "HD95", N_ ("Mean") };
  g_autoptr (GVariantIter) iter = NULL;
  double dice, hd95, mean, ml_a, ml_b;
  const char *name;
  int number;
  GtkWidget *child;
  int row = 1;

  while ((child = gtk_widget_get_first_child (self->table)) != NULL)
    gtk_grid_remove (GTK_GRID (self->table), child);
  if (outcome == NULL || !g_variant_lookup (outcome, "labels", "a(isddddd)", &iter))
    return;
  for (int column = 0; column < 4; column++)
    gtk_grid_attach (GTK_GRID (self->table),
                     make_label (column > 0 ? _ (heads[column]) : "", column > 0, TRUE), column, 0,
                     1, 1);
  while (g_variant_iter_next (iter, "(i&sddddd)", &number, &name, &dice, &hd95, &mean, &ml_a, &ml_b))
    {
      g_autofree char *dice_text = format (isnan (dice) ? dice : floor (dice * 1e4) / 1e4, "%.4f");
      g_autofree char *hd95_text = format_length (self, hd95, "%.1f");
      g_autofree char *mean_text = format_length (self, mean, "%.2f");
      g_autofree char *volumes = g_strdup_printf ("%s: A %.1f ml, B %.1f ml", name, ml_a, ml_b);
      gboolean sized = g_str_equal (sag_slice_corners_get_unit (self->workspace), "mm");
      GtkWidget *label = make_label (name, 0, FALSE);

      if (ml_a == 0 && ml_b == 0)
        continue;
      gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
      gtk_widget_set_hexpand (label, TRUE);
      gtk_widget_set_tooltip_text (label, sized ? volumes : name);
      gtk_grid_attach (GTK_GRID (self->table), label, 0, row, 1, 1);
      gtk_grid_attach (GTK_GRID (self->table), make_label (dice_text, 1, FALSE), 1, row, 1, 1);
      gtk_grid_attach (GTK_GRID (self->table), make_label (hd95_text, 1, FALSE), 2, row, 1, 1);
      gtk_grid_attach (GTK_GRID (self->table), make_label (mean_text, 1, FALSE), 3, row, 1, 1);
      row++;
    }
}

static void
show (SagComparePane *self)
{
  SagResult *a = sag_workspace_get_result (self->workspace);
  SagResult *b = sag_workspace_get_other (self->workspace);
  gboolean compares = a != NULL && b != NULL
                      && sag_workspace_get_compare (self->workspace) != SAG_COMPARE_OFF;
  GVariant *outcome = compares ? sag_comparer_get_outcome (self->comparer) : NULL;
  const char *problem = sag_comparer_get_problem (self->comparer);

  gtk_widget_set_visible (GTK_WIDGET (self),
                          g_list_model_get_n_items (sag_workspace_get_results (self->workspace)) > 1);
  gtk_widget_set_visible (self->detail, compares);
  if (!compares)
    return;
  {
    g_autofree char *text =
        g_strdup_printf ("A  %s\nB  %s", sag_result_get_name (a), sag_result_get_name (b));

    gtk_label_set_text (GTK_LABEL (self->pair), text);
  }
  if (outcome == NULL)
    gtk_label_set_text (GTK_LABEL (self->slices_head),
                        problem[0] != '\0' ? problem : _ ("Measuring…"));
  if (outcome == self->listed)
    return;
  self->listed = outcome;
  fill_table (self, outcome);
  list_slices (self, outcome);
}

static void
sag_compare_pane_dispose (GObject *object)
{
  SagComparePane *self = SAG_COMPARE_PANE (object);

  g_clear_pointer (&self->box, gtk_widget_unparent);
  g_clear_object (&self->comparer);
  g_clear_object (&self->workspace);
  G_OBJECT_CLASS (sag_compare_pane_parent_class)->dispose (object);
}

static void
sag_compare_pane_class_init (SagComparePaneClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = sag_compare_pane_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_css_name (GTK_WIDGET_CLASS (klass), "comparepane");
}

static GtkWidget *
make_modes (void)
{
  static const struct
  {
    const char *name, *text, *tooltip;
  } modes[] = {
    { "off", N_ ("Off"), N_ ("Show A alone (C)") },
    { "difference", N_ ("Diff"), N_ ("Only A, only B, both") },
    { "swipe", N_ ("Swipe"), N_ ("A left, B right of a line that can be dragged") },
    { "checker", N_ ("Check"), N_ ("A and B in turn, as on a checkerboard") },
    { "side", N_ ("Side"), N_ ("A and B side by side") },
  };
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 0);

  gtk_widget_add_css_class (box, "linked");
  gtk_box_set_homogeneous (GTK_BOX (box), TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      GtkWidget *button = gtk_toggle_button_new_with_label (_ (modes[i].text));

      gtk_actionable_set_action_name (GTK_ACTIONABLE (button), "view.compare-mode");
      gtk_actionable_set_action_target (GTK_ACTIONABLE (button), "s", modes[i].name);
      gtk_widget_set_tooltip_text (button, _ (modes[i].tooltip));
      gtk_widget_set_focus_on_click (button, FALSE);
      gtk_box_append (GTK_BOX (box), button);
    }
  return box;
}

static GtkWidget *
make_pair (SagComparePane *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 8);
  GtkWidget *swap = gtk_button_new_with_label (_ ("Swap"));

  self->pair = gtk_label_new (NULL);
  gtk_label_set_xalign (GTK_LABEL (self->pair), 0);
  gtk_label_set_ellipsize (GTK_LABEL (self->pair), PANGO_ELLIPSIZE_MIDDLE);
  gtk_widget_set_hexpand (self->pair, TRUE);
  gtk_actionable_set_action_name (GTK_ACTIONABLE (swap), "view.compare-swap");
  gtk_widget_set_tooltip_text (swap, _ ("Exchange A and B (X)"));
  gtk_widget_set_valign (swap, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (swap, "small");
  gtk_box_append (GTK_BOX (box), self->pair);
  gtk_box_append (GTK_BOX (box), swap);
  return box;
}

static void
sag_compare_pane_init (SagComparePane *self)
{
  GtkWidget *head = gtk_label_new (_ ("Compare"));
  GtkWidget *scroller = gtk_scrolled_window_new ();

  self->box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  self->detail = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  self->table = gtk_grid_new ();
  self->slices_head = make_label ("", 0, TRUE);
  self->slices = gtk_list_box_new ();
  sag_spoken_name (self->slices, _ ("Slices that differ"));
  gtk_label_set_xalign (GTK_LABEL (head), 0);
  gtk_label_set_wrap (GTK_LABEL (self->slices_head), TRUE);
  gtk_widget_add_css_class (head, "heading");
  gtk_grid_set_column_spacing (GTK_GRID (self->table), 8);
  gtk_grid_set_row_spacing (GTK_GRID (self->table), 2);
  gtk_list_box_set_selection_mode (GTK_LIST_BOX (self->slices), GTK_SELECTION_NONE);
  gtk_widget_add_css_class (self->slices, "labels");
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scroller), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_propagate_natural_height (GTK_SCROLLED_WINDOW (scroller), TRUE);
  gtk_scrolled_window_set_max_content_height (GTK_SCROLLED_WINDOW (scroller), 150);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scroller), self->slices);
  g_signal_connect (self->slices, "row-activated", G_CALLBACK (slice_activated), self);

  gtk_box_append (GTK_BOX (self->detail), make_pair (self));
  gtk_box_append (GTK_BOX (self->detail), self->table);
  gtk_box_append (GTK_BOX (self->detail), self->slices_head);
  gtk_box_append (GTK_BOX (self->detail), scroller);
  gtk_box_append (GTK_BOX (self->box), head);
  gtk_box_append (GTK_BOX (self->box), make_modes ());
  gtk_box_append (GTK_BOX (self->box), self->detail);
  gtk_widget_set_parent (self->box, GTK_WIDGET (self));
}

GtkWidget *
sag_compare_pane_new (SagComparer  *comparer,
                      SagWorkspace *workspace)
{
  SagComparePane *self = g_object_new (SAG_TYPE_COMPARE_PANE, NULL);

  self->comparer = g_object_ref (comparer);
  self->workspace = g_object_ref (workspace);
  g_signal_connect_object (comparer, "changed", G_CALLBACK (show), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (workspace, "notify::result", G_CALLBACK (show), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (workspace, "notify::other", G_CALLBACK (show), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (workspace, "notify::compare", G_CALLBACK (show), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (sag_workspace_get_results (workspace), "items-changed",
                           G_CALLBACK (show), self, G_CONNECT_SWAPPED);
  show (self);
  return GTK_WIDGET (self);
}
