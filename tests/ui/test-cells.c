/* SPDX-License-Identifier: Apache-2.0
 *
 * test-cells.c: commands act on the view that is selected; images straightened, and there and back; labels dropped
 * on images; where they came from. */
#include "tests/ui/fake.h"
#include "ui/provenance-pane.h"
#include "ui/window.h"

#include <string.h>

typedef struct
{
  GSettings      *settings;
  SagWindow      *window;
  SagSliceLayout *layout;
  SagWorkspace   *first, *second;
} Fixture;

static void
set_up (Fixture       *f,
        gconstpointer  data)
{
  const char *const paths[] = { "/fake/chest", NULL };

  f->settings = fake_settings ();
  f->window = sag_window_new (NULL, f->settings);
  f->layout = sag_window_get_layout (f->window);
  f->first = sag_window_get_workspace (f->window);
  f->second = sag_slice_view_get_workspace (sag_slice_layout_get_companion (f->layout, 0));
  gtk_window_set_default_size (GTK_WINDOW (f->window), 1300, 800);
  gtk_window_present (GTK_WINDOW (f->window));
  fake_settle ();
  sag_window_open (f->window, paths, "fake.halves");
  fake_wait_int (sag_window_get_segmenter (f->window), "state", SAG_SEGMENTER_DONE);
  fake_settle ();
}

static void
tear_down (Fixture       *f,
           gconstpointer  data)
{
  fake_close (f->window);
  g_clear_object (&f->settings);
}

static guint
count_results (SagWorkspace *workspace)
{
  return g_list_model_get_n_items (sag_workspace_get_results (workspace));
}

static void
wait_results (SagWorkspace *workspace,
              guint         n)
{
  fake_wait (count_results (workspace) == n);
}

/* The CT once more, in the second cell. */
static void
open_second (Fixture *f)
{
  g_object_set (f->layout, "mode", "pair", NULL);
  fake_settle ();
  sag_slice_layout_select_view (f->layout, sag_slice_layout_get_companion (f->layout, 0));
  sag_opener_open_series (sag_window_get_cell_opener (f->window), sag_workspace_get_series (f->first));
  fake_wait_int (sag_window_get_cell_opener (f->window), "state", SAG_OPENER_READY);
  fake_settle ();
}

static void
test_active (Fixture       *f,
             gconstpointer  data)
{
  SagSegmenter *segmenter;
  GActionGroup *actions = G_ACTION_GROUP (f->window);

  g_assert_true (g_action_group_get_action_enabled (actions, "export-seg"));
  open_second (f);
  g_assert_true (sag_window_get_cell_workspace (f->window) == f->second);
  segmenter = sag_window_get_cell_segmenter (f->window);
  g_assert_true (segmenter != sag_window_get_segmenter (f->window));
  g_assert_cmpuint (count_results (f->second), ==, 0);
  g_assert_false (g_action_group_get_action_enabled (actions, "export-seg"));

  fake_wait_int (segmenter, "state", SAG_SEGMENTER_READY);
  g_action_group_activate_action (actions, "segment", NULL);
  fake_wait_int (segmenter, "state", SAG_SEGMENTER_DONE);
  g_assert_cmpuint (count_results (f->second), ==, 1);
  g_assert_cmpuint (count_results (f->first), ==, 1);
  g_assert_true (g_action_group_get_action_enabled (actions, "export-seg"));

  /* Comparing, overlays and corrections too. */
  gtk_widget_activate_action (GTK_WIDGET (f->window), "view.overlay-confidence", NULL);
  g_assert_true ((sag_workspace_get_overlay (f->second) & SAG_OVERLAY_CONFIDENCE) != 0);
  g_assert_true ((sag_workspace_get_overlay (f->first) & SAG_OVERLAY_CONFIDENCE) == 0);
  gtk_widget_activate_action (GTK_WIDGET (f->window), "win.correct", "s", "smooth");
  wait_results (f->second, 2);
  fake_settle ();
  g_assert_cmpuint (count_results (f->first), ==, 1);
  gtk_widget_activate_action (GTK_WIDGET (f->window), "view.compare", NULL);
  g_assert_cmpint (sag_workspace_get_compare (f->second), !=, SAG_COMPARE_OFF);
  g_assert_cmpint (sag_workspace_get_compare (f->first), ==, SAG_COMPARE_OFF);
  fake_settle ();

  /* And back. */
  sag_slice_layout_select (f->layout, SAG_VIEW_AXIAL);
  sag_slice_layout_select_view (f->layout, sag_slice_layout_get_view (f->layout, SAG_VIEW_AXIAL));
  fake_settle ();
  g_assert_true (sag_window_get_cell_segmenter (f->window) == sag_window_get_segmenter (f->window));
}

