/* SPDX-License-Identifier: Apache-2.0
 *
 * test-edit.c: correcting labels with the hand, in a real window. */
#include "engine/image/review.h"
#include "tests/ui/fake.h"
#include "tests/ui/hands.h"
#include "ui/left-tool.h"
#include "ui/window.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

typedef struct
{
  GSettings    *settings;
  SagWindow    *window;
  SagWorkspace *workspace;
  SagEditing   *editing;
  SagSliceView *view;
} Fixture;

/* What an earlier test left to be found. */
static void
forget_notes (void)
{
  g_autofree char *folder = g_build_filename (g_get_user_data_dir (), "sagitta", "notes", NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      g_remove (path);
    }
}

static void
open_window (Fixture *f)
{
  const char *const paths[] = { "/fake/chest", NULL };

  f->window = sag_window_new (NULL, f->settings);
  f->workspace = sag_window_get_workspace (f->window);
  f->editing = sag_workspace_get_editing (f->workspace);
  gtk_window_set_default_size (GTK_WINDOW (f->window), 1200, 900);
  gtk_window_present (GTK_WINDOW (f->window));
  fake_settle ();
  sag_window_open (f->window, paths, "fake.halves");
  fake_wait_int (sag_window_get_segmenter (f->window), "state", SAG_SEGMENTER_DONE);
  fake_settle ();
  sag_workspace_go_to_slice (f->workspace, 10);
  f->view = sag_slice_layout_get_selected (sag_window_get_layout (f->window));
  sag_editing_set_radius (f->editing, 5);
}

static void
set_up (Fixture       *f,
        gconstpointer  data)
{
  f->settings = fake_settings ();
  forget_notes ();
  open_window (f);
}

static void
tear_down (Fixture       *f,
           gconstpointer  data)
{
  fake_close (f->window);
  g_clear_object (&f->settings);
}

