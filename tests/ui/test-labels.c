/* SPDX-License-Identifier: Apache-2.0
 *
 * test-labels.c: what is found in the images, in the hands of a reader: how labels are drawn, how sure they are, and
 * where they are least so; more labels than a byte can count. */
#include "app/state/wire.h"
#include "tests/ui/fake.h"
#include "tests/ui/hands.h"
#include "ui/job-bar.h"
#include "ui/segment-panel.h"
#include "ui/window.h"

#include <string.h>

typedef struct
{
  GSettings    *settings;
  SagWindow    *window;
  SagWorkspace *workspace;
  SagSliceView *view;
  GtkWidget    *panel;
} Fixture;

static void
set_up (Fixture       *f,
        gconstpointer  data)
{
  const char *const paths[] = { "/fake/chest", NULL };

  f->settings = fake_settings ();
  f->window = sag_window_new (NULL, f->settings);
  f->workspace = sag_window_get_workspace (f->window);
  gtk_window_set_default_size (GTK_WINDOW (f->window), 1200, 900);
  gtk_window_present (GTK_WINDOW (f->window));
  fake_settle ();
  sag_window_open (f->window, paths, data);
  fake_wait_int (sag_window_get_segmenter (f->window), "state",
                 data != NULL ? SAG_SEGMENTER_DONE : SAG_SEGMENTER_READY);
  hands_focus (GTK_WIDGET (f->window));
  hands_key (GDK_KEY_1, GDK_ALT_MASK);
  hands_key (GDK_KEY_i, GDK_CONTROL_MASK);
  f->view = sag_slice_layout_get_selected (sag_window_get_layout (f->window));
  f->panel = fake_find (GTK_WIDGET (f->window), SAG_TYPE_SEGMENT_PANEL);
  sag_workspace_go_to_slice (f->workspace, 10);
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
  GObject *object = gtk_widget_get_template_child (f->panel, SAG_TYPE_SEGMENT_PANEL, name);

  g_assert_nonnull (object);
  return object;
}

#define ALONG 40

/* The colours, 0xrrggbb, of ALONG pixels from dx, dy beside the middle of voxel (i, j) of an axial slice on, downwards or to
 * the right. */
static void
get_colours (Fixture *f,
             int      i,
             int      j,
             int      dx,
             int      dy,
             gboolean down,
             guint    colours[ALONG])
{
  const double ijk[3] = { i, j, 10 };
  int width, height;
  g_autofree guint8 *rgba = sag_slice_view_dup_pixels (f->view, FALSE, &width, &height);
  double lps[3], x, y;

  sag_grid_to_lps (sag_volume_get_grid (sag_workspace_get_volume (f->workspace)), ijk, lps);
  sag_slice_view_to_point (f->view, lps, &x, &y);
  for (int n = 0; n < ALONG; n++)
    {
      int px = (int) x + dx + (down ? 0 : n), py = (int) y + dy + (down ? n : 0);
      const guint8 *p = rgba + 4 * ((gsize) CLAMP (py, 0, height - 1) * (gsize) width + (gsize) CLAMP (px, 0, width - 1));

      colours[n] = (guint) p[0] << 16 | (guint) p[1] << 8 | p[2];
    }
}

/* In the middle of voxel (i, j). */
static guint
colour_at (Fixture *f,
           int      i,
           int      j)
{
  guint colours[ALONG];

  get_colours (f, i, j, 0, 0, FALSE, colours);
  return colours[0];
}

static gboolean
is_grey (guint colour)
{
  return (colour >> 16) == (colour & 0xff) && (colour >> 16) == (colour >> 8 & 0xff);
}

static void
click_on (Fixture    *f,
          const char *text)
{
  GtkWidget *label = fake_find_text (f->panel, text);

  g_assert_nonnull (label);
  hands_click_on (label);
}

#define RIGHT 0xe69f00 /* the labels' own colours */
#define LEFT 0x56b4e9

