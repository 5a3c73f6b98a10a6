/* SPDX-License-Identifier: Apache-2.0
 *
 * worker.h: the process that does the work: the other end of link.h.
 *
 * From the window: first "contain" (readable aay, writable aay: files and folders that jobs will name; avoided aay: foreign code
 * that is not to be opened), then "job" (kind s, request a{sv}; the request's descriptors), "cancel" (nothing).
 * Back: "begin", "report" (fraction d, message s), "partial" (name s, body a{sv}; its
 * descriptors), "opening" (file ay: foreign code; empty: that went well), and at the end "done" (result a{sv}) or "failed" (message s, cancelled b). All
 * carry the job's serial number. */
#pragma once

#include "app/work/runner.h"

/* `sagitta-cli worker --lane=io|compute --socket=N --parent=PID [--threads=N] [--memory=BYTES]`: limits
 * the process for good (app/work/contain.h), then carries out jobs until the window closes the socket, and exits. Answers 2 for wrong usage. [main
 * thread] */
int sag_worker_main (int               argc,
                     char            **argv,
                     const SagJobBody *body);
