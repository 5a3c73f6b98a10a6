/* SPDX-License-Identifier: Apache-2.0
 *
 * test-phantom.c: is the phantom the same every time, and could it be a patient?
 */
#include "engine/base/error.h"
#include "engine/base/parallel.h"
#include "engine/image/phantom.h"

#include <math.h>
#include <string.h>

/* The sample study, coarse enough to be quick. */
static void
small_spec (SagPhantomSpec *spec, guint64 seed)
{
  sag_phantom_spec_init (spec, seed);
  for (int axis = 0; axis < 3; axis++)
    {
      int size = axis < 2 ? 160 : 48;

      spec->spacing[axis] *= (double)spec->size[axis] / size;
      spec->size[axis] = size;
    }
}

static gsize
n_bytes (const SagVolume *volume)
{
  return sag_grid_get_n_voxels (sag_volume_get_grid (volume)) * 2;
}

static void
make (const SagPhantomSpec *spec, SagVolume **volume, SagSegmentation **truth)
{
  GError *error = NULL;

  sag_phantom_thorax (spec, NULL, volume, truth, &error);
  g_assert_no_error (error);
}

static void
test_same_bytes (void)
{
  SagPhantomSpec spec;
  g_autoptr (SagVolume) one = NULL;
  g_autoptr (SagVolume) two = NULL;
  g_autoptr (SagVolume) other = NULL;
  g_autoptr (SagSegmentation) truth_one = NULL;
  g_autoptr (SagSegmentation) truth_two = NULL;
  g_autoptr (SagSegmentation) truth_other = NULL;

  small_spec (&spec, 5);
  sag_parallel_own (SAG_TEAM_COMPUTE, 1);
  make (&spec, &one, &truth_one);
  sag_parallel_own (SAG_TEAM_COMPUTE, 3);
  make (&spec, &two, &truth_two);
  g_assert_cmpmem (sag_block_get_data (sag_volume_get_block (one)), n_bytes (one),
                   sag_block_get_data (sag_volume_get_block (two)), n_bytes (two));
  for (int layer = 0; layer < 2; layer++)
    g_assert_cmpmem (
        sag_labelmap_get_voxels (sag_segmentation_get_layer (truth_one, layer)), n_bytes (one) / 2,
        sag_labelmap_get_voxels (sag_segmentation_get_layer (truth_two, layer)), n_bytes (one) / 2);

  spec.seed = 6;
  make (&spec, &other, &truth_other);
  g_assert_cmpint (memcmp (sag_block_get_data (sag_volume_get_block (one)),
                           sag_block_get_data (sag_volume_get_block (other)), n_bytes (one)),
                   !=, 0);
}

/* Mean HU of each label of layer 0. */
static void
mean_values (SagVolume *volume, SagLabelmap *labels, double mean[8])
{
  const SagGrid *grid = sag_volume_get_grid (volume);
  const guint8  *voxels = sag_labelmap_get_voxels (labels);
  gsize          count[8] = { 0 };
  gsize          n = 0;

  memset (mean, 0, 8 * sizeof *mean);
  for (int k = 0; k < grid->size[2]; k++)
    for (int j = 0; j < grid->size[1]; j++)
      for (int i = 0; i < grid->size[0]; i++, n++)
        {
          g_assert_cmpint (voxels[n], <, 8);
          mean[voxels[n]] += sag_volume_get_value (volume, i, j, k);
          count[voxels[n]]++;
        }
  for (int label = 0; label < 8; label++)
    mean[label] /= MAX (count[label], 1);
}

