/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom-organs.c: heart, great vessels, trachea and gullet; what lies below the diaphragm.
 */
#include "engine/image/phantom-scene.h"

/* A tube through points of { x, y, z, radius }. */
static void
tube (
    GArray *list, const double (*path)[4], int n, double wall, double hu, int label, double margin)
{
  for (int i = 0; i + 1 < n; i++)
    {
      SagShape *shape = sag_scene_capsule (list, path[i], path[i + 1], path[i][3] + wall,
                                           path[i + 1][3] + wall, hu, label);

      shape->margin = margin;
    }
}

/* Moves every point of a path by up to `spread`, ends included, and its radii by up to 8 %. */
static void
shake (SagPhantomScene *scene, double (*path)[4], int n, double spread)
{
  double dx = sag_phantom_jitter (&scene->random, spread),
         dy = sag_phantom_jitter (&scene->random, spread);
  double grow = 1.0 + sag_phantom_jitter (&scene->random, 0.08);

  for (int i = 0; i < n; i++)
    {
      path[i][0] += dx + sag_phantom_jitter (&scene->random, 0.25 * spread);
      path[i][1] += dy + sag_phantom_jitter (&scene->random, 0.25 * spread);
      path[i][3] *= grow;
    }
}

static void
build_heart (SagPhantomScene *scene)
{
  GArray           *list = scene->solids;
  SagPhantomRandom *random = &scene->random;
  double            size = 1.0 + sag_phantom_jitter (random, 0.12);
  double            lift = 0.35 * (0.5 * (scene->dome[0] + scene->dome[1]) + 97.0);
  double            x = 18.0 + sag_phantom_jitter (random, 6.0), y = -20.0, z = -56.0 + lift;
  /* Rows: the long axis, to the left, front and below; across it to the front and right; up. */
  const double axes[9] = { 0.640, -0.560, -0.526, 0.659, 0.752, 0.0, 0.395, -0.347, 0.851 };
  double       myocard = scene->spec.contrast ? 105 : 48;
  double       at[3];

  /* Pericardium and its fat. */
  sag_scene_turned (list, (double[3]){ x, y, z }, axes,
                    (double[3]){ 65 * size, 50 * size, 48 * size }, -88, SAG_PHANTOM_HEART)
      ->margin = 1.0;
  sag_scene_ellipsoid (list, x - 34, y + 4, z + 4, 26 * size, 32 * size, 38 * size, -88,
                       SAG_PHANTOM_HEART)
      ->margin = 1.0;
  sag_scene_ellipsoid (list, x - 16, y + 30, z + 16, 34, 22, 28, -88, SAG_PHANTOM_HEART)->margin =
      1.0;
  /* Fat pads beside the apex and the right atrium. */
  sag_scene_ellipsoid (list, x + 44, y - 32, z - 42, 16, 14, 14, -98, -1)->margin = 1.0;
  sag_scene_ellipsoid (list, x - 38, y - 26, z - 40, 14, 16, 14, -98, -1)->margin = 1.0;

  for (int i = 0; i < 3; i++)
    at[i] = (double[3]){ x, y, z }[i] + axes[i] * 12 * size + axes[3 + i] * 12 * size;
  sag_scene_turned (list, at, axes, (double[3]){ 52 * size, 37 * size, 38 * size }, myocard,
                    SAG_PHANTOM_HEART);
  sag_scene_ellipsoid (list, x - 4, y - 22, z - 10, 40 * size, 25 * size, 34 * size, myocard,
                       SAG_PHANTOM_HEART);
  sag_scene_ellipsoid (list, x - 36, y + 4, z + 4, 22 * size, 26 * size, 31 * size, myocard,
                       SAG_PHANTOM_HEART);
  sag_scene_ellipsoid (list, x - 16, y + 30, z + 16, 31, 19, 24, myocard, SAG_PHANTOM_HEART);
  sag_scene_turned (list, at, axes, (double[3]){ 40 * size, 22 * size, 22 * size }, scene->artery,
                    SAG_PHANTOM_HEART);
  sag_scene_ellipsoid (list, x - 4, y - 22, z - 10, 36 * size, 21 * size, 30 * size, scene->blood,
                       SAG_PHANTOM_HEART);
  sag_scene_ellipsoid (list, x - 36, y + 4, z + 4, 20 * size, 23 * size, 29 * size, scene->blood,
                       SAG_PHANTOM_HEART);
  sag_scene_ellipsoid (list, x - 16, y + 30, z + 16, 29, 17, 22, scene->artery, SAG_PHANTOM_HEART);
  /* The groove between atria and ventricles, with a coronary in it. */
  sag_scene_capsule (list, (double[3]){ x - 26, y - 30, z + 22 },
                     (double[3]){ x - 26, y - 26, z - 24 }, 5, 5, -85, SAG_PHANTOM_HEART);
  sag_scene_capsule (list, (double[3]){ x - 26, y - 30, z + 22 },
                     (double[3]){ x - 26, y - 26, z - 24 }, 1.7, 1.5, scene->artery,
                     SAG_PHANTOM_HEART);
  sag_scene_capsule (list, (double[3]){ x + 14, y - 36, z + 28 },
                     (double[3]){ x + 40, y - 34, z - 20 }, 4, 4, -85, SAG_PHANTOM_HEART);
  sag_scene_capsule (list, (double[3]){ x + 14, y - 36, z + 28 },
                     (double[3]){ x + 40, y - 34, z - 20 }, 1.7, 1.4, scene->artery,
                     SAG_PHANTOM_HEART);
  if (sag_phantom_chance (random, 0.4))
    sag_scene_capsule (list, (double[3]){ x + 14, y - 36, z + 28 },
                       (double[3]){ x + 26, y - 36, z + 8 }, 1.3, 1.2, 550, SAG_PHANTOM_HEART);
}

