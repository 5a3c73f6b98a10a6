/* SPDX-License-Identifier: Apache-2.0
 *
 * entry.h: one model as listed: what it says of itself, or why it cannot be used.
 */
#pragma once

#include "engine/segment/recipe.h"
#include "plugins/sagitta-plugin.h"

/* Owned by the host; constant once listed. No string is NULL but those that say so. */
typedef struct
{
  char      *file;        /* the .so or .onnx it came from */
  char      *folder;      /* of that file */
  char      *failure;     /* why it cannot be used, one sentence; NULL if it can */
  char      *description;
  char      *licence, *data, *accuracy; /* the card's essentials, a line each; "" if unsaid */
  char      *card;        /* path of the model card; NULL if there is none */
  char      *onnx;        /* path of the network; NULL: code */
  char      *ranges;      /* path of static ranges for it; NULL: those beside it, if any */
  SagRecipe *recipe;      /* id, name, labels … of code models too; id is the file's name on
                             failure */
  guint      precisions;  /* set of 1 << SagPrecision */

  const sag_plugin_entry *code; /* the shared object's entry; NULL for key files */
} SagPluginEntry;

/* An empty entry for `file`, with a recipe of defaults; and an entry that failed. Takes the
 * error. */
SagPluginEntry *sag_plugin_entry_new        (const char       *file);
SagPluginEntry *sag_plugin_entry_new_failed (const char       *file,
                                             const char       *id,
                                             GError           *error);
void            sag_plugin_entry_free       (SagPluginEntry   *self);

/* Elements of the network's weights, and the SHA-256 of its file in hex. FALSE for code, for files over
 * 256 MB and for those that cannot be read. */
gboolean        sag_plugin_entry_measure    (const SagPluginEntry *self,
                                             gint64           *parameters,
                                             char              sha256[65]);

/* Parses a DICOM coded concept "SCHEME:VALUE:MEANING" into `code`; `name` stands for a missing
 * meaning; NULL gives an empty code. FALSE with SAG_PLUGIN_ERROR_INVALID naming `what`. */
gboolean        sag_plugin_parse_code       (const char       *text,
                                             const char       *name,
                                             const char       *what,
                                             SagCode          *code,
                                             GError          **error);

/* What the ABI and the key file ask of an id: a-z 0-9 . - and 3..64 bytes. */
gboolean        sag_plugin_check_id         (const char       *id,
                                             GError          **error);
