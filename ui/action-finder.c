/* SPDX-License-Identifier: Apache-2.0
 *
 * action-finder.c: find a command by its name and run it. */
#include "ui/action-finder.h"

#include "ui/key-words.h"
#include "ui/spoken.h"

#include <glib/gi18n-lib.h>

struct _SagActionFinder
{
  GtkPopover      parent_instance;

  GtkEditable    *search;
  GtkListBox     *list;
};

G_DEFINE_FINAL_TYPE (SagActionFinder, sag_action_finder, GTK_TYPE_POPOVER)

static const SagKey *
get_key (GtkListBoxRow *row)
{
  return g_object_get_data (G_OBJECT (row), "key");
}

static gboolean
matches (GtkListBoxRow *row,
         gpointer       data)
{
  SagActionFinder *self = data;

  return sag_key_words_match (get_key (row), NULL, gtk_editable_get_text (self->search));
}

static void
activate_row (SagActionFinder *self,
              GtkListBoxRow   *row)
{
  GtkWidget *button = gtk_widget_get_parent (GTK_WIDGET (self));
  const SagKey *key = get_key (row);
  g_autofree char *name = NULL;
  g_autoptr (GVariant) target = NULL;

  gtk_popover_popdown (GTK_POPOVER (self));
  if (!g_action_parse_detailed_name (key->action, &name, &target, NULL))
    g_assert_not_reached ();
  gtk_widget_activate_action_variant (button, name, target);
}

static void
search_changed (SagActionFinder *self)
{
  GtkListBoxRow *row;
  int i = 0;

  gtk_list_box_invalidate_filter (self->list);
  while ((row = gtk_list_box_get_row_at_index (self->list, i++)) != NULL)
    if (gtk_widget_get_child_visible (GTK_WIDGET (row)))
      break;
  gtk_list_box_select_row (self->list, row);
}

static void
search_activated (SagActionFinder *self)
{
  GtkListBoxRow *row = gtk_list_box_get_selected_row (self->list);

  if (row != NULL)
    activate_row (self, row);
}

static void
shown (SagActionFinder *self)
{
  gtk_editable_set_text (self->search, "");
  search_changed (self);
  gtk_widget_grab_focus (GTK_WIDGET (self->search));
}

static GtkWidget *
make_row (const SagKey *key,
          GSettings    *settings)
{
  GtkWidget *row = gtk_list_box_row_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  GtkWidget *title = gtk_label_new (_ (key->title));
  g_auto (GStrv) accels = sag_keys_dup_accels (key, settings);
  const char *shown_key = accels[0] != NULL ? accels[0] : key->handled;

  gtk_widget_set_hexpand (title, TRUE);
  gtk_label_set_xalign (GTK_LABEL (title), 0);
  gtk_box_append (GTK_BOX (box), title);
  if (shown_key != NULL)
    {
      guint value;
      GdkModifierType modifiers;

      if (gtk_accelerator_parse (shown_key, &value, &modifiers))
        {
          g_autofree char *text = gtk_accelerator_get_label (value, modifiers);
          GtkWidget *label = gtk_label_new (text);

          gtk_widget_add_css_class (label, "dim-label");
          gtk_box_append (GTK_BOX (box), label);
        }
    }
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), box);
  sag_spoken_name (row, _ (key->title));
  g_object_set_data (G_OBJECT (row), "key", (gpointer) key);
  return row;
}

static void
sag_action_finder_class_init (SagActionFinderClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/sagitta/Sagitta/ui/action-finder.ui");
  gtk_widget_class_bind_template_child (widget_class, SagActionFinder, search);
  gtk_widget_class_bind_template_child (widget_class, SagActionFinder, list);
}

static void
sag_action_finder_init (SagActionFinder *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_list_box_set_filter_func (self->list, matches, self, NULL);
  g_signal_connect_swapped (self->list, "row-activated", G_CALLBACK (activate_row), self);
  g_signal_connect_swapped (self->search, "changed", G_CALLBACK (search_changed), self);
  g_signal_connect_swapped (self->search, "activate", G_CALLBACK (search_activated), self);
  g_signal_connect_swapped (self->search, "stop-search", G_CALLBACK (gtk_popover_popdown), self);
  g_signal_connect (self, "show", G_CALLBACK (shown), NULL);
}

GtkWidget *
sag_action_finder_new (GSettings *settings)
{
  SagActionFinder *self = g_object_new (SAG_TYPE_ACTION_FINDER, NULL);
  int n;
  const SagKey *keys = sag_keys_get (&n);

  for (int i = 0; i < n; i++)
    gtk_list_box_append (self->list, make_row (&keys[i], settings));
  return GTK_WIDGET (self);
}
