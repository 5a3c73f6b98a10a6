/* SPDX-License-Identifier: Apache-2.0
 *
 * reading-actions.h: commands of reading, in the group "view": turns, oblique planes, colours, the
 * magnifier, jumping, and series that scroll together.
 *
 *   turn (i)           quarter turns clockwise
 *   planes-reset       oblique planes as acquired again
 *   colour-table (s)   SagColourTable by id
 *   next-colour-table
 *   interpolation (s)  "nearest", "linear", "cubic"
 *   magnifier          a lens at the pointer, on or off
 *   fusion-opacity (i) per cent more or less of what is laid over
 *   go-to-slice        asks for a number
 *   sync (s)           "off", "position", "offset"
 *   neurological       the patient's left on the left, or right */
#pragma once

#include "ui/slice-layout.h"

/* They live as long as `map`, which must not outlive the layout's workspaces. */
void sag_reading_actions_add (GActionMap     *map,
                              SagSliceLayout *layout);
