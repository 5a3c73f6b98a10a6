/* SPDX-License-Identifier: Apache-2.0
 *
 * test-overlay.c: labels over pictures: fills, outlines, thresholds, ramp, differences, previews.
 */
#include "tests/engine/slice-scene.h"

/* Pictures of 12 x 12 voxels at 8 pixels a voxel; the label is voxels 3..8 x 4..7 of every slice.
 */
enum { ZOOM = 8, SIDE = 12 * ZOOM, X0 = 3 * ZOOM, X1 = 9 * ZOOM, Y0 = 4 * ZOOM, Y1 = 8 * ZOOM };

static const SagLabel labels[] = {
  { .value = 5, .name = "five", .rgb = { 10, 220, 30 } },
  { .value = 9, .name = "nine", .rgb = { 200, 40, 250 } },
};

static SagVolume *
make_grey (void)
{
  SagGrid grid;
  SagVolume *volume;

  sag_grid_init (&grid, (const int[]){ 12, 12, 3 }, (const double[]){ 2, 2, 2 });
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_U8, 1, 0, "", NULL);
  memset (sag_volume_get_slice (volume, 0), 100, 12 * 12 * 3);
  sag_volume_mark_ready (volume, 0, 3);
  return volume;
}

static SagLabelmap *
make_labels (guint8 value, int i0, int i1)
{
  SagGrid grid;
  SagLabelmap *map;

  sag_grid_init (&grid, (const int[]){ 12, 12, 3 }, (const double[]){ 2, 2, 2 });
  map = sag_labelmap_new (&grid, NULL, labels, 2, NULL);
  for (int k = 0; k < 3; k++)
    for (int j = 4; j < 8; j++)
      memset (sag_labelmap_get_voxels (map) + 12 * (12 * k + j) + i0, value, i1 - i0);
  return map;
}

static SagSegmentation *
make_segmentation (SagLabelmap *map, SagBlock *confidence, int ready)
{
  SagSegmentation *segmentation = sag_segmentation_new (&map, 1, confidence, NULL, NULL);

  sag_segmentation_mark_ready (segmentation, 0, ready);
  return segmentation;
}

/* 5 in voxels 3 .. 8. */
static SagSegmentation *
make_box (SagBlock *confidence)
{
  g_autoptr (SagLabelmap) map = make_labels (5, 3, 9);

  return make_segmentation (map, confidence, 3);
}

static void
init_spec (SagSliceSpec *spec)
{
  const double lps[3] = { 11, 11, 2 };

  sag_slice_spec_init (spec);
  sag_plane_init_view (&spec->plane, SAG_VIEW_AXIAL, lps, 2.0 / ZOOM);
  spec->window = (SagWindowLevel){ 128, 256 };
  spec->opacity = 0.5f;
  spec->overlay = SAG_OVERLAY_FILL;
}

static guint8 picture[4 * SIDE * SIDE];

static void
render (SagSegmentation *segmentation, SagSegmentation *reference, const SagSliceSpec *spec)
{
  g_autoptr (SagVolume) volume = make_grey ();

  sag_slice_render (volume, segmentation, reference, spec, SIDE, SIDE, picture);
}

static const guint8 *
pixel (int x, int y)
{
  return picture + 4 * (y * SIDE + x);
}

static gboolean
in_box (int x, int y)
{
  return x >= X0 && x < X1 && y >= Y0 && y < Y1;
}

/* Pixels from the box's border, inside: 0 is the first. */
static int
depth (int x, int y)
{
  return MIN (MIN (x - X0, X1 - 1 - x), MIN (y - Y0, Y1 - 1 - y));
}

static void
assert_colour (int x, int y, int red, int green, int blue)
{
  g_assert_cmpint (pixel (x, y)[0], ==, red);
  g_assert_cmpint (pixel (x, y)[1], ==, green);
  g_assert_cmpint (pixel (x, y)[2], ==, blue);
  g_assert_cmpint (pixel (x, y)[3], ==, 255);
}

