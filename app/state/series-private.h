/* SPDX-License-Identifier: Apache-2.0
 *
 * series-private.h: what series and studies share and nobody else needs.
 */
#pragma once

#include "app/state/catalogue.h"

/* The study is not owned: it owns the series. */
void  sag_series_set_study (SagSeries  *self,
                            SagStudy   *study);

/* The text under `key` of an a{sv}, or "". Caller frees. */
char *sag_dup_text         (GVariant   *dict,
                            const char *key);

/* "20260302" (DICOM DA) to "2026-03-02"; anything else as it is. Caller frees. */
char *sag_format_date      (const char *date);
