/* SPDX-License-Identifier: Apache-2.0
 *
 * fake-worker.c: a worker whose body is fake-body.c.
 */
#include "app/work/worker.h"
#include "tests/app/fake-body.h"

int
main (int argc, char **argv)
{
  return sag_worker_main (argc, argv, fake_body ());
}