static void
get_point (Fixture *f,
           double   i,
           double   j,
           double  *x,
           double  *y)
{
  const double ijk[3] = { i, j, 10 };
  double lps[3];

  sag_grid_to_lps (sag_volume_get_grid (sag_workspace_get_volume (f->workspace)), ijk, lps);
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

static guint8
label_at (SagSegmentation *segmentation,
          int              i,
          int              j,
          int              k)
{
  const SagGrid *grid = sag_segmentation_get_grid (segmentation);

  return sag_labelmap_get_voxels (sag_segmentation_get_layer (
      segmentation, 0))[((gsize) k * grid->size[1] + j) * grid->size[0] + i];
}

static guint8
shown_at (Fixture *f,
          int      i,
          int      j)
{
  return label_at (sag_workspace_get_segmentation (f->workspace), i, j, 10);
}

static double
get_ml (Fixture *f,
        guint    position)
{
  g_autoptr (SagLabelItem) item =
      g_list_model_get_item (sag_workspace_get_labels (f->workspace), position);

  return sag_label_item_get_ml (item);
}

/* A stroke makes a copy, changes that, and can be taken back. */
static void
test_brush (Fixture       *f,
            gconstpointer  data)
{
  SagSegmentation *original = sag_workspace_get_segmentation (f->workspace);
  const SagReview *from;
  double right_ml = get_ml (f, 0), left_ml = get_ml (f, 1);

  sag_editing_set_value (f->editing, 1);
  hands_key (GDK_KEY_b, 0);
  g_assert_cmpint (sag_left_tool_get (GTK_WIDGET (f->view)), ==, SAG_LEFT_BRUSH);
  g_assert_cmpint (shown_at (f, 22, 12), ==, 2);
  drag (f, 18, 12, 24, 12);
  g_assert_cmpuint (g_list_model_get_n_items (sag_workspace_get_results (f->workspace)), ==, 2);
  g_assert_true (sag_workspace_get_segmentation (f->workspace) != original);
  g_assert_cmpint (shown_at (f, 22, 12), ==, 1);
  g_assert_cmpint (label_at (original, 22, 12, 10), ==, 2); /* never changed */
  g_assert_true (sag_segmentation_get_confidence (sag_workspace_get_segmentation (f->workspace))
                 == sag_segmentation_get_confidence (original));
  g_assert_cmpfloat (get_ml (f, 0), >, right_ml);
  g_assert_cmpfloat_with_epsilon (get_ml (f, 0) + get_ml (f, 1), right_ml + left_ml, 0.1);
  from = sag_provenance_peek_review (
      sag_segmentation_get_provenance (sag_workspace_get_segmentation (f->workspace)));
  g_assert_cmpstr (from->verdict, ==, "edited");
  g_assert_cmpstr (from->editor, !=, "");
  g_assert_cmpstr (from->edit_time, !=, "");
  g_assert_nonnull (strstr (from->edit_from, "Halves"));

  hands_key (GDK_KEY_z, GDK_CONTROL_MASK);
  g_assert_cmpint (shown_at (f, 22, 12), ==, 2);
  g_assert_cmpfloat_with_epsilon (get_ml (f, 0), right_ml, 0.1);
  hands_key (GDK_KEY_z, GDK_CONTROL_MASK | GDK_SHIFT_MASK);
  g_assert_cmpint (shown_at (f, 22, 12), ==, 1);

  hands_key (GDK_KEY_b, GDK_SHIFT_MASK); /* eraser */
  drag (f, 22, 12, 23, 12);
  g_assert_cmpint (shown_at (f, 22, 12), ==, 0);
  /* Another stroke is no other copy. */
  g_assert_cmpuint (g_list_model_get_n_items (sag_workspace_get_results (f->workspace)), ==, 2);
  hands_key (GDK_KEY_Escape, 0);
  g_assert_cmpint (sag_left_tool_get (GTK_WIDGET (f->view)), ==, SAG_LEFT_NONE);
}

static void
click_with (Fixture    *f,
            const char *tool,
            double      i,
            double      j)
{
  double x, y;

  gtk_widget_activate_action (GTK_WIDGET (f->view), "view.tool", "s", tool);
  get_point (f, i, j, &x, &y);
  hands_click (GTK_WIDGET (f->view), x, y, 1);
}

/* The tools that look at what is under them: HU = 10 i + j - 20 k, label 1 up to i = 15, then 2. */
static void
test_tools (Fixture       *f,
            gconstpointer  data)
{
  /* Fill: what a ring encloses, and nothing around it. */
  sag_editing_set_value (f->editing, 1);
  sag_editing_set_radius (f->editing, 1.5);
  hands_key (GDK_KEY_b, 0);
  drag (f, 19, 8, 27, 8);
  drag (f, 27, 8, 27, 16);
  drag (f, 27, 16, 19, 16);
  drag (f, 19, 16, 19, 8);
  g_assert_cmpint (shown_at (f, 23, 12), ==, 2);
  click_with (f, "fill", 23, 12);
  for (int j = 10; j <= 14; j++)
    for (int i = 21; i <= 25; i++)
      g_assert_cmpint (shown_at (f, i, j), ==, 1);
  g_assert_cmpint (shown_at (f, 29, 12), ==, 2);
  hands_key (GDK_KEY_z, GDK_CONTROL_MASK);
  g_assert_cmpint (shown_at (f, 23, 12), ==, 2);

  /* Brush on like values: of a stroke along i only where it began. */
  sag_editing_set_value (f->editing, 2);
  sag_editing_set_tolerance (f->editing, 15);
  gtk_widget_activate_action (GTK_WIDGET (f->view), "view.tool", "s", "threshold");
  drag (f, 6, 12, 12, 12);
  g_assert_cmpint (shown_at (f, 6, 12), ==, 2);
  g_assert_cmpint (shown_at (f, 7, 12), ==, 2);
  for (int i = 8; i <= 13; i++)
    g_assert_cmpint (shown_at (f, i, 12), ==, 1);
  hands_key (GDK_KEY_z, GDK_CONTROL_MASK);
  g_assert_cmpint (shown_at (f, 6, 12), ==, 1);

  /* Grow: from a place without a label, every voxel that is like it, has none and hangs together with it. */
  sag_editing_set_radius (f->editing, 10);
  click_with (f, "eraser", 8, 12);
  sag_editing_set_tolerance (f->editing, 10.5);
  click_with (f, "grow", 8, 12);
  for (int i = 5; i <= 11; i++)
    for (int j = 9; j <= 15; j++)
      g_assert_cmpint (shown_at (f, i, j), ==, ABS (10 * (i - 8) + j - 12) <= 10 ? 2 : 0);
  click_with (f, "grow", 14, 12); /* has one */
  g_assert_cmpint (shown_at (f, 14, 12), ==, 1);
  hands_key (GDK_KEY_z, GDK_CONTROL_MASK);
  g_assert_cmpint (shown_at (f, 8, 12), ==, 0);
  hands_key (GDK_KEY_z, GDK_CONTROL_MASK);
  g_assert_cmpint (shown_at (f, 8, 12), ==, 1);
}

/* The label that was chosen is painted by the first stroke too, which makes another list of labels. */
static void
test_chosen (Fixture       *f,
             gconstpointer  data)
{
  sag_editing_set_value (f->editing, 2);
  hands_key (GDK_KEY_b, 0);
  drag (f, 6, 12, 8, 12);
  g_assert_cmpint (shown_at (f, 7, 12), ==, 2);
  g_assert_cmpint (sag_editing_get_value (f->editing), ==, 2);
}

/* Mean and standard deviation inside a label, from all voxels. */
static void
measure (Fixture *f,
         int      value,
         double  *mean,
         double  *sd)
{
  SagVolume *volume = sag_workspace_get_volume (f->workspace);
  SagSegmentation *segmentation = sag_workspace_get_segmentation (f->workspace);
  const int *size = sag_volume_get_grid (volume)->size;
  double sum = 0, squares = 0;
  int n = 0;

  for (int k = 0; k < size[2]; k++)
    for (int j = 0; j < size[1]; j++)
      for (int i = 0; i < size[0]; i++)
        if (label_at (segmentation, i, j, k) == value)
          {
            double here = sag_volume_get_value (volume, i, j, k);

            sum += here;
            squares += here * here;
            n++;
          }
  g_assert_cmpint (n, >, 0);
  *mean = sum / n;
  *sd = sqrt (squares / n - *mean * *mean);
}

static void
check_values (Fixture *f)
{
  for (int value = 1; value <= 2; value++)
    {
      g_autoptr (SagLabelItem) item =
          g_list_model_get_item (sag_workspace_get_labels (f->workspace), (guint) value - 1);
      double mean, sd;

      measure (f, value, &mean, &sd);
      g_assert_cmpfloat_with_epsilon (sag_label_item_get_mean (item), mean, 1e-6);
      g_assert_cmpfloat_with_epsilon (sag_label_item_get_sd (item), sd, 1e-4);
    }
}

/* What the image says inside the labels goes with every stroke, there and back. */
static void
test_values (Fixture       *f,
             gconstpointer  data)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(idd)"));
  for (int value = 1; value <= 2; value++)
    {
      double mean, sd;

      measure (f, value, &mean, &sd);
      g_variant_builder_add (&builder, "(idd)", value, mean, sd);
    }
  sag_result_set_values (sag_workspace_get_result (f->workspace), g_variant_builder_end (&builder));
  sag_editing_set_value (f->editing, 1);
  hands_key (GDK_KEY_b, 0);
  drag (f, 18, 12, 24, 12);
  g_assert_cmpint (shown_at (f, 22, 12), ==, 1);
  check_values (f);
  hands_key (GDK_KEY_z, GDK_CONTROL_MASK);
  g_assert_cmpint (shown_at (f, 22, 12), ==, 2);
  check_values (f);
}

