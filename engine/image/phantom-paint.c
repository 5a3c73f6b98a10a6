/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom-paint.c: one slice of the patient, painted from the skin inwards.
 *
 * Edges are as wide as a voxel (coverage), so that thin walls and vessels keep their share.
 */
#include "engine/image/phantom-scene.h"

#include <string.h>

#define MAX_PUSHERS 160

typedef struct
{
  const SagPhantomScene *scene;
  SagPhantomScratch     *scratch;
  guint8                *organs, *nodules;
  SagPhantomContour      cage, wall;
  double                 z, edge; /* mm of the model */
} Slice;

void
sag_phantom_to_model (const SagPhantomScene *scene, double i, double j, double *x, double *y)
{
  const SagPhantomSpec *spec = &scene->spec;
  double                px = (i - 0.5 * (spec->size[0] - 1)) * spec->spacing[0] - spec->shift_mm[0];
  double                py = (j - 0.5 * (spec->size[1] - 1)) * spec->spacing[1] - spec->shift_mm[1];

  *x = (scene->cos_roll * px + scene->sin_roll * py) / spec->scale[0];
  *y = (scene->cos_roll * py - scene->sin_roll * px) / spec->scale[1];
}

double
sag_phantom_height (const SagPhantomScene *scene, int k)
{
  const SagPhantomSpec *spec = &scene->spec;

  return (spec->top_mm - (spec->size[2] - 1 - k) * spec->spacing[2]) / spec->scale[2];
}

static inline double
coverage (double distance, double edge)
{
  return CLAMP (0.5 - distance / edge, 0.0, 1.0);
}

static inline void
mix (float *hu, double to, double cover)
{
  *hu = (float)(*hu + (to - *hu) * cover);
}

/* Muscle, its bellies parted by sheets of fat that follow the wall; `depth` is measured from the
 * cage. */
static double
muscle_hu (const SagPhantomScene *scene, double x, double y, double z, double depth)
{
  double r = sqrt (x * x + y * y) + 1.0;
  double sheet = sag_phantom_noise (scene->texture_seed, depth / 15.0 + 0.012 * z,
                                    2.6 * x / r + 1.1 * y / r, z / 60.0);
  double belly = sag_phantom_noise (scene->texture_seed + 8, x / 26.0, y / 26.0, z / 50.0);
  double hu =
      scene->muscle
      + 16.0 * (sag_phantom_noise (scene->texture_seed + 1, x / 4.0, y / 4.0, z / 9.0) - 0.5);
  double fat = (1.0 - sag_phantom_smooth (0.01, 0.05, fabs (sheet - 0.5)))
               * sag_phantom_smooth (0.25, 0.45, belly);

  /* Fatty streaks in some bellies. */
  fat = MAX (fat, 0.5 * sag_phantom_smooth (0.74, 0.9, belly));
  return hu - 125.0 * fat;
}

static double
fat_hu (const SagPhantomScene *scene, double x, double y, double z)
{
  double strand = sag_phantom_noise (scene->texture_seed + 2, x / 9.0, y / 9.0, z / 12.0) - 0.5;

  return -106.0 + 34.0 * (1.0 - sag_phantom_smooth (0.0, 0.03, fabs (strand)));
}

/* The limbs and breasts near this point: distance to their muscle, and to the skin joined to the
 * trunk's. */
static double
wrap_limbs (const Slice *slice, double x, double y, double skin, double *muscle, double *gland)
{
  const SagPhantomScene *scene = slice->scene;

  for (int i = 0; i < scene->n_limbs; i++)
    {
      const SagLimb *limb = &scene->limbs[i];
      SagShape       shape = { .kind = SAG_SHAPE_CAPSULE, .r0 = limb->r0, .r1 = limb->r1 };
      double         d;

      memcpy (shape.a, limb->a, sizeof shape.a);
      memcpy (shape.b, limb->b, sizeof shape.b);
      d = sag_shape_distance (&shape, x, y, slice->z);
      if (limb->breast)
        {
          *gland = MIN (*gland, d);
          skin = sag_phantom_smin (skin, d, 26.0);
        }
      else
        {
          *muscle = sag_phantom_smin (*muscle, d, 16.0);
          skin = sag_phantom_smin (skin, d - 0.75 * scene->spec.fat_mm - 2.0, 16.0);
        }
    }
  return skin;
}