static void
build_vessels (SagPhantomScene *scene)
{
  GArray *list = scene->solids;
  double  wide = 1.0 + sag_phantom_jitter (&scene->random, 0.15);
  double  aorta[][4] = {
     { 6, -24, -34, 14 },   { -14, -34, -8, 15 }, { -17, -32, 12, 15 },  { -10, -20, 32, 14.5 },
     { 6, 2, 41, 14 },      { 18, 22, 33, 13 },   { 25, 36, 14, 12.5 },  { 26, 40, -20, 12 },
     { 22, 38, -70, 11.5 }, { 14, 32, -120, 11 }, { 7, 24, -170, 10.5 }, { 5, 16, -240, 9.5 },
     { 4, 10, -330, 9 },
  };
  double cava[][4] = {
    { -26, -22, 66, 8 }, { -30, -24, 40, 9.5 }, { -31, -20, -6, 10 }, { -28, -14, -36, 11 }
  };
  double lower[][4] = {
    { -22, -6, -70, 13 }, { -22, 2, -100, 13 }, { -20, 12, -150, 12 }, { -18, 14, -330, 11 }
  };
  double trunk[][4] = { { 16, -50, -30, 13 }, { 22, -40, -8, 14 }, { 20, -22, -4, 14 } };
  double right[][4] = {
    { 18, -22, -6, 12 }, { -8, -14, -14, 11.5 }, { -34, -6, -18, 11 }, { -44, 2, -26, 9 }
  };
  double left[][4] = {
    { 20, -22, -4, 12 }, { 34, -4, 0, 11.5 }, { 41, 12, -6, 10.5 }, { 43, 18, -22, 8.5 }
  };
  double arteries[3][3][4] = {
    { { -8, -18, 44, 7 }, { -22, -14, 76, 6.5 }, { -34, -12, 130, 5 } },
    { { 4, -4, 50, 4.5 }, { 12, -2, 80, 4.5 }, { 24, -4, 200, 4 } },
    { { 14, 10, 48, 5.5 }, { 25, 14, 78, 5.5 }, { 62, 4, 112, 4.5 } },
  };
  double veins[2][3][4] = {
    { { -26, -26, 58, 8 }, { -32, -32, 78, 7.5 }, { -60, -30, 108, 6 } },
    { { -24, -30, 50, 7.5 }, { 8, -42, 62, 7.5 }, { 44, -34, 96, 6.5 } },
  };
  double pulmonary[4][3][4] = {
    { { -14, 8, -32, 8 }, { -34, 0, -36, 7 }, { -48, -6, -30, 6 } },
    { { -14, 14, -46, 8 }, { -34, 14, -52, 7 }, { -46, 20, -60, 6 } },
    { { 16, 10, -28, 8 }, { 34, -4, -26, 7 }, { 46, -12, -20, 6 } },
    { { 16, 16, -44, 8 }, { 32, 18, -50, 7 }, { 44, 22, -58, 6 } },
  };
  double azygos[][4] = { { -9, 42, -250, 2.5 },
                         { -9, 46, -60, 3.2 },
                         { -9, 42, 0, 3.8 },
                         { -14, 26, 20, 4 },
                         { -26, -6, 24, 4.5 } };

  for (int i = 0; i < 13; i++)
    aorta[i][3] *= wide;
  shake (scene, aorta, 13, 4);
  for (int i = 7; i < 13; i++)
    aorta[i][1] =
        MIN (aorta[i][1], sag_phantom_spine_y (aorta[i][2]) - 19.0 + 0.9 * fabs (aorta[i][0]));

  /* The stalk of the great vessels, in fat. */
  sag_scene_ellipsoid (list, -2, -22, 18, 33, 34, 48, -95, -1)->margin = 1.5;
  sag_scene_ellipsoid (list, 0, -6, 92, 27, 48, 60, SAG_HU_NONE, -1)->margin = 1.5;
  /* Roots of the lungs: fat and nodes around the vessels. */
  sag_scene_ellipsoid (list, -36, 6, -24, 13, 15, 26, -40, -1)->margin = 1.0;
  sag_scene_ellipsoid (list, 38, 8, -22, 12, 15, 28, -40, -1)->margin = 1.0;

  tube (list, cava, 4, 0, scene->blood, 0, 2.0);
  tube (list, lower, 4, 0, scene->blood, 0, 2.0);
  for (int i = 0; i < 4; i++)
    tube (list, pulmonary[i], 3, 0, scene->artery, 0, 0.8);
  tube (list, right, 4, 0, scene->blood, 0, 1.0);
  tube (list, left, 4, 0, scene->blood, 0, 1.0);
  tube (list, trunk, 3, 0, scene->blood, 0, 2.0);
  for (int i = 0; i < 2; i++)
    tube (list, veins[i], 3, 0, scene->blood, 0, 2.0);
  for (int i = 0; i < 3; i++)
    {
      shake (scene, arteries[i], 3, 3);
      tube (list, arteries[i], 3, 0, scene->artery, 0, 2.0);
    }
  tube (list, aorta, 13, 1.2, 48, SAG_PHANTOM_AORTA, 1.0);
  tube (list, aorta, 13, 0, scene->artery, SAG_PHANTOM_AORTA, -1);
  tube (list, azygos, 5, 0, scene->blood, 0, 0.8);
  if (sag_phantom_chance (&scene->random, 0.5))
    for (int i = 0; i < 9; i++)
      {
        const double *p = aorta[3 + i];
        double        angle = sag_phantom_range (&scene->random, -3.1, 3.1);
        double        at[3] = { p[0] + sag_phantom_cos (angle) * p[3],
                                p[1] + sag_phantom_sin (angle) * p[3],
                                p[2] + sag_phantom_jitter (&scene->random, 8) };

        sag_scene_capsule (list, at, at, 1.6, 1.6, 650, SAG_PHANTOM_AORTA);
      }
}

