/* SPDX-License-Identifier: Apache-2.0
 *
 * test-reading.c: what a reader relies on: sides, sizes and places said truly, planes turned by hand,
 * series beside each other. */
#include "app/state/sync.h"
#include "tests/ui/fake.h"
#include "tests/ui/hands.h"
#include "ui/hanging.h"
#include "ui/keys.h"
#include "ui/mammography.h"
#include "ui/slice-corners.h"
#include "ui/view-actions.h"
#include "ui/view-memory.h"

#include <math.h>
#include <string.h>

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
  g_autoptr (GSettings) settings = fake_settings ();

  f->workspace = sag_workspace_new ();
  sag_workspace_set_volume (f->workspace, volume);
  f->layout = SAG_SLICE_LAYOUT (sag_slice_layout_new (f->workspace));
  f->actions = sag_view_actions_new (f->layout);
  f->window = fake_show (GTK_WIDGET (f->layout), 900, 600);
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

static SagPlane
get_plane (SagSliceView *view)
{
  SagSliceSpec spec;

  sag_slice_view_get_spec (view, 300, 300, &spec);
  return spec.plane;
}

static double
dot (const double a[3],
     const double b[3])
{
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void
assert_direction (const double v[3],
                  double       x,
                  double       y,
                  double       z)
{
  g_assert_cmpfloat_with_epsilon (v[0], x, 1e-9);
  g_assert_cmpfloat_with_epsilon (v[1], y, 1e-9);
  g_assert_cmpfloat_with_epsilon (v[2], z, 1e-9);
}

/* ---- truth */

static SagSeries *
make_series (const char *uid,
             const char *more) /* further entries of the a{sv}, as text */
{
  g_autofree char *text = g_strdup_printf (
      "{'uid': <'%s'>, 'readable': <true>, 'modality': <'CR'>, 'description': <'Chest'>%s}", uid, more);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) stack = g_variant_parse (G_VARIANT_TYPE_VARDICT, text, NULL, NULL, &error);

  g_assert_no_error (error);
  return sag_series_new (stack);
}

static void
open_series (SagWorkspace *workspace,
             SagSeries    *series)
{
  g_autoptr (SagVolume) volume = fake_volume ();

  sag_workspace_set_series (workspace, series);
  sag_workspace_set_volume (workspace, volume);
}

static void
init_scene (SagSliceScene *scene,
            SagWorkspace  *workspace,
            int            width,
            int            height)
{
  memset (scene, 0, sizeof *scene);
  scene->workspace = workspace;
  scene->view = SAG_VIEW_AXIAL;
  sag_workspace_get_spec (workspace, SAG_VIEW_AXIAL, &scene->spec);
  scene->width = width;
  scene->height = height;
  scene->scale = 1;
  scene->text_scale = 1;
}

static void
assert_says (char       *text, /* taken */
             const char *what,
             gboolean    says)
{
  if ((strstr (text, what) != NULL) != says)
    g_error ("\"%s\" %s \"%s\"", text, says ? "lacks" : "has", what);
  g_free (text);
}

