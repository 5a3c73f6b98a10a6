/* SPDX-License-Identifier: Apache-2.0
 *
 * load.h: a plugin's shared object, opened and distrusted.
 *
 * Every field is checked before it is used; what a wild pointer does cannot be checked, so this
 * runs where a crash costs a worker, not the window.
 */
#pragma once

#include "app/plugin/entry.h"

/* Appends the entries of the shared object `file` to `entries` (of SagPluginEntry): one for each
 * model, or one that says why the whole cannot be used. The object stays loaded for good. */
void     sag_plugin_load        (const char             *file,
                                 GPtrArray              *entries);

/* Opening an object runs code of it. `opening` is told the file before and NULL after, so that somebody
 * outlives a crash and knows whose it was; `avoided` (NULL-terminated, copied; or NULL) are files that are
 * listed as failed and not opened. Of the whole process. */
typedef void (*SagPluginOpening) (const char *file, gpointer data);
void     sag_plugin_watch_opening (SagPluginOpening       opening,
                                 gpointer                data,
                                 const char *const      *avoided);

/* The same for an entry that is in memory already: for tests. `file` is where it would be. */
void     sag_plugin_load_entry  (const char             *file,
                                 const sag_plugin_entry *code,
                                 GPtrArray              *entries);