static void
build_airways (SagPhantomScene *scene)
{
  GArray *list = scene->solids, *late = scene->tubes;
  double  bend = sag_phantom_jitter (&scene->random, 5.0);
  double  trachea[][4] = { { 0, -26, 230, 8 },
                           { bend, -22, 150, 8.2 },
                           { bend, -6, 95, 8.6 },
                           { bend - 1, 8, 45, 8.8 },
                           { 0, 19, 4, 9.5 } };
  double  main_bronchi[2][3][4] = {
     { { 0, 19, 4, 7 }, { 22, 17, -14, 6.2 }, { 41, 16, -32, 5.4 } },
     { { 0, 19, 4, 7.4 }, { -18, 17, -12, 7 }, { -38, 14, -30, 5.8 } },
  };
  double lower[2][2][4] = {
    { { 41, 16, -32, 5 }, { 47, 24, -52, 4.2 } },
    { { -38, 14, -30, 5.4 }, { -45, 21, -56, 4.4 } },
  };
  double upper[2][2][4] = {
    { { 38, 15, -28, 4.6 }, { 53, 4, -24, 3.6 } },
    { { -25, 16, -18, 4.8 }, { -50, 8, -10, 3.8 } },
  };
  double gullet[][4] = { { 3, 2, 230, 6 },    { 4, 8, 125, 6.5 }, { 5, 22, 90, 6.8 },
                         { 4, 34, 45, 7 },    { 3, 38, 0, 7 },    { 4, 38, -50, 7.5 },
                         { 12, 24, -105, 8 }, { 26, 10, -128, 9 } };

  for (int i = 0; i < 2; i++)
    {
      tube (list, main_bronchi[i], 3, 1.6, 30, SAG_PHANTOM_AIRWAYS, 1.5);
      tube (list, lower[i], 2, 1.4, 30, SAG_PHANTOM_AIRWAYS, 0.8);
      tube (list, upper[i], 2, 1.3, 30, SAG_PHANTOM_AIRWAYS, 0.6);
    }
  tube (list, trachea, 5, 1.8, 45, SAG_PHANTOM_AIRWAYS, 3.0);
  shake (scene, gullet, 8, 2.5);
  tube (list, gullet, 8, 0, 42, 0, 0.8);
  if (sag_phantom_chance (&scene->random, 0.5))
    for (int i = 1; i < 6; i++)
      if (sag_phantom_chance (&scene->random, 0.5))
        {
          const double *p = gullet[i];
          double        r = sag_phantom_range (&scene->random, 1.5, 4.0);

          sag_scene_ellipsoid (late, p[0], p[1] + scene->up * 1.5, p[2], r * 1.3, r, 14, -980, 0);
        }
  /* Lumina last, so that no wall crosses them. */
  tube (late, trachea, 5, 0, -995, SAG_PHANTOM_AIRWAYS, -1);
  for (int i = 0; i < 2; i++)
    {
      tube (late, main_bronchi[i], 3, 0, -990, SAG_PHANTOM_AIRWAYS, -1);
      tube (late, lower[i], 2, 0, -985, SAG_PHANTOM_AIRWAYS, -1);
      tube (late, upper[i], 2, 0, -985, SAG_PHANTOM_AIRWAYS, -1);
    }
  /* The thyroid rides on the trachea. */
  for (int side = -1; side <= 1; side += 2)
    sag_scene_ellipsoid (list, bend + side * 17, -20, 138, 8, 10, 20,
                         scene->spec.contrast ? 160 : 95, 0);
}