/* Sixty strokes and sixty steps back. */
static void
test_undo (Fixture       *f,
           gconstpointer  data)
{
  double lps[3], ml = 0;
  const SagGrid *grid = sag_volume_get_grid (sag_workspace_get_volume (f->workspace));

  sag_editing_set_value (f->editing, 1);
  sag_editing_set_radius (f->editing, 1);
  for (int n = 0; n < 60; n++)
    {
      const double ijk[3] = { 17 + n % 12, 6 + n / 12, 10 };

      g_assert_true (sag_editing_begin (f->editing, NULL));
      sag_grid_to_lps (grid, ijk, lps);
      sag_editing_paint (f->editing, lps, 2, FALSE, FALSE);
      sag_editing_end (f->editing);
      if (n == 0)
        ml = get_ml (f, 0);
    }
  g_assert_cmpfloat (get_ml (f, 0), >, ml);
  for (int n = 0; n < 59; n++)
    g_assert_true (sag_editing_undo (f->editing));
  g_assert_cmpfloat_with_epsilon (get_ml (f, 0), ml, 1e-9);
  g_assert_true (sag_editing_undo (f->editing));
  g_assert_false (sag_editing_undo (f->editing));
}

static void
note_end (gboolean *ended)
{
  *ended = TRUE;
}

