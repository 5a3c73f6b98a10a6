/* SPDX-License-Identifier: Apache-2.0
 *
 * view-actions.c: the commands on views. */
#include "ui/view-actions.h"

#include "ui/cine.h"
#include "ui/measure-actions.h"
#include "ui/menus.h"
#include "ui/reading-actions.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#define ZOOM_STEP 1.25
#define SLAB_STEP_MM 5.0

typedef struct
{
  SagSliceLayout     *layout; /* weak */
  SagWorkspace       *workspace; /* of the selected view */
  GSimpleActionGroup *group;  /* owns this */
  SagCine            *cine;
  SagCompare          compare; /* how two were compared last */
  GtkWidget          *menu;   /* of the last right click, in its view; weak */
} SagViewActions;

static const char *const plane_names[] = { "axial", "coronal", "sagittal", NULL };
static const char *const compare_names[] = { "off", "difference", "swipe", "checker", "side", NULL };
static const char *const slab_names[] = { "none", "mip", "minip", "mean", NULL };

static int
find (const char *const *names,
      const char        *name)
{
  for (int i = 0; names[i] != NULL; i++)
    if (g_str_equal (names[i], name))
      return i;
  return -1;
}

static SagSliceView *
selected (SagViewActions *self)
{
  return sag_slice_layout_get_selected (self->layout);
}

static SagView
selected_plane (SagViewActions *self)
{
  return sag_slice_view_get_plane (selected (self));
}

#define ACTION(name) \
  static void name (GSimpleAction *action, GVariant *parameter, gpointer data)

/* ---- the selected view */

ACTION (step)
{
  SagViewActions *self = data;

  sag_workspace_step_slice (self->workspace, selected_plane (self),
                            g_variant_get_int32 (parameter));
}

ACTION (first_slice)
{
  SagViewActions *self = data;

  sag_workspace_set_slice (self->workspace, selected_plane (self), 0);
}

ACTION (last_slice)
{
  SagViewActions *self = data;

  sag_workspace_set_slice (self->workspace, selected_plane (self), G_MAXINT);
}

static void
zoom_by (SagViewActions *self,
         double          factor)
{
  GtkWidget *view = GTK_WIDGET (selected (self));

  sag_slice_view_zoom_at (selected (self), factor, gtk_widget_get_width (view) / 2.0,
                          gtk_widget_get_height (view) / 2.0);
}

ACTION (zoom_in)
{
  zoom_by (data, ZOOM_STEP);
}

ACTION (zoom_out)
{
  zoom_by (data, 1 / ZOOM_STEP);
}

ACTION (reset)
{
  sag_slice_view_reset (selected (data));
}

static void
toggle (gpointer    object,
        const char *property)
{
  gboolean on;

  g_object_get (object, property, &on, NULL);
  g_object_set (object, property, !on, NULL);
}

ACTION (flip_horizontal)
{
  toggle (selected (data), "flip-horizontal");
}

ACTION (flip_vertical)
{
  toggle (selected (data), "flip-vertical");
}

static GMenuModel *
make_menu (SagViewActions *self)
{
  g_autoptr (GMenu) menu = g_menu_new ();
  g_autoptr (GMenu) presets = g_menu_new ();
  g_autoptr (GMenu) colours = g_menu_new ();
  int n;
  const SagWindowPreset *preset = sag_workspace_get_presets (self->workspace, &n);

  for (int i = 0; i < n; i++)
    {
      g_autofree char *action = g_strdup_printf ("view.window-preset::%s", preset[i].id);

      g_menu_append (presets, preset[i].name, action);
    }
  g_menu_append_submenu (menu, _ ("Window"), G_MENU_MODEL (presets));
  g_menu_append_submenu (menu, _ ("Slab"), sag_menus_get ("slab"));
  for (int t = 0; t < SAG_N_COLOUR_TABLES; t++)
    {
      g_autofree char *action =
          g_strdup_printf ("view.colour-table::%s", sag_colour_table_get_id (t));

      g_menu_append (colours, _ (sag_colour_table_get_name (t)), action);
    }
  g_menu_append_submenu (menu, _ ("Colours"), G_MENU_MODEL (colours));
  g_menu_append_section (menu, NULL, sag_menus_get ("view-turns"));
  g_menu_append_section (menu, NULL, sag_menus_get ("view-overlay"));
  g_menu_append_section (menu, NULL, sag_menus_get ("view-rest"));
  return G_MENU_MODEL (g_steal_pointer (&menu));
}

