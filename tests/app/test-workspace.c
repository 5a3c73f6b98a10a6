/* SPDX-License-Identifier: Apache-2.0
 *
 * test-workspace.c: what is open, what it shows, what lies under a point, what messages do to it.
 */
#include "app/state/wire.h"
#include "app/state/workspace.h"

#include <math.h>
#include <string.h>

#define NX 8
#define NY 6
#define NZ 5

/* A small CT: value = 100 k + 10 j + i; axial, feet first, 1 x 1 x 3 mm, origin (-10, -20, -30). */
static SagVolume *
make_volume (const char *modality, gboolean ready)
{
  const int size[3] = { NX, NY, NZ };
  const double spacing[3] = { 1, 1, 3 };
  g_autoptr (GError) error = NULL;
  SagVolume *volume;
  SagGrid grid;

  sag_grid_init (&grid, size, spacing);
  grid.origin[0] = -10;
  grid.origin[1] = -20;
  grid.origin[2] = -30;
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, 1, 0, *modality == 'C' ? "HU" : "", &error);
  g_assert_no_error (error);
  sag_volume_set_origin_tags (volume, modality, "1.2");
  for (int k = 0; k < NZ; k++)
    for (int p = 0; p < NX * NY; p++)
      ((gint16 *) sag_volume_get_slice (volume, k))[p] = (gint16) (100 * k + 10 * (p / NX) + p % NX);
  if (ready)
    sag_volume_mark_ready (volume, 0, NZ);
  return volume;
}

/* Label 1 in slice 1 (confidence 1), label 2 in slices 2 and 3 (0.2 and 0.6). */
static SagSegmentation *
make_segmentation (const SagGrid *grid, gboolean ready)
{
  static const SagLabel labels[2] = { { .value = 1, .name = "One", .rgb = { 255, 0, 0 } },
                                      { .value = 2, .name = "Two", .rgb = { 0, 255, 0 } } };
  static const guint8 value[NZ] = { 0, 1, 2, 2, 0 }, certain[NZ] = { 255, 255, 51, 153, 255 };
  g_autoptr (SagLabelmap) map = sag_labelmap_new (grid, NULL, labels, 2, NULL);
  g_autoptr (SagBlock) confidence = sag_block_new (NX * NY * NZ, "test", NULL);
  g_autoptr (SagProvenance) from = sag_provenance_new ();
  SagSegmentation *segmentation;

  for (int p = 0; p < NX * NY * NZ; p++)
    {
      sag_labelmap_get_voxels (map)[p] = value[p / (NX * NY)];
      ((guint8 *) sag_block_get_data (confidence))[p] = certain[p / (NX * NY)];
    }
  sag_provenance_set (&from->precision, "int8");
  segmentation = sag_segmentation_new (&map, 1, confidence, from, NULL);
  if (ready)
    sag_segmentation_mark_ready (segmentation, 0, NZ);
  return segmentation;
}

static void
count (GObject *object, GParamSpec *pspec, gpointer data)
{
  *(int *) data += 1;
}

static void
test_values (void)
{
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  int n = 0;

  g_signal_connect (workspace, "notify::opacity", G_CALLBACK (count), &n);
  sag_workspace_set_opacity (workspace, 0.5);
  sag_workspace_set_opacity (workspace, 0.5);
  g_assert_cmpint (n, ==, 1);
  sag_workspace_set_opacity (workspace, 7);
  g_assert_cmpfloat (sag_workspace_get_opacity (workspace), ==, 1.0);
  g_object_set (workspace, "slab-mm", 20.0, "slab-mode", (int) SAG_SLAB_MIP, "invert", TRUE, NULL);
  g_assert_cmpfloat (sag_workspace_get_slab_mm (workspace), ==, 20.0);
  g_assert_cmpint (sag_workspace_get_slab_mode (workspace), ==, SAG_SLAB_MIP);
  g_assert_true (sag_workspace_get_invert (workspace));
  g_object_set (workspace, "window-level", g_variant_new ("(dd)", 10.0, -5.0), NULL);
  g_assert_cmpfloat (sag_workspace_get_window_level (workspace).width, ==, 1.0);
  g_object_set (workspace, "window-level", g_variant_new ("(dd)", NAN, 100.0), NULL);
  g_assert_cmpfloat (sag_workspace_get_window_level (workspace).center, ==, 10.0);
}

