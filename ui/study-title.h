/* SPDX-License-Identifier: Apache-2.0
 *
 * study-title.h: whose study it is, in the scripts that this screen can show. */
#pragma once

#include "app/state/catalogue.h"

/* The title with the name in ideographs where the fonts installed have them all, without it else: no boxes instead of
 * a name. Owned by the study. */
const char *sag_study_title_get (SagStudy *study);