static double
couch_hu (const SagPhantomScene *scene, int i, int j)
{
  const SagPhantomSpec *spec = &scene->spec;
  double                x = (i - 0.5 * (spec->size[0] - 1)) * spec->spacing[0];
  double                y = (j - 0.5 * (spec->size[1] - 1)) * spec->spacing[1] - spec->shift_mm[1];
  double                kind = sag_phantom_lattice (scene->texture_seed + 7, 1, 2, 3);
  double                half = 205.0 + 60.0 * kind;
  double                depth, curve = kind < 0.6 ? x * x / 1500.0 : 0.0;

  if (!spec->couch || fabs (x) > half)
    return -1000.0;
  depth = spec->prone ? -y - scene->front_mm * spec->scale[1] : y - scene->back_mm * spec->scale[1];
  depth += curve - 3.0;
  if (depth > 0 && depth < 9)
    return -950.0; /* mattress */
  if ((depth >= 9 && depth < 11.5) || (depth > 46 && depth < 49))
    return kind > 0.5 ? -250.0 : 60.0;
  if (depth >= 11.5 && depth <= 46)
    return -925.0;
  /* Below it some scanners have a trough, a rail, or both. */
  if (kind > 0.3 && depth > 60)
    {
      double floor_mm = 112.0 - 0.30 * MAX (fabs (x) - 90.0, 0.0);

      if (fabs (depth - floor_mm) < 1.6)
        return 700.0;
      if (kind > 0.7 && fabs (x) < 70 && depth > 74 && depth < 86)
        return depth < 76 || depth > 84 ? 900.0 : -800.0;
    }
  return -1000.0;
}

