/* SPDX-License-Identifier: Apache-2.0
 *
 * test-compare.c: results of their own, precisions a key apart, and two of them held against each
 * other, in a real window. */
#include "tests/ui/fake.h"
#include "tests/ui/hands.h"
#include "ui/compare-pane.h"
#include "ui/precision-table.h"
#include "ui/window.h"

#include <math.h>
#include <string.h>

typedef struct
{
  GSettings    *settings;
  SagWindow    *window;
  SagWorkspace *workspace;
  SagSegmenter *segmenter;
} Fixture;

static void
open_chest (Fixture *f)
{
  const char *const paths[] = { "/fake/chest", NULL };

  sag_window_open (f->window, paths, NULL);
  fake_wait_int (f->segmenter, "state", SAG_SEGMENTER_READY);
  fake_settle ();
}

static void
set_up (Fixture       *f,
        gconstpointer  data)
{
  f->settings = fake_settings ();
  f->window = sag_window_new (NULL, f->settings);
  f->workspace = sag_window_get_workspace (f->window);
  f->segmenter = sag_window_get_segmenter (f->window);
  gtk_window_set_default_size (GTK_WINDOW (f->window), 1200, 900);
  gtk_window_present (GTK_WINDOW (f->window));
  fake_settle ();
  open_chest (f);
  sag_segmenter_choose (f->segmenter, "fake.halves");
}

static void
tear_down (Fixture       *f,
           gconstpointer  data)
{
  fake_close (f->window);
  g_clear_object (&f->settings);
}

static SagResult *
result_at (Fixture *f,
           guint    position)
{
  g_autoptr (SagResult) result =
      g_list_model_get_item (sag_workspace_get_results (f->workspace), position);

  g_assert_nonnull (result);
  return result; /* the list keeps it */
}

static guint
n_results (Fixture *f)
{
  return g_list_model_get_n_items (sag_workspace_get_results (f->workspace));
}

/* FP32, then INT8 by the key. */
static void
run_both (Fixture *f)
{
  g_object_set (f->segmenter, "precision", SAG_PRECISION_F32, NULL);
  sag_segmenter_run (f->segmenter);
  fake_wait_int (f->segmenter, "state", SAG_SEGMENTER_DONE);
  fake_settle ();
  hands_key (GDK_KEY_p, 0);
  while (n_results (f) < 2 || !sag_result_is_complete (result_at (f, 1)))
    fake_settle ();
  fake_settle ();
}

static void
test_precisions (Fixture       *f,
                 gconstpointer  data)
{
  g_assert_cmpuint (n_results (f), ==, 0);
  hands_key (GDK_KEY_p, 0); /* nothing was run yet: only chooses */
  g_assert_cmpint (sag_segmenter_get_precision (f->segmenter), ==, SAG_PRECISION_INT8);
  g_assert_cmpuint (n_results (f), ==, 0);

  run_both (f);
  g_assert_cmpstr (sag_result_get_name (result_at (f, 0)), ==, "Halves FP32");
  g_assert_cmpstr (sag_result_get_name (result_at (f, 1)), ==, "Halves INT8");
  g_assert_true (sag_workspace_get_result (f->workspace) == result_at (f, 1));
  g_assert_cmpuint (sag_result_get_model_bytes (result_at (f, 0)), ==, 20000);
  g_assert_cmpuint (sag_result_get_model_bytes (result_at (f, 1)), ==, 5000);
  /* Against FP32 without being asked; FP32 is what the others are held against. */
  while (isnan (sag_result_get_dice (result_at (f, 1))))
    fake_settle ();
  g_assert_cmpfloat (sag_result_get_dice (result_at (f, 1)), ==, 0.98);
  g_assert_true (isnan (sag_result_get_dice (result_at (f, 0))));

  /* Back: both are there, nothing runs. */
  hands_key (GDK_KEY_p, 0);
  g_assert_cmpint (sag_segmenter_get_state (f->segmenter), ==, SAG_SEGMENTER_DONE);
  g_assert_true (sag_workspace_get_result (f->workspace) == result_at (f, 0));
  g_assert_true (sag_workspace_get_segmentation (f->workspace)
                 == sag_result_get_segmentation (result_at (f, 0)));
  /* And a result that is chosen brings its precision along. */
  sag_workspace_show_result (f->workspace, result_at (f, 1));
  g_assert_cmpint (sag_segmenter_get_precision (f->segmenter), ==, SAG_PRECISION_INT8);

  /* The same again replaces the same. */
  hands_key (GDK_KEY_Return, 0);
  fake_wait_int (f->segmenter, "state", SAG_SEGMENTER_DONE);
  fake_settle ();
  g_assert_cmpuint (n_results (f), ==, 2);
}

