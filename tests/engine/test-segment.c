/* SPDX-License-Identifier: Apache-2.0
 *
 * test-segment.c: volumes through tiny networks (nets/make.py), to labels whose truth is known.
 */
#include "engine/base/error.h"
#include "engine/base/parallel.h"
#include "engine/segment/segment.h"

#include <math.h>
#include <string.h>

/* --- volumes, recipes, runs -------------------------------------------------------------- */

typedef double (*Field) (const double lps[3]);

/* Smooth, and different along every axis. */
static double
hills (const double lps[3])
{
  return 400 * (sin (lps[0] * 0.31 + 0.5) + cos (lps[1] * 0.23 - lps[0] * 0.11)
                + sin (lps[2] * 0.37 + lps[1] * 0.07));
}

/* Above 0 inside a ball of 30 mm around (35, 30, 40), by the millimetre. */
static double
ball (const double lps[3])
{
  return 20 * (30 - sqrt ((lps[0] - 35) * (lps[0] - 35) + (lps[1] - 30) * (lps[1] - 30)
                          + (lps[2] - 40) * (lps[2] - 40)));
}

static double
rises_upwards (const double lps[3])
{
  return 10 * lps[2];
}

static SagVolume *
make_volume (const SagGrid *grid, Field field)
{
  g_autoptr (GError) error = NULL;
  SagVolume *volume = sag_volume_new_alloc (grid, SAG_VOXEL_I16, 0.1, 0, "HU", &error);

  g_assert_no_error (error);
  for (int k = 0; k < grid->size[2]; k++)
    {
      gint16 *voxel = sag_volume_get_slice (volume, k);

      for (int j = 0; j < grid->size[1]; j++)
        for (int i = 0; i < grid->size[0]; i++)
          {
            double ijk[3] = { i, j, k }, lps[3];

            sag_grid_to_lps (grid, ijk, lps);
            *voxel++ = (gint16) lrint (10 * field (lps));
          }
    }
  sag_volume_mark_ready (volume, 0, grid->size[2]);
  return volume;
}

static SagVolume *
make_box (int ni, int nj, int nk, double mm, double mm_k, Field field)
{
  const int size[3] = { ni, nj, nk };
  const double spacing[3] = { mm, mm, mm_k };
  SagGrid grid;

  sag_grid_init (&grid, size, spacing);
  return make_volume (&grid, field);
}

static SagRecipe *
make_recipe (int n_labels, int pi, int pj, int pk)
{
  SagRecipe *recipe = sag_recipe_new ();

  recipe->n_labels = n_labels;
  recipe->labels = g_new0 (SagLabel, n_labels);
  for (int l = 0; l < n_labels; l++)
    {
      recipe->labels[l].value = (guint8) (10 + l);
      g_snprintf (recipe->labels[l].name, sizeof recipe->labels[l].name, "Part %d", l + 1);
    }
  recipe->patch[0] = pi;
  recipe->patch[1] = pj;
  recipe->patch[2] = pk;
  return recipe;
}

static SagSegment *
open_net (const SagRecipe *recipe, const char *net)
{
  g_autofree char *name = g_strconcat (net, ".onnx", NULL);
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "engine", "nets", name, NULL);
  g_autoptr (GError) error = NULL;
  SagSegment *segment = sag_segment_new (recipe, path, SAG_PRECISION_F32, &error);

  g_assert_no_error (error);
  return segment;
}

