/* SPDX-License-Identifier: Apache-2.0
 *
 * preferences.c: the few things that are a matter of taste. */
#include "ui/preferences.h"

struct _SagPreferences
{
  AdwPreferencesWindow parent_instance;

  GSettings           *settings;
  GtkWidget           *smooth;
  GtkAdjustment       *text_scale_adjustment;
  GtkWidget           *appearance;
  GtkWidget           *large_controls;
  GtkWidget           *hanging;
  GtkWidget           *neurological;
  GtkWidget           *mouse_left;
  GtkWidget           *mouse_middle;
  GtkWidget           *mouse_right;
  GtkWidget           *show_patient;
  GtkWidget           *remember_recent;
};

G_DEFINE_FINAL_TYPE (SagPreferences, sag_preferences, ADW_TYPE_PREFERENCES_WINDOW)

/* In the order of the lists in preferences.ui; each ends with NULL. */
static const char *const tools[] = { "none", "window", "pan", "zoom", "scroll", NULL };
static const char *const appearances[] = { "dark", "light", "system", NULL };

static gboolean
get_choice (GValue *value, GVariant *variant, gpointer data)
{
  const char *const *choices = data;

  for (guint c = 0; choices[c] != NULL; c++)
    if (g_str_equal (g_variant_get_string (variant, NULL), choices[c]))
      g_value_set_uint (value, c);
  return TRUE;
}

static GVariant *
set_choice (const GValue *value, const GVariantType *type, gpointer data)
{
  const char *const *choices = data;
  guint              c = g_value_get_uint (value);

  return c < g_strv_length ((char **)choices) ? g_variant_new_string (choices[c]) : NULL;
}

static void
bind_choice (GSettings *settings, const char *key, GtkWidget *row, const char *const *choices)
{
  g_settings_bind_with_mapping (settings, key, row, "selected", G_SETTINGS_BIND_DEFAULT, get_choice,
                                set_choice, (gpointer)choices, NULL);
}

/* What is no longer to be remembered is forgotten too. */
static void
remember_changed (SagPreferences *self)
{
  if (!g_settings_get_boolean (self->settings, "remember-recent"))
    g_settings_reset (self->settings, "recent-folders");
}

static void
sag_preferences_dispose (GObject *object)
{
  SagPreferences *self = SAG_PREFERENCES (object);

  if (self->settings != NULL)
    g_signal_handlers_disconnect_by_data (self->settings, self);
  g_clear_object (&self->settings);
  G_OBJECT_CLASS (sag_preferences_parent_class)->dispose (object);
}

static void
sag_preferences_class_init (SagPreferencesClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = sag_preferences_dispose;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/sagitta/Sagitta/ui/preferences.ui");
  gtk_widget_class_bind_template_child (widget_class, SagPreferences, smooth);
  gtk_widget_class_bind_template_child (widget_class, SagPreferences, text_scale_adjustment);
  gtk_widget_class_bind_template_child (widget_class, SagPreferences, appearance);
  gtk_widget_class_bind_template_child (widget_class, SagPreferences, large_controls);
  gtk_widget_class_bind_template_child (widget_class, SagPreferences, hanging);
  gtk_widget_class_bind_template_child (widget_class, SagPreferences, neurological);
  gtk_widget_class_bind_template_child (widget_class, SagPreferences, mouse_left);
  gtk_widget_class_bind_template_child (widget_class, SagPreferences, mouse_middle);
  gtk_widget_class_bind_template_child (widget_class, SagPreferences, mouse_right);
  gtk_widget_class_bind_template_child (widget_class, SagPreferences, show_patient);
  gtk_widget_class_bind_template_child (widget_class, SagPreferences, remember_recent);
}

static void
sag_preferences_init (SagPreferences *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

GtkWindow *
sag_preferences_new (GSettings *settings)
{
  SagPreferences *self = g_object_new (SAG_TYPE_PREFERENCES, NULL);

  self->settings = g_object_ref (settings);
  g_settings_bind (settings, "smooth", self->smooth, "active", G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (settings, "text-scale", self->text_scale_adjustment, "value",
                   G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (settings, "hanging", self->hanging, "active", G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (settings, "neurological", self->neurological, "active", G_SETTINGS_BIND_DEFAULT);
  bind_choice (settings, "appearance", self->appearance, appearances);
  g_settings_bind (settings, "large-controls", self->large_controls, "active",
                   G_SETTINGS_BIND_DEFAULT);
  bind_choice (settings, "mouse-left", self->mouse_left, tools);
  bind_choice (settings, "mouse-middle", self->mouse_middle, tools);
  bind_choice (settings, "mouse-right", self->mouse_right, tools);
  g_settings_bind (settings, "show-patient", self->show_patient, "active", G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (settings, "remember-recent", self->remember_recent, "active",
                   G_SETTINGS_BIND_DEFAULT);
  g_signal_connect_swapped (settings, "changed::remember-recent", G_CALLBACK (remember_changed),
                            self);
  return GTK_WINDOW (self);
}