/* Everything up to the rib cage, and the empty cavities within. */
static void
paint_trunk (Slice *slice)
{
  const SagPhantomScene *scene = slice->scene;
  const SagPhantomSpec  *spec = &scene->spec;
  SagPhantomScratch     *scratch = slice->scratch;
  double                 mm = scene->scale_mm, edge = slice->edge;
  double                 neck = sag_phantom_smooth (92, 125, slice->z);
  guint64                seed = scene->texture_seed;
  gsize                  n = 0;

  for (int j = 0; j < spec->size[1]; j++)
    for (int i = 0; i < spec->size[0]; i++, n++)
      {
        float *hu = &scratch->hu[n];
        double x, y, r, dx, dy, muscle, skin, cage, gland = 1e3, dome, below, liver, cover;

        scratch->cage[n] = scratch->abdomen[n] = scratch->lung[n] = 0;
        sag_phantom_to_model (scene, i, j, &x, &y);
        *hu = (float)couch_hu (scene, i, j);
        r = sqrt (x * x + y * y);
        dx = r > 1 ? x / r : 1;
        dy = r > 1 ? y / r : 0;
        muscle = sag_phantom_contour_distance (&slice->wall, x, y);
        skin = muscle - sag_phantom_fat (scene, dx, dy, slice->z) / mm;
        if (muscle > -45)
          skin = wrap_limbs (slice, x, y, skin, &muscle, &gland);
        if (skin > 22)
          continue;
        if (skin > 1)
          {
            double gap = skin - 3.0
                         - 14.0 * sag_phantom_noise (seed + 9, x / 45.0, y / 45.0, slice->z / 90.0);

            if (spec->couch && fabs (gap) < 0.9)
              mix (hu, -780, 1.0);
            continue;
          }

        cover = coverage (skin, edge);
        if (muscle > edge)
          {
            double tissue = fat_hu (scene, x, y, slice->z);

            if (gland < -7)
              {
                double lobe = sag_phantom_noise (seed + 4, x / 11.0, y / 11.0, slice->z / 14.0);

                tissue += 140.0 * sag_phantom_smooth (0.5, 0.62, lobe)
                          * sag_phantom_smooth (-7, -16, gland);
              }
            mix (hu, tissue, cover);
            mix (hu, 25, coverage (fabs (skin + 1.0 / mm) - 0.9 / mm, edge));
            continue;
          }
        mix (hu, fat_hu (scene, x, y, slice->z), cover);
        if (skin > -3)
          mix (hu, 25, coverage (fabs (skin + 1.0 / mm) - 0.9 / mm, edge));
        cage = sag_phantom_contour_distance (&slice->cage, x, y);
        mix (hu, muscle_hu (scene, x, y, slice->z, cage), coverage (muscle, edge));
        if (cage > 2 * edge)
          continue;
        scratch->cage[n] = (float)coverage (cage, edge);
        /* Fat of the mediastinum; higher up the small muscles of the neck. */
        mix (hu,
             -98 + 120 * neck
                 + (12 + 90 * neck)
                       * (sag_phantom_noise (seed + 5, x / 7, y / 7, slice->z / 9) - 0.5),
             scratch->cage[n]);
        dome = sag_phantom_diaphragm_both (scene, x, y);
        below = (slice->z - dome) * 0.85;
        if (below > 2 * edge)
          continue;
        mix (hu, 52, coverage (MAX (cage - 0.5, below), edge)); /* the diaphragm's own muscle */
        scratch->abdomen[n] = (float)coverage (MAX (cage + 2.5, below + 3.2), edge);
        mix (hu, -104, scratch->abdomen[n]);
        liver = sag_phantom_liver (x, y, slice->z, cage, dome);
        if (liver < edge)
          mix (hu,
               (spec->contrast ? 106 : 58)
                   + 10 * (sag_phantom_noise (seed + 6, x / 5, y / 5, slice->z / 7) - 0.5),
               coverage (liver, edge));
      }
}

/* The pixels a shape may touch; FALSE if none. */
static gboolean
pixel_box (const SagPhantomScene *scene, const SagShape *shape, double edge, int box[4])
{
  const SagPhantomSpec *spec = &scene->spec;
  double                low[2] = { 1e9, 1e9 }, high[2] = { -1e9, -1e9 };

  for (int corner = 0; corner < 4; corner++)
    {
      double x = (corner & 1 ? shape->high[0] + edge : shape->low[0] - edge) * spec->scale[0];
      double y = (corner & 2 ? shape->high[1] + edge : shape->low[1] - edge) * spec->scale[1];
      double p[2] = { scene->cos_roll * x - scene->sin_roll * y + spec->shift_mm[0],
                      scene->sin_roll * x + scene->cos_roll * y + spec->shift_mm[1] };

      for (int axis = 0; axis < 2; axis++)
        {
          p[axis] = p[axis] / spec->spacing[axis] + 0.5 * (spec->size[axis] - 1);
          low[axis] = MIN (low[axis], p[axis]);
          high[axis] = MAX (high[axis], p[axis]);
        }
    }
  for (int axis = 0; axis < 2; axis++)
    {
      if (high[axis] < 0 || low[axis] > spec->size[axis] - 1)
        return FALSE;
      box[axis] = (int)CLAMP (floor (low[axis]), 0, spec->size[axis] - 1);
      box[2 + axis] = (int)CLAMP (ceil (high[axis]), 0, spec->size[axis] - 1);
    }
  return TRUE;
}

static const float *
clip_mask (const SagPhantomScratch *scratch, SagClip clip)
{
  switch (clip)
    {
    case SAG_CLIP_CAGE:
      return scratch->cage;
    case SAG_CLIP_ABDOMEN:
      return scratch->abdomen;
    case SAG_CLIP_LUNG:
      return scratch->lung;
    case SAG_CLIP_NONE:
      break;
    }
  return NULL;
}

