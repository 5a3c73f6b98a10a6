/* SPDX-License-Identifier: Apache-2.0
 *
 * left-tool.c: what the left button does on the images of a window. */
#include "ui/left-tool.h"

static const char *const names[SAG_N_LEFT_TOOLS] = {
  "none",      "length",   "angle", "cobb",   "bidirectional", "ellipse",
  "rectangle", "freehand", "brush", "eraser", "threshold",     "fill",
  "grow",
};

SagLeftTool
sag_left_tool_get (GtkWidget *widget)
{
  GtkRoot *root = gtk_widget_get_root (widget);

  return root != NULL ? GPOINTER_TO_INT (g_object_get_data (G_OBJECT (root), "left-tool"))
                      : SAG_LEFT_NONE;
}

void
sag_left_tool_set (GtkWidget   *widget,
                   SagLeftTool  tool)
{
  GtkRoot *root = gtk_widget_get_root (widget);

  if (root != NULL)
    g_object_set_data (G_OBJECT (root), "left-tool", GINT_TO_POINTER (tool));
}

gboolean
sag_left_tool_measures (SagLeftTool tool)
{
  return tool >= SAG_LEFT_LENGTH && tool <= SAG_LEFT_FREEHAND;
}

gboolean
sag_left_tool_edits (SagLeftTool tool)
{
  return tool >= SAG_LEFT_BRUSH && tool <= SAG_LEFT_GROW;
}

const char *
sag_left_tool_get_name (SagLeftTool tool)
{
  return names[tool];
}

int
sag_left_tool_from_name (const char *name)
{
  for (int tool = 0; tool < SAG_N_LEFT_TOOLS; tool++)
    if (g_str_equal (names[tool], name))
      return tool;
  return -1;
}
