/* SPDX-License-Identifier: Apache-2.0
 *
 * measure-tool.h: drawing and moving measurements with the left button.
 *
 * A press sets a point, and so does the release of a drag: a length is one drag or two clicks. Handles can
 * be dragged whatever tool is chosen, and so can a whole figure by its line. */
#pragma once

#include "ui/slice-view.h"

/* The view owns it. */
void     sag_measure_tool_attach (SagSliceView *view);