ACTION (menu)
{
  SagViewActions *self = data;
  g_autoptr (GMenuModel) model = make_menu (self);
  double x, y;

  g_variant_get (parameter, "(dd)", &x, &y);
  if (self->menu != NULL)
    gtk_widget_unparent (self->menu);
  g_set_weak_pointer (&self->menu, gtk_popover_menu_new_from_model (model));
  gtk_widget_set_halign (self->menu, GTK_ALIGN_START);
  gtk_popover_set_has_arrow (GTK_POPOVER (self->menu), FALSE);
  gtk_widget_set_parent (self->menu, GTK_WIDGET (selected (self)));
  gtk_popover_set_pointing_to (GTK_POPOVER (self->menu), &(GdkRectangle) { (int) x, (int) y, 1, 1 });
  gtk_popover_popup (GTK_POPOVER (self->menu));
}

/* ---- the layout */

ACTION (plane)
{
  SagViewActions *self = data;
  int v = find (plane_names, g_variant_get_string (parameter, NULL));

  if (v >= 0)
    sag_slice_layout_select (self->layout, v);
}

ACTION (layout_activated)
{
  SagViewActions *self = data;

  g_object_set (self->layout, "mode", g_variant_get_string (parameter, NULL), NULL);
}

ACTION (full)
{
  toggle (((SagViewActions *) data)->layout, "full");
}

/* From view to view, and past the last one out to the other widgets: Tab must not be caught here.
 */
static void
move_focus (SagSliceLayout *layout, int step)
{
  GtkRoot   *root = gtk_widget_get_root (GTK_WIDGET (layout));
  GtkWidget *focus = root != NULL ? gtk_root_get_focus (root) : NULL;

  if (focus != NULL
      && (!gtk_widget_is_ancestor (focus, GTK_WIDGET (layout))
          || sag_slice_layout_is_at_end (layout, step)))
    g_signal_emit_by_name (root, "move-focus",
                           step > 0 ? GTK_DIR_TAB_FORWARD : GTK_DIR_TAB_BACKWARD);
  else
    sag_slice_layout_step (layout, step);
}

ACTION (next_view)
{
  move_focus (((SagViewActions *)data)->layout, 1);
}

ACTION (previous_view)
{
  move_focus (((SagViewActions *)data)->layout, -1);
}

ACTION (annotations)
{
  toggle (((SagViewActions *) data)->layout, "annotations");
}

/* ---- the workspace */

ACTION (window_preset)
{
  SagViewActions *self = data;

  sag_workspace_apply_preset (self->workspace, g_variant_get_string (parameter, NULL));
}

ACTION (preset_number)
{
  SagViewActions *self = data;
  int n, number = g_variant_get_int32 (parameter);
  const SagWindowPreset *presets = sag_workspace_get_presets (self->workspace, &n);

  /* Those of the modality are under the same keys whatever windows a file brings; 0 is for the
   * file's. */
  for (int i = 0; i < n; i++)
    if (!g_str_has_prefix (presets[i].id, "file-") && --number == 0)
      {
        sag_workspace_apply_preset (self->workspace, presets[i].id);
        return;
      }
}

/* What the file says, or, where it says nothing, what its values suggest. */
ACTION (window_default)
{
  SagViewActions *self = data;
  SagVolume *volume = sag_workspace_get_volume (self->workspace);
  SagWindowLevel window;

  if (volume == NULL || sag_workspace_apply_preset (self->workspace, "file-1"))
    return;
  sag_volume_guess_window (volume, &window);
  sag_workspace_set_window_level (self->workspace, window);
}

ACTION (invert)
{
  toggle (((SagViewActions *) data)->workspace, "invert");
}

ACTION (smooth)
{
  SagWorkspace *workspace = ((SagViewActions *) data)->workspace;

  sag_workspace_set_interpolation (workspace, sag_workspace_get_interpolation (workspace)
                                                      == SAG_INTERPOLATION_NEAREST
                                                  ? SAG_INTERPOLATION_LINEAR
                                                  : SAG_INTERPOLATION_NEAREST);
}

