/* SPDX-License-Identifier: Apache-2.0
 *
 * settings.h: what the user chose, kept between sessions. */
#pragma once

#include <gio/gio.h>

/* The settings of org.sagitta.Sagitta; caller's. Where the schema is not installed, as in the build
 * folder, it is taken from beside the program; and if it is nowhere, the program ends with one
 * clear sentence. */
GSettings *sag_settings_new          (void);

/* Puts `uri` first in "recent-folders", keeps eight; nothing if "remember-recent" is off. */
void       sag_settings_add_recent   (GSettings  *settings,
                                      const char *uri);

/* The folder of the running program; caller's. "" if it cannot be known. */
char      *sag_settings_dup_folder   (void);
