/* SPDX-License-Identifier: Apache-2.0
 *
 * file-dialogs.c: asking for a file or folder. */
#include "ui/file-dialogs.h"

typedef struct
{
  SagFileChosen chosen;
  gpointer      data;
} Question;

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

      for (guint i = 0; i < g_list_model_get_n_items (files); i++)
        {
          g_autoptr (GFile) file = g_list_model_get_item (files, i);
          char *path = g_file_get_path (file);

          if (path != NULL)
            g_ptr_array_add (paths, path);
        }
      g_ptr_array_add (paths, NULL);
      if (paths->len > 1)
        question->chosen ((const char *const *) paths->pdata, question->data);
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

void
sag_file_dialog_show (GtkWindow            *parent,
                      GtkFileChooserAction  action,
                      const char           *title,
                      const char           *name,
                      SagFileChosen         chosen,
                      gpointer              data)
{
  GtkFileChooserNative *dialog = gtk_file_chooser_native_new (title, parent, action, NULL, NULL);
  Question *question = g_new0 (Question, 1);

  question->chosen = chosen;
  question->data = data;
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