/* A slab wants a thickness and a way to see through it; asking for one brings the other. */
static void
set_slab (SagViewActions *self,
          double          mm,
          SagSlabMode     mode)
{
  sag_workspace_set_slab_mm (self->workspace, CLAMP (mm, 0, 200));
  sag_workspace_set_slab_mode (self->workspace, mode);
}

static void
thicken (SagViewActions *self,
         double          step_mm)
{
  SagSlabMode mode = sag_workspace_get_slab_mode (self->workspace);
  double mm =
      mode == SAG_SLAB_NONE ? step_mm : sag_workspace_get_slab_mm (self->workspace) + step_mm;

  if (mm <= 0)
    set_slab (self, 0, SAG_SLAB_NONE);
  else
    set_slab (self, mm, mode == SAG_SLAB_NONE ? SAG_SLAB_MIP : mode);
}

ACTION (slab_thinner)
{
  thicken (data, -SLAB_STEP_MM);
}

ACTION (slab_thicker)
{
  thicken (data, SLAB_STEP_MM);
}

static void
choose_slab (SagViewActions *self,
             SagSlabMode     mode)
{
  double mm = sag_workspace_get_slab_mm (self->workspace);

  set_slab (self, mode != SAG_SLAB_NONE && mm <= 0 ? 2 * SLAB_STEP_MM : mm, mode);
}

ACTION (slab_next_mode)
{
  static const SagSlabMode next[] = { SAG_SLAB_MIP, SAG_SLAB_MINIP, SAG_SLAB_MEAN, SAG_SLAB_NONE };
  SagViewActions *self = data;

  choose_slab (self, next[sag_workspace_get_slab_mode (self->workspace)]);
}

ACTION (slab_mode)
{
  int mode = find (slab_names, g_variant_get_string (parameter, NULL));

  if (mode >= 0)
    choose_slab (data, mode);
}

ACTION (overlay)
{
  toggle (((SagViewActions *) data)->workspace, "overlay-visible");
}

static void
toggle_overlay (SagViewActions  *self,
                SagOverlayFlags  flag)
{
  sag_workspace_set_overlay (self->workspace, sag_workspace_get_overlay (self->workspace) ^ flag);
}

ACTION (overlay_fill)
{
  toggle_overlay (data, SAG_OVERLAY_FILL);
}

ACTION (overlay_outline)
{
  toggle_overlay (data, SAG_OVERLAY_OUTLINE);
}

ACTION (overlay_hatch)
{
  toggle_overlay (data, SAG_OVERLAY_HATCH);
}

ACTION (overlay_confidence)
{
  toggle_overlay (data, SAG_OVERLAY_CONFIDENCE);
}

ACTION (compare_mode)
{
  SagViewActions *self = data;
  int mode = find (compare_names, g_variant_get_string (parameter, NULL));

  if (mode >= 0 && !sag_workspace_compare_with (self->workspace, mode))
    gtk_widget_error_bell (GTK_WIDGET (self->layout));
}

/* On and off; on as it was last. */
ACTION (compare)
{
  SagViewActions *self = data;
  SagCompare now = sag_workspace_get_compare (self->workspace);

  if (now != SAG_COMPARE_OFF)
    self->compare = now;
  if (!sag_workspace_compare_with (self->workspace,
                                   now != SAG_COMPARE_OFF        ? SAG_COMPARE_OFF
                                   : self->compare != SAG_COMPARE_OFF ? self->compare
                                                                 : SAG_COMPARE_DIFFERENCE))
    gtk_widget_error_bell (GTK_WIDGET (self->layout));
}

ACTION (compare_swap)
{
  SagViewActions *self = data;

  if (!sag_workspace_swap (self->workspace))
    gtk_widget_error_bell (GTK_WIDGET (self->layout));
}

ACTION (opacity)
{
  SagViewActions *self = data;
  double more = g_variant_get_int32 (parameter) / 100.0;

  sag_workspace_set_opacity (self->workspace,
                             CLAMP (sag_workspace_get_opacity (self->workspace) + more, 0, 1));
}

