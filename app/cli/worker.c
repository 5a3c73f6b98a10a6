/* SPDX-License-Identifier: Apache-2.0
 *
 * worker.c: sagitta-cli worker: what the window starts to have its work done.
 */
#include "app/cli/commands.h"
#include "app/work/body.h"
#include "app/work/worker.h"

int
sag_command_worker (int argc, char **argv)
{
  return sag_worker_main (argc, argv, sag_job_body ());
}
