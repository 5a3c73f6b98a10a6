/* SPDX-License-Identifier: Apache-2.0
 *
 * test-hands.c: a reader's hands on a whole window: keys, wheel, drags, menus. The images' values rise evenly along
 * every axis, so what any plane must show is known without asking the renderer. */
#include "tests/ui/fake.h"
#include "tests/ui/hands.h"
#include "ui/job-bar.h"
#include "ui/spoken.h"
#include "ui/window.h"

#include <math.h>
#include <string.h>

typedef struct
{
  GSettings      *settings;
  SagWindow      *window;
  SagSliceLayout *layout;
  SagWorkspace   *workspace;
  SagSliceView   *views[SAG_N_VIEWS];
} Fixture;

static void
set_up (Fixture       *f,
        gconstpointer  data)
{
  const char *const paths[] = { "/fake/two", NULL };

  f->settings = fake_settings ();
  f->window = sag_window_new (NULL, f->settings);
  f->layout = sag_window_get_layout (f->window);
  f->workspace = sag_window_get_workspace (f->window);
  gtk_window_set_default_size (GTK_WINDOW (f->window), 1200, 900);
  gtk_window_present (GTK_WINDOW (f->window));
  fake_settle ();
  sag_window_open (f->window, paths, NULL);
  fake_wait_int (sag_window_get_segmenter (f->window), "state", SAG_SEGMENTER_READY);
  hands_focus (GTK_WIDGET (f->window));
  for (int v = 0; v < SAG_N_VIEWS; v++)
    f->views[v] = sag_slice_layout_get_view (f->layout, v);
  hands_key (GDK_KEY_i, GDK_CONTROL_MASK); /* no corner text */
}

static void
tear_down (Fixture       *f,
           gconstpointer  data)
{
  fake_close (f->window);
  g_clear_object (&f->settings);
}

static void
layout (Fixture *f,
        guint    key)
{
  hands_key (key, GDK_ALT_MASK);
  fake_settle ();
}

static int
slice_of (SagWorkspace *workspace)
{
  return sag_workspace_get_slice (workspace, SAG_VIEW_AXIAL, NULL);
}

static void
get_point (SagSliceView *view,
           double        i,
           double        j,
           double        k,
           double       *x,
           double       *y)
{
  SagWorkspace *workspace = sag_slice_view_get_workspace (view);
  const double ijk[3] = { i, j, k };
  double lps[3];

  sag_grid_to_lps (sag_volume_get_grid (sag_workspace_get_volume (workspace)), ijk, lps);
  sag_slice_view_to_point (view, lps, x, y);
}

/* What a place of the patient has: HU = 10 i + j - 20 k; FALSE near the edge and outside. */
static gboolean
get_hu (Fixture      *f,
        const double  lps[3],
        double       *hu)
{
  const SagGrid *grid = sag_volume_get_grid (sag_workspace_get_volume (f->workspace));
  double ijk[3];

  sag_grid_to_ijk (grid, lps, ijk);
  for (int a = 0; a < 3; a++)
    if (ijk[a] < 0.01 || ijk[a] > grid->size[a] - 1.01)
      return FALSE;
  *hu = 10 * ijk[0] + ijk[1] - 20 * ijk[2];
  return TRUE;
}

/* PS3.3 C.11.2.1.2.1. */
static double
get_grey (Fixture *f,
          double   hu)
{
  SagWindowLevel window = sag_workspace_get_window_level (f->workspace);

  return CLAMP (((hu - (window.center - 0.5)) / (window.width - 1) + 0.5) * 255, 0, 255);
}

/* Every fourth pixel of the view in either direction that lies well inside the images; how many there were. */
static int
check_pixels (Fixture      *f,
              SagSliceView *view)
{
  int width, height, n = 0;
  g_autofree guint8 *rgba = sag_slice_view_dup_pixels (view, FALSE, &width, &height);

  for (int y = 0; y < height; y += 4)
    for (int x = 0; x < width; x += 4)
      {
        const guint8 *p = rgba + 4 * ((gsize) y * width + x);
        double lps[3], hu;

        sag_slice_view_to_lps (view, x + 0.5, y + 0.5, lps);
        if (!get_hu (f, lps, &hu))
          continue;
        n++;
        if (fabs (p[0] - get_grey (f, hu)) > 1.5)
          g_error ("pixel %d, %d is %d, not %.1f", x, y, p[0], get_grey (f, hu));
      }
  return n;
}

