/* SPDX-License-Identifier: Apache-2.0
 *
 * worker.h: the process that does the work: the other end of link.h.
 *
 * From the window: "job" (kind s, request a{sv}; the request's descriptors), "cancel" (nothing).
 * Back: "begin", "report" (fraction d, message s), "partial" (name s, body a{sv}; its
 * descriptors), and at the end "done" (result a{sv}) or "failed" (message s, cancelled b). All
 * carry the job's serial number. */
#pragma once

#include "app/work/runner.h"

/* What a worker allows itself. */
typedef struct
{
  int     socket;              /* SOCK_SEQPACKET, to the window */
  int     n_threads;           /* of its team; 0: one a core */
  int     nice;                /* added to its niceness */
  guint64 address_space_bytes; /* RLIMIT_AS; 0: as inherited */
  gint    parent;              /* process to die with; 0: none */
} SagWorkerOptions;

/* Limits the process for good (no core dumps, no new privileges, dies with its parent, address
 * space), then carries out jobs until the window closes the socket, and exits. [main thread] */
G_NORETURN void sag_worker_run (const SagJobBody       *body,
                                const SagWorkerOptions *options);