static void
test_slices (void)
{
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (SagVolume) volume = make_volume ("CT", TRUE);
  const double far[3] = { 1e9, -1e9, 0 };
  double lps[3];
  int n;

  g_assert_cmpint (sag_workspace_get_slice (workspace, SAG_VIEW_AXIAL, &n), ==, 0);
  g_assert_cmpint (n, ==, 0);
  sag_workspace_step_slice (workspace, SAG_VIEW_AXIAL, 1);

  sag_workspace_set_volume (workspace, volume);
  g_assert_cmpint (sag_workspace_get_slice (workspace, SAG_VIEW_AXIAL, &n), ==, 2);
  g_assert_cmpint (n, ==, NZ);
  sag_workspace_get_slice (workspace, SAG_VIEW_CORONAL, &n);
  g_assert_cmpint (n, ==, NY);
  sag_workspace_get_slice (workspace, SAG_VIEW_SAGITTAL, &n);
  g_assert_cmpint (n, ==, NX);
  g_assert_cmpfloat (sag_workspace_get_slice_spacing (workspace, SAG_VIEW_AXIAL), ==, 3.0);

  sag_workspace_step_slice (workspace, SAG_VIEW_AXIAL, 1);
  g_assert_cmpint (sag_workspace_get_slice (workspace, SAG_VIEW_AXIAL, NULL), ==, 3);
  sag_workspace_get_cursor (workspace, lps);
  g_assert_cmpfloat_with_epsilon (lps[2], -30 + 9, 1e-9);
  sag_workspace_step_slice (workspace, SAG_VIEW_AXIAL, G_MAXINT);
  g_assert_cmpint (sag_workspace_get_slice (workspace, SAG_VIEW_AXIAL, NULL), ==, NZ - 1);
  sag_workspace_set_slice (workspace, SAG_VIEW_AXIAL, -7);
  g_assert_cmpint (sag_workspace_get_slice (workspace, SAG_VIEW_AXIAL, NULL), ==, 0);

  sag_workspace_set_cursor (workspace, far);
  sag_workspace_get_cursor (workspace, lps);
  g_assert_cmpfloat_with_epsilon (lps[0], -10 + NX - 1, 1e-9);
  g_assert_cmpfloat_with_epsilon (lps[1], -20, 1e-9);
}

static void
test_plane (void)
{
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (SagVolume) volume = make_volume ("CT", TRUE);
  const double between[3] = { -7, -18, -30 + 3 * 2.4 };
  SagSliceSpec spec;

  sag_workspace_set_volume (workspace, volume);
  sag_workspace_set_cursor (workspace, between);
  sag_workspace_get_spec (workspace, SAG_VIEW_AXIAL, &spec);
  /* On slice 2, centred on the volume. */
  g_assert_cmpfloat_with_epsilon (spec.plane.centre[2], -24, 1e-9);
  g_assert_cmpfloat_with_epsilon (spec.plane.centre[0], -10 + (NX - 1) * 0.5, 1e-9);
  g_assert_cmpfloat (spec.plane.right[0], ==, 1.0);
  g_assert_cmpfloat (spec.plane.down[1], ==, 1.0);
  /* 8 x 6 mm in 80 x 30 pixels: height decides. Coronal: 8 x 15 mm in 80 x 80. */
  g_assert_cmpfloat_with_epsilon (sag_workspace_get_fit (workspace, SAG_VIEW_AXIAL, 80, 30), 0.2, 1e-9);
  g_assert_cmpfloat_with_epsilon (sag_workspace_get_fit (workspace, SAG_VIEW_CORONAL, 80, 80),
                                  15.0 / 80, 1e-9);
  sag_workspace_set_overlay_visible (workspace, FALSE);
  sag_workspace_get_spec (workspace, SAG_VIEW_AXIAL, &spec);
  g_assert_cmpint (spec.overlay, ==, 0);
}

static void
test_windows (void)
{
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (SagVolume) ct = make_volume ("CT", FALSE);
  g_autoptr (SagVolume) mr = make_volume ("MR", FALSE);
  const SagWindowPreset *presets;
  SagWindowLevel window;
  int n;

  sag_workspace_set_volume (workspace, ct);
  presets = sag_workspace_get_presets (workspace, &n);
  g_assert_cmpint (n, >, 4);
  g_assert_cmpfloat (sag_workspace_get_window_level (workspace).width, ==, 400);
  g_assert_cmpstr (presets[1].id, ==, "lung");
  g_assert_true (sag_workspace_apply_preset (workspace, "lung"));
  g_assert_cmpfloat (sag_workspace_get_window_level (workspace).center, ==, -600);
  g_assert_false (sag_workspace_apply_preset (workspace, "no such"));

  /* MR has no usual window: it is guessed from what has been read, until somebody sets one. */
  sag_workspace_set_volume (workspace, mr);
  sag_workspace_get_presets (workspace, &n);
  g_assert_cmpint (n, ==, 0);
  sag_workspace_mark_ready (workspace, SAG_LAYER_VOLUME, 2, 3);
  window = sag_workspace_get_window_level (workspace);
  g_assert_cmpfloat (window.center, >, 200);
  g_assert_cmpfloat (window.center, <, 260);
  sag_workspace_mark_ready (workspace, SAG_LAYER_VOLUME, 0, NZ);
  g_assert_cmpfloat (sag_workspace_get_window_level (workspace).width, >, 300);
  window = (SagWindowLevel) { 1, 2 };
  sag_workspace_set_window_level (workspace, window);
  sag_workspace_mark_ready (workspace, SAG_LAYER_VOLUME, 0, NZ);
  g_assert_cmpfloat (sag_workspace_get_window_level (workspace).width, ==, 2);
  g_assert_true (sag_workspace_apply_preset (workspace, "auto"));
  g_assert_cmpfloat (sag_workspace_get_window_level (workspace).width, >, 300);
}

