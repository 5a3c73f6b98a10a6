/* SPDX-License-Identifier: Apache-2.0
 *
 * file-dialogs.h: asking for a file or folder, the desktop's own way. */
#pragma once

#include <gtk/gtk.h>

/* What was chosen, one at least, NULL-terminated; not called when the dialog is cancelled. */
typedef void (*SagFileChosen) (const char *const *paths,
                               gpointer           data);

/* `action` OPEN (files of any name, one or several), SELECT_FOLDER or SAVE, where `name` is proposed.
 * `data` must live as long as `parent`. */
void sag_file_dialog_show (GtkWindow            *parent,
                           GtkFileChooserAction  action,
                           const char           *title,
                           const char           *name,
                           SagFileChosen         chosen,
                           gpointer              data);