static void
test_truths (void)
{
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (SagSeries) film = make_series ("1.2", ", 'placed': <false>, 'patient-orientation': <'L\\\\F'>, "
                                            "'spacing-source': <'unknown'>, 'lossy': <true>, "
                                            "'lossy-ratio': <12.5>");
  g_autoptr (SagSeries) mute = make_series ("1.3", ", 'placed': <false>, 'spacing-source': <'imager'>, "
                                            "'lossy': <true>");
  g_autoptr (SagSeries) empty = make_series ("1.5", ", 'placed': <false>, 'patient-orientation': <'\\\\'>, "
                                             "'view-position': <'MLO'>, 'laterality': <'R'>");
  g_autoptr (SagSeries) ct = make_series ("1.4", ", 'spacing-source': <'pixel'>, 'thickness': <5.0>");
  SagSliceScene scene;
  double left[3];
  char letters[4];

  open_series (workspace, film);
  init_scene (&scene, workspace, 800, 600);
  g_assert_cmpstr (sag_slice_corners_get_unit (workspace), ==, "px");
  assert_says (sag_slice_corners_dup_bottom_left (&scene), "lengths in pixels", TRUE);
  assert_says (sag_slice_corners_dup_bottom_left (&scene), "Lossy 12.5 : 1", TRUE);
  assert_says (sag_slice_corners_dup_top_left (&scene), "Axial", FALSE);
  assert_says (sag_slice_corners_dup_top_right (&scene), "mm", FALSE);
  /* Rows run to the patient's left, columns to the feet; turned over, to the right. */
  g_assert_true (sag_slice_corners_get_letters (&scene, scene.spec.plane.right, letters));
  g_assert_cmpstr (letters, ==, "L");
  g_assert_true (sag_slice_corners_get_letters (&scene, scene.spec.plane.down, letters));
  g_assert_cmpstr (letters, ==, "F");
  for (int a = 0; a < 3; a++)
    left[a] = -scene.spec.plane.right[a];
  g_assert_true (sag_slice_corners_get_letters (&scene, left, letters));
  g_assert_cmpstr (letters, ==, "R");

  open_series (workspace, mute);
  init_scene (&scene, workspace, 800, 600);
  g_assert_cmpstr (sag_slice_corners_get_unit (workspace), ==, "mm");
  assert_says (sag_slice_corners_dup_bottom_left (&scene), "at the detector", TRUE);
  assert_says (sag_slice_corners_dup_bottom_left (&scene), "Lossy", TRUE);
  assert_says (sag_slice_corners_dup_top_left (&scene), "Sides not known", TRUE);
  g_assert_false (sag_slice_corners_get_letters (&scene, scene.spec.plane.right, letters));

  /* Two empty values say nothing either; what it is a picture of is said where it is known. */
  open_series (workspace, empty);
  init_scene (&scene, workspace, 800, 600);
  assert_says (sag_slice_corners_dup_top_left (&scene), "View MLO\nRight side\nSides not known", TRUE);
  g_assert_false (sag_slice_corners_get_letters (&scene, scene.spec.plane.right, letters));

  open_series (workspace, ct);
  init_scene (&scene, workspace, 800, 600);
  assert_says (sag_slice_corners_dup_top_right (&scene), "5.0 mm thick, 3.0 mm apart", TRUE);
  assert_says (sag_slice_corners_dup_bottom_left (&scene), "Lossy", FALSE);
  assert_says (sag_slice_corners_dup_top_left (&scene), "Chest", TRUE);
  /* Text gives way: first patient and study, then the series and all but the number, then that. */
  init_scene (&scene, workspace, 300, 300);
  assert_says (sag_slice_corners_dup_top_left (&scene), "Chest", TRUE);
  assert_says (sag_slice_corners_dup_top_left (&scene), "Axial", TRUE);
  init_scene (&scene, workspace, 200, 200);
  assert_says (sag_slice_corners_dup_top_left (&scene), "Chest", FALSE);
  init_scene (&scene, workspace, 160, 160);
  assert_says (sag_slice_corners_dup_bottom_left (&scene), "W", FALSE);
  assert_says (sag_slice_corners_dup_top_right (&scene), "/ 20", TRUE);
  init_scene (&scene, workspace, 90, 90);
  assert_says (sag_slice_corners_dup_top_right (&scene), "/", FALSE);
}

static void
test_turns (Fixture       *f,
            gconstpointer  data)
{
  SagSliceView *view = sag_slice_layout_get_selected (f->layout);
  SagPlane plane;

  activate (f, "turn(1)"); /* clockwise: what was at the top (A) is at the right */
  plane = get_plane (view);
  assert_direction (plane.right, 0, -1, 0);
  assert_direction (plane.down, 1, 0, 0);
  activate (f, "flip-horizontal");
  activate (f, "turn(1)"); /* as seen: what is at the top (R) comes to the right */
  plane = get_plane (view);
  assert_direction (plane.right, -1, 0, 0);
  assert_direction (plane.down, 0, 1, 0);
  activate (f, "reset");
  plane = get_plane (view);
  assert_direction (plane.right, 1, 0, 0);

  activate (f, "neurological");
  plane = get_plane (view);
  assert_direction (plane.right, -1, 0, 0);
  assert_direction (plane.down, 0, 1, 0);
  plane = get_plane (sag_slice_layout_get_view (f->layout, SAG_VIEW_SAGITTAL));
  assert_direction (plane.right, 0, 1, 0);
  activate (f, "neurological");
}

/* ---- planes */