static const guint8 *
pixel (const guint8 *rgba,
       int           width,
       int           x,
       int           y)
{
  return rgba + 4 * ((gsize) y * width + x);
}

/* Pixels of the selected view at the middle of voxel (i, j) of the slice shown. */
static void
get_point (Fixture *f,
           int      i,
           int      j,
           int      k,
           int     *x,
           int     *y)
{
  SagSliceView *view = sag_slice_layout_get_selected (sag_window_get_layout (f->window));
  const double ijk[3] = { i, j, k };
  double lps[3], px, py;

  sag_grid_to_lps (sag_volume_get_grid (sag_workspace_get_volume (f->workspace)), ijk, lps);
  sag_slice_view_to_point (view, lps, &px, &py);
  *x = (int) px;
  *y = (int) py;
}

static void
test_difference (Fixture       *f,
                 gconstpointer  data)
{
  SagSliceView *view = sag_slice_layout_get_selected (sag_window_get_layout (f->window));
  const guint8 *p;
  guint8 *rgba;
  int width, height, x, y;

  run_both (f);
  hands_key (GDK_KEY_c, 0);
  g_assert_cmpint (sag_workspace_get_compare (f->workspace), ==, SAG_COMPARE_DIFFERENCE);
  g_assert_true (sag_workspace_get_other (f->workspace) == result_at (f, 0)); /* FP32 */
  while (isnan (sag_workspace_get_agreement (f->workspace)))
    fake_settle ();
  g_assert_cmpfloat (sag_workspace_get_agreement (f->workspace), ==, 0.98);

  sag_workspace_set_overlay (f->workspace, SAG_OVERLAY_FILL);
  sag_workspace_set_opacity (f->workspace, 1);
  sag_workspace_go_to_slice (f->workspace, 7);
  rgba = sag_slice_view_dup_pixels (view, FALSE, &width, &height);
  get_point (f, 10, 12, 7, &x, &y); /* both: half green over grey */
  p = pixel (rgba, width, x, y);
  g_assert_cmpint (p[1], >, p[0]);
  get_point (f, 16, 12, 7, &x, &y); /* two labels in dispute: the colours of A and B in turn */
  p = pixel (rgba, width, x, y);
  g_assert_true (memcmp (p, "\x56\xb4\xe9", 3) == 0 || memcmp (p, "\xd5\x5e\x00", 3) == 0);
  g_free (rgba);

  hands_key (GDK_KEY_x, 0);
  g_assert_true (sag_workspace_get_result (f->workspace) == result_at (f, 0));
  g_assert_true (sag_workspace_get_other (f->workspace) == result_at (f, 1));
  g_assert_cmpfloat (sag_workspace_get_agreement (f->workspace), ==, 0.98);
  hands_key (GDK_KEY_c, 0);
  g_assert_cmpint (sag_workspace_get_compare (f->workspace), ==, SAG_COMPARE_OFF);
}

/* Where INT8 (shown) says 1 and FP32 says 2, on either side of the line. */
static void
test_swipe (Fixture       *f,
            gconstpointer  data)
{
  GtkWidget *view =
      GTK_WIDGET (sag_slice_layout_get_selected (sag_window_get_layout (f->window)));
  guint8 *rgba;
  int width, height, x, y;

  run_both (f);
  gtk_widget_activate_action (view, "view.compare-mode", "s", "swipe");
  fake_settle ();
  sag_workspace_set_overlay (f->workspace, SAG_OVERLAY_FILL);
  sag_workspace_set_opacity (f->workspace, 1);
  sag_workspace_go_to_slice (f->workspace, 7);
  get_point (f, 16, 12, 7, &x, &y);

  /* The line is dragged from the middle. */
  hands_drag (view, gtk_widget_get_width (view) * 0.5, gtk_widget_get_height (view) * 0.5,
              gtk_widget_get_width (view) * 0.9, gtk_widget_get_height (view) * 0.5, 1);
  g_assert_cmpfloat_with_epsilon (sag_workspace_get_swipe (f->workspace), 0.9, 0.02);
  rgba = sag_slice_view_dup_pixels (SAG_SLICE_VIEW (view), FALSE, &width, &height);
  g_assert_cmpmem (pixel (rgba, width, x, y), 3, "\xe6\x9f\x00", 3);
  g_free (rgba);
  sag_workspace_set_swipe (f->workspace, 0.1);
  rgba = sag_slice_view_dup_pixels (SAG_SLICE_VIEW (view), FALSE, &width, &height);
  g_assert_cmpmem (pixel (rgba, width, x, y), 3, "\x56\xb4\xe9", 3);
  g_free (rgba);
}

