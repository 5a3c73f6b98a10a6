/* SPDX-License-Identifier: Apache-2.0
 *
 * export-actions.h: the commands of a window that write files, in the group "win": export-seg, export-nifti,
 * export-confidence, export-stl, export-statistics, export-measurements-sr, export-measurements-csv, export-png,
 * export-png-series, export-deidentified, print. They act on the selected view and what is shown in it. */
#pragma once

#include "ui/window.h"

/* Once. */
void sag_export_actions_add    (SagWindow *window);
/* What can be done has changed. */
void sag_export_actions_update (SagWindow *window);
