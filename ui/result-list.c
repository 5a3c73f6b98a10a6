/* SPDX-License-Identifier: Apache-2.0
 *
 * result-list.c: the results over the open images. */
#include "ui/result-list.h"

#include "ui/spoken.h"

#include <glib/gi18n-lib.h>

struct _SagResultList
{
  GtkWidget     parent_instance;

  SagWorkspace *workspace;
  GtkWidget    *box;
  GtkWidget    *list;
};

G_DEFINE_FINAL_TYPE (SagResultList, sag_result_list, GTK_TYPE_WIDGET)

static SagResult *
get_result (GtkWidget *row)
{
  return g_object_get_data (G_OBJECT (row), "result");
}

/* ---- one row */

static void
rename_changed (GtkEditable *entry,
                SagResult   *result)
{
  const char *text = gtk_editable_get_text (entry);

  if (text[0] != '\0')
    sag_result_set_name (result, text);
}

static void
close_popover (GtkWidget *widget)
{
  gtk_popover_popdown (GTK_POPOVER (gtk_widget_get_ancestor (widget, GTK_TYPE_POPOVER)));
}

static void
compare_clicked (GtkWidget     *button,
                 SagResultList *self)
{
  SagResult *result = get_result (button);

  close_popover (button);
  if (result == sag_workspace_get_result (self->workspace))
    return;
  sag_workspace_set_other (self->workspace, result);
  if (sag_workspace_get_compare (self->workspace) == SAG_COMPARE_OFF)
    sag_workspace_set_compare (self->workspace, SAG_COMPARE_DIFFERENCE);
}

static void
remove_clicked (GtkWidget     *button,
                SagResultList *self)
{
  g_autoptr (SagResult) result = g_object_ref (get_result (button));

  close_popover (button);
  sag_workspace_remove_result (self->workspace, result);
}

static GtkWidget *
make_button (SagResultList *self,
             SagResult     *result,
             const char    *text,
             GCallback      clicked)
{
  GtkWidget *button = gtk_button_new_with_label (text);

  g_object_set_data_full (G_OBJECT (button), "result", g_object_ref (result), g_object_unref);
  g_signal_connect_object (button, "clicked", clicked, self, 0);
  return button;
}

static GtkWidget *
make_menu (SagResultList *self,
           SagResult     *result)
{
  GtkWidget *menu = gtk_menu_button_new ();
  GtkWidget *popover = gtk_popover_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  GtkWidget *entry = gtk_entry_new ();

  gtk_editable_set_text (GTK_EDITABLE (entry), sag_result_get_name (result));
  g_signal_connect_object (entry, "changed", G_CALLBACK (rename_changed), result, 0);
  g_signal_connect (entry, "activate", G_CALLBACK (close_popover), NULL);
  gtk_widget_set_tooltip_text (entry, _ ("Name"));
  sag_spoken_name (entry, _ ("Name"));
  gtk_box_append (GTK_BOX (box), entry);
  gtk_box_append (GTK_BOX (box), make_button (self, result, _ ("Compare with the One Shown"),
                                              G_CALLBACK (compare_clicked)));
  gtk_box_append (GTK_BOX (box),
                  make_button (self, result, _ ("Remove"), G_CALLBACK (remove_clicked)));
  gtk_popover_set_child (GTK_POPOVER (popover), box);
  gtk_menu_button_set_popover (GTK_MENU_BUTTON (menu), popover);
  gtk_menu_button_set_icon_name (GTK_MENU_BUTTON (menu), "view-more-symbolic");
  gtk_widget_set_valign (menu, GTK_ALIGN_CENTER);
  gtk_widget_set_tooltip_text (menu, _ ("Rename, compare, remove"));
  sag_spoken_name (menu, _ ("Rename, compare, remove"));
  gtk_widget_add_css_class (menu, "flat");
  gtk_widget_add_css_class (menu, "small");
  return menu;
}

static gboolean
has_text (GBinding     *binding,
          const GValue *from,
          GValue       *to,
          gpointer      data)
{
  const char *text = g_value_get_string (from);

  g_value_set_boolean (to, text != NULL && text[0] != '\0');
  return TRUE;
}

