/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom-bones.c: spine, ribs with their cartilage, sternum, shoulder girdle and arms.
 *
 * Every bone is painted twice, cortex first for all its parts and marrow after, so that parts of
 * one bone run into each other without walls between them.
 */
#include "engine/image/phantom-scene.h"

#include <string.h>

#define CORTEX 620.0
#define MAX_PARTS 32

/* The parts of one bone, waiting for their marrow. */
typedef struct
{
  GArray *list;
  guint   first;
} Bone;

static Bone
bone_begin (SagPhantomScene *scene)
{
  return (Bone){ scene->solids, scene->solids->len };
}

static void
bone_end (const Bone *bone, double shell, double marrow)
{
  guint end = bone->list->len;

  for (guint i = bone->first; i < end; i++)
    {
      SagShape inner = g_array_index (bone->list, SagShape, i);

      if (inner.r0 <= shell + 0.4 && inner.r1 <= shell + 0.4)
        continue;
      inner.hu = marrow;
      inner.texture = 45.0;
      inner.r0 = MAX (inner.r0 - shell, 0.3);
      inner.r1 = MAX (inner.r1 - shell, 0.3);
      if (inner.kind == SAG_SHAPE_CYLINDER)
        inner.b[2] -= shell;
      g_array_append_val (bone->list, inner);
    }
}

/* Anatomical heights of the vertebral centres: T1 is number 0, L4 number 15; C-spine counts down.
 */
static double
vertebra_z (int number)
{
  double z = 95.0;

  for (int i = 0; i < number; i++)
    z -= 20.5 + 0.75 * i;
  for (int i = 0; i > number; i--)
    z += 18.5;
  return z;
}

static void
build_vertebra (SagPhantomScene *scene, int number)
{
  GArray           *list = scene->solids;
  SagPhantomRandom *random = &scene->random;
  double            z = vertebra_z (number);
  double            y = sag_phantom_spine_y (z);
  double            height = (number < 0 ? 18.5 : 20.5 + 0.75 * number) * 0.5;
  double            width = number < 0 ? 12.0 : 15.0 + 0.55 * number;
  double            depth = number < 0 ? 9.0 : 12.5 + 0.4 * number;
  double            canal = y + depth + 8.0;
  double            marrow = 165.0 + sag_phantom_jitter (random, 60.0);
  double drop = number < 0 ? 6.0 : number < 11 ? 15.0 : 8.0; /* thoracic spines slope down */
  double reach = number < 0 ? 22.0 : 30.0;
  Bone   bone;

  sag_scene_cylinder (list, 0, y, z, width + 0.3, depth + 0.3, height + 0.3, 78,
                      -1); /* disc between */
  bone = bone_begin (scene);
  sag_scene_cylinder (list, 0, y, z, width, depth, height - 2.2, CORTEX, SAG_PHANTOM_BONE);
  for (int side = -1; side <= 1; side += 2)
    {
      double pedicle[3] = { side * 10.0, y + depth - 3.0, z + 3.0 };
      double joint[3] = { side * 12.5, canal + 2.0, z + 1.0 };
      double lamina[3] = { side * 1.0, canal + 10.0, z - 4.0 };
      double tip[3] = { side * reach, canal + 4.0, z + (number < 11 ? 4.0 : 0.0) };
      double facet_high[3] = { side * 12.0, canal + 3.0, z + height };

      sag_scene_capsule (list, pedicle, joint, 4.0, 4.5, CORTEX, SAG_PHANTOM_BONE);
      sag_scene_capsule (list, joint, lamina, 4.2, 3.6, CORTEX, SAG_PHANTOM_BONE);
      sag_scene_capsule (list, joint, tip, 5.0, 3.6, CORTEX, SAG_PHANTOM_BONE);
      sag_scene_capsule (list, joint, facet_high, 4.6, 4.0, CORTEX, SAG_PHANTOM_BONE);
    }
  {
    double base[3] = { 0, canal + 11.0, z - 5.0 };
    double tip[3] = { 0, canal + 11.0 + (number < 0 ? 18.0 : 25.0), z - 5.0 - drop };

    sag_scene_capsule (list, base, tip, 3.4, 3.0, CORTEX, SAG_PHANTOM_BONE);
    tip[2] += 6.0;
    base[2] += 4.0;
    sag_scene_capsule (list, base, tip, 2.8, 2.6, CORTEX, SAG_PHANTOM_BONE);
  }
  bone_end (&bone, 1.3, marrow);
  sag_scene_cylinder (list, 0, canal, z, 8.8, 7.4, height + 2.0, 8, 0);
  sag_scene_cylinder (list, 0, canal, z, 4.6, 3.8, height + 2.0, 38, 0);
}