/* 100 under a colour at half opacity. */
static void
assert_fill (int x, int y, const guint8 rgb[3])
{
  assert_colour (x, y, (100 + rgb[0] + 1) / 2, (100 + rgb[1] + 1) / 2, (100 + rgb[2] + 1) / 2);
}

static void
test_fill (void)
{
  g_autoptr (SagSegmentation) segmentation = make_box (NULL);
  SagSliceSpec spec;

  init_spec (&spec);
  render (segmentation, NULL, &spec);
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++)
      if (in_box (x, y))
        assert_fill (x, y, labels[0].rgb);
      else
        assert_colour (x, y, 100, 100, 100);
  spec.hidden[0] = 1u << 5;
  render (segmentation, NULL, &spec);
  assert_colour (SIDE / 2, SIDE / 2, 100, 100, 100);
  spec.hidden[0] = 1u << 9;
  render (segmentation, NULL, &spec);
  assert_fill (SIDE / 2, SIDE / 2, labels[0].rgb);
  spec.overlay = 0;
  render (segmentation, NULL, &spec);
  assert_colour (SIDE / 2, SIDE / 2, 100, 100, 100);
}

/* A label that reaches the border of its grid ends where the voxels end, on every side. */
static void
test_end_of_grid (void)
{
  g_autoptr (SagLabelmap) map = make_labels (5, 0, 12);
  g_autoptr (SagSegmentation) segmentation = NULL;
  SagSliceSpec spec;

  memset (sag_labelmap_get_voxels (map), 5, 12 * 12 * 3);
  segmentation = make_segmentation (map, NULL, 3);
  init_spec (&spec);
  spec.plane.mm_per_pixel *= 2; /* the grid is the middle half of the picture */
  render (segmentation, NULL, &spec);
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++)
      if (x >= SIDE / 4 && x < 3 * SIDE / 4 && y >= SIDE / 4 && y < 3 * SIDE / 4)
        assert_fill (x, y, labels[0].rgb);
      else
        assert_colour (x, y, 0, 0, 0);
}

/* Exactly two pixels on the inside, opaque, at any zoom. */
static void
test_outline (void)
{
  g_autoptr (SagSegmentation) segmentation = make_box (NULL);
  SagSliceSpec spec;

  init_spec (&spec);
  spec.overlay = SAG_OVERLAY_FILL | SAG_OVERLAY_OUTLINE;
  render (segmentation, NULL, &spec);
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++)
      if (!in_box (x, y))
        assert_colour (x, y, 100, 100, 100);
      else if (depth (x, y) < 2)
        assert_colour (x, y, 10, 220, 30);
      else
        assert_fill (x, y, labels[0].rgb);
  /* Half the zoom: as wide on the screen. */
  spec.plane.mm_per_pixel *= 2;
  spec.overlay = SAG_OVERLAY_OUTLINE;
  render (segmentation, NULL, &spec);
  {
    int coloured = 0;

    for (int x = 0; x < SIDE; x++)
      coloured += pixel (x, SIDE / 2)[1] == 220;
    g_assert_cmpint (coloured, ==, 4);
  }
}

/* The picture's own border is no border of a label. */
static void
test_outline_at_border (void)
{
  g_autoptr (SagLabelmap) map = make_labels (5, 0, 12);
  g_autoptr (SagSegmentation) segmentation = make_segmentation (map, NULL, 3);
  SagSliceSpec spec;

  init_spec (&spec);
  spec.overlay = SAG_OVERLAY_OUTLINE;
  spec.plane.centre[0] += 4;
  render (segmentation, NULL, &spec);
  /* The picture now runs from voxel 2 to 2 voxels beyond the grid. */
  assert_colour (0, SIDE / 2, 100, 100, 100);
  assert_colour (10 * ZOOM - 3, SIDE / 2, 100, 100, 100);
  assert_colour (10 * ZOOM - 2, SIDE / 2, 10, 220, 30);
  assert_colour (10 * ZOOM - 1, SIDE / 2, 10, 220, 30);
  assert_colour (10 * ZOOM, SIDE / 2, 0, 0, 0);
  assert_colour (0, Y0, 10, 220, 30);
  /* And from 2 voxels before it to voxel 9. */
  spec.plane.centre[0] -= 8;
  render (segmentation, NULL, &spec);
  assert_colour (SIDE - 1, SIDE / 2, 100, 100, 100);
  assert_colour (2 * ZOOM + 2, SIDE / 2, 100, 100, 100);
  assert_colour (2 * ZOOM + 1, SIDE / 2, 10, 220, 30);
  assert_colour (2 * ZOOM - 1, SIDE / 2, 0, 0, 0);
}

