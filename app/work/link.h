/* SPDX-License-Identifier: Apache-2.0
 *
 * link.h: the runner that has jobs done by child processes, one a lane.
 *
 * A child that crashes, hangs, eats memory or talks nonsense takes nothing with it but its job:
 * that ends with one sentence, and the next job gets a fresh child. A cancelled job is asked to
 * stop and its child killed if it has not answered within the grace period; either way the job
 * ends. */
#pragma once

#include "app/work/job.h"

typedef struct _SagLink SagLink;

typedef struct
{
  const char *const *argv;     /* the worker's command, "…/sagitta-cli", "worker", NULL; copied; the
                                  options of worker.h are appended */
  int      n_threads;          /* of each child's team; 0: one a core */
  guint    grace_ms;           /* after a cancel; 0: 80, so that it is over within 100 */
  guint64  address_space_bytes[SAG_N_JOB_LANES]; /* limit of each child; 0: none */
} SagLinkOptions;

/* Makes it the process's runner. Children are started when first needed. Jobs must be started, and
 * cancelled, on the thread that runs the main context that is the default now. */
SagLink    *sag_link_install       (const SagLinkOptions *options);

/* Ends the children, and jobs that are active with G_IO_ERROR_CANCELLED; there is no runner
 * then. */
void        sag_link_remove        (SagLink              *self);

/* The sagitta-cli that belongs to this program: $SAGITTA_CLI, beside the program, in the build
 * folder, or on the path. NULL with SAG_JOB_ERROR_START. Caller frees. */
char       *sag_link_find_worker   (GError              **error);

/* The child of a lane, 0 if there is none now: for tests and the log. */
gint        sag_link_get_pid       (SagLink              *self,
                                    SagJobLane            lane);
