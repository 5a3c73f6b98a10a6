/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom-head.c: an MR of a head that never was: shells from scalp to brain, folded cortex, ventricles,
 * nuclei, cerebellum and stem, as a scanner of 3 T shows them in three contrasts.
 *
 * Lengths in mm around the middle of the brain: +x to the patient's left, +y to the back, +z to the top.
 * Sulci are sheets that stand on the surface.
 */
#include "engine/image/phantom-math.h"
#include "engine/image/phantom.h"

#include "engine/base/alloc.h"
#include "engine/base/error.h"
#include "engine/base/parallel.h"

#include <string.h>

#define SLICES_PER_TICK 8
#define RADIUS 62.0 /* of the sphere on which the sulci are drawn, mm */
#define COARSE 10.0 /* mm: cells of the noise they are drawn by */
#define FINE 7.0
#define LEAST_SLOPE 0.02 /* a mm */

typedef enum
{
  AIR,
  FAT,
  MUSCLE,
  BONE,
  MARROW,
  VITREOUS,
  CSF,
  GREY,
  WHITE,
  DEEP,
  FOLIA,
  ARBOR, /* white matter of the cerebellum */
  STEM,
  N_TISSUES
} Tissue;

/* Signal of each tissue: T1 MPRAGE, T2 TSE, FLAIR. */
static const float signals[N_TISSUES][3] = {
  [AIR] = { 0, 0, 0 },          [FAT] = { 900, 620, 520 },    [MUSCLE] = { 380, 180, 230 },
  [BONE] = { 60, 50, 60 },      [MARROW] = { 560, 300, 300 }, [VITREOUS] = { 150, 1000, 110 },
  [CSF] = { 140, 1050, 90 },    [GREY] = { 520, 560, 520 },   [WHITE] = { 780, 380, 400 },
  [DEEP] = { 620, 430, 450 },   [FOLIA] = { 520, 540, 500 },  [ARBOR] = { 740, 400, 400 },
  [STEM] = { 700, 420, 420 },
};

/* Label of the truth; 0: not brain. */
static const guint8 labels_of[N_TISSUES] = {
  [CSF] = SAG_PHANTOM_CSF,          [GREY] = SAG_PHANTOM_GREY_MATTER, [WHITE] = SAG_PHANTOM_WHITE_MATTER,
  [DEEP] = SAG_PHANTOM_DEEP_NUCLEI, [FOLIA] = SAG_PHANTOM_CEREBELLUM, [ARBOR] = SAG_PHANTOM_CEREBELLUM,
  [STEM] = SAG_PHANTOM_BRAINSTEM,
};

static double
ellipsoid (double x, double y, double z, double cx, double cy, double cz, double rx, double ry, double rz)
{
  double u = (x - cx) / rx, v = (y - cy) / ry, w = (z - cz) / rz;

  return (sqrt (u * u + v * v + w * w) - 1.0) * MIN (MIN (rx, ry), rz);
}

static double
capsule (double x, double y, double z, const double a[3], const double b[3], double ra, double rb)
{
  double d[3] = { b[0] - a[0], b[1] - a[1], b[2] - a[2] }, p[3] = { x - a[0], y - a[1], z - a[2] };
  double t = CLAMP ((p[0] * d[0] + p[1] * d[1] + p[2] * d[2]) / (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]), 0, 1);
  double q[3] = { p[0] - t * d[0], p[1] - t * d[1], p[2] - t * d[2] };

  return sqrt (q[0] * q[0] + q[1] * q[1] + q[2] * q[2]) - (ra + t * (rb - ra));
}

/* Distance to the skin. */
static double
skin (double x, double y, double z)
{
  static const double throat[3] = { 0, 8, -70 }, below[3] = { 0, 16, -190 };
  double head = ellipsoid (x, y, z, 0, 0, 6, 79, 100, 91);
  double face = ellipsoid (x, y, z, 0, -56, -58, 60, 44, 58);
  double nose = ellipsoid (x, y, z, 0, -103, -46, 13, 15, 17);
  double chin = ellipsoid (x, y, z, 0, -72, -104, 40, 30, 24);
  double neck = capsule (x, y, z, throat, below, 58, 60);

  return sag_phantom_smin (sag_phantom_smin (sag_phantom_smin (sag_phantom_smin (head, face, 26), nose, 10), chin, 24),
                           neck, 40);
}