/* The chain of points along rib `number` (0 is the first), from its head on. */
static int
rib_path (const SagPhantomScene *scene, int number, double side, double jitter, double points[][3])
{
  static const double fall[12] = { 30, 46, 58, 68, 77, 85, 92, 96, 94, 84, 66, 46 };
  static const double end[12] = { .80, .82, .83, .82, .81, .79, .76, .70, .63, .56, .44, .34 };
  double              z_head = vertebra_z (number) + 8.0 + jitter;
  double              spine = sag_phantom_spine_y (z_head);
  int                 n = 30;

  points[0][0] = side * 17.0;
  points[0][1] = spine + 10.0;
  points[0][2] = z_head;
  points[1][0] = side * 33.0;
  points[1][1] = spine + 23.0;
  points[1][2] = z_head - 1.0;
  for (int i = 2; i < n; i++)
    {
      double            t = (double)(i - 1) / (n - 2);
      double            angle = (0.17 + (end[number] - 0.17) * t) * SAG_PHANTOM_PI;
      double            x = sag_phantom_sin (angle), y = sag_phantom_cos (angle);
      double            z = z_head - 2.0 - fall[number] * t * (1.25 - 0.25 * t);
      SagPhantomContour cage;
      double            r;

      sag_phantom_cage (scene, z, &cage);
      r = sag_phantom_contour_radius (&cage, x, y) + 5.2;
      points[i][0] = side * x * r;
      points[i][1] = y * r;
      points[i][2] = z;
    }
  return n;
}

static void
build_ribs (SagPhantomScene *scene)
{
  static const double sternum_z[7] = { 46, 10, -12, -32, -50, -66, -80 };
  SagPhantomRandom   *random = &scene->random;
  double              points[MAX_PARTS][3];

  for (int number = 0; number < 12; number++)
    for (int side = -1; side <= 1; side += 2)
      {
        int  n = rib_path (scene, number, side, sag_phantom_jitter (random, 2.0), points);
        Bone bone = bone_begin (scene);

        for (int i = 0; i + 1 < n; i++)
          for (int row = -1; row <= 1; row++)
            {
              /* Three strands, one above the other: a rib is higher than it is thick. */
              double a[3] = { points[i][0], points[i][1], points[i][2] + row * 2.8 };
              double b[3] = { points[i + 1][0], points[i + 1][1], points[i + 1][2] + row * 2.8 };
              double r = i < 2 ? 4.4 : 4.0;

              sag_scene_capsule (scene->solids, a, b, r, 4.0, CORTEX, SAG_PHANTOM_BONE);
            }
        bone_end (&bone, 1.3, 190.0);

        if (number < 10)
          {
            /* Cartilage: to the sternum, or to the one above at the costal arch. */
            int               to = MIN (number, 6);
            double           *last = points[n - 1];
            double            target_z = sternum_z[to] - (number > 6 ? 10.0 * (number - 6) : 0.0);
            SagPhantomContour cage;
            double            previous[3] = { last[0], last[1], last[2] };
            double            reach = number > 6 ? 24.0 + 12.0 * (number - 6) : 15.0;

            for (int i = 1; i <= 8; i++)
              {
                double t = i / 8.0;
                double x = last[0] + (side * reach - last[0]) * t;
                double z = last[2] + (target_z - last[2]) * t * t * (1.6 - 0.6 * t);
                double y, u;
                double next[3];

                sag_phantom_cage (scene, z, &cage);
                u = CLAMP (fabs (x) / (cage.width + 5.2), 0.0, 0.98);
                y = -(cage.front + 5.2) * sqrt (1.0 - u * u);
                next[0] = x;
                next[1] = i < 3 ? previous[1] + (y - previous[1]) * 0.5 : y;
                next[2] = z;
                sag_scene_capsule (scene->solids, previous, next, 5.2, 5.2,
                                   95.0 + sag_phantom_jitter (random, 25.0), 0)
                    ->texture = 30.0;
                memcpy (previous, next, sizeof next);
              }
          }
      }
}

static void
build_sternum (SagPhantomScene *scene)
{
  Bone bone = bone_begin (scene);

  for (double z = -96; z < 58; z += 6)
    {
      double            half = z > 12 ? 13.0 + 0.22 * (z - 12) : z < -80 ? 6.0 : 11.0 - 0.04 * z;
      SagPhantomContour low, high;

      if (z > 4 && z < 14)
        continue; /* the sternal angle is a joint */
      sag_phantom_cage (scene, z, &low);
      sag_phantom_cage (scene, z + 6, &high);
      for (double x = -half; x <= half + 0.1; x += half / 6.0)
        {
          double a[3] = { x, -low.front - 6.5 + x * x * 0.006, z };
          double b[3] = { x, -high.front - 6.5 + x * x * 0.006, z + 6 };

          sag_scene_capsule (scene->solids, a, b, 5.4, 5.4, CORTEX - 150, SAG_PHANTOM_BONE);
        }
    }
  bone_end (&bone, 1.3, 110.0);
}

/* A point of the shoulder blade: it glides on the cage. u: 0 spinal border .. 1 joint; v: 0 lower
 * tip .. 1. */
