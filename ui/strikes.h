/* SPDX-License-Identifier: Apache-2.0
 *
 * strikes.h: models that bring down their worker are switched off after the third time, over sessions, until the
 * person says otherwise. */
#pragma once

#include "ui/segmenter.h"

/* Counts crashes of `segmenter`'s runs in "crashed-models" of `settings`, and tells its models (sag_model_set_crashes());
 * a run that succeeds clears its model. Lives as long as the segmenter. */
void sag_strikes_watch   (SagSegmenter *segmenter,
                          GSettings    *settings);

/* The chosen model may run again: what the person says otherwise with. FALSE if it was not switched off. */
gboolean sag_strikes_forgive (SagSegmenter *segmenter,
                              GSettings    *settings);
