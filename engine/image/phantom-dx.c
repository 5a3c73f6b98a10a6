/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom-dx.c: the thorax as a radiograph.
 *
 * A CT of it, coarse along the beam, is summed from back to front; what arrives is shown by the logarithm, the
 * large differences made smaller than the small ones, as detectors' software does.
 */
#include "engine/image/phantom-math.h"
#include "engine/image/phantom.h"

#include "engine/base/alloc.h"
#include "engine/base/error.h"

#include <string.h>

#define WIDTH 768
#define PIXEL_MM 0.56
#define ROWS_OF_CT 400
#define MU_PER_MM 0.0185 /* of water, 70 keV */
#define FIELD_MM 75.0    /* lung in the way that makes a field */

/* Moving average over 2 * reach + 1 along a line of n at a stride, edges repeated. */
static void
average (const float *in, float *out, int n, gsize stride, int reach)
{
  double sum = 0;

  for (int i = -reach; i <= reach; i++)
    sum += in[(gsize)CLAMP (i, 0, n - 1) * stride];
  for (int i = 0; i < n; i++)
    {
      out[(gsize)i * stride] = (float)(sum / (2 * reach + 1));
      sum += in[(gsize)MIN (i + reach + 1, n - 1) * stride] - in[(gsize)MAX (i - reach, 0) * stride];
    }
}

/* Three averages are nearly a Gaussian. */
static void
smooth (float *image, float *work, int reach)
{
  for (int pass = 0; pass < 3; pass++)
    {
      for (int j = 0; j < WIDTH; j++)
        average (image + (gsize)j * WIDTH, work + (gsize)j * WIDTH, WIDTH, 1, reach);
      for (int i = 0; i < WIDTH; i++)
        average (work + i, image + i, WIDTH, WIDTH, reach);
    }
}

typedef struct
{
  float *path;    /* attenuation */
  float *lung[2]; /* mm of lung */
} Sums;

/* Line `k` of the CT, counted from the feet. */
static void
sum_line (SagVolume *ct, SagLabelmap *organs, int k, Sums *sums, gsize at)
{
  const SagGrid *grid = sag_volume_get_grid (ct);
  const gint16  *voxels = sag_volume_get_slice (ct, k);
  const guint8  *labels = sag_labelmap_get_voxels (organs) + (gsize)k * WIDTH * grid->size[1];

  for (int j = 0; j < grid->size[1]; j++)
    for (int i = 0; i < WIDTH; i++)
      {
        gsize p = (gsize)j * WIDTH + i;
        float density = MAX (voxels[p] - 24, 0) * 1e-3f; /* stored: HU + 1024 */

        sums->path[at + i] += density * (float)(grid->spacing[1] * MU_PER_MM);
        if (labels[p] == SAG_PHANTOM_LEFT_LUNG || labels[p] == SAG_PHANTOM_RIGHT_LUNG)
          sums->lung[labels[p] - 1][at + i] += (float)grid->spacing[1];
      }
}

static void
expose (guint64 seed, const float *path, float *work, float *low, guint16 *out)
{
  const gsize n = (gsize)WIDTH * WIDTH;

  memcpy (low, path, n * sizeof *low);
  smooth (low, work, 28);
  for (gsize p = 0; p < n; p++)
    {
      double detail = path[p] - low[p], e = 1.0 + path[p] / 512.0, value;

      for (int square = 0; square < 8; square++) /* exp (path / 2): few photons, much noise */
        e *= e;
      detail += 0.0035 * e
                * (sag_phantom_unit (&(SagPhantomRandom){ sag_phantom_mix (seed + p) })
                   + sag_phantom_unit (&(SagPhantomRandom){ sag_phantom_mix (seed + n + p) }) - 1.0);
      value = 330.0 * low[p] + 1050.0 * detail + 250.0;
      out[p] = (guint16)(CLAMP (value, 0.0, 4095.0) + 0.5);
    }
}

static SagLabelmap *
new_fields (const SagGrid *grid, SagLabelmap *organs, const Sums *sums, GError **error)
{
  SagLabel labels[2];
  SagLabelmap *fields;
  guint8 *to;

  for (int n = 0; n < 2; n++)
    labels[n] = *sag_labelmap_find_label (organs, (guint8)(n + 1));
  fields = sag_labelmap_new (grid, NULL, labels, 2, error);
  if (fields == NULL)
    return NULL;
  to = sag_labelmap_get_voxels (fields);
  for (gsize p = 0; p < (gsize)WIDTH * WIDTH; p++)
    {
      int more = sums->lung[1][p] > sums->lung[0][p];

      to[p] = sums->lung[more][p] >= FIELD_MM ? (guint8)(more + 1) : 0;
    }
  return fields;
}

