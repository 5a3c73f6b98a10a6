/* SPDX-License-Identifier: Apache-2.0
 *
 * test-window.c: a whole window: from a folder through a series to a segmentation, and what can go
 * wrong. */
#include "tests/ui/fake.h"
#include "tests/ui/hands.h"
#include "ui/catalogue-view.h"
#include "ui/job-bar.h"
#include "ui/keys.h"
#include "ui/notice.h"
#include "ui/series-row.h"
#include "ui/tags-dialog.h"
#include "ui/window.h"

#include <glib/gstdio.h>

typedef struct
{
  GSettings *settings;
  SagWindow *window;
} Fixture;

static void
set_up (Fixture       *f,
        gconstpointer  data)
{
  f->settings = fake_settings ();
  f->window = sag_window_new (NULL, f->settings);
  gtk_window_set_default_size (GTK_WINDOW (f->window), 1300, 800);
  gtk_window_present (GTK_WINDOW (f->window));
  fake_settle ();
}

static void
tear_down (Fixture       *f,
           gconstpointer  data)
{
  fake_close (f->window);
  g_clear_object (&f->settings);
}

static gpointer
part (Fixture    *f,
      const char *name)
{
  GObject *object = gtk_widget_get_template_child (GTK_WIDGET (f->window), SAG_TYPE_WINDOW, name);

  g_assert_nonnull (object);
  return object;
}

static void
open (Fixture    *f,
      const char *path,
      const char *model)
{
  const char *const paths[] = { path, NULL };

  sag_window_open (f->window, paths, model);
}

static const char *
page (Fixture *f)
{
  return gtk_stack_get_visible_child_name (part (f, "stack"));
}

static void
test_open (Fixture       *f,
           gconstpointer  data)
{
  SagWorkspace *workspace = sag_window_get_workspace (f->window);
  GtkWidget *catalogue, *row;
  SagSeries *series;

  g_assert_cmpstr (page (f), ==, "empty");
  g_assert_true (sag_window_is_empty (f->window));
  open (f, "/fake/chest", NULL);
  g_assert_cmpstr (page (f), ==, "busy");
  g_assert_true (gtk_spinner_get_spinning (part (f, "spinner")));
  fake_wait_int (sag_window_get_opener (f->window), "state", SAG_OPENER_READY);
  fake_settle ();
  g_assert_false (gtk_spinner_get_spinning (part (f, "spinner"))); /* it would lay out every frame anew */
  g_assert_cmpstr (page (f), ==, "views");
  series = sag_workspace_get_series (workspace);
  g_assert_cmpstr (sag_series_get_title (series), ==, "Chest 3 mm");
  g_assert_cmpint (sag_volume_get_n_ready (sag_workspace_get_volume (workspace)), ==, 20);
  g_assert_cmpfloat (sag_volume_get_value (sag_workspace_get_volume (workspace), 5, 6, 7), ==,
                     fake_value (5, 6, 7));
  g_assert_nonnull (strstr (adw_window_title_get_title (part (f, "title")), "Doe"));
  g_assert_nonnull (strstr (sag_notice_get_text (part (f, "notice")), "6.0 mm apart"));

  catalogue = fake_find (GTK_WIDGET (f->window), SAG_TYPE_CATALOGUE_VIEW);
  row = fake_find (catalogue, SAG_TYPE_SERIES_ROW);
  g_assert_nonnull (row);
  g_object_get (row, "series", &series, NULL);
  g_assert_cmpstr (sag_series_get_title (series), ==, "Chest 3 mm");
  while (sag_series_get_thumbnail (series, NULL, NULL) == NULL)
    fake_settle ();
  g_object_unref (series);
}

