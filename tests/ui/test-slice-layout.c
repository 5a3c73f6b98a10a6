/* SPDX-License-Identifier: Apache-2.0
 *
 * test-slice-layout.c: arrangements of views, the commands on them, and the keys that give them. */
#include "tests/ui/fake.h"
#include "tests/ui/hands.h"
#include "ui/key-sheet.h"
#include "ui/settings.h"
#include "ui/shortcut-editor.h"
#include "ui/view-actions.h"

typedef struct
{
  SagWorkspace   *workspace;
  SagSliceLayout *layout;
  GActionGroup   *actions;
  GtkWindow      *window;
} Fixture;

static void
set_up (Fixture       *f,
        gconstpointer  data)
{
  g_autoptr (SagVolume) volume = fake_volume ();
  g_autoptr (SagSegmentation) segmentation = fake_segmentation ();
  g_autoptr (GSettings) settings = fake_settings ();

  f->workspace = sag_workspace_new ();
  sag_workspace_set_volume (f->workspace, volume);
  sag_workspace_set_segmentation (f->workspace, segmentation);
  f->layout = SAG_SLICE_LAYOUT (sag_slice_layout_new (f->workspace));
  f->actions = sag_view_actions_new (f->layout);
  f->window = fake_show (GTK_WIDGET (f->layout), 600, 400);
  gtk_widget_insert_action_group (GTK_WIDGET (f->window), "view", f->actions);
  gtk_widget_add_controller (GTK_WIDGET (f->window), sag_keys_new_controller (settings));
  gtk_widget_grab_focus (GTK_WIDGET (sag_slice_layout_get_selected (f->layout)));
}

static void
tear_down (Fixture       *f,
           gconstpointer  data)
{
  g_object_add_weak_pointer (G_OBJECT (f->layout), (gpointer *) &f->layout);
  gtk_widget_insert_action_group (GTK_WIDGET (f->window), "view", NULL);
  gtk_window_destroy (f->window);
  fake_settle ();
  g_assert_null (f->layout);
  g_assert_finalize_object (f->actions);
  g_assert_finalize_object (f->workspace);
}

static gboolean
is_shown (Fixture *f,
          SagView  plane)
{
  return gtk_widget_get_child_visible (GTK_WIDGET (sag_slice_layout_get_view (f->layout, plane)));
}

static void
activate (Fixture    *f,
          const char *detailed)
{
  g_autofree char *name = NULL;
  g_autoptr (GVariant) target = NULL;

  g_assert_true (g_action_parse_detailed_name (detailed, &name, &target, NULL));
  g_assert_true (g_action_group_has_action (f->actions, name));
  g_action_group_activate_action (f->actions, name, target);
  fake_settle ();
}

static void
test_modes (Fixture       *f,
            gconstpointer  data)
{
  g_assert_true (is_shown (f, SAG_VIEW_AXIAL));
  g_assert_false (is_shown (f, SAG_VIEW_CORONAL));
  activate (f, "plane::coronal");
  g_assert_true (is_shown (f, SAG_VIEW_CORONAL));
  g_assert_false (is_shown (f, SAG_VIEW_AXIAL));
  g_assert_cmpint (sag_workspace_get_view (f->workspace), ==, SAG_VIEW_CORONAL);

  activate (f, "layout::mpr");
  for (int v = 0; v < SAG_N_VIEWS; v++)
    {
      GtkWidget *view = GTK_WIDGET (sag_slice_layout_get_view (f->layout, v));

      g_assert_true (is_shown (f, v));
      g_assert_cmpint (gtk_widget_get_width (view), >, 100);
      g_assert_cmpint (gtk_widget_get_height (view), >, 100);
    }
  activate (f, "next-view");
  g_assert_true (sag_slice_layout_get_selected (f->layout)
                 == sag_slice_layout_get_view (f->layout, SAG_VIEW_SAGITTAL));
  activate (f, "full");
  g_assert_true (is_shown (f, SAG_VIEW_SAGITTAL));
  g_assert_false (is_shown (f, SAG_VIEW_AXIAL));
  g_assert_cmpint (gtk_widget_get_width (GTK_WIDGET (sag_slice_layout_get_selected (f->layout))),
                   ==, 600);
  activate (f, "full");
  g_assert_true (is_shown (f, SAG_VIEW_AXIAL));
}

