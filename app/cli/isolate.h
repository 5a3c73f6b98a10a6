/* SPDX-License-Identifier: Apache-2.0
 *
 * isolate.h: a whole command in a process of its own, contained like the window's workers.
 */
#pragma once

#include "app/cli/cli.h"

/* `sagitta-cli COMMAND --isolate …`: takes the option out of argv (NULL-terminated, argv[0] is the
 * command) and answers whether it was there. */
gboolean sag_isolate_take_option (int  *argc,
                                  char **argv);

/* Runs the command in a child that can read only the files the arguments name (a model's and a DICOMDIR's folder,
 * and the folders of plugins), write only where options -o, --output…, --confidence, --draw and the
 * positional argument number `output` (from 1; 0: none) point, and neither reach a network nor start a program
 * (app/work/contain.h); `plugins`: it opens them, and one that does not survive that is left out
 * (app/cli/plugins.h). Answers its exit status; 1, and one sentence on stderr, if it crashed. [before there
 * is a second thread] */
int      sag_isolate_run         (SagCommandFunc run,
                                  int            argc,
                                  char         **argv,
                                  int            output,
                                  gboolean       plugins);