static void
blade_point (const SagPhantomScene *scene, double side, double u, double v, double point[3])
{
  gboolean          up = scene->spec.arms == SAG_PHANTOM_ARMS_UP;
  double            low = up ? 0.42 : 0.30;
  double            spinal = (up ? 0.30 : 0.22) + (low - (up ? 0.30 : 0.22)) * (1 - v);
  double            angle = (spinal + u * (0.06 + 0.20 * v)) * SAG_PHANTOM_PI;
  double            x = sag_phantom_sin (angle), y = sag_phantom_cos (angle);
  double            z = (up ? -38.0 : -52.0) + v * (up ? 118.0 : 128.0) + u * v * (up ? 14.0 : 0.0);
  SagPhantomContour cage;
  double            r;

  sag_phantom_cage (scene, MIN (z, 18.0), &cage);
  r = sag_phantom_contour_radius (&cage, x, y) + 15.0 + 9.0 * u * v;
  point[0] = side * x * r;
  point[1] = y * r;
  point[2] = z;
}

static void
build_shoulders (SagPhantomScene *scene)
{
  gboolean up = scene->spec.arms == SAG_PHANTOM_ARMS_UP;
  GArray  *list = scene->solids;

  for (int side = -1; side <= 1; side += 2)
    {
      Bone   bone = bone_begin (scene);
      double previous[3], next[3], joint[3], acromion[3], inner[3], outer[3];
      double head[3] = { side * (up ? 146.0 : 158.0), up ? 8.0 : 12.0, up ? 112.0 : 74.0 };
      double elbow[3] = { side * (up ? 178.0 : 200.0), up ? -18.0 : 14.0, up ? 300.0 : -190.0 };

      /* Blade: lines from the spinal border to the outer one, close enough to make a sheet. */
      for (double v = 0; v <= 1.0; v += 0.022)
        for (int i = 0; i <= 6; i++)
          {
            double u = i / 6.0;

            blade_point (scene, side, u, v, next);
            if (i > 0)
              sag_scene_capsule (list, previous, next, i == 1 || i == 6 ? 2.6 : 1.5,
                                 i == 6 ? 3.2 : 1.5, CORTEX, SAG_PHANTOM_BONE);
            memcpy (previous, next, sizeof next);
          }
      /* Its spine, the joint and the acromion. */
      blade_point (scene, side, 0.0, 0.80, previous);
      blade_point (scene, side, 1.0, 0.98, acromion);
      acromion[1] += 14;
      acromion[2] += 10;
      sag_scene_capsule (list, previous, acromion, 2.4, 5.5, CORTEX, SAG_PHANTOM_BONE);
      blade_point (scene, side, 1.0, 0.95, joint);
      for (int i = 0; i < 3; i++)
        joint[i] += (head[i] - joint[i]) * 0.35;
      blade_point (scene, side, 0.9, 0.95, previous);
      sag_scene_capsule (list, previous, joint, 6.0, 11.0, CORTEX, SAG_PHANTOM_BONE);
      bone_end (&bone, 1.5, 230.0);

      sag_scene_ellipsoid (list, head[0], head[1], head[2], 23, 23, 23, CORTEX - 120,
                           SAG_PHANTOM_BONE);
      sag_scene_ellipsoid (list, head[0], head[1], head[2], 21.3, 21.3, 21.3, 190, SAG_PHANTOM_BONE)
          ->texture = 45;
      sag_scene_capsule (list, head, elbow, 14, 11.5, 1100, SAG_PHANTOM_BONE);
      sag_scene_capsule (list, head, elbow, 9.5, 6.5, 20, SAG_PHANTOM_BONE);

      /* Collar bone, bent like an S. */
      bone = bone_begin (scene);
      inner[0] = side * 17.0;
      inner[1] = -52.0;
      inner[2] = 60.0;
      outer[0] = acromion[0] * 0.96;
      outer[1] = acromion[1] - 40.0;
      outer[2] = up ? 128.0 : 92.0;
      memcpy (previous, inner, sizeof inner);
      for (int i = 1; i <= 10; i++)
        {
          double t = i / 10.0;

          for (int axis = 0; axis < 3; axis++)
            next[axis] = inner[axis] + (outer[axis] - inner[axis]) * t;
          next[1] += -9.0 * sag_phantom_sin (t * 2.0 * SAG_PHANTOM_PI);
          sag_scene_capsule (list, previous, next, i == 1 ? 9.0 : 6.2, 6.0, CORTEX + 150,
                             SAG_PHANTOM_BONE);
          memcpy (previous, next, sizeof next);
        }
      bone_end (&bone, 1.9, 160.0);
    }
}

void
sag_phantom_build_bones (SagPhantomScene *scene)
{
  build_shoulders (scene);
  build_ribs (scene);
  build_sternum (scene);
  for (int number = -5; number < 16; number++)
    build_vertebra (scene, number);
}