static GtkWidget *
make_row (gpointer item,
          gpointer data)
{
  SagResultList *self = data;
  SagResult *result = item;
  GtkWidget *row = gtk_list_box_row_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 8);
  GtkWidget *mark = gtk_label_new ("");
  GtkWidget *texts = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *name = gtk_label_new (NULL);
  GtkWidget *note = gtk_label_new (NULL);
  GtkWidget *menu = make_menu (self, result);

  gtk_label_set_xalign (GTK_LABEL (name), 0);
  /* In the middle: what tells runs of a model apart, its precision, stands at the end. */
  gtk_label_set_wrap (GTK_LABEL (name), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (name), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_lines (GTK_LABEL (name), 2);
  gtk_label_set_ellipsize (GTK_LABEL (name), PANGO_ELLIPSIZE_MIDDLE);
  gtk_label_set_xalign (GTK_LABEL (note), 0);
  gtk_label_set_ellipsize (GTK_LABEL (note), PANGO_ELLIPSIZE_END);
  gtk_widget_set_hexpand (texts, TRUE);
  gtk_widget_set_valign (texts, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (note, "dim-label");
  gtk_widget_add_css_class (note, "caption");
  gtk_widget_add_css_class (note, "numeric");
  gtk_label_set_width_chars (GTK_LABEL (mark), 2);
  gtk_widget_add_css_class (mark, "mark");
  g_object_bind_property (result, "name", name, "label", G_BINDING_SYNC_CREATE);
  g_object_bind_property (result, "name", name, "tooltip-text", G_BINDING_SYNC_CREATE);
  g_object_bind_property (result, "note", note, "label", G_BINDING_SYNC_CREATE);
  g_object_bind_property_full (result, "note", note, "visible", G_BINDING_SYNC_CREATE, has_text, NULL, NULL,
                               NULL);
  /* One that is being made is stopped by its run's Cancel. */
  g_object_bind_property (result, "complete", menu, "sensitive", G_BINDING_SYNC_CREATE);
  gtk_box_append (GTK_BOX (box), mark);
  gtk_box_append (GTK_BOX (texts), name);
  gtk_box_append (GTK_BOX (texts), note);
  gtk_box_append (GTK_BOX (box), texts);
  gtk_box_append (GTK_BOX (box), menu);
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), box);
  gtk_accessible_update_relation (GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_RELATION_LABELLED_BY, name,
                                  note, NULL, -1);
  g_object_set_data (G_OBJECT (row), "result", result);
  g_object_set_data (G_OBJECT (row), "mark", mark);
  return row;
}

/* ---- all of them */

/* A is what is shown, B what it is compared with: as in the legend over the image. */
static void
show_marks (SagResultList *self)
{
  SagResult *shown = sag_workspace_get_result (self->workspace);
  SagResult *other = sag_workspace_get_other (self->workspace);
  gboolean compares =
      other != NULL && sag_workspace_get_compare (self->workspace) != SAG_COMPARE_OFF;

  gtk_widget_set_visible (GTK_WIDGET (self),
                          g_list_model_get_n_items (sag_workspace_get_results (self->workspace)) > 0);
  for (GtkWidget *row = gtk_widget_get_first_child (self->list); row != NULL;
       row = gtk_widget_get_next_sibling (row))
    {
      SagResult *result = get_result (row);
      GtkWidget *mark = g_object_get_data (G_OBJECT (row), "mark");
      const char *text = result == shown               ? compares ? "A" : "●"
                         : compares && result == other ? "B"
                                                       : "";

      gtk_label_set_text (GTK_LABEL (mark), text);
      if (result == shown)
        gtk_widget_add_css_class (row, "shown");
      else
        gtk_widget_remove_css_class (row, "shown");
      gtk_accessible_update_state (GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_STATE_CHECKED,
                                   result == shown ? GTK_ACCESSIBLE_TRISTATE_TRUE
                                                   : GTK_ACCESSIBLE_TRISTATE_FALSE,
                                   -1);
    }
}

static void
row_activated (GtkListBox    *list,
               GtkListBoxRow *row,
               SagResultList *self)
{
  sag_workspace_show_result (self->workspace, get_result (GTK_WIDGET (row)));
}

static void
sag_result_list_dispose (GObject *object)
{
  SagResultList *self = SAG_RESULT_LIST (object);

  g_clear_pointer (&self->box, gtk_widget_unparent);
  g_clear_object (&self->workspace);
  G_OBJECT_CLASS (sag_result_list_parent_class)->dispose (object);
}

static void
sag_result_list_class_init (SagResultListClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = sag_result_list_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_css_name (GTK_WIDGET_CLASS (klass), "resultlist");
}

static void
sag_result_list_init (SagResultList *self)
{
  GtkWidget *head = gtk_label_new (_ ("Results"));

  self->box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 4);
  self->list = gtk_list_box_new ();
  sag_spoken_name (self->list, _ ("Results"));
  gtk_label_set_xalign (GTK_LABEL (head), 0);
  gtk_widget_add_css_class (head, "heading");
  gtk_list_box_set_selection_mode (GTK_LIST_BOX (self->list), GTK_SELECTION_NONE);
  gtk_widget_add_css_class (self->list, "labels");
  gtk_box_append (GTK_BOX (self->box), head);
  gtk_box_append (GTK_BOX (self->box), self->list);
  gtk_widget_set_parent (self->box, GTK_WIDGET (self));
}

GtkWidget *
sag_result_list_new (SagWorkspace *workspace)
{
  SagResultList *self = g_object_new (SAG_TYPE_RESULT_LIST, NULL);

  self->workspace = g_object_ref (workspace);
  gtk_list_box_bind_model (GTK_LIST_BOX (self->list), sag_workspace_get_results (workspace),
                           make_row, self, NULL);
  g_signal_connect (self->list, "row-activated", G_CALLBACK (row_activated), self);
  g_signal_connect_object (workspace, "notify::result", G_CALLBACK (show_marks), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (workspace, "notify::other", G_CALLBACK (show_marks), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (workspace, "notify::compare", G_CALLBACK (show_marks), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (sag_workspace_get_results (workspace), "items-changed",
                           G_CALLBACK (show_marks), self, G_CONNECT_SWAPPED | G_CONNECT_AFTER);
  show_marks (self);
  return GTK_WIDGET (self);
}