/* Runs an operation on the whole label to its end: something was changed, or said. */
static void
correct (Fixture    *f,
         const char *operation)
{
  SagCorrector *corrector = sag_window_get_cell_corrector (f->window);
  gboolean ended = FALSE;

  g_signal_connect_swapped (f->editing, "edited", G_CALLBACK (note_end), &ended);
  g_signal_connect_swapped (corrector, "said", G_CALLBACK (note_end), &ended);
  g_signal_connect_swapped (corrector, "failed", G_CALLBACK (note_end), &ended);
  gtk_widget_activate_action (GTK_WIDGET (f->window), "win.correct", "s", operation);
  fake_wait_flag (&ended);
  g_signal_handlers_disconnect_by_data (f->editing, &ended);
  g_signal_handlers_disconnect_by_data (corrector, &ended);
  fake_settle ();
}

/* An empty label over the images, to be painted by hand. */
static void
begin_empty (Fixture *f)
{
  const SagLabel label = { .value = 1, .name = "By hand", .rgb = { 230, 159, 0 } };
  g_autoptr (SagLabelmap) map =
      sag_labelmap_new (sag_volume_get_grid (sag_workspace_get_volume (f->workspace)), NULL, &label, 1, NULL);
  g_autoptr (SagSegmentation) empty = sag_segmentation_new (&map, 1, NULL, NULL, NULL);

  sag_segmentation_mark_ready (empty, 0, 20);
  sag_workspace_set_segmentation (f->workspace, empty);
  sag_editing_set_value (f->editing, 1);
  sag_editing_set_radius (f->editing, 5);
  hands_key (GDK_KEY_b, 0);
}

static void
paint (Fixture *f,
       int      i,
       int      k)
{
  sag_workspace_go_to_slice (f->workspace, k);
  fake_settle ();
  drag (f, i, 12, i + 1, 12);
}

static guint8
painted_at (Fixture *f,
            int      i,
            int      j,
            int      k)
{
  return label_at (sag_workspace_get_segmentation (f->workspace), i, j, k);
}

static int
count_painted (Fixture *f)
{
  int n = 0;

  for (int k = 0; k < 20; k++)
    for (int j = 0; j < 24; j++)
      for (int i = 0; i < 32; i++)
        n += painted_at (f, i, j, k) != 0;
  return n;
}

static void
click_on (Fixture    *f,
          const char *text)
{
  GtkWidget *label = fake_find_text (GTK_WIDGET (f->window), text);

  g_assert_nonnull (label);
  hands_click_on (label);
}

/* Painted on two slices, filled between them by a button: in the middle where the two are on the way to each other. */
static void
test_interpolate (Fixture       *f,
                  gconstpointer  data)
{
  begin_empty (f);
  paint (f, 10, 4);
  paint (f, 14, 12);
  g_assert_cmpint (painted_at (f, 8, 12, 4), ==, 1);
  g_assert_cmpint (painted_at (f, 14, 12, 4), ==, 0);
  g_assert_cmpint (painted_at (f, 17, 12, 12), ==, 1);
  g_assert_cmpint (painted_at (f, 12, 12, 8), ==, 0);
  click_on (f, "Interpolate");
  fake_wait (painted_at (f, 12, 12, 8) == 1);
  for (int k = 5; k < 12; k++)
    g_assert_cmpint (painted_at (f, 12, 12, k), ==, 1); /* in both */
  g_assert_cmpint (painted_at (f, 8, 12, 11), ==, 0); /* it moves from the one to the other */
  g_assert_cmpint (painted_at (f, 17, 12, 5), ==, 0);
  g_assert_cmpint (painted_at (f, 12, 12, 3), ==, 0); /* nothing before the first, after the last */
  g_assert_cmpint (painted_at (f, 14, 12, 13), ==, 0);
  hands_key (GDK_KEY_z, GDK_CONTROL_MASK);
  g_assert_cmpint (painted_at (f, 12, 12, 8), ==, 0);
  g_assert_cmpint (painted_at (f, 10, 12, 4), ==, 1);
}