/* The handle of a line is dragged an eighth of a turn around the cursor. */
static void
test_oblique (Fixture       *f,
              gconstpointer  data)
{
  SagSliceView *axial = sag_slice_layout_get_view (f->layout, SAG_VIEW_AXIAL);
  SagSliceView *coronal = sag_slice_layout_get_view (f->layout, SAG_VIEW_CORONAL);
  SagSliceView *sagittal = sag_slice_layout_get_view (f->layout, SAG_VIEW_SAGITTAL);
  double cursor[3], x, y, reach, n[2][3];
  SagPlane before, after;
  int n_slices, slice;
  SagView held;

  if (!hands_init ())
    {
      g_test_skip ("no XTest on this screen");
      return;
    }
  activate (f, "layout::mpr");
  before = get_plane (axial);
  sag_workspace_get_cursor (f->workspace, cursor);
  sag_slice_view_to_point (axial, cursor, &x, &y);
  for (reach = 20; reach < 400; reach++)
    if (sag_slice_view_find_handle (axial, x + reach, y, &held))
      break;
  g_assert_cmpfloat (reach, <, 400);
  g_assert_cmpint (held, ==, SAG_VIEW_CORONAL);
  reach += 8;
  hands_drag (GTK_WIDGET (axial), x + reach, y, x + reach * sqrt (0.5), y + reach * sqrt (0.5), 1);
  g_assert_true (sag_workspace_get_oblique (f->workspace));
  after = get_plane (axial);
  g_assert_cmpfloat_with_epsilon (dot (before.right, after.right), 1, 1e-9);
  after = get_plane (coronal);
  sag_plane_get_normal (&after, n[0]);
  g_assert_cmpfloat_with_epsilon (fabs (n[0][1]), sqrt (0.5), 0.03);
  after = get_plane (sagittal);
  sag_plane_get_normal (&after, n[1]);
  g_assert_cmpfloat_with_epsilon (dot (n[0], n[1]), 0, 1e-9);

  /* Slices of the turned plane are counted along its normal, and lead back. */
  slice = sag_workspace_get_slice (f->workspace, SAG_VIEW_CORONAL, &n_slices);
  sag_workspace_step_slice (f->workspace, SAG_VIEW_CORONAL, 2);
  g_assert_cmpint (sag_workspace_get_slice (f->workspace, SAG_VIEW_CORONAL, NULL), ==, slice + 2);
  g_assert_cmpint (n_slices, >, 20);
  activate (f, "planes-reset");
  g_assert_false (sag_workspace_get_oblique (f->workspace));
  after = get_plane (coronal);
  sag_plane_get_normal (&after, n[0]);
  g_assert_cmpfloat_with_epsilon (fabs (n[0][1]), 1, 1e-9);
}

/* Grey levels through a table: the pixels are the table's. */
static void
test_colours (Fixture       *f,
              gconstpointer  data)
{
  SagSliceView *view = sag_slice_layout_get_selected (f->layout);
  int width, height, n = 0;
  g_autofree guint8 *grey = sag_slice_view_dup_pixels (view, FALSE, &width, &height), *hot = NULL;
  const guint8 *table = sag_colour_table_get (SAG_COLOUR_TABLE_HOT_IRON);

  activate (f, "colour-table::hot-iron");
  hot = sag_slice_view_dup_pixels (view, FALSE, &width, &height);
  for (int i = 0; i < width * height; i++)
    {
      g_assert_cmpmem (hot + 4 * i, 3, table + 3 * grey[4 * i], 3);
      n += grey[4 * i] > 0 && grey[4 * i] < 255;
    }
  g_assert_cmpint (n, >, 1000);
  /* PS3.6 B.1.1: red is full from level 128, blue starts at 192. */
  g_assert_cmpint (table[3 * 64], ==, 128);
  g_assert_cmpint (table[3 * 128], ==, 255);
  g_assert_cmpint (table[3 * 128 + 1], ==, 0);
  g_assert_cmpint (table[3 * 191 + 2], ==, 0);
  g_assert_cmpint (table[3 * 192 + 2], ==, 4);
  activate (f, "next-colour-table");
  g_assert_cmpint (sag_workspace_get_colour_table (f->workspace), ==, SAG_COLOUR_TABLE_PET);
}

