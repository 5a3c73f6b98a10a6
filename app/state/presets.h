/* SPDX-License-Identifier: Apache-2.0
 *
 * presets.h: the windows radiologists switch between, by modality.
 */
#pragma once

#include "app/state/workspace.h"

/* An empty array of SagWindowPreset that frees their texts. */
GArray *sag_presets_new (void);

/* Appends a copy; names are cut to what a menu shows. */
void    sag_presets_add (GArray        *presets,
                         const char    *id,
                         const char    *name,
                         SagWindowLevel window);

/* Appends those of `modality`, as far as they make sense in `unit`. */
void    sag_presets_add_modality (GArray     *presets,
                                  const char *modality,
                                  const char *unit);
