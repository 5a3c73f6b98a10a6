/* SPDX-License-Identifier: Apache-2.0
 *
 * shortcut-editor.h: every command with its keys, to search and to change. A row asks for keys when it is
 * activated; Backspace takes them away, Escape leaves them. Keys that another command has are taken
 * from it only when pressed twice. Kept in the GSettings key "shortcuts". */
#pragma once

#include "ui/key-words.h"

#include <adwaita.h>

#define SAG_TYPE_SHORTCUT_EDITOR (sag_shortcut_editor_get_type ())
G_DECLARE_FINAL_TYPE (SagShortcutEditor, sag_shortcut_editor, SAG, SHORTCUT_EDITOR, AdwWindow)

GtkWindow *sag_shortcut_editor_new (GSettings *settings);