/* Filled, outlined, hatched, each by its button; fainter and stronger by keys; off and on. */
static void
test_styles (Fixture       *f,
             gconstpointer  data)
{
  guint along[ALONG];
  int full = 0, grey = 0;

  sag_workspace_set_opacity (f->workspace, 1);
  g_assert_cmphex (colour_at (f, 8, 12), ==, RIGHT);
  g_assert_cmphex (colour_at (f, 24, 12), ==, LEFT);
  g_assert_true (is_grey (colour_at (f, 24, 1))); /* no label there */

  click_on (f, "Hatch");
  get_colours (f, 24, 12, 0, 0, FALSE, along);
  for (int d = 0; d < ALONG; d++)
    {
      full += along[d] == LEFT;
      grey += is_grey (along[d]);
    }
  g_assert_cmpint (full, >, 3);
  g_assert_cmpint (grey, >, 3);
  click_on (f, "Hatch");

  click_on (f, "Fill");
  g_assert_true (is_grey (colour_at (f, 24, 12)));
  full = 0;
  get_colours (f, 24, 4, 0, -ALONG / 2, TRUE, along);
  for (int d = 0; d < ALONG; d++) /* across the upper border: two pixels of it */
    full += along[d] == LEFT;
  g_assert_cmpint (full, ==, 2);
  click_on (f, "Outline");
  get_colours (f, 24, 4, 0, -ALONG / 2, TRUE, along);
  for (int d = 0; d < ALONG; d++)
    g_assert_true (is_grey (along[d]));
  click_on (f, "Fill");
  g_assert_cmphex (colour_at (f, 24, 12), ==, LEFT);

  hands_focus (GTK_WIDGET (f->window));
  gtk_widget_grab_focus (GTK_WIDGET (f->view));
  hands_key (GDK_KEY_bracketleft, 0);
  g_assert_cmpfloat_with_epsilon (sag_workspace_get_opacity (f->workspace), 0.9, 1e-9);
  g_assert_cmphex (colour_at (f, 24, 12), !=, LEFT);
  hands_key (GDK_KEY_bracketright, 0);
  g_assert_cmphex (colour_at (f, 24, 12), ==, LEFT);
  hands_key (GDK_KEY_o, 0);
  g_assert_true (is_grey (colour_at (f, 24, 12)));
  hands_key (GDK_KEY_o, 0);
  g_assert_cmphex (colour_at (f, 24, 12), ==, LEFT);
}

/* The confidence of voxel (i, j) of slice 10 is 255 - 8 j: as a ramp of colours, and as a threshold that takes the fill
 * from what is below it, by the keys of the slider. */
static void
test_confidence (Fixture       *f,
                 gconstpointer  data)
{
  GtkWidget *scale = part (f, "threshold");
  GtkAdjustment *threshold = part (f, "threshold_adjustment");
  int filled = 0;

  sag_workspace_set_opacity (f->workspace, 1);
  hands_key (GDK_KEY_k, 0);
  for (int j = 6; j <= 18; j += 4)
    {
      guint8 rgb[3];

      sag_confidence_colour ((255 - 8 * j) / 255.0f, rgb);
      g_assert_cmphex (colour_at (f, 24, j), ==, (guint) rgb[0] << 16 | (guint) rgb[1] << 8 | rgb[2]);
    }
  hands_key (GDK_KEY_k, 0);
  g_assert_cmphex (colour_at (f, 24, 18), ==, LEFT);

  gtk_widget_grab_focus (scale);
  for (int n = 0; n < 100 && gtk_adjustment_get_value (threshold) < 0.6; n++)
    hands_key (GDK_KEY_Page_Up, 0);
  g_assert_cmpfloat (gtk_adjustment_get_value (threshold), >=, 0.6);
  g_assert_cmpfloat_with_epsilon (sag_workspace_get_confidence_threshold (f->workspace),
                                  gtk_adjustment_get_value (threshold), 1e-6);
  for (int j = 5; j <= 18; j++)
    {
      gboolean sure = 255 - 8 * j >= 255 * gtk_adjustment_get_value (threshold);
      gboolean seen = colour_at (f, 24, j) == LEFT;

      g_assert_cmpint (seen, ==, sure);
      filled += seen;
    }
  g_assert_cmpint (filled, >, 3);
  g_assert_cmpint (filled, <, 12);
}

/* From the least certain slice to the next, with its number, and back. */
static void
test_uncertain (Fixture       *f,
                gconstpointer  data)
{
  SagJobBar *bar = SAG_JOB_BAR (fake_find (GTK_WIDGET (f->window), SAG_TYPE_JOB_BAR));
  int first, second;

  hands_key (GDK_KEY_n, 0);
  first = sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL);
  g_assert_cmpint (first, ==, 7); /* it is less sure by 60 of 255 */
  fake_wait (strstr (sag_job_bar_get_text (bar), "Least certain slices: 1 of 19,") != NULL);
  hands_key (GDK_KEY_n, 0);
  second = sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL);
  g_assert_cmpint (second, !=, first);
  fake_wait (strstr (sag_job_bar_get_text (bar), " 2 of 19,") != NULL);
  hands_key (GDK_KEY_n, GDK_SHIFT_MASK);
  g_assert_cmpint (sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL), ==, first);
  fake_wait (strstr (sag_job_bar_get_text (bar), " 1 of 19,") != NULL);
}

