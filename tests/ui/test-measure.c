/* SPDX-License-Identifier: Apache-2.0
 *
 * test-measure.c: measuring with the hand, in a real window. */
#include "tests/ui/fake.h"
#include "tests/ui/hands.h"
#include "ui/left-tool.h"
#include "ui/window.h"

#include <glib/gstdio.h>
#include <math.h>

typedef struct
{
  GSettings       *settings;
  SagWindow       *window;
  SagWorkspace    *workspace;
  SagMeasurements *all;
  SagSliceView    *view;
} Fixture;

static void
open_window (Fixture *f)
{
  const char *const paths[] = { "/fake/chest", NULL };

  f->window = sag_window_new (NULL, f->settings);
  f->workspace = sag_window_get_workspace (f->window);
  f->all = sag_workspace_get_measurements (f->workspace);
  gtk_window_set_default_size (GTK_WINDOW (f->window), 1200, 900);
  gtk_window_present (GTK_WINDOW (f->window));
  fake_settle ();
  sag_window_open (f->window, paths, NULL);
  fake_wait_int (sag_window_get_segmenter (f->window), "state", SAG_SEGMENTER_READY);
  fake_settle ();
  f->view = sag_slice_layout_get_selected (sag_window_get_layout (f->window));
}

static void
set_up (Fixture       *f,
        gconstpointer  data)
{
  f->settings = fake_settings ();
  open_window (f);
}

static void
tear_down (Fixture       *f,
           gconstpointer  data)
{
  while (sag_measurements_undo (f->all)) /* what was kept is in no other test */
    ;
  fake_settle ();
  fake_close (f->window);
  g_clear_object (&f->settings);
}

/* The middle of voxel (i, j) of the slice shown, in the view. */
static void
get_point (Fixture *f,
           double   i,
           double   j,
           double  *x,
           double  *y)
{
  const SagGrid *grid = sag_volume_get_grid (sag_workspace_get_volume (f->workspace));
  double cursor[3], ijk[3], lps[3];

  sag_workspace_get_cursor (f->workspace, cursor);
  sag_grid_to_ijk (grid, cursor, ijk);
  ijk[0] = i;
  ijk[1] = j;
  sag_grid_to_lps (grid, ijk, lps);
  sag_slice_view_to_point (f->view, lps, x, y);
}

static void
drag (Fixture *f,
      double   i0,
      double   j0,
      double   i1,
      double   j1)
{
  double x0, y0, x1, y1;

  get_point (f, i0, j0, &x0, &y0);
  get_point (f, i1, j1, &x1, &y1);
  hands_drag (GTK_WIDGET (f->view), x0, y0, x1, y1, 1);
}

static void
click (Fixture *f,
       double   i,
       double   j)
{
  double x, y;

  get_point (f, i, j, &x, &y);
  hands_click (GTK_WIDGET (f->view), x, y, 1);
}

static guint
n_items (Fixture *f)
{
  return g_list_model_get_n_items (sag_measurements_get_items (f->all));
}

static const SagMeasured *
measured (Fixture *f,
          guint    position)
{
  g_autoptr (SagMeasurement) item =
      g_list_model_get_item (sag_measurements_get_items (f->all), position);

  g_assert_nonnull (item);
  return sag_measurement_get_measured (item); /* the list keeps it */
}

/* A drag is a length; its end can be dragged; Control+Z takes it back. */
static void
test_length (Fixture       *f,
             gconstpointer  data)
{
  double width = sag_workspace_get_window_level (f->workspace).width;

  hands_key (GDK_KEY_l, 0);
  g_assert_cmpint (sag_left_tool_get (GTK_WIDGET (f->view)), ==, SAG_LEFT_LENGTH);
  drag (f, 6, 8, 16, 8);
  g_assert_cmpuint (n_items (f), ==, 1);
  g_assert_cmpfloat_with_epsilon (measured (f, 0)->length, 20, 0.3); /* 10 voxels of 2 mm */
  g_assert_cmpfloat (sag_workspace_get_window_level (f->workspace).width, ==, width);

  hands_key (GDK_KEY_Escape, 0); /* puts the tool away; handles still answer */
  g_assert_cmpint (sag_left_tool_get (GTK_WIDGET (f->view)), ==, SAG_LEFT_NONE);
  drag (f, 16, 8, 21, 8);
  g_assert_cmpuint (n_items (f), ==, 1);
  g_assert_cmpfloat_with_epsilon (measured (f, 0)->length, 30, 0.3);
  hands_key (GDK_KEY_z, GDK_CONTROL_MASK);
  g_assert_cmpfloat_with_epsilon (measured (f, 0)->length, 20, 0.3);
  hands_key (GDK_KEY_z, GDK_CONTROL_MASK | GDK_SHIFT_MASK);
  g_assert_cmpfloat_with_epsilon (measured (f, 0)->length, 30, 0.3);

  /* Away from it the button is the window's again. */
  drag (f, 6, 15, 20, 15);
  g_assert_cmpuint (n_items (f), ==, 1);
  g_assert_cmpfloat (sag_workspace_get_window_level (f->workspace).width, !=, width);

  click (f, 13, 8); /* on the line: selects it */
  g_assert_nonnull (sag_measurements_get_selected (f->all));
  hands_key (GDK_KEY_Delete, 0);
  g_assert_cmpuint (n_items (f), ==, 0);
}

