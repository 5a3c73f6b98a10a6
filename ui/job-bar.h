/* SPDX-License-Identifier: Apache-2.0
 *
 * job-bar.h: the bar at the foot of a window: what is running, how far it is, and Cancel.
 *
 * It has its height whether anything runs or not. Of several jobs the one begun last is shown.
 * The button activates "win.cancel". */
#pragma once

#include "app/work/job.h"

#include <gtk/gtk.h>

#define SAG_TYPE_JOB_BAR (sag_job_bar_get_type ())
G_DECLARE_FINAL_TYPE (SagJobBar, sag_job_bar, SAG, JOB_BAR, GtkWidget)

/* Shows the job until it is over. */
void sag_job_bar_track (SagJobBar  *self,
                        SagJob     *job);
/* Work without a fraction, until the next call with NULL. */
void sag_job_bar_pulse (SagJobBar  *self,
                        const char *text);
/* Work that is many jobs: shown instead of them, until the next call with NULL. */
void sag_job_bar_progress (SagJobBar *self,
                        const char *text,
                        double      fraction);
/* What there is to say when nothing runs: "Saved lungs.dcm". */
void sag_job_bar_say   (SagJobBar  *self,
                        const char *text);
/* The text on show; borrowed. */
const char *sag_job_bar_get_text (SagJobBar *self);
