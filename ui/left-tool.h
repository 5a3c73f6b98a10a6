/* SPDX-License-Identifier: Apache-2.0
 *
 * left-tool.h: what the left button does on the images of a window, beyond what settings say: measure, or
 * change labels. One tool a window, kept until another is chosen or Escape puts it away. */
#pragma once

#include "ui/slice-view.h"

typedef enum
{
  SAG_LEFT_NONE, /* what settings say */
  SAG_LEFT_LENGTH,
  SAG_LEFT_ANGLE,
  SAG_LEFT_COBB,
  SAG_LEFT_BIDIRECTIONAL,
  SAG_LEFT_ELLIPSE,
  SAG_LEFT_RECTANGLE,
  SAG_LEFT_FREEHAND,
  SAG_LEFT_BRUSH,
  SAG_LEFT_ERASER,
  SAG_LEFT_THRESHOLD, /* a brush that paints only values like the one under its centre */
  SAG_LEFT_FILL,
  SAG_LEFT_GROW,
  SAG_N_LEFT_TOOLS
} SagLeftTool;

/* The tool of the window that `widget` is in. */
SagLeftTool  sag_left_tool_get       (GtkWidget    *widget);
void         sag_left_tool_set       (GtkWidget    *widget,
                                      SagLeftTool   tool);
gboolean     sag_left_tool_measures  (SagLeftTool   tool);
gboolean     sag_left_tool_edits     (SagLeftTool   tool);
/* "none", "length" …; static. */
const char  *sag_left_tool_get_name  (SagLeftTool   tool);
int          sag_left_tool_from_name (const char   *name);
