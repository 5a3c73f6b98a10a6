/* SPDX-License-Identifier: Apache-2.0
 *
 * test-slice-view.c: the pixels of a view are those of the renderer; hands change what they should.
 */
#include "tests/ui/fake.h"
#include "tests/ui/hands.h"
#include "ui/slice-picture.h"
#include "ui/slice-text.h"
#include "ui/slice-tools.h"
#include "ui/slice-view.h"
#include "ui/spoken.h"

#include <math.h>
#include <string.h>

typedef struct
{
  SagWorkspace *workspace;
  SagSliceView *view;
  GtkWindow    *window;
} Fixture;

static void
set_up_view (Fixture *f,
             SagView  plane,
             gboolean annotations)
{
  g_autoptr (SagVolume) volume = fake_volume ();

  f->workspace = sag_workspace_new ();
  sag_workspace_set_volume (f->workspace, volume);
  f->view = SAG_SLICE_VIEW (sag_slice_view_new (f->workspace, plane));
  g_object_set (f->view, "annotations", annotations, NULL);
  sag_slice_tools_attach (f->view);
  f->window = fake_show (GTK_WIDGET (f->view), 300, 260);
}

static void
set_up (Fixture       *f,
        gconstpointer  data)
{
  set_up_view (f, GPOINTER_TO_INT (data), FALSE);
}

static void
set_up_annotated (Fixture       *f,
                  gconstpointer  data)
{
  set_up_view (f, GPOINTER_TO_INT (data), TRUE);
}

static void
tear_down (Fixture       *f,
           gconstpointer  data)
{
  g_object_add_weak_pointer (G_OBJECT (f->view), (gpointer *) &f->view);
  gtk_window_destroy (f->window);
  fake_settle ();
  g_assert_null (f->view);
  g_assert_finalize_object (f->workspace);
}

/* Bytes in which the view is not as the renderer has it. */
static int
count_differing (Fixture *f)
{
  int width, height, differ = 0;
  g_autofree guint8 *drawn = fake_draw (GTK_WIDGET (f->view), &width, &height);
  g_autofree guint8 *wanted = g_malloc ((gsize) width * height * 4);
  SagSliceSpec spec;

  sag_slice_view_get_spec (f->view, width, height, &spec);
  sag_workspace_render (f->workspace, &spec, width, height, wanted);
  for (gsize i = 0; i < (gsize) width * height * 4; i++)
    differ += drawn[i] != wanted[i];
  return differ;
}

static void
expect_rendered (Fixture *f)
{
  g_assert_cmpint (count_differing (f), ==, 0);
}

static void
test_pixels (Fixture       *f,
             gconstpointer  data)
{
  g_autoptr (SagSegmentation) segmentation = fake_segmentation ();

  expect_rendered (f);
  /* Whatever the workspace changes is drawn anew. */
  sag_workspace_set_segmentation (f->workspace, segmentation);
  fake_settle ();
  expect_rendered (f);
  sag_workspace_set_window_level (f->workspace, (SagWindowLevel) { 100, 50 });
  sag_workspace_set_confidence_threshold (f->workspace, 0.7);
  sag_workspace_set_label_visible (f->workspace, 1, FALSE);
  fake_settle ();
  expect_rendered (f);
  g_object_set (f->view, "flip-horizontal", TRUE, NULL);
  sag_slice_view_zoom_at (f->view, 2, 40, 50);
  fake_settle ();
  expect_rendered (f);
}

/* Slices made ahead are those that would have been made when shown, and none is older than its content. */
static void
test_ahead (Fixture       *f,
            gconstpointer  data)
{
  g_autoptr (SagSegmentation) segmentation = fake_segmentation ();
  SagView view = GPOINTER_TO_INT (data);
  const int steps[] = { 1, 1, 1, 2, 2, -1, -1, -3, 1, 1, 1, 1 };

  sag_workspace_set_slice (f->workspace, view, 5);
  for (guint n = 0; n < G_N_ELEMENTS (steps); n++)
    {
      sag_workspace_step_slice (f->workspace, view, steps[n]);
      fake_settle ();
      expect_rendered (f);
      /* Between two slices of one direction, everything else may change. */
      if (n == 3)
        sag_workspace_set_segmentation (f->workspace, segmentation);
      else if (n == 6)
        sag_workspace_set_window_level (f->workspace, (SagWindowLevel) { 300, 70 });
      else if (n == 9)
        sag_labelmap_get_voxels (sag_segmentation_get_layer (segmentation, 0))[0] ^= 1;
      if (n == 9)
        sag_workspace_mark_ready (f->workspace, SAG_LAYER_SEGMENTATION, 0, 1);
      if (n == 10)
        g_object_set (f->view, "flip-vertical", TRUE, NULL);
    }
}