static void
test_straighten (Fixture       *f,
                 gconstpointer  data)
{
  SagVolume *before = sag_workspace_get_volume (f->first);

  g_assert_true (sag_workspace_get_straightens (f->first));
  sag_workspace_clear_results (f->first);
  for (int turn = 0; turn < 2; turn++)
    {
      gtk_widget_activate_action (GTK_WIDGET (f->window), "win.straighten", NULL);
      fake_wait (sag_workspace_is_straightened (f->first) == (turn == 0));
      g_assert_cmpint (sag_workspace_get_straightens (f->first), ==, turn == 1);
      g_assert_true (sag_workspace_get_volume (f->first) != before);
      fake_wait_int (sag_window_get_opener (f->window), "state", SAG_OPENER_READY);
    }
}

static GtkWidget *
find (GtkWidget *widget,
      GType      type)
{
  GtkWidget *found = NULL;

  if (g_type_is_a (G_OBJECT_TYPE (widget), type))
    return widget;
  for (GtkWidget *c = gtk_widget_get_first_child (widget); c != NULL && found == NULL;
       c = gtk_widget_get_next_sibling (c))
    found = find (c, type);
  return found;
}

/* A file of labels on the images it belongs to is one more result, called by its name, and says what it can. */
static void
test_dropped (Fixture       *f,
              gconstpointer  data)
{
  const char *const paths[] = { "/fake/by hand.nii.gz", NULL };
  g_autoptr (SagProvenance) made = sag_provenance_new ();
  g_autoptr (SagSegmentation) foreign = NULL;
  SagSegmentation *ours = sag_workspace_get_segmentation (f->first);
  SagLabelmap *map = sag_segmentation_get_layer (ours, 0);
  SagProvenancePane *pane;
  g_autofree char *text = NULL;

  sag_opener_open_dropped (sag_window_get_opener (f->window), paths);
  wait_results (f->first, 2);
  fake_wait (g_str_equal (sag_result_get_name (sag_workspace_get_result (f->first)), "by hand.nii.gz"));
  gtk_widget_activate_action (GTK_WIDGET (f->window), "view.compare", NULL);
  g_assert_nonnull (sag_workspace_get_other (f->first));
  fake_settle ();

  sag_provenance_set (&made->algorithm, "MANUAL");
  sag_provenance_set (&made->program, "Example Works Station 3");
  sag_provenance_set (&made->description, "Contours of the lungs");
  sag_provenance_set (&made->source, "1.2.3.4");
  foreign = sag_segmentation_new (&map, 1, NULL, made, NULL);
  sag_segmentation_mark_ready (foreign, 0, 20);
  sag_workspace_set_segmentation (f->first, foreign);
  fake_settle ();
  pane = SAG_PROVENANCE_PANE (sag_provenance_pane_new (f->first));
  g_object_ref_sink (pane);
  text = sag_provenance_pane_dup_text (pane);
  g_assert_nonnull (strstr (text, "A person, by hand"));
  g_assert_nonnull (strstr (text, "Maker: Example Works Station 3"));
  g_assert_nonnull (strstr (text, "Contours of the lungs"));
  g_assert_nonnull (strstr (text, "Made of: 1.2.3.4"));
  g_assert_null (strstr (text, "Weights"));
  g_object_unref (pane);
  g_assert_nonnull (find (GTK_WIDGET (f->window), SAG_TYPE_PROVENANCE_PANE));
}

static void
add_tests (void)
{
  g_test_add ("/cells/active", Fixture, NULL, set_up, test_active, tear_down);
  g_test_add ("/cells/straighten", Fixture, NULL, set_up, test_straighten, tear_down);
  g_test_add ("/cells/dropped", Fixture, NULL, set_up, test_dropped, tear_down);
}

int
main (int    argc,
      char **argv)
{
  return fake_main (argc, argv, add_tests);
}