/* A CT comes in three planes; a series chosen while a companion is selected opens there. */
static void
test_beside (Fixture       *f,
             gconstpointer  data)
{
  SagSliceLayout *layout = sag_window_get_layout (f->window);
  SagSliceView *companion = sag_slice_layout_get_companion (layout, 0);
  SagWorkspace *second = sag_slice_view_get_workspace (companion);
  g_autofree char *mode = NULL;

  g_settings_set_string (f->settings, "layout", "single");
  open (f, "/fake/chest", NULL);
  fake_wait_int (sag_window_get_opener (f->window), "state", SAG_OPENER_READY);
  fake_settle ();
  g_object_get (layout, "mode", &mode, NULL);
  g_assert_cmpstr (mode, ==, "mpr");
  gtk_widget_activate_action (GTK_WIDGET (f->window), "view.layout", "s", "pair");
  fake_settle ();
  g_assert_null (sag_workspace_get_volume (second)); /* the study has nothing else to show */
  sag_slice_layout_select_view (layout, companion);
  g_assert_true (sag_window_get_cell_opener (f->window) != sag_window_get_opener (f->window));
  gtk_widget_activate_action (
      GTK_WIDGET (f->window), "win.open-series", "s",
      sag_series_get_key (sag_workspace_get_series (sag_window_get_workspace (f->window))));
  fake_wait_int (sag_window_get_cell_opener (f->window), "state", SAG_OPENER_READY);
  g_assert_nonnull (sag_workspace_get_volume (second));
  sag_workspace_set_slice (sag_window_get_workspace (f->window), SAG_VIEW_AXIAL, 3);
  gtk_widget_activate_action (GTK_WIDGET (f->window), "view.plane", "s", "sagittal");
  g_assert_cmpint (sag_slice_view_get_plane (companion), ==, SAG_VIEW_SAGITTAL);
}

static void
test_problems (Fixture       *f,
               gconstpointer  data)
{
  open (f, "/fake/empty", NULL);
  fake_wait_int (sag_window_get_opener (f->window), "state", SAG_OPENER_NOTHING);
  g_assert_cmpstr (page (f), ==, "nothing");
  g_assert_nonnull (strstr (sag_notice_get_text (part (f, "notice")), "no files"));
  g_action_group_activate_action (G_ACTION_GROUP (f->window), "try-again", NULL);
  fake_wait_int (sag_window_get_opener (f->window), "state", SAG_OPENER_LOOKING);
  fake_wait_int (sag_window_get_opener (f->window), "state", SAG_OPENER_NOTHING);
  open (f, "/fake/broken", NULL);
  fake_wait_int (sag_window_get_opener (f->window), "state", SAG_OPENER_READING);
  fake_wait_int (sag_window_get_opener (f->window), "state", SAG_OPENER_NOTHING);
  g_assert_nonnull (strstr (sag_notice_get_text (part (f, "notice")), "ends early"));
  g_action_group_activate_action (G_ACTION_GROUP (f->window), "try-again", NULL);
  fake_wait_int (sag_window_get_opener (f->window), "state", SAG_OPENER_READING);
  fake_wait_int (sag_window_get_opener (f->window), "state", SAG_OPENER_NOTHING);
  /* It stays usable. */
  open (f, "/fake/chest", NULL);
  fake_wait_int (sag_window_get_opener (f->window), "state", SAG_OPENER_READY);
  g_assert_cmpstr (page (f), ==, "views");
  g_assert_null (strstr (sag_notice_get_text (part (f, "notice")), "ends early"));
}

static void
test_run (Fixture       *f,
          gconstpointer  data)
{
  SagSegmenter *segmenter = sag_window_get_segmenter (f->window);
  GActionGroup *actions = G_ACTION_GROUP (f->window);

  open (f, "/fake/chest", "fake.halves");
  fake_wait_int (segmenter, "state", SAG_SEGMENTER_DONE);
  fake_settle ();
  g_assert_nonnull (sag_workspace_get_segmentation (sag_window_get_workspace (f->window)));
  g_assert_cmpint (
      g_list_model_get_n_items (sag_workspace_get_labels (sag_window_get_workspace (f->window))),
      ==, 2);
  g_assert_true (g_action_group_get_action_enabled (actions, "export-seg"));
  g_assert_true (g_action_group_get_action_enabled (actions, "segment"));
  g_action_group_activate_action (actions, "precision", g_variant_new_string ("int8"));
  g_assert_cmpint (sag_segmenter_get_precision (segmenter), ==, SAG_PRECISION_INT8);
  g_action_group_activate_action (actions, "segment", NULL);
  fake_wait_int (segmenter, "state", SAG_SEGMENTER_RUNNING);
  fake_wait_int (segmenter, "state", SAG_SEGMENTER_DONE);
  g_assert_cmpstr (sag_segmentation_get_provenance (
                       sag_workspace_get_segmentation (sag_window_get_workspace (f->window)))
                       ->precision,
                   ==, "int8");
}