/* Whether the view draws at once what the renderer makes with this interpolation. */
static gboolean
draws_now (Fixture         *f,
           SagInterpolation interpolation)
{
  g_autoptr (GtkSnapshot) snapshot = gtk_snapshot_new ();
  g_autoptr (GskRenderNode) node = NULL;
  g_autoptr (GdkTexture) texture = NULL;
  g_autofree guint8 *drawn = NULL, *wanted = NULL;
  int width = gtk_widget_get_width (GTK_WIDGET (f->view)), height = gtk_widget_get_height (GTK_WIDGET (f->view));
  SagSliceSpec spec;

  GTK_WIDGET_GET_CLASS (f->view)->snapshot (GTK_WIDGET (f->view), snapshot);
  node = gtk_snapshot_free_to_node (g_steal_pointer (&snapshot));
  texture = gsk_renderer_render_texture (gtk_native_get_renderer (GTK_NATIVE (f->window)), node,
                                         &GRAPHENE_RECT_INIT (0, 0, width, height));
  drawn = sag_slice_picture_dup_texture (texture);
  sag_slice_view_get_spec (f->view, width, height, &spec);
  spec.interpolation = interpolation;
  wanted = g_malloc ((gsize) width * height * 4);
  sag_workspace_render (f->workspace, &spec, width, height, wanted);
  for (gsize i = 3; i < (gsize) width * height * 4; i += 4)
    drawn[i] = wanted[i]; /* margins are not drawn */
  return memcmp (drawn, wanted, (gsize) width * height * 4) == 0;
}

/* Cubics on a turned plane take long: lines while it moves, cubics when it is still, and in what is exported. */
static void
test_cubic (Fixture       *f,
            gconstpointer  data)
{
  const double angles[] = { 0.2, 0.3 }, axis[3] = { 1, 0, 0 };
  g_autofree guint8 *drawn = NULL, *wanted = NULL;
  SagSliceSpec spec;
  int width, height;

  sag_workspace_set_window_level (f->workspace, (SagWindowLevel) { 0, 60 });
  sag_workspace_set_interpolation (f->workspace, SAG_INTERPOLATION_CUBIC);
  for (guint n = 0; n < G_N_ELEMENTS (angles); n++)
    {
      sag_workspace_turn_plane (f->workspace, SAG_VIEW_AXIAL, axis, angles[n]);
      g_assert_true (draws_now (f, SAG_INTERPOLATION_LINEAR));
      g_assert_false (draws_now (f, SAG_INTERPOLATION_CUBIC));
      fake_wait (draws_now (f, SAG_INTERPOLATION_CUBIC));
    }
  sag_workspace_turn_plane (f->workspace, SAG_VIEW_AXIAL, axis, 0.1);
  drawn = sag_slice_view_dup_pixels (f->view, TRUE, &width, &height);
  wanted = g_malloc ((gsize) width * height * 4);
  sag_slice_view_get_spec (f->view, width, height, &spec);
  sag_workspace_render (f->workspace, &spec, width, height, wanted);
  g_assert_cmpmem (drawn, (gsize) width * height * 4, wanted, (gsize) width * height * 4);
}

/* What is drawn over a picture that a run makes grow comes late, but it comes. */
static void
test_growing (Fixture       *f,
              gconstpointer  data)
{
  g_autoptr (SagSegmentation) whole = fake_segmentation (), growing = NULL;
  SagLabelmap *layer = sag_segmentation_get_layer (whole, 0);
  int n = sag_segmentation_get_grid (whole)->size[2];

  growing = sag_segmentation_new (&layer, 1, NULL, sag_segmentation_get_provenance (whole), NULL);
  g_assert_nonnull (growing);
  sag_workspace_set_segmentation (f->workspace, growing);
  sag_workspace_set_slice (f->workspace, SAG_VIEW_AXIAL, n / 2);
  fake_settle ();
  expect_rendered (f);
  for (int k = 0; k < n - 1; k++)
    sag_workspace_mark_ready (f->workspace, SAG_LAYER_SEGMENTATION, k, k + 1);
  while (count_differing (f) != 0)
    fake_settle ();
}