/* The cursor set in one view is where the others cut. */
static void
test_linked (Fixture       *f,
             gconstpointer  data)
{
  const double lps[3] = { 5, -9, 121 };
  SagSliceSpec spec;

  activate (f, "layout::mpr");
  sag_workspace_set_cursor (f->workspace, lps);
  sag_slice_view_get_spec (sag_slice_layout_get_view (f->layout, SAG_VIEW_AXIAL), 300, 300, &spec);
  g_assert_cmpfloat_with_epsilon (spec.plane.centre[2], 121, 1e-6);
  sag_slice_view_get_spec (sag_slice_layout_get_view (f->layout, SAG_VIEW_SAGITTAL), 300, 300,
                           &spec);
  g_assert_cmpfloat_with_epsilon (spec.plane.centre[0], 5, 1e-6);
  sag_slice_view_get_spec (sag_slice_layout_get_view (f->layout, SAG_VIEW_CORONAL), 300, 300,
                           &spec);
  g_assert_cmpfloat_with_epsilon (spec.plane.centre[1], -9, 1e-6);
}

static void
test_actions (Fixture       *f,
              gconstpointer  data)
{
  int n, slice = sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, &n);
  gboolean flipped;
  double opacity;

  activate (f, "step(3)");
  g_assert_cmpint (sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL), ==, slice + 3);
  activate (f, "last-slice");
  g_assert_cmpint (sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL), ==, n - 1);
  activate (f, "first-slice");
  g_assert_cmpint (sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL), ==, 0);

  activate (f, "slab-thicker");
  g_assert_cmpint (sag_workspace_get_slab_mode (f->workspace), ==, SAG_SLAB_MIP);
  g_assert_cmpfloat (sag_workspace_get_slab_mm (f->workspace), ==, 5);
  activate (f, "slab-thicker");
  g_assert_cmpfloat (sag_workspace_get_slab_mm (f->workspace), ==, 10);
  activate (f, "slab-next-mode");
  g_assert_cmpint (sag_workspace_get_slab_mode (f->workspace), ==, SAG_SLAB_MINIP);
  activate (f, "slab-thinner");
  activate (f, "slab-thinner");
  g_assert_cmpint (sag_workspace_get_slab_mode (f->workspace), ==, SAG_SLAB_NONE);
  activate (f, "slab-mode::mean");
  g_assert_cmpfloat (sag_workspace_get_slab_mm (f->workspace), >, 0);

  activate (f, "invert");
  g_assert_true (sag_workspace_get_invert (f->workspace));
  activate (f, "smooth");
  g_assert_cmpint (sag_workspace_get_interpolation (f->workspace), ==, SAG_INTERPOLATION_NEAREST);
  activate (f, "flip-vertical");
  g_object_get (sag_slice_layout_get_selected (f->layout), "flip-vertical", &flipped, NULL);
  g_assert_true (flipped);
  activate (f, "reset");
  g_object_get (sag_slice_layout_get_selected (f->layout), "flip-vertical", &flipped, NULL);
  g_assert_false (flipped);

  opacity = sag_workspace_get_opacity (f->workspace);
  activate (f, "opacity(10)");
  g_assert_cmpfloat_with_epsilon (sag_workspace_get_opacity (f->workspace), opacity + 0.1, 1e-9);
  activate (f, "overlay-confidence");
  g_assert_true (sag_workspace_get_overlay (f->workspace) & SAG_OVERLAY_CONFIDENCE);
  activate (f, "overlay");
  g_assert_false (sag_workspace_get_overlay_visible (f->workspace));
  activate (f, "uncertain(1)");
  g_assert_cmpint (sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL), ==, 7);
  g_assert_true (g_action_group_get_action_enabled (f->actions, "overlay"));
  sag_workspace_set_segmentation (f->workspace, NULL);
  g_assert_false (g_action_group_get_action_enabled (f->actions, "overlay"));
}

static void
test_cine (Fixture       *f,
           gconstpointer  data)
{
  int before = sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL), after;

  activate (f, "cine");
  fake_wait (sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL) != before);
  activate (f, "cine");
  after = sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL);
  g_assert_cmpint (after, !=, before);
  for (int i = 0; i < 4; i++)
    fake_settle ();
  g_assert_cmpint (sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL), ==, after);
}

