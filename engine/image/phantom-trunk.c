/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom-trunk.c: the trunk's contours, the diaphragm, and the lungs as the space they leave.
 */
#include "engine/image/phantom-scene.h"

typedef struct
{
  double z, width, front, back;
} Ring;

/* Half extents in mm by height above the carina, of an adult of 172 cm. */
static const Ring cage_rings[] = {
  { -330, 118, 84, 64 }, { -270, 126, 94, 72 }, { -220, 132, 97, 82 }, { -165, 136, 95, 91 },
  { -110, 136, 90, 95 }, { -60, 133, 84, 96 },  { -20, 127, 79, 94 },  { 20, 117, 70, 89 },
  { 50, 103, 58, 81 },   { 75, 87, 43, 69 },    { 95, 70, 26, 57 },    { 110, 52, 14, 46 },
  { 125, 36, 10, 34 },   { 160, 26, 10, 26 },   { 230, 24, 10, 24 },
};

static const Ring wall_rings[] = {
  { -330, 138, 100, 102 }, { -270, 143, 107, 108 }, { -220, 147, 108, 113 },
  { -165, 150, 106, 119 }, { -110, 151, 101, 121 }, { -60, 153, 97, 122 },
  { -20, 158, 96, 122 },   { 20, 166, 92, 121 },    { 50, 171, 81, 118 },
  { 75, 166, 69, 112 },    { 95, 149, 60, 105 },    { 110, 128, 54, 99 },
  { 125, 104, 52, 93 },    { 145, 76, 50, 85 },     { 170, 60, 48, 73 },
  { 230, 56, 50, 67 },
};

static const double spine_line[][2] = { { -330, 36 }, { -220, 45 }, { -160, 50 }, { -110, 55 },
                                        { -60, 59 },  { 0, 58 },    { 50, 49 },   { 90, 38 },
                                        { 125, 29 },  { 230, 18 } };

/* Rounds the corners between two rings: weight of the upper one. */
static double
between (double low, double high, double z)
{
  double t = CLAMP ((z - low) / (high - low), 0.0, 1.0);

  return t + 0.35 * t * (1.0 - t) * (2.0 * t - 1.0);
}

static void
rings_at (const Ring *rings, int n, double z, SagPhantomContour *contour)
{
  int    i = 0;
  double t;

  while (i < n - 2 && z > rings[i + 1].z)
    i++;
  t = between (rings[i].z, rings[i + 1].z, z);
  contour->width = rings[i].width + t * (rings[i + 1].width - rings[i].width);
  contour->front = rings[i].front + t * (rings[i + 1].front - rings[i].front);
  contour->back = rings[i].back + t * (rings[i + 1].back - rings[i].back);
}

void
sag_phantom_cage (const SagPhantomScene *scene, double z, SagPhantomContour *contour)
{
  rings_at (cage_rings, G_N_ELEMENTS (cage_rings), z, contour);
  contour->front *= scene->barrel;
  contour->square = 0.22 * (1.0 - sag_phantom_smooth (60, 110, z));
}

void
sag_phantom_wall (const SagPhantomScene *scene, double z, SagPhantomContour *contour)
{
  double grow;

  rings_at (wall_rings, G_N_ELEMENTS (wall_rings), z, contour);
  /* A strong patient has thicker muscles, not a wider cage. */
  grow = scene->muscle - 52.0;
  contour->width += grow;
  contour->back += 0.6 * grow;
  contour->front = contour->front * (1.0 + 0.8 * (scene->barrel - 1.0));
  contour->square = 0.36 * (1.0 - sag_phantom_smooth (90, 150, z));
  if (scene->spec.arms == SAG_PHANTOM_ARMS_DOWN)
    contour->width -= 10.0 * sag_phantom_smooth (-20, 60, z);
}

static double
contour_norm (const SagPhantomContour *c, double x, double y)
{
  double u = x / c->width;
  double v = y / (y < 0 ? c->front : c->back);
  double u2 = u * u, v2 = v * v;
  double round = sqrt (u2 + v2);

  return round + (sqrt (sqrt (u2 * u2 + v2 * v2)) - round) * c->square;
}

double
sag_phantom_contour_distance (const SagPhantomContour *contour, double x, double y)
{
  double r = sqrt (x * x + y * y);
  double f = contour_norm (contour, x, y);

  return f < 1e-3 ? -contour->front : r - r / f;
}

double
sag_phantom_contour_radius (const SagPhantomContour *contour, double x, double y)
{
  return 1.0 / contour_norm (contour, x, y);
}

