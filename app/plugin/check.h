/* SPDX-License-Identifier: Apache-2.0
 *
 * check.h: the whole contract of a plugin, tried out.
 *
 * Code is called with tiny, long, large and extreme volumes, stopped at each step, run twice into
 * buffers with different rubbish in them and with one thread and several; networks go through the
 * host's own pipeline in the same way. It crashes and hangs where the plugin does: run it where that can be
 * afforded (app/cli/trial.h).
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

/* Who listens. `begins` is told of a rule before it is tried, so that somebody outlives what it does; `goes_on`
 * whenever the plugin or the program gave a sign of life; both may be NULL. */
typedef struct
{
  void   (*begins)  (const char *model, const char *rule, gpointer data);
  void   (*goes_on) (gpointer data);
  void   (*tell)    (const SagCheck *check, gpointer data);
  gpointer data;
} SagCheckWatch;

/* Tries every rule on every model of the bundle `folder` and tells each outcome. Returns how
 * many rules failed; a folder without a model is a failure. [compute thread] */
int sag_plugin_check (const char          *folder,
                      const SagCheckWatch *watch);