/* Of two blobs the larger stays; smoothing takes a voxel that stands alone, and leaves the blob. */
static void
test_shape (Fixture       *f,
            gconstpointer  data)
{
  int n;

  begin_empty (f);
  for (int k = 4; k < 9; k++)
    paint (f, 10, k);
  n = count_painted (f);
  sag_editing_set_radius (f->editing, 1);
  paint (f, 26, 6);
  g_assert_cmpint (painted_at (f, 26, 12, 6), ==, 1);
  click_on (f, "Largest");
  fake_wait (painted_at (f, 26, 12, 6) == 0);
  g_assert_cmpint (count_painted (f), ==, n);
  hands_key (GDK_KEY_z, GDK_CONTROL_MASK);
  g_assert_cmpint (painted_at (f, 26, 12, 6), ==, 1);
  click_on (f, "Smooth");
  fake_wait (painted_at (f, 26, 12, 6) == 0);
  g_assert_cmpint (painted_at (f, 10, 12, 6), ==, 1);
  g_assert_cmpint (painted_at (f, 3, 3, 6), ==, 0);
  hands_key (GDK_KEY_z, GDK_CONTROL_MASK);
  g_assert_cmpint (painted_at (f, 26, 12, 6), ==, 1);
}

/* Computed elsewhere; one step back; cancelled, it leaves nothing. */
static void
test_whole (Fixture       *f,
            gconstpointer  data)
{
  GListModel *results = sag_workspace_get_results (f->workspace);
  gsize n = 32 * 24 * 20;
  g_autofree guint8 *before = NULL, *after = NULL;
  g_autoptr (GError) error = NULL;
  SagLabelmap *map;

  hands_key (GDK_KEY_b, 0);
  drag (f, 6, 8, 6, 9);
  map = sag_segmentation_get_layer (sag_workspace_get_segmentation (f->workspace), 0);
  before = g_memdup2 (sag_labelmap_get_voxels (map), n);
  correct (f, "smooth");
  g_assert_cmpuint (g_list_model_get_n_items (results), ==, 2);
  after = g_memdup2 (sag_labelmap_get_voxels (map), n);
  g_assert_cmpint (memcmp (before, after, n), !=, 0);
  g_assert_true (sag_editing_undo (f->editing));
  g_assert_cmpmem (before, n, sag_labelmap_get_voxels (map), n);
  g_assert_true (sag_editing_redo (f->editing));
  g_assert_cmpmem (after, n, sag_labelmap_get_voxels (map), n);

  fake_set_slow (TRUE);
  gtk_widget_activate_action (GTK_WIDGET (f->window), "win.correct", "s", "smooth");
  fake_settle ();
  g_assert_false (sag_editing_begin (f->editing, &error));
  g_assert_nonnull (error);
  g_assert_false (sag_editing_undo (f->editing));
  gtk_widget_activate_action (GTK_WIDGET (f->window), "win.cancel", NULL);
  fake_set_slow (FALSE);
  fake_wait (sag_editing_undo (f->editing)); /* of what went before: not until the operation has ended */
  g_assert_cmpmem (before, n, sag_labelmap_get_voxels (map), n);
}