/* From lines of the CT, counted from the feet, to rows of square pixels, from the head. */
static void
to_rows (const float *lines, float *rows)
{
  for (int j = 0; j < WIDTH; j++)
    {
      double at = (ROWS_OF_CT - 1) * (1.0 - (double)j / (WIDTH - 1));
      int    k = MIN ((int)at, ROWS_OF_CT - 2);
      float  share = (float)(at - k);

      for (int i = 0; i < WIDTH; i++)
        rows[(gsize)j * WIDTH + i] = lines[(gsize)k * WIDTH + i] * (1 - share) + lines[(gsize)(k + 1) * WIDTH + i] * share;
    }
}

gboolean
sag_phantom_chest_dx (guint64 seed, const SagTick *tick, SagVolume **volume, SagSegmentation **truth, GError **error)
{
  const int     size[3] = { WIDTH, WIDTH, 1 };
  const double  spacing[3] = { PIXEL_MM, PIXEL_MM, 1 };
  const double  coronal[9] = { 1, 0, 0, 0, 0, 1, 0, -1, 0 };
  const gsize   n = (gsize)WIDTH * WIDTH;
  g_autoptr (SagVolume) ct = NULL;
  g_autoptr (SagVolume) made = NULL;
  g_autoptr (SagSegmentation) organs = NULL;
  g_autoptr (SagLabelmap) fields = NULL;
  g_autoptr (SagProvenance) provenance = NULL;
  SagPhantomSpec spec;
  SagGrid        grid;
  float         *memory;
  Sums           lines, rows;

  sag_phantom_spec_init (&spec, seed);
  spec.size[0] = WIDTH;
  spec.size[1] = 72;
  spec.size[2] = ROWS_OF_CT;
  spec.spacing[0] = PIXEL_MM;
  spec.spacing[1] = 5;
  spec.spacing[2] = WIDTH * PIXEL_MM / ROWS_OF_CT;
  spec.top_mm = 200;
  spec.inspiration = 1;
  spec.dose = 50;
  spec.couch = FALSE;
  spec.field_mm = 0;
  if (!sag_phantom_thorax (&spec, tick, &ct, &organs, error))
    return FALSE;
  sag_grid_init (&grid, size, spacing);
  memcpy (grid.direction, coronal, sizeof coronal);
  grid.origin[0] = -0.5 * (WIDTH - 1) * PIXEL_MM;
  grid.origin[2] = spec.top_mm;
  made = sag_volume_new_alloc (&grid, SAG_VOXEL_U16, 1, 0, "", error);
  memory = made != NULL ? sag_alloc_try (8 * n * sizeof (float), "the radiograph", error) : NULL;
  if (memory == NULL)
    return FALSE;
  sag_volume_set_origin_tags (made, "DX", "");
  lines = (Sums){ memory, { memory + n, memory + 2 * n } };
  rows = (Sums){ memory + 3 * n, { memory + 4 * n, memory + 5 * n } };
  for (int k = 0; k < ROWS_OF_CT; k++)
    sum_line (ct, sag_segmentation_get_layer (organs, 0), k, &lines, (gsize)k * WIDTH);
  to_rows (lines.path, rows.path);
  to_rows (lines.lung[0], rows.lung[0]);
  to_rows (lines.lung[1], rows.lung[1]);
  expose (sag_phantom_mix (seed), rows.path, memory + 6 * n, memory + 7 * n, sag_volume_get_slice (made, 0));
  fields = new_fields (&grid, sag_segmentation_get_layer (organs, 0), &rows, error);
  sag_free (memory);
  if (fields == NULL)
    return FALSE;
  provenance = sag_provenance_new ();
  sag_provenance_set (&provenance->model_name, "Phantom truth");
  sag_provenance_set (&provenance->program, "Sagitta " SAG_VERSION);
  *truth = sag_segmentation_new (&fields, 1, NULL, provenance, error);
  if (*truth == NULL)
    return FALSE;
  sag_segmentation_mark_ready (*truth, 0, 1);
  sag_volume_mark_ready (made, 0, 1);
  *volume = g_steal_pointer (&made);
  return TRUE;
}
