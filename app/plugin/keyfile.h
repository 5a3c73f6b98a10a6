/* SPDX-License-Identifier: Apache-2.0
 *
 * keyfile.h: models without a line of C: <name>.onnx with <name>.model beside it.
 *
 * The groups and keys are documented for users in plugins/README.md; the table in keyfile.c is all
 * of them.
 */
#pragma once

#include "app/plugin/entry.h"

/* The key file that belongs to `onnx`. Caller frees. */
char           *sag_keyfile_get_path (const char *onnx);

/* Reads the model of `onnx`. NULL with SAG_PLUGIN_ERROR_INVALID naming file, group and key; an
 * unknown key is an error, as it is most often a known one misspelt. */
SagPluginEntry *sag_keyfile_read     (const char *onnx,
                                      GError    **error);

/* The same from memory, `name` standing for the file's: for fuzzing. The network need not exist. */
SagPluginEntry *sag_keyfile_parse    (const char *data,
                                      gsize       length,
                                      const char *onnx,
                                      GError    **error);
