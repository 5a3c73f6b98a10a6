/* SPDX-License-Identifier: Apache-2.0
 *
 * test-resample.c: grid to grid against an independent sampler.
 */
#include "tests/engine/slice-scene.h"

#include "engine/base/parallel.h"
#include "engine/image/resample.h"

/* Target grids: turned, finer, coarser, larger than the source, oblique. */
static void
make_target (const SagGrid *from, int which, SagGrid *to)
{
  static const char *const codes[] = { "LPS", "RAS", "SLA", "PIR" };
  static const double spacings[][3] = {
    { 1.5, 1, 3 }, { 0.8, 0.7, 1 }, { 2.5, 2.5, 2.5 }, { 1, 4, 0.9 }
  };
  SagTurn turn;
  SagGrid turned;

  g_assert_true (sag_grid_turn (from, codes[which % 4], &turn, &turned, NULL));
  sag_grid_respace (&turned, spacings[which / 4 % 4], to);
  if (which >= 16)
    {
      double c = cos (0.4), s = sin (0.4), middle[3], there[3];
      const double half[3] = { to->size[0] / 2, to->size[1] / 2, to->size[2] / 2 };

      /* About the middle. */
      sag_grid_to_lps (to, half, middle);
      memcpy (to->direction, (const double[]){ c, -s, 0, s, c, 0, 0, 0, 1 }, sizeof to->direction);
      sag_grid_to_lps (to, half, there);
      for (int p = 0; p < 3; p++)
        to->origin[p] += middle[p] - there[p];
    }
}

/* Whether a step along an axis of `to` is more than two voxels of `from` long. */
static gboolean
is_coarser (const SagGrid *from, const SagGrid *to)
{
  double origin[3], there[3];
  gboolean coarser = FALSE;

  sag_grid_to_lps (to, (const double[]){ 0, 0, 0 }, origin);
  sag_grid_to_ijk (from, origin, origin);
  for (int a = 0; a < 3; a++)
    {
      sag_grid_to_lps (to, (const double[]){ a == 0, a == 1, a == 2 }, there);
      sag_grid_to_ijk (from, there, there);
      for (int f = 0; f < 3; f++)
        coarser |= fabs (there[f] - origin[f]) > 2;
    }
  return coarser;
}

static void
test_volume (void)
{
  int compared = 0;

  for (int type = SAG_VOXEL_U8; type <= SAG_VOXEL_F32; type++)
    for (int which = 0; which < 20; which++)
      {
        g_autoptr (SagVolume) volume = scene_volume (type, FALSE);
        SagGrid to;
        g_autoptr (SagVolume) out = NULL;
        double scale = type == SAG_VOXEL_U16 ? 1e-1 : 2e-3;
        int inside = 0;

        make_target (sag_volume_get_grid (volume), which, &to);
        if (which < 16 && is_coarser (sag_volume_get_grid (volume), &to))
          continue;
        compared++;
        out = sag_volume_resample (volume, &to, -77, NULL);
        g_assert_cmpint (sag_volume_get_n_ready (out), ==, to.size[2]);
        g_assert_cmpstr (sag_volume_get_unit (out), ==, "HU");
        for (int k = 0; k < to.size[2]; k++)
          for (int j = 0; j < to.size[1]; j++)
            for (int i = 0; i < to.size[0]; i++)
              {
                double lps[3], value;

                sag_grid_to_lps (&to, (const double[]){ i, j, k }, lps);
                value = scene_sample (volume, lps, 0);
                if (isnan (value))
                  g_assert_cmpfloat (sag_volume_get_value (out, i, j, k), ==, -77);
                else
                  g_assert_cmpfloat_with_epsilon (sag_volume_get_value (out, i, j, k), value,
                                                  scale);
                inside += !isnan (value);
              }
        g_assert_cmpint (inside, >, 100);
      }
  g_assert_cmpint (compared, >=, 4 * 9);
}