static void
test_missing_model (Fixture       *f,
                    gconstpointer  data)
{
  open (f, "/fake/chest", "no.such.model");
  fake_wait_int (sag_window_get_opener (f->window), "state", SAG_OPENER_READY);
  fake_wait (strstr (sag_notice_get_text (part (f, "notice")), "no.such.model is not installed") != NULL);
}

static void
test_segmentation_file (Fixture       *f,
                        gconstpointer  data)
{
  SagWorkspace *workspace = sag_window_get_workspace (f->window);

  open (f, "/fake/chest", NULL);
  fake_wait_int (sag_window_get_opener (f->window), "state", SAG_OPENER_READY);
  g_assert_null (sag_workspace_get_segmentation (workspace));
  g_action_group_activate_action (G_ACTION_GROUP (f->window), "open-series",
                                  g_variant_new_string ("1.seg"));
  while (sag_workspace_get_segmentation (workspace) == NULL)
    fake_settle ();
  g_assert_cmpstr (sag_series_get_uid (sag_workspace_get_series (workspace)), ==, "1.chest");
}

/* Labels from another frame of reference are not laid over the open images. */
static void
test_stray_segmentation (Fixture       *f,
                         gconstpointer  data)
{
  SagWorkspace *workspace = sag_window_get_workspace (f->window);

  open (f, "/fake/chest", NULL);
  fake_wait_int (sag_window_get_opener (f->window), "state", SAG_OPENER_READY);
  g_action_group_activate_action (G_ACTION_GROUP (f->window), "open-series",
                                  g_variant_new_string ("1.stray"));
  fake_wait (strstr (sag_notice_get_text (part (f, "notice")), "another frame of reference") != NULL);
  g_assert_null (sag_workspace_get_segmentation (workspace));
}

/* Labels opened while a model runs are a result of their own: the two are never mixed. */
static void
test_segmentation_while_running (Fixture       *f,
                                 gconstpointer  data)
{
  SagWorkspace *workspace = sag_window_get_workspace (f->window);
  SagSegmenter *segmenter = sag_window_get_segmenter (f->window);
  SagSegmentation *opened;

  open (f, "/fake/chest", "fake.slow");
  fake_wait_int (segmenter, "state", SAG_SEGMENTER_RUNNING);
  g_action_group_activate_action (G_ACTION_GROUP (f->window), "open-series",
                                  g_variant_new_string ("1.seg"));
  fake_wait ((opened = sag_workspace_get_segmentation (workspace)) != NULL);
  g_assert_cmpuint (g_list_model_get_n_items (sag_workspace_get_results (workspace)), ==, 2);
  g_assert_null (sag_workspace_get_preview (workspace));
  g_assert_cmpint (sag_segmenter_get_state (segmenter), ==, SAG_SEGMENTER_RUNNING);
  g_assert_true (sag_segmenter_cancel (segmenter));
  fake_wait_int (segmenter, "state", SAG_SEGMENTER_CANCELLED);
  fake_settle ();
  g_assert_cmpuint (g_list_model_get_n_items (sag_workspace_get_results (workspace)), ==, 1);
  g_assert_true (sag_workspace_get_segmentation (workspace) == opened);
}

/* Escape ends a run from the keyboard; the bar at the foot says what is going on. */
static void
test_cancel (Fixture       *f,
             gconstpointer  data)
{
  SagSegmenter *segmenter = sag_window_get_segmenter (f->window);
  SagJobBar *bar = part (f, "job_bar");

  open (f, "/fake/chest", "fake.slow");
  fake_wait_int (segmenter, "state", SAG_SEGMENTER_RUNNING);
  fake_wait (strstr (sag_job_bar_get_text (bar), "slab 1 of 10") != NULL);
  if (hands_init ())
    {
      hands_move (GTK_WIDGET (sag_window_get_layout (f->window)), 100, 100);
      hands_key (GDK_KEY_Escape, 0);
    }
  else
    {
      g_action_group_activate_action (G_ACTION_GROUP (f->window), "cancel", NULL);
    }
  fake_wait_int (segmenter, "state", SAG_SEGMENTER_CANCELLED);
  fake_settle ();
  g_assert_cmpstr (sag_job_bar_get_text (bar), ==, "");
}

