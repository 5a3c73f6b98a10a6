/* SPDX-License-Identifier: Apache-2.0
 *
 * result.h: one segmentation that can be shown: its labels, and what it took to make them.
 *
 * Every run, every file of labels and every correction is a result of its own; the workspace holds
 * the list, and shows one of them. A result belongs to the job that fills it: what that job says
 * later ("ready", "labels") is about this result, whichever is shown meanwhile. Main thread only.
 *
 * Properties, all with notify: "name" (string, read-write), "note" (string: "1.2 s · 210 MB"),
 * "complete" (boolean), "dice" (double). */
#pragma once

#include "engine/image/segmentation.h"

#include <gio/gio.h>

#define SAG_TYPE_RESULT (sag_result_get_type ())
G_DECLARE_FINAL_TYPE (SagResult, sag_result, SAG, RESULT, GObject)

SagResult       *sag_result_new              (const char      *name);

const char      *sag_result_get_name         (SagResult       *self);
void             sag_result_set_name         (SagResult       *self,
                                              const char      *name);
const char      *sag_result_get_note         (SagResult       *self);

/* Borrowed, NULL until they come. */
SagSegmentation *sag_result_get_segmentation (SagResult       *self);
SagSegmentation *sag_result_get_preview      (SagResult       *self);
void             sag_result_set_segmentation (SagResult       *self,
                                              SagSegmentation *segmentation);
void             sag_result_set_preview      (SagResult       *self,
                                              SagSegmentation *preview);

/* a(itddddd) of partial "labels" (app/work/job.h): what is known of each label; NULL until it is. */
GVariant        *sag_result_get_labels       (SagResult       *self);
void             sag_result_set_labels       (SagResult       *self,
                                              GVariant        *labels);

/* a(idd) of partial "values": mean and standard deviation inside each label; NULL until known. */
GVariant        *sag_result_get_values       (SagResult       *self);
void             sag_result_set_values       (SagResult       *self,
                                              GVariant        *values);

/* What made it: a model at a precision. "" and -1 for results that are no runs. */
void             sag_result_set_model        (SagResult       *self,
                                              const char      *model_id,
                                              SagPrecision     precision);
const char      *sag_result_get_model_id     (SagResult       *self);
int              sag_result_get_precision    (SagResult       *self);

/* Nothing more will come. A run also says what it took: wall clock, the most memory at once, the
 * network's weights; 0 where that is not known. */
void             sag_result_complete         (SagResult       *self,
                                              double           seconds,
                                              guint64          bytes,
                                              guint64          model_bytes);
gboolean         sag_result_is_complete      (SagResult       *self);
double           sag_result_get_seconds      (SagResult       *self);
guint64          sag_result_get_bytes        (SagResult       *self);
guint64          sag_result_get_model_bytes  (SagResult       *self);

/* A sentence why the run itself gives reason to doubt it (sag_segment_doubt()); "" if it does not. */
void             sag_result_set_doubt        (SagResult       *self,
                                              const char      *doubt);
const char      *sag_result_get_doubt        (SagResult       *self);

/* Mean Dice over labels against the same model at FP32; NaN until it is known. */
void             sag_result_set_dice         (SagResult       *self,
                                              double           dice);
double           sag_result_get_dice         (SagResult       *self);