void
sag_phantom_build_chest (SagPhantomScene *scene)
{
  SagPhantomRandom *random = &scene->random;
  GArray           *list = scene->solids;

  build_vessels (scene);
  build_heart (scene);
  /* The heart's roots again, over its fat. */
  sag_scene_capsule (list, (double[3]){ 6, -24, -34 }, (double[3]){ -12, -33, -12 }, 14, 15,
                     scene->artery, SAG_PHANTOM_AORTA);
  sag_scene_capsule (list, (double[3]){ 16, -50, -30 }, (double[3]){ 22, -40, -8 }, 13, 14,
                     scene->blood, 0);
  build_airways (scene);
  for (int i = 0; i < 10; i++)
    {
      /* Nodes of the mediastinum. */
      double side = i & 1 ? 1 : -1;
      double x = side * sag_phantom_range (random, 8, 26), y = sag_phantom_range (random, -14, 22);
      double z = sag_phantom_range (random, -30, 50);

      sag_scene_ellipsoid (list, x, y, z, 3.2, 4.2, 4.6, 38, 0);
    }
  /* The spine with its fat also pushes. */
  for (int i = 0; i < 22; i++)
    {
      double    z = 150.0 - 20.0 * i;
      SagShape *shape =
          sag_scene_cylinder (list, 0, sag_phantom_spine_y (z) + 8, z, 20, 24, 14, -95, -1);

      shape->margin = 0.8;
      shape->hu = SAG_HU_NONE;
    }
}