/* A button below `widget` by its label. */
static GtkWidget *
find_button (GtkWidget  *widget,
             const char *label)
{
  GtkWidget *found = NULL;

  if (GTK_IS_BUTTON (widget) && g_strcmp0 (gtk_button_get_label (GTK_BUTTON (widget)), label) == 0)
    return widget;
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL && found == NULL;
       child = gtk_widget_get_next_sibling (child))
    found = find_button (child, label);
  return found;
}

/* The key that runs a model does not switch on one that is switched off: it asks. */
static void
test_switched_off (Fixture       *f,
                   gconstpointer  data)
{
  SagSegmenter *segmenter = sag_window_get_segmenter (f->window);
  GtkWidget *dialog;
  SagModel *model;

  if (!hands_init ())
    {
      g_test_skip ("no XTest on this screen");
      return;
    }
  open (f, "/fake/chest", NULL);
  fake_wait_int (segmenter, "state", SAG_SEGMENTER_READY);
  sag_segmenter_choose (segmenter, "fake.fails");
  model = sag_segmenter_get_model (segmenter);
  fake_set_crashing (TRUE);
  for (guint n = 1; n <= SAG_MODEL_MAX_CRASHES; n++)
    {
      hands_focus (GTK_WIDGET (f->window));
      hands_move (GTK_WIDGET (sag_window_get_layout (f->window)), 100, 100);
      hands_key (GDK_KEY_Return, 0);
      fake_wait (sag_model_get_crashes (model) == n);
    }
  fake_set_crashing (FALSE);
  for (int n = 0; n < 2; n++)
    {
      hands_focus (GTK_WIDGET (f->window));
      hands_key (GDK_KEY_Return, 0);
      fake_wait ((dialog = fake_find_window (ADW_TYPE_MESSAGE_DIALOG)) != NULL);
      g_assert_nonnull (strstr (adw_message_dialog_get_heading (ADW_MESSAGE_DIALOG (dialog)), "Will fail"));
      hands_focus (dialog);
      if (n == 0)
        {
          GtkWidget *again = dialog;

          g_object_add_weak_pointer (G_OBJECT (dialog), (gpointer *) &again);
          hands_key (GDK_KEY_Return, 0); /* pressed once more: it stays off */
          fake_wait (again == NULL);
          g_assert_true (sag_model_is_switched_off (model));
          g_assert_cmpint (sag_segmenter_get_state (segmenter), ==, SAG_SEGMENTER_UNFIT);
        }
      else
        {
          GtkWidget *button = find_button (dialog, "Allow");

          hands_click (button, gtk_widget_get_width (button) / 2.0, gtk_widget_get_height (button) / 2.0, 1);
        }
    }
  fake_wait (!sag_model_is_switched_off (model));
  fake_wait_int (segmenter, "state", SAG_SEGMENTER_READY);
}

static void
test_close_while_running (Fixture       *f,
                          gconstpointer  data)
{
  open (f, "/fake/chest", "fake.slow");
  fake_wait_int (sag_window_get_segmenter (f->window), "state", SAG_SEGMENTER_RUNNING);
}

static void
test_remembers (Fixture       *f,
                gconstpointer  data)
{
  g_auto (GStrv) recent = NULL;
  g_autofree char *mode = NULL;
  g_autofree char *folder = g_dir_make_tmp ("sagitta-ui-XXXXXX", NULL);
  g_autofree char *name = g_path_get_basename (folder);

  g_settings_set_string (f->settings, "layout", "single");
  g_object_get (sag_window_get_layout (f->window), "mode", &mode, NULL);
  g_assert_cmpstr (mode, ==, "single");
  open (f, folder, NULL);
  fake_wait_int (sag_window_get_opener (f->window), "state", SAG_OPENER_READY);
  recent = g_settings_get_strv (f->settings, "recent-folders");
  g_assert_true (g_str_has_suffix (recent[0], name));
  g_assert_true (adw_flap_get_reveal_flap (part (f, "studies_flap")));
  g_action_group_activate_action (G_ACTION_GROUP (f->window), "show-studies", NULL);
  g_assert_false (adw_flap_get_reveal_flap (part (f, "studies_flap")));
  g_rmdir (folder);
}

