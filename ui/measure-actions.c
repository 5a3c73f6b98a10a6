/* SPDX-License-Identifier: Apache-2.0
 *
 * measure-actions.c: commands of measuring and correcting. */
#include "ui/measure-actions.h"

#include "ui/left-tool.h"

typedef struct
{
  SagSliceLayout *layout; /* weak */
  GActionMap     *map;    /* owns this */
} SagMeasureActions;

#define ACTION(name) \
  static void name (GSimpleAction *action, GVariant *parameter, gpointer data)

static SagMeasurements *
get_measurements (SagMeasureActions *self)
{
  SagSliceView *view = sag_slice_layout_get_selected (self->layout);

  return sag_workspace_get_measurements (sag_slice_view_get_workspace (view));
}

static void
bell (SagMeasureActions *self)
{
  gtk_widget_error_bell (GTK_WIDGET (self->layout));
}

ACTION (tool)
{
  SagMeasureActions *self = data;
  int tool = sag_left_tool_from_name (g_variant_get_string (parameter, NULL));

  if (tool < 0 || self->layout == NULL)
    return;
  if (tool == (int) sag_left_tool_get (GTK_WIDGET (self->layout)))
    tool = SAG_LEFT_NONE;
  sag_measurements_set_draft (get_measurements (self), NULL);
  sag_left_tool_set (GTK_WIDGET (self->layout), tool);
  g_simple_action_set_state (action, g_variant_new_string (sag_left_tool_get_name (tool)));
}

static SagEditing *
get_editing (SagMeasureActions *self)
{
  SagSliceView *view = sag_slice_layout_get_selected (self->layout);

  return sag_workspace_get_editing (sag_slice_view_get_workspace (view));
}

/* With a brush in hand strokes are taken back, else measurements. */
ACTION (undo)
{
  SagMeasureActions *self = data;

  if (sag_left_tool_edits (sag_left_tool_get (GTK_WIDGET (self->layout)))
          ? !sag_editing_undo (get_editing (self))
          : !sag_measurements_undo (get_measurements (self)) && !sag_editing_undo (get_editing (self)))
    bell (self);
}

ACTION (brush)
{
  SagMeasureActions *self = data;

  sag_editing_set_radius (get_editing (self), sag_editing_get_radius (get_editing (self))
                                                  + g_variant_get_int32 (parameter));
  gtk_widget_queue_draw (GTK_WIDGET (sag_slice_layout_get_selected (self->layout)));
}

ACTION (review)
{
  SagMeasureActions *self = data;

  if (!sag_editing_review (get_editing (self), g_variant_get_string (parameter, NULL)))
    bell (self);
}

ACTION (redo)
{
  SagMeasureActions *self = data;

  if (sag_left_tool_edits (sag_left_tool_get (GTK_WIDGET (self->layout)))
          ? !sag_editing_redo (get_editing (self))
          : !sag_measurements_redo (get_measurements (self)) && !sag_editing_redo (get_editing (self)))
    bell (self);
}

ACTION (delete)
{
  SagMeasureActions *self = data;
  SagMeasurements *all = get_measurements (self);

  if (sag_measurements_get_selected (all) != NULL)
    sag_measurements_remove (all, sag_measurements_get_selected (all));
  else
    bell (self);
}

gboolean
sag_measure_actions_escape (GtkWidget      *window,
                            SagSliceLayout *layout)
{
  SagWorkspace *workspace = sag_slice_view_get_workspace (sag_slice_layout_get_selected (layout));
  SagMeasurements *all = sag_workspace_get_measurements (workspace);

  if (sag_measurements_get_draft (all) != NULL)
    {
      sag_measurements_set_draft (all, NULL);
      return TRUE;
    }
  if (sag_left_tool_get (window) == SAG_LEFT_NONE)
    return FALSE;
  gtk_widget_activate_action (GTK_WIDGET (layout), "view.tool", "s", "none");
  return TRUE;
}

static void
sag_measure_actions_free (SagMeasureActions *self)
{
  g_clear_weak_pointer (&self->layout);
  g_free (self);
}

void
sag_measure_actions_add (GActionMap     *map,
                         SagSliceLayout *layout)
{
  static const GActionEntry entries[] = {
    { "tool", tool, "s", "'none'" },
    { "undo", undo },
    { "redo", redo },
    { "delete", delete },
    { "brush", brush, "i" },
    { "review", review, "s" },
  };
  SagMeasureActions *self = g_new0 (SagMeasureActions, 1);

  g_set_weak_pointer (&self->layout, layout);
  self->map = map;
  g_object_set_data_full (G_OBJECT (map), "measure-actions", self,
                          (GDestroyNotify) sag_measure_actions_free);
  g_action_map_add_action_entries (map, entries, G_N_ELEMENTS (entries), self);
}