static void
test_plausible (void)
{
  SagPhantomSpec spec;
  g_autoptr (SagVolume) volume = NULL;
  g_autoptr (SagSegmentation) truth = NULL;
  g_autofree SagLabelStats *stats = g_new0 (SagLabelStats, 256);
  g_autofree SagLabelStats *nodules = g_new0 (SagLabelStats, 256);
  double                    mean[8];

  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
  small_spec (&spec, 1);
  make (&spec, &volume, &truth);
  g_assert_cmpstr (sag_volume_get_unit (volume), ==, "HU");
  g_assert_cmpstr (sag_volume_get_modality (volume), ==, "CT");
  g_assert_cmpint (sag_volume_get_n_ready (volume), ==, spec.size[2]);
  g_assert_cmpint (sag_segmentation_get_n_layers (truth), ==, 2);

  sag_labelmap_measure (sag_segmentation_get_layer (truth, 0), stats);
  for (int lung = SAG_PHANTOM_LEFT_LUNG; lung <= SAG_PHANTOM_RIGHT_LUNG; lung++)
    {
      g_assert_cmpfloat (stats[lung].ml, >, 1000);
      g_assert_cmpfloat (stats[lung].ml, <, 3500);
    }
  g_assert_cmpfloat (stats[SAG_PHANTOM_LEFT_LUNG].ml, <, stats[SAG_PHANTOM_RIGHT_LUNG].ml);
  /* LPS: x grows to the left, z to the head. */
  g_assert_cmpfloat (stats[SAG_PHANTOM_LEFT_LUNG].centroid[0], >, 30);
  g_assert_cmpfloat (stats[SAG_PHANTOM_RIGHT_LUNG].centroid[0], <, -30);
  g_assert_cmpfloat (stats[SAG_PHANTOM_HEART].centroid[0], >, 0);
  g_assert_cmpfloat (stats[SAG_PHANTOM_HEART].centroid[1], <, stats[SAG_PHANTOM_BONE].centroid[1]);
  g_assert_cmpfloat (stats[SAG_PHANTOM_AIRWAYS].centroid[2], >,
                     stats[SAG_PHANTOM_HEART].centroid[2]);
  g_assert_cmpfloat (stats[SAG_PHANTOM_HEART].ml, >, 350);
  g_assert_cmpfloat (stats[SAG_PHANTOM_HEART].ml, <, 1000);

  mean_values (volume, sag_segmentation_get_layer (truth, 0), mean);
  g_assert_cmpfloat (mean[SAG_PHANTOM_LEFT_LUNG], <, -700);
  g_assert_cmpfloat (mean[SAG_PHANTOM_LEFT_LUNG], >, -900);
  g_assert_cmpfloat (ABS (mean[SAG_PHANTOM_LEFT_LUNG] - mean[SAG_PHANTOM_RIGHT_LUNG]), <, 30);
  g_assert_cmpfloat (mean[SAG_PHANTOM_AORTA], >, 20);
  g_assert_cmpfloat (mean[SAG_PHANTOM_AORTA], <, 80);
  g_assert_cmpfloat (mean[SAG_PHANTOM_BONE], >, 200);

  /* Both nodules, each within a lung. */
  sag_labelmap_measure (sag_segmentation_get_layer (truth, 1), nodules);
  for (int nodule = SAG_PHANTOM_NODULE_1; nodule <= SAG_PHANTOM_NODULE_2; nodule++)
    {
      const SagGrid *grid = sag_volume_get_grid (volume);
      const guint8  *organs = sag_labelmap_get_voxels (sag_segmentation_get_layer (truth, 0));
      double         ijk[3];
      gsize          at;

      g_assert_cmpuint (nodules[nodule].n_voxels, >, 0);
      sag_grid_to_ijk (grid, nodules[nodule].centroid, ijk);
      at = ((gsize)(ijk[2] + 0.5) * grid->size[1] + (gsize)(ijk[1] + 0.5)) * grid->size[0]
           + (gsize)(ijk[0] + 0.5);
      g_assert_cmpint (organs[at], ==,
                       nodule == SAG_PHANTOM_NODULE_1 ? SAG_PHANTOM_RIGHT_LUNG
                                                      : SAG_PHANTOM_LEFT_LUNG);
    }
}

/* Random patients: sound specifications, lungs on their sides. */
static void
test_variants (void)
{
  const int size[3] = { 96, 96, 24 };

  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
  for (guint64 seed = 1; seed <= 6; seed++)
    {
      SagPhantomSpec spec;
      g_autoptr (SagVolume) volume = NULL;
      g_autoptr (SagSegmentation) truth = NULL;
      g_autofree SagLabelStats *stats = g_new0 (SagLabelStats, 256);

      sag_phantom_spec_init_random (&spec, seed, size);
      make (&spec, &volume, &truth);
      sag_labelmap_measure (sag_segmentation_get_layer (truth, 0), stats);
      g_assert_cmpfloat (stats[1].ml + stats[2].ml, >, 800);
      g_assert_cmpfloat (stats[1].ml + stats[2].ml, <, 9000);
      g_assert_cmpfloat (stats[1].centroid[0], >, stats[2].centroid[0] + 60);
    }
}

static gboolean
stop_at_half (double fraction, gpointer data)
{
  double *last = data;

  g_assert_cmpfloat (fraction, >=, *last);
  *last = fraction;
  return fraction < 0.5;
}

static void
test_refusals (void)
{
  double           last = 0;
  const SagTick    tick = { stop_at_half, &last };
  SagPhantomSpec   spec;
  SagVolume       *volume = NULL;
  SagSegmentation *truth = NULL;
  g_autoptr (GError) error = NULL;

  small_spec (&spec, 1);
  g_assert_false (sag_phantom_thorax (&spec, &tick, &volume, &truth, &error));
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_CANCELLED);
  g_assert_null (volume);
  g_assert_null (truth);
  g_clear_error (&error);

  spec.size[1] = 100000;
  g_assert_false (sag_phantom_thorax (&spec, NULL, &volume, &truth, &error));
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "size[1]"));
}