/* ---- planes */

static void
test_crosshair (Fixture       *f,
                gconstpointer  data)
{
  double x, y, cursor[3], ijk[3];

  layout (f, GDK_KEY_2);
  sag_workspace_set_window_level (f->workspace, (SagWindowLevel) { 0, 700 });
  sag_workspace_set_slice (f->workspace, SAG_VIEW_AXIAL, 10);
  get_point (f->views[SAG_VIEW_AXIAL], 20, 6, 10, &x, &y);
  hands_click (GTK_WIDGET (f->views[SAG_VIEW_AXIAL]), x, y, 1);
  get_point (f->views[SAG_VIEW_CORONAL], 20, 6, 4, &x, &y);
  hands_click (GTK_WIDGET (f->views[SAG_VIEW_CORONAL]), x, y, 1);
  sag_workspace_get_cursor (f->workspace, cursor);
  sag_grid_to_ijk (sag_volume_get_grid (sag_workspace_get_volume (f->workspace)), cursor, ijk);
  g_assert_cmpfloat_with_epsilon (ijk[0], 20, 0.3);
  g_assert_cmpfloat_with_epsilon (ijk[1], 6, 0.3);
  g_assert_cmpfloat_with_epsilon (ijk[2], 4, 0.3);
  g_assert_cmpint (slice_of (f->workspace), ==, 4);
  for (int v = 0; v < SAG_N_VIEWS; v++)
    g_assert_cmpint (check_pixels (f, f->views[v]), >, 600);
}

/* The handle of `line` in `view`, dragged an eighth of a turn. */
static void
turn (Fixture *f,
      SagView  view,
      SagView  line)
{
  SagSliceView *widget = f->views[view];
  double cursor[3], x, y, angle = 0, reach = 0;
  SagView held = SAG_N_VIEWS;

  sag_workspace_get_cursor (f->workspace, cursor);
  sag_slice_view_to_point (widget, cursor, &x, &y);
  for (angle = 0; angle < 2 * G_PI; angle += 0.02)
    {
      for (reach = 20; reach < 400; reach++)
        if (sag_slice_view_find_handle (widget, x + reach * cos (angle), y + reach * sin (angle), &held) && held == line)
          break;
      if (reach < 400)
        break;
    }
  g_assert_cmpint (held, ==, line);
  reach += 8;
  angle += 0.05;
  hands_drag (GTK_WIDGET (widget), x + reach * cos (angle), y + reach * sin (angle),
              x + reach * cos (angle + G_PI / 4), y + reach * sin (angle + G_PI / 4), 1);
}

static void
get_normal (Fixture *f,
            SagView  view,
            double   normal[3])
{
  SagSliceSpec spec;

  sag_slice_view_get_spec (f->views[view], 300, 300, &spec);
  sag_plane_get_normal (&spec.plane, normal);
}