ACTION (uncertain)
{
  SagViewActions *self = data;

  SagSegmentation *segmentation = sag_workspace_get_segmentation (self->workspace);
  g_autofree char *text = NULL;
  double cursor[3], ijk[3];
  int rank, n;

  if (!sag_workspace_next_uncertain (self->workspace, g_variant_get_int32 (parameter), &rank, &n))
    {
      gtk_widget_error_bell (GTK_WIDGET (self->layout));
      return;
    }
  sag_workspace_get_cursor (self->workspace, cursor);
  sag_grid_to_ijk (sag_segmentation_get_grid (segmentation), cursor, ijk);
  text = g_strdup_printf (
      _ ("Least certain slices: %d of %d, mean confidence %.1f %%"), rank, n,
      100 * sag_segmentation_get_slice_confidence (segmentation, (int)floor (ijk[2] + 0.5), 0));
  gtk_widget_activate_action (GTK_WIDGET (self->layout), "win.say", "s", text);
}

/* ---- cine */

ACTION (cine)
{
  SagViewActions *self = data;

  sag_cine_set_playing (self->cine, !sag_cine_is_playing (self->cine));
}

static void
scale_rate (SagViewActions *self,
            double          factor)
{
  g_autofree char *text =
      g_strdup_printf (_ ("Playing at %.1f slices a second"), sag_cine_scale_rate (self->cine, factor));

  gtk_widget_activate_action (GTK_WIDGET (self->layout), "win.say", "s", text);
}

ACTION (cine_faster)
{
  scale_rate (data, 1.25);
}

ACTION (cine_slower)
{
  scale_rate (data, 1 / 1.25);
}

/* ---- states, as menus show them */

static void
set_state (SagViewActions *self,
           const char     *name,
           GVariant       *state)
{
  GAction *action = g_action_map_lookup_action (G_ACTION_MAP (self->group), name);

  g_simple_action_set_state (G_SIMPLE_ACTION (action), state);
}

static void
set_enabled (SagViewActions    *self,
             gboolean           enabled,
             const char *const *names)
{
  for (int i = 0; names[i] != NULL; i++)
    {
      GAction *action = g_action_map_lookup_action (G_ACTION_MAP (self->group), names[i]);

      g_simple_action_set_enabled (G_SIMPLE_ACTION (action), enabled);
    }
}

static void
update_states (SagViewActions *self)
{
  static const char *const for_image[] = {
    "step", "first-slice", "last-slice", "zoom-in", "zoom-out", "reset", "invert", "menu",
    "flip-horizontal", "flip-vertical", "window-preset", "window-default", "preset-number",
    "slab-thinner", "slab-thicker", "slab-next-mode", "slab-mode", "cine", NULL,
  };
  static const char *const for_result[] = {
    "overlay", "overlay-fill", "overlay-outline", "overlay-confidence", "overlay-hatch", "opacity", "uncertain",
    "compare", "compare-mode", "compare-swap", NULL,
  };
  SagOverlayFlags flags = sag_workspace_get_overlay (self->workspace);
  SagSlabMode slab = sag_workspace_get_slab_mode (self->workspace);
  g_autofree char *mode = NULL;
  gboolean full, annotations_on;

  if (self->layout == NULL)
    return;
  g_object_get (self->layout, "mode", &mode, "full", &full, "annotations", &annotations_on, NULL);
  set_state (self, "plane",
             g_variant_new_string (plane_names[selected_plane (self)]));
  set_state (self, "layout", g_variant_new_string (mode));
  set_state (self, "full", g_variant_new_boolean (full));
  set_state (self, "annotations", g_variant_new_boolean (annotations_on));
  set_state (self, "invert", g_variant_new_boolean (sag_workspace_get_invert (self->workspace)));
  set_state (self, "smooth",
             g_variant_new_boolean (sag_workspace_get_interpolation (self->workspace)
                                    != SAG_INTERPOLATION_NEAREST));
  set_state (self, "slab-mode", g_variant_new_string (slab_names[slab]));
  set_state (self, "overlay",
             g_variant_new_boolean (sag_workspace_get_overlay_visible (self->workspace)));
  set_state (self, "overlay-fill", g_variant_new_boolean ((flags & SAG_OVERLAY_FILL) != 0));
  set_state (self, "overlay-outline", g_variant_new_boolean ((flags & SAG_OVERLAY_OUTLINE) != 0));
  set_state (self, "overlay-hatch", g_variant_new_boolean ((flags & SAG_OVERLAY_HATCH) != 0));
  set_state (self, "overlay-confidence",
             g_variant_new_boolean ((flags & SAG_OVERLAY_CONFIDENCE) != 0));
  set_state (self, "compare-mode",
             g_variant_new_string (compare_names[sag_workspace_get_compare (self->workspace)]));
  set_enabled (self, sag_workspace_get_volume (self->workspace) != NULL, for_image);
  set_enabled (self,
               sag_workspace_get_segmentation (self->workspace) != NULL ||
                 sag_workspace_get_preview (self->workspace) != NULL,
               for_result);
}