static void
bowel (SagPhantomScene *scene, const double (*path)[4], int n, double gas)
{
  SagPhantomRandom *random = &scene->random;
  double            content = sag_phantom_range (random, -60, 60);
  guint             first = scene->solids->len, end;

  for (int i = 0; i + 1 < n; i++)
    sag_scene_capsule (scene->solids, path[i], path[i + 1], path[i][3], path[i + 1][3], 45, 0)
        ->clip = SAG_CLIP_ABDOMEN;
  end = scene->solids->len;
  for (guint i = first; i < end; i++)
    {
      SagShape inside = g_array_index (scene->solids, SagShape, i);

      inside.r0 -= 2.5;
      inside.r1 -= 2.5;
      inside.hu = content;
      inside.texture = 130;
      g_array_append_val (scene->solids, inside);
      inside.texture = 0;
      if (sag_phantom_chance (random, gas))
        {
          double y = 0.5 * (inside.a[1] + inside.b[1]);
          double depth = sag_phantom_range (random, -0.9, 0.9) * inside.r0;

          inside.hu = -985;
          inside.level = -scene->up * y + depth;
          g_array_append_val (scene->solids, inside);
        }
    }
}

void
sag_phantom_build_abdomen (SagPhantomScene *scene)
{
  SagPhantomRandom *random = &scene->random;
  GArray           *list = scene->solids;
  gboolean          contrast = scene->spec.contrast;
  double            stomach_gas = sag_phantom_range (random, -45, 25);
  double            fill = sag_phantom_range (random, 0.75, 1.25);
  double            dome = scene->dome[0];
  double    colon[][4] = { { -96, -40, -330, 22 }, { -98, -46, -262, 24 }, { -78, -74, -222, 22 },
                           { -30, -88, -214, 20 }, { 20, -88, -206, 20 },  { 62, -72, -190, 21 },
                           { 92, -34, -168, 22 },  { 104, 4, -176, 20 },   { 106, 20, -240, 19 },
                           { 104, 20, -330, 18 } };
  SagShape *shape;
  guint     first;

  /* Crura, then what lies behind the peritoneum. */
  sag_scene_capsule (list, (double[3]){ -12, 26, -118 }, (double[3]){ -9, 30, -220 }, 6, 4, 52, 0);
  sag_scene_capsule (list, (double[3]){ 16, 24, -118 }, (double[3]){ 13, 30, -210 }, 6, 4, 52, 0);
  for (int side = -1; side <= 1; side += 2)
    {
      double z = side < 0 ? -232 : -220;
      double cortex = contrast ? 175 : 32;

      sag_scene_ellipsoid (list, side * 58, 38, z, 44, 40, 66, -105, 0)->clip = SAG_CLIP_ABDOMEN;
      sag_scene_ellipsoid (list, side * 58, 36, z, 27, 24, 52, cortex, 0)->clip = SAG_CLIP_ABDOMEN;
      sag_scene_ellipsoid (list, side * 50, 30, z, 14, 13, 30, -70, 0)->clip = SAG_CLIP_ABDOMEN;
      sag_scene_capsule (list, (double[3]){ side * 24, 42, -200 },
                         (double[3]){ side * 46, 36, -330 }, 12, 22, 54, 0);
    }
  /* Spleen and stomach: wall, content, gas above it. */
  first = list->len;
  sag_scene_turned (list, (double[3]){ 88, 40, dome - 46 },
                    (double[9]){ .80, -.60, 0, .57, .76, .31, -.186, -.248, .95 },
                    (double[3]){ 24 * fill, 42 * fill, 50 * fill }, contrast ? 118 : 49, 0);
  sag_scene_ellipsoid (list, 48, 12, dome - 34, 42 * fill, 44, 40, 46, 0);
  sag_scene_turned (list, (double[3]){ 50, -28, dome - 66 },
                    (double[9]){ .83, -.2, .52, .235, .972, 0, -.505, .122, .854 },
                    (double[3]){ 28 * fill, 30, 56 }, 46, 0);
  sag_scene_ellipsoid (list, 48, 12, dome - 34, 38 * fill, 40, 36, 22, 0)->texture = 25;
  sag_scene_turned (list, (double[3]){ 50, -28, dome - 66 },
                    (double[9]){ .83, -.2, .52, .235, .972, 0, -.505, .122, .854 },
                    (double[3]){ 24 * fill, 26, 51 }, 22, 0)
      ->texture = 25;
  shape = sag_scene_ellipsoid (list, 48, 12, dome - 34, 38 * fill, 40, 36, -985, 0);
  shape->level = stomach_gas;
  shape = sag_scene_turned (list, (double[3]){ 50, -28, dome - 66 },
                            (double[9]){ .83, -.2, .52, .235, .972, 0, -.505, .122, .854 },
                            (double[3]){ 24 * fill, 26, 51 }, -985, 0);
  shape->level = stomach_gas;
  for (guint i = first; i < list->len; i++)
    g_array_index (list, SagShape, i).clip = SAG_CLIP_ABDOMEN;

  shake (scene, colon, 10, 10);
  colon[6][2] += sag_phantom_range (random, 0, 34);
  bowel (scene, (const double (*)[4])colon, 10, 0.65);
  for (int loop = 0; loop < 9; loop++)
    {
      double path[4][4];
      double x = sag_phantom_range (random, 0, 85), y = sag_phantom_range (random, -70, -10);
      double z = sag_phantom_range (random, -330, -205);

      for (int i = 0; i < 4; i++)
        {
          path[i][0] = x + sag_phantom_jitter (random, 30);
          path[i][1] = y + sag_phantom_jitter (random, 20);
          path[i][2] = z + sag_phantom_jitter (random, 24);
          path[i][3] = sag_phantom_range (random, 9, 14);
        }
      bowel (scene, (const double (*)[4])path, 4, 0.25);
    }
  /* Vessels of the liver. */
  for (int i = 0; i < 9; i++)
    {
      double from[3] = { -24, i < 4 ? 0 : -14, i < 4 ? -104 : -160 };
      double to[3] = { sag_phantom_range (random, -105, -10), sag_phantom_range (random, -60, 40),
                       sag_phantom_range (random, -170, -125) };

      sag_scene_capsule (list, from, to, 5.0, 1.6, contrast ? 165 : 40, 0)->clip = SAG_CLIP_ABDOMEN;
    }
  sag_scene_ellipsoid (list, -42, -52, -212, 15, 15, 26, 8, 0)->clip =
      SAG_CLIP_ABDOMEN; /* gall bladder */
}