/* Oblique by one line, doubly so by another; every pixel is what lies there; back by the key. */
static void
test_double_oblique (Fixture       *f,
                     gconstpointer  data)
{
  double n[SAG_N_VIEWS][3];

  layout (f, GDK_KEY_2);
  sag_workspace_set_window_level (f->workspace, (SagWindowLevel) { 0, 700 });
  turn (f, SAG_VIEW_AXIAL, SAG_VIEW_CORONAL);
  g_assert_true (sag_workspace_get_oblique (f->workspace));
  get_normal (f, SAG_VIEW_CORONAL, n[0]);
  g_assert_cmpfloat (fabs (n[0][0]), >, 0.5);
  g_assert_cmpfloat_with_epsilon (n[0][2], 0, 1e-9);
  turn (f, SAG_VIEW_SAGITTAL, SAG_VIEW_CORONAL);
  for (int v = 0; v < SAG_N_VIEWS; v++)
    get_normal (f, v, n[v]);
  for (int a = 0; a < 3; a++)
    g_assert_cmpfloat (fabs (n[SAG_VIEW_CORONAL][a]), >, 0.3); /* turned out of every plane of the body */
  for (int v = 0; v < SAG_N_VIEWS; v++)
    {
      const double *a = n[v], *b = n[(v + 1) % SAG_N_VIEWS];

      g_assert_cmpfloat_with_epsilon (a[0] * b[0] + a[1] * b[1] + a[2] * b[2], 0, 1e-9);
      g_assert_cmpint (check_pixels (f, f->views[v]), >, 300);
    }
  /* A slice on, by the wheel. */
  hands_move (GTK_WIDGET (f->views[SAG_VIEW_CORONAL]), 60, 60);
  hands_wheel (GTK_WIDGET (f->views[SAG_VIEW_CORONAL]), 2, 0);
  g_assert_cmpint (check_pixels (f, f->views[SAG_VIEW_CORONAL]), >, 300);
  hands_key (GDK_KEY_q, 0);
  g_assert_false (sag_workspace_get_oblique (f->workspace));
  for (int v = 0; v < SAG_N_VIEWS; v++)
    g_assert_cmpint (check_pixels (f, f->views[v]), >, 600);
}

/* HU at the middle of voxel (20, 12) of the axial slice shown, from its grey. */
static double
seen_hu (Fixture *f)
{
  SagWindowLevel window = sag_workspace_get_window_level (f->workspace);
  int width, height;
  g_autofree guint8 *rgba = sag_slice_view_dup_pixels (f->views[SAG_VIEW_AXIAL], FALSE, &width, &height);
  double x, y;

  get_point (f->views[SAG_VIEW_AXIAL], 20, 12, 10, &x, &y);
  return (rgba[4 * ((int) y * width + (int) x)] / 255.0 - 0.5) * (window.width - 1) + window.center - 0.5;
}

/* Values rise evenly across the slices: a slab's mean is its middle, its most and least as far from it. */
static void
test_slab (Fixture       *f,
           gconstpointer  data)
{
  double middle, most, least, thick;

  layout (f, GDK_KEY_1);
  sag_workspace_set_slice (f->workspace, SAG_VIEW_AXIAL, 10);
  middle = fake_value (20, 12, 10);
  sag_workspace_set_window_level (f->workspace, (SagWindowLevel) { middle, 256 });
  g_assert_cmpfloat_with_epsilon (seen_hu (f), middle, 2);
  hands_key (GDK_KEY_y, 0);
  hands_key (GDK_KEY_y, 0);
  g_assert_cmpfloat (sag_workspace_get_slab_mm (f->workspace), ==, 10);
  g_assert_cmpint (sag_workspace_get_slab_mode (f->workspace), ==, SAG_SLAB_MIP);
  most = seen_hu (f) - middle;
  g_assert_cmpfloat (most, >, 18); /* 10 mm of slices 3 mm apart: one either side, and part of the next */
  g_assert_cmpfloat (most, <, 42);
  hands_key (GDK_KEY_m, 0);
  g_assert_cmpint (sag_workspace_get_slab_mode (f->workspace), ==, SAG_SLAB_MINIP);
  least = seen_hu (f) - middle;
  g_assert_cmpfloat_with_epsilon (least, -most, 3);
  hands_key (GDK_KEY_m, 0);
  g_assert_cmpint (sag_workspace_get_slab_mode (f->workspace), ==, SAG_SLAB_MEAN);
  g_assert_cmpfloat_with_epsilon (seen_hu (f), middle, 2);
  hands_key (GDK_KEY_m, 0);
  g_assert_cmpint (sag_workspace_get_slab_mode (f->workspace), ==, SAG_SLAB_NONE);
  hands_key (GDK_KEY_y, 0);
  hands_key (GDK_KEY_y, 0);
  hands_key (GDK_KEY_y, 0);
  hands_key (GDK_KEY_y, 0);
  thick = seen_hu (f) - middle;
  g_assert_cmpfloat (thick, >, most + 18); /* 20 mm */
  for (int n = 0; n < 4; n++)
    hands_key (GDK_KEY_t, 0);
  g_assert_cmpint (sag_workspace_get_slab_mode (f->workspace), ==, SAG_SLAB_NONE);
  g_assert_cmpfloat_with_epsilon (seen_hu (f), middle, 2);
}