/* Each row has millilitres, and the mean inside once it is known. */
static void
test_values (Fixture       *f,
             gconstpointer  data)
{
  g_autoptr (GVariant) body = g_variant_ref_sink (
      g_variant_new_parsed ("{'of': <'segmentation'>, 'values': <[(1, -612.0, 20.0), (2, 41.0, 12.5)]>}"));
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (fake_find_text (f->panel, "58.4 ml"));
  sag_workspace_receive_result (f->workspace, sag_workspace_get_result (f->workspace), "values", body, NULL, &error);
  g_assert_no_error (error);
  fake_wait (fake_find_text (f->panel, "\xe2\x88\x92" "612 HU") != NULL && fake_find_text (f->panel, "41.0 HU") != NULL);
}

/* ---- while a run goes on */

/* All of the images one label, as a message of a run. */
static void
receive (Fixture    *f,
         SagResult  *result,
         const char *name,
         guint8      value)
{
  const SagLabel labels[] = { { .value = 1, .name = "Right half", .rgb = { 230, 159, 0 } },
                              { .value = 2, .name = "Left half", .rgb = { 86, 180, 233 } } };
  g_autoptr (SagLabelmap) map =
      sag_labelmap_new (sag_volume_get_grid (sag_workspace_get_volume (f->workspace)), NULL, labels, 2, NULL);
  g_autoptr (SagSegmentation) segmentation = sag_segmentation_new (&map, 1, NULL, NULL, NULL);
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GVariant) body = NULL;
  g_autoptr (GError) error = NULL;

  memset (sag_labelmap_get_voxels (map), value, 32 * 24 * 20);
  body = g_variant_ref_sink (
      g_variant_new_parsed ("{'segmentation': <%*>}", sag_segmentation_to_variant (segmentation, fds, NULL)));
  sag_workspace_receive_result (f->workspace, result, name, body, fds, &error);
  g_assert_no_error (error);
}

/* What is coarse is there first, and gives way slice by slice, the one looked at first, while another is scrolled to. */
static void
test_coarse (Fixture       *f,
             gconstpointer  data)
{
  SagResult *result = sag_workspace_begin_result (f->workspace, "Run");

  sag_workspace_set_opacity (f->workspace, 1);
  g_assert_true (is_grey (colour_at (f, 20, 12)));
  receive (f, result, "preview", 2);
  sag_workspace_mark_ready (f->workspace, SAG_LAYER_PREVIEW, 0, 20);
  fake_wait (colour_at (f, 20, 12) == LEFT);
  receive (f, result, "segmentation", 1);
  g_assert_cmphex (colour_at (f, 20, 12), ==, LEFT); /* nothing of it is ready yet */
  sag_workspace_mark_ready (f->workspace, SAG_LAYER_SEGMENTATION, 9, 12);
  fake_wait (colour_at (f, 20, 12) == RIGHT);
  hands_move (GTK_WIDGET (f->view), 200, 200);
  hands_wheel (GTK_WIDGET (f->view), 4, 0);
  g_assert_cmpint (sag_workspace_get_slice (f->workspace, SAG_VIEW_AXIAL, NULL), ==, 6);
  g_assert_cmphex (colour_at (f, 20, 12), ==, LEFT);
  sag_workspace_mark_ready (f->workspace, SAG_LAYER_SEGMENTATION, 0, 20);
  fake_wait (colour_at (f, 20, 12) == RIGHT);
}

/* ---- many labels */

#define MANY 300

/* A row of voxels each, from (0, 4, 10) on, numbers 1 to 300 in two layers. */
static SagSegmentation *
make_many (const SagGrid *grid)
{
  SagLabelmap *layers[2];
  SagSegmentation *segmentation;

  for (int layer = 0; layer < 2; layer++)
    {
      int first = layer * 255, n = layer == 0 ? 255 : MANY - 255;
      g_autofree SagLabel *labels = g_new0 (SagLabel, n);

      for (int l = 0; l < n; l++)
        {
          labels[l].value = (guint8) (l + 1);
          labels[l].number = first + l + 1;
          g_snprintf (labels[l].name, sizeof labels[l].name, "Organ %d", first + l + 1);
          sag_label_default_colour (first + l, labels[l].rgb);
        }
      layers[layer] = sag_labelmap_new (grid, NULL, labels, n, NULL);
      for (int l = 0; l < n; l++)
        sag_labelmap_get_voxels (layers[layer])[(10 * 24 + 4) * 32 + first + l] = (guint8) (l + 1);
    }
  segmentation = sag_segmentation_new (layers, 2, NULL, NULL, NULL);
  sag_segmentation_mark_ready (segmentation, 0, 20);
  for (int layer = 0; layer < 2; layer++)
    sag_labelmap_unref (layers[layer]);
  return segmentation;
}