/* The patient's right, darker here, is at the left of the screen until it is flipped. */
static void
test_sides (Fixture       *f,
            gconstpointer  data)
{
  double left[3], right[3];

  sag_workspace_set_window_level (f->workspace, (SagWindowLevel) { 0, 1000 });
  g_assert_true (sag_slice_view_to_lps (f->view, 80, 130, left));
  g_assert_true (sag_slice_view_to_lps (f->view, 220, 130, right));
  g_assert_cmpfloat (left[0], <, right[0]); /* LPS: x grows to the patient's left */
  g_object_set (f->view, "flip-horizontal", TRUE, NULL);
  g_assert_true (sag_slice_view_to_lps (f->view, 80, 130, left));
  g_assert_true (sag_slice_view_to_lps (f->view, 220, 130, right));
  g_assert_cmpfloat (left[0], >, right[0]);
}

static void
test_zoom (Fixture       *f,
           gconstpointer  data)
{
  double before[3], after[3], x, y;

  sag_slice_view_to_lps (f->view, 70, 90, before);
  sag_slice_view_zoom_at (f->view, 3, 70, 90);
  sag_slice_view_to_lps (f->view, 70, 90, after);
  for (int c = 0; c < 3; c++)
    g_assert_cmpfloat_with_epsilon (before[c], after[c], 1e-9);
  sag_slice_view_to_point (f->view, after, &x, &y);
  g_assert_cmpfloat_with_epsilon (x, 70, 1e-6);
  g_assert_cmpfloat_with_epsilon (y, 90, 1e-6);
  sag_slice_view_pan_by (f->view, 20, -10);
  sag_slice_view_to_lps (f->view, 90, 80, after);
  for (int c = 0; c < 3; c++)
    g_assert_cmpfloat_with_epsilon (before[c], after[c], 1e-9);
  sag_slice_view_reset (f->view);
  g_assert_cmpfloat (sag_slice_view_get_zoom (f->view), ==, 1);
}

static void
test_wheel (Fixture       *f,
            gconstpointer  data)
{
  int n, before, after;
  GtkWidget *widget = GTK_WIDGET (f->view);

  if (!hands_init ())
    {
      g_test_skip ("no XTest on this screen");
      return;
    }
  before = sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, &n);
  g_assert_cmpint (n, ==, 20);
  hands_move (widget, 150, 130);
  hands_wheel (widget, 2, 0);
  after = sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, &n);
  g_assert_cmpint (after, ==, before - 2);
  hands_wheel (widget, -1, GDK_SHIFT_MASK);
  g_assert_cmpint (sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, &n), ==,
                   MIN (after + 10, 19));
  hands_wheel (widget, -1, GDK_CONTROL_MASK);
  g_assert_cmpfloat (sag_slice_view_get_zoom (f->view), >, 1);
  expect_rendered (f);
}

static void
test_drags (Fixture       *f,
            gconstpointer  data)
{
  GtkWidget *widget = GTK_WIDGET (f->view);
  SagWindowLevel before, after;
  double lps[3], moved[3], cursor[3];

  if (!hands_init ())
    {
      g_test_skip ("no XTest on this screen");
      return;
    }
  before = sag_workspace_get_window_level (f->workspace);
  hands_drag (widget, 100, 100, 180, 100, 1);
  after = sag_workspace_get_window_level (f->workspace);
  g_assert_cmpfloat (after.width, <, before.width); /* right: narrower */
  g_assert_cmpfloat (after.center, ==, before.center);
  hands_drag (widget, 100, 150, 100, 90, 1);
  g_assert_cmpfloat (sag_workspace_get_window_level (f->workspace).center, <,
                     after.center); /* up: brighter */

  sag_slice_view_to_lps (f->view, 100, 100, lps);
  hands_drag (widget, 100, 100, 130, 120, 2);
  sag_slice_view_to_lps (f->view, 130, 120, moved);
  for (int c = 0; c < 3; c++)
    g_assert_cmpfloat_with_epsilon (moved[c], lps[c], 1e-6);

  hands_drag (widget, 150, 150, 150, 90, 3);
  g_assert_cmpfloat (sag_slice_view_get_zoom (f->view), >, 1);

  sag_slice_view_reset (f->view);
  sag_slice_view_to_lps (f->view, 140, 120, lps);
  hands_click (widget, 140, 120, 1);
  sag_workspace_get_cursor (f->workspace, cursor);
  g_assert_cmpfloat_with_epsilon (cursor[0], lps[0], 0.6);
  g_assert_cmpfloat_with_epsilon (cursor[1], lps[1], 0.6);
}

static gboolean
differs (const guint8 *a,
         const guint8 *b,
         int           stride,
         int           x0,
         int           y0,
         int           x1,
         int           y1)
{
  for (int y = y0; y < y1; y++)
    for (int x = x0; x < x1; x++)
      if (memcmp (a + 4 * (y * stride + x), b + 4 * (y * stride + x), 4) != 0)
        return TRUE;
  return FALSE;
}

