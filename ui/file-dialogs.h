/* SPDX-License-Identifier: Apache-2.0
 *
 * file-dialogs.h: asking for a file or folder, the desktop's own way. */
#pragma once

#include <gtk/gtk.h>

/* What was chosen, one at least, NULL-terminated; not called when the dialog is cancelled. */
typedef void (*SagFileChosen) (const char *const *paths,
                               gpointer           data);

/* The same with what was chosen besides: one string a choice, in their order. */
typedef void (*SagFileChosenWith) (const char *const *paths,
                                   const char *const *values,
                                   gpointer           data);

/* Something to choose in the dialog itself: one of `names`, shown as `options`; without them a switch, whose
 * values are "true" and "false". */
typedef struct
{
  const char        *label;
  const char *const *names;
  const char *const *options;
  const char        *value; /* at first */
} SagFileChoice;

/* `action` OPEN (files of any name, one or several), SELECT_FOLDER or SAVE, where `name` is proposed.
 * `data` must live as long as `parent`. */
void sag_file_dialog_show (GtkWindow            *parent,
                           GtkFileChooserAction  action,
                           const char           *title,
                           const char           *name,
                           SagFileChosen         chosen,
                           gpointer              data);
/* `choices` end with a NULL label. */
void sag_file_dialog_show_with (GtkWindow            *parent,
                                GtkFileChooserAction  action,
                                const char           *title,
                                const char           *name,
                                const SagFileChoice  *choices,
                                SagFileChosenWith     chosen,
                                gpointer              data);