static void
test_probe (void)
{
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (SagVolume) volume = make_volume ("CT", FALSE);
  g_autoptr (SagSegmentation) segmentation = make_segmentation (sag_volume_get_grid (volume), FALSE);
  const double here[3] = { -10 + 5.4, -20 + 2.6, -30 + 3 * 2 };
  const double outside[3] = { 100, 100, 100 };
  SagProbe probe;

  g_assert_false (sag_workspace_probe (workspace, here, &probe));
  sag_workspace_set_volume (workspace, volume);
  sag_workspace_set_segmentation (workspace, segmentation);
  g_assert_false (sag_workspace_probe (workspace, here, &probe)); /* not read yet */
  sag_workspace_mark_ready (workspace, SAG_LAYER_VOLUME, 2, 3);
  g_assert_true (sag_workspace_probe (workspace, here, &probe));
  g_assert_cmpint (probe.ijk[0], ==, 5);
  g_assert_cmpint (probe.ijk[1], ==, 3);
  g_assert_cmpfloat (probe.value, ==, 235);
  g_assert_cmpstr (probe.unit, ==, "HU");
  g_assert_null (probe.label);
  g_assert_true (isnan (probe.confidence));
  sag_workspace_mark_ready (workspace, SAG_LAYER_SEGMENTATION, 0, NZ);
  g_assert_true (sag_workspace_probe (workspace, here, &probe));
  g_assert_cmpstr (probe.label->name, ==, "Two");
  g_assert_cmpfloat_with_epsilon (probe.confidence, 0.2, 1e-9);
  g_assert_false (sag_workspace_probe (workspace, outside, &probe));
}

static void
test_labels (void)
{
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (SagVolume) volume = make_volume ("CT", TRUE);
  g_autoptr (SagSegmentation) first = make_segmentation (sag_volume_get_grid (volume), TRUE);
  g_autoptr (SagSegmentation) second = make_segmentation (sag_volume_get_grid (volume), TRUE);
  g_autoptr (SagLabelItem) item = NULL;
  GListModel *labels = sag_workspace_get_labels (workspace);
  SagSliceSpec spec;
  int hidden = 0;

  sag_workspace_set_volume (workspace, volume);
  sag_workspace_set_segmentation (workspace, first);
  g_assert_cmpuint (g_list_model_get_n_items (labels), ==, 2);
  item = g_list_model_get_item (labels, 1);
  g_assert_cmpstr (sag_label_item_get_name (item), ==, "Two");
  g_signal_connect (workspace, "notify::hidden", G_CALLBACK (count), &hidden);
  sag_label_item_set_visible (item, FALSE);
  g_assert_cmpint (hidden, ==, 1);
  g_assert_false (sag_workspace_is_label_visible (workspace, 2));
  sag_workspace_get_spec (workspace, SAG_VIEW_AXIAL, &spec);
  g_assert_cmphex (spec.hidden[0], ==, 1u << 2);

  /* Another run of the same model keeps what is hidden. */
  sag_workspace_set_segmentation (workspace, second);
  g_assert_false (sag_workspace_is_label_visible (workspace, 2));
  g_assert_true (sag_workspace_is_label_visible (workspace, 1));
  sag_workspace_set_label_visible (workspace, 2, TRUE);
  g_assert_true (sag_workspace_is_label_visible (workspace, 2));
  sag_workspace_clear_results (workspace);
  g_assert_cmpuint (g_list_model_get_n_items (labels), ==, 0);
}