/* Clicks do as well as drags; Escape gives up a half-drawn one. */
static void
test_angle (Fixture       *f,
            gconstpointer  data)
{
  hands_key (GDK_KEY_g, 0);
  click (f, 20, 8);
  click (f, 10, 8);
  g_assert_nonnull (sag_measurements_get_draft (f->all));
  click (f, 10, 16);
  g_assert_null (sag_measurements_get_draft (f->all));
  g_assert_cmpuint (n_items (f), ==, 1);
  g_assert_cmpfloat_with_epsilon (measured (f, 0)->angle, 90, 1.5);

  click (f, 20, 12);
  g_assert_nonnull (sag_measurements_get_draft (f->all));
  hands_key (GDK_KEY_Escape, 0);
  g_assert_null (sag_measurements_get_draft (f->all));
  g_assert_cmpuint (n_items (f), ==, 1);

  hands_key (GDK_KEY_g, GDK_SHIFT_MASK);
  drag (f, 5, 5, 15, 5);
  drag (f, 5, 10, 15, 20);
  g_assert_cmpuint (n_items (f), ==, 2);
  g_assert_cmpfloat_with_epsilon (measured (f, 1)->angle, 45, 1.5);
}

/* The values inside are those of the voxels: HU = 10 i + j - 20 k. */
static void
test_figures (Fixture       *f,
              gconstpointer  data)
{
  double cursor[3], ijk[3], sum = 0;
  const SagMeasured *m;

  sag_workspace_get_cursor (f->workspace, cursor);
  sag_grid_to_ijk (sag_volume_get_grid (sag_workspace_get_volume (f->workspace)), cursor, ijk);
  hands_key (GDK_KEY_e, GDK_SHIFT_MASK);
  drag (f, 7.5, 5.5, 12.5, 9.5); /* i 8..12, j 6..9 */
  g_assert_cmpuint (n_items (f), ==, 1);
  m = measured (f, 0);
  for (int j = 6; j <= 9; j++)
    for (int i = 8; i <= 12; i++)
      sum += fake_value (i, j, (int) ijk[2]);
  g_assert_cmpuint (m->values.n, ==, 20);
  g_assert_cmpfloat_with_epsilon (m->values.mean, sum / 20, 1e-9);
  g_assert_cmpfloat (m->values.min, ==, fake_value (8, 6, (int) ijk[2]));
  g_assert_cmpfloat (m->values.max, ==, fake_value (12, 9, (int) ijk[2]));
  g_assert_cmpfloat_with_epsilon (m->area, 10 * 8, 3);

  hands_key (GDK_KEY_e, 0);
  drag (f, 14, 10, 22, 18);
  g_assert_cmpuint (n_items (f), ==, 2);
  g_assert_cmpfloat_with_epsilon (measured (f, 1)->area, G_PI * 8 * 8, 10);
  g_assert_cmpuint (measured (f, 1)->values.n, >, 30);
}

