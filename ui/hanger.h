/* SPDX-License-Identifier: Apache-2.0
 *
 * hanger.h: puts a study up: the planes its series were acquired in, the layout its kind asks for (hanging.h), other
 * series beside the first. Once, when its first series comes; then it is as the reader likes. */
#pragma once

#include "ui/cell.h"
#include "ui/slice-layout.h"

typedef struct _SagHanger SagHanger;

/* `cells`: the window's own and the layout's companions, 1 + SAG_N_COMPANIONS; they outlive it. [main thread] */
SagHanger *sag_hanger_new  (SagSliceLayout *layout,
                            SagCatalogue   *catalogue,
                            SagCell *const *cells,
                            GSettings      *settings);
/* The first cell's volume came: its study is put up, unless it was. */
void       sag_hanger_hang (SagHanger      *self);
/* The layout's cells that show nothing are given series to stand beside the first. */
void       sag_hanger_fill (SagHanger      *self);
void       sag_hanger_free (SagHanger      *self);
