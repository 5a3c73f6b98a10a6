/* SPDX-License-Identifier: Apache-2.0
 *
 * tags-dialog.c: the attributes of one DICOM file. */
#include "ui/tags-dialog.h"

#include "app/work/job.h"

#include <glib/gi18n-lib.h>

struct _SagTagsDialog
{
  AdwWindow       parent_instance;

  SagJob         *job; /* running, or NULL */
  GListStore     *tags; /* of GtkStringObject: see column_text() */
  GtkStack       *stack;
  AdwStatusPage  *problem;
  GtkColumnView  *view;
  GtkEditable    *search;
  GtkFilter      *filter;
};

G_DEFINE_FINAL_TYPE (SagTagsDialog, sag_tags_dialog, ADW_TYPE_WINDOW)

/* A row is one string, its columns separated by unit separators: tag, VR, name, value. */
#define SEPARATOR "\x1f"

static char *
column_text (GtkStringObject *row,
             int              column)
{
  g_auto (GStrv) columns = g_strsplit (gtk_string_object_get_string (row), SEPARATOR, 4);

  return g_strdup (columns[column]);
}

static void
setup (GtkSignalListItemFactory *factory,
       GtkListItem              *item,
       gpointer                  data)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_list_item_set_child (item, label);
}

static void
bind (GtkSignalListItemFactory *factory,
      GtkListItem              *item,
      gpointer                  column)
{
  GtkWidget *label = gtk_list_item_get_child (item);
  g_autofree char *text = column_text (gtk_list_item_get_item (item), GPOINTER_TO_INT (column));

  gtk_label_set_text (GTK_LABEL (label), text);
  gtk_widget_set_tooltip_text (label, text);
}

static void
add_column (SagTagsDialog *self,
            const char    *title,
            int            number,
            int            width)
{
  GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();
  GtkColumnViewColumn *column;

  g_signal_connect (factory, "setup", G_CALLBACK (setup), NULL);
  g_signal_connect (factory, "bind", G_CALLBACK (bind), GINT_TO_POINTER (number));
  column = gtk_column_view_column_new (title, factory);
  gtk_column_view_column_set_resizable (column, TRUE);
  if (width > 0)
    gtk_column_view_column_set_fixed_width (column, width);
  else
    gtk_column_view_column_set_expand (column, TRUE);
  gtk_column_view_append_column (self->view, column);
  g_object_unref (column);
}

static gboolean
matches (gpointer item,
         gpointer data)
{
  SagTagsDialog *self = data;
  const char *wanted = gtk_editable_get_text (self->search);
  g_autofree char *needle = g_utf8_casefold (wanted, -1);
  g_autofree char *hay = g_utf8_casefold (gtk_string_object_get_string (item), -1);

  return strstr (hay, needle) != NULL;
}

static void
search_changed (SagTagsDialog *self)
{
  gtk_filter_changed (self->filter, GTK_FILTER_CHANGE_DIFFERENT);
}

static void
fill (SagTagsDialog *self,
      GVariant      *result)
{
  g_autoptr (GVariantIter) tags = NULL;
  const char *tag, *vr, *name, *value;
  guint32 depth;

  if (!g_variant_lookup (result, "tags", "a(ussss)", &tags))
    return;
  while (g_variant_iter_next (tags, "(u&s&s&s&s)", &depth, &tag, &vr, &name, &value))
    {
      g_autofree char *row = g_strdup_printf ("%*s%s" SEPARATOR "%s" SEPARATOR "%s" SEPARATOR "%s",
                                              (int) MIN (depth, 16) * 2, "", tag, vr, name, value);
      g_autoptr (GtkStringObject) object = gtk_string_object_new (row);

      g_list_store_append (self->tags, object);
    }
}

static void
tags_done (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  g_autoptr (SagTagsDialog) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) tags = sag_job_finish (SAG_JOB (source), result, &error);

  g_clear_object (&self->job);
  if (self->stack == NULL)
    return; /* closed meanwhile */
  if (tags == NULL)
    {
      adw_status_page_set_description (self->problem, error->message);
      gtk_stack_set_visible_child_name (self->stack, "problem");
      return;
    }
  fill (self, tags);
  gtk_stack_set_visible_child_name (self->stack, "list");
}

static void
sag_tags_dialog_dispose (GObject *object)
{
  SagTagsDialog *self = SAG_TAGS_DIALOG (object);

  if (self->job != NULL)
    sag_job_cancel (self->job);
  self->stack = NULL;
  g_clear_object (&self->tags);
  G_OBJECT_CLASS (sag_tags_dialog_parent_class)->dispose (object);
}

static void
sag_tags_dialog_class_init (SagTagsDialogClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = sag_tags_dialog_dispose;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/sagitta/Sagitta/ui/tags-dialog.ui");
  gtk_widget_class_bind_template_child (widget_class, SagTagsDialog, stack);
  gtk_widget_class_bind_template_child (widget_class, SagTagsDialog, problem);
  gtk_widget_class_bind_template_child (widget_class, SagTagsDialog, view);
  gtk_widget_class_bind_template_child (widget_class, SagTagsDialog, search);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Escape, 0, "window.close", NULL);
}

static void
sag_tags_dialog_init (SagTagsDialog *self)
{
  GtkFilterListModel *found;
  GtkNoSelection *selection;

  gtk_widget_init_template (GTK_WIDGET (self));
  self->tags = g_list_store_new (GTK_TYPE_STRING_OBJECT);
  self->filter = GTK_FILTER (gtk_custom_filter_new (matches, self, NULL));
  found = gtk_filter_list_model_new (g_object_ref (G_LIST_MODEL (self->tags)), self->filter);
  selection = gtk_no_selection_new (G_LIST_MODEL (found));
  gtk_column_view_set_model (self->view, GTK_SELECTION_MODEL (selection));
  g_object_unref (selection);
  add_column (self, _ ("Tag"), 0, 150);
  add_column (self, "VR", 1, 60);
  add_column (self, _ ("Name"), 2, 250);
  add_column (self, _ ("Value"), 3, 0);
  g_signal_connect_swapped (self->search, "changed", G_CALLBACK (search_changed), self);
}

GtkWindow *
sag_tags_dialog_new (const char *path)
{
  SagTagsDialog *self = g_object_new (SAG_TYPE_TAGS_DIALOG, NULL);
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *title = g_strdup_printf (_ ("DICOM tags of %s"), name);

  gtk_window_set_title (GTK_WINDOW (self), title);
  self->job = sag_job_new_tags (path);
  sag_job_start_async (self->job, NULL, tags_done, g_object_ref (self));
  return GTK_WINDOW (self);
}