/* Labels 1001 .. 1240, one a voxel, each value in two layers. */
static SagSegmentation *
make_wide (const SagGrid *grid)
{
  enum { HALF = NX * NY * NZ / 2 };
  SagLabelmap *layers[2];
  SagSegmentation *segmentation;

  for (int layer = 0; layer < 2; layer++)
    {
      SagLabel labels[HALF];

      memset (labels, 0, sizeof labels);
      for (int n = 0; n < HALF; n++)
        {
          labels[n].value = (guint8) (n + 1);
          labels[n].number = 1001 + HALF * layer + n;
          g_snprintf (labels[n].name, sizeof labels[n].name, "Number %d", labels[n].number);
          sag_label_default_colour (n, labels[n].rgb);
        }
      layers[layer] = sag_labelmap_new (grid, NULL, labels, HALF, NULL);
      for (int n = 0; n < HALF; n++)
        sag_labelmap_get_voxels (layers[layer])[HALF * layer + n] = (guint8) (n + 1);
    }
  segmentation = sag_segmentation_new (layers, 2, NULL, NULL, NULL);
  sag_segmentation_mark_ready (segmentation, 0, NZ);
  for (int layer = 0; layer < 2; layer++)
    sag_labelmap_unref (layers[layer]);
  return segmentation;
}

/* The red of the pixel that shows voxel (i, j) of the middle slice, without (255, 255, 255) of the image. */
static guint32
colour_at (SagWorkspace *workspace, int i, int j)
{
  guint8 rgba[4 * NX * NY];
  SagSliceSpec spec;

  sag_workspace_get_spec (workspace, SAG_VIEW_AXIAL, &spec);
  spec.plane.mm_per_pixel = 1;
  spec.opacity = 1;
  spec.overlay = SAG_OVERLAY_FILL;
  sag_workspace_render (workspace, &spec, NX, NY, rgba);
  return (guint32) rgba[4 * (NX * j + i)] << 16 | (guint32) rgba[4 * (NX * j + i) + 1] << 8 | rgba[4 * (NX * j + i) + 2];
}

/* More labels than a byte tells apart, and numbers above 255: seen, hidden, probed and painted by number. */
static void
test_wide (void)
{
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (SagVolume) volume = make_volume ("CT", TRUE);
  g_autoptr (SagSegmentation) sent = make_wide (sag_volume_get_grid (volume)), came = NULL;
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GVariant) described = g_variant_ref_sink (sag_segmentation_to_variant (sent, fds, NULL));
  GListModel *labels = sag_workspace_get_labels (workspace);
  SagEditing *editing = sag_workspace_get_editing (workspace);
  /* Slice 2 begins in the first layer (number 1097) and ends in the second. */
  const double at_first[3] = { -10 + 1, -20, -24 }, at_second[3] = { -10 + 1, -20 + 4, -24 };
  guint32 first, second;
  g_autoptr (GError) error = NULL;
  SagProbe probe;

  came = sag_segmentation_from_variant (described, fds, &error);
  g_assert_no_error (error);
  g_assert_true (sag_segmentation_is_wide (came));
  sag_workspace_set_volume (workspace, volume);
  sag_workspace_set_segmentation (workspace, came);
  g_assert_cmpuint (g_list_model_get_n_items (labels), ==, NX * NY * NZ);
  g_assert_true (sag_workspace_probe (workspace, at_first, &probe));
  g_assert_cmpstr (probe.label->name, ==, "Number 1098");
  g_assert_true (sag_workspace_probe (workspace, at_second, &probe));
  g_assert_cmpstr (probe.label->name, ==, "Number 1130");
  /* 1010 has the value of 1130 and another layer: hiding the one leaves the other. */
  second = colour_at (workspace, 1, 4);
  sag_workspace_set_label_visible (workspace, 1010, FALSE);
  g_assert_cmphex (colour_at (workspace, 1, 4), ==, second);
  first = colour_at (workspace, 1, 0);
  sag_workspace_set_label_visible (workspace, 1130, FALSE);
  g_assert_cmphex (colour_at (workspace, 1, 4), !=, second);
  g_assert_cmphex (colour_at (workspace, 1, 0), ==, first);
  g_assert_true (sag_workspace_is_label_visible (workspace, 1129));
  /* A stroke goes to the layer of the label. */
  sag_editing_set_value (editing, 1131);
  sag_editing_set_radius (editing, 0.6);
  g_assert_true (sag_editing_begin (editing, &error));
  sag_editing_paint (editing, at_second, 2, FALSE, FALSE);
  sag_editing_end (editing);
  g_assert_true (sag_workspace_probe (workspace, at_second, &probe));
  g_assert_cmpstr (probe.label->name, ==, "Number 1131");
  g_assert_cmpint (sag_labelmap_get_value (sag_segmentation_get_layer (sag_workspace_get_segmentation (workspace), 1), 1, 4, 2),
                   ==, 11);
  g_assert_cmpint (sag_labelmap_get_value (sag_segmentation_get_layer (sag_workspace_get_segmentation (workspace), 0), 1, 4, 2),
                   ==, 0);
}

