/* SPDX-License-Identifier: Apache-2.0
 *
 * worker.c: sagitta-cli worker: what the window starts to have its work done.
 */
#include "app/cli/commands.h"
#include "app/work/body.h"
#include "app/work/worker.h"
#include "engine/base/language.h"

#include <locale.h>

int
sag_command_worker (int argc, char **argv)
{
  /* What the window shows of it is in the window's language; numbers in files stay numbers. */
  sag_language_bind (LC_MESSAGES);
  return sag_worker_main (argc, argv, sag_job_body ());
}