static int
count_edits (void)
{
  g_autofree char *folder = g_build_filename (g_get_user_data_dir (), "sagitta", "notes", NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  int n = 0;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    n += g_str_has_prefix (name, "edits-") && !g_str_has_suffix (name, ".part");
  return n;
}

/* A stroke is kept although the series is left before anything was written. */
static void
test_left_at_once (Fixture       *f,
                   gconstpointer  data)
{
  hands_key (GDK_KEY_b, 0);
  drag (f, 6, 8, 26, 8);
  g_assert_cmpuint (g_list_model_get_n_items (sag_workspace_get_results (f->workspace)), ==, 2);
  sag_workspace_set_series (f->workspace, NULL);
  fake_wait (count_edits () == 1);
  fake_settle ();
  g_assert_cmpint (count_edits (), ==, 1);
  forget_notes ();
}

/* A copy that was made for nothing goes again. */
static void
test_nothing (Fixture       *f,
              gconstpointer  data)
{
  SagResult *shown = sag_workspace_get_result (f->workspace);

  correct (f, "keep-largest"); /* each half is one part already */
  g_assert_true (sag_workspace_get_result (f->workspace) == shown);
  g_assert_cmpuint (g_list_model_get_n_items (sag_workspace_get_results (f->workspace)), ==, 1);
}

static void
note_said (char      **said,
           const char *text)
{
  g_free (*said);
  *said = g_strdup (text);
}

/* The least certain part first, then the next, with its number said. */
static void
test_parts (Fixture       *f,
            gconstpointer  data)
{
  static const char *const numbers[] = { " 1 of 2,", " 2 of 2,", " 1 of 2," };
  SagCorrector *corrector = sag_window_get_cell_corrector (f->window);
  double first[3], second[3], back[3];
  g_autofree char *said = NULL;
  SagProbe a, b;

  g_signal_connect_swapped (corrector, "said", G_CALLBACK (note_said), &said);
  for (int n = 0; n < 3; n++)
    {
      g_clear_pointer (&said, g_free);
      hands_key (GDK_KEY_n, n < 2 ? GDK_ALT_MASK : GDK_ALT_MASK | GDK_SHIFT_MASK);
      fake_wait (said != NULL);
      g_assert_nonnull (strstr (said, numbers[n]));
      sag_workspace_get_cursor (f->workspace, n == 0 ? first : n == 1 ? second : back);
    }
  g_signal_handlers_disconnect_by_data (corrector, &said);
  g_assert_true (sag_workspace_probe (f->workspace, first, &a));
  g_assert_true (sag_workspace_probe (f->workspace, second, &b));
  g_assert_nonnull (a.label);
  g_assert_nonnull (b.label);
  g_assert_cmpint (a.label->value, !=, b.label->value);
  g_assert_cmpmem (first, sizeof first, back, sizeof back);
}

/* What a person thinks of a result stays with it. */
static void
test_review (Fixture       *f,
             gconstpointer  data)
{
  SagSegmentation *before = sag_workspace_get_segmentation (f->workspace), *after;

  gtk_widget_activate_action (GTK_WIDGET (f->view), "view.review", "s", "accepted");
  after = sag_workspace_get_segmentation (f->workspace);
  g_assert_cmpstr (sag_provenance_peek_review (sag_segmentation_get_provenance (after))->verdict, ==, "accepted");
  g_assert_cmpstr (sag_provenance_peek_review (sag_segmentation_get_provenance (after))->reviewer, !=, "");
  g_assert_true (after != before);
  g_assert_cmpuint (g_list_model_get_n_items (sag_workspace_get_results (f->workspace)), ==, 1);
  correct (f, "smooth");
  g_assert_cmpuint (g_list_model_get_n_items (sag_workspace_get_results (f->workspace)), ==, 2);
  after = sag_workspace_get_segmentation (f->workspace);
  g_assert_cmpstr (sag_provenance_peek_review (sag_segmentation_get_provenance (after))->verdict, ==, "edited");
}

/* Corrections that were saved nowhere are there again. */
static void
test_kept (Fixture       *f,
           gconstpointer  data)
{
  correct (f, "smooth");
  fake_close (f->window);
  open_window (f);
  /* The run, and what was kept. */
  fake_wait (g_list_model_get_n_items (sag_workspace_get_results (f->workspace)) == 2);
}

static void
add_tests (void)
{
  if (!hands_init ())
    {
      g_test_skip ("this screen cannot be touched");
      return;
    }
  g_test_add ("/edit/brush", Fixture, NULL, set_up, test_brush, tear_down);
  g_test_add ("/edit/tools", Fixture, NULL, set_up, test_tools, tear_down);
  g_test_add ("/edit/chosen", Fixture, NULL, set_up, test_chosen, tear_down);
  g_test_add ("/edit/undo", Fixture, NULL, set_up, test_undo, tear_down);
  g_test_add ("/edit/values", Fixture, NULL, set_up, test_values, tear_down);
  g_test_add ("/edit/whole", Fixture, NULL, set_up, test_whole, tear_down);
  g_test_add ("/edit/interpolate", Fixture, NULL, set_up, test_interpolate, tear_down);
  g_test_add ("/edit/shape", Fixture, NULL, set_up, test_shape, tear_down);
  g_test_add ("/edit/left-at-once", Fixture, NULL, set_up, test_left_at_once, tear_down);
  g_test_add ("/edit/nothing", Fixture, NULL, set_up, test_nothing, tear_down);
  g_test_add ("/edit/parts", Fixture, NULL, set_up, test_parts, tear_down);
  g_test_add ("/edit/review", Fixture, NULL, set_up, test_review, tear_down);
  g_test_add ("/edit/kept", Fixture, NULL, set_up, test_kept, tear_down);
}

int
main (int    argc,
      char **argv)
{
  return fake_main (argc, argv, add_tests);
}