static void
test_keys (Fixture       *f,
           gconstpointer  data)
{
  SagWindowLevel window;

  if (!hands_init ())
    {
      g_test_skip ("no XTest on this screen");
      return;
    }
  hands_move (GTK_WIDGET (f->layout), 300, 200);
  hands_key (GDK_KEY_s, 0);
  g_assert_cmpint (sag_workspace_get_view (f->workspace), ==, SAG_VIEW_SAGITTAL);
  hands_key (GDK_KEY_d, 0);
  g_assert_cmpint (sag_workspace_get_view (f->workspace), ==, SAG_VIEW_CORONAL);
  hands_key (GDK_KEY_a, 0);
  g_assert_cmpint (sag_workspace_get_view (f->workspace), ==, SAG_VIEW_AXIAL);
  hands_key (GDK_KEY_Home, 0);
  g_assert_cmpint (sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL), ==, 0);
  hands_key (GDK_KEY_Up, GDK_SHIFT_MASK);
  g_assert_cmpint (sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL), ==, 10);
  sag_workspace_set_window_level (f->workspace, (SagWindowLevel) { 1, 2 });
  hands_key (GDK_KEY_2, 0);
  window = sag_workspace_get_window_level (f->workspace);
  g_assert_cmpfloat (window.center, ==,
                     sag_workspace_get_presets (f->workspace, NULL)[1].window.center);
  g_assert_cmpfloat (window.width, ==,
                     sag_workspace_get_presets (f->workspace, NULL)[1].window.width);
  hands_key (GDK_KEY_o, 0);
  g_assert_false (sag_workspace_get_overlay_visible (f->workspace));
  hands_key (GDK_KEY_y, 0);
  g_assert_cmpint (sag_workspace_get_slab_mode (f->workspace), ==, SAG_SLAB_MIP);
  hands_key (GDK_KEY_2, GDK_ALT_MASK);
  g_assert_true (is_shown (f, SAG_VIEW_CORONAL));
  hands_key (GDK_KEY_Tab, 0);
  g_assert_true (sag_slice_layout_get_selected (f->layout)
                 == sag_slice_layout_get_view (f->layout, SAG_VIEW_CORONAL));
  hands_key (GDK_KEY_space, 0); /* cine on, then off */
  hands_key (GDK_KEY_space, 0);
}

static void
test_menu (Fixture       *f,
           gconstpointer  data)
{
  GtkWidget *view = GTK_WIDGET (sag_slice_layout_get_selected (f->layout));

  activate (f, "menu((100.0,100.0))");
  g_assert_true (GTK_IS_POPOVER (gtk_widget_get_first_child (view)));
  gtk_popover_popdown (GTK_POPOVER (gtk_widget_get_first_child (view)));
  fake_settle ();
  activate (f, "menu((50.0,60.0))");
  g_assert_null (gtk_widget_get_next_sibling (gtk_widget_get_first_child (view)));
  gtk_popover_popdown (GTK_POPOVER (gtk_widget_get_first_child (view)));
  fake_settle ();
}

/* Whether these keys are to be seen on the sheet. */
static gboolean
has_cap (GtkWidget *widget, const char *wanted)
{
  if (!gtk_widget_get_visible (widget))
    return FALSE;
  if (GTK_IS_LABEL (widget) && gtk_widget_has_css_class (widget, "keycap")
      && g_str_equal (gtk_label_get_text (GTK_LABEL (widget)), wanted))
    return TRUE;
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    if (has_cap (child, wanted))
      return TRUE;
  return FALSE;
}

/* The sheet of keys fits a low screen, has what the mouse does as it is set, is searched, and goes away. */
static void
test_sheet (void)
{
  g_autoptr (GSettings) settings = fake_settings ();
  GtkWindow *parent = fake_show (gtk_label_new ("beneath"), 1366, 768), *sheet;
  GtkEditable *search;
  GtkWidget *scrolled;
  GtkAdjustment *place;

  g_settings_set_string (settings, "mouse-right", "none");
  sheet = sag_key_sheet_new (parent, settings);
  g_object_add_weak_pointer (G_OBJECT (sheet), (gpointer *) &sheet);
  gtk_window_present (sheet);
  fake_settle ();
  g_assert_cmpint (gtk_widget_get_width (GTK_WIDGET (sheet)), <=, 1366);
  g_assert_cmpint (gtk_widget_get_height (GTK_WIDGET (sheet)), <=, 720);
  g_assert_true (has_cap (GTK_WIDGET (sheet), "Wheel"));
  g_assert_true (has_cap (GTK_WIDGET (sheet), "Left drag"));
  g_assert_false (has_cap (GTK_WIDGET (sheet), "Right drag"));
  g_assert_true (has_cap (GTK_WIDGET (sheet), "1 … 9"));

  if (!hands_init ())
    {
      g_test_skip ("no XTest on this screen");
      gtk_window_destroy (sheet);
      fake_close (parent);
      return;
    }
  hands_focus (GTK_WIDGET (sheet));
  scrolled = fake_find (GTK_WIDGET (sheet), GTK_TYPE_SCROLLED_WINDOW);
  place = gtk_scrolled_window_get_vadjustment (GTK_SCROLLED_WINDOW (scrolled));
  hands_key (GDK_KEY_Page_Down, 0);
  fake_wait (gtk_adjustment_get_value (place) > 0);
  hands_key (GDK_KEY_o, 0);
  hands_key (GDK_KEY_p, 0);
  hands_key (GDK_KEY_e, 0);
  hands_key (GDK_KEY_n, 0);
  search = GTK_EDITABLE (fake_find (GTK_WIDGET (sheet), GTK_TYPE_SEARCH_ENTRY));
  g_assert_cmpstr (gtk_editable_get_text (search), ==, "open");
  fake_wait (!has_cap (GTK_WIDGET (sheet), "Wheel"));
  g_assert_true (has_cap (GTK_WIDGET (sheet), "Ctrl+O"));
  hands_key (GDK_KEY_Escape, 0);
  fake_wait (sheet == NULL);
  fake_close (parent);
}

