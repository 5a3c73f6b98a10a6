/* SPDX-License-Identifier: Apache-2.0
 *
 * fusion.h: PET or NM in colour over the images of the same frame of reference. No widget. */
#pragma once

#include "ui/opener.h"

typedef struct _SagFusion SagFusion;

SagFusion *sag_fusion_new         (SagWorkspace *workspace,
                                   SagCatalogue *catalogue);
void       sag_fusion_free        (SagFusion    *self);

/* Who reads the series that is laid over: for its signals. Borrowed. */
SagOpener *sag_fusion_get_opener  (SagFusion    *self);

/* Lays the first PET or NM series of the study in this frame of reference over the images, or takes it
 * away. FALSE if there is none. */
gboolean   sag_fusion_toggle      (SagFusion    *self);
