/* SPDX-License-Identifier: Apache-2.0
 *
 * hanging.h: how a study is put up when it opens: the layout its modality is read in, and which series
 * stand beside the first. No widget. */
#pragma once

#include "app/state/catalogue.h"

typedef struct
{
  const char *mode; /* of SagSliceLayout; static */
  gboolean    cine; /* plays at once */
} SagHanging;

/* CT, PET, NM: three planes. MR: the contrasts of the study side by side; three planes if there is but
 * one. CR, DX, MG and other projections: one, or two beside each other. US, XA, RF: one, frames played. */
SagHanging sag_hanging_choose          (SagCatalogue *catalogue,
                                        SagSeries    *series);
/* Up to `n` other readable series to stand beside `series`, borrowed, best first: of its study and
 * modality, of the patient's other studies of that modality (priors), then the rest of its study. How
 * many there are. */
int        sag_hanging_list_companions (SagCatalogue *catalogue,
                                        SagSeries    *series,
                                        SagSeries   **companions,
                                        int           n);