/* No key has two meanings, and the list of shortcuts can be shown: as they are now. */
static void
test_table (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GSettings) settings = fake_settings ();
  const char *const own[] = { "<Control>j", NULL };
  GVariantBuilder builder;
  int n;
  const SagKey *keys = sag_keys_get (&n);
  GtkWindow *window;

  for (int i = 0; i < n; i++)
    {
      g_auto (GStrv) accels = sag_keys_dup_accels (&keys[i], settings);

      for (int a = 0; accels[a] != NULL; a++)
        {
          guint key;
          GdkModifierType modifiers;

          g_assert_true (gtk_accelerator_parse (accels[a], &key, &modifiers));
          g_assert_true (g_hash_table_add (seen, gtk_accelerator_name (key, modifiers)));
        }
    }
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sas}"));
  g_variant_builder_add (&builder, "{s^as}", keys[0].action, own);
  g_settings_set_value (settings, "shortcuts", g_variant_builder_end (&builder));
  {
    g_auto (GStrv) accels = sag_keys_dup_accels (&keys[0], settings);

    g_assert_cmpstr (accels[0], ==, "<Control>j");
  }
  window = sag_key_sheet_new (NULL, settings);
  gtk_window_present (window);
  fake_settle ();
  g_assert_true (has_cap (GTK_WIDGET (window), "Ctrl+J"));
  g_assert_false (has_cap (GTK_WIDGET (window), "Ctrl+O"));
  gtk_window_destroy (window);
}

static const SagKey *
find_key (const char *action)
{
  int n;
  const SagKey *keys = sag_keys_get (&n);

  for (int i = 0; i < n; i++)
    if (g_str_equal (keys[i].action, action))
      return &keys[i];
  g_assert_not_reached ();
}

