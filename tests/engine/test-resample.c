/* SPDX-License-Identifier: Apache-2.0
 *
 * test-resample.c: grid to grid against an independent sampler; slab by slab the same bits as
 * whole.
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
    { 1.5, 1, 3 }, { 0.8, 1.3, 2 }, { 2.5, 2.5, 2.5 }, { 1, 4, 0.9 }
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

static void
test_volume (void)
{
  for (int type = SAG_VOXEL_U8; type <= SAG_VOXEL_F32; type++)
    for (int which = 0; which < 20; which++)
      {
        g_autoptr (SagVolume) volume = scene_volume (type, FALSE);
        SagGrid to;
        g_autoptr (SagVolume) out = NULL;
        double scale = type == SAG_VOXEL_U16 ? 1e-1 : 2e-3;
        int inside = 0;

        make_target (sag_volume_get_grid (volume), which, &to);
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

/* Channels last, from slabs that hold only what get_source() asks for. */
static void
test_slabs (void)
{
  enum { CHANNELS = 3 };
  g_autoptr (SagVolume) volume = scene_volume (SAG_VOXEL_F32, FALSE);
  const SagGrid *from = sag_volume_get_grid (volume);
  gsize slice = (gsize) from->size[0] * (gsize) from->size[1];
  g_autofree float *values = g_new (float, slice * 12),
                   *whole = g_new (float, slice * 12 * CHANNELS);

  for (int k = 0; k < 12; k++)
    sag_volume_get_values (volume, k, values + slice * (gsize) k);
  for (gsize n = 0; n < slice * 12; n++)
    for (int c = 0; c < CHANNELS; c++)
      whole[n * CHANNELS + (gsize) c] = values[n] * (float) (c + 1);
  for (int which = 0; which < 20; which++)
    for (int clamped = 0; clamped < 2; clamped++)
      {
        float outside = clamped ? NAN : -5;
        SagGrid to;
        g_autoptr (SagResampler) resampler = NULL;
        g_autofree float *row = NULL, *part = NULL, *single = NULL;

        make_target (from, which, &to);
        resampler = sag_resampler_new (from, &to);
        row = g_new (float, to.size[0] * CHANNELS);
        part = g_new (float, to.size[0] * CHANNELS);
        single = g_new (float, to.size[0]);
        for (int k0 = 0; k0 < to.size[2]; k0 += 3)
          {
            int k1 = MIN (k0 + 3, to.size[2]), from_k0, from_k1;
            g_autofree float *slab = NULL;

            sag_resampler_get_source (resampler, k0, k1, &from_k0, &from_k1);
            g_assert_cmpint (from_k0, >=, 0);
            g_assert_cmpint (from_k0, <, from_k1);
            g_assert_cmpint (from_k1, <=, 12);
            slab = g_memdup2 (whole + (gsize) from_k0 * slice * CHANNELS,
                              (gsize) (from_k1 - from_k0) * slice * CHANNELS * sizeof (float));
            for (int k = k0; k < k1; k++)
              for (int j = 0; j < to.size[1]; j++)
                {
                  sag_resampler_float_row (resampler, whole, 0, 12, CHANNELS, j, k, outside, row);
                  sag_resampler_float_row (resampler, slab, from_k0, from_k1, CHANNELS, j, k,
                                           outside, part);
                  g_assert_cmpmem (part, to.size[0] * CHANNELS * sizeof (float), row,
                                   to.size[0] * CHANNELS * sizeof (float));
                  sag_resampler_float_row (resampler, values, 0, 12, 1, j, k, outside, single);
                  for (int i = 0; i < to.size[0]; i++)
                    g_assert_cmpfloat (row[i * CHANNELS], ==, single[i]);
                  sag_resampler_volume_row (resampler, volume, j, k, outside, part);
                  for (int i = 0; i < to.size[0]; i++)
                    g_assert_cmpfloat_with_epsilon (part[i], single[i], 2e-3);
                }
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

  make_target (sag_volume_get_grid (volume), 18, &to);
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
  g_test_add_func ("/resample/slabs", test_slabs);
  g_test_add_func ("/resample/outside", test_outside);
  g_test_add_func ("/resample/labels", test_labels);
  g_test_add_func ("/resample/threads", test_threads);
  return g_test_run ();
}