/* Distance to the inner table of the skull. */
static double
vault (double x, double y, double z)
{
  double upper = ellipsoid (x, y, z, 0, 0, 10, 69.5, 88, 73);
  double fossa = ellipsoid (x, y, z, 0, 40, -28, 56, 42, 40);
  double base = -(z + 34.0 + 0.32 * y); /* rises to the front */

  return sag_phantom_smin (sag_phantom_smax (upper, base - 7, 8), fossa, 12);
}

/* Depth in the cerebrum's envelope (negative inside), clefts left out. */
static double
envelope (double x, double y, double z)
{
  double upper = ellipsoid (x, y, z, 0, 0.5, 11, 67.5, 86, 70);
  double temporal = ellipsoid (fabs (x), y, z, 39, -10, -18, 25, 44, 20);
  double low = -(z + 8.0 - 0.10 * y);

  return sag_phantom_smin (sag_phantom_smax (upper, low - 4, 10), temporal, 5);
}

/* How far the middle of the next sulcus is: where a noise that depends on the direction alone is a half. Its value
 * over its slope along the surface is that distance, so that a sulcus is as wide where the noise is flat. */
static double
sulcus (guint64 seed, double u, double v, double w, double r)
{
  double coarse[3], fine[3], along = 0, square = 0, value;
  const double at[3] = { u, v, w };

  value = sag_phantom_noise_slope (seed, u / COARSE, v / COARSE, w / COARSE, coarse) - 0.5;
  value += 0.5 * (sag_phantom_noise_slope (seed + 1, u / FINE, v / FINE, w / FINE, fine) - 0.5);
  for (int a = 0; a < 3; a++)
    {
      coarse[a] = coarse[a] / COARSE + 0.5 * fine[a] / FINE;
      along += coarse[a] * at[a];
    }
  along /= u * u + v * v + w * w + 1e-9;
  for (int a = 0; a < 3; a++)
    square += (coarse[a] - along * at[a]) * (coarse[a] - along * at[a]);
  return fabs (value) / MAX (sqrt (square), LEAST_SLOPE) * r / RADIUS;
}

static Tissue
cerebrum (guint64 seed, double x, double y, double z, double depth)
{
  double ax = fabs (x), r = sqrt (x * x + y * y * 0.65 + (z - 6) * (z - 6)) + 1e-9;
  /* Sulci bend on their way down, and wander along the surface. */
  double sway = 9.0 * (sag_phantom_noise (seed + 4, x / 13, y / 13, z / 13) - 0.5) + 0.15 * (r - RADIUS);
  double u = RADIUS * x / r + sway, v = RADIUS * y / r - sway, w = RADIUS * (z - 6) / r + sway;
  double sheet = sulcus (seed, u, v, w, r);
  double reach = 9.0 + 12.0 * sag_phantom_noise (seed + 2, u / 20.0, v / 20.0, w / 20.0);
  double fissure = ax - 0.7 - 0.8 * sag_phantom_smooth (30, 70, z) - 0.5 * sag_phantom_smooth (40, 80, fabs (y));
  double callosum = -ellipsoid (x, y, z, 0, 3, 6, 40, 38, 21); /* joins the halves: they part around it */
  double slit = z + 2.0 - 0.42 * y - 9.0 * (sag_phantom_noise (seed + 5, x / 16, y / 16, z / 16) - 0.5);
  double inward = MAX (0, 33 + 2.5 * sag_phantom_smooth (0, 6, fabs (slit)) - ax);
  double sideways = MAX (0, MAX (y - 26, -46 - y));
  double sylvian = sqrt (slit * slit * 0.6 + inward * inward + sideways * sideways) - 0.8;
  double surface, open; /* how far the next open face is: outside and between the halves; in the sulci too */

  surface = MIN (-depth, MAX (fissure, callosum));
  open = MIN (MIN (surface, sylvian), MAX (sheet - 0.6, MAX (surface - reach, 38 - r)));
  return open < 0 ? CSF : open < 2.8 ? GREY : WHITE;
}

