/* SPDX-License-Identifier: Apache-2.0
 *
 * cine.h: slices played one after the other, in a loop. */
#pragma once

#include "ui/slice-layout.h"

typedef struct _SagCine SagCine;

SagCine  *sag_cine_new         (SagSliceLayout *layout); /* not owned */
void      sag_cine_free        (SagCine        *self);

/* Plays the selected view; stops by itself when nothing is open. */
void      sag_cine_set_playing (SagCine        *self,
                                gboolean        playing);
gboolean  sag_cine_is_playing  (SagCine        *self);
/* Slices a second, by a factor; kept within 1 .. 60. What it is now. */
double    sag_cine_scale_rate  (SagCine        *self,
                                double          factor);