/* A turn alone moves voxels and changes nothing. */
static void
test_exact (void)
{
  g_autoptr (SagVolume) volume = scene_volume (SAG_VOXEL_I16, TRUE);
  const SagGrid *from = sag_volume_get_grid (volume);
  SagTurn turn;
  SagGrid to;
  g_autoptr (SagVolume) out = NULL;

  g_assert_true (sag_grid_turn (from, "SAR", &turn, &to, NULL));
  out = sag_volume_resample (volume, &to, 0, NULL);
  for (int k = 0; k < to.size[2]; k++)
    for (int j = 0; j < to.size[1]; j++)
      for (int i = 0; i < to.size[0]; i++)
        {
          const int here[3] = { i, j, k };
          int there[3];

          for (int a = 0; a < 3; a++)
            there[turn.perm[a]] = turn.flip[a] ? to.size[a] - 1 - here[a] : here[a];
          g_assert_cmpfloat (sag_volume_get_value (out, i, j, k), ==,
                             sag_volume_get_value (volume, there[0], there[1], there[2]));
        }
}

/* What voxel `q` weighs in a mean around `at`: a triangle that ends `half` voxels away. */
static double
weigh (int q, double at, double half)
{
  return MAX (1 - fabs (q - at) / half, 0);
}

/* The mean of `volume` around `lps`, within `half` its voxels to either side along each axis. */
static double
mean_around (const SagVolume *volume, const double lps[3], const double half[3])
{
  const int *size = sag_volume_get_grid (volume)->size;
  double at[3], sum = 0, all = 0;

  sag_grid_to_ijk (sag_volume_get_grid (volume), lps, at);
  for (int a = 0; a < 3; a++)
    at[a] = CLAMP (at[a], 0, size[a] - 1);
  for (int k = 0; k < size[2]; k++)
    {
      double deep = weigh (k, at[2], half[2]);

      for (int j = 0; j < size[1] && deep > 0; j++)
        {
          double across = deep * weigh (j, at[1], half[1]);

          for (int i = 0; i < size[0] && across > 0; i++)
            {
              double weight = across * weigh (i, at[0], half[0]);

              sum += weight * sag_volume_get_value (volume, i, j, k);
              all += weight;
            }
        }
    }
  return sum / all;
}

/* Coarser along one axis, two or three, turned and mirrored: the mean over the step; linear along
 * those that are not. */
static void
test_coarser (void)
{
  static const double spacings[][3] = {
    { 1.5, 4.2, 3 }, { 2.4, 1, 7 }, { 3.1, 2.1, 6.1 }, { 40, 50, 60 }, { 0.4, 0.5, 9 }
  };
  static const char *const codes[] = { "LPS", "RAS", "SLA", "PIR" };

  for (int type = SAG_VOXEL_U8; type <= SAG_VOXEL_F32; type++)
    for (gsize which = 0; which < G_N_ELEMENTS (spacings) * G_N_ELEMENTS (codes); which++)
      {
        g_autoptr (SagVolume) volume = scene_volume (type, which % 2 != 0), out = NULL;
        const SagGrid *from = sag_volume_get_grid (volume);
        SagTurn turn;
        SagGrid turned, to;
        double half[3], scale = type == SAG_VOXEL_U16 ? 1e-1 : 2e-3, spacing[3];

        g_assert_true (sag_grid_turn (from, codes[which % 4], &turn, &turned, NULL));
        for (int a = 0; a < 3; a++)
          {
            double step = spacings[which / 4][turn.perm[a]];

            spacing[a] = step;
            half[turn.perm[a]] = MAX (step / from->spacing[turn.perm[a]] / 2, 1);
          }
        sag_grid_respace (&turned, spacing, &to);
        out = sag_volume_resample (volume, &to, NAN, NULL);
        for (int k = 0; k < to.size[2]; k++)
          for (int j = 0; j < to.size[1]; j++)
            for (int i = 0; i < to.size[0]; i += 3)
              {
                double lps[3];

                sag_grid_to_lps (&to, (const double[]){ i, j, k }, lps);
                g_assert_cmpfloat_with_epsilon (sag_volume_get_value (out, i, j, k),
                                                mean_around (volume, lps, half), scale);
              }
      }
}