/* Confidence rises by voxel column: 0.4 .. 0.9 over voxels 3 .. 8. */
static SagBlock *
make_confidence (void)
{
  SagBlock *block = sag_block_new (12 * 12 * 3, "a test", NULL);
  guint8 *sure = sag_block_get_data (block);

  for (int n = 0; n < 12 * 12 * 3; n++)
    sure[n] = (guint8) (255 * (n % 12 + 1) / 10 % 256);
  return block;
}

static void
test_threshold (void)
{
  g_autoptr (SagBlock) confidence = make_confidence ();
  g_autoptr (SagSegmentation) segmentation = make_box (confidence);
  SagSliceSpec spec;
  int dots = 0, gaps = 0;

  init_spec (&spec);
  spec.overlay = SAG_OVERLAY_FILL | SAG_OVERLAY_OUTLINE;
  spec.confidence_threshold = 0.65f;
  render (segmentation, NULL, &spec);
  /* Voxels 3, 4, 5 (0.4, 0.5, 0.6) are below: the outline goes round 6 .. 8. */
  for (int y = Y0; y < Y1; y++)
    for (int x = X0; x < X1; x++)
      if (x < 6 * ZOOM)
        {
          gboolean dotted = depth (x, y) < 2 && x < X0 + 2 ? TRUE : MIN (y - Y0, Y1 - 1 - y) < 2;

          if (!dotted)
            assert_colour (x, y, 100, 100, 100);
          else if (pixel (x, y)[1] == 220)
            dots++;
          else
            {
              assert_colour (x, y, 100, 100, 100);
              gaps++;
            }
        }
      else if (MIN (depth (x, y), x - 6 * ZOOM) < 2)
        assert_colour (x, y, 10, 220, 30);
      else
        assert_fill (x, y, labels[0].rgb);
  g_assert_cmpint (dots, >, 30);
  g_assert_cmpint (ABS (dots - gaps), <=, 8);
  /* Hidden labels leave no dots. */
  spec.hidden[0] = 1u << 5;
  render (segmentation, NULL, &spec);
  for (int x = 0; x < SIDE; x++)
    assert_colour (x, Y0, 100, 100, 100);
}

static void
test_ramp (void)
{
  g_autoptr (SagBlock) confidence = make_confidence ();
  g_autoptr (SagSegmentation) segmentation = make_box (confidence), bare = make_box (NULL);
  SagSliceSpec spec;
  guint8 rgb[3], last = 0;

  init_spec (&spec);
  spec.overlay = SAG_OVERLAY_FILL | SAG_OVERLAY_CONFIDENCE;
  render (segmentation, NULL, &spec);
  for (int i = 3; i < 9; i++)
    {
      sag_confidence_colour ((float) (255 * (i + 1) / 10) / 255, rgb);
      assert_fill (i * ZOOM + 3, SIDE / 2, rgb);
    }
  assert_colour (X0 - 1, SIDE / 2, 100, 100, 100);
  /* Where nothing is known of confidence, colours stay those of the labels. */
  render (bare, NULL, &spec);
  assert_fill (SIDE / 2, SIDE / 2, labels[0].rgb);
  /* From dark to bright, without a step back. */
  for (int n = 0; n <= 100; n++)
    {
      sag_confidence_colour ((float) n / 100, rgb);
      g_assert_cmpint (rgb[1], >=, last);
      last = rgb[1];
    }
}