/* ---- hands */

static gboolean
spins_fast (Fixture *f)
{
  sag_workspace_set_slice (f->workspace, SAG_VIEW_AXIAL, 19);
  hands_spin (GTK_WIDGET (f->views[SAG_VIEW_AXIAL]), 12);
  return slice_of (f->workspace) < 19 - 12;
}

/* A wheel that is spun goes further than its clicks. */
static void
test_wheel (Fixture       *f,
            gconstpointer  data)
{
  layout (f, GDK_KEY_1);
  hands_move (GTK_WIDGET (f->views[SAG_VIEW_AXIAL]), 200, 200);
  fake_wait (spins_fast (f)); /* a busy machine may take the clicks one by one */
}

/* Flips, turns, inverting and back, each by its key, seen in the pixels. */
static void
test_turns (Fixture       *f,
            gconstpointer  data)
{
  SagSliceView *view = f->views[SAG_VIEW_AXIAL];
  static const struct
  {
    guint  key;
    double right[3], down[3];
  } steps[] = {
    { GDK_KEY_f, { -1, 0, 0 }, { 0, 1, 0 } },
    { GDK_KEY_v, { -1, 0, 0 }, { 0, -1, 0 } },
    { GDK_KEY_r, { 1, 0, 0 }, { 0, 1, 0 } },
    { GDK_KEY_greater, { 0, -1, 0 }, { 1, 0, 0 } },
    { GDK_KEY_less, { 1, 0, 0 }, { 0, 1, 0 } },
  };
  int width, height;
  g_autofree guint8 *before = NULL, *after = NULL;

  layout (f, GDK_KEY_1);
  sag_workspace_set_window_level (f->workspace, (SagWindowLevel) { 0, 700 });
  for (guint n = 0; n < G_N_ELEMENTS (steps); n++)
    {
      SagSliceSpec spec;

      hands_key (steps[n].key, 0);
      sag_slice_view_get_spec (view, 300, 300, &spec);
      for (int c = 0; c < 3; c++)
        {
          g_assert_cmpfloat_with_epsilon (spec.plane.right[c], steps[n].right[c], 1e-9);
          g_assert_cmpfloat_with_epsilon (spec.plane.down[c], steps[n].down[c], 1e-9);
        }
      g_assert_cmpint (check_pixels (f, view), >, 600);
    }
  before = sag_slice_view_dup_pixels (view, FALSE, &width, &height);
  hands_key (GDK_KEY_i, 0);
  after = sag_slice_view_dup_pixels (view, FALSE, &width, &height);
  for (int y = height / 3; y < height / 2; y++)
    g_assert_cmpint (before[4 * (y * width + width / 2)] + after[4 * (y * width + width / 2)], ==, 255);
  hands_key (GDK_KEY_i, 0);
  hands_key (GDK_KEY_j, 0);
  g_assert_cmpint (sag_workspace_get_colour_table (f->workspace), ==, SAG_COLOUR_TABLE_HOT_IRON);
  hands_key (GDK_KEY_0, 0);
  g_assert_cmpfloat (sag_workspace_get_window_level (f->workspace).center, ==, 40);
}