/* What lies in the middle of the cerebrum, or -1. */
static int
deep (double x, double y, double z)
{
  double ax = fabs (x);
  double body = ellipsoid (ax, y, z, 11 + 0.10 * (y + 30), -4, 21 - 0.004 * (y + 4) * (y + 4), 7, 36, 8);
  double horn = ellipsoid (ax + 0.12 * (y - 44), y, z, 25, 42, 7, 5.5, 18, 7);

  if (sag_phantom_smin (body, horn, 8) < 0 || ellipsoid (x, y, z, 0, 6, 4, 2.6, 17, 11) < 0)
    return CSF;
  if (ellipsoid (ax, y, z, 16, -20, 15, 6, 16, 9) < 0 || ellipsoid (ax, y, z, 27, -4, 4, 7, 18, 11) < 0
      || ellipsoid (ax, y, z, 11, 15, 7, 8, 14, 9) < 0)
    return DEEP;
  return -1;
}

/* Cerebellum and stem, or -1. */
static int
hind_brain (guint64 seed, double x, double y, double z)
{
  static const double top[3] = { 0, 18, -10 }, end[3] = { 0, 30, -120 };
  double body = ellipsoid (x, y, z, 0, 46, -36, 52, 34, 30);
  double stem = sag_phantom_smin (capsule (x, y, z, top, end, 14, 7), ellipsoid (x, y, z, 0, 13, -28, 17, 13, 14), 6);

  if (ellipsoid (x, y, z, 0, 37, -32, 6, 4, 9) < 0)
    return CSF;
  if (stem < 0)
    return STEM;
  if (body < 0)
    {
      double wave = (z + 36 + 0.25 * (y - 50)) / 4.4 + 0.9 * sag_phantom_noise (seed + 3, x / 14, y / 14, z / 14);
      double phase = wave - floor (wave);
      double core = ellipsoid (fabs (x), y, z, 17, 46, -35, 19, 14, 8);

      if (core < 0)
        return ARBOR;
      if (phase < 0.16 && body > -9)
        return CSF;
      return phase > 0.52 && phase < 0.64 && body < -5 ? ARBOR : FOLIA;
    }
  return -1;
}

/* Outside the skull's inner table. */
static Tissue
outside (double x, double y, double z, double skin_mm, double vault_mm)
{
  double ax = fabs (x);

  if (ellipsoid (ax, y, z, 31, -79, -26, 12, 12, 12) < 0)
    return VITREOUS;
  if (ellipsoid (ax, y, z, 30, -66, -27, 16, 24, 15) < 0)
    return ax > 24 && fabs (z + 27) < 2.2 ? MUSCLE : FAT; /* the orbit, a muscle in it */
  if (ellipsoid (ax, y, z, 8, -74, -48, 6, 26, 17) < 0 || ellipsoid (ax, y, z, 27, -64, -58, 13, 16, 15) < 0
      || ellipsoid (x, y, z, 0, -42, -36, 11, 12, 9) < 0 || ellipsoid (x, y, z, 0, -30, -84, 9, 10, 34) < 0
      || ellipsoid (ax, y, z, 9, -84, 4, 8, 5, 9) < 0)
    return AIR; /* nose, sinuses, pharynx */
  if (vault_mm < 8.0 && z > -66)
    return vault_mm > 2.4 && vault_mm < 5.6 && z > -20 ? MARROW : BONE;
  if (ellipsoid (x, y, z, 0, 38, -118, 15, 15, 48) < 0)
    return ellipsoid (x, y, z, 0, 38, -118, 12, 12, 46) < 0 ? MARROW : BONE;
  if (ellipsoid (ax, y, z, 24, -80, -92, 8, 16, 9) < 0)
    return BONE; /* jaw and teeth */
  return skin_mm > -5.5 ? FAT : MUSCLE;
}