static void
test_uncertain (void)
{
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (SagVolume) volume = make_volume ("CT", TRUE);
  g_autoptr (SagSegmentation) segmentation = make_segmentation (sag_volume_get_grid (volume), TRUE);
  int rank, n;

  sag_workspace_set_volume (workspace, volume);
  g_assert_false (sag_workspace_next_uncertain (workspace, 1, &rank, &n));
  sag_workspace_set_segmentation (workspace, segmentation);
  for (int k = 0; k < 4; k++)
    {
      static const int slices[4] = { 2, 3, 1, 1 }; /* 0.2, 0.6, 1; and there it stays */

      g_assert_true (sag_workspace_next_uncertain (workspace, 1, &rank, &n));
      g_assert_cmpint (n, ==, 3);
      g_assert_cmpint (rank, ==, MIN (k + 1, 3));
      g_assert_cmpint (sag_workspace_get_slice (workspace, SAG_VIEW_AXIAL, NULL), ==, slices[k]);
    }
  g_assert_true (sag_workspace_next_uncertain (workspace, -1, &rank, &n));
  g_assert_cmpint (sag_workspace_get_slice (workspace, SAG_VIEW_AXIAL, NULL), ==, 3);
}

/* What is foreseen is, to the bit, what comes; and nothing moved. */
static void
test_foresee (void)
{
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (SagVolume) volume = make_volume ("CT", TRUE);
  const double axis[3] = { 1, 0, 0 };
  SagSliceSpec foreseen, came, last;

  memset (&foreseen, 0, sizeof foreseen);
  memset (&came, 0, sizeof came);
  memset (&last, 0, sizeof last);
  sag_workspace_set_volume (workspace, volume);
  for (int oblique = 0; oblique < 2; oblique++)
    {
      for (int view = 0; view < SAG_N_VIEWS; view++)
        for (int n = -2; n <= 2; n++)
          {
            sag_workspace_set_slice (workspace, (SagView) view, 1);
            sag_workspace_get_spec (workspace, (SagView) view, &last);
            sag_workspace_foresee_spec (workspace, (SagView) view, n, &foreseen);
            sag_workspace_get_spec (workspace, (SagView) view, &came);
            g_assert_cmpmem (&last, sizeof last, &came, sizeof came);
            sag_workspace_step_slice (workspace, (SagView) view, n);
            sag_workspace_get_spec (workspace, (SagView) view, &came);
            g_assert_cmpmem (&foreseen, sizeof foreseen, &came, sizeof came);
          }
      sag_workspace_turn_plane (workspace, SAG_VIEW_AXIAL, axis, 0.3);
    }
}

/* Pixel (x, y) of the axial picture at 1 pixel a millimetre. */
static const guint8 *
render (SagWorkspace *workspace, int slice, guint8 *rgba, int x, int y)
{
  SagSliceSpec spec;

  sag_workspace_set_slice (workspace, SAG_VIEW_AXIAL, slice);
  sag_workspace_get_spec (workspace, SAG_VIEW_AXIAL, &spec);
  spec.overlay &= SAG_OVERLAY_FILL;
  spec.opacity = 1;
  sag_workspace_render (workspace, &spec, NX, NY, rgba);
  return rgba + 4 * (y * NX + x);
}

/* The preview shows where the result is not ready, and only there. */
static void
test_preview (void)
{
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (SagVolume) volume = make_volume ("CT", TRUE);
  g_autoptr (SagSegmentation) final = make_segmentation (sag_volume_get_grid (volume), FALSE);
  g_autoptr (SagSegmentation) coarse = make_segmentation (sag_volume_get_grid (volume), FALSE);
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GVariant) body = NULL;
  g_autoptr (GError) error = NULL;
  guint8 rgba[NX * NY * 4];
  GVariantDict dict;

  /* In the preview every label is 2. */
  memset (sag_labelmap_get_voxels (sag_segmentation_get_layer (coarse, 0)), 2, NX * NY * NZ);
  sag_segmentation_mark_ready (coarse, 0, NZ);
  sag_workspace_set_volume (workspace, volume);
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, "segmentation", sag_segmentation_to_variant (coarse, fds, &error));
  g_assert_no_error (error);
  body = g_variant_ref_sink (g_variant_dict_end (&dict));
  g_assert_true (sag_workspace_receive (workspace, "preview", body, fds, &error));
  g_assert_no_error (error);
  sag_workspace_set_segmentation (workspace, final);

  g_assert_cmpmem (render (workspace, 1, rgba, 3, 3), 3, "\0\377\0", 3); /* green: preview */
  sag_workspace_mark_ready (workspace, SAG_LAYER_SEGMENTATION, 1, 2);
  g_assert_cmpmem (render (workspace, 1, rgba, 3, 3), 3, "\377\0\0", 3); /* red: final */
  g_assert_cmpmem (render (workspace, 0, rgba, 3, 3), 3, "\0\377\0", 3);
  sag_workspace_mark_ready (workspace, SAG_LAYER_SEGMENTATION, 0, NZ);
  g_assert_null (sag_workspace_get_preview (workspace));
  render (workspace, 0, rgba, 3, 3);
  g_assert_true (rgba[0] == rgba[1] && rgba[1] == rgba[2]); /* grey: background */
}

