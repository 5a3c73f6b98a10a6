/* SPDX-License-Identifier: Apache-2.0
 *
 * test-recipe.c: recipes that are refused, inputs that do not suit, and intensities scaled.
 */
#include "engine/base/error.h"
#include "engine/base/parallel.h"
#include "engine/segment/stats.h"

#include <math.h>
#include <string.h>

static SagRecipe *
good_recipe (void)
{
  SagRecipe *recipe = sag_recipe_new ();

  recipe->n_labels = 2;
  recipe->labels = g_new0 (SagLabel, 2);
  for (int l = 0; l < 2; l++)
    {
      recipe->labels[l].value = (guint8) (l + 1);
      g_snprintf (recipe->labels[l].name, sizeof recipe->labels[l].name, "Part %d", l + 1);
    }
  return recipe;
}

static void
assert_invalid (SagRecipe *recipe, const char *field)
{
  g_autoptr (SagRecipe) owned = recipe;
  g_autoptr (GError) error = NULL;

  g_assert_false (sag_recipe_validate (owned, &error));
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID);
  g_assert_true (g_str_has_prefix (error->message, field));
}

#define BREAK(field, assignment) \
  G_STMT_START { SagRecipe *r = good_recipe (); assignment; assert_invalid (r, field); } G_STMT_END

static void
test_validate (void)
{
  g_autoptr (SagRecipe) good = good_recipe ();
  g_autoptr (SagRecipe) copy = sag_recipe_copy (good);
  g_autoptr (GError) error = NULL;

  sag_recipe_validate (copy, &error);
  g_assert_no_error (error);
  BREAK ("labels", r->n_labels = 0);
  BREAK ("labels", r->labels[1].value = 1);
  BREAK ("labels", r->labels[0].value = 0);
  BREAK ("labels", r->labels[0].name[0] = '\0');
  BREAK ("orientation", memcpy (r->orientation, "LRS", 4));
  BREAK ("orientation", memcpy (r->orientation, "LPSX", 4));
  BREAK ("orientation", r->orientation[0] = '\0');
  BREAK ("spacing", r->spacing[1] = -1);
  BREAK ("spacing", r->spacing[1] = NAN);
  BREAK ("spacing", r->spacing[1] = 1e-9);
  BREAK ("patch", r->patch[0] = -1);
  BREAK ("patch", r->patch[0] = 1 << 20);
  BREAK ("overlap", r->overlap = 0.6f);
  BREAK ("overlap", r->overlap = NAN);
  BREAK ("neighbours", r->neighbours = 100);
  BREAK ("neighbours", (r->neighbours = 1, r->patch[2] = 8));
  BREAK ("normalise", r->normalise = 77);
  BREAK ("normalise", r->per_slice = TRUE);
  BREAK ("clip", (r->has_clip = TRUE, r->clip[0] = 5));
  BREAK ("mean", r->mean = INFINITY);
  BREAK ("std", r->std = 0);
  BREAK ("percentile", r->percentile[1] = 101);
  BREAK ("temperature", r->temperature[SAG_PRECISION_INT8] = 0);
  BREAK ("temperature", (r->output = SAG_NET_ARGMAX, r->temperature[0] = 2));
  BREAK ("output", r->output = 9);
  BREAK ("fit", r->fit = 9);
  BREAK ("padding", r->padding = 9);
  BREAK ("finish", r->clean = 64);
  BREAK ("intensity", (r->intensity[0] = 2, r->intensity[1] = 1));
  BREAK ("spacing range", (r->spacing_min[2] = 2, r->spacing_max[2] = 1));
}

/* Values 0 .. n - 1 along the volume, in `type`, with slope 2 and intercept -100. */
static SagVolume *
ramp (const int size[3])
{
  const double spacing[3] = { 0.7, 0.7, 3 };
  g_autoptr (GError) error = NULL;
  SagGrid grid;
  SagVolume *volume;
  int value = 0;

  sag_grid_init (&grid, size, spacing);
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, 2, -100, "HU", &error);
  g_assert_no_error (error);
  for (int k = 0; k < size[2]; k++)
    {
      gint16 *slice = sag_volume_get_slice (volume, k);

      for (int v = 0; v < size[0] * size[1]; v++)
        slice[v] = (gint16) value++;
    }
  sag_volume_mark_ready (volume, 0, size[2]);
  sag_volume_set_origin_tags (volume, "CT", "");
  return volume;
}