static void
test_finder (Fixture       *f,
             gconstpointer  data)
{
  SagWorkspace *workspace = sag_window_get_workspace (f->window);
  GtkWidget *popover = GTK_WIDGET (gtk_menu_button_get_popover (part (f, "finder")));
  GtkWidget *search = fake_find (popover, GTK_TYPE_SEARCH_ENTRY);

  open (f, "/fake/chest", NULL);
  fake_wait_int (sag_window_get_opener (f->window), "state", SAG_OPENER_READY);
  g_action_group_activate_action (G_ACTION_GROUP (f->window), "find-action", NULL);
  fake_settle ();
  g_assert_true (gtk_widget_get_mapped (popover));
  gtk_editable_set_text (GTK_EDITABLE (search), "sagit");
  for (int i = 0; i < 5; i++)
    fake_settle ();
  g_signal_emit_by_name (search, "activate");
  fake_settle ();
  g_assert_cmpint (sag_workspace_get_view (workspace), ==, SAG_VIEW_SAGITTAL);

  /* And the keyboard is the images' again, whatever was run. */
  g_action_group_activate_action (G_ACTION_GROUP (f->window), "find-action", NULL);
  fake_wait (gtk_widget_get_mapped (popover));
  gtk_editable_set_text (GTK_EDITABLE (search), "corner text");
  for (int i = 0; i < 5; i++)
    fake_settle ();
  g_signal_emit_by_name (search, "activate");
  fake_wait (SAG_IS_SLICE_VIEW (gtk_root_get_focus (GTK_ROOT (f->window))));
}

static gboolean
says (GtkWidget  *widget,
      const char *text)
{
  if (GTK_IS_LABEL (widget) && g_str_equal (gtk_label_get_text (GTK_LABEL (widget)), text))
    return TRUE;
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    if (says (child, text))
      return TRUE;
  return FALSE;
}

/* Keys change while the menus that show them stand: the menus show the new ones, the first of each. */
static void
test_changed_keys (Fixture       *f,
                   gconstpointer  data)
{
  static const char *const none[] = { NULL }, *const other[] = { "<Control>j", NULL };
  g_autoptr (GSettings) settings = fake_settings ();
  GtkWidget *menu = GTK_WIDGET (gtk_menu_button_get_popover (part (f, "menu")));
  const SagKey *key = sag_keys_find ("<Control>n", settings), *alone = sag_keys_find ("<Control>p", settings);

  g_assert_true (says (menu, "Ctrl+N"));
  sag_keys_set_accels (key, settings, other);
  fake_wait (says (menu, "Ctrl+J"));
  sag_keys_set_accels (alone, settings, none);
  fake_wait (!says (menu, "Ctrl+P"));
  g_settings_reset (settings, "shortcuts");
  fake_wait (says (menu, "Ctrl+N") && says (menu, "Ctrl+P"));
}

/* The number keys are the modality's presets, 0 the file's window. */
static void
test_presets (Fixture       *f,
              gconstpointer  data)
{
  SagWorkspace *workspace = sag_window_get_workspace (f->window);
  GtkWidget *layout = GTK_WIDGET (sag_window_get_layout (f->window));

  open (f, "/fake/chest", NULL);
  fake_wait_int (sag_window_get_opener (f->window), "state", SAG_OPENER_READY);
  g_assert_cmpstr (sag_workspace_get_presets (workspace, NULL)[0].id, ==, "file-1");
  gtk_widget_activate_action (layout, "view.preset-number", "i", 2);
  g_assert_cmpfloat (sag_workspace_get_window_level (workspace).center, ==, -600);
  gtk_widget_activate_action (layout, "view.window-default", NULL);
  g_assert_cmpfloat (sag_workspace_get_window_level (workspace).center, ==, 40);
  g_assert_cmpfloat (sag_workspace_get_window_level (workspace).width, ==, 400);
}

static void
test_tags (void)
{
  GtkWindow *dialog = sag_tags_dialog_new ("/fake/chest/1");
  GtkColumnView *view;

  gtk_window_present (dialog);
  view = GTK_COLUMN_VIEW (
      gtk_widget_get_template_child (GTK_WIDGET (dialog), SAG_TYPE_TAGS_DIALOG, "view"));
  fake_wait (g_list_model_get_n_items (G_LIST_MODEL (gtk_column_view_get_model (view))) == 2);
  gtk_editable_set_text (GTK_EDITABLE (gtk_widget_get_template_child (
                             GTK_WIDGET (dialog), SAG_TYPE_TAGS_DIALOG, "search")),
                         "jane");
  g_assert_cmpint (g_list_model_get_n_items (G_LIST_MODEL (gtk_column_view_get_model (view))), ==,
                   1);
  gtk_window_destroy (dialog);
  fake_settle ();
}