typedef struct
{
  int what, k0, k1, n;
} Heard;

static void
hear_ready (SagWorkspace *workspace, int what, int k0, int k1, gpointer data)
{
  Heard *heard = data;

  *heard = (Heard) { what, k0, k1, heard->n + 1 };
}

static void
test_receive (void)
{
  g_autofree char *text = NULL, *unitless = NULL;
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (SagVolume) volume = make_volume ("CT", FALSE);
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) body = NULL, ready = NULL, labels = NULL, described = NULL;
  g_autoptr (SagLabelItem) item = NULL;
  g_autoptr (SagSegmentation) segmentation = NULL;
  Heard heard = { 0 };
  const int (*boxes)[4];
  double centroid[3];
  int n_boxes;

  g_signal_connect (workspace, "slices-ready", G_CALLBACK (hear_ready), &heard);
  sag_volume_set_scaled_boxes (volume, (const int[2][4]){ { 0, 1, 2, 3 }, { 4, 5, 6, 7 } }, 2);
  described = g_variant_ref_sink (sag_volume_to_variant (volume, fds, &error));
  g_assert_no_error (error);
  body = g_variant_ref_sink (g_variant_new_parsed (
      "{'volume': <%@a{sv}>, 'windows': <[('Lung', -500.0, 1400.0)]>, 'invert': <true>,"
      " 'warnings': <['Slice 3 is missing']>}",
      described));
  g_assert_true (sag_workspace_receive (workspace, "volume", body, fds, &error));
  g_assert_no_error (error);
  g_assert_cmpfloat (sag_workspace_get_window_level (workspace).center, ==, -500);
  g_assert_cmpstr (sag_workspace_get_presets (workspace, NULL)[0].name, ==, "Lung");
  g_assert_true (sag_workspace_get_invert (workspace));
  g_assert_cmpstr (sag_workspace_get_warnings (workspace)[0], ==, "Slice 3 is missing");
  g_assert_true (sag_grid_equal (sag_volume_get_grid (sag_workspace_get_volume (workspace)),
                                 sag_volume_get_grid (volume)));
  boxes = sag_volume_get_scaled_boxes (sag_workspace_get_volume (workspace), &n_boxes);
  g_assert_cmpmem (boxes, sizeof *boxes * (gsize) n_boxes, ((const int[]){ 0, 1, 2, 3, 4, 5, 6, 7 }), sizeof (int[8]));

  ready = g_variant_ref_sink (g_variant_new_parsed ("{'of': <'volume'>, 'k0': <-3>, 'k1': <2>}"));
  g_assert_true (sag_workspace_receive (workspace, "ready", ready, NULL, &error));
  g_assert_cmpint (heard.n, ==, 1);
  g_assert_cmpint (heard.what, ==, SAG_LAYER_VOLUME);
  g_assert_cmpint (heard.k0, ==, 0);
  g_assert_cmpint (heard.k1, ==, 2);
  g_assert_cmpint (sag_volume_get_n_ready (sag_workspace_get_volume (workspace)), ==, 2);

  segmentation = make_segmentation (sag_volume_get_grid (volume), TRUE);
  sag_workspace_set_segmentation (workspace, segmentation);
  labels = g_variant_ref_sink (g_variant_new_parsed (
      "{'of': <'segmentation'>, 'labels': <[(2, uint64 96, 2310.4, 0.4, 1.0, 2.0, 3.0)]>}"));
  g_assert_true (sag_workspace_receive (workspace, "labels", labels, NULL, &error));
  item = g_list_model_get_item (sag_workspace_get_labels (workspace), 1);
  g_assert_cmpfloat (sag_label_item_get_ml (item), ==, 2310.4);
  g_assert_true (sag_label_item_get_centroid (item, centroid));
  g_assert_cmpfloat (centroid[2], ==, 3.0);

  /* A mean without a unit says that it is one. */
  sag_label_item_set_values (item, -793.4, 1, "HU");
  g_object_get (item, "values-text", &text, NULL);
  g_assert_cmpstr (text, ==, "\u2212793 HU");
  sag_label_item_set_values (item, 874, 1, "");
  g_object_get (item, "values-text", &unitless, NULL);
  g_assert_cmpstr (unitless, ==, "mean 874");
}

