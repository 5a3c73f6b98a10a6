/* SPDX-License-Identifier: Apache-2.0
 *
 * window-actions.h: the commands of a window, by name: the group "win".
 *
 * open-folder, open-files, open-sample, open-recent(s: URI), open-series(s: key), next-series,
 * previous-series, show-tags, straighten, segment, cancel, precision(s), next-precision, correct(s), uncertain-part(i), find-action, show-shortcuts,
 * show-studies, show-segment, fullscreen; and those of ui/export-actions.h. */
#pragma once

#include "ui/job-bar.h"
#include "ui/window.h"

/* Once, when the window has its parts. */
void sag_window_add_actions    (SagWindow     *self,
                                AdwFlap       *studies,
                                AdwFlap       *segment,
                                GtkMenuButton *finder,
                                SagJobBar     *job_bar);
/* What can be done has changed. */
void sag_window_update_actions (SagWindow     *self);
/* Stops making the sample study, if it is being made. */
void sag_window_cancel_sample  (SagWindow     *self);