/* The head is the same in every contrast, on any number of threads, and has the parts of a head. */
static void
test_head (void)
{
  static const struct
  {
    int    label;
    double least_ml, most_ml;
  } parts[] = {
    { SAG_PHANTOM_GREY_MATTER, 350, 900 }, { SAG_PHANTOM_WHITE_MATTER, 300, 800 },
    { SAG_PHANTOM_CSF, 80, 650 },          { SAG_PHANTOM_DEEP_NUCLEI, 20, 80 },
    { SAG_PHANTOM_CEREBELLUM, 80, 200 },   { SAG_PHANTOM_BRAINSTEM, 15, 70 },
  };
  const int    size[3] = { 64, 78, 64 };
  const double spacing[3] = { 3, 3, 3 };
  g_autoptr (SagVolume) t1 = NULL;
  g_autoptr (SagVolume) t2 = NULL;
  g_autoptr (SagVolume) again = NULL;
  g_autoptr (SagSegmentation) truth = NULL;
  g_autoptr (SagSegmentation) same = NULL;
  g_autofree SagLabelStats *stats = g_new (SagLabelStats, 256);
  g_autoptr (GError) error = NULL;
  double csf[2] = { 0 }, white[2] = { 0 };
  gsize  n = 64 * 78 * 64, n_csf = 0, n_white = 0;
  const guint8 *labels;

  sag_parallel_own (SAG_TEAM_COMPUTE, 1);
  g_assert_true (sag_phantom_head (3, SAG_PHANTOM_T1, size, spacing, NULL, &t1, &truth, &error));
  g_assert_no_error (error);
  sag_parallel_own (SAG_TEAM_COMPUTE, 3);
  g_assert_true (sag_phantom_head (3, SAG_PHANTOM_T1, size, spacing, NULL, &again, NULL, &error));
  g_assert_true (sag_phantom_head (3, SAG_PHANTOM_T2, size, spacing, NULL, &t2, &same, &error));
  g_assert_cmpmem (sag_block_get_data (sag_volume_get_block (t1)), 2 * n,
                   sag_block_get_data (sag_volume_get_block (again)), 2 * n);
  labels = sag_labelmap_get_voxels (sag_segmentation_get_layer (truth, 0));
  g_assert_cmpmem (labels, n, sag_labelmap_get_voxels (sag_segmentation_get_layer (same, 0)), n);
  sag_labelmap_measure (sag_segmentation_get_layer (truth, 0), stats);
  for (gsize p = 0; p < G_N_ELEMENTS (parts); p++)
    {
      g_assert_cmpfloat (stats[parts[p].label].ml, >, parts[p].least_ml);
      g_assert_cmpfloat (stats[parts[p].label].ml, <, parts[p].most_ml);
      g_assert_cmpfloat (fabs (stats[parts[p].label].centroid[0]), <, 6); /* both sides alike */
    }
  g_assert_cmpfloat (stats[SAG_PHANTOM_CEREBELLUM].centroid[1], >, 30); /* at the back, below */
  g_assert_cmpfloat (stats[SAG_PHANTOM_CEREBELLUM].centroid[2], <, -25);
  for (gsize p = 0; p < n; p++)
    {
      double values[2] = { ((const guint16 *) sag_block_get_data (sag_volume_get_block (t1)))[p],
                           ((const guint16 *) sag_block_get_data (sag_volume_get_block (t2)))[p] };

      n_csf += labels[p] == SAG_PHANTOM_CSF;
      n_white += labels[p] == SAG_PHANTOM_WHITE_MATTER;
      for (int c = 0; c < 2; c++)
        {
          csf[c] += labels[p] == SAG_PHANTOM_CSF ? values[c] : 0;
          white[c] += labels[p] == SAG_PHANTOM_WHITE_MATTER ? values[c] : 0;
        }
    }
  g_assert_cmpfloat (csf[0] / n_csf, <, 0.6 * white[0] / n_white); /* dark in T1 */
  g_assert_cmpfloat (csf[1] / n_csf, >, 1.5 * white[1] / n_white); /* bright in T2 */
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/phantom/same-bytes", test_same_bytes);
  g_test_add_func ("/phantom/plausible", test_plausible);
  g_test_add_func ("/phantom/variants", test_variants);
  g_test_add_func ("/phantom/refusals", test_refusals);
  g_test_add_func ("/phantom/head", test_head);
  return g_test_run ();
}