/* Two clicks show a view alone, and all again; a drag with Space held moves the picture, and plays nothing. */
static void
test_pointer (Fixture       *f,
              gconstpointer  data)
{
  GtkWidget *view = GTK_WIDGET (f->views[SAG_VIEW_SAGITTAL]);
  double before[3], after[3];
  gboolean full = FALSE;
  int double_ms, slice;

  layout (f, GDK_KEY_2);
  hands_double (view, 100, 100);
  g_object_get (f->layout, "full", &full, NULL);
  g_assert_true (full);
  g_assert_false (gtk_widget_get_child_visible (GTK_WIDGET (f->views[SAG_VIEW_AXIAL])));
  g_object_get (gtk_widget_get_settings (view), "gtk-double-click-time", &double_ms, NULL);
  g_usleep ((gulong) (double_ms + 100) * 1000); /* no third and fourth click of the same */
  hands_double (view, 100, 100);
  g_object_get (f->layout, "full", &full, NULL);
  g_assert_false (full);

  slice = sag_workspace_get_slice (f->workspace, SAG_VIEW_SAGITTAL, NULL);
  sag_slice_view_to_lps (f->views[SAG_VIEW_SAGITTAL], 100, 100, before);
  hands_hold (GDK_KEY_space, TRUE);
  hands_drag (view, 100, 100, 140, 130, 1);
  hands_hold (GDK_KEY_space, FALSE);
  sag_slice_view_to_lps (f->views[SAG_VIEW_SAGITTAL], 140, 130, after);
  for (int c = 0; c < 3; c++)
    g_assert_cmpfloat_with_epsilon (before[c], after[c], 1e-4);
  g_assert_cmpint (sag_workspace_get_slice (f->workspace, SAG_VIEW_SAGITTAL, NULL), ==, slice);
}

/* What lies under the pointer is said. */
static void
test_probe (Fixture       *f,
            gconstpointer  data)
{
  SagSliceView *view = f->views[SAG_VIEW_AXIAL];
  static const struct
  {
    int         i, j;
    const char *hu;
  } places[] = { { 20, 12, "12 HU" }, { 28, 4, "84 HU" } };

  layout (f, GDK_KEY_1);
  sag_workspace_set_slice (f->workspace, SAG_VIEW_AXIAL, 10);
  for (guint n = 0; n < G_N_ELEMENTS (places); n++)
    {
      g_autofree char *text = NULL;
      SagSliceScene scene;
      double x, y;

      get_point (view, places[n].i, places[n].j, 10, &x, &y);
      hands_move (GTK_WIDGET (view), x, y);
      g_assert_true (sag_slice_view_get_scene (view, &scene));
      text = sag_spoken_dup_slice (&scene);
      g_assert_nonnull (strstr (text, places[n].hu));
    }
}

/* Around the pointer the picture is as it is, two and a half times as large. */
static void
test_magnifier (Fixture       *f,
                gconstpointer  data)
{
  SagSliceView *view = f->views[SAG_VIEW_AXIAL];
  g_autofree guint8 *plain = NULL, *lens = NULL;
  int width, height;
  double x, y;

  layout (f, GDK_KEY_1);
  sag_workspace_set_slice (f->workspace, SAG_VIEW_AXIAL, 10);
  sag_workspace_set_window_level (f->workspace, (SagWindowLevel) { 12, 256 });
  get_point (view, 20, 12, 10, &x, &y);
  hands_move (GTK_WIDGET (view), x, y);
  plain = fake_draw (GTK_WIDGET (view), &width, &height);
  hands_key (GDK_KEY_z, 0);
  lens = fake_draw (GTK_WIDGET (view), &width, &height);
  for (int d = -75; d <= 75; d += 25)
    {
      const guint8 *seen = lens + 4 * ((int) y * width + (int) x + d);
      const guint8 *there = plain + 4 * ((int) y * width + (int) x + d * 2 / 5);

      if (d == 0) /* the crosshair's own */
        continue;
      g_assert_cmpint (ABS (seen[0] - there[0]), <=, 3);
      g_assert_cmpint (ABS (seen[0] - plain[4 * ((int) y * width + (int) x + d)]), >, 3);
    }
  hands_key (GDK_KEY_z, 0);
}