static Tissue
tissue_at (guint64 seed, double x, double y, double z)
{
  double skin_mm = skin (x, y, z), vault_mm, depth;
  int    found;

  if (skin_mm > 0)
    return AIR;
  vault_mm = vault (x, y, z);
  found = hind_brain (seed, x, y, z);
  if (vault_mm > 0)
    return found == STEM && z < -50 ? STEM : outside (x, y, z, skin_mm, vault_mm);
  depth = envelope (x, y, z);
  if (depth < 0 && found < 0)
    {
      found = deep (x, y, z);
      return found >= 0 ? (Tissue)found : cerebrum (seed, x, y, z, depth);
    }
  return found >= 0 ? (Tissue)found : CSF;
}

/* ---- the scan ---- */

typedef struct
{
  guint64            seed;
  SagPhantomContrast contrast;
  const SagGrid     *grid;
  SagVolume         *volume;
  guint8            *truth;
  int                first; /* slice of the part that is shared out now */
} Work;

static double
gauss (guint64 h)
{
  return ((double)((h & 0xffff) + (h >> 16 & 0xffff) + (h >> 32 & 0xffff) + (h >> 48)) - 131070.0) / 37837.0;
}

static void
make_slice (gsize item, int thread, gpointer data)
{
  const Work *work = data;
  const SagGrid *grid = work->grid;
  int width = grid->size[0], height = grid->size[1], k = work->first + (int)item;
  int n_over = grid->spacing[2] > 2.0 ? 4 : 2; /* samples through a slice: partial volume */
  guint16 *out = sag_volume_get_slice (work->volume, k);
  guint8  *truth = work->truth != NULL ? work->truth + (gsize)k * (gsize)width * (gsize)height : NULL;

  for (int j = 0, p = 0; j < height; j++)
    for (int i = 0; i < width; i++, p++)
      {
        double x = grid->origin[0] + i * grid->spacing[0], y = grid->origin[1] + j * grid->spacing[1];
        double z = grid->origin[2] + k * grid->spacing[2], signal = 0, bias, re, im;
        guint64 h;
        int votes[SAG_PHANTOM_BRAINSTEM + 1] = { 0 }, best = 0;

        for (int s = 0; s < 2 * n_over; s++)
          {
            /* Two samples across, staggered, so that edges are not steps. */
            double dx = ((s & 1) != 0 ? 0.25 : -0.25) * grid->spacing[0];
            double dy = ((s / 2 & 1) != 0 ? 0.25 : -0.25) * grid->spacing[1];
            double dz = ((s / 2 + 0.5) / n_over - 0.5) * grid->spacing[2];
            Tissue tissue = tissue_at (work->seed, x + dx, y + dy, z + dz);

            signal += signals[tissue][work->contrast];
            votes[labels_of[tissue]]++;
          }
        signal /= 2 * n_over;
        for (int v = 1; v <= SAG_PHANTOM_BRAINSTEM; v++)
          if (votes[v] > votes[best])
            best = v;
        if (truth != NULL)
          truth[p] = (guint8)best;
        /* Coils hear what is near; the neck leaves the field. */
        bias = 1.0 + 0.10 * (x / 90) + 0.08 * (y / 110) - 0.16 * (1 - (x * x + y * y + z * z) / 14000.0);
        bias *= sag_phantom_smooth (-150, -70, z);
        if (signal > 0)
          signal *= 1.0 + 0.05 * (sag_phantom_noise (work->seed + 9, x / 2.5, y / 2.5, z / 2.5) - 0.5);
        h = sag_phantom_mix (work->seed * 977 + work->contrast + (guint64)p * 0x9e3779b97f4a7c15u
                             + ((guint64)k << 40));
        re = signal * MAX (bias, 0.05) + 16.0 * gauss (h);
        im = 16.0 * gauss (sag_phantom_mix (h));
        out[p] = (guint16)(sqrt (re * re + im * im) + 0.5);
      }
}

