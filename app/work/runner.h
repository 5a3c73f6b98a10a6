/* SPDX-License-Identifier: Apache-2.0
 *
 * runner.h: how those who carry jobs out report, and the runner that uses threads.
 *
 * sag_job_begin(), any reports, sag_job_end(): in this order, from any thread, one at a time. What they say
 * reaches the job's listeners in the main context it was started in.
 */
#pragma once

#include "app/work/job.h"

/* It left its lane's queue. */
void          sag_job_begin   (SagJob        *self);

/* Fraction done (below 0: as before) and what is being done (NULL: as before). */
void          sag_job_report  (SagJob        *self,
                               double         fraction,
                               const char    *message);

/* `body` is an a{sv}, sunk; `fds` may be NULL. */
void          sag_job_partial (SagJob        *self,
                               const char    *name,
                               GVariant      *body,
                               GUnixFDList   *fds);

/* Exactly once: `result` (a{sv}, sunk) or `error` (taken). Whatever it is, a cancelled job ends with
 * G_IO_ERROR_CANCELLED; errors of other domains become SAG_JOB_ERROR_FAILED with their message. */
void          sag_job_end     (SagJob        *self,
                               GVariant      *result,
                               GError        *error);

/* Cancelled as soon as sag_job_cancel() was called; borrowed. */
GCancellable *sag_job_get_cancellable (SagJob *self);

/* The lane of a kind, and its inverse of sag_job_kind_get_name(): FALSE if there is none of that name. */
SagJobLane    sag_job_kind_get_lane   (SagJobKind  kind);
gboolean      sag_job_kind_from_name  (const char *name,
                                       SagJobKind *kind);