static void
paint_shape (Slice *slice, const SagShape *shape)
{
  const SagPhantomScene *scene = slice->scene;
  const float           *mask = clip_mask (slice->scratch, shape->clip);
  double                 edge = slice->edge, share = 1.0;
  int                    box[4];

  if (slice->z < shape->low[2] - edge || slice->z > shape->high[2] + edge
      || shape->hu == SAG_HU_NONE || !pixel_box (scene, shape, edge, box))
    return;
  /* What is thinner than a voxel fills only part of it. */
  if (shape->kind == SAG_SHAPE_CAPSULE)
    share = MIN (1.0, 2.2 * MAX (shape->r0, shape->r1) / edge);

  for (int j = box[1]; j <= box[3]; j++)
    for (int i = box[0]; i <= box[2]; i++)
      {
        gsize  n = (gsize)j * scene->spec.size[0] + i;
        double x, y, cover, hu = shape->hu;

        if (mask != NULL && mask[n] <= 0)
          continue;
        sag_phantom_to_model (scene, i, j, &x, &y);
        cover = coverage (sag_shape_distance (shape, x, y, slice->z), edge) * share;
        if (cover <= 0)
          continue;
        if (shape->level < G_MAXDOUBLE)
          cover *= coverage (-scene->up * y - shape->level, edge);
        if (mask != NULL)
          cover *= mask[n];
        if (shape->texture > 0)
          hu += shape->texture
                * (2 * sag_phantom_noise (scene->texture_seed + 3, x / 4, y / 4, slice->z / 5) - 1);
        mix (&slice->scratch->hu[n], hu, cover);
        if (cover >= 0.5 && shape->label >= 0)
          slice->organs[n] = (guint8)shape->label;
        if (cover >= 0.5 && shape->nodule != 0)
          slice->nodules[n] = (guint8)shape->nodule;
      }
}

static double
parenchyma_hu (const Slice *slice, double x, double y, double distance)
{
  const SagPhantomScene *scene = slice->scene;
  guint64                seed = scene->texture_seed;
  double                 z = slice->z;
  double                 fine = sag_phantom_noise (seed + 10, x / 3.2, y / 3.2, z / 4.0) - 0.5;
  double                 coarse = sag_phantom_noise (seed + 11, x / 22, y / 22, z / 26) - 0.5;
  double                 lowest = -scene->up * y; /* large: at the bottom of the lying patient */
  double                 hu = scene->lung_hu + 0.42 * lowest + 34 * fine + 36 * coarse;

  /* Parenchyma lies collapsed in a thin band at the bottom. */
  hu += 90.0 * sag_phantom_smooth (40, 80, lowest) * sag_phantom_smooth (-9, 0, distance);
  if (scene->spec.findings & SAG_PHANTOM_ATELECTASIS)
    {
      double band = 6.0 + 18.0 * sag_phantom_noise (seed + 12, x / 50, y / 50, z / 40);

      hu += (30.0 - hu) * sag_phantom_smooth (25, 55, lowest) * sag_phantom_smooth (-60, -95, z)
            * sag_phantom_smooth (-band, -band + 5, distance);
    }
  for (int p = 0; p < scene->n_patches; p++)
    {
      const SagPatch *patch = &scene->patches[p];
      double dx = x - patch->centre[0], dy = y - patch->centre[1], dz = z - patch->centre[2];
      double r = sqrt (dx * dx + dy * dy + dz * dz) / patch->radius;
      double inside, texture;

      if (r > 1.5)
        continue;
      texture = sag_phantom_noise (seed + 20 + p, x / 9, y / 9, z / 9);
      inside = 1.0 - sag_phantom_smooth (0.75, 1.05, r + 0.7 * (texture - 0.5));
      if (patch->kind == SAG_PHANTOM_CONSOLIDATION)
        hu += (35.0 - 90.0 * texture * texture - hu) * inside;
      else if (patch->kind == SAG_PHANTOM_GROUND_GLASS)
        hu += (190.0 + 160.0 * texture) * inside;
      else
        hu += (-985.0 - hu) * inside
              * sag_phantom_smooth (0.45, 0.60,
                                    sag_phantom_noise (seed + 40 + p, x / 7, y / 7, z / 7));
    }
  return hu;
}

