/* SPDX-License-Identifier: Apache-2.0
 *
 * calibrate.h: static ranges from examples: runs a network at FP32, counts what its values are, and
 * says between which numbers eight bits serve them best. No labels are needed.
 */
#pragma once

#include "engine/nn/ranges.h"
#include "engine/nn/session.h"

typedef enum
{
  SAG_CALIBRATE_MSE,        /* least expected squared error of 256 steps, clipping included */
  SAG_CALIBRATE_PERCENTILE, /* cuts (100 - percentile) % of the numbers on each side */
  SAG_CALIBRATE_MINMAX,     /* all that was seen */
} SagCalibrateMethod;

typedef struct _SagCalibration SagCalibration;

SagCalibration *sag_calibration_new    (void);
void            sag_calibration_free   (SagCalibration     *self);

/* One example: runs `session`, which is at FP32 and was opened to be watched, and counts. Sessions of one model at other shapes
 * may follow each other. FALSE if `tick` said stop. [compute thread] */
gboolean        sag_calibration_run    (SagCalibration     *self,
                                        SagSession         *session,
                                        const void *const  *inputs,
                                        void *const        *outputs,
                                        const SagTick      *tick);

/* The ranges of every value seen, for the model of the sessions. `percentile` is read by its method
 * only: 50 < percentile <= 100, 99.99 is usual. */
SagRanges      *sag_calibration_finish (const SagCalibration *self,
                                        SagCalibrateMethod    method,
                                        double                percentile);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagCalibration, sag_calibration_free)