/* Messages that a broken or hostile worker could send: refused, and nothing changes. */
static void
test_refuse (void)
{
  static const char *const edits[][2] = {
    { "size", "(0, 6, 5)" },
    { "size", "(100000, 100000, 100000)" },
    { "size", "(8, 6, 500)" },
    { "size", "'large'" },
    { "spacing", "(1.0, -1.0, 1.0)" },
    { "direction", "(1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)" },
    { "type", "'f64'" },
    { "type", "'rgb8'" },
    { "voxels", "handle 7" },
    { "voxels", "handle -1" },
    { "ready", "[(0, 77)]" },
    { "ready", "[(-1, 2)]" },
    { "ready", "[(3, 2)]" },
  };
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (SagVolume) volume = make_volume ("CT", TRUE);
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GVariant) described = g_variant_ref_sink (sag_volume_to_variant (volume, fds, NULL));

  for (gsize n = 0; n < G_N_ELEMENTS (edits); n++)
    {
      g_autoptr (GVariant) value = g_variant_parse (NULL, edits[n][1], NULL, NULL, NULL);
      g_autoptr (GVariant) body = NULL;
      g_autoptr (GError) error = NULL;
      GVariantDict dict;

      g_assert_nonnull (value);
      g_variant_dict_init (&dict, described);
      g_variant_dict_insert_value (&dict, edits[n][0], value);
      body = g_variant_ref_sink (
          g_variant_new_parsed ("{'volume': <%@a{sv}>}", g_variant_dict_end (&dict)));
      g_assert_false (sag_workspace_receive (workspace, "volume", body, fds, &error));
      g_assert_nonnull (error);
      g_assert_null (sag_workspace_get_volume (workspace));
    }
  for (int n = 0; n < 4; n++)
    {
      static const char *const names[] = { "volume", "segmentation", "ready", "labels" };
      g_autoptr (GVariant) empty
          = g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0));
      g_autoptr (GError) error = NULL;

      g_assert_false (sag_workspace_receive (workspace, names[n], empty, NULL, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
      g_assert_true (sag_workspace_receive (workspace, "unknown", empty, NULL, NULL));
    }
}

static void
test_wire (void)
{
  g_autoptr (SagVolume) volume = make_volume ("CT", TRUE);
  g_autoptr (SagSegmentation) segmentation = make_segmentation (sag_volume_get_grid (volume), TRUE);
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) described
      = g_variant_ref_sink (sag_segmentation_to_variant (segmentation, fds, &error));
  g_autoptr (SagSegmentation) back = sag_segmentation_from_variant (described, fds, &error);
  const SagLabel *label;

  g_assert_no_error (error);
  g_assert_cmpint (g_unix_fd_list_get_length (fds), ==, 2);
  g_assert_cmpint (sag_segmentation_get_n_ready (back), ==, NZ);
  g_assert_cmpstr (sag_segmentation_get_provenance (back)->precision, ==, "int8");
  label = sag_labelmap_find_label (sag_segmentation_get_layer (back, 0), 2);
  g_assert_cmpstr (label->name, ==, "Two");
  g_assert_cmpint (label->rgb[1], ==, 255);
  g_assert_cmpfloat_with_epsilon (sag_segmentation_get_slice_confidence (back, 3, 0), 0.6, 1e-9);
  /* The same memory, not a copy. */
  sag_labelmap_get_voxels (sag_segmentation_get_layer (segmentation, 0))[0] = 1;
  g_assert_cmpint (sag_labelmap_get_voxels (sag_segmentation_get_layer (back, 0))[0], ==, 1);
}