static void
test_difference (void)
{
  g_autoptr (SagLabelmap) shifted = make_labels (5, 5, 11), other = make_labels (9, 5, 11);
  g_autoptr (SagSegmentation) here = make_box (NULL), there = make_segmentation (shifted, NULL, 3);
  g_autoptr (SagSegmentation) unlike = make_segmentation (other, NULL, 3);
  static const guint8 only_here[3] = { 0x56, 0xb4, 0xe9 }, only_there[3] = { 0xd5, 0x5e, 0x00 };
  SagSliceSpec spec;
  int counts[2] = { 0, 0 };

  init_spec (&spec);
  spec.overlay = SAG_OVERLAY_FILL | SAG_OVERLAY_DIFFERENCE;
  render (here, there, &spec);
  assert_fill (3 * ZOOM, SIDE / 2, only_here);
  assert_fill (5 * ZOOM - 1, SIDE / 2, only_here);
  assert_fill (9 * ZOOM, SIDE / 2, only_there);
  assert_fill (11 * ZOOM - 1, SIDE / 2, only_there);
  /* In both: a quarter of #009E73. */
  assert_colour (5 * ZOOM, SIDE / 2, 75, (300 + 0x9e + 2) / 4, (300 + 0x73 + 2) / 4);
  assert_colour (9 * ZOOM - 1, SIDE / 2, 75, (300 + 0x9e + 2) / 4, (300 + 0x73 + 2) / 4);
  assert_colour (11 * ZOOM, SIDE / 2, 100, 100, 100);
  /* Different labels in one place: both colours in turn. */
  render (here, unlike, &spec);
  for (int x = 5 * ZOOM; x < 9 * ZOOM; x++)
    counts[pixel (x, SIDE / 2)[0] == (100 + only_here[0] + 1) / 2]++;
  g_assert_cmpint (counts[0], ==, 2 * ZOOM);
  g_assert_cmpint (counts[1], ==, 2 * ZOOM);
  /* Without a reference there is nothing to differ from. */
  render (here, NULL, &spec);
  assert_fill (SIDE / 2, SIDE / 2, labels[0].rgb);
}

static void
test_preview (void)
{
  g_autoptr (SagVolume) volume = make_grey ();
  g_autoptr (SagLabelmap) map = make_labels (5, 3, 9), coarse = make_labels (9, 0, 12);
  g_autoptr (SagSegmentation) preview = make_segmentation (coarse, NULL, 3);
  SagSliceSpec spec;

  init_spec (&spec);
  for (int ready = 0; ready <= 3; ready++)
    {
      /* The picture shows slice 1. */
      g_autoptr (SagSegmentation) segmentation = make_segmentation (map, NULL, ready);
      gboolean final = ready >= 2;

      sag_slice_render_with_preview (volume, segmentation, preview, NULL, &spec, SIDE, SIDE,
                                     picture);
      assert_fill (SIDE / 2, SIDE / 2, labels[final ? 0 : 1].rgb);
      if (final)
        assert_colour (ZOOM, SIDE / 2, 100, 100, 100);
      else
        assert_fill (ZOOM, SIDE / 2, labels[1].rgb);
    }
  sag_slice_render_with_preview (volume, NULL, preview, NULL, &spec, SIDE, SIDE, picture);
  assert_fill (SIDE / 2, SIDE / 2, labels[1].rgb);
  /* Slices run down a coronal picture: 1 is final, 0 and 2 are not. */
  {
    g_autoptr (SagSegmentation) segmentation = make_segmentation (map, NULL, 0);
    const double lps[3] = { 11, 11, 2 };

    sag_segmentation_mark_ready (segmentation, 1, 2);
    sag_plane_init_view (&spec.plane, SAG_VIEW_CORONAL, lps, 2.0 / ZOOM);
    sag_slice_render_with_preview (volume, segmentation, preview, NULL, &spec, SIDE, SIDE, picture);
    assert_fill (SIDE / 2, SIDE / 2, labels[0].rgb);
    assert_fill (SIDE / 2, SIDE / 2 - ZOOM, labels[1].rgb);
    assert_fill (SIDE / 2, SIDE / 2 + ZOOM, labels[1].rgb);
  }
}

