/* SPDX-License-Identifier: Apache-2.0
 *
 * reading-actions.c: commands of reading. */
#include "ui/reading-actions.h"

#include "app/state/sync.h"
#include "ui/slice-jump.h"

typedef struct
{
  SagSliceLayout *layout; /* weak */
  GActionMap     *map;    /* owns this */
  SagSync        *sync;
} SagReadingActions;

static const char *const sync_names[] = { "off", "position", "offset", NULL };
static const char *const interpolation_names[] = { "nearest", "linear", "cubic", NULL };

#define ACTION(name) \
  static void name (GSimpleAction *action, GVariant *parameter, gpointer data)

static SagSliceView *
selected (SagReadingActions *self)
{
  return sag_slice_layout_get_selected (self->layout);
}

static SagWorkspace *
get_workspace (SagReadingActions *self)
{
  return sag_slice_view_get_workspace (selected (self));
}

static int
find (const char *const *names,
      GVariant          *name)
{
  for (int i = 0; names[i] != NULL; i++)
    if (g_str_equal (names[i], g_variant_get_string (name, NULL)))
      return i;
  return -1;
}

static void
toggle (gpointer    object,
        const char *property)
{
  gboolean on;

  g_object_get (object, property, &on, NULL);
  g_object_set (object, property, !on, NULL);
}

ACTION (turn)
{
  sag_slice_view_turn (selected (data), g_variant_get_int32 (parameter));
}

ACTION (planes_reset)
{
  sag_workspace_reset_planes (get_workspace (data));
}

ACTION (colour_table)
{
  int table = sag_colour_table_find (g_variant_get_string (parameter, NULL));

  if (table >= 0)
    sag_workspace_set_colour_table (get_workspace (data), table);
}

ACTION (next_colour_table)
{
  SagWorkspace *workspace = get_workspace (data);

  sag_workspace_set_colour_table (
      workspace, (sag_workspace_get_colour_table (workspace) + 1) % SAG_N_COLOUR_TABLES);
}

ACTION (interpolation)
{
  int found = find (interpolation_names, parameter);

  if (found >= 0)
    sag_workspace_set_interpolation (get_workspace (data), found);
}

ACTION (magnifier)
{
  toggle (((SagReadingActions *) data)->layout, "magnifier");
}

ACTION (neurological)
{
  toggle (((SagReadingActions *) data)->layout, "neurological");
}

ACTION (fusion_opacity)
{
  SagWorkspace *workspace = get_workspace (data);

  sag_workspace_set_fusion_opacity (workspace, sag_workspace_get_fusion_opacity (workspace)
                                                   + g_variant_get_int32 (parameter) / 100.0);
}

ACTION (go_to_slice)
{
  sag_slice_jump_ask (selected (data));
}

ACTION (set_sync)
{
  SagReadingActions *self = data;
  int mode = find (sync_names, parameter);

  if (mode < 0)
    return;
  sag_sync_set_mode (self->sync, mode);
  g_simple_action_set_state (action, parameter);
}

static void
set_state (SagReadingActions *self,
           const char        *name,
           GVariant          *state)
{
  g_simple_action_set_state (G_SIMPLE_ACTION (g_action_map_lookup_action (self->map, name)), state);
}

static void
update_states (SagReadingActions *self)
{
  gboolean on;

  if (self->layout == NULL || selected (self) == NULL)
    return;
  set_state (self, "colour-table",
             g_variant_new_string (
                 sag_colour_table_get_id (sag_workspace_get_colour_table (get_workspace (self)))));
  set_state (self, "interpolation",
             g_variant_new_string (
                 interpolation_names[sag_workspace_get_interpolation (get_workspace (self))]));
  g_object_get (self->layout, "magnifier", &on, NULL);
  set_state (self, "magnifier", g_variant_new_boolean (on));
  g_object_get (self->layout, "neurological", &on, NULL);
  set_state (self, "neurological", g_variant_new_boolean (on));
}

static void
sag_reading_actions_free (SagReadingActions *self)
{
  if (self->layout != NULL)
    g_signal_handlers_disconnect_by_data (self->layout, self);
  g_clear_weak_pointer (&self->layout);
  sag_sync_free (self->sync);
  g_free (self);
}

static void
update_states_of_map (GActionMap *map)
{
  update_states (g_object_get_data (G_OBJECT (map), "reading-actions"));
}

static void
watch (SagReadingActions *self,
       SagWorkspace      *workspace)
{
  sag_sync_add (self->sync, workspace);
  g_signal_connect_object (workspace, "notify", G_CALLBACK (update_states_of_map), self->map,
                           G_CONNECT_SWAPPED);
}

void
sag_reading_actions_add (GActionMap     *map,
                         SagSliceLayout *layout)
{
  static const GActionEntry entries[] = {
    { "turn", turn, "i" },
    { "planes-reset", planes_reset },
    { "colour-table", colour_table, "s", "'grey'" },
    { "next-colour-table", next_colour_table },
    { "interpolation", interpolation, "s", "'linear'" },
    { "magnifier", magnifier, NULL, "false" },
    { "fusion-opacity", fusion_opacity, "i" },
    { "go-to-slice", go_to_slice },
    { "sync", set_sync, "s", "'position'" },
    { "neurological", neurological, NULL, "false" },
  };
  SagReadingActions *self = g_new0 (SagReadingActions, 1);

  g_set_weak_pointer (&self->layout, layout);
  self->map = map;
  self->sync = sag_sync_new ();
  g_object_set_data_full (G_OBJECT (map), "reading-actions", self,
                          (GDestroyNotify) sag_reading_actions_free);
  g_action_map_add_action_entries (map, entries, G_N_ELEMENTS (entries), self);
  watch (self, sag_slice_layout_get_workspace (layout));
  for (int c = 0; c < SAG_N_COMPANIONS; c++)
    watch (self, sag_slice_view_get_workspace (sag_slice_layout_get_companion (layout, c)));
  g_signal_connect_swapped (layout, "notify", G_CALLBACK (update_states), self);
  update_states (self);
}