/* Playing goes on by itself, faster and slower by keys that say how fast. */
static void
test_cine (Fixture       *f,
           gconstpointer  data)
{
  SagJobBar *bar = SAG_JOB_BAR (fake_find (GTK_WIDGET (f->window), SAG_TYPE_JOB_BAR));
  int slice;

  layout (f, GDK_KEY_1);
  slice = slice_of (f->workspace);
  hands_key (GDK_KEY_space, 0);
  fake_wait (slice_of (f->workspace) != slice);
  hands_key (GDK_KEY_KP_Add, 0);
  fake_wait (strstr (sag_job_bar_get_text (bar), "18.8 slices a second") != NULL);
  for (int n = 0; n < 10; n++)
    hands_key (GDK_KEY_KP_Add, 0);
  fake_wait (strstr (sag_job_bar_get_text (bar), "60.0 slices a second") != NULL);
  hands_key (GDK_KEY_minus, 0);
  fake_wait (strstr (sag_job_bar_get_text (bar), "48.0 slices a second") != NULL);
  slice = slice_of (f->workspace);
  fake_wait (slice_of (f->workspace) != slice);
  hands_key (GDK_KEY_space, 0);
  slice = slice_of (f->workspace);
  fake_settle ();
  g_assert_cmpint (slice_of (f->workspace), ==, slice);
}

static const char *
get_title (SagWorkspace *workspace)
{
  SagSeries *series = sag_workspace_get_series (workspace);

  return series != NULL ? sag_series_get_title (series) : "";
}

static void
test_series (Fixture       *f,
             gconstpointer  data)
{
  SagOpener *opener = sag_window_get_opener (f->window);

  g_assert_cmpstr (get_title (f->workspace), ==, "Chest again");
  hands_key (GDK_KEY_Page_Down, 0);
  fake_wait (g_str_equal (get_title (f->workspace), "Chest 3 mm"));
  fake_wait_int (opener, "state", SAG_OPENER_READY);
  hands_key (GDK_KEY_Page_Up, 0);
  fake_wait (g_str_equal (get_title (f->workspace), "Chest again"));
  fake_wait_int (opener, "state", SAG_OPENER_READY);
}

/* A command of the menu of the right button, chosen by the mouse. */
static void
test_menu (Fixture       *f,
           gconstpointer  data)
{
  GtkWidget *view = GTK_WIDGET (f->views[SAG_VIEW_AXIAL]), *item;

  layout (f, GDK_KEY_1);
  g_assert_false (sag_workspace_get_invert (f->workspace));
  hands_click (view, 120, 60, 3);
  fake_wait ((item = fake_find_text (view, "Invert")) != NULL);
  hands_click_on (item);
  fake_wait (sag_workspace_get_invert (f->workspace));
}

/* ---- beside each other */

static SagSliceView *
open_pair (Fixture *f)
{
  SagSliceView *companion = sag_slice_layout_get_companion (f->layout, 0);
  SagWorkspace *second = sag_slice_view_get_workspace (companion);

  layout (f, GDK_KEY_3);
  hands_click (GTK_WIDGET (companion), 100, 100, 1);
  g_assert_true (sag_slice_layout_get_selected (f->layout) == companion);
  if (sag_workspace_get_volume (second) == NULL)
    gtk_widget_activate_action (GTK_WIDGET (f->window), "win.open-series", "s",
                                sag_series_get_key (sag_workspace_get_series (f->workspace)));
  fake_wait (sag_workspace_get_volume (second) != NULL
             && sag_volume_get_n_ready (sag_workspace_get_volume (second)) == 20);
  fake_settle ();
  return companion;
}

/* The wheel over one series scrolls the other: to the same place, or as far from where both stand. */
static void
test_together (Fixture       *f,
               gconstpointer  data)
{
  SagSliceView *companion = open_pair (f);
  SagWorkspace *second = sag_slice_view_get_workspace (companion);
  GtkWidget *view = GTK_WIDGET (f->views[SAG_VIEW_AXIAL]);

  sag_workspace_set_slice (f->workspace, SAG_VIEW_AXIAL, 10);
  g_assert_cmpint (slice_of (second), ==, 10);
  hands_move (view, 100, 200);
  hands_wheel (view, 3, 0);
  g_assert_cmpint (slice_of (f->workspace), ==, 7);
  g_assert_cmpint (slice_of (second), ==, 7);
  gtk_widget_activate_action (view, "view.sync", "s", "off");
  hands_move (GTK_WIDGET (companion), 100, 200);
  hands_wheel (GTK_WIDGET (companion), -5, 0);
  g_assert_cmpint (slice_of (f->workspace), ==, 7);
  g_assert_cmpint (slice_of (second), ==, 12);
  gtk_widget_activate_action (view, "view.sync", "s", "offset");
  hands_move (view, 100, 200);
  hands_wheel (view, 2, 0);
  g_assert_cmpint (slice_of (f->workspace), ==, 5);
  g_assert_cmpint (slice_of (second), ==, 10);
  hands_move (GTK_WIDGET (companion), 100, 200);
  hands_wheel (GTK_WIDGET (companion), -1, 0);
  g_assert_cmpint (slice_of (f->workspace), ==, 6);
  g_assert_cmpint (slice_of (second), ==, 11);
}

