/* SPDX-License-Identifier: Apache-2.0
 *
 * tags-dialog.h: the attributes of one DICOM file, as a list that can be searched. */
#pragma once

#include <adwaita.h>

#define SAG_TYPE_TAGS_DIALOG (sag_tags_dialog_get_type ())
G_DECLARE_FINAL_TYPE (SagTagsDialog, sag_tags_dialog, SAG, TAGS_DIALOG, AdwWindow)

/* Reads them by a TAGS job; shows them, or why not. */
GtkWindow *sag_tags_dialog_new (const char *path);
