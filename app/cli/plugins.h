/* SPDX-License-Identifier: Apache-2.0
 *
 * plugins.h: the plugins, opened without trusting them to survive it.
 */
#pragma once

#include "app/plugin/host.h"

/* Opens every plugin in a child first (app/cli/trial.h); one that does not survive that is not opened by this
 * program, and listed with the reason. Once a program, and a hundredth of a second. [before there is a second
 * thread] */
void           sag_cli_try_plugins  (void);

/* sag_plugin_host_new() of the default folders, after that. */
SagPluginHost *sag_cli_open_plugins (void);