/* Letters stand at the four edges, text in the corners; the probe fills the last one. */
static void
test_text (Fixture       *f,
           gconstpointer  data)
{
  int width, height;
  g_autofree guint8 *with = fake_draw (GTK_WIDGET (f->view), &width, &height);
  g_autofree guint8 *without = NULL;
  g_autofree guint8 *probed = NULL;

  sag_slice_view_probe (f->view, 150, 130);
  fake_settle ();
  probed = fake_draw (GTK_WIDGET (f->view), &width, &height);
  g_assert_true (differs (with, probed, width, width / 2 + 20, height - 40, width, height));
  sag_slice_view_end_probe (f->view);
  g_object_set (f->view, "annotations", FALSE, NULL);
  fake_settle ();
  without = fake_draw (GTK_WIDGET (f->view), &width, &height);
  g_assert_true (differs (with, without, width, 0, 0, 80, 40));
  g_assert_true (differs (with, without, width, width - 80, 0, width, 40));
  g_assert_true (differs (with, without, width, 0, height - 40, 100, height));
  g_assert_true (differs (with, without, width, 0, height / 2 - 15, 30, height / 2 + 15));
  g_assert_true (
      differs (with, without, width, width - 40, height / 2 - 15, width - 12, height / 2 + 15));
}

/* No device here has two fingers: what the gesture tells is told by hand. */
static void
test_pinch (Fixture      *f,
            gconstpointer data)
{
  g_autoptr (GListModel) controllers = gtk_widget_observe_controllers (GTK_WIDGET (f->view));
  g_autoptr (GtkGesture) zoom = NULL;
  SagWindowLevel before = sag_workspace_get_window_level (f->workspace), after;

  for (guint i = 0; i < g_list_model_get_n_items (controllers); i++)
    {
      g_autoptr (GObject) controller = g_list_model_get_item (controllers, i);

      if (GTK_IS_GESTURE_ZOOM (controller))
        zoom = g_object_ref (GTK_GESTURE (controller));
    }
  g_assert_nonnull (zoom);
  g_signal_emit_by_name (zoom, "begin", NULL);
  g_signal_emit_by_name (zoom, "scale-changed", 1.5);
  g_assert_cmpfloat_with_epsilon (sag_slice_view_get_zoom (f->view), 1.5, 1e-9);
  g_signal_emit_by_name (zoom, "scale-changed", 3.0);
  g_assert_cmpfloat_with_epsilon (sag_slice_view_get_zoom (f->view), 3, 1e-9);
  /* The next one begins where this one ended. */
  g_signal_emit_by_name (zoom, "begin", NULL);
  g_signal_emit_by_name (zoom, "scale-changed", 0.5);
  g_assert_cmpfloat_with_epsilon (sag_slice_view_get_zoom (f->view), 1.5, 1e-9);
  after = sag_workspace_get_window_level (f->workspace);
  g_assert_cmpfloat (after.width, ==, before.width);
  g_assert_cmpfloat (after.center, ==, before.center);
}

static void
test_words (void)
{
  g_autoptr (SagVolume) volume = fake_volume ();
  g_autoptr (SagSegmentation) segmentation = fake_segmentation ();
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  SagSliceScene scene = {
    .workspace = workspace, .width = 500, .height = 500, .scale = 1, .text_scale = 1
  };
  g_autofree char *text = NULL;
  const double ijk[3] = { 20, 10, 9 };

  sag_workspace_set_volume (workspace, volume);
  sag_workspace_set_segmentation (workspace, segmentation);
  sag_workspace_set_window_level (workspace, (SagWindowLevel) { -600, 1500 });
  sag_workspace_set_slice (workspace, SAG_VIEW_AXIAL, 9);
  sag_workspace_get_spec (workspace, SAG_VIEW_AXIAL, &scene.spec);
  scene.probing = TRUE;
  sag_grid_to_lps (sag_volume_get_grid (volume), ijk, scene.probe);
  text = sag_spoken_dup_slice (&scene);
  g_assert_nonnull (strstr (text, "Axial, slice 10 of 20"));
  g_assert_nonnull (strstr (text, "H 127.0 mm"));
  g_assert_nonnull (strstr (text, "W 1500  L \u2212600"));
  g_assert_nonnull (strstr (text, "Left half"));
  g_assert_nonnull (strstr (text, "30 HU")); /* 10 * 20 + 10 - 20 * 9 */
}

