/* SPDX-License-Identifier: Apache-2.0
 *
 * keys.h: every command of the window: its action, name, group and keys, in one table.
 *
 * The table feeds the key bindings, the sheet of keys and the action finder. The GSettings key
 * "shortcuts" may replace the keys of any row. */
#pragma once

#include <gtk/gtk.h>

typedef struct
{
  const char *action; /* detailed: "view.plane::axial" */
  const char *title;  /* as in the finder: "Show the axial plane" */
  const char *group;  /* heading in the sheet of keys */
  const char *keys;   /* GTK accelerators, separated by spaces; "" if none */
  const char *handled; /* the key, where a view handles it itself; or NULL */
} SagKey;

const SagKey          *sag_keys_get            (int        *n_keys);

/* The accelerators of row `key`, after the user's own; free with g_strfreev(). */
char                 **sag_keys_dup_accels     (const SagKey *key,
                                                GSettings    *settings);

/* An accelerator as people write it: "Ctrl+G". */
char                  *sag_keys_dup_label      (const char   *accel);

/* The keys of a row as people write them, those that a view handles too; not what is the same key under another name
 * (of the keypad). Free with g_strfreev(). */
char                 **sag_keys_dup_shown      (const SagKey *key,
                                                GSettings    *settings);

/* Replaces them by the user's own (none if empty), or, with NULL, by the built-in ones again. */
void                   sag_keys_set_accels     (const SagKey       *key,
                                                GSettings          *settings,
                                                const char * const *accels);
gboolean               sag_keys_is_changed     (const SagKey *key,
                                                GSettings    *settings);
/* Whether two accelerators are the same keys; and the row that has them, or NULL. */
gboolean               sag_keys_is_same        (const char   *a,
                                                const char   *b);
const SagKey          *sag_keys_find           (const char   *accel,
                                                GSettings    *settings);

/* A controller that activates the actions, by the settings as they change; add it to the window. Bubble phase: what has the focus
 * (a search entry, a list) sees keys first. */
GtkEventController    *sag_keys_new_controller (GSettings    *settings);
/* Return on the row of a GtkListBox that has the focus activates the row: add it to the window too. The box leaves that
 * to the window's default, which would come after the keys of the controller above. Capture phase. */
GtkEventController    *sag_keys_new_row_controller (void);
