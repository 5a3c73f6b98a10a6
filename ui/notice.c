/* SPDX-License-Identifier: Apache-2.0
 *
 * notice.c: a banner over the views. (AdwBanner is of libadwaita 1.3.) */
#include "ui/notice.h"

struct _SagNotice
{
  GtkWidget    parent_instance;

  GtkRevealer *revealer;
  GtkWidget   *box;
  GtkLabel    *text;
  GtkWidget   *remedy;
  GtkWidget   *close;

  char        *error;    /* NULL if none; stands before the warnings */
  char        *note;     /* likewise, after it */
  char        *warnings; /* NULL if none, or dismissed */
  gboolean     mends;    /* there is a remedy */
};

G_DEFINE_FINAL_TYPE (SagNotice, sag_notice, GTK_TYPE_WIDGET)

static void
sag_notice_update (SagNotice *self)
{
  const char *text = self->error != NULL  ? self->error
                     : self->note != NULL ? self->note
                                          : self->warnings;


  gtk_widget_set_visible (self->remedy, self->mends && text != NULL && text == self->warnings);
  if (text != NULL)
    {
      gtk_label_set_text (self->text, text);
      gtk_widget_set_tooltip_text (GTK_WIDGET (self->text), text);
    }
  if (self->error != NULL)
    gtk_widget_add_css_class (self->box, "error");
  else
    gtk_widget_remove_css_class (self->box, "error");
  gtk_revealer_set_reveal_child (self->revealer, text != NULL);
}

void
sag_notice_set_error (SagNotice  *self,
                      const char *message)
{
  g_free (self->error);
  self->error = message != NULL && message[0] != '\0' ? g_strdup (message) : NULL;
  sag_notice_update (self);
}

void
sag_notice_set_note (SagNotice  *self,
                     const char *message)
{
  g_free (self->note);
  self->note = message != NULL && message[0] != '\0' ? g_strdup (message) : NULL;
  sag_notice_update (self);
}

void
sag_notice_set_remedy (SagNotice  *self,
                       const char *label,
                       const char *action,
                       const char *tooltip)
{
  self->mends = label != NULL;
  if (self->mends)
    {
      gtk_button_set_label (GTK_BUTTON (self->remedy), label);
      gtk_widget_set_tooltip_text (self->remedy, tooltip);
      gtk_actionable_set_action_name (GTK_ACTIONABLE (self->remedy), action);
    }
  sag_notice_update (self);
}

void
sag_notice_set_warnings (SagNotice         *self,
                         const char *const *warnings)
{
  g_clear_pointer (&self->warnings, g_free);
  if (warnings != NULL && warnings[0] != NULL)
    self->warnings = g_strjoinv ("\n", (char **) warnings);
  sag_notice_update (self);
}

const char *
sag_notice_get_text (SagNotice *self)
{
  return gtk_revealer_get_reveal_child (self->revealer) ? gtk_label_get_text (self->text) : "";
}

static void
dismiss (SagNotice *self)
{
  if (self->error != NULL)
    g_clear_pointer (&self->error, g_free);
  else if (self->note != NULL)
    g_clear_pointer (&self->note, g_free);
  else
    g_clear_pointer (&self->warnings, g_free);
  sag_notice_update (self);
}

static void
sag_notice_dispose (GObject *object)
{
  SagNotice *self = SAG_NOTICE (object);
  GtkWidget *child = gtk_widget_get_first_child (GTK_WIDGET (self));

  g_clear_pointer (&self->error, g_free);
  g_clear_pointer (&self->note, g_free);
  g_clear_pointer (&self->warnings, g_free);
  if (child != NULL)
    gtk_widget_unparent (child);
  G_OBJECT_CLASS (sag_notice_parent_class)->dispose (object);
}

static void
sag_notice_class_init (SagNoticeClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = sag_notice_dispose;
  gtk_widget_class_set_template_from_resource (widget_class, "/org/sagitta/Sagitta/ui/notice.ui");
  gtk_widget_class_bind_template_child (widget_class, SagNotice, revealer);
  gtk_widget_class_bind_template_child (widget_class, SagNotice, box);
  gtk_widget_class_bind_template_child (widget_class, SagNotice, text);
  gtk_widget_class_bind_template_child (widget_class, SagNotice, remedy);
  gtk_widget_class_bind_template_child (widget_class, SagNotice, close);
}

static void
sag_notice_init (SagNotice *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  g_signal_connect_swapped (self->close, "clicked", G_CALLBACK (dismiss), self);
}
