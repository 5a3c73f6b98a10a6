/* SPDX-License-Identifier: Apache-2.0
 *
 * straighten.h: tilted or unevenly spaced slices onto an upright, even grid, on request.
 */
#pragma once

#include "app/dicom/stack.h"

/* TRUE for gantry tilt and uneven spacing: what is no longer so afterwards. */
gboolean   sag_straighten_mends     (const SagFinding *finding);

/* TRUE if slices of the stack do not lie where its grid says: gantry tilt, or uneven spacing. */
gboolean   sag_straighten_is_needed (const SagStack  *stack);

/* A new volume of `volume` (read from `stack`, every slice ready), each of whose voxels has the value
 * found at its place in the patient: linear within the two slices around it and between them. The
 * grid keeps rows, columns and pixel size, is upright on the slices, has their median distance, begins
 * at the first and is wide enough for all; what no slice reaches, and places of missing slices, have the
 * lowest value. Colour is INVALID. `text` (may be NULL) becomes a sentence that says what was done;
 * caller frees. [compute thread] */
SagVolume *sag_straighten           (SagVolume       *volume,
                                     const SagStack  *stack,
                                     char           **text,
                                     GError         **error);