static void
paint_lungs (Slice *slice)
{
  const SagPhantomScene *scene = slice->scene;
  const SagPhantomSpec  *spec = &scene->spec;
  const SagShape        *pushers[MAX_PUSHERS];
  double                 edge = slice->edge;
  int                    n_pushers = 0;
  gsize                  n = 0;

  for (guint s = 0; s < scene->solids->len && n_pushers < MAX_PUSHERS; s++)
    {
      const SagShape *shape = &g_array_index (scene->solids, SagShape, s);

      if (shape->margin >= 0 && slice->z > shape->low[2] - 14 && slice->z < shape->high[2] + 14)
        pushers[n_pushers++] = shape;
    }
  for (int j = 0; j < spec->size[1]; j++)
    for (int i = 0; i < spec->size[0]; i++, n++)
      {
        const SagShape *near[MAX_PUSHERS];
        int             n_near = 0, side;
        double          x, y, d, fluid, cage, wobble;

        if (slice->scratch->cage[n] <= 0)
          continue;
        sag_phantom_to_model (scene, i, j, &x, &y);
        for (int s = 0; s < n_pushers; s++)
          if (x > pushers[s]->low[0] - 14 && x < pushers[s]->high[0] + 14
              && y > pushers[s]->low[1] - 14 && y < pushers[s]->high[1] + 14)
            near[n_near++] = pushers[s];
        side = x > scene->middle[0]
                           + (scene->middle[1] - scene->middle[0]) * sag_phantom_smooth (-45, 25, y)
                   ? 0
                   : 1;
        cage = sag_phantom_contour_distance (&slice->cage, x, y);
        d = sag_phantom_lung (scene, side, x, y, slice->z, cage, near, n_near, &fluid);
        if (fluid < edge)
          {
            double cover = coverage (fluid, edge);

            mix (&slice->scratch->hu[n], 8, cover);
            if (cover >= 0.5)
              slice->organs[n] = 0;
          }
        if (d > 3)
          continue;
        wobble =
            scene->wobble
            * (sag_phantom_noise (scene->texture_seed + 13, x / 19, y / 19, slice->z / 19) - 0.5);
        d += wobble * sag_phantom_smooth (0, -8, cage);
        if (d > edge)
          continue;
        slice->scratch->lung[n] = (float)coverage (d, edge);
        mix (&slice->scratch->hu[n], parenchyma_hu (slice, x, y, d), slice->scratch->lung[n]);
        if (slice->scratch->lung[n] >= 0.5)
          slice->organs[n] = (guint8)(side == 0 ? SAG_PHANTOM_LEFT_LUNG : SAG_PHANTOM_RIGHT_LUNG);
      }
}

void
sag_phantom_paint (const SagPhantomScene *scene,
                   int                    k,
                   SagPhantomScratch     *scratch,
                   guint8                *organs,
                   guint8                *nodules)
{
  const SagPhantomSpec *spec = &scene->spec;
  Slice                 slice = { scene, scratch, organs, nodules };

  slice.z = sag_phantom_height (scene, k);
  slice.edge = MAX (MAX (spec->spacing[0], spec->spacing[1]), 0.3 * MIN (spec->spacing[2], 5.0))
               / scene->scale_mm;
  sag_phantom_cage (scene, slice.z, &slice.cage);
  sag_phantom_wall (scene, slice.z, &slice.wall);
  paint_trunk (&slice);
  for (guint s = 0; s < scene->solids->len; s++)
    paint_shape (&slice, &g_array_index (scene->solids, SagShape, s));
  paint_lungs (&slice);
  for (guint s = 0; s < scene->tubes->len; s++)
    paint_shape (&slice, &g_array_index (scene->tubes, SagShape, s));
}
