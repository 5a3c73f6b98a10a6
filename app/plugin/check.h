/* SPDX-License-Identifier: Apache-2.0
 *
 * check.h: the whole contract of a plugin, tried out.
 *
 * Code is called with tiny, long, large and extreme volumes, stopped at each step, run twice into
 * buffers with different rubbish in them and with one thread and several; networks go through the
 * host's own pipeline in the same way. It crashes where the plugin crashes.
 */
#pragma once

#include "app/plugin/host.h"

/* One rule, tried on one model. */
typedef struct
{
  const char *model;  /* id */
  const char *rule;   /* "cancel at each step" */
  const char *failure; /* NULL if it holds */
} SagCheck;

typedef void (*SagCheckFunc) (const SagCheck *check, gpointer data);

/* Tries every rule on every model of the bundle `folder` and tells each outcome. Returns how
 * many rules failed; a folder without a model is a failure. [compute thread] */
int sag_plugin_check (const char   *folder,
                      SagCheckFunc  tell,
                      gpointer      data);
