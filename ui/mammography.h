/* SPDX-License-Identifier: Apache-2.0
 *
 * mammography.h: mammograms beside each other as they are read: chest walls at the edge they face, all at one scale. */
#pragma once

#include "ui/slice-view.h"

/* Places what these views show; views of anything else are centred, as large as they fit. Again when a view shows
 * something else. */
void sag_mammography_place (SagSliceView *const *views,
                            int                  n);