static SagSegmentation *
run_with (SagSegment *segment, SagVolume *volume, const SagSegmentOptions *options)
{
  g_autoptr (GError) error = NULL;
  SagSegmentation *result = sag_segment_run (segment, volume, options, NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (result);
  g_assert_cmpint (sag_segmentation_get_n_ready (result), ==,
                   sag_volume_get_grid (volume)->size[2]);
  return result;
}

static SagSegmentation *
run (const SagRecipe *recipe, const char *net, SagVolume *volume)
{
  g_autoptr (SagSegment) segment = open_net (recipe, net);

  return run_with (segment, volume, NULL);
}

static const guint8 *
labels_of (SagSegmentation *result)
{
  return sag_labelmap_get_voxels (sag_segmentation_get_layer (result, 0));
}

static const guint8 *
confidence_of (SagSegmentation *result)
{
  return sag_block_get_data (sag_segmentation_get_confidence (result));
}

static gsize
voxels_of (SagSegmentation *result)
{
  return sag_grid_get_n_voxels (sag_segmentation_get_grid (result));
}

static void
assert_same (SagSegmentation *a, SagSegmentation *b)
{
  gsize n = voxels_of (a);

  g_assert_cmpmem (labels_of (a), n, labels_of (b), n);
  g_assert_cmpmem (confidence_of (a), n, confidence_of (b), n);
}

static double
ml_of (SagSegmentation *result, guint8 value)
{
  SagLabelStats stats[256];

  sag_labelmap_measure (sag_segmentation_get_layer (result, 0), stats);
  return stats[value].ml;
}

/* --- truth ------------------------------------------------------------------------------- */

/* A network that answers with the sign gives back the sign, through patches, padding and
 * blending. */
static void
test_sign (void)
{
  g_autoptr (SagVolume) volume = make_box (41, 30, 23, 1, 1, hills);
  const char *const nets[] = { "sign3d", "softmax3d", "argmax3d" };
  const SagNetOutput kinds[] = { SAG_NET_SOFTMAX, SAG_NET_PROBABILITIES, SAG_NET_ARGMAX };

  for (gsize n = 0; n < G_N_ELEMENTS (nets); n++)
    {
      g_autoptr (SagRecipe) recipe = make_recipe (1, 16, 12, 10);
      g_autoptr (SagSegmentation) result = NULL;
      gsize v = 0;

      recipe->output = kinds[n];
      result = run (recipe, nets[n], volume);
      for (int k = 0; k < 23; k++)
        for (int j = 0; j < 30; j++)
          for (int i = 0; i < 41; i++, v++)
            {
              double value = sag_volume_get_value (volume, i, j, k);

              g_assert_cmpint (labels_of (result)[v], ==, value > 0 ? 10 : 0);
              if (fabs (value) > 5)
                g_assert_cmpint (confidence_of (result)[v], ==, 255);
            }
    }
}

/* The probability of the label shown, at the temperature. */
static void
test_confidence (void)
{
  g_autoptr (SagVolume) volume = make_box (33, 9, 5, 1, 1, hills);
  g_autoptr (SagRecipe) recipe = make_recipe (1, 16, 16, 16);
  g_autoptr (SagSegmentation) result = NULL;

  recipe->std = 1000;
  recipe->temperature[SAG_PRECISION_F32] = 2;
  recipe->calibrated[SAG_PRECISION_F32] = TRUE;
  result = run (recipe, "sign3d", volume);
  for (int i = 0; i < 33; i++)
    {
      double x = 8 * fabs (sag_volume_get_value (volume, i, 0, 0)) / 1000 / 2;
      double p = 1 / (1 + exp (-x));

      g_assert_cmpfloat (fabs (confidence_of (result)[i] - 255 * p), <, 0.6);
    }
  g_assert_cmpstr (sag_segmentation_get_provenance (result)->calibration, ==, "temperature 2");
  g_assert_cmpint (strlen (sag_segmentation_get_provenance (result)->weights_sha256), ==, 64);
}

/* Independent logits 8 v - 16 and 4 v: the larger one, if it is above 0. */
static void
test_sigmoid (void)
{
  g_autoptr (SagVolume) volume = make_box (31, 20, 9, 1, 1, hills);
  g_autoptr (SagRecipe) recipe = make_recipe (2, 16, 16, 16);
  g_autoptr (SagSegmentation) result = NULL;
  gsize v = 0;

  recipe->output = SAG_NET_SIGMOID;
  recipe->std = 100;
  result = run (recipe, "sigmoid3d", volume);
  for (int k = 0; k < 9; k++)
    for (int j = 0; j < 20; j++)
      for (int i = 0; i < 31; i++, v++)
        {
          double x = sag_volume_get_value (volume, i, j, k) / 100, a = 8 * x - 16, b = 4 * x;
          double top = MAX (a, b), p = 1 / (1 + exp (-top));

          if (fabs (top) < 1e-3 || fabs (a - b) < 1e-3)
            continue;
          g_assert_cmpint (labels_of (result)[v], ==, top < 0 ? 0 : a > b ? 10 : 11);
          g_assert_cmpfloat (fabs (confidence_of (result)[v] - 255 * MAX (p, 1 - p)), <, 0.6);
        }
}

/* A ball keeps its millilitres when the network sees it at another spacing. */
static void
test_resample (void)
{
  const double truth = 4 / 3.0 * G_PI * 27, spacings[] = { 0.6, 1.0, 1.7, 3.0 };
  g_autoptr (SagVolume) volume = make_box (100, 90, 34, 0.8, 2.5, ball);

  for (gsize s = 0; s < G_N_ELEMENTS (spacings); s++)
    for (int whole = 0; whole < 2; whole++)
      {
        g_autoptr (SagRecipe) recipe =
            make_recipe (1, whole ? 0 : 32, whole ? 0 : 32, whole ? 0 : 32);
        g_autoptr (SagSegmentation) result = NULL;

        for (int a = 0; a < 3; a++)
          recipe->spacing[a] = spacings[s];
        recipe->std = 100;
        result = run (recipe, "sign3d", volume);
        g_assert_cmpfloat (fabs (ml_of (result, 10) / truth - 1), <, 0.03);
      }
}

static void
test_fit (void)
{
  const double truth = 4 / 3.0 * G_PI * 27;
  g_autoptr (SagVolume) volume = make_box (100, 75, 34, 0.8, 2.5, ball);

  for (int fit = SAG_FIT_TO_STRETCH; fit < SAG_N_FITS; fit++)
    for (int slicewise = 0; slicewise < 2; slicewise++)
      {
        g_autoptr (SagRecipe) recipe = make_recipe (1, 40, 40, slicewise ? 1 : 40);
        g_autoptr (SagSegmentation) result = NULL;

        recipe->fit = fit;
        recipe->std = 100;
        result = run (recipe, slicewise ? "sign2d" : "sign3d", volume);
        g_assert_cmpfloat (fabs (ml_of (result, 10) / truth - 1), <, 0.05);
      }
}

/* --- orientations ------------------------------------------------------------------------ */

/* The volume's voxels under other axes: the same patient. */
static SagVolume *
turn_volume (SagVolume *volume, const char *code, SagTurn *turn)
{
  const SagGrid *grid = sag_volume_get_grid (volume);
  g_autoptr (GError) error = NULL;
  SagGrid turned;
  SagVolume *result;

  sag_grid_turn (grid, code, turn, &turned, &error);
  g_assert_no_error (error);
  result = sag_volume_new_alloc (&turned, SAG_VOXEL_I16, 0.1, 0, "HU", &error);
  g_assert_no_error (error);
  for (int k = 0; k < turned.size[2]; k++)
    for (int j = 0; j < turned.size[1]; j++)
      for (int i = 0; i < turned.size[0]; i++)
        {
          const int at[3] = { i, j, k };
          int from[3];

          for (int a = 0; a < 3; a++)
            from[turn->perm[a]] = turn->flip[a] ? turned.size[a] - 1 - at[a] : at[a];
          ((gint16 *) sag_volume_get_slice (result, k))[j * turned.size[0] + i]
            = ((const gint16 *) sag_volume_get_slice (volume, from[2]))[from[1] * grid->size[0]
                                                                        + from[0]];
        }
  sag_volume_mark_ready (result, 0, turned.size[2]);
  return result;
}

/* Every way the same patient can lie in a file gives the same labels in the patient. */
static void
all_orientations (SagRecipe *recipe, const char *net)
{
  static const char *const letters[3] = { "LR", "PA", "SI" };
  static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                    { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
  g_autoptr (SagVolume) volume = make_box (23, 18, 15, 1, 1, hills);
  g_autoptr (SagSegment) segment = open_net (recipe, net);
  g_autoptr (SagSegmentation) straight = run_with (segment, volume, NULL);

  for (int o = 0; o < 48; o++)
    {
      const int *order = orders[o / 8];
      const char code[4] = { letters[order[0]][o & 1], letters[order[1]][o >> 1 & 1],
                             letters[order[2]][o >> 2 & 1], '\0' };
      SagTurn turn;
      g_autoptr (SagVolume) turned = turn_volume (volume, code, &turn);
      g_autoptr (SagSegmentation) result = run_with (segment, turned, NULL);
      const int *size = sag_volume_get_grid (turned)->size;
      gsize v = 0;

      for (int k = 0; k < size[2]; k++)
        for (int j = 0; j < size[1]; j++)
          for (int i = 0; i < size[0]; i++, v++)
            {
              const int at[3] = { i, j, k };
              int from[3];
              gsize w;

              for (int a = 0; a < 3; a++)
                from[turn.perm[a]] = turn.flip[a] ? size[a] - 1 - at[a] : at[a];
              w = ((gsize) from[2] * 18 + (gsize) from[1]) * 23 + (gsize) from[0];
              g_assert_cmpint (labels_of (result)[v], ==, labels_of (straight)[w]);
              g_assert_cmpint (ABS (confidence_of (result)[v] - confidence_of (straight)[w]), <=,
                               1);
            }
    }
}

static void
test_orientations (void)
{
  g_autoptr (SagRecipe) volumes = make_recipe (3, 10, 9, 8);
  g_autoptr (SagRecipe) slices = make_recipe (1, 10, 9, 1);

  volumes->std = 1000;
  all_orientations (volumes, "steps3d");
  memcpy (volumes->orientation, "SAR", 4);
  all_orientations (volumes, "steps3d");
  all_orientations (slices, "sign2d");
  slices->neighbours = 1;
  slices->std = 1000;
  all_orientations (slices, "next2d");
  memcpy (slices->orientation, "PIR", 4);
  all_orientations (slices, "next2d");
}

/* Which axis of the network runs where: steps3d labels what rises along i, j, k as 10, 11, 12. */
static void
test_axes (void)
{
  static const struct
  {
    const char *code;
    guint8      label; /* of a volume that rises towards S */
  } cases[] = { { "LPS", 12 }, { "RAS", 12 }, { "SAR", 10 }, { "LSP", 11 }, { "LPI", 0 } };
  g_autoptr (SagVolume) volume = make_box (12, 12, 12, 1, 1, rises_upwards);

  for (gsize c = 0; c < G_N_ELEMENTS (cases); c++)
    {
      g_autoptr (SagRecipe) recipe = make_recipe (3, 0, 0, 0);
      g_autoptr (SagSegmentation) result = NULL;

      memcpy (recipe->orientation, cases[c].code, 4);
      recipe->padding = SAG_PADDING_EDGE;
      result = run (recipe, "steps3d", volume);
      for (int i = 1; i < 11; i++)
        g_assert_cmpint (labels_of (result)[(6 * 12 + 6) * 12 + i], ==, cases[c].label);
    }
}

/* --- the same bits ----------------------------------------------------------------------- */

static void
test_same_bits (void)
{
  g_autoptr (SagVolume) volume = make_box (50, 40, 31, 1, 1.5, hills);
  g_autoptr (SagRecipe) recipe = make_recipe (2, 0, 0, 0);
  g_autoptr (SagSegment) segment = NULL;
  g_autoptr (SagSegmentation) first = NULL;
  const double corners[3][3] = { { -5, -5, -5 }, { 20, 10, 11 }, { 49, 39, 90 } };
  gsize seen[3] = { 0 };

  recipe->std = 300;
  for (int a = 0; a < 3; a++)
    recipe->spacing[a] = 1.3;
  segment = open_net (recipe, "mixed3d");
  first = run_with (segment, volume, NULL);
  for (gsize v = 0; v < voxels_of (first); v++)
    seen[labels_of (first)[v] == 0 ? 0 : labels_of (first)[v] - 9]++;
  g_assert_true (seen[0] > 1000 && seen[1] > 1000 && seen[2] > 1000);

  for (int f = 0; f < 3; f++)
    for (int threads = 1; threads <= 4; threads *= 2)
      {
        const SagSegmentOptions options = { .focus = corners[f] };
        g_autoptr (SagSegmentation) again = NULL;

        sag_parallel_own (SAG_TEAM_COMPUTE, threads);
        again = run_with (segment, volume, &options);
        assert_same (first, again);
      }
  sag_parallel_own (SAG_TEAM_COMPUTE, 1);
}

/* --- slabs, preview, progress, cancel ---------------------------------------------------- */

typedef struct
{
  SagSegmentation *preview, *live;
  int              n_slabs, n_slices;
  gboolean         seen[200];
  int              lo, hi; /* span of the slices so far */
  double           fraction;
  int              n_ticks, stop;
} Watch;

static void
on_preview (SagSegmentation *preview, gpointer data)
{
  Watch *watch = data;

  g_assert_null (watch->preview);
  g_assert_cmpint (watch->n_slabs, ==, 0);
  g_assert_cmpint (sag_segmentation_get_n_ready (preview), ==,
                   sag_segmentation_get_grid (preview)->size[2]);
  watch->preview = sag_segmentation_ref (preview);
}

static void
on_slab (SagSegmentation *segmentation, int k0, int k1, gpointer data)
{
  Watch *watch = data;

  if (watch->live == NULL)
    {
      watch->live = sag_segmentation_ref (segmentation);
      watch->lo = k0;
      watch->hi = k1;
    }
  g_assert_true (watch->live == segmentation);
  g_assert_true (k0 <= watch->hi && k1 >= watch->lo); /* the overlay grows, it does not jump */
  watch->lo = MIN (watch->lo, k0);
  watch->hi = MAX (watch->hi, k1);
  for (int k = k0; k < k1; k++)
    {
      g_assert_false (watch->seen[k]);
      g_assert_true (sag_segmentation_is_ready (segmentation, k));
      watch->seen[k] = TRUE;
      watch->n_slices++;
    }
  watch->n_slabs++;
}

static gboolean
on_tick (double fraction, gpointer data)
{
  Watch *watch = data;

  g_assert_cmpfloat (fraction, >=, watch->fraction);
  g_assert_cmpfloat (fraction, <=, 1);
  watch->fraction = fraction;
  return watch->n_ticks++ != watch->stop;
}

static void
watch_clear (Watch *watch)
{
  g_clear_pointer (&watch->preview, sag_segmentation_unref);
  g_clear_pointer (&watch->live, sag_segmentation_unref);
}

static void
watch_run (const char *net, int pk, double spacing, gboolean expect_preview)
{
  g_autoptr (SagVolume) volume = make_box (60, 50, 70, 1, 1, ball);
  g_autoptr (SagRecipe) recipe = make_recipe (1, 16, 16, pk);
  g_autoptr (SagSegment) segment = NULL;
  g_autoptr (SagSegmentation) plain = NULL, result = NULL;
  g_autoptr (GError) error = NULL;
  const double focus[3] = { 30, 30, 55 };
  Watch watch = { .stop = -1 };
  const SagTick tick = { on_tick, &watch };
  const SagSegmentOptions options = { .focus = focus, .preview = TRUE, .preview_ready = on_preview,
                                      .slab_ready = on_slab, .data = &watch };

  recipe->std = 100;
  for (int a = 0; a < 3; a++)
    recipe->spacing[a] = spacing;
  segment = open_net (recipe, net);
  plain = run_with (segment, volume, NULL);
  result = sag_segment_run (segment, volume, &options, &tick, NULL, &error);
  g_assert_no_error (error);
  assert_same (plain, result);
  g_assert_true (watch.live == result);
  g_assert_cmpint (watch.n_slices, ==, 70);
  g_assert_cmpint (watch.n_slabs, >, 3);
  g_assert_true (watch.preview != NULL || !expect_preview);
  if (watch.preview != NULL)
    {
      g_assert_cmpfloat (fabs (ml_of (watch.preview, 10) / ml_of (plain, 10) - 1), <, 0.1);
      g_assert_cmpint (voxels_of (watch.preview), <=, voxels_of (plain) / 4);
    }
  watch_clear (&watch);
}

static void
test_slabs (void)
{
  watch_run ("sign3d", 16, 0, TRUE);
  watch_run ("sign3d", 16, 1.4, TRUE);
  watch_run ("sign2d", 1, 0, TRUE);
  watch_run ("sign2d", 1, 1.5, TRUE);
}

static void
test_cancel (void)
{
  g_autoptr (SagVolume) volume = make_box (40, 30, 25, 1, 1, hills);
  g_autoptr (SagRecipe) recipe = make_recipe (1, 16, 16, 16);
  g_autoptr (SagSegment) segment = open_net (recipe, "sign3d");
  g_autoptr (SagSegmentation) before = run_with (segment, volume, NULL);
  g_autoptr (SagSegmentation) after = NULL;
  int stop = 0;

  for (;; stop += 7)
    {
      Watch watch = { .stop = stop };
      const SagTick tick = { on_tick, &watch };
      const SagSegmentOptions options = { .preview = TRUE,
                                          .preview_ready = on_preview,
                                          .data = &watch };
      g_autoptr (GError) error = NULL;
      g_autoptr (SagSegmentation) result
        = sag_segment_run (segment, volume, &options, &tick, NULL, &error);

      watch_clear (&watch);
      if (result != NULL)
        break;
      g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_CANCELLED);
      g_assert_cmpint (watch.n_ticks, <=, stop + 2);
    }
  g_assert_cmpint (stop, >, 20);
  after = run_with (segment, volume, NULL);
  assert_same (before, after);
}

/* --- memory ------------------------------------------------------------------------------ */

/* The width of the coarse result; 0: none. */
static int
check_bytes (const SagRecipe *recipe, const char *net, SagVolume *volume, gboolean preview)
{
  g_autoptr (SagSegment) segment = open_net (recipe, net);
  g_autoptr (GError) error = NULL;
  g_autoptr (SagSegmentation) result = NULL, refused = NULL;
  Watch watch = { .stop = -1 };
  SagSegmentOptions options = { .preview = preview, .preview_ready = on_preview, .data = &watch };
  SagSegmentNeeds needs;
  SagSegmentReport report;
  int width;

  sag_segment_bytes (segment, sag_volume_get_grid (volume), &needs, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (needs.total_bytes, ==,
                    needs.network_bytes + needs.work_bytes + needs.result_bytes);
  options.max_bytes = needs.total_bytes;
  result = sag_segment_run (segment, volume, &options, NULL, &report, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (report.peak_bytes, <=, needs.total_bytes);
  g_assert_cmpuint (report.peak_bytes, >, needs.total_bytes / 2);
  g_assert_cmpfloat (report.total_ms, >=, report.net_ms);
  width = watch.preview != NULL ? sag_segmentation_get_grid (watch.preview)->size[0] : 0;
  watch_clear (&watch);

  options.max_bytes = needs.network_bytes + needs.work_bytes / 4;
  options.preview = FALSE;
  refused = sag_segment_run (segment, volume, &options, NULL, &report, &error);
  g_assert_null (refused);
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_MEMORY);
  return width;
}

static void
test_bytes (void)
{
  g_autoptr (SagVolume) volume = make_box (90, 80, 60, 1, 1, ball), small = make_box (64, 48, 64, 1, 1, ball);
  g_autoptr (SagRecipe) patches = make_recipe (1, 24, 24, 24), slices = make_recipe (1, 32, 32, 1),
                        whole = make_recipe (1, 0, 0, 0), eight = make_recipe (1, 40, 40, 40);

  /* Coarse at 1.6 times the spacing where that is a quarter of the voxels, else at twice. */
  g_assert_cmpint (check_bytes (eight, "sign3d", small, TRUE), ==, 40);
  g_assert_cmpint (check_bytes (eight, "sign3d", volume, TRUE), ==, 45);

  check_bytes (patches, "sign3d", volume, TRUE);
  check_bytes (patches, "sign3d", volume, FALSE);
  check_bytes (slices, "sign2d", volume, TRUE);
  check_bytes (whole, "sign3d", volume, FALSE);
  patches->clean = SAG_CLEAN_KEEP_LARGEST;
  check_bytes (patches, "sign3d", volume, FALSE);
  slices->per_slice = TRUE;
  slices->normalise = SAG_NORMALISE_ZSCORE;
  check_bytes (slices, "sign2d", volume, FALSE);
}

/* --- the rest ---------------------------------------------------------------------------- */

/* A large ball with a bubble in it, and a small ball far away. */
static double
bubbles (const double lps[3])
{
  double big = 12 - sqrt ((lps[0] - 16) * (lps[0] - 16) + (lps[1] - 16) * (lps[1] - 16)
                          + (lps[2] - 16) * (lps[2] - 16));
  double bubble = 3 - sqrt ((lps[0] - 16) * (lps[0] - 16) + (lps[1] - 16) * (lps[1] - 16)
                            + (lps[2] - 16) * (lps[2] - 16));
  double small = 4 - sqrt ((lps[0] - 40) * (lps[0] - 40) + (lps[1] - 25) * (lps[1] - 25)
                           + (lps[2] - 16) * (lps[2] - 16));

  return 100 * MAX (MIN (big, -bubble), small);
}

static void
test_clean (void)
{
  g_autoptr (SagVolume) volume = make_box (48, 34, 33, 1, 1, bubbles);
  g_autoptr (SagRecipe) recipe = make_recipe (1, 16, 16, 16);
  g_autoptr (SagSegment) segment = NULL;
  g_autoptr (SagSegmentation) result = NULL;
  Watch watch = { .stop = -1 };
  const SagSegmentOptions options = { .slab_ready = on_slab, .data = &watch };
  const gsize bubble = (16 * 34 + 16) * 48 + 16, small = (16 * 34 + 25) * 48 + 40;

  recipe->clean = SAG_CLEAN_KEEP_LARGEST | SAG_CLEAN_FILL_HOLES;
  segment = open_net (recipe, "sign3d");
  result = run_with (segment, volume, &options);
  g_assert_true (watch.live != NULL && watch.live != result);
  g_assert_cmpint (watch.n_slices, ==, 33);
  g_assert_cmpint (labels_of (watch.live)[bubble], ==, 0);
  g_assert_cmpint (labels_of (watch.live)[small], ==, 10);
  g_assert_cmpint (labels_of (result)[bubble], ==, 10);
  g_assert_cmpint (labels_of (result)[small], ==, 0);
  /* What was thought to be something else is not certain to be this. */
  g_assert_cmpint (confidence_of (result)[bubble], ==, 255 - confidence_of (watch.live)[bubble]);
  g_assert_cmpfloat (fabs (ml_of (result, 10) - 4 / 3.0 * G_PI * 1.728), <, 0.3);
  watch_clear (&watch);
}

static void
test_odd_volumes (void)
{
  const int sizes[][3] = { { 1, 1, 1 }, { 1, 50, 1 }, { 50, 1, 1 }, { 1, 1, 50 }, { 3, 2, 17 } };

  for (gsize s = 0; s < G_N_ELEMENTS (sizes); s++)
    {
      const double spacing[3] = { 0.7, 1.9, 4 };
      g_autoptr (SagRecipe) volumes = make_recipe (1, 8, 8, 8), slices = make_recipe (1, 8, 8, 1);
      g_autoptr (SagSegmentation) a = NULL, b = NULL;
      g_autoptr (SagVolume) volume = NULL;
      SagGrid grid;

      sag_grid_init (&grid, sizes[s], spacing);
      volume = make_volume (&grid, hills);
      a = run (volumes, "sign3d", volume);
      b = run (slices, "sign2d", volume);
      assert_same (a, b);
      volumes->spacing[0] = volumes->spacing[1] = volumes->spacing[2] = 1.5;
      g_clear_pointer (&a, sag_segmentation_unref);
      a = run (volumes, "sign3d", volume);
    }
}

/* Not a number is 0, not a hole in the result. */
static void
test_not_a_number (void)
{
  const int size[3] = { 20, 20, 20 };
  const double spacing[3] = { 1, 1, 1 };
  g_autoptr (GError) error = NULL;
  g_autoptr (SagVolume) volume = NULL;
  g_autoptr (SagRecipe) recipe = make_recipe (1, 8, 8, 8);
  g_autoptr (SagSegmentation) result = NULL;
  SagGrid grid;

  sag_grid_init (&grid, size, spacing);
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_F32, 1, 0, "", &error);
  for (int k = 0; k < 20; k++)
    for (int v = 0; v < 400; v++)
      {
        const float values[3] = { NAN, INFINITY, 5 };

        ((float *) sag_volume_get_slice (volume, k))[v] = values[v % 3];
      }
  sag_volume_mark_ready (volume, 0, 20);
  recipe->mean = 1;
  result = run (recipe, "sign3d", volume);
  for (int v = 0; v < 400; v++)
    g_assert_cmpint (labels_of (result)[v], ==, v % 3 == 2 ? 10 : 0);
}

static void
assert_refused (const SagRecipe *recipe, const char *net, int code, const char *text)
{
  g_autoptr (SagSegment) segment = open_net (recipe, net);
  g_autoptr (SagVolume) volume = make_box (10, 10, 10, 1, 1, hills);
  g_autoptr (GError) error = NULL;
  g_autoptr (SagSegmentation) result = sag_segment_run (segment, volume, NULL, NULL, NULL, &error);

  g_assert_null (result);
  g_assert_error (error, SAG_ENGINE_ERROR, code);
  if (strstr (error->message, text) == NULL)
    g_error ("'%s' does not say '%s'", error->message, text);
}

static void
test_errors (void)
{
  g_autoptr (SagRecipe) one = make_recipe (1, 0, 0, 0), three = make_recipe (3, 0, 0, 0),
                        patch = make_recipe (2, 16, 16, 16), deep = make_recipe (1, 8, 8, 8),
                        wide = make_recipe (1, 8, 8, 1), dust = make_recipe (1, 1, 1, 1);
  g_autoptr (SagSegment) segment = NULL;
  g_autoptr (GError) error = NULL;
  const int size[3] = { 5, 5, 5 };
  const double spacing[3] = { 1, 1, 1 };
  g_autoptr (SagVolume) unread = NULL;
  SagGrid grid;

  assert_refused (one, "strange", SAG_ENGINE_ERROR_UNSUPPORTED, "Frobnicate");
  assert_refused (one, "absent", SAG_ENGINE_ERROR_IO, "absent.onnx");
  assert_refused (one, "make.py", SAG_ENGINE_ERROR_IO, "make.py");
  assert_refused (three, "sign3d", SAG_ENGINE_ERROR_INVALID, "2 channels, but 3 labels need 4");
  assert_refused (patch, "mixed3d", SAG_ENGINE_ERROR_INVALID, "fixes 12 voxels along j");
  assert_refused (deep, "sign2d", SAG_ENGINE_ERROR_INVALID, "slice-wise");
  for (int a = 0; a < 3; a++)
    dust->spacing[a] = 0.005;
  assert_refused (dust, "sign3d", SAG_ENGINE_ERROR_INVALID, "too many patches");
  wide->neighbours = 3;
  assert_refused (wide, "next2d", SAG_ENGINE_ERROR_INVALID, "takes 3 channels");
  one->neighbours = 1;
  assert_refused (one, "sign3d", SAG_ENGINE_ERROR_INVALID, "neighbours");
  one->neighbours = 0;
  g_free (one->output_name);
  one->output_name = g_strdup ("elsewhere");
  assert_refused (one, "sign3d", SAG_ENGINE_ERROR_INVALID, "no output named 'elsewhere'");

  sag_grid_init (&grid, size, spacing);
  unread = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, 1, 0, "", NULL);
  segment = open_net (deep, "sign3d");
  g_assert_null (sag_segment_run (segment, unread, NULL, NULL, NULL, &error));
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  sag_parallel_own (SAG_TEAM_COMPUTE, 1);
  g_test_add_func ("/segment/sign", test_sign);
  g_test_add_func ("/segment/confidence", test_confidence);
  g_test_add_func ("/segment/sigmoid", test_sigmoid);
  g_test_add_func ("/segment/resample", test_resample);
  g_test_add_func ("/segment/fit", test_fit);
  g_test_add_func ("/segment/orientations", test_orientations);
  g_test_add_func ("/segment/axes", test_axes);
  g_test_add_func ("/segment/same-bits", test_same_bits);
  g_test_add_func ("/segment/slabs", test_slabs);
  g_test_add_func ("/segment/cancel", test_cancel);
  g_test_add_func ("/segment/bytes", test_bytes);
  g_test_add_func ("/segment/clean", test_clean);
  g_test_add_func ("/segment/odd-volumes", test_odd_volumes);
  g_test_add_func ("/segment/not-a-number", test_not_a_number);
  g_test_add_func ("/segment/errors", test_errors);
  return g_test_run ();
}
