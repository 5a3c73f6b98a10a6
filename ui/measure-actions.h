/* SPDX-License-Identifier: Apache-2.0
 *
 * measure-actions.h: commands of measuring and correcting, in the group "view":
 *
 *   tool::NAME       the left button's tool (ui/left-tool.h); the same again puts it away
 *   undo, redo       of measurements, or of labels while they are changed
 *   delete           the selected measurement
 *   brush(MM)        makes the brush wider or narrower
 *   edit::NAME       a whole step on the label that is painted: "interpolate", "keep-largest", "smooth"
 *   review::NAME     "accepted" or "rejected": the shown result */
#pragma once

#include "ui/slice-layout.h"

/* They live as long as `map`. */
void     sag_measure_actions_add    (GActionMap     *map,
                                     SagSliceLayout *layout);

/* Escape: gives up what is being drawn, else puts the tool away; FALSE if there was neither. */
gboolean sag_measure_actions_escape (GtkWidget      *window,
                                     SagSliceLayout *layout);
