/* SPDX-License-Identifier: Apache-2.0
 *
 * report.h: what was measured, as a file: a DICOM structured report or a table.
 */
#pragma once

#include "app/dicom/stack.h"
#include "app/state/measurement.h"

/* Writes SagMeasurements `items`, measured already, as a DICOM SR of TID 1500 (app/dicom/sr.h). `source` is
 * the stack that `volume` was read from. [compute thread] */
gboolean sag_report_write_sr  (const char     *path,
                               GListModel     *items,
                               SagVolume      *volume,
                               const SagStack *source,
                               GError        **error);

/* The table of sag_measurements_to_csv(), written beside and renamed. */
gboolean sag_report_write_csv (const char     *path,
                               GListModel     *items,
                               GError        **error);