static SagSegmentation *
make_truth (const SagGrid *grid, SagLabelmap **layer, GError **error)
{
  static const struct
  {
    const char *name, *code, *meaning;
    guint8      rgb[3];
  } table[] = {
    { "Grey matter", "389080008", "Cerebral cortex", { 230, 159, 0 } },
    { "White matter", "389081007", "Cerebral white matter", { 240, 228, 66 } },
    { "CSF", "65216001", "Cerebrospinal fluid", { 86, 180, 233 } },
    { "Deep nuclei", "32610002", "Basal ganglia", { 0, 158, 115 } },
    { "Cerebellum", "113305005", "Cerebellum", { 213, 94, 0 } },
    { "Brainstem", "15926001", "Brainstem", { 204, 121, 167 } },
  };
  g_autoptr (SagProvenance) provenance = sag_provenance_new ();
  SagLabel labels[G_N_ELEMENTS (table)];

  memset (labels, 0, sizeof labels);
  for (gsize n = 0; n < G_N_ELEMENTS (table); n++)
    {
      const SagCode category = { "123037004", "SCT", "Anatomical Structure" };

      labels[n].value = (guint8)(n + 1);
      g_strlcpy (labels[n].name, table[n].name, sizeof labels[n].name);
      labels[n].category = category;
      g_strlcpy (labels[n].type.value, table[n].code, sizeof labels[n].type.value);
      g_strlcpy (labels[n].type.scheme, "SCT", sizeof labels[n].type.scheme);
      g_strlcpy (labels[n].type.meaning, table[n].meaning, sizeof labels[n].type.meaning);
      memcpy (labels[n].rgb, table[n].rgb, 3);
    }
  *layer = sag_labelmap_new (grid, NULL, labels, G_N_ELEMENTS (labels), error);
  if (*layer == NULL)
    return NULL;
  sag_provenance_set (&provenance->model_name, "Phantom truth");
  sag_provenance_set (&provenance->program, "Sagitta " SAG_VERSION);
  return sag_segmentation_new (layer, 1, NULL, provenance, error);
}

gboolean
sag_phantom_head (guint64             seed,
                  SagPhantomContrast  contrast,
                  const int           size[3],
                  const double        spacing[3],
                  const SagTick      *tick,
                  SagVolume         **volume,
                  SagSegmentation   **truth,
                  GError            **error)
{
  g_autoptr (SagVolume) made = NULL;
  g_autoptr (SagLabelmap) layer = NULL;
  g_autoptr (SagSegmentation) segmentation = NULL;
  SagGrid grid;
  Work    work = { .seed = sag_phantom_mix (seed), .contrast = contrast, .grid = &grid };

  for (int a = 0; a < 3; a++)
    if (size[a] < 1 || size[a] > 1024 || !(spacing[a] >= 0.2 && spacing[a] <= 30))
      {
        g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                     "A head of %d x %d x %d voxels of %g x %g x %g mm cannot be made", size[0], size[1], size[2],
                     spacing[0], spacing[1], spacing[2]);
        return FALSE;
      }
  sag_grid_init (&grid, size, spacing);
  grid.origin[0] = -0.5 * (size[0] - 1) * spacing[0];
  grid.origin[1] = -0.5 * (size[1] - 1) * spacing[1] - 6;
  grid.origin[2] = 102 - (size[2] - 0.5) * spacing[2];
  made = sag_volume_new_alloc (&grid, SAG_VOXEL_U16, 1.0, 0.0, "", error);
  if (made == NULL || (truth != NULL && (segmentation = make_truth (&grid, &layer, error)) == NULL))
    return FALSE;
  sag_volume_set_origin_tags (made, "MR", "");
  work.volume = made;
  work.truth = layer != NULL ? sag_labelmap_get_voxels (layer) : NULL;
  for (; work.first < size[2]; work.first += SLICES_PER_TICK)
    {
      if (!sag_tick (tick, (double)work.first / size[2]))
        return sag_engine_error_cancelled (error);
      sag_parallel_for ((gsize)MIN (SLICES_PER_TICK, size[2] - work.first), make_slice, &work);
    }
  sag_tick (tick, 1.0);
  sag_volume_mark_ready (made, 0, size[2]);
  if (segmentation != NULL)
    sag_segmentation_mark_ready (segmentation, 0, size[2]);
  *volume = g_steal_pointer (&made);
  if (truth != NULL)
    *truth = g_steal_pointer (&segmentation);
  return TRUE;
}