/* Layers that keep boxes share a block, which is sent once. */
static void
test_wire_boxes (void)
{
  g_autoptr (SagVolume) volume = make_volume ("CT", TRUE);
  const SagGrid *grid = sag_volume_get_grid (volume);
  g_autoptr (SagBlock) block = sag_block_new (24, "test", NULL);
  g_autoptr (GPtrArray) maps = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_labelmap_unref);
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (SagSegmentation) segmentation = NULL, back = NULL;
  g_autoptr (GVariant) described = NULL;
  g_autoptr (GError) error = NULL;

  g_ptr_array_add (maps, sag_labelmap_new (grid, NULL, NULL, 0, NULL));
  for (int n = 0; n < 200; n++)
    {
      const int box[6] = { 1, 1, 2, 3, 3, 4 };

      memset (sag_block_get_data (block), 7, 24);
      g_ptr_array_add (maps, sag_labelmap_new_boxed (grid, box, block, n % 17, NULL, 0, &error));
      g_assert_no_error (error);
    }
  segmentation = sag_segmentation_new ((SagLabelmap *const *) maps->pdata, 201, NULL, NULL, NULL);
  described = g_variant_ref_sink (sag_segmentation_to_variant (segmentation, fds, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_unix_fd_list_get_length (fds), ==, 2);
  back = sag_segmentation_from_variant (described, fds, &error);
  g_assert_no_error (error);
  g_assert_cmpint (sag_segmentation_get_n_layers (back), ==, 201);
  for (int n = 1; n < 201; n++)
    {
      SagLabelmap *map = sag_segmentation_get_layer (back, n);

      g_assert_true (sag_labelmap_get_block (map) == sag_labelmap_get_block (sag_segmentation_get_layer (back, 1)));
      g_assert_cmpuint (sag_labelmap_get_offset (map), ==, (n - 1) % 17);
      g_assert_cmpint (sag_labelmap_get_value (map, 2, 2, 3), ==, 7);
      g_assert_cmpint (sag_labelmap_get_value (map, 3, 2, 3), ==, 0);
    }
}

static void
test_close (void)
{
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (SagVolume) volume = make_volume ("CT", TRUE);
  g_autoptr (SagSegmentation) segmentation = make_segmentation (sag_volume_get_grid (volume), TRUE);
  g_autoptr (GVariant) item = g_variant_ref_sink (g_variant_new_parsed ("{'uid': <'1'>}"));
  g_autoptr (SagSeries) series = sag_series_new (item);
  guint8 pixel[4];
  SagSliceSpec spec;

  sag_workspace_set_volume (workspace, volume);
  sag_workspace_set_segmentation (workspace, segmentation);
  sag_workspace_set_reference (workspace, segmentation);
  sag_workspace_set_series (workspace, series);
  g_assert_null (sag_workspace_get_volume (workspace));
  g_assert_null (sag_workspace_get_segmentation (workspace));
  g_assert_null (sag_workspace_get_reference (workspace));
  sag_workspace_get_spec (workspace, SAG_VIEW_AXIAL, &spec);
  sag_workspace_render (workspace, &spec, 1, 1, pixel);
  g_assert_cmpmem (pixel, 4, "\0\0\0\377", 4);
}

/* Two labels of one name are told apart by their side; a name that says its side does not say it twice. */
static void
test_sides (void)
{
  const struct
  {
    SagLabel    label;
    const char *shown;
  } labels[] = {
    { { .value = 1, .name = "Putamen", .modifier = { "7771000", "SCT", "Left" } }, "Putamen, left" },
    { { .value = 1, .name = "Putamen", .modifier = { "G-A100", "SRT", "Right" } }, "Putamen, right" },
    { { .value = 1, .name = "Left lung", .modifier = { "7771000", "SCT", "Left" } }, "Left lung" },
    { { .value = 1, .name = "Plaque", .modifier = { "1", "99X", "calcified" } }, "Plaque, calcified" },
    { { .value = 1, .name = "Bone structure (body structure)" }, "Bone structure" },
  };

  for (guint n = 0; n < G_N_ELEMENTS (labels); n++)
    {
      g_autoptr (SagLabelItem) item = sag_label_item_new (&labels[n].label);

      g_assert_cmpstr (sag_label_item_get_name (item), ==, labels[n].shown);
      g_assert_cmpstr (sag_label_item_get_label (item)->name, ==, labels[n].label.name);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/workspace/sides", test_sides);
  g_test_add_func ("/workspace/values", test_values);
  g_test_add_func ("/workspace/slices", test_slices);
  g_test_add_func ("/workspace/foresee", test_foresee);
  g_test_add_func ("/workspace/plane", test_plane);
  g_test_add_func ("/workspace/windows", test_windows);
  g_test_add_func ("/workspace/probe", test_probe);
  g_test_add_func ("/workspace/labels", test_labels);
  g_test_add_func ("/workspace/wide", test_wide);
  g_test_add_func ("/workspace/uncertain", test_uncertain);
  g_test_add_func ("/workspace/preview", test_preview);
  g_test_add_func ("/workspace/receive", test_receive);
  g_test_add_func ("/workspace/refuse", test_refuse);
  g_test_add_func ("/workspace/wire", test_wire);
  g_test_add_func ("/workspace/wire-boxes", test_wire_boxes);
  g_test_add_func ("/workspace/close", test_close);
  return g_test_run ();
}
