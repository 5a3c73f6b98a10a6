/* SPDX-License-Identifier: Apache-2.0
 *
 * series-private.h: what only a study may do to a series.
 */
#pragma once

#include "app/state/catalogue.h"

/* The study is not owned: it owns the series. */
void sag_series_set_study (SagSeries *self,
                           SagStudy  *study);