static void
test_check (void)
{
  const int size[3] = { 10, 10, 10 };
  g_autoptr (SagVolume) volume = ramp (size);
  g_autoptr (SagRecipe) recipe = good_recipe ();
  char **warnings = sag_recipe_check (recipe, volume);

  g_assert_null (warnings[0]);
  g_strfreev (warnings);

  g_free (recipe->modality);
  recipe->modality = g_strdup ("MR\\CT");
  recipe->spacing_min[0] = recipe->spacing_max[0] = 0.7;
  recipe->spacing_max[2] = 3;
  recipe->intensity[0] = -101;
  recipe->intensity[1] = 1901;
  warnings = sag_recipe_check (recipe, volume);
  g_assert_null (warnings[0]);
  g_strfreev (warnings);

  g_free (recipe->modality);
  recipe->modality = g_strdup ("MR");
  recipe->spacing_max[2] = 2;
  recipe->intensity[1] = 500;
  warnings = sag_recipe_check (recipe, volume);
  g_assert_cmpint (g_strv_length (warnings), ==, 3);
  g_assert_cmpstr (warnings[0], ==, "The series is CT, the model was trained on MR.");
  g_assert_nonnull (strstr (warnings[1], "coarsest voxel spacing is 3 mm"));
  g_assert_nonnull (strstr (warnings[2], "HU"));
  g_strfreev (warnings);
}

/* Slices that lie otherwise than those it knows; and a picture without millimetres. */
static void
test_check_planes (void)
{
  const int size[3] = { 10, 10, 10 };
  g_autoptr (SagVolume) volume = ramp (size); /* axial, 3 mm apart */
  g_autoptr (SagRecipe) recipe = good_recipe ();
  g_autoptr (GError) error = NULL;
  char **warnings;

  g_free (recipe->planes);
  recipe->planes = g_strdup ("coronal\\axial");
  g_assert_true (sag_recipe_validate (recipe, NULL));
  warnings = sag_recipe_check (recipe, volume);
  g_assert_null (warnings[0]);
  g_strfreev (warnings);

  g_free (recipe->planes);
  recipe->planes = g_strdup ("sagittal");
  warnings = sag_recipe_check (recipe, volume);
  g_assert_cmpint (g_strv_length (warnings), ==, 1);
  g_assert_cmpstr (warnings[0], ==,
                   "The slices are axial, the model was trained on sagittal ones.");
  g_strfreev (warnings);

  sag_volume_set_has_spacing (volume, FALSE);
  recipe->spacing[0] = recipe->spacing[1] = 1;
  recipe->spacing_max[0] = recipe->spacing_max[1] = recipe->spacing_max[2] = 0.1;
  warnings = sag_recipe_check (recipe, volume);
  g_assert_cmpint (g_strv_length (warnings), ==, 1);
  g_assert_nonnull (strstr (warnings[0], "size of a pixel is not known"));
  g_strfreev (warnings);

  g_free (recipe->planes);
  recipe->planes = g_strdup ("slanted");
  g_assert_false (sag_recipe_validate (recipe, &error));
  g_assert_nonnull (strstr (error->message, "slanted"));
}

/* Two slices are no scan of an organ; for a model of single slices they are two. */
static void
test_check_slices (void)
{
  const int size[3] = { 10, 10, 2 };
  g_autoptr (SagVolume) volume = ramp (size);
  g_autoptr (SagRecipe) recipe = good_recipe ();
  char **warnings = sag_recipe_check (recipe, volume);

  g_assert_cmpint (g_strv_length (warnings), ==, 1);
  g_assert_cmpstr (warnings[0], ==, "The series has 2 slices, the model was trained on whole scans.");
  g_strfreev (warnings);

  recipe->normalise = SAG_NORMALISE_ZSCORE;
  recipe->per_slice = TRUE;
  g_assert_true (sag_recipe_validate (recipe, NULL));
  warnings = sag_recipe_check (recipe, volume);
  g_assert_null (warnings[0]);
  g_strfreev (warnings);
}

/* A fifth of the volume lies outside the scanner's round field of view, far below any tissue. */
static void
test_check_padding (void)
{
  const int size[3] = { 10, 10, 10 };
  g_autoptr (SagVolume) volume = ramp (size);
  g_autoptr (SagRecipe) recipe = good_recipe ();
  char **warnings;

  for (int k = 0; k < 2; k++)
    for (int v = 0; v < size[0] * size[1]; v++)
      ((gint16 *) sag_volume_get_slice (volume, k))[v] = -1462; /* -3024 HU */
  recipe->intensity[0] = 250;
  recipe->intensity[1] = 1901;
  warnings = sag_recipe_check (recipe, volume);
  g_assert_null (warnings[0]);
  g_strfreev (warnings);

  recipe->intensity[0] = 400; /* but what is there counts */
  warnings = sag_recipe_check (recipe, volume);
  g_assert_cmpint (g_strv_length (warnings), ==, 1);
  g_strfreev (warnings);
}

static SagScale
scale_of (SagRecipe *recipe, SagVolume *volume)
{
  g_autoptr (GError) error = NULL;
  SagScale scale;

  g_assert_true (sag_stats_scale_volume (recipe, volume, NULL, &scale, &error));
  g_assert_no_error (error);
  return scale;
}

static float
scaled (const SagScale *scale, float value)
{
  sag_scale_apply (scale, &value, 1);
  return value;
}