/* Beyond the border: the constant, or the border itself. */
static void
test_outside (void)
{
  g_autoptr (SagVolume) volume = scene_volume (SAG_VOXEL_I16, FALSE);
  const SagGrid *from = sag_volume_get_grid (volume);
  SagGrid to = *from;
  g_autoptr (SagResampler) resampler = NULL;
  float row[34];

  to.size[0] = 34;
  to.origin[0] -= 5 * from->spacing[0];
  resampler = sag_resampler_new (from, &to);
  sag_resampler_volume_row (resampler, volume, 3, 4, 9, row);
  g_assert_cmpfloat (row[4], ==, 9);
  g_assert_cmpfloat (row[5], ==, sag_volume_get_value (volume, 0, 3, 4));
  g_assert_cmpfloat (row[29], ==, 9);
  sag_resampler_volume_row (resampler, volume, 3, 4, NAN, row);
  g_assert_cmpfloat (row[0], ==, sag_volume_get_value (volume, 0, 3, 4));
  g_assert_cmpfloat (row[33], ==, sag_volume_get_value (volume, 23, 3, 4));
}

static void
test_labels (void)
{
  static const SagLabel label = { .value = 200, .name = "spot" };
  SagGrid grid, to;
  g_autoptr (SagLabelmap) map = NULL;

  sag_grid_init (&grid, (const int[]){ 9, 8, 7 }, (const double[]){ 1, 2, 3 });
  map = sag_labelmap_new (&grid, NULL, &label, 1, NULL);
  for (int n = 0; n < 9 * 8 * 7; n++)
    sag_labelmap_get_voxels (map)[n] = (guint8) (n * 37 % 251);
  for (int which = 0; which < 20; which++)
    {
      g_autoptr (SagLabelmap) out = NULL;

      make_target (&grid, which, &to);
      out = sag_labelmap_resample (map, &to, NULL);
      g_assert_cmpstr (sag_labelmap_find_label (out, 200)->name, ==, "spot");
      for (int n = 0; n < (int) sag_grid_get_n_voxels (&to); n++)
        {
          double ijk[3] = { n % to.size[0], n / to.size[0] % to.size[1],
                            n / to.size[0] / to.size[1] };
          int at[3], expected = 0;
          gboolean inside = TRUE, tie = FALSE;

          sag_grid_to_lps (&to, ijk, ijk);
          sag_grid_to_ijk (&grid, ijk, ijk);
          for (int a = 0; a < 3; a++)
            {
              at[a] = (int) floor (ijk[a] + 0.5);
              tie |= fabs (ijk[a] + 0.5 - floor (ijk[a] + 1)) < 1e-6;
              inside = inside && at[a] >= 0 && at[a] < grid.size[a];
            }
          if (inside)
            expected = sag_labelmap_get_voxels (map)[at[0] + 9 * (at[1] + 8 * at[2])];
          if (!tie)
            g_assert_cmpint (sag_labelmap_get_voxels (out)[n], ==, expected);
        }
    }
}

static void
test_threads (void)
{
  g_autoptr (SagVolume) volume = scene_volume (SAG_VOXEL_I16, TRUE), first = NULL;
  SagGrid to;

  sag_grid_respace (sag_volume_get_grid (volume), (const double[]){ 4, 1.7, 5 }, &to);
  for (int threads = 1; threads <= 4; threads++)
    {
      g_autoptr (SagVolume) out = NULL;
      gsize bytes = sag_grid_get_n_voxels (&to) * sizeof (float);

      sag_parallel_own (SAG_TEAM_COMPUTE, threads);
      out = sag_volume_resample (volume, &to, 0, NULL);
      if (first == NULL)
        first = g_steal_pointer (&out);
      else
        g_assert_cmpmem (sag_volume_get_slice (out, 0), bytes, sag_volume_get_slice (first, 0),
                         bytes);
    }
  sag_parallel_own (SAG_TEAM_NONE, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/resample/volume", test_volume);
  g_test_add_func ("/resample/exact", test_exact);
  g_test_add_func ("/resample/coarser", test_coarser);
  g_test_add_func ("/resample/outside", test_outside);
  g_test_add_func ("/resample/labels", test_labels);
  g_test_add_func ("/resample/threads", test_threads);
  return g_test_run ();
}
