/* SPDX-License-Identifier: Apache-2.0
 *
 * fake-body.h: a body that does what the request says, good or bad: to test runners.
 *
 * Requests: do s, one of
 *   echo     answers {echo s} from {echo s}
 *   partials sends ten partials "step" {n i}, half-way a report, then answers
 *   voxels   makes a volume of n x 4 x 4 voxels, sends it as "volume", fills and marks slices, answers
 *   bulk     answers {bytes ay} of 1 MB
 *   fail     fails with "No such luck"
 *   wait     until cancelled; says so with a partial "waiting"
 *   short    announces a volume whose memory is too small
 * and in a child process only:
 *   hang     the same, but for ever, whatever it is told
 *   crash, abort, exit, eat (allocates 8 GB), close (its socket), garbage
 */
#pragma once

#include "app/work/runner.h"

const SagJobBody *fake_body (void);

/* A job of kind INDEX or, `compute`, MODELS that does that. */
SagJob           *fake_job  (const char *what,
                             gboolean    compute);

/* A test: a hundred thumbnails do not stand between a click and its series, and else the first come
 * is the first served. */
void              fake_check_order (void);