static void
test_magnifier (Fixture       *f,
                gconstpointer  data)
{
  GtkWidget *view = GTK_WIDGET (sag_slice_layout_get_selected (f->layout));
  g_autofree guint8 *plain = NULL, *lens = NULL;
  int width, height, inside = 0, outside = 0;

  sag_slice_view_probe (SAG_SLICE_VIEW (view), 450, 300);
  g_object_set (view, "annotations", FALSE, NULL);
  fake_settle ();
  plain = fake_draw (GTK_WIDGET (f->window), &width, &height);
  activate (f, "magnifier");
  lens = fake_draw (GTK_WIDGET (f->window), &width, &height);
  for (int i = 0; i < width * height; i++)
    if (memcmp (plain + 4 * i, lens + 4 * i, 4) != 0)
      {
        if (hypot (i % width - 450, i / width - 300) <= 125)
          inside++;
        else
          outside++;
      }
  g_assert_cmpint (inside, >, 1000);
  g_assert_cmpint (outside, ==, 0);
  activate (f, "magnifier");
}

static void
test_jump (Fixture       *f,
           gconstpointer  data)
{
  if (!hands_init ())
    {
      g_test_skip ("no XTest on this screen");
      return;
    }
  hands_key (GDK_KEY_g, GDK_CONTROL_MASK);
  hands_key (GDK_KEY_7, 0);
  hands_key (GDK_KEY_Return, 0);
  fake_settle ();
  g_assert_cmpint (sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL), ==, 6);
}

/* ---- series beside each other */

static SagVolume *
make_volume (const char *frame,
             double      z0)
{
  SagVolume *volume;
  SagGrid grid;

  sag_grid_init (&grid, (const int[]){ 16, 16, 30 }, (const double[]){ 3, 3, 2 });
  grid.origin[2] = z0;
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, 1, 0, "", NULL);
  sag_volume_set_origin_tags (volume, "MR", frame);
  sag_volume_mark_ready (volume, 0, 30);
  return volume;
}

static void
test_beside (Fixture       *f,
             gconstpointer  data)
{
  SagSliceView *companion = sag_slice_layout_get_companion (f->layout, 0);
  SagWorkspace *second = sag_slice_view_get_workspace (companion);
  g_autoptr (SagVolume) a = make_volume ("1.2.3", 0), b = make_volume ("1.2.3", 10),
                        c = make_volume ("1.2.4", 500);
  double lps[3];

  activate (f, "layout::pair");
  g_assert_true (gtk_widget_get_child_visible (GTK_WIDGET (companion)));
  g_assert_cmpint (gtk_widget_get_width (GTK_WIDGET (companion)), ==, 449);
  sag_workspace_set_volume (f->workspace, a);
  sag_workspace_set_volume (second, b);
  /* By position: the same place in the patient, another number. */
  sag_workspace_set_slice (f->workspace, SAG_VIEW_AXIAL, 20);
  sag_workspace_get_cursor (second, lps);
  g_assert_cmpfloat_with_epsilon (lps[2], 40, 1e-9);
  g_assert_cmpint (sag_workspace_get_slice (second, SAG_VIEW_AXIAL, NULL), ==, 15);
  /* Another frame of reference says nothing of places; from where they stand both go as far. */
  sag_workspace_set_volume (second, c);
  sag_workspace_set_slice (second, SAG_VIEW_AXIAL, 3);
  sag_workspace_get_cursor (f->workspace, lps);
  g_assert_cmpfloat_with_epsilon (lps[2], 40, 1e-9);
  activate (f, "sync::offset");
  sag_workspace_step_slice (f->workspace, SAG_VIEW_AXIAL, 4);
  g_assert_cmpint (sag_workspace_get_slice (second, SAG_VIEW_AXIAL, NULL), ==, 7);
  sag_workspace_set_slice (f->workspace, SAG_VIEW_AXIAL, 29);
  sag_workspace_set_slice (f->workspace, SAG_VIEW_AXIAL, 20);
  g_assert_cmpint (sag_workspace_get_slice (second, SAG_VIEW_AXIAL, NULL), ==, 3);
  activate (f, "sync::off");
  sag_workspace_step_slice (f->workspace, SAG_VIEW_AXIAL, 4);
  g_assert_cmpint (sag_workspace_get_slice (second, SAG_VIEW_AXIAL, NULL), ==, 3);

  /* Commands act on the cell that is selected. */
  activate (f, "next-view");
  g_assert_true (sag_slice_layout_get_selected (f->layout) == companion);
  activate (f, "step(1)");
  g_assert_cmpint (sag_workspace_get_slice (second, SAG_VIEW_AXIAL, NULL), ==, 4);
  activate (f, "plane::sagittal");
  g_assert_cmpint (sag_slice_view_get_plane (companion), ==, SAG_VIEW_SAGITTAL);
  g_assert_cmpint (sag_workspace_get_view (f->workspace), ==, SAG_VIEW_AXIAL);
  activate (f, "full");
  g_assert_cmpint (gtk_widget_get_width (GTK_WIDGET (companion)), ==, 900);
  activate (f, "full");
  activate (f, "layout::grid");
  g_assert_cmpint (gtk_widget_get_height (GTK_WIDGET (companion)), ==, 299);
  activate (f, "layout::single");
  g_assert_false (gtk_widget_get_child_visible (GTK_WIDGET (companion)));
  g_assert_true (sag_slice_layout_get_selected (f->layout)
                 == sag_slice_layout_get_view (f->layout, SAG_VIEW_AXIAL));
}

