/* SPDX-License-Identifier: Apache-2.0
 *
 * host.h: finds the models, describes them, and runs them.
 *
 * A model is a plugin's (plugins/sagitta-plugin.h) or an .onnx file with a key file beside it
 * (app/plugin/keyfile.h). What does not load is listed with the reason, never dropped.
 */
#pragma once

#include "app/plugin/entry.h"
#include "engine/segment/segment.h"

#define SAG_PLUGIN_ERROR (sag_plugin_error_quark ())

typedef enum
{
  SAG_PLUGIN_ERROR_INVALID,   /* it breaks the ABI or its key file is wrong; the message says
                                 where */
  SAG_PLUGIN_ERROR_NOT_FOUND, /* no model of that name */
  SAG_PLUGIN_ERROR_FAILED,    /* its code said that it failed, and why */
  SAG_PLUGIN_ERROR_CONTRACT,  /* its code broke a promise while it ran */
} SagPluginError;

GQuark               sag_plugin_error_quark (void);

/* Every model of a set of folders; keeps networks loaded between runs. Used by one thread. */
typedef struct _SagPluginHost SagPluginHost;

/* The folders searched, first come first served where two have the same id: those of
 * $SAG_PLUGIN_PATH (':' between them), sagitta/plugins in the user's data folder,
 * <libdir>/sagitta/plugins, and, for a program run from its build folder, the build's own. Those
 * that do not exist are left out. Free with g_strfreev(). */
char               **sag_plugin_host_get_default_folders (void);

/* Lists what the bundles in `folders` offer (NULL: the default ones): <name>/<name>.so, and any
 * <file>.onnx with <file>.model, in the folder or one below. Opens the shared objects: call it
 * where foreign code may run. Never fails: failures are entries. */
SagPluginHost       *sag_plugin_host_new          (const char *const   *folders);
void                 sag_plugin_host_free         (SagPluginHost       *self);

/* In order: usable and failed entries alike. Borrowed. */
int                  sag_plugin_host_get_n_entries (const SagPluginHost *self);
const SagPluginEntry *sag_plugin_host_get_entry   (const SagPluginHost *self,
                                                   int                  index);

/* The usable model `id`; or, if `id` is a path ending in .onnx, the model of that file and its key
 * file, added to the list if need be; or the only one whose id ends in '.' and `id` ("lungs-ct" for
 * "org.sagitta.lungs-ct"). NOT_FOUND lists the ids there are; a failed entry gives its
 * reason. Borrowed. */
const SagPluginEntry *sag_plugin_host_find        (SagPluginHost       *self,
                                                   const char          *id,
                                                   GError             **error);

/* The models as aa{sv}, floating, in the words of job kind MODELS (app/work/job.h). */
GVariant            *sag_plugin_host_describe     (const SagPluginHost *self);

/* What a run on `grid` takes; for a network it is loaded, and stays so. UNSUPPORTED if the model
 * does not do `precision`. [compute thread] */
gboolean             sag_plugin_host_bytes        (SagPluginHost       *self,
                                                   const SagPluginEntry *entry,
                                                   SagPrecision         precision,
                                                   const SagGrid       *grid,
                                                   SagSegmentNeeds     *needs,
                                                   GError             **error);

/* Runs the model on `volume`, every slice of which is ready: sag_segment_run() for a network; for
 * code, one call and no preview. Foreign results are checked at the border. [compute thread] */
SagSegmentation     *sag_plugin_host_segment      (SagPluginHost       *self,
                                                   const SagPluginEntry *entry,
                                                   SagPrecision         precision,
                                                   SagVolume           *volume,
                                                   const SagSegmentOptions *options,
                                                   const SagTick       *tick,
                                                   SagSegmentReport    *report,
                                                   GError             **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagPluginHost, sag_plugin_host_free)
