/* SPDX-License-Identifier: Apache-2.0
 *
 * file-dialogs.c: asking for a file or folder. */
#include "ui/file-dialogs.h"

#include <glib/gi18n-lib.h>

/* Where something was chosen last, so that the next question begins there; only while the program runs. */
static GFile *last_folder;

typedef struct
{
  SagFileChosen     chosen;
  SagFileChosenWith chosen_with; /* instead, with choices */
  int               n_choices;
  gpointer          data;
} Question;

static char **
dup_values (GtkFileChooser *chooser,
            int             n)
{
  g_autoptr (GStrvBuilder) values = g_strv_builder_new ();

  for (int i = 0; i < n; i++)
    {
      g_autofree char *id = g_strdup_printf ("choice-%d", i);
      const char *value = gtk_file_chooser_get_choice (chooser, id);

      g_strv_builder_add (values, value != NULL ? value : "");
    }
  return g_strv_builder_end (values);
}

static void
answered (GtkNativeDialog *dialog,
          int              response,
          gpointer         data)
{
  Question *question = data;

  if (response == GTK_RESPONSE_ACCEPT)
    {
      g_autoptr (GListModel) files = gtk_file_chooser_get_files (GTK_FILE_CHOOSER (dialog));
      g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);

      g_clear_object (&last_folder);
      last_folder = gtk_file_chooser_get_current_folder (GTK_FILE_CHOOSER (dialog));
      for (guint i = 0; i < g_list_model_get_n_items (files); i++)
        {
          g_autoptr (GFile) file = g_list_model_get_item (files, i);
          char *path = g_file_get_path (file);

          if (path != NULL)
            g_ptr_array_add (paths, path);
        }
      g_ptr_array_add (paths, NULL);
      if (paths->len > 1)
        {
          g_auto (GStrv) values = dup_values (GTK_FILE_CHOOSER (dialog), question->n_choices);

          if (question->chosen_with != NULL)
            question->chosen_with ((const char *const *) paths->pdata,
                                   (const char *const *) values, question->data);
          else
            question->chosen ((const char *const *) paths->pdata, question->data);
        }
    }
  gtk_native_dialog_destroy (dialog);
  g_object_unref (dialog);
}

/* Nobody is left to be answered. */
static void
parent_destroyed (GtkNativeDialog *dialog)
{
  gtk_native_dialog_destroy (dialog);
  g_object_unref (dialog);
}

static void
ask (GtkWindow            *parent,
     GtkFileChooserAction  action,
     const char           *title,
     const char           *name,
     const SagFileChoice  *choices, /* or NULL */
     Question             *question) /* taken */
{
  gboolean folder = action == GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER;
  GtkFileChooserNative *dialog = gtk_file_chooser_native_new (
      title, parent, action, choices != NULL && folder ? _ ("Save Here") : NULL, NULL);

  /* Beside choices GTK shows a list of filters, and would show an empty one. */
  if (choices != NULL)
    {
      g_autoptr (GtkFileFilter) all = gtk_file_filter_new ();

      gtk_file_filter_set_name (all, folder ? _ ("All folders") : _ ("All files"));
      gtk_file_filter_add_pattern (all, "*");
      gtk_file_chooser_add_filter (GTK_FILE_CHOOSER (dialog), all);
    }
  for (; choices != NULL && choices->label != NULL; choices++)
    {
      g_autofree char *id = g_strdup_printf ("choice-%d", question->n_choices++);

      gtk_file_chooser_add_choice (GTK_FILE_CHOOSER (dialog), id, choices->label,
                                   (const char **) choices->names, (const char **) choices->options);
      gtk_file_chooser_set_choice (GTK_FILE_CHOOSER (dialog), id, choices->value);
    }
  /* Left alone, GTK begins with what was used recently by any program: empty, for folders. */
  if (last_folder == NULL)
    last_folder = g_file_new_for_path (g_get_home_dir ());
  gtk_file_chooser_set_current_folder (GTK_FILE_CHOOSER (dialog), last_folder, NULL);
  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (dialog), TRUE);
  if (action == GTK_FILE_CHOOSER_ACTION_SAVE && name != NULL)
    gtk_file_chooser_set_current_name (GTK_FILE_CHOOSER (dialog), name);
  gtk_file_chooser_set_select_multiple (GTK_FILE_CHOOSER (dialog),
                                        action == GTK_FILE_CHOOSER_ACTION_OPEN);
  g_signal_connect_data (dialog, "response", G_CALLBACK (answered), question,
                         (GClosureNotify) (void *)g_free, 0);
  g_signal_connect_object (parent, "destroy", G_CALLBACK (parent_destroyed), dialog,
                           G_CONNECT_SWAPPED);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (dialog));
}

void
sag_file_dialog_show (GtkWindow            *parent,
                      GtkFileChooserAction  action,
                      const char           *title,
                      const char           *name,
                      SagFileChosen         chosen,
                      gpointer              data)
{
  Question *question = g_new0 (Question, 1);

  question->chosen = chosen;
  question->data = data;
  ask (parent, action, title, name, NULL, question);
}

void
sag_file_dialog_show_with (GtkWindow            *parent,
                           GtkFileChooserAction  action,
                           const char           *title,
                           const char           *name,
                           const SagFileChoice  *choices,
                           SagFileChosenWith     chosen,
                           gpointer              data)
{
  Question *question = g_new0 (Question, 1);

  question->chosen_with = chosen;
  question->data = data;
  ask (parent, action, title, name, choices, question);
}
