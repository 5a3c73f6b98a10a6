/* SPDX-License-Identifier: Apache-2.0
 *
 * read.h: from a stack to a volume, slice by slice.
 *
 *     SagVolume *volume = sag_read_begin (stack, &error);     // memory, geometry; nothing ready
 *     sag_read_fill (volume, stack, focus, ready, data, &tick, &error);
 *
 * Between the two the volume may be shared (its block is a memfd): slices appear as they are
 * decoded. Voxels: 8-bit unsigned as U8; up to 16 bit as I16 or U16 with the file's rescale; where
 * the rescale differs between slices (PET), or for 32-bit and float pixels, F32 modality values;
 * colour as RGB8. PET whose every file tells weight, dose and times (sag_read_is_suv) is in "SUVbw",
 * other PET in its own unit; the grid of an RT Dose in "Gy".
 */
#pragma once

#include "app/dicom/stack.h"
#include "engine/base/tick.h"

/* A volume for the whole stack with no slice ready. Sizes come from headers and are checked against
 * the files and the machine's memory first. UNSUPPORTED for pixels that cannot be shown, INVALID
 * for headers that contradict themselves (where no slice is better), MEMORY. [any thread] */
SagVolume *sag_read_begin (const SagStack  *stack,
                           GError         **error);

/* TRUE if the volume of this stack is in SUV by body weight. */
gboolean   sag_read_is_suv (const SagStack *stack);

/* Window `i` of `instance`, a slice of the stack, in the unit of the stack's volume. */
SagWindowLevel sag_read_get_window (const SagStack         *stack,
                                    const SagDicomInstance *instance,
                                    int                     i);

/* Slices [k0, k1) are in place. Called on any thread of the team, one call at a time. */
typedef void (*SagReadReadyFunc) (SagVolume *volume,
                                  int        k0,
                                  int        k1,
                                  gpointer   data);

/* Decodes every slice on the caller's team, nearest to slice `focus` first (focus < 0: from the
 * middle), marks each ready and calls `ready` (may be NULL). Places the series left out, and slices
 * that cannot be decoded, become ready last, filled with the lowest value; `lost` (may be NULL)
 * becomes a sentence that counts and names the latter, or NULL; caller frees. An error only where no
 * slice can be decoded; SAG_ENGINE_ERROR_CANCELLED when the tick says stop. [compute thread] */
gboolean   sag_read_fill  (SagVolume        *volume,
                           const SagStack   *stack,
                           int               focus,
                           SagReadReadyFunc  ready,
                           gpointer          data,
                           const SagTick    *tick,
                           char            **lost,
                           GError          **error);
