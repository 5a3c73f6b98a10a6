/* SPDX-License-Identifier: Apache-2.0
 *
 * shortcut-editor.c: every command with its keys, to search and to change. */
#include "ui/shortcut-editor.h"

#include "ui/spoken.h"

#include <glib/gi18n-lib.h>

struct _SagShortcutEditor
{
  AdwWindow     parent_instance;

  GSettings    *settings;
  GtkEditable  *search;
  GtkListBox   *list;
  GtkLabel     *says;
  GtkListBoxRow *asking; /* the row that waits for keys; NULL if none */
  char         *wanted;  /* keys pressed once that another command has; NULL if none */
};

G_DEFINE_FINAL_TYPE (SagShortcutEditor, sag_shortcut_editor, ADW_TYPE_WINDOW)

static const SagKey *
get_key (GtkListBoxRow *row)
{
  return g_object_get_data (G_OBJECT (row), "key");
}

/* The keys as people write them: "Ctrl+G or F". */
static char *
dup_keys (SagShortcutEditor *self,
          const SagKey      *key)
{
  g_auto (GStrv) shown = sag_keys_dup_shown (key, self->settings);

  return g_strjoinv (_ (" or "), shown);
}

static void
show_row (SagShortcutEditor *self,
          GtkListBoxRow     *row)
{
  const SagKey *key = get_key (row);
  GtkLabel *label = g_object_get_data (G_OBJECT (row), "keys");
  GtkWidget *reset = g_object_get_data (G_OBJECT (row), "reset");
  g_autofree char *keys = dup_keys (self, key);

  gtk_label_set_text (label, row == self->asking ? _ ("Press keys…") : keys);
  gtk_widget_set_visible (reset, sag_keys_is_changed (key, self->settings));
}

static void
show_all (SagShortcutEditor *self)
{
  GtkListBoxRow *row;

  for (int i = 0; (row = gtk_list_box_get_row_at_index (self->list, i)) != NULL; i++)
    show_row (self, row);
}

static void
ask (SagShortcutEditor *self,
     GtkListBoxRow     *row)
{
  GtkListBoxRow *before = self->asking;

  self->asking = row;
  g_clear_pointer (&self->wanted, g_free);
  if (before != NULL)
    show_row (self, before);
  if (row != NULL)
    show_row (self, row);
  gtk_label_set_text (
      self->says, row != NULL ? _ ("Press the new keys. Backspace: none. Escape: as it was.") : "");
}

/* Takes the keys away from whoever else has them. */
static void
take (SagShortcutEditor *self,
      const char        *accel,
      const SagKey      *from)
{
  g_auto (GStrv) accels = sag_keys_dup_accels (from, self->settings);
  g_autoptr (GStrvBuilder) kept = g_strv_builder_new ();
  g_auto (GStrv) left = NULL;

  for (int i = 0; accels[i] != NULL; i++)
    if (!sag_keys_is_same (accels[i], accel))
      g_strv_builder_add (kept, accels[i]);
  left = g_strv_builder_end (kept);
  sag_keys_set_accels (from, self->settings, (const char *const *) left);
}

static void
give (SagShortcutEditor *self,
      const char        *accel)
{
  const char *const accels[] = { accel, NULL };
  const SagKey *key = get_key (self->asking), *other;

  other = sag_keys_find (accel, self->settings);
  if (other != NULL && other != key)
    {
      if (g_strcmp0 (self->wanted, accel) != 0)
        {
          g_autofree char *label = sag_keys_dup_label (accel);
          g_autofree char *text =
              g_strdup_printf (other->handled != NULL && sag_keys_is_same (other->handled, accel)
                                   ? _ ("%s is kept for “%s”.")
                                   : _ ("%s is “%s”. Press it again to take it from there."),
                               label, _ (other->title));

          g_free (self->wanted);
          self->wanted = g_strdup (accel);
          gtk_label_set_text (self->says, text);
          return;
        }
      if (other->handled != NULL && sag_keys_is_same (other->handled, accel))
        return;
      take (self, accel, other);
    }
  sag_keys_set_accels (key, self->settings, accels);
  ask (self, NULL);
}

static gboolean
key_pressed (GtkEventControllerKey *controller,
             guint                  keyval,
             guint                  keycode,
             GdkModifierType        state,
             SagShortcutEditor     *self)
{
  static const char *const none[] = { NULL };
  GdkEvent *event = gtk_event_controller_get_current_event (GTK_EVENT_CONTROLLER (controller));
  g_autofree char *accel = NULL;
  GdkModifierType modifiers;

  if (self->asking == NULL && keyval == GDK_KEY_Escape)
    {
      gtk_window_close (GTK_WINDOW (self));
      return TRUE;
    }
  if (self->asking == NULL || gdk_key_event_is_modifier (event))
    return FALSE;
  if (!gdk_key_event_get_match (event, &keyval, &modifiers))
    return TRUE;
  modifiers &= gtk_accelerator_get_default_mod_mask ();
  if (modifiers == 0 && keyval == GDK_KEY_Escape)
    ask (self, NULL);
  else if (modifiers == 0 && keyval == GDK_KEY_BackSpace)
    {
      sag_keys_set_accels (get_key (self->asking), self->settings, none);
      ask (self, NULL);
    }
  else if (gtk_accelerator_valid (keyval, modifiers) || keyval == GDK_KEY_Tab)
    {
      accel = gtk_accelerator_name (keyval, modifiers);
      give (self, accel);
    }
  return TRUE;
}