/* The row that is yellow from edge to edge, or -1. */
static int
find_line (GtkWidget *view)
{
  int width, height, found = -1;
  g_autofree guint8 *rgba = fake_draw (view, &width, &height);

  for (int y = 0; y < height; y++)
    {
      int yellow = 0;

      for (int x = 0; x < width; x++)
        {
          const guint8 *p = rgba + 4 * ((gsize) y * width + x);

          yellow += p[0] > p[2] + 50 && p[1] > p[2] + 50;
        }
      if (yellow > width * 9 / 10)
        {
          g_assert_cmpint (found, <, 0);
          found = y;
        }
    }
  return found;
}

/* Where the slice of the selected series cuts the other one's is a line there, and moves with it. */
static void
test_reference (Fixture       *f,
                gconstpointer  data)
{
  SagSliceView *companion = open_pair (f);
  GtkWidget *view = GTK_WIDGET (f->views[SAG_VIEW_AXIAL]);
  double x, y;

  hands_key (GDK_KEY_d, 0);
  g_assert_cmpint (sag_slice_view_get_plane (companion), ==, SAG_VIEW_CORONAL);
  hands_move (view, 100, 200);
  hands_click (view, 100, 200, 1);
  g_assert_true (sag_slice_layout_get_selected (f->layout) == f->views[SAG_VIEW_AXIAL]);
  for (int k = 10; k > 4; k -= 3)
    {
      sag_workspace_set_slice (f->workspace, SAG_VIEW_AXIAL, k);
      fake_settle ();
      get_point (companion, 16, 12, k, &x, &y);
      g_assert_cmpint (ABS (find_line (GTK_WIDGET (companion)) - (int) y), <=, 1);
    }
}

static void
add_tests (void)
{
  if (!hands_init ())
    {
      g_test_skip ("this screen cannot be touched");
      return;
    }
  g_test_add ("/hands/crosshair", Fixture, NULL, set_up, test_crosshair, tear_down);
  g_test_add ("/hands/double-oblique", Fixture, NULL, set_up, test_double_oblique, tear_down);
  g_test_add ("/hands/slab", Fixture, NULL, set_up, test_slab, tear_down);
  g_test_add ("/hands/wheel", Fixture, NULL, set_up, test_wheel, tear_down);
  g_test_add ("/hands/turns", Fixture, NULL, set_up, test_turns, tear_down);
  g_test_add ("/hands/pointer", Fixture, NULL, set_up, test_pointer, tear_down);
  g_test_add ("/hands/probe", Fixture, NULL, set_up, test_probe, tear_down);
  g_test_add ("/hands/magnifier", Fixture, NULL, set_up, test_magnifier, tear_down);
  g_test_add ("/hands/cine", Fixture, NULL, set_up, test_cine, tear_down);
  g_test_add ("/hands/series", Fixture, NULL, set_up, test_series, tear_down);
  g_test_add ("/hands/menu", Fixture, NULL, set_up, test_menu, tear_down);
  g_test_add ("/hands/together", Fixture, NULL, set_up, test_together, tear_down);
  g_test_add ("/hands/reference", Fixture, NULL, set_up, test_reference, tear_down);
}

int
main (int    argc,
      char **argv)
{
  return fake_main (argc, argv, add_tests);
}