static void
follow_selection (SagViewActions *self)
{
  SagWorkspace *workspace = sag_slice_view_get_workspace (selected (self));

  if (workspace == self->workspace)
    return;
  if (self->workspace != NULL)
    g_signal_handlers_disconnect_by_data (self->workspace, self);
  g_set_object (&self->workspace, workspace);
  g_signal_connect_swapped (workspace, "notify", G_CALLBACK (update_states), self);
}

static void
layout_changed (SagViewActions *self)
{
  if (self->layout == NULL || selected (self) == NULL)
    return;
  follow_selection (self);
  update_states (self);
}

static void
sag_view_actions_free (SagViewActions *self)
{
  g_signal_handlers_disconnect_by_data (self->workspace, self);
  if (self->layout != NULL)
    g_signal_handlers_disconnect_by_data (self->layout, self);
  sag_cine_free (self->cine);
  g_clear_weak_pointer (&self->layout);
  g_clear_weak_pointer (&self->menu);
  g_object_unref (self->workspace);
  g_free (self);
}

GActionGroup *
sag_view_actions_new (SagSliceLayout *layout)
{
  static const GActionEntry entries[] = {
    { "step", step, "i" },
    { "first-slice", first_slice },
    { "last-slice", last_slice },
    { "zoom-in", zoom_in },
    { "zoom-out", zoom_out },
    { "reset", reset },
    { "flip-horizontal", flip_horizontal },
    { "flip-vertical", flip_vertical },
    { "menu", menu, "(dd)" },
    { "plane", plane, "s", "'axial'" },
    { "layout", layout_activated, "s", "'single'" },
    { "full", full, NULL, "false" },
    { "next-view", next_view },
    { "previous-view", previous_view },
    { "annotations", annotations, NULL, "true" },
    { "window-preset", window_preset, "s" },
    { "window-default", window_default },
    { "preset-number", preset_number, "i" },
    { "invert", invert, NULL, "false" },
    { "smooth", smooth, NULL, "true" },
    { "slab-thinner", slab_thinner },
    { "slab-thicker", slab_thicker },
    { "slab-next-mode", slab_next_mode },
    { "slab-mode", slab_mode, "s", "'none'" },
    { "overlay", overlay, NULL, "true" },
    { "overlay-fill", overlay_fill, NULL, "true" },
    { "overlay-outline", overlay_outline, NULL, "true" },
    { "overlay-hatch", overlay_hatch, NULL, "false" },
    { "overlay-confidence", overlay_confidence, NULL, "false" },
    { "compare", compare },
    { "compare-mode", compare_mode, "s", "'off'" },
    { "compare-swap", compare_swap },
    { "opacity", opacity, "i" },
    { "uncertain", uncertain, "i" },
    { "cine", cine },
    { "cine-faster", cine_faster },
    { "cine-slower", cine_slower },
  };
  SagViewActions *self = g_new0 (SagViewActions, 1);

  g_set_weak_pointer (&self->layout, layout);
  self->group = g_simple_action_group_new ();
  self->cine = sag_cine_new (layout);
  g_object_set_data_full (G_OBJECT (self->group), "view-actions", self,
                          (GDestroyNotify) sag_view_actions_free);
  g_action_map_add_action_entries (G_ACTION_MAP (self->group), entries, G_N_ELEMENTS (entries),
                                   self);
  sag_measure_actions_add (G_ACTION_MAP (self->group), layout);
  sag_reading_actions_add (G_ACTION_MAP (self->group), layout);
  g_signal_connect_swapped (layout, "notify", G_CALLBACK (layout_changed), self);
  layout_changed (self);
  return G_ACTION_GROUP (self->group);
}