/* A hot place of the second series, on another grid, comes out in its colour where it lies in the
 * patient; in another frame of reference not at all. */
static void
test_fusion (Fixture       *f,
             gconstpointer  data)
{
  SagSliceView *view = sag_slice_layout_get_view (f->layout, SAG_VIEW_AXIAL);
  g_autoptr (SagVolume) a = make_volume ("1.2.3", 0), b = make_volume ("1.2.3", 1),
                        c = make_volume ("1.2.4", 1);
  g_autoptr (SagWorkspace) pet = sag_workspace_new ();
  const guint8 *table = sag_colour_table_get (SAG_COLOUR_TABLE_HOT_IRON);
  SagVolume *second[] = { b, c };
  double hot[3], x, y;
  int width, height;

  sag_workspace_set_volume (f->workspace, a);
  sag_workspace_set_window_level (f->workspace, (SagWindowLevel) { 128, 256 });
  sag_workspace_set_fusion_opacity (f->workspace, 1);
  sag_grid_to_lps (sag_volume_get_grid (b), (const double[]){ 11, 4, 10 }, hot);
  sag_workspace_set_cursor (f->workspace, hot);
  for (int n = 0; n < 2; n++)
    {
      g_autofree guint8 *rgba = NULL;
      const guint8 *p;

      for (int k = 9; k <= 11; k++)
        for (int v = 0; v < 9; v++)
          ((gint16 *) sag_volume_get_slice (second[n], k))[(3 + v / 3) * 16 + 10 + v % 3] = 200;
      sag_workspace_set_volume (pet, second[n]);
      sag_workspace_set_window_level (pet, (SagWindowLevel) { 128, 256 });
      sag_workspace_set_fusion (f->workspace, pet);
      fake_settle ();
      rgba = sag_slice_view_dup_pixels (view, FALSE, &width, &height);
      sag_slice_view_to_point (view, hot, &x, &y);
      p = rgba + 4 * ((int) y * width + (int) x);
      if (n == 0)
        {
          for (int k = 0; k < 3; k++)
            g_assert_cmpint (ABS (p[k] - table[3 * 198 + k]), <=, 12);
          g_assert_cmpint (p[0], >, p[1] + 50);
        }
      else
        g_assert_cmpint (p[0], ==, p[1]);
      p = rgba + 4 * ((int) y * width + (int) (width - x)); /* the other side is cold */
      g_assert_cmpint (p[0], ==, p[1]);
    }
}

static void
test_memory (Fixture       *f,
             gconstpointer  data)
{
  SagSliceView *view = sag_slice_layout_get_view (f->layout, SAG_VIEW_AXIAL);
  g_autoptr (SagSeries) first = make_series ("1.5", ""), second = make_series ("1.6", "");
  SagViewMemory *memory = sag_view_memory_new ();
  SagSliceFrame frame;

  sag_view_memory_watch (memory, &view, 1);
  open_series (f->workspace, first);
  sag_slice_view_zoom_at (view, 3, 100, 120);
  activate (f, "turn(-1)");
  sag_workspace_set_slice (f->workspace, SAG_VIEW_AXIAL, 4);
  sag_workspace_set_window_level (f->workspace, (SagWindowLevel) { 12, 34 });
  open_series (f->workspace, second);
  g_assert_cmpfloat (sag_slice_view_get_zoom (view), ==, 1);
  /* One frame of reference: the same place of the patient. */
  g_assert_cmpint (sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL), ==, 4);
  open_series (f->workspace, first);
  sag_slice_view_get_frame (view, &frame);
  g_assert_cmpfloat (frame.zoom, ==, 3);
  g_assert_cmpint (frame.turns, ==, 3);
  g_assert_cmpfloat (fabs (frame.pan[0]), >, 1);
  g_assert_cmpint (sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL), ==, 4);
  g_assert_cmpfloat (sag_workspace_get_window_level (f->workspace).width, ==, 34);
  sag_view_memory_free (memory);
}