/* At the smallest size named in the design nothing is wider than the screen. */
static void
test_small (Fixture       *f,
            gconstpointer  data)
{
  int minimum;

  open (f, "/fake/chest", "fake.halves");
  fake_wait_int (sag_window_get_segmenter (f->window), "state", SAG_SEGMENTER_DONE);
  gtk_widget_measure (GTK_WIDGET (f->window), GTK_ORIENTATION_HORIZONTAL, -1, &minimum, NULL, NULL,
                      NULL);
  g_assert_cmpint (minimum, <=, 1024);
  gtk_widget_measure (GTK_WIDGET (f->window), GTK_ORIENTATION_VERTICAL, -1, &minimum, NULL, NULL,
                      NULL);
  g_assert_cmpint (minimum, <=, 700);
}

/* Every button that is on screen, below `widget`. */
static int
check_buttons (GtkWidget *widget, int least)
{
  int n = 0;

  if (!gtk_widget_get_mapped (widget))
    return 0;
  if (GTK_IS_BUTTON (widget))
    {
      g_assert_cmpint (gtk_widget_get_width (widget), >=, least);
      g_assert_cmpint (gtk_widget_get_height (widget), >=, least);
      n++;
    }
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    n += check_buttons (child, least);
  return n;
}

static void
test_large_controls (Fixture *f, gconstpointer data)
{
  g_settings_set_boolean (f->settings, "large-controls", TRUE);
  fake_settle ();
  g_assert_true (gtk_widget_has_css_class (GTK_WIDGET (f->window), "touch"));
  g_assert_cmpint (check_buttons (GTK_WIDGET (f->window), 44), >, 20);
  g_settings_set_boolean (f->settings, "large-controls", FALSE);
  fake_settle ();
  g_assert_false (gtk_widget_has_css_class (GTK_WIDGET (f->window), "touch"));
}

static void
add_tests (void)
{
  g_test_add ("/window/open", Fixture, NULL, set_up, test_open, tear_down);
  g_test_add ("/window/beside", Fixture, NULL, set_up, test_beside, tear_down);
  g_test_add ("/window/problems", Fixture, NULL, set_up, test_problems, tear_down);
  g_test_add ("/window/run", Fixture, NULL, set_up, test_run, tear_down);
  g_test_add ("/window/missing-model", Fixture, NULL, set_up, test_missing_model, tear_down);
  g_test_add ("/window/segmentation-file", Fixture, NULL, set_up, test_segmentation_file,
              tear_down);
  g_test_add ("/window/stray-segmentation", Fixture, NULL, set_up, test_stray_segmentation,
              tear_down);
  g_test_add ("/window/segmentation-while-running", Fixture, NULL, set_up,
              test_segmentation_while_running, tear_down);
  g_test_add ("/window/cancel", Fixture, NULL, set_up, test_cancel, tear_down);
  g_test_add ("/window/switched-off", Fixture, NULL, set_up, test_switched_off, tear_down);
  g_test_add ("/window/close-while-running", Fixture, NULL, set_up, test_close_while_running,
              tear_down);
  g_test_add ("/window/remembers", Fixture, NULL, set_up, test_remembers, tear_down);
  g_test_add ("/window/finder", Fixture, NULL, set_up, test_finder, tear_down);
  g_test_add ("/window/changed-keys", Fixture, NULL, set_up, test_changed_keys, tear_down);
  g_test_add ("/window/presets", Fixture, NULL, set_up, test_presets, tear_down);
  g_test_add ("/window/large-controls", Fixture, NULL, set_up, test_large_controls, tear_down);
  g_test_add ("/window/small", Fixture, NULL, set_up, test_small, tear_down);
  g_test_add_func ("/tags-dialog", test_tags);
}

int
main (int    argc,
      char **argv)
{
  return fake_main (argc, argv, add_tests);
}