/* A and B in turn, square by square: chosen by its button. */
static void
test_checker (Fixture       *f,
              gconstpointer  data)
{
  SagSliceView *view = sag_slice_layout_get_selected (sag_window_get_layout (f->window));
  int width, height, x, y0, y1, seen[2] = { 0, 0 };
  g_autofree guint8 *rgba = NULL;

  run_both (f);
  hands_click_on (fake_find_text (GTK_WIDGET (f->window), "Check"));
  g_assert_cmpint (sag_workspace_get_compare (f->workspace), ==, SAG_COMPARE_CHECKER);
  sag_workspace_set_overlay (f->workspace, SAG_OVERLAY_FILL);
  sag_workspace_set_opacity (f->workspace, 1);
  sag_workspace_go_to_slice (f->workspace, 7);
  rgba = sag_slice_view_dup_pixels (view, FALSE, &width, &height);
  get_point (f, 16, 5, 7, &x, &y0);
  get_point (f, 16, 18, 7, &x, &y1);
  for (int y = y0; y <= y1; y++)
    {
      int square = (x / SAG_CHECKER_PIXELS + y / SAG_CHECKER_PIXELS) % 2;

      g_assert_cmpmem (pixel (rgba, width, x, y), 3, square ? "\x56\xb4\xe9" : "\xe6\x9f\x00", 3);
      seen[square]++;
    }
  g_assert_cmpint (seen[0], >, 60);
  g_assert_cmpint (seen[1], >, 60);
}

static const char *
text_at (GtkWidget *grid,
         int        column,
         int        row)
{
  return gtk_label_get_text (GTK_LABEL (gtk_grid_get_child_at (GTK_GRID (grid), column, row)));
}

/* Per label Dice and surface distance; the slices that disagree, each a row that leads there. */
static void
test_outcome (Fixture       *f,
              gconstpointer  data)
{
  static const char *const cells[2][4] = { { "Right half", "0.9800", "2.0 mm", "0.10 mm" },
                                           { "Left half", "0.9800", "2.0 mm", "0.10 mm" } };
  GtkWidget *pane = fake_find (GTK_WIDGET (f->window), SAG_TYPE_COMPARE_PANE), *row;

  run_both (f);
  sag_workspace_go_to_slice (f->workspace, 12);
  hands_key (GDK_KEY_c, 0);
  fake_wait (fake_find_text (pane, "1 slice differs") != NULL);
  for (int r = 0; r < 2; r++)
    for (int c = 0; c < 4; c++)
      g_assert_cmpstr (text_at (fake_find (pane, GTK_TYPE_GRID), c, r + 1), ==, cells[r][c]);
  g_assert_nonnull (fake_find_text (pane, "16 voxels"));
  row = fake_find (pane, GTK_TYPE_LIST_BOX_ROW);
  g_assert_nonnull (fake_find_text (row, "Slice 8"));
  hands_focus (GTK_WIDGET (f->window));
  gtk_widget_grab_focus (row);
  hands_key (GDK_KEY_Return, 0);
  fake_wait (sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL) == 7);
  g_assert_cmpint (sag_segmenter_get_state (f->segmenter), ==, SAG_SEGMENTER_DONE); /* the key ran no model */
}

/* What each precision took: time, memory, weights, and how near it came. */
static void
test_table (Fixture       *f,
            gconstpointer  data)
{
  static const char *const cells[3][5] = { { "", "Time", "Memory", "Weights", "Dice" },
                                           { "FP32", "", "210 MB", "20 kB", "ref." },
                                           { "INT8", "", "210 MB", "5 kB", "0.9800" } };
  GtkWidget *table = fake_find (GTK_WIDGET (f->window), SAG_TYPE_PRECISION_TABLE);

  g_assert_false (gtk_widget_get_mapped (table)); /* nothing was run */
  run_both (f);
  fake_wait (fake_find_text (table, "0.9800") != NULL);
  for (int r = 0; r < 3; r++)
    for (int c = 0; c < 5; c++)
      {
        g_autofree char *time = r > 0 && c == 1 ? g_strdup_printf ("%.2f s", sag_result_get_seconds (result_at (f, (guint) r - 1)))
                                                : NULL;

        g_assert_cmpstr (text_at (fake_find (table, GTK_TYPE_GRID), c, r), ==, time != NULL ? time : cells[r][c]);
      }
  g_assert_null (gtk_grid_get_child_at (GTK_GRID (fake_find (table, GTK_TYPE_GRID)), 0, 3)); /* what the model has */
}