/* A shortcut is asked for, given, taken from another command, and works at once. */
static void
test_editor (Fixture       *f,
             gconstpointer  data)
{
  g_autoptr (GSettings) settings = fake_settings ();
  GtkWindow *editor = sag_shortcut_editor_new (settings);
  GtkListBox *list = GTK_LIST_BOX (fake_find (GTK_WIDGET (editor), GTK_TYPE_LIST_BOX));
  GtkEditable *search = GTK_EDITABLE (fake_find (GTK_WIDGET (editor), GTK_TYPE_SEARCH_ENTRY));
  GtkListBoxRow *row = NULL;
  int n_shown = 0, n;

  if (!hands_init ())
    {
      g_test_skip ("no XTest on this screen");
      gtk_window_destroy (editor);
      return;
    }
  sag_keys_get (&n);
  gtk_window_present (editor);
  fake_settle ();
  hands_focus (GTK_WIDGET (editor));
  /* What is typed is searched for; Return does not reset anything. */
  g_assert_true (gtk_widget_is_ancestor (gtk_window_get_focus (editor), GTK_WIDGET (search)));
  gtk_editable_set_text (search, "invert gr");
  fake_settle ();
  for (int i = 0; i < n; i++)
    if (gtk_widget_get_child_visible (GTK_WIDGET (gtk_list_box_get_row_at_index (list, i))))
      {
        row = gtk_list_box_get_row_at_index (list, i);
        n_shown++;
      }
  g_assert_cmpint (n_shown, ==, 1);
  g_assert_true (sag_keys_find ("i", settings) == find_key ("view.invert"));

  /* "m" is the slab's: pressed once it only says so. */
  g_signal_emit_by_name (list, "row-activated", row);
  hands_key (GDK_KEY_m, 0);
  g_assert_true (sag_keys_find ("m", settings) == find_key ("view.slab-next-mode"));
  hands_key (GDK_KEY_m, 0);
  g_assert_true (sag_keys_find ("m", settings) == find_key ("view.invert"));
  g_assert_null (sag_keys_find ("i", settings));
  g_assert_true (sag_keys_is_changed (find_key ("view.invert"), settings));
  g_object_add_weak_pointer (G_OBJECT (editor), (gpointer *) &editor);
  hands_key (GDK_KEY_Escape, 0);
  fake_wait (editor == NULL);

  hands_focus (GTK_WIDGET (f->window));
  gtk_widget_grab_focus (GTK_WIDGET (sag_slice_layout_get_selected (f->layout)));
  hands_move (GTK_WIDGET (f->layout), 300, 200);
  hands_key (GDK_KEY_m, 0);
  g_assert_true (sag_workspace_get_invert (f->workspace));
  g_assert_cmpint (sag_workspace_get_slab_mode (f->workspace), ==, SAG_SLAB_NONE);
  sag_keys_set_accels (find_key ("view.invert"), settings, NULL);
  sag_keys_set_accels (find_key ("view.slab-next-mode"), settings, NULL);
  g_assert_true (sag_keys_find ("i", settings) == find_key ("view.invert"));
  hands_key (GDK_KEY_i, 0);
  g_assert_false (sag_workspace_get_invert (f->workspace));
}

/* Buttons do what the settings say. */
static void
test_mouse (Fixture       *f,
            gconstpointer  data)
{
  SagSliceView *view = sag_slice_layout_get_selected (f->layout);
  SagWindowLevel before = sag_workspace_get_window_level (f->workspace);
  g_autoptr (GSettings) settings = sag_settings_new (); /* as views read it */

  if (!hands_init ())
    {
      g_test_skip ("no XTest on this screen");
      return;
    }
  g_settings_set_string (settings, "mouse-left", "zoom");
  hands_drag (GTK_WIDGET (view), 300, 200, 300, 120, 1);
  g_assert_cmpfloat (sag_slice_view_get_zoom (view), >, 1.2);
  g_assert_cmpfloat (sag_workspace_get_window_level (f->workspace).width, ==, before.width);
  g_settings_set_string (settings, "mouse-left", "scroll");
  sag_workspace_set_slice (f->workspace, SAG_VIEW_AXIAL, 10);
  hands_drag (GTK_WIDGET (view), 300, 200, 300, 230, 1);
  g_assert_cmpint (sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL), ==, 5);
  g_settings_reset (settings, "mouse-left");
  g_settings_set_string (settings, "mouse-middle", "scroll");
  hands_drag (GTK_WIDGET (view), 300, 200, 300, 170, 2);
  g_assert_cmpint (sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL), ==, 10);
  g_settings_reset (settings, "mouse-middle");
  g_settings_set_string (settings, "mouse-right", "window");
  before = sag_workspace_get_window_level (f->workspace);
  hands_drag (GTK_WIDGET (view), 300, 200, 360, 200, 3);
  g_assert_cmpfloat (sag_workspace_get_window_level (f->workspace).width, <, before.width);
  g_settings_reset (settings, "mouse-right");
}

static void
add_tests (void)
{
  g_test_add ("/slice-layout/modes", Fixture, NULL, set_up, test_modes, tear_down);
  g_test_add ("/slice-layout/linked", Fixture, NULL, set_up, test_linked, tear_down);
  g_test_add ("/slice-layout/actions", Fixture, NULL, set_up, test_actions, tear_down);
  g_test_add ("/slice-layout/cine", Fixture, NULL, set_up, test_cine, tear_down);
  g_test_add ("/slice-layout/keys", Fixture, NULL, set_up, test_keys, tear_down);
  g_test_add ("/slice-layout/mouse", Fixture, NULL, set_up, test_mouse, tear_down);
  g_test_add ("/keys/editor", Fixture, NULL, set_up, test_editor, tear_down);
  g_test_add ("/slice-layout/menu", Fixture, NULL, set_up, test_menu, tear_down);
  g_test_add_func ("/keys/table", test_table);
  g_test_add_func ("/keys/sheet", test_sheet);
}

int
main (int    argc,
      char **argv)
{
  return fake_main (argc, argv, add_tests);
}