/* Values are -100, -98 … 1898. */
static void
test_scale (void)
{
  const int size[3] = { 10, 10, 10 };
  g_autoptr (SagVolume) volume = ramp (size);
  g_autoptr (SagRecipe) recipe = good_recipe ();
  SagScale scale;

  recipe->has_clip = TRUE;
  recipe->clip[0] = 0;
  recipe->clip[1] = 1000;
  recipe->mean = 500;
  recipe->std = 250;
  scale = scale_of (recipe, volume);
  g_assert_cmpfloat (scaled (&scale, -3000), ==, -2);
  g_assert_cmpfloat (scaled (&scale, 500), ==, 0);
  g_assert_cmpfloat (scaled (&scale, 3000), ==, 2);
  g_assert_cmpfloat (scaled (&scale, NAN), ==, -2);
  g_assert_cmpfloat (scale.outside, ==, 0);

  recipe->has_clip = FALSE;
  recipe->mean = 0;
  recipe->std = 1;
  recipe->normalise = SAG_NORMALISE_ZSCORE;
  scale = scale_of (recipe, volume);
  g_assert_cmpfloat (fabsf (scale.shift - 899), <, 1e-3f);
  g_assert_cmpfloat (fabs (1 / scale.scale - sqrt ((1e6 - 1) / 12) * 2), <, 0.01);
  g_assert_cmpfloat (scale.outside, ==, -100);
  recipe->padding = SAG_PADDING_ZERO;
  scale = scale_of (recipe, volume);
  g_assert_cmpfloat (scaled (&scale, scale.outside), ==, 0);

  recipe->normalise = SAG_NORMALISE_MINMAX;
  scale = scale_of (recipe, volume);
  g_assert_cmpfloat (scaled (&scale, -100), ==, 0);
  g_assert_cmpfloat (fabsf (scaled (&scale, 1898) - 1), <, 1e-6f);

  recipe->normalise = SAG_NORMALISE_PERCENTILE;
  recipe->percentile[0] = 10;
  recipe->percentile[1] = 90;
  scale = scale_of (recipe, volume);
  g_assert_cmpfloat (fabsf (scale.lo - 98), <=, 2);
  g_assert_cmpfloat (fabsf (scale.hi - 1698), <=, 2);
  g_assert_cmpfloat (scaled (&scale, -5000), ==, 0);
  g_assert_cmpfloat (fabsf (scaled (&scale, 5000) - 1), <, 1e-6f);
}

/* Sums do not depend on the team. */
static void
test_threads (void)
{
  const int size[3] = { 33, 21, 37 };
  g_autoptr (SagVolume) volume = ramp (size);
  g_autoptr (SagRecipe) recipe = good_recipe ();
  SagScale one, four;

  recipe->normalise = SAG_NORMALISE_ZSCORE_NONZERO;
  sag_parallel_own (SAG_TEAM_COMPUTE, 1);
  one = scale_of (recipe, volume);
  sag_parallel_own (SAG_TEAM_COMPUTE, 4);
  four = scale_of (recipe, volume);
  sag_parallel_own (SAG_TEAM_COMPUTE, 1);
  g_assert_cmpmem (&one, sizeof one, &four, sizeof four);
}

/* One slice by itself equals a volume of one slice; and nothing breaks where there is nothing. */
static void
test_slice (void)
{
  const int size[3] = { 40, 25, 1 };
  g_autoptr (SagVolume) volume = ramp (size);
  g_autoptr (SagRecipe) recipe = good_recipe ();
  g_autofree float *values = g_new (float, 1000);
  g_autofree guint32 *bins = g_new (guint32, SAG_STATS_BINS);
  SagScale whole, slice;

  sag_volume_get_values (volume, 0, values);
  for (int n = SAG_NORMALISE_ZSCORE; n < SAG_N_NORMALISES; n++)
    {
      recipe->normalise = n;
      whole = scale_of (recipe, volume);
      sag_stats_scale_slice (recipe, values, 1000, bins, &slice);
      g_assert_cmpmem (&whole, sizeof whole, &slice, sizeof slice);
    }
  for (int v = 0; v < 1000; v++)
    values[v] = v < 500 ? NAN : 7;
  for (int n = SAG_NORMALISE_ZSCORE; n < SAG_N_NORMALISES; n++)
    {
      recipe->normalise = n;
      sag_stats_scale_slice (recipe, values, 1000, bins, &slice);
      g_assert_true (isfinite (slice.shift) && slice.scale == 1);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/recipe/validate", test_validate);
  g_test_add_func ("/recipe/check", test_check);
  g_test_add_func ("/recipe/check-planes", test_check_planes);
  g_test_add_func ("/recipe/check-slices", test_check_slices);
  g_test_add_func ("/recipe/check-padding", test_check_padding);
  g_test_add_func ("/stats/scale", test_scale);
  g_test_add_func ("/stats/threads", test_threads);
  g_test_add_func ("/stats/slice", test_slice);
  return g_test_run ();
}