/* The same place in the left and in the right picture. */
static void
test_side (Fixture       *f,
           gconstpointer  data)
{
  GtkWidget *view =
      GTK_WIDGET (sag_slice_layout_get_selected (sag_window_get_layout (f->window)));
  guint8 *rgba;
  double left[3], right[3];
  int width, height, x, y;

  run_both (f);
  gtk_widget_activate_action (view, "view.compare-mode", "s", "side");
  fake_settle ();
  sag_workspace_set_overlay (f->workspace, SAG_OVERLAY_FILL);
  sag_workspace_set_opacity (f->workspace, 1);
  sag_workspace_go_to_slice (f->workspace, 7);
  get_point (f, 16, 12, 7, &x, &y);
  rgba = sag_slice_view_dup_pixels (SAG_SLICE_VIEW (view), FALSE, &width, &height);
  g_assert_cmpint (x, <, width / 2);
  g_assert_cmpmem (pixel (rgba, width, x, y), 3, "\xe6\x9f\x00", 3);
  g_assert_cmpmem (pixel (rgba, width, x + width - width / 2, y), 3, "\x56\xb4\xe9", 3);
  g_free (rgba);
  sag_slice_view_to_lps (SAG_SLICE_VIEW (view), x, y, left);
  sag_slice_view_to_lps (SAG_SLICE_VIEW (view), x + width - width / 2, y, right);
  for (int a = 0; a < 3; a++)
    g_assert_cmpfloat_with_epsilon (left[a], right[a], 1e-9);
}

/* The one that goes leaves its place; what is compared never becomes the same twice. */
static void
test_list (Fixture       *f,
           gconstpointer  data)
{
  SagResult *first, *second;

  run_both (f);
  first = result_at (f, 0);
  second = result_at (f, 1);
  hands_key (GDK_KEY_c, 0);
  sag_workspace_show_result (f->workspace, first);
  g_assert_true (sag_workspace_get_other (f->workspace) == second);
  sag_workspace_remove_result (f->workspace, second);
  g_assert_null (sag_workspace_get_other (f->workspace));
  g_assert_null (sag_workspace_get_reference (f->workspace));
  sag_workspace_remove_result (f->workspace, first);
  g_assert_cmpuint (n_results (f), ==, 0);
  g_assert_null (sag_workspace_get_segmentation (f->workspace));
  fake_settle ();
}

/* A cancelled run leaves what was there before it. */
static void
test_cancel (Fixture       *f,
             gconstpointer  data)
{
  run_both (f);
  sag_segmenter_choose (f->segmenter, "fake.slow");
  sag_segmenter_run (f->segmenter);
  fake_settle ();
  g_assert_cmpuint (n_results (f), ==, 3);
  hands_key (GDK_KEY_Escape, 0);
  fake_wait_int (f->segmenter, "state", SAG_SEGMENTER_CANCELLED);
  g_assert_cmpuint (n_results (f), ==, 2);
  g_assert_true (sag_workspace_get_result (f->workspace) == result_at (f, 1));
}

static void
add_tests (void)
{
  if (!hands_init ())
    {
      g_test_skip ("this screen cannot be touched");
      return;
    }
  g_test_add ("/compare/precisions", Fixture, NULL, set_up, test_precisions, tear_down);
  g_test_add ("/compare/difference", Fixture, NULL, set_up, test_difference, tear_down);
  g_test_add ("/compare/swipe", Fixture, NULL, set_up, test_swipe, tear_down);
  g_test_add ("/compare/checker", Fixture, NULL, set_up, test_checker, tear_down);
  g_test_add ("/compare/outcome", Fixture, NULL, set_up, test_outcome, tear_down);
  g_test_add ("/compare/table", Fixture, NULL, set_up, test_table, tear_down);
  g_test_add ("/compare/side", Fixture, NULL, set_up, test_side, tear_down);
  g_test_add ("/compare/list", Fixture, NULL, set_up, test_list, tear_down);
  g_test_add ("/compare/cancel", Fixture, NULL, set_up, test_cancel, tear_down);
}

int
main (int    argc,
      char **argv)
{
  return fake_main (argc, argv, add_tests);
}