static void
row_activated (GtkListBox        *list,
               GtkListBoxRow     *row,
               SagShortcutEditor *self)
{
  ask (self, row == self->asking ? NULL : row);
}

static void
reset_clicked (GtkWidget         *button,
               SagShortcutEditor *self)
{
  GtkWidget *row = gtk_widget_get_ancestor (button, GTK_TYPE_LIST_BOX_ROW);

  sag_keys_set_accels (get_key (GTK_LIST_BOX_ROW (row)), self->settings, NULL);
}

static void
reset_all_clicked (SagShortcutEditor *self)
{
  g_settings_reset (self->settings, "shortcuts");
  ask (self, NULL);
}

static gboolean
matches (GtkListBoxRow *row,
         gpointer       data)
{
  SagShortcutEditor *self = data;
  g_autofree char *keys = dup_keys (self, get_key (row));

  return sag_key_words_match (get_key (row), keys, gtk_editable_get_text (self->search));
}

static void
add_header (GtkListBoxRow *row,
            GtkListBoxRow *before,
            gpointer       data)
{
  GtkWidget *label;

  if (before != NULL && g_str_equal (get_key (row)->group, get_key (before)->group))
    {
      gtk_list_box_row_set_header (row, NULL);
      return;
    }
  label = gtk_label_new (_ (get_key (row)->group));
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_widget_add_css_class (label, "heading");
  gtk_widget_set_margin_top (label, 12);
  gtk_widget_set_margin_bottom (label, 6);
  gtk_widget_set_margin_start (label, 12);
  gtk_list_box_row_set_header (row, label);
}

static void
add_row (SagShortcutEditor *self,
         const SagKey      *key)
{
  GtkWidget *row = adw_action_row_new (), *keys = gtk_label_new (NULL);
  GtkWidget *reset = gtk_button_new_from_icon_name ("edit-undo-symbolic");

  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), _ (key->title));
  gtk_widget_add_css_class (keys, "dim-label");
  gtk_widget_add_css_class (reset, "flat");
  gtk_widget_set_valign (reset, GTK_ALIGN_CENTER);
  gtk_widget_set_tooltip_text (reset, _ ("As it was built in"));
  sag_spoken_name (reset, _ ("As it was built in"));
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), keys);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), reset);
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), key->handled == NULL);
  g_object_set_data (G_OBJECT (row), "key", (gpointer) key);
  g_object_set_data (G_OBJECT (row), "keys", keys);
  g_object_set_data (G_OBJECT (row), "reset", reset);
  g_signal_connect (reset, "clicked", G_CALLBACK (reset_clicked), self);
  gtk_list_box_append (self->list, row);
}

static void
sag_shortcut_editor_dispose (GObject *object)
{
  SagShortcutEditor *self = SAG_SHORTCUT_EDITOR (object);

  if (self->settings != NULL)
    g_signal_handlers_disconnect_by_data (self->settings, self);
  g_clear_object (&self->settings);
  g_clear_pointer (&self->wanted, g_free);
  G_OBJECT_CLASS (sag_shortcut_editor_parent_class)->dispose (object);
}

static void
sag_shortcut_editor_class_init (SagShortcutEditorClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = sag_shortcut_editor_dispose;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/sagitta/Sagitta/ui/shortcut-editor.ui");
  gtk_widget_class_bind_template_child (widget_class, SagShortcutEditor, search);
  gtk_widget_class_bind_template_child (widget_class, SagShortcutEditor, list);
  gtk_widget_class_bind_template_child (widget_class, SagShortcutEditor, says);
  gtk_widget_class_bind_template_callback (widget_class, row_activated);
  gtk_widget_class_bind_template_callback (widget_class, reset_all_clicked);
}

static void
sag_shortcut_editor_init (SagShortcutEditor *self)
{
  GtkEventController *keys = gtk_event_controller_key_new ();

  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_event_controller_set_propagation_phase (keys, GTK_PHASE_CAPTURE);
  g_signal_connect (keys, "key-pressed", G_CALLBACK (key_pressed), self);
  gtk_widget_add_controller (GTK_WIDGET (self), keys);
  gtk_list_box_set_filter_func (self->list, matches, self, NULL);
  gtk_list_box_set_header_func (self->list, add_header, NULL, NULL);
  g_signal_connect_object (self->search, "changed", G_CALLBACK (gtk_list_box_invalidate_filter),
                           self->list, G_CONNECT_SWAPPED);
}

GtkWindow *
sag_shortcut_editor_new (GSettings *settings)
{
  SagShortcutEditor *self = g_object_new (SAG_TYPE_SHORTCUT_EDITOR, NULL);
  int n;
  const SagKey *keys = sag_keys_get (&n);

  self->settings = g_object_ref (settings);
  for (int i = 0; i < n; i++)
    add_row (self, &keys[i]);
  g_signal_connect_swapped (settings, "changed::shortcuts", G_CALLBACK (show_all), self);
  show_all (self);
  gtk_widget_grab_focus (GTK_WIDGET (self->search)); /* not "Reset All" */
  return GTK_WINDOW (self);
}