static void
test_png (Fixture       *f,
          gconstpointer  data)
{
  int width, height, w2, h2;
  g_autofree guint8 *plain = sag_slice_view_dup_pixels (f->view, FALSE, &width, &height);
  g_autofree guint8 *annotated = sag_slice_view_dup_pixels (f->view, TRUE, &w2, &h2);
  g_autofree guint8 *drawn = fake_draw (GTK_WIDGET (f->view), &w2, &h2);

  g_assert_cmpint (width, ==, w2);
  g_assert_cmpmem (annotated, (gsize) width * height * 4, drawn, (gsize) w2 * h2 * 4);
  g_assert_true (differs (annotated, plain, width, 0, 0, 80, 40));
}

/* Slices that come later are drawn when they come. */
static void
test_progress (void)
{
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (SagVolume) whole = fake_volume ();
  g_autoptr (SagVolume) volume = NULL;
  GtkWidget *view;
  GtkWindow *window;
  Fixture f = { 0 };

  volume = sag_volume_new (sag_volume_get_grid (whole), SAG_VOXEL_I16, sag_volume_get_block (whole),
                           1, 0, "HU", NULL);
  sag_workspace_set_volume (workspace, volume);
  view = sag_slice_view_new (workspace, SAG_VIEW_AXIAL);
  g_object_set (view, "annotations", FALSE, NULL);
  window = fake_show (view, 200, 200);
  f.workspace = workspace;
  f.view = SAG_SLICE_VIEW (view);
  expect_rendered (&f);
  sag_workspace_mark_ready (workspace, SAG_LAYER_VOLUME, 0, 20);
  sag_workspace_set_window_level (workspace, (SagWindowLevel) { 0, 500 });
  fake_settle ();
  expect_rendered (&f);
  gtk_window_destroy (window);
}

static void
add_tests (void)
{
  g_test_add ("/slice-view/pixels/axial", Fixture, GINT_TO_POINTER (SAG_VIEW_AXIAL), set_up,
              test_pixels, tear_down);
  g_test_add ("/slice-view/pixels/coronal", Fixture, GINT_TO_POINTER (SAG_VIEW_CORONAL), set_up,
              test_pixels, tear_down);
  g_test_add ("/slice-view/pixels/sagittal", Fixture, GINT_TO_POINTER (SAG_VIEW_SAGITTAL), set_up,
              test_pixels, tear_down);
  g_test_add ("/slice-view/ahead/axial", Fixture, GINT_TO_POINTER (SAG_VIEW_AXIAL), set_up, test_ahead,
              tear_down);
  g_test_add ("/slice-view/ahead/coronal", Fixture, GINT_TO_POINTER (SAG_VIEW_CORONAL), set_up,
              test_ahead, tear_down);
  g_test_add ("/slice-view/cubic", Fixture, GINT_TO_POINTER (SAG_VIEW_AXIAL), set_up, test_cubic, tear_down);
  g_test_add ("/slice-view/growing", Fixture, GINT_TO_POINTER (SAG_VIEW_AXIAL), set_up, test_growing,
              tear_down);
  g_test_add ("/slice-view/sides/axial", Fixture, GINT_TO_POINTER (SAG_VIEW_AXIAL), set_up,
              test_sides, tear_down);
  g_test_add ("/slice-view/sides/coronal", Fixture, GINT_TO_POINTER (SAG_VIEW_CORONAL), set_up,
              test_sides, tear_down);
  g_test_add ("/slice-view/zoom", Fixture, GINT_TO_POINTER (SAG_VIEW_CORONAL), set_up, test_zoom,
              tear_down);
  g_test_add ("/slice-view/wheel", Fixture, GINT_TO_POINTER (SAG_VIEW_AXIAL), set_up, test_wheel,
              tear_down);
  g_test_add ("/slice-view/pinch", Fixture, GINT_TO_POINTER (SAG_VIEW_AXIAL), set_up, test_pinch,
              tear_down);
  g_test_add ("/slice-view/drags", Fixture, GINT_TO_POINTER (SAG_VIEW_AXIAL), set_up, test_drags,
              tear_down);
  g_test_add ("/slice-view/text", Fixture, GINT_TO_POINTER (SAG_VIEW_AXIAL), set_up_annotated,
              test_text, tear_down);
  g_test_add ("/slice-view/png", Fixture, GINT_TO_POINTER (SAG_VIEW_AXIAL), set_up_annotated,
              test_png, tear_down);
  g_test_add_func ("/slice-view/words", test_words);
  g_test_add_func ("/slice-view/progress", test_progress);
}

int
main (int    argc,
      char **argv)
{
  return fake_main (argc, argv, add_tests);
}