/* What is drawn freely, and two axes; then all of it back, and forth again. */
static void
test_by_hand (Fixture       *f,
              gconstpointer  data)
{
  static const double corners[][2] = { { 8, 6 }, { 20, 6 }, { 20, 16 }, { 8, 16 }, { 8, 7 } };
  double x, y, area, length, width;
  gsize n;

  hands_key (GDK_KEY_h, 0);
  get_point (f, corners[0][0], corners[0][1], &x, &y);
  hands_move (GTK_WIDGET (f->view), x, y);
  hands_press (1);
  for (guint c = 1; c < G_N_ELEMENTS (corners); c++)
    for (int step = 1; step <= 10; step++)
      {
        double t = step / 10.0;

        get_point (f, corners[c - 1][0] + t * (corners[c][0] - corners[c - 1][0]),
                   corners[c - 1][1] + t * (corners[c][1] - corners[c - 1][1]), &x, &y);
        hands_move (GTK_WIDGET (f->view), x, y);
      }
  hands_release (1);
  fake_settle ();
  g_assert_cmpuint (n_items (f), ==, 1);
  area = measured (f, 0)->area;
  n = measured (f, 0)->values.n;
  g_assert_cmpfloat_with_epsilon (area, 12 * 10 * 4, 30); /* voxels of 2 mm */
  g_assert_cmpuint (n, >=, 11 * 9);
  g_assert_cmpuint (n, <=, 13 * 11);

  hands_key (GDK_KEY_l, GDK_SHIFT_MASK);
  drag (f, 6, 8, 24, 8);
  drag (f, 15, 3, 15, 13);
  g_assert_cmpuint (n_items (f), ==, 2);
  length = measured (f, 1)->length;
  width = measured (f, 1)->width;
  g_assert_cmpfloat_with_epsilon (length, 36, 0.5);
  g_assert_cmpfloat_with_epsilon (width, 20, 0.5);

  hands_key (GDK_KEY_z, GDK_CONTROL_MASK);
  g_assert_cmpuint (n_items (f), ==, 1);
  hands_key (GDK_KEY_z, GDK_CONTROL_MASK);
  g_assert_cmpuint (n_items (f), ==, 0);
  hands_key (GDK_KEY_z, GDK_CONTROL_MASK | GDK_SHIFT_MASK);
  hands_key (GDK_KEY_z, GDK_CONTROL_MASK | GDK_SHIFT_MASK);
  g_assert_cmpuint (n_items (f), ==, 2);
  g_assert_cmpfloat (measured (f, 0)->area, ==, area);
  g_assert_cmpuint (measured (f, 0)->values.n, ==, n);
  g_assert_cmpfloat (measured (f, 1)->length, ==, length);
  g_assert_cmpfloat (measured (f, 1)->width, ==, width);
}

/* On a sagittal plane the same hand measures along the patient. */
static void
test_other_plane (Fixture       *f,
                  gconstpointer  data)
{
  const double from[3] = { 0, -10, 110 }, to[3] = { 0, -10, 140 };
  double x0, y0, x1, y1;

  hands_key (GDK_KEY_s, 0);
  f->view = sag_slice_layout_get_selected (sag_window_get_layout (f->window));
  g_assert_cmpint (sag_slice_view_get_plane (f->view), ==, SAG_VIEW_SAGITTAL);
  hands_key (GDK_KEY_l, 0);
  sag_slice_view_to_point (f->view, from, &x0, &y0);
  sag_slice_view_to_point (f->view, to, &x1, &y1);
  hands_drag (GTK_WIDGET (f->view), x0, y0, x1, y1, 1);
  g_assert_cmpuint (n_items (f), ==, 1);
  g_assert_cmpfloat_with_epsilon (measured (f, 0)->length, 30, 0.4);
}

/* What was measured is there again when the series is. */
static void
test_kept (Fixture       *f,
           gconstpointer  data)
{
  g_autofree char *folder = g_dir_make_tmp ("sagitta-ui-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "table.csv", NULL);
  double length;

  hands_key (GDK_KEY_l, 0);
  drag (f, 6, 8, 18, 8);
  length = measured (f, 0)->length;
  fake_settle ();
  fake_close (f->window);
  open_window (f);
  fake_wait (n_items (f) == 1);
  g_assert_cmpfloat (measured (f, 0)->length, ==, length);
  sag_exporter_save_measurements (sag_window_get_exporter (f->window), f->workspace, "csv", path);
  fake_wait (g_file_test (path, G_FILE_TEST_EXISTS));
  fake_settle ();
  g_remove (path);
  g_rmdir (folder);
  {
    g_autoptr (SagMeasurement) item =
        g_list_model_get_item (sag_measurements_get_items (f->all), 0);

    sag_measurements_remove (f->all, item);
  }
  fake_settle ();
}

static void
add_tests (void)
{
  if (!hands_init ())
    {
      g_test_skip ("this screen cannot be touched");
      return;
    }
  g_test_add ("/measure/length", Fixture, NULL, set_up, test_length, tear_down);
  g_test_add ("/measure/angle", Fixture, NULL, set_up, test_angle, tear_down);
  g_test_add ("/measure/figures", Fixture, NULL, set_up, test_figures, tear_down);
  g_test_add ("/measure/by-hand", Fixture, NULL, set_up, test_by_hand, tear_down);
  g_test_add ("/measure/other-plane", Fixture, NULL, set_up, test_other_plane, tear_down);
  g_test_add ("/measure/kept", Fixture, NULL, set_up, test_kept, tear_down);
}

int
main (int    argc,
      char **argv)
{
  return fake_main (argc, argv, add_tests);
}
