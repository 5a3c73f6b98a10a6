/* SPDX-License-Identifier: Apache-2.0
 *
 * measurements.h: what was measured on one series: the list, what is selected, and the way back.
 *
 * Changes can be undone, the last 200 of them; a drag counts as one. Main thread only.
 *
 * Properties with notify: "items" (GListModel of SagMeasurement, for ever), "selected" (SagMeasurement or
 * NULL, read-write), "draft" (SagMeasurement or NULL, read-write: what is being drawn, in no list),
 * "can-undo", "can-redo" (boolean).
 *
 * Signals: "changed" (SagMeasurements *, gpointer) when there is something to draw anew; "edited" when
 * there is something to save. */
#pragma once

#include "app/state/measurement.h"

#define SAG_TYPE_MEASUREMENTS (sag_measurements_get_type ())
G_DECLARE_FINAL_TYPE (SagMeasurements, sag_measurements, SAG, MEASUREMENTS, GObject)

SagMeasurements *sag_measurements_new          (void);

GListModel      *sag_measurements_get_items    (SagMeasurements *self); /* borrowed */
SagMeasurement  *sag_measurements_get_selected (SagMeasurements *self); /* borrowed or NULL */
void             sag_measurements_select       (SagMeasurements *self,
                                                SagMeasurement  *item);
SagMeasurement  *sag_measurements_get_draft    (SagMeasurements *self); /* borrowed or NULL */
void             sag_measurements_set_draft    (SagMeasurements *self,
                                                SagMeasurement  *draft);

/* The images they are on: what is measured from now on. Another volume (or NULL) forgets all. */
void             sag_measurements_set_volume   (SagMeasurements *self,
                                                SagVolume       *volume,
                                                gboolean         calibrated);
/* More slices are there: values may have changed. */
void             sag_measurements_refresh      (SagMeasurements *self);

void             sag_measurements_add          (SagMeasurements *self,
                                                SagMeasurement  *item);
void             sag_measurements_remove       (SagMeasurements *self,
                                                SagMeasurement  *item);
/* A change of points or name from here to sag_measurements_end(); in between sag_measurements_touch()
 * measures and draws the item anew. */
void             sag_measurements_begin        (SagMeasurements *self);
void             sag_measurements_touch        (SagMeasurements *self,
                                                SagMeasurement  *item);
void             sag_measurements_end          (SagMeasurements *self);
/* FALSE if there is nothing to go back, or forth, to. */
gboolean         sag_measurements_undo         (SagMeasurements *self);
gboolean         sag_measurements_redo         (SagMeasurements *self);

/* All as aa{sv} of sag_measurement_to_variant(), floating; and back, without a way back: FALSE with
 * G_IO_ERROR_INVALID_DATA leaves them as they were. */
GVariant        *sag_measurements_to_variant   (SagMeasurements *self);
gboolean         sag_measurements_load         (SagMeasurements *self,
                                                GVariant        *description,
                                                GError         **error);
