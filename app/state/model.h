/* SPDX-License-Identifier: Apache-2.0
 *
 * model.h: one entry of the model picker: a neural model, or a plugin that could not be loaded
 * and why. */
#pragma once

#include "engine/base/dtype.h"
#include "engine/image/labelmap.h"

#include <gio/gio.h>

#define SAG_TYPE_MODEL (sag_model_get_type ())
G_DECLARE_FINAL_TYPE (SagModel, sag_model, SAG, MODEL, GObject)

/* From the a{sv} of one model in a MODELS result (app/work/job.h). Properties, readable: "id",
 * "name", "version", "modality", "description", "usable", and, with notify, "fits", "reason",
 * "estimate". */
SagModel       *sag_model_new             (GVariant     *description);

const char     *sag_model_get_id          (SagModel     *self);
const char     *sag_model_get_name        (SagModel     *self);
const char     *sag_model_get_version     (SagModel     *self);
const char     *sag_model_get_modality    (SagModel     *self); /* "CT"; "" for any */
const char     *sag_model_get_description (SagModel     *self);
/* The essentials of its card, a line each: what it does, training data, accuracy, licence, parameters,
 * SHA-256; those it states. */
const char     *sag_model_get_facts       (SagModel     *self);
const char     *sag_model_get_folder      (SagModel     *self);
gboolean        sag_model_has_precision   (SagModel     *self,
                                           SagPrecision  precision);
const SagLabel *sag_model_get_labels      (SagModel     *self,
                                           int          *n_labels);
/* FALSE if it failed validation or is switched off: then `get_reason` says why and it cannot be run. */
gboolean        sag_model_is_usable       (SagModel     *self);

/* How often in a row it brought down the process that ran it; at SAG_MODEL_MAX_CRASHES it is switched off, until
 * somebody sets it lower again. */
#define SAG_MODEL_MAX_CRASHES 3
void            sag_model_set_crashes     (SagModel     *self,
                                           guint         n);
guint           sag_model_get_crashes     (SagModel     *self);
gboolean        sag_model_is_switched_off (SagModel     *self);

/* Whether it suits the open series, and if not (or not quite) why, in a sentence or several joined
 * by a newline; "" if it fits. */
gboolean        sag_model_get_fits        (SagModel     *self);
const char     *sag_model_get_reason      (SagModel     *self);
/* "~1.2 s · 210 MB", "" before an ESTIMATE answered. */
const char     *sag_model_get_estimate    (SagModel     *self);
guint64         sag_model_get_bytes       (SagModel     *self); /* of that estimate; 0 if none */

/* Judges by modality alone, at once: before the ESTIMATE job answers, or with no series (""
 * modality: every usable model fits). Forgets the last estimate. */
void            sag_model_match           (SagModel     *self,
                                           const char   *modality);
/* Takes the a{sv} result of an ESTIMATE job. */
void            sag_model_set_estimate    (SagModel     *self,
                                           GVariant     *result);

/* A GListStore of SagModel, and its filling from a MODELS result: usable ones first, by name,
 * then those that failed. FALSE with G_IO_ERROR_INVALID_DATA if it is not a MODELS result. */
GListStore     *sag_model_list_new        (void);
gboolean        sag_model_list_set        (GListStore   *self,
                                           GVariant     *result,
                                           GError      **error);
/* sag_model_match() for all of them. */
void            sag_model_list_match      (GListStore   *self,
                                           const char   *modality);
/* Borrowed, or NULL. */
SagModel       *sag_model_list_find       (GListStore   *self,
                                           const char   *id);