static SagCatalogue *
make_catalogue (const char *text)
{
  SagCatalogue *catalogue = sag_catalogue_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) index = g_variant_parse (G_VARIANT_TYPE_VARDICT, text, NULL, NULL, &error);

  g_assert_no_error (error);
  sag_catalogue_set (catalogue, index, &error);
  g_assert_no_error (error);
  return catalogue;
}

#define SERIES(uid, number, modality, slices) \
  "{'uid': <'" uid "'>, 'number': <" number ">, 'modality': <'" modality "'>, 'readable': <true>, " \
  "'n-images': <uint32 " slices ">, 'size': <(64, 64, " slices ")>, 'spacing': <(1.0, 1.0, 1.0)>, " \
  "'frame-of-reference': <'9'>}"
#define BREAST(uid, side, view, rows) \
  "{'uid': <'" uid "'>, 'number': <1>, 'modality': <'MG'>, 'readable': <true>, 'n-images': <uint32 1>, " \
  "'size': <(64, " rows ", 1)>, 'laterality': <'" side "'>, 'view-position': <'" view "'>}"
#define STUDY(uid, patient, series) \
  "{'uid': <'" uid "'>, 'patient-id': <'" patient "'>, 'patient-name': <'N'>, 'series': <[" series "]>}"

static void
test_hanging (void)
{
  g_autoptr (SagCatalogue) catalogue = make_catalogue (
      "{'studies': <["
      STUDY ("s1", "P", SERIES ("m0", "1", "MR", "3") "," SERIES ("m1", "2", "MR", "22") ","
             SERIES ("m2", "3", "MR", "22") "," SERIES ("m3", "4", "MR", "22")) ","
      STUDY ("s2", "P", SERIES ("c1", "1", "CT", "200") "," SERIES ("c2", "2", "PT", "90")) ","
      STUDY ("s3", "P", SERIES ("x1", "1", "DX", "1")) ","
      STUDY ("s4", "P", SERIES ("x2", "1", "DX", "1")) ","
      STUDY ("s5", "Q", SERIES ("x3", "1", "DX", "1")) ","
      STUDY ("s6", "P", SERIES ("u1", "1", "US", "40")) ","
      STUDY ("s7", "R", BREAST ("b1", "L", "MLO", "64000") "," BREAST ("b2", "L", "CC", "64") ","
             BREAST ("b3", "R", "CC", "64") "," BREAST ("b4", "R", "MLO", "64"))
      "]>}");
  SagSeries *others[3];
  SagHanging hanging;

#define HANG(uid) sag_hanging_choose (catalogue, sag_catalogue_find_series (catalogue, uid))
  g_assert_cmpstr (HANG ("m1").mode, ==, "grid");
  g_assert_cmpint (sag_hanging_list_companions (
                       catalogue, sag_catalogue_find_series (catalogue, "m1"), others, 3),
                   ==, 3);
  g_assert_cmpstr (sag_series_get_uid (others[0]), ==, "m2"); /* another contrast, not the localizer */
  g_assert_cmpstr (sag_series_get_uid (others[1]), ==, "m3");
  g_assert_cmpstr (HANG ("c1").mode, ==, "mpr");
  g_assert_cmpstr (HANG ("x1").mode, ==, "pair"); /* the patient's prior, nobody else's */
  g_assert_cmpint (sag_hanging_list_companions (
                       catalogue, sag_catalogue_find_series (catalogue, "x1"), others, 3),
                   ==, 1);
  g_assert_cmpstr (sag_series_get_uid (others[0]), ==, "x2");
  g_assert_cmpstr (HANG ("x3").mode, ==, "single");
  hanging = HANG ("u1");
  g_assert_cmpstr (hanging.mode, ==, "single");
  g_assert_true (hanging.cine);

  /* Mammograms back to back, right breast at the left: as they are read. */
  g_assert_cmpstr (sag_series_get_uid (sag_catalogue_pick_series (catalogue)), ==, "b3");
  g_assert_cmpstr (HANG ("b3").mode, ==, "grid");
  g_assert_cmpint (sag_hanging_list_companions (
                       catalogue, sag_catalogue_find_series (catalogue, "b3"), others, 3),
                   ==, 3);
  g_assert_cmpstr (sag_series_get_uid (others[0]), ==, "b2");
  g_assert_cmpstr (sag_series_get_uid (others[1]), ==, "b4");
  g_assert_cmpstr (sag_series_get_uid (others[2]), ==, "b1");
}