static const char *
name_at (Fixture *f,
         int      i,
         int      j)
{
  const double ijk[3] = { i, j, 10 };
  double lps[3];
  SagProbe probe;

  sag_grid_to_lps (sag_volume_get_grid (sag_workspace_get_volume (f->workspace)), ijk, lps);
  g_assert_true (sag_workspace_probe (f->workspace, lps, &probe));
  return probe.label != NULL ? probe.label->name : "";
}

static void
stroke (Fixture *f,
        int      i0,
        int      i1,
        int      j)
{
  const double ends[2][3] = { { i0, j, 10 }, { i1, j, 10 } };
  double lps[3], at[2][2];

  for (int n = 0; n < 2; n++)
    {
      sag_grid_to_lps (sag_volume_get_grid (sag_workspace_get_volume (f->workspace)), ends[n], lps);
      sag_slice_view_to_point (f->view, lps, &at[n][0], &at[n][1]);
    }
  hands_drag (GTK_WIDGET (f->view), at[0][0], at[0][1], at[1][0], at[1][1], 1);
}

/* Found by typing, shown alone, and painted by hand: label 299 of 300. */
static void
test_many (Fixture       *f,
           gconstpointer  data)
{
  g_autoptr (SagSegmentation) many =
      make_many (sag_volume_get_grid (sag_workspace_get_volume (f->workspace)));
  SagEditing *editing = sag_workspace_get_editing (f->workspace);
  GtkWidget *search = part (f, "search");
  GListModel *shown;

  g_assert_true (sag_segmentation_is_wide (many));
  sag_workspace_set_segmentation (f->workspace, many);
  fake_settle ();
  g_assert_true (gtk_widget_get_mapped (search));
  shown = G_LIST_MODEL (gtk_list_view_get_model (part (f, "labels")));
  g_assert_cmpuint (g_list_model_get_n_items (shown), ==, MANY);
  gtk_widget_grab_focus (search);
  hands_focus (GTK_WIDGET (f->window));
  gtk_widget_grab_focus (search);
  for (const char *c = "299"; *c != '\0'; c++)
    hands_key ((guint) *c, 0);
  fake_wait (g_list_model_get_n_items (shown) == 1);
  g_assert_nonnull (fake_find_text (f->panel, "Organ 299"));

  sag_editing_set_value (editing, 299);
  sag_editing_set_radius (editing, 1.2);
  gtk_widget_grab_focus (GTK_WIDGET (f->view));
  hands_key (GDK_KEY_b, 0);
  g_assert_cmpstr (name_at (f, 20, 20), ==, "");
  stroke (f, 18, 24, 20);
  for (int i = 18; i <= 24; i++)
    g_assert_cmpstr (name_at (f, i, 20), ==, "Organ 299");
  g_assert_cmpstr (name_at (f, 43 % 32, 4 + 43 / 32), ==, "Organ 44"); /* 299 has the same byte: untouched */
  sag_editing_set_value (editing, 44);
  stroke (f, 21, 24, 20);
  g_assert_cmpstr (name_at (f, 18, 20), ==, "Organ 299");
  g_assert_cmpstr (name_at (f, 23, 20), ==, "Organ 44");
  hands_key (GDK_KEY_z, GDK_CONTROL_MASK);
  g_assert_cmpstr (name_at (f, 23, 20), ==, "Organ 299");
  hands_key (GDK_KEY_z, GDK_CONTROL_MASK);
  g_assert_cmpstr (name_at (f, 23, 20), ==, "");
  hands_key (GDK_KEY_Escape, 0);
}

static void
add_tests (void)
{
  if (!hands_init ())
    {
      g_test_skip ("this screen cannot be touched");
      return;
    }
  g_test_add ("/labels/styles", Fixture, "fake.halves", set_up, test_styles, tear_down);
  g_test_add ("/labels/confidence", Fixture, "fake.halves", set_up, test_confidence, tear_down);
  g_test_add ("/labels/uncertain", Fixture, "fake.halves", set_up, test_uncertain, tear_down);
  g_test_add ("/labels/values", Fixture, "fake.halves", set_up, test_values, tear_down);
  g_test_add ("/labels/coarse", Fixture, NULL, set_up, test_coarse, tear_down);
  g_test_add ("/labels/many", Fixture, NULL, set_up, test_many, tear_down);
}

int
main (int    argc,
      char **argv)
{
  return fake_main (argc, argv, add_tests);
}