double
sag_phantom_fat (const SagPhantomScene *scene, double x, double y, double z)
{
  double belly = 1.0 - sag_phantom_smooth (-170, -60, z);
  double neck = sag_phantom_smooth (90, 150, z);
  double t = 0.75 + 0.25 * x * x;

  t += y < 0 ? y * y * (0.15 + 0.75 * belly) : -y * y * (0.25 - 0.3 * belly);
  if (scene->spec.female)
    t += 0.15;
  return 1.5 + scene->spec.fat_mm * t * (1.0 - 0.55 * neck);
}

double
sag_phantom_spine_y (double z)
{
  int    i = 0;
  double t;

  while (i < (int)G_N_ELEMENTS (spine_line) - 2 && z > spine_line[i + 1][0])
    i++;
  t = between (spine_line[i][0], spine_line[i + 1][0], z);
  return spine_line[i][1] + t * (spine_line[i + 1][1] - spine_line[i][1]);
}

double
sag_phantom_diaphragm (const SagPhantomScene *scene, int side, double x, double y)
{
  double sign = side == 0 ? 1.0 : -1.0;
  double u = (sign * x - 62.0) / 76.0;
  double v = y < -8.0 ? (y + 8.0) / 84.0 : (y + 8.0) / 100.0;
  double u2 = u * u, v2 = v * v;
  double fall = (u > 0 ? 58.0 : 10.0) * u2 + (v > 0 ? 74.0 : 36.0) * v2;

  return scene->dome[side] - fall * (0.45 + 0.55 * MIN (u2 + v2, 2.0));
}

double
sag_phantom_diaphragm_both (const SagPhantomScene *scene, double x, double y)
{
  double left = sag_phantom_smooth (-26, 26, x);

  if (left >= 1.0)
    return sag_phantom_diaphragm (scene, 0, x, y);
  if (left <= 0.0)
    return sag_phantom_diaphragm (scene, 1, x, y);
  return left * sag_phantom_diaphragm (scene, 0, x, y)
         + (1.0 - left) * sag_phantom_diaphragm (scene, 1, x, y);
}

double
sag_phantom_liver (double x, double y, double z, double cage, double dome)
{
  double d = sag_phantom_smax (cage + 3.0, (z - dome + 3.5) * 0.85, 6.0);
  double left = (x - (34.0 - 0.45 * y + 0.45 * (z + 120.0))) * 0.8;
  double behind = (y - (26.0 - (x > -30.0 ? 0.55 : 2.2) * (x + 30.0))) * (x > -30.0 ? 0.85 : 0.45);
  double below = (-205.0 + 0.42 * x - z) * 0.9;

  d = sag_phantom_smax (d, left, 14.0);
  d = sag_phantom_smax (d, behind, 14.0);
  return sag_phantom_smax (d, below, 16.0);
}

double
sag_phantom_lung (const SagPhantomScene *scene,
                  int                    side,
                  double                 x,
                  double                 y,
                  double                 z,
                  double                 cage,
                  const SagShape *const *pushers,
                  int                    n,
                  double                *fluid)
{
  double sign = side == 0 ? 1.0 : -1.0;
  double d, apex, space, ax, ay, az;
  double middle =
      scene->middle[0] + (scene->middle[1] - scene->middle[0]) * sag_phantom_smooth (-45, 25, y);
  double half = scene->septum + 13.0 * sag_phantom_smooth (45, 85, z)
                + 4.0 * (1.0 - sag_phantom_smooth (-90, -40, z));

  d = sag_phantom_smax (cage + 1.2, half - sign * (x - middle), 8.0);

  ax = (sign * x - 50.0) / 66.0;
  ay = (y - 14.0) / 100.0;
  az = MAX (z - 20.0, 0.0) / 93.0;
  apex = (sqrt (ax * ax + ay * ay + az * az) - 1.0) * 62.0;
  if (z > 20.0)
    d = sag_phantom_smax (d, apex, 12.0);

  for (int i = 0; i < n; i++)
    {
      double push = pushers[i]->margin - sag_shape_distance (pushers[i], x, y, z);

      if (push > d - 10.0)
        d = sag_phantom_smax (d, push, 7.0);
    }
  space = d;
  d = sag_phantom_smax (d, (sag_phantom_diaphragm (scene, side, x, y) - z) * 0.7, 5.0);
  space = MAX (space, (sag_phantom_diaphragm (scene, side, x, y) - z) * 0.7);
  if (fluid != NULL)
    *fluid = 1e3;
  if (scene->fluid[side] < 1e3)
    {
      /* Dependent, with a meniscus that climbs along the chest wall. */
      double climb = 12.0 * sag_phantom_smooth (-25, 0, cage);
      double depth = -scene->up * y - scene->fluid[side] + climb - 0.25 * MAX (z + 110.0, 0.0);

      if (fluid != NULL)
        *fluid = MAX (space, -depth);
      d = sag_phantom_smax (d, depth, 4.0);
    }
  return d;
}