/* Labels of a finer, shifted, turned grid are sampled in that grid. */
static void
test_own_grid (void)
{
  SagGrid grid;
  g_autoptr (SagLabelmap) map = NULL;
  g_autoptr (SagSegmentation) segmentation = NULL;
  SagSliceSpec spec;

  sag_grid_init (&grid, (const int[]){ 31, 29, 5 }, (const double[]){ 0.7, 0.9, 1.1 });
  memcpy (grid.origin, (const double[]){ 20, 1, 0.2 }, sizeof grid.origin);
  memcpy (grid.direction, (const double[]){ 0, -0.6, 0.8, 1, 0, 0, 0, 0.8, 0.6 },
          sizeof grid.direction);
  g_assert_true (sag_grid_check (&grid, NULL));
  map = sag_labelmap_new (&grid, NULL, labels, 2, NULL);
  for (int n = 0; n < 31 * 29 * 5; n++)
    sag_labelmap_get_voxels (map)[n] = (const guint8[]){ 0, 5, 9, 5, 0, 9, 9 }[n * 5 % 7];
  segmentation = make_segmentation (map, NULL, 5);
  init_spec (&spec);
  render (segmentation, NULL, &spec);
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++)
      {
        double ijk[3];
        int at[3], value = 0;
        gboolean near_tie = FALSE, inside = TRUE;

        sag_plane_to_lps (&spec.plane, SIDE, SIDE, x, y, ijk);
        sag_grid_to_ijk (&grid, ijk, ijk);
        for (int a = 0; a < 3; a++)
          {
            at[a] = (int) floor (ijk[a] + 0.5);
            near_tie |= fabs (ijk[a] + 0.5 - floor (ijk[a] + 1)) < 1e-3;
            inside = inside && at[a] >= 0 && at[a] < grid.size[a];
          }
        if (near_tie)
          continue;
        if (inside)
          value = sag_labelmap_get_voxels (map)[at[0] + 31 * (at[1] + 29 * at[2])];
        if (value == 0)
          assert_colour (x, y, 100, 100, 100);
        else
          assert_fill (x, y, labels[value == 9].rgb);
      }
}

/* Overlapping layers lie over each other. */
static void
test_layers (void)
{
  g_autoptr (SagLabelmap) below = make_labels (5, 3, 7), above = make_labels (9, 5, 9);
  SagLabelmap *layers[] = { below, above };
  g_autoptr (SagSegmentation) segmentation = sag_segmentation_new (layers, 2, NULL, NULL, NULL);
  SagSliceSpec spec;
  int red = (100 + 10 + 1) / 2;

  sag_segmentation_mark_ready (segmentation, 0, 3);
  init_spec (&spec);
  render (segmentation, NULL, &spec);
  assert_fill (4 * ZOOM, SIDE / 2, labels[0].rgb);
  assert_fill (8 * ZOOM, SIDE / 2, labels[1].rgb);
  g_assert_cmpint (pixel (6 * ZOOM, SIDE / 2)[0], ==, (red + 200 + 1) / 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/overlay/fill", test_fill);
  g_test_add_func ("/overlay/end-of-grid", test_end_of_grid);
  g_test_add_func ("/overlay/outline", test_outline);
  g_test_add_func ("/overlay/outline-at-border", test_outline_at_border);
  g_test_add_func ("/overlay/threshold", test_threshold);
  g_test_add_func ("/overlay/ramp", test_ramp);
  g_test_add_func ("/overlay/difference", test_difference);
  g_test_add_func ("/overlay/preview", test_preview);
  g_test_add_func ("/overlay/own-grid", test_own_grid);
  g_test_add_func ("/overlay/layers", test_layers);
  return g_test_run ();
}