#define FILM(uid, rows) \
  "{'uid': <'" uid "'>, 'number': <1>, 'modality': <'MG'>, 'readable': <true>, 'n-images': <uint32 1>, " \
  "'placed': <false>, 'patient-orientation': <'" rows "\\\\F'>, 'spacing-source': <'ImagerPixelSpacing'>}"

/* A view of a film of so many millimetres. */
static SagSliceView *
make_film (SagCatalogue *catalogue,
           const char   *uid,
           int           across,
           int           along)
{
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (SagVolume) volume = NULL;
  SagGrid grid;

  sag_grid_init (&grid, (const int[]) { across, along, 1 }, (const double[]) { 1, 1, 1 });
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_U8, 1, 0, "", NULL);
  sag_volume_mark_ready (volume, 0, 1);
  sag_workspace_set_series (workspace, sag_catalogue_find_series (catalogue, uid));
  sag_workspace_set_volume (workspace, volume);
  return SAG_SLICE_VIEW (g_object_ref_sink (sag_slice_view_new (workspace, SAG_VIEW_AXIAL)));
}

static void
assert_film (SagSliceView *view,
             double        mm_per_pixel,
             double        centre) /* mm across, of the film */
{
  SagSliceSpec spec;

  sag_slice_view_get_spec (view, 200, 100, &spec);
  g_assert_cmpfloat_with_epsilon (spec.plane.mm_per_pixel, mm_per_pixel, 1e-9);
  g_assert_cmpfloat_with_epsilon (spec.plane.centre[0], centre, 1e-9);
}

/* Chest walls at the edge where they are, all at the scale of the largest; one alone is as any image. */
static void
test_mammograms (void)
{
  g_autoptr (SagCatalogue) catalogue = make_catalogue (
      "{'studies': <[" STUDY ("s", "P", FILM ("r", "P") "," FILM ("l", "A") "," FILM ("n", "")) "]>}");
  SagSliceView *views[3] = { make_film (catalogue, "r", 30, 40), make_film (catalogue, "l", 60, 50),
                             make_film (catalogue, "n", 30, 40) };

  assert_film (views[0], 0.4, 14.5);
  sag_mammography_place (views, 3);
  assert_film (views[0], 0.5, 29.5 - 50); /* its last column at the right edge */
  assert_film (views[1], 0.5, -0.5 + 50); /* its first at the left one */
  assert_film (views[2], 0.5, 14.5);      /* does not say where the chest is */
  g_object_set (views[0], "flip-horizontal", TRUE, NULL);
  assert_film (views[0], 0.5, 29.5 - 50); /* now at the left edge */
  sag_mammography_place (views, 1);
  assert_film (views[0], 0.4, 14.5);
  for (int v = 0; v < 3; v++)
    g_object_unref (views[v]);
}

static void
add_tests (void)
{
  g_test_add_func ("/reading/truths", test_truths);
  g_test_add_func ("/reading/hanging", test_hanging);
  g_test_add_func ("/reading/mammograms", test_mammograms);
  g_test_add ("/reading/turns", Fixture, NULL, set_up, test_turns, tear_down);
  g_test_add ("/reading/oblique", Fixture, NULL, set_up, test_oblique, tear_down);
  g_test_add ("/reading/colours", Fixture, NULL, set_up, test_colours, tear_down);
  g_test_add ("/reading/magnifier", Fixture, NULL, set_up, test_magnifier, tear_down);
  g_test_add ("/reading/jump", Fixture, NULL, set_up, test_jump, tear_down);
  g_test_add ("/reading/beside", Fixture, NULL, set_up, test_beside, tear_down);
  g_test_add ("/reading/fusion", Fixture, NULL, set_up, test_fusion, tear_down);
  g_test_add ("/reading/memory", Fixture, NULL, set_up, test_memory, tear_down);
}

int
main (int    argc,
      char **argv)
{
  return fake_main (argc, argv, add_tests);
}
