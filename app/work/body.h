/* SPDX-License-Identifier: Apache-2.0
 *
 * body.h: what each kind of job does: the one place where window and command line meet the work.
 */
#pragma once

#include "app/work/runner.h"

/* For runners. Never on the window's side of the seam: behind it lie DICOM, plugins and
 * networks. */
const SagJobBody *sag_job_body (void);
